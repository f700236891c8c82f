//! What makes and changes a group: each form built from its value and read back.

use horahora_protocol::{
    Cid, Codec, NodeKey,
    approval::{Approve, Category, Rules},
    codec,
    entry::{Body, Entry},
    group::{
        Change, Fork, GroupChange, GroupKey, Invite, Redemption, Role, Ticket,
        invite::{Admission, Proof},
    },
    limits,
};
use serde_bytes::ByteBuf;

use crate::{
    Case,
    stored::{body, signed},
    values::{AT, feed_id, key},
};

pub(crate) fn changes() -> Vec<Case> {
    let of = |name, change| body(name, Body::Group(GroupChange { v: 1, change }));
    let (node, other) = (comer().node_id(), key().node_id());
    let rule = |role, last| Change::Rule { node, role, last };
    let policy = |number, members_invite, last| Change::Policy { number, members_invite, last };
    vec![
        of("admit", Change::Admit { invite: invite(), redemption: redemption() }),
        of("rule-admin", rule(Some(Role::Admin), vec![])),
        of("rule-member", rule(Some(Role::Member), vec![(1_000_000, 41)])),
        of("rule-follower", rule(Some(Role::Follower), vec![(1_000_000, 41)])),
        of("rule-removed", rule(None, vec![(1_000_001, 3), (1_000_000, u64::MAX)])),
        of("policy-members-invite", policy(1, true, vec![])),
        of("policy-admins-invite", policy(u32::MAX, false, vec![(node, 1_000_000, 41), (other, 0, 0)])),
        of("rules", Change::Rules { number: 1, rules: rules() }),
        of("rules-of-the-beginning", Change::Rules { number: u32::MAX, rules: Rules::default() }),
        of("key", Change::Key(GroupKey { number: 1, secret: vec![0x5a; 32] })),
        of("leave", Change::Leave),
    ]
}

fn rules() -> Rules {
    let category = |name: &str, words: &[&str]| Category {
        name: name.to_owned(),
        words: words.iter().map(|&word| word.to_owned()).collect(),
    };
    let categories = vec![category("音楽", &["音mad", "vocaloid"]), category("Other", &[])];
    Rules { approve: Approve::NewCreators, categories }
}

pub(crate) fn invites() -> Vec<Case> {
    let follower = Invite { role: Role::Follower, uses: u32::MAX, ..invitation() };
    [("member", invitation()), ("follower", follower)]
        .map(|(name, invite)| signed(name, key().sign(invite), limits::INVITE_BYTES))
        .into()
}

pub(crate) fn redemptions() -> Vec<Case> {
    let redeemed = ticket().redeem(&comer(), 1_000_000).expect("our own ticket");
    let by_hand = {
        let invite = Cid::of(Codec::DagCbor, &invite());
        let proof = Proof { v: 1, invite, holder: holder().node_id(), node: comer().node_id() };
        let proof = holder().sign(proof).into_signed();
        comer().sign(Redemption { v: 1, node: comer().node_id(), incarnation: 1_000_000, proof })
    };
    assert_eq!(redeemed, by_hand);
    assert!(Admission::decode(&feed_id().group, &invite(), &redeemed.block().1).is_some());
    vec![signed("of-the-member", redeemed, limits::INVITE_BYTES)]
}

pub(crate) fn tickets() -> Vec<Case> {
    let bare = Ticket { name: String::new(), addresses: vec![], ..ticket() };
    [("with-addresses", ticket()), ("bare", bare)]
        .map(|(name, ticket)| {
            let address = ticket.to_string();
            assert_eq!(address.parse().as_ref(), Ok(&ticket), "{name}");
            Case { name, address, bytes: codec::encode(&ticket) }
        })
        .into()
}

pub(crate) fn forks() -> Vec<Case> {
    let fork = fork();
    let bytes = fork.block();
    assert_eq!(Fork::decode(&bytes).as_ref(), Some(&fork));
    assert_eq!(fork.proven(&feed_id().group), Some((feed_id(), 0)));
    vec![Case { name: "at-the-start", address: Cid::of(Codec::DagCbor, &bytes).to_string(), bytes }]
}

pub(crate) fn invite() -> ByteBuf {
    ByteBuf::from(key().sign(invitation()).block().1)
}

pub(crate) fn redemption() -> ByteBuf {
    ByteBuf::from(ticket().redeem(&comer(), 1_000_000).expect("our own ticket").block().1)
}

pub(crate) fn fork() -> Fork {
    let story = |text: &[u8]| {
        let entry = Entry {
            v: 1,
            group: feed_id().group,
            node: feed_id().node,
            incarnation: feed_id().incarnation,
            seq: 0,
            previous: None,
            at: AT,
            kind: "profile".to_owned(),
            body: Cid::of(Codec::DagCbor, text),
        };
        key().sign(entry).block().1
    };
    Fork::of(&story(b"a story"), &story(b"another"))
}

pub(crate) fn addresses() -> Vec<String> {
    let node = key().node_id();
    vec![format!("/dns/example.org/udp/4001/quic-v1/p2p/{node}"), format!("/ip6/::1/tcp/4001/p2p/{node}")]
}

fn invitation() -> Invite {
    Invite {
        v: 1,
        group: feed_id().group,
        issuer: key().node_id(),
        holder: holder().node_id(),
        role: Role::Member,
        uses: 1,
        expires: AT.plus_ms(604_800_000),
    }
}

fn ticket() -> Ticket {
    let secret = holder().secret().to_vec();
    Ticket { v: 1, invite: invite(), secret, name: "映像".to_owned(), addresses: addresses() }
}

fn holder() -> NodeKey {
    NodeKey::from_secret(&[0x10; 32])
}

fn comer() -> NodeKey {
    NodeKey::from_secret(&[8; 32])
}
