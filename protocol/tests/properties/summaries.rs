//! What a list shows of a video is short, whatever the site wrote, and a stranger's is held to that.

use horahora_protocol::{
    codec::{self, CodecError},
    entry::{Body, BodyError, Capture},
    limits,
    manifest::{Blob, Creator, MediaKind},
    summary::Summary,
};
use proptest::{
    collection::vec,
    option,
    prelude::{Just, Strategy, any, prop_oneof},
    prop_assert, prop_assert_eq, proptest,
};

use crate::{said, values};

type Change = fn(&mut Summary);

proptest! {
    #![proptest_config(values::tries(60))]

    #[test]
    fn a_summary_is_bounded_whatever_the_texts_are(
        manifest in values::manifest(),
        title in long(),
        tags in vec(long(), 0..80),
        creator in option::of((long(), option::of(long()), option::of(url()))),
    ) {
        let creator = creator.map(|(name, id, url)| Creator { name, id, url });
        let mut manifest = manifest;
        (manifest.meta.title, manifest.meta.tags, manifest.meta.creator) = (title, tags, creator);
        let meta = &manifest.meta;
        let summary = Summary::of(&manifest);
        prop_assert!(summary.is_bounded(), "{:?}", summary);
        prop_assert!(is_cut(&summary.title, &meta.title));
        prop_assert_eq!(summary.tags.len(), meta.tags.len().min(limits::TAGS));
        prop_assert!(summary.tags.iter().zip(&meta.tags).all(|(tag, full)| is_cut(tag, full)));
        prop_assert_eq!(summary.creator.is_some(), meta.creator.is_some());
        if let (Some(short), Some(full)) = (&summary.creator, &meta.creator) {
            prop_assert!(is_cut(&short.name, &full.name));
            prop_assert_eq!(short.id.is_some(), full.id.is_some());
            prop_assert!(short.id.iter().zip(&full.id).all(|(id, full)| is_cut(id, full)));
            // Half a URL leads nowhere.
            let fits = full.url.as_ref().filter(|url| url.len() <= limits::URL_BYTES);
            prop_assert_eq!(short.url.as_ref(), fits);
        }
        let capture = Capture { v: 2, summary: Some(summary), ..values::capture_sample() };
        prop_assert!(Body::decode("capture", &codec::encode(&capture)).is_ok());
    }

    #[test]
    fn a_summary_says_what_the_manifest_says(manifest in values::manifest()) {
        let summary = Summary::of(&manifest);
        prop_assert_eq!(summary.published_at, manifest.meta.published_at);
        prop_assert_eq!(summary.duration_ms, manifest.meta.duration_ms);
        prop_assert_eq!(summary.bytes, manifest.blobs().iter().map(|blob| blob.bytes).sum::<u64>());
        let kinds: Vec<_> = manifest.renditions.iter().map(|rendition| rendition.kind).collect();
        prop_assert_eq!(summary.audio_only, !kinds.is_empty() && kinds.iter().all(|kind| *kind == MediaKind::Audio));
        let chunks = manifest.poster.map(|poster| poster.chunks).unwrap_or_default();
        prop_assert_eq!(summary.poster, if chunks.len() == 1 { Some(chunks[0]) } else { None });
    }
}

#[test]
fn a_text_is_cut_between_characters() {
    let of = |title: String| {
        let mut manifest = values::manifest_sample();
        manifest.meta.title = title;
        Summary::of(&manifest).title
    };
    let most = limits::NAME_BYTES;
    let fits = "t".repeat(most);
    assert_eq!(of(fits.clone()), fits);
    assert_eq!(of(fits.clone() + "t"), fits);
    for (character, bytes) in [("é", 2), ("映", 3), ("🎬", 4)] {
        for before in most - bytes..=most {
            let text = "t".repeat(before);
            let kept = if before + bytes == most { text.clone() + character } else { text.clone() };
            assert_eq!(of(text + character + "t"), kept);
        }
    }
}

