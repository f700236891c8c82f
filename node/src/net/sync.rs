//! Keeps feeds alike: gossip tells that a head moved, questions make it true.
//!
//! On connect, and every 25 s with one random peer, a node says in short what it knows of each group that the other
//! may know of; where that differs both sides pull what they lack. Losing gossip loses no record. News of public
//! groups go by gossipsub, those of private ones to each connected member by itself.
//!
//! `heads` compares, `pull` takes in entries and records, `answer` is what others hear, `join` redeems tickets.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use horahora_protocol::{
    NodeId, NodeKey, Timestamp,
    feed::{FeedId, Head},
    group::GroupId,
    limits,
    message::{Gossip, Message, Presence, Request, Response},
};
use serde_bytes::ByteBuf;
use tokio::time::{interval, timeout};

use super::{
    Ears, Net, PATIENCE,
    swarm::{Command, News},
    traffic,
};
use crate::{
    catalogue::{Catalogue, Totals},
    claims::Claims,
    clock,
    feeds::Feeds,
    groups::Groups,
    growing::Growing,
    live::Live,
    spawn::Tasks,
};

mod answer;
mod claims;
mod heads;
mod join;
mod pull;

pub use join::Joining;

/// Gossip of what moved is gathered for so long.
const GATHER: Duration = Duration::from_secs(2);
/// News are passed on at the latest after this: gossip forgets messages after five beats of a second.
const PASS_ON: Duration = Duration::from_secs(3);
/// Questions to one node a second, on the long run and at once: below what it calls a flood.
const PER_SECOND: f64 = 30.0;
const AT_ONCE: f64 = 60.0;
/// How often one random peer is asked what it knows.
const ANTI_ENTROPY: Duration = Duration::from_millis(limits::COMPARE_MS);
/// Who asked and knew something else is asked back, but not more often than this.
const ASK_BACK_MS: u64 = 2_000;
/// Words of nodes about themselves that are remembered: one a node and group.
const PRESENCES: usize = 10_000;
/// Records of private captures in the making that wait to be passed on.
const RELAYED: usize = 256;

/// The sync room. Clones share it.
#[derive(Debug, Clone)]
pub struct Sync(Arc<Inner>);

/// What the sync room works with.
#[derive(Debug)]
pub struct Rooms {
    /// The node's key.
    pub key: Arc<NodeKey>,
    /// The node's name.
    pub name: String,
    /// The data folder, to know how much room there is.
    pub dir: std::path::PathBuf,
    /// The network.
    pub net: Net,
    /// The feeds.
    pub feeds: Feeds,
    /// The groups.
    pub groups: Groups,
    /// What the groups have.
    pub catalogue: Catalogue,
    /// Captures in the making.
    pub growing: Growing,
    /// Who does what.
    pub claims: Claims,
    /// Events.
    pub live: Live,
    /// Background tasks.
    pub tasks: Tasks,
}

#[derive(Debug)]
struct Inner {
    rooms: Rooms,
    presences: Mutex<BTreeMap<(GroupId, NodeId), Said>>,
    /// Feeds and captures that are being pulled.
    pulling: Mutex<BTreeSet<Vec<u8>>>,
    /// When a node was asked last.
    asked: Mutex<BTreeMap<NodeId, Asked>>,
    /// Questions that each node may be asked, and when that was reckoned.
    purses: Mutex<BTreeMap<NodeId, (f64, Timestamp)>>,
    /// Records of private groups to pass on.
    relayed: Mutex<Vec<(GroupId, Vec<u8>)>>,
    joining: tokio::sync::Mutex<()>,
}

/// Heads that moved in a group, and records of captures in the making.
type Moved = (Vec<(FeedId, Head)>, Vec<Vec<u8>>);

/// A node's word about itself, and its signed block.
#[derive(Debug, Clone)]
struct Said {
    presence: Presence,
    block: Vec<u8>,
}

