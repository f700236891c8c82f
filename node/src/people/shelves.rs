//! What somebody keeps for themselves: videos that they marked, those that they watched, and searches that they follow. It
//! stays on their node.

use horahora_protocol::{NodeId, Timestamp, VideoId};

use super::{People, PeopleError};
use crate::{
    clock,
    store::{Batch, StoreError, rows::SHELVES},
};

/// One of a person's two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// What they marked.
    Favourites,
    /// What they watched.
    History,
}

impl Shelf {
    fn tag(self) -> u8 {
        match self {
            Self::Favourites => b'f',
            Self::History => b'h',
        }
    }

    /// Videos on it at most.
    #[must_use]
    pub fn room(self) -> usize {
        match self {
            Self::Favourites => 10_000,
            Self::History => 1_000,
        }
    }
}

/// Searches that somebody follows at most: each is looked for when they look what is new.
const FOLLOWED: usize = 50;
/// Takes the place of a shelf's letter for the searches, and for the lists that somebody made.
const SEARCHES: u8 = b's';
pub(super) const LISTS_OF: u8 = b'l';

/// Stands where a history would begin while nothing is to be remembered: no id is empty.
const PAUSED: &[u8] = b"";

fn key(person: &NodeId, shelf: Shelf, video: &[u8]) -> Vec<u8> {
    row_key(person, shelf.tag(), video)
}

pub(super) fn row_key(person: &NodeId, letter: u8, what: &[u8]) -> Vec<u8> {
    [person.public_key().as_slice(), &[letter], what].concat()
}

impl People {
    /// What is on a shelf, the latest first, with the time at which it came there.
    ///
    /// # Errors
    /// When the database fails.
    pub fn shelf(&self, person: &NodeId, shelf: Shelf) -> Result<Vec<(VideoId, Timestamp)>, StoreError> {
        let rows = self.latest_first(person, shelf.tag())?;
        Ok(rows.into_iter().filter_map(|(id, at)| Some((id.parse().ok()?, at))).collect())
    }

