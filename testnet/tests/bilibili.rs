//! Bilibili as yt-dlp reads it, and channels whose tabs hold lists.

use horahora_testnet::{
    cluster::{Node, fixture},
    fixture::Fixture,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A node that asks the fake Bilibili as fast as it can.
async fn node_at(fixture: &Fixture) -> (Node, TempDir) {
    let dir = TempDir::with_prefix("horahora-bilibili-").unwrap();
    let set = "[sites.\"bilibili.com\"]\nrequests_per_minute = 0\n";
    std::fs::write(dir.path().join("config.toml"), set).unwrap();
    let (proxy, args) = (fixture.proxy(), format!("--ytdlp-args={}", fixture.ytdlp_args()));
    let node =
        Node::start_in(dir.path(), &["--allow-private-sources", "--proxy", &proxy, &args]).await.unwrap();
    (node, dir)
}

async fn videos(node: &Node, request: &str) -> Vec<Value> {
    let page = node.own(&format!("/api/v1/requests/{request}/videos?limit=100")).await.unwrap();
    page["items"].as_array().unwrap().clone()
}

/// State and code of each of a request's first hundred videos, by its id at the site.
async fn stands(node: &Node, request: &str) -> Vec<(String, String, String)> {
    let word = |video: &Value, key: &str| video[key].as_str().unwrap_or_default().to_owned();
    let one = |video: &Value| {
        let id = word(video, "id");
        let ident = id.split_once(':').map_or(id.as_str(), |(_, ident)| ident);
        (ident.to_owned(), word(video, "state"), word(video, "code"))
    };
    let mut all: Vec<_> = videos(node, request).await.iter().map(one).collect();
    all.sort();
    all
}

/// What is written over a video, in the one form of all sites.
async fn danmaku(node: &Node, video: &Value) -> Vec<(u64, String)> {
    let track = format!("/media/{}/danmaku/0?form=plain", video["manifest"].as_str().unwrap());
    let comments = node.get(&track).await.unwrap();
    let one =
        |comment: &Value| (comment["t_ms"].as_u64().unwrap(), comment["text"].as_str().unwrap().to_owned());
    comments.as_array().unwrap().iter().map(one).collect()
}

#[tokio::test]
async fn the_parts_of_a_video_are_videos_with_all_their_danmaku() {
    let fixture = fixture().await.unwrap();
    let (node, _dir) = node_at(&fixture).await;
    let parts = node.archive("https://www.bilibili.com/video/BV1Part00012").await.unwrap();
    assert_eq!(parts.len(), 2);
    for (n, video) in (1..).zip(&parts) {
        let name = format!("BV1Part00012_p{n}");
        assert_eq!((&video["id"], &video["state"]), (&json!(format!("bilibili:{name}")), &json!("done")));
        let title = video["title"].as_str().unwrap();
        assert!(title.ends_with(&format!(" p{n:02} 第{n}集")), "{title}");
        assert!(node.play_through(video).await.unwrap() > 10_000);
        assert_eq!(fixture.served(&name), 1, "{name} is downloaded once");
        assert_eq!(video["danmaku"], json!(["danmaku", "danmaku_segments"]));
        assert_eq!(video["subtitles"], json!([]));
        let expected = [
            (500, "前方高能 1"),
            (1_200, "上で止まる <b> & \"c\""),
            (1_900, name.as_str()),
            // The XML has no room for it.
            (2_600, "だけの1"),
        ];
        assert_eq!(danmaku(&node, video).await, expected.map(|(at, text)| (at, text.to_owned())));
        let came =
            node.get(&format!("/media/{}/danmaku/1", video["manifest"].as_str().unwrap())).await.unwrap();
        assert_eq!(came["segments"].as_array().unwrap().len(), 1, "{came}");
        let info =
            node.get(&format!("/media/{}/info.json", video["manifest"].as_str().unwrap())).await.unwrap();
        assert_eq!(info["_old_archive_ids"], json!([format!("bilibili 200012_part{n}")]));
        assert_eq!(info["subtitles"]["danmaku_segments"], json!([{ "ext": "json" }]));
    }
    assert_eq!(fixture.hits("comment.bilibili.com/2000121.xml"), 0);
    assert_eq!(fixture.hits("api.bilibili.com/x/v2/dm/web/seg.so"), 2);
    // One of them by its own address is the same video.
    let again = node.archive("https://www.bilibili.com/video/BV1Part00012?p=2").await.unwrap();
    assert_eq!((again[0]["id"].as_str(), fixture.served("BV1Part00012_p2")), (parts[1]["id"].as_str(), 1));
}

#[tokio::test]
async fn danmaku_of_a_long_video_do_not_end_where_the_sites_file_does() {
    let fixture = fixture().await.unwrap();
    let (node, _dir) = node_at(&fixture).await;
    let long = node.archive("https://www.bilibili.com/video/BV1Long00001").await.unwrap();
    let comments = danmaku(&node, &long[0]).await;
    assert_eq!(comments.last(), Some(&(5_762_600, "だけの17".to_owned())));
    assert_eq!(comments.len(), 17 * 4);
    assert_eq!(fixture.hits("api.bilibili.com/x/v2/dm/web/seg.so"), 17);
    let episode = node.archive("https://www.bilibili.com/bangumi/play/ep7").await.unwrap();
    assert_eq!((&episode[0]["id"], &episode[0]["title"]), (&json!("bilibilibangumi:7"), &json!("7 月へ")));
    assert_eq!(danmaku(&node, &episode[0]).await.last(), Some(&(2_600, "だけの1".to_owned())));
    assert_eq!(fixture.hits("api.bilibili.com/x/v2/dm/web/seg.so"), 18);
    // Where the segments cannot be had, the video is, and what the file holds.
    fixture.set_error("BV1Hora00002_danmaku", Some("412"));
    let other = node.archive("https://www.bilibili.com/video/BV1Hora00002").await.unwrap();
    assert_eq!(other[0]["danmaku"], json!(["danmaku"]));
    let comments = danmaku(&node, &other[0]).await;
    assert_eq!(comments.last(), Some(&(1_900, "BV1Hora00002".to_owned())));
    assert_eq!(fixture.hits("api.bilibili.com/x/v2/dm/web/seg.so"), 19);
}

#[tokio::test]
async fn a_space_is_archived_but_for_what_is_gone_from_it() {
    let fixture = fixture().await.unwrap();
    let (node, _dir) = node_at(&fixture).await;
    fixture.set_error("BV1Hora00002", Some("removed"));
    fixture.set_error("BV1Hora00003", Some("login"));
    let url = "https://space.bilibili.com/7004/video";
    let id = node.request(url).await.unwrap();
    node.settled(&id, &["done", "failed", "needs-operator", "gone"]).await.unwrap();
    let word = str::to_owned;
    let stand = |id: &str, state: &str, code: &str| (word(id), word(state), word(code));
    let expected = [
        stand("BV1Hora00001", "done", ""),
        stand("BV1Hora00002", "gone", "gone"),
        stand("BV1Hora00003", "needs-operator", "login"),
        stand("BV1Hora00004", "done", ""),
    ];
    assert_eq!(stands(&node, &id).await, expected);
    // Where it cannot be looked at again, what is archived is still told.
    let retry = async || {
        let said = node.cli(&["requests", "retry", &id]).await.unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    };
    fixture.set_error("7004", Some("412"));
    retry().await;
    let waits = node.settled(&id, &["waiting"]).await.unwrap();
    assert_eq!((&waits["code"], &waits["counts"]["done"]), (&json!("rate_limited"), &json!(2)), "{waits}");
    fixture.set_error("7004", None);
    // A new one comes, an archived one goes from the list: it stays here.
    fixture.grow("7004", 1);
    fixture.vanish("BV1Hora00001");
    retry().await;
    let there = async || {
        let all = stands(&node, &id).await;
        Ok(all.contains(&stand("BV1Hora00005", "done", ""))
            && all.contains(&stand("BV1Hora00001", "done", "")))
    };
    node.until("the new one is there, and the old one still", there).await.unwrap();
    assert_eq!(fixture.served("BV1Hora00001"), 1);
}

#[tokio::test]
async fn a_space_does_not_say_which_videos_have_parts_and_all_of_them_are_archived() {
    let fixture = fixture().await.unwrap();
    let (node, _dir) = node_at(&fixture).await;
    let id = node.request("https://space.bilibili.com/9001/video").await.unwrap();
    let word = str::to_owned;
    let stand = |id: &str, state: &str, code: &str| (word(id), word(state), word(code));
    let mut expected = vec![stand("BV1Hora00001", "done", ""), stand("BV1Part00013", "refused", "parts")];
    expected.extend((1..=3).map(|n| stand(&format!("BV1Part00013_p{n}"), "done", "")));
    let all = async || Ok(stands(&node, &id).await == expected);
    node.until("all parts are there", all).await.unwrap();
    let seen = node.settled(&id, &["done"]).await.unwrap();
    assert_eq!((&seen["counts"]["done"], &seen["counts"]["failed"]), (&json!(4), &json!(0)), "{seen}");
    // What they are is found without asking for any of them.
    assert_eq!(fixture.hits("api.bilibili.com/x/player/wbi/playurl"), 4);
    // Looked at again, it is still what it was.
    let said = node.cli(&["requests", "retry", &id]).await.unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    node.settled(&id, &["done"]).await.unwrap();
    node.until("all parts are there", all).await.unwrap();
    (1..=3).for_each(|n| assert_eq!(fixture.served(&format!("BV1Part00013_p{n}")), 1));
}

#[tokio::test]
async fn what_is_blocked_by_risk_control_waits_and_is_fetched_when_that_ends() {
    let fixture = fixture().await.unwrap();
    let (node, _dir) = node_at(&fixture).await;
    fixture.set_error("7001", Some("412"));
    let url = "https://space.bilibili.com/7001/video";
    let id = node.request(url).await.unwrap();
    let waits = node.settled(&id, &["waiting"]).await.unwrap();
    assert_eq!(waits["code"], "rate_limited", "{waits}");
    fixture.set_error("7001", None);
    fixture.set_error("BV1Hora00001", Some("412"));
    // Asking again does not wait for the pause.
    assert_eq!(node.request(url).await.unwrap(), id);
    let waits =
        async || Ok(stands(&node, &id).await.first().is_some_and(|(.., code)| code == "rate_limited"));
    node.until("its video waits", waits).await.unwrap();
    assert_eq!(stands(&node, &id).await[0].1, "waiting");
    fixture.set_error("BV1Hora00001", None);
    assert_eq!(node.request(url).await.unwrap(), id);
    node.settled(&id, &["done"]).await.unwrap();
    assert_eq!(fixture.served("BV1Hora00001"), 1);
}

#[tokio::test]
async fn a_channel_is_archived_with_its_tabs_and_the_lists_in_them() {
    let fixture = fixture().await.unwrap();
    let (node, _dir) = node_at(&fixture).await;
    let url = format!("{}/fixtube/channel/rabbit_4", fixture.site());
    // One of its lists is not there any more.
    fixture.set_error("rabbit_4_best", Some("removed"));
    let id = node.request(&url).await.unwrap();
    let ended = node.settled(&id, &["done", "failed", "needs-operator", "gone"]).await.unwrap();
    assert_eq!(ended["title"], "月見ちゃんねる rabbit_4");
    let word = str::to_owned;
    let stand = |id: &str, state: &str, code: &str| (word(id), word(state), word(code));
    let mut expected: Vec<_> =
        ["fxm1", "fxm2", "fxm3", "fxm4", "fxm90001", "fxm90002"].map(|id| stand(id, "done", "")).into();
    expected.extend([
        stand("fxmembers", "needs-operator", "login"),
        stand("fxprivate", "needs-operator", "login"),
        stand("fxremoved", "gone", "gone"),
        stand("fxterminated", "gone", "gone"),
    ]);
    assert_eq!(stands(&node, &id).await, expected);
    assert_eq!(fixture.served("fxm4"), 1, "what several lists name is downloaded once");
    fixture.grow("rabbit_4", 1);
    fixture.vanish("fxm2");
    let said = node.cli(&["requests", "retry", &id]).await.unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let there = async || Ok(stands(&node, &id).await.contains(&stand("fxm5", "done", "")));
    node.until("the new one is there", there).await.unwrap();
    assert!(stands(&node, &id).await.contains(&stand("fxm2", "done", "")));
}
