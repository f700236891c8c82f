//! Folders of videos are taken into the archive where they are, once, and by whichever run finishes it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use horahora_testnet::cluster::{Node, shared_dir};
use serde_json::{Value, json};

/// Containers and codecs as people have them.
const MEDIA: [&str; 6] = ["mini.mp4", "vp9.webm", "xvid.avi", "audio.m4a", "hevc.mp4", "silent.mp4"];

/// A folder as yt-dlp leaves it, and two files that it never saw. Each video's bytes differ, as those of real ones do.
fn folder(dir: &Path, videos: usize) {
    let media = shared_dir().unwrap().join("media");
    let mut archive = String::new();
    for number in 0..videos {
        let (source, channel) = (MEDIA[number % MEDIA.len()], dir.join(format!("channel {}", number % 3)));
        fs::create_dir_all(&channel).unwrap();
        let stem = channel.join(format!("動画 {number} [vid{number}]"));
        let at = |ending: &str| PathBuf::from(format!("{}.{ending}", stem.display()));
        let mut bytes = fs::read(media.join(source)).unwrap();
        if source.ends_with(".mp4") {
            // A box that players skip.
            bytes.extend([0, 0, 0, 16, b'f', b'r', b'e', b'e']);
            bytes.extend((number as u64).to_be_bytes());
        }
        fs::write(at(source.rsplit_once('.').unwrap().1), bytes).unwrap();
        let info = json!({
            "id": format!("vid{number}"), "extractor_key": "Youtube", "title": format!("動画 {number}"),
            "webpage_url": format!("https://www.youtube.com/watch?v=vid{number}"), "upload_date": "20091114",
            "uploader": "うさぎP", "uploader_id": "u1", "cookies": "secret=1", "_type": "video",
        });
        fs::write(at("info.json"), info.to_string()).unwrap();
        fs::write(at("ja.vtt"), "WEBVTT\n\n00:00.500 --> 00:01.000\nこんにちは\n").unwrap();
        archive += &format!("youtube vid{number}\n");
    }
    fs::copy(media.join("good.mp4"), dir.join("Kept [gone1].mp4")).unwrap();
    fs::copy(media.join("vfr.mp4"), dir.join("holiday.mp4")).unwrap();
    fs::write(dir.join("archive.txt"), archive + "niconico gone1\n").unwrap();
}

/// Every file of a folder with its bytes' hash.
fn state_of(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() {
            all.extend(state_of(&entry.path()));
        } else {
            let hash = blake3::hash(&fs::read(entry.path()).unwrap()).to_string();
            all.insert(entry.path(), hash);
        }
    }
    all
}

#[tokio::test]
async fn a_folder_is_imported_once_survives_a_kill_and_is_not_changed() {
    a_folder_is_imported(12).await;
}

#[tokio::test]
#[ignore = "takes half an hour; test.sh --long runs it"]
async fn a_folder_of_five_hundred_is_imported_once_and_survives_a_kill() {
    a_folder_is_imported(498).await;
}

/// A folder of so many videos of yt-dlp's and two others.
async fn a_folder_is_imported(videos: usize) {
    let count = videos as u64 + 2;
    let limit = Duration::from_secs(180 + 10 * count);
    let (dir, mut node) = (tempfile::tempdir().unwrap(), Node::start(&[]).await.unwrap());
    let began = horahora::clock::steady();
    folder(dir.path(), videos);
    let before = state_of(dir.path());
    let asked = node.post("/api/v1/imports", &json!({ "dir": dir.path() })).await.unwrap();
    let id = asked.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/requests/{id}");
    let some = async || Ok(node.own(&path).await?["counts"]["done"].as_u64() >= Some(count / 7));
    node.until_within(limit, "some of it is there", some).await.unwrap();
    node.kill().await.unwrap();
    node.restart().await.unwrap();
    // The same command goes on where it was.
    let said = node.cli(&["--json", "import", dir.path().to_str().unwrap()]).await.unwrap();
    assert!(said.status.success(), "{}\n{}", String::from_utf8_lossy(&said.stderr), node.log());
    let request: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(
        (request["id"].as_str(), request["count"].as_u64()),
        (Some(id.as_str()), Some(count)),
        "{request}"
    );
    assert_eq!(request["counts"]["done"], count, "{request}");
    let took = horahora::clock::steady().ms_since(began) / 1000;
    crate::mesh::note(&format!("a folder of {count} videos was imported in {took} s, a kill in between"));
    let mut played = 0;
    for video in request["videos"].as_array().unwrap() {
        let name = video.as_str().unwrap();
        let video = node.get(&format!("/api/v1/videos/{}", name.replace(':', "%3A"))).await.unwrap();
        assert_eq!(
            (video["state"].as_str(), video["held"].as_str()),
            (Some("done"), Some("whole")),
            "{video}"
        );
        assert!(node.play_through(&video).await.unwrap() > 0, "{name}");
        played += 1;
        if name.starts_with("youtube:") {
            assert!(video["title"].as_str().unwrap().starts_with("動画 "), "{video}");
            assert_eq!(
                (video["published_at"].as_u64(), video["creator"].as_str()),
                (Some(1_258_156_800_000), Some("うさぎP"))
            );
            assert_eq!(video["subtitles"], json!(["ja"]));
            let info = format!("/media/{}/info.json", video["manifest"].as_str().unwrap());
            let info = String::from_utf8(node.bytes(&info).await.unwrap().to_vec()).unwrap();
            assert!(info.contains("うさぎP") && !info.contains("secret"), "{info}");
        }
    }
    assert_eq!(played, count);
    let kept = node.get("/api/v1/videos/niconico%3Agone1").await.unwrap();
    assert_eq!(kept["title"], "Kept [gone1]");
    let blobs = |node: &Node| state_of(&node.data().join("blobs")).len();
    let held = blobs(&node);
    let again = node.cli(&["import", dir.path().to_str().unwrap()]).await.unwrap();
    let all = format!("{count} videos: {count} in the archive, 0 not");
    assert_eq!(String::from_utf8_lossy(&again.stdout).trim(), all);
    assert_eq!(blobs(&node), held, "a second run adds nothing");
    assert!(state_of(dir.path()) == before, "nothing in the folder was changed");
    let report = node.cli(&["--json", "verify"]).await.unwrap();
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["problems"], json!([]), "{report}");
}

#[tokio::test]
async fn what_is_no_folder_is_said_and_files_that_vanish_say_so() {
    let (dir, node) = (tempfile::tempdir().unwrap(), Node::start(&[]).await.unwrap());
    for wrong in [json!({ "dir": dir.path().join("none") }), json!({ "dir": 7 }), json!({})] {
        let answer = node.post("/api/v1/imports", &wrong).await.unwrap();
        assert_eq!(answer.status(), 400, "{wrong}");
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "no-such-folder");
    }
    let empty = node.cli(&["import", dir.path().to_str().unwrap()]).await.unwrap();
    let said = String::from_utf8_lossy(&empty.stderr).into_owned();
    assert!(!empty.status.success() && said.contains("no video in this folder"), "{said}");
    fs::write(dir.path().join("broken.mp4"), "this is no video").unwrap();
    let broken = node.cli(&["--json", "import", dir.path().to_str().unwrap()]).await.unwrap();
    let request: Value = serde_json::from_slice(&broken.stdout).unwrap();
    assert_eq!(
        (request["count"].as_u64(), request["code"].as_str()),
        (Some(1), Some("not_media")),
        "{request}"
    );
}
