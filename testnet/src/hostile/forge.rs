//! Records that look right and were never signed by whom they name, or that are signed and absurd.

use horahora_protocol::{
    Cid, Codec, NodeKey, Timestamp, codec,
    entry::{Body, Capture, Entry},
    feed::{FeedId, Head},
    group::GroupId,
    growing::{Growing, Grown},
    manifest::{Rendition, Segment},
    message::EntryBlocks,
    sign::Signable,
    summary::Summary,
};
use libp2p::identity::Keypair;
use serde::Serialize;
use serde_bytes::ByteBuf;

use super::story::{NAME, THEN, genesis};

/// Longest text in a padded record.
const PADDING: usize = 44 << 10;

/// What is signed, as it lies on the wire.
#[derive(Serialize)]
struct Raw<T> {
    payload: T,
    signature: ByteBuf,
}

/// A block with a real signature, but by this key whoever the payload names.
pub(super) fn signed_by<T: Signable>(keypair: &Keypair, payload: T) -> Vec<u8> {
    let message = [T::PURPOSE.as_bytes(), &[0], &codec::encode(&payload)].concat();
    // An ed25519 key always signs.
    let signature = keypair.sign(&message).unwrap_or_default();
    codec::encode(&Raw { payload, signature: ByteBuf::from(signature) })
}

/// A signed block with one bit of its signature, which is its end, turned round.
pub(super) fn broken(mut block: Vec<u8>) -> Vec<u8> {
    let at = block.len() - 40;
    block[at] ^= 1;
    block
}

/// The video that forged records speak of.
#[must_use]
pub fn forged_video() -> &'static str {
    "fixtube:forged"
}

/// The next entry of a feed, as its writer would say it.
pub(super) fn next_entry(feed: FeedId, head: Head) -> (Entry, EntryBlocks) {
    let nothing = Cid::of(Codec::DagCbor, b"forged");
    let body = Body::Capture(Capture {
        v: 2,
        capture: nothing,
        video: forged_video().parse().expect("this is an id"),
        source_url: "https://forged.example/".to_owned(),
        fetched_at: THEN,
        tools: std::collections::BTreeMap::new(),
        info: None,
        original: Vec::new(),
        manifest: nothing,
        summary: Some(Summary { title: "forged".to_owned(), ..Summary::default() }),
        missing: Vec::new(),
    });
    let (cid, block) = body.block();
    let entry = Entry {
        v: 1,
        group: feed.group,
        node: feed.node,
        incarnation: feed.incarnation,
        seq: head.seq + 1,
        previous: Some(head.entry),
        at: THEN,
        kind: body.kind().to_owned(),
        body: cid,
    };
    (entry, EntryBlocks { entry: ByteBuf::new(), body: Some(ByteBuf::from(block)) })
}

/// A record of a capture in the making, which `maker` is said to make for `group`; with one absurd segment.
#[must_use]
pub fn forged_growing(maker: horahora_protocol::NodeId, group: GroupId, like: &Rendition) -> Growing {
    let segment = Segment { cid: Cid::of(Codec::Raw, b"forged"), bytes: 1, duration: u64::from(u32::MAX) };
    let last = horahora_protocol::limits::SEGMENTS as u32 - 1;
    Growing {
        v: 1,
        node: maker,
        group,
        capture: Cid::of(Codec::DagCbor, b"forged"),
        video: forged_video().parse().expect("this is an id"),
        source_url: "https://forged.example/".to_owned(),
        summary: Summary { title: "forged".to_owned(), duration_ms: u64::MAX, ..Summary::default() },
        run: Timestamp(u64::MAX),
        at: Timestamp(u64::MAX),
        permille: 1000,
        rungs: vec![Grown {
            head: Rendition { segments: Vec::new(), start: 1 << 62, ..like.clone() },
            from: last,
            segments: vec![segment],
        }],
    }
}

/// The `number`th record of a capture in the making in the key's own group: one segment and as much else as
/// fits.
#[must_use]
pub fn padded_growing(key: &NodeKey, like: &Rendition, number: u32) -> Growing {
    let (group, _) = genesis(key, NAME).block();
    let mut record = forged_growing(key.node_id(), group, like);
    (record.run, record.at, record.permille) = (THEN, Timestamp(THEN.0 + u64::from(number)), 1);
    let cid = Cid::of(Codec::Raw, &number.to_be_bytes());
    let rung = &mut record.rungs[0];
    rung.from = number;
    rung.segments = vec![Segment { cid, bytes: 1, duration: 1 }];
    rung.head.recipe.args = vec!["x".repeat(PADDING)];
    record
}

/// A record of this key's own, signed as it should be.
pub(super) fn signed(key: &NodeKey, record: Growing) -> Vec<u8> {
    key.sign(record).block().1
}
