//! Groups as their feeds make them: who is in which, what everyone may do, and who may read what.
//!
//! Folded states live in memory and are made again when a feed tells of a change. This room decides nothing by
//! itself: the rules are in the protocol.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use horahora_protocol::{
    Cid, NodeId,
    entry::{Body, Entry},
    feed::FeedId,
    group::{Change, Fact, Facts, Fork, Forks, Genesis, Group, GroupChange, GroupId, Place, Role, fold},
    message::Names,
};

use crate::store::{
    Batch, Store, StoreError,
    rows::{
        Block, CHANGES, FORKS, GROUPS, GroupRow, OWN_FEED, OWN_FEED_KEY, OWN_FEEDS, OwnFeed, entry_key,
        entry_of,
    },
};

/// All groups that this node knows. Clones share them.
#[derive(Debug, Clone)]
pub struct Groups {
    me: NodeId,
    store: Store,
    known: Arc<Mutex<BTreeMap<GroupId, Arc<View>>>>,
}

/// A group as far as its feeds are known here.
#[derive(Debug, Clone)]
pub struct View {
    /// Its id.
    pub id: GroupId,
    /// What people call it.
    pub name: String,
    /// Its signed genesis.
    pub genesis: Vec<u8>,
    /// Members, roles, policy.
    pub group: Group,
    /// Proofs of forks, as blocks.
    pub proofs: Vec<Vec<u8>>,
    first: Genesis,
    facts: Facts,
}

impl View {
    fn new(genesis: &[u8]) -> Option<Self> {
        let first: Genesis = (*Genesis::decode(genesis).ok()?).clone();
        let (facts, forks) = (Facts::new(), Forks::new());
        Some(Self {
            id: Cid::of(horahora_protocol::Codec::DagCbor, genesis),
            name: first.name.clone(),
            genesis: genesis.to_vec(),
            group: fold(&first, &facts, &forks),
            proofs: Vec::new(),
            first,
            facts,
        })
    }

    fn fold(&mut self) {
        self.group = fold(&self.first, &self.facts, &self.group.forks);
    }

    /// How the hash table names what this group has; none while the key of a private one is not known.
    #[must_use]
    pub fn names(&self) -> Option<Names<'_>> {
        match (&self.group.key, self.group.public) {
            (_, true) => Some(Names::public()),
            (Some(key), false) => Some(Names::private(key)),
            (None, false) => None,
        }
    }

    /// The last entry of each feed that let somebody in, for a new policy.
    #[must_use]
    pub fn admissions(&self) -> Vec<(NodeId, u64, u64)> {
        let last = self.group.admitted.iter();
        last.map(|((node, incarnation), seq)| (*node, *incarnation, *seq)).collect()
    }

    /// How many nodes came in by an invitation, and whether this one did.
    #[must_use]
    pub fn used(&self, invitation: &Cid, comer: &NodeId) -> (usize, bool) {
        let comers = self.group.used.get(invitation);
        (comers.map_or(0, |comers| comers.len()), comers.is_some_and(|comers| comers.contains(comer)))
    }
}

impl Groups {
    /// Reads what is known of all groups.
    ///
    /// # Errors
    /// When the database fails.
    pub fn open(store: Store, me: NodeId) -> Result<Self, StoreError> {
        let groups = Self { me, store, known: Arc::default() };
        let rows: Vec<(Vec<u8>, GroupRow)> = groups.store.scan(&GROUPS, b"", None, usize::MAX)?;
        let mut geneses: Vec<_> = rows.into_iter().map(|(_, row)| row.genesis).collect();
        let own: Option<OwnFeed> = groups.store.get(&OWN_FEED, OWN_FEED_KEY)?;
        geneses.extend(own.map(|own| own.genesis));
        let more: Vec<(Vec<u8>, OwnFeed)> = groups.store.scan(&OWN_FEEDS, b"", None, usize::MAX)?;
        geneses.extend(more.into_iter().map(|(_, own)| own.genesis));
        for genesis in geneses {
            groups.add(&genesis.0)?;
        }
        Ok(groups)
    }

