//! Tells the hash table what this node has, as finely as the budget allows: of a small archive every segment,
//! manifest and video, of a middle one manifests and videos, of a large one the shards of the space of video ids
//! in which it has something. Who looks asks for all grains at once.
//!
//! The library's store forgets and its timer knows no budget, so the keys come from the catalogue and are told
//! again from here, spread over the interval.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use horahora_protocol::Timestamp;
use tokio::{sync::Notify, task::JoinSet};

use super::{Net, behaviour::RECORD_LIFE};
use crate::{clock, spawn::Tasks};

/// Keys that a node tells of: more would take longer than the interval on a home line.
pub const BUDGET: usize = 10_000;
/// Told again after this; records live 48 h.
const INTERVAL_MS: u64 = 22 * 3600 * 1000;
const _: () = assert!(INTERVAL_MS < RECORD_LIFE.as_millis() as u64, "records must not run out");
/// Queries at once.
const AT_ONCE: usize = 8;
/// With nobody to tell, it is tried again after this.
const ALONE: Duration = Duration::from_secs(15);
/// How often it is looked what is due.
const LOOK: Duration = Duration::from_secs(60);

/// The keys told of. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Provide(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    keys: Mutex<Keys>,
    news: Notify,
}

/// How fine the hash table is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grain {
    /// Parts of the space of video ids.
    Shard,
    /// Videos and manifests.
    Video,
    /// Segments and everything else that a manifest names.
    Piece,
}

#[derive(Debug, Default)]
struct Keys {
    /// When each was told last, by grain. What is too fine for the budget is not remembered.
    shards: Told,
    videos: Told,
    pieces: Told,
    too_many_videos: bool,
    too_many_pieces: bool,
    due: VecDeque<Vec<u8>>,
}

type Told = BTreeMap<Vec<u8>, Option<Timestamp>>;

impl Keys {
    fn grain(&self) -> Grain {
        match (self.too_many_videos, self.too_many_pieces) {
            (true, _) => Grain::Shard,
            (false, true) => Grain::Video,
            (false, false) => Grain::Piece,
        }
    }

    fn add(&mut self, grain: Grain, key: Vec<u8>) {
        if grain > self.grain() {
            return;
        }
        let told = self.of(grain);
        if told.contains_key(&key) {
            return;
        }
        told.insert(key.clone(), None);
        if self.grain() != Grain::Shard && self.videos.len() + self.shards.len() > BUDGET {
            (self.too_many_videos, self.too_many_pieces) = (true, true);
            (self.videos, self.pieces) = (Told::new(), Told::new());
            self.due =
                self.shards.iter().filter(|(_, at)| at.is_none()).map(|(key, _)| key.clone()).collect();
        } else if self.grain() == Grain::Piece && self.len() > BUDGET {
            self.too_many_pieces = true;
            self.pieces = Told::new();
            let open = self.shards.iter().chain(&self.videos).filter(|(_, at)| at.is_none());
            self.due = open.map(|(key, _)| key.clone()).collect();
        } else {
            self.due.push_back(key);
        }
    }

    fn of(&mut self, grain: Grain) -> &mut Told {
        match grain {
            Grain::Shard => &mut self.shards,
            Grain::Video => &mut self.videos,
            Grain::Piece => &mut self.pieces,
        }
    }

    fn all(&self) -> impl Iterator<Item = (&Vec<u8>, &Option<Timestamp>)> {
        self.shards.iter().chain(&self.videos).chain(&self.pieces)
    }

    fn len(&self) -> usize {
        self.shards.len() + self.videos.len() + self.pieces.len()
    }

    fn told(&mut self, key: &Vec<u8>, now: Timestamp) {
        for told in [&mut self.shards, &mut self.videos, &mut self.pieces] {
            if let Some(at) = told.get_mut(key) {
                *at = Some(now);
            }
        }
    }
}

impl Provide {
    /// Tells of these keys from now on, as far as their grain is not too fine for the budget.
    pub fn add(&self, grain: Grain, keys: impl IntoIterator<Item = Vec<u8>>) {
        let mut known = self.keys();
        for key in keys {
            known.add(grain, key);
        }
        drop(known);
        self.0.news.notify_one();
    }

