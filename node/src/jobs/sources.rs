//! The folder of a capture in the making, the files in it, and what is in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use futures::future::try_join_all;
use horahora_protocol::{
    Cid,
    manifest::{Chapter, File, MediaKind},
};

use super::{Inner, disk};
use crate::{
    blobs::journal::Journal,
    ingest::{Failure, Fetched},
    media::{
        encode::Job,
        ladder::{Plan, Rung, plan},
        probe::{Light, Probe, TextStream, Timing, VideoStream, probe, timing},
    },
    store::rows::{CAPTURES, Code, JobKey, JobRow, OPEN_JOBS, State},
    tools::Toolset,
};

/// Name of the journal in a capture's folder.
pub(super) const JOURNAL: &str = "blobs.log";
const FETCHED: &str = "fetched.json";

/// Picture and sound of a source, which may be in one file or in two.
#[derive(Debug, Default)]
pub(super) struct Probed {
    video: Option<(PathBuf, Probe)>,
    audio: Option<(PathBuf, Probe)>,
}

/// A source, and what is made of it.
#[derive(Debug, Default)]
pub(super) struct Sources {
    probed: Probed,
    /// What is made of it.
    pub(super) plan: Plan,
    /// When its frames are.
    pub(super) timing: Timing,
    /// Length in seconds.
    pub(super) duration: f64,
}

impl Probed {
    /// What is in these files.
    pub(super) async fn look(tools: &Toolset, files: &[PathBuf]) -> Result<Self, Failure> {
        let found = try_join_all(files.iter().map(|file| probe(tools, file))).await?;
        let mut probed = Self::default();
        for (file, found) in files.iter().zip(found) {
            if probed.video.is_none() && found.video.is_some() {
                probed.video = Some((file.clone(), found.clone()));
            }
            if probed.audio.is_none() && !found.audio.is_empty() {
                probed.audio = Some((file.clone(), found));
            }
        }
        Ok(probed)
    }

    /// Looks when the frames are, and plans.
    pub(super) async fn plan(self, tools: &Toolset, av1: bool) -> Result<Sources, Failure> {
        let Self { video, audio } = &self;
        let both = Probe {
            video: video.as_ref().and_then(|(_, probe)| probe.video.clone()),
            audio: audio.as_ref().map_or_else(Vec::new, |(_, probe)| probe.audio.clone()),
            duration: video.as_ref().or(audio.as_ref()).map_or(0.0, |(_, probe)| probe.duration),
            ..Probe::default()
        };
        let timing = match (video, &both.video) {
            (Some((file, probe)), Some(picture)) => timing(tools, file, picture.index, probe.start).await?,
            _ => Timing::default(),
        };
        Ok(Sources { plan: plan(&both, &timing, av1), timing, duration: both.duration, probed: self })
    }

    /// The file with the picture, or with the cover of its sound, how long that picture is, and how bright.
    pub(super) fn picture(&self) -> Option<Frame> {
        let light = |probe: &Probe| probe.video.as_ref().map_or(Light::Standard, |video| video.light);
        let video = self.video.as_ref().map(|(file, probe)| (file.clone(), probe.duration, light(probe)));
        let cover = self.audio.as_ref().filter(|(_, probe)| probe.cover);
        video.or_else(|| cover.map(|(file, _)| (file.clone(), 0.0, Light::Standard)))
    }
}

/// Where a poster can be taken from.
pub(super) type Frame = (PathBuf, f64, Light);

impl Sources {
    /// What is in these files, and what is to be made of it.
    pub(super) async fn look(tools: &Toolset, files: &[PathBuf], av1: bool) -> Result<Self, Failure> {
        Probed::look(tools, files).await?.plan(tools, av1).await
    }

    /// The picture and its file.
    pub(super) fn video_stream(&self) -> Option<(&Path, &VideoStream)> {
        self.probed.video.as_ref().and_then(|(file, probe)| Some((file.as_path(), probe.video.as_ref()?)))
    }

    /// The sounds that are made of it.
    pub(super) fn sounds(&self) -> impl Iterator<Item = &Rung> {
        self.plan.all().filter(|rung| rung.kind == MediaKind::Audio)
    }

    fn both(&self) -> impl Iterator<Item = &(PathBuf, Probe)> {
        self.probed.video.iter().chain(&self.probed.audio)
    }

    /// The first file with subtitles, and which it has.
    pub(super) fn texts(&self) -> Option<(&Path, &[TextStream])> {
        let (file, probe) = self.both().find(|(_, probe)| !probe.texts.is_empty())?;
        Some((file, &probe.texts))
    }

    /// Chapters of the first file that has some.
    pub(super) fn chapters(&self) -> Vec<Chapter> {
        let (_, probe) =
            self.both().find(|(_, probe)| !probe.chapters.is_empty()).cloned().unwrap_or_default();
        probe.chapters
    }

