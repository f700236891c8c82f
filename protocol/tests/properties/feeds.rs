//! The laws of a feed: it grows by the next entry of its own writer, and by nothing else.

use horahora_protocol::{
    NodeKey, Timestamp, Verified,
    entry::{Body, Entry},
    feed::{Feed, FeedError, FeedId, Head},
};
use proptest::{collection::vec, prelude::any, prop_assert, prop_assert_eq, proptest, sample::Index};

use crate::values;

#[test]
fn an_entry_of_another_feed_is_refused() {
    let ours = values::feed_id();
    let stranger = NodeKey::from_secret(&[8; 32]);
    let other_group = FeedId { group: values::linked("another group"), ..ours };
    let other_life = FeedId { incarnation: ours.incarnation + 1, ..ours };
    let other_node = FeedId { node: stranger.node_id(), ..ours };
    for (key, id) in [(values::key(), other_group), (values::key(), other_life), (stranger, other_node)] {
        let entry = Feed::new(id, None).append(&key, &body("hello"), Timestamp(1));
        refuse(Feed::new(ours, None), &entry.block().1, |error| matches!(error, FeedError::OtherFeed));
    }
}

#[test]
fn an_entry_of_another_version_is_refused() {
    for v in [0, 2, 23, 24, u8::MAX] {
        let entry = values::key().sign(Entry { v, ..values::entry_sample() });
        let feed = Feed::new(values::feed_id(), None);
        refuse(feed, &entry.block().1, |error| matches!(error, FeedError::Field("version")));
    }
}

#[test]
fn an_entry_of_an_unknown_kind_is_kept() {
    let entry = values::key().sign(Entry { kind: "farewell".to_owned(), ..values::entry_sample() });
    let mut feed = Feed::new(values::feed_id(), None);
    assert_eq!(feed.accept(&entry.block().1).unwrap(), entry);
    assert_eq!(feed.head(), Some(head(&entry)));
}

#[test]
fn two_stories_of_one_writer_are_told_apart() {
    let (one, two) = (chain(&["a", "b", "c"]), chain(&["a", "x", "y"]));
    let mut feed = Feed::new(values::feed_id(), None);
    feed.accept(&one[0].block().1).unwrap();
    feed.accept(&one[1].block().1).unwrap();
    refuse(feed, &two[2].block().1, |error| matches!(error, FeedError::Fork(2)));
    // The other entry for a place that is taken does not replace the one known.
    refuse(feed, &two[1].block().1, |error| matches!(error, FeedError::Gap { expected: 2, found: 1 }));
}

#[test]
fn the_first_entry_has_nothing_before_it_and_every_other_something() {
    let first = values::key().sign(Entry { previous: Some(values::linked("x")), ..values::entry_sample() });
    refuse(Feed::new(values::feed_id(), None), &first.block().1, |error| matches!(error, FeedError::Fork(0)));
    let second = values::key().sign(Entry { seq: 1, ..values::entry_sample() });
    let feed = Feed::new(values::feed_id(), Some(head(&chain(&["a"])[0])));
    refuse(feed, &second.block().1, |error| matches!(error, FeedError::Fork(1)));
}

#[test]
fn the_last_place_of_a_feed_is_there_once() {
    let at = |seq, entry| Head { seq, entry };
    let before = at(u64::MAX - 1, values::linked("before"));
    let mut feed = Feed::new(values::feed_id(), Some(before));
    let place = |previous| {
        let entry = Entry { seq: u64::MAX, previous: Some(previous), ..values::entry_sample() };
        values::key().sign(entry).block()
    };
    let (last, block) = place(before.entry);
    assert_eq!(feed.missing(at(u64::MAX, last)), 1, "known up to 2^64-2, the peer has 2^64-1");
    if feed.accept(&block).is_ok() {
        let (_, more) = place(last);
        assert!(feed.accept(&more).is_err(), "the place 2^64-1 was taken twice");
    }
}