#[test]
fn a_summary_is_as_large_as_allowed() {
    let full = at_its_bounds();
    assert!(full.is_bounded());
    read(2, Some(full)).expect("it is within its bounds");
    let changes: [(&str, Change); 7] = [
        ("a title", |s| s.title.push('t')),
        ("a tag", |s| s.tags[3].push('t')),
        ("tags", |s| s.tags.push(String::new())),
        ("a creator's name", |s| creator(s).name.push('n')),
        ("a creator's id", |s| creator(s).id.as_mut().expect("it has one").push('i')),
        ("a creator's page", |s| creator(s).url.as_mut().expect("it has one").push('u')),
        ("a poster", |s| s.poster.as_mut().expect("it has one").bytes += 1),
    ];
    for (what, change) in changes {
        let mut over = at_its_bounds();
        change(&mut over);
        assert!(!over.is_bounded(), "bounded: {what}");
        assert!(matches!(read(2, Some(over)), Err(BodyError::TooLong("summary"))), "accepted: {what}");
    }
}

#[test]
fn a_capture_of_version_2_is_as_large_as_allowed() {
    // Links fill most of it, as only the body's own cap bounds them, and a URL the rest.
    let of = |url: usize| {
        codec::encode(&Capture {
            source_url: "u".repeat(url),
            original: vec![values::raw("file"); 1_500],
            ..said::capture_2_sample()
        })
    };
    let rest = 1_000 + limits::BODY_BYTES - of(1_000).len();
    assert!(rest < limits::URL_BYTES);
    let [full, over] = [of(rest), of(rest + 1)];
    assert_eq!((full.len(), over.len()), (limits::BODY_BYTES, limits::BODY_BYTES + 1));
    assert!(Body::decode("capture", &full).is_ok());
    assert!(matches!(
        Body::decode("capture", &over),
        Err(BodyError::Codec(CodecError::TooLarge { cap: limits::BODY_BYTES, .. }))
    ));
}

#[test]
fn a_capture_has_a_summary_from_version_2_on() {
    let summary = said::summary_sample;
    assert!(read(1, None).is_ok());
    assert!(read(2, Some(summary())).is_ok());
    for (v, summary) in [
        (0, None),
        (0, Some(summary())),
        (1, Some(summary())),
        (2, None),
        (3, None),
        (3, Some(summary())),
        (u8::MAX, Some(summary())),
    ] {
        match read(v, summary) {
            Err(BodyError::UnknownVersion(found)) => assert_eq!(found, v),
            other => panic!("version {v}: {other:?}"),
        }
    }
}

fn read(v: u8, summary: Option<Summary>) -> Result<Body, BodyError> {
    Body::decode("capture", &codec::encode(&Capture { v, summary, ..values::capture_sample() }))
}

fn at_its_bounds() -> Summary {
    let name = || "é".repeat(limits::NAME_BYTES / 2);
    let url = Some("u".repeat(limits::URL_BYTES));
    Summary {
        title: name(),
        creator: Some(Creator { name: name(), id: Some(name()), url }),
        tags: vec![name(); limits::TAGS],
        poster: Some(Blob { cid: values::raw("poster"), bytes: limits::CHUNK_BYTES as u64 }),
        bytes: u64::MAX,
        ..said::summary_sample()
    }
}

fn creator(summary: &mut Summary) -> &mut Creator {
    summary.creator.as_mut().expect("it has one")
}

/// Whether `short` is the longest start of `full` of whole characters that is no longer than a name.
fn is_cut(short: &str, full: &str) -> bool {
    let next = full.strip_prefix(short).map(|rest| rest.chars().next().map_or(0, char::len_utf8));
    next.is_some_and(|next| {
        short.len() <= limits::NAME_BYTES && (next == 0 || short.len() + next > limits::NAME_BYTES)
    })
}

/// Texts on both sides of the bound of a name, of characters of all widths.
fn long() -> impl Strategy<Value = String> {
    let around = vec(prop_oneof![any::<char>(), Just('t'), Just('映')], 100..600);
    prop_oneof![1 => values::words(), 2 => around.prop_map(String::from_iter)]
}

fn url() -> impl Strategy<Value = String> {
    (0..2 * limits::URL_BYTES).prop_map(|bytes| "u".repeat(bytes))
}
