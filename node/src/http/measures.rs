//! Measures of the moderators: what stands here, the lists of other nodes, and how much each of them counts.

use std::str::FromStr;

use axum::{
    Form, Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_protocol::{
    NodeId,
    moderation::{Action, Target},
};
use horahora_web::{
    Hidden, Lang, MeasureForm, MeasureView, MeasuresPage, ModerationList, measures, scope, tr,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Rooms, Shared,
    api::Answer,
    audit::Done,
    creators,
    error::ApiError,
    pages::{ago, watch_path},
    viewer::Viewer,
};
use crate::{
    moderation::{Decision, MeasureError, Standing},
    people::Rank,
    store::rows::MeasureRow,
};

/// Words of one list on the page.
const SHOWN: usize = 200;

/// A measure as a form or JSON has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct New {
    /// `video`, `creator`, `person` or `node`.
    kind: String,
    /// Which: a video's id, `site/id`, a key.
    id: String,
    /// `hide`, `take-down` or `lift`.
    action: String,
    reason: String,
    tell: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Hide {
    /// `hide`, `take-down` or `show`.
    #[serde(rename = "do")]
    what: String,
    reason: String,
    /// Anything at all, if other nodes are to hear of it.
    tell: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// Whose list is shown.
    of: String,
    /// What the form begins with.
    kind: String,
    id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    /// `decide`, `weight` or `threshold`.
    #[serde(rename = "do")]
    what: String,
    kind: String,
    id: String,
    action: String,
    reason: String,
    tell: String,
    node: String,
    number: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Weight {
    weight: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct Threshold {
    threshold: u32,
}

/// `GET /api/v1/measures`
pub(super) async fn list(State(rooms): Shared) -> Answer {
    let mut lists = Vec::new();
    for list in rooms.measures.lists()? {
        let (node, name) = (list.node.to_string(), rooms.name_of(&list.node));
        let here = list.node == rooms.key.node_id();
        lists.push(
            json!({ "node": node, "name": name, "here": here, "weight": list.weight, "words": list.words }),
        );
    }
    let standing = rooms.catalogue.standings().all();
    let standing: Vec<_> = standing.iter().map(standing_json).collect();
    let threshold = rooms.catalogue.standings().threshold()?;
    Ok(Json(json!({ "threshold": threshold, "lists": lists, "standing": standing })))
}

/// `POST /api/v1/measures`
pub(super) async fn decide(
    State(rooms): Shared,
    headers: HeaderMap,
    Json(new): Json<New>,
) -> Result<Response, ApiError> {
    let done = rooms.decide(&headers, &new).await?;
    Ok((StatusCode::NO_CONTENT, axum::Extension(done)).into_response())
}

/// `GET /api/v1/measures/lists/{node}`
pub(super) async fn words(State(rooms): Shared, Path(node): Path<String>) -> Answer {
    let words = rooms.measures.words(&node_of(&node)?, usize::MAX)?;
    let items: Vec<_> = words
        .iter()
        .map(|row| {
            let (kind, id) = spelled(&row.target);
            json!({ "kind": kind, "id": id, "action": row.action, "reason": row.reason, "at": row.at })
        })
        .collect();
    Ok(Json(json!({ "items": items })))
}

/// `PUT /api/v1/measures/lists/{node}` `{"weight"}`
pub(super) async fn weigh(
    State(rooms): Shared,
    Path(node): Path<String>,
    Json(Weight { weight }): Json<Weight>,
) -> Result<Response, ApiError> {
    let done = rooms.weigh(&node, weight).await?;
    Ok((StatusCode::NO_CONTENT, axum::Extension(done)).into_response())
}

/// `PUT /api/v1/measures/threshold` `{"threshold"}`
pub(super) async fn threshold(
    State(rooms): Shared,
    Json(Threshold { threshold }): Json<Threshold>,
) -> Result<Response, ApiError> {
    rooms.measures.set_threshold(threshold).await?;
    let done = Done(format!("let lists count from {threshold} on"));
    Ok((StatusCode::NO_CONTENT, axum::Extension(done)).into_response())
}

/// `POST /watch/{video}/hide`
pub(super) async fn form(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Hide>,
) -> Result<Response, ApiError> {
    let to = watch_path(&rooms.video_row(&id)?);
    let action = match form.what.as_str() {
        "show" => "lift",
        action => action,
    };
    let new = New {
        kind: "video".to_owned(),
        id,
        action: action.to_owned(),
        reason: form.reason,
        tell: !form.tell.is_empty(),
    };
    let done = rooms.decide(&headers, &new).await?;
    Ok((axum::Extension(done), Redirect::to(&to)).into_response())
}

/// `POST /api/v1/videos/{video}/hidden` `{"reason"}`
pub(super) async fn hide(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(form): Json<Hide>,
) -> Result<Response, ApiError> {
    let new = New {
        kind: "video".to_owned(),
        id,
        action: "hide".to_owned(),
        reason: form.reason,
        ..New::default()
    };
    let done = rooms.decide(&headers, &new).await?;
    Ok((StatusCode::NO_CONTENT, axum::Extension(done)).into_response())
}

/// `DELETE /api/v1/videos/{video}/hidden`
pub(super) async fn show(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let new = New { kind: "video".to_owned(), id, action: "lift".to_owned(), ..New::default() };
    let done = rooms.decide(&headers, &new).await?;
    Ok((StatusCode::NO_CONTENT, axum::Extension(done)).into_response())
}

/// `GET /moderate/measures`
pub(super) async fn page(
    State(rooms): Shared,
    viewer: Viewer,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let page = rooms.measures_page(viewer, &headers, &asked)?;
    Ok(Html(measures(&page)).into_response())
}

/// `POST /moderate/measures`: the forms of the page.
pub(super) async fn change(
    State(rooms): Shared,
    viewer: Viewer,
    headers: HeaderMap,
    Form(form): Form<Change>,
) -> Result<Response, ApiError> {
    let number = || form.number.trim().parse::<u32>().map_err(|_| ApiError::from(MeasureError::Number));
    let admin = || {
        let message = "Whose lists count is for admins of this node.";
        viewer
            .is(Rank::Admin)
            .then_some(())
            .ok_or_else(|| ApiError::new(StatusCode::FORBIDDEN, "rank-needed", message))
    };
    let new = New {
        kind: form.kind.clone(),
        id: form.id.clone(),
        action: form.action.clone(),
        reason: form.reason.clone(),
        tell: !form.tell.is_empty(),
    };
    let done = match form.what.as_str() {
        "decide" => rooms.decide(&headers, &new).await,
        "weight" => {
            admin()?;
            rooms.weigh(&form.node, number()?).await
        }
        "threshold" => {
            admin()?;
            let threshold = number()?;
            rooms.measures.set_threshold(threshold).await?;
            Ok(Done(format!("let lists count from {threshold} on")))
        }
        _ => Err(ApiError::bad("bad-change", "`do` is decide, weight or threshold.")),
    };
    match done {
        Ok(done) => Ok((axum::Extension(done), Redirect::to("/moderate/measures")).into_response()),
        // What was written is not lost.
        Err(error) if error.status == StatusCode::BAD_REQUEST => {
            let mut page = rooms.measures_page(viewer, &headers, &Asked::default())?;
            page.error = Some(error.message);
            page.form = MeasureForm {
                kind: new.kind,
                id: new.id,
                action: new.action,
                reason: new.reason,
                tell: new.tell,
            };
            Ok((error.status, Html(measures(&page))).into_response())
        }
        Err(error) => Err(error),
    }
}

impl Rooms {
    async fn decide(&self, headers: &HeaderMap, new: &New) -> Result<Done, ApiError> {
        let target = target_of(&new.kind, new.id.trim())?;
        let action = match new.action.as_str() {
            "hide" => Action::Hide,
            "take-down" => Action::TakeDown,
            "lift" => Action::Lift,
            _ => return Err(ApiError::bad("bad-change", "What is to be done is hide, take-down or lift.")),
        };
        if let Target::Video(id) = &target {
            self.video_row(id.as_str())?;
        }
        let by = self.called(headers);
        // The log is written for everybody.
        let what = scope(Lang::En, || self.target_name(&target));
        let reason = new.reason.trim().to_owned();
        let decision = Decision { target, action, reason: reason.clone(), by, tell: new.tell };
        self.measures.decide(decision).await?;
        let told = if new.tell { ", and told others" } else { "" };
        Ok(Done(match action {
            Action::Lift => format!("showed {what} again{told}"),
            Action::Hide => format!("hid {what}{told}: {reason}"),
            Action::TakeDown => format!("took down {what}{told}: {reason}"),
        }))
    }

    async fn weigh(&self, node: &str, weight: u32) -> Result<Done, ApiError> {
        let node = node_of(node)?;
        self.measures.set_weight(node, weight).await?;
        Ok(Done(format!("let the list of {} count {weight}", self.name_of(&node))))
    }

    /// Why it is not shown, for whoever looks for it.
    pub(super) fn why_hidden(&self, standing: &Standing) -> String {
        if standing.nodes == [self.key.node_id()] {
            return tr("message-hidden-why").with("reason", &standing.reason).to_string();
        }
        let names = self.names(standing);
        tr("message-hidden-lists").with("names", names).with("reason", &standing.reason).to_string()
    }

    /// The same for moderators.
    pub(super) fn hidden(&self, standing: &Standing) -> Hidden {
        let lists = || tr("measure-lists").with("names", self.names(standing)).to_string();
        let by = standing.by.clone().unwrap_or_else(lists);
        let taken_down = standing.action == Action::TakeDown;
        Hidden { by, reason: standing.reason.clone(), taken_down }
    }

    /// `a`, `a and b`, `a, b and c`
    fn names(&self, standing: &Standing) -> String {
        let names: Vec<_> = standing.nodes.iter().map(|node| self.name_of(node)).collect();
        match names.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            [first @ .., last] => tr("and").with("first", first.join(", ")).with("last", last).to_string(),
        }
    }

    fn target_name(&self, target: &Target) -> String {
        match target {
            Target::Video(id) => match self.catalogue.video(id).ok().flatten() {
                Some(row) if row.title != id.as_str() => format!("{} ({id})", row.title),
                Some(_) | None => id.to_string(),
            },
            Target::Creator { site, id } => {
                let names = self.catalogue.creator_names(site, id).unwrap_or_default();
                let name = names.first().map_or_else(|| id.clone(), |row| row.name.clone());
                tr("measure-creator").with("name", name).with("site", site).with("id", id).to_string()
            }
            Target::Person(key) => tr("measure-person").with("key", key.to_string()).to_string(),
            Target::Node(node) => {
                tr("measure-node").with("name", self.name_of(node)).with("key", node.to_string()).to_string()
            }
        }
    }

    fn measures_page(
        &self,
        viewer: Viewer,
        headers: &HeaderMap,
        asked: &Asked,
    ) -> Result<MeasuresPage, ApiError> {
        let me = self.key.node_id();
        let row = |list: &crate::moderation::List| ModerationList {
            node: list.node.to_string(),
            name: self.name_of(&list.node),
            here: list.node == me,
            weight: list.weight,
            words: list.words,
        };
        let of = if asked.of.is_empty() { None } else { Some(node_of(&asked.of)?) };
        let shown = match &of {
            Some(node) => self.measures.words(node, SHOWN)?.iter().map(|row| self.word_view(row)).collect(),
            None => self.catalogue.standings().all().iter().map(|row| self.standing_view(row)).collect(),
        };
        Ok(MeasuresPage {
            frame: self.frame(headers),
            desk: self.desk(headers, "measures")?,
            of: of.map(|node| self.name_of(&node)),
            threshold: self.catalogue.standings().threshold()?,
            lists: self.measures.lists()?.iter().map(row).collect(),
            shown,
            form: MeasureForm {
                kind: if asked.kind.is_empty() { "video".to_owned() } else { asked.kind.clone() },
                id: asked.id.clone(),
                action: "hide".to_owned(),
                reason: String::new(),
                tell: true,
            },
            operates: viewer.is(Rank::Admin),
            error: None,
        })
    }

    fn standing_view(&self, standing: &Standing) -> MeasureView {
        let mine = standing.nodes == [self.key.node_id()];
        let by = standing.by.clone().unwrap_or_else(|| self.names(standing));
        let said = tr(match (mine, standing.told) {
            (true, true) => "measure-told",
            (true, false) => "measure-alone",
            (false, _) => "audit-by",
        });
        let said = said.with("by", by).with("when", ago(standing.at.0)).to_string();
        self.measure_view(&standing.target, standing.action, &standing.reason, said)
    }

    fn word_view(&self, row: &MeasureRow) -> MeasureView {
        let mut view = self.measure_view(&row.target, row.action, &row.reason, ago(row.at.0));
        view.stands = self.catalogue.standings().of(&row.target).is_some();
        view
    }

    fn measure_view(&self, target: &Target, action: Action, reason: &str, said: String) -> MeasureView {
        let (kind, id) = spelled(target);
        let href = match target {
            Target::Video(id) => self.catalogue.video(id).ok().flatten().map(|row| watch_path(&row)),
            Target::Creator { site, id } => Some(creators::path(site, id)),
            Target::Person(_) | Target::Node(_) => None,
        };
        MeasureView {
            kind: kind.to_owned(),
            id,
            what: self.target_name(target),
            href,
            action: action.name().to_owned(),
            reason: reason.to_owned(),
            said,
            stands: true,
        }
    }
}

fn standing_json(standing: &Standing) -> Value {
    let (kind, id) = spelled(&standing.target);
    let nodes: Vec<_> = standing.nodes.iter().map(ToString::to_string).collect();
    json!({
        "kind": kind, "id": id, "action": standing.action, "reason": standing.reason, "at": standing.at,
        "nodes": nodes, "by": standing.by, "told": standing.told,
    })
}

fn node_of(text: &str) -> Result<NodeId, ApiError> {
    NodeId::from_str(text.trim()).map_err(|_| {
        ApiError::bad("bad-node-id", "That is no key of a node or person. It begins with 12D3KooW.")
    })
}

fn target_of(kind: &str, id: &str) -> Result<Target, ApiError> {
    match kind {
        "video" => match id.parse() {
            Ok(id) => Ok(Target::Video(id)),
            Err(_) => Err(ApiError::bad("bad-video-id", "That is no id of a video, like niconico:sm9.")),
        },
        "creator" => match id.split_once('/').filter(|(site, id)| !site.is_empty() && !id.is_empty()) {
            Some((site, id)) => Ok(Target::Creator { site: site.to_owned(), id: id.to_owned() }),
            None => {
                Err(ApiError::bad("bad-creator", "A creator is named by site and id, like niconico/12345."))
            }
        },
        "person" => Ok(Target::Person(node_of(id)?)),
        "node" => Ok(Target::Node(node_of(id)?)),
        _ => Err(ApiError::bad("bad-change", "`kind` is video, creator, person or node.")),
    }
}

/// How forms and JSON name a target.
fn spelled(target: &Target) -> (&'static str, String) {
    match target {
        Target::Video(id) => ("video", id.to_string()),
        Target::Creator { site, id } => ("creator", format!("{site}/{id}")),
        Target::Person(key) => ("person", key.to_string()),
        Target::Node(node) => ("node", node.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_they_are_written() {
        let node = horahora_protocol::NodeKey::from_secret(&[7; 32]).node_id().to_string();
        for (kind, id) in
            [("video", "niconico:sm9"), ("creator", "bilibili/7/8"), ("person", &node), ("node", &node)]
        {
            assert_eq!(spelled(&target_of(kind, id).unwrap()), (kind, id.to_owned()));
        }
        for (kind, id) in
            [("video", "sm9 "), ("creator", "/7"), ("creator", "x/"), ("node", "x"), ("all", "")]
        {
            assert_eq!(target_of(kind, id).unwrap_err().status, StatusCode::BAD_REQUEST, "{kind} {id}");
        }
    }
}
