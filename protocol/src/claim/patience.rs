//! How long a node waits for its witnesses: as long as their answers take, measured the way TCP measures its round trips
//! (Jacobson, "Congestion avoidance and control", 1988; RFC 6298).
//!
//! With a fixed time a group of busy machines, all of which answer later, would claim without any witness.

use crate::limits;

/// The mean of answer times and how far they are from it, in eighths and quarters of a millisecond.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Patience(Option<Measured>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Measured {
    mean: u64,
    deviation: u64,
}

impl Patience {
    /// An answer took so long. Those that came after the work had begun count, too: else it would never learn of them.
    pub(super) fn took(&mut self, ms: u64) {
        let ms = ms.min(limits::ASK_LAST_MS);
        self.0 = Some(match self.0 {
            None => Measured { mean: ms * 8, deviation: ms * 2 },
            Some(Measured { mean, deviation }) => {
                let off = ms.abs_diff(mean / 8);
                Measured { mean: mean - mean / 8 + ms, deviation: deviation - deviation / 4 + off }
            }
        });
    }

    /// How long an answer is waited for, in milliseconds.
    pub(super) fn ms(self) -> u64 {
        self.expected_ms().unwrap_or(limits::ASK_FIRST_MS)
    }

    /// How long a claim that was told waits for a better one, in milliseconds: gossip is no faster than answers.
    pub(super) fn settle_ms(self) -> u64 {
        self.expected_ms().unwrap_or(0).max(limits::SETTLE_MS)
    }

    fn expected_ms(self) -> Option<u64> {
        let Measured { mean, deviation } = self.0?;
        Some((mean / 8 + deviation).clamp(limits::ASK_MS, limits::ASK_LAST_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_answers_are_waited_for_and_quick_ones_forgotten_slowly() {
        let mut patience = Patience::default();
        assert_eq!((patience.ms(), patience.settle_ms()), (limits::ASK_FIRST_MS, limits::SETTLE_MS));
        for _ in 0..50 {
            patience.took(300);
        }
        assert_eq!((patience.ms(), patience.settle_ms()), (limits::ASK_MS, limits::SETTLE_MS));
        patience.took(6_000);
        assert!(patience.ms() > 6_000, "one late answer and it waits longer: {}", patience.ms());
        patience.took(u64::MAX);
        assert!(patience.ms() <= limits::ASK_LAST_MS);
        for _ in 0..100 {
            patience.took(300);
        }
        assert_eq!(patience.ms(), limits::ASK_MS);
    }
}
