//! Search and browsing: how many there are, by which words, and how to narrow it.

use askama::Template;

use crate::{Card, Choice, Follow, Frame, Lede};

#[derive(Debug, Clone, Default)]
pub struct SearchPage {
    pub frame: Frame,
    pub lede: Lede,
    /// The words that were looked for.
    pub terms: Vec<Term>,
    pub sites: Vec<Check>,
    pub lengths: Vec<Check>,
    /// Years, as they were typed.
    pub from: String,
    pub to: String,
    pub gone: bool,
    /// `site/id` of a creator.
    pub by: String,
    pub sorts: Vec<Choice>,
    pub videos: Vec<Card>,
    pub pages: Vec<PageLink>,
    pub next: Option<String>,
    /// The same as a feed.
    pub feed: String,
    /// For who has an account, and for more than everything.
    pub follow: Option<Follow>,
    /// How many filters are set besides words.
    pub filters: usize,
    /// The search without words and filters.
    pub plain: bool,
}

/// A word of the search; it can be taken away.
#[derive(Debug, Clone, Default)]
pub struct Term {
    pub not: bool,
    /// `tag: 音MAD`
    pub text: String,
    /// The same search without it.
    pub without: String,
}

/// Something to tick, with how many there are.
#[derive(Debug, Clone, Default)]
pub struct Check {
    pub value: String,
    pub label: String,
    pub count: Option<String>,
    pub on: bool,
}

#[derive(Debug, Clone, Default)]
pub struct PageLink {
    pub number: usize,
    pub href: String,
    pub here: bool,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Full<'a> {
    page: &'a SearchPage,
    here: &'static str,
}

pub fn search(page: &SearchPage) -> String {
    crate::render(&Full { page, here: "search" })
}
