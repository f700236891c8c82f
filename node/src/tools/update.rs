//! Newer versions of yt-dlp, laid over the pinned one: sites change faster than this program.
//!
//! Each is a folder `yt-dlp-VERSION` beside the environment, and is used only after it passed `check.py`; the file
//! `yt-dlp-current` names the one in use. Without it, or when it does not run any more, the pinned one is used.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use super::Toolset;
use crate::{clock, ingest, process::Invocation};

const CHECK: &str = include_str!("check.py");
const DRIVER: &str = include_str!("../ingest/ytdlp/driver.py");
/// What a newer yt-dlp brings along itself; the rest of what it needs is in the environment.
const PACKAGES: [&str; 2] = ["yt-dlp", "yt-dlp-ejs"];
const CURRENT: &str = "yt-dlp-current";
/// When it was last looked for a newer one: the time of this file.
const LOOKED: &str = "yt-dlp-looked";
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Older folders than this are nobody's any more.
const FORGOTTEN: Duration = Duration::from_secs(30 * 24 * 3600);
const STEP: Duration = Duration::from_secs(600);
const OUTPUT: usize = 1 << 20;

/// How long until it is to be looked for a newer yt-dlp: a day after the last time.
pub(super) fn due_in(dir: &Path) -> Duration {
    let looked = fs::metadata(dir.join(LOOKED)).and_then(|file| file.modified());
    match looked {
        Ok(at) => DAY.saturating_sub(at.elapsed().unwrap_or_default()),
        Err(_) => {
            looked_now(dir);
            DAY
        }
    }
}

fn looked_now(dir: &Path) {
    if let Err(error) = fs::write(dir.join(LOOKED), b"") {
        tracing::warn!("the tools folder cannot be written: {error}");
    }
}

/// The tools with the newer yt-dlp that is in use, if one is.
pub(super) fn with_current(dir: &Path, pinned: Toolset) -> Toolset {
    let Ok(version) = fs::read_to_string(dir.join(CURRENT)) else { return pinned };
    let folder = dir.join(format!("yt-dlp-{}", version.trim()));
    if !folder.join("yt_dlp/version.py").is_file() || !is_newer(version.trim(), &pinned) {
        return pinned;
    }
    over(pinned, folder, version.trim())
}

fn over(mut tools: Toolset, folder: PathBuf, version: &str) -> Toolset {
    tools.newer = Some(folder);
    tools.versions.insert("yt-dlp".to_owned(), version.to_owned());
    tools
}

/// Goes back to the pinned one.
pub(super) fn forget(dir: &Path) -> Result<()> {
    match fs::remove_file(dir.join(CURRENT)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Looks for a newer yt-dlp than the one in use, checks it, and gives the tools with it; none when there is none.
pub(super) async fn look(dir: &Path, using: &Toolset) -> Result<Option<Toolset>> {
    looked_now(dir);
    clean(dir, using);
    let new = dir.join(format!(".yt-dlp-new-{}", std::process::id()));
    let _ = fs::remove_dir_all(&new);
    let fetched = fetch(&new, using).await;
    let found = match fetched {
        Ok(version) if is_newer(&version, using) => take(dir, &new, &version, using).await.map(Some),
        Ok(_) => Ok(None),
        Err(error) => Err(error),
    };
    let _ = fs::remove_dir_all(&new);
    found
}

/// Fetches the newest one into a folder; gives its version.
async fn fetch(new: &Path, using: &Toolset) -> Result<String> {
    let options = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary", ":all:"];
    let pip = Invocation::new(&using.python).args(options).args(["--target"]).args([new]).args(PACKAGES);
    pip.output(STEP, OUTPUT).await.context("the newest yt-dlp cannot be fetched")?;
    let script =
        "import sys; sys.path.insert(0, sys.argv[1]); from yt_dlp.version import __version__ as v; print(v)";
    let said =
        Invocation::new(&using.python).args(["-I", "-c", script]).args([new]).output(STEP, OUTPUT).await;
    let version = String::from_utf8_lossy(&said.context("the newest yt-dlp does not say its version")?)
        .trim()
        .to_owned();
    if numbers(&version).is_empty() {
        bail!("the newest yt-dlp calls itself {version:?}");
    }
    Ok(version)
}

async fn take(dir: &Path, new: &Path, version: &str, using: &Toolset) -> Result<Toolset> {
    let tools = over(using.clone(), new.to_owned(), version);
    check(&tools).await.with_context(|| format!("yt-dlp {version} did not pass its check"))?;
    let folder = dir.join(format!("yt-dlp-{version}"));
    let _ = fs::remove_dir_all(&folder);
    fs::rename(new, &folder)?;
    let name = dir.join(format!(".{CURRENT}"));
    fs::write(&name, version)?;
    fs::rename(name, dir.join(CURRENT))?;
    Ok(over(tools, folder, version))
}

/// Lets a yt-dlp prove itself.
pub(super) async fn check(tools: &Toolset) -> Result<()> {
    let name: String = clock::random::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = std::env::temp_dir().join(format!("horahora-check-{name}"));
    fs::create_dir_all(&folder)?;
    let plugins = ingest::write_plugins(&folder);
    let checked = async {
        let script = Invocation::new(&tools.python).args(["-I", "-X", "utf8", "-c", CHECK, DRIVER]);
        let script = script.args([plugins?]).dir(&folder).env("HORAHORA_YTDLP", tools.overlay());
        Ok(script.output(STEP, OUTPUT).await?)
    };
    let checked = checked.await;
    let _ = fs::remove_dir_all(&folder);
    checked.map(|_: Vec<u8>| ())
}

/// Removes versions that were replaced long ago; another node may use the folder, too.
fn clean(dir: &Path, using: &Toolset) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let old = entry.metadata().and_then(|file| file.modified()).ok().and_then(|at| at.elapsed().ok());
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = name.starts_with("yt-dlp-2") || name.starts_with(".yt-dlp-new-");
        if ours && old.is_some_and(|old| old > FORGOTTEN) && using.newer.as_ref() != Some(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_newer(version: &str, than: &Toolset) -> bool {
    let known = than.versions.get("yt-dlp").map(String::as_str).unwrap_or_default();
    numbers(version) > numbers(known)
}

/// `2026.10.26` as numbers.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let using = |version: &str| Toolset {
            python: PathBuf::new(),
            bin: PathBuf::new(),
            ffmpeg: PathBuf::new(),
            ffprobe: PathBuf::new(),
            newer: None,
            hardware: None,
            versions: [("yt-dlp".to_owned(), version.to_owned())].into(),
        };
        assert!(is_newer("2026.11.2", &using("2026.10.26")));
        assert!(is_newer("2026.10.26.233001", &using("2026.10.26")));
        assert!(!is_newer("2026.9.30", &using("2026.10.26")));
        assert!(!is_newer("2026.10.26", &using("2026.10.26")));
        assert!(!is_newer("", &using("2026.10.26")));
    }
}
