//! What people say of a video: below it, over it, and by a vote; and how often it is watched.

use std::{collections::BTreeMap, net::SocketAddr};

use axum::{
    Form, Json,
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_protocol::{
    Cid, NodeId,
    community::{Place, Vote, What},
};
use horahora_web::{Comment, Talk, tr};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Rooms, Shared,
    api::Answer,
    audit::Done,
    auth::client,
    error::ApiError,
    pages::{ago, count, watch_path},
    viewer::Viewer,
};
use crate::{
    community::CommunityError,
    people::{Rank, Shelf},
    store::rows::{Gone, SaidRow, VideoRow},
};

/// Comments that are looked at for a page; of more the oldest are left out.
const SHOWN: usize = 2_000;
/// Comments that are looked at for that.
const LOOKED_AT: usize = 10_000;
/// Danmaku of people that a player gets.
const DRAWN: usize = 20_000;
const WHITE: u32 = 0xff_ffff;

/// `GET /api/v1/videos/{video}/comments`
pub(super) async fn comments(State(rooms): Shared, viewer: Viewer, Path(id): Path<String>) -> Answer {
    let video = rooms.video_row(&id)?;
    let rows = rooms.comments_for(viewer, &video)?;
    let tally = rooms.community.tally(&video.id)?;
    let items: Vec<_> = rows.iter().map(|row| rooms.said_json(row)).collect();
    Ok(Json(json!({
        "items": items,
        "count": rooms.count_for(viewer, &video, tally.comments, &rows)?,
        "votes": { "up": tally.up, "down": tally.down },
        "views": { "here": tally.viewed_on(&rooms.key.node_id()), "everywhere": tally.viewed() },
    })))
}

#[derive(Debug, Deserialize)]
pub(super) struct NewComment {
    #[serde(default)]
    text: String,
    reply_to: Option<String>,
}

/// `POST /api/v1/videos/{video}/comments`
pub(super) async fn comment(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(new): Json<NewComment>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let video = rooms.video_row(&id)?;
    let reply_to = new.reply_to.as_deref().map(act).transpose()?;
    let said = rooms.speak(&headers, &video, What::Comment { text: new.text, reply_to }).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": said.to_string() }))))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Removed {
    reason: String,
}

