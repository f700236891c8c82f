//! What is round every page: names, theme, navigation, the sentence on top and the tools that still arrive.

use crate::{StateView, Text, tr};

/// The node's part of a page.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    pub node_name: String,
    pub group_name: String,
    pub version: String,
    /// `auto`, `light` or `dark`, as the cookie `theme` says.
    pub theme: String,
    /// Whether who looks runs the node.
    pub logged_in: bool,
    /// Whether they may ask for videos.
    pub asks: bool,
    /// Whether they decide what is fetched and shown.
    pub decides: bool,
    /// Whether they are logged in at all.
    pub known: bool,
    /// Their account; who runs the node may have none.
    pub me: Option<Me>,
    /// What stands in the search box.
    pub query: String,
    /// Empty once every tool is ready.
    pub tools: Vec<ToolRow>,
}

/// An account, as its owner sees it on every page.
#[derive(Debug, Clone, Default)]
pub struct Me {
    pub name: String,
    /// `viewer`, `trusted`, `moderator` or `admin`.
    pub rank: String,
}

/// A tool the node fetches for itself.
#[derive(Debug, Clone, Default)]
pub struct ToolRow {
    pub name: String,
    pub state: String,
    /// 0 to 1.
    pub progress: Option<f64>,
    pub message: String,
}

/// The first sentence of a page: it answers the page's question.
#[derive(Debug, Clone, Default)]
pub struct Lede {
    pub state: StateView,
    /// The bold part.
    pub lead: String,
    pub rest: String,
}

impl Frame {
    /// A cookie is a stranger's text: anything but the two themes is `auto`.
    pub(crate) fn theme_name(&self) -> &'static str {
        match self.theme.as_str() {
            "light" => "light",
            "dark" => "dark",
            _ => "auto",
        }
    }

    pub(crate) fn theme_word(&self) -> Text {
        match self.theme_name() {
            "light" => tr("theme-light"),
            "dark" => tr("theme-dark"),
            _ => tr("theme-auto"),
        }
    }

    pub(crate) fn tools_state(&self) -> StateView {
        if self.tools.iter().any(ToolRow::has_failed) {
            StateView::new("warn", "warn", tr("tools-missing"))
        } else {
            StateView::new("busy", "spin", tr("tools-fetching"))
        }
    }
}

impl ToolRow {
    pub(crate) fn has_failed(&self) -> bool {
        self.state == "failed"
    }
}
