//! Who looks, and what is hidden from whom: what belongs to private groups alone is for the trusted.
//!
//! One item is checked at the door, by its path, and is answered as if it were not there; lists are filtered where
//! they are made.

use std::{str::FromStr, sync::Arc};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use horahora_protocol::{Cid, VideoId, group::GroupId, moderation::Action};
use horahora_web::tr;
use percent_encoding::percent_decode_str;

use super::{Rooms, Shared, error::ApiError, pages::message_page};
use crate::{
    moderation::Standing,
    people::Rank,
    requests,
    store::{
        StoreError,
        rows::{CAPTURES, CaptureRow, JobKey, JobRow, MANIFESTS, VideoRow},
    },
};

/// Who looks: their rank, none without an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Viewer(pub(super) Option<Rank>);

impl Viewer {
    /// Whether they have at least this rank.
    pub(super) fn is(self, rank: Rank) -> bool {
        self.0 >= Some(rank)
    }

    /// Whether they see what belongs to private groups alone.
    pub(super) fn is_insider(self) -> bool {
        self.is(Rank::Trusted)
    }
}

impl FromRequestParts<Arc<Rooms>> for Viewer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, rooms: &Arc<Rooms>) -> Result<Self, Self::Rejection> {
        Ok(rooms.viewer(&parts.headers))
    }
}

impl Rooms {
    pub(super) fn viewer(&self, headers: &HeaderMap) -> Viewer {
        Viewer(self.auth.who(headers).rank)
    }

    /// Whether somebody may see a video.
    pub(super) fn shows(&self, viewer: Viewer, video: &VideoRow) -> Result<bool, StoreError> {
        if !viewer.is(Rank::Moderator) && self.catalogue.standings().of_video(video)?.is_some() {
            return Ok(false);
        }
        Ok(viewer.is_insider() || self.catalogue.is_public(video)?)
    }

    /// Whether somebody may see what is in a group.
    pub(super) fn shows_group(&self, viewer: Viewer, group: &GroupId) -> bool {
        viewer.is_insider() || self.groups.is_public(group)
    }

    /// Whether somebody may see a job.
    pub(super) fn shows_job(&self, viewer: Viewer, job: &JobRow) -> Result<bool, StoreError> {
        if viewer.is_insider() {
            return Ok(true);
        }
        if let JobKey::List { request, .. } = &job.key {
            return self.is_public_request(request);
        }
        let Some(video) = &job.video else { return Ok(true) };
        self.catalogue.video(video)?.map_or(Ok(false), |video| self.shows(viewer, &video))
    }

    fn is_public_request(&self, request: &Cid) -> Result<bool, StoreError> {
        let row = requests::find(&self.store, request)?;
        Ok(row.is_some_and(|(_, row)| row.group.is_none_or(|group| self.groups.is_public(&group))))
    }

    /// What stands against the video that a path belongs to.
    fn standing(&self, path: &str) -> Result<Option<Standing>, StoreError> {
        if self.catalogue.standings().is_empty() {
            return Ok(None);
        }
        let parts: Vec<_> = path.trim_matches('/').split('/').collect();
        let manifest = |text: &str| match Cid::from_str(text) {
            Ok(manifest) => Ok(self.store.get(&MANIFESTS, &manifest.to_bytes())?.map(|row| row.video)),
            Err(_) => Ok::<_, StoreError>(None),
        };
        let video = match parts.as_slice() {
            ["watch" | "embed", video, ..] | ["api", "v1", "videos", video, ..] => {
                percent_decode_str(video).decode_utf8_lossy().parse().ok()
            }
            ["media", "live", capture, ..] => match Cid::from_str(capture) {
                Ok(capture) => {
                    let row: Option<CaptureRow> = self.store.get(&CAPTURES, &capture.to_bytes())?;
                    row.map(|row| row.video)
                }
                Err(_) => None,
            },
            ["media", cid, ..] | ["blobs", cid] => manifest(cid)?,
            _ => None,
        };
        let row = video.map(|video: VideoId| self.catalogue.video(&video)).transpose()?.flatten();
        row.map_or(Ok(None), |row| self.catalogue.standings().of_video(&row))
    }

