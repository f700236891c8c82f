//! A group: the unit of trust, coordination and mirroring, named by its signed genesis.
//!
//! What a group is beyond that follows from what its feeds say: [`change`] is one saying, [`invite`] lets
//! people in, [`fold`] makes members, roles and policy of all of it.

use serde::{Deserialize, Serialize};

use thiserror::Error;

use crate::{
    codec::{self, Cid, CodecError},
    id::NodeId,
    limits,
    sign::{BadSignature, Signable, Signed, Verified},
    time::Timestamp,
};

pub mod change;
pub mod fold;
pub mod fork;
pub mod invite;

pub use change::{Change, GroupChange, GroupKey, Role};
pub use fold::{Fact, Facts, Forks, Group, Limit, Member, Place, fold};
pub use fork::Fork;
pub use invite::{Invite, Redemption, Ticket, TicketError};

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

/// Why a genesis was refused.
#[derive(Debug, Error)]
pub enum GenesisError {
    /// Unreadable, too large or not canonical.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Forged.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// A field is longer than allowed, or of a version that is not known.
    #[error("the genesis' {0} is not allowed")]
    Field(&'static str),
}

impl Genesis {
    /// Reads and checks a genesis from its block.
    ///
    /// # Errors
    /// See [`GenesisError`].
    pub fn decode(block: &[u8]) -> Result<Verified<Self>, GenesisError> {
        let signed: Signed<Self> = codec::decode(block, limits::GENESIS_BYTES)?;
        let genesis = signed.verify()?;
        if genesis.v != 1 {
            return Err(GenesisError::Field("version"));
        }
        if genesis.name.len() > limits::NAME_BYTES || genesis.nonce.len() > 32 {
            return Err(GenesisError::Field("name or nonce"));
        }
        Ok(genesis)
    }
}
