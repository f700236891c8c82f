//! Blocks and their addresses: canonical DAG-CBOR and CIDv1 with BLAKE3.
//!
//! Sources: DAG-CBOR specification (ipld.io/specs/codecs/dag-cbor), CID specification
//! (github.com/multiformats/cid), multicodec table (raw 0x55, dag-cbor 0x71, blake3 0x1e).

use std::{fmt, str::FromStr};

use multihash::Multihash;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use thiserror::Error;

const BLAKE3: u64 = 0x1e;

/// What the bytes behind a [`Cid`] are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// Plain bytes (multicodec `raw`, 0x55).
    Raw,
    /// A structured object (multicodec `dag-cbor`, 0x71).
    DagCbor,
}

impl Codec {
    fn code(self) -> u64 {
        match self {
            Self::Raw => 0x55,
            Self::DagCbor => 0x71,
        }
    }
}

/// The address of a blob: CIDv1, codec raw or dag-cbor, multihash BLAKE3 of 32 bytes, and nothing else.
///
/// Text form: base32 lower case, `bafkr4i…` (raw) or `bafyr4i…` (dag-cbor).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cid {
    codec: Codec,
    hash: [u8; 32],
}

/// Why text or bytes are not an address of ours.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CidError {
    /// Not a CID at all.
    #[error("this is not a CID")]
    Malformed,
    /// A CID of another version, codec or hash function.
    #[error("only CIDv1 with codec raw or dag-cbor and a 32 byte BLAKE3 hash is used here")]
    Unsupported,
}

impl Cid {
    /// The address of `bytes`.
    #[must_use]
    pub fn of(codec: Codec, bytes: &[u8]) -> Self {
        Self { codec, hash: *blake3::hash(bytes).as_bytes() }
    }

    /// The address of bytes whose BLAKE3 hash is known already.
    #[must_use]
    pub fn from_hash(codec: Codec, hash: blake3::Hash) -> Self {
        Self { codec, hash: *hash.as_bytes() }
    }

    /// What the bytes are.
    #[must_use]
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The BLAKE3 hash, 32 bytes.
    #[must_use]
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Binary form as in the CID specification, 36 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.foreign().to_bytes()
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// When it is no CID, or not one of the kind used here.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CidError> {
        let cid: Self = cid::Cid::try_from(bytes).map_err(|_| CidError::Malformed)?.try_into()?;
        if cid.to_bytes() == bytes { Ok(cid) } else { Err(CidError::Malformed) }
    }

    /// Whether `bytes` are what this address names.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        blake3::hash(bytes) == self.hash
    }

    fn foreign(&self) -> cid::Cid {
        let hash = Multihash::wrap(BLAKE3, &self.hash).expect("32 bytes fit into a 64 byte multihash");
        cid::Cid::new_v1(self.codec.code(), hash)
    }
}

impl TryFrom<cid::Cid> for Cid {
    type Error = CidError;

    fn try_from(cid: cid::Cid) -> Result<Self, CidError> {
        let codec = match cid.codec() {
            0x55 => Codec::Raw,
            0x71 => Codec::DagCbor,
            _ => return Err(CidError::Unsupported),
        };
        let hash = cid.hash().digest().try_into().map_err(|_| CidError::Unsupported)?;
        if cid.version() != cid::Version::V1 || cid.hash().code() != BLAKE3 {
            return Err(CidError::Unsupported);
        }
        Ok(Self { codec, hash })
    }
}

impl fmt::Display for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.foreign().fmt(f)
    }
}

impl fmt::Debug for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Cid {
    type Err = CidError;

    /// Reads the text form. Other multibases of the same CID are refused, so that one blob has one name.
    fn from_str(text: &str) -> Result<Self, CidError> {
        let cid: Self = cid::Cid::try_from(text).map_err(|_| CidError::Malformed)?.try_into()?;
        if cid.to_string() == text { Ok(cid) } else { Err(CidError::Unsupported) }
    }
}

impl Serialize for Cid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.foreign().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Cid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        cid::Cid::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

/// Why a block was refused.
#[derive(Debug, Error)]
pub enum CodecError {
    /// Larger than the cap of its kind.
    #[error("the block has {bytes} bytes, {cap} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The cap.
        cap: usize,
    },
    /// Not DAG-CBOR, or of another shape.
    #[error("the block cannot be read: {0}")]
    Malformed(String),
    /// Decodes, but its canonical form has other bytes.
    #[error("the block is not in canonical DAG-CBOR form")]
    NotCanonical,
}

/// The canonical DAG-CBOR form of `value`.
///
/// # Panics
/// Never for the types of this crate: their maps have text keys and their numbers fit.
#[must_use]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_ipld_dagcbor::to_vec(value).expect("protocol types always have a DAG-CBOR form")
}

/// Reads one block of at most `cap` bytes.
///
/// # Errors
/// When it is too large, of another shape, or not canonical: one object has one form, so one address.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], cap: usize) -> Result<T, CodecError> {
    if bytes.len() > cap {
        return Err(CodecError::TooLarge { bytes: bytes.len(), cap });
    }
    let value: T =
        serde_ipld_dagcbor::from_slice(bytes).map_err(|error| CodecError::Malformed(error.to_string()))?;
    if serde_ipld_dagcbor::to_vec(&value).ok().as_deref() == Some(bytes) {
        Ok(value)
    } else {
        Err(CodecError::NotCanonical)
    }
}

/// The address of `value`'s canonical form, and that form.
#[must_use]
pub fn block<T: Serialize>(value: &T) -> (Cid, Vec<u8>) {
    let bytes = encode(value);
    (Cid::of(Codec::DagCbor, &bytes), bytes)
}
