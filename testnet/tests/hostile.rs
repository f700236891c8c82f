//! A peer that lies, stalls or floods is refused with a reason, gets nothing in, and takes nothing away.

use std::sync::Arc;

use horahora_protocol::{NodeId, Timestamp, limits};
use horahora_testnet::{
    cluster::{Node, fixture},
    fixture::Fixture,
    hostile::{Hostile, Lie, Manner, Says, Story, Wants, forged_growing},
};
use reqwest::Method;
use serde_json::{Value, json};

/// What a node may need more than at its start, in MB: 30 to 90 are seen, a debug build with its viewers.
const GROWTH: u64 = 250;

/// An honest node with a video, and what everyone can learn from it.
struct Honest {
    _fixture: Fixture,
    node: Node,
    id: NodeId,
    address: String,
    story: Arc<Story>,
    video: Value,
    bytes: u64,
}

impl Honest {
    async fn start() -> Self {
        let fixture = fixture().await.unwrap();
        let node = Node::at(&fixture).await.unwrap();
        node.archive(&format!("{}/fixtube/watch/fx1", fixture.site())).await.unwrap();
        node.until("every rendition is made", async || {
            Ok(node.get("/api/v1/jobs").await?["items"].as_array().is_some_and(Vec::is_empty))
        })
        .await
        .unwrap();
        let address = node.address().await.unwrap();
        let story = Arc::new(Story::of(&address).await.unwrap());
        let video = node.get("/api/v1/videos/fixtube%3Afx1").await.unwrap();
        let bytes = node.play_through(&video).await.unwrap();
        let id = node.id().await.unwrap().parse().unwrap();
        Self { _fixture: fixture, node, id, address, story, video, bytes }
    }

    /// A peer that knows all that this node told, and says it holds everything.
    fn liar(&self, seed: &str, wants: Wants, says: Says) -> Hostile {
        Hostile::start(seed, Manner { story: Arc::clone(&self.story), wants, says, asked: 0 }).unwrap()
    }
}

/// The node that the hostile peers turn to.
struct Victim {
    node: Node,
    id: NodeId,
    first_mb: u64,
}

impl Victim {
    async fn start(options: &[&str]) -> Self {
        let node = Node::start(options).await.unwrap();
        let id = node.id().await.unwrap().parse().unwrap();
        let first_mb = peak_mb(&node);
        Self { node, id, first_mb }
    }

    /// Follows a node and waits until both know who the other is.
    async fn add(&self, peer: &Hostile) {
        self.follow(&peer.address().await.unwrap()).await;
        peer.met(&self.id).await.unwrap();
        let id = peer.id().to_string();
        let knows = async || {
            let nodes = self.node.get("/api/v1/nodes").await?;
            let mut items = nodes["items"].as_array().into_iter().flatten();
            Ok(!peer.is_connected(&self.id)
                || items.any(|n| n["node_id"] == id && n["software"] == "hostile/1"))
        };
        self.node.until("it knows the peer", knows).await.unwrap();
    }

    async fn follow(&self, address: &str) {
        let answer = self.node.post("/api/v1/nodes", &json!({ "address": address })).await.unwrap();
        assert_eq!(answer.status(), 202);
    }

    async fn refused(&self, reason: &str) -> u64 {
        refusals(&self.node, reason).await
    }

    /// Waits until something was refused once more than `before`.
    async fn refuses(&self, what: &str, reason: &str, before: u64) {
        let more = async || Ok(refusals(&self.node, reason).await > before);
        self.node.until(&format!("{what} is refused as {reason}"), more).await.unwrap();
    }

    /// Lets this peer misbehave and waits until that is refused.
    async fn refuses_peer(&self, peer: &Hostile, what: &str, reason: &str) {
        let before = self.refused(reason).await;
        self.add(peer).await;
        self.refuses(what, reason, before).await;
    }

