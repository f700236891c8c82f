//! The laws of the fold: what a group is follows from what counts, in whatever order it came.

use std::collections::{BTreeMap, BTreeSet};

use horahora_protocol::{
    NodeId,
    feed::FeedId,
    group::{Fact, Facts, Forks, Group, Place, Role, fold::Gone},
};
use proptest::{collection::vec, prelude::any, prop_assert, prop_assert_eq, proptest, sample::Index};

use crate::{
    values,
    worlds::{self, Last, NODES, Step, World, allows, folded, id, seen, within},
};

proptest! {
    #![proptest_config(values::tries(300))]

    #[test]
    fn what_is_beyond_the_limits_can_as_well_be_missing(story in worlds::story(), forks in worlds::forks()) {
        let facts = World::told(&story, worlds::unsigned).facts;
        let group = folded(&facts, &forks);
        let kept = folded(&within(&group, &facts), &forks);
        prop_assert_eq!(seen(&kept), seen(&group));
    }

    #[test]
    fn what_comes_beyond_the_limits_changes_nothing(
        story in worlds::story(),
        forks in worlds::forks(),
        lies in vec((worlds::step(), 0..NODES, 1..4_u64, 0..12_u64), 0..20),
    ) {
        let facts = World::told(&story, worlds::unsigned).facts;
        let group = folded(&facts, &forks);
        let mut more = within(&group, &facts);
        for (step, node, incarnation, seq) in lies {
            let place = Place { node: id(node), incarnation, seq };
            let said = World::told(&[step], worlds::unsigned).facts;
            if let Some((_, fact)) = said.into_iter().next() && !allows(&group, &place) {
                more.insert(place, fact);
            }
        }
        prop_assert_eq!(seen(&folded(&more, &forks)), seen(&group));
    }

    #[test]
    fn the_founder_is_an_admin_until_it_leaves(story in worlds::story(), forks in worlds::forks()) {
        let facts = World::told(&story, worlds::unsigned).facts;
        let group = folded(&facts, &forks);
        let left = facts.iter().any(|(place, fact)| place.node == id(0) && *fact == Fact::Leave);
        match group.gone.get(&id(0)) {
            None => prop_assert_eq!(group.role(&id(0)), Some(Role::Admin)),
            Some(gone) => prop_assert!(left && *gone == Gone::Left, "{gone:?}"),
        }
    }

    #[test]
    fn nobody_comes_in_but_through_those_who_are_in(story in worlds::story(), forks in worlds::forks()) {
        let facts = World::told(&story, worlds::unsigned).facts;
        let group = folded(&facts, &forks);
        let counted = within(&group, &facts);
        let mut reached = BTreeSet::from([id(0)]);
        loop {
            let come = |(place, fact): (&Place, &Fact)| match fact {
                Fact::Admit { issuer, node, .. } => {
                    (reached.contains(&place.node) && reached.contains(issuer)).then_some(*node)
                }
                Fact::Rule { node, role: Some(_), .. } => reached.contains(&place.node).then_some(*node),
                _ => None,
            };
            let come: Vec<_> = counted.iter().filter_map(come).filter(|node| !reached.contains(node)).collect();
            if come.is_empty() {
                break;
            }
            reached.extend(come);
        }
        for (node, member) in &group.members {
            prop_assert!(reached.contains(node), "{node} is in");
            let via = &member.via;
            prop_assert!(group.members.contains_key(via) || group.gone.contains_key(via), "{node} via {via}");
        }
    }

    #[test]
    fn who_brought_whom_leads_to_the_founder(story in worlds::story(), forks in worlds::forks()) {
        let group = World::told(&story, worlds::unsigned).group(&forks);
        for node in group.members.keys() {
            let mut at = *node;
            for _ in 0..=NODES {
                at = group.members.get(&at).map_or(id(0), |member| member.via);
            }
            prop_assert_eq!(at, id(0), "from {}", node);
        }
    }

    #[test]
    fn after_a_fork_nothing_more_counts(
        story in worlds::story(),
        forks in worlds::forks(),
        (liar, life, seq) in (0..NODES, 1..4_u64, 0..6_u64),
    ) {
        let facts = World::told(&story, worlds::unsigned).facts;
        let mut forks = forks;
        forks.insert(id(liar), (life, seq));
        let told: Facts = facts
            .iter()
            .filter(|(place, fact)| {
                let after = (place.incarnation, place.seq) >= (life, seq);
                let leaves = **fact == Fact::Leave && place.incarnation > life;
                place.node != id(liar) || !after || leaves
            })
            .map(|(place, fact)| (*place, fact.clone()))
            .collect();
        prop_assert_eq!(seen(&folded(&told, &forks)), seen(&folded(&facts, &forks)));
    }

    #[test]
    fn who_is_removed_takes_nobody_along(
        story in worlds::story(),
        forks in worlds::forks(),
        removed in 1..NODES,
        cut in 0..8_u64,
    ) {
        let mut forks = forks;
        forks.remove(&id(0));
        let story: Vec<_> = story.into_iter().filter(|step| !matches!(step, Step::Leave { by: 0 })).collect();
        let mut world = World::told(&story, worlds::unsigned);
        let last = world.heads_of(removed).into_iter().map(|(life, seq)| (life, seq.min(cut))).collect();
        let late = |place: &Place| place.node == id(removed) && place.seq > cut;
        let early = world.facts.iter().filter(|(place, _)| !late(place));
        let early: Facts = early.map(|(place, fact)| (*place, fact.clone())).collect();
        let place = world.say(0, Fact::Rule { node: id(removed), role: None, last });
        let mut less = early.clone();
        less.insert(place, world.facts[&place].clone());

        let group = world.group(&forks);
        prop_assert!(!group.members.contains_key(&id(removed)));
        prop_assert_eq!(seen(&folded(&less, &forks)), seen(&group), "what came after it counts");
        let before = folded(&early, &forks);
        let others = |group: &Group| -> BTreeMap<NodeId, Option<Role>> {
            let nodes = (0..NODES).filter(|node| *node != removed).map(id);
            nodes.map(|node| (node, group.role(&node))).collect()
        };
        prop_assert_eq!(others(&group), others(&before), "what came before it does not count");
        prop_assert_eq!((group.policy, &group.key), (before.policy, &before.key));
    }
}

