//! What a link is, told before anything is archived.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Rooms, Shared, api::Answer, error::ApiError, viewer::Viewer};
use crate::ingest::{Inspected, Kind};

#[derive(Debug, Deserialize)]
pub(super) struct InspectQuery {
    #[serde(default)]
    url: String,
    /// Whether nobody is asked.
    #[serde(default)]
    offline: bool,
}

/// `GET /api/v1/inspect?url=…&offline=true`
pub(super) async fn inspect(
    State(rooms): Shared,
    viewer: Viewer,
    Query(InspectQuery { url, offline }): Query<InspectQuery>,
) -> Answer {
    if !offline && viewer != Viewer::Operator {
        let message = "Asking the site needs a login; with offline=true nobody is asked.";
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "login-needed", message));
    }
    let found = rooms.requests.inspect(&url, offline).await?;
    let not_ready = || {
        let message = "yt-dlp is being installed; the page shows how far that is. Try again in a minute.";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "tools-not-ready", message)
    };
    let found = found.ok_or_else(not_ready)?;
    rooms.inspected_json(&url, &found).map(Json)
}

impl Rooms {
    fn inspected_json(&self, url: &str, found: &Inspected) -> Result<Value, ApiError> {
        let video = found.id.as_ref().and_then(|id| id.parse().ok());
        let here = match video.filter(|_| found.kind == Kind::Video) {
            Some(video) => self.catalogue.video(&video)?.filter(|row| row.manifest.is_some()),
            None => None,
        };
        Ok(json!({
            "url": url,
            "extractor": found.extractor,
            "kind": found.kind,
            "id": found.id,
            "title": found.title,
            "count": found.count,
            "archived": here.is_some(),
            "says": says(found, here.is_some()),
        }))
    }
}

/// One sentence for people.
fn says(found: &Inspected, here: bool) -> String {
    let site = found.site.as_deref().unwrap_or("generic");
    let what = match (found.kind, site) {
        (Kind::Unsupported, _) => {
            return "Nothing there can be archived: it is no video and no list that yt-dlp knows. Paste the \
                    address of a video, a tag, a playlist or an uploader's videos."
                .to_owned();
        }
        (_, "generic") => "A page that yt-dlp will look at for videos.".to_owned(),
        (Kind::Video, site) => format!("One video, {site}."),
        (Kind::Playlist, site) => match found.count {
            Some(count) => format!("A list of about {count} videos, {site}."),
            None => format!("A list of videos, {site}."),
        },
    };
    let title = found.title.as_ref().map(|title| format!(" \u{201c}{title}\u{201d}")).unwrap_or_default();
    let here = if here { " It is archived already." } else { "" };
    format!("{what}{title}{here}")
}
