//! Takes in what other nodes have more of: entries of feeds, records of captures in the making, proofs of forks.

use std::time::Duration;

use horahora_protocol::{
    Cid, NodeId,
    feed::{FeedError, FeedId, Head},
    group::{Fork, GroupId},
    growing::Growing as Record,
    limits,
    message::{EntryBlocks, Gossip, Request, Response},
};

use super::{RELAYED, Sync};
use crate::{
    feeds::AcceptError,
    growing::Heard,
    net::{
        Reason,
        refusals::{of_entries, of_growing},
    },
    store::rows::feed_key,
};

/// A neighbour that passed news on may not have fetched them itself yet: tries, and the pause that doubles.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(150);
/// Rounds in which a long list of segments is pulled.
const ROUNDS: usize = 64;

/// What came of pulling a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pulled {
    /// Everything up to the head is here, or not wanted.
    Nothing,
    /// Something came; all of it is here now.
    All,
    /// Something came, and the node has no more.
    Some,
    /// The node does not have it, or somebody else is at it.
    Not,
}

impl Pulled {
    pub(super) fn is_more(self) -> bool {
        matches!(self, Self::All | Self::Some)
    }

    fn is_enough(self) -> bool {
        matches!(self, Self::Nothing | Self::All)
    }
}

impl Sync {
    /// News of a group that a node passed on.
    pub(super) async fn gossip(&self, from: NodeId, source: NodeId, group: GroupId, gossip: Gossip) {
        for claim in gossip.claims {
            self.hear_claim(&from, &group, &claim, 0).await;
        }
        for record in gossip.growing {
            self.hear_growing(from, group, &record).await;
        }
        for (feed, head) in gossip.heads {
            // Who wrote it has it for sure; a neighbour that passed it on will have it soon.
            let mut pause = FIRST_PAUSE;
            for _ in 0..TRIES {
                let connected = self.rooms().net.peers();
                let asked = [source, from].into_iter().find(|node| connected.contains_key(node));
                let Some(asked) = asked else { return };
                if self.pull(asked, feed, head).await.is_enough()
                    || (asked != from && self.pull(from, feed, head).await.is_enough())
                {
                    break;
                }
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
    }

    /// Pulls a feed from a node until it is known up to `head`, or the node has no more.
    pub(super) async fn pull(&self, node: NodeId, feed: FeedId, head: Head) -> Pulled {
        let feeds = &self.rooms().feeds;
        if !feeds.wants(&feed, head.seq).await {
            self.look_for_fork(node, feed, head).await;
            return Pulled::Nothing;
        }
        let Some(_pulling) = self.begin(feed_key(&feed)) else { return Pulled::Not };
        let mut from = feeds.head(&feed).ok().flatten().map_or(0, |known| known.seq + 1);
        let mut pulled = Pulled::Not;
        let Some(mut entries) = self.entries(&node, feed, from).await else { return pulled };
        while !entries.is_empty() && feeds.wants(&feed, head.seq).await {
            let next = from + entries.len() as u64;
            // The next ones come while these are checked and written.
            let ahead = async {
                if next <= head.seq { self.entries(&node, feed, next).await } else { Some(Vec::new()) }
            };
            let (accepted, more) = tokio::join!(feeds.accept(feed, &entries), ahead);
            match accepted {
                Ok(0) => return pulled,
                Ok(_) => pulled = Pulled::Some,
                Err(AcceptError::Feed(FeedError::Fork(seq))) => {
                    self.prove_fork(node, feed, seq).await;
                    return pulled;
                }
                Err(error) => {
                    tracing::debug!(%node, "entries were refused: {error}");
                    if let Some(reason) = of_entries(&error) {
                        self.rooms().net.refuse(&node, reason).await;
                    }
                    return pulled;
                }
            }
            from = next;
            let Some(more) = more else { return pulled };
            entries = more;
        }
        if feeds.head(&feed).ok().flatten().is_some_and(|known| known.seq >= head.seq) {
            Pulled::All
        } else {
            pulled
        }
    }

    async fn entries(&self, node: &NodeId, feed: FeedId, from: u64) -> Option<Vec<EntryBlocks>> {
        match self.ask(node, Request::Entries { feed, from }).await {
            Some(Response::Entries(entries)) => Some(entries),
            Some(Response::Refused(_)) | None => None,
            Some(_) => {
                self.rooms().net.refuse(node, Reason::Malformed).await;
                None
            }
        }
    }

    /// A node says that a feed ends, at a place that is known here, with another entry.
    async fn look_for_fork(&self, node: NodeId, feed: FeedId, head: Head) {
        let feeds = &self.rooms().feeds;
        let Ok(Some(ours)) = feeds.entry(&feed, head.seq) else { return };
        if Cid::of(horahora_protocol::Codec::DagCbor, &ours) != head.entry
            && let Some(_pulling) = self.begin(feed_key(&feed))
        {
            self.prove_fork(node, feed, head.seq + 1).await;
        }
    }

    /// Looks for the first place before `end` at which a node has another entry than is here.
    async fn prove_fork(&self, node: NodeId, feed: FeedId, end: u64) {
        let mut end = end;
        while end > 0 {
            let from = end.saturating_sub(limits::BATCH_ENTRIES as u64);
            let Some(theirs) = self.entries(&node, feed, from).await else { return };
            for (seq, entry) in (from..end).zip(&theirs) {
                let Ok(Some(ours)) = self.rooms().feeds.entry(&feed, seq) else { return };
                if ours == entry.entry.as_slice() {
                    continue;
                }
                // Where one of the two is not signed by itself, a later pair proves it.
                let fork = Fork::of(&ours, &entry.entry);
                if (seq > from || from == 0) && fork.proven(&feed.group).is_some() {
                    self.hear_of_fork(&feed.group, &fork.block()).await;
                    return;
                }
            }
            // All of them differ, or none does: it began earlier, or the node said what is not true.
            if theirs.first().is_some_and(|first| {
                self.rooms()
                    .feeds
                    .entry(&feed, from)
                    .ok()
                    .flatten()
                    .is_some_and(|ours| ours == first.entry.as_slice())
            }) {
                return;
            }
            end = from;
        }
    }

    /// Takes in the proof of a fork, and leaves who made it.
    pub(super) async fn hear_of_fork(&self, group: &GroupId, proof: &[u8]) {
        match self.rooms().feeds.forked(group, proof).await {
            Ok(Some(liar)) => {
                self.rooms().net.refuse(&liar, Reason::Fork).await;
                self.rooms().live.tell("node", serde_json::json!({ "id": liar.to_string() }));
            }
            Ok(None) => {}
            Err(error) => tracing::error!("a fork cannot be written down: {error}"),
        }
    }

    /// Takes in one record of a capture in the making; pulls those before it when some are missing.
    pub(super) async fn hear_growing(&self, from: NodeId, group: GroupId, block: &[u8]) {
        let inner = self.rooms();
        let record = match Record::decode(block) {
            Ok(record) => record,
            Err(error) => return inner.net.refuse(&from, of_growing(&error)).await,
        };
        if record.group != group || !inner.groups.counts(&group, &record.node) {
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
            if !inner.groups.is_public(&group) {
                let mut relayed = self.relayed();
                if relayed.len() < RELAYED {
                    relayed.push((group, block.to_vec()));
                }
            }
            if let Err(error) = inner.catalogue.growing(&record) {
                tracing::error!("a capture in the making cannot be shown: {error}");
            }
            let id = record.video.to_string();
            inner.live.tell("video", serde_json::json!({ "id": id, "state": "running", "manifest": null }));
        }
    }
}
