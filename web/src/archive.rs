//! The archive page: ask for a link, see how far each request is and why the rest waits.

use askama::Template;

use crate::{
    Frame, JobRow, Lede, StateView,
    bar::{self, Part},
};

#[derive(Debug, Clone, Default)]
pub struct ArchivePage {
    pub frame: Frame,
    pub lede: Lede,
    /// What was typed before, kept when it was refused.
    pub url: String,
    pub error: Option<String>,
    /// The groups that a request may go into, the node's own first one first; no choice when there is one.
    pub groups: Vec<GroupChoice>,
    /// What the form's options begin with.
    pub wish: Wish,
    pub requests: Vec<RequestRow>,
    pub jobs: Vec<JobRow>,
}

/// Which videos of a source are wanted, as the fields of a form have it; empty for all.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Tells the fields of one form from those of another.
    pub id: String,
    pub follow: bool,
    pub comments: bool,
    /// Only what the site says of the videos.
    pub words: bool,
    pub newest: String,
    pub since: String,
    pub title: String,
    pub max_height: String,
    pub max_size: String,
    /// `low`, `usual` or `high`.
    pub priority: String,
}

/// A group that a request may go into.
#[derive(Debug, Clone, Default)]
pub struct GroupChoice {
    pub id: String,
    pub name: String,
    pub private: bool,
    pub chosen: bool,
}

/// The group that something belongs to, where that is not the node's own first one.
#[derive(Debug, Clone, Default)]
pub struct GroupMark {
    pub id: String,
    pub name: String,
    pub private: bool,
}

/// One request and what became of its videos.
#[derive(Debug, Clone, Default)]
pub struct RequestRow {
    pub id: String,
    pub title: String,
    pub href: Option<String>,
    pub url: String,
    /// `niconico video, asked 3 min ago`
    pub what: String,
    pub state: StateView,
    pub done: u64,
    pub running: u64,
    pub failed: u64,
    pub waiting: u64,
    /// 0 to 1.
    pub progress: f64,
    pub reason: Option<String>,
    /// Whether "Try again" is offered.
    pub retry: bool,
    pub paused: bool,
    /// Whether members have to decide of its videos.
    pub decide: bool,
    /// Whether this node can say that it wants it, too.
    pub subscribe: bool,
    /// Whether something is still to come of it.
    pub goes_on: bool,
    pub wish: Wish,
    pub group: Option<GroupMark>,
}

impl RequestRow {
    /// The bar's parts; none for a single video, which has a progress instead.
    pub(crate) fn parts(&self) -> Vec<Part> {
        if self.videos() > 1 {
            bar::parts(self.done, self.running, self.failed, self.waiting)
        } else {
            Vec::new()
        }
    }

    /// A single video's bar, while there is something to see.
    pub(crate) fn single(&self) -> Option<f64> {
        let moves = self.running > 0 || (self.progress > 0.0 && self.failed == 0 && self.done == 0);
        (self.videos() <= 1 && moves && self.progress < 1.0).then_some(self.progress)
    }

    /// Where its title leads: to its only video, else to its own page, unless that is the page.
    pub(crate) fn link(&self, page: &str) -> Option<String> {
        let own = || (page != self.id).then(|| format!("/archive/{}", self.id));
        self.href.clone().or_else(own)
    }

    /// The address, unless it is already the title.
    pub(crate) fn origin(&self) -> Option<&str> {
        crate::text::link(&self.url).filter(|url| *url != self.title)
    }

    fn videos(&self) -> u64 {
        self.done + self.running + self.failed + self.waiting
    }
}

impl ArchivePage {
    /// The page is of no single request.
    pub(crate) fn here_id(&self) -> &'static str {
        ""
    }
}

#[derive(Template)]
#[template(path = "archive.html")]
struct Full<'a> {
    page: &'a ArchivePage,
    here: &'static str,
}

#[derive(Template)]
#[template(path = "archive_live.html")]
struct Live<'a> {
    page: &'a ArchivePage,
}

pub fn archive(page: &ArchivePage) -> String {
    crate::render(&Full { page, here: "archive" })
}

/// The parts which change while the page is open.
pub fn archive_live(page: &ArchivePage) -> String {
    crate::render(&Live { page })
}
