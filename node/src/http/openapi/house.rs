//! The operations on people, uploads, nodes, groups, and the node itself.

use axum::http::Method;

use super::{
    operation::{Op, bytes, delete, get, number, one_of, post, put, text},
    shapes::{
        Items, Nothing, asked,
        groups::{
            AddedNode, GroupState, Joined, MadeGroup, MadeTicket, Member, NodeInfo, Nodes, Policy, Rules,
            Waits,
        },
        people::{
            Account, Changed, Export, Followed, House, HousePage, Invitation, List, LoginLink,
            MadeInvitation, MadeToken, Person, Setting, Shelf, Token,
        },
        requests::{Job, Report},
        talk::Upload,
        videos::Video,
    },
};

/// Somebody's own account.
pub(super) fn account() -> Vec<Op> {
    vec![
        post("/api/v1/session", "Logs in: the answer sets the cookie `horahora_session`")
            .takes::<asked::Credentials>()
            .gives::<Person>(200, "Who it is.")
            .fails(401, "wrong-password")
            .fails(403, "locked")
            .fails(429, "too-many-tries"),
        post("/api/v1/people", "Makes an account: the answer sets the cookie `horahora_session`")
            .takes::<asked::NewPerson>()
            .gives::<Person>(201, "Who it is.")
            .fails(400, "bad-person-name, bad-password")
            .fails(403, "not-taken-in")
            .fails(409, "name-taken"),
        get("/api/v1/account", "One's own account").gives::<Account>(200, "It.").fails(403, "account-needed"),
        delete("/api/v1/account", "Removes one's own account")
            .takes::<asked::Password>()
            .done()
            .fails(401, "wrong-password")
            .fails(403, "account-needed")
            .fails(409, "last-admin")
            .fails(429, "too-many-tries"),
        post("/api/v1/account/password", "Changes the password; all other sessions end")
            .takes::<asked::Passwords>()
            .done()
            .fails(400, "bad-password")
            .fails(401, "wrong-password")
            .fails(403, "account-needed")
            .fails(429, "too-many-tries"),
        get(
            "/api/v1/account/export",
            "Everything of one's own account, with its key; for people at a browser",
        )
        .gives::<Export>(200, "It.")
        .fails(403, "account-needed, session-needed"),
        delete("/api/v1/account/session", "Logs out").takes_nothing().done(),
        delete("/api/v1/account/sessions/{session}", "Ends another session of one's own")
            .takes_nothing()
            .done()
            .fails(403, "account-needed")
            .fails(404, "unknown-person"),
        get("/api/v1/account/tokens", "One's own tokens for programs; for people at a browser")
            .gives::<Items<Token>>(200, "They.")
            .fails(403, "account-needed, session-needed"),
        post("/api/v1/account/tokens", "Makes a token for a program; for people at a browser")
            .takes::<asked::NewToken>()
            .gives::<MadeToken>(201, "It, once.")
            .fails(400, "bad-token")
            .fails(403, "account-needed, session-needed")
            .fails(409, "shelf-full"),
        delete("/api/v1/account/tokens/{token}", "Takes a token back; for people at a browser")
            .takes_nothing()
            .done()
            .fails(403, "account-needed, session-needed")
            .fails(404, "unknown-token"),
        get("/api/v1/account/reports", "What one reported oneself, with what was answered")
            .gives::<Items<super::shapes::talk::UserReport>>(200, "It.")
            .fails(403, "account-needed"),
    ]
}

