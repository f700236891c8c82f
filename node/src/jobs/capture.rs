//! Captures a video: download, first renditions, originals into blobs, manifest.
//!
//! Each stage leaves something that a restart builds on: the download its files, a rendition its row.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use futures::future::try_join_all;
use horahora_protocol::{
    Cid, Codec, VideoId, codec,
    entry::CaptureStart,
    limits,
    manifest::{Blob, File, Manifest, TextTrack},
    request::Options,
    summary::Summary,
};
use tokio::{
    io::AsyncReadExt,
    sync::{Notify, oneshot},
};

use super::{
    Inner, disk, sources,
    sources::{Probed, Sources},
};
use crate::{
    blobs::journal::Journal,
    catalogue::describe,
    clock,
    ingest::{Brought, Downloaded, Failure, Fetched, Quality, read_info},
    media::{
        ladder::{Plan, Rung},
        pictures,
    },
    requests,
    store::{
        Batch,
        rows::{CAPTURES, CaptureRow, Code, JobRow, VIDEOS, VideoRow},
    },
    tools::Toolset,
};

/// Share of the bar that each stage takes.
const DOWNLOAD: f64 = 0.7;
const PACKAGE: f64 = 0.25;
/// Names under which danmaku come among the subtitles. `danmaku_segments` are those of `danmaku` as Bilibili sent them:
/// kept, and never drawn.
pub(super) const DANMAKU: [&str; 4] = ["comments", "danmaku", "danmaku_segments", "live_chat"];
/// Largest info.json that is read for its words; larger ones are kept all the same.
const INFO_READ: u64 = 256 << 20;

impl Inner {
    /// The capture that a job makes: the same one every time that the job runs.
    pub(super) fn capture_id(&self, job: &JobRow) -> (Cid, Vec<u8>) {
        let video = job.video.clone().unwrap_or_else(|| VideoId::generic(&job.url));
        codec::block(&CaptureStart { v: 1, node: self.key.node_id(), video, at: job.created })
    }

    pub(super) async fn capture(&self, video: &VideoId, job: &JobRow) -> Result<(), Failure> {
        let tools = self.tools.ready().await;
        let (capture, start) = self.capture_id(job);
        let (dir, journal) = self.open_folder(&capture)?;
        let text = job.key.text();

        let fetched = self.download(video, job, &dir).await?;
        // What ffmpeg reads and what is kept is the same file: read at once, it is read from the disk once.
        let (is_media, told) = oneshot::channel();
        let package = self.package((video, capture), &tools, &fetched, &journal, job, is_media);
        let keep = async {
            // Of what is no media nothing is kept; who looks says why.
            if told.await.is_err() {
                std::future::pending::<()>().await;
            }
            self.keep_files(&fetched.media, &journal).await
        };
        let ((mut draft, plan), original) = tokio::try_join!(package, keep)?;
        draft.original = original;
        self.live.progress(&text, 0.98, "publishes");
        self.blobs.put(Codec::DagCbor, start.into(), Some(&journal)).await.map_err(disk)?;
        self.publish_first(draft, &plan, &journal, job).await
    }

    /// Looks what was fetched and makes what can be watched at once. Gives the draft of the manifest, and the plan.
    async fn package(
        &self,
        (video, capture): (&VideoId, Cid),
        tools: &Toolset,
        fetched: &Fetched,
        journal: &Journal,
        job: &JobRow,
        is_media: oneshot::Sender<()>,
    ) -> Result<(Manifest, Plan), Failure> {
        // Of some only what the site says is wanted.
        let known = || {
            // Nobody waiting is fine.
            let _ = is_media.send(());
        };
        let probed = Probed::look(tools, &fetched.media, known).await?;
        let begun = Notify::new();
        let (thumbnail, frame) = (fetched.thumbnail.as_deref(), probed.picture());
        let poster = async {
            let Some(jpeg) = pictures::poster(tools, thumbnail, frame).await else { return Ok(None) };
            let poster = self.keep_bytes("poster.jpg", "image/jpeg", jpeg, journal).await?;
            begun.notified().await;
            self.note_poster(&capture, &poster)?;
            Ok(Some(poster))
        };
        let make = async {
            let sources = probed.plan(self.av1);
            let mut draft = new_draft(&self.video(video)?, capture, fetched);
            if draft.chapters.is_empty() {
                draft.chapters = sources.chapters();
            }
            if draft.meta.duration_ms == 0 {
                draft.meta.duration_ms = (sources.duration * 1000.0) as u64;
            }
            draft.tools.clone_from(&tools.versions);
            self.keep_small_files(fetched, &mut draft, journal).await?;
            let draft = self.begin(draft)?;
            let groups = self.catalogue.groups_of(&capture).map_err(disk)?;
            self.growing.begin(&draft, &groups);
            begun.notify_one();
            self.make_first(tools, capture, journal, &sources, &job.key.text()).await?;
            Ok((draft, sources.plan))
        };
        let (poster, (mut draft, plan)) = tokio::try_join!(poster, make)?;
        draft.poster = poster;
        Ok((draft, plan))
    }

