//! What fails in a run: nodes crash and come back, with their disks or without.

use horahora_protocol::claim::Input;

use super::{
    actor::{Disk, Node},
    world::{AWAY, Event, SECOND, World},
};
use crate::sim::queue::Micros;

impl World {
    pub(super) fn plan_crash(&mut self, node: Node) {
        if self.options.crash_every_s > 0 {
            let pause = self.exponential(self.options.crash_every_s * SECOND);
            self.queue.after(pause, Event::Crash(node));
        }
    }

    fn exponential(&mut self, mean: Micros) -> Micros {
        // -ln(u) as a sum of the exponential's own halves: e^-x by comparison of uniforms (von Neumann, 1951).
        let mut whole = 0.0;
        loop {
            let first = self.rng.f64();
            let (mut last, mut odd) = (first, true);
            loop {
                let next = self.rng.f64();
                if next > last {
                    break;
                }
                last = next;
                odd = !odd;
            }
            if odd {
                return ((whole + first) * mean as f64) as Micros;
            }
            whole += 1.0;
        }
    }

    pub(super) fn crash(&mut self, node: Node) {
        let at = self.queue.now();
        self.note(9, node.into(), 0);
        let disk = self.rng.bool();
        let actor = &mut self.nodes[node as usize];
        (actor.is_up, actor.life, actor.wake) = (false, actor.life + 1, Micros::MAX);
        for (job, run) in std::mem::take(&mut actor.runs) {
            if let Some((_, _, done, _)) = &mut actor.disk.claim {
                *done = run.before + (at - run.since);
            }
            let done = (run.before + (at - run.since)) * u64::from(actor.speed) / 1_000_000;
            self.tally.broke_off(job, at, done);
        }
        if !disk {
            actor.disk = Disk::default();
            actor.knows.fill(0);
        }
        let away = self.exponential(AWAY);
        self.queue.after(away, Event::Return { node, disk });
    }

    pub(super) fn come_back(&mut self, node: Node, disk: bool) {
        self.note(10, node.into(), u64::from(disk));
        let at = self.queue.now();
        self.nodes[node as usize].is_up = true;
        self.boot(node, false);
        // It meets somebody before it does anything.
        self.compare(node);
        let actor = &mut self.nodes[node as usize];
        let claim = actor.disk.claim.clone();
        // On its own clock its lease still holds.
        if let Some((said, granted, _, told)) = claim.filter(|(.., told)| at - told < 55 * SECOND) {
            debug_assert!(told <= at);
            self.feed(node, Input::Resume { said, granted: granted.into_iter().collect() });
        } else {
            actor.disk.claim = None;
        }
        self.nodes[node as usize].employ(at);
        self.drain(node);
        self.plan_crash(node);
    }
}
