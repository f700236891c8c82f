//! Small worlds: seven nodes, a founder among them, and what they say of their group in any order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use horahora_protocol::{
    Cid, Codec, NodeId, NodeKey,
    approval::{Approve, Rules},
    feed::FeedId,
    group::{
        Change, Fact, Facts, Forks, Genesis, Group, GroupId, GroupKey, Invite, Limit, Member, Place, Role,
        Ticket, fold, fold::Gone,
    },
};
use proptest::{
    array::uniform3,
    collection::vec,
    option,
    prelude::{Just, Strategy, any, prop_oneof},
};
use serde_bytes::ByteBuf;

use crate::values;

/// Nodes of a world. The first is the founder.
pub(crate) const NODES: usize = 7;
/// Invitations of a world: the number says who issued it, as what and for how many.
pub(crate) const INVITES: usize = 6;
/// Lives of a node that forks and limits are looked at for: more than any story has.
pub(crate) const LIVES: u64 = 8;

/// Which last entries a ruling or a policy names.
#[derive(Debug, Clone)]
pub(crate) enum Last {
    /// All there are.
    Heads,
    /// Any.
    At([Option<u64>; 3]),
}

/// What happens next.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// `by` lets `node` in; `again`: into a new life.
    Admit { by: usize, invite: usize, node: usize, again: bool },
    /// `by` says what `node` is.
    Rule { by: usize, node: usize, role: Option<Role>, last: Last },
    /// `by` sets the policy.
    Policy { by: usize, number: u32, members_invite: bool, last: Last },
    /// `by` sets the rules.
    Rules { by: usize, number: u32, approve: Approve },
    /// `by` gives a key.
    Key { by: usize, number: u32, secret: u8 },
    /// `by` leaves.
    Leave { by: usize },
    /// `by` begins a new life.
    Live { by: usize },
    /// `by` says something that is no change.
    Other { by: usize },
}

pub(crate) fn key(node: usize) -> NodeKey {
    let secret = u8::try_from(node + 1).expect("a small world");
    NodeKey::from_secret(&[secret; 32])
}

pub(crate) fn id(node: usize) -> NodeId {
    static IDS: OnceLock<Vec<NodeId>> = OnceLock::new();
    IDS.get_or_init(|| (0..=NODES).map(|node| key(node).node_id()).collect())[node]
}

pub(crate) fn genesis() -> Genesis {
    Genesis { founder: id(0), ..values::genesis_sample() }
}

pub(crate) fn group_id() -> GroupId {
    values::linked("a small world")
}

pub(crate) fn folded(facts: &Facts, forks: &Forks) -> Group {
    fold(&genesis(), facts, forks)
}

pub(crate) fn feed(node: NodeId, incarnation: u64) -> FeedId {
    FeedId { group: group_id(), node, incarnation }
}

pub(crate) fn allows(group: &Group, place: &Place) -> bool {
    group.limit(&feed(place.node, place.incarnation)).allows(place.seq)
}

/// The facts that count under the limits of a group.
pub(crate) fn within(group: &Group, facts: &Facts) -> Facts {
    facts
        .iter()
        .filter(|(place, _)| allows(group, place))
        .map(|(place, fact)| (*place, fact.clone()))
        .collect()
}

/// Everything of a group that others can see.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    digest: [u8; 32],
    members: BTreeMap<NodeId, Member>,
    gone: BTreeMap<NodeId, Gone>,
    limits: Vec<Limit>,
    may_invite: Vec<bool>,
    may_rule: Vec<Vec<bool>>,
}

pub(crate) fn seen(group: &Group) -> Seen {
    let feeds = (0..=NODES).flat_map(|node| (0..LIVES).map(move |life| feed(id(node), life)));
    let rules = |node| (0..=NODES).map(|other| group.may_rule(&id(node), &id(other))).collect();
    Seen {
        digest: group.digest(),
        members: group.members.clone(),
        gone: group.gone.clone(),
        limits: feeds.map(|feed| group.limit(&feed)).collect(),
        may_invite: (0..=NODES).map(|node| group.may_invite(&id(node))).collect(),
        may_rule: (0..=NODES).map(rules).collect(),
    }
}

