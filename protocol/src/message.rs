//! What nodes say to each other: names of the protocols, questions and answers, gossip, frames of the exchange.
//!
//! Every message is one canonical DAG-CBOR block with a cap. Records inside are blocks of their own, which the
//! receiver verifies one by one; a message as such is believed only as a hint.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;
use thiserror::Error;

use crate::{
    codec::{self, Cid, CodecError},
    feed::{FeedId, Head},
    group::GroupId,
    id::NodeId,
    limits,
    sign::{BadSignature, Signable, Signed, Verified},
    time::Timestamp,
};

/// Who a node is and how it is reached (libp2p identify).
pub const IDENTIFY: &str = "/horahora/id/1";
/// The distributed hash table (libp2p Kademlia).
pub const KADEMLIA: &str = "/horahora/kad/1";
/// Gossip (libp2p gossipsub).
pub const GOSSIP: &str = "/horahora/gossip/1";
/// Questions and answers: [`Request`] and [`Response`].
pub const SYNC: &str = "/horahora/sync/1";
/// The exchange of blobs: [`Want`] and [`Answer`].
pub const BLOBS: &str = "/horahora/blobs/1";

/// The gossip topic of a group.
#[must_use]
pub fn topic(group: &GroupId) -> String {
    format!("/horahora/group/1/{group}")
}

/// The key under which the distributed hash table knows who has a blob: its BLAKE3 hash.
#[must_use]
pub fn blob_key(cid: &Cid) -> Vec<u8> {
    cid.hash().to_vec()
}

/// The key under which the distributed hash table knows who has a video.
#[must_use]
pub fn video_key(video: &crate::VideoId) -> Vec<u8> {
    blake3::hash(format!("horahora/video/1/{video}").as_bytes()).as_bytes().to_vec()
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Where do your feeds end? Here is where mine do.
    Heads(Heads),
    /// The entries of a feed from a place on.
    Entries {
        /// The feed.
        feed: FeedId,
        /// Place of the first.
        from: u64,
    },
    /// The records of a capture in the making, from what is known on.
    Growing {
        /// The capture.
        capture: Cid,
        /// The try that is known.
        run: Timestamp,
        /// Segments known of each rendition.
        have: BTreeMap<String, u32>,
    },
    /// How much of these manifests do you hold?
    Holding {
        /// The manifests.
        manifests: Vec<Cid>,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// To [`Request::Heads`].
    Heads(Heads),
    /// To [`Request::Entries`]: in order, without gaps; empty at the end.
    Entries(Vec<EntryBlocks>),
    /// To [`Request::Growing`]: signed records in order.
    Growing(Vec<ByteBuf>),
    /// To [`Request::Holding`]: one for each manifest.
    Holding(Vec<Held>),
    /// Not answered.
    Refused(Refusal),
}

/// Why a question is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// It is not known here, or not for you.
    Unknown,
    /// Ask again later.
    Busy,
}

/// What a node knows of groups and feeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heads {
    /// Version of this form, 1.
    pub v: u8,
    /// The sender's signed [`Presence`].
    pub presence: ByteBuf,
    /// The groups that it may tell the receiver of; its own first.
    pub groups: Vec<GroupHeads>,
}

/// What a node knows of one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupHeads {
    /// The signed genesis.
    pub genesis: ByteBuf,
    /// Its feeds: writer, life, head.
    pub feeds: Vec<(NodeId, u64, Head)>,
}

/// An entry as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryBlocks {
    /// The signed entry.
    pub entry: ByteBuf,
    /// Its body, none when it was erased.
    pub body: Option<ByteBuf>,
}

/// How much of a manifest a node holds, the manifest itself not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Blobs.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A node's word about itself. Of two the later one counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presence {
    /// Version of this form, 1.
    pub v: u8,
    /// Who speaks.
    pub node: NodeId,
    /// When.
    pub at: Timestamp,
    /// What people call it.
    pub name: String,
    /// Program and version.
    pub software: String,
    /// Videos held whole.
    pub videos: u64,
    /// Videos held in part.
    pub parts: u64,
    /// Bytes of blobs held.
    pub bytes: u64,
}

impl Signable for Presence {
    const PURPOSE: &'static str = "horahora/presence/1";

    fn signer(&self) -> NodeId {
        self.node
    }
}

