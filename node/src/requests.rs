//! Archive requests: what people want kept, and where each wish stands.

use std::sync::Arc;

use horahora_protocol::{
    Cid, Timestamp, Verified,
    entry::{Body, Entry, Listing, Request},
    feed::FeedId,
    group::GroupId,
    limits,
    message::EntryBlocks,
};
use serde::Serialize;
use thiserror::Error;
use tokio::sync::Mutex;
use url::Url;

use crate::{
    clock,
    feeds::{Feeds, FeedsError},
    ingest::{Ingest, SourceError},
    jobs::Jobs,
    live::Live,
    store::{
        Batch, Store, StoreError,
        rows::{
            Block, CAPTURES, Code, ENTRIES, JOBS, JobKey, JobRow, REQUEST_KEYS, REQUESTS, RequestRow, State,
            VIDEOS, VideoRow, aged_key, entry_key,
        },
    },
};

/// The node's requests. Clones share them.
#[derive(Debug, Clone)]
pub struct Requests {
    store: Store,
    feeds: Feeds,
    ingest: Ingest,
    jobs: Jobs,
    live: Live,
    /// Held while it is decided whether a source was asked for before.
    submitting: Arc<Mutex<()>>,
}

/// Why a request was not taken.
#[derive(Debug, Error)]
pub enum RequestError {
    /// It can never be a source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The disk failed.
    #[error(transparent)]
    Feeds(#[from] FeedsError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A request as others see it.
#[derive(Debug, Clone, Serialize)]
pub struct RequestView {
    /// Its id.
    pub id: String,
    /// The source.
    pub url: String,
    /// What the source calls itself.
    pub title: Option<String>,
    /// When it was asked.
    pub at: Timestamp,
    /// Where it stands.
    pub state: State,
    /// Why it does not go on.
    pub code: Option<Code>,
    /// The same for people.
    pub reason: Option<String>,
    /// 0 to 1.
    pub progress: f64,
    /// The videos that it lists.
    pub videos: Vec<String>,
    /// How many of them are done, run, failed, wait.
    pub counts: Counts,
    /// The group that it belongs to.
    pub group: String,
}

/// How many videos are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Complete.
    pub done: u64,
    /// Being worked on.
    pub running: u64,
    /// Ended without success.
    pub failed: u64,
    /// Not begun, or tried again later.
    pub waiting: u64,
}

impl Requests {
    /// The requests in this database.
    #[must_use]
    pub fn new(store: Store, feeds: Feeds, ingest: Ingest, jobs: Jobs, live: Live) -> Self {
        Self { store, feeds, ingest, jobs, live, submitting: Arc::default() }
    }

    /// Takes a request and gives its id; it is on the disk when this returns. The same source gives the same
    /// request: what failed in it begins again.
    ///
    /// # Errors
    /// When it can never be a source, or the disk fails.
    pub async fn submit(&self, text: &str, group: Option<GroupId>) -> Result<Cid, RequestError> {
        let group = group.unwrap_or_else(|| self.feeds.home());
        if !self.feeds.writable().await.contains(&group) {
            return Err(FeedsError::NotAMember.into());
        }
        let _one = self.submitting.lock().await;
        let mut url = self.ingest.check(text).await?;
        url.set_fragment(None);
        let canonical = canonical(&url, &group);
        let mut known: Option<Block> = self.store.get(&REQUEST_KEYS, canonical.as_bytes())?;
        if known.is_none() && group == self.feeds.home() {
            // As it was written before requests were shared.
            known = self.store.get(&REQUEST_KEYS, url.as_str().as_bytes())?;
        }
        if let Some(Block(key)) = known
            && let Some(row) = self.store.get(&REQUESTS, &key)?
        {
            let id = row.id;
            self.again(&key, row)?;
            self.store.durable().await?;
            return Ok(id);
        }
        let body = Body::Request(Request { v: 1, url: text.trim().to_owned(), follow: false });
        let groups = [group];
        let entry = self.feeds.publish(&groups, body, |entry, batch| {
            let Some(entry) = entry else { return };
            let (id, _) = entry.block();
            let row = RequestRow {
                id,
                url: text.trim().to_owned(),
                at: entry.at,
                title: None,
                listings: 1,
                videos: Vec::new(),
                group: Some(group),
            };
            let key = aged_key(entry.at, &id.to_bytes());
            put(batch, &key, &row);
            batch.put(&REQUEST_KEYS, canonical.as_bytes(), &Block(key.clone()));
            batch.put(&REQUEST_KEYS, &id.to_bytes(), &Block(key));
            Jobs::add(batch, &list_job(&row));
        });
        let (id, _) = entry.await?.ok_or(FeedsError::NotAMember)?.block();
        self.jobs.wake();
        self.live.tell("request", serde_json::json!({ "id": id.to_string() }));
        Ok(id)
    }

