//! The home page: is everything kept, what runs, what is new.

use askama::Template;

use crate::{Card, Frame, Lede, StateView};

#[derive(Debug, Clone, Default)]
pub struct HomePage {
    pub frame: Frame,
    /// Whether nobody set the node up yet, and who looks may.
    pub new: bool,
    pub lede: Lede,
    /// What runs now.
    pub jobs: Vec<JobRow>,
    pub videos: Vec<Card>,
    /// What was watched most.
    pub popular: Vec<Card>,
    /// Where the list goes on.
    pub older: Option<String>,
}

/// One piece of work, here or on another node.
#[derive(Debug, Clone, Default)]
pub struct JobRow {
    pub id: String,
    pub title: String,
    pub href: Option<String>,
    /// `capture, niconico sm9`
    pub what: String,
    /// `downloads, 41 of 96 MB`, or the reason it waits.
    pub doing: String,
    pub progress: Option<f64>,
    pub state: StateView,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Full<'a> {
    page: &'a HomePage,
    here: &'static str,
}

#[derive(Template)]
#[template(path = "home_live.html")]
struct Live<'a> {
    page: &'a HomePage,
}

pub fn home(page: &HomePage) -> String {
    crate::render(&Full { page, here: "home" })
}

/// The part which changes while the page is open.
pub fn home_live(page: &HomePage) -> String {
    crate::render(&Live { page })
}
