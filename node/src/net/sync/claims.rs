//! Claims on their way: told to the group, asked of witnesses, compared with whoever is met.

use std::time::Duration;

use horahora_protocol::{
    NodeId,
    group::{GroupId, Role},
    limits,
    message::{Gossip, Message, Request, Response, Vote},
};
use serde_bytes::ByteBuf;
use tokio::time::timeout;

use super::{ANTI_ENTROPY, Sync};
use crate::net::{Reason, refusals::of_message, swarm::Command};

/// How long a witness that is not connected may take to be called.
const CALL: Duration = Duration::from_millis(limits::ASK_FIRST_MS);
/// How long its answer may take: also who begins without it learns how long answers take.
const ANSWER: Duration = Duration::from_millis(2 * limits::ASK_LAST_MS);
/// Bytes of claims in one message: what a question may have, less a few for the rest.
const COMPARED_BYTES: usize = limits::REQUEST_BYTES - (64 << 10);

impl Sync {
    /// Tells a group at once.
    pub fn publish(&self, group: GroupId, gossip: Gossip) {
        if self.rooms().groups.is_public(&group) {
            self.spawn(move |sync| async move { sync.rooms().net.publish(group, gossip.encode()).await });
        } else {
            self.tell_members(group, &gossip);
        }
    }

    /// Asks a member to witness a claim. Who cannot be reached abstains; none when it does not answer.
    pub async fn ask_witness(&self, node: &NodeId, claim: Vec<u8>) -> Option<Vote> {
        if self.call(node).await.is_none() {
            return Some(Vote::Abstain);
        }
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

    /// Tells a node which claims hold of each group that both are in, and hears it.
    pub(super) async fn compare_claims(&self, node: NodeId) {
        let rooms = self.rooms();
        for view in rooms.groups.all() {
            let both = view.group.counts(&node) && rooms.groups.role(&view.id) >= Some(Role::Member);
            if !both || view.group.members.len() < 2 {
                continue;
            }
            let request = Request::Claims { group: view.id, claims: self.known_claims(view.id).await };
            let asked = timeout(ANTI_ENTROPY, rooms.net.ask(&node, request)).await;
            if let Ok(Ok(Response::Claims(claims))) = asked {
                self.hear_claims(&node, &view.id, claims).await;
            }
        }
    }

    async fn known_claims(&self, group: GroupId) -> Vec<(ByteBuf, u64)> {
        let known = self.rooms().claims.known(group).await.into_iter();
        let mut room = COMPARED_BYTES;
        let fits = known.take_while(|(block, _)| {
            let left = room.checked_sub(block.len());
            room = left.unwrap_or(0);
            left.is_some()
        });
        fits.map(|(block, held)| (ByteBuf::from(block), held)).collect()
    }

    async fn hear_claims(&self, from: &NodeId, group: &GroupId, claims: Vec<(ByteBuf, u64)>) {
        for (block, held_ms) in claims {
            self.hear_claim(from, group, &block, held_ms).await;
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

    pub(super) async fn answer_claims(
        &self,
        node: &NodeId,
        group: GroupId,
        theirs: Vec<(ByteBuf, u64)>,
    ) -> Option<Response> {
        if !self.rooms().groups.counts(&group, node) {
            return None;
        }
        let known = self.known_claims(group).await;
        self.hear_claims(node, &group, theirs).await;
        Some(Response::Claims(known))
    }
}
