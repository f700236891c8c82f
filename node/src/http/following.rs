//! Searches that somebody follows, and what came lately that fits them.

use std::collections::BTreeSet;

use axum::{
    Form, Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_protocol::NodeId;
use horahora_web::{Follow, FollowedSearch, FollowingPage};
use serde::Deserialize;
use serde_json::json;

use super::{
    Rooms, Shared,
    api::Answer,
    creators,
    error::ApiError,
    pages::{ago, card},
    search::Asked,
    viewer::Viewer,
};
use crate::{
    search::{Page, Sort},
    store::rows::VideoRow,
};

/// Videos on the page.
const SHOWN: usize = 48;

/// `GET /following`
pub(super) async fn page(
    State(rooms): Shared,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let person = match rooms.me_or_sign_up(&headers) {
        Ok(person) => person,
        Err(away) => return Ok(away.into_response()),
    };
    let mut searches = Vec::new();
    for (search, since) in rooms.people.followed(&person.id)? {
        let asked = Asked::read(Some(&search))?;
        searches.push(FollowedSearch {
            words: rooms.words(&asked)?,
            href: asked.href(),
            feed: asked.feed_href(),
            since: ago(since.0),
            search,
        });
    }
    let page = FollowingPage {
        frame: rooms.frame(&headers),
        videos: rooms.new_for(&person.id, viewer).await?.iter().map(card).collect(),
        searches,
    };
    Ok(Html(horahora_web::following(&page)).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    /// `follow` or `unfollow`.
    #[serde(rename = "do")]
    what: String,
    search: String,
    /// Where the form stands: `search`, `creator`, or the list itself.
    at: String,
}

/// `POST /following`
pub(super) async fn change(
    State(rooms): Shared,
    headers: HeaderMap,
    Form(change): Form<Change>,
) -> Result<Response, ApiError> {
    let follows = match change.what.as_str() {
        "follow" => true,
        "unfollow" => false,
        _ => return Err(ApiError::bad("bad-change", "`do` is follow or unfollow.")),
    };
    let asked = rooms.set_followed(&headers, &change.search, follows)?;
    let to = match (change.at.as_str(), asked.creator()) {
        ("creator", Some((site, id))) => creators::path(site, id),
        ("search", _) => asked.href(),
        _ => "/following".to_owned(),
    };
    Ok(Redirect::to(&to).into_response())
}

/// `GET /api/v1/account/following`
pub(super) async fn list(State(rooms): Shared, headers: HeaderMap) -> Answer {
    let searches = rooms.people.followed(&rooms.me(&headers)?.id)?;
    let items = searches.iter().map(|(search, since)| json!({ "search": search, "since": since }));
    Ok(Json(json!({ "items": items.collect::<Vec<_>>() })))
}

/// `GET /api/v1/account/following/videos`
pub(super) async fn videos(State(rooms): Shared, viewer: Viewer, headers: HeaderMap) -> Answer {
    let rows = rooms.new_for(&rooms.me(&headers)?.id, viewer).await?;
    let items = rows.iter().map(|row| rooms.video_json(row)).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(json!({ "items": items })))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    search: String,
}

/// `POST /api/v1/account/following` `{"search"}`
pub(super) async fn follow(
    State(rooms): Shared,
    headers: HeaderMap,
    Json(named): Json<Named>,
) -> Result<StatusCode, ApiError> {
    rooms.set_followed(&headers, &named.search, true)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/account/following` `{"search"}`
pub(super) async fn unfollow(
    State(rooms): Shared,
    headers: HeaderMap,
    Json(named): Json<Named>,
) -> Result<StatusCode, ApiError> {
    rooms.set_followed(&headers, &named.search, false)?;
    Ok(StatusCode::NO_CONTENT)
}

impl Rooms {
    fn set_followed(&self, headers: &HeaderMap, search: &str, follows: bool) -> Result<Asked, ApiError> {
        let me = self.me(headers)?.id;
        let asked = Asked::read(Some(search))?.whole();
        let Some(search) = asked.followable() else {
            return Err(ApiError::bad("bad-search", "A search that is followed has words or filters."));
        };
        self.people.set_followed(&me, &search, follows)?;
        Ok(asked)
    }

    /// The button of a page that shows a search, for who has an account.
    pub(super) fn follow_button(
        &self,
        headers: &HeaderMap,
        asked: &Asked,
        at: &str,
    ) -> Result<Option<Follow>, ApiError> {
        let (Some(person), Some(search)) =
            (self.auth.who(headers).person, asked.clone().whole().followable())
        else {
            return Ok(None);
        };
        let on = self.people.follows(&person.id, &search)?;
        Ok(Some(Follow { on, search, at: at.to_owned() }))
    }

    /// What was archived last of all that somebody follows.
    async fn new_for(&self, person: &NodeId, viewer: Viewer) -> Result<Vec<VideoRow>, ApiError> {
        let (mut rows, mut seen) = (Vec::new(), BTreeSet::new());
        for (search, _) in self.people.followed(person)? {
            let mut asked = Asked::read(Some(&search))?;
            asked.sort = Sort::Added;
            let found = self.search.find(asked.query(viewer), Page { skip: 0, limit: SHOWN }).await?;
            let fresh = self.found_rows(viewer, &found)?.into_iter();
            rows.extend(fresh.filter(|row| seen.insert(row.id.clone())));
        }
        rows.sort_by(|a, b| b.added.cmp(&a.added).then_with(|| a.id.cmp(&b.id)));
        rows.truncate(SHOWN);
        Ok(rows)
    }
}
