//! What people say on one node is there on the others, goes when they or who may want it gone, and leaves outsiders alone.

use horahora_testnet::cluster::Node;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    claims::{GROUP, gather},
    people::Browser,
    search::{folder, import},
};

const VIDEO: &str = "/api/v1/videos/niconico%3Asm1";

async fn comments(node: &Node) -> Value {
    node.own(&format!("{VIDEO}/comments")).await.unwrap_or_default()
}

/// Comments that are shown, the newest first, each `name: text`.
fn texts(said: &Value) -> Vec<String> {
    let items = said["items"].as_array().into_iter().flatten().filter(|item| item["text"].is_string());
    items
        .map(|item| format!("{}: {}", item["name"].as_str().unwrap(), item["text"].as_str().unwrap()))
        .collect()
}

async fn says(node: &Node, wanted: &[&str]) {
    let there = async || Ok(texts(&comments(node).await) == wanted);
    node.until(&format!("the comments are {wanted:?}"), there).await.unwrap();
}

async fn sent(browser: &Browser<'_>, path: &str, body: Value) -> Value {
    let answer = browser.send(Method::POST, &format!("{VIDEO}{path}"), &body).await;
    let status = answer.status();
    assert!(status.is_success(), "{path} {body}: {status} {}", answer.text().await.unwrap());
    answer.json().await.unwrap_or_default()
}

#[tokio::test]
async fn what_is_said_on_one_node_is_there_on_the_others() {
    horahora_testnet::cluster::fixture().await.unwrap();
    let start = async |name| Node::start(&["--name", name, "--encoders", "0"]).await.unwrap();
    let nodes = [start("attic").await, start("barn").await, start("cellar").await];
    gather(&nodes[..2]).await;
    let [attic, barn, cellar] = &nodes;
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), &[("sm1", "真夜中の自動販売機", &["音MAD"])]);
    import(attic, dir.path(), Some(GROUP)).await;
    barn.until("the video is heard of", async || Ok(barn.own(VIDEO).await.is_ok())).await.unwrap();

    let ada = Browser::invited(attic, "ada", "viewer").await;
    let bob = Browser::invited(barn, "bob", "moderator").await;
    let first =
        sent(&ada, "/comments", json!({ "text": "1:38 ここ伝説 <script>alert(1)</script>" })).await["id"]
            .clone();
    says(barn, &["ada: 1:38 ここ伝説 <script>alert(1)</script>"]).await;
    sent(&bob, "/comments", json!({ "text": "yes", "reply_to": first })).await;
    says(attic, &["bob: yes", "ada: 1:38 ここ伝説 <script>alert(1)</script>"]).await;
    let page = bob.get("/watch/niconico%3Asm1").await.text().await.unwrap();
    assert!(page.contains("data-seek=\"98\">1:38</a>") && page.contains("from node attic"), "{page}");
    assert!(!page.contains("<script>alert"), "what people write is text");

    sent(&ada, "/vote", json!({ "vote": "up" })).await;
    sent(&bob, "/vote", json!({ "vote": "up" })).await;
    sent(&bob, "/vote", json!({ "vote": "down" })).await;
    let counted = async || Ok(comments(attic).await["votes"] == json!({ "up": 1, "down": 1 }));
    attic.until("both votes count, the latest of each", counted).await.unwrap();
    sent(&bob, "/danmaku", json!({ "at_ms": 1_500, "text": "8888", "colour": 0xff_0000, "place": "top" }))
        .await;
    let drawn = async || {
        let all = attic.own(&format!("{VIDEO}/danmaku")).await?;
        let one = &all["comments"][0];
        Ok((&one["t_ms"], &one["colour"], &one["text"]) == (&json!(1_500), &json!("#ff0000"), &json!("8888")))
    };
    attic.until("it is drawn there, too", drawn).await.unwrap();
    // Who watches without an account counts once.
    let nobody = Browser::nobody(attic);
    for _ in 0..3 {
        assert_eq!(nobody.send(Method::POST, &format!("{VIDEO}/view"), &json!({})).await.status(), 204);
    }
    assert_eq!(comments(attic).await["views"], json!({ "here": 1, "everywhere": 1 }));

    // Nobody takes away what is another's; a moderator of the node that it came through does, and who said it.
    let path = format!("/api/v1/comments/{}", first.as_str().unwrap());
    let eve = Browser::invited(attic, "eve", "viewer").await;
    assert_eq!(eve.send(Method::DELETE, &path, &json!({})).await.status(), 404);
    assert_eq!(ada.send(Method::DELETE, &path, &json!({})).await.status(), 204);
    says(barn, &["bob: yes"]).await;
    let spam = sent(&eve, "/comments", json!({ "text": "spam" })).await["id"].clone();
    says(barn, &["eve: spam", "bob: yes"]).await;
    let path = format!("/api/v1/comments/{}", spam.as_str().unwrap());
    let hidden =
        attic.ask(Method::DELETE, &path).bearer_auth(attic.token()).json(&json!({ "reason": "ads" }));
    assert_eq!(hidden.send().await.unwrap().status(), 204);
    says(barn, &["bob: yes"]).await;
    assert_eq!(comments(barn).await["count"], 1);
    let page = bob.get("/watch/niconico%3Asm1").await.text().await.unwrap();
    assert!(page.contains("Hidden by a moderator: ads"), "{page}");
    for (body, code) in [
        (json!({ "text": " " }), 400),
        (json!({ "text": "x".repeat(5_000) }), 400),
        (json!({ "text": "a", "reply_to": spam.as_str().unwrap().replace('b', "c") }), 404),
    ] {
        assert_eq!(
            ada.send(Method::POST, &format!("{VIDEO}/comments"), &body).await.status(),
            code,
            "{body}"
        );
    }
    // Who is in no group with them hears nothing of it.
    assert!(cellar.own(VIDEO).await.is_err());
}

