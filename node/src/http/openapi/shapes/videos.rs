//! What is answered of videos.

use std::collections::BTreeMap;

use utoipa::ToSchema;

use super::requests::{Job, State};

/// What was found.
#[derive(ToSchema)]
pub(in crate::http) struct Found {
    /// The videos of this page.
    items: Vec<Video>,
    /// How many there are.
    total: u64,
    /// How many of each site.
    sites: BTreeMap<String, u64>,
    /// How many of each length: `short`, `middle`, `long`.
    lengths: BTreeMap<String, u64>,
}

/// A video.
#[derive(ToSchema)]
pub(in crate::http) struct Video {
    /// `<site>:<id>`.
    id: String,
    /// Its title.
    title: String,
    /// Who made it.
    creator: Option<String>,
    /// What the site calls them.
    creator_id: Option<String>,
    /// Seconds; 0 until known.
    duration_s: f64,
    /// CID of the latest manifest; null until every byte of it is at its maker.
    manifest: Option<String>,
    /// The capture that can be followed while it is made.
    live: Option<String>,
    /// Where it stands.
    state: State,
    /// Why; `docs/API.md` lists the codes.
    code: Option<String>,
    /// The same in words.
    reason: Option<String>,
    /// 0 to 1.
    progress: f64,
    /// What this node has of it: `whole`, `part` or `none`.
    held: String,
    /// Ids of the groups that it is archived in.
    groups: Vec<String>,
    /// Where the source is.
    url: String,
    /// When this node heard of it, in milliseconds.
    added_at: u64,
    /// When the site published it.
    published_at: Option<u64>,
    /// Since when the origin has it no more.
    gone_at: Option<u64>,
    /// Path of a JPEG.
    poster: Option<String>,
}

/// What more is told of one video.
#[derive(ToSchema)]
pub(in crate::http) struct VideoMore {
    /// The first is the one shown.
    captures: Vec<CaptureInfo>,
    /// What can be played.
    renditions: Vec<Rendition>,
    /// Who has it, as far as they say.
    holders: Vec<Holder>,
    /// The job that keeps it here.
    kept: Option<Job>,
    /// What the site says of it; only with a manifest, as all that follows.
    description: String,
    /// The site's tags.
    tags: Vec<String>,
    /// Size of the original.
    original_bytes: u64,
    /// Names of the tracks, in the order of their numbers.
    subtitles: Vec<String>,
    /// The same of danmaku.
    danmaku: Vec<String>,
    /// Its parts.
    chapters: Vec<Chapter>,
    /// The preview pictures.
    storyboard: Option<Board>,
    /// When the site said something else later.
    looks: Vec<Look>,
}

/// A capture.
#[derive(ToSchema)]
pub(in crate::http) struct CaptureInfo {
    /// Its id.
    id: String,
    /// The node that made it.
    node: String,
    /// When it began, in milliseconds.
    started_at: u64,
    /// When the download was complete.
    fetched_at: Option<u64>,
    /// Versions of the tools that made it.
    tools: Option<BTreeMap<String, String>>,
    /// The manifest that it is a copy of.
    adopted: Option<String>,
    /// CIDs of manifests, oldest first.
    revisions: Vec<String>,
}

/// A rendition.
#[derive(ToSchema)]
pub(in crate::http) struct Rendition {
    /// Its name.
    id: String,
    /// `video` or `audio`.
    kind: String,
    /// As in RFC 6381.
    codecs: String,
    /// Pixels.
    width: u64,
    /// Pixels.
    height: u64,
    /// Channels of a sound.
    channels: u64,
    /// Its language.
    lang: Option<String>,
    /// What people see it called.
    name: Option<String>,
    /// How much of its end is missing.
    missing_ms: u64,
    /// Bits a second.
    bandwidth: u64,
    /// Its size.
    bytes: u64,
    /// How many there are.
    segments: u64,
    /// How loud a sound is.
    loudness: Option<Loudness>,
    /// How it was made.
    recipe: Option<Recipe>,
}

/// How loud a sound is.
#[derive(ToSchema)]
pub(in crate::http) struct Loudness {
    /// Integrated loudness, EBU R 128.
    lufs: f64,
    /// True peak.
    peak_db: f64,
}

/// How a rendition was made.
#[derive(ToSchema)]
pub(in crate::http) struct Recipe {
    /// Tool and version.
    tool: String,
    /// Its arguments.
    args: Vec<String>,
}

/// A node that has something of a video.
#[derive(ToSchema)]
pub(in crate::http) struct Holder {
    /// Its id.
    node: String,
    /// Its name.
    name: String,
    /// `whole` or `part`.
    held: String,
    /// Blobs that it has.
    blobs: u64,
    /// Blobs that there are.
    of_blobs: u64,
}

/// A part of a video with a name.
#[derive(ToSchema)]
pub(in crate::http) struct Chapter {
    /// Where it begins.
    at_ms: u64,
    /// Its name.
    title: String,
}

/// Preview pictures.
#[derive(ToSchema)]
pub(in crate::http) struct Board {
    /// Pixels of one picture.
    width: u64,
    /// The same.
    height: u64,
    /// Pictures beside each other on a sheet.
    columns: u64,
    /// Pictures below each other.
    rows: u64,
    /// How far they are from each other.
    every_ms: u64,
    /// How many there are.
    pictures: u64,
    /// On how many sheets.
    sheets: u64,
}

/// A later look at the origin.
#[derive(ToSchema)]
pub(in crate::http) struct Look {
    /// When, in milliseconds.
    at: u64,
    /// CID of the site's metadata then.
    info: Option<String>,
    /// Number of new danmaku tracks.
    danmaku: u64,
}

/// A creator and what is archived of them.
#[derive(ToSchema)]
pub(in crate::http) struct Creator {
    /// The site.
    site: String,
    /// The site's id of them.
    id: String,
    /// The name heard last.
    name: Option<String>,
    /// All of them, the latest first.
    names: Vec<Name>,
    /// Their page there.
    url: Option<String>,
    /// Their videos.
    items: Vec<Video>,
    /// What to give as `after` for the next page.
    next: Option<String>,
}

/// A name.
#[derive(ToSchema)]
pub(in crate::http) struct Name {
    /// It.
    name: String,
    /// When it was heard first, in milliseconds.
    since: u64,
}

/// How a watch page is embedded elsewhere (oEmbed 1.0).
#[derive(ToSchema)]
pub(in crate::http) struct Embedded {
    /// `1.0`.
    version: String,
    /// `video`.
    r#type: String,
    /// The video's title.
    title: String,
    /// Who made it.
    author_name: Option<String>,
    /// This node.
    provider_name: String,
    /// Its address.
    provider_url: String,
    /// The poster's address.
    thumbnail_url: Option<String>,
    /// Pixels.
    width: u32,
    /// Pixels.
    height: u32,
    /// A frame with the player.
    html: String,
}
