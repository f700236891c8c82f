//! People with an account on this node: names, passwords, ranks, and how they come in.
//!
//! A person is an ed25519 key that this node keeps for them, so that what they say can be carried to other nodes and to
//! another home. Whoever has the node's token or a login link is its operator, with an account or without.

use std::sync::Arc;

use horahora_protocol::{NodeId, NodeKey, Timestamp};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    clock,
    search::words::fold,
    store::{
        Batch, Store, StoreError,
        rows::{HOUSE, HOUSE_KEY, NAMES, PAGES, PEOPLE, REPORTS, SESSIONS},
    },
};

mod error;
mod invitations;
mod lists;
mod password;
mod rank;
mod sessions;
mod shelves;
mod throttle;
mod tokens;

pub use error::PeopleError;
pub use invitations::InvitationRow;
pub use lists::ListChange;
pub use rank::{House, Rank, SignUp, Uploaders};
pub use sessions::{SESSION_MS, SessionRow, SessionView};
pub use shelves::Shelf;
pub use tokens::{Scope, TOKEN_DAYS, TokenRow};

use password::Passwords;
pub use throttle::Throttle;

/// Pages that admins may write, and what they are called.
pub const HOUSE_PAGES: [(&str, &str); 3] = [("about", "About"), ("terms", "Terms"), ("privacy", "Privacy")];

/// Letters of a name.
const NAME: std::ops::RangeInclusive<usize> = 2..=32;
/// Letters of a password: as many as NIST SP 800-63B wants at least, and no more than anybody types.
const PASSWORD: std::ops::RangeInclusive<usize> = 8..=256;
/// Accounts that strangers can make in an hour, all together, where anybody may.
const NEW_AN_HOUR: u32 = 60;
const HOUR_MS: u64 = 3_600_000;

/// A row of [`PEOPLE`].
#[derive(Clone, Serialize, Deserialize)]
pub struct PersonRow {
    /// Who.
    pub id: NodeId,
    /// What they are called, as they write it.
    pub name: String,
    /// PHC string of the password (Argon2id, RFC 9106).
    password: String,
    /// What they may do.
    pub rank: Rank,
    /// The secret half of the key.
    secret: ByteBuf,
    /// When they came.
    pub since: Timestamp,
    /// Why they are locked out, if they are.
    pub banned: Option<String>,
}

impl std::fmt::Debug for PersonRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PersonRow({}, {:?})", self.name, self.rank)
    }
}

impl PersonRow {
    /// The key that this person's words are signed with; none when the row is damaged.
    #[must_use]
    pub fn key(&self) -> Option<NodeKey> {
        self.secret.as_slice().try_into().ok().map(|secret: &[u8; 32]| NodeKey::from_secret(secret))
    }

    /// What may be done now: nothing by who is locked out.
    #[must_use]
    pub fn allowed(&self) -> Option<Rank> {
        self.banned.is_none().then_some(self.rank)
    }
}

/// The people. Clones share them.
#[derive(Debug, Clone)]
pub struct People {
    store: Store,
    passwords: Passwords,
    tries: Arc<Throttle>,
}

