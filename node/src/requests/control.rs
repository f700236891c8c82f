//! Pausing, resuming, changing and removing requests, and looking at followed sources again.

use std::time::Duration;

use horahora_protocol::{
    Cid, Timestamp, VideoId,
    entry::Body,
    request::{Options, RequestChange, Stand},
};

use super::{RequestError, Requests, find, is_local, list_job, options_of, put, videos};
use crate::{
    approval::{Approvals, Hold},
    clock,
    jobs::Jobs,
    spawn::Tasks,
    store::{
        Batch, Store, StoreError,
        rows::{
            Block, Code, JOBS, JobKey, JobRow, REQUEST_KEYS, REQUESTS, RequestRow, State, VIDEOS,
            VIDEOS_BY_AGE, VideoRow, aged_key,
        },
    },
};

/// How often it is looked whether a followed source is to be looked at again.
const LOOK: Duration = Duration::from_secs(30);
const DAY_MS: u64 = 24 * 3_600_000;
/// The longest pause between two looks at a followed source.
const LONGEST_MS: u64 = 8 * DAY_MS;
/// When what is paused begins by itself: in the year 2100.
const NEVER: Timestamp = Timestamp(4_102_444_800_000);
const PAUSED: &str = "Paused. It goes on when its request is resumed on the Archive page.";
/// Videos of a request that are looked at at once.
const PAGE: usize = 1_000;

impl Requests {
    /// Means a request otherwise from now on, and tells the group.
    ///
    /// # Errors
    /// When it is not known, this node may not write in its group, or the disk fails.
    pub async fn change(
        &self,
        id: &Cid,
        stand: Option<Stand>,
        options: Option<Options>,
    ) -> Result<(), RequestError> {
        let _one = self.submitting.lock().await;
        let (key, row) = find(&self.store, id)?.ok_or(RequestError::Unknown)?;
        let change = RequestChange {
            v: 1,
            request: row.id,
            stand: stand.unwrap_or(row.stand),
            options: options.unwrap_or_else(|| options_of(&row)),
        };
        if !change.options.is_bounded() {
            return Err(RequestError::TooLong);
        }
        let group = row.group.unwrap_or_else(|| self.feeds.home());
        let mut written = Ok(());
        let body = Body::RequestChange(change.clone());
        // What only this node can do is nothing to tell others.
        let told = if is_local(&row.url) { Vec::new() } else { vec![group] };
        self.feeds
            .publish(&told, body, |entry, batch| {
                written = (|| {
                    // Others' listings were perhaps learned meanwhile.
                    let mut row: RequestRow = self.store.get(&REQUESTS, &key)?.unwrap_or_else(|| row.clone());
                    let now = entry.map_or_else(clock::now, |entry| entry.at);
                    row.changed = entry.map(|entry| (now, entry.node));
                    apply(&self.store, &self.approvals, &key, &mut row, &change, batch)
                })();
            })
            .await?;
        written?;
        self.jobs.wake();
        self.live.tell("request", serde_json::json!({ "id": id.to_string() }));
        Ok(())
    }

    /// Tries once more what ended without success in a request; the source itself if nothing was listed.
    ///
    /// # Errors
    /// When it is not known, or the database fails.
    pub async fn retry(&self, id: &Cid) -> Result<(), RequestError> {
        let _one = self.submitting.lock().await;
        let (key, row) = find(&self.store, id)?.ok_or(RequestError::Unknown)?;
        Ok(self.again(&key, row)?)
    }

    /// Looks at followed sources again when it is time.
    pub fn start(&self, tasks: &Tasks) {
        self.follow_approvals(tasks);
        let requests = self.clone();
        tasks.spawn("follow", async move {
            let mut ticks = tokio::time::interval(LOOK);
            loop {
                ticks.tick().await;
                if let Err(error) = requests.follow(clock::now()) {
                    tracing::error!("followed sources cannot be looked at: {error}");
                }
            }
        });
    }

    /// Adds a listing for each followed source whose time has come.
    fn follow(&self, now: Timestamp) -> Result<(), StoreError> {
        for (key, row) in self.store.scan(&REQUESTS, b"", None, usize::MAX)? {
            if !is_due(&row, now) {
                continue;
            }
            let job: Option<JobRow> = self.store.get(&JOBS, list_job(&row).key.text().as_bytes())?;
            if job.is_some_and(|job| job.state.ended()) {
                self.list_again(&key)?;
            }
        }
        Ok(())
    }

