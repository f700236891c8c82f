//! Keeps feeds alike: gossip tells that a head moved, questions make it true. Answers the questions of others.
//!
//! On connect, and every 15 s with one random peer, both sides tell each other where their feeds end, and each
//! pulls what it lacks. Losing gossip loses no record.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use horahora_protocol::{
    Cid, Codec, NodeId, NodeKey,
    feed::{FeedId, Head},
    group::{Genesis, GroupId},
    growing::Growing as Record,
    limits,
    message::{Gossip, GroupHeads, Heads, Held, Message, Presence, Refusal, Request, Response},
};
use serde_bytes::ByteBuf;
use tokio::time::{interval, timeout};

use super::{
    Ears, Net, PATIENCE, Reason,
    refusals::{of_entries, of_growing, of_message},
    swarm::{Command, News},
    traffic,
};
use crate::{
    catalogue::Catalogue,
    clock,
    feeds::Feeds,
    growing::{Growing, Heard},
    live::Live,
    spawn::Tasks,
};

/// Gossip of what moved is gathered for so long.
const GATHER: Duration = Duration::from_secs(2);
/// How often one random peer is asked where its feeds end.
const ANTI_ENTROPY: Duration = Duration::from_secs(15);
/// A neighbour that passed news on may not have fetched them itself yet: tries, and the pause that doubles.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(150);
/// Rounds in which a long list of segments is pulled.
const ROUNDS: usize = 64;
/// Words of nodes about themselves that are remembered.
const PRESENCES: usize = 1_000;

/// The sync room. Clones share it.
#[derive(Debug, Clone)]
pub struct Sync(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    key: Arc<NodeKey>,
    name: String,
    net: Net,
    feeds: Feeds,
    catalogue: Catalogue,
    growing: Growing,
    live: Live,
    tasks: Tasks,
    presences: Mutex<BTreeMap<NodeId, Presence>>,
    /// Feeds and captures that are being pulled.
    pulling: Mutex<BTreeSet<Vec<u8>>>,
}

impl Sync {
    /// Starts to hear and to ask.
    #[expect(clippy::too_many_arguments, reason = "it stands between all of them")]
    #[must_use]
    pub fn start(
        key: Arc<NodeKey>,
        name: String,
        net: Net,
        ears: Ears,
        feeds: Feeds,
        catalogue: Catalogue,
        growing: Growing,
        live: Live,
        tasks: &Tasks,
    ) -> Self {
        let sync = Self(Arc::new(Inner {
            key,
            name,
            net,
            feeds,
            catalogue,
            growing,
            live,
            tasks: tasks.clone(),
            presences: Mutex::default(),
            pulling: Mutex::default(),
        }));
        let (hearing, telling) = (sync.clone(), sync.clone());
        tasks.spawn("sync", async move { hearing.hear(ears).await });
        tasks.spawn("gossip", async move { telling.tell().await });
        sync
    }

    /// What a connected node last said about itself.
    #[must_use]
    pub fn presence(&self, node: &NodeId) -> Option<Presence> {
        self.presences().get(node).cloned()
    }

    async fn hear(&self, Ears(mut ears): Ears) {
        let mut anti_entropy = interval(ANTI_ENTROPY);
        let mut peers = self.0.net.peers_changed();
        loop {
            tokio::select! {
                news = ears.recv() => match news {
                    Some(News::Met(node)) => self.spawn(move |sync| async move { sync.meet(node).await }),
                    Some(News::Asked(node, request, channel)) => self.spawn(move |sync| async move {
                        let response = sync.answer(node, request).await;
                        sync.0.net.send(Command::Answer(channel, response)).await;
                    }),
                    Some(News::Gossip { from, source, group, gossip }) => {
                        self.spawn(move |sync| async move { sync.gossip(from, source, group, gossip).await });
                    }
                    None => return,
                },
                _ = anti_entropy.tick() => {
                    if let Some(node) = self.anyone() {
                        self.spawn(move |sync| async move { sync.meet(node).await });
                    }
                    self.forget_silent();
                }
                Ok(()) = peers.changed() => self.0.live.tell("node", serde_json::json!({})),
            }
        }
    }

