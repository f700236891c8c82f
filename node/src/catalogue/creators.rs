//! Who made what: the videos of each creator, by the id that the origin gives, and the names that they had there.

use horahora_protocol::{Timestamp, VideoId, entry::About, manifest::Creator, summary::Summary};
use serde::{Deserialize, Serialize};

use super::Catalogue;
use crate::store::{
    Batch, Store, StoreError,
    rows::{CREATOR_NAMES, CREATORS, VIDEOS, VideoRow, creator_key, creator_video_key},
};

/// Names of one creator that are told.
const NAMES: usize = 100;

/// A row of [`CREATOR_NAMES`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NameRow {
    /// The name.
    pub name: String,
    /// Where the origin shows them.
    pub url: Option<String>,
    /// When this node first heard of it.
    pub since: Timestamp,
}

/// Takes over what a summary says of a video.
pub fn describe(
    store: &Store,
    video: &mut VideoRow,
    summary: &Summary,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    if !summary.title.is_empty() {
        video.title.clone_from(&summary.title);
    }
    video.duration_ms = summary.duration_ms;
    video.tags.clone_from(&summary.tags);
    video.published_at = summary.published_at;
    video.audio_only = summary.audio_only;
    video.poster = summary.poster.is_some();
    let name = summary.creator.as_ref().map(|creator| creator.name.clone());
    video.creator = name.filter(|name| !name.is_empty());
    let creator = summary.creator.as_ref().and_then(|creator| creator.id.as_ref().map(|id| (id, creator)));
    let before = std::mem::replace(&mut video.creator_id, creator.map(|(id, _)| id.clone()));
    if let Some(before) = before.filter(|before| Some(before) != video.creator_id.as_ref()) {
        batch.remove(&CREATORS, &creator_video_key(video.id.site(), &before, video.added, &video.id));
    }
    let Some((id, creator)) = creator else { return Ok(()) };
    let key = creator_video_key(video.id.site(), id, video.added, &video.id);
    batch.put(&CREATORS, &key, &video.id);
    note_name(store, video, id, creator, batch)
}

/// Takes over what a listing tells of a video of which nothing is archived yet; what it does not tell stays as it was. Gives
/// whether that changed anything.
pub fn introduce(
    store: &Store,
    video: &mut VideoRow,
    title: Option<&str>,
    about: Option<&About>,
    batch: &mut Batch,
) -> Result<bool, StoreError> {
    let Some(about) = about.filter(|_| video.capture.is_none() && video.manifest.is_none()) else {
        return Ok(false);
    };
    let known = video.creator_id.is_some() || video.creator.is_some();
    let named = about.creator.as_ref().is_some_and(|creator| !creator.name.is_empty());
    let creator = about.creator.clone().filter(|_| named || !known).or_else(|| {
        known.then(|| Creator {
            name: video.creator.clone().unwrap_or_default(),
            id: video.creator_id.clone(),
            url: None,
        })
    });
    let (tags, length) = (&about.tags, about.duration_ms);
    let summary = Summary {
        title: title.unwrap_or_default().to_owned(),
        creator,
        tags: if tags.is_empty() { video.tags.clone() } else { tags.clone() },
        published_at: about.published_at.or(video.published_at),
        duration_ms: if length == 0 { video.duration_ms } else { length },
        ..Summary::default()
    };
    let before = (video.title.clone(), video.creator.clone(), video.creator_id.clone(), video.tags.clone());
    describe(store, video, &summary, batch)?;
    Ok(before != (video.title.clone(), video.creator.clone(), video.creator_id.clone(), video.tags.clone()))
}

fn note_name(
    store: &Store,
    video: &VideoRow,
    id: &str,
    Creator { name, url, .. }: &Creator,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let key = [creator_key(video.id.site(), id).as_slice(), name.as_bytes()].concat();
    if !name.is_empty() && store.get_after(batch, &CREATOR_NAMES, &key)?.is_none() {
        let row = NameRow { name: name.clone(), url: url.clone(), since: video.added };
        batch.put(&CREATOR_NAMES, &key, &row);
    }
    Ok(())
}

impl Catalogue {
    /// The names that a creator had, the latest heard first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn creator_names(&self, site: &str, id: &str) -> Result<Vec<NameRow>, StoreError> {
        let rows = self.store.scan(&CREATOR_NAMES, &creator_key(site, id), None, NAMES)?;
        let mut names: Vec<NameRow> = rows.into_iter().map(|(_, row)| row).collect();
        names.sort_by_key(|row| std::cmp::Reverse(row.since));
        Ok(names)
    }

    /// A creator's videos after a key, the latest heard of first, each with its own key.
    ///
    /// # Errors
    /// When the database fails.
    pub fn creator_videos(
        &self,
        site: &str,
        id: &str,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, VideoRow)>, StoreError> {
        let ids: Vec<(Vec<u8>, VideoId)> =
            self.store.scan(&CREATORS, &creator_key(site, id), after, limit)?;
        let mut videos = Vec::new();
        for (key, id) in ids {
            // A video that nobody wants any more leaves its line here.
            let row: Option<VideoRow> = self.store.get(&VIDEOS, id.as_str().as_bytes())?;
            videos.extend(row.map(|row| (key, row)));
        }
        Ok(videos)
    }
}
