//! A lease cannot be kept alive with old words nor for ever, and of two claims exactly one counts.

use horahora_protocol::{
    NodeId, Timestamp,
    claim::{Claims, Input, JobNo, Kind, Lease, Place, Rules, Said, Standing, Task, claim_lot},
    limits,
    rank::{self, Subject},
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

#[test]
fn claimants_who_never_deliver_cannot_hold_a_job_in_turns() {
    let node = |number: u8| NodeId::from_public_key(*blake3::hash(&[number]).as_bytes());
    let (me, liars) = (node(0), [node(1), node(2)]);
    let (job, subject) = (JobNo(0), Subject::named("capture/niconico:sm9"));
    let mut now = Timestamp(1_000_000);
    let mut machine = Claims::new(me, Rules::default(), 0, now, Some(Vec::new()));
    let members = [me, liars[0], liars[1]].map(|node| (node, rank::ORDINARY));
    machine.handle(now, Input::Members(members.into()));
    let task = Task { job, subject, kind: Kind::Capture, request: 0, estimate_ms: 60_000 };
    machine.handle(now, Input::Task(task));
    // This node takes nothing itself, so only the lease counts.
    let mut held = [0; 2];
    for beat in 0..200 {
        now = now.plus_ms(limits::BEAT_MS);
        for (claimant, epoch) in liars.into_iter().zip([1, 2]) {
            let lot = claim_lot(subject, &claimant, epoch);
            let (remaining_ms, standing) = (limits::LEASE_MS, Standing::Witnessed);
            let estimate_ms = 60_000;
            let said = Said {
                job,
                claimant,
                epoch,
                beat,
                remaining_ms,
                estimate_ms,
                progress: 0,
                standing,
                released: false,
                lot,
            };
            machine.handle(now, Input::Heard(said));
        }
        if let Some((Place::Leased, Some(said))) = machine.job(job) {
            held[said.epoch as usize - 1] = beat;
        }
    }
    let most = 2 * limits::LEASE_ESTIMATES * 60_000 / limits::BEAT_MS + 10;
    assert!(held.iter().all(|beat| u64::from(*beat) <= most), "{held:?} of 200 beats, {most} allowed");
}
