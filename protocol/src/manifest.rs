//! The manifest: the root object of a capture. It links every byte of it and says how large each is.
//!
//! No host name and no address of ours inside: a manifest is complete by itself. Immutable; a later
//! revision (a new rung) links the one before.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    codec::{self, Cid, Codec, CodecError},
    id::VideoId,
    limits,
    time::Timestamp,
};

/// Everything about one capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this form, 1.
    pub v: u8,
    /// The capture: the address of its start record.
    pub capture: Cid,
    /// The revision before this one.
    pub previous: Option<Cid>,
    /// What was captured.
    pub video: VideoId,
    /// From where.
    pub source_url: String,
    /// When the download was complete.
    pub fetched_at: Timestamp,
    /// Tool name to version.
    pub tools: BTreeMap<String, String>,
    /// What the site says about the video.
    pub meta: Meta,
    /// The site's own files as downloaded, unmerged.
    pub original: Vec<File>,
    /// The site's metadata as the tool wrote it (JSON).
    pub info: Option<File>,
    /// The site's own thumbnail.
    pub thumbnail: Option<File>,
    /// A JPEG made from the thumbnail or the picture, at most 1280 wide.
    pub poster: Option<File>,
    /// Subtitles.
    pub subtitles: Vec<TextTrack>,
    /// Comments drawn over the picture (danmaku), as the site gave them.
    pub danmaku: Vec<TextTrack>,
    /// What a player plays, best picture first, then sound.
    pub renditions: Vec<Rendition>,
    /// The manifest that this is a copy of: its files came from another node, not from the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Cid>,
    /// Parts of the video by name, in order; at most [`limits::CHAPTERS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chapters: Vec<Chapter>,
    /// Small pictures of the whole video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storyboard: Option<Storyboard>,
    /// What the site said later, oldest first; at most [`limits::LOOKS`]. `meta` is as the last one found it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<Look>,
}

/// A part of a video with a name. It ends where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// Where it begins, in milliseconds.
    pub at_ms: u64,
    /// Its name, at most [`limits::NAME_BYTES`].
    pub title: String,
}

/// Small pictures of a video at even distances, the first one at its beginning. They stand in sheets of JPEG, row by row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storyboard {
    /// Width of one picture in pixels.
    pub width: u32,
    /// Height of one picture in pixels.
    pub height: u32,
    /// Pictures in a row of a sheet.
    pub columns: u32,
    /// Rows of a sheet.
    pub rows: u32,
    /// From one picture to the next, in milliseconds.
    pub every_ms: u64,
    /// How many pictures there are; the last sheet may have room for more.
    pub pictures: u32,
    /// The sheets in order.
    pub sheets: Vec<Blob>,
}

/// A later look at the site: what it says about the video then. Picture and sound stay those of the capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// When.
    pub at: Timestamp,
    /// The site's metadata as the tool wrote it (JSON).
    pub info: Option<File>,
    /// Comments drawn over the picture (danmaku), as the site gave them.
    pub danmaku: Vec<TextTrack>,
}

/// What the site says about the video.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// Title.
    pub title: String,
    /// Who made it.
    pub creator: Option<Creator>,
    /// Description, plain text.
    pub description: String,
    /// Tags in the site's order.
    pub tags: Vec<String>,
    /// When the site published it.
    pub published_at: Option<Timestamp>,
    /// Length in milliseconds, as measured in the original.
    pub duration_ms: u64,
}

/// Who made a video, on the origin site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Creator {
    /// Name.
    pub name: String,
    /// The site's id for them.
    pub id: Option<String>,
    /// Their page there.
    pub url: Option<String>,
}

impl Creator {
    pub(crate) fn is_bounded(&self) -> bool {
        let name = |text: &String| text.len() <= limits::NAME_BYTES;
        name(&self.name)
            && self.id.as_ref().is_none_or(name)
            && self.url.as_ref().is_none_or(|url| url.len() <= limits::URL_BYTES)
    }
}

