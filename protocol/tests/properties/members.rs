//! Who is in a group and why: invitations, admins above admins, policies, keys; each law with its own stories.

use std::collections::BTreeMap;

use horahora_protocol::{
    Cid, Codec, NodeId,
    approval::{Approve, Rules},
    group::{Fact, Forks, Group, GroupKey, Role, fold::Gone},
};
use proptest::{
    collection::vec,
    prelude::{Strategy, any},
    prop_assert, prop_assert_eq, proptest,
};

use crate::{
    values,
    worlds::{self, Last, NODES, Step, World, folded, id, seen, within},
};

const ADMIN: Option<Role> = Some(Role::Admin);
const MEMBER: Option<Role> = Some(Role::Member);
const FOLLOWER: Option<Role> = Some(Role::Follower);

proptest! {
    #![proptest_config(values::tries(8))]

    #[test]
    fn signed_admissions_follow_the_same_laws(story in worlds::story(), forks in worlds::forks()) {
        let story: Vec<_> = story.into_iter().take(12).collect();
        let facts = World::told(&story, worlds::signed).facts;
        let group = folded(&facts, &forks);
        let members: Vec<_> = group.members.keys().copied().collect();
        let kept = within(&group, &facts);
        let again = folded(&kept, &forks);
        prop_assert_eq!(members, again.members.keys().copied().collect::<Vec<_>>());
        prop_assert_eq!(facts.len(), World::told(&story, worlds::unsigned).facts.len());
    }
}

