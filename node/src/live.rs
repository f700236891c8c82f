//! What moves now: progress of running jobs, and the events that open pages hear.
//!
//! Nothing here is stored. The page may miss events; it asks again for what it shows.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::sync::broadcast;

/// Events that a slow page may lag behind; then it simply asks again.
const QUEUE: usize = 256;
/// A change smaller than this moves no bar by a pixel.
const STEP: f64 = 0.002;

/// Something changed.
#[derive(Debug, Clone)]
pub struct Event {
    /// `tools`, `request`, `job` or `video`.
    pub name: &'static str,
    /// The changed thing.
    pub data: Value,
}

/// How far a running job is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// 0 to 1.
    pub fraction: f64,
    /// What it does, for people.
    pub doing: String,
}

/// Progress and events. Clones share them.
#[derive(Debug, Clone)]
pub struct Live {
    running: Arc<Mutex<BTreeMap<String, Progress>>>,
    events: broadcast::Sender<Event>,
}

impl Default for Live {
    fn default() -> Self {
        Self { running: Arc::default(), events: broadcast::Sender::new(QUEUE) }
    }
}

impl Live {
    /// Tells open pages that something changed.
    pub fn tell(&self, name: &'static str, data: Value) {
        // Nobody listening is fine.
        let _ = self.events.send(Event { name, data });
    }

    /// Events from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Sets how far a job is; tells pages when a person could see the difference.
    pub fn progress(&self, job: &str, fraction: f64, doing: &str) {
        let mut running = self.running();
        let now = running.entry(job.to_owned()).or_default();
        if (now.fraction - fraction).abs() < STEP && now.doing == doing {
            return;
        }
        *now = Progress { fraction, doing: doing.to_owned() };
        drop(running);
        self.tell("job", serde_json::json!({ "id": job, "progress": fraction, "doing": doing }));
    }

    /// How far a job is, none when it does not run.
    #[must_use]
    pub fn of(&self, job: &str) -> Option<Progress> {
        self.running().get(job).cloned()
    }

    /// The job does not run any more.
    pub fn end(&self, job: &str) {
        self.running().remove(job);
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Progress>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
