//! What people say is wrong with a video or a comment, for this node's moderators, and what they answer.

use data_encoding::HEXLOWER;
use horahora_protocol::{Cid, NodeId, VideoId};
use thiserror::Error;

use super::{Moderation, cut};
use crate::{
    clock,
    people::PersonRow,
    store::{
        Batch, StoreError,
        rows::{AnswerRow, REPORTS, ReportRow},
    },
};

/// Kinds of what can be wrong, with their words.
pub const KINDS: [(&str, &str); 6] = [
    ("broken", "It does not play, or is the wrong video"),
    ("rights", "It is mine, and I do not want it here"),
    ("harm", "It hurts or threatens somebody"),
    ("unlawful", "It is against the law"),
    ("spam", "It is an advertisement"),
    ("other", "Something else"),
];
/// Reports of one person that nobody answered yet.
const OPEN: usize = 50;
/// Answered ones that are kept.
const ANSWERED: usize = 5_000;

/// Why a report is not taken.
#[derive(Debug, Error)]
pub enum ReportError {
    /// There is no such kind.
    #[error("Choose what is wrong.")]
    Kind,
    /// Nothing is said.
    #[error("Say in a few words what is wrong.")]
    Text,
    /// Too many.
    #[error("{OPEN} of your reports wait for an answer. Wait until a moderator saw them.")]
    Many,
    /// There is no such report.
    #[error("There is no such report.")]
    Unknown,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a report is about.
#[derive(Debug, Clone)]
pub struct About {
    /// The video, or the one that was commented on.
    pub video: VideoId,
    /// The comment, if it is about one.
    pub comment: Option<Cid>,
}

impl Moderation {
    /// Takes a report and gives its id. Of one person and one thing there is one: said again, it is open again.
    ///
    /// # Errors
    /// When it says nothing, or too many of theirs are open.
    pub async fn report(
        &self,
        by: &PersonRow,
        about: About,
        kind: &str,
        text: &str,
    ) -> Result<String, ReportError> {
        if !KINDS.iter().any(|(known, _)| *known == kind) {
            return Err(ReportError::Kind);
        }
        let text = cut(text);
        if text.is_empty() && kind == "other" {
            return Err(ReportError::Text);
        }
        let key = key_of(&by.id, &about);
        {
            let _changing = self.store.changing();
            let all = self.reports()?;
            let open = all.iter().filter(|(id, row)| *id != key && row.by == by.id && row.answer.is_none());
            if open.count() >= OPEN {
                return Err(ReportError::Many);
            }
            let mut batch = Batch::default();
            for (id, _) in all.iter().filter(|(_, row)| row.answer.is_some()).skip(ANSWERED) {
                batch.remove(&REPORTS, id.as_bytes());
            }
            let row = ReportRow {
                at: clock::now(),
                by: by.id,
                by_name: by.name.clone(),
                video: about.video,
                comment: about.comment,
                kind: kind.to_owned(),
                text,
                answer: None,
            };
            batch.put(&REPORTS, key.as_bytes(), &row);
            self.store.write(batch)?;
        }
        self.store.durable().await?;
        Ok(key)
    }

    /// All reports with their ids: those that nobody answered first, each kind latest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn reports(&self) -> Result<Vec<(String, ReportRow)>, StoreError> {
        let rows = self.store.scan(&REPORTS, b"", None, usize::MAX)?;
        let mut all: Vec<_> =
            rows.into_iter().filter_map(|(key, row)| Some((String::from_utf8(key).ok()?, row))).collect();
        all.sort_by_key(|(_, row)| (row.answer.is_some(), std::cmp::Reverse(row.at)));
        Ok(all)
    }

    /// Answers a report.
    ///
    /// # Errors
    /// When there is none of this id, or nothing is said.
    pub async fn answer(&self, id: &str, by: &str, text: &str) -> Result<ReportRow, ReportError> {
        let text = cut(text);
        if text.is_empty() {
            return Err(ReportError::Text);
        }
        let row = {
            let _changing = self.store.changing();
            let mut row = self.store.get(&REPORTS, id.as_bytes())?.ok_or(ReportError::Unknown)?;
            row.answer = Some(AnswerRow { at: clock::now(), by: by.to_owned(), text });
            let mut batch = Batch::default();
            batch.put(&REPORTS, id.as_bytes(), &row);
            self.store.write(batch)?;
            row
        };
        self.store.durable().await?;
        Ok(row)
    }
}

fn key_of(by: &NodeId, about: &About) -> String {
    let what = about.comment.map_or_else(|| about.video.to_string(), |comment| comment.to_string());
    HEXLOWER.encode(&blake3::hash(format!("{by} {what}").as_bytes()).as_bytes()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        people::{People, Rank},
        store::Store,
    };

    #[tokio::test]
    async fn a_report_is_open_until_it_is_answered_and_one_a_person() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let people = People::new(store.clone());
        let book = Moderation::new(store);
        let ada = people.make("ada", "correct horse", Rank::Viewer).await.unwrap();
        let about =
            |number: usize| About { video: format!("niconico:sm{number}").parse().unwrap(), comment: None };
        assert!(matches!(book.report(&ada, about(9), "nothing", "").await, Err(ReportError::Kind)));
        assert!(matches!(book.report(&ada, about(9), "other", " ").await, Err(ReportError::Text)));
        let id = book.report(&ada, about(9), "broken", "no sound").await.unwrap();
        assert_eq!(book.report(&ada, about(9), "rights", "").await.unwrap(), id);
        assert_eq!(book.reports().unwrap().len(), 1);
        assert!(matches!(book.answer(&id, "bob", " ").await, Err(ReportError::Text)));
        assert!(matches!(book.answer("x", "bob", "no").await, Err(ReportError::Unknown)));
        book.answer(&id, "bob", "It was archived again.").await.unwrap();
        for number in 10..10 + OPEN {
            book.report(&ada, about(number), "spam", "").await.unwrap();
        }
        assert!(matches!(book.report(&ada, about(9), "spam", "").await, Err(ReportError::Many)));
        let all = book.reports().unwrap();
        assert_eq!(all.last().unwrap().1.answer.as_ref().unwrap().text, "It was archived again.");
    }
}
