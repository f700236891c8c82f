//! The API as its document tells it: who may call what, and whatever schemathesis makes up of it is answered as promised.

use std::{collections::BTreeSet, fs, path::Path};

use horahora_testnet::cluster::{Node, fixture};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    containers::environment,
    people::{Browser, needed, routes},
    search::{folder, import},
};

/// What the document cannot say and the test does not do, each with its reason.
const LEFT_OUT: [(&str, &str); 4] = [
    ("/api/v1/restart", "the node would begin again in the middle of the test"),
    ("/api/v1/events", "it has no end"),
    ("/api/v1/imports", "a path that was made up may be a large folder of this machine"),
    ("/api/v1/account/session", "it ends the session that the test is logged in with"),
];

/// What is made up for each operation, besides its limits.
const EXAMPLES: u32 = 4;
/// Operations that are answered with a success to somebody, of 107: with fewer the test does not get behind the doors.
const REACHED: usize = 80;

#[tokio::test]
async fn the_document_says_who_may_call_what() {
    let node = Node::start(&[]).await.unwrap();
    let document = node.get("/api/v1/openapi.json").await.unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut told = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let route = format!("{} {path}", method.to_uppercase());
            let lines: Vec<_> = operation["security"].as_array().into_iter().flatten().collect();
            let open = lines.iter().any(|line| line.as_object().unwrap().is_empty()) || lines.is_empty();
            let role = lines.iter().find_map(|line| line["token"][0].as_str());
            // Without asking the site it is for who may watch; the document says so in words.
            if path != "/api/v1/inspect" {
                assert_eq!(if open { "nobody" } else { role.unwrap() }, needed(&route), "{route}");
            }
            told.insert(route);
        }
    }
    let routed = routes().into_iter().filter(|route| route.contains(" /api/v1/"));
    assert_eq!(routed.filter(|route| !told.contains(route)).collect::<Vec<_>>(), Vec::<String>::new());
}

#[tokio::test]
async fn every_error_has_one_form() {
    let node = Node::start(&[]).await.unwrap();
    let code = async |request: reqwest::RequestBuilder| {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.unwrap()["code"].as_str().unwrap().to_owned())
    };
    let get = |path: &str| node.ask(Method::GET, path);
    let post = |path: &str, body: &'static str| {
        let request = node.ask(Method::POST, path).bearer_auth(node.token()).body(body);
        request.header(header::CONTENT_TYPE, "application/json")
    };
    assert_eq!(code(get("/api/v1/videos?limit=many")).await, (400, "bad-request".to_owned()));
    assert_eq!(code(get("/api/v1/videos/%ff")).await, (400, "bad-request".to_owned()));
    assert_eq!(code(get("/oembed")).await, (400, "bad-request".to_owned()));
    assert_eq!(code(post("/api/v1/house", "{")).await, (400, "invalid-json".to_owned()));
    assert_eq!(code(post("/api/v1/house", "{\"visitors\": 1}")).await, (422, "bad-body".to_owned()));
    let large = Box::leak(" ".repeat(3 << 20).into_boxed_str());
    assert_eq!(code(post("/api/v1/house", large)).await, (413, "too-large".to_owned()));
    assert_eq!(code(node.ask(Method::TRACE, "/api/v1/node")).await, (405, "unknown-method".to_owned()));
}

#[tokio::test]
async fn the_page_shows_every_operation_and_loads_nothing_from_elsewhere() {
    let node = Node::start(&[]).await.unwrap();
    let answer = node.ask(Method::GET, "/api").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(
        answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("script-src 'self'")
    );
    let page = answer.text().await.unwrap();
    let document = node.get("/api/v1/openapi.json").await.unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let line = format!("<b>{}</b> {path}</code>", method.to_uppercase());
            assert!(page.contains(&line), "{line}");
        }
    }
    for place in page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(page.contains(&format!("id=\"{place}\"")), "#{place}");
    }
    for part in ["src=\"http", "href=\"http", "style=\"", "<script>"] {
        assert!(!page.contains(part), "{part}");
    }
    let abroad = node.ask(Method::GET, "/api/v1/openapi.json").header("x-forwarded-for", "203.0.113.5");
    assert_eq!(abroad.send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "it is for who may watch");
}

/// A token of somebody's own.
async fn token(who: &Browser<'_>, may: &str) -> String {
    let made = who.send(Method::POST, "/api/v1/account/tokens", &json!({ "name": "test", "may": may })).await;
    made.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
}

