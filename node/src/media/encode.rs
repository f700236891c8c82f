//! Makes one rendition: one ffmpeg, whose fragmented MP4 leaves by its standard output and is cut, hashed and
//! kept as it arrives. Progress comes by the other pipe.

use std::{path::Path, time::Duration};

use horahora_protocol::{
    Cid, Codec,
    manifest::{Blob, MediaKind, Recipe, Rendition, Segment},
};
use tokio::io::AsyncReadExt;

use super::{
    CONTAINERS, codec, confinement, guarded,
    hardware::Hardware,
    ladder::{How, Rung},
    probe::{HEADER_ALONE, has_streams_in_header},
    split::{Piece, Splitter},
};
use crate::{
    blobs::{BlobError, Blobs, journal::Journal},
    ingest::Failure,
    process::{Invocation, ProcessError, tail},
    store::rows::Code,
    tools::Toolset,
};

/// Overall limit: encoding at a fifth of the playing speed.
const SLOWEST: f64 = 5.0;
const SHORTEST_LIMIT: f64 = 600.0;
/// Overall limit where the source does not tell its length.
const UNKNOWN_LIMIT: f64 = 12.0 * 3600.0;
const READ_BYTES: usize = 1 << 18;
/// Packets that may wait between two threads of ffmpeg: with the usual 8 a copy spends half of its time on waking them.
const WAITING_PACKETS: &str = "64";

/// What happened while a rendition is made.
#[derive(Debug)]
pub enum Step<'a> {
    /// The init segment is kept: the rendition with an empty list.
    Begun(&'a Rendition),
    /// One more segment is kept.
    Grown(u32, Segment),
    /// Seconds of the source that are done.
    At(f64),
}

/// What to make of what.
#[derive(Debug)]
pub struct Job<'a> {
    /// The source file.
    pub source: &'a Path,
    /// The rendition to make.
    pub rung: &'a Rung,
    /// Frames a second of the source, for a picture that keeps them.
    pub frame_rate: (u32, u32),
    /// Time at which the source begins, in seconds: there the result is at 0.
    pub start: f64,
    /// Length that the result should have, in seconds; 0 when unknown.
    pub duration: f64,
    /// Whether a copy is the same without looking into the packets first.
    pub described: bool,
}

/// Makes a rendition, telling every step.
///
/// # Errors
/// [`Code::Damaged`] when ffmpeg can read nothing of the source, [`Code::LocalIo`] when the disk fails,
/// [`Code::ToolBroken`] when ffmpeg does not run.
pub async fn encode(
    tools: &Toolset,
    blobs: &Blobs,
    journal: &Journal,
    job: &Job<'_>,
    mut told: impl FnMut(Step<'_>) -> Result<(), Failure> + Send,
) -> Result<Rendition, Failure> {
    let (args, hardware) = (job.rung.output_args(), job.rung.hardware());
    let mut running = Invocation::new(&tools.ffmpeg)
        .args(["-nostdin", "-v", "error", "-progress", "pipe:2", "-stats_period", "0.5"])
        .args(hardware.map_or_else(Vec::new, Hardware::before_input))
        .args(guarded(CONTAINERS))
        .args((job.described && has_streams_in_header(job.source).await).then_some(HEADER_ALONE))
        // Half of a frame, where a file is cut off, would make a player give up.
        .args(["-fflags", "+bitexact+discardcorrupt", "-i"])
        .args([job.source])
        .args(["-thread_queue_size", WAITING_PACKETS])
        .args(&args)
        .args(["pipe:1"])
        // SVT-AV1 speaks of itself as others do of errors.
        .env("SVT_LOG", "1")
        .confined(match hardware {
            Some(_) => Hardware::confinement(tools, job.source),
            None => confinement(tools, job.source),
        })
        .start()
        .map_err(broken)?;
    let (mut stdout, stderr) = running.pipes();
    let (position, mut positions) = tokio::sync::watch::channel(0.0);
    let mut growing =
        Growing { recipe: recipe(tools, &args), job, rendition: None, cut: Splitter::default() };
    let read = async {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            tokio::select! {
                count = stdout.read(&mut buffer) => match count.map_err(|error| broken(error.into()))? {
                    0 => return Ok(()),
                    count => growing.take(&buffer[..count], blobs, journal, &mut told).await?,
                },
                Ok(()) = positions.changed() => {
                    let at = *positions.borrow_and_update();
                    told(Step::At(at))?;
                }
            }
        }
    };
    let complaints = tail(stderr, |line| progress_line(line, &position));
    let seconds =
        if job.duration > 0.0 { (job.duration * SLOWEST).max(SHORTEST_LIMIT) } else { UNKNOWN_LIMIT };
    let limit = Duration::from_secs_f64(seconds);
    let work = async {
        tokio::pin!(read, complaints);
        // When keeping fails the child must not block on a pipe that nobody reads.
        tokio::select! {
            biased;
            failed = &mut read => match failed {
                Ok(()) => (Ok(()), complaints.await),
                Err(error) => (Err(error), String::new()),
            },
            text = &mut complaints => (read.await, text),
        }
    };
    let (kept, complaints) = running.within(limit, work).await.map_err(broken)?;
    kept?;
    match running.finish(complaints).await {
        Ok(()) => growing.finish(),
        // What was made before it gave up is worth having.
        Err(error @ ProcessError::Failed { .. }) => growing.finish().map_err(|_| broken(error)),
        Err(error) => Err(broken(error)),
    }
}

struct Growing<'a> {
    recipe: Recipe,
    job: &'a Job<'a>,
    rendition: Option<Rendition>,
    cut: Splitter,
}

