//! Lists of videos that people make, to be watched one after the other: for themselves, or for everybody here.

use data_encoding::HEXLOWER;
use horahora_protocol::{NodeId, VideoId};

use super::{
    People, PeopleError, PersonRow,
    shelves::{LISTS_OF, row_key},
};
use crate::{
    clock,
    store::{
        Batch, StoreError,
        rows::{LISTS, ListRow, SHELVES},
    },
};

/// Lists of one person.
const LISTS_OF_ONE: usize = 100;
/// Videos of one list.
const VIDEOS: usize = 1_000;
const NAME: usize = 100;
const ABOUT: usize = 2_000;

/// What is to become of a list; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct ListChange {
    /// Its name.
    pub name: Option<String>,
    /// What it is about.
    pub about: Option<String>,
    /// Whether others may see it.
    pub public: Option<bool>,
    /// A video that goes to its end, if it is not in it.
    pub add: Option<VideoId>,
    /// A video that leaves it.
    pub drop: Option<VideoId>,
    /// A video that moves so many places down.
    pub shift: Option<(VideoId, isize)>,
    /// All its videos, in their order.
    pub videos: Option<Vec<VideoId>>,
}

impl People {
    /// Makes a list and gives its id.
    ///
    /// # Errors
    /// When it has no name, or this person has as many as can be.
    pub async fn make_list(&self, owner: &PersonRow, change: ListChange) -> Result<String, PeopleError> {
        let id = HEXLOWER.encode(&clock::random::<8>());
        {
            let _changing = self.store.changing();
            if self.lists(&owner.id)?.len() >= LISTS_OF_ONE {
                return Err(PeopleError::ManyLists(LISTS_OF_ONE));
            }
            let row = ListRow {
                owner: owner.id,
                owner_name: owner.name.clone(),
                name: String::new(),
                about: String::new(),
                public: false,
                videos: Vec::new(),
                at: clock::now(),
            };
            self.put_list(&id, &changed(row, change)?)?;
        }
        self.store.durable().await?;
        Ok(id)
    }

    /// One list; of somebody who may not see it, none.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn list(&self, id: &str, seen_by: Option<&NodeId>) -> Result<ListRow, PeopleError> {
        let row = self.store.get(&LISTS, id.as_bytes())?;
        row.filter(|row| row.public || seen_by == Some(&row.owner)).ok_or(PeopleError::UnknownList)
    }

    /// The lists of one person, the last changed first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn lists(&self, owner: &NodeId) -> Result<Vec<(String, ListRow)>, StoreError> {
        let mut all = Vec::new();
        for (id, _) in self.latest_first(owner, LISTS_OF)? {
            if let Some(row) = self.store.get(&LISTS, id.as_bytes())? {
                all.push((id, row));
            }
        }
        Ok(all)
    }

    /// Changes a list of somebody's own.
    ///
    /// # Errors
    /// When it is not theirs, or what is wanted cannot be.
    pub async fn change_list(
        &self,
        owner: &NodeId,
        id: &str,
        change: ListChange,
    ) -> Result<ListRow, PeopleError> {
        let row = {
            let _changing = self.store.changing();
            let row = changed(self.own_list(owner, id)?, change)?;
            self.put_list(id, &row)?;
            row
        };
        self.store.durable().await?;
        Ok(row)
    }

    /// Removes a list of somebody's own; the videos stay where they are.
    ///
    /// # Errors
    /// When it is not theirs.
    pub fn remove_list(&self, owner: &NodeId, id: &str) -> Result<(), PeopleError> {
        let _changing = self.store.changing();
        self.own_list(owner, id)?;
        let mut batch = Batch::default();
        forget(owner, id, &mut batch);
        Ok(self.store.write(batch)?)
    }

    pub(super) fn clear_lists(&self, owner: &NodeId, batch: &mut Batch) -> Result<(), StoreError> {
        self.lists(owner)?.iter().for_each(|(id, _)| forget(owner, id, batch));
        Ok(())
    }

    fn own_list(&self, owner: &NodeId, id: &str) -> Result<ListRow, PeopleError> {
        let row: Option<ListRow> = self.store.get(&LISTS, id.as_bytes())?;
        row.filter(|row| row.owner == *owner).ok_or(PeopleError::UnknownList)
    }

    fn put_list(&self, id: &str, row: &ListRow) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.put(&LISTS, id.as_bytes(), row);
        batch.put(&SHELVES, &row_key(&row.owner, LISTS_OF, id.as_bytes()), &row.at);
        self.store.write(batch)
    }
}

