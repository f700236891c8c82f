//! The folder of a capture in the making, the files in it, and what is in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use futures::future::{join_all, try_join_all};
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
        ladder::{How, Plan, Rung, plan},
        pictures::Frame,
        probe::{Light, Packets, Probe, TextStream, Timing, VideoStream, probe},
    },
    store::rows::{CAPTURES, Code, JobKey, JobRow, OPEN_JOBS, State},
    tools::Toolset,
};

/// Name of the journal in a capture's folder.
pub(super) const JOURNAL: &str = "blobs.log";
/// Sounds of which a copy by an MP4 file's header alone is the same bytes as one after a look into its packets.
const DESCRIBED: [&str; 2] = ["aac", "opus"];
const FETCHED: &str = "fetched.json";

/// Picture and sound of a source, which may be in one file or in two.
#[derive(Debug, Default)]
pub(super) struct Probed {
    video: Option<(PathBuf, Probe)>,
    audio: Option<(PathBuf, Probe)>,
    /// When the frames of the picture are.
    timing: Timing,
}

/// A source, and what is made of it.
#[derive(Debug, Default)]
pub(super) struct Sources {
    probed: Probed,
    /// What is made of it.
    pub(super) plan: Plan,
    /// Length in seconds.
    pub(super) duration: f64,
}

impl Probed {
    /// What is in these files, and when the frames of the picture are. Says as soon as it is `known` that they are media.
    pub(super) async fn look(
        tools: &Toolset,
        files: &[PathBuf],
        known: impl FnOnce(),
    ) -> Result<Self, Failure> {
        let probes = async {
            let found = try_join_all(files.iter().map(|file| probe(tools, file))).await?;
            known();
            Ok(found)
        };
        // What is no media is told by what it lacks, not by what its packets lack.
        let packets = async { Ok(join_all(files.iter().map(|file| Packets::of_file(tools, file))).await) };
        let (found, packets) = tokio::try_join!(probes, packets)?;
        let mut probed = Self::default();
        for ((file, found), packets) in files.iter().zip(found).zip(packets) {
            if probed.video.is_none() && found.video.is_some() {
                probed.timing = packets?.timing(tools, file, &found).await?;
                probed.video = Some((file.clone(), found.clone()));
            }
            if probed.audio.is_none() && !found.audio.is_empty() {
                probed.audio = Some((file.clone(), found));
            }
        }
        Ok(probed)
    }

    /// Plans what is made of them.
    pub(super) fn plan(self, av1: bool) -> Sources {
        let Self { video, audio, timing } = &self;
        let both = Probe {
            video: video.as_ref().and_then(|(_, probe)| probe.video.clone()),
            audio: audio.as_ref().map_or_else(Vec::new, |(_, probe)| probe.audio.clone()),
            duration: video.as_ref().or(audio.as_ref()).map_or(0.0, |(_, probe)| probe.duration),
            ..Probe::default()
        };
        Sources { plan: plan(&both, timing, av1), duration: both.duration, probed: self }
    }

    /// What a poster is taken from: a picture of the video, or the cover of its sound.
    pub(super) fn picture(&self) -> Option<Frame> {
        let light = |probe: &Probe| probe.video.as_ref().map_or(Light::Standard, |video| video.light);
        let video = self.video.as_ref().map(|(file, probe)| {
            // Whatever it begins with is not what it is about.
            let later = self.timing.richest_key((probe.duration / 10.0).min(30.0));
            let at = later.or_else(|| self.timing.richest_key(0.0));
            Frame { file: file.clone(), at, light: light(probe) }
        });
        let cover = self.audio.as_ref().filter(|(_, probe)| probe.cover);
        video
            .or_else(|| cover.map(|(file, _)| Frame { file: file.clone(), at: None, light: Light::Standard }))
    }
}

impl Sources {
    /// What is in these files, and what is to be made of it.
    pub(super) async fn look(tools: &Toolset, files: &[PathBuf], av1: bool) -> Result<Self, Failure> {
        Ok(Probed::look(tools, files, || ()).await?.plan(av1))
    }

    /// When the frames of the picture are.
    pub(super) fn timing(&self) -> &Timing {
        &self.probed.timing
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
        let (source, frame_rate, start, duration, described) = match rung.kind {
            MediaKind::Video => self.probed.video.as_ref().and_then(|(file, probe)| {
                let video = probe.video.as_ref()?;
                let length = if video.duration > 0.0 { video.duration } else { probe.duration };
                Some((file, video.frame_rate, probe.start, length, false))
            }),
            // Containers that do not tell the length of their sound may end with silence.
            MediaKind::Audio => self.probed.audio.as_ref().and_then(|(file, probe)| {
                let audio = probe.audio.iter().find(|audio| audio.index == rung.stream)?;
                // Of these the header of an MP4 file says what a copy's says; of FLAC it does not.
                let described =
                    matches!(rung.how, How::Copy { .. }) && DESCRIBED.contains(&audio.codec.as_str());
                Some((file, (0, 1), probe.start, audio.duration, described))
            }),
        }
        .ok_or_else(|| Failure::new(Code::ToolBroken, "The plan names a stream that is not there."))?;
        Ok(Job { source, rung, frame_rate, start, duration, described })
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
