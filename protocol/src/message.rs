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
    id::{NodeId, VideoId},
    limits,
    sign::{BadSignature, Signable, Signed, Verified},
    time::Timestamp,
};

mod bounds;
pub mod names;

pub use names::Names;

/// Who a node is and how it is reached (libp2p identify).
pub const IDENTIFY: &str = "/horahora/id/1";
/// The distributed hash table (libp2p Kademlia).
pub const KADEMLIA: &str = "/horahora/kad/1";
/// Gossip (libp2p gossipsub).
pub const GOSSIP: &str = "/horahora/gossip/1";
/// Questions and answers: [`Request`] and [`Response`].
pub const SYNC: &str = "/horahora/sync/2";
/// The exchange of blobs: [`Want`] and [`Answer`].
pub const BLOBS: &str = "/horahora/blobs/2";

/// The gossip topic of a group.
#[must_use]
pub fn topic(group: &GroupId) -> String {
    format!("/horahora/group/1/{group}")
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// What do you know? Here is what I know, in short.
    Heads(Ask),
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
    /// Which of these videos do you hold?
    Videos {
        /// The videos.
        videos: Vec<VideoId>,
    },
    /// Which captures of a video do you hold whole?
    Captures {
        /// The video.
        video: VideoId,
    },
    /// Let me in.
    Join {
        /// The signed [`crate::group::Invite`].
        invite: ByteBuf,
        /// The signed [`crate::group::Redemption`].
        redemption: ByteBuf,
    },
    /// Witness this claim of mine, or hear that I give it back: a signed [`crate::claim::Claim`].
    Claim {
        /// The claim.
        claim: ByteBuf,
    },
    /// Which claims of a group's jobs hold? These do, as far as known here.
    Claims {
        /// The group.
        group: GroupId,
        /// Signed claims, and how many milliseconds ago each was said.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        claims: Vec<(ByteBuf, u64)>,
    },
    /// News of a private group, said to each member by itself.
    News {
        /// The group.
        group: GroupId,
        /// What is new.
        gossip: Gossip,
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
    /// To [`Request::Videos`]: one for each video.
    Videos(Vec<Copies>),
    /// To [`Request::Captures`]: their manifests.
    Captures(Vec<Cid>),
    /// To [`Request::Join`]: you are in; the group's signed genesis.
    Joined {
        /// The signed genesis.
        genesis: ByteBuf,
    },
    /// To [`Request::Claim`].
    Vote(Vote),
    /// To [`Request::Claims`]: signed claims, and how many milliseconds ago each was said, as far as known.
    Claims(Vec<(ByteBuf, u64)>),
    /// To [`Request::News`].
    Heard,
    /// Not answered.
    Refused(Refusal),
}

/// What a witness says to a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vote {
    /// The job is yours: a signed [`crate::claim::Granted`].
    Granted {
        /// The grant.
        grant: ByteBuf,
    },
    /// Somebody else has it, or asked before you: that one's signed claim.
    Held {
        /// The claim.
        claim: ByteBuf,
        /// How many milliseconds ago it was said.
        held_ms: u64,
    },
    /// Nothing is left to do; the feeds say how it ended.
    Over,
    /// This epoch was somebody else's; ask for a later one.
    Behind {
        /// The last one that was granted.
        epoch: u32,
    },
    /// You hold too many jobs without results.
    Exhausted,
    /// Ask somebody else.
    Abstain,
}

/// Why a question is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// It is not known here, or not for you.
    Unknown,
    /// Ask again later.
    Busy,
    /// The ticket has expired.
    Expired,
    /// The ticket let in as many as it is for.
    UsedUp,
    /// Who issued or redeems it may not: it was removed, or the policy forbids it.
    NotAllowed,
}

/// How much a node holds of a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Copies {
    /// Nothing, or nothing that you may know of.
    None,
    /// Some of it.
    Part,
    /// All of it.
    Whole,
}

/// What a node knows of the groups that it may tell the receiver of, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Version of this form, 2.
    pub v: u8,
    /// The sender's signed [`Presence`] in its own group.
    pub presence: ByteBuf,
    /// Groups, and [`GroupHeads::digest`] of each.
    pub groups: Vec<(GroupId, Cid)>,
}

/// What a node knows of groups and feeds, as far as the asker does not know it already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heads {
    /// Version of this form, 2.
    pub v: u8,
    /// The sender's signed [`Presence`] in its own group.
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
    /// Its feeds: writer, incarnation, head. None when the asker's digest is the same.
    pub feeds: Option<Vec<(NodeId, u64, Head)>>,
    /// Proofs of forks: blocks of [`crate::group::Fork`].
    pub forks: Vec<ByteBuf>,
    /// What its members said last of themselves: signed [`Presence`]s, the newest first.
    pub presences: Vec<ByteBuf>,
}

impl GroupHeads {
    /// The hash of the heads of a group's feeds, in the order of their ids, and of how many forks are proven.
    #[must_use]
    pub fn digest(feeds: &[(NodeId, u64, Head)], forks: usize) -> Cid {
        codec::block(&(feeds, forks as u64)).0
    }
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

/// A node's word about itself in a group. Of two the later one counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presence {
    /// Version of this form, 2.
    pub v: u8,
    /// Who speaks.
    pub node: NodeId,
    /// In which group.
    pub group: GroupId,
    /// When.
    pub at: Timestamp,
    /// What people call it.
    pub name: String,
    /// Program and version.
    pub software: String,
    /// Videos of the group held whole.
    pub videos: u64,
    /// Videos of the group held in part.
    pub parts: u64,
    /// Bytes of their blobs.
    pub bytes: u64,
    /// Bytes free on its disk.
    pub free: u64,
    /// Where it is reached, best first.
    pub addresses: Vec<String>,
}

impl Signable for Presence {
    const PURPOSE: &'static str = "horahora/presence/2";

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
    /// Signed claims.
    pub claims: Vec<ByteBuf>,
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
        /// The manifest, or the capture in the making, that it is part of. Whether the asker may have it follows
        /// from that.
        of: Cid,
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

impl Presence {
    /// Reads and checks a node's word about itself.
    ///
    /// # Errors
    /// When it is malformed, forged or out of bounds.
    pub fn decode(block: &[u8]) -> Result<Verified<Self>, MessageError> {
        let signed: Signed<Self> = codec::decode(block, limits::PRESENCE_BYTES)?;
        let presence = signed.verify()?;
        if presence.v != 2 {
            return Err(MessageError::Field("version"));
        }
        let long = |address: &String| address.len() > limits::ADDRESS_BYTES;
        if presence.addresses.len() > limits::ADDRESSES || presence.addresses.iter().any(long) {
            return Err(MessageError::Field("list of addresses"));
        }
        if presence.name.len() > limits::NAME_BYTES || presence.software.len() > limits::NAME_BYTES {
            return Err(MessageError::Field("name"));
        }
        Ok(presence)
    }
}
