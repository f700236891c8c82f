//! Everything that moderators and admins do is written down here, round all routes, so that no handler forgets it; a handler
//! can say it in words.

use axum::{
    Json,
    extract::{Query, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use horahora_web::{ActionView, AuditPage};
use serde_json::json;

use super::{
    Rooms, Shared,
    api::{self, Answer, PageQuery},
    error::ApiError,
    pages::{View, ago},
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
    let action =
        |(_, row): (Vec<u8>, ActionRow)| ActionView { who: row.who, what: row.what, when: ago(row.at.0) };
    let page = AuditPage {
        frame: rooms.frame(&headers),
        desk: rooms.desk(&headers, "log")?,
        actions: rows.into_iter().map(action).collect(),
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

impl Rooms {
    /// What whoever sent this is called in the log.
    pub(super) fn called(&self, headers: &HeaderMap) -> String {
        self.auth.who(headers).person.map_or_else(|| OPERATOR.to_owned(), |person| person.name)
    }
}
