//! Feeds of others: the groups that this node follows, what it knows of their feeds, and what it tells of them.
//!
//! Nothing of another node is written before its signature and its place in the chain were checked.

use horahora_protocol::{
    Cid, Codec, NodeId,
    entry::{Body, BodyError},
    feed::{Feed, FeedError, FeedId, Head},
    group::{Genesis, GroupId},
    limits,
    message::{EntryBlocks, GroupHeads},
};
use serde_bytes::ByteBuf;
use thiserror::Error;

use super::{Feeds, feed_id};
use crate::{
    clock,
    store::{
        Batch, StoreError,
        rows::{BODIES, Block, ENTRIES, FEEDS, GROUPS, GroupRow, entry_key, feed_key, feed_of},
    },
};

/// A group that this node follows.
#[derive(Debug, Clone)]
pub struct Followed {
    /// Its id.
    pub id: GroupId,
    /// What is known of it.
    pub row: GroupRow,
}

/// Why entries of another node were refused.
#[derive(Debug, Error)]
pub enum AcceptError {
    /// The group is not followed, or the node may not write to it.
    #[error("the node may not write this feed")]
    NotAllowed,
    /// An entry does not continue its feed.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// A body is not what its entry links, or not of its kind.
    #[error("the body of entry {0} is not what the entry says")]
    Body(u64),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Feeds {
    /// The groups that this node follows.
    ///
    /// # Errors
    /// When the database fails.
    pub fn followed(&self) -> Result<Vec<Followed>, StoreError> {
        let rows = self.store.scan(&GROUPS, b"", None, usize::MAX)?;
        let read = |(key, row): (Vec<u8>, GroupRow)| Some(Followed { id: Cid::from_bytes(&key).ok()?, row });
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Whether the group is this node's own or followed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn knows(&self, group: &GroupId) -> Result<bool, StoreError> {
        Ok(*group == self.group || self.store.get(&GROUPS, &group.to_bytes())?.is_some())
    }

    /// Follows a public group that `via` told of. Gives whether it is new.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn follow(&self, genesis: &[u8], via: NodeId) -> Result<bool, StoreError> {
        let _one = self.accepting.lock().await;
        let id = Cid::of(Codec::DagCbor, genesis);
        let full = self.followed()?.len() >= limits::GROUPS - 1;
        if full || self.knows(&id)? {
            return Ok(false);
        }
        let Ok(read) = Genesis::decode(genesis) else { return Ok(false) };
        if !read.public {
            return Ok(false);
        }
        let row = GroupRow {
            genesis: Block(genesis.to_vec()),
            name: read.name.clone(),
            founder: read.founder,
            since: clock::now(),
            via,
        };
        let mut batch = Batch::default();
        batch.put(&GROUPS, &id.to_bytes(), &row);
        self.store.write(batch)?;
        self.store.durable().await?;
        tracing::info!(group = %id, name = row.name, "follows");
        self.moved.send_replace(());
        Ok(true)
    }

