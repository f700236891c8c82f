//! What proves Horahora: fake source sites and, on top of them, real nodes.

pub mod cluster;
pub mod fixture;
