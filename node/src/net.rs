//! The way to peers. One task owns the swarm; everybody else holds a [`Net`], whose methods read like plain
//! calls. libp2p's types stop here: other rooms know peers as [`NodeId`]s.
//!
//! `behaviour` says what is spoken, `swarm` owns it, `codec` is the wire form, `everyone` asks many at once,
//! `exchange` fetches blobs and `serve` gives them, `sync` keeps feeds alike, `provide` tells the hash table, `book` remembers addresses,
//! `refusals` counts what peers did wrong, `traffic` what moves.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use horahora_protocol::{
    Cid, NodeId, NodeKey, Timestamp,
    group::GroupId,
    message::{Request, Response},
};
use libp2p::{Multiaddr, PeerId, identity};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{spawn::Tasks, store::Store};

mod behaviour;
mod book;
mod codec;
mod everyone;
mod exchange;
mod provide;
mod refusals;
mod serve;
mod swarm;
mod sync;
mod traffic;

pub use book::Book;
pub use exchange::BlobFailure;
pub use provide::{BUDGET, Grain, Provide};
pub use refusals::{Reason, Refusals};
pub use serve::Shelf;
pub use sync::{Joining, Rooms as SyncRooms, Sync};
pub use traffic::{Flow, Traffic};

use swarm::{Command, News};

/// Commands that wait for the swarm.
const COMMANDS: usize = 256;
/// News that wait for the sync room; more are dropped, and asked for again later.
const NEWS: usize = 256;

/// A connected node.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Since when.
    pub since: Timestamp,
    /// Its address on this connection.
    pub address: String,
    /// Whether we dialled it.
    pub outgoing: bool,
    /// Whether it is reached only through a third node.
    pub relayed: bool,
    /// What program it runs, empty until it said so.
    pub software: String,
    /// Whether it speaks our protocols.
    pub speaks: bool,
    /// Whether its public groups are to be followed.
    pub follow: bool,
}

impl Peer {
    /// How it is reached: `direct` or `relayed`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.relayed { "relayed" } else { "direct" }
    }
}

/// Nodes connected now.
pub type Peers = BTreeMap<NodeId, Peer>;

/// The way to peers. Clones share it.
#[derive(Debug, Clone)]
pub struct Net(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    me: NodeId,
    commands: mpsc::Sender<Command>,
    addresses: watch::Receiver<Vec<Multiaddr>>,
    peers: watch::Receiver<Peers>,
    links: exchange::Links,
    refusals: Refusals,
    traffic: Traffic,
    book: Book,
}

/// What the network needs to know.
#[derive(Debug)]
pub struct NetOptions {
    /// Addresses to listen on; none means the usual ones.
    pub listen: Vec<Multiaddr>,
    /// Peers to stay connected to.
    pub peers: Vec<Multiaddr>,
    /// Whether to look for nodes on the local network.
    pub mdns: bool,
    /// Whether to relay for nodes behind routers.
    pub relay: bool,
}

/// Why a question was not answered.
#[derive(Debug, Error)]
pub enum AskError {
    /// The peer is not connected, or the connection broke.
    #[error("the node is not connected")]
    Gone,
    /// It did not answer in time.
    #[error("the node did not answer in time")]
    Late,
    /// It does not speak this version of the protocol.
    #[error("the node speaks another version")]
    Foreign,
}

/// Why an address cannot be used.
#[derive(Debug, Error)]
pub enum AddressError {
    /// Not a multiaddr.
    #[error("this is no address of a node; it looks like /ip4/192.168.1.5/tcp/4150/p2p/12D3KooW…")]
    Malformed,
    /// Without the `/p2p/` part nobody knows who should answer.
    #[error("the address must end with /p2p/ and the node's id, as the other node prints it")]
    NoNode,
    /// Our own.
    #[error("this is the address of this node itself")]
    Own,
}

