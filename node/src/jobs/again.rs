//! Looks at archived videos again at their origin: comments and words of later days are kept beside the first ones, and what
//! is offered in a better form is captured once more. Each node looks at what it captured itself.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use horahora_protocol::{
    Cid, Codec, Timestamp, VideoId, limits,
    manifest::{File, Look, Manifest, MediaKind, Meta},
};
use serde_json::Value;

use super::{Inner, Jobs, capture::DANMAKU, disk};
use crate::{
    blobs::journal::Journal,
    clock,
    ingest::{Brought, Failure, Quality, Reaction, read_info},
    spawn::Tasks,
    store::{
        Batch, StoreError,
        rows::{CAPTURES, CaptureRow, Code, JOBS, JobKey, JobRow, LOOKS, VIDEOS, VideoRow, due_key, due_of},
    },
};

/// How often it is looked whether something is due.
const TICK: Duration = Duration::from_secs(60);
/// Looks that are made jobs at once; the others stay due.
const AT_ONCE: usize = 100;
const DAY_MS: u64 = 24 * 3_600_000;
/// The longest time between two looks: half a year.
const LONGEST_MS: u64 = 182 * DAY_MS;
/// How long a look waits while its site has something else to do.
const BUSY_MS: u64 = 10_000;
/// A length that differs by less is a matter of counting.
const SAME_MS: u64 = 2_000;

/// When a video that was captured at `fetched` is looked at again, now that it was looked at: after a day, then each time
/// when it is twice as old.
pub(super) fn next_look(fetched: Timestamp, now: Timestamp) -> Timestamp {
    now.plus_ms(now.ms_since(fetched).clamp(DAY_MS, LONGEST_MS))
}

/// Adds to the batch when a capture is to be looked at next.
pub(super) fn plan_look(batch: &mut Batch, capture: &Cid, fetched: Timestamp, now: Timestamp) {
    batch.put(&LOOKS, &due_key(next_look(fetched, now), capture), &fetched);
}

impl Jobs {
    /// Makes jobs of the looks that are due.
    pub fn follow_looks(&self, tasks: &Tasks) {
        let jobs = self.clone();
        tasks.spawn("looks", async move {
            let mut ticks = tokio::time::interval(TICK);
            loop {
                ticks.tick().await;
                if let Err(error) = jobs.look_at_due(clock::now()) {
                    tracing::error!("what is to be looked at again cannot be read: {error}");
                }
            }
        });
    }

    fn look_at_due(&self, now: Timestamp) -> Result<(), StoreError> {
        let due: Vec<_> = self.0.store.scan(&LOOKS, b"", None, AT_ONCE)?;
        for (key, _) in due {
            let Some((at, capture)) = due_of(&key).filter(|(at, _)| *at <= now) else { break };
            let _changing = self.0.store.changing();
            let mut batch = Batch::default();
            batch.remove(&LOOKS, &key);
            let row: Option<CaptureRow> = self.0.store.get(&CAPTURES, &capture.to_bytes())?;
            if let Some(row) = row.filter(|row| row.by.is_none())
                && let Some(video) = self.0.store.get(&VIDEOS, row.video.as_str().as_bytes())?
            {
                tracing::debug!(video = %row.video, due = at.0, "is looked at again");
                self.0.want_look(&video, &mut batch)?;
            }
            self.0.store.write(batch)?;
        }
        self.wake();
        Ok(())
    }

    /// Looks at an archived video again now.
    ///
    /// # Errors
    /// When this node did not capture it, or the database fails.
    pub fn look_again(&self, video: &VideoRow) -> Result<bool, StoreError> {
        if self.0.catalogue.own_captures(video)?.is_empty() || crate::requests::is_local(&video.url) {
            return Ok(false);
        }
        self.0.ingest.reopen(&video.url);
        let _changing = self.0.store.changing();
        let mut batch = Batch::default();
        self.0.want_look(video, &mut batch)?;
        self.0.store.write(batch)?;
        self.wake();
        Ok(true)
    }
}

