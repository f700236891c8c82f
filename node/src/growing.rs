//! Captures in the making, here and elsewhere: which segments of each can be watched already.
//!
//! Kept in memory only. The maker's records are small pieces of news; who missed one asks for what is missing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use horahora_protocol::{
    Cid, NodeId, NodeKey, Timestamp, Verified, VideoId,
    group::GroupId,
    growing::{Growing as Record, Grown},
    limits,
    manifest::{Manifest, Rendition, Segment},
    summary::Summary,
};

use crate::clock;

/// Captures of others that are followed at once; each is at most a few MB.
const ELSEWHERE: usize = 64;
/// Captures of one other node followed at once.
const OF_ONE: usize = 8;
/// Without a word for so long the maker is away.
const SILENCE_MS: u64 = 45_000;
/// A maker without news says so after this.
const BEAT_MS: u64 = 10_000;
/// Records of one answer.
const ANSWER: usize = 32;

/// The captures in the making. Clones share them.
#[derive(Debug, Clone)]
pub struct Growing {
    key: Arc<NodeKey>,
    captures: Arc<Mutex<BTreeMap<Cid, Making>>>,
}

/// A capture in the making.
#[derive(Debug)]
struct Making {
    node: NodeId,
    /// The groups that it is for; of one of another node the one in which it was heard of.
    groups: Vec<GroupId>,
    /// What its pages show besides: poster and texts.
    small: Vec<Cid>,
    video: VideoId,
    source_url: String,
    summary: Summary,
    run: Timestamp,
    at: Timestamp,
    permille: u16,
    rungs: BTreeMap<String, Rendition>,
    /// Segments that were told of, for our own.
    told: BTreeMap<String, usize>,
    /// Signed records to pass on, for those of others.
    records: Vec<Vec<u8>>,
    /// When it was last heard of, by our clock.
    heard: Timestamp,
}

/// What a record was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// News.
    News,
    /// Known already, or of a capture that is not followed.
    Old,
    /// Records before it are missing: ask for them, with what is known.
    Gap {
        /// The try that is known.
        run: Timestamp,
        /// Segments known of each rendition.
        have: BTreeMap<String, u32>,
    },
}

/// What can be played of a capture that another node makes.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    /// Who makes it.
    pub node: NodeId,
    /// What is captured.
    pub video: VideoId,
    /// What is known of the video.
    pub summary: Summary,
    /// How far it is, 0 to 1.
    pub progress: f64,
    /// Renditions that grow.
    pub renditions: Vec<Rendition>,
}

impl Growing {
    /// None yet.
    #[must_use]
    pub fn new(key: Arc<NodeKey>) -> Self {
        Self { key, captures: Arc::default() }
    }

    /// This node begins, or begins again, to make a capture for these groups.
    pub fn begin(&self, draft: &Manifest, groups: &[GroupId]) {
        let now = clock::now();
        let rungs = draft.renditions.iter().map(|made| (made.id.clone(), made.clone())).collect();
        let making = Making {
            node: self.key.node_id(),
            groups: groups.to_vec(),
            small: draft.blobs().iter().map(|blob| blob.cid).collect(),
            video: draft.video.clone(),
            source_url: draft.source_url.clone(),
            summary: Summary { bytes: 0, ..Summary::of(draft) },
            run: now,
            at: Timestamp::default(),
            permille: 0,
            rungs,
            told: BTreeMap::new(),
            records: Vec::new(),
            heard: now,
        };
        self.locked().insert(draft.capture, making);
    }

    /// An own capture has its poster now.
    pub fn poster(&self, draft: &Manifest) {
        if let Some(making) = self.locked().get_mut(&draft.capture) {
            making.small = draft.blobs().iter().map(|blob| blob.cid).collect();
            making.summary = Summary { bytes: 0, ..Summary::of(draft) };
        }
    }

    /// A rendition of an own capture has its init segment.
    pub fn head(&self, capture: &Cid, head: &Rendition) {
        if let Some(making) = self.locked().get_mut(capture) {
            making.rungs.insert(head.id.clone(), Rendition { segments: Vec::new(), ..head.clone() });
        }
    }

    /// A rendition of an own capture has one more segment.
    pub fn grown(&self, capture: &Cid, rung: &str, segment: Segment) {
        if let Some(rung) = self.locked().get_mut(capture).and_then(|making| making.rungs.get_mut(rung)) {
            rung.segments.push(segment);
        }
    }

