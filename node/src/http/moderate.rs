//! The page on which members decide what is fetched, and its forms.

use std::sync::Arc;

use super::{
    Rooms, Shared,
    approvals::{Asked, CreatorName, SHOWN, STANDING, Said},
    error::ApiError,
    pages::{ago, count, creator_path, duration, watch_path},
    viewer::Viewer,
};
use crate::{
    approval::VerdictRow,
    groups::View,
    people::Rank,
    requests::{self, Filter, Queue},
    store::rows::VideoRow,
};
use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use bytes::Bytes;
use horahora_protocol::{
    approval::{Approve, Category, Rules, Ruling, Subject},
    group::Role,
};
use horahora_web::{Choice, ModeratePage, RulesForm, StandingRow, WaitingRow};

/// `GET /moderate`
pub(super) async fn page(
    State(rooms): Shared,
    viewer: Viewer,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let page = rooms.moderate_page(viewer, &headers, &asked, None)?;
    Ok(Html(horahora_web::moderate(&page)).into_response())
}

/// `POST /moderate`: the forms of the page. A name may be there more than once.
pub(super) async fn change(
    State(rooms): Shared,
    viewer: Viewer,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let first = |name: &str| {
        fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let group = first("group");
    let done = match first("do").as_str() {
        "rules" if !viewer.is(Rank::Admin) => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "rank-needed",
            "A group's rules are for admins of this node.",
        )),
        "rules" => rooms.keep_rules(&group, &first("approve"), &first("categories")).await,
        word => rooms.judge_form(&group, word, &fields, first("reason")).await,
    };
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/moderate?group={group}")).into_response()),
        // What was written is not lost.
        Err(error) if error.status == StatusCode::BAD_REQUEST => {
            let asked = Asked { group, ..Asked::default() };
            let mut page = rooms.moderate_page(viewer, &headers, &asked, Some(error.said()))?;
            if first("do") == "rules" {
                page.rules =
                    RulesForm { approve: first("approve"), categories: first("categories"), ..page.rules };
            }
            Ok((error.status, Html(horahora_web::moderate(&page))).into_response())
        }
        Err(error) => Err(error),
    }
}

impl Rooms {
    async fn judge_form(
        &self,
        group: &str,
        word: &str,
        fields: &[(String, String)],
        reason: String,
    ) -> Result<(), ApiError> {
        let all = |name: &str| {
            fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
        };
        let creators: Vec<String> = all("creator");
        let creators = creators.iter().filter_map(|creator| creator.split_once('/'));
        let said = Said {
            group: group.to_owned(),
            ruling: word.to_owned(),
            videos: all("video"),
            creators: creators
                .map(|(site, id)| CreatorName { site: site.to_owned(), id: id.to_owned() })
                .collect(),
            tags: all("tag"),
            reason,
        };
        if said.videos.is_empty() && said.creators.is_empty() && said.tags.is_empty() {
            return Err(ApiError::bad("bad-verdict", "Choose at least one video, creator or tag first."));
        }
        let view = self.moderated(group)?;
        self.say(&view.id, said).await.map(|_| ())
    }

    async fn keep_rules(&self, group: &str, approve: &str, categories: &str) -> Result<(), ApiError> {
        let view = self.moderated(group)?;
        let approve = match approve {
            "never" => Approve::Never,
            "new-creators" => Approve::NewCreators,
            "always" => Approve::Always,
            _ => return Err(ApiError::bad("bad-rules", "Choose what waits for approval.")),
        };
        let categories = categories_of(categories)?;
        Ok(self.feeds.set_rules(&view.id, Rules { approve, categories }).await?)
    }

    fn moderate_page(
        self: &Arc<Self>,
        viewer: Viewer,
        headers: &HeaderMap,
        asked: &Asked,
        error: Option<String>,
    ) -> Result<ModeratePage, ApiError> {
        let view = self.moderated(&asked.group)?;
        let frame = self.frame(headers);
        if !viewer.is(Rank::Moderator) {
            return Ok(ModeratePage { frame, ..ModeratePage::default() });
        }
        let filter = asked.filter();
        let queue = self.requests.waiting(&view.id, &filter, SHOWN)?;
        let mut groups = self.groups_for(viewer);
        groups.retain(|view| self.groups.role(&view.id) >= Some(Role::Member));
        let group = |known: &Arc<View>| Choice {
            value: known.id.to_string(),
            label: known.name.clone(),
            chosen: known.id == view.id,
        };
        let standing = self.requests.approvals().standing(&view.id, STANDING)?;
        Ok(ModeratePage {
            frame,
            desk: self.desk(headers, "fetch")?,
            group: view.id.to_string(),
            groups: groups.iter().map(group).collect(),
            lead: lead(&queue),
            policy: policy(&view.group.rules, &view.name),
            categories: categories(&queue, &filter),
            words: asked.q.clone(),
            creators: queue.creators.iter().map(creator_choice).collect(),
            tags: queue
                .tags
                .iter()
                .map(|(tag, count)| Choice {
                    value: tag.clone(),
                    label: format!("{tag} ({count})"),
                    chosen: false,
                })
                .collect(),
            found: queue.found,
            more: queue.more || queue.found > queue.videos.len() as u64,
            videos: queue
                .videos
                .iter()
                .map(|(video, category)| self.waiting_row(video, category.as_deref()))
                .collect(),
            standing: standing.iter().map(|row| self.standing_row(row)).collect(),
            rules: RulesForm {
                may: viewer.is(Rank::Admin) && view.group.role(&self.key.node_id()) == Some(Role::Admin),
                approve: view.group.rules.approve.name().to_owned(),
                categories: lines_of(&view.group.rules.categories),
            },
            error,
        })
    }

