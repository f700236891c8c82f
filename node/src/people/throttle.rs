//! Slows down who guesses: after some wrong tries in a row nothing is tried for a while. In memory; a restart forgets.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use horahora_protocol::Timestamp;

use crate::clock;

/// Wrong tries before a pause.
pub(super) const TRIES: u32 = 8;
const PAUSE_MS: u64 = 5 * 60_000;
/// Keys that are remembered; then those of which the time is over go, and after them the oldest.
const KEYS: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Count {
    number: u32,
    since: Timestamp,
}

/// Counts by key.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<BTreeMap<String, Count>>);

impl Throttle {
    /// How many ms are left of a pause.
    pub(super) fn blocked(&self, key: &str) -> Option<u64> {
        let count = self.locked().get(key).copied().filter(|count| count.number >= TRIES)?;
        PAUSE_MS.checked_sub(clock::steady().ms_since(count.since)).filter(|left| *left > 0)
    }

    /// One more wrong try.
    pub(super) fn failed(&self, key: &str) {
        self.count(key, PAUSE_MS);
    }

    /// Whether one more of at most `most` in `during_ms` is fine.
    pub fn allow(&self, key: &str, most: u32, during_ms: u64) -> bool {
        self.count(key, during_ms) <= most
    }

    /// One of those was right after all.
    pub(super) fn undo(&self, key: &str) {
        if let Some(count) = self.locked().get_mut(key) {
            count.number = count.number.saturating_sub(1);
        }
    }

    /// It was right after all.
    pub(super) fn forget(&self, key: &str) {
        self.locked().remove(key);
    }

    fn count(&self, key: &str, during_ms: u64) -> u32 {
        let (mut counts, now) = (self.locked(), clock::steady());
        if counts.len() >= KEYS && !counts.contains_key(key) {
            counts.retain(|_, count| now.ms_since(count.since) < PAUSE_MS);
            if counts.len() >= KEYS {
                let oldest = counts.iter().min_by_key(|(_, count)| count.since).map(|(key, _)| key.clone());
                oldest.and_then(|key| counts.remove(&key));
            }
        }
        let count = counts.entry(key.to_owned()).or_insert(Count { number: 0, since: now });
        if now.ms_since(count.since) >= during_ms {
            *count = Count { number: 0, since: now };
        }
        count.number += 1;
        count.number
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