impl Sync {
    /// Starts to hear and to ask.
    #[must_use]
    pub fn start(rooms: Rooms, ears: Ears) -> Self {
        let tasks = rooms.tasks.clone();
        let sync = Self(Arc::new(Inner {
            rooms,
            presences: Mutex::default(),
            pulling: Mutex::default(),
            asked: Mutex::default(),
            purses: Mutex::default(),
            relayed: Mutex::default(),
            joining: tokio::sync::Mutex::default(),
        }));
        let (hearing, telling, joining) = (sync.clone(), sync.clone(), sync.clone());
        tasks.spawn("sync", async move { hearing.hear(ears).await });
        tasks.spawn("gossip", async move { telling.tell().await });
        tasks.spawn("join", async move { joining.keep_joining().await });
        sync
    }

    fn rooms(&self) -> &Rooms {
        &self.0.rooms
    }

    /// What a node last said about itself, in whichever group.
    #[must_use]
    pub fn presence(&self, node: &NodeId) -> Option<Presence> {
        let presences = self.presences();
        let all = presences.iter().filter(|((_, said), _)| said == node).map(|(_, said)| &said.presence);
        all.max_by_key(|presence| presence.at).cloned()
    }

    /// What a node last said about itself in a group.
    #[must_use]
    pub fn presence_in(&self, group: &GroupId, node: &NodeId) -> Option<Presence> {
        self.presences().get(&(*group, *node)).map(|said| said.presence.clone())
    }

    /// What a node said that it holds, of all groups that it spoke of and `counts` lets through.
    #[must_use]
    pub fn holds(&self, node: &NodeId, counts: impl Fn(&GroupId) -> bool) -> Option<Totals> {
        let presences = self.presences();
        let said = presences.iter().filter(|((group, said), _)| said == node && counts(group));
        said.map(|(_, said)| Totals::of(&said.presence)).reduce(|all, more| all + more)
    }

    /// The background tasks, for what must go on when nobody waits for it.
    #[must_use]
    pub fn tasks(&self) -> &Tasks {
        &self.rooms().tasks
    }

    /// Bytes free on the disk.
    #[must_use]
    pub fn free(&self) -> u64 {
        rustix::fs::statvfs(&self.rooms().dir).map_or(0, |disk| disk.f_bavail * disk.f_frsize)
    }

    async fn hear(&self, Ears(mut ears): Ears) {
        let mut anti_entropy = interval(ANTI_ENTROPY);
        let mut peers = self.rooms().net.peers_changed();
        loop {
            tokio::select! {
                news = ears.recv() => match news {
                    Some(News::Met(node)) => self.spawn(move |sync| async move { sync.meet(node).await }),
                    Some(News::Asked(node, request, channel)) => self.spawn(move |sync| async move {
                        let response = sync.answer(node, request).await;
                        sync.rooms().net.send(Command::Answer(channel, response)).await;
                    }),
                    Some(News::Gossip { from, source, group, gossip, parcel }) => {
                        self.spawn(move |sync| async move {
                            let mut pulling = std::pin::pin!(sync.gossip(from, source, group, gossip));
                            // Whoever hears it from here finds here what it tells of.
                            let late = timeout(PASS_ON, pulling.as_mut()).await.is_err();
                            if let Some(parcel) = parcel {
                                sync.rooms().net.send(Command::PassOn(parcel)).await;
                            }
                            if late {
                                pulling.await;
                            }
                        });
                    }
                    None => return,
                },
                _ = anti_entropy.tick() => {
                    if let Some(node) = self.anyone() {
                        self.spawn(move |sync| async move { sync.meet(node).await });
                    }
                    self.forget_silent();
                    self.rooms().net.want(self.rooms().groups.fellows()).await;
                }
                Ok(()) = peers.changed() => self.rooms().live.tell("node", serde_json::json!({})),
            }
        }
    }

    /// Gathers what moved here and says it to the groups.
    async fn tell(&self) {
        let rooms = self.rooms();
        let (mut gather, mut tick) = (interval(GATHER), interval(traffic::TICK));
        let mut moved = rooms.feeds.moved();
        let mut told = BTreeMap::new();
        let mut groups = BTreeSet::new();
        self.subscribe(&mut groups).await;
        loop {
            tokio::select! {
                _ = gather.tick() => self.tell_news(&mut told).await,
                _ = tick.tick() => {
                    if rooms.net.traffic().tick() {
                        rooms.live.tell("node", serde_json::json!({}));
                    }
                }
                Ok(()) = moved.changed() => {
                    // Who is in a group and where feeds end stands on the page.
                    rooms.live.tell("node", serde_json::json!({}));
                    if self.subscribe(&mut groups).await {
                        rooms.net.want(rooms.groups.fellows()).await;
                        self.meet_all();
                    }
                }
            }
        }
    }

