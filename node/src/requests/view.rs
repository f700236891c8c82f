//! Where a request stands, for people and programs.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use horahora_protocol::{
    Cid, Timestamp, VideoId,
    request::{Options, Stand},
};
use serde::Serialize;

use super::{Requests, options_of, videos};
use crate::{
    clock,
    store::{
        StoreError,
        rows::{CAPTURES, Code, JOBS, JobKey, JobRow, RequestRow, State, VIDEOS, VideoRow},
    },
};

/// Ids of videos that a request's view names; the rest is on pages of their own.
const NAMED: usize = 1_000;
/// What counting the videos of a request took is not spent again before so many times as long are over.
const SPARE: u64 = 20;

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
    /// The first 1,000 videos that it lists.
    pub videos: Vec<String>,
    /// How many it lists.
    pub count: u64,
    /// How many of them are done, run, failed, wait.
    pub counts: Counts,
    /// How many members want it.
    pub subscribers: u32,
    /// Whether this node is one of them.
    pub subscribed: bool,
    /// The group that it belongs to.
    pub group: String,
    /// Whether it goes on.
    pub stand: Stand,
    /// How it is meant.
    pub options: Options,
    /// Whether its source is looked at for new videos by itself, and when next.
    pub next_at: Option<Timestamp>,
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

/// What was counted, and until when it is good enough.
pub(super) type Counted = Mutex<BTreeMap<Cid, (Timestamp, RequestView)>>;

impl Requests {
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

    /// Where a request stands; of a long one as it was a moment ago.
    pub(super) fn view(&self, row: &RequestRow) -> Result<RequestView, StoreError> {
        let counted = || self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = clock::steady();
        if let Some((until, view)) = counted().get(&row.id)
            && begun < *until
        {
            return Ok(view.clone());
        }
        let view = self.look(row)?;
        if row.count as usize > NAMED {
            let now = clock::steady();
            counted().insert(row.id, (now.plus_ms(now.ms_since(begun) * SPARE), view.clone()));
        }
        Ok(view)
    }

    fn look(&self, row: &RequestRow) -> Result<RequestView, StoreError> {
        let options = options_of(row);
        let named = videos::page(&self.store, &row.id, None, NAMED)?;
        let follows = options.follow && row.stand == Stand::Active && row.is_list();
        let mut view = RequestView {
            id: row.id.to_string(),
            url: row.url.clone(),
            title: row.title.clone(),
            at: row.at,
            state: State::Queued,
            code: None,
            reason: None,
            progress: 0.0,
            videos: named.iter().map(|(_, id)| id.to_string()).collect(),
            count: row.count,
            counts: Counts::default(),
            subscribers: row.wanted_by(),
            subscribed: row.by.is_none() || row.is_wanted_by(&self.feeds.node()),
            group: row.group.unwrap_or_else(|| self.feeds.home()).to_string(),
            stand: row.stand,
            next_at: Some(row.next_at).filter(|at| follows && at.0 > 0),
            options,
        };
        let listing = JobKey::List { request: row.id, n: row.listings - 1 }.text();
        let listing: Option<JobRow> = self.store.get(&JOBS, listing.as_bytes())?;
        let listing = listing.filter(|job| job.state != State::Done);
        let listing = listing.filter(|job| row.count == 0 || !job.state.ended());
        if row.count > 0 {
            let sum = self.sum(row, named)?;
            let queued = sum.first.get(&State::Queued).map(|video| video.url.clone());
            sum.say(&mut view);
            if let Some(url) = queued.filter(|_| listing.is_none()) {
                self.show_pause(&mut view, &url);
            }
        }
        if let Some(job) = listing {
            (view.state, view.code, view.reason) = (job.state, job.code, job.reason);
            self.show_pause(&mut view, &row.url);
        } else if row.count == 0 {
            view.state = State::Done;
            view.progress = 1.0;
            view.reason = Some("Nothing that the source lists is wanted as the options stand.".to_owned());
        }
        Ok(view)
    }

    /// What all videos of a request add up to; the first ones are given.
    fn sum(&self, row: &RequestRow, first: Vec<(Vec<u8>, VideoId)>) -> Result<Sum, StoreError> {
        let mut sum = Sum::default();
        let (mut after, mut page) = (None, first);
        while let Some((last, _)) = page.last().cloned() {
            let full = page.len() == NAMED;
            for (_, id) in page {
                if let Some(video) = self.store.get(&VIDEOS, id.as_str().as_bytes())? {
                    sum.add(self.video_progress(&video)?, video);
                }
            }
            after.replace(last);
            page =
                if full { videos::page(&self.store, &row.id, after.as_deref(), NAMED)? } else { Vec::new() };
        }
        Ok(sum)
    }

    /// What is queued at a site that is closed does not look forgotten.
    fn show_pause(&self, view: &mut RequestView, url: &str) {
        if let Some(closed) = self.jobs.closed(url).filter(|_| view.state == State::Queued) {
            (view.state, view.code, view.reason) =
                (State::Waiting, Some(closed.why.code), Some(closed.why.reason));
        }
    }
}

/// What the videos of a request add up to.
#[derive(Debug, Default)]
struct Sum {
    counts: Counts,
    videos: u64,
    progress: f64,
    /// The first video of each state.
    first: BTreeMap<State, VideoRow>,
}

impl Sum {
    fn add(&mut self, progress: f64, video: VideoRow) {
        self.videos += 1;
        self.progress += progress;
        match video.state {
            // Its parts are counted.
            _ if video.code == Some(Code::Parts) => {}
            State::Done => self.counts.done += 1,
            State::Running => self.counts.running += 1,
            State::Queued | State::Waiting => self.counts.waiting += 1,
            State::NeedsOperator | State::Failed | State::Gone | State::Refused => self.counts.failed += 1,
        }
        self.first.entry(video.state).or_insert(video);
    }

    /// A request stands where its video stands; one of many videos stands where most is still to be done.
    fn say(self, view: &mut RequestView) {
        let Self { counts, videos, progress, first } = self;
        view.counts = counts;
        view.progress = progress / videos.max(1) as f64;
        let mut all = first.values();
        if let (1, Some(video)) = (videos, all.next()) {
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
        let Counts { done, running, failed, waiting } = counts;
        if running + waiting == 0 && done > 0 {
            view.state = State::Done;
            view.reason = (failed > 0).then(|| format!("{failed} of {videos} videos could not be archived."));
        } else if let Some(video) = order.iter().find_map(|state| first.get(state)) {
            (view.state, view.code, view.reason) = (video.state, video.code, video.reason.clone());
            // Between two of many the request as a whole is at work.
            if done > 0 && video.state == State::Queued {
                view.state = State::Running;
            }
        }
    }
}
