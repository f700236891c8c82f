//! The feeds that this node writes: one in the group of its own that it starts with, one in each group that it
//! joined. `others` holds the feeds of everybody else, `membership` makes groups and changes them.
//!
//! An entry and everything that follows from it are written in one transaction and are on the disk before
//! anyone hears of them. Own entries are blobs too, so that the database can be made again from the blobs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use horahora_protocol::{
    Cid, Codec, NodeId, NodeKey, Timestamp, Verified,
    entry::{Body, Entry, Profile},
    feed::{Feed, FeedId, Head},
    group::{Genesis, GroupId, Role},
    message::EntryBlocks,
};
use serde_bytes::ByteBuf;
use thiserror::Error;
use tokio::sync::{Mutex, broadcast, watch};

mod membership;
mod others;

pub use membership::{JoinRefusal, MembershipError};
pub use others::{AcceptError, Followed};

use crate::{
    blobs::{BlobError, Blobs},
    catalogue::Catalogue,
    clock,
    groups::Groups,
    store::{
        Batch, Store, StoreError,
        rows::{
            Block, ENTRIES, FEEDS, OWN_FEED, OWN_FEED_KEY, OWN_FEEDS, OwnFeed, PEERS, entry_key, feed_key,
        },
    },
};

/// Entries at the end of an own feed whose blobs a crash may have cost.
const HEAL: usize = 64;
/// How long the first write after a start waits for somebody who says where the own feed ended.
const VOUCH: Duration = Duration::from_secs(10);

/// What was told lately; who falls behind misses some of it.
const TOLD: usize = 4096;

/// What an entry said that was just written down.
#[derive(Debug, Clone)]
pub struct Told {
    /// In which group.
    pub group: GroupId,
    /// Who says it.
    pub node: NodeId,
    /// What.
    pub body: Arc<Body>,
}

/// The node's own feeds and those that it follows. Clones share them.
#[derive(Debug, Clone)]
pub struct Feeds {
    key: Arc<NodeKey>,
    store: Store,
    blobs: Blobs,
    catalogue: Catalogue,
    groups: Groups,
    own: Arc<Mutex<BTreeMap<GroupId, OwnFeed>>>,
    home: GroupId,
    home_name: Arc<str>,
    name: Arc<str>,
    moved: watch::Sender<()>,
    told: broadcast::Sender<Told>,
    /// Own feeds that others may know more of than this node does: nobody was asked since the start.
    unsure: watch::Sender<BTreeSet<GroupId>>,
    /// Held while entries of others are written.
    accepting: Arc<Mutex<()>>,
}

/// Why an entry could not be written.
#[derive(Debug, Error)]
pub enum FeedsError {
    /// The key file is not the one that wrote the feed.
    #[error(
        "identity.key is not the key that this data folder was made with. Put the old file back from a backup, \
         or begin with an empty data folder."
    )]
    OtherKey,
    /// This node may not write into the group.
    #[error("this node is not a member of that group; join it with a ticket first")]
    NotAMember,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk failed.
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

