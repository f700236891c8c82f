//! Who may come in, and how bytes are handed out.

use horahora_testnet::cluster::{Node, fixture};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

#[tokio::test]
async fn changing_needs_the_token_or_the_login_link_and_the_own_origin() {
    let node = Node::start(&[]).await.unwrap();
    let body = json!({ "url": "not a link" }).to_string();
    let post = || node.ask(Method::POST, "/api/v1/requests").body(body.clone());
    let json_type = (header::CONTENT_TYPE, "application/json");
    let code = async |request: reqwest::RequestBuilder| {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.unwrap()["code"].as_str().unwrap().to_owned())
    };
    let with_token = || post().bearer_auth(node.token());
    let typed = |request: reqwest::RequestBuilder| request.header(json_type.0.clone(), json_type.1);
    assert_eq!(code(typed(post())).await, (401, "login-needed".to_owned()));
    assert_eq!(code(typed(post().bearer_auth("0000"))).await, (401, "login-needed".to_owned()));
    assert_eq!(code(with_token()).await, (415, "json-needed".to_owned()));
    assert_eq!(code(typed(with_token())).await, (400, "not-a-url".to_owned()));
    let foreign = typed(with_token()).header(header::ORIGIN, "https://evil.example");
    assert_eq!(code(foreign).await, (403, "other-origin".to_owned()));
    let rebound = typed(with_token()).header(header::HOST, "evil.example");
    assert_eq!(code(rebound).await, (421, "unknown-host".to_owned()));

    let link = node.login.strip_prefix(&node.url("")).unwrap().to_owned();
    let answer = node.ask(Method::GET, &link).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let again = node.ask(Method::GET, &link).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::FORBIDDEN, "a login link works once");
    let with_cookie = || typed(post()).header(header::COOKIE, &cookie);
    assert_eq!(code(with_cookie()).await, (403, "other-origin".to_owned()), "browsers always send Origin");
    let own = with_cookie().header(header::ORIGIN, node.url(""));
    assert_eq!(code(own).await, (400, "not-a-url".to_owned()));
}

#[tokio::test]
async fn a_session_and_the_identity_survive_a_restart() {
    let mut node = Node::start(&[]).await.unwrap();
    let link = node.login.strip_prefix(&node.url("")).unwrap().to_owned();
    let answer = node.ask(Method::GET, &link).send().await.unwrap();
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let id = node.get("/api/v1/node").await.unwrap()["node_id"].clone();
    node.kill().await.unwrap();
    node.restart().await.unwrap();
    let now = node.get("/api/v1/node").await.unwrap();
    assert_eq!(now["node_id"], id);
    assert_eq!(now["groups"].as_array().unwrap().len(), 1);
    for tool in ["yt-dlp", "ffmpeg", "ffprobe"] {
        assert!(now["tools"].as_object().unwrap().contains_key(tool), "{now}");
    }
    let page = node.ask(Method::GET, "/archive").header(header::COOKIE, cookie).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("name=\"url\""), "still logged in");
    let mode = |name: &str| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(node.data().join(name)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("identity.key"), mode("api-token")), (0o600, 0o600));
}

#[tokio::test]
async fn blobs_are_immutable_and_ranged() {
    let fixture = fixture().await.unwrap();
    let node = Node::at(&fixture).await.unwrap();
    let videos = node.archive(&format!("{}/fixtube/watch/fx1", fixture.site())).await.unwrap();
    let manifest = videos[0]["manifest"].as_str().unwrap();
    let path = format!("/blobs/{manifest}");
    let get = |name, value: &str| node.ask(Method::GET, &path).header(name, value).send();
    let whole = node.ask(Method::GET, &path).send().await.unwrap();
    assert_eq!(whole.status(), StatusCode::OK);
    let tag = whole.headers()[header::ETAG].to_str().unwrap().to_owned();
    assert_eq!(tag, format!("\"{manifest}\""));
    assert!(whole.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    let whole = whole.bytes().await.unwrap();
    let cid: horahora_protocol::Cid = manifest.parse().unwrap();
    assert!(cid.matches(&whole), "the bytes are what the address names");

    let part = get(header::RANGE, "bytes=2-5").await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()[header::CONTENT_RANGE], format!("bytes 2-5/{}", whole.len()));
    assert_eq!(part.bytes().await.unwrap(), whole.slice(2..6));
    let last = get(header::RANGE, "bytes=-4").await.unwrap();
    assert_eq!(last.bytes().await.unwrap(), whole.slice(whole.len() - 4..));
    let past = get(header::RANGE, &format!("bytes={}-", whole.len())).await.unwrap();
    assert_eq!(past.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(past.headers()[header::CONTENT_RANGE], format!("bytes */{}", whole.len()));
    assert_eq!(get(header::IF_NONE_MATCH, &tag).await.unwrap().status(), StatusCode::NOT_MODIFIED);
    let head = node.ask(Method::HEAD, &path).send().await.unwrap();
    assert_eq!(head.headers()[header::CONTENT_LENGTH], whole.len().to_string());
    let original = node.ask(Method::GET, &format!("/media/{manifest}/original/0"));
    let original = original.header(header::RANGE, "bytes=4-7").send().await.unwrap();
    assert_eq!(original.bytes().await.unwrap(), "ftyp", "originals are files again");
}
