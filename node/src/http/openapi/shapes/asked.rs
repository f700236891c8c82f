//! What requests carry.

use std::collections::BTreeMap;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{OneOfBuilder, RefOr, Schema},
};

use super::{
    groups::{Admitted, Approve, Category, Role},
    people::{May, Rank, SignUp, Uploaders},
    requests::{Priority, Ruling, Stand},
    talk::{Kind, Place, Vote},
};

/// A link that is asked for.
#[derive(ToSchema)]
pub(in crate::http) struct NewRequest {
    /// What is to be archived: a video, a list, a tag, a channel; at most 4,096 bytes.
    #[schema(example = "https://www.nicovideo.jp/watch/sm9")]
    url: String,
    /// The group that it is for; else the node's own first one.
    group: Option<String>,
    /// How it is meant.
    options: Option<WantedOptions>,
}

/// Which videos of a source are wanted, and how; what is left out stays as it is.
#[derive(ToSchema)]
pub(in crate::http) struct WantedOptions {
    /// Whether a list is looked at again for new videos.
    follow: bool,
    /// Only so many of its first videos.
    newest: Option<u32>,
    /// Only what was published then or later: `YYYY-MM-DD` in UTC, or milliseconds.
    since: Option<Since>,
    /// Only videos with all of these words in their titles; at most 512 bytes.
    title: Option<String>,
    /// At most so many pixels.
    max_height: Option<u32>,
    /// No video that is larger, in bytes.
    max_bytes: Option<u64>,
    /// Whether picture and sound are wanted, not words alone.
    media: bool,
    /// Whether the replies below a video are kept.
    comments: bool,
    /// How often it is drawn beside other requests.
    priority: Priority,
}

/// A day or a time.
pub(in crate::http) struct Since;

impl PartialSchema for Since {
    fn schema() -> RefOr<Schema> {
        either(String::schema(), u64::schema())
    }
}

impl ToSchema for Since {}

/// What a request is from now on.
#[derive(ToSchema)]
pub(in crate::http) struct RequestChange {
    /// Whether it goes on, rests, or is wanted no more.
    stand: Option<Stand>,
    /// How it is meant.
    options: Option<WantedOptions>,
}

/// A folder of the node's own machine.
#[derive(ToSchema)]
pub(in crate::http) struct Import {
    /// Its path.
    dir: String,
    /// The group that it is for; else the node's own first one.
    group: Option<String>,
}

/// What is said of what waits for approval.
#[derive(ToSchema)]
pub(in crate::http) struct Judgement {
    /// The group; the node's own first one where it is left out or empty.
    #[schema(required = false)]
    group: String,
    /// `approved`, `refused` or `open`.
    ruling: Ruling,
    /// Ids of videos.
    #[schema(required = false)]
    videos: Vec<String>,
    /// Creators.
    #[schema(required = false)]
    creators: Vec<CreatorName>,
    /// Tags.
    #[schema(required = false)]
    tags: Vec<String>,
    /// Why; at most 1,024 bytes.
    #[schema(required = false)]
    reason: String,
}

/// A creator at a site.
#[derive(ToSchema)]
pub(in crate::http) struct CreatorName {
    /// The site.
    site: String,
    /// The site's id of them.
    id: String,
}

/// Cookies for a site.
#[derive(ToSchema)]
pub(in crate::http) struct Cookies {
    /// The text of a `cookies.txt` in Netscape's form.
    cookies: String,
}

/// What is to be verified.
#[derive(ToSchema)]
pub(in crate::http) struct Verified {
    /// One video; all there are where it is left out.
    video: Option<String>,
}

/// Why something is hidden.
#[derive(ToSchema)]
pub(in crate::http) struct Hide {
    /// Whoever looks for it reads this.
    #[schema(min_length = 1)]
    reason: String,
}

/// What is wrong with a video or a comment.
#[derive(ToSchema)]
pub(in crate::http) struct NewReport {
    /// What kind of thing.
    kind: Kind,
    /// In words, at most 500 letters; `other` needs some.
    #[schema(required = false)]
    text: String,
    /// The comment, where it is none of the video.
    comment: Option<String>,
}

