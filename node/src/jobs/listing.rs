//! Finds out what a request's URL names, and makes sure that each of its videos is or will be captured.

use std::collections::BTreeSet;

use horahora_protocol::{
    Cid, VideoId, codec,
    entry::{Body, Listed, Listing},
    group::GroupId,
    limits,
    request::Stand,
};
use serde_json::json;

use super::{Inner, Jobs, disk, origin::Missed};
use crate::{
    catalogue::introduce,
    clock,
    ingest::{Failure, Item, Wish},
    requests,
    store::{
        Batch, StoreError,
        rows::{
            Code, JOBS, JobKey, JobRow, REQUESTS, RequestRow, State, VIDEOS, VIDEOS_BY_AGE, VideoRow,
            aged_key,
        },
    },
};

/// Bytes of one part of a listing: an entry's body holds some more.
const PART_BYTES: usize = 48 << 10;
/// Every so many listings of a source look at all of it; the others stop where everything is known.
const FULL_PASS: u32 = 10;
/// Videos that are listed once more where a listing was broken off: some were perhaps deleted meanwhile.
const OVERLAP: usize = 200;

/// How far a listing is.
struct Reached<'a> {
    title: &'a Option<String>,
    list: bool,
    /// Videos of the source's beginning that were told.
    videos: u64,
}

/// What the other members hear of a listing, part by part.
pub(super) struct Parts {
    pub(super) part: Listing,
    bytes: usize,
}

impl Parts {
    pub(super) fn new(request: Cid, n: u32) -> Self {
        let part = Listing { v: 1, request, n, title: None, items: Vec::new(), last: false };
        Self { part, bytes: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.part.items.is_empty()
    }

    /// Adds a video; gives a part that is full.
    pub(super) fn add(&mut self, item: &Item) -> Option<Listing> {
        let title = item
            .title
            .as_ref()
            .map(|title| title[..title.floor_char_boundary(limits::NAME_BYTES)].to_owned());
        let listed = Listed { video: item.id.clone(), url: item.url.clone(), title, about: item.about() };
        let size = codec::encode(&listed).len();
        let full = self.part.items.len() >= limits::LISTED || self.bytes + size > PART_BYTES;
        let told = full.then(|| {
            self.bytes = 0;
            let items = std::mem::take(&mut self.part.items);
            Listing { items, ..self.part.clone() }
        });
        self.bytes += size;
        self.part.items.push(listed);
        told
    }
}

impl Inner {
    pub(super) async fn list(&self, request: Cid, n: u32, job: &JobRow) -> Result<(), Failure> {
        let text = job.key.text();
        self.live.progress(&text, 0.0, "asks the site what this is");
        let Some((key, row)) = requests::find(&self.store, &request).map_err(disk)? else {
            return Ok(());
        };
        if requests::is_local(&job.url) {
            return self.list_folder(&key, &row, job).await;
        }
        let options = requests::options_of(&row);
        // What was deleted in the middle or put at the end is found by a full pass now and then.
        let known = |id: &VideoId| !n.is_multiple_of(FULL_PASS) && self.is_listed(&request, id);
        let most = options.newest.map_or(limits::LISTING_ITEMS, |newest| newest as usize);
        // A listing that was broken off goes on a page or so before the place.
        let skip = usize::try_from(row.reached).unwrap_or(0).saturating_sub(OVERLAP);
        let wish = Wish { skip, most: most.saturating_sub(skip).max(1) };
        let group = row.group.unwrap_or_else(|| self.feeds.home());
        let (mut parts, mut title) = (Parts::new(request, n), row.title);
        let mut lister = self.ingest.list(&job.url, wish).await?;
        let mut reached = 0;
        loop {
            let mut page = self.ingest.next(&mut lister, known).await?;
            if page.is_empty() {
                break;
            }
            reached += page.len() as u64;
            page.retain(|item| options.wants(item.title.as_deref(), item.published));
            for item in &mut page {
                self.call_as_before(item).map_err(disk)?;
            }
            title =
                lister.title.clone().or(title).or_else(|| page.first().and_then(|item| item.title.clone()));
            let now = Reached { title: &title, list: lister.list, videos: lister.skipped + reached };
            self.note_listed(&key, &page, &group, Some(&now)).await?;
            parts.part.title.clone_from(&title);
            for part in page.iter().filter_map(|item| parts.add(item)).collect::<Vec<_>>() {
                self.tell_listed(&group, part).await?;
            }
            self.tell_reached(&text, now.videos, lister.count);
        }
        // Nothing was left out, so what is not in it is perhaps gone.
        let whole = lister.list && lister.whole && lister.skipped == 0 && options.newest.is_none();
        let missed = if whole { self.not_listed(&request, &lister)? } else { Missed::default() };
        drop(lister);
        self.look_for(missed, &group, &text).await?;
        self.look_at_waiting(&request, n, &group, &text).await?;
        self.finish_listing(&request)?;
        self.store.durable().await.map_err(disk)?;
        parts.part.last = true;
        self.tell_listed(&group, parts.part).await?;
        self.live.tell("request", json!({ "id": request.to_string() }));
        Ok(())
    }