impl People {
    /// The people of this database.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, passwords: Passwords::default(), tries: Arc::default() }
    }

    /// How people are taken in.
    ///
    /// # Errors
    /// When the database fails.
    pub fn house(&self) -> Result<House, StoreError> {
        Ok(self.store.get(&HOUSE, HOUSE_KEY)?.unwrap_or_default())
    }

    /// Changes how people are taken in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_house(&self, house: House) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.put(&HOUSE, HOUSE_KEY, &house);
        self.store.write(batch)?;
        self.store.durable().await
    }

    /// A page that admins wrote, none where it has the usual words.
    ///
    /// # Errors
    /// When the database fails.
    pub fn page(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.store.get(&PAGES, page_key(name).as_bytes())
    }

    /// Writes a page; nothing brings the usual words back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_page(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        match text.is_empty() {
            true => batch.remove(&PAGES, page_key(name).as_bytes()),
            false => batch.put(&PAGES, page_key(name).as_bytes(), &text.to_owned()),
        }
        self.store.write(batch)?;
        self.store.durable().await
    }

    /// One person.
    ///
    /// # Errors
    /// When the database fails.
    pub fn get(&self, id: &NodeId) -> Result<Option<PersonRow>, StoreError> {
        self.store.get(&PEOPLE, id.public_key())
    }

    /// Everybody, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn all(&self) -> Result<Vec<PersonRow>, StoreError> {
        let names = self.store.scan(&NAMES, b"", None, usize::MAX)?;
        let people = names.into_iter().map(|(_, id)| self.get(&id));
        Ok(people.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Makes an account as the operator.
    ///
    /// # Errors
    /// When name or password cannot be, or the name is taken.
    pub async fn make(&self, name: &str, password: &str, rank: Rank) -> Result<PersonRow, PeopleError> {
        let name = check_name(name)?;
        let password = self.hash(name, password).await?;
        let _changing = self.store.changing();
        let mut batch = Batch::default();
        let person = self.enter(name, password, rank, &mut batch)?;
        self.store.write(batch)?;
        Ok(person)
    }

    /// Makes an account as a stranger: with an invitation's code, or without where anybody may.
    ///
    /// # Errors
    /// When name or password cannot be, the name is taken, or this node takes nobody in this way.
    pub async fn sign_up(&self, name: &str, password: &str, code: &str) -> Result<PersonRow, PeopleError> {
        let name = check_name(name)?;
        // Nobody's password is hashed before it is known that they come in.
        self.admits(code)?;
        if code.trim().is_empty() && !self.tries.allow("new", NEW_AN_HOUR, HOUR_MS) {
            return Err(PeopleError::NotTaken("Too many people came at once. Try again in an hour."));
        }
        let password = self.hash(name, password).await?;
        let person = {
            let _changing = self.store.changing();
            let mut batch = Batch::default();
            let rank = self.redeem(code, &mut batch)?;
            let person = self.enter(name, password, rank, &mut batch)?;
            self.store.write(batch)?;
            person
        };
        self.store.durable().await?;
        Ok(person)
    }

    fn enter(
        &self,
        name: &str,
        password: String,
        rank: Rank,
        batch: &mut Batch,
    ) -> Result<PersonRow, PeopleError> {
        let folded = fold(name);
        if self.store.get(&NAMES, folded.as_bytes())?.is_some() {
            return Err(PeopleError::Taken);
        }
        let secret = clock::random::<32>();
        let id = NodeKey::from_secret(&secret).node_id();
        let (name, secret) = (name.to_owned(), ByteBuf::from(secret));
        let person = PersonRow { id, name, password, rank, secret, since: clock::now(), banned: None };
        batch.put(&PEOPLE, id.public_key(), &person);
        batch.put(&NAMES, folded.as_bytes(), &id);
        Ok(person)
    }

    /// The person whose name and password these are. `from` is where they come from.
    ///
    /// # Errors
    /// When they are wrong, after too many wrong tries, or when the person is locked out.
    pub async fn log_in(&self, name: &str, password: &str, from: &str) -> Result<PersonRow, PeopleError> {
        let name = name.trim();
        // Nobody is called so, and nothing of it is worth remembering.
        if name.chars().count() > *NAME.end() || password.chars().count() > *PASSWORD.end() {
            return Err(PeopleError::Wrong);
        }
        let folded = fold(name);
        let keys = [format!("from {from}"), format!("as {folded}")];
        if let Some(wait) = keys.iter().find_map(|key| self.tries.blocked(key)) {
            return Err(PeopleError::TooMany(wait));
        }
        // Counted before it is looked at: of many at once no more are tried than one after the other.
        keys.iter().for_each(|key| self.tries.failed(key));
        let id = self.store.get(&NAMES, folded.as_bytes())?;
        let person = id.map(|id| self.get(&id)).transpose()?.flatten();
        let hash = person.as_ref().map(|person| person.password.clone());
        if !self.passwords.fits(password, hash).await? {
            return Err(PeopleError::Wrong);
        }
        self.tries.undo(&keys[0]);
        self.tries.forget(&keys[1]);
        let person = person.ok_or(PeopleError::Wrong)?;
        match &person.banned {
            Some(reason) => Err(PeopleError::Banned(reason.clone())),
            None => Ok(person),
        }
    }

    /// Changes a password; every session of the person ends.
    ///
    /// # Errors
    /// When the old one is wrong or the new one cannot be.
    pub async fn change_password(
        &self,
        id: &NodeId,
        old: &str,
        new: &str,
        from: &str,
    ) -> Result<(), PeopleError> {
        let person = self.get(id)?.ok_or(PeopleError::Unknown)?;
        self.log_in(&person.name, old, from).await?;
        self.set_password(id, new).await
    }

    /// Sets a password, as an admin does for who forgot it; every session of the person ends.
    ///
    /// # Errors
    /// When it cannot be one.
    pub async fn set_password(&self, id: &NodeId, new: &str) -> Result<(), PeopleError> {
        let name = self.get(id)?.ok_or(PeopleError::Unknown)?.name;
        let password = self.hash(&name, new).await?;
        self.change(id, |person, _| {
            person.password = password;
            Ok(())
        })?;
        self.end_sessions(id)?;
        Ok(self.store.durable().await?)
    }

    /// Gives somebody another rank.
    ///
    /// # Errors
    /// When it would leave nobody an admin.
    pub fn set_rank(&self, id: &NodeId, rank: Rank) -> Result<(), PeopleError> {
        self.change(id, |person, last| {
            if last && rank < Rank::Admin {
                return Err(PeopleError::LastAdmin);
            }
            person.rank = rank;
            Ok(())
        })
    }

    /// Locks somebody out, or lets them in again.
    ///
    /// # Errors
    /// When it would leave nobody an admin.
    pub fn set_banned(&self, id: &NodeId, reason: Option<String>) -> Result<(), PeopleError> {
        self.change(id, |person, last| {
            if last && reason.is_some() {
                return Err(PeopleError::LastAdmin);
            }
            person.banned = reason;
            Ok(())
        })
    }

    /// Removes an account with its sessions and its key.
    ///
    /// # Errors
    /// When nobody would be an admin any more.
    pub async fn remove(&self, id: &NodeId) -> Result<(), PeopleError> {
        {
            let _changing = self.store.changing();
            if self.is_last_admin(id)? {
                return Err(PeopleError::LastAdmin);
            }
            let person = self.get(id)?.ok_or(PeopleError::Unknown)?;
            let mut batch = Batch::default();
            batch.remove(&PEOPLE, id.public_key());
            batch.remove(&NAMES, fold(&person.name).as_bytes());
            for (key, _) in self.sessions(id)? {
                batch.remove(&SESSIONS, &key);
            }
            self.clear_shelves(id, &mut batch)?;
            self.clear_lists(id, &mut batch)?;
            self.clear_tokens(id, &mut batch)?;
            for (key, _) in
                self.store.scan(&REPORTS, b"", None, usize::MAX)?.iter().filter(|(_, row)| row.by == *id)
            {
                batch.remove(&REPORTS, key);
            }
            self.store.write(batch)?;
        }
        Ok(self.store.durable().await?)
    }

    /// Alone as an admin, with others about: an account that is the only one may go.
    fn is_last_admin(&self, id: &NodeId) -> Result<bool, StoreError> {
        let all = self.all()?;
        let admins: Vec<_> = all.iter().filter(|person| person.allowed() == Some(Rank::Admin)).collect();
        Ok(all.len() > 1 && admins.len() == 1 && admins[0].id == *id)
    }

    fn change(
        &self,
        id: &NodeId,
        change: impl FnOnce(&mut PersonRow, bool) -> Result<(), PeopleError>,
    ) -> Result<(), PeopleError> {
        let _changing = self.store.changing();
        let mut person = self.get(id)?.ok_or(PeopleError::Unknown)?;
        change(&mut person, self.is_last_admin(id)?)?;
        let mut batch = Batch::default();
        batch.put(&PEOPLE, id.public_key(), &person);
        Ok(self.store.write(batch)?)
    }

    async fn hash(&self, name: &str, password: &str) -> Result<String, PeopleError> {
        let fits = PASSWORD.contains(&password.chars().count()) && fold(password) != fold(name);
        if !fits {
            return Err(PeopleError::Password);
        }
        self.passwords.hash(password).await
    }
}

