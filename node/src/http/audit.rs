//! Everything that moderators and admins do is written down here, round all routes, so that no handler forgets it; a handler
//! can say it in words.

use axum::{
    Form, Json,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_web::{ActionView, AuditPage, HiddenView};
use serde::Deserialize;
use serde_json::json;

use super::{
    Rooms, Shared,
    api::{self, Answer, PageQuery},
    error::ApiError,
    pages::{View, ago, watch_path},
    rights::{Need, need},
};
use crate::{people::Rank, store::rows::ActionRow};

/// Rows of one page.
const SHOWN: usize = 100;
pub(super) const OPERATOR: &str = "whoever runs the node";

/// What a handler did, in words; without it the log has method and path.
#[derive(Debug, Clone)]
pub(super) struct Done(pub(super) String);

/// After this answer the node begins again, once it is written down.
#[derive(Debug, Clone)]
pub(super) struct BeginsAgain;

/// Writes down what was done by who may more than others, once it is done.
pub(super) async fn record(State(rooms): Shared, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    if method.is_safe() {
        return next.run(request).await;
    }
    let who = rooms.called(request.headers());
    let response = next.run(request).await;
    let status = response.status();
    let of_rank = matches!(need(&method, &path), Need::Rank(rank) if rank >= Rank::Moderator);
    let told = response.extensions().get::<Done>().map(|done| done.0.clone());
    if (status.is_success() || status.is_redirection()) && (of_rank || told.is_some()) {
        let what = told.unwrap_or_else(|| format!("{method} {path}"));
        if let Err(error) = rooms.moderation.note(&who, &what) {
            tracing::error!("what {who} did could not be written down: {what}: {error}");
        }
    }
    if response.extensions().get::<BeginsAgain>().is_some() {
        if let Err(error) = rooms.store.durable().await {
            tracing::error!("the database is not on the disk: {error}");
        }
        rooms.again.cancel();
    }
    response
}

/// `GET /moderate/log`
pub(super) async fn page(
    State(rooms): Shared,
    Query(view): Query<View>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let after = view.after.as_deref().map(api::cursor).transpose()?;
    let rows = rooms.moderation.log(after.as_deref(), SHOWN)?;
    let older = (rows.len() == SHOWN).then(|| rows.last().map(|(key, _)| api::cursor_text(key))).flatten();
    let mut hidden = Vec::new();
    for (video, row) in rooms.moderation.all_hidden()? {
        let known = rooms.catalogue.video(&video)?;
        hidden.push(HiddenView {
            title: known.as_ref().map_or_else(|| video.to_string(), |known| known.title.clone()),
            href: known.as_ref().map(watch_path),
            reason: row.reason,
            by: row.by,
            when: ago(row.at.0),
        });
    }
    let action =
        |(_, row): (Vec<u8>, ActionRow)| ActionView { who: row.who, what: row.what, when: ago(row.at.0) };
    let page = AuditPage {
        frame: rooms.frame(&headers),
        desk: rooms.desk(&headers, "log")?,
        actions: rows.into_iter().map(action).collect(),
        hidden,
        older: older.map(|cursor| format!("/moderate/log?after={cursor}")),
    };
    Ok(Html(horahora_web::audit(&page)).into_response())
}

/// `GET /api/v1/audit?after&limit`
pub(super) async fn list(State(rooms): Shared, Query(query): Query<PageQuery>) -> Answer {
    let (after, limit) = query.read()?;
    let rows = rooms.moderation.log(after.as_deref(), limit)?;
    let next = (rows.len() == limit).then(|| rows.last().map(|(key, _)| api::cursor_text(key))).flatten();
    let items: Vec<_> = rows.iter().map(|(_, row)| json!(row)).collect();
    Ok(Json(json!({ "items": items, "next": next })))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Hide {
    /// `hide` or `show`.
    #[serde(rename = "do")]
    what: String,
    reason: String,
}

/// `POST /watch/{video}/hide`
pub(super) async fn form(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Hide>,
) -> Result<Response, ApiError> {
    let to = watch_path(&rooms.video_row(&id)?);
    let reason = match form.what.as_str() {
        "hide" => Some(form.reason.as_str()),
        "show" => None,
        _ => return Err(ApiError::bad("bad-change", "`do` is hide or show.")),
    };
    let done = rooms.set_hidden(&headers, &id, reason).await?;
    Ok((axum::Extension(done), Redirect::to(&to)).into_response())
}

/// `POST /api/v1/videos/{video}/hidden` `{"reason"}`
pub(super) async fn hide(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(form): Json<Hide>,
) -> Result<Response, ApiError> {
    let done = rooms.set_hidden(&headers, &id, Some(&form.reason)).await?;
    Ok((StatusCode::NO_CONTENT, axum::Extension(done)).into_response())
}

/// `DELETE /api/v1/videos/{video}/hidden`
pub(super) async fn show(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let done = rooms.set_hidden(&headers, &id, None).await?;
    Ok((StatusCode::NO_CONTENT, axum::Extension(done)).into_response())
}

impl Rooms {
    /// What whoever sent this is called in the log.
    pub(super) fn called(&self, headers: &HeaderMap) -> String {
        self.auth.who(headers).person.map_or_else(|| OPERATOR.to_owned(), |person| person.name)
    }

    async fn set_hidden(
        &self,
        headers: &HeaderMap,
        id: &str,
        reason: Option<&str>,
    ) -> Result<Done, ApiError> {
        if reason.is_some_and(|reason| reason.trim().is_empty()) {
            return Err(ApiError::bad(
                "reason-needed",
                "Say why it is hidden: people who look for it read it.",
            ));
        }
        let video = self.video_row(id)?;
        self.moderation.set_hidden(&video.id, &self.called(headers), reason).await?;
        self.live.tell("video", json!({ "id": video.id, "state": video.state }));
        Ok(Done(match reason {
            Some(reason) => format!("hid {} ({}): {}", video.title, video.id, reason.trim()),
            None => format!("showed {} ({}) again", video.title, video.id),
        }))
    }
}