    /// Whether what a path names is for everybody. What is not known here is.
    fn is_public(&self, path: &str) -> Result<bool, StoreError> {
        let parts: Vec<_> = path.trim_matches('/').split('/').collect();
        let cid = |text: &str| Cid::from_str(text).ok();
        match parts.as_slice() {
            ["watch" | "embed", video, ..] | ["api", "v1", "videos", video, ..] => {
                let id = percent_decode_str(video).decode_utf8_lossy().parse::<VideoId>().ok();
                let row = id.map(|id| self.catalogue.video(&id)).transpose()?.flatten();
                row.map_or(Ok(true), |row| self.catalogue.is_public(&row))
            }
            ["archive", request] | ["api", "v1", "requests", request, ..] => {
                cid(request).map_or(Ok(true), |request| match requests::find(&self.store, &request)? {
                    Some(_) => self.is_public_request(&request),
                    None => Ok(true),
                })
            }
            ["media", "live", capture, ..] => {
                let Some(capture) = cid(capture) else { return Ok(true) };
                let mut groups = self.catalogue.groups_of(&capture)?;
                groups.extend(self.growing.groups(&capture).unwrap_or_default());
                Ok(self.any_public(&groups))
            }
            ["media", manifest, ..] => {
                let Some(manifest) = cid(manifest) else { return Ok(true) };
                Ok(self.any_public(&self.catalogue.groups_of_manifest(&manifest)?))
            }
            // A blob alone does not say what it belongs to.
            ["blobs", ..] => Ok(self.groups.all().iter().all(|view| view.group.public)),
            ["api", "v1", "groups", group, ..] => {
                let view = cid(group).and_then(|group| self.groups.get(&group));
                Ok(view.is_none_or(|view| view.group.public))
            }
            _ => Ok(true),
        }
    }

    fn any_public(&self, groups: &[GroupId]) -> bool {
        groups.is_empty() || groups.iter().any(|group| self.groups.is_public(group))
    }
}

/// Answers for what is not for everybody as if it were not there, and lets no shared cache keep it.
pub(super) async fn gate(State(rooms): Shared, request: Request, next: Next) -> Response {
    match rooms.standing(request.uri().path()) {
        Ok(Some(row)) if !may_look(&rooms, &request, row.action) => {
            return hidden_here(&rooms, &request, &row);
        }
        Ok(_) => {}
        Err(error) => return ApiError::from(error).into_response(),
    }
    let public = match rooms.is_public(request.uri().path()) {
        Ok(public) => public,
        Err(error) => return ApiError::from(error).into_response(),
    };
    if public {
        return next.run(request).await;
    }
    if !rooms.viewer(request.headers()).is_insider() {
        return not_there(request.uri().path()).into_response();
    }
    let mut response = next.run(request).await;
    let kept = response.headers().get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok());
    let private = kept.map(|kept| kept.replace("public", "private")).unwrap_or_else(|| "no-store".to_owned());
    if let Ok(value) = HeaderValue::from_str(&private) {
        response.headers_mut().insert(header::CACHE_CONTROL, value);
    }
    response
}

/// Moderators look at what they decide of; the video itself, once it was taken down, is for nobody.
fn may_look(rooms: &Rooms, request: &Request, action: Action) -> bool {
    let path = request.uri().path();
    let bytes = path.starts_with("/media/") || path.starts_with("/blobs/");
    rooms.viewer(request.headers()).is(Rank::Moderator) && !(bytes && action == Action::TakeDown)
}

/// Whoever has the link is told why; a page says it as a page.
fn hidden_here(rooms: &Rooms, request: &Request, row: &Standing) -> Response {
    let (status, code, title) = match row.action {
        Action::TakeDown => {
            (StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS, "taken-down", tr("message-taken-down"))
        }
        Action::Hide | Action::Lift => (StatusCode::FORBIDDEN, "hidden", tr("message-hidden")),
    };
    let message = rooms.why_hidden(row);
    if request.uri().path().starts_with("/watch/") {
        return message_page(rooms, request.headers(), status, &title.to_string(), &message, "gone");
    }
    ApiError::new(status, code, message).into_response()
}

/// The same words as for what is not known.
fn not_there(path: &str) -> ApiError {
    let first = path.trim_start_matches('/').split('/').nth(if path.starts_with("/api/") { 2 } else { 0 });
    match first {
        Some("videos" | "watch") => {
            ApiError::not_found("unknown-video", "This node does not know this video.")
        }
        Some("requests") => ApiError::not_found("unknown-request", "This node has no request with this id."),
        Some("groups") => ApiError::not_found("unknown-group", "This node knows no group with this id."),
        _ => ApiError::not_found("unknown-blob", "This node does not know this address."),
    }
}
