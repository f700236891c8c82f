//! Feeds of others in the groups that this node is in or follows: what it knows of them, and what it tells.
//!
//! Nothing of another node is written before its signature and its place in the chain were checked.

use std::sync::Arc;

use horahora_protocol::{
    Cid, Codec, NodeId, Signed, Verified, codec,
    entry::{Body, BodyError, Entry},
    feed::{Feed, FeedError, FeedId, Head},
    group::{Fact, Fork, Genesis, GroupId, Limit, Place},
    limits,
    message::{EntryBlocks, GroupHeads},
};
use serde_bytes::ByteBuf;
use thiserror::Error;

use super::{Feeds, Told, feed_id};
use crate::{
    clock,
    groups::{Groups, View},
    store::{
        Batch, StoreError,
        rows::{
            Block, CHANGES, CLAIMS, ClaimRow, ENTRIES, FEEDS, GROUPS, GroupRow, claim_key, entry_key,
            feed_key, feed_of,
        },
    },
};

/// Where it is noted that what members want was taken in; no job is called so.
const LEARNED: &str = "learned";

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
    /// The group is not known, or the node may not write to it.
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
    /// The groups that this node is in or follows, but for its own first one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn followed(&self) -> Result<Vec<Followed>, StoreError> {
        let rows = self.store.scan(&GROUPS, b"", None, usize::MAX)?;
        let read = |(key, row): (Vec<u8>, GroupRow)| Some(Followed { id: Cid::from_bytes(&key).ok()?, row });
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Follows a public group that `via` told of. Gives whether it is new.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn follow(&self, genesis: &[u8], via: NodeId) -> Result<bool, StoreError> {
        let _one = self.accepting.lock().await;
        let id = Cid::of(Codec::DagCbor, genesis);
        let full = self.followed()?.len() >= limits::GROUPS - 1;
        if full || self.groups.get(&id).is_some() {
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
        self.groups.add(genesis)?;
        tracing::info!(group = %id, name = row.name, "follows");
        self.moved.send_replace(());
        Ok(true)
    }

    /// Follows a node's groups no more, and forgets what came of them unless something of it is here. Those that
    /// this node is in stay.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unfollow(&self, founder: &NodeId) -> Result<(), StoreError> {
        for group in self.followed()?.into_iter().filter(|group| group.row.founder == *founder) {
            if self.groups.role(&group.id).is_none() {
                self.drop_group(&group.id).await?;
            }
        }
        Ok(())
    }

    /// Forgets a group and what came of it, unless something of it is here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn drop_group(&self, group: &GroupId) -> Result<(), StoreError> {
        let _one = self.accepting.lock().await;
        let mut batch = Batch::default();
        let prefix = group.to_bytes();
        batch.remove(&GROUPS, &prefix);
        batch.remove(&crate::store::rows::OWN_FEEDS, &prefix);
        for (key, _) in self.store.scan(&FEEDS, &prefix, None, usize::MAX)? {
            batch.remove(&FEEDS, &key);
        }
        for (key, _) in self.store.scan(&CHANGES, &prefix, None, usize::MAX)? {
            batch.remove(&CHANGES, &key);
        }
        for (key, _) in self.store.scan(&ENTRIES, &prefix, None, usize::MAX)? {
            batch.remove(&ENTRIES, &key);
        }
        self.store.write(batch)?;
        self.own.lock().await.remove(group);
        self.groups.remove(group);
        self.catalogue.forget(group)?;
        self.store.durable().await?;
        self.moved.send_replace(());
        Ok(())
    }

    /// What is known of the groups that `reader` may know of; the own first one comes first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn heads(&self, reader: &NodeId) -> Result<Vec<(GroupId, GroupHeads)>, StoreError> {
        let own = self.own.lock().await.clone();
        let mut views = self.groups.all();
        views.retain(|view| view.group.may_read(reader));
        views.sort_by_key(|view| view.id != self.home);
        let mut all = Vec::new();
        for view in views {
            let mine = own.get(&view.id).and_then(|own| Some((feed_id(&self.key, own), own.head?)));
            let mut feeds = self.others(&view.id)?;
            feeds.extend(mine);
            let mut feeds: Vec<_> =
                feeds.into_iter().map(|(feed, head)| (feed.node, feed.incarnation, head)).collect();
            feeds.sort_unstable_by_key(|(node, incarnation, _)| (*node, *incarnation));
            feeds.truncate(limits::FEEDS);
            let heads = GroupHeads {
                genesis: ByteBuf::from(view.genesis.clone()),
                feeds: Some(feeds),
                forks: view.proofs.iter().take(limits::FORKS).cloned().map(ByteBuf::from).collect(),
                presences: Vec::new(),
            };
            all.push((view.id, heads));
        }
        Ok(all)
    }

    /// Where the feeds of a group end here, those that this node writes now left out.
    ///
    /// # Errors
    /// When the database fails.
    pub fn others(&self, group: &GroupId) -> Result<Vec<(FeedId, Head)>, StoreError> {
        let rows = self.store.scan(&FEEDS, &group.to_bytes(), None, usize::MAX)?;
        Ok(rows.into_iter().filter_map(|(key, head)| Some((feed_of(&key)?, head))).collect())
    }

    /// The feeds that this node writes now, and where they end.
    pub async fn own_heads(&self) -> Vec<(FeedId, Head)> {
        let own = self.own.lock().await;
        own.values().filter_map(|own| Some((feed_id(&self.key, own), own.head?))).collect()
    }

    /// Where a feed of another node ends here.
    ///
    /// # Errors
    /// When the database fails.
    pub fn head(&self, feed: &FeedId) -> Result<Option<Head>, StoreError> {
        self.store.get(&FEEDS, &feed_key(feed))
    }

    /// Whether entries of this feed up to `seq` are wanted: they count for their group, and this node does not
    /// write the feed itself.
    pub async fn wants(&self, feed: &FeedId, seq: u64) -> bool {
        let own = self.own.lock().await.get(&feed.group).map(|own| feed_id(&self.key, own));
        let next = self.head(feed).ok().flatten().map_or(0, |head| head.seq.saturating_add(1));
        let counts = self.groups.get(&feed.group).is_some_and(|view| view.group.limit(feed).allows(next));
        own != Some(*feed) && next <= seq && counts
    }

    /// Checks entries and writes them with all that follows from them. Those before a bad one stay; those that
    /// count no more for their group are left out. Gives how many were new. May be dropped at any of its waits: what
    /// follows from entries is done as soon as they are written, and the same ones never come again.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub async fn accept(&self, id: FeedId, blocks: &[EntryBlocks]) -> Result<usize, AcceptError> {
        let _one = self.accepting.lock().await;
        let own = self.own.lock().await.get(&id.group).map(|own| feed_id(&self.key, own));
        let view = self.groups.get(&id.group).filter(|_| own != Some(id)).ok_or(AcceptError::NotAllowed)?;
        let mut feed = Feed::new(id, self.head(&id)?);
        let room = match view.group.limit(&id) {
            Limit::Open => usize::MAX,
            Limit::UpTo(last) => {
                usize::try_from(last.saturating_add(1).saturating_sub(feed.next_seq())).unwrap_or(usize::MAX)
            }
            Limit::Nothing => return Err(AcceptError::NotAllowed),
        };
        let blocks = &blocks[..blocks.len().min(room)];
        let signed: Vec<&[u8]> = blocks.iter().map(|block| block.entry.as_slice()).collect();
        let known = feed.head();
        let (entries, failed) = feed.accept_all(&signed);
        let mut failed = failed.map(AcceptError::from);
        let (mut batch, mut facts, mut last) = (Batch::default(), Vec::new(), known);
        let mut told = Vec::new();
        let changing = self.store.changing();
        for (entry, blocks) in entries.iter().zip(blocks) {
            match self.take(&view, entry, blocks, &mut batch, &mut told) {
                Ok(fact) => facts.extend(fact),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
            last = Some(Head { seq: entry.seq, entry: Cid::of(Codec::DagCbor, &blocks.entry) });
        }
        let new = last.map_or(0, |last| last.seq + 1) - known.map_or(0, |known| known.seq + 1);
        if let Some(last) = last.filter(|_| new > 0) {
            batch.put(&FEEDS, &feed_key(&id), &last);
            self.store.write(batch)?;
        }
        drop(changing);
        if new > 0 {
            self.learn(&id.group, facts)?;
            self.moved.send_replace(());
            for body in told {
                // Nobody listening is fine.
                let _ = self.told.send(Told { group: id.group, node: id.node, body: Arc::new(body) });
            }
            self.store.durable().await?;
        }
        failed.map_or(Ok(usize::try_from(new).unwrap_or(usize::MAX)), Err)
    }

    /// Takes in once more what members want archived and found, for who came into a group after it was said.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn relearn(&self, group: &GroupId) -> Result<(), StoreError> {
        let done = claim_key(group, LEARNED);
        if self.store.get(&CLAIMS, &done)?.is_some() {
            return Ok(());
        }
        let Some(view) = self.groups.get(group) else { return Ok(()) };
        let _one = self.accepting.lock().await;
        let me = self.key.node_id();
        // What a request names is taken in once the request is.
        for kind in ["request", "request-change", "listing"] {
            let mut after: Option<Vec<u8>> = None;
            loop {
                let rows =
                    self.store.scan(&ENTRIES, &group.to_bytes(), after.as_deref(), limits::BATCH_ENTRIES)?;
                let Some((last, _)) = rows.last() else { break };
                after = Some(last.clone());
                let _changing = self.store.changing();
                let mut batch = Batch::default();
                for (_, row) in &rows {
                    if let Some((entry, body)) = read(row, kind).filter(|(entry, _)| entry.node != me) {
                        self.catalogue.learn(&view, &entry, &body, &mut batch)?;
                    }
                }
                self.store.write(batch)?;
            }
        }
        let mut batch = Batch::default();
        batch.put(&CLAIMS, &done, &ClaimRow { granted: None, own: None });
        self.store.write(batch)
    }

    fn take(
        &self,
        view: &View,
        entry: &Verified<Entry>,
        blocks: &EntryBlocks,
        batch: &mut Batch,
        told: &mut Vec<Body>,
    ) -> Result<Option<(Place, Fact)>, AcceptError> {
        let feed = FeedId { group: entry.group, node: entry.node, incarnation: entry.incarnation };
        let mut fact = None;
        // What changes a group is never erased; who leaves it out hides it.
        if blocks.body.is_none() && entry.kind == Body::GROUP {
            return Err(AcceptError::Body(entry.seq));
        }
        if let Some(body) = &blocks.body {
            if body.len() > limits::BODY_BYTES || !entry.body.matches(body) {
                return Err(AcceptError::Body(entry.seq));
            }
            match Body::decode(&entry.kind, body) {
                Ok(Body::Group(said)) => fact = Groups::note(entry, &said.change, body, batch),
                Ok(said) => {
                    self.catalogue.learn(view, entry, &said, batch)?;
                    if view.group.counts(&entry.node) {
                        told.push(said);
                    }
                }
                // A later version of this program reads them.
                Err(BodyError::UnknownKind(_) | BodyError::UnknownVersion(_)) => {}
                Err(BodyError::TooLong(_) | BodyError::Codec(_)) => {
                    return Err(AcceptError::Body(entry.seq));
                }
            }
        }
        batch.put(&ENTRIES, &entry_key(&feed, entry.seq), blocks);
        Ok(fact)
    }

    /// Takes facts into the group; what does not count any more is dropped.
    pub(super) fn learn(&self, group: &GroupId, facts: Vec<(Place, Fact)>) -> Result<(), StoreError> {
        if facts.is_empty() {
            return Ok(());
        }
        let Some((before, after)) = self.groups.learn(group, facts) else { return Ok(()) };
        if before.group != after.group {
            self.cut(&after)?;
        }
        Ok(())
    }

    /// Drops entries that count no more: those of a removed node after its last accepted one.
    fn cut(&self, view: &View) -> Result<(), StoreError> {
        for (feed, head) in self.others(&view.id)? {
            let limit = view.group.limit(&feed);
            if limit.allows(head.seq) {
                continue;
            }
            let last = match limit {
                Limit::UpTo(last) => Some(last),
                Limit::Open | Limit::Nothing => None,
            };
            // Captures of one who told two stories prove themselves; they stay to be seen, but do not count.
            let disputed =
                view.group.forks.get(&feed.node).is_some_and(|(life, _)| *life == feed.incarnation);
            let _changing = self.store.changing();
            let (mut batch, mut places) = (Batch::default(), Vec::new());
            let after = last.map(|seq| entry_key(&feed, seq));
            for (key, row) in self.store.scan(&ENTRIES, &feed_key(&feed), after.as_deref(), usize::MAX)? {
                batch.remove(&ENTRIES, &key);
                batch.remove(&CHANGES, &key);
                let Some((_, seq)) = crate::store::rows::entry_of(&key) else { continue };
                places.push(Place { node: feed.node, incarnation: feed.incarnation, seq });
                if let Some(body) = row.body
                    && let Ok(Body::Capture(capture)) = Body::decode("capture", &body)
                {
                    self.catalogue.unlearn(&view.id, &capture, disputed, &mut batch)?;
                }
            }
            match last.map(|seq| self.store.get(&ENTRIES, &entry_key(&feed, seq))).transpose()?.flatten() {
                Some(EntryBlocks { entry, .. }) => {
                    let entry = Cid::of(Codec::DagCbor, &entry);
                    let seq = last.unwrap_or_default();
                    batch.put(&FEEDS, &feed_key(&feed), &Head { seq, entry });
                }
                None => batch.remove(&FEEDS, &feed_key(&feed)),
            }
            tracing::info!(node = %feed.node, dropped = places.len(), "entries count no more for their group");
            self.store.write(batch)?;
            self.groups.unlearn(&view.id, &places);
        }
        Ok(())
    }

    /// Takes in the proof that a node told two stories. Gives the node when it is news.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forked(&self, group: &GroupId, proof: &[u8]) -> Result<Option<NodeId>, StoreError> {
        let _one = self.accepting.lock().await;
        let mut batch = Batch::default();
        let Some((_, after)) = self.groups.forked(group, proof, &mut batch) else { return Ok(None) };
        self.store.write(batch)?;
        self.cut(&after)?;
        self.moved.send_replace(());
        self.store.durable().await?;
        let node = Fork::decode(proof).and_then(|fork| fork.proven(group)).map(|(feed, _)| feed.node);
        if let Some(node) = node {
            tracing::warn!(%node, %group, "told two stories: two entries of one feed at one place");
        }
        Ok(node)
    }

    /// The signed entry at a place of a feed, if it is here.
    ///
    /// # Errors
    /// When the database fails.
    pub fn entry(&self, feed: &FeedId, seq: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.store.get(&ENTRIES, &entry_key(feed, seq))?.map(|row| row.entry.into_vec()))
    }

    /// The entries of a feed from a place on, as many as one batch holds; none for who may not read them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn entries(&self, reader: &NodeId, feed: &FeedId, from: u64) -> Result<Vec<EntryBlocks>, StoreError> {
        if !self.groups.may_read(&feed.group, reader) {
            return Ok(Vec::new());
        }
        let after = from.checked_sub(1).map(|seq| entry_key(feed, seq));
        let rows = self.store.scan(&ENTRIES, &feed_key(feed), after.as_deref(), limits::BATCH_ENTRIES)?;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for (_, row) in rows {
            bytes += row.entry.len() + row.body.as_ref().map_or(0, |body| body.len());
            if bytes > limits::BATCH_BYTES && !batch.is_empty() {
                break;
            }
            batch.push(row);
        }
        Ok(batch)
    }
}