    fn tell_reached(&self, job: &str, videos: u64, count: Option<u64>) {
        let fraction = count.map_or(0.0, |count| videos as f64 / count.max(1) as f64).min(1.0);
        let of = count.map(|count| format!(" of {count}")).unwrap_or_default();
        self.live.progress(job, fraction, &format!("lists the source, {videos}{of} so far"));
    }

    /// Notes that a source was listed to its end.
    fn finish_listing(&self, request: &Cid) -> Result<(), Failure> {
        let _changing = self.store.changing();
        let Some((key, mut row)) = requests::find(&self.store, request).map_err(disk)? else {
            return Ok(());
        };
        let news = std::mem::take(&mut row.news);
        row.reached = 0;
        requests::listed(&mut row, clock::now(), news);
        let mut batch = Batch::default();
        requests::put(&mut batch, &key, &row);
        self.store.write(batch).map_err(disk)
    }

    pub(super) async fn tell_listed(&self, group: &GroupId, part: Listing) -> Result<(), Failure> {
        if self.tells(group) {
            self.feeds.publish(&[*group], Body::Listing(part), |_, _| ()).await.map_err(disk)?;
        }
        Ok(())
    }

    /// Makes sure that some videos of a request are or will be captured.
    async fn note_listed(
        &self,
        key: &[u8],
        items: &[Item],
        group: &GroupId,
        now: Option<&Reached<'_>>,
    ) -> Result<(), Failure> {
        let shared = {
            let _changing = self.store.changing();
            let row: Option<RequestRow> = self.store.get(&REQUESTS, key).map_err(disk)?;
            let Some(mut row) = row.filter(|row| row.stand != Stand::Removed) else { return Ok(()) };
            let (mut batch, mut shared, before) = (Batch::default(), Vec::new(), row.count);
            // A list may name a video twice.
            let mut seen = BTreeSet::new();
            for item in items.iter().filter(|item| seen.insert(&item.id)) {
                self.want(&mut batch, item, group)?;
                if self.belongs(&mut batch, &mut row, item, *group).map_err(disk)? {
                    shared.push(item.id.clone());
                }
                // It may be paused here, or no more because of this request.
                let approvals = self.catalogue.approvals();
                requests::set_video(&self.store, approvals, &mut batch, Some(&row), &item.id)
                    .map_err(disk)?;
            }
            row.news |= row.count > before;
            if let Some(now) = now {
                row.title.clone_from(now.title);
                (row.list, row.reached) = (row.list || now.list, now.videos);
            }
            requests::put(&mut batch, key, &row);
            self.store.write(batch).map_err(disk)?;
            shared
        };
        self.wake.send_replace(());
        for video in shared {
            self.share(&video).await?;
        }
        Ok(())
    }

