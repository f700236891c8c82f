//! Claims on their way: told to the group, asked of witnesses, compared with whoever is met.

use std::time::Duration;

use horahora_protocol::{
    NodeId,
    group::{GroupId, Role},
    message::{Gossip, Message, Request, Response, Vote},
};
use serde_bytes::ByteBuf;
use tokio::time::timeout;

use super::{ANTI_ENTROPY, Sync};
use crate::net::{Reason, refusals::of_message, swarm::Command};

/// How long a witness that is not connected may take to be called.
const CALL: Duration = Duration::from_secs(3);
/// How long its answer may take; the machine asks others before.
const ANSWER: Duration = Duration::from_secs(8);

impl Sync {
    /// Tells a group at once.
    pub fn publish(&self, group: GroupId, gossip: Gossip) {
        if self.rooms().groups.is_public(&group) {
            self.spawn(move |sync| async move { sync.rooms().net.publish(group, gossip.encode()).await });
        } else {
            self.tell_members(group, &gossip);
        }
    }

    /// Asks a member to witness a claim. None when it does not answer.
    pub async fn ask_witness(&self, node: &NodeId, claim: Vec<u8>) -> Option<Vote> {
        self.call(node).await?;
        let request = Request::Claim { claim: ByteBuf::from(claim) };
        match timeout(ANSWER, self.rooms().net.ask(node, request)).await {
            Ok(Ok(Response::Vote(vote))) => Some(vote),
            Ok(Ok(Response::Refused(_)) | Err(_)) | Err(_) => None,
            Ok(Ok(_)) => {
                self.rooms().net.refuse(node, Reason::Malformed).await;
                None
            }
        }
    }

    /// Makes sure that a member is connected.
    async fn call(&self, node: &NodeId) -> Option<()> {
        let mut peers = self.rooms().net.peers_changed();
        let here = |peers: &crate::net::Peers| peers.get(node).is_some_and(|peer| peer.speaks);
        if !here(&peers.borrow()) {
            self.rooms().net.send(Command::Call(*node)).await;
        }
        let waiting = timeout(CALL, peers.wait_for(here)).await;
        waiting.ok()?.ok().map(|_| ())
    }

    /// Compares with a node what both know, soon.
    pub fn compare_soon(&self, node: NodeId) {
        if self.due(&node) {
            self.spawn(move |sync| async move { sync.meet(node).await });
        }
    }

    /// Hears which claims hold of each group that both are in.
    pub(super) async fn compare_claims(&self, node: NodeId) {
        let rooms = self.rooms();
        for view in rooms.groups.all() {
            let both = view.group.counts(&node) && rooms.groups.role(&view.id) >= Some(Role::Member);
            if !both || view.group.members.len() < 2 {
                continue;
            }
            let asked = timeout(ANTI_ENTROPY, rooms.net.ask(&node, Request::Claims { group: view.id })).await;
            if let Ok(Ok(Response::Claims(claims))) = asked {
                for (block, held_ms) in claims {
                    self.hear_claim(&node, &view.id, &block, held_ms).await;
                }
            }
        }
    }

    pub(super) async fn hear_claim(&self, from: &NodeId, group: &GroupId, block: &[u8], held_ms: u64) {
        if let Err(error) = self.rooms().claims.hear(group, block, held_ms) {
            self.rooms().net.refuse(from, of_message(&error)).await;
        }
    }

    pub(super) async fn answer_claim(&self, node: &NodeId, claim: &[u8]) -> Option<Response> {
        match self.rooms().claims.witness(node, claim).await {
            Ok(vote) => Some(Response::Vote(vote)),
            Err(error) => {
                self.rooms().net.refuse(node, of_message(&error)).await;
                None
            }
        }
    }

    pub(super) async fn answer_claims(&self, node: &NodeId, group: GroupId) -> Option<Response> {
        if !self.rooms().groups.counts(&group, node) {
            return None;
        }
        let known = self.rooms().claims.known(group).await;
        Some(Response::Claims(known.into_iter().map(|(block, held)| (ByteBuf::from(block), held)).collect()))
    }
}
