//! Verification: reads every byte that is claimed to be held and checks every signature.

use std::collections::BTreeSet;

use horahora_protocol::{
    Cid, Codec, VideoId,
    manifest::{Blob, Manifest},
};
use serde::{Deserialize, Serialize};

use crate::{
    blobs::{BlobError, Blobs},
    feeds::Feeds,
    store::{
        Store, StoreError,
        rows::{CAPTURES, CaptureRow, HOLDINGS, Holding},
    },
};

/// What was found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// Feed entries whose chain, signature and body fit.
    pub entries: u64,
    /// Manifests that were read.
    pub manifests: u64,
    /// Blobs whose bytes fit their address.
    pub blobs: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Blobs on the disk that nothing links; unfinished work links what it keeps. Counted only for everything.
    pub strays: u64,
    /// What does not fit, in words.
    pub problems: Vec<String>,
}

/// Verifies everything, or one video.
///
/// # Errors
/// When the database fails.
pub async fn verify(
    store: &Store,
    blobs: &Blobs,
    feeds: &Feeds,
    only: Option<&VideoId>,
) -> Result<Report, StoreError> {
    let mut report = Report::default();
    match feeds.check().await {
        Ok(entries) => report.entries = entries,
        Err(problem) => report.problems.push(format!("The node's feed: {problem}")),
    }
    let captures: Vec<(Vec<u8>, CaptureRow)> = store.scan(&CAPTURES, b"", None, usize::MAX)?;
    let captures = captures.into_iter().filter(|(_, row)| only.is_none_or(|video| *video == row.video));
    let mut seen = BTreeSet::new();
    let mut linked: BTreeSet<Cid> =
        feeds.blocks().await?.iter().map(|block| Cid::of(Codec::DagCbor, block)).collect();
    let mut found = false;
    for (key, row) in captures {
        found = true;
        linked.extend(Cid::from_bytes(&key));
        linked.extend(row.revisions.iter().copied());
        linked.extend(row.draft.iter().flat_map(Manifest::blobs).map(|blob| blob.cid));
        for revision in &row.revisions {
            let holding: Option<Holding> = store.get(&HOLDINGS, &revision.to_bytes())?;
            // Of what others made, only what is here can be checked, unless it is said to be here whole.
            let claimed = row.by.is_none() || holding.is_some_and(|holding| holding.is_whole());
            let absent = |cid: &Cid| !claimed && !blobs.has(cid);
            if absent(revision) {
                continue;
            }
            let what = format!("{}, manifest {revision}", row.video);
            let Some(block) = read(blobs, *revision, &what, &mut report).await else { continue };
            match Manifest::decode(&block) {
                Err(error) => report.problems.push(format!("{what}: {error}")),
                Ok(manifest) => {
                    report.manifests += 1;
                    let new = |blob: &Blob| seen.insert(blob.cid) && !absent(&blob.cid);
                    for blob in manifest.blobs().into_iter().filter(new) {
                        let Some(bytes) = read(blobs, blob.cid, &what, &mut report).await else { continue };
                        if bytes.len() as u64 != blob.bytes {
                            report
                                .problems
                                .push(format!("{what}: {} has another size than it says", blob.cid));
                        }
                    }
                }
            }
        }
    }
    if let (Some(video), false) = (only, found) {
        report.problems.push(format!("{video} is not archived here"));
    }
    if only.is_none() {
        let known = |cid: &Cid| linked.contains(cid) || seen.contains(cid);
        report.strays = blobs.list().filter(|cid| !known(cid)).count() as u64;
    }
    Ok(report)
}

async fn read(blobs: &Blobs, cid: Cid, what: &str, report: &mut Report) -> Option<bytes::Bytes> {
    match blobs.read_verified(cid).await {
        Ok(bytes) => {
            report.blobs += 1;
            report.bytes += bytes.len() as u64;
            Some(bytes)
        }
        Err(error @ (BlobError::Missing(_) | BlobError::Damaged(_) | BlobError::Full | BlobError::Io(_))) => {
            report.problems.push(format!("{what}: {error}"));
            None
        }
    }
}
