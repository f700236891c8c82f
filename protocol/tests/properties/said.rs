//! Samples of what nodes say to each other, and recipes for random ones.

use horahora_protocol::{
    NodeId,
    entry::Capture,
    feed::{FeedId, Head},
    growing::{Growing, Grown},
    manifest::{Creator, MediaKind, Rendition},
    message::{
        Answer, Ask, Copies, EntryBlocks, Gossip, GroupHeads, Heads, Held, Presence, Refusal, Request,
        Response, Vote, Want,
    },
    summary::Summary,
};
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
};
use serde_bytes::ByteBuf;

use crate::values::{self, blob, cid, key, linked, node_id, number, time};

pub(crate) fn summary_sample() -> Summary {
    let creator = Creator { name: "中の".to_owned(), id: Some("4".to_owned()), url: None };
    Summary { creator: Some(creator), ..Summary::of(&values::manifest_sample()) }
}

pub(crate) fn capture_2_sample() -> Capture {
    Capture { v: 2, summary: Some(summary_sample()), ..values::capture_sample() }
}

pub(crate) fn presence_sample() -> Presence {
    Presence {
        v: 2,
        node: key().node_id(),
        group: linked("group"),
        at: values::entry_sample().at,
        name: "ほら".to_owned(),
        software: "horahora/0.2.0".to_owned(),
        videos: 12,
        parts: 0,
        bytes: 5_000_000_000,
        free: 7_000_000_000,
        addresses: vec!["/ip4/192.0.2.1/tcp/4001".to_owned()],
    }
}

pub(crate) fn grown_sample(id: &str, kind: MediaKind, from: u32) -> Grown {
    let all = values::rendition_sample(id, kind);
    let segments = all.segments.clone();
    Grown { head: Rendition { segments: vec![], ..all }, from, segments }
}

pub(crate) fn growing_sample() -> Growing {
    let capture = values::capture_sample();
    Growing {
        v: 1,
        node: key().node_id(),
        group: linked("group"),
        capture: capture.capture,
        video: capture.video,
        source_url: capture.source_url,
        summary: summary_sample(),
        run: capture.fetched_at,
        at: capture.fetched_at.plus_ms(4_000),
        permille: 125,
        rungs: vec![grown_sample("v720", MediaKind::Video, 0), grown_sample("a0", MediaKind::Audio, 5)],
    }
}

pub(crate) fn head_sample() -> Head {
    Head { seq: 41, entry: linked("entry") }
}

pub(crate) fn heads_sample() -> Heads {
    let genesis = ByteBuf::from(key().sign(values::genesis_sample()).block().1);
    let presence = ByteBuf::from(key().sign(presence_sample()).block().1);
    let feeds = Some(vec![(key().node_id(), 3, head_sample())]);
    let forks = vec![ByteBuf::from(b"a proof".to_vec())];
    let full = GroupHeads { genesis: genesis.clone(), feeds, forks, presences: vec![presence.clone()] };
    let known = GroupHeads { genesis, feeds: None, forks: vec![], presences: vec![] };
    Heads { v: 2, presence, groups: vec![full, known] }
}

pub(crate) fn ask_sample() -> Ask {
    let groups = vec![(linked("group"), GroupHeads::digest(&[], 0)), (linked("another"), linked("digest"))];
    Ask { v: 2, presence: heads_sample().presence, groups }
}

pub(crate) fn gossip_sample() -> Gossip {
    let growing = vec![ByteBuf::from(b"a record".to_vec())];
    let claims = vec![block("a claim")];
    Gossip { v: 1, heads: vec![(values::feed_id(), head_sample())], growing, claims }
}

fn block(text: &str) -> ByteBuf {
    ByteBuf::from(text.as_bytes())
}

