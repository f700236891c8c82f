//! A Horahora node: one program that archives, keeps, shares and shows videos.
//!
//! Rooms stand beside each other and talk through small handles that `node` hands out. The map of them is in
//! docs/ARCHITECTURE.md.

pub mod approval;
pub mod blobs;
pub mod catalogue;
pub mod claims;
pub mod cli;
pub mod clock;
pub mod community;
pub mod config;
pub mod feeds;
pub mod fetch;
pub mod groups;
pub mod growing;
pub mod http;
pub mod identity;
pub mod ingest;
pub mod jobs;
pub mod live;
pub mod logs;
pub mod media;
pub mod moderation;
pub mod net;
pub mod node;
pub mod people;
pub mod process;
pub mod requests;
pub mod search;
pub mod space;
pub mod spawn;
pub mod store;
pub mod tools;
pub mod uploads;
pub mod verify;
