//! What a group is: members, roles and policy, made of everything that its feeds say.
//!
//! The result is a function of the set of facts alone: no clock, no order of arrival, and a fact that counts
//! for nothing can as well be missing. So all who know the same facts know the same group, and joining two sets
//! of facts is commutative, associative and idempotent.
//!
//! Admins are ranked by how far they are from the founder, then by id. They are heard in that order, and who is
//! heard earlier is not overruled by who comes later. So of two admins that remove each other the nearer one wins.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use self::ruling::{Ruling, counts};
use super::{Genesis, GroupKey, Role};
use crate::{
    approval::Rules,
    codec::{self, Cid},
    feed::FeedId,
    id::NodeId,
};

mod fact;
mod ruling;

pub use fact::{Fact, Facts, Forks, Place};

/// How much of a feed counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// All of it.
    Open,
    /// Up to this entry.
    UpTo(u64),
    /// Nothing.
    Nothing,
}

impl Limit {
    /// Whether the entry at this place counts.
    #[must_use]
    pub fn allows(self, seq: u64) -> bool {
        match self {
            Self::Open => true,
            Self::UpTo(last) => seq <= last,
            Self::Nothing => false,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, _) | (_, Self::Nothing) => Self::Nothing,
            (Self::UpTo(one), Self::UpTo(two)) => Self::UpTo(one.min(two)),
            (Self::Open, limit) | (limit, Self::Open) => limit,
        }
    }
}

/// A node in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Member {
    /// What it may do.
    pub role: Role,
    /// Who let it in: countersigned its ticket, or gave it its role; itself for the founder.
    pub via: NodeId,
}

/// A group as its feeds make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Who made it.
    pub founder: NodeId,
    /// Whether strangers may read it.
    pub public: bool,
    /// Who is in it now.
    pub members: BTreeMap<NodeId, Member>,
    /// Who was in it, and whether it was removed or left by itself.
    pub gone: BTreeMap<NodeId, Gone>,
    /// Who told two stories, and where first.
    pub forks: Forks,
    /// Whether members who are no admins may invite.
    pub members_invite: bool,
    /// Number of the policy, 0 for that of the beginning.
    pub policy: u32,
    /// What waits for approval, and how videos are sorted.
    pub rules: Rules,
    /// Number of those rules, 0 for those of the beginning.
    pub rules_number: u32,
    /// The last entry of each incarnation of a node that let somebody in.
    pub admitted: BTreeMap<(NodeId, u64), u64>,
    /// Whom each invitation let in.
    pub used: BTreeMap<Cid, BTreeSet<NodeId>>,
    /// The key of a private group.
    pub key: Option<GroupKey>,
    ranks: BTreeMap<NodeId, u32>,
    rulings: BTreeMap<NodeId, Ruling>,
    left: BTreeMap<(NodeId, u64), u64>,
}

/// Why a node is in a group no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gone {
    /// An admin removed it.
    Removed,
    /// It left.
    Left,
}

impl Group {
    /// What a node may do; none for who is not in the group.
    #[must_use]
    pub fn role(&self, node: &NodeId) -> Option<Role> {
        self.members.get(node).map(|member| member.role)
    }

    /// Whether a node may read what the group has.
    #[must_use]
    pub fn may_read(&self, node: &NodeId) -> bool {
        self.public || self.members.contains_key(node)
    }

    /// Whether what a node writes and holds counts.
    #[must_use]
    pub fn counts(&self, node: &NodeId) -> bool {
        self.role(node) >= Some(Role::Member)
    }

    /// Whether a node may let others in.
    #[must_use]
    pub fn may_invite(&self, node: &NodeId) -> bool {
        match self.role(node) {
            Some(Role::Admin) => !self.forks.contains_key(node),
            Some(Role::Member) => self.members_invite && !self.forks.contains_key(node),
            Some(Role::Follower) | None => false,
        }
    }

