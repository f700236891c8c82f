//! Under which keys the distributed hash table knows what nodes hold.

use crate::{codec::Cid, group::GroupKey, id::VideoId, limits};

/// Names things in the distributed hash table. Those of a private group are keyed with its secret, so that nobody
/// else can ask for them or see what they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names<'a>(Option<&'a GroupKey>);

impl<'a> Names<'a> {
    /// Names in public groups.
    #[must_use]
    pub fn public() -> Self {
        Self(None)
    }

    /// Names in a private group.
    #[must_use]
    pub fn private(key: &'a GroupKey) -> Self {
        Self(Some(key))
    }

    /// Who has a blob or a manifest: in public its BLAKE3 hash.
    #[must_use]
    pub fn blob(&self, cid: &Cid) -> Vec<u8> {
        match self.0 {
            None => cid.hash().to_vec(),
            Some(_) => self.named(cid.hash()),
        }
    }

    /// Who has a video.
    #[must_use]
    pub fn video(&self, video: &VideoId) -> Vec<u8> {
        self.named(format!("horahora/video/1/{video}").as_bytes())
    }

    /// Who has much in a part of the space of video ids: one of [`limits::SHARDS`].
    #[must_use]
    pub fn shard(&self, video: &VideoId) -> Vec<u8> {
        let hash = blake3::hash(video.as_str().as_bytes());
        let number = u16::from_be_bytes([hash.as_bytes()[0], hash.as_bytes()[1]]) % limits::SHARDS;
        self.named(format!("horahora/shard/1/{number}").as_bytes())
    }

    fn named(&self, what: &[u8]) -> Vec<u8> {
        let hash = match self.0.map(|key| <[u8; 32]>::try_from(key.secret.as_slice())) {
            Some(Ok(secret)) => blake3::keyed_hash(&secret, what),
            _ => blake3::hash(what),
        };
        hash.as_bytes().to_vec()
    }
}
