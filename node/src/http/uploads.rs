//! Files that people send: the resumable upload protocol tus 1.0.0 (<https://tus.io/protocols/resumable-upload>) with its
//! extensions creation and termination, and what is said of them as JSON.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::{
    Rooms, Shared,
    api::Answer,
    audit::{Done, OPERATOR},
    bytes::{Asked, parse},
    error::ApiError,
};
use crate::{
    people::Rank,
    store::rows::{UploadStand, Words},
    uploads::{PICTURE_BYTES, Sender, Upload, UploadError},
};

const VERSION: &str = "1.0.0";
const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");

/// `OPTIONS /api/v1/uploads`: what of the protocol is spoken here.
pub(super) async fn spoken() -> Response {
    let told = [
        ("tus-resumable", VERSION),
        ("tus-version", VERSION),
        ("tus-extension", "creation,creation-with-upload,termination"),
    ];
    (StatusCode::NO_CONTENT, told).into_response()
}

/// `POST /api/v1/uploads`: begins one. `Upload-Metadata` has `filename`, and may have `title`, `description`, `tags` (with
/// commas between) and `group`. A body is its beginning.
pub(super) async fn begin(
    State(rooms): Shared,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    speaks(&headers)?;
    let length = number(&headers, &LENGTH)?;
    let told = metadata(&headers)?;
    let text = |key: &str| told.get(key).cloned().unwrap_or_default();
    let words = told.contains_key("title").then(|| said(&text("title"), &text("description"), &text("tags")));
    let words = words.map(|words| rooms.in_group(words, &text("group"))).transpose()?;
    let id = rooms.uploads.begin(&rooms.sender(&headers)?, &text("filename"), length).await?;
    if let Some(words) = words {
        rooms.uploads.describe(&id, words).await?;
    }
    let mut here = 0;
    if is_piece(&headers) || length == 0 {
        here = rooms.uploads.append(&id, 0, body.into_data_stream()).await?;
    }
    let place = format!("/api/v1/uploads/{id}");
    let told = [(RESUMABLE, VERSION.to_owned()), (header::LOCATION, place), (OFFSET, here.to_string())];
    Ok((StatusCode::CREATED, told).into_response())
}

/// `HEAD /api/v1/uploads/{upload}`: how much of it is here.
pub(super) async fn head(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let upload = rooms.upload(&headers, &id)?;
    let told = [
        (RESUMABLE, VERSION.to_owned()),
        (OFFSET, upload.offset.to_string()),
        (LENGTH, upload.row.bytes.to_string()),
    ];
    Ok((StatusCode::OK, told).into_response())
}

/// `PATCH /api/v1/uploads/{upload}`: the next piece.
pub(super) async fn append(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    speaks(&headers)?;
    if !is_piece(&headers) {
        let message = "A piece comes with the header Content-Type: application/offset+octet-stream.";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "piece-needed", message));
    }
    let offset = number(&headers, &OFFSET)?;
    rooms.upload(&headers, &id)?;
    let here = rooms.uploads.append(&id, offset, body.into_data_stream()).await?;
    Ok((StatusCode::NO_CONTENT, [(RESUMABLE, VERSION.to_owned()), (OFFSET, here.to_string())])
        .into_response())
}

