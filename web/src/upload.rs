//! Sending files from one's own device, and the moderators' queue of them.

use askama::Template;

use crate::{Choice, Desk, Frame, StateView};

#[derive(Debug, Clone, Default)]
pub struct UploadPage {
    pub frame: Frame,
    /// Whether who looks may send files.
    pub may: bool,
    /// Whether a moderator looks at theirs first.
    pub waits: bool,
    /// Groups that can get it.
    pub groups: Vec<Choice>,
    pub form: UploadForm,
    pub error: Option<String>,
    /// One's own, the latest first.
    pub rows: Vec<UploadRow>,
}

/// What was typed.
#[derive(Debug, Clone, Default)]
pub struct UploadForm {
    pub title: String,
    pub description: String,
    pub tags: String,
}

/// A file that was sent, or is coming.
#[derive(Debug, Clone, Default)]
pub struct UploadRow {
    pub id: String,
    /// The file's name.
    pub file: String,
    /// Empty while nobody gave it one.
    pub title: String,
    pub description: String,
    pub tags: Vec<String>,
    pub by: String,
    pub when: String,
    /// `4.1 MB`
    pub size: String,
    /// 0 to 1 while it is coming.
    pub progress: Option<f64>,
    /// Whether it lacks a title.
    pub untitled: bool,
    /// The video that it became.
    pub href: Option<String>,
    pub state: StateView,
    pub detail: String,
}

impl UploadRow {
    pub(crate) fn name(&self) -> &str {
        if self.title.is_empty() { &self.file } else { &self.title }
    }
}

/// The moderators' queue.
#[derive(Debug, Clone, Default)]
pub struct UploadsPage {
    pub frame: Frame,
    pub desk: Desk,
    pub rows: Vec<UploadRow>,
    pub error: Option<String>,
}

#[derive(Template)]
#[template(path = "upload.html")]
struct Full<'a> {
    page: &'a UploadPage,
    here: &'static str,
}

#[derive(Template)]
#[template(path = "upload_rows.html")]
struct Rows<'a> {
    page: &'a UploadPage,
}

#[derive(Template)]
#[template(path = "uploads.html")]
struct Queue<'a> {
    page: &'a UploadsPage,
    here: &'static str,
}

pub fn upload(page: &UploadPage) -> String {
    crate::render(&Full { page, here: "library" })
}

/// What changes while the page is open.
pub fn upload_live(page: &UploadPage) -> String {
    crate::render(&Rows { page })
}

pub fn uploads(page: &UploadsPage) -> String {
    crate::render(&Queue { page, here: "moderate" })
}