impl Inner {
    fn want_look(&self, video: &VideoRow, batch: &mut Batch) -> Result<(), StoreError> {
        let key = JobKey::Look { video: video.id.clone() };
        let known: Option<JobRow> = self.store.get(&JOBS, key.text().as_bytes())?;
        let mut job =
            JobRow::queued(key, Some(video.id.clone()), video.url.clone(), video.title.clone(), clock::now());
        if let Some(known) = known.filter(|known| !known.state.ended()) {
            // One that waits for its next try keeps what it began to make.
            job.created = known.created;
        }
        Jobs::add(batch, &job);
        Ok(())
    }

    /// When a look may begin: what is not archived yet comes before it at every site.
    pub(super) fn free_for_looks(&self, job: &JobRow, now: Timestamp) -> Result<Timestamp, StoreError> {
        let host = |url: &str| url.split('/').nth(2).unwrap_or_default().to_owned();
        let names: Vec<_> = self.allowed().keys().cloned().collect();
        for name in names {
            let other: Option<JobRow> = self.store.get(&JOBS, name.as_bytes())?;
            if other.is_some_and(|other| host(&other.url) == host(&job.url)) {
                return Ok(now.plus_ms(BUSY_MS));
            }
        }
        let closed = self.ingest.closed(&job.url).map(|closed| closed.until);
        Ok(closed.unwrap_or_default().max(job.not_before))
    }

    /// Asks the origin about a video that this node captured.
    pub(super) async fn look(&self, video: &VideoId, job: &JobRow) -> Result<(), Failure> {
        let row = self.video(video)?;
        let own = self.catalogue.own_captures(&row).map_err(disk)?.pop();
        let Some((capture, _)) = own else { return Ok(()) };
        let looked = self.look_at(&row, capture, job).await;
        let fetched = self.last_manifest(&self.capture_row(&capture)?).await?.fetched_at;
        let again = match looked.as_ref().map_err(Failure::reaction) {
            // Until then it is tried again by itself.
            Err(Reaction::Retry { tries, .. }) => job.attempts + 1 >= tries,
            Ok(()) | Err(Reaction::Stop(_)) => true,
        };
        // Of one that was captured once more the new capture is looked at.
        let own = self.catalogue.own_captures(&self.video(video)?).map_err(disk)?.pop();
        if again && own.is_some_and(|(last, _)| last == capture) {
            let mut batch = Batch::default();
            plan_look(&mut batch, &capture, fetched, clock::now());
            self.store.write(batch).map_err(disk)?;
        }
        let groups = self.capture_row(&capture)?.groups;
        match looked {
            Err(failure) if matches!(failure.code, Code::Gone | Code::Legal) => {
                if row.gone.is_none() {
                    self.tell_origin_in(&groups, video.clone(), true).await?;
                }
                Ok(())
            }
            Ok(()) if row.gone.is_some() => self.tell_origin_in(&groups, video.clone(), false).await,
            done => done,
        }
    }

    async fn look_at(&self, row: &VideoRow, capture: Cid, job: &JobRow) -> Result<(), Failure> {
        let text = job.key.text();
        self.live.progress(&text, 0.0, "asks the site what is new");
        let (making, _) = self.capture_id(job);
        // What a better form was begun of goes on.
        if self.store.get(&CAPTURES, &making.to_bytes()).map_err(disk)?.is_some() {
            return self.capture(&row.id, job).await;
        }
        let (dir, journal) = self.open_folder(&making)?;
        let words = dir.join("look");
        std::fs::create_dir_all(&words).map_err(disk)?;
        let wanted = self.quality(&row.id)?;
        let quality = Quality { media: false, max_bytes: None, since: None, ..wanted };
        let fetched = match self.ingest.fetch(&row.url, &words, quality, |_| Ok(()), |_| Ok(())).await? {
            Brought::Files(fetched) => *fetched,
            Brought::Parts(_) => return Ok(()),
        };
        let manifest = self.last_manifest(&self.capture_row(&capture)?).await?;
        let info = fetched.info.as_ref().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        let (meta, _) = read_info(&info);
        let offered: Value = serde_json::from_slice(&info).unwrap_or_default();
        if wanted.media && is_better(&manifest, &meta, &offered) {
            tracing::info!(video = %row.id, "is offered in a better form than was archived");
            return self.capture(&row.id, job).await;
        }
        let mut texts = Vec::new();
        for text in fetched.texts.iter().filter(|(lang, ..)| DANMAKU.contains(&lang.as_str())) {
            let chunks = chunks_of(&text.2).map_err(disk)?;
            let known = |file: &File| file.chunks.iter().map(|chunk| chunk.cid).eq(chunks.iter().copied());
            if !manifest.all_danmaku().any(|(_, track)| known(&track.file)) {
                texts.push(text);
            }
        }
        let news = !texts.is_empty() || says_more(&manifest.meta, &meta);
        if !news || manifest.looks.len() >= limits::LOOKS {
            return Ok(());
        }
        self.live.progress(&text, 0.8, "keeps what is new");
        let look = self.keep_look(fetched.info.as_deref(), &texts, &journal).await?;
        self.live.progress(&text, 0.9, "publishes");
        self.publish_look(look, meta, &capture, &journal, job).await
    }

