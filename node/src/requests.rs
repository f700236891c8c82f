//! Archive requests: what people want kept, and where each wish stands.

use std::sync::Arc;

use horahora_protocol::{
    Cid,
    entry::{Body, Request},
    group::GroupId,
    request::{Options, Stand},
};
use thiserror::Error;
use tokio::sync::Mutex;

use crate::{
    approval::Approvals,
    clock,
    feeds::{Feeds, FeedsError},
    ingest::{Failure, Ingest, Inspected, SourceError, check_link},
    jobs::Jobs,
    live::Live,
    store::{
        Batch, Store, StoreError,
        rows::{
            Block, JobKey, JobRow, REQUEST_KEYS, REQUESTS, RequestRow, State, VIDEOS, VideoRow, aged_key,
        },
    },
};

mod approve;
mod control;
mod feed;
mod import;
mod videos;
mod view;

pub(crate) use approve::learn_verdict;
pub use approve::{Filter, Queue, ruling};
pub(crate) use control::{as_it_stands, listed, set_video};
pub(crate) use feed::{early, keep_early, learn, learn_change};
pub(crate) use import::is_local;
pub(crate) use videos::{add as add_video, page as videos_of};
pub use view::{Counts, RequestView};

/// The node's requests. Clones share them.
#[derive(Debug, Clone)]
pub struct Requests {
    store: Store,
    feeds: Feeds,
    ingest: Ingest,
    jobs: Jobs,
    live: Live,
    approvals: Approvals,
    /// Held while it is decided whether a source was asked for before.
    submitting: Arc<Mutex<()>>,
    /// Where long requests stood when they were looked at last.
    counted: Arc<view::Counted>,
}

/// Videos of a request that are looked at at once.
const PAGE: usize = 1_000;

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
    /// There is no such request.
    #[error("This node has no request with this id.")]
    Unknown,
    /// There is no folder that can be read.
    #[error("{0} is no folder that this node can read.")]
    Folder(String),
    /// A text is longer than allowed.
    #[error("The words of a title filter may have 512 bytes.")]
    TooLong,
    /// What was said is of nothing, or of too much.
    #[error("Name 1 to 200 videos, creators or tags, and at most 1,024 bytes of a reason.")]
    Verdict,
    /// The site, or yt-dlp, failed.
    #[error(transparent)]
    Site(#[from] Failure),
}

impl Requests {
    /// The requests in this database.
    ///
    /// # Errors
    /// When the database fails.
    pub fn open(
        store: Store,
        feeds: Feeds,
        ingest: Ingest,
        jobs: Jobs,
        live: Live,
    ) -> Result<Self, StoreError> {
        videos::move_old(&store)?;
        let approvals = jobs.approvals();
        let (submitting, counted) = (Arc::default(), Arc::default());
        Ok(Self { store, feeds, ingest, jobs, live, approvals, submitting, counted })
    }

    /// The way to source sites.
    #[must_use]
    pub fn ingest(&self) -> &Ingest {
        &self.ingest
    }

    /// What a link is: with `offline` as far as can be said without asking anyone. None while the tools are not there.
    ///
    /// # Errors
    /// When it can never be a source, or the site fails.
    pub async fn inspect(&self, text: &str, offline: bool) -> Result<Option<Inspected>, RequestError> {
        let url = if offline { check_link(text)? } else { self.ingest.check(text).await? };
        let found = if offline {
            self.ingest.inspect(url.as_str()).await
        } else {
            self.ingest.ask(url.as_str()).await
        };
        Ok(found?)
    }

    /// Takes a request and gives its id; it is on the disk when this returns. The same source gives the same
    /// request: what failed in it begins again.
    ///
    /// # Errors
    /// When it can never be a source, or the disk fails.
    pub async fn submit(
        &self,
        text: &str,
        group: Option<GroupId>,
        options: Option<Options>,
    ) -> Result<Cid, RequestError> {
        if options.as_ref().is_some_and(|options| !options.is_bounded()) {
            return Err(RequestError::TooLong);
        }
        let follow = options.as_ref().is_none_or(|options| options.follow);
        let (id, row) = self.take(text, group, follow).await?;
        let differs = options.as_ref().is_some_and(|options| *options != options_of(&row));
        if row.stand == Stand::Paused || differs {
            self.change(&id, Some(Stand::Active), options).await?;
        }
        Ok(id)
    }

