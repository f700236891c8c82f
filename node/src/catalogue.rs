//! What the group has: videos and captures of others as their feeds tell, and how much of each is here.
//!
//! The tables of this room can be made again from the entries and the blobs.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use horahora_protocol::{
    Cid, NodeId, Verified, VideoId, codec,
    entry::{Body, Capture, Entry},
    group::{GroupId, Role},
    growing::Growing,
    manifest::Manifest,
    message::Names,
    summary::Summary,
};
use serde_json::json;
use tokio::sync::broadcast;

use crate::{
    blobs::Blobs,
    clock,
    groups::{Groups, View},
    live::Live,
    net::{Grain, Provide},
    store::{
        Batch, Store, StoreError,
        rows::{
            CAPTURES, CaptureRow, ELSEWHERE, HOLDINGS, Holding, JOBS, JobKey, JobRow, MANIFESTS, ManifestRow,
            PROFILES, State, VIDEOS, VIDEOS_BY_AGE, VideoRow, aged_key,
        },
    },
};

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
    me: NodeId,
    totals: Arc<Mutex<Sums>>,
    learned: broadcast::Sender<Cid>,
}

/// What this node holds, all together (none) and of each group.
type Sums = BTreeMap<Option<GroupId>, Totals>;

/// What this node holds of some captures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Captures held whole.
    pub whole: u64,
    /// Captures held in part.
    pub part: u64,
    /// Bytes of their blobs.
    pub bytes: u64,
}

impl Totals {
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
        let catalogue = Self { store, blobs, live, provide, groups, me, totals, learned };
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
            let Some(last) = revisions.last().filter(|_| groups.contains(&view.id) && !disputed) else {
                continue;
            };
            let record = (Cid::from_bytes(&key).ok(), video, by.unwrap_or(self.me), last);
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

    /// Adds to the batch what follows from another node's entry.
    ///
    /// # Errors
    /// When the database fails.
    pub fn learn(
        &self,
        view: &View,
        entry: &Verified<Entry>,
        body: Body,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        match body {
            Body::Profile(profile) => batch.put(&PROFILES, entry.node.public_key(), &profile.name),
            // What others want archived is theirs to do; claims share it out.
            Body::Request(_) => {}
            // What a follower captures does not count.
            Body::Capture(_) if view.group.role(&entry.node) == Some(Role::Follower) => {}
            Body::Capture(capture) => self.learn_capture(entry, capture, batch)?,
            // `groups` hears of them.
            Body::Group(_) => {}
        }
        Ok(())
    }

    fn learn_capture(
        &self,
        entry: &Verified<Entry>,
        body: Capture,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let key = body.capture.to_bytes();
        let mut row = self.store.get_after(batch, &CAPTURES, &key)?.unwrap_or_else(|| CaptureRow {
            video: body.video.clone(),
            started: body.fetched_at,
            draft: None,
            rungs: Vec::new(),
            revisions: Vec::new(),
            by: Some(entry.node),
            groups: Vec::new(),
            disputed: false,
        });
        if row.by.unwrap_or(self.me) != entry.node || row.video != body.video {
            tracing::warn!(node = %entry.node, capture = %body.capture, "speaks of another's capture");
            return Ok(());
        }
        if !row.revisions.contains(&body.manifest) {
            row.revisions.push(body.manifest);
        }
        if !row.groups.contains(&entry.group) {
            row.groups.push(entry.group);
        }
        row.disputed = false;
        batch.put(&CAPTURES, &key, &row);
        batch.remove(&ELSEWHERE, &key);
        let made = ManifestRow { capture: body.capture, video: body.video.clone(), by: entry.node };
        batch.put(&MANIFESTS, &body.manifest.to_bytes(), &made);
        let known: Option<VideoRow> = self.store.get_after(batch, &VIDEOS, body.video.as_str().as_bytes())?;
        let mut others = false;
        if let Some(video) = known.as_ref().filter(|video| video.manifest.is_some())
            && video.capture.is_some_and(|capture| capture != body.capture)
        {
            // One that everybody may see is shown rather than one that few may.
            others = self.is_public(video)? || !self.groups.is_public(&entry.group);
        }
        if !others {
            let fresh = || new_video(&body.video, &body.source_url, entry.at.min(clock::now()));
            let mut video = known.clone().unwrap_or_else(fresh);
            describe(&mut video, &body.summary.unwrap_or_default());
            (video.capture, video.manifest) = (Some(body.capture), Some(body.manifest));
            if !self.is_worked_on(&video.id)? {
                (video.state, video.code, video.reason) = (State::Done, None, None);
            }
            self.put_video(batch, &video, known.is_none());
        }
        // Nobody listening is fine.
        let _ = self.learned.send(body.manifest);
        Ok(())
    }

