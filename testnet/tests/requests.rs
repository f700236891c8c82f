//! What people do with their requests: choose, pause, change, remove, follow.

use horahora_testnet::cluster::{Node, fixture};
use serde_json::{Value, json};

async fn ask(node: &Node, url: &str, options: &Value) -> String {
    let answer = node.post("/api/v1/requests", &json!({ "url": url, "options": options })).await.unwrap();
    let body: Value = answer.json().await.unwrap();
    body["id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

async fn change(node: &Node, id: &str, body: &Value) -> Value {
    let answer = node.post(&format!("/api/v1/requests/{id}"), body).await.unwrap();
    assert!(answer.status().is_success(), "{:?}", answer.text().await);
    answer.json().await.unwrap()
}

async fn one(node: &Node, id: &str) -> Value {
    node.own(&format!("/api/v1/requests/{id}")).await.unwrap()
}

#[tokio::test]
async fn a_paused_request_begins_nothing_and_goes_on_when_it_is_resumed() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    fixture.set_rate(Some(20_000));
    let id = ask(&node, &format!("{}/fixtube/user/m_6", fixture.site()), &json!({})).await;
    let begun = async || Ok(fixture.served("fxm1") == 1);
    node.until("the first download began", begun).await.unwrap();
    let paused = change(&node, &id, &json!({ "stand": "paused" })).await;
    assert_eq!(paused["stand"], "paused");
    fixture.set_rate(None);
    // What was at work ends; nothing else begins, not even when it is asked for again.
    let still = async || Ok(one(&node, &id).await["counts"]["running"] == 0);
    node.until("nothing is at work", still).await.unwrap();
    let videos = node.own(&format!("/api/v1/requests/{id}/videos?limit=4")).await.unwrap();
    assert_eq!(videos["items"].as_array().unwrap().len(), 4);
    let path = format!("/api/v1/requests/{id}/videos?after={}", videos["next"].as_str().unwrap());
    let rest = node.own(&path).await.unwrap()["items"].clone();
    for video in rest.as_array().unwrap() {
        assert_eq!(
            (video["state"].as_str(), video["code"].as_str()),
            (Some("waiting"), Some("paused")),
            "{video}"
        );
        let name = video["id"].as_str().unwrap().trim_start_matches("fixtube:");
        assert_eq!(fixture.served(name), 0, "{name}");
    }
    let said = node.cli(&["requests", "resume", &id]).await.unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let ended = node.settled(&id, &["done"]).await.unwrap();
    assert_eq!(ended["counts"]["done"], 6, "{ended}");
}

#[tokio::test]
async fn options_choose_which_videos_are_fetched_and_say_why_others_are_not() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    let url = format!("{}/fixtube/user/m_30", fixture.site());
    let id = ask(&node, &url, &json!({ "newest": 12, "title": "RABBIT fxm1", "comments": false })).await;
    let ended = node.settled(&id, &["done"]).await.unwrap();
    let wanted: Vec<_> = [1, 10, 11, 12].map(|n| format!("fixtube:fxm{n}")).into();
    assert_eq!(ended["videos"], json!(wanted));
    // A video's own size and day are known when it is looked at.
    let large =
        ask(&node, &format!("{}/fixtube/watch/fx1", fixture.site()), &json!({ "max_bytes": 1000 })).await;
    let old =
        ask(&node, &format!("{}/fixtube/watch/fx2", fixture.site()), &json!({ "since": "2030-01-01" })).await;
    let ended = node.settled(&large, &["refused", "done"]).await.unwrap();
    let stands = (ended["state"].as_str(), ended["code"].as_str());
    assert_eq!(stands, (Some("refused"), Some("unwanted")), "{ended}");
    // Nobody tells before how large a stream is: it ends when it has become too large, and is not called lost.
    let stream = ask(&node, "https://www.nicovideo.jp/watch/sm16", &json!({ "max_bytes": 1000 })).await;
    let ended = node.settled(&stream, &["refused", "done", "gone", "failed"]).await.unwrap();
    let stands = (ended["state"].as_str(), ended["code"].as_str());
    assert_eq!(stands, (Some("refused"), Some("unwanted")), "{ended}");
    let ended = node.settled(&old, &["done"]).await.unwrap();
    assert_eq!(ended["reason"], "Nothing that the source lists is wanted as the options stand.");
    let wrong =
        node.post("/api/v1/requests", &json!({ "url": url, "options": { "newest": "many" } })).await.unwrap();
    assert_eq!(wrong.status(), 400);
}

#[tokio::test]
async fn a_removed_request_stops_keeps_what_is_archived_and_can_be_asked_anew() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    let url = format!("{}/fixtube/user/m_5", fixture.site());
    // Nothing can be fetched but the first video.
    (2..=5).for_each(|n| fixture.set_error(&format!("fxm{n}"), Some("503")));
    let id = ask(&node, &url, &json!({})).await;
    let first = async || Ok(one(&node, &id).await["counts"]["done"] == 1);
    node.until("the first one is there", first).await.unwrap();
    let waits = async || Ok(one(&node, &id).await["counts"]["waiting"] == 4);
    node.until("the others wait", waits).await.unwrap();
    change(&node, &id, &json!({ "stand": "removed" })).await;
    assert_eq!(node.own("/api/v1/requests").await.unwrap()["items"], json!([]));
    let videos = node.own("/api/v1/videos").await.unwrap()["items"].clone();
    assert_eq!(videos.as_array().unwrap().len(), 1, "{videos}");
    assert_eq!(node.own("/api/v1/jobs").await.unwrap()["items"], json!([]));
    (2..=5).for_each(|n| fixture.set_error(&format!("fxm{n}"), None));
    let again = ask(&node, &url, &json!({})).await;
    assert_ne!(again, id);
    let ended = node.settled(&again, &["done"]).await.unwrap();
    assert_eq!(ended["counts"]["done"], 5, "{ended}");
    assert_eq!(fixture.served("fxm1"), 1);
}

