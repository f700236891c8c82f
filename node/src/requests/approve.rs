//! What waits for approval, what members say of it, and what follows for its jobs.

use std::collections::BTreeMap;

use horahora_protocol::{
    NodeId, Timestamp,
    approval::{Approve, Ruling, Subject, Verdict},
    entry::Body,
    group::GroupId,
};
use tokio::sync::broadcast::error::RecvError;

use super::{RequestError, Requests, set_video};
use crate::{
    approval::Approvals,
    feeds::Told,
    spawn::Tasks,
    store::{
        Batch, Store, StoreError,
        rows::{Code, JOBS, JobKey, JobRow, OPEN_JOBS, VIDEOS, VideoRow},
    },
};

/// Open jobs that are looked at for what waits: more is no help to who decides.
const LOOK: usize = 20_000;
/// Videos that are looked at at once, while nothing else changes them.
const PAGE: usize = 200;
/// Creators, and tags, that are counted.
const MOST: usize = 30;

/// Which of the waiting videos somebody wants to see.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those of this category; an empty one is that of videos of no category.
    pub category: Option<String>,
    /// Only those with all of these words in title, creator or tags, whatever the case.
    pub words: String,
}

/// What waits for approval in a group, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    /// Those that were asked for, each with its category.
    pub videos: Vec<(VideoRow, Option<String>)>,
    /// How many the filter lets through.
    pub found: u64,
    /// How many wait, as far as was looked.
    pub waiting: u64,
    /// Since when the oldest does.
    pub since: Option<Timestamp>,
    /// Whether there may be more.
    pub more: bool,
    /// How many are of each category; none is that of no category.
    pub categories: BTreeMap<Option<String>, u64>,
    /// Creators of most of those that were found: a video of each, and how many.
    pub creators: Vec<(VideoRow, u64)>,
    /// Tags of most of those that were found.
    pub tags: Vec<(String, u64)>,
}

impl Filter {
    fn fits(&self, video: &VideoRow, category: Option<&str>) -> bool {
        let sort = self.category.as_ref().is_none_or(|wanted| category.unwrap_or_default() == wanted);
        let text = [video.title.as_str(), video.creator.as_deref().unwrap_or_default()]
            .into_iter()
            .chain(video.tags.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join("\n")
            .to_lowercase();
        sort && self.words.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }
}

impl Requests {
    /// What the groups approve of.
    #[must_use]
    pub fn approvals(&self) -> &Approvals {
        &self.approvals
    }

    /// Says something of videos, creators or tags in a group, and tells its members.
    ///
    /// # Errors
    /// When it is too long, this node may not write in the group, or the disk fails.
    pub async fn judge(&self, group: GroupId, verdict: Verdict) -> Result<(), RequestError> {
        if !verdict.is_bounded() || verdict.subjects.is_empty() {
            return Err(RequestError::Verdict);
        }
        let mut written = Ok(());
        let (groups, body) = ([group], Body::Verdict(verdict.clone()));
        let publish = self.feeds.publish(&groups, body, |entry, batch| {
            let Some(entry) = entry else { return };
            written =
                learn_verdict(&self.store, &self.approvals, &group, (entry.at, entry.node), &verdict, batch);
        });
        publish.await?;
        written?;
        self.jobs.wake();
        self.live.tell("approval", serde_json::json!({}));
        Ok(())
    }

    /// What waits in a group.
    ///
    /// # Errors
    /// When the database fails.
    pub fn waiting(&self, group: &GroupId, filter: &Filter, limit: usize) -> Result<Queue, StoreError> {
        let rules = self.approvals.rules(group);
        let (mut queue, mut looked, mut after) = (Queue::default(), 0, None::<Vec<u8>>);
        let (mut creators, mut tags) = (BTreeMap::new(), BTreeMap::<String, u64>::new());
        loop {
            let page = self.store.scan(&OPEN_JOBS, &[1], after.as_deref(), PAGE)?;
            let Some((last, _)) = page.last() else { break };
            (after, looked) = (Some(last.clone()), looked + page.len());
            for (_, key) in page {
                let Some(video) = self.waits(&key, group)? else { continue };
                let category = rules.category(&video.tags).map(str::to_owned);
                queue.waiting += 1;
                queue.since = queue.since.or(Some(video.added));
                *queue.categories.entry(category.clone()).or_default() += 1;
                if !filter.fits(&video, category.as_deref()) {
                    continue;
                }
                queue.found += 1;
                if let Some(id) = &video.creator_id {
                    let key = (video.id.site().to_owned(), id.clone());
                    creators.entry(key).or_insert_with(|| (video.clone(), 0)).1 += 1;
                }
                for tag in &video.tags {
                    *tags.entry(tag.clone()).or_default() += 1;
                }
                if queue.videos.len() < limit {
                    queue.videos.push((video, category));
                }
            }
            if looked >= LOOK {
                queue.more = true;
                break;
            }
        }
        queue.creators = creators.into_values().collect();
        queue.creators.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        queue.creators.truncate(MOST);
        queue.tags = tags.into_iter().collect();
        queue.tags.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        queue.tags.truncate(MOST);
        Ok(queue)
    }

