//! What moderators decide on one node counts on those that trust them, as soon as enough of them agree, and nowhere else.

use std::time::Duration;

use horahora_testnet::cluster::{Node, fixed_address, fixture};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    claims::{GROUP, gather},
    people::Browser,
    search::{folder, import},
};

const VIDEO: &str = "/api/v1/videos/niconico%3Asm1";
const OTHER: &str = "/api/v1/videos/niconico%3Asm2";
/// Others know of what was decided so soon.
const SOON: Duration = Duration::from_secs(5);

async fn decide(node: &Node, kind: &str, id: &str, action: &str, reason: &str) {
    let body = json!({ "kind": kind, "id": id, "action": action, "reason": reason, "tell": true });
    let answer = node.post("/api/v1/measures", &body).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{body}: {}", answer.text().await.unwrap());
}

async fn weigh(node: &Node, whose: &Node, weight: u32) {
    let path = format!("/api/v1/measures/lists/{}", whose.id().await.unwrap());
    let asked = node.ask(Method::PUT, &path).bearer_auth(node.token()).json(&json!({ "weight": weight }));
    assert_eq!(asked.send().await.unwrap().status(), StatusCode::NO_CONTENT);
}

async fn status(node: &Node, path: &str) -> StatusCode {
    Browser::nobody(node).get(path).await.status()
}

async fn becomes(node: &Node, path: &str, wanted: StatusCode) {
    let there = async || Ok(status(node, path).await == wanted);
    node.until_within(SOON, &format!("{path} answers {wanted}"), there).await.unwrap();
}

async fn shown(node: &Node) -> Vec<String> {
    let said: Value =
        Browser::nobody(node).get(&format!("{OTHER}/comments")).await.json().await.unwrap_or_default();
    let texts = said["items"].as_array().into_iter().flatten().filter_map(|item| item["text"].as_str());
    texts.map(str::to_owned).collect()
}

async fn shows(node: &Node, wanted: &[&str]) {
    node.until_within(SOON, &format!("{wanted:?} is shown"), async || Ok(shown(node).await == wanted))
        .await
        .unwrap();
}

async fn comment(who: &Browser<'_>, text: &str) -> StatusCode {
    who.send(Method::POST, &format!("{OTHER}/comments"), &json!({ "text": text })).await.status()
}

/// Three members that archive two videos: attic decides, barn trusts it, cellar does not.
async fn three() -> [Node; 3] {
    fixture().await.unwrap();
    let start = async |name| {
        let address = fixed_address().unwrap();
        Node::start(&["--name", name, "--encoders", "0", "--listen", &address]).await.unwrap()
    };
    let nodes = [start("attic").await, start("barn").await, start("cellar").await];
    gather(&nodes).await;
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), &[("sm1", "Kettle Symphony", &["YTPMV"]), ("sm2", "Kettle Minor", &["YTPMV"])]);
    import(&nodes[0], dir.path(), Some(GROUP)).await;
    for node in &nodes[1..] {
        let heard = async || {
            Ok(node.own(VIDEO).await?["manifest"].is_string()
                && node.own(OTHER).await?["manifest"].is_string())
        };
        node.until("both videos are heard of", heard).await.unwrap();
    }
    nodes
}

#[tokio::test]
async fn what_one_node_decides_counts_where_it_is_trusted_and_nowhere_else() {
    let nodes = three().await;
    let [attic, barn, cellar] = &nodes;
    for node in [barn, cellar] {
        let rules = json!({ "threshold": 2 });
        let asked =
            node.ask(Method::PUT, "/api/v1/measures/threshold").bearer_auth(node.token()).json(&rules);
        assert_eq!(asked.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    }
    weigh(barn, attic, 2).await;
    weigh(cellar, attic, 1).await;

    // A video: hidden, then taken down, then shown again.
    let manifest = barn.own(VIDEO).await.unwrap()["manifest"].as_str().unwrap().to_owned();
    let mpd = format!("/media/{manifest}/manifest.mpd");
    decide(attic, "video", "niconico:sm1", "hide", "its author asked").await;
    assert_eq!(status(attic, VIDEO).await, StatusCode::FORBIDDEN, "at once where it was decided");
    becomes(barn, VIDEO, StatusCode::FORBIDDEN).await;
    let page = Browser::nobody(barn).get("/watch/niconico%3Asm1").await.text().await.unwrap();
    assert!(page.contains("The moderators of attic hide it") && page.contains("its author asked"), "{page}");
    let moderator = Browser::invited(barn, "mod", "moderator").await;
    assert_eq!(moderator.get(&mpd).await.status(), StatusCode::OK, "moderators see what they decide of");
    let found = async || {
        let found: Value = Browser::nobody(barn).get("/api/v1/search?q=Kettle").await.json().await?;
        Ok(found["total"] == 1)
    };
    barn.until("it is not found either", found).await.unwrap();
    decide(attic, "video", "niconico:sm1", "take-down", "a court says so").await;
    becomes(barn, VIDEO, StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS).await;
    for path in [mpd.as_str(), &format!("/blobs/{manifest}")] {
        assert_eq!(
            moderator.get(path).await.status(),
            StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS,
            "{path}: for nobody"
        );
    }
    assert_eq!(status(cellar, VIDEO).await, StatusCode::OK, "one list of weight 1 is not enough");
    decide(barn, "video", "niconico:sm1", "lift", "").await;
    becomes(barn, VIDEO, StatusCode::OK).await;
    weigh(cellar, barn, 1).await;
    decide(barn, "video", "niconico:sm1", "hide", "it is right").await;
    becomes(cellar, VIDEO, StatusCode::FORBIDDEN).await;
    weigh(cellar, barn, 0).await;
    assert_eq!(status(cellar, VIDEO).await, StatusCode::OK, "whom nobody trusts decides nothing");

    // A person, and a node with all its people.
    let ada = Browser::invited(cellar, "ada", "viewer").await;
    assert_eq!(comment(&ada, "buy this").await, StatusCode::CREATED);
    for node in [attic, barn] {
        shows(node, &["buy this"]).await;
    }
    let who = attic.own(&format!("{OTHER}/comments")).await.unwrap()["items"][0]["who"].clone();
    decide(attic, "person", who.as_str().unwrap(), "hide", "spam").await;
    shows(barn, &[]).await;
    assert_eq!(shown(cellar).await, ["buy this"]);
    let gone = barn.own(&format!("{OTHER}/comments")).await.unwrap()["items"][0]["gone"].clone();
    assert_eq!(gone, "The moderators of attic hide it, whom this node trusts: spam");
    decide(attic, "person", who.as_str().unwrap(), "lift", "").await;
    shows(barn, &["buy this"]).await;
    decide(attic, "node", &cellar.id().await.unwrap(), "hide", "lets everybody in").await;
    shows(barn, &[]).await;
    decide(cellar, "person", who.as_str().unwrap(), "hide", "spam").await;
    assert_eq!(comment(&ada, "again").await, StatusCode::FORBIDDEN, "whom moderators do not want is told so");

    // What is written on the lists is there to be read.
    let page = moderator.get("/moderate/measures").await.text().await.unwrap();
    assert!(page.contains("everything of node cellar") && page.contains("lets everybody in"), "{page}");
    let list = barn.own(&format!("/api/v1/measures/lists/{}", attic.id().await.unwrap())).await.unwrap();
    let words: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|row| row["reason"].as_str().unwrap()).collect();
    assert_eq!(words, ["lets everybody in", "a court says so"]);
}

