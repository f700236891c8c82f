//! What is answered of people and of the house.

use utoipa::ToSchema;

/// What somebody may do.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::http) enum Rank {
    /// Watches, comments, votes.
    Viewer,
    /// Asks for videos.
    Trusted,
    /// Decides what is fetched and shown.
    Moderator,
    /// Everything.
    Admin,
}

/// What a token may do.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::http) enum May {
    /// Change nothing.
    Read,
    /// What a viewer may.
    Viewer,
    /// What a trusted person may.
    Trusted,
    /// What a moderator may.
    Moderator,
    /// Everything.
    Admin,
}

/// Who may make an account.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::http) enum SignUp {
    /// Nobody.
    Closed,
    /// Who has an invitation.
    Invited,
    /// Anybody.
    Open,
}

/// Who may send files.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::http) enum Uploaders {
    /// Nobody but admins.
    Nobody,
    /// Trusted people.
    Trusted,
    /// Everybody with an account.
    Everybody,
}

/// How the node takes people in.
#[derive(ToSchema)]
pub(in crate::http) struct House {
    /// Who may make an account.
    sign_up: SignUp,
    /// Whether people without one may watch from everywhere.
    visitors: bool,
    /// Who may send files.
    uploads: Uploaders,
}

/// Somebody with an account.
#[derive(ToSchema)]
pub(in crate::http) struct Person {
    /// Their key.
    id: String,
    /// Their name.
    name: String,
    /// Their rank.
    rank: Rank,
    /// Since when, in milliseconds.
    since: u64,
    /// Why the account is locked.
    locked: Option<String>,
}

/// One's own account.
#[derive(ToSchema)]
pub(in crate::http) struct Account {
    /// Their key.
    id: String,
    /// Their name.
    name: String,
    /// Their rank.
    rank: Rank,
    /// Since when, in milliseconds.
    since: u64,
    /// Why the account is locked.
    locked: Option<String>,
    /// Where they are logged in.
    sessions: Vec<Session>,
}

/// A session.
#[derive(ToSchema)]
pub(in crate::http) struct Session {
    /// Its id.
    id: String,
    /// What the browser calls itself.
    agent: String,
    /// Since when, in milliseconds.
    since: u64,
    /// When it was seen last.
    seen: u64,
}

/// Everything of an account, to take along.
#[derive(ToSchema)]
pub(in crate::http) struct Export {
    /// Their key.
    id: String,
    /// Their name.
    name: String,
    /// Their rank.
    rank: Rank,
    /// Since when, in milliseconds.
    since: u64,
    /// Why the account is locked.
    locked: Option<String>,
    /// 64 hex digits.
    secret_key: Option<String>,
    /// What they keep.
    shelves: Shelves,
    /// Their lists.
    lists: Vec<List>,
}

/// What somebody keeps.
#[derive(ToSchema)]
pub(in crate::http) struct Shelves {
    /// What they marked.
    favourites: Vec<OnShelf>,
    /// What they watched.
    history: Vec<OnShelf>,
    /// What they follow.
    searches: Vec<String>,
}

/// A video that is kept.
#[derive(ToSchema)]
pub(in crate::http) struct OnShelf {
    /// Its id.
    video: String,
    /// Since when, in milliseconds.
    at: u64,
}

/// One page of what somebody keeps.
#[derive(ToSchema)]
pub(in crate::http) struct Shelf {
    /// The latest first.
    items: Vec<Kept>,
    /// How many there are.
    total: u64,
    /// The `from` of the next page.
    next: Option<u64>,
    /// Of the history: whether it rests.
    paused: Option<bool>,
}

/// A video that is kept, with its title.
#[derive(ToSchema)]
pub(in crate::http) struct Kept {
    /// Its id.
    video: String,
    /// Its title.
    title: String,
    /// Since when, in milliseconds.
    at: u64,
}

/// A search that is followed.
#[derive(ToSchema)]
pub(in crate::http) struct Followed {
    /// As it stands behind `/search?`.
    search: String,
    /// Since when, in milliseconds.
    since: u64,
}

/// A list.
#[derive(ToSchema)]
pub(in crate::http) struct List {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// What it is about.
    about: String,
    /// Whether everybody here sees it.
    public: bool,
    /// Whose it is.
    by: String,
    /// When it was changed last, in milliseconds.
    changed_at: u64,
    /// Ids of its videos in their order.
    videos: Vec<String>,
}

/// A token of a program.
#[derive(ToSchema)]
pub(in crate::http) struct Token {
    /// Its id.
    id: String,
    /// What it is for.
    name: String,
    /// What it may do.
    may: May,
    /// When it was made, in milliseconds.
    made: u64,
    /// Until when it works.
    until: u64,
    /// When it was used last.
    seen: Option<u64>,
}

/// A token that was made.
#[derive(ToSchema)]
pub(in crate::http) struct MadeToken {
    /// It is shown once.
    token: String,
}

/// An invitation that can still be used.
#[derive(ToSchema)]
pub(in crate::http) struct Invitation {
    /// The rank of who comes with it.
    rank: Rank,
    /// For how many people yet.
    uses: u32,
    /// Until when, in milliseconds.
    until: u64,
}

/// An invitation that was made.
#[derive(ToSchema)]
pub(in crate::http) struct MadeInvitation {
    /// It is shown once.
    code: String,
    /// Where it is used.
    path: String,
}

/// A login link.
#[derive(ToSchema)]
pub(in crate::http) struct LoginLink {
    /// It works once.
    path: String,
}

/// A page of the house.
#[derive(ToSchema)]
pub(in crate::http) struct HousePage {
    /// `about`, `terms` or `privacy`.
    page: String,
    /// Whether nobody wrote it.
    usual: bool,
    /// In Markdown.
    text: String,
}

/// A setting.
#[derive(ToSchema)]
pub(in crate::http) struct Setting {
    /// Its key in `config.toml`.
    key: String,
    /// What it is called.
    label: String,
    /// What it does.
    help: String,
    /// As it stands in the file; lists have one item a line.
    value: Option<String>,
    /// Whether command line or environment set it.
    fixed: bool,
}

/// Whether settings were changed.
#[derive(ToSchema)]
pub(in crate::http) struct Changed {
    /// Whether any was.
    changed: bool,
}

/// What a moderator or admin did.
#[derive(ToSchema)]
pub(in crate::http) struct Action {
    /// When, in milliseconds.
    at: u64,
    /// Who.
    who: String,
    /// What, in words.
    what: String,
}