    fn again(&self, key: &[u8], mut row: RequestRow) -> Result<(), StoreError> {
        let view = self.view(&row)?;
        if view.state == State::Waiting {
            self.jobs.again(&JobKey::List { request: row.id, n: row.listings - 1 })?;
            for video in &row.videos {
                self.jobs.again(&JobKey::Capture { video: video.clone() })?;
            }
        } else if view.state.ended()
            && (view.state != State::Done || view.counts.failed > 0 || row.videos.len() > 1)
        {
            row.listings += 1;
            let mut batch = Batch::default();
            put(&mut batch, key, &row);
            Jobs::add(&mut batch, &list_job(&row));
            self.store.write(batch)?;
            self.jobs.wake();
        }
        Ok(())
    }

    /// One request, none when its id is not known.
    ///
    /// # Errors
    /// When the database fails.
    pub fn get(&self, id: &Cid) -> Result<Option<RequestView>, StoreError> {
        find(&self.store, id)?.map(|(_, row)| self.view(&row)).transpose()
    }

    /// Requests, newest first, and the key to go on from.
    ///
    /// # Errors
    /// When the database fails.
    pub fn page(
        &self,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<(Vec<RequestView>, Option<Vec<u8>>), StoreError> {
        let rows = self.store.scan(&REQUESTS, b"", after, limit)?;
        let next = (rows.len() == limit).then(|| rows.last().map(|(key, _)| key.clone())).flatten();
        let views = rows.iter().map(|(_, row)| self.view(row)).collect::<Result<_, _>>()?;
        Ok((views, next))
    }

    /// How far a video is, 0 to 1: its download and first renditions are most of it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn video_progress(&self, video: &VideoRow) -> Result<f64, StoreError> {
        const CAPTURE: f64 = 0.7;
        let of = |key: &JobKey| self.live.of(&key.text()).map_or(0.0, |progress| progress.fraction);
        if video.state == State::Done {
            return Ok(1.0);
        }
        if video.manifest.is_none() {
            return Ok(CAPTURE * of(&JobKey::Capture { video: video.id.clone() }));
        }
        let Some(capture) = video.capture else { return Ok(CAPTURE) };
        let rungs = self.store.get(&CAPTURES, &capture.to_bytes())?.map_or_else(Vec::new, |row| row.rungs);
        let mut done = 0.0;
        for rung in &rungs {
            let key = JobKey::Rendition { capture, rung: rung.clone() };
            let job: Option<JobRow> = self.store.get(&JOBS, key.text().as_bytes())?;
            done += if job.is_some_and(|job| job.state.ended()) { 1.0 } else { of(&key) };
        }
        Ok(CAPTURE + (1.0 - CAPTURE) * done / rungs.len().max(1) as f64)
    }