    async fn tell_news(&self, told: &mut BTreeMap<FeedId, Head>) {
        let rooms = self.rooms();
        let mut heads = rooms.feeds.own_heads().await;
        let private: Vec<_> = rooms.groups.all().into_iter().filter(|view| !view.group.public).collect();
        for view in &private {
            // Of a private group everyone passes on what is new to it.
            heads.extend(rooms.feeds.others(&view.id).unwrap_or_default());
        }
        let mut news: BTreeMap<GroupId, Moved> = BTreeMap::new();
        for (feed, head) in heads {
            if told.insert(feed, head) != Some(head) {
                news.entry(feed.group).or_default().0.push((feed, head));
            }
        }
        let relayed = std::mem::take(&mut *self.relayed());
        for (group, record) in rooms.growing.news().into_iter().chain(relayed) {
            news.entry(group).or_default().1.push(record);
        }
        for (group, (heads, growing)) in news {
            for gossip in batches(heads, growing) {
                if rooms.groups.is_public(&group) {
                    rooms.net.publish(group, gossip.encode()).await;
                } else {
                    self.tell_members(group, &gossip);
                }
            }
        }
    }

    fn tell_members(&self, group: GroupId, gossip: &Gossip) {
        let Some(view) = self.rooms().groups.get(&group) else { return };
        let peers = self.rooms().net.peers();
        for node in view.group.members.keys().filter(|node| peers.contains_key(node)) {
            let (node, gossip) = (*node, gossip.clone());
            self.spawn(move |sync| async move { _ = sync.ask(&node, Request::News { group, gossip }).await });
        }
    }

    /// Hears the public groups that are known now. Gives whether any group is new or gone.
    async fn subscribe(&self, known: &mut BTreeSet<GroupId>) -> bool {
        let all = self.rooms().groups.all();
        let now: BTreeSet<_> = all.iter().map(|view| view.id).collect();
        if now == *known {
            return false;
        }
        *known = now;
        let public = all.iter().filter(|view| view.group.public).map(|view| view.id).collect();
        self.rooms().net.subscribe(public).await;
        true
    }

    /// A group more is news for everyone connected.
    fn meet_all(&self) {
        for (node, _) in self.rooms().net.peers().into_iter().filter(|(_, peer)| peer.speaks) {
            self.spawn(move |sync| async move { sync.meet(node).await });
        }
    }

    /// A random connected node that speaks our protocols.
    fn anyone(&self) -> Option<NodeId> {
        let peers = self.rooms().net.peers();
        let speaking: Vec<_> = peers.iter().filter(|(_, peer)| peer.speaks).map(|(node, _)| *node).collect();
        let index = usize::from(u16::from_le_bytes(clock::random())) % speaking.len().max(1);
        speaking.get(index).copied()
    }

    fn forget_silent(&self) {
        let rooms = self.rooms();
        for (capture, video, node) in rooms.growing.silent() {
            let who = rooms.catalogue.name(&node).ok().flatten().unwrap_or_else(|| node.to_string());
            if let Err(error) = rooms.catalogue.silent(&capture, &video, &who) {
                tracing::error!("{video} cannot be marked: {error}");
            }
        }
    }

    async fn ask(&self, node: &NodeId, request: Request) -> Option<Response> {
        tokio::time::sleep(self.pause(node)).await;
        match timeout(PATIENCE, self.rooms().net.ask(node, request)).await {
            Ok(Ok(response)) => Some(response),
            Ok(Err(error)) => {
                tracing::debug!(%node, "no answer: {error}");
                None
            }
            Err(_) => None,
        }
    }

