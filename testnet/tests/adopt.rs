//! What exists somewhere is mirrored into the group that wants it, not downloaded again.

use std::collections::BTreeSet;

use horahora_testnet::{
    cluster::{Node, fixture},
    fixture::Fixture,
};
use serde_json::{Value, json};

const SM9_URL: &str = "https://www.nicovideo.jp/watch/sm9";

/// A node that reaches the fake sites, with more options.
async fn node(fixture: &Fixture, more: &[&str]) -> Node {
    let (proxy, args) = (fixture.proxy(), format!("--ytdlp-args={}", fixture.ytdlp_args()));
    let options = ["--allow-private-sources", "--proxy", &proxy, &args];
    Node::start(&[&options, more].concat()).await.unwrap()
}

async fn whole(node: &Node, video: &Value) -> Value {
    let path = format!("/api/v1/videos/{}", video["id"].as_str().unwrap().replace(':', "%3A"));
    node.get(&path).await.unwrap()
}

#[tokio::test]
async fn what_a_followed_node_has_is_mirrored_into_the_group() {
    let fixture = fixture().await.unwrap();
    let mut x = Node::at(&fixture).await.unwrap();
    let made = x.archive(SM9_URL).await.unwrap().remove(0);
    let a = node(&fixture, &["--peer", &x.address().await.unwrap()]).await;
    a.lists(&made).await.unwrap();
    let group = a.say(&["group", "create", "Keepers"]).await.unwrap();
    let request = a.post("/api/v1/requests", &json!({ "url": SM9_URL, "group": group["id"] })).await.unwrap();
    let request: Value = request.json().await.unwrap();
    a.settled(request["id"].as_str().unwrap(), &["done"]).await.unwrap();
    let me = a.id().await.unwrap();
    let ours = async || {
        let captures = whole(&a, &made).await["captures"].clone();
        Ok(captures.as_array().into_iter().flatten().any(|capture| capture["node"] == me.as_str()))
    };
    a.until("it is captured in the group", ours).await.unwrap();
    assert_eq!(fixture.served("sm9"), 1, "the site was asked once\n{}", a.log());
    // It plays from here alone.
    x.kill().await.unwrap();
    let video = whole(&a, &made).await;
    assert_eq!(video["held"], "whole", "{video}");
    assert!(a.play_through(&video).await.unwrap() > 0);
}

#[tokio::test]
async fn what_is_gone_at_the_site_is_mirrored_from_strangers_if_that_is_allowed() {
    let fixture = fixture().await.unwrap();
    let x = Node::at(&fixture).await.unwrap();
    // A list still names it when it is gone.
    let url = format!("{}/fixtube/user/m_1", fixture.site());
    let made = x.archive(&url).await.unwrap().remove(0);
    fixture.set_error("fxm1", Some("removed"));
    let mut wanting = Vec::new();
    for (adopt, state) in [("trusted", "gone"), ("never", "gone"), ("any", "done")] {
        wanting.push((node(&fixture, &["--adopt", adopt]).await, adopt, state));
    }
    // A stranger who holds it whole calls; nobody here follows it.
    let mut addresses = vec![x.address().await.unwrap()];
    for (node, ..) in &wanting {
        addresses.push(node.address().await.unwrap());
    }
    let peers: Vec<&str> = addresses.iter().flat_map(|address| ["--peer", address]).collect();
    let stranger = Node::start(&peers).await.unwrap();
    stranger.lists(&made).await.unwrap();
    let keep = "/api/v1/videos/fixtube%3Afxm1/keep";
    assert_eq!(stranger.post(keep, &json!({})).await.unwrap().status(), 202);
    let kept = async || Ok(whole(&stranger, &made).await["held"] == "whole");
    stranger.until("it is kept whole", kept).await.unwrap();
    for (node, adopt, state) in &wanting {
        let request = node.request(&url).await.unwrap();
        let ended = node.settled(&request, &["done", "gone"]).await.unwrap();
        assert_eq!(ended["state"], *state, "{adopt}: {ended}\n{}", node.log());
    }
    assert_eq!(fixture.served("fxm1"), 1);
}

#[tokio::test]
async fn two_captures_of_one_video_are_one_page_and_every_node_shows_the_same_one() {
    let fixture = fixture().await.unwrap();
    // Neither knows of the other one: each captures it.
    let (a, b) = (Node::at(&fixture).await.unwrap(), Node::at(&fixture).await.unwrap());
    let made = [a.archive(SM9_URL).await.unwrap().remove(0), b.archive(SM9_URL).await.unwrap().remove(0)];
    let (of_a, of_b) = (a.address().await.unwrap(), b.address().await.unwrap());
    let late = Node::start(&["--peer", &of_b, "--peer", &of_a]).await.unwrap();
    for (node, other) in [(&a, of_b), (&b, of_a)] {
        assert!(
            node.post("/api/v1/nodes", &json!({ "address": other })).await.unwrap().status().is_success()
        );
    }
    let mut shown = BTreeSet::new();
    for node in [&a, &b, &late] {
        let both = async || Ok(whole(node, &made[0]).await["captures"].as_array().map_or(0, Vec::len) == 2);
        node.until("both captures are known", both).await.unwrap();
        let video = whole(node, &made[0]).await;
        assert_eq!(node.get("/api/v1/videos").await.unwrap()["items"].as_array().unwrap().len(), 1);
        assert_eq!(video["state"], "done", "{video}");
        shown.insert(video["manifest"].as_str().unwrap().to_owned());
        // The other one stays and plays, too.
        for revision in made.iter().map(|video| &video["manifest"]) {
            let mpd =
                node.bytes(&format!("/media/{}/manifest.mpd", revision.as_str().unwrap())).await.unwrap();
            assert!(!mpd.is_empty());
        }
    }
    assert_eq!(shown.len(), 1, "every node shows the same one: {shown:?}");
    assert!(made.iter().any(|video| shown.contains(video["manifest"].as_str().unwrap())), "{shown:?}");
}

#[tokio::test]
async fn what_yt_dlp_called_otherwise_before_is_the_same_video() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    let made = node.archive(&format!("{}/fixtube/user/m_2", fixture.site())).await.unwrap();
    // A link says at once what it was called; it is the video that is there.
    let again = node.archive(&format!("{}/fixtube/watch/fxwasm1", fixture.site())).await.unwrap();
    assert_eq!(again[0]["id"], "fixtube:fxm1");
    // A list does not, but the site does before anything is downloaded.
    let list = node.request(&format!("{}/fixtube/user/was_3", fixture.site())).await.unwrap();
    node.settled(&list, &["done", "failed"]).await.unwrap();
    for (id, state, served) in [("fxwasm1", "refused", 0), ("fxwasm2", "refused", 0), ("fxwasm3", "done", 1)]
    {
        let video = node.get(&format!("/api/v1/videos/fixtube%3A{id}")).await.unwrap();
        assert_eq!(video["state"], state, "{video}");
        assert_eq!(fixture.served(id), served, "{id}");
    }
    let refused = node.get("/api/v1/videos/fixtube%3Afxwasm2").await.unwrap();
    assert_eq!(refused["code"], "duplicate");
    assert!(refused["reason"].as_str().unwrap().contains("fixtube:fxm2"), "{refused}");
    assert_eq!(made.len(), 2);
}