    pub(super) fn list_again(&self, key: &[u8]) -> Result<(), StoreError> {
        let _changing = self.store.changing();
        let Some(mut row): Option<RequestRow> = self.store.get(&REQUESTS, key)? else { return Ok(()) };
        row.listings += 1;
        let mut batch = Batch::default();
        put(&mut batch, key, &row);
        Jobs::add(&mut batch, &list_job(&row));
        self.store.write(batch)?;
        self.jobs.wake();
        Ok(())
    }
}

/// Notes when a source is to be looked at next, after a listing that found something new or did not: after a day, then twice
/// as long each time that there is nothing new, up to eight days.
pub(crate) fn listed(row: &mut RequestRow, at: Timestamp, news: bool) {
    let longer = row.interval_ms.saturating_mul(2).clamp(DAY_MS, LONGEST_MS);
    row.interval_ms = if news { DAY_MS } else { longer };
    row.next_at = at.plus_ms(row.interval_ms);
}

/// Whether a followed source is to be looked at again.
fn is_due(row: &RequestRow, now: Timestamp) -> bool {
    let due = row.next_at.0 > 0 && row.next_at <= now;
    due && row.is_list() && row.stand == Stand::Active && options_of(row).follow
}

/// Adds to the batch what follows from a change.
pub(super) fn apply(
    store: &Store,
    approvals: &Approvals,
    key: &[u8],
    row: &mut RequestRow,
    change: &RequestChange,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    row.stand = change.stand;
    row.options = Some(change.options.clone());
    put(batch, key, row);
    if row.stand == Stand::Removed {
        // Who asks for it later asks anew; who did already has a request that stays.
        for name in source_names(row) {
            let known: Option<Block> = store.get_after(batch, &REQUEST_KEYS, name.as_bytes())?;
            if known.is_some_and(|Block(known)| known == key) {
                batch.remove(&REQUEST_KEYS, name.as_bytes());
            }
        }
    }
    let listing = list_job(row).key;
    let stand = row.stand;
    set(store, batch, &listing, stand, None)?;
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = videos::page(store, &row.id, after.as_deref(), PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        for (_, video) in &page {
            set_video(store, approvals, batch, Some(row), video)?;
        }
    }
}

/// What a request's source is found by: in its group, and as it was written before requests were shared.
fn source_names(row: &RequestRow) -> Vec<String> {
    let Some(url) = super::feed::source(&row.url) else { return Vec::new() };
    let shared = row.group.map(|group| super::feed::canonical(&url, &group));
    shared.into_iter().chain([url.into()]).collect()
}

/// A job that is to be begun by itself, as far as its requests go on.
pub(crate) fn as_it_stands(
    store: &Store,
    approvals: &Approvals,
    mut job: JobRow,
) -> Result<JobRow, StoreError> {
    if !matches!(job.state, State::Queued | State::Waiting) {
        return Ok(job);
    }
    let (mut stand, mut hold) = (None, None);
    match &job.key {
        JobKey::List { request, .. } => stand = find(store, request)?.map(|(_, row)| row.stand),
        JobKey::Capture { video } => {
            let row: Option<VideoRow> = store.get(&VIDEOS, video.as_str().as_bytes())?;
            if let Some(row) = row.filter(|_| !is_local(&job.url)) {
                stand = stand_of(store, &row.requests)?;
                hold = approvals.hold(&Batch::default(), &row)?;
            }
        }
        JobKey::Rendition { .. } | JobKey::Keep { .. } | JobKey::Look { .. } => {}
    }
    match stand {
        Some(Stand::Paused) => pause(&mut job),
        Some(Stand::Removed) => {
            (job.state, job.code, job.reason) =
                (State::Refused, Some(Code::Unwanted), Some("Its request was removed.".to_owned()));
        }
        Some(Stand::Active) | None => {
            if let Some(hold) = hold {
                wait_for(&mut job, hold);
            }
        }
    }
    Ok(job)
}

/// How a video's requests stand, taken together.
fn stand_of(store: &Store, requests: &[Cid]) -> Result<Option<Stand>, StoreError> {
    let mut stands = Vec::new();
    for request in requests {
        stands.extend(find(store, request)?.map(|(_, row)| row.stand));
    }
    Ok(stands.into_iter().min())
}

fn pause(job: &mut JobRow) {
    (job.state, job.code, job.reason) = (State::Waiting, Some(Code::Paused), Some(PAUSED.to_owned()));
    job.not_before = NEVER;
}

fn wait_for(job: &mut JobRow, hold: Hold) {
    let waits = hold.code == Code::Approval;
    job.state = if waits { State::Waiting } else { State::Refused };
    (job.code, job.reason, job.not_before) = (Some(hold.code), Some(hold.reason), NEVER);
}