/// A moderator's answer.
#[derive(ToSchema)]
pub(in crate::http) struct Answered {
    /// Whoever reported it reads this.
    #[schema(min_length = 1)]
    text: String,
}

/// A comment.
#[derive(ToSchema)]
pub(in crate::http) struct NewComment {
    /// 1 to 4,096 bytes.
    #[schema(min_length = 1)]
    text: String,
    /// The comment that it answers.
    reply_to: Option<String>,
}

/// Words over the picture.
#[derive(ToSchema)]
pub(in crate::http) struct NewDanmaku {
    /// When in the video, in milliseconds.
    at_ms: u64,
    /// 1 to 256 bytes on one line.
    #[schema(min_length = 1)]
    text: String,
    /// `0xrrggbb` as a number; white where it is left out.
    #[schema(maximum = 4_294_967_295_u64)]
    colour: Option<u32>,
    /// Where; it moves through the picture where it is left out.
    place: Option<Place>,
}

/// A vote.
#[derive(ToSchema)]
pub(in crate::http) struct NewVote {
    /// For it, against it, or taken back.
    vote: Vote,
}

/// Why words are taken away.
#[derive(ToSchema)]
pub(in crate::http) struct Reason {
    /// At most 1,024 bytes.
    #[schema(required = false)]
    reason: String,
}

/// What a file is.
#[derive(ToSchema)]
pub(in crate::http) struct UploadWords {
    /// Its title.
    #[schema(min_length = 1)]
    title: String,
    /// What it shows.
    #[schema(required = false)]
    description: String,
    /// Its tags.
    #[schema(required = false)]
    tags: Vec<String>,
    /// The group that it is for; the node's own first one where it is left out or empty.
    #[schema(required = false)]
    group: String,
}

/// A moderator's word on a file.
#[derive(ToSchema)]
pub(in crate::http) struct UploadVerdict {
    /// Whether it is taken in.
    approved: bool,
    /// Why not; a refusal needs it.
    #[schema(required = false)]
    reason: String,
}

/// A list; of one that is there what is left out stays.
#[derive(ToSchema)]
pub(in crate::http) struct NewList {
    /// Its name.
    #[schema(min_length = 1)]
    name: Option<String>,
    /// What it is about.
    about: Option<String>,
    /// Whether everybody here sees it.
    public: Option<bool>,
    /// Ids of all its videos in their order.
    videos: Option<Vec<String>>,
}

/// Name and password.
#[derive(ToSchema)]
pub(in crate::http) struct Credentials {
    /// The account's name.
    name: String,
    /// Its password.
    password: String,
}

/// A new account.
#[derive(ToSchema)]
pub(in crate::http) struct NewPerson {
    /// 2 to 32 letters or digits.
    #[schema(min_length = 2, max_length = 32)]
    name: String,
    /// 8 to 256 letters.
    #[schema(min_length = 8, max_length = 256)]
    password: String,
    /// An invitation's; not needed where anybody may come.
    #[schema(required = false)]
    code: String,
}

/// An old password and a new one.
#[derive(ToSchema)]
pub(in crate::http) struct Passwords {
    /// The one that holds.
    old: String,
    /// The one that is to hold.
    new: String,
}

/// The password, so that nobody else does this.
#[derive(ToSchema)]
pub(in crate::http) struct Password {
    /// The account's.
    password: String,
}

/// A search, as it stands behind `/search?`.
#[derive(ToSchema)]
pub(in crate::http) struct Search {
    /// Words and filters.
    #[schema(min_length = 1, example = "q=piano&site=niconico")]
    search: String,
}

/// Whether the history rests.
#[derive(ToSchema)]
pub(in crate::http) struct Rest {
    /// Nothing more is remembered.
    paused: bool,
}

