//! The first set-up of a node in the browser: account, name, room and group in one form. Where a part is wrong the form comes
//! back with what was typed; what was done before it is done again without harm.

use std::collections::BTreeMap;

use axum::{
    Form,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_web::{SetupForm, SetupPage, setup as view, tr};
use serde::Deserialize;

use super::{
    Rooms, Shared,
    account::Credentials,
    audit::Done,
    error::ApiError,
    pages::{begins_again, message_page},
    watch::size,
};
use crate::{
    net::Joining,
    people::{House, SignUp},
};

const MB_OF_GB: f64 = 1_000.0;

/// `GET /setup`
pub(super) async fn page(State(rooms): Shared, headers: HeaderMap) -> Result<Response, ApiError> {
    if !rooms.is_new()? {
        return Ok(Redirect::to("/settings").into_response());
    }
    let house = rooms.people.house()?;
    let room = rooms.config.space.room().ok();
    let form = SetupForm {
        node: rooms.name.clone(),
        keep_free: room.map_or_else(String::new, |room| (room.keep_free as f64 / 1e9).to_string()),
        smaller: rooms.config.encoders > 0,
        sign_up: house.sign_up.name().to_owned(),
        visitors: house.visitors,
        group: "alone".to_owned(),
        ..SetupForm::default()
    };
    Ok(Html(view(&rooms.setup_page(&headers, form, None))).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    person: String,
    password: String,
    node: String,
    keep_free: String,
    smaller: String,
    sign_up: String,
    visitors: String,
    group: String,
    group_name: String,
    private: String,
    ticket: String,
}

/// `POST /setup`
pub(super) async fn begin(
    State(rooms): Shared,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    if !rooms.is_new()? {
        return Ok(Redirect::to("/settings").into_response());
    }
    match rooms.set_up(&headers, &typed).await {
        Ok(mut response) => {
            response.extensions_mut().insert(Done("set up this node".to_owned()));
            Ok(response)
        }
        Err(error) if error.status.is_client_error() => {
            let form = SetupForm {
                person: typed.person,
                node: typed.node,
                keep_free: typed.keep_free,
                smaller: typed.smaller != "no",
                sign_up: typed.sign_up,
                visitors: !typed.visitors.is_empty(),
                group: typed.group,
                group_name: typed.group_name,
                private: !typed.private.is_empty(),
                ticket: typed.ticket,
            };
            let page = rooms.setup_page(&headers, form, Some(error.said()));
            Ok((error.status, Html(view(&page))).into_response())
        }
        Err(error) => Err(error),
    }
}

impl Rooms {
    /// Whether nobody has an account here yet.
    pub(super) fn is_new(&self) -> Result<bool, ApiError> {
        Ok(self.people.all()?.is_empty())
    }

    fn setup_page(&self, headers: &HeaderMap, form: SetupForm, error: Option<String>) -> SetupPage {
        let room = self.config.space.room().ok();
        SetupPage {
            frame: self.frame(headers),
            form,
            disk: room.map_or_else(String::new, |room| {
                tr("setup-room").with("total", size(room.total)).with("free", size(room.free)).into()
            }),
            name_fixed: self.config.given.sets("name"),
            room_fixed: self.config.given.sets("keep_free_mb"),
            error,
        }
    }

    async fn set_up(&self, headers: &HeaderMap, typed: &Typed) -> Result<Response, ApiError> {
        let settings = self.wanted(typed)?;
        let house = House {
            sign_up: SignUp::of(&typed.sign_up).unwrap_or_default(),
            visitors: !typed.visitors.is_empty(),
            ..self.people.house()?
        };
        // They may stand in the file already, from a try that something else stopped.
        let changes = !settings.is_empty();
        self.set(&settings)?;
        let account = Credentials::of(&typed.person, &typed.password);
        let (_, cookie) = self.come_in(&account, headers).await?;
        self.people.set_house(house).await?;
        let group = match typed.group.as_str() {
            "new" => self.feeds.create(&typed.group_name, !typed.private.is_empty()).await.map(|_| None),
            "ticket" => self.sync.join(&typed.ticket).await.map(|joining| match joining {
                Joining::Refused(why) => Some(why),
                Joining::Joined(_) | Joining::Waiting(_) => None,
            }),
            _ => Ok(None),
        };
        let trouble = group.unwrap_or_else(|error| Some(ApiError::from(error).said()));
        let page = match trouble {
            // The account is made; the rest can be tried again in its own place.
            Some(why) => {
                let message = tr("setup-trouble").with("why", why).to_string();
                message_page(
                    self,
                    headers,
                    StatusCode::OK,
                    &tr("setup-made").to_string(),
                    &message,
                    "needs-operator",
                )
            }
            None if changes => begins_again(self, headers, "/"),
            None => Redirect::to("/").into_response(),
        };
        Ok(([(header::SET_COOKIE, cookie)], page).into_response())
    }

    /// The settings that differ from what counts now.
    fn wanted(&self, typed: &Typed) -> Result<BTreeMap<String, String>, ApiError> {
        let mut wanted = BTreeMap::new();
        let given = &self.config.given;
        let node = typed.node.trim();
        if !given.sets("name") && !node.is_empty() && node != self.name {
            wanted.insert("name".to_owned(), node.to_owned());
        }
        let now = self.config.space.room().map_or(0.0, |room| room.keep_free as f64 / 1e6);
        if !given.sets("keep_free_mb") && !typed.keep_free.trim().is_empty() {
            let gb: f64 =
                typed.keep_free.trim().replace(',', ".").parse().ok().filter(|gb| *gb >= 0.0).ok_or_else(
                    || ApiError::bad("bad-setting", "“Always keep free” is a number of GB, such as 10."),
                )?;
            let mb = (gb * MB_OF_GB).round();
            if (mb - now).abs() >= 1.0 {
                wanted.insert("keep_free_mb".to_owned(), format!("{mb:.0}"));
            }
        }
        let smaller = typed.smaller != "no";
        if !given.sets("encoders") && smaller != (self.config.encoders > 0) {
            wanted.insert("encoders".to_owned(), if smaller { String::new() } else { "0".to_owned() });
        }
        Ok(wanted)
    }
}