#[tokio::test]
async fn what_was_said_while_apart_is_there_afterwards() {
    horahora_testnet::cluster::fixture().await.unwrap();
    let address = [(); 2].map(|()| horahora_testnet::cluster::fixed_address().unwrap());
    let attic = Node::start(&["--name", "attic", "--listen", &address[0]]).await.unwrap();
    let barn = Node::start(&["--name", "barn", "--listen", &address[1]]).await.unwrap();
    let mut nodes = [attic, barn];
    gather(&nodes).await;
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), &[("sm1", "真夜中の自動販売機", &["音MAD"])]);
    import(&nodes[0], dir.path(), Some(GROUP)).await;
    let barn = &nodes[1];
    barn.until("the video is heard of", async || Ok(barn.own(VIDEO).await.is_ok())).await.unwrap();
    nodes[1].stop().await.unwrap();
    let ada = Browser::invited(&nodes[0], "ada", "viewer").await;
    let kept = sent(&ada, "/comments", json!({ "text": "kept" })).await["id"].clone();
    let gone = sent(&ada, "/comments", json!({ "text": "gone" })).await["id"].clone();
    let path = format!("/api/v1/comments/{}", gone.as_str().unwrap());
    assert_eq!(ada.send(Method::DELETE, &path, &json!({})).await.status(), 204);
    nodes[1].restart().await.unwrap();
    says(&nodes[1], &["ada: kept"]).await;
    let known = comments(&nodes[1]).await;
    assert!(known["items"].as_array().unwrap().iter().any(|item| item["id"] == kept), "{known}");
}

#[tokio::test]
async fn what_people_said_at_the_origin_stands_below_what_they_say_here() {
    let fixture = horahora_testnet::cluster::fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    node.archive(&format!("{}/fixtube/watch/fx1", fixture.site())).await.unwrap();
    let replies = node.get("/api/v1/videos/fixtube%3Afx1/replies").await.unwrap();
    let said = replies["items"].as_array().unwrap();
    assert_eq!((&said[0]["author"], &said[0]["likes"]), (&json!("月影"), &json!(3)), "{replies}");
    assert_eq!((&said[1]["parent"], &said[1]["text"]), (&json!("1"), &json!("A reply <i>with marks</i>")));
    for path in ["/watch/fixtube%3Afx1", "/watch/fixtube%3Afx1?replies=all"] {
        let page = Browser::nobody(&node).get(path).await.text().await.unwrap();
        assert!(page.contains("Comments on fixtube") && page.contains("すばらしい"), "{page}");
        assert!(page.contains("A reply &#60;i&#62;with marks") && page.contains("3 liked it"), "{page}");
    }
}
