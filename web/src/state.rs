//! States as people read them: a colour class, an icon and a word, always together.

use crate::tr;

/// How a state looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateView {
    /// `ok`, `warn`, `bad`, `busy`, or nothing when nobody has to act.
    pub class: String,
    /// A symbol of icons.svg.
    pub icon: String,
    pub word: String,
}

impl StateView {
    /// The view of a state's stored name. A name of a newer version is shown as it is.
    pub fn of(state: &str) -> StateView {
        let (class, icon, word) = match state {
            "queued" => ("", "clock", tr("state-queued")),
            "running" => ("busy", "spin", tr("state-running")),
            "waiting" => ("", "clock", tr("state-waiting")),
            "paused" => ("", "pause", tr("state-paused")),
            "needs-operator" => ("warn", "warn", tr("state-needs-operator")),
            "done" => ("ok", "okc", tr("state-done")),
            "failed" => ("bad", "warn", tr("state-failed")),
            "gone" => ("bad", "gone", tr("state-gone")),
            "refused" => ("bad", "x", tr("state-refused")),
            other => return StateView::new("", "info", other),
        };
        StateView::new(class, icon, word)
    }

    pub(crate) fn new(class: &str, icon: &str, word: impl Into<String>) -> StateView {
        StateView { class: class.to_owned(), icon: icon.to_owned(), word: word.into() }
    }

    /// Which note carries this state's reason.
    pub(crate) fn note(&self) -> &'static str {
        match self.class.as_str() {
            "ok" => "ok",
            "warn" => "warn",
            "bad" => "bad",
            _ => "info",
        }
    }

    pub(crate) fn symbol(&self) -> &str {
        if self.icon.is_empty() { "info" } else { &self.icon }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_its_word_and_an_icon_that_exists() {
        let icons = include_str!("../assets/icons.svg");
        let cases = [
            ("queued", "", "Queued"),
            ("running", "busy", "Running"),
            ("waiting", "", "Waits"),
            ("needs-operator", "warn", "Needs you"),
            ("done", "ok", "Complete"),
            ("failed", "bad", "Failed"),
            ("gone", "bad", "Gone"),
            ("refused", "bad", "Refused"),
            ("held-back", "", "held-back"),
        ];
        for (state, class, word) in cases {
            let view = StateView::of(state);
            assert_eq!((view.class.as_str(), view.word.as_str()), (class, word));
            assert!(icons.contains(&format!("id=\"{}\"", view.icon)), "no icon {} for {state}", view.icon);
        }
    }
}
