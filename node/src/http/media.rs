//! What players fetch: descriptions, segments, pictures, texts, originals, blobs.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use horahora_protocol::{
    Cid, Codec,
    manifest::{Blob, File, Manifest, MediaKind, Rendition, TextTrack},
};

use super::{
    Rooms, Shared,
    bytes::{Content, answer},
    error::ApiError,
};
use crate::{
    media::mpd::{Presentation, mpd as describe},
    store::rows::CAPTURES,
};

type Answer = Result<Response, ApiError>;

/// `GET /media/{manifest}/manifest.mpd`
pub(super) async fn mpd(State(rooms): Shared, Path(manifest): Path<String>) -> Answer {
    let manifest = rooms.manifest(&manifest).await?;
    let mut response = dash(describe(&manifest.renditions, Presentation::Static));
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(header::CACHE_CONTROL, forever);
    Ok(response)
}

/// `GET /media/live/{capture}/manifest.mpd`: grows from 0; once the capture is complete it says so.
pub(super) async fn live_mpd(State(rooms): Shared, Path(capture): Path<String>) -> Answer {
    let (renditions, presentation) = rooms.growing(&capture).await?;
    if !is_playable(&renditions) {
        return Err(ApiError::not_found("not-playable-yet", "Nothing of this capture can be played yet."));
    }
    Ok(dash(describe(&renditions, presentation)))
}

/// `GET /media/{manifest}/{rendition}/{file}`
pub(super) async fn segment(
    State(rooms): Shared,
    Path((manifest, rendition, file)): Path<(String, String, String)>,
    asked: HeaderMap,
) -> Answer {
    let manifest = rooms.manifest(&manifest).await?;
    rooms.piece(&manifest.renditions, &rendition, &file, &asked)
}

