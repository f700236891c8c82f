//! Samples of everything that is stored or sent, and recipes for random ones.

use std::collections::BTreeMap;

use horahora_protocol::{
    Cid, Codec, NodeId, NodeKey, Timestamp, VideoId,
    approval::{Ruling, Subject, Verdict},
    community::{Act, Place, Removal, Said, Views, Vote, What},
    entry::{Body, Capture, CaptureStart, Entry, Origin, Profile, Rendered, Request},
    feed::FeedId,
    group::Genesis,
    manifest::{
        Blob, Chapter, Creator, File, Look, Loudness, Manifest, MediaKind, Meta, Recipe, Rendition, Segment,
        Storyboard, TextTrack,
    },
    moderation::{Action, Measure, Target},
    request::{Options, Priority, RequestChange, Stand},
};
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::{BoxedStrategy, Just, ProptestConfig, Strategy, any, prop_oneof},
    test_runner::RngSeed,
};

use crate::{changes, said};

/// `cases` tries, or as many times more as `PROPTEST_CASES` is more than 256.
pub(crate) fn tries(cases: u32) -> ProptestConfig {
    let given = ProptestConfig::default();
    let rng_seed = if given.rng_seed == RngSeed::Random { RngSeed::Fixed(7) } else { given.rng_seed };
    let cases = (u64::from(given.cases) * u64::from(cases)).div_ceil(256);
    let cases = u32::try_from(cases).expect("a sensible PROPTEST_CASES");
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..given }
}

pub(crate) fn key() -> NodeKey {
    NodeKey::from_secret(&[7; 32])
}

pub(crate) fn raw(content: &str) -> Cid {
    Cid::of(Codec::Raw, content.as_bytes())
}

/// The address of a block.
pub(crate) fn address(block: &[u8]) -> Cid {
    Cid::of(Codec::DagCbor, block)
}

pub(crate) fn linked(content: &str) -> Cid {
    Cid::of(Codec::DagCbor, content.as_bytes())
}

pub(crate) fn feed_id() -> FeedId {
    FeedId { group: linked("group"), node: key().node_id(), incarnation: 3 }
}

pub(crate) fn entry_sample() -> Entry {
    Entry {
        v: 1,
        group: feed_id().group,
        node: feed_id().node,
        incarnation: feed_id().incarnation,
        seq: 0,
        previous: None,
        at: Timestamp(1_767_225_600_123),
        kind: "request".to_owned(),
        body: linked("body"),
    }
}

pub(crate) fn genesis_sample() -> Genesis {
    let founder = key().node_id();
    let (name, at) = ("Horahora".to_owned(), Timestamp(1_767_225_600_123));
    Genesis { v: 1, founder, name, public: true, at, nonce: vec![9; 16] }
}

pub(crate) fn profile_sample() -> Profile {
    Profile { v: 1, name: "ほら".to_owned(), software: "horahora/0.1.0".to_owned() }
}

pub(crate) fn request_sample() -> Request {
    Request { v: 1, url: "https://www.nicovideo.jp/watch/sm9".to_owned(), follow: true }
}

pub(crate) fn capture_sample() -> Capture {
    Capture {
        v: 1,
        capture: linked("capture"),
        video: "niconico:sm9".parse().expect("a video id"),
        source_url: "https://www.nicovideo.jp/watch/sm9".to_owned(),
        fetched_at: Timestamp(1_767_225_600_123),
        tools: [("yt-dlp", "2026.10.26"), ("ffmpeg", "9.0.2"), ("deno", "2.5")]
            .map(|(tool, version)| (tool.to_owned(), version.to_owned()))
            .into(),
        info: Some(raw("info")),
        original: vec![raw("picture"), raw("sound")],
        manifest: linked("manifest"),
        summary: None,
        missing: Vec::new(),
    }
}

pub(crate) fn file_sample(name: &str) -> File {
    let chunks = vec![Blob { cid: raw(name), bytes: 300 }, Blob { cid: raw("rest"), bytes: 20 }];
    File { name: name.to_owned(), media_type: "video/mp4".to_owned(), bytes: 320, chunks }
}