/// An entry of this kind and its body, as they are kept.
fn read(row: &EntryBlocks, kind: &str) -> Option<(Verified<Entry>, Body)> {
    let signed: Signed<Entry> = codec::decode(&row.entry, limits::ENTRY_BYTES).ok()?;
    let entry = signed.verify().ok().filter(|entry| entry.kind == kind)?;
    let body = Body::decode(kind, row.body.as_ref()?).ok()?;
    Some((entry, body))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;

    use super::*;
    use crate::{blobs::Blobs, catalogue::Catalogue, identity, live::Live, net::Provide, store::Store};

    async fn feeds(dir: &std::path::Path) -> Feeds {
        let store = Store::open_patiently(&dir.join("db")).await.unwrap();
        let blobs = Blobs::open(&dir.join("blobs")).unwrap();
        let key = Arc::new(identity::load_or_create(&dir.join("identity.key")).unwrap());
        let me = key.node_id();
        let groups = Groups::open(store.clone(), me).unwrap();
        let (live, provide) = (Live::default(), Provide::default());
        let catalogue = Catalogue::open(store.clone(), blobs.clone(), live, provide, groups.clone(), me);
        let catalogue = catalogue.await.unwrap();
        Feeds::open(key, store, blobs, catalogue, groups, "n").await.unwrap()
    }

    #[tokio::test]
    async fn what_follows_from_entries_is_done_even_when_nobody_waits_for_the_disk() {
        let (home, away) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (here, there) = (feeds(home.path()).await, feeds(away.path()).await);
        let group = there.create("Keepers", false).await.unwrap();
        there.set_policy(&group, false).await.unwrap();
        let genesis = there.groups.get(&group).unwrap().genesis.clone();
        let writer = there.key.node_id();
        assert!(here.follow(&genesis, writer).await.unwrap());
        let (feed, head) = there.own_head_in(&group).await.unwrap();
        let blocks = there.entries(&here.key.node_id(), &feed, 0).unwrap();
        assert!(here.accept(feed, &blocks).now_or_never().is_none(), "it waits for the disk, and is dropped");
        assert_eq!(here.head(&feed).unwrap(), Some(head));
        assert!(!here.groups.get(&group).unwrap().group.members_invite, "the policy counts");
    }
}