    /// Whether a word of `admin` about `node` counts.
    #[must_use]
    pub fn may_rule(&self, admin: &NodeId, node: &NodeId) -> bool {
        let Some(rank) = self.ranks.get(admin).map(|depth| (*depth, *admin)) else { return false };
        let above = self.ranks.get(node).is_none_or(|depth| rank < (*depth, *node));
        let first = self.rulings.get(node).is_none_or(|ruling| rank <= ruling.by);
        self.role(admin) == Some(Role::Admin) && !self.forks.contains_key(admin) && above && first
    }

    /// How much of a feed counts.
    #[must_use]
    pub fn limit(&self, feed: &FeedId) -> Limit {
        let FeedId { node, incarnation, .. } = feed;
        let mut limit = match (self.members.contains_key(node), self.gone.get(node)) {
            (true, _) | (false, Some(Gone::Left)) => Limit::Open,
            (false, Some(Gone::Removed)) => {
                let last = self.rulings.get(node).and_then(|ruling| ruling.last.get(incarnation));
                last.map_or(Limit::Nothing, |last| Limit::UpTo(*last))
            }
            (false, None) => Limit::Nothing,
        };
        if let Some(left) = self.left.get(&(*node, *incarnation)) {
            limit = limit.and(Limit::UpTo(*left));
        }
        if let Some((forked, seq)) = self.forks.get(node)
            && forked == incarnation
        {
            limit = limit.and(seq.checked_sub(1).map_or(Limit::Nothing, Limit::UpTo));
        }
        limit
    }

    /// The hash of who is in it and what is agreed; the same for all who know the same facts.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let members: Vec<_> = self.members.iter().collect();
        let gone: Vec<_> = self.gone.iter().collect();
        let forks: Vec<_> = self.forks.iter().collect();
        let key = self.key.as_ref().map(|key| (key.number, Cid::of(codec::Codec::Raw, &key.secret)));
        let rules = (self.rules_number, &self.rules);
        let agreed = (self.founder, self.public, self.policy, self.members_invite, key, rules);
        *blake3::hash(&codec::encode(&(agreed, members, gone, forks))).as_bytes()
    }
}

/// Makes the group of its facts.
#[must_use]
pub fn fold(genesis: &Genesis, facts: &Facts, forks: &Forks) -> Group {
    let mut state = Folding::new(genesis.founder, facts, forks);
    state.hear_admins();
    state.agree();
    state.seat();
    state.finish(genesis)
}

/// A seat: what a node came in as, by whom, and for which incarnation if by a ticket.
#[derive(Debug, Clone, Copy)]
struct Seat {
    role: Role,
    via: NodeId,
    incarnation: Option<u64>,
}

/// A number that an admin gave, and how near that one is.
type Nearest = (u32, std::cmp::Reverse<(u32, Place)>);
/// A policy: its number and how near its admin is, what it says, where members invited before it.
type Agreed<'a> = (Nearest, bool, &'a BTreeMap<(NodeId, u64), u64>);

struct Folding<'a> {
    founder: NodeId,
    facts: &'a Facts,
    forks: &'a Forks,
    left: BTreeMap<(NodeId, u64), u64>,
    ranks: BTreeMap<NodeId, u32>,
    rulings: BTreeMap<NodeId, Ruling>,
    policy: (u32, bool),
    invited_before: BTreeMap<(NodeId, u64), u64>,
    rules: (u32, Rules),
    key: Option<GroupKey>,
    seats: BTreeMap<NodeId, Seat>,
    admitted: BTreeMap<(NodeId, u64), u64>,
    used: BTreeMap<Cid, BTreeSet<NodeId>>,
}

impl<'a> Folding<'a> {
    fn new(founder: NodeId, facts: &'a Facts, forks: &'a Forks) -> Self {
        let mut left = BTreeMap::new();
        let told = |place: &Place| {
            let fork = forks.get(&place.node);
            fork.is_none_or(|(life, seq)| place.incarnation != *life || place.seq < *seq)
        };
        for (place, _) in facts.iter().filter(|(place, fact)| **fact == Fact::Leave && told(place)) {
            let first = left.entry((place.node, place.incarnation)).or_insert(place.seq);
            *first = place.seq.min(*first);
        }
        Self {
            founder,
            facts,
            forks,
            left,
            ranks: BTreeMap::new(),
            rulings: BTreeMap::new(),
            policy: (0, true),
            invited_before: BTreeMap::new(),
            rules: Default::default(),
            key: None,
            seats: BTreeMap::new(),
            admitted: BTreeMap::new(),
            used: BTreeMap::new(),
        }
    }

