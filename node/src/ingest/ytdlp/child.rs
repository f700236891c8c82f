//! One run of the driver: what it says, line by line, and the leave that it asks for before it asks a site.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    pin::{Pin, pin},
    time::Duration,
};

use horahora_protocol::{
    Timestamp, limits,
    manifest::{Creator, Meta},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use super::{video_id, video_ids};
use crate::{
    clock,
    config::SourceOptions,
    ingest::{Failure, Item, cookies::Cookies, metadata::read, site},
    process::{Input, Invocation, Lines, Output, ProcessError, Running, tail},
    store::rows::Code,
    tools::Toolset,
};

const DRIVER: &str = include_str!("driver.py");
/// Overall limit of one run: a 12 h stream at the speed of its playing.
const TIMEOUT_MS: u64 = 12 * 3_600_000;
/// How long it may say nothing: its sockets wait 20 s, a few times over.
const SILENCE: Duration = Duration::from_secs(600);

/// A line of the driver. Its shapes are described there.
#[derive(Debug, Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub(super) enum Event {
    Ask {
        url: String,
    },
    Inspected {
        kind: String,
        extractor: Option<String>,
        site: Option<String>,
        id: Option<String>,
    },
    Source {
        title: Option<String>,
        count: Option<u64>,
        #[serde(default)]
        skipped: u64,
    },
    /// A list inside the list is opened.
    List,
    Item(ToldItem),
    Names {
        names: Vec<(String, String)>,
    },
    Progress(Progress),
    Done {
        media: Vec<PathBuf>,
        info: Option<PathBuf>,
        thumbnail: Option<PathBuf>,
        texts: Vec<(String, String, PathBuf)>,
    },
    Failure {
        kind: Code,
        message: String,
    },
}

/// A video of a list, in the driver's words.
#[derive(Debug, Deserialize)]
pub(super) struct ToldItem {
    site: String,
    id: String,
    url: String,
    title: Option<String>,
    #[serde(default)]
    names: Vec<(String, String)>,
    /// Seconds since 1970.
    published: Option<f64>,
    /// Seconds.
    duration: Option<f64>,
    /// What the site tells of it, in the words of info.json.
    #[serde(default)]
    about: Value,
}

impl ToldItem {
    /// The video; none when its id cannot be used. The rest of its list is still worth having.
    pub(super) fn item(self) -> Option<Item> {
        let Self { site, id, url, title, names, published, duration, about } = self;
        let id = video_id(&site, &id, &url).ok()?;
        let earlier = video_ids(&names, &url);
        let published = published.map(|at| Timestamp((at.max(0.0) * 1000.0) as u64));
        let duration_s = duration.filter(|length| *length > 0.0);
        let Meta { creator, tags, .. } = read(&about);
        // Some lists tell only whom the site's number stands for.
        let number = || about["uploader_id"].as_str().filter(|id| id.len() <= limits::NAME_BYTES);
        let nameless = |id: &str| Creator { name: String::new(), id: Some(id.to_owned()), url: None };
        let creator = creator.or_else(|| number().map(nameless));
        Some(Item { id, earlier, url, title, published, duration_s, creator, tags })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Progress {
    pub file: String,
    pub bytes: u64,
    pub total: Option<f64>,
    pub files: u32,
    pub part: Option<u64>,
    pub parts: Option<u64>,
}

/// What the driver is to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'a> {
    /// `list`, `fetch` or `inspect`.
    pub mode: &'a str,
    /// Videos of a list's beginning that need not be told.
    pub skip: usize,
    /// At most so many videos of a list.
    pub most: usize,
    /// Where it works.
    pub dir: &'a Path,
    /// Further arguments of yt-dlp.
    pub args: &'a [OsString],
    /// The links.
    pub urls: &'a [&'a str],
}

/// The driver at work. Dropping it ends it.
pub(super) struct Child {
    running: Running,
    lines: Lines<Output>,
    input: Input,
    complaints: Pin<Box<dyn Future<Output = String> + Send>>,
    complained: Option<String>,
    began: Timestamp,
    /// The cookies' copy goes when this ends.
    _cookies: Option<Cookies>,
}

impl Child {
    pub(super) fn start(
        tools: &Toolset,
        options: &SourceOptions,
        plugins: &Path,
        order: Order<'_>,
    ) -> Result<Self, Failure> {
        let path = std::env::join_paths(
            std::iter::once(tools.bin.clone())
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
        );
        let numbers = [order.skip.to_string(), order.most.to_string(), std::process::id().to_string()];
        let mut invocation = Invocation::new(&tools.python)
            .args(["-I", "-X", "utf8", "-c", DRIVER, order.mode])
            .args(numbers)
            .args([order.dir])
            .args(order.args)
            .args([Path::new("--plugin-dirs"), plugins])
            .dir(order.dir)
            .env("PATH", path.unwrap_or_default())
            .env("HORAHORA_YTDLP", tools.overlay())
            .answered();
        let url = order.urls.first().copied().unwrap_or_default();
        if let Some(proxy) = site::proxy(options, url) {
            invocation = invocation.args(["--proxy", proxy]);
        }
        let (args, cookies) = site::args(options, url, order.dir)?;
        let invocation = invocation.args(args).args(&options.ytdlp_args).args(["--"]).args(order.urls);
        let mut running = invocation.start().map_err(broken)?;
        let (stdout, stderr) = running.pipes();
        Ok(Self {
            input: running.input(),
            running,
            lines: Lines::new(stdout),
            complaints: Box::pin(async move { tail(stderr, |_| false).await }),
            complained: None,
            began: clock::steady(),
            _cookies: cookies,
        })
    }

    /// What it says next, none at its end.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, Failure> {
        let Self { running, lines, complaints, complained, began, .. } = self;
        let left = TIMEOUT_MS.saturating_sub(clock::steady().ms_since(*began));
        let work = async {
            loop {
                let mut line = pin!(lines.next());
                let line = loop {
                    tokio::select! {
                        line = &mut line => break line,
                        told = complaints.as_mut(), if complained.is_none() => *complained = Some(told),
                    }
                };
                // Extractors may print; what is not ours is not an event.
                if let Ok(event) = serde_json::from_str(&line?) {
                    return Some(event);
                }
            }
        };
        running.within(SILENCE.min(Duration::from_millis(left)), work).await.map_err(broken)
    }

    /// Lets it ask the site.
    pub(super) async fn go_on(&mut self) -> Result<(), Failure> {
        let said = self.input.write_all(b"\n").await;
        said.map_err(|error| broken(ProcessError::Io(error)))
    }

    /// Waits for its end.
    pub(super) async fn finish(self) -> Result<(), Failure> {
        let Self { mut running, complaints, complained, .. } = self;
        let complaints = match complained {
            Some(told) => told,
            None => running.within(SILENCE, complaints).await.map_err(broken)?,
        };
        running.finish(complaints).await.map_err(broken)
    }
}

fn broken(error: ProcessError) -> Failure {
    match error {
        ProcessError::TimedOut(_) => {
            Failure::new(Code::Transient, format!("The site was too slow: {error}."))
        }
        ProcessError::Failed { tail, .. } => {
            let last = tail.lines().next_back().unwrap_or_default();
            let why = format!(
                "yt-dlp does not run on this node; it is looked at, and mended if it is broken. ({last})"
            );
            Failure::new(Code::ToolBroken, why)
        }
        error => Failure::new(Code::ToolBroken, format!("yt-dlp did not run: {error}")),
    }
}