    /// After all that the node is well, believes nothing forged, needs little memory, and plays what the honest
    /// node has.
    async fn is_well(&self, honest: &Honest) {
        let node = &self.node;
        self.follow(&honest.address).await;
        let video = node.lists(&honest.video).await.unwrap();
        assert_eq!(node.play_through(&video).await.unwrap(), honest.bytes);
        assert_eq!(&node.bytes("/healthz").await.unwrap()[..], b"ok\n");
        let videos = node.get("/api/v1/videos").await.unwrap();
        assert!(!videos.to_string().contains("forged"), "{videos}");
        let page = node.bytes("/").await.unwrap();
        assert!(!String::from_utf8_lossy(&page).contains("forged"));
        let log = node.log();
        assert!(!log.contains("panicked") && !log.contains("task died"), "{log}");
        let growth = peak_mb(node) - self.first_mb;
        assert!(growth < GROWTH, "{growth} MB more than {} MB; {}\n{log}", self.first_mb, self.all().await);
    }

    async fn all(&self) -> Value {
        self.node.get("/api/v1/nodes").await.unwrap()["refusals"].clone()
    }
}

async fn refusals(node: &Node, reason: &str) -> u64 {
    node.get("/api/v1/nodes").await.unwrap()["refusals"][reason].as_u64().unwrap()
}

/// The most memory that a node had until now.
fn peak_mb(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid().unwrap())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// Where the segments of a video are.
fn segments(video: &Value) -> Vec<String> {
    let manifest = video["manifest"].as_str().unwrap();
    let mut paths = Vec::new();
    for rendition in video["renditions"].as_array().unwrap() {
        let id = rendition["id"].as_str().unwrap();
        paths.push(format!("/media/{manifest}/{id}/init.mp4"));
        let numbers = 1..=rendition["segments"].as_u64().unwrap();
        paths.extend(numbers.map(|number| format!("/media/{manifest}/{id}/{number}.m4s")));
    }
    paths
}

#[tokio::test]
async fn blobs_that_are_not_what_was_asked_for_are_refused_and_the_sender_left() {
    let a = Honest::start().await;
    let b = Victim::start(&[]).await;
    let lies = [
        (Wants::OtherBytes, "wrong-bytes"),
        (Wants::Endless, "wrong-bytes"),
        (Wants::TooLong, "wrong-size"),
        (Wants::TooShort, "wrong-size"),
        (Wants::TooLarge, "oversize"),
        (Wants::HugeFrame, "oversize"),
        (Wants::Garbage, "malformed"),
        (Wants::OtherName, "malformed"),
    ];
    for (number, (wants, reason)) in lies.into_iter().enumerate() {
        let liar = a.liar(&format!("{wants:?}"), wants, Says::Truth);
        b.add(&liar).await;
        let video = b.node.lists(&a.video).await.unwrap();
        // The description is right; it comes from the liar like everything else until the honest node is there.
        b.node.bytes(&format!("/media/{}/manifest.mpd", video["manifest"].as_str().unwrap())).await.unwrap();
        let video = b.node.lists(&a.video).await.unwrap();
        let paths = segments(&video);
        let before = b.refused(reason).await;
        let viewer = b.node.ask(Method::GET, &paths[number % paths.len()]).send();
        let what = format!("{wants:?}");
        let refused = b.refuses(&what, reason, before);
        let (answer, ()) = futures::future::join(viewer, refused).await;
        assert!(!answer.unwrap().status().is_success(), "{wants:?}");
        let blocked = matches!(reason, "wrong-bytes" | "wrong-size");
        if blocked {
            b.node.until("the liar is left", async || Ok(!liar.is_connected(&b.id))).await.unwrap();
        }
    }
    b.is_well(&a).await;
}

