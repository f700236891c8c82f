//! Lengths of bars. A part that is not zero can always be seen; a part that is zero is not mentioned.

use crate::{text::count, tr};

/// Percent of a bar below which a part would be invisible.
const LEAST: f64 = 0.6;

/// One part of a bar of 100 units.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub(crate) class: &'static str,
    pub(crate) word: String,
    pub(crate) count: String,
    pub(crate) x: String,
    pub(crate) width: String,
}

/// The parts of done, running, failed and waiting, in this order.
pub(crate) fn parts(done: u64, running: u64, failed: u64, waiting: u64) -> Vec<Part> {
    let all = [
        ("b-done", tr("bar-done"), done),
        ("b-run", tr("bar-running"), running),
        ("b-fail", tr("bar-failed"), failed),
        ("b-wait", tr("bar-waiting"), waiting),
    ];
    let total: f64 = all.iter().map(|(.., n)| *n as f64).sum();
    let seen: Vec<_> = all.into_iter().filter(|(.., n)| *n > 0).collect();
    let raised: Vec<f64> = seen.iter().map(|(.., n)| (*n as f64 / total * 100.0).max(LEAST)).collect();
    // What the small parts got more than their share, the others give in proportion to theirs.
    let small: f64 = raised.iter().filter(|w| **w <= LEAST).sum();
    let large: f64 = raised.iter().filter(|w| **w > LEAST).sum();
    let mut x = 0.0;
    let mut parts = Vec::with_capacity(seen.len());
    for ((class, word, n), width) in seen.into_iter().zip(raised) {
        let width = if width > LEAST { width / large * (100.0 - small) } else { width };
        let (x_text, width_text) = (format!("{x:.2}"), format!("{width:.2}"));
        parts.push(Part { class, word: word.into(), count: count(n), x: x_text, width: width_text });
        x += width;
    }
    parts
}

/// The sentence a bar of parts stands for.
pub(crate) fn spoken(parts: &[Part]) -> String {
    let words: Vec<_> = parts.iter().map(|part| format!("{} {}", part.count, part.word)).collect();
    words.join(", ")
}

/// A share of one as a bar's width. (By reference, as templates hold references.)
pub(crate) fn width(progress: &f64) -> String {
    let percent = share(*progress) * 100.0;
    format!("{:.2}", if percent > 0.0 { percent.max(LEAST) } else { 0.0 })
}

/// A share of one in whole percent; only what is finished says 100.
pub(crate) fn percent(progress: &f64) -> u8 {
    // 0.29 * 100 is a hair below 29.
    (share(*progress) * 100.0 + 1e-9).floor() as u8
}

fn share(progress: f64) -> f64 {
    if progress.is_finite() { progress.clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widths(parts: &[Part]) -> Vec<f64> {
        parts.iter().map(|p| p.width.parse().unwrap()).collect()
    }

    #[test]
    fn zeros_are_left_out() {
        let parts = parts(34, 0, 2, 0);
        assert_eq!(parts.iter().map(|p| p.word.as_str()).collect::<Vec<_>>(), ["done", "failed"]);
        assert_eq!(spoken(&parts), "34 done, 2 failed");
        assert!(super::parts(0, 0, 0, 0).is_empty());
    }

    #[test]
    fn small_parts_are_visible_and_the_bar_is_full() {
        for (a, b, c, d) in [(4_102, 2, 9, 14_118), (1, 1, 1, 1_000_000), (1, 0, 0, 0), (0, 1, 0, 170)] {
            let parts = parts(a, b, c, d);
            let widths = widths(&parts);
            assert!(widths.iter().all(|w| *w >= LEAST), "{widths:?}");
            let sum: f64 = widths.iter().sum();
            assert!((sum - 100.0).abs() < 0.05, "{sum}");
        }
    }

    #[test]
    fn progress_is_kept_in_its_bounds() {
        for (progress, percent_, width_) in [
            (0.0, 0, "0.00"),
            (0.001, 0, "0.60"),
            (0.29, 29, "29.00"),
            (0.999, 99, "99.90"),
            (7.0, 100, "100.00"),
        ] {
            assert_eq!((percent(&progress), width(&progress).as_str()), (percent_, width_));
        }
        assert_eq!(percent(&f64::NAN), 0);
        assert_eq!(width(&-1.0), "0.00");
    }
}
