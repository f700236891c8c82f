//! What somebody wrote into the search box, as the parts that have to be there or must not.
//!
//! `piano 夜想曲` both words, `-実況` not this one, `"slow transfer"` as it stands, `tag:音MAD` this very tag, `by:teapot` in the
//! creator's name, `site:niconico`.

use std::fmt;

/// Parts that are read; more say nothing new.
const PARTS: usize = 32;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum In {
    /// Title, tags and creator.
    Anything,
    /// One whole tag.
    Tag,
    /// The creator's name.
    Creator,
    /// The site's name.
    Site,
}

/// One part of a query.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Whether it must not be there.
    pub not: bool,
    /// Where.
    pub field: In,
    /// What, as it was written.
    pub text: String,
}

/// The parts of a text, each once. Whatever was written means something: there is no wrong query.
#[must_use]
pub fn parse(text: &str) -> Vec<Part> {
    let (mut parts, mut rest) = (Vec::new(), text.trim_start());
    while !rest.is_empty() && parts.len() < PARTS {
        let not = rest.len() > 1 && rest.starts_with('-') && !rest[1..].starts_with(char::is_whitespace);
        let from = &rest[usize::from(not)..];
        let (field, from) = [("tag:", In::Tag), ("by:", In::Creator), ("site:", In::Site)]
            .into_iter()
            .find_map(|(name, field)| Some((field, from.strip_prefix(name)?)))
            .filter(|(_, from)| !from.is_empty() && !from.starts_with(char::is_whitespace))
            .unwrap_or((In::Anything, from));
        let (word, after) = match from.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => from.split_once(char::is_whitespace).unwrap_or((from, "")),
        };
        let part = Part { not, field, text: word.trim().to_owned() };
        if !part.text.is_empty() && !parts.contains(&part) {
            parts.push(part);
        }
        rest = after.trim_start();
    }
    parts
}

/// The text that is read as these parts.
#[must_use]
pub fn write(parts: &[Part]) -> String {
    parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = match self.field {
            In::Anything => "",
            In::Tag => "tag:",
            In::Creator => "by:",
            In::Site => "site:",
        };
        let minus = if self.not { "-" } else { "" };
        let plain = self.field != In::Anything
            || !(self.text.starts_with('-')
                || ["tag:", "by:", "site:"].iter().any(|name| self.text.starts_with(name)));
        match plain && !self.text.contains(char::is_whitespace) && !self.text.starts_with('"') {
            true => write!(f, "{minus}{field}{}", self.text),
            false => write!(f, "{minus}{field}\"{}\"", self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_a_query_and_every_query_a_text() {
        let cases = [
            ("", ""),
            ("  音MAD   piano -実況 piano", "音MAD piano -実況"),
            (
                "tag:音MAD -tag:\"collab entry\" by:teapot site:niconico",
                "tag:音MAD -tag:\"collab entry\" by:teapot site:niconico",
            ),
            ("\"slow transfer\" fast", "\"slow transfer\" fast"),
            ("\"open end", "\"open end\""),
            ("- tag: \"\" -", "\"-\" \"tag:\""),
            ("\"-minus\" \"tag:x\"", "\"-minus\" \"tag:x\""),
            ("全角　空白", "全角 空白"),
        ];
        for (text, said) in cases {
            let parts = parse(text);
            assert_eq!(write(&parts), said, "{text}");
            assert_eq!(parse(&write(&parts)), parts, "{text}");
        }
        let part = &parse("-tag:\"a b\"")[0];
        assert_eq!((part.not, part.field, part.text.as_str()), (true, In::Tag, "a b"));
    }
}
