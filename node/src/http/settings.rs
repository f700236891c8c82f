//! The page of settings. They are written into `config.toml` and count after the next start, which the page offers.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Response},
};
use bytes::Bytes;
use horahora_web::{Choice, Field, FieldKind, SettingsPage, SettingsPart, settings as view};
use serde_json::json;

use super::{
    Rooms, Shared,
    api::Answer,
    audit::{BeginsAgain, Done},
    error::ApiError,
    pages::begins_again,
};
use crate::config::{
    ConfigError,
    settings::{self, Kind, SETTINGS, Setting},
};

/// `GET /settings`
pub(super) async fn page(State(rooms): Shared, headers: HeaderMap) -> Result<Response, ApiError> {
    let now = settings::read(&rooms.config.data_dir)?;
    let now = now.into_iter().map(|(key, text)| (key.to_owned(), text)).collect();
    Ok(Html(view(&rooms.settings_page(&headers, &now))).into_response())
}

/// `POST /settings`: all fields of the form; a box that is not checked is not sent.
pub(super) async fn change(
    State(rooms): Shared,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let mut typed: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let what = typed.remove("do").unwrap_or_default();
    if what == "restart" {
        let page = begins_again(&rooms, &headers, "/settings");
        return Ok((axum::Extension(Done("let the node begin again".to_owned())), page).into_response());
    }
    if what != "save" {
        return Err(ApiError::bad("bad-change", "`do` is save or restart."));
    }
    // A box that is not checked is not sent, and what is fixed is not to be changed.
    let new: BTreeMap<String, String> = settings::all()
        .filter(|setting| !rooms.config.given.sets(setting.key))
        .map(|setting| (setting.key.to_owned(), typed.get(setting.key).cloned().unwrap_or_default()))
        .collect();
    let (done, error) = match rooms.set(&new) {
        Ok(done) => (done, None),
        Err(error) if error.status == StatusCode::BAD_REQUEST => (None, Some(error)),
        Err(error) => return Err(error),
    };
    let page = SettingsPage { saved: done.is_some(), ..rooms.settings_page(&headers, &shown(&new)) };
    Ok(match (done, error) {
        // What was written is not lost.
        (_, Some(error)) => {
            let status = error.status;
            (status, Html(view(&SettingsPage { error: Some(error.said()), ..page }))).into_response()
        }
        (Some(done), None) => (axum::Extension(done), Html(view(&page))).into_response(),
        (None, None) => Html(view(&page)).into_response(),
    })
}

/// `GET /api/v1/settings`
pub(super) async fn list(State(rooms): Shared) -> Answer {
    let now = settings::read(&rooms.config.data_dir)?;
    let all = settings::all();
    let item = |setting: &Setting| {
        json!({
            "key": setting.key,
            "label": setting.label,
            "help": setting.help,
            "value": now.get(setting.key),
            "fixed": rooms.config.given.sets(setting.key),
        })
    };
    Ok(Json(json!({ "items": all.map(item).collect::<Vec<_>>() })))
}

/// `POST /api/v1/settings` `{KEY: TEXT or null, …}`
pub(super) async fn set(
    State(rooms): Shared,
    Json(new): Json<BTreeMap<String, Option<String>>>,
) -> Result<Response, ApiError> {
    let text = |(key, text): (String, Option<String>)| {
        // Of a key that switches something off, the page's box is the other way round.
        let kind = settings::setting(&key).map(|setting| setting.kind);
        let text = text.unwrap_or_default();
        let text = match kind {
            Some(Kind::Unless) => (text != "true").to_string(),
            _ => text,
        };
        (key, text)
    };
    let done = rooms.set(&new.into_iter().map(text).collect())?;
    let changed = done.is_some();
    let mut answer = Json(json!({ "changed": changed })).into_response();
    if let Some(done) = done {
        answer.extensions_mut().insert(done);
    }
    Ok(answer)
}

/// `POST /api/v1/restart`
pub(super) async fn restart() -> Response {
    let done = axum::Extension(Done("let the node begin again".to_owned()));
    (StatusCode::ACCEPTED, done, axum::Extension(BeginsAgain), Json(json!({}))).into_response()
}

impl From<ConfigError> for ApiError {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Read { .. } | ConfigError::Write { .. } => Self::ours(error),
            error => Self::bad("bad-setting", super::error::capital(&format!("{error}."))),
        }
    }
}

impl Rooms {
    pub(super) fn set(&self, new: &BTreeMap<String, String>) -> Result<Option<Done>, ApiError> {
        if let Some(fixed) = new.keys().find(|key| self.config.given.sets(key)) {
            let message = format!("{fixed} was set when the node was started; change it there.");
            return Err(ApiError::bad("bad-setting", message));
        }
        let before = settings::read(&self.config.data_dir)?;
        if !settings::change(&self.config.data_dir, &self.config.given, new)? {
            return Ok(None);
        }
        let after = settings::read(&self.config.data_dir)?;
        let all = settings::all();
        let changed: Vec<_> =
            all.map(|setting| setting.key).filter(|key| before.get(key) != after.get(key)).collect();
        Ok(Some(Done(format!("changed the settings {}", changed.join(", ")))))
    }

    /// The page with these values, as they stand in the file.
    fn settings_page(&self, headers: &HeaderMap, now: &BTreeMap<String, String>) -> SettingsPage {
        let field = |setting: &Setting| {
            let fixed = self.config.given.text_of(setting.key);
            let value = fixed.clone().or_else(|| now.get(setting.key).cloned()).unwrap_or_default();
            let (kind, choices) = match setting.kind {
                Kind::Text => (FieldKind::Text, &[][..]),
                Kind::Number => (FieldKind::Number, &[][..]),
                Kind::Lines => (FieldKind::Lines, &[][..]),
                Kind::Switch | Kind::Unless => (FieldKind::Switch, &[][..]),
                Kind::OneOf(choices) => (FieldKind::Choice, choices),
            };
            let choices = choices.iter().map(|(key, label)| Choice {
                value: (*key).to_owned(),
                label: (*label).to_owned(),
                chosen: *key == value,
            });
            Field {
                key: setting.key.to_owned(),
                label: setting.label.to_owned(),
                help: setting.help.to_owned(),
                kind,
                choices: choices.collect(),
                value: match setting.kind {
                    Kind::Unless => (value != "true").to_string(),
                    _ => value,
                },
                fixed: fixed.is_some(),
            }
        };
        let part = |(title, settings): &(&str, &[Setting])| SettingsPart {
            title: (*title).to_owned(),
            fields: settings.iter().map(field).collect(),
        };
        SettingsPage {
            frame: self.frame(headers),
            parts: SETTINGS.iter().map(part).collect(),
            file: self.config.data_dir.join("config.toml").display().to_string(),
            saved: false,
            error: None,
        }
    }
}

/// What a form sent, as it would stand in the file.
fn shown(new: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let one = |(key, text): (&String, &String)| {
        let unless = settings::setting(key).is_some_and(|setting| setting.kind == Kind::Unless);
        (key.clone(), if unless { (text != "true").to_string() } else { text.clone() })
    };
    new.iter().map(one).collect()
}
