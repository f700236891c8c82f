//! yt-dlp, ffmpeg and ffprobe: installed in pinned versions into a folder of ours, without root.
//!
//! They come as Python packages into a virtual environment, so every node runs the same builds. The folder may
//! be shared by several nodes; it is locked while it is changed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::Serialize;
use tokio::sync::watch;

use crate::spawn::Tasks;

mod install;

/// The tools' names, in the order of installation.
pub const NAMES: [&str; 3] = ["yt-dlp", "ffmpeg", "ffprobe"];
const FIRST_RETRY: Duration = Duration::from_secs(20);
const LAST_RETRY: Duration = Duration::from_secs(600);

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
    /// Name to version.
    pub versions: BTreeMap<String, String>,
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
}

impl Tools {
    /// Looks for the tools in `dir` and installs what is missing, in the background.
    #[must_use]
    pub fn open(dir: PathBuf, tasks: &Tasks) -> Self {
        let queued = |name| ToolStatus { name, state: "queued", progress: None, message: String::new() };
        let (report, status) = watch::channel(NAMES.map(queued).to_vec());
        let (give, ready) = watch::channel(None);
        tasks.spawn("tools", async move {
            let mut pause = FIRST_RETRY;
            loop {
                match install::ensure(&dir, &report).await {
                    Ok(toolset) => {
                        tracing::info!(versions = ?toolset.versions, "tools are ready");
                        give.send_replace(Some(Arc::new(toolset)));
                        report.send_modify(|all| all.iter_mut().for_each(ToolStatus::finish));
                        break;
                    }
                    Err(error) => {
                        tracing::warn!("tools cannot be installed: {error:#}");
                        report.send_modify(|all| all.iter_mut().for_each(|one| one.wait(&error, pause)));
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(LAST_RETRY);
                    }
                }
            }
            std::future::pending::<()>().await;
        });
        Self { status, ready }
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
    install::find(dir)
}
