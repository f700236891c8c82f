//! What links are, and the lists that yt-dlp alone reads wrong.

use horahora::ingest::{Kind, inspect, write_plugins};
use horahora_testnet::cluster::{Node, fixture, tools};
use serde_json::Value;

use crate::pace::node_with;

const URLS: &str = include_str!("../testdata/urls.tsv");

#[tokio::test]
async fn links_are_told_apart_without_asking_anyone() {
    let tools = tools().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let plugins = write_plugins(dir.path()).unwrap();
    let rows: Vec<Vec<&str>> =
        URLS.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect()).collect();
    let urls: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert!(urls.len() >= 150, "{}", urls.len());
    let found = inspect(&tools, &plugins, &urls).await.unwrap();
    assert_eq!(found.len(), urls.len());
    let kind = |kind| match kind {
        Kind::Video => "video",
        Kind::Playlist => "playlist",
        Kind::Unsupported => "unsupported",
    };
    let mut wrong = Vec::new();
    for (row, found) in rows.iter().zip(&found) {
        let id = found.id.clone().unwrap_or_else(|| "-".to_owned());
        let id = if id.starts_with("generic:") { "generic:*".to_owned() } else { id };
        let said = [kind(found.kind), found.extractor.as_deref().unwrap_or("-"), &id].map(str::to_owned);
        if said.iter().ne(row[1..].iter()) {
            wrong.push(format!("{}: {said:?}", row[0]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn inspected(node: &Node, url: &str, offline: bool) -> Value {
    let query: String = url::form_urlencoded::byte_serialize(url.as_bytes()).collect();
    node.own(&format!("/api/v1/inspect?url={query}&offline={offline}")).await.unwrap()
}

#[tokio::test]
async fn a_link_says_what_it_is_before_it_is_archived() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    let short = inspected(&node, "https://nico.ms/sm9", true).await;
    assert_eq!((short["kind"].as_str(), short["id"].as_str()), (Some("video"), Some("niconico:sm9")));
    assert_eq!(fixture.hits("www.nicovideo.jp/api/watch/v3_guest/sm9"), 0, "nobody was asked");
    let tag = inspected(&node, "https://www.nicovideo.jp/tag/YTPMV_2400", false).await;
    assert_eq!((tag["kind"].as_str(), tag["count"].as_u64()), (Some("playlist"), Some(2_401)), "{tag}");
    let says = "A list of about 2,401 videos, niconico tag. \u{201c}YTPMV_2400\u{201d} About 7 GB, and 8 h for one node.";
    assert_eq!(tag["says"], says);
    assert_eq!(tag["first"], serde_json::json!({ "listed": 100, "archived": 0 }));
    let wrong = inspected(&node, "https://www.nicovideo.jp/ranking", true).await;
    assert_eq!((wrong["kind"].as_str(), &wrong["id"]), (Some("unsupported"), &Value::Null));
    node.archive("https://nico.ms/sm9").await.unwrap();
    assert_eq!(inspected(&node, "https://www.nicovideo.jp/watch/sm9", true).await["archived"], true);
    let said = node.cli(&["inspect", "https://nico.ms/sm9", "--offline"]).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "One video, niconico. It is archived already.");
}

#[tokio::test]
async fn a_tag_of_niconico_is_archived_by_our_own_lister() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    fixture.set_error("sm30002", Some("removed"));
    let request = node.request("https://www.nicovideo.jp/tag/YTPMV_3").await.unwrap();
    let ended = node.settled(&request, &["done", "failed"]).await.unwrap();
    assert_eq!(ended["title"], "YTPMV_3");
    let videos = ["niconico:sm30003", "niconico:sm30002", "niconico:sm30001"];
    assert_eq!(ended["videos"], serde_json::json!(videos));
    let gone = node.get("/api/v1/videos/niconico%3Asm30002").await.unwrap();
    assert_eq!((gone["state"].as_str(), gone["code"].as_str()), (Some("gone"), Some("gone")), "{gone}");
    assert_eq!(ended["counts"]["done"], 2, "{ended}");
}

#[tokio::test]
async fn a_creator_has_a_page_with_what_is_archived_of_them() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    for id in ["sm11", "sm12"] {
        node.archive(&format!("https://www.nicovideo.jp/watch/{id}")).await.unwrap();
    }
    let video = node.own("/api/v1/videos/niconico%3Asm11").await.unwrap();
    assert_eq!(video["creator_id"], "4242");
    let seen = node.get("/api/v1/creators/niconico/4242").await.unwrap();
    let ids: Vec<_> = seen["items"].as_array().unwrap().iter().map(|video| video["id"].clone()).collect();
    assert_eq!(ids, ["niconico:sm12", "niconico:sm11"]);
    assert_eq!((&seen["name"], &seen["names"][0]["name"]), (&video["creator"], &video["creator"]));
    let first = node.get("/api/v1/creators/niconico/4242?limit=1").await.unwrap();
    let path = format!("/api/v1/creators/niconico/4242?limit=1&after={}", first["next"].as_str().unwrap());
    let second = node.get(&path).await.unwrap();
    assert_eq!(second["items"][0]["id"], "niconico:sm11");
    let page = node.bytes("/creators/niconico/4242").await.unwrap();
    let page = String::from_utf8(page.to_vec()).unwrap();
    assert!(page.contains("sm11") && page.contains(video["creator"].as_str().unwrap()), "{page}");
    let none = node.ask(reqwest::Method::GET, "/api/v1/creators/niconico/1").send().await.unwrap();
    assert_eq!(none.status(), 404);
}