#[tokio::test]
async fn a_list_is_looked_at_again_and_its_new_videos_are_fetched() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    let id = ask(&node, "https://www.nicovideo.jp/tag/YTPMV_1", &json!({})).await;
    let ended = node.settled(&id, &["done"]).await.unwrap();
    // In a day, by itself.
    let day = ended["next_at"].as_u64().unwrap() - ended["at"].as_u64().unwrap();
    assert!((86_400_000..87_000_000).contains(&day), "{ended}");
    fixture.grow("YTPMV_1", 1);
    let said = node.cli(&["requests", "retry", &id[id.len() - 8..]]).await.unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let both = async || Ok(one(&node, &id).await["counts"]["done"] == 2);
    node.until("the new one is there, too", both).await.unwrap();
    assert_eq!(fixture.served("sm30001"), 1);
}

#[tokio::test]
async fn what_one_member_says_of_a_request_counts_for_all() {
    let fixture = fixture().await.unwrap();
    let (a, b) = (Node::at(&fixture).await.unwrap(), Node::at(&fixture).await.unwrap());
    a.say(&["group", "create", "Keepers"]).await.unwrap();
    let ticket = a.say(&["group", "invite", "--group", "Keepers"]).await.unwrap();
    b.say(&["group", "join", ticket["ticket"].as_str().unwrap()]).await.unwrap();
    // Nobody can fetch it yet.
    (1..=3).for_each(|n| fixture.set_error(&format!("fxm{n}"), Some("503")));
    let url = format!("{}/fixtube/user/m_3", fixture.site());
    let asked = a.say(&["archive", &url, "--group", "Keepers", "--max-height", "720"]).await.unwrap();
    let id = asked["id"].as_str().unwrap().to_owned();
    let there =
        async || Ok(b.own(&format!("/api/v1/requests/{id}")).await.is_ok_and(|row| row["count"] == 3));
    b.until("the other one has it", there).await.unwrap();
    assert_eq!(one(&b, &id).await["options"]["max_height"], 720);
    change(&b, &id, &json!({ "stand": "paused", "options": { "title": "fxm" } })).await;
    let paused = async || {
        let row = one(&a, &id).await;
        Ok(row["stand"] == "paused" && row["options"]["title"] == "fxm" && row["code"] == "paused")
    };
    a.until("the first one hears that it is paused", paused).await.unwrap();
    (1..=3).for_each(|n| fixture.set_error(&format!("fxm{n}"), None));
    change(&a, &id, &json!({ "stand": "active" })).await;
    for node in [&a, &b] {
        let done = async || Ok(one(node, &id).await["counts"]["done"] == 3);
        node.until("all is fetched", done).await.unwrap();
    }
    for n in 1..=3 {
        assert_eq!(fixture.served(&format!("fxm{n}")), 1);
    }
}

#[tokio::test]
async fn who_asks_for_what_is_wanted_already_is_a_subscriber_and_one_priority_counts_for_all() {
    let fixture = fixture().await.unwrap();
    let nodes = [Node::at(&fixture).await.unwrap(), Node::at(&fixture).await.unwrap()];
    crate::claims::gather(&nodes).await;
    let [one, two] = &nodes;
    let url = format!("{}/fixtube/user/m_3", fixture.site());
    let id = crate::claims::ask(one, &url).await;
    let known = async || Ok(two.own(&format!("/api/v1/requests/{id}")).await.is_ok());
    two.until("the request is known", known).await.unwrap();
    let seen = self::one(two, &id).await;
    assert_eq!((seen["subscribers"].as_u64(), seen["subscribed"].as_bool()), (Some(1), Some(false)));
    assert_eq!(crate::claims::ask(two, &url).await, id, "it is the same request");
    let both = async || Ok(self::one(one, &id).await["subscribers"] == 2);
    one.until("the other one hears of it", both).await.unwrap();
    assert_eq!(self::one(two, &id).await["subscribed"], true);
    for (priority, said) in [("high", 200), ("urgent", 400)] {
        let body = json!({ "options": { "priority": priority } });
        let answer = one.post(&format!("/api/v1/requests/{id}"), &body).await.unwrap();
        assert_eq!(answer.status(), said, "{priority}");
    }
    let high = async || Ok(self::one(two, &id).await["options"]["priority"] == "high");
    two.until("the priority counts for all", high).await.unwrap();
}

#[tokio::test]
async fn what_vanished_from_its_origin_is_told_and_stays() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    let url = "https://www.nicovideo.jp/tag/GONE_3";
    let id = ask(&node, url, &json!({})).await;
    let ended = node.settled(&id, &["done"]).await.unwrap();
    assert_eq!(ended["counts"]["done"], 3, "{ended}");
    fixture.vanish("sm30002");
    assert_eq!(node.request(url).await.unwrap(), id);
    let video = async || node.own("/api/v1/videos/niconico%3Asm30002").await;
    let gone = async || Ok(video().await?["gone_at"].is_number());
    node.until("it is known that it is gone", gone).await.unwrap();
    let kept = video().await.unwrap();
    assert_eq!(kept["state"], "done");
    assert!(node.play_through(&kept).await.unwrap() > 0);
    assert!(node.own("/api/v1/videos/niconico%3Asm30001").await.unwrap()["gone_at"].is_null());
    let page = node.bytes("/watch/niconico:sm30002").await.unwrap();
    assert!(String::from_utf8_lossy(&page).contains("Gone from niconico since"));
}
