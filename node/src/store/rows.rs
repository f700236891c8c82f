//! What is stored, table by table. Byte layouts of keys are here and nowhere else.

use std::collections::BTreeMap;

use horahora_protocol::{
    Cid, NodeId, Timestamp, VideoId,
    claim::Kind,
    feed::Head,
    group::GroupId,
    manifest::{Rendition, Segment},
    message::EntryBlocks,
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::Table;
use crate::{
    approval::VerdictRow,
    catalogue::NameRow,
    ingest::{Asked, Fetched},
    people::{InvitationRow, PersonRow, SessionRow},
};

mod community;
mod keys;
mod moderation;
mod requests;
mod uploads;
mod videos;

pub use community::{Gone, SaidRow, Tally, VoteRow};
pub use keys::{
    age, aged_key, claim_key, creator_key, creator_video_key, due_key, due_of, entry_key, entry_of,
    erased_key, feed_key, feed_of, measure_key, open_job_key, request_video_key, rung_prefix, said_key,
    said_prefix, segment_key, session_key, subject_key, told_key, vote_key,
};
pub use moderation::{
    ACTIONS, ActionRow, AnswerRow, HIDDEN, HOUSE, HOUSE_KEY, HiddenRow, LISTS, ListRow, MEASURES, MeasureRow,
    PAGES, REPORTS, ReportRow, SHELVES, THRESHOLD, THRESHOLD_KEY, TOKENS, TRUST, TrustRow,
};
pub use requests::RequestRow;
pub use uploads::{UPLOADS, UploadRow, UploadStand, Words};
pub use videos::{CaptureRow, Holding, ManifestRow, Told, VideoRow};

/// Facts about the node itself, under fixed names: the feed in its own first group.
pub const OWN_FEED: Table<OwnFeed> = Table::new(0);
/// Key of the own feed in [`OWN_FEED`].
pub const OWN_FEED_KEY: &[u8] = b"own_feed";
/// Entries with their bodies under `group ‖ node ‖ incarnation ‖ seq`.
pub const ENTRIES: Table<EntryBlocks> = Table::new(1);
/// Archive requests under `age ‖ id`.
pub const REQUESTS: Table<RequestRow> = Table::new(3);
/// Canonical source URL to the key in [`REQUESTS`], and request id to the same; under `early/ ‖ request ‖ entry` the
/// key in [`ENTRIES`] of a listing whose request is not known yet.
pub const REQUEST_KEYS: Table<Block> = Table::new(4);
/// Jobs under their key.
pub const JOBS: Table<JobRow> = Table::new(5);
/// Jobs that are not ended, under `kind ‖ created ‖ key`.
pub const OPEN_JOBS: Table<JobKey> = Table::new(6);
/// Videos under their id.
pub const VIDEOS: Table<VideoRow> = Table::new(7);
/// Videos, newest first, under `age ‖ id`.
pub const VIDEOS_BY_AGE: Table<VideoId> = Table::new(8);
/// Captures under their CID.
pub const CAPTURES: Table<CaptureRow> = Table::new(9);
/// Segments of captures in the making under `capture ‖ rung ‖ 0 ‖ number`, and the rung's head under
/// `capture ‖ rung ‖ 0`.
pub const SEGMENTS: Table<Growing> = Table::new(10);
/// Groups that this node follows, under their id. Its own is in [`OWN_FEED`].
pub const GROUPS: Table<GroupRow> = Table::new(11);
/// Where the feeds of others end, under `group ‖ node ‖ incarnation`.
pub const FEEDS: Table<Head> = Table::new(12);
/// Names of nodes as their feeds say, under the node's key.
pub const PROFILES: Table<String> = Table::new(13);
/// Nodes met before, under their key.
pub const PEERS: Table<PeerRow> = Table::new(14);
/// Manifest, or rendition that another member made, to its capture.
pub const MANIFESTS: Table<ManifestRow> = Table::new(15);
/// How much of a manifest is here, under its CID; no row means nothing.
pub const HOLDINGS: Table<Holding> = Table::new(16);
/// Videos that somebody wants kept on this node, under their id.
pub const KEPT: Table<Timestamp> = Table::new(17);
/// Captures that another node was making when last heard of, and their videos.
pub const ELSEWHERE: Table<VideoId> = Table::new(18);

/// The feeds that this node writes in groups besides its own first one, under the group's id.
pub const OWN_FEEDS: Table<OwnFeed> = Table::new(19);
/// Bodies of entries that change a group, under the entry's key in [`ENTRIES`].
pub const CHANGES: Table<Block> = Table::new(20);
/// Proofs of forks, under `group ‖ node ‖ incarnation ‖ seq`.
pub const FORKS: Table<Block> = Table::new(21);
/// Tickets that are being redeemed, under the invitation's CID.
pub const JOINS: Table<JoinRow> = Table::new(22);

/// What this node promised and claims, under `group ‖ job`.
pub const CLAIMS: Table<ClaimRow> = Table::new(23);

/// What was told of the manifests of captures, under `capture ‖ manifest`.
pub const TOLD: Table<Told> = Table::new(24);

/// The videos that a request lists, under `request ‖ number`.
pub const REQUEST_VIDEOS: Table<VideoId> = Table::new(25);

/// The files of videos that are imported from folders of this machine, under the videos' ids.
pub const IMPORTS: Table<Fetched> = Table::new(26);

/// What was asked of each site, under its name and the proxy's.
pub const SITES: Table<Asked> = Table::new(27);

/// The videos of each creator, under `site ‖ 0 ‖ id ‖ 0 ‖ age ‖ video`.
pub const CREATORS: Table<VideoId> = Table::new(28);

/// The names that creators had, under `site ‖ 0 ‖ id ‖ 0 ‖ name`.
pub const CREATOR_NAMES: Table<NameRow> = Table::new(29);

/// What members said of what waits for approval, under `group ‖ kind ‖ subject`.
pub const VERDICTS: Table<VerdictRow> = Table::new(30);

/// When captures of this node are looked at again at their origin, under `due ‖ capture`: when they were fetched.
pub const LOOKS: Table<Timestamp> = Table::new(31);

/// Renditions that members made of captures of others, until the manifest has them, under `capture ‖ rung ‖ 0`.
pub const RENDERED: Table<RenderedRow> = Table::new(32);

/// People with an account here, under their public keys.
pub const PEOPLE: Table<PersonRow> = Table::new(33);

/// Folded names to public keys of people.
pub const NAMES: Table<NodeId> = Table::new(34);

/// Who is logged in: under the hash of the cookie.
pub const SESSIONS: Table<SessionRow> = Table::new(35);

/// Invitations to make an account, under the hash of their code.
pub const INVITATIONS: Table<InvitationRow> = Table::new(36);

/// What people say, under `video ‖ 0 ‖ kind ‖ place ‖ act`: comments newest first, danmaku in the order of the video.
pub const SAID: Table<SaidRow> = Table::new(37);

/// Acts to their keys in [`SAID`].
pub const SAID_KEYS: Table<Block> = Table::new(38);

/// Votes of people on videos, under `video ‖ 0 ‖ person`.
pub const VOTES: Table<VoteRow> = Table::new(39);

/// What is counted of videos, under their ids.
pub const TALLIES: Table<Tally> = Table::new(40);

/// Acts that somebody wants hidden, under `act ‖ public key of who wants it`, or `act ‖ group`
/// for its admins; they may be heard of before the act.
pub const ERASED: Table<Gone> = Table::new(41);

/// A block of bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Block(#[serde(with = "serde_bytes")] pub Vec<u8>);

/// The feed that this node writes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OwnFeed {
    /// The group of its own that a node starts with.
    pub group: GroupId,
    /// The signed genesis of that group.
    pub genesis: Block,
    /// The group's name.
    pub group_name: String,
    /// Which life of the node.
    pub incarnation: u64,
    /// Where the feed ends.
    pub head: Option<Head>,
    /// Whether this node left the group.
    #[serde(default)]
    pub left: bool,
}

