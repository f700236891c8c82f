//! What one node archived, others watch, keep and give on; a real browser looks at it where that matters.

use std::{path::PathBuf, process::Stdio, time::Duration};

use horahora_testnet::cluster::{self, Node, fixed_address, fixture};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

const SM9: &str = "niconico:sm9";
const SM9_URL: &str = "https://www.nicovideo.jp/watch/sm9";

/// Opens a video in Chromium on a node and plays it.
async fn watch(node: &Node, video: &str, shots: Option<&str>) -> Value {
    let link: Value = serde_json::from_slice(&node.cli(&["--json", "login"]).await.unwrap().stdout).unwrap();
    let path = format!("/watch/{}", video.replace(':', "%3A"));
    let mut command = Command::new("node");
    command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("browser/watch-here.mjs")).args([
        "--login",
        link["login"].as_str().unwrap(),
        "--path",
        &path,
    ]);
    if let Some(shots) = shots {
        command.arg("--shots").arg(cluster::shared_dir().unwrap().join("shots").join(shots));
    }
    let output =
        command.stdin(Stdio::null()).kill_on_drop(true).output().await.expect("Node.js is installed");
    let (seen, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{complaint}\n{seen:.4000}\n{}", node.log());
    let seen: Value = serde_json::from_str(&seen).unwrap();
    assert!(seen["watch"]["frames"].as_u64().unwrap() > 0, "{seen}");
    seen
}

/// A node that knows no source site, only other nodes.
async fn follower(of: &Node) -> Node {
    Node::start(&["--peer", &of.address().await.unwrap()]).await.unwrap()
}

/// How many nodes are connected.
async fn connected(node: &Node) -> u64 {
    node.get("/api/v1/node").await.unwrap()["connected"].as_u64().unwrap()
}

#[tokio::test]
async fn a_second_node_plays_it_keeps_what_it_watched_and_a_third_plays_it_from_there() {
    let fixture = fixture().await.unwrap();
    let mut a = Node::at(&fixture).await.unwrap();
    let b = follower(&a).await;
    let made = a.archive(SM9_URL).await.unwrap().remove(0);
    let video = b.lists(&made).await.unwrap();
    assert_eq!(video["held"], "none", "{video}");
    assert_eq!(video["captures"][0]["node"], a.id().await.unwrap().as_str());
    watch(&b, SM9, Some("second-node")).await;
    // A browser plays one rendition; here is a viewer who saw them all.
    let bytes = b.play_through(&video).await.unwrap();
    assert!(fixture.served("sm9") == 1, "the origin was asked once: {}", fixture.served("sm9"));

    a.kill().await.unwrap();
    watch(&b, SM9, None).await;
    assert_eq!(b.play_through(&video).await.unwrap(), bytes);
    let c = follower(&b).await;
    let there = c.lists(&made).await.unwrap();
    watch(&c, SM9, None).await;
    assert_eq!(c.play_through(&there).await.unwrap(), bytes);
    // What nobody watched is gone with its only holder, and the node says so instead of hanging.
    let original = format!("/media/{}/original/0", video["manifest"].as_str().unwrap());
    let answer = b.ask(Method::GET, &original).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "no-holder");
}

#[tokio::test]
async fn a_video_is_watched_elsewhere_while_it_is_still_transcoded() {
    let fixture = fixture().await.unwrap();
    let a = Node::at(&fixture).await.unwrap();
    let b = follower(&a).await;
    let id = a.request(&format!("{}/fixtube/watch/fxfilm", fixture.site())).await.unwrap();
    let path = "/api/v1/videos/fixtube%3Afxfilm";
    b.until("the capture in the making can be played", async || {
        let video = b.get(path).await?;
        Ok(video["live"].is_string() || video["manifest"].is_string())
    })
    .await
    .unwrap();
    let live = b.get(path).await.unwrap()["live"].as_str().expect("it plays before it is done").to_owned();
    let seen = watch(&b, "fixtube:fxfilm", None).await;
    let request = a.get(&format!("/api/v1/requests/{id}")).await.unwrap();
    assert_eq!(request["state"], "running", "frames came before the job was done: {seen} {request}");
    // Who began with the growing description goes on with it to the end.
    a.settled(&id, &["done"]).await.unwrap();
    let made = a.get(path).await.unwrap();
    b.until("the growing description says that it is complete", async || {
        let mpd = b.bytes(&format!("/media/live/{live}/manifest.mpd")).await?;
        Ok(String::from_utf8_lossy(&mpd).contains("type=\"static\""))
    })
    .await
    .unwrap();
    let video = b.lists(&made).await.unwrap();
    b.play_through(&video).await.unwrap();
}

