//! Bytes of blobs as HTTP answers: ranges, validators, caching (RFC 9110 sections 13 and 14, RFC 8246).

use std::{io, ops::Range};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use horahora_protocol::manifest::Blob;

use crate::{
    blobs::Blobs,
    fetch::{Fetch, Source},
};

/// Bytes read at once; bounds what one slow viewer holds in memory.
const STEP: u64 = 1 << 20;
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// What is served.
#[derive(Debug)]
pub(super) struct Content {
    /// The blobs whose bytes follow each other.
    pub(super) parts: Vec<Blob>,
    /// Names exactly these bytes.
    pub(super) tag: String,
    pub(super) media_type: String,
    /// File name to offer for saving.
    pub(super) save_as: Option<String>,
    /// Whom to ask for what is not here.
    pub(super) source: Source,
}

/// Answers with the bytes or the range of them that is asked for.
pub(super) fn answer(blobs: &Blobs, fetch: &Fetch, content: &Content, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", content.tag);
    let text = |name| asked.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let known = text(header::IF_NONE_MATCH).is_some_and(|tags| {
        tags.split(',').any(|one| one.trim().trim_start_matches("W/") == tag || one.trim() == "*")
    });
    let total = content.parts.iter().map(|part| part.bytes).sum();
    // A range counts only for the bytes that the client has a part of.
    let range = text(header::RANGE).filter(|_| text(header::IF_RANGE).is_none_or(|one| one == tag));
    let mut response = match range.map_or(Asked::All, |range| parse(range, total)) {
        _ if known => StatusCode::NOT_MODIFIED.into_response(),
        Asked::All => {
            let mut response = body(blobs, fetch, content, 0..total).into_response();
            response.headers_mut().insert(header::CONTENT_LENGTH, total.into());
            response
        }
        Asked::Part(range) => {
            let told = format!("bytes {}-{}/{total}", range.start, range.end - 1);
            let length = range.end - range.start;
            let headers = [(header::CONTENT_RANGE, told), (header::CONTENT_LENGTH, length.to_string())];
            (StatusCode::PARTIAL_CONTENT, headers, body(blobs, fetch, content, range)).into_response()
        }
        Asked::Outside => {
            let told = [(header::CONTENT_RANGE, format!("bytes */{total}"))];
            (StatusCode::RANGE_NOT_SATISFIABLE, told).into_response()
        }
    };
    let headers = response.headers_mut();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::ETAG, &tag);
    set(header::CONTENT_TYPE, &content.media_type);
    // Bytes of strangers are never a page of ours.
    set(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
    if let Some(name) = &content.save_as {
        set(header::CONTENT_DISPOSITION, &attachment(name));
    }
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, IMMUTABLE);
    response
}

/// The value of `Content-Disposition` for a file to be saved under a name; what a header cannot hold becomes `_`.
pub(super) fn attachment(name: &str) -> String {
    let plain = |c: char| if (' '..='~').contains(&c) && !matches!(c, '"' | '\\' | '/') { c } else { '_' };
    format!("attachment; filename=\"{}\"", name.chars().map(plain).collect::<String>())
}

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    All,
    Part(Range<u64>),
    Outside,
}

/// One range of bytes. Several at once, other units and malformed ones are ignored, as the RFC allows.
pub(super) fn parse(header: &str, total: u64) -> Asked {
    let Some((first, last)) = header.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Asked::All;
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (first, last) = (first.trim(), last.trim());
    if !digits(first) || !digits(last) || (first.is_empty() && last.is_empty()) {
        return Asked::All;
    }
    // Digits that do not fit are larger than anything.
    let number = |text: &str| text.parse::<u64>().unwrap_or(u64::MAX);
    let range = match (first.is_empty(), last.is_empty()) {
        (true, _) => total.saturating_sub(number(last))..total,
        (_, true) => number(first)..total,
        _ if number(last) < number(first) => return Asked::All,
        _ => number(first)..number(last).saturating_add(1).min(total),
    };
    if range.start >= range.end { Asked::Outside } else { Asked::Part(range) }
}

fn body(blobs: &Blobs, fetch: &Fetch, content: &Content, range: Range<u64>) -> Body {
    let mut pieces = Vec::new();
    let mut offset = 0;
    for part in &content.parts {
        let from = range.start.max(offset);
        let to = range.end.min(offset + part.bytes);
        let mut at = from;
        while at < to {
            let length = STEP.min(to - at);
            pieces.push((*part, at - offset, length));
            at += length;
        }
        offset += part.bytes;
    }
    let (blobs, fetch, source) = (blobs.clone(), fetch.clone(), content.source);
    Body::from_stream(stream::unfold(pieces.into_iter(), move |mut pieces| {
        let (blobs, fetch) = (blobs.clone(), fetch.clone());
        async move {
            let (part, start, length) = pieces.next()?;
            let read = async {
                fetch.blob(part.cid, Some(part.bytes), source, true).await.map_err(io::Error::other)?;
                blobs.read(part.cid, start, length).await.map_err(io::Error::other)
            };
            Some((read.await, pieces))
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_in_rfc_9110() {
        for (header, expected) in [
            ("bytes=0-0", Asked::Part(0..1)),
            ("bytes=2-", Asked::Part(2..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-30", Asked::Part(0..10)),
            ("bytes=8-99", Asked::Part(8..10)),
            ("bytes=10-", Asked::Outside),
            ("bytes=-0", Asked::Outside),
            ("bytes=99999999999999999999999-", Asked::Outside),
            ("bytes=5-4", Asked::All),
            ("bytes=0-1,3-4", Asked::All),
            ("bytes=a-b", Asked::All),
            ("bytes=-", Asked::All),
            ("lines=0-1", Asked::All),
        ] {
            assert_eq!(parse(header, 10), expected, "{header}");
        }
        assert_eq!(parse("bytes=0-", 0), Asked::Outside);
    }
}
