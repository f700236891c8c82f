//! What follows from a job's end: its next state, its site's pause, its video's state.

use horahora_protocol::{Timestamp, VideoId};
use serde_json::json;

use super::{Inner, Jobs, LONGEST_PAUSE_MS, disk};
use crate::{
    clock,
    ingest::{Failure, Reaction},
    requests,
    spawn::Tasks,
    store::{
        Batch, StoreError,
        rows::{Code, JOBS, JobKey, JobRow, State, VIDEOS, VideoRow},
    },
};

impl Jobs {
    /// What waits because a tool did not do its work is tried at once when the tools are others.
    pub(super) fn follow_tools(&self, tasks: &Tasks) {
        let (jobs, mut changed) = (self.clone(), self.0.tools.changed());
        tasks.spawn("tools-mended", async move {
            while changed.changed().await.is_ok() {
                if changed.borrow_and_update().is_some()
                    && let Err(error) = jobs.try_with_other_tools()
                {
                    tracing::error!("jobs cannot be read: {error}");
                }
            }
        });
    }

    fn try_with_other_tools(&self) -> Result<(), StoreError> {
        for mut job in self.open_jobs(super::LOOK_AHEAD)? {
            let waits = job.state == State::Waiting;
            if waits && matches!(job.code, Some(Code::ToolBroken | Code::ExtractorBroken)) {
                (job.state, job.not_before) = (State::Queued, Timestamp::default());
                self.set(job)?;
            }
        }
        self.wake();
        Ok(())
    }
}

impl Inner {
    pub(super) fn fail(&self, job: &mut JobRow, failure: &Failure) -> Result<(), StoreError> {
        let _changing = self.store.changing();
        let now = clock::now();
        // Whatever it was that could not be written, what to do is to make room.
        let full = self.has_room(0).err().filter(|_| failure.code == Code::LocalIo);
        let failure = full.as_ref().unwrap_or(failure);
        match failure.code {
            Code::ToolBroken => self.tools.broken(),
            Code::ExtractorBroken => self.tools.outdated(),
            _ => {}
        }
        tracing::warn!(job = job.key.text(), code = ?failure.code, "{failure}");
        (job.code, job.reason, job.updated) = (Some(failure.code), Some(failure.reason.clone()), now);
        job.state = match failure.reaction() {
            Reaction::Stop(state) => state,
            Reaction::Retry { tries, then, .. } if job.attempts + 1 >= tries => then,
            // The whole site is closed, not only this job waits.
            Reaction::Retry { pause_ms, .. } if matches!(failure.code, Code::RateLimited | Code::Budget) => {
                job.attempts += u32::from(failure.code == Code::RateLimited);
                let closed = self.ingest.closed(&job.url).map(|closed| closed.until);
                job.not_before = closed.unwrap_or_else(|| now.plus_ms(pause_ms));
                State::Waiting
            }
            Reaction::Retry { pause_ms, .. } => {
                let doubled = if failure.code == Code::DiskFull { 0 } else { job.attempts.min(16) };
                let pause = pause_ms.saturating_mul(1 << doubled).min(LONGEST_PAUSE_MS);
                job.attempts = job.attempts.saturating_add(1);
                job.not_before = now.plus_ms(clock::jittered(pause));
                State::Waiting
            }
        };
        let mut batch = Batch::default();
        self.put_job(&mut batch, job.clone())?;
        self.store.write(batch)
    }

    /// Puts a job into the batch, and what follows for its video; tells open pages.
    pub(super) fn put_job(&self, batch: &mut Batch, job: JobRow) -> Result<(), StoreError> {
        let job = requests::as_it_stands(&self.store, self.catalogue.approvals(), job)?;
        Jobs::add(batch, &job);
        if let Some(id) = &job.video
            && !matches!(job.key, JobKey::Keep { .. } | JobKey::Look { .. })
            && let Some(mut video) = self.store.get(&VIDEOS, id.as_str().as_bytes())?
        {
            self.settle(&mut video, &job)?;
            batch.put(&VIDEOS, id.as_str().as_bytes(), &video);
            self.tell_video(&video);
        }
        self.live.tell("job", json!({ "id": job.key.text(), "state": job.state, "video": job.video }));
        Ok(())
    }

    /// A video stands where its capture stands; once captured, its renditions decide.
    pub(super) fn settle(&self, video: &mut VideoRow, changed: &JobRow) -> Result<(), StoreError> {
        let capture_key = JobKey::Capture { video: video.id.clone() };
        let state_of = |key: &JobKey| -> Result<Option<JobRow>, StoreError> {
            if *key == changed.key {
                Ok(Some(changed.clone()))
            } else {
                self.store.get(&JOBS, key.text().as_bytes())
            }
        };
        let Some(capture) = state_of(&capture_key)? else { return Ok(()) };
        (video.state, video.code, video.reason) = (capture.state, capture.code, capture.reason);
        if capture.state != State::Done {
            return Ok(());
        }
        if video.audio_only {
            video.reason = Some("There is only sound in the source.".to_owned());
        }
        for key in self.rendition_jobs(video)? {
            let Some(rung) = state_of(&key)? else { continue };
            if !rung.state.ended() {
                (video.state, video.code, video.reason) = (State::Running, None, None);
                return Ok(());
            }
            if rung.state != State::Done {
                let why = rung.reason.unwrap_or_default();
                video.reason =
                    Some(format!("It plays, but one of its smaller sizes could not be made. {why}"));
            }
        }
        Ok(())
    }

    pub(super) fn tell_video(&self, video: &VideoRow) {
        let data = json!({ "id": video.id, "state": video.state, "manifest": video.manifest.map(|cid| cid.to_string()) });
        self.live.tell("video", data);
    }

    pub(super) fn video(&self, id: &VideoId) -> Result<VideoRow, Failure> {
        let row = self.store.get(&VIDEOS, id.as_str().as_bytes()).map_err(disk)?;
        row.ok_or_else(|| Failure::new(Code::ToolBroken, "The video's record is missing."))
    }
}