    /// Gathers what moved here and says it to the groups.
    async fn tell(&self) {
        let inner = &self.0;
        let (mut gather, mut tick) = (interval(GATHER), interval(traffic::TICK));
        let mut moved = inner.feeds.moved();
        let mut told = None;
        let mut groups = inner.feeds.followed().map_or(0, |followed| followed.len());
        self.subscribe().await;
        loop {
            tokio::select! {
                _ = gather.tick() => {
                    let (feed, head) = inner.feeds.own_head().await;
                    let heads = if head == told { None } else { head.map(|head| (feed, head)) };
                    let growing: Vec<_> = inner.growing.news();
                    told = head;
                    for message in batches(heads, growing) {
                        inner.net.publish(feed.group, message.encode()).await;
                    }
                }
                _ = tick.tick() => {
                    if inner.net.traffic().tick() {
                        inner.live.tell("node", serde_json::json!({}));
                    }
                }
                Ok(()) = moved.changed() => {
                    let now = inner.feeds.followed().map_or(groups, |followed| followed.len());
                    if now != groups {
                        groups = now;
                        self.subscribe().await;
                        self.meet_all();
                    }
                }
            }
        }
    }

    async fn subscribe(&self) {
        let mut groups = vec![self.0.feeds.group()];
        match self.0.feeds.followed() {
            Ok(followed) => groups.extend(followed.iter().map(|group| group.id)),
            Err(error) => tracing::error!("groups cannot be read: {error}"),
        }
        self.0.net.subscribe(groups).await;
    }

    /// A group more is news for everyone connected.
    fn meet_all(&self) {
        for (node, _) in self.0.net.peers().into_iter().filter(|(_, peer)| peer.speaks) {
            self.spawn(move |sync| async move { sync.meet(node).await });
        }
    }

    /// A random connected node that speaks our protocols.
    fn anyone(&self) -> Option<NodeId> {
        let peers = self.0.net.peers();
        let speaking: Vec<_> = peers.iter().filter(|(_, peer)| peer.speaks).map(|(node, _)| *node).collect();
        let index = usize::from(u16::from_le_bytes(clock::random())) % speaking.len().max(1);
        speaking.get(index).copied()
    }

    fn forget_silent(&self) {
        for (capture, video, node) in self.0.growing.silent() {
            let who = self.0.catalogue.name(&node).ok().flatten().unwrap_or_else(|| node.to_string());
            if let Err(error) = self.0.catalogue.silent(&capture, &video, &who) {
                tracing::error!("{video} cannot be marked: {error}");
            }
        }
    }

    /// Tells a node where our feeds end, hears where its do, and pulls.
    async fn meet(&self, node: NodeId) {
        let Some(ours) = self.heads().await else { return };
        match self.ask(&node, Request::Heads(ours)).await {
            Some(Response::Heads(theirs)) => self.compare(node, theirs).await,
            Some(Response::Refused(_)) | None => {}
            Some(_) => self.0.net.refuse(&node, Reason::Malformed).await,
        }
    }

    async fn heads(&self) -> Option<Heads> {
        let inner = &self.0;
        let totals = inner.catalogue.totals();
        let presence = inner.key.sign(Presence {
            v: 1,
            node: inner.key.node_id(),
            at: clock::now(),
            name: inner.name.clone(),
            software: concat!("horahora/", env!("CARGO_PKG_VERSION")).to_owned(),
            videos: totals.whole,
            parts: totals.part,
            bytes: totals.bytes,
        });
        let groups = inner.feeds.heads().await;
        let groups = groups.inspect_err(|error| tracing::error!("feeds cannot be read: {error}")).ok()?;
        Some(Heads { v: 1, presence: ByteBuf::from(presence.block().1), groups })
    }

