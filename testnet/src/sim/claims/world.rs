//! One run: what happens when, the faults, and what nodes say to each other.

use std::{collections::BTreeMap, rc::Rc};

use fastrand::Rng;
use horahora_protocol::{
    NodeId,
    claim::{Fact, Input, JobNo, Kind, Output, Said, Standing, Task, Vote},
    rank::Subject,
};

use super::{
    Coordination, Lie, Options, Report,
    actor::{Actor, Node, Run},
    central,
    overlay::{Overlay, Reach},
    verdict::Tally,
};
use crate::sim::{
    chance::{exp, normal},
    queue::{Micros, Queue},
};

const SECOND: Micros = 1_000_000;
/// Jobs take 60 s x e^N(0, 0.7) on an ordinary node; nodes have the speed e^N(0, 0.6).
const JOB_MS: f64 = 60_000.0;
const JOB_SPREAD: f64 = 0.7;
const SPEED_SPREAD: f64 = 0.6;
/// How wrong estimates are: by half or double at the most in 98 of 100 cases.
const ESTIMATE_SPREAD: f64 = 0.3;
/// How often a node compares what it knows with a random other one.
const COMPARE: Micros = 15 * SECOND;
/// The mean time that a crashed node is away.
const AWAY: Micros = 120 * SECOND;
/// How long it takes to look at what was delivered, and when somebody who could not be reached is tried again.
const LOOK: Micros = SECOND;
const LOOK_AGAIN: Micros = 30 * SECOND;
/// When a partition begins.
const CUT_AT: Micros = 120 * SECOND;
/// The end of a run that does not come to its own, after the time that a queue would take: 20 times, and an hour.
const LIMIT: Micros = 3_600 * SECOND;
/// Words of the bitmap of entries: deliveries, confirmations and refutations, with room for duplicates.
const ENTRIES_PER_JOB: usize = 8;

/// Bytes of the trace that are hashed at once.
const NOTES: usize = 1 << 16;

#[derive(Debug)]
enum Event {
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
struct Answer {
    by: NodeId,
    job: JobNo,
    epoch: u32,
    vote: Vote,
    over: Vec<usize>,
}

#[derive(Debug)]
struct Message {
    what: News,
    /// When it arrives where.
    arrivals: Vec<(Micros, Node)>,
}

#[derive(Debug, Clone)]
enum News {
    Claim(Said),
    Entry(usize),
}

pub(super) struct World {
    options: Options,
    queue: Queue<Event>,
    rng: Rng,
    overlay: Overlay,
    nodes: Vec<Actor>,
    numbers: BTreeMap<NodeId, Node>,
    members: BTreeMap<NodeId, u32>,
    tasks: Vec<Task>,
    work_ms: Vec<u64>,
    /// What feeds say, all feeds together, and whether somebody lied.
    entries: Vec<(Fact, bool)>,
    /// Entries of each job.
    of: Vec<Vec<usize>>,
    /// Nodes before this number are cut off.
    cut: u32,
    pub(super) tally: Tally,
    trace: blake3::Hasher,
    /// What happened since the trace was hashed.
    notes: Vec<u8>,
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

    fn plan_crash(&mut self, node: Node) {
        if self.options.crash_every_s > 0 {
            let pause = self.exponential(self.options.crash_every_s * SECOND);
            self.queue.after(pause, Event::Crash(node));
        }
    }

    fn exponential(&mut self, mean: Micros) -> Micros {
        // -ln(u) as a sum of the exponential's own halves: e^-x by comparison of uniforms (von Neumann, 1951).
        let mut whole = 0.0;
        loop {
            let first = self.rng.f64();
            let (mut last, mut odd) = (first, true);
            loop {
                let next = self.rng.f64();
                if next > last {
                    break;
                }
                last = next;
                odd = !odd;
            }
            if odd {
                return ((whole + first) * mean as f64) as Micros;
            }
            whole += 1.0;
        }
    }

