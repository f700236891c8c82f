//! Who is not in a private group gets nothing of it, and who is in a group and lies changes nothing in it.

use std::sync::Arc;

use horahora_protocol::{
    Cid, Codec, NodeId, Timestamp, VideoId,
    entry::{Body, Profile, Request as Wish},
    feed::FeedId,
    group::{Change, GroupChange, Invite, Role, Ticket},
    manifest::Manifest,
    message::{self, Copies, EntryBlocks, Gossip, Message, Names, Refusal, Request, Response},
};
use horahora_testnet::{
    cluster::{Node, fixture},
    fixture::Fixture,
    hostile::{Chronicle, Hostile, Manner, Says, Story, Wants},
};
use serde_bytes::ByteBuf;
use serde_json::{Value, json};

const SM9_URL: &str = "https://www.nicovideo.jp/watch/sm9";

/// Two members of a private group, one of them with a video that it archived for it.
struct Group {
    _fixture: Fixture,
    a: Node,
    b: Node,
    id: Cid,
    video: Value,
}

impl Group {
    async fn start() -> Self {
        let fixture = fixture().await.unwrap();
        let a = Node::at(&fixture).await.unwrap();
        let b = Node::start(&["--name", "bob"]).await.unwrap();
        let made = a.say(&["group", "create", "Keepers", "--private"]).await.unwrap();
        b.say(&["group", "join", &ticket(&a, &[]).await]).await.unwrap();
        let asked = json!({ "url": SM9_URL, "group": made["id"] });
        assert_eq!(a.post("/api/v1/requests", &asked).await.unwrap().status(), 202);
        let path = "/api/v1/videos/niconico%3Asm9";
        for node in [&a, &b] {
            let done = async || Ok(node.own(path).await.is_ok_and(|video| video["state"] == "done"));
            node.until("the video is there", done).await.unwrap();
        }
        let video = a.own(path).await.unwrap();
        let id = made["id"].as_str().unwrap().parse().unwrap();
        Self { _fixture: fixture, a, b, id, video }
    }

    /// Digests of the group as both members have it, once they agree.
    async fn digest(&self) -> Value {
        let mut agreed = Value::Null;
        let alike = async || {
            let (one, other) = (self.a.group("Keepers").await?, self.b.group("Keepers").await?);
            agreed = one["state_digest"].clone();
            Ok(one["state_digest"] == other["state_digest"] && one["members"] == other["members"])
        };
        self.a.until("both members agree", alike).await.unwrap();
        agreed
    }
}

async fn ticket(node: &Node, more: &[&str]) -> String {
    let answer = node.say(&[&["group", "invite"], more].concat()).await.unwrap();
    answer["ticket"].as_str().unwrap().to_owned()
}

async fn refused(node: &Node, reason: &str) -> u64 {
    node.get("/api/v1/nodes").await.unwrap()["refusals"][reason].as_u64().unwrap()
}

fn quiet(seed: &str, story: Story) -> Hostile {
    let manner = Manner { story: Arc::new(story), wants: Wants::Never, says: Says::Truth, asked: 0 };
    Hostile::start(seed, manner).unwrap()
}