/// What somebody keeps for themselves.
pub(super) fn shelves() -> Vec<Op> {
    let from = || number(0, None);
    vec![
        get("/api/v1/account/favourites", "What one marked, the latest first")
            .query("from", from(), "How many are left out.")
            .gives::<Shelf>(200, "48 of them.")
            .fails(400, "bad-request")
            .fails(403, "account-needed"),
        put("/api/v1/account/favourites/{video}", "Marks a video")
            .takes_nothing()
            .done()
            .fails(403, "account-needed")
            .fails(404, "unknown-video")
            .fails(409, "shelf-full"),
        delete("/api/v1/account/favourites/{video}", "Marks it no more")
            .takes_nothing()
            .done()
            .fails(403, "account-needed")
            .fails(404, "unknown-video"),
        get("/api/v1/account/history", "What one watched, the latest first")
            .query("from", from(), "How many are left out.")
            .gives::<Shelf>(200, "48 of them.")
            .fails(400, "bad-request")
            .fails(403, "account-needed"),
        post("/api/v1/account/history", "Lets the history rest, or go on")
            .takes::<asked::Rest>()
            .done()
            .fails(403, "account-needed"),
        delete("/api/v1/account/history", "Forgets all of it")
            .takes_nothing()
            .done()
            .fails(403, "account-needed"),
        delete("/api/v1/account/history/{video}", "Forgets one video")
            .takes_nothing()
            .done()
            .fails(403, "account-needed")
            .fails(404, "unknown-video"),
        get("/api/v1/account/following", "The searches that one follows")
            .gives::<Items<Followed>>(200, "They.")
            .fails(403, "account-needed"),
        post("/api/v1/account/following", "Follows a search")
            .takes::<asked::Search>()
            .done()
            .fails(400, "bad-search")
            .fails(403, "account-needed")
            .fails(409, "shelf-full"),
        delete("/api/v1/account/following", "Follows a search no more")
            .takes::<asked::Search>()
            .done()
            .fails(400, "bad-search")
            .fails(403, "account-needed"),
        get("/api/v1/account/following/videos", "The 48 videos of all of them that were archived last")
            .gives::<Items<Video>>(200, "They.")
            .fails(403, "account-needed"),
        get("/api/v1/account/lists", "One's own lists, the last changed first")
            .gives::<Items<List>>(200, "They.")
            .fails(403, "account-needed"),
        post("/api/v1/account/lists", "Makes a list")
            .takes::<asked::NewList>()
            .gives::<List>(201, "It.")
            .fails(400, "bad-list-name, unknown-video")
            .fails(403, "account-needed")
            .fails(409, "shelf-full"),
        get("/api/v1/lists/{list}", "One list").gives::<List>(200, "It.").fails(404, "unknown-list"),
        post("/api/v1/lists/{list}", "Changes what is named of a list")
            .takes::<asked::NewList>()
            .gives::<List>(200, "As it is now.")
            .fails(400, "bad-list-name, unknown-video")
            .fails(403, "account-needed")
            .fails(404, "unknown-list")
            .fails(409, "shelf-full"),
        delete("/api/v1/lists/{list}", "Removes a list; its videos stay")
            .takes_nothing()
            .done()
            .fails(403, "account-needed")
            .fails(404, "unknown-list"),
    ]
}

/// Files that people send, by tus 1.0.0.
pub(super) fn uploads() -> Vec<Op> {
    let piece = "application/offset+octet-stream";
    let version = || one_of(&["1.0.0"]);
    let spoken = ("Tus-Resumable", version(), "The version that is spoken.");
    let offset = ("Upload-Offset", number(0, None), "How many bytes are here.");
    let length = ("Upload-Length", number(0, None), "How many there are.");
    let told = "Pairs of a key and a value in base64: `filename`, and perhaps `title`, `description`, `tags`, `group`.";
    vec![
        get("/api/v1/uploads", "One's own files, the latest first; or those that wait for a moderator")
            .query("of", one_of(&["waiting"]), "Those of all people that wait; for moderators.")
            .gives::<Items<Upload>>(200, "They.")
            .fails(400, "bad-option, bad-request"),
        post("/api/v1/uploads", "Begins to send a file")
            .reads("Tus-Resumable", version(), "The version that is spoken.")
            .needs("Upload-Length", number(0, None), "How many bytes it has.")
            .reads("Upload-Metadata", text(), told)
            .may_take(piece, bytes())
            .tells(
                201,
                "It has begun.",
                &[spoken.clone(), offset.clone(), ("Location", text(), "Where its pieces are sent.")],
            )
            .fails(400, "bad-number, bad-metadata, bad-file, bad-words, upload-cut")
            .fails(403, "uploads-closed")
            .fails(404, "unknown-group")
            .fails(409, "too-many-uploads, wrong-offset, upload-settled")
            .fails(412, "other-version")
            .fails(413, "too-large")
            .fails(423, "upload-busy")
            .fails(507, "disk-full"),
        Op::new(Method::OPTIONS, "/api/v1/uploads", "What of the protocol is spoken here").tells(
            204,
            "It.",
            &[
                spoken.clone(),
                ("Tus-Version", text(), "The versions that are spoken."),
                ("Tus-Extension", text(), "Its extensions."),
            ],
        ),
        get("/api/v1/uploads/{upload}", "One file").gives::<Upload>(200, "It.").fails(404, "unknown-upload"),
        Op::new(Method::HEAD, "/api/v1/uploads/{upload}", "How much of a file is here")
            .tells(200, "So much.", &[spoken.clone(), offset.clone(), length])
            .fails(404, "unknown-upload"),
        post("/api/v1/uploads/{upload}", "Says what a file is")
            .takes::<asked::UploadWords>()
            .gives::<Upload>(200, "As it is now.")
            .fails(400, "bad-words")
            .fails(404, "unknown-upload, unknown-group")
            .fails(409, "upload-settled")
            .fails(415, "json-needed"),
        Op::new(Method::PATCH, "/api/v1/uploads/{upload}", "Sends the next piece of a file")
            .reads("Tus-Resumable", version(), "The version that is spoken.")
            .needs("Upload-Offset", number(0, None), "Where the piece begins.")
            .body(piece, bytes())
            .tells(204, "It is here.", &[spoken.clone(), offset])
            .fails(400, "bad-number, upload-cut")
            .fails(404, "unknown-upload")
            .fails(409, "wrong-offset, upload-settled")
            .fails(412, "other-version")
            .fails(413, "too-large")
            .fails(415, "piece-needed")
            .fails(423, "upload-busy")
            .fails(507, "disk-full"),
        delete("/api/v1/uploads/{upload}", "Removes a file; what the archive has stays")
            .tells(204, "Done.", &[spoken])
            .fails(404, "unknown-upload")
            .fails(409, "upload-settled")
            .fails(423, "upload-busy"),
        get("/api/v1/uploads/{upload}/file", "What came so far, with ranges")
            .gives_a(200, "All of it.", "*/*", bytes())
            .gives_a(206, "A part of it.", "*/*", bytes())
            .tells(416, "There is no such part.", &[("Content-Range", text(), "How much there is.")])
            .fails(404, "unknown-upload"),
        put("/api/v1/uploads/{upload}/thumbnail", "Gives a file a picture of at most 8 MiB")
            .body("image/jpeg", bytes())
            .body("image/png", bytes())
            .body("image/webp", bytes())
            .done()
            .fails(400, "bad-picture")
            .fails(404, "unknown-upload")
            .fails(409, "upload-settled"),
        post("/api/v1/uploads/{upload}/verdict", "Says whether a file is taken in")
            .takes::<asked::UploadVerdict>()
            .gives::<Upload>(200, "As it is now.")
            .fails(400, "reason-needed")
            .fails(404, "unknown-upload")
            .fails(409, "upload-settled")
            .fails(415, "json-needed"),
    ]
}

