//! The nodes page: who this node knows, what goes between them, and how one more is added.

use askama::Template;

use crate::{
    FollowedRow, Frame, GroupForms, GroupView, JoinView, Lede, StateView, Text, TicketView,
    map::{self, Map, Point, Reach},
    text, tr,
};

#[derive(Debug, Clone, Default)]
pub struct NodesPage {
    pub frame: Frame,
    pub lede: Lede,
    /// This node.
    pub here: NodeRow,
    /// All others, in the order of the list.
    pub nodes: Vec<NodeRow>,
    /// This node's multiaddrs, to be given to others; the most useful first.
    pub addresses: Vec<String>,
    /// What was typed before, kept when it was refused.
    pub address: String,
    pub error: Option<String>,
    /// What comes in and goes out, over all nodes: `1.2 MB/s`
    pub down: String,
    pub up: String,
    /// What is taken from programs that read strangers' files.
    pub confined: String,
    /// What makes smaller pictures, in a sentence.
    pub encoder: String,
    /// What others sent and this node refused: what it was, and how often.
    pub refusals: Vec<(String, u64)>,
    /// Those that this node is in, its own first one last.
    pub groups: Vec<GroupView>,
    pub followed: Vec<FollowedRow>,
    /// Tickets that have not let this node in yet.
    pub joins: Vec<JoinView>,
    /// The ticket that was asked for.
    pub ticket: Option<TicketView>,
    pub forms: GroupForms,
}

/// One node, this one or another.
#[derive(Debug, Clone, Default)]
pub struct NodeRow {
    /// Empty while it has not said its name.
    pub name: String,
    /// The PeerId's text.
    pub id: String,
    pub here: bool,
    /// Whether a connection is open now.
    pub connected: bool,
    pub state: StateView,
    /// `connected for 3 min`, `last seen 2 h ago`
    pub since: String,
    /// `direct, QUIC, 192.168.1.5`
    pub link: String,
    pub version: String,
    /// `212 videos, 3.1 GB`
    pub holds: String,
    /// What it is to this node: `followed: YTPMV Keepers`
    pub group: String,
    /// What comes from it and goes to it, while something does.
    pub down: Option<String>,
    pub up: Option<String>,
    pub moving: Vec<MoveRow>,
    /// Whether "Forget" is offered.
    pub can_forget: bool,
}

/// A video whose bytes are on their way.
#[derive(Debug, Clone, Default)]
pub struct MoveRow {
    pub direction: Direction,
    pub title: String,
    pub href: Option<String>,
    /// `12 pieces, 3.4 MB`
    pub detail: String,
    pub rate: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direction {
    /// To this node.
    #[default]
    In,
    /// To the other node.
    Out,
}

/// Addresses beyond this number are folded.
const FIRST_ADDRESSES: usize = 2;

impl NodesPage {
    /// None while this node knows no other, and when a group's map shows more.
    pub(crate) fn map(&self) -> Option<Map> {
        let name = |row: &NodeRow| row.title();
        let names: Vec<_> = self.nodes.iter().map(name).collect();
        let points: Vec<_> = self.nodes.iter().zip(&names).map(|(row, name)| row.point(name)).collect();
        (!points.is_empty() && !self.has_group_map()).then(|| map::draw(&self.here.title(), &points))
    }

    pub(crate) fn first_addresses(&self) -> &[String] {
        &self.addresses[..self.addresses.len().min(FIRST_ADDRESSES)]
    }

    pub(crate) fn more_addresses(&self) -> &[String] {
        &self.addresses[self.first_addresses().len()..]
    }

    /// `coming in, from 2 nodes`
    pub(crate) fn senders(&self) -> String {
        moved("flow-in-none", "flow-in", self.nodes.iter().filter(|row| row.down.is_some()).count())
    }

    pub(crate) fn receivers(&self) -> String {
        moved("flow-out-none", "flow-out", self.nodes.iter().filter(|row| row.up.is_some()).count())
    }
}

impl NodeRow {
    /// Its name, or its id as long as it has none.
    pub(crate) fn title(&self) -> String {
        if self.name.trim().is_empty() { self.short_id() } else { self.name.clone() }
    }

    pub(crate) fn short_id(&self) -> String {
        text::short(&self.id)
    }

    fn point<'a>(&self, name: &'a str) -> Point<'a> {
        Point {
            name,
            reach: if self.connected { Reach::Direct } else { Reach::Away },
            follower: false,
            moving: self.down.is_some() || self.up.is_some(),
            size: 0.5,
        }
    }
}

impl MoveRow {
    pub(crate) fn symbol(&self) -> &'static str {
        match self.direction {
            Direction::In => "down",
            Direction::Out => "up",
        }
    }

    pub(crate) fn word(&self) -> Text {
        tr(match self.direction {
            Direction::In => "move-in",
            Direction::Out => "move-out",
        })
    }
}

fn moved(none: &'static str, some: &'static str, nodes: usize) -> String {
    if nodes == 0 { tr(none).into() } else { tr(some).with("n", nodes).into() }
}

#[derive(Template)]
#[template(path = "nodes.html")]
struct Full<'a> {
    page: &'a NodesPage,
    here: &'static str,
}

#[derive(Template)]
#[template(path = "nodes_live.html")]
struct Live<'a> {
    page: &'a NodesPage,
}

pub fn nodes(page: &NodesPage) -> String {
    crate::render(&Full { page, here: "nodes" })
}

/// Everything but the form.
pub fn nodes_live(page: &NodesPage) -> String {
    crate::render(&Live { page })
}
