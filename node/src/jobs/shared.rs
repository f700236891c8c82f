//! Jobs that the members of a group share out: which there are, and those that are this node's to do.

use horahora_protocol::{Cid, Timestamp, group::GroupId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{BTreeMap, Ended, Inner, Jobs, Lane, MutexGuard, PoisonError, Taken};
use crate::{
    clock, requests,
    store::{
        StoreError,
        rows::{CAPTURES, CaptureRow, JOBS, JobKey, JobRow, OPEN_JOBS, State, VIDEOS, VideoRow, picture},
    },
};

/// What comes so long after its request is fresh: the first listing of the largest sources takes an hour.
const FRESH_MS: u64 = 12 * 3_600_000;
/// How much more often what is fresh is drawn than what was there before.
const FRESH_WEIGHT: u32 = 1_000;

/// What a job is drawn from: the videos of a request, or the fresh ones among them. The more weight, the more often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pile {
    /// Tells it from others.
    pub number: u32,
    /// Its share of the draws.
    pub weight: u32,
}

impl Pile {
    /// The one of everything that has none of its own.
    pub const USUAL: Self = Self { number: 0, weight: 4 };
}

/// Small pictures come before large ones, whoever's they are, and AV1 last: each step of 60 lines halves how often one is
/// drawn. Their numbers are none that [`pile_number`] gives.
fn rung_pile(rung: &str) -> Pile {
    let (lines, av1) = picture(rung).unwrap_or_default();
    let steps = lines / 60 + if av1 { 20 } else { 0 };
    Pile { number: lines << 2 | u32::from(av1), weight: 1 << 24_u32.saturating_sub(steps) }
}

fn pile_number(request: &Cid, fresh: bool) -> u32 {
    let bytes = request.to_bytes();
    let mut end = [0; 4];
    end.copy_from_slice(&bytes[bytes.len() - 4..]);
    // 0 is the usual one's.
    (u32::from_le_bytes(end) | 2) & !1 | u32::from(fresh)
}

/// How long it is taken for true when a site opens.
const LOOKED_MS: u64 = 500;
/// How long a worker waits when nothing is its to do.
const IDLE: std::time::Duration = std::time::Duration::from_secs(60);

impl Jobs {
    /// Hears each time that a job is new or ended.
    #[must_use]
    pub fn woken(&self) -> watch::Receiver<()> {
        self.0.wake.subscribe()
    }

    /// Open jobs of the kinds that a group shares out.
    ///
    /// # Errors
    /// When the database fails.
    pub fn shared(&self, limit: usize) -> Result<Vec<JobRow>, StoreError> {
        let mut jobs = Vec::new();
        for kind in [0_u8, 1, 2] {
            for (_, key) in self.0.store.scan(&OPEN_JOBS, &[kind], None, limit)? {
                // What is a file of this machine nobody else can fetch; who has fetched it can make pictures of it.
                let here = |job: &JobRow| kind < 2 && requests::is_local(&job.url);
                let open = |job: &JobRow| !job.state.ended() && !here(job);
                if key.shared().is_some() {
                    jobs.extend(self.get(&key)?.filter(open));
                }
            }
        }
        Ok(jobs)
    }

    /// Renditions that are encoded at once.
    #[must_use]
    pub fn encoders(&self) -> usize {
        self.0.encoders
    }

    /// Lets a job begin whose result a member told: what came of it is to be looked at here, whoever's turn it is.
    /// Gives whether it is such a job.
    ///
    /// # Errors
    /// When the database fails.
    pub fn receive(&self, job: &JobRow) -> Result<bool, StoreError> {
        let JobKey::Rendition { capture, rung } = &job.key else { return Ok(false) };
        if self.0.catalogue.rendered(capture, rung)?.is_none() {
            return Ok(false);
        }
        let name = job.key.text();
        if job.not_before <= clock::now() && !self.0.allowed().contains_key(&name) {
            self.0.allowed().insert(name, CancellationToken::new());
            self.wake();
        }
        Ok(true)
    }

    /// The groups that a job is for, and the pile that it is drawn from.
    ///
    /// # Errors
    /// When the database fails.
    pub fn groups_of(&self, job: &JobRow) -> Result<(Vec<GroupId>, Pile), StoreError> {
        let home = self.0.feeds.home();
        let (groups, pile) = match &job.key {
            JobKey::List { request, .. } => {
                let row = requests::find(&self.0.store, request)?;
                (vec![row.and_then(|(_, row)| row.group).unwrap_or(home)], Pile::USUAL)
            }
            JobKey::Capture { video } => {
                let row: Option<VideoRow> = self.0.store.get(&VIDEOS, video.as_str().as_bytes())?;
                let pile = row.as_ref().map(|row| self.pile(row)).transpose()?;
                (row.map(|row| row.groups).unwrap_or_default(), pile.unwrap_or(Pile::USUAL))
            }
            JobKey::Rendition { capture, rung } => (self.0.catalogue.groups_of(capture)?, rung_pile(rung)),
            JobKey::Keep { .. } | JobKey::Look { .. } => (Vec::new(), Pile::USUAL),
        };
        Ok((if groups.is_empty() { vec![home] } else { groups }, pile))
    }

