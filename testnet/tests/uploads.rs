//! Files from people's own devices: they come in pieces, survive a crash, and of strangers a moderator looks at each first.

use std::fs;

use horahora_testnet::cluster::{Node, shared_dir};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::people::Browser;

const UPLOADS: &str = "/api/v1/uploads";
const PIECE: &str = "application/offset+octet-stream";
/// A JPEG's first bytes, 16 x 16 points, and then nothing that is a picture.
const BAD_JPEG: &[u8] =
    &[0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 16, 0, 16, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];

async fn raw(
    who: &Browser<'_>,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> reqwest::Response {
    let request = headers
        .iter()
        .fold(who.request(method, path), |request, (name, value)| request.header(*name, *value));
    request.body(body.to_vec()).send().await.unwrap()
}

fn encoded(text: &str) -> String {
    data_encoding::BASE64.encode(text.as_bytes())
}

pub(crate) async fn begin(who: &Browser<'_>, name: &str, bytes: usize) -> reqwest::Response {
    let (length, name) = (bytes.to_string(), format!("filename {}", encoded(name)));
    raw(
        who,
        Method::POST,
        UPLOADS,
        &[("tus-resumable", "1.0.0"), ("upload-length", &length), ("upload-metadata", &name)],
        b"",
    )
    .await
}

async fn append(who: &Browser<'_>, path: &str, offset: usize, bytes: &[u8]) -> reqwest::Response {
    let offset = offset.to_string();
    raw(
        who,
        Method::PATCH,
        path,
        &[("tus-resumable", "1.0.0"), ("upload-offset", &offset), ("content-type", PIECE)],
        bytes,
    )
    .await
}

/// Sends a file at once and says what it is; gives its address.
async fn sent(who: &Browser<'_>, name: &str, bytes: &[u8], title: &str) -> String {
    let begun = begin(who, name, bytes.len()).await;
    assert_eq!(begun.status(), StatusCode::CREATED);
    let path = begun.headers()[header::LOCATION].to_str().unwrap().to_owned();
    assert_eq!(append(who, &path, 0, bytes).await.status(), StatusCode::NO_CONTENT);
    let said = who.send(Method::POST, &path, &json!({ "title": title, "tags": ["mine", "夏"] })).await;
    assert_eq!(said.status(), StatusCode::OK);
    path
}