    /// Makes the renditions that can be watched at once, all at the same time: those that are copied take no time, and of
    /// those that are encoded one is a picture.
    async fn make_first(
        &self,
        tools: &Toolset,
        capture: Cid,
        journal: &Journal,
        sources: &Sources,
        job: &str,
    ) -> Result<(), Failure> {
        let rungs = &sources.plan.first;
        let made = Mutex::new(vec![0.0; rungs.len()]);
        let make = async |(index, rung): (usize, &Rung)| {
            let report = |done: f64| {
                let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
                made[index] = done;
                let done = made.iter().sum::<f64>() / rungs.len() as f64;
                let fraction = DOWNLOAD + PACKAGE * done;
                self.live.progress(job, fraction, &format!("packages it, {:.0} %", done * 100.0));
                self.growing.progress(&capture, fraction);
            };
            self.make(tools, capture, journal, sources, rung, report).await.map(|_| ())
        };
        try_join_all(rungs.iter().enumerate().map(make)).await?;
        self.live.progress(job, DOWNLOAD + PACKAGE, "keeps the original files");
        Ok(())
    }

    /// A video in the making shows its poster as soon as there is one.
    fn note_poster(&self, capture: &Cid, poster: &File) -> Result<(), Failure> {
        let _changing = self.store.changing();
        let row: Option<CaptureRow> = self.store.get(&CAPTURES, &capture.to_bytes()).map_err(disk)?;
        let Some(mut row) = row else { return Ok(()) };
        let Some(draft) = &mut row.draft else { return Ok(()) };
        draft.poster = Some(poster.clone());
        self.growing.poster(draft);
        let mut video = self.video(&row.video)?;
        let mut batch = Batch::default();
        if video.manifest.is_none() {
            describe(&self.store, &mut video, &Summary::of(draft), &mut batch).map_err(disk)?;
            batch.put(&VIDEOS, video.id.as_str().as_bytes(), &video);
        }
        batch.put(&CAPTURES, &capture.to_bytes(), &row);
        self.store.write(batch).map_err(disk)?;
        self.tell_video(&video);
        Ok(())
    }

    async fn keep_files(&self, paths: &[PathBuf], journal: &Journal) -> Result<Vec<File>, Failure> {
        let mut kept = Vec::new();
        for path in paths {
            kept.push(self.keep_file(path, journal).await?);
        }
        Ok(kept)
    }

    async fn download(&self, video: &VideoId, job: &JobRow, dir: &Path) -> Result<Fetched, Failure> {
        if let Some(fetched) = sources::load_fetched(dir) {
            return Ok(fetched);
        }
        if requests::is_local(&job.url) {
            return self.imported(video, dir);
        }
        let text = job.key.text();
        self.live.progress(&text, 0.0, "asks the site");
        let quality = self.quality(video)?;
        let report = |at: Downloaded| {
            let size = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
            let doing = match at.total {
                Some(total) => format!("downloads, {} of {} MB", size(at.bytes), size(total)),
                None => format!("downloads, {} MB", size(at.bytes)),
            };
            self.live.progress(&text, DOWNLOAD * at.fraction, &doing);
            if quality.max_bytes.is_some_and(|most| at.bytes.max(at.total.unwrap_or(0)) > most) {
                return Err(Failure::new(
                    Code::Unwanted,
                    "Its request leaves it out: it is larger than wanted.",
                ));
            }
            self.has_room(at.total.map_or(0, |total| total.saturating_sub(at.bytes)))
        };
        let known = |names: &[VideoId]| self.refuse_known(video, names);
        let fetched = match self.ingest.fetch(&job.url, dir, quality, known, report).await? {
            Brought::Files(fetched) => *fetched,
            Brought::Parts(parts) => return Err(self.note_parts(video, parts).await?),
        };
        sources::save_fetched(dir, &fetched)?;
        Ok(fetched)
    }

    /// The best that any of its requests wants.
    pub(super) fn quality(&self, video: &VideoId) -> Result<Quality, Failure> {
        let mut wanted: Option<Quality> = None;
        for request in self.video(video)?.requests {
            let Some((_, row)) = requests::find(&self.store, &request).map_err(disk)? else { continue };
            let Options { max_height, max_bytes, comments, since, media, .. } = requests::options_of(&row);
            let one = Quality { max_height, max_bytes, comments, since, media };
            wanted = Some(wanted.map_or(one, |known| known.or(one)));
        }
        Ok(wanted.unwrap_or(Quality::ANY))
    }

    /// A video that its groups have under another of its names is not downloaded again.
    fn refuse_known(&self, video: &VideoId, names: &[VideoId]) -> Result<(), Failure> {
        let wanted = self.video(video)?.groups;
        for name in names.iter().filter(|name| *name != video) {
            let Some(other) = self.catalogue.video(name).map_err(disk)? else { continue };
            if self.catalogue.has_in_all(&other, &wanted).map_err(disk)? {
                let reason = format!("It is the same video as {name}, which is archived already.");
                return Err(Failure::new(Code::Duplicate, reason));
            }
        }
        Ok(())
    }

