//! Who somebody is: the token of this machine's programs, login links, sessions; and the checks that keep other sites'
//! pages from speaking for a person. What each may do is in `rights`.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Mutex, PoisonError},
};

use axum::{
    Json,
    extract::{ConnectInfo, Query, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use subtle::ConstantTimeEq;
use url::form_urlencoded;

use super::{
    Rooms, Shared, account,
    error::{self, ApiError},
    pages,
    rights::{self, Need},
};
use crate::{
    identity,
    people::{People, PersonRow, Rank, SESSION_MS},
};

pub(super) const COOKIE: &str = "horahora_session";
const FORWARDED: &str = "x-forwarded-for";
/// Unused login links; each start and each `horahora login` makes one.
const LINKS: usize = 100;
/// What any path takes.
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
const POLICY: &str = "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; style-src 'self'; \
    script-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// Who is who.
#[derive(Debug)]
pub struct Auth {
    token: String,
    hosts: Vec<String>,
    people: People,
    links: Mutex<BTreeSet<String>>,
}

/// Who sent a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Who {
    /// What they may do; none without an account, or with one that is locked.
    pub(super) rank: Option<Rank>,
    /// Their account; the operator may have none.
    pub(super) person: Option<PersonRow>,
    /// Whether it is a program with a token, the node's or somebody's.
    by_token: bool,
    /// Whether it changes nothing.
    reads: bool,
}

impl Who {
    /// The person themselves, at a browser; what a lost token must not do is for them alone.
    pub(super) fn in_person(&self) -> Option<&PersonRow> {
        self.person.as_ref().filter(|_| !self.by_token)
    }
}

impl Auth {
    /// With this token for programs and these host names of the page.
    #[must_use]
    pub fn new(token: String, hosts: Vec<String>, people: People) -> Self {
        Self { token, hosts, people, links: Mutex::default() }
    }

    /// The key of a new login link; it works once.
    #[must_use]
    pub fn login_key(&self) -> String {
        let key = identity::token();
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if links.len() >= LINKS {
            links.clear();
        }
        links.insert(key.clone());
        key
    }

    fn redeem(&self, key: &str) -> bool {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).remove(key)
    }

    /// Who sent a request, by its headers.
    pub(super) fn who(&self, headers: &HeaderMap) -> Who {
        if self.has_token(headers) {
            return Who { rank: Some(Rank::Admin), by_token: true, ..Who::default() };
        }
        if let Some(row) = bearer(headers).and_then(|secret| self.people.token(secret).ok().flatten()) {
            let person = self.people.get(&row.person).ok().flatten();
            let rank = person.as_ref().and_then(PersonRow::allowed).map(|rank| rank.min(row.scope.rank));
            return Who { rank, person, by_token: true, reads: row.scope.reads };
        }
        let session = cookie(headers, COOKIE).and_then(|secret| self.people.session(secret).ok().flatten());
        match session.map(|session| session.person) {
            None => Who::default(),
            Some(None) => Who { rank: Some(Rank::Admin), ..Who::default() },
            Some(Some(id)) => {
                let person = self.people.get(&id).ok().flatten();
                Who { rank: person.as_ref().and_then(PersonRow::allowed), person, ..Who::default() }
            }
        }
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let sent = bearer(headers).unwrap_or_default();
        bool::from(sent.as_bytes().ct_eq(self.token.as_bytes()))
    }

    /// A page of another site must not reach this node under its own name (DNS rebinding): only addresses,
    /// localhost and the names that the operator set are answered.
    fn knows_host(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
        let name = host_name(host);
        name.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// The token that a program sends (RFC 6750).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let sent = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    sent.strip_prefix("Bearer ").map(str::trim)
}

/// The value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// A host without its port; IPv6 without its brackets.
fn host_name(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inside, _)) => inside,
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// Checks every request before its handler, and sets the headers of every answer.
pub(super) async fn guard(
    State(rooms): Shared,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    // Somebody before a browser is shown the way in; a program gets the code.
    let path = request.uri().path();
    let page = request.method().is_safe()
        && !["/api/", "/media/", "/blobs/"].iter().any(|part| path.starts_with(part));
    let back = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let login = format!(
        "/login?{}",
        form_urlencoded::Serializer::new(String::new()).append_pair("next", back).finish()
    );
    let mut response = match check(&rooms.auth, client(from.ip(), request.headers()), &request) {
        Ok(()) if only_reads(&request) => next.run(request).await,
        Ok(()) => to_its_end(&rooms, request, next).await,
        Err(error) if page && error.status == StatusCode::UNAUTHORIZED => {
            Redirect::to(&login).into_response()
        }
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Where somebody is. A proxy on this machine says for whom it asks; whoever comes through one is not this machine.
pub(super) fn client(from: IpAddr, headers: &HeaderMap) -> IpAddr {
    match headers.get_all(FORWARDED).iter().next_back() {
        Some(said) if from.is_loopback() => {
            let last = said.to_str().ok().and_then(|said| said.rsplit(',').next()?.trim().parse().ok());
            last.filter(|ip: &IpAddr| !ip.is_loopback()).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
        }
        _ => from,
    }
}

/// Checking the whole archive is a POST, and not to go on for nobody.
fn only_reads(request: &Request) -> bool {
    request.method().is_safe() || request.uri().path() == "/api/v1/verify"
}

/// What changes something goes on when its asker has gone: half a change is worse than none.
async fn to_its_end(rooms: &Rooms, request: Request, next: Next) -> Response {
    let lang = horahora_web::Lang::now();
    let (tell, done) = tokio::sync::oneshot::channel();
    rooms.sync.tasks().spawn("write", async move {
        let _ = tell.send(horahora_web::scoped(lang, next.run(request)).await);
    });
    done.await.unwrap_or_else(|error| ApiError::ours(error).into_response())
}

fn check(auth: &Auth, from: IpAddr, request: &Request) -> Result<(), ApiError> {
    let (headers, path) = (request.headers(), request.uri().path());
    if !auth.knows_host(headers) {
        return Err(ApiError::new(
            StatusCode::MISDIRECTED_REQUEST,
            "unknown-host",
            "This node does not know itself under this name. Open it by its address, or start it with --hosts NAME.",
        ));
    }
    // TRACE and what else there may be: no path takes it, whoever asks.
    if !METHODS.contains(request.method()) {
        return Err(error::no_method());
    }
    let (reads, who) = (request.method().is_safe(), auth.who(headers));
    let has = |rank: Rank| who.rank >= Some(rank);
    let need = rights::need(request.method(), path);
    let fine = match need {
        Need::Nothing => true,
        Need::Watching => from.is_loopback() || who.rank.is_some() || auth.people.house()?.visitors,
        Need::Rank(rank) => has(rank),
    };
    if !fine {
        return Err(refusal(&who, need));
    }
    if reads {
        return Ok(());
    }
    if who.reads {
        let message = "This token only reads. Make one that may change something on your account's page.";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "token-reads", message));
    }
    let origin = headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or_default());
    let own = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let same = |origin: &str| origin.strip_prefix("http://").or(origin.strip_prefix("https://")) == Some(own);
    // Browsers always say where a page's request comes from; programs need not, they have the token.
    let program = who.by_token || (!matches!(need, Need::Rank(_)) && !headers.contains_key(header::COOKIE));
    if !origin.map_or(program, same) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "other-origin",
            "A page of another site sent this request.",
        ));
    }
    let json = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let json = json.is_some_and(|value| value.split(';').next() == Some("application/json"));
    // The protocol of uploads has bodies of its own; a browser asks before it sends those for another site's page.
    if path.starts_with("/api/") && !path.starts_with("/api/v1/uploads") && !json {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "json-needed",
            "Send JSON with the header Content-Type: application/json.",
        ));
    }
    Ok(())
}

