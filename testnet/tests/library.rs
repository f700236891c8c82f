//! What somebody keeps for themselves: marked and watched videos, which nobody else sees and which go with the account.

use horahora_testnet::cluster::Node;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    people::Browser,
    search::{folder, import},
};

const FAVOURITES: &str = "/api/v1/account/favourites";
const HISTORY: &str = "/api/v1/account/history";

async fn on(browser: &Browser<'_>, list: &str) -> Vec<String> {
    let said: Value = browser.get(list).await.json().await.unwrap();
    let items = said["items"].as_array().unwrap();
    items.iter().map(|item| item["video"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn favourites_and_history_are_each_persons_own() {
    horahora_testnet::cluster::fixture().await.unwrap();
    let mut node = Node::start(&["--encoders", "0"]).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), &[("sm1", "真夜中の自動販売機", &[]), ("sm2", "Kettle Symphony", &[])]);
    import(&node, dir.path(), None).await;
    let ada = Browser::invited(&node, "ada", "viewer").await;
    let bob = Browser::invited(&node, "bob", "viewer").await;
    let send = async |who: &Browser<'_>, method: Method, path: &str, body: Value| {
        who.send(method, path, &body).await.status()
    };

    for video in ["sm1", "sm2", "sm1"] {
        let path = format!("{FAVOURITES}/niconico%3A{video}");
        assert_eq!(send(&ada, Method::PUT, &path, json!({})).await, StatusCode::NO_CONTENT);
    }
    assert_eq!(on(&ada, FAVOURITES).await, ["niconico:sm1", "niconico:sm2"], "the latest first, each once");
    assert!(on(&bob, FAVOURITES).await.is_empty());
    let unknown = send(&ada, Method::PUT, &format!("{FAVOURITES}/niconico%3Asm9"), json!({})).await;
    assert_eq!(unknown, StatusCode::NOT_FOUND);
    let marked = [("do", "add"), ("video", "niconico:sm2"), ("at", "watch")];
    let to = bob.form("/library", &marked).await;
    assert_eq!(to.headers()[header::LOCATION], "/watch/niconico%3Asm2");
    let page = bob.get("/watch/niconico%3Asm2").await.text().await.unwrap();
    assert!(page.contains("value=\"drop\" aria-pressed=\"true\""), "{page}");
    assert!(bob.get("/library").await.text().await.unwrap().contains("Kettle Symphony"));

    let watches = async |who: &Browser<'_>, video: &str| {
        let path = format!("/api/v1/videos/niconico%3A{video}/view");
        assert_eq!(send(who, Method::POST, &path, json!({})).await, StatusCode::NO_CONTENT);
    };
    watches(&ada, "sm1").await;
    watches(&bob, "sm1").await;
    assert_eq!(on(&ada, HISTORY).await, ["niconico:sm1"]);
    assert_eq!(send(&ada, Method::POST, HISTORY, json!({ "paused": true })).await, StatusCode::NO_CONTENT);
    watches(&ada, "sm2").await;
    assert_eq!(on(&ada, HISTORY).await, ["niconico:sm1"], "it rests");
    for far in ["18446744073709551615", "48"] {
        let said: Value = ada.get(&format!("{HISTORY}?from={far}")).await.json().await.unwrap();
        assert_eq!((said["total"].clone(), said["next"].clone()), (json!(1), Value::Null), "{far}");
    }
    let page = ada.get("/library?of=history").await.text().await.unwrap();
    assert!(page.contains("Remember again") && page.contains("真夜中の自動販売機"), "{page}");
    assert_eq!(send(&ada, Method::DELETE, HISTORY, json!({})).await, StatusCode::NO_CONTENT);
    assert!(on(&ada, HISTORY).await.is_empty());
    assert_eq!(on(&bob, HISTORY).await, ["niconico:sm1"]);

    // What is followed is a search, and what fits it later is listed.
    let follow = |search: &'static str| json!({ "search": search });
    let list = "/api/v1/account/following";
    assert_eq!(send(&ada, Method::POST, list, follow("")).await, StatusCode::BAD_REQUEST);
    assert_eq!(
        send(&ada, Method::POST, list, follow("sort=added&q=tag:YTPMV&page=2")).await,
        StatusCode::NO_CONTENT
    );
    let followed: Value = ada.get(list).await.json().await.unwrap();
    assert_eq!(followed["items"][0]["search"], "q=tag%3AYTPMV");
    let new = async |who: &Browser<'_>| {
        let said: Value = who.get("/api/v1/account/following/videos").await.json().await.unwrap();
        said["items"].as_array().unwrap().len()
    };
    assert_eq!((new(&ada).await, new(&bob).await), (0, 0));
    let later = tempfile::tempdir().unwrap();
    folder(later.path(), &[("sm3", "Boil Major", &["YTPMV"]), ("sm4", "Minor", &["other"])]);
    import(&node, later.path(), None).await;
    node.until("it is listed", async || Ok(new(&ada).await == 1)).await.unwrap();
    let page = ada.get("/following").await.text().await.unwrap();
    assert!(page.contains("Boil Major") && page.contains("tag: YTPMV") && !page.contains("Minor"), "{page}");
    let to = ada.form("/following", &[("do", "unfollow"), ("search", "q=tag:YTPMV"), ("at", "search")]).await;
    assert_eq!(to.headers()[header::LOCATION], "/search?q=tag%3AYTPMV");
    assert_eq!(new(&ada).await, 0);

    let export: Value = bob.get("/api/v1/account/export").await.json().await.unwrap();
    assert_eq!(export["shelves"]["favourites"][0]["video"], "niconico:sm2");
    // Over a restart it stays.
    let (ada, bob) = (ada.cookie, bob.cookie);
    node.stop().await.unwrap();
    node.restart().await.unwrap();
    let [ada, bob] = [ada, bob].map(|cookie| Browser::with(&node, cookie));
    assert_eq!(on(&ada, FAVOURITES).await, ["niconico:sm1", "niconico:sm2"]);
    assert_eq!(on(&bob, HISTORY).await, ["niconico:sm1"]);
}