    /// Makes sure that the parts of what was listed as one video are captured, too; gives why that one is not.
    pub(super) async fn note_parts(&self, video: &VideoId, mut parts: Vec<Item>) -> Result<Failure, Failure> {
        parts.retain(|part| part.id != *video);
        if parts.is_empty() {
            return Ok(Failure::new(Code::Unsupported, "This is a list, not a video."));
        }
        for part in &mut parts {
            self.call_as_before(part).map_err(disk)?;
        }
        for request in self.video(video)?.requests {
            let Some((key, row)) = requests::find(&self.store, &request).map_err(disk)? else { continue };
            let group = row.group.unwrap_or_else(|| self.feeds.home());
            self.note_listed(&key, &parts, &group, None).await?;
            let mut listing = Parts::new(request, row.listings - 1);
            listing.part.title = row.title;
            let full: Vec<_> = parts.iter().filter_map(|part| listing.add(part)).collect();
            for part in full.into_iter().chain([listing.part]) {
                self.tell_listed(&group, part).await?;
            }
        }
        self.store.durable().await.map_err(disk)?;
        let reason = format!("It has {} parts, which are archived as videos of their own.", parts.len());
        Ok(Failure::new(Code::Parts, reason))
    }

    /// Whether a request lists a video already.
    fn is_listed(&self, request: &Cid, id: &VideoId) -> bool {
        let row = self.catalogue.video(id).ok().flatten();
        row.is_some_and(|row| row.requests.contains(request))
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

    /// Notes that a request lists a video, and that it is archived in a group. Gives whether the latter is news.
    fn belongs(
        &self,
        batch: &mut Batch,
        row: &mut RequestRow,
        item: &Item,
        group: GroupId,
    ) -> Result<bool, StoreError> {
        let id = item.id.as_str().as_bytes();
        let known: Option<VideoRow> = self.store.get_after(batch, &VIDEOS, id)?;
        let Some(mut video) = known else { return Ok(false) };
        let listed = requests::add_video(row, &mut video, batch);
        let told = self.introduce(&mut video, item, batch)?;
        let news = !video.groups.contains(&group);
        if news {
            video.groups.push(group);
        }
        if listed || news || told {
            batch.put(&VIDEOS, id, &video);
        }
        Ok(news)
    }

    fn introduce(&self, video: &mut VideoRow, item: &Item, batch: &mut Batch) -> Result<bool, StoreError> {
        introduce(&self.store, video, item.title.as_deref(), item.about().as_ref(), batch)
    }

    /// Whether it need not be captured for a group: for the node's own one it is enough that a node that it follows has
    /// it; others do not see that.
    fn is_captured(&self, batch: &Batch, item: &Item, group: &GroupId) -> Result<bool, StoreError> {
        let row: Option<VideoRow> = self.store.get(&VIDEOS, item.id.as_str().as_bytes())?;
        let Some(video) = row.filter(|row| row.manifest.is_some()) else { return Ok(false) };
        Ok(*group == self.feeds.home() || self.catalogue.has_in(&video, group, batch)?)
    }

    /// The same, or this node made it: then it is shared.
    fn is_here(&self, batch: &Batch, item: &Item, group: &GroupId) -> Result<bool, StoreError> {
        let own = match self.catalogue.video(&item.id)? {
            Some(video) => !self.catalogue.own_captures(&video)?.is_empty(),
            None => false,
        };
        Ok(own || self.is_captured(batch, item, group)?)
    }

    /// One capture job a video, whoever asks for it and however often; a failed one begins again.
    fn want(&self, batch: &mut Batch, item: &Item, group: &GroupId) -> Result<(), Failure> {
        let key = JobKey::Capture { video: item.id.clone() };
        let now = clock::now();
        let known: Option<JobRow> = self.store.get(&JOBS, key.text().as_bytes()).map_err(disk)?;
        let job = match known {
            Some(job) if !job.state.ended() => return Ok(()),
            // What another group has is done, but not for this one.
            Some(job) if job.state == State::Done && self.is_here(batch, item, group).map_err(disk)? => {
                return self.want_renditions(batch, item);
            }
            Some(job) => {
                JobRow { state: State::Queued, code: None, reason: None, attempts: 0, not_before: now, ..job }
            }
            // Somebody captured it already: it is watched and kept from there.
            None if self.is_captured(batch, item, group).map_err(disk)? => return Ok(()),
            None => {
                let title = item.title.clone().unwrap_or_else(|| item.id.to_string());
                JobRow::queued(key, Some(item.id.clone()), item.url.clone(), title, now)
            }
        };
        if self.store.get(&VIDEOS, item.id.as_str().as_bytes()).map_err(disk)?.is_none() {
            let mut video = VideoRow::queued(item.id.clone(), job.title.clone(), item.url.clone(), now);
            self.introduce(&mut video, item, batch).map_err(disk)?;
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
