//! One state of the model, what may happen in it, and what must hold.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    rc::Rc,
};

use horahora_protocol::{
    NodeId, Timestamp,
    claim::{Claims, Fact, Grant, Input, JobNo, Kind, Output, Place, Rules, Said, Standing, Task, Vote},
    rank::{ORDINARY, Subject},
};

use super::{Bound, Holders};

/// Nothing fails any more: by then everything must be done.
const PATIENCE_MS: u64 = 3_600_000;
/// How long an ordinary node works on a job: longer than any bound.
const JOB_MS: u32 = 600_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The message of this hash arrives.
    Arrive(u64),
    /// It gets lost.
    Lose(u64),
    /// A node ends a job that it runs.
    End(usize, JobNo),
    /// A node crashes and comes back at once.
    Crash(usize, Loss),
    /// Time goes on to the next alarm.
    Wait,
}

/// What a crash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    Nothing,
    OwnClaim,
    Disk,
}

#[derive(Debug, Clone)]
pub(super) struct State {
    now: Timestamp,
    /// Each with its hash; shared with the states before, as a step changes one of them.
    nodes: Vec<(u64, Rc<Node>)>,
    /// Messages under way, by their hashes.
    flight: BTreeMap<u64, Rc<Message>>,
    losses: u8,
    crashes: u8,
    ends: u8,
    /// Who ever held which epoch of which job with the grants of its witnesses.
    holders: BTreeMap<(JobNo, u32), usize>,
    /// To whom each witness ever granted which epoch.
    grants: BTreeMap<(usize, JobNo, u32), NodeId>,
}