/// A row of [`GROUPS`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GroupRow {
    /// The signed genesis.
    pub genesis: Block,
    /// What people call it.
    pub name: String,
    /// Who made it.
    pub founder: NodeId,
    /// Since when it is followed.
    pub since: Timestamp,
    /// The node that told of it.
    pub via: NodeId,
}

/// A row of [`JOINS`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JoinRow {
    /// The ticket's text.
    pub ticket: String,
    /// The incarnation that the redemption names: the same at every try.
    pub incarnation: u64,
    /// Since when.
    pub since: Timestamp,
    /// Why it did not work yet.
    pub reason: Option<String>,
    /// Whether it cannot work any more.
    pub ended: bool,
}

/// A row of [`CLAIMS`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClaimRow {
    /// The signed claim that this node granted last.
    pub granted: Option<ByteBuf>,
    /// This node's own signed claim under way, and when it was said.
    pub own: Option<(ByteBuf, Timestamp)>,
}

/// A row of [`RENDERED`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RenderedRow {
    /// Who made it.
    pub by: NodeId,
    /// The rendition's block.
    pub rendition: Cid,
    /// Whether it is made here instead: it is not what it should be, or could not be fetched.
    pub refused: bool,
}

/// A row of [`PEERS`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PeerRow {
    /// Where it was last reached or said to be, best first.
    pub addresses: Vec<String>,
    /// When it was last connected.
    pub seen: Timestamp,
    /// What it called itself.
    pub name: String,
    /// Whether its public groups are followed.
    pub followed: bool,
    /// Whether somebody wants nothing of it any more.
    #[serde(default)]
    pub ignored: bool,
}

