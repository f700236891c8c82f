//! Keys of the tables, byte by byte.

use horahora_protocol::{
    Cid, NodeId, Timestamp, VideoId, approval::Subject, feed::FeedId, group::GroupId, moderation::Target,
};

use super::JobRow;

/// Sorts newest first.
#[must_use]
pub fn age(at: Timestamp) -> [u8; 8] {
    (u64::MAX - at.0).to_be_bytes()
}

/// Key of a request or a video among those of its age.
#[must_use]
pub fn aged_key(at: Timestamp, id: &[u8]) -> Vec<u8> {
    [&age(at), id].concat()
}

/// What the keys of a creator in [`CREATORS`] and [`CREATOR_NAMES`] start with. Sites have no NUL in their names and ids.
#[must_use]
pub fn creator_key(site: &str, id: &str) -> Vec<u8> {
    [site.as_bytes(), b"\0", id.as_bytes(), b"\0"].concat()
}

/// Key of a video in [`CREATORS`].
#[must_use]
pub fn creator_video_key(site: &str, id: &str, added: Timestamp, video: &VideoId) -> Vec<u8> {
    [creator_key(site, id), aged_key(added, video.as_str().as_bytes())].concat()
}

/// Key of a verdict: of one group those of videos first, then those of creators, then those of tags.
#[must_use]
pub fn subject_key(group: &GroupId, subject: &Subject) -> Vec<u8> {
    let (kind, text) = match subject {
        Subject::Video(id) => (0, id.as_str().as_bytes().to_vec()),
        Subject::Creator { site, id } => (1, creator_key(site, id)),
        Subject::Tag(tag) => (2, tag.as_bytes().to_vec()),
    };
    [group.to_bytes().as_slice(), &[kind], &text].concat()
}

/// Key in [`LOOKS`]: what is due first comes first.
#[must_use]
pub fn due_key(at: Timestamp, capture: &Cid) -> Vec<u8> {
    [at.0.to_be_bytes().as_slice(), &capture.to_bytes()].concat()
}

/// When the capture under a key in [`LOOKS`] is due, and which it is.
#[must_use]
pub fn due_of(key: &[u8]) -> Option<(Timestamp, Cid)> {
    let (at, capture) = key.split_first_chunk()?;
    Some((Timestamp(u64::from_be_bytes(*at)), Cid::from_bytes(capture).ok()?))
}

/// Key in [`OPEN_JOBS`]: each kind for itself, oldest first.
#[must_use]
pub fn open_job_key(job: &JobRow) -> Vec<u8> {
    [&[job.key.lane()], job.created.0.to_be_bytes().as_slice(), job.key.text().as_bytes()].concat()
}

/// Key of a feed, and what the keys of its entries in [`ENTRIES`] start with.
#[must_use]
pub fn feed_key(feed: &FeedId) -> Vec<u8> {
    [feed.group.to_bytes().as_slice(), feed.node.public_key(), &feed.incarnation.to_be_bytes()].concat()
}

/// Group and entry under a key in [`ENTRIES`], [`CHANGES`] or [`FORKS`].
#[must_use]
pub fn entry_of(key: &[u8]) -> Option<(FeedId, u64)> {
    let (feed, seq) = key.split_last_chunk()?;
    Some((feed_of(feed)?, u64::from_be_bytes(*seq)))
}

/// The feed under a key in [`FEEDS`].
#[must_use]
pub fn feed_of(key: &[u8]) -> Option<FeedId> {
    let (group, rest) = key.split_at_checked(36)?;
    let (node, incarnation) = rest.split_at_checked(32)?;
    Some(FeedId {
        group: Cid::from_bytes(group).ok()?,
        node: NodeId::from_public_key(node.try_into().ok()?),
        incarnation: u64::from_be_bytes(incarnation.try_into().ok()?),
    })
}

/// Key in [`ENTRIES`].
#[must_use]
pub fn entry_key(feed: &FeedId, seq: u64) -> Vec<u8> {
    [feed_key(feed).as_slice(), &seq.to_be_bytes()].concat()
}

/// Key in [`SEGMENTS`]: the head of a rung, or its segment `n`.
#[must_use]
pub fn segment_key(capture: &Cid, rung: &str, n: Option<u32>) -> Vec<u8> {
    let mut key = rung_prefix(capture, rung);
    if let Some(n) = n {
        key.extend(n.to_be_bytes());
    }
    key
}

/// What all keys of a rung in [`SEGMENTS`] start with.
#[must_use]
pub fn rung_prefix(capture: &Cid, rung: &str) -> Vec<u8> {
    [capture.to_bytes().as_slice(), rung.as_bytes(), &[0]].concat()
}

/// Key in [`super::TOLD`].
#[must_use]
pub fn told_key(capture: &Cid, manifest: &Cid) -> Vec<u8> {
    [capture.to_bytes(), manifest.to_bytes()].concat()
}

/// Key in [`super::REQUEST_VIDEOS`].
#[must_use]
pub fn request_video_key(request: &Cid, number: u64) -> Vec<u8> {
    [request.to_bytes().as_slice(), &number.to_be_bytes()].concat()
}

/// Key in [`SESSIONS`].
#[must_use]
pub fn session_key(cookie: &str) -> Vec<u8> {
    [b"session/".as_slice(), blake3::hash(cookie.as_bytes()).as_bytes()].concat()
}

/// Key in [`super::CLAIMS`].
#[must_use]
pub fn claim_key(group: &horahora_protocol::group::GroupId, job: &str) -> Vec<u8> {
    [group.to_bytes().as_slice(), job.as_bytes()].concat()
}

/// Prefix in [`super::SAID`] of a video's words of one kind: 0 for comments, 1 for danmaku.
#[must_use]
pub fn said_prefix(video: &VideoId, kind: u8) -> Vec<u8> {
    [video.as_str().as_bytes(), &[0, kind]].concat()
}

/// Key in [`super::SAID`]; `place` orders words of a kind.
#[must_use]
pub fn said_key(video: &VideoId, kind: u8, place: u64, act: &Cid) -> Vec<u8> {
    [said_prefix(video, kind).as_slice(), &place.to_be_bytes(), &act.to_bytes()].concat()
}

/// Key in [`super::MEASURES`].
#[must_use]
pub fn measure_key(target: &Target, node: &NodeId) -> Vec<u8> {
    [target.address().to_bytes().as_slice(), node.public_key().as_slice()].concat()
}

/// Key in [`super::VOTES`].
#[must_use]
pub fn vote_key(video: &VideoId, person: &NodeId) -> Vec<u8> {
    [video.as_str().as_bytes(), &[0], person.public_key().as_slice()].concat()
}

/// Key in [`super::ERASED`].
#[must_use]
pub fn erased_key(act: &Cid, by: &[u8]) -> Vec<u8> {
    [act.to_bytes().as_slice(), by].concat()
}
