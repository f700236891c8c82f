//! A person with a real browser: paste a link, see progress, watch, at desktop and phone width.

use std::{path::PathBuf, process::Stdio};

use horahora_testnet::cluster::{self, Node, fixture};
use serde_json::Value;
use tokio::process::Command;

async fn archive_and_watch(node: &Node, source: &str, subtitles: &str, shots: &str) -> Value {
    let link: Value = serde_json::from_slice(&node.cli(&["--json", "login"]).await.unwrap().stdout).unwrap();
    let link = link["login"].as_str().unwrap();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let shots = cluster::shared_dir().unwrap().join("shots").join(shots);
    let output = Command::new("node")
        .arg(folder.join("browser/archive-and-watch.mjs"))
        .args(["--login", link, "--source", source, "--expect-subtitles", subtitles, "--shots"])
        .arg(shots)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("Node.js is installed");
    let (seen, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{complaint}\n{seen:.4000}\n{}", node.log());
    serde_json::from_str(&seen).unwrap()
}

#[tokio::test]
async fn paste_watch_and_look() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    fixture.set_rate(Some(400_000));
    let seen = archive_and_watch(&node, "https://www.nicovideo.jp/watch/sm9", "0", "niconico").await;
    assert!(seen["watch"]["frames"].as_u64().unwrap() > 0, "{seen}");
    let seen =
        archive_and_watch(&node, &format!("{}/fixtube/watch/fx1", fixture.site()), "2", "fixtube").await;
    assert!(seen["watch"]["currentTime"].as_f64().unwrap() > 1.0, "{seen}");
}
