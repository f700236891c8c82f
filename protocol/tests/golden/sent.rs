//! What nodes say to each other: each message built from its value and read back.

use std::{collections::BTreeMap, fmt::Debug};

use horahora_protocol::{
    Cid, Codec, Timestamp, Verified, VideoId,
    feed::Head,
    group::{Genesis, GroupKey},
    growing::{Growing, Grown},
    manifest::{MediaKind, Rendition},
    message::{
        self, Answer, Ask, Copies, EntryBlocks, Gossip, GroupHeads, Heads, Held, Message, Names, Presence,
        Refusal, Request, Response, Want,
    },
    summary::Summary,
};
use serde_bytes::ByteBuf;

use crate::{
    Case, claims, groups,
    values::{AT, feed_id, key, raw, rendition, summary, video},
};

pub(crate) fn growing() -> Vec<Case> {
    let bare =
        Growing { summary: Summary::default(), run: Timestamp(0), permille: 0, rungs: vec![], ..record() };
    let [first, bare] = [record(), bare].map(|record| key().sign(record));
    [("two-renditions", first), ("nothing-to-play-yet", bare)]
        .map(|(name, record)| {
            let (cid, bytes) = record.block();
            assert_eq!(Growing::decode(&bytes).expect("our own form is read"), record, "{name}");
            Case { name, address: cid.to_string(), bytes }
        })
        .into()
}

pub(crate) fn presences() -> Vec<Case> {
    let most = u64::MAX;
    let full = Presence { videos: most, parts: most, bytes: most, free: most, ..said() };
    let (name, software, addresses) = (String::new(), String::new(), vec![]);
    let bare = Presence { name, software, addresses, videos: 0, bytes: 0, free: 0, ..said() };
    [("named", said()), ("largest", full), ("nameless", bare)]
        .map(|(name, presence)| {
            let presence = key().sign(presence);
            let (cid, bytes) = presence.block();
            assert_eq!(Presence::decode(&bytes).expect("our own form is read"), presence, "{name}");
            Case { name, address: cid.to_string(), bytes }
        })
        .into()
}

pub(crate) fn gossip() -> Vec<Case> {
    let nothing = Gossip { v: 1, heads: vec![], growing: vec![], claims: vec![] };
    vec![message("news", &news()), message("nothing", &nothing)]
}

pub(crate) fn questions() -> Vec<Case> {
    let capture = record().capture;
    // Canonical order is by length first, so `v1080` comes last.
    let have = [("a0", 7), ("v720", 5), ("v1080", u32::MAX)].map(|(id, known)| (id.to_owned(), known)).into();
    let nothing = Request::Growing { capture, run: Timestamp(0), have: BTreeMap::new() };
    vec![
        message("heads", &Request::Heads(ask())),
        message("heads-of-nothing", &Request::Heads(Ask { groups: vec![], ..ask() })),
        message("entries", &Request::Entries { feed: feed_id(), from: 1_000 }),
        message("growing", &Request::Growing { capture, run: AT, have }),
        message("growing-from-the-start", &nothing),
        message("holding", &Request::Holding { manifests: vec![manifest(1), manifest(2)] }),
        message("videos", &Request::Videos { videos: vec![video(), VideoId::generic("https://a.example/")] }),
        message("captures", &Request::Captures { video: video() }),
        message("join", &Request::Join { invite: groups::invite(), redemption: groups::redemption() }),
        message("claim", &Request::Claim { claim: signed(&key().sign(claims::claim())) }),
        message("claims", &Request::Claims { group: feed_id().group, claims: vec![] }),
        message(
            "claims-of-both",
            &Request::Claims {
                group: feed_id().group,
                claims: vec![(signed(&key().sign(claims::claim())), 250)],
            },
        ),
        message("news", &Request::News { group: feed_id().group, gossip: news() }),
    ]
}

pub(crate) fn answers() -> Vec<Case> {
    let block = |bytes: &[u8]| ByteBuf::from(bytes);
    let entries = vec![
        EntryBlocks { entry: block(b"an entry"), body: Some(block(b"its body")) },
        EntryBlocks { entry: block(b"an entry whose body was erased"), body: None },
    ];
    let mut known = heads();
    known.groups[0] = GroupHeads { feeds: None, forks: vec![], presences: vec![], ..known.groups[0].clone() };
    let refused = |name, refusal| message(name, &Response::Refused(refusal));
    let claims = vec![(signed(&key().sign(claims::claim())), 250)];
    let votes = claims::votes().into_iter().map(|(name, vote)| message(name, &Response::Vote(vote)));
    let held = vec![Held { blobs: 108_000, bytes: 5_000_000_000 }, Held::default()];
    vec![
        message("heads", &Response::Heads(heads())),
        message("heads-that-are-known", &Response::Heads(known)),
        message("entries", &Response::Entries(entries)),
        message("entries-at-the-end", &Response::Entries(vec![])),
        message("growing", &Response::Growing(vec![signed(&key().sign(record()))])),
        message("holding", &Response::Holding(held)),
        message("videos", &Response::Videos(vec![Copies::None, Copies::Part, Copies::Whole])),
        message("captures", &Response::Captures(vec![manifest(1), manifest(2)])),
        message("joined", &Response::Joined { genesis: heads().groups[0].genesis.clone() }),
        message("heard", &Response::Heard),
        refused("refused-unknown", Refusal::Unknown),
        refused("refused-busy", Refusal::Busy),
        refused("refused-expired", Refusal::Expired),
        refused("refused-used-up", Refusal::UsedUp),
        refused("refused-not-allowed", Refusal::NotAllowed),
        message("claims", &Response::Claims(claims)),
    ]
    .into_iter()
    .chain(votes)
    .collect()
}

