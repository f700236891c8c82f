//! The page of source sites: how much each is asked, which are left alone, whose cookies are there.

use askama::Template;

use crate::{Frame, StateView};

#[derive(Debug, Clone, Default)]
pub struct SitesPage {
    pub frame: Frame,
    pub sites: Vec<SiteRow>,
    /// The site that cookies were given for, kept when they were refused.
    pub asked: String,
    pub error: Option<String>,
    /// A link that was tried, and what came of it: whether it can be had, and the site's words.
    pub tried: String,
    pub said: Option<(bool, String)>,
}

#[derive(Debug, Clone, Default)]
pub struct SiteRow {
    pub name: String,
    /// `7 of 20 requests in the last minute, 312 requests and 1.20 GB today`
    pub asked: String,
    pub state: StateView,
    /// Why nothing is asked there now.
    pub reason: Option<String>,
    /// `Cookies are there.`
    pub cookies: Option<String>,
    /// Whether it can be asked at once all the same.
    pub resumes: bool,
}

#[derive(Template)]
#[template(path = "sites.html")]
struct Full<'a> {
    page: &'a SitesPage,
    here: &'static str,
}

pub fn sites(page: &SitesPage) -> String {
    crate::render(&Full { page, here: "archive" })
}
