//! What people say of videos, and what is counted of them. A person's words are signed by the person's own key, so that no node
//! can put words into somebody's mouth; the node that keeps the key carries them into its feed.

use serde::{Deserialize, Serialize};

use crate::{
    codec::Cid,
    id::{NodeId, VideoId},
    limits,
    sign::{Signable, Signed},
    time::Timestamp,
};

/// The body of an entry of the kind `said`: what somebody with an account on the writing node says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Version of this form, 1.
    pub v: u8,
    /// What the person is called there, at most [`limits::PERSON_NAME_BYTES`].
    pub name: String,
    /// The words.
    pub act: Signed<Act>,
}

/// One thing that a person says. Its address is that of the signed block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// Version of this form, 1.
    pub v: u8,
    /// The person's public key, in the form of a node's.
    pub who: NodeId,
    /// The node that keeps their account. Nobody else carries their words.
    pub home: NodeId,
    /// When the person said it, as their node says.
    pub at: Timestamp,
    /// Of what.
    pub video: VideoId,
    /// What.
    pub what: What,
}

impl Signable for Act {
    const PURPOSE: &'static str = "horahora/act/1";

    fn signer(&self) -> NodeId {
        self.who
    }
}

/// What a person says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Words below the video.
    Comment {
        /// At most [`limits::COMMENT_BYTES`].
        text: String,
        /// The comment that it answers.
        reply_to: Option<Cid>,
    },
    /// Words over the picture.
    Danmaku {
        /// Where in the video, in milliseconds.
        at_ms: u64,
        /// At most [`limits::DANMAKU_BYTES`].
        text: String,
        /// `0xrrggbb`.
        colour: u32,
        /// How they are shown.
        place: Place,
    },
    /// What the person thinks of the video. Of several the latest counts.
    Vote(Vote),
    /// An earlier comment or danmaku of the person's own counts no more.
    Erase {
        /// Its address.
        target: Cid,
    },
}

/// Where danmaku are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Moving through the picture.
    Scroll,
    /// Standing above.
    Top,
    /// Standing below.
    Bottom,
}

/// A vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vote {
    /// For it.
    Up,
    /// Against it.
    Down,
    /// An earlier one is taken back.
    None,
}

/// The body of an entry of the kind `removal`: a moderator of the writing node hides what somebody said. It counts where the
/// person's words came from that node, or where it is an admin of the group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removal {
    /// Version of this form, 1.
    pub v: u8,
    /// The address of the act.
    pub target: Cid,
    /// Why, at most [`limits::REASON_BYTES`].
    pub reason: String,
}

/// The body of an entry of the kind `views`: how often videos were watched on the writing node, ever. Of several numbers the
/// greatest counts, and those of all nodes are added: a grow-only counter (Shapiro et al., A comprehensive study of Convergent
/// and Commutative Replicated Data Types, 2011).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Views {
    /// Version of this form, 1.
    pub v: u8,
    /// At most [`limits::VIEWED`] videos with their numbers.
    pub videos: Vec<(VideoId, u64)>,
}

impl Said {
    /// Whether every part is within its bounds and of a known version.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        let act = self.act.claimed();
        let text = match &act.what {
            What::Comment { text, .. } => text.len() <= limits::COMMENT_BYTES,
            What::Danmaku { text, colour, .. } => text.len() <= limits::DANMAKU_BYTES && *colour <= 0xff_ffff,
            What::Vote(_) | What::Erase { .. } => true,
        };
        act.v == 1 && text && !self.name.is_empty() && self.name.len() <= limits::PERSON_NAME_BYTES
    }
}
