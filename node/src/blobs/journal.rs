//! Which blobs a piece of unfinished work has made: a text file in its folder, one CID a line.
//!
//! A line is there before its blob is, so after a crash nothing can have been made that is not listed.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex},
};

use horahora_protocol::Cid;

/// An open journal. Clones write the same file.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Mutex<fs::File>>);

impl Journal {
    /// Opens or makes the journal at `path`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = fs::OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Arc::new(Mutex::new(file))))
    }

    /// Notes that `cid` is about to appear. It survives the end of the process, not a power cut: a stray blob
    /// after a power cut wastes space and harms nothing.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn note(&self, cid: &Cid) -> io::Result<()> {
        let mut file = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(format!("{cid}\n").as_bytes())
    }
}

/// The blobs noted in the journal at `path`; a line cut off by a crash is left out, its blob never appeared.
#[must_use]
pub fn read(path: &Path) -> Vec<Cid> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}
