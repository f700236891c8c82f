//! The task that owns the swarm: hears its events, does what others ask of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use futures::StreamExt;
use horahora_protocol::{
    NodeId, Timestamp,
    group::GroupId,
    message::{self, Gossip, Request, Response},
};
use libp2p::{
    Multiaddr, PeerId, Swarm, autonat, dcutr, gossipsub, identify, kad, mdns, ping,
    request_response::{OutboundRequestId, ResponseChannel},
    swarm::{ConnectionId, SwarmEvent},
};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    AskError, Book, Peer, Peers, Refusals,
    behaviour::{Behaviour, BehaviourEvent, topic_score},
    node_id, peer_id,
};
use crate::clock;

mod dial;
mod home;
mod judge;
mod lines;

pub(super) use dial::{named, reach};
use home::Home;
use lines::{Line, Lines, through};

/// A node that should be connected and is not is tried again after this, then less and less often.
const REDIAL: Duration = Duration::from_secs(5);
/// How often it is looked whether relayed connections are still needed.
const TEND: Duration = Duration::from_secs(1);
/// Providers of one key that are dialled.
const PROVIDERS: usize = 20;
/// Queries of the hash table under way at once.
const QUERIES: usize = 64;

/// What others ask of the swarm.
#[derive(Debug)]
pub(super) enum Command {
    Ask(PeerId, Request, oneshot::Sender<Result<Response, AskError>>),
    Answer(ResponseChannel<Response>, Response),
    Publish(GroupId, Vec<u8>),
    Subscribe(Vec<GroupId>),
    Provide(Vec<u8>, oneshot::Sender<bool>),
    Providers(Vec<u8>, mpsc::Sender<NodeId>),
    Dial(NodeId),
    Call(NodeId),
    Want(Vec<NodeId>),
    Forget(NodeId),
    Block(PeerId),
    PassOn(Parcel),
}

/// What the sync room hears.
#[derive(Debug)]
pub(super) enum News {
    /// A node that speaks our protocols is connected.
    Met(NodeId),
    /// A node asks.
    Asked(NodeId, Request, ResponseChannel<Response>),
    /// A node passed on news of a group, made by `source`.
    Gossip { from: NodeId, source: NodeId, group: GroupId, gossip: Gossip, parcel: Option<Parcel> },
}

/// A message of gossip that waits to be passed on.
#[derive(Debug)]
pub(super) struct Parcel {
    id: gossipsub::MessageId,
    from: PeerId,
}

impl Peer {
    /// Its connection is this one from now on.
    fn on(&mut self, line: &Line) {
        self.address = line.address.to_string();
        (self.outgoing, self.relayed) = (line.outgoing, line.relayed);
    }
}

/// Tokens of a peer: one for each message.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Timestamp,
}

pub(super) struct Owner {
    swarm: Swarm<Behaviour>,
    configured: Vec<Multiaddr>,
    /// Who answered at a configured address that does not name its node.
    reached: BTreeMap<Multiaddr, PeerId>,
    /// Nodes found on the local network.
    near: BTreeSet<PeerId>,
    /// The other members of this node's groups.
    fellows: BTreeSet<NodeId>,
    /// When one more of them is called.
    next_fellow: Timestamp,
    /// Nodes that are called once, because a ticket names them.
    called: BTreeSet<NodeId>,
    lines: Lines,
    home: Home,
    /// When a node may be dialled again, and how often it failed.
    redial: BTreeMap<NodeId, (Timestamp, u32)>,
    topics: BTreeMap<gossipsub::TopicHash, GroupId>,
    buckets: BTreeMap<NodeId, Bucket>,
    asked: HashMap<OutboundRequestId, oneshot::Sender<Result<Response, AskError>>>,
    providing: HashMap<kad::QueryId, oneshot::Sender<bool>>,
    looking: HashMap<kad::QueryId, mpsc::Sender<NodeId>>,
    inbox: mpsc::Receiver<Command>,
    news: mpsc::Sender<News>,
    tell_addresses: watch::Sender<Vec<Multiaddr>>,
    tell_peers: watch::Sender<Peers>,
    refusals: Refusals,
    book: Book,
}

