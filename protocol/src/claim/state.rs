//! The machine that decides who does which job. It has no clock, no keys and no network: time comes with each input,
//! words come verified, and what is to be done comes out. Everyone who drives it feeds one input, then drains every
//! output in order before the next; what is to be written comes out before what rests on it.
//!
//! [`super::lease`] says which claim counts, [`super::queue`] and [`super::choice`] what is taken next, [`super::tenure`]
//! how the node's own claims go on, [`super::witness`] how others' are granted, [`super::delivery`] what becomes of what
//! is done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    Fact, Grant, Input, JobNo, Kind, Output, Rules, Said, Standing, Task, Verdict,
    delivery::Delivery,
    lease::Lease,
    patience::Patience,
    queue::{Entry, Queue, Spot},
    tenure::Mine,
};
use crate::{
    id::NodeId,
    limits,
    rank::{self, Subject},
    time::Timestamp,
};

/// One node's view of who does what in one group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claims {
    pub(super) me: NodeId,
    pub(super) rules: Rules,
    /// Members and their weights.
    pub(super) members: BTreeMap<NodeId, u32>,
    /// All weights together, and one that a quarter of the members reach.
    pub(super) weights: (u64, u32),
    pub(super) jobs: Vec<Job>,
    pub(super) queue: Queue,
    pub(super) leases: BTreeMap<JobNo, Lease>,
    /// Live leases and unchecked deliveries of each member, and how many it may have when that is less than usual.
    pub(super) open: BTreeMap<NodeId, u32>,
    pub(super) budgets: BTreeMap<NodeId, u32>,
    /// Tenures that lasted as long as any may: the last one of each claimant.
    spent: BTreeMap<JobNo, BTreeMap<NodeId, u32>>,
    pub(super) grants: BTreeMap<JobNo, Grant>,
    pub(super) mine: BTreeMap<JobNo, Mine>,
    /// How long witnesses are waited for.
    pub(super) patience: Patience,
    pub(super) workers: BTreeMap<Kind, usize>,
    /// Since when workers wait though there is work.
    pub(super) idle_since: BTreeMap<Kind, Timestamp>,
    pub(super) delivered: BTreeMap<JobNo, Delivery>,
    /// Who delivered what others found wrong.
    pub(super) doubted: BTreeMap<JobNo, NodeId>,
    /// Who said that a job cannot be done, ever.
    pub(super) gone: BTreeMap<JobNo, BTreeSet<NodeId>>,
    /// Jobs that this node cannot do before a time.
    pub(super) blocked: BTreeMap<JobNo, Timestamp>,
    pub(super) timers: BTreeSet<(Timestamp, Timer)>,
    /// No grants before this: what was granted before the start is not known.
    pub(super) abstain_until: Timestamp,
    /// This node holds so much, say witnesses, that it takes nothing more before this.
    pub(super) rest_until: Timestamp,
    /// State of the lottery.
    pub(super) lottery: u64,
    /// Something came that may give a free worker work.
    pub(super) look: bool,
    pub(super) out: VecDeque<Output>,
}

/// A job as the machine knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Job {
    pub(super) subject: Subject,
    pub(super) kind: Kind,
    request: u32,
    /// What an ordinary node needs.
    pub(super) estimate_ms: u32,
    /// This node's lot: jobs with low ones are taken first.
    pub(super) rank: u64,
    /// The highest epoch with grants.
    pub(super) epoch: u32,
    pub(super) place: Place,
}

/// Where a job stands, seen from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// Nobody does it.
    Open,
    /// Its claimant fell silent; from that time on it is this node's turn.
    Expired(Timestamp),
    /// Somebody does it.
    Leased,
    /// This node does it, or asks to.
    Mine,
    /// This node cannot do it for a while.
    Blocked,
    /// Somebody says that it is done, and nobody checked yet.
    Delivered,
    /// It is done.
    Done,
    /// It cannot be done, as two members found.
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Timer {
    Lease(JobNo),
    Mine(JobNo),
    Delivery(JobNo),
    Unblock(JobNo),
    Look,
}

