//! Somebody's own account: the way in and out, password, sessions, export and end.

use std::net::SocketAddr;

use axum::{
    Form, Json,
    extract::{ConnectInfo, Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_web::{AccountPage, LoginPage, SessionRow, SignUpPage, tr};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Rooms, Shared,
    api::Answer,
    auth::{self, agent, local, session_cookie},
    error::ApiError,
    languages,
    pages::{ago, date},
};
use crate::people::{PeopleError, PersonRow, Rank};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Credentials {
    name: String,
    password: String,
    code: String,
    next: String,
}

impl Credentials {
    /// Those of a first account.
    pub(super) fn of(name: &str, password: &str) -> Self {
        Self { name: name.to_owned(), password: password.to_owned(), ..Self::default() }
    }
}

/// `POST /login`
pub(super) async fn log_in(
    State(rooms): Shared,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(typed): Form<Credentials>,
) -> Response {
    match rooms.enter(&typed, &from, &headers).await {
        Ok((_, cookie)) => {
            ([(header::SET_COOKIE, cookie)], Redirect::to(local(Some(&typed.next)))).into_response()
        }
        Err(error) => {
            let page = LoginPage {
                name: typed.name,
                error: Some(error.said()),
                ..rooms.login_view(&headers, &typed.next)
            };
            (error.status, Html(horahora_web::login(&page))).into_response()
        }
    }
}

/// `POST /api/v1/session`
pub(super) async fn api_log_in(
    State(rooms): Shared,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(typed): Json<Credentials>,
) -> Result<Response, ApiError> {
    let (person, cookie) = rooms.enter(&typed, &from, &headers).await?;
    Ok(([(header::SET_COOKIE, cookie)], Json(person_json(&person))).into_response())
}

/// `POST /logout`
pub(super) async fn log_out(State(rooms): Shared, headers: HeaderMap) -> Result<Response, ApiError> {
    let cookie = rooms.go(&headers).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

/// `DELETE /api/v1/account/session`
pub(super) async fn api_log_out(State(rooms): Shared, headers: HeaderMap) -> Result<Response, ApiError> {
    let cookie = rooms.go(&headers).await?;
    Ok(([(header::SET_COOKIE, cookie)], StatusCode::NO_CONTENT).into_response())
}

/// The page with the form.
pub(super) fn login_page(rooms: &Rooms, headers: &HeaderMap, next: &str) -> Response {
    Html(horahora_web::login(&rooms.login_view(headers, next))).into_response()
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Invited {
    #[serde(default)]
    code: String,
}

/// `GET /sign-up`
pub(super) async fn sign_up_page(
    State(rooms): Shared,
    Query(invited): Query<Invited>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if rooms.auth.who(&headers).person.is_some() {
        return Ok(Redirect::to("/account").into_response());
    }
    let page = SignUpPage { code: invited.code, ..rooms.sign_up_view(&headers)? };
    Ok(Html(horahora_web::sign_up(&page)).into_response())
}

/// `POST /sign-up`
pub(super) async fn sign_up(
    State(rooms): Shared,
    headers: HeaderMap,
    Form(typed): Form<Credentials>,
) -> Result<Response, ApiError> {
    match rooms.come_in(&typed, &headers).await {
        Ok((_, cookie)) => Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()),
        Err(error) => {
            let (name, code) = (typed.name, typed.code);
            let page = SignUpPage { name, code, error: Some(error.said()), ..rooms.sign_up_view(&headers)? };
            Ok((error.status, Html(horahora_web::sign_up(&page))).into_response())
        }
    }
}

/// `POST /api/v1/people`
pub(super) async fn api_sign_up(
    State(rooms): Shared,
    headers: HeaderMap,
    Json(typed): Json<Credentials>,
) -> Result<Response, ApiError> {
    let (person, cookie) = rooms.come_in(&typed, &headers).await?;
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], Json(person_json(&person))).into_response())
}

