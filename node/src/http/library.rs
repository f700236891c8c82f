//! What somebody keeps for themselves: favourites, and what they watched.

use axum::{
    Form, Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_protocol::{Timestamp, VideoId};
use horahora_web::{LibraryPage, LibraryRow};
use serde::Deserialize;
use serde_json::json;

use super::{
    Rooms, Shared,
    api::Answer,
    error::ApiError,
    pages::{ago, card, watch_path},
    viewer::Viewer,
};
use crate::{
    people::{PersonRow, Shelf},
    store::{StoreError, rows::VideoRow},
};

/// Videos on one page.
const SHOWN: usize = 48;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct View {
    /// `history`, or favourites.
    of: String,
    /// How many are left out.
    from: usize,
}

/// `GET /library`
pub(super) async fn page(
    State(rooms): Shared,
    viewer: Viewer,
    Query(view): Query<View>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let person = match rooms.me_or_sign_up(&headers) {
        Ok(person) => person,
        Err(away) => return Ok(away.into_response()),
    };
    let shelf = if view.of == "history" { Shelf::History } else { Shelf::Favourites };
    let (total, rows) = rooms.on_shelf(&person, viewer, shelf, view.from)?;
    let page_at = |from: usize| {
        format!("{}{}from={from}", path(shelf), if shelf == Shelf::History { "&" } else { "?" })
    };
    let page = LibraryPage {
        frame: rooms.frame(&headers),
        history: shelf == Shelf::History,
        paused: rooms.people.is_paused(&person.id)?,
        total,
        newer: (view.from > 0).then(|| page_at(view.from.saturating_sub(SHOWN))),
        older: next(view.from, total).map(page_at),
        rows: rows
            .iter()
            .map(|(video, at)| LibraryRow { id: video.id.to_string(), card: card(video), when: ago(at.0) })
            .collect(),
    };
    Ok(Html(horahora_web::library(&page)).into_response())
}

/// Where the next page begins, if there is one. Where this one does is a stranger's number.
fn next(from: usize, total: usize) -> Option<usize> {
    from.checked_add(SHOWN).filter(|next| *next < total)
}

fn path(shelf: Shelf) -> &'static str {
    match shelf {
        Shelf::Favourites => "/library",
        Shelf::History => "/library?of=history",
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    /// `add` or `drop` a favourite, `forget` a video, `clear`, `rest` or `go-on` with the history.
    #[serde(rename = "do")]
    what: String,
    video: String,
    /// Where the form stands: `watch`, or the library.
    at: String,
}

/// `POST /library`
pub(super) async fn change(
    State(rooms): Shared,
    headers: HeaderMap,
    Form(change): Form<Change>,
) -> Result<Response, ApiError> {
    let me = rooms.me(&headers)?.id;
    let video = || change.video.parse::<VideoId>().map_err(|_| unknown());
    let mut to = path(Shelf::History).to_owned();
    match change.what.as_str() {
        "add" | "drop" => {
            if change.what == "add" {
                rooms.people.put_on(&me, Shelf::Favourites, &rooms.visible(&headers, &change.video)?.id)?;
            } else {
                rooms.people.take_off(&me, Shelf::Favourites, Some(&video()?))?;
            }
            to = match rooms.video_row(&change.video) {
                Ok(row) if change.at == "watch" => watch_path(&row),
                _ => path(Shelf::Favourites).to_owned(),
            };
        }
        "forget" => rooms.people.take_off(&me, Shelf::History, Some(&video()?))?,
        "clear" => rooms.people.take_off(&me, Shelf::History, None)?,
        "rest" | "go-on" => rooms.people.set_paused(&me, change.what == "rest")?,
        _ => return Err(ApiError::bad("bad-change", "`do` is add, drop, forget, clear, rest or go-on.")),
    }
    Ok(Redirect::to(&to).into_response())
}

/// `GET /api/v1/account/favourites?from`
pub(super) async fn favourites(State(rooms): Shared, Query(view): Query<View>, headers: HeaderMap) -> Answer {
    rooms.shelf_json(&headers, Shelf::Favourites, view.from)
}

/// `PUT /api/v1/account/favourites/{video}`
pub(super) async fn keep_favourite(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let me = rooms.me(&headers)?.id;
    rooms.people.put_on(&me, Shelf::Favourites, &rooms.visible(&headers, &id)?.id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/account/favourites/{video}`
pub(super) async fn drop_favourite(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    rooms.off_shelf(&headers, Shelf::Favourites, &id)
}

/// `GET /api/v1/account/history?from`
pub(super) async fn history(State(rooms): Shared, Query(view): Query<View>, headers: HeaderMap) -> Answer {
    rooms.shelf_json(&headers, Shelf::History, view.from)
}

#[derive(Debug, Deserialize)]
pub(super) struct Rest {
    paused: bool,
}

/// `POST /api/v1/account/history` `{"paused"}`
pub(super) async fn rest(
    State(rooms): Shared,
    headers: HeaderMap,
    Json(rest): Json<Rest>,
) -> Result<StatusCode, ApiError> {
    rooms.people.set_paused(&rooms.me(&headers)?.id, rest.paused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/account/history`
pub(super) async fn clear_history(State(rooms): Shared, headers: HeaderMap) -> Result<StatusCode, ApiError> {
    rooms.people.take_off(&rooms.me(&headers)?.id, Shelf::History, None)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/account/history/{video}`
pub(super) async fn forget(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    rooms.off_shelf(&headers, Shelf::History, &id)
}

fn unknown() -> ApiError {
    ApiError::not_found("unknown-video", "This node does not know this video.")
}

impl Rooms {
    /// A video that who sent this may see: of others nobody learns that they are here.
    pub(super) fn visible(&self, headers: &HeaderMap, id: &str) -> Result<VideoRow, ApiError> {
        let row = self.video_row(id)?;
        if self.shows(self.viewer(headers), &row)? { Ok(row) } else { Err(unknown()) }
    }

    pub(super) fn is_favourite(&self, video: &VideoRow, headers: &HeaderMap) -> Result<bool, StoreError> {
        let me = self.auth.who(headers).person;
        me.map_or(Ok(false), |me| self.people.is_on(&me.id, Shelf::Favourites, &video.id))
    }

    fn off_shelf(&self, headers: &HeaderMap, shelf: Shelf, id: &str) -> Result<StatusCode, ApiError> {
        let video = id.parse::<VideoId>().map_err(|_| unknown())?;
        self.people.take_off(&self.me(headers)?.id, shelf, Some(&video))?;
        Ok(StatusCode::NO_CONTENT)
    }

    /// How many videos of a shelf somebody may see, and those of one page.
    fn on_shelf(
        &self,
        person: &PersonRow,
        viewer: Viewer,
        shelf: Shelf,
        from: usize,
    ) -> Result<(usize, Vec<(VideoRow, Timestamp)>), ApiError> {
        let mut there = Vec::new();
        for (video, at) in self.people.shelf(&person.id, shelf)? {
            // What is not known any more is kept in mind, and shown once it is back.
            if let Some(row) = self.catalogue.video(&video)?
                && self.shows(viewer, &row)?
            {
                there.push((row, at));
            }
        }
        let total = there.len();
        Ok((total, there.into_iter().skip(from).take(SHOWN).collect()))
    }

    fn shelf_json(&self, headers: &HeaderMap, shelf: Shelf, from: usize) -> Answer {
        let person = self.me(headers)?;
        let (total, rows) = self.on_shelf(&person, self.viewer(headers), shelf, from)?;
        let item = |(video, at): &(VideoRow, Timestamp)| json!({ "video": video.id.to_string(), "title": video.title, "at": at });
        let paused = (shelf == Shelf::History).then(|| self.people.is_paused(&person.id)).transpose()?;
        Ok(Json(json!({
            "items": rows.iter().map(item).collect::<Vec<_>>(),
            "total": total,
            "next": next(from, total),
            "paused": paused,
        })))
    }

    /// What an account takes along of its shelves.
    pub(super) fn shelves_json(&self, person: &PersonRow) -> Result<serde_json::Value, ApiError> {
        let all = |shelf| {
            let rows = self.people.shelf(&person.id, shelf)?;
            let item = |(video, at): (VideoId, Timestamp)| json!({ "video": video.to_string(), "at": at });
            Ok::<_, ApiError>(rows.into_iter().map(item).collect::<Vec<_>>())
        };
        let searches = self.people.followed(&person.id)?;
        Ok(json!({
            "favourites": all(Shelf::Favourites)?,
            "history": all(Shelf::History)?,
            "searches": searches.into_iter().map(|(search, _)| search).collect::<Vec<_>>(),
        }))
    }
}
