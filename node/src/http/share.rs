//! What other sites and programs take of this one: feeds (Atom, RFC 4287), oEmbed (oembed.com 1.0), a player to embed, and what a link
//! looks like elsewhere (the Open Graph protocol).

use std::fmt::Write as _;

use axum::{
    Json,
    extract::{Path, Query, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use horahora_web::Share;
use serde::Deserialize;
use serde_json::json;

use super::{Rooms, Shared, api::Answer, error::ApiError, pages::watch_path, search::Asked, viewer::Viewer};
use crate::{
    search::{Page, Sort},
    store::rows::VideoRow,
};

/// Entries of a feed.
const ENTRIES: usize = 50;
/// What an embedded player may load, and that any page may embed it.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; style-src 'self'; script-src 'self'; \
    connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors *";
/// Pixels of an embedded player unless somebody wants another size.
const SIZE: (u32, u32) = (640, 360);

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    url: String,
    format: Option<String>,
    maxwidth: Option<u32>,
    maxheight: Option<u32>,
}

/// `GET /oembed?url=…`
pub(super) async fn oembed(
    State(rooms): Shared,
    viewer: Viewer,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Answer {
    if wanted.format.is_some_and(|format| !["", "json"].contains(&format.as_str())) {
        let message = "Only JSON is given: leave `format` out, or say json.";
        return Err(ApiError::new(StatusCode::NOT_IMPLEMENTED, "json-only", message));
    }
    let unknown = || ApiError::not_found("unknown-video", "This node does not know this video.");
    let path = url::Url::parse(&wanted.url).map(|url| url.path().to_owned()).map_err(|_| unknown())?;
    let id = path.strip_prefix("/watch/").ok_or_else(unknown)?;
    let row = rooms.video_row(&percent_encoding::percent_decode_str(id).decode_utf8_lossy())?;
    if !rooms.shows(viewer, &row)? || row.manifest.is_none() {
        return Err(unknown());
    }
    let width = wanted.maxwidth.unwrap_or(SIZE.0).min(SIZE.0);
    let height = (width * SIZE.1 / SIZE.0).min(wanted.maxheight.unwrap_or(SIZE.1));
    let base = base(&headers);
    let source = format!("{base}{}", embed_path(&row));
    Ok(Json(json!({
        "version": "1.0",
        "type": "video",
        "title": row.title,
        "author_name": row.creator,
        "provider_name": rooms.name,
        "provider_url": base,
        "thumbnail_url": poster(&base, &row),
        "width": width,
        "height": height,
        "html": frame_html(&source, width, height),
    })))
}

/// `GET /embed/{video}`
pub(super) async fn embed(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let row = rooms.video_row(&id)?;
    let page = rooms.watch_page(&row, &headers).await?;
    Ok(([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(horahora_web::embed(&page))).into_response())
}

/// `GET /feeds/search.atom`: a search as a feed, what was archived last first.
pub(super) async fn atom(
    State(rooms): Shared,
    viewer: Viewer,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut asked = Asked::read(raw.as_deref())?;
    if asked.sort == Sort::Relevance {
        asked.sort = Sort::Added;
    }
    let found = rooms.search.find(asked.query(viewer), Page { skip: 0, limit: ENTRIES }).await?;
    let rows = rooms.found_rows(viewer, &found)?;
    let title =
        if asked.text.is_empty() { rooms.name.clone() } else { format!("{} · {}", asked.text, rooms.name) };
    let feed = feed(&base(&headers), &asked, &title, &rows);
    Ok(([(header::CONTENT_TYPE, "application/atom+xml; charset=utf-8")], feed).into_response())
}

fn feed(base: &str, asked: &Asked, title: &str, rows: &[VideoRow]) -> String {
    let own = format!("{base}{}", asked.feed_href());
    let updated = rows.iter().map(|row| row.added.0).max().unwrap_or(0);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\"><id>{id}</id><title>{}</title>\
         <updated>{}</updated><link rel=\"self\" href=\"{id}\"/><link href=\"{}\"/>\n",
        escape(title),
        time(updated),
        escape(&format!("{base}{}", asked.href())),
        id = escape(&own),
    );
    for row in rows {
        let link = escape(&format!("{base}{}", watch_path(row)));
        let published =
            row.published_at.map(|at| format!("<published>{}</published>", time(at.0))).unwrap_or_default();
        let author = escape(row.creator.as_deref().unwrap_or(row.id.site()));
        let tags: String =
            row.tags.iter().map(|tag| format!("<category term=\"{}\"/>", escape(tag))).collect();
        let _ = writeln!(
            text,
            "<entry><id>{link}</id><title>{}</title><updated>{}</updated>{published}<author><name>{author}</name></author>\
             <link href=\"{link}\"/>{tags}</entry>",
            escape(&row.title),
            time(row.added.0),
        );
    }
    text + "</feed>\n"
}

/// RFC 3339.
fn time(ms: u64) -> String {
    let at =
        i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
    at.to_string()
}

/// As text or a quoted attribute of XML; what XML cannot say is left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

fn embed_path(row: &VideoRow) -> String {
    format!("/embed/{}", row.id.in_path())
}

fn poster(base: &str, row: &VideoRow) -> Option<String> {
    row.manifest.filter(|_| row.poster).map(|cid| format!("{base}/media/{cid}/poster.jpg"))
}

fn frame_html(source: &str, width: u32, height: u32) -> String {
    format!(
        "<iframe src=\"{source}\" width=\"{width}\" height=\"{height}\" allow=\"fullscreen\" frameborder=\"0\"></iframe>"
    )
}

/// This node as whoever asks reaches it. The host was checked at the door.
fn base(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let scheme = text("x-forwarded-proto").filter(|scheme| *scheme == "https").unwrap_or("http");
    format!("{scheme}://{}", text("host").unwrap_or("localhost"))
}

impl Rooms {
    /// What a video looks like elsewhere.
    pub(super) fn share(row: &VideoRow, headers: &HeaderMap) -> Share {
        let base = base(headers);
        let url = format!("{base}{}", watch_path(row));
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("url", &url).finish();
        Share {
            poster: poster(&base, row),
            oembed: format!("{base}/oembed?{query}"),
            embed: frame_html(&format!("{base}{}", embed_path(row)), SIZE.0, SIZE.1),
            url,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_xml_whatever_a_title_says() {
        let id = "niconico:sm9".parse().unwrap();
        let mut row = VideoRow::queued(
            id,
            "a < b & \"c\" \u{1}".to_owned(),
            String::new(),
            horahora_protocol::Timestamp(0),
        );
        row.tags = vec!["<x>".to_owned()];
        let asked = Asked::read(Some("q=%3Cscript%3E&site=niconico")).unwrap();
        let text = feed("http://127.0.0.1", &asked, "<script>", &[row]);
        let read = roxmltree::Document::parse(&text).unwrap();
        let entry = read.descendants().find(|node| node.has_tag_name("entry")).unwrap();
        let of = |name: &str| {
            entry
                .children()
                .find(|node| node.tag_name().name() == name)
                .and_then(|node| node.text())
                .unwrap_or("")
        };
        assert_eq!(
            (of("title"), of("updated"), of("id")),
            ("a < b & \"c\"  ", "1970-01-01T00:00:00Z", "http://127.0.0.1/watch/niconico%3Asm9")
        );
        assert!(text.contains("/feeds/search.atom?q=%3Cscript%3E&amp;site=niconico"), "{text}");
    }
}
