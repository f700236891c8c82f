//! Accounts: who comes in, what each rank may do, and that nobody gets in by another way.

use std::{fs, path::PathBuf};

use horahora_testnet::cluster::Node;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A browser: its cookie, and the node's own origin with every write.
pub(crate) struct Browser<'a> {
    node: &'a Node,
    pub(crate) cookie: String,
}

impl<'a> Browser<'a> {
    /// Opens the node's login link.
    pub(crate) async fn operator(node: &'a Node) -> Self {
        let link = node.say(&["login"]).await.unwrap()["login"].as_str().unwrap().to_owned();
        let link = link.strip_prefix(&node.url("")).unwrap();
        let answer = node.ask(Method::GET, link).send().await.unwrap();
        Self { node, cookie: cookie(&answer) }
    }

    /// Makes an account with an invitation of this rank.
    pub(crate) async fn invited(node: &'a Node, name: &str, rank: &str) -> Self {
        let made = node.post("/api/v1/invitations", &json!({ "rank": rank })).await.unwrap();
        let code = made.json::<Value>().await.unwrap()["code"].as_str().unwrap().to_owned();
        let body = json!({ "name": name, "password": PASSWORD, "code": code });
        let answer = Self { node, cookie: String::new() }.send(Method::POST, "/api/v1/people", &body).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        Self { node, cookie: cookie(&answer) }
    }

    /// With a cookie of before.
    pub(crate) fn with(node: &'a Node, cookie: String) -> Self {
        Self { node, cookie }
    }

    /// Without an account.
    pub(crate) fn nobody(node: &'a Node) -> Self {
        Self { node, cookie: String::new() }
    }

    /// A request as a page's script sends it.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.node
            .ask(method, path)
            .header(header::ORIGIN, self.node.url(""))
            .header(header::COOKIE, &self.cookie)
    }

    /// Sends JSON as a page's script does.
    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> reqwest::Response {
        let request = self.node.ask(method, path).header(header::ORIGIN, self.node.url(""));
        request.header(header::COOKIE, &self.cookie).json(body).send().await.unwrap()
    }

    /// Sends a form.
    pub(crate) async fn form(&self, path: &str, form: &[(&str, &str)]) -> reqwest::Response {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.node.ask(Method::POST, path).header(header::ORIGIN, self.node.url("")).body(body);
        let typed = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        typed.header(header::COOKIE, &self.cookie).send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.node.ask(Method::GET, path).header(header::COOKIE, &self.cookie).send().await.unwrap()
    }
}

fn cookie(answer: &reqwest::Response) -> String {
    let set = answer.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
    set.split(';').next().unwrap().to_owned()
}

