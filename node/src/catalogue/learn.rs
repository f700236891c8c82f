//! What follows for the catalogue when a feed says something, and when that counts no more.

use horahora_protocol::{
    Cid, NodeId, Timestamp, Verified, VideoId,
    entry::{Body, Capture, Entry, Listing, Origin},
    group::{GroupId, Role},
    growing::Growing,
    request::Stand,
};
use serde_json::json;

use super::{
    Catalogue,
    creators::{describe, introduce},
};
use crate::{
    clock, community,
    groups::View,
    jobs::Jobs,
    moderation, requests,
    store::{
        Batch, StoreError,
        rows::{
            CAPTURES, CaptureRow, ELSEWHERE, JOBS, JobKey, JobRow, MANIFESTS, ManifestRow, PROFILES, State,
            TOLD, Told, VIDEOS, VIDEOS_BY_AGE, VideoRow, aged_key, told_key,
        },
    },
};

impl Catalogue {
    /// Adds to the batch what follows from another node's entry.
    ///
    /// # Errors
    /// When the database fails.
    pub fn learn(
        &self,
        view: &View,
        entry: &Verified<Entry>,
        body: &Body,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        // What a member wants archived is for all members to do; claims share it out.
        let shares = view.group.counts(&entry.node) && view.group.role(&self.me) >= Some(Role::Member);
        match body {
            Body::Profile(profile) => batch.put(&PROFILES, entry.node.public_key(), &profile.name),
            Body::Request(request) if shares => {
                requests::learn(&self.store, entry, request, batch)?;
                for (early, body) in requests::early(&self.store, &entry.block().0, batch)? {
                    self.learn(view, &early, &body, batch)?;
                }
            }
            Body::RequestChange(change) if shares => {
                let said = (entry.at, entry.node);
                let known = requests::learn_change(&self.store, &self.approvals, said, change, batch)?;
                if !known {
                    requests::keep_early(entry, &change.request, batch);
                }
                self.live.tell("request", json!({ "id": change.request.to_string() }));
            }
            Body::Listing(listing) if shares => {
                if !self.learn_listing(entry, listing, batch)? {
                    requests::keep_early(entry, &listing.request, batch);
                }
            }
            Body::Verdict(verdict) if view.group.counts(&entry.node) => {
                let said = (entry.at, entry.node);
                requests::learn_verdict(&self.store, &self.approvals, &entry.group, said, verdict, batch)?;
                self.live.tell("approval", json!({}));
            }
            Body::Rendition(said) if view.group.counts(&entry.node) => {
                self.learn_rendition(entry, said, batch)?;
            }
            Body::Origin(said) if view.group.counts(&entry.node) => {
                self.learn_origin((entry.at, entry.node), said, batch)?;
            }
            Body::Said(_) | Body::Removal(_) | Body::Views(_) if view.group.counts(&entry.node) => {
                let admin = view.group.role(&entry.node) == Some(Role::Admin);
                let source = community::Source { group: entry.group, node: entry.node, admin };
                for video in community::learn(&self.store, source, body, batch)? {
                    self.live.tell("said", json!({ "id": video }));
                }
            }
            Body::Measure(measure) if view.group.counts(&entry.node) => {
                moderation::learn(&self.store, entry.node, measure, batch)?;
            }
            Body::Request(_)
            | Body::Measure(_)
            | Body::Said(_)
            | Body::Removal(_)
            | Body::Views(_)
            | Body::Origin(_)
            | Body::Verdict(_)
            | Body::RequestChange(_)
            | Body::Listing(_)
            | Body::Failure(_)
            | Body::Rendition(_)
            | Body::Confirmation(_) => {}
            // What a follower captures does not count.
            Body::Capture(_) if view.group.role(&entry.node) == Some(Role::Follower) => {}
            Body::Capture(capture) => {
                self.learn_missing(entry, capture, shares, batch)?;
                self.learn_capture(entry, capture.clone(), batch)?;
            }
            // `groups` hears of them.
            Body::Group(_) => {}
        }
        Ok(())
    }

    /// What the origin of an archived video says.
    ///
    /// # Errors
    /// When the database fails.
    pub fn learn_origin(
        &self,
        (at, by): (Timestamp, NodeId),
        said: &Origin,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let row: Option<VideoRow> = self.store.get_after(batch, &VIDEOS, said.video.as_str().as_bytes())?;
        let Some(mut video) = row.filter(|row| row.origin_said < Some((at, by))) else { return Ok(()) };
        let since = at.min(clock::now());
        video.gone = said.gone.then(|| video.gone.unwrap_or(since));
        video.origin_said = Some((at, by));
        self.put_video(batch, &video, false);
        Ok(())
    }