pub(crate) fn frames() -> Vec<Case> {
    let want = |id, urgent| Want::Blob { id, cid: raw("a blob"), of: manifest(1), urgent };
    vec![
        message("want-for-somebody", &want(1, true)),
        message("want-to-keep", &want(u32::MAX, false)),
        message("cancel", &Want::Cancel { id: 1 }),
        message("answer", &Answer { id: 1, bytes: Some(64 << 20) }),
        message("answer-not-here", &Answer { id: u32::MAX, bytes: None }),
    ]
}

pub(crate) fn names() -> Vec<Case> {
    let text = |name, text: &str| Case { name, address: text.to_owned(), bytes: text.into() };
    let (blob, manifest) = (raw("a blob"), manifest(1));
    let secret = GroupKey { number: 1, secret: vec![0x5a; 32] };
    let (public, private) = (Names::public(), Names::private(&secret));
    let key = |name, address: &dyn ToString, bytes| Case { name, address: address.to_string(), bytes };
    let digest = |name, feeds: &[_], forks| {
        let digest = GroupHeads::digest(feeds, forks);
        Case { name, address: digest.to_string(), bytes: digest.to_bytes() }
    };
    vec![
        text("identify", message::IDENTIFY),
        text("kademlia", message::KADEMLIA),
        text("gossip", message::GOSSIP),
        text("sync", message::SYNC),
        text("blobs", message::BLOBS),
        text("topic-of-a-group", &message::topic(&feed_id().group)),
        key("key-of-a-blob", &blob, public.blob(&blob)),
        key("key-of-a-manifest", &manifest, public.blob(&manifest)),
        key("key-of-a-video", &video(), public.video(&video())),
        key("key-of-a-shard", &video(), public.shard(&video())),
        key("private-key-of-a-blob", &blob, private.blob(&blob)),
        key("private-key-of-a-manifest", &manifest, private.blob(&manifest)),
        key("private-key-of-a-video", &video(), private.video(&video())),
        key("private-key-of-a-shard", &video(), private.shard(&video())),
        digest("digest-of-heads", heads().groups[0].feeds.as_deref().unwrap_or_default(), 1),
        digest("digest-of-no-heads", &[], 0),
    ]
}

fn message<T: Message + PartialEq + Debug>(name: &'static str, value: &T) -> Case {
    let bytes = value.encode();
    assert_eq!(&T::decode(&bytes).expect("our own form is read"), value, "{name}");
    Case { name, address: Cid::of(Codec::DagCbor, &bytes).to_string(), bytes }
}

fn signed<T: horahora_protocol::sign::Signable>(value: &Verified<T>) -> ByteBuf {
    ByteBuf::from(value.block().1)
}

fn head() -> Head {
    Head { seq: 41, entry: Cid::of(Codec::DagCbor, b"an entry") }
}

fn manifest(number: u8) -> Cid {
    Cid::of(Codec::DagCbor, &[number])
}

fn said() -> Presence {
    Presence {
        v: 2,
        node: key().node_id(),
        group: feed_id().group,
        at: AT,
        name: "ほらほら".to_owned(),
        software: "horahora/0.2.0".to_owned(),
        videos: 12,
        parts: 0,
        bytes: 5_000_000_000,
        free: 7_000_000_000,
        addresses: groups::addresses(),
    }
}

fn news() -> Gossip {
    Gossip {
        v: 1,
        heads: vec![(feed_id(), head())],
        growing: vec![signed(&key().sign(record()))],
        claims: vec![signed(&key().sign(claims::claim()))],
    }
}

fn ask() -> Ask {
    let digest = GroupHeads::digest(heads().groups[0].feeds.as_deref().unwrap_or_default(), 1);
    Ask { v: 2, presence: signed(&key().sign(said())), groups: vec![(feed_id().group, digest)] }
}

fn heads() -> Heads {
    let founder = key().node_id();
    let genesis =
        Genesis { v: 1, founder, name: "映像".to_owned(), public: true, at: AT, nonce: vec![0x5a; 16] };
    let feeds = vec![(key().node_id(), 1_000_000, head()), (key().node_id(), 1_000_001, head())];
    let presence = signed(&key().sign(said()));
    let (feeds, forks) = (Some(feeds), vec![ByteBuf::from(groups::fork().block())]);
    let genesis = signed(&key().sign(genesis));
    Heads {
        v: 2,
        presence: presence.clone(),
        groups: vec![GroupHeads { genesis, feeds, forks, presences: vec![presence] }],
    }
}

fn record() -> Growing {
    let grown = |id: &str, kind, from| {
        let all = rendition(id, kind);
        let segments = all.segments.clone();
        Grown { head: Rendition { segments: vec![], ..all }, from, segments }
    };
    Growing {
        v: 1,
        node: key().node_id(),
        group: feed_id().group,
        capture: Cid::of(Codec::DagCbor, b"a capture"),
        video: video(),
        source_url: "https://www.nicovideo.jp/watch/sm9".to_owned(),
        summary: Summary { bytes: 0, ..summary() },
        run: AT,
        at: AT.plus_ms(4_000),
        permille: 125,
        rungs: vec![grown("v720", MediaKind::Video, 0), grown("a0", MediaKind::Audio, 5)],
    }
}
