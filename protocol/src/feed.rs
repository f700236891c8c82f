//! A feed: the append-only, signed, hash-chained log of one (group, node, incarnation).

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    codec::{self, Cid, CodecError},
    entry::{Body, Entry},
    group::GroupId,
    id::NodeId,
    limits,
    sign::{BadSignature, NodeKey, Signed, Verified},
    time::Timestamp,
};

/// Last entries of a batch whose signatures are tried; a liar's batch costs no more than this.
const TRIES: usize = 4;

/// Which feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FeedId {
    /// The group it speaks to.
    pub group: GroupId,
    /// Who writes it.
    pub node: NodeId,
    /// Which life of that node.
    pub incarnation: u64,
}

/// Where a feed ends for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Place of the last entry.
    pub seq: u64,
    /// Address of the last signed entry.
    pub entry: Cid,
}

/// Why an entry does not continue a feed.
#[derive(Debug, Error)]
pub enum FeedError {
    /// Unreadable, too large or not canonical.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Forged.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// Of another feed.
    #[error("the entry belongs to another feed")]
    OtherFeed,
    /// Entries between are missing; ask for them.
    #[error("the entry has place {found}, {expected} is next")]
    Gap {
        /// The next place.
        expected: u64,
        /// The entry's place.
        found: u64,
    },
    /// Same place, other past: the writer told two stories.
    #[error("the entry at place {0} does not follow the one known before it")]
    Fork(u64),
    /// A field is longer than allowed, or of a version that is not known.
    #[error("the entry's {0} is not allowed")]
    Field(&'static str),
}

/// A feed as far as it is known: its name and its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feed {
    id: FeedId,
    head: Option<Head>,
}

impl Feed {
    /// A feed that is known up to `head`.
    #[must_use]
    pub fn new(id: FeedId, head: Option<Head>) -> Self {
        Self { id, head }
    }

    /// Which feed it is.
    #[must_use]
    pub fn id(&self) -> FeedId {
        self.id
    }

    /// Where it ends, none when it has no entry.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.head
    }

    /// The place of the next entry.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.head.map_or(0, |head| head.seq.saturating_add(1))
    }

    /// How many entries are missing to reach `theirs`.
    #[must_use]
    pub fn missing(&self, theirs: Head) -> u64 {
        match self.head {
            Some(ours) => theirs.seq.saturating_sub(ours.seq),
            None => theirs.seq.saturating_add(1),
        }
    }

    /// Writes the next entry of our own feed.
    #[must_use]
    pub fn append(&mut self, key: &NodeKey, body: &Body, at: Timestamp) -> Verified<Entry> {
        let entry = key.sign(Entry {
            v: 1,
            group: self.id.group,
            node: self.id.node,
            incarnation: self.id.incarnation,
            seq: self.next_seq(),
            previous: self.head.map(|head| head.entry),
            at,
            kind: body.kind().to_owned(),
            body: body.block().0,
        });
        self.head = Some(Head { seq: entry.seq, entry: entry.block().0 });
        entry
    }

    /// Reads the next entry from its block; the head moves only when everything fits.
    ///
    /// # Errors
    /// See [`FeedError`]. The feed is unchanged then.
    pub fn accept(&mut self, block: &[u8]) -> Result<Verified<Entry>, FeedError> {
        let (mut accepted, failed) = self.accept_all(&[block]);
        let entry = accepted.pop();
        entry.ok_or_else(|| failed.expect("an entry is accepted, or it is said why not"))
    }

    /// Reads the next entries from their blocks. One signature is checked: the last one, which links all before
    /// it. A last entry whose own signature does not fit is left out; the next batch may prove it.
    /// The head moves as far as entries are accepted; what is wrong with the next one comes along.
    pub fn accept_all(&mut self, blocks: &[impl AsRef<[u8]>]) -> (Vec<Verified<Entry>>, Option<FeedError>) {
        let (mut read, mut failed) = (Vec::new(), None);
        let mut next = *self;
        for block in blocks {
            match next.follow(block.as_ref()) {
                Ok(signed) => read.push((signed, next.head)),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        for _ in 0..TRIES {
            let Some((last, head)) = read.pop() else { break };
            match last.verify() {
                Ok(last) => {
                    let before = read.into_iter().map(|(signed, _)| Verified::linked(signed));
                    let accepted = before.chain([last]).collect();
                    self.head = head;
                    return (accepted, failed);
                }
                Err(error) => failed = Some(error.into()),
            }
        }
        (Vec::new(), failed)
    }

    /// Whether a block is the next entry, but for its signature.
    fn follow(&mut self, block: &[u8]) -> Result<Signed<Entry>, FeedError> {
        let signed: Signed<Entry> = codec::decode(block, limits::ENTRY_BYTES)?;
        let entry = signed.claimed();
        let id = FeedId { group: entry.group, node: entry.node, incarnation: entry.incarnation };
        if id != self.id {
            return Err(FeedError::OtherFeed);
        }
        if entry.v != 1 {
            return Err(FeedError::Field("version"));
        }
        if entry.kind.is_empty() || entry.kind.len() > limits::KIND_BYTES {
            return Err(FeedError::Field("kind"));
        }
        let full = self.head.is_some_and(|head| head.seq == u64::MAX);
        if full || entry.seq != self.next_seq() {
            return Err(FeedError::Gap { expected: self.next_seq(), found: entry.seq });
        }
        if entry.previous != self.head.map(|head| head.entry) {
            return Err(FeedError::Fork(entry.seq));
        }
        self.head = Some(Head { seq: entry.seq, entry: Cid::of(codec::Codec::DagCbor, block) });
        // What changes a group must be provable by itself, should its writer tell another story.
        if entry.kind == Body::GROUP
            && let Err(error) = signed.clone().verify()
        {
            return Err(error.into());
        }
        Ok(signed)
    }
}
