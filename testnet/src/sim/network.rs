//! Who is linked with whom, and how long messages take. Knows nothing of what is in them.
//!
//! Links are drawn once: every node dials four random others, so it has about eight neighbours. Gossip is fire and
//! forget and can be lost. Everything else runs over streams, where loss costs time instead.

use fastrand::Rng;

use super::{
    chance::{exp, normal},
    event::{Link, Node},
    queue::Micros,
};

/// Nodes that each node dials at first.
const DIALS: usize = 4;
/// Neighbours that gossip is passed on to (gossipsub's mesh).
const MESH: usize = 6;
/// Half of the links are faster one way.
const LATENCY_MS: f64 = 40.0;
/// Spread of the latencies' logarithm: one link of a hundred takes four times the median.
const SPREAD: f64 = 0.6;
/// What a home line sends, bytes a second (20 Mbit/s).
const UPLINK: u64 = 2_500_000;
/// A packet's worth of a stream.
const PACKET_BYTES: f64 = 1200.0;
/// The shortest pause before a lost packet is sent again.
const RETRANSMIT: Micros = 200_000;

/// Whether a link carries anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Up,
    /// Cut, and its ends do not know yet.
    Dark,
    Down,
}

#[derive(Debug)]
pub(super) struct Wire {
    pub(super) ends: [Node; 2],
    pub(super) state: State,
    /// Counts the connections over this link; messages of an older one are gone.
    pub(super) connection: u32,
    latency: Micros,
    mesh: bool,
}

impl Wire {
    pub(super) fn other(&self, node: Node) -> Node {
        if self.ends[0] == node { self.ends[1] } else { self.ends[0] }
    }

    /// How long it takes to connect: a handshake of TCP, two of Noise and Yamux, and both sides' identify.
    pub(super) fn handshake(&self) -> Micros {
        8 * self.latency
    }

    pub(super) fn latency(&self) -> Micros {
        self.latency
    }
}

#[derive(Debug)]
pub(super) struct Network {
    wires: Vec<Wire>,
    /// Neighbour and link, in the order of their numbers.
    neighbours: Vec<Vec<(Node, Link)>>,
    /// When a node's line has sent what it was given.
    busy_until: Vec<Micros>,
    loss: f64,
    /// Whether the two sides cannot reach each other.
    pub(super) parted: bool,
}

impl Network {
    /// A random overlay of `nodes` nodes, all connected.
    pub(super) fn new(nodes: u32, loss_percent: u32, rng: &mut Rng) -> Self {
        let mut network = Self {
            wires: Vec::new(),
            neighbours: vec![Vec::new(); nodes as usize],
            busy_until: vec![0; nodes as usize],
            loss: f64::from(loss_percent) / 100.0,
            parted: false,
        };
        for node in 0..nodes {
            for _ in 0..DIALS.min(nodes as usize - 1) {
                // A few tries: among few nodes everybody may be a neighbour already.
                let found = (0..16)
                    .map(|_| rng.u32(0..nodes))
                    .find(|other| *other != node && network.between(node, *other).is_none());
                if let Some(other) = found {
                    network.link(node, other, rng);
                }
            }
        }
        network.graft(rng);
        network
    }

    fn link(&mut self, a: Node, b: Node, rng: &mut Rng) {
        let latency = (LATENCY_MS * 1000.0 * exp(SPREAD * normal(rng))) as Micros;
        let link = self.wires.len() as Link;
        self.wires.push(Wire { ends: [a, b], state: State::Up, connection: 0, latency, mesh: false });
        for (node, other) in [(a, b), (b, a)] {
            let list = &mut self.neighbours[node as usize];
            let place = list.partition_point(|(neighbour, _)| *neighbour < other);
            list.insert(place, (other, link));
        }
    }