fn forget(owner: &NodeId, id: &str, batch: &mut Batch) {
    batch.remove(&LISTS, id.as_bytes());
    batch.remove(&SHELVES, &row_key(owner, LISTS_OF, id.as_bytes()));
}

fn changed(mut row: ListRow, change: ListChange) -> Result<ListRow, PeopleError> {
    if let Some(name) = change.name {
        row.name = cut(&name, NAME);
    }
    if row.name.is_empty() {
        return Err(PeopleError::ListName);
    }
    if let Some(about) = change.about {
        row.about = cut(&about, ABOUT);
    }
    row.public = change.public.unwrap_or(row.public);
    if let Some(videos) = change.videos {
        row.videos = Vec::new();
        for video in videos {
            if !row.videos.contains(&video) {
                row.videos.push(video);
            }
        }
    }
    if let Some(video) = change.drop {
        row.videos.retain(|known| *known != video);
    }
    if let Some((video, places)) = change.shift
        && let Some(from) = row.videos.iter().position(|known| *known == video)
    {
        let to = from.saturating_add_signed(places).min(row.videos.len() - 1);
        let video = row.videos.remove(from);
        row.videos.insert(to, video);
    }
    if let Some(video) = change.add
        && !row.videos.contains(&video)
    {
        row.videos.push(video);
    }
    if row.videos.len() > VIDEOS {
        return Err(PeopleError::Full(VIDEOS));
    }
    row.at = clock::now();
    Ok(row)
}

fn cut(text: &str, letters: usize) -> String {
    text.trim().chars().filter(|letter| !letter.is_control() || *letter == '\n').take(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{people::Rank, store::Store};

    #[tokio::test]
    async fn a_list_keeps_its_order_and_is_its_owners() {
        let dir = tempfile::tempdir().unwrap();
        let people = People::new(Store::open(dir.path()).unwrap());
        let ada = people.make("ada", "correct horse", Rank::Viewer).await.unwrap();
        let bob = people.make("bob", "correct horse", Rank::Admin).await.unwrap();
        let video = |number: usize| format!("niconico:sm{number}").parse::<VideoId>().unwrap();
        let named = |name: &str| ListChange { name: Some(name.to_owned()), ..ListChange::default() };
        assert!(matches!(people.make_list(&ada, named(" ")).await, Err(PeopleError::ListName)));
        let id = people.make_list(&ada, named("組曲")).await.unwrap();
        let change = |change: ListChange| people.change_list(&ada.id, &id, change);
        for number in [1, 2, 3, 1] {
            change(ListChange { add: Some(video(number)), ..ListChange::default() }).await.unwrap();
        }
        let shift =
            |number, places| ListChange { shift: Some((video(number), places)), ..ListChange::default() };
        let row = change(shift(3, -1)).await.unwrap();
        assert_eq!(row.videos, [video(1), video(3), video(2)]);
        assert_eq!(change(shift(1, 99)).await.unwrap().videos, [video(3), video(2), video(1)]);
        assert_eq!(change(shift(1, -99)).await.unwrap().videos[0], video(1));
        change(ListChange { drop: Some(video(3)), ..ListChange::default() }).await.unwrap();

        assert!(matches!(people.list(&id, Some(&bob.id)), Err(PeopleError::UnknownList)));
        let stranger = people.change_list(&bob.id, &id, named("mine")).await;
        assert!(matches!(stranger, Err(PeopleError::UnknownList)));
        change(ListChange { public: Some(true), ..ListChange::default() }).await.unwrap();
        assert_eq!(people.list(&id, None).unwrap().videos, [video(1), video(2)]);
        let many = (0..=VIDEOS).map(video).collect();
        let full = change(ListChange { videos: Some(many), ..ListChange::default() }).await;
        assert!(matches!(full, Err(PeopleError::Full(_))));

        people.remove(&ada.id).await.unwrap();
        assert!(matches!(people.list(&id, None), Err(PeopleError::UnknownList)));
    }
}
