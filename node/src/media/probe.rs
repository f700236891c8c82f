//! What is in a file, by ffprobe.

use std::{cmp::Reverse, path::Path, time::Duration};

use horahora_protocol::manifest::Chapter;
use tokio::io::AsyncReadExt;

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
/// The picture that ffmpeg takes for the one to show: the first that is no cover.
const FIRST_PICTURE: &str = "V:0";
/// Lets ffmpeg and ffprobe begin without decoding a second of each stream.
pub(super) const HEADER_ALONE: &str = "-nofind_stream_info";
/// Key frames among which the one that shows the most is chosen.
const CANDIDATES: usize = 5;
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
    /// Bytes of each of them.
    pub key_bytes: Vec<u64>,
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

    /// Of the next few key frames after `from` seconds the one that took the most bytes: it shows the most. A black one, or
    /// one that fades, takes next to none.
    #[must_use]
    pub fn richest_key(&self, from: f64) -> Option<f64> {
        let after = self.keys.iter().zip(&self.key_bytes).filter(|(at, _)| **at >= from).take(CANDIDATES);
        // Of equal ones the first.
        after.min_by_key(|(_, bytes)| Reverse(**bytes)).map(|(at, _)| *at)
    }
}

/// The packets of a picture as ffprobe lists them: a line of seconds of showing and of decoding, bytes, and flags for each, and
/// the number of the stream in the last one.
#[derive(Debug)]
pub struct Packets(String);

impl Packets {
    /// Those of what seems to be the picture, before it is known which one is: whoever waits for a video does not wait for
    /// one look after the other. Reads the file without decoding it.
    ///
    /// # Errors
    /// When ffprobe cannot read it or does not run.
    pub async fn of_file(tools: &Toolset, file: &Path) -> Result<Self, Failure> {
        Self::of(tools, file, FIRST_PICTURE).await
    }

    /// When the frames of the picture are that a look found.
    ///
    /// # Errors
    /// When ffprobe cannot read it or does not run.
    pub async fn timing(self, tools: &Toolset, file: &Path, probe: &Probe) -> Result<Timing, Failure> {
        let Some(picture) = &probe.video else { return Ok(Timing::default()) };
        let index = picture.index.to_string();
        let Self(text) = if self.0.lines().next_back() == Some(index.as_str()) {
            self
        } else {
            Self::of(tools, file, &index).await?
        };
        Ok(read_timing(&text, probe.start))
    }

    /// Those of a stream, named as in ffmpeg(1), stream specifiers.
    async fn of(tools: &Toolset, file: &Path, stream: &str) -> Result<Self, Failure> {
        // What goes to its standard output it writes line by line; what goes to a file, a pipe too, it collects.
        let what = ["-show_entries", "packet=pts_time,dts_time,size,flags:stream=index", "-of", "csv=p=0"];
        let invocation = Invocation::new(&tools.ffprobe)
            .args(guarded(CONTAINERS))
            .args(["-v", "error", "-select_streams", stream])
            .args(has_streams_in_header(file).await.then_some(HEADER_ALONE))
            .args(what)
            .args(["-o", "pipe:1", "-i"])
            .args([file])
            .confined(confinement(tools, file));
        let text = invocation.output(TIMEOUT, PACKET_BYTES).await.map_err(not_media)?;
        Ok(Self(String::from_utf8_lossy(&text).into_owned()))
    }
}

/// Whether a file is of the MP4 family (ISO/IEC 14496-12, 4.3: its first box is `ftyp`), whose header says which streams
/// there are: nothing has to be decoded to know.
pub(super) async fn has_streams_in_header(file: &Path) -> bool {
    let mut head = [0; 8];
    let read = async { tokio::fs::File::open(file).await?.read_exact(&mut head).await };
    read.await.is_ok() && &head[4..] == b"ftyp"
}

/// Lines as [`Packets`] has them; old containers know the time of decoding alone.
fn read_timing(text: &str, start: f64) -> Timing {
    let (mut keys, mut all) = (Vec::new(), Vec::new());
    for line in text.lines().filter(|line| line.contains(',')) {
        let mut words = line.split(',');
        let mut time = || words.next().and_then(|word| word.parse::<f64>().ok()).map(|time| time - start);
        let (shown, decoded) = (time(), time());
        all.extend(shown.or(decoded));
        let bytes = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        if words.next().is_some_and(|flags| flags.starts_with('K')) {
            keys.extend(shown.map(|shown| (shown, bytes)));
        }
    }
    keys.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.sort_by(f64::total_cmp);
    let longest = all.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    let (keys, key_bytes) = keys.into_iter().unzip();
    Timing { keys, key_bytes, longest }
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
        let of = |keys: &[f64]| Timing { keys: keys.to_vec(), ..Timing::default() }.longest_gop(12.0);
        assert_eq!([of(&[0.0, 2.0, 9.0]), of(&[0.0, 2.0, 4.0]), of(&[13.0]), of(&[])], [7.0, 8.0, 0.0, 0.0]);
    }

    #[test]
    fn the_richest_of_the_next_key_frames_is_the_one_to_show() {
        let keys = (0..9).map(f64::from).collect();
        let timing = Timing { keys, key_bytes: vec![90, 1, 1, 7, 2, 7, 3, 80, 90], longest: 0.0 };
        assert_eq!([1.0, 2.5, 7.0].map(|from| timing.richest_key(from)), [Some(3.0), Some(7.0), Some(8.0)]);
        assert_eq!([timing.richest_key(8.5), Timing::default().richest_key(0.0)], [None, None]);
    }

    #[test]
    fn times_are_read_with_the_longest_gap() {
        let read =
            read_timing("1.000,0.9,10,K__\n1.080,1.0,2,___\nN/A,1.12,20,K__\n1.040,1.0,3,___\n7\n", 1.0);
        assert_eq!((read.keys.as_slice(), read.key_bytes.as_slice()), ([0.0].as_slice(), [10].as_slice()));
        assert!((read.longest - 0.04).abs() < 1e-9, "{read:?}");
        assert_eq!(read_timing("", 0.0), Timing::default());
    }
}
