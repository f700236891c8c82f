//! Changes of a group as bodies of entries: read back, in one form, and no longer than allowed.

use horahora_protocol::{
    approval::{Approve, Category, Rules},
    codec,
    entry::{Body, BodyError},
    group::{Change, Fact, GroupChange, GroupKey, Role},
    limits,
};
use proptest::{
    collection::vec,
    option,
    prelude::{Just, Strategy, any, prop_oneof},
    prop_assert_eq, proptest,
    sample::select,
};
use serde_bytes::ByteBuf;

use crate::{
    forms,
    values::{self, node_id, number},
    worlds,
};

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let block = || vec(any::<u8>(), 0..200).prop_map(ByteBuf::from);
    let role = option::of(select(vec![Role::Follower, Role::Member, Role::Admin]));
    let places = vec((number(), number()), 0..5);
    prop_oneof![
        (block(), block()).prop_map(|(invite, redemption)| Change::Admit { invite, redemption }),
        (node_id(), role, places).prop_map(|(node, role, last)| Change::Rule { node, role, last }),
        (any::<u32>(), any::<bool>(), vec((node_id(), number(), number()), 0..5))
            .prop_map(|(number, members_invite, last)| Change::Policy { number, members_invite, last }),
        (any::<u32>(), rules()).prop_map(|(number, rules)| Change::Rules { number, rules }),
        (any::<u32>(), any::<[u8; 32]>())
            .prop_map(|(number, secret)| Change::Key(GroupKey { number, secret: secret.to_vec() })),
        Just(Change::Leave),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let approve = select(vec![Approve::Never, Approve::NewCreators, Approve::Always]);
    let category = ("\\PC{0,20}", vec("\\PC{0,20}", 0..4)).prop_map(|(name, words)| Category { name, words });
    (approve, vec(category, 0..4)).prop_map(|(approve, categories)| Rules { approve, categories })
}

pub(crate) fn samples() -> Vec<Body> {
    let node = values::key().node_id();
    let ticket = worlds::ticket(0);
    let redemption = ticket.redeem(&worlds::key(1), 3).expect("our own ticket").block().1;
    let changes = [
        Change::Admit { invite: ticket.invite, redemption: ByteBuf::from(redemption) },
        Change::Rule { node, role: Some(Role::Admin), last: vec![] },
        Change::Rule { node, role: None, last: vec![(1, 24), (300, 0)] },
        Change::Policy { number: 1, members_invite: false, last: vec![(node, 1, 24)] },
        Change::Rules { number: 2, rules: some_rules(1, 1) },
        Change::Key(GroupKey { number: 300, secret: vec![9; 32] }),
        Change::Leave,
    ];
    changes.into_iter().map(body).collect()
}

fn some_rules(categories: usize, words: usize) -> Rules {
    let category = Category { name: "a".to_owned(), words: vec!["b".to_owned(); words] };
    Rules { approve: Approve::Always, categories: vec![category; categories] }
}

pub(crate) fn body(change: Change) -> Body {
    Body::Group(GroupChange { v: 1, change })
}

proptest! {
    #![proptest_config(values::tries(300))]

    #[test]
    fn a_change_without_signatures_counts_for_what_it_says(change in change()) {
        let fact = Fact::of(&worlds::group_id(), &change);
        match change {
            Change::Admit { .. } => prop_assert_eq!(fact, None),
            Change::Rule { node, role, last } => {
                let last = last.into_iter().collect();
                prop_assert_eq!(fact, Some(Fact::Rule { node, role, last }));
            }
            Change::Policy { number, members_invite, last } => {
                let last = last.into_iter().map(|(node, life, seq)| ((node, life), seq)).collect();
                prop_assert_eq!(fact, Some(Fact::Policy { number, members_invite, last }));
            }
            Change::Rules { number, rules } => prop_assert_eq!(fact, Some(Fact::Rules { number, rules })),
            Change::Key(key) => prop_assert_eq!(fact, Some(Fact::Key(key))),
            Change::Leave => prop_assert_eq!(fact, Some(Fact::Leave)),
        }
    }
}

#[test]
fn other_forms_of_a_change_are_refused() {
    for body in samples() {
        let block = body.block().1;
        for (what, form) in forms::others(&block) {
            let read = Body::decode(Body::GROUP, &form).ok();
            assert_ne!(read.as_ref(), Some(&body), "accepted: {what}: {form:02x?}");
        }
        for end in 0..block.len() {
            assert!(Body::decode(Body::GROUP, &block[..end]).is_err(), "accepted: the first {end} bytes");
        }
    }
}

#[test]
fn a_change_is_as_long_as_allowed() {
    let node = values::key().node_id();
    let block = |bytes| ByteBuf::from(vec![0; bytes]);
    let admit = |invite, redemption| Change::Admit { invite: block(invite), redemption: block(redemption) };
    let rule = |lives| Change::Rule { node, role: None, last: vec![(u64::MAX, u64::MAX); lives] };
    let policy = |feeds| Change::Policy {
        number: u32::MAX,
        members_invite: false,
        last: vec![(node, u64::MAX, u64::MAX); feeds],
    };
    let key = |bytes| Change::Key(GroupKey { number: 1, secret: vec![0; bytes] });
    let most = limits::INVITE_BYTES;
    let rules = |categories, words| Change::Rules { number: 1, rules: some_rules(categories, words) };
    let full = rules(limits::CATEGORIES, limits::CATEGORY_WORDS);
    for change in [admit(most, most), rule(limits::LIVES), policy(limits::FEEDS), full, key(32)] {
        let body = body(change);
        assert_eq!(Body::decode(Body::GROUP, &body.block().1).expect("it is within its bounds"), body);
    }
    let over = [
        admit(most + 1, 0),
        admit(0, most + 1),
        rule(limits::LIVES + 1),
        policy(limits::FEEDS + 1),
        rules(limits::CATEGORIES + 1, 0),
        rules(1, limits::CATEGORY_WORDS + 1),
        key(31),
        key(33),
        key(0),
    ];
    for change in over {
        let read = Body::decode(Body::GROUP, &body(change.clone()).block().1);
        assert!(matches!(read, Err(BodyError::TooLong("list"))), "{change:?}: {read:?}");
    }
}

#[test]
fn a_change_of_a_later_version_is_not_guessed_at() {
    for v in [0, 2, 24] {
        let block = codec::encode(&GroupChange { v, change: Change::Leave });
        assert!(
            matches!(Body::decode(Body::GROUP, &block), Err(BodyError::UnknownVersion(found)) if found == v)
        );
    }
}
