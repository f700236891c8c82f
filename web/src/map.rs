//! The map of the nodes page: this node in the middle, the others round it. It knows places and lengths, not nodes.

use crate::text;

/// More arches than this are not told apart; the list under the map has all.
const MOST: usize = 24;
const CENTRE: f64 = 250.0;
/// Leaves each side as much room as the longest label takes on a phone, where letters are larger.
const RADIUS_X: f64 = 105.0;
/// Few arches are drawn larger.
const FEW: usize = 8;
/// Widths of labels in letters as wide as a usual small one.
const LABEL: f64 = 13.0;
const OWN_LABEL: f64 = 22.0;

/// What a map says of one node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point<'a> {
    pub(crate) name: &'a str,
    pub(crate) connected: bool,
    /// Whether bytes go either way.
    pub(crate) moving: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Map {
    pub(crate) height: String,
    pub(crate) middle: String,
    pub(crate) own: Label,
    pub(crate) dots: Vec<Dot>,
    /// What the picture shows, for who cannot see it.
    pub(crate) spoken: String,
    /// How many nodes are not drawn.
    pub(crate) more: usize,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Label {
    pub(crate) text: String,
    pub(crate) lang: Option<&'static str>,
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) anchor: &'static str,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Dot {
    /// Whole, for who points at it.
    pub(crate) name: String,
    pub(crate) line: String,
    pub(crate) line_class: &'static str,
    pub(crate) arch: String,
    pub(crate) arch_class: &'static str,
    pub(crate) label: Label,
}

