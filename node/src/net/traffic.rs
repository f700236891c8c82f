//! How many bytes move between this node and each other one, and how fast.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use horahora_protocol::NodeId;

/// How often rates are reckoned.
pub(super) const TICK: Duration = Duration::from_secs(1);
/// Weight of the last tick in a rate: a rate follows within about three seconds.
const WEIGHT: f64 = 0.4;
/// Nodes counted; a stranger more takes the place of one that moves nothing.
const COUNTED: usize = 1_000;
/// Slower than this is nothing, in bytes a second.
const NOTHING: f64 = 100.0;

/// What moved between this node and another since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Flow {
    /// Bytes of blobs received.
    pub bytes_in: u64,
    /// Bytes of blobs sent.
    pub bytes_out: u64,
    /// Blobs received.
    pub blobs_in: u64,
    /// Blobs sent.
    pub blobs_out: u64,
    /// Bytes a second received now.
    pub rate_in: f64,
    /// Bytes a second sent now.
    pub rate_out: f64,
    last_in: u64,
    last_out: u64,
}

/// All flows. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Traffic(Arc<Mutex<BTreeMap<NodeId, Flow>>>);

impl Traffic {
    /// What moves to and from each node.
    #[must_use]
    pub fn flows(&self) -> BTreeMap<NodeId, Flow> {
        self.flows_now().clone()
    }

    pub(super) fn received(&self, node: &NodeId, bytes: usize) {
        self.with(node, |flow| flow.bytes_in += bytes as u64);
    }

    pub(super) fn received_blob(&self, node: &NodeId) {
        self.with(node, |flow| flow.blobs_in += 1);
    }

    pub(super) fn sent(&self, node: &NodeId, bytes: usize) {
        self.with(node, |flow| flow.bytes_out += bytes as u64);
    }

    pub(super) fn sent_blob(&self, node: &NodeId) {
        self.with(node, |flow| flow.blobs_out += 1);
    }

    /// Reckons the rates; call it every [`TICK`]. Gives whether a person could see a change.
    pub(super) fn tick(&self) -> bool {
        let mut changed = false;
        for flow in self.flows_now().values_mut() {
            let before = (flow.rate_in, flow.rate_out);
            let rate = |old: f64, bytes: u64| {
                let new = old * (1.0 - WEIGHT) + bytes as f64 / TICK.as_secs_f64() * WEIGHT;
                if new < NOTHING { 0.0 } else { new }
            };
            flow.rate_in = rate(flow.rate_in, flow.bytes_in - flow.last_in);
            flow.rate_out = rate(flow.rate_out, flow.bytes_out - flow.last_out);
            (flow.last_in, flow.last_out) = (flow.bytes_in, flow.bytes_out);
            changed |= before != (flow.rate_in, flow.rate_out);
        }
        changed
    }

    fn with(&self, node: &NodeId, change: impl FnOnce(&mut Flow)) {
        let mut flows = self.flows_now();
        if flows.len() >= COUNTED && !flows.contains_key(node) {
            flows.retain(|_, flow| flow.rate_in + flow.rate_out > 0.0);
        }
        change(flows.entry(*node).or_default());
    }

    fn flows_now(&self) -> MutexGuard<'_, BTreeMap<NodeId, Flow>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_rises_while_bytes_move_and_falls_to_nothing() {
        let (traffic, node) = (Traffic::default(), NodeId::from_public_key([7; 32]));
        for _ in 0..20 {
            traffic.received(&node, 1_000_000);
            assert!(traffic.tick());
        }
        let rate = traffic.flows()[&node].rate_in;
        assert!((990_000.0..=1_000_000.0).contains(&rate), "{rate}");
        for _ in 0..40 {
            traffic.tick();
        }
        assert_eq!(traffic.flows()[&node].rate_in, 0.0);
        assert!(!traffic.tick());
    }
}
