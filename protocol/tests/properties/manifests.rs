//! A manifest that contradicts itself is no manifest.

use std::collections::BTreeSet;

use horahora_protocol::{
    codec, limits,
    manifest::{Blob, File, Manifest, ManifestError, Rendition, Storyboard},
};
use proptest::{prop_assert, prop_assert_eq, proptest};

use crate::values;

type Change = fn(&mut Rendition);
type BoardChange = fn(&mut Storyboard);

proptest! {
    #![proptest_config(values::tries(150))]

    #[test]
    fn a_consistent_manifest_is_read_back(manifest in values::manifest()) {
        let block = codec::encode(&manifest);
        prop_assert_eq!(Manifest::decode(&block).unwrap(), manifest);
    }

    #[test]
    fn blobs_are_all_of_them_and_each_once(manifest in values::manifest()) {
        let blobs = manifest.blobs();
        let listed: BTreeSet<_> = blobs.iter().map(|blob| blob.cid).collect();
        prop_assert_eq!(listed.len(), blobs.len());
        let files = manifest.original.iter().chain(&manifest.info).chain(&manifest.thumbnail).chain(&manifest.poster);
        let texts = manifest.subtitles.iter().chain(&manifest.danmaku).map(|track| &track.file);
        let later = manifest.looks.iter().flat_map(|l| l.info.iter().chain(l.danmaku.iter().map(|t| &t.file)));
        let mut named: BTreeSet<_> = files.chain(texts).chain(later).flat_map(|f| &f.chunks).map(|chunk| chunk.cid).collect();
        named.extend(manifest.storyboard.iter().flat_map(|board| &board.sheets).map(|sheet| sheet.cid));
        for rendition in &manifest.renditions {
            named.insert(rendition.init.cid);
            named.extend(rendition.segments.iter().map(|segment| segment.cid));
            prop_assert!(rendition.ticks() <= u64::from(u32::MAX) * 12);
        }
        prop_assert_eq!(listed, named);
    }
}

#[test]
fn a_file_that_is_not_the_sum_of_its_chunks_is_refused() {
    let places: [fn(&mut Manifest) -> &mut File; 8] = [
        |m| &mut m.original[0],
        |m| m.info.as_mut().expect("the sample has it"),
        |m| m.thumbnail.as_mut().expect("the sample has it"),
        |m| m.poster.as_mut().expect("the sample has it"),
        |m| &mut m.subtitles[0].file,
        |m| &mut m.danmaku[0].file,
        |m| m.looks[0].info.as_mut().expect("the sample has it"),
        |m| &mut m.looks[0].danmaku[0].file,
    ];
    for place in places {
        refuse("a byte more", |m| place(m).bytes += 1);
        refuse("a byte less", |m| place(m).bytes -= 1);
        refuse("nothing", |m| place(m).bytes = 0);
        refuse("the most there is", |m| place(m).bytes = u64::MAX);
        refuse("a chunk less", |m| place(m).chunks.truncate(1));
        refuse("no chunk", |m| place(m).chunks.clear());
        refuse("a chunk twice", |m| {
            let chunk = place(m).chunks[0];
            place(m).chunks.push(chunk);
        });
        for name in ["", "/", "a/b", "../a", "a\\b", "a\0"] {
            refuse(name, |m| name.clone_into(&mut place(m).name));
        }
        refuse("a structured chunk", |m| place(m).chunks[0].cid = values::linked("chunk"));
        refuse("a chunk over the cap", |m| {
            let file = place(m);
            file.chunks[0].bytes = limits::BLOB_BYTES as u64 + 1;
            file.bytes = file.chunks.iter().map(|chunk| chunk.bytes).sum();
        });
    }
}

#[test]
fn a_file_name_that_is_a_folder_is_refused() {
    for name in [".", ".."] {
        refuse(name, |m| name.clone_into(&mut m.original[0].name));
    }
}