#[derive(Debug, Clone, Hash)]
struct Node {
    machine: Claims,
    runs: BTreeMap<JobNo, u32>,
    /// What is on its disk: grants, its own claim and who granted it, and entries.
    grants: BTreeMap<JobNo, Grant>,
    claim: Option<(Said, Vec<NodeId>)>,
    facts: Vec<Fact>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Message {
    to: usize,
    sent: Timestamp,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum What {
    Claim(Said),
    Ask(Said),
    Answer { by: NodeId, job: JobNo, epoch: u32, vote: Vote },
    Entry(Fact),
}

/// Nodes and messages that were seen before: many states differ in who has which of a few.
#[derive(Debug, Default)]
pub(super) struct Pool {
    nodes: HashMap<u64, Rc<Node>>,
    messages: HashMap<u64, Rc<Message>>,
}

fn hash(value: &impl Hash) -> u64 {
    // Its keys are fixed: the same in each run.
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn id(node: usize) -> NodeId {
    NodeId::from_public_key(*blake3::hash(&(node as u64).to_le_bytes()).as_bytes())
}

impl State {
    /// All nodes know all jobs, and those that work have just chosen.
    pub(super) fn first(bound: &Bound) -> Self {
        let mut state = Self {
            now: Timestamp(1_000_000),
            nodes: Vec::new(),
            flight: BTreeMap::new(),
            losses: bound.losses,
            crashes: bound.crashes,
            ends: bound.ends,
            holders: BTreeMap::new(),
            grants: BTreeMap::new(),
        };
        for number in 0..usize::from(bound.nodes) {
            let machine = Claims::new(id(number), Rules::default(), 0, state.now, Some(Vec::new()));
            let (runs, grants) = (BTreeMap::new(), BTreeMap::new());
            let mut node = Node { machine, runs, grants, claim: None, facts: Vec::new() };
            node.boot(state.now, bound);
            state.nodes.push((hash(&node), Rc::new(node)));
        }
        for node in 0..usize::from(bound.workers.min(bound.nodes)) {
            let first = state.feed(node, Input::Workers { kind: Kind::Rendition, count: 1 });
            debug_assert!(first.is_ok(), "nothing is broken before anything arrived");
        }
        state
    }

    pub(super) fn hash(&self) -> u64 {
        let nodes: Vec<u64> = self.nodes.iter().map(|(hash, _)| *hash).collect();
        let messages: Vec<u64> = self.flight.keys().copied().collect();
        let faults = (self.losses, self.crashes, self.ends);
        hash(&(self.now, nodes, messages, faults, &self.holders, &self.grants))
    }

    /// Takes what it is made of from the pool, where it is there once for all states.
    pub(super) fn share(&mut self, pool: &mut Pool) {
        for (hash, node) in &mut self.nodes {
            *node = pool.nodes.entry(*hash).or_insert_with(|| node.clone()).clone();
        }
        for (hash, message) in &mut self.flight {
            *message = pool.messages.entry(*hash).or_insert_with(|| message.clone()).clone();
        }
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.now.ms_since(Timestamp(1_000_000))
    }

    pub(super) fn holders(&self) -> Holders {
        self.holders.iter().map(|((job, epoch), node)| ((job.0, *epoch), *node)).collect()
    }

    /// What may happen next.
    pub(super) fn steps(&self, bound: &Bound) -> Vec<Step> {
        let mut steps: Vec<Step> = self.flight.keys().map(|message| Step::Arrive(*message)).collect();
        if self.losses > 0 {
            // Entries are compared until everybody has them; they may be late and are never lost.
            let losable = self.flight.iter().filter(|(_, message)| !matches!(message.what, What::Entry(_)));
            steps.extend(losable.map(|(message, _)| Step::Lose(*message)));
        }
        for (number, (_, node)) in self.nodes.iter().enumerate() {
            if self.ends > 0 {
                steps.extend(node.runs.keys().map(|job| Step::End(number, *job)));
            }
            if self.crashes > 0 {
                let losses = [Loss::Nothing, Loss::OwnClaim, Loss::Disk];
                steps.extend(losses.map(|loss| Step::Crash(number, loss)));
            }
        }
        let in_time = |at: &Timestamp| {
            at.ms_since(Timestamp(1_000_000)) <= bound.horizon_ms
                && self.flight.values().all(|message| at.ms_since(message.sent) <= bound.delay_ms)
        };
        steps.extend(self.alarm().filter(in_time).map(|_| Step::Wait));
        steps
    }

    /// Does a step; says what it broke.
    pub(super) fn take(&mut self, bound: &Bound, step: Step) -> Result<(), String> {
        match step {
            Step::Arrive(message) => self.arrive(message),
            Step::Lose(message) => {
                self.losses -= 1;
                self.flight.remove(&message);
                Ok(())
            }
            Step::End(node, job) => {
                self.ends = self.ends.saturating_sub(1);
                self.end(node, job)
            }
            Step::Crash(node, loss) => {
                self.crashes -= 1;
                self.crash(bound, node, loss)
            }
            Step::Wait => self.wait(),
        }
    }

    /// Nothing more fails and every message arrives: all jobs must get done.
    pub(super) fn finish(mut self) -> Result<(), String> {
        let end = self.now.plus_ms(PATIENCE_MS);
        while self.now < end {
            if let Some(message) = self.flight.keys().next().copied() {
                self.arrive(message)?;
                continue;
            }
            let over = |node: &Node| {
                (0..).map_while(|job| node.machine.job(JobNo(job))).all(|(place, _)| place == Place::Done)
            };
            if self.nodes.iter().all(|(_, node)| over(node)) {
                return Ok(());
            }
            let running = self
                .nodes
                .iter()
                .enumerate()
                .find_map(|(number, (_, node))| Some((number, *node.runs.keys().next()?)));
            match running {
                Some((node, job)) => self.end(node, job)?,
                None => self.wait()?,
            }
        }
        Err("jobs are left though nothing fails any more".to_owned())
    }

    /// A step for people.
    pub(super) fn words(&self, step: Step) -> String {
        let message = |hash| self.flight.get(&hash).map(|message| message.words()).unwrap_or_default();
        match step {
            Step::Arrive(hash) => message(hash),
            Step::Lose(hash) => format!("lost: {}", message(hash)),
            Step::End(node, job) => format!("n{node} ends j{}", job.0),
            Step::Crash(node, Loss::Nothing) => format!("n{node} crashes and comes back"),
            Step::Crash(node, Loss::OwnClaim) => format!("n{node} crashes and comes back without its claim"),
            Step::Crash(node, Loss::Disk) => format!("n{node} crashes and comes back with an empty disk"),
            Step::Wait => "time goes on to the next alarm".to_owned(),
        }
    }

    fn alarm(&self) -> Option<Timestamp> {
        self.nodes.iter().filter_map(|(_, node)| node.machine.poll_timeout()).min()
    }

    fn arrive(&mut self, message: u64) -> Result<(), String> {
        let Some(message) = self.flight.remove(&message) else { return Ok(()) };
        let input = match message.what.clone() {
            What::Claim(said) => Input::Heard(said),
            What::Ask(said) => Input::Asked(said),
            What::Answer { by, job, epoch, vote } => Input::Voted { by, job, epoch, vote },
            What::Entry(fact) => {
                self.change(message.to, |node| node.facts.push(fact));
                Input::Fact(fact)
            }
        };
        self.feed(message.to, input)
    }

    fn end(&mut self, number: usize, job: JobNo) -> Result<(), String> {
        let fact = Fact::Delivered { job, by: id(number) };
        self.change(number, |node| {
            node.runs.remove(&job);
            node.claim = None;
            node.facts.push(fact);
        });
        for to in (0..self.nodes.len()).filter(|to| *to != number) {
            self.send(to, What::Entry(fact));
        }
        self.feed(number, Input::Fact(fact))
    }

    fn crash(&mut self, bound: &Bound, number: usize, loss: Loss) -> Result<(), String> {
        let now = self.now;
        let mut claim = None;
        self.change(number, |node| {
            node.runs.clear();
            claim = node.claim.take().filter(|_| loss == Loss::Nothing);
            let kept = (loss != Loss::Disk).then(|| node.grants.values().cloned().collect());
            if loss == Loss::Disk {
                node.grants.clear();
            }
            let restored = if bound.forgetful { kept.or(Some(Vec::new())) } else { kept };
            node.machine = Claims::new(id(number), Rules::default(), 0, now, restored);
            node.boot(now, bound);
        });
        if loss == Loss::Disk {
            // What it grants from now on it grants in another life.
            self.grants.retain(|(witness, ..), _| *witness != number);
        }
        if let Some((said, granted)) = claim {
            self.feed(number, Input::Resume { said, granted: granted.into_iter().collect() })?;
        }
        if number < usize::from(bound.workers) {
            self.feed(number, Input::Workers { kind: Kind::Rendition, count: 1 })?;
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<(), String> {
        let Some(next) = self.alarm() else { return Ok(()) };
        self.now = self.now.max(next);
        for node in 0..self.nodes.len() {
            if self.nodes[node].1.machine.poll_timeout().is_some_and(|at| at <= self.now) {
                self.feed(node, Input::Tick)?;
            }
        }
        Ok(())
    }

    fn feed(&mut self, number: usize, input: Input) -> Result<(), String> {
        let now = self.now;
        let mut outputs = Vec::new();
        self.change(number, |node| {
            node.machine.handle(now, input);
            outputs.extend(std::iter::from_fn(|| node.machine.poll_output()));
        });
        for output in outputs {
            self.act(number, output)?;
        }
        self.look(number)
    }

    fn act(&mut self, number: usize, output: Output) -> Result<(), String> {
        match output {
            Output::Persist { grant } => {
                let Said { job, epoch, claimant, .. } = grant.said;
                let granted = *self.grants.entry((number, job, epoch)).or_insert(claimant);
                self.change(number, |node| node.grants.insert(job, grant));
                if granted != claimant {
                    return Err(format!("n{number} granted epoch {epoch} of j{} to two nodes", job.0));
                }
            }
            Output::Ask { to, said } => self.send(self.number(to), What::Ask(said)),
            Output::Vote { to, job, epoch, vote } => {
                self.send(self.number(to), What::Answer { by: id(number), job, epoch, vote });
            }
            Output::Publish { said } => {
                self.change(number, |node| node.keep(said.job));
                for to in (0..self.nodes.len()).filter(|to| *to != number) {
                    self.send(to, What::Claim(said.clone()));
                }
            }
            Output::Start { job, epoch, .. } => self.change(number, |node| {
                node.runs.insert(job, epoch);
                node.keep(job);
            }),
            Output::Stop { job, .. } => self.change(number, |node| {
                node.runs.remove(&job);
                node.claim = None;
            }),
            Output::Check { .. } => {}
        }
        Ok(())
    }

    /// What must hold after each step of a node.
    fn look(&mut self, number: usize) -> Result<(), String> {
        let node = self.nodes[number].1.clone();
        for said in node.machine.own().filter(|said| said.standing == Standing::Witnessed) {
            let holder = *self.holders.entry((said.job, said.epoch)).or_insert(number);
            if holder != number {
                let (job, epoch) = (said.job.0, said.epoch);
                return Err(format!("n{holder} and n{number} hold epoch {epoch} of j{job}, each witnessed"));
            }
        }
        for (job, epoch) in &node.runs {
            if !node.machine.own().any(|said| said.job == *job && said.epoch == *epoch) {
                return Err(format!("n{number} runs j{} without a claim", job.0));
            }
        }
        Ok(())
    }

    fn send(&mut self, to: usize, what: What) {
        let message = Message { to, sent: self.now, what };
        self.flight.insert(hash(&message), Rc::new(message));
    }

    fn change<T>(&mut self, number: usize, change: impl FnOnce(&mut Node) -> T) -> T {
        let (known, node) = &mut self.nodes[number];
        let node = Rc::make_mut(node);
        let result = change(node);
        *known = hash(node);
        result
    }

    fn number(&self, node: NodeId) -> usize {
        (0..self.nodes.len()).find(|number| id(*number) == node).expect("only members are spoken to")
    }
}

impl Node {
    fn boot(&mut self, now: Timestamp, bound: &Bound) {
        let members = (0..usize::from(bound.nodes)).map(|node| (id(node), ORDINARY)).collect();
        self.machine.handle(now, Input::Members(members));
        for job in 0..u32::from(bound.jobs) {
            let subject = Subject::named(&format!("rendition/model/{job}"));
            let task =
                Task { job: JobNo(job), subject, kind: Kind::Rendition, request: 0, estimate_ms: JOB_MS };
            self.machine.handle(now, Input::Task(task));
        }
        for fact in &self.facts {
            self.machine.handle(now, Input::Fact(*fact));
        }
        while self.machine.poll_output().is_some() {}
    }

    /// Writes down the own claim that runs.
    fn keep(&mut self, job: JobNo) {
        if self.runs.contains_key(&job)
            && let Some(said) = self.machine.own().find(|said| said.job == job)
        {
            self.claim = Some((said, self.machine.granted(job)));
        }
    }
}

impl Message {
    fn words(&self) -> String {
        let to = self.to;
        let who = |said: &Said| (0..8).find(|node| id(*node) == said.claimant).unwrap_or(0);
        match &self.what {
            What::Claim(said) => {
                let (job, epoch) = (said.job.0, said.epoch);
                let end = if said.released { "gives back" } else { "has" };
                format!("n{to} hears that n{} {end} j{job}, epoch {epoch}, {:?}", who(said), said.standing)
            }
            What::Ask(said) if said.released => {
                format!("n{to} hears that n{} does not want j{} any more", who(said), said.job.0)
            }
            What::Ask(said) => {
                format!("n{to} is asked by n{} for epoch {} of j{}", who(said), said.epoch, said.job.0)
            }
            What::Answer { by, job, epoch, vote } => {
                let by = (0..8).find(|node| id(*node) == *by).unwrap_or(0);
                let vote = match vote {
                    Vote::Held(said) => format!("held by n{}", who(said)),
                    other => format!("{other:?}").to_lowercase(),
                };
                format!("n{to} hears of n{by}: epoch {epoch} of j{}: {vote}", job.0)
            }
            What::Entry(fact) => format!(
                "n{to} reads {}",
                match fact {
                    Fact::Delivered { job, .. } => format!("that j{} is done", job.0),
                    other => format!("{other:?}"),
                }
            ),
        }
    }
}