impl Owner {
    #[expect(clippy::too_many_arguments, reason = "the ends of everybody's channels meet here")]
    pub(super) fn new(
        swarm: Swarm<Behaviour>,
        configured: Vec<Multiaddr>,
        relays: bool,
        inbox: mpsc::Receiver<Command>,
        news: mpsc::Sender<News>,
        tell_addresses: watch::Sender<Vec<Multiaddr>>,
        tell_peers: watch::Sender<Peers>,
        refusals: Refusals,
        book: Book,
    ) -> Self {
        Self {
            swarm,
            configured,
            reached: BTreeMap::new(),
            near: BTreeSet::new(),
            fellows: BTreeSet::new(),
            next_fellow: Timestamp(0),
            called: BTreeSet::new(),
            lines: Lines::default(),
            home: Home::new(relays),
            redial: BTreeMap::new(),
            topics: BTreeMap::new(),
            buckets: BTreeMap::new(),
            asked: HashMap::new(),
            providing: HashMap::new(),
            looking: HashMap::new(),
            inbox,
            news,
            tell_addresses,
            tell_peers,
            refusals,
            book,
        }
    }

    pub(super) async fn run(mut self) {
        let (mut redial, mut tend) = (tokio::time::interval(REDIAL), tokio::time::interval(TEND));
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.hear(event),
                Some(command) = self.inbox.recv() => self.obey(command),
                _ = redial.tick() => {
                    self.dial_missing();
                    self.settle();
                }
                _ = tend.tick() => {
                    for line in self.lines.superseded(clock::now()) {
                        self.swarm.close_connection(line);
                    }
                }
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Ask(peer, request, reply) => {
                if self.swarm.is_connected(&peer) {
                    let id = self.swarm.behaviour_mut().sync.send_request(&peer, request);
                    self.asked.insert(id, reply);
                } else {
                    let _ = reply.send(Err(AskError::Gone));
                }
            }
            Command::Answer(channel, response) => {
                // The asker may be gone by now.
                let _ = self.swarm.behaviour_mut().sync.send_response(channel, response);
            }
            Command::Publish(group, bytes) => {
                let topic = gossipsub::IdentTopic::new(message::topic(&group));
                if let Err(error) = self.swarm.behaviour_mut().gossip.publish(topic, bytes) {
                    tracing::trace!("nobody hears the gossip: {error}");
                }
            }
            Command::Subscribe(groups) => self.subscribe(&groups),
            Command::Provide(key, reply) => {
                let room = self.providing.len() < QUERIES;
                match self.swarm.behaviour_mut().kad.start_providing(kad::RecordKey::new(&key)) {
                    Ok(query) if room => _ = self.providing.insert(query, reply),
                    Ok(_) => _ = reply.send(false),
                    Err(error) => {
                        tracing::debug!("cannot provide: {error}");
                        let _ = reply.send(false);
                    }
                }
            }
            Command::Providers(key, tell) => {
                if self.looking.len() < QUERIES {
                    let query = self.swarm.behaviour_mut().kad.get_providers(kad::RecordKey::new(&key));
                    self.looking.insert(query, tell);
                }
            }
            Command::Forget(node) => {
                self.near.remove(&peer_id(&node));
                self.tell_peers.send_modify(|peers| {
                    if let Some(peer) = peers.get_mut(&node) {
                        peer.follow = false;
                    }
                });
            }
            Command::Dial(node) => {
                self.redial.remove(&node);
                self.tell_peers.send_modify(|peers| {
                    if let Some(peer) = peers.get_mut(&node) {
                        peer.follow = true;
                    }
                });
                self.tell(News::Met(node));
                self.dial_missing();
            }
            Command::Call(node) => {
                self.redial.remove(&node);
                self.called.insert(node);
                self.dial_missing();
            }
            Command::Want(fellows) => {
                let fellows: BTreeSet<_> = fellows.into_iter().collect();
                if fellows != self.fellows {
                    self.fellows = fellows;
                    self.dial_missing();
                }
            }
            Command::PassOn(parcel) => self.judged(&parcel, gossipsub::MessageAcceptance::Accept),
            Command::Block(peer) => _ = self.swarm.behaviour_mut().blocked.block_peer(peer),
        }
    }

    fn subscribe(&mut self, groups: &[GroupId]) {
        let wanted: BTreeMap<_, _> = groups
            .iter()
            .map(|group| (gossipsub::IdentTopic::new(message::topic(group)), *group))
            .map(|(topic, group)| (topic.hash(), (topic, group)))
            .collect();
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        for old in self.topics.values() {
            let topic = gossipsub::IdentTopic::new(message::topic(old));
            if !wanted.contains_key(&topic.hash()) {
                gossip.unsubscribe(&topic);
            }
        }
        for (topic, _) in wanted.values() {
            if let Err(error) = gossip.subscribe(topic) {
                tracing::warn!("cannot hear a group: {error}");
            }
            if let Err(error) = gossip.set_topic_params(topic.clone(), topic_score()) {
                tracing::warn!("messages of a group cannot be counted: {error}");
            }
        }
        self.topics = wanted.into_iter().map(|(hash, (_, group))| (hash, group)).collect();
    }

    fn hear(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::NewListenAddr { .. }
            | SwarmEvent::ExpiredListenAddr { .. }
            | SwarmEvent::ExternalAddrConfirmed { .. }
            | SwarmEvent::ExternalAddrExpired { .. } => self.settle(),
            SwarmEvent::ListenerClosed { listener_id, .. } => self.slot_closed(listener_id),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                let address = endpoint.get_remote_address().clone();
                if endpoint.is_dialer() && self.configured.contains(&address) {
                    self.reached.insert(address, peer_id);
                }
                self.lines.opened(peer_id, connection_id, Line::new(&endpoint, clock::now()));
                self.came(peer_id);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, .. } => {
                self.went(peer_id, connection_id, num_established);
            }
            SwarmEvent::OutgoingConnectionError { peer_id, error, .. } => {
                tracing::debug!(?peer_id, "cannot connect: {error}");
            }
            SwarmEvent::Behaviour(event) => self.hear_behaviour(event),
            _ => {}
        }
    }

    fn hear_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Identify(identify::Event::Received { connection_id, peer_id, info }) => {
                self.identified(peer_id, &info);
                self.offered(peer_id, connection_id, &info);
            }
            BehaviourEvent::Reached(autonat::v1::Event::StatusChanged { new, .. }) => self.tried(&new),
            BehaviourEvent::Punch(dcutr::Event { remote_peer_id, result }) => match result {
                Ok(_) => tracing::info!(node = %remote_peer_id, "a direct way was found"),
                Err(error) => tracing::info!(node = %remote_peer_id, "no direct way: {error}"),
            },
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => {
                for (peer, address) in found {
                    self.near_by(peer, address);
                }
            }
            BehaviourEvent::Gossip(gossipsub::Event::Message { propagation_source, message_id, message }) => {
                if let Some(verdict) = self.judge(propagation_source, &message_id, &message) {
                    self.judged(&Parcel { id: message_id, from: propagation_source }, verdict);
                }
            }
            BehaviourEvent::Kad(kad::Event::OutboundQueryProgressed { id, result, stats, step }) => {
                self.progressed(id, result, &stats, step.last);
            }
            BehaviourEvent::Sync(event) => self.hear_sync(event),
            BehaviourEvent::Ping(ping::Event { peer, connection, result: Err(failure) }) => {
                self.fell_silent(peer, connection, &failure);
            }
            _ => {}
        }
    }

    /// A connection that carries nothing any more looks alive for minutes: TCP doubles its pauses, and questions on it
    /// wait for nothing. Closed, it is dialled anew.
    fn fell_silent(&mut self, peer: PeerId, connection: ConnectionId, failure: &ping::Failure) {
        if !matches!(failure, ping::Failure::Unsupported) {
            tracing::info!(node = ?node_id(&peer), "a connection fell silent and is closed: {failure}");
            self.swarm.close_connection(connection);
        }
    }

    fn came(&mut self, peer_id: PeerId) {
        let Some(node) = node_id(&peer_id) else {
            // Only ed25519 keys are names of nodes.
            let _ = self.swarm.disconnect_peer_id(peer_id);
            return;
        };
        self.redial.remove(&node);
        self.called.remove(&node);
        let known = self.book.get(&node).unwrap_or_default();
        let follow = !known.ignored
            && (known.followed
                || self.reached.values().any(|reached| *reached == peer_id)
                || self.configured.iter().any(|address| named(address) == Some(peer_id))
                || self.near.contains(&peer_id));
        let Some(line) = self.lines.best(&peer_id).cloned() else { return };
        let peer = Peer {
            since: line.since,
            address: line.address.to_string(),
            outgoing: line.outgoing,
            relayed: line.relayed,
            software: String::new(),
            speaks: false,
            follow,
        };
        self.tell_peers.send_if_modified(|peers| {
            let news = peers.get(&node).is_none_or(|peer| peer.relayed != line.relayed);
            if news {
                tracing::info!(%node, address = peer.address, relayed = peer.relayed, "connected");
            }
            let entry = peers.entry(node).or_insert_with(|| peer.clone());
            entry.on(&line);
            entry.follow |= follow;
            news
        });
    }

    fn went(&mut self, peer_id: PeerId, connection: ConnectionId, left: u32) {
        let line = self.lines.closed(&peer_id, connection);
        let Some(node) = node_id(&peer_id) else { return };
        if left == 0 {
            tracing::info!(%node, "disconnected");
            self.offers_no_more(&peer_id);
            self.tell_peers.send_modify(|peers| _ = peers.remove(&node));
            self.buckets.remove(&node);
            return;
        }
        let Some(best) = self.lines.best(&peer_id).cloned() else { return };
        self.tell_peers.send_if_modified(|peers| {
            let Some(peer) = peers.get_mut(&node) else { return false };
            let news = peer.relayed != best.relayed;
            peer.on(&best);
            news
        });
        if line.is_some_and(|line| line.relayed) {
            // Questions that were on it got no answer.
            self.tell(News::Met(node));
        }
    }

    fn identified(&mut self, peer_id: PeerId, info: &identify::Info) {
        let Some(node) = node_id(&peer_id) else { return };
        let speaks = info.protocols.iter().any(|protocol| protocol.as_ref() == message::SYNC);
        let Some(peer) = self.tell_peers.borrow().get(&node).cloned() else { return };
        let remote: Option<Multiaddr> = peer.address.parse().ok();
        let usable: Vec<Multiaddr> = info
            .listen_addrs
            .iter()
            .filter(|address| remote.as_ref().is_none_or(|remote| reach(address) >= reach(remote)))
            .filter(|address| named(address).is_none_or(|named| named == peer_id))
            .filter(|address| through(address) != Some(*self.swarm.local_peer_id()))
            .take(12)
            .cloned()
            .collect();
        if speaks {
            for address in &usable {
                self.swarm.behaviour_mut().kad.add_address(&peer_id, address.clone());
            }
            let mut texts: Vec<_> = usable.iter().map(ToString::to_string).collect();
            texts.sort_by_key(|text| {
                (text.contains("/p2p-circuit"), !peer.address.starts_with(text.as_str()))
            });
            self.book.seen(&node, &texts);
        }
        let first = speaks && !peer.speaks;
        self.tell_peers.send_modify(|peers| {
            if let Some(peer) = peers.get_mut(&node) {
                peer.speaks = speaks;
                peer.software = info.agent_version.chars().take(64).collect();
            }
        });
        if first {
            let _ = self.swarm.behaviour_mut().kad.bootstrap();
            self.tell(News::Met(node));
        }
    }

    fn progressed(
        &mut self,
        id: kad::QueryId,
        result: kad::QueryResult,
        stats: &kad::QueryStats,
        last: bool,
    ) {
        match result {
            kad::QueryResult::StartProviding(done) => {
                if let Some(reply) = self.providing.remove(&id) {
                    // With an empty table the library says Ok and tells nobody.
                    let _ = reply.send(done.is_ok() && stats.num_successes() > 0);
                }
            }
            kad::QueryResult::GetProviders(Ok(kad::GetProvidersOk::FoundProviders { providers, .. })) => {
                let Some(tell) = self.looking.get(&id) else { return };
                for peer in providers.iter().take(PROVIDERS) {
                    let Some(node) = node_id(peer) else { continue };
                    let _ = tell.try_send(node);
                    // Now, as the addresses are forgotten with the end of the query.
                    if !self.swarm.is_connected(peer) && peer != self.swarm.local_peer_id() {
                        let _ = self.swarm.dial(*peer);
                    }
                }
            }
            _ => {}
        }
        if last {
            self.looking.remove(&id);
        }
    }

    fn judged(&mut self, parcel: &Parcel, verdict: gossipsub::MessageAcceptance) {
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        let _ = gossip.report_message_validation_result(&parcel.id, &parcel.from, verdict);
    }

    /// Gives whether there was room.
    fn tell(&self, news: News) -> bool {
        let told = self.news.try_send(news).is_ok();
        if !told {
            tracing::debug!("news were dropped; they are asked for again");
        }
        told
    }
}
