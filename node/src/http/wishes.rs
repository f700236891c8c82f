//! The options of a request as the fields of a form.

use axum::{
    Form,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_protocol::request::{Options, Priority, Stand};
use horahora_web::{JobRow, RequestPage, StateView, Wish};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shared, api,
    error::ApiError,
    pages::{View, date, watch_path},
    requests,
    viewer::Viewer,
};
use crate::store::rows::VideoRow;

const MEGABYTE: u64 = 1_000_000;

/// What a form sends: a box that is not checked is not sent.
#[derive(Debug, Default, Deserialize)]
pub(super) struct WishForm {
    #[serde(default)]
    follow: String,
    #[serde(default)]
    comments: String,
    #[serde(default)]
    words: String,
    #[serde(default)]
    newest: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    max_height: String,
    #[serde(default)]
    max_size: String,
    #[serde(default)]
    priority: String,
}

impl WishForm {
    /// What it says, checked as the API checks it.
    pub(super) fn options(&self) -> Result<Options, ApiError> {
        let number = |text: &str| match text.trim() {
            "" => Value::Null,
            text => text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number)),
        };
        let text = |text: &str| if text.trim().is_empty() { Value::Null } else { json!(text.trim()) };
        let megabytes = number(&self.max_size);
        let wanted = json!({
            "follow": !self.follow.is_empty(),
            "comments": !self.comments.is_empty(),
            "media": self.words.is_empty(),
            "newest": number(&self.newest),
            "since": text(&self.since),
            "title": text(&self.title),
            "max_height": number(&self.max_height),
            "priority": if self.priority.is_empty() { "usual" } else { self.priority.as_str() },
            "max_bytes": megabytes.as_u64().map_or(megabytes, |size| json!(size.saturating_mul(MEGABYTE))),
        });
        requests::options(&wanted, Options::default())
    }

    /// The same fields again, for what was refused.
    pub(super) fn fields(&self, id: &str) -> Wish {
        Wish {
            id: id.to_owned(),
            follow: !self.follow.is_empty(),
            comments: !self.comments.is_empty(),
            words: !self.words.is_empty(),
            newest: self.newest.clone(),
            since: self.since.clone(),
            title: self.title.clone(),
            max_height: self.max_height.clone(),
            max_size: self.max_size.clone(),
            priority: self.priority.clone(),
        }
    }
}

/// Options as fields.
pub(super) fn of(id: &str, options: &Options) -> Wish {
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    Wish {
        id: id.to_owned(),
        follow: options.follow,
        comments: options.comments,
        words: !options.media,
        newest: number(options.newest.map(u64::from)),
        since: options.since.map(|at| date(at.0)).unwrap_or_default(),
        title: options.title.clone().unwrap_or_default(),
        max_height: number(options.max_height.map(u64::from)),
        max_size: number(options.max_bytes.map(|bytes| bytes / MEGABYTE)),
        priority: priority(options.priority).to_owned(),
    }
}

fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Usual => "usual",
        Priority::High => "high",
    }
}

/// Videos on one page.
const VIDEOS: usize = 100;

/// `GET /archive/{id}`: one request and what became of each of its videos.
pub(super) async fn page(
    State(rooms): Shared,
    viewer: Viewer,
    Path(id): Path<String>,
    Query(view): Query<View>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let cid = requests::address(&id)?;
    let request = rooms.requests.get(&cid)?.ok_or_else(requests::unknown)?;
    let after = view.after.as_deref().map(api::cursor).transpose()?;
    let (videos, next) = rooms.requests.videos(&cid, after.as_deref(), VIDEOS)?;
    let line = |video: &VideoRow| JobRow {
        id: video.id.to_string(),
        title: video.title.clone(),
        href: Some(watch_path(video)),
        what: video.id.to_string(),
        doing: video.reason.clone().unwrap_or_default(),
        progress: None,
        state: StateView::of(video.state.name()),
    };
    let path = format!("/archive/{id}");
    let from = view.after.map(|after| format!("&after={after}")).unwrap_or_default();
    let page = RequestPage {
        frame: rooms.frame(&headers),
        here: format!("{path}?fragment=live{from}"),
        row: rooms.request_view(&request)?,
        videos: videos.iter().filter(|row| rooms.shows(viewer, row).unwrap_or(false)).map(line).collect(),
        more: next.map(|key| format!("{path}?after={}", api::cursor_text(&key))),
    };
    let html = if view.fragment.is_some() {
        horahora_web::request_live(&page)
    } else {
        horahora_web::request(&page)
    };
    Ok(Html(html).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct Change {
    /// `pause`, `resume`, `retry`, `subscribe`, `edit` or `remove`.
    #[serde(rename = "do")]
    what: String,
    #[serde(flatten)]
    wish: WishForm,
}

/// `POST /archive/{id}`: the buttons of a request, for browsers without script.
pub(super) async fn change(
    State(rooms): Shared,
    Path(id): Path<String>,
    Form(change): Form<Change>,
) -> Result<Response, ApiError> {
    let cid = requests::address(&id)?;
    match change.what.as_str() {
        "pause" => rooms.requests.change(&cid, Some(Stand::Paused), None).await?,
        "resume" => rooms.requests.change(&cid, Some(Stand::Active), None).await?,
        "remove" => rooms.requests.change(&cid, Some(Stand::Removed), None).await?,
        "edit" => rooms.requests.change(&cid, None, Some(change.wish.options()?)).await?,
        "retry" => rooms.requests.retry(&cid).await?,
        "subscribe" => rooms.requests.want_too(&cid).await?,
        _ => {
            let message = "`do` is pause, resume, retry, subscribe, edit or remove.";
            return Err(ApiError::bad("bad-stand", message));
        }
    }
    Ok(Redirect::to(&format!("/archive#request-{id}")).into_response())
}