    /// How far an own capture is, 0 to 1.
    pub fn progress(&self, capture: &Cid, fraction: f64) {
        if let Some(making) = self.locked().get_mut(capture) {
            making.permille = (fraction.clamp(0.0, 1.0) * 1000.0) as u16;
        }
    }

    /// A capture is complete or given up.
    pub fn end(&self, capture: &Cid) {
        self.locked().remove(capture);
    }

    /// What became of our own captures since the last call, as signed records for gossip in their groups.
    #[must_use]
    pub fn news(&self) -> Vec<(GroupId, Vec<u8>)> {
        let now = clock::now();
        let mut records = Vec::new();
        for (capture, making) in self.locked().iter_mut().filter(|(_, m)| m.node == self.key.node_id()) {
            let told = std::mem::take(&mut making.told);
            let quiet = now.ms_since(making.at) < BEAT_MS;
            for group in making.groups.clone() {
                let (record, reached) = making.since(*capture, group, &told, now);
                making.told = reached;
                if !quiet || record.rungs.iter().any(|rung| !rung.segments.is_empty()) {
                    making.at = now;
                    records.push((group, self.key.sign(record).block().1));
                }
            }
        }
        records.truncate(limits::GOSSIP_GROWING);
        records
    }

    /// Takes in a record of another node.
    pub fn hear(&self, record: &Verified<Record>) -> Heard {
        if record.node == self.key.node_id() {
            return Heard::Old;
        }
        let mut captures = self.locked();
        let known = captures.get(&record.capture);
        if known.is_some_and(|known| known.node != record.node || known.run > record.run) {
            return Heard::Old;
        }
        if known.is_none_or(|known| known.run < record.run) {
            let theirs = captures.values().filter(|making| making.node == record.node).count();
            let others = captures.values().filter(|making| making.node != self.key.node_id()).count();
            if known_none(&captures, record) && (theirs >= OF_ONE || others >= ELSEWHERE) {
                return Heard::Old;
            }
            captures.insert(record.capture, Making::of(record));
        }
        let making = captures.get_mut(&record.capture).expect("it was there or was just put there");
        let lacks = |rung: &Grown| {
            let known = making.rungs.get(&rung.head.id).map_or(0, |known| known.segments.len());
            rung.from as usize > known
        };
        if record.rungs.iter().any(lacks) {
            let have =
                making.rungs.iter().map(|(id, rung)| (id.clone(), rung.segments.len() as u32)).collect();
            return Heard::Gap { run: making.run, have };
        }
        making.take(record)
    }

    /// The groups that a capture in the making is for; none when it is not known.
    #[must_use]
    pub fn groups(&self, capture: &Cid) -> Option<Vec<GroupId>> {
        self.locked().get(capture).map(|making| making.groups.clone())
    }

    /// Whether a blob is part of a capture in the making.
    #[must_use]
    pub fn has(&self, capture: &Cid, blob: &Cid) -> bool {
        let captures = self.locked();
        let Some(making) = captures.get(capture) else { return false };
        let in_rung = |rung: &Rendition| {
            rung.init.cid == *blob || rung.segments.iter().any(|segment| segment.cid == *blob)
        };
        making.small.contains(blob) || making.rungs.values().any(in_rung)
    }

    /// Records that tell an asker of what it lacks, as they are said in `group`.
    #[must_use]
    pub fn records(
        &self,
        capture: &Cid,
        group: GroupId,
        run: Timestamp,
        have: &BTreeMap<String, u32>,
    ) -> Vec<Vec<u8>> {
        let captures = self.locked();
        let Some(making) = captures.get(capture) else { return Vec::new() };
        let none = BTreeMap::new();
        let have = if making.run == run { have } else { &none };
        if making.node != self.key.node_id() {
            let all = making.records.iter().filter(|block| {
                Record::decode(block).is_ok_and(|record| record.rungs.iter().any(|rung| rung.beyond(have)))
            });
            return all.take(ANSWER).cloned().collect();
        }
        let mut told: BTreeMap<_, _> = have.iter().map(|(id, n)| (id.clone(), *n as usize)).collect();
        let mut records = Vec::new();
        for _ in 0..ANSWER {
            let (record, reached) = making.since(*capture, group, &told, clock::now());
            if record.rungs.iter().all(|rung| rung.segments.is_empty()) {
                break;
            }
            told = reached;
            records.push(self.key.sign(record).block().1);
        }
        records
    }

