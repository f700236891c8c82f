//! Names: each has one text, and that text goes through a URL unharmed.

use horahora_protocol::{Cid, NodeId, VideoId, id::IdError};
use percent_encoding::percent_decode_str;
use proptest::{prelude::any, prop_assert, prop_assert_eq, proptest};

use crate::values;

proptest! {
    #![proptest_config(values::tries(500))]

    #[test]
    fn a_video_id_is_what_it_was_made_of(site in "[a-zA-Z0-9_.-]{1,64}", id in "\\PC{1,60}") {
        let video = VideoId::new(&site, &id).unwrap();
        prop_assert_eq!(video.site(), site.to_ascii_lowercase());
        prop_assert_eq!(video.site_id(), id);
        prop_assert_eq!(video.to_string().parse::<VideoId>().unwrap(), video);
    }

    #[test]
    fn a_video_id_is_one_segment_of_a_path(video in values::video_id()) {
        let path = video.in_path();
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~%".contains(&b);
        prop_assert!(path.bytes().all(unreserved) && path != "." && path != "..", "{}", path);
        let text = percent_decode_str(&path).decode_utf8().unwrap();
        prop_assert_eq!(text.parse::<VideoId>().unwrap(), video);
    }

    #[test]
    fn any_text_is_refused_or_the_only_one(text in any::<String>()) {
        only_text(&text);
    }

    #[test]
    fn a_text_like_a_name_is_refused_or_the_only_one(
        cid in values::cid(),
        node in values::node_id(),
        video in values::video_id(),
        at in any::<proptest::sample::Index>(),
        other in any::<char>(),
    ) {
        for name in [cid.to_string(), node.to_string(), video.to_string()] {
            only_text(&name);
            let chars: Vec<char> = name.chars().collect();
            let at = at.index(chars.len());
            let joined = |middle: &[char]| -> String { chars[..at].iter().chain(middle).chain(&chars[at + 1..]).collect() };
            only_text(&joined(&[]));
            only_text(&joined(&[other]));
            only_text(&joined(&[chars[at], other]));
            only_text(&joined(&[chars[at].to_ascii_uppercase()]));
            only_text(&chars[..at].iter().collect::<String>());
        }
    }

    #[test]
    fn an_address_is_read_back(cid in values::cid()) {
        prop_assert_eq!(cid.to_string().parse::<Cid>().unwrap(), cid);
        prop_assert_eq!(Cid::from_bytes(&cid.to_bytes()).unwrap(), cid);
    }

    #[test]
    fn a_node_id_is_read_back(node in values::node_id()) {
        prop_assert_eq!(node.to_string().parse::<NodeId>().unwrap(), node);
        prop_assert!(node.to_string().starts_with("12D3KooW"));
    }
}

#[test]
fn texts_that_are_no_video_id_are_refused() {
    let not_one = [
        "",
        ":",
        "sm9",
        "niconico",
        ":sm9",
        "niconico:",
        "Niconico:sm9",
        "nico nico:sm9",
        "nico/nico:sm9",
        "ニコニコ:sm9",
        "niconico:sm\n9",
        "niconico:sm9\0",
        "niconico:\u{85}",
        "niconico%3Asm9",
    ];
    for text in not_one {
        assert_eq!(text.parse::<VideoId>(), Err(IdError::Video), "{text:?}");
    }
}

#[test]
fn texts_that_are_no_node_id_are_refused() {
    let node = values::key().node_id().to_string();
    let not_one = [
        String::new(),
        "1".repeat(52),
        format!("1{node}"),
        format!("{node}1"),
        format!(" {node}"),
        node.replace('1', "l"),
        node[1..].to_owned(),
        "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n".to_owned(),
        "bafzaajaiaejcb2skntrctrjcbk7pkud3cmxml6mvi53k5pv6poseepvgsfcg2itf".to_owned(),
        // A secp256k1 key.
        "16Uiu2HAm9FiQC2fwPPBRwQgNYbFKCJ2Ut1xwxqdMSgJiQBHYXAmm".to_owned(),
    ];
    for text in not_one {
        assert_eq!(text.parse::<NodeId>(), Err(IdError::Node), "{text:?}");
    }
}

/// Whatever reads `text` writes `text` again.
fn only_text(text: &str) {
    if let Ok(cid) = text.parse::<Cid>() {
        assert_eq!(cid.to_string(), text);
    }
    if let Ok(node) = text.parse::<NodeId>() {
        assert_eq!(node.to_string(), text);
    }
    if let Ok(video) = text.parse::<VideoId>() {
        assert_eq!(video.to_string(), text);
    }
}
