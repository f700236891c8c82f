//! The database: typed tables over sled. The only room that knows sled.
//!
//! A [`Batch`] changes any number of tables in one transaction or not at all. Nothing that was promised to
//! the outside may rest on a batch before [`Store::durable`] returned: sled's own flush is no fsync.

use std::{
    collections::BTreeMap,
    fs,
    marker::PhantomData,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use sled::{
    Tree,
    transaction::{ConflictableTransactionError, TransactionError, Transactional},
};
use thiserror::Error;

mod changes;
mod migrate;
pub mod rows;

pub use changes::Changes;

/// Version of all stored forms together. A newer one is refused, an older one is migrated.
const SCHEMA: u64 = 2;
/// How long, and how often, a locked data folder is tried again: 3 s in all.
const RETRY: Duration = Duration::from_millis(100);
const PATIENCE: u32 = 30;
const META: &str = "meta";
/// Names of the trees, in the order of [`Table`]'s indices.
const TREES: [&str; 51] = [
    "meta",
    "entries",
    "bodies",
    "requests",
    "request_urls",
    "jobs",
    "open_jobs",
    "videos",
    "videos_by_age",
    "captures",
    "segments",
    "groups",
    "feeds",
    "profiles",
    "peers",
    "manifests",
    "holdings",
    "kept",
    "elsewhere",
    "own_feeds",
    "changes",
    "forks",
    "joins",
    "claims",
    "told",
    "request_videos",
    "imports",
    "sites",
    "creators",
    "creator_names",
    "verdicts",
    "looks",
    "rendered",
    "people",
    "names",
    "sessions",
    "invitations",
    "said",
    "said_keys",
    "votes",
    "tallies",
    "erased",
    "shelves",
    "hidden",
    "actions",
    "uploads",
    "reports",
    "lists",
    "tokens",
    "measures",
    "trust",
];

/// Why the database did not do it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("the data folder is in use by another horahora; stop that one first")]
    InUse,
    /// Written by a later version.
    #[error("the data folder was written by a later version (schema {0}); update this program")]
    TooNew(u64),
    /// A record is not of the shape of its table.
    #[error("a record of {table} is damaged; `horahora verify` says what else is")]
    Damaged {
        /// The table.
        table: &'static str,
    },
    /// The disk or the database failed.
    #[error("the database failed: {0}")]
    Sled(#[from] sled::Error),
    /// The disk failed.
    #[error("the disk failed: {0}")]
    Io(#[from] std::io::Error),
}

/// A table of `V` under byte keys.
#[derive(Debug)]
pub struct Table<V> {
    index: usize,
    value: PhantomData<fn() -> V>,
}

impl<V> Table<V> {
    const fn new(index: usize) -> Self {
        Self { index, value: PhantomData }
    }

    fn name(&self) -> &'static str {
        TREES[self.index]
    }
}

/// Changes that happen together. Of two changes of one record the later counts.
#[derive(Debug, Default)]
#[must_use]
pub struct Batch(BTreeMap<(usize, Vec<u8>), Option<Vec<u8>>>);

impl Batch {
    /// Sets a record.
    pub fn put<V: Serialize>(&mut self, table: &Table<V>, key: &[u8], value: &V) {
        let bytes = serde_ipld_dagcbor::to_vec(value).expect("rows have a DAG-CBOR form");
        self.0.insert((table.index, key.to_vec()), Some(bytes));
    }

    /// Removes a record.
    pub fn remove<V>(&mut self, table: &Table<V>, key: &[u8]) {
        self.0.insert((table.index, key.to_vec()), None);
    }
}

/// The open database. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    db: sled::Db,
    trees: Arc<Vec<Tree>>,
    file: Arc<fs::File>,
    changing: Arc<Mutex<()>>,
    videos: Changes,
}

