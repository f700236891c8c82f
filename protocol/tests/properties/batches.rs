//! A batch of entries is taken as far as it is one chain of its writer, with one signature checked.

use ed25519_dalek::{Signer, SigningKey};
use horahora_protocol::{
    NodeKey, Timestamp, Verified, codec,
    entry::{Body, Entry},
    feed::{Feed, FeedError, Head},
    limits,
    sign::Signed,
};
use proptest::{collection::vec, prelude::any, prop_assert, prop_assert_eq, proptest, sample::Index};

use crate::{cbor, values};

/// As many entries at the end of a batch may be badly signed; more, and nothing of it is taken.
const TRIES: usize = 4;

proptest! {
    #![proptest_config(values::tries(16))]

    #[test]
    fn the_borders_of_batches_do_not_matter(bodies in vec(values::body(), 1..20), borders in vec(any::<Index>(), 0..5)) {
        let (entries, blocks) = chain(&bodies);
        let mut borders: Vec<_> = borders.iter().map(|at| at.index(blocks.len() + 1)).collect();
        borders.extend([0, blocks.len()]);
        borders.sort_unstable();
        let (mut together, mut singly) = (empty(), empty());
        let mut read = Vec::new();
        for ends in borders.windows(2) {
            let (accepted, failed) = together.accept_all(&blocks[ends[0]..ends[1]]);
            prop_assert!(failed.is_none(), "{failed:?}");
            read.extend(accepted);
        }
        prop_assert_eq!(&read, &entries);
        for (entry, block) in entries.iter().zip(&blocks) {
            prop_assert_eq!(&singly.accept(block).unwrap(), entry);
        }
        prop_assert_eq!(together, singly);
        prop_assert_eq!(together.head(), Some(head(&entries[entries.len() - 1])));
    }

    #[test]
    fn a_batch_is_taken_up_to_what_is_wrong(
        bodies in vec(values::body(), 1..12),
        at in any::<Index>(),
        how in 0..8_usize,
        byte in any::<Index>(),
        change in 1..=u8::MAX,
    ) {
        let (entries, mut blocks) = chain(&bodies);
        let at = at.index(blocks.len());
        wrong(&mut blocks, at, how, byte, change);
        let (mut together, mut singly) = (empty(), empty());
        let (accepted, failed) = together.accept_all(&blocks);
        let one_by_one: Vec<_> = blocks.iter().map_while(|block| singly.accept(block).ok()).collect();
        prop_assert!(failed.is_some());
        prop_assert_eq!(&accepted, &entries[..at]);
        prop_assert_eq!(accepted, one_by_one);
        prop_assert_eq!(together, singly);
        // What is right goes on from there.
        let (rest, failed) = together.accept_all(&chain(&bodies).1[at..]);
        prop_assert!(failed.is_none());
        prop_assert_eq!(rest, &entries[at..]);
    }
}

#[test]
fn an_empty_batch_changes_nothing() {
    let mut feed = empty();
    let (accepted, failed) = feed.accept_all(&[] as &[Vec<u8>]);
    assert!(accepted.is_empty() && failed.is_none());
    assert_eq!(feed, empty());
}

#[test]
fn entries_at_the_end_that_are_badly_signed_are_left_out() {
    let (entries, blocks) = badly_signed(9, |_| false);
    for bad in 1..TRIES {
        let (_, mut forged) = badly_signed(9, |seq| seq >= 9 - bad);
        let mut feed = empty();
        let (accepted, failed) = feed.accept_all(&forged);
        assert_eq!(accepted, entries[..9 - bad], "{bad}");
        assert!(matches!(failed, Some(FeedError::Signature(_))), "{failed:?}");
        assert_eq!(feed.head(), Some(head(&entries[8 - bad])));
        // The true end is taken afterwards.
        assert_eq!(feed.accept_all(&blocks[9 - bad..]).0, entries[9 - bad..]);
        // What comes wrong after it does not matter.
        forged.push(b"noise".to_vec());
        assert_eq!(empty().accept_all(&forged).0, entries[..9 - bad]);
    }
    let (_, forged) = badly_signed(9, |seq| seq >= 9 - TRIES);
    let mut feed = empty();
    let (accepted, failed) = feed.accept_all(&forged);
    assert!(accepted.is_empty() && matches!(failed, Some(FeedError::Signature(_))), "{failed:?}");
    assert_eq!(feed, empty(), "a liar's batch is not tried for ever");
}

#[test]
fn a_batch_in_which_nobody_signed_is_refused() {
    for count in 1..8 {
        let (_, forged) = badly_signed(count, |_| true);
        let mut feed = empty();
        assert!(feed.accept_all(&forged).0.is_empty(), "{count} entries without a signature were taken");
        assert_eq!(feed, empty());
    }
}