/// Who is here, and how the house is kept.
pub(super) fn house() -> Vec<Op> {
    vec![
        get("/api/v1/people", "Everybody with an account").gives::<Items<Person>>(200, "They."),
        post("/api/v1/people/{person}", "Changes rank, lock or password of an account")
            .takes::<asked::PersonChange>()
            .gives::<Person>(200, "As they are now.")
            .fails(400, "bad-rank, bad-password")
            .fails(404, "unknown-person")
            .fails(409, "last-admin"),
        delete("/api/v1/people/{person}", "Removes an account")
            .takes_nothing()
            .done()
            .fails(404, "unknown-person")
            .fails(409, "last-admin"),
        get("/api/v1/invitations", "Invitations that can still be used")
            .gives::<Items<Invitation>>(200, "They."),
        post("/api/v1/invitations", "Makes an invitation")
            .takes::<asked::NewInvitation>()
            .gives::<MadeInvitation>(201, "It, once.")
            .fails(400, "bad-rank, bad-invitation"),
        get("/api/v1/house", "How the node takes people in").gives::<House>(200, "So."),
        post("/api/v1/house", "Sets how the node takes people in")
            .takes::<asked::NewHouse>()
            .gives::<House>(200, "As it is now."),
        post("/api/v1/login-links", "Makes a login link")
            .takes_nothing()
            .gives::<LoginLink>(200, "It works once."),
        get("/api/v1/pages/{page}", "What whoever runs the node says of it")
            .gives::<HousePage>(200, "It.")
            .fails(404, "unknown-path"),
        put("/api/v1/pages/{page}", "Writes such a page")
            .takes::<asked::NewPage>()
            .done()
            .fails(400, "bad-text")
            .fails(404, "unknown-path"),
        get("/api/v1/settings", "What the page's settings are in `config.toml`")
            .gives::<Items<Setting>>(200, "They."),
        post("/api/v1/settings", "Writes settings; they count after the next start")
            .takes::<asked::NewSettings>()
            .gives::<Changed>(200, "They are written.")
            .fails(400, "bad-setting"),
        post("/api/v1/restart", "Lets the node begin again")
            .takes_nothing()
            .gives::<Nothing>(202, "It does."),
    ]
}

