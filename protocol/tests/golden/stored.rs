//! What is stored, and what a feed says: each form built from its value and read back.

use std::{collections::BTreeMap, fmt::Debug};

use horahora_protocol::{
    Cid, Codec, NodeId, Signed, Timestamp, Verified, VideoId, codec,
    entry::{Body, Capture, Entry, Profile, Request},
    feed::{Feed, Head},
    group::Genesis,
    limits,
    manifest::{Blob, Chapter, Look, Loudness, Manifest, Meta, Storyboard, TextTrack},
    request::{Options, Priority, RequestChange, Stand},
    sign::Signable,
    summary::Summary,
};
use serde::de::DeserializeOwned;

use crate::{
    Case, block,
    values::{
        AT, capture, capture_start, feed_id, file, key, manifest, profile, raw, request, summary, video,
    },
};

pub(crate) fn node_ids() -> Vec<Case> {
    let ids = [("of-key-07", key().node_id()), ("of-public-key-00", NodeId::from_public_key([0; 32]))];
    ids.map(|(name, id)| {
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id), "{name}");
        Case { address: text, ..block(name, &id, 64) }
    })
    .into()
}

pub(crate) fn video_ids() -> Vec<Case> {
    let ids = [
        ("plain", video()),
        ("colon-and-case", VideoId::new("BiliBili", "BV1:p2").expect("a video id")),
        ("japanese-and-slash", VideoId::new("archive.org", "動画/100% ~.mp4").expect("a video id")),
        ("generic", VideoId::generic("https://example.org/film.mp4")),
    ];
    ids.map(|(name, id)| {
        assert_eq!(id.as_str().parse().as_ref(), Ok(&id), "{name}");
        Case { address: id.in_path(), ..block(name, &id, 512) }
    })
    .into()
}

pub(crate) fn cids() -> Vec<Case> {
    let cids = [
        ("raw-nothing", Cid::of(Codec::Raw, b"")),
        ("raw-hello", raw("hello")),
        ("dag-cbor-empty-map", Cid::of(Codec::DagCbor, &[0xa0])),
    ];
    cids.map(|(name, cid)| {
        let (address, bytes) = (cid.to_string(), cid.to_bytes());
        assert_eq!(address.parse(), Ok(cid), "{name}");
        assert_eq!(Cid::from_bytes(&bytes), Ok(cid), "{name}");
        Case { name, address, bytes }
    })
    .into()
}

pub(crate) fn genesis() -> Vec<Case> {
    let of = |name: &str, public, nonce: &[u8]| {
        let founder = key().node_id();
        key().sign(Genesis { v: 1, founder, name: name.to_owned(), public, at: AT, nonce: nonce.to_owned() })
    };
    vec![
        signed("public", of("Horahora 映像", true, &[0x5a; 16]), limits::GENESIS_BYTES),
        signed("private", of("", false, &[]), limits::GENESIS_BYTES),
    ]
}

pub(crate) fn entries() -> Vec<Case> {
    let first = Feed::new(feed_id(), None).append(&key(), &Body::Profile(profile()), AT);
    let (previous, bytes) = first.block();
    let mut feed = Feed::new(feed_id(), None);
    assert_eq!(feed.accept(&bytes).expect("our own form is read"), first);
    let second = feed.append(&key(), &Body::Request(request(true)), AT.plus_ms(1));
    assert_eq!(second.previous, Some(previous));
    let unknown = key().sign(Entry {
        kind: "farewell".to_owned(),
        incarnation: u64::MAX,
        seq: u64::MAX,
        at: Timestamp(u64::MAX),
        ..(*second).clone()
    });
    vec![
        signed("first", first, limits::ENTRY_BYTES),
        signed("second", second, limits::ENTRY_BYTES),
        signed("kind-of-a-later-version", unknown, limits::ENTRY_BYTES),
    ]
}

pub(crate) fn profiles() -> Vec<Case> {
    let silent = Profile { name: String::new(), ..profile() };
    vec![body("named", Body::Profile(profile())), body("nameless", Body::Profile(silent))]
}

pub(crate) fn requests() -> Vec<Case> {
    vec![
        body("follow", Body::Request(request(true))),
        body("once", Body::Request(Request { url: "https://例え.jp/".to_owned(), ..request(false) })),
    ]
}

pub(crate) fn request_changes() -> Vec<Case> {
    let of = |stand, options| RequestChange { v: 1, request: raw("a request"), stand, options };
    let full = Options {
        follow: true,
        newest: Some(300),
        since: Some(AT),
        title: Some("音MAD YTPMV".to_owned()),
        max_height: Some(720),
        max_bytes: Some(4_000_000_000),
        comments: false,
        media: true,
        priority: Priority::High,
    };
    let words = Options { media: false, ..Options::default() };
    vec![
        body("active", Body::RequestChange(of(Stand::Active, full))),
        body("words-only", Body::RequestChange(of(Stand::Active, words))),
        body("paused", Body::RequestChange(of(Stand::Paused, Options::default()))),
        body("removed", Body::RequestChange(of(Stand::Removed, Options::default()))),
    ]
}

