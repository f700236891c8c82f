//! What is in a file, by ffprobe.

use std::{path::Path, time::Duration};

use horahora_protocol::manifest::Chapter;

use super::{CONTAINERS, confinement, guarded};
use crate::{
    ingest::Failure,
    process::{Invocation, ProcessError},
    store::rows::Code,
    tools::Toolset,
};

mod report;

use report::Report;

const TIMEOUT: Duration = Duration::from_secs(600);
const REPORT_BYTES: usize = 4 << 20;
/// Pixels of a picture: 8K film has half of them.
const PIXELS: u64 = 1 << 26;
/// Key frame times of 24 h at one a second, as text.
const PACKET_BYTES: usize = 256 << 20;

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

/// When the frames of a picture are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timing {
    /// Key frames, in seconds after the beginning, in order.
    pub keys: Vec<f64>,
    /// The longest time from one frame to the next, in seconds.
    pub longest: f64,
}

impl Timing {
    /// The longest time from one key frame to the next or to the end, in seconds; 0 without any.
    #[must_use]
    pub fn longest_gop(&self, duration: f64) -> f64 {
        let first = self.keys.first().copied().unwrap_or_default();
        let ends = self.keys.iter().skip(1).copied().chain([duration.max(first)]);
        self.keys.iter().zip(ends).map(|(from, to)| to - from).fold(0.0, f64::max)
    }
}

/// When the frames of a stream are, `start` being the beginning. Reads the file without decoding it.
///
/// # Errors
/// When ffprobe does not run.
pub async fn timing(tools: &Toolset, file: &Path, stream: u32, start: f64) -> Result<Timing, Failure> {
    let stream = stream.to_string();
    // What goes to its standard output it writes line by line; what goes to a file, a pipe too, it collects.
    let what = ["-show_entries", "packet=pts_time,dts_time,flags", "-of", "csv=p=0", "-o", "pipe:1", "-i"];
    let invocation = Invocation::new(&tools.ffprobe)
        .args(guarded(CONTAINERS))
        .args(["-v", "error", "-select_streams", &stream])
        .args(what)
        .args([file])
        .confined(confinement(tools, file));
    let text = invocation.output(TIMEOUT, PACKET_BYTES).await.map_err(not_media)?;
    Ok(read_timing(&String::from_utf8_lossy(&text), start))
}

/// Lines of `pts,dts,flags`; old containers know the second alone.
fn read_timing(text: &str, start: f64) -> Timing {
    let (mut keys, mut all) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let mut words = line.split(',');
        let mut time = || words.next().and_then(|word| word.parse::<f64>().ok()).map(|time| time - start);
        let (shown, decoded) = (time(), time());
        all.extend(shown.or(decoded));
        if words.next().is_some_and(|flags| flags.starts_with('K')) {
            keys.extend(shown);
        }
    }
    keys.sort_by(f64::total_cmp);
    all.sort_by(f64::total_cmp);
    let longest = all.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    Timing { keys, longest }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_gop_may_be_the_last_one() {
        let of = |keys: &[f64]| Timing { keys: keys.to_vec(), longest: 0.0 }.longest_gop(12.0);
        assert_eq!([of(&[0.0, 2.0, 9.0]), of(&[0.0, 2.0, 4.0]), of(&[13.0]), of(&[])], [7.0, 8.0, 0.0, 0.0]);
    }

    #[test]
    fn times_are_read_with_the_longest_gap() {
        let read = read_timing("1.000,0.9,K__\n1.080,1.0,___\nN/A,1.12,K__\n1.040,1.0,___\n", 1.0);
        assert_eq!(read.keys, [0.0]);
        assert!((read.longest - 0.04).abs() < 1e-9, "{read:?}");
        assert_eq!(read_timing("", 0.0), Timing::default());
    }
}
