//! What a feed says: the entry, and the bodies of the kinds known here.
//!
//! The body is a block of its own that the entry links, so it can be erased without breaking the chain.
//! Entries of unknown kinds are kept and passed on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    approval::Verdict,
    codec::{self, Cid, CodecError},
    community::{Removal, Said, Views},
    group::{GroupChange, GroupId},
    id::{NodeId, VideoId},
    limits,
    manifest::Creator,
    moderation::Measure,
    request::RequestChange,
    sign::{Signable, Signed},
    summary::Summary,
    time::Timestamp,
};

/// One link of a feed's chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Version of this form, 1.
    pub v: u8,
    /// The group it speaks to.
    pub group: GroupId,
    /// Who speaks.
    pub node: NodeId,
    /// Which life of that node: a restored backup starts a new one.
    pub incarnation: u64,
    /// Place in the feed, from 0 without gaps.
    pub seq: u64,
    /// The signed entry before it; none for seq 0.
    pub previous: Option<Cid>,
    /// When the node says that it wrote this.
    pub at: Timestamp,
    /// What the body is: `profile`, `request`, `request-change`, `capture`, `group`, `listing`, `failure`,
    /// `confirmation`, `origin`, `verdict`, `rendition`, `said`, `removal`, `views`, `measure`, or a kind of a later version.
    pub kind: String,
    /// The body's block.
    pub body: Cid,
}

impl Signable for Entry {
    const PURPOSE: &'static str = "horahora/entry/1";

    fn signer(&self) -> NodeId {
        self.node
    }
}

/// What an entry says, of the kinds known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Who this node is.
    Profile(Profile),
    /// Someone wants a source archived.
    Request(Request),
    /// How a request is meant from now on.
    RequestChange(RequestChange),
    /// A video was captured, or a capture got a new manifest revision.
    Capture(Capture),
    /// The group changes.
    Group(GroupChange),
    /// What a request names, or a part of it.
    Listing(Listing),
    /// A job could not be done.
    Failure(Failure),
    /// A member looked at what another one captured.
    Confirmation(Confirmation),
    /// An archived video is gone at its origin, or there again.
    Origin(Origin),
    /// A member approved of something, or refused it.
    Verdict(Verdict),
    /// A member made a rendition of what another one captured.
    Rendition(Rendered),
    /// A person says something of a video.
    Said(Said),
    /// A moderator hides what a person said.
    Removal(Removal),
    /// How often videos were watched.
    Views(Views),
    /// A moderator of the writing node takes a measure.
    Measure(Measure),
}

/// Who a node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Version of this form, 1.
    pub v: u8,
    /// What people call the node.
    pub name: String,
    /// Program and version, for example `horahora/0.1.0`.
    pub software: String,
}

/// The wish that what a URL names be archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Version of this form, 1.
    pub v: u8,
    /// The source, as the person gave it.
    pub url: String,
    /// Whether new videos of the source are wanted later, too.
    pub follow: bool,
}

/// One fetch of one video by one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// Version of this form: 1 without a summary, 2 with one.
    pub v: u8,
    /// The capture: the address of its [`CaptureStart`].
    pub capture: Cid,
    /// What was captured.
    pub video: VideoId,
    /// From where.
    pub source_url: String,
    /// When the download was complete.
    pub fetched_at: Timestamp,
    /// Tool name to version, for example `yt-dlp` to `2026.10.26`.
    pub tools: BTreeMap<String, String>,
    /// The site's metadata as the tool wrote it, the first chunk of it.
    pub info: Option<Cid>,
    /// First chunk of each file of the original: equal lists mean equal originals.
    pub original: Vec<Cid>,
    /// The manifest of this revision.
    pub manifest: Cid,
    /// What a list of videos shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// Names of the renditions that are still to be made, by any member; at most [`limits::RENDITIONS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// A rendition of a capture, made by another member than who captured. That one looks at it and takes it into the next
/// revision of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rendered {
    /// Version of this form, 1.
    pub v: u8,
    /// The capture.
    pub capture: Cid,
    /// Which rendition, for example `v480`.
    pub id: String,
    /// The block of the [`manifest::Rendition`](crate::manifest::Rendition).
    pub rendition: Cid,
}

/// What a request names, or a part of it: a long list is many entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// Version of this form, 1.
    pub v: u8,
    /// The request.
    pub request: Cid,
    /// Which listing of it, from 0.
    pub n: u32,
    /// What the source calls itself.
    pub title: Option<String>,
    /// Its videos, in the site's order.
    pub items: Vec<Listed>,
    /// Whether this is the last part.
    pub last: bool,
}

/// One video of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The video.
    pub video: VideoId,
    /// Where it is.
    pub url: String,
    /// Its title, if the listing tells.
    pub title: Option<String>,
    /// What else the listing tells; not written when that is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
}

/// What a listing tells of a video besides its title, so that people can sort before anything is fetched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Who made it.
    pub creator: Option<Creator>,
    /// Its first [`limits::TAGS`] tags.
    pub tags: Vec<String>,
    /// When the site published it.
    pub published_at: Option<Timestamp>,
    /// Length in milliseconds, 0 when it does not tell.
    pub duration_ms: u64,
}

