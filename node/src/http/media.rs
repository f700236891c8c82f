//! What players fetch: descriptions, segments, pictures, texts, originals, blobs.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use horahora_protocol::{
    Cid, Codec,
    manifest::{Blob, File, Manifest, MediaKind, Rendition},
};

use super::{
    Rooms, Shared,
    bytes::{Content, answer, attachment},
    error::ApiError,
};
use crate::{
    fetch::Source,
    media::{
        hls,
        mpd::{Presentation, mpd as describe},
    },
    store::rows::{CAPTURES, CaptureRow},
};

/// The name of a rendition's playlist, beside its segments.
const PLAYLIST: &str = "playlist.m3u8";
/// Texts that are read as a whole.
pub(super) const LARGEST_READ: u64 = 128 << 20;

pub(super) type Answer = Result<Response, ApiError>;

/// `GET /media/{manifest}/manifest.mpd`
pub(super) async fn mpd(State(rooms): Shared, Path(manifest): Path<String>) -> Answer {
    let manifest = rooms.manifest(&manifest).await?;
    Ok(for_ever(dash(describe(&manifest.renditions, Presentation::Static))))
}

/// `GET /media/live/{capture}/manifest.mpd`: grows from 0; once the capture is complete it says so.
pub(super) async fn live_mpd(State(rooms): Shared, Path(capture): Path<String>) -> Answer {
    let Made { renditions, presentation, .. } = rooms.growing(&capture).await?;
    if !is_playable(&renditions) {
        return Err(ApiError::not_found("not-playable-yet", "Nothing of this capture can be played yet."));
    }
    Ok(dash(describe(&renditions, presentation)))
}

/// `GET /media/{manifest}/playlist.m3u8`
pub(super) async fn playlist(State(rooms): Shared, Path(manifest): Path<String>) -> Answer {
    let manifest = rooms.manifest(&manifest).await?;
    Ok(for_ever(m3u8(hls::multivariant(&manifest.renditions))))
}

