//! What people write, send and ask to harm a viewer or the node does none: script in every field, forms of other sites, addresses that
//! lead away or out, and more words than anybody reads.

use std::{fs, io::Read, time::Duration};

use horahora::{
    community::{Source, learn},
    store::{Batch, Store},
};
use horahora_protocol::{
    NodeKey, Timestamp, VideoId,
    community::{Act, Place, Said, What},
    entry::Body,
};
use horahora_testnet::cluster::{Node, fixture, shared_dir};
use reqwest::{Method, StatusCode, header, redirect};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    people::{Browser, RIGHTS},
    search::{folder, import},
};

const VIDEO: &str = "/api/v1/videos/niconico%3Asm1";
const EVIL: &str = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>{{7*7}}javascript:alert(1)";
/// How people's words come back if nobody looked at them.
const ALIVE: [&str; 4] = ["<img src=x", "<script>alert", "href=\"javascript:", "49javascript"];
/// Comments and danmaku of one video.
const COMMENTS: u64 = 10_000;
const DANMAKU: u64 = 100_000;

async fn node() -> (Node, tempfile::TempDir) {
    fixture().await.unwrap();
    let node = Node::start(&["--encoders", "0", "--name", EVIL]).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), &[("sm1", &format!("film {EVIL}"), &["<b>tag</b>", EVIL]), ("sm2", "second", &["x"])]);
    for info in fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path()) {
        if info.extension().is_some_and(|ending| ending == "json") {
            let mut said: Value = serde_json::from_slice(&fs::read(&info).unwrap()).unwrap();
            said["uploader"] = json!(EVIL);
            said["uploader_id"] = json!("1\"><script>alert(2)</script>");
            said["uploader_url"] = json!("javascript:alert(1)");
            said["description"] = json!(EVIL);
            said["webpage_url"] = json!("javascript:alert(document.domain)");
            fs::write(&info, said.to_string()).unwrap();
        }
    }
    import(&node, dir.path(), None).await;
    (node, dir)
}

#[tokio::test]
async fn script_in_every_field_stays_text_on_every_page() {
    let (node, _dir) = node().await;
    let admin = Browser::invited(&node, "ada", "admin").await;
    let (post, put) = (Method::POST, Method::PUT);
    for (method, path, body) in [
        (&post, format!("{VIDEO}/comments"), json!({ "text": EVIL })),
        (&post, format!("{VIDEO}/danmaku"), json!({ "at_ms": 5, "text": EVIL, "colour": 0, "place": "top" })),
        (&post, format!("{VIDEO}/reports"), json!({ "kind": "other", "text": EVIL })),
        (&post, "/api/v1/account/lists".to_owned(), json!({ "name": EVIL, "about": EVIL, "public": true })),
        (
            &put,
            "/api/v1/pages/about".to_owned(),
            json!({ "text": format!("# {EVIL}\n\n[x](javascript:alert(1))") }),
        ),
        (&post, "/api/v1/requests".to_owned(), json!({ "url": format!("https://site.example/{EVIL}") })),
        (
            &post,
            "/api/v1/measures".to_owned(),
            json!({ "kind": "video", "id": "niconico:sm2", "action": "hide", "reason": EVIL }),
        ),
    ] {
        let answer = admin.send(method.clone(), &path, &body).await;
        let status = answer.status();
        assert!(status.is_success(), "{path}: {status} {}", answer.text().await.unwrap());
    }
    let lists = admin.get("/api/v1/account/lists").await.json::<Value>().await.unwrap();
    let list = lists["items"][0]["id"].as_str().unwrap().to_owned();
    let asked: String = url::form_urlencoded::byte_serialize(EVIL.as_bytes()).collect();
    let pages = [
        "/".to_owned(),
        "/archive".to_owned(),
        "/nodes".to_owned(),
        "/moderate".to_owned(),
        "/moderate/log".to_owned(),
        "/moderate/measures".to_owned(),
        format!("/moderate/measures?kind=creator&id={asked}"),
        "/moderate/reports".to_owned(),
        "/moderate/uploads".to_owned(),
        "/people".to_owned(),
        "/account".to_owned(),
        "/lists".to_owned(),
        format!("/lists/{list}"),
        "/library".to_owned(),
        "/following".to_owned(),
        "/settings".to_owned(),
        "/sites".to_owned(),
        "/upload".to_owned(),
        "/pages/about".to_owned(),
        "/search".to_owned(),
        format!("/search?q={asked}"),
        format!("/search?tag={asked}&site={asked}&sort={asked}"),
        format!("/login?next={asked}"),
        format!("/sign-up?code={asked}"),
        "/watch/niconico%3Asm1".to_owned(),
        "/watch/niconico%3Asm1?fragment=1".to_owned(),
        format!("/watch/niconico%3Asm1?t={asked}&list={asked}"),
        "/watch/niconico%3Asm2".to_owned(),
        format!("/watch/{asked}"),
        "/embed/niconico%3Asm1".to_owned(),
        "/feeds/search.atom?q=film".to_owned(),
        format!(
            "/creators/niconico/{}",
            url::form_urlencoded::byte_serialize(b"1\"><script>alert(2)</script>").collect::<String>()
        ),
        format!("/nowhere/{asked}"),
    ];
    let mut with_words = 0;
    for who in [&admin, &Browser::nobody(&node)] {
        for path in &pages {
            let answer = who.get(path).await;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let text = answer.text().await.unwrap();
            assert!(!status.is_server_error(), "{path}: {status} {text}");
            for alive in ALIVE {
                assert!(!text.contains(alive), "{path} has {alive:?}: {text}");
            }
            with_words += usize::from(text.contains("onerror=alert(1)"));
            let kind = headers.get(header::CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap());
            if kind.starts_with("text/html") {
                let rules = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
                assert!(rules.contains("script-src 'self';") && !rules.contains("unsafe"), "{path}: {rules}");
            }
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        }
    }
    assert!(with_words >= 20, "the words are on {with_words} pages at all");
}