#[tokio::test]
async fn who_stalls_is_found_out_and_a_viewer_gets_everything_from_another() {
    let a = Honest::start().await;
    let b = Victim::start(&[]).await;
    let never = a.liar("never", Wants::Never, Says::Truth);
    let half = a.liar("half", Wants::Half, Says::Truth);
    b.add(&never).await;
    b.add(&half).await;
    let video = b.node.lists(&a.video).await.unwrap();
    b.node.bytes(&format!("/media/{}/manifest.mpd", video["manifest"].as_str().unwrap())).await.unwrap();
    let video = b.node.lists(&a.video).await.unwrap();
    let paths = segments(&video);
    // Both are asked: the second when the first is slow.
    let viewer = async {
        let answer = b.node.ask(Method::GET, &paths[0]).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
    };
    let judge = async {
        b.follow(&a.address).await;
        b.refuses("never", "stalled", 1).await;
    };
    futures::future::join(viewer, judge).await;
    // They say that they hold everything, and may be asked again.
    assert!(never.asked() > 0 && half.asked() > 0);
    b.is_well(&a).await;
}

#[tokio::test]
async fn answers_that_are_none_are_refused_and_those_who_say_nothing_are_waited_out() {
    let a = Honest::start().await;
    let b = Victim::start(&[]).await;
    for says in [Says::Nothing, Says::Half] {
        // They stay connected, and are asked again and again.
        b.add(Box::leak(Box::new(a.liar(&format!("{says:?}"), Wants::Never, says)))).await;
    }
    for (says, reason) in [
        (Says::Oversize, "oversize"),
        (Says::Malformed, "malformed"),
        (Says::NotCanonical, "malformed"),
        (Says::OtherAnswer, "malformed"),
        (Says::OtherPresence, "forged"),
        (Says::BrokenPresence, "bad-signature"),
        (Says::Entries(Lie::OtherBody), "wrong-bytes"),
        (Says::Entries(Lie::BrokenSignature), "bad-signature"),
        (Says::Entries(Lie::OwnSignature), "bad-signature"),
        (Says::Entries(Lie::OtherFeed), "forged"),
        (Says::Entries(Lie::TooMany), "oversize"),
    ] {
        let liar = a.liar(&format!("{says:?}"), Wants::Never, says);
        b.refuses_peer(&liar, &format!("{says:?}"), reason).await;
    }
    b.is_well(&a).await;
}

#[tokio::test]
async fn gossip_that_is_forged_or_unreadable_or_too_much_is_refused() {
    let a = Honest::start().await;
    let b = Victim::start(&["--peer", &a.address]).await;
    b.node.lists(&a.video).await.unwrap();
    let learned = a.story.learned.as_ref().unwrap();
    let like = &a.story.manifest.as_ref().unwrap().1.renditions[0];
    let liar = async |seed: &str| {
        let liar = a.liar(seed, Wants::OtherBytes, Says::Truth);
        b.add(&liar).await;
        liar
    };
    let before = b.refused("bad-signature").await;
    let peer = liar("signed by another").await;
    peer.gossip_forged(&learned.group, forged_growing(a.id, learned.group, like)).await.unwrap();
    b.refuses("a record that another signed", "bad-signature", before).await;
    let peer = liar("signed by nobody").await;
    peer.gossip_broken(&learned.group, forged_growing(a.id, learned.group, like)).await.unwrap();
    b.refuses("a record that nobody signed", "bad-signature", before + 1).await;
    let peer = liar("unreadable").await;
    peer.gossip(&learned.group, &[0xFF; 1000]).await.unwrap();
    b.refuses("unreadable gossip", "malformed", 0).await;
    let peer = liar("too long").await;
    peer.gossip_long(learned.feed).await.unwrap();
    b.refuses("a long list", "oversize", 0).await;
    let peer = liar("too large").await;
    peer.gossip(&learned.group, &vec![0xA1; limits::GOSSIP_BYTES * 2]).await.unwrap();
    let peer = liar("too much").await;
    peer.flood_gossip(learned.feed, 2000).await.unwrap();
    b.refuses("too much gossip", "flood", 4).await;
    b.node.until("who floods is left", async || Ok(!peer.is_connected(&b.id))).await.unwrap();
    let peer = liar("for another's group").await;
    let mut record = forged_growing(peer.id(), learned.group, like);
    record.capture = a.story.manifest.as_ref().unwrap().1.capture;
    peer.gossip_forged(&learned.group, record).await.unwrap();
    b.is_well(&a).await;
}