#[tokio::test]
async fn an_outsider_who_knows_every_name_gets_nothing_of_a_private_group() {
    let group = Group::start().await;
    let spy = quiet("spy", Story::default());
    let manifest_id: Cid = group.video["manifest"].as_str().unwrap().parse().unwrap();
    let block = group.a.ask(reqwest::Method::GET, &format!("/blobs/{manifest_id}"));
    let block = block.bearer_auth(group.a.token()).send().await.unwrap().bytes().await.unwrap();
    let manifest = Manifest::decode(&block).unwrap();
    let video: VideoId = "niconico:sm9".parse().unwrap();
    let nobodys = Cid::of(Codec::DagCbor, b"nobody has this");
    for node in [&group.a, &group.b] {
        let id = spy.connect(&node.address().await.unwrap()).await.unwrap();
        let members = node.say(&["group", "members", "Keepers"]).await.unwrap();
        let writers: Vec<NodeId> = members
            .as_array()
            .unwrap()
            .iter()
            .map(|member| member["node_id"].as_str().unwrap().parse().unwrap())
            .collect();
        let ask = async |request: Request| spy.question(&id, &request).await.unwrap();
        // Each question about the group has the answer of the same question about nothing.
        for of in [group.id, nobodys] {
            for writer in &writers {
                // Incarnations are milliseconds; the right one is among those that the feed's maker could guess.
                let feed = FeedId { group: of, node: *writer, incarnation: 0 };
                assert_eq!(ask(Request::Entries { feed, from: 0 }).await, Response::Entries(Vec::new()));
            }
            let gossip = Gossip { v: 1, heads: Vec::new(), growing: Vec::new(), claims: Vec::new() };
            let said = ask(Request::News { group: of, gossip }).await;
            assert_eq!(said, Response::Refused(Refusal::Unknown));
        }
        for manifest in [manifest_id, nobodys] {
            let said = ask(Request::Holding { manifests: vec![manifest] }).await;
            assert_eq!(said, Response::Holding(vec![message::Held::default()]));
        }
        for capture in [manifest.capture, nobodys] {
            let have = std::collections::BTreeMap::new();
            let said = ask(Request::Growing { capture, run: Timestamp(0), have }).await;
            assert_eq!(said, Response::Growing(Vec::new()));
        }
        for video in [video.clone(), "niconico:sm404".parse().unwrap()] {
            let said = ask(Request::Videos { videos: vec![video] }).await;
            assert_eq!(said, Response::Videos(vec![Copies::None]));
        }
        let known = Story::of(&node.address().await.unwrap()).await.unwrap();
        assert!(known.manifest.is_none(), "its own public group has no video");
        let (blobs, capture) = (manifest.blobs(), manifest.capture);
        let some =
            blobs.iter().take(12).flat_map(|blob| [manifest_id, blob.cid, capture].map(|of| (blob.cid, of)));
        for (cid, of) in some.chain([(manifest_id, manifest_id)]) {
            assert!(spy.fetch(&id, cid, of).await.is_err(), "{cid} of {of}");
        }
        let heard = spy.topics().await.unwrap();
        let name = group.id.to_string();
        assert!(!heard.is_empty() && heard.iter().all(|topic| !topic.contains(&name)), "{heard:?}");
    }
    // The hash table has names for it that only members can make.
    let names = Names::public();
    let told = async || Ok(group.a.own("/api/v1/node").await?["announced"]["told"].as_u64() > Some(2));
    group.a.until("the hash table was told", told).await.unwrap();
    for key in [names.video(&video), names.shard(&video), names.blob(&manifest_id)] {
        assert_eq!(spy.providers(key).await.unwrap(), 0);
    }
    for blob in manifest.blobs().iter().take(4) {
        assert_eq!(spy.providers(names.blob(&blob.cid)).await.unwrap(), 0);
    }
    assert!(refused(&group.a, "outsider").await > 0, "it is counted");
    let page = String::from_utf8(group.a.bytes("/nodes").await.unwrap().to_vec()).unwrap();
    assert!(page.contains("questions about groups the asker is not in"), "{page}");
}

#[tokio::test]
async fn tickets_and_records_that_are_not_what_they_should_be_change_nothing() {
    let group = Group::start().await;
    let before = group.digest().await;
    let forger = quiet("forger", Story::default());
    let id = forger.connect(&group.a.address().await.unwrap()).await.unwrap();
    let ask = async |request: Request| forger.question(&id, &request).await;
    let join = |ticket: &Ticket| {
        let redemption = ticket.redeem(forger.key(), 1).unwrap().block().1;
        Request::Join { invite: ticket.invite.clone(), redemption: ByteBuf::from(redemption) }
    };
    let read = |text: String| text.parse::<Ticket>().unwrap();

    // Used up, and stale.
    let used = read(ticket(&group.a, &[]).await);
    let c = Node::start(&["--name", "cyd"]).await.unwrap();
    c.say(&["group", "join", &used.to_string()]).await.unwrap();
    let came = async || Ok(group.a.group("Keepers").await?["members"] == 3);
    group.a.until("it is known that the ticket was used", came).await.unwrap();
    assert_eq!(ask(join(&used)).await.unwrap(), Response::Refused(Refusal::UsedUp));
    c.say(&["group", "leave", "Keepers"]).await.unwrap();
    let soon = group.a.say(&["group", "invite", "--expires", "1s"]).await.unwrap();
    let expires = soon["expires_at"].as_u64().unwrap();
    group.a.until("it has expired", async || Ok(horahora::clock::now().0 > expires)).await.unwrap();
    let soon = read(soon["ticket"].as_str().unwrap().to_owned());
    assert_eq!(ask(join(&soon)).await.unwrap(), Response::Refused(Refusal::Expired));
    assert!(refused(&group.a, "stale-ticket").await >= 2);

    // An invitation by somebody who is not in the group, and one that would make an admin.
    let before_forged = group.digest().await;
    assert_ne!(before, before_forged, "one came and left");
    let good = read(ticket(&group.a, &[]).await);
    let secret = good.secret.clone();
    let invite = |role, group| Invite {
        v: 1,
        group,
        issuer: forger.id(),
        holder: good.invite().unwrap().holder,
        role,
        uses: 9,
        expires: Timestamp(u64::MAX),
    };
    let forged = |role, group| Ticket {
        invite: ByteBuf::from(forger.key().sign(invite(role, group)).block().1),
        secret: secret.clone(),
        ..good.clone()
    };
    let said = ask(join(&forged(Role::Member, group.id))).await.unwrap();
    assert_eq!(said, Response::Refused(Refusal::Unknown));
    // A group that nobody knows and a forged part are the same to an outsider.
    let nobodys = Cid::of(Codec::DagCbor, b"nobody has this");
    assert_eq!(ask(join(&forged(Role::Member, nobodys))).await.unwrap(), Response::Refused(Refusal::Unknown));
    // It may be left before it hears the answer.
    let said = ask(join(&forged(Role::Admin, group.id))).await;
    assert!(said.is_err() || said.is_ok_and(|said| said == Response::Refused(Refusal::Unknown)));
    let until_left = async || Ok(!forger.is_connected(&id));
    group.a.until("who forges is disconnected", until_left).await.unwrap();
    let log = group.a.log();
    assert!(log.contains(&forger.id().to_string()) && log.contains("bad-signature"), "{log}");
    assert_eq!(group.digest().await, before_forged);

    // Somebody else's redemption, sent again by who saw it.
    let thief = quiet("thief", Story::default());
    let id = thief.connect(&group.a.address().await.unwrap()).await.unwrap();
    let seen = good.redeem(forger.key(), 1).unwrap().block().1;
    let replay = Request::Join { invite: good.invite.clone(), redemption: ByteBuf::from(seen) };
    let said = thief.question(&id, &replay).await;
    assert!(said.is_err() || said.is_ok_and(|said| said == Response::Refused(Refusal::Unknown)));
    assert_eq!(group.digest().await, before_forged);
}