/// `GET /account`
pub(super) async fn page(State(rooms): Shared, headers: HeaderMap) -> Result<Response, ApiError> {
    let person = match rooms.me_or_sign_up(&headers) {
        Ok(person) => person,
        Err(away) => return Ok(away.into_response()),
    };
    Ok(Html(horahora_web::account(&rooms.account_view(&person, &headers)?)).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    /// `end` a session, change the `password`, `remove` the account.
    #[serde(rename = "do")]
    what: String,
    session: String,
    old: String,
    new: String,
    password: String,
}

/// `POST /account`
pub(super) async fn change(
    State(rooms): Shared,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(change): Form<Change>,
) -> Result<Response, ApiError> {
    let person = rooms.me(&headers)?;
    let from = auth::client(from.ip(), &headers).to_string();
    let (said, cookie) = match change.what.as_str() {
        "end" => (
            rooms
                .people
                .end_session_of(&person.id, &change.session)
                .await
                .map(|()| tr("account-ended").to_string()),
            None,
        ),
        "password" => match rooms.people.change_password(&person.id, &change.old, &change.new, &from).await {
            // The session that did it is rotated, too.
            Ok(()) => {
                (Ok(tr("account-changed").to_string()), Some(rooms.open_again(&person, &headers).await?))
            }
            Err(error) => (Err(error), None),
        },
        "remove" => match rooms.remove_account(&person, &change.password, &from).await {
            Ok(()) => {
                let cookie = session_cookie("", &headers);
                return Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response());
            }
            Err(error) => (Err(error), None),
        },
        _ => return Err(ApiError::bad("bad-change", "`do` is end, password or remove.")),
    };
    let mut view = rooms.account_view(&person, &headers)?;
    let status = match said {
        Ok(done) => {
            view.done = Some(done.to_owned());
            StatusCode::OK
        }
        Err(error) => {
            let error = ApiError::from(error);
            view.error = Some(error.said());
            error.status
        }
    };
    let page = Html(horahora_web::account(&view));
    Ok(match cookie {
        Some(cookie) => (status, [(header::SET_COOKIE, cookie)], page).into_response(),
        None => (status, page).into_response(),
    })
}

