//! Lists of videos that people make: pages, forms and API.

use axum::{
    Form, Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_protocol::VideoId;
use horahora_web::{InList, ListChoice, ListPage, ListRow as ListView, ListsPage, PlayList, tr};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Rooms, Shared,
    api::Answer,
    error::ApiError,
    pages::{ago, card, count, watch_path},
    viewer::Viewer,
};
use crate::{
    people::{ListChange, PersonRow},
    store::rows::{ListRow, VideoRow},
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    /// `make`, `edit`, `add`, `drop`, `up`, `down` or `remove`.
    #[serde(rename = "do")]
    what: String,
    name: String,
    about: String,
    public: String,
    video: String,
    /// Where the form stands: `watch`, or the list's page.
    at: String,
}

/// `GET /lists`
pub(super) async fn all(State(rooms): Shared, headers: HeaderMap) -> Result<Response, ApiError> {
    let person = match rooms.me_or_sign_up(&headers) {
        Ok(person) => person,
        Err(away) => return Ok(away.into_response()),
    };
    let rows = rooms.people.lists(&person.id)?;
    let page = ListsPage {
        frame: rooms.frame(&headers),
        rows: rows.iter().map(|(id, row)| list_view(id, row)).collect(),
        error: None,
    };
    Ok(Html(horahora_web::lists(&page)).into_response())
}

/// `POST /lists`: a new one, with its first video where there is one.
pub(super) async fn make(
    State(rooms): Shared,
    headers: HeaderMap,
    Form(change): Form<Change>,
) -> Result<Response, ApiError> {
    let me = rooms.me(&headers)?;
    let video = if change.video.is_empty() { None } else { Some(rooms.visible(&headers, &change.video)?) };
    let new = ListChange {
        name: Some(change.name),
        public: Some(!change.public.is_empty()),
        add: video.as_ref().map(|video| video.id.clone()),
        ..ListChange::default()
    };
    match rooms.people.make_list(&me, new).await {
        Ok(id) => Ok(Redirect::to(&back(&change.at, &id, video.as_ref())).into_response()),
        Err(error) => {
            let error = ApiError::from(error);
            let rows = rooms.people.lists(&me.id)?;
            let page = ListsPage {
                frame: rooms.frame(&headers),
                rows: rows.iter().map(|(id, row)| list_view(id, row)).collect(),
                error: Some(error.said()),
            };
            Ok((error.status, Html(horahora_web::lists(&page))).into_response())
        }
    }
}

/// `GET /lists/{list}`
pub(super) async fn page(
    State(rooms): Shared,
    viewer: Viewer,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let me = rooms.auth.who(&headers).person;
    let row = rooms.people.list(&id, me.as_ref().map(|me| &me.id))?;
    let mut videos = Vec::new();
    for video in &row.videos {
        let known = rooms.listed(viewer, video)?;
        videos.push(InList {
            id: video.to_string(),
            card: known.as_ref().map(|video| {
                let card = card(video);
                horahora_web::Card { href: in_list(&card.href, &id), ..card }
            }),
        });
    }
    let page = ListPage {
        frame: rooms.frame(&headers),
        mine: me.is_some_and(|me| me.id == row.owner),
        about: row.about.clone(),
        first: videos.iter().find_map(|video| video.card.as_ref()).map(|card| card.href.clone()),
        list: list_view(&id, &row),
        videos,
    };
    Ok(Html(horahora_web::list(&page)).into_response())
}

/// `POST /lists/{list}`
pub(super) async fn change(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(change): Form<Change>,
) -> Result<Response, ApiError> {
    let me = rooms.me(&headers)?.id;
    let video =
        || change.video.parse::<VideoId>().map_err(|_| ApiError::bad("unknown-video", "This is no video."));
    let wanted = match change.what.as_str() {
        "remove" => {
            rooms.people.remove_list(&me, &id)?;
            return Ok(Redirect::to("/lists").into_response());
        }
        "edit" => ListChange {
            name: Some(change.name.clone()),
            about: Some(change.about.clone()),
            public: Some(!change.public.is_empty()),
            ..ListChange::default()
        },
        "add" => {
            ListChange { add: Some(rooms.visible(&headers, &change.video)?.id), ..ListChange::default() }
        }
        "drop" => ListChange { drop: Some(video()?), ..ListChange::default() },
        "up" => ListChange { shift: Some((video()?, -1)), ..ListChange::default() },
        "down" => ListChange { shift: Some((video()?, 1)), ..ListChange::default() },
        _ => {
            return Err(ApiError::bad("bad-change", "`do` is edit, add, drop, up, down or remove."));
        }
    };
    rooms.people.change_list(&me, &id, wanted).await?;
    let at = rooms.video_row(&change.video).ok();
    Ok(Redirect::to(&back(&change.at, &id, at.as_ref())).into_response())
}

/// `GET /api/v1/account/lists`
pub(super) async fn mine(State(rooms): Shared, headers: HeaderMap) -> Answer {
    let rows = rooms.people.lists(&rooms.me(&headers)?.id)?;
    let items: Vec<_> = rows.iter().map(|(id, row)| list_json(id, row)).collect();
    Ok(Json(json!({ "items": items })))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    name: Option<String>,
    about: Option<String>,
    public: Option<bool>,
    videos: Option<Vec<String>>,
}

