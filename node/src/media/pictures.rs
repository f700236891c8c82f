//! The poster: the site's thumbnail, or a frame of the picture, as a JPEG.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{CONTAINERS, confinement, guarded, probe::Light};
use crate::{process::Invocation, tools::Toolset};

const PICTURES: &str = "jpeg_pipe,png_pipe,webp_pipe,gif,gif_pipe,bmp_pipe,image2";
const TIMEOUT: Duration = Duration::from_secs(120);
const BYTES: usize = 4 << 20;
/// A site's thumbnail smaller than this is a placeholder.
const LEAST_BYTES: usize = 1000;

/// A JPEG of at most 1280 x 720 from the site's thumbnail, else from the video; none when neither gives one.
pub async fn poster(
    tools: &Toolset,
    thumbnail: Option<&Path>,
    video: Option<(PathBuf, f64, Light)>,
) -> Option<Vec<u8>> {
    if let Some(file) = thumbnail
        && let Some(jpeg) =
            jpeg(tools, PICTURES, file, 0.0, FIT).await.filter(|jpeg| jpeg.len() >= LEAST_BYTES)
    {
        return Some(jpeg);
    }
    let (file, duration, light) = video?;
    let at = (duration / 10.0).min(30.0);
    let fit = format!("{}{FIT}", light.filter());
    // Key frames are decoded by themselves; of several the one that is most like the others shows the most.
    let frame = format!("thumbnail={KEYS},{fit}");
    // One that shows nothing is smaller, too.
    if let Some(jpeg) =
        jpeg(tools, CONTAINERS, &file, at, &frame).await.filter(|jpeg| jpeg.len() >= LEAST_BYTES)
    {
        return Some(jpeg);
    }
    jpeg(tools, CONTAINERS, &file, 0.0, &fit).await
}

/// Key frames among which the poster is chosen.
const KEYS: usize = 3;
const FIT: &str = "scale=w='min(1280,iw*sar)':h='min(720,ih)':force_original_aspect_ratio=decrease:force_divisible_by=2,setsar=1,format=yuvj420p";

async fn jpeg(tools: &Toolset, containers: &str, file: &Path, at: f64, filter: &str) -> Option<Vec<u8>> {
    // Of a single picture nothing is left after a jump, not even to its beginning.
    let jump = if at > 0.0 {
        vec!["-skip_frame".to_owned(), "nokey".to_owned(), "-ss".to_owned(), format!("{at:.3}")]
    } else {
        Vec::new()
    };
    let invocation = Invocation::new(&tools.ffmpeg)
        .args(["-nostdin", "-v", "error", "-threads", "1"])
        .args(jump)
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
