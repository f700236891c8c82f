//! Rows of videos, of their captures and manifests.

use horahora_protocol::{
    Cid, NodeId, Timestamp, VideoId, group::GroupId, manifest::Manifest, summary::Summary,
};
use serde::{Deserialize, Serialize};

use super::{Code, State};

/// A row of [`super::MANIFESTS`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ManifestRow {
    /// The capture that it is a revision of.
    pub capture: Cid,
    /// The captured video.
    pub video: VideoId,
    /// Who made it.
    pub by: NodeId,
}

/// A row of [`super::HOLDINGS`]. The manifest itself is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Holding {
    /// Blobs here.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs of the manifest.
    pub of_blobs: u64,
    /// Their bytes.
    pub of_bytes: u64,
}

impl Holding {
    /// Whether every blob is here.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.blobs == self.of_blobs && self.of_blobs > 0
    }
}

/// A row of [`super::VIDEOS`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VideoRow {
    /// Its id.
    pub id: VideoId,
    /// Title; the id until the site told.
    pub title: String,
    /// Who made it.
    pub creator: Option<String>,
    /// What the site calls them, the same under every name.
    #[serde(default)]
    pub creator_id: Option<String>,
    /// Its first tags, at most [`horahora_protocol::limits::TAGS`].
    #[serde(default)]
    pub tags: Vec<String>,
    /// Length in milliseconds, 0 until known.
    pub duration_ms: u64,
    /// Where the source is.
    pub url: String,
    /// When this node first heard of it.
    pub added: Timestamp,
    /// When the site published it.
    pub published_at: Option<Timestamp>,
    /// The capture shown.
    pub capture: Option<Cid>,
    /// The latest manifest, none until playable.
    pub manifest: Option<Cid>,
    /// Whether there is a poster.
    pub poster: bool,
    /// Whether it has no picture.
    pub audio_only: bool,
    /// Where it stands.
    pub state: State,
    /// Why it does not go on.
    pub code: Option<Code>,
    /// The same for people.
    pub reason: Option<String>,
    /// The groups in which this node archives it.
    #[serde(default)]
    pub groups: Vec<GroupId>,
    /// The captures known of it, at most [`horahora_protocol::limits::CAPTURES_SHOWN`].
    #[serde(default)]
    pub captures: Vec<Cid>,
    /// The requests that list it.
    #[serde(default)]
    pub requests: Vec<Cid>,
    /// Since when the origin has it no more, as far as a member looked.
    #[serde(default)]
    pub gone: Option<Timestamp>,
    /// When that was last said, and by whom.
    #[serde(default)]
    pub origin_said: Option<(Timestamp, NodeId)>,
}

impl VideoRow {
    /// A video of which nothing is known but where it is.
    #[must_use]
    pub fn queued(id: VideoId, title: String, url: String, added: Timestamp) -> Self {
        Self {
            id,
            title,
            creator: None,
            creator_id: None,
            tags: Vec::new(),
            duration_ms: 0,
            url,
            added,
            published_at: None,
            capture: None,
            manifest: None,
            poster: false,
            audio_only: false,
            state: State::Queued,
            code: None,
            reason: None,
            groups: Vec::new(),
            captures: Vec::new(),
            requests: Vec::new(),
            gone: None,
            origin_said: None,
        }
    }

    /// The captures known of it; an earlier version wrote down only the one shown.
    pub fn all_captures(&self) -> impl Iterator<Item = Cid> {
        let shown = self.capture.filter(|shown| !self.captures.contains(shown));
        self.captures.iter().copied().chain(shown)
    }
}

/// A row of [`super::TOLD`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Told {
    /// First blobs of the original's files.
    pub original: Vec<Cid>,
    /// The outside of the video.
    pub summary: Summary,
}

/// A row of [`super::CAPTURES`]: a capture and, while it is made, what is known of its next manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CaptureRow {
    /// What is captured.
    pub video: VideoId,
    /// When it began.
    pub started: Timestamp,
    /// Everything known so far; `renditions` holds the complete ones.
    pub draft: Option<Manifest>,
    /// Names of all rungs that are to be made.
    pub rungs: Vec<String>,
    /// Manifest revisions, oldest first.
    pub revisions: Vec<Cid>,
    /// Who captures, none for this node.
    #[serde(default)]
    pub by: Option<NodeId>,
    /// The groups that it belongs to.
    #[serde(default)]
    pub groups: Vec<GroupId>,
    /// Whether its maker told two stories before, so that it does not count for the group.
    #[serde(default)]
    pub disputed: bool,
}