    /// Pulls what a node has and we lack; follows its groups if it is to be followed.
    async fn compare(&self, node: NodeId, theirs: Heads) {
        match Presence::decode(&theirs.presence) {
            Ok(presence) if presence.node == node => self.note_presence(&presence),
            Ok(_) => return self.0.net.refuse(&node, Reason::Forged).await,
            Err(error) => return self.0.net.refuse(&node, of_message(&error)).await,
        }
        let follow = self.0.net.peers().get(&node).is_some_and(|peer| peer.follow);
        if follow {
            self.0.net.book().follow(&node, &[]);
            self.0.net.book().durable().await;
        }
        let inner_book = self.0.net.book();
        for GroupHeads { genesis, feeds } in theirs.groups {
            let ignored = Genesis::decode(&genesis)
                .is_ok_and(|genesis| inner_book.get(&genesis.founder).is_some_and(|row| row.ignored));
            if follow
                && !ignored
                && let Err(error) = self.0.feeds.follow(&genesis, node).await
            {
                tracing::error!("a group cannot be followed: {error}");
            }
            let group = Cid::of(Codec::DagCbor, &genesis);
            if !self.0.feeds.knows(&group).unwrap_or(false) {
                continue;
            }
            for (writer, incarnation, head) in feeds {
                self.pull(node, FeedId { group, node: writer, incarnation }, head).await;
            }
        }
    }

    fn note_presence(&self, presence: &Presence) {
        let mut presences = self.presences();
        if presences.len() >= PRESENCES {
            presences.clear();
        }
        let old = presences.insert(presence.node, presence.clone());
        drop(presences);
        let same = old.is_some_and(|old| {
            (old.videos, old.parts, old.bytes, &old.name)
                == (presence.videos, presence.parts, presence.bytes, &presence.name)
        });
        if !same {
            self.0.net.book().name(&presence.node, &presence.name);
            self.0.live.tell("node", serde_json::json!({ "id": presence.node.to_string() }));
        }
    }

    /// Pulls a feed from a node until it is known up to `head`, or the node has no more. Gives whether it is.
    async fn pull(&self, node: NodeId, feed: FeedId, head: Head) -> bool {
        let lacks = || {
            let known = self.0.feeds.head(&feed).ok().flatten();
            known.is_none_or(|known| known.seq < head.seq)
        };
        if !self.0.feeds.wants(&feed).unwrap_or(false) || !lacks() {
            return true;
        }
        let Some(_pulling) = self.begin(crate::store::rows::feed_key(&feed)) else { return false };
        while lacks() {
            let from = self.0.feeds.head(&feed).ok().flatten().map_or(0, |known| known.seq + 1);
            let entries = match self.ask(&node, Request::Entries { feed, from }).await {
                Some(Response::Entries(entries)) if !entries.is_empty() => entries,
                Some(Response::Entries(_) | Response::Refused(_)) | None => return false,
                Some(_) => {
                    self.0.net.refuse(&node, Reason::Malformed).await;
                    return false;
                }
            };
            // In a task of its own: it must not end half-way.
            let feeds = self.0.feeds.clone();
            let (tell, accepted) = tokio::sync::oneshot::channel();
            self.0.tasks.spawn("accept", async move { _ = tell.send(feeds.accept(feed, &entries).await) });
            match accepted.await {
                Ok(Ok(0)) | Err(_) => return false,
                Ok(Ok(new)) => tracing::debug!(%node, new, "entries"),
                Ok(Err(error)) => {
                    tracing::warn!(%node, "entries refused: {error}");
                    if let Some(reason) = of_entries(&error) {
                        self.0.net.refuse(&node, reason).await;
                    }
                    return false;
                }
            }
        }
        true
    }

