//! The watch page: one video, its player, and how safe it is.

use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_protocol::{
    NodeId,
    manifest::{self, Manifest, MediaKind, Rendition, Storyboard},
};
use horahora_web::{
    Board, Chapter, Download, Fact, Player, RenditionRow, StateView, Talk, Track, WatchPage, tr,
};

use super::{
    Rooms, Shared,
    error::ApiError,
    jobs::rung_words,
    languages::{doing, reason},
    media::is_playable,
    pages::{View, card, count, creator_path, date, message_page, watch_path},
    reports::kind_words,
    viewer::Viewer,
};
use crate::{
    growing::Elsewhere,
    moderation::KINDS,
    search::Found,
    store::rows::{CaptureRow, JobKey, JobRow, State as Stand, VideoRow},
};

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
            let (title, message) =
                (tr("message-no-video").to_string(), tr("message-no-video-do").to_string());
            return Ok(message_page(&rooms, &headers, StatusCode::NOT_FOUND, &title, &message, "gone"));
        }
        Err(error) => return Err(error),
    };
    let mut page = rooms.watch_page(&row, &headers).await?;
    page.playing = rooms.playing(&row, view.list.as_deref(), &headers, rooms.viewer(&headers))?;
    page.reported = view.reported.is_some();
    if view.replies.is_some() {
        let (_, manifest) = rooms.capture(&row).await?;
        let manifest = manifest.as_ref().map(|(_, manifest)| manifest);
        page.talk.origin = rooms.origin(&row, manifest, true).await?;
    }
    let html =
        if view.fragment.is_some() { horahora_web::watch_live(&page) } else { horahora_web::watch(&page) };
    Ok(Html(html).into_response())
}

/// `POST /watch/{id}/keep`
pub(super) async fn keep(State(rooms): Shared, Path(id): Path<String>) -> Result<Response, ApiError> {
    let row = rooms.video_row(&id)?;
    rooms.jobs.keep(&row).await?;
    Ok(Redirect::to(&watch_path(&row)).into_response())
}

/// `POST /watch/{id}/let-go`
pub(super) async fn let_go(State(rooms): Shared, Path(id): Path<String>) -> Result<Response, ApiError> {
    let row = rooms.video_row(&id)?;
    rooms.jobs.let_go(&row).await?;
    Ok(Redirect::to(&watch_path(&row)).into_response())
}

/// `POST /watch/{id}/look`
pub(super) async fn look(State(rooms): Shared, Path(id): Path<String>) -> Result<Response, ApiError> {
    let row = rooms.video_row(&id)?;
    rooms.jobs.look_again(&row)?;
    Ok(Redirect::to(&watch_path(&row)).into_response())
}

/// Tracks of danmaku that are offered, the latest first; the API tells of all.
const DANMAKU_SHOWN: usize = 3;

