//! Every bound on what a stranger can make us hold, each with its reason.

/// One blob. The largest is a segment of a copied rung: 10 s of a 40 Mbit/s source is 50 MB.
pub const BLOB_BYTES: usize = 64 << 20;
/// One chunk of an original: small enough to resume cheaply, large enough that 10 GB are 2,560 links.
pub const CHUNK_BYTES: usize = 4 << 20;
/// A manifest: 24 h at 4 s with five renditions is 108,000 segments of about 45 bytes, 4.9 MB.
pub const MANIFEST_BYTES: usize = 16 << 20;
/// A feed entry: fixed fields and one 32-character kind; 320 bytes seen.
pub const ENTRY_BYTES: usize = 1 << 10;
/// The body of a feed entry: a description stays in the manifest, so the largest is a long URL.
pub const BODY_BYTES: usize = 64 << 10;
/// A group's genesis: a name and fixed fields.
pub const GENESIS_BYTES: usize = 1 << 10;
/// A URL: browsers stop at about 2,000 characters, search pages of some sites come near.
pub const URL_BYTES: usize = 4 << 10;
/// The site half of a video id: yt-dlp's longest extractor key is under 40.
pub const EXTRACTOR_BYTES: usize = 64;
/// The id half of a video id: generic ids are 64 hex digits, file names of some sites are longer.
pub const SITE_ID_BYTES: usize = 256;
/// The name of an entry's kind.
pub const KIND_BYTES: usize = 32;
/// Names of people, nodes, groups and tags on sites that allow whole sentences.
pub const NAME_BYTES: usize = 512;
/// Videos that one listing may add; a larger source is listed in several passes.
pub const LISTING_ITEMS: usize = 5_000;
