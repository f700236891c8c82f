//! Makes one more rendition of a captured video. Whose capture it is publishes the next revision of its manifest; any other
//! member tells where the rendition is.

use horahora_protocol::{
    Cid, Codec, codec,
    entry::{Body, Rendered},
    manifest::{Manifest, Rendition},
};

use super::{Inner, Jobs, disk, keep::failure, sources::Sources};
use crate::{
    blobs::journal::Journal,
    catalogue::note_rendered,
    clock,
    fetch::Source,
    ingest::Failure,
    store::rows::{CaptureRow, Code, JobRow, picture},
};

impl Inner {
    pub(super) async fn rendition(&self, capture: Cid, rung: &str, job: &JobRow) -> Result<(), Failure> {
        let tools = self.tools.ready().await;
        let (dir, journal) = self.open_folder(&capture)?;
        let text = job.key.text();
        self.live.progress(&text, 0.0, "reads the original");
        let row = self.capture_row(&capture)?;
        let manifest = match row.by {
            None => self.last_manifest(&row).await?,
            Some(_) => self.bring_original(&row, &text).await?,
        };
        let files = self.restore_originals(&dir, &manifest.original).await?;
        // Who captured wants AV1, if it is that.
        let av1 = self.av1 || picture(rung).is_some_and(|(_, av1)| av1);
        let sources = Sources::look(&tools, &files, av1).await?;
        let Some(planned) = sources.plan.all().find(|planned| planned.id == rung) else {
            // Of one's own the plan was made by other tools; what another node asks for may be nonsense.
            let code = if row.by.is_none() { Code::ToolBroken } else { Code::Damaged };
            return Err(Failure::new(code, format!("{rung} is not planned for this source.")));
        };
        if row.by.is_none()
            && let Some(made) =
                self.received(&tools, (&capture, &manifest), &sources, planned, &dir, job).await?
        {
            return self.publish_next(made, &capture, &journal, job).await;
        }
        let report = |done: f64| {
            self.live.progress(&text, done * 0.98, &format!("transcodes, {:.0} %", done * 100.0));
        };
        let made = self.make(&tools, capture, &journal, &sources, planned, report).await?;
        self.live.progress(&text, 0.99, "publishes");
        match row.by {
            None => self.publish_next(made, &capture, &journal, job).await,
            Some(_) => self.publish_rendered(made, (&capture, &row), &journal, job).await,
        }
    }

    /// The last manifest of another member's capture, with its originals here.
    async fn bring_original(&self, row: &CaptureRow, text: &str) -> Result<Manifest, Failure> {
        let last = *row.revisions.last().ok_or_else(|| disk("the capture has no manifest"))?;
        let manifest = self.fetch.manifest(last).await.map_err(failure)?;
        let bytes = manifest.original.iter().map(|file| file.bytes).sum::<u64>();
        // Once as blobs, once as the files that ffmpeg reads.
        self.has_room(bytes.saturating_mul(2))?;
        let chunks = manifest.original.iter().flat_map(|file| file.chunks.iter().copied()).collect();
        let source = Source { manifest: Some(last), capture: None, maker: row.by };
        self.bring(text, source, chunks, || Ok(true)).await?;
        Ok(manifest)
    }

    /// Tells the group of a rendition of another member's capture.
    async fn publish_rendered(
        &self,
        made: Rendition,
        (capture, row): (&Cid, &CaptureRow),
        journal: &Journal,
        job: &JobRow,
    ) -> Result<(), Failure> {
        let block = codec::encode(&made);
        let rendition = self.blobs.put(Codec::DagCbor, block.into(), Some(journal)).await.map_err(disk)?;
        self.blobs.sync().await.map_err(disk)?;
        let said = Rendered { v: 1, capture: *capture, id: made.id, rendition };
        let writable = self.feeds.writable().await;
        let groups: Vec<_> = row.groups.iter().copied().filter(|group| writable.contains(group)).collect();
        let done = job.clone().done(clock::now());
        let me = self.key.node_id();
        let body = Body::Rendition(said.clone());
        let write = |_: Option<&_>, batch: &mut _| {
            note_rendered(row, &said, me, batch);
            Jobs::add(batch, &done);
        };
        self.feeds.publish(&groups, body, write).await.map(|_| ()).map_err(disk)
    }
}
