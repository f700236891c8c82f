//! Comments that people left below a video at its origin, as yt-dlp keeps them with what it knows of the video: `comments` of its
//! `info.json`, a list of `{id, parent, author, text, timestamp, like_count, author_is_uploader}`.

use std::collections::BTreeSet;

use horahora_protocol::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// Comments that are read of one video.
const MOST: usize = 20_000;
/// Letters of one, and of a name.
const LETTERS: usize = 4_000;
const NAME: usize = 120;

/// One comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// What the site calls it.
    pub id: String,
    /// The one that it answers, if it answers one.
    pub parent: Option<String>,
    /// Who wrote it.
    pub author: String,
    /// What.
    pub text: String,
    /// When, as far as the site tells.
    pub at: Option<Timestamp>,
    /// How many liked it, as far as the site tells.
    pub likes: Option<u64>,
    /// Whether it is by who made the video.
    pub by_creator: bool,
}

/// The comments of these `info.json`s, the latest first: what is in several is taken from the first, and what the origin has no
/// more stays.
#[must_use]
pub fn read(infos: &[Vec<u8>]) -> Vec<Reply> {
    let (mut seen, mut all) = (BTreeSet::new(), Vec::new());
    for info in infos {
        let Ok(info) = serde_json::from_slice::<Info>(info) else { continue };
        for reply in info.comments.as_array().into_iter().flatten().filter_map(reply) {
            if all.len() < MOST && seen.insert(reply.id.clone()) {
                all.push(reply);
            }
        }
    }
    all
}

/// What else is in the file is not kept.
#[derive(Debug, serde::Deserialize)]
struct Info {
    #[serde(default)]
    comments: Value,
}

fn reply(value: &Value) -> Option<Reply> {
    let word = |name: &str, most: usize| {
        let text = match &value[name] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        let text: String =
            text.chars().filter(|letter| *letter == '\n' || !letter.is_control()).take(most).collect();
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let seconds = value["timestamp"].as_u64();
    Some(Reply {
        id: word("id", NAME)?,
        parent: word("parent", NAME).filter(|parent| parent != "root"),
        author: word("author", NAME).unwrap_or_else(|| "somebody".to_owned()),
        text: word("text", LETTERS)?,
        at: seconds.and_then(|seconds| seconds.checked_mul(1000)).map(Timestamp),
        likes: value["like_count"].as_u64().filter(|likes| *likes > 0),
        by_creator: value["author_is_uploader"] == true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_read_as_they_come_and_kept_when_the_origin_has_them_no_more() {
        let later = br#"{"title": "x", "comments": [
            {"id": "2", "parent": "1", "author": "b", "text": "new\u0007 words", "timestamp": 5, "like_count": 3},
            {"id": 3, "text": "no name", "author_is_uploader": true, "like_count": -1},
            {"id": "4", "author": "no words"}, {"text": "no id"}, 7, null]}"#;
        let first = br#"{"comments": [{"id": "1", "parent": "root", "author": "a", "text": "gone by now"},
            {"id": "2", "parent": "1", "author": "b", "text": "old words"}]}"#;
        let all = read(&[later.to_vec(), b"no json".to_vec(), b"{}".to_vec(), first.to_vec()]);
        let said: Vec<_> = all.iter().map(|one| (one.id.as_str(), one.text.as_str())).collect();
        assert_eq!(said, [("2", "new words"), ("3", "no name"), ("1", "gone by now")]);
        assert_eq!(
            (all[0].parent.as_deref(), all[0].likes, all[0].at),
            (Some("1"), Some(3), Some(Timestamp(5_000)))
        );
        assert_eq!((all[1].author.as_str(), all[1].by_creator, all[1].likes), ("somebody", true, None));
        assert_eq!(all[2].parent, None);
    }
}
