//! Measures: taken by the moderators here and told to others, heard from others, and whose of them count.

use horahora_protocol::{
    NodeId, VideoId,
    entry::Body,
    group::GroupId,
    limits,
    moderation::{Action, Measure, Target},
};
use serde_json::json;
use thiserror::Error;
use tokio::sync::broadcast::error::RecvError;

use crate::{
    catalogue::Catalogue,
    clock,
    feeds::{Feeds, FeedsError},
    live::Live,
    spawn::Tasks,
    store::{
        Batch, Store, StoreError,
        rows::{
            MEASURES, MeasureRow, THRESHOLD, THRESHOLD_KEY, TRUST, TrustRow, VIDEOS, VideoRow, measure_key,
        },
    },
};

/// The heaviest weight of a list, and the highest threshold.
pub const HEAVIEST: u32 = 100;
/// Videos that are looked at again together.
const PORTION: usize = 500;

/// Why a measure was not taken.
#[derive(Debug, Error)]
pub enum MeasureError {
    /// There is no reason, or too long a one.
    #[error("{0}")]
    Reason(&'static str),
    /// Against this node itself.
    #[error("This node cannot take measures against itself.")]
    Myself,
    /// The numbers are out of bounds.
    #[error("A weight is a number from 0 to 100, a threshold from 1 to 100.")]
    Number,
    /// It could not be written.
    #[error(transparent)]
    Feeds(#[from] FeedsError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a moderator decides.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Against what.
    pub target: Target,
    /// What is to be done.
    pub action: Action,
    /// Why.
    pub reason: String,
    /// What the moderator is called.
    pub by: String,
    /// Whether other nodes hear of it.
    pub tell: bool,
}

/// A node's moderation list as it is known here.
#[derive(Debug, Clone)]
pub struct List {
    /// Whose.
    pub node: NodeId,
    /// How much it counts here; 0 for not at all.
    pub weight: u32,
    /// Words on it that want something done.
    pub words: usize,
}

/// Writes down a measure of a node that it was heard of, unless a later one is known.
///
/// # Errors
/// When the database fails.
pub fn learn(store: &Store, node: NodeId, measure: &Measure, batch: &mut Batch) -> Result<(), StoreError> {
    let row = MeasureRow {
        node,
        at: measure.at,
        target: measure.target.clone(),
        action: measure.action,
        reason: measure.reason.clone(),
        by: None,
        told: true,
    };
    let key = measure_key(&row.target, &node);
    let known: Option<MeasureRow> = store.get_after(batch, &MEASURES, &key)?;
    if known.is_none_or(|known| (known.at, known.action) < (row.at, row.action)) {
        batch.put(&MEASURES, &key, &row);
    }
    Ok(())
}

/// The measures. Clones share them.
#[derive(Debug, Clone)]
pub struct Measures {
    store: Store,
    feeds: Feeds,
    catalogue: Catalogue,
    live: Live,
}

impl Measures {
    /// Those of these rooms.
    #[must_use]
    pub fn new(store: Store, feeds: Feeds, catalogue: Catalogue, live: Live) -> Self {
        Self { store, feeds, catalogue, live }
    }

    /// Keeps what stands up to what is heard.
    pub fn start(&self, tasks: &Tasks) {
        let (measures, mut told) = (self.clone(), self.feeds.told());
        tasks.spawn("measures", async move {
            loop {
                match told.recv().await {
                    Ok(said) if !matches!(*said.body, Body::Measure(_)) => continue,
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
                if let Err(error) = measures.settle().await {
                    tracing::error!("measures that were heard of do not count yet: {error}");
                }
            }
        });
    }

    /// Takes a measure. When this returns it counts here, and is on the way to others if they are to hear of it.
    ///
    /// # Errors
    /// When there is no reason, or it cannot be written.
    pub async fn decide(&self, decision: Decision) -> Result<(), MeasureError> {
        let reason = super::cut(&decision.reason);
        if decision.action > Action::Lift && reason.is_empty() {
            return Err(MeasureError::Reason("Say why it is hidden: people who look for it read it."));
        }
        if reason.len() > limits::REASON_BYTES {
            return Err(MeasureError::Reason("A reason has at most 1,024 bytes."));
        }
        let me = self.feeds.me();
        if decision.target == Target::Node(me) {
            return Err(MeasureError::Myself);
        }
        let key = measure_key(&decision.target, &me);
        let known: Option<MeasureRow> = self.store.get(&MEASURES, &key)?;
        // Whoever heard of a measure hears that it is over.
        let tell = decision.tell || known.is_some_and(|known| known.told && known.action > Action::Lift);
        let (at, Decision { target, action, by, .. }) = (clock::now(), decision);
        let row = MeasureRow {
            node: me,
            at,
            target: target.clone(),
            action,
            reason: reason.clone(),
            by: Some(by),
            told: tell,
        };
        let groups = if tell { self.groups_of(&target).await? } else { Vec::new() };
        let body = Body::Measure(Measure { v: 1, at, target, action, reason });
        self.feeds.publish(&groups, body, |_, batch| batch.put(&MEASURES, &key, &row)).await?;
        Ok(self.settle().await?)
    }

    /// Where a measure is told: in the groups of its video, else in all.
    async fn groups_of(&self, target: &Target) -> Result<Vec<GroupId>, StoreError> {
        let Target::Video(id) = target else { return Ok(self.feeds.writable().await) };
        let Some(video) = self.catalogue.video(id)? else { return Ok(vec![self.feeds.home()]) };
        let (groups, public) = (self.catalogue.groups_of_video(&video)?, self.catalogue.is_public(&video)?);
        Ok(self.feeds.places(groups, public).await)
    }

    /// The lists that are known here, those that count first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn lists(&self) -> Result<Vec<List>, StoreError> {
        let mut words = std::collections::BTreeMap::<NodeId, usize>::new();
        for (_, row) in self.store.scan(&MEASURES, b"", None, usize::MAX)? {
            if row.told {
                *words.entry(row.node).or_default() += usize::from(row.action > Action::Lift);
            }
        }
        let mut lists = Vec::new();
        for (node, words) in words {
            lists.push(List { node, weight: self.weight(&node)?, words });
        }
        for (_, row) in self.store.scan(&TRUST, b"", None, usize::MAX)? {
            if !lists.iter().any(|list| list.node == row.node) {
                lists.push(List { node: row.node, weight: row.weight, words: 0 });
            }
        }
        lists.sort_by_key(|list| std::cmp::Reverse((list.node == self.feeds.me(), list.weight, list.words)));
        Ok(lists)
    }

    /// What is on a node's list, the latest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn words(&self, node: &NodeId, limit: usize) -> Result<Vec<MeasureRow>, StoreError> {
        let rows = self.store.scan(&MEASURES, b"", None, usize::MAX)?.into_iter().map(|(_, row)| row);
        let mut words: Vec<_> =
            rows.filter(|row| row.node == *node && row.told && row.action > Action::Lift).collect();
        words.sort_by_key(|row| std::cmp::Reverse(row.at));
        words.truncate(limit);
        Ok(words)
    }

    fn weight(&self, node: &NodeId) -> Result<u32, StoreError> {
        let row: Option<TrustRow> = self.store.get(&TRUST, node.public_key())?;
        Ok(row.map_or(0, |row| row.weight))
    }

    /// Lets a node's list count this much.
    ///
    /// # Errors
    /// When the weight is too heavy, or the database fails.
    pub async fn set_weight(&self, node: NodeId, weight: u32) -> Result<(), MeasureError> {
        if node == self.feeds.me() {
            return Err(MeasureError::Myself);
        }
        if weight > HEAVIEST {
            return Err(MeasureError::Number);
        }
        let mut batch = Batch::default();
        match weight {
            0 => batch.remove(&TRUST, node.public_key()),
            weight => batch.put(&TRUST, node.public_key(), &TrustRow { node, weight }),
        }
        self.store.write(batch)?;
        self.store.durable().await?;
        Ok(self.settle().await?)
    }

    /// Sets how many of the lists must agree, by their weights.
    ///
    /// # Errors
    /// When the number is out of bounds, or the database fails.
    pub async fn set_threshold(&self, threshold: u32) -> Result<(), MeasureError> {
        if !(1..=HEAVIEST).contains(&threshold) {
            return Err(MeasureError::Number);
        }
        let mut batch = Batch::default();
        batch.put(&THRESHOLD, THRESHOLD_KEY, &threshold);
        self.store.write(batch)?;
        self.store.durable().await?;
        Ok(self.settle().await?)
    }

    /// Looks at all words again and at the videos for which something changed.
    async fn settle(&self) -> Result<(), StoreError> {
        let measures = self.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let changed = measures.catalogue.standings().refresh()?;
            for target in &changed {
                measures.touch(target)?;
            }
            Ok::<_, StoreError>(changed.len())
        });
        if looked.await.unwrap_or_else(|died| std::panic::resume_unwind(died.into_panic()))? > 0 {
            self.live.tell("video", json!({}));
            self.live.tell("said", json!({}));
        }
        Ok(())
    }

    /// Whoever follows the videos looks at these again.
    fn touch(&self, target: &Target) -> Result<(), StoreError> {
        match target {
            Target::Video(id) => self.touch_videos(std::iter::once(id.clone())),
            Target::Creator { site, id } => {
                let mut after: Option<Vec<u8>> = None;
                loop {
                    let rows = self.catalogue.creator_videos(site, id, after.as_deref(), PORTION)?;
                    let Some((last, _)) = rows.last() else { return Ok(()) };
                    after = Some(last.clone());
                    self.touch_videos(rows.into_iter().map(|(_, row)| row.id))?;
                }
            }
            Target::Node(node) => {
                let mut after: Option<Vec<u8>> = None;
                loop {
                    let rows = self.store.scan(&VIDEOS, b"", after.as_deref(), PORTION)?;
                    let Some((last, _)) = rows.last() else { return Ok(()) };
                    after = Some(last.clone());
                    let mut theirs = Vec::new();
                    for (_, row) in rows {
                        let maker = row.capture.map(|capture| self.catalogue.maker(&capture)).transpose()?;
                        theirs.extend((maker.flatten() == Some(*node)).then_some(row.id));
                    }
                    self.touch_videos(theirs.into_iter())?;
                }
            }
            Target::Person(_) => Ok(()),
        }
    }

    fn touch_videos(&self, ids: impl Iterator<Item = VideoId>) -> Result<(), StoreError> {
        let _changing = self.store.changing();
        let mut batch = Batch::default();
        for id in ids {
            let key = id.as_str().as_bytes();
            if let Some(row) = self.store.get(&VIDEOS, key)? {
                let row: VideoRow = row;
                batch.put(&VIDEOS, key, &row);
            }
        }
        self.store.write(batch)
    }
}
