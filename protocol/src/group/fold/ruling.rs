//! The last word of an admin about a node, and what the words before it leave of it.

use std::collections::BTreeMap;

use super::Place;
use crate::{group::Role, id::NodeId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ruling {
    /// How near its admin is to the founder.
    pub(super) by: (u32, NodeId),
    /// What the node is from now on.
    pub(super) role: Option<Role>,
    /// The most that it ever was by this word or one before it.
    pub(super) was: Option<Role>,
    /// Its last entries that count at all once it is removed.
    pub(super) last: BTreeMap<u64, u64>,
    /// While it is no admin: its last entries that count as an admin's.
    pub(super) ruled: Option<BTreeMap<u64, u64>>,
    /// While it is no member: its last entries that let somebody in.
    pub(super) invited: Option<BTreeMap<u64, u64>>,
}

impl Ruling {
    pub(super) fn new(by: (u32, NodeId), role: Option<Role>, last: &BTreeMap<u64, u64>) -> Self {
        let below = |least| (role < Some(least)).then(|| last.clone());
        let (ruled, invited) = (below(Role::Admin), below(Role::Member));
        Self { by, role, was: role, last: last.clone(), ruled, invited }
    }

    /// What an earlier word of the same admin leaves of what this one lets count: nothing comes back to life.
    pub(super) fn after(self, earlier: &Self) -> Self {
        let was = self.was.max(earlier.was);
        let (ruled, invited) = (meet(self.ruled, &earlier.ruled), meet(self.invited, &earlier.invited));
        Self { was, ruled, invited, ..self }
    }

    /// The same for the word of a farther admin, which counts as far as this one never gave more.
    pub(super) fn over(self, farther: &Self) -> Self {
        let free = |least| self.was >= Some(least);
        let ruled = if free(Role::Admin) { self.ruled } else { meet(self.ruled, &farther.ruled) };
        let invited = if free(Role::Member) { self.invited } else { meet(self.invited, &farther.invited) };
        Self { was: self.was.max(farther.was), ruled, invited, ..self }
    }
}

/// Entries that count for both; none bounds nothing, and who is free of a bound stays so.
fn meet(one: Option<BTreeMap<u64, u64>>, other: &Option<BTreeMap<u64, u64>>) -> Option<BTreeMap<u64, u64>> {
    let one = one?;
    let Some(other) = other else { return Some(one) };
    Some(one.into_iter().filter_map(|(life, seq)| Some((life, seq.min(*other.get(&life)?)))).collect())
}

pub(super) fn counts(last: Option<&BTreeMap<u64, u64>>, place: &Place) -> bool {
    last.is_none_or(|last| last.get(&place.incarnation).is_some_and(|last| place.seq <= *last))
}