#[tokio::test]
async fn a_follower_of_a_liar_sees_its_videos_and_absurd_numbers_break_nothing() {
    let a = Honest::start().await;
    let liar = a.liar("absurd", Wants::OtherBytes, Says::Truth);
    let most = u64::MAX;
    let story = Story::clone(&a.story).with_own(liar.key(), "fixtube:absurd", |summary| {
        (summary.duration_ms, summary.bytes, summary.published_at) = (most, most, Some(Timestamp(most)));
    });
    liar.behave(|manner| manner.story = Arc::new(story.unwrap()));
    let b = Victim::start(&["--peer", &liar.address().await.unwrap()]).await;
    let path = "/api/v1/videos/fixtube%3Aabsurd";
    b.node.until("it is listed", async || Ok(b.node.get(path).await?["manifest"].is_string())).await.unwrap();
    let own = liar.group();
    let mut record = forged_growing(liar.id(), own, &a.story.manifest.as_ref().unwrap().1.renditions[0]);
    record.video = "fixtube:absurd2".parse().unwrap();
    (record.summary.title, record.source_url) = ("absurd".to_owned(), "absurd".to_owned());
    liar.gossip_forged(&own, record.clone()).await.unwrap();
    let path = "/api/v1/videos/fixtube%3Aabsurd2";
    b.node.until("it is seen", async || Ok(b.node.get(path).await?["live"] != 1)).await.unwrap();
    for page in ["/", "/nodes", "/watch/fixtube%3Aabsurd", "/watch/fixtube%3Aabsurd2", "/api/v1/videos"] {
        b.node.bytes(page).await.unwrap();
    }
    b.is_well(&a).await;
}

#[tokio::test]
async fn wants_streams_and_questions_without_end_stop_nobody_from_watching() {
    let a = Honest::start().await;
    let b = Victim::start(&["--peer", &a.address]).await;
    let video = b.node.lists(&a.video).await.unwrap();
    let first_mb = peak_mb(&a.node);
    let blobs: Vec<_> = a.story.blobs.keys().copied().collect();
    let of = a.story.manifest.as_ref().unwrap().0;
    let liar = async |seed: &str| {
        let liar = a.liar(seed, Wants::Never, Says::Truth);
        liar.connect(&a.address).await.unwrap();
        liar
    };
    let flood = async || refusals(&a.node, "flood").await;
    // These stay within what is allowed, and never read.
    let silent = liar("silent").await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(silent.want_unread(&a.id, &blobs[..blobs.len().min(60)], of).await.unwrap());
    }
    let streams = liar("streams").await;
    let before = flood().await;
    let mut open = Vec::new();
    let refused = async || {
        open.push(streams.open_streams(&a.id, 10).await);
        Ok(flood().await > before)
    };
    a.node.until("too many streams are refused", refused).await.unwrap();
    drop(open);
    let wants = liar("wants").await;
    let before = flood().await;
    let many: Vec<_> = blobs.iter().copied().cycle().take(2000).collect();
    let unread = wants.want_unread(&a.id, &many, of).await;
    a.node.until("too many wants are refused", async || Ok(flood().await > before)).await.unwrap();
    drop(unread);
    let questions = liar("questions").await;
    let before = flood().await;
    let asking = async {
        while questions.is_connected(&a.id) {
            questions.flood_questions(&a.id, 16).await;
        }
    };
    let vain = liar("vain").await;
    let wanting = async { vain.want_in_vain(&a.id, 2000).await.unwrap() };
    let watching = async { b.node.play_through(&video).await.unwrap() };
    let ((), _, bytes) = futures::future::join3(asking, wanting, watching).await;
    assert_eq!(bytes, a.bytes);
    assert!(flood().await > before + 4, "who asks too much is left");
    assert!(silent.is_connected(&a.id));
    let growth = peak_mb(&a.node) - first_mb;
    assert!(growth < GROWTH, "{growth} MB more");
    b.is_well(&a).await;
}
