//! What is said of a group, with its signatures checked, and where it was said.

use std::collections::BTreeMap;

use crate::{
    approval::Rules,
    codec::Cid,
    group::{Change, GroupId, GroupKey, Role, invite::Admission},
    id::NodeId,
};

/// Where a fact was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// By whom.
    pub node: NodeId,
    /// In which incarnation.
    pub incarnation: u64,
    /// In which entry.
    pub seq: u64,
}

/// A change whose signatures were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// See [`Change::Admit`].
    Admit {
        /// The invitation.
        invite: Cid,
        /// Who invited.
        issuer: NodeId,
        /// As what.
        role: Role,
        /// How many the invitation lets in.
        uses: u32,
        /// Who came.
        node: NodeId,
        /// The incarnation that it writes.
        incarnation: u64,
        /// The redemption.
        redemption: Cid,
    },
    /// See [`Change::Rule`].
    Rule {
        /// About whom.
        node: NodeId,
        /// What it is from now on.
        role: Option<Role>,
        /// Its last entries that count.
        last: BTreeMap<u64, u64>,
    },
    /// See [`Change::Policy`].
    Policy {
        /// Counts up.
        number: u32,
        /// Whether members may invite.
        members_invite: bool,
        /// Members' last entries that let somebody in.
        last: BTreeMap<(NodeId, u64), u64>,
    },
    /// See [`Change::Rules`].
    Rules {
        /// Counts up.
        number: u32,
        /// From then on.
        rules: Rules,
    },
    /// See [`Change::Key`].
    Key(GroupKey),
    /// See [`Change::Leave`].
    Leave,
}

/// Everything said of a group.
pub type Facts = BTreeMap<Place, Fact>;
/// The first place at which each of these told two stories: incarnation and seq.
pub type Forks = BTreeMap<NodeId, (u64, u64)>;

impl Fact {
    /// What a change counts for in this group; none when its signatures do not fit.
    #[must_use]
    pub fn of(group: &GroupId, change: &Change) -> Option<Self> {
        Some(match change {
            Change::Admit { invite, redemption } => {
                let Admission { invite, redemption } = Admission::decode(group, invite, redemption)?;
                Self::Admit {
                    invite: invite.block().0,
                    issuer: invite.issuer,
                    role: invite.role,
                    uses: invite.uses,
                    node: redemption.node,
                    incarnation: redemption.incarnation,
                    redemption: redemption.block().0,
                }
            }
            Change::Rule { node, role, last } => {
                Self::Rule { node: *node, role: *role, last: last.iter().copied().collect() }
            }
            Change::Policy { number, members_invite, last } => Self::Policy {
                number: *number,
                members_invite: *members_invite,
                last: last.iter().map(|(node, incarnation, seq)| ((*node, *incarnation), *seq)).collect(),
            },
            Change::Rules { number, rules } => Self::Rules { number: *number, rules: rules.clone() },
            Change::Key(key) => Self::Key(key.clone()),
            Change::Leave => Self::Leave,
        })
    }
}