/// `DELETE /api/v1/uploads/{upload}`
pub(super) async fn remove(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    rooms.upload(&headers, &id)?;
    rooms.uploads.remove(&id)?;
    Ok((StatusCode::NO_CONTENT, [(RESUMABLE, VERSION)]).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    /// `waiting`: those of all people that wait for a moderator.
    of: String,
}

/// `GET /api/v1/uploads?of`: one's own, or those that wait.
pub(super) async fn list(State(rooms): Shared, Query(which): Query<Which>, headers: HeaderMap) -> Answer {
    let all = match which.of.as_str() {
        "" => rooms.own_uploads(&headers)?,
        "waiting" if rooms.auth.who(&headers).rank >= Some(Rank::Moderator) => rooms.uploads.waiting()?,
        "waiting" => {
            return Err(ApiError::new(StatusCode::FORBIDDEN, "rank-needed", "This is for moderators."));
        }
        _ => return Err(ApiError::bad("bad-option", "`of` is waiting, or left out.")),
    };
    Ok(Json(json!({ "items": all.iter().map(upload_json).collect::<Vec<_>>() })))
}

/// `GET /api/v1/uploads/{upload}`
pub(super) async fn one(State(rooms): Shared, Path(id): Path<String>, headers: HeaderMap) -> Answer {
    Ok(Json(upload_json(&rooms.upload(&headers, &id)?)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Said {
    title: String,
    description: String,
    tags: Vec<String>,
    group: String,
}

/// `POST /api/v1/uploads/{upload}` `{"title", "description", "tags", "group"}`
pub(super) async fn describe(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(said): Json<Said>,
) -> Answer {
    rooms.upload(&headers, &id)?;
    let Said { title, description, tags, group } = said;
    let words = rooms.in_group(Words { title, description, tags, group: None }, &group)?;
    Ok(Json(upload_json(&rooms.uploads.describe(&id, words).await?)))
}

/// `PUT /api/v1/uploads/{upload}/thumbnail`: a JPEG, PNG or WebP picture.
pub(super) async fn thumbnail(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    rooms.upload(&headers, &id)?;
    let bytes = to_bytes(body, PICTURE_BYTES).await.map_err(|_| UploadError::Picture)?;
    rooms.uploads.set_thumbnail(&id, &bytes).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
pub(super) struct Verdict {
    approved: bool,
    #[serde(default)]
    reason: String,
}

/// `POST /api/v1/uploads/{upload}/verdict` `{"approved", "reason"}`
pub(super) async fn judge(
    State(rooms): Shared,
    Path(id): Path<String>,
    Json(verdict): Json<Verdict>,
) -> Result<Response, ApiError> {
    let (upload, done) = rooms.judge_upload(&id, verdict.approved, &verdict.reason).await?;
    Ok((axum::Extension(done), Json(upload_json(&upload))).into_response())
}

/// `GET /api/v1/uploads/{upload}/file`: what was sent, for who sent it and for moderators.
pub(super) async fn file(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let upload = rooms.upload(&headers, &id)?;
    let mut file =
        tokio::fs::File::open(rooms.uploads.file(&upload)).await.map_err(|_| UploadError::Unknown)?;
    let total = file.metadata().await.map_err(ApiError::ours)?.len();
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let (status, range) = match range.map_or(Asked::All, |range| parse(range, total)) {
        Asked::All => (StatusCode::OK, 0..total),
        Asked::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Asked::Outside => {
            let told = [(header::CONTENT_RANGE, format!("bytes */{total}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, told).into_response());
        }
    };
    file.seek(std::io::SeekFrom::Start(range.start)).await.map_err(ApiError::ours)?;
    let length = range.end - range.start;
    let body = Body::from_stream(ReaderStream::new(file.take(length)));
    let told = [
        (header::CONTENT_TYPE, crate::jobs::media_type(&upload.row.name).to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        // Bytes of strangers are never a page of ours.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
    ];
    let mut response = (status, told, body).into_response();
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(told) = HeaderValue::from_str(&format!("bytes {}-{}/{total}", range.start, range.end - 1))
    {
        response.headers_mut().insert(header::CONTENT_RANGE, told);
    }
    Ok(response)
}

impl Rooms {
    /// Whoever sent this request, as somebody who sends files.
    pub(super) fn sender(&self, headers: &HeaderMap) -> Result<Sender, ApiError> {
        let who = self.auth.who(headers);
        let rank = who
            .rank
            .ok_or_else(|| ApiError::new(StatusCode::UNAUTHORIZED, "login-needed", "Log in first."))?;
        let name = who.person.as_ref().map_or_else(|| OPERATOR.to_owned(), |person| person.name.clone());
        Ok(Sender { id: who.person.map(|person| person.id), name, rank })
    }

    pub(super) fn own_uploads(&self, headers: &HeaderMap) -> Result<Vec<Upload>, ApiError> {
        Ok(self.uploads.of(self.sender(headers)?.id.as_ref())?)
    }

    /// One that is theirs, or any for a moderator; of others nobody hears that they are there.
    pub(super) fn upload(&self, headers: &HeaderMap, id: &str) -> Result<Upload, ApiError> {
        let (upload, who) = (self.uploads.get(id)?, self.sender(headers)?);
        if upload.row.by == who.id || who.rank >= Rank::Moderator {
            return Ok(upload);
        }
        Err(UploadError::Unknown.into())
    }

    pub(super) fn in_group(self: &Arc<Self>, words: Words, group: &str) -> Result<Words, ApiError> {
        let group = if group.is_empty() { None } else { Some(self.group(group)?.id) };
        Ok(Words { group, ..words })
    }

    pub(super) async fn judge_upload(
        &self,
        id: &str,
        approved: bool,
        reason: &str,
    ) -> Result<(Upload, Done), ApiError> {
        let reason = reason.trim();
        if !approved && reason.is_empty() {
            return Err(ApiError::bad("reason-needed", "Say why: whoever sent it reads it."));
        }
        let upload = self.uploads.judge(id, (!approved).then_some(reason)).await?;
        let title = upload.row.words.as_ref().map_or("", |words| words.title.as_str());
        let said = if approved { "took".to_owned() } else { "refused".to_owned() };
        let why = if approved { String::new() } else { format!(": {reason}") };
        let done = Done(format!("{said} the upload “{title}” of {}{why}", upload.row.by_name));
        Ok((upload, done))
    }
}

/// What is said in fields of text; tags have commas between.
pub(super) fn said(title: &str, description: &str, tags: &str) -> Words {
    let tags = tags.split([',', '、', '\n']).map(str::to_owned).collect();
    Words { title: title.to_owned(), description: description.to_owned(), tags, group: None }
}

fn upload_json(upload: &Upload) -> Value {
    let row = &upload.row;
    let (video, reason) = match &row.stand {
        UploadStand::Taken(video) => (Some(video.to_string()), None),
        UploadStand::Refused(reason) | UploadStand::Failed(reason) => (None, Some(reason)),
        UploadStand::Open | UploadStand::Approved => (None, None),
    };
    json!({
        "id": upload.id,
        "name": row.name,
        "bytes": row.bytes,
        "offset": upload.offset,
        "state": upload.state(),
        "by": row.by_name,
        "changed_at": row.at,
        "title": row.words.as_ref().map(|words| &words.title),
        "description": row.words.as_ref().map(|words| &words.description),
        "tags": row.words.as_ref().map(|words| &words.tags),
        "video": video,
        "reason": reason,
    })
}

/// A client of another version of the protocol is told so; one that names none is taken for this one.
fn speaks(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(&RESUMABLE) {
        Some(version) if version != VERSION => Err(ApiError::new(
            StatusCode::PRECONDITION_FAILED,
            "other-version",
            format!("This node speaks version {VERSION} of the protocol tus."),
        )),
        _ => Ok(()),
    }
}

fn is_piece(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/offset+octet-stream")
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, ApiError> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()?.parse().ok());
    value.ok_or_else(|| ApiError::bad("bad-number", format!("The header {name} must be a number of bytes.")))
}

/// `filename aG9saWRheS5tcDQ=,title SG9saWRheQ==`
fn metadata(headers: &HeaderMap) -> Result<BTreeMap<String, String>, ApiError> {
    let bad =
        || ApiError::bad("bad-metadata", "Upload-Metadata must be pairs of a key and a value in base64.");
    let Some(value) = headers.get(&METADATA) else { return Ok(BTreeMap::new()) };
    let value = value.to_str().map_err(|_| bad())?;
    let pair = |pair: &str| {
        let (key, value) = pair.trim().split_once(' ').unwrap_or((pair.trim(), ""));
        let value = BASE64.decode(value.trim().as_bytes()).ok()?;
        Some((key.to_owned(), String::from_utf8(value).ok()?))
    };
    value.split(',').filter(|text| !text.trim().is_empty()).map(|text| pair(text).ok_or_else(bad)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_as_in_the_protocol() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(METADATA, HeaderValue::from_str(text).unwrap());
            metadata(&headers).map_err(|error| error.code)
        };
        let told = read("filename 5aSP56Wt44KKLm1wNA==, is_confidential,title").unwrap();
        assert_eq!(told["filename"], "夏祭り.mp4");
        assert_eq!(told["is_confidential"], "");
        for bad in ["filename $$$", "filename /w=="] {
            assert_eq!(read(bad), Err("bad-metadata"), "{bad}");
        }
        assert!(metadata(&HeaderMap::new()).unwrap().is_empty());
    }
}
