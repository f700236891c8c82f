//! What may be begun, and which of it a node takes next.
//!
//! Leases that ran out come first. Then a request is drawn by lottery, by the number of its subscribers, and of its jobs
//! the node takes one that it is best ranked for. So nodes reach for different jobs and rarely meet.

use std::collections::{BTreeMap, BTreeSet};

use super::{JobNo, Kind};
use crate::{limits, time::Timestamp};

/// Jobs that may be begun. A job is at one place at most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Queue {
    /// By kind and request, best ranked first.
    open: BTreeMap<(Kind, u32), BTreeSet<(u64, JobNo)>>,
    /// Those whose lease ran out, by when this node's turn is.
    expired: BTreeMap<Kind, BTreeSet<(Timestamp, JobNo)>>,
    /// Subscribers of each request; one unless known.
    subscribers: BTreeMap<u32, u32>,
    /// What an ordinary node needs for all of it, in milliseconds, by kind.
    work_ms: BTreeMap<Kind, u64>,
}

/// Where a job stands in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Spot {
    /// Nobody has it.
    Open,
    /// Somebody had it; it is this node's turn at that time.
    Expired(Timestamp),
}

/// What the queue needs to know of a job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) job: JobNo,
    pub(super) kind: Kind,
    pub(super) request: u32,
    pub(super) rank: u64,
    pub(super) estimate_ms: u32,
}

impl Queue {
    pub(super) fn put(&mut self, entry: Entry, spot: Spot) {
        let Entry { job, kind, request, rank, estimate_ms } = entry;
        let new = match spot {
            Spot::Open => self.open.entry((kind, request)).or_default().insert((rank, job)),
            Spot::Expired(turn) => self.expired.entry(kind).or_default().insert((turn, job)),
        };
        if new {
            *self.work_ms.entry(kind).or_default() += u64::from(estimate_ms);
        }
    }

    pub(super) fn take(&mut self, entry: Entry, spot: Spot) {
        let Entry { job, kind, request, rank, estimate_ms } = entry;
        let was = match spot {
            Spot::Open => {
                let jobs = self.open.get_mut(&(kind, request));
                jobs.is_some_and(|jobs| jobs.remove(&(rank, job)))
            }
            Spot::Expired(turn) => self.expired.get_mut(&kind).is_some_and(|jobs| jobs.remove(&(turn, job))),
        };
        if was && let Some(work) = self.work_ms.get_mut(&kind) {
            *work = work.saturating_sub(estimate_ms.into());
        }
        if spot == Spot::Open && self.open.get(&(kind, request)).is_some_and(BTreeSet::is_empty) {
            self.open.remove(&(kind, request));
        }
    }

    pub(super) fn subscribe(&mut self, request: u32, subscribers: u32) {
        self.subscribers.insert(request, subscribers);
    }

    pub(super) fn work_ms(&self, kind: Kind) -> u64 {
        self.work_ms.get(&kind).copied().unwrap_or(0)
    }

    /// The job whose turn it is, of those whose lease ran out.
    pub(super) fn overdue(&self, kind: Kind, now: Timestamp) -> Option<JobNo> {
        let (turn, job) = self.expired.get(&kind)?.first()?;
        (*turn <= now).then_some(*job)
    }

    /// When the next of those is to be looked at.
    pub(super) fn next_turn(&self, kind: Kind) -> Option<Timestamp> {
        Some(self.expired.get(&kind)?.first()?.0)
    }

    /// Draws a request by `lottery`, any number, and gives its jobs, best ranked first.
    pub(super) fn draw(&self, kind: Kind, lottery: u64) -> impl Iterator<Item = JobNo> {
        let requests = || self.open.range((kind, 0)..=(kind, u32::MAX));
        let weight = |request: &u32| u64::from(self.subscribers.get(request).copied().unwrap_or(1).max(1));
        let all: u64 = requests().map(|((_, request), _)| weight(request)).sum();
        let mut left = if all == 0 { 0 } else { lottery % all };
        let mut drawn = None;
        for ((_, request), jobs) in requests() {
            if left < weight(request) {
                drawn = Some(jobs);
                break;
            }
            left -= weight(request);
        }
        drawn.into_iter().flatten().take(limits::LOOK_AHEAD).map(|(_, job)| *job)
    }
}