/// What a member says that is no admin and would like to be.
fn coup(founder: NodeId, me: NodeId, order: usize) -> Vec<Body> {
    let change = |change| Body::Group(GroupChange { v: 1, change });
    let mut said = vec![
        Body::Profile(Profile { v: 1, name: "mallory".to_owned(), software: "hostile/1".to_owned() }),
        change(Change::Rule { node: me, role: Some(Role::Admin), last: Vec::new() }),
        change(Change::Rule { node: founder, role: None, last: Vec::new() }),
        change(Change::Policy { number: 99, members_invite: false, last: Vec::new() }),
    ];
    said.rotate_left(order);
    said
}

#[tokio::test]
async fn a_member_who_lies_rules_nobody_and_two_stories_are_proven() {
    let group = Group::start().await;
    let founder: NodeId = group.a.id().await.unwrap().parse().unwrap();
    let genesis = {
        // Members are told the genesis when they come in.
        let liar = quiet("mallory", Story::default());
        let id = liar.connect(&group.a.address().await.unwrap()).await.unwrap();
        let ticket: Ticket = ticket(&group.a, &[]).await.parse().unwrap();
        let redemption = ByteBuf::from(ticket.redeem(liar.key(), 1).unwrap().block().1);
        let join = Request::Join { invite: ticket.invite.clone(), redemption };
        let Response::Joined { genesis } = liar.question(&id, &join).await.unwrap() else {
            panic!("the ticket is good")
        };
        genesis.into_vec()
    };
    let before = group.digest().await;
    let story = |order| {
        let key = quiet("mallory", Story::default());
        let bodies = coup(founder, key.id(), order);
        let own = Chronicle::write(key.key(), &genesis, 1, &bodies).unwrap();
        Story { own: Some(own), ..Story::default() }
    };
    // To one it says this, later to the other that.
    let one = quiet("mallory", story(0));
    let liar = one.id().to_string();
    let tell = async |liar: &Hostile, node: &Node| {
        let address = liar.address().await.unwrap();
        let added = node.post("/api/v1/nodes", &json!({ "address": address })).await.unwrap();
        assert_eq!(added.status(), 202);
    };
    tell(&one, &group.a).await;
    let heard = async || {
        let members = group.b.say(&["group", "members", "Keepers"]).await?;
        let mut all = members.as_array().into_iter().flatten();
        Ok(all.any(|member| member["node_id"] == liar.as_str() && member["head"] == 3))
    };
    group.b.until("the first story is known", heard).await.unwrap();
    drop(one);
    let other = quiet("mallory", story(1));
    tell(&other, &group.b).await;
    for node in [&group.a, &group.b] {
        let proven = async || {
            let members = node.say(&["group", "members", "Keepers"]).await?;
            let mut all = members.as_array().into_iter().flatten();
            Ok(all.any(|member| member["node_id"] == liar.as_str() && member["forked"] == true))
        };
        node.until("the lie is proven", proven)
            .await
            .unwrap_or_else(|error| panic!("{error}\n{}", node.log()));
        let counted = async || Ok(refused(node, "two-stories").await == 1);
        node.until("it is counted", counted).await.unwrap();
        let log = node.log();
        assert!(log.contains("told two stories") && log.contains(&liar), "{log}");
    }
    let left = group.b.id().await.unwrap().parse().unwrap();
    group.b.until("it is left", async || Ok(!other.is_connected(&left))).await.unwrap();
    // Neither story made it an admin, removed the founder or changed the policy.
    assert_ne!(group.digest().await, before, "that it lied is part of what the group is");
    for node in [&group.a, &group.b] {
        let members = node.say(&["group", "members", "Keepers"]).await.unwrap();
        let role = |id: &str| {
            let mut all = members.as_array().unwrap().iter();
            all.find(|member| member["node_id"] == id).map(|member| member["role"].clone())
        };
        assert_eq!(role(&founder.to_string()), Some(json!("admin")));
        assert_eq!(role(&liar), Some(json!("member")));
        assert_eq!(node.say(&["group", "policy"]).await.unwrap()["members_invite"], true);
    }
    // An honest newcomer learns of the proof from either.
    let c = Node::start(&["--name", "cyd"]).await.unwrap();
    c.say(&["group", "join", &ticket(&group.b, &[]).await]).await.unwrap();
    let told = async || {
        let members = c.say(&["group", "members", "Keepers"]).await?;
        Ok(members.as_array().into_iter().flatten().any(|member| member["forked"] == true))
    };
    c.until("the proof spreads", told).await.unwrap();
}

