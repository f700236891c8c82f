//! Bad input gives its code, its reason and its status, and the node goes on.

use horahora_testnet::cluster::{Node, fixture};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn what_can_never_be_a_source_is_refused_at_once() {
    let fixture = fixture().await.unwrap();
    let node = Node::start(&["--proxy", &fixture.proxy()]).await.unwrap();
    for (body, code) in [
        (json!({ "url": "no link at all" }), "not-a-url"),
        (json!({ "url": "" }), "not-a-url"),
        (json!({ "url": "file:///etc/passwd" }), "unsupported-scheme"),
        (json!({ "url": "javascript:alert(1)" }), "unsupported-scheme"),
        (json!({ "url": "http://127.0.0.1:1/x" }), "private-address"),
        (json!({ "url": "http://[::1]/x" }), "private-address"),
        (json!({ "url": "http://192.168.0.1/x" }), "private-address"),
        (json!({ "url": "https://a:b@site.example/x" }), "credentials-in-url"),
        (json!({ "url": format!("https://site.example/{}", "x".repeat(5000)) }), "url-too-long"),
        (json!({ "link": "https://site.example/" }), "missing-url"),
        (json!({ "url": 7 }), "missing-url"),
        (json!(["https://site.example/"]), "missing-url"),
    ] {
        let answer = node.post("/api/v1/requests", &body).await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{body}");
        let said: Value = answer.json().await.unwrap();
        assert_eq!(said["code"], code, "{body}");
        assert!(said["message"].as_str().unwrap().len() > 20, "{said}");
    }
    let requests = node.get("/api/v1/requests").await.unwrap();
    assert_eq!(requests["items"], json!([]), "nothing of it was kept");
}

#[tokio::test]
async fn what_a_site_refuses_gets_its_code_and_reason() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    let secret = node.data().join("secret.txt");
    std::fs::write(&secret, "the secret of this machine").unwrap();
    fixture.set_hls_target(&secret);
    let site = fixture.site();
    let tube = |id: &str| format!("{site}/fixtube/watch/{id}");
    let nico = |id: &str| format!("https://www.nicovideo.jp/watch/{id}");
    // Of these the end is missing, and what there is plays.
    for url in [tube("fxtruncated"), format!("{site}/files/truncated.mp4")] {
        let video = node.archive(&url).await.unwrap().remove(0);
        assert_eq!(video["state"], "done", "{video}");
        assert!(video["renditions"][0]["missing_ms"].as_u64() > Some(1_000), "{video}");
        assert!(node.play_through(&video).await.unwrap() > 10_000);
    }
    for (url, state, code) in [
        (format!("{site}/plain"), "refused", "unsupported"),
        (tube("fxremoved"), "gone", "gone"),
        (nico("sm90"), "gone", "gone"),
        (nico("sm95"), "gone", "gone"),
        (tube("fxprivate"), "needs-operator", "login"),
        (nico("sm91"), "needs-operator", "login"),
        (tube("fxlogin"), "needs-operator", "login"),
        (nico("sm93"), "needs-operator", "login"),
        (tube("fxgeo"), "needs-operator", "geo"),
        (nico("sm92"), "needs-operator", "geo"),
        (tube("fxupcoming"), "waiting", "not_yet"),
        (nico("sm94"), "waiting", "not_yet"),
        (nico("sm97"), "waiting", "transient"),
        (tube("fxbroken"), "waiting", "extractor_broken"),
        (tube("fxmissing"), "gone", "gone"),
        (tube("fxtext"), "failed", "not_media"),
        (format!("{site}/files/text.mp4"), "failed", "not_media"),
        (tube("fxhls"), "failed", "not_media"),
        (format!("{site}/files/playlist.mp4"), "failed", "not_media"),
        // These pause their whole site, so they come last.
        (nico("sm96"), "waiting", "rate_limited"),
        (tube("fx429"), "waiting", "rate_limited"),
    ] {
        let id = node.request(&url).await.unwrap();
        let request = node.settled(&id, &[state]).await.unwrap();
        assert_eq!(request["code"], code, "{url}: {request}");
        let reason = request["reason"].as_str().unwrap();
        assert!(reason.len() > 20 && !reason.contains("secret"), "{url}: {reason}");
    }
    // What waits for a paused site says so, and asking again lets it go on.
    let id = node.request(&tube("fx1")).await.unwrap();
    let paused = node.settled(&id, &["waiting", "done"]).await.unwrap();
    assert!(paused["state"] == "done" || paused["code"] == "rate_limited", "{paused}");
    assert_eq!(node.request(&tube("fx1")).await.unwrap(), id);
    node.settled(&id, &["done"]).await.unwrap();
    let audio = node.archive(&tube("fxaudio")).await.unwrap();
    assert!(audio[0]["reason"].as_str().unwrap().contains("only sound"));
}

