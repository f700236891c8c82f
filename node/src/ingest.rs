//! Fetching from source sites: what a URL names, and the files behind it.
//!
//! yt-dlp is the only judge of what a URL is. It runs as a child under `ytdlp/driver.py`, which gives typed
//! events and failures as lines of JSON.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use horahora_protocol::{Timestamp, VideoId, entry::About, limits, manifest::Creator};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use crate::{
    config::SourceOptions,
    store::{
        Store,
        rows::{Code, State},
    },
    tools::Tools,
};

mod cookies;
mod folder;
mod metadata;
mod pace;
mod plugins;
mod site;
mod source;
mod ytdlp;

use pace::Pace;

pub use cookies::{CookiesError, MOST_BYTES as COOKIES_BYTES};
pub use folder::{Found, Scan, is_media, scan};
pub use metadata::{days_since_1970, read_info};
pub use pace::{Asked, Closed, SiteView};
pub use plugins::write as write_plugins;
pub use source::{SourceError, check_link, check_source};
pub use ytdlp::{Lister, inspect};

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
            Code::Unsupported | Code::Duplicate | Code::Parts | Code::Unwanted => {
                Reaction::Stop(State::Refused)
            }
            Code::Geo | Code::Login => Reaction::Stop(State::NeedsOperator),
            Code::NotYet => retry(60 * MINUTE, 48, State::Failed),
            // How long is the site's matter: see `pace`.
            Code::RateLimited => retry(30 * SECOND, 12, State::Failed),
            Code::Budget => retry(MINUTE, u32::MAX, State::Failed),
            Code::Forbidden | Code::Refused => retry(5 * MINUTE, 3, State::NeedsOperator),
            Code::Transient => retry(15 * SECOND, 6, State::Failed),
            // Nobody fails with them.
            Code::Disapproved => Reaction::Stop(State::Refused),
            Code::Paused | Code::Approval => Reaction::Stop(State::Waiting),
            Code::NoHolder => retry(30 * SECOND, 40, State::Failed),
            Code::LocalIo => retry(5 * MINUTE, 12, State::NeedsOperator),
            Code::DiskFull => retry(MINUTE, u32::MAX, State::Failed),
            // The tools are mended meanwhile.
            Code::ToolBroken => retry(MINUTE, 6, State::Failed),
            // A new version of yt-dlp comes every few days or weeks, and is tried at once.
            Code::ExtractorBroken => retry(6 * 60 * MINUTE, 12, State::Failed),
            Code::Postprocess => retry(30 * MINUTE, 3, State::Failed),
            Code::Damaged | Code::NotMedia => Reaction::Stop(State::Failed),
        }
    }
}

/// What a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One video.
    Video,
    /// Many videos.
    Playlist,
    /// Nothing that can be archived.
    Unsupported,
}

/// What yt-dlp takes a link for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspected {
    /// The lower-case key of the extractor that would read it.
    pub extractor: Option<String>,
    /// What yt-dlp calls the site and the sort of link, for example `niconico tag`.
    pub site: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// `<extractor>:<id>`, as far as the link tells; of a video its id here.
    pub id: Option<String>,
    /// What the site calls it, if it was asked.
    pub title: Option<String>,
    /// How many videos the site says that it has, if it was asked and says so.
    pub count: Option<u64>,
    /// Its first videos, if it was asked.
    #[serde(skip)]
    pub first: Vec<Item>,
}

/// One video of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The video.
    pub id: VideoId,
    /// What yt-dlp called it before, as far as the listing tells.
    pub earlier: Vec<VideoId>,
    /// Where it is.
    pub url: String,
    /// Its title, if the listing tells.
    pub title: Option<String>,
    /// When the site published it, if the listing tells.
    pub published: Option<Timestamp>,
    /// Its length in seconds, if the listing tells.
    pub duration_s: Option<f64>,
    /// Who made it, if the listing tells.
    pub creator: Option<Creator>,
    /// Its tags, as far as the listing tells.
    pub tags: Vec<String>,
}

