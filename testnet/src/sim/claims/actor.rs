//! One simulated node: its machine, its worker, its disk, its clock.

use std::collections::BTreeMap;

use horahora_protocol::{
    NodeId, Timestamp,
    claim::{Claims, Fact, Grant, Input, JobNo, Kind, Rules, Said, Task},
};

use super::Lie;
use crate::sim::queue::Micros;

/// A node's number.
pub(super) type Node = u32;

#[derive(Debug)]
pub(super) struct Actor {
    pub(super) id: NodeId,
    pub(super) machine: Claims,
    pub(super) is_up: bool,
    /// Counts crashes: what was begun before one is not finished after it.
    pub(super) life: u32,
    /// Work in thousandths of an ordinary node's.
    pub(super) speed: u32,
    pub(super) lie: Option<Lie>,
    /// Which entries it has, a bit each.
    pub(super) knows: Vec<u64>,
    pub(super) runs: BTreeMap<JobNo, Run>,
    pub(super) disk: Disk,
    /// When it is to be woken; a wake-up at another time is an old one.
    pub(super) wake: Micros,
    offset_ms: u64,
    drift_ppm: u64,
}

/// Work under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) since: Micros,
    /// What was done before that.
    pub(super) before: Micros,
    pub(super) epoch: u32,
}

/// What survives a crash that leaves the disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) grants: BTreeMap<JobNo, Grant>,
    /// The own claim under way, who granted it, how much was done, and when it was last told.
    pub(super) claim: Option<(Said, Vec<NodeId>, Micros, Micros)>,
}

impl Actor {
    pub(super) fn new(number: Node, speed: u32, lie: Option<Lie>, clock: (u64, u64), entries: usize) -> Self {
        let id = NodeId::from_public_key(*blake3::hash(&number.to_le_bytes()).as_bytes());
        Self {
            id,
            machine: Claims::new(id, Rules::default(), 0, Timestamp(0), None),
            is_up: true,
            life: 0,
            speed,
            lie,
            knows: vec![0; entries],
            runs: BTreeMap::new(),
            disk: Disk::default(),
            wake: Micros::MAX,
            offset_ms: clock.0,
            drift_ppm: clock.1,
        }
    }

    /// What its clock says: it began somewhere and is not quite right.
    pub(super) fn clock(&self, at: Micros) -> Timestamp {
        Timestamp(
            self.offset_ms + (u128::from(at) * u128::from(1_000_000 + self.drift_ppm) / 1_000_000_000) as u64,
        )
    }

    /// When its clock will say that.
    pub(super) fn when(&self, local: Timestamp) -> Micros {
        let ms = u128::from(local.0.saturating_sub(self.offset_ms));
        (ms * 1_000_000_000).div_ceil(u128::from(1_000_000 + self.drift_ppm)) as Micros
    }

    /// Starts the machine, with what is on the disk.
    pub(super) fn boot(
        &mut self,
        at: Micros,
        rules: Rules,
        members: &BTreeMap<NodeId, u32>,
        tasks: &[Task],
        fresh: bool,
    ) {
        let now = self.clock(at);
        let restored =
            (fresh || !self.disk.grants.is_empty()).then(|| self.disk.grants.values().cloned().collect());
        let seed = u64::from_le_bytes(self.id.public_key()[..8].try_into().expect("eight bytes of 32"));
        self.machine = Claims::new(self.id, rules, seed, now, restored);
        self.machine.handle(now, Input::Members(members.clone()));
        for task in tasks {
            self.machine.handle(now, Input::Task(*task));
        }
    }

    /// Lets it work from now on.
    pub(super) fn employ(&mut self, at: Micros) {
        // Who only claims has room for everything.
        let count = if matches!(self.lie, Some(Lie::Claim | Lie::Progress)) { 64 } else { 1 };
        let now = self.clock(at);
        self.machine.handle(now, Input::Workers { kind: Kind::Capture, count });
    }

    /// Takes in an entry, unless it has it.
    pub(super) fn learn(&mut self, at: Micros, entry: usize, fact: Fact) {
        let (word, bit) = (entry / 64, 1 << (entry % 64));
        if word >= self.knows.len() {
            self.knows.resize(word + 1024, 0);
        }
        if self.knows[word] & bit == 0 {
            self.knows[word] |= bit;
            self.machine.handle(self.clock(at), Input::Fact(fact));
        }
    }

    pub(super) fn has(&self, entry: usize) -> bool {
        self.word(entry / 64) >> (entry % 64) & 1 == 1
    }

    /// Which of 64 entries it has.
    pub(super) fn word(&self, word: usize) -> u64 {
        self.knows.get(word).copied().unwrap_or(0)
    }
}
