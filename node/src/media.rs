//! From the site's files to what a player plays.
//!
//! `probe` looks, `ladder` decides, `recipe` says how, `encode` runs one ffmpeg for each rendition, `hardware` finds encoders, `split` cuts its output into
//! segments, `codec` reads the codec string, `mpd` and `hls` write what players read, `pictures` makes
//! the poster, `storyboard` the preview, `loudness` measures, `compare` holds what others made against the source, `texts` makes WebVTT, `danmaku` reads comments.

use std::{path::Path, sync::Arc};

use crate::{process::Confinement, tools::Toolset};

pub mod codec;
pub mod compare;
pub mod danmaku;
pub mod encode;
pub mod hardware;
pub mod hls;
pub mod ladder;
pub mod loudness;
pub mod mpd;
pub mod pictures;
pub mod probe;
pub mod recipe;
pub mod replies;
pub mod split;
pub mod storyboard;
pub mod texts;
pub mod tracks;

/// Containers that ffmpeg may open. No playlist, no list of files, no network: those read what they name.
const CONTAINERS: &str =
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,flv,live_flv,mpegts,mpeg,avi,ogg,wav,mp3,flac,aac,asf,amr";
/// Address space of one ffmpeg: a 4K decode with a few dozen frames in flight takes about 2 GiB.
const MEMORY: u64 = 8 << 30;

/// Arguments that every ffmpeg and ffprobe gets before its input.
fn guarded(containers: &str) -> [String; 4] {
    ["-protocol_whitelist", "file,pipe", "-format_whitelist", containers].map(str::to_owned)
}

/// What an ffmpeg or ffprobe may touch: its input and its own build.
fn confinement(tools: &Toolset, source: &Path) -> Confinement {
    confinement_of(tools, &[source])
}

/// The same with several inputs.
fn confinement_of(tools: &Toolset, sources: &[&Path]) -> Confinement {
    Confinement::reading(&[sources, &[&tools.bin]].concat(), MEMORY)
}

/// The tools, held while a rendition is made.
pub type SharedTools = Arc<Toolset>;