/// A token for a program.
#[derive(ToSchema)]
pub(in crate::http) struct NewToken {
    /// What it is for.
    #[schema(min_length = 1)]
    name: String,
    /// `read`, or the rank that it acts with, at most its owner's.
    may: May,
    /// How long it lasts: 1 to 3,650; a year where it is left out.
    #[schema(minimum = 1, maximum = 3650)]
    days: Option<u64>,
}

/// What an account is from now on; what is left out stays.
#[derive(ToSchema)]
pub(in crate::http) struct PersonChange {
    /// Another rank.
    rank: Option<Rank>,
    /// A reason locks the account, `false` lets them in again.
    locked: Option<Lock>,
    /// A new password, which ends all sessions.
    password: Option<String>,
}

/// A reason, or whether.
pub(in crate::http) struct Lock;

impl PartialSchema for Lock {
    fn schema() -> RefOr<Schema> {
        either(String::schema(), bool::schema())
    }
}

impl ToSchema for Lock {}

/// An invitation.
#[derive(ToSchema)]
pub(in crate::http) struct NewInvitation {
    /// The rank of who comes with it; a viewer's where it is left out.
    rank: Option<Rank>,
    /// For how many people: 1 to 1,000, one where it is left out.
    #[schema(minimum = 1, maximum = 1000)]
    uses: Option<u32>,
    /// How long it works: 1 to 365 days, 7 where it is left out.
    #[schema(minimum = 1, maximum = 365)]
    days: Option<u64>,
}

/// How the node takes people in; what is left out stays.
#[derive(ToSchema)]
pub(in crate::http) struct NewHouse {
    /// Who may make an account.
    sign_up: Option<SignUp>,
    /// Whether people without one may watch from everywhere.
    visitors: Option<bool>,
    /// Who may send files.
    uploads: Option<Uploaders>,
}

/// A page of the house.
#[derive(ToSchema)]
pub(in crate::http) struct NewPage {
    /// In Markdown, at most 100,000 bytes; nothing brings the usual words back.
    text: String,
}

/// Settings by their keys.
#[derive(ToSchema)]
pub(in crate::http) struct NewSettings(BTreeMap<String, Option<String>>);

/// Another node.
#[derive(ToSchema)]
pub(in crate::http) struct NewNode {
    /// A multiaddress that ends with `/p2p/ID`.
    #[schema(example = "/ip4/192.0.2.7/tcp/4150/p2p/12D3KooWKRyzVWW6ChFjQjK4miCty85Niy48tpPV95XdKu1BcvMA")]
    address: String,
}

/// A group.
#[derive(ToSchema)]
pub(in crate::http) struct NewGroup {
    /// 1 to 512 bytes.
    #[schema(min_length = 1)]
    name: String,
    /// Whether only its members know of it.
    #[schema(required = false)]
    private: bool,
}

/// A ticket of a group.
#[derive(ToSchema)]
pub(in crate::http) struct Ticket {
    /// As its maker gave it.
    ticket: String,
}

/// What a node is in a group.
#[derive(ToSchema)]
pub(in crate::http) struct NewRole {
    /// Its role.
    role: Role,
}

/// A ticket that is made.
#[derive(ToSchema)]
pub(in crate::http) struct NewTicket {
    /// What a node becomes by it; a member where it is left out.
    #[schema(required = false)]
    role: Admitted,
    /// How long it works: at most a year, a week where it is left out.
    #[schema(minimum = 1)]
    expires_s: Option<u64>,
    /// For how many nodes; one where it is left out.
    #[schema(minimum = 1, required = false)]
    uses: u32,
}

/// Which videos wait, and how they are sorted; what is left out stays.
#[derive(ToSchema)]
pub(in crate::http) struct NewRules {
    /// Which wait for approval.
    approve: Option<Approve>,
    /// At most 64.
    categories: Option<Vec<Category>>,
}

fn either(one: RefOr<Schema>, other: RefOr<Schema>) -> RefOr<Schema> {
    Schema::OneOf(OneOfBuilder::new().item(one).item(other).build()).into()
}
