//! Looks for captures of a video outside the group that wants it, so that what exists is mirrored, not downloaded again.

use std::time::Duration;

use futures::future::join_all;
use horahora_protocol::{
    Cid, NodeId, VideoId,
    message::{Names, Request, Response},
};
use tokio::time::timeout;

use super::Fetch;

/// How long the hash table is asked: a download can wait so long, and mostly it knows sooner.
const LOOK_UP: Duration = Duration::from_secs(5);
/// How long a node may take to say what it holds.
const ANSWER: Duration = Duration::from_secs(5);

impl Fetch {
    /// Nodes that hold a capture of a video whole, as they say, and its manifest: connected ones and those that the hash
    /// table names. Asks in the names of public groups only.
    pub async fn elsewhere(&self, video: &VideoId) -> Vec<(NodeId, Cid)> {
        let net = &self.0.net;
        let looking = [Names::public().video(video), Names::public().shard(video)].map(async |key| {
            let mut providers = net.providers(key).await;
            // Whom the hash table names is called by the network at once.
            let _ = timeout(LOOK_UP, async { while providers.recv().await.is_some() {} }).await;
        });
        join_all(looking).await;
        let peers = net.peers();
        let asking = peers.iter().filter(|(_, peer)| peer.speaks).map(async |(node, _)| {
            let asked = net.ask(node, Request::Captures { video: video.clone() });
            match timeout(ANSWER, asked).await {
                Ok(Ok(Response::Captures(manifests))) => {
                    manifests.into_iter().map(|manifest| (*node, manifest)).collect()
                }
                _ => Vec::new(),
            }
        });
        join_all(asking).await.into_iter().flatten().collect()
    }
}
