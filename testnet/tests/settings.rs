//! Settings are changed on the page, count after the node began again, and a mistake changes nothing.

use std::{fs, net::TcpListener};

use horahora_testnet::cluster::Node;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::people::Browser;

#[tokio::test]
async fn settings_are_saved_and_count_once_the_node_begins_again() {
    // It comes again at the same address.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let node = Node::start(&["--http", &format!("127.0.0.1:{port}")]).await.unwrap();
    let operator = Browser::operator(&node).await;
    let set = async |new: Value| {
        let answer = operator.send(Method::POST, "/api/v1/settings", &new).await;
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let file = || fs::read_to_string(node.data().join("config.toml")).unwrap();
    let before = file();
    for (key, value) in [("name", "mine"), ("http", "1.2.3.4:5"), ("keep_free_mb", "much"), ("data_dir", "/")]
    {
        let (status, said) = set(json!({ key: value })).await;
        assert_eq!((status, &said["code"]), (400, &json!("bad-setting")), "{key}: {said}");
    }
    assert_eq!(file(), before, "a mistake changes nothing");
    assert_eq!(set(json!({ "av1": "false", "proxy": null })).await.1["changed"], false);
    assert_eq!(set(json!({ "keep_free_mb": "7", "no_looks": "true" })).await.1["changed"], true);
    assert!(file().contains("keep_free_mb = 7\nno_looks = true\n"), "{}", file());
    let page = operator.get("/settings").await.text().await.unwrap();
    assert!(page.contains("Set when the node was started.") && page.contains("value=\"7\""), "{page}");
    assert!(page.contains("name=\"name\" value=\"testnode\""), "what counts is shown: {page}");
    assert!(page.contains("name=\"no_mdns\" value=\"true\" disabled"), "and it is off: {page}");

    // It answers nobody for a moment.
    let free = async || node.get("/api/v1/node").await.unwrap_or_default()["disk"]["keep_free"].clone();
    let pid = node.pid();
    assert_ne!(free().await, 7_000_000);
    // The form sends all of its fields; a box that is not checked is not among them.
    let saved =
        operator.form("/settings", &[("do", "save"), ("keep_free_mb", "9"), ("no_relay", "true")]).await;
    assert!(saved.text().await.unwrap().contains("Let it begin again now"));
    let told: Value = operator.get("/api/v1/settings").await.json().await.unwrap();
    let of = |key: &str| {
        told["items"].as_array().unwrap().iter().find(|item| item["key"] == key).unwrap()["value"].clone()
    };
    assert_eq!(
        (of("keep_free_mb"), of("no_looks"), of("no_relay")),
        (json!("9"), json!("true"), Value::Null)
    );
    let wrong = operator.form("/settings", &[("do", "save"), ("keep_free_mb", "lots")]).await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    let page = wrong.text().await.unwrap();
    assert!(
        page.contains("no whole number") && page.contains("value=\"lots\""),
        "what was typed stays: {page}"
    );

    let again = operator.form("/settings", &[("do", "restart")]).await;
    assert!(again.text().await.unwrap().contains("The node begins again"));
    let counts = async || Ok(free().await == 9_000_000);
    node.until("what was saved counts", counts).await.unwrap();
    assert_eq!(node.pid(), pid, "it is the same process");
    let log: Value = operator.get("/api/v1/audit").await.json().await.unwrap();
    let words: Vec<_> = log["items"].as_array().unwrap().iter().map(|row| row["what"].clone()).collect();
    assert_eq!(words[0], "let the node begin again", "the session is still open");
    assert_eq!(words[2], "changed the settings keep_free_mb, no_looks");
}

#[tokio::test]
async fn admins_write_the_pages_of_the_house_and_nothing_in_them_acts() {
    let node = Node::start(&[]).await.unwrap();
    let admin = Browser::invited(&node, "ada", "admin").await;
    let stranger = Browser::nobody(&node);
    let usual = stranger.get("/pages/privacy").await.text().await.unwrap();
    assert!(usual.contains("What this node knows of you") && !usual.contains("Write this page"), "{usual}");
    let text = "# 規約\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1)) **be kind**";
    let written = admin.form("/pages/terms", &[("text", text)]).await;
    assert_eq!(written.status(), StatusCode::SEE_OTHER);
    let page = stranger.get("/pages/terms").await.text().await.unwrap();
    assert!(page.contains("<h1>規約</h1>") && page.contains("<strong>be kind</strong>"), "{page}");
    assert!(!page.contains("<script>alert") && !page.contains("javascript:alert(1)\""), "{page}");
    let refused = stranger.send(Method::PUT, "/api/v1/pages/terms", &json!({ "text": "x" })).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let back = admin.send(Method::PUT, "/api/v1/pages/terms", &json!({ "text": "" })).await;
    assert_eq!(back.status(), StatusCode::NO_CONTENT);
    let said: Value = stranger.get("/api/v1/pages/terms").await.json().await.unwrap();
    assert_eq!(said["usual"], true);
    assert_eq!(stranger.get("/pages/else").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_new_node_is_set_up_in_the_browser() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let node = Node::start(&["--http", &format!("127.0.0.1:{port}")]).await.unwrap();
    let operator = Browser::operator(&node).await;
    assert!(operator.get("/").await.text().await.unwrap().contains("This node is new."));
    assert!(!Browser::nobody(&node).get("/").await.text().await.unwrap().contains("This node is new."));
    let mut form = vec![
        ("person", "豆狸"),
        ("password", "short"),
        ("keep_free", "0,5"),
        ("smaller", "yes"),
        ("sign_up", "open"),
        ("visitors", "yes"),
        ("group", "new"),
        ("group_name", "夜の音MAD"),
    ];
    let refused = operator.form("/setup", &form).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let page = refused.text().await.unwrap();
    assert!(page.contains("A password has 8 to 256 letters") && page.contains("夜の音MAD"), "{page}");
    form[2].1 = "much";
    assert_eq!(operator.form("/setup", &form).await.status(), StatusCode::BAD_REQUEST);
    (form[1].1, form[2].1) = ("correct horse battery", "0,5");
    let done = operator.form("/setup", &form).await;
    assert_eq!(done.status(), StatusCode::OK);
    let cookie = done.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert!(done.text().await.unwrap().contains("The node begins again"));
    let free =
        async || Ok(node.get("/api/v1/node").await.unwrap_or_default()["disk"]["keep_free"] == 500_000_000);
    node.until("it counts", free).await.unwrap();
    let me: Value = Browser::with(&node, cookie).get("/api/v1/account").await.json().await.unwrap();
    assert_eq!((&me["name"], &me["rank"]), (&json!("豆狸"), &json!("admin")));
    let house = node.own("/api/v1/house").await.unwrap();
    assert_eq!((&house["sign_up"], &house["visitors"]), (&json!("open"), &json!(true)));
    let groups = node.own("/api/v1/groups").await.unwrap();
    assert!(groups.as_array().unwrap().iter().any(|group| group["name"] == "夜の音MAD"), "{groups}");
    let again = Browser::operator(&node).await.get("/setup").await;
    assert_eq!(again.headers()["location"], "/settings", "it is done once");
}
