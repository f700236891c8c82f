//! What came of a run, and what must never come of one.

use std::collections::BTreeMap;

use horahora_protocol::claim::JobNo;
use serde::Serialize;

use super::{Coordination, Options};
use crate::sim::queue::Micros;

/// Messages, by what they are for. Passing gossip on is not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Messages {
    /// Claims told to the group.
    pub claims: u64,
    /// Questions to witnesses.
    pub asks: u64,
    /// Their answers.
    pub votes: u64,
    /// Entries told to the group.
    pub entries: u64,
    /// Looking at what was delivered.
    pub checks: u64,
    /// Comparing what two nodes know.
    pub compares: u64,
}

impl Messages {
    fn all(&self) -> u64 {
        let Self { claims, asks, votes, entries, checks, compares } = *self;
        claims + asks + votes + entries + checks + compares
    }
}

/// Something that must never happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Broken {
    /// Two nodes hold one epoch of one job, each with the grants of its witnesses, and no liar granted both.
    TwoHolders {
        /// The job.
        job: u32,
        /// The epoch.
        epoch: u32,
        /// Both nodes.
        nodes: (u32, u32),
    },
    /// A job was not done when there was time enough.
    Lost {
        /// The job.
        job: u32,
    },
}

/// What a run gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What was asked for.
    #[serde(flatten)]
    pub options: Options,
    /// Jobs that were done to the end more than once, all times but the first.
    pub duplicates_completed: u64,
    /// Jobs that were begun more than once, all times but the first; going on after a crash is not counted.
    pub duplicates_started: u64,
    /// Share of all work that was done in vain.
    pub work_wasted: f64,
    /// From a crash until somebody goes on with what it broke off: 99 of 100 are faster.
    pub takeover_p99_s: Option<f64>,
    /// Messages by jobs.
    pub messages_per_job: f64,
    /// What they were.
    pub messages: Messages,
    /// When the last job was done.
    pub finish_s: f64,
    /// The same by when one queue that everyone sees at once would have had it done.
    pub finish_vs_central: f64,
    /// Half of what was told arrived faster.
    pub delivery_p50_ms: u64,
    /// Nodes that lack an entry at the end.
    pub behind: usize,
    /// Epochs that two nodes held because the only witnesses of both were liars: no three can keep one of them from it.
    pub held_by_lies: u64,
    /// What must not have happened.
    pub broken: Vec<Broken>,
    /// BLAKE3 over everything that happened: equal digests are equal runs.
    pub digest: String,
}

impl Report {
    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let Messages { claims, asks, votes, entries, checks, compares } = self.messages;
        let takeover = self.takeover_p99_s.map_or_else(|| "none".to_owned(), |time| format!("{time:.1} s"));
        let lines = [
            format!("{} nodes, {} jobs, seed {}", self.options.nodes, self.options.jobs, self.options.seed),
            format!("done more than once     {}", self.duplicates_completed),
            format!("begun more than once    {}", self.duplicates_started),
            format!("work in vain            {:.3} %", self.work_wasted * 100.0),
            format!("taken over, 99 of 100   {takeover}"),
            format!("messages a job          {:.1}", self.messages_per_job),
            format!(
                "  claims {claims}, asks {asks}, votes {votes}, entries {entries}, checks {checks}, compares {compares}"
            ),
            format!(
                "the last one done after {:.0} s, {:.3} x a central queue",
                self.finish_s, self.finish_vs_central
            ),
            format!("half of what is told arrives within {} ms", self.delivery_p50_ms),
            format!("held by two through lies {}, broken {:?}", self.held_by_lies, self.broken),
            format!("digest {}", self.digest),
        ];
        lines.join("\n") + "\n"
    }
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) messages: Messages,
    /// How often each job was begun and done.
    starts: Vec<u32>,
    completions: Vec<u32>,
    done: usize,
    last: Micros,
    wasted_ms: u64,
    work_ms: u64,
    central: Micros,
    /// Jobs whose node crashed, since when.
    broken_off: BTreeMap<JobNo, (Micros, u64)>,
    takeovers: Vec<Micros>,
    /// Who holds each epoch, and who granted it.
    holders: BTreeMap<(JobNo, u32), (u32, Vec<u32>)>,
    held_by_lies: u64,
    broken: Vec<Broken>,
    /// Deliveries by their delay, in steps of 10 ms.
    delays: Vec<u64>,
}