/// `DELETE /api/v1/comments/{act}`: one's own, or as a moderator anybody's.
pub(super) async fn take_away(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(removed): Json<Removed>,
) -> Result<Response, ApiError> {
    let done = rooms.take_away(&headers, &act(&id)?, &removed.reason).await?;
    Ok((StatusCode::NO_CONTENT, done.map(axum::Extension), ()).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct NewVote {
    vote: Vote,
}

/// `POST /api/v1/videos/{video}/vote`
pub(super) async fn vote(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(new): Json<NewVote>,
) -> Answer {
    let video = rooms.video_row(&id)?;
    rooms.speak(&headers, &video, What::Vote(new.vote)).await?;
    let tally = rooms.community.tally(&video.id)?;
    Ok(Json(json!({ "up": tally.up, "down": tally.down, "vote": new.vote })))
}

/// `GET /api/v1/videos/{video}/danmaku`: what people said over it, as players take it.
pub(super) async fn danmaku(State(rooms): Shared, viewer: Viewer, Path(id): Path<String>) -> Answer {
    let video = rooms.video_row(&id)?;
    let rows = rooms.community.danmaku(&video.id, 2 * DRAWN)?;
    let comments: Vec<_> =
        rows.iter().filter(|row| rooms.shows_said(viewer, row)).filter_map(drawn).take(DRAWN).collect();
    Ok(Json(json!({ "form": "plain", "comments": comments })))
}

#[derive(Debug, Deserialize)]
pub(super) struct NewDanmaku {
    at_ms: u64,
    #[serde(default)]
    text: String,
    colour: Option<u32>,
    place: Option<Place>,
}

/// `POST /api/v1/videos/{video}/danmaku`
pub(super) async fn say_over(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(new): Json<NewDanmaku>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let video = rooms.video_row(&id)?;
    let (colour, place) = (new.colour.unwrap_or(WHITE).min(WHITE), new.place.unwrap_or(Place::Scroll));
    let what = What::Danmaku { at_ms: new.at_ms, text: new.text, colour, place };
    let said = rooms.speak(&headers, &video, what).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": said.to_string() }))))
}

/// `POST /api/v1/videos/{video}/view`: a player says that somebody watched.
pub(super) async fn view(
    State(rooms): Shared,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let video = rooms.video_row(&id)?;
    rooms.community.viewed(&video.id, &client(from.ip(), &headers).to_string())?;
    if let Some(person) = rooms.auth.who(&headers).person {
        rooms.people.put_on(&person.id, Shelf::History, &video.id)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    /// `comment`, `erase`, `remove` or `vote`.
    #[serde(rename = "do")]
    what: String,
    text: String,
    reply_to: String,
    target: String,
    reason: String,
    vote: String,
}

/// `POST /watch/{video}/say`: the forms of the page.
pub(super) async fn form(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Typed>,
) -> Result<Response, ApiError> {
    let video = rooms.video_row(&id)?;
    let mut audited = None;
    let (done, place) = match form.what.as_str() {
        "erase" | "remove" => {
            let done = rooms.take_away(&headers, &act(&form.target)?, &form.reason).await;
            (done.map(|done| audited = done), "#comments".to_owned())
        }
        "vote" => {
            let vote = match form.vote.as_str() {
                "up" => Vote::Up,
                "down" => Vote::Down,
                _ => Vote::None,
            };
            (rooms.speak(&headers, &video, What::Vote(vote)).await.map(|_| ()), String::new())
        }
        "comment" => {
            let reply_to = Some(form.reply_to.as_str()).filter(|to| !to.is_empty()).map(act).transpose()?;
            let text = form.text.replace("\r\n", "\n");
            match rooms.speak(&headers, &video, What::Comment { text, reply_to }).await {
                Ok(said) => (Ok(()), format!("#c-{said}")),
                Err(error) => (Err(error), String::new()),
            }
        }
        _ => return Err(ApiError::bad("bad-change", "`do` is comment, erase, remove or vote.")),
    };
    match done {
        Ok(()) => {
            let to = format!("{}{place}", watch_path(&video));
            Ok((audited.map(axum::Extension), Redirect::to(&to)).into_response())
        }
        Err(error) if error.status.is_client_error() => {
            // What was written is not lost.
            let mut page = rooms.watch_page(&video, &headers).await?;
            (page.talk.text, page.talk.error) = (form.text, Some(error.said()));
            Ok((error.status, Html(horahora_web::watch(&page))).into_response())
        }
        Err(error) => Err(error),
    }
}

fn act(text: &str) -> Result<Cid, ApiError> {
    text.parse().map_err(|_| CommunityError::Unknown.into())
}

fn drawn(row: &SaidRow) -> Option<Value> {
    let What::Danmaku { at_ms, text, colour, place } = &row.what else { return None };
    let colour = format!("#{colour:06x}");
    // Niconico's words for the same, where its renderer draws.
    let command = match place {
        Place::Scroll => "naka",
        Place::Top => "ue",
        Place::Bottom => "shita",
    };
    Some(json!({
        "t_ms": at_ms, "text": text, "colour": colour, "place": place, "size": "medium", "user": row.who.to_string(),
        "sent_at": row.at, "commands": [command, colour], "id": row.id.to_string(), "name": row.name,
    }))
}

impl Rooms {
    async fn speak(&self, headers: &HeaderMap, video: &VideoRow, what: What) -> Result<Cid, ApiError> {
        Ok(self.community.say(&self.me(headers)?, video, what).await?)
    }

    /// Gives what goes into the log of the moderators, if it was one.
    async fn take_away(
        &self,
        headers: &HeaderMap,
        target: &Cid,
        reason: &str,
    ) -> Result<Option<Done>, ApiError> {
        let who = self.auth.who(headers);
        let row = self.community.said(target)?.ok_or(CommunityError::Unknown)?;
        let video = self.video_row(row.video.as_str())?;
        let mine = who.person.as_ref().is_some_and(|person| person.id == row.who);
        if !mine && who.rank >= Some(Rank::Moderator) {
            self.community.remove(target, reason).await?;
            let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            return Ok(Some(Done(format!("hid what {} said of {}{why}", row.name, video.title))));
        }
        self.speak(headers, &video, What::Erase { target: *target }).await?;
        Ok(None)
    }

    fn shows_said(&self, viewer: Viewer, row: &SaidRow) -> bool {
        row.gone.is_none()
            && self.catalogue.standings().of_said(row).is_none()
            && row.groups.iter().any(|group| self.shows_group(viewer, group))
    }

    fn comments_for(&self, viewer: Viewer, video: &VideoRow) -> Result<Vec<SaidRow>, ApiError> {
        // What somebody may not see leaves room for what they may.
        let mut rows = self.community.comments(&video.id, LOOKED_AT)?;
        rows.retain(|row| row.groups.iter().any(|group| self.shows_group(viewer, group)));
        rows.truncate(SHOWN);
        Ok(rows)
    }

    /// How many there are, as far as somebody may know: of a video that private groups have, too, those that they see.
    fn count_for(
        &self,
        viewer: Viewer,
        video: &VideoRow,
        all: u64,
        rows: &[SaidRow],
    ) -> Result<u64, ApiError> {
        let groups = self.catalogue.groups_of_video(video)?;
        if groups.iter().all(|group| self.shows_group(viewer, group)) {
            return Ok(all);
        }
        Ok(rows.iter().filter(|row| row.gone.is_none()).count() as u64)
    }

    fn said_json(&self, row: &SaidRow) -> Value {
        let (text, reply_to) = match &row.what {
            What::Comment { text, reply_to } => (text.as_str(), reply_to.map(|to| to.to_string())),
            What::Danmaku { text, .. } => (text.as_str(), None),
            What::Vote(_) | What::Erase { .. } => ("", None),
        };
        let gone = self.gone(row);
        json!({
            "id": row.id.to_string(),
            "who": row.who.to_string(),
            "name": row.name,
            "node": row.home.to_string(),
            "at": row.at,
            "text": gone.is_none().then_some(text),
            "reply_to": reply_to,
            "gone": gone,
        })
    }

    /// The talk of a page.
    pub(super) fn talk(&self, video: &VideoRow, headers: &HeaderMap) -> Result<Talk, ApiError> {
        let who = self.auth.who(headers);
        let me = who.person.as_ref().map(|person| person.id);
        let (tally, rows) = (self.community.tally(&video.id)?, self.comments_for(Viewer(who.rank), video)?);
        let (here, all) = (tally.viewed_on(&self.key.node_id()), tally.viewed());
        let views = |number: u64| count(usize::try_from(number).unwrap_or(usize::MAX), "count-views");
        let vote = me.map(|me| self.community.vote(&video.id, &me)).transpose()?.unwrap_or(Vote::None);
        Ok(Talk {
            count: self.count_for(Viewer(who.rank), video, tally.comments, &rows)?,
            more: rows.len() >= SHOWN,
            comments: self.threads(&rows, me),
            reach: self.reach(video)?,
            moderates: who.rank >= Some(Rank::Moderator),
            up: tally.up,
            down: tally.down,
            vote: match vote {
                Vote::Up => "up",
                Vote::Down => "down",
                Vote::None => "none",
            }
            .to_owned(),
            views: match (here, all) {
                (_, 0) => None,
                (here, all) if here == all => Some(views(all)),
                (here, all) => {
                    Some(tr("talk-views-here").with("views", views(all)).with("here", here).into())
                }
            },
            ..Talk::default()
        })
    }

    /// How far a comment goes.
    fn reach(&self, video: &VideoRow) -> Result<String, ApiError> {
        let groups = self.catalogue.groups_of_video(video)?;
        let members = groups.iter().map(|group| self.catalogue.members(group)).max().unwrap_or(1);
        Ok(match members {
            0 | 1 => tr("talk-reach-node").into(),
            members => tr("talk-reach-group").with("members", members).into(),
        })
    }

    /// Comments with their answers: of an answer to an answer the first comment counts. The newest thread is first, in a thread
    /// the oldest answer.
    fn threads(&self, rows: &[SaidRow], me: Option<NodeId>) -> Vec<Comment> {
        // The oldest first: what answers something is later, or stands for itself.
        let mut roots: BTreeMap<Cid, Cid> = BTreeMap::new();
        let mut threads: BTreeMap<Cid, Vec<Comment>> = BTreeMap::new();
        for row in rows.iter().rev() {
            let root = parent(row).and_then(|parent| roots.get(&parent).copied()).unwrap_or(row.id);
            roots.insert(row.id, root);
            if root != row.id && self.gone(row).is_none() {
                threads.entry(root).or_default().push(self.comment(row, me));
            }
        }
        let first = rows.iter().filter(|row| roots.get(&row.id) == Some(&row.id));
        let roots = first.map(|row| {
            let replies = threads.remove(&row.id).unwrap_or_default();
            Comment { replies, ..self.comment(row, me) }
        });
        let taken_back = why_gone(&Gone::Erased);
        // What was taken back stands there only for its answers.
        roots.filter(|root| !root.replies.is_empty() || root.gone.as_ref() != Some(&taken_back)).collect()
    }

    /// Why somebody's words are not shown, if they are not.
    fn gone(&self, row: &SaidRow) -> Option<String> {
        let hidden = || self.catalogue.standings().of_said(row);
        row.gone.as_ref().map(why_gone).or_else(|| hidden().map(|standing| self.why_hidden(&standing)))
    }

    fn comment(&self, row: &SaidRow, me: Option<NodeId>) -> Comment {
        let text = match &row.what {
            What::Comment { text, .. } | What::Danmaku { text, .. } => text.clone(),
            What::Vote(_) | What::Erase { .. } => String::new(),
        };
        let (here, gone) = (row.home == self.key.node_id(), self.gone(row));
        Comment {
            id: row.id.to_string(),
            name: row.name.clone(),
            from: if here {
                tr("talk-here").into()
            } else {
                tr("talk-from-node").with("name", self.name_of(&row.home)).into()
            },
            when: ago(row.at.0),
            text: if gone.is_none() { text } else { String::new() },
            gone,
            who: row.who.to_string(),
            mine: me == Some(row.who),
            replies: Vec::new(),
        }
    }
}

fn parent(row: &SaidRow) -> Option<Cid> {
    match &row.what {
        What::Comment { reply_to, .. } => *reply_to,
        What::Danmaku { .. } | What::Vote(_) | What::Erase { .. } => None,
    }
}

fn why_gone(gone: &Gone) -> String {
    match gone {
        Gone::Erased => tr("talk-taken-back").into(),
        Gone::Removed(reason) if reason.is_empty() => tr("talk-removed").into(),
        Gone::Removed(reason) => tr("talk-removed-why").with("reason", reason).into(),
    }
}