pub(crate) fn request_samples() -> Vec<Request> {
    let (capture, run) = (linked("capture"), values::entry_sample().at);
    let have = [("a0", 7), ("v720", 5), ("v1080", 300)].map(|(id, known)| (id.to_owned(), known)).into();
    vec![
        Request::Heads(ask_sample()),
        Request::Entries { feed: values::feed_id(), from: 24 },
        Request::Growing { capture, run, have },
        Request::Holding { manifests: vec![linked("manifest"), linked("revision")] },
        Request::Videos { videos: vec![values::capture_sample().video] },
        Request::Captures { video: values::capture_sample().video },
        Request::Join { invite: block("an invitation"), redemption: block("a redemption") },
        Request::Claim { claim: block("a claim") },
        Request::Claims { group: linked("group"), claims: vec![(ByteBuf::from(b"a claim"), 250)] },
        Request::News { group: linked("group"), gossip: gossip_sample() },
    ]
}

pub(crate) fn response_samples() -> Vec<Response> {
    let blocks = |body: Option<&[u8]>| EntryBlocks {
        entry: ByteBuf::from(key().sign(values::entry_sample()).block().1),
        body: body.map(ByteBuf::from),
    };
    vec![
        Response::Heads(heads_sample()),
        Response::Entries(vec![blocks(Some(b"a body")), blocks(None)]),
        Response::Growing(vec![ByteBuf::from(b"a record".to_vec()), ByteBuf::new()]),
        Response::Holding(vec![Held { blobs: 30, bytes: 5_000 }, Held::default()]),
        Response::Videos(vec![Copies::None, Copies::Part, Copies::Whole]),
        Response::Joined { genesis: block("a genesis") },
        Response::Heard,
        Response::Refused(Refusal::Unknown),
        Response::Refused(Refusal::NotAllowed),
        Response::Claims(vec![(block("a claim"), 250)]),
        Response::Vote(Vote::Granted { grant: block("a grant") }),
        Response::Vote(Vote::Held { claim: block("a claim"), held_ms: 300 }),
        Response::Vote(Vote::Behind { epoch: 300 }),
        Response::Vote(Vote::Over),
    ]
}

pub(crate) fn want_samples() -> Vec<Want> {
    vec![
        Want::Blob { id: 300, cid: values::raw("blob"), of: linked("manifest"), urgent: true },
        Want::Cancel { id: 300 },
    ]
}

pub(crate) fn answer_samples() -> Vec<Answer> {
    vec![Answer { id: 7, bytes: Some(400_000) }, Answer { id: 7, bytes: None }]
}

/// Texts of names: short, and so long that they are at their bound.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "\\PC{0,20}", 1 => Just("é".repeat(256)), 1 => Just(String::new())]
}

pub(crate) fn summary() -> impl Strategy<Value = Summary> {
    let creator = (name(), option::of(name()), option::of("[ -~]{0,60}"));
    let creator = creator.prop_map(|(name, id, url)| Creator { name, id, url });
    let what = (name(), option::of(creator), vec(name(), 0..=4), option::of(time()), number());
    let best = (option::of(any::<u32>()), option::of(number()));
    (what, any::<bool>(), option::of(blob()), number(), best).prop_map(
        |(
            (title, creator, tags, published_at, duration_ms),
            audio_only,
            poster,
            bytes,
            (height, bit_rate),
        )| Summary {
            title,
            creator,
            tags,
            published_at,
            duration_ms,
            audio_only,
            poster,
            bytes,
            height,
            bit_rate,
        },
    )
}

pub(crate) fn presence(by: NodeId) -> impl Strategy<Value = Presence> {
    let held = (number(), number(), number(), number());
    (time(), cid(), (name(), name()), held, vec("[ -~]{0,60}", 0..4)).prop_map(
        move |(at, group, (name, software), (videos, parts, bytes, free), addresses)| Presence {
            v: 2,
            node: by,
            group,
            at,
            name,
            software,
            videos,
            parts,
            bytes,
            free,
            addresses,
        },
    )
}

fn grown() -> impl Strategy<Value = Grown> {
    (values::rendition(), 0..40_000_u32, "[a-zA-Z0-9]{1,8}").prop_map(|(all, from, name)| {
        let segments = all.segments.clone();
        // A letter before it keeps it apart from the names of folders.
        Grown { head: Rendition { id: format!("r{name}"), segments: vec![], ..all }, from, segments }
    })
}

