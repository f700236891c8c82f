//! Every bound of what nodes say to each other is held to, to the byte and to the item.

use std::fmt::Debug;

use horahora_protocol::{
    codec::CodecError,
    limits,
    message::{
        Answer, Ask, Copies, EntryBlocks, Gossip, GroupHeads, Heads, Held, Message, MessageError, Presence,
        Request, Response, Want,
    },
    sign::Verified,
};
use serde_bytes::ByteBuf;

use crate::{caps::filled, said, values};

#[test]
fn messages_may_be_as_large_as_their_cap_and_no_larger() {
    let block = |room: usize| ByteBuf::from(vec![7; room]);
    let heads = |room| Heads { presence: block(room), ..said::heads_sample() };
    holds::<Request>(|room| Request::Heads(Ask { presence: block(room), ..said::ask_sample() }));
    holds::<Response>(|room| Response::Heads(heads(room)));
    holds::<Response>(|room| Response::Growing(vec![block(room)]));
    holds::<Response>(|room| {
        Response::Entries(vec![EntryBlocks { entry: block(40), body: Some(block(room)) }])
    });
    holds::<Gossip>(|room| Gossip { growing: vec![block(room)], ..said::gossip_sample() });
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    before_reading(limits::REQUEST_BYTES, Request::decode);
    before_reading(limits::RESPONSE_BYTES, Response::decode);
    before_reading(limits::GOSSIP_BYTES, Gossip::decode);
    before_reading(limits::FRAME_BYTES, Want::decode);
    before_reading(limits::FRAME_BYTES, Answer::decode);
    before_reading(limits::PRESENCE_BYTES, Presence::decode);
}

#[test]
fn heads_are_as_many_as_allowed() {
    let group = |feeds, forks, presences| {
        let feeds = vec![(values::key().node_id(), u64::MAX, said::head_sample()); feeds];
        let blocks = |count| vec![ByteBuf::from(vec![7; 300]); count];
        let (forks, presences) = (blocks(forks), blocks(presences));
        GroupHeads { genesis: ByteBuf::new(), feeds: Some(feeds), forks, presences }
    };
    let unsaid = GroupHeads { feeds: None, ..group(0, 0, 0) };
    let of = |groups| Heads { groups, ..said::heads_sample() };
    let (most, one) = (limits::GROUPS, group(limits::FEEDS, limits::FORKS, limits::PRESENCES));
    for heads in [of(vec![group(1, 1, 1); most]), of(vec![unsaid; most]), of(vec![one]), of(vec![])] {
        accept(&Response::Heads(heads));
    }
    let over = [
        ("list of groups", of(vec![group(0, 0, 0); most + 1])),
        ("list of feeds", of(vec![group(limits::FEEDS + 1, 0, 0)])),
        ("list of feeds", of(vec![group(1, 1, 1), group(limits::FEEDS + 1, 0, 0)])),
        ("list of forks", of(vec![group(1, limits::FORKS + 1, 0)])),
        ("list of presences", of(vec![group(1, 0, limits::PRESENCES + 1)])),
        ("version", Heads { v: 1, ..of(vec![]) }),
        ("version", Heads { v: 3, ..of(vec![]) }),
    ];
    for (what, heads) in over {
        refuse(what, &Response::Heads(heads));
    }
}

#[test]
fn groups_asked_about_are_as_many_as_allowed() {
    let of = |v, groups| {
        let groups = vec![(values::linked("group"), values::linked("digest")); groups];
        Request::Heads(Ask { v, groups, ..said::ask_sample() })
    };
    accept(&of(2, limits::GROUPS));
    accept(&of(2, 0));
    refuse("list of groups", &of(2, limits::GROUPS + 1));
    refuse("version", &of(1, 1));
    refuse("version", &of(3, 1));
}

#[test]
fn who_wants_in_shows_as_much_as_allowed() {
    let join = |invite, redemption| {
        let block = |bytes| ByteBuf::from(vec![7; bytes]);
        Request::Join { invite: block(invite), redemption: block(redemption) }
    };
    accept(&join(limits::INVITE_BYTES, limits::INVITE_BYTES));
    refuse("invitation", &join(limits::INVITE_BYTES + 1, 0));
    refuse("redemption", &join(0, limits::INVITE_BYTES + 1));
    let joined = |bytes| Response::Joined { genesis: ByteBuf::from(vec![7; bytes]) };
    accept(&joined(limits::GENESIS_BYTES));
    refuse("genesis", &joined(limits::GENESIS_BYTES + 1));
}

#[test]
fn questions_name_as_much_as_allowed() {
    let growing = |rungs: usize| Request::Growing {
        capture: values::linked("capture"),
        run: values::entry_sample().at,
        have: (0..rungs).map(|number| (format!("r{number}"), u32::MAX)).collect(),
    };
    accept(&growing(limits::RUNGS));
    refuse("list of renditions", &growing(limits::RUNGS + 1));
    let holding = |count| Request::Holding { manifests: vec![values::linked("manifest"); count] };
    accept(&holding(limits::HOLDINGS));
    refuse("list of manifests", &holding(limits::HOLDINGS + 1));
    let videos = |count| Request::Videos { videos: vec![values::capture_sample().video; count] };
    accept(&videos(limits::HOLDINGS));
    refuse("list of videos", &videos(limits::HOLDINGS + 1));
}

