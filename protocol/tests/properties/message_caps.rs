//! Every bound of what nodes say to each other is held to, to the byte and to the item.

use std::fmt::Debug;

use horahora_protocol::{
    codec::CodecError,
    limits,
    message::{
        Answer, EntryBlocks, Gossip, GroupHeads, Heads, Held, Message, MessageError, Presence, Request,
        Response, Want,
    },
    sign::Verified,
};
use serde_bytes::ByteBuf;

use crate::{caps::filled, said, values};

#[test]
fn messages_may_be_as_large_as_their_cap_and_no_larger() {
    let block = |room: usize| ByteBuf::from(vec![7; room]);
    let heads = |room| Heads { presence: block(room), ..said::heads_sample() };
    holds::<Request>(|room| Request::Heads(heads(room)));
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
    let group = |feeds| {
        let feeds = vec![(values::key().node_id(), u64::MAX, said::head_sample()); feeds];
        GroupHeads { genesis: ByteBuf::new(), feeds }
    };
    let of = |groups| Heads { groups, ..said::heads_sample() };
    let (most, one) = (limits::GROUPS, limits::FEEDS);
    for heads in [of(vec![group(1); most]), of(vec![group(one)]), of(vec![])] {
        accept(&Request::Heads(heads.clone()));
        accept(&Response::Heads(heads));
    }
    let over = [
        ("list of groups", of(vec![group(0); most + 1])),
        ("list of feeds", of(vec![group(one + 1)])),
        ("list of feeds", of(vec![group(1), group(one + 1)])),
        ("version", Heads { v: 0, ..of(vec![]) }),
        ("version", Heads { v: 2, ..of(vec![]) }),
    ];
    for (what, heads) in over {
        refuse(what, &Request::Heads(heads.clone()));
        refuse(what, &Response::Heads(heads));
    }
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
}

#[test]
fn answers_hold_as_much_as_allowed() {
    let entries = |count| Response::Entries(vec![EntryBlocks { entry: ByteBuf::new(), body: None }; count]);
    accept(&entries(limits::BATCH_ENTRIES));
    refuse("list of entries", &entries(limits::BATCH_ENTRIES + 1));
    let held = Held { blobs: u64::MAX, bytes: u64::MAX };
    accept(&Response::Holding(vec![held; limits::HOLDINGS]));
    refuse("list of holdings", &Response::Holding(vec![held; limits::HOLDINGS + 1]));
}

#[test]
fn gossip_tells_as_much_as_allowed() {
    let of = |v, heads, growing| Gossip {
        v,
        heads: vec![(values::feed_id(), said::head_sample()); heads],
        growing: vec![ByteBuf::from(vec![0; 500]); growing],
    };
    let (heads, growing) = (limits::GOSSIP_FEEDS, limits::GOSSIP_GROWING);
    accept(&of(1, heads, growing));
    refuse("list of feeds", &of(1, heads + 1, 0));
    refuse("list of captures", &of(1, 0, growing + 1));
    refuse("version", &of(0, 1, 1));
    refuse("version", &of(2, 1, 1));
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
    accept(&Want::Blob { id: u32::MAX, cid: values::linked("blob"), urgent: false });
}

#[test]
fn a_presence_is_as_long_as_allowed() {
    let of = |v, name: usize, software: usize| {
        let sample = said::presence_sample();
        let (name, software) = ("n".repeat(name), "s".repeat(software));
        let presence =
            Presence { v, name, software, videos: u64::MAX, parts: u64::MAX, bytes: u64::MAX, ..sample };
        Presence::decode(&values::key().sign(presence).block().1)
    };
    let most = limits::NAME_BYTES;
    assert!(of(1, most, most).is_ok());
    let refused = |result: Result<Verified<Presence>, MessageError>, what: &str| match result {
        Err(MessageError::Field(field)) => assert_eq!(field, what),
        other => panic!("{what}: {other:?}"),
    };
    refused(of(1, most + 1, 0), "name");
    refused(of(1, 0, most + 1), "name");
    refused(of(0, 0, 0), "version");
    refused(of(2, 0, 0), "version");
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
