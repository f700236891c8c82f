//! What exists somewhere is mirrored into the group that wants it, not downloaded again.

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