impl Net {
    /// Listens, connects to the configured peers, serves blobs, and goes on in the background. Gives what the
    /// sync room hears.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub fn open(
        key: &NodeKey,
        options: NetOptions,
        store: &Store,
        shelf: Shelf,
        tasks: &Tasks,
    ) -> Result<(Self, Ears)> {
        let keypair = identity::Keypair::ed25519_from_bytes(key.secret()).context("the key is not usable")?;
        let mut swarm = behaviour::build(keypair, options.mdns)?;
        let listen = if options.listen.is_empty() { usual_addresses() } else { options.listen };
        for address in &listen {
            swarm.listen_on(address.clone()).with_context(|| format!("cannot listen on {address}"))?;
        }
        let control = swarm.behaviour().streams.new_control();
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (news, ears) = mpsc::channel(NEWS);
        let (tell_addresses, addresses) = watch::channel(Vec::new());
        let (tell_peers, peers) = watch::channel(Peers::new());
        let (refusals, traffic, book) = (Refusals::default(), Traffic::default(), Book::new(store.clone()));
        let owner = swarm::Owner::new(
            swarm,
            options.peers,
            options.relay,
            inbox,
            news,
            tell_addresses,
            tell_peers,
            refusals.clone(),
            book.clone(),
        );
        tasks.spawn("net", owner.run());
        let links = exchange::Links::new(control.clone(), traffic.clone(), tasks.clone());
        let me = key.node_id();
        let net = Self(Arc::new(Inner { me, commands, addresses, peers, links, refusals, traffic, book }));
        serve::start(control, &net, shelf, tasks)?;
        Ok((net, Ears(ears)))
    }

    /// This node.
    #[must_use]
    pub fn me(&self) -> NodeId {
        self.0.me
    }

    /// Addresses under which peers reach this node, each with its `/p2p/` part; those that other machines can
    /// use come first, those through relays last.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.0.addresses.borrow().iter().map(ToString::to_string).collect()
    }

    /// Waits for the first address.
    pub async fn listening(&self) {
        let _ = self.0.addresses.clone().wait_for(|addresses| !addresses.is_empty()).await;
    }

    /// Nodes connected now.
    #[must_use]
    pub fn peers(&self) -> Peers {
        self.0.peers.borrow().clone()
    }

    /// Hears each time that a node comes or goes.
    #[must_use]
    pub fn peers_changed(&self) -> watch::Receiver<Peers> {
        self.0.peers.clone()
    }

    /// What peers did wrong.
    #[must_use]
    pub fn refusals(&self) -> &Refusals {
        &self.0.refusals
    }

    /// What moves.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        &self.0.traffic
    }

    /// Nodes met before.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.0.book
    }

    /// Connects to a node, now and after every restart, and follows its public groups. Gives who it is.
    ///
    /// # Errors
    /// When the text is no address of another node.
    pub async fn add(&self, text: &str) -> Result<NodeId, AddressError> {
        let address: Multiaddr = text.trim().parse().map_err(|_| AddressError::Malformed)?;
        let node = swarm::named(&address).and_then(|peer| node_id(&peer)).ok_or(AddressError::NoNode)?;
        if node == self.0.me {
            return Err(AddressError::Own);
        }
        self.0.book.follow(&node, &[address.to_string()]);
        self.0.book.durable().await;
        self.send(Command::Dial(node)).await;
        Ok(node)
    }

    /// Addresses that are worth a call: those that lead as far as the farthest of this node's own. Another home's
    /// private addresses lead nowhere, and waiting for them delays those that do.
    fn usable(&self, addresses: &[String]) -> Vec<String> {
        let own = self.0.addresses.borrow().iter().map(swarm::reach).max().unwrap_or(0);
        let leads =
            |text: &&String| text.parse().is_ok_and(|address: Multiaddr| swarm::reach(&address) >= own);
        addresses.iter().filter(leads).cloned().collect()
    }

    /// Calls a node that a ticket names.
    async fn call(&self, node: &NodeId, addresses: &[String]) {
        self.0.book.at(node, addresses);
        self.send(Command::Call(*node)).await;
    }

    /// Stays connected to some of these nodes: the other members of this node's groups.
    async fn want(&self, fellows: Vec<NodeId>) {
        self.send(Command::Want(fellows)).await;
    }

    /// Wants nothing of a node any more: it is not dialled and not followed.
    pub async fn forget(&self, node: &NodeId) {
        self.0.book.ignore(node);
        self.0.book.durable().await;
        self.send(Command::Forget(*node)).await;
    }

    /// Asks a connected node.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask(&self, node: &NodeId, request: Request) -> Result<Response, AskError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Ask(peer_id(node), request, reply)).await;
        answer.await.map_err(|_| AskError::Gone)?
    }

    /// Fetches a blob from one node; the bytes fit the address. `of` is the manifest or the capture that it is part
    /// of, `bytes` its size if known.
    ///
    /// # Errors
    /// See [`BlobFailure`]. What the peer did wrong has been held against it.
    pub async fn blob(
        &self,
        node: &NodeId,
        cid: Cid,
        of: Cid,
        bytes: Option<u64>,
        urgent: bool,
    ) -> Result<bytes::Bytes, BlobFailure> {
        let got = self.0.links.fetch(node, cid, of, bytes, urgent).await;
        if let Err(BlobFailure::Bad(reason)) = &got {
            self.refuse(node, *reason).await;
        }
        got
    }

    /// Says something to everyone in a group.
    pub async fn publish(&self, group: GroupId, bytes: Vec<u8>) {
        self.send(Command::Publish(group, bytes)).await;
    }

    /// Hears what is said in these groups, and in no others.
    pub async fn subscribe(&self, groups: Vec<GroupId>) {
        self.send(Command::Subscribe(groups)).await;
    }

    /// Tells the hash table that this node has what `key` names. False when nobody could be told.
    pub async fn provide(&self, key: Vec<u8>) -> bool {
        let (reply, done) = oneshot::channel();
        self.send(Command::Provide(key, reply)).await;
        done.await.unwrap_or(false)
    }

    /// Nodes that the hash table names for a key, as they are found.
    pub async fn providers(&self, key: Vec<u8>) -> mpsc::Receiver<NodeId> {
        let (tell, found) = mpsc::channel(64);
        self.send(Command::Providers(key, tell)).await;
        found
    }

    /// Holds something against a peer.
    pub async fn refuse(&self, node: &NodeId, reason: Reason) {
        if self.0.refusals.note(node, reason) {
            self.0.links.forget(node);
            self.send(Command::Block(peer_id(node))).await;
        }
    }

    async fn send(&self, command: Command) {
        // The owner is gone only when the node stops.
        let _ = self.0.commands.send(command).await;
    }
}

