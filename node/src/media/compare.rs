//! How like its source a rendition of another node is, beside one that is made here.
//!
//! Equal bytes cannot be asked for: a segment's rate depends on all before it, and other machines have other encoders. So a
//! segment is made here as the recipe says, and both are held against the source by SSIM. Source: Wang, Bovik, Sheikh and
//! Simoncelli, "Image quality assessment: from error visibility to structural similarity", 2004.

use std::{ffi::OsString, path::Path, time::Duration};

use horahora_protocol::limits;
use tokio::io::AsyncReadExt;

use super::{
    CONTAINERS, confinement, confinement_of,
    encode::Job,
    guarded,
    ladder::{Encoded, How, Rung},
};
use crate::{
    process::{Invocation, ProcessError, tail},
    tools::Toolset,
};

/// One segment is compared in this time, or not at all.
const LIMIT: Duration = Duration::from_secs(300);
/// So much of the source before a segment is read, in seconds: filters that look at neighbours need it.
const BEFORE: f64 = 2.0;
/// How much more may be lost than in one made here: an encoder in hardware spends its bits worse, and one in the middle of a
/// film may have fewer to spend.
const MORE: f64 = 2.0;
/// What may be lost in any case.
const ALWAYS: f64 = 0.04;

/// A segment of a rendition.
#[derive(Debug)]
pub struct Sample<'a> {
    /// Its init segment and itself, as one file.
    pub media: &'a Path,
    /// When it begins, in seconds.
    pub at: f64,
    /// How long it is, in seconds.
    pub length: f64,
}

/// Mean SSIM over the frames of a segment, 0 to 1, where 1 is the same.
#[derive(Debug, Clone, Copy)]
pub struct Likeness {
    /// Of the rendition to the source.
    pub theirs: f64,
    /// Of one made here.
    pub ours: f64,
}

impl Likeness {
    /// Whether it lost little more than one made here.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        1.0 - self.theirs <= (1.0 - self.ours) * MORE + ALWAYS
    }
}

/// Compares a segment with its source, and one made here as well.
///
/// # Errors
/// When ffmpeg cannot read the source.
pub async fn likeness(
    tools: &Toolset,
    job: &Job<'_>,
    settings: &Encoded,
    sample: &Sample<'_>,
) -> Result<Likeness, ProcessError> {
    let own = sample.media.with_extension("own.mp4");
    let made = make(tools, job, settings, sample).await?;
    tokio::fs::write(&own, made).await?;
    let ours = ssim(tools, job, settings, sample, (&own, 0.0)).await?;
    let mut found = Likeness { theirs: 0.0, ours };
    // Rounding of times, and an order of frames that is not that of their times, may make it one frame early or late.
    for frames in [0.0, 1.0, -1.0] {
        let theirs = ssim(tools, job, settings, sample, (sample.media, frames * frame(job))).await?;
        found.theirs = found.theirs.max(theirs);
        if found.is_enough() {
            break;
        }
    }
    Ok(found)
}

/// Makes the segment as the recipe says, with times from 0.
async fn make(
    tools: &Toolset,
    job: &Job<'_>,
    settings: &Encoded,
    sample: &Sample<'_>,
) -> Result<Vec<u8>, ProcessError> {
    // Where the source's key frames are does not matter for one segment.
    let rung = Rung { how: How::Encoded(Encoded { cuts: None, ..settings.clone() }), ..job.rung.clone() };
    let mut args = rung.output_args();
    if let Some(filter) = args.iter_mut().find(|arg| **arg == settings.filter()) {
        *filter = format!("{},setpts=PTS-{:.6}/TB", span(job, settings, sample), sample.at);
    }
    Invocation::new(&tools.ffmpeg)
        .args(["-nostdin", "-v", "error"])
        .args(near(job, sample))
        .args(&args)
        .args(["pipe:1"])
        .env("SVT_LOG", "1")
        .confined(confinement(tools, job.source))
        .output(LIMIT, limits::BLOB_BYTES)
        .await
}