#[tokio::test]
async fn a_kept_video_comes_whole_and_is_let_go_again() {
    let fixture = fixture().await.unwrap();
    let mut a = Node::at(&fixture).await.unwrap();
    let (listen, peer) = (fixed_address().unwrap(), a.address().await.unwrap());
    let mut b = Node::start(&["--listen", &listen, "--peer", &peer]).await.unwrap();
    let made = a.archive(SM9_URL).await.unwrap().remove(0);
    b.lists(&made).await.unwrap();
    a.kill().await.unwrap();
    let keep = "/api/v1/videos/niconico%3Asm9/keep";
    assert_eq!(b.post(keep, &json!({})).await.unwrap().status(), 202);
    let path = "/api/v1/videos/niconico%3Asm9";
    b.until("it waits for a holder and says why", async || {
        let kept = &b.get(path).await?["kept"];
        Ok(kept["state"] == "waiting" && kept["code"] == "no_holder" && kept["reason"].is_string())
    })
    .await
    .unwrap();
    b.kill().await.unwrap();
    b.restart().await.unwrap();
    // The holder comes back under another port, knows the other one from before, and the copy is made.
    a.restart().await.unwrap();
    b.until("it is held whole", async || Ok(b.get(path).await?["held"] == "whole")).await.unwrap();
    a.kill().await.unwrap();
    let video = b.get(path).await.unwrap();
    let manifest = video["manifest"].as_str().unwrap();
    assert!(b.bytes(&format!("/media/{manifest}/original/0")).await.unwrap().len() > 100_000);
    let verified = b.cli(&["--json", "verify"]).await.unwrap();
    let complaint = String::from_utf8_lossy(&verified.stderr);
    let report: Value =
        serde_json::from_slice(&verified.stdout).unwrap_or_else(|_| panic!("{complaint}\n{}", b.log()));
    assert!(report["problems"].as_array().unwrap().is_empty() && report["strays"] == 0, "{report}");
    let gone = b.ask(Method::DELETE, keep).bearer_auth(b.token()).json(&json!({})).send().await.unwrap();
    assert_eq!(gone.status(), 200);
    let video = b.get(path).await.unwrap();
    assert_eq!((&video["kept"], video["held"].as_str()), (&Value::Null, Some("whole")));
}

#[tokio::test]
async fn nodes_find_each_other_again_over_either_transport_alone() {
    for listen in ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"] {
        let mut a = Node::start(&["--listen", listen, "--name", "a"]).await.unwrap();
        let address = a.address().await.unwrap();
        assert_eq!(address.contains("quic-v1"), listen.contains("quic-v1"), "{address}");
        // A name instead of an address, and nothing about who should answer there.
        let (place, _) = address.split_once("/p2p/").unwrap();
        let place = place.replace("/ip4/127.0.0.1", "/dns4/localhost");
        let mut b = Node::start(&["--listen", listen, "--name", "b", "--peer", &place]).await.unwrap();
        b.until("they are connected", async || Ok(connected(&b).await == 1)).await.unwrap();
        let (a_id, b_id) = (a.id().await.unwrap(), b.id().await.unwrap());
        // Both get other ports, and nobody tells the second where the first is now: the first finds the second.
        for (one, id, name) in [(&a, &b_id, "b"), (&b, &a_id, "a")] {
            one.until("each remembers the other", async || {
                let nodes = one.get("/api/v1/nodes").await?;
                Ok(nodes["items"][0]["node_id"] == id.as_str() && nodes["items"][0]["name"] == name)
            })
            .await
            .unwrap();
        }
        let before = b.get("/api/v1/nodes").await.unwrap()["items"][0]["last_seen"].clone();
        a.kill().await.unwrap();
        a.restart().await.unwrap();
        assert_ne!(a.address().await.unwrap(), address);
        b.until("the first one said where it is now", async || {
            Ok(b.get("/api/v1/nodes").await?["items"][0]["last_seen"] != before)
        })
        .await
        .unwrap();
        let nodes = b.get("/api/v1/nodes").await.unwrap();
        assert_eq!(nodes["items"][0]["node_id"], a_id.as_str());
        assert!(nodes["items"][0]["followed"].as_bool().unwrap(), "{nodes}");
        // The second restarts without being told of anyone; the first is where it was.
        b.stop().await.unwrap();
        b.set_options(&["--listen", listen, "--name", "b"]);
        b.restart().await.unwrap();
        b.until("they are connected once more", async || Ok(connected(&b).await == 1)).await.unwrap();
    }
}