    fn said_by(&self, node: NodeId) -> impl Iterator<Item = (&'a Place, &'a Fact)> {
        let place = |incarnation, seq| Place { node, incarnation, seq };
        self.facts.range(place(0, 0)..=place(u64::MAX, u64::MAX))
    }

    /// Whether nothing speaks against a fact but its speaker's rank: it did not leave before, and told one story.
    fn stands(&self, place: &Place) -> bool {
        let before_fork = self
            .forks
            .get(&place.node)
            .is_none_or(|(incarnation, seq)| (place.incarnation, place.seq) < (*incarnation, *seq));
        let before_leave =
            self.left.get(&(place.node, place.incarnation)).is_none_or(|left| place.seq <= *left);
        before_fork && before_leave
    }

    /// Whether a fact is an admin's word.
    fn rules(&self, place: &Place) -> bool {
        let admin = self.ranks.contains_key(&place.node);
        let ruling = self.rulings.get(&place.node);
        let standing = ruling.is_none_or(|ruling| counts(ruling.ruled.as_ref(), place));
        admin && standing && self.stands(place) && !self.left_between(&place.node, 0, place.incarnation)
    }

    /// Whether a node left in one of the incarnations from `first` on and before `last`.
    fn left_between(&self, node: &NodeId, first: u64, last: u64) -> bool {
        first < last && self.left.range((*node, first)..(*node, last)).next().is_some()
    }

    /// Hears the admins, those nearer to the founder first.
    fn hear_admins(&mut self) {
        let mut queue = BTreeSet::from([(0, self.founder)]);
        while let Some((depth, admin)) = queue.pop_first() {
            if self.ranks.contains_key(&admin) {
                continue;
            }
            self.ranks.insert(admin, depth);
            let (mut words, mut raised) = (BTreeMap::new(), BTreeSet::new());
            for (place, fact) in self.said_by(admin) {
                if let Fact::Rule { node, role, last } = fact
                    && self.rules(place)
                    && !self.ranks.contains_key(node)
                {
                    if *role == Some(Role::Admin) {
                        raised.insert(*node);
                    }
                    let word = Ruling::new((depth, admin), *role, last);
                    let word = match words.get(node) {
                        Some(before) => word.after(before),
                        None => word,
                    };
                    words.insert(*node, word);
                }
            }
            for (node, word) in words {
                let word = match self.rulings.remove(&node) {
                    Some(nearer) => nearer.over(&word),
                    None => word,
                };
                self.rulings.insert(node, word);
                if raised.contains(&node) {
                    queue.insert((depth + 1, node));
                }
            }
        }
    }

    fn nearest(&self, number: u32, place: &Place) -> Nearest {
        (number, std::cmp::Reverse((self.ranks[&place.node], *place)))
    }