proptest! {
    #![proptest_config(values::tries(24))]

    #[test]
    fn a_chain_is_accepted_in_order_and_in_no_other(
        said in vec("[a-z]{0,8}", 1..6),
        deliveries in vec(any::<Index>(), 0..16),
    ) {
        let said: Vec<&str> = said.iter().map(String::as_str).collect();
        let chain = chain(&said);
        let blocks: Vec<_> = chain.iter().map(|entry| entry.block().1).collect();
        let mut feed = Feed::new(values::feed_id(), None);
        let mut known = 0;
        for at in deliveries.iter().map(|at| at.index(blocks.len())).chain(0..blocks.len()) {
            let before = feed;
            match feed.accept(&blocks[at]) {
                Ok(entry) => {
                    prop_assert_eq!(at, known);
                    prop_assert_eq!(&entry, &chain[at]);
                    known += 1;
                }
                Err(FeedError::Gap { expected, found }) => {
                    prop_assert_eq!((expected, found), (known as u64, at as u64));
                    prop_assert!(at != known);
                    prop_assert_eq!(feed, before);
                }
                Err(other) => prop_assert!(false, "{other:?}"),
            }
            prop_assert_eq!(feed.next_seq(), known as u64);
            prop_assert_eq!(feed.head(), known.checked_sub(1).map(|last| head(&chain[last])));
            prop_assert_eq!(feed.missing(head(&chain[chain.len() - 1])), (chain.len() - known) as u64);
        }
        prop_assert_eq!(known, chain.len());
    }

    #[test]
    fn what_is_appended_is_accepted_elsewhere(bodies in vec(values::body(), 1..4), at in any::<u64>()) {
        let (mut ours, mut theirs) = (Feed::new(values::feed_id(), None), Feed::new(values::feed_id(), None));
        for body in &bodies {
            let written = ours.append(&values::key(), body, Timestamp(at));
            prop_assert_eq!(&written.kind, body.kind());
            prop_assert_eq!(written.body, body.block().0);
            let read = theirs.accept(&written.block().1).unwrap();
            prop_assert_eq!(read, written);
            prop_assert_eq!(ours, theirs);
        }
    }
}

proptest! {
    #![proptest_config(values::tries(2_000))]

    #[test]
    fn missing_counts_what_lies_between(known in proptest::option::of(values::number()), seq in values::number()) {
        // The last two places are a test of their own.
        let known = known.map(|seq| seq.min(u64::MAX - 2));
        let at = |seq| Head { seq, entry: values::linked("entry") };
        let feed = Feed::new(values::feed_id(), known.map(at));
        let next = known.map_or(0, |seq| u128::from(seq) + 1);
        let missing = (u128::from(seq) + 1).saturating_sub(next);
        prop_assert_eq!(feed.missing(at(seq)), u64::try_from(missing).unwrap_or(u64::MAX));
        prop_assert_eq!(u128::from(feed.next_seq()), next);
    }
}

fn refuse(mut feed: Feed, block: &[u8], why: impl Fn(&FeedError) -> bool) {
    let before = feed;
    let error = feed.accept(block).expect_err("it does not belong there");
    assert!(why(&error), "refused for another reason: {error:?}");
    assert_eq!(feed, before, "a refused entry changed the feed");
}

fn chain(said: &[&str]) -> Vec<Verified<Entry>> {
    let mut feed = Feed::new(values::feed_id(), None);
    let entries = said.iter().zip(1..);
    entries.map(|(text, at)| feed.append(&values::key(), &body(text), Timestamp(at))).collect()
}

fn body(name: &str) -> Body {
    let mut profile = values::profile_sample();
    name.clone_into(&mut profile.name);
    Body::Profile(profile)
}

fn head(entry: &Verified<Entry>) -> Head {
    Head { seq: entry.seq, entry: entry.block().0 }
}