#[test]
fn who_signs_a_link_signs_what_is_behind_it() {
    // The writer itself signed the entry at 2 badly, and the one at 4 well: only it can.
    let (_, blocks) = badly_signed(5, |seq| seq == 2);
    let mut together = empty();
    let (accepted, failed) = together.accept_all(&blocks);
    assert!(failed.is_none() && accepted.len() == 5, "{failed:?}");
    let mut singly = empty();
    let one_by_one = blocks.iter().map_while(|block| singly.accept(block).ok()).count();
    assert_eq!(one_by_one, 2, "one at a time it is not to be told from a forged one");
    assert_eq!(singly.accept_all(&blocks[2..]).0, accepted[2..], "the next batch proves it");
    assert_eq!(singly, together);
}

#[test]
fn another_cannot_go_on_with_a_feed() {
    let (_, blocks) = badly_signed(3, |_| false);
    let stranger = SigningKey::from_bytes(&[8; 32]);
    let mut feed = empty();
    feed.accept_all(&blocks);
    let forged = hand_made(&feed, |message| stranger.sign(message).to_bytes().to_vec());
    let (accepted, failed) = empty().accept_all(&[blocks.clone(), vec![forged]].concat());
    assert_eq!(accepted.len(), 3);
    assert!(matches!(failed, Some(FeedError::Signature(_))));
}

/// Makes the entry at a place wrong, or puts a wrong one there.
fn wrong(blocks: &mut Vec<Vec<u8>>, at: usize, how: usize, byte: Index, change: u8) {
    let mut before = empty();
    before.accept_all(&blocks[..at]);
    let other_life = horahora_protocol::feed::FeedId { incarnation: 4, ..values::feed_id() };
    let body = Body::Profile(values::profile_sample());
    match how {
        0 => {
            let byte = byte.index(blocks[at].len());
            blocks[at][byte] ^= change;
        }
        1 => blocks.insert(at, b"noise".to_vec()),
        2 => blocks.insert(
            at,
            Feed::new(other_life, before.head()).append(&values::key(), &body, Timestamp(1)).block().1,
        ),
        3 => {
            let stranger = NodeKey::from_secret(&[8; 32]);
            let id = horahora_protocol::feed::FeedId { node: stranger.node_id(), ..values::feed_id() };
            blocks.insert(at, Feed::new(id, before.head()).append(&stranger, &body, Timestamp(1)).block().1);
        }
        4 => {
            let elsewhere = Head { seq: at as u64, entry: values::linked("another past") };
            let fork =
                Feed::new(values::feed_id(), Some(elsewhere)).append(&values::key(), &body, Timestamp(1));
            blocks.insert(at, values::key().sign(Entry { seq: at as u64, ..(*fork).clone() }).block().1);
        }
        5 => blocks.insert(at, vec![0; limits::ENTRY_BYTES + 1]),
        6 => {
            let next = before.append(&values::key(), &body, Timestamp(1));
            blocks.insert(at, values::key().sign(Entry { v: 2, ..(*next).clone() }).block().1);
        }
        _ => {
            let next = before.append(&values::key(), &body, Timestamp(1));
            blocks.insert(at, values::key().sign(Entry { seq: next.seq + 1, ..(*next).clone() }).block().1);
        }
    }
}

/// A chain by hand in which some entries are badly signed, and the well signed ones as they are read.
fn badly_signed(count: usize, bad: impl Fn(usize) -> bool) -> (Vec<Verified<Entry>>, Vec<Vec<u8>>) {
    let (mut feed, mut entries, mut blocks) = (empty(), Vec::new(), Vec::new());
    for seq in 0..count {
        let key = SigningKey::from_bytes(&[7; 32]);
        let block = hand_made(&feed, |message| match bad(seq) {
            true => vec![0x5a; 64],
            false => key.sign(message).to_bytes().to_vec(),
        });
        let read: Signed<Entry> = codec::decode(&block, limits::ENTRY_BYTES).expect("the form of an entry");
        entries.extend(read.verify());
        feed = Feed::new(feed.id(), Some(Head { seq: seq as u64, entry: values::address(&block) }));
        blocks.push(block);
    }
    (entries, blocks)
}

/// The next entry of a feed, with any signature.
fn hand_made(feed: &Feed, sign: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let previous = feed.head().map(|head| head.entry);
    let payload = codec::encode(&Entry { seq: feed.next_seq(), previous, ..values::entry_sample() });
    let signature = sign(&[b"horahora/entry/1\0", payload.as_slice()].concat());
    cbor::map(&[("payload", payload), ("signature", cbor::bytes(&signature))])
}

fn chain(bodies: &[Body]) -> (Vec<Verified<Entry>>, Vec<Vec<u8>>) {
    let mut feed = empty();
    let entries = bodies.iter().zip(1..).map(|(body, at)| feed.append(&values::key(), body, Timestamp(at)));
    entries.map(|entry| (entry.clone(), entry.block().1)).unzip()
}

fn empty() -> Feed {
    Feed::new(values::feed_id(), None)
}

fn head(entry: &Verified<Entry>) -> Head {
    Head { seq: entry.seq, entry: entry.block().0 }
}
