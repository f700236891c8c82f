//! What the moderators of this node decide: measures against videos, creators, people and nodes, whose measures of other nodes count
//! here, what people report, and the log of every act.

use crate::{
    clock,
    store::{
        Batch, Store, StoreError,
        rows::{ACTIONS, ActionRow, aged_key},
    },
};

mod measures;
mod reports;
mod standings;

pub use measures::{Decision, HEAVIEST, List, MeasureError, Measures, learn};
pub use reports::{About, KINDS, ReportError};
pub use standings::{Standing, Standings};

/// Letters of a reason, and of what was done.
const LETTERS: usize = 500;

/// The moderators' book. Clones share it.
#[derive(Debug, Clone)]
pub struct Moderation {
    store: Store,
}

impl Moderation {
    /// That of this database.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Writes down what somebody did.
    ///
    /// # Errors
    /// When the database fails.
    pub fn note(&self, who: &str, what: &str) -> Result<(), StoreError> {
        let row = ActionRow { at: clock::now(), who: who.to_owned(), what: cut(what) };
        let mut batch = Batch::default();
        batch.put(&ACTIONS, &aged_key(row.at, &clock::random::<4>()), &row);
        self.store.write(batch)
    }

    /// What was done, the latest first, after a key that was given before; each with its key.
    ///
    /// # Errors
    /// When the database fails.
    pub fn log(&self, after: Option<&[u8]>, limit: usize) -> Result<Vec<(Vec<u8>, ActionRow)>, StoreError> {
        self.store.scan(&ACTIONS, b"", after, limit)
    }
}

fn cut(text: &str) -> String {
    let letters = text.trim().chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    letters.take(LETTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_in_the_book() {
        let dir = tempfile::tempdir().unwrap();
        let book = Moderation::new(Store::open(dir.path()).unwrap());
        for what in ["one", "two", "three"] {
            book.note("ada", what).unwrap();
        }
        let log = book.log(None, 2).unwrap();
        assert_eq!(log.len(), 2);
        assert_eq!(book.log(Some(&log[1].0), 5).unwrap().len(), 1);
    }
}