/// A file as a list of raw blobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// File name to offer on download; no folder in it.
    pub name: String,
    /// Media type, for example `video/mp4`.
    pub media_type: String,
    /// Sum of the chunks.
    pub bytes: u64,
    /// The chunks in order, each at most [`limits::CHUNK_BYTES`].
    pub chunks: Vec<Blob>,
}

/// A blob and its size. On the wire `[cid, bytes]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "(Cid, u64)", from = "(Cid, u64)")]
pub struct Blob {
    /// Address.
    pub cid: Cid,
    /// Size in bytes.
    pub bytes: u64,
}

/// A text track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextTrack {
    /// Language tag (BCP 47) or the site's name of the track.
    pub lang: String,
    /// `vtt`, `srt`, `ass`, `json` (niconico comments), `xml` (bilibili danmaku), …
    pub format: String,
    /// The track.
    pub file: File,
}

/// Picture or sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// Picture.
    Video,
    /// Sound.
    Audio,
}

/// One playable form: CMAF init and segments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rendition {
    /// Name within the manifest: `v720`, `a0`.
    pub id: String,
    /// Picture or sound.
    pub kind: MediaKind,
    /// How it was made.
    pub recipe: Recipe,
    /// RFC 6381 codec string, for example `avc1.64001f`.
    pub codecs: String,
    /// Width in pixels, 0 for sound.
    pub width: u32,
    /// Height in pixels, 0 for sound.
    pub height: u32,
    /// Frames a second as a fraction `[n, d]`, `[0, 1]` for sound.
    pub frame_rate: (u32, u32),
    /// Samples a second, 0 for picture.
    pub sample_rate: u32,
    /// Channels, 0 for picture.
    pub channels: u32,
    /// Language of a sound (BCP 47), where the source tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// The source's name of a sound, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How loud a sound is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loudness: Option<Loudness>,
    /// Bits a second of the heaviest segment, as DASH's `@bandwidth` wants it.
    pub bandwidth: u64,
    /// Sum of init and segments.
    pub bytes: u64,
    /// Ticks a second of `start` and the durations.
    pub timescale: u32,
    /// Time of the first segment in ticks.
    pub start: u64,
    /// Milliseconds at its end that could not be read: the source is damaged.
    #[serde(default, skip_serializing_if = "is_none")]
    pub missing_ms: u64,
    /// The init segment (`ftyp`, `moov`).
    pub init: Blob,
    /// The media segments in order.
    pub segments: Vec<Segment>,
}

/// How loud a sound is, for players that play all equally loud. Source: ITU-R BS.1770-5, EBU R 128.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loudness {
    /// Of the whole, in hundredths of LUFS: -2300 is -23 LUFS.
    pub integrated: i32,
    /// The true peak, in hundredths of dBTP.
    pub peak: i32,
}

/// How a rendition was made; with the same tool and input it gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Tool and version, for example `ffmpeg 9.0.2`.
    pub tool: String,
    /// Arguments; the input is `SRC`.
    pub args: Vec<String>,
}

/// A media segment. On the wire `[cid, bytes, duration]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "(Cid, u64, u64)", from = "(Cid, u64, u64)")]
pub struct Segment {
    /// Address.
    pub cid: Cid,
    /// Size in bytes.
    pub bytes: u64,
    /// Duration in ticks of the rendition's timescale.
    pub duration: u64,
}

impl From<(Cid, u64)> for Blob {
    fn from((cid, bytes): (Cid, u64)) -> Self {
        Self { cid, bytes }
    }
}

impl From<Blob> for (Cid, u64) {
    fn from(blob: Blob) -> Self {
        (blob.cid, blob.bytes)
    }
}

impl From<(Cid, u64, u64)> for Segment {
    fn from((cid, bytes, duration): (Cid, u64, u64)) -> Self {
        Self { cid, bytes, duration }
    }
}

impl From<Segment> for (Cid, u64, u64) {
    fn from(segment: Segment) -> Self {
        (segment.cid, segment.bytes, segment.duration)
    }
}

