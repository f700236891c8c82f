//! What a node makes of a file beside the bare programs: how long the copy lane takes, what the ladder costs, how good its
//! rungs are, when a browser shows the first picture, and how much memory a large file takes.

use std::{
    fmt,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};
use horahora::{clock, tools::Toolset};
use horahora_protocol::manifest::{Manifest, MediaKind, Rendition};
use serde::Serialize;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use crate::cluster::{self, Node, fixture, shared_dir, tools};

/// How long one measured thing may take.
const LIMIT: Duration = Duration::from_secs(3_600);
const SHORT_S: u32 = 40;
/// Smaller pictures of 720 lines; the previews come before them.
const SMALLER: usize = 2;
/// Kernel ticks a second of `/proc` (Linux, `sysconf(_SC_CLK_TCK)`, the same on every machine).
const TICKS: f64 = 100.0;

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct MediaOptions {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Seconds of the long file
    #[arg(long, default_value_t = 3_600)]
    long_s: u32,
    /// Rounds of the copy lane; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// GiB of the file for the memory; 0 leaves it out
    #[arg(long, default_value_t = 10)]
    large_gib: u64,
}

/// The copy lane of one file.
#[derive(Debug, Serialize)]
pub(super) struct Lane {
    seconds_of_film: u32,
    node_s: f64,
    bare_s: f64,
    ratio: f64,
    /// The bare copy, and the bare commands for what a capture has besides: two looks into the file, and a poster.
    bare_all_s: f64,
    ratio_all: f64,
}

/// One rung.
#[derive(Debug, Serialize)]
pub(super) struct Quality {
    id: String,
    kbit_per_s: f64,
    vmaf: f64,
}

/// All figures.
#[derive(Debug, Serialize)]
pub struct MediaFigures {
    lanes: Vec<Lane>,
    ladder_cpu_s: f64,
    ladder_bare_cpu_s: f64,
    ladder_ratio: f64,
    quality: Vec<Quality>,
    first_frame_ms: f64,
    /// MiB over idle while a large file is packaged.
    memory_growth_mib: Option<f64>,
}

impl fmt::Display for MediaFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Lane { seconds_of_film, node_s, bare_s, ratio, bare_all_s, ratio_all } in &self.lanes {
            write!(
                f,
                "copy lane, {seconds_of_film} s of film: {node_s:.2} s, bare {bare_s:.2} s, {ratio:.2} x"
            )?;
            writeln!(f, "; with looks and poster {bare_all_s:.2} s, {ratio_all:.2} x")?;
        }
        let Self { ladder_cpu_s, ladder_bare_cpu_s, ladder_ratio, .. } = self;
        writeln!(
            f,
            "ladder: {ladder_cpu_s:.2} CPU s, bare {ladder_bare_cpu_s:.2} CPU s, {ladder_ratio:.3} x"
        )?;
        for Quality { id, kbit_per_s, vmaf } in &self.quality {
            writeln!(f, "{id}: {kbit_per_s:.0} kbit/s, VMAF {vmaf:.1}")?;
        }
        writeln!(f, "first picture {:.0} ms after the download", self.first_frame_ms)?;
        match self.memory_growth_mib {
            Some(mib) => writeln!(f, "memory: {mib:.1} MiB over idle while a large file is packaged"),
            None => Ok(()),
        }
    }
}

/// Measures.
///
/// # Errors
/// When a part does not come to its end.
pub async fn media(options: &MediaOptions) -> Result<MediaFigures> {
    let tools = tools().await?;
    let dir = TempDir::with_prefix("horahora-bench-")?;
    let short = film(&tools, dir.path(), SHORT_S).await?;
    let mut lanes = vec![lane(&tools, &short, SHORT_S, options.rounds).await?];
    let (ladder_cpu_s, ladder_bare_cpu_s, quality) = ladder(&tools, &short).await?;
    if options.long_s > 0 {
        let long = film(&tools, dir.path(), options.long_s).await?;
        lanes.push(lane(&tools, &long, options.long_s, options.rounds).await?);
    }
    let first_frame_ms = first_frame().await?;
    let memory_growth_mib = match options.large_gib {
        0 => None,
        gib => Some(memory(&tools, dir.path(), gib).await?),
    };
    let ladder_ratio = ladder_cpu_s / ladder_bare_cpu_s;
    Ok(MediaFigures {
        lanes,
        ladder_cpu_s,
        ladder_bare_cpu_s,
        ladder_ratio,
        quality,
        first_frame_ms,
        memory_growth_mib,
    })
}

