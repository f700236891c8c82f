//! What is answered of requests, jobs, sites, and what waits for approval.

use std::collections::BTreeMap;

use utoipa::ToSchema;

/// Where a request, a job or a video stands.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::http) enum State {
    /// Nobody began.
    Queued,
    /// Someone works on it.
    Running,
    /// It is tried again by itself.
    Waiting,
    /// It is tried again when the operator did something.
    NeedsOperator,
    /// Complete.
    Done,
    /// Given up.
    Failed,
    /// The origin has it no more.
    Gone,
    /// Can never be a source.
    Refused,
}

/// Whether a request goes on.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::http) enum Stand {
    /// It does.
    Active,
    /// It rests.
    Paused,
    /// Nobody wants more of it.
    Removed,
}

/// How often a request is drawn.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::http) enum Priority {
    /// A quarter as often as others.
    Low,
    /// As often.
    Usual,
    /// Four times as often.
    High,
}

/// How a request is meant, as `POST /api/v1/requests` takes it.
#[derive(ToSchema)]
pub(in crate::http) struct Options {
    /// Whether a list is looked at again.
    follow: bool,
    /// Only so many of its first videos.
    newest: Option<u32>,
    /// Only what was published then or later, in milliseconds.
    since: Option<u64>,
    /// Only videos with these words in their titles.
    title: Option<String>,
    /// At most so many pixels.
    max_height: Option<u32>,
    /// No video that is larger.
    max_bytes: Option<u64>,
    /// Whether replies are kept.
    comments: bool,
    /// Whether picture and sound are wanted; left out where they are.
    media: bool,
    /// How often it is drawn; left out where it is as usual.
    priority: Priority,
}

/// A request.
#[derive(ToSchema)]
pub(in crate::http) struct Request {
    /// The CID of its signed entry.
    id: String,
    /// The source as given.
    url: String,
    /// What the source calls itself; null until listed.
    title: Option<String>,
    /// When it was asked, in milliseconds.
    at: u64,
    /// Where it stands.
    state: State,
    /// Why it does not go on; `docs/API.md` lists the codes.
    code: Option<String>,
    /// The same in words.
    reason: Option<String>,
    /// 0 to 1 over all its videos.
    progress: f64,
    /// Ids of its first 1,000 videos.
    videos: Vec<String>,
    /// How many it lists.
    count: u64,
    /// How many of them are where.
    counts: Counts,
    /// How many members want it.
    subscribers: u32,
    /// Whether this node is one of them.
    subscribed: bool,
    /// The group that it was asked for in.
    group: String,
    /// Whether it goes on.
    stand: Stand,
    /// How it is meant.
    options: Options,
    /// When its source is looked at again by itself, in milliseconds.
    next_at: Option<u64>,
}

/// How many videos are where.
#[derive(ToSchema)]
pub(in crate::http) struct Counts {
    /// Complete.
    done: u64,
    /// Being worked on.
    running: u64,
    /// Ended without success.
    failed: u64,
    /// Not begun, or tried again later.
    waiting: u64,
}

/// A video of a request.
#[derive(ToSchema)]
pub(in crate::http) struct RequestedVideo {
    /// Its id.
    id: String,
    /// Its title.
    title: String,
    /// Where it stands.
    state: State,
    /// Why.
    code: Option<String>,
    /// The same in words.
    reason: Option<String>,
    /// CID of its latest manifest.
    manifest: Option<String>,
}

/// What a link is.
#[derive(ToSchema)]
pub(in crate::http) struct Inspected {
    /// The link.
    url: String,
    /// `video`, `playlist` or `unsupported`.
    kind: String,
    /// Key of the extractor that reads it.
    extractor: Option<String>,
    /// `<extractor>:<id>`, where the link tells.
    id: Option<String>,
    /// What the site calls it.
    title: Option<String>,
    /// How many videos the site says that it has.
    count: Option<u64>,
    /// Whether the video is here.
    archived: bool,
    /// Of a list that was asked: how many of its first videos are here.
    first: Option<First>,
    /// What archiving all of it takes.
    estimate: Option<Estimate>,
    /// The same in a sentence or two.
    says: String,
}

/// The first videos of a list.
#[derive(ToSchema)]
pub(in crate::http) struct First {
    /// How many were told.
    listed: u64,
    /// How many of those are archived.
    archived: u64,
}

/// What archiving takes.
#[derive(ToSchema)]
pub(in crate::http) struct Estimate {
    /// Bytes on the disk.
    bytes: u64,
    /// Seconds for this node alone.
    seconds: u64,
}

/// A source site.
#[derive(ToSchema)]
pub(in crate::http) struct Site {
    /// A host, with its port unless that is the usual one.
    site: String,
    /// Requests in the last minute.
    requests_minute: u64,
    /// As many as may be; null is no limit.
    requests_per_minute: Option<u32>,
    /// Requests today.
    requests_today: u64,
    /// As many as may be.
    requests_per_day: Option<u64>,
    /// Bytes today.
    bytes_today: u64,
    /// As many as may be.
    bytes_per_day: Option<u64>,
    /// The hours at which it is asked.
    hours: Option<String>,
    /// Until when nothing is begun there, in milliseconds.
    closed_until: Option<u64>,
    /// Why: `rate_limited` or `budget`.
    code: Option<String>,
    /// The same in words.
    reason: Option<String>,
    /// A few words about the cookies for it.
    cookies: Option<String>,
}

