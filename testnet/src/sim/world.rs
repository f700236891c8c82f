//! One run: the nodes, what is planned for them, and the faults: partitions, crashes, connections that go and come.
//!
//! A cut connection is noticed after 10 s, that of a crashed node at once; then both ends dial with the pauses of
//! `node/src/net/swarm/dial.rs`.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::{
    GossipForm, HeadsForm, Options, Report,
    event::{Answer, Counts, Event, Link, Message, Node, Question},
    network::{Network, State},
    queue::{Micros, Queue},
    report::Meeting,
    sizes::{BUCKETS, Sizes},
    sync::{ANTI_ENTROPY, GATHER, News, Purse, Task},
    tally::{Kind, Tally},
};

pub(super) const SECOND: Micros = 1_000_000;
/// When the first entry is written. Until then connected nodes with equal feeds meet.
const START: Micros = 15 * SECOND;
/// Entries are written and nodes crash within this time.
const WINDOW: Micros = 60 * SECOND;
/// How long a crashed node is away.
const AWAY: Micros = 30 * SECOND;
/// When the ends of a cut connection notice (QUIC's longest silence in libp2p).
const NOTICE: Micros = 10 * SECOND;
/// How often nodes look whom to dial.
const REDIAL: Micros = 5 * SECOND;
/// The longest pause between two tries to dial.
const LONGEST_REDIAL: Micros = 300 * SECOND;
/// The end of a run that does not come to its own.
const LIMIT: Micros = 1_800 * SECOND;

pub(super) struct World {
    pub(super) options: Options,
    pub(super) queue: Queue<Event>,
    pub(super) rng: Rng,
    pub(super) network: Network,
    pub(super) sizes: Sizes,
    pub(super) tally: Tally,
    /// How many entries node `n` has of feed `f`, at `n * nodes + f`.
    counts: Vec<u32>,
    /// How many entries of its own a node has told of.
    pub(super) told: Vec<u32>,
    /// Lives of each node: odd ones are between a crash and the return.
    lives: Vec<u32>,
    away: u32,
    pub(super) news: Vec<News>,
    pub(super) tasks: BTreeMap<u64, Task>,
    pub(super) next_task: u64,
    /// Feeds that a node is pulling.
    pub(super) pulling: BTreeSet<(Node, Node)>,
    /// What a node may still ask of another, by (asked, asker).
    pub(super) purses: BTreeMap<(Node, Node), Purse>,
    trace: blake3::Hasher,
    events: u64,
}

impl World {
    pub(super) fn new(options: &Options) -> Self {
        let nodes = options.nodes;
        let mut rng = Rng::with_seed(options.seed);
        let network = Network::new(nodes, options.loss, &mut rng);
        let mut world = Self {
            options: options.clone(),
            queue: Queue::default(),
            rng,
            network,
            sizes: Sizes::measure(),
            tally: Tally::new(nodes, options.entries as usize, START),
            // Everybody has the first entry of every feed: who writes it.
            counts: vec![1; nodes as usize * nodes as usize],
            told: vec![1; nodes as usize],
            lives: vec![0; nodes as usize],
            away: 0,
            news: Vec::new(),
            tasks: BTreeMap::new(),
            next_task: 0,
            pulling: BTreeSet::new(),
            purses: BTreeMap::new(),
            trace: blake3::Hasher::new(),
            events: 0,
        };
        world.plan();
        world
    }

    fn plan(&mut self) {
        // Somebody is always there to write.
        let (nodes, most) = (self.options.nodes, self.options.nodes / 4);
        let (joins, crashes) = (self.options.joins.min(most), self.options.crashes.min(most));
        for node in 0..nodes {
            self.wind_up(node);
        }
        for entry in 0..self.options.entries {
            let at = START + WINDOW * u64::from(entry) / u64::from(self.options.entries);
            self.queue.at(at, Event::Write(entry as usize));
        }
        if self.options.partition > 0 {
            self.queue.at(START, Event::Cut);
            self.queue.at(START + self.options.partition * SECOND, Event::Heal);
        }
        let mut crashing: Vec<Node> = (0..nodes - joins).collect();
        self.rng.shuffle(&mut crashing);
        for node in crashing.into_iter().take(crashes as usize) {
            let at = START + self.rng.u64(0..WINDOW);
            self.queue.at(at, Event::Crash(node));
            self.queue.at(at + AWAY, Event::Restart(node));
        }
        for node in nodes - joins..nodes {
            for feed in (0..nodes).filter(|feed| *feed != node) {
                *self.count_mut(node, feed) = 0;
            }
            self.tally.joins(node);
            self.queue.at(0, Event::Crash(node));
            self.queue.at(START, Event::Restart(node));
        }
    }

    pub(super) fn run(mut self) -> Report {
        while !self.is_over()
            && let Some(event) = self.queue.next()
        {
            event.trace(self.queue.now(), &mut self.trace);
            self.events += 1;
            self.happen(event);
        }
        self.report()
    }

