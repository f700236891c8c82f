//! A page that says one thing: an error, or the answer to an action. What happened, why, what to do.

use askama::Template;

use crate::{Frame, StateView};

#[derive(Debug, Clone, Default)]
pub struct MessagePage {
    pub frame: Frame,
    pub title: String,
    pub message: String,
    /// Label and address.
    pub action: Option<(String, String)>,
    pub state: StateView,
    /// Where to go once the node, which begins again, answers.
    pub again: Option<String>,
}

#[derive(Template)]
#[template(path = "message.html")]
struct Full<'a> {
    page: &'a MessagePage,
    here: &'static str,
}

pub fn message(page: &MessagePage) -> String {
    crate::render(&Full { page, here: "" })
}
