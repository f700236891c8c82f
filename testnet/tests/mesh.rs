//! Twenty nodes on a network of the test's own that loses packets, falls apart and comes together again. Needs root,
//! `ip` and `nft`, as the installation of the tests' packages does.

use std::{
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use futures::future::join_all;
use horahora::clock;
use horahora_testnet::cluster::{binary, fixture, shared_dir};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    sync::{Mutex, MutexGuard},
    task::JoinSet,
};

const NODES: usize = 20;
/// Nodes on one side of the partition.
const HALF: usize = 10;
/// Address of the test itself on that network.
const OUTSIDE: &str = "10.78.0.254";
/// Longest that anything may take, and how often it is looked.
const DEADLINE_MS: u64 = 180_000;
const PAUSE: Duration = Duration::from_millis(500);
/// How long the two halves cannot reach each other.
const PARTITION: Duration = Duration::from_secs(60);

struct Node {
    place: String,
    data: TempDir,
    child: Option<Child>,
}

/// A bridge, and a namespace for each node. Gone with the value.
struct Mesh {
    bridge: String,
    nodes: Vec<Node>,
    proxy: String,
    plugins: String,
    _alone: MutexGuard<'static, ()>,
}

/// Names of namespaces are by process: one mesh at a time.
static ONE: Mutex<()> = Mutex::const_new(());
/// Each has names of its own: those of the one before go when its last process has gone.
static MADE: AtomicU32 = AtomicU32::new(0);

impl Mesh {
    async fn new(proxy: String, plugins: String) -> Self {
        let alone = ONE.lock().await;
        let id = std::process::id() % 1_000 * 10 + MADE.fetch_add(1, Ordering::Relaxed) % 10;
        let bridge = format!("hhm{id}");
        ip(&format!("link add {bridge} type bridge")).await;
        ip(&format!("addr add {OUTSIDE}/24 dev {bridge}")).await;
        ip(&format!("link set {bridge} up")).await;
        let mut mesh = Self { bridge, nodes: Vec::new(), proxy, plugins, _alone: alone };
        for number in 0..NODES {
            let (place, link) = (format!("horahora-{id}-{number}"), format!("hh{id}n{number}"));
            ip(&format!("netns add {place}")).await;
            ip(&format!("link add {link} type veth peer name eth0 netns {place}")).await;
            ip(&format!("link set {link} master {}", mesh.bridge)).await;
            ip(&format!("link set {link} up")).await;
            ip(&format!("-n {place} addr add {}/24 dev eth0", address(number))).await;
            ip(&format!("-n {place} link set eth0 up")).await;
            ip(&format!("-n {place} link set lo up")).await;
            mesh.nodes.push(Node { place, data: TempDir::new().unwrap(), child: None });
        }
        mesh
    }

