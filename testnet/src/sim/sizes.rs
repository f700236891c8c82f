//! How large messages are: measured on really encoded ones, then counted, as encoding each would take minutes.

use horahora_protocol::{
    Cid, Codec, NodeId, NodeKey, Timestamp, codec,
    entry::{Body, Request as Wish},
    feed::{Feed, FeedId, Head},
    group::Genesis,
    limits,
    message::{
        self, Ask, EntryBlocks, Gossip, GroupHeads, Heads, Message, Presence, Refusal, Request, Response,
    },
};
use serde::Serialize;
use serde_bytes::ByteBuf;

/// Buckets of a bucketed list of heads, one bit of a mask each.
pub(super) const BUCKETS: usize = 64;
/// Bytes of one bucket's digest; nobody gains much by a collision, as the next entry ends it.
const BUCKET_DIGEST: usize = 16;
/// What a question or an answer needs on its stream beside itself: protocol name, length, headers of Yamux.
const STREAM_FRAME: u64 = 96;

/// Sizes in bytes.
#[derive(Debug, Clone)]
pub(super) struct Sizes {
    /// A message of gossip with one head, signed and framed.
    pub(super) gossip: u64,
    /// Heads with no feed in them, as a question or as an answer.
    heads: u64,
    /// One feed in heads, its place not counted.
    feed: u64,
    entries_question: u64,
    entries_answer: u64,
    /// One entry with its body.
    pub(super) entry: u64,
    /// Refused or nothing to say.
    pub(super) refused: u64,
    /// A question with one digest of all heads.
    pub(super) digest: u64,
    /// A question with a digest for each bucket.
    pub(super) buckets: u64,
}

/// What a bucketed exchange would ask. Not spoken by nodes; here for its size.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Bucketed {
    Heads { v: u8, presence: ByteBuf, groups: Vec<(Cid, ByteBuf)> },
}

impl Sizes {
    pub(super) fn measure() -> Self {
        let sample = Sample::new();
        let feed = FeedId { group: sample.group(), node: sample.key.node_id(), incarnation: 1 };
        let (mut writer, body) = (Feed::new(feed, None), body());
        let blocks: Vec<_> =
            (0..2).map(|_| writer.append(&sample.key, &body, Timestamp(AT)).block().1).collect();
        // The second entry names the one before it, as all but the first do.
        let entry = EntryBlocks {
            entry: ByteBuf::from(blocks[1].clone()),
            body: Some(ByteBuf::from(body.block().1)),
        };
        let size = |bytes: Vec<u8>| bytes.len() as u64;
        let none = size(Response::Entries(vec![]).encode());
        let (empty, one) = (size(sample.heads(0).encode()), size(sample.heads(1).encode()));
        let ask =
            Ask { v: 2, presence: sample.presence.clone(), groups: vec![(sample.group(), sample.group())] };
        let groups = vec![(sample.group(), ByteBuf::from(vec![0xff; BUCKETS * BUCKET_DIGEST]))];
        let bucketed = Bucketed::Heads { v: 2, presence: sample.presence.clone(), groups };
        Self {
            gossip: gossip_frame(&feed, sample.gossip(feed).encode().len() as u64),
            heads: empty + STREAM_FRAME,
            feed: one - empty - uint(0),
            entries_question: size(Request::Entries { feed, from: 0 }.encode()) - uint(0) + STREAM_FRAME,
            entries_answer: none + STREAM_FRAME,
            entry: size(Response::Entries(vec![entry]).encode()) - none,
            refused: size(Response::Refused(Refusal::Busy).encode()) + STREAM_FRAME,
            digest: size(Request::Heads(ask).encode()) + STREAM_FRAME,
            buckets: size(codec::encode(&bucketed)) + STREAM_FRAME,
        }
    }

    /// Heads of feeds with so many entries each; a feed without any is not named.
    pub(super) fn heads(&self, counts: impl Iterator<Item = u32>) -> u64 {
        let (mut feeds, mut bytes) = (0, 0);
        for count in counts.filter(|count| *count > 0) {
            feeds += 1;
            bytes += self.feed + uint(u64::from(count) - 1);
        }
        self.heads + bytes + uint(feeds) - uint(0)
    }

    pub(super) fn entries_question(&self, from: u32) -> u64 {
        self.entries_question + uint(from.into())
    }

    pub(super) fn entries_answer(&self, entries: u32) -> u64 {
        self.entries_answer + u64::from(entries) * self.entry + uint(entries.into()) - uint(0)
    }

    /// How many entries one answer holds.
    pub(super) fn batch(&self) -> u32 {
        let fit = limits::BATCH_BYTES as u64 / self.entry;
        u32::try_from(fit.clamp(1, limits::BATCH_ENTRIES as u64)).unwrap_or(u32::MAX)
    }
}

/// Bytes of a number, or of a list's length, in CBOR.
fn uint(number: u64) -> u64 {
    match number {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        0x1_0000..0x1_0000_0000 => 5,
        _ => 9,
    }
}

/// A signed message of gossipsub: source, data, number, topic and signature, each with its protobuf head.
fn gossip_frame(feed: &FeedId, data: u64) -> u64 {
    let topic = message::topic(&feed.group).len() as u64;
    let lengths = if data < 128 { 2 } else { 4 };
    (2 + 38) + (lengths + data) + (2 + 8) + (2 + topic) + (2 + 64) + 4
}

