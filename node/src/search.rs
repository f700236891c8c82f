//! Finds videos by what is written on them. The index follows the store: it is made again whenever it is not there, and
//! nothing is in it that the store does not have.
//!
//! What is found: videos that can be watched, by title, tags and creator.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use horahora_protocol::VideoId;
use serde::Serialize;
use tantivy::TantivyError;
use thiserror::Error;

use crate::{
    catalogue::Catalogue,
    live::Live,
    spawn::Tasks,
    store::{
        Store, StoreError,
        rows::{TALLIES, Tally, VIDEOS, VideoRow},
    },
};

mod clauses;
mod counts;
mod index;
pub mod query;
pub mod words;

use index::Shelves;
use query::Part;

/// Changes of a moment are written together.
const TOGETHER: Duration = Duration::from_millis(300);
/// How long a disk that failed is left alone.
const AGAIN: Duration = Duration::from_secs(5);
/// Documents that are made before they are written; few enough that others find something meanwhile.
const PORTION: usize = 5_000;
/// A later form of the index gets a folder of its own, and is made from the store.
const FORM: &str = "2";

/// Why nothing could be found.
#[derive(Debug, Error)]
pub enum SearchError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index failed.
    #[error("the search index failed: {0}")]
    Index(#[from] TantivyError),
    /// A thread died.
    #[error("a search did not come to its end")]
    Died,
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// What was written into the box.
    pub parts: Vec<Part>,
    /// On one of these sites; none for all.
    pub sites: Vec<String>,
    /// By this creator: site and id there.
    pub creator: Option<(String, String)>,
    /// Only of this length.
    pub length: Option<Length>,
    /// Published from the first time on and before the second, in milliseconds since 1970.
    pub published: (Option<u64>, Option<u64>),
    /// Only what the origin has no more.
    pub gone: bool,
    /// Also what belongs to private groups alone.
    pub everything: bool,
    /// What comes first.
    pub sort: Sort,
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// What fits best (Okapi BM25); without words, what came last.
    #[default]
    Relevance,
    /// What this node heard of last.
    Added,
    /// What was published last.
    Newest,
    /// What was published first.
    Oldest,
    /// The longest.
    Longest,
    /// The shortest.
    Shortest,
    /// What was watched most, on all nodes.
    Views,
    /// What people voted for.
    Rating,
}

impl Sort {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 8] = [
        ("relevance", Self::Relevance),
        ("added", Self::Added),
        ("newest", Self::Newest),
        ("oldest", Self::Oldest),
        ("longest", Self::Longest),
        ("shortest", Self::Shortest),
        ("views", Self::Views),
        ("rating", Self::Rating),
    ];
}

/// How long a video is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Under 4 minutes.
    Short,
    /// 4 to 20 minutes.
    Middle,
    /// Longer.
    Long,
}

impl Length {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 3] =
        [("short", Self::Short), ("middle", Self::Middle), ("long", Self::Long)];

    fn bounds_ms(self) -> (Option<u64>, Option<u64>) {
        const FOUR: u64 = 4 * 60_000;
        const TWENTY: u64 = 20 * 60_000;
        match self {
            Self::Short => (None, Some(FOUR)),
            Self::Middle => (Some(FOUR), Some(TWENTY)),
            Self::Long => (Some(TWENTY), None),
        }
    }

    fn of(ms: u64) -> Self {
        let fits = |length: &Self| length.bounds_ms().1.is_none_or(|end| ms < end);
        [Self::Short, Self::Middle].into_iter().find(fits).unwrap_or(Self::Long)
    }
}

/// Which part of what was found is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Videos before it.
    pub skip: usize,
    /// Videos on it, at least one.
    pub limit: usize,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The page's videos, in order.
    pub ids: Vec<VideoId>,
    /// Videos that fit.
    pub total: u64,
    /// How many of them each site has.
    pub sites: BTreeMap<String, u64>,
    /// How many are of each [`Length`].
    pub lengths: [u64; Length::ALL.len()],
}

