//! What the moderators of this node did: the videos that they hide here, and the log of every act.
//!
//! It is this node's own house: others show what they want.

use horahora_protocol::VideoId;

use crate::{
    clock,
    store::{
        Batch, Store, StoreError,
        rows::{ACTIONS, ActionRow, HIDDEN, HiddenRow, VIDEOS, VideoRow, aged_key},
    },
};

mod reports;

pub use reports::{About, KINDS, ReportError};

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

    /// Why a video is hidden here, if it is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn hidden(&self, video: &VideoId) -> Result<Option<HiddenRow>, StoreError> {
        self.store.get(&HIDDEN, video.as_str().as_bytes())
    }

    /// The videos that are hidden here, by their ids.
    ///
    /// # Errors
    /// When the database fails.
    pub fn all_hidden(&self) -> Result<Vec<(VideoId, HiddenRow)>, StoreError> {
        let rows = self.store.scan(&HIDDEN, b"", None, usize::MAX)?;
        let id = |key: Vec<u8>| String::from_utf8(key).ok()?.parse().ok();
        Ok(rows.into_iter().filter_map(|(key, row)| Some((id(key)?, row))).collect())
    }

    /// Hides a video from everybody but moderators, or shows it again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_hidden(
        &self,
        video: &VideoId,
        by: &str,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        {
            let _changing = self.store.changing();
            let key = video.as_str().as_bytes();
            let mut batch = Batch::default();
            match reason {
                Some(reason) => {
                    let row = HiddenRow { at: clock::now(), by: by.to_owned(), reason: cut(reason) };
                    batch.put(&HIDDEN, key, &row);
                }
                None => batch.remove(&HIDDEN, key),
            }
            // Whoever follows the videos looks at this one again.
            if let Some(row) = self.store.get(&VIDEOS, key)? {
                let row: VideoRow = row;
                batch.put(&VIDEOS, key, &row);
            }
            self.store.write(batch)?;
        }
        self.store.durable().await
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
    use horahora_protocol::Timestamp;

    use super::*;

    #[tokio::test]
    async fn what_is_hidden_and_done_is_in_the_book() {
        let dir = tempfile::tempdir().unwrap();
        let book = Moderation::new(Store::open(dir.path()).unwrap());
        let video: VideoId = "niconico:sm9".parse().unwrap();
        book.set_hidden(&video, "ada", Some("  its author\nasked ")).await.unwrap();
        let row = book.hidden(&video).unwrap().unwrap();
        assert_eq!((row.by.as_str(), row.reason.as_str()), ("ada", "its author asked"));
        assert!(row.at > Timestamp::default());
        assert_eq!(book.all_hidden().unwrap()[0].0, video);
        book.set_hidden(&video, "ada", None).await.unwrap();
        assert!(book.hidden(&video).unwrap().is_none());
        for what in ["one", "two", "three"] {
            book.note("ada", what).unwrap();
        }
        let log = book.log(None, 2).unwrap();
        assert_eq!(log.len(), 2);
        assert_eq!(book.log(Some(&log[1].0), 5).unwrap().len(), 1);
    }
}
