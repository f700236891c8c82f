//! The same file gives the same bytes: on a busy machine as on a quiet one, and when it was begun twice.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use horahora_protocol::manifest::{Manifest, MediaKind, Rendition};
use horahora_testnet::cluster::{Node, tools};
use serde_json::json;
use tokio::process::Command;

/// Two files: one whose picture is copied, one that is encoded as a whole.
async fn folder(dir: &Path) {
    let ffmpeg = tools().await.unwrap().ffmpeg;
    for (name, codec) in [("copied.mp4", "libx264"), ("encoded.mkv", "mpeg4")] {
        let args = [
            "-nostdin",
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=640x360:r=25:d=20",
            "-f",
            "lavfi",
            "-i",
            "sine=d=20",
        ];
        let how = [
            "-c:v",
            codec,
            "-g",
            "100",
            "-pix_fmt",
            "yuv420p",
            "-b:v",
            "2M",
            "-c:a",
            "aac",
            "-fflags",
            "+bitexact",
        ];
        let done = Command::new(&ffmpeg).args(args).args(how).arg(dir.join(name)).output().await.unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

/// The renditions of all videos, by their names.
async fn made(node: &Node, count: usize) -> Vec<(String, Rendition)> {
    let all = async || {
        let videos = node.own("/api/v1/videos").await?;
        let items = videos["items"].as_array().unwrap();
        Ok(items.len() == count && items.iter().all(|video| video["state"] == "done"))
    };
    node.until("all are archived", all).await.unwrap();
    let videos = node.own("/api/v1/videos").await.unwrap();
    let mut made = Vec::new();
    for video in videos["items"].as_array().unwrap() {
        let cid = video["manifest"].as_str().unwrap();
        let block = node.bytes(&format!("/blobs/{cid}")).await.unwrap();
        for rendition in Manifest::decode(&block).unwrap().renditions {
            made.push((format!("{} {}", video["url"].as_str().unwrap(), rendition.id), rendition));
        }
    }
    made.sort_by(|a, b| a.0.cmp(&b.0));
    made
}

/// Keeps as many threads busy as there are cores, until dropped.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn new() -> Self {
        let goes_on = Arc::new(AtomicBool::new(true));
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            let goes_on = Arc::clone(&goes_on);
            std::thread::spawn(move || {
                while goes_on.load(Ordering::Relaxed) {
                    std::hint::spin_loop()
                }
            });
        }
        Self(goes_on)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn the_same_file_gives_the_same_bytes_on_a_busy_machine_and_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path()).await;
    let path = dir.path().to_str().unwrap();
    let quiet = Node::start(&[]).await.unwrap();
    quiet.cli(&["import", path]).await.unwrap();
    let first = made(&quiet, 2).await;

    let mut busy = Node::start(&[]).await.unwrap();
    let load = Busy::new();
    let asked = busy.post("/api/v1/imports", &json!({ "dir": path })).await.unwrap();
    assert_eq!(asked.status(), 202);
    // Killed in the middle of an encoding, it begins that one anew.
    let encodes = async || {
        let jobs = busy.own("/api/v1/jobs").await?;
        let at_work = |job: &serde_json::Value| {
            job["kind"] == "rendition"
                && job["doing"].as_str().is_some_and(|doing| doing.starts_with("transcodes"))
        };
        Ok(jobs["items"].as_array().unwrap().iter().any(at_work))
    };
    busy.until("it encodes", encodes).await.unwrap();
    busy.kill().await.unwrap();
    busy.restart().await.unwrap();
    let again = made(&busy, 2).await;
    drop(load);
    let names = |made: &[(String, Rendition)]| made.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&first), names(&again));
    assert!(
        first
            .iter()
            .any(|(name, made)| name.contains("copied") && made.recipe.args.contains(&"copy".to_owned()))
    );
    for ((name, one), (_, other)) in first.iter().zip(&again) {
        assert_eq!(one, other, "{name}");
    }
    // Each picture is made by another recipe, and says so.
    let pictures: Vec<_> = first.iter().filter(|(_, made)| made.kind == MediaKind::Video).collect();
    let recipes: BTreeSet<_> = pictures.iter().map(|(_, made)| format!("{:?}", made.recipe)).collect();
    assert_eq!(recipes.len(), pictures.len(), "{recipes:?}");
}

