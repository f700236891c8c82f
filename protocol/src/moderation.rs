//! Words of moderators that others may take for their own: what a node hides, and why. All words of a node are its moderation
//! list; who trusts how many of them decides what they do elsewhere.

use serde::{Deserialize, Serialize};

use crate::{
    codec::{self, Cid},
    id::{NodeId, VideoId},
    limits,
    time::Timestamp,
};

/// The body of an entry of the kind `measure`: a moderator of the writing node takes a measure. Of what a node says of one
/// target the latest counts, of equally late words the one for more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Version of this form, 1.
    pub v: u8,
    /// When it was taken.
    pub at: Timestamp,
    /// Against what.
    pub target: Target,
    /// What is to be done.
    pub action: Action,
    /// Why, at most [`limits::REASON_BYTES`].
    pub reason: String,
}

/// What a measure is taken against.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// One video.
    Video(VideoId),
    /// All videos by a creator, as the site calls them.
    Creator {
        /// The site, at most [`limits::SITE_ID_BYTES`].
        site: String,
        /// The site's id of the creator, at most [`limits::NAME_BYTES`].
        id: String,
    },
    /// All that a person says.
    Person(NodeId),
    /// All that a node archives, and all that its people say.
    Node(NodeId),
}

/// What is to be done about a target, the mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing, or nothing more.
    Lift,
    /// It is shown to moderators alone.
    Hide,
    /// It is shown to nobody and given to nobody.
    TakeDown,
}

impl Measure {
    /// Whether every part is within its bounds.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        let target = match &self.target {
            Target::Creator { site, id } => {
                site.len() <= limits::SITE_ID_BYTES && id.len() <= limits::NAME_BYTES
            }
            Target::Video(_) | Target::Person(_) | Target::Node(_) => true,
        };
        target && self.reason.len() <= limits::REASON_BYTES
    }
}

impl Target {
    /// Names it in few bytes.
    #[must_use]
    pub fn address(&self) -> Cid {
        codec::block(self).0
    }
}

impl Action {
    /// Its name in JSON and in forms.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lift => "lift",
            Self::Hide => "hide",
            Self::TakeDown => "take-down",
        }
    }
}

/// What follows for a target from the words of the lists that a node trusts, each with its weight: the strongest action for which
/// the weights of all who want at least that much add up to the threshold.
#[must_use]
pub fn outcome(words: impl IntoIterator<Item = (Action, u32)>, threshold: u32) -> Action {
    let (mut hide, mut take_down) = (0_u32, 0_u32);
    for (action, weight) in words {
        if action >= Action::Hide {
            hide = hide.saturating_add(weight);
        }
        if action >= Action::TakeDown {
            take_down = take_down.saturating_add(weight);
        }
    }
    match threshold.max(1) {
        threshold if take_down >= threshold => Action::TakeDown,
        threshold if hide >= threshold => Action::Hide,
        _ => Action::Lift,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_trusted_lists_decide_and_the_milder_of_what_they_agree_on_counts() {
        let [lift, hide, down] = [Action::Lift, Action::Hide, Action::TakeDown];
        for (words, threshold, expected) in [
            (vec![], 1, lift),
            (vec![(hide, 1)], 2, lift),
            (vec![(hide, 1), (lift, 5)], 2, lift),
            (vec![(hide, 1), (hide, 1)], 2, hide),
            (vec![(hide, 1), (down, 1)], 2, hide),
            (vec![(down, 1), (down, 1), (hide, 1)], 2, down),
            (vec![(down, 2)], 2, down),
            (vec![(hide, u32::MAX), (down, u32::MAX)], u32::MAX, down),
            (vec![(hide, 0)], 0, lift),
        ] {
            assert_eq!(outcome(words.clone(), threshold), expected, "{words:?} of {threshold}");
        }
    }
}