/// `GET /api/v1/account`
pub(super) async fn mine(State(rooms): Shared, headers: HeaderMap) -> Answer {
    let person = rooms.me(&headers)?;
    let sessions = rooms.people.sessions_of(&person.id)?;
    let mut mine = person_json(&person);
    let session = |view: crate::people::SessionView| json!({ "id": view.id, "agent": view.row.agent, "since": view.row.made, "seen": view.row.seen });
    mine["sessions"] = sessions.into_iter().map(session).collect();
    Ok(Json(mine))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Passwords {
    old: String,
    new: String,
    password: String,
}

/// `POST /api/v1/account/password` `{"old", "new"}`
pub(super) async fn api_password(
    State(rooms): Shared,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(typed): Json<Passwords>,
) -> Result<Response, ApiError> {
    let person = rooms.me(&headers)?;
    rooms
        .people
        .change_password(&person.id, &typed.old, &typed.new, &auth::client(from.ip(), &headers).to_string())
        .await?;
    let cookie = rooms.open_again(&person, &headers).await?;
    Ok(([(header::SET_COOKIE, cookie)], StatusCode::NO_CONTENT).into_response())
}

/// `DELETE /api/v1/account/sessions/{session}`
pub(super) async fn end_session(
    State(rooms): Shared,
    Path(session): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    rooms.people.end_session_of(&rooms.me(&headers)?.id, &session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/account/export`
pub(super) async fn export(State(rooms): Shared, headers: HeaderMap) -> Answer {
    let person = rooms.in_person(&headers)?;
    let secret =
        person.key().map(|key| key.secret().iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let mut all = person_json(&person);
    all["secret_key"] = json!(secret);
    all["shelves"] = rooms.shelves_json(&person)?;
    all["lists"] = rooms.lists_json(&person)?;
    Ok(Json(all))
}

/// `DELETE /api/v1/account` `{"password"}`
pub(super) async fn remove(
    State(rooms): Shared,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(typed): Json<Passwords>,
) -> Result<Response, ApiError> {
    let person = rooms.me(&headers)?;
    rooms.remove_account(&person, &typed.password, &auth::client(from.ip(), &headers).to_string()).await?;
    Ok(([(header::SET_COOKIE, session_cookie("", &headers))], StatusCode::NO_CONTENT).into_response())
}

/// A person as others may see them.
pub(super) fn person_json(person: &PersonRow) -> Value {
    json!({
        "id": person.id.to_string(),
        "name": person.name,
        "rank": person.rank.name(),
        "since": person.since,
        "locked": person.banned,
    })
}

impl Rooms {
    /// The account of who sent this.
    pub(super) fn me(&self, headers: &HeaderMap) -> Result<PersonRow, ApiError> {
        let message = "This is for somebody with an account. Make one at /sign-up.";
        self.auth
            .who(headers)
            .person
            .ok_or_else(|| ApiError::new(StatusCode::FORBIDDEN, "account-needed", message))
    }

    /// The same for a page: who runs the node may have no account yet, and is led to where one is made.
    pub(super) fn me_or_sign_up(&self, headers: &HeaderMap) -> Result<PersonRow, Redirect> {
        self.auth.who(headers).person.ok_or_else(|| Redirect::to("/sign-up"))
    }

    async fn enter(
        &self,
        typed: &Credentials,
        from: &SocketAddr,
        headers: &HeaderMap,
    ) -> Result<(PersonRow, String), ApiError> {
        let person = self
            .people
            .log_in(&typed.name, &typed.password, &auth::client(from.ip(), headers).to_string())
            .await?;
        let cookie = self.open(&person, headers).await?;
        Ok((person, cookie))
    }

    pub(super) async fn come_in(
        &self,
        typed: &Credentials,
        headers: &HeaderMap,
    ) -> Result<(PersonRow, String), ApiError> {
        let who = self.auth.who(headers);
        let person = if who.rank >= Some(Rank::Admin) && who.person.is_none() {
            self.people.make(&typed.name, &typed.password, Rank::Admin).await?
        } else {
            self.people.sign_up(&typed.name, &typed.password, &typed.code).await?
        };
        let cookie = self.open(&person, headers).await?;
        Ok((person, cookie))
    }

    /// Begins a session; the one that was there ends, so that nobody's old cookie becomes theirs.
    async fn open(&self, person: &PersonRow, headers: &HeaderMap) -> Result<String, ApiError> {
        if let Some(old) = auth::cookie(headers, auth::COOKIE) {
            self.people.end_session(old).await?;
        }
        let secret = self.people.open_session(Some(person), agent(headers)).await?;
        Ok(session_cookie(&secret, headers))
    }

    /// The same for who just changed their password.
    async fn open_again(&self, person: &PersonRow, headers: &HeaderMap) -> Result<String, ApiError> {
        let person = self.people.get(&person.id)?.ok_or(PeopleError::Unknown)?;
        self.open(&person, headers).await
    }

    async fn go(&self, headers: &HeaderMap) -> Result<String, ApiError> {
        if let Some(secret) = auth::cookie(headers, auth::COOKIE) {
            self.people.end_session(secret).await?;
        }
        Ok(session_cookie("", headers))
    }

    async fn remove_account(
        &self,
        person: &PersonRow,
        password: &str,
        from: &str,
    ) -> Result<(), PeopleError> {
        self.people.log_in(&person.name, password, from).await?;
        self.people.remove(&person.id).await
    }

    fn login_view(&self, headers: &HeaderMap, next: &str) -> LoginPage {
        let house = self.people.house().unwrap_or_default();
        LoginPage {
            frame: self.frame(headers),
            next: local(Some(next)).to_owned(),
            sign_up: house.sign_up.name().to_owned(),
            visitors: house.visitors,
            ..LoginPage::default()
        }
    }

    fn sign_up_view(&self, headers: &HeaderMap) -> Result<SignUpPage, ApiError> {
        Ok(SignUpPage {
            frame: self.frame(headers),
            sign_up: self.people.house()?.sign_up.name().to_owned(),
            operator: self.auth.who(headers).rank >= Some(Rank::Admin),
            ..SignUpPage::default()
        })
    }

    pub(super) fn account_view(
        &self,
        person: &PersonRow,
        headers: &HeaderMap,
    ) -> Result<AccountPage, ApiError> {
        let here = auth::cookie(headers, auth::COOKIE).map(crate::people::People::session_id);
        let sessions = self.people.sessions_of(&person.id)?.into_iter().map(|view| SessionRow {
            here: Some(&view.id) == here.as_ref(),
            id: view.id,
            agent: super::agent::words(&view.row.agent),
            seen: ago(view.row.seen.0),
        });
        let may = match person.rank {
            Rank::Viewer => "may-viewer",
            Rank::Trusted => "may-trusted",
            Rank::Moderator => "may-moderator",
            Rank::Admin => "may-admin",
        };
        Ok(AccountPage {
            frame: self.frame(headers),
            name: person.name.clone(),
            rank: super::error::capital(&languages::rank(person.rank.name())),
            may: tr(may).into(),
            since: date(person.since.0),
            id: person.id.to_string(),
            sessions: sessions.collect(),
            tokens: self.token_views(person)?,
            token: None,
            reports: self
                .reports_of(person)?
                .iter()
                .map(|(id, row)| self.report_view(id, row))
                .collect::<Result<_, _>>()?,
            error: None,
            done: None,
        })
    }
}