    /// Follows a node's groups no more, and forgets what came of them unless something of it is here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unfollow(&self, founder: &NodeId) -> Result<(), StoreError> {
        let _one = self.accepting.lock().await;
        for group in self.followed()?.into_iter().filter(|group| group.row.founder == *founder) {
            let mut batch = Batch::default();
            batch.remove(&GROUPS, &group.id.to_bytes());
            for (key, _) in self.store.scan(&FEEDS, &group.id.to_bytes(), None, usize::MAX)? {
                batch.remove(&FEEDS, &key);
            }
            for (key, block) in self.store.scan(&ENTRIES, &group.id.to_bytes(), None, usize::MAX)? {
                batch.remove(&ENTRIES, &key);
                if let Some(body) = horahora_protocol::entry::body_of(&block.0) {
                    batch.remove(&BODIES, &body.to_bytes());
                }
            }
            self.store.write(batch)?;
        }
        self.catalogue.forget(founder)?;
        self.store.durable().await?;
        self.moved.send_replace(());
        Ok(())
    }

    /// Where the feeds of all known public groups end; the own group first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn heads(&self) -> Result<Vec<GroupHeads>, StoreError> {
        let own = self.own.lock().await.clone();
        let mine = own.head.map(|head| (self.key.node_id(), own.incarnation, head));
        let mut all = vec![GroupHeads {
            genesis: ByteBuf::from(self.genesis.0.clone()),
            feeds: mine.into_iter().collect(),
        }];
        for group in self.followed()? {
            let rows = self.store.scan(&FEEDS, &group.id.to_bytes(), None, limits::FEEDS)?;
            let feeds = rows.into_iter().filter_map(|(key, head)| {
                let feed = feed_of(&key)?;
                Some((feed.node, feed.incarnation, head))
            });
            all.push(GroupHeads { genesis: ByteBuf::from(group.row.genesis.0), feeds: feeds.collect() });
        }
        Ok(all)
    }

    /// The own feed and where it ends.
    pub async fn own_head(&self) -> (FeedId, Option<Head>) {
        let own = self.own.lock().await;
        (feed_id(&self.key, &own), own.head)
    }

    /// Where a feed of another node ends here.
    ///
    /// # Errors
    /// When the database fails.
    pub fn head(&self, feed: &FeedId) -> Result<Option<Head>, StoreError> {
        self.store.get(&FEEDS, &feed_key(feed))
    }

    /// Whether entries of this feed are wanted: of a followed group, and not written by this node itself.
    ///
    /// # Errors
    /// When the database fails.
    pub fn wants(&self, feed: &FeedId) -> Result<bool, StoreError> {
        let group = self.store.get(&GROUPS, &feed.group.to_bytes())?;
        Ok(feed.node != self.key.node_id() && group.is_some_and(|group| group.founder == feed.node))
    }

    /// Checks entries and writes them with all that follows from them. Those before a bad one stay. Gives how
    /// many were new. Not to be dropped half-way.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub async fn accept(&self, id: FeedId, blocks: &[EntryBlocks]) -> Result<usize, AcceptError> {
        let _one = self.accepting.lock().await;
        if !self.wants(&id)? {
            return Err(AcceptError::NotAllowed);
        }
        let mut feed = Feed::new(id, self.head(&id)?);
        let mut new = 0;
        let mut failed = None;
        for block in blocks {
            match self.accept_one(&mut feed, block) {
                Ok(()) => new += 1,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        if new > 0 {
            self.store.durable().await?;
            self.moved.send_replace(());
        }
        failed.map_or(Ok(new), Err)
    }

    fn accept_one(&self, feed: &mut Feed, blocks: &EntryBlocks) -> Result<(), AcceptError> {
        let entry = feed.accept(&blocks.entry)?;
        let mut batch = Batch::default();
        if let Some(body) = &blocks.body {
            if body.len() > limits::BODY_BYTES || !entry.body.matches(body) {
                return Err(AcceptError::Body(entry.seq));
            }
            batch.put(&BODIES, &entry.body.to_bytes(), &Block(body.to_vec()));
            match Body::decode(&entry.kind, body) {
                Ok(body) => self.catalogue.learn(&entry, body, &mut batch)?,
                // A later version of this program reads them.
                Err(BodyError::UnknownKind(_) | BodyError::UnknownVersion(_)) => {}
                Err(BodyError::TooLong(_) | BodyError::Codec(_)) => {
                    return Err(AcceptError::Body(entry.seq));
                }
            }
        }
        batch.put(&ENTRIES, &entry_key(&feed.id(), entry.seq), &Block(blocks.entry.to_vec()));
        let head = feed.head().expect("an entry was just accepted");
        batch.put(&FEEDS, &feed_key(&feed.id()), &head);
        Ok(self.store.write(batch)?)
    }

    /// The entries of a known feed from a place on, as many as one batch holds.
    ///
    /// # Errors
    /// When the database fails.
    pub fn entries(&self, feed: &FeedId, from: u64) -> Result<Vec<EntryBlocks>, StoreError> {
        if !self.knows(&feed.group)? {
            return Ok(Vec::new());
        }
        let after = from.checked_sub(1).map(|seq| entry_key(feed, seq));
        let rows = self.store.scan(&ENTRIES, &feed_key(feed), after.as_deref(), limits::BATCH_ENTRIES)?;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for (_, block) in rows {
            let body = match horahora_protocol::entry::body_of(&block.0) {
                Some(cid) => self.store.get(&BODIES, &cid.to_bytes())?,
                None => None,
            };
            bytes += block.0.len() + body.as_ref().map_or(0, |body| body.0.len());
            if bytes > limits::BATCH_BYTES && !batch.is_empty() {
                break;
            }
            let body = body.map(|body| ByteBuf::from(body.0));
            batch.push(EntryBlocks { entry: ByteBuf::from(block.0), body });
        }
        Ok(batch)
    }
}
