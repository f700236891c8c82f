//! Reads a list page by page, and knows when it has come to its end.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    hash::{DefaultHasher, Hash, Hasher},
};

use horahora_protocol::VideoId;

use super::{Child, Event, Order, Way, explain, video_of_list};
use crate::{
    ingest::{Failure, Item, Wish},
    store::rows::Code,
    tools::Toolset,
};

/// So many known videos in a row, some pages of any site, and the rest of a list is known.
const KNOWN_IN_A_ROW: u32 = 100;
/// So many requests without a new video, and the list goes round in circles: some sites count more videos than they show, and
/// yt-dlp asks for the rest for ever.
const REQUESTS_IN_VAIN: u32 = 30;
/// Videos that are handed over at once.
const CHUNK: usize = 500;

/// A list that is being read. Dropping it ends that.
pub struct Lister<'a> {
    way: Way<'a>,
    pub(in crate::ingest) url: &'a str,
    child: Option<Child>,
    /// The request that yt-dlp waits with until what came so far is written down.
    asks: Option<String>,
    /// Hashes of the videos that were told.
    told: BTreeSet<u64>,
    known_in_a_row: u32,
    in_vain: u32,
    /// Whether it is a list, be it of one video.
    pub list: bool,
    /// What the source calls itself.
    pub title: Option<String>,
    /// How many videos the source says that it has.
    pub count: Option<u64>,
    /// How many of its first videos were left out.
    pub skipped: u64,
    /// Whether it was read to its own end.
    pub whole: bool,
}

impl std::fmt::Debug for Lister<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lister")
            .field("url", &self.url)
            .field("told", &self.told.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Lister<'a> {
    pub(in crate::ingest) fn start(
        tools: &Toolset,
        way: Way<'a>,
        url: &'a str,
        wish: Wish,
    ) -> Result<Self, Failure> {
        let args = [if video_of_list(url) { "--no-playlist" } else { "--yes-playlist" }].map(OsString::from);
        let dir = std::env::temp_dir();
        let order =
            Order { mode: "list", skip: wish.skip, most: wish.most, dir: &dir, args: &args, urls: &[url] };
        Ok(Self {
            child: Some(Child::start(tools, way.options, way.plugins, order)?),
            way,
            url,
            asks: None,
            told: BTreeSet::new(),
            known_in_a_row: 0,
            in_vain: 0,
            list: false,
            title: None,
            count: None,
            skipped: 0,
            whole: false,
        })
    }

    /// Whether the list told a video.
    #[must_use]
    pub fn told(&self, id: &VideoId) -> bool {
        self.told.contains(&hash(id))
    }

    /// The next videos, in the site's order; none at the end. `known` tells which are known: where many of them follow each
    /// other the rest of the list is, too.
    ///
    /// # Errors
    /// A typed failure; what was told before stays true.
    pub async fn next(&mut self, known: impl Fn(&VideoId) -> bool) -> Result<Vec<Item>, Failure> {
        let mut page = Vec::new();
        while page.len() < CHUNK {
            let Some(child) = &mut self.child else { break };
            if let Some(url) = self.asks.take() {
                self.way.pace.ask(self.way.options, &url).await?;
                child.go_on().await?;
            }
            match child.next().await? {
                Some(Event::Ask { url }) => {
                    self.asks = Some(url);
                    self.in_vain += 1;
                    if self.list && self.in_vain > REQUESTS_IN_VAIN {
                        self.child = None;
                    }
                    if !page.is_empty() {
                        break;
                    }
                }
                Some(Event::Source { title, count, skipped }) => {
                    (self.list, self.title, self.count, self.skipped) = (true, title, count, skipped);
                }
                // Its videos may all be known from another one, and there are not many of them.
                Some(Event::List) => self.in_vain = 0,
                Some(Event::Item(told)) => {
                    let Some(item) = told.item().filter(|item| self.told.insert(hash(&item.id))) else {
                        continue;
                    };
                    self.in_vain = 0;
                    self.known_in_a_row = if known(&item.id) { self.known_in_a_row + 1 } else { 0 };
                    if self.known_in_a_row >= KNOWN_IN_A_ROW {
                        self.child = None;
                    }
                    page.push(item);
                }
                Some(Event::Failure { kind, message }) => {
                    return Err(self.way.explain(self.url, kind, &message));
                }
                Some(
                    Event::Inspected { .. } | Event::Names { .. } | Event::Progress(_) | Event::Done { .. },
                ) => {}
                None => {
                    if let Some(child) = self.child.take() {
                        child.finish().await?;
                        self.whole = true;
                    }
                }
            }
        }
        if self.child.is_none() && self.told.is_empty() && self.skipped == 0 {
            return Err(explain(Code::Unsupported, "There is no video at this address."));
        }
        Ok(page)
    }
}

fn hash(id: &VideoId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
