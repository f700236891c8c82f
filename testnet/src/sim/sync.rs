//! What nodes do: tell, meet, compare, pull. A model of `node/src/net/sync.rs`, with its constants.
//!
//! What waits in the node is a task here: it has asked somebody and goes on with the answer, or with the next event
//! that resumes it. Tasks are taken out while they run and put back when they wait again.

use super::{
    GossipForm, HeadsForm,
    event::{Answer, Counts, Event, Link, Message, Node, Question},
    network::State,
    queue::Micros,
    sizes::BUCKETS,
    tally::Kind,
    world::{SECOND, World},
};

/// Gossip of what moved is gathered for so long.
pub(super) const GATHER: Micros = 2 * SECOND;
/// How often one random neighbour is met.
pub(super) const ANTI_ENTROPY: Micros = horahora_protocol::limits::COMPARE_MS * 1_000;
/// A neighbour that passed news on may not have the entries yet: tries, and the pause that doubles.
const TRIES: u32 = 6;
const FIRST_PAUSE: Micros = SECOND * 150 / 1000;
/// Questions of one peer a second, on the long run and at once.
const PER_SECOND: f64 = 50.0;
const BURST: f64 = 100.0;

/// Whether a feed with `have` entries takes the entry at `seq`: the next one and no other.
pub(super) fn takes(have: u32, seq: u32) -> bool {
    seq == have
}

/// A message of gossip: the writer's feed has grown.
#[derive(Debug)]
pub(super) struct News {
    writer: Node,
    count: u32,
    /// Who heard it.
    heard: Vec<bool>,
}

/// Tokens of one peer: one for each question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purse {
    tokens: f64,
    at: Micros,
}

/// Something that a node has begun.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) node: Node,
    /// Whom it asks.
    link: Link,
    /// The feed that it is pulling, and up to where.
    pulls: Option<(Node, u32)>,
    what: What,
}

#[derive(Debug)]
enum What {
    /// Waits for the other's heads.
    Meet,
    /// Waits until the other noted where it is behind.
    Tell,
    /// Pulls what the other has, feed after feed; the last one next.
    Compare(Vec<(Node, u32)>),
    /// Pulls what gossip told of.
    Hear(Heard),
}

/// News, and how far the node came with them.
#[derive(Debug)]
struct Heard {
    news: usize,
    writer: Node,
    count: u32,
    /// The neighbour that passed them on.
    from: Link,
    tries: u32,
    /// Whether the writer was asked in this try.
    asked_writer: bool,
}

impl World {
    /// Tells the neighbours what this node wrote.
    pub(super) fn gather(&mut self, node: Node) {
        let count = self.count(node, node);
        if self.told[node as usize] == count {
            return;
        }
        self.told[node as usize] = count;
        let mut heard = vec![false; self.options.nodes as usize];
        heard[node as usize] = true;
        let news = self.news.len();
        self.news.push(News { writer: node, count, heard });
        // Gossipsub floods what a node says itself.
        for link in self.network.connected(node) {
            self.gossip(link, node, news);
        }
    }

    pub(super) fn meet_anyone(&mut self, node: Node) {
        let links = self.network.connected(node);
        if let Some(link) = self.rng.choice(links) {
            self.meet(node, link);
        }
    }

    pub(super) fn meet(&mut self, node: Node, link: Link) {
        let id = self.new_task();
        self.tasks.insert(id, Task { node, link, pulls: None, what: What::Meet });
        let counts: Counts = self.row(node).into();
        self.ask(link, node, id, Question::Heads(counts));
    }

    pub(super) fn hear(&mut self, link: Link, node: Node, message: Message) {
        match message {
            Message::Gossip(news) => self.hear_gossip(link, node, news),
            Message::Ask { task, question } => self.hear_question(link, node, task, question),
            Message::Answer { task, answer } => {
                if let Some(waiting) = self.tasks.remove(&task) {
                    self.hear_answer(task, waiting, answer);
                }
            }
        }
    }

    /// Passes news on when they are new, and pulls what they tell of.
    fn hear_gossip(&mut self, link: Link, node: Node, number: usize) {
        let news = &mut self.news[number];
        if std::mem::replace(&mut news.heard[node as usize], true) {
            self.tally.repeated += 1;
            return;
        }
        let (writer, count) = (news.writer, news.count);
        let heard = Heard { news: number, writer, count, from: link, tries: 0, asked_writer: false };
        let form = self.options.gossip;
        if form == GossipForm::Entries && takes(self.count(node, writer), count - 1) {
            *self.count_mut(node, writer) = count;
            self.tally.took(node, writer, count - 1, count, self.queue.now());
        }
        // Held back, they are passed on when the task ends, however it ends.
        if form != GossipForm::Pulled {
            self.pass_on(node, &heard);
        }
        if writer != node {
            let id = self.new_task();
            self.go_on(id, Task { node, link, pulls: None, what: What::Hear(heard) });
        }
    }

