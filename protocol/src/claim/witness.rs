//! What a node answers when others ask it to witness their claims.

use super::{Claims, Grant, Output, Place, Said, Standing, Vote};
use crate::{limits, time::Timestamp};

impl Claims {
    /// Somebody asks this node to witness its claim, or takes that back.
    pub(super) fn asked(&mut self, now: Timestamp, said: &Said) {
        if said.released {
            if let Some(grant) =
                self.grants.get_mut(&said.job).filter(|grant| grant.said.claimant == said.claimant)
            {
                grant.until = Timestamp::default();
            }
            return;
        }
        let vote = self.vote(now, said);
        self.out.push_back(Output::Vote { to: said.claimant, job: said.job, epoch: said.epoch, vote });
    }

    /// Whether this node witnesses a claim. A grant is written down before anyone hears of it, and an epoch of a job
    /// is granted to one claimant only, ever.
    pub(super) fn vote(&mut self, now: Timestamp, said: &Said) -> Vote {
        let Some(job) = self.jobs.get(said.job.0 as usize) else { return Vote::Abstain };
        if !self.members.contains_key(&said.claimant) {
            return Vote::Abstain;
        }
        if matches!(job.place, Place::Delivered | Place::Done | Place::Gone) {
            return Vote::Over;
        }
        if now < self.abstain_until {
            return Vote::Abstain;
        }
        if let Some(lease) = self.leases.get(&said.job)
            && lease.holds(now)
            && lease.said.claimant != said.claimant
        {
            return Vote::Held(lease.relayed(now));
        }
        if said.claimant != self.me
            && let Some(own) = self.said(said.job)
            && own.standing > Standing::Asked
        {
            return Vote::Held(own);
        }
        if let Some(grant) = self.grants.get(&said.job) {
            let same = grant.said.claimant == said.claimant;
            if !same && grant.until > now {
                let remaining_ms = grant.until.ms_since(now);
                return Vote::Held(Said { remaining_ms, ..grant.said.clone() });
            }
            if said.epoch < grant.said.epoch || (said.epoch == grant.said.epoch && !same) {
                return Vote::Behind(grant.said.epoch);
            }
        }
        if self.is_exhausted(&said.claimant, said.job) {
            return Vote::Exhausted;
        }
        let grant = Grant { said: said.clone(), until: now.plus_ms(limits::LEASE_MS) };
        self.grants.insert(said.job, grant.clone());
        self.out.push_back(Output::Persist { grant });
        Vote::Granted
    }

    /// A grant holds as long as the lease that it became; a claim that was given back holds no more.
    pub(super) fn follow(&mut self, said: &Said) {
        let lease = self.leases.get(&said.job).filter(|lease| lease.said.continues(said));
        let Some(grant) = self.grants.get_mut(&said.job).filter(|grant| grant.said.continues(said)) else {
            return;
        };
        if said.released {
            grant.until = Timestamp::default();
        } else if let Some(lease) = lease {
            grant.until = grant.until.max(lease.until);
        }
    }
}
