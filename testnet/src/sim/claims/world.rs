//! One run: what happens when, the faults, and what nodes say to each other.

use std::{collections::BTreeMap, rc::Rc};

use fastrand::Rng;
use horahora_protocol::{
    NodeId,
    claim::{Fact, Input, JobNo, Kind, Output, Said, Standing, Task, Vote},
    limits,
    rank::Subject,
};

use super::{
    Coordination, Lie, Options, Report,
    actor::{Actor, Node},
    central,
    overlay::{Overlay, Reach},
    verdict::Tally,
};
use crate::sim::{
    chance::{exp, normal},
    queue::{Micros, Queue},
};

pub(super) const SECOND: Micros = 1_000_000;
/// Jobs take 60 s x e^N(0, 0.7) on an ordinary node; nodes have the speed e^N(0, 0.6).
const JOB_MS: f64 = 60_000.0;
const JOB_SPREAD: f64 = 0.7;
const SPEED_SPREAD: f64 = 0.6;
/// How wrong estimates are: by half or double at the most in 98 of 100 cases.
const ESTIMATE_SPREAD: f64 = 0.3;
/// How often a node compares what it knows with a random other one.
const COMPARE: Micros = limits::COMPARE_MS * 1_000;
/// The mean time that a crashed node is away.
pub(super) const AWAY: Micros = 120 * SECOND;
/// How long it takes to look at what was delivered, and when somebody who could not be reached is tried again.
const LOOK: Micros = SECOND;
pub(super) const LOOK_AGAIN: Micros = 30 * SECOND;
/// When a partition begins.
const CUT_AT: Micros = 120 * SECOND;
/// The end of a run that does not come to its own, after the time that a queue would take: 20 times, and an hour.
const LIMIT: Micros = 3_600 * SECOND;
/// Words of the bitmap of entries: deliveries, confirmations and refutations, with room for duplicates.
const ENTRIES_PER_JOB: usize = 8;

/// Bytes of the trace that are hashed at once.
const NOTES: usize = 1 << 16;

#[derive(Debug)]
pub(super) enum Event {
    Begin(Node),
    Wake(Node),
    /// The next receiver of a message that is under way.
    Arrive(Rc<Message>, usize),
    Asked {
        to: Node,
        said: Box<Said>,
    },
    Voted {
        to: Node,
        answer: Box<Answer>,
    },
    Finish {
        node: Node,
        life: u32,
        job: JobNo,
        epoch: u32,
    },
    Look {
        node: Node,
        life: u32,
        job: JobNo,
        by: Node,
    },
    /// A claimant looks at what was called wrong before it does it again.
    LookFirst {
        node: Node,
        life: u32,
        job: JobNo,
        epoch: u32,
        by: Node,
    },
    Compare(Node),
    Crash(Node),
    Return {
        node: Node,
        disk: bool,
    },
    Cut,
    Heal,
}

