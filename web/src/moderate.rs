//! The page on which members decide what is fetched: what waits, what counts already, and the group's rules.

use askama::Template;

use crate::{Desk, Frame, Text, tr};

#[derive(Debug, Clone, Default)]
pub struct ModeratePage {
    pub frame: Frame,
    pub desk: Desk,
    /// The group's id.
    pub group: String,
    /// The groups whose members this node is one of.
    pub groups: Vec<Choice>,
    /// `7 videos wait for approval, the oldest found 3 h ago`
    pub lead: String,
    /// What the group's rules say.
    pub policy: String,
    pub categories: Vec<Choice>,
    /// What was searched for.
    pub words: String,
    /// Creators of most of the waiting videos, and tags.
    pub creators: Vec<Choice>,
    pub tags: Vec<Choice>,
    /// How many videos the filter lets through; more than are shown.
    pub found: u64,
    pub more: bool,
    pub videos: Vec<WaitingRow>,
    pub standing: Vec<StandingRow>,
    pub rules: RulesForm,
    pub error: Option<String>,
}

/// One of several.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    pub value: String,
    pub label: String,
    pub chosen: bool,
}

/// A video that waits.
#[derive(Debug, Clone, Default)]
pub struct WaitingRow {
    pub id: String,
    pub title: String,
    pub href: String,
    /// Where it is shown at its site; only safe schemes become links.
    pub origin: String,
    pub site: String,
    pub creator: Option<String>,
    pub creator_href: Option<String>,
    /// `site/id` of the creator, to decide of all of theirs.
    pub creator_value: Option<String>,
    pub duration: Option<String>,
    pub category: String,
    pub tags: Vec<String>,
    /// `found in YTPMV, 3 min ago`
    pub asked: String,
}

/// Something that was said and counts.
#[derive(Debug, Clone, Default)]
pub struct StandingRow {
    /// `video`, `creator` or `tag`, and which.
    pub name: String,
    pub value: String,
    /// The same for people.
    pub what: String,
    pub approved: bool,
    /// `by hinoki, 3 min ago: re-uploads`
    pub said: String,
}

/// A group's rules as a form.
#[derive(Debug, Clone, Default)]
pub struct RulesForm {
    /// Whether this node may change them.
    pub may: bool,
    /// `never`, `new-creators` or `always`.
    pub approve: String,
    /// `Music: vocaloid, utau`, one a line.
    pub categories: String,
}

impl WaitingRow {
    fn origin(&self) -> Option<&str> {
        let safe = self.origin.starts_with("https://") || self.origin.starts_with("http://");
        safe.then_some(self.origin.as_str())
    }
}

impl StandingRow {
    fn word(&self) -> Text {
        tr(if self.approved { "verdict-approved" } else { "state-refused" })
    }
}

#[derive(Template)]
#[template(path = "moderate.html")]
struct Full<'a> {
    page: &'a ModeratePage,
    here: &'static str,
}

pub fn moderate(page: &ModeratePage) -> String {
    crate::render(&Full { page, here: "moderate" })
}