    fn view(&self, row: &RequestRow) -> Result<RequestView, StoreError> {
        let mut view = RequestView {
            id: row.id.to_string(),
            url: row.url.clone(),
            title: row.title.clone(),
            at: row.at,
            state: State::Queued,
            code: None,
            reason: None,
            progress: 0.0,
            videos: row.videos.iter().map(ToString::to_string).collect(),
            counts: Counts::default(),
            group: row.group.unwrap_or_else(|| self.feeds.home()).to_string(),
        };
        let listing: Option<JobRow> =
            self.store.get(&JOBS, JobKey::List { request: row.id, n: row.listings - 1 }.text().as_bytes())?;
        if let Some(job) = listing.filter(|job| job.state != State::Done) {
            (view.state, view.code, view.reason) = (job.state, job.code, job.reason);
            if row.videos.is_empty() || !job.state.ended() {
                self.show_pause(&mut view, &row.url);
                return Ok(view);
            }
        }
        let mut videos = Vec::new();
        for id in &row.videos {
            videos.extend(self.store.get(&VIDEOS, id.as_str().as_bytes())?);
        }
        for video in &videos {
            view.progress += self.video_progress(video)? / videos.len() as f64;
        }
        summarize(&mut view, &videos);
        if let Some(queued) = videos.iter().find(|video| video.state == State::Queued) {
            self.show_pause(&mut view, &queued.url);
        }
        Ok(view)
    }