impl Claims {
    /// A node that has just started; `seed` draws its lotteries. With `restored` the grants that it gave are known,
    /// without it abstains for one lease, as it may have granted what it does not remember.
    #[must_use]
    pub fn new(me: NodeId, rules: Rules, seed: u64, now: Timestamp, restored: Option<Vec<Grant>>) -> Self {
        let abstain_until = if restored.is_some() { now } else { now.plus_ms(limits::LEASE_MS) };
        let until = now.plus_ms(limits::LEASE_MS);
        let grants = restored.into_iter().flatten().map(|grant| (grant.said.job, Grant { until, ..grant }));
        Self {
            me,
            rules,
            members: BTreeMap::from([(me, rank::ORDINARY)]),
            weights: (rank::ORDINARY.into(), rank::ORDINARY),
            jobs: Vec::new(),
            queue: Queue::default(),
            leases: BTreeMap::new(),
            open: BTreeMap::new(),
            budgets: BTreeMap::new(),
            spent: BTreeMap::new(),
            grants: grants.collect(),
            mine: BTreeMap::new(),
            patience: Patience::default(),
            workers: BTreeMap::new(),
            idle_since: BTreeMap::new(),
            delivered: BTreeMap::new(),
            doubted: BTreeMap::new(),
            gone: BTreeMap::new(),
            blocked: BTreeMap::new(),
            timers: BTreeSet::new(),
            abstain_until,
            rest_until: now,
            lottery: seed,
            look: false,
            out: VecDeque::new(),
        }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        self.fire(now);
        match input {
            Input::Tick => {}
            Input::Members(members) => self.meet(members),
            Input::Task(task) => self.learn(task),
            Input::Subscribers { request, count } => self.queue.subscribe(request, count),
            Input::Workers { kind, count } => {
                self.workers.insert(kind, count);
                self.look = true;
            }
            Input::Heard(said) => self.hear(now, &said),
            Input::Asked(said) => self.asked(now, &said),
            Input::Voted { by, job, epoch, vote } => self.voted(now, &by, job, epoch, vote),
            Input::Progress { job, progress } => {
                if let Some(mine) = self.mine.get_mut(&job) {
                    mine.progress = progress;
                }
            }
            Input::GiveBack { job, until } => {
                self.block(job, until);
                self.give_back(now, job);
            }
            Input::Resume { said, granted } => self.resume(now, &said, granted),
            Input::Fact(fact) => self.fact(now, fact),
        }
        self.pull(now);
    }

    /// The next thing to be done; none when all is said.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Input::Tick`] is due at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Claims of others as they are known here, in the order of their jobs.
    pub fn leases(&self) -> impl Iterator<Item = &Lease> {
        self.leases.values()
    }

    /// This node's own claims as it would say them now.
    pub fn own(&self) -> impl Iterator<Item = Said> {
        self.mine.keys().filter_map(|job| self.said(*job)).filter(|said| said.standing > Standing::Asked)
    }

    /// Jobs that this node does, or asks for.
    pub fn claimed(&self) -> impl Iterator<Item = JobNo> {
        self.mine.iter().filter(|(_, mine)| mine.is_busy()).map(|(job, _)| *job)
    }

    /// Where a job stands, and who has it.
    #[must_use]
    pub fn job(&self, job: JobNo) -> Option<(Place, Option<&Said>)> {
        let place = self.jobs.get(job.0 as usize)?.place;
        Some((place, self.leases.get(&job).map(|lease| &lease.said)))
    }

    fn meet(&mut self, mut members: BTreeMap<NodeId, u32>) {
        members.entry(self.me).or_insert(rank::ORDINARY);
        let mut weights: Vec<_> = members.values().copied().collect();
        weights.sort_unstable();
        let quarter = weights[weights.len() - 1 - weights.len() / 4];
        self.weights = (members.values().map(|weight| u64::from(*weight)).sum(), quarter.max(1));
        self.members = members;
        self.look = true;
    }

    fn learn(&mut self, task: Task) {
        let Task { job, subject, kind, request, estimate_ms } = task;
        debug_assert_eq!(
            job.0 as usize,
            self.jobs.len(),
            "jobs are numbered in the order in which they are told"
        );
        let rank = if self.rules.ranked { rank::lot(&self.me, subject) } else { job.0.into() };
        self.jobs.push(Job { subject, kind, request, estimate_ms, rank, epoch: 0, place: Place::Gone });
        self.put(job, Place::Open);
    }

    /// Moves a job to another place, and in or out of the queue.
    pub(super) fn put(&mut self, number: JobNo, place: Place) {
        let Some(job) = self.jobs.get_mut(number.0 as usize) else { return };
        let entry = Entry {
            job: number,
            kind: job.kind,
            request: job.request,
            rank: job.rank,
            estimate_ms: job.estimate_ms,
        };
        if let Some(spot) = spot(job.place) {
            self.queue.take(entry, spot);
        }
        job.place = place;
        if let Some(spot) = spot(place) {
            self.queue.put(entry, spot);
            self.look = true;
            if let Spot::Expired(turn) = spot {
                self.timers.insert((turn, Timer::Look));
            }
        }
    }

