//! The first minutes of a node: who runs it, what it is called, how much room it leaves, who may come in, and its group.

use askama::Template;

use crate::Frame;

#[derive(Debug, Clone, Default)]
pub struct SetupPage {
    pub frame: Frame,
    /// What was typed, or what counts where nothing is.
    pub form: SetupForm,
    /// `7.3 TB, of which 6.6 TB are free`; empty where the disk does not say.
    pub disk: String,
    /// Whether name and room were set when the node was started.
    pub name_fixed: bool,
    pub room_fixed: bool,
    pub error: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct SetupForm {
    pub person: String,
    pub node: String,
    /// In GB.
    pub keep_free: String,
    /// Whether smaller sizes are made here.
    pub smaller: bool,
    /// `closed`, `invited` or `open`.
    pub sign_up: String,
    pub visitors: bool,
    /// `alone`, `new` or `ticket`.
    pub group: String,
    pub group_name: String,
    pub private: bool,
    pub ticket: String,
}

#[derive(Template)]
#[template(path = "setup.html")]
struct Full<'a> {
    page: &'a SetupPage,
    here: &'static str,
}

pub fn setup(page: &SetupPage) -> String {
    crate::render(&Full { page, here: "" })
}