    pub(super) fn encode_job<'a>(&'a self, rung: &'a Rung) -> Result<Job<'a>, Failure> {
        let (source, frame_rate, start, duration) = match rung.kind {
            MediaKind::Video => self.probed.video.as_ref().and_then(|(file, probe)| {
                let video = probe.video.as_ref()?;
                let length = if video.duration > 0.0 { video.duration } else { probe.duration };
                Some((file, video.frame_rate, probe.start, length))
            }),
            // Containers that do not tell the length of their sound may end with silence.
            MediaKind::Audio => self.probed.audio.as_ref().and_then(|(file, probe)| {
                let audio = probe.audio.iter().find(|audio| audio.index == rung.stream)?;
                Some((file, (0, 1), probe.start, audio.duration))
            }),
        }
        .ok_or_else(|| Failure::new(Code::ToolBroken, "The plan names a stream that is not there."))?;
        Ok(Job { source, rung, frame_rate, start, duration })
    }
}

impl Inner {
    pub(super) fn folder(&self, capture: &Cid) -> PathBuf {
        let name: String = capture.hash()[..12].iter().map(|byte| format!("{byte:02x}")).collect();
        self.dir.join(name)
    }

    pub(super) fn open_folder(&self, capture: &Cid) -> Result<(PathBuf, Journal), Failure> {
        let dir = self.folder(capture);
        fs::create_dir_all(&dir).map_err(disk)?;
        let journal = Journal::open(&dir.join(JOURNAL)).map_err(disk)?;
        Ok((dir, journal))
    }

    /// The originals of a captured video as files, put together from their chunks unless still there.
    pub(super) async fn restore_originals(
        &self,
        dir: &Path,
        files: &[File],
    ) -> Result<Vec<PathBuf>, Failure> {
        // Two jobs of one capture want the same files.
        let _one = self.restoring.lock().await;
        let mut paths = Vec::new();
        for file in files {
            let path = dir.join(&file.name);
            let whole = |path: &Path| fs::metadata(path).is_ok_and(|found| found.len() == file.bytes);
            if !whole(&path) {
                let temporary = dir.join(format!("{}.part-restored", file.name));
                let mut out = tokio::fs::File::create(&temporary).await.map_err(disk)?;
                for chunk in &file.chunks {
                    let bytes = self.blobs.read_verified(chunk.cid).await.map_err(disk)?;
                    tokio::io::AsyncWriteExt::write_all(&mut out, &bytes).await.map_err(disk)?;
                }
                tokio::io::AsyncWriteExt::flush(&mut out).await.map_err(disk)?;
                fs::rename(&temporary, &path).map_err(disk)?;
            }
            paths.push(path);
        }
        Ok(paths)
    }

    /// Removes the folder of a job's capture once nothing of it is left to do. After a failure the journal
    /// stays, for the sweep at the next start.
    pub(super) fn close_folder(&self, job: &JobRow) {
        let capture = match &job.key {
            JobKey::List { .. } | JobKey::Keep { .. } => return,
            JobKey::Capture { .. } | JobKey::Look { .. } => self.capture_id(job).0,
            JobKey::Rendition { capture, .. } => *capture,
        };
        let Ok(others) = self.is_others(&capture) else { return };
        let Ok(open) =
            (if others { Ok(self.is_taken(&capture, job)) } else { self.has_open_jobs(&capture, job) })
        else {
            return;
        };
        let dir = self.folder(&capture);
        if open || !dir.exists() {
            return;
        }
        let published = self.store.get(&CAPTURES, &capture.to_bytes()).ok().flatten();
        // What a look kept is linked, or nothing was kept.
        let looked = matches!(job.key, JobKey::Look { .. }) && job.state == State::Done;
        let removed = if looked
            || published.is_some_and(|row| !row.revisions.is_empty() && (!others || job.state == State::Done))
        {
            fs::remove_dir_all(&dir)
        } else {
            clear_but_journal(&dir)
        };
        if let Err(error) = removed {
            tracing::warn!(dir = %dir.display(), "the folder cannot be removed: {error}");
        }
    }

    /// Whether this node makes another rendition of a capture now.
    fn is_taken(&self, capture: &Cid, job: &JobRow) -> bool {
        let (prefix, own) = (format!("rendition/{capture}/"), job.key.text());
        self.taken().iter().any(|name| name.starts_with(&prefix) && *name != own)
    }

    pub(super) fn has_open_jobs(
        &self,
        capture: &Cid,
        job: &JobRow,
    ) -> Result<bool, crate::store::StoreError> {
        let open = self.store.scan(&OPEN_JOBS, b"", None, usize::MAX)?;
        Ok(open.into_iter().any(|(_, key)| match &key {
            JobKey::Rendition { capture: of, .. } => of == capture,
            JobKey::Capture { video } => Some(video) == job.video.as_ref(),
            JobKey::List { .. } | JobKey::Keep { .. } | JobKey::Look { .. } => false,
        }))
    }
}

fn clear_but_journal(dir: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if entry.file_name() != JOURNAL {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// What an earlier run downloaded completely.
pub(super) fn load_fetched(dir: &Path) -> Option<Fetched> {
    let fetched: Fetched = serde_json::from_slice(&fs::read(dir.join(FETCHED)).ok()?).ok()?;
    fetched.media.iter().all(|path| path.is_file()).then_some(fetched)
}

/// Notes that the download is complete.
pub(super) fn save_fetched(dir: &Path, fetched: &Fetched) -> Result<(), Failure> {
    let temporary = dir.join("fetched.new");
    let json = serde_json::to_vec(fetched).map_err(disk)?;
    fs::write(&temporary, json).and_then(|()| fs::rename(&temporary, dir.join(FETCHED))).map_err(disk)
}
