//! What people say below a video.

/// The comments, and who may add to them.
#[derive(Debug, Clone, Default)]
pub struct Talk {
    /// Comments that are shown, of all there are.
    pub count: u64,
    /// Threads, the newest first.
    pub comments: Vec<Comment>,
    /// Whether there are older ones that are not on the page.
    pub more: bool,
    /// How many nodes a comment travels to, in words; none when it stays here.
    pub reach: String,
    /// Whether who looks hides what others say.
    pub moderates: bool,
    /// What was typed and could not be said, and why.
    pub text: String,
    pub error: Option<String>,
    /// What people said at the origin.
    pub origin: Option<Origin>,
    pub up: u64,
    pub down: u64,
    /// `up`, `down` or `none`: the vote of who looks.
    pub vote: String,
    /// How often it was watched: `12 views, 3 of them here`.
    pub views: Option<String>,
}

/// Comments that people left at the origin, as they were archived.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    pub site: String,
    /// All of them.
    pub count: u64,
    /// Threads in the site's order.
    pub comments: Vec<Comment>,
    /// Threads that are not on the page.
    pub more: u64,
}

/// A comment, with its answers if it is none itself.
#[derive(Debug, Clone, Default)]
pub struct Comment {
    pub id: String,
    pub name: String,
    /// Their key.
    pub who: String,
    /// `here`, or `from node cellar`.
    pub from: String,
    pub when: String,
    pub text: String,
    /// What stands in its place when it is not shown any more.
    pub gone: Option<String>,
    pub mine: bool,
    pub replies: Vec<Comment>,
}

/// A piece of a text: words, or a moment of the video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    /// Seconds from the beginning.
    pub(crate) at: Option<u64>,
}

impl Comment {
    pub(crate) fn pieces(&self) -> Vec<Piece<'_>> {
        pieces(&self.text)
    }
}

/// Cuts a text at its moments: `1:38`, `1:02:03`.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut all, mut from) = (Vec::new(), 0);
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let long =
            rest.find(|letter: char| !(letter.is_ascii_digit() || letter == ':')).unwrap_or(rest.len());
        let alone = !text[..at].ends_with(|letter: char| letter.is_alphanumeric() || ":./".contains(letter))
            && !rest[long..].starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '/');
        if let Some(seconds) = moment(&rest[..long]).filter(|_| alone) {
            if from < at {
                all.push(Piece { text: &text[from..at], at: None });
            }
            all.push(Piece { text: &rest[..long], at: Some(seconds) });
            from = at + long;
        }
        at += long.max(rest.chars().next().map_or(1, char::len_utf8));
    }
    if from < text.len() {
        all.push(Piece { text: &text[from..], at: None });
    }
    all
}

fn moment(text: &str) -> Option<u64> {
    let parts: Vec<_> = text.split(':').collect();
    let fits = matches!(parts.len(), 2 | 3)
        && (1..=3).contains(&parts[0].len())
        && parts[1..].iter().all(|part| part.len() == 2 && *part < "60");
    fits.then(|| parts.iter().try_fold(0, |sum, part| Some(sum * 60 + part.parse::<u64>().ok()?)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_found_in_texts() {
        let said = |text: &str| -> String {
            let piece = |piece: Piece<'_>| match piece.at {
                Some(at) => format!("[{}={at}]", piece.text),
                None => piece.text.to_owned(),
            };
            pieces(text).into_iter().map(piece).collect()
        };
        for (text, wanted) in [
            ("at 1:38 it", "at [1:38=98] it"),
            ("1:02:03", "[1:02:03=3723]"),
            ("豆1:38、と2:00", "豆1:38、と2:00"),
            ("豆 1:38、と 2:00。", "豆 [1:38=98]、と [2:00=120]。"),
            (
                "12:345 1:99 2026:11 a1:38 1:38b http://x:80/1:38",
                "12:345 1:99 [2026:11=nope] a1:38 1:38b http://x:80/1:38",
            ),
            ("", ""),
            ("no moment\nhere", "no moment\nhere"),
        ] {
            let wanted = wanted.replace("[2026:11=nope]", "2026:11");
            assert_eq!(said(text), wanted);
        }
    }
}
