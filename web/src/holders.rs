//! Who holds a video, and whether this node keeps a copy of what another one made.

use crate::{StateView, tr};

#[derive(Debug, Clone, Default)]
pub struct HolderRow {
    pub node: String,
    /// `original, 3 renditions`, or `118 of 412 pieces`
    pub holds: String,
    pub here: bool,
    /// Not whole: it does not count as a copy.
    pub part: bool,
}

/// Whether this node keeps a video that another node made.
#[derive(Debug, Clone)]
pub enum Keep {
    /// `96 MB to fetch from 2 nodes`
    Offered { detail: String },
    /// On its way here.
    Keeping {
        /// 0 to 1.
        progress: f64,
        /// `41 of 96 MB, from kurobune`, or why it waits.
        detail: String,
        state: StateView,
    },
    /// `96 MB, since 2 days`
    Kept { detail: String },
}

/// Arches beyond this number say nothing more.
const MOST_ARCHES: usize = 8;

/// `2 copies`. Parts are no copies.
pub(crate) fn copies(rows: &[HolderRow]) -> String {
    match rows.iter().filter(|row| !row.part).count() {
        0 if rows.is_empty() => tr("copies-none").into(),
        0 => tr("copies-no-whole").into(),
        many => tr("copies").with("n", many).into(),
    }
}

/// One for each arch, whole copies first: whether it is whole.
pub(crate) fn arches(rows: &[HolderRow]) -> Vec<bool> {
    let mut arches: Vec<_> = rows.iter().map(|row| !row.part).collect();
    arches.sort_by_key(|whole| !whole);
    arches.truncate(MOST_ARCHES);
    arches
}

/// Who has it, in one or two sentences.
pub(crate) fn sentence(rows: &[HolderRow]) -> String {
    let name = |row: &HolderRow| match row.here {
        true => tr("holds-this").with("node", &row.node).to_string(),
        false => row.node.clone(),
    };
    let (parts, whole): (Vec<&HolderRow>, Vec<_>) = rows.iter().partition(|row| row.part);
    let who = match whole.as_slice() {
        [] if parts.is_empty() => tr("holds-none").into(),
        [] => String::new(),
        [only] => tr("holds-one").with("a", name(only)).into(),
        [first, second] => tr("holds-two").with("a", name(first)).with("b", name(second)).into(),
        [first, second, rest @ ..] => {
            tr("holds-more").with("a", name(first)).with("b", name(second)).with("n", rest.len()).into()
        }
    };
    let in_part = match parts.as_slice() {
        [] => String::new(),
        [only] => format!(" {}", tr("holds-part").with("a", name(only))),
        many => format!(" {}", tr("holds-parts").with("n", many.len())),
    };
    format!("{who}{in_part}").trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_said_and_are_no_copies() {
        let row = |node: &str, part| HolderRow { node: node.into(), part, ..HolderRow::default() };
        let cases = [
            (vec![], "No copy yet", "Nothing of this video is stored yet."),
            (vec![row("a", true)], "No whole copy yet", "a holds a part of it."),
            (vec![row("a", true), row("b", false)], "1 copy", "Only b holds it. a holds a part of it."),
            (
                vec![row("a", false), row("b", true), row("c", false), row("d", true)],
                "2 copies",
                "a and c hold it. 2 nodes hold parts of it.",
            ),
        ];
        for (rows, number, who) in cases {
            assert_eq!((copies(&rows).as_str(), sentence(&rows).as_str()), (number, who));
        }
        assert_eq!(arches(&[row("a", true), row("b", false)]), [true, false]);
    }
}
