//! The watch page: one video, its player, and how safe it is.

use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Response},
};
use horahora_protocol::manifest::{Manifest, MediaKind, Rendition};
use horahora_web::{Download, Fact, HolderRow, Player, RenditionRow, StateView, Track, WatchPage};

use super::{
    Rooms, Shared,
    error::ApiError,
    media::is_playable,
    pages::{View, card, count, date, message_page, watch_path},
};
use crate::store::rows::{CaptureRow, JobKey, JobRow, VideoRow};

const RELATED: usize = 8;

/// `GET /watch/{id}`
pub(super) async fn watch(
    State(rooms): Shared,
    Path(id): Path<String>,
    Query(view): Query<View>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let row = match rooms.video_row(&id) {
        Ok(row) => row,
        Err(error) if error.status == StatusCode::NOT_FOUND => {
            let message =
                "It may be on another node, or nobody asked for it yet. Paste its link on the archive page.";
            let title = "This node does not have this video";
            return Ok(message_page(&rooms, &headers, StatusCode::NOT_FOUND, title, message, "gone"));
        }
        Err(error) => return Err(error),
    };
    let page = rooms.watch_page(&row, &headers).await?;
    let html =
        if view.fragment.is_some() { horahora_web::watch_live(&page) } else { horahora_web::watch(&page) };
    Ok(Html(html).into_response())
}

impl Rooms {
    async fn watch_page(&self, row: &VideoRow, headers: &HeaderMap) -> Result<WatchPage, ApiError> {
        let capture = self.capture(row).await?;
        let manifest = capture.as_ref().and_then(|(.., manifest)| manifest.as_ref());
        let job: Option<JobRow> = self.jobs.get(&JobKey::Capture { video: row.id.clone() })?;
        let now = job.and_then(|job| self.live.of(&job.key.text()));
        let renditions = match &capture {
            Some((cid, capture, Some(manifest))) => self.rendition_rows(*cid, capture, manifest)?,
            _ => Vec::new(),
        };
        let mut related: Vec<_> = self.videos_page(None, RELATED + 1)?.0;
        related.retain(|other| other.id != row.id);
        let creator = manifest.and_then(|manifest| manifest.meta.creator.as_ref());
        Ok(WatchPage {
            frame: self.frame(headers),
            id: row.id.to_string(),
            href: watch_path(row),
            title: row.title.clone(),
            state: StateView::of(row.state.name()),
            reason: row.reason.clone(),
            progress: (!row.state.ended()).then(|| self.requests.video_progress(row)).transpose()?,
            doing: now.map(|now| now.doing).unwrap_or_default(),
            player: self.player(row, manifest).await?,
            creator: row.creator.clone(),
            creator_url: creator.and_then(|creator| creator.url.clone()),
            published: row.published_at.map(|at| date(at.0)),
            site: row.id.site().to_owned(),
            origin_url: Some(row.url.clone()),
            description: manifest.map(|manifest| manifest.meta.description.clone()).unwrap_or_default(),
            tags: manifest.map(|manifest| manifest.meta.tags.clone()).unwrap_or_default(),
            renditions,
            holders: self.holders(row, manifest)?,
            facts: manifest.map(|manifest| self.facts(row, manifest)).unwrap_or_default(),
            downloads: manifest.map(|manifest| downloads(row, manifest)).unwrap_or_default(),
            related: related.iter().take(RELATED).map(card).collect(),
        })
    }

    async fn player(&self, row: &VideoRow, manifest: Option<&Manifest>) -> Result<Option<Player>, ApiError> {
        let base = Player {
            mpd: String::new(),
            live: false,
            audio_only: row.audio_only,
            duration_s: row.duration_ms as f64 / 1000.0,
            poster: None,
            tracks: Vec::new(),
        };
        if let (Some(cid), Some(manifest)) = (row.manifest, manifest) {
            return Ok(Some(Player {
                mpd: format!("/media/{cid}/manifest.mpd"),
                poster: row.poster.then(|| format!("/media/{cid}/poster.jpg")),
                tracks: tracks(&format!("/media/{cid}"), manifest),
                ..base
            }));
        }
        let Some(capture) = row.capture else { return Ok(None) };
        if !is_playable(&self.jobs.growing(&capture)?) {
            return Ok(None);
        }
        let base_path = format!("/media/live/{capture}");
        let draft = self.draft(&capture.to_string()).await?;
        Ok(Some(Player {
            mpd: format!("{base_path}/manifest.mpd"),
            live: true,
            poster: draft.poster.is_some().then(|| format!("{base_path}/poster.jpg")),
            tracks: tracks(&base_path, &draft),
            ..base
        }))
    }

    fn rendition_rows(
        &self,
        capture: horahora_protocol::Cid,
        row: &CaptureRow,
        manifest: &Manifest,
    ) -> Result<Vec<RenditionRow>, ApiError> {
        let made = |id: &str| manifest.renditions.iter().any(|rendition| rendition.id == id);
        let mut rows: Vec<_> = manifest.renditions.iter().map(complete).collect();
        for rung in row.rungs.iter().filter(|rung| !made(rung)) {
            let key = JobKey::Rendition { capture, rung: rung.clone() };
            let Some(job) = self.jobs.get(&key)? else { continue };
            let now = self.live.of(&key.text());
            rows.push(RenditionRow {
                name: format!("{}p", rung.trim_start_matches('v')),
                detail: job.reason.or(now.as_ref().map(|now| now.doing.clone())).unwrap_or_default(),
                progress: now.map(|now| now.fraction),
                state: StateView::of(job.state.name()),
            });
        }
        Ok(rows)
    }

