//! Nodes at home: networks that the test makes for itself, each behind a router with address translation, and one
//! node that everybody reaches. Needs root, `ip` and `nft`, as the installation of the tests' packages does.

use std::{
    path::Path,
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
};

use horahora_testnet::cluster::{Node, binary, fixture, shared_dir};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
};

/// Longest that anything may take.
const TRIES: u32 = 600;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// Whom everybody reaches, and the routers of the two homes, as the whole network knows them. The addresses are
/// somebody's; nothing leaves the namespaces.
const RELAY: &str = "9.9.77.1";
const ROUTERS: [&str; 2] = ["9.9.77.11", "9.9.77.12"];

/// Places in [`Internet`].
const MIDDLE: usize = 0;
const HOMES: [usize; 2] = [1, 2];

static MADE: AtomicU32 = AtomicU32::new(0);

/// A network with a node in the middle and two homes, each a router and a machine. Gone with the value.
struct Internet {
    /// The middle, the two homes, and their routers.
    names: [String; 5],
}

/// What lies between the two homes.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// As at home: who is called may answer, nobody else comes in.
    Usual,
    /// Nothing of one router reaches the other.
    Shut,
}

impl Internet {
    async fn new(way: Way) -> Self {
        let id = format!("horahora-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let net = Self { names: ["r", "a", "b", "ra", "rb"].map(|name| format!("{id}-{name}")) };
        for name in &net.names {
            ip(&format!("netns add {name}")).await;
            ip(&format!("-n {name} link set lo up")).await;
        }
        let middle = &net.names[MIDDLE];
        ip(&format!("-n {middle} link add public type bridge")).await;
        ip(&format!("-n {middle} addr add {RELAY}/24 dev public")).await;
        ip(&format!("-n {middle} link set public up")).await;
        for home in 0..2 {
            let (machine, router) = (&net.names[HOMES[home]], &net.names[HOMES[home] + 2]);
            let (public, other) = (ROUTERS[home], ROUTERS[1 - home]);
            for line in [
                format!("link add home{home} netns {middle} type veth peer name wan netns {router}"),
                format!("link add lan netns {router} type veth peer name eth netns {machine}"),
                format!("-n {middle} link set home{home} master public"),
                format!("-n {middle} link set home{home} up"),
                format!("-n {router} addr add {public}/24 dev wan"),
                // Both homes use the same addresses, as homes do.
                format!("-n {router} addr add 192.168.1.1/24 dev lan"),
                format!("-n {router} link set wan up"),
                format!("-n {router} link set lan up"),
                format!("-n {machine} addr add 192.168.1.5/24 dev eth"),
                format!("-n {machine} link set eth up"),
                format!("-n {machine} route add default via 192.168.1.1"),
            ] {
                ip(&line).await;
            }
            inside(router, "sh", &["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"], "").await;
            let shut = if way == Way::Shut {
                format!("ip daddr {other} drop; ip saddr {other} drop;")
            } else {
                String::new()
            };
            let rules = format!(
                "table ip home {{
                    chain out {{ type nat hook postrouting priority srcnat; oifname wan masquerade; }}
                    chain through {{
                        type filter hook forward priority filter; policy drop;
                        {shut} iifname lan accept; ct state established,related accept;
                    }}
                    chain in {{
                        type filter hook input priority filter;
                        iifname wan ct state established,related accept; iifname wan drop;
                    }}
                }}"
            );
            inside(router, "nft", &["-f", "-"], &rules).await;
        }
        net
    }

    fn command(&self, place: usize, data: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names[place]]).arg(binary().unwrap());
        command.arg("--data-dir").arg(data);
        command
    }

    fn start(&self, place: usize, name: &str, data: &Path, peers: &[&str]) -> Child {
        let log = std::fs::File::create(data.join("log")).unwrap();
        let mut command = self.command(place, data);
        command.args(["run", "--http", "127.0.0.1:8080", "--name", name, "--tools-dir"]);
        command.arg(shared_dir().unwrap().join("tools")).stderr(log).stdout(Stdio::null());
        for peer in peers {
            command.args(["--peer", peer]);
        }
        command.kill_on_drop(true).spawn().unwrap()
    }

    /// What a node's own command says; null when it fails.
    async fn say(&self, place: usize, data: &Path, args: &[&str]) -> Value {
        let said = self.command(place, data).arg("--json").args(args).output().await.unwrap();
        serde_json::from_slice(&said.stdout).unwrap_or_default()
    }

    /// Waits until a node's own command says what `wanted` looks for, and gives what that is.
    async fn until<T>(
        &self,
        place: usize,
        data: &Path,
        args: &[&str],
        wanted: impl Fn(&Value) -> Option<T>,
    ) -> T {
        let mut last = Value::Null;
        for _ in 0..TRIES {
            last = self.say(place, data, args).await;
            if let Some(found) = wanted(&last) {
                return found;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("{args:?} never said it: {last:#}\n{}", log(data));
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = std::process::Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

async fn ip(line: &str) {
    let done = Command::new("ip").args(line.split(' ')).output().await.expect("iproute2 is installed");
    assert!(done.status.success(), "ip {line}: {}", String::from_utf8_lossy(&done.stderr));
}

async fn inside(place: &str, program: &str, args: &[&str], input: &str) {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", place, program]).args(args);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let done = child.wait_with_output().await.unwrap();
    assert!(done.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn log(data: &Path) -> String {
    std::fs::read_to_string(data.join("log")).unwrap_or_default()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value["items"].as_array().into_iter().flatten()
}

/// An address of the node that leads directly there, over this transport.
fn direct(status: &Value, transport: &str) -> Option<String> {
    let addresses = status["node"]["addresses"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut usable = addresses.filter(|a| a.contains(RELAY) && !a.contains("/p2p-circuit"));
    usable.find(|a| a.contains(transport)).map(str::to_owned)
}

/// The node's address through the node in the middle, which is the last it names.
fn circuit(status: &Value) -> Option<String> {
    let last = status["node"]["addresses"].as_array()?.last()?.as_str()?;
    (last.contains("/p2p-circuit/p2p/") && last.contains(RELAY)).then(|| last.to_owned())
}

/// How a node is connected with another.
fn link(nodes: &Value, id: &str) -> Option<String> {
    let node = items(nodes).find(|node| node["node_id"] == id)?;
    node["link"].as_str().map(str::to_owned)
}

/// A node at home archived something, and one in another home comes to hold it. Both know only the node in the middle,
/// which they call over `transport`; the link between them becomes as `expected`.
async fn from_home_to_home(way: Way, transport: &str, expected: &str) {
    let (data_r, data_a, data_b) =
        (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let fixture = fixture().await.unwrap();
    let (proxy, args) = (fixture.proxy(), format!("--ytdlp-args={}", fixture.ytdlp_args()));
    let options = ["--allow-private-sources", "--proxy", &proxy, &args];
    let mut maker = Node::start_in(data_a.path(), &options).await.unwrap();
    maker.archive(&format!("{}/fixtube/watch/fx1", fixture.site())).await.unwrap();
    maker.stop().await.unwrap();
    drop(maker);

    let net = Internet::new(way).await;
    let [a, b] = HOMES;
    let mut r = net.start(MIDDLE, "middle", data_r.path(), &[]);
    let relay = net.until(MIDDLE, data_r.path(), &["status"], |s| direct(s, transport)).await;
    let mut at_a = net.start(a, "attic", data_a.path(), &[&relay]);
    let circuit = net.until(a, data_a.path(), &["status"], circuit).await;
    let id_a = circuit.rsplit('/').next().unwrap().to_owned();

    let mut at_b = net.start(b, "cellar", data_b.path(), &[&relay]);
    net.until(b, data_b.path(), &["status"], |status| (status["node"]["connected"] == 1).then_some(())).await;
    net.say(b, data_b.path(), &["nodes", "--add", &circuit]).await;
    net.until(b, data_b.path(), &["nodes"], |nodes| {
        (link(nodes, &id_a).as_deref() == Some(expected)).then_some(())
    })
    .await;
    net.until(b, data_b.path(), &["videos"], |videos| {
        items(videos).find(|video| video["id"] == "fixtube:fx1" && video["manifest"].is_string()).map(|_| ())
    })
    .await;
    let kept = net.command(b, data_b.path()).args(["keep", "fixtube:fx1", "--wait"]).output().await.unwrap();
    assert!(kept.status.success(), "{}\n{}", String::from_utf8_lossy(&kept.stderr), log(data_b.path()));
    let report = net.say(b, data_b.path(), &["verify", "fixtube:fx1"]).await;
    assert!(report["problems"].as_array().unwrap().is_empty(), "{report}");
    assert!(report["blobs"].as_u64().unwrap() > 10, "{report}");

    let nodes = net.say(b, data_b.path(), &["nodes"]).await;
    assert_eq!(link(&nodes, &id_a).as_deref(), Some(expected), "{nodes:#}\n{}", log(data_b.path()));
    let from_a = items(&nodes).find(|node| node["node_id"] == *id_a).unwrap();
    assert!(from_a["bytes_in"].as_u64().unwrap() > 100_000, "{from_a}");
    let id_b = net.say(b, data_b.path(), &["status"]).await["node"]["node_id"].as_str().unwrap().to_owned();
    let nodes = net.say(a, data_a.path(), &["nodes"]).await;
    assert_eq!(link(&nodes, &id_b).as_deref(), Some(expected), "{nodes:#}\n{}", log(data_a.path()));
    for data in [&data_r, &data_a, &data_b] {
        let log = log(data.path());
        assert!(!log.contains("panicked") && !log.contains("task died"), "{log}");
    }
    for node in [&mut r, &mut at_a, &mut at_b] {
        node.kill().await.unwrap();
    }
}

#[tokio::test]
async fn two_nodes_at_home_find_a_direct_way_through_a_third_over_tcp() {
    from_home_to_home(Way::Usual, "/tcp/", "direct").await;
}

#[tokio::test]
async fn two_nodes_at_home_find_a_direct_way_through_a_third_over_quic() {
    from_home_to_home(Way::Usual, "/quic-v1", "direct").await;
}

#[tokio::test]
async fn where_no_direct_way_is_to_be_found_everything_comes_through_the_third() {
    from_home_to_home(Way::Shut, "/tcp/", "relayed").await;
}

#[tokio::test]
async fn a_slot_is_taken_again_when_the_relay_comes_back_and_known_nodes_are_called_through_it() {
    let (data_r, data_a, data_b) =
        (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let net = Internet::new(Way::Shut).await;
    let [a, b] = HOMES;
    let mut r = net.start(MIDDLE, "middle", data_r.path(), &[]);
    let relay = net.until(MIDDLE, data_r.path(), &["status"], |s| direct(s, "/tcp/")).await;
    let mut at_a = net.start(a, "attic", data_a.path(), &[&relay]);
    let to_a = net.until(a, data_a.path(), &["status"], circuit).await;
    let mut at_b = net.start(b, "cellar", data_b.path(), &[&relay]);
    net.until(b, data_b.path(), &["status"], circuit).await;
    net.say(b, data_b.path(), &["nodes", "--add", &to_a]).await;
    let id_a = to_a.rsplit('/').next().unwrap().to_owned();
    let relayed = |nodes: &Value| (link(nodes, &id_a)? == "relayed").then_some(());
    net.until(b, data_b.path(), &["nodes"], relayed).await;

    r.kill().await.unwrap();
    let away = |nodes: &Value| link(nodes, &id_a).is_none().then_some(());
    net.until(b, data_b.path(), &["nodes"], away).await;
    net.until(a, data_a.path(), &["status"], |status| circuit(status).is_none().then_some(())).await;
    let mut r = net.start(MIDDLE, "middle", data_r.path(), &[]);
    assert_eq!(net.until(a, data_a.path(), &["status"], circuit).await, to_a);
    net.until(b, data_b.path(), &["nodes"], relayed).await;
    for node in [&mut r, &mut at_a, &mut at_b] {
        node.kill().await.unwrap();
    }
}
