//! Finds out what a request's URL names, and makes sure that each of its videos is or will be captured.

use std::{collections::BTreeSet, sync::PoisonError};

use horahora_protocol::{
    Cid, VideoId,
    entry::{Body, Listed, Listing},
    group::GroupId,
    limits,
};
use serde_json::json;

use super::{Inner, Jobs, disk};
use crate::{
    clock,
    ingest::{Failure, Item},
    requests,
    store::{
        Batch, StoreError,
        rows::{JOBS, JobKey, JobRow, State, VIDEOS, VIDEOS_BY_AGE, VideoRow, aged_key},
    },
};

/// Bytes of one part of a listing: an entry's body holds some more.
const PART_BYTES: usize = 48 << 10;

/// What the other members hear of a listing.
fn parts(request: Cid, n: u32, title: &Option<String>, items: &[Item]) -> Vec<Listing> {
    let empty = || Listing { v: 1, request, n, title: title.clone(), items: Vec::new(), last: false };
    let (mut parts, mut part, mut bytes) = (Vec::new(), empty(), 0);
    for item in items {
        let title = item
            .title
            .as_ref()
            .map(|title| title[..title.floor_char_boundary(limits::NAME_BYTES)].to_owned());
        let listed = Listed { video: item.id.clone(), url: item.url.clone(), title };
        let size =
            listed.url.len() + listed.title.as_ref().map_or(0, String::len) + limits::SITE_ID_BYTES + 64;
        if part.items.len() >= limits::LISTED || bytes + size > PART_BYTES {
            parts.push(std::mem::replace(&mut part, empty()));
            bytes = 0;
        }
        bytes += size;
        part.items.push(listed);
    }
    part.last = true;
    parts.push(part);
    parts
}

impl Inner {
    pub(super) async fn list(&self, request: Cid, n: u32, job: &JobRow) -> Result<(), Failure> {
        self.live.progress(&job.key.text(), 0.0, "asks the site what this is");
        let mut listing = self.ingest.list(&job.url).await?;
        for item in &mut listing.items {
            self.call_as_before(item).map_err(disk)?;
        }
        let Some((key, mut row)) = requests::find(&self.store, &request).map_err(disk)? else {
            return Ok(());
        };
        let wanting = self.wanting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Batch::default();
        row.title = listing.title.or_else(|| listing.items.first().and_then(|item| item.title.clone()));
        // A list may name a video twice.
        let group = row.group.unwrap_or_else(|| self.feeds.home());
        let listed = parts(request, n, &row.title, &listing.items);
        let mut shared = Vec::new();
        let (mut known, mut seen) = (row.videos.iter().cloned().collect::<BTreeSet<_>>(), BTreeSet::new());
        for item in listing.items.into_iter().filter(|item| seen.insert(item.id.clone())) {
            if known.insert(item.id.clone()) {
                row.videos.push(item.id.clone());
            }
            let id = item.id.clone();
            self.want(&mut batch, item, &group)?;
            if self.belongs(&mut batch, &id, group).map_err(disk)? {
                shared.push(id);
            }
        }
        requests::put(&mut batch, &key, &row);
        self.store.write(batch).map_err(disk)?;
        drop(wanting);
        self.store.durable().await.map_err(disk)?;
        for video in shared {
            self.share(&video).await?;
        }
        if self.tells(&group) {
            for part in listed {
                self.feeds.publish(&[group], Body::Listing(part), |_, _| ()).await.map_err(disk)?;
            }
        }
        self.live.tell("request", json!({ "id": request.to_string() }));
        Ok(())
    }

    /// What is known by a name that yt-dlp gave it before keeps that name.
    fn call_as_before(&self, item: &mut Item) -> Result<(), StoreError> {
        let earlier = std::mem::take(&mut item.earlier);
        if self.catalogue.video(&item.id)?.is_some() {
            return Ok(());
        }
        for name in earlier {
            if self.catalogue.video(&name)?.is_some() {
                item.id = name;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Notes that a video is archived in a group. Gives whether that is news.
    fn belongs(&self, batch: &mut Batch, id: &VideoId, group: GroupId) -> Result<bool, StoreError> {
        let row: Option<VideoRow> = self.store.get_after(batch, &VIDEOS, id.as_str().as_bytes())?;
        let Some(mut video) = row.filter(|video| !video.groups.contains(&group)) else { return Ok(false) };
        video.groups.push(group);
        batch.put(&VIDEOS, id.as_str().as_bytes(), &video);
        Ok(true)
    }

    /// Whether it need not be captured for a group: for the node's own one it is enough that a node that it follows has
    /// it; others do not see that.
    fn is_captured(&self, batch: &Batch, item: &Item, group: &GroupId) -> Result<bool, StoreError> {
        let row: Option<VideoRow> = self.store.get(&VIDEOS, item.id.as_str().as_bytes())?;
        let Some(video) = row.filter(|row| row.manifest.is_some()) else { return Ok(false) };
        Ok(*group == self.feeds.home() || self.catalogue.has_in(&video, group, batch)?)
    }

    /// One capture job a video, whoever asks for it and however often; a failed one begins again.
    fn want(&self, batch: &mut Batch, item: Item, group: &GroupId) -> Result<(), Failure> {
        let key = JobKey::Capture { video: item.id.clone() };
        let now = clock::now();
        let known: Option<JobRow> = self.store.get(&JOBS, key.text().as_bytes()).map_err(disk)?;
        let job = match known {
            Some(job) if !job.state.ended() => return Ok(()),
            Some(job) if job.state == State::Done => return self.want_renditions(batch, &item),
            Some(job) => {
                JobRow { state: State::Queued, code: None, reason: None, attempts: 0, not_before: now, ..job }
            }
            // Somebody captured it already: it is watched and kept from there.
            None if self.is_captured(batch, &item, group).map_err(disk)? => return Ok(()),
            None => {
                let title = item.title.clone().unwrap_or_else(|| item.id.to_string());
                JobRow::queued(key, Some(item.id.clone()), item.url.clone(), title, now)
            }
        };
        if self.store.get(&VIDEOS, item.id.as_str().as_bytes()).map_err(disk)?.is_none() {
            let video = VideoRow::queued(item.id.clone(), job.title.clone(), item.url, now);
            batch.put(&VIDEOS, item.id.as_str().as_bytes(), &video);
            batch.put(&VIDEOS_BY_AGE, &aged_key(now, item.id.as_str().as_bytes()), &item.id);
            Jobs::add(batch, &job);
            self.tell_video(&video);
            return Ok(());
        }
        self.put_job(batch, job).map_err(disk)
    }

    /// Rungs that failed are tried again when someone asks for the video again.
    fn want_renditions(&self, batch: &mut Batch, item: &Item) -> Result<(), Failure> {
        let video = self.video(&item.id)?;
        for key in self.rendition_jobs(&video).map_err(disk)? {
            let job: Option<JobRow> = self.store.get(&JOBS, key.text().as_bytes()).map_err(disk)?;
            if let Some(mut job) = job.filter(|job| job.state.ended() && job.state != State::Done) {
                (job.state, job.code, job.reason, job.attempts) = (State::Queued, None, None, 0);
                self.put_job(batch, job).map_err(disk)?;
            }
        }
        Ok(())
    }
}