/// What a witness answered, and the entries that it showed.
#[derive(Debug)]
pub(super) struct Answer {
    by: NodeId,
    job: JobNo,
    epoch: u32,
    vote: Vote,
    over: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct Message {
    what: News,
    /// When it arrives where.
    arrivals: Vec<(Micros, Node)>,
}

#[derive(Debug, Clone)]
pub(super) enum News {
    Claim(Said),
    Entry(usize),
}

pub(super) struct World {
    pub(super) options: Options,
    pub(super) queue: Queue<Event>,
    pub(super) rng: Rng,
    pub(super) overlay: Overlay,
    pub(super) nodes: Vec<Actor>,
    pub(super) numbers: BTreeMap<NodeId, Node>,
    pub(super) members: BTreeMap<NodeId, u32>,
    pub(super) tasks: Vec<Task>,
    pub(super) work_ms: Vec<u64>,
    /// What feeds say, all feeds together, and whether somebody lied.
    pub(super) entries: Vec<(Fact, bool)>,
    /// Entries of each job.
    pub(super) of: Vec<Vec<usize>>,
    /// Nodes before this number are cut off.
    pub(super) cut: u32,
    pub(super) tally: Tally,
    pub(super) trace: blake3::Hasher,
    /// What happened since the trace was hashed.
    pub(super) notes: Vec<u8>,
}

impl Reach for World {
    fn reaches(&self, from: u32, to: u32) -> bool {
        let crosses = (from < self.cut) != (to < self.cut);
        !crosses && self.nodes[to as usize].is_up
    }
}

impl World {
    pub(super) fn new(options: &Options) -> Self {
        let mut rng = Rng::with_seed(options.seed);
        let overlay = Overlay::new(options.nodes, options.loss, &mut rng);
        let log_normal = |rng: &mut Rng, spread: f64| exp(spread * normal(rng));
        let speeds: Vec<u32> =
            (0..options.nodes).map(|_| (1_000.0 * log_normal(&mut rng, SPEED_SPREAD)) as u32).collect();
        let work_ms: Vec<u64> =
            (0..options.jobs).map(|_| (JOB_MS * log_normal(&mut rng, JOB_SPREAD)) as u64).collect();
        let mut tasks = Vec::new();
        for (number, work) in (0..).zip(&work_ms) {
            let subject = Subject::named(&format!("capture/sim:{}/{number}", options.seed));
            let estimate_ms = (*work as f64 * log_normal(&mut rng, ESTIMATE_SPREAD)) as u32;
            tasks.push(Task { job: JobNo(number), subject, kind: Kind::Capture, request: 0, estimate_ms });
        }
        let liars = options.nodes * options.liars / 100;
        let words = (options.jobs as usize * ENTRIES_PER_JOB).div_ceil(64);
        let mut nodes = Vec::new();
        for (number, speed) in (0..).zip(&speeds) {
            // Liars stand on both sides of a cut.
            let lies = liars > 0
                && number % (options.nodes / liars) == 0
                && number / (options.nodes / liars) < liars;
            let clock = (rng.u64(0..7_200_000), rng.u64(0..200));
            nodes.push(Actor::new(number, *speed, lies.then_some(options.lie), clock, words));
        }
        let central = central::finish(&work_ms, &speeds);
        let work: u64 = work_ms.iter().sum();
        let mut world = Self {
            options: options.clone(),
            queue: Queue::default(),
            rng,
            overlay,
            numbers: nodes.iter().zip(0..).map(|(node, number)| (node.id, number)).collect(),
            members: nodes.iter().map(|node| (node.id, node.speed)).collect(),
            nodes,
            tasks,
            entries: Vec::new(),
            of: vec![Vec::new(); work_ms.len()],
            cut: 0,
            tally: Tally::new(options.jobs as usize, central, work),
            work_ms,
            trace: blake3::Hasher::new(),
            notes: Vec::new(),
        };
        world.plan();
        world
    }

    fn plan(&mut self) {
        for node in 0..self.options.nodes {
            self.boot(node, true);
            if self.options.coordination.compares() {
                let first = self.rng.u64(0..COMPARE);
                self.queue.after(first, Event::Compare(node));
            }
            self.plan_crash(node);
        }
        for node in 0..self.options.nodes {
            // People do not press the button in the same millisecond.
            let at = self.rng.u64(0..2 * SECOND);
            self.queue.at(at, Event::Begin(node));
        }
        if self.options.cut.seconds > 0 {
            self.queue.at(CUT_AT, Event::Cut);
            self.queue.at(CUT_AT + self.options.cut.seconds * SECOND, Event::Heal);
        }
    }

    pub(super) fn boot(&mut self, node: Node, fresh: bool) {
        let alone = BTreeMap::from([(self.nodes[node as usize].id, self.nodes[node as usize].speed)]);
        let none = self.options.coordination == Coordination::None;
        let members = if none { &alone } else { &self.members };
        let at = self.queue.now();
        let actor = &mut self.nodes[node as usize];
        actor.boot(at, self.options.coordination.rules(), members, &self.tasks, fresh);
        for (entry, (fact, _)) in self.entries.iter().enumerate() {
            if actor.has(entry) {
                actor.machine.handle(actor.clock(at), Input::Fact(*fact));
            }
        }
    }

    pub(super) fn run(mut self) -> Report {
        if self.options.coordination == Coordination::Central {
            return self.tally.central(self.options);
        }
        let limit = match self.options.until_s {
            0 => self.tally.central_finish() * 20 + LIMIT,
            until_s => until_s * SECOND,
        };
        let mut look = 0;
        while self.queue.now() < limit
            && let Some(event) = self.queue.next()
        {
            self.happen(event);
            if self.queue.now() >= look {
                look = self.queue.now() + SECOND;
                if self.is_over() {
                    break;
                }
            }
        }
        let behind = self.behind();
        self.trace.update(&self.notes);
        self.tally.report(self.options, self.trace.finalize().to_hex().to_string(), behind)
    }