    fn boot(&mut self, node: Node, fresh: bool) {
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

    fn note(&mut self, kind: u8, a: u64, b: u64) {
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
    fn feed(&mut self, node: Node, input: Input) {
        let at = self.queue.now();
        let actor = &mut self.nodes[node as usize];
        actor.machine.handle(actor.clock(at), input);
        self.drain(node);
    }

    fn drain(&mut self, node: Node) {
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
                    self.tally.witnessed(said.job, said.epoch, node);
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

    fn start(&mut self, node: Node, job: JobNo, epoch: u32) {
        let at = self.queue.now();
        self.note(1, node.into(), job.0.into());
        let actor = &mut self.nodes[node as usize];
        let resumed = actor.disk.claim.take().filter(|(said, ..)| said.job == job && said.epoch == epoch);
        let before = resumed.as_ref().map_or(0, |(_, _, done, _)| *done);
        let work = central::takes(self.work_ms[job.0 as usize], actor.speed);
        let takes = match actor.lie {
            Some(Lie::Claim | Lie::Progress) => None,
            Some(Lie::Garbage) => Some(SECOND),
            Some(Lie::Grant | Lie::Deny) | None => Some(work.saturating_sub(before)),
        };
        actor.runs.insert(job, Run { since: at, before, epoch });
        if let Some(said) = actor.machine.own().find(|said| said.job == job) {
            actor.disk.claim = Some((said, actor.machine.granted(job), before, at));
        }
        let (life, honest) = (actor.life, takes == Some(work.saturating_sub(before)));
        if let Some(takes) = takes {
            self.queue.after(takes, Event::Finish { node, life, job, epoch });
        }
        self.tally.started(job, at, honest, resumed.is_some());
    }

    /// Work that is not to be finished.
    fn stop(&mut self, node: Node, job: JobNo) {
        self.note(2, node.into(), job.0.into());
        let at = self.queue.now();
        let actor = &mut self.nodes[node as usize];
        actor.disk.claim = None;
        if let Some(run) = actor.runs.remove(&job)
            && actor.lie.is_none()
        {
            let done = (run.before + (at - run.since)) * u64::from(actor.speed) / 1_000_000;
            self.tally.waste(done);
        }
    }

    fn finish(&mut self, node: Node, life: u32, job: JobNo, epoch: u32) {
        let actor = &mut self.nodes[node as usize];
        if actor.life != life || actor.runs.get(&job).is_none_or(|run| run.epoch != epoch) {
            return;
        }
        actor.runs.remove(&job);
        actor.disk.claim = None;
        let (by, garbage) = (actor.id, actor.lie == Some(Lie::Garbage));
        self.note(3, node.into(), job.0.into());
        if !garbage {
            let at = self.queue.now();
            self.tally.completed(job, at, self.work_ms[job.0 as usize]);
        }
        self.write(node, Fact::Delivered { job, by }, garbage);
    }

    /// Writes an entry into the node's feed and tells it.
    fn write(&mut self, node: Node, fact: Fact, lie: bool) {
        let entry = self.entries.len();
        self.entries.push((fact, lie));
        let (Fact::Delivered { job, .. }
        | Fact::Confirmed { job }
        | Fact::Refuted { job, .. }
        | Fact::Failed { job, .. }) = fact;
        self.of[job.0 as usize].push(entry);
        self.tally.messages.entries += 1;
        self.learn(node, entry);
        self.gossip(node, News::Entry(entry));
    }

    fn learn(&mut self, node: Node, entry: usize) {
        let at = self.queue.now();
        let (fact, _) = self.entries[entry];
        self.nodes[node as usize].learn(at, entry, fact);
        self.drain(node);
    }

    /// A member looks at what another one delivered.
    fn look(&mut self, node: Node, life: u32, job: JobNo, by: Node) {
        let actor = &self.nodes[node as usize];
        let open = actor
            .machine
            .job(job)
            .is_some_and(|(place, _)| place == horahora_protocol::claim::Place::Delivered);
        if actor.life != life || !actor.is_up || !open {
            return;
        }
        if !self.reaches(node, by) {
            self.queue.after(LOOK_AGAIN, Event::Look { node, life, job, by });
            return;
        }
        let refutes = self.is_wrong(job, by) || self.nodes[node as usize].lie == Some(Lie::Deny);
        let fact = if refutes {
            Fact::Refuted { job, by: self.nodes[node as usize].id }
        } else {
            Fact::Confirmed { job }
        };
        self.write(node, fact, false);
    }

    /// What a look at a delivery shows.
    fn is_wrong(&mut self, job: JobNo, by: Node) -> bool {
        self.tally.messages.checks += 2;
        let delivered = Fact::Delivered { job, by: self.nodes[by as usize].id };
        self.of[job.0 as usize].iter().any(|entry| self.entries[*entry] == (delivered, true))
    }

    fn look_first(&mut self, node: Node, life: u32, job: JobNo, epoch: u32, by: Node) {
        let actor = &self.nodes[node as usize];
        if actor.life != life || !actor.machine.own().any(|said| said.job == job && said.epoch == epoch) {
            return;
        }
        if self.reaches(node, by) && !self.is_wrong(job, by) {
            self.write(node, Fact::Confirmed { job }, false);
        } else {
            self.start(node, job, epoch);
        }
    }

    fn gossip(&mut self, node: Node, what: News) {
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

    /// Two nodes tell each other what the other lacks: entries, and leases that hold. At once, as it takes less than a
    /// second of 15.
    fn compare(&mut self, node: Node) {
        let other = self.rng.u32(0..self.options.nodes);
        if other == node || !self.nodes[node as usize].is_up || !self.reaches(node, other) {
            return;
        }
        self.tally.messages.compares += 2;
        self.note(8, node.into(), other.into());
        for (from, to) in [(other, node), (node, other)] {
            for word in 0..self.entries.len().div_ceil(64) {
                let mut more = self.nodes[from as usize].word(word) & !self.nodes[to as usize].word(word);
                while more != 0 {
                    self.learn(to, word * 64 + more.trailing_zeros() as usize);
                    more &= more - 1;
                }
            }
            for said in self.news_for(from, to) {
                self.feed(to, Input::Heard(said));
            }
        }
    }

    /// Claims that one node knows of and another does not.
    fn news_for(&self, from: Node, to: Node) -> Vec<Said> {
        let at = self.queue.now();
        let (from, to) = (&self.nodes[from as usize], &self.nodes[to as usize].machine);
        let news = |known: &Said, said: &Said| {
            (known.claimant, known.epoch, known.beat) != (said.claimant, said.epoch, said.beat)
        };
        let now = from.clock(at);
        // Both lists are in the order of the jobs: one walk through both.
        let mut known = to.leases().peekable();
        let mut new = |said: &Said| {
            while known.next_if(|lease| lease.said.job < said.job).is_some() {}
            known.peek().is_none_or(|lease| lease.said.job != said.job || news(&lease.said, said))
        };
        let passed = from.machine.leases().filter(|lease| lease.holds(now) && new(&lease.said));
        let mut said: Vec<Said> = passed.map(|lease| lease.relayed(now)).collect();
        said.extend(from.machine.own().filter(|said| {
            to.job(said.job).and_then(|(_, known)| known).is_none_or(|known| news(known, said))
        }));
        said
    }

    fn crash(&mut self, node: Node) {
        let at = self.queue.now();
        self.note(9, node.into(), 0);
        let disk = self.rng.bool();
        let actor = &mut self.nodes[node as usize];
        (actor.is_up, actor.life, actor.wake) = (false, actor.life + 1, Micros::MAX);
        for (job, run) in std::mem::take(&mut actor.runs) {
            if let Some((_, _, done, _)) = &mut actor.disk.claim {
                *done = run.before + (at - run.since);
            }
            let done = (run.before + (at - run.since)) * u64::from(actor.speed) / 1_000_000;
            self.tally.broke_off(job, at, done);
        }
        if !disk {
            actor.disk = super::actor::Disk::default();
            actor.knows.fill(0);
        }
        let away = self.exponential(AWAY);
        self.queue.after(away, Event::Return { node, disk });
    }

    fn come_back(&mut self, node: Node, disk: bool) {
        self.note(10, node.into(), u64::from(disk));
        let at = self.queue.now();
        self.nodes[node as usize].is_up = true;
        self.boot(node, false);
        // It meets somebody before it does anything.
        self.compare(node);
        let actor = &mut self.nodes[node as usize];
        let claim = actor.disk.claim.clone();
        // On its own clock its lease still holds.
        if let Some((said, granted, _, told)) = claim.filter(|(.., told)| at - told < 55 * SECOND) {
            debug_assert!(told <= at);
            self.feed(node, Input::Resume { said, granted: granted.into_iter().collect() });
        } else {
            actor.disk.claim = None;
        }
        self.nodes[node as usize].employ(at);
        self.drain(node);
        self.plan_crash(node);
    }
}
