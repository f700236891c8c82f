//! Words of titles, tags and names, so that people find them as they write them.
//!
//! Latin words are words. Chinese, Japanese and Korean have no blanks between words: there every letter and every two
//! letters that follow each other are tokens, and what is looked for is a phrase of them (Unicode UAX #29 leaves word
//! boundaries of these scripts to dictionaries; pairs need none).

use unicode_normalization::UnicodeNormalization;

/// A token and its place. A letter and the pair that begins with it have the same place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Folded text.
    pub text: String,
    /// Number of words and letters before it.
    pub place: usize,
}

/// Compatibility forms, case and the two kana made one: ｶﾞ, ガ and が are the same (Unicode NFKC).
#[must_use]
pub fn fold(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).map(hiragana).collect()
}

/// Everything a text is found by.
#[must_use]
pub fn tokens(text: &str) -> Vec<Token> {
    read(text, true)
}

/// The tokens that all have to be there, in their places, where a text is looked for: pairs where there are two letters.
#[must_use]
pub fn phrase(text: &str) -> Vec<Token> {
    read(text, false)
}

fn read(text: &str, all: bool) -> Vec<Token> {
    let letters: Vec<char> = fold(text).chars().collect();
    let (mut found, mut place, mut at) = (Vec::new(), 0, 0);
    while let Some(letter) = letters.get(at).copied() {
        if is_dense(letter) {
            let next = letters.get(at + 1).copied().filter(|next| is_dense(*next));
            let follows = at > 0 && is_dense(letters[at - 1]);
            // The last letter of several is in the pair before it.
            if all || (next.is_none() && !follows) {
                found.push(Token { text: letter.to_string(), place });
            }
            if let Some(next) = next {
                found.push(Token { text: String::from_iter([letter, next]), place });
            }
            at += 1;
        } else if letter.is_alphanumeric() {
            let rest = letters[at..].iter();
            let word: String = rest.take_while(|c| c.is_alphanumeric() && !is_dense(**c)).collect();
            at += word.chars().count();
            found.push(Token { text: word, place });
        } else {
            at += 1;
            continue;
        }
        place += 1;
    }
    found
}

fn hiragana(letter: char) -> char {
    match letter {
        'ァ'..='ヶ' => char::from_u32(u32::from(letter) - 0x60).unwrap_or(letter),
        _ => letter,
    }
}

/// Letters of scripts without blanks between words.
fn is_dense(letter: char) -> bool {
    matches!(letter,
        '々' | '〆' | '〇' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | 'ー' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(tokens: &[Token]) -> String {
        tokens.iter().map(|token| format!("{}{} ", token.text, token.place)).collect()
    }

    #[test]
    fn words_are_words_and_dense_letters_are_letters_and_pairs() {
        assert_eq!(text(&tokens("【音MAD】Piano, 3時間")), "音0 mad1 piano2 33 時4 時間4 間5 ");
        assert_eq!(text(&phrase("音MAD")), "音0 mad1 ");
        assert_eq!(text(&phrase("自動販売機")), "自動0 動販1 販売2 売機3 ");
        assert_eq!(text(&phrase("猫")), "猫0 ");
        assert_eq!(text(&phrase("🎹 -- ")), "");
    }

    #[test]
    fn what_looks_alike_is_alike() {
        for (one, other) in [
            ("ﾆｺﾆｺ", "ニコニコ"),
            ("ニコニコ", "にこにこ"),
            ("ＰＩＡＮＯ", "piano"),
            ("ﾊﾞﾙ", "ばる"),
            ("Straße", "straße"),
        ] {
            assert_eq!(fold(one), fold(other), "{one}");
        }
        assert_eq!(fold("ヴァー"), "ゔぁー");
    }
}