/// Where a request, a job or a video stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nobody began.
    Queued,
    /// Someone works on it.
    Running,
    /// It is tried again by itself, later.
    Waiting,
    /// It is tried again when the operator did something.
    NeedsOperator,
    /// Complete.
    Done,
    /// Given up; asking again tries again.
    Failed,
    /// The origin has it no more.
    Gone,
    /// Can never be a source.
    Refused,
}

impl State {
    /// Its name in JSON and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::NeedsOperator => "needs-operator",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Gone => "gone",
            Self::Refused => "refused",
        }
    }

    /// Whether nothing more happens by itself.
    #[must_use]
    pub fn ended(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Waiting => false,
            Self::NeedsOperator | Self::Done | Self::Failed | Self::Gone | Self::Refused => true,
        }
    }
}

/// Why something did not work, as programs see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Removed at the origin.
    Gone,
    /// Blocked for legal reasons.
    Legal,
    /// Not for this country.
    Geo,
    /// Needs an account at the origin.
    Login,
    /// Not published yet, or the site is under maintenance.
    NotYet,
    /// The site wants us to slow down.
    RateLimited,
    /// 401 or 403 without a reason.
    Forbidden,
    /// The network or the site's servers failed.
    Transient,
    /// No site that yt-dlp knows, or nothing to archive there.
    Unsupported,
    /// The site changed and yt-dlp does not know yet.
    ExtractorBroken,
    /// Our disk failed or is full.
    LocalIo,
    /// The disk has no more room than what stays free.
    DiskFull,
    /// yt-dlp's own work on the files failed.
    Postprocess,
    /// The site said no on purpose.
    Refused,
    /// The file ends too early or cannot be decoded.
    Damaged,
    /// The file is no picture and no sound.
    NotMedia,
    /// A tool of ours could not be used.
    ToolBroken,
    /// No connected node holds it.
    NoHolder,
    /// It is archived under another name.
    Duplicate,
    /// It is several videos, which stand beside it.
    Parts,
    /// Somebody paused its request.
    Paused,
    /// A member of its group has to approve of it first.
    Approval,
    /// A member of its group refused it.
    Disapproved,
    /// Its request leaves it out: it is larger, or older, than wanted.
    Unwanted,
    /// This node asked the site as much as it may today, or may not ask it at this hour.
    Budget,
}

