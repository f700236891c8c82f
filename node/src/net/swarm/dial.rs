//! Which nodes are called, and under which addresses this one is.

use horahora_protocol::limits;
use libp2p::{Multiaddr, PeerId, multiaddr::Protocol, swarm::dial_opts::DialOpts};

use super::Owner;
use crate::{clock, net::peer_id};

/// The longest pause between two tries.
const LONGEST_REDIAL_MS: u64 = 5 * 60 * 1000;
/// With fewer nodes than this, those met before are dialled too; more come through the hash table.
const ENOUGH: usize = 8;

impl Owner {
    pub(super) fn list_addresses(&self) {
        let own = *self.swarm.local_peer_id();
        let mut all: Vec<Multiaddr> =
            self.swarm.listeners().map(|address| address.clone().with(Protocol::P2p(own))).collect();
        all.sort_by_key(|address| (std::cmp::Reverse(reach(address)), address.to_string()));
        self.tell_addresses.send_replace(all);
    }

    /// Dials the nodes that should be connected and are not; lets those back in whose time is over.
    pub(super) fn dial_missing(&mut self) {
        for node in self.refusals.forgiven() {
            self.swarm.behaviour_mut().blocked.unblock_peer(peer_id(&node));
        }
        for address in self.configured.clone() {
            let peer = named(&address).or(self.reached.get(&address).copied());
            if peer.is_none_or(|peer| !self.swarm.is_connected(&peer))
                && let Err(error) = self.swarm.dial(address.clone())
            {
                tracing::debug!(%address, "cannot dial: {error}");
            }
        }
        let now = clock::now();
        let known = self.book.all();
        let fellows = self.fellows.iter().filter(|node| self.swarm.is_connected(&peer_id(node))).count();
        for (node, row) in known.into_iter().take(limits::FEEDS) {
            let peer = peer_id(&node);
            let (next, times) = self.redial.get(&node).copied().unwrap_or_default();
            let lonely = self.tell_peers.borrow().len() < ENOUGH;
            let fellow = self.fellows.contains(&node) && fellows < ENOUGH;
            let wanted = row.followed || fellow || lonely || self.called.contains(&node);
            if self.swarm.is_connected(&peer) || next > now || row.addresses.is_empty() || !wanted {
                continue;
            }
            let addresses = row.addresses.iter().filter_map(|address| address.parse().ok()).collect();
            let _ = self.swarm.dial(DialOpts::peer_id(peer).addresses(addresses).build());
            let soon = row.followed || fellow || self.called.contains(&node);
            let first = if soon { 5_000 } else { 60_000 };
            let pause = clock::jittered((first << times.min(8)).min(LONGEST_REDIAL_MS));
            self.redial.insert(node, (now.plus_ms(pause), times + 1));
        }
    }
}

/// Who should answer at an address.
pub(in crate::net) fn named(address: &Multiaddr) -> Option<PeerId> {
    address.iter().find_map(|part| match part {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    })
}

/// From how far away an address can be used: 0 this machine, 1 this network, 2 everywhere.
pub(super) fn reach(address: &Multiaddr) -> u8 {
    let of = address.iter().find_map(|part| match part {
        Protocol::Ip4(ip) if ip.is_loopback() => Some(0),
        Protocol::Ip4(ip) if ip.is_private() || ip.is_link_local() => Some(1),
        Protocol::Ip6(ip) if ip.is_loopback() => Some(0),
        Protocol::Ip6(ip) if ip.is_unique_local() || ip.is_unicast_link_local() => Some(1),
        _ => None,
    });
    of.unwrap_or(2)
}
