//! Rows of what people say of videos.

use horahora_protocol::{
    Cid, NodeId, Timestamp, VideoId,
    community::{Vote, What},
    group::GroupId,
};
use serde::{Deserialize, Serialize};

/// A row of [`super::SAID`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SaidRow {
    /// The address of the person's signed words.
    pub id: Cid,
    /// Whose.
    pub who: NodeId,
    /// What they are called on their node.
    pub name: String,
    /// Their node.
    pub home: NodeId,
    /// When they said it.
    pub at: Timestamp,
    /// Of what.
    pub video: VideoId,
    /// What: a comment or danmaku.
    pub what: What,
    /// The groups that it was said in.
    pub groups: Vec<GroupId>,
    /// Why it is not shown any more.
    pub gone: Option<Gone>,
}

/// Why words are not shown any more. Also a row of [`super::ERASED`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gone {
    /// Who said it took it back.
    Erased,
    /// A moderator hid it, for this reason.
    Removed(String),
}

/// A row of [`super::VOTES`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct VoteRow {
    /// When it was said.
    pub at: Timestamp,
    /// What.
    pub vote: Vote,
}

/// A row of [`super::TALLIES`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Votes for it.
    pub up: u64,
    /// Votes against it.
    pub down: u64,
    /// Comments that are shown.
    pub comments: u64,
    /// Danmaku that are shown, besides those of the origin.
    pub danmaku: u64,
    /// How often it was watched on each node.
    pub views: Vec<(NodeId, u64)>,
}

impl Tally {
    /// How often it was watched on all nodes.
    #[must_use]
    pub fn viewed(&self) -> u64 {
        self.views.iter().fold(0, |sum, (_, views)| sum.saturating_add(*views))
    }

    /// How often it was watched on one.
    #[must_use]
    pub fn viewed_on(&self, node: &NodeId) -> u64 {
        self.views.iter().find(|(known, _)| known == node).map_or(0, |(_, views)| *views)
    }

    /// Takes over what a node counted. Whether that is more than before.
    pub fn count(&mut self, node: NodeId, views: u64) -> bool {
        match self.views.iter_mut().find(|(known, _)| *known == node) {
            Some((_, known)) if *known >= views => return false,
            Some((_, known)) => *known = views,
            None => self.views.push((node, views)),
        }
        true
    }
}
