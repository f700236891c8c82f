//! Lists of videos that people make, and the one that is played.

use askama::Template;

use crate::{Card, Frame};

/// Somebody's own lists.
#[derive(Debug, Clone, Default)]
pub struct ListsPage {
    pub frame: Frame,
    pub rows: Vec<ListRow>,
    pub error: Option<String>,
}

/// One list among others.
#[derive(Debug, Clone, Default)]
pub struct ListRow {
    pub id: String,
    pub href: String,
    pub name: String,
    /// What its owner is called.
    pub by: String,
    /// Whether others may see it.
    pub public: bool,
    /// `12 videos, changed 3 h ago`
    pub detail: String,
}

/// One list with its videos.
#[derive(Debug, Clone, Default)]
pub struct ListPage {
    pub frame: Frame,
    pub list: ListRow,
    pub about: String,
    /// Whether who looks made it.
    pub mine: bool,
    /// Where it begins to play.
    pub first: Option<String>,
    pub videos: Vec<InList>,
}

/// A video of a list.
#[derive(Debug, Clone, Default)]
pub struct InList {
    pub id: String,
    /// None when it is gone, or hidden from who looks.
    pub card: Option<Card>,
}

/// A list of who looks, for a video to go into.
#[derive(Debug, Clone, Default)]
pub struct ListChoice {
    pub id: String,
    pub name: String,
    /// Whether the video is in it.
    pub on: bool,
}

/// The list that is played beside a video.
#[derive(Debug, Clone, Default)]
pub struct PlayList {
    pub href: String,
    pub name: String,
    pub by: String,
    /// `3 of 12`
    pub place: String,
    /// Which of the cards is the one that plays.
    pub at: usize,
    pub cards: Vec<Card>,
}

impl PlayList {
    /// What comes after the one that plays.
    pub(crate) fn next(&self) -> Option<&Card> {
        self.cards.get(self.at + 1)
    }
}

#[derive(Template)]
#[template(path = "lists.html")]
struct All<'a> {
    page: &'a ListsPage,
    here: &'static str,
}

#[derive(Template)]
#[template(path = "list.html")]
struct One<'a> {
    page: &'a ListPage,
    here: &'static str,
}

pub fn lists(page: &ListsPage) -> String {
    crate::render(&All { page, here: "library" })
}

pub fn list(page: &ListPage) -> String {
    crate::render(&One { page, here: "library" })
}