impl Item {
    /// What is told of it besides its title; none when that is nothing.
    #[must_use]
    pub fn about(&self) -> Option<About> {
        let creator = self.creator.clone().map(|creator| Creator {
            url: creator.url.filter(|url| url.len() <= limits::URL_BYTES),
            ..creator
        });
        let about = About {
            creator,
            tags: self.tags.iter().take(limits::TAGS).cloned().collect(),
            published_at: self.published,
            duration_ms: self.duration_s.map_or(0, |seconds| (seconds * 1000.0) as u64),
        };
        (about != About::default()).then_some(about)
    }
}

/// Videos of a list that are looked at before it is asked for: a page of most sites.
const SAMPLE: usize = 100;

/// How much of a list is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Leave out about so many of its first videos, where that saves asking for them.
    pub skip: usize,
    /// At most so many videos.
    pub most: usize,
}

/// How a video is to be downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quality {
    /// At most this height in pixels, where the site has it.
    pub max_height: Option<u32>,
    /// No more bytes than this, as far as the site tells before.
    pub max_bytes: Option<u64>,
    /// Whether the replies below it are kept.
    pub comments: bool,
    /// Not published before this time, as far as the site tells.
    pub since: Option<Timestamp>,
    /// Whether picture and sound are fetched, not only what the site says of them.
    pub media: bool,
}

impl Quality {
    /// The best there is, with everything.
    pub const ANY: Self =
        Self { max_height: None, max_bytes: None, comments: true, since: None, media: true };

    /// What satisfies both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            max_height: self.max_height.zip(other.max_height).map(|(a, b)| a.max(b)),
            max_bytes: self.max_bytes.zip(other.max_bytes).map(|(a, b)| a.max(b)),
            comments: self.comments || other.comments,
            since: self.since.zip(other.since).map(|(a, b)| a.min(b)),
            media: self.media || other.media,
        }
    }
}

/// What a download brought, kept in the job's folder so that a restart does not download again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// What came of a download.
#[derive(Debug, Clone, PartialEq)]
pub enum Brought {
    /// The video's files.
    Files(Box<Fetched>),
    /// Nothing: what was listed as one video is several.
    Parts(Vec<Item>),
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
    plugins: Arc<Path>,
    pace: Arc<Pace>,
}

impl Ingest {
    /// The way to source sites with these settings; our plugins for yt-dlp are written into the data folder.
    ///
    /// # Errors
    /// When the disk or the database fails.
    pub fn open(tools: Tools, options: SourceOptions, store: Store, data: &Path) -> anyhow::Result<Self> {
        let (plugins, pace) = (plugins::write(data)?.into(), Arc::new(Pace::open(store)?));
        Ok(Self { tools, options: Arc::new(options), plugins, pace })
    }

