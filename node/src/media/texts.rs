//! Subtitles as WebVTT, which browsers read: those inside a file, and those of a site in another form.

use std::{path::Path, time::Duration};

use super::{CONTAINERS, confinement, guarded, probe::TextStream};
use crate::{
    process::{Invocation, ProcessError},
    tools::Toolset,
};

/// Forms of subtitles that ffmpeg reads; WebVTT needs no help.
const FORMS: [&str; 6] = ["srt", "ass", "ssa", "lrc", "smi", "sbv"];
const DEMUXERS: &str = "srt,ass,lrc,sami,subviewer,subviewer1";
/// Reading a file of a day from a slow disk.
const READ_LIMIT: Duration = Duration::from_secs(1_800);
const CONVERT_LIMIT: Duration = Duration::from_secs(120);
const BYTES: usize = 32 << 20;
/// Subtitles of one file that are taken out.
const MOST: usize = 40;

/// Whether a form of subtitles is made WebVTT of.
#[must_use]
pub fn is_converted(format: &str) -> bool {
    FORMS.contains(&format)
}

/// A site's subtitles as WebVTT; none when they cannot be read.
pub async fn convert(tools: &Toolset, file: &Path) -> Option<Vec<u8>> {
    vtt(tools, file, DEMUXERS, 0).await
}

/// The subtitles inside a file as WebVTT, each with its language. The large file is read once: all of them go to a small
/// one in `dir` first.
pub async fn extract(
    tools: &Toolset,
    file: &Path,
    streams: &[TextStream],
    dir: &Path,
) -> Vec<(Option<String>, Vec<u8>)> {
    let streams = &streams[..streams.len().min(MOST)];
    if streams.is_empty() {
        return Vec::new();
    }
    let maps = streams.iter().flat_map(|stream| ["-map".to_owned(), format!("0:{}", stream.index)]);
    let gathered = Invocation::new(&tools.ffmpeg)
        .args(["-nostdin", "-v", "error"])
        .args(guarded(CONTAINERS))
        .args(["-i"])
        .args([file])
        .args(maps)
        // Every text can be this one, and its container takes no other.
        .args(["-c:s", "ass", "-f", "matroska", "pipe:1"])
        .confined(confinement(tools, file));
    let texts = dir.join("texts.mks");
    let kept = match gathered.output(READ_LIMIT, BYTES).await {
        Ok(bytes) => tokio::fs::write(&texts, bytes).await.map_err(ProcessError::from),
        Err(error) => Err(error),
    };
    if let Err(error) = kept {
        tracing::debug!(file = %file.display(), "its subtitles cannot be taken out: {error}");
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, stream) in streams.iter().enumerate() {
        if let Some(bytes) = vtt(tools, &texts, CONTAINERS, number).await {
            found.push((stream.lang.clone(), bytes));
        }
    }
    found
}

async fn vtt(tools: &Toolset, file: &Path, demuxers: &str, stream: usize) -> Option<Vec<u8>> {
    let stream = format!("0:s:{stream}");
    let invocation = Invocation::new(&tools.ffmpeg)
        .args(["-nostdin", "-v", "error"])
        .args(guarded(demuxers))
        .args(["-i"])
        .args([file])
        .args(["-map", &stream, "-map_metadata", "-1", "-flags", "+bitexact", "-f", "webvtt", "pipe:1"])
        .confined(confinement(tools, file));
    match invocation.output(CONVERT_LIMIT, BYTES).await {
        // A track without a word is no track.
        Ok(bytes) => Some(bytes).filter(|bytes| bytes.windows(3).any(|three| three == b"-->")),
        Err(error) => {
            tracing::debug!(file = %file.display(), "no WebVTT from it: {error}");
            None
        }
    }
}