async fn ffmpeg(tools: &Toolset, args: &[&str]) -> Result<String> {
    let done = Command::new(&tools.ffmpeg).arg("-nostdin").args(args).stdin(Stdio::null()).output().await?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(done.status.success(), "ffmpeg {args:?}: {said}");
    Ok(said)
}

/// A film that is copied as it is, alone in a folder: 1280x720 at 25 a second, with stereo.
async fn film(tools: &Toolset, dir: &Path, seconds: u32) -> Result<PathBuf> {
    let folder = dir.join(format!("film-{seconds}"));
    fs::create_dir_all(&folder)?;
    let sample = shared_dir()?.join("media/bbb.mp4");
    fixture().await?;
    let (one, all) = (dir.join("one.mp4"), folder.join("film.mp4"));
    let text = |path: &Path| path.to_string_lossy().into_owned();
    ffmpeg(
        tools,
        &["-v", "error", "-y", "-i", &text(&sample), "-c:v", "copy", "-c:a", "aac", "-ac", "2", &text(&one)],
    )
    .await?;
    let length = seconds.to_string();
    ffmpeg(
        tools,
        &[
            "-v",
            "error",
            "-y",
            "-stream_loop",
            "-1",
            "-i",
            &text(&one),
            "-c",
            "copy",
            "-t",
            &length,
            &text(&all),
        ],
    )
    .await?;
    Ok(all)
}

fn folder(file: &Path) -> Result<&Path> {
    file.parent().context("a film is in a folder")
}

/// Lets a new node take a folder in, and waits until its only film has a manifest.
async fn import(file: &Path) -> Result<Node> {
    let node = Node::start(&[]).await?;
    let ready = async || Ok(node.get("/api/v1/node").await?["tools"]["ffprobe"].is_string());
    node.until("its tools are ready", ready).await?;
    node.post("/api/v1/imports", &json!({ "dir": folder(file)? })).await?;
    Ok(node)
}

async fn published(node: &Node) -> Result<()> {
    let there = async || Ok(logged(&node.log(), "done", "capture/").is_some());
    node.until_within(LIMIT, "the film is published", there).await
}

/// When the log says something of a job, in seconds of the day.
fn logged(log: &str, what: &str, job: &str) -> Option<f64> {
    let line = log.lines().find(|line| line.contains(&format!("{what} job=\"{job}")))?;
    let clock = line.split_once('T')?.1.split_once('Z')?.0;
    let mut parts = clock.split(':').map(|part| part.parse::<f64>().ok());
    Some(parts.next()?? * 3_600.0 + parts.next()?? * 60.0 + parts.next()??)
}

/// The capture job of a node beside the bare programs, in turns.
async fn lane(tools: &Toolset, file: &Path, seconds: u32, rounds: usize) -> Result<Lane> {
    let (mut nodes, mut bares, mut besides) = (Vec::new(), Vec::new(), Vec::new());
    // Files of an earlier round stay until the last one is over: ext4 looks at each inode that was deleted in the last one to six
    // minutes before it takes it again (Linux, `recently_deleted` in fs/ext4/ialloc.c), and a node that archives deletes none. What
    // was in them goes, as it does of the bare copy: both write into memory that is free.
    let mut kept = Vec::new();
    for _ in 0..rounds.max(1) {
        let mut node = import(file).await?;
        published(&node).await?;
        let log = node.log();
        let at = |what: &str| logged(&log, what, "capture/").context("the node logs its jobs");
        nodes.push((at("done")? - at("begins")?).rem_euclid(86_400.0));
        node.kill().await?;
        empty(&node.data().join("blobs"))?;
        kept.push(node);
        bares.push(bare(tools, file).await?);
        besides.push(bare_besides(tools, file).await?);
    }
    let (node_s, bare_s) = (median(nodes), median(bares));
    let bare_all_s = bare_s + median(besides);
    let (ratio, ratio_all) = (node_s / bare_s, node_s / bare_all_s);
    Ok(Lane { seconds_of_film: seconds, node_s, bare_s, ratio, bare_all_s, ratio_all })
}

/// Empties all files of a folder.
fn empty(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { empty(&path)? } else { File::options().write(true).open(&path)?.set_len(0)? }
    }
    Ok(())
}

