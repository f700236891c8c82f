//! What was watched most: looked for once in a while, as every home page shows it and it changes slowly.

use std::sync::{Mutex, PoisonError};

use horahora_protocol::{Timestamp, VideoId};
use horahora_web::Card;

use super::{
    Rooms,
    error::ApiError,
    pages::{card, count},
    viewer::Viewer,
};
use crate::{
    clock,
    search::{Found, Page, Query, Sort},
};

/// Videos that are shown.
const SHOWN: usize = 6;
/// How long what was found counts.
const FRESH_MS: u64 = 10_000;

/// Videos, and when they were found.
type Kept = Option<(Timestamp, Vec<VideoId>)>;

/// What was found last: for everybody, and for those who see private groups.
#[derive(Debug, Default)]
pub struct Popular(Mutex<[Kept; 2]>);

impl Rooms {
    /// What was watched most, once something was; of it what this viewer may see now.
    pub(super) async fn popular(&self, viewer: Viewer) -> Result<Vec<Card>, ApiError> {
        let (slot, now) = (usize::from(viewer.is_insider()), clock::steady());
        let kept = self.popular.0.lock().unwrap_or_else(PoisonError::into_inner)[slot].clone();
        let ids = match kept.filter(|(at, _)| now.ms_since(*at) < FRESH_MS) {
            Some((_, ids)) => ids,
            None => {
                let query = Query { sort: Sort::Views, everything: viewer.is_insider(), ..Query::default() };
                let ids = self.search.find(query, Page { skip: 0, limit: SHOWN }).await?.ids;
                self.popular.0.lock().unwrap_or_else(PoisonError::into_inner)[slot] =
                    Some((now, ids.clone()));
                ids
            }
        };
        let mut cards = Vec::new();
        for row in self.found_rows(viewer, &Found { ids, ..Found::default() })? {
            let views = self.community.tally(&row.id)?.viewed();
            if views > 0 {
                let views = count(usize::try_from(views).unwrap_or(usize::MAX), "count-views");
                cards.push(Card { views: Some(views), ..card(&row) });
            }
        }
        Ok(cards)
    }
}
