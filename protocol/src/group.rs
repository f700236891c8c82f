//! A group: the unit of trust, coordination and mirroring, named by its signed genesis.

use serde::{Deserialize, Serialize};

use crate::{codec::Cid, id::NodeId, sign::Signable, time::Timestamp};

/// A group's name: the address of its signed [`Genesis`].
pub type GroupId = Cid;

/// The first record of a group. Its founder is the first admin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// Version of this form, 1.
    pub v: u8,
    /// The node that made the group.
    pub founder: NodeId,
    /// What people call it.
    pub name: String,
    /// Whether strangers may read its feeds and blobs.
    pub public: bool,
    /// When it was made.
    pub at: Timestamp,
    /// Makes two groups of one founder in one millisecond differ.
    #[serde(with = "serde_bytes")]
    pub nonce: Vec<u8>,
}

impl Signable for Genesis {
    const PURPOSE: &'static str = "horahora/genesis/1";

    fn signer(&self) -> NodeId {
        self.founder
    }
}
