//! What the group has: videos and captures of others as their feeds tell, and how much of each is here.
//!
//! The tables of this room can be made again from the entries and the blobs.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use horahora_protocol::{
    Cid, NodeId, VideoId, codec, group::GroupId, manifest::Manifest, message::Presence, moderation::Action,
};
use serde_json::json;
use tokio::sync::broadcast;

use crate::{
    approval::Approvals,
    blobs::Blobs,
    groups::{Groups, View},
    live::Live,
    moderation::Standings,
    net::Provide,
    store::{
        Batch, Store, StoreError,
        rows::{
            CAPTURES, CaptureRow, ELSEWHERE, HOLDINGS, Holding, JOBS, JobKey, JobRow, MANIFESTS, ManifestRow,
            PROFILES, State, VIDEOS, VIDEOS_BY_AGE, VideoRow, aged_key,
        },
    },
};

mod canonical;
mod creators;
mod learn;
mod missing;
mod tell;

pub use creators::{NameRow, describe, introduce};
pub use missing::note_rendered;

/// Captures learned that nobody looked at yet; who falls behind looks at everything.
const LEARNED: usize = 1024;

/// The catalogue. Clones share it.
#[derive(Debug, Clone)]
pub struct Catalogue {
    store: Store,
    blobs: Blobs,
    live: Live,
    provide: Provide,
    groups: Groups,
    approvals: Approvals,
    standings: Standings,
    me: NodeId,
    totals: Arc<Mutex<Sums>>,
    learned: broadcast::Sender<Cid>,
}

/// What this node holds, all together (none) and of each group.
type Sums = BTreeMap<Option<GroupId>, Totals>;

/// What a node holds of some captures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Captures held whole.
    pub whole: u64,
    /// Captures held in part.
    pub part: u64,
    /// Bytes of their blobs.
    pub bytes: u64,
}

impl std::ops::Add for Totals {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            whole: self.whole.saturating_add(more.whole),
            part: self.part.saturating_add(more.part),
            bytes: self.bytes.saturating_add(more.bytes),
        }
    }
}

impl Totals {
    /// What another node says that it holds of a group.
    #[must_use]
    pub fn of(presence: &Presence) -> Self {
        Self { whole: presence.videos, part: presence.parts, bytes: presence.bytes }
    }

    fn change(&mut self, old: Option<Holding>, new: Option<Holding>) {
        for (row, add) in [(old, false), (new, true)] {
            let Some(row) = row.filter(|row| row.blobs > 0) else { continue };
            let count = if row.is_whole() { &mut self.whole } else { &mut self.part };
            if add {
                *count += 1;
                self.bytes += row.bytes;
            } else {
                *count = count.saturating_sub(1);
                self.bytes = self.bytes.saturating_sub(row.bytes);
            }
        }
    }
}

