//! Files that people send from their own devices: kept in pieces as they come, and taken into the archive once they are
//! whole, have a title, and, of people whom nobody knows yet, a moderator's word.

use std::{
    collections::BTreeSet,
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use futures::{Stream, StreamExt};
use horahora_protocol::NodeId;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::{
    clock,
    ingest::is_media,
    jobs::Jobs,
    live::Live,
    people::{People, Rank, Uploaders},
    space::Space,
    spawn::Tasks,
    store::{
        Batch, Store, StoreError,
        rows::{UPLOADS, UploadRow, UploadStand, Words},
    },
};

mod error;
mod take;
mod words;

pub use error::UploadError;
use take::SWEEP;
pub use words::PICTURE_BYTES;
use words::{DESCRIPTION, THUMBNAIL, check, clean, cut, picture, thumbnail};

/// Bytes of one file.
const LARGEST: u64 = 64 << 30;
/// Files of one person that are not in the archive yet, and their bytes where a moderator looks at them first.
const OPEN: usize = 20;
const OPEN_BYTES: u64 = 20 << 30;
/// How long a piece may keep us waiting for its next bytes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who sends.
#[derive(Debug, Clone)]
pub struct Sender {
    /// Whose account it is; none for whoever runs the node without one.
    pub id: Option<NodeId>,
    /// What they are called.
    pub name: String,
    /// What they may do.
    pub rank: Rank,
}

/// An upload and how much of it is here.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Its id.
    pub id: String,
    /// Its row.
    pub row: UploadRow,
    /// Bytes that are here.
    pub offset: u64,
}

impl Upload {
    /// Whether all bytes are here.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.offset >= self.row.bytes
    }

    /// Where it stands, as a word of the API.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match &self.row.stand {
            UploadStand::Refused(_) => "refused",
            UploadStand::Taken(_) => "taken",
            UploadStand::Failed(_) => "failed",
            _ if !self.is_whole() => "coming",
            _ if self.row.words.is_none() => "untitled",
            UploadStand::Approved => "reading",
            UploadStand::Open => "waiting",
        }
    }
}

#[derive(Debug)]
struct Inner {
    store: Store,
    jobs: Jobs,
    people: People,
    space: Space,
    live: Live,
    tasks: Tasks,
    dir: PathBuf,
    /// Uploads of which a piece is coming, or that are being taken in.
    busy: Mutex<BTreeSet<String>>,
}

/// The uploads. Clones share them.
#[derive(Debug, Clone)]
pub struct Uploads(Arc<Inner>);

/// What the uploads work with.
#[derive(Debug)]
pub struct Rooms {
    /// The database.
    pub store: Store,
    /// What takes files in.
    pub jobs: Jobs,
    /// Who may.
    pub people: People,
    /// Room on the disk.
    pub space: Space,
    /// Tells pages.
    pub live: Live,
    /// Where work is done.
    pub tasks: Tasks,
    /// Folder of the files.
    pub dir: PathBuf,
}

/// Marks an upload as busy for as long as it lives.
struct Busy<'a>(&'a Inner, String);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

