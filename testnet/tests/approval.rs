//! Nothing is fetched before a member approves of it, where a group's rules say so.

use horahora_testnet::{
    cluster::{Node, fixture},
    fixture::Fixture,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    claims::{GROUP, ask, gather},
    pace::{node_with, tag},
};

const FIRST: u64 = 30_001;

/// A node that asks Niconico without a pause, as the tests' site bears it; it lives as long as its folder.
async fn node(fixture: &Fixture) -> (Node, TempDir) {
    node_with(fixture, &fixture.proxy(), "requests_per_minute = 0").await
}

async fn stands(node: &Node, numbers: impl Iterator<Item = u64>) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for number in numbers {
        // Who did not list it hears of it a moment later.
        let video = node.own(&format!("/api/v1/videos/niconico%3Asm{number}")).await.unwrap_or_default();
        let word = |key: &str| video[key].as_str().unwrap_or_default().to_owned();
        all.push((word("state"), word("code")));
    }
    all
}

fn served(fixture: &Fixture, numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.map(|number| fixture.served(&format!("sm{number}"))).sum()
}

/// Says something by command; gives what the program says on failure.
async fn approve(node: &Node, args: &[&str]) {
    let said = node.cli(&[&["approve"], args].concat()).await.unwrap();
    assert!(said.status.success(), "{args:?}: {}", String::from_utf8_lossy(&said.stderr));
}

async fn becomes(node: &Node, number: u64, state: &str, code: &str) {
    let what = format!("sm{number} is {state} {code}");
    let there = async || {
        let found = stands(node, std::iter::once(number)).await;
        Ok(found == [(state.to_owned(), code.to_owned())])
    };
    node.until(&what, there).await.unwrap();
}

#[tokio::test]
async fn listed_videos_wait_and_are_decided_singly_by_creator_and_by_tag() {
    let fixture = fixture().await.unwrap();
    let (mut node, _dir) = node(&fixture).await;
    node.say(&["group", "policy", "--approve", "always"]).await.unwrap();
    let home = node.own("/api/v1/groups").await.unwrap()[0]["id"].as_str().unwrap().to_owned();
    let rules = json!({ "categories": [{ "name": "Music", "words": ["音mad"] }] });
    let answer = node.post(&format!("/api/v1/groups/{home}/rules"), &rules).await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["approve"], "always");
    // Seven videos, sm30001 to sm30007: even ones are 音MAD, every third one is another's.
    let all = || FIRST..FIRST + 7;
    let answer = node.post("/api/v1/requests", &json!({ "url": tag("APPROVE_7") })).await.unwrap();
    let id = answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    let queue = async || node.own("/api/v1/approvals").await;
    node.until("all wait", async || Ok(queue().await?["waiting"] == 7)).await.unwrap();
    let seen = queue().await.unwrap();
    let categories = json!([{ "name": null, "count": 4 }, { "name": "Music", "count": 3 }]);
    assert_eq!(seen["categories"], categories);
    let odd =
        seen["items"].as_array().unwrap().iter().find(|video| video["id"] == "niconico:sm30003").unwrap();
    assert_eq!((&odd["creator_id"], &odd["tags"][1]), (&json!("4243"), &json!("例のアレ")));
    let music = node.own("/api/v1/approvals?category=Music&q=approve_7").await.unwrap();
    assert_eq!(music["found"], 3);
    let request = node.own(&format!("/api/v1/requests/{id}")).await.unwrap();
    assert_eq!((&request["state"], &request["code"]), (&json!("waiting"), &json!("approval")));
    assert_eq!(served(&fixture, all()), 0);
    // What is asked for again waits on.
    node.post(&format!("/api/v1/requests/{id}/retry"), &json!({})).await.unwrap();

    approve(&node, &["niconico:sm30001"]).await;
    becomes(&node, 30_001, "done", "").await;
    approve(&node, &["--tag", "音MAD", "--refuse", "--reason", "too loud"]).await;
    becomes(&node, 30_002, "refused", "disapproved").await;
    let refused = node.own("/api/v1/videos/niconico%3Asm30002").await.unwrap();
    assert_eq!(refused["reason"], "A member of the group refused it. (too loud)");
    approve(&node, &["--creator", "niconico/4243"]).await;
    for (number, state, code) in [
        (30_003, "done", ""),
        (30_004, "refused", "disapproved"),
        // By that creator and with that tag: who made it counts first.
        (30_006, "done", ""),
        (30_005, "waiting", "approval"),
        (30_007, "waiting", "approval"),
    ] {
        becomes(&node, number, state, code).await;
    }
    // A restart forgets nothing, and what is taken back waits again.
    node.stop().await.unwrap();
    node.restart().await.unwrap();
    approve(&node, &["--tag", "音MAD", "--open"]).await;
    becomes(&node, 30_004, "waiting", "approval").await;
    assert_eq!(served(&fixture, all()), 3);
    node.say(&["group", "policy", "--approve", "never"]).await.unwrap();
    node.settled(&id, &["done"]).await.unwrap();
    assert_eq!(served(&fixture, all()), 7);
    let wrong = node.post("/api/v1/approvals", &json!({ "ruling": "approved" })).await.unwrap();
    assert_eq!(wrong.json::<Value>().await.unwrap()["code"], "bad-verdict");
}

