//! What the swarm speaks, and how it is set. Settings that were measured are explained in docs/decisions.

use std::time::Duration;

use anyhow::{Result, anyhow};
use horahora_protocol::{limits, message};
use libp2p::{
    PeerId, StreamProtocol, Swarm, SwarmBuilder, allow_block_list, connection_limits, gossipsub, identify,
    identity, kad, mdns, noise, ping, request_response,
    swarm::{NetworkBehaviour, behaviour::toggle::Toggle},
    tcp, yamux,
};

use super::codec::SyncCodec;

/// Connections that strangers may open; each costs about 100 kB.
const INCOMING: u32 = 256;
/// All connections together.
const CONNECTIONS: u32 = 512;
/// Provider records kept for the network, our own among them: 20 nodes with 10,000 keys each, 150 bytes a key.
const PROVIDED: usize = 200_000;
/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(20);
/// Longest query of the hash table.
const QUERY: Duration = Duration::from_secs(20);
/// Provider records are told anew before this is over.
pub(super) const RECORD_LIFE: Duration = Duration::from_secs(48 * 3600);
/// Connections that nobody uses are closed after this.
const IDLE: Duration = Duration::from_secs(600);
/// Questions of one peer that are answered at once.
const QUESTIONS: usize = 16;

#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    limits: connection_limits::Behaviour,
    pub(super) blocked: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    pub(super) identify: identify::Behaviour,
    ping: ping::Behaviour,
    mdns: Toggle<mdns::tokio::Behaviour>,
    pub(super) gossip: gossipsub::Behaviour,
    pub(super) kad: kad::Behaviour<kad::store::MemoryStore>,
    pub(super) sync: request_response::Behaviour<SyncCodec>,
    pub(super) streams: libp2p_stream::Behaviour,
}

pub(super) fn build(keypair: identity::Keypair, with_mdns: bool) -> Result<Swarm<Behaviour>> {
    let behaviour = behaviour(&keypair, with_mdns)?;
    Ok(SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
        .with_quic()
        .with_dns()?
        .with_behaviour(|_| behaviour)?
        .with_swarm_config(|config| config.with_idle_connection_timeout(IDLE))
        .build())
}

fn behaviour(keypair: &identity::Keypair, with_mdns: bool) -> Result<Behaviour> {
    let peer_id = keypair.public().to_peer_id();
    let agent = concat!("horahora/", env!("CARGO_PKG_VERSION")).to_owned();
    let identify = identify::Config::new(message::IDENTIFY.to_owned(), keypair.public())
        .with_agent_version(agent)
        .with_push_listen_addr_updates(true);
    let found =
        if with_mdns { mdns::tokio::Behaviour::new(mdns::Config::default(), peer_id).ok() } else { None };
    let limits = connection_limits::ConnectionLimits::default()
        .with_max_pending_incoming(Some(64))
        .with_max_established_incoming(Some(INCOMING))
        .with_max_established(Some(CONNECTIONS))
        .with_max_established_per_peer(Some(4));
    let sync = request_response::Config::default()
        .with_request_timeout(ANSWER)
        .with_max_concurrent_streams(QUESTIONS);
    let protocol = [(StreamProtocol::new(message::SYNC), request_response::ProtocolSupport::Full)];
    Ok(Behaviour {
        limits: connection_limits::Behaviour::new(limits),
        blocked: allow_block_list::Behaviour::default(),
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::default(),
        mdns: found.into(),
        gossip: gossip(keypair)?,
        kad: kademlia(peer_id),
        sync: request_response::Behaviour::with_codec(SyncCodec, protocol, sync),
        streams: libp2p_stream::Behaviour::new(),
    })
}

/// Signed, and passed on only after we looked at it. Equal contents are one message whoever sends them.
fn gossip(keypair: &identity::Keypair) -> Result<gossipsub::Behaviour> {
    let id = |message: &gossipsub::Message| {
        let mut hash = blake3::Hasher::new();
        hash.update(message.topic.as_str().as_bytes()).update(&[0]).update(&message.data);
        gossipsub::MessageId::from(hash.finalize().as_bytes().to_vec())
    };
    let config = gossipsub::ConfigBuilder::default()
        .protocol_id(message::GOSSIP, gossipsub::Version::V1_1)
        .validation_mode(gossipsub::ValidationMode::Strict)
        .validate_messages()
        .message_id_fn(id)
        .max_transmit_size(limits::GOSSIP_BYTES + 4096)
        .build()
        .map_err(|error| anyhow!("gossip cannot be set up: {error}"))?;
    gossipsub::Behaviour::new(gossipsub::MessageAuthenticity::Signed(keypair.clone()), config)
        .map_err(|error| anyhow!("gossip cannot be set up: {error}"))
}

/// Only provider records, and ours are told again by `provide`, not by the library's own timer.
fn kademlia(peer_id: PeerId) -> kad::Behaviour<kad::store::MemoryStore> {
    let store = kad::store::MemoryStore::with_config(
        peer_id,
        kad::store::MemoryStoreConfig {
            max_records: 0,
            max_provided_keys: PROVIDED,
            ..kad::store::MemoryStoreConfig::default()
        },
    );
    let mut config = kad::Config::new(StreamProtocol::new(message::KADEMLIA));
    config
        .set_query_timeout(QUERY)
        .set_provider_record_ttl(Some(RECORD_LIFE))
        .set_provider_publication_interval(None)
        .set_publication_interval(None)
        .set_replication_interval(None);
    let mut kad = kad::Behaviour::with_config(peer_id, store, config);
    kad.set_mode(Some(kad::Mode::Server));
    kad
}
