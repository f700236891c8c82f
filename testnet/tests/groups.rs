//! Groups: tickets, roles, rules, what outsiders get, restored backups and liars.

use horahora_testnet::cluster::{Node, fixed_address, fixture};
use reqwest::Method;
use serde_json::{Value, json};

const SM9_URL: &str = "https://www.nicovideo.jp/watch/sm9";

async fn named(name: &str) -> Node {
    Node::start(&["--name", name]).await.unwrap()
}

/// Roles of a group's members by name, as a node tells them.
async fn roles(node: &Node, group: &str) -> Vec<(String, String)> {
    let Ok(members) = node.say(&["group", "members", group]).await else { return Vec::new() };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all: Vec<_> =
        members.as_array().unwrap().iter().map(|m| (text(&m["name"]), text(&m["role"]))).collect();
    all.sort();
    all
}

async fn until_roles(node: &Node, group: &str, wanted: &[(&str, &str)]) {
    let wanted: Vec<_> = wanted.iter().map(|(name, role)| ((*name).to_owned(), (*role).to_owned())).collect();
    let what = format!("the members are {wanted:?}");
    let reached = node.until(&what, async || Ok(roles(node, group).await == wanted)).await;
    if reached.is_err() {
        panic!("{wanted:?} is {:?}\n{}", roles(node, group).await, node.log());
    }
}

async fn until_alike(nodes: &[&Node], group: &str) {
    let digest = async |node: &Node| anyhow::Ok(node.group(group).await?["state_digest"].clone());
    let alike = async || {
        let first = digest(nodes[0]).await?;
        for node in &nodes[1..] {
            if digest(node).await? != first {
                return Ok(false);
            }
        }
        Ok(true)
    };
    nodes[0].until("all nodes have the same state", alike).await.unwrap();
}

async fn ticket(node: &Node, more: &[&str]) -> String {
    let answer = node.say(&[&["group", "invite"], more].concat()).await.unwrap();
    answer["ticket"].as_str().unwrap().to_owned()
}

async fn joins(node: &Node, ticket: &str) {
    node.say(&["group", "join", ticket]).await.unwrap();
}

#[tokio::test]
async fn nodes_come_in_by_tickets_and_are_ruled_by_admins() {
    let (a, b, c) = (named("ada").await, named("bob").await, named("cyd").await);
    let made = a.say(&["group", "create", "Keepers"]).await.unwrap();
    assert!(made["id"].as_str().unwrap().starts_with("bafyr4i"), "{made}");
    joins(&b, &ticket(&a, &[]).await).await;
    // Who was let in may let in others, and they find each other through the tickets alone.
    joins(&c, &ticket(&b, &[]).await).await;
    let all = [("ada", "admin"), ("bob", "member"), ("cyd", "member")];
    for node in [&a, &b, &c] {
        until_roles(node, "Keepers", &all).await;
    }
    until_alike(&[&a, &b, &c], "Keepers").await;
    let members = a.own(&format!("/api/v1/groups/{}/members", made["id"].as_str().unwrap())).await.unwrap();
    let here = members.as_array().unwrap().iter().find(|member| member["name"] == "ada").unwrap();
    assert!(here["free"].as_u64().unwrap() > 0 && here["head"].as_u64().unwrap() > 0, "{here}");

    // A new admin, a policy, a removal.
    let (b_id, c_id) = (b.id().await.unwrap(), c.id().await.unwrap());
    a.say(&["group", "role", &b_id, "admin"]).await.unwrap();
    until_roles(&b, "Keepers", &[("ada", "admin"), ("bob", "admin"), ("cyd", "member")]).await;
    b.say(&["group", "policy", "--members-invite", "no"]).await.unwrap();
    c.until(
        "the policy is known",
        async || Ok(c.say(&["group", "policy"]).await?["members_invite"] == false),
    )
    .await
    .unwrap();
    let refused = c.say(&["group", "invite"]).await.unwrap_err().to_string();
    assert!(refused.contains("may not invite"), "{refused}");
    let refused = c.say(&["group", "remove", &b_id]).await.unwrap_err().to_string();
    assert!(refused.contains("admin"), "{refused}");
    let refused = b.say(&["group", "remove", &a.id().await.unwrap()]).await.unwrap_err().to_string();
    assert!(refused.contains("nearer"), "{refused}");
    b.say(&["group", "remove", &c_id]).await.unwrap();
    for node in [&a, &b] {
        until_roles(node, "Keepers", &[("ada", "admin"), ("bob", "admin")]).await;
    }
    c.until("the removed node knows it", async || Ok(c.group("Keepers").await?["role"] == "removed"))
        .await
        .unwrap();
    let refused = c.post("/api/v1/requests", &json!({ "url": SM9_URL, "group": made["id"] })).await.unwrap();
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "not-a-member");
    // Leaving is by oneself, coming back by another ticket.
    b.say(&["group", "leave", "Keepers"]).await.unwrap();
    until_roles(&a, "Keepers", &[("ada", "admin")]).await;
    joins(&b, &ticket(&a, &[]).await).await;
    // Who comes back is no admin any more.
    until_roles(&a, "Keepers", &[("ada", "admin"), ("bob", "member")]).await;
    until_alike(&[&a, &b], "Keepers").await;
}

