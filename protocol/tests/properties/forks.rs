//! Who told two stories is proven by two of its own signatures, and by nothing else.

use horahora_protocol::{
    NodeKey, Timestamp, codec,
    entry::Entry,
    feed::{Feed, FeedId},
    group::Fork,
    limits,
};
use proptest::{prelude::any, prop_assert_eq, proptest, sample::Index};
use serde_bytes::ByteBuf;

use crate::{cbor, forms, values};

proptest! {
    #![proptest_config(values::tries(40))]

    #[test]
    fn two_entries_at_one_place_prove_a_fork(
        one in values::entry(values::key().node_id()),
        other in values::entry(values::key().node_id()),
        alike in any::<bool>(),
    ) {
        let at = |entry: Entry| Entry { group: one.group, incarnation: one.incarnation, seq: one.seq, ..entry };
        let other = if alike { Entry { at: other.at, ..one.clone() } } else { at(other) };
        let differ = one != other;
        let feed = FeedId { group: one.group, node: one.node, incarnation: one.incarnation };
        let seq = one.seq;
        let (one, other) = (block(one), block(other));
        let fork = Fork::of(&one, &other);
        prop_assert_eq!(&Fork::of(&other, &one), &fork, "it has one form");
        prop_assert_eq!(Fork::decode(&fork.block()), Some(fork.clone()));
        prop_assert_eq!(fork.proven(&feed.group), differ.then_some((feed, seq)));
        prop_assert_eq!(fork.proven(&values::linked("no such group")), None);
    }

    #[test]
    fn a_changed_byte_proves_nothing(at in any::<Index>(), change in 1..=u8::MAX) {
        let mut block = sample().block();
        let at = at.index(block.len());
        block[at] ^= change;
        let proven = Fork::decode(&block).and_then(|fork| fork.proven(&values::feed_id().group));
        prop_assert_eq!(proven, None, "byte {}", at);
    }
}

#[test]
fn what_is_no_fork_proves_nothing() {
    let entry = values::entry_sample;
    let first = block(entry());
    let stranger = NodeKey::from_secret(&[8; 32]);
    let others = [
        ("the same entry", first.clone()),
        ("another place", block(Entry { seq: 1, ..entry() })),
        ("another life", block(Entry { incarnation: 4, ..entry() })),
        ("another group", block(Entry { group: values::linked("another group"), ..entry() })),
        ("another writer", stranger.sign(Entry { node: stranger.node_id(), ..entry() }).block().1),
        ("unsigned", unsigned(&Entry { at: Timestamp(1), ..entry() })),
        ("noise", b"noise".to_vec()),
        ("nothing", Vec::new()),
        ("no entry", values::key().sign(values::genesis_sample()).block().1),
        ("too large", vec![0; limits::ENTRY_BYTES + 1]),
    ];
    for (what, other) in others {
        assert_eq!(Fork::of(&first, &other).proven(&values::feed_id().group), None, "{what}");
        assert_eq!(Fork::of(&other, &first).proven(&values::feed_id().group), None, "{what}");
    }
    let unsigned = [1, 2].map(|at| unsigned(&Entry { at: Timestamp(at), ..entry() }));
    assert_eq!(Fork::of(&unsigned[0], &unsigned[1]).proven(&values::feed_id().group), None);
}

#[test]
fn what_changes_a_group_is_signed_by_itself_so_its_fork_is_proven_where_it_begins() {
    // Two stories that differ from the place 1 on. Their writer signed badly there, and well at 2.
    let first = block(values::entry_sample());
    let next = |before: &[u8], seq, at| Entry {
        seq,
        previous: Some(values::address(before)),
        at: Timestamp(at),
        kind: horahora_protocol::entry::Body::GROUP.to_owned(),
        ..values::entry_sample()
    };
    let stories = [1, 2].map(|at| {
        let second = unsigned(&next(&first, 1, at));
        let third = block(next(&second, 2, at));
        [first.clone(), second, third]
    });
    for story in &stories {
        let (accepted, failed) = Feed::new(values::feed_id(), None).accept_all(story);
        assert!(accepted.len() == 1 && failed.is_some(), "the badly signed one is refused, {failed:?}");
    }
}

#[test]
fn a_proof_has_one_order_and_one_form() {
    let fork = sample();
    assert!(fork.proven(&values::feed_id().group).is_some());
    let Fork { first, second, .. } = fork.clone();
    let turned = Fork { v: 1, first: second, second: first };
    assert_eq!(turned.proven(&values::feed_id().group), None);
    for (what, form) in forms::others(&fork.block()) {
        assert_ne!(Fork::decode(&form).as_ref(), Some(&fork), "accepted: {what}");
    }
    for v in [0, 2, 24] {
        assert_eq!(Fork::decode(&codec::encode(&Fork { v, ..fork.clone() })), None);
    }
}

#[test]
fn the_largest_fork_has_a_proof() {
    // Entries have no room for more than this; two of the largest size allowed are read all the same.
    let kind = "k".repeat(limits::KIND_BYTES);
    let most = |at| {
        let (seq, previous) = (u64::MAX, Some(values::linked("before")));
        let at = Timestamp(u64::MAX - at);
        block(Entry {
            kind: kind.clone(),
            incarnation: u64::MAX,
            seq,
            previous,
            at,
            ..values::entry_sample()
        })
    };
    let fork = Fork::of(&most(0), &most(1));
    assert!(Fork::decode(&fork.block()).is_some_and(|fork| fork.proven(&values::feed_id().group).is_some()));
    let full = ByteBuf::from(vec![0; limits::ENTRY_BYTES]);
    let full = Fork { v: 1, first: full.clone(), second: full };
    assert_eq!(Fork::decode(&full.block()).as_ref(), Some(&full));
    assert!(Fork::decode(&vec![0; limits::FORK_BYTES + 1]).is_none());
}

fn sample() -> Fork {
    let other = Entry { at: Timestamp(1), previous: Some(values::linked("x")), ..values::entry_sample() };
    Fork::of(&block(values::entry_sample()), &block(other))
}

fn block(entry: Entry) -> Vec<u8> {
    values::key().sign(entry).block().1
}

fn unsigned(entry: &Entry) -> Vec<u8> {
    cbor::map(&[("payload", codec::encode(entry)), ("signature", cbor::bytes(&[0x5a; 64]))])
}
