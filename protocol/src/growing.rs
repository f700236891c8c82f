//! A capture in the making: what its maker says of it until there is a manifest.
//!
//! Each record tells of the segments since an earlier one, so that it is small enough for gossip; who missed
//! some asks for the records from where they are. Nothing here is kept for long: the manifest replaces it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    codec::{self, Cid, Codec, CodecError},
    group::GroupId,
    id::{NodeId, VideoId},
    limits,
    manifest::{Rendition, Segment},
    sign::{BadSignature, Signable, Signed, Verified},
    summary::Summary,
    time::Timestamp,
};

/// What became of a capture since an earlier record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Growing {
    /// Version of this form, 1.
    pub v: u8,
    /// Who makes it.
    pub node: NodeId,
    /// The group that it is for.
    pub group: GroupId,
    /// The capture.
    pub capture: Cid,
    /// What is captured.
    pub video: VideoId,
    /// From where.
    pub source_url: String,
    /// What is known of the video.
    pub summary: Summary,
    /// Which try: after a crash a capture may begin anew. A later one replaces the earlier.
    pub run: Timestamp,
    /// When this was said. Of two records the later one is news.
    pub at: Timestamp,
    /// How far the capture is, in thousandths.
    pub permille: u16,
    /// The renditions that have something to play.
    pub rungs: Vec<Grown>,
}

/// A rendition in the making.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grown {
    /// Init segment and description; its list of segments is empty.
    pub head: Rendition,
    /// Place of the first of `segments`, from 0.
    pub from: u32,
    /// Segments from there on.
    pub segments: Vec<Segment>,
}

impl Signable for Growing {
    const PURPOSE: &'static str = "horahora/growing/1";

    fn signer(&self) -> NodeId {
        self.node
    }
}

/// Why a record was refused.
#[derive(Debug, Error)]
pub enum GrowingError {
    /// Unreadable, too large or not canonical.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Forged.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// A part of it is out of bounds.
    #[error("the record's {0} is not allowed")]
    Field(&'static str),
}

impl Growing {
    /// Reads and checks a record.
    ///
    /// # Errors
    /// See [`GrowingError`].
    pub fn decode(block: &[u8]) -> Result<Verified<Self>, GrowingError> {
        let signed: Signed<Self> = codec::decode(block, limits::GROWING_BYTES)?;
        let record = signed.verify()?;
        record.check()?;
        Ok(record)
    }

    fn check(&self) -> Result<(), GrowingError> {
        use GrowingError::Field;
        if self.v != 1 {
            return Err(Field("version"));
        }
        if self.permille > 1000 {
            return Err(Field("progress"));
        }
        if self.source_url.len() > limits::URL_BYTES || !self.summary.is_bounded() {
            return Err(Field("description"));
        }
        if self.rungs.len() > limits::RUNGS {
            return Err(Field("number of renditions"));
        }
        let blob = |cid: &Cid, bytes: u64| cid.codec() == Codec::Raw && bytes <= limits::BLOB_BYTES as u64;
        for Grown { head, from, segments } in &self.rungs {
            let last = u64::from(*from) + segments.len() as u64;
            let fits = head.segments.is_empty()
                && blob(&head.init.cid, head.init.bytes)
                && segments.iter().all(|s| blob(&s.cid, s.bytes) && s.duration <= u64::from(u32::MAX))
                && last <= limits::SEGMENTS as u64
                && head.is_plain();
            if !fits {
                return Err(Field("rendition"));
            }
        }
        Ok(())
    }
}

impl Grown {
    /// Whether it tells of segments beyond those that somebody has.
    #[must_use]
    pub fn beyond(&self, have: &std::collections::BTreeMap<String, u32>) -> bool {
        let known = have.get(&self.head.id).copied().unwrap_or(0);
        let end = u64::from(self.from) + self.segments.len() as u64;
        !self.segments.is_empty() && end > u64::from(known)
    }
}