/// What is indexed of a video.
#[derive(Debug, Serialize)]
struct Document {
    id: VideoId,
    title: String,
    creator: String,
    creator_id: Option<String>,
    tags: Vec<String>,
    published: Option<u64>,
    added: u64,
    duration_ms: u64,
    public: bool,
    gone: bool,
    views: u64,
    rating: u64,
}

impl Document {
    /// The same for equal documents.
    fn print(&self) -> u64 {
        index::number(&serde_ipld_dagcbor::to_vec(self).expect("a document has a DAG-CBOR form"))
    }
}

/// The search. Clones share it.
#[derive(Debug, Clone)]
pub struct Search {
    store: Store,
    catalogue: Catalogue,
    shelves: Shelves,
    /// What each document of the index was made of, by its key.
    prints: Arc<Mutex<BTreeMap<u64, u64>>>,
    /// How many there are.
    count: Arc<AtomicU64>,
    live: Live,
}

impl Search {
    /// Opens the index below `dir`; one that cannot be read is made again.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn open(store: Store, catalogue: Catalogue, live: Live, dir: &Path) -> Result<Self, SearchError> {
        let form = dir.join(FORM);
        let shelves = Shelves::open(&form).or_else(|error| {
            tracing::warn!("the search index is made again: {error}");
            clear(&form)?;
            Shelves::open(&form)
        })?;
        let prints = shelves.prints()?;
        let count = Arc::new(AtomicU64::new(prints.len() as u64));
        store.changed_videos().follow();
        Ok(Self { store, catalogue, shelves, prints: Arc::new(Mutex::new(prints)), count, live })
    }

    /// Follows the store from now on, beginning with what changed meanwhile.
    pub fn start(&self, tasks: &Tasks) {
        let search = self.clone();
        tasks.spawn("search", async move {
            if let Err(error) = search.clone().apart(|search| search.catch_up()).await {
                tracing::error!("the search index cannot be brought up to date: {error}");
            }
            loop {
                search.store.changed_videos().some().await;
                tokio::time::sleep(TOGETHER).await;
                let changed = search.store.changed_videos().take();
                let keys = changed.clone();
                if let Err(error) = search.clone().apart(move |search| search.follow(&keys)).await {
                    tracing::error!("the search index cannot be changed: {error}");
                    search.store.changed_videos().put_back(changed);
                    tokio::time::sleep(AGAIN).await;
                }
            }
        });
    }

    /// Finds videos.
    ///
    /// # Errors
    /// When the index fails.
    pub async fn find(&self, query: Query, page: Page) -> Result<Found, SearchError> {
        self.clone().apart(move |search| Ok(search.shelves.find(&query, page)?)).await
    }

    /// Videos that share tags with this one or are by the same creator; rare tags say more. The one itself is not among them.
    ///
    /// # Errors
    /// When the index fails.
    pub async fn related(
        &self,
        video: &VideoRow,
        everything: bool,
        limit: usize,
    ) -> Result<Vec<VideoId>, SearchError> {
        let creator = video.creator_id.as_ref().map(|id| (video.id.site().to_owned(), id.clone()));
        let (id, tags) = (video.id.clone(), video.tags.clone());
        let near =
            move |search: &Self| Ok(search.shelves.near(&tags, creator.as_ref(), everything, limit + 1)?);
        let mut found = self.clone().apart(near).await?;
        found.retain(|other| *other != id);
        found.truncate(limit);
        Ok(found)
    }

    /// How many videos can be watched: all, or those that everybody may see.
    ///
    /// # Errors
    /// When the index fails.
    pub fn total(&self, everything: bool) -> Result<u64, SearchError> {
        Ok(if everything { self.count.load(Ordering::Relaxed) } else { self.shelves.public()? })
    }

    /// Work that waits for the disk, on a thread for it.
    async fn apart<T: Send + 'static>(
        self,
        work: impl FnOnce(&Self) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, SearchError> {
        tokio::task::spawn_blocking(move || work(&self)).await.map_err(|_| SearchError::Died)?
    }

    /// Compares all that is indexed with all that is stored.
    fn catch_up(&self) -> Result<(), SearchError> {
        let mut stale = self.locked().clone();
        let mut after = None::<Vec<u8>>;
        loop {
            let rows = self.store.scan(&VIDEOS, b"", after.as_deref(), PORTION)?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.clone());
            let mut changes = Vec::new();
            for (key, row) in rows {
                let key = index::number(&key);
                if let Some(document) = self.document(row)? {
                    stale.remove(&key);
                    changes.push((key, Some(document)));
                }
            }
            self.put(changes)?;
        }
        self.put(stale.into_keys().map(|key| (key, None)).collect())
    }

    /// Takes over what was written.
    fn follow(&self, keys: &BTreeSet<Vec<u8>>) -> Result<(), SearchError> {
        let mut changes = Vec::new();
        for key in keys {
            let row: Option<VideoRow> = self.store.get(&VIDEOS, key)?;
            let document = row.map(|row| self.document(row)).transpose()?.flatten();
            changes.push((index::number(key), document));
        }
        self.put(changes)
    }

    /// Writes those that are not as they are there already.
    fn put(&self, mut changes: Vec<(u64, Option<Document>)>) -> Result<(), SearchError> {
        let mut prints = self.locked();
        changes.retain(|(key, document)| prints.get(key).copied() != document.as_ref().map(Document::print));
        for portion in changes.chunks(PORTION) {
            self.shelves.put(portion)?;
            for (key, document) in portion {
                match document {
                    Some(document) => prints.insert(*key, document.print()),
                    None => prints.remove(key),
                };
            }
            self.count.store(prints.len() as u64, Ordering::Relaxed);
            // Pages that count have asked before this.
            self.live.tell("video", serde_json::json!({}));
        }
        Ok(())
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.prints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None for what cannot be watched.
    fn document(&self, row: VideoRow) -> Result<Option<Document>, StoreError> {
        if row.manifest.is_none() {
            return Ok(None);
        }
        let public =
            self.catalogue.standings().of_video(&row)?.is_none() && self.catalogue.is_public(&row)?;
        let tally: Tally = self.store.get(&TALLIES, row.id.as_str().as_bytes())?.unwrap_or_default();
        Ok(Some(Document {
            id: row.id,
            title: row.title,
            creator: row.creator.unwrap_or_default(),
            creator_id: row.creator_id,
            tags: row.tags,
            published: row.published_at.map(|at| at.0),
            added: row.added.0,
            duration_ms: row.duration_ms,
            public,
            gone: row.gone.is_some(),
            views: coarse(tally.viewed()),
            rating: rating(tally.up, tally.down),
        }))
    }
}