pub(crate) fn rendition_sample(id: &str, kind: MediaKind) -> Rendition {
    let segment = |n: u64| Segment { cid: raw(&format!("{id} {n}")), bytes: 1_000 + n, duration: 60_060 };
    let picture = kind == MediaKind::Video;
    Rendition {
        id: id.to_owned(),
        kind,
        recipe: Recipe { tool: "ffmpeg 9.0.2".to_owned(), args: vec!["-i".to_owned(), "SRC".to_owned()] },
        codecs: if picture { "avc1.64001f" } else { "mp4a.40.2" }.to_owned(),
        width: if picture { 1280 } else { 0 },
        height: if picture { 720 } else { 0 },
        frame_rate: if picture { (30_000, 1_001) } else { (0, 1) },
        sample_rate: if picture { 0 } else { 48_000 },
        channels: if picture { 0 } else { 2 },
        lang: (!picture).then(|| "ja".to_owned()),
        name: (!picture).then(|| "解説 <1>".to_owned()),
        loudness: (!picture).then_some(Loudness { integrated: -1_810, peak: -95 }),
        bandwidth: 8_008,
        bytes: 100 + 1_001 + 1_002,
        timescale: 30_000,
        start: 0,
        missing_ms: u64::from(!picture) * 700,
        init: Blob { cid: raw(&format!("{id} init")), bytes: 100 },
        segments: vec![segment(1), segment(2)],
    }
}

/// Pictures at every second in sheets of 2 x 5.
pub(crate) fn storyboard_sample(pictures: u32, height: u32) -> Storyboard {
    let sheet = |n| Blob { cid: raw(&format!("sheet {n} of {height}")), bytes: 1_000 };
    let sheets = (0..pictures.div_ceil(10)).map(sheet).collect();
    Storyboard { width: 160, height, columns: 2, rows: 5, every_ms: 1_000, pictures, sheets }
}

pub(crate) fn manifest_sample() -> Manifest {
    let track = |lang: &str, format: &str| TextTrack {
        lang: lang.to_owned(),
        format: format.to_owned(),
        file: file_sample(&format!("{lang}.{format}")),
    };
    let creator = Creator { name: "中の".to_owned(), id: Some("4".to_owned()), url: None };
    let capture = capture_sample();
    Manifest {
        v: 1,
        capture: capture.capture,
        previous: Some(linked("revision")),
        video: capture.video,
        source_url: capture.source_url,
        fetched_at: capture.fetched_at,
        tools: capture.tools,
        meta: Meta {
            title: "レッツゴー!陰陽師".to_owned(),
            creator: Some(creator),
            description: "陰陽師".to_owned(),
            tags: vec!["陰陽師".to_owned()],
            published_at: Some(Timestamp(1_173_108_780_000)),
            duration_ms: 4_004,
        },
        original: vec![file_sample("sm9.mp4")],
        info: Some(file_sample("sm9.info.json")),
        thumbnail: Some(file_sample("sm9.webp")),
        poster: Some(file_sample("poster.jpg")),
        subtitles: vec![track("ja", "vtt")],
        danmaku: vec![track("comments", "json")],
        renditions: vec![
            rendition_sample("v720", MediaKind::Video),
            rendition_sample("a0", MediaKind::Audio),
        ],
        adopted: Some(linked("a copied manifest")),
        chapters: vec![Chapter { at_ms: 2_000, title: "第二主題".to_owned() }],
        storyboard: Some(storyboard_sample(10, 12)),
        looks: vec![Look {
            at: Timestamp(1_273_108_780_000),
            info: Some(file_sample("later.info.json")),
            danmaku: vec![track("comments", "json")],
        }],
    }
}

pub(crate) fn cid() -> impl Strategy<Value = Cid> {
    (any::<bool>(), any::<[u8; 8]>())
        .prop_map(|(raw, seed)| Cid::of(if raw { Codec::Raw } else { Codec::DagCbor }, &seed))
}

pub(crate) fn node_id() -> impl Strategy<Value = NodeId> {
    any::<[u8; 32]>().prop_map(NodeId::from_public_key)
}

pub(crate) fn video_id() -> impl Strategy<Value = VideoId> {
    ("[a-z0-9_.-]{1,64}", "\\PC{1,60}")
        .prop_map(|(site, id)| VideoId::new(&site, &id).expect("allowed halves"))
}