/// Why a manifest was refused.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// Unreadable, too large or not canonical.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Its own parts contradict each other.
    #[error("the manifest contradicts itself: {0}")]
    Contradiction(&'static str),
}

impl Manifest {
    /// Reads and checks a manifest's block.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub fn decode(block: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = codec::decode(block, limits::MANIFEST_BYTES)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Every blob that belongs to it, with its size; each once.
    #[must_use]
    pub fn blobs(&self) -> Vec<Blob> {
        let mut seen = BTreeSet::new();
        self.every_blob().filter(|blob| seen.insert(blob.cid)).collect()
    }

    /// Every mention of a blob.
    fn every_blob(&self) -> impl Iterator<Item = Blob> {
        let files = self.files().flat_map(|file| file.chunks.iter().copied());
        let sheets = self.storyboard.iter().flat_map(|board| board.sheets.iter().copied());
        files.chain(sheets).chain(self.renditions.iter().flat_map(Rendition::blobs))
    }

    fn files(&self) -> impl Iterator<Item = &File> {
        let texts = self.subtitles.iter().chain(&self.danmaku).map(|track| &track.file);
        let later = self
            .looks
            .iter()
            .flat_map(|look| look.info.iter().chain(look.danmaku.iter().map(|track| &track.file)));
        let first = self.original.iter().chain(&self.info).chain(&self.thumbnail).chain(&self.poster);
        first.chain(texts).chain(later)
    }

    /// All danmaku, each track with when it was fetched: those of the capture first, then those of later looks.
    pub fn all_danmaku(&self) -> impl Iterator<Item = (Timestamp, &TextTrack)> {
        let first = self.danmaku.iter().map(|track| (self.fetched_at, track));
        first.chain(self.looks.iter().flat_map(|look| look.danmaku.iter().map(|track| (look.at, track))))
    }

    /// The site's metadata as it was found last.
    #[must_use]
    pub fn last_info(&self) -> Option<&File> {
        self.looks.iter().rev().find_map(|look| look.info.as_ref()).or(self.info.as_ref())
    }

    fn check(&self) -> Result<(), ManifestError> {
        use ManifestError::Contradiction;
        if self.v != 1 {
            return Err(Contradiction("unknown version"));
        }
        if self.looks.len() > limits::LOOKS {
            return Err(Contradiction("too many looks at the site"));
        }
        let named = |chapter: &Chapter| chapter.title.len() <= limits::NAME_BYTES;
        if self.chapters.len() > limits::CHAPTERS || !self.chapters.iter().all(named) {
            return Err(Contradiction("it has too many chapters, or one with too long a name"));
        }
        if !self.storyboard.as_ref().is_none_or(Storyboard::is_whole) {
            return Err(Contradiction("its storyboard has not the sheets that its pictures need"));
        }
        let mut sizes = BTreeMap::new();
        for blob in self.every_blob() {
            blob.check()?;
            if *sizes.entry(blob.cid).or_insert(blob.bytes) != blob.bytes {
                return Err(Contradiction("a blob has two sizes"));
            }
        }
        for file in self.files() {
            if file.chunks.iter().any(|chunk| chunk.bytes > limits::CHUNK_BYTES as u64) {
                return Err(Contradiction("a chunk of a file is too large"));
            }
            if file.chunks.iter().map(|chunk| chunk.bytes).sum::<u64>() != file.bytes {
                return Err(Contradiction("a file is not the sum of its chunks"));
            }
            if matches!(file.name.as_str(), "" | "." | "..") || file.name.contains(['/', '\\', '\0']) {
                return Err(Contradiction("a file name is empty or names a folder"));
            }
        }
        let mut names = BTreeSet::new();
        for rendition in &self.renditions {
            rendition.check()?;
            if !names.insert(&rendition.id) {
                return Err(Contradiction("a rendition's name is there twice"));
            }
        }
        Ok(())
    }
}

