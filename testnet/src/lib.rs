//! What proves Horahora: fake source sites and, on top of them, real nodes.

pub mod bench;
pub mod cluster;
pub mod fixture;
pub mod hostile;
pub mod sim;
pub mod up;
pub mod zoo;