/// A page of another site that the browser opens with the cookies of this one changes nothing.
#[tokio::test]
async fn no_form_of_another_site_changes_anything() {
    let node = Node::start(&[]).await.unwrap();
    let admin = Browser::invited(&node, "ada", "admin").await;
    let before = admin.get("/api/v1/audit").await.json::<Value>().await.unwrap();
    let mut tried = 0;
    for (route, _) in RIGHTS {
        let (method, path) = route.split_once(' ').unwrap();
        if matches!(method, "GET" | "HEAD" | "OPTIONS") {
            continue;
        }
        for origin in [Some("https://evil.example"), Some("null"), None] {
            let method: Method = method.parse().unwrap();
            let mut asked = node
                .ask(method.clone(), &path.replace(['{', '}'], ""))
                .header(header::COOKIE, &admin.cookie)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            if let Some(origin) = origin {
                asked = asked.header(header::ORIGIN, origin);
            }
            let status = asked.body("do=decide&name=x&text=x").send().await.unwrap().status();
            assert_eq!(status, StatusCode::FORBIDDEN, "{route} from {origin:?}");
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried} tries");
    assert_eq!(admin.get("/api/v1/audit").await.json::<Value>().await.unwrap(), before, "nothing was done");
}

#[tokio::test]
async fn a_session_that_somebody_else_chose_is_never_logged_in() {
    let node = Node::start(&[]).await.unwrap();
    let name = Browser::invited(&node, "ada", "viewer").await.cookie;
    let name = name.split('=').next().unwrap().to_owned();
    let chosen = Browser::with(&node, format!("{name}={}", "a".repeat(64)));
    let typed = [("name", "ada"), ("password", "correct horse battery")];
    let password = crate::people::PASSWORD;
    let answer = chosen.form("/login", &[typed[0], ("password", password)]).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let given = answer.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(!given.contains(&"a".repeat(64)), "{given}");
    assert_eq!(chosen.get("/account").await.status(), StatusCode::SEE_OTHER, "to the login");
    // A second login gives a second session, not the first one again.
    let again = chosen.form("/login", &[typed[0], ("password", password)]).await;
    assert_ne!(again.headers()[header::SET_COOKIE].to_str().unwrap(), given);
}

#[tokio::test]
async fn no_address_leads_away_from_the_node_or_out_of_its_folders() {
    let (node, _dir) = node().await;
    Browser::invited(&node, "ada", "viewer").await;
    let away = [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/%0d%0aX: y",
        "\r\nX-Evil: 1",
    ];
    let client = reqwest::Client::builder().redirect(redirect::Policy::none()).build().unwrap();
    for next in away {
        let typed = [("name", "ada"), ("password", crate::people::PASSWORD), ("next", next)];
        let answer = Browser::nobody(&node).form("/login", &typed).await;
        let to = answer.headers()[header::LOCATION].to_str().unwrap().to_owned();
        assert!(
            to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\"),
            "{next:?} leads to {to}"
        );
        assert!(!answer.headers().contains_key("x-evil"), "{next:?}");
    }
    let ada = Browser::with(&node, {
        let typed = [("name", "ada"), ("password", crate::people::PASSWORD)];
        let answer = Browser::nobody(&node).form("/login", &typed).await;
        answer.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
    });
    for at in away {
        for (path, what) in [("/library", "video"), ("/following", "search")] {
            let answer = ada.form(path, &[("do", "add"), (what, "niconico:sm2"), ("at", at)]).await;
            if let Some(to) = answer.headers().get(header::LOCATION).map(|to| to.to_str().unwrap()) {
                assert!(to.starts_with('/') && !to.starts_with("//"), "{path} {at:?} leads to {to}");
            }
        }
    }

    // Paths are sent as they are: a client would tidy them up.
    let secret = fs::read_to_string(node.data().join("api-token")).unwrap();
    let address = node.url("").strip_prefix("http://").unwrap().to_owned();
    for path in [
        "/assets/../api-token",
        "/assets/..%2fapi-token",
        "/assets/%2e%2e/%2e%2e/api-token",
        "/blobs/../api-token",
        "/blobs/..%2f..%2fapi-token",
        "/media/../../api-token/x",
        "/media/..%2f..%2f/manifest.mpd",
        "/pages/..%2f..%2fapi-token",
        "/api/v1/uploads/..%2f..%2fapi-token/file",
        "//etc/passwd",
        "/%00",
        "/watch/%ff%fe",
        "/watch/..%2f..%2f..%2fetc%2fpasswd",
    ] {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        let asked = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(asked.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer))
            .await
            .unwrap()
            .unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 303"), "{path}: {answer}");
        assert!(!answer.contains(secret.trim()) && !answer.contains("root:x:"), "{path}: {answer}");
    }
    drop(client);
}