#[tokio::test]
async fn tickets_that_do_not_work_say_why() {
    let (a, b, c) = (named("ada").await, named("bob").await, named("cyd").await);
    a.say(&["group", "create", "Keepers"]).await.unwrap();
    let once = ticket(&a, &[]).await;
    joins(&b, &once).await;
    let refusal = async |node: &Node, ticket: &str| {
        let answer = node.post("/api/v1/groups/join", &json!({ "ticket": ticket })).await.unwrap();
        let (status, body): (_, Value) = (answer.status(), answer.json().await.unwrap());
        assert!(body["message"].as_str().unwrap_or_default().len() > 20, "{body}\n{}", node.log());
        (status.as_u16(), body["code"].as_str().unwrap().to_owned())
    };
    assert_eq!(refusal(&c, &once).await, (409, "ticket-refused".to_owned()), "used up");
    let soon = a.say(&["group", "invite", "--expires", "1s"]).await.unwrap();
    let expires = soon["expires_at"].as_u64().unwrap();
    a.until("it has expired", async || Ok(horahora::clock::now().0 > expires)).await.unwrap();
    let soon = soon["ticket"].as_str().unwrap();
    assert_eq!(refusal(&c, soon).await, (409, "ticket-expired".to_owned()));
    assert_eq!(refusal(&c, "hello").await, (400, "bad-ticket".to_owned()));
    let mut broken = ticket(&a, &[]).await;
    let last = broken.pop().unwrap();
    assert_eq!(refusal(&c, &broken).await, (400, "bad-ticket".to_owned()), "one letter short");
    broken.push(if last == '2' { '3' } else { '2' });
    assert_eq!(refusal(&c, &broken).await, (400, "bad-ticket".to_owned()), "one letter changed");
    // A follower reads and writes nothing.
    joins(&c, &ticket(&a, &["--role", "follower"]).await).await;
    until_roles(&a, "Keepers", &[("ada", "admin"), ("bob", "member"), ("cyd", "follower")]).await;
    let group = a.group("Keepers").await.unwrap()["id"].clone();
    let refused = c.post("/api/v1/requests", &json!({ "url": SM9_URL, "group": group })).await.unwrap();
    assert_eq!(refused.status(), 403);
    let refused = c.say(&["group", "invite", "--group", "Keepers"]).await.unwrap_err().to_string();
    assert!(refused.contains("may not invite"), "{refused}");
}

#[tokio::test]
async fn a_ticket_is_redeemed_when_its_maker_comes_back() {
    let listen = fixed_address().unwrap();
    let mut a = Node::start(&["--name", "ada", "--listen", &listen]).await.unwrap();
    let mut b = named("bob").await;
    a.say(&["group", "create", "Keepers"]).await.unwrap();
    let ticket = ticket(&a, &[]).await;
    a.stop().await.unwrap();
    let waits = b.post("/api/v1/groups/join", &json!({ "ticket": ticket })).await.unwrap();
    assert_eq!(waits.status(), 202);
    assert_eq!(waits.json::<Value>().await.unwrap()["state"], "waiting");
    b.kill().await.unwrap();
    b.restart().await.unwrap();
    a.restart().await.unwrap();
    until_roles(&b, "Keepers", &[("ada", "admin"), ("bob", "member")]).await;
}

