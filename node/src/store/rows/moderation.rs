//! Tables and rows of this node's own house: what people keep for themselves, and what its moderators did.

use horahora_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::Table;

/// What people keep for themselves: favourites and history under `person ‖ f or h ‖ video`, searches under `person ‖ s ‖ search`.
pub const SHELVES: Table<Timestamp> = Table::new(42);
/// Videos that are hidden here, under their ids.
pub const HIDDEN: Table<HiddenRow> = Table::new(43);
/// What moderators and admins did, under `age ‖ 4 random bytes`.
pub const ACTIONS: Table<ActionRow> = Table::new(44);

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
