//! Everybody with an account, for who runs the node: ranks, locks, invitations, and who may come in.

use axum::{
    Form, Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_protocol::NodeId;
use horahora_web::{InvitationRow, PeoplePage, PersonRow as PersonView};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Rooms, Shared, account::person_json, api::Answer, audit::Done, error::ApiError, pages::date};
use crate::people::{House, PeopleError, Rank, SignUp, Uploaders};

/// Days and people of an invitation, at most.
const DAYS: u64 = 365;
const USES: u32 = 1_000;
const REASON: &str = "Whoever runs this node locked it.";

/// `GET /api/v1/people`
pub(super) async fn list(State(rooms): Shared) -> Answer {
    let all = rooms.people.all()?;
    Ok(Json(json!({ "items": all.iter().map(person_json).collect::<Vec<_>>() })))
}

#[derive(Debug, Deserialize)]
pub(super) struct Ruling {
    rank: Option<String>,
    /// A reason locks the account, `false` lets them in again.
    locked: Option<Value>,
    password: Option<String>,
}

/// `POST /api/v1/people/{person}`
pub(super) async fn rule(State(rooms): Shared, Path(id): Path<String>, Json(ruling): Json<Ruling>) -> Answer {
    let id = person_id(&id)?;
    if let Some(rank) = &ruling.rank {
        rooms.people.set_rank(&id, read_rank(rank)?)?;
    }
    match &ruling.locked {
        Some(Value::String(reason)) => rooms.people.set_banned(&id, Some(reason.clone()))?,
        Some(Value::Bool(locked)) => rooms.people.set_banned(&id, locked.then(|| REASON.to_owned()))?,
        _ => {}
    }
    if let Some(password) = &ruling.password {
        rooms.people.set_password(&id, password).await?;
    }
    rooms.store.durable().await?;
    Ok(Json(person_json(&rooms.people.get(&id)?.ok_or(PeopleError::Unknown)?)))
}

