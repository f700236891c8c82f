//! What moderators hide is gone for everybody below them, in every list and by every address, and the log knows it all.

use horahora_testnet::cluster::Node;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    people::Browser,
    search::{folder, import},
};

const VIDEO: &str = "/api/v1/videos/niconico%3Asm1";
const PAGE: &str = "/watch/niconico%3Asm1";

async fn json_of(browser: &Browser<'_>, path: &str) -> Value {
    browser.get(path).await.json().await.unwrap()
}

#[tokio::test]
async fn what_is_hidden_is_gone_for_all_but_moderators_and_the_log_tells() {
    horahora_testnet::cluster::fixture().await.unwrap();
    let node = Node::start(&["--encoders", "0"]).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), &[("sm1", "Kettle Symphony", &["YTPMV"]), ("sm2", "Kettle Minor", &["YTPMV"])]);
    import(&node, dir.path(), None).await;
    let moderator = Browser::invited(&node, "mod", "moderator").await;
    let trusted = Browser::invited(&node, "ada", "trusted").await;
    let nobody = Browser::nobody(&node);
    let total = async |who: &Browser<'_>| json_of(who, "/api/v1/search?q=Kettle").await["total"].clone();
    node.until("both are found", async || Ok(total(&nobody).await == 2)).await.unwrap();
    let manifest = json_of(&nobody, VIDEO).await["manifest"].as_str().unwrap().to_owned();
    let mpd = format!("/media/{manifest}/manifest.mpd");
    assert_eq!(nobody.get(&mpd).await.status(), StatusCode::OK);

    let refused = moderator.form(&format!("{PAGE}/hide"), &[("do", "hide"), ("reason", " ")]).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "people are told why");
    let hidden = [("do", "hide"), ("reason", "its author <b>asked</b>")];
    let done = moderator.form(&format!("{PAGE}/hide"), &hidden).await;
    assert_eq!(done.status(), StatusCode::SEE_OTHER);
    for who in [&trusted, &nobody] {
        for path in [VIDEO, &format!("{VIDEO}/comments"), &mpd, PAGE, "/embed/niconico%3Asm1"] {
            assert_eq!(who.get(path).await.status(), StatusCode::FORBIDDEN, "{path}");
        }
        let page = who.get(PAGE).await.text().await.unwrap();
        assert!(page.contains("hidden here") && page.contains("its author &#60;b&#62;asked"), "{page}");
        for path in
            ["/", "/search?q=Kettle", "/api/v1/videos", "/api/v1/search?q=Kettle", "/feeds/search.atom"]
        {
            let text = who.get(path).await.text().await.unwrap();
            assert!(!text.contains("Kettle Symphony") && text.contains("Kettle Minor"), "{path}: {text}");
        }
        let related = who.get("/watch/niconico%3Asm2").await.text().await.unwrap();
        assert!(!related.contains("Kettle Symphony"), "{related}");
    }
    node.until("it is not counted either", async || Ok(total(&nobody).await == 1)).await.unwrap();
    let page = moderator.get(PAGE).await.text().await.unwrap();
    assert!(page.contains("Hidden by mod:"), "{page}");
    assert_eq!(moderator.get(&mpd).await.status(), StatusCode::OK);

    // A stranger's comment is hidden, too; somebody is locked out.
    let said = trusted
        .send(Method::POST, "/api/v1/videos/niconico%3Asm2/comments", &json!({ "text": "buy this" }))
        .await;
    let said = said.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    let form = [("do", "remove"), ("target", said.as_str()), ("reason", "spam")];
    let removed = moderator.form("/watch/niconico%3Asm2/say", &form).await;
    assert_eq!(removed.status(), StatusCode::SEE_OTHER);
    let shown = moderator.send(Method::DELETE, &format!("{VIDEO}/hidden"), &json!({})).await;
    assert_eq!(shown.status(), StatusCode::NO_CONTENT);
    assert_eq!(nobody.get(PAGE).await.status(), StatusCode::OK);
    node.until("it is found again", async || Ok(total(&nobody).await == 2)).await.unwrap();

    let log = json_of(&moderator, "/api/v1/audit").await;
    let words: Vec<_> =
        log["items"].as_array().unwrap().iter().map(|row| row["what"].as_str().unwrap()).collect();
    assert_eq!(
        words[..3],
        [
            "showed Kettle Symphony (niconico:sm1) again",
            "hid what ada said of Kettle Minor: spam",
            "hid Kettle Symphony (niconico:sm1): its author <b>asked</b>",
        ]
    );
    assert!(words.contains(&"POST /api/v1/invitations"), "{words:?}");
    assert_eq!(log["items"][0]["who"], "mod");
    let page = moderator.get("/moderate/log").await.text().await.unwrap();
    assert!(page.contains("hid what ada said"), "{page}");
    assert_eq!(trusted.get("/moderate/log").await.status(), StatusCode::FORBIDDEN);
}
