//! One change of a group, as a member or an admin says it in its feed (entries of the kind `group`).
//!
//! There is no common clock. So whatever takes something away names the last entries that still count.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{approval::Rules, id::NodeId, limits};

/// What a node may do in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Reads and mirrors; what it writes and holds does not count.
    Follower,
    /// Writes, claims, counts as a replica, and may invite unless the policy forbids it.
    Member,
    /// A member that may also change roles, remove nodes and set the policy.
    Admin,
}

impl Role {
    /// Its name in JSON and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Follower => "follower",
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What keeps a private group's traces apart from everybody else's. Of two the one with the higher number counts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupKey {
    /// Counts up from 1.
    pub number: u32,
    /// 32 random bytes.
    #[serde(with = "serde_bytes")]
    pub secret: Vec<u8>,
}

impl fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupKey({})", self.number)
    }
}

/// The body of an entry of the kind `group`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupChange {
    /// Version of this form, 1.
    pub v: u8,
    /// What changes.
    pub change: Change,
}

/// What changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// A member lets in who holds a ticket, and so countersigns the redemption.
    Admit {
        /// The signed [`super::Invite`].
        invite: ByteBuf,
        /// The signed [`super::Redemption`].
        redemption: ByteBuf,
    },
    /// An admin sets what a node is; none removes it.
    Rule {
        /// The node.
        node: NodeId,
        /// What it is from now on.
        role: Option<Role>,
        /// The node's last entries that count, by incarnation: of one that is removed all others are void, of
        /// one that is no admin any more its rulings after them.
        last: Vec<(u64, u64)>,
    },
    /// An admin says whether members may invite. The highest number counts.
    Policy {
        /// Counts up from 1.
        number: u32,
        /// Whether members who are no admins may invite.
        members_invite: bool,
        /// Where members let somebody in before this and it counts: node, incarnation, last entry.
        last: Vec<(NodeId, u64, u64)>,
    },
    /// An admin says what waits for approval, and how videos are sorted. The highest number counts.
    Rules {
        /// Counts up from 1.
        number: u32,
        /// From now on.
        rules: Rules,
    },
    /// An admin gives a private group its first key, or a new one when somebody left.
    Key(GroupKey),
    /// The writer leaves. Nothing of this incarnation counts after it.
    Leave,
}

impl Change {
    /// Whether its lists are short enough.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        match self {
            Self::Admit { invite, redemption } => {
                invite.len() <= limits::INVITE_BYTES && redemption.len() <= limits::INVITE_BYTES
            }
            Self::Rule { last, .. } => last.len() <= limits::LIVES,
            Self::Policy { last, .. } => last.len() <= limits::FEEDS,
            Self::Rules { rules, .. } => rules.is_bounded(),
            Self::Key(key) => key.secret.len() == 32,
            Self::Leave => true,
        }
    }
}
