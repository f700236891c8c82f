//! Lists that people make and play, and what they report to the moderators.

use horahora_testnet::cluster::Node;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    people::Browser,
    search::{folder, import},
};

const LISTS: &str = "/api/v1/account/lists";

async fn json_of(who: &Browser<'_>, path: &str) -> Value {
    who.get(path).await.json().await.unwrap()
}

#[tokio::test]
async fn a_list_is_played_in_its_order_and_seen_by_whom_its_owner_wants() {
    horahora_testnet::cluster::fixture().await.unwrap();
    let node = Node::start(&["--encoders", "0"]).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    folder(
        dir.path(),
        &[("sm1", "真夜中の自動販売機", &[]), ("sm2", "Kettle Symphony", &[]), ("sm3", "Boil Major", &[])],
    );
    import(&node, dir.path(), None).await;
    let ada = Browser::invited(&node, "ada", "viewer").await;
    let bob = Browser::invited(&node, "bob", "viewer").await;
    let moderator = Browser::invited(&node, "mod", "moderator").await;
    let videos = json!(["niconico:sm2", "niconico:sm1", "niconico:sm2", "niconico:sm3"]);
    let made = ada.send(Method::POST, LISTS, &json!({ "name": "組曲 <i>", "videos": videos })).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let list = made.json::<Value>().await.unwrap();
    assert_eq!(list["videos"], json!(["niconico:sm2", "niconico:sm1", "niconico:sm3"]), "each once");
    let id = list["id"].as_str().unwrap().to_owned();
    let (api, page) = (format!("/api/v1/lists/{id}"), format!("/lists/{id}"));

    // It is hers until she says otherwise.
    for who in [&bob, &moderator, &Browser::nobody(&node)] {
        assert_eq!(who.get(&api).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(who.get(&page).await.status(), StatusCode::NOT_FOUND);
        let watch = who.get(&format!("/watch/niconico%3Asm2?list={id}")).await.text().await.unwrap();
        assert!(!watch.contains("組曲"), "{watch}");
    }
    let edited = ada
        .form(&page, &[("do", "edit"), ("name", "組曲 <i>"), ("about", "一つずつ"), ("public", "yes")])
        .await;
    assert_eq!(edited.headers()[header::LOCATION], page.as_str());
    let seen = bob.get(&page).await.text().await.unwrap();
    assert!(
        seen.contains("組曲 &#60;i&#62;") && seen.contains("by ada") && !seen.contains("value=\"drop\""),
        "{seen}"
    );
    assert_eq!(
        bob.send(Method::POST, &api, &json!({ "name": "mine" })).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(bob.send(Method::DELETE, &api, &json!({})).await.status(), StatusCode::NOT_FOUND);

    // Moved by the buttons, and played: what comes next is what stands next.
    for (what, video) in [("up", "niconico:sm3"), ("down", "niconico:sm2"), ("down", "niconico:sm2")] {
        ada.form(&page, &[("do", what), ("video", video)]).await;
    }
    assert_eq!(json_of(&ada, &api).await["videos"], json!(["niconico:sm3", "niconico:sm1", "niconico:sm2"]));
    let watch = bob.get(&format!("/watch/niconico%3Asm3?list={id}")).await.text().await.unwrap();
    assert!(watch.contains("1 of 3"), "{watch}");
    assert!(watch.contains(&format!("id=\"next\" href=\"/watch/niconico%3Asm1?list={id}\"")), "{watch}");
    let last = bob.get(&format!("/watch/niconico%3Asm2?list={id}")).await.text().await.unwrap();
    assert!(last.contains("3 of 3") && !last.contains("id=\"next\""), "{last}");
    // What is hidden is left out, and a list that is gone is no obstacle.
    moderator.send(Method::POST, "/api/v1/videos/niconico%3Asm1/hidden", &json!({ "reason": "x" })).await;
    let watch = bob.get(&format!("/watch/niconico%3Asm3?list={id}")).await.text().await.unwrap();
    assert!(watch.contains("1 of 2") && !watch.contains("真夜中"), "{watch}");
    assert!(bob.get(&page).await.text().await.unwrap().contains("not here any more, or hidden"));
    let to = ada
        .form("/lists", &[("do", "make"), ("name", "new"), ("video", "niconico:sm2"), ("at", "watch")])
        .await;
    assert_eq!(to.headers()[header::LOCATION], "/watch/niconico%3Asm2");
    let watch = ada.get("/watch/niconico%3Asm2").await.text().await.unwrap();
    assert!(watch.contains("aria-pressed=\"true\"") && watch.contains(">new</span>"), "{watch}");
    assert_eq!(json_of(&ada, "/api/v1/account/export").await["lists"].as_array().unwrap().len(), 2);
    assert_eq!(ada.send(Method::DELETE, &api, &json!({})).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(bob.get(&format!("/watch/niconico%3Asm3?list={id}")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_people_report_a_moderator_answers() {
    horahora_testnet::cluster::fixture().await.unwrap();
    let node = Node::start(&["--encoders", "0"]).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), &[("sm1", "Kettle Symphony", &[])]);
    import(&node, dir.path(), None).await;
    let ada = Browser::invited(&node, "ada", "viewer").await;
    let bob = Browser::invited(&node, "bob", "viewer").await;
    let moderator = Browser::invited(&node, "mod", "moderator").await;
    let path = "/api/v1/videos/niconico%3Asm1/reports";
    let report = async |body: Value| ada.send(Method::POST, path, &body).await.status();
    assert_eq!(report(json!({ "kind": "nothing" })).await, StatusCode::BAD_REQUEST);
    assert_eq!(report(json!({ "kind": "other" })).await, StatusCode::BAD_REQUEST, "something is to be said");
    assert_eq!(report(json!({ "kind": "broken", "comment": "bafy" })).await, StatusCode::NOT_FOUND);
    let form = [("kind", "rights"), ("text", "it is <b>mine</b>")];
    let done = ada.form("/watch/niconico%3Asm1/report", &form).await;
    assert_eq!(done.headers()[header::LOCATION], "/watch/niconico%3Asm1?reported=1");
    let thanks = ada.get("/watch/niconico%3Asm1?reported=1").await.text().await.unwrap();
    assert!(thanks.contains("Thank you."), "{thanks}");
    let said = json!({ "text": "buy this" });
    let said = bob.send(Method::POST, "/api/v1/videos/niconico%3Asm1/comments", &said).await;
    let act = said.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(report(json!({ "kind": "spam", "comment": act })).await, StatusCode::CREATED);

    let open = json_of(&moderator, "/api/v1/reports?state=open").await;
    assert_eq!(open["items"].as_array().unwrap().len(), 2);
    let page = moderator.get("/moderate/reports").await.text().await.unwrap();
    for part in ["it is &#60;b&#62;mine", "buy this", &format!("#c-{act}"), "It is an advertisement"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    for item in open["items"].as_array().unwrap() {
        let form = [("report", item["id"].as_str().unwrap()), ("text", "It is gone.")];
        assert_eq!(moderator.form("/moderate/reports", &form).await.status(), StatusCode::SEE_OTHER);
    }
    assert_eq!(json_of(&moderator, "/api/v1/reports?state=open").await["items"], json!([]));
    let mine = ada.get("/account").await.text().await.unwrap();
    assert!(mine.contains("What you reported") && mine.contains("It is gone."), "{mine}");
    assert_eq!(json_of(&bob, "/api/v1/account/reports").await["items"], json!([]));
    let log = json_of(&moderator, "/api/v1/audit").await;
    assert_eq!(log["items"][0]["what"], "answered the report of ada on niconico:sm1: It is gone.");
}
