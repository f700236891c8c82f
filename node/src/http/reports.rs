//! What people say is wrong with a video or a comment, and what moderators answer.

use axum::{
    Form, Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_protocol::{Cid, community::What};
use horahora_web::{Desk, ReportView, ReportsPage, reports, tr, tr_find};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Rooms, Shared,
    api::Answer,
    audit::Done,
    error::ApiError,
    pages::{ago, message_page, watch_path},
};
use crate::{moderation::About, people::PersonRow, store::rows::ReportRow};

/// Answered reports on the page.
const ANSWERED: usize = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reported {
    /// What is wrong: one of the kinds.
    kind: String,
    text: String,
    /// The comment that it is about, where it is none of the video.
    comment: Option<String>,
}

/// `POST /watch/{video}/report`
pub(super) async fn form(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(reported): Form<Reported>,
) -> Result<Response, ApiError> {
    let to = watch_path(&rooms.video_row(&id)?);
    match rooms.report(&headers, &id, &reported).await {
        Ok(_) => Ok(Redirect::to(&format!("{to}?reported=1")).into_response()),
        Err(error) if error.status == StatusCode::BAD_REQUEST => {
            let title = &tr("message-report").to_string();
            Ok(message_page(&rooms, &headers, error.status, title, &error.said(), "needs-operator"))
        }
        Err(error) => Err(error),
    }
}

/// `POST /api/v1/videos/{video}/reports` `{"kind", "text", "comment"}`
pub(super) async fn report(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(reported): Json<Reported>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let id = rooms.report(&headers, &id, &reported).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    /// `open`, `answered`, or both.
    state: String,
}

/// `GET /api/v1/reports?state`
pub(super) async fn list(State(rooms): Shared, Query(which): Query<Which>) -> Answer {
    let mut all = rooms.moderation.reports()?;
    match which.state.as_str() {
        "" => {}
        "open" | "answered" => all.retain(|(_, row)| row.answer.is_some() == (which.state == "answered")),
        _ => return Err(ApiError::bad("bad-option", "`state` is open, answered, or left out.")),
    }
    let items: Vec<_> = all.iter().map(|(id, row)| report_json(id, row)).collect();
    Ok(Json(json!({ "items": items })))
}

