//! The node's own claims: asked of witnesses, told, begun, kept alive.
//!
//! The first [`limits::WITNESSES`] members in the job's rank order are its witnesses. Two grants of theirs make a claim
//! witnessed: any two pairs of three meet in one, so nobody else has two for the same epoch. When too few of them
//! answer, the next members of the panel are asked whether they know of anybody, and the claim begins unwitnessed
//! after a moment in which a better one could be heard.

use std::collections::BTreeSet;

use super::{Claims, JobNo, Output, Place, Said, Standing, Vote, claim_lot, state::Timer};
use crate::{id::NodeId, limits, rank, time::Timestamp};

/// A claim of this node's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Mine {
    pub(super) epoch: u32,
    beat: u32,
    pub(super) progress: u16,
    phase: Phase,
    /// Who is asked, in rank order, and whether an answer came.
    panel: Vec<(NodeId, Asked)>,
    granted: BTreeSet<NodeId>,
    /// Witnesses that said that this node holds too much already.
    refused: usize,
    /// How often all were asked anew, for a later epoch.
    again: u8,
    /// When this goes on by itself.
    next: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    /// Witnesses were asked, for the so-manieth time.
    Asking(u8),
    /// Others ask for the same job and should give way.
    Contested,
    /// Told to everyone; a better claim may come.
    Settling,
    /// The work is under way.
    Running,
    /// It is done, and nobody confirmed that yet. Who did not hear of it still hears that the job is held.
    Delivered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Asked {
    Not,
    Since(Timestamp),
    Answered,
}

impl Mine {
    /// Whether the work is under way.
    pub(super) fn runs(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Whether the work has not begun.
    fn begins(&self) -> bool {
        !matches!(self.phase, Phase::Running | Phase::Delivered)
    }

    /// Whether it takes a worker.
    pub(super) fn is_busy(&self) -> bool {
        self.phase != Phase::Delivered
    }

    fn standing(&self) -> Standing {
        if self.granted.len() >= limits::QUORUM {
            Standing::Witnessed
        } else if matches!(self.phase, Phase::Settling | Phase::Running | Phase::Delivered) {
            Standing::Told
        } else {
            Standing::Asked
        }
    }
}

impl Claims {
    /// What this node says of a claim of its own.
    pub(super) fn said(&self, job: JobNo) -> Option<Said> {
        let (mine, known) = (self.mine.get(&job)?, self.jobs.get(job.0 as usize)?);
        let weight = self.members.get(&self.me).copied().unwrap_or(rank::ORDINARY).max(1);
        Some(Said {
            job,
            claimant: self.me,
            epoch: mine.epoch,
            beat: mine.beat,
            remaining_ms: limits::LEASE_MS,
            estimate_ms: u64::from(known.estimate_ms) * u64::from(rank::ORDINARY) / u64::from(weight),
            progress: mine.progress,
            standing: mine.standing(),
            released: false,
            lot: claim_lot(known.subject, &self.me, mine.epoch),
        })
    }

    /// Claims a job.
    pub(super) fn begin(&mut self, now: Timestamp, job: JobNo) {
        let known = &self.jobs[job.0 as usize];
        let granted = self.grants.get(&job).map_or(0, |grant| grant.said.epoch);
        let panel = rank::first(self.members.keys(), known.subject, limits::PANEL);
        let mine = Mine {
            epoch: known.epoch.max(granted) + 1,
            beat: 0,
            progress: 0,
            phase: Phase::Asking(0),
            panel: panel.into_iter().map(|node| (node, Asked::Not)).collect(),
            granted: BTreeSet::new(),
            refused: 0,
            again: 0,
            next: now,
        };
        self.mine.insert(job, mine);
        self.put(job, Place::Mine);
        if self.members.len() == 1 {
            // Nobody else could do it.
            return self.start(now, job);
        }
        if self.rules.witnesses { self.ask(now, job) } else { self.tell_and_settle(now, job) }
    }

    /// Goes on with a claim from before a restart.
    pub(super) fn resume(&mut self, now: Timestamp, said: &Said, granted: BTreeSet<NodeId>) {
        let job = said.job;
        let free = self.jobs.get(job.0 as usize).is_some_and(|job| job.place == Place::Open);
        if !free || said.claimant != self.me {
            return;
        }
        let mine = Mine {
            epoch: said.epoch,
            beat: said.beat,
            progress: said.progress,
            phase: Phase::Running,
            panel: Vec::new(),
            granted,
            refused: 0,
            again: 0,
            next: now,
        };
        self.mine.insert(job, mine);
        self.put(job, Place::Mine);
        self.beat(now, job);
        self.out.push_back(Output::Start { job, epoch: said.epoch, look: None });
    }