    fn is_over(&self) -> bool {
        let quiet = self.away == 0 && !self.network.parted;
        quiet && self.tally.is_whole() || self.queue.now() > LIMIT
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Write(entry) => self.write(entry),
            Event::Gather { node, life } => {
                if self.lives(node, life) {
                    self.gather(node);
                    self.queue.after(GATHER, event);
                }
            }
            Event::AntiEntropy { node, life } => {
                if self.lives(node, life) {
                    self.meet_anyone(node);
                    self.queue.after(ANTI_ENTROPY, event);
                }
            }
            Event::Arrive { link, connection, to, message } => {
                let wire = self.network.wire(link);
                if wire.connection == connection && wire.state == State::Up {
                    self.hear(link, to, message);
                }
            }
            Event::Resume { task } => self.advance(task),
            Event::Cut => self.cut(),
            Event::Heal => self.network.parted = false,
            Event::Crash(node) => self.crash(node),
            Event::Restart(node) => self.restart(node),
            Event::Notice { link, connection } => self.notice(link, connection),
            Event::Dial { link, node, life, times } => {
                if self.lives(node, life) {
                    self.dial(link, node, life, times);
                }
            }
            Event::Connected { link, connection } => self.connected(link, connection),
        }
    }

    /// Starts a node's own clocks.
    fn wind_up(&mut self, node: Node) {
        let life = self.lives[node as usize];
        let (gather, meet) = (self.rng.u64(0..GATHER), self.rng.u64(0..ANTI_ENTROPY));
        self.queue.after(gather, Event::Gather { node, life });
        self.queue.after(meet, Event::AntiEntropy { node, life });
    }

    /// Sides take turns, so that both write during a partition.
    fn write(&mut self, entry: usize) {
        let half = self.options.nodes / 2;
        let side = if entry.is_multiple_of(2) { 0..half } else { half..self.options.nodes };
        let writer = loop {
            let node = self.rng.u32(side.clone());
            if self.is_here(node) {
                break node;
            }
        };
        *self.count_mut(writer, writer) += 1;
        self.tally.wrote(entry, writer, self.queue.now());
    }

    fn cut(&mut self) {
        self.network.parted = true;
        for link in self.network.links() {
            if self.network.crosses(link) {
                self.darken(link, NOTICE);
            }
        }
    }

    fn crash(&mut self, node: Node) {
        self.lives[node as usize] += 1;
        self.away += 1;
        // What it told and whom it asked is not on its disk.
        self.told[node as usize] = 0;
        self.tasks.retain(|_, task| task.node != node);
        self.pulling.retain(|(puller, _)| *puller != node);
        for (_, link) in self.network.neighbours(node).to_vec() {
            let latency = self.network.wire(link).latency();
            self.darken(link, latency);
        }
    }

    fn restart(&mut self, node: Node) {
        self.lives[node as usize] += 1;
        self.away -= 1;
        self.wind_up(node);
        let life = self.lives[node as usize];
        for (_, link) in self.network.neighbours(node).to_vec() {
            self.queue.after(0, Event::Dial { link, node, life, times: 0 });
        }
    }

    fn darken(&mut self, link: Link, notice: Micros) {
        let wire = self.network.wire_mut(link);
        if wire.state != State::Down {
            wire.state = State::Dark;
            wire.connection += 1;
            let connection = wire.connection;
            self.queue.after(notice, Event::Notice { link, connection });
        }
    }

    fn notice(&mut self, link: Link, connection: u32) {
        let wire = self.network.wire_mut(link);
        if wire.connection != connection || wire.state != State::Dark {
            return;
        }
        wire.state = State::Down;
        for node in wire.ends {
            if self.is_here(node) {
                self.fail_tasks(node, link);
                let (life, tick) = (self.lives[node as usize], self.rng.u64(0..REDIAL));
                self.queue.after(tick, Event::Dial { link, node, life, times: 0 });
            }
        }
    }

    fn dial(&mut self, link: Link, node: Node, life: u32, times: u32) {
        let wire = self.network.wire(link);
        if wire.state != State::Down {
            return;
        }
        if self.can_connect(link) {
            let (handshake, connection) = (wire.handshake(), wire.connection);
            self.queue.after(handshake, Event::Connected { link, connection });
        }
        let pause = (REDIAL << times.min(8)).min(LONGEST_REDIAL);
        let pause = pause + self.rng.u64(0..=pause / 2) + self.rng.u64(0..REDIAL);
        self.queue.after(pause, Event::Dial { link, node, life, times: times + 1 });
    }

    fn connected(&mut self, link: Link, connection: u32) {
        let can = self.can_connect(link);
        let wire = self.network.wire_mut(link);
        if wire.connection != connection || wire.state != State::Down || !can {
            return;
        }
        wire.state = State::Up;
        wire.connection += 1;
        for node in wire.ends {
            self.meet(node, link);
        }
    }

    fn can_connect(&self, link: Link) -> bool {
        let here = self.network.wire(link).ends.into_iter().all(|node| self.is_here(node));
        here && !(self.network.parted && self.network.crosses(link))
    }

    fn is_here(&self, node: Node) -> bool {
        self.lives[node as usize].is_multiple_of(2)
    }

    fn lives(&self, node: Node, life: u32) -> bool {
        self.lives[node as usize] == life && self.is_here(node)
    }

    pub(super) fn count(&self, node: Node, feed: Node) -> u32 {
        self.row(node)[feed as usize]
    }

    pub(super) fn count_mut(&mut self, node: Node, feed: Node) -> &mut u32 {
        &mut self.counts[node as usize * self.options.nodes as usize + feed as usize]
    }

    /// How much a node has of every feed.
    pub(super) fn row(&self, node: Node) -> &[u32] {
        let nodes = self.options.nodes as usize;
        &self.counts[node as usize * nodes..][..nodes]
    }

    pub(super) fn ask(&mut self, link: Link, from: Node, task: u64, question: Question) {
        let (kind, bytes) = match &question {
            Question::Heads(counts) => (Kind::Heads, self.heads_question(counts)),
            Question::Ahead(list) => (Kind::Heads, self.sizes.heads(list.iter().map(|(_, count)| *count))),
            Question::Entries { from, .. } => (Kind::Pulls, self.sizes.entries_question(*from)),
        };
        self.stream(link, from, kind, bytes, Message::Ask { task, question });
    }

    pub(super) fn answer(&mut self, link: Link, from: Node, task: u64, kind: Kind, answer: Answer) {
        let bytes = match &answer {
            Answer::Heads { counts, buckets } => self.heads_answer(counts, *buckets),
            Answer::Entries { from, to, .. } => self.sizes.entries_answer(to - from),
            Answer::Noted | Answer::Busy => self.sizes.refused,
        };
        self.stream(link, from, kind, bytes, Message::Answer { task, answer });
    }

    fn heads_question(&self, counts: &Counts) -> u64 {
        match self.options.heads {
            HeadsForm::Full => self.sizes.heads(counts.iter().copied()),
            HeadsForm::Digest => self.sizes.digest,
            HeadsForm::Buckets => self.sizes.buckets,
        }
    }

    fn heads_answer(&self, counts: &Counts, buckets: u64) -> u64 {
        let told = counts.iter().enumerate().filter(|(feed, _)| buckets >> (feed % BUCKETS) & 1 == 1);
        self.sizes.heads(told.map(|(_, count)| *count))
    }

    fn stream(&mut self, link: Link, from: Node, kind: Kind, bytes: u64, message: Message) {
        let now = self.queue.now();
        self.tally.sent(kind, bytes, now);
        let wire = self.network.wire(link);
        if wire.state == State::Up {
            let (connection, to) = (wire.connection, wire.other(from));
            let pause = self.network.stream(link, from, bytes, now, &mut self.rng);
            self.queue.after(pause, Event::Arrive { link, connection, to, message });
        }
    }

    pub(super) fn gossip(&mut self, link: Link, from: Node, news: usize) {
        let carried = if self.options.gossip == GossipForm::Entries { self.sizes.entry } else { 0 };
        let (now, bytes) = (self.queue.now(), self.sizes.gossip + carried);
        self.tally.sent(Kind::Gossip, bytes, now);
        let wire = self.network.wire(link);
        if wire.state == State::Up {
            let (connection, to) = (wire.connection, wire.other(from));
            if let Some(pause) = self.network.gossip(link, from, bytes, now, &mut self.rng) {
                let message = Message::Gossip(news);
                self.queue.after(pause, Event::Arrive { link, connection, to, message });
            }
        }
    }

    fn report(self) -> Report {
        let counts: Counts = vec![1; self.options.nodes as usize].into();
        let equal = if self.options.heads == HeadsForm::Full { u64::MAX } else { 0 };
        let meeting = Meeting {
            question_bytes: self.heads_question(&counts),
            answer_bytes: self.heads_answer(&counts, equal),
        };
        let (now, tally) = (self.queue.now(), &self.tally);
        let healed = (self.options.partition > 0).then_some(START + self.options.partition * SECOND);
        let [to_half, to_99_percent, to_all] = tally.spreads();
        Report {
            digest: self.trace.finalize().to_hex().to_string(),
            complete: tally.is_whole(),
            to_half,
            to_99_percent,
            to_all,
            after_healing_ms: healed
                .zip(tally.last())
                .map(|(healed, last)| last.saturating_sub(healed) / 1000),
            newcomers: tally.newcomers(),
            gossip: tally.traffic(Kind::Gossip, now),
            heads: tally.traffic(Kind::Heads, now),
            pulls: tally.traffic(Kind::Pulls, now),
            meeting,
            repeated: tally.repeated,
            busy: tally.busy,
            duration_ms: now / 1000,
            events: self.events,
            options: self.options,
        }
    }
}
