//! Small pictures of a whole video in sheets, for the preview over the seek bar.

use std::{path::Path, time::Duration};

use super::{
    CONTAINERS, confinement, guarded,
    probe::{Timing, VideoStream},
};
use crate::{process::Invocation, tools::Toolset};

/// Pictures in a row, and rows of a sheet: about 70 kB of JPEG, there before a viewer gets impatient.
pub const SIDE: u32 = 5;
/// Pixels of a picture's longer side.
const LONGER: f64 = 160.0;
/// How many pictures a video has, if they are not too close or too far apart then; at most a thousand.
const USUAL: u64 = 120;
const CLOSEST_MS: u64 = 1_000;
const FARTHEST_MS: u64 = 10_000;
const MOST: u64 = 1_000;
const SHEET_BYTES: usize = 1 << 20;
/// Decoding at a quarter of the playing speed.
const SLOWEST: f64 = 4.0;
const SHORTEST_LIMIT: f64 = 300.0;

/// How a storyboard is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Width of one picture in pixels.
    pub width: u32,
    /// Height of one picture in pixels.
    pub height: u32,
    /// From one picture to the next, in milliseconds.
    pub every_ms: u64,
    /// How many there are.
    pub pictures: u32,
}

impl Layout {
    /// Of a picture of this length in seconds.
    #[must_use]
    pub fn of(video: &VideoStream, duration: f64) -> Self {
        let ms = (duration * 1000.0) as u64;
        let every_ms = (ms / USUAL).clamp(CLOSEST_MS, FARTHEST_MS).max(ms / MOST);
        let (width, height) = (f64::from(video.width), f64::from(video.height));
        let scale = LONGER / width.max(height);
        let even = |length: f64| ((length * scale / 2.0).round() as u32).max(1) * 2;
        let pictures = u32::try_from((ms / every_ms).max(1)).unwrap_or(u32::MAX);
        Self { width: even(width), height: even(height), every_ms, pictures }
    }

    fn sheets(self) -> u32 {
        self.pictures.div_ceil(SIDE * SIDE)
    }

    /// Each picture is the last one of its time; of a picture that ends early the last one stays.
    fn filter(self, video: &VideoStream) -> String {
        let Self { width, height, every_ms, .. } = self;
        let deinterlace = if video.interlaced { "yadif," } else { "" };
        format!(
            "fps=fps=1000/{every_ms}:start_time=0:round=down,tpad=stop=-1:stop_mode=clone,{deinterlace}\
             scale={width}:{height}:flags=bicubic+accurate_rnd+bitexact,{}setsar=1,format=yuvj420p,tile={SIDE}x{SIDE}",
            video.light.filter()
        )
    }
}

/// The sheets of a storyboard as JPEG; none when the picture cannot be read.
pub async fn sheets(
    tools: &Toolset,
    file: &Path,
    video: &VideoStream,
    timing: &Timing,
    duration: f64,
) -> Option<(Layout, Vec<Vec<u8>>)> {
    let layout = Layout::of(video, duration);
    let sheets = layout.sheets();
    // Key frames alone are a hundred times faster, where there are enough of them.
    let apart_ms = timing.longest_gop(duration) * 1000.0;
    let enough = !timing.keys.is_empty() && apart_ms <= (2 * layout.every_ms) as f64;
    let skip: &[&str] = if enough { &["-skip_frame", "nokey"] } else { &[] };
    let (stream, count) = (format!("0:{}", video.index), sheets.to_string());
    let invocation = Invocation::new(&tools.ffmpeg)
        .args(["-nostdin", "-v", "error", "-threads", "1"])
        .args(guarded(CONTAINERS))
        .args(skip)
        .args(["-fflags", "+bitexact+discardcorrupt", "-i"])
        .args([file])
        .args(["-map", &stream, "-map_metadata", "-1", "-vf", &layout.filter(video), "-frames:v", &count])
        .args(["-threads", "1", "-flags", "+bitexact", "-q:v", "5", "-f", "image2pipe", "-c:v", "mjpeg"])
        .args(["pipe:1"])
        .confined(confinement(tools, file));
    let limit = Duration::from_secs_f64((duration * SLOWEST).max(SHORTEST_LIMIT));
    match invocation.output(limit, SHEET_BYTES * sheets as usize).await {
        Ok(bytes) => Some((layout, split(&bytes))).filter(|(_, found)| found.len() == sheets as usize),
        Err(error) => {
            tracing::debug!(file = %file.display(), "no storyboard from it: {error}");
            None
        }
    }
}

/// Takes JPEGs that follow each other apart. Each ends with EOI, which is nowhere else in one that holds no other
/// JPEG (ITU-T T.81, B.1.1.2).
fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some(end) = rest.windows(2).position(|pair| pair == [0xff, 0xd9]) {
        let (one, after) = rest.split_at(end + 2);
        found.push(one.to_vec());
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::probe::Light;

    fn video(width: u32, height: u32) -> VideoStream {
        VideoStream {
            index: 0,
            codec: "h264".into(),
            pixels: "yuv420p".into(),
            width,
            height,
            transformed: false,
            interlaced: false,
            light: Light::Standard,
            frame_rate: (25, 1),
            uneven: false,
            start: 0.0,
            duration: 0.0,
        }
    }

    #[test]
    fn pictures_are_neither_too_close_nor_too_many() {
        let of = |seconds| {
            let layout = Layout::of(&video(1280, 720), seconds);
            (layout.every_ms, layout.pictures, layout.sheets())
        };
        assert_eq!(of(0.04), (1_000, 1, 1));
        assert_eq!(of(7.0), (1_000, 7, 1));
        assert_eq!(of(240.0), (2_000, 120, 5));
        assert_eq!(of(3_600.0), (10_000, 360, 15));
        assert_eq!(of(86_400.0), (86_400, 1_000, 40));
    }

    #[test]
    fn the_longer_side_is_always_the_same() {
        let size = |width, height| {
            let layout = Layout::of(&video(width, height), 10.0);
            (layout.width, layout.height)
        };
        assert_eq!(size(1280, 720), (160, 90));
        assert_eq!(size(720, 1280), (90, 160));
        assert_eq!(size(16, 16), (160, 160));
        assert_eq!(size(4000, 2), (160, 2));
    }

    #[test]
    fn sheets_are_taken_apart() {
        let found = split(&[0xff, 0xd8, 1, 0xff, 0xd9, 0xff, 0xd8, 2, 0xff, 0xd9, 0xff]);
        assert_eq!(found, [vec![0xff, 0xd8, 1, 0xff, 0xd9], vec![0xff, 0xd8, 2, 0xff, 0xd9]]);
    }
}
