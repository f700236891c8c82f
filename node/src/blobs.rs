//! Bytes under their hash, in files. Nothing half-written is ever visible.
//!
//! A blob is written to a temporary file on the same disk and renamed to its name. A single one is synced, and its folder;
//! of many that belong together all are synced at once.

use std::{
    fs, io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use horahora_protocol::{Cid, Codec};
use thiserror::Error;

pub mod journal;
mod layout;

use journal::Journal;

use crate::space::{Room, Space};

/// The blobs of this node. Clones share them.
#[derive(Debug, Clone)]
pub struct Blobs {
    dir: Arc<PathBuf>,
    next_temporary: Arc<AtomicU64>,
    space: Option<Space>,
}

/// Why a blob could not be read or written.
#[derive(Debug, Error)]
pub enum BlobError {
    /// Not here.
    #[error("the blob {0} is not on this node")]
    Missing(Cid),
    /// The bytes on the disk are not what they were.
    #[error("the blob {0} is damaged on the disk")]
    Damaged(Cid),
    /// The disk is full.
    #[error("the disk is full; free some space, nothing is lost")]
    Full,
    /// The disk failed.
    #[error("the disk failed: {0}")]
    Io(io::Error),
}

impl From<io::Error> for BlobError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

impl Blobs {
    /// Opens or makes the folder and sweeps what a crash left half-written.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn open(dir: &Path) -> Result<Self, BlobError> {
        let temporary = dir.join("tmp");
        fs::create_dir_all(dir)?;
        if temporary.exists() {
            fs::remove_dir_all(&temporary)?;
        }
        layout::arrange(dir)?;
        fs::create_dir_all(&temporary)?;
        Ok(Self { dir: Arc::new(dir.to_owned()), next_temporary: Arc::default(), space: None })
    }

    /// The same, but files are no longer taken when that would leave too little room. Blocks, which are small, still are.
    #[must_use]
    pub fn within(self, space: Space) -> Self {
        Self { space: Some(space), ..self }
    }

    /// Room on the disk, where it is known.
    #[must_use]
    pub fn room(&self) -> Option<Room> {
        self.space.as_ref().and_then(|space| space.room().ok())
    }

    fn check_room(&self, codec: Codec, bytes: usize) -> Result<(), BlobError> {
        let Some(space) = self.space.as_ref().filter(|_| codec == Codec::Raw) else { return Ok(()) };
        space.check(bytes as u64).map_err(|_| BlobError::Full)
    }

    /// Keeps `bytes` and gives their address; on the disk for good when this returns. Part of unfinished work with a
    /// `journal` is noted there before it appears, so that it can be swept, and survives a power cut only after
    /// [`Blobs::sync`].
    ///
    /// # Errors
    /// When the disk is full or fails. A blob is whole or absent.
    pub async fn put(&self, codec: Codec, bytes: Bytes, journal: Option<&Journal>) -> Result<Cid, BlobError> {
        let (blobs, journal) = (self.clone(), journal.cloned());
        blocking(move || blobs.put_now(codec, &bytes, journal.as_ref())).await
    }

    fn put_now(&self, codec: Codec, bytes: &[u8], journal: Option<&Journal>) -> Result<Cid, BlobError> {
        let cid = Cid::of(codec, bytes);
        let path = self.path(&cid);
        // What is there is read again: keeping a blob anew mends a damaged one.
        if fs::read(&path).is_ok_and(|found| found == bytes) {
            return Ok(cid);
        }
        self.check_room(codec, bytes.len())?;
        if let Some(journal) = journal {
            self.place(&path, |temporary| fs::write(temporary, bytes).and_then(|()| journal.note(&cid)))?;
            return Ok(cid);
        }
        self.place(&path, |temporary| write_synced(temporary, bytes))?;
        fs::File::open(path.parent().expect("a blob is in a folder"))?.sync_all()?;
        Ok(cid)
    }

    /// Keeps a blob that came from another node and was held against its address. Whole or absent after a crash;
    /// only after [`Blobs::sync`] does it survive a power cut, too: it could be fetched again.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub async fn put_fetched(&self, cid: Cid, bytes: Bytes) -> Result<(), BlobError> {
        let blobs = self.clone();
        blocking(move || {
            blobs.check_room(cid.codec(), bytes.len())?;
            let path = blobs.path(&cid);
            Ok(blobs.place(&path, |temporary| fs::write(temporary, &bytes))?)
        })
        .await
    }

    /// Waits until everything fetched and made so far survives a power cut.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn sync(&self) -> Result<(), BlobError> {
        let dir = Arc::clone(&self.dir);
        blocking(move || Ok(rustix::fs::syncfs(fs::File::open(&*dir)?).map_err(io::Error::from)?)).await
    }

    /// Writes a temporary file and gives it its name.
    fn place(&self, path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self.dir.join("tmp").join(number.to_string());
        let written = write(&temporary).and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// Whether the blob is here.
    #[must_use]
    pub fn has(&self, cid: &Cid) -> bool {
        self.path(cid).exists()
    }

    /// Its size in bytes.
    ///
    /// # Errors
    /// When it is not here.
    pub fn size(&self, cid: &Cid) -> Result<u64, BlobError> {
        fs::metadata(self.path(cid)).map(|found| found.len()).map_err(|error| missing(cid, error))
    }

    /// `length` bytes from `start`, fewer when the blob ends before.
    ///
    /// # Errors
    /// When it is not here or the disk fails.
    pub async fn read(&self, cid: Cid, start: u64, length: u64) -> Result<Bytes, BlobError> {
        let path = self.path(&cid);
        blocking(move || {
            let file = fs::File::open(path).map_err(|error| missing(&cid, error))?;
            let rest = file.metadata()?.len().saturating_sub(start);
            let mut bytes = vec![0; usize::try_from(length.min(rest)).unwrap_or(0)];
            file.read_exact_at(&mut bytes, start)?;
            Ok(Bytes::from(bytes))
        })
        .await
    }

    /// The whole blob, checked against its address.
    ///
    /// # Errors
    /// When it is not here, damaged, or the disk fails.
    pub async fn read_verified(&self, cid: Cid) -> Result<Bytes, BlobError> {
        let bytes = self.read(cid, 0, u64::MAX).await?;
        if cid.matches(&bytes) { Ok(bytes) } else { Err(BlobError::Damaged(cid)) }
    }

    /// Removes a blob; absent is fine.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn remove(&self, cid: &Cid) -> Result<(), BlobError> {
        match fs::remove_file(self.path(cid)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// All blobs, in no particular order. Files that are no blobs are left alone and not listed.
    pub fn list(&self) -> impl Iterator<Item = Cid> {
        let folders = |path: PathBuf| fs::read_dir(path).into_iter().flatten().flatten();
        folders(self.dir.to_path_buf())
            .flat_map(move |folder| folders(folder.path()))
            .filter_map(|file| file.file_name().to_str()?.parse().ok())
    }

    fn path(&self, cid: &Cid) -> PathBuf {
        layout::path(&self.dir, cid)
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(path, bytes)?;
    fs::File::open(path)?.sync_data()
}

fn missing(cid: &Cid, error: io::Error) -> BlobError {
    if error.kind() == io::ErrorKind::NotFound { BlobError::Missing(*cid) } else { error.into() }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| BlobError::Io(io::Error::other(error)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_blob_is_whole_or_absent() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path()).unwrap();
        let journal = Journal::open(&dir.path().join("journal")).unwrap();
        let cid = blobs.put(Codec::Raw, Bytes::from_static(b"bytes"), Some(&journal)).await.unwrap();
        assert!(blobs.has(&cid));
        assert_eq!(blobs.read(cid, 1, 3).await.unwrap(), "yte");
        assert_eq!(blobs.read(cid, 9, 3).await.unwrap(), "");
        assert_eq!(blobs.list().collect::<Vec<_>>(), [cid]);
        assert_eq!(journal::read(&dir.path().join("journal")), [cid]);
        fs::write(blobs.path(&cid), b"bites").unwrap();
        assert!(matches!(blobs.read_verified(cid).await, Err(BlobError::Damaged(_))));
        blobs.remove(&cid).unwrap();
        assert!(matches!(blobs.read(cid, 0, 1).await, Err(BlobError::Missing(_))));
        blobs.remove(&cid).unwrap();
    }

    #[test]
    fn leftovers_of_a_crash_are_swept_at_the_start() {
        let dir = tempfile::tempdir().unwrap();
        Blobs::open(dir.path()).unwrap();
        let leftover = dir.path().join("tmp/7");
        fs::write(&leftover, b"half").unwrap();
        let blobs = Blobs::open(dir.path()).unwrap();
        assert!(!leftover.exists());
        assert_eq!(blobs.list().count(), 0);
    }
}