/// What the sync room hears of the network.
#[derive(Debug)]
pub struct Ears(mpsc::Receiver<News>);

/// How long a peer may take for anything small.
const PATIENCE: Duration = Duration::from_secs(20);

/// The port that nodes are known by.
const PORT: u16 = 4150;

/// TCP and QUIC on every address of this machine. When another node has the usual port, a free one: peers learn
/// it by themselves.
fn usual_addresses() -> Vec<Multiaddr> {
    let ip6 = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    let free = |ip: IpAddr| TcpListener::bind((ip, PORT)).is_ok() && UdpSocket::bind((ip, PORT)).is_ok();
    let port = if free(Ipv4Addr::UNSPECIFIED.into()) { PORT } else { 0 };
    if port == 0 {
        tracing::info!("port {PORT} is taken; a free one is used");
    }
    let hosts = ["/ip4/0.0.0.0", "/ip6/::"].into_iter().take(if ip6 { 2 } else { 1 });
    hosts
        .flat_map(|host| [format!("{host}/tcp/{port}"), format!("{host}/udp/{port}/quic-v1")])
        .map(|address| address.parse().expect("made of fixed parts"))
        .collect()
}

/// The node that an address names.
fn node_of(address: &str) -> Option<NodeId> {
    let address: Multiaddr = address.parse().ok()?;
    swarm::named(&address).and_then(|peer| node_id(&peer))
}

fn peer_id(node: &NodeId) -> PeerId {
    let key = identity::ed25519::PublicKey::try_from_bytes(node.public_key());
    // A key that is no point of the curve is nobody's; a random id is nobody's either.
    key.map_or_else(|_| PeerId::random(), |key| identity::PublicKey::from(key).to_peer_id())
}

fn node_id(peer: &PeerId) -> Option<NodeId> {
    peer.to_string().parse().ok()
}