    /// Draws the mesh: every node takes random neighbours until it has six.
    fn graft(&mut self, rng: &mut Rng) {
        for node in 0..self.neighbours.len() {
            let mut links: Vec<Link> = self.neighbours[node].iter().map(|(_, link)| *link).collect();
            let meshed = links.iter().filter(|link| self.wires[**link as usize].mesh).count();
            rng.shuffle(&mut links);
            links.retain(|link| !self.wires[*link as usize].mesh);
            for link in links.into_iter().take(MESH.saturating_sub(meshed)) {
                self.wires[link as usize].mesh = true;
            }
        }
    }

    pub(super) fn wire(&self, link: Link) -> &Wire {
        &self.wires[link as usize]
    }

    pub(super) fn wire_mut(&mut self, link: Link) -> &mut Wire {
        &mut self.wires[link as usize]
    }

    pub(super) fn links(&self) -> std::ops::Range<Link> {
        0..self.wires.len() as Link
    }

    /// All neighbours of a node, connected or not.
    pub(super) fn neighbours(&self, node: Node) -> &[(Node, Link)] {
        &self.neighbours[node as usize]
    }

    pub(super) fn between(&self, node: Node, other: Node) -> Option<Link> {
        let list = &self.neighbours[node as usize];
        list.binary_search_by_key(&other, |(neighbour, _)| *neighbour).ok().map(|place| list[place].1)
    }

    /// Links over which the node believes itself connected.
    pub(super) fn connected(&self, node: Node) -> Vec<Link> {
        let links = self.neighbours[node as usize].iter().map(|(_, link)| *link);
        links.filter(|link| self.wire(*link).state != State::Down).collect()
    }

    /// Links that gossip is passed on over: those of the mesh and, when some are gone, others in their place.
    pub(super) fn mesh(&self, node: Node) -> Vec<Link> {
        let (mut mesh, rest): (Vec<_>, Vec<_>) =
            self.connected(node).into_iter().partition(|link| self.wire(*link).mesh);
        let missing = MESH.saturating_sub(mesh.len());
        mesh.extend(rest.into_iter().take(missing));
        mesh
    }

    /// Whether the partition is between the ends of this link: the first half of the nodes is one side.
    pub(super) fn crosses(&self, link: Link) -> bool {
        let half = self.neighbours.len() as u32 / 2;
        let [a, b] = self.wire(link).ends;
        (a < half) != (b < half)
    }

    /// When a message of gossip arrives after now; none when it is lost.
    pub(super) fn gossip(
        &mut self,
        link: Link,
        from: Node,
        bytes: u64,
        now: Micros,
        rng: &mut Rng,
    ) -> Option<Micros> {
        let sent = self.send(from, bytes, now);
        (rng.f64() >= self.loss).then(|| sent + self.travel(link, rng))
    }

    /// When a message on a stream arrives after now.
    ///
    /// Under loss a stream carries no more than packet / (round trip * sqrt(loss)) * 1.22 (Mathis et al., 1997), and
    /// a last packet that is lost waits for its timer, which doubles.
    pub(super) fn stream(
        &mut self,
        link: Link,
        from: Node,
        bytes: u64,
        now: Micros,
        rng: &mut Rng,
    ) -> Micros {
        let round_trip = 2.0 * self.wire(link).latency as f64;
        let packets = bytes as f64 / PACKET_BYTES;
        let slowed = (packets * round_trip * self.loss.sqrt() / 1.22) as Micros;
        let mut timer = RETRANSMIT.max(round_trip as Micros);
        let mut waited = 0;
        while rng.f64() < self.loss {
            waited += timer;
            timer *= 2;
        }
        self.send(from, bytes, now).max(slowed) + waited + self.travel(link, rng)
    }

    /// How long until the node's line has sent this and what was given to it before.
    fn send(&mut self, from: Node, bytes: u64, now: Micros) -> Micros {
        let busy = &mut self.busy_until[from as usize];
        *busy = now.max(*busy) + bytes * 1_000_000 / UPLINK;
        *busy - now
    }

    fn travel(&self, link: Link, rng: &mut Rng) -> Micros {
        let latency = self.wire(link).latency;
        latency + rng.u64(0..=latency / 10)
    }
}
