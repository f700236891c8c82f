//! Room on the disk that the data folder is on: some of it is always left free, for the database, the system, and people.

use std::{fmt, io, path::PathBuf, sync::Arc};

/// What is watched, and how much of it stays free. Clones share it.
#[derive(Debug, Clone)]
pub struct Space {
    dir: Arc<PathBuf>,
    keep_free: u64,
}

/// How much there is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Room {
    /// What this user may still write.
    pub free: u64,
    /// All of it, used or not.
    pub total: u64,
    /// What stays free.
    pub keep_free: u64,
}

/// There is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lacks {
    /// What there is.
    pub room: Room,
    /// What it was wanted for, in bytes.
    pub wanted: u64,
}

impl Space {
    /// Leaves `keep_free` bytes free on the disk of `dir`.
    #[must_use]
    pub fn new(dir: PathBuf, keep_free: u64) -> Self {
        Self { dir: Arc::new(dir), keep_free }
    }

    /// How much there is.
    ///
    /// # Errors
    /// When the disk does not say.
    pub fn room(&self) -> io::Result<Room> {
        let found = rustix::fs::statvfs(&**self.dir)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Room { free: bytes(found.f_bavail), total: bytes(found.f_blocks), keep_free: self.keep_free })
    }

    /// Whether `wanted` more bytes may be written. A disk that does not say is not full.
    ///
    /// # Errors
    /// When they may not.
    pub fn check(&self, wanted: u64) -> Result<(), Lacks> {
        match self.room() {
            Ok(room) if room.free < room.keep_free.saturating_add(wanted) => Err(Lacks { room, wanted }),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

impl std::error::Error for Lacks {}

impl fmt::Display for Lacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Room { free, keep_free, .. } = self.room;
        let size = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
        write!(
            f,
            "This node's disk has {} left, and {} stay free (keep_free_mb). ",
            size(free),
            size(keep_free)
        )?;
        if self.wanted > 0 {
            write!(f, "{} more are wanted. ", size(self.wanted))?;
        }
        write!(f, "Make room; it goes on by itself.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_free_is_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let room = Space::new(dir.path().to_owned(), 0).room().unwrap();
        assert!(room.free > 0 && room.free <= room.total);
        let space = |keep_free| Space::new(dir.path().to_owned(), keep_free);
        assert!(space(0).check(1).is_ok());
        assert!(space(room.total).check(0).is_err());
        let said = space(0).check(room.total + 1).unwrap_err().to_string();
        assert!(said.contains("GB more are wanted"), "{said}");
        assert!(space(0).check(u64::MAX).is_err());
        assert!(Space::new("/nonexistent".into(), u64::MAX).check(1).is_ok());
    }
}