impl Uploads {
    /// Goes on with what was there, and removes what nobody wants any more.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(rooms: Rooms) -> io::Result<Self> {
        let Rooms { store, jobs, people, space, live, tasks, dir } = rooms;
        fs::create_dir_all(&dir)?;
        let busy = Mutex::default();
        let uploads = Self(Arc::new(Inner { store, jobs, people, space, live, tasks, dir, busy }));
        let sweeper = uploads.clone();
        uploads.0.tasks.spawn("uploads", async move {
            loop {
                if let Err(error) = sweeper.sweep() {
                    tracing::error!("uploads cannot be looked after: {error}");
                }
                tokio::time::sleep(SWEEP).await;
            }
        });
        Ok(uploads)
    }

    /// Begins an upload of `bytes` bytes and gives its id.
    ///
    /// # Errors
    /// When this person may not, or not so much.
    pub async fn begin(&self, by: &Sender, name: &str, bytes: u64) -> Result<String, UploadError> {
        let taken = self.0.people.house()?.uploads;
        if !taken.takes(by.rank) {
            let only = if taken == Uploaders::Trusted { "people whom it trusts" } else { "whoever runs it" };
            return Err(UploadError::Closed(only));
        }
        let name = clean(name);
        if !is_media(&name) {
            return Err(UploadError::Kind);
        }
        if bytes > LARGEST {
            return Err(UploadError::Large);
        }
        self.0.space.check(bytes)?;
        let id = HEXLOWER.encode(&clock::random::<16>());
        {
            let _changing = self.0.store.changing();
            let theirs = self.of(by.id.as_ref())?;
            let open: Vec<_> = theirs
                .iter()
                .filter(|one| one.row.stand == UploadStand::Open)
                .map(|one| one.row.bytes)
                .collect();
            let much = open.iter().sum::<u64>().saturating_add(bytes) > OPEN_BYTES;
            if open.len() >= OPEN || (much && by.rank < Rank::Trusted) {
                return Err(UploadError::Many);
            }
            let dir = self.folder(&id);
            fs::create_dir(&dir)?;
            fs::File::create(dir.join(&name))?;
            let row = UploadRow {
                by: by.id,
                by_name: by.name.clone(),
                name,
                bytes,
                at: clock::now(),
                words: None,
                stand: UploadStand::Open,
            };
            self.put(&id, &row)?;
        }
        self.0.store.durable().await?;
        Ok(id)
    }

    /// One upload.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn get(&self, id: &str) -> Result<Upload, UploadError> {
        let row = self.0.store.get(&UPLOADS, id.as_bytes())?.ok_or(UploadError::Unknown)?;
        Ok(self.with_offset(id.to_owned(), row))
    }

    /// All of one person, the latest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn of(&self, by: Option<&NodeId>) -> Result<Vec<Upload>, StoreError> {
        Ok(self.all()?.into_iter().filter(|one| one.row.by.as_ref() == by).collect())
    }

    /// All that wait for a moderator, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn waiting(&self) -> Result<Vec<Upload>, StoreError> {
        let mut all = self.all()?;
        all.retain(|one| one.state() == "waiting");
        all.reverse();
        Ok(all)
    }

    fn all(&self) -> Result<Vec<Upload>, StoreError> {
        let rows = self.0.store.scan(&UPLOADS, b"", None, usize::MAX)?;
        let id = |key: Vec<u8>| String::from_utf8(key).ok();
        let mut all: Vec<_> =
            rows.into_iter().filter_map(|(key, row)| Some(self.with_offset(id(key)?, row))).collect();
        all.sort_by(|a, b| b.row.at.cmp(&a.row.at).then_with(|| a.id.cmp(&b.id)));
        Ok(all)
    }

    /// Where its file is.
    #[must_use]
    pub fn file(&self, upload: &Upload) -> PathBuf {
        self.folder(&upload.id).join(&upload.row.name)
    }

    /// Appends bytes that begin at `offset`; gives how many are here then. What came before an error is kept.
    ///
    /// # Errors
    /// When they do not fit to what is here, somebody else is appending, or the disk is full.
    pub async fn append<E>(
        &self,
        id: &str,
        offset: u64,
        body: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<u64, UploadError> {
        let here = self.write(id, offset, body).await?;
        self.settle(id)?;
        Ok(here)
    }

    /// Takes a file's bytes at once, of which it was only said that they are no more than so many.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub async fn append_all<E>(
        &self,
        id: &str,
        body: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<(), UploadError> {
        let here = self.write(id, 0, body).await?;
        self.touch(id, |row| {
            row.bytes = here;
            Ok(())
        })?;
        self.settle(id)
    }

    async fn write<E>(
        &self,
        id: &str,
        offset: u64,
        body: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<u64, UploadError> {
        let _busy = self.busy(id).ok_or(UploadError::Busy)?;
        let upload = self.get(id)?;
        if upload.row.stand != UploadStand::Open {
            return Err(UploadError::Settled);
        }
        if upload.offset != offset {
            return Err(UploadError::Offset(upload.offset));
        }
        self.0.space.check(upload.row.bytes - offset)?;
        let mut file = tokio::fs::OpenOptions::new().append(true).open(self.file(&upload)).await?;
        let (mut here, mut came) = (offset, Ok(()));
        tokio::pin!(body);
        loop {
            let piece = match tokio::time::timeout(PATIENCE, body.next()).await {
                Ok(None) => break,
                Ok(Some(Ok(piece))) => piece,
                Ok(Some(Err(_))) | Err(_) => {
                    came = Err(UploadError::Cut(here));
                    break;
                }
            };
            if here + piece.len() as u64 > upload.row.bytes {
                came = Err(UploadError::Words(format!(
                    "The file has {} bytes, and more came.",
                    upload.row.bytes
                )));
                break;
            }
            file.write_all(&piece).await?;
            here += piece.len() as u64;
        }
        file.flush().await?;
        file.sync_all().await?;
        self.touch(id, |_| Ok(()))?;
        came.map(|()| here)
    }

    /// Says what it is. It is taken in as soon as it is whole, and approved of where that is needed.
    ///
    /// # Errors
    /// When the words cannot be, or it was decided already.
    pub async fn describe(&self, id: &str, words: Words) -> Result<Upload, UploadError> {
        let words = check(words)?;
        self.touch(id, |row| {
            if row.stand != UploadStand::Open {
                return Err(UploadError::Settled);
            }
            row.words = Some(words);
            Ok(())
        })?;
        self.0.store.durable().await?;
        self.settle(id)?;
        self.get(id)
    }

    /// Gives it a picture.
    ///
    /// # Errors
    /// When it is none.
    pub async fn set_thumbnail(&self, id: &str, bytes: &[u8]) -> Result<(), UploadError> {
        let ending = picture(bytes).filter(|_| bytes.len() <= PICTURE_BYTES).ok_or(UploadError::Picture)?;
        let upload = self.get(id)?;
        if upload.row.stand != UploadStand::Open {
            return Err(UploadError::Settled);
        }
        let dir = self.folder(id);
        if let Some(old) = thumbnail(&dir) {
            fs::remove_file(old)?;
        }
        Ok(tokio::fs::write(dir.join(format!("{THUMBNAIL}.{ending}")), bytes).await?)
    }

    /// A moderator's word: a reason refuses it.
    ///
    /// # Errors
    /// When it does not wait for one.
    pub async fn judge(&self, id: &str, refused: Option<&str>) -> Result<Upload, UploadError> {
        let busy = self.busy(id).ok_or(UploadError::Busy)?;
        if self.get(id)?.state() != "waiting" {
            return Err(UploadError::Settled);
        }
        self.touch(id, |row| {
            row.stand = match refused {
                Some(reason) => UploadStand::Refused(cut(reason, DESCRIPTION)),
                None => UploadStand::Approved,
            };
            Ok(())
        })?;
        self.0.store.durable().await?;
        drop(busy);
        match refused {
            Some(_) => self.remove_files(id)?,
            None => self.settle(id)?,
        }
        self.get(id)
    }

    /// Forgets it, and removes its file where the archive does not need it any more.
    ///
    /// # Errors
    /// While it is being taken in.
    pub fn remove(&self, id: &str) -> Result<(), UploadError> {
        let _busy = self.busy(id).ok_or(UploadError::Busy)?;
        let upload = self.get(id)?;
        if self.is_needed(&upload.row)? {
            return Err(UploadError::Settled);
        }
        self.forget(id)
    }

    fn busy(&self, id: &str) -> Option<Busy<'_>> {
        let mut busy = self.0.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.insert(id.to_owned()).then(|| Busy(&self.0, id.to_owned()))
    }

    fn touch(
        &self,
        id: &str,
        change: impl FnOnce(&mut UploadRow) -> Result<(), UploadError>,
    ) -> Result<(), UploadError> {
        let _changing = self.0.store.changing();
        let mut row = self.0.store.get(&UPLOADS, id.as_bytes())?.ok_or(UploadError::Unknown)?;
        change(&mut row)?;
        row.at = clock::now();
        self.put(id, &row)?;
        self.0.live.tell("upload", json!({ "id": id }));
        Ok(())
    }

    fn put(&self, id: &str, row: &UploadRow) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.put(&UPLOADS, id.as_bytes(), row);
        self.0.store.write(batch)
    }

    fn with_offset(&self, id: String, row: UploadRow) -> Upload {
        let here = fs::metadata(self.folder(&id).join(&row.name)).map_or(0, |file| file.len());
        Upload { id, row, offset: here }
    }

    /// An id is what was given out: 32 hexadecimal digits; nothing else leads to a folder.
    fn folder(&self, id: &str) -> PathBuf {
        self.0.dir.join(id)
    }
}