/// Small news for everyone in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gossip {
    /// Version of this form, 1.
    pub v: u8,
    /// Feeds that grew.
    pub heads: Vec<(FeedId, Head)>,
    /// Signed records of captures in the making.
    pub growing: Vec<ByteBuf>,
}

/// A frame towards the holder: which blob is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Want {
    /// Send this blob.
    Blob {
        /// Names the answer.
        id: u32,
        /// The blob.
        cid: Cid,
        /// Somebody waits for it: it goes before those that are only kept.
        urgent: bool,
    },
    /// It is not wanted any more.
    Cancel {
        /// The want's.
        id: u32,
    },
}

/// A frame from the holder; `bytes` bytes follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The want's.
    pub id: u32,
    /// Size of the blob that follows; none when it is not here.
    pub bytes: Option<u64>,
}

/// Why a message was refused.
#[derive(Debug, Error)]
pub enum MessageError {
    /// Unreadable, too large or not canonical.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Forged.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// A list or a text in it is too long, or its version is not known.
    #[error("the message's {0} is not allowed")]
    Field(&'static str),
}

/// A message with its cap and its bounds.
pub trait Message: Serialize + DeserializeOwned {
    /// Largest size in bytes.
    const CAP: usize;

    /// Which part is out of bounds.
    ///
    /// # Errors
    /// The name of that part.
    fn check(&self) -> Result<(), &'static str>;

    /// Reads one message.
    ///
    /// # Errors
    /// When it is too large, malformed or out of bounds.
    fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let message: Self = codec::decode(bytes, Self::CAP)?;
        message.check().map_err(MessageError::Field)?;
        Ok(message)
    }

    /// Its bytes.
    fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }
}

impl Message for Request {
    const CAP: usize = limits::REQUEST_BYTES;

    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Heads(heads) => heads.check(),
            Self::Entries { .. } => Ok(()),
            Self::Growing { have, .. } if have.len() > limits::RUNGS => Err("list of renditions"),
            Self::Growing { .. } => Ok(()),
            Self::Holding { manifests } => bound(manifests, limits::HOLDINGS, "list of manifests"),
        }
    }
}

impl Message for Response {
    const CAP: usize = limits::RESPONSE_BYTES;

    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Heads(heads) => heads.check(),
            Self::Entries(entries) => bound(entries, limits::BATCH_ENTRIES, "list of entries"),
            Self::Growing(_) | Self::Refused(_) => Ok(()),
            Self::Holding(held) => bound(held, limits::HOLDINGS, "list of holdings"),
        }
    }
}

impl Message for Gossip {
    const CAP: usize = limits::GOSSIP_BYTES;

    fn check(&self) -> Result<(), &'static str> {
        if self.v != 1 {
            return Err("version");
        }
        bound(&self.heads, limits::GOSSIP_FEEDS, "list of feeds")?;
        bound(&self.growing, limits::GOSSIP_GROWING, "list of captures")
    }
}

impl Message for Want {
    const CAP: usize = limits::FRAME_BYTES;

    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

impl Message for Answer {
    const CAP: usize = limits::FRAME_BYTES;

    fn check(&self) -> Result<(), &'static str> {
        match self.bytes {
            Some(bytes) if bytes > limits::BLOB_BYTES as u64 => Err("size of the blob"),
            _ => Ok(()),
        }
    }
}

impl Heads {
    fn check(&self) -> Result<(), &'static str> {
        if self.v != 1 {
            return Err("version");
        }
        bound(&self.groups, limits::GROUPS, "list of groups")?;
        self.groups.iter().try_for_each(|group| bound(&group.feeds, limits::FEEDS, "list of feeds"))
    }
}

impl Presence {
    /// Reads and checks a node's word about itself.
    ///
    /// # Errors
    /// When it is malformed, forged or out of bounds.
    pub fn decode(block: &[u8]) -> Result<Verified<Self>, MessageError> {
        let signed: Signed<Self> = codec::decode(block, limits::PRESENCE_BYTES)?;
        let presence = signed.verify()?;
        if presence.v != 1 {
            return Err(MessageError::Field("version"));
        }
        if presence.name.len() > limits::NAME_BYTES || presence.software.len() > limits::NAME_BYTES {
            return Err(MessageError::Field("name"));
        }
        Ok(presence)
    }
}

fn bound<T>(list: &[T], most: usize, what: &'static str) -> Result<(), &'static str> {
    if list.len() > most { Err(what) } else { Ok(()) }
}