#[tokio::test]
async fn what_is_archived_is_made_anew_where_recipes_differ_and_only_there() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path()).await;
    std::fs::remove_file(dir.path().join("encoded.mkv")).unwrap();
    let mut node = Node::start(&[]).await.unwrap();
    node.cli(&["import", dir.path().to_str().unwrap()]).await.unwrap();
    let video = async |node: &Node| {
        let first = node.own("/api/v1/videos").await.unwrap()["items"][0].clone();
        let id = first["id"].as_str().unwrap().replace(':', "%3A");
        node.own(&format!("/api/v1/videos/{id}")).await.unwrap()
    };
    let quiet = async |node: &Node| {
        let none = async || Ok(node.own("/api/v1/jobs").await?["items"].as_array().unwrap().is_empty());
        node.until("nothing is left to do", none).await.unwrap();
    };
    let before = video(&node).await;
    let said = String::from_utf8(node.cli(&["media", "redo"]).await.unwrap().stdout).unwrap();
    assert!(said.starts_with("1 video is looked at"), "{said}");
    quiet(&node).await;
    assert_eq!(video(&node).await["manifest"], before["manifest"], "nothing differs, nothing is made");

    node.stop().await.unwrap();
    node.set_options(&["--av1"]);
    node.restart().await.unwrap();
    let id = before["id"].as_str().unwrap();
    node.cli(&["media", "redo", id]).await.unwrap();
    quiet(&node).await;
    let after = video(&node).await;
    let of = |video: &serde_json::Value| {
        let all = video["renditions"].as_array().unwrap().iter();
        all.map(|r| (r["id"].as_str().unwrap().to_owned(), r["bytes"].as_u64())).collect::<BTreeSet<_>>()
    };
    let new: Vec<_> = of(&after).difference(&of(&before)).map(|(id, _)| id.clone()).collect();
    assert_eq!(new, ["v240av1", "v360av1"], "{after}");
    assert!(of(&before).is_subset(&of(&after)), "what was there is there as it was");
    let codecs: Vec<_> =
        after["renditions"].as_array().unwrap().iter().filter(|r| r["id"] == "v360av1").collect();
    assert!(codecs[0]["codecs"].as_str().unwrap().starts_with("av01."), "{codecs:?}");
    assert!(node.play_through(&after).await.unwrap() > 0);
    let verified = node.post("/api/v1/verify", &json!({})).await.unwrap();
    let verified: serde_json::Value = verified.json().await.unwrap();
    assert_eq!(verified["problems"], json!([]), "{verified}");

    let other = node.post("/api/v1/videos/niconico%3Asm9/redo", &json!({})).await;
    assert_eq!(other.unwrap().status(), 404);
}

/// A recipe is what anybody can follow with the bare program: whatever shortcut was taken on the way.
#[tokio::test]
async fn what_is_copied_is_what_the_bare_command_gives() {
    let dir = tempfile::tempdir().unwrap();
    let ffmpeg = tools().await.unwrap().ffmpeg;
    let fragmented = "-movflags +frag_keyframe+empty_moov+default_base_moof";
    let files = [
        ("stereo.mp4", "-c:a aac -ac 2"),
        ("mono.m4a", "-vn -c:a aac -ac 1 -ar 22050"),
        ("surround.mp4", "-c:a aac -ac 6"),
        ("opus.mp4", "-c:a libopus"),
        ("flac.mp4", "-c:a flac -strict -2"),
        ("pieces.mp4", &format!("-c:a aac {fragmented}")),
        ("opus-pieces.mp4", &format!("-vn -c:a libopus {fragmented} -frag_duration 1000000")),
        ("late.mov", "-c:a aac -output_ts_offset 3"),
        ("broadcast.ts", "-c:a aac"),
    ];
    for (name, how) in &files {
        let input =
            "-nostdin -v error -f lavfi -i testsrc2=s=320x240:r=25:d=6 -f lavfi -i sine=d=6 -shortest";
        let picture = "-c:v libx264 -g 50 -bf 2 -pix_fmt yuv420p";
        let args = input.split(' ').chain(picture.split(' ')).chain(how.split(' '));
        let done = Command::new(&ffmpeg).args(args).arg(dir.path().join(name)).output().await.unwrap();
        assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let node = Node::start(&[]).await.unwrap();
    node.cli(&["import", dir.path().to_str().unwrap()]).await.unwrap();
    let made = made(&node, files.len()).await;
    let mut copies = 0;
    for (name, made) in made.iter().filter(|(_, made)| made.recipe.args.contains(&"copy".to_owned())) {
        let (url, _) = name.split_once(' ').unwrap();
        let mut bytes = node.bytes(&format!("/blobs/{}", made.init.cid)).await.unwrap().to_vec();
        for segment in &made.segments {
            bytes.extend(node.bytes(&format!("/blobs/{}", segment.cid)).await.unwrap());
        }
        let file = url.strip_prefix("file:").unwrap();
        let bare = Command::new(&ffmpeg)
            .args(["-nostdin", "-v", "error", "-fflags", "+bitexact+discardcorrupt", "-i"])
            .arg(dir.path().join(file))
            .args(&made.recipe.args)
            .arg("pipe:1")
            .output()
            .await
            .unwrap();
        let (same, rest) = bare.stdout.split_at(bytes.len().min(bare.stdout.len()));
        assert!(bytes == same, "{name}: {} and {} bytes", bytes.len(), bare.stdout.len());
        // An index of the whole file, which players of pieces have no use for (ISO/IEC 14496-12, 8.8.9).
        assert!(rest.is_empty() || rest.get(4..8) == Some(b"mfra"), "{name}: {} bytes more", rest.len());
        copies += 1;
    }
    assert!(copies >= 12, "{copies} copies");
}
