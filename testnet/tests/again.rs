//! What is archived is looked at again at its origin: comments and words of later days, and a better picture.

use horahora_testnet::cluster::fixture;
use serde_json::json;

use crate::pace::node_with;

#[tokio::test]
async fn later_comments_and_words_are_kept_beside_the_first_ones_and_a_loss_is_told() {
    let fixture = fixture().await.unwrap();
    let (mut node, _dir) = node_with(&fixture, &fixture.proxy(), "requests_per_minute = 0").await;
    let made = node.archive("https://www.nicovideo.jp/watch/sm9").await.unwrap();
    let path = "/api/v1/videos/niconico%3Asm9";
    let before = node.own(path).await.unwrap();
    assert_eq!((before["looks"].as_array().unwrap().len(), made.len()), (0, 1));
    let job = async || node.own("/api/v1/jobs").await.unwrap().to_string().contains("look/niconico:sm9");
    let rest = async || node.until("nothing looks at it", async || Ok(!job().await)).await.unwrap();
    let look = async || {
        rest().await;
        let answer = node.post(&format!("{path}/look"), &json!({})).await.unwrap();
        assert_eq!(answer.status(), 202);
    };
    // Nothing changed there: no revision.
    look().await;
    rest().await;
    assert_eq!(node.own(path).await.unwrap()["manifest"], before["manifest"]);
    fixture.remake("sm9");
    look().await;
    let told = async || Ok(node.own(path).await?["title"].as_str().unwrap().ends_with('改'));
    node.until("the title is another one", told).await.unwrap();
    let after = node.own(path).await.unwrap();
    assert_eq!(after["looks"].as_array().unwrap().len(), 1, "{after}");
    assert_eq!(after["captures"][0]["revisions"].as_array().unwrap().last(), Some(&after["manifest"]));
    assert_eq!(after["captures"].as_array().unwrap().len(), 1);
    // The picture stays the one that it was; what the site says now is what is shown.
    assert_eq!(after["renditions"], before["renditions"]);
    let info = node.own(&format!("/media/{}/info.json", after["manifest"].as_str().unwrap())).await.unwrap();
    assert_eq!(info["title"], after["title"]);
    assert_eq!(fixture.served("sm9"), 1, "no media was fetched again");
    fixture.set_error("sm9", Some("removed"));
    look().await;
    let gone = async || Ok(node.own(path).await?["gone_at"].is_u64());
    node.until("it is gone there", gone).await.unwrap();
    assert_eq!(node.own(path).await.unwrap()["state"], "done");
    fixture.set_error("sm9", None);
    look().await;
    node.until("it is there again", async || Ok(node.own(path).await?["gone_at"].is_null())).await.unwrap();
    rest().await;
    node.stop().await.unwrap();
    node.restart().await.unwrap();
    let verified = node.post("/api/v1/verify", &json!({})).await.unwrap();
    let verified: serde_json::Value = verified.json().await.unwrap();
    assert_eq!(verified["problems"], json!([]), "{verified}");
    assert!(std::fs::read_dir(node.data().join("jobs")).unwrap().next().is_none(), "no folder is left");
}

#[tokio::test]
async fn what_is_offered_in_a_better_form_is_captured_once_more_and_both_stay() {
    let fixture = fixture().await.unwrap();
    let (mut node, _dir) = node_with(&fixture, &fixture.proxy(), "requests_per_minute = 0").await;
    let url = format!("{}/fixtube/watch/fxm7", fixture.site());
    node.archive(&url).await.unwrap();
    let path = "/api/v1/videos/fixtube%3Afxm7";
    let before = node.own(path).await.unwrap();
    fixture.remake("fxm7");
    let answer = node.post(&format!("{path}/look"), &json!({})).await.unwrap();
    assert_eq!(answer.status(), 202);
    let better = async || {
        let now = node.own(path).await?;
        let tallest = now["renditions"].as_array().unwrap().iter().filter_map(|r| r["height"].as_u64()).max();
        Ok(tallest == Some(720) && now["state"] == "done")
    };
    node.until("the better one is shown", better).await.unwrap();
    let after = node.own(path).await.unwrap();
    assert_eq!(after["captures"].as_array().unwrap().len(), 2, "{after}");
    assert_eq!(after["captures"][1]["id"], before["captures"][0]["id"]);
    assert_eq!((&after["state"], fixture.served("fxm7")), (&json!("done"), 2));
    // The first one is there as it was.
    let first = format!("/media/{}/manifest.mpd", before["manifest"].as_str().unwrap());
    assert!(!node.bytes(&first).await.unwrap().is_empty());
    node.stop().await.unwrap();
    node.restart().await.unwrap();
    let verified = node.post("/api/v1/verify", &json!({})).await.unwrap();
    let verified: serde_json::Value = verified.json().await.unwrap();
    assert_eq!(verified["problems"], json!([]), "{verified}");
}

#[tokio::test]
async fn words_alone_are_kept_where_no_more_is_wanted_and_the_picture_comes_when_it_is() {
    let fixture = fixture().await.unwrap();
    let (node, _dir) = node_with(&fixture, &fixture.proxy(), "requests_per_minute = 0").await;
    let url = "https://www.nicovideo.jp/watch/sm21";
    let asked = json!({ "url": url, "options": { "media": false } });
    let answer: serde_json::Value =
        node.post("/api/v1/requests", &asked).await.unwrap().json().await.unwrap();
    let id = answer["id"].as_str().unwrap();
    node.settled(id, &["done"]).await.unwrap();
    let path = "/api/v1/videos/niconico%3Asm21";
    let video = node.own(path).await.unwrap();
    assert_eq!((&video["renditions"], &video["danmaku"]), (&json!([]), &json!(["comments"])), "{video}");
    assert_eq!((fixture.served("sm21"), video["poster"].is_string()), (0, true));
    let page = String::from_utf8(node.bytes("/watch/niconico%3Asm21").await.unwrap().to_vec()).unwrap();
    assert!(page.contains("Only words and comments are kept") && !page.contains("<video"), "{page}");
    // Somebody wants all of it now.
    node.post(&format!("/api/v1/requests/{id}"), &json!({ "options": { "media": true } })).await.unwrap();
    node.post(&format!("{path}/look"), &json!({})).await.unwrap();
    let whole = async || Ok(!node.own(path).await?["renditions"].as_array().unwrap().is_empty());
    node.until("its picture is there", whole).await.unwrap();
    let video = node.own(path).await.unwrap();
    assert!(node.play_through(&video).await.unwrap() > 0);
    assert_eq!(fixture.served("sm21"), 1);
}
