//! The feed that this node writes, and the group of its own that it starts with. `others` holds the feeds of
//! the groups that it follows.
//!
//! An entry and everything that follows from it are written in one transaction and are on the disk before
//! anyone hears of them. Entries are blobs too, so that the database can be made again from the blobs.

use std::sync::Arc;

use horahora_protocol::{
    Cid, Codec, NodeKey, Timestamp, Verified,
    entry::{Body, Entry, Profile, body_of},
    feed::{Feed, FeedId},
    group::{Genesis, GroupId},
};
use thiserror::Error;
use tokio::sync::{Mutex, watch};

mod others;

pub use others::{AcceptError, Followed};

use crate::{
    blobs::{BlobError, Blobs},
    catalogue::Catalogue,
    clock,
    store::{
        Batch, Store, StoreError,
        rows::{BODIES, Block, ENTRIES, OWN_FEED, OWN_FEED_KEY, OwnFeed, entry_key, feed_key},
    },
};

/// Entries at the end of the own feed whose blobs a crash may have cost.
const HEAL: usize = 64;

/// The node's own feed and those that it follows. Clones share them.
#[derive(Debug, Clone)]
pub struct Feeds {
    key: Arc<NodeKey>,
    store: Store,
    blobs: Blobs,
    catalogue: Catalogue,
    own: Arc<Mutex<OwnFeed>>,
    genesis: Block,
    group: GroupId,
    group_name: Arc<str>,
    moved: watch::Sender<()>,
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
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk failed.
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

impl Feeds {
    /// Opens the node's feed; at the first start makes its group and says who it is.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn open(
        key: Arc<NodeKey>,
        store: Store,
        blobs: Blobs,
        catalogue: Catalogue,
        node_name: &str,
    ) -> Result<Self, FeedsError> {
        let known = store.get(&OWN_FEED, OWN_FEED_KEY)?;
        let first = known.is_none();
        if let Some(own) = &known
            && store.scan(&ENTRIES, &feed_key(&feed_id(&key, own)), None, 1)?.is_empty()
        {
            return Err(FeedsError::OtherKey);
        }
        let own = known.unwrap_or_else(|| new_group(&key, node_name));
        let (group, group_name) = (own.group, own.group_name.as_str().into());
        let feeds = Self {
            key,
            store,
            blobs,
            catalogue,
            genesis: own.genesis.clone(),
            own: Arc::new(Mutex::new(own)),
            group,
            group_name,
            moved: watch::Sender::new(()),
            accepting: Arc::default(),
        };
        if first {
            let software = concat!("horahora/", env!("CARGO_PKG_VERSION")).to_owned();
            let profile = Profile { v: 1, name: node_name.to_owned(), software };
            feeds.publish(Body::Profile(profile), |_, _| ()).await?;
        }
        feeds.heal().await?;
        Ok(feeds)
    }

    /// The group of this node's own.
    #[must_use]
    pub fn group(&self) -> GroupId {
        self.group
    }

    /// What people call that group.
    #[must_use]
    pub fn group_name(&self) -> &str {
        &self.group_name
    }

    /// Hears each time that a feed grew or a group was added.
    #[must_use]
    pub fn moved(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }

    /// Writes an entry together with what `with` adds to the batch; both survive anything once this returns.
    /// Not to be dropped half-way: call it from a task that runs to its end.
    ///
    /// # Errors
    /// When the disk fails. Nothing was written then.
    pub async fn publish(
        &self,
        body: Body,
        with: impl FnOnce(&Verified<Entry>, &mut Batch),
    ) -> Result<Verified<Entry>, FeedsError> {
        let mut own = self.own.lock().await;
        let mut feed = Feed::new(feed_id(&self.key, &own), own.head);
        let entry = feed.append(&self.key, &body, clock::now());
        let ((entry_cid, entry_block), (body_cid, body_block)) = (entry.block(), body.block());
        let next = OwnFeed { head: feed.head(), ..own.clone() };
        let mut batch = Batch::default();
        batch.put(&ENTRIES, &entry_key(&feed.id(), entry.seq), &Block(entry_block.clone()));
        batch.put(&BODIES, &body_cid.to_bytes(), &Block(body_block.clone()));
        batch.put(&OWN_FEED, OWN_FEED_KEY, &next);
        with(&entry, &mut batch);
        self.store.write(batch)?;
        *own = next;
        self.store.durable().await?;
        self.keep(entry_cid, entry_block).await?;
        self.keep(body_cid, body_block).await?;
        self.moved.send_replace(());
        Ok(entry)
    }

    /// Every block of the own feed: genesis, entries, bodies.
    ///
    /// # Errors
    /// When the database fails or an entry cannot be read.
    pub async fn blocks(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        self.last_blocks(usize::MAX).await
    }

    async fn last_blocks(&self, entries: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let own = self.own.lock().await.clone();
        let feed = feed_id(&self.key, &own);
        let mut blocks = vec![own.genesis.0];
        let after =
            own.head.and_then(|head| head.seq.checked_sub(entries as u64)).map(|seq| entry_key(&feed, seq));
        for (_, block) in self.store.scan(&ENTRIES, &feed_key(&feed), after.as_deref(), usize::MAX)? {
            if let Some(body) = body_of(&block.0) {
                blocks.extend(self.store.get(&BODIES, &body.to_bytes())?.map(|body| body.0));
            }
            blocks.push(block.0);
        }
        Ok(blocks)
    }

    /// Checks the chain and every signature from the first entry on.
    ///
    /// # Errors
    /// The first thing that does not fit, in words.
    pub async fn check(&self) -> Result<u64, String> {
        let own = self.own.lock().await.clone();
        let id = feed_id(&self.key, &own);
        let entries = self.store.scan(&ENTRIES, &feed_key(&id), None, usize::MAX);
        let mut feed = Feed::new(id, None);
        for (_, block) in entries.map_err(|error| error.to_string())? {
            let entry = feed.accept(&block.0).map_err(|error| error.to_string())?;
            let body = self.store.get(&BODIES, &entry.body.to_bytes()).map_err(|error| error.to_string())?;
            if !body.is_some_and(|body| entry.body.matches(&body.0)) {
                return Err(format!("the body of entry {} is missing or changed", entry.seq));
            }
        }
        if feed.head() == own.head {
            Ok(feed.next_seq())
        } else {
            Err("the feed ends before its head; entries are missing".to_owned())
        }
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

fn new_group(key: &NodeKey, node_name: &str) -> OwnFeed {
    let at = clock::now();
    let genesis = key.sign(Genesis {
        v: 1,
        founder: key.node_id(),
        name: node_name.to_owned(),
        public: true,
        at,
        nonce: clock::random::<16>().to_vec(),
    });
    let (group, block) = genesis.block();
    let Timestamp(incarnation) = at;
    let group_name = node_name.to_owned();
    OwnFeed { group, genesis: Block(block), group_name, incarnation, head: None }
}

fn feed_id(key: &NodeKey, own: &OwnFeed) -> FeedId {
    FeedId { group: own.group, node: key.node_id(), incarnation: own.incarnation }
}
