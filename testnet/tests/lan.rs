//! Nodes on networks that the test makes for itself: namespaces joined by a bridge, so that multicast goes nowhere
//! else. Needs root and `ip`, as the installation of the tests' packages does.

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
    async fn new() -> Self {
        let id = std::process::id();
        let lan = Self { names: [format!("horahora-{id}-a"), format!("horahora-{id}-b")] };
        let [a, b] = &lan.names;
        for line in [
            format!("netns add {a}"),
            format!("netns add {b}"),
            format!("link add va netns {a} type veth peer name vb netns {b}"),
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

#[tokio::test]
async fn two_nodes_on_one_network_find_and_follow_each_other_by_themselves() {
    let lan = Lan::new().await;
    let (data_a, data_b) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut a = lan.start(0, "attic", &data_a);
    let mut b = lan.start(1, "cellar", &data_b);
    let follows = |name: &'static str| {
        move |status: &Value| {
            let groups = status["node"]["groups"].as_array().cloned().unwrap_or_default();
            groups.iter().any(|group| group["name"] == name && group["role"] == "follower")
        }
    };
    lan.until(0, &data_a, &["status"], follows("cellar")).await;
    lan.until(1, &data_b, &["status"], follows("attic")).await;
    a.kill().await.unwrap();
    b.kill().await.unwrap();
}