#[test]
fn answers_hold_as_much_as_allowed() {
    let entries = |count| Response::Entries(vec![EntryBlocks { entry: ByteBuf::new(), body: None }; count]);
    accept(&entries(limits::BATCH_ENTRIES));
    refuse("list of entries", &entries(limits::BATCH_ENTRIES + 1));
    let held = Held { blobs: u64::MAX, bytes: u64::MAX };
    accept(&Response::Holding(vec![held; limits::HOLDINGS]));
    refuse("list of holdings", &Response::Holding(vec![held; limits::HOLDINGS + 1]));
    accept(&Response::Videos(vec![Copies::Whole; limits::HOLDINGS]));
    refuse("list of copies", &Response::Videos(vec![Copies::Whole; limits::HOLDINGS + 1]));
}

#[test]
fn gossip_tells_as_much_as_allowed() {
    let claims = vec![ByteBuf::from(vec![0; 500]); limits::GOSSIP_CLAIMS + 1];
    let of = |v, heads, growing| Gossip {
        v,
        claims: claims[..limits::GOSSIP_CLAIMS].to_vec(),
        heads: vec![(values::feed_id(), said::head_sample()); heads],
        growing: vec![ByteBuf::from(vec![0; 500]); growing],
    };
    let (heads, growing) = (limits::GOSSIP_FEEDS, limits::GOSSIP_GROWING);
    let news = |gossip| Request::News { group: values::feed_id().group, gossip };
    accept(&of(1, heads, growing));
    accept(&news(of(1, heads, growing)));
    let over = [
        ("list of feeds", of(1, heads + 1, 0)),
        ("list of captures", of(1, 0, growing + 1)),
        ("list of claims", Gossip { claims: claims.clone(), ..of(1, 1, 1) }),
        ("version", of(0, 1, 1)),
        ("version", of(2, 1, 1)),
    ];
    for (what, gossip) in over {
        refuse(what, &gossip);
        refuse(what, &news(gossip));
    }
}

#[test]
fn the_largest_record_fits_into_gossip() {
    let growing = vec![ByteBuf::from(vec![0; limits::GROWING_BYTES])];
    accept(&Gossip { growing, ..said::gossip_sample() });
}

#[test]
fn a_frame_announces_a_blob_as_large_as_allowed() {
    let of = |bytes| Answer { id: u32::MAX, bytes: Some(bytes) };
    accept(&of(limits::BLOB_BYTES as u64));
    refuse("size of the blob", &of(limits::BLOB_BYTES as u64 + 1));
    refuse("size of the blob", &of(u64::MAX));
    let of = values::linked("manifest");
    accept(&Want::Blob { id: u32::MAX, cid: values::linked("blob"), of, urgent: false });
}

#[test]
fn a_presence_is_as_long_as_allowed() {
    let of = |v, name: usize, software: usize, addresses: &[usize]| {
        let sample = said::presence_sample();
        let (name, software) = ("n".repeat(name), "s".repeat(software));
        let addresses = addresses.iter().map(|bytes| "a".repeat(*bytes)).collect();
        let (videos, parts, bytes, free) = (u64::MAX, u64::MAX, u64::MAX, u64::MAX);
        let presence = Presence { v, name, software, videos, parts, bytes, free, addresses, ..sample };
        Presence::decode(&values::key().sign(presence).block().1)
    };
    let (most, long) = (limits::NAME_BYTES, limits::ADDRESS_BYTES);
    let read = of(2, most, most, &[long; limits::ADDRESSES]);
    assert!(read.is_ok(), "a presence with all that its bounds allow has more than its cap: {read:?}");
    let refused = |result: Result<Verified<Presence>, MessageError>, what: &str| match result {
        Err(MessageError::Field(field)) => assert_eq!(field, what),
        other => panic!("{what}: {other:?}"),
    };
    refused(of(2, most + 1, 0, &[]), "name");
    refused(of(2, 0, most + 1, &[]), "name");
    refused(of(2, 0, 0, &[0; limits::ADDRESSES + 1]), "list of addresses");
    refused(of(2, 0, 0, &[1, long + 1]), "list of addresses");
    refused(of(1, 0, 0, &[]), "version");
    refused(of(3, 0, 0, &[]), "version");
}

fn accept<T: Message + PartialEq + Debug>(message: &T) {
    assert_eq!(&T::decode(&message.encode()).expect("it is within its bounds"), message);
}

fn refuse<T: Message + Debug>(what: &str, message: &T) {
    match T::decode(&message.encode()) {
        Err(MessageError::Field(field)) => assert_eq!(field, what),
        other => panic!("{what}: {other:?}"),
    }
}

fn holds<T: Message + PartialEq + Debug>(of: impl Fn(usize) -> T) {
    let [full, over] = filled(T::CAP, |room| of(room).encode());
    assert_eq!(T::decode(&full).expect("it has its cap").encode(), full);
    assert!(matches!(T::decode(&over), Err(MessageError::Codec(CodecError::TooLarge { .. }))));
}

/// Bytes that cannot be read, at the cap and over it: only the size decides which error it is.
fn before_reading<T: Debug>(cap: usize, decode: impl Fn(&[u8]) -> Result<T, MessageError>) {
    let read = |bytes| decode(&vec![0xff; bytes]);
    match read(cap + 1) {
        Err(MessageError::Codec(CodecError::TooLarge { bytes, cap: held })) => {
            assert_eq!((bytes, held), (cap + 1, cap));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(read(cap), Err(MessageError::Codec(CodecError::Malformed(_)))));
}
