//! What is in a file, by ffprobe.

use std::{path::Path, time::Duration};

use horahora_protocol::{limits, manifest::is_language};
use serde::Deserialize;

use super::{CONTAINERS, confinement, guarded};
use crate::{
    ingest::Failure,
    process::{Invocation, ProcessError},
    store::rows::Code,
    tools::Toolset,
};

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

/// Looks into `file`.
///
/// # Errors
/// [`Code::NotMedia`] when there is neither picture nor sound, or one that nobody could play, [`Code::ToolBroken`] when
/// ffprobe does not run.
pub async fn probe(tools: &Toolset, file: &Path) -> Result<Probe, Failure> {
    let args = ["-v", "error", "-of", "json", "-show_streams", "-show_format", "-i"];
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

/// When the frames of a stream are, `start` being the beginning. Reads the file without decoding it.
///
/// # Errors
/// When ffprobe does not run.
pub async fn timing(tools: &Toolset, file: &Path, stream: u32, start: f64) -> Result<Timing, Failure> {
    let stream = stream.to_string();
    let what = ["-show_entries", "packet=pts_time,dts_time,flags", "-of", "csv=p=0", "-i"];
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

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    streams: Vec<Stream>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    format_name: Option<String>,
    duration: Option<String>,
    start_time: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    #[serde(default)]
    index: u32,
    codec_type: Option<String>,
    codec_name: Option<String>,
    profile: Option<String>,
    pix_fmt: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    sample_aspect_ratio: Option<String>,
    field_order: Option<String>,
    color_transfer: Option<String>,
    avg_frame_rate: Option<String>,
    r_frame_rate: Option<String>,
    start_time: Option<String>,
    duration: Option<String>,
    channels: Option<u32>,
    extradata_size: Option<u32>,
    sample_rate: Option<String>,
    #[serde(default)]
    side_data_list: Vec<SideData>,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    tags: Tags,
}

/// Containers write these in any case.
#[derive(Deserialize, Default)]
struct Tags {
    #[serde(alias = "LANGUAGE")]
    language: Option<String>,
    #[serde(alias = "TITLE")]
    title: Option<String>,
    #[serde(alias = "HANDLER_NAME")]
    handler_name: Option<String>,
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<f64>,
}

#[derive(Deserialize, Default)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
    #[serde(default)]
    default: u8,
}

impl Report {
    fn read(&self) -> Probe {
        let format = self.format.as_ref();
        let file_start = seconds(format.and_then(|format| format.start_time.as_ref()));
        let of_kind = |kind: &str| {
            let is_one =
                |s: &&Stream| s.codec_type.as_deref() == Some(kind) && s.disposition.attached_pic == 0;
            let mut found: Vec<&Stream> = self.streams.iter().filter(is_one).collect();
            found.sort_by_key(|stream| stream.disposition.default == 0);
            found
        };
        let video = of_kind("video").into_iter().next();
        let audio: Vec<_> =
            of_kind("audio").into_iter().filter(|s| s.channels.is_some_and(|n| n > 0)).collect();
        let longest = video.into_iter().chain(audio.first().copied());
        let longest = longest.map(|s| seconds(s.duration.as_ref())).fold(0.0, f64::max);
        let end = seconds(format.and_then(|format| format.duration.as_ref()));
        // Matroska says when it ends; all others how long they are.
        let is_matroska = format.and_then(|f| f.format_name.as_ref()).is_some_and(|n| n.contains("matroska"));
        let whole = if is_matroska { (end - file_start).max(0.0) } else { end };
        Probe {
            video: video.and_then(|stream| stream.video(file_start)),
            audio: audio.into_iter().map(|stream| stream.audio(file_start)).collect(),
            duration: if longest > 0.0 { longest } else { whole },
            start: file_start,
        }
    }
}

