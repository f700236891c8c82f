//! What is asked and answered of measures and of the log.

use utoipa::ToSchema;

/// What a measure is taken against.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::http) enum Against {
    /// A video; `id` is its id.
    Video,
    /// All by a creator; `id` is `site/id`.
    Creator,
    /// What a person says; `id` is their key.
    Person,
    /// All of a node and its people; `id` is its id.
    Node,
}

/// What is to be done.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::http) enum MeasureAction {
    /// It is shown, whatever lists say.
    Lift,
    /// It is shown to moderators alone.
    Hide,
    /// Nobody gets it.
    TakeDown,
}

/// A measure that a moderator takes.
#[derive(ToSchema)]
pub(in crate::http) struct NewMeasure {
    /// Against what.
    kind: Against,
    /// Which.
    id: String,
    /// What is to be done.
    action: MeasureAction,
    /// Why; may be empty for `lift` alone.
    #[schema(required = false)]
    reason: String,
    /// Whether others hear of it.
    #[schema(required = false)]
    tell: bool,
}

/// How much a list counts.
#[derive(ToSchema)]
pub(in crate::http) struct Weight {
    /// 0 for not at all.
    #[schema(minimum = 0, maximum = 100)]
    weight: u32,
}

/// How much the lists that agree must weigh.
#[derive(ToSchema)]
pub(in crate::http) struct Threshold {
    /// The sum of their weights.
    #[schema(minimum = 1, maximum = 100)]
    threshold: u32,
}

/// What stands, and whose lists count.
#[derive(ToSchema)]
pub(in crate::http) struct Measures {
    /// How much the lists that agree must weigh.
    threshold: u32,
    /// The lists, this node's own first.
    lists: Vec<ModerationList>,
    /// What counts here.
    standing: Vec<MeasureStanding>,
}

/// The list of a node.
#[derive(ToSchema)]
pub(in crate::http) struct ModerationList {
    /// Whose.
    node: String,
    /// What it is called.
    name: String,
    /// Whether it is this node's own.
    here: bool,
    /// How much it counts here.
    weight: u32,
    /// Words on it.
    words: u64,
}

/// A measure that counts here.
#[derive(ToSchema)]
pub(in crate::http) struct MeasureStanding {
    /// Against what.
    kind: Against,
    /// Which.
    id: String,
    /// What is done.
    action: MeasureAction,
    /// Why.
    reason: String,
    /// Since when, in milliseconds.
    at: u64,
    /// The nodes whose words count.
    nodes: Vec<String>,
    /// What the moderator of this node is called.
    by: Option<String>,
    /// Whether others hear of it.
    told: bool,
}

/// A measure on a list.
#[derive(ToSchema)]
pub(in crate::http) struct Word {
    /// Against what.
    kind: Against,
    /// Which.
    id: String,
    /// What is wanted.
    action: MeasureAction,
    /// Why.
    reason: String,
    /// Since when, in milliseconds.
    at: u64,
}

/// The last lines of the log.
#[derive(ToSchema)]
pub(in crate::http) struct Log {
    /// The latest first.
    items: Vec<LogLine>,
    /// `before` of the page after it.
    next: Option<u64>,
}

/// A line of the log.
#[derive(ToSchema)]
pub(in crate::http) struct LogLine {
    /// Counts them from the start of the node.
    number: u64,
    /// When, in milliseconds.
    at: u64,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    level: String,
    /// The room that it comes from.
    room: String,
    /// What happened.
    text: String,
}

/// The comments of the origin.
#[derive(ToSchema)]
pub(in crate::http) struct Replies {
    /// In the site's order.
    items: Vec<Reply>,
    /// The site.
    site: String,
}

/// A comment of the origin.
#[derive(ToSchema)]
pub(in crate::http) struct Reply {
    /// What the site calls it.
    id: String,
    /// The one that it answers.
    parent: Option<String>,
    /// Who wrote it.
    author: String,
    /// What.
    text: String,
    /// When, in milliseconds.
    at: Option<u64>,
    /// How many liked it.
    likes: Option<u64>,
    /// Whether it is by who made the video.
    by_creator: bool,
}