    /// Everything is done, nobody works on anything any more, and everybody who is here knows.
    fn is_over(&self) -> bool {
        let rest = |node: &Actor| node.lie.is_some() || node.runs.is_empty();
        self.tally.is_done() && self.cut == 0 && self.nodes.iter().all(rest) && self.behind() == 0
    }

    /// Nodes that lack an entry, of those that compare what they know.
    fn behind(&self) -> usize {
        if !self.options.coordination.compares() {
            return 0;
        }
        let all = self.entries.len();
        self.nodes.iter().filter(|node| node.is_up && !(0..all).all(|entry| node.has(entry))).count()
    }

    pub(super) fn note(&mut self, kind: u8, a: u64, b: u64) {
        self.notes.push(kind);
        for number in [self.queue.now(), a, b] {
            self.notes.extend_from_slice(&number.to_le_bytes());
        }
        if self.notes.len() > NOTES {
            self.trace.update(&self.notes);
            self.notes.clear();
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Begin(node) => {
                if self.nodes[node as usize].is_up {
                    self.nodes[node as usize].employ(self.queue.now());
                    self.drain(node);
                }
            }
            Event::Wake(node) => self.wake(node),
            Event::Arrive(message, next) => self.arrive(message, next),
            Event::Asked { to, said } => self.asked(to, *said),
            Event::Voted { to, answer } => {
                let Answer { by, job, epoch, vote, over } = *answer;
                if self.nodes[to as usize].is_up {
                    self.note(4, to.into(), job.0.into());
                    for entry in over {
                        self.learn(to, entry);
                    }
                    self.feed(to, Input::Voted { by, job, epoch, vote });
                }
            }
            Event::Finish { node, life, job, epoch } => self.finish(node, life, job, epoch),
            Event::Look { node, life, job, by } => self.look(node, life, job, by),
            Event::LookFirst { node, life, job, epoch, by } => self.look_first(node, life, job, epoch, by),
            Event::Compare(node) => {
                self.compare(node);
                self.queue.after(COMPARE, Event::Compare(node));
            }
            Event::Crash(node) => self.crash(node),
            Event::Return { node, disk } => self.come_back(node, disk),
            Event::Cut => self.cut = (f64::from(self.options.nodes) * self.options.cut.fraction) as u32,
            Event::Heal => self.cut = 0,
        }
    }

    fn wake(&mut self, node: Node) {
        let at = self.queue.now();
        let actor = &mut self.nodes[node as usize];
        if !actor.is_up || actor.wake != at {
            return;
        }
        actor.wake = Micros::MAX;
        self.feed(node, Input::Tick);
    }

    /// Gives a node's machine an input and does what it says.
    pub(super) fn feed(&mut self, node: Node, input: Input) {
        let at = self.queue.now();
        let actor = &mut self.nodes[node as usize];
        actor.machine.handle(actor.clock(at), input);
        self.drain(node);
    }

    pub(super) fn drain(&mut self, node: Node) {
        while let Some(output) = self.nodes[node as usize].machine.poll_output() {
            self.act(node, output);
        }
        let at = self.queue.now();
        let actor = &mut self.nodes[node as usize];
        if let Some(due) = actor.machine.poll_timeout() {
            let due = actor.when(due).max(at);
            if due < actor.wake {
                actor.wake = due;
                self.queue.at(due, Event::Wake(node));
            }
        }
    }

