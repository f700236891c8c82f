//! Groups over the API: what they are, who is in them, tickets.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use horahora_protocol::{
    Cid, NodeId,
    group::{GroupId, Role, fold::Gone},
    message::Copies,
};
use serde::Deserialize;
use serde_json::{Value, json};

use std::{str::FromStr, sync::Arc};

use super::{
    Rooms, Shared,
    error::{ApiError, capital},
    members::MemberNow,
    viewer::Viewer,
};
use crate::{
    clock,
    feeds::{FeedsError, MembershipError},
    groups::View,
    net::Joining,
};

type Answer = Result<Json<Value>, ApiError>;

/// How long a ticket works when nothing is said: a week.
const EXPIRES_S: u64 = 7 * 24 * 3600;
/// The longest: a year.
const LONGEST_S: u64 = 366 * 24 * 3600;
/// Other members whose addresses a ticket names, besides its maker's.
const MORE_NODES: usize = 3;

impl From<MembershipError> for ApiError {
    fn from(error: MembershipError) -> Self {
        let message = capital(&format!("{error}."));
        match error {
            MembershipError::UnknownGroup => {
                Self::not_found("unknown-group", "This node knows no group with this id.")
            }
            MembershipError::NotAllowed(_) | MembershipError::Feeds(FeedsError::NotAMember) => {
                Self::new(StatusCode::FORBIDDEN, "not-allowed", message)
            }
            MembershipError::BadName => Self::bad("bad-name", message),
            MembershipError::TooMany => Self::bad("too-many-groups", message),
            MembershipError::Ticket(_) => Self::bad("bad-ticket", message),
            MembershipError::Expired => Self::new(StatusCode::CONFLICT, "ticket-expired", message),
            MembershipError::Feeds(error) => Self::ours(error),
        }
    }
}

/// `GET /api/v1/groups`
pub(super) async fn list(State(rooms): Shared, viewer: Viewer) -> Answer {
    let mut all = Vec::new();
    for view in rooms.groups_for(viewer) {
        let mut group = rooms.group_in_short(&view);
        group["state_digest"] = rooms.catalogue.state_digest(&view)?.to_hex().to_string().into();
        all.push(group);
    }
    Ok(Json(all.into()))
}

/// `POST /api/v1/groups {"name", "private"}`
pub(super) async fn create(State(rooms): Shared, body: Bytes) -> Result<(StatusCode, Json<Value>), ApiError> {
    let body = read(&body)?;
    let name = body["name"].as_str().unwrap_or_default();
    let id = rooms.feeds.create(name, body["private"] == true).await?;
    rooms.live.tell("node", json!({}));
    Ok((StatusCode::CREATED, Json(json!({ "id": id.to_string(), "name": name.trim() }))))
}

/// `POST /api/v1/groups/join {"ticket"}`
pub(super) async fn join(State(rooms): Shared, body: Bytes) -> Result<(StatusCode, Json<Value>), ApiError> {
    let ticket = read(&body)?["ticket"].as_str().unwrap_or_default().to_owned();
    match rooms.sync.join(&ticket).await? {
        Joining::Joined(group) => {
            let name = rooms.groups.get(&group).map(|view| view.name.clone());
            Ok((StatusCode::OK, Json(json!({ "state": "joined", "id": group.to_string(), "name": name }))))
        }
        Joining::Waiting(why) => {
            Ok((StatusCode::ACCEPTED, Json(json!({ "state": "waiting", "reason": why }))))
        }
        Joining::Refused(why) => Err(ApiError::new(StatusCode::CONFLICT, "ticket-refused", why)),
    }
}