/// A video is begun while one of its requests is active (`row` is one as it will be written) and its group lets it.
pub(crate) fn set_video(
    store: &Store,
    approvals: &Approvals,
    batch: &mut Batch,
    row: Option<&RequestRow>,
    id: &VideoId,
) -> Result<(), StoreError> {
    let Some(mut video): Option<VideoRow> = store.get_after(batch, &VIDEOS, id.as_str().as_bytes())? else {
        return Ok(());
    };
    // This one's row is perhaps not written yet.
    let others = video.requests.iter().copied().filter(|other| row.is_none_or(|row| *other != row.id));
    let others = stand_of(store, &others.collect::<Vec<_>>())?;
    let stand = row.map(|row| row.stand).into_iter().chain(others).min().unwrap_or_default();
    let hold = if is_local(&video.url) { None } else { approvals.hold(batch, &video)? };
    let key = JobKey::Capture { video: id.clone() };
    let Some(job) = set(store, batch, &key, stand, hold)? else { return Ok(()) };
    if stand == Stand::Removed && video.all_captures().next().is_none() {
        batch.remove(&VIDEOS, id.as_str().as_bytes());
        batch.remove(&VIDEOS_BY_AGE, &aged_key(video.added, id.as_str().as_bytes()));
        return Ok(());
    }
    if video.manifest.is_none() {
        (video.state, video.code, video.reason) = (job.state, job.code, job.reason);
        batch.put(&VIDEOS, id.as_str().as_bytes(), &video);
    }
    Ok(())
}

/// Lets a job that is not at work wait, go on, or vanish. Gives the job if that changed it.
fn set(
    store: &Store,
    batch: &mut Batch,
    key: &JobKey,
    stand: Stand,
    hold: Option<Hold>,
) -> Result<Option<JobRow>, StoreError> {
    let job: Option<JobRow> = store.get_after(batch, &JOBS, key.text().as_bytes())?;
    let refused = |job: &JobRow| job.code == Some(Code::Disapproved);
    let open = |job: &JobRow| (!job.state.ended() || refused(job)) && job.state != State::Running;
    let Some(mut job) = job.filter(open) else { return Ok(None) };
    let held = matches!(job.code, Some(Code::Paused | Code::Approval | Code::Disapproved));
    match (stand, hold) {
        (Stand::Active, Some(hold))
            if job.code == Some(hold.code) && job.reason.as_ref() == Some(&hold.reason) =>
        {
            return Ok(None);
        }
        (Stand::Active, Some(hold)) => wait_for(&mut job, hold),
        (Stand::Active, None) if held => {
            (job.state, job.code, job.reason) = (State::Queued, None, None);
            job.not_before = Timestamp::default();
        }
        (Stand::Active, None) => return Ok(None),
        (Stand::Paused, _) => pause(&mut job),
        (Stand::Removed, _) => {
            let ended = JobRow { state: State::Refused, ..job.clone() };
            Jobs::add(batch, &ended);
            batch.remove(&JOBS, key.text().as_bytes());
            return Ok(Some(ended));
        }
    }
    job.updated = clock::now();
    Jobs::add(batch, &job);
    Ok(Some(job))
}

#[cfg(test)]
mod tests {
    use horahora_protocol::{Codec, NodeKey};

    use super::*;

    fn row() -> RequestRow {
        let (id, by) = (Cid::of(Codec::DagCbor, b"a request"), NodeKey::from_secret(&[7; 32]).node_id());
        let options = Options { follow: true, ..Options::default() };
        RequestRow::new(id, "https://example.org/tag", Timestamp(1), id, by, options)
    }

    #[test]
    fn a_source_rests_longer_while_it_has_nothing_new() {
        let mut row = row();
        let days = |row: &RequestRow| row.next_at.0 / DAY_MS;
        for (news, day) in [(true, 1), (false, 2), (false, 4), (false, 8), (false, 8), (true, 1), (false, 2)]
        {
            listed(&mut row, Timestamp(0), news);
            assert_eq!(days(&row), day);
        }
    }

    #[test]
    fn only_active_followed_lists_are_looked_at_again_and_in_time() {
        let day = Timestamp(DAY_MS);
        let mut due = row();
        assert!(!is_due(&due, day), "it was never listed");
        listed(&mut due, Timestamp(0), true);
        assert!(!is_due(&due, day), "a single video");
        due.list = true;
        assert!(is_due(&due, day) && !is_due(&due, Timestamp(DAY_MS - 1)));
        assert!(!is_due(&RequestRow { stand: Stand::Paused, ..due.clone() }, day));
        assert!(!is_due(&RequestRow { options: Some(Options::default()), ..due }, day));
    }
}
