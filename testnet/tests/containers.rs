//! The container files without an engine: docker-compose and hadolint read them, and what they name must be real.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{LazyLock, Mutex, PoisonError},
};

use horahora_testnet::cluster::{binary, shared_dir, tools};
use serde_json::{Value, json};

const NODES: [(&str, u16); 3] = [("hinoki", 8091), ("sugi", 8092), ("tsubaki", 8093)];
const PLUGIN: &str = "testnet/fixture-plugin";

static COMPOSE: LazyLock<Value> = LazyLock::new(|| {
    let yaml = run(Command::new(program("docker-compose")).args(["--file", "docker-compose.yml", "config"]));
    let file = shared_dir().unwrap().join("compose.yml");
    fs::write(&file, yaml).unwrap();
    let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    serde_json::from_str(&run(Command::new(program("python")).args(["-c", script]).arg(file))).unwrap()
});

#[test]
fn compose_starts_three_nodes_of_one_image() {
    let services = COMPOSE["services"].as_object().unwrap();
    let names: BTreeSet<&str> = services.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["fixture", "hinoki", "sugi", "tsubaki"]));
    assert_eq!(services["hinoki"]["build"], build("node"));
    for (name, port) in NODES {
        let node = &services[name];
        assert_eq!(node["image"], "horahora:dev", "{name}");
        assert_eq!(node["ports"], json!([format!("127.0.0.1:{port}:{port}/tcp")]), "{name}");
        let plugin = format!("{}:/fixture-plugin:ro", root().join(PLUGIN).display());
        assert_eq!(node["volumes"], json!([format!("{name}:/data:rw"), plugin]), "{name}");
        let command = words(&node["command"]);
        assert_eq!(command[0], "run", "{name}");
        assert_eq!(value_of(&command, "--name"), Some(name));
        assert_eq!(value_of(&command, "--hosts"), Some(name));
        assert_eq!(value_of(&command, "--http"), Some(format!("0.0.0.0:{port}").as_str()));
        let peer = value_of(&command, "--peer");
        assert_eq!(peer, (name != "hinoki").then_some("/dns4/hinoki/tcp/4150"), "{name}");
        // A login link must work outside, and the name in it inside.
        assert_eq!(node["environment"]["HORAHORA_API"], format!("http://{name}.localhost:{port}"));
        assert_eq!(node["extra_hosts"], json!([format!("{name}.localhost:127.0.0.1")]));
    }
    for follower in ["sugi", "tsubaki"] {
        let follower = &services[follower];
        assert!(follower["build"].is_null() && follower["pull_policy"] == "never", "{follower}");
    }
}

#[test]
fn compose_lets_the_nodes_reach_the_fake_sites() {
    let fixture = &COMPOSE["services"]["fixture"];
    assert_eq!((&fixture["image"], &fixture["build"]), (&json!("horahora-testnet:dev"), &build("testnet")));
    assert!(fixture["ports"].is_null(), "the fake sites are for the nodes only");
    assert_eq!(fixture["volumes"], json!(["samples:/samples:rw"]));
    let command = words(&fixture["command"]);
    assert_eq!(value_of(&command, "--bind"), Some("0.0.0.0"));
    assert_eq!(value_of(&command, "--media"), Some("/samples"));
    assert_eq!(value_of(&command, "--site-port"), Some("9080"));
    let proxy = format!("http://fixture:{}", value_of(&command, "--proxy-port").unwrap());
    for (name, _) in NODES {
        let environment = &COMPOSE["services"][name]["environment"];
        assert_eq!(environment["HORAHORA_PROXY"], proxy);
        let arguments = environment["HORAHORA_YTDLP_ARGS"].as_str().unwrap();
        assert_eq!(arguments, "--no-check-certificates --plugin-dirs /fixture-plugin");
        assert_eq!(environment["HORAHORA_ALLOW_PRIVATE_SOURCES"], "true");
    }
    assert!(root().join(PLUGIN).join("horahora_fixture/yt_dlp_plugins/extractor/fixtube.py").exists());
    let volumes: BTreeSet<&String> = COMPOSE["volumes"].as_object().unwrap().keys().collect();
    assert_eq!(Vec::from_iter(volumes), ["hinoki", "samples", "sugi", "tsubaki"]);
}