    async fn keep_look(
        &self,
        info: Option<&Path>,
        texts: &[&(String, String, PathBuf)],
        journal: &Journal,
    ) -> Result<Look, Failure> {
        let mut look = Look { at: clock::now(), info: None, danmaku: Vec::new() };
        if let Some(path) = info {
            look.info = Some(self.keep_file(path, journal).await?);
        }
        for (lang, format, path) in texts {
            look.danmaku.push(self.keep_text(lang, format, path, journal).await?);
        }
        Ok(look)
    }
}

/// The addresses of the blobs that a file would become.
fn chunks_of(path: &Path) -> std::io::Result<Vec<Cid>> {
    let bytes = std::fs::read(path)?;
    Ok(bytes.chunks(limits::CHUNK_BYTES).map(|chunk| Cid::of(Codec::Raw, chunk)).collect())
}

/// Whether the site offers more than was archived: a taller picture, another length, or more than words.
fn is_better(manifest: &Manifest, meta: &Meta, offered: &Value) -> bool {
    if manifest.renditions.is_empty() {
        return true;
    }
    let side = |object: &Value| Some((object["width"].as_u64()?, object["height"].as_u64()?));
    let offered = side(offered).map(|(width, height)| width.min(height));
    let pictures = manifest.renditions.iter().filter(|rendition| rendition.kind == MediaKind::Video);
    let archived = pictures.map(|rendition| u64::from(rendition.width.min(rendition.height))).max();
    let taller = offered.zip(archived).is_some_and(|(offered, archived)| offered > archived + 8);
    let (now, then) = (meta.duration_ms, manifest.meta.duration_ms);
    let other = now > 0 && then > 0 && now.abs_diff(then) > SAME_MS.max(then / 100);
    taller || other
}

/// Whether words changed that people read.
fn says_more(before: &Meta, now: &Meta) -> bool {
    let name = |meta: &Meta| meta.creator.as_ref().map(|creator| creator.name.clone());
    before.title != now.title
        || before.description != now.description
        || before.tags != now.tags
        || name(before) != name(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_come_when_a_capture_is_twice_as_old_and_twice_a_year_later() {
        let fetched = Timestamp(1_000_000);
        let mut days = Vec::new();
        let mut now = fetched;
        for _ in 0..10 {
            now = next_look(fetched, now);
            days.push(now.ms_since(fetched) / DAY_MS);
        }
        assert_eq!(days, [1, 2, 4, 8, 16, 32, 64, 128, 256, 438]);
    }

    #[test]
    fn words_that_people_read_are_news_and_counters_are_not() {
        let meta = Meta { title: "a".to_owned(), duration_ms: 5_000, ..Meta::default() };
        assert!(!says_more(&meta, &Meta { duration_ms: 5_001, ..meta.clone() }));
        assert!(says_more(&meta, &Meta { title: "b".to_owned(), ..meta.clone() }));
        assert!(says_more(&meta, &Meta { tags: vec!["x".to_owned()], ..meta.clone() }));
    }
}
