//! Tickets: who has one comes in by it, for itself, into that group, as what it says; and nobody else.

use std::sync::OnceLock;

use horahora_protocol::{
    Cid, Codec, NodeKey, Timestamp, Verified,
    group::{
        Change, Fact, Invite, Redemption, Role, Ticket, TicketError,
        invite::{Admission, Proof},
    },
    limits,
};
use proptest::{collection::vec, prelude::any, prop_assert, prop_assert_eq, proptest, sample::Index};
use serde_bytes::ByteBuf;

use crate::{
    values,
    worlds::{self, group_id},
};

proptest! {
    #![proptest_config(values::tries(20))]

    #[test]
    fn a_ticket_goes_through_text(
        name in "\\PC{0,40}",
        addresses in vec("[ -~]{0,80}", 0..=12),
        (uses, expires) in (1..=u32::MAX, values::time()),
        spaces in vec((any::<Index>(), "[ \t\r\n\u{a0}\u{3000}]{1,3}"), 0..6),
    ) {
        let invite = Invite { uses, expires, ..invitation() };
        let ticket = Ticket { name, addresses, ..ticket(invite) };
        let text = ticket.to_string();
        prop_assert!(text.starts_with("hh1") && text.chars().all(|letter| letter.is_ascii_alphanumeric()));
        prop_assert_eq!(text.parse::<Ticket>(), Ok(ticket.clone()));
        let mut wrapped = text;
        for (at, space) in spaces {
            let at = at.index(wrapped.chars().count() + 1);
            let at = wrapped.char_indices().nth(at).map_or(wrapped.len(), |(at, _)| at);
            wrapped.insert_str(at, &space);
        }
        prop_assert_eq!(wrapped.parse::<Ticket>(), Ok(ticket));
    }

    #[test]
    fn any_text_is_no_ticket(text in any::<String>(), more in "[1-9A-HJ-NP-Za-km-z]{0,200}") {
        prop_assert!(text.parse::<Ticket>().is_err());
        prop_assert_eq!(format!("hh1{more}").parse::<Ticket>(), Err(TicketError::Damaged));
    }

    #[test]
    fn a_cut_or_longer_ticket_is_refused(at in any::<Index>(), letter in "[1-9A-HJ-NP-Za-km-z]") {
        let text = sample();
        let at = at.index(text.len());
        prop_assert!(text[..at].parse::<Ticket>().is_err(), "the first {at} letters");
        prop_assert!(text[at + 1..].parse::<Ticket>().is_err(), "without the first {}", at + 1);
        for changed in [[&text[..at], &text[at + 1..]].concat(), [&text[..at], &letter, &text[at..]].concat()] {
            prop_assert!(changed.parse::<Ticket>().is_err(), "{changed}");
        }
    }

    #[test]
    fn what_a_ticket_redeems_fits(secret in any::<[u8; 32]>(), incarnation in values::number()) {
        let (key, ticket) = (NodeKey::from_secret(&secret), ticket(invitation()));
        let redemption = ticket.redeem(&key, incarnation).unwrap();
        let read = Admission::decode(&group_id(), &ticket.invite, &redemption.block().1);
        let read = read.expect("it fits");
        prop_assert_eq!(&read.redemption, &redemption);
        prop_assert_eq!(read.invite, ticket.invite().unwrap());
        prop_assert_eq!((redemption.node, redemption.incarnation), (key.node_id(), incarnation));
        let change = Change::Admit { invite: ticket.invite, redemption: ByteBuf::from(redemption.block().1) };
        let fact = Fact::Admit {
            invite: read_id(&change),
            issuer: invitation().issuer,
            role: invitation().role,
            uses: invitation().uses,
            node: key.node_id(),
            incarnation,
            redemption: redemption.block().0,
        };
        prop_assert_eq!(Fact::of(&group_id(), &change), Some(fact));
        prop_assert_eq!(Fact::of(&values::linked("another group"), &change), None);
    }

    #[test]
    fn a_changed_byte_of_an_admission_is_refused(byte in any::<Index>(), change in 1..=u8::MAX) {
        let (invite, redemption) = shown();
        let at = byte.index(invite.len() + redemption.len());
        let mut all = [invite.as_slice(), &redemption].concat();
        all[at] ^= change;
        let (invite, redemption) = all.split_at(invite.len());
        prop_assert!(Admission::decode(&group_id(), invite, redemption).is_none(), "byte {at}");
    }
}

