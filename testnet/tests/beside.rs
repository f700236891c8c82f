//! What stands beside picture and sound: preview pictures, chapters, loudness, subtitles, danmaku.

use std::path::Path;

use horahora::tools::Toolset;
use horahora_testnet::cluster::{Node, fixture, tools};
use serde_json::{Value, json};
use tokio::process::Command;

async fn run(program: &Path, args: &[&str]) -> Vec<u8> {
    let done = Command::new(program).args(args).output().await.unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

/// Twelve seconds, first red, then blue, with a sound of a known loudness, texts in two languages and two chapters.
async fn film(tools: &Toolset, dir: &Path) {
    let path = |name: &str| dir.join(name).to_string_lossy().into_owned();
    let aside = tempfile::tempdir().unwrap();
    let beside = |name: &str, text: &str| {
        std::fs::write(aside.path().join(name), text).unwrap();
        aside.path().join(name).to_string_lossy().into_owned()
    };
    let ja = beside("ja.srt", "1\n00:00:01,000 --> 00:00:02,500\n<i>こんにちは</i>\n");
    let en = beside(
        "en.srt",
        "1\n00:00:01,000 --> 00:00:02,500\na & b\n\n2\n00:00:04,000 --> 00:00:05,000\nlate\n",
    );
    let parts = beside(
        "parts.txt",
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=6000\ntitle=序\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=6000\nEND=12000\ntitle=Second <theme>\n",
    );
    // EBU Tech 3341, test case 1: a sine of 1 kHz at -23 dBFS in both channels is -23 LUFS.
    let sine = "aevalsrc=0.070795*sin(2000*PI*t)|0.070795*sin(2000*PI*t):s=48000:d=12";
    let picture = "color=red:s=320x180:r=25:d=6[r];color=blue:s=320x180:r=25:d=6[b];[r][b]concat[v]";
    let args = [
        "-nostdin",
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        sine,
        "-i",
        &ja,
        "-i",
        &en,
        "-i",
        &parts,
        "-filter_complex",
        picture,
        "-map",
        "[v]",
        "-map",
        "0:a",
        "-map",
        "1:s",
        "-map",
        "2:s",
        "-map_metadata",
        "3",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-g",
        "50",
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "pcm_s16le",
        "-c:s",
        "ass",
        "-metadata:s:s:0",
        "language=jpn",
        "-metadata:s:s:1",
        "language=eng",
        &path("film.mkv"),
    ];
    run(&tools.ffmpeg, &args).await;
    std::fs::write(dir.join("film.fr.srt"), "1\n00:00:03,000 --> 00:00:04,000\nBonjour\n").unwrap();
}

/// The colour of one picture of a sheet: red, green, blue.
async fn colour(tools: &Toolset, sheet: &Path, (x, y): (u32, u32)) -> [u8; 3] {
    let crop = format!("crop=160:90:{x}:{y},scale=1:1:flags=area,format=rgb24");
    let args = [
        "-v",
        "error",
        "-i",
        sheet.to_str().unwrap(),
        "-vf",
        &crop,
        "-frames:v",
        "1",
        "-f",
        "rawvideo",
        "pipe:1",
    ];
    run(&tools.ffmpeg, &args).await.try_into().unwrap()
}

#[tokio::test]
async fn a_file_shows_its_chapters_its_texts_small_pictures_and_how_loud_it_is() {
    let tools = tools().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    film(&tools, folder.path()).await;
    let node = Node::start(&[]).await.unwrap();
    node.cli(&["import", folder.path().to_str().unwrap()]).await.unwrap();
    let first = async || {
        let videos = node.own("/api/v1/videos").await?;
        Ok(videos["items"][0]["state"] == "done")
    };
    node.until("the film is archived", first).await.unwrap();
    let id =
        node.own("/api/v1/videos").await.unwrap()["items"][0]["id"].as_str().unwrap().replace(':', "%3A");
    let video = node.own(&format!("/api/v1/videos/{id}")).await.unwrap();
    let manifest = video["manifest"].as_str().unwrap().to_owned();
    let text = async |name: &str| {
        String::from_utf8(node.bytes(&format!("/media/{manifest}/{name}")).await.unwrap().to_vec()).unwrap()
    };

    let chapters = json!([{"at_ms": 0, "title": "序"}, {"at_ms": 6000, "title": "Second <theme>"}]);
    assert_eq!(video["chapters"], chapters);
    let cues = text("chapters.vtt").await;
    assert!(cues.ends_with("00:00:06.000 --> 00:00:12.000\nSecond &lt;theme&gt;\n"), "{cues}");

    // The site's own text stays as it is; what browsers read is made of it and taken out of the file.
    assert_eq!(video["subtitles"], json!(["fr", "jpn", "eng", "fr"]), "{video}");
    assert!(text("subtitles/0").await.starts_with("1\n00:00:03,000"));
    let words = [(1, "<i>こんにちは</i>"), (2, "a & b"), (3, "Bonjour")];
    for (number, word) in words {
        let vtt = text(&format!("subtitles/{number}")).await;
        assert!(vtt.starts_with("WEBVTT") && vtt.contains(word), "{number}: {vtt}");
    }

    let sound = video["renditions"].as_array().unwrap().iter().find(|r| r["id"] == "a0").unwrap();
    let (lufs, peak) = (&sound["loudness"]["lufs"], &sound["loudness"]["peak_db"]);
    assert!((lufs.as_f64().unwrap() + 23.0).abs() < 0.25, "{sound}");
    assert!((peak.as_f64().unwrap() + 23.0).abs() < 0.5, "{sound}");

    let board = json!({"width": 160, "height": 90, "columns": 5, "rows": 5, "every_ms": 1000, "pictures": 12, "sheets": 1});
    assert_eq!(video["storyboard"], board);
    let cues = text("storyboard.vtt").await;
    assert_eq!(cues.matches("-->").count(), 12, "{cues}");
    assert!(cues.contains("00:00:07.000 --> 00:00:08.000\nstoryboard/0.jpg#xywh=320,90,160,90\n"), "{cues}");
    let sheet = folder.path().join("sheet.jpg");
    std::fs::write(&sheet, node.bytes(&format!("/media/{manifest}/storyboard/0.jpg")).await.unwrap())
        .unwrap();
    let (early, late) = (colour(&tools, &sheet, (160, 0)).await, colour(&tools, &sheet, (320, 90)).await);
    assert!(early[0] > 200 && early[2] < 60, "red at 1 s: {early:?}");
    assert!(late[2] > 200 && late[0] < 60, "blue at 7 s: {late:?}");
    assert_eq!(
        node.ask(reqwest::Method::GET, &format!("/media/{manifest}/storyboard/1.jpg"))
            .send()
            .await
            .unwrap()
            .status(),
        404
    );

    let page = String::from_utf8(node.bytes(&format!("/watch/{id}")).await.unwrap().to_vec()).unwrap();
    for part in ["data-title=\"Second &lt;theme&gt;\"", "data-board=", "data-lufs=\"-23", "label=\"English\""]
    {
        assert!(
            page.contains(part) || page.replace("&#60;", "&lt;").replace("&#62;", "&gt;").contains(part),
            "{part}: {page}"
        );
    }
}

#[tokio::test]
async fn danmaku_of_all_days_are_one_list_and_each_is_there_once() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    let all = async |id: &str| -> Value {
        let video = node.own(&format!("/api/v1/videos/{}", id.replace(':', "%3A"))).await.unwrap();
        node.own(&format!("/media/{}/danmaku.json", video["manifest"].as_str().unwrap())).await.unwrap()
    };
    let said = |whole: &Value| {
        let comments = whole["comments"].as_array().unwrap();
        comments.iter().map(|c| c["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    node.archive("https://www.nicovideo.jp/watch/sm9").await.unwrap();
    let before = all("niconico:sm9").await;
    assert_eq!(before["form"], "niconico");
    assert_eq!(said(&before)[..2], ["うぽつ", "888888"]);
    assert_eq!(before["comments"][1]["commands"], json!(["184", "red", "big"]), "{before}");
    // The site says something more later, and something that was there before is there no more.
    fixture.remake("sm9");
    node.post("/api/v1/videos/niconico%3Asm9/look", &json!({})).await.unwrap();
    let looked = async || {
        Ok(!node.own("/api/v1/videos/niconico%3Asm9").await?["looks"].as_array().unwrap().is_empty())
    };
    node.until("it was looked at again", looked).await.unwrap();
    let after = all("niconico:sm9").await;
    let (before, after) = (said(&before), said(&after));
    assert!(
        before.iter().all(|text| after.contains(text)) && after.len() > before.len(),
        "{before:?} {after:?}"
    );

    node.archive(&format!("{}/fixtube/watch/fx1", fixture.site())).await.unwrap();
    let plain = all("fixtube:fx1").await;
    assert_eq!((&plain["form"], said(&plain).len()), (&json!("plain"), 4), "{plain}");
}