    fn command(&self, number: usize) -> Command {
        let node = &self.nodes[number];
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &node.place]).arg(binary().unwrap());
        command.arg("--data-dir").arg(node.data.path());
        command
    }

    async fn start(&mut self, number: usize) {
        let log = self.nodes[number].data.path().join("log");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut command = self.command(number);
        command.args(["run", "--http", "127.0.0.1:8080", "--no-mdns", "--allow-private-sources"]);
        command.args(["--name", &format!("n{number}"), "--listen"]);
        command.arg(format!("/ip4/{}/tcp/4150", address(number)));
        command.args(["--proxy", &self.proxy]).arg(format!("--ytdlp-args={}", self.plugins));
        command.arg("--tools-dir").arg(shared_dir().unwrap().join("tools"));
        command.stderr(log).stdout(Stdio::null()).kill_on_drop(true);
        self.nodes[number].child = Some(command.spawn().unwrap());
        self.until(number, "it runs", async || !self.say(number, &["id"]).await.is_null()).await;
    }

    async fn kill(&mut self, number: usize) {
        self.nodes[number].child.take().unwrap().kill().await.unwrap();
    }

    /// What a node's own command says; null when it fails.
    async fn say(&self, number: usize, args: &[&str]) -> Value {
        let said = self.command(number).arg("--json").args(args).output().await.unwrap();
        serde_json::from_slice(&said.stdout).unwrap_or_default()
    }

    fn log(&self, number: usize) -> String {
        std::fs::read_to_string(self.nodes[number].data.path().join("log")).unwrap_or_default()
    }

    async fn must(&self, number: usize, args: &[&str]) -> Value {
        let said = self.command(number).arg("--json").args(args).output().await.unwrap();
        assert!(said.status.success(), "n{number} {args:?}: {}", String::from_utf8_lossy(&said.stderr));
        serde_json::from_slice(&said.stdout).unwrap()
    }

    async fn until(&self, number: usize, what: &str, mut condition: impl AsyncFnMut() -> bool) {
        let begun = clock::now();
        while !condition().await {
            if clock::now().ms_since(begun) > DEADLINE_MS {
                let log = std::fs::read_to_string(self.nodes[number].data.path().join("log"));
                panic!("n{number}: it did not happen that {what}\n{}", log.unwrap_or_default());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn joins(&self, number: usize, from: usize) {
        let ticket = self.must(from, &["group", "invite", "--group", "Keepers"]).await;
        self.must(number, &["group", "join", ticket["ticket"].as_str().unwrap()]).await;
    }

    /// Members and digest of the group on each node that runs.
    async fn states(&self) -> Vec<(u64, String)> {
        let all = (0..NODES).map(async |number| {
            let groups = self.say(number, &["group", "list"]).await;
            let mut all = groups.as_array().into_iter().flatten();
            let group = all.find(|group| group["name"] == "Keepers")?;
            Some((group["members"].as_u64()?, group["state_digest"].as_str()?.to_owned()))
        });
        join_all(all).await.into_iter().map(Option::unwrap_or_default).collect()
    }

    /// Waits until every node has the same group with so many members and the same catalogue. Gives milliseconds.
    async fn until_alike(&self, what: &str, members: u64) -> u64 {
        let begun = clock::now();
        let mut last = Vec::new();
        let mut alike = async || {
            last = self.states().await;
            last.iter().all(|state| *state == last[0] && state.0 == members)
        };
        let waiting = tokio::time::timeout(Duration::from_millis(DEADLINE_MS), async {
            while !alike().await {
                tokio::time::sleep(PAUSE).await;
            }
        });
        let late = waiting.await.is_err();
        assert!(!late, "it did not happen that {what}: {:#?}", self.states().await);
        clock::now().ms_since(begun)
    }

    /// A rule of the packet filter in a node's namespace.
    async fn filter(&self, number: usize, rule: &str) {
        let place = &self.nodes[number].place;
        for line in [
            "add table inet faults".to_owned(),
            "add chain inet faults in { type filter hook input priority 0 ; }".to_owned(),
            format!("add rule inet faults in {rule}"),
        ] {
            let done =
                Command::new("ip").args(["netns", "exec", place, "nft"]).arg(&line).output().await.unwrap();
            assert!(done.status.success(), "nft {line}: {}", String::from_utf8_lossy(&done.stderr));
        }
    }

    async fn unfilter(&self, number: usize) {
        let place = &self.nodes[number].place;
        let done =
            Command::new("ip").args(["netns", "exec", place, "nft", "flush", "ruleset"]).status().await;
        assert!(done.unwrap().success());
    }

    async fn lose(&self, number: usize) {
        self.filter(number, "iifname eth0 numgen random mod 100 < 5 drop").await;
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        for node in &self.nodes {
            let _ = std::process::Command::new("ip").args(["netns", "del", &node.place]).status();
        }
        let _ = std::process::Command::new("ip").args(["link", "del", &self.bridge]).status();
    }
}

/// Writes down how far the test is, with its figures, for who runs it by hand.
pub(crate) fn note(text: &str) {
    use std::io::Write;
    let path = shared_dir().unwrap().join("mesh.txt");
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    writeln!(file, "{} {text}", clock::now().0).unwrap();
}

/// Whether the node with this name is on the same side of the partition.
fn same_half(number: usize, name: &Value) -> bool {
    let other = name.as_str().and_then(|name| name.strip_prefix('n')?.parse::<usize>().ok());
    other.is_some_and(|other| (number < HALF) == (other < HALF))
}

fn address(number: usize) -> String {
    format!("10.78.0.{}", number + 1)
}

async fn ip(line: &str) {
    let done = Command::new("ip").args(line.split(' ')).output().await.expect("iproute2 is installed");
    assert!(done.status.success(), "ip {line}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Brings the fake sites, which are on loopback, to that network.
async fn forward(to: String, tasks: &mut JoinSet<()>) -> String {
    let listener = TcpListener::bind((OUTSIDE, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tasks.spawn(async move {
        let mut open = JoinSet::new();
        while let Ok((mut from, _)) = listener.accept().await {
            let to = to.clone();
            open.spawn(async move {
                if let Ok(mut to) = TcpStream::connect(&to).await {
                    let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                }
            });
        }
    });
    format!("http://{OUTSIDE}:{port}")
}

#[tokio::test]
#[ignore = "takes minutes and both cores; test.sh --long runs it"]
async fn twenty_nodes_agree_after_loss_a_partition_crashes_and_a_wiped_disk() {
    let fixture = fixture().await.unwrap();
    let mut tasks = JoinSet::new();
    let mut mesh = Mesh::new(String::new(), fixture.ytdlp_args()).await;
    let sites = fixture.proxy().trim_start_matches("http://").to_owned();
    mesh.proxy = forward(sites, &mut tasks).await;
    for number in 0..NODES {
        mesh.start(number).await;
    }
    // A chain: each is invited by the one before.
    mesh.must(0, &["group", "create", "Keepers"]).await;
    for number in 1..NODES {
        mesh.joins(number, number - 1).await;
    }
    let joined = mesh.until_alike("all have joined", NODES as u64).await;
    note(&format!("all have joined and agree {joined} ms after the last"));

    // On every line 5 % of the packets are lost, from here to the end.
    for number in 0..NODES {
        mesh.lose(number).await;
    }
    let asked = ["archive", "https://www.nicovideo.jp/watch/sm9", "--group", "Keepers"];
    mesh.must(3, &asked).await;
    let founder = mesh.must(10, &["id"]).await["node_id"].as_str().unwrap().to_owned();
    mesh.must(0, &["group", "role", &founder, "admin", "--group", "Keepers"]).await;
    mesh.until(3, "the video is archived", async || {
        let status = mesh.say(3, &["status"]).await;
        status["requests"][0]["state"] == "done" && status["jobs"].as_array().is_some_and(Vec::is_empty)
    })
    .await;
    note("with 5 % loss a video is archived");
    let lossy = mesh.until_alike("all know the video and the new admin", NODES as u64).await;
    note(&format!("all know it after {lossy} ms"));

    // Two halves, each of which goes on writing.
    for number in 0..NODES {
        let (from, to) = if number < HALF { (HALF + 1, NODES) } else { (1, HALF) };
        mesh.filter(number, &format!("ip saddr 10.78.0.{from}-10.78.0.{to} drop")).await;
    }
    let halves = tokio::time::Instant::now() + PARTITION;
    let mut ids = Vec::new();
    for number in [2, 12] {
        ids.push(mesh.must(number, &["id"]).await["node_id"].as_str().unwrap().to_owned());
    }
    mesh.must(0, &["group", "role", &ids[0], "admin", "--group", "Keepers"]).await;
    mesh.must(0, &["group", "policy", "Keepers", "--members-invite", "no"]).await;
    mesh.must(10, &["group", "role", &ids[1], "follower", "--group", "Keepers"]).await;
    let asked = ["archive", "https://www.nicovideo.jp/watch/sm8628149", "--group", "Keepers"];
    mesh.must(15, &asked).await;
    tokio::time::sleep_until(halves).await;
    for number in [0, NODES - 1] {
        mesh.until(number, "it knows that the other half is away", async || {
            let nodes = mesh.say(number, &["nodes"]).await;
            let mut nodes = nodes["items"].as_array().into_iter().flatten();
            nodes.all(|node| node["connected"] == false || same_half(number, &node["name"]))
        })
        .await;
    }
    for number in 0..NODES {
        mesh.unfilter(number).await;
        mesh.lose(number).await;
    }
    note("the halves are joined again");
    // Three crash, and one loses its disk and comes as somebody new.
    for number in [4, 8, 16] {
        mesh.kill(number).await;
        mesh.start(number).await;
    }
    mesh.kill(19).await;
    mesh.nodes[19].data = TempDir::new().unwrap();
    mesh.start(19).await;
    mesh.until(15, "the other half's video is archived", async || {
        let status = mesh.say(15, &["status"]).await;
        status["requests"][0]["state"] == "done" && status["jobs"].as_array().is_some_and(Vec::is_empty)
    })
    .await;
    note("three crashed, one lost its disk, the other half's video is archived");
    mesh.joins(19, 0).await;
    note("the one without a disk is in again");
    let healed = mesh.until_alike("all agree again", NODES as u64 + 1).await;
    for number in [0, 9, 19] {
        let members = mesh.must(number, &["group", "members", "Keepers"]).await;
        let members = members.as_array().unwrap();
        let role =
            |id: &String| members.iter().find(|m| m["node_id"] == id.as_str()).map(|m| m["role"].clone());
        assert_eq!(role(&ids[0]), Some("admin".into()), "said on one side");
        assert_eq!(role(&ids[1]), Some("follower".into()), "said on the other");
        assert!(members.iter().all(|member| member["forked"] == false), "nobody lied");
        let videos = mesh.must(number, &["videos"]).await;
        assert_eq!(videos["items"].as_array().unwrap().len(), 2, "n{number} {videos}");
    }
    note(&format!("all agree again after {healed} ms"));
}

/// Videos of the uploader that twenty nodes share out.
const VIDEOS: u64 = 200;
/// How long they may take on two cores.
const SHARED: Duration = Duration::from_secs(900);
/// One node is killed so often, and comes back after the second time.
const KILL: Duration = Duration::from_secs(30);
const AWAY: Duration = Duration::from_secs(10);

#[tokio::test]
#[ignore = "takes minutes and both cores; test.sh --long runs it"]
async fn twenty_nodes_fetch_two_hundred_videos_once() {
    share("well", false, false).await;
}

#[tokio::test]
#[ignore = "takes minutes and both cores; test.sh --long runs it"]
async fn twenty_nodes_fetch_two_hundred_videos_once_with_loss() {
    share("with 5 % loss", true, false).await;
}

#[tokio::test]
#[ignore = "takes minutes and both cores; test.sh --long runs it"]
async fn twenty_nodes_fetch_two_hundred_videos_once_while_two_a_minute_are_killed() {
    share("with two kills a minute", false, true).await;
}

/// Every node asks for the same uploader; the site counts what it sends.
async fn share(how: &str, loss: bool, kills: bool) {
    let fixture = fixture().await.unwrap();
    let mut tasks = JoinSet::new();
    let mut mesh = Mesh::new(String::new(), fixture.ytdlp_args()).await;
    mesh.proxy = forward(fixture.proxy().trim_start_matches("http://").to_owned(), &mut tasks).await;
    for number in 0..NODES {
        mesh.start(number).await;
    }
    mesh.must(0, &["group", "create", "Keepers"]).await;
    for number in 1..NODES {
        mesh.joins(number, number - 1).await;
    }
    mesh.until_alike("all have joined", NODES as u64).await;
    for number in (0..NODES).filter(|_| loss) {
        mesh.lose(number).await;
    }
    let begun = clock::now();
    let url = format!("{}/fixtube/user/m_{VIDEOS}", fixture.site());
    for number in 0..NODES {
        mesh.must(number, &["archive", &url, "--group", "Keepers"]).await;
    }
    let (mut killed, mut next) = (0_u32, tokio::time::Instant::now() + KILL);
    let deadline = tokio::time::Instant::now() + SHARED;
    loop {
        let known = join_all((0..NODES).map(async |number| listed(&mesh, number).await)).await;
        if known.iter().all(|count| *count == VIDEOS) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{how}: nodes list {known:?} of {VIDEOS} videos");
        if kills && tokio::time::Instant::now() > next {
            let victim = 1 + usize::from(clock::random::<1>()[0]) % (NODES - 1);
            mesh.kill(victim).await;
            tokio::time::sleep(AWAY).await;
            mesh.start(victim).await;
            (killed, next) = (killed + 1, tokio::time::Instant::now() + KILL - AWAY);
        }
        tokio::time::sleep(PAUSE).await;
    }
    let took = clock::now().ms_since(begun);
    let size = fixture.sent("fxm1") / fixture.served("fxm1").max(1);
    let (mut twice, mut bytes) = (Vec::new(), 0);
    for number in 1..=VIDEOS {
        let name = format!("fxm{number}");
        bytes += fixture.sent(&name);
        let served = fixture.served(&name);
        assert!(served > 0, "{name} was never fetched");
        if served > 1 {
            twice.push((name, served));
        }
    }
    let ratio = bytes as f64 / (size * VIDEOS) as f64;
    let logs: Vec<_> = (0..NODES).map(|number| mesh.log(number)).collect();
    let makers = logs.iter().filter(|log| log.contains("is this node's")).count();
    note(&format!(
        "{how}: {VIDEOS} videos by {makers} of {NODES} nodes in {took} ms, {killed} kills, {ratio:.3} x their bytes, \
         fetched more than once: {twice:?}"
    ));
    for (name, _) in &twice {
        let name = format!(":{name}\"");
        for (number, log) in logs.iter().enumerate() {
            log.lines()
                .filter(|line| line.contains(&name))
                .for_each(|line| note(&format!("  n{number} {line}")));
        }
    }
    for (name, served) in &twice {
        let explained = logs.iter().any(|log| {
            log.lines()
                .filter(|line| line.contains(&format!(":{name}\"")))
                .any(|line| line.contains("takes over") || line.contains("witnessed=false"))
        });
        assert!(explained, "{how}: {name} was served {served} times with witnesses and without a take-over");
    }
    // Who is killed takes up to two downloads along.
    let bound = 1.05 + 2.0 * killed as f64 / VIDEOS as f64;
    assert!(ratio <= bound, "{how}: the site sent {ratio} x the videos' bytes with {killed} kills");
}

/// How many videos of others and of its own a node lists as there.
async fn listed(mesh: &Mesh, number: usize) -> u64 {
    if mesh.nodes[number].child.is_none() {
        return 0;
    }
    let videos = mesh.say(number, &["videos"]).await;
    let videos = videos["items"].as_array().into_iter().flatten();
    videos.filter(|video| video["manifest"].is_string()).count() as u64
}