#[test]
fn every_changed_letter_is_noticed() {
    let text = sample();
    let letters = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0OIl-/ ";
    for (at, letter) in text.bytes().enumerate() {
        // Another letter of base58 in turn, the other case, and one that is in no ticket.
        let next = letters[(at * 7 + usize::from(letter)) % 58];
        let case = letter ^ 0x20;
        for other in [next, case, letters[58 + at % 7]] {
            if other != letter {
                let mut changed = text.to_owned().into_bytes();
                changed[at] = other;
                let changed = String::from_utf8(changed).unwrap();
                assert!(changed.parse::<Ticket>().is_err(), "{} in place of {} at {at}", other, letter);
            }
        }
    }
}

#[test]
fn what_does_not_begin_like_a_ticket_is_told_apart() {
    for text in ["", "hh", "hh2abc", "HH1abc", "https://example.org/", " h h 2"] {
        assert_eq!(text.parse::<Ticket>(), Err(TicketError::NotATicket), "{text:?}");
    }
    for text in ["hh1", "hh11111", "hh1 0", &format!("hh1{}", "z".repeat(1 << 20))] {
        assert_eq!(text.parse::<Ticket>(), Err(TicketError::Damaged), "{:?}", text.get(..9));
    }
}

#[test]
fn a_ticket_is_as_large_as_allowed() {
    let of = |name: usize, addresses: &[usize]| {
        let (name, addresses) =
            ("n".repeat(name), addresses.iter().map(|bytes| "a".repeat(*bytes)).collect());
        Ticket { name, addresses, ..ticket(invitation()) }.to_string().parse::<Ticket>()
    };
    assert!(of(limits::NAME_BYTES, &[limits::ADDRESS_BYTES; 7]).is_ok());
    assert!(of(0, &[100; limits::ADDRESSES]).is_ok());
    assert!(of(limits::NAME_BYTES + 1, &[]).is_err());
    assert!(of(0, &[limits::ADDRESS_BYTES + 1]).is_err());
    assert!(of(0, &[0; limits::ADDRESSES + 1]).is_err());
    // Not all that the bounds allow fits: who makes a ticket names fewer addresses then.
    assert!(of(0, &[limits::ADDRESS_BYTES; limits::ADDRESSES]).is_err());
}

#[test]
fn tickets_that_lie_are_refused() {
    let good = ticket(invitation());
    let other = ticket(Invite { uses: 9, ..invitation() });
    let lies = [
        ("another version", Ticket { v: 2, ..good.clone() }),
        ("another's secret", Ticket { secret: vec![1; 32], ..good.clone() }),
        ("half a secret", Ticket { secret: good.secret[..16].to_vec(), ..good.clone() }),
        ("no invitation", Ticket { invite: ByteBuf::new(), ..good.clone() }),
        ("another's invitation", Ticket { invite: forged(), ..good.clone() }),
        ("an invitation of a later version", ticket(Invite { v: 2, ..invitation() })),
    ];
    for (what, lie) in lies {
        assert_eq!(lie.to_string().parse::<Ticket>(), Err(TicketError::Damaged), "{what}");
        if lie.v == 1 {
            assert!(lie.redeem(&comer(), 1).is_err(), "{what}");
        }
    }
    assert!(other.to_string().parse::<Ticket>().is_ok());
}