impl Store {
    /// Opens or makes the database in `dir`.
    ///
    /// # Errors
    /// When another process has it, it is of a later version, or the disk fails.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let db = sled::Config::new()
            .path(dir)
            .cache_capacity(256 << 20)
            .flush_every_ms(Some(500))
            .open()
            .map_err(|error| match error {
                sled::Error::Io(io) if io.to_string().contains("lock") => StoreError::InUse,
                other => other.into(),
            })?;
        let trees = TREES.iter().map(|name| db.open_tree(name)).collect::<Result<Vec<_>, _>>()?;
        let file = fs::File::open(dir.join("db"))?;
        let (trees, file) = (Arc::new(trees), Arc::new(file));
        let store = Self { db, trees, file, changing: Arc::default(), videos: Changes::default() };
        let schema: Table<u64> = Table::new(0);
        match store.get(&schema, b"schema")? {
            Some(SCHEMA) => {}
            Some(newer) if newer > SCHEMA => return Err(StoreError::TooNew(newer)),
            Some(_) => migrate::join_bodies(&store)?,
            None => {
                let mut batch = Batch::default();
                batch.put(&schema, b"schema", &SCHEMA);
                store.write(batch)?;
            }
        }
        debug_assert_eq!(TREES[0], META, "the schema version lives in the first tree");
        Ok(store)
    }

    /// As [`Store::open`], but waits a moment for a node that was just killed: a child it was about to start may
    /// hold the lock until it becomes another program.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_patiently(dir: &Path) -> Result<Self, StoreError> {
        for _ in 0..PATIENCE {
            match Self::open(dir) {
                Err(StoreError::InUse) => tokio::time::sleep(RETRY).await,
                other => return other,
            }
        }
        Self::open(dir)
    }

    /// Held from reading rows that many change (videos, requests, jobs) until what follows from them is written: else one
    /// of two writers undoes what the other one wrote.
    pub fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One record.
    ///
    /// # Errors
    /// When the disk fails or the record is damaged.
    pub fn get<V: DeserializeOwned>(&self, table: &Table<V>, key: &[u8]) -> Result<Option<V>, StoreError> {
        self.trees[table.index].get(key)?.map(|bytes| read(table, &bytes)).transpose()
    }

    /// One record as it will be when `batch` is written.
    ///
    /// # Errors
    /// When the disk fails or the record is damaged.
    pub fn get_after<V: DeserializeOwned>(
        &self,
        batch: &Batch,
        table: &Table<V>,
        key: &[u8],
    ) -> Result<Option<V>, StoreError> {
        match batch.0.get(&(table.index, key.to_vec())) {
            Some(changed) => changed.as_ref().map(|bytes| read(table, bytes)).transpose(),
            None => self.get(table, key),
        }
    }

    /// The records whose key starts with `prefix` and is greater than `after`, at most `limit`, in order.
    ///
    /// # Errors
    /// When the disk fails or a record is damaged.
    pub fn scan<V: DeserializeOwned>(
        &self,
        table: &Table<V>,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, V)>, StoreError> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let start = after.map_or(Included(prefix.to_vec()), |key| Excluded(key.to_vec()));
        self.trees[table.index]
            .range((start, Unbounded))
            .take_while(|item| item.as_ref().map_or(true, |(key, _)| key.starts_with(prefix)))
            .take(limit)
            .map(|item| {
                let (key, bytes) = item?;
                Ok((key.to_vec(), read(table, &bytes)?))
            })
            .collect()
    }

    /// Keys of a table greater than `after`, at most `limit`, in order.
    fn keys<V>(
        &self,
        table: &Table<V>,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let start = after.map_or(Unbounded, |key| Excluded(key.to_vec()));
        let keys = self.trees[table.index].range::<Vec<u8>, _>((start, Unbounded)).keys().take(limit);
        keys.map(|key| Ok(key?.to_vec())).collect()
    }

    /// Removes every record of a table.
    fn clear<V>(&self, table: &Table<V>) -> Result<(), StoreError> {
        Ok(self.trees[table.index].clear()?)
    }

    /// Makes all changes of `batch`, or none.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn write(&self, batch: Batch) -> Result<(), StoreError> {
        let done = self.trees.as_slice().transaction(|trees| {
            for ((index, key), value) in &batch.0 {
                match value {
                    Some(value) => trees[*index].insert(key.as_slice(), value.as_slice())?,
                    None => trees[*index].remove(key.as_slice())?,
                };
            }
            Ok::<(), ConflictableTransactionError<()>>(())
        });
        done.map_err(|error| match error {
            TransactionError::Storage(error) => StoreError::from(error),
            TransactionError::Abort(()) => unreachable!("nothing in the transaction aborts"),
        })?;
        // What is counted of a video is under the same key.
        let of_video = [rows::VIDEOS.index, rows::TALLIES.index];
        let videos = batch.0.into_keys().filter(|(index, _)| of_video.contains(index));
        self.videos.add(videos.map(|(_, key)| key));
        Ok(())
    }

    /// The keys of videos of which something was written that lists show.
    #[must_use]
    pub fn changed_videos(&self) -> &Changes {
        &self.videos
    }

    /// Waits until everything written so far survives a crash and a power cut.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn durable(&self) -> Result<(), StoreError> {
        self.db.flush_async().await?;
        let file = Arc::clone(&self.file);
        let synced = tokio::task::spawn_blocking(move || file.sync_data()).await;
        synced.map_err(std::io::Error::other)?.map_err(StoreError::from)
    }
}

fn read<V: DeserializeOwned>(table: &Table<V>, bytes: &[u8]) -> Result<V, StoreError> {
    serde_ipld_dagcbor::from_slice(bytes).map_err(|_| StoreError::Damaged { table: table.name() })
}
