//! Questions to more than one node: whom the hash table names, and what every connected node says.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use horahora_protocol::{
    NodeId,
    message::{Request, Response},
};
use tokio::time::timeout;

use super::Net;

impl Net {
    /// Nodes that the hash table names for any of these keys, as far as it answers in time. They are called at once.
    pub async fn named(&self, keys: Vec<Vec<u8>>, wait: Duration) -> BTreeSet<NodeId> {
        let looking = keys.into_iter().map(async |key| {
            let mut nodes = Vec::new();
            let mut providers = self.providers(key).await;
            let look = async {
                while let Some(node) = providers.recv().await {
                    nodes.push(node);
                }
            };
            let _ = timeout(wait, look).await;
            nodes
        });
        join_all(looking).await.into_iter().flatten().collect()
    }

    /// What the connected nodes that speak our protocols answer to a question, as far as they do in time.
    pub async fn ask_everyone(&self, request: &Request, wait: Duration) -> Vec<(NodeId, Response)> {
        let peers = self.peers();
        let asking = peers.iter().filter(|(_, peer)| peer.speaks).map(async |(node, _)| {
            let answered = timeout(wait, self.ask(node, request.clone())).await;
            answered.ok()?.ok().map(|response| (*node, response))
        });
        join_all(asking).await.into_iter().flatten().collect()
    }
}
