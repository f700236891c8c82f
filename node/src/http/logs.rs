//! The log, for admins.

use axum::{
    Json,
    extract::{Query, State},
    http::HeaderMap,
    response::{Html, IntoResponse, Response},
};
use horahora_web::{LogPage, LogRow, logs};
use serde::Deserialize;
use serde_json::json;
use tracing::Level;

use super::{Rooms, Shared, api::Answer, error::ApiError, pages::ago};
use crate::logs::Wanted;

/// Lines of one page.
const SHOWN: usize = 200;
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// This level and what is worse; `info` if none is named.
    level: String,
    q: String,
    before: Option<u64>,
}

impl Asked {
    fn wanted(&self) -> Result<Wanted, ApiError> {
        let level = if self.level.is_empty() { "info" } else { &self.level };
        let level: Level = Some(level)
            .filter(|level| LEVELS.contains(level))
            .and_then(|level| level.parse().ok())
            .ok_or_else(|| ApiError::bad("bad-level", "A level is error, warn, info, debug or trace."))?;
        Ok(Wanted { level, words: self.q.clone(), before: self.before })
    }
}

/// `GET /api/v1/logs?level&q&before`
pub(super) async fn list(State(rooms): Shared, Query(asked): Query<Asked>) -> Answer {
    let lines = rooms.logs.last(&asked.wanted()?, SHOWN);
    let next = (lines.len() == SHOWN).then(|| lines.last().map(|line| line.number)).flatten();
    Ok(Json(json!({ "items": lines, "next": next })))
}

/// `GET /settings/log`
pub(super) async fn page(
    State(rooms): Shared,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let wanted = asked.wanted()?;
    Ok(Html(logs(&rooms.log_page(&headers, &asked, &wanted))).into_response())
}

impl Rooms {
    fn log_page(&self, headers: &HeaderMap, asked: &Asked, wanted: &Wanted) -> LogPage {
        let lines = self.logs.last(wanted, SHOWN);
        let level = if asked.level.is_empty() { "info" } else { &asked.level };
        let older = lines.last().filter(|_| lines.len() == SHOWN).map(|last| {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("level", level)
                .append_pair("q", &asked.q)
                .append_pair("before", &last.number.to_string())
                .finish();
            format!("/settings/log?{query}")
        });
        LogPage {
            frame: self.frame(headers),
            level: level.to_owned(),
            words: asked.q.clone(),
            lines: lines
                .into_iter()
                .map(|line| LogRow {
                    level: line.level.to_owned(),
                    room: line.room,
                    text: line.text,
                    when: ago(line.at.0),
                })
                .collect(),
            older,
        }
    }
}