    /// What a request names, as a member found it: its videos are wanted here, too. False when the request is not known
    /// yet.
    fn learn_listing(
        &self,
        entry: &Verified<Entry>,
        listing: &Listing,
        batch: &mut Batch,
    ) -> Result<bool, StoreError> {
        let group = &entry.group;
        let Some((key, mut row)) = requests::find_after(&self.store, batch, &listing.request)? else {
            return Ok(false);
        };
        let now = clock::now();
        row.title = listing.title.clone().or(row.title);
        if row.stand == Stand::Removed {
            return Ok(true);
        }
        let before = row.count;
        for item in &listing.items {
            let id = item.video.as_str().as_bytes();
            let video: Option<VideoRow> = self.store.get_after(batch, &VIDEOS, id)?;
            let fresh = video.is_none();
            let title = item.title.clone().unwrap_or_else(|| item.video.to_string());
            let mut video = video.unwrap_or_else(|| {
                VideoRow::queued(item.video.clone(), title.clone(), item.url.clone(), now)
            });
            if !video.groups.contains(group) {
                video.groups.push(*group);
            }
            requests::add_video(&mut row, &mut video, batch);
            introduce(&self.store, &mut video, item.title.as_deref(), item.about.as_ref(), batch)?;
            self.put_video(batch, &video, fresh);
            let job = JobKey::Capture { video: item.video.clone() };
            let job_known: Option<JobRow> = self.store.get_after(batch, &JOBS, job.text().as_bytes())?;
            if job_known.is_none() && !self.has_in(&video, group, batch)? {
                Jobs::add(
                    batch,
                    &JobRow::queued(job, Some(item.video.clone()), item.url.clone(), title, now),
                );
            }
            requests::set_video(&self.store, &self.approvals, batch, Some(&row), &item.video)?;
        }
        row.news |= row.count > before;
        if listing.last {
            row.listings = row.listings.max(listing.n.saturating_add(1));
            let news = std::mem::take(&mut row.news);
            requests::listed(&mut row, entry.at.min(clock::now()), news);
        }
        requests::put(batch, &key, &row);
        if listing.last {
            self.close(batch, &JobKey::List { request: listing.request, n: listing.n })?;
        }
        self.live.tell("request", json!({ "id": listing.request.to_string() }));
        Ok(true)
    }