/// A job could not be done by who writes this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Version of this form, 1.
    pub v: u8,
    /// The job's name.
    pub job: String,
    /// What failed, for programs, for example `geo`.
    pub code: String,
    /// The same for people.
    pub reason: String,
    /// What follows for others.
    pub outcome: Outcome,
}

/// What a failure means for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The writer tries again after a while; others may before.
    Later,
    /// The writer cannot do it; others may.
    NotHere,
    /// Nobody can: there is nothing to fetch.
    Gone,
}

/// A member fetched a manifest and some of its blobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// Version of this form, 1.
    pub v: u8,
    /// The captured video.
    pub video: VideoId,
    /// The manifest that was looked at.
    pub manifest: Cid,
    /// Whether all of it was what it should be.
    pub good: bool,
}

/// A member asked the origin for a video that is archived. Of several such words the latest counts, of equally late ones that
/// of the greater node id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Version of this form, 1.
    pub v: u8,
    /// The video.
    pub video: VideoId,
    /// Whether the origin has it no more.
    pub gone: bool,
}

/// What names a capture before it has a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureStart {
    /// Version of this form, 1.
    pub v: u8,
    /// Who captures.
    pub node: NodeId,
    /// What is captured.
    pub video: VideoId,
    /// When it began.
    pub at: Timestamp,
}

/// The body that a signed entry's block links. The signature is not looked at: only for blocks that were
/// accepted before.
#[must_use]
pub fn body_of(block: &[u8]) -> Option<Cid> {
    codec::decode::<Signed<Entry>>(block, limits::ENTRY_BYTES).ok().map(|signed| signed.claimed().body)
}