impl Rooms {
    pub(super) async fn watch_page(
        &self,
        row: &VideoRow,
        headers: &HeaderMap,
    ) -> Result<WatchPage, ApiError> {
        let (capture, manifest) = self.capture(row).await?;
        let shown = manifest.as_ref().map(|(cid, _)| *cid).or(row.manifest);
        let row = &VideoRow { manifest: shown, ..row.clone() };
        let manifest = manifest.as_ref().map(|(_, manifest)| manifest);
        let elsewhere = row.capture.and_then(|capture| self.growing.elsewhere(&capture));
        let elsewhere = elsewhere.filter(|_| row.manifest.is_none());
        let job: Option<JobRow> = self.jobs.get(&JobKey::Capture { video: row.id.clone() })?;
        let now = job.and_then(|job| self.live.of(&job.key.text()));
        let renditions = match (&capture, manifest) {
            (Some((cid, capture)), Some(manifest)) => self.rendition_rows(*cid, capture, manifest).await?,
            _ => Vec::new(),
        };
        let maker = capture.as_ref().and_then(|(_, capture)| capture.by).unwrap_or(self.key.node_id());
        let (reason, doing, progress) = match &elsewhere {
            Some(made) => {
                let doing = tr("watch-makes")
                    .with("name", self.name_of(&made.node))
                    .with("percent", format!("{:.0}", made.progress * 100.0))
                    .into();
                (None, doing, Some(made.progress))
            }
            None if row.manifest.is_some() && manifest.is_none() => {
                let who = self.name_of(&maker);
                (Some(tr("watch-no-holder").with("who", who).into()), String::new(), None)
            }
            None => {
                let progress = (!row.state.ended()).then(|| self.requests.video_progress(row)).transpose()?;
                (
                    reason(row.code, row.reason.as_ref()),
                    now.map(|now| doing(&now.doing)).unwrap_or_default(),
                    progress,
                )
            }
        };
        let words_only = manifest.is_some_and(|manifest| manifest.renditions.is_empty());
        let reason = if words_only { Some(tr("watch-words-only").into()) } else { reason };
        let related = self.related(row, self.viewer(headers)).await?;
        let creator = manifest.and_then(|manifest| manifest.meta.creator.as_ref());
        Ok(WatchPage {
            frame: self.frame(headers),
            id: row.id.to_string(),
            href: watch_path(row),
            title: row.title.clone(),
            state: StateView::of(row.state.name()),
            reason,
            progress,
            doing,
            words_only,
            player: self
                .player(row, manifest, elsewhere)
                .await?
                .map(|player| self.with_said(player, row, headers)),
            creator: row.creator.clone(),
            missing: manifest.and_then(|m| m.renditions.iter().find_map(missing)),
            gone: row.gone.filter(|_| row.manifest.is_some()).map(|at| date(at.0)),
            creator_href: creator_path(row),
            creator_url: creator.and_then(|creator| creator.url.clone()),
            published: row.published_at.map(|at| date(at.0)),
            site: row.id.site().to_owned(),
            origin_url: Some(row.url.clone()),
            description: manifest.map(|manifest| manifest.meta.description.clone()).unwrap_or_default(),
            tags: manifest.map(|manifest| manifest.meta.tags.clone()).unwrap_or_default(),
            renditions,
            holders: self.holder_rows(row, manifest).await?,
            keep: self.keep(row, manifest)?,
            facts: match manifest {
                Some(manifest) => self.facts(row, manifest, &maker, self.viewer(headers))?,
                None => Vec::new(),
            },
            look: !self.catalogue.own_captures(row)?.is_empty() && row.url.starts_with("http"),
            downloads: manifest.map(|manifest| downloads(row, manifest)).unwrap_or_default(),
            groups: self
                .groups_of(row)?
                .iter()
                .filter(|group| self.shows_group(self.viewer(headers), group))
                .filter_map(|group| self.group_mark(group))
                .collect(),
            share: Self::share(row, headers),
            talk: Talk { origin: self.origin(row, manifest, false).await?, ..self.talk(row, headers)? },
            hidden: self.catalogue.standings().of_video(row)?.map(|standing| self.hidden(&standing)),
            favourite: self.is_favourite(row, headers)?,
            lists: self.list_choices(row, headers)?,
            playing: None,
            wrongs: KINDS.iter().map(|(kind, _)| ((*kind).to_owned(), kind_words(kind))).collect(),
            reported: false,
            related: related.iter().take(RELATED).map(card).collect(),
        })
    }

    /// What is like it; where that is little, what came last.
    async fn related(&self, row: &VideoRow, viewer: Viewer) -> Result<Vec<VideoRow>, ApiError> {
        let ids = self.search.related(row, viewer.is_insider(), RELATED).await?;
        let mut related = self.found_rows(viewer, &Found { ids, ..Found::default() })?;
        if related.len() < RELATED {
            let (last, _) = self.videos_page(viewer, None, RELATED + 1)?;
            let known: Vec<_> = related.iter().map(|video| video.id.clone()).collect();
            related.extend(last.into_iter().filter(|video| video.id != row.id && !known.contains(&video.id)));
        }
        Ok(related)
    }

    /// With the words of people over the picture, where there are some or who looks can say some.
    fn with_said(&self, player: Player, row: &VideoRow, headers: &HeaderMap) -> Player {
        let some = self.community.tally(&row.id).is_ok_and(|tally| tally.danmaku > 0);
        let said = some || self.auth.who(headers).person.is_some();
        Player { said: said.then(|| format!("/api/v1/videos/{}/danmaku", row.id.in_path())), ..player }
    }