/// This node.
pub(super) fn node() -> Vec<Op> {
    vec![
        get("/api/v1/node", "Who the node is").gives::<NodeInfo>(200, "It."),
        get("/healthz", "Whether the node serves").answers_with(
            200,
            utoipa::openapi::ResponseBuilder::new()
                .description("It does.")
                .content("text/plain", utoipa::openapi::Content::new(Some(text())))
                .header(
                    "X-Horahora-Life",
                    utoipa::openapi::header::HeaderBuilder::new()
                        .schema(Some(text()))
                        .description(Some("Another one after each start."))
                        .build(),
                )
                .build(),
        ),
        get("/api/v1/jobs", "Jobs that are not ended").gives::<Items<Job>>(200, "They."),
        post("/api/v1/verify", "Reads every blob and checks it; takes as long as reading all takes")
            .looks_into::<asked::Verified>()
            .gives::<Report>(200, "What is all right and what is not.")
            .fails(400, "bad-video-id"),
        get("/api/v1/events", "What changes, as server-sent events, until the node stops").gives_a(
            200,
            "Events `tools`, `request`, `job`, `video`, `node` and others, each with an object as its data.",
            "text/event-stream",
            text(),
        ),
        get("/api/v1/openapi.json", "This document").gives::<Nothing>(200, "OpenAPI 3.1."),
    ]
}

/// Other nodes, and groups of them.
pub(super) fn groups() -> Vec<Op> {
    vec![
        get("/api/v1/nodes", "Other nodes, those connected first").gives::<Nodes>(200, "They."),
        post("/api/v1/nodes", "Connects to a node and follows its public groups")
            .looks_into::<asked::NewNode>()
            .gives::<AddedNode>(202, "It is called.")
            .fails(400, "bad-address"),
        delete("/api/v1/nodes/{node}", "Forgets a node")
            .takes_nothing()
            .gives::<Nothing>(200, "Done.")
            .fails(404, "unknown-node"),
        get("/api/v1/groups", "The groups that this node is in or follows").gives_list::<GroupState>("They."),
        post("/api/v1/groups", "Makes a group")
            .looks_into::<asked::NewGroup>()
            .gives::<MadeGroup>(201, "It.")
            .fails(400, "bad-name, too-many-groups"),
        post("/api/v1/groups/join", "Redeems a ticket")
            .looks_into::<asked::Ticket>()
            .gives::<Joined>(200, "This node is in.")
            .gives::<Waits>(202, "No node that it names could be asked; it is tried again.")
            .fails(400, "bad-ticket, too-many-groups")
            .fails(409, "ticket-expired, ticket-refused"),
        delete("/api/v1/groups/{group}", "Forgets a group that this node is not in")
            .takes_nothing()
            .gives::<Nothing>(200, "Done.")
            .fails(404, "unknown-group")
            .fails(409, "still-a-member"),
        get("/api/v1/groups/{group}/members", "Who is in a group, this node first")
            .gives_list::<Member>("They.")
            .fails(404, "unknown-group"),
        post("/api/v1/groups/{group}/members/{node}", "Gives a node another role")
            .looks_into::<asked::NewRole>()
            .gives::<Nothing>(200, "Done.")
            .fails(400, "bad-role, bad-node-id")
            .fails(403, "not-allowed")
            .fails(404, "unknown-group"),
        delete("/api/v1/groups/{group}/members/{node}", "Removes a node from a group")
            .takes_nothing()
            .gives::<Nothing>(200, "Done.")
            .fails(400, "bad-node-id")
            .fails(403, "not-allowed")
            .fails(404, "unknown-group"),
        post("/api/v1/groups/{group}/invites", "Makes a ticket")
            .looks_into::<asked::NewTicket>()
            .gives::<MadeTicket>(201, "It.")
            .fails(400, "bad-invitation")
            .fails(403, "not-allowed")
            .fails(404, "unknown-group"),
        post("/api/v1/groups/{group}/leave", "Leaves a group; what is here of it stays")
            .takes_nothing()
            .gives::<Nothing>(200, "Done.")
            .fails(403, "not-allowed")
            .fails(404, "unknown-group"),
        get("/api/v1/groups/{group}/policy", "Who may invite")
            .gives::<Policy>(200, "It.")
            .fails(404, "unknown-group"),
        post("/api/v1/groups/{group}/policy", "Sets who may invite")
            .looks_into::<Policy>()
            .gives::<Policy>(200, "As it is now.")
            .fails(400, "bad-policy")
            .fails(403, "not-allowed")
            .fails(404, "unknown-group"),
        get("/api/v1/groups/{group}/rules", "Which videos wait for approval, and how they are sorted")
            .gives::<Rules>(200, "So.")
            .fails(404, "unknown-group"),
        post("/api/v1/groups/{group}/rules", "Sets a group's rules")
            .looks_into::<asked::NewRules>()
            .gives::<Rules>(200, "As they are now.")
            .fails(400, "bad-rules")
            .fails(403, "not-allowed")
            .fails(404, "unknown-group"),
    ]
}