/// Numbers near the places where CBOR's forms and our sums change.
pub(crate) fn number() -> impl Strategy<Value = u64> {
    let edges = [0, 23, 24, 0xff, 0x100, 0xffff, 0x1_0000, u64::from(u32::MAX), 1 << 32, 1 << 53, u64::MAX];
    prop_oneof![any::<u64>(), (0..edges.len()).prop_map(move |at| edges[at]), 0..1000_u64]
}

pub(crate) fn time() -> impl Strategy<Value = Timestamp> {
    number().prop_map(Timestamp)
}

pub(crate) fn words() -> impl Strategy<Value = String> {
    prop_oneof![4 => ".{0,12}", 1 => any::<String>()]
}

fn tools() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map("[a-z0-9-]{1,30}", words(), 0..5)
}

pub(crate) fn entry(by: NodeId) -> impl Strategy<Value = Entry> {
    let place = (cid(), number(), number(), option::of(cid()));
    (place, time(), "[a-z-]{1,32}", cid()).prop_map(move |(place, at, kind, body)| {
        let (group, incarnation, seq, previous) = place;
        Entry { v: 1, group, node: by, incarnation, seq, previous, at, kind, body }
    })
}

pub(crate) fn genesis(by: NodeId) -> impl Strategy<Value = Genesis> {
    ("\\PC{0,40}", any::<bool>(), time(), vec(any::<u8>(), 0..=32))
        .prop_map(move |(name, public, at, nonce)| Genesis { v: 1, founder: by, name, public, at, nonce })
}

pub(crate) fn capture_start() -> impl Strategy<Value = CaptureStart> {
    (node_id(), video_id(), time()).prop_map(|(node, video, at)| CaptureStart { v: 1, node, video, at })
}

pub(crate) fn body() -> BoxedStrategy<Body> {
    let profile = ("\\PC{0,40}", "\\PC{0,40}")
        .prop_map(|(name, software)| Body::Profile(Profile { v: 1, name, software }));
    let request =
        ("\\PC{1,60}", any::<bool>()).prop_map(|(url, follow)| Body::Request(Request { v: 1, url, follow }));
    let change = changes::change().prop_map(changes::body);
    let origin =
        (video_id(), any::<bool>()).prop_map(|(video, gone)| Body::Origin(Origin { v: 1, video, gone }));
    let rendered = (cid(), "[a-z0-9]{1,8}", cid())
        .prop_map(|(capture, id, rendition)| Body::Rendition(Rendered { v: 1, capture, id, rendition }));
    prop_oneof![
        profile,
        request,
        rendered,
        origin,
        verdict(),
        said(),
        request_change(),
        capture().prop_map(Body::Capture),
        change
    ]
    .boxed()
}

fn verdict() -> impl Strategy<Value = Body> {
    let creator = ("[a-z]{1,8}", "\\PC{1,20}").prop_map(|(site, id)| Subject::Creator { site, id });
    let tag = "\\PC{0,20}".prop_map(|tag| Subject::tag(&tag));
    let subject = prop_oneof![video_id().prop_map(Subject::Video), creator, tag];
    let ruling = prop_oneof![Just(Ruling::Approved), Just(Ruling::Refused), Just(Ruling::Open)];
    (vec(subject, 0..5), ruling, "\\PC{0,40}")
        .prop_map(|(subjects, ruling, reason)| Body::Verdict(Verdict { v: 1, subjects, ruling, reason }))
}