/// `GET /api/v1/account/reports`: one's own, with what was answered.
pub(super) async fn mine(State(rooms): Shared, headers: HeaderMap) -> Answer {
    let me = rooms.me(&headers)?;
    let all = rooms.reports_of(&me)?;
    let items: Vec<_> = all.iter().map(|(id, row)| report_json(id, row)).collect();
    Ok(Json(json!({ "items": items })))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Said {
    /// Which one, in a form.
    report: String,
    text: String,
}

/// `POST /api/v1/reports/{report}` `{"text"}`: the answer.
pub(super) async fn answer(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(said): Json<Said>,
) -> Result<Response, ApiError> {
    let (row, done) = rooms.answer_report(&headers, &id, &said.text).await?;
    Ok((axum::Extension(done), Json(report_json(&id, &row))).into_response())
}

/// `GET /moderate/reports`
pub(super) async fn page(State(rooms): Shared, headers: HeaderMap) -> Result<Response, ApiError> {
    Ok(Html(reports(&rooms.reports_page(&headers, None)?)).into_response())
}

/// `POST /moderate/reports`
pub(super) async fn answer_form(
    State(rooms): Shared,
    headers: HeaderMap,
    Form(said): Form<Said>,
) -> Result<Response, ApiError> {
    match rooms.answer_report(&headers, &said.report, &said.text).await {
        Ok((_, done)) => Ok((axum::Extension(done), Redirect::to("/moderate/reports")).into_response()),
        Err(error) if error.status.is_client_error() => {
            let page = rooms.reports_page(&headers, Some(error.said()))?;
            Ok((error.status, Html(reports(&page))).into_response())
        }
        Err(error) => Err(error),
    }
}

impl Rooms {
    async fn report(&self, headers: &HeaderMap, id: &str, reported: &Reported) -> Result<String, ApiError> {
        let me = self.me(headers)?;
        let video = self.visible(headers, id)?.id;
        let unknown = || ApiError::not_found("unknown-act", "There is no such comment.");
        let comment = match reported.comment.as_deref().filter(|text| !text.is_empty()) {
            Some(text) => {
                let act: Cid = text.parse().map_err(|_| unknown())?;
                Some(
                    self.community
                        .said(&act)?
                        .filter(|row| row.video == video)
                        .map(|_| act)
                        .ok_or_else(unknown)?,
                )
            }
            None => None,
        };
        let about = About { video, comment };
        let id = self.moderation.report(&me, about, &reported.kind, &reported.text).await?;
        self.live.tell("report", json!({ "id": id }));
        Ok(id)
    }

    async fn answer_report(
        &self,
        headers: &HeaderMap,
        id: &str,
        text: &str,
    ) -> Result<(ReportRow, Done), ApiError> {
        let row = self.moderation.answer(id, &self.called(headers), text).await?;
        self.live.tell("report", json!({ "id": id }));
        let done = format!("answered the report of {} on {}: {}", row.by_name, row.video, text.trim());
        Ok((row, Done(done)))
    }

    pub(super) fn reports_of(&self, person: &PersonRow) -> Result<Vec<(String, ReportRow)>, ApiError> {
        let mut all = self.moderation.reports()?;
        all.retain(|(_, row)| row.by == person.id);
        Ok(all)
    }

    /// What waits on each of the moderators' pages.
    pub(super) fn desk(&self, headers: &HeaderMap, here: &str) -> Result<Desk, ApiError> {
        if !self.frame(headers).decides {
            return Ok(Desk::default());
        }
        let open = self.moderation.reports()?.iter().filter(|(_, row)| row.answer.is_none()).count();
        Ok(Desk { here: here.to_owned(), uploads: self.uploads.waiting()?.len(), reports: open })
    }

    fn reports_page(&self, headers: &HeaderMap, error: Option<String>) -> Result<ReportsPage, ApiError> {
        let all = self.moderation.reports()?;
        let (answered, open): (Vec<_>, Vec<_>) = all.iter().partition(|(_, row)| row.answer.is_some());
        let view = |rows: Vec<&(String, ReportRow)>| {
            rows.into_iter().map(|(id, row)| self.report_view(id, row)).collect::<Result<Vec<_>, _>>()
        };
        Ok(ReportsPage {
            frame: self.frame(headers),
            desk: self.desk(headers, "reports")?,
            open: view(open)?,
            answered: view(answered.into_iter().take(ANSWERED).collect())?,
            error,
        })
    }

    pub(super) fn report_view(&self, id: &str, row: &ReportRow) -> Result<ReportView, ApiError> {
        let video = self.catalogue.video(&row.video)?;
        let place = row.comment.map(|comment| format!("#c-{comment}")).unwrap_or_default();
        let said = row.comment.map(|act| self.community.said(&act)).transpose()?.flatten();
        Ok(ReportView {
            id: id.to_owned(),
            href: video.as_ref().map(|video| format!("{}{place}", watch_path(video))),
            title: video.map_or_else(|| row.video.to_string(), |video| video.title),
            said: said.and_then(|said| match said.what {
                What::Comment { text, .. } | What::Danmaku { text, .. } => Some(text),
                What::Vote(_) | What::Erase { .. } => None,
            }),
            kind: kind_words(&row.kind),
            text: row.text.clone(),
            by: row.by_name.clone(),
            when: ago(row.at.0),
            answer: row.answer.as_ref().map(|answer| (answer.by.clone(), answer.text.clone())),
        })
    }
}

pub(super) fn kind_words(kind: &str) -> String {
    tr_find(&format!("kind-{kind}")).unwrap_or_else(|| kind.to_owned())
}

fn report_json(id: &str, row: &ReportRow) -> Value {
    json!({
        "id": id,
        "at": row.at,
        "by": row.by_name,
        "video": row.video,
        "comment": row.comment.map(|comment| comment.to_string()),
        "kind": row.kind,
        "text": row.text,
        "answer": row.answer.as_ref().map(|answer| json!({ "at": answer.at, "by": answer.by, "text": answer.text })),
    })
}