/// What a title or a file's name holds never becomes a header.
#[tokio::test]
async fn a_name_with_line_ends_is_no_header() {
    fixture().await.unwrap();
    let node = Node::start(&["--encoders", "0"]).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let title = "a\r\nSet-Cookie: evil=1\r\n\r\n<script>alert(1)</script>\"; filename=\"x.html";
    folder(dir.path(), &[("sm1", title, &["x\r\nX-Evil: 1"])]);
    import(&node, dir.path(), None).await;
    let video = node.get(VIDEO).await.unwrap();
    let manifest = video["manifest"].as_str().unwrap();
    let page = Browser::nobody(&node).get("/watch/niconico%3Asm1").await.text().await.unwrap();
    let link = page.split("href=\"").find(|rest| rest.starts_with("/media/") && rest.contains("original"));
    let mut paths = vec![format!("/media/{manifest}/manifest.mpd"), "/feeds/search.atom".to_owned()];
    paths.extend(link.map(|rest| rest.split('"').next().unwrap().replace("&#38;", "&")));
    for path in paths {
        let answer = Browser::nobody(&node).get(&path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let headers = answer.headers();
        assert!(!headers.contains_key("x-evil") && !headers.contains_key(header::SET_COOKIE), "{path}");
        if let Some(named) = headers.get(header::CONTENT_DISPOSITION).map(|named| named.to_str().unwrap()) {
            assert!(named.starts_with("attachment") && !named.contains(".html\""), "{named}");
        }
    }
}

/// Pictures that are small as files and huge as pictures, or pages besides, are not taken for a thumbnail.
#[tokio::test]
async fn a_picture_that_is_a_bomb_or_a_page_is_no_thumbnail() {
    fixture().await.unwrap();
    let node = Node::start(&["--encoders", "0"]).await.unwrap();
    let ada = Browser::invited(&node, "ada", "trusted").await;
    let mut polyglot = fs::read(shared_dir().unwrap().join("media/audio.m4a")).unwrap();
    polyglot.truncate(2_000);
    for (name, picture) in [
        ("bomb.png", bomb()),
        ("page.png", b"<html><script>alert(1)</script></html>".to_vec()),
        ("drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec()),
        ("film.png", polyglot),
    ] {
        let begun = crate::uploads::begin(&ada, "song.m4a", 1_000).await;
        let path = begun.headers()[header::LOCATION].to_str().unwrap().to_owned();
        let put =
            ada.request(Method::PUT, &format!("{path}/thumbnail")).header(header::CONTENT_TYPE, "image/png");
        let answer = put.body(picture).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{name}");
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "bad-picture", "{name}");
        assert_eq!(ada.send(Method::DELETE, &path, &json!({})).await.status(), StatusCode::NO_CONTENT);
    }
    let status = fs::read_to_string(format!("/proc/{}/status", node.pid().unwrap())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 600 << 10, "the node itself opens no picture: {peak} KiB");
}

/// A PNG of 40,000 x 40,000 black points: 1.6 billion, in a few hundred kilobytes.
fn bomb() -> Vec<u8> {
    let side = 40_000_u32;
    let row = vec![0; side as usize / 8 + 1];
    let mut packed = flate2::read::ZlibEncoder::new(
        std::io::Cursor::new(row.repeat(side as usize)),
        flate2::Compression::fast(),
    );
    let mut data = Vec::new();
    packed.read_to_end(&mut data).unwrap();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut head = [side.to_be_bytes(), side.to_be_bytes()].concat();
    head.extend([1, 0, 0, 0, 0]);
    for (kind, body) in [(b"IHDR", head), (b"IDAT", data), (b"IEND", Vec::new())] {
        png.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        let named = [kind.as_slice(), &body].concat();
        let mut sum = flate2::Crc::new();
        sum.update(&named);
        png.extend(&named);
        png.extend(sum.sum().to_be_bytes());
    }
    png
}

/// A video of which everybody spoke: its page stays a page.
#[tokio::test]
async fn ten_thousand_comments_and_a_hundred_thousand_danmaku_are_shown_within_bounds() {
    fixture().await.unwrap();
    let mut node = Node::start(&["--encoders", "0"]).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), &[("sm1", "spoken of", &["x"])]);
    import(&node, dir.path(), None).await;
    let here = node.get("/api/v1/node").await.unwrap();
    let group = here["groups"][0]["id"].as_str().unwrap().parse().unwrap();
    let home = here["node_id"].as_str().unwrap().parse().unwrap();
    node.stop().await.unwrap();
    let db = node.data().join("db");
    tokio::task::spawn_blocking(move || {
        let store = Store::open(&db).unwrap();
        let person = NodeKey::from_secret(&[3; 32]);
        let video: VideoId = "niconico:sm1".parse().unwrap();
        let mut first = None;
        let mut batch = Batch::default();
        for number in 0..COMMENTS + DANMAKU {
            let what = match number {
                number if number < COMMENTS => {
                    // One thread: everybody answers the first one.
                    What::Comment { text: format!("word {number} {}", "あ".repeat(200)), reply_to: first }
                }
                number => What::Danmaku {
                    at_ms: number % 5_000,
                    text: format!("w{number}"),
                    colour: 0,
                    place: Place::Scroll,
                },
            };
            let act = Act {
                v: 1,
                who: person.node_id(),
                home,
                at: Timestamp(number + 1),
                video: video.clone(),
                what,
            };
            let act = person.sign(act);
            first.get_or_insert(act.block().0);
            let said = Body::Said(Said { v: 1, name: "crowd".to_owned(), act: act.into_signed() });
            learn(&store, Source { group, node: home, admin: true }, &said, &mut batch).unwrap();
            if number % 1_000 == 999 {
                store.write(std::mem::take(&mut batch)).unwrap();
            }
        }
        store.write(batch).unwrap();
    })
    .await
    .unwrap();
    node.restart().await.unwrap();
    let said = node.get(&format!("{VIDEO}/comments")).await.unwrap();
    assert_eq!((said["count"].as_u64(), said["items"].as_array().unwrap().len()), (Some(COMMENTS), 2_000));
    let drawn = node.get(&format!("{VIDEO}/danmaku")).await.unwrap();
    assert_eq!(drawn["comments"].as_array().unwrap().len(), 20_000);
    let page = node.bytes("/watch/niconico%3Asm1").await.unwrap();
    let text = String::from_utf8_lossy(&page);
    assert!(text.contains("word 9999 ") && !text.contains("word 7000 "), "the latest 2,000 are on the page");
    assert!(page.len() < 6 << 20, "{} bytes", page.len());
    // And they go on talking.
    let ada = Browser::invited(&node, "ada", "viewer").await;
    let answer = ada.send(Method::POST, &format!("{VIDEO}/comments"), &json!({ "text": "me too" })).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let said = node.get(&format!("{VIDEO}/comments")).await.unwrap();
    assert_eq!((&said["items"][0]["text"], said["count"].as_u64()), (&json!("me too"), Some(COMMENTS + 1)));
}
