//! The figures that claims must reach, as a table: each case with many seeds, the worst run counts.

use std::fmt::Write as _;

use super::{Coordination, Cut, Lie, Options, Report, run};

/// A row: what it is about, what runs, and what it must reach.
#[derive(Debug, Clone)]
pub struct Case {
    /// For people.
    pub name: &'static str,
    /// What runs, with each seed.
    pub options: Options,
    /// The most that may be wasted, as a share of all work; none where crashes cost what they cost.
    pub wasted: Option<f64>,
    /// The most that may be done twice, as a share of all jobs.
    pub duplicates: f64,
    /// The longest time to a take-over.
    pub takeover_s: Option<f64>,
    /// The longest time to the end, by a central queue's.
    pub finish: Option<f64>,
    /// The most messages a job.
    pub messages: Option<f64>,
}

impl Case {
    fn of(name: &'static str, options: Options) -> Self {
        Self { name, options, wasted: None, duplicates: 0.0, takeover_s: None, finish: None, messages: None }
    }

    /// What a run did not reach.
    #[must_use]
    pub fn missed(&self, report: &Report) -> Vec<String> {
        let jobs = f64::from(self.options.jobs);
        let mut missed = Vec::new();
        let mut at_most = |what: &str, found: f64, most: Option<f64>| {
            if most.is_some_and(|most| found > most) {
                missed.push(format!("{what} {found:.4}"));
            }
        };
        at_most("duplicates", report.duplicates_completed as f64 / jobs, Some(self.duplicates));
        at_most("wasted", report.work_wasted, self.wasted);
        at_most("take-over", report.takeover_p99_s.unwrap_or(0.0), self.takeover_s);
        at_most("finish", report.finish_vs_central, self.finish);
        at_most("messages", report.messages_per_job, self.messages);
        missed.extend(report.broken.iter().map(|broken| format!("{broken:?}")));
        missed
    }
}

/// The cases with 100 nodes and 10,000 jobs.
#[must_use]
pub fn hundred() -> Vec<Case> {
    let lie = |lie| Options { liars: 10, lie, ..Options::default() };
    let lies = [
        ("10 % claim and never deliver", Lie::Claim),
        ("10 % grant everything", Lie::Grant),
        ("10 % deny everything", Lie::Deny),
        ("10 % forge progress", Lie::Progress),
        ("10 % deliver garbage", Lie::Garbage),
    ];
    let crashes = Options { crash_every_s: 1_800, loss: 5, ..Options::default() };
    let cut = Options { cut: Cut { fraction: 0.3, seconds: 300 }, ..Options::default() };
    let mut cases = vec![
        Case { wasted: Some(0.0), finish: Some(1.1), ..Case::of("no faults", Options::default()) },
        Case { takeover_s: Some(120.0), ..Case::of("a crash each 30 min a node, 5 % loss", crashes) },
        Case { wasted: Some(0.02), duplicates: 0.01, ..Case::of("30 % cut off for 300 s", cut) },
    ];
    cases.extend(lies.map(|(name, kind)| Case { wasted: Some(0.03), ..Case::of(name, lie(kind)) }));
    cases
}

/// The case with 1,000 nodes and 20,000 jobs.
#[must_use]
pub fn thousand() -> Case {
    let options = Options { nodes: 1_000, jobs: 20_000, loss: 5, ..Options::default() };
    Case { wasted: Some(0.001), messages: Some(25.0), ..Case::of("5 % loss", options) }
}

/// Runs a case with the seeds from 1 on and gives its row; the second value is what was missed.
#[must_use]
pub fn row(case: &Case, seeds: u64) -> (String, Vec<String>) {
    let (mut missed, mut reports) = (Vec::new(), Vec::new());
    for seed in 1..=seeds {
        let options = Options { seed, ..case.options.clone() };
        let report = run(&options);
        missed.extend(case.missed(&report).into_iter().map(|what| format!("{what}: {}", options.replay())));
        reports.push(report);
    }
    let worst = |figure: &dyn Fn(&Report) -> f64| reports.iter().map(figure).fold(0.0, f64::max);
    let mut row = format!("| {} × {} | {} | {seeds} |", case.options.nodes, case.options.jobs, case.name);
    let _ = write!(
        row,
        " {} | {} | {:.3} % | {} | {:.1} | {:.3} |",
        worst(&|report| report.duplicates_completed as f64),
        worst(&|report| report.duplicates_started as f64),
        worst(&|report| report.work_wasted * 100.0),
        if reports.iter().any(|report| report.takeover_p99_s.is_some()) {
            format!("{:.0} s", worst(&|report| report.takeover_p99_s.unwrap_or(0.0)))
        } else {
            "–".to_owned()
        },
        worst(&|report| report.messages_per_job),
        worst(&|report| report.finish_vs_central),
    );
    let _ = write!(row, " {} |", if missed.is_empty() { "yes" } else { "NO" });
    (row, missed)
}

/// The table's head, with the commit that it was made of.
#[must_use]
pub fn head(commit: &str) -> String {
    format!(
        "Of commit `{commit}`; the worst run of each case.\n\n\
         | nodes × jobs | case | seeds | done twice | begun twice | in vain | taken over, p99 | messages a job | finish, \
         × central | reached |\n|---|---|---|---|---|---|---|---|---|---|\n"
    )
}

/// Each step from no coordination to the real one, under one load, for the figures.
#[must_use]
pub fn steps(loss: u32, nodes: u32, jobs: u32) -> Vec<(Coordination, Report)> {
    use Coordination::{Gossip, None, Rank, Sync, Witness};
    let run = |coordination| run(&Options { nodes, jobs, loss, coordination, ..Options::default() });
    [None, Gossip, Rank, Sync, Witness].map(|coordination| (coordination, run(coordination))).into()
}