/// A number by its first two digits: the order hardly changes, and a video is not written anew for every view.
fn coarse(number: u64) -> u64 {
    let unit = 10_u64.pow(number.checked_ilog10().unwrap_or(0).saturating_sub(1));
    number / unit * unit
}

/// In thousandths, what share of all people would vote for it at least, with 95 % confidence: the lower bound of Wilson's score
/// interval (E. B. Wilson, 1927). One vote says little, a hundred say much.
fn rating(up: u64, down: u64) -> u64 {
    const Z: f64 = 1.96;
    let (all, share) = ((up + down) as f64, up as f64 / (up + down).max(1) as f64);
    if all == 0.0 {
        return 0;
    }
    let spread = Z * ((share * (1.0 - share) + Z * Z / (4.0 * all)) / all).sqrt();
    ((share + Z * Z / (2.0 * all) - spread) / (1.0 + Z * Z / all) * 1000.0).max(0.0) as u64
}

fn clear(dir: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_cut_to_two_digits_and_many_votes_say_more_than_few() {
        assert_eq!([0, 7, 42, 199, 1_234, 99_999].map(coarse), [0, 7, 42, 190, 1_200, 99_000]);
        let rated =
            [(0, 0), (0, 5), (1, 0), (10, 0), (100, 10), (1000, 0)].map(|(up, down)| rating(up, down));
        assert!(rated.is_sorted() && rated[0] == 0 && rated[5] > 990, "{rated:?}");
    }
}