/// Who issued an invitation, as what, for how many.
pub(crate) fn terms(invite: usize) -> (usize, Role, u32) {
    [
        (0, Role::Member, 1),
        (1, Role::Member, 2),
        (2, Role::Follower, 2),
        (0, Role::Member, 3),
        (3, Role::Member, 1),
        (4, Role::Member, 2),
    ][invite]
}

/// How admissions are made: quickly, or with every signature.
pub(crate) type Admissions = fn(usize, usize, u64) -> Fact;

pub(crate) fn unsigned(invite: usize, node: usize, incarnation: u64) -> Fact {
    let (issuer, role, uses) = terms(invite);
    let redemption = Cid::of(Codec::DagCbor, format!("{invite} {node} {incarnation}").as_bytes());
    let (invite, node) = (values::linked(&format!("invite {invite}")), id(node));
    Fact::Admit { invite, issuer: id(issuer), role, uses, node, incarnation, redemption }
}

pub(crate) fn signed(invite: usize, node: usize, incarnation: u64) -> Fact {
    let ticket = ticket(invite);
    let redemption = ticket.redeem(&key(node), incarnation).expect("our own ticket").block().1;
    let change = Change::Admit { invite: ticket.invite, redemption: ByteBuf::from(redemption) };
    Fact::of(&group_id(), &change).expect("all signatures fit")
}

/// The ticket of an invitation.
pub(crate) fn ticket(invite: usize) -> Ticket {
    let holder = NodeKey::from_secret(&[0x40 + u8::try_from(invite).expect("a small world"); 32]);
    let (issuer, role, uses) = terms(invite);
    let of = Invite {
        v: 1,
        group: group_id(),
        issuer: id(issuer),
        holder: holder.node_id(),
        role,
        uses,
        expires: values::entry_sample().at,
    };
    Ticket {
        v: 1,
        invite: ByteBuf::from(key(issuer).sign(of).block().1),
        secret: holder.secret().to_vec(),
        name: "a small world".to_owned(),
        addresses: vec![],
    }
}

/// A story as it is told: where each node is in its feeds, and what was said.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) facts: Facts,
    pub(crate) heads: BTreeMap<(NodeId, u64), u64>,
    lives: [u64; NODES + 1],
    left: BTreeSet<(NodeId, u64)>,
    admissions: Admissions,
}

impl World {
    pub(crate) fn new(admissions: Admissions) -> Self {
        let (facts, heads, left) = (Facts::new(), BTreeMap::new(), BTreeSet::new());
        Self { facts, heads, lives: [1; NODES + 1], left, admissions }
    }

    pub(crate) fn told(steps: &[Step], admissions: Admissions) -> Self {
        let mut world = Self::new(admissions);
        steps.iter().for_each(|step| world.tell(step));
        world
    }

    pub(crate) fn group(&self, forks: &Forks) -> Group {
        folded(&self.facts, forks)
    }

    pub(crate) fn tell(&mut self, step: &Step) {
        match step {
            Step::Admit { by, invite, node, again } => {
                if *again {
                    self.lives[*node] += 1;
                }
                let fact = (self.admissions)(*invite, *node, self.lives[*node]);
                self.say(*by, fact);
            }
            Step::Rule { by, node, role, last } => {
                let last = self.last(*node, last);
                self.say(*by, Fact::Rule { node: id(*node), role: *role, last });
            }
            Step::Policy { by, number, members_invite, last } => {
                let of =
                    |node| self.last(node, last).into_iter().map(move |(life, seq)| ((id(node), life), seq));
                let last = (0..NODES).flat_map(of).collect();
                self.say(*by, Fact::Policy { number: *number, members_invite: *members_invite, last });
            }
            Step::Rules { by, number, approve } => {
                let rules = Rules { approve: *approve, categories: Vec::new() };
                self.say(*by, Fact::Rules { number: *number, rules });
            }
            Step::Key { by, number, secret } => {
                self.say(*by, Fact::Key(GroupKey { number: *number, secret: vec![*secret; 32] }));
            }
            Step::Leave { by } => {
                let place = self.say(*by, Fact::Leave);
                self.left.insert((place.node, place.incarnation));
            }
            Step::Live { by } => self.lives[*by] += 1,
            Step::Other { by } => _ = self.next(*by),
        }
    }

