//! Members make renditions for each other, and believe none that they did not look at.

use std::{os::unix::fs::PermissionsExt, path::Path};

use horahora_protocol::manifest::{Manifest, Rendition};
use horahora_testnet::cluster::{Node, tools};
use serde_json::json;
use tokio::process::Command;

use crate::claims::{GROUP, gather};

/// A film of which two smaller pictures are made, with something to see in each part.
async fn film(path: &Path) {
    make(path, "testsrc2=s=1280x720:r=25:d=20", "-g 100 -preset ultrafast -pix_fmt yuv420p").await;
}

async fn make(path: &Path, picture: &str, how: &str) {
    let ffmpeg = tools().await.unwrap().ffmpeg;
    let inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=d=20", "-c:a", "aac", "-shortest"];
    let done = Command::new(&ffmpeg)
        .args(["-nostdin", "-v", "error"])
        .args(inputs)
        .args(how.split_whitespace())
        .arg(path)
        .output()
        .await
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Films that are hard to compare: times that begin anywhere, frames that come unequally fast, lines, brightness, noise.
const ODD: [(&str, &str, &str); 8] = [
    (
        "bright.mkv",
        "testsrc2=s=1280x720:r=25:d=6",
        "-vf setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv,format=yuv420p10le -c:v libx265 -preset ultrafast -x265-params log-level=error",
    ),
    ("fast.mp4", "testsrc2=s=1280x720:r=120:d=4", "-preset ultrafast -g 240 -pix_fmt yuv420p"),
    (
        "late.ts",
        "testsrc2=s=854x480:r=30000/1001:d=6",
        "-preset ultrafast -g 60 -pix_fmt yuv420p -output_ts_offset 95001",
    ),
    (
        "lines.ts",
        "testsrc2=s=720x576:r=25:d=6",
        "-vf setfield=tff -c:v mpeg2video -b:v 4M -flags +ilme+ildct",
    ),
    (
        "noise.mkv",
        "color=gray:s=854x480:r=25:d=6,noise=alls=60:allf=t",
        "-preset ultrafast -g 50 -pix_fmt yuv420p",
    ),
    ("slow.mkv", "testsrc2=s=854x480:r=1/2:d=20", "-preset ultrafast -g 2 -pix_fmt yuv420p"),
    ("turning.mp4", "testsrc2=s=854x480:r=25:d=6,rotate=t*5", "-preset ultrafast -g 50 -pix_fmt yuv420p"),
    (
        "uneven.mkv",
        "testsrc2=s=854x480:r=25:d=6",
        "-vf select='not(eq(mod(n,5),3))+lt(n,20)' -fps_mode vfr -c:v mpeg4 -b:v 4M",
    ),
];

/// Tools whose ffmpeg turns every picture that it scales into its negative.
async fn lying_tools(dir: &Path) {
    let found = tools().await.unwrap();
    let real = found.bin.parent().unwrap();
    let venv = dir.join(real.file_name().unwrap());
    let copy = |path: &Path| {
        let to = venv.join(path.strip_prefix(real).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(path, &to).unwrap();
        to
    };
    copy(&real.join("installed.json"));
    copy(&found.ffprobe);
    let lying = copy(&found.ffmpeg);
    std::fs::create_dir_all(venv.join("bin")).unwrap();
    std::fs::rename(&lying, venv.join("bin/honest")).unwrap();
    let script = format!(
        "#!/bin/sh\nn=$#\nwhile [ $n -gt 0 ]; do\n  case \"$1\" in *scale=*) a=\"negate,$1\" ;; *) a=\"$1\" ;; esac\n  \
         shift; set -- \"$@\" \"$a\"; n=$((n-1))\ndone\nexec {}/bin/honest \"$@\"\n",
        venv.display()
    );
    std::fs::write(&lying, script).unwrap();
    std::fs::set_permissions(&lying, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Imports the film at a node, for its group.
async fn import(node: &Node, dir: &Path) {
    let group = node.group(GROUP).await.unwrap()["id"].clone();
    let answer = node.post("/api/v1/imports", &json!({ "dir": dir, "group": group })).await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

/// The pictures of the only video, once all are made, by their names.
async fn pictures(node: &Node) -> Vec<Rendition> {
    let mut found = Vec::new();
    let all = async || {
        let videos = node.own("/api/v1/videos").await?;
        let Some(cid) = videos["items"][0]["manifest"].as_str() else { return Ok(false) };
        let manifest = Manifest::decode(&node.bytes(&format!("/blobs/{cid}")).await?)?;
        found = manifest.renditions.into_iter().filter(|made| made.id.starts_with('v')).collect();
        Ok(found.len() == 3)
    };
    node.until("all pictures are made", all).await.unwrap_or_else(|error| panic!("{error}\n{}", node.log()));
    found
}

#[tokio::test]
async fn who_does_not_encode_has_it_done_by_the_others() {
    let dir = tempfile::tempdir().unwrap();
    film(&dir.path().join("film.mp4")).await;
    let nodes = [
        Node::start(&["--encoders", "0", "--name", "slow"]).await.unwrap(),
        Node::start(&["--encoders", "1", "--name", "fast"]).await.unwrap(),
    ];
    gather(&nodes).await;
    import(&nodes[0], dir.path()).await;
    let made = pictures(&nodes[0]).await;
    for rung in ["v240", "v480"] {
        assert!(nodes[0].log().contains(&format!("{rung}\" node=")), "{rung}\n{}", nodes[0].log());
    }
    // What others make is what one alone makes: the recipe says every bit of it.
    let alone = Node::start(&["--encoders", "1"]).await.unwrap();
    alone.say(&["group", "create", GROUP]).await.unwrap();
    import(&alone, dir.path()).await;
    assert_eq!(pictures(&alone).await, made);
    // The helper keeps the manifest's copy of its work, and nothing is left to do, there and here.
    assert_eq!(pictures(&nodes[1]).await, made);
    for node in &nodes {
        let idle =
            async || Ok(node.own("/api/v1/jobs").await?["items"].as_array().is_some_and(Vec::is_empty));
        node.until("no job is open", idle).await.unwrap();
        assert_eq!(std::fs::read_dir(node.data().join("jobs")).unwrap().count(), 0);
    }
    let videos = nodes[0].own("/api/v1/videos").await.unwrap();
    assert_eq!(videos["items"][0]["state"], "done");
    nodes[0].play_through(&videos["items"][0]).await.unwrap();
}

#[tokio::test]
async fn what_shows_something_else_is_refused_and_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let (films, liar) = (dir.path().join("films"), dir.path().join("tools"));
    std::fs::create_dir_all(&films).unwrap();
    film(&films.join("film.mp4")).await;
    lying_tools(&liar).await;
    let nodes = [
        Node::start(&["--encoders", "0", "--name", "slow"]).await.unwrap(),
        Node::start(&["--encoders", "1", "--name", "liar", "--tools-dir", liar.to_str().unwrap()])
            .await
            .unwrap(),
    ];
    gather(&nodes).await;
    import(&nodes[0], &films).await;
    let made = pictures(&nodes[0]).await;
    let log = nodes[0].log();
    assert!(log.contains("is refused: segment"), "{log}");
    let node = nodes[0].own("/api/v1/nodes").await.unwrap();
    assert!(node["refusals"]["wrong-rendition"].as_u64() >= Some(1), "{node}");
    let alone = Node::start(&["--encoders", "1"]).await.unwrap();
    alone.say(&["group", "create", GROUP]).await.unwrap();
    import(&alone, &films).await;
    assert_eq!(pictures(&alone).await, made);
}

#[tokio::test]
async fn what_an_honest_member_made_is_believed_whatever_the_film() {
    let dir = tempfile::tempdir().unwrap();
    for (name, picture, how) in ODD {
        make(&dir.path().join(name), picture, how).await;
    }
    let nodes = [
        Node::start(&["--encoders", "0", "--name", "slow"]).await.unwrap(),
        Node::start(&["--encoders", "2", "--name", "fast"]).await.unwrap(),
    ];
    gather(&nodes).await;
    import(&nodes[0], dir.path()).await;
    let done = async || {
        let videos = nodes[0].own("/api/v1/videos").await?;
        let items = videos["items"].as_array().unwrap();
        Ok(items.len() == ODD.len() && items.iter().all(|video| video["state"] == "done"))
    };
    nodes[0].until("all are made", done).await.unwrap_or_else(|error| panic!("{error}\n{}", nodes[0].log()));
    let log = nodes[0].log();
    let taken = log.matches("was made by another member").count();
    assert!(taken >= ODD.len() && !log.contains("is made here, too") && !log.contains("is refused"), "{log}");
}
