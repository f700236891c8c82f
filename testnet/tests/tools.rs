//! yt-dlp is kept up to date, never by a version that does not work, and what broke is mended.

use std::path::{Path, PathBuf};

use horahora_testnet::cluster::{Node, binary, fixture, shared_dir, tools};
use tempfile::TempDir;
use tokio::process::Command;

/// A tools folder of its own that uses the shared environment.
async fn folder() -> (TempDir, PathBuf) {
    let python = tools().await.unwrap().python;
    let venv = python.parent().and_then(Path::parent).unwrap();
    assert!(venv.starts_with(shared_dir().unwrap()));
    let dir = TempDir::with_prefix("horahora-tools-").unwrap();
    std::os::unix::fs::symlink(venv, dir.path().join(venv.file_name().unwrap())).unwrap();
    (dir, python)
}

async fn version(node: &Node) -> String {
    let seen = node.get("/api/v1/node").await.unwrap();
    seen["tools"]["yt-dlp"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_yt_dlp_that_broke_is_left_for_the_last_good_one() {
    let fixture = fixture().await.unwrap();
    let (dir, _) = folder().await;
    let pinned = tools().await.unwrap().versions["yt-dlp"].clone();
    let broken = dir.path().join("yt-dlp-2099.1.1/yt_dlp");
    std::fs::create_dir_all(&broken).unwrap();
    std::fs::write(broken.join("version.py"), "__version__ = '2099.1.1'\n").unwrap();
    std::fs::write(broken.join("__init__.py"), "raise ImportError('half of an update')\n").unwrap();
    std::fs::write(dir.path().join("yt-dlp-current"), "2099.1.1").unwrap();
    let (proxy, args) = (fixture.proxy(), format!("--ytdlp-args={}", fixture.ytdlp_args()));
    let tools_dir = dir.path().to_str().unwrap();
    let options = ["--allow-private-sources", "--proxy", &proxy, &args, "--tools-dir", tools_dir];
    let node = Node::start(&options).await.unwrap();
    node.until("the tools are looked at", async || Ok(!version(&node).await.is_empty())).await.unwrap();
    assert_eq!(version(&node).await, "2099.1.1");
    let made = node.archive(&format!("{}/fixtube/watch/fx1", fixture.site())).await.unwrap();
    assert_eq!(made[0]["state"], "done", "{}", node.log());
    assert_eq!(version(&node).await, pinned);
    assert!(!dir.path().join("yt-dlp-current").exists());
}

#[tokio::test]
async fn a_newer_yt_dlp_is_used_once_it_passed_its_check() {
    let fixture = fixture().await.unwrap();
    let (dir, python) = folder().await;
    let pinned = tools().await.unwrap().versions["yt-dlp"].clone();
    let wheels = TempDir::with_prefix("horahora-wheels-").unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wheels.py");
    let made = Command::new(&python).arg(script).arg(wheels.path()).args(["2098.1.1", "2099.1.1"]).output();
    let made = made.await.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // The data folder is not touched by this command.
    let update = async || {
        let mut command = Command::new(binary().unwrap());
        command.arg("--data-dir").arg(dir.path().join("data")).args(["tools", "--update", "--tools-dir"]);
        command.arg(dir.path()).env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", wheels.path());
        let said = command.output().await.unwrap();
        let text =
            [said.stdout, said.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        (said.status.success(), text)
    };
    let (went, said) = update().await;
    assert!(!went && said.contains("yt-dlp 2099.1.1 did not pass its check"), "{said}");
    assert!(said.contains("changed"), "it says why: {said}");
    assert_eq!(horahora::tools::find(dir.path()).unwrap().versions["yt-dlp"], pinned);
    for name in ["yt_dlp", "yt_dlp_ejs"] {
        std::fs::remove_file(wheels.path().join(format!("{name}-2099.1.1-py3-none-any.whl"))).unwrap();
    }
    let (went, said) = update().await;
    assert!(went && said.contains("2098.1.1"), "{said}");
    // A node uses it, and says so in what it makes.
    let (proxy, args) = (fixture.proxy(), format!("--ytdlp-args={}", fixture.ytdlp_args()));
    let tools_dir = dir.path().to_str().unwrap();
    let options = ["--allow-private-sources", "--proxy", &proxy, &args, "--tools-dir", tools_dir];
    let node = Node::start(&options).await.unwrap();
    let made = node.archive(&format!("{}/fixtube/watch/fx1", fixture.site())).await.unwrap();
    let video =
        node.own(&format!("/api/v1/videos/{}", made[0]["id"].as_str().unwrap().replace(':', "%3A"))).await;
    assert_eq!(video.unwrap()["captures"][0]["tools"]["yt-dlp"], "2098.1.1");
}

#[tokio::test]
async fn a_node_whose_program_was_replaced_on_the_disk_goes_on() {
    let fixture = fixture().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("horahora");
    std::fs::copy(binary().unwrap(), &copy).unwrap();
    let args = format!("--ytdlp-args={}", fixture.ytdlp_args());
    let node = Node::start_in(dir.path(), &["--allow-private-sources", &args]).await.unwrap();
    // As an upgrade does. The node starts itself to confine ffmpeg.
    std::fs::remove_file(&copy).unwrap();
    let videos = node.archive(&format!("{}/fixtube/watch/fx1", fixture.site())).await.unwrap();
    assert_eq!(videos[0]["state"], "done");
}
