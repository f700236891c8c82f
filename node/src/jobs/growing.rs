//! Renditions in the making: each segment is a row as soon as it is kept, so it can be watched at once.

use horahora_protocol::{Cid, manifest::Rendition};

use super::{Inner, Jobs, disk, sources::Sources};
use crate::{
    blobs::journal::Journal,
    ingest::Failure,
    media::{
        encode::{Step, encode},
        ladder::Rung,
    },
    store::{
        Batch, StoreError,
        rows::{CAPTURES, CaptureRow, Code, Growing, SEGMENTS, rung_prefix, segment_key},
    },
    tools::Toolset,
};

impl Inner {
    /// Makes one rendition of a capture, unless an earlier run made it. `report` hears 0 to 1.
    pub(super) async fn make(
        &self,
        tools: &Toolset,
        capture: Cid,
        journal: &Journal,
        sources: &Sources,
        rung: &Rung,
        report: impl Fn(f64) + Send + Sync,
    ) -> Result<Rendition, Failure> {
        let row: Option<CaptureRow> = self.store.get(&CAPTURES, &capture.to_bytes()).map_err(disk)?;
        let draft = row.as_ref().and_then(|row| row.draft.as_ref());
        if let Some(made) = draft.and_then(|draft| draft.renditions.iter().find(|r| r.id == rung.id)) {
            return Ok(made.clone());
        }
        let in_hardware = tools.hardware.and_then(|hardware| rung.in_hardware(hardware));
        let in_hardware = match &in_hardware {
            Some(rung) => self.encode(tools, capture, journal, sources, rung, &report).await.map(Some),
            None => Ok(None),
        };
        let made = match in_hardware {
            Ok(Some(made)) if made.missing_ms == 0 => made,
            Err(failure) if failure.code == Code::LocalIo => return Err(failure),
            // Cards take not every size, and not everything at once.
            Ok(Some(_)) | Err(_) => {
                tracing::info!(rung = rung.id, "is made by x264: the graphics card could not");
                self.encode(tools, capture, journal, sources, rung, &report).await?
            }
            Ok(None) => self.encode(tools, capture, journal, sources, rung, &report).await?,
        };
        // A capture without a manifest keeps its complete renditions in its draft, which the next start believes.
        if draft.is_some() {
            self.blobs.sync().await.map_err(disk)?;
            self.note_made(&capture, &made).map_err(disk)?;
        }
        self.forget_segments(&capture, &rung.id).map_err(disk)?;
        Ok(made)
    }

    fn note_made(&self, capture: &Cid, made: &Rendition) -> Result<(), StoreError> {
        let _changing = self.store.changing();
        let mut batch = Batch::default();
        let row: Option<CaptureRow> = self.store.get(&CAPTURES, &capture.to_bytes())?;
        if let Some(mut row) = row
            && let Some(draft) = &mut row.draft
        {
            draft.renditions.push(made.clone());
            batch.put(&CAPTURES, &capture.to_bytes(), &row);
        }
        self.store.write(batch)
    }

    /// Runs the encoder; each segment is a row as soon as it is kept.
    async fn encode(
        &self,
        tools: &Toolset,
        capture: Cid,
        journal: &Journal,
        sources: &Sources,
        rung: &Rung,
        report: &(impl Fn(f64) + Send + Sync),
    ) -> Result<Rendition, Failure> {
        self.forget_segments(&capture, &rung.id).map_err(disk)?;
        let job = sources.encode_job(rung)?;
        let mut seconds = 0.0;
        let mut timescale = 1.0;
        let total = if job.duration > 0.0 { job.duration } else { sources.duration.max(0.001) };
        let told = |step: Step<'_>| {
            let mut batch = Batch::default();
            match step {
                Step::Begun(head) => {
                    timescale = f64::from(head.timescale);
                    self.growing.head(&capture, head);
                    let key = segment_key(&capture, &rung.id, None);
                    batch.put(&SEGMENTS, &key, &Growing::Head(Box::new(head.clone())));
                }
                Step::Grown(n, segment) => {
                    seconds += segment.duration as f64 / timescale;
                    self.growing.grown(&capture, &rung.id, segment);
                    batch.put(
                        &SEGMENTS,
                        &segment_key(&capture, &rung.id, Some(n)),
                        &Growing::Segment(segment),
                    );
                    report((seconds / total).clamp(0.0, 1.0));
                }
                Step::At(at) => {
                    report((at.max(seconds) / total).clamp(0.0, 1.0));
                    return Ok(());
                }
            }
            self.store.write(batch).map_err(disk)
        };
        encode(tools, &self.blobs, journal, &job, told).await
    }

    /// Forgets the segments of a rendition that is complete, or begun anew.
    pub(super) fn forget_segments(&self, capture: &Cid, rung: &str) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for (key, _) in self.store.scan(&SEGMENTS, &rung_prefix(capture, rung), None, usize::MAX)? {
            batch.remove(&SEGMENTS, &key);
        }
        self.store.write(batch)
    }
}

impl Jobs {
    /// What can be played of a capture in the making: complete renditions and those that grow.
    ///
    /// # Errors
    /// When the database fails.
    pub fn growing(&self, capture: &Cid) -> Result<Vec<Rendition>, StoreError> {
        let row = self.0.store.get(&CAPTURES, &capture.to_bytes())?;
        let mut renditions = row.and_then(|row| row.draft).map_or_else(Vec::new, |draft| draft.renditions);
        for (_, growing) in self.0.store.scan(&SEGMENTS, &capture.to_bytes(), None, usize::MAX)? {
            match growing {
                Growing::Head(head) if renditions.iter().any(|known| known.id == head.id) => {}
                Growing::Head(head) => renditions.push(*head),
                Growing::Segment(segment) => {
                    if let Some(last) = renditions.last_mut() {
                        last.segments.push(segment);
                    }
                }
            }
        }
        Ok(renditions)
    }
}
