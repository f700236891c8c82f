//! Names that outlive every server: nodes by key, videos by site and id.

use std::{fmt, str::FromStr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::limits;

/// A libp2p public key message: field 1 (type) = 1 (Ed25519), field 2 (bytes) of length 32.
const KEY_PREFIX: [u8; 4] = [0x08, 0x01, 0x12, 0x20];
/// Identity multihash (0x00) of the 36 byte message above.
const PEER_ID_PREFIX: [u8; 2] = [0x00, 0x24];

/// A node: its ed25519 public key. Text form: the libp2p `PeerId`, `12D3KooW…`
/// (github.com/libp2p/specs, peer-ids).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; 32]);

/// Why text is not an id of ours.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum IdError {
    /// Not the text form of an ed25519 `PeerId`.
    #[error("this is not a node id: it should look like 12D3KooW…")]
    Node,
    /// Not `<site>:<id>`.
    #[error("this is not a video id: it should look like niconico:sm9")]
    Video,
}

impl NodeId {
    /// The node that owns this public key.
    #[must_use]
    pub fn from_public_key(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The ed25519 public key.
    #[must_use]
    pub fn public_key(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [PEER_ID_PREFIX.as_slice(), &KEY_PREFIX, &self.0].concat();
        f.write_str(&bs58::encode(bytes).into_string())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for NodeId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let bytes = bs58::decode(text).into_vec().map_err(|_| IdError::Node)?;
        let key = bytes
            .strip_prefix(&PEER_ID_PREFIX)
            .and_then(|rest| rest.strip_prefix(&KEY_PREFIX))
            .ok_or(IdError::Node)?;
        Ok(Self(key.try_into().map_err(|_| IdError::Node)?))
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_bytes::serialize(self.0.as_slice(), serializer)
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: Vec<u8> = serde_bytes::deserialize(deserializer)?;
        bytes.try_into().map(Self).map_err(|_| de::Error::custom("a node id has 32 bytes"))
    }
}

/// A video: `<site>:<id>` as yt-dlp's download archive names it, lower-case site (`niconico:sm9`).
/// Never a host name of a node, so it survives the death of every server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VideoId {
    text: String,
    site_len: usize,
}

/// What stays as it is in one path segment of a URL (RFC 3986 unreserved).
const PATH_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl VideoId {
    /// The video `id` of `site`; the site is lower-cased.
    ///
    /// # Errors
    /// [`IdError::Video`] when a half is empty, too long, or has control characters.
    pub fn new(site: &str, id: &str) -> Result<Self, IdError> {
        let site = site.to_ascii_lowercase();
        let site_ok = !site.is_empty()
            && site.len() <= limits::EXTRACTOR_BYTES
            && site.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b));
        let id_ok = !id.is_empty() && id.len() <= limits::SITE_ID_BYTES && !id.chars().any(char::is_control);
        if !site_ok || !id_ok {
            return Err(IdError::Video);
        }
        Ok(Self { text: format!("{site}:{id}"), site_len: site.len() })
    }

    /// A video of a site whose ids are not unique: `generic:<BLAKE3 of the canonical URL>`.
    #[must_use]
    pub fn generic(canonical_url: &str) -> Self {
        let hash = blake3::hash(canonical_url.as_bytes()).to_hex();
        Self { text: format!("generic:{hash}"), site_len: "generic".len() }
    }

    /// The site, for example `niconico`.
    #[must_use]
    pub fn site(&self) -> &str {
        &self.text[..self.site_len]
    }

    /// The id on that site, for example `sm9`.
    #[must_use]
    pub fn site_id(&self) -> &str {
        &self.text[self.site_len + 1..]
    }

    /// The whole id, for example `niconico:sm9`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The id as one segment of a URL's path.
    #[must_use]
    pub fn in_path(&self) -> String {
        utf8_percent_encode(&self.text, PATH_SEGMENT).to_string()
    }
}

impl fmt::Display for VideoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for VideoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for VideoId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (site, id) = text.split_once(':').ok_or(IdError::Video)?;
        let parsed = Self::new(site, id)?;
        if parsed.text == text { Ok(parsed) } else { Err(IdError::Video) }
    }
}

impl Serialize for VideoId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for VideoId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