fn said() -> impl Strategy<Value = Body> {
    let comment =
        ("\\PC{0,60}", option::of(cid())).prop_map(|(text, reply_to)| What::Comment { text, reply_to });
    let place = prop_oneof![Just(Place::Scroll), Just(Place::Top), Just(Place::Bottom)];
    let danmaku = (any::<u64>(), "\\PC{0,60}", 0..=0xff_ffff_u32, place)
        .prop_map(|(at_ms, text, colour, place)| What::Danmaku { at_ms, text, colour, place });
    let vote = prop_oneof![Just(Vote::Up), Just(Vote::Down), Just(Vote::None)].prop_map(What::Vote);
    let what = prop_oneof![comment, danmaku, vote, cid().prop_map(|target| What::Erase { target })];
    let said = (any::<[u8; 32]>(), time(), video_id(), what, "\\PC{1,30}").prop_map(
        |(secret, at, video, what, name)| {
            let key = NodeKey::from_secret(&secret);
            let home = self::key().node_id();
            let act = key.sign(Act { v: 1, who: key.node_id(), home, at, video, what });
            Body::Said(Said { v: 1, name, act: act.into_signed() })
        },
    );
    let removal =
        (cid(), "\\PC{0,40}").prop_map(|(target, reason)| Body::Removal(Removal { v: 1, target, reason }));
    let views = vec((video_id(), any::<u64>()), 0..5).prop_map(|videos| Body::Views(Views { v: 1, videos }));
    prop_oneof![said, removal, views, measure()]
}

fn measure() -> impl Strategy<Value = Body> {
    let node = || any::<[u8; 32]>().prop_map(|secret| NodeKey::from_secret(&secret).node_id());
    let creator = ("[a-z]{1,8}", "\\PC{1,20}").prop_map(|(site, id)| Target::Creator { site, id });
    let target = prop_oneof![
        video_id().prop_map(Target::Video),
        creator,
        node().prop_map(Target::Person),
        node().prop_map(Target::Node)
    ];
    let action = prop_oneof![Just(Action::Lift), Just(Action::Hide), Just(Action::TakeDown)];
    (time(), target, action, "\\PC{0,40}")
        .prop_map(|(at, target, action, reason)| Body::Measure(Measure { v: 1, at, target, action, reason }))
}

fn request_change() -> impl Strategy<Value = Body> {
    let stand = prop_oneof![Just(Stand::Active), Just(Stand::Paused), Just(Stand::Removed)];
    let bounds = (option::of(any::<u32>()), option::of(time()), option::of("\\PC{0,40}"));
    let sizes = (option::of(any::<u32>()), option::of(any::<u64>()));
    let priority = prop_oneof![Just(Priority::Low), Just(Priority::Usual), Just(Priority::High)];
    (cid(), stand, any::<bool>(), bounds, sizes, any::<(bool, bool)>(), priority).prop_map(
        |(request, stand, follow, (newest, since, title), (max_height, max_bytes), switches, priority)| {
            let (comments, media) = switches;
            let options =
                Options { follow, newest, since, title, max_height, max_bytes, comments, media, priority };
            Body::RequestChange(RequestChange { v: 1, request, stand, options })
        },
    )
}

fn capture() -> impl Strategy<Value = Capture> {
    let what = (cid(), video_id(), "\\PC{1,60}", time());
    let links = (option::of(cid()), vec(cid(), 0..6), cid());
    let said = (option::of(said::summary()), vec("[a-z0-9]{1,8}", 0..4));
    (what, tools(), links, said).prop_map(
        |(
            (capture, video, source_url, fetched_at),
            tools,
            (info, original, manifest),
            (summary, missing),
        )| Capture {
            v: if summary.is_some() { 2 } else { 1 },
            capture,
            video,
            source_url,
            fetched_at,
            tools,
            info,
            original,
            manifest,
            summary,
            missing,
        },
    )
}

/// A blob whose size follows from its address, as in the world.
pub(crate) fn blob() -> impl Strategy<Value = Blob> {
    (0..=4_u64 << 20).prop_map(|bytes| Blob { cid: raw(&bytes.to_string()), bytes })
}

fn file() -> impl Strategy<Value = File> {
    ("[^/\\\\\u{0}-\u{1f}.]{1,20}", "[a-z]{1,8}/[a-z0-9.+-]{1,12}", vec(blob(), 0..5)).prop_map(
        |(name, media_type, chunks)| {
            let bytes = chunks.iter().map(|chunk| chunk.bytes).sum();
            File { name, media_type, bytes, chunks }
        },
    )
}

fn track() -> impl Strategy<Value = TextTrack> {
    ("[a-zA-Z-]{1,12}", "[a-z]{1,5}", file()).prop_map(|(lang, format, file)| TextTrack {
        lang,
        format,
        file,
    })
}

