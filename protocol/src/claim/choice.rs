//! What a free worker takes: of the jobs that this node is best ranked for the longest, unless a faster node should have it.

use super::{Claims, JobNo, Kind, state::Timer};
use crate::{limits, rank, time::Timestamp};

impl Claims {
    /// Gives free workers work.
    pub(super) fn pull(&mut self, now: Timestamp) {
        if !std::mem::take(&mut self.look) || now < self.rest_until {
            return;
        }
        for (kind, workers) in self.workers.clone() {
            let busy = |claims: &Self| {
                let mine = claims.mine.iter().filter(|(_, mine)| mine.is_busy());
                mine.filter(|(job, _)| claims.jobs[job.0 as usize].kind == kind).count()
            };
            while busy(self) < workers {
                let Some(job) = self.choose(now, kind) else { break };
                self.idle_since.remove(&kind);
                self.begin(now, job);
            }
            if busy(self) < workers {
                self.wait(now, kind);
            }
        }
        self.look = false;
    }

    /// When a worker without work is to look again by itself.
    fn wait(&mut self, now: Timestamp, kind: Kind) {
        if let Some(turn) = self.queue.next_turn(kind).filter(|turn| *turn > now) {
            self.timers.insert((turn, Timer::Look));
        }
        if self.queue.work_ms(kind) > 0 {
            let since = *self.idle_since.entry(kind).or_insert(now);
            let again = since.plus_ms(limits::LEASE_MS);
            if again > now {
                self.timers.insert((again, Timer::Look));
            }
        }
    }

    fn choose(&mut self, now: Timestamp, kind: Kind) -> Option<JobNo> {
        if let Some(job) = self.queue.overdue(kind, now) {
            return Some(job);
        }
        let lottery = self.lottery();
        if !self.rules.ranked {
            return self.queue.draw(kind, lottery).next();
        }
        // Of those that it is best ranked for the longest, so that only short ones are left for the end.
        let fit = self.queue.draw(kind, lottery).filter(|job| self.is_fit(now, kind, *job));
        fit.take(limits::CHOICES).max_by_key(|job| self.jobs[job.0 as usize].estimate_ms)
    }

    /// Near the end a slow node leaves a long job to a faster one that will be free soon; but not for ever.
    fn is_fit(&self, now: Timestamp, kind: Kind, job: JobNo) -> bool {
        let (all, quarter) = self.weights;
        let estimate = u64::from(self.jobs[job.0 as usize].estimate_ms);
        let own = self.members.get(&self.me).copied().unwrap_or(rank::ORDINARY).max(1);
        let ordinary = u64::from(rank::ORDINARY);
        let (here, there) = (estimate * ordinary / u64::from(own), estimate * ordinary / u64::from(quarter));
        let rest = self.queue.work_ms(kind) * ordinary / all.max(1);
        let waited = self.idle_since.get(&kind).is_some_and(|since| now.ms_since(*since) >= limits::LEASE_MS);
        here <= rest + there + limits::BEAT_MS || waited
    }

    /// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    fn lottery(&mut self) -> u64 {
        self.lottery = self.lottery.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.lottery;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