/// A job.
#[derive(ToSchema)]
pub(in crate::http) struct Job {
    /// Its name.
    id: String,
    /// The same, in the list of jobs.
    job: String,
    /// What follows the kind in its name, in the list of jobs.
    subject: String,
    /// `list`, `capture`, `rendition`, `keep` or `look`.
    kind: String,
    /// What people see it called.
    title: String,
    /// Its video.
    video: Option<String>,
    /// Where it stands.
    state: State,
    /// Why.
    code: Option<String>,
    /// The same in words.
    reason: Option<String>,
    /// Tries so far that failed for a passing cause.
    attempts: u64,
    /// When it is tried again, in milliseconds.
    not_before: Option<u64>,
    /// 0 to 1.
    progress: f64,
    /// What it does, in words.
    doing: Option<String>,
    /// The group that shares it out; only there, as what follows.
    group: String,
    /// The node that does it.
    claimant: Option<String>,
    /// Which tenure it is.
    epoch: u64,
    /// Whether witnesses granted it.
    witnessed: bool,
    /// The member that it suits best.
    next: Option<String>,
    /// Members that could not do it.
    failures: Vec<JobFailure>,
}

/// A member that could not do a job.
#[derive(ToSchema)]
pub(in crate::http) struct JobFailure {
    /// Its id.
    node: String,
    /// Why.
    code: String,
    /// The same in words.
    reason: String,
}

/// What is all right and what is not.
#[derive(ToSchema)]
pub(in crate::http) struct Report {
    /// Feed entries whose chain, signature and body fit.
    entries: u64,
    /// Manifests that were read.
    manifests: u64,
    /// Blobs whose bytes fit their address.
    blobs: u64,
    /// Their size.
    bytes: u64,
    /// Blobs that nothing links.
    strays: u64,
    /// In words; empty when all is well.
    problems: Vec<String>,
}

/// What is said of what waits.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::http) enum Ruling {
    /// It may be fetched.
    Approved,
    /// It is not fetched.
    Refused,
    /// What was said before counts no more.
    Open,
}

/// What waits for approval in a group.
#[derive(ToSchema)]
pub(in crate::http) struct Queue {
    /// The group.
    group: String,
    /// How many wait.
    waiting: u64,
    /// How many of them fit.
    found: u64,
    /// Whether there are more than were looked at.
    more: bool,
    /// How they are sorted.
    categories: Vec<NameCount>,
    /// By whom they are.
    creators: Vec<CreatorCount>,
    /// Their tags.
    tags: Vec<TagCount>,
    /// The oldest first.
    items: Vec<Waiting>,
    /// What was said and counts.
    standing: Vec<Standing>,
}

/// How many there are of something.
#[derive(ToSchema)]
pub(in crate::http) struct NameCount {
    /// Its name; empty for videos of none.
    name: String,
    /// How many.
    count: u64,
}

/// How many videos wait of a creator.
#[derive(ToSchema)]
pub(in crate::http) struct CreatorCount {
    /// The site.
    site: String,
    /// The site's id of them.
    id: Option<String>,
    /// Their name.
    name: Option<String>,
    /// How many.
    count: u64,
}

/// How many videos wait with a tag.
#[derive(ToSchema)]
pub(in crate::http) struct TagCount {
    /// It.
    tag: String,
    /// How many.
    count: u64,
}

/// A video that waits for approval.
#[derive(ToSchema)]
pub(in crate::http) struct Waiting {
    /// Its id.
    id: String,
    /// Its title.
    title: String,
    /// Where the source is.
    url: String,
    /// Who made it.
    creator: Option<String>,
    /// What the site calls them.
    creator_id: Option<String>,
    /// Its tags.
    tags: Vec<String>,
    /// What it is sorted under.
    category: Option<String>,
    /// Its length.
    duration_ms: u64,
    /// When it was heard of, in milliseconds.
    added: u64,
    /// Ids of the requests that want it.
    requests: Vec<String>,
}

/// What was said and counts.
#[derive(ToSchema)]
pub(in crate::http) struct Standing {
    /// Of what: `{"video": ID}`, `{"creator": {"site", "id"}}` or `{"tag": TEXT}`.
    #[schema(value_type = Object)]
    subject: BTreeMap<String, String>,
    /// What.
    ruling: Ruling,
    /// Why.
    reason: String,
    /// When, in milliseconds.
    at: u64,
    /// The node that said it.
    by: String,
}

/// Of how many subjects something was said.
#[derive(ToSchema)]
pub(in crate::http) struct Judged {
    /// How many.
    subjects: u64,
}
