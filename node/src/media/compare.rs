//! How like its source a rendition of another node is, beside one that is made here.
//!
//! Equal bytes cannot be asked for: a segment's rate depends on all before it, and other machines have other encoders. So a
//! segment is made here as the recipe says, and both are held against the source by SSIM. Source: Wang, Bovik, Sheikh and
//! Simoncelli, "Image quality assessment: from error visibility to structural similarity", 2004.

use std::{path::Path, time::Duration};

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
    let ours = ssim(tools, job, settings, sample).await.map(|theirs| (theirs, &own));
    let (theirs, own) = ours?;
    let ours = ssim(tools, job, settings, &Sample { media: own, ..*sample }).await?;
    Ok(Likeness { theirs, ours })
}

/// Makes the segment as the recipe says.
async fn make(
    tools: &Toolset,
    job: &Job<'_>,
    settings: &Encoded,
    sample: &Sample<'_>,
) -> Result<Vec<u8>, ProcessError> {
    // Where the source's key frames are does not matter for one segment.
    let rung = Rung { how: How::Encoded(Encoded { cuts: None, ..settings.clone() }), ..job.rung.clone() };
    Invocation::new(&tools.ffmpeg)
        .args(["-nostdin", "-v", "error"])
        .args(guarded(CONTAINERS))
        .args(span(sample, 0.0))
        .args(["-i"])
        .args([job.source])
        .args(rung.output_args())
        .args(["pipe:1"])
        .env("SVT_LOG", "1")
        .confined(confinement(tools, job.source))
        .output(LIMIT, limits::BLOB_BYTES)
        .await
}

/// What ffmpeg is to read of the source; `early` seconds before its first frame.
fn span(sample: &Sample<'_>, early: f64) -> [String; 4] {
    let (at, length) = ((sample.at - early).max(0.0), sample.length + early);
    ["-ss", &format!("{at:.6}"), "-t", &format!("{length:.6}")].map(str::to_owned)
}

async fn ssim(
    tools: &Toolset,
    job: &Job<'_>,
    settings: &Encoded,
    sample: &Sample<'_>,
) -> Result<f64, ProcessError> {
    let frame =
        if job.frame_rate.0 > 0 { f64::from(job.frame_rate.1) / f64::from(job.frame_rate.0) } else { 0.04 };
    // Frames that belong together are a quarter of a frame apart: no rounding makes neighbours of them.
    let graph = format!(
        "[0:{}]{}[source];[1:v:0]setsar=1,format=yuv420p[made];[made][source]ssim=stats_file=-:shortest=1:ts_sync_mode=nearest",
        job.rung.stream,
        settings.filter()
    );
    let mut running = Invocation::new(&tools.ffmpeg)
        .args(["-nostdin", "-v", "error"])
        .args(guarded(CONTAINERS))
        .args(span(sample, frame / 4.0))
        .args(["-i"])
        .args([job.source])
        .args(guarded(CONTAINERS))
        .args(["-i"])
        .args([sample.media])
        .args(["-lavfi", &graph, "-f", "null", "-"])
        .confined(confinement_of(tools, &[job.source, sample.media]))
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
