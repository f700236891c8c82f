//! Everyone computes the same order of nodes, for ever; and it is fair.

use std::collections::BTreeMap;

use horahora_protocol::{
    NodeId,
    rank::{ORDINARY, Subject, cost, first, lot, place},
};
use proptest::{collection::btree_set, prelude::any, prop_assert, prop_assert_eq, proptest};

use crate::values::tries;

fn node(number: u16) -> NodeId {
    NodeId::from_public_key(*blake3::hash(&number.to_le_bytes()).as_bytes())
}

proptest! {
    #![proptest_config(tries(128))]

    #[test]
    fn the_order_does_not_depend_on_who_is_named_first(
        numbers in btree_set(any::<u16>(), 1..40), name in ".{0,12}", count in 1..9_usize,
    ) {
        let nodes: Vec<_> = numbers.into_iter().map(node).collect();
        let subject = Subject::named(&name);
        let backwards = first(nodes.iter().rev(), subject, count);
        prop_assert_eq!(&first(&nodes, subject, count), &backwards);
        let mut all = nodes.clone();
        all.sort_by_key(|node| (lot(node, subject), *node));
        all.truncate(count);
        prop_assert_eq!(all, backwards);
    }

    #[test]
    fn a_node_that_goes_changes_the_place_of_nobody_else(
        numbers in btree_set(any::<u16>(), 2..40), name in ".{0,12}", weights in any::<[u16; 40]>(), goes in any::<usize>(),
    ) {
        let subject = Subject::named(&name);
        let members: BTreeMap<NodeId, u32> =
            numbers.into_iter().map(node).zip(weights.map(|weight| u32::from(weight) + 1)).collect();
        let order = |members: &BTreeMap<NodeId, u32>| {
            let mut order: Vec<_> = members.keys().copied().collect();
            order.sort_by_key(|node| place(members, subject, node, members[node]));
            order
        };
        let mut left = order(&members);
        let gone = left.remove(goes % left.len());
        let mut fewer = members;
        fewer.remove(&gone);
        prop_assert_eq!(order(&fewer), left);
    }

    #[test]
    fn more_weight_never_costs_a_place(number in any::<u16>(), name in ".{0,12}", weight in 1..1_000_000_u32) {
        let (node, subject) = (node(number), Subject::named(&name));
        prop_assert!(cost(&node, subject, weight + 1) <= cost(&node, subject, weight));
    }
}

#[test]
fn a_node_of_twice_the_weight_comes_first_twice_as_often() {
    let members: BTreeMap<NodeId, u32> =
        (0..10).map(|number| (node(number), if number == 0 { 2 * ORDINARY } else { ORDINARY })).collect();
    let mut times = BTreeMap::new();
    for number in 0..22_000 {
        let subject = Subject::named(&number.to_string());
        let best =
            members.iter().min_by_key(|(node, weight)| (cost(node, subject, **weight), **node)).unwrap();
        *times.entry(*best.0).or_insert(0) += 1;
    }
    // Of 11 shares of 2,000 one has two; four standard deviations of a share are 180, of two 240.
    for (known, count) in times {
        let (share, most) = if known == node(0) { (4_000, 240) } else { (2_000, 180) };
        assert!(i32::abs_diff(count, share) < most, "{known:?}: {count}, not about {share}");
    }
}

#[test]
fn the_numbers_stay_what_they_are() {
    let subject = Subject::named("capture/niconico:sm9");
    let nodes: Vec<_> = (0..8).map(node).collect();
    let lots = nodes.iter().map(|node| format!("{:016x}", lot(node, subject))).collect::<Vec<_>>().join(" ");
    assert_eq!(
        lots,
        "43c532b094b0ba0f e6bf0d3908a27efc 8defde811a60da18 870322442d298ad9 \
         8bf8a1140dc4e75d 1976332259ff8ea0 217961389d7854b8 bbe7ebe17a503dbd"
    );
    let costs = nodes.iter().map(|node| cost(node, subject, 1_500).to_string()).collect::<Vec<_>>().join(" ");
    assert_eq!(
        costs,
        "5490166921 429028074 2436372323 2642989980 2493983615 9534089100 8403890713 1277418089"
    );
    let later = nodes.iter().map(|node| format!("{:016x}", lot(node, subject.in_epoch(2)))).take(2);
    assert_eq!(later.collect::<Vec<_>>().join(" "), "f36b8a214fdf6d47 e8327cee4423e1f6");
    let order = first(&nodes, subject, 7);
    let order: Vec<_> =
        order.iter().map(|known| nodes.iter().position(|node| node == known).unwrap()).collect();
    assert_eq!(order, [5, 6, 0, 3, 4, 2, 7]);
}