proptest! {
    #![proptest_config(values::tries(200))]

    #[test]
    fn an_invitation_lets_in_as_many_as_it_says(
        uses in 0..5_u32,
        shown in vec((0..4_usize, 0..7_u8, 1..3_u64, any::<[u8; 4]>()), 0..16),
    ) {
        let mut world = with_members(3);
        let mut first: BTreeMap<Cid, NodeId> = BTreeMap::new();
        for (by, comer, incarnation, hash) in shown {
            let (node, redemption) = (comer_id(comer), Cid::of(Codec::DagCbor, &hash));
            let invite = values::linked("one invitation");
            let fact = Fact::Admit { invite, issuer: id(0), role: Role::Member, uses, node, incarnation, redemption };
            world.say(by, fact);
            first.insert(redemption, node);
        }
        let group = world.group(&Forks::new());
        let mut expected: Vec<NodeId> = Vec::new();
        for node in first.into_values() {
            if expected.len() < uses as usize && !expected.contains(&node) {
                expected.push(node);
            }
        }
        expected.sort_unstable();
        let came: Vec<_> = group.members.keys().copied().filter(|node| !(0..4).any(|n| id(n) == *node)).collect();
        prop_assert_eq!(came, expected, "the lowest redemptions win");
    }

    #[test]
    fn an_invitation_is_used_up_whoever_sponsors(
        uses in 0..4_u32,
        shown in vec((0..NODES, 1..NODES, any::<[u8; 4]>()), 0..20),
    ) {
        let mut world = World::new(worlds::unsigned);
        for (by, comer, hash) in shown {
            let (node, redemption) = (id(comer), Cid::of(Codec::DagCbor, &hash));
            let invite = values::linked("one invitation");
            let (issuer, role) = (id(0), Role::Member);
            world.say(by, Fact::Admit { invite, issuer, role, uses, node, incarnation: 1, redemption });
        }
        prop_assert!(world.group(&Forks::new()).members.len() <= 1 + uses as usize);
    }

    #[test]
    fn of_two_admins_that_remove_each_other_the_nearer_one_stays(
        parents in vec(any::<proptest::sample::Index>(), NODES - 1),
        (one, other) in (1..NODES, 1..NODES),
    ) {
        let mut world = World::new(worlds::unsigned);
        let mut depths = vec![0];
        for (node, parent) in (1..).zip(&parents) {
            let parent = parent.index(node);
            depths.push(depths[parent] + 1);
            world.tell(&rule(parent, node, ADMIN));
        }
        if one == other {
            return Ok(());
        }
        let before = world.group(&Forks::new());
        prop_assert!((0..NODES).all(|node| before.role(&id(node)) == ADMIN));
        let (near, far) = if (depths[one], id(one)) < (depths[other], id(other)) { (one, other) } else { (other, one) };
        world.tell(&rule(far, near, None));
        world.tell(&rule(near, far, None));
        let after = world.group(&Forks::new());
        prop_assert_eq!(after.role(&id(near)), ADMIN);
        prop_assert_eq!(after.members.contains_key(&id(far)), !before.may_rule(&id(near), &id(far)));
        prop_assert!(!before.may_rule(&id(far), &id(near)));
        // Who made it an admin may take that back, and whoever is nearer than that one.
        let maker = parents[far - 1].index(far);
        let heard_first = (depths[near], id(near)) <= (depths[maker], id(maker));
        prop_assert_eq!(before.may_rule(&id(near), &id(far)), heard_first);
    }

    #[test]
    fn a_policy_keeps_who_was_in_and_refuses_who_comes_after(
        admissions in vec((0..6_usize, 0..12_u8), 0..12),
        cut in any::<proptest::sample::Index>(),
        again in any::<bool>(),
    ) {
        // 0 is the founder, 1 to 3 are members, 4 is an admin, 5 a follower.
        let mut world = with_members(3);
        world.tell(&rule(0, 4, ADMIN));
        world.tell(&rule(0, 5, FOLLOWER));
        let cut = cut.index(admissions.len() + 1);
        let (mut last, mut before, mut after) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (at, (by, comer)) in admissions.iter().enumerate() {
            let place = world.say(*by, once(*by, *comer));
            if at < cut {
                last.insert((place.node, place.incarnation), place.seq);
                before.push((*by, *comer));
            } else {
                after.push((*by, *comer));
            }
        }
        let open = world.group(&Forks::new());
        let came = |group: &Group| (0..12).filter(|comer| group.members.contains_key(&comer_id(*comer))).collect::<Vec<_>>();
        let may = |by: usize, policy: bool| by == 0 || by == 4 || (policy && by < 4);
        let expected = |early: bool, late: bool| {
            let early = before.iter().filter(move |(by, _)| may(*by, early));
            let late = after.iter().filter(move |(by, _)| may(*by, late));
            let mut comers: Vec<_> = early.chain(late).map(|(_, comer)| *comer).collect();
            comers.sort_unstable();
            comers.dedup();
            comers
        };
        prop_assert_eq!(came(&open), expected(true, true));
        world.say(0, Fact::Policy { number: 2, members_invite: false, last });
        // Neither an older policy nor one of a member changes that.
        world.say(4, Fact::Policy { number: 1, members_invite: true, last: BTreeMap::new() });
        world.say(1, Fact::Policy { number: 9, members_invite: true, last: BTreeMap::new() });
        let closed = world.group(&Forks::new());
        prop_assert_eq!(came(&closed), expected(true, false));
        prop_assert_eq!((closed.policy, closed.members_invite), (2, false));
        for (node, invites) in [(0, true), (1, false), (4, true), (5, false)] {
            prop_assert_eq!(closed.may_invite(&id(node)), invites);
        }
        if again {
            world.say(4, Fact::Policy { number: 3, members_invite: true, last: BTreeMap::new() });
            prop_assert_eq!(came(&world.group(&Forks::new())), expected(true, true));
        }
    }

    #[test]
    fn the_newest_key_of_an_admin_counts(keys in vec((0..NODES, 1..5_u32, any::<u8>()), 0..8)) {
        let mut world = with_members(2);
        world.tell(&rule(0, 3, ADMIN));
        let key = |number, byte| GroupKey { number, secret: vec![byte; 32] };
        for (by, number, byte) in &keys {
            world.say(*by, Fact::Key(key(*number, *byte)));
        }
        let admins = keys.iter().filter(|(by, ..)| [0, 3].contains(by));
        let newest = admins.map(|(_, number, byte)| key(*number, *byte)).max();
        prop_assert_eq!(world.group(&Forks::new()).key, newest);
    }

    #[test]
    fn who_is_no_admin_any_more_keeps_what_it_ruled_and_no_more(
        before in facts_about(),
        between in facts_about(),
        then in proptest::option::of(role()),
    ) {
        // The founder makes 1 an admin, demotes it, and later may say once more what it is.
        let mut world = with_members(3);
        world.tell(&rule(0, 1, ADMIN));
        for (node, role) in before {
            world.tell(&rule(1, node, role));
        }
        world.tell(&rule(0, 1, MEMBER));
        let expected = world.group(&Forks::new());
        for (node, role) in between {
            world.tell(&rule(1, node, role));
        }
        if let Some(role) = then {
            world.tell(&rule(0, 1, role));
        }
        let group = world.group(&Forks::new());
        for node in 2..NODES {
            prop_assert_eq!(group.role(&id(node)), expected.role(&id(node)), "{}", node);
        }
    }
}