/// Asks a node by its document, as whoever `auth` says; gives what was found, if anything, and adds the operations that were
/// answered with a success.
async fn ask(
    node: &Node,
    dir: &Path,
    ids: &Value,
    auth: &str,
    checks: &str,
    reached: &mut BTreeSet<String>,
) -> Option<String> {
    let left_out = LEFT_OUT.map(|(path, _)| format!("\"{path}\"")).join(", ");
    // An error of oEmbed is 501 by its own words.
    let config = format!(
        "request-timeout = 30\ncontinue-on-failure = true\nwarnings = false\n\
         [generation]\nmax-examples = {EXAMPLES}\ndeterministic = true\n\
         [phases.stateful]\nenabled = false\n{auth}\n\
         [[operations]]\ninclude-path = [{left_out}]\nenabled = false\n\
         [[operations]]\ninclude-path = \"/oembed\"\nchecks.not_a_server_error.expected-statuses = [\"2xx\", \"4xx\", 501]\n"
    );
    fs::write(dir.join("schemathesis.toml"), config).unwrap();
    let mut command =
        Command::new(environment("schemathesis", "testnet/schemathesis.txt").join("schemathesis"));
    command.current_dir(dir).args([
        "--no-color",
        "run",
        &node.url("/api/v1/openapi.json"),
        "--checks",
        checks,
    ]);
    command
        .env("SCHEMATHESIS_HOOKS", "api_hooks")
        .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/tests"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("HORAHORA_IDS", ids.to_string()).env("NO_PROXY", "*");
    command.args(["--report", "ndjson", "--report-ndjson-path", "asked.ndjson"]);
    let said = command.kill_on_drop(true).output().await.unwrap();
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(text.contains("generated,"), "it ran: {text}{}", String::from_utf8_lossy(&said.stderr));
    let asked = fs::read_to_string(dir.join("asked.ndjson")).unwrap();
    for event in asked.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let told = &event["ScenarioFinished"]["recorder"];
        let statuses = told["interactions"].as_object().into_iter().flat_map(|all| all.values());
        let mut statuses = statuses.filter_map(|one| one["response"]["status_code"].as_u64());
        if statuses.any(|status| (200..300).contains(&status)) {
            reached.insert(told["label"].as_str().unwrap().to_owned());
        }
    }
    (!said.status.success()).then_some(text)
}

#[tokio::test]
async fn whatever_is_asked_is_answered_as_the_document_says() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), &[("sm1", "真夜中の自動販売機", &["音MAD"])]);
    import(&node, dir.path(), None).await;
    let [viewer, admin, other] = [("ada", "viewer"), ("bob", "admin"), ("eve", "viewer")]
        .map(|(name, rank)| Browser::invited(&node, name, rank));
    let (viewer, admin, other) = (viewer.await, admin.await, other.await);
    let ids = ids(&node, &viewer, &other).await;
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                  response_schema_conformance,allow_header_conformance,ignored_auth";
    let bearer = |token: String| format!("[auth.openapi.token]\nbearer = \"{token}\"");
    let session = viewer.cookie.split_once('=').unwrap().1;
    let by_cookie =
        format!("[auth.openapi.session]\napi_key = \"{session}\"\n[headers]\nOrigin = \"{}\"", node.url(""));
    let (mut wrong, mut reached) = (Vec::new(), BTreeSet::new());
    for (who, auth, checks) in [
        // What a path does not take is told before anything else where nothing else is wrong.
        ("nobody", String::new(), format!("{checks},unsupported_method")),
        ("a viewer with their cookie", by_cookie, checks.to_owned()),
        ("an admin with a token", bearer(token(&admin, "admin").await), checks.to_owned()),
    ] {
        let found = ask(&node, dir.path(), &ids, &auth, &checks, &mut reached).await;
        wrong.extend(found.map(|found| format!("as {who}:\n{found}")));
    }
    let said = node.log();
    let panics: Vec<_> = said.lines().filter(|line| line.contains("panicked")).collect();
    assert!(wrong.is_empty() && panics.is_empty(), "{}\n{}", wrong.join("\n"), panics.join("\n"));
    assert!(
        reached.len() >= REACHED,
        "{} operations were answered with a success: {reached:?}",
        reached.len()
    );
}

/// Ids that there are, and one that is none, for each name in a path.
async fn ids(node: &Node, viewer: &Browser<'_>, other: &Browser<'_>) -> Value {
    let video = "/api/v1/videos/niconico%3Asm1";
    let made = async |path: &str, body: Value| {
        let answer = viewer.send(Method::POST, path, &body).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{path}");
        answer.json::<Value>().await.unwrap()["id"].clone()
    };
    node.until("the video is there", async || {
        Ok(node.get(video).await.is_ok_and(|it| it["state"] == "done"))
    })
    .await
    .unwrap();
    let begun = viewer.request(Method::POST, "/api/v1/uploads").header("upload-length", "100");
    let begun = begun.header("upload-metadata", "filename YS5tcDQ=").send().await.unwrap();
    let upload = begun.headers()[header::LOCATION].to_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let person: Value = other.get("/api/v1/account").await.json().await.unwrap();
    let (requests, about) =
        (node.own("/api/v1/requests").await.unwrap(), node.own("/api/v1/node").await.unwrap());
    json!({
        "video": ["niconico:sm1", "x"],
        "request": [requests["items"][0]["id"], "x"],
        "act": [made(&format!("{video}/comments"), json!({ "text": "夏" })).await, "x"],
        "report": [made(&format!("{video}/reports"), json!({ "kind": "broken" })).await, "x"],
        "list": [made("/api/v1/account/lists", json!({ "name": "a", "public": true, "videos": ["niconico:sm1"] })).await, "x"],
        "upload": [upload, "x"],
        "person": [person["id"], "x"],
        "group": [about["groups"][0]["id"], "x"],
        "node": [about["node_id"], "x"],
        "site": ["niconico", "example.org"],
        "id": ["12", "x"],
        "page": ["about", "x"],
    })
}