proptest! {
    #![proptest_config(values::tries(120))]

    #[test]
    fn a_word_counts_when_it_may(story in worlds::story(), forks in worlds::forks()) {
        let world = World::told(&story, worlds::unsigned);
        let before = world.group(&forks);
        for (admin, node) in (0..NODES).flat_map(|admin| (0..=NODES).map(move |node| (admin, node))) {
            let mut world = world.clone();
            world.come_back(admin);
            world.tell(&Step::Rule { by: admin, node, role: None, last: Last::Heads });
            let after = world.group(&forks);
            if before.may_rule(&id(admin), &id(node)) {
                prop_assert!(!after.members.contains_key(&id(node)), "{admin} removes {node}");
            }
        }
    }

    #[test]
    fn who_may_invite_lets_in(story in worlds::story(), forks in worlds::forks()) {
        let world = World::told(&story, worlds::unsigned);
        let before = world.group(&forks);
        for member in (0..NODES).filter(|member| before.may_invite(&id(*member))) {
            let mut world = world.clone();
            world.come_back(member);
            let (invite, redemption) = (values::linked("a new one"), values::linked("its use"));
            let (issuer, role, node) = (id(member), Role::Member, id(NODES));
            world.say(member, Fact::Admit { invite, issuer, role, uses: 1, node, incarnation: 1, redemption });
            let after = world.group(&forks);
            let known = before.members.contains_key(&node) || before.gone.contains_key(&node);
            prop_assert!(known || after.role(&node) == Some(role), "{member}");
        }
    }

    #[test]
    fn who_may_not_is_not_heard(story in worlds::story(), forks in worlds::forks()) {
        let honest = |step: Step| match step {
            Step::Rule { by, node, role, .. } => Step::Rule { by, node, role, last: Last::Heads },
            Step::Policy { by, number, members_invite, .. } => {
                Step::Policy { by, number, members_invite, last: Last::Heads }
            }
            other => other,
        };
        let story: Vec<_> = story.into_iter().map(honest).collect();
        let world = World::told(&story, worlds::unsigned);
        let told = |(node, (life, seq)): &(NodeId, (u64, u64))| world.heads.get(&(*node, *life)) >= Some(seq);
        let forks: Forks = forks.into_iter().filter(told).collect();
        let before = world.group(&forks);
        for (by, node) in (0..NODES).flat_map(|by| (0..=NODES).map(move |node| (by, node))) {
            // Who left and speaks again is a test of its own.
            if before.gone.get(&id(by)) == Some(&Gone::Left) {
                continue;
            }
            let mut world = world.clone();
            world.come_back(by);
            if !before.may_rule(&id(by), &id(node)) {
                world.tell(&Step::Rule { by, node, role: None, last: Last::Heads });
            } else if !before.may_invite(&id(by)) {
                let (invite, redemption) = (values::linked("a new one"), values::linked("its use"));
                let (issuer, role, node) = (id(0), Role::Member, id(NODES));
                world.say(by, Fact::Admit { invite, issuer, role, uses: 1, node, incarnation: 1, redemption });
            }
            prop_assert_eq!(&world.group(&forks).members, &before.members, "{} about {}", by, node);
        }
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(
        story in worlds::story(),
        forks in worlds::forks(),
        one in vec(any::<Index>(), 0..60),
        other in vec(any::<Index>(), 0..60),
    ) {
        let facts = World::told(&story, worlds::unsigned).facts;
        let (one, other) = (arrive(&facts, &forks, &one), arrive(&facts, &forks, &other));
        prop_assert_eq!(seen(&one), seen(&other));
        prop_assert_eq!(seen(&one), seen(&folded(&facts, &forks)));
    }
}

/// A node that hears the feeds in this order. It takes what counts for what it knows then, and drops what does
/// not count any more; what it did not take it is told again.
struct Replica<'a> {
    feeds: BTreeMap<FeedId, Vec<(&'a Place, &'a Fact)>>,
    known: Facts,
    forks: Forks,
    group: Group,
}

