//! Looks at what peers say before anybody else hears it: gossip, questions, failed reads. Each peer has a purse of
//! tokens, one for each message.

use horahora_protocol::{
    NodeId,
    claim::Claim,
    group::GroupId,
    growing::Growing,
    message::{self, Gossip, Message, Request, Response},
};
use libp2p::{
    PeerId, gossipsub,
    request_response::{self, InboundFailure, OutboundFailure},
};

use super::{Bucket, News, Owner, Parcel};
use crate::{
    clock,
    net::{
        AskError, Reason, node_id, peer_id,
        refusals::{of_growing, of_io, of_message},
    },
};

/// Questions and messages of one peer a second, on the long run and at once.
const PER_SECOND: f64 = 50.0;
const BURST: f64 = 100.0;
/// Purses; with more, all are filled anew.
const PURSES: usize = 10_000;

impl Owner {
    /// Whether a message of gossip is passed on; none when the sync room says so once what it tells of is here.
    pub(super) fn judge(
        &mut self,
        from: PeerId,
        id: &gossipsub::MessageId,
        message: &gossipsub::Message,
    ) -> Option<gossipsub::MessageAcceptance> {
        use gossipsub::MessageAcceptance::{Accept, Ignore};
        let heard = self.read(from, message);
        let (source, group, gossip) = match heard {
            Ok(heard) => heard,
            Err(verdict) => return Some(verdict),
        };
        let Some(node) = node_id(&from) else { return Some(Ignore) };
        let parcel = (!gossip.heads.is_empty()).then(|| Parcel { id: id.clone(), from });
        let waits = parcel.is_some();
        let told = self.tell(News::Gossip { from: node, source, group, gossip, parcel });
        (!waits || !told).then_some(Accept)
    }

    fn read(
        &mut self,
        from: PeerId,
        message: &gossipsub::Message,
    ) -> Result<(NodeId, GroupId, Gossip), gossipsub::MessageAcceptance> {
        use gossipsub::MessageAcceptance::{Ignore, Reject};
        let Some(node) = node_id(&from) else { return Err(Reject) };
        let Some(group) = self.topics.get(&message.topic).copied() else { return Err(Ignore) };
        let Some(source) = message.source.and_then(|source| node_id(&source)) else { return Err(Reject) };
        // Who wrote it pays. An honest neighbour that passed it on is not blamed for it.
        if !self.spend(&source) {
            if source == node {
                self.refuse(&node, Reason::Flood);
            }
            return Err(Ignore);
        }
        let gossip = match Gossip::decode(&message.data) {
            Ok(gossip) if gossip.heads.iter().all(|(feed, _)| feed.group == group) => gossip,
            Ok(_) => return Err(self.reject(&node, Reason::Malformed)),
            Err(error) => return Err(self.reject(&node, of_message(&error))),
        };
        for record in &gossip.growing {
            match Growing::decode(record) {
                Ok(record) if record.group == group => {}
                Ok(_) => return Err(self.reject(&node, Reason::Malformed)),
                Err(error) => return Err(self.reject(&node, of_growing(&error))),
            }
        }
        for claim in &gossip.claims {
            match Claim::decode(claim) {
                Ok(claim) if claim.group == group => {}
                Ok(_) => return Err(self.reject(&node, Reason::Malformed)),
                Err(error) => return Err(self.reject(&node, of_message(&error))),
            }
        }
        Ok((source, group, gossip))
    }

    fn reject(&mut self, node: &NodeId, reason: Reason) -> gossipsub::MessageAcceptance {
        self.refuse(node, reason);
        gossipsub::MessageAcceptance::Reject
    }

    pub(super) fn refuse(&mut self, node: &NodeId, reason: Reason) {
        if self.refusals.note(node, reason) {
            self.swarm.behaviour_mut().blocked.block_peer(peer_id(node));
        }
    }

    /// Takes one token of a peer; false when it has none left.
    pub(super) fn spend(&mut self, node: &NodeId) -> bool {
        let now = clock::now();
        if self.buckets.len() >= PURSES {
            self.buckets.clear();
        }
        let bucket = self.buckets.entry(*node).or_insert(Bucket { tokens: BURST, at: now });
        let gained = now.ms_since(bucket.at) as f64 / 1000.0 * PER_SECOND;
        *bucket = Bucket { tokens: (bucket.tokens + gained).min(BURST), at: now };
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return true;
        }
        false
    }

    pub(super) fn hear_sync(&mut self, event: request_response::Event<Request, Response>) {
        use request_response::{Event, Message};
        match event {
            Event::Message { peer, message: Message::Request { request, channel, .. }, .. } => {
                let Some(node) = node_id(&peer) else { return };
                if !self.spend(&node) {
                    self.refuse(&node, Reason::Flood);
                    let busy = Response::Refused(message::Refusal::Busy);
                    let _ = self.swarm.behaviour_mut().sync.send_response(channel, busy);
                    return;
                }
                self.tell(News::Asked(node, request, channel));
            }
            Event::Message { message: Message::Response { request_id, response }, .. } => {
                if let Some(reply) = self.asked.remove(&request_id) {
                    let _ = reply.send(Ok(response));
                }
            }
            Event::OutboundFailure { peer, request_id, error, .. } => {
                if let (OutboundFailure::Io(error), Some(node)) = (&error, node_id(&peer))
                    && let Some(reason) = of_io(error)
                {
                    self.refuse(&node, reason);
                }
                if let Some(reply) = self.asked.remove(&request_id) {
                    let _ = reply.send(Err(match error {
                        OutboundFailure::Timeout => AskError::Late,
                        OutboundFailure::UnsupportedProtocols => AskError::Foreign,
                        _ => AskError::Gone,
                    }));
                }
            }
            Event::InboundFailure { peer, error: InboundFailure::Io(error), .. } => {
                if let (Some(node), Some(reason)) = (node_id(&peer), of_io(&error)) {
                    self.refuse(&node, reason);
                }
            }
            Event::InboundFailure { .. } | Event::ResponseSent { .. } => {}
        }
    }
}