#[tokio::test]
async fn what_is_decided_while_apart_counts_afterwards() {
    let mut nodes = three().await;
    weigh(&nodes[1], &nodes[0], 2).await;
    nodes[1].stop().await.unwrap();
    decide(&nodes[0], "video", "niconico:sm1", "hide", "its author asked").await;
    decide(&nodes[0], "video", "niconico:sm2", "hide", "a mistake").await;
    decide(&nodes[0], "video", "niconico:sm2", "lift", "").await;
    nodes[1].restart().await.unwrap();
    let hidden = async || Ok(status(&nodes[1], VIDEO).await == StatusCode::FORBIDDEN);
    nodes[1].until("it is hidden there, too", hidden).await.unwrap();
    assert_eq!(status(&nodes[1], OTHER).await, StatusCode::OK);
    nodes[1].kill().await.unwrap();
    nodes[1].restart().await.unwrap();
    assert_eq!(status(&nodes[1], VIDEO).await, StatusCode::FORBIDDEN, "and stays so");
}

#[tokio::test]
async fn all_by_a_creator_is_hidden_by_one_word_and_what_is_said_alone_here_stays_here() {
    let nodes = three().await;
    let [attic, barn, _] = &nodes;
    weigh(barn, attic, 2).await;
    let video = attic.own(VIDEO).await.unwrap();
    let creator = format!("niconico/{}", video["creator_id"].as_str().unwrap());
    decide(attic, "creator", &creator, "hide", "re-uploads").await;
    for node in [attic, barn] {
        for path in [VIDEO, OTHER] {
            becomes(node, path, StatusCode::FORBIDDEN).await;
        }
    }
    decide(attic, "video", "niconico:sm2", "lift", "").await;
    assert_eq!(status(attic, OTHER).await, StatusCode::OK, "what is said of one video goes before");
    decide(attic, "creator", &creator, "lift", "").await;
    becomes(barn, OTHER, StatusCode::OK).await;

    let alone = json!({ "reason": "only here" });
    let hidden = attic.post(&format!("{VIDEO}/hidden"), &alone).await.unwrap();
    assert_eq!(hidden.status(), StatusCode::NO_CONTENT);
    // What was told afterwards is heard.
    decide(attic, "video", "niconico:sm2", "hide", "told").await;
    becomes(barn, OTHER, StatusCode::FORBIDDEN).await;
    assert_eq!(status(barn, VIDEO).await, StatusCode::OK);
    for (body, code) in [
        (json!({ "kind": "video", "id": "niconico:sm1", "action": "hide", "reason": " " }), "reason-needed"),
        (json!({ "kind": "video", "id": "niconico:sm1", "action": "burn", "reason": "x" }), "bad-change"),
        (
            json!({ "kind": "node", "id": attic.id().await.unwrap(), "action": "hide", "reason": "x" }),
            "myself",
        ),
        (json!({ "kind": "node", "id": "x", "action": "hide", "reason": "x" }), "bad-node-id"),
        (json!({ "kind": "video", "id": "niconico:sm77", "action": "hide", "reason": "x" }), "unknown-video"),
    ] {
        let answer = attic.post("/api/v1/measures", &body).await.unwrap();
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], code, "{body}");
    }
}