#[test]
fn of_equal_policies_the_nearest_admins_counts() {
    let mut world = with_members(0);
    world.tell(&rule(0, 1, ADMIN));
    world.tell(&rule(1, 2, ADMIN));
    for (by, members_invite) in [(2, true), (1, false)] {
        world.say(by, Fact::Policy { number: 1, members_invite, last: BTreeMap::new() });
    }
    assert!(!world.group(&Forks::new()).members_invite);
    world.say(0, Fact::Policy { number: 1, members_invite: true, last: BTreeMap::new() });
    assert!(world.group(&Forks::new()).members_invite);
}

#[test]
fn of_equal_rules_the_nearest_admins_count_and_a_members_never() {
    let mut world = with_members(0);
    world.tell(&rule(0, 1, ADMIN));
    world.tell(&rule(1, 2, ADMIN));
    let said = |number, approve| Fact::Rules { number, rules: Rules { approve, ..Rules::default() } };
    let count = |world: &World| {
        let group = world.group(&Forks::new());
        (group.rules_number, group.rules.approve)
    };
    assert_eq!(count(&world), (0, Approve::Never));
    world.say(3, said(9, Approve::Always));
    assert_eq!(count(&world), (0, Approve::Never), "a member's");
    world.say(2, said(1, Approve::Always));
    assert_eq!(count(&world), (1, Approve::Always));
    world.say(1, said(1, Approve::NewCreators));
    assert_eq!(count(&world), (1, Approve::NewCreators));
    world.say(2, said(2, Approve::Never));
    assert_eq!(count(&world), (2, Approve::Never));
}

#[test]
fn who_left_comes_back_by_a_ticket_into_a_new_life() {
    let mut world = World::new(worlds::unsigned);
    world.tell(&admit(0, 3, 1));
    world.tell(&Step::Leave { by: 1 });
    let gone = world.group(&Forks::new());
    assert_eq!((gone.role(&id(1)), gone.gone.get(&id(1))), (None, Some(&Gone::Left)));
    world.tell(&admit(0, 3, 1));
    assert_eq!(world.group(&Forks::new()).role(&id(1)), None, "the life that left is over");
    world.tell(&Step::Admit { by: 0, invite: 3, node: 1, again: true });
    assert_eq!(world.group(&Forks::new()).role(&id(1)), MEMBER);
    world.tell(&rule(0, 1, None));
    world.tell(&Step::Admit { by: 0, invite: 3, node: 1, again: true });
    assert_eq!(world.group(&Forks::new()).role(&id(1)), None, "no ticket lets in who was removed");
}

#[test]
fn who_left_is_not_heard_in_a_new_life() {
    let mut world = with_members(0);
    world.tell(&rule(0, 1, ADMIN));
    world.tell(&admit(0, 3, 2));
    world.tell(&Step::Leave { by: 1 });
    let left = world.group(&Forks::new());
    assert!(!left.may_rule(&id(1), &id(2)) && !left.may_invite(&id(1)));
    world.tell(&Step::Live { by: 1 });
    world.tell(&rule(1, 2, None));
    world.tell(&admit(1, 1, 3));
    assert_eq!(world.group(&Forks::new()).members, left.members);
}

#[test]
fn who_told_two_stories_did_not_leave_after_it() {
    let mut world = World::new(worlds::unsigned);
    world.tell(&admit(0, 3, 1));
    world.tell(&Step::Leave { by: 1 });
    let forks = Forks::from([(id(1), (1, 0))]);
    let group = world.group(&forks);
    let kept = folded(&within(&group, &world.facts), &forks);
    assert_eq!(seen(&kept), seen(&group));
}

