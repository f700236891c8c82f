//! Claims: how the members of a group share out its jobs, so that none is done twice and none is forgotten, with no
//! server that decides.
//!
//! A claim is a lease: it runs out unless its claimant beats. It is asked of the job's witnesses and told to the group.
//! [`Claims`] decides, [`Said`] and [`Vote`] are what nodes say to each other, in numbers that the caller gives to jobs.

use std::collections::{BTreeMap, BTreeSet};

use crate::{id::NodeId, rank::Subject, time::Timestamp};

mod choice;
mod delivery;
pub mod lease;
mod patience;
mod queue;
pub mod record;
pub mod state;
mod tenure;
mod witness;

pub use lease::{Lease, Said, Standing};
pub use record::{Claim, Granted};
pub use state::{Claims, Place};

/// A job's number at one node. Numbers are given from 0 on, without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobNo(pub u32);

/// What kind of work it is. Each has its own workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// To find out what a request names.
    List,
    /// To fetch a video from its origin.
    Capture,
    /// To make one more rung of a video.
    Rendition,
}

/// A job that is to be done once in the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// Its number, the next one.
    pub job: JobNo,
    /// Its name, hashed.
    pub subject: Subject,
    /// What kind of work it is.
    pub kind: Kind,
    /// For the lottery: which request it is of.
    pub request: u32,
    /// How long an ordinary node works on it; the same number on every node.
    pub estimate_ms: u32,
}

/// Which parts of the machine are in use. Nodes use all; the simulator shows what each is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rules {
    /// Witnesses are asked. Otherwise a claim begins after the time to settle.
    pub witnesses: bool,
    /// Jobs are taken in the order of the node's own rank. Otherwise in the order of their numbers.
    pub ranked: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { witnesses: true, ranked: true }
    }
}

/// A promise of a witness: it grants no other claim of the job until then, and this epoch to nobody else ever.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Grant {
    /// What was granted.
    pub said: Said,
    /// Until when, on this node's clock.
    pub until: Timestamp,
}

/// What a witness answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Vote {
    /// The job is yours.
    Granted,
    /// Somebody else has it; here is that one's word.
    Held(Said),
    /// Nothing is left to do; how it ended is in the feeds.
    Over,
    /// This epoch was somebody else's; ask for a later one.
    Behind(u32),
    /// You hold too many leases without results.
    Exhausted,
    /// Ask somebody else.
    Abstain,
}

/// What a node found out about a job that it cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It cannot do it before this time; others may.
    Until(Timestamp),
    /// It cannot do it at all; others may.
    NotHere,
    /// Nobody can: there is nothing to fetch.
    Gone,
}

/// What an entry of a feed says about a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fact {
    /// It is done, says who did it.
    Delivered {
        /// The job.
        job: JobNo,
        /// Who did it.
        by: NodeId,
    },
    /// Another member looked and found it good.
    Confirmed {
        /// The job.
        job: JobNo,
    },
    /// Another member looked and found something else.
    Refuted {
        /// The job.
        job: JobNo,
        /// Who looked.
        by: NodeId,
    },
    /// Somebody tried and could not.
    Failed {
        /// The job.
        job: JobNo,
        /// Who tried.
        by: NodeId,
        /// What follows.
        verdict: Verdict,
    },
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Time went by.
    Tick,
    /// The members of the group now, with their weights in thousandths of an ordinary node's.
    Members(BTreeMap<NodeId, u32>),
    /// A job more.
    Task(Task),
    /// How many want what a request names.
    Subscribers {
        /// The request.
        request: u32,
        /// Its distinct subscribers.
        count: u32,
    },
    /// How many workers this node has for a kind of job.
    Workers {
        /// The kind.
        kind: Kind,
        /// All of them, busy or not.
        count: usize,
    },
    /// A claim was told, by its claimant or by somebody who passed it on.
    Heard(Said),
    /// Somebody asks for a grant of its own claim, or takes that back.
    Asked(Said),
    /// A witness answered a question of this node.
    Voted {
        /// The witness.
        by: NodeId,
        /// The job.
        job: JobNo,
        /// The epoch that was asked for.
        epoch: u32,
        /// Its answer.
        vote: Vote,
    },
    /// How far an own job is, in thousandths.
    Progress {
        /// The job.
        job: JobNo,
        /// Thousandths.
        progress: u16,
    },
    /// This node cannot go on with a job, or begin it, before a time. Others may.
    GiveBack {
        /// The job.
        job: JobNo,
        /// Until when.
        until: Timestamp,
    },
    /// A claim of this node's own from before a restart, whose work goes on.
    Resume {
        /// Its last word.
        said: Said,
        /// Who granted it.
        granted: BTreeSet<NodeId>,
    },
    /// A feed says something about a job.
    Fact(Fact),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Output {
    /// Write this down before anything that comes after it.
    Persist {
        /// The promise.
        grant: Grant,
    },
    /// Ask a witness, or tell it that the claim was given back.
    Ask {
        /// The witness.
        to: NodeId,
        /// The claim.
        said: Said,
    },
    /// Answer a claimant.
    Vote {
        /// The claimant.
        to: NodeId,
        /// The job.
        job: JobNo,
        /// The epoch that was asked for.
        epoch: u32,
        /// The answer.
        vote: Vote,
    },
    /// Tell the group of an own claim.
    Publish {
        /// The claim.
        said: Said,
    },
    /// Begin the work.
    Start {
        /// The job.
        job: JobNo,
        /// The claim's epoch.
        epoch: u32,
        /// This member delivered it and others found it wrong: look, and confirm it if they lied, before doing it again.
        look: Option<NodeId>,
    },
    /// End the work: it is not this node's any more.
    Stop {
        /// The job.
        job: JobNo,
        /// Whose it is, if anybody's.
        to: Option<NodeId>,
    },
    /// Look whether what was delivered is what it should be, and say so in the feed.
    Check {
        /// The job.
        job: JobNo,
        /// Who delivered it.
        by: NodeId,
    },
}

/// Decides between two claims of equal standing: the lower one counts.
#[must_use]
pub fn claim_lot(subject: Subject, claimant: &NodeId, epoch: u32) -> u64 {
    crate::rank::lot(claimant, subject.in_epoch(epoch))
}