    /// The pile of the request that wants a video most.
    fn pile(&self, video: &VideoRow) -> Result<Pile, StoreError> {
        let mut best = Pile::USUAL;
        for id in &video.requests {
            let Some((_, row)) = requests::find(&self.0.store, id)? else { continue };
            let weight = requests::options_of(&row).priority.weight(row.wanted_by());
            // What a look at a followed source brought: new at the site, or found late.
            let fresh = row.is_list() && video.added.ms_since(row.at) > FRESH_MS && row.listings > 1;
            let weight = if fresh { weight.saturating_mul(FRESH_WEIGHT) } else { weight };
            if best.weight < weight || best == Pile::USUAL {
                best = Pile { number: pile_number(&row.id, fresh), weight };
            }
        }
        Ok(best)
    }

    /// When a job may begin: after its own pause and, if it asks its site, when that is open.
    #[must_use]
    pub fn begins(&self, job: &JobRow) -> Timestamp {
        match job.key {
            JobKey::Rendition { .. } => job.not_before,
            _ => job.not_before.max(self.opens(&job.url)),
        }
    }

    /// When the site of a link opens. Thousands of jobs of a few sites are asked about at once.
    fn opens(&self, url: &str) -> Timestamp {
        let host = url.split('/').nth(2).unwrap_or_default();
        let now = clock::steady();
        let known = self.0.openings().get(host).copied();
        if let Some((_, opens)) = known.filter(|(looked, _)| now.ms_since(*looked) < LOOKED_MS) {
            return opens;
        }
        let opens = self.closed(url).map(|closed| closed.until).unwrap_or_default();
        let mut all = self.0.openings();
        all.retain(|_, (looked, _)| now.ms_since(*looked) < LOOKED_MS);
        all.insert(host.to_owned(), (now, opens));
        opens
    }

    /// The job of a name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn named(&self, name: &str) -> Result<Option<JobRow>, StoreError> {
        self.0.store.get(&JOBS, name.as_bytes())
    }

    /// Lets a job begin here: the group left it to this node.
    ///
    /// # Errors
    /// When the database fails.
    pub fn allow(&self, job: &JobRow) -> Result<(), StoreError> {
        if job.state.ended() {
            // Somebody said that it was done, and it was not.
            let again = JobRow { state: State::Queued, code: None, reason: None, attempts: 0, ..job.clone() };
            self.set(again)?;
        }
        self.0.allowed().entry(job.key.text()).or_default();
        self.wake();
        Ok(())
    }

    /// Ends a job that is somebody else's now. What it made so far is thrown away by the next sweep.
    pub fn revoke(&self, name: &str) {
        if let Some(token) = self.0.allowed().remove(name) {
            token.cancel();
        }
        self.wake();
    }

    /// A job that was revoked: it waits for what the other one makes of it.
    pub(super) fn lose(&self, mut job: JobRow) -> Result<(), StoreError> {
        tracing::info!(job = job.key.text(), "is left to another node");
        if matches!(job.key, JobKey::Capture { .. }) {
            self.0.growing.end(&self.0.capture_id(&job).0);
        }
        let done = match (&job.key, &job.video) {
            // Whose capture it is looks at what the other one made.
            (JobKey::Rendition { capture, rung }, _) => {
                let row: Option<CaptureRow> = self.0.store.get(&CAPTURES, &capture.to_bytes())?;
                let made = self.0.catalogue.rendered(capture, rung)?.is_some();
                row.is_none_or(|row| row.by.is_some() && (made || !row.rungs.contains(rung)))
            }
            (_, Some(video)) => {
                let captured: Option<VideoRow> = self.0.store.get(&VIDEOS, video.as_str().as_bytes())?;
                captured.is_some_and(|video| video.manifest.is_some())
            }
            _ => false,
        };
        job.state = if done { State::Done } else { State::Queued };
        self.set(job)
    }

    /// Tells the group what became of a job.
    pub(super) async fn tell_claims(&self, job: &JobRow) {
        let name = job.key.text();
        if self.0.allowed().remove(&name).is_none() {
            return;
        }
        let code = job.code.and_then(|code| serde_json::to_value(code).ok());
        let code = code.and_then(|code| code.as_str().map(str::to_owned));
        let failure = code.zip(job.reason.clone());
        let not_before = self.begins(job);
        self.0.claims.ended(Ended { job: name, state: job.state, failure, not_before }).await;
    }
}

impl Inner {
    /// The next job of a lane that is this node's to do.
    pub(super) fn take_allowed(&self, lane: Lane) -> Result<Taken, StoreError> {
        let names: Vec<_> = self.allowed().keys().cloned().collect();
        for name in names {
            if self.taken().contains(&name) {
                continue;
            }
            let job: Option<JobRow> = self.store.get(&JOBS, name.as_bytes())?;
            match job.filter(|job| !job.state.ended()) {
                Some(job) if matches!(job.key, JobKey::Rendition { .. }) != (lane == Lane::Encode) => {}
                Some(job) => {
                    if self.taken().insert(name) {
                        return Ok(Taken::Job(Box::new(job)));
                    }
                }
                None => _ = self.allowed().remove(&name),
            }
        }
        Ok(Taken::Later(IDLE))
    }

    /// Whether another node captured it.
    pub(super) fn is_others(&self, capture: &Cid) -> Result<bool, StoreError> {
        let row: Option<CaptureRow> = self.store.get(&CAPTURES, &capture.to_bytes())?;
        Ok(row.is_some_and(|row| row.by.is_some()))
    }

    fn openings(&self) -> MutexGuard<'_, BTreeMap<String, (Timestamp, Timestamp)>> {
        self.openings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn allowed(&self) -> MutexGuard<'_, BTreeMap<String, CancellationToken>> {
        self.allowed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is anybody to tell what a request names.
    pub(super) fn tells(&self, group: &GroupId) -> bool {
        self.catalogue.members(group) > 1
    }
}