async fn code_of(answer: reqwest::Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap_or_default();
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

async fn state(who: &Browser<'_>, path: &str) -> Value {
    who.get(path).await.json().await.unwrap()
}

async fn until_state(node: &Node, who: &Browser<'_>, path: &str, wanted: &str) -> Value {
    let reached = async || Ok(state(who, path).await["state"] == wanted);
    node.until(&format!("{path} is {wanted}"), reached).await.unwrap();
    state(who, path).await
}

fn different(bytes: &[u8], mark: u8) -> Vec<u8> {
    // A box that players skip: no two files are the same.
    [bytes, &[0, 0, 0, 12, b'f', b'r', b'e', b'e', mark, mark, mark, mark]].concat()
}

#[tokio::test]
async fn a_file_comes_in_pieces_over_a_crash_and_is_a_video_then() {
    horahora_testnet::cluster::fixture().await.unwrap();
    let mut node = Node::start(&["--encoders", "0"]).await.unwrap();
    let film = fs::read(shared_dir().unwrap().join("media/bbb.mp4")).unwrap();
    let ada = Browser::invited(&node, "ada", "trusted").await;
    let half = film.len() / 2;
    let begun = begin(&ada, "../夏祭り.mp4", film.len()).await;
    let path = begun.headers()[header::LOCATION].to_str().unwrap().to_owned();
    let told = append(&ada, &path, 0, &film[..half]).await;
    assert_eq!(told.headers()["upload-offset"], half.to_string().as_str());
    let cookie = ada.cookie;
    node.kill().await.unwrap();
    node.restart().await.unwrap();
    let ada = Browser::with(&node, cookie);
    let head = raw(&ada, Method::HEAD, &path, &[], b"").await;
    assert_eq!(head.headers()["upload-offset"], half.to_string().as_str());
    assert_eq!(code_of(append(&ada, &path, 0, &film[..8]).await).await, (409, "wrong-offset".to_owned()));
    let more = append(&ada, &path, half, &[&film[half..], b"x"].concat()).await;
    assert_eq!(code_of(more).await, (400, "bad-words".to_owned()));
    // Words may come before the last byte.
    let words =
        json!({ "title": "夏祭り <b>2024</b>", "description": "at home", "tags": ["夏", " 夏", "mine"] });
    assert_eq!(
        ada.send(Method::POST, &path, &json!({ "title": " " })).await.status(),
        StatusCode::BAD_REQUEST
    );
    assert_eq!(ada.send(Method::POST, &path, &words).await.status(), StatusCode::OK);
    let png = raw(&ada, Method::PUT, &format!("{path}/thumbnail"), &[], b"<svg onload=alert(1)>").await;
    assert_eq!(code_of(png).await, (400, "bad-picture".to_owned()));
    // One that only looks like a picture keeps nobody from publishing.
    assert_eq!(
        raw(&ada, Method::PUT, &format!("{path}/thumbnail"), &[], BAD_JPEG).await.status(),
        StatusCode::NO_CONTENT
    );
    let here: usize = raw(&ada, Method::HEAD, &path, &[], b"").await.headers()["upload-offset"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    if here < film.len() {
        assert_eq!(append(&ada, &path, here, &film[here..]).await.status(), StatusCode::NO_CONTENT);
    }

    let taken = until_state(&node, &ada, &path, "taken").await;
    let id = taken["video"].as_str().unwrap().to_owned();
    assert_eq!(id, format!("upload:{}", blake3::hash(&film).to_hex()));
    let api = format!("/api/v1/videos/{}", id.replace(':', "%3A"));
    // Its smaller sizes are left to others.
    node.until("it is archived", async || Ok(node.get(&api).await?["manifest"].is_string())).await.unwrap();
    let video = node.get(&api).await.unwrap();
    assert_eq!((&video["title"], &video["creator"]), (&json!("夏祭り <b>2024</b>"), &json!("ada")));
    let page = ada.get(&format!("/watch/{}", id.replace(':', "%3A"))).await.text().await.unwrap();
    assert!(page.contains("at home") && page.contains("夏祭り &#60;b&#62;2024"), "{page}");
    let poster = ada.get(&format!("/media/{}/poster.jpg", video["manifest"].as_str().unwrap())).await;
    assert_eq!(poster.headers()[header::CONTENT_TYPE], "image/jpeg", "the film's, as the thumbnail is none");
    let folder = node.data().join("uploads");
    let empty = async || Ok(fs::read_dir(&folder)?.next().is_none());
    node.until("nothing is kept twice", empty).await.unwrap();
    // The same film again is the same video.
    let again = sent(&ada, "again.mp4", &film, "again").await;
    assert_eq!(until_state(&node, &ada, &again, "taken").await["video"], id.as_str());
    assert_eq!(node.get(&api).await.unwrap()["title"], "夏祭り <b>2024</b>");
}

#[tokio::test]
async fn of_viewers_a_moderator_looks_at_each_file_first() {
    horahora_testnet::cluster::fixture().await.unwrap();
    let node = Node::start(&["--encoders", "0"]).await.unwrap();
    let sound = fs::read(shared_dir().unwrap().join("media/audio.m4a")).unwrap();
    let ada = Browser::invited(&node, "ada", "viewer").await;
    let bob = Browser::invited(&node, "bob", "viewer").await;
    let moderator = Browser::invited(&node, "mod", "moderator").await;
    let (one, two) = (different(&sound, 1), different(&sound, 2));
    let (refused, taken) =
        (sent(&ada, "a.m4a", &one, "spam").await, sent(&ada, "b.m4a", &two, "a song").await);
    for path in [&refused, &taken] {
        assert_eq!(state(&ada, path).await["state"], "waiting");
        for (method, path) in [
            (Method::GET, path.clone()),
            (Method::GET, format!("{path}/file")),
            (Method::DELETE, path.clone()),
        ] {
            let answer = bob.send(method, &path, &json!({})).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path} is nobody else's business");
        }
    }
    assert_eq!(state(&bob, UPLOADS).await["items"], json!([]));
    assert_eq!(code_of(bob.get("/api/v1/uploads?of=waiting").await).await, (403, "rank-needed".to_owned()));
    let waiting = state(&moderator, "/api/v1/uploads?of=waiting").await;
    let titles: Vec<_> =
        waiting["items"].as_array().unwrap().iter().map(|one| one["title"].clone()).collect();
    assert_eq!(titles, ["spam", "a song"], "the oldest first");
    let part = raw(&moderator, Method::GET, &format!("{taken}/file"), &[("range", "bytes=4-7")], b"").await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert!(part.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("sandbox"));
    assert_eq!(part.bytes().await.unwrap(), &two[4..8]);
    let page = moderator.get("/moderate/uploads").await.text().await.unwrap();
    assert!(page.contains("a song") && page.contains("Uploads <span class=\"badge\">2</span>"), "{page}");

    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let form = [("do", "refuse"), ("upload", &id(&refused)), ("reason", "")];
    assert_eq!(moderator.form("/moderate/uploads", &form).await.status(), StatusCode::BAD_REQUEST);
    let form = [("do", "refuse"), ("upload", &id(&refused)), ("reason", "an advertisement")];
    assert_eq!(moderator.form("/moderate/uploads", &form).await.status(), StatusCode::SEE_OTHER);
    let said = state(&ada, &refused).await;
    assert_eq!((&said["state"], &said["reason"]), (&json!("refused"), &json!("an advertisement")));
    assert!(ada.get("/upload").await.text().await.unwrap().contains("an advertisement"));
    let approve = json!({ "approved": true });
    assert_eq!(
        bob.send(Method::POST, &format!("{taken}/verdict"), &approve).await.status(),
        StatusCode::FORBIDDEN
    );
    let answer = moderator.send(Method::POST, &format!("{taken}/verdict"), &approve).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let video = until_state(&node, &ada, &taken, "taken").await["video"].as_str().unwrap().to_owned();
    let api = format!("/api/v1/videos/{}", video.replace(':', "%3A"));
    node.until("it is archived", async || Ok(node.get(&api).await?["state"] == "done")).await.unwrap();
    assert_eq!(node.get("/api/v1/videos").await.unwrap()["items"].as_array().unwrap().len(), 1);
    let log = state(&moderator, "/api/v1/audit").await;
    assert_eq!(log["items"][0]["what"], "took the upload “a song” of ada");
    assert_eq!(log["items"][1]["what"], "refused the upload “spam” of ada: an advertisement");
}

#[tokio::test]
async fn what_is_no_film_does_no_harm_and_the_house_says_who_may() {
    horahora_testnet::cluster::fixture().await.unwrap();
    let node = Node::start(&["--encoders", "0"]).await.unwrap();
    let ada = Browser::invited(&node, "ada", "trusted").await;
    let bob = Browser::invited(&node, "bob", "viewer").await;
    for name in ["page.html", "a.svg", "noend", "x.mp4/../../../y.sh"] {
        assert_eq!(code_of(begin(&ada, name, 10).await).await, (400, "bad-file".to_owned()), "{name}");
    }
    assert_eq!(code_of(begin(&ada, "a.mp4", 1 << 40).await).await, (413, "too-large".to_owned()));
    let other =
        raw(&ada, Method::POST, UPLOADS, &[("tus-resumable", "0.2.2"), ("upload-length", "1")], b"").await;
    assert_eq!(other.status(), StatusCode::PRECONDITION_FAILED);
    let foreign = node.ask(Method::POST, UPLOADS).header("origin", "http://evil.example");
    let foreign = foreign.header("cookie", &ada.cookie).header("upload-length", "1").send().await.unwrap();
    assert_eq!(code_of(foreign).await, (403, "other-origin".to_owned()));

    // A page that calls itself a film is kept by nobody and shown to nobody as a page.
    let page = b"<html><script>alert(document.cookie)</script></html>";
    let path = sent(&ada, "film.mp4", page, "a film").await;
    let file = ada.get(&format!("{path}/file")).await;
    assert_eq!(file.headers()[header::CONTENT_TYPE], "video/mp4");
    assert_eq!(file.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    let taken = until_state(&node, &ada, &path, "taken").await;
    let api = format!("/api/v1/videos/{}", taken["video"].as_str().unwrap().replace(':', "%3A"));
    node.until("it failed", async || Ok(node.get(&api).await?["state"] == "failed")).await.unwrap();
    let list = ada.get("/upload").await.text().await.unwrap();
    assert!(list.contains("Failed") && list.contains("a film"), "{list}");
    assert_eq!(ada.send(Method::DELETE, &path, &json!({})).await.status(), StatusCode::NO_CONTENT);

    // Twenty at once, and no more.
    for number in 0..20 {
        assert_eq!(begin(&bob, "a.mp4", 10).await.status(), StatusCode::CREATED, "{number}");
    }
    assert_eq!(code_of(begin(&bob, "a.mp4", 10).await).await, (409, "too-many-uploads".to_owned()));
    node.post("/api/v1/house", &json!({ "uploads": "trusted" })).await.unwrap();
    assert_eq!(code_of(begin(&bob, "a.mp4", 10).await).await, (403, "uploads-closed".to_owned()));
    assert_eq!(begin(&ada, "a.mp4", 10).await.status(), StatusCode::CREATED);
    assert!(bob.get("/upload").await.text().await.unwrap().contains("does not take your files"));
}

#[tokio::test]
async fn a_form_without_script_is_enough() {
    horahora_testnet::cluster::fixture().await.unwrap();
    let node = Node::start(&["--encoders", "0"]).await.unwrap();
    let sound = fs::read(shared_dir().unwrap().join("media/audio.m4a")).unwrap();
    let ada = Browser::invited(&node, "ada", "trusted").await;
    let form = |title: &str, name: &str| {
        let mut body = Vec::new();
        let head = |name: &str| format!("--end\r\nContent-Disposition: form-data; name=\"{name}\"");
        body.extend(
            format!("{}; filename=\"{name}\"\r\nContent-Type: audio/mp4\r\n\r\n", head("file")).bytes(),
        );
        body.extend(&sound);
        for (field, value) in
            [("title", title), ("description", "a <b>"), ("tags", "夏、home, "), ("group", "")]
        {
            body.extend(format!("\r\n{}\r\n\r\n{value}", head(field)).bytes());
        }
        body.extend(b"\r\n--end--\r\n");
        body
    };
    let kind = [("content-type", "multipart/form-data; boundary=end")];
    let untitled = raw(&ada, Method::POST, "/upload", &kind, &form(" ", "song.m4a")).await;
    assert_eq!(untitled.status(), StatusCode::BAD_REQUEST);
    let page = untitled.text().await.unwrap();
    assert!(
        page.contains("Give it a title.") && page.contains("a &#60;b&#62;"),
        "what was typed stays: {page}"
    );
    let items = state(&ada, UPLOADS).await["items"].clone();
    assert_eq!(items[0]["state"], "untitled", "and the file does, too");
    let path = format!("/upload/{}", items[0]["id"].as_str().unwrap());
    let named = ada.form(&path, &[("do", "describe"), ("title", "a song"), ("tags", "夏、home")]).await;
    assert_eq!(named.status(), StatusCode::SEE_OTHER);
    let path = format!("{UPLOADS}/{}", items[0]["id"].as_str().unwrap());
    let taken = until_state(&node, &ada, &path, "taken").await;
    assert_eq!(taken["tags"], json!(["夏", "home"]));
    let nothing = raw(&ada, Method::POST, "/upload", &kind, b"--end--\r\n").await;
    assert_eq!(nothing.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        raw(&ada, Method::POST, "/upload", &kind, &form("again", "song.m4a")).await.status(),
        StatusCode::SEE_OTHER
    );
}