#[tokio::test]
async fn nodes_are_added_and_forgotten_by_hand() {
    let fixture = fixture().await.unwrap();
    let a = Node::at(&fixture).await.unwrap();
    let b = Node::start(&[]).await.unwrap();
    let made = a.archive(SM9_URL).await.unwrap().remove(0);
    for (address, code) in [
        ("nonsense", "bad-address"),
        ("/ip4/127.0.0.1/tcp/9", "bad-address"),
        (b.address().await.unwrap().as_str(), "bad-address"),
    ] {
        let answer = b.post("/api/v1/nodes", &json!({ "address": address })).await.unwrap();
        assert_eq!(answer.status(), 400, "{address}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["code"], code);
        assert!(body["message"].as_str().unwrap().len() > 20, "{body}");
    }
    let added = b.post("/api/v1/nodes", &json!({ "address": a.address().await.unwrap() })).await.unwrap();
    assert_eq!(added.status(), 202);
    b.lists(&made).await.unwrap();
    let path = format!("/api/v1/nodes/{}", a.id().await.unwrap());
    let forgotten =
        b.ask(Method::DELETE, &path).bearer_auth(b.token()).json(&json!({})).send().await.unwrap();
    assert_eq!(forgotten.status(), 200);
    assert_eq!(b.get("/api/v1/videos").await.unwrap()["items"], json!([]));
    let groups = b.get("/api/v1/node").await.unwrap()["groups"].clone();
    assert_eq!(groups.as_array().unwrap().len(), 1, "{groups}");
    // It can be wanted again.
    b.post("/api/v1/nodes", &json!({ "address": a.address().await.unwrap() })).await.unwrap();
    b.lists(&made).await.unwrap();
}

#[tokio::test]
async fn ten_nodes_in_a_chain_show_and_play_it_with_three_of_them_gone() {
    let fixture = fixture().await.unwrap();
    let mut chain = vec![Node::at(&fixture).await.unwrap()];
    for _ in 1..10 {
        let next = follower(chain.last().unwrap()).await;
        chain.push(next);
    }
    let first_group = chain[0].get("/api/v1/node").await.unwrap()["groups"][0]["id"].clone();
    let last = chain.last().unwrap();
    last.until("the last one follows the first one's group", async || {
        let groups = last.get("/api/v1/node").await?["groups"].clone();
        Ok(groups.as_array().is_some_and(|all| all.iter().any(|group| group["id"] == first_group)))
    })
    .await
    .unwrap();
    let video = chain[0].archive(SM9_URL).await.unwrap().remove(0);
    let last = chain.last().unwrap();
    last.until_within(Duration::from_secs(15), "the last one shows it as the first one does", async || {
        Ok(last.get("/api/v1/videos/niconico%3Asm9").await?["manifest"] == video["manifest"])
    })
    .await
    .unwrap();
    // Three of those between are gone; which ones differs from run to run.
    let mut gone = Vec::new();
    while gone.len() < 3 {
        let mut byte = [0];
        getrandom::fill(&mut byte).unwrap();
        let index = 1 + usize::from(byte[0]) % 8;
        if !gone.contains(&index) {
            chain[index].kill().await.unwrap();
            gone.push(index);
        }
    }
    let last = chain.last().unwrap();
    let there = last.lists(&video).await.unwrap();
    let played = last.play_through(&there).await;
    assert!(played.is_ok_and(|bytes| bytes > 1_000_000), "without {gone:?}: {}", last.log());
}
