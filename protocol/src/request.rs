//! How a request for archiving is meant: which of its videos, in which quality, and whether it goes on.

use serde::{Deserialize, Serialize};

use crate::{codec::Cid, limits, time::Timestamp};

/// What a member says of a request later on. Of several the latest counts (of equally late ones that of the greater node
/// id), whoever says it: members trust each other with the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestChange {
    /// Version of this form, 1.
    pub v: u8,
    /// The request: the address of its signed entry.
    pub request: Cid,
    /// Whether it goes on.
    pub stand: Stand,
    /// How it is meant.
    pub options: Options,
}

/// Whether a request goes on. Of several requests for one video the least counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stand {
    /// It is worked on.
    #[default]
    Active,
    /// Nothing of it is begun until it is active again.
    Paused,
    /// Nobody wants more of it. What is archived stays.
    Removed,
}

/// Which videos of a source are wanted, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Whether new videos of the source are wanted later, too.
    pub follow: bool,
    /// Only so many of the source's first ones; sites list the newest first.
    pub newest: Option<u32>,
    /// Only what the site published at this time or later, as far as it tells.
    pub since: Option<Timestamp>,
    /// Only videos with all of these words in their titles, whatever their case; at most [`limits::NAME_BYTES`].
    pub title: Option<String>,
    /// At most this height in pixels, where the site has it.
    pub max_height: Option<u32>,
    /// No video that is larger, in bytes, as far as the site tells before.
    pub max_bytes: Option<u64>,
    /// Whether the replies below a video are kept.
    pub comments: bool,
    /// Whether picture and sound are wanted, not only what the site says of the videos; not written when they are.
    #[serde(default = "wanted", skip_serializing_if = "is_wanted")]
    pub media: bool,
    /// How early its videos are fetched; not written when it is the usual one.
    #[serde(default, skip_serializing_if = "Priority::is_usual")]
    pub priority: Priority,
}

fn wanted() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_wanted(media: &bool) -> bool {
    *media
}

/// How early the videos of a request are fetched, beside those of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// A quarter as often as usual.
    Low,
    /// As often as others.
    #[default]
    Usual,
    /// Four times as often as usual.
    High,
}

impl Priority {
    fn is_usual(&self) -> bool {
        *self == Self::Usual
    }

    /// Its share of the draws between requests: of `subscribers` members who want it.
    #[must_use]
    pub fn weight(self, subscribers: u32) -> u32 {
        let share = match self {
            Self::Low => 1,
            Self::Usual => 4,
            Self::High => 16,
        };
        subscribers.max(1).saturating_mul(share)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            follow: false,
            newest: None,
            since: None,
            title: None,
            max_height: None,
            max_bytes: None,
            comments: true,
            media: true,
            priority: Priority::Usual,
        }
    }
}

impl Options {
    /// Whether every part is within its bounds.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.title.as_ref().is_none_or(|words| words.len() <= limits::NAME_BYTES)
    }

    /// Whether a video of this title and time is wanted; what the site does not tell is no reason against it.
    #[must_use]
    pub fn wants(&self, title: Option<&str>, published: Option<Timestamp>) -> bool {
        let late_enough = self.since.zip(published).is_none_or(|(since, at)| at >= since);
        let named = self.title.as_ref().zip(title).is_none_or(|(words, title)| {
            let title = title.to_lowercase();
            words.to_lowercase().split_whitespace().all(|word| title.contains(word))
        });
        late_enough && named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_of_the_title_and_the_time_decide_and_what_is_not_told_does_not() {
        let options = Options {
            title: Some("YTPMV  rabbit".to_owned()),
            since: Some(Timestamp(1_000)),
            ..Options::default()
        };
        assert!(options.wants(Some("Rabbit: a ytpmv"), Some(Timestamp(1_000))));
        assert!(options.wants(Some("Rabbit: a ytpmv"), None) && options.wants(None, Some(Timestamp(2_000))));
        assert!(!options.wants(Some("a ytpmv"), None));
        assert!(!options.wants(Some("Rabbit: a ytpmv"), Some(Timestamp(999))));
        assert!(Options::default().wants(None, None));
    }
}
