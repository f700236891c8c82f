//! How large messages and what is in them may be.

use super::{Answer, Ask, Gossip, Heads, Message, Request, Response, Vote, Want};
use crate::limits;

impl Message for Request {
    const CAP: usize = limits::REQUEST_BYTES;

    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Heads(ask) => ask.check(),
            Self::Entries { .. } => Ok(()),
            Self::Growing { have, .. } if have.len() > limits::RUNGS => Err("list of renditions"),
            Self::Growing { .. } => Ok(()),
            Self::Holding { manifests } => bound(manifests, limits::HOLDINGS, "list of manifests"),
            Self::Videos { videos } => bound(videos, limits::HOLDINGS, "list of videos"),
            Self::Captures { .. } => Ok(()),
            Self::Join { invite, redemption } => {
                bound(invite, limits::INVITE_BYTES, "invitation")?;
                bound(redemption, limits::INVITE_BYTES, "redemption")
            }
            Self::Claim { claim } => bound(claim, limits::CLAIM_BYTES, "claim"),
            Self::Claims { claims, .. } => bound(claims, limits::CLAIMS, "list of claims"),
            Self::News { gossip, .. } => gossip.check(),
        }
    }
}

impl Message for Response {
    const CAP: usize = limits::RESPONSE_BYTES;

    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Heads(heads) => heads.check(),
            Self::Entries(entries) => bound(entries, limits::BATCH_ENTRIES, "list of entries"),
            Self::Growing(_) | Self::Refused(_) | Self::Heard => Ok(()),
            Self::Vote(Vote::Granted { grant: block } | Vote::Held { claim: block, .. }) => {
                bound(block, limits::CLAIM_BYTES, "claim")
            }
            Self::Vote(_) => Ok(()),
            Self::Claims(claims) => bound(claims, limits::CLAIMS, "list of claims"),
            Self::Holding(held) => bound(held, limits::HOLDINGS, "list of holdings"),
            Self::Videos(copies) => bound(copies, limits::HOLDINGS, "list of copies"),
            Self::Captures(manifests) => bound(manifests, limits::COPIES, "list of captures"),
            Self::Joined { genesis } => bound(genesis, limits::GENESIS_BYTES, "genesis"),
        }
    }
}

impl Message for Gossip {
    const CAP: usize = limits::GOSSIP_BYTES;

    fn check(&self) -> Result<(), &'static str> {
        if self.v != 1 {
            return Err("version");
        }
        bound(&self.heads, limits::GOSSIP_FEEDS, "list of feeds")?;
        bound(&self.growing, limits::GOSSIP_GROWING, "list of captures")?;
        bound(&self.claims, limits::GOSSIP_CLAIMS, "list of claims")
    }
}

impl Message for Want {
    const CAP: usize = limits::FRAME_BYTES;

    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

impl Message for Answer {
    const CAP: usize = limits::FRAME_BYTES;

    fn check(&self) -> Result<(), &'static str> {
        match self.bytes {
            Some(bytes) if bytes > limits::BLOB_BYTES as u64 => Err("size of the blob"),
            _ => Ok(()),
        }
    }
}

impl Ask {
    fn check(&self) -> Result<(), &'static str> {
        if self.v != 2 {
            return Err("version");
        }
        bound(&self.groups, limits::GROUPS, "list of groups")
    }
}

impl Heads {
    fn check(&self) -> Result<(), &'static str> {
        if self.v != 2 {
            return Err("version");
        }
        bound(&self.groups, limits::GROUPS, "list of groups")?;
        self.groups.iter().try_for_each(|group| {
            bound(group.feeds.as_deref().unwrap_or_default(), limits::FEEDS, "list of feeds")?;
            bound(&group.forks, limits::FORKS, "list of forks")?;
            bound(&group.presences, limits::PRESENCES, "list of presences")
        })
    }
}

fn bound<T>(list: &[T], most: usize, what: &'static str) -> Result<(), &'static str> {
    if list.len() > most { Err(what) } else { Ok(()) }
}
