//! Everybody with an account on the node, for who runs it.

use askama::Template;

use crate::Frame;

#[derive(Debug, Clone, Default)]
pub struct PeoplePage {
    pub frame: Frame,
    pub people: Vec<PersonRow>,
    pub invitations: Vec<InvitationRow>,
    /// A code that was just made: it is shown once.
    pub code: Option<String>,
    /// `closed`, `invited` or `open`.
    pub sign_up: String,
    pub visitors: bool,
    /// Who may send files: `nobody`, `trusted` or `everybody`.
    pub uploads: String,
    pub error: Option<String>,
}

/// Somebody.
#[derive(Debug, Clone, Default)]
pub struct PersonRow {
    pub id: String,
    pub name: String,
    pub rank: String,
    pub since: String,
    pub banned: Option<String>,
    pub me: bool,
}

/// An invitation that can still be used.
#[derive(Debug, Clone, Default)]
pub struct InvitationRow {
    pub rank: String,
    pub uses: u32,
    pub until: String,
}

/// The ranks, the least first.
const RANKS: [(&str, &str); 4] = [
    ("viewer", "rank-viewer"),
    ("trusted", "rank-trusted"),
    ("moderator", "rank-moderator"),
    ("admin", "rank-admin"),
];

impl PeoplePage {
    pub(crate) fn ranks(&self) -> [(&'static str, &'static str); 4] {
        RANKS
    }
}

#[derive(Template)]
#[template(path = "people.html")]
struct Full<'a> {
    page: &'a PeoplePage,
    here: &'static str,
}

pub fn people(page: &PeoplePage) -> String {
    crate::render(&Full { page, here: "people" })
}