#[tokio::test]
async fn lists_of_every_kind_are_archived_whole() {
    let fixture = fixture().await.unwrap();
    let free = "requests_per_minute = 0\n[sites.\"bilibili.com\"]\nrequests_per_minute = 0";
    let (node, _dir) = node_with(&fixture, &fixture.proxy(), free).await;
    let lists = [
        ("https://www.nicovideo.jp/search/SOUGHT_2", "SOUGHT_2", ["niconico:sm30002", "niconico:sm30001"]),
        ("https://www.nicovideo.jp/mylist/2", "お気に入り", ["niconico:sm2001", "niconico:sm2002"]),
        (
            "https://www.nicovideo.jp/user/4242/series/2",
            "月見シリーズ",
            ["niconico:sm2001", "niconico:sm2002"],
        ),
        (
            "https://ch.nicovideo.jp/tsukimi_2/video",
            "うさぎちゃんねる",
            ["niconico:so3002", "niconico:so3001"],
        ),
        (
            "https://search.bilibili.com/all?vt=1&keyword=%E5%85%94%E5%AD%90_2&order=pubdate",
            "兔子_2",
            ["bilibili:BV1Hora00002", "bilibili:BV1Hora00001"],
        ),
        (
            "https://space.bilibili.com/7003/lists/2?type=season",
            "兔子合集",
            ["bilibili:BV1Hora00001", "bilibili:BV1Hora00002"],
        ),
        (
            "https://space.bilibili.com/7003/lists/2?type=series",
            "兔子系列",
            ["bilibili:BV1Hora00001", "bilibili:BV1Hora00002"],
        ),
        (
            "https://space.bilibili.com/7003/favlist?fid=2&ftype=create",
            "收藏夹",
            ["bilibili:BV1Hora00001", "bilibili:BV1Hora00002"],
        ),
    ];
    for (url, title, videos) in lists {
        let request = node.request(url).await.unwrap();
        let ended = node.settled(&request, &["done", "failed", "refused"]).await.unwrap();
        assert_eq!(
            (&ended["title"], &ended["videos"]),
            (&title.into(), &serde_json::json!(videos)),
            "{ended}"
        );
        assert_eq!(ended["counts"]["done"], 2, "{ended}");
    }
    for video in ["sm2001", "BV1Hora00001"] {
        assert_eq!(fixture.served(video), 1, "what several lists name is fetched once");
    }
}

#[tokio::test]
async fn a_podcasts_feed_is_a_list_of_its_files() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    let request = node.request(&format!("{}/feed.xml", fixture.site())).await.unwrap();
    let ended = node.settled(&request, &["done", "failed", "refused"]).await.unwrap();
    assert_eq!(
        (ended["title"].as_str(), ended["count"].as_u64()),
        (Some("うさぎラジオ"), Some(2)),
        "{ended}"
    );
    let page = node.own(&format!("/api/v1/requests/{request}/videos")).await.unwrap();
    let stands: Vec<_> = page["items"].as_array().unwrap().iter().map(|v| v["state"].clone()).collect();
    assert_eq!(stands, ["done", "done"], "{page}");
    let broken = page["items"][1]["id"].as_str().unwrap().replace(':', "%3A");
    let broken = node.own(&format!("/api/v1/videos/{broken}")).await.unwrap();
    assert!(broken["renditions"][0]["missing_ms"].as_u64() > Some(2_000), "its end is missing: {broken}");
    let video = page["items"][0]["id"].as_str().unwrap().replace(':', "%3A");
    let video = node.own(&format!("/api/v1/videos/{video}")).await.unwrap();
    assert!(video["url"].as_str().unwrap().ends_with("/files/bbb.mp4"), "{video}");
}
