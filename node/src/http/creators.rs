//! Creators at the origin, each with what is archived of them.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{Html, IntoResponse, Response},
};
use horahora_web::CreatorPage;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::{
    Rooms, Shared,
    api::{self, Answer, PageQuery},
    error::ApiError,
    pages::{View, card, date},
    search::Asked,
    viewer::Viewer,
};
use crate::{catalogue::NameRow, people::Rank, store::rows::VideoRow};

const CARDS: usize = 48;

/// What is known of a creator, as far as somebody may see it.
struct Found {
    names: Vec<NameRow>,
    videos: Vec<VideoRow>,
    next: Option<Vec<u8>>,
}

/// `GET /api/v1/creators/{site}/{id}?after&limit`
pub(super) async fn one(
    State(rooms): Shared,
    viewer: Viewer,
    Path((site, id)): Path<(String, String)>,
    Query(query): Query<PageQuery>,
) -> Answer {
    let (after, limit) = query.read()?;
    let Found { names, videos, next } = rooms.creator(viewer, &site, &id, after.as_deref(), limit)?;
    let items = videos.iter().map(|row| rooms.video_json(row)).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(json!({
        "site": site,
        "id": id,
        "name": names.first().map(|row| &row.name),
        "names": names.iter().map(|row| json!({ "name": row.name, "since": row.since })).collect::<Vec<_>>(),
        "url": names.first().and_then(|row| row.url.as_ref()),
        "items": items,
        "next": next.as_deref().map(api::cursor_text),
    })))
}

/// `GET /creators/{site}/{id}`
pub(super) async fn page(
    State(rooms): Shared,
    viewer: Viewer,
    Path((site, id)): Path<(String, String)>,
    Query(view): Query<View>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let after = view.after.as_deref().map(api::cursor).transpose()?;
    let Found { names, videos, next } = rooms.creator(viewer, &site, &id, after.as_deref(), CARDS)?;
    let page = CreatorPage {
        frame: rooms.frame(&headers),
        name: names.first().map_or_else(|| id.clone(), |row| row.name.clone()),
        earlier: names.iter().skip(1).map(|row| (row.name.clone(), date(row.since.0))).collect(),
        url: names.first().and_then(|row| row.url.clone()),
        videos: videos.iter().map(card).collect(),
        follow: rooms.follow_button(&headers, &Asked::of_creator(&site, &id), "creator")?,
        hide: viewer
            .is(Rank::Moderator)
            .then(|| format!("/moderate/measures?kind=creator&id={}#decide", part(&format!("{site}/{id}")))),
        older: next.map(|key| format!("{}?after={}", path(&site, &id), api::cursor_text(&key))),
        site,
    };
    Ok(Html(horahora_web::creator(&page)).into_response())
}

fn part(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The page of a creator.
pub(super) fn path(site: &str, id: &str) -> String {
    format!("/creators/{}/{}", part(site), part(id))
}

impl Rooms {
    fn creator(
        &self,
        viewer: Viewer,
        site: &str,
        id: &str,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Found, ApiError> {
        let mut found = self.catalogue.creator_videos(site, id, after, limit)?;
        let next = (found.len() == limit).then(|| found.last().map(|(key, _)| key.clone())).flatten();
        found.retain(|(_, row)| self.shows(viewer, row).unwrap_or(false));
        if found.is_empty() && after.is_none() && next.is_none() {
            let message = "Nothing of this creator is archived here.";
            return Err(ApiError::not_found("unknown-creator", message));
        }
        let names = self.catalogue.creator_names(site, id)?;
        Ok(Found { names, videos: found.into_iter().map(|(_, row)| row).collect(), next })
    }
}