    fn act(&mut self, node: Node, output: Output) {
        let at = self.queue.now();
        match output {
            Output::Persist { grant } => {
                self.nodes[node as usize].disk.grants.insert(grant.said.job, grant);
            }
            Output::Ask { to, said } => {
                self.tally.messages.asks += 1;
                let to = self.numbers[&to];
                self.send(node, to, Event::Asked { to, said: said.into() });
            }
            Output::Vote { to, job, epoch, vote } => {
                self.tally.messages.votes += 1;
                let (to, by) = (self.numbers[&to], self.nodes[node as usize].id);
                // Who says that a job is over shows the entries that say so.
                let over = if vote == Vote::Over { self.of[job.0 as usize].clone() } else { Vec::new() };
                let over = over.into_iter().filter(|entry| self.nodes[node as usize].has(*entry)).collect();
                let answer = Answer { by, job, epoch, vote, over };
                self.send(node, to, Event::Voted { to, answer: answer.into() });
            }
            Output::Publish { said } => {
                if said.standing == Standing::Witnessed && !said.released {
                    let granted = self.nodes[node as usize].machine.granted(said.job);
                    let granted = granted.iter().map(|witness| self.numbers[witness]).collect();
                    let lies = |witness: Node| self.nodes[witness as usize].lie.is_some();
                    self.tally.witnessed(said.job, said.epoch, node, granted, lies);
                }
                let actor = &mut self.nodes[node as usize];
                if let Some(run) = actor.runs.get(&said.job) {
                    let done = run.before + (at - run.since);
                    actor.disk.claim = Some((said.clone(), actor.machine.granted(said.job), done, at));
                }
                self.tally.messages.claims += 1;
                self.gossip(node, News::Claim(said));
            }
            Output::Start { job, epoch, look: Some(by) } => {
                let (life, by) = (self.nodes[node as usize].life, self.numbers[&by]);
                self.queue.after(LOOK, Event::LookFirst { node, life, job, epoch, by });
            }
            Output::Start { job, epoch, look: None } => self.start(node, job, epoch),
            Output::Stop { job, .. } => self.stop(node, job),
            Output::Check { job, by } => {
                let (life, by) = (self.nodes[node as usize].life, self.numbers[&by]);
                self.queue.after(LOOK, Event::Look { node, life, job, by });
            }
        }
    }

    pub(super) fn learn(&mut self, node: Node, entry: usize) {
        let at = self.queue.now();
        let (fact, _) = self.entries[entry];
        self.nodes[node as usize].learn(at, entry, fact);
        self.drain(node);
    }

    pub(super) fn gossip(&mut self, node: Node, what: News) {
        if self.options.coordination == Coordination::None && matches!(what, News::Claim(_)) {
            return;
        }
        let mut rng = std::mem::take(&mut self.rng);
        let mut arrivals = self.overlay.flood(node, self, &mut rng);
        self.rng = rng;
        let now = self.queue.now();
        for (at, _) in &mut arrivals {
            self.tally.delay(*at);
            *at += now;
        }
        if let Some((first, _)) = arrivals.first().copied() {
            self.queue.at(first, Event::Arrive(Rc::new(Message { what, arrivals }), 0));
        }
    }

    fn arrive(&mut self, message: Rc<Message>, next: usize) {
        let (_, node) = message.arrivals[next];
        let what = message.what.clone();
        if let Some((at, _)) = message.arrivals.get(next + 1).copied() {
            self.queue.at(at, Event::Arrive(message, next + 1));
        }
        if !self.nodes[node as usize].is_up {
            return;
        }
        match what {
            News::Claim(said) => {
                self.note(5, node.into(), said.job.0.into());
                self.feed(node, Input::Heard(said));
            }
            News::Entry(entry) => {
                self.note(6, node.into(), entry as u64);
                self.learn(node, entry);
            }
        }
    }

    /// Sends something to one node.
    fn send(&mut self, from: Node, to: Node, event: Event) {
        if self.reaches(from, to) && !self.overlay.loses(&mut self.rng) {
            let delay = self.overlay.delay(&mut self.rng);
            self.queue.after(delay, event);
        }
    }

    fn asked(&mut self, to: Node, said: Said) {
        if !self.nodes[to as usize].is_up {
            return;
        }
        self.note(7, to.into(), said.job.0.into());
        match self.nodes[to as usize].lie {
            Some(Lie::Grant) if !said.released => {
                let vote = Vote::Granted;
                self.act(to, Output::Vote { to: said.claimant, job: said.job, epoch: said.epoch, vote });
            }
            // Without the other's signed word nobody believes that somebody else has it: as good as no answer.
            Some(Lie::Deny) => {
                let vote = Vote::Abstain;
                self.act(to, Output::Vote { to: said.claimant, job: said.job, epoch: said.epoch, vote });
            }
            _ => self.feed(to, Input::Asked(said)),
        }
    }
}
