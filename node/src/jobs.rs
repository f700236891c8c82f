//! Durable jobs: what is to be done, in which order, and what came of it.
//!
//! A job is a row. Workers take rows in order; a worker that dies leaves a row that the next start takes
//! again, so every job may run twice. `listing`, `capture` and `rendition` are what the three kinds do.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use horahora_protocol::{NodeKey, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    approval::Approvals,
    blobs::Blobs,
    catalogue::Catalogue,
    claims::{Claims, Ended},
    clock,
    config::Adopt,
    feeds::Feeds,
    fetch::Fetch,
    growing::Growing,
    ingest::{Closed, Failure, Ingest},
    live::Live,
    requests,
    space::Space,
    spawn::Tasks,
    store::{
        Batch, Store, StoreError,
        rows::{Code, JOBS, JobKey, JobRow, OPEN_JOBS, State, open_job_key, picture},
    },
    tools::Tools,
};

mod adopt;
mod again;
mod capture;
mod extras;
mod growing;
mod import;
mod keep;
mod listing;
mod look;
mod origin;
mod publish;
mod received;
mod redo;
mod rendition;
mod shared;
mod sources;
mod state;
mod sweep;

pub use capture::media_type;
pub use extras::EXTRAS;
pub use redo::REDO;
pub use shared::Pile;

/// Sources asked or downloaded at once: two keep a home line busy without looking like an attack.
pub const FETCHERS: usize = 2;
/// Those, and one for a listing, which is short and on which others wait.
const FETCH_WORKERS: usize = FETCHERS + 1;
/// Videos fetched from other nodes at once.
const KEEPERS: usize = 1;
/// Archived videos looked at again at once: what is not archived yet comes first.
const LOOKERS: usize = 1;
/// Files of this machine taken in at once.
const IMPORTERS: usize = 1;
/// Pause of a worker that could not write to the database.
const FAILED_WRITE: Duration = Duration::from_secs(10);
/// How long it is waited for more room on the disk.
const FULL_MS: u64 = 60_000;
/// Longest pause between two tries.
const LONGEST_PAUSE_MS: u64 = 8 * 3600 * 1000;
/// Jobs of a kind looked at when a worker is free: four full listings of a site that wants us to wait do not
/// hide what comes after them.
const LOOK_AHEAD: usize = 20_000;

/// Which jobs a worker takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Fetch,
    Encode,
    Keep,
    /// What is archived, at its origin.
    Look,
    /// Files of this machine: nobody else can take them.
    Import,
}

impl Lane {
    /// Kinds of jobs, first ones first: what a link names is known before its videos are fetched.
    fn kinds(self) -> &'static [u8] {
        match self {
            // The group's claims say which; of renditions they leave some to each node.
            Self::Fetch => &[],
            Self::Encode => &[2],
            Self::Keep => &[JobKey::KEEP_LANE],
            Self::Look => &[JobKey::LOOK_LANE],
            Self::Import => &[0, 1],
        }
    }
}

/// The node's jobs. Clones share them.
#[derive(Debug, Clone)]
pub struct Jobs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    key: Arc<NodeKey>,
    store: Store,
    blobs: Blobs,
    feeds: Feeds,
    ingest: Ingest,
    tools: Tools,
    live: Live,
    catalogue: Catalogue,
    growing: Growing,
    fetch: Fetch,
    dir: PathBuf,
    wake: watch::Sender<()>,
    taken: Mutex<BTreeSet<String>>,
    /// Jobs that the group left to this node, and what ends each.
    allowed: Mutex<BTreeMap<String, CancellationToken>>,
    claims: Claims,
    /// When the sites of jobs open, as it was looked at a moment ago: each with when.
    openings: Mutex<BTreeMap<String, (Timestamp, Timestamp)>>,
    adopt: Adopt,
    av1: bool,
    encoders: usize,
    space: Space,
    /// Held from reading the last revision of a manifest until the next one is written.
    revising: tokio::sync::Mutex<()>,
    /// Held while originals are put together.
    restoring: tokio::sync::Mutex<()>,
}

