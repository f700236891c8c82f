//! What a link is, told before anything is archived.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use horahora_web::tr;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Rooms, Shared, api::Answer, error::ApiError, viewer::Viewer};
use crate::{
    ingest::{Inspected, Kind},
    people::Rank,
};

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
    if !offline && !viewer.is(Rank::Trusted) {
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
        let (first, estimate) = (self.first_of(found)?, self.estimate(url, found));
        Ok(json!({
            "url": url,
            "extractor": found.extractor,
            "kind": found.kind,
            "id": found.id,
            "title": found.title,
            "count": found.count,
            "archived": here.is_some(),
            "first": first.map(|(listed, known)| json!({ "listed": listed, "archived": known })),
            "estimate": estimate,
            "says": says(found, here.is_some(), first, estimate.as_ref()),
        }))
    }

    /// How many of the first videos of a list were told, and how many of those are archived.
    fn first_of(&self, found: &Inspected) -> Result<Option<(usize, usize)>, ApiError> {
        if found.kind != Kind::Playlist || found.first.is_empty() {
            return Ok(None);
        }
        let mut known = 0;
        for item in &found.first {
            let row = self.catalogue.video(&item.id)?;
            known += usize::from(row.is_some_and(|row| row.manifest.is_some()));
        }
        Ok(Some((found.first.len(), known)))
    }

    /// What archiving all of a link takes, reckoned from what this node holds and from the lengths that the list tells.
    fn estimate(&self, url: &str, found: &Inspected) -> Option<Estimate> {
        let count = match found.kind {
            Kind::Playlist => found.count.unwrap_or(found.first.len() as u64),
            Kind::Video => 1,
            Kind::Unsupported => 0,
        };
        if count == 0 || found.first.is_empty() {
            return None;
        }
        let lengths: Vec<f64> = found.first.iter().filter_map(|item| item.duration_s).collect();
        let held = self.catalogue.totals();
        let each = if lengths.is_empty() {
            if held.whole >= MANY { held.bytes / held.whole } else { BYTES_A_VIDEO }
        } else {
            (lengths.iter().sum::<f64>() / lengths.len() as f64 * BYTES_A_SECOND) as u64
        };
        let pace = self.requests.ingest().requests_per_minute(url);
        let asking = pace.map_or(0, |pace| count * REQUESTS_A_VIDEO * 60 / u64::from(pace.max(1)));
        let bytes = count * each;
        Some(Estimate { bytes, seconds: asking.max(bytes / LINE_BYTES_A_SECOND) })
    }
}

/// What archiving takes.
#[derive(Debug, Clone, Copy, Serialize)]
struct Estimate {
    /// Bytes on the disk.
    bytes: u64,
    /// Seconds for this node alone.
    seconds: u64,
}

/// Videos held from which on their mean says something.
const MANY: u64 = 10;
/// Bytes of an ordinary video with its smaller sizes, when nothing is known.
const BYTES_A_VIDEO: u64 = 150_000_000;
/// The same for each second of it: 5 Mbit/s in all.
const BYTES_A_SECOND: f64 = 600_000.0;
/// What a video of Niconico takes; others take 3 to 8.
const REQUESTS_A_VIDEO: u64 = 4;
/// An ordinary line at home: 40 Mbit/s.
const LINE_BYTES_A_SECOND: u64 = 5_000_000;

/// A sentence or two for people.
fn says(found: &Inspected, here: bool, first: Option<(usize, usize)>, estimate: Option<&Estimate>) -> String {
    let site = found.site.as_deref().unwrap_or("generic");
    let what = match (found.kind, site) {
        (Kind::Unsupported, _) => {
            return tr("says-nothing").into();
        }
        (_, "generic") => tr("says-page"),
        (Kind::Video, site) => tr("says-video").with("site", site),
        (Kind::Playlist, site) => match found.count {
            Some(count) => tr("says-list-about").with("n", count).with("site", site),
            None => tr("says-list").with("site", site),
        },
    };
    let title = found.title.as_ref().map(|title| format!(" \u{201c}{title}\u{201d}")).unwrap_or_default();
    let here = match first {
        _ if here => Some(tr("says-here")),
        Some((listed, known)) if known > 0 && found.count == Some(listed as u64) => {
            Some(tr("says-known").with("known", known))
        }
        Some((listed, known)) if known > 0 => {
            Some(tr("says-known-first").with("known", known).with("listed", listed))
        }
        _ => None,
    };
    let here = here.map(|here| format!(" {here}")).unwrap_or_default();
    let takes = estimate.filter(|_| found.kind == Kind::Playlist).map_or_else(String::new, |estimate| {
        let takes = tr("says-takes").with("size", size(estimate.bytes)).with("time", time(estimate.seconds));
        format!(" {takes}")
    });
    format!("{what}{title}{here}{takes}")
}

/// "1 MB", "12 GB", "1.3 TB"; never nothing.
pub(super) fn size(bytes: u64) -> String {
    match bytes / 1_000_000 {
        megabytes if megabytes < 1_000 => format!("{} MB", megabytes.max(1)),
        megabytes if megabytes < 1_000_000 => format!("{} GB", megabytes / 1_000),
        megabytes => format!("{:.1} TB", megabytes as f64 / 1e6),
    }
}

fn time(seconds: u64) -> String {
    match seconds / 60 {
        minutes if minutes < 90 => tr("says-minutes").with("n", minutes.max(1)),
        minutes if minutes < 48 * 60 => tr("says-hours").with("n", minutes / 60),
        minutes => tr("says-days").with("n", minutes / 60 / 24),
    }
    .into()
}
