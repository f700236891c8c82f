//! Tells the hash table what this node has: videos and manifests, and segments while the budget allows.
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

#[derive(Debug, Default)]
struct Keys {
    /// When each was told last.
    told: BTreeMap<Vec<u8>, Option<Timestamp>>,
    due: VecDeque<Vec<u8>>,
}

impl Provide {
    /// Tells of these keys from now on, the important ones first. Those beyond the budget are left out.
    pub fn add(&self, keys: impl IntoIterator<Item = Vec<u8>>) {
        let mut known = self.keys();
        for key in keys {
            if known.told.len() >= BUDGET {
                break;
            }
            if !known.told.contains_key(&key) {
                known.told.insert(key.clone(), None);
                known.due.push_back(key);
            }
        }
        drop(known);
        self.0.news.notify_one();
    }

    /// Keys known to the network, and all keys.
    #[must_use]
    pub fn told(&self) -> (usize, usize) {
        let keys = self.keys();
        (keys.told.values().flatten().count(), keys.told.len())
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
                    keys.told.insert(key, Some(clock::now()));
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
        let share = keys.told.len() * usize::try_from(LOOK.as_millis()).unwrap_or(0)
            / usize::try_from(INTERVAL_MS / 2).unwrap_or(1)
            + 1;
        let old = |at: &Option<Timestamp>| at.is_some_and(|at| now.ms_since(at) > INTERVAL_MS);
        let due: Vec<_> =
            keys.told.iter().filter(|(_, at)| old(at)).map(|(key, _)| key.clone()).take(share).collect();
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