/// `GET /media/live/{capture}/{rendition}/{file}`
pub(super) async fn live_segment(
    State(rooms): Shared,
    Path((capture, rendition, file)): Path<(String, String, String)>,
    asked: HeaderMap,
) -> Answer {
    let (renditions, _) = rooms.growing(&capture).await?;
    let mut response = rooms.piece(&renditions, &rendition, &file, &asked)?;
    // A capture that begins anew after a crash may put other bytes here.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// `GET /media/{manifest}/poster.jpg`
pub(super) async fn poster(State(rooms): Shared, Path(manifest): Path<String>, asked: HeaderMap) -> Answer {
    let manifest = rooms.manifest(&manifest).await?;
    rooms.file(manifest.poster.as_ref(), None, &asked)
}

/// `GET /media/live/{capture}/poster.jpg`
pub(super) async fn live_poster(
    State(rooms): Shared,
    Path(capture): Path<String>,
    asked: HeaderMap,
) -> Answer {
    let draft = rooms.draft(&capture).await?;
    rooms.file(draft.poster.as_ref(), None, &asked)
}

/// `GET /media/live/{capture}/subtitles/{number}`
pub(super) async fn live_subtitles(
    State(rooms): Shared,
    Path((capture, number)): Path<(String, usize)>,
    asked: HeaderMap,
) -> Answer {
    let draft = rooms.draft(&capture).await?;
    rooms.file(draft.subtitles.get(number).map(|track| &track.file), None, &asked)
}

/// `GET /media/{manifest}/info.json`
pub(super) async fn info(State(rooms): Shared, Path(manifest): Path<String>, asked: HeaderMap) -> Answer {
    let manifest = rooms.manifest(&manifest).await?;
    rooms.file(manifest.info.as_ref(), Some("info.json".to_owned()), &asked)
}

/// `GET /media/{manifest}/subtitles/{number}`
pub(super) async fn subtitles(
    State(rooms): Shared,
    Path((manifest, number)): Path<(String, usize)>,
    asked: HeaderMap,
) -> Answer {
    let manifest = rooms.manifest(&manifest).await?;
    rooms.file(manifest.subtitles.get(number).map(|track| &track.file), None, &asked)
}

/// `GET /media/{manifest}/danmaku/{number}`
pub(super) async fn danmaku(
    State(rooms): Shared,
    Path((manifest, number)): Path<(String, usize)>,
    asked: HeaderMap,
) -> Answer {
    let manifest = rooms.manifest(&manifest).await?;
    let track: Option<&TextTrack> = manifest.danmaku.get(number);
    rooms.file(track.map(|track| &track.file), None, &asked)
}

/// `GET /media/{manifest}/original/{number}`
pub(super) async fn original(
    State(rooms): Shared,
    Path((manifest, number)): Path<(String, usize)>,
    asked: HeaderMap,
) -> Answer {
    let manifest = rooms.manifest(&manifest).await?;
    let file = manifest.original.get(number);
    let name = file.map(|file| format!("{}-{}", manifest.video.as_str().replace([':', '/'], "-"), file.name));
    rooms.file(file, name, &asked)
}

/// `GET /blobs/{cid}`
pub(super) async fn blob(State(rooms): Shared, Path(cid): Path<String>, asked: HeaderMap) -> Answer {
    let cid = address(&cid)?;
    let parts = vec![Blob { cid, bytes: rooms.blobs.size(&cid)? }];
    let media_type = match cid.codec() {
        Codec::Raw => "application/octet-stream",
        Codec::DagCbor => "application/vnd.ipld.dag-cbor",
    };
    let content = Content { parts, tag: cid.to_string(), media_type: media_type.to_owned(), save_as: None };
    Ok(answer(&rooms.blobs, &content, &asked))
}

/// Sound is complete or growing, and so is the picture if there is one in the making.
pub(super) fn is_playable(renditions: &[Rendition]) -> bool {
    renditions.iter().any(|r| r.kind == MediaKind::Video && !r.segments.is_empty())
}

impl Rooms {
    /// A manifest that this node holds.
    pub(super) async fn manifest(&self, cid: &str) -> Result<Manifest, ApiError> {
        let block = self.blobs.read_verified(address(cid)?).await?;
        Manifest::decode(&block).map_err(|_| {
            ApiError::not_found("not-a-manifest", "There is something at this CID, but no manifest.")
        })
    }

    /// What is known of a capture: its draft while it is made, then its first manifest.
    pub(super) async fn draft(&self, capture: &str) -> Result<Manifest, ApiError> {
        let row = self.store.get(&CAPTURES, &address(capture)?.to_bytes())?;
        let unknown = || ApiError::not_found("unknown-capture", "This node does not know this capture.");
        let row = row.ok_or_else(unknown)?;
        match (row.draft, row.revisions.first()) {
            (Some(draft), _) => Ok(draft),
            (None, Some(first)) => self.manifest(&first.to_string()).await,
            (None, None) => Err(unknown()),
        }
    }

    /// What can be played of a capture, in the making or complete.
    async fn growing(&self, capture: &str) -> Result<(Vec<Rendition>, Presentation), ApiError> {
        let draft = self.draft(capture).await?;
        if !draft.original.is_empty() {
            return Ok((draft.renditions, Presentation::Static));
        }
        Ok((
            self.jobs.growing(&address(capture)?)?,
            Presentation::Growing { duration_ms: draft.meta.duration_ms },
        ))
    }

    fn piece(&self, renditions: &[Rendition], id: &str, file: &str, asked: &HeaderMap) -> Answer {
        let unknown = || ApiError::not_found("unknown-segment", "There is no such rendition or segment.");
        let rendition = renditions.iter().find(|rendition| rendition.id == id).ok_or_else(unknown)?;
        let blob = match file.strip_suffix(".m4s").and_then(|number| number.parse::<usize>().ok()) {
            Some(number) => number
                .checked_sub(1)
                .and_then(|index| rendition.segments.get(index))
                .map(|segment| Blob { cid: segment.cid, bytes: segment.bytes }),
            None => (file == "init.mp4").then_some(rendition.init),
        };
        let blob = blob.ok_or_else(unknown)?;
        if !self.blobs.has(&blob.cid) {
            return Err(ApiError::not_found("unknown-blob", "This segment is not on this node."));
        }
        let media_type = match rendition.kind {
            MediaKind::Video => "video/mp4",
            MediaKind::Audio => "audio/mp4",
        };
        let tag = blob.cid.to_string();
        let content = Content { parts: vec![blob], tag, media_type: media_type.to_owned(), save_as: None };
        Ok(answer(&self.blobs, &content, asked))
    }

    fn file(&self, file: Option<&File>, save_as: Option<String>, asked: &HeaderMap) -> Answer {
        let file = file.ok_or_else(|| ApiError::not_found("unknown-file", "The video has no such file."))?;
        if let Some(missing) = file.chunks.iter().find(|chunk| !self.blobs.has(&chunk.cid)) {
            return Err(crate::blobs::BlobError::Missing(missing.cid).into());
        }
        let ids: String = file.chunks.iter().map(|chunk| chunk.cid.to_string()).collect();
        let tag = blake3::hash(ids.as_bytes()).to_hex().to_string();
        // Text is UTF-8 here: sites that sent something else were read by yt-dlp.
        let charset = if file.media_type.starts_with("text/") { "; charset=utf-8" } else { "" };
        let media_type = format!("{}{charset}", file.media_type);
        let content = Content { parts: file.chunks.clone(), tag, media_type, save_as };
        Ok(answer(&self.blobs, &content, asked))
    }
}

/// A CID in a path.
fn address(text: &str) -> Result<Cid, ApiError> {
    text.parse().map_err(|error: horahora_protocol::codec::CidError| {
        ApiError::bad("bad-cid", format!("{text:.80} is no address of a blob: {error}."))
    })
}

fn dash(xml: String) -> Response {
    ([(header::CONTENT_TYPE, "application/dash+xml")], xml).into_response()
}