impl Wanted {
    fn read(self) -> Result<ListChange, ApiError> {
        let one = |text: String| {
            text.parse().map_err(|_| ApiError::bad("unknown-video", format!("{text} is no video.")))
        };
        let videos = self.videos.map(|videos| videos.into_iter().map(one).collect()).transpose()?;
        let Self { name, about, public, .. } = self;
        Ok(ListChange { name, about, public, videos, ..ListChange::default() })
    }
}

/// `POST /api/v1/account/lists` `{"name", "about", "public", "videos"}`
pub(super) async fn api_make(
    State(rooms): Shared,
    headers: HeaderMap,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let me = rooms.me(&headers)?;
    let id = rooms.people.make_list(&me, wanted.read()?).await?;
    Ok((StatusCode::CREATED, Json(list_json(&id, &rooms.people.list(&id, Some(&me.id))?))))
}

/// `GET /api/v1/lists/{list}`
pub(super) async fn one(State(rooms): Shared, Path(id): Path<String>, headers: HeaderMap) -> Answer {
    let me = rooms.auth.who(&headers).person.map(|me| me.id);
    Ok(Json(list_json(&id, &rooms.people.list(&id, me.as_ref())?)))
}

/// `POST /api/v1/lists/{list}`: what is named changes; `videos` are all of them, in their order.
pub(super) async fn api_change(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(wanted): Json<Wanted>,
) -> Answer {
    let row = rooms.people.change_list(&rooms.me(&headers)?.id, &id, wanted.read()?).await?;
    Ok(Json(list_json(&id, &row)))
}

/// `DELETE /api/v1/lists/{list}`
pub(super) async fn remove(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    rooms.people.remove_list(&rooms.me(&headers)?.id, &id)?;
    Ok(StatusCode::NO_CONTENT)
}

impl Rooms {
    /// Somebody's lists, for them to take along.
    pub(super) fn lists_json(&self, person: &PersonRow) -> Result<Value, ApiError> {
        let rows = self.people.lists(&person.id)?;
        Ok(rows.iter().map(|(id, row)| list_json(id, row)).collect())
    }

    /// A video of a list, if this viewer may see it.
    fn listed(&self, viewer: Viewer, video: &VideoId) -> Result<Option<VideoRow>, ApiError> {
        let Some(row) = self.catalogue.video(video)? else { return Ok(None) };
        Ok(self.shows(viewer, &row)?.then_some(row))
    }

    /// The lists of who looks, and whether a video is in each.
    pub(super) fn list_choices(
        &self,
        video: &VideoRow,
        headers: &HeaderMap,
    ) -> Result<Vec<ListChoice>, ApiError> {
        let Some(me) = self.auth.who(headers).person else { return Ok(Vec::new()) };
        let rows = self.people.lists(&me.id)?;
        let choice = |(id, row): &(String, ListRow)| ListChoice {
            id: id.clone(),
            name: row.name.clone(),
            on: row.videos.contains(&video.id),
        };
        Ok(rows.iter().map(choice).collect())
    }

    /// The list that somebody plays, and where in it they are.
    pub(super) fn playing(
        &self,
        video: &VideoRow,
        list: Option<&str>,
        headers: &HeaderMap,
        viewer: Viewer,
    ) -> Result<Option<PlayList>, ApiError> {
        let Some(id) = list else { return Ok(None) };
        let me = self.auth.who(headers).person.map(|me| me.id);
        // A list that is gone, or is nobody's business, keeps nobody from watching.
        let Ok(row) = self.people.list(id, me.as_ref()) else { return Ok(None) };
        let mut cards = Vec::new();
        let mut at = None;
        for known in &row.videos {
            let Some(known) = self.listed(viewer, known)? else { continue };
            if known.id == video.id {
                at = Some(cards.len());
            }
            let card = card(&known);
            cards.push(horahora_web::Card { href: in_list(&card.href, id), ..card });
        }
        let Some(at) = at else { return Ok(None) };
        let place = tr("list-place").with("at", at + 1).with("all", cards.len()).into();
        Ok(Some(PlayList { href: path(id), name: row.name, by: row.owner_name, place, at, cards }))
    }
}

fn path(id: &str) -> String {
    format!("/lists/{id}")
}

fn in_list(href: &str, id: &str) -> String {
    format!("{href}?list={id}")
}

fn back(at: &str, id: &str, video: Option<&VideoRow>) -> String {
    match (at, video) {
        ("watch", Some(video)) => watch_path(video),
        _ => path(id),
    }
}

fn list_view(id: &str, row: &ListRow) -> ListView {
    ListView {
        id: id.to_owned(),
        href: path(id),
        name: row.name.clone(),
        by: row.owner_name.clone(),
        public: row.public,
        detail: tr("list-detail")
            .with("videos", count(row.videos.len(), "videos"))
            .with("ago", ago(row.at.0))
            .into(),
    }
}

fn list_json(id: &str, row: &ListRow) -> Value {
    json!({
        "id": id,
        "name": row.name,
        "about": row.about,
        "public": row.public,
        "by": row.owner_name,
        "changed_at": row.at,
        "videos": row.videos,
    })
}
