//! Tables and rows of what people send from their own devices.

use horahora_protocol::{NodeId, Timestamp, VideoId, group::GroupId};
use serde::{Deserialize, Serialize};

use crate::store::Table;

/// Files that somebody sends, under their ids.
pub const UPLOADS: Table<UploadRow> = Table::new(45);

/// A row of [`UPLOADS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRow {
    /// Whose account it is; none for whoever runs the node without one.
    pub by: Option<NodeId>,
    /// What they are called.
    pub by_name: String,
    /// The file's name, also in its folder.
    pub name: String,
    /// How long the file is.
    pub bytes: u64,
    /// When something was last done to it.
    pub at: Timestamp,
    /// What is said of it, once it is.
    pub words: Option<Words>,
    /// Where it stands.
    pub stand: UploadStand,
}

/// What somebody says of their file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Words {
    /// Its title.
    pub title: String,
    /// Its description.
    pub description: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The group that gets it; the node's own when none is named.
    pub group: Option<GroupId>,
}

/// Where an upload stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum UploadStand {
    /// It lacks bytes, words, or a moderator's word.
    Open,
    /// A moderator wants it.
    Approved,
    /// A moderator does not want it, and why.
    Refused(String),
    /// It is this video.
    Taken(VideoId),
    /// It could not be taken in, and why.
    Failed(String),
}