impl Stream {
    fn video(&self, file_start: f64) -> Option<VideoStream> {
        let (width, height) = (self.width?, self.height?);
        if width == 0 || height == 0 {
            return None;
        }
        let aspect =
            self.sample_aspect_ratio.as_deref().and_then(|text| fraction(text, ':')).unwrap_or((1, 1));
        let shown = u64::from(width) * u64::from(aspect.0) / u64::from(aspect.1);
        let shown = u32::try_from(shown).ok()?.max(1);
        let turned = self.side_data_list.iter().find_map(|data| data.rotation).unwrap_or(0.0);
        let sideways = turned.abs() % 180.0 == 90.0;
        let (shown_width, shown_height) = if sideways { (height, shown) } else { (shown, height) };
        let rate = |text: &Option<String>| text.as_deref().and_then(|text| fraction(text, '/'));
        let (average, even) = (rate(&self.avg_frame_rate), rate(&self.r_frame_rate));
        let number = |(n, d): (u32, u32)| f64::from(n) / f64::from(d);
        let uneven = average.zip(even).is_some_and(|(a, r)| (number(a) / number(r) - 1.0).abs() > 0.01);
        Some(VideoStream {
            index: self.index,
            codec: self.codec_name.clone().unwrap_or_default(),
            pixels: self.pix_fmt.clone().unwrap_or_default(),
            width: shown_width,
            height: shown_height,
            transformed: turned % 360.0 != 0.0 || shown != width,
            interlaced: matches!(self.field_order.as_deref(), Some("tt" | "bb" | "tb" | "bt")),
            light: match self.color_transfer.as_deref() {
                Some("smpte2084") => Light::Pq,
                Some("arib-std-b67") => Light::Hlg,
                _ => Light::Standard,
            },
            frame_rate: average.or(even).unwrap_or((25, 1)),
            uneven,
            start: seconds(self.start_time.as_ref()) - file_start,
            duration: seconds(self.duration.as_ref()),
        })
    }

    fn audio(&self, file_start: f64) -> AudioStream {
        let tags = &self.tags;
        // What every writer of MP4 puts there is no name.
        let named = |name: &&String| !name.trim().is_empty() && !name.contains("Handler");
        AudioStream {
            index: self.index,
            codec: self.codec_name.clone().unwrap_or_default(),
            profile: self.profile.clone().unwrap_or_default(),
            described_in_packets: self.codec_name.as_deref() == Some("aac") && self.extradata_size.is_none(),
            channels: self.channels.unwrap_or(2),
            sample_rate: self.sample_rate.as_deref().and_then(|rate| rate.parse().ok()).unwrap_or(48_000),
            start: seconds(self.start_time.as_ref()) - file_start,
            duration: seconds(self.duration.as_ref()),
            lang: tags.language.clone().filter(|lang| lang != "und" && is_language(lang)),
            name: tags.title.as_ref().or(tags.handler_name.as_ref()).filter(named).map(|name| cut(name)),
        }
    }
}

fn cut(name: &str) -> String {
    name[..name.floor_char_boundary(limits::NAME_BYTES)].to_owned()
}

fn seconds(text: Option<&String>) -> f64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// A fraction whose halves are not zero.
fn fraction(text: &str, between: char) -> Option<(u32, u32)> {
    let (n, d) = text.split_once(between)?;
    let (n, d): (u32, u32) = (n.parse().ok()?, d.parse().ok()?);
    (n > 0 && d > 0).then_some((n, d))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stream: &str) -> Probe {
        let json = format!(r#"{{"streams":[{stream}],"format":{{"duration":"5.0","start_time":"1.0"}}}}"#);
        serde_json::from_str::<Report>(&json).unwrap().read()
    }

    #[test]
    fn shown_size_honours_rotation_and_pixel_shape() {
        let base = r#""codec_type":"video","codec_name":"h264","pix_fmt":"yuv420p","avg_frame_rate":"25/1""#;
        let plain = read(&format!(r#"{{{base},"width":640,"height":360}}"#)).video.unwrap();
        assert_eq!((plain.width, plain.height, plain.transformed), (640, 360, false));
        let turned = format!(r#"{{{base},"width":640,"height":360,"side_data_list":[{{"rotation":-90}}]}}"#);
        let turned = read(&turned).video.unwrap();
        assert_eq!((turned.width, turned.height, turned.transformed), (360, 640, true));
        let wide = format!(r#"{{{base},"width":720,"height":576,"sample_aspect_ratio":"64:45"}}"#);
        assert_eq!(read(&wide).video.unwrap().width, 1024);
    }

    #[test]
    fn times_are_read_with_the_longest_gap() {
        let read = read_timing("1.000,0.9,K__\n1.080,1.0,___\nN/A,1.12,K__\n1.040,1.0,___\n", 1.0);
        assert_eq!(read.keys, [0.0]);
        assert!((read.longest - 0.04).abs() < 1e-9, "{read:?}");
        assert_eq!(read_timing("", 0.0), Timing::default());
    }

    #[test]
    fn matroska_tells_when_it_ends_and_not_how_long_it_is() {
        let json = r#"{"streams":[{"codec_type":"audio","channels":2}],
            "format":{"format_name":"matroska,webm","duration":"13.0","start_time":"10.0"}}"#;
        assert!((serde_json::from_str::<Report>(json).unwrap().read().duration - 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_cover_picture_is_no_video() {
        let cover = r#"{"codec_type":"video","width":600,"height":600,"disposition":{"attached_pic":1}}"#;
        assert_eq!(read(cover).video, None);
        assert!((read(cover).duration - 5.0).abs() < 1e-9);
    }
}
