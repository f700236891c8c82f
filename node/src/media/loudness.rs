//! How loud a sound is, by ffmpeg's `ebur128`. Source: ITU-R BS.1770, EBU R 128.

use std::{path::Path, time::Duration};

use horahora_protocol::manifest::Loudness;

use super::{
    CONTAINERS, confinement, guarded,
    ladder::{How, Rung},
};
use crate::{
    process::{Invocation, ProcessError, tail},
    tools::Toolset,
};

/// Measuring at the playing speed.
const SHORTEST_LIMIT: f64 = 300.0;
/// Below this there is nothing to hear, and the measure begins here.
const SILENCE: i32 = -7_000;

/// Measures a sound as the rung offers it; none for silence and for what cannot be read.
pub async fn measure(tools: &Toolset, file: &Path, rung: &Rung, duration: f64) -> Option<Loudness> {
    let mix = match rung.how {
        How::Aac { channels: 1, .. } => "aformat=channel_layouts=mono,",
        How::Aac { channels: 2, .. } => "aformat=channel_layouts=stereo,",
        _ => "",
    };
    let limit = Duration::from_secs_f64(duration.max(SHORTEST_LIMIT));
    match run(tools, file, rung.stream, &format!("{mix}ebur128=peak=true:framelog=quiet"), limit).await {
        Ok(said) => read(&said).filter(|loudness| loudness.integrated > SILENCE),
        Err(error) => {
            tracing::debug!(file = %file.display(), "its sound cannot be measured: {error}");
            None
        }
    }
}

async fn run(
    tools: &Toolset,
    file: &Path,
    stream: u32,
    filter: &str,
    limit: Duration,
) -> Result<String, ProcessError> {
    let stream = format!("0:{stream}");
    let mut running = Invocation::new(&tools.ffmpeg)
        .args(["-nostdin", "-hide_banner", "-nostats", "-v", "info", "-threads", "1"])
        .args(guarded(CONTAINERS))
        .args(["-i"])
        .args([file])
        .args(["-map", &stream, "-vn", "-af", filter, "-f", "null", "-"])
        .confined(confinement(tools, file))
        .start()?;
    // The summary is the last thing that it says.
    let (_stdout, stderr) = running.pipes();
    let mut said = String::new();
    let read = tail(stderr, |line| {
        if said.len() < 1 << 10 && is_figure(line) {
            said = format!("{said}{}\n", line.trim());
        } else if line.ends_with("Summary:") {
            said.clear();
        }
        false
    });
    let rest = running.within(limit, read).await?;
    running.finish(rest).await?;
    Ok(said)
}

fn is_figure(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("I:") || line.starts_with("Peak:")
}

/// `I: -14.2 LUFS` and `Peak: -0.3 dBFS`.
fn read(said: &str) -> Option<Loudness> {
    let hundredths = |name: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(name))?;
        let number: f64 = line.split_whitespace().next()?.parse().ok()?;
        number.is_finite().then(|| (number * 100.0).round() as i32)
    };
    Some(Loudness { integrated: hundredths("I:")?, peak: hundredths("Peak:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_read() {
        let said = "I:         -14.2 LUFS\nPeak:       0.3 dBFS\n";
        assert_eq!(read(said), Some(Loudness { integrated: -1_420, peak: 30 }));
        assert_eq!(read("I: -70.0 LUFS\nPeak: -inf dBFS\n"), None);
        assert_eq!(read("I: -70.0 LUFS\n"), None);
        assert!(is_figure("    Peak:       -0.3 dBFS") && !is_figure("  Loudness range:"));
    }
}