/// `GET /api/v1/groups/{group}/members`
pub(super) async fn members(State(rooms): Shared, Path(group): Path<String>) -> Answer {
    let view = rooms.group(&group)?;
    Ok(Json(rooms.members(&view).await?.iter().map(MemberNow::json).collect()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Invitation {
    #[serde(default = "member")]
    role: Role,
    expires_s: Option<u64>,
    #[serde(default = "one")]
    uses: u32,
}

fn member() -> Role {
    Role::Member
}

fn one() -> u32 {
    1
}

/// `POST /api/v1/groups/{group}/invites {"role", "expires_s", "uses"}`
pub(super) async fn invite(
    State(rooms): Shared,
    Path(group): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let asked: Invitation = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad("bad-invitation", format!("Send {{\"role\": \"member\", \"uses\": 1}}: {error}."))
    })?;
    let view = rooms.group(&group)?;
    let expires_s = asked.expires_s.unwrap_or(EXPIRES_S);
    if expires_s == 0 || expires_s > LONGEST_S {
        return Err(ApiError::bad("bad-invitation", "A ticket works for one second to one year."));
    }
    let (ticket, expires) = rooms.ticket(&view.id, asked.role, expires_s, asked.uses)?;
    Ok((StatusCode::CREATED, Json(json!({ "ticket": ticket, "expires_at": expires }))))
}

/// `POST /api/v1/groups/{group}/members/{node} {"role"}`
pub(super) async fn rule(
    State(rooms): Shared,
    Path((group, node)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let role = serde_json::from_value(read(&body)?["role"].clone())
        .map_err(|_| ApiError::bad("bad-role", "A role is admin, member or follower."))?;
    let (view, node) = (rooms.group(&group)?, node_id(&node)?);
    rooms.feeds.rule(&view.id, &node, Some(role)).await?;
    Ok(Json(json!({})))
}

/// `DELETE /api/v1/groups/{group}/members/{node}`
pub(super) async fn remove(State(rooms): Shared, Path((group, node)): Path<(String, String)>) -> Answer {
    let (view, node) = (rooms.group(&group)?, node_id(&node)?);
    rooms.feeds.rule(&view.id, &node, None).await?;
    rooms.live.tell("node", json!({}));
    Ok(Json(json!({})))
}

/// `POST /api/v1/groups/{group}/leave`
pub(super) async fn leave(State(rooms): Shared, Path(group): Path<String>) -> Answer {
    let view = rooms.group(&group)?;
    rooms.feeds.leave(&view.id).await?;
    rooms.live.tell("node", json!({}));
    Ok(Json(json!({})))
}

/// `DELETE /api/v1/groups/{group}`: forgets a group that this node is not in.
pub(super) async fn forget(State(rooms): Shared, Path(group): Path<String>) -> Answer {
    rooms.forget_group(&group).await?;
    Ok(Json(json!({})))
}

/// `GET /api/v1/groups/{group}/policy`
pub(super) async fn policy(State(rooms): Shared, Path(group): Path<String>) -> Answer {
    Ok(Json(json!({ "members_invite": rooms.group(&group)?.group.members_invite })))
}

/// `POST /api/v1/groups/{group}/policy {"members_invite"}`
pub(super) async fn set_policy(State(rooms): Shared, Path(group): Path<String>, body: Bytes) -> Answer {
    let asked = read(&body)?;
    let Some(members_invite) = asked["members_invite"].as_bool() else {
        return Err(ApiError::bad("bad-policy", "Send {\"members_invite\": true} or false."));
    };
    let view = rooms.group(&group)?;
    rooms.feeds.set_policy(&view.id, members_invite).await?;
    Ok(Json(json!({ "members_invite": members_invite })))
}

/// `GET /api/v1/videos/{video}/who`
pub(super) async fn who(State(rooms): Shared, Path(video): Path<String>) -> Answer {
    let id = video
        .parse()
        .map_err(|error: horahora_protocol::id::IdError| ApiError::bad("bad-video-id", error.to_string()))?;
    let holders = rooms.sync.who(&id).await;
    let one = |(node, copies): &(NodeId, Copies)| {
        json!({
            "node": node.to_string(),
            "name": rooms.name_of(node),
            "copies": if *copies == Copies::Whole { "whole" } else { "part" },
        })
    };
    Ok(Json(holders.iter().map(one).collect()))
}

pub(super) fn read(body: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::bad("invalid-json", format!("The body is no JSON: {error}.")))
}

pub(super) fn node_id(text: &str) -> Result<NodeId, ApiError> {
    text.parse().map_err(|error: horahora_protocol::id::IdError| {
        ApiError::bad("bad-node-id", capital(&format!("{error}.")))
    })
}

impl Rooms {
    /// The groups that somebody may see, the node's own first one first.
    pub(super) fn groups_for(&self, viewer: Viewer) -> Vec<Arc<View>> {
        let mut all = self.groups.all();
        all.retain(|view| viewer.is_insider() || view.group.public);
        all.sort_by_key(|view| (view.id != self.feeds.home(), view.name.clone(), view.id));
        all
    }

    pub(super) fn group(&self, id: &str) -> Result<Arc<View>, ApiError> {
        let found = Cid::from_str(id).ok().and_then(|id| self.groups.get(&id));
        found.ok_or_else(|| MembershipError::UnknownGroup.into())
    }

    /// Forgets a group that this node is not in.
    pub(super) async fn forget_group(&self, group: &str) -> Result<(), ApiError> {
        let view = self.group(group)?;
        if self.groups.role(&view.id).is_some() {
            let message = "This node is in that group. Leave it first; then it can be forgotten.";
            return Err(ApiError::new(StatusCode::CONFLICT, "still-a-member", message));
        }
        self.feeds.drop_group(&view.id).await?;
        self.live.tell("video", json!({}));
        Ok(())
    }

    /// What this node is in a group: its role, `left`, `removed`, or `follower` of a public one.
    pub(super) fn role_in(&self, view: &View) -> &'static str {
        let me = self.key.node_id();
        match (view.group.role(&me), view.group.gone.get(&me)) {
            (Some(role), _) => role.name(),
            (None, Some(Gone::Left)) => "left",
            (None, Some(Gone::Removed)) => "removed",
            (None, None) => "follower",
        }
    }

    pub(super) fn group_in_short(&self, view: &View) -> Value {
        json!({
            "id": view.id.to_string(),
            "name": view.name,
            "role": self.role_in(view),
            "private": !view.group.public,
            "members": view.group.members.len(),
        })
    }

    pub(super) fn ticket(
        &self,
        group: &GroupId,
        role: Role,
        expires_s: u64,
        uses: u32,
    ) -> Result<(String, horahora_protocol::Timestamp), ApiError> {
        let expires = clock::now().plus_ms(expires_s * 1000);
        let mut addresses = self.net.addresses();
        addresses.truncate(6);
        let view = self.groups.get(group).ok_or(MembershipError::UnknownGroup)?;
        let peers = self.net.peers();
        let fellows = view.group.members.keys().filter(|node| peers.contains_key(node)).take(MORE_NODES);
        for node in fellows {
            let known = self.net.book().get(node).unwrap_or_default();
            let named = known.addresses.iter().take(2).map(|address| match address.contains("/p2p/") {
                true if address.ends_with(&node.to_string()) => address.clone(),
                _ => format!("{address}/p2p/{node}"),
            });
            addresses.extend(named);
        }
        addresses.truncate(horahora_protocol::limits::ADDRESSES);
        let ticket = self.feeds.invite(group, role, expires, uses, addresses)?;
        Ok((ticket.to_string(), expires))
    }
}