/// What a capture has besides the copy, by the bare commands: what is in the file, when its frames are, and one of three
/// key frames as a JPEG.
async fn bare_besides(tools: &Toolset, file: &Path) -> Result<f64> {
    let dir = TempDir::with_prefix("horahora-bench-")?;
    let begun = clock::now();
    let looks: [&[&str]; 2] = [
        &["-of", "json", "-show_streams", "-show_format", "-show_chapters"],
        &["-select_streams", "V:0", "-show_entries", "packet=pts_time,dts_time,flags", "-of", "csv=p=0"],
    ];
    for look in looks {
        let out = dir.path().join("look");
        let mut look = Command::new(&tools.ffprobe)
            .args(["-v", "error"])
            .args(look)
            .arg("-o")
            .arg(out)
            .arg(file)
            .spawn()?;
        ensure!(look.wait().await?.success(), "ffprobe cannot read {}", file.display());
    }
    let (from, poster) = (file.to_string_lossy(), dir.path().join("poster.jpg"));
    let one_of_three = "thumbnail=3,scale=1280:720,format=yuvj420p";
    let jump = ["-v", "error", "-threads", "1", "-skip_frame", "nokey", "-ss", "4", "-i", &from];
    let take = ["-an", "-vf", one_of_three, "-frames:v", "1", "-q:v", "3", &poster.to_string_lossy()];
    ffmpeg(tools, &[jump.as_slice(), &take].concat()).await?;
    Ok(clock::now().ms_since(begun) as f64 / 1000.0)
}

/// `ffmpeg -c copy` of picture and sound, the hash of all, a copy of the file, and all of it on the disk.
async fn bare(tools: &Toolset, file: &Path) -> Result<f64> {
    let dir = TempDir::with_prefix("horahora-bench-")?;
    let begun = clock::now();
    let mut made = Vec::new();
    for (map, name) in [("0:a", "a.mp4"), ("0:v", "v.mp4")] {
        let out = dir.path().join(name);
        let (from, to) = (file.to_string_lossy(), out.to_string_lossy());
        let form = "+frag_keyframe+empty_moov+default_base_moof+cmaf";
        ffmpeg(tools, &["-v", "error", "-i", &from, "-map", map, "-c", "copy", "-movflags", form, &to])
            .await?;
        made.push(out);
    }
    let copy = dir.path().join("copy.mp4");
    fs::copy(file, &copy)?;
    made.push(copy);
    tokio::task::spawn_blocking(move || -> Result<()> {
        for path in &made {
            hash(path)?;
            File::open(path)?.sync_all()?;
        }
        Ok(())
    })
    .await??;
    Ok(clock::now().ms_since(begun) as f64 / 1000.0)
}

fn hash(path: &Path) -> Result<blake3::Hash> {
    let (mut file, mut hasher, mut buffer) = (File::open(path)?, blake3::Hasher::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize()),
            count => _ = hasher.update(&buffer[..count]),
        }
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Processor seconds of a process and of its children that ended.
fn cpu(pid: &str) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold blanks; what follows its bracket is numbers: utime is the 12th, then stime, cutime, cstime.
    let rest = stat.rsplit_once(')').context("a line of /proc")?.1;
    let ticks: f64 = rest.split_whitespace().skip(11).take(4).filter_map(|n| n.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS)
}

/// Processor time of the encoded rungs in the node and by the bare commands, and how good they are.
async fn ladder(tools: &Toolset, file: &Path) -> Result<(f64, f64, Vec<Quality>)> {
    let node = import(file).await?;
    let pid = node.pid().context("the node runs")?.to_string();
    // The log tells without asking the node, which would cost it time.
    let ended = || node.log().lines().filter(|line| line.contains("done job=\"rendition/")).count();
    node.until_within(LIMIT, "the ladder begins", async || Ok(ended() >= 1)).await?;
    let before = cpu(&pid)?;
    node.until_within(LIMIT, "the ladder is made", async || Ok(ended() > SMALLER)).await?;
    let of_node = cpu(&pid)? - before;

    let video = node.own("/api/v1/videos").await?["items"][0].clone();
    let manifest = video["manifest"].as_str().context("a manifest")?;
    let made = Manifest::decode(&node.bytes(&format!("/blobs/{manifest}")).await?)?;
    let pictures: Vec<&Rendition> = made.renditions.iter().filter(|r| r.kind == MediaKind::Video).collect();
    let before = cpu("self")?;
    for rendition in pictures.iter().filter(|r| !r.recipe.args.contains(&"copy".to_owned())) {
        let mut args = vec!["-v", "error", "-i", file.to_str().context("a path in UTF-8")?];
        args.extend(rendition.recipe.args.iter().map(String::as_str));
        args.extend(["-y", "/dev/null"]);
        ffmpeg(tools, &args).await?;
    }
    let of_bare = cpu("self")? - before;
    let mut quality = Vec::new();
    for rendition in pictures {
        let url = node.url(&format!("/media/{manifest}/{}/playlist.m3u8", rendition.id));
        let seconds = rendition.ticks() as f64 / f64::from(rendition.timescale);
        let kbit_per_s = rendition.bytes as f64 * 8.0 / 1_000.0 / seconds;
        quality.push(Quality { id: rendition.id.clone(), kbit_per_s, vmaf: vmaf(tools, &url, file).await? });
    }
    Ok((of_node, of_bare, quality))
}

