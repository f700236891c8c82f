//! Sites are asked no more than they bear, lists are read to their end and no further, and each state says why.

use horahora_testnet::{
    cluster::{Node, fixture},
    fixture::Fixture,
};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

const SEARCH: &str = "snapshot.search.nicovideo.jp/api/v2/snapshot/video/contents/search";

pub(crate) fn tag(name: &str) -> String {
    format!("https://www.nicovideo.jp/tag/{name}")
}

/// A node that reaches the fake Niconico through this proxy, with these lines set for that site.
pub(crate) async fn node_with(fixture: &Fixture, proxy: &str, set: &str) -> (Node, TempDir) {
    let dir = TempDir::with_prefix("horahora-pace-").unwrap();
    std::fs::write(dir.path().join("config.toml"), format!("[sites.\"nicovideo.jp\"]\n{set}\n")).unwrap();
    let args = format!("--ytdlp-args={}", fixture.ytdlp_args());
    let node =
        Node::start_in(dir.path(), &["--allow-private-sources", "--proxy", proxy, &args]).await.unwrap();
    (node, dir)
}

async fn site(node: &Node) -> Value {
    let sites = node.own("/api/v1/sites").await.unwrap();
    let mut items = sites["items"].as_array().unwrap().clone();
    items.retain(|site| site["site"] == "nicovideo.jp");
    items.pop().unwrap_or_default()
}

#[tokio::test]
async fn what_a_day_allows_is_kept_over_a_restart_and_told() {
    let fixture = fixture().await.unwrap();
    let (mut node, _dir) = node_with(&fixture, &fixture.proxy(), "requests_per_day = 12").await;
    let first = node.archive("https://www.nicovideo.jp/watch/sm101").await.unwrap();
    assert_eq!(first[0]["state"], "done");
    let second = node.request("https://www.nicovideo.jp/watch/sm102").await.unwrap();
    let waits = node.settled(&second, &["waiting"]).await.unwrap();
    assert_eq!(waits["code"], "budget", "{waits}");
    assert!(waits["reason"].as_str().unwrap().contains("12 requests to nicovideo.jp of today"), "{waits}");
    node.restart().await.unwrap();
    let waits = node.settled(&second, &["waiting"]).await.unwrap();
    assert_eq!(waits["code"], "budget", "{waits}");
    let site = site(&node).await;
    assert_eq!((site["requests_today"].as_u64(), site["requests_per_day"].as_u64()), (Some(12), Some(12)));
    assert!(site["bytes_today"].as_u64().unwrap() > 100_000, "{site}");
    // Another site is not its concern.
    let other = node.archive(&format!("{}/fixtube/watch/fx1", fixture.site())).await.unwrap();
    assert_eq!(other[0]["state"], "done");
}

#[tokio::test]
async fn a_site_that_wants_to_be_left_alone_is_over_a_restart_until_a_person_says_otherwise() {
    let fixture = fixture().await.unwrap();
    let mut node = Node::at(&fixture).await.unwrap();
    fixture.set_error("sm9", Some("429"));
    let id = node.request("https://www.nicovideo.jp/watch/sm9").await.unwrap();
    let waits = node.settled(&id, &["waiting"]).await.unwrap();
    assert_eq!(waits["code"], "rate_limited", "{waits}");
    node.restart().await.unwrap();
    let said = site(&node).await;
    assert_eq!(said["code"], "rate_limited", "{said}");
    let page = node.ask(Method::GET, "/sites").bearer_auth(node.token()).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("nicovideo.jp wants us to slow down"), "{page}");
    fixture.set_error("sm9", None);
    let answer = node.post("/api/v1/sites/nicovideo.jp/resume", &json!({})).await.unwrap();
    assert!(answer.status().is_success());
    assert_eq!(site(&node).await["code"], Value::Null);
    node.settled(&id, &["done"]).await.unwrap();
}

