//! The JSON API. Its shapes are in docs/API.md.

use std::{str::FromStr, sync::LazyLock, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use horahora_protocol::{
    Cid, VideoId,
    manifest::{File, Look, Manifest, MediaKind, Storyboard},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Rooms, Shared, error::ApiError, viewer::Viewer};
use crate::{
    identity,
    media::hardware::Hardware,
    process::Strength,
    requests::RequestView,
    store::rows::{CAPTURES, CaptureRow, JobRow, VIDEOS, VIDEOS_BY_AGE, VideoRow},
    tools, verify as check,
};

pub(super) type Answer = Result<Json<Value>, ApiError>;

/// Items of a page when nothing is said, and at most.
const PAGE: usize = 50;
pub(super) const LARGEST_PAGE: usize = 200;
/// A page does not wait longer for a manifest from another node.
const PATIENCE: Duration = Duration::from_secs(5);

/// `GET /healthz`; the header names this life of the node.
pub(super) async fn healthz() -> Response {
    static LIFE: LazyLock<String> = LazyLock::new(|| identity::token()[..16].to_owned());
    ([("x-horahora-life", LIFE.as_str())], "ok\n").into_response()
}

pub(super) async fn node(State(rooms): Shared, viewer: Viewer) -> Answer {
    let found = rooms.tools.now();
    let version = |name: &&str| found.as_ref().and_then(|tools| tools.versions.get(*name).cloned());
    let versions: serde_json::Map<String, Value> =
        tools::NAMES.iter().map(|name| ((*name).to_owned(), version(name).into())).collect();
    let groups: Vec<_> = rooms.groups_for(viewer).iter().map(|view| rooms.group_in_short(view)).collect();
    let (told, keys) = rooms.provide.told();
    Ok(Json(json!({
        "node_id": rooms.key.node_id().to_string(),
        "name": rooms.name,
        "version": env!("CARGO_PKG_VERSION"),
        "addresses": rooms.net.addresses(),
        "connected": rooms.net.peers().len(),
        "announced": { "keys": keys, "told": told },
        "groups": groups,
        "disk": rooms.blobs.room(),
        "confined": Strength::here(),
        "encoder": rooms.tools.now().and_then(|tools| tools.hardware).map_or("x264", Hardware::key),
        "tools": versions,
        "tools_status": *rooms.tools.status().borrow(),
    })))
}

#[derive(Debug, Deserialize)]
pub(super) struct PageQuery {
    after: Option<String>,
    limit: Option<usize>,
}

impl PageQuery {
    pub(super) fn read(&self) -> Result<(Option<Vec<u8>>, usize), ApiError> {
        let limit = self.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
        let after = self.after.as_ref().map(|text| cursor(text)).transpose()?;
        Ok((after, limit))
    }
}

/// The key of the last item as hex: opaque to clients.
pub(super) fn cursor(text: &str) -> Result<Vec<u8>, ApiError> {
    let bad = || ApiError::bad("bad-cursor", "`after` must be a `next` that this node gave.");
    let pairs = text.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect::<Option<Vec<u8>>>().ok_or_else(bad)
}

pub(super) fn cursor_text(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) async fn videos(State(rooms): Shared, viewer: Viewer, Query(query): Query<PageQuery>) -> Answer {
    let (after, limit) = query.read()?;
    let (rows, next) = rooms.videos_page(viewer, after.as_deref(), limit)?;
    let items = rows.iter().map(|row| rooms.video_json(row)).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(json!({ "items": items, "next": next.as_deref().map(cursor_text) })))
}

pub(super) async fn video(State(rooms): Shared, viewer: Viewer, Path(id): Path<String>) -> Answer {
    let row = rooms.video_row(&id)?;
    let mut video = rooms.video_json(&row)?;
    let mut captures = Vec::new();
    let mut renditions = Vec::new();
    let (capture, manifest) = rooms.capture(&row).await?;
    let manifest = manifest.map(|(_, manifest)| manifest);
    if let Some((cid, capture)) = capture {
        captures.push(json!({
            "id": cid.to_string(),
            "node": capture.by.unwrap_or(rooms.key.node_id()).to_string(),
            "started_at": capture.started,
            "fetched_at": manifest.as_ref().map(|manifest| manifest.fetched_at),
            "tools": manifest.as_ref().map(|manifest| &manifest.tools),
            "adopted": manifest.as_ref().and_then(|manifest| manifest.adopted).map(|cid| cid.to_string()),
            "revisions": capture.revisions.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }));
        if let Some(manifest) = &manifest {
            renditions = manifest.renditions.iter().map(rendition_json).collect();
            video["description"] = json!(manifest.meta.description);
            video["tags"] = json!(manifest.meta.tags);
            video["original_bytes"] = json!(manifest.original.iter().map(|file| file.bytes).sum::<u64>());
            video["subtitles"] = manifest.subtitles.iter().map(|track| json!(track.lang)).collect();
            video["chapters"] = json!(manifest.chapters);
            video["storyboard"] = json!(manifest.storyboard.as_ref().map(storyboard_json));
            video["danmaku"] = manifest.all_danmaku().map(|(_, track)| json!(track.lang)).collect();
            video["looks"] = manifest.looks.iter().map(look_json).collect();
        }
    }
    for (cid, capture) in rooms.further_captures(viewer, &row)? {
        captures.push(json!({
            "id": cid.to_string(),
            "node": capture.by.unwrap_or(rooms.key.node_id()).to_string(),
            "started_at": capture.started,
            "revisions": capture.revisions.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }));
    }
    video["holders"] = rooms.holders_json(&row, manifest.as_ref()).await?;
    (video["captures"], video["renditions"]) = (json!(captures), json!(renditions));
    video["kept"] = rooms.jobs.kept(&row.id)?.map(|job| rooms.job_json(&job)).into();
    Ok(Json(video))
}

