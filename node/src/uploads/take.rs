//! Takes uploads into the archive, and removes what is not needed any more.

use std::{collections::BTreeSet, fs, io, time::Duration};

use serde_json::json;

use super::{
    Upload, UploadError, Uploads,
    words::{info_of, thumbnail},
};
use crate::{
    clock,
    clock::DAY_MS,
    ingest::Fetched,
    people::{PersonRow, Rank},
    store::{
        Batch, StoreError,
        rows::{UPLOADS, UploadRow, UploadStand, VIDEOS, VideoRow},
    },
};

/// What nobody goes on with is removed after this time.
const FORGOTTEN_MS: u64 = 7 * DAY_MS;
/// How long somebody sees what became of their file.
const SEEN_MS: u64 = DAY_MS;
pub(super) const SWEEP: Duration = Duration::from_secs(15);

impl Uploads {
    pub(super) fn forget(&self, id: &str) -> Result<(), UploadError> {
        let mut batch = Batch::default();
        batch.remove(&UPLOADS, id.as_bytes());
        self.0.store.write(batch)?;
        self.remove_files(id)?;
        self.0.live.tell("upload", json!({ "id": id }));
        Ok(())
    }

    /// Takes it in, if nothing is missing.
    pub(super) fn settle(&self, id: &str) -> Result<(), UploadError> {
        let upload = self.get(id)?;
        let known = match &upload.row.by {
            None => true,
            Some(by) => {
                let rank = self.0.people.get(by)?.as_ref().and_then(PersonRow::allowed);
                rank >= Some(Rank::Trusted) || upload.row.stand == UploadStand::Approved
            }
        };
        if !known || !matches!(upload.state(), "waiting" | "reading") {
            return Ok(());
        }
        let (uploads, id) = (self.clone(), id.to_owned());
        self.0.tasks.spawn("upload", async move {
            if let Err(error) = uploads.take(&id).await {
                tracing::error!("an upload cannot be taken in: {error}");
            }
        });
        Ok(())
    }

    pub(super) async fn take(&self, id: &str) -> Result<(), UploadError> {
        // Whoever is at it does it.
        let Some(_busy) = self.busy(id) else { return Ok(()) };
        let upload = self.get(id)?;
        let Some(words) =
            upload.row.words.clone().filter(|_| matches!(upload.state(), "waiting" | "reading"))
        else {
            return Ok(());
        };
        let (dir, media) = (self.folder(id), self.file(&upload));
        let info = dir.join("upload.info.json");
        tokio::fs::write(&info, info_of(&upload.row, &words).to_string()).await?;
        let files =
            Fetched { media: vec![media], info: Some(info), thumbnail: thumbnail(&dir), texts: Vec::new() };
        let stand = match self.0.jobs.take_file(&words.title, files, words.group).await {
            Ok(video) => UploadStand::Taken(video),
            Err(failure) => UploadStand::Failed(failure.reason),
        };
        self.touch(id, |row| {
            row.stand = stand;
            Ok(())
        })?;
        Ok(self.0.store.durable().await?)
    }

    /// Whether a job still reads its file.
    pub(super) fn is_needed(&self, row: &UploadRow) -> Result<bool, StoreError> {
        let UploadStand::Taken(video) = &row.stand else { return Ok(false) };
        self.0.jobs.is_capturing(video)
    }

    /// Removes files that are in the archive, and uploads that nobody goes on with; goes on with the others.
    pub(super) fn sweep(&self) -> Result<(), UploadError> {
        let now = clock::now();
        let mut known = BTreeSet::new();
        for Upload { id, row, .. } in self.all()? {
            let age = now.0.saturating_sub(row.at.0);
            let sender_left = match &row.by {
                Some(by) => self.0.people.get(by)?.is_none(),
                None => false,
            };
            let over = match &row.stand {
                UploadStand::Taken(video) if !self.is_needed(&row)? => {
                    let there: Option<VideoRow> = self.0.store.get(&VIDEOS, video.as_str().as_bytes())?;
                    let there = there.is_some_and(|video| video.manifest.is_some());
                    if there {
                        self.remove_files(&id)?;
                    }
                    age > if there { SEEN_MS } else { FORGOTTEN_MS }
                }
                UploadStand::Taken(_) => false,
                _ => sender_left || age > FORGOTTEN_MS,
            };
            let nobody_at_it = if over { self.busy(&id) } else { None };
            if nobody_at_it.is_some() {
                self.forget(&id)?;
                continue;
            }
            drop(nobody_at_it);
            self.settle(&id)?;
            known.insert(id);
        }
        // A folder without a row is what a crash left between the two; whoever makes both holds the lock meanwhile.
        for entry in fs::read_dir(&self.0.dir)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let _changing = self.0.store.changing();
            if !known.contains(&name) && self.0.store.get(&UPLOADS, name.as_bytes())?.is_none() {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    pub(super) fn remove_files(&self, id: &str) -> io::Result<()> {
        match fs::remove_dir_all(self.folder(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}