    fn pass_on(&mut self, node: Node, heard: &Heard) {
        for onward in self.network.mesh(node) {
            let back = onward == heard.from || self.network.wire(onward).other(node) == heard.writer;
            if !back {
                self.gossip(onward, node, heard.news);
            }
        }
    }

    fn hear_question(&mut self, link: Link, node: Node, task: u64, question: Question) {
        let asker = self.network.wire(link).other(node);
        let kind = if matches!(question, Question::Entries { .. }) { Kind::Pulls } else { Kind::Heads };
        let answer = if self.spend(node, asker) {
            match question {
                Question::Heads(theirs) => self.exchange(link, node, &theirs),
                Question::Ahead(list) => {
                    self.compare(link, node, list);
                    Answer::Noted
                }
                Question::Entries { feed, from } => {
                    let to = self.count(node, feed).min(from + self.sizes.batch()).max(from);
                    Answer::Entries { feed, from, to }
                }
            }
        } else {
            self.tally.busy += 1;
            Answer::Busy
        };
        self.answer(link, node, task, kind, answer);
    }

    /// Takes one token of a peer; false when it has none left.
    fn spend(&mut self, node: Node, asker: Node) -> bool {
        let now = self.queue.now();
        let purse = self.purses.entry((node, asker)).or_insert(Purse { tokens: BURST, at: now });
        let gained = (now - purse.at) as f64 / SECOND as f64 * PER_SECOND;
        *purse = Purse { tokens: (purse.tokens + gained).min(BURST), at: now };
        let can = purse.tokens >= 1.0;
        if can {
            purse.tokens -= 1.0;
        }
        can
    }

    /// Answers where feeds end here, and pulls what the asker has if it said so.
    fn exchange(&mut self, link: Link, node: Node, theirs: &Counts) -> Answer {
        let counts: Counts = self.row(node).into();
        let buckets = match self.options.heads {
            HeadsForm::Full => {
                let more = ahead(theirs, &counts, u64::MAX);
                self.compare(link, node, more);
                u64::MAX
            }
            HeadsForm::Digest => {
                if counts == *theirs {
                    0
                } else {
                    u64::MAX
                }
            }
            HeadsForm::Buckets => differing(&counts, theirs),
        };
        Answer::Heads { counts, buckets }
    }

    /// Pulls these feeds up to these counts over a link.
    fn compare(&mut self, link: Link, node: Node, mut list: Vec<(Node, u32)>) {
        list.reverse();
        let id = self.new_task();
        self.go_on(id, Task { node, link, pulls: None, what: What::Compare(list) });
    }

    fn hear_answer(&mut self, id: u64, mut task: Task, answer: Answer) {
        match answer {
            Answer::Heads { counts, buckets } => {
                if self.options.heads != HeadsForm::Full {
                    let less = ahead(self.row(task.node), &counts, buckets);
                    if !less.is_empty() {
                        let tell = self.new_task();
                        self.tasks.insert(tell, Task { what: What::Tell, ..task });
                        self.ask(task.link, task.node, tell, Question::Ahead(less));
                    }
                }
                let more = ahead(&counts, self.row(task.node), buckets);
                self.compare(task.link, task.node, more);
            }
            Answer::Noted => {}
            Answer::Entries { feed, from, to } => {
                let have = self.count(task.node, feed);
                if to > from && takes(have, from) {
                    *self.count_mut(task.node, feed) = to;
                    self.tally.took(task.node, feed, from, to, self.queue.now());
                    let wanted = task.pulls.map_or(0, |(_, count)| count);
                    if to < wanted {
                        self.ask(task.link, task.node, id, Question::Entries { feed, from: to });
                        self.tasks.insert(id, task);
                    } else {
                        self.end_pull(&mut task);
                        self.go_on(id, task);
                    }
                } else {
                    self.fail(id, task);
                }
            }
            Answer::Busy => self.fail(id, task),
        }
    }

    /// A pause is over.
    pub(super) fn advance(&mut self, id: u64) {
        if let Some(task) = self.tasks.remove(&id) {
            self.go_on(id, task);
        }
    }