    /// Whether nothing more is to be done for a job.
    pub(super) fn is_over(&self, job: JobNo) -> bool {
        let place = self.jobs.get(job.0 as usize).map(|job| job.place);
        matches!(place, None | Some(Place::Delivered | Place::Done | Place::Gone))
    }

    /// Somebody's word about its own claim, passed on by anybody.
    pub(super) fn hear(&mut self, now: Timestamp, said: &Said) {
        let number = said.job;
        if self.is_over(number) || said.claimant == self.me || !self.members.contains_key(&said.claimant) {
            return;
        }
        let Some(job) = self.jobs.get_mut(number.0 as usize) else { return };
        if said.standing == Standing::Witnessed {
            job.epoch = job.epoch.max(said.epoch);
        }
        if said.released {
            self.follow(said);
            if self.leases.get(&number).is_some_and(|lease| lease.said.continues(said)) {
                self.forget_lease(number);
                self.reopen(now, number);
            }
            return;
        }
        let estimate = self.jobs[number.0 as usize].estimate_ms.into();
        match self.leases.get_mut(&number) {
            Some(lease) if lease.said.continues(said) => {
                lease.hear(now, said);
                return self.follow(said);
            }
            Some(lease) if lease.holds(now) && !said.beats(&lease.said) => return,
            _ => {}
        }
        if said.remaining_ms == 0 {
            return;
        }
        let spent = self.spent.get(&number).and_then(|spent| spent.get(&said.claimant));
        if spent.is_some_and(|epoch| *epoch >= said.epoch) || self.is_exhausted(&said.claimant, number) {
            return;
        }
        if let Some(own) = self.said(number) {
            if !said.beats(&own) {
                return;
            }
            self.stop(now, number, said.claimant);
        }
        self.forget_lease(number);
        let lease = Lease::open(now, said.clone(), estimate);
        self.timers.insert((lease.alarm, Timer::Lease(number)));
        *self.open.entry(said.claimant).or_default() += 1;
        self.leases.insert(number, lease);
        self.put(number, Place::Leased);
        self.follow(said);
    }

    /// How many leases a claimant may have at once.
    pub(super) fn budget(&self, claimant: &NodeId) -> u32 {
        self.budgets.get(claimant).copied().unwrap_or(limits::OPEN_CLAIMS)
    }

    /// Whether a claimant has all the leases that it may have; this job's is not counted.
    pub(super) fn is_exhausted(&self, claimant: &NodeId, job: JobNo) -> bool {
        let here = self.leases.get(&job).is_some_and(|lease| lease.said.claimant == *claimant);
        let open = self.open.get(claimant).copied().unwrap_or(0) - u32::from(here);
        open >= self.budget(claimant)
    }

    pub(super) fn forget_lease(&mut self, job: JobNo) {
        let Some(lease) = self.leases.remove(&job) else { return };
        self.timers.remove(&(lease.alarm, Timer::Lease(job)));
        if let Some(open) = self.open.get_mut(&lease.said.claimant) {
            *open = open.saturating_sub(1);
        }
    }

    /// A job that nobody does any more: open again, or blocked for this node.
    pub(super) fn reopen(&mut self, now: Timestamp, job: JobNo) {
        match self.blocked.get(&job).copied() {
            Some(until) if until > now => {
                self.timers.insert((until, Timer::Unblock(job)));
                self.put(job, Place::Blocked);
            }
            _ => {
                self.blocked.remove(&job);
                self.put(job, Place::Open);
            }
        }
    }

    /// Keeps this node from a job for a while.
    pub(super) fn block(&mut self, job: JobNo, until: Timestamp) {
        self.blocked.insert(job, until);
        let place = self.jobs.get(job.0 as usize).map(|job| job.place);
        if matches!(place, Some(Place::Open | Place::Expired(_) | Place::Blocked)) {
            self.timers.insert((until, Timer::Unblock(job)));
            self.put(job, Place::Blocked);
        }
    }

    fn fire(&mut self, now: Timestamp) {
        while let Some((at, timer)) = self.timers.first().copied()
            && at <= now
        {
            self.timers.remove(&(at, timer));
            match timer {
                Timer::Look => self.look = true,
                Timer::Mine(job) => self.go_on(now, job),
                Timer::Lease(job) => self.run_out(now, job),
                Timer::Delivery(job) => self.look_at(now, job),
                Timer::Unblock(job) => {
                    if self.jobs[job.0 as usize].place == Place::Blocked {
                        self.reopen(now, job);
                    }
                }
            }
        }
    }

