//! The operations on requests, videos, search and sites.

use super::{
    VideoInFull,
    operation::{Op, delete, get, number, one_of, post, put, switch, text},
    shapes::{
        Id, Items, Nothing, Page, asked,
        groups::Has,
        requests::{Inspected, Judged, Queue, Request, RequestedVideo, Site},
        talk,
        videos::{Creator, Embedded, Found, Video},
    },
};

/// What people want.
pub(super) fn requests() -> Vec<Op> {
    let source = "not-a-url, url-too-long, unsupported-scheme, credentials-in-url, private-address";
    vec![
        get("/api/v1/requests", "Requests, newest first").paged().gives::<Page<Request>>(200, "They."),
        post("/api/v1/requests", "Asks for what a link names")
            .says(
                "The request is on the disk when this answers. The same source gives the same request again.",
            )
            .looks_into::<asked::NewRequest>()
            .gives::<Id>(202, "It is asked for.")
            .fails(400, source)
            .fails(400, "missing-url, bad-option")
            .fails(403, "not-a-member")
            .fails(404, "unknown-group"),
        get("/api/v1/requests/{request}", "One request")
            .gives::<Request>(200, "It.")
            .fails(404, "unknown-request"),
        post("/api/v1/requests/{request}", "Means a request otherwise from now on")
            .looks_into::<asked::RequestChange>()
            .gives::<Request>(200, "As it is now.")
            .fails(400, "bad-stand, bad-option")
            .fails(403, "not-a-member")
            .fails(404, "unknown-request"),
        delete("/api/v1/requests/{request}", "Removes a request; what is archived stays")
            .takes_nothing()
            .gives::<Nothing>(200, "Done.")
            .fails(403, "not-a-member")
            .fails(404, "unknown-request"),
        get("/api/v1/requests/{request}/videos", "Its videos, in the order in which they were found")
            .paged()
            .gives::<Page<RequestedVideo>>(200, "They.")
            .fails(404, "unknown-request"),
        post("/api/v1/requests/{request}/retry", "Tries again at once what waits or ended without success")
            .takes_nothing()
            .gives::<Request>(202, "It begins again.")
            .fails(404, "unknown-request"),
        post("/api/v1/imports", "Takes the videos of a folder on the node's machine")
            .looks_into::<asked::Import>()
            .gives::<Id>(202, "It is asked for.")
            .fails(400, "no-such-folder")
            .fails(403, "not-a-member")
            .fails(404, "unknown-group"),
        get("/api/v1/inspect", "What a link is, told before anything is archived")
            .says("With `offline=true` nobody is asked. Else the site is, and that needs the rank `trusted`.")
            .asks("url", text(), "The link.")
            .query("offline", switch(), "Whether nobody is asked.")
            .gives::<Inspected>(200, "What it is.")
            .fails(400, source)
            .fails(400, "bad-request")
            .fails(502, "site-failed")
            .fails(503, "tools-not-ready"),
    ]
}

/// What waits before it is fetched, and the sites that are asked.
pub(super) fn approvals() -> Vec<Op> {
    vec![
        get("/api/v1/approvals", "What waits for approval in a group, oldest first")
            .query("group", text(), "The group; the node's own first one where it is left out.")
            .query("category", text(), "Only what is sorted under this; empty for what is sorted under none.")
            .query("q", text(), "Only what has these words in title, creator or tags.")
            .query("limit", number(1, Some(1_000)), "How many at most; 100 where it is left out.")
            .gives::<Queue>(200, "What waits.")
            .fails(400, "bad-request")
            .fails(404, "unknown-group"),
        post("/api/v1/approvals", "Says what may be fetched and what not")
            .looks_into::<asked::Judgement>()
            .gives::<Judged>(200, "It is said.")
            .fails(400, "bad-verdict")
            .fails(403, "not-a-member")
            .fails(404, "unknown-group"),
        get("/api/v1/sites", "The source sites that were asked, or for which something is set")
            .gives::<Items<Site>>(200, "They."),
        put("/api/v1/sites/{site}/cookies", "Keeps an account's cookies for a site")
            .looks_into::<asked::Cookies>()
            .done()
            .fails(400, "bad-site, bad-cookies"),
        delete("/api/v1/sites/{site}/cookies", "Forgets the cookies for a site")
            .takes_nothing()
            .done()
            .fails(400, "bad-site"),
        post("/api/v1/sites/{site}/resume", "Asks a site at once that wants to be left alone")
            .takes_nothing()
            .done(),
    ]
}