    /// A group more, with what the database knows of it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn add(&self, genesis: &[u8]) -> Result<(), StoreError> {
        let Some(mut view) = View::new(genesis) else { return Ok(()) };
        for (key, Block(body)) in self.store.scan(&CHANGES, &view.id.to_bytes(), None, usize::MAX)? {
            let Some((feed, seq)) = entry_of(&key) else { continue };
            if let Ok(Body::Group(GroupChange { change, .. })) = Body::decode(Body::GROUP, &body)
                && let Some(fact) = Fact::of(&view.id, &change)
            {
                view.facts.insert(place(&feed, seq), fact);
            }
        }
        for (_, Block(proof)) in self.store.scan(&FORKS, &view.id.to_bytes(), None, usize::MAX)? {
            note_fork(&mut view, &proof);
        }
        view.fold();
        self.locked().entry(view.id).or_insert_with(|| Arc::new(view));
        Ok(())
    }

    /// A group less.
    pub fn remove(&self, group: &GroupId) {
        self.locked().remove(group);
    }

    /// One group.
    #[must_use]
    pub fn get(&self, group: &GroupId) -> Option<Arc<View>> {
        self.locked().get(group).cloned()
    }

    /// Every group.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<View>> {
        self.locked().values().cloned().collect()
    }

    /// Whether a node may read what a group has.
    #[must_use]
    pub fn may_read(&self, group: &GroupId, node: &NodeId) -> bool {
        self.get(group).is_some_and(|view| view.group.may_read(node))
    }

    /// Whether everybody may read what a group has.
    #[must_use]
    pub fn is_public(&self, group: &GroupId) -> bool {
        self.get(group).is_some_and(|view| view.group.public)
    }

    /// Whether what a node writes into a group counts.
    #[must_use]
    pub fn counts(&self, group: &GroupId, node: &NodeId) -> bool {
        self.get(group).is_some_and(|view| view.group.counts(node))
    }

    /// What this node may do in a group.
    #[must_use]
    pub fn role(&self, group: &GroupId) -> Option<Role> {
        self.get(group)?.group.role(&self.me)
    }

    /// Members of this node's groups, itself left out.
    #[must_use]
    pub fn fellows(&self) -> Vec<NodeId> {
        let all = self.all();
        let mine = all.iter().filter(|view| view.group.members.contains_key(&self.me));
        let mut nodes: Vec<_> = mine.flat_map(|view| view.group.members.keys().copied()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes.retain(|node| *node != self.me);
        nodes
    }

    /// Adds to the batch what an entry changes; gives the fact, to be learned once the batch is written.
    pub fn note(entry: &Entry, change: &Change, body: &[u8], batch: &mut Batch) -> Option<(Place, Fact)> {
        let feed = FeedId { group: entry.group, node: entry.node, incarnation: entry.incarnation };
        let fact = Fact::of(&entry.group, change)?;
        batch.put(&CHANGES, &entry_key(&feed, entry.seq), &Block(body.to_vec()));
        Some((place(&feed, entry.seq), fact))
    }

    /// Takes facts in. Gives the group before and after.
    pub fn learn(&self, group: &GroupId, facts: Vec<(Place, Fact)>) -> Option<(Arc<View>, Arc<View>)> {
        self.change(group, |view| view.facts.extend(facts))
    }

    /// Drops what was said at these places: it counts no more.
    pub fn unlearn(&self, group: &GroupId, places: &[Place]) {
        self.change(group, |view| places.iter().for_each(|place| _ = view.facts.remove(place)));
    }

    /// Takes in the proof of a fork. Gives the group before and after when it is news, and what is to be kept.
    pub fn forked(&self, group: &GroupId, proof: &[u8], batch: &mut Batch) -> Option<(Arc<View>, Arc<View>)> {
        let fork = Fork::decode(proof)?;
        let (feed, seq) = fork.proven(group)?;
        let known = self.get(group)?;
        let first = known.group.forks.get(&feed.node);
        // Keys that were never in the group could be made without end.
        let inside =
            known.group.members.contains_key(&feed.node) || known.group.gone.contains_key(&feed.node);
        if !inside || first.is_some_and(|first| *first <= (feed.incarnation, seq)) {
            return None;
        }
        batch.put(&FORKS, &entry_key(&feed, seq), &Block(proof.to_vec()));
        self.change(group, |view| note_fork(view, proof))
    }

    fn change(&self, group: &GroupId, change: impl FnOnce(&mut View)) -> Option<(Arc<View>, Arc<View>)> {
        let mut known = self.locked();
        let before = known.get(group)?.clone();
        let mut view = (*before).clone();
        change(&mut view);
        view.fold();
        let after = Arc::new(view);
        known.insert(*group, Arc::clone(&after));
        Some((before, after))
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<GroupId, Arc<View>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note_fork(view: &mut View, proof: &[u8]) {
    let Some((feed, seq)) = Fork::decode(proof).and_then(|fork| fork.proven(&view.id)) else { return };
    let first = view.group.forks.entry(feed.node).or_insert((feed.incarnation, seq));
    if (feed.incarnation, seq) <= *first {
        *first = (feed.incarnation, seq);
        view.proofs.push(proof.to_vec());
    }
}

fn place(feed: &FeedId, seq: u64) -> Place {
    Place { node: feed.node, incarnation: feed.incarnation, seq }
}
