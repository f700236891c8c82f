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

    async fn seen(&self, request: &str, key: &str) -> u64 {
        let seen = self.nodes[0].own(&format!("/api/v1/requests/{request}")).await.unwrap_or_default();
        seen["counts"][key].as_u64().unwrap_or(0)
    }

    async fn until_some(&self, request: &str, videos: u64) {
        let some = async || Ok(self.seen(request, "done").await >= videos);
        self.nodes[0].until_within(self.limit, "some of it is there", some).await.unwrap();
    }

    async fn until_nothing_is_left(&self, request: &str) {
        // While its source is still being listed, it is not done, however many of its videos are.
        let ended = async || {
            let seen = self.nodes[0].own(&format!("/api/v1/requests/{request}")).await?;
            let open = seen["counts"]["running"].as_u64().zip(seen["counts"]["waiting"].as_u64());
            Ok(open == Some((0, 0)) && seen["state"] == "done")
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

/// The total is wrong, one video of a hundred was deleted, one is for members of a channel; while it is archived one more
/// appears and one vanishes.
async fn a_tag_is_archived(count: usize, videos: u64, limit: Duration) {
    const FIRST: u64 = 30_001;
    let pool = Pool::new(count, limit).await;
    let fixture = &pool.fixture;
    let deleted: BTreeSet<u64> = (FIRST + 2..FIRST + videos).step_by(100).collect();
    deleted.iter().for_each(|n| fixture.set_error(&format!("sm{n}"), Some("removed")));
    let members_only = FIRST + 4;
    fixture.set_error(&format!("sm{members_only}"), Some("login"));
    let name = format!("PACE_{videos}");
    let request = ask(&pool.nodes[0], &tag(&name)).await;
    pool.until_some(&request, videos / 4).await;
    fixture.grow(&name, 1);
    let asked = |n: u64| fixture.hits(&format!("www.nicovideo.jp/api/watch/v3_guest/sm{n}")) > 0;
    let vanished = (FIRST + 5..FIRST + videos).find(|n| !asked(*n) && !deleted.contains(n));
    vanished.iter().for_each(|n| fixture.vanish(&format!("sm{n}")));
    pool.until_nothing_is_left(&request).await;
    let one = |number: u64| {
        let id = format!("sm{number}");
        match number {
            _ if deleted.contains(&number) => stand(id, "gone", "gone"),
            // Somebody was perhaps quicker than its uploader.
            _ if vanished == Some(number) && fixture.served(&id) == 0 => stand(id, "gone", "gone"),
            _ if number == members_only => stand(id, "needs-operator", "login"),
            _ => stand(id, "done", ""),
        }
    };
    let expected: Stands = (FIRST..=FIRST + videos).map(one).collect();
    pool.until_all_stand(&request, &tag(&name), &expected).await;
    pool.check(&format!("{videos} videos of a tag"), &expected);
}

/// The total is wrong, one video has three parts, of which the list says nothing, one is removed and one for who has logged
/// in; while it is archived one more appears and one vanishes.
async fn a_space_is_archived(count: usize, videos: u64, limit: Duration) {
    let pool = Pool::new(count, limit).await;
    let (fixture, space) = (&pool.fixture, (9_000 + videos).to_string());
    fixture.set_error("BV1Hora00002", Some("removed"));
    fixture.set_error("BV1Hora00003", Some("login"));
    let url = format!("https://space.bilibili.com/{space}/video");
    let request = ask(&pool.nodes[0], &url).await;
    pool.until_some(&request, videos / 4).await;
    fixture.grow(&space, 1);
    let id = |number: u64| format!("BV1Hora{number:05}");
    let asked = |n: u64| fixture.hits(&format!("www.bilibili.com/video/{}", id(n))) > 0;
    let vanished = (4..=videos).find(|n| !asked(*n));
    vanished.iter().for_each(|n| fixture.vanish(&id(*n)));
    pool.until_nothing_is_left(&request).await;
    let one = |number: u64| match number {
        2 => stand(id(2), "gone", "gone"),
        3 => stand(id(3), "needs-operator", "login"),
        _ if vanished == Some(number) && fixture.served(&id(number)) == 0 => {
            stand(id(number), "gone", "gone")
        }
        _ => stand(id(number), "done", ""),
    };
    let mut expected: Stands = (1..=videos + 1).map(one).collect();
    expected.extend([stand("BV1Part00013", "refused", "parts")]);
    expected.extend((1..=3).map(|part| stand(format!("BV1Part00013_p{part}"), "done", "")));
    pool.until_all_stand(&request, &url, &expected).await;
    pool.check(&format!("{videos} videos of a space"), &expected);
}

/// Its lists name videos of its own once more, and some that cannot be had; while it is archived one more appears and one
/// vanishes.
async fn a_channel_is_archived(count: usize, videos: u64, limit: Duration) {
    let pool = Pool::new(count, limit).await;
    let (fixture, name) = (&pool.fixture, format!("usagi_{videos}"));
    fixture.set_error("fxm3", Some("geo"));
    let url = format!("http://fixtube.test/fixtube/channel/{name}");
    let request = ask(&pool.nodes[0], &url).await;
    pool.until_some(&request, videos / 4).await;
    fixture.grow(&name, 1);
    let id = |number: u64| format!("fxm{number}");
    let asked = |n: u64| fixture.hits(&format!("fixtube.test/fixtube/api/video/{}", id(n))) > 0;
    let vanished = (4..=videos).find(|n| !asked(*n));
    vanished.iter().for_each(|n| fixture.vanish(&id(*n)));
    pool.until_nothing_is_left(&request).await;
    let one = |number: u64| match number {
        3 => stand(id(3), "needs-operator", "geo"),
        _ if vanished == Some(number) && fixture.served(&id(number)) == 0 => {
            stand(id(number), "gone", "gone")
        }
        _ => stand(id(number), "done", ""),
    };
    let mut expected: Stands = (1..=videos + 1).map(one).collect();
    expected.extend(["fxm90001", "fxm90002"].map(|short| stand(short, "done", "")));
    expected.extend(["fxprivate", "fxmembers"].map(|lost| stand(lost, "needs-operator", "login")));
    expected.extend(["fxremoved", "fxterminated"].map(|lost| stand(lost, "gone", "gone")));
    pool.until_all_stand(&request, &url, &expected).await;
    pool.check(&format!("{videos} videos of a channel"), &expected);
}
