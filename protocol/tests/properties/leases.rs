//! A lease cannot be kept alive with old words nor for ever, and of two claims exactly one counts.

use horahora_protocol::{
    NodeId, Timestamp,
    claim::{JobNo, Lease, Said, Standing, claim_lot},
    limits,
    rank::Subject,
};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, prop_oneof},
    prop_assert, prop_assert_eq, proptest,
};

use crate::values::tries;

const SPENT_MS: u64 = limits::LEASE_MS * limits::LEASE_ESTIMATES;

fn claim() -> impl Strategy<Value = Said> {
    let standing = prop_oneof![Just(Standing::Asked), Just(Standing::Told), Just(Standing::Witnessed)];
    (0..4_u8, 1..4_u32, 0..6_u32, 0..2 * limits::LEASE_MS, standing).prop_map(
        |(node, epoch, beat, remaining_ms, standing)| {
            let claimant = NodeId::from_public_key([node; 32]);
            Said {
                job: JobNo(0),
                claimant,
                epoch,
                beat,
                remaining_ms,
                estimate_ms: 1_000,
                progress: 0,
                standing,
                released: false,
                lot: claim_lot(Subject::named("capture/niconico:sm9"), &claimant, epoch),
            }
        },
    )
}

proptest! {
    #![proptest_config(tries(512))]

    #[test]
    fn the_same_or_an_older_word_never_extends_a_lease(first in claim(), beat in 0..6_u32, later_ms in 0..100_000_u64) {
        let opened = Timestamp(1_000_000);
        let mut lease = Lease::open(opened, first.clone(), 1_000);
        let until = lease.until;
        prop_assert!(until <= opened.plus_ms(limits::LEASE_MS));
        let word = Said { beat: beat.min(first.beat), remaining_ms: limits::LEASE_MS, ..first };
        lease.hear(opened.plus_ms(later_ms), &word);
        prop_assert_eq!(lease.until, until);
    }

    #[test]
    fn no_word_extends_a_lease_past_its_end(first in claim(), pauses in vec(0..30_000_u64, 1..60)) {
        let opened = Timestamp(1_000_000);
        let (mut lease, mut now) = (Lease::open(opened, first.clone(), 1_000), opened);
        for (pause_ms, beat) in pauses.into_iter().zip(first.beat + 1..) {
            let before = lease.until;
            now = now.plus_ms(pause_ms);
            lease.hear(now, &Said { beat, remaining_ms: u64::MAX, estimate_ms: u64::MAX, ..first.clone() });
            prop_assert!(lease.until >= before && lease.until <= opened.plus_ms(SPENT_MS));
        }
        prop_assert!(!lease.holds(opened.plus_ms(SPENT_MS)) && lease.is_spent(opened.plus_ms(SPENT_MS)));
    }

    #[test]
    fn standing_is_never_lost(first in claim(), words in vec(claim(), 0..8)) {
        let mut lease = Lease::open(Timestamp(0), first.clone(), 1_000);
        for word in words.into_iter().filter(|word| word.continues(&first)) {
            let before = lease.said.standing;
            lease.hear(Timestamp(1), &word);
            prop_assert!(lease.said.standing >= before.max(word.standing));
        }
    }

    #[test]
    fn of_two_claims_exactly_one_counts(a in claim(), b in claim(), c in claim()) {
        prop_assert!(!a.beats(&a));
        prop_assert!(!(a.beats(&b) && b.beats(&a)));
        if !a.continues(&b) {
            prop_assert!(a.beats(&b) || b.beats(&a), "neither counts: {:?} {:?}", a, b);
        }
        if a.beats(&b) && b.beats(&c) {
            prop_assert!(a.beats(&c));
        }
        // A better claim needs more than a higher epoch.
        if a.standing == Standing::Told && b.standing == Standing::Witnessed {
            prop_assert!(b.beats(&a));
        }
    }
}
