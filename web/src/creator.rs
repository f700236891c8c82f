//! The page of one creator at the origin: what is archived of them, and what they were called.

use askama::Template;

use crate::{Card, Follow, Frame, text};

#[derive(Debug, Clone, Default)]
pub struct CreatorPage {
    pub frame: Frame,
    pub name: String,
    /// Names that they had before, and when this node first heard of each.
    pub earlier: Vec<(String, String)>,
    pub site: String,
    pub url: Option<String>,
    pub videos: Vec<Card>,
    /// For who has an account.
    pub follow: Option<Follow>,
    /// Where moderators hide all of it.
    pub hide: Option<String>,
    /// Where the list goes on.
    pub older: Option<String>,
}

impl CreatorPage {
    pub(crate) fn link(&self) -> Option<&str> {
        self.url.as_deref().and_then(text::link)
    }
}

#[derive(Template)]
#[template(path = "creator.html")]
struct Full<'a> {
    page: &'a CreatorPage,
    here: &'static str,
}

pub fn creator(page: &CreatorPage) -> String {
    crate::render(&Full { page, here: "home" })
}
