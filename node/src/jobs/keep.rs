//! Fetches what is missing of a video from the nodes that hold it, because somebody wants it kept here.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::{StreamExt, stream};
use horahora_protocol::{Cid, VideoId, manifest::Blob};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::{Inner, Jobs, disk};
use crate::{
    clock,
    fetch::{FetchError, Source},
    ingest::Failure,
    spawn::Tasks,
    store::{
        Batch, StoreError,
        rows::{Code, JOBS, JobKey, JobRow, KEPT, OPEN_JOBS, State, VIDEOS, VideoRow},
    },
};

/// Blobs on their way at once; a viewer's come before them.
const AT_ONCE: usize = 8;
/// What was fetched is made safe against a power cut each time that so much came.
const SYNC: u64 = 64 << 20;

impl Inner {
    pub(super) async fn keep(&self, video: &VideoId, job: &JobRow) -> Result<(), Failure> {
        let text = job.key.text();
        let row = self.video(video)?;
        let Some(cid) = row.manifest else {
            return Err(Failure::new(Code::NotYet, "Its manifest is not there yet; it is still being made."));
        };
        self.live.progress(&text, 0.0, "asks who holds it");
        let manifest = self.fetch.manifest(cid).await.map_err(failure)?;
        let maker = self.catalogue.maker(&manifest.capture).map_err(disk)?;
        let source = Source { manifest: Some(cid), capture: None, maker };
        self.fetch.holders(cid).await;
        self.bring(&text, source, manifest.blobs(), || self.is_wanted(video)).await?;
        self.catalogue.count(cid, &manifest).map_err(disk)?;
        self.live.tell("video", json!({ "id": video.to_string() }));
        Ok(())
    }

    /// Brings blobs here that are not, while they are wanted.
    pub(super) async fn bring(
        &self,
        text: &str,
        source: Source,
        blobs: Vec<Blob>,
        wanted: impl Fn() -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let total: u64 = blobs.iter().map(|blob| blob.bytes).sum();
        let (done, unsafe_bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        let one = async |blob: Blob| {
            let here = self.blobs.size(&blob.cid).is_ok_and(|bytes| bytes == blob.bytes);
            if !here {
                if !wanted()? {
                    return Ok(());
                }
                self.fetch.blob(blob.cid, Some(blob.bytes), source, false).await.map_err(failure)?;
                if unsafe_bytes.fetch_add(blob.bytes, Ordering::Relaxed) + blob.bytes >= SYNC {
                    unsafe_bytes.store(0, Ordering::Relaxed);
                    self.blobs.sync().await.map_err(disk)?;
                }
            }
            let done = done.fetch_add(blob.bytes, Ordering::Relaxed) + blob.bytes;
            let megabytes = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
            let doing = format!("fetches, {} of {} MB", megabytes(done), megabytes(total));
            self.live.progress(text, done as f64 / total.max(1) as f64, &doing);
            Ok(())
        };
        let mut fetching = stream::iter(blobs).map(one).buffer_unordered(AT_ONCE);
        while let Some(fetched) = fetching.next().await {
            fetched?;
        }
        self.blobs.sync().await.map_err(disk)?;
        Ok(())
    }

    fn is_wanted(&self, video: &VideoId) -> Result<bool, Failure> {
        Ok(self.store.get(&KEPT, video.as_str().as_bytes()).map_err(disk)?.is_some())
    }
}

impl Jobs {
    /// Keeps a video on this node, whole, and later revisions of it too. Survives anything once this returns.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep(&self, video: &VideoRow) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.put(&KEPT, video.id.as_str().as_bytes(), &clock::now());
        Self::add(&mut batch, &keep_job(video));
        self.0.store.write(batch)?;
        self.0.store.durable().await?;
        self.wake();
        self.0.live.tell("video", json!({ "id": video.id }));
        Ok(())
    }

