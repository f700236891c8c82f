//! A person with a real browser: paste a link, see progress, watch, at desktop and phone width.

use std::{path::PathBuf, process::Stdio};

use horahora_testnet::cluster::{self, Node, fixture};
use serde_json::Value;
use tokio::process::Command;

async fn login(node: &Node) -> String {
    let link: Value = serde_json::from_slice(&node.cli(&["--json", "login"]).await.unwrap().stdout).unwrap();
    link["login"].as_str().unwrap().to_owned()
}

/// Runs a script; its screenshots go to a folder of this name.
async fn drive(script: &str, args: &[&str], shots: &str, nodes: &[&Node]) -> Value {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let shots = cluster::shared_dir().unwrap().join("shots").join(shots);
    let output = Command::new("node")
        .arg(folder.join("browser").join(script))
        .args(args)
        .arg("--shots")
        .arg(shots)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("Node.js is installed");
    let (seen, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let logs: String = nodes.iter().map(|node| node.log()).collect();
    assert!(output.status.success(), "{complaint}\n{seen:.4000}\n{logs}");
    serde_json::from_str(&seen).unwrap()
}

async fn archive_and_watch(node: &Node, source: &str, subtitles: &str, shots: &str) -> Value {
    let link = login(node).await;
    let args = ["--login", &link, "--source", source, "--expect-subtitles", subtitles];
    let seen = drive("archive-and-watch.mjs", &args, shots, &[node]).await;
    keeps_within_its_window_and_to_wcag(&seen);
    seen
}

/// No page is wider than its window, and axe finds nothing serious wrong with any of them.
fn keeps_within_its_window_and_to_wcag(seen: &Value) {
    let shots = seen["shots"].as_array().unwrap();
    let faulty =
        shots.iter().filter(|shot| shot["overflow"] != false || shot["axe"] != serde_json::json!([]));
    let faulty: Vec<_> = faulty.map(ToString::to_string).collect();
    assert!(!shots.is_empty() && faulty.is_empty(), "{}", faulty.join("\n"));
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

#[tokio::test]
async fn two_operators_share_a_private_group() {
    let (ada, bob) =
        (Node::start(&["--name", "ada"]).await.unwrap(), Node::start(&["--name", "bob"]).await.unwrap());
    let (here, other) = (login(&ada).await, login(&bob).await);
    let seen = drive(
        "groups.mjs",
        &["--login", &here, "--other", &other, "--deadline", "60"],
        "groups",
        &[&ada, &bob],
    )
    .await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    assert!(text(&seen["made"]).contains("1 member private"), "{seen}");
    assert!(text(&seen["footer"]).contains("Group 夜の音MAD"), "{seen}");
    assert_eq!(seen["offered"], "夜の音MAD (private)");
    assert!(text(&seen["ticket"]["said"]).contains("It lets in one member and works for 7 days"), "{seen}");
    assert!(seen["qr"]["path"].as_u64().unwrap() > 1_000, "{seen}");
    assert!(seen["qr"]["size"]["width"].as_f64().unwrap() > 200.0, "{seen}");
    assert_eq!(seen["refused"]["said"], "The ticket is damaged: copy it again, whole.");
    assert_eq!(seen["refused"]["kept"], "hh1nonsense");
    assert!(text(&seen["joined"][0]).starts_with("bob member, this node Up"), "{seen}");
    assert!(text(&seen["joined"][1]).starts_with("ada admin, direct Up"), "{seen}");
    assert_eq!(seen["choices"].as_array().unwrap().len(), 2, "{seen}");
    assert!(text(&seen["both"][1]).starts_with("bob member, direct Up"), "{seen}");
    // Who is not logged in learns of no private group.
    for path in ["/", "/archive", "/nodes"] {
        let page = reqwest::get(ada.url(path)).await.unwrap().text().await.unwrap();
        assert!(!page.contains("夜の音MAD"), "{path}: {page}");
    }
    assert_eq!(seen["left"].as_array().unwrap().len(), 1, "{seen}");
}

#[tokio::test]
async fn a_viewer_seeks_and_changes_everything_there_is_to_change() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    node.archive(&format!("{}/fixtube/watch/fxlong", fixture.site())).await.unwrap();
    let link = login(&node).await;
    let path = "/watch/fixtube%3Afxlong";
    let args = ["--login", &link, "--path", path, "--expect-subtitles", "2"];
    let seen = drive("play.mjs", &args, "play", &[&node]).await;
    assert_eq!(seen["seeks"]["seen"].as_array().unwrap().len(), 20, "{seen}");
    assert_eq!(seen["sounds"].as_array().unwrap().len(), 2, "{seen}");
    assert_eq!(seen["dash"]["ended"], true, "{seen}");
}

#[tokio::test]
async fn somebody_makes_an_account_finds_a_video_and_says_something() {
    fixture().await.unwrap();
    let node = Node::start(&["--encoders", "0"]).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let videos: [(&str, &str, &[&str]); 3] = [
        ("sm1", "【音MAD】真夜中の自動販売機だけで「夜想曲」", &["音MAD", "夜想曲"]),
        ("sm2", "8ビット盆踊り 2011 全景", &["音MAD"]),
        ("sm3", "Kettle Symphony No. 3 in Boil Major", &["YTPMV"]),
    ];
    crate::search::folder(dir.path(), &videos);
    crate::search::import(&node, dir.path(), None).await;
    let link = login(&node).await;
    let seen = drive("people.mjs", &["--login", &link], "people", &[&node]).await;
    assert_eq!(seen["refused"], "A password has 8 to 256 letters, and is not your name.");
    assert_eq!((&seen["kept"], &seen["account"]), (&"豆狸".into(), &"Your account: 豆狸".into()));
    assert_eq!(seen["found"], serde_json::json!([videos[0].1]));
    assert_eq!(seen["tagged"]["titles"].as_array().unwrap().len(), 2, "{seen}");
    assert_eq!((&seen["tagged"]["chips"][0], &seen["everything"]), (&"tag: 音MAD".into(), &3.into()));
    assert_eq!(seen["said"], serde_json::json!(["0:02 ここ伝説\n<b>二行目</b>", "yes"]));
    assert_eq!(seen["typed"], "half a sentence", "what is typed stays while the page changes");
    assert_eq!(seen["after"], serde_json::json!(["from elsewhere", "Taken back by who wrote it.", "yes"]));
    assert_eq!(seen["keptHere"], serde_json::json!([videos[0].1]));
    assert_eq!(seen["followed"]["words"], serde_json::json!(["tag: 音MAD"]));
    assert_eq!(seen["followed"]["fresh"].as_array().unwrap().len(), 2, "{seen}");
    assert_eq!(seen["out"], serde_json::json!(["Log in"]));
    for kind in ["httpErrors", "consoleErrors", "pageErrors", "cspViolations"] {
        assert_eq!(seen[kind], serde_json::json!([]), "{kind}");
    }
    keeps_within_its_window_and_to_wcag(&seen);
}

#[tokio::test]
async fn members_send_films_play_lists_and_report_and_moderators_answer() {
    fixture().await.unwrap();
    let node = Node::start(&[]).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    crate::search::folder(dir.path(), &[("sm3", "Kettle Symphony No. 3 in Boil Major", &["YTPMV"])]);
    crate::search::import(&node, dir.path(), None).await;
    let invited: Value =
        node.post("/api/v1/invitations", &serde_json::json!({})).await.unwrap().json().await.unwrap();
    let (link, film) = (login(&node).await, cluster::shared_dir().unwrap().join("media/bbb.mp4"));
    let code = invited["code"].as_str().unwrap();
    let args = ["--login", &link, "--film", film.to_str().unwrap(), "--code", code];
    let seen = drive("members.mjs", &args, "members", &[&node]).await;
    assert_eq!(seen["guessed"], "bbb");
    assert_eq!(
        seen["uploaded"],
        serde_json::json!({ "title": "夏祭りの自動販売機", "tags": ["夏", "home"], "by": "豆狸" })
    );
    let kettle = "Kettle Symphony No. 3 in Boil Major";
    assert_eq!(seen["listed"], serde_json::json!(["夏祭りの自動販売機", kettle]));
    assert_eq!((&seen["place"], &seen["next"]), (&"1 of 2".into(), &"2 of 2".into()));
    assert_eq!(seen["waits"], serde_json::json!(["Waiting"]));
    assert_eq!(seen["badges"], serde_json::json!(["1", "1"]));
    for kind in ["httpErrors", "consoleErrors", "pageErrors", "cspViolations"] {
        assert_eq!(seen[kind], serde_json::json!([]), "{kind}");
    }
    keeps_within_its_window_and_to_wcag(&seen);
}

#[tokio::test]
async fn lighthouse_finds_home_and_watch_good() {
    fixture().await.unwrap();
    let node = Node::start(&[]).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(cluster::shared_dir().unwrap().join("media/bbb.mp4"), dir.path().join("夏祭り.mp4"))
        .unwrap();
    crate::search::import(&node, dir.path(), None).await;
    let video = node.own("/api/v1/videos").await.unwrap()["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/watch/{}", video.replace(':', "%3A"));
    let seen =
        drive("lighthouse.mjs", &["--login", &login(&node).await, "--path", &path], "lighthouse", &[&node])
            .await;
    let pages = seen.as_array().unwrap();
    assert_eq!(pages.len(), 4, "{seen}");
    for page in pages {
        // How fast it is depends on the machine: benchmarks tell.
        for category in ["accessibility", "best-practices", "seo"] {
            assert!(page["scores"][category].as_u64() >= Some(95), "{category}: {page}");
        }
        let most = if page["path"] == "/" { 60 } else { 300 };
        assert!(page["kb"].as_u64() <= Some(most), "{page}");
    }
    eprintln!("{seen}");
}