    /// What is queued at a site that wants us to wait does not look forgotten.
    fn show_pause(&self, view: &mut RequestView, url: &str) {
        if let Some(until) = self.jobs.paused(url).filter(|_| view.state == State::Queued) {
            let seconds = until.ms_since(clock::now()).div_ceil(1000);
            (view.state, view.code) = (State::Waiting, Some(Code::RateLimited));
            view.reason =
                Some(format!("The origin wants us to slow down; it is asked again in {seconds} s."));
        }
    }
}

/// A request stands where its video stands; one of many videos stands where most is still to be done.
fn summarize(view: &mut RequestView, videos: &[VideoRow]) {
    for video in videos {
        match video.state {
            State::Done => view.counts.done += 1,
            State::Running => view.counts.running += 1,
            State::Queued | State::Waiting => view.counts.waiting += 1,
            State::NeedsOperator | State::Failed | State::Gone | State::Refused => view.counts.failed += 1,
        }
    }
    if let [video] = videos {
        view.title = Some(video.title.clone());
        (view.state, view.code, view.reason) = (video.state, video.code, video.reason.clone());
        return;
    }
    let order = [
        State::Running,
        State::Queued,
        State::Waiting,
        State::NeedsOperator,
        State::Failed,
        State::Gone,
        State::Refused,
    ];
    let at = |state: &State| videos.iter().find(|video| video.state == *state);
    let Counts { done, running, failed, waiting } = view.counts;
    if running + waiting == 0 && done > 0 {
        view.state = State::Done;
        view.reason =
            (failed > 0).then(|| format!("{failed} of {} videos could not be archived.", videos.len()));
    } else if let Some(video) = order.iter().find_map(at) {
        (view.state, view.code, view.reason) = (video.state, video.code, video.reason.clone());
        // Between two of many the request as a whole is at work.
        if done > 0 && video.state == State::Queued {
            view.state = State::Running;
        }
    }
}

fn list_job(row: &RequestRow) -> JobRow {
    let key = JobKey::List { request: row.id, n: row.listings - 1 };
    let title = row.title.clone().unwrap_or_else(|| row.url.clone());
    JobRow::queued(key, None, row.url.clone(), title, clock::now())
}

/// What tells whether a source was asked for before. The same one may be wanted in several groups.
fn canonical(url: &Url, group: &GroupId) -> String {
    format!("{url}#group={group}")
}

/// Adds to the batch what follows when another member wants a source archived. A source that is wanted already has
/// one subscriber more.
pub(crate) fn learn(
    store: &Store,
    entry: &Verified<Entry>,
    request: &Request,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let Ok(mut url) = Url::parse(request.url.trim()) else { return Ok(()) };
    url.set_fragment(None);
    let (id, _) = entry.block();
    let canonical = canonical(&url, &entry.group);
    let known: Option<Block> = store.get_after(batch, &REQUEST_KEYS, canonical.as_bytes())?;
    if let Some(Block(key)) = known {
        // What is said of theirs is meant for ours.
        batch.put(&REQUEST_KEYS, &id.to_bytes(), &Block(key));
        return Ok(());
    }
    let row = RequestRow {
        id,
        url: request.url.trim().to_owned(),
        at: entry.at.min(clock::now()),
        title: None,
        listings: 1,
        videos: Vec::new(),
        group: Some(entry.group),
    };
    let key = aged_key(row.at, &id.to_bytes());
    put(batch, &key, &row);
    batch.put(&REQUEST_KEYS, canonical.as_bytes(), &Block(key.clone()));
    batch.put(&REQUEST_KEYS, &id.to_bytes(), &Block(key));
    Jobs::add(batch, &list_job(&row));
    Ok(())
}

/// Where listings wait whose request is in a feed that is not here yet.
fn early_key(request: &Cid) -> Vec<u8> {
    [b"early/".as_slice(), &request.to_bytes()].concat()
}

/// Adds to the batch that an entry lists a request that is not known yet.
pub(crate) fn keep_early(entry: &Verified<Entry>, request: &Cid, batch: &mut Batch) {
    let feed = FeedId { group: entry.group, node: entry.node, incarnation: entry.incarnation };
    let key = [early_key(request), entry.block().0.to_bytes()].concat();
    batch.put(&REQUEST_KEYS, &key, &Block(entry_key(&feed, entry.seq)));
}

/// Listings that came before their request. They wait no more when the batch is written.
pub(crate) fn early(store: &Store, request: &Cid, batch: &mut Batch) -> Result<Vec<Listing>, StoreError> {
    let mut listings = Vec::new();
    for (key, Block(entry)) in store.scan(&REQUEST_KEYS, &early_key(request), None, limits::BATCH_ENTRIES)? {
        batch.remove(&REQUEST_KEYS, &key);
        let row: Option<EntryBlocks> = store.get(&ENTRIES, &entry)?;
        if let Some(body) = row.and_then(|row| row.body)
            && let Ok(Body::Listing(listing)) = Body::decode("listing", &body)
        {
            listings.push(listing);
        }
    }
    Ok(listings)
}

/// The job of a name, as claims carry it.
pub(crate) fn job_key(text: &str) -> Option<JobKey> {
    let (kind, subject) = text.split_once('/')?;
    match kind {
        "capture" => Some(JobKey::Capture { video: subject.parse().ok()? }),
        "list" => {
            let (request, n) = subject.split_once('/')?;
            Some(JobKey::List { request: request.parse().ok()?, n: n.parse().ok()? })
        }
        _ => None,
    }
}

/// A request's row as it will be when `batch` is written, and its key.
pub(crate) fn find_after(
    store: &Store,
    batch: &Batch,
    id: &Cid,
) -> Result<Option<(Vec<u8>, RequestRow)>, StoreError> {
    let known: Option<Block> = store.get_after(batch, &REQUEST_KEYS, &id.to_bytes())?;
    let Some(Block(key)) = known else { return Ok(None) };
    Ok(store.get_after(batch, &REQUESTS, &key)?.map(|row| (key, row)))
}

/// A request's row and its key.
pub(crate) fn find(store: &Store, id: &Cid) -> Result<Option<(Vec<u8>, RequestRow)>, StoreError> {
    let Some(Block(key)) = store.get(&REQUEST_KEYS, &id.to_bytes())? else { return Ok(None) };
    Ok(store.get(&REQUESTS, &key)?.map(|row| (key, row)))
}

/// Writes a request's row.
pub(crate) fn put(batch: &mut Batch, key: &[u8], row: &RequestRow) {
    batch.put(&REQUESTS, key, row);
}