#[test]
fn who_has_no_ticket_does_not_come_in() {
    let good = ticket(invitation());
    let other = ticket(Invite { uses: 9, ..invitation() });
    let admin = ticket(Invite { role: Role::Admin, ..invitation() });
    let nobody = ticket(Invite { uses: 0, ..invitation() });
    let elsewhere = ticket(Invite { group: values::linked("another group"), ..invitation() });
    let later = ticket(Invite { v: 2, ..invitation() });
    let of = |ticket: &Ticket| ticket.redeem(&comer(), 1).unwrap();
    let stolen = |v, proof| thief().sign(Redemption { v, node: thief().node_id(), incarnation: 1, proof });
    let proof = |by: &NodeKey, v, invite, holder: &NodeKey, node| {
        by.sign(Proof { v, invite, holder: holder.node_id(), node }).into_signed()
    };
    let (id, node) = (Cid::of(Codec::DagCbor, &good.invite), thief().node_id());
    let by_hand = proof(&holder(), 1, id, &holder(), node);
    decodes("made by hand", &good, &stolen(1, by_hand.clone()), true);
    decodes("a proof made for another node", &good, &stolen(1, of(&good).proof.clone()), false);
    decodes("a later version", &good, &stolen(2, by_hand), false);
    decodes("a proof of a later version", &good, &stolen(1, proof(&holder(), 2, id, &holder(), node)), false);
    let own = proof(&thief(), 1, id, &thief(), node);
    decodes("a proof with one's own key", &good, &stolen(1, own), false);
    let wrong = proof(&holder(), 1, Cid::of(Codec::DagCbor, &other.invite), &holder(), node);
    decodes("a proof of another ticket", &good, &stolen(1, wrong), false);
    decodes("another ticket's redemption", &good, &of(&other), false);
    decodes("a ticket that makes an admin", &admin, &of(&admin), false);
    decodes("a ticket for nobody", &nobody, &of(&nobody), false);
    decodes("a ticket of another group", &elsewhere, &of(&elsewhere), false);
    assert!(later.redeem(&comer(), 1).is_err());
    let forged = Ticket { invite: forged(), ..good };
    assert!(Admission::decode(&group_id(), &forged.invite, &shown().1).is_none(), "another's invitation");
}

#[test]
fn signatures_of_an_admission_fit_one_thing() {
    // The invitation in place of the redemption, and the other way round.
    let (invite, redemption) = shown();
    assert!(Admission::decode(&group_id(), &invite, &redemption).is_some());
    assert!(Admission::decode(&group_id(), &redemption, &invite).is_none());
    assert!(Admission::decode(&group_id(), &invite, &invite).is_none());
    assert!(Admission::decode(&group_id(), &invite, &[]).is_none());
    assert!(Admission::decode(&group_id(), &vec![0; limits::INVITE_BYTES + 1], &redemption).is_none());
}

fn decodes(what: &str, ticket: &Ticket, redemption: &Verified<Redemption>, fits: bool) {
    let read = Admission::decode(&group_id(), &ticket.invite, &redemption.block().1);
    assert_eq!(read.is_some(), fits, "{what}");
}

fn invitation() -> Invite {
    Invite {
        v: 1,
        group: group_id(),
        issuer: issuer().node_id(),
        holder: holder().node_id(),
        role: Role::Member,
        uses: 2,
        expires: Timestamp(1_767_225_600_123),
    }
}

fn ticket(invite: Invite) -> Ticket {
    let invite = ByteBuf::from(issuer().sign(invite).block().1);
    let secret = holder().secret().to_vec();
    Ticket { v: 1, invite, secret, name: "Horahora".to_owned(), addresses: vec!["/ip4/192.0.2.1".to_owned()] }
}

/// An invitation that names an issuer who did not sign it.
fn forged() -> ByteBuf {
    let good = ticket(invitation()).invite;
    let by_another = Invite { issuer: thief().node_id(), ..invitation() };
    let other = thief().sign(by_another).block().1;
    let end = good.len() - 64;
    ByteBuf::from([&good[..end], &other[other.len() - 64..]].concat())
}

/// The blocks that a node shows to come in.
fn shown() -> (Vec<u8>, Vec<u8>) {
    static SHOWN: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    let make = || {
        let ticket = ticket(invitation());
        let redemption = ticket.redeem(&comer(), 1).expect("our own ticket");
        (ticket.invite.to_vec(), redemption.block().1)
    };
    SHOWN.get_or_init(make).clone()
}

fn sample() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| ticket(invitation()).to_string())
}

fn read_id(change: &Change) -> Cid {
    match change {
        Change::Admit { invite, .. } => Cid::of(Codec::DagCbor, invite),
        other => panic!("{other:?}"),
    }
}

fn issuer() -> NodeKey {
    worlds::key(0)
}

fn comer() -> NodeKey {
    worlds::key(1)
}

fn thief() -> NodeKey {
    worlds::key(2)
}

fn holder() -> NodeKey {
    NodeKey::from_secret(&[0x77; 32])
}