pub(crate) fn captures() -> Vec<Case> {
    let bare = Capture { tools: BTreeMap::new(), info: None, original: vec![], ..capture() };
    vec![body("full", Body::Capture(capture())), body("bare", Body::Capture(bare))]
}

pub(crate) fn captures_2() -> Vec<Case> {
    let with = |summary| Capture { v: 2, summary: Some(summary), ..capture() };
    let bare = Capture { tools: BTreeMap::new(), info: None, original: vec![], ..with(Summary::default()) };
    let sized = Summary { height: Some(1080), bit_rate: Some(4_800_000), ..summary() };
    let sized = body("sized", Body::Capture(with(sized)));
    let missing = vec!["v240".to_owned(), "v480".to_owned()];
    let missing = body("missing", Body::Capture(Capture { missing, ..with(summary()) }));
    vec![body("full", Body::Capture(with(summary()))), body("bare", Body::Capture(bare)), sized, missing]
}

pub(crate) fn capture_starts() -> Vec<Case> {
    vec![block("of-sm9", &capture_start(), limits::BODY_BYTES)]
}

pub(crate) fn manifests() -> Vec<Case> {
    let bare = Manifest {
        previous: None,
        tools: BTreeMap::new(),
        meta: Meta::default(),
        original: vec![],
        info: None,
        thumbnail: None,
        poster: None,
        subtitles: vec![],
        danmaku: vec![],
        renditions: vec![],
        adopted: None,
        chapters: Vec::new(),
        storyboard: None,
        looks: Vec::new(),
        ..manifest()
    };
    let track = TextTrack {
        lang: "comments".to_owned(),
        format: "json".to_owned(),
        file: file("sm9.comments.json", "application/json", &[("more danmaku", 25)]),
    };
    let info = Some(file("sm9.info.json", "application/json", &[("later info", 4)]));
    let look = Look { at: Timestamp(AT.0 + 86_400_000), info, danmaku: vec![track] };
    let silent = Look { at: Timestamp(AT.0 + 172_800_000), info: None, danmaku: vec![] };
    let looked = Manifest { looks: vec![look, silent], ..manifest() };
    let mut seen = Manifest {
        chapters: vec![
            Chapter { at_ms: 0, title: "序".to_owned() },
            Chapter { at_ms: 90_500, title: String::new() },
        ],
        storyboard: Some(Storyboard {
            width: 160,
            height: 90,
            columns: 5,
            rows: 5,
            every_ms: 4_000,
            pictures: 26,
            sheets: ["sheet 1", "sheet 2"].map(|sheet| Blob { cid: raw(sheet), bytes: 30_000 }).into(),
        }),
        ..manifest()
    };
    seen.renditions[1].loudness = Some(Loudness { integrated: -1_420, peak: 30 });
    let cases = [
        ("full", manifest()),
        ("bare", bare),
        ("looked-at-again", looked),
        ("storyboard-and-chapters", seen),
    ];
    cases
        .map(|(name, manifest)| {
            let case = block(name, &manifest, limits::MANIFEST_BYTES);
            assert_eq!(Manifest::decode(&case.bytes).expect("our own form is read"), manifest, "{name}");
            case
        })
        .into()
}

pub(crate) fn feed_ids() -> Vec<Case> {
    vec![block("of-key-07", &feed_id(), 256)]
}

pub(crate) fn heads() -> Vec<Case> {
    let of = |seq| Head { seq, entry: Cid::of(Codec::DagCbor, b"an entry") };
    vec![block("start", &of(0), 256), block("end", &of(u64::MAX), 256)]
}

pub(crate) fn body(name: &'static str, body: Body) -> Case {
    let (cid, bytes) = body.block();
    assert_eq!(Body::decode(body.kind(), &bytes).expect("our own form is read"), body, "{name}");
    Case { name, address: cid.to_string(), bytes }
}

pub(crate) fn signed<T>(name: &'static str, value: Verified<T>, cap: usize) -> Case
where
    T: Signable + DeserializeOwned + PartialEq + Debug,
{
    let (cid, bytes) = value.block();
    let read: Signed<T> = codec::decode(&bytes, cap).expect("our own form is read");
    assert_eq!(read.verify().expect("our own form is read"), value, "{name}");
    Case { name, address: cid.to_string(), bytes }
}