async fn code(answer: reqwest::Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body = answer.json::<Value>().await.unwrap_or_default();
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn people_come_in_change_their_password_and_go() {
    let node = Node::start(&[]).await.unwrap();
    let operator = Browser::operator(&node).await;
    let page = operator.get("/sign-up").await.text().await.unwrap();
    assert!(page.contains("rank of an admin"), "{page}");
    let made = operator.form("/sign-up", &[("name", "tanuki"), ("password", PASSWORD)]).await;
    assert_eq!(made.status(), StatusCode::SEE_OTHER);
    let tanuki = Browser { node: &node, cookie: cookie(&made) };
    assert_ne!(tanuki.cookie, operator.cookie, "the session changes with the person");
    assert_eq!(
        code(operator.send(Method::GET, "/api/v1/people", &json!({})).await).await.0,
        401,
        "the old one is over"
    );
    let mine: Value = tanuki.get("/api/v1/account").await.json().await.unwrap();
    assert_eq!((&mine["name"], &mine["rank"]), (&json!("tanuki"), &json!("admin")));
    assert!(tanuki.get("/").await.text().await.unwrap().contains("Your account: tanuki"));

    let stranger = Browser { node: &node, cookie: String::new() };
    let come = |name: &'static str, code: String| {
        let body = json!({ "name": name, "password": PASSWORD, "code": code });
        async { code_of(&stranger, Method::POST, "/api/v1/people", body).await }
    };
    assert_eq!(come("kitsune", String::new()).await, (403, "not-taken-in".to_owned()));
    let invitation: Value = tanuki
        .send(Method::POST, "/api/v1/invitations", &json!({ "rank": "trusted" }))
        .await
        .json()
        .await
        .unwrap();
    let invited = invitation["code"].as_str().unwrap().to_owned();
    assert_eq!(come("ＴＡＮＵＫＩ", invited.clone()).await, (409, "name-taken".to_owned()));
    assert_eq!(come("kitsune", invited.clone()).await, (201, String::new()));
    assert_eq!(come("inu", invited).await, (403, "not-taken-in".to_owned()));

    let wrong = json!({ "name": "kitsune", "password": "wrong" });
    assert_eq!(
        code_of(&stranger, Method::POST, "/api/v1/session", wrong).await,
        (401, "wrong-password".to_owned())
    );
    let entered = stranger
        .form("/login", &[("name", "Kitsune"), ("password", PASSWORD), ("next", "//evil.example")])
        .await;
    assert_eq!(entered.headers()[header::LOCATION], "/", "nobody is sent to another site");
    let kitsune = Browser { node: &node, cookie: cookie(&entered) };
    let new = "another long password";
    let changed =
        kitsune.send(Method::POST, "/api/v1/account/password", &json!({ "old": PASSWORD, "new": new })).await;
    let here = Browser { node: &node, cookie: cookie(&changed) };
    assert_eq!(
        kitsune.get("/api/v1/account").await.status(),
        StatusCode::UNAUTHORIZED,
        "its session is over"
    );
    let mine: Value = here.get("/api/v1/account").await.json().await.unwrap();
    assert_eq!(mine["sessions"].as_array().unwrap().len(), 1);
    let export: Value = here.get("/api/v1/account/export").await.json().await.unwrap();
    assert_eq!(export["secret_key"].as_str().unwrap().len(), 64);

    // Locked: at once, with the reason, and nothing is left open.
    let path = format!("/api/v1/people/{}", mine["id"].as_str().unwrap());
    tanuki.send(Method::POST, &path, &json!({ "locked": "spam" })).await;
    let said = here.send(Method::POST, "/api/v1/requests", &json!({ "url": "x" })).await;
    assert_eq!(code(said).await, (403, "locked".to_owned()));
    tanuki.send(Method::POST, &path, &json!({ "locked": false })).await;
    assert_eq!(
        code_of(&here, Method::DELETE, "/api/v1/account", json!({ "password": "wrong" })).await.0,
        401
    );
    assert_eq!(code_of(&here, Method::DELETE, "/api/v1/account", json!({ "password": new })).await.0, 204);
    let all: Value = tanuki.get("/api/v1/people").await.json().await.unwrap();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    // A form from elsewhere does nothing, whatever cookie the browser sends along.
    let forged = node.ask(Method::POST, "/logout").header(header::ORIGIN, "https://evil.example");
    let forged = forged.header(header::COOKIE, &tanuki.cookie).send().await.unwrap();
    assert_eq!(code(forged).await, (403, "other-origin".to_owned()));
    let gone = tanuki.form("/logout", &[]).await;
    assert!(gone.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(tanuki.get("/api/v1/account").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn who_is_elsewhere_watches_only_as_the_house_says() {
    let node = Node::start(&[]).await.unwrap();
    // As a proxy on this machine asks for somebody.
    let elsewhere = |path: &str| node.ask(Method::GET, path).header("x-forwarded-for", "203.0.113.5").send();
    let answer = elsewhere("/search?q=a").await.unwrap();
    assert_eq!(answer.headers()[header::LOCATION], "/login?next=%2Fsearch%3Fq%3Da");
    assert_eq!(elsewhere("/api/v1/videos").await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(elsewhere("/login").await.unwrap().status(), StatusCode::OK);
    let app: Value = elsewhere("/app.webmanifest").await.unwrap().json().await.unwrap();
    assert_eq!((&app["display"], &app["start_url"]), (&json!("standalone"), &json!("/")));
    assert_eq!(elsewhere(app["icons"][0]["src"].as_str().unwrap()).await.unwrap().status(), StatusCode::OK);
    let viewer = Browser::invited(&node, "kitsune", "viewer").await;
    let known = node.ask(Method::GET, "/").header("x-forwarded-for", "203.0.113.5");
    assert_eq!(known.header(header::COOKIE, &viewer.cookie).send().await.unwrap().status(), StatusCode::OK);
    node.post("/api/v1/house", &json!({ "visitors": true })).await.unwrap();
    assert_eq!(elsewhere("/search?q=a").await.unwrap().status(), StatusCode::OK);
    assert_eq!(
        elsewhere("/people").await.unwrap().status(),
        StatusCode::SEE_OTHER,
        "that is still for admins"
    );
}

async fn code_of(browser: &Browser<'_>, method: Method, path: &str, body: Value) -> (u16, String) {
    code(browser.send(method, path, &body).await).await
}

/// What each route needs, but for reading: that needs nothing on this machine unless it is named here. What is not named is
/// for admins.
pub(crate) const RIGHTS: [(&str, &str); 107] = [
    ("POST /login", "nobody"),
    ("POST /sign-up", "nobody"),
    ("POST /language", "nobody"),
    ("POST /api/v1/session", "nobody"),
    ("POST /api/v1/people", "nobody"),
    ("GET /account", "viewer"),
    ("POST /account", "viewer"),
    ("POST /logout", "viewer"),
    ("GET /api/v1/account", "viewer"),
    ("DELETE /api/v1/account", "viewer"),
    ("POST /api/v1/account/password", "viewer"),
    ("GET /api/v1/account/export", "viewer"),
    ("DELETE /api/v1/account/session", "viewer"),
    ("DELETE /api/v1/account/sessions/{session}", "viewer"),
    ("GET /account/tokens", "viewer"),
    ("POST /account/tokens", "viewer"),
    ("GET /api/v1/account/tokens", "viewer"),
    ("POST /api/v1/account/tokens", "viewer"),
    ("DELETE /api/v1/account/tokens/{token}", "viewer"),
    ("GET /library", "viewer"),
    ("POST /library", "viewer"),
    ("GET /following", "viewer"),
    ("POST /following", "viewer"),
    ("GET /api/v1/account/following", "viewer"),
    ("POST /api/v1/account/following", "viewer"),
    ("DELETE /api/v1/account/following", "viewer"),
    ("GET /api/v1/account/following/videos", "viewer"),
    ("GET /api/v1/account/favourites", "viewer"),
    ("PUT /api/v1/account/favourites/{video}", "viewer"),
    ("DELETE /api/v1/account/favourites/{video}", "viewer"),
    ("GET /api/v1/account/history", "viewer"),
    ("POST /api/v1/account/history", "viewer"),
    ("DELETE /api/v1/account/history", "viewer"),
    ("DELETE /api/v1/account/history/{video}", "viewer"),
    ("POST /watch/{video}/say", "viewer"),
    ("POST /api/v1/videos/{video}/comments", "viewer"),
    ("POST /api/v1/videos/{video}/danmaku", "viewer"),
    ("POST /api/v1/videos/{video}/vote", "viewer"),
    ("POST /api/v1/videos/{video}/view", "nobody"),
    ("DELETE /api/v1/comments/{act}", "viewer"),
    ("GET /api/v1/inspect", "trusted"),
    ("POST /archive", "trusted"),
    ("POST /api/v1/requests", "trusted"),
    ("POST /archive/{request}", "moderator"),
    ("POST /api/v1/requests/{request}", "moderator"),
    ("DELETE /api/v1/requests/{request}", "moderator"),
    ("POST /api/v1/requests/{request}/retry", "moderator"),
    ("POST /moderate", "moderator"),
    ("GET /api/v1/approvals", "moderator"),
    ("POST /api/v1/approvals", "moderator"),
    ("POST /watch/{video}/look", "moderator"),
    ("POST /api/v1/videos/{video}/look", "moderator"),
    ("GET /moderate/log", "moderator"),
    ("GET /api/v1/audit", "moderator"),
    ("GET /settings/log", "admin"),
    ("GET /api/v1/logs", "admin"),
    ("GET /moderate/measures", "moderator"),
    ("POST /moderate/measures", "moderator"),
    ("GET /api/v1/measures", "moderator"),
    ("POST /api/v1/measures", "moderator"),
    ("PUT /api/v1/measures/threshold", "admin"),
    ("GET /api/v1/measures/lists/{node}", "moderator"),
    ("PUT /api/v1/measures/lists/{node}", "admin"),
    ("POST /watch/{video}/hide", "moderator"),
    ("POST /api/v1/videos/{video}/hidden", "moderator"),
    ("DELETE /api/v1/videos/{video}/hidden", "moderator"),
    ("GET /lists", "viewer"),
    ("POST /lists", "viewer"),
    ("POST /lists/{list}", "viewer"),
    ("GET /api/v1/account/lists", "viewer"),
    ("POST /api/v1/account/lists", "viewer"),
    ("POST /api/v1/lists/{list}", "viewer"),
    ("DELETE /api/v1/lists/{list}", "viewer"),
    ("GET /api/v1/account/reports", "viewer"),
    ("POST /watch/{video}/report", "viewer"),
    ("POST /api/v1/videos/{video}/reports", "viewer"),
    ("GET /upload", "viewer"),
    ("POST /upload", "viewer"),
    ("POST /upload/{upload}", "viewer"),
    ("GET /api/v1/uploads", "viewer"),
    ("POST /api/v1/uploads", "viewer"),
    ("OPTIONS /api/v1/uploads", "viewer"),
    ("GET /api/v1/uploads/{upload}", "viewer"),
    ("HEAD /api/v1/uploads/{upload}", "viewer"),
    ("POST /api/v1/uploads/{upload}", "viewer"),
    ("PATCH /api/v1/uploads/{upload}", "viewer"),
    ("DELETE /api/v1/uploads/{upload}", "viewer"),
    ("GET /api/v1/uploads/{upload}/file", "viewer"),
    ("PUT /api/v1/uploads/{upload}/thumbnail", "viewer"),
    ("GET /moderate/uploads", "moderator"),
    ("POST /moderate/uploads", "moderator"),
    ("GET /moderate/reports", "moderator"),
    ("POST /moderate/reports", "moderator"),
    ("GET /api/v1/reports", "moderator"),
    ("POST /api/v1/reports/{report}", "moderator"),
    ("POST /api/v1/uploads/{upload}/verdict", "moderator"),
    ("GET /people", "admin"),
    ("GET /settings", "admin"),
    ("GET /setup", "admin"),
    ("GET /api/v1/settings", "admin"),
    ("GET /api/v1/people", "admin"),
    ("GET /api/v1/invitations", "admin"),
    ("GET /api/v1/house", "admin"),
    ("GET /api/v1/sites", "admin"),
    ("POST /people", "admin"),
    ("POST /api/v1/people/{person}", "admin"),
    ("DELETE /api/v1/people/{person}", "admin"),
];

/// The least rank that a route needs.
pub(crate) fn needed(route: &str) -> &'static str {
    let named = RIGHTS.iter().find(|(named, _)| *named == route).map(|(_, rank)| *rank);
    named.unwrap_or(if route.starts_with("GET ") { "nobody" } else { "admin" })
}

/// Every route as the router lists it: method and path.
pub(crate) fn routes() -> Vec<String> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../node/src/http.rs");
    let text: String = fs::read_to_string(file).unwrap().split_whitespace().collect();
    let mut all = Vec::new();
    for route in text.split(".route(\"").skip(1) {
        let (path, methods) = route.split_once('"').unwrap();
        let methods = methods.split(".route(").next().unwrap();
        let of = |name: &str| {
            [format!(",{name}("), format!(").{name}(")].iter().any(|call| methods.contains(call.as_str()))
        };
        let named =
            ["get", "post", "put", "delete", "patch", "head", "options"].into_iter().filter(|name| of(name));
        all.extend(named.map(|name| format!("{} {path}", name.to_uppercase())));
    }
    all
}

#[tokio::test]
async fn each_rank_may_do_what_it_may_and_no_more() {
    let node = Node::start(&[]).await.unwrap();
    let ranks = ["nobody", "viewer", "trusted", "moderator", "admin"];
    let routes = routes();
    assert!(routes.len() > 100, "{routes:?}");
    for (named, _) in RIGHTS {
        assert!(routes.iter().any(|route| route == named), "{named} is no route");
    }
    for (at, rank) in ranks.into_iter().enumerate() {
        let mut browser = Browser { node: &node, cookie: String::new() };
        for route in &routes {
            // Some of them end the session or the account.
            if at > 0
                && (browser.cookie.is_empty()
                    || browser.get("/api/v1/account").await.status() != StatusCode::OK)
            {
                browser = Browser::invited(
                    &node,
                    &format!("{rank} {}", horahora::identity::token().get(..8).unwrap()),
                    rank,
                )
                .await;
            }
            let (method, path) = route.split_once(' ').unwrap();
            // One never ends, the other ends the node.
            if ["/api/v1/events", "/api/v1/restart"].contains(&path) {
                continue;
            }
            let needed = needed(route);
            let may = at >= ranks.iter().position(|rank| *rank == needed).unwrap();
            let path: Vec<_> =
                path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
            let answer = browser.send(method.parse().unwrap(), &path.join("/"), &json!({})).await;
            let status = answer.status();
            let to_login = answer
                .headers()
                .get(header::LOCATION)
                .is_some_and(|to| to.to_str().unwrap().starts_with("/login"));
            let (_, code) = code(answer).await;
            let refused = to_login
                || ["login-needed", "rank-needed"].contains(&code.as_str())
                || (method == "HEAD" && [401, 403].contains(&status.as_u16()));
            assert_eq!(!refused, may, "{route} by {rank}: {status} {code}");
            assert!(!status.is_server_error() || code == "no-holder", "{route} by {rank}: {status} {code}");
        }
    }
}

#[tokio::test]
async fn a_token_does_what_its_owner_lets_it_and_no_more() {
    let node = Node::start(&[]).await.unwrap();
    let ada = Browser::invited(&node, "ada", "moderator").await;
    let make = async |may: &str| {
        let body = json!({ "name": "my script", "may": may });
        let made = ada.send(Method::POST, "/api/v1/account/tokens", &body).await;
        assert_eq!(made.status(), StatusCode::CREATED, "{may}");
        made.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
    };
    // A program sends no Origin, and nothing of a cookie.
    let send = async |token: &str, method: Method, path: &str, body: Value| {
        let answer = reqwest::Client::new().request(method, node.url(path)).bearer_auth(token).json(&body);
        code(answer.send().await.unwrap()).await
    };
    let read = make("read").await;
    let moderate = make("admin").await;
    let ask = json!({ "url": "https://www.nicovideo.jp/watch/sm9" });
    assert_eq!(send(&read, Method::GET, "/api/v1/audit", json!({})).await.0, 200);
    assert_eq!(
        send(&read, Method::POST, "/api/v1/requests", ask.clone()).await,
        (403, "token-reads".to_owned())
    );
    assert_eq!(send(&moderate, Method::POST, "/api/v1/requests", ask.clone()).await.0, 202);
    assert_eq!(
        send(&moderate, Method::GET, "/api/v1/people", json!({})).await,
        (403, "rank-needed".to_owned())
    );
    let trusted = make("trusted").await;
    assert_eq!(
        send(&trusted, Method::GET, "/api/v1/audit", json!({})).await,
        (403, "rank-needed".to_owned())
    );
    // It makes no more of itself, and does not take the key along.
    for path in ["/api/v1/account/tokens", "/api/v1/account/export"] {
        assert_eq!(
            send(&moderate, Method::GET, path, json!({})).await,
            (403, "session-needed".to_owned()),
            "{path}"
        );
    }
    let more =
        send(&moderate, Method::POST, "/api/v1/account/tokens", json!({ "name": "x", "may": "read" })).await;
    assert_eq!(more, (403, "session-needed".to_owned()));
    let page =
        ada.form("/account/tokens", &[("do", "make"), ("name", "<b>"), ("may", "read"), ("days", "7")]).await;
    let page = page.text().await.unwrap();
    assert!(
        page.contains("it is shown once") && page.contains("hh_") && page.contains("&#60;b&#62;"),
        "{page}"
    );
    // Her rank goes, and so does the token's; and it ends when she takes it back.
    let id =
        ada.get("/api/v1/account").await.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    node.post(&format!("/api/v1/people/{id}"), &json!({ "rank": "viewer" })).await.unwrap();
    assert_eq!(send(&moderate, Method::POST, "/api/v1/requests", ask).await, (403, "rank-needed".to_owned()));
    let all: Value = ada.get("/api/v1/account/tokens").await.json().await.unwrap();
    for item in all["items"].as_array().unwrap() {
        let path = format!("/api/v1/account/tokens/{}", item["id"].as_str().unwrap());
        assert_eq!(ada.send(Method::DELETE, &path, &json!({})).await.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(send(&read, Method::GET, "/api/v1/audit", json!({})).await, (401, "login-needed".to_owned()));
}