fn look_json(look: &Look) -> Value {
    let first = |file: &File| file.chunks.first().map(|chunk| chunk.cid.to_string());
    json!({ "at": look.at, "info": look.info.as_ref().and_then(first), "danmaku": look.danmaku.len() })
}

/// `POST /api/v1/videos/{id}/look`
pub(super) async fn look(
    State(rooms): Shared,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let row = rooms.video_row(&id)?;
    if !rooms.jobs.look_again(&row)? {
        let message = "This node did not capture it from a site; the one that did looks at it again.";
        return Err(ApiError::new(StatusCode::CONFLICT, "not-captured-here", message));
    }
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": row.id }))))
}

/// `POST /api/v1/videos/{id}/redo`
pub(super) async fn redo(
    State(rooms): Shared,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let row = rooms.video_row(&id)?;
    if rooms.jobs.redo(&row)? == 0 {
        let message = "This node did not capture it; the one that did can make it anew.";
        return Err(ApiError::new(StatusCode::CONFLICT, "not-captured-here", message));
    }
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": row.id }))))
}

/// `POST /api/v1/videos/{id}/keep`
pub(super) async fn keep(
    State(rooms): Shared,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let row = rooms.video_row(&id)?;
    rooms.jobs.keep(&row).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": row.id }))))
}

/// `DELETE /api/v1/videos/{id}/keep`
pub(super) async fn let_go(State(rooms): Shared, Path(id): Path<String>) -> Answer {
    let row = rooms.video_row(&id)?;
    rooms.jobs.let_go(&row).await?;
    Ok(Json(json!({ "id": row.id })))
}

fn rendition_json(rendition: &horahora_protocol::manifest::Rendition) -> Value {
    json!({
        "id": rendition.id,
        "kind": match rendition.kind { MediaKind::Video => "video", MediaKind::Audio => "audio" },
        "codecs": rendition.codecs,
        "width": rendition.width,
        "height": rendition.height,
        "channels": rendition.channels,
        "lang": rendition.lang,
        "name": rendition.name,
        "missing_ms": rendition.missing_ms,
        "bandwidth": rendition.bandwidth,
        "bytes": rendition.bytes,
        "segments": rendition.segments.len(),
        "loudness": rendition.loudness.map(|sound| json!({
            "lufs": f64::from(sound.integrated) / 100.0,
            "peak_db": f64::from(sound.peak) / 100.0,
        })),
        "recipe": rendition.recipe,
    })
}

fn storyboard_json(board: &Storyboard) -> Value {
    json!({
        "width": board.width,
        "height": board.height,
        "columns": board.columns,
        "rows": board.rows,
        "every_ms": board.every_ms,
        "pictures": board.pictures,
        "sheets": board.sheets.len(),
    })
}

/// `POST /api/v1/verify {"video"?}`
pub(super) async fn verify(State(rooms): Shared, body: Bytes) -> Answer {
    let body: Value = serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad("invalid-json", format!("The body is no JSON: {error}.")))?;
    let only = body["video"].as_str().map(video_id).transpose()?;
    let report = check::verify(&rooms.store, &rooms.blobs, &rooms.feeds, only.as_ref()).await?;
    Ok(Json(json!(report)))
}

fn video_id(text: &str) -> Result<VideoId, ApiError> {
    text.parse()
        .map_err(|error: horahora_protocol::id::IdError| ApiError::bad("bad-video-id", error.to_string()))
}