    fn waiting_row(&self, video: &VideoRow, category: Option<&str>) -> WaitingRow {
        let asked_by = video.requests.first().and_then(|id| requests::find(&self.store, id).ok().flatten());
        let asked_by = asked_by.map(|(_, row)| row.title.unwrap_or(row.url));
        WaitingRow {
            id: video.id.to_string(),
            title: video.title.clone(),
            href: watch_path(video),
            origin: video.url.clone(),
            site: video.id.site().to_owned(),
            creator: video
                .creator
                .clone()
                .or_else(|| video.creator_id.as_ref().map(|id| format!("creator {id}"))),
            creator_href: creator_path(video),
            creator_value: video.creator_id.as_ref().map(|id| format!("{}/{id}", video.id.site())),
            duration: (video.duration_ms > 0).then(|| duration(video.duration_ms)),
            category: category.unwrap_or("General").to_owned(),
            tags: video.tags.clone(),
            asked: asked_by
                .map(|title| format!("found in {title}, {}", ago(video.added.0)))
                .unwrap_or_else(|| ago(video.added.0)),
        }
    }

    fn standing_row(&self, row: &VerdictRow) -> StandingRow {
        let (name, value, what) = match &row.subject {
            Subject::Video(id) => ("video", id.to_string(), self.video_title(id)),
            Subject::Creator { site, id } => {
                let names = self.catalogue.creator_names(site, id).unwrap_or_default();
                let name = names.first().map_or_else(|| id.clone(), |row| row.name.clone());
                ("creator", format!("{site}/{id}"), format!("Everything by {name} ({site})"))
            }
            Subject::Tag(tag) => ("tag", tag.clone(), format!("Everything tagged {tag}")),
        };
        let approved = row.ruling == Ruling::Approved;
        let reason = if row.reason.is_empty() { String::new() } else { format!(": {}", row.reason) };
        StandingRow {
            name: name.to_owned(),
            value,
            what,
            approved,
            said: format!("by {}, {}{reason}", self.name_of(&row.by), ago(row.at.0)),
        }
    }

    fn video_title(&self, id: &horahora_protocol::VideoId) -> String {
        self.catalogue.video(id).ok().flatten().map_or_else(|| id.to_string(), |row| row.title)
    }
}

fn lead(queue: &Queue) -> String {
    let more = if queue.more { "more than " } else { "" };
    match (queue.waiting, queue.since) {
        (0, _) | (_, None) => "Nothing waits for approval".to_owned(),
        (waiting, Some(since)) => {
            let videos = count(usize::try_from(waiting).unwrap_or(usize::MAX), "videos");
            let verb = if waiting == 1 { "waits" } else { "wait" };
            format!("{more}{videos} {verb} for approval, the oldest found {}", ago(since.0))
        }
    }
}

fn policy(rules: &Rules, group: &str) -> String {
    match rules.approve {
        Approve::Never => format!("{group} fetches what its requests list without asking."),
        Approve::NewCreators => format!("In {group}, videos of new creators wait before they are fetched."),
        Approve::Always => format!("In {group}, every listed video waits before it is fetched."),
    }
}

fn categories(queue: &Queue, filter: &Filter) -> Vec<Choice> {
    let one = |(name, count): (&Option<String>, &u64)| Choice {
        value: name.clone().unwrap_or_default(),
        label: format!("{} ({count})", name.as_deref().unwrap_or("General")),
        chosen: filter.category.as_deref() == Some(name.as_deref().unwrap_or_default()),
    };
    let all = Choice { value: "*".to_owned(), label: "All".to_owned(), chosen: filter.category.is_none() };
    std::iter::once(all).chain(queue.categories.iter().map(one)).collect()
}

fn creator_choice((video, count): &(VideoRow, u64)) -> Choice {
    let id = video.creator_id.clone().unwrap_or_default();
    let name = video.creator.clone().unwrap_or_else(|| id.clone());
    Choice { value: format!("{}/{id}", video.id.site()), label: format!("{name} ({count})"), chosen: false }
}

/// `Music: vocaloid, 音MAD`, one a line.
fn categories_of(text: &str) -> Result<Vec<Category>, ApiError> {
    let line = |line: &str| {
        let (name, words) = line.split_once(':').filter(|(name, _)| !name.trim().is_empty()).ok_or_else(|| {
            let message = format!("“{line}” is no category. Write its name, a colon, and words with commas between: Music: vocaloid, utau");
            ApiError::bad("bad-rules", message)
        })?;
        let words = words.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned);
        Ok(Category { name: name.trim().to_owned(), words: words.collect() })
    };
    text.lines().map(str::trim).filter(|text| !text.is_empty()).map(line).collect()
}

fn lines_of(categories: &[Category]) -> String {
    let line = |category: &Category| format!("{}: {}\n", category.name, category.words.join(", "));
    categories.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_lines_of_a_name_and_words() {
        let text = " Music: vocaloid, 音MAD ,\n\nGames:RTA\n";
        let read = categories_of(text).unwrap();
        assert_eq!(lines_of(&read), "Music: vocaloid, 音MAD\nGames: RTA\n");
        assert_eq!(categories_of(&lines_of(&read)).unwrap(), read);
        for wrong in ["Music", ": vocaloid", "Music: a\nvocaloid"] {
            assert_eq!(categories_of(wrong).unwrap_err().code, "bad-rules", "{wrong}");
        }
    }
}
