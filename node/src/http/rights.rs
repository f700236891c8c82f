//! Which rank each route needs. One place, so that it can be read and tested as a whole.

use axum::http::Method;

use crate::people::Rank;

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: the way in, and what every page is made of.
    Nothing,
    /// To be one of those who may watch: on this machine, with an account, or anybody where the node says so.
    Watching,
    /// At least this rank.
    Rank(Rank),
}

/// What a request of this method and path needs. Of what is not named a read is for who may watch, and a write for admins.
pub(super) fn need(method: &Method, path: &str) -> Need {
    let parts: Vec<_> = path.trim_matches('/').split('/').collect();
    let reads = method.is_safe();
    match parts.as_slice() {
        ["healthz" | "login" | "sign-up" | "language" | "app.webmanifest"] | ["assets", ..] => Need::Nothing,
        ["pages", _] | ["api", "v1", "pages", _] if reads => Need::Nothing,
        ["api", "v1", "session"] => Need::Nothing,
        ["api", "v1", "people"] if !reads => Need::Nothing,
        ["api", "v1", "audit" | "approvals" | "measures"] => Need::Rank(Rank::Moderator),
        ["api", "v1", "measures", ..] if reads => Need::Rank(Rank::Moderator),
        ["moderate", ..] if parts.len() > 1 => Need::Rank(Rank::Moderator),
        ["api", "v1", "reports", ..] | ["api", "v1", "uploads", _, "verdict"] => Need::Rank(Rank::Moderator),
        ["logout" | "account" | "library" | "following" | "upload", ..]
        | ["lists"]
        | ["api", "v1", "account" | "uploads", ..] => Need::Rank(Rank::Viewer),
        ["people" | "settings" | "setup", ..]
        | ["api", "v1", "people" | "house" | "invitations" | "logs" | "settings" | "restart" | "sites", ..] => {
            Need::Rank(Rank::Admin)
        }
        _ if reads => Need::Watching,
        ["api", "v1", "videos", _, "view"] => Need::Watching,
        ["watch", _, "say" | "report"] | ["api", "v1", "comments", _] => Need::Rank(Rank::Viewer),
        ["api", "v1", "videos", _, "comments" | "danmaku" | "vote" | "reports"] => Need::Rank(Rank::Viewer),
        ["lists", _] | ["api", "v1", "lists", _] => Need::Rank(Rank::Viewer),
        ["archive"] | ["api", "v1", "requests"] => Need::Rank(Rank::Trusted),
        ["moderate"] => Need::Rank(Rank::Moderator),
        ["archive", _] | ["api", "v1", "requests", ..] => Need::Rank(Rank::Moderator),
        ["watch", _, "look" | "hide"] | ["api", "v1", "videos", _, "look" | "hidden"] => {
            Need::Rank(Rank::Moderator)
        }
        _ => Need::Rank(Rank::Admin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_route_needs_what_it_should() {
        let (get, post) = (Method::GET, Method::POST);
        let rank = Need::Rank;
        for (method, path, wanted) in [
            (&get, "/", Need::Watching),
            (&get, "/watch/niconico%3Asm9", Need::Watching),
            (&get, "/media/bafy/v480/1.m4s", Need::Watching),
            (&get, "/login", Need::Nothing),
            (&post, "/sign-up", Need::Nothing),
            (&post, "/language", Need::Nothing),
            (&get, "/assets/app.js", Need::Nothing),
            (&get, "/account", rank(Rank::Viewer)),
            (&post, "/account/password", rank(Rank::Viewer)),
            (&post, "/logout", rank(Rank::Viewer)),
            (&get, "/library", rank(Rank::Viewer)),
            (&Method::PUT, "/api/v1/account/favourites/x", rank(Rank::Viewer)),
            (&post, "/archive", rank(Rank::Trusted)),
            (&post, "/api/v1/requests", rank(Rank::Trusted)),
            (&Method::DELETE, "/api/v1/requests/bafy", rank(Rank::Moderator)),
            (&post, "/moderate", rank(Rank::Moderator)),
            (&get, "/moderate/uploads", rank(Rank::Moderator)),
            (&get, "/api/v1/reports", rank(Rank::Moderator)),
            (&post, "/api/v1/videos/x/reports", rank(Rank::Viewer)),
            (&Method::PATCH, "/api/v1/uploads/x", rank(Rank::Viewer)),
            (&Method::OPTIONS, "/api/v1/uploads", rank(Rank::Viewer)),
            (&post, "/api/v1/uploads/x/verdict", rank(Rank::Moderator)),
            (&get, "/lists", rank(Rank::Viewer)),
            (&get, "/lists/x", Need::Watching),
            (&post, "/lists/x", rank(Rank::Viewer)),
            (&get, "/people", rank(Rank::Admin)),
            (&get, "/api/v1/people", rank(Rank::Admin)),
            (&get, "/api/v1/sites", rank(Rank::Admin)),
            (&get, "/api/v1/approvals", rank(Rank::Moderator)),
            (&get, "/api/v1/openapi.json", Need::Watching),
            (&post, "/api/v1/people", Need::Nothing),
            (&post, "/api/v1/people/12D3", rank(Rank::Admin)),
            (&post, "/groups", rank(Rank::Admin)),
            (&post, "/api/v1/login-links", rank(Rank::Admin)),
            (&post, "/anything/else", rank(Rank::Admin)),
            (&Method::OPTIONS, "/", Need::Watching),
        ] {
            assert_eq!(need(method, path), wanted, "{method} {path}");
        }
    }
}
