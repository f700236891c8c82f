//! Jobs as the page and the API show them: this node's own, and what the other members of its groups do.

use axum::{Json, extract::State};
use horahora_protocol::NodeId;
use horahora_web::{JobRow as JobView, StateView, tr};
use serde_json::{Value, json};

use super::{
    Rooms, Shared,
    api::{Answer, LARGEST_PAGE},
    error::ApiError,
    languages::{doing as doing_now, reason},
    pages::{ROWS, host, until},
    viewer::Viewer,
};
use crate::{
    claims::JobView as Claimed,
    jobs::{EXTRAS, REDO},
    store::rows::{Code, JobKey, JobRow, State as Stand},
};

/// Jobs that are not ended.
pub(super) async fn jobs(State(rooms): Shared, viewer: Viewer) -> Answer {
    let open = rooms.open_jobs(viewer, LARGEST_PAGE)?;
    let mut views = rooms.claims.views(names(&open)).await;
    let mut items: Vec<_> = open
        .iter()
        .map(|job| rooms.claimed_json(rooms.job_json(job), views.remove(&job.key.text()).as_ref()))
        .collect();
    // What the group does and this node does not know more of.
    views.retain(|_, view| view.claimant.is_some() && rooms.shows_group(viewer, &view.group));
    items.extend(views.values().map(|view| rooms.claimed_json(json!({ "id": view.job }), Some(view))));
    Ok(Json(json!({ "items": items })))
}

impl Rooms {
    /// A job's JSON with who has it in the group.
    fn claimed_json(&self, mut json: Value, view: Option<&Claimed>) -> Value {
        let name = json["id"].as_str().unwrap_or_default().to_owned();
        let (kind, subject) = name.split_once('/').unwrap_or((name.as_str(), ""));
        (json["job"], json["kind"], json["subject"]) = (json!(name), json!(kind), json!(subject));
        let Some(view) = view else { return json };
        json["group"] = json!(view.group.to_string());
        json["claimant"] = json!(view.claimant.map(|node| node.to_string()));
        json["epoch"] = json!(view.epoch);
        json["witnessed"] = json!(view.witnessed);
        json["next"] = json!(view.next.map(|node| node.to_string()));
        let failures = view
            .failures
            .iter()
            .map(|(node, code, reason)| json!({ "node": node.to_string(), "code": code, "reason": reason }));
        json["failures"] = failures.collect();
        if view.claimant.is_some_and(|node| node != self.key.node_id()) {
            (json["state"], json["progress"]) = (json!("running"), json!(view.progress));
        }
        if json["reason"].is_null() {
            json["reason"] = json!(self.why(view));
        }
        json
    }

    /// Why a job stands where it stands, for people.
    fn why(&self, view: &Claimed) -> Option<String> {
        let name = |node: &NodeId| {
            let known = self.catalogue.name(node).ok().flatten();
            if *node == self.key.node_id() {
                tr("job-this-node").into()
            } else {
                known.unwrap_or_else(|| node.to_string())
            }
        };
        let failed: Vec<_> =
            view.failures.iter().map(|(node, _, reason)| format!("{}: {reason}", name(node))).collect();
        let said = match (view.claimant, view.place) {
            (Some(node), _) if node == self.key.node_id() => None,
            (Some(node), _) => Some(tr("job-does").with("name", name(&node)).with("far", far(view)).into()),
            (None, "delivered") => Some(tr("job-delivered").into()),
            (None, "expired") => Some(tr("job-expired").into()),
            (None, _) if view.job.starts_with("rendition/") && self.jobs.encoders() == 0 => {
                Some(tr("job-no-encoders").into())
            }
            (None, _) => view.next.map(|node| tr("job-suits").with("name", name(&node)).into()),
        };
        let all: Vec<_> = said.into_iter().chain(failed).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }

    pub(super) fn job_json(&self, job: &JobRow) -> Value {
        let now = self.live.of(&job.key.text());
        json!({
            "id": job.key.text(),
            "kind": match job.key { JobKey::List { .. } => "list", JobKey::Capture { .. } => "capture", JobKey::Rendition { .. } => "rendition", JobKey::Keep { .. } => "keep", JobKey::Look { .. } => "look" },
            "title": job.title,
            "video": job.video,
            "state": job.state,
            "code": job.code,
            "reason": job.reason,
            "attempts": job.attempts,
            "not_before": (job.state == Stand::Waiting).then_some(job.not_before),
            "progress": now.as_ref().map_or(0.0, |now| now.fraction),
            "doing": now.map(|now| now.doing),
        })
    }