    pub(super) fn at(&mut self, at: Timestamp, timer: Timer) {
        self.timers.insert((at, timer));
    }

    /// A lease was to run out now, unless it was extended.
    fn run_out(&mut self, now: Timestamp, number: JobNo) {
        let Some(lease) = self.leases.get_mut(&number) else { return };
        if lease.holds(now) {
            lease.alarm = lease.until;
            self.timers.insert((lease.alarm, Timer::Lease(number)));
            return;
        }
        // No result: whoever claims and does not deliver may claim less.
        let claimant = lease.said.claimant;
        if lease.is_spent(now) {
            self.spent.entry(number).or_default().insert(claimant, lease.said.epoch);
        }
        let left = (self.budget(&claimant) / 2).max(1);
        self.budgets.insert(claimant, left);
        self.forget_lease(number);
        if self.blocked.get(&number).is_some_and(|until| *until > now) {
            return self.reopen(now, number);
        }
        let subject = self.jobs[number.0 as usize].subject;
        let weight = self.members.get(&self.me).copied().unwrap_or(rank::ORDINARY);
        let before = rank::place(&self.members, subject, &self.me, weight).min(limits::TURNS);
        self.put(number, Place::Expired(now.plus_ms(before as u64 * limits::TURN_MS)));
    }

    fn fact(&mut self, now: Timestamp, fact: Fact) {
        match fact {
            Fact::Delivered { job, by } => self.deliver(now, job, by),
            Fact::Confirmed { job } => self.close(job, Place::Done),
            Fact::Refuted { job, by } => self.refute(now, job, by),
            Fact::Failed { job, by, verdict } => {
                if self.is_over(job) {
                    return;
                }
                if let Verdict::Gone = verdict {
                    let who = self.gone.entry(job).or_default();
                    who.insert(by);
                    // A second opinion, if there is anyone to give one.
                    if who.len() >= 2.min(self.members.len()) {
                        return self.close(job, Place::Gone);
                    }
                }
                if by == self.me {
                    let until = if let Verdict::Until(until) = verdict { until } else { Timestamp(u64::MAX) };
                    self.blocked.insert(job, until);
                    self.give_back(now, job);
                } else if self.leases.get(&job).is_some_and(|lease| lease.said.claimant == by) {
                    self.forget_lease(job);
                    self.reopen(now, job);
                }
            }
        }
    }

    /// Nothing more is to be done for a job.
    pub(super) fn finish(&mut self, job: JobNo, by: NodeId, place: Place) {
        self.forget_lease(job);
        self.blocked.remove(&job);
        if place == Place::Delivered {
            // Should it be doubted, an epoch is still not granted twice.
            self.grants.entry(job).and_modify(|grant| grant.until = Timestamp::default());
        } else {
            self.grants.remove(&job);
            self.spent.remove(&job);
        }
        if place == Place::Delivered && by == self.me {
            self.deliver_own(job);
        } else if self.mine.remove(&job).is_some_and(|mine| mine.runs()) && by != self.me {
            self.out.push_back(Output::Stop { job, to: Some(by) });
        }
        self.look = true;
        self.put(job, place);
    }

    /// Ends an own claim and opens the job again.
    pub(super) fn give_back(&mut self, now: Timestamp, job: JobNo) {
        self.release(job);
        if self.mine.remove(&job).is_some_and(|mine| mine.runs()) {
            self.out.push_back(Output::Stop { job, to: None });
        }
        if !self.is_over(job) && !self.leases.contains_key(&job) {
            self.reopen(now, job);
        }
        self.look = true;
    }

    /// Ends an own claim because another one counts.
    fn stop(&mut self, now: Timestamp, job: JobNo, to: NodeId) {
        self.release(job);
        if self.mine.remove(&job).is_some_and(|mine| mine.runs()) {
            self.out.push_back(Output::Stop { job, to: Some(to) });
        }
        self.reopen(now, job);
    }
}

fn spot(place: Place) -> Option<Spot> {
    match place {
        Place::Open => Some(Spot::Open),
        Place::Expired(turn) => Some(Spot::Expired(turn)),
        Place::Leased | Place::Mine | Place::Blocked | Place::Delivered | Place::Done | Place::Gone => None,
    }
}
