//! What the feeds of other members say of requests.

use horahora_protocol::{
    Cid, NodeId, Signed, Timestamp, Verified, codec,
    entry::{Body, Entry, Request},
    feed::FeedId,
    group::GroupId,
    limits,
    message::EntryBlocks,
    request::{Options, RequestChange},
};
use url::Url;

use super::{control, find_after, list_job, put};
use crate::{
    approval::Approvals,
    clock,
    jobs::Jobs,
    store::{
        Batch, Store, StoreError,
        rows::{Block, ENTRIES, REQUEST_KEYS, REQUESTS, RequestRow, aged_key, entry_key},
    },
};

/// A source as it is compared: without what is meant for browsers alone.
pub(super) fn source(text: &str) -> Option<Url> {
    let mut url = Url::parse(text.trim()).ok()?;
    url.set_fragment(None);
    Some(url)
}

/// What tells whether a source was asked for before. The same one may be wanted in several groups.
pub(super) fn canonical(url: &Url, group: &GroupId) -> String {
    format!("{url}#group={group}")
}

/// Adds to the batch what follows when another member wants a source archived. A source that is wanted already has
/// one subscriber more.
pub(crate) fn learn(
    store: &Store,
    entry: &Verified<Entry>,
    request: &Request,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let Some(url) = source(&request.url) else { return Ok(()) };
    let (id, _) = entry.block();
    let canonical = canonical(&url, &entry.group);
    let known: Option<Block> = store.get_after(batch, &REQUEST_KEYS, canonical.as_bytes())?;
    if let Some(Block(key)) = known {
        return subscribe(store, &key, (&id, entry.node), batch);
    }
    let options = Options { follow: request.follow, ..Options::default() };
    let row =
        RequestRow::new(id, request.url.trim(), entry.at.min(clock::now()), entry.group, entry.node, options);
    let key = aged_key(row.at, &id.to_bytes());
    put(batch, &key, &row);
    batch.put(&REQUEST_KEYS, canonical.as_bytes(), &Block(key.clone()));
    batch.put(&REQUEST_KEYS, &id.to_bytes(), &Block(key));
    Jobs::add(batch, &list_job(&row));
    Ok(())
}

/// Adds to the batch that a member wants what a request is for, too: `id` is the request that it wrote.
pub(super) fn subscribe(
    store: &Store,
    key: &[u8],
    (id, node): (&Cid, NodeId),
    batch: &mut Batch,
) -> Result<(), StoreError> {
    // What is said of theirs is meant for ours.
    batch.put(&REQUEST_KEYS, &id.to_bytes(), &Block(key.to_owned()));
    let row: Option<RequestRow> = store.get_after(batch, &REQUESTS, key)?;
    if let Some(mut row) = row.filter(|row| row.subscribers.len() < limits::FEEDS) {
        row.subscribers.insert(node);
        put(batch, key, &row);
    }
    Ok(())
}

/// Adds to the batch what follows when a member means a request otherwise from now on. False when the request is not known
/// yet.
pub(crate) fn learn_change(
    store: &Store,
    approvals: &Approvals,
    (at, by): (Timestamp, NodeId),
    change: &RequestChange,
    batch: &mut Batch,
) -> Result<bool, StoreError> {
    let Some((key, mut row)) = find_after(store, batch, &change.request)? else { return Ok(false) };
    if row.changed.is_none_or(|known| known < (at, by)) {
        row.changed = Some((at, by));
        control::apply(store, approvals, &key, &mut row, change, batch)?;
    }
    Ok(true)
}

/// Where entries wait whose request is in a feed that is not here yet.
fn early_key(request: &Cid) -> Vec<u8> {
    [b"early/".as_slice(), &request.to_bytes()].concat()
}

/// Adds to the batch that an entry speaks of a request that is not known yet.
pub(crate) fn keep_early(entry: &Verified<Entry>, request: &Cid, batch: &mut Batch) {
    let feed = FeedId { group: entry.group, node: entry.node, incarnation: entry.incarnation };
    let key = [early_key(request), entry.block().0.to_bytes()].concat();
    batch.put(&REQUEST_KEYS, &key, &Block(entry_key(&feed, entry.seq)));
}

/// Bodies that came before their request, with what signs them. They wait no more when the batch is written.
pub(crate) fn early(
    store: &Store,
    request: &Cid,
    batch: &mut Batch,
) -> Result<Vec<(Verified<Entry>, Body)>, StoreError> {
    let mut bodies = Vec::new();
    for (key, Block(entry)) in store.scan(&REQUEST_KEYS, &early_key(request), None, limits::BATCH_ENTRIES)? {
        batch.remove(&REQUEST_KEYS, &key);
        let row: Option<EntryBlocks> = store.get(&ENTRIES, &entry)?;
        let Some(EntryBlocks { entry, body: Some(body) }) = row else { continue };
        if let Ok(signed) = codec::decode::<Signed<Entry>>(&entry, limits::ENTRY_BYTES)
            && let Ok(entry) = signed.verify()
            && let Ok(body) = Body::decode(&entry.kind, &body)
        {
            bodies.push((entry, body));
        }
    }
    Ok(bodies)
}
