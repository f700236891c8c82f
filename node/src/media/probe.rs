//! What is in a file, by ffprobe.

use std::{path::Path, time::Duration};

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
/// Key frame times of 24 h at one a second, as text.
const PACKET_BYTES: usize = 256 << 20;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Probe {
    /// The picture to show, none for sound alone.
    pub video: Option<VideoStream>,
    /// The sound to play, none for silence.
    pub audio: Option<AudioStream>,
    /// Length in seconds, 0 when unknown.
    pub duration: f64,
    /// Time of the first sample in seconds; ffmpeg makes it 0.
    pub start: f64,
}

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoStream {
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
    /// Frames a second as `(n, d)`.
    pub frame_rate: (u32, u32),
    /// Seconds after the start of the file.
    pub start: f64,
    /// Its own length in seconds, 0 when the container does not tell.
    pub duration: f64,
}

/// A sound.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioStream {
    /// ffmpeg's name of the codec, for example `aac`.
    pub codec: String,
    /// ffmpeg's name of the profile, for example `LC`.
    pub profile: String,
    /// Channels.
    pub channels: u32,
    /// Samples a second.
    pub sample_rate: u32,
    /// Seconds after the start of the file.
    pub start: f64,
    /// Its own length in seconds, 0 when the container does not tell.
    pub duration: f64,
}

/// Looks into `file`.
///
/// # Errors
/// [`Code::NotMedia`] when there is neither picture nor sound, [`Code::ToolBroken`] when ffprobe does not run.
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
    if probe.video.is_none() && probe.audio.is_none() {
        return Err(Failure::new(Code::NotMedia, "The file holds neither picture nor sound."));
    }
    Ok(probe)
}

/// Times of the key frames in seconds after `start`, in order. Reads the file without decoding it.
///
/// # Errors
/// When ffprobe does not run.
pub async fn key_frames(tools: &Toolset, file: &Path, start: f64) -> Result<Vec<f64>, Failure> {
    let args = [
        "-v",
        "error",
        "-select_streams",
        "v:0",
        "-show_entries",
        "packet=pts_time,flags",
        "-of",
        "csv=p=0",
        "-i",
    ];
    let invocation = Invocation::new(&tools.ffprobe)
        .args(guarded(CONTAINERS))
        .args(args)
        .args([file])
        .confined(confinement(tools, file));
    let text = invocation.output(TIMEOUT, PACKET_BYTES).await.map_err(not_media)?;
    let text = String::from_utf8_lossy(&text);
    let mut times: Vec<f64> = text
        .lines()
        .filter_map(|line| line.split_once(','))
        .filter(|(_, flags)| flags.starts_with('K'))
        .filter_map(|(time, _)| Some(time.parse::<f64>().ok()? - start))
        .collect();
    times.sort_by(f64::total_cmp);
    Ok(times)
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
    duration: Option<String>,
    start_time: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    codec_type: Option<String>,
    codec_name: Option<String>,
    profile: Option<String>,
    pix_fmt: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    sample_aspect_ratio: Option<String>,
    field_order: Option<String>,
    avg_frame_rate: Option<String>,
    r_frame_rate: Option<String>,
    start_time: Option<String>,
    duration: Option<String>,
    channels: Option<u32>,
    sample_rate: Option<String>,
    #[serde(default)]
    side_data_list: Vec<SideData>,
    #[serde(default)]
    disposition: Disposition,
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<f64>,
}

#[derive(Deserialize, Default)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

impl Report {
    fn read(&self) -> Probe {
        let format = self.format.as_ref();
        let file_start = seconds(format.and_then(|format| format.start_time.as_ref()));
        let of_kind = |kind: &str| {
            self.streams
                .iter()
                .find(|s| s.codec_type.as_deref() == Some(kind) && s.disposition.attached_pic == 0)
        };
        let (video, audio) = (of_kind("video"), of_kind("audio"));
        let longest =
            video.into_iter().chain(audio).map(|s| seconds(s.duration.as_ref())).fold(0.0, f64::max);
        let whole = seconds(format.and_then(|format| format.duration.as_ref()));
        Probe {
            video: video.and_then(|stream| stream.video(file_start)),
            audio: audio.map(|stream| stream.audio(file_start)),
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
        Some(VideoStream {
            codec: self.codec_name.clone().unwrap_or_default(),
            pixels: self.pix_fmt.clone().unwrap_or_default(),
            width: shown_width,
            height: shown_height,
            transformed: turned % 360.0 != 0.0 || shown != width,
            interlaced: matches!(self.field_order.as_deref(), Some("tt" | "bb" | "tb" | "bt")),
            frame_rate: rate(&self.avg_frame_rate).or_else(|| rate(&self.r_frame_rate)).unwrap_or((25, 1)),
            start: seconds(self.start_time.as_ref()) - file_start,
            duration: seconds(self.duration.as_ref()),
        })
    }

    fn audio(&self, file_start: f64) -> AudioStream {
        AudioStream {
            codec: self.codec_name.clone().unwrap_or_default(),
            profile: self.profile.clone().unwrap_or_default(),
            channels: self.channels.unwrap_or(2),
            sample_rate: self.sample_rate.as_deref().and_then(|rate| rate.parse().ok()).unwrap_or(48_000),
            start: seconds(self.start_time.as_ref()) - file_start,
            duration: seconds(self.duration.as_ref()),
        }
    }
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
    fn a_cover_picture_is_no_video() {
        let cover = r#"{"codec_type":"video","width":600,"height":600,"disposition":{"attached_pic":1}}"#;
        assert_eq!(read(cover).video, None);
        assert!((read(cover).duration - 5.0).abs() < 1e-9);
    }
}
