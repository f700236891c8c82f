//! Whatever bytes a stranger sends: nothing panics, and what is accepted has the form it was sent in.

use std::fmt::Debug;

use horahora_protocol::{
    Cid, Signed, Verified, codec,
    entry::{self, Body, CaptureStart, Entry},
    feed::{Feed, FeedId, Head},
    group::{Fork, Genesis, invite::Admission},
    growing::Growing,
    limits,
    manifest::Manifest,
    message::{self, Answer, Gossip, Message, Presence, Response, Want},
    sign::Signable,
};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    prop_assert_eq, proptest,
    sample::{Index, select},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    cbor::{self, NULL, TRUE},
    changes, said, values, worlds,
};

proptest! {
    #![proptest_config(values::tries(1_500))]

    #[test]
    fn noise_is_refused_or_canonical(bytes in vec(any::<u8>(), 0..600)) {
        read(&bytes);
    }

    #[test]
    fn any_cbor_is_refused_or_canonical(bytes in item()) {
        read(&bytes);
    }
}

proptest! {
    #![proptest_config(values::tries(3_000))]

    #[test]
    fn a_damaged_block_is_refused_or_canonical(
        sample in select(samples()),
        damage in vec((any::<Index>(), any::<Index>(), any::<u8>(), 0..5_u8), 1..4),
    ) {
        let mut block = sample;
        for (from, to, byte, how) in damage {
            let (from, to) = (from.index(block.len() + 1), to.index(block.len() + 1));
            let (from, to) = (from.min(to), from.max(to));
            match how {
                0 if from < block.len() => block[from] = byte,
                1 => block.insert(from, byte),
                2 => drop(block.drain(from..to.min(from + 8))),
                3 => block.truncate(from.max(to)),
                _ => block.splice(from..from, block[from..to.min(from + 64)].to_vec()).for_each(drop),
            }
        }
        read(&block);
    }
}

proptest! {
    #![proptest_config(values::tries(150))]

    #[test]
    fn a_body_is_read_back(body in values::body()) {
        let (cid, block) = body.block();
        prop_assert_eq!(cid, Cid::of(horahora_protocol::Codec::DagCbor, &block));
        prop_assert_eq!(Body::decode(body.kind(), &block).unwrap(), body);
    }

    #[test]
    fn a_capture_start_is_read_back(start in values::capture_start()) {
        let block = codec::encode(&start);
        prop_assert_eq!(codec::decode::<CaptureStart>(&block, limits::BODY_BYTES).unwrap(), start);
    }

    #[test]
    fn a_body_is_of_its_own_kind_only(body in values::body()) {
        for kind in ["profile", "request", "capture", "group", "", "Profile", "farewell"] {
            prop_assert_eq!(Body::decode(kind, &body.block().1).is_ok(), kind == body.kind());
        }
    }
}

#[test]
fn a_body_of_a_later_version_is_not_guessed_at() {
    let mut capture = values::capture_sample();
    let (mut profile, mut request) = (values::profile_sample(), values::request_sample());
    (capture.v, profile.v, request.v) = (2, 2, 2);
    for body in [Body::Profile(profile), Body::Request(request), Body::Capture(capture)] {
        let read = Body::decode(body.kind(), &body.block().1);
        assert!(read.is_err(), "a {} of version 2 was read as one of version 1", body.kind());
    }
}

#[test]
fn lengths_that_lie_cost_nothing() {
    for sample in samples() {
        for (at, byte) in sample.iter().enumerate() {
            if matches!(byte >> 5, 2..=5) {
                for length in [u64::from(u32::MAX), 1 << 40, u64::MAX] {
                    let lie = cbor::head_of_width(byte >> 5, length, 8);
                    read(&[&sample[..at], &lie, &sample[at + 1..]].concat());
                }
            }
        }
    }
}

#[test]
fn depth_does_not_break_the_stack() {
    let deep = |head: &[u8], times: usize| [head.repeat(times), vec![0]].concat();
    for head in [&[0x81_u8][..], &[0xa1, 0x60], &[0xd8, 0x2a], &[0x9f], &[0xbf, 0x60]] {
        for times in [100, 400, 20_000] {
            let deep = deep(head, times);
            read(&deep);
            // Under a key that nobody knows, where a reader has to skip it.
            read(&[&[0xa1, 0x61, b'x'], deep.as_slice()].concat());
        }
    }
}