fn refusal(who: &Who, need: Need) -> ApiError {
    match (&who.person, need) {
        (Some(person), _) if person.banned.is_some() => {
            let reason = person.banned.as_deref().unwrap_or_default();
            ApiError::new(StatusCode::FORBIDDEN, "locked", format!("This account is locked: {reason}"))
        }
        (Some(person), Need::Rank(rank)) => {
            let message = format!("This needs the rank {}; you are {}.", rank.name(), person.rank.name());
            ApiError::new(StatusCode::FORBIDDEN, "rank-needed", message)
        }
        _ => ApiError::new(
            StatusCode::UNAUTHORIZED,
            "login-needed",
            "Log in first. Whoever runs the node opens the login link that it printed at its start; `horahora login` prints a \
             new one.",
        ),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct LoginQuery {
    key: Option<String>,
    next: Option<String>,
}

/// `GET /login?key=…`: the form, or a login link that is redeemed.
pub(super) async fn login(
    State(rooms): Shared,
    Query(query): Query<LoginQuery>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let who = rooms.auth.who(&headers);
    let next = local(query.next.as_deref());
    // Looking at a link without opening it does not use it up.
    let Some(key) = query.key.filter(|_| who.rank < Some(Rank::Admin) && method == Method::GET) else {
        return if who.rank.is_some() {
            Redirect::to(next).into_response()
        } else {
            account::login_page(&rooms, &headers, next)
        };
    };
    if !rooms.auth.redeem(&key) {
        return pages::used_link(&rooms, &headers);
    }
    match rooms.people.open_session(None, agent(&headers)).await {
        Ok(secret) => {
            ([(header::SET_COOKIE, session_cookie(&secret, &headers))], Redirect::to("/")).into_response()
        }
        Err(error) => ApiError::from(error).into_response(),
    }
}

/// What a browser calls itself.
pub(super) fn agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("a program")
}

/// The cookie of a session: not for scripts, not sent by forms of other sites, and over TLS only where the page is.
pub(super) fn session_cookie(secret: &str, headers: &HeaderMap) -> String {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let secure = if origin.starts_with("https://") { "; Secure" } else { "" };
    let seconds = if secret.is_empty() { 0 } else { SESSION_MS / 1000 };
    format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
}

/// A path of this node to go on to, whatever somebody wrote: never another site.
pub(super) fn local(next: Option<&str>) -> &str {
    let fine = |next: &&str| {
        next.starts_with('/') && !next[1..].starts_with(['/', '\\']) && !next.chars().any(char::is_control)
    };
    next.filter(fine).unwrap_or("/")
}

/// `POST /api/v1/login-links`: a new login link for whoever has the token.
pub(super) async fn login_link(State(rooms): Shared) -> Json<serde_json::Value> {
    Json(serde_json::json!({ "path": format!("/login?key={}", rooms.auth.login_key()) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_through_a_proxy_is_elsewhere() {
        let at = |from: &str, said: Option<&str>| {
            let mut headers = HeaderMap::new();
            said.map(|said| headers.insert(FORWARDED, HeaderValue::from_str(said).unwrap()));
            client(from.parse().unwrap(), &headers).to_string()
        };
        assert_eq!(at("127.0.0.1", None), "127.0.0.1");
        assert_eq!(at("::1", Some("198.51.100.7, 203.0.113.5")), "203.0.113.5");
        // What cannot be read, and what somebody makes up, is not this machine.
        assert_eq!(at("127.0.0.1", Some("unknown")), "0.0.0.0");
        assert_eq!(at("127.0.0.1", Some("127.0.0.1")), "0.0.0.0");
        // Who is elsewhere cannot say to be somewhere else.
        assert_eq!(at("192.0.2.1", Some("127.0.0.1")), "192.0.2.1");
    }

    #[test]
    fn nobody_is_sent_to_another_site() {
        for next in ["/", "/watch/a?b=/c", "/search?q=%2F%2F"] {
            assert_eq!(local(Some(next)), next);
        }
        for next in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "",
            "/a\r\nb",
        ] {
            assert_eq!(local(Some(next)), "/", "{next}");
        }
    }
}
