//! A node that is killed at any moment goes on where it was: nothing acknowledged is lost, nothing stray stays.

use std::{fs, path::Path};

use horahora_testnet::cluster::{Node, fixture};
use serde_json::Value;

/// Text of all journals of unfinished work.
fn journals(data: &Path) -> String {
    let folders = fs::read_dir(data.join("jobs")).into_iter().flatten().flatten();
    folders.filter_map(|folder| fs::read_to_string(folder.path().join("blobs.log")).ok()).collect()
}

fn downloading(data: &Path) -> bool {
    let folders = fs::read_dir(data.join("jobs")).into_iter().flatten().flatten();
    let mut files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
    files.any(|file| file.file_name().to_string_lossy().ends_with(".part"))
}

/// Everything is there, whole, and nothing else is.
async fn assert_clean(node: &mut Node) {
    // A video is told to be done when its last record is on the disk; its folder goes right after.
    let jobs = node.data().join("jobs");
    node.until("the work folder is empty", async || Ok(fs::read_dir(&jobs)?.next().is_none())).await.unwrap();
    node.kill().await.unwrap();
    let report = node.cli(&["--json", "verify"]).await.unwrap();
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["problems"], serde_json::json!([]), "{report}");
    assert_eq!(report["strays"], 0, "{report}");
    let left: Vec<_> = fs::read_dir(node.data().join("blobs/tmp")).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    node.restart().await.unwrap();
}

/// Requests `source`, kills the node as soon as `moment` is seen, and lets it finish. Gives whether the moment
/// was seen before all was done.
async fn killed_at(node: &mut Node, source: &str, moment: impl Fn(&Path) -> bool) -> bool {
    let id = node.request(source).await.unwrap();
    let data = node.data().to_owned();
    let path = format!("/api/v1/requests/{id}");
    let mut seen = false;
    let watching = async {
        for round in 0_u64.. {
            if moment(&data) {
                seen = true;
                break;
            }
            if round % 50 == 0 && node.get(&path).await.unwrap()["state"] == "done" {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(horahora_testnet::cluster::DEADLINE, watching)
        .await
        .expect("the moment or the end comes");
    node.kill().await.unwrap();
    node.restart().await.unwrap();
    node.settled(&id, &["done"]).await.unwrap();
    seen
}

#[tokio::test]
async fn killed_while_downloading_it_resumes() {
    let fixture = fixture().await.unwrap();
    let mut node = Node::at(&fixture).await.unwrap();
    fixture.hold(true);
    let source = format!("{}/fixtube/watch/fx1", fixture.site());
    let id = node.request(&source).await.unwrap();
    let data = node.data().to_owned();
    node.until("a part of the download is on the disk", async || Ok(downloading(&data))).await.unwrap();
    node.kill().await.unwrap();
    fixture.hold(false);
    node.restart().await.unwrap();
    node.settled(&id, &["done"]).await.unwrap();
    assert_clean(&mut node).await;
}

#[tokio::test]
async fn killed_while_packaging_transcoding_publishing_it_finishes() {
    let fixture = fixture().await.unwrap();
    let mut node = Node::at(&fixture).await.unwrap();
    let site = fixture.site();
    let raw = |data: &Path| journals(data).contains("bafkr4i");
    let manifests = |data: &Path, least: usize| journals(data).matches("bafyr4i").count() >= least;
    let mut sources = (1..).map(|n| format!("{site}/fixtube/watch/fx{n}"));
    // Packaging: the first segments are kept and no manifest is. Publishing: a manifest is about to appear
    // (the start record is the first structured blob). Transcoding: published, and more segments come.
    for (stage, moment) in [
        ("packaging", Box::new(|data: &Path| raw(data) && !manifests(data, 1)) as Box<dyn Fn(&Path) -> bool>),
        ("publishing", Box::new(|data: &Path| manifests(data, 2))),
        (
            "transcoding",
            Box::new(|data: &Path| {
                manifests(data, 2) && !journals(data).trim().ends_with(&last_structured(data))
            }),
        ),
        ("publishing again", Box::new(|data: &Path| manifests(data, 3))),
    ] {
        let mut caught = false;
        // Smaller sizes of a few seconds are made between two looks on a busy machine; these take longer.
        let long = (stage == "transcoding").then(|| format!("{site}/fixtube/watch/fxlong"));
        for source in long.into_iter().chain(sources.by_ref()).take(10) {
            caught = killed_at(&mut node, &source, &moment).await;
            assert_clean(&mut node).await;
            if caught {
                break;
            }
        }
        assert!(caught, "{stage} was never seen");
    }
}

/// The last manifest or start record in the journals.
fn last_structured(data: &Path) -> String {
    journals(data).lines().rfind(|line| line.starts_with("bafyr4i")).unwrap_or("none").to_owned()
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let fixture = fixture().await.unwrap();
    let mut node = Node::at(&fixture).await.unwrap();
    fixture.hold(true);
    let mut ids = Vec::new();
    for n in 1..=5 {
        ids.push(node.request(&format!("{}/fixtube/watch/fx{n}", fixture.site())).await.unwrap());
        node.kill().await.unwrap();
        node.restart().await.unwrap();
        for id in &ids {
            let request = node.get(&format!("/api/v1/requests/{id}")).await.unwrap();
            assert_eq!(&request["id"], id);
        }
    }
    fixture.hold(false);
    for id in &ids {
        node.settled(id, &["done"]).await.unwrap();
    }
    assert_clean(&mut node).await;
}
