//! What a word or a phrase is for the index.

use tantivy::{
    Term,
    query::{BooleanQuery, BoostQuery, PhraseQuery, Query as Clause, RegexQuery, TermQuery},
    schema::{Field, IndexRecordOption},
};

use super::words;

/// What a longer word that begins like this one counts.
const BEGINNING: f32 = 0.3;
/// A beginning of fewer letters is in too many words.
const LEAST_BEGINNING: usize = 3;
/// Longer words are whole.
const MOST_BEGINNING: usize = 32;

/// A creator among those of all sites.
pub(super) fn maker_term(site: &str, id: &str) -> String {
    format!("{site}/{id}")
}

pub(super) fn exact(term: Term) -> Box<dyn Clause> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

pub(super) fn in_field(field: Field, phrase: &[words::Token]) -> Option<Box<dyn Clause>> {
    let term = |token: &words::Token| Term::from_field_text(field, &token.text);
    match phrase {
        [] => None,
        [only] => {
            let word = Box::new(TermQuery::new(term(only), IndexRecordOption::WithFreqs));
            Some(match beginning(field, &only.text) {
                Some(longer) => Box::new(BooleanQuery::union(vec![word, longer])),
                None => word,
            })
        }
        several => {
            let first = several[0].place;
            let places = several.iter().map(|token| (token.place - first, term(token)));
            Some(Box::new(PhraseQuery::new_with_offset(places.collect())))
        }
    }
}

/// Words that begin like this one, where it is a word of letters.
fn beginning(field: Field, word: &str) -> Option<Box<dyn Clause>> {
    let long = (LEAST_BEGINNING..=MOST_BEGINNING).contains(&word.chars().count())
        && word.chars().all(char::is_alphanumeric);
    let clause = long.then(|| RegexQuery::from_pattern(&format!("{word}.+"), field).ok())??;
    Some(Box::new(BoostQuery::new(Box::new(clause), BEGINNING)))
}
