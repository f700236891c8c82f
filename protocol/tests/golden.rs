//! Golden vectors: what this crate writes today, byte for byte, one file per form and version in `testdata/`.
//!
//! A stored or sent form never changes. A test that fails here means that nodes would no longer understand
//! each other or their own disks: make a form of a new version, keep the old file and keep decoding it.
//! After adding a form or a case write the files anew and read the difference before you commit it:
//! `HORAHORA_WRITE_GOLDEN=1 cargo test -p horahora-protocol --test golden`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{Debug, Write},
    fs,
    path::PathBuf,
};

use horahora_protocol::{
    Cid, Codec, NodeId, NodeKey, Signed, Timestamp, Verified, VideoId, codec,
    entry::{Body, Capture, CaptureStart, Entry, Profile, Request},
    feed::{Feed, FeedId, Head},
    group::Genesis,
    limits,
    manifest::{Blob, Creator, File, Manifest, MediaKind, Meta, Recipe, Rendition, Segment, TextTrack},
    sign::Signable,
};
use serde::{Serialize, de::DeserializeOwned};

const AT: Timestamp = Timestamp(1_767_225_600_123);

/// One line of a file: `name address hex`.
struct Case {
    name: &'static str,
    address: String,
    bytes: Vec<u8>,
}

/// One file: its name, what its lines say, and the lines.
type Vectors = (&'static str, &'static str, Vec<Case>);

#[test]
fn every_form_has_the_bytes_and_the_address_it_always_had() {
    let write = std::env::var_os("HORAHORA_WRITE_GOLDEN").is_some_and(|value| value == "1");
    let mut held = BTreeSet::new();
    for (file, about, cases) in forms() {
        held.insert(file.to_owned());
        let mut text = format!("# {about}\n");
        for case in &cases {
            writeln!(text, "{} {} {}", case.name, case.address, hex(&case.bytes)).unwrap();
        }
        let path = testdata().join(file);
        if write {
            fs::write(&path, &text).unwrap();
        }
        let kept = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("testdata/{file}: {error}; see the head of golden.rs"));
        assert_eq!(kept.lines().count(), text.lines().count(), "testdata/{file} has other cases");
        for (number, (kept, now)) in kept.lines().zip(text.lines()).enumerate() {
            assert_eq!(kept, now, "testdata/{file}:{} is not what this version writes", number + 1);
        }
    }
    let found: BTreeSet<String> = fs::read_dir(testdata())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, held, "testdata/ and forms() in golden.rs name different files");
}

/// Every form that is stored or sent, each case built from its value and read back.
fn forms() -> Vec<Vectors> {
    vec![
        ("node-id-1.txt", "what, text form, hex of the stored form", node_ids()),
        ("video-id-1.txt", "what, form in a URL's path, hex of the stored form", video_ids()),
        ("cid-1.txt", "what, text form, hex of the binary form", cids()),
        ("genesis-1.cbor.hex", "signed genesis: what, group id, hex of the block", genesis()),
        ("entry-1.cbor.hex", "signed entry: what, address, hex of the block", entries()),
        ("profile-1.cbor.hex", "body of a profile: what, address, hex of the block", profiles()),
        ("request-1.cbor.hex", "body of a request: what, address, hex of the block", requests()),
        ("capture-1.cbor.hex", "body of a capture: what, address, hex of the block", captures()),
        ("capture-start-1.cbor.hex", "capture start: what, capture id, hex of the block", capture_starts()),
        ("manifest-1.cbor.hex", "manifest: what, address, hex of the block", manifests()),
        ("feed-id-1.cbor.hex", "feed id: what, address, hex of the block", feed_ids()),
        ("head-1.cbor.hex", "head of a feed: what, address, hex of the block", heads()),
    ]
}

fn node_ids() -> Vec<Case> {
    let ids = [("of-key-07", key().node_id()), ("of-public-key-00", NodeId::from_public_key([0; 32]))];
    ids.map(|(name, id)| {
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id), "{name}");
        Case { address: text, ..block(name, &id, 64) }
    })
    .into()
}

