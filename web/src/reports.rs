//! What people say is wrong, and the head of all moderators' pages.

use askama::Template;

use crate::Frame;

/// What waits on each of the moderators' pages.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    /// Which page is shown: `fetch`, `uploads`, `reports`, `measures` or `log`.
    pub here: String,
    pub uploads: usize,
    pub reports: usize,
}

#[derive(Debug, Clone, Default)]
pub struct ReportsPage {
    pub frame: Frame,
    pub desk: Desk,
    /// Those that nobody answered.
    pub open: Vec<ReportView>,
    pub answered: Vec<ReportView>,
    pub error: Option<String>,
}

/// One report.
#[derive(Debug, Clone, Default)]
pub struct ReportView {
    pub id: String,
    /// The video, or the comment below it.
    pub href: Option<String>,
    pub title: String,
    /// The comment's words, where it is about one.
    pub said: Option<String>,
    /// What kind of thing is wrong, in words.
    pub kind: String,
    /// In their own words.
    pub text: String,
    pub by: String,
    pub when: String,
    /// Who answered, and what.
    pub answer: Option<(String, String)>,
}

#[derive(Template)]
#[template(path = "reports.html")]
struct Full<'a> {
    page: &'a ReportsPage,
    here: &'static str,
}

pub fn reports(page: &ReportsPage) -> String {
    crate::render(&Full { page, here: "moderate" })
}
