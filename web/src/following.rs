//! Searches that somebody follows, and what is new of them.

use askama::Template;

use crate::{Card, Frame};

#[derive(Debug, Clone, Default)]
pub struct FollowingPage {
    pub frame: Frame,
    /// What was archived last of all that is followed.
    pub videos: Vec<Card>,
    pub searches: Vec<FollowedSearch>,
}

/// A search that is followed.
#[derive(Debug, Clone, Default)]
pub struct FollowedSearch {
    /// For people: `tag: 音MAD, without piano`.
    pub words: String,
    /// As it stands in an address.
    pub search: String,
    pub href: String,
    pub feed: String,
    /// How long ago it began.
    pub since: String,
}

/// The button that follows what a page shows.
#[derive(Debug, Clone, Default)]
pub struct Follow {
    /// Whether it is followed.
    pub on: bool,
    pub search: String,
    /// `search` or `creator`: where the button stands.
    pub at: String,
}

#[derive(Template)]
#[template(path = "following.html")]
struct Full<'a> {
    page: &'a FollowingPage,
    here: &'static str,
}

pub fn following(page: &FollowingPage) -> String {
    crate::render(&Full { page, here: "library" })
}
