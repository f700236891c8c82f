//! What is answered of what people say and send.

use utoipa::ToSchema;

/// What is wrong.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::http) enum Kind {
    /// It does not play.
    Broken,
    /// Somebody's rights.
    Rights,
    /// It harms somebody.
    Harm,
    /// It is against the law.
    Unlawful,
    /// It is an advertisement.
    Spam,
    /// Something else, said in words.
    Other,
}

/// What somebody reported.
#[derive(ToSchema)]
pub(in crate::http) struct UserReport {
    /// Its id.
    id: String,
    /// When, in milliseconds.
    at: u64,
    /// Who.
    by: String,
    /// The video.
    video: String,
    /// The comment, where it is none of the video.
    comment: Option<String>,
    /// What kind of thing.
    kind: Kind,
    /// In words.
    text: String,
    /// What a moderator said.
    answer: Option<ReportAnswer>,
}

/// What a moderator said.
#[derive(ToSchema)]
pub(in crate::http) struct ReportAnswer {
    /// When, in milliseconds.
    at: u64,
    /// Who.
    by: String,
    /// What.
    text: String,
}

/// Where words stand.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::http) enum Place {
    /// They move through the picture.
    Scroll,
    /// Above.
    Top,
    /// Below.
    Bottom,
}

/// A vote.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::http) enum Vote {
    /// For it.
    Up,
    /// Against it.
    Down,
    /// Taken back.
    None,
}

/// What was voted.
#[derive(ToSchema)]
pub(in crate::http) struct Voted {
    /// Votes for it.
    up: u64,
    /// Votes against it.
    down: u64,
    /// One's own.
    vote: Vote,
}

/// What people say of a video.
#[derive(ToSchema)]
pub(in crate::http) struct Comments {
    /// The newest first, at most 2,000.
    items: Vec<Comment>,
    /// How many there are.
    count: u64,
    /// The votes.
    votes: Votes,
    /// How often it was watched.
    views: Views,
}

/// Votes.
#[derive(ToSchema)]
pub(in crate::http) struct Votes {
    /// For it.
    up: u64,
    /// Against it.
    down: u64,
}

/// How often something was watched.
#[derive(ToSchema)]
pub(in crate::http) struct Views {
    /// On this node.
    here: u64,
    /// On all.
    everywhere: u64,
}

/// A comment.
#[derive(ToSchema)]
pub(in crate::http) struct Comment {
    /// Its address.
    id: String,
    /// The person's key.
    who: String,
    /// What they are called.
    name: String,
    /// The node that keeps their account.
    node: String,
    /// When, in milliseconds.
    at: u64,
    /// Null where it is not shown.
    text: Option<String>,
    /// The comment that it answers.
    reply_to: Option<String>,
    /// Why it is not shown.
    gone: Option<String>,
}

/// Words over the picture, as players take them.
#[derive(ToSchema)]
pub(in crate::http) struct AllDanmaku {
    /// `plain`.
    form: String,
    /// By time.
    comments: Vec<Danmaku>,
}

/// Words over the picture.
#[derive(ToSchema)]
pub(in crate::http) struct Danmaku {
    /// When in the video.
    t_ms: u64,
    /// The words.
    text: String,
    /// `#rrggbb`.
    colour: String,
    /// Where.
    place: Place,
    /// `medium`.
    size: String,
    /// The person's key.
    user: String,
    /// When they were said, in milliseconds.
    sent_at: u64,
    /// Niconico's own words on how they are drawn.
    commands: Vec<String>,
    /// Their address.
    id: String,
    /// What the person is called.
    name: String,
}

/// A file that somebody sends.
#[derive(ToSchema)]
pub(in crate::http) struct Upload {
    /// Its id.
    id: String,
    /// The file's name.
    name: String,
    /// Its size.
    bytes: u64,
    /// How much of it is here.
    offset: u64,
    /// `coming`, `untitled`, `waiting`, `reading`, `taken`, `refused` or `failed`.
    state: String,
    /// Who sends it.
    by: String,
    /// When something of it changed last, in milliseconds.
    changed_at: u64,
    /// Its title.
    title: Option<String>,
    /// What it shows.
    description: Option<String>,
    /// Its tags.
    tags: Option<Vec<String>>,
    /// The video that it became.
    video: Option<String>,
    /// Why it is not taken.
    reason: Option<String>,
}
