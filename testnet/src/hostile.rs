//! A peer that speaks Horahora's protocols and misbehaves: it answers as it is told, and attacks on command.
//!
//! It is no node: it has a swarm, a key and a [`Manner`]. `story` is what it knows and tells, `answer` how it
//! answers, `forge` makes records that nobody signed, `attack` does what no honest node does, `kind` names all
//! of it for the command line.

use std::{
    collections::BTreeSet,
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use futures::StreamExt;
use horahora_protocol::{Cid, Codec, NodeId, NodeKey, limits, message};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol, Swarm, SwarmBuilder, gossipsub, identify, identity, kad,
    noise, ping, request_response,
    swarm::{NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use libp2p_stream::Control;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::timeout,
};

mod answer;
mod attack;
mod forge;
mod kind;
mod story;
mod wire;

pub use answer::{Lie, Manner, Says, Wants};
pub use attack::{BadQuestion, Held};
pub use forge::{forged_growing, forged_video, padded_growing};
pub use kind::{Kind, by_hand};
pub use story::{Chronicle, Story};

/// Longest that connecting, opening a stream or being heard may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest that gossip waits to be read.
const FLOOD: Duration = Duration::from_secs(120);
/// How often something that needs the other side is tried again.
const AGAIN: Duration = Duration::from_millis(50);
/// Orders that wait for the swarm.
const ORDERS: usize = 64;

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    gossip: gossipsub::Behaviour,
    kad: kad::Behaviour<kad::store::MemoryStore>,
    sync: request_response::Behaviour<wire::RawCodec>,
    streams: libp2p_stream::Behaviour,
}

enum Order {
    Dial(Multiaddr),
    Gossip(String, Vec<u8>, oneshot::Sender<Result<()>>),
    Provide(Vec<u8>),
    Providers(Vec<u8>, oneshot::Sender<usize>),
    Topics(oneshot::Sender<BTreeSet<String>>),
}

/// The peer. Dropping it ends it.
pub struct Hostile {
    key: Arc<NodeKey>,
    keypair: identity::Keypair,
    control: Control,
    orders: mpsc::Sender<Order>,
    manner: Arc<Mutex<Manner>>,
    addresses: watch::Receiver<Vec<Multiaddr>>,
    peers: watch::Receiver<BTreeSet<PeerId>>,
    _tasks: JoinSet<()>,
}

impl fmt::Debug for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hostile({})", self.id())
    }
}

