//! The way in, and what somebody sees of their own account.

use askama::Template;

use crate::{Frame, ReportView};

/// Name and password.
#[derive(Debug, Clone, Default)]
pub struct LoginPage {
    pub frame: Frame,
    /// What was typed before.
    pub name: String,
    pub error: Option<String>,
    /// Where to go on.
    pub next: String,
    /// Who may make an account: `closed`, `invited` or `open`.
    pub sign_up: String,
    /// Whether watching needs no account.
    pub visitors: bool,
}

/// A new account.
#[derive(Debug, Clone, Default)]
pub struct SignUpPage {
    pub frame: Frame,
    pub name: String,
    pub code: String,
    pub error: Option<String>,
    pub sign_up: String,
    /// Whether it is the operator's own.
    pub operator: bool,
}

/// Somebody's own account.
#[derive(Debug, Clone, Default)]
pub struct AccountPage {
    pub frame: Frame,
    pub name: String,
    pub rank: String,
    /// What the rank allows.
    pub may: String,
    pub since: String,
    /// The key under which others know them.
    pub id: String,
    pub sessions: Vec<SessionRow>,
    pub tokens: Vec<TokenRow>,
    /// A token's secret that was just made: it is shown once.
    pub token: Option<String>,
    /// What they reported.
    pub reports: Vec<ReportView>,
    pub error: Option<String>,
    pub done: Option<String>,
}

/// A token of a program.
#[derive(Debug, Clone, Default)]
pub struct TokenRow {
    pub id: String,
    pub name: String,
    /// `may what a trusted may`
    pub may: String,
    pub until: String,
    pub seen: String,
}

/// A browser that is logged in.
#[derive(Debug, Clone, Default)]
pub struct SessionRow {
    pub id: String,
    pub agent: String,
    pub seen: String,
    pub here: bool,
}

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    page: &'a LoginPage,
    here: &'static str,
}

#[derive(Template)]
#[template(path = "sign_up.html")]
struct SignUp<'a> {
    page: &'a SignUpPage,
    here: &'static str,
}

#[derive(Template)]
#[template(path = "account.html")]
struct Account<'a> {
    page: &'a AccountPage,
    here: &'static str,
}

pub fn login(page: &LoginPage) -> String {
    crate::render(&Login { page, here: "login" })
}

pub fn sign_up(page: &SignUpPage) -> String {
    crate::render(&SignUp { page, here: "login" })
}

pub fn account(page: &AccountPage) -> String {
    crate::render(&Account { page, here: "account" })
}
