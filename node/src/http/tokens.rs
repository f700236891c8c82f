//! Tokens that somebody gives to their programs: form and API. A token makes no further ones.

use axum::{
    Form, Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_web::{AccountPage, TokenRow as TokenView, tr};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Rooms, Shared,
    api::Answer,
    error::ApiError,
    languages,
    pages::{ago, date},
};
use crate::people::{PersonRow, Rank, Scope, TokenRow};

/// Days that a token lasts where nothing is said.
const DAYS: u64 = 365;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    name: String,
    /// `read`, or a rank.
    may: String,
    days: Option<u64>,
}

/// `GET /api/v1/account/tokens`
pub(super) async fn list(State(rooms): Shared, headers: HeaderMap) -> Answer {
    let all = rooms.people.tokens_of(&rooms.in_person(&headers)?.id)?;
    let item = |(id, row): &(String, TokenRow)| {
        json!({
            "id": id,
            "name": row.name,
            "may": may_of(row),
            "made": row.made,
            "until": row.until,
            "seen": row.seen,
        })
    };
    Ok(Json(json!({ "items": all.iter().map(item).collect::<Vec<_>>() })))
}

/// `POST /api/v1/account/tokens` `{"name", "may", "days"}`
pub(super) async fn make(
    State(rooms): Shared,
    headers: HeaderMap,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let secret = rooms.make_token(&headers, &wanted).await?;
    Ok((StatusCode::CREATED, Json(json!({ "token": secret }))))
}

/// `DELETE /api/v1/account/tokens/{token}`
pub(super) async fn end(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    rooms.people.end_token(&rooms.in_person(&headers)?.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    /// `make` or `end`.
    #[serde(rename = "do")]
    what: String,
    token: String,
    name: String,
    may: String,
    days: String,
}

/// `POST /account/tokens`
pub(super) async fn form(
    State(rooms): Shared,
    headers: HeaderMap,
    Form(change): Form<Change>,
) -> Result<Response, ApiError> {
    let me = rooms.in_person(&headers)?;
    let Change { what, token, name, may, days } = change;
    let done = match what.as_str() {
        "end" => {
            rooms.people.end_token(&me.id, &token).await?;
            return Ok(Redirect::to("/account#tokens").into_response());
        }
        "make" => rooms.make_token(&headers, &Wanted { name, may, days: days.trim().parse().ok() }).await,
        _ => return Err(ApiError::bad("bad-change", "`do` is make or end.")),
    };
    let page = rooms.account_view(&me, &headers)?;
    // A secret stands in no address, so it is shown at once.
    let (status, page) = match done {
        Ok(secret) => (StatusCode::OK, AccountPage { token: Some(secret), ..page }),
        Err(error) => (error.status, AccountPage { error: Some(error.said()), ..page }),
    };
    Ok((status, Html(horahora_web::account(&page))).into_response())
}

impl Rooms {
    /// Whose browser it is: a token that was lost must not make more of itself.
    pub(super) fn in_person(&self, headers: &HeaderMap) -> Result<PersonRow, ApiError> {
        let message = "This is for people at a browser, not for tokens.";
        let refused = || ApiError::new(StatusCode::FORBIDDEN, "session-needed", message);
        self.me(headers)?;
        self.auth.who(headers).in_person().cloned().ok_or_else(refused)
    }

    async fn make_token(&self, headers: &HeaderMap, wanted: &Wanted) -> Result<String, ApiError> {
        let me = self.in_person(headers)?;
        let scope = match wanted.may.as_str() {
            "read" => Scope { rank: me.rank, reads: true },
            rank => {
                let rank = Rank::of(rank).ok_or_else(|| {
                    ApiError::bad("bad-token", "`may` is read, viewer, trusted, moderator or admin.")
                })?;
                Scope { rank: rank.min(me.rank), reads: false }
            }
        };
        Ok(self.people.make_token(&me, &wanted.name, scope, wanted.days.unwrap_or(DAYS)).await?)
    }

    pub(super) fn token_views(&self, person: &PersonRow) -> Result<Vec<TokenView>, ApiError> {
        let all = self.people.tokens_of(&person.id)?;
        let view = |(id, row): &(String, TokenRow)| TokenView {
            id: id.clone(),
            name: row.name.clone(),
            may: match row.scope.reads {
                true => tr("token-reads").into(),
                false => tr("token-may-what").with("rank", languages::rank(row.scope.rank.name())).into(),
            },
            until: date(row.until.0),
            seen: row.seen.map_or_else(
                || tr("token-unused").into(),
                |seen| tr("token-used").with("ago", ago(seen.0)).into(),
            ),
        };
        Ok(all.iter().map(view).collect())
    }
}

fn may_of(row: &TokenRow) -> &'static str {
    if row.scope.reads { "read" } else { row.scope.rank.name() }
}
