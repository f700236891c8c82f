//! What pages have to know about text: its probable language, whether an address may become a link, and how
//! numbers are written.

use crate::{Lang, tr};

/// The language whose fonts suit a text, guessed from its letters. Kana is Japanese, hangul Korean; han letters
/// alone are taken for simplified Chinese, as titles without any kana are rare in Japanese.
pub(crate) fn lang_of(text: &str) -> Option<&'static str> {
    let mut guess = None;
    for letter in text.chars() {
        match letter {
            '\u{3041}'..='\u{309f}'
            | '\u{30a1}'..='\u{30fa}'
            | '\u{30fc}'..='\u{30ff}'
            | '\u{ff66}'..='\u{ff9d}' => {
                return Some("ja");
            }
            '\u{1100}'..='\u{11ff}' | '\u{3131}'..='\u{318e}' | '\u{ac00}'..='\u{d7a3}' => guess = Some("ko"),
            '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3134f}' => {
                guess = guess.or(Some("zh-Hans"));
            }
            _ => {}
        }
    }
    guess
}

/// An address from outside as a link's target, when following it can only lead to a web page.
pub(crate) fn link(address: &str) -> Option<&str> {
    let lower = address.get(..8).unwrap_or(address).to_ascii_lowercase();
    let web = lower.starts_with("https://") || lower.starts_with("http://");
    let here = address.starts_with('/') && !address.starts_with("//") && !address.starts_with("/\\");
    (web || here).then_some(address)
}

/// The search for all that have a tag.
pub(crate) fn tag_search(tag: &str) -> String {
    let quoted = tag.contains(char::is_whitespace) || tag.starts_with('"');
    let query = if quoted { format!("tag:\"{}\"", tag.replace('"', "")) } else { format!("tag:{tag}") };
    format!("/search?q={}", encoded(&query))
}

/// As a part of an address (RFC 3986: all but unreserved letters).
pub(crate) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

/// `4102` as `4,102`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The space between a sentence's bold part and what follows it.
pub(crate) fn joint(rest: &str) -> &'static str {
    // Japanese and Chinese put no space between words.
    let joined = Lang::now() != Lang::En && rest.starts_with(|letter: char| !letter.is_ascii());
    if joined || rest.is_empty() || rest.starts_with([',', '.', ';', ':', ' ']) { "" } else { " " }
}

/// A long name of letters and digits, such as a PeerId, by its two ends: all begin alike.
pub(crate) fn short(id: &str) -> String {
    let letters: Vec<char> = id.chars().collect();
    match letters.len() {
        0..=20 => id.to_owned(),
        many => letters[..12].iter().chain(['…'].iter()).chain(&letters[many - 6..]).collect(),
    }
}

/// What a button says that copies something long: a text of the files with its two ends.
pub(crate) fn copy_label(key: &'static str, text: &str) -> String {
    tr(key).with("short", short(text)).to_string()
}

/// The first letter of a name, for the arch that stands for its owner.
pub(crate) fn initial(name: &str) -> String {
    let letter = name.chars().find(|c| c.is_alphanumeric());
    letter.map(|c| c.to_lowercase().collect()).unwrap_or_else(|| "·".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_guessed_from_letters() {
        let cases = [
            ("Restoring a 1996 laserdisc", None),
            ("", None),
            ("【弹幕向】旧火车站的最后一班车 4K修复", Some("zh-Hans")),
            ("真夜中の自動販売機", Some("ja")),
            ("音MAD ニコニコ", Some("ja")),
            ("ﾆｺﾆｺ", Some("ja")),
            ("한국어 제목", Some("ko")),
            ("漢字와 한글", Some("ko")),
            ("前面展望", Some("zh-Hans")),
            ("A・B", None),
        ];
        for (text, lang) in cases {
            assert_eq!(lang_of(text), lang, "{text}");
        }
    }

    #[test]
    fn only_web_addresses_become_links() {
        for good in ["https://example.com/a", "HTTP://example.com", "/watch/1"] {
            assert_eq!(link(good), Some(good));
        }
        for bad in
            ["javascript:alert(1)", "//example.com", "/\\example.com", "data:text/html,x", "example.com", ""]
        {
            assert_eq!(link(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_tag_is_searched_for_as_a_whole() {
        assert_eq!(tag_search("音MAD"), "/search?q=tag%3A%E9%9F%B3MAD");
        assert_eq!(tag_search("collab entry"), "/search?q=tag%3A%22collab%20entry%22");
    }

    #[test]
    fn numbers_have_separators() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (171_204, "171,204"), (1_000_000, "1,000,000")]
        {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn an_id_keeps_its_ends() {
        assert_eq!(short("12D3KooWGRUVh7Kp2xvQn5dR8sYbTz4LmEw9Jc3Fa6Hk1Pq7Xo"), "12D3KooWGRUV…1Pq7Xo");
        assert_eq!(short("12D3KooW"), "12D3KooW");
    }

    #[test]
    fn a_name_has_an_initial() {
        assert_eq!(initial("豆腐工場P"), "豆");
        assert_eq!(initial(" Slow Transfer"), "s");
        assert_eq!(initial("…"), "·");
    }
}
