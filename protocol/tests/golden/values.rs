//! The values behind the vectors. They never change either.

use std::collections::BTreeMap;

use horahora_protocol::{
    Cid, Codec, NodeKey, Timestamp, VideoId, codec,
    entry::{Capture, CaptureStart, Profile, Request},
    feed::FeedId,
    manifest::{Blob, Creator, File, Manifest, MediaKind, Meta, Recipe, Rendition, Segment, TextTrack},
    summary::Summary,
};

pub(crate) const AT: Timestamp = Timestamp(1_767_225_600_123);

pub(crate) fn key() -> NodeKey {
    NodeKey::from_secret(&[7; 32])
}

pub(crate) fn video() -> VideoId {
    VideoId::new("niconico", "sm9").expect("a video id")
}

pub(crate) fn raw(bytes: &str) -> Cid {
    Cid::of(Codec::Raw, bytes.as_bytes())
}

pub(crate) fn tools() -> BTreeMap<String, String> {
    // Canonical order is by length first, so `ffmpeg` comes before `yt-dlp` but after `aria`.
    [("yt-dlp", "2026.10.26"), ("aria", "1.37.0"), ("ffmpeg", "9.0.2"), ("deno", "2.5.4")]
        .map(|(tool, version)| (tool.to_owned(), version.to_owned()))
        .into()
}

pub(crate) fn feed_id() -> FeedId {
    FeedId { group: Cid::of(Codec::DagCbor, b"a group"), node: key().node_id(), incarnation: 1_000_000 }
}

pub(crate) fn profile() -> Profile {
    Profile { v: 1, name: "ほらほら".to_owned(), software: "horahora/0.1.0".to_owned() }
}

pub(crate) fn request(follow: bool) -> Request {
    Request { v: 1, url: "https://www.nicovideo.jp/watch/sm9".to_owned(), follow }
}

pub(crate) fn capture_start() -> CaptureStart {
    CaptureStart { v: 1, node: key().node_id(), video: video(), at: AT }
}

pub(crate) fn capture() -> Capture {
    Capture {
        v: 1,
        capture: codec::block(&capture_start()).0,
        video: video(),
        source_url: "https://www.nicovideo.jp/watch/sm9".to_owned(),
        fetched_at: AT,
        tools: tools(),
        info: Some(raw("info")),
        original: vec![raw("sound"), raw("picture")],
        manifest: codec::block(&manifest()).0,
        summary: None,
        missing: vec![],
    }
}

pub(crate) fn summary() -> Summary {
    Summary {
        title: "レッツゴー!陰陽師".to_owned(),
        creator: Some(Creator { name: "中の".to_owned(), id: Some("4".to_owned()), url: None }),
        tags: vec!["陰陽師".to_owned(), "最古の動画".to_owned()],
        published_at: Some(Timestamp(1_173_108_780_000)),
        duration_ms: 320_000,
        audio_only: true,
        poster: Some(Blob { cid: raw("poster"), bytes: 70_000 }),
        bytes: 5_000_000_000,
        height: None,
        bit_rate: None,
    }
}

pub(crate) fn file(name: &str, media_type: &str, chunks: &[(&str, u64)]) -> File {
    File {
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        bytes: chunks.iter().map(|(_, bytes)| bytes).sum(),
        chunks: chunks.iter().map(|&(text, bytes)| Blob { cid: raw(text), bytes }).collect(),
    }
}

pub(crate) fn rendition(id: &str, kind: MediaKind) -> Rendition {
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
        lang: None,
        name: None,
        loudness: None,
        bandwidth: 1_600_000,
        bytes: 800_900 + 3,
        timescale: 30_000,
        start: 1_024,
        missing_ms: 0,
        init: Blob { cid: raw(&format!("{id} init")), bytes: 900 },
        segments: vec![segment(1), segment(2)],
    }
}

pub(crate) fn manifest() -> Manifest {
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
        adopted: None,
        chapters: Vec::new(),
        storyboard: None,
        looks: Vec::new(),
    }
}