#[tokio::test]
async fn a_video_belongs_to_the_groups_that_asked_for_it_and_who_says_where_it_is() {
    let fixture = fixture().await.unwrap();
    let a = Node::at(&fixture).await.unwrap();
    let b = named("bob").await;
    let group = a.say(&["group", "create", "Keepers", "--private"]).await.unwrap()["id"].clone();
    joins(&b, &ticket(&a, &[]).await).await;
    let request = a.post("/api/v1/requests", &json!({ "url": SM9_URL, "group": group })).await.unwrap();
    assert_eq!(request.status(), 202);
    let path = "/api/v1/videos/niconico%3Asm9";
    b.until("the member sees it", async || {
        let seen = b.own(path).await;
        Ok(seen.is_ok_and(|video| video["manifest"].is_string() && video["state"] == "done"))
    })
    .await
    .unwrap();
    let video = b.own(path).await.unwrap();
    assert_eq!(video["groups"], json!([group]));
    let kept = b.say(&["keep", "niconico:sm9", "--wait"]).await.unwrap();
    assert_eq!(kept["held"], "whole", "{}", b.log());
    let who = b.say(&["who", "niconico:sm9"]).await.unwrap();
    let mut holders: Vec<_> = who
        .as_array()
        .unwrap()
        .iter()
        .map(|holder| (holder["node"].as_str().unwrap().to_owned(), holder["copies"].clone()))
        .collect();
    holders.sort_by(|one, other| one.0.cmp(&other.0));
    let mut wanted = vec![(a.id().await.unwrap(), json!("whole")), (b.id().await.unwrap(), json!("whole"))];
    wanted.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(holders, wanted);
    let holds = |nodes: Value| nodes["items"][0]["holds"]["videos"].clone();
    a.until("a hears what b holds in all groups", async || Ok(holds(a.own("/api/v1/nodes").await?) == 1))
        .await
        .unwrap();
    assert_eq!(holds(a.get("/api/v1/nodes").await.unwrap()), 0, "the private group is not for everyone");
    // Whoever is not logged in sees nothing of it.
    for node in [&a, &b] {
        for path in [path, "/watch/niconico%3Asm9"] {
            assert_eq!(node.ask(Method::GET, path).send().await.unwrap().status(), 404, "{path}");
        }
        let shown = node.get("/api/v1/videos").await.unwrap();
        assert_eq!(shown["items"], json!([]), "{shown}");
        let groups = node.get("/api/v1/groups").await.unwrap();
        assert!(groups.as_array().unwrap().iter().all(|group| group["private"] == false), "{groups}");
        let manifest = video["manifest"].as_str().unwrap();
        for path in [
            format!("/media/{manifest}/manifest.mpd"),
            format!("/media/{manifest}/original/0"),
            format!("/blobs/{manifest}"),
            format!("/api/v1/groups/{}/members", group.as_str().unwrap()),
        ] {
            let answer = node.ask(Method::GET, &path).send().await.unwrap();
            assert_eq!(answer.status(), 404, "{path}");
            let own = node.ask(Method::GET, &path).bearer_auth(node.token()).send().await.unwrap();
            assert_eq!(own.status(), 200, "{path}");
            let cached = own.headers()["cache-control"].to_str().unwrap().to_owned();
            assert!(!cached.contains("public"), "{path}: {cached}");
        }
        let page = String::from_utf8(node.bytes("/").await.unwrap().to_vec()).unwrap();
        assert!(!page.contains("sm9"), "{page}");
    }
    // Asked for in the public group, too, it is there for everybody, without another download.
    let asked = a.request(SM9_URL).await.unwrap();
    a.settled(&asked, &["done"]).await.unwrap();
    a.until("everybody sees it", async || Ok(a.ask(Method::GET, path).send().await?.status() == 200))
        .await
        .unwrap();
    assert_eq!(fixture.served("sm9"), 1);
}

#[tokio::test]
async fn a_restored_backup_is_no_liar() {
    let listen = fixed_address().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (data, backup) = (dir.path().join("data"), dir.path().join("backup"));
    let options = ["--name", "ada", "--listen", &listen];
    let mut a = Node::start_in(&data, &options).await.unwrap();
    a.say(&["group", "create", "Keepers"]).await.unwrap();
    let b = named("bob").await;
    joins(&b, &ticket(&a, &[]).await).await;
    a.stop().await.unwrap();
    copy(&data, &backup);
    a.restart().await.unwrap();
    // What the backup does not know of.
    a.say(&["group", "policy", "--members-invite", "no"]).await.unwrap();
    until_alike(&[&a, &b], "Keepers").await;
    a.stop().await.unwrap();
    std::fs::remove_dir_all(&data).unwrap();
    copy(&backup, &data);
    a.restart().await.unwrap();
    // The first thing that it says would be another story at the same place.
    let c = named("cyd").await;
    joins(&c, &ticket(&a, &[]).await).await;
    let all = [("ada", "admin"), ("bob", "member"), ("cyd", "member")];
    for node in [&a, &b, &c] {
        until_roles(node, "Keepers", &all).await;
        let policy = async || Ok(node.say(&["group", "policy"]).await?["members_invite"] == false);
        node.until("what was said before the restoration holds", policy).await.unwrap();
    }
    until_alike(&[&a, &b, &c], "Keepers").await;
    let members = b.say(&["group", "members", "Keepers"]).await.unwrap();
    assert!(members.as_array().unwrap().iter().all(|member| member["forked"] == false), "{members}");
    assert_eq!(b.get("/api/v1/nodes").await.unwrap()["refusals"]["two-stories"], 0);
    let verified = a.say(&["verify"]).await.unwrap();
    assert_eq!(verified["problems"], json!([]), "{verified}");
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    let done = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}
