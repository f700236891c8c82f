//! What whoever runs the node may set, with its explanations.

use askama::Template;

use crate::{Choice, Frame};

#[derive(Debug, Clone, Default)]
pub struct SettingsPage {
    pub frame: Frame,
    pub parts: Vec<SettingsPart>,
    /// Where the file is that holds them.
    pub file: String,
    /// Whether something was saved that counts after the next start.
    pub saved: bool,
    pub error: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct SettingsPart {
    pub title: String,
    pub fields: Vec<Field>,
}

/// One setting.
#[derive(Debug, Clone, Default)]
pub struct Field {
    pub key: String,
    pub label: String,
    pub help: String,
    pub kind: FieldKind,
    /// As it is written; a switch that is on is `true`.
    pub value: String,
    /// What counts where nothing is written.
    pub choices: Vec<Choice>,
    /// Whether command line or environment set it, so that it cannot be changed here.
    pub fixed: bool,
}

/// How a setting is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FieldKind {
    #[default]
    Text,
    Number,
    Lines,
    Switch,
    Choice,
}

impl Field {
    pub(crate) fn is(&self, kind: &str) -> bool {
        let own = match self.kind {
            FieldKind::Text => "text",
            FieldKind::Number => "number",
            FieldKind::Lines => "lines",
            FieldKind::Switch => "switch",
            FieldKind::Choice => "choice",
        };
        own == kind
    }

    pub(crate) fn on(&self) -> bool {
        self.value == "true"
    }
}

#[derive(Template)]
#[template(path = "settings.html")]
struct Full<'a> {
    page: &'a SettingsPage,
    here: &'static str,
}

pub fn settings(page: &SettingsPage) -> String {
    crate::render(&Full { page, here: "settings" })
}
