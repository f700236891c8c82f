//! Entries spread among many simulated nodes, whatever fails.

use horahora_testnet::sim::{GossipForm, HeadsForm, Options, run};

const FORMS: [HeadsForm; 3] = [HeadsForm::Full, HeadsForm::Digest, HeadsForm::Buckets];

#[test]
fn one_seed_is_one_run() {
    let options = Options { nodes: 100, loss: 5, partition: 20, crashes: 5, joins: 2, ..Options::default() };
    let (first, again) = (run(&options), run(&options));
    assert_eq!(first, again);
    let other = run(&Options { seed: 2, ..options });
    assert_ne!(first.digest, other.digest);
}

#[test]
fn every_node_has_every_entry_after_loss_partition_and_crashes() {
    let gossips = [GossipForm::Heads, GossipForm::Pulled, GossipForm::Entries];
    let forms = FORMS.into_iter().flat_map(|heads| gossips.map(|gossip| (heads, gossip)));
    for ((heads, gossip), seed) in forms.zip(1..) {
        let (loss, partition, crashes, joins) = (20, 60, 20, 5);
        let faults = Options { loss, partition, crashes, joins, heads, gossip, ..Options::default() };
        let report = run(&Options { nodes: 100, seed, ..faults });
        assert!(report.complete, "{}", report.table());
        // A node whose every neighbour is on the other side dials again up to 65 s later; then they meet and pull.
        assert!(report.after_healing_ms.unwrap() < 120_000, "{}", report.table());
    }
}

#[test]
fn a_thousand_nodes_have_an_entry_within_seconds() {
    let [full, digest, buckets] = FORMS.map(|heads| run(&Options { heads, ..Options::default() }));
    for report in [&full, &digest, &buckets] {
        assert!(report.complete && report.busy == 0, "{}", report.table());
        // 2 s of gathering, then 6 hops and as many pulls at 40 ms a way.
        assert!(report.to_99_percent.unwrap().worst_ms < 10_000, "{}", report.table());
        // Everybody passes news on once, to 6 neighbours at most, and one fetch each is nearly enough.
        assert!(report.gossip.messages_per_entry < 8_000.0, "{}", report.table());
        assert!(report.pulls.messages_per_entry < 10_000.0, "{}", report.table());
    }
    // Among a thousand feeds the full lists are most of the traffic; digests are not.
    assert!(full.heads.bytes > 5 * (full.gossip.bytes + full.pulls.bytes), "{}", full.table());
    assert!(full.heads.bytes_per_node_per_s > 5.0 * digest.heads.bytes_per_node_per_s, "{}", digest.table());
    assert!(
        full.heads.bytes_per_node_per_s > 50.0 * buckets.heads.bytes_per_node_per_s,
        "{}",
        buckets.table()
    );
}

#[test]
fn news_passed_on_with_their_entries_spread_faster() {
    let [now, pulled] = [GossipForm::Heads, GossipForm::Pulled]
        .map(|gossip| run(&Options { gossip, heads: HeadsForm::Buckets, ..Options::default() }));
    // Who passes news on can answer at once, so nobody tries again: a question and an answer a node.
    assert!(pulled.pulls.messages * 2 < now.pulls.messages, "{}", pulled.table());
    assert!(pulled.to_all.unwrap().worst_ms < now.to_99_percent.unwrap().worst_ms, "{}", pulled.table());
}
