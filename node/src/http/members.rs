//! Who is in a group and how each member is: read once, for the page and for the API.

use horahora_protocol::{NodeId, Timestamp, group::Role};
use serde_json::{Value, json};

use super::{Rooms, error::ApiError};
use crate::{clock, groups::View};

/// Members tell the group about themselves each minute or so; who was silent longer is not there.
const SILENT_MS: u64 = 5 * 60_000;

/// A member, as this node knows it.
#[derive(Debug)]
pub(super) struct MemberNow {
    pub(super) node: NodeId,
    pub(super) name: String,
    pub(super) role: Role,
    via: NodeId,
    pub(super) here: bool,
    pub(super) connected: bool,
    /// `direct` or `relayed`, while connected.
    pub(super) kind: Option<&'static str>,
    address: Option<String>,
    pub(super) software: Option<String>,
    pub(super) seen: Option<Timestamp>,
    pub(super) head: Option<u64>,
    /// Videos, videos in part, bytes.
    pub(super) holds: Option<(u64, u64, u64)>,
    pub(super) free: Option<u64>,
    pub(super) forked: bool,
}

impl MemberNow {
    /// Whether others heard from it just now, though it is not connected to this node.
    pub(super) fn is_heard_of(&self) -> bool {
        !self.connected && self.seen.is_some_and(|seen| clock::now().ms_since(seen) < SILENT_MS)
    }

    pub(super) fn json(&self) -> Value {
        let holds = |part: fn((u64, u64, u64)) -> u64| self.holds.map(part);
        json!({
            "node_id": self.node.to_string(),
            "name": self.name,
            "role": self.role.name(),
            "via": self.via.to_string(),
            "here": self.here,
            "connected": self.connected,
            "address_kind": self.kind,
            "address": self.address,
            "version": self.software,
            "last_seen": self.seen,
            "head": self.head,
            "videos": holds(|(videos, _, _)| videos),
            "parts": holds(|(_, parts, _)| parts),
            "bytes": holds(|(_, _, bytes)| bytes),
            "free": self.free,
            "forked": self.forked,
        })
    }
}

impl Rooms {
    /// The members of a group, this node first, then in the order of their ids.
    pub(super) async fn members(&self, view: &View) -> Result<Vec<MemberNow>, ApiError> {
        let me = self.key.node_id();
        let (peers, now) = (self.net.peers(), clock::now());
        let (heads, own) = (self.feeds.others(&view.id)?, self.feeds.own_head_in(&view.id).await);
        let totals = self.catalogue.totals_in(&view.id);
        let mut all = Vec::new();
        for (node, member) in &view.group.members {
            let (presence, peer) = (self.sync.presence_in(&view.id, node), peers.get(node));
            let feeds = heads.iter().filter(|(feed, _)| feed.node == *node);
            let last = feeds.max_by_key(|(feed, _)| feed.incarnation);
            let here = *node == me;
            all.push(MemberNow {
                node: *node,
                name: self.name_of(node),
                role: member.role,
                via: member.via,
                here,
                connected: here || peer.is_some(),
                kind: peer.map(|peer| peer.kind()),
                address: peer.map(|peer| peer.address.clone()),
                software: match here {
                    true => Some(concat!("horahora/", env!("CARGO_PKG_VERSION")).to_owned()),
                    false => presence.as_ref().map(|said| said.software.clone()),
                },
                seen: match (here || peer.is_some(), &presence) {
                    (true, _) => Some(now),
                    (false, Some(said)) => Some(said.at.min(now)),
                    (false, None) => self.net.book().get(node).map(|row| row.seen).filter(|seen| seen.0 > 0),
                },
                head: if here { own.map(|(_, head)| head.seq) } else { last.map(|(_, head)| head.seq) },
                holds: match here {
                    true => Some((totals.whole, totals.part, totals.bytes)),
                    false => presence.as_ref().map(|said| (said.videos, said.parts, said.bytes)),
                },
                free: if here { Some(self.sync.free()) } else { presence.as_ref().map(|said| said.free) },
                forked: view.group.forks.contains_key(node),
            });
        }
        all.sort_by_key(|member| !member.here);
        Ok(all)
    }
}