impl Feeds {
    /// Who writes them.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.key.node_id()
    }

    /// Opens the node's feeds; at the first start makes its group and says who it is.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn open(
        key: Arc<NodeKey>,
        store: Store,
        blobs: Blobs,
        catalogue: Catalogue,
        groups: Groups,
        node_name: &str,
    ) -> Result<Self, FeedsError> {
        let known: Option<OwnFeed> = store.get(&OWN_FEED, OWN_FEED_KEY)?;
        let first = known.is_none();
        if let Some(own) = &known
            && own.head.is_some()
            && store.scan(&ENTRIES, &feed_key(&feed_id(&key, own)), None, 1)?.is_empty()
        {
            return Err(FeedsError::OtherKey);
        }
        let home = known.unwrap_or_else(|| new_group(&key, node_name, true).0);
        groups.add(&home.genesis.0)?;
        let (group, home_name) = (home.group, home.group_name.as_str().into());
        let joined: Vec<(Vec<u8>, OwnFeed)> = store.scan(&OWN_FEEDS, b"", None, usize::MAX)?;
        let own: BTreeMap<_, _> =
            joined.into_iter().map(|(_, own)| own).chain([home]).map(|own| (own.group, own)).collect();
        let met = !store.scan(&PEERS, b"", None, 1)?.is_empty();
        let written = own.values().filter(|own| met && own.head.is_some()).map(|own| own.group).collect();
        let feeds = Self {
            key,
            store,
            blobs,
            catalogue,
            groups,
            own: Arc::new(Mutex::new(own)),
            home: group,
            home_name,
            name: node_name.into(),
            moved: watch::Sender::new(()),
            told: broadcast::Sender::new(TOLD),
            unsure: watch::Sender::new(written),
            accepting: Arc::default(),
        };
        if first {
            feeds.publish(&[group], feeds.profile(), |_, _| ()).await?;
        }
        feeds.heal().await?;
        Ok(feeds)
    }

    fn profile(&self) -> Body {
        let software = concat!("horahora/", env!("CARGO_PKG_VERSION")).to_owned();
        Body::Profile(Profile { v: 1, name: self.name.to_string(), software })
    }

    /// This node.
    #[must_use]
    pub fn me(&self) -> NodeId {
        self.key.node_id()
    }

    /// The group of this node's own.
    #[must_use]
    pub fn home(&self) -> GroupId {
        self.home
    }

    /// What people call that group.
    #[must_use]
    pub fn home_name(&self) -> &str {
        &self.home_name
    }

    /// The groups that this node writes into, its own first one first.
    pub async fn writable(&self) -> Vec<GroupId> {
        let own = self.own.lock().await;
        let member = |group: &GroupId| self.groups.role(group) >= Some(Role::Member);
        let joined = own.values().filter(|own| !own.left).map(|own| own.group);
        let mut all: Vec<_> = joined.filter(member).collect();
        all.sort_by_key(|group| *group != self.home);
        all
    }

    /// Where something about a video of these groups is written: those that this node writes into, else its own one if the video is
    /// public.
    pub async fn places(&self, mut groups: Vec<GroupId>, public: bool) -> Vec<GroupId> {
        let writable = self.writable().await;
        groups.retain(|group| writable.contains(group));
        if groups.is_empty() && public {
            groups.push(self.home);
        }
        groups
    }

    /// Hears each time that a feed grew or a group was added.
    #[must_use]
    pub fn moved(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }

    /// Hears what entries say, this node's own and those of others, once they are written down.
    #[must_use]
    pub fn told(&self) -> broadcast::Receiver<Told> {
        self.told.subscribe()
    }

    /// Writes an entry into each of these groups, together with what `with` adds to the batch; all survive
    /// anything once this returns. `with` gets the first entry, none when there is no group.
    /// Not to be dropped half-way: call it from a task that runs to its end.
    ///
    /// # Errors
    /// When this node may not write there, or the disk fails. Nothing was written then.
    pub async fn publish(
        &self,
        groups: &[GroupId],
        body: Body,
        with: impl FnOnce(Option<&Verified<Entry>>, &mut Batch),
    ) -> Result<Option<Verified<Entry>>, FeedsError> {
        for group in groups {
            self.settle(group).await?;
        }
        let mut own = self.own.lock().await;
        let (body_cid, body_block) = body.block();
        let mut batch = Batch::default();
        let (mut entries, mut nexts, mut facts) = (Vec::new(), Vec::new(), Vec::new());
        for group in groups {
            let known = own.get(group).filter(|own| !own.left).ok_or(FeedsError::NotAMember)?;
            let mut feed = Feed::new(feed_id(&self.key, known), known.head);
            let entry = feed.append(&self.key, &body, clock::now());
            let next = OwnFeed { head: feed.head(), ..known.clone() };
            let blocks = EntryBlocks {
                entry: ByteBuf::from(entry.block().1),
                body: Some(ByteBuf::from(body_block.clone())),
            };
            batch.put(&ENTRIES, &entry_key(&feed.id(), entry.seq), &blocks);
            self.put_own(&mut batch, &next);
            if let Body::Group(said) = &body {
                let fact = Groups::note(&entry, &said.change, &body_block, &mut batch);
                facts.extend(fact.map(|fact| (*group, fact)));
            }
            entries.push(entry);
            nexts.push(next);
        }
        {
            let _changing = self.store.changing();
            with(entries.first(), &mut batch);
            self.store.write(batch)?;
        }
        for next in nexts {
            own.insert(next.group, next);
        }
        self.store.durable().await?;
        for entry in &entries {
            let (cid, block) = entry.block();
            self.keep(cid, block).await?;
        }
        if !entries.is_empty() {
            self.keep(body_cid, body_block).await?;
        }
        drop(own);
        for (group, fact) in facts {
            self.learn(&group, vec![fact])?;
        }
        self.moved.send_replace(());
        let (body, node) = (Arc::new(body), self.key.node_id());
        for group in groups {
            // Nobody listening is fine.
            let _ = self.told.send(Told { group: *group, node, body: Arc::clone(&body) });
        }
        Ok(entries.into_iter().next())
    }

    fn put_own(&self, batch: &mut Batch, own: &OwnFeed) {
        if own.group == self.home {
            batch.put(&OWN_FEED, OWN_FEED_KEY, own);
        } else {
            batch.put(&OWN_FEEDS, &own.group.to_bytes(), own);
        }
    }

    /// Before the first write after a start somebody is asked where the own feed ended: after a restored backup
    /// others know more of it, and a second story must not begin. When nobody can be asked in time, a new
    /// incarnation begins.
    async fn settle(&self, group: &GroupId) -> Result<(), FeedsError> {
        let mut unsure = self.unsure.subscribe();
        let vouched = unsure.wait_for(|unsure| !unsure.contains(group));
        if tokio::time::timeout(VOUCH, vouched).await.is_err() {
            tracing::info!(%group, "nobody could say where this node's feed ended; it begins a new incarnation");
            self.reincarnate(group).await?;
        }
        Ok(())
    }

    /// Hears from a node of the group where it knows this node's feed to end; none when it knows the same.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn vouched(&self, group: &GroupId, theirs: Option<Head>) -> Result<(), FeedsError> {
        let ours = self.own.lock().await.get(group).and_then(|own| own.head);
        let later = theirs.is_some_and(|theirs| {
            ours.is_none_or(|ours| {
                theirs.seq > ours.seq || (theirs.seq == ours.seq && theirs.entry != ours.entry)
            })
        });
        if later {
            tracing::warn!(
                %group,
                "others know more of this node's feed than it does itself, as after a restored backup; it begins a \
                 new incarnation"
            );
            self.reincarnate(group).await?;
        }
        self.settled(group);
        Ok(())
    }

    fn settled(&self, group: &GroupId) {
        self.unsure.send_if_modified(|unsure| unsure.remove(group));
    }

    async fn reincarnate(&self, group: &GroupId) -> Result<(), FeedsError> {
        let mut own = self.own.lock().await;
        if let Some(known) = own.get(group) {
            let Timestamp(now) = clock::now();
            let next = OwnFeed { incarnation: now.max(known.incarnation + 1), head: None, ..known.clone() };
            let mut batch = Batch::default();
            // What others know of the old one is taken back from them.
            if let Some(head) = known.head {
                batch.put(&FEEDS, &feed_key(&feed_id(&self.key, known)), &head);
            }
            self.put_own(&mut batch, &next);
            self.store.write(batch)?;
            self.store.durable().await?;
            own.insert(*group, next);
        }
        self.settled(group);
        Ok(())
    }

    /// Every block of the own feeds: geneses, entries, bodies.
    ///
    /// # Errors
    /// When the database fails or an entry cannot be read.
    pub async fn blocks(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        self.last_blocks(usize::MAX).await
    }

    async fn last_blocks(&self, entries: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut blocks = Vec::new();
        for (feed, head, genesis) in self.own_feeds().await? {
            blocks.extend(genesis);
            let after = head.seq.checked_sub(entries as u64).map(|seq| entry_key(&feed, seq));
            for (_, row) in self.store.scan(&ENTRIES, &feed_key(&feed), after.as_deref(), usize::MAX)? {
                blocks.extend(row.body.map(ByteBuf::into_vec));
                blocks.push(row.entry.into_vec());
            }
        }
        Ok(blocks)
    }

    /// Every feed that this node wrote, earlier incarnations too, with its head and the group's genesis.
    async fn own_feeds(&self) -> Result<Vec<(FeedId, Head, Option<Vec<u8>>)>, StoreError> {
        let own = self.own.lock().await.clone();
        let me = self.key.node_id();
        let mut feeds = Vec::new();
        for own in own.values() {
            let genesis = Some(own.genesis.0.clone());
            feeds.extend(own.head.map(|head| (feed_id(&self.key, own), head, genesis)));
            for (feed, head) in self.others(&own.group)? {
                if feed.node == me {
                    feeds.push((feed, head, None));
                }
            }
        }
        Ok(feeds)
    }

    /// Checks the chains and every signature from the first entry on.
    ///
    /// # Errors
    /// The first thing that does not fit, in words.
    pub async fn check(&self) -> Result<u64, String> {
        let mut count = 0;
        for (id, head, _) in self.own_feeds().await.map_err(|error| error.to_string())? {
            let entries = self.store.scan(&ENTRIES, &feed_key(&id), None, usize::MAX);
            let mut feed = Feed::new(id, None);
            for (_, row) in entries.map_err(|error| error.to_string())? {
                let entry = feed.accept(&row.entry).map_err(|error| error.to_string())?;
                if !row.body.is_some_and(|body| entry.body.matches(&body)) {
                    return Err(format!("the body of entry {} is missing or changed", entry.seq));
                }
            }
            if feed.head() != Some(head) {
                return Err("a feed ends before its head; entries are missing".to_owned());
            }
            count += feed.next_seq();
        }
        Ok(count)
    }

    /// Blobs of the last entries may be missing after a crash, those before never.
    async fn heal(&self) -> Result<(), FeedsError> {
        for block in self.last_blocks(HEAL).await? {
            let cid = Cid::of(Codec::DagCbor, &block);
            if !self.blobs.has(&cid) {
                self.keep(cid, block).await?;
            }
        }
        Ok(())
    }

    async fn keep(&self, cid: Cid, block: Vec<u8>) -> Result<(), BlobError> {
        let kept = self.blobs.put(Codec::DagCbor, block.into(), None).await?;
        debug_assert_eq!(kept, cid, "the blob is kept under the address that the feed links");
        Ok(())
    }
}

fn new_group(key: &NodeKey, name: &str, public: bool) -> (OwnFeed, Verified<Genesis>) {
    let at = clock::now();
    let genesis = key.sign(Genesis {
        v: 1,
        founder: key.node_id(),
        name: name.to_owned(),
        public,
        at,
        nonce: clock::random::<16>().to_vec(),
    });
    let (group, block) = genesis.block();
    let Timestamp(incarnation) = at;
    let own = OwnFeed {
        group,
        genesis: Block(block),
        group_name: name.to_owned(),
        incarnation,
        head: None,
        left: false,
    };
    (own, genesis)
}

fn feed_id(key: &NodeKey, own: &OwnFeed) -> FeedId {
    FeedId { group: own.group, node: key.node_id(), incarnation: own.incarnation }
}
