//! Videos are found by what is written on them, in every script, by whoever may see them.

use std::{fs, path::Path};

use horahora_testnet::cluster::{Node, shared_dir};
use serde_json::{Value, json};
use url::form_urlencoded;

/// A folder as yt-dlp leaves it: one short sound for each title.
pub(crate) fn folder(dir: &Path, videos: &[(&str, &str, &[&str])]) {
    let media = shared_dir().unwrap().join("media/audio.m4a");
    for (number, (id, title, tags)) in videos.iter().enumerate() {
        let at = |ending: &str| dir.join(format!("{number} [{id}].{ending}"));
        let mut bytes = fs::read(&media).unwrap();
        // A box that players skip: no two files are the same.
        bytes.extend([0, 0, 0, 16, b'f', b'r', b'e', b'e']);
        bytes.extend(blake3::hash(title.as_bytes()).as_bytes()[..8].iter());
        fs::write(at("m4a"), bytes).unwrap();
        let info = json!({
            "id": id, "extractor_key": "Niconico", "title": title, "tags": tags, "_type": "video",
            "webpage_url": format!("https://www.nicovideo.jp/watch/{id}"), "upload_date": "20091114",
            "uploader": "豆腐工場P", "uploader_id": "12",
        });
        fs::write(at("info.json"), info.to_string()).unwrap();
    }
}

/// Imports a folder into a group, or the node's own.
pub(crate) async fn import(node: &Node, dir: &Path, group: Option<&str>) {
    let mut args = vec!["import", dir.to_str().unwrap()];
    args.extend(group.into_iter().flat_map(|group| ["--group", group]));
    let said = node.cli(&args).await.unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

fn path(query: &str) -> String {
    format!("/api/v1/search?q={}", form_urlencoded::byte_serialize(query.as_bytes()).collect::<String>())
}

fn ids(found: &Value) -> Vec<String> {
    let items = found["items"].as_array().into_iter().flatten();
    let mut ids: Vec<_> = items.filter_map(|video| Some(video["id"].as_str()?.to_owned())).collect();
    ids.sort();
    ids
}

async fn finds(node: &Node, query: &str, wanted: &[&str]) {
    let path = path(query);
    let there = async || Ok(ids(&node.own(&path).await?) == wanted);
    node.until(&format!("“{query}” finds {wanted:?}"), there).await.unwrap();
}

#[tokio::test]
async fn titles_tags_and_creators_are_found_at_once_after_a_loss_of_the_index_and_by_those_who_may() {
    horahora_testnet::cluster::fixture().await.unwrap();
    let mut node = Node::start(&["--encoders", "0"]).await.unwrap();
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    folder(
        dirs[0].path(),
        &[
            ("sm1", "【音MAD】真夜中の自動販売機", &["音MAD", "夜想曲"]),
            ("sm2", "Kettle Symphony for two pianos", &["YTPMV", "collab entry"]),
        ],
    );
    folder(dirs[1].path(), &[("sm3", "秘密のピアノ", &["音MAD"])]);
    import(&node, dirs[0].path(), None).await;
    node.say(&["group", "create", "夜", "--private"]).await.unwrap();
    import(&node, dirs[1].path(), Some("夜")).await;

    let (one, two, three) = ("niconico:sm1", "niconico:sm2", "niconico:sm3");
    finds(&node, "自動販売機", &[one]).await;
    finds(&node, "piano", &[two]).await;
    finds(&node, "ﾋﾟｱﾉ", &[three]).await;
    finds(&node, "tag:音MAD", &[one, three]).await;
    finds(&node, "by:豆腐 -pianos", &[one, three]).await;
    finds(&node, "猫", &[]).await;
    // Who is not logged in learns of nothing private, not even how much there is.
    let seen = node.get(&path("tag:音MAD")).await.unwrap();
    assert_eq!(
        (ids(&seen), &seen["total"], &seen["sites"]),
        (vec![one.to_owned()], &json!(1), &json!({ "niconico": 1 }))
    );
    let wrong = reqwest::get(node.url("/api/v1/search?length=huge")).await.unwrap();
    assert_eq!(wrong.json::<Value>().await.unwrap()["code"], "bad-search");
    let link = reqwest::get(node.url("/search?q=https%3A%2F%2Fexample.com%2Fv")).await.unwrap();
    assert_eq!(link.url().query(), Some("url=https%3A%2F%2Fexample.com%2Fv"));
    let text = async |path: &str| reqwest::get(node.url(path)).await.unwrap().text().await.unwrap();
    let feed = text("/feeds/search.atom?q=tag%3A%E9%9F%B3MAD").await;
    assert!(feed.contains("<title>【音MAD】真夜中の自動販売機</title>") && !feed.contains("秘密"), "{feed}");
    let about = |id: &str| {
        format!(
            "/oembed?url={}%2Fwatch%2Fniconico%253A{id}",
            node.url("").replace(':', "%3A").replace('/', "%2F")
        )
    };
    let shown: Value = serde_json::from_str(&text(&about("sm1")).await).unwrap();
    assert!(shown["html"].as_str().unwrap().contains("/embed/niconico%3Asm1"), "{shown}");
    assert!(text(&about("sm3")).await.contains("unknown-video"), "what is private is not embedded");
    let embedded = reqwest::get(node.url("/embed/niconico%3Asm1")).await.unwrap();
    assert!(embedded.headers()["content-security-policy"].to_str().unwrap().contains("frame-ancestors *"));
    assert!(embedded.text().await.unwrap().contains("id=\"player\""));
    assert_eq!(reqwest::get(node.url("/embed/niconico%3Asm3")).await.unwrap().status(), 404);
    let said = node.say(&["search", "--", "tag:音MAD", "-販売"]).await.unwrap();
    assert_eq!(ids(&said), [three]);

    // The index is only a copy.
    node.stop().await.unwrap();
    fs::remove_dir_all(node.data().join("search")).unwrap();
    node.restart().await.unwrap();
    finds(&node, "tag:音MAD", &[one, three]).await;
    node.stop().await.unwrap();
    let form = fs::read_dir(node.data().join("search")).unwrap().next().unwrap().unwrap().path();
    fs::write(form.join("meta.json"), "no index").unwrap();
    node.restart().await.unwrap();
    finds(&node, "pianos", &[two]).await;
}
