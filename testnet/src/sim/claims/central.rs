//! What no group without a server can have: one queue that every node sees at once. The first free node takes the next
//! job; nobody fails, nothing is late.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::sim::queue::Micros;

/// When the last job is done, and what each job took.
pub(super) fn finish(work_ms: &[u64], speeds: &[u32]) -> Micros {
    let mut free: BinaryHeap<_> = (0..speeds.len()).map(|node| Reverse((0, node))).collect();
    let mut last = 0;
    for work in work_ms {
        let Some(Reverse((at, node))) = free.pop() else { break };
        let done = at + takes(*work, speeds[node]);
        last = last.max(done);
        free.push(Reverse((done, node)));
    }
    last
}

/// How long a node of this speed, in thousandths, works on a job.
pub(super) fn takes(work_ms: u64, speed: u32) -> Micros {
    work_ms * 1_000_000 / u64::from(speed)
}
