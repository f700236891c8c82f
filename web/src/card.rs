//! A video as a card: in the grid of the home page and, small, beside the player.

use crate::StateView;

#[derive(Debug, Clone, Default)]
pub struct Card {
    pub href: String,
    pub title: String,
    pub creator: Option<String>,
    /// The page of who made it.
    pub creator_href: Option<String>,
    /// `4:12`
    pub duration: Option<String>,
    /// The picture's address.
    pub poster: Option<String>,
    pub site: String,
    pub year: Option<String>,
    pub audio_only: bool,
    /// Only when the video is not complete.
    pub state: Option<StateView>,
    pub why: Option<String>,
    /// Shown in search only.
    pub tags: Vec<String>,
    /// `12 views`
    pub views: Option<String>,
}

impl Card {
    /// What stands in the picture's place when there is none.
    pub(crate) fn symbol(&self) -> &'static str {
        if self.audio_only { "note" } else { "play" }
    }

    pub(crate) fn why_class(&self) -> &str {
        self.state.as_ref().map_or("", |state| match state.class.as_str() {
            class @ ("bad" | "warn") => class,
            _ => "",
        })
    }
}
