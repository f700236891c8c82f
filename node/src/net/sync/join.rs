//! Redeems tickets, and finds out who has a video.

use std::{collections::BTreeMap, time::Duration};

use horahora_protocol::{
    Cid, NodeId, VideoId,
    group::{GroupId, Ticket},
    message::{Copies, Names, Refusal, Request, Response},
};
use tokio::time::{interval, timeout};

use super::Sync;
use crate::{feeds::MembershipError, net::PATIENCE};

/// How often a ticket is tried again.
const AGAIN: Duration = Duration::from_secs(10);
/// How long the nodes of a ticket may take to be reached.
const REACH: Duration = Duration::from_secs(12);
/// How often, and how long each time, a newcomer waits for the entry that lets it in.
const ROUNDS: u32 = 20;
const ROUND: Duration = Duration::from_millis(500);
/// How long the hash table is asked.
const LOOK_UP: Duration = Duration::from_secs(3);

/// What became of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joining {
    /// This node is in the group.
    Joined(GroupId),
    /// Nobody could be asked yet; it goes on by itself.
    Waiting(String),
    /// It can never work.
    Refused(String),
}

impl Sync {
    /// Redeems a ticket. When nobody can be reached it is tried again, after a restart too.
    ///
    /// # Errors
    /// When it is no ticket, has expired, or the disk fails.
    pub async fn join(&self, text: &str) -> Result<Joining, MembershipError> {
        let (id, ticket) = self.rooms().feeds.redeem(text).await?;
        self.try_join(&id, &ticket).await
    }

    pub(super) async fn keep_joining(&self) {
        let mut again = interval(AGAIN);
        let mut peers = self.rooms().net.peers_changed();
        loop {
            tokio::select! {
                _ = again.tick() => {}
                Ok(()) = peers.changed() => {}
            }
            let joins = self.rooms().feeds.joins().unwrap_or_default();
            for (id, row) in joins.into_iter().filter(|(_, row)| !row.ended) {
                if let Ok(ticket) = row.ticket.parse::<Ticket>()
                    && let Err(error) = self.try_join(&id, &ticket).await
                {
                    tracing::error!("a ticket cannot be redeemed: {error}");
                }
            }
        }
    }

    async fn try_join(&self, id: &Cid, ticket: &Ticket) -> Result<Joining, MembershipError> {
        let _one = self.0.joining.lock().await;
        let rooms = self.rooms();
        let (group, issuer) = ticket.invite().map(|invite| (invite.group, invite.issuer))?;
        let joins = rooms.feeds.joins()?;
        let Some((_, row)) = joins.into_iter().find(|(known, _)| known == id) else {
            return Ok(Joining::Joined(group));
        };
        let redemption = ticket.redeem(&rooms.key, row.incarnation)?.block().1;
        let mut last = None;
        for node in self.reach(ticket).await? {
            let request = Request::Join {
                invite: ticket.invite.clone(),
                redemption: serde_bytes::ByteBuf::from(redemption.clone()),
            };
            match self.ask(&node, request).await {
                Some(Response::Joined { genesis }) => {
                    let group = rooms.feeds.joined(id, ticket, &genesis, node).await?;
                    tracing::info!(%group, via = %node, "joined");
                    self.learn_admission(&node, &group).await;
                    rooms.live.tell("node", serde_json::json!({}));
                    return Ok(Joining::Joined(group));
                }
                // A member who heard of the issuer long ago or never cannot say that it may not invite.
                Some(Response::Refused(Refusal::NotAllowed)) if node != issuer => {}
                Some(Response::Refused(refusal)) => last = Some(refusal),
                _ => {}
            }
        }
        let (ended, why) = match last {
            Some(Refusal::Expired) => (true, "The ticket has expired; ask for a new one."),
            Some(Refusal::UsedUp) => (true, "The ticket was used by somebody else; ask for a new one."),
            Some(Refusal::NotAllowed) => (
                true,
                "Who made the ticket may not invite any more, or this node was removed from the group.",
            ),
            Some(Refusal::Unknown | Refusal::Busy) | None => (
                false,
                "None of the nodes that the ticket names could let this node in yet. It is tried again by itself; \
                 one of them must be running and reachable.",
            ),
        };
        rooms.feeds.not_joined(id, why, ended)?;
        Ok(if ended { Joining::Refused(why.to_owned()) } else { Joining::Waiting(why.to_owned()) })
    }

    /// Pulls until this node knows that it is in; from then on it may write and invite.
    async fn learn_admission(&self, node: &NodeId, group: &GroupId) {
        let mut moved = self.rooms().feeds.moved();
        for _ in 0..ROUNDS {
            self.meet(*node).await;
            if self.rooms().groups.role(group).is_some() {
                return;
            }
            // Somebody else may be pulling the same.
            let _ = timeout(ROUND, moved.changed()).await;
        }
    }

    /// Connects to the nodes that a ticket names, and gives those that could be reached, the issuer first.
    async fn reach(&self, ticket: &Ticket) -> Result<Vec<NodeId>, MembershipError> {
        let net = &self.rooms().net;
        let issuer = ticket.invite()?.issuer;
        let mut named: BTreeMap<NodeId, Vec<String>> = BTreeMap::from([(issuer, Vec::new())]);
        for address in &ticket.addresses {
            if let Some(node) = crate::net::node_of(address).filter(|node| *node != net.me()) {
                named.entry(node).or_default().push(address.clone());
            }
        }
        for (node, addresses) in &named {
            net.call(node, addresses).await;
        }
        let mut peers = net.peers_changed();
        let speaks =
            |peers: &crate::net::Peers, node: &NodeId| peers.get(node).is_some_and(|peer| peer.speaks);
        let any = peers.wait_for(|peers| named.keys().any(|node| speaks(peers, node)));
        let _ = timeout(REACH, any).await;
        let connected = net.peers();
        let mut reached: Vec<_> = named.into_keys().filter(|node| speaks(&connected, node)).collect();
        reached.sort_by_key(|node| *node != issuer);
        Ok(reached)
    }

    /// Who has a video, this node too: connected nodes that say so, and those that the hash table names.
    pub async fn who(&self, video: &VideoId) -> Vec<(NodeId, Copies)> {
        let rooms = self.rooms();
        let mut keys = vec![Names::public().video(video), Names::public().shard(video)];
        for view in rooms.groups.all().iter().filter(|view| !view.group.public) {
            if let Some(names) = view.names() {
                keys.extend([names.video(video), names.shard(video)]);
            }
        }
        rooms.net.named(keys, LOOK_UP).await;
        let request = Request::Videos { videos: vec![video.clone()] };
        let mut holders = vec![(rooms.net.me(), self.copies(None, video))];
        for (node, answer) in rooms.net.ask_everyone(&request, PATIENCE).await {
            if let Response::Videos(copies) = answer {
                holders.extend(copies.first().map(|copies| (node, *copies)));
            }
        }
        holders.retain(|(_, copies)| *copies != Copies::None);
        holders
    }
}
