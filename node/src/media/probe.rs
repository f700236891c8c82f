//! What is in a file, by ffprobe.

use std::{path::Path, time::Duration};

use horahora_protocol::manifest::Chapter;
use tokio::io::AsyncReadExt;

use super::{CONTAINERS, confinement, guarded};
use crate::{
    ingest::Failure,
    process::{Invocation, ProcessError},
    store::rows::Code,
    tools::Toolset,
};

mod index;
mod report;
mod timing;

use report::Report;
pub use timing::{Packets, Timing};

const TIMEOUT: Duration = Duration::from_secs(600);
const REPORT_BYTES: usize = 4 << 20;
/// Pixels of a picture: 8K film has half of them.
const PIXELS: u64 = 1 << 26;
/// Lets ffmpeg and ffprobe begin without decoding a second of each stream.
pub(super) const HEADER_ALONE: &str = "-nofind_stream_info";

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Probe {
    /// The picture to show, none for sound alone.
    pub video: Option<VideoStream>,
    /// The sounds to choose from, the one that the file begins with first; none for silence.
    pub audio: Vec<AudioStream>,
    /// The subtitles that are texts.
    pub texts: Vec<TextStream>,
    /// Its parts by name.
    pub chapters: Vec<Chapter>,
    /// Whether it has a picture for its cover, as files of music do.
    pub cover: bool,
    /// Length in seconds, 0 when unknown.
    pub duration: f64,
    /// Time of the first sample in seconds; ffmpeg makes it 0.
    pub start: f64,
}

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoStream {
    /// Its number among the streams of the file.
    pub index: u32,
    /// ffmpeg's name of the codec, for example `h264`.
    pub codec: String,
    /// ffmpeg's name of the pixel format, for example `yuv420p`.
    pub pixels: String,
    /// Width as shown, in square pixels, after rotation.
    pub width: u32,
    /// Height as shown, after rotation.
    pub height: u32,
    /// Whether width or height differ from what is coded: rotated, or pixels that are not square.
    pub transformed: bool,
    /// Interlaced picture.
    pub interlaced: bool,
    /// How bright it may be.
    pub light: Light,
    /// Frames a second as `(n, d)`, on average.
    pub frame_rate: (u32, u32),
    /// Whether the file says that frames follow each other unequally fast.
    pub uneven: bool,
    /// Seconds after the start of the file.
    pub start: f64,
    /// Its own length in seconds, 0 when the container does not tell.
    pub duration: f64,
}

impl VideoStream {
    /// Whether frames follow each other unequally fast: as the file says, or as they are found to.
    #[must_use]
    pub fn is_uneven(&self, timing: &Timing) -> bool {
        let (n, d) = self.frame_rate;
        self.uneven || timing.longest * f64::from(n) > 1.5 * f64::from(d)
    }
}

/// How a picture's numbers become light. Source: ITU-R BT.2100 for the two wide ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Light {
    /// As ever: what every screen shows.
    #[default]
    Standard,
    /// High dynamic range by the perceptual quantizer (HDR10).
    Pq,
    /// High dynamic range by hybrid log-gamma.
    Hlg,
}

/// A sound.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioStream {
    /// Its number among the streams of the file.
    pub index: u32,
    /// ffmpeg's name of the codec, for example `aac`.
    pub codec: String,
    /// ffmpeg's name of the profile, for example `LC`.
    pub profile: String,
    /// Whether each packet describes itself, as in broadcast streams; in MP4 the file does.
    pub described_in_packets: bool,
    /// Channels.
    pub channels: u32,
    /// Samples a second.
    pub sample_rate: u32,
    /// Seconds after the start of the file.
    pub start: f64,
    /// Its own length in seconds, 0 when the container does not tell.
    pub duration: f64,
    /// Language tag, where the file tells it.
    pub lang: Option<String>,
    /// What the file calls it.
    pub name: Option<String>,
}

/// Subtitles inside a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextStream {
    /// Its number among the streams of the file.
    pub index: u32,
    /// Language tag, where the file tells it.
    pub lang: Option<String>,
}

/// Looks into `file`.
///
/// # Errors
/// [`Code::NotMedia`] when there is neither picture nor sound, or one that nobody could play, [`Code::ToolBroken`] when
/// ffprobe does not run.
pub async fn probe(tools: &Toolset, file: &Path) -> Result<Probe, Failure> {
    let args = ["-v", "error", "-of", "json", "-show_streams", "-show_format", "-show_chapters", "-i"];
    let invocation = Invocation::new(&tools.ffprobe)
        .args(guarded(CONTAINERS))
        .args(args)
        .args([file])
        .confined(confinement(tools, file));
    let json = invocation.output(TIMEOUT, REPORT_BYTES).await.map_err(not_media)?;
    let report: Report = serde_json::from_slice(&json).map_err(|error| {
        Failure::new(Code::ToolBroken, format!("ffprobe's answer cannot be read: {error}"))
    })?;
    let probe = report.read();
    if probe.video.is_none() && probe.audio.is_empty() {
        return Err(Failure::new(Code::NotMedia, "The file holds neither picture nor sound."));
    }
    if let Some(video) = probe.video.as_ref().filter(|v| u64::from(v.width) * u64::from(v.height) > PIXELS) {
        let why =
            format!("Its picture has {} x {} pixels, more than can be shown.", video.width, video.height);
        return Err(Failure::new(Code::NotMedia, why));
    }
    Ok(probe)
}

/// Whether a file is of the MP4 family (ISO/IEC 14496-12, 4.3: its first box is `ftyp`), whose header says which streams
/// there are: nothing has to be decoded to know.
pub(super) async fn has_streams_in_header(file: &Path) -> bool {
    let mut head = [0; 8];
    let read = async { tokio::fs::File::open(file).await?.read_exact(&mut head).await };
    read.await.is_ok() && &head[4..] == b"ftyp"
}

fn not_media(error: ProcessError) -> Failure {
    match error {
        ProcessError::Failed { tail, .. } => Failure::new(
            Code::NotMedia,
            format!(
                "The file is no video or sound that ffmpeg can open ({}).",
                tail.lines().next_back().unwrap_or("no reason")
            ),
        ),
        ProcessError::TooMuchOutput(_) => {
            Failure::new(Code::NotMedia, "The file holds more streams or frames than can be looked through.")
        }
        error => Failure::new(Code::ToolBroken, format!("ffprobe did not run: {error}")),
    }
}
