//! Who may do what: the token of this machine's programs, login links, sessions, and the checks that keep
//! other sites' pages from speaking for a person.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
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

use super::{Rooms, Shared, error::ApiError, pages};
use crate::{
    clock, identity,
    store::{
        Batch, Store,
        rows::{SESSIONS, session_key},
    },
};

const COOKIE: &str = "horahora_session";
/// A session ends after a year; people do not log in to their own machine every week.
const SESSION_MS: u64 = 365 * 24 * 3600 * 1000;
/// Unused login links; each start and each `horahora login` makes one.
const LINKS: usize = 100;
const POLICY: &str = "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; style-src 'self'; \
    script-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// Who may do what.
#[derive(Debug)]
pub struct Auth {
    token: String,
    hosts: Vec<String>,
    store: Store,
    links: Mutex<BTreeSet<String>>,
}

impl Auth {
    /// With this token for programs and these host names of the page.
    #[must_use]
    pub fn new(token: String, hosts: Vec<String>, store: Store) -> Self {
        Self { token, hosts, store, links: Mutex::default() }
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

    /// Whether the sender is the operator: a program with the token, or a browser with a session.
    pub(super) fn is_operator(&self, headers: &HeaderMap) -> bool {
        self.has_token(headers) || self.has_session(headers)
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let sent = sent.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        bool::from(sent.trim().as_bytes().ct_eq(self.token.as_bytes()))
    }

    fn has_session(&self, headers: &HeaderMap) -> bool {
        let Some(cookie) = cookie(headers, COOKIE) else { return false };
        let made = self.store.get(&SESSIONS, &session_key(cookie)).ok().flatten();
        made.is_some_and(|made| clock::now().ms_since(made) < SESSION_MS)
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
    let page = matches!(request.uri().path(), "/" | "/archive" | "/nodes")
        || request.uri().path().starts_with("/watch/")
        || request.uri().path().starts_with("/groups");
    let mut response = match check(&rooms.auth, from.ip(), &request) {
        Ok(()) if only_reads(&request) => next.run(request).await,
        Ok(()) => to_its_end(&rooms, request, next).await,
        Err(error) if page && error.status == StatusCode::UNAUTHORIZED => {
            Redirect::to("/login").into_response()
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

/// Checking the whole archive is a POST, and not to go on for nobody.
fn only_reads(request: &Request) -> bool {
    request.method().is_safe() || request.uri().path() == "/api/v1/verify"
}

/// What changes something goes on when its asker has gone: half a change is worse than none.
async fn to_its_end(rooms: &Rooms, request: Request, next: Next) -> Response {
    let (tell, done) = tokio::sync::oneshot::channel();
    rooms.sync.tasks().spawn("write", async move {
        let _ = tell.send(next.run(request).await);
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
    let open = path == "/healthz" || path == "/login" || path.starts_with("/assets/");
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if open || (reads && from.is_loopback()) {
        return Ok(());
    }
    if !auth.is_operator(headers) {
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "login-needed",
            "Open the login link that the node printed at its start; `horahora login` prints a new one.",
        ));
    }
    if reads {
        return Ok(());
    }
    let origin = headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or_default());
    let own = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let same = |origin: &str| origin.strip_prefix("http://").or(origin.strip_prefix("https://")) == Some(own);
    // Browsers always say where a page's request comes from; programs need not, they have the token.
    if !origin.map_or_else(|| auth.has_token(headers), same) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "other-origin",
            "A page of another site sent this request.",
        ));
    }
    let json = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let json = json.is_some_and(|value| value.split(';').next() == Some("application/json"));
    if path.starts_with("/api/") && !json {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "json-needed",
            "Send JSON with the header Content-Type: application/json.",
        ));
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
pub(super) struct LoginQuery {
    key: Option<String>,
}

/// `GET /login?key=…`: redeems a login link.
pub(super) async fn login(
    State(rooms): Shared,
    Query(query): Query<LoginQuery>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let known = rooms.auth.is_operator(&headers);
    // Looking at a link without opening it does not use it up.
    let Some(key) = query.key.filter(|_| !known && method == Method::GET) else {
        return if known { Redirect::to("/").into_response() } else { pages::login(&rooms, &headers, false) };
    };
    if !rooms.auth.redeem(&key) {
        return pages::login(&rooms, &headers, true);
    }
    match session(&rooms).await {
        Ok(cookie) => ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response(),
        Err(error) => error.into_response(),
    }
}

async fn session(rooms: &Arc<Rooms>) -> Result<String, ApiError> {
    let secret = identity::token();
    let mut batch = Batch::default();
    batch.put(&SESSIONS, &session_key(&secret), &clock::now());
    rooms.store.write(batch)?;
    rooms.store.durable().await?;
    let seconds = SESSION_MS / 1000;
    Ok(format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}"))
}

/// `POST /api/v1/login-links`: a new login link for whoever has the token.
pub(super) async fn login_link(State(rooms): Shared) -> Json<serde_json::Value> {
    Json(serde_json::json!({ "path": format!("/login?key={}", rooms.auth.login_key()) }))
}
