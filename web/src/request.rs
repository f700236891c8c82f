//! The page of one request: what became of each of its videos, and why.

use askama::Template;

use crate::{Frame, JobRow, RequestRow};

#[derive(Debug, Clone, Default)]
pub struct RequestPage {
    pub frame: Frame,
    /// Where the parts that change are asked for.
    pub here: String,
    pub row: RequestRow,
    pub videos: Vec<JobRow>,
    /// Where the list goes on.
    pub more: Option<String>,
}

impl RequestPage {
    pub(crate) fn here_id(&self) -> &str {
        &self.row.id
    }
}

#[derive(Template)]
#[template(path = "request.html")]
struct Full<'a> {
    page: &'a RequestPage,
    here: &'static str,
}

#[derive(Template)]
#[template(path = "request_live.html")]
struct Live<'a> {
    page: &'a RequestPage,
}

pub fn request(page: &RequestPage) -> String {
    crate::render(&Full { page, here: "archive" })
}

/// The parts which change while the page is open.
pub fn request_live(page: &RequestPage) -> String {
    crate::render(&Live { page })
}