    /// Checks, without asking anyone, that `text` can be a source.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn check(&self, text: &str) -> Result<Url, SourceError> {
        check_source(text, self.options.allow_private, self.options.proxy.is_some()).await
    }

    /// What yt-dlp takes `url` for, decided without asking anyone; none while the tools are not there.
    ///
    /// # Errors
    /// When yt-dlp does not run.
    pub async fn inspect(&self, url: &str) -> Result<Option<Inspected>, Failure> {
        let Some(tools) = self.tools.now() else { return Ok(None) };
        let mut found = ytdlp::inspect(&tools, &self.plugins, &[url]).await?;
        Ok(found.pop())
    }

    /// The same, and what the site says of it.
    ///
    /// # Errors
    /// A typed failure.
    pub async fn ask(&self, url: &str) -> Result<Option<Inspected>, Failure> {
        let Some(found) = self.inspect(url).await? else { return Ok(None) };
        if found.kind == Kind::Unsupported {
            return Ok(Some(found));
        }
        let wish = Wish { skip: 0, most: SAMPLE };
        let listed = async {
            let mut lister = Lister::start(&*self.tools.ready().await, self.way(), url, wish)?;
            let first = lister.next(|_| false).await?;
            let only = first.first().cloned();
            Ok(Inspected {
                first,
                kind: if lister.list { Kind::Playlist } else { Kind::Video },
                title: lister.title.clone().or_else(|| only.as_ref().and_then(|only| only.title.clone())),
                count: lister.count,
                id: only.as_ref().filter(|_| !lister.list).map(|only| only.id.to_string()).or(found.id),
                extractor: only
                    .filter(|_| !lister.list)
                    .map(|only| only.id.site().to_owned())
                    .or(found.extractor),
                site: found.site.clone(),
            })
        };
        match self.note(url, listed.await) {
            Err(failure) if failure.code == Code::Unsupported => {
                let (kind, extractor) = (Kind::Unsupported, None);
                let none = Inspected { extractor, kind, id: None, title: None, count: None, ..found };
                Ok(Some(none))
            }
            asked => asked.map(Some),
        }
    }

    /// Learns of what came of asking the site of a link.
    fn note<T>(&self, url: &str, done: Result<T, Failure>) -> Result<T, Failure> {
        match &done {
            Ok(_) => self.pace.works(&self.options, url),
            Err(failure) if failure.code == Code::RateLimited => self.pace.refused(&self.options, url),
            Err(_) => {}
        }
        done
    }

    /// How many requests a minute this node may send to the site of a link; none is no limit.
    #[must_use]
    pub fn requests_per_minute(&self, url: &str) -> Option<u32> {
        self.pace.per_minute(&self.options, url)
    }

    /// Until when nothing is begun at the site of a link, if it is closed.
    #[must_use]
    pub fn closed(&self, url: &str) -> Option<Closed> {
        self.pace.closed(&self.options, url)
    }

    /// Lets the site of a link be asked at once, although it wanted to be left alone.
    pub fn reopen(&self, url: &str) {
        self.pace.works(&self.options, url);
    }

    /// All sites that were asked or for which something is set.
    #[must_use]
    pub fn sites(&self) -> Vec<SiteView> {
        self.pace.views(&self.options)
    }

    /// Keeps an account's cookies for a site.
    ///
    /// # Errors
    /// When they are not in the right form, or the disk fails.
    pub fn keep_cookies(&self, site: &str, text: &str) -> Result<(), CookiesError> {
        cookies::keep(&self.options, site, text)
    }

    /// Forgets them.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn forget_cookies(&self, site: &str) -> Result<(), CookiesError> {
        cookies::forget(&self.options, site)
    }

    fn way(&self) -> ytdlp::Way<'_> {
        ytdlp::Way { options: &self.options, plugins: &self.plugins, pace: &self.pace }
    }

    /// Begins to ask the site what `url` names.
    ///
    /// # Errors
    /// A typed failure.
    pub async fn list<'a>(&'a self, url: &'a str, wish: Wish) -> Result<Lister<'a>, Failure> {
        self.check(url).await.map_err(|error| Failure::new(Code::Unsupported, error.to_string()))?;
        Lister::start(&*self.tools.ready().await, self.way(), url, wish)
    }

    /// The next page of a list that is being read; see [`Lister::next`].
    ///
    /// # Errors
    /// A typed failure.
    pub async fn next(
        &self,
        lister: &mut Lister<'_>,
        known: impl Fn(&VideoId) -> bool,
    ) -> Result<Vec<Item>, Failure> {
        let page = lister.next(known).await;
        self.note(lister.url, page)
    }

    /// Downloads the video at `url` into `dir`, resuming what is there. `known` hears before that by which names yt-dlp
    /// knows it, and `progress` how far it is; both may refuse.
    ///
    /// # Errors
    /// A typed failure; what was downloaded stays in `dir`.
    pub async fn fetch(
        &self,
        url: &str,
        dir: &Path,
        quality: Quality,
        known: impl Fn(&[VideoId]) -> Result<(), Failure> + Send,
        progress: impl Fn(Downloaded) -> Result<(), Failure> + Send,
    ) -> Result<Brought, Failure> {
        self.check(url).await.map_err(|error| Failure::new(Code::Unsupported, error.to_string()))?;
        let tools = self.tools.ready().await;
        let fetched = ytdlp::fetch(&tools, self.way(), url, dir, quality, known, progress).await;
        self.note(url, fetched)
    }
}
