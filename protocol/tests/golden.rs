//! Golden vectors: what this crate writes today, byte for byte, one file per form and version in `testdata/`.
//!
//! A stored or sent form never changes. A test that fails here means that nodes would no longer understand
//! each other or their own disks: make a form of a new version, keep the old file and keep decoding it.
//! After adding a form or a case write the files anew and read the difference before you commit it:
//! `HORAHORA_WRITE_GOLDEN=1 cargo test -p horahora-protocol --test golden`.

use std::{
    collections::BTreeSet,
    fmt::{Debug, Write},
    fs,
    path::PathBuf,
};

use horahora_protocol::codec;
use serde::{Serialize, de::DeserializeOwned};

#[path = "golden/claims.rs"]
mod claims;
#[path = "golden/community.rs"]
mod community;
#[path = "golden/groups.rs"]
mod groups;
#[path = "golden/sent.rs"]
mod sent;
#[path = "golden/stored.rs"]
mod stored;
#[path = "golden/values.rs"]
mod values;

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
        ("node-id-1.txt", "what, text form, hex of the stored form", stored::node_ids()),
        ("video-id-1.txt", "what, form in a URL's path, hex of the stored form", stored::video_ids()),
        ("cid-1.txt", "what, text form, hex of the binary form", stored::cids()),
        ("genesis-1.cbor.hex", "signed genesis: what, group id, hex of the block", stored::genesis()),
        ("entry-1.cbor.hex", "signed entry: what, address, hex of the block", stored::entries()),
        ("profile-1.cbor.hex", "body of a profile: what, address, hex of the block", stored::profiles()),
        ("request-1.cbor.hex", "body of a request: what, address, hex of the block", stored::requests()),
        (
            "request-change-1.cbor.hex",
            "body of a change of a request: what, address, hex of the block",
            stored::request_changes(),
        ),
        (
            "group-1.cbor.hex",
            "body of a change of a group: what, address, hex of the block",
            groups::changes(),
        ),
        ("invite-1.cbor.hex", "signed invitation: what, address, hex of the block", groups::invites()),
        (
            "redemption-1.cbor.hex",
            "signed redemption: what, address, hex of the block",
            groups::redemptions(),
        ),
        ("ticket-1.txt", "what, text form, hex of what is in it", groups::tickets()),
        ("fork-1.cbor.hex", "proof of a fork: what, address, hex of the block", groups::forks()),
        ("capture-1.cbor.hex", "body of a capture: what, address, hex of the block", stored::captures()),
        ("capture-2.cbor.hex", "body of a capture: what, address, hex of the block", stored::captures_2()),
        (
            "capture-start-1.cbor.hex",
            "capture start: what, capture id, hex of the block",
            stored::capture_starts(),
        ),
        ("manifest-1.cbor.hex", "manifest: what, address, hex of the block", stored::manifests()),
        ("feed-id-1.cbor.hex", "feed id: what, address, hex of the block", stored::feed_ids()),
        ("head-1.cbor.hex", "head of a feed: what, address, hex of the block", stored::heads()),
        (
            "growing-1.cbor.hex",
            "signed record of a capture in the making: what, address, hex of the block",
            sent::growing(),
        ),
        ("listing-1.cbor.hex", "body of a listing: what, address, hex of the block", claims::listings()),
        ("failure-1.cbor.hex", "body of a failure: what, address, hex of the block", claims::failures()),
        (
            "confirmation-1.cbor.hex",
            "body of a confirmation: what, address, hex of the block",
            claims::confirmations(),
        ),
        ("verdict-1.cbor.hex", "body of a verdict: what, address, hex of the block", claims::verdicts()),
        (
            "rendition-1.cbor.hex",
            "body of a rendition by another member: what, address, hex of the block",
            claims::renditions(),
        ),
        ("said-1.cbor.hex", "body of what a person says: what, address, hex of the block", community::said()),
        ("removal-1.cbor.hex", "body of a removal: what, address, hex of the block", community::removals()),
        ("measure-1.cbor.hex", "body of a measure: what, address, hex of the block", community::measures()),
        ("views-1.cbor.hex", "body of views: what, address, hex of the block", community::views()),
        ("origin-1.cbor.hex", "body of an origin: what, address, hex of the block", claims::origins()),
        ("claim-1.cbor.hex", "signed claim: what, address, hex of the block", claims::claims()),
        ("granted-1.cbor.hex", "signed grant: what, address, hex of the block", claims::grants()),
        ("presence-2.cbor.hex", "signed presence: what, address, hex of the block", sent::presences()),
        ("gossip-1.cbor.hex", "gossip: what, address, hex of the message", sent::gossip()),
        ("sync-request-2.cbor.hex", "question: what, address, hex of the message", sent::questions()),
        ("sync-response-2.cbor.hex", "answer: what, address, hex of the message", sent::answers()),
        (
            "blob-frames-2.cbor.hex",
            "frame of the exchange of blobs: what, address, hex of the frame",
            sent::frames(),
        ),
        ("names-2.txt", "what, text form, hex of the name as it is sent or of the key", sent::names()),
    ]
}

fn block<T>(name: &'static str, value: &T, cap: usize) -> Case
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let (cid, bytes) = codec::block(value);
    assert_eq!(&codec::decode::<T>(&bytes, cap).expect("our own form is read"), value, "{name}");
    Case { name, address: cid.to_string(), bytes }
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
