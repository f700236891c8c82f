//! Which nodes are called, and under which addresses this one is.

use std::{cmp::Reverse, collections::BTreeSet, net::Ipv4Addr};

use horahora_protocol::{NodeId, Timestamp, limits};
use libp2p::{Multiaddr, PeerId, multiaddr::Protocol, swarm::dial_opts::DialOpts};

use super::{News, Owner, lines::is_circuit};
use crate::{
    clock,
    net::{node_id, peer_id},
};

/// The first and the longest pause between two tries: of nodes that should be connected, and of others.
const REDIAL_MS: [u64; 2] = [5_000, 30_000];
const REDIAL_LATE_MS: [u64; 2] = [60_000, 5 * 60_000];
/// With fewer nodes than this, those met before are dialled too; more come through the hash table.
const ENOUGH: usize = 8;
/// How often one more member of the own groups is called, at random, although there are enough. Parts of a group that
/// were cut off from each other each have enough, and would never meet again.
const ONE_MORE_MS: u64 = 60_000;

impl Owner {
    pub(super) fn list_addresses(&self) {
        let own = *self.swarm.local_peer_id();
        let known = self.swarm.listeners().chain(self.swarm.external_addresses());
        let all: BTreeSet<Multiaddr> =
            known.filter_map(|address| address.clone().with_p2p(own).ok()).collect();
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_by_key(|address| (is_circuit(address), Reverse(reach(address)), address.to_string()));
        self.tell_addresses.send_if_modified(|told| {
            let news = *told != all;
            *told = all;
            news
        });
    }

    /// A node said on this network that it is there. It may have called already, before its word was heard.
    pub(super) fn near_by(&mut self, peer_id: PeerId, address: Multiaddr) {
        let news = self.near.insert(peer_id);
        if !self.swarm.is_connected(&peer_id) {
            if !is_circuit(&address) {
                let _ = self.swarm.dial(DialOpts::peer_id(peer_id).addresses(vec![address]).build());
            }
        } else if let Some(node) = node_id(&peer_id).filter(|_| news) {
            self.came(peer_id);
            self.tell(News::Met(node));
        }
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
        let one_more = self.one_more(now);
        for (node, row) in known.into_iter().take(limits::FEEDS) {
            let peer = peer_id(&node);
            let (next, times) = self.redial.get(&node).copied().unwrap_or_default();
            let lonely = self.tell_peers.borrow().len() < ENOUGH;
            let fellow = self.fellows.contains(&node) && fellows < ENOUGH;
            let soon = row.followed || fellow || self.called.contains(&node);
            let due = one_more == Some(node) || ((soon || lonely) && next <= now);
            if self.swarm.is_connected(&peer) || row.addresses.is_empty() || !due {
                continue;
            }
            let addresses = row.addresses.iter().filter_map(|address| address.parse().ok()).collect();
            let _ = self.swarm.dial(DialOpts::peer_id(peer).addresses(addresses).build());
            let [first, longest] = if soon { REDIAL_MS } else { REDIAL_LATE_MS };
            let pause = clock::jittered((first << times.min(8)).min(longest));
            self.redial.insert(node, (now.plus_ms(pause), times + 1));
        }
    }

    /// Now and then a member of the own groups that is not connected.
    fn one_more(&mut self, now: Timestamp) -> Option<NodeId> {
        if self.next_fellow > now {
            return None;
        }
        self.next_fellow = now.plus_ms(clock::jittered(ONE_MORE_MS));
        let absent: Vec<_> =
            self.fellows.iter().filter(|node| !self.swarm.is_connected(&peer_id(node))).collect();
        let index = usize::from(u16::from_le_bytes(clock::random())) % absent.len().max(1);
        absent.get(index).copied().copied()
    }
}

/// Who should answer at an address. Of one that leads through a relay, who is behind it.
pub(in crate::net) fn named(address: &Multiaddr) -> Option<PeerId> {
    let parts: Vec<_> = address.iter().collect();
    let behind = parts.iter().rposition(|part| *part == Protocol::P2pCircuit).map_or(0, |at| at + 1);
    parts[behind..].iter().find_map(|part| match part {
        Protocol::P2p(peer) => Some(*peer),
        _ => None,
    })
}

/// From how far away an address can be used: 0 this machine, 1 this network, 2 everywhere.
pub(in crate::net) fn reach(address: &Multiaddr) -> u8 {
    let of = address.iter().find_map(|part| match part {
        Protocol::Ip4(ip) if ip.is_loopback() => Some(0),
        Protocol::Ip4(ip) if ip.is_private() || ip.is_link_local() || is_shared(ip) => Some(1),
        Protocol::Ip6(ip) if ip.is_loopback() => Some(0),
        Protocol::Ip6(ip) if ip.is_unique_local() || ip.is_unicast_link_local() => Some(1),
        _ => None,
    });
    of.unwrap_or(2)
}

/// Addresses that a provider gives to customers who share one of the whole network (RFC 6598).
fn is_shared(ip: Ipv4Addr) -> bool {
    ip.octets()[0] == 100 && ip.octets()[1] & 0xC0 == 0x40
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_a_relay_the_last_one_answers() {
        let (relay, node) = (PeerId::random(), PeerId::random());
        let named = |text: String| named(&text.parse().expect("an address"));
        assert_eq!(named(format!("/ip4/9.9.9.9/tcp/1/p2p/{node}")), Some(node));
        assert_eq!(named(format!("/ip4/9.9.9.9/tcp/1/p2p/{relay}/p2p-circuit/p2p/{node}")), Some(node));
        assert_eq!(named(format!("/ip4/9.9.9.9/tcp/1/p2p/{relay}/p2p-circuit")), None);
        assert_eq!(named("/ip4/9.9.9.9/tcp/1".to_owned()), None);
    }

    #[test]
    fn an_address_reaches_as_far_as_its_network() {
        for (text, far) in [
            ("/ip4/127.0.0.1/tcp/1", 0),
            ("/ip4/192.168.1.5/tcp/1", 1),
            ("/ip4/100.64.0.1/tcp/1", 1),
            ("/ip4/100.128.0.1/tcp/1", 2),
            ("/ip6/fe80::1/tcp/1", 1),
            ("/dns4/example.org/tcp/1", 2),
        ] {
            assert_eq!(reach(&text.parse().expect("an address")), far, "{text}");
        }
    }
}
