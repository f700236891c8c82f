//! The nodes page and what the API says of other nodes.

use axum::{
    Form, Json,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_protocol::{NodeId, group::GroupId};
use horahora_web::GroupForms;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Rooms, Shared,
    error::{ApiError, capital},
    pages::View,
    viewer::Viewer,
};
use crate::{
    catalogue::Totals,
    net::{AddressError, Flow, Peer, Reason},
    store::rows::PeerRow,
};

mod groups;
mod page;

pub(super) use groups::{
    create, forget_group, forget_join, invite, join, leave, policy, remove, role, to_page,
};
use page::Said;

type Answer = Result<Json<Value>, ApiError>;

/// Nodes that are away, shown at most.
const AWAY: usize = 100;

/// Another node, connected or met before.
struct Known {
    id: NodeId,
    row: PeerRow,
    peer: Option<Peer>,
    flow: Flow,
}

/// `GET /nodes`
pub(super) async fn nodes(
    State(rooms): Shared,
    Query(view): Query<View>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let forms = GroupForms { invite_group: view.group.clone().unwrap_or_default(), ..GroupForms::default() };
    let page = rooms.nodes_page(&headers, Said { forms, ..Said::default() }).await?;
    let html =
        if view.fragment.is_some() { horahora_web::nodes_live(&page) } else { horahora_web::nodes(&page) };
    Ok(Html(html).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct Add {
    #[serde(default)]
    address: String,
}

/// `POST /nodes`: the form, for browsers without script.
pub(super) async fn add_form(
    State(rooms): Shared,
    headers: HeaderMap,
    Form(add): Form<Add>,
) -> Result<Response, ApiError> {
    match rooms.net.add(&add.address).await {
        Ok(_) => Ok(Redirect::to("/nodes").into_response()),
        Err(error) => {
            let message = capital(&format!("{error}."));
            let said = Said { address: add.address, error: Some(message), ..Said::default() };
            let page = rooms.nodes_page(&headers, said).await?;
            Ok((StatusCode::BAD_REQUEST, Html(horahora_web::nodes(&page))).into_response())
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Forget {
    #[serde(default)]
    node: String,
}

/// `POST /nodes/forget`
pub(super) async fn forget_form(
    State(rooms): Shared,
    Form(forget): Form<Forget>,
) -> Result<Response, ApiError> {
    rooms.forget(&forget.node).await?;
    Ok(Redirect::to("/nodes").into_response())
}

/// `GET /api/v1/nodes`
pub(super) async fn list(State(rooms): Shared, viewer: Viewer) -> Answer {
    let items: Vec<_> = rooms.known_nodes()?.iter().map(|known| rooms.node_json(known, viewer)).collect();
    let refused = rooms.net.refusals().counts();
    let refusals: serde_json::Map<String, Value> = Reason::ALL
        .iter()
        .map(|r| (r.name().to_owned(), refused.get(r).copied().unwrap_or(0).into()))
        .collect();
    Ok(Json(json!({ "items": items, "refusals": refusals })))
}

/// `POST /api/v1/nodes {"address"}`
pub(super) async fn add(State(rooms): Shared, body: Bytes) -> Result<(StatusCode, Json<Value>), ApiError> {
    let body: Value = serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad("invalid-json", format!("The body is no JSON: {error}.")))?;
    let node = rooms.net.add(body["address"].as_str().unwrap_or_default()).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "node_id": node.to_string() }))))
}

/// `DELETE /api/v1/nodes/{node}`
pub(super) async fn forget(State(rooms): Shared, Path(node): Path<String>) -> Answer {
    rooms.forget(&node).await?;
    Ok(Json(json!({})))
}

impl From<AddressError> for ApiError {
    fn from(error: AddressError) -> Self {
        Self::bad("bad-address", capital(&format!("{error}.")))
    }
}

impl Rooms {
    /// What a node is called: what it says itself, else its id.
    pub(super) fn name_of(&self, node: &NodeId) -> String {
        if *node == self.key.node_id() {
            return self.name.clone();
        }
        let said = self.sync.presence(node).map(|presence| presence.name);
        let said =
            said.or_else(|| self.net.book().get(node).map(|row| row.name)).filter(|name| !name.is_empty());
        said.or_else(|| self.catalogue.name(node).ok().flatten()).unwrap_or_else(|| {
            let id = node.to_string();
            format!("node …{}", &id[id.len() - 8..])
        })
    }

    async fn forget(&self, node: &str) -> Result<(), ApiError> {
        let unknown = || ApiError::not_found("unknown-node", "This node does not know a node with this id.");
        let node: NodeId = node.parse().map_err(|_| unknown())?;
        self.net.book().get(&node).ok_or_else(unknown)?;
        self.net.forget(&node).await;
        self.feeds.unfollow(&node).await?;
        self.live.tell("node", json!({}));
        self.live.tell("video", json!({}));
        Ok(())
    }

    /// Connected nodes, the longest first, then those met before, the last seen first.
    fn known_nodes(&self) -> Result<Vec<Known>, ApiError> {
        let mut peers = self.net.peers();
        let flows = self.net.traffic().flows();
        let flow = |id: &NodeId| flows.get(id).copied().unwrap_or_default();
        let mut all: Vec<_> = self
            .net
            .book()
            .all()
            .into_iter()
            .map(|(id, row)| Known { peer: peers.remove(&id), flow: flow(&id), id, row })
            .filter(|known| known.peer.is_some() || (known.row.followed && !known.row.ignored))
            .collect();
        all.extend(peers.into_iter().map(|(id, peer)| Known {
            flow: flow(&id),
            peer: Some(peer),
            row: PeerRow::default(),
            id,
        }));
        all.sort_by_key(|known| match &known.peer {
            Some(peer) => (0, peer.since.0, known.id),
            None => (1, u64::MAX - known.row.seen.0, known.id),
        });
        let connected = all.iter().filter(|known| known.peer.is_some()).count();
        all.truncate(connected + AWAY);
        Ok(all)
    }

    /// What a node says that it holds, but for what the viewer may not know of.
    fn holds_of(&self, node: &NodeId, viewer: Viewer) -> Option<Totals> {
        let shown = |group: &GroupId| viewer.is_insider() || self.groups.is_public(group);
        self.sync.holds(node, |group| self.groups.get(group).is_none() || shown(group))
    }

    fn node_json(&self, known: &Known, viewer: Viewer) -> Value {
        let holds = self.holds_of(&known.id, viewer);
        let flow = known.flow;
        json!({
            "node_id": known.id.to_string(),
            "name": self.name_of(&known.id),
            "connected": known.peer.is_some(),
            "connected_since": known.peer.as_ref().map(|peer| peer.since),
            "last_seen": known.row.seen,
            "followed": known.peer.as_ref().map_or(known.row.followed, |peer| peer.follow),
            "address": known.peer.as_ref().map(|peer| &peer.address),
            "link": known.peer.as_ref().map(Peer::kind),
            "outgoing": known.peer.as_ref().map(|peer| peer.outgoing),
            "software": known.peer.as_ref().map(|peer| &peer.software),
            "holds": holds.map(|h| json!({ "videos": h.whole, "parts": h.part, "bytes": h.bytes })),
            "bytes_in": flow.bytes_in,
            "bytes_out": flow.bytes_out,
            "blobs_in": flow.blobs_in,
            "blobs_out": flow.blobs_out,
            "rate_in": flow.rate_in.round(),
            "rate_out": flow.rate_out.round(),
        })
    }
}
