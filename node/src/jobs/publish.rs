//! Publishing: a manifest becomes a blob, the feed says so, and everything that follows is one transaction.

use horahora_protocol::{
    Cid, Codec, VideoId, codec,
    entry::{Body, Capture},
    group::GroupId,
    limits,
    manifest::{File, Look, Manifest, MediaKind, Meta},
    summary::Summary,
};

use super::{EXTRAS, Inner, Jobs, again::plan_look, disk};
use crate::{
    blobs::journal::Journal,
    catalogue::Catalogue,
    clock,
    ingest::Failure,
    media::ladder::Plan,
    requests,
    store::{
        Batch, StoreError,
        rows::{
            CAPTURES, CaptureRow, JobKey, JobRow, MANIFESTS, ManifestRow, RENDERED, State, Told, VIDEOS,
            VideoRow, picture, rung_prefix,
        },
    },
};

impl Inner {
    /// The first revision: the video is playable from here on. Its further renditions become jobs.
    pub(super) async fn publish_first(
        &self,
        mut manifest: Manifest,
        plan: &Plan,
        journal: &Journal,
        job: &JobRow,
    ) -> Result<(), Failure> {
        let mut row = self.capture_row(&manifest.capture)?;
        manifest.renditions = row.draft.take().map_or_else(Vec::new, |draft| draft.renditions);
        row.rungs = later_jobs(plan);
        if !requests::is_local(&job.url) {
            let mut batch = Batch::default();
            plan_look(&mut batch, &manifest.capture, manifest.fetched_at, clock::now());
            self.store.write(batch).map_err(disk)?;
        }
        let video = self.video(&manifest.video)?;
        let later: Vec<_> =
            row.rungs.iter().enumerate().map(|(i, rung)| later_job(job, &manifest, rung, i)).collect();
        self.publish(manifest, row, video, journal, job, &later).await
    }

    /// A later revision: the last one and one more rendition.
    pub(super) async fn publish_next(
        &self,
        rendition: horahora_protocol::manifest::Rendition,
        capture: &Cid,
        journal: &Journal,
        job: &JobRow,
    ) -> Result<(), Failure> {
        let add = |manifest: &mut Manifest| {
            manifest.renditions.retain(|known| known.id != rendition.id);
            manifest.renditions.push(rendition);
        };
        self.publish_changed(capture, journal, job, add).await
    }

    /// A later revision: what the site says now, beside what it said before.
    pub(super) async fn publish_look(
        &self,
        look: Look,
        meta: Meta,
        capture: &Cid,
        journal: &Journal,
        job: &JobRow,
    ) -> Result<(), Failure> {
        let add = |manifest: &mut Manifest| {
            manifest.looks.push(look);
            // The length was measured.
            manifest.meta = Meta { duration_ms: manifest.meta.duration_ms, ..meta };
        };
        self.publish_changed(capture, journal, job, add).await
    }

    /// The last revision, changed, as the next one.
    pub(super) async fn publish_changed(
        &self,
        capture: &Cid,
        journal: &Journal,
        job: &JobRow,
        change: impl FnOnce(&mut Manifest),
    ) -> Result<(), Failure> {
        let _revising = self.revising.lock().await;
        let row = self.capture_row(capture)?;
        let mut manifest = self.last_manifest(&row).await?;
        manifest.previous = row.revisions.last().copied();
        change(&mut manifest);
        let video = self.video(&row.video)?;
        self.publish(manifest, row, video, journal, job, &[]).await
    }

    async fn publish(
        &self,
        mut manifest: Manifest,
        mut row: CaptureRow,
        mut video: VideoRow,
        journal: &Journal,
        job: &JobRow,
        later: &[JobRow],
    ) -> Result<(), Failure> {
        // Best picture first, then sound.
        manifest.renditions.sort_by_key(|r| (r.kind, std::cmp::Reverse(r.height), r.id.clone()));
        let block = codec::encode(&manifest);
        if let Err(error) = Manifest::decode(&block) {
            return Err(disk(format!("the manifest is not what it should be: {error}")));
        }
        let cid = self.blobs.put(Codec::DagCbor, block.into(), Some(journal)).await.map_err(disk)?;
        self.blobs.sync().await.map_err(disk)?;
        row.revisions.push(cid);
        let done = job.clone().done(clock::now());
        let body = said_of(&manifest, cid, &row.rungs);
        let told = Told { original: body.original.clone(), summary: Summary::of(&manifest) };
        let groups = self.groups_for(&mut row, &video).await;
        let mut written = Ok(());
        let write = |_: Option<&_>, batch: &mut Batch| {
            batch.put(&CAPTURES, &manifest.capture.to_bytes(), &row);
            let made =
                ManifestRow { capture: manifest.capture, video: video.id.clone(), by: self.key.node_id() };
            batch.put(&MANIFESTS, &cid.to_bytes(), &made);
            Jobs::add(batch, &done);
            if let JobKey::Rendition { capture, rung } = &done.key {
                batch.remove(&RENDERED, &rung_prefix(capture, rung));
            }
            later.iter().for_each(|job| Jobs::add(batch, job));
            written = self.show(&mut video, (manifest.capture, cid), &told, batch).and_then(|()| {
                self.settle(&mut video, &done)?;
                if !later.is_empty() {
                    // Their rows are only now being made, so `settle` could not see them.
                    (video.state, video.code, video.reason) = (State::Running, None, None);
                }
                batch.put(&VIDEOS, video.id.as_str().as_bytes(), &video);
                Ok(())
            });
        };
        // Before, so that nobody sees a video without its holding; after, for those that it takes the place of.
        self.catalogue.count(cid, &manifest).map_err(disk)?;
        self.feeds.publish(&groups, Body::Capture(body), write).await.map_err(disk)?;
        written.map_err(disk)?;
        self.catalogue.count(cid, &manifest).map_err(disk)?;
        self.tell_video(&video);
        Ok(())
    }

