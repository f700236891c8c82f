//! When the frames of a picture are: by the index of an MP4 file where it has one, else as ffprobe lists its packets.

use std::{cmp::Reverse, path::Path};

use super::{HEADER_ALONE, Probe, TIMEOUT, has_streams_in_header, index, not_media};
use crate::{
    ingest::Failure,
    media::{CONTAINERS, confinement, guarded},
    process::Invocation,
    tools::Toolset,
};

/// The picture that ffmpeg takes for the one to show: the first that is no cover.
const FIRST_PICTURE: &str = "V:0";
/// Key frames among which the one that shows the most is chosen.
const CANDIDATES: usize = 5;
/// Key frame times of 24 h at one a second, as text.
const PACKET_BYTES: usize = 256 << 20;

/// When the frames of a picture are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timing {
    /// Key frames, in seconds after the beginning, in order.
    pub keys: Vec<f64>,
    /// Bytes of each of them.
    pub key_bytes: Vec<u64>,
    /// The longest time from one frame to the next, in seconds.
    pub longest: f64,
    /// Bytes of all frames.
    pub bytes: u64,
}

impl Timing {
    /// Of frames in any order, in seconds after `start`.
    fn of(frames: &[Frame], start: f64) -> Self {
        let shown = |frame: &Frame| frame.shown.map(|time| time - start);
        let mut all: Vec<f64> = frames
            .iter()
            .filter_map(|frame| frame.shown.or(frame.decoded))
            .map(|time| time - start)
            .collect();
        let mut keys: Vec<(f64, u64)> = frames
            .iter()
            .filter(|frame| frame.key)
            .filter_map(|frame| Some((shown(frame)?, frame.bytes)))
            .collect();
        keys.sort_by(|a, b| a.0.total_cmp(&b.0));
        all.sort_by(f64::total_cmp);
        let longest = all.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        let (keys, key_bytes) = keys.into_iter().unzip();
        let bytes = frames.iter().map(|frame| frame.bytes).sum();
        Self { keys, key_bytes, longest, bytes }
    }

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

/// A frame as its container has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    /// Seconds at which it is shown; old containers know the time of decoding alone.
    pub shown: Option<f64>,
    /// Seconds at which it is decoded.
    pub decoded: Option<f64>,
    /// Its bytes.
    pub bytes: u64,
    /// Whether decoding can begin with it.
    pub key: bool,
}

/// The frames of a picture, and the number of its stream.
#[derive(Debug)]
pub struct Packets {
    frames: Vec<Frame>,
    stream: Option<u32>,
}

impl Packets {
    /// Those of what seems to be the picture, before it is known which one is: whoever waits for a video does not wait for
    /// one look after the other.
    ///
    /// # Errors
    /// When ffprobe cannot read it or does not run.
    pub async fn of_file(tools: &Toolset, file: &Path) -> Result<Self, Failure> {
        match Self::indexed(file).await {
            Some(found) => Ok(found),
            None => Self::listed(tools, file).await,
        }
    }

    /// By the index of the file alone, which takes no longer for a long film than for a short one. None where it has no
    /// index or one whose times ffmpeg may read in another way.
    pub async fn indexed(file: &Path) -> Option<Self> {
        let file = file.to_owned();
        let (stream, frames) =
            tokio::task::spawn_blocking(move || index::first_picture(&file)).await.ok()??;
        Some(Self { frames, stream: Some(stream) })
    }

    /// As ffprobe lists them, which reads the whole file without decoding it.
    async fn listed(tools: &Toolset, file: &Path) -> Result<Self, Failure> {
        Self::of(tools, file, FIRST_PICTURE).await
    }

    /// When the frames of the picture are that a look found.
    ///
    /// # Errors
    /// When ffprobe cannot read it or does not run.
    pub async fn timing(self, tools: &Toolset, file: &Path, probe: &Probe) -> Result<Timing, Failure> {
        let Some(picture) = &probe.video else { return Ok(Timing::default()) };
        let packets = if self.stream == Some(picture.index) {
            self
        } else {
            Self::of(tools, file, &picture.index.to_string()).await?
        };
        Ok(packets.timing_after(probe.start))
    }

    /// When these frames are, in seconds after `start`.
    #[must_use]
    pub fn timing_after(&self, start: f64) -> Timing {
        Timing::of(&self.frames, start)
    }

    /// What asks ffprobe for what [`Packets::read`] reads.
    pub const ASKED: [&str; 4] =
        ["-show_entries", "packet=pts_time,dts_time,size,flags:stream=index", "-of", "csv=p=0"];

    /// Those of a stream, named as in ffmpeg(1), stream specifiers.
    async fn of(tools: &Toolset, file: &Path, stream: &str) -> Result<Self, Failure> {
        // What goes to its standard output it writes line by line; what goes to a file, a pipe too, it collects.
        let invocation = Invocation::new(&tools.ffprobe)
            .args(guarded(CONTAINERS))
            .args(["-v", "error", "-select_streams", stream])
            .args(has_streams_in_header(file).await.then_some(HEADER_ALONE))
            .args(Self::ASKED)
            .args(["-o", "pipe:1", "-i"])
            .args([file])
            .confined(confinement(tools, file));
        let text = invocation.output(TIMEOUT, PACKET_BYTES).await.map_err(not_media)?;
        Ok(Self::read(&String::from_utf8_lossy(&text)))
    }

    /// A line of seconds of showing and of decoding, bytes, and flags for each packet, and the number of the stream in the
    /// last one.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let frame = |line: &str| {
            let mut words = line.split(',');
            let mut time = || words.next().and_then(|word| word.parse::<f64>().ok());
            let (shown, decoded) = (time(), time());
            let bytes = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            Frame { shown, decoded, bytes, key: words.next().is_some_and(|flags| flags.starts_with('K')) }
        };
        let frames = text.lines().filter(|line| line.contains(',')).map(frame).collect();
        Self { frames, stream: text.lines().next_back().and_then(|line| line.parse().ok()) }
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
        let timing = Timing { keys, key_bytes: vec![90, 1, 1, 7, 2, 7, 3, 80, 90], longest: 0.0, bytes: 0 };
        assert_eq!([1.0, 2.5, 7.0].map(|from| timing.richest_key(from)), [Some(3.0), Some(7.0), Some(8.0)]);
        assert_eq!([timing.richest_key(8.5), Timing::default().richest_key(0.0)], [None, None]);
    }

    #[test]
    fn times_are_read_with_the_longest_gap() {
        let listed =
            Packets::read("1.000,0.9,10,K__\n1.080,1.0,2,___\nN/A,1.12,20,K__\n1.040,1.0,3,___\n7\n");
        assert_eq!(listed.stream, Some(7));
        let read = listed.timing_after(1.0);
        assert_eq!((read.keys.as_slice(), read.key_bytes.as_slice()), ([0.0].as_slice(), [10].as_slice()));
        assert!((read.longest - 0.04).abs() < 1e-9, "{read:?}");
        assert_eq!(Packets::read("").timing_after(0.0), Timing::default());
    }
}
