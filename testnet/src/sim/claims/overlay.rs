//! Who passes gossip on to whom, and when it arrives where.
//!
//! A message takes its way hop by hop; each hop takes its time and may lose it. Faults are those of the moment in which
//! it was said: it is everywhere within seconds, faults last for minutes.

use std::{cmp::Reverse, collections::BinaryHeap};

use fastrand::Rng;

use crate::sim::{
    chance::{exp, normal},
    queue::Micros,
};

/// Neighbours that each node has at least: it chooses others until it has so many, as gossipsub does (version 1.1,
/// `D_low`; <https://github.com/libp2p/specs/tree/master/pubsub/gossipsub>). They have 6.5 on the average.
const MESH_LOW: usize = 5;
/// A message between any two nodes takes 150 ms x e^N(0, 0.9).
const MEDIAN_MS: f64 = 150.0;
const SPREAD: f64 = 0.9;
/// A hop takes so much of it that gossip reaches the median node after about 150 ms as well.
const HOP_SHARE: f64 = 0.55;
/// Delays are drawn from so many that were drawn once: one number instead of twelve each time.
const DELAYS: usize = 1 << 16;

#[derive(Debug)]
pub(super) struct Overlay {
    neighbours: Vec<Vec<u32>>,
    loss: f64,
    /// How long messages take, and how long hops take.
    delays: Vec<u32>,
    hops: Vec<u32>,
}

/// Nodes that can be reached now: up, and on the same side of a partition as the sender.
pub(super) trait Reach {
    fn reaches(&self, from: u32, to: u32) -> bool;
}

impl Overlay {
    pub(super) fn new(nodes: u32, loss_percent: u32, rng: &mut Rng) -> Self {
        let mut neighbours = vec![Vec::new(); nodes as usize];
        for node in 0..nodes {
            while neighbours[node as usize].len() < MESH_LOW.min(nodes as usize - 1) {
                let other = (0..16)
                    .map(|_| rng.u32(0..nodes))
                    .find(|other| *other != node && !neighbours[node as usize].contains(other));
                let Some(other) = other else { break };
                neighbours[node as usize].push(other);
                neighbours[other as usize].push(node);
            }
        }
        let delays: Vec<_> = (0..DELAYS).map(|_| MEDIAN_MS * 1000.0 * exp(SPREAD * normal(rng))).collect();
        Self {
            neighbours,
            loss: f64::from(loss_percent) / 100.0,
            hops: delays.iter().map(|delay| (HOP_SHARE * delay) as u32).collect(),
            delays: delays.into_iter().map(|delay| delay as u32).collect(),
        }
    }

    /// Whether one message is lost.
    pub(super) fn loses(&self, rng: &mut Rng) -> bool {
        self.loss > 0.0 && rng.f64() < self.loss
    }

    /// How long a message between two nodes takes.
    pub(super) fn delay(&self, rng: &mut Rng) -> Micros {
        self.delays[rng.usize(0..DELAYS)].into()
    }

    /// When gossip of a node arrives after now at each other one, earliest first. Whoever loses it at the end has
    /// passed it on all the same.
    pub(super) fn flood(&self, from: u32, reach: &impl Reach, rng: &mut Rng) -> Vec<(Micros, u32)> {
        let mut heard = vec![false; self.neighbours.len()];
        let mut waiting = BinaryHeap::from([Reverse((0, from))]);
        let mut arrivals = Vec::with_capacity(self.neighbours.len());
        while let Some(Reverse((at, node))) = waiting.pop() {
            if std::mem::replace(&mut heard[node as usize], true) {
                continue;
            }
            if node != from && !self.loses(rng) {
                arrivals.push((at, node));
            }
            for next in &self.neighbours[node as usize] {
                if !heard[*next as usize] && reach.reaches(node, *next) && !self.loses(rng) {
                    let hop = Micros::from(self.hops[rng.usize(0..DELAYS)]);
                    waiting.push(Reverse((at + hop, *next)));
                }
            }
        }
        arrivals
    }
}
