//! Looks for captures of a video outside the group that wants it, so that what exists is mirrored, not downloaded again.

use std::time::Duration;

use horahora_protocol::{
    Cid, NodeId, VideoId,
    message::{Names, Request, Response},
};

use super::Fetch;

/// How long the hash table is asked: a download can wait so long, and mostly it knows sooner.
const LOOK_UP: Duration = Duration::from_secs(5);
/// How long a node may take to say what it holds.
const ANSWER: Duration = Duration::from_secs(5);

impl Fetch {
    /// Nodes that hold a capture of a video whole, as they say, and its manifest: connected ones and those that the hash
    /// table names. Asks in the names of public groups only.
    pub async fn elsewhere(&self, video: &VideoId) -> Vec<(NodeId, Cid)> {
        let names = Names::public();
        self.0.net.named(vec![names.video(video), names.shard(video)], LOOK_UP).await;
        let request = Request::Captures { video: video.clone() };
        let mut found = Vec::new();
        for (node, answer) in self.0.net.ask_everyone(&request, ANSWER).await {
            if let Response::Captures(manifests) = answer {
                found.extend(manifests.into_iter().map(|manifest| (node, manifest)));
            }
        }
        found
    }
}
