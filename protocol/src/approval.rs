//! What a group lets be fetched: its rules, what its members said of videos, creators and tags, and what follows.

use serde::{Deserialize, Serialize};

use crate::{id::VideoId, limits};

/// How a group approves of what its requests list, and how it sorts that.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Which videos wait until a member approves of them.
    pub approve: Approve,
    /// What videos are, by their tags: the first one that fits counts. At most [`limits::CATEGORIES`].
    pub categories: Vec<Category>,
}

/// Which videos wait for approval before they are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approve {
    /// None.
    #[default]
    Never,
    /// Those of creators of whom the group has nothing yet.
    NewCreators,
    /// All.
    Always,
}

/// A sort of videos.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Its name, at most [`limits::NAME_BYTES`].
    pub name: String,
    /// A video with one of these in one of its tags belongs to it, whatever the case. At most
    /// [`limits::CATEGORY_WORDS`], each at most [`limits::NAME_BYTES`].
    pub words: Vec<String>,
}

/// The body of an entry of the kind `verdict`. Of what members say of one subject the latest counts, of equally late words that
/// of the greater node id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Version of this form, 1.
    pub v: u8,
    /// Of what: at most [`limits::SUBJECTS`].
    pub subjects: Vec<Subject>,
    /// What is said of each.
    pub ruling: Ruling,
    /// Why, for whoever asked for it; at most [`limits::REASON_BYTES`].
    pub reason: String,
}

/// What a verdict is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// One video.
    Video(VideoId),
    /// Everything by a creator, as the site calls them.
    Creator {
        /// The site, at most [`limits::SITE_ID_BYTES`].
        site: String,
        /// The site's id of the creator, at most [`limits::NAME_BYTES`].
        id: String,
    },
    /// Everything with a tag, in lower case; at most [`limits::NAME_BYTES`].
    Tag(String),
}

/// What is said of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ruling {
    /// It may be fetched.
    Approved,
    /// It is not fetched.
    Refused,
    /// An earlier word counts no more.
    Open,
}

impl Approve {
    /// Its name in JSON and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::NewCreators => "new-creators",
            Self::Always => "always",
        }
    }
}

impl Rules {
    /// Whether every part is within its bounds.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        let name = |text: &String| text.len() <= limits::NAME_BYTES;
        let fits = |category: &Category| {
            name(&category.name)
                && category.words.len() <= limits::CATEGORY_WORDS
                && category.words.iter().all(name)
        };
        self.categories.len() <= limits::CATEGORIES && self.categories.iter().all(fits)
    }

    /// What a video with these tags is, if any category fits.
    #[must_use]
    pub fn category(&self, tags: &[String]) -> Option<&str> {
        let tags: Vec<_> = tags.iter().map(|tag| tag.to_lowercase()).collect();
        let fits = |word: &String| tags.iter().any(|tag| tag.contains(&word.to_lowercase()));
        self.categories.iter().find(|category| category.words.iter().any(fits)).map(|c| c.name.as_str())
    }
}

impl Verdict {
    /// Whether every part is within its bounds.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        let fits = |subject: &Subject| match subject {
            Subject::Video(_) => true,
            Subject::Creator { site, id } => {
                site.len() <= limits::SITE_ID_BYTES && id.len() <= limits::NAME_BYTES
            }
            Subject::Tag(tag) => tag.len() <= limits::NAME_BYTES,
        };
        self.subjects.len() <= limits::SUBJECTS
            && self.reason.len() <= limits::REASON_BYTES
            && self.subjects.iter().all(fits)
    }
}

impl Subject {
    /// A tag, whatever its case.
    #[must_use]
    pub fn tag(tag: &str) -> Self {
        Self::Tag(tag.trim().to_lowercase())
    }

    /// What may be said of a video, in the order in which it counts: the video itself, its creator, its tags.
    pub fn of<'a>(
        video: &'a VideoId,
        creator: Option<&'a str>,
        tags: &'a [String],
    ) -> impl Iterator<Item = Self> + 'a {
        let creator = creator.map(|id| Self::Creator { site: video.site().to_owned(), id: id.to_owned() });
        let tags = tags.iter().map(|tag| Self::tag(tag));
        std::iter::once(Self::Video(video.clone())).chain(creator).chain(tags)
    }
}

/// What counts for a video, of what was said of its subjects (see [`Subject::of`], in that order): the first word that is not
/// open; of its tags a refusal before an approval.
pub fn counts<R>(said: impl IntoIterator<Item = (Subject, Ruling, R)>) -> Option<(Ruling, R)> {
    let mut approved = None;
    for (subject, ruling, why) in said {
        match (subject, ruling) {
            (_, Ruling::Open) => {}
            (Subject::Tag(_), Ruling::Approved) => _ = approved.get_or_insert((ruling, why)),
            (Subject::Video(_) | Subject::Creator { .. }, _) | (Subject::Tag(_), Ruling::Refused) => {
                return Some((ruling, why));
            }
        }
    }
    approved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|&tag| tag.to_owned()).collect()
    }

    #[test]
    fn the_first_category_with_a_word_in_a_tag_counts_whatever_the_case() {
        let category = |name: &str, words: &[&str]| Category { name: name.to_owned(), words: tags(words) };
        let categories = vec![category("Music", &["音mad", "vocaloid"]), category("Games", &["RTA", "mad"])];
        let rules = Rules { approve: Approve::Never, categories };
        assert_eq!(rules.category(&tags(&["おすすめ", "VOCALOID曲"])), Some("Music"));
        assert_eq!(rules.category(&tags(&["rta", "音MAD"])), Some("Music"));
        assert_eq!(rules.category(&tags(&["MADness"])), Some("Games"));
        assert_eq!(rules.category(&tags(&["踊ってみた"])), None);
        assert_eq!(Rules::default().category(&tags(&["rta"])), None);
    }

    #[test]
    fn the_video_counts_before_its_creator_and_that_before_its_tags() {
        let video: VideoId = "niconico:sm9".parse().unwrap();
        let tags = tags(&["Bad ", "good", "dull"]);
        let subjects: Vec<_> = Subject::of(&video, Some("7"), &tags).collect();
        assert_eq!(subjects[2], Subject::Tag("bad".to_owned()));
        let [approved, refused, open] = [Ruling::Approved, Ruling::Refused, Ruling::Open];
        for (said, expected) in [
            ([open, open, open, open, open], None),
            ([open, open, open, approved, open], Some((approved, 3))),
            ([open, open, refused, approved, open], Some((refused, 2))),
            ([open, open, approved, refused, open], Some((refused, 3))),
            ([open, approved, refused, refused, open], Some((approved, 1))),
            ([refused, approved, approved, approved, open], Some((refused, 0))),
            ([approved, refused, refused, refused, refused], Some((approved, 0))),
        ] {
            let said = subjects.iter().cloned().zip(said).enumerate();
            assert_eq!(counts(said.map(|(n, (subject, ruling))| (subject, ruling, n))), expected);
        }
    }
}