impl Catalogue {
    /// Opens the catalogue; what an earlier version did not write down is counted now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open(
        store: Store,
        blobs: Blobs,
        live: Live,
        provide: Provide,
        groups: Groups,
        me: NodeId,
    ) -> Result<Self, StoreError> {
        let totals = Arc::default();
        let learned = broadcast::Sender::new(LEARNED);
        let approvals = Approvals::new(store.clone(), groups.clone());
        let standings = Standings::open(store.clone(), me)?;
        let catalogue =
            Self { store, blobs, live, provide, groups, approvals, standings, me, totals, learned };
        catalogue.recount()?;
        for (key, row) in catalogue.store.scan(&CAPTURES, b"", None, usize::MAX)? {
            let Some(last) = row.revisions.last().filter(|_| row.by.is_none()) else { continue };
            let Ok(capture) = Cid::from_bytes(&key) else { continue };
            if catalogue.store.get(&MANIFESTS, &last.to_bytes())?.is_none()
                && let Ok(block) = catalogue.blobs.read_verified(*last).await
                && let Ok(manifest) = Manifest::decode(&block)
            {
                let mut batch = Batch::default();
                let made = ManifestRow { capture, video: row.video, by: me };
                batch.put(&MANIFESTS, &last.to_bytes(), &made);
                catalogue.store.write(batch)?;
                catalogue.count(*last, &manifest)?;
            }
        }
        for (key, video) in catalogue.store.scan(&ELSEWHERE, b"", None, usize::MAX)? {
            if let Ok(capture) = Cid::from_bytes(&key) {
                catalogue.silent(&capture, &video, "The node that was making it")?;
            }
        }
        Ok(catalogue)
    }

    /// What the groups approve of.
    #[must_use]
    pub fn approvals(&self) -> &Approvals {
        &self.approvals
    }

    /// What stands against videos, people and nodes here.
    #[must_use]
    pub fn standings(&self) -> &Standings {
        &self.standings
    }

    /// Whether a video was taken down here: nobody gets it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_taken_down(&self, video: &VideoId) -> Result<bool, StoreError> {
        // Each blob that is given is asked for; mostly nothing stands.
        if self.standings.is_empty() {
            return Ok(false);
        }
        let Some(row) = self.video(video)? else { return Ok(false) };
        Ok(self.standings.of_video(&row)?.is_some_and(|standing| standing.action == Action::TakeDown))
    }

    /// Adds up anew what is held.
    ///
    /// # Errors
    /// When the database fails.
    pub fn recount(&self) -> Result<(), StoreError> {
        let mut totals = self.locked();
        totals.clear();
        for (key, row) in self.store.scan(&HOLDINGS, b"", None, usize::MAX)? {
            let groups = match Cid::from_bytes(&key) {
                Ok(manifest) => self.groups_of_manifest(&manifest)?,
                Err(_) => Vec::new(),
            };
            change(&mut totals, &groups, None, Some(row));
        }
        Ok(())
    }

    /// What this node holds.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.locked().get(&None).copied().unwrap_or_default()
    }

    /// What this node holds of a group.
    #[must_use]
    pub fn totals_in(&self, group: &GroupId) -> Totals {
        self.locked().get(&Some(*group)).copied().unwrap_or_default()
    }

    /// The groups that a capture belongs to. None are known of captures that an earlier version made: those
    /// were all public.
    ///
    /// # Errors
    /// When the database fails.
    pub fn groups_of(&self, capture: &Cid) -> Result<Vec<GroupId>, StoreError> {
        let row: Option<CaptureRow> = self.store.get(&CAPTURES, &capture.to_bytes())?;
        Ok(row.map_or_else(Vec::new, |row| row.groups))
    }

    /// The groups that a video is archived in.
    ///
    /// # Errors
    /// When the database fails.
    pub fn groups_of_video(&self, video: &VideoRow) -> Result<Vec<GroupId>, StoreError> {
        let captured = video.capture.map(|capture| self.groups_of(&capture)).transpose()?;
        let mut groups = captured.unwrap_or_default();
        let wanted: Vec<_> = video.groups.iter().filter(|group| !groups.contains(group)).copied().collect();
        groups.extend(wanted);
        Ok(groups)
    }

    /// The groups that a manifest belongs to.
    ///
    /// # Errors
    /// When the database fails.
    pub fn groups_of_manifest(&self, manifest: &Cid) -> Result<Vec<GroupId>, StoreError> {
        self.manifest(manifest)?.map_or(Ok(Vec::new()), |made| self.groups_of(&made.capture))
    }

    /// Whether a node may have what is in one of these groups. What belongs to no group is for this node alone,
    /// but for what was made before there were groups.
    #[must_use]
    pub fn may_have(&self, groups: &[GroupId], node: &NodeId) -> bool {
        groups.is_empty() || groups.iter().any(|group| self.groups.may_read(group, node))
    }

    /// Whether everybody may see a video: one of its groups is public.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_public(&self, video: &VideoRow) -> Result<bool, StoreError> {
        let mut groups = match &video.capture {
            Some(capture) => self.groups_of(capture)?,
            None => Vec::new(),
        };
        if groups.is_empty() {
            groups.clone_from(&video.groups);
        }
        Ok(groups.is_empty() || groups.iter().any(|group| self.groups.is_public(group)))
    }

    /// BLAKE3 over a group's members and rules and the captures that count in it: the same on all nodes that
    /// have the same entries.
    ///
    /// # Errors
    /// When the database fails.
    pub fn state_digest(&self, view: &View) -> Result<blake3::Hash, StoreError> {
        let mut hash = blake3::Hasher::new();
        hash.update(&view.group.digest());
        for (key, row) in self.store.scan(&CAPTURES, b"", None, usize::MAX)? {
            let CaptureRow { video, revisions, by, groups, disputed, .. } = row;
            let by = by.unwrap_or(self.me);
            // Of one who told two stories not everybody has the same.
            let counts = groups.contains(&view.id) && !disputed && !view.group.forks.contains_key(&by);
            let Some(last) = revisions.last().filter(|_| counts) else { continue };
            let record = (Cid::from_bytes(&key).ok(), video, by, last);
            hash.update(&codec::encode(&record));
        }
        Ok(hash.finalize())
    }

    /// Manifests of others, as their feeds tell of them.
    #[must_use]
    pub fn learned(&self) -> broadcast::Receiver<Cid> {
        self.learned.subscribe()
    }

    /// A video.
    ///
    /// # Errors
    /// When the database fails.
    pub fn video(&self, id: &VideoId) -> Result<Option<VideoRow>, StoreError> {
        self.store.get(&VIDEOS, id.as_str().as_bytes())
    }

    /// Who made a manifest, and of what; none for what is not in the catalogue.
    ///
    /// # Errors
    /// When the database fails.
    pub fn manifest(&self, cid: &Cid) -> Result<Option<ManifestRow>, StoreError> {
        self.store.get(&MANIFESTS, &cid.to_bytes())
    }

    /// What a node calls itself in its feed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn name(&self, node: &NodeId) -> Result<Option<String>, StoreError> {
        self.store.get(&PROFILES, node.public_key())
    }

    fn is_worked_on(&self, video: &VideoId) -> Result<bool, StoreError> {
        let key = JobKey::Capture { video: video.clone() };
        let job: Option<JobRow> = self.store.get(&JOBS, key.text().as_bytes())?;
        Ok(job.is_some_and(|job| job.state == State::Running))
    }

    /// Whether everybody may see what is in a group.
    #[must_use]
    pub fn is_public_group(&self, group: &GroupId) -> bool {
        self.groups.is_public(group)
    }

    /// How many nodes are in a group.
    #[must_use]
    pub fn members(&self, group: &GroupId) -> usize {
        self.groups.get(group).map_or(0, |view| view.group.members.len())
    }

    /// Whether a manifest belongs to a capture in one of these groups.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_in_groups(&self, manifest: &Cid, groups: &[GroupId]) -> Result<bool, StoreError> {
        Ok(self.groups_of_manifest(manifest)?.iter().any(|group| groups.contains(group)))
    }

    /// Whether a node is in a group that this node is in or follows.
    #[must_use]
    pub fn trusts(&self, node: &NodeId) -> bool {
        self.groups.all().iter().any(|view| view.group.counts(node))
    }

    fn put_video(&self, batch: &mut Batch, video: &VideoRow, new: bool) {
        batch.put(&VIDEOS, video.id.as_str().as_bytes(), video);
        if new {
            batch.put(&VIDEOS_BY_AGE, &aged_key(video.added, video.id.as_str().as_bytes()), &video.id);
        }
        let manifest = video.manifest.map(|cid| cid.to_string());
        self.live.tell("video", json!({ "id": video.id, "state": video.state, "manifest": manifest }));
    }

    /// How much of a manifest is here.
    ///
    /// # Errors
    /// When the database fails.
    pub fn holding(&self, manifest: &Cid) -> Result<Holding, StoreError> {
        Ok(self.store.get(&HOLDINGS, &manifest.to_bytes())?.unwrap_or_default())
    }

    /// Looks how much of a manifest is here and writes it down. It takes the place of older revisions.
    ///
    /// # Errors
    /// When the database fails.
    pub fn count(&self, cid: Cid, manifest: &Manifest) -> Result<Holding, StoreError> {
        let mut totals = self.locked();
        let mut row = Holding::default();
        for blob in manifest.blobs() {
            row.of_blobs += 1;
            row.of_bytes += blob.bytes;
            if self.blobs.has(&blob.cid) {
                row.blobs += 1;
                row.bytes += blob.bytes;
            }
        }
        let mut batch = Batch::default();
        let capture: Option<CaptureRow> = self.store.get(&CAPTURES, &manifest.capture.to_bytes())?;
        let revisions = capture.map_or_else(Vec::new, |row| row.revisions);
        // One that is about to be published leaves those before it until it is.
        let published = revisions.contains(&cid);
        let mut changes = vec![(self.store.get(&HOLDINGS, &cid.to_bytes())?, Some(row))];
        for older in revisions.iter().filter(|_| published).take_while(|revision| **revision != cid) {
            let key = older.to_bytes();
            changes.push((self.store.get(&HOLDINGS, &key)?, None));
            batch.remove(&HOLDINGS, &key);
        }
        batch.put(&HOLDINGS, &cid.to_bytes(), &row);
        self.store.write(batch)?;
        let groups = self.groups_of(&manifest.capture)?;
        for (old, new) in changes {
            change(&mut totals, &groups, old, new);
        }
        drop(totals);
        self.tell(cid, manifest, &row)?;
        Ok(row)
    }

    /// One more blob of a manifest is here.
    ///
    /// # Errors
    /// When the database fails.
    pub fn gained(&self, manifest: &Cid, blob: &Cid, bytes: u64) -> Result<(), StoreError> {
        let mut totals = self.locked();
        let Some(old) = self.store.get(&HOLDINGS, &manifest.to_bytes())? else { return Ok(()) };
        let new = Holding {
            blobs: (old.blobs + 1).min(old.of_blobs),
            bytes: (old.bytes + bytes).min(old.of_bytes),
            ..old
        };
        let mut batch = Batch::default();
        batch.put(&HOLDINGS, &manifest.to_bytes(), &new);
        self.store.write(batch)?;
        change(&mut totals, &self.groups_of_manifest(manifest)?, Some(old), Some(new));
        drop(totals);
        if let Some(made) = self.manifest(manifest)? {
            self.tell_of(&made.video, manifest)?;
        }
        self.tell_pieces(manifest, std::iter::once(*blob))
    }

    /// Whether something is here of a revision before this one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn holds_earlier(&self, capture: &Cid, manifest: &Cid) -> Result<bool, StoreError> {
        let row: Option<CaptureRow> = self.store.get(&CAPTURES, &capture.to_bytes())?;
        for revision in row.iter().flat_map(|row| &row.revisions).filter(|revision| *revision != manifest) {
            if self.holding(revision)?.blobs > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Who made a capture.
    ///
    /// # Errors
    /// When the database fails.
    pub fn maker(&self, capture: &Cid) -> Result<Option<NodeId>, StoreError> {
        let row: Option<CaptureRow> = self.store.get(&CAPTURES, &capture.to_bytes())?;
        Ok(row.map(|row| row.by.unwrap_or(self.me)))
    }

    fn locked(&self) -> MutexGuard<'_, Sums> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn change(sums: &mut Sums, groups: &[GroupId], old: Option<Holding>, new: Option<Holding>) {
    for group in groups.iter().copied().map(Some).chain([None]) {
        sums.entry(group).or_default().change(old, new);
    }
}
