//! A capture that exists somewhere is mirrored into the group instead of being downloaded again.

use horahora_protocol::{Cid, Codec, NodeId, VideoId, manifest::Manifest};

use super::{Inner, disk, keep::failure};
use crate::{
    config::Adopt,
    fetch::Source,
    ingest::Failure,
    media::ladder::Plan,
    requests,
    store::rows::{CAPTURES, Code, JobRow},
};

impl Inner {
    /// Gets a video: from nodes that have it, as far as they are to be believed, else from its site.
    pub(super) async fn obtain(&self, video: &VideoId, job: &JobRow) -> Result<(), Failure> {
        if !requests::is_local(&job.url) && self.adopts(video, job, false).await? {
            return Ok(());
        }
        match self.capture(video, job).await {
            // While the site has it, what a stranger says is no capture.
            Err(failure) if matches!(failure.code, Code::Gone | Code::Legal) => {
                let adopted = self.adopt == Adopt::Any && self.adopts(video, job, true).await?;
                if adopted { Ok(()) } else { Err(failure) }
            }
            done => done,
        }
    }

    /// Whether nothing is left to fetch: a capture from outside the groups was mirrored, or need not be. Of nodes that this
    /// one trusts, or of anybody.
    async fn adopts(&self, video: &VideoId, job: &JobRow, anybody: bool) -> Result<bool, Failure> {
        let row = self.video(video)?;
        // Whoever has only itself to show it to watches and keeps it from there, as when it was there first.
        let mut found = self.catalogue.others_captures(&row).map_err(disk)?;
        if !found.is_empty() && row.groups == [self.feeds.home()] {
            return Ok(true);
        }
        let private = row.groups.iter().any(|group| !self.catalogue.is_public_group(group));
        if self.adopt == Adopt::Never || private || self.has_begun(job)? {
            return Ok(false);
        }
        self.live.progress(&job.key.text(), 0.0, "asks who has it already");
        let said = self.fetch.elsewhere(video).await.into_iter();
        found.extend(said.filter(|(node, _)| anybody || self.catalogue.trusts(node)));
        for (node, manifest) in found {
            // What the group has, and perhaps found wrong, is not there a second time.
            if self.catalogue.is_in_groups(&manifest, &row.groups).map_err(disk)? {
                continue;
            }
            match self.mirror(video, job, node, manifest).await {
                Ok(()) => return Ok(true),
                Err(failure) if matches!(failure.code, Code::LocalIo | Code::DiskFull) => {
                    return Err(failure);
                }
                Err(failure) => {
                    tracing::info!(%video, %node, "its copy cannot be mirrored: {}", failure.reason);
                }
            }
        }
        Ok(false)
    }

    /// What this job began to make of the site's files goes on.
    fn has_begun(&self, job: &JobRow) -> Result<bool, Failure> {
        let (capture, _) = self.capture_id(job);
        Ok(self.store.get(&CAPTURES, &capture.to_bytes()).map_err(disk)?.is_some())
    }

    /// Brings another node's capture here and publishes it as this job's.
    async fn mirror(&self, video: &VideoId, job: &JobRow, node: NodeId, cid: Cid) -> Result<(), Failure> {
        let text = job.key.text();
        let source = Source { manifest: Some(cid), capture: None, maker: Some(node) };
        self.fetch.blob(cid, None, source, false).await.map_err(failure)?;
        let block = self.blobs.read_verified(cid).await.map_err(disk)?;
        let theirs =
            Manifest::decode(&block).map_err(|error| Failure::new(Code::Damaged, error.to_string()))?;
        if theirs.video != *video || theirs.original.is_empty() {
            return Err(Failure::new(Code::Damaged, "It is a capture of something else."));
        }
        self.bring(&text, source, theirs.blobs(), || Ok(true)).await?;
        let (capture, start) = self.capture_id(job);
        let (_, journal) = self.open_folder(&capture)?;
        let ours = Manifest { capture, previous: None, adopted: Some(cid), ..theirs };
        let draft = self.begin(ours)?;
        self.live.progress(&text, 0.98, "publishes");
        self.blobs.put(Codec::DagCbor, start.into(), Some(&journal)).await.map_err(disk)?;
        tracing::info!(%video, %node, from = %cid, "was mirrored instead of downloaded");
        let complete = Plan { first: Vec::new(), later: Vec::new() };
        self.publish_first(draft, &complete, &journal, job).await
    }
}
