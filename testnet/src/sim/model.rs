//! Every run of a small group up to a bound: a model check of the very machine that nodes run
//! (`horahora_protocol::claim`), breadth first, so that what it finds comes with the shortest way there.
//!
//! A state is the machines, their disks, the messages under way, the clock and the faults that are left. From each
//! state every message under way may arrive or get lost, every running job may end, every node may crash and come
//! back, and time may go on to the next alarm. `state` is one state and what may happen to it. Works are renditions: what
//! is delivered is done, looking at it is not in the model.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
};

mod state;

use state::{Pool, State, Step};

/// How far to look.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct Bound {
    /// Members of the group; all may be witnesses
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub nodes: u8,
    /// How many of them work; the others only answer
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub workers: u8,
    /// Jobs
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub jobs: u8,
    /// Messages that get lost, in one run
    #[arg(long, default_value_t = 1)]
    pub losses: u8,
    /// Crashes, in one run: the disk stays, or only the grants, or nothing
    #[arg(long, default_value_t = 1)]
    pub crashes: u8,
    /// Jobs that may end while others still ask, in one run
    #[arg(long, default_value_t = 1)]
    pub ends: u8,
    /// Milliseconds of virtual time
    #[arg(long, default_value_t = 10_000)]
    pub horizon_ms: u64,
    /// How long a message may be under way when time goes on
    #[arg(long, default_value_t = 5_000)]
    pub delay_ms: u64,
    /// Stop after so many states
    #[arg(long, default_value_t = 20_000_000)]
    pub states: usize,
    /// From each so-manieth state nothing more fails, and all jobs must get done
    #[arg(long, default_value_t = 16)]
    pub every: usize,
    /// A node that lost its grants does not abstain: shows that the check finds what that breaks
    #[arg(long)]
    pub forgetful: bool,
}

impl Default for Bound {
    fn default() -> Self {
        Self {
            nodes: 3,
            workers: 3,
            jobs: 2,
            losses: 1,
            crashes: 1,
            ends: 1,
            horizon_ms: 10_000,
            delay_ms: 5_000,
            states: 20_000_000,
            every: 16,
            forgetful: false,
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// How far was looked.
    pub bound: Bound,
    /// Different states.
    pub states: usize,
    /// Steps from one to another.
    pub steps: usize,
    /// Steps from the beginning to the farthest state.
    pub depth: usize,
    /// Whether every state up to the bound was seen.
    pub complete: bool,
    /// States from which all jobs got done when nothing more failed.
    pub finished: usize,
    /// What must not be, and the way there in words.
    pub broken: Option<(String, Vec<String>)>,
}

impl Findings {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let Bound { nodes, workers, jobs, losses, crashes, ends, horizon_ms, delay_ms, .. } = &self.bound;
        let mut text = format!(
            "{nodes} nodes of which {workers} work, {jobs} jobs, up to {losses} lost messages, {crashes} crashes and {ends} \
             early ends, {horizon_ms} ms, messages up to {delay_ms} ms late in any order\n{} states, {} steps, the farthest \
             {} steps away, {}\nall jobs got done from each of {} of them\n",
            self.states,
            self.steps,
            self.depth,
            if self.complete {
                "all up to the bound".to_owned()
            } else {
                format!("NOT all up to the bound, but all within {} steps", self.depth)
            },
            self.finished
        );
        match &self.broken {
            None => text.push_str("nothing broken\n"),
            Some((what, way)) => {
                let _ = writeln!(text, "BROKEN: {what}");
                for (number, step) in (1..).zip(way) {
                    let _ = writeln!(text, "{number:4}  {step}");
                }
            }
        }
        text
    }
}

/// Looks at every state up to the bound.
#[must_use]
pub fn check(bound: &Bound) -> Findings {
    let mut findings = Findings {
        bound: bound.clone(),
        states: 1,
        steps: 0,
        depth: 0,
        complete: true,
        finished: 0,
        broken: None,
    };
    let first = State::first(bound);
    // 64 bits: among ten million states two have the same hash with a chance of 3 in a million.
    let mut seen = HashSet::from([first.hash()]);
    // Where each state came from.
    let mut from: Vec<(usize, Option<Step>)> = vec![(0, None)];
    let mut layer = vec![(0, first)];
    let mut pool = Pool::default();
    while !layer.is_empty() {
        let mut next = Vec::new();
        for (number, state) in layer {
            if number % bound.every.max(1) == 0 {
                if let Err(what) = state.clone().finish() {
                    findings.complete = false;
                    findings.broken = Some((what, way(bound, &from, number)));
                    return findings;
                }
                findings.finished += 1;
            }
            for step in state.steps(bound) {
                findings.steps += 1;
                let mut after = state.clone();
                if let Err(what) = after.take(bound, step) {
                    from.push((number, Some(step)));
                    findings.states += 1;
                    findings.complete = false;
                    findings.broken = Some((what, way(bound, &from, from.len() - 1)));
                    return findings;
                }
                if !seen.insert(after.hash()) {
                    continue;
                }
                from.push((number, Some(step)));
                findings.states += 1;
                if findings.states >= bound.states {
                    findings.complete = false;
                    return findings;
                }
                after.share(&mut pool);
                next.push((from.len() - 1, after));
            }
        }
        findings.depth += usize::from(!next.is_empty());
        layer = next;
    }
    findings
}

/// How a state was reached.
fn way(bound: &Bound, from: &[(usize, Option<Step>)], number: usize) -> Vec<String> {
    let mut steps = Vec::new();
    let mut at = number;
    while let (before, Some(step)) = from[at] {
        steps.push(step);
        at = before;
    }
    let mut state = State::first(bound);
    let mut words = Vec::new();
    for step in steps.into_iter().rev() {
        let mut line = format!("{:5} ms  {}", state.now_ms(), state.words(step));
        let before = state.holders();
        // What it breaks is told at the end.
        let _ = state.take(bound, step);
        for ((job, epoch), node) in
            state.holders().into_iter().filter(|(claim, _)| !before.contains_key(claim))
        {
            let _ = write!(line, "; n{node} holds epoch {epoch} of j{job} witnessed");
        }
        words.push(line);
    }
    words
}

type Holders = BTreeMap<(u32, u32), usize>;
