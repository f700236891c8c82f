//! Every bound in `limits` is held to, to the byte.

use horahora_protocol::{
    VideoId,
    codec::{self, CodecError},
    entry::{Body, BodyError, Entry, Profile, Request},
    feed::{Feed, FeedError},
    group::{Genesis, GenesisError},
    limits,
    manifest::{Blob, Manifest, ManifestError},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::values;

#[test]
fn blocks_may_be_as_large_as_their_cap_and_no_larger() {
    holds(limits::ENTRY_BYTES, |pad| {
        let kind = values::entry_sample().kind + &pad;
        values::key().sign(Entry { kind, ..values::entry_sample() }).into_signed()
    });
    holds(limits::GENESIS_BYTES, |name| {
        values::key().sign(Genesis { name, ..values::genesis_sample() }).into_signed()
    });
    holds(limits::BODY_BYTES, |url| Request { url, ..values::request_sample() });
    holds(limits::MANIFEST_BYTES, |description| {
        let mut manifest = values::manifest_sample();
        manifest.meta.description = description;
        manifest
    });
}

#[test]
fn a_block_that_is_too_large_is_refused_before_it_is_read() {
    let too_large = |error: &CodecError, cap: usize| {
        assert!(matches!(error, CodecError::TooLarge { bytes, cap: c } if *bytes == cap + 1 && *c == cap));
    };
    let mut feed = Feed::new(values::feed_id(), None);
    match feed.accept(&vec![0xff; limits::ENTRY_BYTES + 1]) {
        Err(FeedError::Codec(error)) => too_large(&error, limits::ENTRY_BYTES),
        other => panic!("{other:?}"),
    }
    match Manifest::decode(&vec![0xff; limits::MANIFEST_BYTES + 1]) {
        Err(ManifestError::Codec(error)) => too_large(&error, limits::MANIFEST_BYTES),
        other => panic!("{other:?}"),
    }
    match Genesis::decode(&vec![0xff; limits::GENESIS_BYTES + 1]) {
        Err(GenesisError::Codec(error)) => too_large(&error, limits::GENESIS_BYTES),
        other => panic!("{other:?}"),
    }
    for kind in ["profile", "request", "capture", "group"] {
        match Body::decode(kind, &vec![0xff; limits::BODY_BYTES + 1]) {
            Err(BodyError::Codec(error)) => too_large(&error, limits::BODY_BYTES),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_video_id_is_as_long_as_allowed() {
    let (site, id) = ("s".repeat(limits::EXTRACTOR_BYTES), "é".repeat(limits::SITE_ID_BYTES / 2));
    assert!(VideoId::new(&site, &id).is_ok());
    assert!(VideoId::new(&format!("{site}s"), &id).is_err());
    assert!(VideoId::new(&site, &format!("{id}i")).is_err());
    assert!(format!("{site}s:{id}").parse::<VideoId>().is_err());
}

#[test]
fn the_kind_of_an_entry_is_as_long_as_allowed() {
    let accept = |kind: String| {
        let entry = values::key().sign(Entry { kind, ..values::entry_sample() });
        Feed::new(values::feed_id(), None).accept(&entry.block().1)
    };
    assert!(accept("k".repeat(limits::KIND_BYTES)).is_ok());
    assert!(matches!(accept("k".repeat(limits::KIND_BYTES + 1)), Err(FeedError::Field("kind"))));
    assert!(matches!(accept(String::new()), Err(FeedError::Field("kind"))));
}

#[test]
fn a_blob_is_as_large_as_allowed() {
    let of = |bytes| {
        let mut manifest = values::manifest_sample();
        let rendition = &mut manifest.renditions[0];
        rendition.bytes = rendition.bytes - rendition.init.bytes + bytes;
        rendition.init.bytes = bytes;
        Manifest::decode(&codec::encode(&manifest))
    };
    assert!(of(limits::BLOB_BYTES as u64).is_ok());
    assert!(of(limits::BLOB_BYTES as u64 + 1).is_err());
}

#[test]
fn a_chunk_of_a_file_is_as_large_as_allowed() {
    let of = |bytes| {
        let mut manifest = values::manifest_sample();
        manifest.original[0].chunks = vec![Blob { cid: values::raw("chunk"), bytes }];
        manifest.original[0].bytes = bytes;
        Manifest::decode(&codec::encode(&manifest))
    };
    assert!(of(limits::CHUNK_BYTES as u64).is_ok());
    assert!(of(limits::CHUNK_BYTES as u64 + 1).is_err(), "File::chunks says: each at most CHUNK_BYTES");
}

#[test]
fn a_url_is_as_long_as_allowed() {
    let of = |url| Body::decode("request", &codec::encode(&Request { url, ..values::request_sample() }));
    assert!(of("u".repeat(limits::URL_BYTES)).is_ok());
    assert!(
        of("u".repeat(limits::URL_BYTES + 1)).is_err(),
        "a stranger's request holds a URL over URL_BYTES"
    );
}

#[test]
fn a_name_is_as_long_as_allowed() {
    let of = |name| Body::decode("profile", &codec::encode(&Profile { name, ..values::profile_sample() }));
    assert!(of("n".repeat(limits::NAME_BYTES)).is_ok());
    assert!(
        of("n".repeat(limits::NAME_BYTES + 1)).is_err(),
        "a stranger's profile holds a name over NAME_BYTES"
    );
}

#[test]
fn a_genesis_is_as_long_as_allowed() {
    let of = |v, name: usize, nonce: usize| {
        let (name, nonce) = ("n".repeat(name), vec![9; nonce]);
        let genesis = Genesis { v, name, nonce, ..values::genesis_sample() };
        Genesis::decode(&values::key().sign(genesis).block().1)
    };
    let most = limits::NAME_BYTES;
    assert!(of(1, most, 32).is_ok());
    assert!(of(1, 0, 0).is_ok());
    assert!(matches!(of(1, most + 1, 0), Err(GenesisError::Field("name or nonce"))));
    assert!(matches!(of(1, 0, 33), Err(GenesisError::Field("name or nonce"))));
    assert!(matches!(of(0, 0, 0), Err(GenesisError::Field("version"))));
    assert!(matches!(of(2, 0, 0), Err(GenesisError::Field("version"))));
}

/// A block of `cap` bytes must be read, one of a byte more must not.
fn holds<T: Serialize + DeserializeOwned>(cap: usize, of: impl Fn(String) -> T) {
    let [full, over] = filled(cap, |room| codec::encode(&of("x".repeat(room))));
    assert!(codec::decode::<T>(&full, cap).is_ok());
    assert!(matches!(codec::decode::<T>(&over, cap), Err(CodecError::TooLarge { .. })));
}

/// What `of` makes of a room, as large as the cap and a byte larger.
pub(crate) fn filled(cap: usize, of: impl Fn(usize) -> Vec<u8>) -> [Vec<u8>; 2] {
    let mut room = cap / 2;
    room += cap - of(room).len();
    // Within one step of the cap the length's own form does not change any more.
    room += cap - of(room).len().min(cap);
    let [full, over] = [of(room), of(room + 1)];
    assert_eq!((full.len(), over.len()), (cap, cap + 1));
    [full, over]
}
