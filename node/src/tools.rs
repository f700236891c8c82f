//! yt-dlp, ffmpeg and ffprobe: installed in pinned versions into a folder of ours, without root.
//!
//! They come as Python packages into a virtual environment, so every node runs the same builds; of yt-dlp alone newer
//! versions are laid over it. The folder may be shared by several nodes; it is locked while it is changed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::{
    clock,
    media::hardware::{self, Choice, Hardware},
    spawn::Tasks,
};

mod install;
mod update;

/// The tools' names, in the order of installation.
pub const NAMES: [&str; 3] = ["yt-dlp", "ffmpeg", "ffprobe"];
const FIRST_RETRY: Duration = Duration::from_secs(20);
const LAST_RETRY: Duration = Duration::from_secs(600);
/// It is not looked for a newer yt-dlp more often than this, whoever asks.
const LOOK_AGAIN_MS: u64 = 6 * 3_600_000;

/// Where the tools are and which versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolset {
    /// Python with yt-dlp.
    pub python: PathBuf,
    /// Folder of the environment's programs, among them the JavaScript runtime that some sites need.
    pub bin: PathBuf,
    /// ffmpeg.
    pub ffmpeg: PathBuf,
    /// ffprobe.
    pub ffprobe: PathBuf,
    /// The folder of a newer yt-dlp than the environment's, if one is in use.
    pub newer: Option<PathBuf>,
    /// What encodes pictures besides x264.
    pub hardware: Option<Hardware>,
    /// Name to version.
    pub versions: BTreeMap<String, String>,
}

impl Toolset {
    /// What `HORAHORA_YTDLP` is for yt-dlp's driver: the folder of the yt-dlp in use, empty for the environment's own.
    #[must_use]
    pub fn overlay(&self) -> std::ffi::OsString {
        self.newer.as_ref().map(|path| path.clone().into_os_string()).unwrap_or_default()
    }
}

/// What somebody noticed of the tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// One of them does not run.
    Broken,
    /// yt-dlp does not understand a site.
    Outdated,
}

/// How far one tool is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolStatus {
    /// Its name.
    pub name: &'static str,
    /// `queued`, `running`, `done` or `waiting` (tried again by itself).
    pub state: &'static str,
    /// 0 to 1, when it can be known.
    pub progress: Option<f64>,
    /// A sentence for people.
    pub message: String,
}

/// The node's tools. Clones share them.
#[derive(Debug, Clone)]
pub struct Tools {
    status: watch::Receiver<Vec<ToolStatus>>,
    ready: watch::Receiver<Option<Arc<Toolset>>>,
    doubts: mpsc::Sender<Doubt>,
}

impl Tools {
    /// Looks for the tools in `dir`, installs what is missing, and looks after them, in the background. With `updates` it is
    /// looked for a newer yt-dlp once a day. `hardware` is the encoder in hardware to use.
    #[must_use]
    pub fn open(dir: PathBuf, updates: bool, hardware: Choice, tasks: &Tasks) -> Self {
        let queued = |name| ToolStatus { name, state: "queued", progress: None, message: String::new() };
        let (report, status) = watch::channel(NAMES.map(queued).to_vec());
        let (give, ready) = watch::channel(None);
        let (doubts, heard) = mpsc::channel(1);
        let keeper = Keeper { dir, updates, hardware, report, give, heard };
        tasks.spawn("tools", keeper.keep());
        Self { status, ready, doubts }
    }

    /// Says that a tool did not run: it is looked at, and mended.
    pub fn broken(&self) {
        // Who doubts already is enough.
        let _ = self.doubts.try_send(Doubt::Broken);
    }

    /// Says that yt-dlp does not understand a site: a newer one may.
    pub fn outdated(&self) {
        let _ = self.doubts.try_send(Doubt::Outdated);
    }

    /// Hears of each change of the tools.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<Option<Arc<Toolset>>> {
        self.ready.clone()
    }

    /// The tools, as soon as they are there.
    pub async fn ready(&self) -> Arc<Toolset> {
        let mut ready = self.ready.clone();
        let found = ready.wait_for(Option::is_some).await.map(|toolset| toolset.clone());
        match found.ok().flatten() {
            Some(toolset) => toolset,
            None => std::future::pending().await,
        }
    }

    /// The tools, if they are there.
    #[must_use]
    pub fn now(&self) -> Option<Arc<Toolset>> {
        self.ready.borrow().clone()
    }

    /// How far the installation is.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Vec<ToolStatus>> {
        self.status.clone()
    }
}

/// Looks after the tools.
struct Keeper {
    dir: PathBuf,
    updates: bool,
    hardware: Choice,
    report: watch::Sender<Vec<ToolStatus>>,
    give: watch::Sender<Option<Arc<Toolset>>>,
    heard: mpsc::Receiver<Doubt>,
}