/// What is archived.
pub(super) fn videos() -> Vec<Op> {
    vec![
        get("/api/v1/videos", "Videos, newest first by when this node heard of them")
            .paged()
            .gives::<Page<Video>>(200, "They."),
        get("/api/v1/search", "Videos that can be watched, by title, tags and creator")
            .query("q", text(), "Words that all have to be there; `docs/API.md` says what more they can be.")
            .query("site", text(), "Only of this site; any number of times.")
            .query("by", text(), "Only by this creator: `SITE/ID`.")
            .query("length", one_of(&["any", "short", "middle", "long"]), "Only of this length.")
            .query("from", number(1970, Some(9999)), "Only published in this year or later.")
            .query("to", number(1970, Some(9999)), "Only published in this year or earlier.")
            .query("gone", one_of(&["0", "1"]), "Only what the origin has no more.")
            .query("sort", sorts(), "What comes first.")
            .query("page", number(1, None), "Which page, from 1.")
            .query("limit", number(1, Some(200)), "How many on a page; 20 where it is left out.")
            .gives::<Found>(200, "What was found.")
            .fails(400, "bad-search"),
        get("/api/v1/videos/{video}", "One video with everything that is known of it")
            .gives::<VideoInFull>(200, "It.")
            .fails(403, "hidden")
            .fails(404, "unknown-video"),
        post("/api/v1/videos/{video}/keep", "Keeps a video here, whole")
            .takes_nothing()
            .gives::<Id>(202, "It is fetched.")
            .fails(404, "unknown-video"),
        delete("/api/v1/videos/{video}/keep", "Keeps it no more; what is here stays")
            .takes_nothing()
            .gives::<Id>(200, "Done.")
            .fails(404, "unknown-video"),
        post("/api/v1/videos/{video}/look", "Looks again at the origin of a video that this node captured")
            .takes_nothing()
            .gives::<Id>(202, "It is looked at.")
            .fails(404, "unknown-video")
            .fails(409, "not-captured-here"),
        post("/api/v1/videos/{video}/redo", "Makes anew what today's recipes make otherwise")
            .takes_nothing()
            .gives::<Id>(202, "It is made.")
            .fails(404, "unknown-video")
            .fails(409, "not-captured-here"),
        get("/api/v1/videos/{video}/who", "Asks the members of this node's groups who has a video")
            .gives_list::<Has>("Who has it.")
            .fails(400, "bad-video-id")
            .fails(403, "hidden")
            .fails(404, "unknown-video"),
        get("/api/v1/creators/{site}/{id}", "Who made videos at a site, and what is archived of them")
            .paged()
            .gives::<Creator>(200, "They.")
            .fails(404, "unknown-creator"),
        get("/oembed", "How a watch page is embedded elsewhere (oEmbed 1.0)")
            .asks("url", text(), "The watch page's address.")
            .query("format", text(), "`json`.")
            .query("maxwidth", number(0, Some(u32::MAX)), "Pixels at most.")
            .query("maxheight", number(0, Some(u32::MAX)), "Pixels at most.")
            .gives::<Embedded>(200, "The frame.")
            .fails(400, "bad-request")
            .fails(404, "unknown-video")
            .fails(501, "json-only"),
    ]
}

fn sorts() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    one_of(&["relevance", "added", "newest", "oldest", "longest", "shortest", "views", "rating"])
}

/// What people say of videos, and what moderators do about it.
pub(super) fn talk() -> Vec<Op> {
    vec![
        get("/api/v1/videos/{video}/comments", "What people say of a video, the newest first")
            .gives::<talk::Comments>(200, "It.")
            .fails(403, "hidden")
            .fails(404, "unknown-video"),
        post("/api/v1/videos/{video}/comments", "Says something of a video")
            .takes::<asked::NewComment>()
            .gives::<Id>(201, "It is said.")
            .fails(400, "bad-text")
            .fails(403, "account-needed, not-a-member, hidden")
            .fails(404, "unknown-video, unknown-act")
            .fails(429, "too-much"),
        delete("/api/v1/comments/{act}", "Takes back one's own words, or hides another's as a moderator")
            .takes::<asked::Reason>()
            .done()
            .fails(400, "bad-text")
            .fails(403, "account-needed, not-allowed, not-a-member")
            .fails(404, "unknown-act, unknown-video")
            .fails(429, "too-much"),
        get("/api/v1/videos/{video}/danmaku", "What people said over the picture, as players take it")
            .gives::<talk::AllDanmaku>(200, "It.")
            .fails(403, "hidden")
            .fails(404, "unknown-video"),
        post("/api/v1/videos/{video}/danmaku", "Says something over the picture")
            .takes::<asked::NewDanmaku>()
            .gives::<Id>(201, "It is said.")
            .fails(400, "bad-text")
            .fails(403, "account-needed, not-a-member, hidden")
            .fails(404, "unknown-video")
            .fails(429, "too-much"),
        post("/api/v1/videos/{video}/vote", "Votes for a video or against it")
            .takes::<asked::NewVote>()
            .gives::<talk::Voted>(200, "The votes now.")
            .fails(403, "account-needed, not-a-member, hidden")
            .fails(404, "unknown-video")
            .fails(429, "too-much"),
        post("/api/v1/videos/{video}/view", "Somebody watched it")
            .says("Again from the same address it counts once in half an hour.")
            .takes_nothing()
            .done()
            .fails(403, "hidden")
            .fails(404, "unknown-video"),
        post(
            "/api/v1/videos/{video}/reports",
            "Tells the moderators what is wrong with a video or a comment on it",
        )
        .takes::<asked::NewReport>()
        .gives::<Id>(201, "They are told.")
        .fails(400, "bad-report")
        .fails(403, "account-needed, hidden")
        .fails(404, "unknown-video, unknown-act")
        .fails(429, "too-much"),
        post("/api/v1/videos/{video}/hidden", "Hides a video from everybody below moderator on this node")
            .takes::<asked::Hide>()
            .done()
            .fails(400, "reason-needed")
            .fails(404, "unknown-video"),
        delete("/api/v1/videos/{video}/hidden", "Shows a hidden video again")
            .takes_nothing()
            .done()
            .fails(404, "unknown-video"),
        get("/api/v1/reports", "What people report, first what nobody answered")
            .query("state", one_of(&["open", "answered"]), "Only those.")
            .gives::<Items<talk::UserReport>>(200, "They.")
            .fails(400, "bad-option, bad-request"),
        post("/api/v1/reports/{report}", "Answers a report")
            .takes::<asked::Answered>()
            .gives::<talk::UserReport>(200, "With the answer.")
            .fails(400, "bad-report")
            .fails(404, "unknown-report"),
        get("/api/v1/audit", "What moderators and admins did, the latest first")
            .paged()
            .gives::<Page<super::shapes::people::Action>>(200, "It."),
    ]
}