pub(crate) fn creator() -> impl Strategy<Value = Creator> {
    (words(), option::of(words()), option::of(words())).prop_map(|(name, id, url)| Creator { name, id, url })
}

fn meta() -> impl Strategy<Value = Meta> {
    let what = (words(), option::of(creator()), words(), vec(words(), 0..4));
    (what, option::of(time()), number()).prop_map(
        |((title, creator, description, tags), published_at, duration_ms)| Meta {
            title,
            creator,
            description,
            tags,
            published_at,
            duration_ms,
        },
    )
}

pub(crate) fn segment() -> impl Strategy<Value = Segment> {
    (blob(), any::<u32>()).prop_map(|(blob, duration)| Segment {
        cid: blob.cid,
        bytes: blob.bytes,
        duration: u64::from(duration),
    })
}

pub(crate) fn rendition() -> impl Strategy<Value = Rendition> {
    let shape = (any::<u32>(), any::<u32>(), (any::<u32>(), 1..=u32::MAX), any::<u32>(), any::<u32>());
    let made = (words(), vec(words(), 0..4), "[a-z0-9]{4}(\\.[0-9A-Za-z]{1,6}){0,4}");
    let clock = (number(), 1..=u32::MAX, 0..u64::from(u32::MAX));
    let kind = prop_oneof![Just(MediaKind::Video), Just(MediaKind::Audio)];
    let sound = (proptest::option::of("[a-z]{2,3}(-[A-Z]{2})?"), proptest::option::of(words()), number());
    let loudness = (any::<i32>(), any::<i32>()).prop_map(|(integrated, peak)| Loudness { integrated, peak });
    let sound = (sound, option::of(loudness));
    (kind, shape, made, clock, sound, blob(), vec(segment(), 0..12)).prop_map(
        |(kind, shape, (tool, args, codecs), (bandwidth, timescale, start), sound, init, segments)| {
            let (lang, name, missing_ms) = sound.0;
            let (width, height, frame_rate, sample_rate, channels) = shape;
            let bytes = init.bytes + segments.iter().map(|segment| segment.bytes).sum::<u64>();
            let (id, recipe) = (String::new(), Recipe { tool, args });
            Rendition {
                id,
                kind,
                recipe,
                codecs,
                width,
                height,
                frame_rate,
                sample_rate,
                channels,
                lang,
                name,
                loudness: sound.1,
                bandwidth,
                bytes,
                timescale,
                start,
                missing_ms,
                init,
                segments,
            }
        },
    )
}

pub(crate) fn manifest() -> impl Strategy<Value = Manifest> {
    let capture = (capture(), option::of(cid()), meta());
    let files = (vec(file(), 0..4), option::of(file()), option::of(file()), option::of(file()));
    let tracks = (vec(track(), 0..3), vec(track(), 0..3));
    let look = (time(), option::of(file()), vec(track(), 0..2)).prop_map(|(at, info, danmaku)| Look {
        at,
        info,
        danmaku,
    });
    let chapter = (number(), words()).prop_map(|(at_ms, title)| Chapter { at_ms, title });
    let board = (1..40_u32, 1..200_u32).prop_map(|(pictures, height)| storyboard_sample(pictures, height));
    let seen = (vec(chapter, 0..3), option::of(board));
    let made = (vec(rendition(), 0..4), vec(look, 0..3), seen);
    (capture, files, tracks, made).prop_map(|(about, files, tracks, (mut renditions, looks, seen))| {
        let (capture, previous, meta) = about;
        let (original, info, thumbnail, poster) = files;
        for (number, rendition) in renditions.iter_mut().enumerate() {
            rendition.id = format!("r{number}");
        }
        Manifest {
            v: 1,
            capture: capture.capture,
            previous,
            video: capture.video,
            source_url: capture.source_url,
            fetched_at: capture.fetched_at,
            tools: capture.tools,
            meta,
            original,
            info,
            thumbnail,
            poster,
            subtitles: tracks.0,
            danmaku: tracks.1,
            renditions,
            adopted: previous.filter(|_| capture.fetched_at.0 % 2 == 0),
            chapters: seen.0,
            storyboard: seen.1,
            looks,
        }
    })
}