/// Letters and digits of any script; what joins them stands between two of them.
fn check_name(name: &str) -> Result<&str, PeopleError> {
    let name = name.trim();
    let letters: Vec<char> = name.chars().collect();
    let joins = |letter: char| matches!(letter, ' ' | '.' | '-' | '_');
    let fits = NAME.contains(&letters.len())
        && letters.iter().all(|letter| letter.is_alphanumeric() || joins(*letter))
        && letters.windows(2).all(|pair| !(joins(pair[0]) && joins(pair[1])))
        && letters.first().is_some_and(|first| !joins(*first))
        && letters.last().is_some_and(|last| !joins(*last));
    if fits { Ok(name) } else { Err(PeopleError::Name) }
}

fn page_key(name: &str) -> String {
    format!("page/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> (People, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        (People::new(Store::open(dir.path()).unwrap()), dir)
    }

    #[test]
    fn names_are_letters_of_any_script() {
        for name in ["tanuki", "豆腐工場P", "a.b-c_d e", " ab "] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in
            ["a", "", "-ab", "ab-", "a--b", "a<b", "a\u{202e}b", "a\nb", &"x".repeat(33), "a@b", "..."]
        {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[tokio::test]
    async fn who_is_known_comes_in_and_who_tries_too_often_waits() {
        let (people, _dir) = people();
        let made = people.make("Tanuki", "correct horse", Rank::Admin).await.unwrap();
        assert!(matches!(
            people.make("ＴＡＮＵＫＩ", "another one", Rank::Viewer).await,
            Err(PeopleError::Taken)
        ));
        assert!(matches!(people.make("short", "1234567", Rank::Viewer).await, Err(PeopleError::Password)));
        assert!(matches!(
            people.make("longname", "LongName", Rank::Viewer).await,
            Err(PeopleError::Password)
        ));
        assert_eq!(people.log_in("tanuki", "correct horse", "here").await.unwrap().id, made.id);
        assert_eq!(made.key().unwrap().node_id(), made.id);
        for _ in 0..throttle::TRIES {
            assert!(matches!(people.log_in("tanuki", "wrong", "there").await, Err(PeopleError::Wrong)));
        }
        for (name, from) in [("tanuki", "elsewhere"), ("nobody", "there")] {
            let said = people.log_in(name, "correct horse", from).await;
            assert!(matches!(said, Err(PeopleError::TooMany(_))), "{name} from {from}");
        }
        assert!(matches!(people.log_in("nobody", "x", "elsewhere").await, Err(PeopleError::Wrong)));
    }

    #[tokio::test]
    async fn somebody_stays_an_admin_and_who_is_locked_out_stays_out() {
        let (people, _dir) = people();
        let ada = people.make("ada", "correct horse", Rank::Admin).await.unwrap().id;
        let bob = people.make("bob", "correct horse", Rank::Viewer).await.unwrap().id;
        let eve = people.make("eve", "correct horse", Rank::Viewer).await.unwrap().id;
        people.remove(&eve).await.unwrap();
        assert!(matches!(people.set_rank(&ada, Rank::Viewer), Err(PeopleError::LastAdmin)));
        assert!(matches!(people.remove(&ada).await, Err(PeopleError::LastAdmin)));
        people.set_banned(&bob, Some("spam".to_owned())).unwrap();
        assert!(matches!(people.log_in("bob", "correct horse", "x").await, Err(PeopleError::Banned(_))));
        people.set_banned(&bob, None).unwrap();
        people.set_rank(&bob, Rank::Admin).unwrap();
        people.remove(&ada).await.unwrap();
        let names: Vec<_> = people.all().unwrap().into_iter().map(|person| person.name).collect();
        assert_eq!(names, ["bob"]);
        assert!(matches!(people.log_in("ada", "correct horse", "x").await, Err(PeopleError::Wrong)));
    }

    #[tokio::test]
    async fn a_new_password_ends_what_the_old_one_began() {
        let (people, _dir) = people();
        let ada = people.make("ada", "correct horse", Rank::Viewer).await.unwrap().id;
        let person = people.get(&ada).unwrap().unwrap();
        let secret = people.open_session(Some(&person), "Firefox").await.unwrap();
        assert_eq!(people.session(&secret).unwrap().unwrap().person, Some(ada));
        assert!(matches!(
            people.change_password(&ada, "wrong", "battery staple", "x").await,
            Err(PeopleError::Wrong)
        ));
        people.change_password(&ada, "correct horse", "battery staple", "x").await.unwrap();
        assert!(people.session(&secret).unwrap().is_none());
        let late = people.open_session(Some(&person), "Firefox").await;
        assert!(matches!(late, Err(PeopleError::Wrong)), "who was let in by the old one comes too late");
        assert!(people.log_in("ada", "battery staple", "x").await.is_ok());
    }

    #[tokio::test]
    async fn strangers_come_in_as_the_house_says() {
        let (people, _dir) = people();
        let come = async |name: &str, code: &str| {
            people.sign_up(name, "correct horse", code).await.map(|person| person.rank)
        };
        assert!(
            matches!(come("one", "").await, Err(PeopleError::NotTaken(_))),
            "by invitation, unless said otherwise"
        );
        let code = people.invite(Rank::Trusted, 2, 7, None).unwrap();
        assert_eq!(come("one", &code).await.unwrap(), Rank::Trusted);
        assert!(
            matches!(come("ONE", &code).await, Err(PeopleError::Taken)),
            "a try that fails uses nothing up"
        );
        assert_eq!(come("two", &code).await.unwrap(), Rank::Trusted);
        assert!(matches!(come("three", &code).await, Err(PeopleError::NotTaken(_))));
        people.set_house(House { sign_up: SignUp::Open, ..House::default() }).await.unwrap();
        assert_eq!(come("three", "").await.unwrap(), Rank::Viewer);
        people.set_house(House { sign_up: SignUp::Closed, ..House::default() }).await.unwrap();
        let code = people.invite(Rank::Viewer, 1, 7, None).unwrap();
        assert!(matches!(come("four", &code).await, Err(PeopleError::NotTaken(_))));
    }
}
