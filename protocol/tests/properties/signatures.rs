//! A signature fits one record, of one kind, in one form.

use horahora_protocol::{
    Cid, Codec, NodeId, NodeKey, Signed, codec,
    entry::Entry,
    feed::Feed,
    group::Genesis,
    growing::Growing,
    limits,
    message::Presence,
    sign::{BadSignature, Signable},
};
use proptest::{prelude::any, prop_assert, prop_assert_eq, proptest};
use serde::{Deserialize, Serialize};

use crate::{cbor, said, values};

#[test]
fn a_change_of_any_byte_of_an_entry_is_refused() {
    let entry = values::key().sign(values::entry_sample());
    let (_, block) = entry.block();
    let empty = Feed::new(values::feed_id(), None);
    for at in 0..block.len() {
        // One bit and all bits; a test below tries other changes.
        for change in [1 << (at % 8), 0xff] {
            let mut changed = block.clone();
            changed[at] ^= change;
            let mut feed = empty;
            assert!(feed.accept(&changed).is_err(), "accepted with byte {at} changed by {change:#x}");
            assert_eq!(feed, empty);
        }
    }
    assert_eq!(Feed::new(values::feed_id(), None).accept(&block).unwrap(), entry);
}

#[test]
fn a_flipped_bit_in_any_byte_of_a_record_is_refused() {
    let key = values::key();
    let no_bit_flips = |block: Vec<u8>, read: fn(&[u8]) -> bool| {
        assert!(read(&block));
        for at in 0..block.len() {
            // A test below tries other bits.
            assert!(!read(&flipped(&block, 8 * at + at % 8)), "accepted with byte {at} changed");
        }
    };
    no_bit_flips(key.sign(values::genesis_sample()).block().1, |block| Genesis::decode(block).is_ok());
    no_bit_flips(key.sign(said::presence_sample()).block().1, |block| Presence::decode(block).is_ok());
    no_bit_flips(key.sign(said::growing_sample()).block().1, |block| Growing::decode(block).is_ok());
}

#[test]
fn a_signature_fits_one_kind_of_record() {
    // The same signer and the same bytes, signed for another purpose.
    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Lookalike(Entry);
    impl Signable for Lookalike {
        const PURPOSE: &'static str = "horahora/entry/2";
        fn signer(&self) -> NodeId {
            self.0.node
        }
    }
    let (_, block) = values::key().sign(Lookalike(values::entry_sample())).block();
    let signed: Signed<Entry> = codec::decode(&block, limits::ENTRY_BYTES).unwrap();
    assert_eq!(signed.verify(), Err(BadSignature { signer: values::key().node_id() }));
}

#[test]
fn a_second_form_of_a_signature_is_refused() {
    // RFC 8032, 5.1.7: s must be below the group's order, else s and s + order would both fit.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let (_, mut block) = values::key().sign(values::entry_sample()).block();
    let start = block.len() - 32;
    let mut carry = 0;
    for (byte, order) in block[start..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    let signed: Signed<Entry> = codec::decode(&block, limits::ENTRY_BYTES).unwrap();
    assert!(signed.verify().is_err());
}

#[test]
fn keys_that_fit_every_message_are_refused() {
    // Points of small order (y = 1, -1, 0) verify crafted signatures under a lax check.
    let mut one = [0; 32];
    one[0] = 1;
    let mut minus_one = [0xff; 32];
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    for point in [one, minus_one, [0; 32]] {
        let entry = Entry { node: NodeId::from_public_key(point), ..values::entry_sample() };
        // R = the identity, s = 0.
        let signature = [one, [0; 32]].concat();
        let block = cbor::map(&[("payload", codec::encode(&entry)), ("signature", cbor::bytes(&signature))]);
        let signed: Signed<Entry> = codec::decode(&block, limits::ENTRY_BYTES).unwrap();
        assert!(signed.verify().is_err(), "accepted for the key {point:02x?}");
    }
}

#[test]
#[should_panic(expected = "a node signs only what it says itself")]
fn a_node_does_not_sign_for_another() {
    let _ = NodeKey::from_secret(&[8; 32]).sign(values::entry_sample());
}

proptest! {
    #![proptest_config(values::tries(64))]

    #[test]
    fn what_is_signed_is_verified(secret in any::<[u8; 32]>(), entry in values::entry(NodeId::from_public_key([0; 32]))) {
        let key = NodeKey::from_secret(&secret);
        let signed = key.sign(Entry { node: key.node_id(), ..entry });
        let (cid, block) = signed.block();
        prop_assert!(cid.matches(&block));
        prop_assert_eq!(cid, Cid::of(Codec::DagCbor, &block));
        let read: Signed<Entry> = codec::decode(&block, limits::ENTRY_BYTES).unwrap();
        prop_assert_eq!(read.verify().unwrap(), signed);
        prop_assert_eq!(NodeKey::from_secret(&key.secret()).node_id(), key.node_id());
    }

    #[test]
    fn a_changed_byte_anywhere_is_refused(
        entry in values::entry(values::key().node_id()),
        at in any::<proptest::sample::Index>(),
        change in 1..=u8::MAX,
    ) {
        let (_, mut block) = values::key().sign(entry).block();
        let at = at.index(block.len());
        block[at] ^= change;
        let read = codec::decode::<Signed<Entry>>(&block, limits::ENTRY_BYTES);
        prop_assert!(read.ok().and_then(|signed| signed.verify().ok()).is_none());
    }

    #[test]
    fn a_flipped_bit_anywhere_in_a_record_is_refused(
        genesis in values::genesis(values::key().node_id()),
        presence in said::presence(values::key().node_id()),
        growing in said::growing(values::key().node_id()),
        bit in any::<proptest::sample::Index>(),
    ) {
        let key = values::key();
        let flip = |block: Vec<u8>| flipped(&block, bit.index(8 * block.len()));
        prop_assert!(Genesis::decode(&flip(key.sign(genesis).block().1)).is_err());
        prop_assert!(Presence::decode(&flip(key.sign(presence).block().1)).is_err());
        prop_assert!(Growing::decode(&flip(key.sign(growing).block().1)).is_err());
    }

    #[test]
    fn another_signature_is_refused(entry in values::entry(values::key().node_id()), other in values::entry(values::key().node_id())) {
        let (_, ours) = values::key().sign(entry.clone()).block();
        let (_, theirs) = values::key().sign(other.clone()).block();
        let end = theirs.len() - 64;
        let swapped = [&theirs[..end], &ours[ours.len() - 64..]].concat();
        let signed: Signed<Entry> = codec::decode(&swapped, limits::ENTRY_BYTES).unwrap();
        prop_assert_eq!(signed.verify().is_ok(), entry == other);
    }
}

fn flipped(block: &[u8], bit: usize) -> Vec<u8> {
    let mut changed = block.to_vec();
    changed[bit / 8] ^= 1 << (bit % 8);
    changed
}