    pub(super) fn latest_first(
        &self,
        person: &NodeId,
        letter: u8,
    ) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let prefix = row_key(person, letter, b"");
        let rows = self.store.scan(&SHELVES, &prefix, None, usize::MAX)?;
        let text = |key: Vec<u8>| String::from_utf8(key[prefix.len()..].to_vec()).ok();
        let mut rows: Vec<_> = rows.into_iter().filter_map(|(key, at)| Some((text(key)?, at))).collect();
        rows.sort_by(|(a, at), (b, bt)| bt.cmp(at).then_with(|| a.cmp(b)));
        Ok(rows)
    }

    /// The searches that somebody follows, each as in an address, the latest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn followed(&self, person: &NodeId) -> Result<Vec<(String, Timestamp)>, StoreError> {
        self.latest_first(person, SEARCHES)
    }

    /// Whether somebody follows a search.
    ///
    /// # Errors
    /// When the database fails.
    pub fn follows(&self, person: &NodeId, search: &str) -> Result<bool, StoreError> {
        Ok(self.store.get(&SHELVES, &row_key(person, SEARCHES, search.as_bytes()))?.is_some())
    }

    /// Follows a search, or does so no more.
    ///
    /// # Errors
    /// When as many are followed as can be.
    pub fn set_followed(&self, person: &NodeId, search: &str, followed: bool) -> Result<(), PeopleError> {
        let _changing = self.store.changing();
        let key = row_key(person, SEARCHES, search.as_bytes());
        let mut batch = Batch::default();
        if !followed {
            batch.remove(&SHELVES, &key);
        } else if self.get(person)?.is_some() && !self.follows(person, search)? {
            if self.followed(person)?.len() >= FOLLOWED {
                return Err(PeopleError::FollowsMany(FOLLOWED));
            }
            batch.put(&SHELVES, &key, &clock::now());
        }
        Ok(self.store.write(batch)?)
    }

    /// Whether a video is on a shelf.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_on(&self, person: &NodeId, shelf: Shelf, video: &VideoId) -> Result<bool, StoreError> {
        Ok(self.store.get(&SHELVES, &key(person, shelf, video.as_str().as_bytes()))?.is_some())
    }

    /// Puts a video on a shelf, in front. Of a full history the oldest goes; nothing is remembered where it is paused.
    ///
    /// # Errors
    /// When the favourites are full.
    pub fn put_on(&self, person: &NodeId, shelf: Shelf, video: &VideoId) -> Result<(), PeopleError> {
        let _changing = self.store.changing();
        // Who just left leaves nothing.
        if self.get(person)?.is_none() || (shelf == Shelf::History && self.is_paused(person)?) {
            return Ok(());
        }
        let mut batch = Batch::default();
        if !self.is_on(person, shelf, video)? {
            let there = self.shelf(person, shelf)?;
            if there.len() >= shelf.room() {
                let Some((oldest, _)) = there.last().filter(|_| shelf == Shelf::History) else {
                    return Err(PeopleError::Full(shelf.room()));
                };
                batch.remove(&SHELVES, &key(person, shelf, oldest.as_str().as_bytes()));
            }
        }
        batch.put(&SHELVES, &key(person, shelf, video.as_str().as_bytes()), &clock::now());
        Ok(self.store.write(batch)?)
    }

    /// Takes a video off a shelf, or all of them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn take_off(&self, person: &NodeId, shelf: Shelf, video: Option<&VideoId>) -> Result<(), StoreError> {
        let _changing = self.store.changing();
        let mut batch = Batch::default();
        match video {
            Some(video) => batch.remove(&SHELVES, &key(person, shelf, video.as_str().as_bytes())),
            None => self.clear(person, shelf, &mut batch)?,
        }
        self.store.write(batch)
    }

    /// Whether nothing of what is watched is remembered.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_paused(&self, person: &NodeId) -> Result<bool, StoreError> {
        Ok(self.store.get(&SHELVES, &key(person, Shelf::History, PAUSED))?.is_some())
    }

    /// Lets the history rest, or go on.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_paused(&self, person: &NodeId, paused: bool) -> Result<(), StoreError> {
        let _changing = self.store.changing();
        let mut batch = Batch::default();
        let key = key(person, Shelf::History, PAUSED);
        match paused {
            true => batch.put(&SHELVES, &key, &clock::now()),
            false => batch.remove(&SHELVES, &key),
        }
        self.store.write(batch)
    }

    pub(super) fn clear_shelves(&self, person: &NodeId, batch: &mut Batch) -> Result<(), StoreError> {
        batch.remove(&SHELVES, &key(person, Shelf::History, PAUSED));
        for (search, _) in self.followed(person)? {
            batch.remove(&SHELVES, &row_key(person, SEARCHES, search.as_bytes()));
        }
        [Shelf::Favourites, Shelf::History].into_iter().try_for_each(|shelf| self.clear(person, shelf, batch))
    }

    fn clear(&self, person: &NodeId, shelf: Shelf, batch: &mut Batch) -> Result<(), StoreError> {
        for (video, _) in self.shelf(person, shelf)? {
            batch.remove(&SHELVES, &key(person, shelf, video.as_str().as_bytes()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{people::Rank, store::Store};

    #[tokio::test]
    async fn each_has_shelves_of_their_own_and_they_go_with_them() {
        let dir = tempfile::tempdir().unwrap();
        let people = People::new(Store::open(dir.path()).unwrap());
        let ada = people.make("ada", "correct horse", Rank::Admin).await.unwrap().id;
        let bob = people.make("bob", "correct horse", Rank::Viewer).await.unwrap().id;
        let video = |number: usize| format!("niconico:sm{number}").parse::<VideoId>().unwrap();
        let on = |who: &NodeId, shelf| {
            let shelf = people.shelf(who, shelf).unwrap();
            shelf.into_iter().map(|(video, _)| video.to_string()).collect::<Vec<_>>()
        };
        people.put_on(&ada, Shelf::Favourites, &video(9)).unwrap();
        people.put_on(&ada, Shelf::History, &video(9)).unwrap();
        people.put_on(&bob, Shelf::History, &video(1)).unwrap();
        assert_eq!(on(&ada, Shelf::Favourites), ["niconico:sm9"]);
        assert_eq!(on(&bob, Shelf::History), ["niconico:sm1"]);
        assert!(on(&bob, Shelf::Favourites).is_empty());

        people.set_paused(&bob, true).unwrap();
        people.put_on(&bob, Shelf::History, &video(2)).unwrap();
        assert_eq!(on(&bob, Shelf::History), ["niconico:sm1"], "nothing is remembered while it rests");
        people.take_off(&bob, Shelf::History, None).unwrap();
        assert!(on(&bob, Shelf::History).is_empty() && people.is_paused(&bob).unwrap());
        people.set_paused(&bob, false).unwrap();
        for number in 0..=Shelf::History.room() {
            people.put_on(&bob, Shelf::History, &video(number)).unwrap();
        }
        assert_eq!(on(&bob, Shelf::History).len(), Shelf::History.room());

        for number in 0..FOLLOWED {
            people.set_followed(&bob, &format!("q=a{number}"), true).unwrap();
        }
        people.set_followed(&bob, "q=a0", true).unwrap();
        assert!(matches!(people.set_followed(&bob, "q=b", true), Err(PeopleError::FollowsMany(_))));
        people.set_followed(&bob, "q=a0", false).unwrap();
        assert_eq!(people.followed(&bob).unwrap().len(), FOLLOWED - 1);
        assert!(people.followed(&ada).unwrap().is_empty());

        people.remove(&bob).await.unwrap();
        assert!(people.followed(&bob).unwrap().is_empty());
        people.put_on(&bob, Shelf::History, &video(3)).unwrap();
        assert!(on(&bob, Shelf::History).is_empty());
        assert_eq!(on(&ada, Shelf::History), ["niconico:sm9"]);
    }
}
