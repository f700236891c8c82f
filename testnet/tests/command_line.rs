//! The command line does what the page does, and says it with exit codes.

use std::{fs, process::Output};

use horahora_testnet::cluster::{Node, fixture};
use serde_json::Value;

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn archive_list_status_id_and_login() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    let empty = node.cli(&["videos"]).await.unwrap();
    assert!(out(&empty).contains("Nothing is archived yet"));
    let url = "https://www.nicovideo.jp/watch/sm9";
    let archived = node.cli(&["archive", url, "--wait"]).await.unwrap();
    assert!(archived.status.success(), "{}", complaint(&archived));
    assert!(out(&archived).contains("niconico:sm9") && complaint(&archived).contains("100 %"));
    assert!(out(&node.cli(&["videos"]).await.unwrap()).contains("niconico:sm9"));
    let videos: Value =
        serde_json::from_slice(&node.cli(&["videos", "--json"]).await.unwrap().stdout).unwrap();
    assert_eq!(videos["items"][0]["id"], "niconico:sm9");
    assert!(out(&node.cli(&["status"]).await.unwrap()).contains("ffmpeg"));
    let id = out(&node.cli(&["id"]).await.unwrap());
    assert!(id.starts_with("12D3KooW") && id.contains("/p2p/12D3KooW"), "{id}");
    assert!(out(&node.cli(&["login"]).await.unwrap()).contains("/login?key="));

    let gone = node.cli(&["archive", "https://www.nicovideo.jp/watch/sm90", "--wait"]).await.unwrap();
    assert!(!gone.status.success() && complaint(&gone).contains("gone"), "{}", complaint(&gone));
    // Many links at once: what is wrong among them is told, the others are asked for.
    let file = node.data().join("links.txt");
    let lines =
        "# mine\nhttps://www.nicovideo.jp/watch/sm14\n\nnonsense\nhttps://www.nicovideo.jp/watch/sm15\n";
    std::fs::write(&file, lines).unwrap();
    let many = node.cli(&["archive", "--from", file.to_str().unwrap(), "--wait"]).await.unwrap();
    assert!(!many.status.success() && complaint(&many).contains("nonsense: "), "{}", complaint(&many));
    assert!(out(&many).contains("niconico:sm14") && out(&many).contains("niconico:sm15"), "{}", out(&many));
    let bad = node.cli(&["archive", "nonsense"]).await.unwrap();
    assert!(!bad.status.success() && complaint(&bad).contains("not-a-url"), "{}", complaint(&bad));
    let second = node.cli(&["run", "--http", "127.0.0.1:0"]).await.unwrap();
    assert!(!second.status.success() && complaint(&second).contains("in use"), "{}", complaint(&second));
}

#[tokio::test]
async fn verify_finds_a_changed_byte_with_and_without_a_node() {
    let fixture = fixture().await.unwrap();
    let mut node = Node::at(&fixture).await.unwrap();
    let videos = node.archive(&format!("{}/fixtube/watch/fx1", fixture.site())).await.unwrap();
    let fine = node.cli(&["verify"]).await.unwrap();
    assert!(fine.status.success(), "{}", out(&fine));
    let unknown = node.cli(&["verify", "niconico:sm1"]).await.unwrap();
    assert!(!unknown.status.success() && out(&unknown).contains("not archived"), "{}", out(&unknown));

    let manifest = videos[0]["manifest"].as_str().unwrap();
    let manifest = node.ask(reqwest::Method::GET, &format!("/blobs/{manifest}")).send().await.unwrap();
    let manifest = horahora_protocol::manifest::Manifest::decode(&manifest.bytes().await.unwrap()).unwrap();
    let victim = manifest.original[0].chunks[0].cid;
    let name = victim.to_string();
    let path = node.data().join("blobs").join(&name[name.len() - 3..name.len() - 1]).join(&name);
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    fs::write(&path, bytes).unwrap();
    for running in [true, false] {
        if !running {
            node.kill().await.unwrap();
        }
        let broken = node.cli(&["verify", "fixtube:fx1"]).await.unwrap();
        assert!(!broken.status.success() && out(&broken).contains(&victim.to_string()), "{}", out(&broken));
    }
}