impl Hostile {
    /// Starts a peer whose key comes from `seed`; it listens on loopback and answers in this manner.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start(seed: &str, manner: Manner) -> Result<Self> {
        let key = Arc::new(key_of(seed));
        let keypair = identity::Keypair::ed25519_from_bytes(key.secret())?;
        let mut swarm = build(keypair.clone())?;
        for address in ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"] {
            swarm.listen_on(address.parse()?)?;
        }
        let mut control = swarm.behaviour().streams.new_control();
        let incoming = control.accept(StreamProtocol::new(message::BLOBS)).map_err(|e| anyhow!("{e}"))?;
        let manner = Arc::new(Mutex::new(manner));
        let (orders, inbox) = mpsc::channel(ORDERS);
        let (tell_addresses, addresses) = watch::channel(Vec::new());
        let (tell_peers, peers) = watch::channel(BTreeSet::new());
        let mut tasks = JoinSet::new();
        let answerer = answer::Answerer { key: Arc::clone(&key), manner: Arc::clone(&manner) };
        tasks.spawn(answer::give(incoming, Arc::clone(&manner)));
        tasks.spawn(run(swarm, inbox, tell_addresses, tell_peers, answerer));
        Ok(Self { key, keypair, control, orders, manner, addresses, peers, _tasks: tasks })
    }

    /// Who it is.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.key.node_id()
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &NodeKey {
        &self.key
    }

    /// The group that it makes its own: the one of [`Story::with_own`] and [`padded_growing`].
    #[must_use]
    pub fn group(&self) -> Cid {
        story::genesis(&self.key, story::NAME).block().0
    }

    /// From now on it answers otherwise.
    pub fn behave(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut locked(&self.manner));
    }

    /// How many wants and questions it was asked so far.
    #[must_use]
    pub fn asked(&self) -> u64 {
        locked(&self.manner).asked
    }

    /// An address under which a node reaches it, over TCP.
    ///
    /// # Errors
    /// When it does not listen in time.
    pub async fn address(&self) -> Result<String> {
        let tcp = |all: &Vec<Multiaddr>| all.iter().map(ToString::to_string).find(|a| a.contains("/tcp/"));
        let mut addresses = self.addresses.clone();
        let known = within("it listens", addresses.wait_for(|all| tcp(all).is_some())).await??;
        Ok(format!("{}/p2p/{}", tcp(&known).context("an address")?, self.id()))
    }

    /// Connects to a node and waits until that node said who it is.
    ///
    /// # Errors
    /// When the address does not end with the node's id, or nobody answers there.
    pub async fn connect(&self, address: &str) -> Result<NodeId> {
        let (_, node) = address.rsplit_once("/p2p/").context("the address ends with /p2p/ and an id")?;
        let node: NodeId = node.parse()?;
        self.orders.send(Order::Dial(address.parse()?)).await?;
        self.met(&node).await?;
        Ok(node)
    }

    /// Waits until a node is connected and said who it is.
    ///
    /// # Errors
    /// When it takes too long.
    pub async fn met(&self, node: &NodeId) -> Result<()> {
        let peer = peer_id(node)?;
        within("they meet", self.peers.clone().wait_for(|peers| peers.contains(&peer))).await??;
        Ok(())
    }

    /// Whether a node is connected.
    #[must_use]
    pub fn is_connected(&self, node: &NodeId) -> bool {
        peer_id(node).is_ok_and(|peer| self.peers.borrow().contains(&peer))
    }

    /// Says something to everyone in a group; waits until somebody is there who hears it.
    ///
    /// # Errors
    /// When nobody hears it in time.
    pub async fn gossip(&self, group: &Cid, bytes: &[u8]) -> Result<()> {
        let saying = async {
            while self.try_gossip(group, bytes.to_vec()).await.is_err() {
                tokio::time::sleep(AGAIN).await;
            }
        };
        within("somebody hears the gossip", saying).await
    }

    /// Says something to everyone in a group who hears it now.
    ///
    /// # Errors
    /// When nobody does, or the line is full.
    pub async fn try_gossip(&self, group: &Cid, bytes: Vec<u8>) -> Result<()> {
        let (reply, done) = oneshot::channel();
        self.orders.send(Order::Gossip(message::topic(group), bytes, reply)).await?;
        done.await?
    }

    /// Tells the hash table that it has what a key names.
    ///
    /// # Errors
    /// When the peer has ended.
    pub async fn provide(&self, key: Vec<u8>) -> Result<()> {
        Ok(self.orders.send(Order::Provide(key)).await?)
    }

    /// How many nodes the hash table names for a key.
    ///
    /// # Errors
    /// When the peer has ended.
    pub async fn providers(&self, key: Vec<u8>) -> Result<usize> {
        let (reply, found) = oneshot::channel();
        self.orders.send(Order::Providers(key, reply)).await?;
        within("the hash table answers", found).await?.context("the peer runs")
    }

    /// The topics of gossip that connected nodes say they hear.
    ///
    /// # Errors
    /// When the peer has ended.
    pub async fn topics(&self) -> Result<BTreeSet<String>> {
        let (reply, heard) = oneshot::channel();
        self.orders.send(Order::Topics(reply)).await?;
        Ok(heard.await?)
    }

    /// Opens a stream to a connected node.
    async fn open(&self, node: &NodeId, protocol: &'static str) -> Result<Stream> {
        if !self.is_connected(node) {
            bail!("{node} is not connected");
        }
        let mut control = self.control.clone();
        let opening = control.open_stream(peer_id(node)?, StreamProtocol::new(protocol));
        within("a stream opens", opening).await?.map_err(|error| anyhow!("{error}"))
    }
}

fn build(keypair: identity::Keypair) -> Result<Swarm<Behaviour>> {
    let id = keypair.public().to_peer_id();
    let gossip = gossipsub::ConfigBuilder::default()
        .protocol_id(message::GOSSIP, gossipsub::Version::V1_1)
        .validation_mode(gossipsub::ValidationMode::Permissive)
        .max_transmit_size(8 * limits::GOSSIP_BYTES)
        // A victim on a busy machine reads slowly; a flood is no flood when most of it is dropped here.
        .publish_queue_duration(FLOOD)
        .build()?;
    let author = gossipsub::MessageAuthenticity::Signed(keypair.clone());
    let mut kad = kad::Behaviour::with_config(
        id,
        kad::store::MemoryStore::new(id),
        kad::Config::new(StreamProtocol::new(message::KADEMLIA)),
    );
    kad.set_mode(Some(kad::Mode::Server));
    let protocol = [(StreamProtocol::new(message::SYNC), request_response::ProtocolSupport::Inbound)];
    let identify = identify::Config::new(message::IDENTIFY.to_owned(), keypair.public())
        .with_agent_version("hostile/1".to_owned());
    let behaviour = Behaviour {
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::default(),
        gossip: gossipsub::Behaviour::new(author, gossip).map_err(|error| anyhow!(error))?,
        kad,
        sync: request_response::Behaviour::with_codec(
            wire::RawCodec,
            protocol,
            request_response::Config::default().with_request_timeout(Duration::from_secs(120)),
        ),
        streams: libp2p_stream::Behaviour::new(),
    };
    Ok(SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
        .with_quic()
        .with_behaviour(|_| behaviour)?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(600)))
        .build())
}