    /// Lets a video show the best of its captures, now that one more manifest is there. After a partition somebody else may
    /// have captured it, too: one of them is shown, the other one stays.
    fn show(
        &self,
        video: &mut VideoRow,
        (capture, manifest): (Cid, Cid),
        told: &Told,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        // Others' were perhaps learned meanwhile.
        if let Some(known) = self.store.get(&VIDEOS, video.id.as_str().as_bytes())? {
            *video = known;
        }
        Catalogue::note(video, capture, &manifest, told, batch);
        self.catalogue.show(video, batch).map(|_| ())
    }

    /// The groups into which a capture of this video is published. One that this node left hears no more of it.
    async fn groups_for(&self, row: &mut CaptureRow, video: &VideoRow) -> Vec<GroupId> {
        let writable = self.feeds.writable().await;
        let wanted = if video.groups.is_empty() { vec![self.feeds.home()] } else { video.groups.clone() };
        for group in wanted {
            if !row.groups.contains(&group) {
                row.groups.push(group);
            }
        }
        row.groups.iter().copied().filter(|group| writable.contains(group)).collect()
    }

    /// Publishes a capture of this node's own in a group that asked for it later.
    pub(super) async fn share(&self, video: &VideoId) -> Result<(), Failure> {
        let _revising = self.revising.lock().await;
        let mut video = self.video(video)?;
        let mut shared = false;
        for (capture, mut row) in self.catalogue.own_captures(&video).map_err(disk)? {
            let before = row.groups.clone();
            let groups = self.groups_for(&mut row, &video).await;
            let new: Vec<_> = groups.into_iter().filter(|group| !before.contains(group)).collect();
            let Some(last) = row.revisions.last().copied().filter(|_| !new.is_empty()) else { continue };
            let manifest = self.last_manifest(&row).await?;
            let body = said_of(&manifest, last, &row.rungs);
            let told = Told { original: body.original.clone(), summary: Summary::of(&manifest) };
            let mut written = Ok(());
            let write = |_: Option<&_>, batch: &mut Batch| {
                batch.put(&CAPTURES, &capture.to_bytes(), &row);
                written = self.show(&mut video, (capture, last), &told, batch);
                batch.put(&VIDEOS, video.id.as_str().as_bytes(), &video);
            };
            self.feeds.publish(&new, Body::Capture(body), write).await.map_err(disk)?;
            written.map_err(disk)?;
            shared = true;
        }
        if shared { self.catalogue.recount().map_err(disk) } else { Ok(()) }
    }

    pub(super) fn capture_row(&self, capture: &Cid) -> Result<CaptureRow, Failure> {
        let row = self.store.get(&CAPTURES, &capture.to_bytes()).map_err(disk)?;
        row.ok_or_else(|| disk("the capture's record is missing"))
    }

    pub(super) async fn last_manifest(&self, row: &CaptureRow) -> Result<Manifest, Failure> {
        let cid = *row.revisions.last().ok_or_else(|| disk("the capture has no manifest"))?;
        let block = self.blobs.read_verified(cid).await.map_err(disk)?;
        Manifest::decode(&block).map_err(disk)
    }

    /// The rendition jobs of a video's capture, whatever their state.
    pub(super) fn rendition_jobs(&self, video: &VideoRow) -> Result<Vec<JobKey>, StoreError> {
        let jobs_of = |(capture, row): (Cid, CaptureRow)| {
            row.rungs.into_iter().map(move |rung| JobKey::Rendition { capture, rung })
        };
        Ok(self.catalogue.own_captures(video)?.into_iter().flat_map(jobs_of).collect())
    }
}

/// What a feed says of a manifest, of whose `rungs` some are not made yet.
fn said_of(manifest: &Manifest, cid: Cid, rungs: &[String]) -> Capture {
    let made = |rung: &String| manifest.renditions.iter().any(|made| made.id == *rung);
    let missing = rungs.iter().filter(|rung| picture(rung).is_some() && !made(rung));
    let first = |file: &File| file.chunks.first().map(|chunk| chunk.cid);
    Capture {
        v: 2,
        capture: manifest.capture,
        video: manifest.video.clone(),
        source_url: manifest.source_url.clone(),
        fetched_at: manifest.fetched_at,
        tools: manifest.tools.clone(),
        info: manifest.info.as_ref().and_then(first),
        original: manifest.original.iter().filter_map(first).collect(),
        manifest: cid,
        summary: Some(Summary::of(manifest)),
        missing: missing.take(limits::RENDITIONS).cloned().collect(),
    }
}

/// Names of the jobs that follow a capture. What a viewer is told of a sound needs all of them, what he sees at the seek bar
/// no picture.
fn later_jobs(plan: &Plan) -> Vec<String> {
    let names = |kind| plan.later.iter().filter(move |rung| rung.kind == kind).map(|rung| rung.id.clone());
    let extras = (!plan.first.is_empty()).then(|| EXTRAS.to_owned());
    names(MediaKind::Audio).chain(extras).chain(names(MediaKind::Video)).collect()
}

/// Lowest first: jobs are taken in the order of their making.
pub(super) fn later_job(capture_job: &JobRow, manifest: &Manifest, rung: &str, index: usize) -> JobRow {
    let key = JobKey::Rendition { capture: manifest.capture, rung: rung.to_owned() };
    let now = clock::now().plus_ms(index as u64);
    JobRow::queued(key, capture_job.video.clone(), capture_job.url.clone(), manifest.meta.title.clone(), now)
}