/// `GET /media/{manifest}/open.m3u`: a list of one entry, for players that open such files.
pub(super) async fn open(State(rooms): Shared, Path(cid): Path<String>, headers: HeaderMap) -> Answer {
    let manifest = rooms.manifest(&cid).await?;
    // The guard at the door knows the name that this was asked under.
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let forwarded = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let scheme = if forwarded { "https" } else { "http" };
    let title: String = manifest.meta.title.chars().filter(|c| !c.is_control()).collect();
    let seconds = manifest.meta.duration_ms / 1000;
    let text = format!("#EXTM3U\n#EXTINF:{seconds},{title}\n{scheme}://{host}/media/{cid}/playlist.m3u8\n");
    let name = attachment(&format!("{}.m3u", manifest.video.as_str().replace(':', "-")));
    let head = [
        (header::CONTENT_TYPE, "audio/x-mpegurl; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((head, text).into_response())
}

/// `GET /media/live/{capture}/playlist.m3u8`
pub(super) async fn live_playlist(State(rooms): Shared, Path(capture): Path<String>) -> Answer {
    let Made { renditions, .. } = rooms.growing(&capture).await?;
    if !is_playable(&renditions) {
        return Err(ApiError::not_found("not-playable-yet", "Nothing of this capture can be played yet."));
    }
    Ok(m3u8(hls::multivariant(&renditions)))
}

/// `GET /media/{manifest}/{rendition}/{file}`
pub(super) async fn segment(
    State(rooms): Shared,
    Path((manifest, rendition, file)): Path<(String, String, String)>,
    asked: HeaderMap,
) -> Answer {
    let source = rooms.source(&manifest)?;
    let manifest = rooms.manifest(&manifest).await?;
    if file == PLAYLIST {
        let rendition = find(&manifest.renditions, &rendition)?;
        return Ok(for_ever(m3u8(hls::media(rendition, Presentation::Static))));
    }
    rooms.piece(&manifest.renditions, source, (&rendition, &file), &asked).await
}

/// `GET /media/live/{capture}/{rendition}/{file}`
pub(super) async fn live_segment(
    State(rooms): Shared,
    Path((capture, rendition, file)): Path<(String, String, String)>,
    asked: HeaderMap,
) -> Answer {
    let Made { renditions, presentation, source } = rooms.growing(&capture).await?;
    if file == PLAYLIST {
        return Ok(m3u8(hls::media(find(&renditions, &rendition)?, presentation)));
    }
    let mut response = rooms.piece(&renditions, source, (&rendition, &file), &asked).await?;
    // A capture that begins anew after a crash may put other bytes here.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// `GET /media/{manifest}/poster.jpg`
pub(super) async fn poster(State(rooms): Shared, Path(manifest): Path<String>, asked: HeaderMap) -> Answer {
    let source = rooms.source(&manifest)?;
    let manifest = rooms.manifest(&manifest).await?;
    rooms.file(manifest.poster.as_ref(), source, None, &asked).await
}

/// `GET /media/live/{capture}/poster.jpg`
pub(super) async fn live_poster(
    State(rooms): Shared,
    Path(capture): Path<String>,
    asked: HeaderMap,
) -> Answer {
    let cid = address(&capture)?;
    if let Some(elsewhere) = rooms.growing.elsewhere(&cid) {
        let poster = elsewhere.summary.poster.map(|blob| File {
            name: "poster.jpg".to_owned(),
            media_type: "image/jpeg".to_owned(),
            bytes: blob.bytes,
            chunks: vec![blob],
        });
        let source = Source { manifest: None, capture: Some(cid), maker: Some(elsewhere.node) };
        return rooms.file(poster.as_ref(), source, None, &asked).await;
    }
    let draft = rooms.draft(&capture).await?;
    rooms.file(draft.poster.as_ref(), Source::default(), None, &asked).await
}

/// `GET /media/live/{capture}/subtitles/{number}`
pub(super) async fn live_subtitles(
    State(rooms): Shared,
    Path((capture, number)): Path<(String, usize)>,
    asked: HeaderMap,
) -> Answer {
    let draft = rooms.draft(&capture).await?;
    rooms.file(draft.subtitles.get(number).map(|track| &track.file), Source::default(), None, &asked).await
}

/// `GET /media/{manifest}/info.json`
pub(super) async fn info(State(rooms): Shared, Path(manifest): Path<String>, asked: HeaderMap) -> Answer {
    let source = rooms.source(&manifest)?;
    let manifest = rooms.manifest(&manifest).await?;
    rooms.file(manifest.last_info(), source, Some("info.json".to_owned()), &asked).await
}

/// `GET /media/{manifest}/subtitles/{number}`
pub(super) async fn subtitles(
    State(rooms): Shared,
    Path((manifest, number)): Path<(String, usize)>,
    asked: HeaderMap,
) -> Answer {
    let source = rooms.source(&manifest)?;
    let manifest = rooms.manifest(&manifest).await?;
    rooms.file(manifest.subtitles.get(number).map(|track| &track.file), source, None, &asked).await
}

/// `GET /media/{manifest}/original/{number}`
pub(super) async fn original(
    State(rooms): Shared,
    Path((manifest, number)): Path<(String, usize)>,
    asked: HeaderMap,
) -> Answer {
    let source = rooms.source(&manifest)?;
    let manifest = rooms.manifest(&manifest).await?;
    let file = manifest.original.get(number);
    let name = file.map(|file| format!("{}-{}", manifest.video.as_str().replace([':', '/'], "-"), file.name));
    rooms.file(file, source, name, &asked).await
}

/// `GET /blobs/{cid}`
pub(super) async fn blob(State(rooms): Shared, Path(cid): Path<String>, asked: HeaderMap) -> Answer {
    let cid = address(&cid)?;
    let parts = vec![Blob { cid, bytes: rooms.blobs.size(&cid)? }];
    let media_type = match cid.codec() {
        Codec::Raw => "application/octet-stream",
        Codec::DagCbor => "application/vnd.ipld.dag-cbor",
    };
    let (tag, media_type) = (cid.to_string(), media_type.to_owned());
    let content = Content { parts, tag, media_type, save_as: None, source: Source::default() };
    Ok(answer(&rooms.blobs, &rooms.fetch, &content, &asked))
}

/// Sound is complete or growing, and so is the picture if there is one in the making.
pub(super) fn is_playable(renditions: &[Rendition]) -> bool {
    renditions.iter().any(|r| r.kind == MediaKind::Video && !r.segments.is_empty())
}

/// What can be played of a capture, and whom to ask for it.
struct Made {
    renditions: Vec<Rendition>,
    presentation: Presentation,
    source: Source,
}

impl Rooms {
    /// A manifest of the catalogue; fetched if it is not here.
    pub(super) async fn manifest(&self, cid: &str) -> Result<Manifest, ApiError> {
        Ok(self.fetch.manifest(address(cid)?).await?)
    }

    /// Whom to ask for the blobs of a manifest.
    pub(super) fn source(&self, cid: &str) -> Result<Source, ApiError> {
        let cid = address(cid)?;
        let maker = self.catalogue.manifest(&cid)?.map(|made| made.by);
        Ok(Source { manifest: Some(cid), capture: None, maker })
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
    async fn growing(&self, capture: &str) -> Result<Made, ApiError> {
        let cid = address(capture)?;
        let row: Option<CaptureRow> = self.store.get(&CAPTURES, &cid.to_bytes())?;
        if let (None, Some(elsewhere)) = (&row, self.growing.elsewhere(&cid)) {
            let presentation = Presentation::Growing { duration_ms: elsewhere.summary.duration_ms };
            let source = Source { manifest: None, capture: Some(cid), maker: Some(elsewhere.node) };
            return Ok(Made { renditions: elsewhere.renditions, presentation, source });
        }
        let draft = self.draft(capture).await?;
        if !draft.original.is_empty() {
            let maker = row.as_ref().and_then(|row| row.by);
            let source = Source {
                manifest: row.and_then(|row| row.revisions.first().copied()),
                capture: Some(cid),
                maker,
            };
            return Ok(Made { renditions: draft.renditions, presentation: Presentation::Static, source });
        }
        let presentation = Presentation::Growing { duration_ms: draft.meta.duration_ms };
        Ok(Made { renditions: self.jobs.growing(&cid)?, presentation, source: Source::default() })
    }

    async fn piece(
        &self,
        renditions: &[Rendition],
        source: Source,
        (id, file): (&str, &str),
        asked: &HeaderMap,
    ) -> Answer {
        let rendition = find(renditions, id)?;
        let blob = match file.strip_suffix(".m4s").and_then(|number| number.parse::<usize>().ok()) {
            Some(number) => number
                .checked_sub(1)
                .and_then(|index| rendition.segments.get(index))
                .map(|segment| Blob { cid: segment.cid, bytes: segment.bytes }),
            None => (file == "init.mp4").then_some(rendition.init),
        };
        let blob = blob.ok_or_else(unknown_segment)?;
        self.fetch.blob(blob.cid, Some(blob.bytes), source, true).await?;
        let media_type = match rendition.kind {
            MediaKind::Video => "video/mp4",
            MediaKind::Audio => "audio/mp4",
        };
        let tag = blob.cid.to_string();
        let media_type = media_type.to_owned();
        let content = Content { parts: vec![blob], tag, media_type, save_as: None, source };
        Ok(answer(&self.blobs, &self.fetch, &content, asked))
    }

    /// All bytes of a file, if it is not too large to be read at once.
    pub(super) async fn whole(&self, file: &File, source: Source) -> Result<Vec<u8>, ApiError> {
        if file.bytes > LARGEST_READ {
            return Err(ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "too-large",
                "This file is too large.",
            ));
        }
        let mut bytes = Vec::new();
        for chunk in &file.chunks {
            self.fetch.blob(chunk.cid, Some(chunk.bytes), source, true).await?;
            bytes.extend_from_slice(&self.blobs.read_verified(chunk.cid).await?);
        }
        Ok(bytes)
    }

    pub(super) async fn file(
        &self,
        file: Option<&File>,
        source: Source,
        save_as: Option<String>,
        asked: &HeaderMap,
    ) -> Answer {
        let file = file.ok_or_else(|| ApiError::not_found("unknown-file", "The video has no such file."))?;
        // A small file is here before anything is said; a large one comes piece by piece.
        if let [only] = file.chunks.as_slice() {
            self.fetch.blob(only.cid, Some(only.bytes), source, true).await?;
        }
        let ids: String = file.chunks.iter().map(|chunk| chunk.cid.to_string()).collect();
        let tag = blake3::hash(ids.as_bytes()).to_hex().to_string();
        // Text is UTF-8 here: sites that sent something else were read by yt-dlp.
        let charset = if file.media_type.starts_with("text/") { "; charset=utf-8" } else { "" };
        let media_type = format!("{}{charset}", file.media_type);
        let content = Content { parts: file.chunks.clone(), tag, media_type, save_as, source };
        Ok(answer(&self.blobs, &self.fetch, &content, asked))
    }
}

/// A CID in a path.
fn address(text: &str) -> Result<Cid, ApiError> {
    text.parse().map_err(|error: horahora_protocol::codec::CidError| {
        ApiError::bad("bad-cid", format!("{text:.80} is no address of a blob: {error}."))
    })
}

fn find<'a>(renditions: &'a [Rendition], id: &str) -> Result<&'a Rendition, ApiError> {
    renditions.iter().find(|rendition| rendition.id == id).ok_or_else(unknown_segment)
}

fn unknown_segment() -> ApiError {
    ApiError::not_found("unknown-segment", "There is no such rendition or segment.")
}

fn m3u8(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/vnd.apple.mpegurl")], text).into_response()
}

/// What stands under an address that names its bytes.
pub(super) fn for_ever(mut response: Response) -> Response {
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(header::CACHE_CONTROL, forever);
    response
}

fn dash(xml: String) -> Response {
    ([(header::CONTENT_TYPE, "application/dash+xml")], xml).into_response()
}