impl Tally {
    pub(super) fn new(jobs: usize, central: Micros, work_ms: u64) -> Self {
        Self {
            starts: vec![0; jobs],
            completions: vec![0; jobs],
            delays: vec![0; 1_000],
            central,
            work_ms,
            ..Self::default()
        }
    }

    pub(super) fn central_finish(&self) -> Micros {
        self.central
    }

    pub(super) fn is_done(&self) -> bool {
        self.done == self.completions.len()
    }

    pub(super) fn delay(&mut self, delay: Micros) {
        let step = (delay / 10_000).min(self.delays.len() as u64 - 1);
        self.delays[step as usize] += 1;
    }

    /// A node holds an epoch, which these witnesses granted; `lies` says who of them lies.
    pub(super) fn witnessed(
        &mut self,
        job: JobNo,
        epoch: u32,
        node: u32,
        granted: Vec<u32>,
        lies: impl Fn(u32) -> bool,
    ) {
        let Some((holder, before)) = self.holders.get(&(job, epoch)) else {
            self.holders.insert((job, epoch), (node, granted));
            return;
        };
        if *holder != node {
            let both: Vec<u32> = granted.into_iter().filter(|witness| before.contains(witness)).collect();
            if !both.is_empty() && both.into_iter().all(lies) {
                self.held_by_lies += 1;
            } else {
                self.broken.push(Broken::TwoHolders { job: job.0, epoch, nodes: (*holder, node) });
            }
        }
    }

    pub(super) fn started(&mut self, job: JobNo, at: Micros, honest: bool, resumed: bool) {
        if let Some((since, done)) = self.broken_off.remove(&job) {
            self.takeovers.push(at - since);
            // What a crash broke off is lost when another begins anew.
            if !resumed {
                self.wasted_ms += done;
            }
        }
        if honest && !resumed {
            self.starts[job.0 as usize] += 1;
        }
    }

    pub(super) fn broke_off(&mut self, job: JobNo, at: Micros, done_ms: u64) {
        if self.completions[job.0 as usize] == 0 {
            self.broken_off.entry(job).or_insert((at, done_ms));
        }
    }

    pub(super) fn completed(&mut self, job: JobNo, at: Micros, work_ms: u64) {
        let times = &mut self.completions[job.0 as usize];
        *times += 1;
        if *times == 1 {
            self.done += 1;
            self.last = at;
        } else {
            self.wasted_ms += work_ms;
        }
    }

    pub(super) fn waste(&mut self, ms: u64) {
        self.wasted_ms += ms;
    }

    pub(super) fn central(self, options: Options) -> Report {
        Report {
            duplicates_completed: 0,
            duplicates_started: 0,
            work_wasted: 0.0,
            takeover_p99_s: None,
            messages_per_job: 2.0,
            messages: Messages::default(),
            finish_s: self.central as f64 / 1e6,
            finish_vs_central: 1.0,
            delivery_p50_ms: 0,
            behind: 0,
            held_by_lies: 0,
            broken: Vec::new(),
            digest: blake3::hash(&self.central.to_le_bytes()).to_hex().to_string(),
            options,
        }
    }

    pub(super) fn report(mut self, options: Options, digest: String, behind: usize) -> Report {
        let jobs = self.completions.len() as f64;
        let more = |times: &[u32]| times.iter().map(|times| u64::from(times.saturating_sub(1))).sum();
        let lost = (0..).zip(&self.completions).filter(|(_, times)| **times == 0);
        if options.until_s == 0 {
            self.broken.extend(lost.map(|(job, _)| Broken::Lost { job }));
        }
        // Without witnesses there is nothing to hold.
        debug_assert!(options.coordination == Coordination::Witness || self.holders.is_empty());
        self.takeovers.sort_unstable();
        let p99 = self.takeovers.get(self.takeovers.len() * 99 / 100).map(|time| *time as f64 / 1e6);
        let all: u64 = self.delays.iter().sum();
        let mut seen = 0;
        let half = self.delays.iter().position(|count| {
            seen += count;
            seen * 2 >= all
        });
        Report {
            duplicates_completed: more(&self.completions),
            duplicates_started: more(&self.starts),
            work_wasted: self.wasted_ms as f64 / self.work_ms as f64,
            takeover_p99_s: p99,
            messages_per_job: self.messages.all() as f64 / jobs,
            messages: self.messages,
            finish_s: self.last as f64 / 1e6,
            finish_vs_central: self.last as f64 / self.central as f64,
            delivery_p50_ms: half.unwrap_or(0) as u64 * 10,
            behind,
            held_by_lies: self.held_by_lies,
            broken: self.broken,
            digest,
            options,
        }
    }
}