    /// How fine the hash table is told now.
    #[must_use]
    pub fn grain(&self) -> Grain {
        self.keys().grain()
    }

    /// Keys known to the network, and all keys.
    #[must_use]
    pub fn told(&self) -> (usize, usize) {
        let keys = self.keys();
        (keys.all().filter(|(_, at)| at.is_some()).count(), keys.len())
    }

    /// Starts telling.
    pub fn start(&self, net: Net, tasks: &Tasks) {
        let provide = self.clone();
        tasks.spawn("provide", async move { provide.run(&net).await });
    }

    async fn run(&self, net: &Net) {
        loop {
            let batch = self.take();
            if batch.is_empty() {
                let _ = tokio::time::timeout(LOOK, self.0.news.notified()).await;
                self.look();
                continue;
            }
            let mut queries = JoinSet::new();
            for key in batch {
                let net = net.clone();
                queries.spawn(async move { (net.provide(key.clone()).await, key) });
            }
            let mut alone = false;
            for (told, key) in queries.join_all().await {
                let mut keys = self.keys();
                if told {
                    keys.told(&key, clock::now());
                } else {
                    keys.due.push_front(key);
                    alone = true;
                }
            }
            if alone {
                let mut peers = net.peers_changed();
                let _ = tokio::time::timeout(ALONE, peers.changed()).await;
                // A new peer says first who it is.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }

    fn take(&self) -> Vec<Vec<u8>> {
        let mut keys = self.keys();
        let count = AT_ONCE.min(keys.due.len());
        keys.due.drain(..count).collect()
    }

    /// Makes due what was told long ago: a minute's share of it, so that it spreads over the interval.
    fn look(&self) {
        let now = clock::now();
        let mut keys = self.keys();
        let share = keys.len() * usize::try_from(LOOK.as_millis()).unwrap_or(0)
            / usize::try_from(INTERVAL_MS / 2).unwrap_or(1)
            + 1;
        let old = |at: &Option<Timestamp>| at.is_some_and(|at| now.ms_since(at) > INTERVAL_MS);
        let due: Vec<_> =
            keys.all().filter(|(_, at)| old(at)).map(|(key, _)| key.clone()).take(share).collect();
        for key in due {
            if !keys.due.contains(&key) {
                keys.due.push_back(key);
            }
        }
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(grain: Grain, n: usize) -> Vec<u8> {
        format!("{grain:?}{n}").into_bytes()
    }

    fn provide(videos: usize, pieces: usize) -> Provide {
        let provide = Provide::default();
        for n in 0..videos {
            provide.add(Grain::Shard, [key(Grain::Shard, n % 4096)]);
            provide.add(Grain::Video, [key(Grain::Video, n)]);
        }
        provide.add(Grain::Piece, (0..pieces).map(|n| key(Grain::Piece, n)));
        provide
    }

    #[test]
    fn a_larger_archive_is_told_of_more_coarsely_and_never_beyond_the_budget() {
        // Videos, pieces: grain, keys.
        for (videos, pieces, grain, keys) in [
            (0, 0, Grain::Piece, 0),
            (10, 3_000, Grain::Piece, 10 + 10 + 3_000),
            (10, BUDGET, Grain::Video, 10 + 10),
            (5_000, 100_000, Grain::Video, 4_096 + 5_000),
            (20_000, 0, Grain::Shard, 4_096),
            (170_000, 100_000, Grain::Shard, 4_096),
        ] {
            let provide = provide(videos, pieces);
            assert_eq!((provide.grain(), provide.told()), (grain, (0, keys)), "{videos} {pieces}");
            let mut due = std::collections::BTreeSet::new();
            loop {
                let batch = provide.take();
                if batch.is_empty() {
                    break;
                }
                due.extend(batch);
            }
            assert_eq!(due.len(), keys, "everything is told once, and nothing else: {videos} {pieces}");
        }
    }
}
