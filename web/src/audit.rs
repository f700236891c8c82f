//! What moderators and admins did on this node, and what they hide.

use askama::Template;

use crate::{Desk, Frame};

#[derive(Debug, Clone, Default)]
pub struct AuditPage {
    pub frame: Frame,
    pub desk: Desk,
    pub hidden: Vec<HiddenView>,
    /// The latest first.
    pub actions: Vec<ActionView>,
    /// Where the log goes on.
    pub older: Option<String>,
}

/// A video that is hidden.
#[derive(Debug, Clone, Default)]
pub struct HiddenView {
    pub title: String,
    pub href: Option<String>,
    pub by: String,
    pub reason: String,
    pub when: String,
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
