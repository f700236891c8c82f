//! Looks at what another member delivered: its manifest and a few of its blobs, so that garbage cannot end a job.

use std::time::Duration;

use horahora_protocol::{Cid, NodeId, VideoId, entry::Confirmation, group::GroupId, manifest::Blob};
use tokio::time::{sleep, timeout};

use crate::{
    catalogue::Catalogue,
    clock,
    fetch::{Fetch, Source},
};

/// Blobs that are looked at, beside the first of the original.
const SAMPLES: usize = 3;
/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// When it is tried again, and how often: a maker may be away for a while.
const AGAIN: Duration = Duration::from_secs(30);
const TRIES: usize = 100;

/// What a member says about another one's capture; none when its maker cannot be reached for an hour.
pub(super) async fn look(
    catalogue: &Catalogue,
    fetch: &Fetch,
    group: GroupId,
    video: VideoId,
    by: NodeId,
) -> Option<Confirmation> {
    for _ in 0..TRIES {
        if let Some(manifest) = known(catalogue, &group, &video, &by) {
            let looked = timeout(PATIENCE, sample(fetch, manifest, by)).await;
            if let Ok(Some(good)) = looked {
                return Some(Confirmation { v: 1, video, manifest, good });
            }
        }
        sleep(AGAIN).await;
    }
    None
}

fn known(catalogue: &Catalogue, group: &GroupId, video: &VideoId, by: &NodeId) -> Option<Cid> {
    let row = catalogue.video(video).ok()??;
    catalogue.captured(&row, group, by).ok()?
}

/// Whether a manifest and some of its blobs can be had and are what they should be; none when nobody could be asked.
async fn sample(fetch: &Fetch, cid: Cid, by: NodeId) -> Option<bool> {
    let manifest = match fetch.manifest(cid).await {
        Ok(manifest) => manifest,
        Err(error) => return error.is_wrong().then_some(false),
    };
    let source = Source { manifest: Some(cid), capture: None, maker: Some(by) };
    let blobs = manifest.blobs();
    let mut chosen: Vec<Blob> =
        manifest.original.iter().filter_map(|file| file.chunks.first().copied()).collect();
    for _ in 0..SAMPLES {
        let index = usize::from(u16::from_le_bytes(clock::random())) % blobs.len().max(1);
        chosen.extend(blobs.get(index).copied());
    }
    for blob in chosen {
        match fetch.blob(blob.cid, Some(blob.bytes), source, false).await {
            Ok(()) => {}
            Err(error) => return error.is_wrong().then_some(false),
        }
    }
    Some(true)
}
