//! Who comes first for what: rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to increase hit
//! rates", 1998), with weights by the logarithmic method (Schindelhauer and Schomaker, "Weighted distributed hash
//! tables", 2005).
//!
//! Everyone computes the same order from the same names, so nobody has to be asked for it. A node that comes or goes
//! changes the place of nobody else. Only whole numbers: the order is the same on every machine.

use crate::id::NodeId;

/// What nodes are ranked for: the first 8 bytes of the BLAKE3 hash of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(u64);

/// The weight of an ordinary node; one of twice the weight comes first twice as often.
pub const ORDINARY: u32 = 1_000;

impl Subject {
    /// The subject of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(first_bytes(blake3::hash(name.as_bytes())))
    }

    /// The subject of one epoch of this one.
    #[must_use]
    pub fn in_epoch(self, epoch: u32) -> Self {
        Self(self.0 ^ u64::from(epoch).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }
}

/// A node's lot for a subject, spread uniformly over all numbers. Among equals the lowest comes first.
#[must_use]
pub fn lot(node: &NodeId, subject: Subject) -> u64 {
    let mut name = [0; 40];
    name[..32].copy_from_slice(node.public_key());
    name[32..].copy_from_slice(&subject.0.to_le_bytes());
    first_bytes(blake3::hash(&name))
}

/// A node's place for a subject among nodes of different weights: the lowest comes first, which it does as often as its
/// weight is of all weights together. In units of 2^-32 / weight; `weight` is in thousandths of an ordinary node's.
#[must_use]
pub fn cost(node: &NodeId, subject: Subject, weight: u32) -> u64 {
    // -log2 of a uniform number in (0, 1] is exponentially distributed; divided by w, the lowest of many is this one
    // with the chance w / sum of all w.
    let uniform = lot(node, subject);
    (minus_log2(uniform) * u64::from(ORDINARY)) / u64::from(weight.max(1))
}

/// The first `count` of these nodes for a subject, all of the same weight, in order.
pub fn first<'a>(nodes: impl IntoIterator<Item = &'a NodeId>, subject: Subject, count: usize) -> Vec<NodeId> {
    let mut best: Vec<(u64, NodeId)> = Vec::with_capacity(count + 1);
    for node in nodes {
        let entry = (lot(node, subject), *node);
        if best.len() < count || best.last().is_some_and(|last| entry < *last) {
            best.insert(best.partition_point(|other| *other < entry), entry);
            best.truncate(count);
        }
    }
    best.into_iter().map(|(_, node)| node).collect()
}

/// How many of these nodes, each with its weight, come before `node` for a subject.
pub fn place<'a>(
    nodes: impl IntoIterator<Item = (&'a NodeId, &'a u32)>,
    subject: Subject,
    node: &NodeId,
    weight: u32,
) -> usize {
    let own = (cost(node, subject, weight), node);
    nodes.into_iter().filter(|(other, weight)| (cost(other, subject, **weight), *other) < own).count()
}

fn first_bytes(hash: blake3::Hash) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}

/// -log2((x + 1) / 2^64) with 32 bits after the point, rounded down to at most one unit too much: the bits of the
/// logarithm come one by one by squaring (Knuth, The Art of Computer Programming, 1.2.2, exercise 25).
fn minus_log2(x: u64) -> u64 {
    let x = u128::from(x) + 1;
    let whole = x.ilog2();
    // The mantissa, from 1 (2^63) to just under 2 (2^64).
    let mut mantissa = if whole >= 63 { (x >> (whole - 63)) as u64 } else { (x << (63 - whole)) as u64 };
    let mut fraction: u64 = 0;
    for _ in 0..32 {
        let square = u128::from(mantissa) * u128::from(mantissa);
        fraction <<= 1;
        if square >> 127 == 1 {
            fraction |= 1;
            mantissa = (square >> 64) as u64;
        } else {
            mantissa = (square >> 63) as u64;
        }
    }
    (64 << 32) - ((u64::from(whole) << 32) + fraction)
}