#[test]
fn nobody_is_in_by_itself() {
    let mut world = World::new(worlds::unsigned);
    world.tell(&admit(0, 3, 1));
    world.tell(&Step::Admit { by: 1, invite: 3, node: 1, again: true });
    assert_eq!(world.group(&Forks::new()).members[&id(1)].via, id(0));
}

#[test]
fn who_came_by_a_ruling_and_is_removed_takes_nobody_along() {
    let mut world = with_members(1);
    world.tell(&admit(1, 3, 2));
    assert_eq!(world.group(&Forks::new()).role(&id(2)), MEMBER);
    world.tell(&rule(0, 1, None));
    let group = world.group(&Forks::new());
    assert_eq!(group.gone.get(&id(1)), Some(&Gone::Removed));
    assert_eq!(group.role(&id(2)), MEMBER);
}

#[test]
fn what_an_admin_ruled_stays_when_one_above_its_own_removes_it() {
    let mut world = with_members(0);
    world.tell(&rule(0, 1, ADMIN));
    world.tell(&rule(1, 2, ADMIN));
    world.tell(&admit(0, 3, 3));
    world.tell(&rule(2, 3, None));
    assert_eq!(world.group(&Forks::new()).role(&id(3)), None);
    world.tell(&rule(0, 2, None));
    assert_eq!(world.group(&Forks::new()).role(&id(3)), None, "the ruling came before the removal");
}

#[test]
fn removing_a_demoted_admin_does_not_revive_what_it_ruled_since() {
    let mut world = with_members(0);
    world.tell(&admit(0, 3, 2));
    world.tell(&rule(0, 1, ADMIN));
    world.tell(&rule(0, 1, MEMBER));
    world.tell(&rule(1, 2, None));
    assert_eq!(world.group(&Forks::new()).role(&id(2)), MEMBER);
    world.tell(&rule(0, 1, None));
    assert_eq!(world.group(&Forks::new()).role(&id(2)), MEMBER);
}

#[test]
fn removing_a_demoted_member_does_not_let_in_whom_it_sponsored_since() {
    let mut world = with_members(0);
    world.tell(&admit(0, 3, 1));
    world.tell(&rule(0, 1, FOLLOWER));
    world.tell(&admit(1, 3, 2));
    assert_eq!(world.group(&Forks::new()).role(&id(2)), None);
    world.tell(&rule(0, 1, None));
    assert_eq!(world.group(&Forks::new()).role(&id(2)), None);
}

#[test]
fn removing_a_follower_does_not_let_in_whom_it_sponsored() {
    let mut world = with_members(2);
    world.tell(&admit(0, 2, 3));
    world.tell(&admit(3, 0, 4));
    let group = world.group(&Forks::new());
    assert_eq!((group.role(&id(3)), group.role(&id(4))), (FOLLOWER, None));
    world.tell(&rule(0, 3, None));
    assert_eq!(world.group(&Forks::new()).role(&id(4)), None);
}

/// The founder and some members that it made.
fn with_members(count: usize) -> World {
    let mut world = World::new(worlds::unsigned);
    (1..=count).for_each(|node| world.tell(&rule(0, node, MEMBER)));
    world
}

fn rule(by: usize, node: usize, role: Option<Role>) -> Step {
    Step::Rule { by, node, role, last: Last::Heads }
}

fn admit(by: usize, invite: usize, node: usize) -> Step {
    Step::Admit { by, invite, node, again: false }
}

/// An admission by an invitation of its own.
fn once(by: usize, comer: u8) -> Fact {
    let (invite, redemption) = (values::linked(&format!("{by} {comer}")), values::linked("its use"));
    let (issuer, node) = (id(by), comer_id(comer));
    Fact::Admit { invite, issuer, role: Role::Member, uses: 1, node, incarnation: 1, redemption }
}

fn comer_id(comer: u8) -> NodeId {
    NodeId::from_public_key([0x80 + comer; 32])
}

fn role() -> impl Strategy<Value = Option<Role>> {
    proptest::sample::select(vec![None, FOLLOWER, MEMBER])
}

fn facts_about() -> impl Strategy<Value = Vec<(usize, Option<Role>)>> {
    vec((2..NODES, role()), 0..5)
}
