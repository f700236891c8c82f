//! Archiving works for what sites serve, once for each video.

use horahora_testnet::cluster::{Node, fixture};
use serde_json::Value;

fn sizes(video: &Value) -> Vec<(u64, u64)> {
    let renditions = video["renditions"].as_array().unwrap();
    let size = |r: &Value| (r["width"].as_u64().unwrap(), r["height"].as_u64().unwrap());
    renditions.iter().filter(|r| r["kind"] == "video").map(size).collect()
}

/// Two of the first names of a video's renditions' recipes: what was copied.
fn copied(video: &Value) -> bool {
    let renditions = video["renditions"].as_array().unwrap();
    let args = |r: &Value| r["recipe"]["args"].to_string().contains("\"-c\",\"copy\"");
    renditions.iter().filter(|r| r["kind"] == "video").any(args)
}

#[tokio::test]
async fn every_kind_of_media_becomes_playable() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    for (id, largest, copy, sound) in [
        ("fx1", Some((1280, 720)), true, true),
        ("fxsplit", Some((1280, 720)), true, true),
        ("fxsilent", Some((1280, 720)), true, false),
        ("fxaudio", None, false, true),
        ("fxvp9", Some((640, 360)), true, true),
        ("fxhevc", Some((640, 360)), false, true),
        ("fxxvid", Some((640, 360)), false, true),
        ("fxrot", Some((720, 1280)), false, true),
        ("fxodd", None, false, true),
        ("fxcut", Some((1280, 720)), true, true),
    ] {
        let videos = node.archive(&format!("{}/fixtube/watch/{id}", fixture.site())).await.unwrap();
        let [video] = videos.as_slice() else { panic!("{id} is one video") };
        assert_eq!((&video["state"], &video["held"]), (&"done".into(), &"whole".into()), "{id}");
        let sizes = sizes(video);
        if let Some(largest) = largest {
            assert_eq!(sizes.first(), Some(&largest), "{id}: {sizes:?}");
            assert_eq!(copied(video), copy, "{id}");
        }
        assert!(sizes.iter().all(|(width, height)| width % 2 == 0 && height % 2 == 0), "{id}: {sizes:?}");
        let has_sound = video["renditions"].as_array().unwrap().iter().any(|r| r["kind"] == "audio");
        assert_eq!(has_sound, sound, "{id}");
        assert_eq!(fixture.served(id), 1, "{id} is downloaded once");
    }
    let report = node.post("/api/v1/verify", &serde_json::json!({})).await.unwrap();
    let report: Value = report.json().await.unwrap();
    assert_eq!(report["problems"], serde_json::json!([]));
    assert_eq!(report["strays"], 0);
}

#[tokio::test]
async fn a_video_is_downloaded_once_however_it_is_asked_for() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    fixture.hold(true);
    let first = node.request("https://www.nicovideo.jp/watch/sm9").await.unwrap();
    let second = node.request("https://www.nicovideo.jp/watch/sm9#top").await.unwrap();
    assert_eq!(first, second, "the same source is the same request");
    let third = node.request("https://sp.nicovideo.jp/watch/sm9").await.unwrap();
    assert_ne!(first, third);
    fixture.hold(false);
    for id in [&first, &third] {
        let request = node.settled(id, &["done"]).await.unwrap();
        assert_eq!(request["videos"], serde_json::json!(["niconico:sm9"]));
        assert_eq!(request["progress"], 1.0);
    }
    let again = node.request("https://www.nicovideo.jp/watch/sm9").await.unwrap();
    assert_eq!(again, first);
    assert_eq!(node.get(&format!("/api/v1/requests/{again}")).await.unwrap()["state"], "done");
    assert_eq!(fixture.served("sm9"), 1);
    let video = node.get("/api/v1/videos/niconico%3Asm9").await.unwrap();
    assert_eq!(video["danmaku"], serde_json::json!(["comments"]));
    let track = format!("/media/{}/danmaku/0?form=plain", video["manifest"].as_str().unwrap());
    let comments = node.get(&track).await.unwrap();
    let colours: Vec<_> = comments.as_array().unwrap().iter().map(|one| one["colour"].clone()).collect();
    assert_eq!(colours, ["#ffffff", "#ff0000", "#00ff00", "#ffffff", "#ffffff"], "{comments}");
    let path = format!("/media/{}/info.json", video["manifest"].as_str().unwrap());
    let info = node.ask(reqwest::Method::GET, &path).send().await.unwrap().text().await.unwrap();
    assert!(info.contains("uploader"), "the site's metadata is kept");
    for secret in ["\"cookies\"", "\"http_headers\"", "domand_bid"] {
        assert!(!info.contains(secret), "{secret} must not be published");
    }
}

#[tokio::test]
async fn a_creator_is_archived_whole_and_listed_newest_first() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    let videos = node.archive(&format!("{}/fixtube/user/u1", fixture.site())).await.unwrap();
    assert_eq!(videos.len(), 5);
    let mut seen = Vec::new();
    let mut path = "/api/v1/videos?limit=2".to_owned();
    loop {
        let page = node.get(&path).await.unwrap();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let added: Vec<_> = items.iter().map(|item| item["added_at"].as_u64().unwrap()).collect();
        assert!(added.is_sorted_by(|newer, older| newer >= older));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/videos?limit=2&after={next}");
    }
    seen.sort();
    assert_eq!(seen, ["fixtube:fx1", "fixtube:fx2", "fixtube:fx3", "fixtube:fx4", "fixtube:fx5"]);
}

#[tokio::test]
async fn a_site_that_fails_for_a_while_is_asked_again() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    fixture.set_error("fx7", Some("503"));
    let url = format!("{}/fixtube/watch/fx7", fixture.site());
    let id = node.request(&url).await.unwrap();
    let request = node.settled(&id, &["waiting"]).await.unwrap();
    assert_eq!(request["code"], "transient");
    fixture.set_error("fx7", None);
    // Asking again does not wait for the pause.
    assert_eq!(node.request(&url).await.unwrap(), id);
    node.settled(&id, &["done"]).await.unwrap();
    fixture.set_error("fx8", Some("removed"));
    let url = format!("{}/fixtube/watch/fx8", fixture.site());
    let id = node.request(&url).await.unwrap();
    node.settled(&id, &["gone"]).await.unwrap();
    fixture.set_error("fx8", None);
    assert_eq!(node.request(&url).await.unwrap(), id, "what is gone can be asked for again");
    node.settled(&id, &["done"]).await.unwrap();
}