    async fn player(
        &self,
        row: &VideoRow,
        manifest: Option<&Manifest>,
        elsewhere: Option<Elsewhere>,
    ) -> Result<Option<Player>, ApiError> {
        let base = Player {
            mpd: String::new(),
            live: false,
            audio_only: row.audio_only,
            duration_s: row.duration_ms as f64 / 1000.0,
            ..Player::default()
        };
        if manifest.is_some_and(|manifest| manifest.renditions.is_empty()) {
            return Ok(None);
        }
        if let (Some(cid), Some(manifest)) = (row.manifest, manifest) {
            return Ok(Some(Player {
                mpd: format!("/media/{cid}/manifest.mpd"),
                poster: row.poster.then(|| format!("/media/{cid}/poster.jpg")),
                tracks: tracks(&format!("/media/{cid}"), manifest),
                chapters: chapters(manifest),
                danmaku: manifest.all_danmaku().next().map(|_| format!("/media/{cid}/danmaku.json")),
                board: manifest.storyboard.as_ref().map(|board| board_of(&format!("/media/{cid}"), board)),
                lufs: manifest
                    .renditions
                    .iter()
                    .find_map(|r| r.loudness)
                    .map(|l| f64::from(l.integrated) / 100.0),
                ..base
            }));
        }
        let Some(capture) = row.capture.filter(|_| row.manifest.is_none()) else { return Ok(None) };
        let base_path = format!("/media/live/{capture}");
        if let Some(made) = elsewhere {
            return Ok(is_playable(&made.renditions).then(|| Player {
                mpd: format!("{base_path}/manifest.mpd"),
                live: true,
                poster: made.summary.poster.map(|_| format!("{base_path}/poster.jpg")),
                ..base
            }));
        }
        if !is_playable(&self.jobs.growing(&capture)?) {
            return Ok(None);
        }
        let draft = self.draft(&capture.to_string()).await?;
        Ok(Some(Player {
            mpd: format!("{base_path}/manifest.mpd"),
            live: true,
            poster: draft.poster.is_some().then(|| format!("{base_path}/poster.jpg")),
            tracks: tracks(&base_path, &draft),
            chapters: chapters(&draft),
            ..base
        }))
    }

    async fn rendition_rows(
        &self,
        capture: horahora_protocol::Cid,
        row: &CaptureRow,
        manifest: &Manifest,
    ) -> Result<Vec<RenditionRow>, ApiError> {
        let made = |id: &str| manifest.renditions.iter().any(|rendition| rendition.id == id);
        let mut rows: Vec<_> = manifest.renditions.iter().map(complete).collect();
        let key = |rung: &String| JobKey::Rendition { capture, rung: rung.clone() };
        let missing: Vec<_> = row.rungs.iter().filter(|rung| !made(rung)).collect();
        let claims = self.claims.views(missing.iter().map(|rung| key(rung).text()).collect()).await;
        for rung in missing {
            let Some(job) = self.jobs.get(&key(rung))?.filter(|job| job.state != Stand::Done) else {
                continue;
            };
            let view = self.job_view(&job, claims.get(&job.key.text()));
            rows.push(RenditionRow {
                name: rung_words(rung),
                detail: if job.state.ended() {
                    reason(job.code, job.reason.as_ref()).unwrap_or_default()
                } else {
                    view.doing
                },
                progress: view.progress,
                state: view.state,
            });
        }
        Ok(rows)
    }

    fn facts(
        &self,
        row: &VideoRow,
        manifest: &Manifest,
        maker: &NodeId,
        viewer: Viewer,
    ) -> Result<Vec<Fact>, ApiError> {
        let fact = |label: String, value: String| Fact { label, value, href: None, mono: false };
        let mut facts =
            vec![Fact { href: Some(row.url.clone()), ..fact(tr("fact-origin").into(), row.id.to_string()) }];
        let day = date(manifest.fetched_at.0);
        let mut captured = tr("fact-captured-by").with("date", &day).with("name", self.name_of(maker));
        if let Some(first) = manifest.adopted {
            let from = self.catalogue.manifest(&first)?.map(|made| self.name_of(&made.by));
            let from = from.unwrap_or_else(|| tr("fact-another-node").into());
            captured =
                tr("fact-mirrored").with("date", &day).with("from", from).with("name", self.name_of(maker));
        }
        facts.push(fact(tr("fact-captured").into(), captured.into()));
        for (_, other) in self.further_captures(viewer, row)? {
            let by = self.name_of(&other.by.unwrap_or(self.key.node_id()));
            let value = tr("fact-also-by").with("date", date(other.started.0)).with("name", by);
            facts.push(fact(tr("fact-also").into(), value.into()));
        }
        if let Some(last) = manifest.looks.last() {
            let times = count(manifest.looks.len(), "count-times");
            let value = tr("fact-changed-last").with("times", times).with("date", date(last.at.0));
            facts.push(fact(tr("fact-changed").into(), value.into()));
        }
        for (number, file) in manifest.original.iter().enumerate() {
            let name = file.chunks.first().map(|chunk| chunk.cid.to_string()).unwrap_or_default();
            let here = file.chunks.first().filter(|chunk| self.blobs.has(&chunk.cid));
            let href = here.map(|chunk| format!("/blobs/{}", chunk.cid));
            let pieces = count(file.chunks.len(), "count-pieces");
            let value =
                tr("fact-file").with("name", name).with("size", size(file.bytes)).with("pieces", pieces);
            facts.push(Fact { mono: true, href, ..fact(original(manifest, number), value.into()) });
        }
        let made: Vec<_> = manifest.tools.iter().map(|(tool, version)| format!("{tool} {version}")).collect();
        facts.push(fact(tr("fact-made-with").into(), made.join(", ")));
        if let Some(cid) = row.manifest {
            let href = Some(format!("/blobs/{cid}"));
            facts.push(Fact { mono: true, href, ..fact(tr("fact-manifest").into(), cid.to_string()) });
        }
        Ok(facts)
    }
}

