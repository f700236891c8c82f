//! What a list of videos shows of one: small enough to travel in a feed, so that a catalogue needs no manifests.

use serde::{Deserialize, Serialize};

use crate::{
    limits,
    manifest::{Blob, Creator, Manifest, MediaKind},
    time::Timestamp,
};

/// The outside of a captured video.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Title, at most [`limits::NAME_BYTES`]; longer ones are cut.
    pub title: String,
    /// Who made it.
    pub creator: Option<Creator>,
    /// The first [`limits::TAGS`] tags.
    pub tags: Vec<String>,
    /// When the site published it.
    pub published_at: Option<Timestamp>,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Whether it has no picture.
    pub audio_only: bool,
    /// The poster's JPEG, when it is one blob.
    pub poster: Option<Blob>,
    /// Sum of all blobs of the manifest, 0 while it grows.
    pub bytes: u64,
    /// Height of the tallest rendition in pixels, none without a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Highest bit rate of the renditions of that height, of sound if there is no picture, in bits a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_rate: Option<u64>,
}

impl Summary {
    /// The summary of a manifest, complete or in the making.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        let meta = &manifest.meta;
        let short = |text: &String| cut(text, limits::NAME_BYTES);
        let creator = meta.creator.as_ref().map(|creator| Creator {
            name: short(&creator.name),
            id: creator.id.as_ref().map(short),
            url: creator.url.clone().filter(|url| url.len() <= limits::URL_BYTES),
        });
        let has = |kind| manifest.renditions.iter().any(|rendition| rendition.kind == kind);
        let best = manifest.renditions.iter().map(|rendition| (rendition.height, rendition.bandwidth)).max();
        Self {
            title: short(&meta.title),
            creator,
            tags: meta.tags.iter().take(limits::TAGS).map(short).collect(),
            published_at: meta.published_at,
            duration_ms: meta.duration_ms,
            audio_only: has(MediaKind::Audio) && !has(MediaKind::Video),
            poster: manifest.poster.as_ref().and_then(|file| match file.chunks.as_slice() {
                [only] => Some(*only),
                _ => None,
            }),
            bytes: manifest.blobs().iter().map(|blob| blob.bytes).sum(),
            height: best.map(|(height, _)| height).filter(|height| *height > 0),
            bit_rate: best.map(|(_, bandwidth)| bandwidth),
        }
    }

    /// Whether every part is within its bounds.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        let name = |text: &String| text.len() <= limits::NAME_BYTES;
        name(&self.title)
            && self.tags.len() <= limits::TAGS
            && self.tags.iter().all(name)
            && self.poster.is_none_or(|poster| poster.bytes <= limits::CHUNK_BYTES as u64)
            && self.creator.as_ref().is_none_or(Creator::is_bounded)
    }
}

/// At most `bytes` of a text, whole characters.
fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}
