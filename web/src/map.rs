//! The map of the nodes page: this node in the middle, the others round it. It knows places and lengths, not nodes.

use crate::{text, tr};

/// More arches than this are not told apart; the list under the map has all.
const MOST: usize = 80;
/// More names than this do not fit beside their arches; then arches are small and say their names when pointed at.
const NAMED: usize = 24;
const CENTRE: f64 = 250.0;
/// Leaves each side as much room as the longest label takes on a phone, where letters are larger.
const RADIUS_X: f64 = 105.0;
/// Arches without names have the whole width.
const WIDE_X: f64 = 230.0;
const WIDE_Y: f64 = 150.0;
/// Few arches are drawn larger.
const FEW: usize = 8;
/// Widths of labels in letters as wide as a usual small one.
const LABEL: f64 = 13.0;
const OWN_LABEL: f64 = 22.0;

/// What a map says of one node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point<'a> {
    pub(crate) name: &'a str,
    pub(crate) reach: Reach,
    pub(crate) follower: bool,
    /// Whether bytes go either way.
    pub(crate) moving: bool,
    /// 0 to 1: how large its arch is, 0.5 where arches are alike.
    pub(crate) size: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Direct,
    /// Through a relay, or heard of through others.
    Relayed,
    /// Not connected, and nobody minds.
    Away,
    /// Not reached, though it should be.
    Lost,
}