    /// Policy, rules and key: the highest number, of equal ones the nearest admin's.
    fn agree(&mut self) {
        let (mut best, mut newest): (Option<Agreed<'_>>, Option<&GroupKey>) = (None, None);
        let mut rules: Option<(Nearest, &Rules)> = None;
        for (place, fact) in self.facts.iter().filter(|(place, _)| self.rules(place)) {
            match fact {
                Fact::Policy { number, members_invite, last } => {
                    let this = self.nearest(*number, place);
                    if best.as_ref().is_none_or(|(known, ..)| *known < this) {
                        best = Some((this, *members_invite, last));
                    }
                }
                Fact::Rules { number, rules: said } => {
                    let this = self.nearest(*number, place);
                    if rules.is_none_or(|(known, _)| known < this) {
                        rules = Some((this, said));
                    }
                }
                Fact::Key(key) => newest = newest.max(Some(key)),
                Fact::Admit { .. } | Fact::Rule { .. } | Fact::Leave => {}
            }
        }
        self.key = newest.cloned();
        if let Some(((number, _), said)) = rules {
            self.rules = (number, said.clone());
        }
        if let Some(((number, _), members_invite, last)) = best {
            self.policy = (number, members_invite);
            self.invited_before.clone_from(last);
        }
    }

    /// Whether an admission was said by somebody who may let in.
    fn lets_in(&self, place: &Place) -> bool {
        let Some(seat) = self.seats.get(&place.node) else { return false };
        let invited = self.rulings.get(&place.node).and_then(|ruling| ruling.invited.as_ref());
        let standing = seat.role >= Role::Member && counts(invited, place);
        let before = self.invited_before.get(&(place.node, place.incarnation));
        let (_, members_invite) = self.policy;
        let policy = members_invite || self.rules(place) || before.is_some_and(|last| place.seq <= *last);
        let back = !self.left_between(&place.node, seat.incarnation.unwrap_or(0), place.incarnation);
        standing && policy && back && self.stands(place)
    }

    /// Seats who was let in, round by round, until nobody comes any more.
    fn seat(&mut self) {
        let founder = Seat { role: Role::Admin, via: self.founder, incarnation: None };
        self.seats.insert(self.founder, founder);
        for (node, ruling) in &self.rulings {
            if let Some(role) = ruling.was {
                self.seats.insert(*node, Seat { role, via: ruling.by.1, incarnation: None });
            }
        }
        let mut waiting: BTreeMap<(Cid, Cid, Place), &Fact> = BTreeMap::new();
        for (place, fact) in self.facts {
            if let Fact::Admit { invite, redemption, .. } = fact {
                waiting.insert((*invite, *redemption, *place), fact);
            }
        }
        loop {
            let ready: Vec<_> = waiting
                .iter()
                .filter(|((.., place), fact)| {
                    let issuer =
                        matches!(fact, Fact::Admit { issuer, .. } if self.seats.contains_key(issuer));
                    issuer && self.lets_in(place)
                })
                .map(|(key, fact)| (*key, *fact))
                .collect();
            if ready.is_empty() {
                return;
            }
            for (key, fact) in ready {
                waiting.remove(&key);
                let Fact::Admit { invite, role, uses, node, incarnation, .. } = fact else { continue };
                let comers = self.used.entry(*invite).or_default();
                if !comers.contains(node) && comers.len() >= *uses as usize {
                    continue;
                }
                comers.insert(*node);
                let last = self.admitted.entry((key.2.node, key.2.incarnation)).or_insert(key.2.seq);
                *last = key.2.seq.max(*last);
                let came = Seat { role: *role, via: key.2.node, incarnation: Some(*incarnation) };
                let seat = self.seats.entry(*node).or_insert(came);
                if seat.incarnation < Some(*incarnation) {
                    *seat = Seat { role: seat.role.max(*role), incarnation: Some(*incarnation), ..*seat };
                }
            }
        }
    }

    fn finish(self, genesis: &Genesis) -> Group {
        let (mut members, mut gone) = (BTreeMap::new(), BTreeMap::new());
        for (node, seat) in &self.seats {
            let ruling = self.rulings.get(node);
            let first = seat.incarnation.unwrap_or(0);
            let mut leaves = self.left.range((*node, first)..=(*node, u64::MAX));
            let role = ruling.map_or(Some(seat.role), |ruling| ruling.role);
            // Who left and came back by a ticket is an admin no more: what it says now cannot be told from what it
            // says of before.
            let left = self.left.range((*node, 0)..=(*node, u64::MAX)).next().is_some();
            let role = role.map(|role| if left { role.min(Role::Member) } else { role });
            match role {
                None => _ = gone.insert(*node, Gone::Removed),
                Some(_) if leaves.next().is_some() => _ = gone.insert(*node, Gone::Left),
                Some(role) => _ = members.insert(*node, Member { role, via: seat.via }),
            }
        }
        Group {
            founder: genesis.founder,
            public: genesis.public,
            members,
            gone,
            forks: self.forks.clone(),
            members_invite: self.policy.1,
            policy: self.policy.0,
            rules_number: self.rules.0,
            rules: self.rules.1,
            admitted: self.admitted,
            used: self.used,
            key: self.key,
            ranks: self.ranks,
            rulings: self.rulings,
            left: self.left,
        }
    }
}