/// What a job does. The same names are used in claims.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobKey {
    /// Find out what a request's URL names.
    List {
        /// The request.
        request: Cid,
        /// Which listing of it.
        n: u32,
    },
    /// Download a video and make it playable.
    Capture {
        /// The video.
        video: VideoId,
    },
    /// Fetch what is missing of a video from the nodes that hold it.
    Keep {
        /// The video.
        video: VideoId,
    },
    /// Look at an archived video again at its origin.
    Look {
        /// The video.
        video: VideoId,
    },
    /// Make one more rung of a capture.
    Rendition {
        /// The capture.
        capture: Cid,
        /// The rung's name, for example `v480`.
        rung: String,
    },
}

impl JobKey {
    /// [`JobKey::lane`] of the jobs that keep a video.
    pub const KEEP_LANE: u8 = 3;
    /// The same of those that look at one again.
    pub const LOOK_LANE: u8 = 4;

    /// First byte of its key in [`OPEN_JOBS`].
    #[must_use]
    pub fn lane(&self) -> u8 {
        match self {
            Self::List { .. } => 0,
            Self::Capture { .. } => 1,
            Self::Rendition { .. } => 2,
            Self::Keep { .. } => Self::KEEP_LANE,
            Self::Look { .. } => Self::LOOK_LANE,
        }
    }

    /// What kind of work it is for the claims of a group; none for what each node does for itself. Further sounds, preview
    /// pictures and the like are made faster than somebody else could fetch what they are made of.
    #[must_use]
    pub fn shared(&self) -> Option<Kind> {
        match self {
            Self::List { .. } => Some(Kind::List),
            Self::Capture { .. } => Some(Kind::Capture),
            Self::Rendition { rung, .. } => picture(rung).map(|_| Kind::Rendition),
            Self::Keep { .. } | Self::Look { .. } => None,
        }
    }

    /// Its text form, unique: `list/<request>/<n>`, `capture/<video>`, `rendition/<capture>/<rung>`,
    /// `keep/<video>`, `look/<video>`.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::List { request, n } => format!("list/{request}/{n}"),
            Self::Capture { video } => format!("capture/{video}"),
            Self::Rendition { capture, rung } => format!("rendition/{capture}/{rung}"),
            Self::Keep { video } => format!("keep/{video}"),
            Self::Look { video } => format!("look/{video}"),
        }
    }
}

/// Lines of the picture that a rung's name tells, and whether it is in AV1; none for what is no picture.
#[must_use]
pub fn picture(rung: &str) -> Option<(u32, bool)> {
    let size = rung.strip_prefix('v')?;
    let (size, av1) = size.strip_suffix("av1").map_or((size, false), |size| (size, true));
    let plain = (1..=5).contains(&size.len()) && size.bytes().all(|byte| byte.is_ascii_digit());
    size.parse().ok().filter(|lines| plain && *lines > 0).map(|lines| (lines, av1))
}

/// A row of [`JOBS`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobRow {
    /// What it does.
    pub key: JobKey,
    /// The video it belongs to, if one.
    pub video: Option<VideoId>,
    /// Where the source is.
    pub url: String,
    /// What people see it called.
    pub title: String,
    /// Where it stands.
    pub state: State,
    /// Why it does not go on.
    pub code: Option<Code>,
    /// The same for people.
    pub reason: Option<String>,
    /// Tries so far that failed for a passing cause.
    pub attempts: u32,
    /// Not to be begun before this time.
    pub not_before: Timestamp,
    /// When it was made.
    pub created: Timestamp,
    /// When its state last changed.
    pub updated: Timestamp,
}

impl JobRow {
    /// The same, complete.
    #[must_use]
    pub fn done(self, now: Timestamp) -> Self {
        Self { state: State::Done, code: None, reason: None, updated: now, ..self }
    }

    /// A job that may begin at once.
    #[must_use]
    pub fn queued(key: JobKey, video: Option<VideoId>, url: String, title: String, now: Timestamp) -> Self {
        Self {
            key,
            video,
            url,
            title,
            state: State::Queued,
            code: None,
            reason: None,
            attempts: 0,
            not_before: Timestamp::default(),
            created: now,
            updated: now,
        }
    }
}

/// A row of [`SEGMENTS`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Growing {
    /// Init segment and description; its list of segments is empty.
    Head(Box<Rendition>),
    /// One segment.
    Segment(Segment),
}

/// Tool name to version.
pub type Versions = BTreeMap<String, String>;
