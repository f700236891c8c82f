//! What is answered of nodes and groups.

use std::collections::BTreeMap;

use utoipa::ToSchema;

/// This node.
#[derive(ToSchema)]
pub(in crate::http) struct NodeInfo {
    /// Its id, `12D3KooW…`.
    node_id: String,
    /// What people call it.
    name: String,
    /// Of the program.
    version: String,
    /// Multiaddresses for peers.
    addresses: Vec<String>,
    /// Nodes connected now.
    connected: u64,
    /// What the hash table is told of.
    announced: Announced,
    /// Its groups.
    groups: Vec<Group>,
    /// The disk of the data folder.
    disk: Disk,
    /// What is taken from ffmpeg: `whole`, `files` or `limits`.
    confined: String,
    /// What makes smaller pictures: `x264`, `nvenc`, `qsv` or `vaapi`.
    encoder: String,
    /// Versions; null until installed.
    tools: BTreeMap<String, Option<String>>,
    /// How far each tool is.
    tools_status: Vec<ToolStatus>,
}

/// What the hash table is told of.
#[derive(ToSchema)]
pub(in crate::http) struct Announced {
    /// Keys in all.
    keys: u64,
    /// Those that somebody heard.
    told: u64,
}

/// Bytes of a disk.
#[derive(ToSchema)]
pub(in crate::http) struct Disk {
    /// What may still be written.
    free: u64,
    /// All of it.
    total: u64,
    /// What stays free.
    keep_free: u64,
}

/// How far a tool is.
#[derive(ToSchema)]
pub(in crate::http) struct ToolStatus {
    /// Its name.
    name: String,
    /// `queued`, `running`, `done` or `waiting`.
    state: String,
    /// 0 to 1, when it can be known.
    progress: Option<f64>,
    /// For people.
    message: String,
}

/// A group in short.
#[derive(ToSchema)]
pub(in crate::http) struct Group {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// What this node is in it: a role, `left` or `removed`.
    role: String,
    /// Whether only its members know of it.
    private: bool,
    /// How many nodes are in it.
    members: u64,
}

/// A group that this node is in or follows.
#[derive(ToSchema)]
pub(in crate::http) struct GroupState {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// What this node is in it: a role, `left` or `removed`.
    role: String,
    /// Whether only its members know of it.
    private: bool,
    /// How many nodes are in it.
    members: u64,
    /// The same on all nodes that have the same entries.
    state_digest: String,
}

/// A group that was made.
#[derive(ToSchema)]
pub(in crate::http) struct MadeGroup {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
}

/// A group that was joined.
#[derive(ToSchema)]
pub(in crate::http) struct Joined {
    /// `joined`.
    state: String,
    /// Its id.
    id: String,
    /// Its name, as soon as it is known.
    name: Option<String>,
}

/// A ticket that waits for a member.
#[derive(ToSchema)]
pub(in crate::http) struct Waits {
    /// `waiting`.
    state: String,
    /// Why.
    reason: String,
}

/// A ticket that was made.
#[derive(ToSchema)]
pub(in crate::http) struct MadeTicket {
    /// It.
    ticket: String,
    /// Until when it works, in milliseconds.
    expires_at: u64,
}

/// What a node is in a group.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::http) enum Role {
    /// Says who is in it.
    Admin,
    /// Writes into it.
    Member,
    /// Reads it.
    Follower,
}

/// What a ticket makes of a node.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::http) enum Admitted {
    /// Writes into the group.
    Member,
    /// Reads it.
    Follower,
}

/// A member of a group.
#[derive(ToSchema)]
pub(in crate::http) struct Member {
    /// Its id.
    node_id: String,
    /// Its name.
    name: String,
    /// Its role.
    role: Role,
    /// Who let it in; itself for the founder.
    via: String,
    /// Whether it is this node.
    here: bool,
    /// Whether it is connected to this node.
    connected: bool,
    /// `direct` or `relayed`; null while not connected.
    address_kind: Option<String>,
    /// Of the connection.
    address: Option<String>,
    /// Its own word; null until it said.
    version: Option<String>,
    /// When this node last heard from it, in milliseconds.
    last_seen: Option<u64>,
    /// Number of the last entry of its feed that is here.
    head: Option<u64>,
    /// Videos that it holds whole; its own word, as those that follow.
    videos: Option<u64>,
    /// Videos in part.
    parts: Option<u64>,
    /// Bytes of both.
    bytes: Option<u64>,
    /// Bytes that are free there.
    free: Option<u64>,
    /// Whether it told two stories.
    forked: bool,
}

/// Who may invite.
#[derive(ToSchema)]
pub(in crate::http) struct Policy {
    /// Whether members who are no admins may.
    members_invite: bool,
}

/// A group's rules.
#[derive(ToSchema)]
pub(in crate::http) struct Rules {
    /// Which listed videos wait until a member approves of them.
    approve: Approve,
    /// How they are sorted.
    categories: Vec<Category>,
}

/// Which videos wait for approval.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::http) enum Approve {
    /// None.
    Never,
    /// Those of creators of whom the group has nothing.
    NewCreators,
    /// All.
    Always,
}

/// A sort of videos.
#[derive(ToSchema)]
pub(in crate::http) struct Category {
    /// Its name.
    name: String,
    /// A video with one of these in one of its tags belongs to it.
    words: Vec<String>,
}

/// Other nodes.
#[derive(ToSchema)]
pub(in crate::http) struct Nodes {
    /// Those connected, the longest first, then followed ones that are away.
    items: Vec<Peer>,
    /// What was refused from peers since the start, by its reason.
    refusals: BTreeMap<String, u64>,
}

/// Another node.
#[derive(ToSchema)]
pub(in crate::http) struct Peer {
    /// Its id.
    node_id: String,
    /// Its own word.
    name: String,
    /// Whether it is connected.
    connected: bool,
    /// Since when, in milliseconds.
    connected_since: Option<u64>,
    /// When last, in milliseconds.
    last_seen: u64,
    /// Whether its public groups are followed.
    followed: bool,
    /// Of the connection.
    address: Option<String>,
    /// `direct` or `relayed`; null when away.
    link: Option<String>,
    /// Whether this node called.
    outgoing: Option<bool>,
    /// What program it says it runs.
    software: Option<String>,
    /// What it says it holds; null until it said.
    holds: Option<Holds>,
    /// Bytes of blobs moved since the start.
    bytes_in: u64,
    /// The other way.
    bytes_out: u64,
    /// Blobs moved since the start.
    blobs_in: u64,
    /// The other way.
    blobs_out: u64,
    /// Bytes a second now.
    rate_in: f64,
    /// The other way.
    rate_out: f64,
}

/// What a node holds.
#[derive(ToSchema)]
pub(in crate::http) struct Holds {
    /// Videos, whole.
    videos: u64,
    /// Videos in part.
    parts: u64,
    /// Bytes of both.
    bytes: u64,
}

/// A node that is called and followed from now on.
#[derive(ToSchema)]
pub(in crate::http) struct AddedNode {
    /// Its id.
    node_id: String,
}

/// A member that has a video.
#[derive(ToSchema)]
pub(in crate::http) struct Has {
    /// Its id.
    node: String,
    /// Its name.
    name: String,
    /// `whole` or `part`.
    copies: String,
}
