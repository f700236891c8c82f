//! Tables and rows of this node's own house: what people keep for themselves, and what its moderators did.

use horahora_protocol::{
    Cid, NodeId, Timestamp, VideoId,
    moderation::{Action, Target},
};
use serde::{Deserialize, Serialize};

use crate::{
    people::{House, TokenRow},
    store::Table,
};

/// What people keep for themselves: favourites and history under `person ‖ f or h ‖ video`, searches under `person ‖ s ‖ search`, lists
/// that they made under `person ‖ l ‖ list`.
pub const SHELVES: Table<Timestamp> = Table::new(42);
/// Lists of videos that people make, under their ids.
pub const LISTS: Table<ListRow> = Table::new(47);

/// A row of [`LISTS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRow {
    /// Whose it is.
    pub owner: NodeId,
    /// What the owner is called.
    pub owner_name: String,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub about: String,
    /// Whether others may see it.
    pub public: bool,
    /// Its videos, in its order.
    pub videos: Vec<VideoId>,
    /// When it was last changed.
    pub at: Timestamp,
}

/// How the node takes people in: under [`HOUSE_KEY`].
pub const HOUSE: Table<House> = Table::new(0);
/// Key of the only row of [`HOUSE`].
pub const HOUSE_KEY: &[u8] = b"house";
/// Pages that admins write, under `page/ ‖ name`.
pub const PAGES: Table<String> = Table::new(0);
/// Tokens of people's programs, under the hash of the secret.
pub const TOKENS: Table<TokenRow> = Table::new(48);
/// Videos that earlier versions hid, under their ids: they become measures at the next start.
pub const HIDDEN: Table<HiddenRow> = Table::new(43);
/// Measures of this node and of others, under `address of the target ‖ node`.
pub const MEASURES: Table<MeasureRow> = Table::new(49);
/// Nodes whose measures count here, under their ids.
pub const TRUST: Table<TrustRow> = Table::new(50);
/// How many of them must agree: under [`THRESHOLD_KEY`].
pub const THRESHOLD: Table<u32> = Table::new(0);
/// Key of the only row of [`THRESHOLD`].
pub const THRESHOLD_KEY: &[u8] = b"threshold";
/// What moderators and admins did, under `age ‖ 4 random bytes`.
pub const ACTIONS: Table<ActionRow> = Table::new(44);

/// What people say is wrong, under the hash of what it is about and who says it.
pub const REPORTS: Table<ReportRow> = Table::new(46);

/// A row of [`REPORTS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRow {
    /// When it was said last.
    pub at: Timestamp,
    /// Whose account it is.
    pub by: NodeId,
    /// What they are called.
    pub by_name: String,
    /// The video that it is about, or whose comment.
    pub video: VideoId,
    /// The comment that it is about.
    pub comment: Option<Cid>,
    /// What kind of thing is wrong.
    pub kind: String,
    /// What is wrong, in their words.
    pub text: String,
    /// What a moderator answered, once one did.
    pub answer: Option<AnswerRow>,
}

/// A moderator's answer to a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerRow {
    /// When.
    pub at: Timestamp,
    /// What the moderator is called.
    pub by: String,
    /// What was done about it.
    pub text: String,
}

/// A row of [`HIDDEN`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HiddenRow {
    /// Since when.
    pub at: Timestamp,
    /// What the moderator is called.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A row of [`MEASURES`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureRow {
    /// Whose it is.
    pub node: NodeId,
    /// When it was taken.
    pub at: Timestamp,
    /// Against what.
    pub target: Target,
    /// What is to be done.
    pub action: Action,
    /// Why.
    pub reason: String,
    /// What the moderator is called, of this node's own.
    pub by: Option<String>,
    /// Whether other nodes hear of it.
    pub told: bool,
}

/// A row of [`TRUST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustRow {
    /// Whose list.
    pub node: NodeId,
    /// How much it counts, at least 1.
    pub weight: u32,
}

/// A row of [`ACTIONS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionRow {
    /// When.
    pub at: Timestamp,
    /// What whoever did it is called.
    pub who: String,
    /// What was done, in words.
    pub what: String,
}