#[test]
fn a_rendition_that_does_not_add_up_is_refused() {
    let changes: [(&str, Change); 25] = [
        ("a byte more", |r| r.bytes += 1),
        ("a byte less", |r| r.bytes -= 1),
        ("the most there is", |r| r.bytes = u64::MAX),
        ("init not counted", |r| r.bytes -= r.init.bytes),
        ("a segment less", |r| r.segments.truncate(1)),
        ("a clock that stands", |r| r.timescale = 0),
        ("a frame rate by zero", |r| r.frame_rate.1 = 0),
        ("a segment without end", |r| r.segments[0].duration = u64::MAX),
        ("a segment that is too long", |r| r.segments[1].duration = 1 << 32),
        ("a language that is none", |r| r.lang = Some("<ja>".to_owned())),
        ("a language that begins with a digit", |r| r.lang = Some("1a".to_owned())),
        ("a sound's name without end", |r| r.name = Some("x".repeat(limits::NAME_BYTES + 1))),
        ("no name", |r| r.id.clear()),
        ("a folder as a name", |r| r.id = "v/720".to_owned()),
        ("a dot in a name", |r| r.id = "v.720".to_owned()),
        ("a letter not plain", |r| r.id = "vé".to_owned()),
        ("a percent sign", |r| r.id = "v%2f".to_owned()),
        ("no codec", |r| r.codecs.clear()),
        ("a quote in the codec", |r| r.codecs = "avc1\"".to_owned()),
        ("a blank in the codec", |r| r.codecs = "avc1 mp4a".to_owned()),
        ("a mark-up codec", |r| r.codecs = "<avc1>".to_owned()),
        ("a line in the codec", |r| r.codecs = "avc1\n".to_owned()),
        ("a structured init", |r| r.init.cid = values::linked("init")),
        ("a structured segment", |r| r.segments[1].cid = values::linked("segment")),
        ("a segment over the cap", |r| {
            r.bytes += limits::BLOB_BYTES as u64;
            r.segments[0].bytes += limits::BLOB_BYTES as u64;
        }),
    ];
    for (what, change) in changes {
        refuse(what, |m| change(&mut m.renditions[0]));
    }
}

#[test]
fn two_renditions_of_one_name_are_refused() {
    refuse("one name", |m| m.renditions[1].id = m.renditions[0].id.clone());
    refuse("the same again", |m| m.renditions.push(m.renditions[0].clone()));
}

#[test]
fn chapters_and_storyboards_without_sense_are_refused() {
    refuse("a chapter with a name without end", |m| m.chapters[0].title = "x".repeat(limits::NAME_BYTES + 1));
    refuse("more chapters than a day has songs", |m| {
        m.chapters = vec![m.chapters[0].clone(); limits::CHAPTERS + 1];
    });
    let changes: [(&str, BoardChange); 8] = [
        ("no width", |b| b.width = 0),
        ("a height that no browser shows", |b| b.height = limits::SHEET_PIXELS + 1),
        ("no columns", |b| b.columns = 0),
        ("no time", |b| b.every_ms = 0),
        ("no picture", |b| b.pictures = 0),
        ("a sheet less", |b| b.sheets.clear()),
        ("a sheet more", |b| b.sheets.push(b.sheets[0])),
        ("a structured sheet", |b| b.sheets[0].cid = values::linked("sheet")),
    ];
    for (what, change) in changes {
        refuse(what, |m| change(m.storyboard.as_mut().expect("the sample has one")));
    }
}

#[test]
fn the_picture_of_a_time_is_found() {
    let board = values::storyboard_sample(23, 90);
    let places = [0, 999, 1_000, 9_999, 10_000, 22_000, u64::MAX].map(|at_ms| board.find(at_ms));
    let last = (2, 0, 1);
    assert_eq!(places, [(0, 0, 0), (0, 0, 0), (0, 1, 0), (0, 1, 4), (1, 0, 0), last, last]);
}

#[test]
fn an_unknown_version_is_refused() {
    for v in [0, 2, u8::MAX] {
        refuse("a version", |m| m.v = v);
    }
}

#[test]
fn a_blob_of_two_sizes_is_refused() {
    refuse("1 byte and 2 bytes", |m| {
        let cid = values::raw("blob");
        m.original[0].chunks = vec![Blob { cid, bytes: 1 }, Blob { cid, bytes: 2 }];
        m.original[0].bytes = 3;
    });
}

#[test]
fn a_cap_is_not_passed_by_naming_a_blob_twice() {
    refuse("1 byte, then 2^64-1, wrapping to 0", |m| {
        let cid = values::raw("blob");
        m.original[0].chunks = vec![Blob { cid, bytes: 1 }, Blob { cid, bytes: u64::MAX }];
        m.original[0].bytes = 0;
    });
}

fn refuse(what: &str, change: impl Fn(&mut Manifest)) {
    let mut manifest = values::manifest_sample();
    assert_eq!(Manifest::decode(&codec::encode(&manifest)).expect("the sample is consistent"), manifest);
    change(&mut manifest);
    match Manifest::decode(&codec::encode(&manifest)) {
        Err(ManifestError::Contradiction(_)) => {}
        Err(ManifestError::Codec(error)) => panic!("refused for another reason: {what}: {error}"),
        Ok(_) => panic!("accepted: {what}"),
    }
}
