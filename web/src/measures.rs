//! What moderators decided: what stands here, and whose lists count.

use askama::Template;

use crate::{Desk, Frame};

#[derive(Debug, Clone, Default)]
pub struct MeasuresPage {
    pub frame: Frame,
    pub desk: Desk,
    /// Whose list is shown; none for what stands here.
    pub of: Option<String>,
    /// How much the lists that agree must weigh.
    pub threshold: u32,
    pub lists: Vec<ModerationList>,
    pub shown: Vec<MeasureView>,
    pub form: MeasureForm,
    /// Whether they may say whose lists count.
    pub operates: bool,
    pub error: Option<String>,
}

/// The list of a node.
#[derive(Debug, Clone, Default)]
pub struct ModerationList {
    pub node: String,
    pub name: String,
    /// This node's own.
    pub here: bool,
    pub weight: u32,
    /// How many words are on it.
    pub words: usize,
}

/// One measure.
#[derive(Debug, Clone, Default)]
pub struct MeasureView {
    /// `video`, `creator`, `person` or `node`, and which.
    pub kind: String,
    pub id: String,
    /// The same for people.
    pub what: String,
    pub href: Option<String>,
    /// `hide`, `take-down` or `lift`.
    pub action: String,
    pub reason: String,
    /// `by hinoki, 3 min ago`
    pub said: String,
    /// Whether it counts here.
    pub stands: bool,
}

/// A measure that is being written.
#[derive(Debug, Clone, Default)]
pub struct MeasureForm {
    pub kind: String,
    pub id: String,
    pub action: String,
    pub reason: String,
    /// Whether others hear of it.
    pub tell: bool,
}

impl MeasureView {
    fn word(&self) -> String {
        crate::tr(match (self.stands, self.action.as_str()) {
            (false, _) => "measure-counts-not",
            (true, "take-down") => "measure-taken-down",
            (true, "lift") => "measure-shown",
            (true, _) => "measure-hidden",
        })
        .to_string()
    }
}

#[derive(Template)]
#[template(path = "measures.html")]
struct Full<'a> {
    page: &'a MeasuresPage,
    here: &'static str,
}

pub fn measures(page: &MeasuresPage) -> String {
    crate::render(&Full { page, here: "moderate" })
}
