//! The log of the node.

use askama::Template;

use crate::Frame;

#[derive(Debug, Clone, Default)]
pub struct LogPage {
    pub frame: Frame,
    /// `info`: this level and what is worse is shown.
    pub level: String,
    /// What was searched for.
    pub words: String,
    /// The latest first.
    pub lines: Vec<LogRow>,
    pub older: Option<String>,
}

/// One line.
#[derive(Debug, Clone, Default)]
pub struct LogRow {
    pub level: String,
    pub room: String,
    pub text: String,
    pub when: String,
}

impl LogPage {
    /// Levels and their words.
    fn levels(&self) -> [(&'static str, String); 4] {
        [
            ("error", "logs-errors"),
            ("warn", "logs-warnings"),
            ("info", "logs-happens"),
            ("debug", "logs-details"),
        ]
        .map(|(level, key)| (level, crate::tr(key).to_string()))
    }
}

impl LogRow {
    fn mark(&self) -> &'static str {
        match self.level.as_str() {
            "error" => "bad",
            "warn" => "warn",
            _ => "",
        }
    }
}

#[derive(Template)]
#[template(path = "logs.html")]
struct Full<'a> {
    page: &'a LogPage,
    here: &'static str,
}

pub fn logs(page: &LogPage) -> String {
    crate::render(&Full { page, here: "settings" })
}