    /// A job that somebody else did: nothing is left to do here.
    pub(super) fn close(&self, batch: &mut Batch, key: &JobKey) -> Result<(), StoreError> {
        let job: Option<JobRow> = self.store.get_after(batch, &JOBS, key.text().as_bytes())?;
        if let Some(job) = job.filter(|job| !job.state.ended() && job.state != State::Running) {
            Jobs::add(batch, &job.done(clock::now()));
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
            rungs: body.missing.clone(),
            revisions: Vec::new(),
            by: Some(entry.node),
            groups: Vec::new(),
            disputed: false,
        });
        if row.by.unwrap_or(self.me) != entry.node || row.video != body.video {
            tracing::warn!(node = %entry.node, capture = %body.capture, "speaks of another's capture");
            return Ok(());
        }
        row.rungs = body.missing;
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
        let fresh = || new_video(&body.video, &body.source_url, entry.at.min(clock::now()));
        let mut video = known.clone().unwrap_or_else(fresh);
        let told = Told { original: body.original, summary: body.summary.unwrap_or_default() };
        Self::note(&mut video, body.capture, &body.manifest, &told, batch);
        let before = video.manifest;
        self.show(&mut video, batch)?;
        let changed = video.manifest.filter(|shown| before != Some(*shown));
        if changed.is_some() && !self.is_worked_on(&video.id)? {
            (video.state, video.code, video.reason) = (State::Done, None, None);
        }
        self.put_video(batch, &video, known.is_none());
        // What another group has is not there for those that want it; it is mirrored from there.
        let wanted = known.as_ref().map(|video| video.groups.as_slice()).unwrap_or_default();
        if wanted.is_empty() || wanted.contains(&entry.group) {
            self.close(batch, &JobKey::Capture { video: body.video.clone() })?;
        }
        // Nobody listening is fine.
        let _ = self.learned.send(body.manifest);
        if let Some(shown) = changed.filter(|shown| *shown != body.manifest) {
            let _ = self.learned.send(shown);
        }
        Ok(())
    }

    /// Another node makes a capture: its video appears, unless something better is known.
    ///
    /// # Errors
    /// When the database fails.
    pub fn growing(&self, record: &Growing) -> Result<(), StoreError> {
        let _changing = self.store.changing();
        let known: Option<VideoRow> = self.store.get(&VIDEOS, record.video.as_str().as_bytes())?;
        if known.as_ref().is_some_and(|video| video.manifest.is_some())
            || self.is_worked_on(&record.video)?
            || self.store.get(&CAPTURES, &record.capture.to_bytes())?.is_some()
        {
            return Ok(());
        }
        let fresh = || new_video(&record.video, &record.source_url, record.run.min(clock::now()));
        let mut video = known.clone().unwrap_or_else(fresh);
        let mut batch = Batch::default();
        describe(&self.store, &mut video, &record.summary, &mut batch)?;
        video.capture = Some(record.capture);
        if !video.groups.contains(&record.group) {
            video.groups.push(record.group);
        }
        (video.state, video.code, video.reason) = (State::Running, None, None);
        batch.put(&ELSEWHERE, &record.capture.to_bytes(), &video.id);
        self.put_video(&mut batch, &video, known.is_none());
        self.store.write(batch)
    }

    /// Nothing was heard for a while of a capture that another node makes.
    ///
    /// # Errors
    /// When the database fails.
    pub fn silent(&self, capture: &Cid, video: &VideoId, who: &str) -> Result<(), StoreError> {
        let _changing = self.store.changing();
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
            return self.show_again(&row.video, batch);
        }
        batch.remove(&TOLD, &told_key(&body.capture, &body.manifest));
        row.revisions.retain(|revision| *revision != body.manifest);
        if row.revisions.is_empty() {
            row.groups.retain(|known| known != group);
        }
        if row.revisions.is_empty() && row.groups.is_empty() && row.by.is_some() {
            return self.drop_capture(&key, &row, &[body.manifest], batch);
        }
        batch.put(&CAPTURES, &key, &row);
        self.show_again(&row.video, batch)
    }

    /// What is known of a video's captures changed.
    fn show_again(&self, video: &VideoId, batch: &mut Batch) -> Result<(), StoreError> {
        let known: Option<VideoRow> = self.store.get_after(batch, &VIDEOS, video.as_str().as_bytes())?;
        if let Some(mut video) = known {
            self.show(&mut video, batch)?;
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
        self.close_missing(key, row, batch)?;
        for revision in revisions {
            batch.remove(&MANIFESTS, &revision.to_bytes());
            batch.remove(&TOLD, &[key, &revision.to_bytes()].concat());
        }
        let known: Option<VideoRow> = self.store.get_after(batch, &VIDEOS, row.video.as_str().as_bytes())?;
        let Some(mut video) = known else { return Ok(()) };
        let was_shown = video.capture.is_some_and(|capture| capture.to_bytes() == key);
        video.captures.retain(|capture| capture.to_bytes() != key);
        if self.show(&mut video, batch)? || !was_shown || self.is_worked_on(&video.id)? {
            self.put_video(batch, &video, false);
        } else {
            let id = video.id.as_str().as_bytes();
            batch.remove(&VIDEOS, id);
            batch.remove(&VIDEOS_BY_AGE, &aged_key(video.added, id));
            self.live.tell("video", json!({ "id": video.id, "state": "gone", "manifest": null }));
        }
        Ok(())
    }

    /// Forgets what was captured for a group, unless something of it is here or it belongs to another group, too.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget(&self, group: &GroupId) -> Result<(), StoreError> {
        let _changing = self.store.changing();
        let mut batch = Batch::default();
        for (key, mut row) in self.store.scan(&CAPTURES, b"", None, usize::MAX)? {
            let held = row.revisions.last().map(|last| self.holding(last)).transpose()?;
            if !row.groups.contains(group) || row.by.is_none() {
                continue;
            }
            if row.groups.len() == 1 {
                self.close_missing(&key, &row, &mut batch)?;
            }
            if row.groups.len() > 1 {
                row.groups.retain(|known| known != group);
                batch.put(&CAPTURES, &key, &row);
                self.show_again(&row.video, &mut batch)?;
            } else if held.is_none_or(|held| held.blobs == 0) {
                let revisions = row.revisions.clone();
                self.drop_capture(&key, &row, &revisions, &mut batch)?;
            }
        }
        self.store.write(batch)
    }
}

fn new_video(id: &VideoId, url: &str, added: Timestamp) -> VideoRow {
    VideoRow::queued(id.clone(), id.to_string(), url.to_owned(), added)
}