/// The source from somewhere before the segment, with its own times: where a seek lands depends on the container.
fn near(job: &Job<'_>, sample: &Sample<'_>) -> Vec<OsString> {
    let from = format!("{:.6}", (sample.at - BEFORE).max(0.0));
    let seek = ["-copyts", "-ss", &from, "-noaccurate_seek", "-t"].map(OsString::from);
    let length = format!("{:.6}", sample.length + 2.0 * BEFORE + sample.at.min(BEFORE));
    let input = [OsString::from(length)].into_iter().chain(guarded(CONTAINERS).map(OsString::from));
    seek.into_iter().chain(input).chain(["-i".into(), job.source.into()]).collect()
}

/// The filter that leaves of the source the segment's frames as the rendition shows them. Each is a quarter of a frame early
/// or late at most, so that no rounding takes its neighbour.
fn span(job: &Job<'_>, settings: &Encoded, sample: &Sample<'_>) -> String {
    let slack = frame(job) / 4.0;
    let (from, to) = (sample.at - slack, sample.at + sample.length - slack);
    format!(
        "setpts=PTS-{:.6}/TB,trim=start={:.6}:end={to:.6},{},trim=start={from:.6}",
        job.start,
        from - BEFORE,
        settings.filter(),
    )
}

/// Length of one of the source's frames in seconds.
fn frame(job: &Job<'_>) -> f64 {
    let (n, d) = job.frame_rate;
    if n > 0 { f64::from(d) / f64::from(n) } else { 0.04 }
}

/// How like the source a file is, shown so many seconds later, whose first frame is the segment's: where ffmpeg believes that it is depends on the order of
/// its frames.
async fn ssim(
    tools: &Toolset,
    job: &Job<'_>,
    settings: &Encoded,
    sample: &Sample<'_>,
    (media, late): (&Path, f64),
) -> Result<f64, ProcessError> {
    let graph = format!(
        "[0:{}]{}[source];[1:v:0]setpts=PTS-STARTPTS+{:.6}/TB,setsar=1,format=yuv420p[made];\
         [made][source]ssim=stats_file=-:shortest=1:ts_sync_mode=nearest",
        job.rung.stream,
        span(job, settings, sample),
        sample.at + late,
    );
    let mut running = Invocation::new(&tools.ffmpeg)
        .args(["-nostdin", "-v", "error"])
        .args(near(job, sample))
        .args(guarded(CONTAINERS))
        .args(["-i"])
        .args([media])
        .args(["-lavfi", &graph, "-f", "null", "-"])
        .confined(confinement_of(tools, &[job.source, media]))
        .start()?;
    let (stdout, stderr) = running.pipes();
    let work = async {
        let mut said = String::new();
        let mut bounded = stdout.take(limits::BLOB_BYTES as u64);
        let (read, complaints) = tokio::join!(bounded.read_to_string(&mut said), tail(stderr, |_| false));
        read.map(|_| (said, complaints))
    };
    let (said, complaints) = running.within(LIMIT, work).await??;
    running.finish(complaints).await?;
    Ok(mean(&said))
}

/// The mean of lines like `n:1 Y:0.98 U:0.99 V:0.99 All:0.985 (18.2)`.
fn mean(said: &str) -> f64 {
    let all = said.lines().filter_map(|line| {
        line.split_whitespace().find_map(|word| word.strip_prefix("All:"))?.parse::<f64>().ok()
    });
    let (sum, count) = all.fold((0.0, 0), |(sum, count), one| (sum + one, count + 1));
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lost_much_more_than_ours_is_not_enough() {
        let enough = |theirs, ours| Likeness { theirs, ours }.is_enough();
        assert!(enough(0.96, 0.97) && enough(0.97, 0.97) && enough(0.55, 0.7));
        assert!(!enough(0.8, 0.97) && !enough(0.3, 0.7) && !enough(0.0, 0.99));
        assert!(enough(0.97, 1.0) && !enough(0.95, 1.0));
    }

    #[test]
    fn the_mean_of_no_frames_is_nothing() {
        assert!(mean("").abs() < f64::EPSILON && mean("nonsense\n").abs() < f64::EPSILON);
        let said = "n:1 Y:0.9 U:1 V:1 All:0.9 (10)\nn:2 Y:1 U:1 V:1 All:1.0 (inf)\n";
        assert!((mean(said) - 0.95).abs() < 1e-9);
    }
}
