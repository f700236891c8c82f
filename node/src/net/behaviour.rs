//! What the swarm speaks, and how it is set. Settings that were measured are explained in docs/decisions.

use std::time::Duration;

use anyhow::{Result, anyhow};
use horahora_protocol::{limits, message};
use libp2p::{
    PeerId, StreamProtocol, Swarm, SwarmBuilder, allow_block_list, autonat, connection_limits, dcutr,
    gossipsub, identify, identity, kad, mdns, noise, ping, relay, request_response,
    swarm::{NetworkBehaviour, behaviour::toggle::Toggle},
    tcp, yamux,
};

use super::codec::SyncCodec;

/// Connections that strangers may open; each costs about 100 kB.
const INCOMING: u32 = 256;
/// Of those the ones that have not said yet who they are; a handshake takes a moment, a stranger may take 10 s.
const INCOMING_UNKNOWN: u32 = 64;
/// All connections together; what is over `INCOMING` is left for our own calls.
const CONNECTIONS: u32 = 512;
/// Connections with one node: two that called each other at once, each over TCP or QUIC, one through a relay, and one
/// by which the node was tested from outside.
const CONNECTIONS_PER_NODE: u32 = 6;
/// Nodes behind routers that may be reached through this one: a circle of friends and their friends. Each costs an open
/// connection.
const SLOTS: usize = 64;
/// Circuits through this node at once. Most live for a second, until both ends found a direct way; those that
/// stay share this node's line.
const CIRCUITS: usize = 16;
/// Circuits that one node may open at once; it has no use for two to the same node.
const CIRCUITS_PER_NODE: usize = 4;
/// What one circuit may carry, both ways together: two hours of video at 4.7 Mbit/s. A circuit that ends is opened
/// anew, and then looks for a direct way once more.
const CIRCUIT_BYTES: u64 = 4 << 30;
/// How long one circuit may stay: a film. A node that is never done with it takes its turn again.
const CIRCUIT_TIME: Duration = Duration::from_secs(2 * 3600);
/// The first question whether others reach this node: not before it has called those that it knows.
const REACHED_FIRST: Duration = Duration::from_secs(5);
/// The next one while the answer is not sure, and the pause before one node is asked again: longer than a try at
/// both our addresses takes it.
const REACHED_AGAIN: Duration = Duration::from_secs(30);
/// Equal answers more that make it sure, so that one node that lies or is behind the same router does not decide.
const REACHED_SURE: usize = 3;
/// Misdeeds in gossip weigh a tenth after this, as long as a peer is left alone elsewhere.
const GRUDGE: Duration = Duration::from_secs(600);
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
/// How often a connection is tried, and how long the answer may take: the library tells of the second failure in a row,
/// so a dead connection is known after 35 to 45 s. Full buffers on a slow line delay an answer by a few seconds.
const TRY: Duration = Duration::from_secs(10);
const TRIED: Duration = Duration::from_secs(15);

#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    limits: connection_limits::Behaviour,
    pub(super) blocked: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    pub(super) identify: identify::Behaviour,
    ping: ping::Behaviour,
    pub(super) relay: relay::Behaviour,
    relayed: relay::client::Behaviour,
    punch: dcutr::Behaviour,
    reached: autonat::v1::Behaviour,
    mdns: Toggle<mdns::tokio::Behaviour>,
    pub(super) gossip: gossipsub::Behaviour,
    pub(super) kad: kad::Behaviour<kad::store::MemoryStore>,
    pub(super) sync: request_response::Behaviour<SyncCodec>,
    pub(super) streams: libp2p_stream::Behaviour,
}

pub(super) fn build(keypair: identity::Keypair, with_mdns: bool) -> Result<Swarm<Behaviour>> {
    Ok(SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
        .with_quic()
        .with_dns()?
        .with_relay_client(noise::Config::new, yamux::Config::default)?
        .with_behaviour(|keypair, relayed| behaviour(keypair, relayed, with_mdns))?
        .with_swarm_config(|config| config.with_idle_connection_timeout(IDLE))
        .build())
}