async fn run(
    mut swarm: Swarm<Behaviour>,
    mut inbox: mpsc::Receiver<Order>,
    addresses: watch::Sender<Vec<Multiaddr>>,
    peers: watch::Sender<BTreeSet<PeerId>>,
    answerer: answer::Answerer,
) {
    // Questions that are never answered; forgetting their channels would be an answer of a kind.
    let mut unanswered = Vec::new();
    let mut looking = std::collections::HashMap::new();
    loop {
        tokio::select! {
            event = swarm.select_next_some() => match event {
                SwarmEvent::NewListenAddr { address, .. } => addresses.send_modify(|all| all.push(address)),
                SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                    peers.send_modify(|peers| _ = peers.remove(&peer_id));
                }
                SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                    peer_id, info, ..
                })) => {
                    for address in info.listen_addrs {
                        swarm.behaviour_mut().kad.add_address(&peer_id, address);
                    }
                    peers.send_modify(|peers| _ = peers.insert(peer_id));
                }
                SwarmEvent::Behaviour(BehaviourEvent::Sync(request_response::Event::Message {
                    message: request_response::Message::Request { request, channel, .. }, ..
                })) => match answerer.answer(&request) {
                    Some(reply) => _ = swarm.behaviour_mut().sync.send_response(channel, reply),
                    None => unanswered.push(channel),
                },
                SwarmEvent::Behaviour(BehaviourEvent::Kad(kad::Event::OutboundQueryProgressed {
                    id,
                    result: kad::QueryResult::GetProviders(found),
                    step,
                    ..
                })) => {
                    if let (Ok(kad::GetProvidersOk::FoundProviders { providers, .. }), Some((count, _))) =
                        (found, looking.get_mut(&id))
                    {
                        *count += providers.len();
                    }
                    if step.last
                        && let Some((count, reply)) = looking.remove(&id)
                    {
                        let reply: oneshot::Sender<usize> = reply;
                        let _ = reply.send(count);
                    }
                }
                _ => {}
            },
            Some(order) = inbox.recv() => match order {
                Order::Dial(address) => _ = swarm.dial(address),
                Order::Gossip(topic, bytes, reply) => {
                    let topic = gossipsub::IdentTopic::new(topic);
                    let said = swarm.behaviour_mut().gossip.publish(topic, bytes);
                    let _ = reply.send(said.map(|_| ()).map_err(|error| anyhow!("{error}")));
                }
                Order::Providers(key, reply) => {
                    let query = swarm.behaviour_mut().kad.get_providers(kad::RecordKey::new(&key));
                    looking.insert(query, (0, reply));
                }
                Order::Topics(reply) => {
                    let heard = swarm.behaviour().gossip.all_peers();
                    let topics = heard.flat_map(|(_, topics)| topics).map(ToString::to_string).collect();
                    let _ = reply.send(topics);
                }
                Order::Provide(key) => {
                    _ = swarm.behaviour_mut().kad.start_providing(kad::RecordKey::new(&key));
                }
            },
            else => return,
        }
    }
}

/// The key that a seed makes.
fn key_of(seed: &str) -> NodeKey {
    NodeKey::from_secret(Cid::of(Codec::Raw, seed.as_bytes()).hash())
}

fn peer_id(node: &NodeId) -> Result<PeerId> {
    node.to_string().parse().map_err(|error| anyhow!("{error}"))
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> Result<T> {
    timeout(PATIENCE, work)
        .await
        .with_context(|| format!("within {PATIENCE:?} it did not happen that {what}"))
}

fn locked(manner: &Mutex<Manner>) -> MutexGuard<'_, Manner> {
    manner.lock().unwrap_or_else(PoisonError::into_inner)
}