    /// Asks the witnesses that have not answered, and with each round some more of the panel.
    fn ask(&mut self, now: Timestamp, job: JobNo) {
        let Some(said) = self.said(job) else { return };
        let Some(mine) = self.mine.get_mut(&job) else { return };
        let Phase::Asking(round) = mine.phase else { return };
        let more = (limits::PANEL - limits::WITNESSES).div_ceil(limits::ROUNDS - 1);
        let width = limits::WITNESSES + more * usize::from(round);
        let mut own = false;
        for (node, asked) in mine.panel.iter_mut().take(width).filter(|(_, asked)| *asked != Asked::Answered)
        {
            if *node == self.me {
                *asked = Asked::Answered;
                own = true;
            } else {
                if *asked == Asked::Not {
                    *asked = Asked::Since(now);
                }
                self.out.push_back(Output::Ask { to: *node, said: said.clone() });
            }
        }
        mine.next = now.plus_ms(self.patience.ms());
        let next = mine.next;
        self.at(next, Timer::Mine(job));
        if own {
            // A witness of its own claim: bound by it as by any other.
            let vote = self.vote(now, &said);
            let (me, epoch) = (self.me, said.epoch);
            self.voted(now, &me, job, epoch, vote);
        }
    }

    /// A witness answered.
    pub(super) fn voted(&mut self, now: Timestamp, by: &NodeId, job: JobNo, epoch: u32, vote: Vote) {
        let Some(mine) = self.mine.get_mut(&job).filter(|mine| mine.epoch == epoch) else { return };
        let Some(at) = mine.panel.iter().position(|(node, _)| node == by) else { return };
        let before = std::mem::replace(&mut mine.panel[at].1, Asked::Answered);
        // Who cannot be reached abstains; how long that took to find out says nothing of answers.
        if let Asked::Since(asked) = before
            && vote != Vote::Abstain
        {
            self.patience.took(now.ms_since(asked));
        }
        match vote {
            Vote::Granted => {
                // Only those of the witnesses meet.
                if at < limits::WITNESSES {
                    mine.granted.insert(*by);
                }
                if mine.standing() == Standing::Witnessed && mine.begins() {
                    self.start(now, job);
                }
            }
            Vote::Held(said) if said.job == job && said.claimant != self.me => self.contest(now, &said),
            // One witness may lie: it cannot drive epochs up without end.
            Vote::Behind(known) => {
                if mine.begins() && known >= epoch && mine.again < limits::AGAIN {
                    self.again(now, job, known.min(epoch.saturating_add(limits::EPOCHS)));
                }
            }
            Vote::Exhausted => {
                mine.refused += 1;
                if mine.refused >= limits::QUORUM && mine.begins() {
                    self.rest_until = now.plus_ms(limits::LEASE_MS);
                    let until = self.rest_until;
                    self.at(until, Timer::Look);
                    self.give_back(now, job);
                }
            }
            // When nobody is left to wait for, it goes on at once.
            Vote::Abstain => {
                let waits = mine.panel.iter().any(|(_, asked)| matches!(asked, Asked::Since(_)));
                if matches!(mine.phase, Phase::Asking(_)) && !waits {
                    mine.next = now;
                    self.go_on(now, job);
                }
            }
            Vote::Held(_) | Vote::Over => {}
        }
    }

    /// Somebody else has the job, or asks for it.
    fn contest(&mut self, now: Timestamp, theirs: &Said) {
        let job = theirs.job;
        if theirs.standing > Standing::Asked {
            // Who asks gives way to who has it, unless that one had it for too long.
            return self.hear(now, theirs);
        }
        let Some(own) = self.said(job) else { return };
        if own.standing > Standing::Asked {
            return;
        }
        if theirs.beats(&own) {
            // The other one goes on; whoever of both begins will be heard of soon.
            self.block(job, now.plus_ms(limits::BEAT_MS));
            self.give_back(now, job);
        } else if let Some(mine) = self.mine.get_mut(&job) {
            mine.phase = Phase::Contested;
            mine.next = now.plus_ms(self.patience.ms());
            let next = mine.next;
            self.at(next, Timer::Mine(job));
        }
    }

