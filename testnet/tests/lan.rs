//! Nodes on networks that the test makes for itself: namespaces joined by a bridge, so that multicast goes nowhere
//! else. Needs root, `ip` and `nft`, as the installation of the tests' packages does.

use std::process::Output;

use horahora_testnet::cluster::{binary, shared_dir};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// Longest that anything may take.
const TRIES: u32 = 600;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// Two namespaces with an address each on one wire. Gone with the value.
struct Lan {
    names: [String; 2],
}

impl Lan {
    async fn new(name: &str) -> Self {
        let id = format!("horahora-{}-{name}", std::process::id());
        let lan = Self { names: [format!("{id}-a"), format!("{id}-b")] };
        let [a, b] = &lan.names;
        for line in [
            format!("netns add {a}"),
            format!("netns add {b}"),
            // Both ends are made inside, so that two of these at once do not meet.
            format!("-n {a} link add va type veth peer name vb netns {b}"),
            format!("-n {a} addr add 10.77.0.1/24 dev va"),
            format!("-n {b} addr add 10.77.0.2/24 dev vb"),
            format!("-n {a} link set va up"),
            format!("-n {b} link set vb up"),
            format!("-n {a} link set lo up"),
            format!("-n {b} link set lo up"),
            // Multicast needs a way out.
            format!("-n {a} route add default dev va"),
            format!("-n {b} route add default dev vb"),
        ] {
            let done =
                Command::new("ip").args(line.split(' ')).output().await.expect("iproute2 is installed");
            assert!(done.status.success(), "ip {line}: {}", String::from_utf8_lossy(&done.stderr));
        }
        lan
    }

    async fn nft(&self, side: usize, rule: &str) {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names[side], "nft"]).args(rule.split(' '));
        assert!(command.status().await.unwrap().success(), "nft {rule}");
    }

    fn inside(&self, side: usize, data: &TempDir) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names[side]]).arg(binary().unwrap());
        command.arg("--data-dir").arg(data.path());
        command
    }

    /// A node with nothing but its defaults: no peer is named.
    fn start(&self, side: usize, name: &str, data: &TempDir) -> Child {
        let log = std::fs::File::create(data.path().join("log")).unwrap();
        let mut command = self.inside(side, data);
        command.args(["run", "--http", "127.0.0.1:8080", "--name", name, "--tools-dir"]);
        command.arg(shared_dir().unwrap().join("tools")).stderr(log).stdout(std::process::Stdio::null());
        command.kill_on_drop(true).spawn().unwrap()
    }

    /// Waits until a command of a node's own says what `wanted` looks for.
    async fn until(
        &self,
        side: usize,
        data: &TempDir,
        args: &[&str],
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let mut last = None;
        for _ in 0..TRIES {
            let said: Output = self.inside(side, data).arg("--json").args(args).output().await.unwrap();
            if let Ok(value) = serde_json::from_slice::<Value>(&said.stdout) {
                if wanted(&value) {
                    return value;
                }
                last = Some(value);
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!(
            "{args:?} never said it: {last:?}\n{}",
            std::fs::read_to_string(data.path().join("log")).unwrap()
        );
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = std::process::Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

fn follows(name: &'static str) -> impl Fn(&Value) -> bool {
    move |status| {
        let groups = status["node"]["groups"].as_array().cloned().unwrap_or_default();
        groups.iter().any(|group| group["name"] == name && group["role"] == "follower")
    }
}

#[tokio::test]
async fn two_nodes_on_one_network_find_and_follow_each_other_by_themselves() {
    let lan = Lan::new("whole").await;
    let (data_a, data_b) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut a = lan.start(0, "attic", &data_a);
    let mut b = lan.start(1, "cellar", &data_b);
    lan.until(0, &data_a, &["status"], follows("cellar")).await;
    lan.until(1, &data_b, &["status"], follows("attic")).await;
    a.kill().await.unwrap();
    b.kill().await.unwrap();
}

/// The call of a node may come before its word on the network does.
#[tokio::test]
async fn a_node_that_called_before_it_was_heard_of_is_followed_too() {
    let lan = Lan::new("late").await;
    let (data_a, data_b) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    // Questions of RFC 6762 come through, answers (the first bit of the flags) do not.
    lan.nft(0, "add table inet test").await;
    lan.nft(0, "add chain inet test in { type filter hook input priority 0; }").await;
    lan.nft(0, "add rule inet test in udp dport 5353 @th,80,1 1 drop").await;
    let mut a = lan.start(0, "attic", &data_a);
    let mut b = lan.start(1, "cellar", &data_b);
    let connected = lan.until(0, &data_a, &["status"], |status| status["node"]["connected"] == 1).await;
    assert!(!follows("cellar")(&connected), "nobody told it that the other is near");
    lan.until(1, &data_b, &["status"], follows("attic")).await;
    lan.nft(0, "flush ruleset").await;
    lan.until(0, &data_a, &["status"], follows("cellar")).await;
    a.kill().await.unwrap();
    b.kill().await.unwrap();
}