    /// Writes down that this capture is in the making, and what the site says about the video. What an
    /// earlier run made of it stays.
    pub(super) fn begin(&self, mut draft: Manifest) -> Result<Manifest, Failure> {
        let capture = draft.capture;
        let _changing = self.store.changing();
        let known: Option<CaptureRow> = self.store.get(&CAPTURES, &capture.to_bytes()).map_err(disk)?;
        let mut row = known.unwrap_or(CaptureRow {
            video: draft.video.clone(),
            started: clock::now(),
            draft: None,
            rungs: Vec::new(),
            revisions: Vec::new(),
            by: None,
            groups: Vec::new(),
            disputed: false,
        });
        if let Some(earlier) = row.draft.take() {
            draft.renditions = earlier.renditions;
        }
        row.draft = Some(draft.clone());
        let mut video = self.video(&draft.video)?;
        row.groups.clone_from(&video.groups);
        // One that is there is shown until this one is, too, and is better.
        let mut batch = Batch::default();
        if video.manifest.is_none() {
            describe(&self.store, &mut video, &Summary::of(&draft), &mut batch).map_err(disk)?;
            video.capture = Some(capture);
        }
        batch.put(&CAPTURES, &capture.to_bytes(), &row);
        batch.put(&VIDEOS, video.id.as_str().as_bytes(), &video);
        self.store.write(batch).map_err(disk)?;
        self.tell_video(&video);
        Ok(draft)
    }

    /// What a page shows beside the player, before the large files.
    async fn keep_small_files(
        &self,
        fetched: &Fetched,
        draft: &mut Manifest,
        journal: &Journal,
    ) -> Result<(), Failure> {
        if let Some(path) = &fetched.info {
            draft.info = Some(self.keep_file(path, journal).await?);
        }
        if let Some(path) = &fetched.thumbnail {
            draft.thumbnail = Some(self.keep_file(path, journal).await?);
        }
        for (lang, format, path) in &fetched.texts {
            let track = self.keep_text(lang, format, path, journal).await?;
            if DANMAKU.contains(&lang.as_str()) {
                draft.danmaku.push(track);
            } else {
                draft.subtitles.push(track);
            }
        }
        Ok(())
    }

    pub(super) async fn keep_text(
        &self,
        lang: &str,
        format: &str,
        path: &Path,
        journal: &Journal,
    ) -> Result<TextTrack, Failure> {
        let file = self.keep_file(path, journal).await?;
        Ok(TextTrack { lang: lang.to_owned(), format: format.to_owned(), file })
    }

    /// Cuts a file into chunks and keeps them.
    pub(super) async fn keep_file(&self, path: &Path, journal: &Journal) -> Result<File, Failure> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file").to_owned();
        let mut file = tokio::fs::File::open(path).await.map_err(disk)?;
        let (mut chunks, mut bytes) = (Vec::new(), 0);
        loop {
            let mut chunk = Vec::with_capacity(limits::CHUNK_BYTES);
            (&mut file).take(limits::CHUNK_BYTES as u64).read_to_end(&mut chunk).await.map_err(disk)?;
            if chunk.is_empty() {
                return Ok(File { media_type: media_type(&name).to_owned(), name, bytes, chunks });
            }
            let size = chunk.len() as u64;
            let cid = self.blobs.put(Codec::Raw, chunk.into(), Some(journal)).await.map_err(disk)?;
            chunks.push(Blob { cid, bytes: size });
            bytes += size;
        }
    }
}

/// What is known of a capture before anything is made of it.
fn new_draft(video: &VideoRow, capture: Cid, fetched: &Fetched) -> Manifest {
    let info = fetched.info.as_ref().filter(|path| path.metadata().is_ok_and(|m| m.len() < INFO_READ));
    let info = info.and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
    let (mut meta, chapters) = read_info(&info);
    if meta.title.is_empty() {
        meta.title.clone_from(&video.title);
    }
    Manifest {
        v: 1,
        capture,
        previous: None,
        video: video.id.clone(),
        source_url: video.url.clone(),
        fetched_at: clock::now(),
        tools: std::collections::BTreeMap::new(),
        meta,
        original: Vec::new(),
        info: None,
        thumbnail: None,
        poster: None,
        subtitles: Vec::new(),
        danmaku: Vec::new(),
        renditions: Vec::new(),
        adopted: None,
        chapters,
        storyboard: None,
        looks: Vec::new(),
    }
}

/// Media type by the file's name; what is not known is bytes.
#[must_use]
pub fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "mp4" | "m4v" => "video/mp4",
        "m4a" => "audio/mp4",
        "webm" => "video/webm",
        "mkv" => "video/x-matroska",
        "flv" => "video/x-flv",
        "mp3" => "audio/mpeg",
        "opus" | "ogg" => "audio/ogg",
        "json" => "application/json",
        "vtt" => "text/vtt",
        "srt" => "application/x-subrip",
        "xml" => "application/xml",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        _ => "application/octet-stream",
    }
}