    /// Says a fact in the node's feed.
    pub(crate) fn say(&mut self, by: usize, fact: Fact) -> Place {
        let place = self.next(by);
        self.facts.insert(place, fact);
        place
    }

    /// Where a node writes next.
    pub(crate) fn next(&mut self, by: usize) -> Place {
        let (node, incarnation) = (id(by), self.lives[by]);
        let head = self.heads.entry((node, incarnation));
        let seq = *head.and_modify(|seq| *seq += 1).or_insert(0);
        Place { node, incarnation, seq }
    }

    /// A node that left begins a new life before it speaks again.
    pub(crate) fn come_back(&mut self, node: usize) {
        while self.left.contains(&(id(node), self.lives[node])) {
            self.lives[node] += 1;
        }
    }

    /// All last entries of a node.
    pub(crate) fn heads_of(&self, node: usize) -> BTreeMap<u64, u64> {
        let of = self.heads.iter().filter(|((of, _), _)| *of == id(node));
        of.map(|((_, life), seq)| (*life, *seq)).collect()
    }

    fn last(&self, node: usize, last: &Last) -> BTreeMap<u64, u64> {
        match last {
            Last::Heads => self.heads_of(node),
            Last::At(lives) => (1..).zip(lives).filter_map(|(life, seq)| Some((life, (*seq)?))).collect(),
        }
    }
}

fn anybody() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0), 3 => Just(1), 2 => Just(2), 5 => 1..NODES]
}

fn role() -> impl Strategy<Value = Option<Role>> {
    prop_oneof![
        4 => Just(Some(Role::Admin)),
        2 => Just(Some(Role::Member)),
        1 => Just(Some(Role::Follower)),
        3 => Just(None),
    ]
}

fn last() -> impl Strategy<Value = Last> {
    prop_oneof![3 => Just(Last::Heads), 2 => uniform3(option::of(0..8_u64)).prop_map(Last::At)]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let admit = (anybody(), 0..INVITES, 1..NODES, any::<bool>())
        .prop_map(|(by, invite, node, again)| Step::Admit { by, invite, node, again });
    let rule = (anybody(), 0..NODES, role(), last()).prop_map(|(by, node, role, last)| Step::Rule {
        by,
        node,
        role,
        last,
    });
    let policy = (anybody(), 1..4_u32, any::<bool>(), last())
        .prop_map(|(by, number, members_invite, last)| Step::Policy { by, number, members_invite, last });
    let approve = prop_oneof![Just(Approve::Never), Just(Approve::NewCreators), Just(Approve::Always)];
    let rules =
        (anybody(), 1..4_u32, approve).prop_map(|(by, number, approve)| Step::Rules { by, number, approve });
    let key =
        (anybody(), 1..4_u32, any::<u8>()).prop_map(|(by, number, secret)| Step::Key { by, number, secret });
    prop_oneof![
        9 => admit,
        9 => rule,
        2 => policy,
        1 => rules,
        1 => key,
        1 => (0..NODES).prop_map(|by| Step::Leave { by }),
        1 => (0..NODES).prop_map(|by| Step::Live { by }),
        1 => (0..NODES).prop_map(|by| Step::Other { by }),
    ]
}

/// A story: the founder makes an admin and lets somebody in, then anything happens.
pub(crate) fn story() -> impl Strategy<Value = Vec<Step>> {
    let opening = prop_oneof![
        1 => Just(vec![]),
        4 => Just(vec![
            Step::Rule { by: 0, node: 1, role: Some(Role::Admin), last: Last::Heads },
            Step::Admit { by: 0, invite: 3, node: 2, again: false },
            Step::Admit { by: 1, invite: 1, node: 3, again: false },
        ]),
    ];
    (opening, vec(step(), 0..22)).prop_map(|(opening, then)| [opening, then].concat())
}

pub(crate) fn forks() -> impl Strategy<Value = Forks> {
    let fork = (0..NODES, 1..4_u64, 0..6_u64);
    let some = vec(fork, 0..3)
        .prop_map(|forks| forks.into_iter().map(|(node, life, seq)| (id(node), (life, seq))).collect());
    prop_oneof![1 => Just(Forks::new()), 1 => some]
}
