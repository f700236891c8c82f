//! A proven fork: two entries of one feed at one place, both signed by its writer.
//!
//! The proof proves itself, so it does not matter who tells of it, and it is never forgotten.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::GroupId;
use crate::{
    codec::{self, Cid, Codec},
    entry::Entry,
    feed::FeedId,
    limits,
    sign::Signed,
};

/// The proof as it is kept and sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fork {
    /// Version of this form, 1.
    pub v: u8,
    /// The signed entry with the lower address.
    pub first: ByteBuf,
    /// The other one.
    pub second: ByteBuf,
}

impl Fork {
    /// The proof that two blocks make, in the form that all nodes give it.
    #[must_use]
    pub fn of(one: &[u8], other: &[u8]) -> Self {
        let id = |block: &[u8]| Cid::of(Codec::DagCbor, block);
        let (first, second) = if id(one) <= id(other) { (one, other) } else { (other, one) };
        Self { v: 1, first: ByteBuf::from(first), second: ByteBuf::from(second) }
    }

    /// Reads a proof from its block.
    #[must_use]
    pub fn decode(block: &[u8]) -> Option<Self> {
        let fork: Self = codec::decode(block, limits::FORK_BYTES).ok()?;
        (fork.v == 1).then_some(fork)
    }

    /// Its block.
    #[must_use]
    pub fn block(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// The feed and the place where its writer told two stories in this group; none when this proves nothing.
    #[must_use]
    pub fn proven(&self, group: &GroupId) -> Option<(FeedId, u64)> {
        let read = |block: &[u8]| {
            let signed: Signed<Entry> = codec::decode(block, limits::ENTRY_BYTES).ok()?;
            signed.verify().ok()
        };
        let (one, other) = (read(&self.first)?, read(&self.second)?);
        let feed =
            |entry: &Entry| FeedId { group: entry.group, node: entry.node, incarnation: entry.incarnation };
        let ordered = Cid::of(Codec::DagCbor, &self.first) < Cid::of(Codec::DagCbor, &self.second);
        let fits = ordered && feed(&one) == feed(&other) && one.seq == other.seq && one.group == *group;
        fits.then(|| (feed(&one), one.seq))
    }
}