impl Keeper {
    async fn keep(mut self) {
        loop {
            let toolset = update::with_current(&self.dir, self.install().await);
            tracing::info!(versions = ?toolset.versions, "tools are ready");
            self.use_(toolset).await;
            self.look_after().await;
            self.give.send_replace(None);
        }
    }

    async fn install(&self) -> Toolset {
        let mut pause = FIRST_RETRY;
        loop {
            match install::ensure(&self.dir, &self.report).await {
                Ok(toolset) => return toolset,
                Err(error) => {
                    tracing::warn!("tools cannot be installed: {error:#}");
                    self.report.send_modify(|all| all.iter_mut().for_each(|one| one.wait(&error, pause)));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LAST_RETRY);
                }
            }
        }
    }

    async fn use_(&self, toolset: Toolset) {
        let hardware = hardware::find(&toolset, self.hardware).await;
        let toolset = Toolset { hardware, ..toolset };
        self.report.send_modify(|all| all.iter_mut().for_each(ToolStatus::finish));
        self.give.send_replace(Some(Arc::new(toolset)));
    }

    /// Returns when they are to be installed anew.
    async fn look_after(&mut self) {
        let mut looked = None;
        loop {
            let due = update::due_in(&self.dir).max(FIRST_RETRY);
            let doubt = tokio::select! {
                doubt = self.heard.recv() => doubt.unwrap_or(Doubt::Broken),
                () = tokio::time::sleep(due), if self.updates => Doubt::Outdated,
            };
            let Some(using) = self.give.borrow().clone() else { return };
            let now = clock::steady();
            match doubt {
                Doubt::Broken if is_well(&using).await => {}
                Doubt::Broken if using.newer.is_some() => {
                    tracing::warn!("the newer yt-dlp does not run any more; the pinned one is used");
                    let forgotten = update::forget(&self.dir);
                    let pinned = install::find(&self.dir);
                    match forgotten.ok().and(pinned) {
                        Some(pinned) => self.use_(pinned).await,
                        None => return,
                    }
                }
                Doubt::Broken => {
                    tracing::warn!("the tools do not run any more; they are installed anew");
                    install::forget(&self.dir);
                    return;
                }
                Doubt::Outdated
                    if !self.updates || looked.is_some_and(|at| now.ms_since(at) < LOOK_AGAIN_MS) => {}
                Doubt::Outdated => {
                    looked = Some(now);
                    self.update(&using).await;
                }
            }
        }
    }

    /// Takes a newer yt-dlp, if there is one that works.
    async fn update(&self, using: &Toolset) {
        let in_use = using.versions.get("yt-dlp").cloned().unwrap_or_default();
        match update::look(&self.dir, using).await {
            Ok(Some(newer)) => {
                tracing::info!(versions = ?newer.versions, before = in_use, "a newer yt-dlp is used");
                self.use_(newer).await;
            }
            Ok(None) => self.use_(using.clone()).await,
            Err(error) => {
                tracing::warn!("yt-dlp {in_use} stays in use: {error:#}");
                let message = format!("{error:#}. {in_use} stays in use.");
                self.report.send_modify(|all| all[0].message.clone_from(&message));
            }
        }
    }
}

/// Whether the tools do their work. A machine out of memory or room makes them fail, too, and that passes: nothing is thrown
/// away after one look.
async fn is_well(using: &Toolset) -> bool {
    if install::runs(using).await && update::check(using).await.is_ok() {
        return true;
    }
    tokio::time::sleep(FIRST_RETRY).await;
    install::runs(using).await && update::check(using).await.is_ok()
}

impl ToolStatus {
    fn finish(&mut self) {
        (self.state, self.progress, self.message) = ("done", Some(1.0), String::new());
    }

    fn wait(&mut self, error: &anyhow::Error, pause: Duration) {
        if self.state != "done" {
            let seconds = pause.as_secs();
            (self.state, self.progress) = ("waiting", None);
            self.message = format!("{error:#}. Tried again in {seconds} s.");
        }
    }
}

/// The tools in `dir` if they are all there, without installing anything.
#[must_use]
pub fn find(dir: &Path) -> Option<Toolset> {
    install::find(dir).map(|pinned| update::with_current(dir, pinned))
}

/// Looks for a newer yt-dlp now; gives its version, none when the one in use is the newest.
///
/// # Errors
/// When it cannot be fetched, or does not pass its check.
pub async fn update(dir: &Path, using: &Toolset) -> anyhow::Result<Option<String>> {
    let newer = update::look(dir, using).await?;
    Ok(newer.and_then(|tools| tools.versions.get("yt-dlp").cloned()))
}
