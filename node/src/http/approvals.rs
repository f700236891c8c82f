//! What waits for approval before it is fetched, verdicts, and a group's rules, over the API.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use bytes::Bytes;
use horahora_protocol::{
    approval::{Approve, Category, Subject, Verdict},
    group::GroupId,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Rooms, Shared, api::Answer, error::ApiError, groups::read};
use crate::{
    approval::VerdictRow,
    groups::View,
    requests::{Filter, ruling},
    store::rows::VideoRow,
};

/// Videos of the queue that are shown at once, unless another number is asked for; a verdict takes twice as many.
pub(super) const SHOWN: usize = 100;
/// Verdicts that are shown.
pub(super) const STANDING: usize = 100;

/// Which part of the queue is wanted.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    pub(super) group: String,
    pub(super) category: Option<String>,
    #[serde(default)]
    pub(super) q: String,
    pub(super) limit: Option<usize>,
}

impl Asked {
    pub(super) fn filter(&self) -> Filter {
        let category = self.category.clone().filter(|category| category != "*");
        Filter { category, words: self.q.clone() }
    }
}

/// `GET /api/v1/approvals`
pub(super) async fn queue(State(rooms): Shared, Query(asked): Query<Asked>) -> Answer {
    let view = rooms.moderated(&asked.group)?;
    let limit = asked.limit.unwrap_or(SHOWN).clamp(1, 1_000);
    let queue = rooms.requests.waiting(&view.id, &asked.filter(), limit)?;
    let categories: Vec<_> =
        queue.categories.iter().map(|(name, count)| json!({ "name": name, "count": count })).collect();
    let creator = |(video, count): &(VideoRow, u64)| json!({ "site": video.id.site(), "id": video.creator_id, "name": video.creator, "count": count });
    let tags: Vec<_> = queue.tags.iter().map(|(tag, count)| json!({ "tag": tag, "count": count })).collect();
    let video = |(video, category): &(VideoRow, Option<String>)| {
        json!({
            "id": video.id,
            "title": video.title,
            "url": video.url,
            "creator": video.creator,
            "creator_id": video.creator_id,
            "tags": video.tags,
            "category": category,
            "duration_ms": video.duration_ms,
            "added": video.added,
            "requests": video.requests.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    };
    let standing: Vec<_> =
        rooms.requests.approvals().standing(&view.id, STANDING)?.iter().map(verdict_json).collect();
    Ok(Json(json!({
        "group": view.id.to_string(),
        "waiting": queue.waiting,
        "found": queue.found,
        "more": queue.more,
        "categories": categories,
        "creators": queue.creators.iter().map(creator).collect::<Vec<_>>(),
        "tags": tags,
        "items": queue.videos.iter().map(video).collect::<Vec<_>>(),
        "standing": standing,
    })))
}

fn verdict_json(row: &VerdictRow) -> Value {
    json!({ "subject": row.subject, "ruling": row.ruling, "reason": row.reason, "at": row.at, "by": row.by.to_string() })
}

/// What is said of what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    #[serde(default)]
    pub(super) group: String,
    pub(super) ruling: String,
    #[serde(default)]
    pub(super) videos: Vec<String>,
    #[serde(default)]
    pub(super) creators: Vec<CreatorName>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    #[serde(default)]
    pub(super) reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreatorName {
    pub(super) site: String,
    pub(super) id: String,
}

/// `POST /api/v1/approvals`
pub(super) async fn judge(State(rooms): Shared, body: Bytes) -> Answer {
    let said: Said = serde_json::from_slice(&body).map_err(|error| {
        let example = r#"{"ruling": "approved", "videos": ["niconico:sm9"]}"#;
        ApiError::bad("bad-verdict", format!("Send {example}: {error}."))
    })?;
    let view = rooms.moderated(&said.group)?;
    let subjects = rooms.say(&view.id, said).await?;
    Ok(Json(json!({ "subjects": subjects })))
}

/// `GET /api/v1/groups/{group}/rules`
pub(super) async fn rules(State(rooms): Shared, Path(group): Path<String>) -> Answer {
    Ok(Json(json!(rooms.group(&group)?.group.rules)))
}

/// `POST /api/v1/groups/{group}/rules`
pub(super) async fn set_rules(State(rooms): Shared, Path(group): Path<String>, body: Bytes) -> Answer {
    let view = rooms.group(&group)?;
    let asked = read(&body)?;
    let mut rules = view.group.rules.clone();
    let bad = |error: serde_json::Error| {
        let message = format!(
            "`approve` is never, new-creators or always; `categories` a list of {{\"name\", \"words\"}}: {error}."
        );
        ApiError::bad("bad-rules", message)
    };
    if !asked["approve"].is_null() {
        rules.approve = Approve::deserialize(&asked["approve"]).map_err(bad)?;
    }
    if !asked["categories"].is_null() {
        rules.categories = Vec::<Category>::deserialize(&asked["categories"]).map_err(bad)?;
    }
    rooms.feeds.set_rules(&view.id, rules.clone()).await?;
    Ok(Json(json!(rules)))
}

impl Rooms {
    /// The group of this id; the node's own first one when none is named.
    pub(super) fn moderated(&self, id: &str) -> Result<Arc<View>, ApiError> {
        if id.is_empty() { self.group(&self.feeds.home().to_string()) } else { self.group(id) }
    }

    pub(super) async fn say(&self, group: &GroupId, said: Said) -> Result<usize, ApiError> {
        let Some(ruling) = ruling(&said.ruling) else {
            return Err(ApiError::bad("bad-verdict", "`ruling` is approved, refused or open."));
        };
        let mut subjects = Vec::new();
        for id in &said.videos {
            let id = id
                .parse()
                .map_err(|error| ApiError::bad("bad-verdict", format!("{id} is no video's id: {error}.")))?;
            subjects.push(Subject::Video(id));
        }
        let creators =
            said.creators.into_iter().map(|CreatorName { site, id }| Subject::Creator { site, id });
        subjects.extend(creators);
        subjects.extend(said.tags.iter().map(|tag| Subject::tag(tag)));
        let count = subjects.len();
        let reason = said.reason.trim().to_owned();
        self.requests.judge(*group, Verdict { v: 1, subjects, ruling, reason }).await?;
        Ok(count)
    }
}