#[test]
fn compose_and_image_use_real_options() {
    let run_help = run(Command::new(binary().unwrap()).args(["run", "--help"]));
    let testnet = env!("CARGO_BIN_EXE_testnet");
    let fixture_help = run(Command::new(testnet).args(["fixture", "--help"]));
    for (name, service) in COMPOSE["services"].as_object().unwrap() {
        let help = if name == "fixture" { &fixture_help } else { &run_help };
        for flag in words(&service["command"]).into_iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(&format!(" {flag}")), "{name} is given {flag}, which is no option");
        }
        for (variable, _) in service["environment"].as_object().into_iter().flatten() {
            assert!(help.contains(&format!("[env: {variable}=")), "{name} is given {variable}");
        }
    }
    let environment: Vec<String> =
        instructions().into_iter().filter_map(|line| argument(&line, "ENV")).collect();
    let names: Vec<&str> = environment
        .iter()
        .flat_map(|line| line.split_whitespace())
        .filter_map(|pair| pair.split('=').next())
        .collect();
    assert_eq!(names, ["HORAHORA_DATA_DIR", "HORAHORA_TOOLS_DIR", "HORAHORA_HTTP"]);
    for name in names {
        assert!(
            run_help.contains(&format!("[env: {name}=")),
            "node/Dockerfile sets {name}, which is no option"
        );
    }
}

#[test]
fn the_image_is_made_of_what_is_there() {
    let text = fs::read_to_string(root().join("node/Dockerfile")).unwrap();
    assert!(!text.contains("latest"), "node/Dockerfile pins every image");
    let ignore = fs::read_to_string(root().join(".dockerignore")).unwrap();
    let mut stages: Vec<String> = vec![];
    for line in instructions() {
        if let Some(from) = argument(&line, "FROM") {
            let (image, stage) = from.split_once(" AS ").expect("every stage has a name");
            let pinned = image.split_once(':').is_some_and(|(_, tag)| tag.contains("bookworm"));
            assert!(
                pinned || stages.iter().any(|stage| stage == image),
                "{image} is no stage and not pinned"
            );
            stages.push(stage.to_owned());
        }
        let Some(copy) = argument(&line, "COPY") else { continue };
        let mut words: Vec<&str> = copy.split_whitespace().collect();
        if let Some(stage) = words[0].strip_prefix("--from=") {
            assert!(stages.iter().any(|known| known == stage), "{line}: {stage} is no earlier stage");
            continue;
        }
        words.pop();
        for source in words {
            assert!(root().join(source).exists(), "{line}: {source} is not there");
            let top = source.split('/').next().unwrap();
            assert!(ignore.contains(&format!("\n!{top}\n")), ".dockerignore keeps {source} out");
        }
    }
    assert_eq!(stages, ["npm", "base", "build", "tools", "testnet", "node"]);
}

#[test]
fn the_image_is_written_as_usual() {
    run(Command::new(program("hadolint")).args(["--no-color", "node/Dockerfile"]));
}

#[tokio::test]
async fn tools_are_installed_by_command() {
    tools().await.unwrap();
    let dir = shared_dir().unwrap().join("tools");
    let ask = |dir: &Path| {
        let mut horahora = Command::new(binary().unwrap());
        horahora.args(["tools", "--json", "--tools-dir"]).arg(dir).output().unwrap()
    };
    let said: Value = serde_json::from_slice(&ask(&dir).stdout).unwrap();
    assert_eq!(said["dir"].as_str().map(Path::new), Some(dir.as_path()));
    for tool in horahora::tools::NAMES {
        assert!(said["versions"][tool].is_string(), "{said}");
    }
    let refused = ask(Path::new("/dev/null/tools"));
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && complaint.contains("cannot be made"), "{complaint}");
    assert!(!complaint.contains("Tried again"), "a command does not try again: {complaint}");
}

fn build(target: &str) -> Value {
    json!({ "context": root(), "dockerfile": "node/Dockerfile", "target": target })
}

/// The Dockerfile's instructions, each on one line.
fn instructions() -> Vec<String> {
    let text = fs::read_to_string(root().join("node/Dockerfile")).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines.join("\n").replace("\\\n", " ").lines().map(str::to_owned).collect()
}

fn argument(line: &str, instruction: &str) -> Option<String> {
    Some(line.strip_prefix(instruction)?.strip_prefix(' ')?.trim().to_owned())
}

fn words(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

fn value_of<'a>(command: &[&'a str], flag: &str) -> Option<&'a str> {
    command.iter().position(|word| *word == flag).map(|at| command[at + 1])
}

/// A program of testnet/requirements.txt, installed at the first call.
fn program(name: &str) -> PathBuf {
    environment("compose", "testnet/requirements.txt").join(name)
}

/// The programs of a virtual environment with what a file lists, made at the first call.
pub(crate) fn environment(name: &str, list: &str) -> PathBuf {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let venv = shared_dir().unwrap().join(format!("{name}-venv"));
    let (wanted, marker) = (root().join(list), venv.join("installed"));
    let list = fs::read_to_string(&wanted).unwrap();
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == list) {
        return venv.join("bin");
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
    let pip =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"];
    run(Command::new(venv.join("bin/python")).args(pip).arg(&wanted));
    fs::write(marker, list).unwrap();
    venv.join("bin")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn run(command: &mut Command) -> String {
    let output = command.current_dir(root()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (said, complaint) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {said}{complaint}");
    said
}
