//! The groups of the nodes page: what is shown of them, and the forms that change them. Each form has a route of
//! the API with the same meaning.

use axum::{
    Form,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_protocol::{
    Cid, NodeId,
    group::{Role, Ticket, fold::Gone},
};
use horahora_web::{
    FollowedRow, GroupForms, GroupView, JoinView, Link, MemberRow, StateView, TicketView, tr,
};
use serde::Deserialize;

use super::page::Said;
use crate::{
    groups::View,
    http::{
        Rooms, Shared,
        error::ApiError,
        groups::node_id,
        members::MemberNow,
        pages::{ago, count, date},
        viewer::Viewer,
        watch::size,
    },
    net::Joining,
    people::Rank,
    store::rows::{GROUPS, GroupRow},
};

type Page = Result<Response, ApiError>;

/// How many nodes a ticket lets in, at most.
const USES: u32 = 1_000;

/// `GET` of a form's address: a page that answered a form was opened again.
pub(in crate::http) async fn to_page() -> Redirect {
    Redirect::to("/nodes")
}

#[derive(Debug, Deserialize)]
pub(in crate::http) struct Make {
    #[serde(default)]
    name: String,
    private: Option<String>,
}

/// `POST /groups`
pub(in crate::http) async fn create(
    State(rooms): Shared,
    headers: HeaderMap,
    Form(make): Form<Make>,
) -> Page {
    let private = make.private.is_some();
    match rooms.feeds.create(&make.name, private).await.map_err(ApiError::from) {
        Ok(group) => Ok(rooms.changed(&format!("/nodes#group-{group}"))),
        Err(error) => {
            let (make_error, make_name) = (Some(error.said()), make.name);
            let forms = GroupForms { make_name, make_private: private, make_error, ..GroupForms::default() };
            rooms.answer(&headers, error.status, Said { forms, ..Said::default() }).await
        }
    }
}

#[derive(Debug, Deserialize)]
pub(in crate::http) struct Join {
    #[serde(default)]
    ticket: String,
}

/// `POST /groups/join`
pub(in crate::http) async fn join(State(rooms): Shared, headers: HeaderMap, Form(asked): Form<Join>) -> Page {
    let error = match rooms.sync.join(&asked.ticket).await.map_err(ApiError::from) {
        Ok(Joining::Joined(group)) => return Ok(rooms.changed(&format!("/nodes#group-{group}"))),
        Ok(Joining::Waiting(_)) => return Ok(rooms.changed("/nodes#more-groups")),
        Ok(Joining::Refused(why)) => ApiError::new(StatusCode::CONFLICT, "ticket-refused", why),
        Err(error) => error,
    };
    let (join_ticket, join_error) = (asked.ticket, Some(error.said()));
    let forms = GroupForms { join_ticket, join_error, ..GroupForms::default() };
    rooms.answer(&headers, error.status, Said { forms, ..Said::default() }).await
}

#[derive(Debug, Deserialize)]
pub(in crate::http) struct GiveUp {
    #[serde(default)]
    join: String,
}

/// `POST /groups/joins/forget`
pub(in crate::http) async fn forget_join(State(rooms): Shared, Form(asked): Form<GiveUp>) -> Page {
    let unknown = || ApiError::not_found("unknown-ticket", "This node waits for no such ticket.");
    let id: Cid = asked.join.parse().map_err(|_| unknown())?;
    rooms.feeds.forget_join(&id).await?;
    Ok(rooms.changed("/nodes"))
}

#[derive(Debug, Deserialize)]
pub(in crate::http) struct Invite {
    group: String,
    role: Role,
    #[serde(default)]
    days: String,
    #[serde(default)]
    uses: String,
}

/// `POST /groups/invite`: the answer is the page with the ticket, which must stand in no address.
pub(in crate::http) async fn invite(
    State(rooms): Shared,
    headers: HeaderMap,
    Form(asked): Form<Invite>,
) -> Page {
    let forms = GroupForms { invite_group: asked.group.clone(), ..GroupForms::default() };
    match rooms.ticket_view(&asked) {
        Ok(ticket) => {
            let said = Said { forms, ticket: Some(ticket), ..Said::default() };
            rooms.answer(&headers, StatusCode::OK, said).await
        }
        Err(error) => {
            let forms = GroupForms { invite_error: Some(error.said()), ..forms };
            rooms.answer(&headers, error.status, Said { forms, ..Said::default() }).await
        }
    }
}

#[derive(Debug, Deserialize)]
pub(in crate::http) struct Ruling {
    #[serde(default)]
    node: String,
    role: Option<Role>,
}

/// `POST /groups/{group}/role`
pub(in crate::http) async fn role(
    State(rooms): Shared,
    Path(group): Path<String>,
    headers: HeaderMap,
    Form(asked): Form<Ruling>,
) -> Page {
    let role = asked.role.ok_or_else(|| ApiError::bad("bad-role", "A role is admin, member or follower."));
    let done = match role {
        Ok(role) => rooms.rule(&group, &asked.node, Some(role)).await,
        Err(error) => Err(error),
    };
    rooms.done(&headers, &group, done).await
}

/// `POST /groups/{group}/remove`
pub(in crate::http) async fn remove(
    State(rooms): Shared,
    Path(group): Path<String>,
    headers: HeaderMap,
    Form(asked): Form<Ruling>,
) -> Page {
    let done = rooms.rule(&group, &asked.node, None).await;
    rooms.done(&headers, &group, done).await
}

/// `POST /groups/{group}/leave`
pub(in crate::http) async fn leave(
    State(rooms): Shared,
    Path(group): Path<String>,
    headers: HeaderMap,
) -> Page {
    let done = rooms.leave(&group).await;
    rooms.done(&headers, &group, done).await
}

/// `POST /groups/{group}/forget`
pub(in crate::http) async fn forget_group(
    State(rooms): Shared,
    Path(group): Path<String>,
    headers: HeaderMap,
) -> Page {
    let done = rooms.forget_group(&group).await;
    rooms.done(&headers, &group, done).await
}

#[derive(Debug, Deserialize)]
pub(in crate::http) struct Policy {
    #[serde(default)]
    members_invite: String,
}

/// `POST /groups/{group}/policy`
pub(in crate::http) async fn policy(
    State(rooms): Shared,
    Path(group): Path<String>,
    headers: HeaderMap,
    Form(asked): Form<Policy>,
) -> Page {
    let done = rooms.agree(&group, asked.members_invite == "yes").await;
    rooms.done(&headers, &group, done).await
}

impl Rooms {
    /// Tells open pages, and sends the browser on.
    fn changed(&self, to: &str) -> Response {
        self.live.tell("node", serde_json::json!({}));
        Redirect::to(to).into_response()
    }

    async fn answer(&self, headers: &HeaderMap, status: StatusCode, said: Said) -> Page {
        let page = self.nodes_page(headers, said).await?;
        Ok((status, Html(horahora_web::nodes(&page))).into_response())
    }

    async fn done(&self, headers: &HeaderMap, group: &str, done: Result<(), ApiError>) -> Page {
        match done {
            Ok(()) => {
                let known = group.parse::<Cid>().is_ok_and(|group| self.groups.get(&group).is_some());
                Ok(self.changed(&if known { format!("/nodes#group-{group}") } else { "/nodes".to_owned() }))
            }
            Err(error) => {
                let forms = GroupForms { problem: Some(error.said()), ..GroupForms::default() };
                self.answer(headers, error.status, Said { forms, ..Said::default() }).await
            }
        }
    }

    async fn rule(&self, group: &str, node: &str, role: Option<Role>) -> Result<(), ApiError> {
        let (view, node): (_, NodeId) = (self.group(group)?, node_id(node)?);
        Ok(self.feeds.rule(&view.id, &node, role).await?)
    }

    async fn leave(&self, group: &str) -> Result<(), ApiError> {
        Ok(self.feeds.leave(&self.group(group)?.id).await?)
    }

    async fn agree(&self, group: &str, members_invite: bool) -> Result<(), ApiError> {
        Ok(self.feeds.set_policy(&self.group(group)?.id, members_invite).await?)
    }

    fn ticket_view(&self, asked: &Invite) -> Result<TicketView, ApiError> {
        let bad = |message: &str| ApiError::bad("bad-invitation", message);
        let view = self.group(&asked.group)?;
        let days = asked.days.parse::<u64>().ok().filter(|days| (1..=366).contains(days));
        let days = days.ok_or_else(|| bad("A ticket works for 1 to 366 days."))?;
        let uses = asked.uses.trim().parse::<u32>().ok().filter(|uses| (1..=USES).contains(uses));
        let uses = uses.ok_or_else(|| bad("A ticket lets in 1 to 1,000 nodes."))?;
        let (text, expires) = self.ticket(&view.id, asked.role, days * 24 * 3600, uses)?;
        let who = match asked.role.name() {
            "admin" => tr("ticket-admins"),
            "follower" => tr("ticket-followers"),
            _ => tr("ticket-members"),
        };
        let what = tr("ticket-what").with("who", who.with("n", uses));
        let what = what.with("days", count(days as usize, "count-days")).with("date", date(expires.0));
        Ok(TicketView { text, group: view.name.clone(), what: what.into() })
    }

    /// The groups that this node is in and that somebody may see, its own first one last.
    pub(super) async fn group_views(&self, viewer: Viewer) -> Result<Vec<GroupView>, ApiError> {
        let mut all = Vec::new();
        for view in self.groups_for(viewer).iter().filter(|view| self.groups.role(&view.id).is_some()) {
            all.push(self.group_view(view).await?);
        }
        all.sort_by_key(|group| group.own);
        Ok(all)
    }

    async fn group_view(&self, view: &View) -> Result<GroupView, ApiError> {
        let me = self.key.node_id();
        let members = self.members(view).await?;
        // Somebody has to be connected for others to be heard of.
        let hears = members.iter().any(|member| member.connected && !member.here);
        Ok(GroupView {
            id: view.id.to_string(),
            name: view.name.clone(),
            private: !view.group.public,
            role: self.role_in(view).to_owned(),
            own: view.id == self.feeds.home(),
            may_invite: view.group.may_invite(&me),
            members_invite: view.group.members_invite,
            approve: view.group.rules.approve.name().to_owned(),
            members: members
                .iter()
                .map(|member| MemberRow {
                    can_rule: !member.here && view.group.may_rule(&me, &member.node),
                    ..member_row(member, hears)
                })
                .collect(),
        })
    }

    /// Groups that this node knows and is not in.
    pub(super) fn followed_rows(&self, viewer: Viewer) -> Result<Vec<FollowedRow>, ApiError> {
        let mut rows = Vec::new();
        for view in self.groups_for(viewer).iter().filter(|view| self.groups.role(&view.id).is_none()) {
            let row: Option<GroupRow> = self.store.get(&GROUPS, &view.id.to_bytes())?;
            let members = count(view.group.members.len(), "members");
            let what = match view.group.gone.get(&self.key.node_id()) {
                Some(Gone::Removed) => tr("followed-removed"),
                Some(Gone::Left) => tr("followed-left"),
                None if view.group.public => match row {
                    Some(row) => {
                        tr("followed-since").with("members", members).with("date", date(row.since.0))
                    }
                    None => tr("followed-public").with("members", members),
                },
                None => tr("followed-joining"),
            };
            rows.push(FollowedRow { id: view.id.to_string(), name: view.name.clone(), what: what.into() });
        }
        Ok(rows)
    }

    /// Tickets that have not let this node in. What groups they are for is nobody else's business.
    pub(super) fn join_views(&self, viewer: Viewer) -> Result<Vec<JoinView>, ApiError> {
        if !viewer.is(Rank::Admin) {
            return Ok(Vec::new());
        }
        let joins = self.feeds.joins()?.into_iter().map(|(id, row)| JoinView {
            id: id.to_string(),
            group: row.ticket.parse::<Ticket>().map(|ticket| ticket.name).unwrap_or_default(),
            since: ago(row.since.0),
            reason: row.reason.unwrap_or_else(|| tr("join-asked").into()),
            ended: row.ended,
        });
        Ok(joins.collect())
    }
}

fn member_row(member: &MemberNow, hears: bool) -> MemberRow {
    let reach = match (member.here, member.kind) {
        (true, _) => Link::Here,
        (_, Some("relayed")) => Link::Relayed,
        (_, Some(_)) => Link::Direct,
        (_, None) if hears && member.is_heard_of() => Link::Others,
        (_, None) => Link::Lost,
    };
    let (class, icon, word) = match reach {
        Link::Lost => ("bad", "warn", "node-not-reached"),
        _ => ("ok", "okc", "nodes-up"),
    };
    let since = match (reach, member.seen) {
        (Link::Lost, Some(seen)) => tr("node-last-seen").with("ago", ago(seen.0)).into(),
        (Link::Lost, None) => tr("node-never-seen").into(),
        (Link::Others, Some(seen)) => tr("node-heard-of").with("ago", ago(seen.0)).into(),
        _ => String::new(),
    };
    MemberRow {
        id: member.node.to_string(),
        name: member.name.clone(),
        role: member.role.name().to_owned(),
        here: member.here,
        reach,
        state: StateView { class: class.to_owned(), icon: icon.to_owned(), word: tr(word).into() },
        since,
        version: member.software.clone().unwrap_or_default().replace("horahora/", "Horahora "),
        head: member.head,
        holds: member.holds.map(|(videos, _, bytes)| (videos, size(bytes))),
        free: member.free.map(|free| (free, size(free))),
        forked: member.forked,
        can_rule: false,
    }
}
