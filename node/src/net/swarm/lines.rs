//! The connections with each node. Several are possible: one through a relay and, once a way was found, a direct one.
//! The direct one is the one that counts; a relayed one beside it is closed.

use std::{collections::BTreeMap, time::Duration};

use horahora_protocol::Timestamp;
use libp2p::{Multiaddr, PeerId, core::ConnectedPoint, multiaddr::Protocol, swarm::ConnectionId};

/// A relayed connection stays so long beside a direct one: the other side must know of the direct one, too.
const SETTLE: Duration = Duration::from_secs(1);

/// One connection.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) address: Multiaddr,
    pub(super) outgoing: bool,
    pub(super) relayed: bool,
    pub(super) since: Timestamp,
}

impl Line {
    pub(super) fn new(endpoint: &ConnectedPoint, since: Timestamp) -> Self {
        let address = match endpoint {
            // Who comes through a relay has no address but the relay's.
            ConnectedPoint::Listener { local_addr, send_back_addr } if endpoint.is_relayed() => {
                send_back_addr.iter().fold(local_addr.clone(), Multiaddr::with)
            }
            _ => endpoint.get_remote_address().clone(),
        };
        Self { address, outgoing: endpoint.is_dialer(), relayed: endpoint.is_relayed(), since }
    }
}

/// All connections.
#[derive(Debug, Default)]
pub(super) struct Lines(BTreeMap<PeerId, BTreeMap<ConnectionId, Line>>);

impl Lines {
    pub(super) fn opened(&mut self, peer: PeerId, id: ConnectionId, line: Line) {
        self.0.entry(peer).or_default().insert(id, line);
    }

    pub(super) fn closed(&mut self, peer: &PeerId, id: ConnectionId) -> Option<Line> {
        let lines = self.0.get_mut(peer)?;
        let line = lines.remove(&id);
        if lines.is_empty() {
            self.0.remove(peer);
        }
        line
    }

    /// The connection that counts: a direct one if there is any, and of equal ones the newest, since the others may
    /// be dead and nobody noticed yet.
    pub(super) fn best(&self, peer: &PeerId) -> Option<&Line> {
        let lines = self.0.get(peer)?;
        lines.iter().max_by_key(|(id, line)| (!line.relayed, **id)).map(|(_, line)| line)
    }

    pub(super) fn get(&self, peer: &PeerId, id: ConnectionId) -> Option<&Line> {
        self.0.get(peer)?.get(&id)
    }

    /// Relayed connections that a direct one has taken the place of.
    pub(super) fn superseded(&self, now: Timestamp) -> Vec<ConnectionId> {
        let settled = |line: &Line| !line.relayed && now.ms_since(line.since) >= SETTLE.as_millis() as u64;
        let lines = self.0.values().filter(|lines| lines.values().any(settled));
        lines.flatten().filter(|(_, line)| line.relayed).map(|(id, _)| *id).collect()
    }
}

/// The node through which an address leads.
pub(super) fn through(address: &Multiaddr) -> Option<PeerId> {
    let mut relay = None;
    for part in address {
        match part {
            Protocol::P2p(peer) => relay = Some(peer),
            Protocol::P2pCircuit => return relay,
            _ => {}
        }
    }
    None
}

/// Whether an address leads through a relay.
pub(super) fn is_circuit(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(relayed: bool, since: u64) -> Line {
        Line { address: Multiaddr::empty(), outgoing: true, relayed, since: Timestamp(since) }
    }

    #[test]
    fn the_direct_connection_counts_and_the_relayed_one_goes_when_both_sides_know() {
        let (peer, mut lines) = (PeerId::random(), Lines::default());
        let (first, second) = (ConnectionId::new_unchecked(1), ConnectionId::new_unchecked(2));
        lines.opened(peer, second, line(true, 5_000));
        assert!(lines.best(&peer).unwrap().relayed);
        assert!(lines.superseded(Timestamp(60_000)).is_empty());
        lines.opened(peer, first, line(false, 10_000));
        assert!(!lines.best(&peer).unwrap().relayed);
        assert!(lines.superseded(Timestamp(10_500)).is_empty());
        assert_eq!(lines.superseded(Timestamp(11_000)), [second]);
        assert!(lines.closed(&peer, first).is_some());
        assert!(lines.best(&peer).unwrap().relayed);
        assert!(lines.closed(&peer, second).is_some());
        assert!(lines.best(&peer).is_none());
    }

    #[test]
    fn an_address_says_through_whom_it_leads() {
        let (relay, peer) = (PeerId::random(), PeerId::random());
        let direct: Multiaddr = format!("/ip4/9.9.9.9/tcp/1/p2p/{peer}").parse().unwrap();
        let circuit: Multiaddr =
            format!("/ip4/9.9.9.9/tcp/1/p2p/{relay}/p2p-circuit/p2p/{peer}").parse().unwrap();
        assert_eq!((through(&direct), is_circuit(&direct)), (None, false));
        assert_eq!((through(&circuit), is_circuit(&circuit)), (Some(relay), true));
    }
}