/// Places the connected ones first, clockwise from the top. Each half has its nodes at equal heights, so that labels
/// never lie on each other.
pub(crate) fn draw(own: &str, points: &[Point<'_>]) -> Map {
    let (near, far): (Vec<&Point<'_>>, Vec<_>) = points.iter().partition(|point| point.connected);
    let drawn: Vec<_> = near.iter().chain(&far).take(MOST).collect();
    let right = drawn.len().div_ceil(2);
    let radius_y = (80.0 + 25.0 * right as f64).clamp(100.0, 165.0);
    let middle = radius_y + 18.0;
    let arch = if drawn.len() <= FEW { 13.0 } else { 10.0 };
    let dots = drawn.iter().enumerate().map(|(at, point)| {
        let (side, step, steps) =
            if at < right { (1.0, at, right) } else { (-1.0, drawn.len() - 1 - at, drawn.len() - right) };
        let sine = (2 * step + 1) as f64 / steps as f64 - 1.0;
        let x = CENTRE + side * RADIUS_X * (1.0 - sine * sine).sqrt();
        dot(point, arch, side, (x, middle + radius_y * sine), middle)
    });
    Map {
        height: format!("{:.0}", 2.0 * middle),
        dots: dots.collect(),
        own: label(own, OWN_LABEL, CENTRE, middle + 38.0, "middle"),
        spoken: spoken(own, near.len(), &far, points.len()),
        more: points.len() - drawn.len(),
        middle: format!("{middle:.0}"),
    }
}

fn dot(point: &Point<'_>, arch: f64, side: f64, (x, y): (f64, f64), middle: f64) -> Dot {
    let (left, foot) = (x - arch, y + 0.8 * arch);
    Dot {
        name: point.name.to_owned(),
        line: format!("M{CENTRE:.0} {middle:.0}L{x:.1} {y:.1}"),
        line_class: match (point.connected, point.moving) {
            (true, true) => "ln flow",
            (true, false) => "ln",
            (false, _) => "ln relay",
        },
        arch: format!("M{left:.1} {foot:.1}V{y:.1}a{arch} {arch} 0 0 1 {} 0V{foot:.1}z", 2.0 * arch),
        arch_class: if point.connected { "dot" } else { "dot away" },
        label: label(
            point.name,
            LABEL,
            x + side * (arch + 6.0),
            y + 3.0,
            if side > 0.0 { "start" } else { "end" },
        ),
    }
}

fn label(name: &str, room: f64, x: f64, y: f64, anchor: &'static str) -> Label {
    Label {
        text: fit(name, room),
        lang: text::lang_of(name),
        x: format!("{x:.1}"),
        y: format!("{y:.1}"),
        anchor,
    }
}

fn spoken(own: &str, near: usize, far: &[&Point<'_>], all: usize) -> String {
    let nodes = if all == 1 { "node" } else { "nodes" };
    let rest = match far {
        [] => ".".to_owned(),
        [one] => format!("; {} is not connected.", one.name),
        many => format!("; {} are not connected.", many.len()),
    };
    format!("{own} is connected to {near} of {all} {nodes}{rest}")
}

/// As much of a name as there is room for.
fn fit(name: &str, room: f64) -> String {
    let (mut used, mut cut) = (0.0, 0);
    for (count, (at, letter)) in name.char_indices().enumerate() {
        used += width(letter);
        // Marks have no width of their own, and a name may be a letter with a thousand of them.
        if used > room || count >= 40 {
            return format!("{}…", name[..cut].trim_end());
        }
        if used <= room - 1.0 {
            cut = at + letter.len_utf8();
        }
    }
    name.to_owned()
}

/// How wide a letter is, in usual small letters: fonts differ, so this rather says too much.
fn width(letter: char) -> f64 {
    match letter {
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 1.6,
        'i' | 'j' | 'l' | 'f' | 't' | 'r' | 'I' | ' '..='/' | ':' | ';' => 0.7,
        '0'..='9' | '<'..='>' => 1.1,
        'A'..='Z' => 1.2,
        '\0'..='\u{2ff}' => 1.0,
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' => 0.0,
        '\u{370}'..='\u{10ff}' => 1.2,
        _ => 1.9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(name: &str, connected: bool) -> Point<'_> {
        Point { name, connected, moving: false }
    }

    #[test]
    fn names_are_cut_to_their_room() {
        let cases = [
            ("kurobune", "kurobune"),
            ("basement-7-under-the-stairs", "basement-7-u…"),
            ("WWWWWWWWWWWWWWWWWWWW", "WWWWWWW…"),
            ("港の倉庫", "港の倉庫"),
            ("港の倉庫の三番目の古い機械", "港の倉庫の三…"),
            ("", ""),
        ];
        for (name, label) in cases {
            assert_eq!(fit(name, LABEL), label, "{name}");
        }
        assert!(fit(&"a\u{301}".repeat(5), LABEL).ends_with('\u{301}'));
        assert!(fit(&"\u{301}".repeat(1000), LABEL).chars().count() < 50);
    }

    #[test]
    fn nothing_lies_on_something_else() {
        for count in 1..=30 {
            let points = vec![point("node", true); count];
            let map = draw("here", &points);
            assert_eq!((map.dots.len(), map.more), (count.min(MOST), count.saturating_sub(MOST)));
            let height: f64 = map.height.parse().unwrap();
            let mut places: Vec<(&str, f64)> =
                map.dots.iter().map(|dot| (dot.label.anchor, dot.label.y.parse().unwrap())).collect();
            places.sort_by(|a, b| a.partial_cmp(b).unwrap());
            for pair in places.windows(2) {
                assert!(pair[0].0 != pair[1].0 || pair[1].1 - pair[0].1 > 26.0, "{count}: {pair:?}");
            }
            assert!(places.iter().all(|(_, y)| *y > 15.0 && *y < height - 10.0), "{count}");
        }
    }

    #[test]
    fn who_is_connected_is_drawn_first_and_said() {
        let mut points = vec![point("away", false)];
        points.extend(vec![point("near", true); 24]);
        let map = draw("here", &points);
        assert!(map.dots.iter().all(|dot| dot.label.text == "near"));
        assert_eq!(map.spoken, "here is connected to 24 of 25 nodes; away is not connected.");
        assert_eq!(draw("here", &[point("a", true)]).spoken, "here is connected to 1 of 1 node.");
    }
}