    /// Does not keep a video any more. What is here of it stays until the space is needed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn let_go(&self, video: &VideoRow) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.remove(&KEPT, video.id.as_str().as_bytes());
        let key = JobKey::Keep { video: video.id.clone() };
        // One that runs notices by itself.
        if let Some(job) = self.get(&key)?.filter(|job| !job.state.ended() && job.state != State::Running) {
            Self::add(&mut batch, &JobRow { state: State::Refused, updated: clock::now(), ..job });
        }
        self.0.store.write(batch)?;
        self.0.store.durable().await?;
        self.0.live.tell("video", json!({ "id": video.id }));
        Ok(())
    }

    /// The job that keeps a video, if somebody wants it kept.
    ///
    /// # Errors
    /// When the database fails.
    pub fn kept(&self, video: &VideoId) -> Result<Option<JobRow>, StoreError> {
        match self.0.store.get(&KEPT, video.as_str().as_bytes())? {
            Some(_) => self.get(&JobKey::Keep { video: video.clone() }),
            None => Ok(None),
        }
    }

    /// Follows the catalogue: a new revision of a kept video is fetched, and what is here of a video is counted
    /// for its new revision.
    pub(super) fn follow_revisions(&self, tasks: &Tasks) {
        let jobs = self.clone();
        tasks.spawn("revisions", async move {
            let mut learned = jobs.0.catalogue.learned();
            loop {
                let done = match learned.recv().await {
                    Ok(manifest) => jobs.revised(manifest).await,
                    Err(RecvError::Lagged(missed)) => {
                        tracing::debug!(missed, "revisions");
                        Ok(())
                    }
                    Err(RecvError::Closed) => return,
                };
                if let Err(error) = done {
                    tracing::error!("a new revision cannot be noted: {error}");
                }
            }
        });
    }

    async fn revised(&self, manifest: Cid) -> Result<(), StoreError> {
        // It was told while the rows that say so were being written.
        drop(self.0.store.changing());
        let Some(made) = self.0.catalogue.manifest(&manifest)? else { return Ok(()) };
        let grew_here = self.0.growing.elsewhere(&made.capture).is_some();
        self.0.growing.end(&made.capture);
        let video: Option<VideoRow> = self.0.store.get(&VIDEOS, made.video.as_str().as_bytes())?;
        let Some(video) = video.filter(|video| video.manifest == Some(manifest)) else { return Ok(()) };
        if self.kept(&video.id)?.is_some() {
            self.keep(&video).await?;
        } else if grew_here || self.0.catalogue.holds_earlier(&made.capture, &manifest)? {
            let fetch = self.0.fetch.clone();
            if let Err(error) = fetch.manifest(manifest).await {
                tracing::debug!(%manifest, "the new revision is fetched when it is watched: {error}");
            }
        }
        Ok(())
    }

    /// A node came: what waits for a holder is tried now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn somebody_came(&self) -> Result<(), StoreError> {
        let lane = [JobKey::KEEP_LANE];
        for (_, key) in self.0.store.scan(&OPEN_JOBS, &lane, None, usize::MAX)? {
            if self
                .get(&key)?
                .is_some_and(|job| job.state == State::Waiting && job.code == Some(Code::NoHolder))
            {
                self.again(&key)?;
            }
        }
        Ok(())
    }

    /// Looks for jobs that keep a video and whose row says they are done while a newer revision is known.
    pub(super) fn resume_keeping(&self) -> Result<(), StoreError> {
        for (id, _) in self.0.store.scan(&KEPT, b"", None, usize::MAX)? {
            let Some(video) = self.0.store.get(&VIDEOS, &id)? else { continue };
            let key = JobKey::Keep { video: video.id.clone() };
            let job: Option<JobRow> = self.0.store.get(&JOBS, key.text().as_bytes())?;
            let whole = video.manifest.map(|cid| self.0.catalogue.holding(&cid)).transpose()?;
            if job.is_some_and(|job| job.state == State::Done) && whole.is_some_and(|row| !row.is_whole()) {
                let mut batch = Batch::default();
                Self::add(&mut batch, &keep_job(&video));
                self.0.store.write(batch)?;
            }
        }
        Ok(())
    }
}

fn keep_job(video: &VideoRow) -> JobRow {
    let key = JobKey::Keep { video: video.id.clone() };
    JobRow::queued(key, Some(video.id.clone()), video.url.clone(), video.title.clone(), clock::now())
}

pub(super) fn failure(error: FetchError) -> Failure {
    let code = match error {
        FetchError::NoHolder { .. } => Code::NoHolder,
        FetchError::Late => Code::Transient,
        FetchError::Unknown | FetchError::BadManifest(_) => Code::Damaged,
        FetchError::Full => Code::DiskFull,
        FetchError::Disk(_) => Code::LocalIo,
    };
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    Failure::new(code, format!("{first}{}.", letters.as_str()))
}