/// `DELETE /api/v1/people/{person}`
pub(super) async fn remove(State(rooms): Shared, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    rooms.people.remove(&person_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/house`
pub(super) async fn house(State(rooms): Shared) -> Answer {
    Ok(Json(json!(rooms.people.house()?)))
}

#[derive(Debug, Deserialize)]
pub(super) struct NewHouse {
    sign_up: Option<SignUp>,
    visitors: Option<bool>,
    uploads: Option<Uploaders>,
}

/// `POST /api/v1/house`
pub(super) async fn set_house(State(rooms): Shared, Json(new): Json<NewHouse>) -> Answer {
    let now = rooms.people.house()?;
    let house = House {
        sign_up: new.sign_up.unwrap_or(now.sign_up),
        visitors: new.visitors.unwrap_or(now.visitors),
        uploads: new.uploads.unwrap_or(now.uploads),
    };
    rooms.people.set_house(house).await?;
    Ok(Json(json!(house)))
}

/// `GET /api/v1/invitations`
pub(super) async fn invitations(State(rooms): Shared) -> Answer {
    let all = rooms.people.invitations()?;
    let one = |row: &crate::people::InvitationRow| json!({ "rank": row.rank.name(), "uses": row.uses, "until": row.until });
    Ok(Json(json!({ "items": all.iter().map(one).collect::<Vec<_>>() })))
}

#[derive(Debug, Deserialize)]
pub(super) struct NewInvitation {
    rank: Option<String>,
    uses: Option<u32>,
    days: Option<u64>,
}

/// `POST /api/v1/invitations`
pub(super) async fn invite(
    State(rooms): Shared,
    headers: HeaderMap,
    Json(new): Json<NewInvitation>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let rank = new.rank.as_deref().unwrap_or("viewer");
    let code = rooms.invite_somebody(&headers, rank, new.uses.unwrap_or(1), new.days.unwrap_or(7)).await?;
    Ok((StatusCode::CREATED, Json(json!({ "code": code, "path": format!("/sign-up?code={code}") }))))
}

/// `GET /people`
pub(super) async fn page(State(rooms): Shared, headers: HeaderMap) -> Result<Response, ApiError> {
    Ok(Html(horahora_web::people(&rooms.people_view(&headers)?)).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    /// `rank`, `lock`, `let-in`, `password` or `remove` a person; `house`; `invite`.
    #[serde(rename = "do")]
    what: String,
    person: String,
    rank: String,
    reason: String,
    password: String,
    sign_up: String,
    visitors: String,
    uploads: String,
    uses: String,
    days: String,
}

/// `POST /people`
pub(super) async fn change(
    State(rooms): Shared,
    headers: HeaderMap,
    Form(change): Form<Change>,
) -> Result<Response, ApiError> {
    let done = rooms.change_in_words(&change);
    match rooms.change_people(&headers, &change).await {
        Ok(None) => Ok((axum::Extension(done), Redirect::to("/people")).into_response()),
        // A code stands in no address, so it is shown at once.
        Ok(Some(code)) => {
            let page = PeoplePage { code: Some(code), ..rooms.people_view(&headers)? };
            Ok((axum::Extension(done), Html(horahora_web::people(&page))).into_response())
        }
        Err(error) if error.status.is_client_error() => {
            let page = PeoplePage { error: Some(error.said()), ..rooms.people_view(&headers)? };
            Ok((error.status, Html(horahora_web::people(&page))).into_response())
        }
        Err(error) => Err(error),
    }
}

fn person_id(text: &str) -> Result<NodeId, ApiError> {
    text.parse().map_err(|_| PeopleError::Unknown.into())
}

fn read_rank(name: &str) -> Result<Rank, ApiError> {
    Rank::of(name).ok_or_else(|| ApiError::bad("bad-rank", "A rank is viewer, trusted, moderator or admin."))
}

impl Rooms {
    /// For the log: with the name, also of who is removed.
    fn change_in_words(&self, change: &Change) -> Done {
        let person = person_id(&change.person).ok().and_then(|id| self.people.get(&id).ok().flatten());
        let name = person.map_or_else(|| change.person.clone(), |person| person.name);
        Done(match change.what.as_str() {
            "rank" => format!("made {name} a {}", change.rank),
            "lock" => format!("locked {name}: {}", change.reason),
            "let-in" => format!("let {name} in again"),
            "password" => format!("gave {name} a new password"),
            "remove" => format!("removed the account of {name}"),
            "invite" => format!("invited somebody as a {}", change.rank),
            _ => "changed who may come in and watch".to_owned(),
        })
    }

    async fn change_people(&self, headers: &HeaderMap, change: &Change) -> Result<Option<String>, ApiError> {
        let number = |text: &str| text.trim().parse().map_err(|_| bad_invitation());
        match change.what.as_str() {
            "house" => {
                let sign_up = SignUp::of(&change.sign_up).unwrap_or_default();
                let uploads = Uploaders::of(&change.uploads).unwrap_or_default();
                let visitors = !change.visitors.is_empty();
                self.people.set_house(House { sign_up, visitors, uploads }).await?;
            }
            "invite" => {
                let (uses, days) = (number(&change.uses)?, number(&change.days)?);
                let uses = u32::try_from(uses).map_err(|_| bad_invitation())?;
                return self.invite_somebody(headers, &change.rank, uses, days).await.map(Some);
            }
            what => {
                let id = person_id(&change.person)?;
                match what {
                    "rank" => self.people.set_rank(&id, read_rank(&change.rank)?)?,
                    "lock" => {
                        let reason = change.reason.trim();
                        let reason = if reason.is_empty() { REASON } else { reason };
                        self.people.set_banned(&id, Some(reason.to_owned()))?;
                    }
                    "let-in" => self.people.set_banned(&id, None)?,
                    "password" => self.people.set_password(&id, &change.password).await?,
                    "remove" => self.people.remove(&id).await?,
                    _ => return Err(ApiError::bad("bad-change", "`do` is no change of people.")),
                }
            }
        }
        self.store.durable().await?;
        Ok(None)
    }

    async fn invite_somebody(
        &self,
        headers: &HeaderMap,
        rank: &str,
        uses: u32,
        days: u64,
    ) -> Result<String, ApiError> {
        if !(1..=USES).contains(&uses) || !(1..=DAYS).contains(&days) {
            return Err(bad_invitation());
        }
        let by = self.auth.who(headers).person.map(|person| person.id);
        let code = self.people.invite(read_rank(rank)?, uses, days, by)?;
        self.store.durable().await?;
        Ok(code)
    }

    fn people_view(&self, headers: &HeaderMap) -> Result<PeoplePage, ApiError> {
        let (house, me) = (self.people.house()?, self.auth.who(headers).person.map(|person| person.id));
        let people = self.people.all()?.into_iter().map(|person| PersonView {
            id: person.id.to_string(),
            rank: person.rank.name().to_owned(),
            since: date(person.since.0),
            me: Some(person.id) == me,
            name: person.name,
            banned: person.banned,
        });
        let invitations = self.people.invitations()?.into_iter().map(|row| InvitationRow {
            rank: row.rank.name().to_owned(),
            uses: row.uses,
            until: date(row.until.0),
        });
        Ok(PeoplePage {
            frame: self.frame(headers),
            people: people.collect(),
            invitations: invitations.collect(),
            code: None,
            sign_up: house.sign_up.name().to_owned(),
            visitors: house.visitors,
            uploads: house.uploads.name().to_owned(),
            error: None,
        })
    }
}

fn bad_invitation() -> ApiError {
    ApiError::bad("bad-invitation", "An invitation is for 1 to 1,000 people and lasts 1 to 365 days.")
}