/// What the jobs work with.
#[derive(Debug)]
pub struct Rooms {
    /// The node's key.
    pub key: Arc<NodeKey>,
    /// The database.
    pub store: Store,
    /// The blobs.
    pub blobs: Blobs,
    /// The node's feed.
    pub feeds: Feeds,
    /// The way to source sites.
    pub ingest: Ingest,
    /// yt-dlp and ffmpeg.
    pub tools: Tools,
    /// Progress and events.
    pub live: Live,
    /// What the group has.
    pub catalogue: Catalogue,
    /// Captures in the making.
    pub growing: Growing,
    /// The way to blobs of others.
    pub fetch: Fetch,
    /// Who does what in each group.
    pub claims: Claims,
    /// Whose copies are mirrored.
    pub adopt: Adopt,
    /// Whether pictures are made in AV1, too.
    pub av1: bool,
    /// Renditions encoded at once. With none the other members of the group make them.
    pub encoders: usize,
    /// Room on the disk.
    pub space: Space,
    /// Folder for unfinished work.
    pub dir: PathBuf,
}

impl Jobs {
    /// Sweeps what a crash left and makes interrupted jobs ready to be taken again.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn open(rooms: Rooms) -> anyhow::Result<Self> {
        let Rooms {
            key, store, blobs, feeds, ingest, tools, live, catalogue, growing, fetch, claims, ..
        } = rooms;
        let (adopt, av1, encoders) = (rooms.adopt, rooms.av1, rooms.encoders);
        let (space, dir) = (rooms.space, rooms.dir);
        std::fs::create_dir_all(&dir)?;
        let jobs = Self(Arc::new(Inner {
            key,
            store,
            blobs,
            feeds,
            ingest,
            tools,
            live,
            catalogue,
            growing,
            fetch,
            dir,
            wake: watch::Sender::new(()),
            taken: Mutex::default(),
            allowed: Mutex::default(),
            claims,
            openings: Mutex::default(),
            adopt,
            av1,
            encoders,
            space,
            revising: tokio::sync::Mutex::default(),
            restoring: tokio::sync::Mutex::default(),
        }));
        for mut job in jobs.open_jobs(usize::MAX)? {
            if job.state == State::Running {
                job.state = State::Queued;
                jobs.set(job)?;
            }
        }
        jobs.0.sweep().await?;
        jobs.resume_keeping()?;
        Ok(jobs)
    }

    /// Starts the workers.
    pub fn start(&self, tasks: &Tasks) {
        self.follow_revisions(tasks);
        self.follow_tools(tasks);
        let lanes = [
            (Lane::Fetch, FETCH_WORKERS),
            // Sounds and preview pictures are made in any case.
            (Lane::Encode, self.encoders().max(1)),
            (Lane::Keep, KEEPERS),
            (Lane::Look, LOOKERS),
            (Lane::Import, IMPORTERS),
        ];
        for lane in lanes.into_iter().flat_map(|(lane, count)| std::iter::repeat_n(lane, count)) {
            let jobs = self.clone();
            tasks.spawn("worker", async move { jobs.work(lane).await });
        }
    }

    /// Adds jobs to a batch. Call [`Jobs::wake`] after it was written.
    pub fn add(batch: &mut Batch, job: &JobRow) {
        batch.put(&JOBS, job.key.text().as_bytes(), job);
        if job.state.ended() {
            batch.remove(&OPEN_JOBS, &open_job_key(job));
        } else {
            batch.put(&OPEN_JOBS, &open_job_key(job), &job.key);
        }
    }

    /// What the groups approve of.
    #[must_use]
    pub fn approvals(&self) -> Approvals {
        self.0.catalogue.approvals().clone()
    }

    /// Makes free workers look again.
    pub fn wake(&self) {
        self.0.wake.send_replace(());
    }

    /// One job.
    ///
    /// # Errors
    /// When the database fails.
    pub fn get(&self, key: &JobKey) -> Result<Option<JobRow>, StoreError> {
        self.0.store.get(&JOBS, key.text().as_bytes())
    }

    /// Until when nothing is fetched from `url`, and why, if its site is closed or the disk full.
    #[must_use]
    pub fn closed(&self, url: &str) -> Option<Closed> {
        let full = |why| Closed { until: clock::now().plus_ms(FULL_MS), why };
        self.0.ingest.closed(url).or_else(|| self.0.has_room(0).err().map(full))
    }

    /// Jobs that are not ended: those at work, then the oldest of each kind.
    ///
    /// # Errors
    /// When the database fails.
    pub fn open_jobs(&self, limit: usize) -> Result<Vec<JobRow>, StoreError> {
        let mut jobs = Vec::new();
        for text in self.0.taken().iter() {
            jobs.extend(self.0.store.get(&JOBS, text.as_bytes())?);
        }
        let at_work: BTreeSet<_> = jobs.iter().map(|job: &JobRow| job.key.clone()).collect();
        for (_, key) in self.0.store.scan(&OPEN_JOBS, b"", None, limit)? {
            if !at_work.contains(&key) {
                jobs.extend(self.get(&key)?);
            }
        }
        jobs.retain(|job| !job.state.ended());
        jobs.truncate(limit);
        Ok(jobs)
    }

    /// Lets an ended or waiting job begin again now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn again(&self, key: &JobKey) -> Result<(), StoreError> {
        let Some(mut job) = self.get(key)? else { return Ok(()) };
        if matches!(job.state, State::Running | State::Done) {
            return Ok(());
        }
        self.0.ingest.reopen(&job.url);
        (job.state, job.code, job.reason) = (State::Queued, None, None);
        (job.attempts, job.not_before) = (0, Timestamp::default());
        self.set(job)?;
        self.wake();
        Ok(())
    }

    /// Writes a job's new state, and what follows for its video.
    fn set(&self, job: JobRow) -> Result<(), StoreError> {
        let _changing = self.0.store.changing();
        let mut batch = Batch::default();
        self.0.put_job(&mut batch, job)?;
        self.0.store.write(batch)
    }

    /// Notes that a job is done, unless somebody asked for another one of its name since it said so itself.
    fn end(&self, job: &JobRow) -> Result<(), StoreError> {
        let _changing = self.0.store.changing();
        if self.get(&job.key)?.is_some_and(|known| known.created != job.created) {
            return Ok(());
        }
        let mut batch = Batch::default();
        self.0.put_job(&mut batch, job.clone())?;
        self.0.store.write(batch)
    }

    async fn work(&self, lane: Lane) {
        let mut woken = self.0.wake.subscribe();
        loop {
            woken.mark_unchanged();
            match self.0.take(lane) {
                Ok(Taken::Job(job)) => {
                    let text = job.key.text();
                    if self.run(*job).await.is_err() {
                        // The database cannot be written; asking it at once again would not help.
                        tokio::time::sleep(FAILED_WRITE).await;
                    }
                    self.0.live.end(&text);
                    self.0.taken().remove(&text);
                    self.wake();
                }
                Ok(Taken::Later(pause)) => {
                    let _ = tokio::time::timeout(pause, woken.changed()).await;
                }
                Err(error) => {
                    tracing::error!("jobs cannot be read: {error}");
                    let _ = tokio::time::timeout(Duration::from_secs(10), woken.changed()).await;
                }
            }
        }
    }

    /// Does a job and writes what came of it. An error is the database's, not the job's.
    async fn run(&self, mut job: JobRow) -> Result<(), StoreError> {
        let text = job.key.text();
        tracing::info!(job = text, "begins");
        (job.state, job.code, job.reason, job.updated) = (State::Running, None, None, clock::now());
        self.set(job.clone())
            .inspect_err(|error| tracing::error!(job = text, "its state cannot be written: {error}"))?;
        let work = async {
            if !matches!(job.key, JobKey::List { .. }) {
                self.0.has_room(0)?;
            }
            match &job.key {
                JobKey::List { request, n } => self.0.list(*request, *n, &job).await,
                JobKey::Capture { video } => self.0.obtain(video, &job).await,
                JobKey::Rendition { capture, rung } if rung == REDO => self.0.redo(*capture, &job).await,
                JobKey::Rendition { capture, rung } if rung == EXTRAS => self.0.extras(*capture, &job).await,
                JobKey::Rendition { capture, rung } => self.0.rendition(*capture, rung, &job).await,
                JobKey::Keep { video } => self.0.keep(video, &job).await,
                JobKey::Look { video } => self.0.look(video, &job).await,
            }
        };
        let ours = self.0.allowed().get(&text).cloned().unwrap_or_default();
        let Some(done) = ours.run_until_cancelled(work).await else { return self.lose(job) };
        if matches!(job.key, JobKey::Capture { .. } | JobKey::Look { .. }) {
            self.0.growing.end(&self.0.capture_id(&job).0);
        }
        let ended = match done {
            Ok(()) => {
                tracing::info!(job = text, "done");
                (job.state, job.updated) = (State::Done, clock::now());
                self.end(&job)
            }
            Err(failure) => self.0.fail(&mut job, &failure),
        };
        ended.inspect_err(|error| tracing::error!(job = text, "its end cannot be written: {error}"))?;
        self.0.close_folder(&job);
        self.tell_claims(&job).await;
        Ok(())
    }
}

