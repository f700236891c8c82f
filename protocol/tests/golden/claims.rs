//! Who does which job: claims, grants, and what feeds say of jobs.

use horahora_protocol::{
    Cid, Codec, Timestamp,
    approval::{Ruling, Subject, Verdict},
    claim::{Claim, Granted},
    entry::{About, Body, Confirmation, Failure, Listed, Listing, Origin, Outcome, Rendered},
    manifest::Creator,
    message::Vote,
    sign::Signable,
};
use serde_bytes::ByteBuf;

use crate::{
    Case,
    values::{feed_id, key, video},
};

pub(crate) fn claim() -> Claim {
    let grants = vec![ByteBuf::from(signed(granted()).1)];
    Claim { beat: 2, estimate_ms: 1_800_000, permille: 430, told: true, grants, ..bare() }
}

pub(crate) fn granted() -> Granted {
    let Claim { group, job, node, epoch, .. } = bare();
    Granted { v: 1, group, job, claimant: node, epoch, witness: key().node_id() }
}

fn bare() -> Claim {
    Claim {
        v: 1,
        group: feed_id().group,
        job: "capture/niconico:sm9".to_owned(),
        node: key().node_id(),
        epoch: 1,
        beat: 0,
        remaining_ms: 60_000,
        estimate_ms: 0,
        permille: 0,
        told: false,
        released: false,
        grants: Vec::new(),
    }
}

fn signed<T: Signable>(value: T) -> (Cid, Vec<u8>) {
    key().sign(value).block()
}

pub(crate) fn claims() -> Vec<Case> {
    let back = Claim { released: true, remaining_ms: 0, ..bare() };
    [("witnessed", claim()), ("asked", bare()), ("given-back", back)]
        .map(|(name, claim)| {
            let (cid, bytes) = signed(claim.clone());
            assert_eq!(*Claim::decode(&bytes).expect("our own form is read"), claim, "{name}");
            Case { name, address: cid.to_string(), bytes }
        })
        .into()
}

pub(crate) fn grants() -> Vec<Case> {
    let (cid, bytes) = signed(granted());
    assert_eq!(*Granted::decode(&bytes).expect("our own form is read"), granted());
    vec![Case { name: "a-grant", address: cid.to_string(), bytes }]
}

pub(crate) fn body(name: &'static str, body: &Body) -> Case {
    let (cid, bytes) = body.block();
    assert_eq!(&Body::decode(body.kind(), &bytes).expect("our own form is read"), body, "{name}");
    Case { name, address: cid.to_string(), bytes }
}

pub(crate) fn listings() -> Vec<Case> {
    let request = Cid::of(Codec::DagCbor, b"a request");
    let url = "https://www.nicovideo.jp/watch/sm9".to_owned();
    let creator = Creator {
        name: "中の".to_owned(),
        id: Some("4".to_owned()),
        url: Some("https://a.example/4".to_owned()),
    };
    let about = About {
        creator: Some(creator),
        tags: vec!["音MAD".to_owned(), "陰陽師".to_owned()],
        published_at: Some(Timestamp(1_173_108_780_000)),
        duration_ms: 320_000,
    };
    let items = vec![
        Listed {
            video: video(), url: url.clone(), title: Some("新・豪血寺一族".to_owned()), about: None
        },
        Listed { video: video(), url: url.clone(), title: None, about: None },
    ];
    let told = vec![
        Listed { video: video(), url: url.clone(), title: None, about: Some(about) },
        Listed { video: video(), url, title: None, about: Some(About::default()) },
    ];
    let full = Listing { v: 1, request, n: 0, title: Some("タグ".to_owned()), items, last: true };
    let part = Listing { n: u32::MAX, title: None, items: vec![], last: false, ..full.clone() };
    let told = Listing { items: told, ..full.clone() };
    vec![
        body("two-videos", &Body::Listing(full)),
        body("nothing-yet", &Body::Listing(part)),
        body("what-they-are-about", &Body::Listing(told)),
    ]
}

pub(crate) fn failures() -> Vec<Case> {
    let of = |outcome| Failure {
        v: 1,
        job: "capture/niconico:sm9".to_owned(),
        code: "geo".to_owned(),
        reason: "この国では見られません".to_owned(),
        outcome,
    };
    vec![
        body("later", &Body::Failure(of(Outcome::Later))),
        body("not-here", &Body::Failure(of(Outcome::NotHere))),
        body("gone", &Body::Failure(of(Outcome::Gone))),
    ]
}

pub(crate) fn confirmations() -> Vec<Case> {
    let manifest = Cid::of(Codec::DagCbor, b"a manifest");
    let of = |good| Confirmation { v: 1, video: video(), manifest, good };
    vec![
        body("good", &Body::Confirmation(of(true))),
        body("not-what-it-should-be", &Body::Confirmation(of(false))),
    ]
}

pub(crate) fn origins() -> Vec<Case> {
    let of = |gone| Origin { v: 1, video: video(), gone };
    vec![body("gone", &Body::Origin(of(true))), body("there-again", &Body::Origin(of(false)))]
}

pub(crate) fn renditions() -> Vec<Case> {
    let [capture, rendition] = ["a capture", "another"].map(|name| Cid::of(Codec::DagCbor, name.as_bytes()));
    let said = Rendered { v: 1, capture, id: "v480".to_owned(), rendition };
    vec![body("of-480-lines", &Body::Rendition(said))]
}

pub(crate) fn verdicts() -> Vec<Case> {
    let creator = Subject::Creator { site: "niconico".to_owned(), id: "4".to_owned() };
    let subjects = vec![Subject::Video(video()), creator, Subject::tag(" 音MAD")];
    let of = |ruling, reason: &str| Verdict {
        v: 1,
        subjects: subjects.clone(),
        ruling,
        reason: reason.to_owned(),
    };
    vec![
        body("approved", &Body::Verdict(of(Ruling::Approved, ""))),
        body("refused", &Body::Verdict(of(Ruling::Refused, "転載です"))),
        body("open", &Body::Verdict(Verdict { subjects: vec![], ..of(Ruling::Open, "") })),
    ]
}

pub(crate) fn votes() -> Vec<(&'static str, Vote)> {
    let claim = ByteBuf::from(signed(claim()).1);
    vec![
        ("vote-granted", Vote::Granted { grant: ByteBuf::from(signed(granted()).1) }),
        ("vote-held", Vote::Held { claim, held_ms: 1_500 }),
        ("vote-over", Vote::Over),
        ("vote-behind", Vote::Behind { epoch: 7 }),
        ("vote-exhausted", Vote::Exhausted),
        ("vote-abstain", Vote::Abstain),
    ]
}
