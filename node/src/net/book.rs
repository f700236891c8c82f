//! Nodes met before and where they were, so that a restart finds them again.

use horahora_protocol::NodeId;

use crate::{
    clock,
    store::{
        Batch, Store,
        rows::{PEERS, PeerRow},
    },
};

/// Nodes remembered; those not seen for longest are forgotten first, followed ones last.
const PAGES: usize = 1_000;
/// Addresses of one node.
const ADDRESSES: usize = 12;

/// The address book. Clones share it. A failing disk costs memory of addresses, nothing else.
#[derive(Debug, Clone)]
pub struct Book(Store);

impl Book {
    pub(super) fn new(store: Store) -> Self {
        Self(store)
    }

    /// Every node in the book.
    #[must_use]
    pub fn all(&self) -> Vec<(NodeId, PeerRow)> {
        let rows = self.0.scan(&PEERS, b"", None, usize::MAX).unwrap_or_default();
        rows.into_iter()
            .filter_map(|(key, row)| Some((NodeId::from_public_key(key.try_into().ok()?), row)))
            .collect()
    }

    /// One node.
    #[must_use]
    pub fn get(&self, node: &NodeId) -> Option<PeerRow> {
        self.0.get(&PEERS, node.public_key()).ok().flatten()
    }

    /// The node was seen at these addresses, best first; older ones stay behind them.
    pub(super) fn seen(&self, node: &NodeId, addresses: &[String]) {
        self.change(node, |row| {
            row.seen = clock::now();
            remember(row, addresses);
        });
    }

    /// The node says that it can be reached there. What is known to work stays in front.
    pub(super) fn at(&self, node: &NodeId, addresses: &[String]) {
        let known = self.get(node).unwrap_or_default();
        let new = |address: &&String| {
            let bare = address.split("/p2p/").next().unwrap_or_default();
            !known.addresses.iter().any(|old| old.split("/p2p/").next() == Some(bare))
        };
        let new: Vec<_> = addresses.iter().filter(new).cloned().collect();
        if !new.is_empty() {
            self.change(node, |row| {
                let mut all = std::mem::take(&mut row.addresses);
                // The oldest go when there are too many.
                all.truncate(ADDRESSES.saturating_sub(new.len()));
                all.extend(new);
                remember(row, &all);
            });
        }
    }

    /// The node is to be connected to, and its public groups are followed.
    pub(super) fn follow(&self, node: &NodeId, addresses: &[String]) {
        self.change(node, |row| {
            (row.followed, row.ignored) = (true, false);
            remember(row, addresses);
        });
    }

    /// Nothing is wanted of the node any more.
    pub(super) fn ignore(&self, node: &NodeId) {
        self.change(node, |row| (row.followed, row.ignored) = (false, true));
    }

    /// Waits until the book survives a crash.
    pub(super) async fn durable(&self) {
        if let Err(error) = self.0.durable().await {
            tracing::warn!("the address book cannot be written: {error}");
        }
    }

    /// What the node calls itself.
    pub(super) fn name(&self, node: &NodeId, name: &str) {
        self.change(node, |row| name.clone_into(&mut row.name));
    }

    fn change(&self, node: &NodeId, change: impl FnOnce(&mut PeerRow)) {
        let known = self.get(node);
        let mut row = known.clone().unwrap_or_default();
        change(&mut row);
        let mut batch = Batch::default();
        if known.is_none() {
            self.make_room(&mut batch);
        }
        batch.put(&PEERS, node.public_key(), &row);
        if let Err(error) = self.0.write(batch) {
            tracing::warn!("the address book cannot be written: {error}");
        }
    }

    fn make_room(&self, batch: &mut Batch) {
        let mut all = self.all();
        if all.len() >= PAGES {
            all.sort_by_key(|(_, row)| (row.followed, row.seen));
            for (node, _) in all.iter().take(all.len() + 1 - PAGES) {
                batch.remove(&PEERS, node.public_key());
            }
        }
    }
}

fn remember(row: &mut PeerRow, addresses: &[String]) {
    let old = std::mem::take(&mut row.addresses);
    for address in addresses.iter().cloned().chain(old) {
        if row.addresses.len() < ADDRESSES && !row.addresses.contains(&address) {
            row.addresses.push(address);
        }
    }
}
