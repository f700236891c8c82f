//! From earlier schemas to the present one. Each step can be broken off and begun again.

use horahora_protocol::{entry::body_of, message::EntryBlocks};
use serde_bytes::ByteBuf;

use super::{
    Batch, SCHEMA, Store, StoreError, Table,
    rows::{Block, ENTRIES},
};

/// Rows of one transaction.
const ROWS: usize = 500;

/// Schema 1 kept bodies in a table of their own, under their CID; 2 keeps them with their entries.
pub(super) fn join_bodies(store: &Store) -> Result<(), StoreError> {
    let (old, bodies): (Table<Block>, Table<Block>) = (Table::new(1), Table::new(2));
    let mut after: Option<Vec<u8>> = None;
    loop {
        let keys = store.keys(&old, after.as_deref(), ROWS)?;
        let Some(last) = keys.last().cloned() else { break };
        let mut batch = Batch::default();
        for key in keys {
            // A step that was broken off left rows that are in the new form already.
            let Ok(Some(Block(entry))) = store.get(&old, &key) else { continue };
            let body: Option<Block> = match body_of(&entry) {
                Some(cid) => store.get(&bodies, &cid.to_bytes())?,
                None => None,
            };
            let body = body.map(|Block(body)| ByteBuf::from(body));
            batch.put(&ENTRIES, &key, &EntryBlocks { entry: ByteBuf::from(entry), body });
        }
        store.write(batch)?;
        after = Some(last);
    }
    let mut batch = Batch::default();
    batch.put(&Table::<u64>::new(0), b"schema", &SCHEMA);
    store.write(batch)?;
    store.clear(&bodies)
}

#[cfg(test)]
mod tests {
    use horahora_protocol::{
        NodeKey, Timestamp,
        entry::{Body, Request},
        feed::{Feed, FeedId},
    };

    use super::*;
    use crate::store::rows::{entry_key, feed_key};

    #[tokio::test]
    async fn entries_of_the_first_schema_keep_their_bodies() {
        let dir = tempfile::tempdir().unwrap();
        let key = NodeKey::from_secret(&[7; 32]);
        let group = horahora_protocol::Cid::of(horahora_protocol::Codec::DagCbor, b"a group");
        let id = FeedId { group, node: key.node_id(), incarnation: 1 };
        let mut feed = Feed::new(id, None);
        let mut wanted = Vec::new();
        {
            let store = Store::open(dir.path()).unwrap();
            let mut batch = Batch::default();
            for n in 0..1_200_u64 {
                let body =
                    Body::Request(Request { v: 1, url: format!("https://example.org/{n}"), follow: false });
                let entry = feed.append(&key, &body, Timestamp(n)).block().1;
                batch.put(&Table::<Block>::new(1), &entry_key(&id, n), &Block(entry.clone()));
                batch.put(&Table::<Block>::new(2), &body.block().0.to_bytes(), &Block(body.block().1));
                wanted.push((entry, body.block().1));
            }
            batch.put(&Table::<u64>::new(0), b"schema", &1);
            store.write(batch).unwrap();
        }
        // Another test's child holds the lock of the first one until it becomes another program.
        let store = Store::open_patiently(dir.path()).await.unwrap();
        let rows = store.scan(&ENTRIES, &feed_key(&id), None, usize::MAX).unwrap();
        let found: Vec<_> =
            rows.into_iter().map(|(_, row)| (row.entry.into_vec(), row.body.unwrap().into_vec())).collect();
        assert!(found == wanted, "every entry has its body");
        assert!(store.scan(&Table::<Block>::new(2), b"", None, 1).unwrap().is_empty());
        let schema: Option<u64> = store.get(&Table::new(0), b"schema").unwrap();
        assert_eq!(schema, Some(SCHEMA));
    }
}
