//! Ranks, and how a node takes people in.

use serde::{Deserialize, Serialize};

/// What somebody may do; each rank may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rank {
    /// Watch, comment, vote.
    Viewer,
    /// Also ask for videos, and see what is in private groups.
    Trusted,
    /// Also decide what is fetched and shown.
    Moderator,
    /// Everything.
    Admin,
}

impl Rank {
    /// All ranks with their names, the least first.
    pub const ALL: [(&'static str, Self); 4] = [
        ("viewer", Self::Viewer),
        ("trusted", Self::Trusted),
        ("moderator", Self::Moderator),
        ("admin", Self::Admin),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, rank)| *rank == self).map_or("", |(name, _)| name)
    }

    /// The rank of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, rank)| *rank)
    }
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignUp {
    /// Nobody.
    Closed,
    /// Who has an invitation.
    #[default]
    Invited,
    /// Anybody.
    Open,
}

impl SignUp {
    const ALL: [(&'static str, Self); 3] =
        [("closed", Self::Closed), ("invited", Self::Invited), ("open", Self::Open)];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, one)| *one == self).map_or("", |(name, _)| name)
    }

    /// The one of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, one)| *one)
    }
}

/// Who may send files from their own device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Uploaders {
    /// Nobody but admins.
    Nobody,
    /// Trusted people: theirs are taken in at once.
    Trusted,
    /// Everybody with an account: of viewers a moderator looks at each first.
    #[default]
    Everybody,
}

impl Uploaders {
    const ALL: [(&'static str, Self); 3] =
        [("nobody", Self::Nobody), ("trusted", Self::Trusted), ("everybody", Self::Everybody)];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, one)| *one == self).map_or("", |(name, _)| name)
    }

    /// The one of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, one)| *one)
    }

    /// Whether somebody of this rank may.
    #[must_use]
    pub fn takes(self, rank: Rank) -> bool {
        match self {
            Self::Nobody => rank >= Rank::Admin,
            Self::Trusted => rank >= Rank::Trusted,
            Self::Everybody => true,
        }
    }
}

/// How the node takes people in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct House {
    /// Who may make an account.
    pub sign_up: SignUp,
    /// Whether people without an account may watch what is public, from anywhere.
    pub visitors: bool,
    /// Who may send files.
    #[serde(default)]
    pub uploads: Uploaders,
}