pub(crate) fn growing(by: NodeId) -> impl Strategy<Value = Growing> {
    let what = (cid(), cid(), values::video_id(), "\\PC{1,60}", summary());
    (what, (time(), time(), 0..=1_000_u16), vec(grown(), 0..4)).prop_map(
        move |((group, capture, video, source_url, summary), (run, at, permille), rungs)| Growing {
            v: 1,
            node: by,
            group,
            capture,
            video,
            source_url,
            summary,
            run,
            at,
            permille,
            rungs,
        },
    )
}

fn head() -> impl Strategy<Value = Head> {
    (number(), cid()).prop_map(|(seq, entry)| Head { seq, entry })
}

fn feed() -> impl Strategy<Value = FeedId> {
    (cid(), node_id(), number()).prop_map(|(group, node, incarnation)| FeedId { group, node, incarnation })
}

/// A block inside a message: anything, as the message does not look into it.
fn inside() -> impl Strategy<Value = ByteBuf> {
    vec(any::<u8>(), 0..300).prop_map(ByteBuf::from)
}

fn heads() -> impl Strategy<Value = Heads> {
    let feeds = option::of(vec((node_id(), number(), head()), 0..4));
    let group = (inside(), feeds, vec(inside(), 0..3), vec(inside(), 0..3))
        .prop_map(|(genesis, feeds, forks, presences)| GroupHeads { genesis, feeds, forks, presences });
    (inside(), vec(group, 0..4)).prop_map(|(presence, groups)| Heads { v: 2, presence, groups })
}

fn ask() -> impl Strategy<Value = Ask> {
    (inside(), vec((cid(), cid()), 0..4)).prop_map(|(presence, groups)| Ask { v: 2, presence, groups })
}

pub(crate) fn request() -> impl Strategy<Value = Request> {
    let have = btree_map("\\PC{0,12}", any::<u32>(), 0..6);
    let growing =
        (cid(), time(), have).prop_map(|(capture, run, have)| Request::Growing { capture, run, have });
    prop_oneof![
        ask().prop_map(Request::Heads),
        (feed(), number()).prop_map(|(feed, from)| Request::Entries { feed, from }),
        growing,
        vec(cid(), 0..9).prop_map(|manifests| Request::Holding { manifests }),
        vec(values::video_id(), 0..9).prop_map(|videos| Request::Videos { videos }),
        (inside(), inside()).prop_map(|(invite, redemption)| Request::Join { invite, redemption }),
        (cid(), gossip()).prop_map(|(group, gossip)| Request::News { group, gossip }),
    ]
}

pub(crate) fn response() -> impl Strategy<Value = Response> {
    let blocks = (inside(), option::of(inside())).prop_map(|(entry, body)| EntryBlocks { entry, body });
    let held = (number(), number()).prop_map(|(blobs, bytes)| Held { blobs, bytes });
    let copies = select(vec![Copies::None, Copies::Part, Copies::Whole]);
    let refusals = [Refusal::Unknown, Refusal::Busy, Refusal::Expired, Refusal::UsedUp, Refusal::NotAllowed];
    prop_oneof![
        heads().prop_map(Response::Heads),
        vec(blocks, 0..5).prop_map(Response::Entries),
        vec(inside(), 0..5).prop_map(Response::Growing),
        vec(held, 0..9).prop_map(Response::Holding),
        vec(copies, 0..9).prop_map(Response::Videos),
        inside().prop_map(|genesis| Response::Joined { genesis }),
        Just(Response::Heard),
        select(refusals.to_vec()).prop_map(Response::Refused),
    ]
}

pub(crate) fn gossip() -> impl Strategy<Value = Gossip> {
    (vec((feed(), head()), 0..5), vec(inside(), 0..5), vec(inside(), 0..5))
        .prop_map(|(heads, growing, claims)| Gossip { v: 1, heads, growing, claims })
}

pub(crate) fn want() -> impl Strategy<Value = Want> {
    prop_oneof![
        (any::<u32>(), cid(), cid(), any::<bool>()).prop_map(|(id, cid, of, urgent)| Want::Blob {
            id,
            cid,
            of,
            urgent
        }),
        any::<u32>().prop_map(|id| Want::Cancel { id }),
    ]
}

pub(crate) fn answer() -> impl Strategy<Value = Answer> {
    (any::<u32>(), option::of(0..=64_u64 << 20)).prop_map(|(id, bytes)| Answer { id, bytes })
}