/// Why the body of an entry was refused.
#[derive(Debug, Error)]
pub enum BodyError {
    /// A kind of a later version: keep it, pass it on, do not read it.
    #[error("entries of the kind {0:?} are not known to this version")]
    UnknownKind(String),
    /// A form of a later version: keep it, pass it on, do not read it.
    #[error("version {0} of this kind of entry is not known to this version")]
    UnknownVersion(u8),
    /// A text is longer than allowed.
    #[error("the body's {0} is too long")]
    TooLong(&'static str),
    /// The block is not what its kind says.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl Body {
    /// The kind of entries that change the group.
    pub const GROUP: &'static str = "group";

    /// The name of its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Profile(_) => "profile",
            Self::Request(_) => "request",
            Self::RequestChange(_) => "request-change",
            Self::Capture(_) => "capture",
            Self::Group(_) => Self::GROUP,
            Self::Listing(_) => "listing",
            Self::Failure(_) => "failure",
            Self::Confirmation(_) => "confirmation",
            Self::Origin(_) => "origin",
            Self::Verdict(_) => "verdict",
            Self::Rendition(_) => "rendition",
            Self::Said(_) => "said",
            Self::Removal(_) => "removal",
            Self::Views(_) => "views",
            Self::Measure(_) => "measure",
        }
    }

    /// Its block and the block's address.
    #[must_use]
    pub fn block(&self) -> (Cid, Vec<u8>) {
        match self {
            Self::Profile(body) => codec::block(body),
            Self::Request(body) => codec::block(body),
            Self::RequestChange(body) => codec::block(body),
            Self::Capture(body) => codec::block(body),
            Self::Group(body) => codec::block(body),
            Self::Listing(body) => codec::block(body),
            Self::Failure(body) => codec::block(body),
            Self::Confirmation(body) => codec::block(body),
            Self::Origin(body) => codec::block(body),
            Self::Verdict(body) => codec::block(body),
            Self::Rendition(body) => codec::block(body),
            Self::Said(body) => codec::block(body),
            Self::Removal(body) => codec::block(body),
            Self::Views(body) => codec::block(body),
            Self::Measure(body) => codec::block(body),
        }
    }

    /// Reads the body of an entry of this kind.
    ///
    /// # Errors
    /// When the kind is of a later version, or the block does not fit it.
    pub fn decode(kind: &str, block: &[u8]) -> Result<Self, BodyError> {
        let cap = limits::BODY_BYTES;
        let body = match kind {
            "profile" => Self::Profile(codec::decode(block, cap)?),
            "request" => Self::Request(codec::decode(block, cap)?),
            "request-change" => Self::RequestChange(codec::decode(block, cap)?),
            "capture" => Self::Capture(codec::decode(block, cap)?),
            Self::GROUP => Self::Group(codec::decode(block, cap)?),
            "listing" => Self::Listing(codec::decode(block, cap)?),
            "failure" => Self::Failure(codec::decode(block, cap)?),
            "confirmation" => Self::Confirmation(codec::decode(block, cap)?),
            "origin" => Self::Origin(codec::decode(block, cap)?),
            "verdict" => Self::Verdict(codec::decode(block, cap)?),
            "rendition" => Self::Rendition(codec::decode(block, cap)?),
            "said" => Self::Said(codec::decode(block, cap)?),
            "removal" => Self::Removal(codec::decode(block, cap)?),
            "views" => Self::Views(codec::decode(block, cap)?),
            "measure" => Self::Measure(codec::decode(block, cap)?),
            other => return Err(BodyError::UnknownKind(other.to_owned())),
        };
        body.check()?;
        Ok(body)
    }

    fn check(&self) -> Result<(), BodyError> {
        let (version, url, names) = match self {
            Self::Profile(body) => (body.v, "", vec![&body.name, &body.software]),
            Self::Request(body) => (body.v, body.url.as_str(), vec![]),
            Self::RequestChange(body) => (body.v, "", vec![]),
            Self::Capture(body) => {
                (body.v, body.source_url.as_str(), body.tools.iter().flat_map(<[&String; 2]>::from).collect())
            }
            Self::Group(body) => (body.v, "", vec![]),
            Self::Listing(body) => (body.v, "", body.title.iter().collect()),
            Self::Failure(body) => (body.v, "", vec![&body.job, &body.code]),
            Self::Confirmation(body) => (body.v, "", vec![]),
            Self::Origin(body) => (body.v, "", vec![]),
            Self::Verdict(body) => (body.v, "", vec![]),
            Self::Rendition(body) => (body.v, "", vec![&body.id]),
            Self::Said(body) => (body.v, "", vec![]),
            Self::Removal(body) => (body.v, "", vec![]),
            Self::Views(body) => (body.v, "", vec![]),
            Self::Measure(body) => (body.v, "", vec![]),
        };
        let known = match self {
            Self::Capture(body) => version == if body.summary.is_some() { 2 } else { 1 },
            Self::Profile(_)
            | Self::Request(_)
            | Self::RequestChange(_)
            | Self::Group(_)
            | Self::Listing(_)
            | Self::Failure(_)
            | Self::Confirmation(_)
            | Self::Origin(_)
            | Self::Verdict(_)
            | Self::Rendition(_)
            | Self::Said(_)
            | Self::Removal(_)
            | Self::Views(_)
            | Self::Measure(_) => version == 1,
        };
        if !known {
            return Err(BodyError::UnknownVersion(version));
        }
        if matches!(self, Self::Capture(Capture { summary: Some(summary), .. }) if !summary.is_bounded()) {
            return Err(BodyError::TooLong("summary"));
        }
        if matches!(self, Self::Capture(body) if !body.is_bounded()) {
            return Err(BodyError::TooLong("list"));
        }
        if matches!(self, Self::Group(body) if !body.change.is_bounded()) {
            return Err(BodyError::TooLong("list"));
        }
        if matches!(self, Self::RequestChange(body) if !body.options.is_bounded()) {
            return Err(BodyError::TooLong("title"));
        }
        if matches!(self, Self::Listing(body) if !body.is_bounded()) {
            return Err(BodyError::TooLong("list"));
        }
        if matches!(self, Self::Verdict(body) if !body.is_bounded()) {
            return Err(BodyError::TooLong("list"));
        }
        if matches!(self, Self::Said(body) if !body.is_bounded()) {
            return Err(BodyError::TooLong("text"));
        }
        if matches!(self, Self::Views(body) if body.videos.len() > limits::VIEWED) {
            return Err(BodyError::TooLong("list"));
        }
        if matches!(self, Self::Measure(body) if !body.is_bounded()) {
            return Err(BodyError::TooLong("reason or name"));
        }
        if matches!(self, Self::Removal(body) if body.reason.len() > limits::REASON_BYTES) {
            return Err(BodyError::TooLong("reason"));
        }
        if matches!(self, Self::Failure(body) if body.reason.len() > limits::REASON_BYTES) {
            return Err(BodyError::TooLong("reason"));
        }
        if url.len() > limits::URL_BYTES {
            return Err(BodyError::TooLong("URL"));
        }
        if names.iter().any(|name| name.len() > limits::NAME_BYTES) {
            return Err(BodyError::TooLong("name"));
        }
        Ok(())
    }
}

impl Capture {
    fn is_bounded(&self) -> bool {
        self.missing.len() <= limits::RENDITIONS
            && self.missing.iter().all(|id| id.len() <= limits::NAME_BYTES)
    }
}

impl Listing {
    fn is_bounded(&self) -> bool {
        let long = |item: &Listed| {
            item.url.len() > limits::URL_BYTES
                || item.title.as_ref().is_some_and(|title| title.len() > limits::NAME_BYTES)
                || item.about.as_ref().is_some_and(|about| !about.is_bounded())
        };
        self.items.len() <= limits::LISTED && !self.items.iter().any(long)
    }
}

impl About {
    fn is_bounded(&self) -> bool {
        let name = |text: &String| text.len() <= limits::NAME_BYTES;
        self.creator.as_ref().is_none_or(Creator::is_bounded)
            && self.tags.len() <= limits::TAGS
            && self.tags.iter().all(name)
    }
}
