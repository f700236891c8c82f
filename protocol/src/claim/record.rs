//! Claims and grants as they travel: signed, with the job's name instead of its number.
//!
//! What makes a [`Said`] of a stranger's record checks here: the claimant's signature, and that each grant is signed by
//! one of the job's witnesses.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{JobNo, Said, Standing, claim_lot};
use crate::{
    codec,
    group::GroupId,
    id::NodeId,
    limits,
    message::MessageError,
    rank::{self, Subject},
    sign::{Signable, Signed, Verified},
};

/// A node claims a job, or says that it still works on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Version of this form, 1.
    pub v: u8,
    /// The group whose job it is.
    pub group: GroupId,
    /// The job's name, for example `capture/niconico:sm9`.
    pub job: String,
    /// Who claims it.
    pub node: NodeId,
    /// Which tenure of the job it is, from 1.
    pub epoch: u32,
    /// Counts the claimant's words in this epoch.
    pub beat: u32,
    /// How long the lease runs from now on.
    pub remaining_ms: u64,
    /// How long the claimant thinks that the whole job takes it.
    pub estimate_ms: u64,
    /// How far it is, in thousandths.
    pub permille: u16,
    /// Whether the group was told, or only the witness is asked.
    pub told: bool,
    /// The claimant gives the job back.
    pub released: bool,
    /// Signed [`Granted`]s of its witnesses.
    pub grants: Vec<ByteBuf>,
}

/// A witness grants a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Granted {
    /// Version of this form, 1.
    pub v: u8,
    /// The group whose job it is.
    pub group: GroupId,
    /// The job's name.
    pub job: String,
    /// Who claims it.
    pub claimant: NodeId,
    /// Which tenure of the job it is.
    pub epoch: u32,
    /// Who grants it.
    pub witness: NodeId,
}

impl Signable for Claim {
    const PURPOSE: &'static str = "horahora/claim/1";

    fn signer(&self) -> NodeId {
        self.node
    }
}

impl Signable for Granted {
    const PURPOSE: &'static str = "horahora/granted/1";

    fn signer(&self) -> NodeId {
        self.witness
    }
}

impl Claim {
    /// A claim to sign, of what the machine says.
    #[must_use]
    pub fn of(said: &Said, group: GroupId, job: String, grants: Vec<ByteBuf>) -> Self {
        Self {
            v: 1,
            group,
            job,
            node: said.claimant,
            epoch: said.epoch,
            beat: said.beat,
            remaining_ms: said.remaining_ms,
            estimate_ms: said.estimate_ms,
            permille: said.progress,
            told: said.standing > Standing::Asked,
            released: said.released,
            grants,
        }
    }

    /// Reads and checks a claim.
    ///
    /// # Errors
    /// When it is malformed, forged or out of bounds.
    pub fn decode(block: &[u8]) -> Result<Verified<Self>, MessageError> {
        let signed: Signed<Self> = codec::decode(block, limits::CLAIM_BYTES)?;
        let claim = signed.verify()?;
        if claim.v != 1 {
            return Err(MessageError::Field("version"));
        }
        if claim.job.len() > limits::JOB_BYTES || claim.permille > 1000 || claim.epoch == 0 {
            return Err(MessageError::Field("job"));
        }
        if claim.grants.len() > limits::PANEL {
            return Err(MessageError::Field("list of grants"));
        }
        Ok(claim)
    }

    /// What it says to a node that numbers the job so and knows these members. `held_ms` is how long it was on its way
    /// at nodes that passed it on.
    #[must_use]
    pub fn said<'a>(
        claim: &Verified<Self>,
        job: JobNo,
        members: impl IntoIterator<Item = &'a NodeId>,
        held_ms: u64,
    ) -> Said {
        let subject = Subject::named(&claim.job);
        let standing = match (claim.told, claim.is_witnessed(members)) {
            (false, _) => Standing::Asked,
            (true, false) => Standing::Told,
            (true, true) => Standing::Witnessed,
        };
        Said {
            job,
            claimant: claim.node,
            epoch: claim.epoch,
            beat: claim.beat,
            remaining_ms: claim.remaining_ms.saturating_sub(held_ms),
            estimate_ms: claim.estimate_ms,
            progress: claim.permille,
            standing,
            released: claim.released,
            lot: claim_lot(subject, &claim.node, claim.epoch),
        }
    }

    fn is_witnessed<'a>(&self, members: impl IntoIterator<Item = &'a NodeId>) -> bool {
        if self.grants.len() < limits::QUORUM {
            return false;
        }
        let mut witnesses = rank::first(members, Subject::named(&self.job), limits::WITNESSES);
        let before = witnesses.len();
        for grant in &self.grants {
            if let Ok(grant) = Granted::decode(grant)
                && grant.fits(self)
            {
                witnesses.retain(|witness| *witness != grant.witness);
            }
        }
        before - witnesses.len() >= limits::QUORUM
    }
}

impl Granted {
    /// Reads and checks a grant.
    ///
    /// # Errors
    /// When it is malformed or forged.
    pub fn decode(block: &[u8]) -> Result<Verified<Self>, MessageError> {
        let signed: Signed<Self> = codec::decode(block, limits::CLAIM_BYTES)?;
        let grant = signed.verify()?;
        if grant.v != 1 || grant.job.len() > limits::JOB_BYTES {
            return Err(MessageError::Field("grant"));
        }
        Ok(grant)
    }

    /// Whether it grants this claim.
    #[must_use]
    pub fn fits(&self, claim: &Claim) -> bool {
        self.group == claim.group
            && self.job == claim.job
            && self.claimant == claim.node
            && self.epoch == claim.epoch
    }
}
