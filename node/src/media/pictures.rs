//! The poster: the site's thumbnail, or a frame of the picture, as a JPEG.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    CONTAINERS, confinement, guarded,
    probe::{HEADER_ALONE, Light, has_streams_in_header},
};
use crate::{process::Invocation, tools::Toolset};

const PICTURES: &str = "jpeg_pipe,png_pipe,webp_pipe,gif,gif_pipe,bmp_pipe,image2";
const TIMEOUT: Duration = Duration::from_secs(120);
const BYTES: usize = 4 << 20;
/// A site's thumbnail smaller than this is a placeholder.
const LEAST_BYTES: usize = 1000;

/// Where a picture can be taken from.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The file.
    pub file: PathBuf,
    /// Seconds after the beginning at which a key frame is; none for the only picture there is.
    pub at: Option<f64>,
    /// How bright it may be.
    pub light: Light,
}

/// A JPEG of at most 1280 x 720 from the site's thumbnail, else from the video; none when neither gives one.
pub async fn poster(tools: &Toolset, thumbnail: Option<&Path>, video: Option<Frame>) -> Option<Vec<u8>> {
    if let Some(file) = thumbnail
        && let Some(jpeg) =
            jpeg(tools, PICTURES, file, None, FIT).await.filter(|jpeg| jpeg.len() >= LEAST_BYTES)
    {
        return Some(jpeg);
    }
    let Frame { file, at, light } = video?;
    let fit = format!("{}{FIT}", light.filter());
    // One that shows nothing is smaller, too.
    if at.is_some()
        && let Some(jpeg) =
            jpeg(tools, CONTAINERS, &file, at, &fit).await.filter(|jpeg| jpeg.len() >= LEAST_BYTES)
    {
        return Some(jpeg);
    }
    jpeg(tools, CONTAINERS, &file, None, &fit).await
}

/// A jump leads to the last key frame before it: so much later it is that one for sure, however times were rounded.
const AFTER_KEY: f64 = 0.02;
const FIT: &str = "scale=w='min(1280,iw*sar)':h='min(720,ih)':force_original_aspect_ratio=decrease:force_divisible_by=2,setsar=1,format=yuvj420p";

async fn jpeg(
    tools: &Toolset,
    containers: &str,
    file: &Path,
    key: Option<f64>,
    filter: &str,
) -> Option<Vec<u8>> {
    let mut begin = Vec::new();
    if has_streams_in_header(file).await {
        begin.push(HEADER_ALONE.to_owned());
    }
    if let Some(at) = key {
        let jump = ["-skip_frame", "nokey", "-noaccurate_seek", "-ss"].map(str::to_owned);
        begin.extend(jump.into_iter().chain([format!("{:.3}", at + AFTER_KEY)]));
    }
    let invocation = Invocation::new(&tools.ffmpeg)
        .args(["-nostdin", "-v", "error", "-threads", "1"])
        .args(begin)
        .args(guarded(containers))
        .args(["-i"])
        .args([file])
        .args(["-map", "0:v:0", "-an", "-sn", "-dn", "-map_metadata", "-1", "-vf", filter, "-frames:v", "1"])
        .args([
            "-threads",
            "1",
            "-flags",
            "+bitexact",
            "-q:v",
            "3",
            "-f",
            "image2pipe",
            "-c:v",
            "mjpeg",
            "pipe:1",
        ])
        .confined(confinement(tools, file));
    match invocation.output(TIMEOUT, BYTES).await {
        Ok(bytes) => Some(bytes).filter(|bytes| !bytes.is_empty()),
        Err(error) => {
            tracing::debug!(file = %file.display(), "no poster from it: {error}");
            None
        }
    }
}