    /// How long to wait before another question, so that the node does not take it for a flood.
    fn pause(&self, node: &NodeId) -> Duration {
        let now = clock::now();
        let mut purses = self.0.purses.lock().unwrap_or_else(PoisonError::into_inner);
        if purses.len() >= PRESENCES {
            purses.clear();
        }
        let (tokens, at) = purses.entry(*node).or_insert((AT_ONCE, now));
        let gained = now.ms_since(*at) as f64 / 1000.0 * PER_SECOND;
        (*tokens, *at) = ((*tokens + gained).min(AT_ONCE) - 1.0, now);
        Duration::from_secs_f64((-*tokens / PER_SECOND).max(0.0))
    }

    /// Marks something as being pulled; none when it is already.
    fn begin(&self, what: Vec<u8>) -> Option<Pulling> {
        let new = self.pulling().insert(what.clone());
        new.then(|| Pulling { sync: self.clone(), what })
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, work: impl FnOnce(Self) -> F) {
        self.rooms().tasks.spawn("sync-one", work(self.clone()));
    }

    fn presences(&self) -> MutexGuard<'_, BTreeMap<(GroupId, NodeId), Said>> {
        self.0.presences.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pulling(&self) -> MutexGuard<'_, BTreeSet<Vec<u8>>> {
        self.0.pulling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn relayed(&self) -> MutexGuard<'_, Vec<(GroupId, Vec<u8>)>> {
        self.0.relayed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a node is asked now. False when it was asked a moment ago.
    fn due(&self, node: &NodeId) -> bool {
        let now = clock::now();
        let mut asked = self.asked();
        let last = asked.entry(*node).or_default();
        let recent = now.ms_since(last.at) < ASK_BACK_MS;
        if !recent {
            last.at = now;
        }
        !recent
    }

    /// Asks back who said something else than is known here. Who says it anew a moment after it was asked is asked once more
    /// a moment later: else what it learned in between would wait for the next comparison.
    fn ask_back(&self, node: NodeId, said: blake3::Hash) {
        let due = self.due(&node);
        let mut asked = self.asked();
        let last = asked.entry(node).or_default();
        let news = last.said.replace(said) != Some(said);
        if !due && (!news || std::mem::replace(&mut last.again, true)) {
            return;
        }
        drop(asked);
        self.spawn(move |sync| async move {
            if !due {
                tokio::time::sleep(Duration::from_millis(ASK_BACK_MS)).await;
                sync.asked().entry(node).or_default().again = false;
            }
            sync.meet(node).await;
        });
    }

    fn asked(&self) -> MutexGuard<'_, BTreeMap<NodeId, Asked>> {
        let mut asked = self.0.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() >= PRESENCES {
            asked.clear();
        }
        asked
    }
}

/// When a node was asked last.
#[derive(Debug, Default)]
struct Asked {
    at: Timestamp,
    /// What it said then, in short.
    said: Option<blake3::Hash>,
    /// Whether it is to be asked again soon.
    again: bool,
}

/// While it lives nobody else pulls the same.
struct Pulling {
    sync: Sync,
    what: Vec<u8>,
}

impl Drop for Pulling {
    fn drop(&mut self) {
        self.sync.pulling().remove(&self.what);
    }
}

/// Messages that are each small enough.
fn batches(heads: Vec<(FeedId, Head)>, growing: Vec<Vec<u8>>) -> Vec<Gossip> {
    let empty = || Gossip { v: 1, heads: Vec::new(), growing: Vec::new(), claims: Vec::new() };
    let (mut all, mut next, mut bytes) = (Vec::new(), empty(), 0);
    for heads in heads.chunks(limits::GOSSIP_FEEDS) {
        all.push(Gossip { heads: heads.to_vec(), ..empty() });
    }
    for record in growing {
        if bytes + record.len() > limits::GOSSIP_BYTES - 2048 || next.growing.len() >= limits::GOSSIP_GROWING
        {
            all.push(std::mem::replace(&mut next, empty()));
            bytes = 0;
        }
        bytes += record.len();
        next.growing.push(ByteBuf::from(record));
    }
    if !next.growing.is_empty() {
        all.push(next);
    }
    all
}
