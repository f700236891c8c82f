//! What a run says at its end, for people and for programs.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Options, queue::Micros};

/// A median and the worst case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Half are faster.
    pub median_ms: u64,
    /// The slowest.
    pub worst_ms: u64,
}

impl Spread {
    pub(super) fn of(mut times: Vec<Micros>) -> Option<Self> {
        times.sort_unstable();
        let worst = *times.last()?;
        Some(Self { median_ms: times[times.len() / 2] / 1000, worst_ms: worst / 1000 })
    }
}

/// What was sent for one purpose, retransmissions not counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Traffic {
    /// Messages, questions and answers counted each.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages by entries written.
    pub messages_per_entry: f64,
    /// Bytes by entries written.
    pub bytes_per_entry: f64,
    /// What one node sends, on the average.
    pub bytes_per_node_per_s: f64,
}

/// What one meeting of two nodes that know the same costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Meeting {
    /// Bytes of the question.
    pub question_bytes: u64,
    /// Bytes of the answer.
    pub answer_bytes: u64,
}

/// What a run gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What was asked for.
    pub options: Options,
    /// BLAKE3 over everything that happened: equal digests are equal runs.
    pub digest: String,
    /// Whether every node has every entry.
    pub complete: bool,
    /// From an entry's writing until half of the nodes had it.
    pub to_half: Option<Spread>,
    /// Until 99 % of the nodes had it.
    pub to_99_percent: Option<Spread>,
    /// Until all nodes had it.
    pub to_all: Option<Spread>,
    /// From the end of the partition until all nodes had all entries.
    pub after_healing_ms: Option<u64>,
    /// From a newcomer's start until it had every feed.
    pub newcomers: Option<Spread>,
    /// News that heads moved.
    pub gossip: Traffic,
    /// Where feeds end, on connect and every 25 s.
    pub heads: Traffic,
    /// Entries.
    pub pulls: Traffic,
    /// A meeting of two nodes with equal feeds.
    pub meeting: Meeting,
    /// Gossip that came to a node more than once.
    pub repeated: u64,
    /// Questions refused because one peer asked too many a second.
    pub busy: u64,
    /// Virtual time that was simulated.
    pub duration_ms: u64,
    /// Events that were simulated.
    pub events: u64,
}

impl Report {
    /// The figures for people.
    #[must_use]
    pub fn table(&self) -> String {
        let o = &self.options;
        let mut text = format!(
            "{} nodes, {} entries, seed {}, loss {} %, partition {} s, {} crashes, {} newcomers, heads {}, gossip {}\n",
            o.nodes,
            o.entries,
            o.seed,
            o.loss,
            o.partition,
            o.crashes,
            o.joins,
            o.heads.name(),
            o.gossip.name()
        );
        let ms = |time: Option<u64>| time.map_or("never".to_owned(), |ms| format!("{ms} ms"));
        for (what, spread) in [("50 %", self.to_half), ("99 %", self.to_99_percent), ("100 %", self.to_all)] {
            let (median, worst) =
                (spread.map(|spread| spread.median_ms), spread.map(|spread| spread.worst_ms));
            let _ = writeln!(text, "to {what:<6} median {:>10}   worst {:>10}", ms(median), ms(worst));
        }
        if o.partition > 0 {
            let _ = writeln!(text, "after healing    {:>10}", ms(self.after_healing_ms));
        }
        if o.joins > 0 {
            let _ =
                writeln!(text, "newcomers worst  {:>10}", ms(self.newcomers.map(|spread| spread.worst_ms)));
        }
        text += "          messages       MB   messages/entry   kB/entry   bytes/node/s\n";
        for (what, traffic) in [("gossip", self.gossip), ("heads", self.heads), ("pulls", self.pulls)] {
            let _ = writeln!(
                text,
                "{what:<8} {:>9} {:>8.1} {:>16.0} {:>10.0} {:>14.0}",
                traffic.messages,
                traffic.bytes as f64 / 1e6,
                traffic.messages_per_entry,
                traffic.bytes_per_entry / 1e3,
                traffic.bytes_per_node_per_s
            );
        }
        let _ = writeln!(
            text,
            "a meeting of equals asks with {} bytes and answers with {}; {} questions refused as too many\n\
             {} ms in {} events, digest {}",
            self.meeting.question_bytes,
            self.meeting.answer_bytes,
            self.busy,
            self.duration_ms,
            self.events,
            self.digest
        );
        text
    }
}