    async fn take(
        &self,
        text: &str,
        group: Option<GroupId>,
        follow: bool,
    ) -> Result<(Cid, RequestRow), RequestError> {
        let group = group.unwrap_or_else(|| self.feeds.home());
        if !self.feeds.writable().await.contains(&group) {
            return Err(FeedsError::NotAMember.into());
        }
        let _one = self.submitting.lock().await;
        let mut url = self.ingest.check(text).await?;
        url.set_fragment(None);
        let canonical = feed::canonical(&url, &group);
        let mut known: Option<Block> = self.store.get(&REQUEST_KEYS, canonical.as_bytes())?;
        if known.is_none() && group == self.feeds.home() {
            // As it was written before requests were shared.
            known = self.store.get(&REQUEST_KEYS, url.as_str().as_bytes())?;
        }
        if let Some(Block(key)) = known
            && let Some(row) = self.store.get(&REQUESTS, &key)?
        {
            self.subscribe(&key, &row).await?;
            let known = row.clone();
            self.again(&key, row)?;
            self.store.durable().await?;
            return Ok((known.id, known));
        }
        let body = Body::Request(Request { v: 1, url: text.trim().to_owned(), follow });
        let groups = [group];
        let mut made = None;
        self.feeds
            .publish(&groups, body, |entry, batch| {
                let Some(entry) = entry else { return };
                let (id, _) = entry.block();
                let options = Options { follow, ..Options::default() };
                let row = RequestRow::new(id, text.trim(), entry.at, group, entry.node, options);
                let key = aged_key(entry.at, &id.to_bytes());
                put(batch, &key, &row);
                batch.put(&REQUEST_KEYS, canonical.as_bytes(), &Block(key.clone()));
                batch.put(&REQUEST_KEYS, &id.to_bytes(), &Block(key));
                Jobs::add(batch, &list_job(&row));
                made = Some(row);
            })
            .await?;
        let row = made.ok_or(FeedsError::NotAMember)?;
        let id = row.id;
        self.jobs.wake();
        self.live.tell("request", serde_json::json!({ "id": id.to_string() }));
        Ok((id, row))
    }

    /// Tells the group that this node wants what another member asked for, unless it said so before.
    async fn subscribe(&self, key: &[u8], row: &RequestRow) -> Result<(), RequestError> {
        let me = self.feeds.node();
        let Some(group) = row.group.filter(|_| !row.is_wanted_by(&me) && row.by.is_some()) else {
            return Ok(());
        };
        let follow = options_of(row).follow;
        let body = Body::Request(Request { v: 1, url: row.url.clone(), follow });
        let (groups, mut written) = ([group], Ok(()));
        let publish = self.feeds.publish(&groups, body, |entry, batch| {
            let Some(entry) = entry else { return };
            written = feed::subscribe(&self.store, key, (&entry.block().0, entry.node), batch);
        });
        publish.await?;
        Ok(written?)
    }

    /// Says that this node wants what another member asked for.
    ///
    /// # Errors
    /// When it is not known, this node may not write in its group, or the disk fails.
    pub async fn want_too(&self, id: &Cid) -> Result<(), RequestError> {
        let _one = self.submitting.lock().await;
        let (key, row) = find(&self.store, id)?.ok_or(RequestError::Unknown)?;
        self.subscribe(&key, &row).await?;
        self.store.durable().await?;
        self.live.tell("request", serde_json::json!({ "id": id.to_string() }));
        Ok(())
    }

    fn again(&self, key: &[u8], row: RequestRow) -> Result<(), StoreError> {
        if row.stand == Stand::Paused {
            return Ok(());
        }
        let view = self.view(&row)?;
        if view.state == State::Waiting {
            self.jobs.again(&JobKey::List { request: row.id, n: row.listings - 1 })?;
            let mut after: Option<Vec<u8>> = None;
            loop {
                let page = videos_of(&self.store, &row.id, after.as_deref(), PAGE)?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                for (_, video) in page {
                    self.jobs.again(&JobKey::Capture { video })?;
                }
            }
        } else if view.state.ended() && (view.state != State::Done || view.counts.failed > 0 || row.is_list())
        {
            self.list_again(key)?;
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

    /// Videos of a request in the order in which they were found, and the key to go on from.
    ///
    /// # Errors
    /// When the request is not known, or the database fails.
    pub fn videos(
        &self,
        id: &Cid,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<(Vec<VideoRow>, Option<Vec<u8>>), RequestError> {
        let (_, row) = find(&self.store, id)?.ok_or(RequestError::Unknown)?;
        let page = videos_of(&self.store, &row.id, after, limit)?;
        let next = (page.len() == limit).then(|| page.last().map(|(key, _)| key.clone())).flatten();
        let mut videos = Vec::new();
        for (_, video) in page {
            videos.extend(self.store.get(&VIDEOS, video.as_str().as_bytes())?);
        }
        Ok((videos, next))
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
        let wanted = rows.iter().filter(|(_, row)| row.stand != Stand::Removed);
        let views = wanted.map(|(_, row)| self.view(row)).collect::<Result<_, _>>()?;
        Ok((views, next))
    }
}

/// How a request is meant unless somebody says otherwise: who subscribes to a list wants what comes later, too.
pub(crate) fn usual() -> Options {
    Options { follow: true, ..Options::default() }
}

/// How a request is meant.
pub(crate) fn options_of(row: &RequestRow) -> Options {
    row.options.clone().unwrap_or_default()
}

fn list_job(row: &RequestRow) -> JobRow {
    let key = JobKey::List { request: row.id, n: row.listings - 1 };
    let title = row.title.clone().unwrap_or_else(|| row.url.clone());
    JobRow::queued(key, None, row.url.clone(), title, clock::now())
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
