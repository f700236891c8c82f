//! How a group shares out its jobs, simulated: many nodes, each with the very machine that a real node runs
//! (`horahora_protocol::claim`), on a virtual clock and a network that delays, loses and parts.
//!
//! `overlay` carries gossip hop by hop, `actor` is one node, `world` the run, `work` what nodes do, `compare` how two of
//! them meet, `faults` what fails, `verdict` what came of it and what must not. The same options give the same run to the
//! byte. `table` and `figures` show what documents say of it, `shrink` makes a run that broke something small.

use horahora_protocol::claim::Rules;
use serde::Serialize;

mod actor;
mod central;
mod compare;
mod faults;
pub mod figures;
mod overlay;
pub mod shrink;
pub mod table;
mod verdict;
mod work;
mod world;

pub use verdict::{Broken, Report};

/// How the nodes agree who does what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Coordination {
    /// Not at all: each does what it does not know to be done
    None,
    /// Claims are told, and begin after the time to settle
    Gossip,
    /// The same, and each takes jobs in its own order
    Rank,
    /// The same, and nodes compare what they know
    Sync,
    /// The same, and witnesses are asked, as nodes do
    #[default]
    Witness,
    /// A queue that everyone sees at once: the first free node takes the next job
    Central,
}

impl Coordination {
    fn rules(self) -> Rules {
        Rules {
            witnesses: self == Self::Witness,
            ranked: matches!(self, Self::Rank | Self::Sync | Self::Witness),
        }
    }

    fn compares(self) -> bool {
        matches!(self, Self::Sync | Self::Witness)
    }
}

/// What liars do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Lie {
    /// Claim all they can and never deliver
    #[default]
    Claim,
    /// Grant every claim that they are asked to witness
    Grant,
    /// Never grant, say that somebody else has it, and call everything that is delivered wrong
    Deny,
    /// Say that they are nearly done and never deliver
    Progress,
    /// Deliver at once what is not the video
    Garbage,
}

/// A part of the nodes that cannot reach the others for a while: `0.3:300` is 30 % for 300 s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Cut {
    /// Their share.
    pub fraction: f64,
    /// For how long.
    pub seconds: u64,
}

impl std::str::FromStr for Cut {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "this is FRACTION:SECONDS, for example 0.3:300".to_owned();
        let (fraction, seconds) = text.split_once(':').ok_or_else(wrong)?;
        let cut = Self {
            fraction: fraction.parse().map_err(|_| wrong())?,
            seconds: seconds.parse().map_err(|_| wrong())?,
        };
        if (0.0..1.0).contains(&cut.fraction) { Ok(cut) } else { Err(wrong()) }
    }
}

/// What is simulated.
#[derive(Debug, Clone, PartialEq, Serialize, clap::Args)]
pub struct Options {
    /// Nodes, all members of one group, with one worker each
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    pub nodes: u32,
    /// Jobs, all known from the start
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub jobs: u32,
    /// Messages that are lost, in per cent: on each hop of gossip, at each receiver, and each question and answer
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=60))]
    pub loss: u32,
    /// Mean seconds between two crashes of one node; 0 for none. Half of the crashes cost the disk
    #[arg(long, default_value_t = 0)]
    pub crash_every_s: u64,
    /// A part of the nodes that cannot reach the others for a while, as FRACTION:SECONDS
    #[arg(long, default_value = "0:0")]
    pub cut: Cut,
    /// Nodes that lie, in per cent
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=60))]
    pub liars: u32,
    /// What they do
    #[arg(long, value_enum, default_value_t)]
    pub lie: Lie,
    /// How nodes agree
    #[arg(long, value_enum, default_value_t)]
    pub coordination: Coordination,
    /// End after so many virtual seconds, whatever is left; 0 goes on to the end
    #[arg(long, default_value_t = 0)]
    pub until_s: u64,
    /// Another seed is another run
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            nodes: 100,
            jobs: 10_000,
            loss: 0,
            crash_every_s: 0,
            cut: Cut::default(),
            liars: 0,
            lie: Lie::Claim,
            coordination: Coordination::Witness,
            until_s: 0,
            seed: 1,
        }
    }
}

impl Options {
    /// The command that runs the same again.
    #[must_use]
    pub fn replay(&self) -> String {
        let Self { nodes, jobs, loss, crash_every_s, cut, liars, lie, coordination, until_s, seed } = self;
        format!(
            "testnet sim claims --nodes {nodes} --jobs {jobs} --loss {loss} --crash-every-s {crash_every_s} --cut {}:{} \
             --liars {liars} --lie {} --coordination {} --until-s {until_s} --seed {seed}",
            cut.fraction,
            cut.seconds,
            value_name(lie),
            value_name(coordination)
        )
    }
}

/// Simulates until every job is done and every node knows it.
#[must_use]
pub fn run(options: &Options) -> Report {
    world::World::new(options).run()
}

fn value_name(value: &impl clap::ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
