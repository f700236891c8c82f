//! What peers did that is not done: counted by reason, and held against the peer.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use horahora_protocol::{
    NodeId, Timestamp, codec::CodecError, feed::FeedError, growing::GrowingError, message::MessageError,
};

use crate::{clock, feeds::AcceptError};

/// Peers remembered for what they did.
const REMEMBERED: usize = 10_000;
/// Strikes after which a peer is not spoken to for a while.
const STRIKES: u32 = 5;
/// How long that is.
const BLOCKED_MS: u64 = 10 * 60 * 1000;

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A blob's bytes are not what its address says.
    WrongBytes,
    /// A blob has another size than it must have.
    WrongSize,
    /// A message is larger than allowed.
    Oversize,
    /// A message cannot be read.
    Malformed,
    /// A signature does not fit.
    BadSignature,
    /// An entry of a feed that its sender may not write, or that does not continue it.
    Forged,
    /// The peer began to send and stopped.
    Stalled,
    /// Too many messages or streams at once.
    Flood,
    /// The node told two stories: two entries of one feed at one place.
    Fork,
    /// The node asked for something of a group that it is not in.
    Outsider,
    /// A ticket that has expired, was used up, or whose issuer may not invite.
    StaleTicket,
    /// A rendition does not show what the original does.
    WrongRendition,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 12] = [
        Self::WrongBytes,
        Self::WrongSize,
        Self::Oversize,
        Self::Malformed,
        Self::BadSignature,
        Self::Forged,
        Self::Stalled,
        Self::Flood,
        Self::Fork,
        Self::Outsider,
        Self::StaleTicket,
        Self::WrongRendition,
    ];

    /// Its name in JSON and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WrongBytes => "wrong-bytes",
            Self::WrongSize => "wrong-size",
            Self::Oversize => "oversize",
            Self::Malformed => "malformed",
            Self::BadSignature => "bad-signature",
            Self::Forged => "forged",
            Self::Stalled => "stalled",
            Self::Flood => "flood",
            Self::Fork => "two-stories",
            Self::Outsider => "outsider",
            Self::StaleTicket => "stale-ticket",
            Self::WrongRendition => "wrong-rendition",
        }
    }

    /// How much it weighs: what cannot happen by accident ends the acquaintance at once.
    fn strikes(self) -> u32 {
        match self {
            Self::WrongBytes | Self::WrongSize | Self::BadSignature | Self::Fork => STRIKES,
            // Broken tools make it, too.
            Self::Oversize | Self::Malformed | Self::Forged | Self::WrongRendition => 2,
            Self::Stalled | Self::Flood | Self::StaleTicket => 1,
            // Who was removed or is not let in yet asks in good faith; and a strike would be an answer.
            Self::Outsider => 0,
        }
    }
}

/// Counts and strikes. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    counts: BTreeMap<Reason, u64>,
    strikes: BTreeMap<NodeId, (u32, Timestamp)>,
}

impl Refusals {
    /// Notes what a peer did. Gives whether it is to be left alone from now on.
    pub fn note(&self, node: &NodeId, reason: Reason) -> bool {
        tracing::warn!(%node, reason = reason.name(), "refused");
        let now = clock::now();
        let mut known = self.known();
        *known.counts.entry(reason).or_default() += 1;
        if known.strikes.len() >= REMEMBERED {
            known.strikes.clear();
        }
        let (strikes, last) = known.strikes.entry(*node).or_default();
        if now.ms_since(*last) > BLOCKED_MS {
            *strikes = 0;
        }
        (*strikes, *last) = (*strikes + reason.strikes(), now);
        *strikes >= STRIKES
    }

    /// How often each reason came up; those that never did are left out.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Reason, u64> {
        self.known().counts.clone()
    }

    /// Peers whose time is over and who may come back.
    #[must_use]
    pub fn forgiven(&self) -> Vec<NodeId> {
        let now = clock::now();
        let mut known = self.known();
        let over = |(_, last): &(u32, Timestamp)| now.ms_since(*last) > BLOCKED_MS;
        let forgiven: Vec<_> = known.strikes.iter().filter(|(_, s)| over(s)).map(|(node, _)| *node).collect();
        forgiven.iter().for_each(|node| _ = known.strikes.remove(node));
        forgiven
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a failed read means for the peer, none when the connection merely ended.
pub(super) fn of_io(error: &io::Error) -> Option<Reason> {
    error.get_ref()?.downcast_ref::<MessageError>().map(of_message)
}

pub(super) fn of_message(error: &MessageError) -> Reason {
    match error {
        MessageError::Codec(error) => of_codec(error),
        MessageError::Signature(_) => Reason::BadSignature,
        MessageError::Field(_) => Reason::Oversize,
    }
}

pub(super) fn of_growing(error: &GrowingError) -> Reason {
    match error {
        GrowingError::Codec(error) => of_codec(error),
        GrowingError::Signature(_) => Reason::BadSignature,
        GrowingError::Field(_) => Reason::Malformed,
    }
}

/// What refused entries mean for the peer that sent them; none when it is our own disk or a race.
pub(super) fn of_entries(error: &AcceptError) -> Option<Reason> {
    match error {
        AcceptError::NotAllowed => Some(Reason::Forged),
        AcceptError::Body(_) => Some(Reason::WrongBytes),
        AcceptError::Feed(error) => match error {
            FeedError::Codec(error) => Some(of_codec(error)),
            FeedError::Signature(_) => Some(Reason::BadSignature),
            FeedError::OtherFeed | FeedError::Field(_) => Some(Reason::Forged),
            // An honest peer passes on what a lying writer told it.
            FeedError::Fork(_) | FeedError::Gap { .. } => None,
        },
        AcceptError::Store(_) => None,
    }
}

fn of_codec(error: &CodecError) -> Reason {
    match error {
        CodecError::TooLarge { .. } => Reason::Oversize,
        CodecError::Malformed(_) | CodecError::NotCanonical => Reason::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_accident_ends_it_at_once_and_the_rest_adds_up() {
        let refusals = Refusals::default();
        let (bad, clumsy) = (NodeId::from_public_key([1; 32]), NodeId::from_public_key([2; 32]));
        assert!(refusals.note(&bad, Reason::WrongBytes));
        for _ in 0..4 {
            assert!(!refusals.note(&clumsy, Reason::Stalled));
        }
        assert!(refusals.note(&clumsy, Reason::Flood));
        assert_eq!(refusals.counts()[&Reason::Stalled], 4);
        assert!(refusals.forgiven().is_empty());
    }
}