impl Growing<'_> {
    async fn take(
        &mut self,
        bytes: &[u8],
        blobs: &Blobs,
        journal: &Journal,
        told: &mut impl FnMut(Step<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let pieces =
            self.cut.push(bytes).map_err(|error| Failure::new(Code::ToolBroken, error.to_string()))?;
        for piece in pieces {
            match piece {
                Piece::Init(bytes) => {
                    let size = bytes.len() as u64;
                    let begun = self.begin(&bytes)?;
                    let cid = keep(blobs, journal, bytes).await?;
                    begun.init = Blob { cid, bytes: size };
                    begun.bytes = size;
                    told(Step::Begun(begun))?;
                }
                Piece::Segment { bytes, time, duration } => {
                    let rendition = self.rendition.as_mut().ok_or_else(|| damaged("it has no beginning"))?;
                    let size = bytes.len() as u64;
                    let segment = Segment { cid: keep(blobs, journal, bytes).await?, bytes: size, duration };
                    if rendition.segments.is_empty() {
                        rendition.start = time;
                    }
                    let n = u32::try_from(rendition.segments.len()).unwrap_or(u32::MAX);
                    rendition.segments.push(segment);
                    rendition.bytes += size;
                    if n == 0 {
                        rendition.bandwidth = heaviest(rendition);
                        let head = Rendition { segments: Vec::new(), ..rendition.clone() };
                        told(Step::Begun(&head))?;
                    }
                    told(Step::Grown(n, segment))?;
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, init: &[u8]) -> Result<&mut Rendition, Failure> {
        let track = codec::read_init(init).ok_or_else(|| {
            Failure::new(Code::ToolBroken, "ffmpeg wrote a codec that cannot be described to players.")
        })?;
        let frame_rate = match (&self.job.rung.how, self.job.rung.kind) {
            (How::Encoded(settings), _) => settings.frame_rate.unwrap_or(self.job.frame_rate),
            (_, MediaKind::Video) => self.job.frame_rate,
            (_, MediaKind::Audio) => (0, 1),
        };
        Ok(self.rendition.insert(Rendition {
            id: self.job.rung.id.clone(),
            kind: self.job.rung.kind,
            recipe: self.recipe.clone(),
            codecs: track.codecs,
            width: track.width,
            height: track.height,
            frame_rate,
            sample_rate: track.sample_rate,
            channels: track.channels,
            lang: self.job.rung.lang.clone(),
            name: self.job.rung.name.clone(),
            bandwidth: 0,
            bytes: 0,
            timescale: track.timescale,
            start: 0,
            missing_ms: 0,
            loudness: None,
            init: Blob { cid: Cid::of(Codec::Raw, init), bytes: 0 },
            segments: Vec::new(),
        }))
    }

    /// Exit status 0 proves nothing: what is shorter than the source said lacks its end.
    fn finish(self) -> Result<Rendition, Failure> {
        let mut rendition = self.rendition.ok_or_else(|| damaged("nothing could be read from it"))?;
        if !self.cut.is_empty() || rendition.segments.is_empty() {
            return Err(damaged("nothing could be read from it"));
        }
        let (made, wanted) = (rendition.ticks() as f64 / f64::from(rendition.timescale), self.job.duration);
        if wanted > 0.0 && made < wanted - (wanted * 0.02).max(1.0) {
            rendition.missing_ms = ((wanted - made) * 1000.0) as u64;
        }
        rendition.bandwidth = heaviest(&rendition);
        Ok(rendition)
    }
}

async fn keep(blobs: &Blobs, journal: &Journal, bytes: Vec<u8>) -> Result<Cid, Failure> {
    blobs
        .put(Codec::Raw, bytes.into(), Some(journal))
        .await
        .map_err(|error: BlobError| Failure::new(Code::LocalIo, format!("A segment cannot be kept: {error}")))
}

fn heaviest(rendition: &Rendition) -> u64 {
    let bits = |s: &Segment| s.bytes * 8 * u64::from(rendition.timescale) / s.duration.max(1);
    rendition.segments.iter().map(bits).max().unwrap_or(0).max(1)
}

/// What a manifest says of how something was made.
#[must_use]
pub fn recipe(tools: &Toolset, args: &[String]) -> Recipe {
    let version = tools.versions.get("ffmpeg").map_or("unknown", String::as_str);
    Recipe { tool: format!("ffmpeg {version}"), args: args.to_vec() }
}

fn damaged(why: &str) -> Failure {
    Failure::new(Code::Damaged, format!("The file is damaged: {why}."))
}

fn broken(error: ProcessError) -> Failure {
    match error {
        ProcessError::Failed { tail, .. } => {
            damaged(&format!("ffmpeg cannot read it ({})", tail.lines().next_back().unwrap_or("no reason")))
        }
        error => Failure::new(Code::ToolBroken, format!("ffmpeg did not run: {error}.")),
    }
}

/// Takes `key=value` lines of `-progress` for itself; everything else is a complaint.
fn progress_line(line: &str, position: &tokio::sync::watch::Sender<f64>) -> bool {
    const KEYS: [&str; 12] = [
        "frame",
        "fps",
        "bitrate",
        "total_size",
        "out_time",
        "out_time_us",
        "out_time_ms",
        "dup_frames",
        "drop_frames",
        "speed",
        "progress",
        "stream_0_0_q",
    ];
    let Some((key, value)) = line.split_once('=') else { return false };
    if key == "out_time_us"
        && let Ok(microseconds) = value.trim().parse::<f64>()
    {
        position.send_replace(microseconds.max(0.0) / 1e6);
    }
    KEYS.contains(&key)
}