    fn waits(&self, key: &JobKey, group: &GroupId) -> Result<Option<VideoRow>, StoreError> {
        let job: Option<JobRow> = self.store.get(&JOBS, key.text().as_bytes())?;
        let waits = job.filter(|job| job.code == Some(Code::Approval)).and_then(|job| job.video);
        let Some(id) = waits else { return Ok(None) };
        let video: Option<VideoRow> = self.store.get(&VIDEOS, id.as_str().as_bytes())?;
        Ok(video.filter(|video| video.groups.contains(group)))
    }

    /// Looks at all videos again when other rules count, or when something was said of a creator or a tag.
    pub(super) fn follow_approvals(&self, tasks: &Tasks) {
        let requests = self.clone();
        tasks.spawn("approvals", async move {
            let (mut told, mut moved) = (requests.feeds.told(), requests.feeds.moved());
            // What was said just before a crash.
            let mut known = Vec::new();
            loop {
                let numbers = requests.approvals.numbers();
                let again = tokio::select! {
                    heard = told.recv() => match heard {
                        Ok(told) => requests.is_wide(&told),
                        Err(RecvError::Lagged(_)) => true,
                        Err(RecvError::Closed) => return,
                    },
                    changed = moved.changed(), if numbers == known => {
                        if changed.is_err() {
                            return;
                        }
                        false
                    }
                    () = std::future::ready(()), if numbers != known => true,
                };
                known = numbers;
                if again && let Err(error) = requests.settle_all() {
                    tracing::error!("what waits for approval cannot be looked at: {error}");
                }
            }
        });
    }

    /// Whether what was said decides of more than the videos that it names.
    fn is_wide(&self, told: &Told) -> bool {
        let Body::Verdict(verdict) = &*told.body else { return false };
        // Who is approved of once is no new creator any more.
        let by_creator = self.approvals.rules(&told.group).approve == Approve::NewCreators;
        by_creator || verdict.subjects.iter().any(|subject| !matches!(subject, Subject::Video(_)))
    }

    fn settle_all(&self) -> Result<(), StoreError> {
        let mut after = None::<Vec<u8>>;
        loop {
            let _changing = self.store.changing();
            let page: Vec<(_, VideoRow)> = self.store.scan(&VIDEOS, b"", after.as_deref(), PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            let mut batch = Batch::default();
            for (_, video) in page.iter().filter(|(_, video)| video.manifest.is_none()) {
                set_video(&self.store, &self.approvals, &mut batch, None, &video.id)?;
            }
            self.store.write(batch)?;
        }
        self.jobs.wake();
        self.live.tell("approval", serde_json::json!({}));
        Ok(())
    }
}

/// Adds to the batch what a member said. Videos that it names begin, or do not; those by a creator or with a tag are looked at
/// afterwards.
pub(crate) fn learn_verdict(
    store: &Store,
    approvals: &Approvals,
    group: &GroupId,
    said: (Timestamp, NodeId),
    verdict: &Verdict,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    approvals.learn(group, said, verdict, batch)?;
    for subject in &verdict.subjects {
        if let Subject::Video(id) = subject {
            set_video(store, approvals, batch, None, id)?;
        }
    }
    Ok(())
}

/// The ruling of a word.
#[must_use]
pub fn ruling(word: &str) -> Option<Ruling> {
    Some(match word {
        "approved" => Ruling::Approved,
        "refused" => Ruling::Refused,
        "open" => Ruling::Open,
        _ => return None,
    })
}
