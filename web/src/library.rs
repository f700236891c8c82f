//! What somebody keeps for themselves: favourites, and what they watched.

use askama::Template;

use crate::{Card, Frame};

#[derive(Debug, Clone, Default)]
pub struct LibraryPage {
    pub frame: Frame,
    /// Whether it shows the history instead of the favourites.
    pub history: bool,
    /// Whether the history rests.
    pub paused: bool,
    /// Videos on all pages of the list.
    pub total: usize,
    pub rows: Vec<LibraryRow>,
    pub newer: Option<String>,
    pub older: Option<String>,
}

/// A video on the list.
#[derive(Debug, Clone, Default)]
pub struct LibraryRow {
    pub id: String,
    pub card: Card,
    /// How long ago it came there.
    pub when: String,
}

impl LibraryPage {
    pub(crate) fn here(&self) -> &'static str {
        if self.history { "watched" } else { "favourites" }
    }

    pub(crate) fn icon(&self) -> &'static str {
        if self.history { "clock" } else { "heart" }
    }

    pub(crate) fn rest_icon(&self) -> &'static str {
        if self.paused { "play" } else { "pause" }
    }
}

#[derive(Template)]
#[template(path = "library.html")]
struct Full<'a> {
    page: &'a LibraryPage,
    here: &'static str,
}

pub fn library(page: &LibraryPage) -> String {
    crate::render(&Full { page, here: "library" })
}