    async fn gossip(&self, from: NodeId, source: NodeId, group: GroupId, gossip: Gossip) {
        for record in gossip.growing {
            self.hear_growing(from, group, &record).await;
        }
        for (feed, head) in gossip.heads {
            // Who wrote it has it for sure; a neighbour that passed it on will have it soon.
            let mut pause = FIRST_PAUSE;
            for _ in 0..TRIES {
                let connected = self.0.net.peers();
                let asked = [source, from].into_iter().find(|node| connected.contains_key(node));
                let Some(asked) = asked else { return };
                if self.pull(asked, feed, head).await || (asked != from && self.pull(from, feed, head).await)
                {
                    break;
                }
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
    }

    /// Takes in one record of a capture in the making; pulls those before it when some are missing.
    async fn hear_growing(&self, from: NodeId, group: GroupId, block: &[u8]) {
        let inner = &self.0;
        let record = match Record::decode(block) {
            Ok(record) => record,
            Err(error) => return inner.net.refuse(&from, of_growing(&error)).await,
        };
        let feed = FeedId { group, node: record.node, incarnation: 0 };
        if record.group != group || !inner.feeds.wants(&feed).unwrap_or(false) {
            return;
        }
        let mut heard = inner.growing.hear(&record);
        if matches!(heard, Heard::Gap { .. }) {
            let Some(_pulling) = self.begin(record.capture.to_bytes()) else { return };
            for _ in 0..ROUNDS {
                let Heard::Gap { run, have } = heard.clone() else { break };
                let connected = inner.net.peers();
                let asked = if connected.contains_key(&record.node) { record.node } else { from };
                let capture = record.capture;
                let answer = self.ask(&asked, Request::Growing { capture, run, have }).await;
                let Some(Response::Growing(blocks)) = answer else { break };
                for block in &blocks {
                    match Record::decode(block) {
                        Ok(earlier) if earlier.capture == capture => _ = inner.growing.hear(&earlier),
                        Ok(_) => return inner.net.refuse(&asked, Reason::Forged).await,
                        Err(error) => return inner.net.refuse(&asked, of_growing(&error)).await,
                    }
                }
                if blocks.is_empty() {
                    break;
                }
                heard = inner.growing.hear(&record);
            }
        }
        if !matches!(heard, Heard::Old) {
            if let Err(error) = inner.catalogue.growing(&record) {
                tracing::error!("a capture in the making cannot be shown: {error}");
            }
            let id = record.video.to_string();
            inner.live.tell("video", serde_json::json!({ "id": id, "state": "running", "manifest": null }));
        }
    }

    async fn answer(&self, node: NodeId, request: Request) -> Response {
        let unknown = Response::Refused(Refusal::Unknown);
        let inner = &self.0;
        match request {
            Request::Heads(theirs) => {
                self.spawn(move |sync| async move { sync.compare(node, theirs).await });
                self.heads().await.map_or(unknown, Response::Heads)
            }
            Request::Entries { feed, from } => {
                let feeds = inner.feeds.clone();
                let read = tokio::task::spawn_blocking(move || feeds.entries(&feed, from)).await;
                read.ok().and_then(Result::ok).map_or(unknown, Response::Entries)
            }
            Request::Growing { capture, run, have } => {
                let records = inner.growing.records(&capture, run, &have);
                Response::Growing(records.into_iter().map(ByteBuf::from).collect())
            }
            Request::Holding { manifests } => {
                let held = |manifest: &Cid| {
                    let row = inner.catalogue.holding(manifest).unwrap_or_default();
                    Held { blobs: row.blobs, bytes: row.bytes }
                };
                Response::Holding(manifests.iter().map(held).collect())
            }
        }
    }

    async fn ask(&self, node: &NodeId, request: Request) -> Option<Response> {
        match timeout(PATIENCE, self.0.net.ask(node, request)).await {
            Ok(Ok(response)) => Some(response),
            Ok(Err(error)) => {
                tracing::debug!(%node, "no answer: {error}");
                None
            }
            Err(_) => None,
        }
    }

    /// Marks something as being pulled; none when it is already.
    fn begin(&self, what: Vec<u8>) -> Option<Pulling> {
        let new = self.pulling().insert(what.clone());
        new.then(|| Pulling { sync: self.clone(), what })
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, work: impl FnOnce(Self) -> F) {
        self.0.tasks.spawn("sync-one", work(self.clone()));
    }

    fn presences(&self) -> MutexGuard<'_, BTreeMap<NodeId, Presence>> {
        self.0.presences.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pulling(&self) -> MutexGuard<'_, BTreeSet<Vec<u8>>> {
        self.0.pulling.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
fn batches(head: Option<(FeedId, Head)>, growing: Vec<Vec<u8>>) -> Vec<Gossip> {
    let mut all = Vec::new();
    let mut next = Gossip { v: 1, heads: head.into_iter().collect(), growing: Vec::new() };
    let mut bytes = 0;
    for record in growing {
        if bytes + record.len() > limits::GOSSIP_BYTES - 2048 {
            let full = Gossip { v: 1, heads: Vec::new(), growing: Vec::new() };
            all.push(std::mem::replace(&mut next, full));
            bytes = 0;
        }
        bytes += record.len();
        next.growing.push(ByteBuf::from(record));
    }
    if !next.heads.is_empty() || !next.growing.is_empty() {
        all.push(next);
    }
    all
}
