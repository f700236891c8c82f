//! Rows of requests.

use std::collections::BTreeSet;

use horahora_protocol::{
    Cid, NodeId, Timestamp, VideoId,
    group::GroupId,
    request::{Options, Stand},
};
use serde::{Deserialize, Serialize};

/// A row of [`super::REQUESTS`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RequestRow {
    /// Its id: the address of the signed entry.
    pub id: Cid,
    /// The source as given.
    pub url: String,
    /// When it was asked.
    pub at: Timestamp,
    /// What the source calls itself, once listed.
    pub title: Option<String>,
    /// How often it was listed or is about to be.
    pub listings: u32,
    /// The videos that it lists, as earlier versions wrote them down.
    #[serde(default, rename = "videos", skip_serializing_if = "Vec::is_empty")]
    pub old_videos: Vec<VideoId>,
    /// The group that it belongs to, none for the node's own first one.
    #[serde(default)]
    pub group: Option<GroupId>,
    /// Who asked, none if an earlier version did not write it down.
    #[serde(default)]
    pub by: Option<NodeId>,
    /// Who wants it, too.
    #[serde(default)]
    pub subscribers: BTreeSet<NodeId>,
    /// How many videos it lists.
    #[serde(default)]
    pub count: u64,
    /// How it is meant, none for the usual way.
    #[serde(default)]
    pub options: Option<Options>,
    /// Whether it goes on.
    #[serde(default)]
    pub stand: Stand,
    /// When it was last meant otherwise, and by whom.
    #[serde(default)]
    pub changed: Option<(Timestamp, NodeId)>,
    /// Whether the source is known to be a list, be it of one video.
    #[serde(default)]
    pub list: bool,
    /// Whether the parts of a listing that came so far had anything new.
    #[serde(default)]
    pub news: bool,
    /// How many videos of its beginning the listing under way has told so far.
    #[serde(default)]
    pub reached: u64,
    /// When the source is to be looked at again, 0 for never.
    #[serde(default)]
    pub next_at: Timestamp,
    /// How long after the last time.
    #[serde(default)]
    pub interval_ms: u64,
}

impl RequestRow {
    /// A request of which nothing was listed yet.
    #[must_use]
    pub fn new(id: Cid, url: &str, at: Timestamp, group: GroupId, by: NodeId, options: Options) -> Self {
        Self {
            id,
            url: url.to_owned(),
            at,
            title: None,
            listings: 1,
            old_videos: Vec::new(),
            group: Some(group),
            by: Some(by),
            subscribers: BTreeSet::new(),
            count: 0,
            options: Some(options),
            stand: Stand::Active,
            changed: None,
            list: false,
            news: false,
            reached: 0,
            next_at: Timestamp::default(),
            interval_ms: 0,
        }
    }

    /// How many members want it.
    #[must_use]
    pub fn wanted_by(&self) -> u32 {
        let others = self.subscribers.iter().filter(|node| Some(**node) != self.by).count();
        1 + u32::try_from(others).unwrap_or(u32::MAX - 1)
    }

    /// Whether a member asked for it.
    #[must_use]
    pub fn is_wanted_by(&self, node: &NodeId) -> bool {
        self.by.as_ref() == Some(node) || self.subscribers.contains(node)
    }

    /// Whether its source may have more videos than one.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.list || self.count > 1
    }
}
