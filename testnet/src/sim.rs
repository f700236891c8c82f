//! How feeds spread among many nodes, simulated: a virtual clock, a seeded network with faults, and nodes that sync
//! as `node/src/net/sync.rs` does, with its constants. No sockets, no threads, no time of day: the same options give
//! the same run to the byte, and a digest that says so.
//!
//! A node is a row of numbers, one for each feed: how many entries of it the node has. `queue` is the clock, `network`
//! the links, `world` the run and its faults, `sync` what nodes do, `sizes` what messages weigh.

use serde::Serialize;

mod chance;
pub mod claims;
mod event;
pub mod model;
mod network;
mod queue;
mod report;
mod sizes;
mod sync;
mod tally;
mod world;

pub use report::{Meeting, Report, Spread, Traffic};

/// How two nodes that meet find out what differs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum HeadsForm {
    /// Both send where every feed ends
    Full,
    /// A digest of all heads first, all heads if it differs, as nodes do
    #[default]
    Digest,
    /// A digest for each of 64 buckets of feeds; heads of the buckets that differ
    Buckets,
}

impl HeadsForm {
    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Digest => "digest",
            Self::Buckets => "buckets",
        }
    }
}

/// What gossip says, and when it is passed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum GossipForm {
    /// Heads, passed on at once
    Heads,
    /// Heads, passed on when their entries are here or cannot be had, as nodes do
    #[default]
    Pulled,
    /// Heads and the last entry itself
    Entries,
}

impl GossipForm {
    fn name(self) -> &'static str {
        match self {
            Self::Heads => "heads",
            Self::Pulled => "pulled",
            Self::Entries => "entries",
        }
    }
}

/// What is simulated.
#[derive(Debug, Clone, PartialEq, Serialize, clap::Args)]
pub struct Options {
    /// Nodes; each writes a feed of one group
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub nodes: u32,
    /// Entries that are written within a minute, by random nodes
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub entries: u32,
    /// Another seed is another network and another run
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Messages of gossip that are lost, in per cent; streams get slower by it
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=50))]
    pub loss: u32,
    /// Seconds in which the two halves of the nodes cannot reach each other, from the first entry on
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=600))]
    pub partition: u64,
    /// Nodes that crash within the minute and come back 30 s later; at most a quarter
    #[arg(long, default_value_t = 0)]
    pub crashes: u32,
    /// Nodes that begin with nothing when the first entry is written; at most a quarter
    #[arg(long, default_value_t = 0)]
    pub joins: u32,
    /// How two nodes that meet find out what differs
    #[arg(long, value_enum, default_value_t)]
    pub heads: HeadsForm,
    /// What gossip says, and when it is passed on
    #[arg(long, value_enum, default_value_t)]
    pub gossip: GossipForm,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            nodes: 1_000,
            entries: 20,
            seed: 1,
            loss: 0,
            partition: 0,
            crashes: 0,
            joins: 0,
            heads: HeadsForm::Digest,
            gossip: GossipForm::Pulled,
        }
    }
}

/// Simulates until every node has every entry, or half an hour is over.
#[must_use]
pub fn run(options: &Options) -> Report {
    world::World::new(options).run()
}
