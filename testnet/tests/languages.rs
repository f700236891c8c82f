//! The languages of the page: which one somebody gets, and that what people write stays text in each.

use horahora_testnet::cluster::Node;
use reqwest::{Method, Response, StatusCode, header};

use crate::{
    people::Browser,
    search::{folder, import},
};

async fn asked(node: &Node, path: &str, accepted: &str, cookie: &str) -> Response {
    let request = node.ask(Method::GET, path).header(header::ACCEPT_LANGUAGE, accepted);
    request.header(header::COOKIE, cookie).send().await.unwrap()
}

async fn page(node: &Node, path: &str, accepted: &str, cookie: &str) -> String {
    asked(node, path, accepted, cookie).await.text().await.unwrap()
}

#[tokio::test]
async fn everybody_is_answered_in_their_language() {
    let node = Node::start(&["--encoders", "0"]).await.unwrap();
    let answer = asked(&node, "/", "ja,en;q=0.5", "").await;
    assert_eq!(answer.headers()[header::CONTENT_LANGUAGE], "ja");
    let varies =
        answer.headers().get_all(header::VARY).iter().map(|value| value.to_str().unwrap().to_owned());
    let varies = varies.collect::<Vec<_>>().join(", ");
    assert!(varies.contains("accept-language") && varies.contains("cookie"), "{varies}");
    let html = answer.text().await.unwrap();
    assert!(html.contains("<html lang=\"ja\"") && html.contains(">ホーム<"), "{html}");
    for (accepted, cookie, lang, word) in [
        ("ja", "lang=zh", "zh-Hans", "首页"),
        ("ja", "lang=en", "en", "Home"),
        ("ja", "lang=tlh; theme=dark", "ja", "ホーム"),
        ("tlh, de;q=0.4", "", "en", "Home"),
        ("", "", "en", "Home"),
    ] {
        let html = page(&node, "/", accepted, cookie).await;
        let fits = html.contains(&format!("<html lang=\"{lang}\"")) && html.contains(&format!(">{word}<"));
        assert!(fits, "{accepted} {cookie}: {html}");
    }
    // A part that changes by itself comes in the viewer's language, too.
    assert!(
        page(&node, "/?fragment=live", "en", "lang=ja").await.contains("まだ何もアーカイブされていません")
    );
    // Programs get English, and the page's scripts what the page shows.
    let refused = async |shown: &str| {
        let request =
            node.ask(Method::GET, "/api/v1/videos/niconico%3Asm9").header("x-horahora-language", shown);
        let answer = request.header(header::ACCEPT_LANGUAGE, "ja").send().await.unwrap();
        answer.json::<serde_json::Value>().await.unwrap()["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(refused("").await, "This node does not know this video.");
    assert_eq!(refused("ja").await, "このノードはこの動画を知りません。");
}

#[tokio::test]
async fn a_language_is_chosen_and_the_way_back_stays_here() {
    let node = Node::start(&["--encoders", "0"]).await.unwrap();
    let choose = async |from: Option<&str>, lang: &str| {
        let mut request = Browser::nobody(&node).request(Method::POST, "/language");
        if let Some(from) = from {
            request = request.header(header::REFERER, from);
        }
        let typed = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        typed.body(format!("lang={lang}")).send().await.unwrap()
    };
    let here = node.url("/search?q=a");
    let answer = choose(Some(&here), "ja").await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()[header::LOCATION], "/search?q=a");
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
    assert_eq!(cookie, "lang=ja; Path=/; SameSite=Lax; Max-Age=31536000");
    assert!(page(&node, "/", "en", cookie.split(';').next().unwrap()).await.contains("lang=\"ja\""));
    for from in [
        None,
        Some("https://evil.example"),
        Some("//evil.example/a"),
        Some("https://a.example//evil.example/a"),
        Some("https://a.example/\\evil.example"),
        Some("javascript:alert(1)"),
    ] {
        let answer = choose(from, "zh").await;
        assert_eq!(answer.headers()[header::LOCATION], "/", "{from:?}");
    }
    let answer = choose(None, "zh%0d%0aSet-Cookie:%20a=b").await;
    assert!(!answer.headers().contains_key(header::SET_COOKIE), "{answer:?}");
}

#[tokio::test]
async fn what_people_write_is_text_in_every_language() {
    horahora_testnet::cluster::fixture().await.unwrap();
    let node = Node::start(&["--encoders", "0"]).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), &[("sm1", "<script>alert(1)</script> { $name } {\"x\"}", &["{ $n }", "<b>"])]);
    import(&node, dir.path(), None).await;
    let operator = Browser::operator(&node).await;
    for lang in ["en", "ja", "zh"] {
        for path in ["/", "/search?q=%3Cscript%3E%20%7B%20%24name%20%7D", "/watch/niconico%3Asm1", "/archive"]
        {
            let html = page(&node, path, "", &format!("{}; lang={lang}", operator.cookie)).await;
            assert!(!html.contains("<script>alert") && !html.contains("<b></"), "{lang} {path}: {html}");
            assert!(html.contains("{ $name }"), "{lang} {path}: {html}");
        }
    }
}
