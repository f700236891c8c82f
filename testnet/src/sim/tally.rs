//! What a run is judged by: when entries reached the nodes, and what was sent for it.

use std::collections::BTreeMap;

use super::{
    event::Node,
    queue::Micros,
    report::{Spread, Traffic},
};

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gossip,
    Heads,
    Pulls,
}

/// How far an entry has come.
#[derive(Debug, Clone, Copy, Default)]
struct Spreading {
    written: Micros,
    nodes: u32,
    /// When half, 99 % and all of the nodes had it.
    at: [Option<Micros>; 3],
}

#[derive(Debug)]
pub(super) struct Tally {
    nodes: u32,
    /// What is sent before this is not counted: the network is warm then.
    from: Micros,
    entries: Vec<Spreading>,
    /// The entries of each feed that the run wrote, in order.
    feeds: BTreeMap<Node, Vec<usize>>,
    traffic: [(u64, u64); 3],
    whole: usize,
    /// Feeds that each newcomer lacks.
    lacking: BTreeMap<Node, u32>,
    /// How long newcomers took to have every feed.
    joined: Vec<Micros>,
    /// Gossip that was known already.
    pub(super) repeated: u64,
    /// Questions refused because the asker had asked too much.
    pub(super) busy: u64,
}

impl Tally {
    pub(super) fn new(nodes: u32, entries: usize, from: Micros) -> Self {
        Self {
            nodes,
            from,
            entries: vec![Spreading::default(); entries],
            feeds: BTreeMap::new(),
            traffic: [(0, 0); 3],
            whole: 0,
            lacking: BTreeMap::new(),
            joined: Vec::new(),
            repeated: 0,
            busy: 0,
        }
    }

    pub(super) fn sent(&mut self, kind: Kind, bytes: u64, now: Micros) {
        if now >= self.from {
            let (messages, all) = &mut self.traffic[kind as usize];
            *messages += 1;
            *all += bytes;
        }
    }

    pub(super) fn wrote(&mut self, entry: usize, feed: Node, now: Micros) {
        self.entries[entry] = Spreading { written: now, ..Spreading::default() };
        self.feeds.entry(feed).or_default().push(entry);
        self.one_more(entry, now);
    }

    pub(super) fn joins(&mut self, node: Node) {
        self.lacking.insert(node, self.nodes - 1);
    }

    /// `node` took the entries `from` up to `to` of a feed.
    pub(super) fn took(&mut self, node: Node, feed: Node, from: u32, to: u32, now: Micros) {
        if from == 0
            && let Some(lacking) = self.lacking.get_mut(&node)
        {
            *lacking -= 1;
            if *lacking == 0 {
                self.joined.push(now - self.from);
            }
        }
        // The entry of place 0 was there before the run.
        for place in from.max(1)..to {
            self.one_more(self.feeds[&feed][place as usize - 1], now);
        }
    }

    fn one_more(&mut self, entry: usize, now: Micros) {
        let nodes = u64::from(self.nodes);
        let spreading = &mut self.entries[entry];
        spreading.nodes += 1;
        let has = u64::from(spreading.nodes);
        for (at, enough) in
            spreading.at.iter_mut().zip([has * 2 >= nodes, has * 100 >= nodes * 99, has == nodes])
        {
            if enough {
                at.get_or_insert(now);
            }
        }
        self.whole += usize::from(has == nodes);
    }

    /// Whether every node has every entry, and newcomers every feed.
    pub(super) fn is_whole(&self) -> bool {
        self.whole == self.entries.len() && self.joined.len() == self.lacking.len()
    }

    /// When the last node got its last entry.
    pub(super) fn last(&self) -> Option<Micros> {
        let ends: Option<Vec<_>> = self.entries.iter().map(|entry| entry.at[2]).collect();
        ends?.into_iter().max()
    }

    /// Times until half, 99 % and all of the nodes had an entry; none where some entry did not come so far.
    pub(super) fn spreads(&self) -> [Option<Spread>; 3] {
        [0, 1, 2].map(|part| {
            let times = self.entries.iter().map(|entry| Some(entry.at[part]? - entry.written));
            Spread::of(times.collect::<Option<Vec<_>>>()?)
        })
    }

    pub(super) fn newcomers(&self) -> Option<Spread> {
        Spread::of(self.joined.clone())
    }

    pub(super) fn traffic(&self, kind: Kind, until: Micros) -> Traffic {
        let (messages, bytes) = self.traffic[kind as usize];
        let (entries, nodes) = (self.entries.len().max(1) as f64, f64::from(self.nodes));
        let seconds = until.saturating_sub(self.from).max(1) as f64 / 1e6;
        Traffic {
            messages,
            bytes,
            messages_per_entry: messages as f64 / entries,
            bytes_per_entry: bytes as f64 / entries,
            bytes_per_node_per_s: bytes as f64 / nodes / seconds,
        }
    }
}
