//! What people say of videos: comments, danmaku, votes, views. Said here it travels with the groups of the video; heard from other
//! members it stands beside what was said here.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use horahora_protocol::{
    Cid, NodeId, VideoId,
    community::{Act, Removal, Said, Views, Vote, What},
    entry::Body,
    group::{GroupId, Role},
    limits,
};
use serde_json::json;
use thiserror::Error;

use crate::{
    catalogue::Catalogue,
    clock,
    feeds::{Feeds, FeedsError},
    groups::Groups,
    live::Live,
    people::{PersonRow, Throttle},
    spawn::Tasks,
    store::{
        Batch, Store, StoreError,
        rows::{
            Block, SAID, SAID_KEYS, SaidRow, TALLIES, Tally, VOTES, VideoRow, VoteRow, said_prefix, vote_key,
        },
    },
};

mod learn;

pub use learn::{Source, learn};

/// How long views are gathered before other nodes hear of them.
const TELL_VIEWS: Duration = Duration::from_secs(60);
/// What one person may say in a minute.
const A_MINUTE: u32 = 30;
const MINUTE_MS: u64 = 60_000;
/// For how long watching again from the same place is the same view.
const SAME_VIEW_MS: u64 = 30 * MINUTE_MS;

/// Why something was not said.
#[derive(Debug, Error)]
pub enum CommunityError {
    /// There are no words, or too many.
    #[error("{0}")]
    Text(&'static str),
    /// The person says too much.
    #[error("That is a lot at once. Wait a minute.")]
    TooMuch,
    /// There is nothing with this address here, or it is somebody else's.
    #[error("There is nothing of yours with this address here.")]
    Unknown,
    /// The account's key is damaged.
    #[error("This account's key is damaged.")]
    Key,
    /// This node may not write where the video is.
    #[error("This node only follows the private group that has it.")]
    NotAMember,
    /// Moderators do not want them to.
    #[error("The moderators of this node do not show what you say: {0}")]
    Silenced(String),
    /// Others decide of it.
    #[error("Moderators of the node that it came from, and of the group's admins, hide it.")]
    NotAllowed,
    /// It could not be written.
    #[error(transparent)]
    Feeds(#[from] FeedsError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The community. Clones share it.
#[derive(Debug, Clone)]
pub struct Community {
    store: Store,
    feeds: Feeds,
    groups: Groups,
    catalogue: Catalogue,
    live: Live,
    tries: Arc<Throttle>,
    untold: Arc<Mutex<BTreeSet<VideoId>>>,
}

impl Community {
    /// The community over these rooms.
    #[must_use]
    pub fn new(store: Store, feeds: Feeds, groups: Groups, catalogue: Catalogue, live: Live) -> Self {
        Self { store, feeds, groups, catalogue, live, tries: Arc::default(), untold: Arc::default() }
    }

    /// Tells other nodes of views, from time to time.
    pub fn start(&self, tasks: &Tasks) {
        let community = self.clone();
        tasks.spawn("views", async move {
            loop {
                tokio::time::sleep(TELL_VIEWS).await;
                let untold = std::mem::take(&mut *community.untold());
                if let Err(error) = community.tell_views(&untold).await {
                    tracing::warn!("views cannot be told: {error}");
                    community.untold().extend(untold);
                }
            }
        });
    }

    /// A person says something of a video. Gives the address of their words.
    ///
    /// # Errors
    /// When there are no words or too many, or it cannot be written.
    pub async fn say(&self, person: &PersonRow, video: &VideoRow, what: What) -> Result<Cid, CommunityError> {
        check(&what)?;
        if let Some(standing) = self.catalogue.standings().of_person(&person.id)
            && !matches!(what, What::Erase { .. })
        {
            return Err(CommunityError::Silenced(standing.reason));
        }
        if !self.tries.allow(&format!("said {}", person.id), A_MINUTE, MINUTE_MS) {
            return Err(CommunityError::TooMuch);
        }
        if let What::Comment { reply_to: Some(to), .. } = &what
            && self.said(to)?.is_none_or(|row| row.video != video.id)
        {
            return Err(CommunityError::Unknown);
        }
        if let What::Erase { target } = &what
            && self.said(target)?.is_none_or(|row| row.who != person.id)
        {
            return Err(CommunityError::Unknown);
        }
        let key = person.key().ok_or(CommunityError::Key)?;
        let act = key.sign(Act {
            v: 1,
            who: person.id,
            home: self.feeds.me(),
            at: clock::now(),
            video: video.id.clone(),
            what,
        });
        let id = act.block().0;
        let said = Said { v: 1, name: person.name.clone(), act: act.into_signed() };
        self.publish(&self.places(video).await?, Body::Said(said)).await?;
        Ok(id)
    }

    /// A moderator hides what somebody said.
    ///
    /// # Errors
    /// When it is not known here, or cannot be written.
    pub async fn remove(&self, target: &Cid, reason: &str) -> Result<SaidRow, CommunityError> {
        if reason.len() > limits::REASON_BYTES {
            return Err(CommunityError::Text("A reason has at most 1,024 bytes."));
        }
        let row = self.said(target)?.ok_or(CommunityError::Unknown)?;
        let writable = self.feeds.writable().await;
        // Elsewhere it would count for nothing.
        let counts =
            |group: &GroupId| row.home == self.feeds.me() || self.groups.role(group) == Some(Role::Admin);
        let groups = row.groups.iter().copied().filter(|group| writable.contains(group) && counts(group));
        let groups: Vec<_> = groups.collect();
        if groups.is_empty() {
            return Err(CommunityError::NotAllowed);
        }
        self.publish(&groups, Body::Removal(Removal { v: 1, target: *target, reason: reason.to_owned() }))
            .await?;
        Ok(row)
    }

    /// Somebody watched a video here. `from` is where they are: again from there counts once in half an hour.
    ///
    /// # Errors
    /// When the database fails.
    pub fn viewed(&self, video: &VideoId, from: &str) -> Result<(), StoreError> {
        if !self.tries.allow(&format!("view {from} {video}"), 1, SAME_VIEW_MS) {
            return Ok(());
        }
        let _changing = self.store.changing();
        let (me, mut tally) = (self.feeds.me(), self.tally(video)?);
        let now = tally.viewed_on(&me) + 1;
        tally.count(me, now);
        let mut batch = Batch::default();
        batch.put(&TALLIES, video.as_str().as_bytes(), &tally);
        self.store.write(batch)?;
        self.untold().insert(video.clone());
        Ok(())
    }

    /// What people wrote below a video, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn comments(&self, video: &VideoId, limit: usize) -> Result<Vec<SaidRow>, StoreError> {
        let rows = self.store.scan(&SAID, &said_prefix(video, 0), None, limit)?;
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// What people wrote over a video, in its order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn danmaku(&self, video: &VideoId, limit: usize) -> Result<Vec<SaidRow>, StoreError> {
        let rows = self.store.scan(&SAID, &said_prefix(video, 1), None, limit)?;
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// What is counted of a video.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tally(&self, video: &VideoId) -> Result<Tally, StoreError> {
        Ok(self.store.get(&TALLIES, video.as_str().as_bytes())?.unwrap_or_default())
    }

    /// What somebody thinks of a video.
    ///
    /// # Errors
    /// When the database fails.
    pub fn vote(&self, video: &VideoId, person: &NodeId) -> Result<Vote, StoreError> {
        let row: Option<VoteRow> = self.store.get(&VOTES, &vote_key(video, person))?;
        Ok(row.map_or(Vote::None, |row| row.vote))
    }

    /// One thing that somebody said.
    ///
    /// # Errors
    /// When the database fails.
    pub fn said(&self, act: &Cid) -> Result<Option<SaidRow>, StoreError> {
        let key: Option<Block> = self.store.get(&SAID_KEYS, &act.to_bytes())?;
        key.map(|Block(key)| self.store.get(&SAID, &key)).transpose().map(Option::flatten)
    }

    /// Where what is said of a video is written: its groups that this node is in, else its own one if the video is public.
    async fn places(&self, video: &VideoRow) -> Result<Vec<GroupId>, CommunityError> {
        let (groups, public) = (self.catalogue.groups_of_video(video)?, self.catalogue.is_public(video)?);
        let groups = self.feeds.places(groups, public).await;
        if groups.is_empty() { Err(CommunityError::NotAMember) } else { Ok(groups) }
    }

    async fn publish(&self, groups: &[GroupId], body: Body) -> Result<(), CommunityError> {
        let (mut learned, node) = (Ok(Vec::new()), self.feeds.me());
        let publish = self.feeds.publish(groups, body.clone(), |_, batch| {
            for group in groups {
                let admin = self.groups.role(group) == Some(Role::Admin);
                let source = Source { group: *group, node, admin };
                if learned.is_ok() {
                    learned = learn(&self.store, source, &body, batch);
                }
            }
        });
        publish.await?;
        for video in learned? {
            self.live.tell("said", json!({ "id": video }));
        }
        Ok(())
    }

    fn untold(&self) -> MutexGuard<'_, BTreeSet<VideoId>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn tell_views(&self, untold: &BTreeSet<VideoId>) -> Result<(), CommunityError> {
        let me = self.feeds.me();
        let mut told: std::collections::BTreeMap<GroupId, Vec<(VideoId, u64)>> =
            std::collections::BTreeMap::new();
        for id in untold {
            let Some(video) = self.catalogue.video(id)? else { continue };
            let count = self.tally(id)?.viewed_on(&me);
            for group in self.places(&video).await.unwrap_or_default() {
                told.entry(group).or_default().push((id.clone(), count));
            }
        }
        for (group, videos) in told {
            for videos in videos.chunks(limits::VIEWED) {
                self.publish(&[group], Body::Views(Views { v: 1, videos: videos.to_vec() })).await?;
            }
        }
        Ok(())
    }
}

fn check(what: &What) -> Result<(), CommunityError> {
    let (text, most, said) = match what {
        What::Comment { text, .. } => (text, limits::COMMENT_BYTES, "A comment has 1 to 4,096 bytes."),
        What::Danmaku { text, .. } => {
            (text, limits::DANMAKU_BYTES, "Danmaku have 1 to 256 bytes, on one line.")
        }
        What::Vote(_) | What::Erase { .. } => return Ok(()),
    };
    let line = matches!(what, What::Danmaku { .. });
    let odd = text.chars().any(|letter| letter.is_control() && (line || letter != '\n'));
    if text.trim().is_empty() || text.len() > most || odd { Err(CommunityError::Text(said)) } else { Ok(()) }
}
