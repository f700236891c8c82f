//! Renditions that captures of others still lack: jobs for all members, and what came of them.

use horahora_protocol::{
    Cid, NodeId, Verified,
    entry::{Capture, Entry, Rendered},
};

use super::Catalogue;
use crate::{
    clock,
    jobs::Jobs,
    store::{
        Batch, StoreError,
        rows::{
            CAPTURES, CaptureRow, JOBS, JobKey, JobRow, MANIFESTS, ManifestRow, RENDERED, RenderedRow, State,
            picture, rung_prefix,
        },
    },
};

/// Who captured has the original; others must fetch it first. They begin what is not begun after so long.
const HELP_AFTER_MS: u64 = 30_000;

impl Catalogue {
    /// What a capture of another node lacks is for all members to make; what it lacks no more is done.
    pub(super) fn learn_missing(
        &self,
        entry: &Verified<Entry>,
        body: &Capture,
        shares: bool,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let known: Option<CaptureRow> = self.store.get_after(batch, &CAPTURES, &body.capture.to_bytes())?;
        if known.as_ref().is_some_and(|row| row.by != Some(entry.node)) {
            return Ok(());
        }
        let key = |rung: &String| JobKey::Rendition { capture: body.capture, rung: rung.clone() };
        let before = known.map_or_else(Vec::new, |row| row.rungs);
        for rung in before.iter().filter(|rung| !body.missing.contains(rung)) {
            batch.remove(&RENDERED, &rung_prefix(&body.capture, rung));
            self.close(batch, &key(rung))?;
        }
        let summary = body.summary.as_ref();
        let title = summary.map_or_else(|| body.video.to_string(), |summary| summary.title.clone());
        for rung in body.missing.iter().filter(|rung| shares && picture(rung).is_some()) {
            let text = key(rung).text();
            let known: Option<JobRow> = self.store.get_after(batch, &JOBS, text.as_bytes())?;
            if known.is_none() {
                let at = entry.at.min(clock::now());
                let (video, url) = (Some(body.video.clone()), body.source_url.clone());
                let job = JobRow::queued(key(rung), video, url, title.clone(), at);
                Jobs::add(batch, &JobRow { not_before: at.plus_ms(HELP_AFTER_MS), ..job });
            }
        }
        Ok(())
    }

    /// Nothing is to be made any more of a capture of another node.
    pub(super) fn close_missing(
        &self,
        key: &[u8],
        row: &CaptureRow,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let Ok(capture) = Cid::from_bytes(key) else { return Ok(()) };
        for rung in row.rungs.iter().filter(|_| row.by.is_some()) {
            batch.remove(&RENDERED, &rung_prefix(&capture, rung));
            self.close(batch, &JobKey::Rendition { capture, rung: rung.clone() })?;
        }
        Ok(())
    }

    /// A member made a rendition of another one's capture.
    pub(super) fn learn_rendition(
        &self,
        entry: &Verified<Entry>,
        said: &Rendered,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let known: Option<CaptureRow> = self.store.get_after(batch, &CAPTURES, &said.capture.to_bytes())?;
        let Some(row) = known.filter(|row| row.groups.contains(&entry.group)) else { return Ok(()) };
        let key = JobKey::Rendition { capture: said.capture, rung: said.id.clone() };
        let job: Option<JobRow> = self.store.get_after(batch, &JOBS, key.text().as_bytes())?;
        let place = rung_prefix(&said.capture, &said.id);
        let first = self.store.get_after(batch, &RENDERED, &place)?.is_none();
        let Some(job) = job.filter(|job| job.state != State::Done) else { return Ok(()) };
        if !row.rungs.contains(&said.id) || !first {
            return Ok(());
        }
        note_rendered(&row, said, entry.node, batch);
        // Whose capture it is looks at it, also after giving up itself; for all others there is nothing left to do.
        if row.by.is_some() {
            return self.close(batch, &key);
        }
        if job.state.ended() {
            Jobs::add(batch, &JobRow { state: State::Queued, code: None, reason: None, attempts: 0, ..job });
        }
        Ok(())
    }

    /// Who made a rendition of a capture that the manifest has not yet, and where it is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn rendered(&self, capture: &Cid, rung: &str) -> Result<Option<RenderedRow>, StoreError> {
        self.store.get(&RENDERED, &rung_prefix(capture, rung))
    }
}

/// Adds to the batch that a member made a rendition: who may see the capture may have it.
pub fn note_rendered(row: &CaptureRow, said: &Rendered, by: NodeId, batch: &mut Batch) {
    let rendered = RenderedRow { by, rendition: said.rendition, refused: false };
    batch.put(&RENDERED, &rung_prefix(&said.capture, &said.id), &rendered);
    let part = ManifestRow { capture: said.capture, video: row.video.clone(), by };
    batch.put(&MANIFESTS, &said.rendition.to_bytes(), &part);
}