/// Reads `bytes` as everything there is; whatever is accepted must be written the same way again.
fn read(bytes: &[u8]) {
    let entry = same::<Signed<Entry>>(bytes, limits::ENTRY_BYTES);
    let body = entry::body_of(bytes);
    assert_eq!(body.is_some(), entry.is_some());
    if let Some(Ok(entry)) = entry.map(Signed::verify) {
        assert_eq!(body, Some(entry.body));
    }
    record(bytes, Genesis::decode(bytes));
    record(bytes, Growing::decode(bytes));
    record(bytes, Presence::decode(bytes));
    message::<message::Request>(bytes);
    message::<Response>(bytes);
    message::<Gossip>(bytes);
    message::<Want>(bytes);
    message::<Answer>(bytes);
    same::<CaptureStart>(bytes, limits::BODY_BYTES);
    same::<Head>(bytes, limits::BODY_BYTES);
    same::<FeedId>(bytes, limits::BODY_BYTES);
    if let Ok(manifest) = Manifest::decode(bytes) {
        assert_eq!(codec::encode(&manifest), bytes);
        let _ = manifest.blobs();
    }
    for kind in ["profile", "request", "capture", "group", "farewell"] {
        if let Ok(body) = Body::decode(kind, bytes) {
            assert_eq!(body.block().1, bytes);
        }
    }
    if let Ok(cid) = Cid::from_bytes(bytes) {
        assert_eq!(cid.to_bytes(), bytes);
    }
    if let Some(fork) = Fork::decode(bytes) {
        assert_eq!(fork.block(), bytes);
        let _ = fork.proven(&values::feed_id().group);
    }
    let (invite, redemption) = bytes.split_at(bytes.len() / 2);
    assert!(Admission::decode(&worlds::group_id(), invite, redemption).is_none());
    let mut feed = Feed::new(values::feed_id(), None);
    match feed.accept(bytes) {
        Ok(entry) => assert_eq!(entry.block().1, bytes),
        Err(_) => assert_eq!(feed.head(), None),
    }
}

fn same<T: Serialize + DeserializeOwned + Debug>(bytes: &[u8], cap: usize) -> Option<T> {
    let value = codec::decode::<T>(bytes, cap).ok()?;
    assert_eq!(codec::encode(&value), bytes, "{value:?}");
    Some(value)
}

fn record<T: Signable, E>(bytes: &[u8], read: Result<Verified<T>, E>) {
    if let Ok(record) = read {
        assert_eq!(record.block().1, bytes);
    }
}

fn message<T: Message>(bytes: &[u8]) {
    if let Ok(message) = T::decode(bytes) {
        assert_eq!(message.encode(), bytes);
    }
}

fn samples() -> Vec<Vec<u8>> {
    let start = CaptureStart {
        v: 1,
        node: values::key().node_id(),
        video: values::capture_sample().video,
        at: values::entry_sample().at,
    };
    let mut samples = vec![
        values::key().sign(values::entry_sample()).block().1,
        values::key().sign(values::genesis_sample()).block().1,
        values::key().sign(said::growing_sample()).block().1,
        values::key().sign(said::presence_sample()).block().1,
        Fork::of(b"an entry", b"another").block(),
        said::gossip_sample().encode(),
        Body::Profile(values::profile_sample()).block().1,
        Body::Request(values::request_sample()).block().1,
        Body::Capture(values::capture_sample()).block().1,
        Body::Capture(said::capture_2_sample()).block().1,
        codec::encode(&start),
        codec::encode(&values::feed_id()),
        codec::encode(&values::manifest_sample()),
    ];
    samples.extend(changes::samples().iter().map(|body| body.block().1));
    samples.extend(said::request_samples().iter().map(Message::encode));
    samples.extend(said::response_samples().iter().map(Message::encode));
    samples.extend(said::want_samples().iter().map(Message::encode));
    samples.extend(said::answer_samples().iter().map(Message::encode));
    samples
}

/// Any CBOR, with our own keys in its maps.
fn item() -> impl Strategy<Value = Vec<u8>> {
    let key = select(vec![
        "v",
        "at",
        "seq",
        "body",
        "kind",
        "node",
        "group",
        "previous",
        "incarnation",
        "payload",
        "signature",
        "name",
        "software",
        "url",
        "follow",
        "info",
        "tools",
        "video",
        "capture",
        "founder",
        "public",
        "nonce",
        "heads",
        "presence",
        "groups",
        "genesis",
        "feeds",
        "entries",
        "feed",
        "from",
        "growing",
        "run",
        "have",
        "holding",
        "manifests",
        "refused",
        "blob",
        "cancel",
        "id",
        "cid",
        "urgent",
        "of",
        "change",
        "admit",
        "invite",
        "redemption",
        "rule",
        "role",
        "last",
        "policy",
        "number",
        "key",
        "secret",
        "forks",
        "presences",
        "gossip",
        "first",
        "second",
        "bytes",
        "x",
    ]);
    let leaf = prop_oneof![
        values::number().prop_map(cbor::uint),
        vec(any::<u8>(), 0..40).prop_map(|content| cbor::bytes(&content)),
        "\\PC{0,12}".prop_map(|content| cbor::text(&content)),
        values::cid().prop_map(|cid| cbor::link(&cid)),
        Just(NULL.to_vec()),
        Just(TRUE.to_vec()),
        any::<f64>().prop_map(|float| [vec![0xfb], float.to_be_bytes().to_vec()].concat()),
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        let fields = vec((key.clone(), inner.clone()), 0..9);
        prop_oneof![
            vec(inner, 0..6).prop_map(|items| cbor::array(&items)),
            fields.prop_map(|mut fields| {
                fields.sort_by_key(|(key, _)| (key.len(), *key));
                fields.dedup_by_key(|(key, _)| *key);
                cbor::map(&fields)
            }),
        ]
    })
}