    /// Asks again, for an epoch after `epoch`.
    fn again(&mut self, now: Timestamp, job: JobNo, epoch: u32) {
        let Some(mine) = self.mine.get_mut(&job) else { return };
        mine.epoch = mine.epoch.max(epoch) + 1;
        mine.phase = Phase::Asking(0);
        mine.again += 1;
        mine.refused = 0;
        mine.granted.clear();
        for (_, asked) in &mut mine.panel {
            *asked = Asked::Not;
        }
        self.ask(now, job);
    }

    /// What an own claim does when nothing else happened for a while.
    pub(super) fn go_on(&mut self, now: Timestamp, job: JobNo) {
        let Some(mine) = self.mine.get_mut(&job) else { return };
        if mine.next > now {
            let next = mine.next;
            return self.at(next, Timer::Mine(job));
        }
        match mine.phase {
            Phase::Asking(round) => {
                let unheard = mine.panel.iter().any(|(_, asked)| *asked != Asked::Answered);
                if unheard && usize::from(round) + 1 < limits::ROUNDS {
                    mine.phase = Phase::Asking(round + 1);
                    self.ask(now, job);
                } else {
                    self.tell_and_settle(now, job);
                }
            }
            Phase::Contested if mine.again < limits::AGAIN => {
                let epoch = mine.epoch;
                self.again(now, job, epoch);
            }
            Phase::Contested => self.tell_and_settle(now, job),
            Phase::Settling => self.start(now, job),
            Phase::Running | Phase::Delivered => self.beat(now, job),
        }
    }

    fn tell_and_settle(&mut self, now: Timestamp, job: JobNo) {
        let Some(mine) = self.mine.get_mut(&job) else { return };
        mine.phase = Phase::Settling;
        mine.next = now.plus_ms(self.patience.settle_ms());
        let next = mine.next;
        self.at(next, Timer::Mine(job));
        self.publish(job);
    }

    fn start(&mut self, now: Timestamp, job: JobNo) {
        let Some(mine) = self.mine.get_mut(&job) else { return };
        // Those who settled told it already; with grants it is news again.
        let tell = mine.phase != Phase::Settling || mine.granted.len() >= limits::QUORUM;
        if mine.phase == Phase::Settling {
            mine.beat += 1;
        }
        mine.phase = Phase::Running;
        mine.next = now.plus_ms(limits::BEAT_MS);
        let (next, epoch) = (mine.next, mine.epoch);
        self.at(next, Timer::Mine(job));
        if tell && self.members.len() > 1 {
            self.publish(job);
        }
        let look = self.doubted.get(&job).copied();
        self.out.push_back(Output::Start { job, epoch, look });
    }

    /// The work is done. The claim goes on until somebody confirms it, so that nobody to whom the news are late takes over.
    pub(super) fn deliver_own(&mut self, job: JobNo) {
        if let Some(mine) = self.mine.get_mut(&job) {
            (mine.phase, mine.progress) = (Phase::Delivered, 1_000);
        }
    }

    fn beat(&mut self, now: Timestamp, job: JobNo) {
        let Some(mine) = self.mine.get_mut(&job) else { return };
        mine.beat += 1;
        mine.next = now.plus_ms(limits::BEAT_MS);
        let next = mine.next;
        self.at(next, Timer::Mine(job));
        if self.members.len() > 1 {
            self.publish(job);
        }
    }

    fn publish(&mut self, job: JobNo) {
        if let Some(said) = self.said(job) {
            self.out.push_back(Output::Publish { said });
        }
    }

    /// Tells those who count on an own claim that it ends: everyone it was told to, or the witnesses that were asked.
    pub(super) fn release(&mut self, job: JobNo) {
        let (Some(said), Some(mine)) = (self.said(job), self.mine.get(&job)) else { return };
        let said = Said { released: true, remaining_ms: 0, beat: said.beat + 1, ..said };
        if let Some(grant) = self.grants.get_mut(&job).filter(|grant| grant.said.continues(&said)) {
            grant.until = Timestamp::default();
        }
        if said.standing > Standing::Asked {
            return self.out.push_back(Output::Publish { said });
        }
        let asked = mine.panel.iter().filter(|(node, asked)| *asked != Asked::Not && *node != self.me);
        let to: Vec<NodeId> = asked.map(|(node, _)| *node).collect();
        self.out.extend(to.into_iter().map(|to| Output::Ask { to, said: said.clone() }));
    }
}

impl Claims {
    /// Witnesses that granted an own claim, for whoever signs it.
    #[must_use]
    pub fn granted(&self, job: JobNo) -> Vec<NodeId> {
        self.mine.get(&job).map(|mine| mine.granted.iter().copied().collect()).unwrap_or_default()
    }
}