enum Taken {
    Job(Box<JobRow>),
    Later(Duration),
}

impl Inner {
    /// The next job of a lane, or how long there is none.
    fn take(&self, lane: Lane) -> Result<Taken, StoreError> {
        if matches!(lane, Lane::Fetch | Lane::Encode) {
            let taken = self.take_allowed(lane)?;
            if lane == Lane::Fetch || matches!(taken, Taken::Job(_)) {
                return Ok(taken);
            }
        }
        let now = clock::now();
        let mut next = now.plus_ms(60_000);
        let mut waiting = Vec::new();
        for kind in lane.kinds() {
            waiting.extend(self.store.scan(&OPEN_JOBS, &[*kind], None, LOOK_AHEAD)?);
        }
        for (_, key) in waiting {
            let waits = lane == Lane::Encode && (key.shared().is_some() || self.is_next_to_another(&key));
            if waits || self.taken().contains(&key.text()) {
                continue;
            }
            let Some(job) = self.store.get(&JOBS, key.text().as_bytes())? else { continue };
            if job.state.ended() || (lane == Lane::Import && !requests::is_local(&job.url)) {
                continue;
            }
            let begins = if lane == Lane::Look { self.free_for_looks(&job, now)? } else { job.not_before };
            if begins > now {
                next = next.min(begins);
            } else if self.taken().insert(key.text()) {
                return Ok(Taken::Job(Box::new(job)));
            }
        }
        Ok(Taken::Later(Duration::from_millis(next.ms_since(now).max(10))))
    }

    /// Whether something else than a picture is being made of the same capture: the extras measure every sound, so they come
    /// after all of them.
    fn is_next_to_another(&self, key: &JobKey) -> bool {
        let JobKey::Rendition { capture, .. } = key else { return false };
        let prefix = format!("rendition/{capture}/");
        let sound = |name: &String| name.strip_prefix(&prefix).is_some_and(|rung| picture(rung).is_none());
        self.taken().iter().any(sound)
    }

    /// Whether so many more bytes may be written.
    fn has_room(&self, bytes: u64) -> Result<(), Failure> {
        self.space.check(bytes).map_err(|lacks| Failure::new(Code::DiskFull, lacks.to_string()))
    }

    fn taken(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A failure of our own disk.
fn disk(error: impl std::fmt::Display) -> Failure {
    Failure::new(Code::LocalIo, format!("This node's disk or database failed: {error}"))
}
