//! A hundred simulated nodes share out their jobs, whatever fails and whoever lies; and a very small group does so in
//! every run there is, up to a bound.

use horahora_testnet::sim::{
    claims::{Coordination, Cut, Options, run, shrink, table},
    model::{Bound, check},
};

/// A case of the issue's, with fewer jobs: the whole table is `testnet sim claims-table`.
fn reaches(case: &table::Case, jobs: u32) {
    let options = Options { jobs, ..case.options.clone() };
    let case = table::Case { options: options.clone(), ..case.clone() };
    let report = run(&options);
    let missed = case.missed(&report);
    assert!(missed.is_empty(), "{}: {missed:?}\n{}\n{}", case.name, options.replay(), report.table());
    assert_eq!(report.behind, 0, "{}", options.replay());
}

#[test]
fn one_seed_is_one_run() {
    let options = Options {
        nodes: 30,
        jobs: 300,
        loss: 5,
        crash_every_s: 600,
        cut: Cut { fraction: 0.3, seconds: 100 },
        ..Options::default()
    };
    let (first, again) = (run(&options), run(&options));
    assert_eq!(first, again);
    assert_ne!(first.digest, run(&Options { seed: 2, ..options }).digest);
}

#[test]
fn a_hundred_nodes_do_each_job_once() {
    let cases = table::hundred();
    reaches(&cases[0], 2_000);
}

#[test]
fn a_hundred_nodes_take_over_what_crashes_break_off() {
    reaches(&table::hundred()[1], 2_000);
}

#[test]
fn a_hundred_nodes_bear_a_partition() {
    // What a partition costs does not grow with the jobs: the bound is a share of all of them.
    reaches(&table::hundred()[2], 10_000);
}

#[test]
fn a_hundred_nodes_bear_ten_liars() {
    for case in &table::hundred()[3..] {
        reaches(case, 500);
    }
}

#[test]
fn each_step_of_the_design_is_for_something() {
    let options = Options { nodes: 50, jobs: 500, loss: 5, ..Options::default() };
    let [gossip, sync, witness] = [Coordination::Gossip, Coordination::Sync, Coordination::Witness]
        .map(|coordination| run(&Options { coordination, ..options.clone() }));
    assert!(gossip.work_wasted > sync.work_wasted, "{}\n{}", gossip.table(), sync.table());
    assert!(sync.work_wasted > witness.work_wasted, "{}\n{}", sync.table(), witness.table());
}

#[test]
fn a_failing_run_is_made_small() {
    // As if more than three jobs under loss among at least ten nodes broke something.
    let mut fails = |options: &Options| options.jobs > 3 && options.loss > 0 && options.nodes >= 10;
    let options =
        Options { jobs: 1_000, loss: 20, crash_every_s: 60, liars: 10, seed: 7, ..Options::default() };
    let least = shrink::shrink(&options, &mut fails, &mut |_| {});
    assert_eq!((least.jobs <= 8, least.loss, least.crash_every_s, least.liars), (true, 1, 0, 0));
    assert!(
        least.nodes <= 12 && least.seed == 7 && least.replay().contains("--seed 7"),
        "{}",
        least.replay()
    );
}

#[test]
fn every_run_of_three_nodes_keeps_what_claims_promise() {
    let small =
        Bound { jobs: 1, workers: 2, losses: 0, crashes: 0, ends: 0, horizon_ms: 1_000, ..Bound::default() };
    for bound in [
        // Any order, and one message lost.
        Bound { losses: 1, ..small.clone() },
        // A witness more than are asked at first.
        Bound { nodes: 4, ..small.clone() },
        // Past the end of a lease, with ends at any time.
        Bound { ends: 1, horizon_ms: 61_000, delay_ms: 0, ..small.clone() },
    ] {
        let findings = check(&bound);
        assert!(findings.broken.is_none() && findings.complete, "{}", findings.text());
    }
    // Two jobs, losses, crashes and ends, as far as a few seconds go.
    let findings = check(&Bound { states: 20_000, ..Bound::default() });
    assert!(findings.broken.is_none() && findings.depth >= 2, "{}", findings.text());
}

#[test]
fn the_model_finds_what_forgetful_witnesses_break() {
    let bound =
        Bound { jobs: 1, workers: 2, losses: 0, ends: 0, horizon_ms: 0, forgetful: true, ..Bound::default() };
    let findings = check(&bound);
    let (what, way) = findings.broken.clone().unwrap();
    assert!(what.contains("each witnessed") && way.len() == 5, "{}", findings.text());
}
