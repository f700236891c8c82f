//! What stands against videos, creators, people and nodes here: this node's own word where there is one, else what enough of the
//! lists that it trusts agree on. Kept in memory, as every card of every page asks for it; made again from the words.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use horahora_protocol::{
    NodeId, Timestamp,
    moderation::{Action, Target, outcome},
};

use crate::store::{
    Batch, Store, StoreError,
    rows::{
        CAPTURES, CaptureRow, HIDDEN, HiddenRow, MEASURES, MeasureRow, SaidRow, THRESHOLD, THRESHOLD_KEY,
        TRUST, VideoRow, measure_key,
    },
};

/// Lists that must agree where nobody set it.
const THRESHOLD_AT_FIRST: u32 = 2;

/// What stands against one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Against what.
    pub target: Target,
    /// What is done; [`Action::Lift`] where this node says that nothing is, whatever others say.
    pub action: Action,
    /// The nodes whose words count; this one alone where it has its own.
    pub nodes: Vec<NodeId>,
    /// What the moderator is called, where it was one of this node.
    pub by: Option<String>,
    /// Why, in the words that were said last.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// Whether other nodes hear of it.
    pub told: bool,
}

/// What stands. Clones share it.
#[derive(Debug, Clone)]
pub struct Standings {
    store: Store,
    me: NodeId,
    found: Arc<RwLock<BTreeMap<Target, Standing>>>,
}

impl Standings {
    /// Those of this database.
    ///
    /// # Errors
    /// When the database fails.
    pub fn open(store: Store, me: NodeId) -> Result<Self, StoreError> {
        let standings = Self { store, me, found: Arc::default() };
        standings.take_over()?;
        standings.refresh()?;
        Ok(standings)
    }

    /// What an earlier version hid is a measure that nobody was told of.
    fn take_over(&self) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for (key, HiddenRow { at, by, reason }) in self.store.scan(&HIDDEN, b"", None, usize::MAX)? {
            let id = std::str::from_utf8(&key).ok().and_then(|id| id.parse().ok());
            if let Some(target) = id.map(Target::Video) {
                let (node, action, by) = (self.me, Action::Hide, Some(by));
                let row = MeasureRow { node, at, target, action, reason, by, told: false };
                batch.put(&MEASURES, &measure_key(&row.target, &node), &row);
            }
            batch.remove(&HIDDEN, &key);
        }
        self.store.write(batch)
    }

    /// How many of the trusted lists must agree, by their weights.
    ///
    /// # Errors
    /// When the database fails.
    pub fn threshold(&self) -> Result<u32, StoreError> {
        Ok(self.store.get(&THRESHOLD, THRESHOLD_KEY)?.unwrap_or(THRESHOLD_AT_FIRST))
    }

    /// Looks at all words again; gives the targets for which something changed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn refresh(&self) -> Result<Vec<Target>, StoreError> {
        let threshold = self.threshold()?;
        let trust: BTreeMap<Vec<u8>, _> =
            self.store.scan(&TRUST, b"", None, usize::MAX)?.into_iter().collect();
        let weight = |node: &NodeId| trust.get(node.public_key().as_slice()).map_or(0, |row| row.weight);
        let mut words: BTreeMap<Target, Vec<MeasureRow>> = BTreeMap::new();
        for (_, row) in self.store.scan(&MEASURES, b"", None, usize::MAX)? {
            if row.node == self.me || weight(&row.node) > 0 {
                words.entry(row.target.clone()).or_default().push(row);
            }
        }
        let new: BTreeMap<_, _> = words
            .into_iter()
            .filter_map(|(target, rows)| Some((target, self.standing(rows, weight, threshold)?)))
            .collect();
        let mut found = self.found.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *found, new);
        let targets = old.keys().chain(found.keys());
        let changed: std::collections::BTreeSet<_> =
            targets.filter(|target| old.get(*target) != found.get(*target)).cloned().collect();
        Ok(changed.into_iter().collect())
    }

    fn standing(
        &self,
        mut rows: Vec<MeasureRow>,
        weight: impl Fn(&NodeId) -> u32,
        threshold: u32,
    ) -> Option<Standing> {
        let of = |row: &MeasureRow, action: Action, nodes: Vec<NodeId>| Standing {
            target: row.target.clone(),
            action,
            nodes,
            by: row.by.clone(),
            reason: row.reason.clone(),
            at: row.at,
            told: row.told,
        };
        if let Some(own) = rows.iter().find(|row| row.node == self.me) {
            return Some(of(own, own.action, vec![self.me]));
        }
        // Nobody else decides whether this node and its people may be seen here.
        if rows.first()?.target == Target::Node(self.me) {
            return None;
        }
        let action = outcome(rows.iter().map(|row| (row.action, weight(&row.node))), threshold);
        rows.retain(|row| row.action >= action);
        let last = rows.iter().max_by_key(|row| (row.at, row.node))?;
        (action > Action::Lift).then(|| of(last, action, rows.iter().map(|row| row.node).collect()))
    }

    /// Whether nothing stands against anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// All that stands.
    #[must_use]
    pub fn all(&self) -> Vec<Standing> {
        self.found.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// What stands against a target itself.
    #[must_use]
    pub fn of(&self, target: &Target) -> Option<Standing> {
        self.found.read().unwrap_or_else(PoisonError::into_inner).get(target).cloned()
    }

    /// What stands against a video: what is said of it alone goes before what is said of its creator or of the node that
    /// archived it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn of_video(&self, video: &VideoRow) -> Result<Option<Standing>, StoreError> {
        if self.is_empty() {
            return Ok(None);
        }
        if let Some(itself) = self.of(&Target::Video(video.id.clone())) {
            return Ok(Some(itself).filter(|standing| standing.action > Action::Lift));
        }
        let creator = video
            .creator_id
            .as_ref()
            .map(|id| Target::Creator { site: video.id.site().to_owned(), id: id.clone() });
        let capture =
            video.capture.map(|capture| self.store.get(&CAPTURES, &capture.to_bytes())).transpose()?;
        let maker = capture.flatten().map(|row: CaptureRow| Target::Node(row.by.unwrap_or(self.me)));
        Ok(self.strongest(creator.into_iter().chain(maker)))
    }

    /// What stands against what somebody said.
    #[must_use]
    pub fn of_said(&self, said: &SaidRow) -> Option<Standing> {
        self.strongest([Target::Person(said.who), Target::Node(said.home)])
    }

    /// What stands against somebody.
    #[must_use]
    pub fn of_person(&self, person: &NodeId) -> Option<Standing> {
        self.strongest([Target::Person(*person)])
    }

    fn strongest(&self, targets: impl IntoIterator<Item = Target>) -> Option<Standing> {
        let standings = targets.into_iter().filter_map(|target| self.of(&target));
        standings.filter(|standing| standing.action > Action::Lift).max_by_key(|standing| standing.action)
    }
}