    /// What another node makes, none when it is not heard of.
    #[must_use]
    pub fn elsewhere(&self, capture: &Cid) -> Option<Elsewhere> {
        let captures = self.locked();
        let making = captures.get(capture).filter(|making| making.node != self.key.node_id())?;
        Some(Elsewhere {
            node: making.node,
            video: making.video.clone(),
            summary: making.summary.clone(),
            progress: f64::from(making.permille) / 1000.0,
            renditions: making.rungs.values().cloned().collect(),
        })
    }

    /// Forgets captures of others that nothing was heard of for a while, and gives them.
    #[must_use]
    pub fn silent(&self) -> Vec<(Cid, VideoId, NodeId)> {
        let (now, me) = (clock::now(), self.key.node_id());
        let mut gone = Vec::new();
        self.locked().retain(|capture, making| {
            let silent = making.node != me && now.ms_since(making.heard) > SILENCE_MS;
            if silent {
                gone.push((*capture, making.video.clone(), making.node));
            }
            !silent
        });
        gone
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<Cid, Making>> {
        self.captures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn known_none(captures: &BTreeMap<Cid, Making>, record: &Record) -> bool {
    !captures.contains_key(&record.capture)
}

impl Making {
    fn of(record: &Record) -> Self {
        Self {
            node: record.node,
            groups: vec![record.group],
            small: record.summary.poster.iter().map(|poster| poster.cid).collect(),
            video: record.video.clone(),
            source_url: record.source_url.clone(),
            summary: record.summary.clone(),
            run: record.run,
            at: Timestamp::default(),
            permille: 0,
            rungs: BTreeMap::new(),
            told: BTreeMap::new(),
            records: Vec::new(),
            heard: clock::now(),
        }
    }

    /// One record of what came after `told`, and where it ends.
    fn since(
        &self,
        capture: Cid,
        group: GroupId,
        told: &BTreeMap<String, usize>,
        now: Timestamp,
    ) -> (Record, BTreeMap<String, usize>) {
        let mut reached = told.clone();
        let mut room = limits::GROWING_SEGMENTS;
        let mut rungs = Vec::new();
        for (id, rung) in &self.rungs {
            let from = told.get(id).copied().unwrap_or(0).min(rung.segments.len());
            let segments: Vec<_> = rung.segments[from..].iter().take(room).copied().collect();
            room -= segments.len();
            reached.insert(id.clone(), from + segments.len());
            let head = Rendition { segments: Vec::new(), ..rung.clone() };
            rungs.push(Grown { head, from: u32::try_from(from).unwrap_or(u32::MAX), segments });
        }
        let record = Record {
            v: 1,
            node: self.node,
            group,
            capture,
            video: self.video.clone(),
            source_url: self.source_url.clone(),
            summary: self.summary.clone(),
            run: self.run,
            at: now,
            permille: self.permille,
            rungs,
        };
        (record, reached)
    }

    fn take(&mut self, record: &Verified<Record>) -> Heard {
        let mut news = record.at > self.at;
        let kept: usize = self.rungs.values().map(|rung| rung.segments.len()).sum();
        let room = limits::SEGMENTS.saturating_sub(kept);
        for rung in &record.rungs {
            let full = self.rungs.len() >= limits::RUNGS && !self.rungs.contains_key(&rung.head.id);
            if full || rung.segments.len() > room {
                continue;
            }
            let known = self.rungs.entry(rung.head.id.clone()).or_insert_with(|| rung.head.clone());
            let skip = known.segments.len() - (rung.from as usize).min(known.segments.len());
            for segment in rung.segments.iter().skip(skip) {
                known.segments.push(*segment);
                news = true;
            }
            if skip < rung.segments.len() && self.records.last().is_none_or(|last| *last != record.block().1)
            {
                self.records.push(record.block().1);
            }
        }
        if !news {
            return Heard::Old;
        }
        if record.at > self.at {
            (self.at, self.permille) = (record.at, record.permille);
            self.summary.clone_from(&record.summary);
        }
        self.heard = clock::now();
        Heard::News
    }
}
