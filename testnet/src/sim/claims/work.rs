//! What nodes of a run do: work, entries in their feeds, and looking at what others did.

use horahora_protocol::claim::{Fact, JobNo, Place};

use super::{
    Lie,
    actor::{Node, Run},
    central,
    overlay::Reach,
    world::{Event, LOOK_AGAIN, News, SECOND, World},
};

impl World {
    pub(super) fn start(&mut self, node: Node, job: JobNo, epoch: u32) {
        let at = self.queue.now();
        self.note(1, node.into(), job.0.into());
        let actor = &mut self.nodes[node as usize];
        let resumed = actor.disk.claim.take().filter(|(said, ..)| said.job == job && said.epoch == epoch);
        let before = resumed.as_ref().map_or(0, |(_, _, done, _)| *done);
        let work = central::takes(self.work_ms[job.0 as usize], actor.speed);
        let takes = match actor.lie {
            Some(Lie::Claim | Lie::Progress) => None,
            Some(Lie::Garbage) => Some(SECOND),
            Some(Lie::Grant | Lie::Deny) | None => Some(work.saturating_sub(before)),
        };
        actor.runs.insert(job, Run { since: at, before, epoch });
        if let Some(said) = actor.machine.own().find(|said| said.job == job) {
            actor.disk.claim = Some((said, actor.machine.granted(job), before, at));
        }
        let (life, honest) = (actor.life, takes == Some(work.saturating_sub(before)));
        if let Some(takes) = takes {
            self.queue.after(takes, Event::Finish { node, life, job, epoch });
        }
        self.tally.started(job, at, honest, resumed.is_some());
    }

    /// Work that is not to be finished.
    pub(super) fn stop(&mut self, node: Node, job: JobNo) {
        self.note(2, node.into(), job.0.into());
        let at = self.queue.now();
        let actor = &mut self.nodes[node as usize];
        actor.disk.claim = None;
        if let Some(run) = actor.runs.remove(&job)
            && actor.lie.is_none()
        {
            let done = (run.before + (at - run.since)) * u64::from(actor.speed) / 1_000_000;
            self.tally.waste(done);
        }
    }

    pub(super) fn finish(&mut self, node: Node, life: u32, job: JobNo, epoch: u32) {
        let actor = &mut self.nodes[node as usize];
        if actor.life != life || actor.runs.get(&job).is_none_or(|run| run.epoch != epoch) {
            return;
        }
        actor.runs.remove(&job);
        actor.disk.claim = None;
        let (by, garbage) = (actor.id, actor.lie == Some(Lie::Garbage));
        self.note(3, node.into(), job.0.into());
        if !garbage {
            let at = self.queue.now();
            self.tally.completed(job, at, self.work_ms[job.0 as usize]);
        }
        self.write(node, Fact::Delivered { job, by }, garbage);
    }

    /// Writes an entry into the node's feed and tells it.
    fn write(&mut self, node: Node, fact: Fact, lie: bool) {
        let entry = self.entries.len();
        self.entries.push((fact, lie));
        let (Fact::Delivered { job, .. }
        | Fact::Confirmed { job }
        | Fact::Refuted { job, .. }
        | Fact::Failed { job, .. }) = fact;
        self.of[job.0 as usize].push(entry);
        self.tally.messages.entries += 1;
        self.learn(node, entry);
        self.gossip(node, News::Entry(entry));
    }

    /// A member looks at what another one delivered.
    pub(super) fn look(&mut self, node: Node, life: u32, job: JobNo, by: Node) {
        let actor = &self.nodes[node as usize];
        let open = actor.machine.job(job).is_some_and(|(place, _)| place == Place::Delivered);
        if actor.life != life || !actor.is_up || !open {
            return;
        }
        if !self.reaches(node, by) {
            self.queue.after(LOOK_AGAIN, Event::Look { node, life, job, by });
            return;
        }
        let refutes = self.is_wrong(job, by) || self.nodes[node as usize].lie == Some(Lie::Deny);
        let fact = if refutes {
            Fact::Refuted { job, by: self.nodes[node as usize].id }
        } else {
            Fact::Confirmed { job }
        };
        self.write(node, fact, false);
    }

    /// What a look at a delivery shows.
    fn is_wrong(&mut self, job: JobNo, by: Node) -> bool {
        self.tally.messages.checks += 2;
        let delivered = Fact::Delivered { job, by: self.nodes[by as usize].id };
        self.of[job.0 as usize].iter().any(|entry| self.entries[*entry] == (delivered, true))
    }

    pub(super) fn look_first(&mut self, node: Node, life: u32, job: JobNo, epoch: u32, by: Node) {
        let actor = &self.nodes[node as usize];
        if actor.life != life || !actor.machine.own().any(|said| said.job == job && said.epoch == epoch) {
            return;
        }
        if self.reaches(node, by) && !self.is_wrong(job, by) {
            self.write(node, Fact::Confirmed { job }, false);
        } else {
            self.start(node, job, epoch);
        }
    }
}
