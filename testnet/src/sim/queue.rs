//! What happens when: the virtual clock and the events that wait for it. Knows nothing of what they mean.
//!
//! Two events of one microsecond come in the order in which they were put in, so a run is the same every time.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

/// Microseconds since the run began.
pub(super) type Micros = u64;

#[derive(Debug)]
pub(super) struct Queue<E> {
    now: Micros,
    /// Names the next event.
    number: u64,
    waiting: BinaryHeap<Reverse<Due<E>>>,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { now: 0, number: 0, waiting: BinaryHeap::new() }
    }
}

impl<E> Queue<E> {
    /// What time it is: that of the event that was taken last.
    pub(super) fn now(&self) -> Micros {
        self.now
    }

    pub(super) fn after(&mut self, pause: Micros, event: E) {
        self.at(self.now + pause, event);
    }

    pub(super) fn at(&mut self, at: Micros, event: E) {
        self.waiting.push(Reverse(Due { at: at.max(self.now), number: self.number, event }));
        self.number += 1;
    }

    /// Takes the next event and sets the clock to it.
    pub(super) fn next(&mut self) -> Option<E> {
        let Reverse(due) = self.waiting.pop()?;
        self.now = due.at;
        Some(due.event)
    }
}

#[derive(Debug)]
struct Due<E> {
    at: Micros,
    number: u64,
    event: E,
}

impl<E> Ord for Due<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<E> PartialOrd for Due<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Due<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<E> Eq for Due<E> {}
