//! How two nodes of a run tell each other what they know.

use horahora_protocol::claim::{Input, Said};

use super::{actor::Node, overlay::Reach, world::World};

impl World {
    /// Two nodes tell each other what the other lacks: entries, and leases that hold. At once, as it takes less than a
    /// second of 25.
    pub(super) fn compare(&mut self, node: Node) {
        let other = self.rng.u32(0..self.options.nodes);
        if other == node || !self.nodes[node as usize].is_up || !self.reaches(node, other) {
            return;
        }
        self.tally.messages.compares += 2;
        self.note(8, node.into(), other.into());
        for (from, to) in [(other, node), (node, other)] {
            for word in 0..self.entries.len().div_ceil(64) {
                let mut more = self.nodes[from as usize].word(word) & !self.nodes[to as usize].word(word);
                while more != 0 {
                    self.learn(to, word * 64 + more.trailing_zeros() as usize);
                    more &= more - 1;
                }
            }
            for said in self.news_for(from, to) {
                self.feed(to, Input::Heard(said));
            }
        }
    }

    /// Claims that one node knows of and another does not.
    fn news_for(&self, from: Node, to: Node) -> Vec<Said> {
        let at = self.queue.now();
        let (from, to) = (&self.nodes[from as usize], &self.nodes[to as usize].machine);
        let news = |known: &Said, said: &Said| {
            (known.claimant, known.epoch, known.beat) != (said.claimant, said.epoch, said.beat)
        };
        let now = from.clock(at);
        // Both lists are in the order of the jobs: one walk through both.
        let mut known = to.leases().peekable();
        let mut new = |said: &Said| {
            while known.next_if(|lease| lease.said.job < said.job).is_some() {}
            known.peek().is_none_or(|lease| lease.said.job != said.job || news(&lease.said, said))
        };
        let passed = from.machine.leases().filter(|lease| lease.holds(now) && new(&lease.said));
        let mut said: Vec<Said> = passed.map(|lease| lease.relayed(now)).collect();
        said.extend(from.machine.own().filter(|said| {
            to.job(said.job).and_then(|(_, known)| known).is_none_or(|known| news(known, said))
        }));
        said
    }
}
