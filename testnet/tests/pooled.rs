//! A group archives whole lists of sites that send away who asks too often, each node from an address of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use horahora::clock::steady;
use horahora_protocol::Timestamp;
use horahora_testnet::{
    cluster::{Node, fixture},
    fixture::Fixture,
};
use serde_json::Value;

use crate::{
    claims::{ask, gather},
    pace::tag,
};

/// Some minutes of a site that counts.
const LONG: Duration = Duration::from_secs(600);
const HOURS: Duration = Duration::from_secs(3 * 3600);
/// What the sites bear in a minute.
const MOST: usize = 20;

/// State and code of videos by their ids.
type Stands = BTreeMap<String, (String, String)>;

#[tokio::test]
async fn a_group_gets_a_tag_whole_from_a_site_that_sends_eager_guests_away() {
    a_tag_is_archived(3, 18, LONG).await;
}

#[tokio::test]
async fn a_group_gets_a_space_whole_from_a_site_with_risk_control() {
    a_space_is_archived(3, 6, LONG).await;
}

#[tokio::test]
async fn a_group_gets_a_channel_whole_with_its_tabs_and_lists() {
    a_channel_is_archived(3, 12, LONG).await;
}

/// Nearly two hours: the site bears no more. The environment variable `HORAHORA_TAG` sets another number of videos than 2,000.
#[tokio::test]
#[ignore = "takes two hours"]
async fn five_nodes_get_a_tag_of_two_thousand_whole() {
    a_tag_is_archived(5, set("HORAHORA_TAG", 2_000), HOURS).await;
}

/// Half an hour: a video takes nine requests. `HORAHORA_SPACE` sets another number, below 1,000.
#[tokio::test]
#[ignore = "takes half an hour"]
async fn five_nodes_get_a_space_of_three_hundred_whole() {
    a_space_is_archived(5, set("HORAHORA_SPACE", 300), HOURS).await;
}

/// `HORAHORA_CHANNEL` sets another number.
#[tokio::test]
#[ignore = "takes half an hour"]
async fn five_nodes_get_a_channel_of_a_thousand_whole() {
    a_channel_is_archived(5, set("HORAHORA_CHANNEL", 1_000), HOURS).await;
}

fn set(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|videos| videos.parse().ok()).unwrap_or(usual)
}

/// Nodes of one group, each with an address of its own, at sites that send away who asks more than 20 times a minute.
struct Pool {
    fixture: Fixture,
    nodes: Vec<Node>,
    began: Timestamp,
    limit: Duration,
}

impl Pool {
    async fn new(count: usize, limit: Duration) -> Pool {
        let mut fixture = fixture().await.unwrap();
        fixture.set_rule(MOST, LONG);
        let args = format!("--ytdlp-args={}", fixture.ytdlp_args());
        let mut nodes = Vec::new();
        for _ in 0..count {
            let proxy = fixture.another_proxy().await.unwrap();
            nodes.push(Node::start(&["--allow-private-sources", "--proxy", &proxy, &args]).await.unwrap());
        }
        gather(&nodes).await;
        Pool { fixture, nodes, began: steady(), limit }
    }

    async fn seen(&self, request: &str) -> anyhow::Result<Value> {
        self.nodes[0].own(&format!("/api/v1/requests/{request}")).await
    }

    async fn until_some(&self, request: &str, videos: u64) {
        let some = async || Ok(self.seen(request).await?["counts"]["done"].as_u64() >= Some(videos));
        self.nodes[0].until_within(self.limit, "some of it is there", some).await.unwrap();
    }

    async fn until_nothing_is_left(&self, request: &str) {
        // While its source is still being listed, it is not done, however many of its videos are.
        let ended = async || {
            let seen = self.seen(request).await?;
            let (counts, state) = (&seen["counts"], &seen["state"]);
            Ok(counts["running"] == 0 && counts["waiting"] == 0 && state == "done")
        };
        self.nodes[0].until_within(self.limit, "everything that can be had is there", ended).await.unwrap();
    }

    /// How each of a request's videos stands, by its id at the site.
    async fn stands(&self, request: &str) -> anyhow::Result<Stands> {
        let (mut stands, mut after) = (Stands::new(), String::new());
        loop {
            let path = format!("/api/v1/requests/{request}/videos?limit=200{after}");
            let page = self.nodes[0].own(&path).await?;
            for video in page["items"].as_array().into_iter().flatten() {
                let word = |key: &str| video[key].as_str().unwrap_or_default().to_owned();
                let id = word("id");
                let ident = id.split_once(':').map_or(&*id, |(_, ident)| ident);
                stands.insert(ident.to_owned(), (word("state"), word("code")));
            }
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(stands),
            }
        }
    }

    /// Asks once more, as a person may: each node would look again only tomorrow. Ends when each video stands as expected.
    async fn until_all_stand(&self, request: &str, url: &str, expected: &Stands) {
        assert_eq!(ask(&self.nodes[0], url).await, request);
        let mut last = Stands::new();
        let all = async || {
            last = self.stands(request).await?;
            Ok(last == *expected)
        };
        let waited = self.nodes[0].until_within(self.limit, "each video stands as it should", all).await;
        let wrong: Vec<_> = expected.iter().filter(|(id, stand)| last.get(*id) != Some(stand)).collect();
        let more: Vec<_> = last.iter().filter(|(id, _)| !expected.contains_key(*id)).collect();
        waited.unwrap_or_else(|error| panic!("{error}; expected {wrong:?}; too many {more:?}"));
    }

    /// Nothing was downloaded twice, and nobody was sent away.
    fn check(&self, what: &str, expected: &Stands) {
        let took = steady().ms_since(self.began) / 1000;
        let wrong: BTreeSet<_> = expected
            .iter()
            .filter(|(id, (state, _))| self.fixture.served(id) != u64::from(state == "done"))
            .collect();
        assert!(wrong.is_empty(), "each is downloaded once: {wrong:?}");
        let guests = self.fixture.guests();
        assert_eq!(guests.len(), self.nodes.len(), "all took part: {guests:?}");
        assert!(guests.values().all(|(most, bans)| *most <= MOST && *bans == 0), "{guests:?}");
        crate::mesh::note(&format!(
            "{what} by {} nodes in {took} s; each one's busiest minute had {guests:?} requests and bans",
            self.nodes.len()
        ));
    }
}

