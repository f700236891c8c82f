//! Source sites: how much was asked of each, which are left alone and why, and the cookies for them.

use std::sync::Arc;

use axum::{
    Form, Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use bytes::Bytes;
use horahora_web::{SiteRow, SitesPage, StateView, tr};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Rooms, Shared, api::Answer, error::ApiError, inspect::size, languages, viewer::Viewer};
use crate::{
    ingest::{COOKIES_BYTES, CookiesError, Kind, SiteView},
    people::Rank,
};

/// `GET /api/v1/sites`
pub(super) async fn list(State(rooms): Shared) -> Answer {
    Ok(Json(json!({ "items": rooms.requests.ingest().sites() })))
}

/// `PUT /api/v1/sites/{site}/cookies` `{"cookies": "…"}`
pub(super) async fn keep_cookies(
    State(rooms): Shared,
    Path(site): Path<String>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let body: Value = serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad("invalid-json", format!("The body is no JSON: {error}.")))?;
    rooms.keep_cookies(&site, body["cookies"].as_str().unwrap_or_default())?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/sites/{site}/cookies`
pub(super) async fn forget_cookies(
    State(rooms): Shared,
    Path(site): Path<String>,
) -> Result<StatusCode, ApiError> {
    rooms.requests.ingest().forget_cookies(&site)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/sites/{site}/resume`: to ask a site at once that wanted to be left alone
pub(super) async fn resume(State(rooms): Shared, Path(site): Path<String>) -> Result<StatusCode, ApiError> {
    rooms.resume(&site);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Tried {
    /// A link that is asked for as the node is set up now.
    #[serde(default, rename = "try")]
    link: String,
}

/// `GET /sites`
pub(super) async fn page(
    State(rooms): Shared,
    viewer: Viewer,
    Query(tried): Query<Tried>,
    headers: HeaderMap,
) -> Response {
    let said = match tried.link.trim() {
        link if viewer.is(Rank::Admin) && !link.is_empty() => Some(rooms.try_link(link).await),
        _ => None,
    };
    let mut page = rooms.sites_view(viewer, &headers, String::new(), None);
    (page.tried, page.said) = (tried.link, said);
    Html(horahora_web::sites(&page)).into_response()
}

#[derive(Debug, Deserialize)]
pub(super) struct Change {
    /// `keep` or `forget` the site's cookies, or `resume` asking it.
    #[serde(rename = "do")]
    what: String,
    site: String,
    #[serde(default)]
    cookies: String,
}

/// `POST /sites`: the forms of the page.
pub(super) async fn change(
    State(rooms): Shared,
    viewer: Viewer,
    headers: HeaderMap,
    Form(change): Form<Change>,
) -> Result<Response, ApiError> {
    let done = match change.what.as_str() {
        "keep" => rooms.keep_cookies(&change.site, &change.cookies),
        "forget" => rooms.requests.ingest().forget_cookies(&change.site).map_err(ApiError::from),
        "resume" => {
            rooms.resume(&change.site);
            Ok(())
        }
        _ => Err(ApiError::bad("bad-change", "`do` is keep, forget or resume.")),
    };
    match done {
        Ok(()) => Ok(Redirect::to("/sites").into_response()),
        // What was written is not lost.
        Err(error) if error.status == StatusCode::BAD_REQUEST => {
            let page = rooms.sites_page(viewer, &headers, change.site, Some(error.said()));
            Ok((error.status, page).into_response())
        }
        Err(error) => Err(error),
    }
}

impl Rooms {
    fn keep_cookies(&self, site: &str, text: &str) -> Result<(), ApiError> {
        if text.len() > COOKIES_BYTES {
            let message = format!("A file of cookies may have {} MiB.", COOKIES_BYTES >> 20);
            return Err(ApiError::bad("bad-cookies", message));
        }
        Ok(self.requests.ingest().keep_cookies(site, text)?)
    }

    fn resume(&self, site: &str) {
        self.requests.ingest().reopen(&format!("https://{site}"));
        self.jobs.wake();
    }

    /// Asks a site what a link is, with its cookies and its proxy; whether that worked, and what it says.
    async fn try_link(&self, link: &str) -> (bool, String) {
        match self.requests.inspect(link, false).await {
            Ok(Some(found)) if found.kind == Kind::Unsupported => (false, tr("site-nothing").into()),
            Ok(Some(found)) => {
                let what = found.title.or(found.id).unwrap_or_else(|| link.to_owned());
                (true, tr("site-had").with("what", what).into())
            }
            Ok(None) => (false, tr("site-tools").into()),
            Err(error) => (false, error.to_string()),
        }
    }

    fn sites_page(
        self: &Arc<Self>,
        viewer: Viewer,
        headers: &HeaderMap,
        asked: String,
        error: Option<String>,
    ) -> Html<String> {
        Html(horahora_web::sites(&self.sites_view(viewer, headers, asked, error)))
    }

    fn sites_view(
        self: &Arc<Self>,
        viewer: Viewer,
        headers: &HeaderMap,
        asked: String,
        error: Option<String>,
    ) -> SitesPage {
        let sites = if viewer.is(Rank::Admin) { self.requests.ingest().sites() } else { Vec::new() };
        let sites = sites.iter().map(row).collect();
        SitesPage { frame: self.frame(headers), sites, asked, error, tried: String::new(), said: None }
    }
}

fn row(site: &SiteView) -> SiteRow {
    let of = |n: String, most: Option<String>| match most {
        Some(most) => tr("site-of").with("n", n).with("most", most).into(),
        None => n,
    };
    let minute = site.requests_per_minute.map_or_else(String::new, |most| {
        let minute =
            tr("site-minute").with("n", site.requests_minute.to_string()).with("most", most.to_string());
        format!("{minute} ")
    });
    let hours =
        site.hours.as_ref().map(|hours| tr("site-hours").with("hours", hours.to_string()).to_string());
    let today = tr("site-today")
        .with(
            "requests",
            of(site.requests_today.to_string(), site.requests_per_day.map(|most| most.to_string())),
        )
        .with("bytes", of(size(site.bytes_today), site.bytes_per_day.map(size)));
    let state = match (&site.reason, &site.cookies) {
        (Some(_), _) => StateView::of("waiting"),
        (None, Some(cookies)) if cookies != "are there" => StateView::of("needs-operator"),
        (None, _) => StateView { word: tr("site-open").into(), ..StateView::of("done") },
    };
    SiteRow {
        name: site.site.clone(),
        asked: format!("{minute}{today}{}", hours.unwrap_or_default()),
        state,
        reason: languages::reason(site.code, site.reason.as_ref()),
        cookies: site.cookies.as_ref().map(|cookies| format!("Cookies {cookies}.")),
        resumes: site.code == Some(crate::store::rows::Code::RateLimited),
    }
}

impl From<CookiesError> for ApiError {
    fn from(error: CookiesError) -> Self {
        match error {
            CookiesError::Site(_) => Self::bad("bad-site", error.to_string()),
            CookiesError::Form | CookiesError::Others(_) => Self::bad("bad-cookies", error.to_string()),
            CookiesError::Disk(_) => Self::ours(error),
        }
    }
}
