//! A group shares out its jobs: nothing is downloaded twice, what one cannot do another does, and who dies is replaced.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use horahora_testnet::{
    cluster::{Node, fixture},
    fixture::Fixture,
};
use serde_json::{Value, json};

pub(crate) const GROUP: &str = "Keepers";
/// Many videos on two cores.
const LONG: Duration = Duration::from_secs(300);

/// Nodes of one group, one at each of these sites.
async fn group(fixtures: &[&Fixture]) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for fixture in fixtures {
        nodes.push(Node::at(fixture).await.unwrap());
    }
    gather(&nodes).await;
    nodes
}

/// Makes one group of some nodes, each let in by the one before.
pub(crate) async fn gather(nodes: &[Node]) {
    let mut last: Option<&Node> = None;
    for node in nodes {
        match last {
            None => _ = node.say(&["group", "create", GROUP]).await.unwrap(),
            Some(last) => {
                let ticket = last.say(&["group", "invite", "--group", GROUP]).await.unwrap();
                node.say(&["group", "join", ticket["ticket"].as_str().unwrap()]).await.unwrap();
            }
        }
        last = Some(node);
    }
    for node in nodes {
        let all = async || Ok(node.group(GROUP).await?["members"] == nodes.len());
        node.until("everybody knows everybody", all).await.unwrap();
    }
}

/// Asks for something in the group; gives the request's id.
pub(crate) async fn ask(node: &Node, url: &str) -> String {
    let group = node.group(GROUP).await.unwrap()["id"].clone();
    let answer = node.post("/api/v1/requests", &json!({ "url": url, "group": group })).await.unwrap();
    let body: Value = answer.json().await.unwrap();
    body["id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

/// Videos that a node lists as complete, with the node that made each.
async fn makers(node: &Node) -> Vec<(String, String)> {
    let Ok(page) = node.own("/api/v1/videos?limit=200").await else { return Vec::new() };
    let items = page["items"].as_array().cloned().unwrap_or_default();
    let done = items.iter().filter(|video| video["manifest"].is_string());
    let ids: Vec<_> = done.map(|video| video["id"].as_str().unwrap().to_owned()).collect();
    join_all(ids.iter().map(async |id| {
        let video = node.own(&format!("/api/v1/videos/{}", id.replace(':', "%3A"))).await.unwrap_or_default();
        (id.clone(), video["captures"][0]["node"].as_str().unwrap_or_default().to_owned())
    }))
    .await
}

async fn job(node: &Node, name: &str) -> Value {
    let jobs = node.own("/api/v1/jobs").await.unwrap_or_default();
    let mut items = jobs["items"].as_array().cloned().unwrap_or_default();
    items.retain(|job| job["job"] == name);
    items.pop().unwrap_or_default()
}

#[tokio::test]
async fn a_group_downloads_each_video_once_and_shares_the_work() {
    let fixture = fixture().await.unwrap();
    let nodes = group(&[&fixture; 4]).await;
    ask(&nodes[0], &format!("{}/fixtube/user/m_24", fixture.site())).await;
    for node in &nodes {
        let all = async || Ok(makers(node).await.len() == 24);
        node.until_within(LONG, "every node lists every video", all).await.unwrap();
    }
    for number in 1..=24 {
        assert_eq!(fixture.served(&format!("fxm{number}")), 1, "fxm{number}\n{}", logs(&nodes));
    }
    let made = makers(&nodes[3]).await;
    let makers: BTreeSet<_> = made.iter().map(|(_, maker)| maker.clone()).collect();
    assert!(makers.len() >= 3, "{made:?}");
    // Nothing is left to do, anywhere.
    for node in &nodes {
        let idle = async || {
            let jobs = node.own("/api/v1/jobs").await?;
            let open = jobs["items"].as_array().into_iter().flatten();
            Ok(open.filter(|job| job["kind"] == "capture" || job["kind"] == "list").count() == 0)
        };
        node.until("no job is open", idle).await.unwrap();
    }
}

#[tokio::test]
async fn what_one_cannot_fetch_another_does_and_the_page_says_why() {
    let (blocked, open) = (fixture().await.unwrap(), fixture().await.unwrap());
    blocked.set_error("sm9", Some("geo"));
    let nodes = group(&[&blocked, &open]).await;
    ask(&nodes[0], "https://www.nicovideo.jp/watch/sm9").await;
    for node in &nodes {
        let done = async || Ok(makers(node).await.len() == 1);
        node.until_within(LONG, "the one that can does it", done).await.unwrap();
    }
    let (_, maker) = makers(&nodes[0]).await.remove(0);
    assert_eq!(maker, nodes[1].id().await.unwrap());
    assert_eq!(open.served("sm9"), 1);
}

#[tokio::test]
async fn another_node_takes_over_when_the_claimant_dies() {
    let fixture = fixture().await.unwrap();
    let mut nodes = group(&[&fixture; 3]).await;
    // Slow enough to be caught in the middle.
    fixture.set_rate(Some(40_000));
    ask(&nodes[0], &format!("{}/fixtube/watch/fx7", fixture.site())).await;
    let name = "capture/fixtube:fx7";
    let mut ids = Vec::new();
    for node in &nodes {
        ids.push(node.id().await.unwrap());
    }
    let mut claimant = None;
    let claimed = async || {
        for (index, node) in nodes.iter().enumerate() {
            let job = job(node, name).await;
            let who = ids.iter().position(|id| job["claimant"] == **id);
            if who == Some(index) && job["progress"].as_f64().unwrap_or(0.0) > 0.05 {
                claimant = who;
                return Ok(true);
            }
        }
        Ok(false)
    };
    nodes[0].until("somebody downloads it", claimed).await.unwrap();
    let claimant = claimant.unwrap();
    // Everybody sees who does it.
    for node in &nodes {
        let seen = async || Ok(job(node, name).await["claimant"] == *ids[claimant]);
        node.until("everybody sees the claimant", seen).await.unwrap();
    }
    nodes[claimant].kill().await.unwrap();
    fixture.set_rate(None);
    for (index, node) in nodes.iter().enumerate().filter(|(index, _)| *index != claimant) {
        let done = async || Ok(makers(node).await.len() == 1);
        node.until_within(LONG, "another node does it", done).await.unwrap();
        assert_ne!(makers(node).await[0].1, ids[claimant], "{index}");
    }
    assert_eq!(fixture.served("fx7"), 2, "once by the one that died\n{}", logs(&nodes));
}

fn logs(nodes: &[Node]) -> String {
    nodes.iter().map(Node::log).collect::<Vec<_>>().join("\n----\n")
}
