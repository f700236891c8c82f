//! What Horahora nodes say to each other and keep: ids, blocks, signatures, feeds, manifests.
//!
//! This crate decides and never does: no async, no IO, no clock, no randomness, no unordered maps.
//! Everything here can run in a simulator and gives the same bytes on every machine.

pub mod approval;
pub mod claim;
pub mod codec;
pub mod community;
pub mod entry;
pub mod feed;
pub mod group;
pub mod growing;
pub mod id;
pub mod limits;
pub mod manifest;
pub mod message;
pub mod moderation;
pub mod rank;
pub mod request;
pub mod sign;
pub mod summary;
pub mod time;

pub use codec::{Cid, Codec};
pub use id::{NodeId, VideoId};
pub use sign::{NodeKey, Signed, Verified};
pub use time::Timestamp;
