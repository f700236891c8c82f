//! The way to peers. One task owns the swarm; everybody else holds a [`Net`] and reads what it knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context, Result};
use futures::StreamExt;
use horahora_protocol::NodeKey;
use libp2p::{
    Multiaddr, PeerId, Swarm, SwarmBuilder, connection_limits, identify, identity, mdns,
    multiaddr::Protocol,
    noise, ping,
    swarm::{NetworkBehaviour, SwarmEvent, behaviour::toggle::Toggle, dial_opts::DialOpts},
    tcp, yamux,
};
use tokio::sync::watch;

use crate::spawn::Tasks;

const IDENTIFY: &str = "/horahora/id/1";
/// Connections that strangers may open; each costs about 100 kB.
const INCOMING: u32 = 256;
/// A configured peer that is not connected is tried again after this.
const REDIAL: Duration = Duration::from_secs(15);

/// What the swarm speaks.
#[derive(NetworkBehaviour)]
struct Behaviour {
    limits: connection_limits::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    mdns: Toggle<mdns::tokio::Behaviour>,
}

/// What is known of the network now. Clones share it.
#[derive(Debug, Clone)]
pub struct Net {
    addresses: watch::Receiver<Vec<Multiaddr>>,
    connected: watch::Receiver<BTreeSet<PeerId>>,
}

/// What the network needs to know.
#[derive(Debug)]
pub struct NetOptions {
    /// Addresses to listen on.
    pub listen: Vec<Multiaddr>,
    /// Peers to stay connected to.
    pub peers: Vec<Multiaddr>,
    /// Whether to look for nodes on the local network.
    pub mdns: bool,
}

impl Net {
    /// Listens, connects to the configured peers, and goes on in the background.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub fn open(key: &NodeKey, options: NetOptions, tasks: &Tasks) -> Result<Self> {
        let keypair = identity::Keypair::ed25519_from_bytes(key.secret()).context("the key is not usable")?;
        let mut swarm = build(keypair, options.mdns)?;
        for address in &options.listen {
            swarm.listen_on(address.clone()).with_context(|| format!("cannot listen on {address}"))?;
        }
        let (tell_addresses, addresses) = watch::channel(Vec::new());
        let (tell_connected, connected) = watch::channel(BTreeSet::new());
        let owner =
            Owner { swarm, peers: options.peers, reached: BTreeMap::new(), tell_addresses, tell_connected };
        tasks.spawn("net", owner.run());
        Ok(Self { addresses, connected })
    }

    /// Addresses under which peers reach this node, each with its `/p2p/` part; those that other machines can
    /// use come first.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.addresses.borrow().iter().map(ToString::to_string).collect()
    }

    /// Peers connected now.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.connected.borrow().len()
    }

    /// Waits for the first address.
    pub async fn listening(&self) {
        let _ = self.addresses.clone().wait_for(|addresses| !addresses.is_empty()).await;
    }
}

fn build(keypair: identity::Keypair, with_mdns: bool) -> Result<Swarm<Behaviour>> {
    let peer_id = keypair.public().to_peer_id();
    let agent = concat!("horahora/", env!("CARGO_PKG_VERSION")).to_owned();
    let identify = identify::Config::new(IDENTIFY.to_owned(), keypair.public()).with_agent_version(agent);
    let found =
        if with_mdns { mdns::tokio::Behaviour::new(mdns::Config::default(), peer_id).ok() } else { None };
    let limits = connection_limits::ConnectionLimits::default()
        .with_max_pending_incoming(Some(64))
        .with_max_established_incoming(Some(INCOMING))
        .with_max_established_per_peer(Some(4));
    let behaviour = Behaviour {
        limits: connection_limits::Behaviour::new(limits),
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::default(),
        mdns: found.into(),
    };
    Ok(SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|_| behaviour)?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(3600)))
        .build())
}

struct Owner {
    swarm: Swarm<Behaviour>,
    peers: Vec<Multiaddr>,
    /// Who answered at a configured address that does not name its peer.
    reached: BTreeMap<Multiaddr, PeerId>,
    tell_addresses: watch::Sender<Vec<Multiaddr>>,
    tell_connected: watch::Sender<BTreeSet<PeerId>>,
}

impl Owner {
    async fn run(mut self) {
        let mut redial = tokio::time::interval(REDIAL);
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.hear(event),
                _ = redial.tick() => self.dial(),
            }
        }
    }

    fn hear(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::NewListenAddr { .. } | SwarmEvent::ExpiredListenAddr { .. } => self.list_addresses(),
            SwarmEvent::ConnectionEstablished { peer_id, endpoint, .. } => {
                self.reached.insert(endpoint.get_remote_address().clone(), peer_id);
                self.reached.retain(|address, _| self.peers.contains(address));
                tracing::info!(%peer_id, "connected");
                self.tell_connected.send_modify(|all| _ = all.insert(peer_id));
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                tracing::info!(%peer_id, "disconnected");
                self.tell_connected.send_modify(|all| _ = all.remove(&peer_id));
            }
            SwarmEvent::Behaviour(BehaviourEvent::Mdns(mdns::Event::Discovered(found))) => {
                for (peer, address) in found {
                    let _ = self.swarm.dial(DialOpts::peer_id(peer).addresses(vec![address]).build());
                }
            }
            SwarmEvent::OutgoingConnectionError { peer_id, error, .. } => {
                tracing::debug!(?peer_id, "cannot connect: {error}");
            }
            _ => {}
        }
    }

    fn list_addresses(&self) {
        let own = *self.swarm.local_peer_id();
        let mut all: Vec<Multiaddr> =
            self.swarm.listeners().map(|address| address.clone().with(Protocol::P2p(own))).collect();
        all.sort_by_key(|address| (is_loopback(address), address.to_string()));
        self.tell_addresses.send_replace(all);
    }

    fn dial(&mut self) {
        for address in &self.peers {
            let peer = address.iter().find_map(|part| match part {
                Protocol::P2p(peer) => Some(peer),
                _ => None,
            });
            let peer = peer.or(self.reached.get(address).copied());
            if peer.is_none_or(|peer| !self.swarm.is_connected(&peer))
                && let Err(error) = self.swarm.dial(address.clone())
            {
                tracing::debug!(%address, "cannot dial: {error}");
            }
        }
    }
}

fn is_loopback(address: &Multiaddr) -> bool {
    address.iter().any(|part| match part {
        Protocol::Ip4(ip) => ip.is_loopback(),
        Protocol::Ip6(ip) => ip.is_loopback(),
        _ => false,
    })
}
