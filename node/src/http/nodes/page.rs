//! The nodes page in the words of the web crate's view structs.

use axum::http::HeaderMap;
use horahora_protocol::NodeId;
use horahora_web::{Direction, GroupForms, Lede, MoveRow, NodeRow, NodesPage, StateView, TicketView};

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
        let state = |class: &str, icon: &str, word: &str| StateView {
            class: class.to_owned(),
            icon: icon.to_owned(),
            word: word.to_owned(),
        };
        let lede = match (connected, away) {
            (0, 0) => Lede {
                state: state("", "clock", "Alone"),
                lead: "No other node is known yet.".to_owned(),
                rest: "Everything works all the same; with a second node nothing is lost when this one is."
                    .to_owned(),
            },
            (0, away) => Lede {
                state: state("warn", "warn", "Not connected"),
                lead: format!("None of {} is connected.", count(away, "count-known-nodes")),
                rest: "They are tried again all the time. What is on this node plays.".to_owned(),
            },
            (connected, 0) => Lede {
                state: state("ok", "okc", "Connected"),
                lead: format!("{} connected.", count(connected, "count-nodes")),
                rest: "The videos of groups that you follow or are in appear here by themselves.".to_owned(),
            },
            (connected, away) => Lede {
                state: state("ok", "okc", "Connected"),
                lead: format!("{connected} of {} connected.", count(connected + away, "count-nodes")),
                rest: "The others are tried again all the time.".to_owned(),
            },
        };
        let here = NodeRow {
            name: self.name.clone(),
            id: self.key.node_id().to_string(),
            here: true,
            connected: true,
            state: state("ok", "okc", "Up"),
            version: concat!("Horahora ", env!("CARGO_PKG_VERSION")).to_owned(),
            holds: holds(self.catalogue.totals()),
            group: format!("its own group: {}", self.feeds.home_name()),
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
            confined: Strength::here().words().to_owned(),
            encoder: self.encoder_words(),
            refusals: refused.iter().map(|(reason, n)| (refusal(*reason).to_owned(), *n)).collect(),
            nodes: known.iter().map(|known| self.node_row(known, viewer)).collect::<Result<_, _>>()?,
        })
    }

    fn encoder_words(&self) -> String {
        let made = match self.jobs.encoders() {
            0 => return "None: other members make the smaller pictures.".to_owned(),
            1 => "One picture at a time".to_owned(),
            n => format!("{n} pictures at once"),
        };
        match self.tools.now().and_then(|tools| tools.hardware) {
            Some(card) => format!("{made}, by {}; x264 makes what that cannot.", card.name()),
            None => format!("{made}, by x264."),
        }
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
                title: "What it asks for".to_owned(),
                href: None,
                detail: format!("{} since the start", pieces(flow.blobs_out, flow.bytes_out)),
                rate: speed(flow.rate_out),
            });
        }
        Ok(rows)
    }

    fn node_row(&self, known: &Known, viewer: Viewer) -> Result<NodeRow, ApiError> {
        let (class, icon, word) = match &known.peer {
            Some(_) => ("ok", "okc", "Connected"),
            None => ("", "clock", "Not connected"),
        };
        let (me, groups) = (self.key.node_id(), self.groups_for(viewer));
        let (inside, outside): (Vec<_>, Vec<_>) =
            groups.iter().partition(|view| view.group.members.contains_key(&me));
        let shared = inside.iter().filter(|view| view.group.members.contains_key(&known.id));
        let shared: Vec<_> = shared.map(|view| view.name.as_str()).collect();
        let followed = outside.iter().find(|view| view.group.founder == known.id);
        let group = match (followed, &known.peer) {
            _ if !shared.is_empty() => format!("in {}", shared.join(", ")),
            (Some(view), _) => format!("followed: {}", view.name),
            (None, Some(peer)) if !peer.speaks => "says nothing that this version knows".to_owned(),
            (None, Some(peer)) if peer.outgoing => "found through other nodes".to_owned(),
            (None, _) => "connected to this node".to_owned(),
        };
        let flow = known.flow;
        let moving = |rate: f64| (rate > 0.0).then(|| speed(rate));
        Ok(NodeRow {
            name: self.name_of(&known.id),
            id: known.id.to_string(),
            here: false,
            connected: known.peer.is_some(),
            state: StateView { class: class.to_owned(), icon: icon.to_owned(), word: word.to_owned() },
            since: match &known.peer {
                Some(peer) => length(peer.since.0),
                None if known.row.seen.0 == 0 => "never reached yet".to_owned(),
                None => format!("last seen {}", ago(known.row.seen.0)),
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
    format!("{}, {}", count(usize::try_from(blobs).unwrap_or(0), "count-pieces"), size(bytes))
}

/// "212 videos, 3 in part, 3.1 GB".
fn holds(of: Totals) -> String {
    let whole = count(usize::try_from(of.whole).unwrap_or(usize::MAX), "videos");
    let part = if of.part > 0 { format!(", {} in part", of.part) } else { String::new() };
    format!("{whole}{part}, {}", size(of.bytes))
}

/// "direct, QUIC, 192.168.1.5", or "relayed, TCP, 192.0.2.7" with the relay's address.
fn link(peer: &Peer) -> String {
    let way = peer.kind();
    let parts: Vec<&str> = peer.address.split('/').collect();
    let host = parts.get(2).copied().unwrap_or_default();
    let transport = if peer.address.contains("/quic-v1") { "QUIC" } else { "TCP" };
    format!("{way}, {transport}, {host}")
}

/// "1.2 MB/s".
fn speed(rate: f64) -> String {
    format!("{}/s", size(rate as u64))
}

/// "for 3 min", "for 5 h".
fn length(since_ms: u64) -> String {
    match clock::now().0.saturating_sub(since_ms) / 60_000 {
        0 => "just now".to_owned(),
        minutes if minutes < 120 => format!("for {minutes} min"),
        minutes if minutes < 72 * 60 => format!("for {} h", minutes / 60),
        minutes => format!("for {} days", minutes / 60 / 24),
    }
}

fn refusal(reason: Reason) -> &'static str {
    match reason {
        Reason::WrongBytes => "pieces with a wrong hash",
        Reason::WrongSize => "pieces of a wrong size",
        Reason::Oversize => "messages that are too large",
        Reason::Malformed => "messages that cannot be read",
        Reason::BadSignature => "forged signatures",
        Reason::Forged => "records their sender may not write",
        Reason::Stalled => "transfers that stopped half-way",
        Reason::Flood => "too many messages at once",
        Reason::Fork => "nodes that told two stories",
        Reason::Outsider => "questions about groups the asker is not in",
        Reason::StaleTicket => "tickets that do not work any more",
        Reason::WrongRendition => "renditions that do not show what the original does",
    }
}
