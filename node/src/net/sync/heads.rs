//! What nodes tell each other of where feeds end, and of themselves.

use horahora_protocol::{
    Cid, Codec, NodeId, codec,
    feed::FeedId,
    group::{Genesis, GroupId},
    limits,
    message::{Ask, GroupHeads, Heads, Presence, Request, Response},
};
use serde_bytes::ByteBuf;

use super::{PRESENCES, Said, Sync};
use crate::{
    clock,
    net::{Reason, refusals::of_message},
};

/// Rounds over a group's feeds: one member's entries let the next one in.
const ROUNDS: usize = 1_000;
/// How long a node says the same of itself.
const WORDS_MS: u64 = 10_000;
/// Own addresses that others are told of.
const ADDRESSES: usize = 8;

impl Sync {
    /// Says to a node what is known here in short, hears where it knows more, and pulls that.
    pub(super) async fn meet(&self, node: NodeId) {
        self.due(&node);
        let Some(ours) = self.heads_for(&node).await else { return };
        let groups = ours.groups.iter().map(|group| (genesis_id(group), digest(group))).collect();
        let ask = Ask { v: 2, presence: ours.presence, groups };
        match self.ask(&node, Request::Heads(ask)).await {
            Some(Response::Heads(theirs)) => {
                self.compare(node, theirs).await;
                self.compare_claims(node).await;
            }
            Some(Response::Refused(_)) | None => {}
            Some(_) => self.rooms().net.refuse(&node, Reason::Malformed).await,
        }
    }

    /// Answers a node that said what it knows; asks back when it knows something else.
    pub(super) async fn answer_heads(&self, node: NodeId, theirs: Ask) -> Option<Heads> {
        if !self.note_first(&node, &theirs.presence).await {
            return None;
        }
        let mut ours = self.heads_for(&node).await?;
        let mut differ = false;
        for group in &mut ours.groups {
            let id = genesis_id(group);
            let same = theirs.groups.iter().any(|(known, short)| *known == id && *short == digest(group));
            if same {
                group.feeds = None;
                group.forks = Vec::new();
            }
            differ |= !same;
        }
        differ |=
            theirs.groups.iter().any(|(id, _)| ours.groups.iter().all(|group| genesis_id(group) != *id));
        if differ {
            self.ask_back(node, blake3::hash(&codec::encode(&theirs.groups)));
        }
        Some(ours)
    }

    /// All that a node may know of what is known here.
    async fn heads_for(&self, node: &NodeId) -> Option<Heads> {
        let rooms = self.rooms();
        let known = rooms.feeds.heads(node).await;
        let known = known.inspect_err(|error| tracing::error!("feeds cannot be read: {error}")).ok()?;
        let presence = self.own_presence(rooms.feeds.home());
        let mut groups = Vec::new();
        for (id, mut heads) in known.into_iter().take(limits::GROUPS) {
            heads.presences = self.presences_of(&id);
            groups.push(heads);
        }
        Some(Heads { v: 2, presence: ByteBuf::from(presence), groups })
    }

    fn presences_of(&self, group: &GroupId) -> Vec<ByteBuf> {
        let mut said: Vec<_> = {
            let presences = self.presences();
            let first = (*group, NodeId::from_public_key([0; 32]));
            let last = (*group, NodeId::from_public_key([255; 32]));
            presences.range(first..=last).map(|(_, said)| said.clone()).collect()
        };
        said.sort_by_key(|said| std::cmp::Reverse(said.presence.at));
        let me = self.rooms().key.node_id();
        let own = self.rooms().groups.role(group).map(|_| self.own_presence(*group));
        let others = said.into_iter().filter(|said| said.presence.node != me).map(|said| said.block);
        own.into_iter().chain(others).take(limits::PRESENCES).map(ByteBuf::from).collect()
    }

    /// What this node says of itself in a group: the same words for a while, so that nobody checks them twice.
    fn own_presence(&self, group: GroupId) -> Vec<u8> {
        let rooms = self.rooms();
        let (now, me) = (clock::now(), rooms.key.node_id());
        if let Some(said) = self.presences().get(&(group, me))
            && now.ms_since(said.presence.at) < WORDS_MS
        {
            return said.block.clone();
        }
        let totals = rooms.catalogue.totals_in(&group);
        let presence = rooms.key.sign(Presence {
            v: 2,
            node: me,
            group,
            at: now,
            name: rooms.name.clone(),
            software: concat!("horahora/", env!("CARGO_PKG_VERSION")).to_owned(),
            videos: totals.whole,
            parts: totals.part,
            bytes: totals.bytes,
            free: self.free(),
            addresses: rooms.net.addresses().into_iter().take(ADDRESSES).collect(),
        });
        let block = presence.block().1;
        self.presences().insert((group, me), Said { presence: (*presence).clone(), block: block.clone() });
        block
    }