type Trouble = Box<dyn std::error::Error + Send + Sync>;

fn behaviour(
    keypair: &identity::Keypair,
    relayed: relay::client::Behaviour,
    with_mdns: bool,
) -> Result<Behaviour, Trouble> {
    let peer_id = keypair.public().to_peer_id();
    let agent = concat!("horahora/", env!("CARGO_PKG_VERSION")).to_owned();
    let identify = identify::Config::new(message::IDENTIFY.to_owned(), keypair.public())
        .with_agent_version(agent)
        .with_push_listen_addr_updates(true);
    let found =
        if with_mdns { mdns::tokio::Behaviour::new(mdns::Config::default(), peer_id).ok() } else { None };
    let limits = connection_limits::ConnectionLimits::default()
        .with_max_pending_incoming(Some(INCOMING_UNKNOWN))
        .with_max_established_incoming(Some(INCOMING))
        .with_max_established(Some(CONNECTIONS))
        .with_max_established_per_peer(Some(CONNECTIONS_PER_NODE));
    let sync = request_response::Config::default()
        .with_request_timeout(ANSWER)
        .with_max_concurrent_streams(QUESTIONS);
    let protocol = [(StreamProtocol::new(message::SYNC), request_response::ProtocolSupport::Full)];
    Ok(Behaviour {
        limits: connection_limits::Behaviour::new(limits),
        blocked: allow_block_list::Behaviour::default(),
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::new(ping::Config::new().with_interval(TRY).with_timeout(TRIED)),
        relay: relay_for_others(peer_id),
        relayed,
        punch: dcutr::Behaviour::new(peer_id),
        reached: reached(peer_id),
        mdns: found.into(),
        gossip: gossip(keypair)?,
        kad: kademlia(peer_id),
        sync: request_response::Behaviour::with_codec(SyncCodec, protocol, sync),
        streams: libp2p_stream::Behaviour::new(),
    })
}

/// Whether it relays at all is for `swarm/home` to say, so not yet.
fn relay_for_others(peer_id: PeerId) -> relay::Behaviour {
    let config = relay::Config {
        max_reservations: SLOTS,
        max_circuits: CIRCUITS,
        max_circuits_per_peer: CIRCUITS_PER_NODE,
        max_circuit_duration: CIRCUIT_TIME,
        max_circuit_bytes: CIRCUIT_BYTES,
        ..relay::Config::default()
    };
    let mut relay = relay::Behaviour::new(peer_id, config);
    relay.set_status(Some(relay::Status::Disable));
    relay
}

/// Asks nodes elsewhere to call back, and does so for them. The first version of the protocol: it asks whoever is
/// connected, also those that called us, and never a node on the local network.
fn reached(peer_id: PeerId) -> autonat::v1::Behaviour {
    let config = autonat::v1::Config {
        boot_delay: REACHED_FIRST,
        retry_interval: REACHED_AGAIN,
        throttle_server_period: REACHED_AGAIN,
        confidence_max: REACHED_SURE,
        ..autonat::v1::Config::default()
    };
    autonat::v1::Behaviour::new(peer_id, config)
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
    let mut gossip =
        gossipsub::Behaviour::new(gossipsub::MessageAuthenticity::Signed(keypair.clone()), config)
            .map_err(|error| anyhow!("gossip cannot be set up: {error}"))?;
    gossip
        .with_peer_score(peer_score(), thresholds())
        .map_err(|error| anyhow!("gossip cannot be set up: {error}"))?;
    Ok(gossip)
}

/// Only what a peer did wrong counts against it. Not its address: homes, routers and relays are shared by honest nodes.
/// Not its pace: a slow line is no misdeed.
fn peer_score() -> gossipsub::PeerScoreParams {
    gossipsub::PeerScoreParams {
        topic_score_cap: CREDIT,
        app_specific_weight: 0.0,
        ip_colocation_factor_weight: 0.0,
        slow_peer_weight: 0.0,
        // Promises that are not kept happen when a line breaks; many of them do not.
        behaviour_penalty_weight: -1.0,
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_decay: fading(),
        retain_score: GRUDGE,
        ..gossipsub::PeerScoreParams::default()
    }
}

