//! The pages: what is stored, in the words of the web crate's view structs.

use axum::{
    Form,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_protocol::{Cid, group::GroupId, request::Stand as Goes};
use horahora_web::{
    ArchivePage, Card, Frame, GroupChoice, GroupMark, HomePage, Lede, Me, MessagePage,
    RequestRow as RequestView, StateView, ToolRow, tr,
};
use serde::Deserialize;
use serde_json::json;

use std::str::FromStr;

use super::{
    Rooms, Shared, api,
    audit::BeginsAgain,
    auth, creators,
    error::ApiError,
    languages::reason,
    viewer::Viewer,
    wishes::{self, WishForm},
};
use crate::{
    clock,
    groups::View as Group,
    people::Rank,
    requests,
    store::rows::{Code, GROUPS, GroupRow, JobKey, State as Stand, VideoRow},
};

pub(super) use super::languages::count;

type Page = Result<Response, ApiError>;

const CARDS: usize = 48;
/// Open captures that are counted on the home page.
const MOVING: usize = 200;
pub(super) const ROWS: usize = 100;

#[derive(Debug, Deserialize)]
pub(super) struct View {
    pub(super) fragment: Option<String>,
    /// The group that a form begins with.
    pub(super) group: Option<String>,
    pub(super) after: Option<String>,
    /// The link that the archive page begins with.
    pub(super) url: Option<String>,
    /// The list that is played.
    pub(super) list: Option<String>,
    /// Whether a report was just taken.
    pub(super) reported: Option<String>,
    /// `all` for all comments of the origin.
    pub(super) replies: Option<String>,
}

/// `GET /`
pub(super) async fn home(State(rooms): Shared, Query(view): Query<View>, headers: HeaderMap) -> Page {
    let after = view.after.as_deref().map(api::cursor).transpose()?;
    let (videos, next) = rooms.videos_page(rooms.viewer(&headers), after.as_deref(), CARDS)?;
    let frame = rooms.frame(&headers);
    let page = HomePage {
        new: frame.logged_in && rooms.is_new()?,
        frame,
        lede: rooms.home_lede(rooms.viewer(&headers))?,
        jobs: rooms.job_views(rooms.viewer(&headers), true).await?,
        videos: videos.iter().map(card).collect(),
        popular: if after.is_some() { Vec::new() } else { rooms.popular(rooms.viewer(&headers)).await? },
        older: next.map(|key| format!("/?after={}", api::cursor_text(&key))),
    };
    let html =
        if view.fragment.is_some() { horahora_web::home_live(&page) } else { horahora_web::home(&page) };
    Ok(Html(html).into_response())
}

/// `GET /archive`
pub(super) async fn archive(State(rooms): Shared, Query(view): Query<View>, headers: HeaderMap) -> Page {
    let ask = Ask { url: view.url.unwrap_or_default(), ..Ask::default() };
    let page = rooms.archive_page(&headers, ask, None).await?;
    let html = if view.fragment.is_some() {
        horahora_web::archive_live(&page)
    } else {
        horahora_web::archive(&page)
    };
    Ok(Html(html).into_response())
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Ask {
    #[serde(default)]
    url: String,
    /// The group's id; the node's own first one when it is left out.
    #[serde(default)]
    group: String,
    #[serde(flatten)]
    wish: WishForm,
}

/// `POST /archive`: the form, for browsers without script.
pub(super) async fn request(State(rooms): Shared, headers: HeaderMap, Form(ask): Form<Ask>) -> Page {
    match rooms.take(&ask).await {
        Ok(()) => Ok(Redirect::to("/archive").into_response()),
        Err(error) => {
            let page = rooms.archive_page(&headers, ask, Some(error.said())).await?;
            Ok((error.status, Html(horahora_web::archive(&page))).into_response())
        }
    }
}

/// `GET /assets/{name}`: named with its hash, so it never changes.
pub(super) async fn asset(Path(name): Path<String>, asked: HeaderMap) -> Page {
    let found =
        horahora_web::asset(&name).ok_or_else(|| ApiError::not_found("unknown-asset", "No such file."))?;
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    let tag = format!("\"{}\"", found.hash);
    let headers = [(header::CONTENT_TYPE, found.content_type.to_owned()), (header::ETAG, tag)];
    let takes = asked.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kept =
        [(header::CACHE_CONTROL, forever), (header::VARY, HeaderValue::from_static("accept-encoding"))];
    if takes.split(',').any(|way| way.split(';').next().unwrap_or_default().trim() == "gzip") {
        let packed = [(header::CONTENT_ENCODING, "gzip")];
        return Ok((headers, kept, packed, found.gzip).into_response());
    }
    Ok((headers, kept, found.bytes).into_response())
}

/// `GET /app.webmanifest`: the page as an app of its own (W3C Web Application Manifest).
pub(super) async fn app(State(rooms): Shared) -> Response {
    let app = json!({
        "id": "/",
        "name": format!("{} · Horahora", rooms.name),
        "short_name": "Horahora",
        "start_url": "/",
        "display": "standalone",
        "background_color": "#f3f5f5",
        "theme_color": "#0b8794",
        "icons": [{ "src": horahora_web::asset_url("logo.svg"), "type": "image/svg+xml", "sizes": "any" }],
    });
    ([(header::CONTENT_TYPE, "application/manifest+json")], app.to_string()).into_response()
}

/// What someone sees whose login link was used before.
pub(super) fn used_link(rooms: &Rooms, headers: &HeaderMap) -> Response {
    let (title, message) = (tr("message-used-link").to_string(), tr("message-used-link-do").to_string());
    message_page(rooms, headers, StatusCode::FORBIDDEN, &title, &message, "needs-operator")
}

/// A page that says one thing.
pub(super) fn message_page(
    rooms: &Rooms,
    headers: &HeaderMap,
    status: StatusCode,
    title: &str,
    message: &str,
    state: &str,
) -> Response {
    let page = MessagePage {
        frame: rooms.frame(headers),
        title: title.to_owned(),
        message: message.to_owned(),
        action: Some((tr("message-all").into(), "/".to_owned())),
        state: StateView::of(state),
        again: None,
    };
    (status, Html(horahora_web::message(&page))).into_response()
}

/// Lets the node begin again, with a page that waits until it answers.
pub(super) fn begins_again(rooms: &Rooms, headers: &HeaderMap, then: &str) -> Response {
    let page = MessagePage {
        frame: rooms.frame(headers),
        title: tr("message-restart").into(),
        message: tr("message-restart-why").into(),
        action: None,
        state: StateView::of("running"),
        again: Some(then.to_owned()),
    };
    (axum::Extension(BeginsAgain), Html(horahora_web::message(&page))).into_response()
}

/// A video on a grid.
pub(super) fn card(video: &VideoRow) -> Card {
    let title = if video.title.is_empty() { video.id.to_string() } else { video.title.clone() };
    Card {
        href: watch_path(video),
        title,
        creator: video.creator.clone(),
        creator_href: creator_path(video),
        duration: (video.duration_ms > 0).then(|| duration(video.duration_ms)),
        poster: video.manifest.filter(|_| video.poster).map(|cid| format!("/media/{cid}/poster.jpg")),
        site: video.id.site().to_owned(),
        year: video.published_at.map(|at| date(at.0)[..4].to_owned()),
        audio_only: video.audio_only,
        state: (video.state != Stand::Done).then(|| StateView::of(video.state.name())),
        why: reason(video.code, video.reason.as_ref())
            .filter(|_| video.state.ended() && video.state != Stand::Done),
        tags: Vec::new(),
        views: None,
    }
}

/// The page of who made a video, where the origin told their id.
pub(super) fn creator_path(video: &VideoRow) -> Option<String> {
    video.creator_id.as_ref().map(|id| creators::path(video.id.site(), id))
}

pub(super) fn watch_path(video: &VideoRow) -> String {
    format!("/watch/{}", video.id.in_path())
}

impl Rooms {
    pub(super) fn frame(&self, headers: &HeaderMap) -> Frame {
        let who = self.auth.who(headers);
        let theme = auth::cookie(headers, "theme").filter(|theme| matches!(*theme, "light" | "dark"));
        let status = self.tools.status().borrow().clone();
        let tools = status.iter().map(|tool| ToolRow {
            name: tool.name.to_owned(),
            state: tool.state.to_owned(),
            progress: tool.progress,
            message: tool.message.clone(),
        });
        Frame {
            node_name: self.name.clone(),
            group_name: self.group_name(self.viewer(headers)),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            theme: theme.unwrap_or("auto").to_owned(),
            me: who
                .person
                .as_ref()
                .map(|person| Me { name: person.name.clone(), rank: person.rank.name().to_owned() }),
            logged_in: who.rank >= Some(Rank::Admin),
            asks: who.rank >= Some(Rank::Trusted),
            decides: who.rank >= Some(Rank::Moderator),
            known: who.rank.is_some(),
            query: String::new(),
            tools: if self.tools.now().is_some() { vec![] } else { tools.collect() },
        }
    }

    fn home_lede(&self, viewer: Viewer) -> Result<Lede, ApiError> {
        let kept = usize::try_from(self.search.total(viewer.is_insider())?).unwrap_or(usize::MAX);
        let open = self.open_jobs(viewer, MOVING)?;
        let moving = open.iter().filter(|job| matches!(job.key, JobKey::Capture { .. })).count();
        let state = match (moving, kept) {
            (0, 0) => "empty",
            (0, _) => "done",
            _ => "running",
        };
        let here = usize::try_from(self.catalogue.totals().whole).unwrap_or(usize::MAX);
        let rest = match (kept, moving) {
            (_, 0) if here < kept => tr("home-watch").with("here", here),
            _ if here < kept => tr("home-watch-moving").with("here", here).with("moving", moving),
            (0, 0) => tr("home-none"),
            (_, 0) => tr("home-kept"),
            (_, MOVING..) => tr("home-moving-many").with("n", MOVING),
            (_, moving) => tr("home-moving").with("n", moving),
        };
        let word = match moving {
            0 if here < kept => "lede-shared",
            0 if kept == 0 => "lede-empty",
            0 => "lede-kept",
            _ => "lede-working",
        };
        let state = StateView { word: tr(word).into(), ..StateView::of(state) };
        Ok(Lede { state, lead: count(kept, "videos"), rest: rest.into() })
    }

    async fn take(&self, ask: &Ask) -> Result<(), ApiError> {
        let group = if ask.group.is_empty() { None } else { Some(self.group(&ask.group)?.id) };
        self.requests.submit(&ask.url, group, Some(ask.wish.options()?)).await?;
        Ok(())
    }

    async fn archive_page(
        &self,
        headers: &HeaderMap,
        ask: Ask,
        error: Option<String>,
    ) -> Result<ArchivePage, ApiError> {
        let groups = self.feeds.writable().await.into_iter().filter_map(|id| self.groups.get(&id));
        let (requests, _) = self.requests_page(self.viewer(headers), None, ROWS)?;
        let jobs = self.job_views(self.viewer(headers), false).await?;
        let running = jobs.iter().filter(|job| job.state.class == "busy").count();
        let waiting = jobs.len() - running;
        let needs: u64 =
            requests.iter().map(|request| u64::from(request.state == Stand::NeedsOperator)).sum();
        let failed: u64 = requests.iter().map(|request| request.counts.failed).sum();
        let (state, word, lead) = match (running, needs) {
            (0, 0) => ("done", "lede-idle", tr("archive-nothing-runs").to_string()),
            (0, needs) => (
                "needs-operator",
                "state-needs-operator",
                count(usize::try_from(needs).unwrap_or(0), "count-requests"),
            ),
            (running, _) => {
                let jobs = count(running, "count-jobs");
                ("running", "lede-working", tr("archive-running").with("jobs", jobs).into())
            }
        };
        let rest = [
            (running == 0 && needs > 0).then(|| tr("archive-needs")),
            (waiting > 0).then(|| tr("archive-waiting").with("n", waiting)),
            (failed > 0).then(|| tr("archive-failed").with("n", failed)),
        ];
        let rest = rest.into_iter().flatten().map(String::from).collect::<Vec<_>>().join(" ");
        let lead = if rest.is_empty() {
            tr("archive-lead-end").with("lead", lead).into()
        } else if needs > 0 && running == 0 {
            lead
        } else {
            tr("archive-lead-more").with("lead", lead).into()
        };
        Ok(ArchivePage {
            frame: self.frame(headers),
            lede: Lede { state: StateView { word: tr(word).into(), ..StateView::of(state) }, lead, rest },
            groups: groups
                .map(|view| GroupChoice {
                    id: view.id.to_string(),
                    name: view.name.clone(),
                    private: !view.group.public,
                    chosen: view.id.to_string() == ask.group,
                })
                .collect(),
            wish: if error.is_some() {
                ask.wish.fields("new")
            } else {
                wishes::of("new", &requests::usual())
            },
            url: ask.url,
            error,
            requests: requests.iter().map(|request| self.request_view(request)).collect::<Result<_, _>>()?,
            jobs,
        })
    }

    /// A group's name where it is not the node's own.
    pub(super) fn group_mark(&self, group: &GroupId) -> Option<GroupMark> {
        let view = self.groups.get(group).filter(|view| view.id != self.feeds.home())?;
        Some(GroupMark { id: view.id.to_string(), name: view.name.clone(), private: !view.group.public })
    }

    /// What the footer calls the group: the one joined first, else the node's own.
    fn group_name(&self, viewer: Viewer) -> String {
        let home = self.feeds.home();
        let mut joined = self.groups_for(viewer);
        joined.retain(|view| view.id != home && self.groups.role(&view.id).is_some());
        let since = |view: &Group| {
            let row: Option<GroupRow> = self.store.get(&GROUPS, &view.id.to_bytes()).ok().flatten();
            row.map(|row| row.since)
        };
        let first = joined.iter().min_by_key(|view| since(view));
        match (first, joined.len()) {
            (None, _) => self.feeds.home_name().to_owned(),
            (Some(first), 1) => first.name.clone(),
            (Some(first), all) => tr("group-and-more").with("name", &first.name).with("n", all - 1).into(),
        }
    }

    pub(super) fn request_view(&self, request: &requests::RequestView) -> Result<RequestView, ApiError> {
        let video = match request.videos.as_slice() {
            [only] => self.video_row(only).ok(),
            _ => None,
        };
        let site = video.as_ref().map_or_else(
            || host(&request.url),
            |video| tr("request-site-video").with("site", video.id.site()).into(),
        );
        let asked = match request.count {
            0 | 1 => tr("request-asked"),
            many => tr("request-asked-many").with("n", many),
        };
        let asked = asked.with("site", site).with("ago", ago(request.at.0)).to_string();
        let next = request.next_at.map(|at| tr("request-again").with("date", date(at.0)).to_string());
        let wanted =
            (request.subscribers > 1).then(|| tr("request-wanted-by").with("n", request.subscribers));
        let wanted = wanted.map(String::from).unwrap_or_default();
        let paused = request.stand == Goes::Paused;
        Ok(RequestView {
            id: request.id.clone(),
            title: request.title.clone().unwrap_or_else(|| request.url.clone()),
            href: video.as_ref().map(watch_path),
            url: request.url.clone(),
            what: asked + &wanted + &next.unwrap_or_default(),
            subscribe: !request.subscribed,
            group: Cid::from_str(&request.group).ok().and_then(|group| self.group_mark(&group)),
            state: StateView::of(if paused { "paused" } else { request.state.name() }),
            paused,
            decide: request.code == Some(Code::Approval) && !paused,
            goes_on: !request.state.ended() || request.next_at.is_some() || request.counts.waiting > 0,
            wish: wishes::of(&request.id, &request.options),
            done: request.counts.done,
            running: request.counts.running,
            failed: request.counts.failed,
            waiting: request.counts.waiting,
            progress: request.progress,
            reason: reason(request.code, request.reason.as_ref()),
            retry: !paused
                && ((request.state.ended() && request.state != Stand::Done)
                    || (request.state == Stand::Waiting && request.code != Some(Code::Approval))
                    || (request.state == Stand::Done && request.counts.failed > 0)),
        })
    }
}

pub(super) fn host(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

/// "4:12", "1:02:03".
pub(super) fn duration(ms: u64) -> String {
    let seconds = ms.div_ceil(1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// "2009-03-14".
pub(super) fn date(ms: u64) -> String {
    let days = i64::try_from(ms / 86_400_000).unwrap_or(0) + 719_468;
    // Years begin in March, so that the leap day is the last of its year.
    let (era, day) = (days / 146_097, days % 146_097);
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let (day, month) =
        (day_of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// "just now", "3 min ago".
pub(super) fn ago(ms: u64) -> String {
    match clock::now().0.saturating_sub(ms) / 60_000 {
        0 => tr("ago-now"),
        minutes if minutes < 120 => tr("ago-minutes").with("n", minutes),
        minutes if minutes < 48 * 60 => tr("ago-hours").with("n", minutes / 60),
        _ => tr("ago-date").with("date", date(ms)),
    }
    .into()
}

/// "now", "in 40 s", "in 3 min".
pub(super) fn until(ms: u64) -> String {
    match ms.saturating_sub(clock::now().0) / 1000 {
        0 => tr("until-now"),
        seconds if seconds < 120 => tr("until-seconds").with("n", seconds),
        seconds if seconds < 7200 => tr("until-minutes").with("n", seconds / 60),
        seconds => tr("until-hours").with("n", seconds / 3600),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_durations_for_people() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(951_782_400_000), "2000-02-29");
        assert_eq!(date(1_258_156_800_000), "2009-11-14");
        assert_eq!(duration(5_280), "0:06");
        assert_eq!(duration(3_723_000), "1:02:03");
    }
}