impl Reach {
    fn is_near(self) -> bool {
        matches!(self, Self::Direct | Self::Relayed)
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Map {
    pub(crate) height: String,
    pub(crate) middle: String,
    pub(crate) own: Label,
    pub(crate) dots: Vec<Dot>,
    /// What the looks mean, as far as they are there.
    pub(crate) key: Vec<&'static str>,
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

/// Places the connected ones first, clockwise from the top.
pub(crate) fn draw(own: &str, points: &[Point<'_>]) -> Map {
    let (near, far): (Vec<&Point<'_>>, Vec<_>) = points.iter().partition(|point| point.reach.is_near());
    let drawn: Vec<_> = near.iter().chain(&far).take(MOST).copied().collect();
    let (middle, dots) = if drawn.len() <= NAMED { with_names(&drawn) } else { without_names(&drawn) };
    Map {
        height: format!("{:.0}", 2.0 * middle),
        dots,
        own: label(own, OWN_LABEL, CENTRE, middle + 38.0, "middle"),
        key: key(points),
        spoken: spoken(own, near.len(), &far, points.len()),
        more: points.len() - drawn.len(),
        middle: format!("{middle:.0}"),
    }
}

fn key(points: &[Point<'_>]) -> Vec<&'static str> {
    let any = |test: fn(&Point<'_>) -> bool| points.iter().any(test);
    let sizes = points.windows(2).any(|pair| (pair[0].size - pair[1].size).abs() > f64::EPSILON);
    let words = [
        (sizes, "map-size"),
        (any(|point| point.reach == Reach::Direct), "map-direct"),
        (any(|point| point.reach == Reach::Relayed), "map-relayed"),
        (any(|point| point.reach == Reach::Away), "map-away"),
        (any(|point| point.moving), "map-moving"),
        (any(|point| point.follower), "map-follower"),
        (any(|point| point.reach == Reach::Lost), "map-lost"),
    ];
    words.into_iter().filter_map(|(there, word)| there.then_some(word)).collect()
}

/// Each half has its nodes at equal heights, so that labels never lie on each other.
fn with_names(points: &[&Point<'_>]) -> (f64, Vec<Dot>) {
    let right = points.len().div_ceil(2);
    let radius_y = (80.0 + 25.0 * right as f64).clamp(100.0, 165.0);
    let middle = radius_y + 18.0;
    let arch = if points.len() <= FEW { 13.0 } else { 10.0 };
    let dots = points.iter().enumerate().map(|(at, point)| {
        let (side, step, steps) =
            if at < right { (1.0, at, right) } else { (-1.0, points.len() - 1 - at, points.len() - right) };
        let sine = (2 * step + 1) as f64 / steps as f64 - 1.0;
        let x = CENTRE + side * RADIUS_X * (1.0 - sine * sine).sqrt();
        let y = middle + radius_y * sine;
        let arch = radius(point, arch);
        let anchor = if side > 0.0 { "start" } else { "end" };
        let name = label(point.name, LABEL, x + side * (arch + 6.0), y + 3.0, anchor);
        dot(point, arch, (x, y), middle, name)
    });
    (middle, dots.collect())
}

/// A ring of small arches.
fn without_names(points: &[&Point<'_>]) -> (f64, Vec<Dot>) {
    let middle = WIDE_Y + 18.0;
    let arch = if points.len() <= MOST / 2 { 7.0 } else { 4.0 };
    let dots = points.iter().enumerate().map(|(at, point)| {
        let (sine, cosine) = (std::f64::consts::TAU * (at as f64 + 0.5) / points.len() as f64).sin_cos();
        let place = (CENTRE + WIDE_X * sine, middle - WIDE_Y * cosine);
        dot(point, radius(point, arch), place, middle, Label::default())
    });
    (middle, dots.collect())
}

fn radius(point: &Point<'_>, usual: f64) -> f64 {
    usual * (0.7 + 0.6 * point.size.clamp(0.0, 1.0))
}

fn dot(point: &Point<'_>, arch: f64, (x, y): (f64, f64), middle: f64, label: Label) -> Dot {
    let (left, foot) = (x - arch, y + 0.8 * arch);
    Dot {
        name: point.name.to_owned(),
        line: format!("M{CENTRE:.0} {middle:.0}L{x:.1} {y:.1}"),
        line_class: match (point.reach, point.moving) {
            (Reach::Direct | Reach::Relayed, true) => "ln flow",
            (Reach::Direct, false) => "ln",
            (Reach::Relayed | Reach::Away, _) => "ln relay",
            (Reach::Lost, _) => "ln cut",
        },
        arch: format!("M{left:.1} {foot:.1}V{y:.1}a{arch:.1} {arch:.1} 0 0 1 {:.1} 0V{foot:.1}z", 2.0 * arch),
        arch_class: match (point.reach, point.follower) {
            (Reach::Away, _) => "dot away",
            (Reach::Lost, _) => "dot off",
            (_, true) => "dot fol",
            (_, false) => "dot",
        },
        label,
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
    let rest = match far {
        [] => tr("map-all").to_string(),
        [one] => tr("map-one-away").with("name", one.name).into(),
        many => tr("map-many-away").with("n", many.len()).into(),
    };
    tr("map-spoken").with("own", own).with("near", near).with("all", all).with("rest", rest).into()
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
        let reach = if connected { Reach::Direct } else { Reach::Away };
        Point { name, reach, follower: false, moving: false, size: 1.0 }
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
        for count in 1..=90 {
            let points = vec![point("node", true); count];
            let map = draw("here", &points);
            assert_eq!((map.dots.len(), map.more), (count.min(MOST), count.saturating_sub(MOST)));
            let height: f64 = map.height.parse().unwrap();
            let named: Vec<_> = map.dots.iter().filter(|dot| !dot.label.text.is_empty()).collect();
            assert_eq!(named.len(), if count <= NAMED { count } else { 0 });
            let mut places: Vec<(&str, f64)> =
                named.iter().map(|dot| (dot.label.anchor, dot.label.y.parse().unwrap())).collect();
            places.sort_by(|a, b| a.partial_cmp(b).unwrap());
            for pair in places.windows(2) {
                assert!(pair[0].0 != pair[1].0 || pair[1].1 - pair[0].1 > 26.0, "{count}: {pair:?}");
            }
            assert!(places.iter().all(|(_, y)| *y > 15.0 && *y < height - 10.0), "{count}");
            let boxes: Vec<_> = map.dots.iter().map(covers).collect();
            for (at, one) in boxes.iter().enumerate() {
                assert!(
                    one[0] > 0.0 && one[2] < 500.0 && one[1] > 0.0 && one[3] < height,
                    "{count}: {one:?}"
                );
                let apart = |other: &[f64; 4]| {
                    one[2] < other[0] || other[2] < one[0] || one[3] < other[1] || other[3] < one[1]
                };
                assert!(boxes[at + 1..].iter().all(apart), "{count}: {one:?}");
            }
        }
    }

    /// Left, top, right and bottom of an arch.
    fn covers(dot: &Dot) -> [f64; 4] {
        let numbers: Vec<f64> = dot
            .arch
            .split(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .filter_map(|number| number.parse().ok())
            .collect();
        let (left, foot, top, radius) = (numbers[0], numbers[1], numbers[2], numbers[3]);
        [left, top - radius, left + 2.0 * radius, foot]
    }

    #[test]
    fn each_way_of_being_reached_has_its_look() {
        let cases = [
            (Reach::Direct, false, "ln", "dot"),
            (Reach::Relayed, true, "ln relay", "dot fol"),
            (Reach::Away, false, "ln relay", "dot away"),
            (Reach::Lost, true, "ln cut", "dot off"),
        ];
        for (reach, follower, line, arch) in cases {
            let map = draw("here", &[Point { reach, follower, ..point("a", true) }]);
            assert_eq!((map.dots[0].line_class, map.dots[0].arch_class), (line, arch));
        }
    }

    #[test]
    fn who_is_connected_is_drawn_first_and_said() {
        let mut points = vec![point("away", false)];
        points.extend(vec![point("near", true); MOST]);
        let map = draw("here", &points);
        assert!(map.dots.iter().all(|dot| dot.name == "near"));
        assert_eq!(map.spoken, "here is connected to 80 of 81 nodes; away is not connected.");
        assert_eq!(draw("here", &[point("a", true)]).spoken, "here is connected to 1 of 1 node.");
    }
}
