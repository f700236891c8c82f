//! What becomes of a job that somebody says is done: others look, confirm it or find it wrong, and in the end it is
//! closed, or open again.

use std::collections::BTreeSet;

use super::{Claims, JobNo, Kind, Output, Place, state::Timer};
use crate::{id::NodeId, limits, rank, time::Timestamp};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Delivery {
    by: NodeId,
    since: Timestamp,
    check: Option<Check>,
    /// When it is not believed any more.
    doubted: Timestamp,
    /// Members who found that it is not what it should be.
    refuted: BTreeSet<NodeId>,
    /// When it is looked at next.
    alarm: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Check {
    /// When this node finds out when its turn is.
    Look(Timestamp),
    /// Its turn, if nobody before it did.
    At(Timestamp),
}

impl Claims {
    pub(super) fn deliver(&mut self, now: Timestamp, number: JobNo, by: NodeId) {
        let Some(job) = self.jobs.get(number.0 as usize) else { return };
        let (subject, kind, rank) = (job.subject, job.kind, job.rank);
        if self.budget(&by) < limits::OPEN_CLAIMS {
            let more = (self.budget(&by) * 2).min(limits::OPEN_CLAIMS);
            self.budgets.insert(by, more);
        }
        if self.is_over(number) {
            return;
        }
        if kind != Kind::Capture || self.members.len() == 1 {
            return self.finish(number, by, Place::Done);
        }
        self.finish(number, by, Place::Delivered);
        // Until somebody looked it is a claim like any other.
        *self.open.entry(by).or_default() += 1;
        // Nearly always the first few are those of the lowest lots; the others need not look who is before them.
        let low = (u64::MAX / self.members.len() as u64).saturating_mul(limits::LOW_LOTS);
        let lot = if self.rules.ranked { rank } else { rank::lot(&self.me, subject) };
        let first = if lot <= low { now } else { now.plus_ms(limits::CHECK_LATE_MS) };
        let (since, doubted) = (now, now.plus_ms(limits::DOUBT_MS));
        let check = (by != self.me).then_some(Check::Look(first));
        let delivery = Delivery { by, since, check, doubted, refuted: BTreeSet::new(), alarm: doubted };
        self.delivered.insert(number, delivery);
        self.look_at(now, number);
    }

    /// Looks whether a delivered job is to be checked or doubted by now.
    pub(super) fn look_at(&mut self, now: Timestamp, job: JobNo) {
        let Some(delivery) = self.delivered.get_mut(&job) else { return };
        if delivery.doubted <= now {
            return self.doubt(now, job);
        }
        if let Some(Check::Look(at)) = delivery.check
            && at <= now
        {
            let subject = self.jobs[job.0 as usize].subject;
            let others = self.members.keys().filter(|node| **node != delivery.by);
            let own = (rank::lot(&self.me, subject), &self.me);
            let before = others.filter(|node| (rank::lot(node, subject), *node) < own).count();
            delivery.check = Some(Check::At(delivery.since.plus_ms(before as u64 * limits::CHECK_MS)));
        }
        if let Some(Check::At(at)) = delivery.check
            && at <= now
        {
            delivery.check = None;
            self.out.push_back(Output::Check { job, by: delivery.by });
        }
        let next = delivery
            .check
            .map_or(delivery.doubted, |(Check::Look(at) | Check::At(at))| at.min(delivery.doubted));
        self.timers.remove(&(std::mem::replace(&mut delivery.alarm, next), Timer::Delivery(job)));
        self.timers.insert((next, Timer::Delivery(job)));
    }

    pub(super) fn refute(&mut self, now: Timestamp, job: JobNo, by: NodeId) {
        let Some(delivery) = self.delivered.get_mut(&job) else { return };
        delivery.refuted.insert(by);
        // One alone may lie; among two nobody is left to ask.
        if delivery.refuted.len() >= 2.min(self.members.len() - 1) {
            return self.doubt(now, job);
        }
        // The next one need not wait any longer.
        if let Some(Check::At(at)) = &mut delivery.check {
            *at = Timestamp(at.0.saturating_sub(limits::CHECK_MS));
        }
        self.look_at(now, job);
    }

    /// Nobody could confirm what was delivered: the job is open again, for others.
    fn doubt(&mut self, now: Timestamp, job: JobNo) {
        let Some(delivery) = self.settle(job) else { return };
        if delivery.by == self.me {
            self.mine.remove(&job);
            self.blocked.insert(job, Timestamp(u64::MAX));
        } else {
            self.budgets.insert(delivery.by, (self.budget(&delivery.by) / 2).max(1));
            self.doubted.insert(job, delivery.by);
        }
        self.jobs[job.0 as usize].place = Place::Open;
        self.reopen(now, job);
    }

    /// Nobody waits any more for a word about what was delivered.
    fn settle(&mut self, job: JobNo) -> Option<Delivery> {
        let delivery = self.delivered.remove(&job)?;
        self.timers.remove(&(delivery.alarm, Timer::Delivery(job)));
        if let Some(open) = self.open.get_mut(&delivery.by) {
            *open = open.saturating_sub(1);
        }
        Some(delivery)
    }

    pub(super) fn close(&mut self, job: JobNo, place: Place) {
        if let Some(known) = self.jobs.get(job.0 as usize)
            && !matches!(known.place, Place::Done | Place::Gone)
        {
            self.settle(job);
            self.gone.remove(&job);
            self.doubted.remove(&job);
            let by = self.me;
            self.finish(job, by, place);
        }
    }
}
