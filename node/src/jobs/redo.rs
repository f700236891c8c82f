//! Makes what is archived anew, where today's recipes are other ones than those that it was made by.

use std::collections::BTreeSet;

use horahora_protocol::{Cid, manifest::Manifest};

use super::{EXTRAS, Inner, Jobs, disk, publish::later_job, sources::Sources};
use crate::{
    clock,
    ingest::Failure,
    media::{encode::recipe, ladder::Rung},
    store::{
        Batch, StoreError,
        rows::{CAPTURES, JobKey, JobRow, VideoRow},
    },
    tools::Toolset,
};

/// Name of the job that finds out what is to be made, among those of a capture's further renditions.
pub const REDO: &str = "redo";

impl Jobs {
    /// Makes what this node captured of a video anew, as far as that makes a difference. Gives how many captures are
    /// looked at.
    ///
    /// # Errors
    /// When the database fails.
    pub fn redo(&self, video: &VideoRow) -> Result<usize, StoreError> {
        let mut asked = 0;
        for (capture, row) in self.0.catalogue.own_captures(video)? {
            if row.revisions.is_empty() {
                continue;
            }
            let key = JobKey::Rendition { capture, rung: REDO.to_owned() };
            self.set(JobRow::queued(
                key,
                Some(video.id.clone()),
                video.url.clone(),
                video.title.clone(),
                clock::now(),
            ))?;
            asked += 1;
        }
        self.wake();
        Ok(asked)
    }
}

impl Inner {
    pub(super) async fn redo(&self, capture: Cid, job: &JobRow) -> Result<(), Failure> {
        let tools = self.tools.ready().await;
        let (dir, _journal) = self.open_folder(&capture)?;
        self.live.progress(&job.key.text(), 0.0, "reads the original");
        let manifest = self.last_manifest(&self.capture_row(&capture)?).await?;
        let files = self.restore_originals(&dir, &manifest.original).await?;
        let sources = Sources::look(&tools, &files, self.av1).await?;
        let names = stale(&manifest, &sources, &tools);
        tracing::info!(capture = %capture, names = ?names, "is made anew");
        let _changing = self.store.changing();
        let mut row = self.capture_row(&capture)?;
        let known: BTreeSet<String> = row.rungs.iter().cloned().collect();
        row.rungs.extend(names.iter().filter(|name| !known.contains(*name)).cloned());
        let mut batch = Batch::default();
        batch.put(&CAPTURES, &capture.to_bytes(), &row);
        for (index, name) in names.iter().enumerate() {
            self.put_job(&mut batch, later_job(job, &manifest, name, index)).map_err(disk)?;
        }
        self.store.write(batch).map_err(disk)
    }
}

/// What is missing or would be made by another recipe today.
fn stale(manifest: &Manifest, sources: &Sources, tools: &Toolset) -> Vec<String> {
    let is_made = |id: &str, args: &[String]| {
        let wanted = recipe(tools, args);
        manifest.renditions.iter().any(|made| made.id == id && made.recipe == wanted)
    };
    // Whether a graphics card made it or x264 makes no difference that somebody would see.
    let in_hardware = |rung: &Rung| tools.hardware.and_then(|hardware| rung.in_hardware(hardware));
    let rungs = sources.plan.all().filter(|rung| {
        let here = !is_made(&rung.id, &rung.output_args());
        here && in_hardware(rung).is_none_or(|other| !is_made(&other.id, &other.output_args()))
    });
    let mut names: Vec<_> = rungs.map(|rung| rung.id.clone()).collect();
    let sounds_change = sources.sounds().any(|rung| names.contains(&rung.id));
    let lacks_board = sources.video_stream().is_some() && manifest.storyboard.is_none();
    let unmeasured = sources
        .sounds()
        .any(|rung| manifest.renditions.iter().any(|made| made.id == rung.id && made.loudness.is_none()));
    let lacks_texts =
        sources.texts().is_some() && !manifest.subtitles.iter().any(|text| text.format == "vtt");
    if sounds_change || lacks_board || unmeasured || lacks_texts {
        names.push(EXTRAS.to_owned());
    }
    names
}
