//! What a player shows beside picture and sound: danmaku, chapters, preview pictures.

use std::fmt::Write as _;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use horahora_protocol::manifest::{File, Manifest, TextTrack};
use serde::Deserialize;

use super::{
    Rooms, Shared,
    error::ApiError,
    media::{Answer, for_ever},
};
use crate::{
    fetch::Source,
    media::danmaku::{self, Comment},
};

/// Bytes of danmaku that are merged at once, the latest tracks first.
const MERGED_BYTES: u64 = 64 << 20;

/// `GET /media/{manifest}/danmaku/{number}`
pub(super) async fn danmaku(
    State(rooms): Shared,
    Path((manifest, number)): Path<(String, usize)>,
    Query(DanmakuQuery { form }): Query<DanmakuQuery>,
    asked: HeaderMap,
) -> Answer {
    let source = rooms.source(&manifest)?;
    let manifest = rooms.manifest(&manifest).await?;
    let track: Option<&TextTrack> = manifest.all_danmaku().nth(number).map(|(_, track)| track);
    let Some(file) = track.map(|track| &track.file).filter(|_| form == "plain") else {
        return rooms.file(track.map(|track| &track.file), source, None, &asked).await;
    };
    let bytes = rooms.whole(file, source).await?;
    let read = tokio::task::spawn_blocking(move || danmaku::read(&bytes)).await.map_err(ApiError::ours)?;
    let other = || {
        let message = "This track has no form that this node knows; without form=plain it comes as it is.";
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown-form", message)
    };
    Ok(Json(read.ok_or_else(other)?).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct DanmakuQuery {
    /// `plain` for the one form of all sites; else as the site gave it.
    #[serde(default)]
    form: String,
}

/// `GET /media/{manifest}/danmaku.json`: all tracks as one.
pub(super) async fn all_danmaku(State(rooms): Shared, Path(manifest): Path<String>) -> Answer {
    let source = rooms.source(&manifest)?;
    let manifest = rooms.manifest(&manifest).await?;
    let tracks = rooms.danmaku_tracks(&manifest, source).await?;
    let merged = tokio::task::spawn_blocking(move || danmaku::merge(tracks)).await.map_err(ApiError::ours)?;
    Ok(for_ever(Json(merged).into_response()))
}

/// `GET /media/{manifest}/chapters.vtt`: each lasts until the next.
pub(super) async fn chapters(State(rooms): Shared, Path(manifest): Path<String>) -> Answer {
    let manifest = rooms.manifest(&manifest).await?;
    let ends = manifest.chapters.iter().skip(1).map(|chapter| chapter.at_ms);
    let ends = ends.chain([manifest.meta.duration_ms.max(1)]);
    let cues = manifest
        .chapters
        .iter()
        .zip(ends)
        .map(|(chapter, end)| (chapter.at_ms, end.max(chapter.at_ms + 1), plain(&chapter.title)));
    Ok(for_ever(vtt(cues)))
}

/// `GET /media/{manifest}/storyboard.vtt`: which part of which sheet shows which time, as players read it: `0.jpg#xywh=…`
/// (W3C Media Fragments URI 1.0).
pub(super) async fn storyboard(State(rooms): Shared, Path(manifest): Path<String>) -> Answer {
    let manifest = rooms.manifest(&manifest).await?;
    let board = manifest.storyboard.ok_or_else(|| ApiError::not_found("unknown-file", NO_STORYBOARD))?;
    let end = manifest.meta.duration_ms;
    let cues = (0..u64::from(board.pictures)).map(|n| {
        let at = n * board.every_ms;
        let (sheet, column, row) = board.find(at);
        let (x, y) = (column * board.width, row * board.height);
        let place = format!("storyboard/{sheet}.jpg#xywh={x},{y},{},{}", board.width, board.height);
        let last = n + 1 == u64::from(board.pictures);
        (at, if last { end.max(at + 1) } else { at + board.every_ms }, place)
    });
    Ok(for_ever(vtt(cues)))
}

/// `GET /media/{manifest}/storyboard/{sheet}`
pub(super) async fn sheet(
    State(rooms): Shared,
    Path((manifest, sheet)): Path<(String, String)>,
    asked: HeaderMap,
) -> Answer {
    let source = rooms.source(&manifest)?;
    let manifest = rooms.manifest(&manifest).await?;
    let number = sheet.strip_suffix(".jpg").and_then(|number| number.parse::<usize>().ok());
    let board = manifest.storyboard.as_ref();
    let blob = number.and_then(|number| board?.sheets.get(number).copied());
    let file = blob.map(|blob| File {
        name: sheet.clone(),
        media_type: "image/jpeg".to_owned(),
        bytes: blob.bytes,
        chunks: vec![blob],
    });
    Ok(for_ever(rooms.file(file.as_ref(), source, None, &asked).await?))
}

const NO_STORYBOARD: &str = "The video has no preview pictures, or they are still being made.";

impl Rooms {
    /// Danmaku that can be read and had, the latest tracks first.
    async fn danmaku_tracks(
        &self,
        manifest: &Manifest,
        source: Source,
    ) -> Result<Vec<Vec<Comment>>, ApiError> {
        let all: Vec<_> = manifest.all_danmaku().map(|(_, track)| &track.file).collect();
        let (mut left, mut tracks) = (MERGED_BYTES, Vec::new());
        for file in all.into_iter().rev() {
            let Some(rest) = left.checked_sub(file.bytes) else { continue };
            left = rest;
            let bytes = self.whole(file, source).await?;
            let read = tokio::task::spawn_blocking(move || danmaku::read(&bytes)).await;
            tracks.extend(read.map_err(ApiError::ours)?);
        }
        Ok(tracks)
    }
}

/// WebVTT of cues that begin and end at these milliseconds. Source: W3C WebVTT.
fn vtt(cues: impl Iterator<Item = (u64, u64, String)>) -> Response {
    let mut text = "WEBVTT\n".to_owned();
    for (from, to, words) in cues {
        let _ = write!(text, "\n{} --> {}\n{words}\n", clock(from), clock(to));
    }
    ([(header::CONTENT_TYPE, "text/vtt; charset=utf-8")], text).into_response()
}

/// `01:02:03.456`
fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    format!("{:02}:{:02}:{:02}.{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60, ms % 1000)
}

/// One line that is no markup of a cue.
fn plain(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_and_words_of_cues_are_written_as_webvtt_wants_them() {
        assert_eq!(super::clock(3_723_004), "01:02:03.004");
        assert_eq!(super::plain("a --> <b>\n& c"), "a --&gt; &lt;b&gt; &amp; c");
    }
}