impl Rooms {
    /// Videos that somebody may see, newest first, and the key to go on from.
    pub(super) fn videos_page(
        &self,
        viewer: Viewer,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<(Vec<VideoRow>, Option<Vec<u8>>), ApiError> {
        let (mut rows, mut after) = (Vec::new(), after.map(<[u8]>::to_vec));
        loop {
            let ids = self.store.scan(&VIDEOS_BY_AGE, b"", after.as_deref(), limit)?;
            let more = ids.len() == limit;
            for (key, id) in ids {
                let row: Option<VideoRow> = self.store.get(&VIDEOS, id.as_str().as_bytes())?;
                if let Some(row) = row.filter(|row| self.shows(viewer, row).unwrap_or(false)) {
                    rows.push(row);
                }
                after = Some(key);
                if rows.len() == limit {
                    return Ok((rows, after));
                }
            }
            if !more {
                return Ok((rows, None));
            }
        }
    }

    /// Requests that somebody may see, newest first, and the key to go on from.
    pub(super) fn requests_page(
        &self,
        viewer: Viewer,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<(Vec<RequestView>, Option<Vec<u8>>), ApiError> {
        let (mut items, next) = self.requests.page(after, limit)?;
        items.retain(|request| {
            Cid::from_str(&request.group).is_ok_and(|group| self.shows_group(viewer, &group))
        });
        Ok((items, next))
    }

    /// Jobs that are not ended and that somebody may see.
    pub(super) fn open_jobs(&self, viewer: Viewer, limit: usize) -> Result<Vec<JobRow>, ApiError> {
        let mut jobs = self.jobs.open_jobs(limit)?;
        jobs.retain(|job| self.shows_job(viewer, job).unwrap_or(false));
        Ok(jobs)
    }

    /// A video by the id in a path.
    pub(super) fn video_row(&self, id: &str) -> Result<VideoRow, ApiError> {
        let unknown = || ApiError::not_found("unknown-video", "This node does not know this video.");
        let id: VideoId = id.parse().map_err(|_| unknown())?;
        self.store.get(&VIDEOS, id.as_str().as_bytes())?.ok_or_else(unknown)
    }

    /// The capture shown of a video, and its latest manifest that can be had.
    pub(super) async fn capture(
        &self,
        video: &VideoRow,
    ) -> Result<(Option<(Cid, CaptureRow)>, Option<(Cid, Manifest)>), ApiError> {
        let Some(cid) = video.capture else { return Ok((None, None)) };
        let row: Option<CaptureRow> = self.store.get(&CAPTURES, &cid.to_bytes())?;
        let Some(latest) = video.manifest else { return Ok((row.map(|row| (cid, row)), None)) };
        let mut found =
            tokio::time::timeout(PATIENCE, self.fetch.manifest(latest)).await.ok().and_then(Result::ok);
        let mut shown = latest;
        // With the latest out of reach, an earlier one that is here plays as well.
        for earlier in row.iter().flat_map(|row| row.revisions.iter().rev()) {
            if found.is_none() && self.blobs.has(earlier) {
                (shown, found) = (*earlier, self.fetch.manifest(*earlier).await.ok());
            }
        }
        Ok((row.map(|row| (cid, row)), found.map(|manifest| (shown, manifest))))
    }

    /// Captures of a video besides the one shown, as far as somebody may see them.
    pub(super) fn further_captures(
        &self,
        viewer: Viewer,
        video: &VideoRow,
    ) -> Result<Vec<(Cid, CaptureRow)>, ApiError> {
        let mut all = self.catalogue.captures(video)?;
        all.retain(|(cid, row)| {
            let shown =
                row.groups.is_empty() || row.groups.iter().any(|group| self.shows_group(viewer, group));
            video.capture != Some(*cid) && shown
        });
        Ok(all)
    }

    pub(super) fn video_json(&self, row: &VideoRow) -> Result<Value, ApiError> {
        let held = self.held(row)?;
        let growing = |capture: &Cid| held == "part" || self.growing.elsewhere(capture).is_some();
        Ok(json!({
            "id": row.id,
            "title": row.title,
            "creator": row.creator,
            "creator_id": row.creator_id,
            "duration_s": row.duration_ms as f64 / 1000.0,
            "manifest": row.manifest.map(|cid| cid.to_string()),
            "live": row.capture.filter(|capture| row.manifest.is_none() && growing(capture)).map(|cid| cid.to_string()),
            "state": row.state,
            "code": row.code,
            "reason": row.reason,
            "progress": self.requests.video_progress(row)?,
            "held": held,
            "groups": self.groups_of(row)?.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "url": row.url,
            "added_at": row.added,
            "published_at": row.published_at,
            "gone_at": row.gone,
            "poster": row.manifest.filter(|_| row.poster).map(|cid| format!("/media/{cid}/poster.jpg")),
        }))
    }

    /// The groups that a video is archived in.
    pub(super) fn groups_of(&self, row: &VideoRow) -> Result<Vec<Cid>, ApiError> {
        Ok(self.catalogue.groups_of_video(row)?)
    }
}
