//! What follows from a job's end: its next state, its site's pause, its video's state.

use horahora_protocol::VideoId;
use serde_json::json;

use super::{Inner, Jobs, LONGEST_PAUSE_MS, disk};
use crate::{
    clock,
    ingest::{Failure, Reaction},
    requests,
    store::{
        Batch, StoreError,
        rows::{Code, JOBS, JobKey, JobRow, State, VIDEOS, VideoRow},
    },
};

impl Inner {
    pub(super) fn fail(&self, job: &mut JobRow, failure: &Failure) -> Result<(), StoreError> {
        let _changing = self.store.changing();
        let now = clock::now();
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
                let pause = pause_ms.saturating_mul(1 << job.attempts.min(16)).min(LONGEST_PAUSE_MS);
                job.attempts += 1;
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
        let job = requests::as_it_stands(&self.store, job)?;
        Jobs::add(batch, &job);
        if let Some(id) = &job.video
            && !matches!(job.key, JobKey::Keep { .. })
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
