//! Why something with an upload is not done.

use std::io;

use thiserror::Error;

use super::LARGEST;
use crate::{space::Lacks, store::StoreError};

/// Why something with an upload is not done.
#[derive(Debug, Error)]
pub enum UploadError {
    /// Nobody of this rank may.
    #[error("This node takes uploads from {0} only.")]
    Closed(&'static str),
    /// The file is none that can be played.
    #[error(
        "A file named like this is neither video nor sound. Its name must end as .mp4, .mkv, .webm, .mov, .mp3 and the like do."
    )]
    Kind,
    /// Too large.
    #[error("A file may have at most {} GiB here.", LARGEST >> 30)]
    Large,
    /// Too many at once.
    #[error("You have as many unfinished uploads as you may. Finish or remove one of them first.")]
    Many,
    /// The disk is full.
    #[error("{0}")]
    Full(#[from] Lacks),
    /// There is no such upload, or it is somebody else's.
    #[error("There is no such upload. What nobody goes on with is removed after 7 days.")]
    Unknown,
    /// The next byte is another one.
    #[error("The next byte is number {0}.")]
    Offset(u64),
    /// A piece of it is coming already.
    #[error("A piece of this file is coming already. Try again in a moment.")]
    Busy,
    /// Its sender went away; what came is kept.
    #[error("The connection broke; {0} bytes are here. Go on from there.")]
    Cut(u64),
    /// What is said of it cannot be.
    #[error("{0}")]
    Words(String),
    /// The picture is none.
    #[error("The thumbnail must be a JPEG, PNG or WebP picture of at most 8 MiB and 8,192 points a side.")]
    Picture,
    /// What it is to become is decided already.
    #[error("This was decided already.")]
    Settled,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk failed.
    #[error("the disk failed: {0}")]
    Io(#[from] io::Error),
}