#[tokio::test]
async fn unknown_things_are_not_found() {
    let node = Node::start(&[]).await.unwrap();
    let unknown = horahora_protocol::Cid::of(horahora_protocol::Codec::Raw, b"nobody has this");
    let sha = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
    for (path, status, code) in [
        ("/api/v1/videos/niconico%3Asm1".to_owned(), 404, "unknown-video"),
        ("/api/v1/videos/nonsense".to_owned(), 404, "unknown-video"),
        ("/api/v1/requests/nonsense".to_owned(), 404, "unknown-request"),
        (format!("/api/v1/requests/{unknown}"), 404, "unknown-request"),
        ("/blobs/nonsense".to_owned(), 400, "bad-cid"),
        (format!("/blobs/{sha}"), 400, "bad-cid"),
        (format!("/blobs/{unknown}"), 404, "unknown-blob"),
        (format!("/media/{unknown}/manifest.mpd"), 404, "unknown-blob"),
        (format!("/media/live/{unknown}/manifest.mpd"), 404, "unknown-capture"),
        ("/api/v1/videos?after=xyz".to_owned(), 400, "bad-cursor"),
        ("/api/v2/anything".to_owned(), 404, "unknown-path"),
    ] {
        let answer = node.ask(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        let said: Value = answer.json().await.unwrap();
        assert_eq!(said["code"], code, "{path}");
    }
    let page = node.ask(Method::GET, "/watch/niconico%3Asm1").send().await.unwrap();
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
    assert!(page.text().await.unwrap().contains("does not have this video"));
}

#[tokio::test]
async fn dead_proxies_and_bad_cookies_are_told_in_plain_words() {
    let fixture = fixture().await.unwrap();
    let args = format!("--ytdlp-args={}", fixture.ytdlp_args());
    let mut node =
        Node::start(&["--allow-private-sources", "--proxy", &fixture.proxy(), &args]).await.unwrap();
    let cookies = node.data().join("cookies.txt");
    std::fs::write(&cookies, ".nicovideo.jp\tTRUE\t/\tTRUE\t1000000000\tuser_session\tx\n").unwrap();
    let missing = node.data().join("none.txt");
    let config = format!(
        "[sites.\"nicovideo.jp\"]\ncookies = {cookies:?}\n[sites.\"127.0.0.1\"]\ncookies = {missing:?}\n\
         [sites.\"dead.example\"]\nproxy = \"http://127.0.0.1:9\"\n"
    );
    std::fs::write(node.data().join("config.toml"), config).unwrap();
    node.stop().await.unwrap();
    node.restart().await.unwrap();
    for (url, state, words) in [
        ("https://www.nicovideo.jp/watch/sm93".to_owned(), "needs-operator", "ran out"),
        (format!("{}/fixtube/watch/fx1", fixture.site()), "needs-operator", "cannot be read"),
        ("http://dead.example/video".to_owned(), "waiting", "The proxy http://127.0.0.1:9 does not answer"),
    ] {
        let id = node.request(&url).await.unwrap();
        let request = node.settled(&id, &[state]).await.unwrap();
        assert!(request["reason"].as_str().unwrap().contains(words), "{url}: {request}");
    }
    assert_eq!(std::fs::read_to_string(&cookies).unwrap().lines().count(), 1, "the file is not written to");
    // The rest works.
    node.archive("https://www.nicovideo.jp/watch/sm9").await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_told_and_what_waits_for_room_goes_on_by_itself() {
    let fixture = fixture().await.unwrap();
    let disk = SmallDisk::mount("220m").await;
    let args = format!("--ytdlp-args={}", fixture.ytdlp_args());
    let options = ["--allow-private-sources", "--proxy", &fixture.proxy(), &args, "--keep-free-mb", "100"];
    let mut node = Node::start_in(&disk.path().join("data"), &options).await.unwrap();
    let site = fixture.site();
    let first = node.archive(&format!("{site}/fixtube/watch/fx1")).await.unwrap();
    assert_eq!(first[0]["state"], "done");
    let filler = disk.path().join("somebody-elses");
    std::fs::write(&filler, vec![1; 130_000_000]).unwrap();
    let id = node.request(&format!("{site}/fixtube/watch/fx2")).await.unwrap();
    let waits = node.settled(&id, &["waiting"]).await.unwrap();
    assert_eq!(waits["code"], "disk_full", "{waits}");
    assert!(waits["reason"].as_str().unwrap().contains("Make room"), "{waits}");
    // The rest of the node works.
    let video = node.own(&format!("/api/v1/videos/{}", first[0]["id"].as_str().unwrap())).await.unwrap();
    assert!(node.play_through(&video).await.unwrap() > 0);
    std::fs::remove_file(&filler).unwrap();
    node.settled(&id, &["done"]).await.unwrap();
    node.stop().await.unwrap();
}

/// A disk of its own, in memory. Needs root, as the tests of networks do.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    async fn mount(size: &str) -> Self {
        let disk = Self(tempfile::TempDir::with_prefix("horahora-disk-").unwrap());
        let size = format!("size={size}");
        let mut mount = tokio::process::Command::new("mount");
        let done = mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(disk.path()).status().await.unwrap();
        assert!(done.success(), "a disk of its own can be mounted");
        disk
    }

    fn path(&self) -> &std::path::Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whoever still writes there does not hinder it.
        let _ = std::process::Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