/// VMAF of a rendition, brought to the size of the source. Source: Netflix, model `vmaf_v0.6.1`.
async fn vmaf(tools: &Toolset, url: &str, file: &Path) -> Result<f64> {
    let graph = "[0:v]scale=1280:720:flags=bicubic,format=yuv420p[d];[1:v]format=yuv420p[r];[d][r]libvmaf=n_threads=2";
    let said = ffmpeg(
        tools,
        &["-v", "info", "-i", url, "-i", &file.to_string_lossy(), "-lavfi", graph, "-f", "null", "-"],
    )
    .await?;
    let score = said.split("VMAF score: ").nth(1).context("a score")?;
    score.split_whitespace().next().and_then(|score| score.parse().ok()).context("a score is a number")
}

/// From the end of a download to the first picture in a browser that waits for it, in ms.
async fn first_frame() -> Result<f64> {
    let fixture = fixture().await?;
    let node = Node::at(&fixture).await?;
    let ready = async || Ok(node.get("/api/v1/node").await?["tools"]["ffprobe"].is_string());
    node.until("its tools are ready", ready).await?;
    fixture.set_rate(Some(1_000_000));
    node.request(&format!("{}/fixtube/watch/fxlong", fixture.site())).await?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/first-frame.mjs");
    let mut browser = Command::new("node");
    browser.arg(script).args(["--login", &node.login, "--path", "/watch/fixtube%3Afxlong"]);
    let browser = browser.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut fetched = None;
    let download = async || {
        for entry in fs::read_dir(node.data().join("jobs"))?.flatten() {
            fetched = fs::metadata(entry.path().join("fetched.json"))
                .and_then(|file| file.modified())
                .ok()
                .or(fetched);
        }
        Ok(fetched.is_some())
    };
    node.until_within(cluster::DEADLINE, "the download ends", download).await?;
    let output = tokio::time::timeout(cluster::DEADLINE, browser.wait_with_output()).await??;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let Ok(shown) = said.parse::<f64>() else { bail!("the browser showed no picture: {said}") };
    let fetched = fetched.context("it ended")?.duration_since(UNIX_EPOCH)?.as_secs_f64() * 1_000.0;
    Ok(shown - fetched)
}

/// How much more memory than at rest the node takes while it packages a file of so many GiB, in MiB.
async fn memory(tools: &Toolset, dir: &Path, gib: u64) -> Result<f64> {
    let folder = dir.join("large");
    fs::create_dir_all(&folder)?;
    let (one, all) = (dir.join("noise.mp4"), folder.join("large.mp4"));
    let (from, to) = (one.to_string_lossy(), all.to_string_lossy());
    let noise = "testsrc2=s=1280x720:r=25:d=20,noise=alls=60:allf=t";
    ffmpeg(
        tools,
        &[
            "-v",
            "error",
            "-y",
            "-f",
            "lavfi",
            "-i",
            noise,
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-g",
            "50",
            "-b:v",
            "40M",
            "-maxrate",
            "40M",
            "-bufsize",
            "40M",
            "-pix_fmt",
            "yuv420p",
            &from,
        ],
    )
    .await?;
    let times = ((gib << 30) / fs::metadata(&one)?.len().max(1)).to_string();
    ffmpeg(tools, &["-v", "error", "-y", "-stream_loop", &times, "-i", &from, "-c", "copy", &to]).await?;
    let idle = Node::start(&[]).await?;
    let ready = async || Ok(idle.get("/api/v1/node").await?["tools"]["ffprobe"].is_string());
    idle.until("its tools are ready", ready).await?;
    let at_rest = resident(&idle, "VmRSS:")?;
    drop(idle);
    let node = import(&all).await?;
    published(&node).await?;
    Ok(resident(&node, "VmHWM:")? - at_rest)
}

/// Memory of a node's process, in MiB.
fn resident(node: &Node, which: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", node.pid().context("the node runs")?))?;
    let line = status.lines().find_map(|line| line.strip_prefix(which)).context("the kernel tells")?;
    let kib: f64 = line.split_whitespace().next().context("a number")?.parse()?;
    Ok(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_are_read_from_the_log() {
        let log = "2026-11-27T07:51:25.500000Z  INFO task{name=\"worker\"}: horahora::jobs: begins job=\"capture/a\"\n";
        assert_eq!(super::logged(log, "begins", "capture/"), Some(28_285.5));
        assert_eq!(super::logged(log, "done", "capture/"), None);
    }
}
