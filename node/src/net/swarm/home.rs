//! Whether others can reach this node, and what follows from it: a node that can be reached relays for those that
//! cannot; a node that cannot has a slot at nodes that can, and is reached through them.
//!
//! A node with an address of its own that the whole network knows is thought to be reachable, any other not, until
//! nodes elsewhere tried it. Global IPv6 addresses prove nothing, since most routers at home let nobody in there.

use std::collections::BTreeMap;

use horahora_protocol::{Timestamp, message};
use libp2p::{
    Multiaddr, PeerId, autonat::v1::NatStatus, core::transport::ListenerId, identify, multiaddr::Protocol,
    relay, swarm::ConnectionId,
};

use super::{Owner, dial::reach, lines::is_circuit};
use crate::{clock, net::node_id};

/// Slots at other nodes: one more than needed, so that the node stays reachable when one of them goes.
const SLOTS: usize = 2;
/// A relay that had no slot or let it go is not asked again before this.
const AGAIN_MS: u64 = 30_000;

/// Where this node stands.
#[derive(Debug)]
pub(super) struct Home {
    /// Whether to relay for others at all.
    relays: bool,
    /// What nodes elsewhere found when they tried.
    tried: Option<bool>,
    /// Connected nodes that relay, and where others reach them.
    offers: BTreeMap<PeerId, Multiaddr>,
    /// Where this node has a slot, or has asked for one.
    slots: BTreeMap<PeerId, ListenerId>,
    /// When a relay may be asked again.
    later: BTreeMap<PeerId, Timestamp>,
}

impl Home {
    pub(super) fn new(relays: bool) -> Self {
        Self { relays, tried: None, offers: BTreeMap::new(), slots: BTreeMap::new(), later: BTreeMap::new() }
    }
}

impl Owner {
    /// What nodes elsewhere found about us has changed.
    pub(super) fn tried(&mut self, status: &NatStatus) {
        self.home.tried = match status {
            NatStatus::Public(_) => Some(true),
            NatStatus::Private => Some(false),
            NatStatus::Unknown => None,
        };
        tracing::info!(reachable = self.is_reachable(), "other nodes tried to reach this one");
        if self.home.tried == Some(false) {
            let wrong: Vec<_> =
                self.swarm.external_addresses().filter(|address| !is_circuit(address)).cloned().collect();
            for address in &wrong {
                self.swarm.remove_external_address(address);
            }
        }
        self.settle();
    }

    /// A node told what it speaks and where it is; perhaps it relays.
    pub(super) fn offered(&mut self, peer: PeerId, connection: ConnectionId, info: &identify::Info) {
        let Some(line) = self.lines.get(&peer, connection).filter(|line| !line.relayed) else { return };
        let speaks = |name: &str| info.protocols.iter().any(|protocol| protocol.as_ref() == name);
        let called = line.outgoing.then_some(&line.address);
        let known = info.listen_addrs.iter().chain(called);
        let usable = known.filter(|address| reach(address) == 2 && !is_circuit(address));
        // Our own call proved its address right.
        let best = usable.max_by_key(|address| (called == Some(address), address.to_string()));
        match best {
            Some(address) if speaks(message::SYNC) && speaks(relay::HOP_PROTOCOL_NAME.as_ref()) => {
                self.home.offers.insert(peer, address.clone());
            }
            _ => _ = self.home.offers.remove(&peer),
        }
        self.settle();
    }

    /// The last connection with a node is gone. When it comes back it is asked at once.
    pub(super) fn offers_no_more(&mut self, peer: &PeerId) {
        self.home.offers.remove(peer);
        self.home.later.remove(peer);
    }

    /// A listener has ended; if it was a slot at a relay, another is looked for.
    pub(super) fn slot_closed(&mut self, listener: ListenerId) {
        let Some((peer, _)) = self.home.slots.iter().find(|(_, id)| **id == listener) else { return };
        let peer = *peer;
        tracing::debug!(relay = %peer, "the slot at a relay is gone");
        self.home.slots.remove(&peer);
        if self.swarm.is_connected(&peer) {
            self.home.later.insert(peer, clock::now().plus_ms(AGAIN_MS));
        }
        self.settle();
    }

    /// Relays for others, or looks for relays, as it should be now.
    pub(super) fn settle(&mut self) {
        let reachable = self.is_reachable();
        if reachable {
            self.tell_own_addresses();
        }
        let known = self.swarm.external_addresses().any(|address| !is_circuit(address));
        let status = if reachable && known && self.home.relays {
            relay::Status::Enable
        } else {
            relay::Status::Disable
        };
        self.swarm.behaviour_mut().relay.set_status(Some(status));
        if reachable {
            for (_, listener) in std::mem::take(&mut self.home.slots) {
                self.swarm.remove_listener(listener);
            }
        } else if self.swarm.listeners().any(|address| !is_circuit(address) && reach(address) > 0) {
            self.look_for_relays();
        }
        self.list_addresses();
    }

    fn is_reachable(&self) -> bool {
        self.home.tried.unwrap_or_else(|| self.swarm.listeners().any(is_own_for_all))
    }

    /// The library tells others only of addresses that it was told of.
    fn tell_own_addresses(&mut self) {
        let own: Vec<_> = self.swarm.listeners().filter(|address| is_own_for_all(address)).cloned().collect();
        let known: Vec<_> = self.swarm.external_addresses().cloned().collect();
        for address in own.into_iter().filter(|address| !known.contains(address)) {
            self.swarm.add_external_address(address);
        }
    }

    fn look_for_relays(&mut self) {
        let now = clock::now();
        self.home.later.retain(|_, until| *until > now);
        let home = &self.home;
        let free = |peer: &PeerId| !home.slots.contains_key(peer) && !home.later.contains_key(peer);
        let wanted: Vec<_> = home
            .offers
            .iter()
            .filter(|(peer, _)| free(peer))
            .map(|(peer, address)| (*peer, address.clone()))
            .take(SLOTS.saturating_sub(home.slots.len()))
            .collect();
        for (peer, address) in wanted {
            let Ok(address) = address.with_p2p(peer) else { continue };
            match self.swarm.listen_on(address.with(Protocol::P2pCircuit)) {
                Ok(listener) => {
                    tracing::debug!(relay = ?node_id(&peer), "asks a relay for a slot");
                    self.home.slots.insert(peer, listener);
                }
                Err(error) => {
                    tracing::debug!("cannot ask a relay: {error}");
                    self.home.later.insert(peer, now.plus_ms(AGAIN_MS));
                }
            }
        }
    }
}

/// Whether an address is this machine's own and known to the whole network.
fn is_own_for_all(address: &Multiaddr) -> bool {
    let ip4 = address.iter().any(|part| matches!(part, Protocol::Ip4(_)));
    ip4 && reach(address) == 2 && !is_circuit(address)
}