fn chapters(manifest: &Manifest) -> Vec<Chapter> {
    let chapter =
        |part: &manifest::Chapter| Chapter { at_s: part.at_ms as f64 / 1000.0, title: part.title.clone() };
    manifest.chapters.iter().map(chapter).collect()
}

fn board_of(base_path: &str, board: &Storyboard) -> Board {
    Board {
        src: format!("{base_path}/storyboard/"),
        width: board.width,
        height: board.height,
        columns: board.columns,
        rows: board.rows,
        every_ms: board.every_ms,
        pictures: board.pictures,
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
        "ja" | "jpn" => "日本語",
        "en" | "eng" => "English",
        "zh" | "zh-Hans" | "zh-CN" => "中文(简体)",
        "zh-Hant" | "zh-TW" => "中文(繁體)",
        "zho" | "chi" => "中文",
        "ko" | "kor" => "한국어",
        other => other,
    }
    .to_owned()
}

fn complete(rendition: &Rendition) -> RenditionRow {
    let copied = rendition.recipe.args.windows(2).any(|pair| pair == ["-c", "copy"]);
    let origin = tr(if copied { "rendition-copied" } else { "rendition-transcoded" });
    let name = match rendition.kind {
        MediaKind::Video => format!("{}p, {origin}", rendition.width.min(rendition.height)),
        MediaKind::Audio => {
            let name =
                rendition.name.as_ref().map_or_else(String::new, |name| format!(" \u{201c}{name}\u{201d}"));
            let lang = rendition.lang.as_ref().map_or_else(String::new, |lang| {
                format!(" {}", tr("rendition-in").with("language", language(lang)))
            });
            let all = if rendition.channels > 2 {
                tr("rendition-channels").with("n", rendition.channels).into()
            } else {
                String::new()
            };
            format!("{}{name}{lang}{all}, {origin}", tr("rendition-sound"))
        }
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
    let lost =
        missing(rendition).map_or_else(String::new, |lost| tr("rendition-lost").with("lost", lost).into());
    let detail = format!("{codec}, {rate}, {}{lost}", size(rendition.bytes));
    RenditionRow { name, detail, progress: None, state: StateView::of("done") }
}

/// How much of its end a rendition of a damaged source lacks.
fn missing(rendition: &Rendition) -> Option<String> {
    let seconds = rendition.missing_ms as f64 / 1e3;
    (rendition.missing_ms > 0).then(|| {
        if seconds < 120.0 { format!("{seconds:.1} s") } else { format!("{:.0} min", seconds / 60.0) }
    })
}

fn original(manifest: &Manifest, number: usize) -> String {
    match manifest.original.len() {
        1 => tr("original").into(),
        _ => tr("original-file").with("number", number + 1).into(),
    }
}

fn downloads(row: &VideoRow, manifest: &Manifest) -> Vec<Download> {
    let Some(cid) = row.manifest else { return Vec::new() };
    let originals = manifest.original.iter().enumerate().map(|(number, file)| Download {
        label: original(manifest, number),
        href: format!("/media/{cid}/original/{number}"),
        detail: format!("{}, {}", file.media_type, size(file.bytes)),
    });
    let mut all: Vec<_> = originals.collect();
    if !manifest.renditions.is_empty() {
        let detail = tr("download-list-why").into();
        all.push(Download {
            label: tr("download-list").into(),
            href: format!("/media/{cid}/open.m3u"),
            detail,
        });
    }
    let danmaku: Vec<_> = manifest.all_danmaku().enumerate().collect();
    for (number, (at, track)) in danmaku.into_iter().rev().take(DANMAKU_SHOWN) {
        all.push(Download {
            label: tr("download-danmaku").with("date", date(at.0)).with("format", &track.format).into(),
            href: format!("/media/{cid}/danmaku/{number}"),
            detail: size(track.file.bytes),
        });
    }
    if let Some(info) = manifest.last_info() {
        let href = format!("/media/{cid}/info.json");
        all.push(Download { label: tr("download-info").into(), href, detail: size(info.bytes) });
    }
    all
}

/// "4.1 MB".
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes < 1_000 => format!("{bytes} B"),
        bytes if bytes < 1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        bytes if bytes < 1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        bytes if bytes < 1_000_000_000_000 => format!("{:.2} GB", bytes as f64 / 1e9),
        bytes => format!("{:.2} TB", bytes as f64 / 1e12),
    }
}
