//! Who is logged in: a secret in a cookie, of which only the hash is kept.

use horahora_protocol::{NodeId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{People, PeopleError, PersonRow};
use crate::{
    clock, identity,
    store::{
        Batch, StoreError,
        rows::{SESSIONS, session_key},
    },
};

/// A session ends a year after it began; people do not log in to their own machine every week.
pub const SESSION_MS: u64 = 365 * clock::DAY_MS;
/// How often it is noted that a session is used.
const NOTED_MS: u64 = 3_600_000;
/// Sessions of one person; the one not used for longest goes.
const SESSIONS_EACH: usize = 50;
const AGENT_BYTES: usize = 200;

/// A row of [`SESSIONS`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionRow {
    /// Whose it is; none for the operator without an account.
    pub person: Option<NodeId>,
    /// When it began.
    pub made: Timestamp,
    /// When it was used last, to the hour.
    pub seen: Timestamp,
    /// What the browser calls itself.
    pub agent: String,
}

/// A session as its owner sees it.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// Its name; nothing can be done with it but end the session.
    pub id: String,
    /// What is known of it.
    pub row: SessionRow,
}

impl People {
    /// Begins a session and gives the secret for the cookie.
    ///
    /// # Errors
    /// When the database fails, or the person changed meanwhile: is gone, locked, or has another password.
    pub async fn open_session(&self, person: Option<&PersonRow>, agent: &str) -> Result<String, PeopleError> {
        let (secret, now) = (identity::token(), clock::now());
        let agent = agent[..agent.floor_char_boundary(AGENT_BYTES)].to_owned();
        {
            let _changing = self.store.changing();
            let mut batch = Batch::default();
            if let Some(person) = person {
                let same = |now: &PersonRow| now.password == person.password && now.allowed().is_some();
                self.get(&person.id)?.filter(same).ok_or(PeopleError::Wrong)?;
                let mut old = self.sessions(&person.id)?;
                old.sort_by_key(|(_, row)| std::cmp::Reverse(row.seen));
                old.iter().skip(SESSIONS_EACH - 1).for_each(|(key, _)| batch.remove(&SESSIONS, key));
            }
            let person = person.map(|person| person.id);
            batch.put(&SESSIONS, &session_key(&secret), &SessionRow { person, made: now, seen: now, agent });
            self.store.write(batch)?;
        }
        self.store.durable().await?;
        Ok(secret)
    }

    /// The session of a cookie's secret, while it lasts.
    ///
    /// # Errors
    /// When the database fails.
    pub fn session(&self, secret: &str) -> Result<Option<SessionRow>, StoreError> {
        let (key, now) = (session_key(secret), clock::now());
        let row = self.store.get(&SESSIONS, &key)?;
        let Some(row) = row.filter(|row| now.ms_since(row.made) < SESSION_MS) else { return Ok(None) };
        if now.ms_since(row.seen) > NOTED_MS {
            // One that ended meanwhile stays ended.
            let _changing = self.store.changing();
            if let Some(row) = self.store.get(&SESSIONS, &key)? {
                let mut batch = Batch::default();
                batch.put(&SESSIONS, &key, &SessionRow { seen: now, ..row });
                self.store.write(batch)?;
            }
        }
        Ok(Some(row))
    }

    /// Ends the session of a cookie's secret.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session(&self, secret: &str) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.remove(&SESSIONS, &session_key(secret));
        self.store.write(batch)?;
        self.store.durable().await
    }

    /// Somebody's sessions, the one used last first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sessions_of(&self, person: &NodeId) -> Result<Vec<SessionView>, StoreError> {
        let mut all = self.sessions(person)?;
        all.sort_by_key(|(_, row)| std::cmp::Reverse(row.seen));
        Ok(all.into_iter().map(|(key, row)| SessionView { id: name_of(&key), row }).collect())
    }

    /// The name of a cookie's session.
    #[must_use]
    pub fn session_id(secret: &str) -> String {
        name_of(&session_key(secret))
    }

    /// Ends one of somebody's sessions by its name.
    ///
    /// # Errors
    /// When there is no such session of theirs.
    pub async fn end_session_of(&self, person: &NodeId, id: &str) -> Result<(), PeopleError> {
        let mut batch = Batch::default();
        let all = self.sessions(person)?;
        let (key, _) = all.iter().find(|(key, _)| name_of(key) == id).ok_or(PeopleError::Unknown)?;
        batch.remove(&SESSIONS, key);
        self.store.write(batch)?;
        Ok(self.store.durable().await?)
    }

    /// Ends all of somebody's sessions.
    pub(super) fn end_sessions(&self, person: &NodeId) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        self.sessions(person)?.iter().for_each(|(key, _)| batch.remove(&SESSIONS, key));
        self.store.write(batch)
    }

    pub(super) fn sessions(&self, person: &NodeId) -> Result<Vec<(Vec<u8>, SessionRow)>, StoreError> {
        let mut all = self.store.scan(&SESSIONS, b"", None, usize::MAX)?;
        all.retain(|(_, row)| row.person == Some(*person));
        Ok(all)
    }
}

/// A hash of the key, which is a hash of the secret itself.
pub(super) fn name_of(key: &[u8]) -> String {
    blake3::hash(key).to_hex()[..16].to_owned()
}
