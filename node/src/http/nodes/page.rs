//! The nodes page in the words of the web crate's view structs.

use axum::http::HeaderMap;
use horahora_protocol::NodeId;
use horahora_web::{Direction, GroupForms, Lede, MoveRow, NodeRow, NodesPage, StateView, TicketView, tr};

use super::Known;
use crate::{
    catalogue::Totals,
    clock,
    http::{
        Rooms,
        error::ApiError,
        pages::{ago, count},
        viewer::Viewer,
        watch::size,
    },
    net::{Flow, Peer, Reason},
    process::Strength,
    store::rows::{VIDEOS, VideoRow},
};

/// What was typed and what came of it, for a page that answers a form.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The address of "Add a node", and why it was refused.
    pub(super) address: String,
    pub(super) error: Option<String>,
    pub(super) forms: GroupForms,
    pub(super) ticket: Option<TicketView>,
}

impl Rooms {
    pub(super) async fn nodes_page(&self, headers: &HeaderMap, said: Said) -> Result<NodesPage, ApiError> {
        let viewer = self.viewer(headers);
        let known = self.known_nodes()?;
        let connected = known.iter().filter(|known| known.peer.is_some()).count();
        let away = known.len() - connected;
        let state = |class: &str, icon: &str, word: &'static str| StateView {
            class: class.to_owned(),
            icon: icon.to_owned(),
            word: tr(word).into(),
        };
        let lede = match (connected, away) {
            (0, 0) => Lede {
                state: state("", "clock", "nodes-alone-word"),
                lead: tr("nodes-alone-lead").into(),
                rest: tr("nodes-alone-rest").into(),
            },
            (0, away) => Lede {
                state: state("warn", "warn", "nodes-not-connected"),
                lead: tr("nodes-none-connected").with("nodes", count(away, "count-known-nodes")).into(),
                rest: tr("nodes-none-rest").into(),
            },
            (connected, 0) => Lede {
                state: state("ok", "okc", "nodes-connected"),
                lead: tr("nodes-all-connected").with("nodes", count(connected, "count-nodes")).into(),
                rest: tr("nodes-all-rest").into(),
            },
            (connected, away) => Lede {
                state: state("ok", "okc", "nodes-connected"),
                lead: tr("nodes-some-connected")
                    .with("connected", connected)
                    .with("nodes", count(connected + away, "count-nodes"))
                    .into(),
                rest: tr("nodes-some-rest").into(),
            },
        };
        let here = NodeRow {
            name: self.name.clone(),
            id: self.key.node_id().to_string(),
            here: true,
            connected: true,
            state: state("ok", "okc", "nodes-up"),
            version: concat!("Horahora ", env!("CARGO_PKG_VERSION")).to_owned(),
            holds: holds(self.catalogue.totals()),
            group: tr("nodes-own-group").with("name", self.feeds.home_name()).into(),
            ..NodeRow::default()
        };
        let sum = |rate: fn(&Flow) -> f64| known.iter().map(|known| rate(&known.flow)).sum::<f64>();
        let refused = self.net.refusals().counts();
        Ok(NodesPage {
            frame: self.frame(headers),
            lede,
            here,
            addresses: self.net.addresses(),
            address: said.address,
            error: said.error,
            groups: self.group_views(viewer).await?,
            followed: self.followed_rows(viewer)?,
            joins: self.join_views(viewer)?,
            forms: said.forms,
            ticket: said.ticket,
            down: speed(sum(|flow| flow.rate_in)),
            up: speed(sum(|flow| flow.rate_out)),
            confined: match Strength::here() {
                Strength::Whole => tr("sandbox-whole"),
                Strength::Files => tr("sandbox-files"),
                Strength::Limits => tr("sandbox-limits"),
            }
            .into(),
            encoder: self.encoder_words(),
            refusals: refused.iter().map(|(reason, n)| (refusal(*reason), *n)).collect(),
            nodes: known.iter().map(|known| self.node_row(known, viewer)).collect::<Result<_, _>>()?,
        })
    }

    fn encoder_words(&self) -> String {
        let n = self.jobs.encoders();
        match self.tools.now().and_then(|tools| tools.hardware) {
            _ if n == 0 => tr("encoder-none"),
            Some(card) => tr("encoder-card").with("n", n).with("card", card.name()),
            None => tr("encoder-x264").with("n", n),
        }
        .into()
    }

    /// What moves between this node and another: which videos come, and how much goes. Which videos go is the
    /// other node's to say; it asks for pieces.
    fn moves(&self, node: &NodeId, flow: &Flow, viewer: Viewer) -> Result<Vec<MoveRow>, ApiError> {
        let mut rows = Vec::new();
        for arrival in self.fetch.arrivals().into_iter().filter(|arrival| arrival.node == *node) {
            let Some(made) = self.catalogue.manifest(&arrival.manifest)? else { continue };
            let video: Option<VideoRow> = self.store.get(&VIDEOS, made.video.as_str().as_bytes())?;
            if video.as_ref().map(|video| self.shows(viewer, video)).transpose()? == Some(false) {
                continue;
            }
            rows.push(MoveRow {
                direction: Direction::In,
                title: video.map_or_else(|| made.video.to_string(), |video| video.title),
                href: Some(format!("/watch/{}", made.video.in_path())),
                detail: pieces(arrival.blobs, arrival.bytes),
                rate: speed(flow.rate_in),
            });
        }
        if flow.rate_out > 0.0 {
            rows.push(MoveRow {
                direction: Direction::Out,
                title: tr("move-asks").into(),
                href: None,
                detail: tr("move-since-start").with("pieces", pieces(flow.blobs_out, flow.bytes_out)).into(),
                rate: speed(flow.rate_out),
            });
        }
        Ok(rows)
    }

    fn node_row(&self, known: &Known, viewer: Viewer) -> Result<NodeRow, ApiError> {
        let (class, icon, word) = match &known.peer {
            Some(_) => ("ok", "okc", "nodes-connected"),
            None => ("", "clock", "nodes-not-connected"),
        };
        let (me, groups) = (self.key.node_id(), self.groups_for(viewer));
        let (inside, outside): (Vec<_>, Vec<_>) =
            groups.iter().partition(|view| view.group.members.contains_key(&me));
        let shared = inside.iter().filter(|view| view.group.members.contains_key(&known.id));
        let shared: Vec<_> = shared.map(|view| view.name.as_str()).collect();
        let followed = outside.iter().find(|view| view.group.founder == known.id);
        let group = match (followed, &known.peer) {
            _ if !shared.is_empty() => tr("node-in").with("groups", shared.join(", ")).into(),
            (Some(view), _) => tr("node-followed").with("name", &view.name).into(),
            (None, Some(peer)) if !peer.speaks => tr("node-mute").into(),
            (None, Some(peer)) if peer.outgoing => tr("node-found").into(),
            (None, _) => tr("node-came").into(),
        };
        let flow = known.flow;
        let moving = |rate: f64| (rate > 0.0).then(|| speed(rate));
        Ok(NodeRow {
            name: self.name_of(&known.id),
            id: known.id.to_string(),
            here: false,
            connected: known.peer.is_some(),
            state: StateView { class: class.to_owned(), icon: icon.to_owned(), word: tr(word).into() },
            since: match &known.peer {
                Some(peer) => length(peer.since.0),
                None if known.row.seen.0 == 0 => tr("node-never").into(),
                None => tr("node-last-seen").with("ago", ago(known.row.seen.0)).into(),
            },
            link: known.peer.as_ref().map(link).unwrap_or_default(),
            version: known
                .peer
                .as_ref()
                .map(|peer| peer.software.replace("horahora/", "Horahora "))
                .unwrap_or_default(),
            holds: self.holds_of(&known.id, viewer).map(holds).unwrap_or_default(),
            group,
            down: moving(flow.rate_in),
            up: moving(flow.rate_out),
            moving: self.moves(&known.id, &flow, viewer)?,
            can_forget: known.row.followed,
        })
    }
}

