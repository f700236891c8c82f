//! Looks at a rendition that another member made of what this node captured, before it is believed.

use std::path::Path;

use horahora_protocol::{
    Cid,
    manifest::{Manifest, MediaKind, Rendition},
};

use super::{Inner, disk, keep::failure, sources::Sources};
use crate::{
    clock,
    fetch::Source,
    ingest::Failure,
    media::{
        codec,
        compare::{Sample, likeness},
        ladder::{How, Rung},
        split::{Piece, Splitter},
    },
    net::Reason,
    store::{
        Batch,
        rows::{JobRow, RENDERED, RenderedRow, rung_prefix},
    },
    tools::Toolset,
};

/// Segments that are compared with the original.
const SAMPLES: usize = 3;
/// How far a length may be off, in seconds, and which part of it: as far as in one of our own.
const OFF: (f64, f64) = (1.0, 0.02);

/// Why a rendition is not taken.
enum Doubt {
    /// It could not be looked at.
    Away(String),
    /// It is not what it should be.
    Wrong(String),
}

impl From<Failure> for Doubt {
    fn from(failure: Failure) -> Self {
        Self::Away(failure.reason)
    }
}

fn wrong(why: impl Into<String>) -> Doubt {
    Doubt::Wrong(why.into())
}

impl Inner {
    /// A rendition that another member made, if there is one and it is what it should be. Else this node makes it itself.
    pub(super) async fn received(
        &self,
        tools: &Toolset,
        (capture, manifest): (&Cid, &Manifest),
        sources: &Sources,
        rung: &Rung,
        dir: &Path,
        job: &JobRow,
    ) -> Result<Option<Rendition>, Failure> {
        let row = self.catalogue.rendered(capture, &rung.id).map_err(disk)?;
        let Some(row) = row.filter(|row| !row.refused) else { return Ok(None) };
        let name = self.catalogue.name(&row.by).map_err(disk)?.unwrap_or_else(|| row.by.to_string());
        let text = job.key.text();
        self.live.progress(&text, 0.0, &format!("fetches what {name} made of it"));
        let doubt = match self.bring_rendered(&row, rung, &text).await {
            Ok(made) => {
                self.live.progress(&text, 0.9, &format!("compares what {name} made with the original"));
                match self.examine(tools, &made, sources, rung, dir).await {
                    Ok(()) => {
                        tracing::info!(job = text, node = %row.by, "was made by another member");
                        return Ok(Some(made));
                    }
                    Err(doubt) => doubt,
                }
            }
            Err(doubt) => doubt,
        };
        match doubt {
            Doubt::Away(why) => tracing::info!(job = text, node = %row.by, "is made here, too: {why}"),
            Doubt::Wrong(why) => {
                tracing::warn!(job = text, node = %row.by, video = %manifest.video, "is refused: {why}");
                self.fetch.refuse(&row.by, Reason::WrongRendition).await;
            }
        }
        let mut batch = Batch::default();
        batch.put(&RENDERED, &rung_prefix(capture, &rung.id), &RenderedRow { refused: true, ..row });
        self.store.write(batch).map_err(disk)?;
        Ok(None)
    }

    /// Brings a rendition and its segments here.
    async fn bring_rendered(&self, row: &RenderedRow, rung: &Rung, text: &str) -> Result<Rendition, Doubt> {
        let source = Source { manifest: Some(row.rendition), capture: None, maker: Some(row.by) };
        self.fetch.blob(row.rendition, None, source, false).await.map_err(failure)?;
        let block = self.blobs.read_verified(row.rendition).await.map_err(disk)?;
        let made = Rendition::decode(&block).map_err(|error| wrong(error.to_string()))?;
        if made.id != rung.id || made.kind != rung.kind || made.missing_ms > 0 || made.loudness.is_some() {
            return Err(wrong("it is another rendition"));
        }
        self.has_room(made.bytes)?;
        self.bring(text, source, made.blobs().collect(), || Ok(true)).await?;
        Ok(made)
    }

    /// Whether its segments are what it says of them, and show what the original shows.
    async fn examine(
        &self,
        tools: &Toolset,
        made: &Rendition,
        sources: &Sources,
        rung: &Rung,
        dir: &Path,
    ) -> Result<(), Doubt> {
        let (MediaKind::Video, How::Encoded(settings)) = (rung.kind, &rung.how) else {
            return Err(wrong("nobody was asked for it"));
        };
        let init = self.blobs.read_verified(made.init.cid).await.map_err(disk)?;
        let track = codec::read_init(&init).ok_or_else(|| wrong("its beginning cannot be read"))?;
        let told = (made.codecs.as_str(), made.width, made.height, made.timescale);
        if told != (track.codecs.as_str(), track.width, track.height, track.timescale) {
            return Err(wrong("its beginning is not what it says"));
        }
        if (made.width, made.height) != (settings.width, settings.height) {
            return Err(wrong(format!("it is {} x {} pixels large", made.width, made.height)));
        }
        let job = sources.encode_job(rung)?;
        let seconds = |ticks: u64| ticks as f64 / f64::from(made.timescale);
        let length = seconds(made.ticks());
        let wanted = if job.duration > 0.0 { job.duration } else { sources.duration };
        if (length - wanted).abs() > (wanted * OFF.1).max(OFF.0) {
            return Err(wrong(format!("it is {length:.1} s long, the original {wanted:.1} s")));
        }
        let chosen: Vec<usize> = (0..SAMPLES)
            .map(|_| usize::from(u16::from_le_bytes(clock::random())) % made.segments.len().max(1))
            .collect();
        let mut at = made.start;
        for (n, segment) in made.segments.iter().enumerate() {
            let bytes = self.blobs.read_verified(segment.cid).await.map_err(disk)?;
            let mut cut = Splitter::default();
            let pieces = cut.push(&bytes).map_err(|error| wrong(error.to_string()))?;
            let fits = matches!(pieces.as_slice(), [Piece::Segment { bytes: whole, time, duration }]
                if whole.len() as u64 == segment.bytes && *time == at && *duration == segment.duration);
            if !fits {
                return Err(wrong(format!("segment {n} is not what it says")));
            }
            if chosen.contains(&n) {
                let media = dir.join(format!("{}.sample.mp4", made.id));
                let whole = [init.as_ref(), bytes.as_ref()].concat();
                tokio::fs::write(&media, whole).await.map_err(disk)?;
                let sample = Sample { media: &media, at: seconds(at), length: seconds(segment.duration) };
                let found = likeness(tools, &job, settings, &sample).await;
                let found = found.map_err(|error| Doubt::Away(error.to_string()))?;
                tracing::debug!(rung = made.id, segment = n, ?found, "was compared");
                if !found.is_enough() {
                    let found = found.theirs;
                    return Err(wrong(format!(
                        "segment {n} does not show what the original does ({found:.2})"
                    )));
                }
            }
            at += segment.duration;
        }
        Ok(())
    }
}