#[tokio::test]
async fn entries_out_of_order_of_others_or_too_large_are_refused_and_leave_no_trace() {
    let group = Group::start().await;
    let ticket: Ticket = ticket(&group.a, &[]).await.parse().unwrap();
    let seed = "clumsy";
    let joiner = quiet(seed, Story::default());
    let id = joiner.connect(&group.a.address().await.unwrap()).await.unwrap();
    let redemption = ByteBuf::from(ticket.redeem(joiner.key(), 1).unwrap().block().1);
    let join = Request::Join { invite: ticket.invite.clone(), redemption };
    let Response::Joined { genesis } = joiner.question(&id, &join).await.unwrap() else {
        panic!("the ticket is good")
    };
    let wish =
        |n: usize| Body::Request(Wish { v: 1, url: format!("https://videos.example/{n}"), follow: false });
    let bodies: Vec<_> = (0..6).map(wish).collect();
    let honest = Chronicle::write(joiner.key(), &genesis, 1, &bodies).unwrap();
    drop(joiner);
    let before = group.digest().await;
    let other = Hostile::start("another", Manner::default()).unwrap();
    let foreign = Chronicle::write(other.key(), &genesis, 1, &bodies).unwrap();
    let large = EntryBlocks { entry: ByteBuf::from(vec![0; 4096]), body: None };
    let with = |entries: Vec<EntryBlocks>| Chronicle { entries, ..honest.clone() };
    let mut swapped = honest.entries.clone();
    swapped.swap(0, 1);
    let cases = [
        ("out of order", with(swapped), None),
        ("of another writer", with(foreign.entries), Some("forged")),
        ("too large", with(vec![large]), Some("oversize")),
    ];
    for (what, own, reason) in cases {
        let a = &group.a;
        let count = match reason {
            Some(reason) => refused(a, reason).await,
            None => 0,
        };
        let liar = quiet(seed, Story { own: Some(own), ..Story::default() });
        let address = liar.address().await.unwrap();
        a.post("/api/v1/nodes", &json!({ "address": address })).await.unwrap();
        let asked = async || {
            let more = match reason {
                Some(reason) => refused(a, reason).await > count,
                None => liar.asked() > 1,
            };
            Ok(more)
        };
        a.until(&format!("entries {what} are asked for and refused"), asked).await.unwrap();
        assert_eq!(group.digest().await, before, "{what}");
        let members = a.say(&["group", "members", "Keepers"]).await.unwrap();
        let mut all = members.as_array().unwrap().iter();
        let head = all.find(|member| member["node_id"] == liar.id().to_string()).unwrap();
        assert_eq!(head["head"], Value::Null, "{what}");
    }
    let bytes = Gossip { v: 1, heads: Vec::new(), growing: Vec::new(), claims: Vec::new() }.encode();
    assert!(bytes.len() < 100, "nothing of this made messages grow");
}