    fn holders(&self, row: &VideoRow, manifest: Option<&Manifest>) -> Result<Vec<HolderRow>, ApiError> {
        let holds = match (manifest, &row.capture) {
            (Some(manifest), _) => format!("original, {}", count(manifest.renditions.len(), "rendition")),
            (None, Some(capture)) if !self.jobs.growing(capture)?.is_empty() => {
                "what is made so far".to_owned()
            }
            (None, _) => return Ok(Vec::new()),
        };
        Ok(vec![HolderRow { node: self.name.clone(), holds, here: true }])
    }

    fn facts(&self, row: &VideoRow, manifest: &Manifest) -> Vec<Fact> {
        let fact =
            |label: &str, value: String| Fact { label: label.to_owned(), value, href: None, mono: false };
        let mut facts = vec![Fact { href: Some(row.url.clone()), ..fact("Origin", row.id.to_string()) }];
        facts.push(fact("Captured", format!("{} by {}", date(manifest.fetched_at.0), self.name)));
        for file in &manifest.original {
            let name = file.chunks.first().map(|chunk| chunk.cid.to_string()).unwrap_or_default();
            let href = file.chunks.first().map(|chunk| format!("/blobs/{}", chunk.cid));
            let value = format!("{}, {} in {}", name, size(file.bytes), count(file.chunks.len(), "piece"));
            facts.push(Fact { mono: true, href, ..fact("Original", value) });
        }
        let made: Vec<_> = manifest.tools.iter().map(|(tool, version)| format!("{tool} {version}")).collect();
        facts.push(fact("Made with", made.join(", ")));
        if let Some(cid) = row.manifest {
            let href = Some(format!("/blobs/{cid}"));
            facts.push(Fact { mono: true, href, ..fact("Manifest", cid.to_string()) });
        }
        facts
    }
}

/// Subtitles that browsers read.
fn tracks(base_path: &str, manifest: &Manifest) -> Vec<Track> {
    let numbered = manifest.subtitles.iter().enumerate().filter(|(_, track)| track.format == "vtt");
    let track = |(number, track): (usize, &horahora_protocol::manifest::TextTrack)| Track {
        src: format!("{base_path}/subtitles/{number}"),
        lang: track.lang.clone(),
        label: language(&track.lang),
    };
    numbered.map(track).collect()
}

fn language(tag: &str) -> String {
    match tag {
        "ja" => "日本語",
        "en" => "English",
        "zh" | "zh-Hans" | "zh-CN" => "中文(简体)",
        "zh-Hant" | "zh-TW" => "中文(繁體)",
        "ko" => "한국어",
        other => other,
    }
    .to_owned()
}

fn complete(rendition: &Rendition) -> RenditionRow {
    let copied = rendition.recipe.args.windows(2).any(|pair| pair == ["-c", "copy"]);
    let origin = if copied { "copied from the original" } else { "made here" };
    let name = match rendition.kind {
        MediaKind::Video => format!("{}p, {origin}", rendition.width.min(rendition.height)),
        MediaKind::Audio => format!("Sound, {origin}"),
    };
    let rate =
        rendition.bytes as f64 * 8.0 * f64::from(rendition.timescale) / rendition.ticks().max(1) as f64;
    let rate =
        if rate < 1e6 { format!("{:.0} kbit/s", rate / 1e3) } else { format!("{:.1} Mbit/s", rate / 1e6) };
    let codec = match rendition.codecs.split('.').next().unwrap_or_default() {
        "avc1" => "H.264",
        "vp09" => "VP9",
        "av01" => "AV1",
        "mp4a" => "AAC",
        "opus" => "Opus",
        other => other,
    };
    let detail = format!("{codec}, {rate}, {}", size(rendition.bytes));
    RenditionRow { name, detail, progress: None, state: StateView::of("done") }
}

fn downloads(row: &VideoRow, manifest: &Manifest) -> Vec<Download> {
    let Some(cid) = row.manifest else { return Vec::new() };
    let mut all: Vec<_> = manifest
        .original
        .iter()
        .enumerate()
        .map(|(number, file)| Download {
            label: if manifest.original.len() == 1 {
                "Original".to_owned()
            } else {
                format!("Original, file {}", number + 1)
            },
            href: format!("/media/{cid}/original/{number}"),
            detail: format!("{}, {}", file.media_type, size(file.bytes)),
        })
        .collect();
    for (number, track) in manifest.danmaku.iter().enumerate() {
        all.push(Download {
            label: format!("Danmaku ({})", track.format),
            href: format!("/media/{cid}/danmaku/{number}"),
            detail: size(track.file.bytes),
        });
    }
    if let Some(info) = &manifest.info {
        let href = format!("/media/{cid}/info.json");
        all.push(Download { label: "Metadata".to_owned(), href, detail: size(info.bytes) });
    }
    all
}

/// "4.1 MB".
fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes < 1_000 => format!("{bytes} B"),
        bytes if bytes < 1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        bytes if bytes < 1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        bytes => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}
