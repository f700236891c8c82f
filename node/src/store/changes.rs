//! Which records were written since somebody last looked: for what follows the store and may lag behind it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

/// Keys of written records, each once. Nothing is noted before somebody looks.
#[derive(Debug, Clone, Default)]
pub struct Changes(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    keys: Mutex<Option<BTreeSet<Vec<u8>>>>,
    more: Notify,
}

impl Changes {
    pub(super) fn add(&self, keys: impl Iterator<Item = Vec<u8>>) {
        let mut noted = self.0.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(noted) = noted.as_mut() else { return };
        let before = noted.len();
        noted.extend(keys);
        if noted.len() > before {
            self.0.more.notify_one();
        }
    }

    /// Begins to note.
    pub fn follow(&self) {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default();
    }

    /// Waits until something is noted. For one follower; may be dropped.
    pub async fn some(&self) {
        self.0.more.notified().await;
    }

    /// Notes them again: what was to be done with them failed.
    pub fn put_back(&self, keys: BTreeSet<Vec<u8>>) {
        self.add(keys.into_iter());
    }

    /// What was noted; it is forgotten here.
    #[must_use]
    pub fn take(&self) -> BTreeSet<Vec<u8>> {
        let mut noted = self.0.keys.lock().unwrap_or_else(PoisonError::into_inner);
        noted.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
