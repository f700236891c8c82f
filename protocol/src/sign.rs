//! Signatures: what a node said, and the proof that it did.
//!
//! A [`Signed<T>`] came from somewhere; only [`Signed::verify`] turns it into a [`Verified<T>`], and only a
//! `Verified<T>` is believed. Ed25519 as in RFC 8032, checked strictly (no small-order keys).

use std::{fmt, ops::Deref};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    codec::{self, Cid},
    id::NodeId,
};

/// Something that a node signs.
pub trait Signable: Serialize {
    /// What the signature is for, with its version, so that no signature fits another kind of object.
    const PURPOSE: &'static str;

    /// Whose signature it needs.
    fn signer(&self) -> NodeId;
}

/// The signature does not fit.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the signature of {signer} does not fit: the record was changed or forged")]
pub struct BadSignature {
    /// Who is said to have signed.
    pub signer: NodeId,
}

/// A node's secret key. It never leaves its file but through this type.
pub struct NodeKey(SigningKey);

impl NodeKey {
    /// The key made from 32 secret bytes.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The 32 secret bytes, for the key file and the transport.
    #[must_use]
    pub fn secret(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The node that this key makes.
    #[must_use]
    pub fn node_id(&self) -> NodeId {
        NodeId::from_public_key(self.0.verifying_key().to_bytes())
    }

    /// Signs `payload`.
    ///
    /// # Panics
    /// When `payload` names another signer: a bug in the caller.
    #[must_use]
    pub fn sign<T: Signable>(&self, payload: T) -> Verified<T> {
        assert!(payload.signer() == self.node_id(), "a node signs only what it says itself");
        let signature = self.0.sign(&message(&payload)).to_bytes();
        Verified(Signed { payload, signature: SignatureBytes(signature) })
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeKey({})", self.node_id())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct SignatureBytes([u8; 64]);

impl Serialize for SignatureBytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_bytes::serialize(self.0.as_slice(), serializer)
    }
}

impl<'de> Deserialize<'de> for SignatureBytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: Vec<u8> = serde_bytes::deserialize(deserializer)?;
        bytes.try_into().map(Self).map_err(|_| serde::de::Error::custom("a signature has 64 bytes"))
    }
}

/// A payload and a signature that nobody checked yet. On the wire: `{payload, signature}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed<T> {
    payload: T,
    signature: SignatureBytes,
}

impl<T> Signed<T> {
    /// What it claims. Nobody checked it.
    pub(crate) fn claimed(&self) -> &T {
        &self.payload
    }
}

impl<T: Signable> Signed<T> {
    /// Checks the signature against the signer that the payload names.
    ///
    /// # Errors
    /// [`BadSignature`] when it does not fit.
    pub fn verify(self) -> Result<Verified<T>, BadSignature> {
        let signer = self.payload.signer();
        let fits = VerifyingKey::from_bytes(signer.public_key()).is_ok_and(|key| {
            key.verify_strict(&message(&self.payload), &Signature::from_bytes(&self.signature.0)).is_ok()
        });
        if fits { Ok(Verified(self)) } else { Err(BadSignature { signer }) }
    }
}

impl<T> fmt::Debug for Signed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signed(unchecked)")
    }
}

/// A payload whose signature was checked, or that we signed ourselves.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified<T>(Signed<T>);

impl<T: Signable> Verified<T> {
    /// Believes what a verified record of the same signer links by its hash: to sign a link is to sign what is
    /// behind it.
    pub(crate) fn linked(signed: Signed<T>) -> Self {
        Self(signed)
    }

    /// The block to store and send, with its address.
    #[must_use]
    pub fn block(&self) -> (Cid, Vec<u8>) {
        codec::block(&self.0)
    }

    /// Forgets the check, as a peer that receives it must.
    #[must_use]
    pub fn into_signed(self) -> Signed<T> {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.payload
    }
}

impl<T: fmt::Debug> fmt::Debug for Verified<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Verified").field(&self.0.payload).finish()
    }
}

fn message<T: Signable>(payload: &T) -> Vec<u8> {
    let mut message = T::PURPOSE.as_bytes().to_vec();
    message.push(0);
    message.extend(codec::encode(payload));
    message
}