impl Replica<'_> {
    /// Hears the next fact of a feed. Says whether it counts.
    fn hear(&mut self, feed: &FeedId) -> bool {
        let next = self.feeds[feed].iter().find(|(place, _)| !self.known.contains_key(place));
        let Some((place, fact)) = next.filter(|(place, _)| allows(&self.group, place)) else { return false };
        self.known.insert(**place, (*fact).clone());
        self.settle();
        true
    }

    fn settle(&mut self) {
        loop {
            self.group = folded(&self.known, &self.forks);
            let kept = within(&self.group, &self.known);
            if kept.len() == self.known.len() {
                return;
            }
            self.known = kept;
        }
    }
}

fn arrive(facts: &Facts, forks: &Forks, order: &[Index]) -> Group {
    let mut feeds: BTreeMap<FeedId, Vec<_>> = BTreeMap::new();
    for (place, fact) in facts {
        feeds.entry(worlds::feed(place.node, place.incarnation)).or_default().push((place, fact));
    }
    let (known, none) = (Facts::new(), Forks::new());
    let group = folded(&known, &none);
    let mut replica = Replica { feeds, known, forks: none, group };
    let ids: Vec<FeedId> = replica.feeds.keys().copied().collect();
    for at in order {
        let at = at.index(ids.len() + forks.len().max(1));
        match ids.get(at) {
            Some(feed) => _ = replica.hear(feed),
            None => {
                replica.forks.extend(forks.iter().nth(at - ids.len()));
                replica.settle();
            }
        }
    }
    replica.forks.clone_from(forks);
    replica.settle();
    for _ in 0..200 {
        if ids.iter().filter(|feed| replica.hear(feed)).count() == 0 {
            return replica.group;
        }
    }
    panic!("a node takes and drops the same facts without end");
}
