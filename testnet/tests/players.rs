//! Other players than ours play what the node describes, to the end and with every frame.

use horahora_testnet::cluster::{self, Node, fixture};
use tokio::process::Command;

/// Frames that ffmpeg decodes from `input`, and what it complained about.
async fn frames(ffmpeg: &std::path::Path, input: &str) -> (u64, String) {
    let output = Command::new(ffmpeg)
        .args([
            "-nostdin",
            "-v",
            "error",
            "-i",
            input,
            "-map",
            "0:v:0",
            "-fps_mode",
            "passthrough",
            "-f",
            "null",
            "-progress",
            "pipe:1",
            "-",
        ])
        .output()
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let count = told.lines().rev().find_map(|line| line.strip_prefix("frame=")?.trim().parse().ok());
    (count.unwrap_or(0), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn ffmpeg_and_yt_dlp_play_it_to_the_end() {
    let fixture = fixture().await.unwrap();
    let tools = cluster::tools().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    let videos = node.archive(&format!("{}/fixtube/watch/fxlong", fixture.site())).await.unwrap();
    let manifest = videos[0]["manifest"].as_str().unwrap();
    let mpd = node.url(&format!("/media/{manifest}/manifest.mpd"));
    let original = node.url(&format!("/media/{manifest}/original/0"));
    let (expected, _) = frames(&tools.ffmpeg, &original).await;
    assert!(expected > 900, "40 s at 25 frames a second: {expected}");
    let (played, complaints) = frames(&tools.ffmpeg, &mpd).await;
    assert_eq!((played, complaints.as_str()), (expected, ""));
    // HLS over the same segments, as a whole and each rendition alone; and the file that names it.
    let seen =
        node.own(&format!("/api/v1/videos/{}", videos[0]["id"].as_str().unwrap().replace(':', "%3A"))).await;
    let seen = seen.unwrap();
    let pictures = seen["renditions"].as_array().unwrap().iter().filter(|r| r["kind"] == "video");
    let own = pictures.map(|r| format!("{}/", r["id"].as_str().unwrap()));
    for place in own.chain([String::new()]) {
        let list = node.url(&format!("/media/{manifest}/{place}playlist.m3u8"));
        let (played, complaints) = frames(&tools.ffmpeg, &list).await;
        assert_eq!(played, expected, "{list}: {complaints}");
        // Of the whole it reads all variants at once, and its parser takes one for the other before it plays.
        assert!(place.is_empty() || complaints.is_empty(), "{list}: {complaints}");
    }
    let file = node.bytes(&format!("/media/{manifest}/open.m3u")).await.unwrap();
    let file = String::from_utf8(file.to_vec()).unwrap();
    assert!(
        file.ends_with(&format!("{}\n", node.url(&format!("/media/{manifest}/playlist.m3u8")))),
        "{file}"
    );

    let dir = tempfile::tempdir().unwrap();
    for (format, name) in [("bestvideo", "best.mp4"), ("worstvideo", "worst.mp4")] {
        let file = dir.path().join(name);
        let output = Command::new(&tools.python)
            .args(["-m", "yt_dlp", "--ignore-config", "--ffmpeg-location"])
            .arg(&tools.ffmpeg)
            .args(["-f", format, "--no-part", "-o"])
            .arg(&file)
            .arg(&mpd)
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let (fetched, complaints) = frames(&tools.ffmpeg, file.to_str().unwrap()).await;
        assert_eq!((fetched, complaints.as_str()), (expected, ""), "{format}");
    }
}

#[tokio::test]
async fn a_capture_in_the_making_is_watched_from_its_beginning() {
    let fixture = fixture().await.unwrap();
    let tools = cluster::tools().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    node.request(&format!("{}/fixtube/watch/fxfilm", fixture.site())).await.unwrap();
    let mut live = String::new();
    let growing = node.until("a segment of the picture is there", async || {
        let video = node.get("/api/v1/videos/fixtube%3Afxfilm").await?;
        anyhow::ensure!(video["manifest"].is_null(), "it was published before anyone could watch it grow");
        let Some(capture) = video["live"].as_str() else { return Ok(false) };
        live = node.url(&format!("/media/live/{capture}/manifest.mpd"));
        let page = node.ask(reqwest::Method::GET, "/watch/fixtube%3Afxfilm").send().await?.text().await?;
        let mpd = reqwest::get(&live).await?.text().await?;
        Ok(mpd.contains("type=\"dynamic\"")
            && mpd.contains("v240")
            && page.contains(&format!("live/{capture}")))
    });
    growing.await.unwrap();
    let first = reqwest::get(live.replace("manifest.mpd", "v240/1.m4s")).await.unwrap();
    assert!(first.status().is_success(), "{}", first.status());
    assert!(first.bytes().await.unwrap().windows(4).any(|four| four == b"moof"));
    let published = async || Ok(node.get("/api/v1/videos/fixtube%3Afxfilm").await?["manifest"].is_string());
    node.until("it is published", published).await.unwrap();
    let mpd = reqwest::get(&live).await.unwrap().text().await.unwrap();
    assert!(mpd.contains("type=\"static\""), "who still watches gets to the end: {mpd}");
    let (played, complaints) = frames(&tools.ffmpeg, &live).await;
    let video = node.get("/api/v1/videos/fixtube%3Afxfilm").await.unwrap();
    let original = node.url(&format!("/media/{}/original/0", video["manifest"].as_str().unwrap()));
    let (expected, _) = frames(&tools.ffmpeg, &original).await;
    assert!(expected > 1_900, "80 s at 25 frames a second: {expected}");
    assert_eq!(played, expected, "{complaints}");
}