#[tokio::test]
async fn what_one_member_approves_of_counts_for_all_and_known_creators_need_no_approval() {
    let fixture = fixture().await.unwrap();
    let ((a, _first), (b, _second)) = (node(&fixture).await, node(&fixture).await);
    let nodes = [a, b];
    gather(&nodes).await;
    let [a, b] = &nodes;
    a.say(&["group", "policy", GROUP, "--approve", "new-creators"]).await.unwrap();
    let heard = async || Ok(b.say(&["group", "policy", GROUP]).await?["approve"] == "new-creators");
    b.until("the rules are heard of", heard).await.unwrap();
    // A member is no admin.
    let said = b.cli(&["group", "policy", GROUP, "--approve", "never"]).await.unwrap();
    assert!(String::from_utf8_lossy(&said.stderr).contains("nly an admin"), "{said:?}");
    ask(a, &tag("NEWCOMERS_6")).await;
    let group = b.group(GROUP).await.unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/approvals?group={group}");
    b.until("all wait", async || Ok(b.own(&path).await?["waiting"] == 6)).await.unwrap();
    assert_eq!(b.own(&path).await.unwrap()["creators"].as_array().unwrap().len(), 2);
    // sm30001, 2, 4 and 5 are by one creator, 3 and 6 by another.
    approve(b, &["niconico:sm30001", "--group", GROUP]).await;
    becomes(a, 30_001, "done", "").await;
    becomes(b, 30_001, "done", "").await;
    // Its creator is no new one any more.
    for number in [30_002, 30_004, 30_005] {
        becomes(a, number, "done", "").await;
    }
    becomes(a, 30_003, "waiting", "approval").await;
    approve(b, &["niconico:sm30003", "--refuse", "--group", GROUP]).await;
    becomes(a, 30_003, "refused", "disapproved").await;
    assert_eq!(served(&fixture, FIRST..FIRST + 6), 4);
}

#[tokio::test]
async fn what_a_list_does_not_tell_is_asked_for_before_people_decide() {
    let fixture = fixture().await.unwrap();
    let (node, _dir) = node(&fixture).await;
    node.say(&["group", "policy", "--approve", "always"]).await.unwrap();
    // This site's lists tell titles and times, and nothing of creators and tags.
    let url = format!("{}/fixtube/user/m_3", fixture.site());
    node.request(&url).await.unwrap();
    let told = async || {
        let queue = node.own("/api/v1/approvals?q=bunny").await?;
        Ok(queue["found"] == 3 && queue["creators"][0]["count"] == 3)
    };
    node.until("creators and tags are known", told).await.unwrap();
    let queue = node.own("/api/v1/approvals").await.unwrap();
    assert_eq!(queue["creators"][0]["name"], "うさぎP", "{queue}");
    assert_eq!((1..=3).map(|n| fixture.served(&format!("fxm{n}"))).sum::<u64>(), 0);
    approve(&node, &["--creator", "fixtube/u1"]).await;
    let done = async || Ok((1..=3).all(|n| fixture.served(&format!("fxm{n}")) == 1));
    node.until("all are fetched", done).await.unwrap();
}
