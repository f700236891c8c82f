//! What nodes say to each other is read back, in one form only.

use std::fmt::Debug;

use horahora_protocol::{
    codec,
    entry::{self, Body},
    group::Genesis,
    growing::Growing,
    message::{Answer, Gossip, Message, Presence, Request, Response, Want},
};
use proptest::{prop_assert_eq, proptest};

use crate::{cbor, forms, said, values};

proptest! {
    #![proptest_config(values::tries(150))]

    #[test]
    fn a_question_is_read_back(request in said::request()) {
        prop_assert_eq!(Request::decode(&request.encode()).unwrap(), request);
    }

    #[test]
    fn an_answer_is_read_back(response in said::response()) {
        prop_assert_eq!(Response::decode(&response.encode()).unwrap(), response);
    }

    #[test]
    fn gossip_is_read_back(gossip in said::gossip()) {
        prop_assert_eq!(Gossip::decode(&gossip.encode()).unwrap(), gossip);
    }

    #[test]
    fn frames_are_read_back(want in said::want(), answer in said::answer()) {
        prop_assert_eq!(Want::decode(&want.encode()).unwrap(), want);
        prop_assert_eq!(Answer::decode(&answer.encode()).unwrap(), answer);
    }

    #[test]
    fn signed_records_are_read_back(
        growing in said::growing(values::key().node_id()),
        presence in said::presence(values::key().node_id()),
        genesis in values::genesis(values::key().node_id()),
    ) {
        let key = values::key();
        let (growing, presence, genesis) = (key.sign(growing), key.sign(presence), key.sign(genesis));
        prop_assert_eq!(Growing::decode(&growing.block().1).unwrap(), growing);
        prop_assert_eq!(Presence::decode(&presence.block().1).unwrap(), presence);
        prop_assert_eq!(Genesis::decode(&genesis.block().1).unwrap(), genesis);
    }

    #[test]
    fn the_body_of_an_entry_is_found_in_its_block(entry in values::entry(values::key().node_id())) {
        let body = entry.body;
        prop_assert_eq!(entry::body_of(&values::key().sign(entry).block().1), Some(body));
    }
}

#[test]
fn other_forms_of_messages_are_refused() {
    for request in said::request_samples() {
        has_one_form(&request.encode(), |bytes| Request::decode(bytes).ok());
    }
    for response in said::response_samples() {
        has_one_form(&response.encode(), |bytes| Response::decode(bytes).ok());
    }
    has_one_form(&said::gossip_sample().encode(), |bytes| Gossip::decode(bytes).ok());
    for want in said::want_samples() {
        has_one_form(&want.encode(), |bytes| Want::decode(bytes).ok());
    }
    for answer in said::answer_samples() {
        has_one_form(&answer.encode(), |bytes| Answer::decode(bytes).ok());
    }
}

#[test]
fn other_forms_of_signed_records_are_refused() {
    let key = values::key();
    has_one_form(&key.sign(said::growing_sample()).block().1, |bytes| Growing::decode(bytes).ok());
    has_one_form(&key.sign(said::presence_sample()).block().1, |bytes| Presence::decode(bytes).ok());
    has_one_form(&key.sign(values::genesis_sample()).block().1, |bytes| Genesis::decode(bytes).ok());
}

#[test]
fn other_forms_of_a_capture_are_refused() {
    for capture in [values::capture_sample(), said::capture_2_sample()] {
        has_one_form(&codec::encode(&capture), |bytes| Body::decode("capture", bytes).ok());
    }
}

#[test]
fn a_capture_without_a_summary_says_so_in_one_way() {
    // The one optional key that is left out rather than null: version 1 did not have it.
    let capture = values::capture_sample();
    let block = codec::encode(&capture);
    let (map, null) = ([block[0] + 1], [cbor::text("summary"), cbor::NULL.to_vec()].concat());
    let before = [cbor::text("capture"), cbor::link(&capture.capture)].concat();
    let at = block.windows(before.len()).position(|field| field == before).expect("it is in there");
    let at = at + before.len();
    let form = [&map, &block[1..at], &null, &block[at..]].concat();
    assert!(Body::decode("capture", &form).is_err(), "accepted: null in place of no summary");
}

/// No bytes but these are read as what they say.
fn has_one_form<T: PartialEq + Debug>(block: &[u8], read: impl Fn(&[u8]) -> Option<T>) {
    let value = read(block).expect("the sample is read");
    let others = forms::others(block);
    assert!(others.len() > 5);
    for (what, form) in others {
        assert_ne!(form, block, "{what} is no other form of {value:?}");
        assert_ne!(read(&form).as_ref(), Some(&value), "accepted: {what}: {form:02x?}");
    }
    for end in 0..block.len() {
        assert!(read(&block[..end]).is_none(), "accepted: the first {end} bytes of {value:?}");
    }
}