    /// Another node makes a capture: its video appears, unless something better is known.
    ///
    /// # Errors
    /// When the database fails.
    pub fn growing(&self, record: &Growing) -> Result<(), StoreError> {
        let known: Option<VideoRow> = self.store.get(&VIDEOS, record.video.as_str().as_bytes())?;
        if known.as_ref().is_some_and(|video| video.manifest.is_some())
            || self.is_worked_on(&record.video)?
            || self.store.get(&CAPTURES, &record.capture.to_bytes())?.is_some()
        {
            return Ok(());
        }
        let fresh = || new_video(&record.video, &record.source_url, record.run.min(clock::now()));
        let mut video = known.clone().unwrap_or_else(fresh);
        describe(&mut video, &record.summary);
        video.capture = Some(record.capture);
        if !video.groups.contains(&record.group) {
            video.groups.push(record.group);
        }
        (video.state, video.code, video.reason) = (State::Running, None, None);
        let mut batch = Batch::default();
        batch.put(&ELSEWHERE, &record.capture.to_bytes(), &video.id);
        self.put_video(&mut batch, &video, known.is_none());
        self.store.write(batch)
    }

    /// Nothing was heard for a while of a capture that another node makes.
    ///
    /// # Errors
    /// When the database fails.
    pub fn silent(&self, capture: &Cid, video: &VideoId, who: &str) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.remove(&ELSEWHERE, &capture.to_bytes());
        if let Some(mut video) = self.store.get(&VIDEOS, video.as_str().as_bytes())?
            && video.capture == Some(*capture)
            && video.manifest.is_none()
            && !self.is_worked_on(&video.id)?
        {
            video.state = State::Waiting;
            video.reason = Some(format!(
                "{who} is away or has given up. It goes on by itself when that node does; to have it made here, \
                 paste its link on the archive page."
            ));
            self.put_video(&mut batch, &video, false);
        }
        self.store.write(batch)
    }

    /// Whether a job of this node's own is at it.
    /// Adds to the batch what follows when an entry counts no more for its group.
    ///
    /// # Errors
    /// When the database fails.
    pub fn unlearn(
        &self,
        group: &GroupId,
        body: &Capture,
        disputed: bool,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let key = body.capture.to_bytes();
        let Some(mut row): Option<CaptureRow> = self.store.get_after(batch, &CAPTURES, &key)? else {
            return Ok(());
        };
        if disputed {
            row.disputed = true;
            batch.put(&CAPTURES, &key, &row);
            return Ok(());
        }
        row.revisions.retain(|revision| *revision != body.manifest);
        if row.revisions.is_empty() {
            row.groups.retain(|known| known != group);
        }
        if row.revisions.is_empty() && row.groups.is_empty() && row.by.is_some() {
            return self.drop_capture(&key, &row, &[body.manifest], batch);
        }
        batch.put(&CAPTURES, &key, &row);
        let known: Option<VideoRow> = self.store.get_after(batch, &VIDEOS, row.video.as_str().as_bytes())?;
        if let Some(mut video) = known.filter(|video| video.manifest == Some(body.manifest)) {
            video.manifest = row.revisions.last().copied();
            self.put_video(batch, &video, false);
        }
        Ok(())
    }

    fn drop_capture(
        &self,
        key: &[u8],
        row: &CaptureRow,
        revisions: &[Cid],
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        batch.remove(&CAPTURES, key);
        revisions.iter().for_each(|revision| batch.remove(&MANIFESTS, &revision.to_bytes()));
        let video: Option<VideoRow> = self.store.get_after(batch, &VIDEOS, row.video.as_str().as_bytes())?;
        let shown = |video: &VideoRow| video.capture.is_some_and(|capture| capture.to_bytes() == key);
        if let Some(video) = video.filter(shown)
            && !self.is_worked_on(&video.id)?
        {
            let id = video.id.as_str().as_bytes();
            batch.remove(&VIDEOS, id);
            batch.remove(&VIDEOS_BY_AGE, &aged_key(video.added, id));
            self.live.tell("video", json!({ "id": video.id, "state": "gone", "manifest": null }));
        }
        Ok(())
    }

    fn is_worked_on(&self, video: &VideoId) -> Result<bool, StoreError> {
        let key = JobKey::Capture { video: video.clone() };
        let job: Option<JobRow> = self.store.get(&JOBS, key.text().as_bytes())?;
        Ok(job.is_some_and(|job| !job.state.ended()))
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

    /// Tells the network what is here of a manifest.
    fn tell(&self, cid: Cid, manifest: &Manifest, row: &Holding) -> Result<(), StoreError> {
        if row.blobs == 0 {
            return Ok(());
        }
        self.tell_of(&manifest.video, &cid)?;
        let here = manifest.blobs().into_iter().map(|blob| blob.cid).filter(|cid| self.blobs.has(cid));
        self.tell_pieces(&cid, here)
    }

    fn tell_of(&self, video: &VideoId, manifest: &Cid) -> Result<(), StoreError> {
        for view in self.naming(manifest)? {
            let Some(names) = view.names() else { continue };
            self.provide.add(Grain::Shard, [names.shard(video)]);
            self.provide.add(Grain::Video, [names.video(video), names.blob(manifest)]);
        }
        Ok(())
    }

    fn tell_pieces(&self, manifest: &Cid, pieces: impl Iterator<Item = Cid>) -> Result<(), StoreError> {
        let pieces: Vec<_> = pieces.collect();
        for view in self.naming(manifest)? {
            let Some(names) = view.names() else { continue };
            self.provide.add(Grain::Piece, pieces.iter().map(|cid| names.blob(cid)));
        }
        Ok(())
    }

    /// The groups under whose names the hash table is told of a manifest: one public one is enough.
    fn naming(&self, manifest: &Cid) -> Result<Vec<Arc<View>>, StoreError> {
        let groups = self.groups_of_manifest(manifest)?;
        let mut views: Vec<_> = groups.iter().filter_map(|group| self.groups.get(group)).collect();
        if let Some(public) = views.iter().position(|view| view.group.public) {
            views = vec![views.swap_remove(public)];
        }
        Ok(views)
    }

    /// The names under which others may have told the hash table of a blob and of what it is part of.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keys(&self, blob: &Cid, manifest: Option<&Cid>) -> Result<Vec<Vec<u8>>, StoreError> {
        let Some(manifest) = manifest else { return Ok(vec![Names::public().blob(blob)]) };
        let video = self.manifest(manifest)?.map(|made| made.video);
        let mut keys = Vec::new();
        for view in self.naming(manifest)? {
            let Some(names) = view.names() else { continue };
            keys.extend([names.blob(blob), names.blob(manifest)]);
            if let Some(video) = &video {
                keys.extend([names.video(video), names.shard(video)]);
            }
        }
        keys.dedup();
        Ok(keys)
    }

    /// Tells the network of everything that is here, as far as the budget goes; after a start.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tell_all(&self) -> Result<(), StoreError> {
        let rows: Vec<(Vec<u8>, Holding)> = self.store.scan(&HOLDINGS, b"", None, usize::MAX)?;
        let held = rows.into_iter().filter(|(_, row)| row.blobs > 0);
        let held: Vec<_> = held.filter_map(|(key, row)| Some((Cid::from_bytes(&key).ok()?, row))).collect();
        for (cid, _) in &held {
            if let Some(made) = self.manifest(cid)? {
                self.tell_of(&made.video, cid)?;
            }
        }
        for (cid, row) in held {
            if self.provide.grain() != Grain::Piece {
                break;
            }
            if let Ok(block) = self.blobs.read_verified(cid).await
                && let Ok(manifest) = Manifest::decode(&block)
            {
                self.tell(cid, &manifest, &row)?;
            }
        }
        Ok(())
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

    /// Forgets what was captured for a group, unless something of it is here or it belongs to another group, too.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget(&self, group: &GroupId) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for (key, mut row) in self.store.scan(&CAPTURES, b"", None, usize::MAX)? {
            let held = row.revisions.last().map(|last| self.holding(last)).transpose()?;
            if !row.groups.contains(group) || row.by.is_none() {
                continue;
            }
            if row.groups.len() > 1 {
                row.groups.retain(|known| known != group);
                batch.put(&CAPTURES, &key, &row);
            } else if held.is_none_or(|held| held.blobs == 0) {
                let revisions = row.revisions.clone();
                self.drop_capture(&key, &row, &revisions, &mut batch)?;
            }
        }
        self.store.write(batch)
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

fn new_video(id: &VideoId, url: &str, added: horahora_protocol::Timestamp) -> VideoRow {
    VideoRow {
        id: id.clone(),
        title: id.to_string(),
        creator: None,
        duration_ms: 0,
        url: url.to_owned(),
        added,
        published_at: None,
        capture: None,
        manifest: None,
        poster: false,
        audio_only: false,
        state: State::Queued,
        code: None,
        reason: None,
        groups: Vec::new(),
    }
}

fn describe(video: &mut VideoRow, summary: &Summary) {
    if !summary.title.is_empty() {
        video.title.clone_from(&summary.title);
    }
    video.creator = summary.creator.as_ref().map(|creator| creator.name.clone());
    video.duration_ms = summary.duration_ms;
    video.published_at = summary.published_at;
    video.audio_only = summary.audio_only;
    video.poster = summary.poster.is_some();
}
