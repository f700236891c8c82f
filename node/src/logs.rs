//! The last lines of the log, for a page: whoever runs a node at home does not sit at its terminal.

use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use horahora_protocol::Timestamp;
use serde::Serialize;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use crate::clock;

/// Lines that are kept; older ones are where the program's standard error goes.
const KEPT: usize = 5_000;
/// Bytes of one.
const LINE_BYTES: usize = 2_000;

/// One line.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// Counts them from the start of the node.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: &'static str,
    /// The room that it comes from, `jobs`.
    pub room: String,
    /// What happened, and with what.
    pub text: String,
}

/// What of the log is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// This level and what is worse.
    pub level: Level,
    /// These words in room or text, whatever the case.
    pub words: String,
    /// Only lines before this one.
    pub before: Option<u64>,
}

/// The last lines. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Logs(Arc<Mutex<VecDeque<Line>>>);

impl Logs {
    /// The latest lines that are wanted, the latest first.
    #[must_use]
    pub fn last(&self, wanted: &Wanted, limit: usize) -> Vec<Line> {
        let words = wanted.words.trim().to_lowercase();
        let fits = |line: &&Line| {
            line.level.parse::<Level>().is_ok_and(|level| level <= wanted.level)
                && wanted.before.is_none_or(|before| line.number < before)
                && (words.is_empty()
                    || format!("{} {}", line.room, line.text).to_lowercase().contains(&words))
        };
        self.locked().iter().rev().filter(fits).take(limit).cloned().collect()
    }

    fn add(&self, level: Level, room: &str, mut text: String) {
        text.truncate(text.floor_char_boundary(LINE_BYTES));
        let mut lines = self.locked();
        let number = lines.back().map_or(0, |line| line.number + 1);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(Line { number, at: clock::now(), level: name(level), room: room.to_owned(), text });
    }

    fn locked(&self) -> MutexGuard<'_, VecDeque<Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Logs {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut words = Words::default();
        event.record(&mut words);
        let target = event.metadata().target();
        let room = target.strip_prefix("horahora::").unwrap_or(target);
        self.add(*event.metadata().level(), room, words.message + &words.fields);
    }
}

/// `message key=value …`, as the terminal has it.
#[derive(Debug, Default)]
struct Words {
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value}"),
            name => write!(self.fields, " {name}={value}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn texts(logs: &Logs, level: Level, words: &str, before: Option<u64>) -> Vec<String> {
        let wanted = Wanted { level, words: words.to_owned(), before };
        logs.last(&wanted, 3).into_iter().map(|line| format!("{} {}", line.level, line.text)).collect()
    }

    #[test]
    fn the_last_lines_are_found_by_level_and_words() {
        let logs = Logs::default();
        let subscriber = tracing_subscriber::registry().with(logs.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(job = "capture/niconico:sm9", "begins");
            tracing::warn!(count = 3, "the site wants us to slow down");
            tracing::debug!("nobody asked");
        });
        assert_eq!(
            texts(&logs, Level::INFO, "", None),
            ["warn the site wants us to slow down count=3", "info begins job=capture/niconico:sm9"]
        );
        assert_eq!(texts(&logs, Level::TRACE, "SM9", None), ["info begins job=capture/niconico:sm9"]);
        assert_eq!(texts(&logs, Level::TRACE, "", Some(1)), ["info begins job=capture/niconico:sm9"]);
        for number in 0..KEPT {
            logs.add(Level::INFO, "jobs", format!("{number}"));
        }
        assert_eq!(texts(&logs, Level::TRACE, "begins", None), Vec::<String>::new());
        logs.add(Level::INFO, "jobs", "あ".repeat(LINE_BYTES));
        assert!(
            logs.last(&Wanted { level: Level::INFO, words: String::new(), before: None }, 1)[0].text.len()
                <= LINE_BYTES
        );
    }
}