fn video_ids() -> Vec<Case> {
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

fn cids() -> Vec<Case> {
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

fn genesis() -> Vec<Case> {
    let of = |name: &str, public, nonce: &[u8]| {
        let founder = key().node_id();
        key().sign(Genesis { v: 1, founder, name: name.to_owned(), public, at: AT, nonce: nonce.to_owned() })
    };
    vec![
        signed("public", of("Horahora 映像", true, &[0x5a; 16]), limits::GENESIS_BYTES),
        signed("private", of("", false, &[]), limits::GENESIS_BYTES),
    ]
}

fn entries() -> Vec<Case> {
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

fn profiles() -> Vec<Case> {
    let silent = Profile { name: String::new(), ..profile() };
    vec![body("named", Body::Profile(profile())), body("nameless", Body::Profile(silent))]
}

fn requests() -> Vec<Case> {
    vec![
        body("follow", Body::Request(request(true))),
        body("once", Body::Request(Request { url: "https://例え.jp/".to_owned(), ..request(false) })),
    ]
}

fn captures() -> Vec<Case> {
    let full = Capture {
        v: 1,
        capture: codec::block(&capture_start()).0,
        video: video(),
        source_url: "https://www.nicovideo.jp/watch/sm9".to_owned(),
        fetched_at: AT,
        tools: tools(),
        info: Some(raw("info")),
        original: vec![raw("sound"), raw("picture")],
        manifest: codec::block(&manifest()).0,
    };
    let bare = Capture { tools: BTreeMap::new(), info: None, original: vec![], ..full.clone() };
    vec![body("full", Body::Capture(full)), body("bare", Body::Capture(bare))]
}

fn capture_starts() -> Vec<Case> {
    vec![block("of-sm9", &capture_start(), limits::BODY_BYTES)]
}

fn manifests() -> Vec<Case> {
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
        ..manifest()
    };
    let cases = [("full", manifest()), ("bare", bare)];
    cases
        .map(|(name, manifest)| {
            let case = block(name, &manifest, limits::MANIFEST_BYTES);
            assert_eq!(Manifest::decode(&case.bytes).expect("our own form is read"), manifest, "{name}");
            case
        })
        .into()
}

fn feed_ids() -> Vec<Case> {
    vec![block("of-key-07", &feed_id(), 256)]
}

fn heads() -> Vec<Case> {
    let of = |seq| Head { seq, entry: Cid::of(Codec::DagCbor, b"an entry") };
    vec![block("start", &of(0), 256), block("end", &of(u64::MAX), 256)]
}

fn block<T>(name: &'static str, value: &T, cap: usize) -> Case
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let (cid, bytes) = codec::block(value);
    assert_eq!(&codec::decode::<T>(&bytes, cap).expect("our own form is read"), value, "{name}");
    Case { name, address: cid.to_string(), bytes }
}

fn body(name: &'static str, body: Body) -> Case {
    let (cid, bytes) = body.block();
    assert_eq!(Body::decode(body.kind(), &bytes).expect("our own form is read"), body, "{name}");
    Case { name, address: cid.to_string(), bytes }
}

fn signed<T>(name: &'static str, value: Verified<T>, cap: usize) -> Case
where
    T: Signable + DeserializeOwned + PartialEq + Debug,
{
    let (cid, bytes) = value.block();
    let read: Signed<T> = codec::decode(&bytes, cap).expect("our own form is read");
    assert_eq!(read.verify().expect("our own form is read"), value, "{name}");
    Case { name, address: cid.to_string(), bytes }
}

fn key() -> NodeKey {
    NodeKey::from_secret(&[7; 32])
}

fn video() -> VideoId {
    VideoId::new("niconico", "sm9").expect("a video id")
}

fn raw(bytes: &str) -> Cid {
    Cid::of(Codec::Raw, bytes.as_bytes())
}

fn tools() -> BTreeMap<String, String> {
    // Canonical order is by length first, so `ffmpeg` comes before `yt-dlp` but after `aria`.
    [("yt-dlp", "2026.10.26"), ("aria", "1.37.0"), ("ffmpeg", "9.0.2"), ("deno", "2.5.4")]
        .map(|(tool, version)| (tool.to_owned(), version.to_owned()))
        .into()
}

fn feed_id() -> FeedId {
    FeedId { group: Cid::of(Codec::DagCbor, b"a group"), node: key().node_id(), incarnation: 1_000_000 }
}

fn profile() -> Profile {
    Profile { v: 1, name: "ほらほら".to_owned(), software: "horahora/0.1.0".to_owned() }
}

fn request(follow: bool) -> Request {
    Request { v: 1, url: "https://www.nicovideo.jp/watch/sm9".to_owned(), follow }
}

fn capture_start() -> CaptureStart {
    CaptureStart { v: 1, node: key().node_id(), video: video(), at: AT }
}

fn file(name: &str, media_type: &str, chunks: &[(&str, u64)]) -> File {
    File {
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        bytes: chunks.iter().map(|(_, bytes)| bytes).sum(),
        chunks: chunks.iter().map(|&(text, bytes)| Blob { cid: raw(text), bytes }).collect(),
    }
}

fn rendition(id: &str, kind: MediaKind) -> Rendition {
    let picture = kind == MediaKind::Video;
    let segment = |number: u64| Segment {
        cid: raw(&format!("{id} segment {number}")),
        bytes: 400_000 + number,
        duration: 60_060,
    };
    let recipe = Recipe {
        tool: "ffmpeg 9.0.2".to_owned(),
        args: ["-i", "SRC", "-c:v", "libx264"].map(str::to_owned).into(),
    };
    Rendition {
        id: id.to_owned(),
        kind,
        recipe,
        codecs: if picture { "avc1.64001f" } else { "mp4a.40.2" }.to_owned(),
        width: if picture { 1280 } else { 0 },
        height: if picture { 720 } else { 0 },
        frame_rate: if picture { (30_000, 1_001) } else { (0, 1) },
        sample_rate: if picture { 0 } else { 48_000 },
        channels: if picture { 0 } else { 2 },
        bandwidth: 1_600_000,
        bytes: 800_900 + 3,
        timescale: 30_000,
        start: 1_024,
        init: Blob { cid: raw(&format!("{id} init")), bytes: 900 },
        segments: vec![segment(1), segment(2)],
    }
}

fn manifest() -> Manifest {
    let track = |lang: &str, format: &str, file| TextTrack { lang: lang.into(), format: format.into(), file };
    Manifest {
        v: 1,
        capture: codec::block(&capture_start()).0,
        previous: Some(Cid::of(Codec::DagCbor, b"the revision before")),
        video: video(),
        source_url: "https://www.nicovideo.jp/watch/sm9".to_owned(),
        fetched_at: AT,
        tools: tools(),
        meta: Meta {
            title: "新・豪血寺一族 -煩悩解放 - レッツゴー!陰陽師".to_owned(),
            creator: Some(Creator {
                name: "中の".to_owned(),
                id: Some("4".to_owned()),
                url: Some("https://www.nicovideo.jp/user/4".to_owned()),
            }),
            description: "レッツゴー!\n陰陽師".to_owned(),
            tags: vec!["陰陽師".to_owned(), "最古の動画".to_owned()],
            published_at: Some(Timestamp(1_173_108_780_000)),
            duration_ms: 320_000,
        },
        original: vec![
            file("sm9.f1.mp4", "video/mp4", &[("picture 1", 4 << 20), ("picture 2", 17)]),
            file("sm9.f2.m4a", "audio/mp4", &[("sound", 1)]),
        ],
        info: Some(file("sm9.info.json", "application/json", &[("info", 4)])),
        thumbnail: Some(file("sm9.webp", "image/webp", &[("thumbnail", 5_000)])),
        poster: Some(file("poster.jpg", "image/jpeg", &[("poster", 70_000)])),
        subtitles: vec![track("ja", "vtt", file("sm9.ja.vtt", "text/vtt", &[("words", 23)]))],
        danmaku: vec![track("comments", "json", file("sm9.json", "application/json", &[("danmaku", 24)]))],
        renditions: vec![rendition("v720", MediaKind::Video), rendition("a0", MediaKind::Audio)],
    }
}

fn testdata() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text grows");
        text
    })
}
