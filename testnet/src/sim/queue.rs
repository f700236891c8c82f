//! What happens when: the virtual clock and the events that wait for it. Knows nothing of what they mean.
//!
//! Two events of one microsecond come in the order in which they were put in, so a run is the same every time.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

use super::event::Event;

/// Microseconds since the run began.
pub(super) type Micros = u64;

#[derive(Debug, Default)]
pub(super) struct Queue {
    now: Micros,
    /// Names the next event.
    number: u64,
    waiting: BinaryHeap<Reverse<Due>>,
}

impl Queue {
    /// What time it is: that of the event that was taken last.
    pub(super) fn now(&self) -> Micros {
        self.now
    }

    pub(super) fn after(&mut self, pause: Micros, event: Event) {
        self.at(self.now + pause, event);
    }

    pub(super) fn at(&mut self, at: Micros, event: Event) {
        self.waiting.push(Reverse(Due { at: at.max(self.now), number: self.number, event }));
        self.number += 1;
    }

    /// Takes the next event and sets the clock to it.
    pub(super) fn next(&mut self) -> Option<Event> {
        let Reverse(due) = self.waiting.pop()?;
        self.now = due.at;
        Some(due.event)
    }
}

#[derive(Debug)]
struct Due {
    at: Micros,
    number: u64,
    event: Event,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}
