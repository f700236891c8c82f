//! Why something of people was not done.

use thiserror::Error;

use crate::store::StoreError;

/// Why it was not done.
#[derive(Debug, Error)]
pub enum PeopleError {
    /// The name cannot be one.
    #[error(
        "A name has 2 to 32 letters or digits; between them one blank, dot, dash or underscore at a time is fine."
    )]
    Name,
    /// Somebody has it.
    #[error("Somebody has this name already, or one that looks like it.")]
    Taken,
    /// The password is too short or too long.
    #[error("A password has 8 to 256 letters, and is not your name.")]
    Password,
    /// Name or password is wrong.
    #[error("Name or password is wrong.")]
    Wrong,
    /// Too many wrong tries.
    #[error("Too many wrong tries. Wait {} and try again.", minutes(*.0))]
    TooMany(u64),
    /// Locked out.
    #[error("This account is locked: {0}")]
    Banned(String),
    /// This node takes nobody in this way.
    #[error("{0}")]
    NotTaken(&'static str),
    /// Nobody has this id.
    #[error("Nobody has an account with this id here.")]
    Unknown,
    /// The last admin cannot go.
    #[error("This is the only admin. Make somebody else an admin first.")]
    LastAdmin,
    /// A shelf holds no more.
    #[error("There are {0} videos in it, as many as there can be. Take some away first.")]
    Full(usize),
    /// No more searches can be followed.
    #[error("You follow {0} searches, as many as can be. Follow another one no more first.")]
    FollowsMany(usize),
    /// There is no such list, or it is somebody else's own.
    #[error("There is no such list, or only its owner sees it.")]
    UnknownList,
    /// A list has no name.
    #[error("Give the list a name.")]
    ListName,
    /// No more lists.
    #[error("You have {0} lists, as many as can be. Remove one first.")]
    ManyLists(usize),
    /// A token lacks a name, or lasts too long.
    #[error("A token has a name, and lasts 1 to 3,650 days.")]
    Token,
    /// No more tokens.
    #[error("You have {0} tokens, as many as can be. Take one back first.")]
    ManyTokens(usize),
    /// There is no such token.
    #[error("You have no such token.")]
    UnknownToken,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Our fault.
    #[error("the password could not be hashed")]
    Hash,
}

fn minutes(ms: u64) -> String {
    match ms.div_ceil(60_000) {
        1 => "a minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}
