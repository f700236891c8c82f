//! A record of a capture in the making that is out of bounds is no record.

use std::collections::BTreeMap;

use horahora_protocol::{
    codec::CodecError,
    growing::{Growing, GrowingError, Grown},
    limits,
    manifest::{MediaKind, Segment},
};
use proptest::{collection::btree_map, prelude::any, prop_assert_eq, proptest, sample::select};

use crate::{caps::filled, said, values};

type Change = fn(&mut Growing);

#[test]
fn a_record_is_as_large_as_its_cap_and_no_larger() {
    let of = |room: usize| {
        let mut record = said::growing_sample();
        record.rungs[0].head.recipe.args = vec!["x".repeat(room)];
        values::key().sign(record).block().1
    };
    let [full, over] = filled(limits::GROWING_BYTES, of);
    assert!(Growing::decode(&full).is_ok());
    for over in [over, vec![0xff; limits::GROWING_BYTES + 1]] {
        match Growing::decode(&over) {
            Err(GrowingError::Codec(CodecError::TooLarge { cap, .. })) => {
                assert_eq!(cap, limits::GROWING_BYTES)
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_record_at_its_bounds_is_accepted() {
    let changes: [(&str, Change); 11] = [
        ("the end", |r| r.permille = 1_000),
        ("the start", |r| r.permille = 0),
        ("a long URL", |r| r.source_url = "u".repeat(limits::URL_BYTES)),
        ("a long title", |r| r.summary.title = "t".repeat(limits::NAME_BYTES)),
        ("nothing to play", |r| r.rungs.clear()),
        ("all renditions", |r| {
            let rung = |number| said::grown_sample(&format!("v{number}"), MediaKind::Video, 0);
            r.rungs = (0..limits::RUNGS).map(rung).collect();
        }),
        ("a large init", |r| r.rungs[0].head.init.bytes = limits::BLOB_BYTES as u64),
        ("a large segment", |r| r.rungs[0].segments[1].bytes = limits::BLOB_BYTES as u64),
        ("a long segment", |r| r.rungs[0].segments[1].duration = u64::from(u32::MAX)),
        ("the last segment", |r| r.rungs[1].from = most() - 2),
        ("no segment after the last", |r| {
            r.rungs[1].segments.clear();
            r.rungs[1].from = most();
        }),
    ];
    for (what, change) in changes {
        let read = decode(change);
        assert!(read.is_ok(), "refused: {what}: {read:?}");
    }
}

#[test]
fn a_record_out_of_bounds_is_refused() {
    let changes: [(&str, &str, Change); 27] = [
        ("version 0", "version", |r| r.v = 0),
        ("version 2", "version", |r| r.v = 2),
        ("beyond the end", "progress", |r| r.permille = 1_001),
        ("far beyond the end", "progress", |r| r.permille = u16::MAX),
        ("a long URL", "description", |r| r.source_url = "u".repeat(limits::URL_BYTES + 1)),
        ("a long title", "description", |r| r.summary.title = "t".repeat(limits::NAME_BYTES + 1)),
        ("many tags", "description", |r| r.summary.tags = vec![String::new(); limits::TAGS + 1]),
        ("many renditions", "number of renditions", |r| {
            r.rungs = vec![said::grown_sample("v720", MediaKind::Video, 0); limits::RUNGS + 1];
        }),
        ("a large init", RENDITION, |r| r.rungs[0].head.init.bytes = limits::BLOB_BYTES as u64 + 1),
        ("the largest init", RENDITION, |r| r.rungs[0].head.init.bytes = u64::MAX),
        ("a structured init", RENDITION, |r| r.rungs[0].head.init.cid = values::linked("init")),
        ("a large segment", RENDITION, |r| r.rungs[1].segments[1].bytes = limits::BLOB_BYTES as u64 + 1),
        ("a structured segment", RENDITION, |r| r.rungs[1].segments[1].cid = values::linked("segment")),
        ("a long segment", RENDITION, |r| r.rungs[1].segments[1].duration = 1 << 32),
        ("segments in the head", RENDITION, |r| r.rungs[0].head.segments = r.rungs[0].segments.clone()),
        ("a segment after the last", RENDITION, |r| r.rungs[1].from = most() - 1),
        ("nothing after the last", RENDITION, |r| {
            r.rungs[1].segments.clear();
            r.rungs[1].from = most() + 1;
        }),
        ("a place that wraps", RENDITION, |r| r.rungs[1].from = u32::MAX),
        ("no name", RENDITION, |r| r.rungs[0].head.id.clear()),
        ("a folder as a name", RENDITION, |r| r.rungs[1].head.id = "../v720".to_owned()),
        ("a folder of ours as a name", RENDITION, |r| r.rungs[1].head.id = "original".to_owned()),
        ("a long name", RENDITION, |r| r.rungs[0].head.id = "v".repeat(33)),
        ("no codec", RENDITION, |r| r.rungs[0].head.codecs.clear()),
        ("a mark-up codec", RENDITION, |r| r.rungs[0].head.codecs = "\"/><x".to_owned()),
        ("a clock that stands", RENDITION, |r| r.rungs[0].head.timescale = 0),
        ("a frame rate by zero", RENDITION, |r| r.rungs[0].head.frame_rate.1 = 0),
        ("a start after the end of time", RENDITION, |r| r.rungs[0].head.start = (1 << 62) + 1),
    ];
    for (what, field, change) in changes {
        match decode(change) {
            Err(GrowingError::Field(found)) => assert_eq!(found, field, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(values::tries(500))]

    #[test]
    fn a_rendition_tells_of_what_is_beyond_when_one_of_its_segments_is(
        from in 0..12_u32,
        segments in 0..6_usize,
        id in select(vec!["a0", "v720", "v1080"]),
        have in btree_map(select(vec!["a0", "v720", "other"]), 0..16_u32, 0..3),
    ) {
        let grown = grown(id, from, segments);
        let known = have.get(id).copied().unwrap_or(0);
        let have: BTreeMap<String, u32> = have.into_iter().map(|(id, known)| (id.to_owned(), known)).collect();
        let places = (from..).take(segments);
        prop_assert_eq!(grown.beyond(&have), places.into_iter().any(|place| place >= known));
    }

    #[test]
    fn nothing_is_beyond_what_is_known_to_its_end(from in any::<u32>(), segments in 0..6_usize) {
        let grown = grown("v720", from, segments);
        let end = from.saturating_add(u32::try_from(segments).unwrap());
        // The last place is out of reach for a record that was checked, but not for the arithmetic.
        let wraps = u64::from(end) < u64::from(from) + segments as u64;
        prop_assert_eq!(grown.beyond(&[("v720".to_owned(), end)].into()), wraps);
    }
}

const RENDITION: &str = "rendition";

fn most() -> u32 {
    u32::try_from(limits::SEGMENTS).expect("a number of segments")
}

fn grown(id: &str, from: u32, segments: usize) -> Grown {
    let segment = Segment { cid: values::raw("segment"), bytes: 1, duration: 1 };
    Grown { segments: vec![segment; segments], ..said::grown_sample(id, MediaKind::Video, from) }
}

fn decode(change: Change) -> Result<(), GrowingError> {
    let mut record = said::growing_sample();
    change(&mut record);
    Growing::decode(&values::key().sign(record).block().1).map(drop)
}
