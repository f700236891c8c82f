//! What whoever runs the node says of it: about, terms, privacy. Everybody reads them, admins write them.

use axum::{
    Form, Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_web::{HousePage, house_page, tr};
use serde::Deserialize;
use serde_json::json;

use super::{Rooms, Shared, api::Answer, audit::Done, error::ApiError};
use crate::people::HOUSE_PAGES;

/// Bytes of one page.
const MOST: usize = 100_000;

#[derive(Debug, Default, Deserialize)]
pub(super) struct View {
    edit: Option<String>,
}

/// `GET /pages/{page}?edit`
pub(super) async fn page(
    State(rooms): Shared,
    Path(name): Path<String>,
    Query(view): Query<View>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (name, title) = known(&name)?;
    let frame = rooms.frame(&headers);
    let page = HousePage {
        name: name.to_owned(),
        title: title.to_owned(),
        text: rooms.people.page(name)?.unwrap_or_else(|| rooms.usual_words(name)),
        edits: view.edit.is_some() && frame.logged_in,
        error: None,
        frame,
    };
    Ok(Html(house_page(&page)).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Text {
    text: String,
}

/// `POST /pages/{page}`
pub(super) async fn change(
    State(rooms): Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Text>,
) -> Result<Response, ApiError> {
    let (name, title) = known(&name)?;
    match rooms.set_page(name, &form.text).await {
        Ok(done) => Ok((axum::Extension(done), Redirect::to(&format!("/pages/{name}"))).into_response()),
        // What was written is not lost.
        Err(error) if error.status == StatusCode::BAD_REQUEST => {
            let page = HousePage {
                frame: rooms.frame(&headers),
                name: name.to_owned(),
                title: title.to_owned(),
                text: form.text,
                edits: true,
                error: Some(error.said()),
            };
            Ok((error.status, Html(house_page(&page))).into_response())
        }
        Err(error) => Err(error),
    }
}

/// `GET /api/v1/pages/{page}`
pub(super) async fn one(State(rooms): Shared, Path(name): Path<String>) -> Answer {
    let (name, _) = known(&name)?;
    let own = rooms.people.page(name)?;
    Ok(Json(
        json!({ "page": name, "usual": own.is_none(), "text": own.unwrap_or_else(|| rooms.usual_words(name)) }),
    ))
}

/// `PUT /api/v1/pages/{page}` `{"text"}`
pub(super) async fn set(
    State(rooms): Shared,
    Path(name): Path<String>,
    Json(text): Json<Text>,
) -> Result<Response, ApiError> {
    let done = rooms.set_page(known(&name)?.0, &text.text).await?;
    Ok((StatusCode::NO_CONTENT, axum::Extension(done)).into_response())
}

fn known(name: &str) -> Result<(&'static str, &'static str), ApiError> {
    let found = HOUSE_PAGES.into_iter().find(|(known, _)| *known == name);
    found.ok_or_else(|| ApiError::not_found("unknown-path", "The pages are about, terms and privacy."))
}

impl Rooms {
    async fn set_page(&self, name: &str, text: &str) -> Result<Done, ApiError> {
        if text.len() > MOST {
            return Err(ApiError::bad("bad-text", format!("A page has at most {MOST} bytes.")));
        }
        self.people.set_page(name, text.trim()).await?;
        Ok(Done(format!("changed the page {name}")))
    }

    /// What stands on a page until somebody writes it.
    fn usual_words(&self, name: &str) -> String {
        match name {
            "about" => format!("**{}** {}\n\n{}", self.name, tr("house-about"), tr("house-about-more")),
            "terms" => format!("{}\n\n{}", tr("house-terms"), tr("house-terms-more")),
            _ => format!(
                "{}\n\n- {}\n- {}\n- {}\n\n{}",
                tr("house-privacy"),
                tr("house-privacy-none"),
                tr("house-privacy-account"),
                tr("house-privacy-said"),
                tr("house-privacy-cookies"),
            ),
        }
    }
}
