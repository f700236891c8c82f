//! Tokens that somebody gives to their programs: each with a name, what it may do, and an end. Of the secret only the hash is
//! kept.

use horahora_protocol::{NodeId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{People, PeopleError, PersonRow, Rank};
use crate::{
    clock, identity,
    store::{
        Batch, StoreError,
        rows::{TOKENS, session_key},
    },
};

/// What a secret begins with, so that it is known for one where it should not be.
const MARK: &str = "hh_";
/// Tokens of one person.
const TOKENS_EACH: usize = 50;
const NAME: usize = 60;
/// Days that a token lasts at most.
pub const TOKEN_DAYS: u64 = 3_650;
/// How often it is noted that a token is used.
const NOTED_MS: u64 = 3_600_000;

/// What a token may do: as much as somebody of this rank, and no more than its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// At most this rank.
    pub rank: Rank,
    /// Whether it changes nothing.
    pub reads: bool,
}

/// A row of [`TOKENS`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenRow {
    /// Whose it is.
    pub person: NodeId,
    /// What they call it.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// When it was made.
    pub made: Timestamp,
    /// Until when it works.
    pub until: Timestamp,
    /// When it was used last, to the hour.
    pub seen: Option<Timestamp>,
}

impl People {
    /// Makes a token and gives its secret, which nobody can read again.
    ///
    /// # Errors
    /// When it has no name, would last too long, or this person has as many as can be.
    pub async fn make_token(
        &self,
        person: &PersonRow,
        name: &str,
        scope: Scope,
        days: u64,
    ) -> Result<String, PeopleError> {
        let name: String = name.trim().chars().filter(|letter| !letter.is_control()).take(NAME).collect();
        if name.is_empty() || !(1..=TOKEN_DAYS).contains(&days) {
            return Err(PeopleError::Token);
        }
        let secret = format!("{MARK}{}", identity::token());
        {
            let _changing = self.store.changing();
            if self.tokens(&person.id)?.len() >= TOKENS_EACH {
                return Err(PeopleError::ManyTokens(TOKENS_EACH));
            }
            let made = clock::now();
            let until = made.plus_ms(days * clock::DAY_MS);
            let row = TokenRow { person: person.id, name, scope, made, until, seen: None };
            let mut batch = Batch::default();
            batch.put(&TOKENS, &session_key(&secret), &row);
            self.store.write(batch)?;
        }
        self.store.durable().await?;
        Ok(secret)
    }

    /// Whose secret this is, and what it may do.
    ///
    /// # Errors
    /// When the database fails.
    pub fn token(&self, secret: &str) -> Result<Option<TokenRow>, StoreError> {
        if !secret.starts_with(MARK) {
            return Ok(None);
        }
        let (key, now) = (session_key(secret), clock::now());
        let row = self.store.get(&TOKENS, &key)?;
        let Some(row) = row.filter(|row| row.until > now) else { return Ok(None) };
        if row.seen.is_none_or(|seen| now.ms_since(seen) > NOTED_MS) {
            // One that was taken back meanwhile stays so.
            let _changing = self.store.changing();
            if let Some(row) = self.store.get(&TOKENS, &key)? {
                let mut batch = Batch::default();
                batch.put(&TOKENS, &key, &TokenRow { seen: Some(now), ..row });
                self.store.write(batch)?;
            }
        }
        Ok(Some(row))
    }

    /// Somebody's tokens, each with a name for it that is no secret, the last made first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tokens_of(&self, person: &NodeId) -> Result<Vec<(String, TokenRow)>, StoreError> {
        let mut all: Vec<_> = self
            .tokens(person)?
            .into_iter()
            .map(|(key, row)| (super::sessions::name_of(&key), row))
            .collect();
        all.sort_by_key(|(_, row)| std::cmp::Reverse(row.made));
        Ok(all)
    }

    /// Takes one of somebody's tokens back.
    ///
    /// # Errors
    /// When there is no such token of theirs.
    pub async fn end_token(&self, person: &NodeId, id: &str) -> Result<(), PeopleError> {
        let all = self.tokens(person)?;
        let found = all.iter().find(|(key, _)| super::sessions::name_of(key) == id);
        let (key, _) = found.ok_or(PeopleError::UnknownToken)?;
        let mut batch = Batch::default();
        batch.remove(&TOKENS, key);
        self.store.write(batch)?;
        Ok(self.store.durable().await?)
    }

    pub(super) fn clear_tokens(&self, person: &NodeId, batch: &mut Batch) -> Result<(), StoreError> {
        self.tokens(person)?.iter().for_each(|(key, _)| batch.remove(&TOKENS, key));
        Ok(())
    }

    fn tokens(&self, person: &NodeId) -> Result<Vec<(Vec<u8>, TokenRow)>, StoreError> {
        let mut all = self.store.scan(&TOKENS, b"", None, usize::MAX)?;
        all.retain(|(_, row)| row.person == *person);
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn a_token_is_its_owners_until_it_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let people = People::new(Store::open(dir.path()).unwrap());
        let ada = people.make("ada", "correct horse", Rank::Admin).await.unwrap();
        let bob = people.make("bob", "correct horse", Rank::Viewer).await.unwrap();
        let scope = Scope { rank: Rank::Trusted, reads: false };
        for (name, days) in [(" ", 7), ("x", 0), ("x", u64::MAX)] {
            assert!(matches!(people.make_token(&ada, name, scope, days).await, Err(PeopleError::Token)));
        }
        let secret = people.make_token(&ada, "backup", scope, 7).await.unwrap();
        let row = people.token(&secret).unwrap().unwrap();
        assert_eq!((row.person, row.scope), (ada.id, scope));
        for wrong in ["", "hh_", &secret[..secret.len() - 1], &secret[3..]] {
            assert!(people.token(wrong).unwrap().is_none(), "{wrong}");
        }
        let (id, row) = people.tokens_of(&ada.id).unwrap().remove(0);
        assert!(row.seen.is_some() && !secret.contains(&id));
        assert!(matches!(people.end_token(&bob.id, &id).await, Err(PeopleError::UnknownToken)));
        people.end_token(&ada.id, &id).await.unwrap();
        assert!(people.token(&secret).unwrap().is_none());
        let secret = people.make_token(&bob, "phone", scope, 7).await.unwrap();
        people.remove(&bob.id).await.unwrap();
        assert!(people.token(&secret).unwrap().is_none(), "it goes with its owner");
    }
}