    /// Pulls what a node has and we lack; follows its groups if it is to be followed.
    async fn compare(&self, node: NodeId, theirs: Heads) {
        if !self.note_first(&node, &theirs.presence).await {
            return;
        }
        let rooms = self.rooms();
        let follow = rooms.net.peers().get(&node).is_some_and(|peer| peer.follow);
        for heads in theirs.groups {
            let ignored = Genesis::decode(&heads.genesis)
                .is_ok_and(|genesis| rooms.net.book().get(&genesis.founder).is_some_and(|row| row.ignored));
            if follow
                && !ignored
                && let Err(error) = rooms.feeds.follow(&heads.genesis, node).await
            {
                tracing::error!("a group cannot be followed: {error}");
            }
            self.compare_group(node, heads).await;
        }
        rooms.feeds.introduce().await;
    }

    async fn compare_group(&self, node: NodeId, theirs: GroupHeads) {
        let (rooms, group) = (self.rooms(), genesis_id(&theirs));
        if rooms.groups.get(&group).is_none() {
            return;
        }
        for proof in &theirs.forks {
            self.hear_of_fork(&group, proof).await;
        }
        let own = rooms.feeds.own_head_in(&group).await;
        match &theirs.feeds {
            None => self.vouched(&group, None).await,
            Some(feeds) => {
                for _ in 0..ROUNDS {
                    let mut more = false;
                    for (writer, incarnation, head) in feeds {
                        let feed = FeedId { group, node: *writer, incarnation: *incarnation };
                        if own.is_some_and(|(own, _)| own == feed) {
                            continue;
                        }
                        more |= self.pull(node, feed, *head).await.is_more();
                    }
                    if !more {
                        break;
                    }
                }
                for (writer, incarnation, head) in feeds {
                    let feed = FeedId { group, node: *writer, incarnation: *incarnation };
                    if own.is_some_and(|(own, _)| own == feed) {
                        self.vouched(&group, Some(*head)).await;
                    }
                }
            }
        }
        for block in &theirs.presences {
            self.note_presence(&group, block, &node).await;
        }
    }

    async fn vouched(&self, group: &GroupId, theirs: Option<horahora_protocol::feed::Head>) {
        if let Err(error) = self.rooms().feeds.vouched(group, theirs).await {
            tracing::error!("the own feed cannot be looked after: {error}");
        }
    }

    /// A node's word about itself must be its own. Gives whether it is.
    async fn note_first(&self, node: &NodeId, block: &[u8]) -> bool {
        if self.presences().iter().any(|((_, of), said)| of == node && said.block == block) {
            return true;
        }
        let reason = match Presence::decode(block) {
            Ok(presence) if presence.node == *node => {
                self.keep_presence(&presence, block);
                let net = &self.rooms().net;
                let follow = net.peers().get(node).is_some_and(|peer| peer.follow);
                if follow && !net.book().get(node).is_some_and(|row| row.followed) {
                    net.book().follow(node, &[]);
                    net.book().durable().await;
                }
                return true;
            }
            Ok(_) => Reason::Forged,
            Err(error) => of_message(&error),
        };
        self.rooms().net.refuse(node, reason).await;
        false
    }

    async fn note_presence(&self, group: &GroupId, block: &[u8], from: &NodeId) {
        let known = self.presences().iter().any(|((of, _), said)| of == group && said.block == block);
        if known {
            return;
        }
        match Presence::decode(block) {
            Ok(presence) if presence.group == *group => {
                let view = self.rooms().groups.get(group);
                let member = view.is_some_and(|view| view.group.members.contains_key(&presence.node));
                if member && presence.node != self.rooms().key.node_id() {
                    self.keep_presence(&presence, block);
                }
            }
            Ok(_) => self.rooms().net.refuse(from, Reason::Forged).await,
            Err(error) => self.rooms().net.refuse(from, of_message(&error)).await,
        }
    }

    fn keep_presence(&self, presence: &Presence, block: &[u8]) {
        let mut presences = self.presences();
        if presences.len() >= PRESENCES {
            presences.clear();
        }
        let key = (presence.group, presence.node);
        let old = presences.get(&key).map(|said| said.presence.clone());
        if old.as_ref().is_some_and(|old| old.at >= presence.at) {
            return;
        }
        presences.insert(key, Said { presence: presence.clone(), block: block.to_vec() });
        drop(presences);
        let rooms = self.rooms();
        let usable = rooms.net.usable(&presence.addresses);
        rooms.net.book().at(&presence.node, &usable);
        let same = old.is_some_and(|old| {
            (old.videos, old.parts, old.bytes, &old.name)
                == (presence.videos, presence.parts, presence.bytes, &presence.name)
        });
        if !same {
            rooms.net.book().name(&presence.node, &presence.name);
            rooms.live.tell("node", serde_json::json!({ "id": presence.node.to_string() }));
        }
    }
}

fn genesis_id(heads: &GroupHeads) -> GroupId {
    Cid::of(Codec::DagCbor, &heads.genesis)
}

fn digest(heads: &GroupHeads) -> Cid {
    GroupHeads::digest(heads.feeds.as_deref().unwrap_or_default(), heads.forks.len())
}