fn stand(id: impl Into<String>, state: &str, code: &str) -> (String, (String, String)) {
    (id.into(), (state.to_owned(), code.to_owned()))
}

/// A list of a fake site, whose videos are numbered.
struct List {
    what: &'static str,
    /// What the fixture knows it by.
    name: String,
    url: String,
    /// The first video's number, and how many there are.
    first: u64,
    videos: u64,
    /// A video's id at the site, and what is asked for when that is fetched.
    id: fn(u64) -> String,
    asked: fn(&str) -> String,
    /// Those that cannot be had: as the fixture is told, and how they then stand.
    refused: BTreeMap<u64, (&'static str, &'static str, &'static str)>,
    /// What else the list holds.
    beside: Vec<(String, (String, String))>,
}

/// While a list is archived one more video appears in it and one vanishes. Its total is always wrong.
async fn is_archived(list: List, count: usize, limit: Duration) {
    let List { what, name, url, first, videos, id, asked, refused, beside } = list;
    let pool = Pool::new(count, limit).await;
    let fixture = &pool.fixture;
    refused.iter().for_each(|(number, (trouble, ..))| fixture.set_error(&id(*number), Some(trouble)));
    let request = ask(&pool.nodes[0], &url).await;
    pool.until_some(&request, videos / 4).await;
    fixture.grow(&name, 1);
    let is_untouched =
        |number: &u64| fixture.hits(&asked(&id(*number))) == 0 && !refused.contains_key(number);
    let vanished = (first..first + videos).find(is_untouched);
    vanished.iter().for_each(|number| fixture.vanish(&id(*number)));
    pool.until_nothing_is_left(&request).await;
    let one = |number: u64| match refused.get(&number) {
        Some((_, state, code)) => stand(id(number), state, code),
        // Somebody was perhaps quicker than its uploader.
        None if vanished == Some(number) && fixture.served(&id(number)) == 0 => {
            stand(id(number), "gone", "gone")
        }
        None => stand(id(number), "done", ""),
    };
    let expected: Stands = (first..=first + videos).map(one).chain(beside).collect();
    pool.until_all_stand(&request, &url, &expected).await;
    pool.check(&format!("{videos} videos of {what}"), &expected);
}

/// One video of a hundred was deleted, one is for members of a channel.
async fn a_tag_is_archived(count: usize, videos: u64, limit: Duration) {
    const FIRST: u64 = 30_001;
    let name = format!("PACE_{videos}");
    let deleted =
        (FIRST + 2..FIRST + videos).step_by(100).map(|number| (number, ("removed", "gone", "gone")));
    let members_only = (FIRST + 4, ("login", "needs-operator", "login"));
    let list = List {
        what: "a tag",
        url: tag(&name),
        name,
        first: FIRST,
        videos,
        id: |number| format!("sm{number}"),
        asked: |id| format!("www.nicovideo.jp/api/watch/v3_guest/{id}"),
        refused: deleted.chain([members_only]).collect(),
        beside: Vec::new(),
    };
    is_archived(list, count, limit).await;
}

/// One video has three parts, of which the list says nothing, one is removed and one for who has logged in.
async fn a_space_is_archived(count: usize, videos: u64, limit: Duration) {
    let name = (9_000 + videos).to_string();
    let parts = (1..=3).map(|part| stand(format!("BV1Part00013_p{part}"), "done", ""));
    let list = List {
        what: "a space",
        url: format!("https://space.bilibili.com/{name}/video"),
        name,
        first: 1,
        videos,
        id: |number| format!("BV1Hora{number:05}"),
        asked: |id| format!("www.bilibili.com/video/{id}"),
        refused: [(2, ("removed", "gone", "gone")), (3, ("login", "needs-operator", "login"))].into(),
        beside: parts.chain([stand("BV1Part00013", "refused", "parts")]).collect(),
    };
    is_archived(list, count, limit).await;
}

/// Its lists name videos of its own once more, and some that cannot be had.
async fn a_channel_is_archived(count: usize, videos: u64, limit: Duration) {
    let name = format!("usagi_{videos}");
    let list = List {
        what: "a channel",
        url: format!("http://fixtube.test/fixtube/channel/{name}"),
        name,
        first: 1,
        videos,
        id: |number| format!("fxm{number}"),
        asked: |id| format!("fixtube.test/fixtube/api/video/{id}"),
        refused: [(3, ("geo", "needs-operator", "geo"))].into(),
        beside: vec![
            stand("fxm90001", "done", ""),
            stand("fxm90002", "done", ""),
            stand("fxprivate", "needs-operator", "login"),
            stand("fxmembers", "needs-operator", "login"),
            stand("fxremoved", "gone", "gone"),
            stand("fxterminated", "gone", "gone"),
        ],
    };
    is_archived(list, count, limit).await;
}
