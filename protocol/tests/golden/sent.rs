//! What nodes say to each other: each message built from its value and read back.

use std::{collections::BTreeMap, fmt::Debug};

use horahora_protocol::{
    Cid, Codec, Timestamp, Verified,
    feed::Head,
    group::Genesis,
    growing::{Growing, Grown},
    manifest::{MediaKind, Rendition},
    message::{
        self, Answer, EntryBlocks, Gossip, GroupHeads, Heads, Held, Message, Presence, Refusal, Request,
        Response, Want,
    },
    summary::Summary,
};
use serde_bytes::ByteBuf;

use crate::{
    Case,
    values::{AT, feed_id, key, raw, rendition, summary, video},
};

pub(crate) fn growing() -> Vec<Case> {
    let bare =
        Growing { summary: Summary::default(), run: Timestamp(0), permille: 0, rungs: vec![], ..record() };
    let [first, bare] = [record(), bare].map(|record| key().sign(record));
    [("two-renditions", first), ("nothing-to-play-yet", bare)]
        .map(|(name, record)| {
            let (cid, bytes) = record.block();
            assert_eq!(Growing::decode(&bytes).expect("our own form is read"), record, "{name}");
            Case { name, address: cid.to_string(), bytes }
        })
        .into()
}

pub(crate) fn presences() -> Vec<Case> {
    let full = Presence { videos: u64::MAX, parts: u64::MAX, bytes: u64::MAX, ..said() };
    let bare = Presence { name: String::new(), software: String::new(), videos: 0, bytes: 0, ..said() };
    [("named", said()), ("largest", full), ("nameless", bare)]
        .map(|(name, presence)| {
            let presence = key().sign(presence);
            let (cid, bytes) = presence.block();
            assert_eq!(Presence::decode(&bytes).expect("our own form is read"), presence, "{name}");
            Case { name, address: cid.to_string(), bytes }
        })
        .into()
}

pub(crate) fn gossip() -> Vec<Case> {
    let news =
        Gossip { v: 1, heads: vec![(feed_id(), head())], growing: vec![signed(&key().sign(record()))] };
    let nothing = Gossip { v: 1, heads: vec![], growing: vec![] };
    vec![message("news", &news), message("nothing", &nothing)]
}

pub(crate) fn questions() -> Vec<Case> {
    let capture = record().capture;
    // Canonical order is by length first, so `v1080` comes last.
    let have = [("a0", 7), ("v720", 5), ("v1080", u32::MAX)].map(|(id, known)| (id.to_owned(), known)).into();
    let nothing = Request::Growing { capture, run: Timestamp(0), have: BTreeMap::new() };
    vec![
        message("heads", &Request::Heads(heads())),
        message("heads-of-nothing", &Request::Heads(Heads { groups: vec![], ..heads() })),
        message("entries", &Request::Entries { feed: feed_id(), from: 1_000 }),
        message("growing", &Request::Growing { capture, run: AT, have }),
        message("growing-from-the-start", &nothing),
        message("holding", &Request::Holding { manifests: vec![manifest(1), manifest(2)] }),
    ]
}

pub(crate) fn answers() -> Vec<Case> {
    let block = |bytes: &[u8]| ByteBuf::from(bytes);
    let entries = vec![
        EntryBlocks { entry: block(b"an entry"), body: Some(block(b"its body")) },
        EntryBlocks { entry: block(b"an entry whose body was erased"), body: None },
    ];
    let held = vec![Held { blobs: 108_000, bytes: 5_000_000_000 }, Held::default()];
    vec![
        message("heads", &Response::Heads(heads())),
        message("entries", &Response::Entries(entries)),
        message("entries-at-the-end", &Response::Entries(vec![])),
        message("growing", &Response::Growing(vec![signed(&key().sign(record()))])),
        message("holding", &Response::Holding(held)),
        message("refused-unknown", &Response::Refused(Refusal::Unknown)),
        message("refused-busy", &Response::Refused(Refusal::Busy)),
    ]
}

pub(crate) fn frames() -> Vec<Case> {
    let want = |id, urgent| Want::Blob { id, cid: raw("a blob"), urgent };
    vec![
        message("want-for-somebody", &want(1, true)),
        message("want-to-keep", &want(u32::MAX, false)),
        message("cancel", &Want::Cancel { id: 1 }),
        message("answer", &Answer { id: 1, bytes: Some(64 << 20) }),
        message("answer-not-here", &Answer { id: u32::MAX, bytes: None }),
    ]
}

pub(crate) fn names() -> Vec<Case> {
    let text = |name, text: &str| Case { name, address: text.to_owned(), bytes: text.into() };
    let blob = raw("a blob");
    vec![
        text("identify", message::IDENTIFY),
        text("kademlia", message::KADEMLIA),
        text("gossip", message::GOSSIP),
        text("sync", message::SYNC),
        text("blobs", message::BLOBS),
        text("topic-of-a-group", &message::topic(&feed_id().group)),
        Case { name: "key-of-a-blob", address: blob.to_string(), bytes: message::blob_key(&blob) },
        Case { name: "key-of-a-video", address: video().to_string(), bytes: message::video_key(&video()) },
    ]
}

fn message<T: Message + PartialEq + Debug>(name: &'static str, value: &T) -> Case {
    let bytes = value.encode();
    assert_eq!(&T::decode(&bytes).expect("our own form is read"), value, "{name}");
    Case { name, address: Cid::of(Codec::DagCbor, &bytes).to_string(), bytes }
}

fn signed<T: horahora_protocol::sign::Signable>(value: &Verified<T>) -> ByteBuf {
    ByteBuf::from(value.block().1)
}

fn head() -> Head {
    Head { seq: 41, entry: Cid::of(Codec::DagCbor, b"an entry") }
}

fn manifest(number: u8) -> Cid {
    Cid::of(Codec::DagCbor, &[number])
}

fn said() -> Presence {
    Presence {
        v: 1,
        node: key().node_id(),
        at: AT,
        name: "ほらほら".to_owned(),
        software: "horahora/0.2.0".to_owned(),
        videos: 12,
        parts: 0,
        bytes: 5_000_000_000,
    }
}

fn heads() -> Heads {
    let founder = key().node_id();
    let genesis =
        Genesis { v: 1, founder, name: "映像".to_owned(), public: true, at: AT, nonce: vec![0x5a; 16] };
    let feeds = vec![(key().node_id(), 1_000_000, head()), (key().node_id(), 1_000_001, head())];
    let group = GroupHeads { genesis: signed(&key().sign(genesis)), feeds };
    Heads { v: 1, presence: signed(&key().sign(said())), groups: vec![group] }
}

fn record() -> Growing {
    let grown = |id: &str, kind, from| {
        let all = rendition(id, kind);
        let segments = all.segments.clone();
        Grown { head: Rendition { segments: vec![], ..all }, from, segments }
    };
    Growing {
        v: 1,
        node: key().node_id(),
        group: feed_id().group,
        capture: Cid::of(Codec::DagCbor, b"a capture"),
        video: video(),
        source_url: "https://www.nicovideo.jp/watch/sm9".to_owned(),
        summary: Summary { bytes: 0, ..summary() },
        run: AT,
        at: AT.plus_ms(4_000),
        permille: 125,
        rungs: vec![grown("v720", MediaKind::Video, 0), grown("a0", MediaKind::Audio, 5)],
    }
}
