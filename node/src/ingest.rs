//! Fetching from source sites: what a URL names, and the files behind it.
//!
//! yt-dlp is the only judge of what a URL is. It runs as a child under `ytdlp/driver.py`, which gives typed
//! events and failures as lines of JSON.

use std::{path::PathBuf, sync::Arc, time::Duration};

use horahora_protocol::VideoId;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use crate::{
    config::SourceOptions,
    store::rows::{Code, State},
    tools::Tools,
};

mod metadata;
mod source;
mod ytdlp;

pub use metadata::read_info;
pub use source::{SourceError, check_source};

/// What did not work, in the words of the table in docs/API.md.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Failure {
    /// For programs.
    pub code: Code,
    /// For people: what, why, what to do.
    pub reason: String,
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Try again by itself after a pause of this many ms; give up after so many tries.
    Retry {
        /// First pause; doubles each time.
        pause_ms: u64,
        /// Tries before `then`.
        tries: u32,
        /// The state after the last one.
        then: State,
    },
    /// Stop in this state.
    Stop(State),
}

impl Failure {
    /// A failure with its code and its words.
    #[must_use]
    pub fn new(code: Code, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// What the node does about it.
    #[must_use]
    pub fn reaction(&self) -> Reaction {
        const SECOND: u64 = 1000;
        const MINUTE: u64 = 60 * SECOND;
        let retry = |pause_ms, tries, then| Reaction::Retry { pause_ms, tries, then };
        match self.code {
            Code::Gone | Code::Legal => Reaction::Stop(State::Gone),
            Code::Unsupported | Code::Duplicate => Reaction::Stop(State::Refused),
            Code::Geo | Code::Login => Reaction::Stop(State::NeedsOperator),
            Code::NotYet => retry(60 * MINUTE, 48, State::Failed),
            Code::RateLimited => retry(30 * SECOND, 12, State::Failed),
            Code::Forbidden | Code::Refused => retry(5 * MINUTE, 3, State::NeedsOperator),
            Code::Transient => retry(15 * SECOND, 6, State::Failed),
            Code::NoHolder => retry(30 * SECOND, 40, State::Failed),
            Code::LocalIo => retry(5 * MINUTE, 12, State::NeedsOperator),
            Code::ToolBroken | Code::ExtractorBroken | Code::Postprocess => {
                retry(30 * MINUTE, 3, State::Failed)
            }
            Code::Damaged | Code::NotMedia => Reaction::Stop(State::Failed),
        }
    }
}

/// What a URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// What the source calls itself.
    pub title: Option<String>,
    /// Its videos, in the site's order.
    pub items: Vec<Item>,
}

/// One video of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The video.
    pub id: VideoId,
    /// What yt-dlp called it before, as far as the listing tells.
    pub earlier: Vec<VideoId>,
    /// Where it is.
    pub url: String,
    /// Its title, if the listing tells.
    pub title: Option<String>,
}

/// What a download brought, kept in the job's folder so that a restart does not download again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fetched {
    /// The site's own media files, best picture first; unmerged.
    pub media: Vec<PathBuf>,
    /// The site's metadata.
    pub info: Option<PathBuf>,
    /// The site's thumbnail.
    pub thumbnail: Option<PathBuf>,
    /// Text tracks: language or track name, format, file.
    pub texts: Vec<(String, String, PathBuf)>,
}

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Downloaded {
    /// Bytes so far.
    pub bytes: u64,
    /// Bytes in all, when the site tells.
    pub total: Option<u64>,
    /// 0 to 1.
    pub fraction: f64,
}

/// The way to source sites. Clones share it.
#[derive(Debug, Clone)]
pub struct Ingest {
    tools: Tools,
    options: Arc<SourceOptions>,
}

impl Ingest {
    /// The way to source sites with these settings.
    #[must_use]
    pub fn new(tools: Tools, options: SourceOptions) -> Self {
        Self { tools, options: Arc::new(options) }
    }

    /// Checks, without asking anyone, that `text` can be a source.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn check(&self, text: &str) -> Result<Url, SourceError> {
        check_source(text, self.options.allow_private, self.options.proxy.is_some()).await
    }

    /// Asks the site what `url` names.
    ///
    /// # Errors
    /// A typed failure.
    pub async fn list(&self, url: &str) -> Result<Listing, Failure> {
        self.check(url).await.map_err(|error| Failure::new(Code::Unsupported, error.to_string()))?;
        ytdlp::list(&*self.tools.ready().await, &self.options, url).await
    }

    /// Downloads the video at `url` into `dir`, resuming what is there. `known` hears before that by which names yt-dlp
    /// knows it, and may refuse.
    ///
    /// # Errors
    /// A typed failure; what was downloaded stays in `dir`.
    pub async fn fetch(
        &self,
        url: &str,
        dir: &std::path::Path,
        known: impl Fn(&[VideoId]) -> Result<(), Failure> + Send,
        progress: impl Fn(Downloaded) + Send,
    ) -> Result<Fetched, Failure> {
        self.check(url).await.map_err(|error| Failure::new(Code::Unsupported, error.to_string()))?;
        ytdlp::fetch(&*self.tools.ready().await, &self.options, url, dir, known, progress).await
    }
}

/// Overall limit of one listing.
const LIST_TIMEOUT: Duration = Duration::from_secs(20 * 60);
/// Overall limit of one download: a 12 h stream at the speed of its playing.
const FETCH_TIMEOUT: Duration = Duration::from_secs(12 * 3600);
