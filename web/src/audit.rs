//! What moderators and admins did on this node.

use askama::Template;

use crate::{Desk, Frame};

#[derive(Debug, Clone, Default)]
pub struct AuditPage {
    pub frame: Frame,
    pub desk: Desk,
    /// The latest first.
    pub actions: Vec<ActionView>,
    /// Where the log goes on.
    pub older: Option<String>,
}

/// Something that was done.
#[derive(Debug, Clone, Default)]
pub struct ActionView {
    pub who: String,
    pub what: String,
    pub when: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Full<'a> {
    page: &'a AuditPage,
    here: &'static str,
}

pub fn audit(page: &AuditPage) -> String {
    crate::render(&Full { page, here: "moderate" })
}
