//! What waits for approval before it is fetched: the queue, verdicts, and a group's rules.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use bytes::Bytes;
use horahora_protocol::{
    approval::{Approve, Category, Rules, Ruling, Subject, Verdict},
    group::{GroupId, Role},
};
use horahora_web::{Choice, ModeratePage, RulesForm, StandingRow, WaitingRow};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Rooms, Shared,
    api::Answer,
    error::ApiError,
    groups::read,
    pages::{ago, count, creator_path, duration, watch_path},
    viewer::Viewer,
};
use crate::{
    approval::VerdictRow,
    groups::View,
    requests::{self, Filter, Queue, ruling},
    store::rows::VideoRow,
};

/// Videos of the queue that are shown at once, unless another number is asked for; a verdict takes twice as many.
const SHOWN: usize = 100;
/// Verdicts that are shown.
const STANDING: usize = 100;

/// Which part of the queue is wanted.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    group: String,
    category: Option<String>,
    #[serde(default)]
    q: String,
    limit: Option<usize>,
}

impl Asked {
    fn filter(&self) -> Filter {
        let category = self.category.clone().filter(|category| category != "*");
        Filter { category, words: self.q.clone() }
    }
}

/// `GET /api/v1/approvals`
pub(super) async fn queue(State(rooms): Shared, viewer: Viewer, Query(asked): Query<Asked>) -> Answer {
    only_operator(viewer)?;
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
struct Said {
    #[serde(default)]
    group: String,
    ruling: String,
    #[serde(default)]
    videos: Vec<String>,
    #[serde(default)]
    creators: Vec<CreatorName>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreatorName {
    site: String,
    id: String,
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

/// `GET /moderate`
pub(super) async fn page(
    State(rooms): Shared,
    viewer: Viewer,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let page = rooms.moderate_page(viewer, &headers, &asked, None)?;
    Ok(Html(horahora_web::moderate(&page)).into_response())
}

/// `POST /moderate`: the forms of the page. A name may be there more than once.
pub(super) async fn change(
    State(rooms): Shared,
    viewer: Viewer,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let first = |name: &str| {
        fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let group = first("group");
    let done = match first("do").as_str() {
        "rules" => rooms.keep_rules(&group, &first("approve"), &first("categories")).await,
        word => rooms.judge_form(&group, word, &fields, first("reason")).await,
    };
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/moderate?group={group}")).into_response()),
        // What was written is not lost.
        Err(error) if error.status == StatusCode::BAD_REQUEST => {
            let asked = Asked { group, ..Asked::default() };
            let mut page = rooms.moderate_page(viewer, &headers, &asked, Some(error.message))?;
            if first("do") == "rules" {
                page.rules =
                    RulesForm { approve: first("approve"), categories: first("categories"), ..page.rules };
            }
            Ok((error.status, Html(horahora_web::moderate(&page))).into_response())
        }
        Err(error) => Err(error),
    }
}

fn only_operator(viewer: Viewer) -> Result<(), ApiError> {
    let message = "What waits for approval is for whoever runs this node. Log in first.";
    match viewer {
        Viewer::Operator => Ok(()),
        Viewer::Anyone => Err(ApiError::new(StatusCode::UNAUTHORIZED, "login-needed", message)),
    }
}

impl Rooms {
    /// The group of this id; the node's own first one when none is named.
    fn moderated(&self, id: &str) -> Result<Arc<View>, ApiError> {
        if id.is_empty() { self.group(&self.feeds.home().to_string()) } else { self.group(id) }
    }

    async fn say(&self, group: &GroupId, said: Said) -> Result<usize, ApiError> {
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

    async fn judge_form(
        &self,
        group: &str,
        word: &str,
        fields: &[(String, String)],
        reason: String,
    ) -> Result<(), ApiError> {
        let all = |name: &str| {
            fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
        };
        let creators: Vec<String> = all("creator");
        let creators = creators.iter().filter_map(|creator| creator.split_once('/'));
        let said = Said {
            group: group.to_owned(),
            ruling: word.to_owned(),
            videos: all("video"),
            creators: creators
                .map(|(site, id)| CreatorName { site: site.to_owned(), id: id.to_owned() })
                .collect(),
            tags: all("tag"),
            reason,
        };
        if said.videos.is_empty() && said.creators.is_empty() && said.tags.is_empty() {
            return Err(ApiError::bad("bad-verdict", "Choose at least one video, creator or tag first."));
        }
        let view = self.moderated(group)?;
        self.say(&view.id, said).await.map(|_| ())
    }

    async fn keep_rules(&self, group: &str, approve: &str, categories: &str) -> Result<(), ApiError> {
        let view = self.moderated(group)?;
        let approve = match approve {
            "never" => Approve::Never,
            "new-creators" => Approve::NewCreators,
            "always" => Approve::Always,
            _ => return Err(ApiError::bad("bad-rules", "Choose what waits for approval.")),
        };
        let categories = categories_of(categories)?;
        Ok(self.feeds.set_rules(&view.id, Rules { approve, categories }).await?)
    }

    /// Whether there is anything to decide: a group with rules.
    pub(super) fn moderates(&self) -> bool {
        let waits = |view: &Arc<View>| {
            view.group.rules.approve != Approve::Never && self.groups.role(&view.id) >= Some(Role::Member)
        };
        self.groups.all().iter().any(waits)
    }

    fn moderate_page(
        self: &Arc<Self>,
        viewer: Viewer,
        headers: &HeaderMap,
        asked: &Asked,
        error: Option<String>,
    ) -> Result<ModeratePage, ApiError> {
        let view = self.moderated(&asked.group)?;
        let frame = self.frame(headers);
        if viewer == Viewer::Anyone {
            return Ok(ModeratePage { frame, ..ModeratePage::default() });
        }
        let filter = asked.filter();
        let queue = self.requests.waiting(&view.id, &filter, SHOWN)?;
        let mut groups = self.groups_for(viewer);
        groups.retain(|view| self.groups.role(&view.id) >= Some(Role::Member));
        let group = |known: &Arc<View>| Choice {
            value: known.id.to_string(),
            label: known.name.clone(),
            chosen: known.id == view.id,
        };
        let standing = self.requests.approvals().standing(&view.id, STANDING)?;
        Ok(ModeratePage {
            frame,
            group: view.id.to_string(),
            groups: groups.iter().map(group).collect(),
            lead: lead(&queue),
            policy: policy(&view.group.rules, &view.name),
            categories: categories(&queue, &filter),
            words: asked.q.clone(),
            creators: queue.creators.iter().map(creator_choice).collect(),
            tags: queue
                .tags
                .iter()
                .map(|(tag, count)| Choice {
                    value: tag.clone(),
                    label: format!("{tag} ({count})"),
                    chosen: false,
                })
                .collect(),
            found: queue.found,
            more: queue.more || queue.found > queue.videos.len() as u64,
            videos: queue
                .videos
                .iter()
                .map(|(video, category)| self.waiting_row(video, category.as_deref()))
                .collect(),
            standing: standing.iter().map(|row| self.standing_row(row)).collect(),
            rules: RulesForm {
                may: view.group.role(&self.key.node_id()) == Some(Role::Admin),
                approve: view.group.rules.approve.name().to_owned(),
                categories: lines_of(&view.group.rules.categories),
            },
            error,
        })
    }

    fn waiting_row(&self, video: &VideoRow, category: Option<&str>) -> WaitingRow {
        let asked_by = video.requests.first().and_then(|id| requests::find(&self.store, id).ok().flatten());
        let asked_by = asked_by.map(|(_, row)| row.title.unwrap_or(row.url));
        WaitingRow {
            id: video.id.to_string(),
            title: video.title.clone(),
            href: watch_path(video),
            origin: video.url.clone(),
            site: video.id.site().to_owned(),
            creator: video
                .creator
                .clone()
                .or_else(|| video.creator_id.as_ref().map(|id| format!("creator {id}"))),
            creator_href: creator_path(video),
            creator_value: video.creator_id.as_ref().map(|id| format!("{}/{id}", video.id.site())),
            duration: (video.duration_ms > 0).then(|| duration(video.duration_ms)),
            category: category.unwrap_or("General").to_owned(),
            tags: video.tags.clone(),
            asked: asked_by
                .map(|title| format!("found in {title}, {}", ago(video.added.0)))
                .unwrap_or_else(|| ago(video.added.0)),
        }
    }

    fn standing_row(&self, row: &VerdictRow) -> StandingRow {
        let (name, value, what) = match &row.subject {
            Subject::Video(id) => ("video", id.to_string(), self.video_title(id)),
            Subject::Creator { site, id } => {
                let names = self.catalogue.creator_names(site, id).unwrap_or_default();
                let name = names.first().map_or_else(|| id.clone(), |row| row.name.clone());
                ("creator", format!("{site}/{id}"), format!("Everything by {name} ({site})"))
            }
            Subject::Tag(tag) => ("tag", tag.clone(), format!("Everything tagged {tag}")),
        };
        let approved = row.ruling == Ruling::Approved;
        let reason = if row.reason.is_empty() { String::new() } else { format!(": {}", row.reason) };
        StandingRow {
            name: name.to_owned(),
            value,
            what,
            approved,
            said: format!("by {}, {}{reason}", self.name_of(&row.by), ago(row.at.0)),
        }
    }

    fn video_title(&self, id: &horahora_protocol::VideoId) -> String {
        self.catalogue.video(id).ok().flatten().map_or_else(|| id.to_string(), |row| row.title)
    }
}

fn lead(queue: &Queue) -> String {
    let more = if queue.more { "more than " } else { "" };
    match (queue.waiting, queue.since) {
        (0, _) | (_, None) => "Nothing waits for approval".to_owned(),
        (waiting, Some(since)) => {
            let videos = count(usize::try_from(waiting).unwrap_or(usize::MAX), "video");
            let verb = if waiting == 1 { "waits" } else { "wait" };
            format!("{more}{videos} {verb} for approval, the oldest found {}", ago(since.0))
        }
    }
}

fn policy(rules: &Rules, group: &str) -> String {
    match rules.approve {
        Approve::Never => format!("{group} fetches what its requests list without asking."),
        Approve::NewCreators => format!("In {group}, videos of new creators wait before they are fetched."),
        Approve::Always => format!("In {group}, every listed video waits before it is fetched."),
    }
}

fn categories(queue: &Queue, filter: &Filter) -> Vec<Choice> {
    let one = |(name, count): (&Option<String>, &u64)| Choice {
        value: name.clone().unwrap_or_default(),
        label: format!("{} ({count})", name.as_deref().unwrap_or("General")),
        chosen: filter.category.as_deref() == Some(name.as_deref().unwrap_or_default()),
    };
    let all = Choice { value: "*".to_owned(), label: "All".to_owned(), chosen: filter.category.is_none() };
    std::iter::once(all).chain(queue.categories.iter().map(one)).collect()
}

fn creator_choice((video, count): &(VideoRow, u64)) -> Choice {
    let id = video.creator_id.clone().unwrap_or_default();
    let name = video.creator.clone().unwrap_or_else(|| id.clone());
    Choice { value: format!("{}/{id}", video.id.site()), label: format!("{name} ({count})"), chosen: false }
}

/// `Music: vocaloid, 音MAD`, one a line.
fn categories_of(text: &str) -> Result<Vec<Category>, ApiError> {
    let line = |line: &str| {
        let (name, words) = line.split_once(':').filter(|(name, _)| !name.trim().is_empty()).ok_or_else(|| {
            let message = format!("“{line}” is no category. Write its name, a colon, and words with commas between: Music: vocaloid, utau");
            ApiError::bad("bad-rules", message)
        })?;
        let words = words.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned);
        Ok(Category { name: name.trim().to_owned(), words: words.collect() })
    };
    text.lines().map(str::trim).filter(|text| !text.is_empty()).map(line).collect()
}

fn lines_of(categories: &[Category]) -> String {
    let line = |category: &Category| format!("{}: {}\n", category.name, category.words.join(", "));
    categories.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_lines_of_a_name_and_words() {
        let text = " Music: vocaloid, 音MAD ,\n\nGames:RTA\n";
        let read = categories_of(text).unwrap();
        assert_eq!(lines_of(&read), "Music: vocaloid, 音MAD\nGames: RTA\n");
        assert_eq!(categories_of(&lines_of(&read)).unwrap(), read);
        for wrong in ["Music", ": vocaloid", "Music: a\nvocaloid"] {
            assert_eq!(categories_of(wrong).unwrap_err().code, "bad-rules", "{wrong}");
        }
    }
}