impl Storyboard {
    /// Whether its numbers make sense: none is 0, and its pictures need just its sheets.
    fn is_whole(&self) -> bool {
        let sizes = [self.width, self.height, self.columns, self.rows, self.pictures];
        let sheet = u64::from(self.columns) * u64::from(self.rows);
        sizes.iter().all(|size| (1..=limits::SHEET_PIXELS).contains(size))
            && self.every_ms > 0
            && u64::from(self.pictures).div_ceil(sheet) == self.sheets.len() as u64
    }

    /// Where the picture of a time is: the sheet's number, and its column and row there.
    #[must_use]
    pub fn find(&self, at_ms: u64) -> (usize, u32, u32) {
        let last = u64::from(self.pictures.saturating_sub(1));
        let picture = u32::try_from((at_ms / self.every_ms.max(1)).min(last)).unwrap_or(u32::MAX);
        let (columns, sheet) = (self.columns.max(1), (self.columns * self.rows).max(1));
        ((picture / sheet) as usize, picture % sheet % columns, picture % sheet / columns)
    }
}

impl Blob {
    fn check(self) -> Result<(), ManifestError> {
        if self.bytes > limits::BLOB_BYTES as u64 || self.cid.codec() != Codec::Raw {
            return Err(ManifestError::Contradiction("a blob is too large or is no raw blob"));
        }
        Ok(())
    }
}

impl Rendition {
    /// Reads and checks the block of a rendition that stands alone.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub fn decode(block: &[u8]) -> Result<Self, ManifestError> {
        let rendition: Self = codec::decode(block, limits::MANIFEST_BYTES)?;
        rendition.blobs().try_for_each(Blob::check)?;
        rendition.check()?;
        Ok(rendition)
    }

    /// Its init segment and its media segments.
    pub fn blobs(&self) -> impl Iterator<Item = Blob> {
        let segments = self.segments.iter().map(|s| Blob { cid: s.cid, bytes: s.bytes });
        std::iter::once(self.init).chain(segments)
    }

    fn check(&self) -> Result<(), ManifestError> {
        use ManifestError::Contradiction;
        let sum = self.init.bytes + self.segments.iter().map(|s| s.bytes).sum::<u64>();
        if sum != self.bytes {
            return Err(Contradiction("a rendition's sizes do not add up"));
        }
        if self.segments.iter().any(|s| s.duration > u64::from(u32::MAX)) {
            return Err(Contradiction("a segment is longer than its clock can count"));
        }
        if !self.is_plain() {
            return Err(Contradiction("a rendition's name or clock is not plain"));
        }
        Ok(())
    }

    /// Whether its name, its codec string, its language and its clock can be part of a path and of an XML text.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric();
        // These are folders of their own beside the renditions.
        !matches!(self.id.as_str(), "" | "original" | "subtitles" | "danmaku" | "storyboard")
            && self.id.len() <= 32
            && self.id.chars().all(plain)
            && !self.codecs.is_empty()
            && self.codecs.chars().all(|c| plain(c) || c == '.' || c == '-')
            && self.lang.as_ref().is_none_or(|lang| is_language(lang))
            && self.name.as_ref().is_none_or(|name| name.len() <= limits::NAME_BYTES)
            && self.timescale != 0
            && self.frame_rate.1 != 0
            // No clock of 2^62 ticks has ended yet; so sums of start and durations cannot overflow.
            && self.start <= 1 << 62
    }

    /// Length of its segments in ticks.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.segments.iter().map(|segment| segment.duration).sum()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what is skipped by reference")]
fn is_none(missing_ms: &u64) -> bool {
    *missing_ms == 0
}

/// Whether a text has the shape of a language tag. Source: BCP 47 (RFC 5646), without its registry.
#[must_use]
pub fn is_language(text: &str) -> bool {
    let part = |part: &str| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric());
    text.len() <= 35
        && text.split('-').all(part)
        && text.split('-').next().is_some_and(|first| first.chars().all(|c| c.is_ascii_alphabetic()))
}