/// What new and right messages can earn a peer, over all groups: the weight of one that is rejected.
const CREDIT: f64 = 10.0;

/// A rejected message weighs 10, two weigh 40, three 90. The first takes the place in the mesh from a peer that has
/// earned nothing.
fn thresholds() -> gossipsub::PeerScoreThresholds {
    gossipsub::PeerScoreThresholds {
        // One: what it offers is not asked for.
        gossip_threshold: -5.0,
        // Two: nothing is sent to it.
        publish_threshold: -25.0,
        // Three, or four from a peer that has earned something: what it sends is not read.
        graylist_threshold: -75.0,
        // Lists of peers are not exchanged.
        accept_px_threshold: CREDIT,
        opportunistic_graft_threshold: 1.0,
    }
}

/// How a group's messages count. Nobody is blamed for silence: a group may say nothing for days.
pub(super) fn topic_score() -> gossipsub::TopicScoreParams {
    gossipsub::TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 1.0,
        first_message_deliveries_decay: fading(),
        first_message_deliveries_cap: CREDIT,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -10.0,
        invalid_message_deliveries_decay: fading(),
        ..gossipsub::TopicScoreParams::default()
    }
}

/// What is left after each second.
fn fading() -> f64 {
    gossipsub::score_parameter_decay(GRUDGE)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::StreamExt;
    use libp2p::swarm::SwarmEvent;
    use tokio::time::timeout;

    use super::*;

    fn gossiping() -> Swarm<gossipsub::Behaviour> {
        let topic = gossipsub::IdentTopic::new("t");
        let mut swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(|keypair| gossip(keypair).unwrap())
            .unwrap()
            .with_swarm_config(|config| config.with_idle_connection_timeout(IDLE))
            .build();
        swarm.behaviour_mut().subscribe(&topic).unwrap();
        swarm.behaviour_mut().set_topic_params(topic, topic_score()).unwrap();
        swarm
    }

    #[tokio::test]
    async fn who_is_rejected_loses_the_mesh_and_then_is_not_heard() {
        let (mut judge, mut liar) = (gossiping(), gossiping());
        let (from, topic) = (*liar.local_peer_id(), gossipsub::IdentTopic::new("t"));
        judge.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
        let (mut heard, mut was_in_mesh, mut number) = (0, false, 0_u32);
        let mut pause = tokio::time::interval(Duration::from_millis(100));
        let graylisted = thresholds().graylist_threshold;
        let trial = async {
            loop {
                let gossip = judge.behaviour();
                let score = gossip.peer_score(&from).unwrap_or(0.0);
                let in_mesh = gossip.mesh_peers(&topic.hash()).any(|peer| *peer == from);
                was_in_mesh |= in_mesh;
                if score < graylisted && !in_mesh && number > heard + 5 {
                    return heard;
                }
                tokio::select! {
                    event = judge.select_next_some() => match event {
                        SwarmEvent::NewListenAddr { address, .. } => liar.dial(address).unwrap(),
                        SwarmEvent::Behaviour(gossipsub::Event::Message { message_id, .. }) => {
                            heard += 1;
                            let reject = gossipsub::MessageAcceptance::Reject;
                            judge.behaviour_mut().report_message_validation_result(&message_id, &from, reject);
                        }
                        _ => {}
                    },
                    _ = liar.select_next_some() => {}
                    // It is in the mesh before it lies.
                    _ = pause.tick(), if was_in_mesh => {
                        number += 1;
                        let _ = liar.behaviour_mut().publish(topic.clone(), number.to_be_bytes());
                    }
                }
            }
        };
        let heard = timeout(Duration::from_secs(30), trial).await.unwrap();
        assert_eq!(heard, 3, "the third rejected message was the last that was looked at");
    }
}