#[tokio::test]
async fn a_long_listing_that_was_broken_off_goes_on_where_it_was() {
    let fixture = fixture().await.unwrap();
    let (mut node, _dir) = node_with(&fixture, &fixture.proxy(), "requests_per_minute = 0").await;
    let path = format!("{}/fixtube/watch/fx1", fixture.site());
    node.archive(&path).await.unwrap();
    // Nothing can be fetched: only the list is looked at.
    let id = node.request(&tag("LONG_4000")).await.unwrap();
    let count = async |node: &Node| {
        let seen = node.own(&format!("/api/v1/requests/{id}")).await.unwrap();
        seen["count"].as_u64().unwrap()
    };
    let some = async || Ok(count(&node).await >= 1_500);
    node.until("some of it is listed", some).await.unwrap();
    node.kill().await.unwrap();
    let before = fixture.hits(SEARCH);
    assert!(before < 41, "it was not over: {before}");
    node.restart().await.unwrap();
    let all = async || Ok(count(&node).await == 4_000);
    node.until("all of it is listed", all).await.unwrap();
    let pages = fixture.hits(SEARCH);
    // The first page, for the total, and what was perhaps deleted meanwhile.
    assert!(pages <= 41 + 5, "{pages} pages were asked for");
}

#[tokio::test]
async fn a_list_that_never_ends_is_read_to_its_end() {
    let fixture = fixture().await.unwrap();
    let (node, _dir) = node_with(&fixture, &fixture.proxy(), "requests_per_minute = 0").await;
    let id = node.request("https://www.nicovideo.jp/user/4244/video").await.unwrap();
    let ended = node.settled(&id, &["done"]).await.unwrap();
    assert_eq!(ended["counts"]["done"], 5, "{ended}");
    assert!(fixture.hits("nvapi.nicovideo.jp/v2/users/4244/videos") < 50);
}

#[tokio::test]
async fn cookies_are_given_on_the_page_and_mistakes_are_told() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    let give = async |site: &str, text: String| {
        let path = format!("/api/v1/sites/{site}/cookies");
        let ask = node.ask(Method::PUT, &path).bearer_auth(node.token());
        let answer = ask.json(&json!({ "cookies": text })).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let cookie = |end: u64| format!(".nicovideo.jp\tTRUE\t/\tTRUE\t{end}\tuser_session\tsecret\n");
    for (site, text, code) in [
        ("nicovideo.jp", "<html>".to_owned(), "bad-cookies"),
        ("youtube.com", cookie(0), "bad-cookies"),
        ("nicovideo", cookie(0), "bad-site"),
    ] {
        let (status, said) = give(site, text).await;
        assert!(status == 400 && said.contains(code), "{site}: {status} {said}");
    }
    assert_eq!(give("nicovideo.jp", cookie(1_000_000_000)).await.0, 204);
    assert!(site(&node).await["cookies"].as_str().unwrap().contains("ran out"));
    let id = node.request("https://www.nicovideo.jp/watch/sm93").await.unwrap();
    let needs = node.settled(&id, &["needs-operator"]).await.unwrap();
    assert!(needs["reason"].as_str().unwrap().contains("ran out"), "{needs}");
    // A link is tried as the node is set up now.
    for (video, words) in [("sm93", "ran out"), ("sm9", "It can be had: 【初音ミク】月見うさぎ sm9")]
    {
        let path = format!("/sites?try=https%3A%2F%2Fwww.nicovideo.jp%2Fwatch%2F{video}");
        let ask = node.ask(Method::GET, &path).bearer_auth(node.token());
        let page = ask.send().await.unwrap().text().await.unwrap();
        assert!(page.contains(words), "{video}: {page}");
    }
    let stranger = reqwest::get(node.url("/api/v1/sites")).await.unwrap();
    assert_eq!(stranger.status(), 401);
    let ask = node.ask(Method::DELETE, "/api/v1/sites/nicovideo.jp/cookies").bearer_auth(node.token());
    assert_eq!(ask.json(&json!({})).send().await.unwrap().status(), 204);
    assert_eq!(site(&node).await["cookies"], Value::Null);
}