    /// Asks for the next thing that is still lacking, or ends.
    fn go_on(&mut self, id: u64, mut task: Task) {
        let node = task.node;
        match &mut task.what {
            What::Meet | What::Tell => {}
            What::Compare(left) => {
                while let Some((feed, count)) = left.pop() {
                    if self.count(node, feed) < count && self.pulling.insert((node, feed)) {
                        return self.pull(id, task, feed, count);
                    }
                }
            }
            What::Hear(heard) => {
                let (writer, count, from) = (heard.writer, heard.count, heard.from);
                if self.count(node, writer) >= count {
                    return self.release(&task);
                }
                let is_there = |link: &Link| self.network.wire(*link).state != State::Down;
                let direct = self.network.between(node, writer).filter(is_there);
                let asks_writer = direct.is_some() && !heard.asked_writer;
                let Some(link) = direct.filter(|_| asks_writer).or(Some(from).filter(is_there)) else {
                    return self.release(&task);
                };
                heard.asked_writer = asks_writer;
                task.link = link;
                if self.pulling.insert((node, writer)) {
                    self.pull(id, task, writer, count);
                } else {
                    self.try_later(id, task);
                }
            }
        }
    }

    fn pull(&mut self, id: u64, mut task: Task, feed: Node, count: u32) {
        task.pulls = Some((feed, count));
        let from = self.count(task.node, feed);
        self.ask(task.link, task.node, id, Question::Entries { feed, from });
        self.tasks.insert(id, task);
    }

    fn end_pull(&mut self, task: &mut Task) {
        if let Some((feed, _)) = task.pulls.take() {
            self.pulling.remove(&(task.node, feed));
        }
    }

    /// What was asked for did not come.
    fn fail(&mut self, id: u64, mut task: Task) {
        self.end_pull(&mut task);
        match &task.what {
            What::Meet | What::Tell => {}
            What::Compare(_) => self.go_on(id, task),
            What::Hear(heard) => {
                // The writer had it not, which is odd; the neighbour may.
                let neighbour_next = heard.asked_writer && heard.from != task.link;
                if neighbour_next { self.go_on(id, task) } else { self.try_later(id, task) }
            }
        }
    }

    fn try_later(&mut self, id: u64, mut task: Task) {
        let What::Hear(heard) = &mut task.what else { return };
        heard.tries += 1;
        heard.asked_writer = false;
        if heard.tries < TRIES {
            let pause = FIRST_PAUSE << (heard.tries - 1);
            self.tasks.insert(id, task);
            self.queue.after(pause, Event::Resume { task: id });
        } else {
            self.release(&task);
        }
    }

    /// Passes on what was held back.
    fn release(&mut self, task: &Task) {
        if let What::Hear(heard) = &task.what
            && self.options.gossip == GossipForm::Pulled
        {
            self.pass_on(task.node, heard);
        }
    }

    /// The connection over `link` is gone: nothing that `node` asked over it will be answered.
    pub(super) fn fail_tasks(&mut self, node: Node, link: Link) {
        let gone = |task: &Task| task.node == node && task.link == link;
        let ids: Vec<u64> = self.tasks.iter().filter(|(_, task)| gone(task)).map(|(id, _)| *id).collect();
        for id in ids {
            let Some(mut task) = self.tasks.remove(&id) else { continue };
            match task.what {
                // A task that pauses has asked nobody.
                What::Hear(_) if task.pulls.is_none() => _ = self.tasks.insert(id, task),
                What::Hear(_) => self.fail(id, task),
                What::Meet | What::Tell | What::Compare(_) => self.end_pull(&mut task),
            }
        }
    }

    fn new_task(&mut self) -> u64 {
        self.next_task += 1;
        self.next_task
    }
}

/// Feeds of these buckets of which `theirs` has more than `ours`, and how much.
fn ahead(theirs: &[u32], ours: &[u32], buckets: u64) -> Vec<(Node, u32)> {
    let feeds = (0..).zip(theirs.iter().zip(ours));
    feeds
        .filter(|(feed, (theirs, ours))| theirs > ours && buckets >> (*feed as usize % BUCKETS) & 1 == 1)
        .map(|(feed, (theirs, _))| (feed, *theirs))
        .collect()
}

/// A bit for each bucket in which the heads differ.
fn differing(ours: &[u32], theirs: &[u32]) -> u64 {
    let pairs = ours.iter().zip(theirs).enumerate();
    pairs.filter(|(_, (ours, theirs))| ours != theirs).fold(0, |all, (feed, _)| all | 1 << (feed % BUCKETS))
}