fn pieces(blobs: u64, bytes: u64) -> String {
    tr("pieces-size")
        .with("pieces", count(usize::try_from(blobs).unwrap_or(0), "count-pieces"))
        .with("size", size(bytes))
        .into()
}

/// "212 videos, 3 in part, 3.1 GB".
fn holds(of: Totals) -> String {
    let whole = count(usize::try_from(of.whole).unwrap_or(usize::MAX), "videos");
    let held = if of.part > 0 { tr("holds-in-part").with("part", of.part) } else { tr("holds-whole") };
    held.with("videos", whole).with("size", size(of.bytes)).into()
}

/// "direct, QUIC, 192.168.1.5", or "relayed, TCP, 192.0.2.7" with the relay's address.
fn link(peer: &Peer) -> String {
    let parts: Vec<&str> = peer.address.split('/').collect();
    let host = parts.get(2).copied().unwrap_or_default();
    let transport = if peer.address.contains("/quic-v1") { "QUIC" } else { "TCP" };
    let way = tr(if peer.kind() == "relayed" { "link-relayed" } else { "link-direct" });
    way.with("transport", transport).with("host", host).into()
}

/// "1.2 MB/s".
fn speed(rate: f64) -> String {
    format!("{}/s", size(rate as u64))
}

/// "for 3 min", "for 5 h".
fn length(since_ms: u64) -> String {
    match clock::now().0.saturating_sub(since_ms) / 60_000 {
        0 => tr("ago-now"),
        minutes if minutes < 120 => tr("for-minutes").with("n", minutes),
        minutes if minutes < 72 * 60 => tr("for-hours").with("n", minutes / 60),
        minutes => tr("for-days").with("n", minutes / 60 / 24),
    }
    .into()
}

fn refusal(reason: Reason) -> String {
    tr(match reason {
        Reason::WrongBytes => "refused-bytes",
        Reason::WrongSize => "refused-size",
        Reason::Oversize => "refused-oversize",
        Reason::Malformed => "refused-malformed",
        Reason::BadSignature => "refused-signature",
        Reason::Forged => "refused-forged",
        Reason::Stalled => "refused-stalled",
        Reason::Flood => "refused-flood",
        Reason::Fork => "refused-fork",
        Reason::Outsider => "refused-outsider",
        Reason::StaleTicket => "refused-ticket",
        Reason::WrongRendition => "refused-rendition",
    })
    .into()
}