const AT: u64 = 1_790_000_000_000;

/// About 1 KiB, as large as a capture with a summary.
fn body() -> Body {
    let url = format!("https://videos.example/watch?list={}", "x".repeat(960));
    Body::Request(Wish { v: 1, url, follow: true })
}

struct Sample {
    key: NodeKey,
    genesis: ByteBuf,
    presence: ByteBuf,
}

impl Sample {
    fn new() -> Self {
        let key = NodeKey::from_secret(&[7; 32]);
        let (v, at, node) = (1, Timestamp(AT), key.node_id());
        let genesis = Genesis {
            v,
            founder: node,
            name: "A group of a thousand".to_owned(),
            public: true,
            at,
            nonce: vec![9; 16],
        };
        let address = |port: u16| format!("/ip4/203.0.113.7/tcp/{port}/p2p/{node}");
        let presence = Presence {
            v: 2,
            node,
            group: Cid::of(Codec::DagCbor, b"a group"),
            at,
            name: "node-0421".to_owned(),
            software: "horahora/0.1.0".to_owned(),
            videos: 1_234,
            parts: 56,
            bytes: 1 << 40,
            free: 1 << 41,
            addresses: vec![address(4150), address(4151)],
        };
        let (genesis, presence) = (key.sign(genesis).block().1, key.sign(presence).block().1);
        Self { key, genesis: ByteBuf::from(genesis), presence: ByteBuf::from(presence) }
    }

    fn group(&self) -> Cid {
        Cid::of(Codec::DagCbor, &self.genesis)
    }

    fn heads(&self, feeds: u32) -> Response {
        let feed = |number: u32| {
            let hash = blake3::hash(&number.to_le_bytes());
            let head = Head { seq: 0, entry: Cid::from_hash(Codec::DagCbor, hash) };
            (NodeId::from_public_key(*hash.as_bytes()), 1, head)
        };
        let groups = vec![GroupHeads {
            genesis: self.genesis.clone(),
            feeds: Some((0..feeds).map(feed).collect()),
            forks: Vec::new(),
            presences: Vec::new(),
        }];
        Response::Heads(Heads { v: 2, presence: self.presence.clone(), groups })
    }

    fn gossip(&self, feed: FeedId) -> Gossip {
        let head = Head { seq: 1, entry: self.group() };
        Gossip { v: 1, heads: vec![(feed, head)], growing: vec![], claims: vec![] }
    }
}

#[cfg(test)]
mod tests {
    use horahora_protocol::feed::FeedError;

    use super::*;

    #[test]
    fn counted_heads_are_as_large_as_encoded_ones() {
        let (sizes, sample) = (Sizes::measure(), Sample::new());
        for feeds in [0, 1, 23, 24, 255, 256, 1_000] {
            let encoded = sample.heads(feeds).encode();
            assert_eq!(sizes.heads((0..feeds).map(|_| 1)), encoded.len() as u64 + STREAM_FRAME);
            Response::decode(&encoded).unwrap();
        }
        // An answer holds so many groups of a thousand feeds, fewer than the 64 that it may name.
        let whole = sizes.heads((0..limits::FEEDS).map(|_| 1));
        assert!((40..50).contains(&(limits::RESPONSE_BYTES as u64 / whole)), "{whole}");
    }

    #[test]
    fn counted_entries_are_as_large_as_encoded_ones() {
        let (sizes, sample, body) = (Sizes::measure(), Sample::new(), body());
        let id = FeedId { group: sample.group(), node: sample.key.node_id(), incarnation: 1 };
        let mut writer = Feed::new(id, None);
        let mut write = || {
            let entry = ByteBuf::from(writer.append(&sample.key, &body, Timestamp(AT)).block().1);
            EntryBlocks { entry, body: Some(ByteBuf::from(body.block().1)) }
        };
        write();
        let entries: Vec<_> = (0..20).map(|_| write()).collect();
        let bytes = Response::Entries(entries).encode().len() as u64;
        assert_eq!(sizes.entries_answer(20), bytes + STREAM_FRAME);
        assert!((1_300..1_600).contains(&sizes.entry), "{}", sizes.entry);
        assert_eq!(sizes.batch(), 1_000);
    }

    #[test]
    fn a_feed_takes_the_next_entry_and_no_other() {
        let sample = Sample::new();
        let id = FeedId { group: sample.group(), node: sample.key.node_id(), incarnation: 1 };
        let (mut writer, mut reader, mut have) = (Feed::new(id, None), Feed::new(id, None), 0);
        let blocks: Vec<_> =
            (0..8).map(|_| writer.append(&sample.key, &body(), Timestamp(AT)).block().1).collect();
        let mut rng = fastrand::Rng::with_seed(4);
        for _ in 0..200 {
            let seq = rng.u32(0..8);
            let taken = match reader.accept(&blocks[seq as usize]) {
                Ok(_) => true,
                Err(FeedError::Gap { .. }) => false,
                Err(error) => panic!("{error}"),
            };
            assert_eq!(taken, super::super::sync::takes(have, seq), "entry {seq} after {have}");
            have += u32::from(taken);
        }
        assert_eq!((have, reader.next_seq()), (8, 8));
    }
}