    /// Jobs as rows: all that are open, or only those at work, here or at another member of the group.
    pub(super) async fn job_views(
        &self,
        viewer: Viewer,
        running_only: bool,
    ) -> Result<Vec<JobView>, ApiError> {
        let open = self.open_jobs(viewer, ROWS)?;
        let claims = self.claims.views(names(&open)).await;
        let rows = open.iter().map(|job| {
            let claimed = claims.get(&job.key.text());
            self.job_view(job, claimed)
        });
        let running = StateView::of(Stand::Running.name());
        Ok(rows.filter(|view| !running_only || view.state == running).collect())
    }

    /// A job as a row: what this node does for it, or what another member does.
    pub(super) fn job_view(&self, job: &JobRow, claimed: Option<&Claimed>) -> JobView {
        let elsewhere = claimed.and_then(|view| view.claimant).is_some_and(|node| node != self.key.node_id());
        let claimed = claimed.filter(|_| job.state != Stand::Running);
        let now = self.live.of(&job.key.text());
        let tools_missing = self.tools.now().is_none() && !matches!(job.key, JobKey::Keep { .. });
        let said = claimed.and_then(|view| self.why(view));
        let doing = match (&now, &reason(job.code, job.reason.as_ref())) {
            _ if elsewhere => said.unwrap_or_default(),
            _ if tools_missing => tr("job-waits-tools").into(),
            (Some(now), _) => {
                tr("job-now").with("name", &self.name).with("doing", doing_now(&now.doing)).into()
            }
            (None, Some(reason)) if matches!(job.code, Some(Code::Paused | Code::Approval)) => reason.clone(),
            (None, Some(reason)) => {
                tr("job-again").with("reason", reason).with("when", until(job.not_before.0)).into()
            }
            (None, None) => said.unwrap_or_else(|| tr("job-waits-worker").into()),
        };
        let site = job
            .video
            .as_ref()
            .map_or_else(|| host(&job.url), |video| format!("{} {}", video.site(), short(video.site_id())));
        let what = match &job.key {
            JobKey::List { .. } => tr("job-listing"),
            JobKey::Capture { .. } => tr("job-capture"),
            JobKey::Rendition { rung, .. } => tr("job-rendition").with("what", rung_words(rung)),
            JobKey::Keep { .. } => tr("job-keep"),
            JobKey::Look { .. } => tr("job-look"),
        };
        let href = job.video.as_ref().map(|video| format!("/watch/{}", video.in_path()));
        JobView {
            id: job.key.text(),
            title: job.title.clone(),
            href,
            what: what.with("site", site).into(),
            doing,
            progress: claimed.filter(|_| elsewhere).map(|view| view.progress).or(now.map(|now| now.fraction)),
            state: StateView::of(if elsewhere { Stand::Running.name() } else { job.state.name() }),
        }
    }
}

fn names(jobs: &[JobRow]) -> Vec<String> {
    jobs.iter().map(|job| job.key.text()).collect()
}

/// What a rendition's job makes.
pub(super) fn rung_words(rung: &str) -> String {
    match rung.strip_prefix('v') {
        _ if rung == REDO => tr("rung-redo").into(),
        _ if rung == EXTRAS => tr("rung-extras").into(),
        Some(size) => match size.strip_suffix("av1") {
            Some(height) => tr("rung-av1").with("height", height).into(),
            None => format!("{size}p"),
        },
        None => tr("rung-sound").into(),
    }
}

/// How far a member is, and how long it will take, as far as that can be told.
fn far(view: &Claimed) -> String {
    let left = view.since_ms as f64 / 60_000.0 * (1.0 - view.progress) / view.progress.max(0.001);
    let percent = format!("{:.0}", view.progress * 100.0);
    match view.progress {
        done if done < 0.01 => String::new(),
        done if done < 0.05 => tr("job-far").with("percent", percent).into(),
        _ if left < 1.0 => tr("job-far-soon").with("percent", percent).into(),
        _ => tr("job-far-left").with("percent", percent).with("minutes", format!("{left:.0}")).into(),
    }
}

/// A long id, shortened in the middle.
fn short(id: &str) -> String {
    if id.chars().count() <= 24 {
        id.to_owned()
    } else {
        format!("{}…", id.chars().take(12).collect::<String>())
    }
}
