//! Leases: who holds which job, for how long, and which of two claims of one job counts.

use std::cmp::Reverse;

use super::JobNo;
use crate::{id::NodeId, limits, time::Timestamp};

/// What a claim says, once its signatures were checked at the door: whoever makes one of a stranger's record has
/// verified the claimant's signature and counted its grants.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Said {
    /// The job.
    pub job: JobNo,
    /// Who claims it.
    pub claimant: NodeId,
    /// Which tenure of the job it is, from 1.
    pub epoch: u32,
    /// Counts the claimant's words in this epoch, from 0. Only a later one extends a lease.
    pub beat: u32,
    /// How long the lease still runs, less what relays held it back.
    pub remaining_ms: u64,
    /// How long the claimant thinks that the whole job takes it.
    pub estimate_ms: u64,
    /// How far it is, in thousandths.
    pub progress: u16,
    /// What has been seen of it.
    pub standing: Standing,
    /// The claimant gives the job back.
    pub released: bool,
    /// Decides between claims of equal standing: BLAKE3 of job, claimant and epoch.
    pub lot: u64,
}

/// How much a claim weighs, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Only asked of a witness so far.
    Asked,
    /// Told to the group, without enough grants.
    Told,
    /// Granted by two of the job's witnesses.
    Witnessed,
}

impl Said {
    /// Orders claims of one job: the greater one counts. A higher epoch counts only with its grants.
    fn strength(&self) -> (Standing, u32, Reverse<u64>, Reverse<NodeId>) {
        let epoch = if self.standing == Standing::Witnessed { self.epoch } else { 0 };
        (self.standing, epoch, Reverse(self.lot), Reverse(self.claimant))
    }

    /// Whether this claim counts and `other`, of the same job, does not.
    #[must_use]
    pub fn beats(&self, other: &Self) -> bool {
        self.strength() > other.strength()
    }

    /// Whether both are words of one tenure.
    #[must_use]
    pub fn continues(&self, other: &Self) -> bool {
        self.claimant == other.claimant && self.epoch == other.epoch
    }
}

/// A claim as it is known here, and until when it holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The claimant's last word.
    pub said: Said,
    /// When it runs out, on this node's clock.
    pub until: Timestamp,
    /// When it ends whatever is said.
    cap: Timestamp,
    /// When it is looked at next: a beat does not set the alarm anew, as most leases are forgotten before it rings.
    pub(super) alarm: Timestamp,
}

impl Lease {
    /// The lease that a first word opens. `estimate_ms` is what an ordinary node needs for the job.
    #[must_use]
    pub fn open(now: Timestamp, said: Said, estimate_ms: u64) -> Self {
        // A slow node may need longer than others think, within reason.
        let estimate = said.estimate_ms.min(estimate_ms.saturating_mul(limits::SLOWEST));
        let cap = now.plus_ms(estimate.max(limits::LEASE_MS).saturating_mul(limits::LEASE_ESTIMATES));
        let until = now.plus_ms(said.remaining_ms.min(limits::LEASE_MS)).min(cap);
        Self { said, until, cap, alarm: until }
    }

    /// Takes in a later word of the same tenure. The same word or an earlier one changes nothing but the standing.
    pub fn hear(&mut self, now: Timestamp, said: &Said) {
        let standing = self.said.standing.max(said.standing);
        if said.beat > self.said.beat {
            self.until = now.plus_ms(said.remaining_ms.min(limits::LEASE_MS)).min(self.cap).max(self.until);
            self.said = said.clone();
        }
        self.said.standing = standing;
    }

    /// Whether it still holds.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until > now
    }

    /// Whether it lasted as long as it may, whatever its claimant says.
    #[must_use]
    pub fn is_spent(&self, now: Timestamp) -> bool {
        self.cap <= now
    }

    /// The claim as this node passes it on: less the time that went by.
    #[must_use]
    pub fn relayed(&self, now: Timestamp) -> Said {
        Said { remaining_ms: self.until.ms_since(now), ..self.said.clone() }
    }
}
