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

/// Turns every picture that is scaled into its negative.
const LIES: &str = r#"case "$a" in *scale=*) a="negate,$a" ;; esac"#;
/// Has x264 do what a card of NVIDIA would.
const CARD: &str = r#"case "$a" in
    -rc|-no-scenecut|-forced-idr) n=$((n-1)); shift; continue ;;
    h264_nvenc) a=libx264 ;;
    p5) a=veryfast ;;
  esac"#;
/// A card that encodes the first try, and nothing else.
const TIRED: &str = r#"case "$a" in testsrc2*) try=1 ;; h264_nvenc) [ "$try" ] || exit 1; a=libx264 ;;
    -rc|-no-scenecut|-forced-idr) n=$((n-1)); shift; continue ;;
    p5) a=veryfast ;;
  esac"#;

/// Tools whose ffmpeg does something to each of its arguments, `$a`.
async fn tools_with(dir: &Path, change: &str) {
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
    let changed = copy(&found.ffmpeg);
    std::fs::create_dir_all(venv.join("bin")).unwrap();
    std::fs::rename(&changed, venv.join("bin/real")).unwrap();
    let script = format!(
        "#!/bin/sh\nn=$#\nwhile [ $n -gt 0 ]; do\n  a=\"$1\"; shift; n=$((n-1))\n  {change}\n  set -- \"$@\" \"$a\"\ndone\n\
         exec {}/bin/real \"$@\"\n",
        venv.display()
    );
    std::fs::write(&changed, script).unwrap();
    std::fs::set_permissions(&changed, std::fs::Permissions::from_mode(0o755)).unwrap();
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
    tools_with(&liar, LIES).await;
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
    let done = nodes[0].until("all are made", done).await;
    done.unwrap_or_else(|error| panic!("{error}\n{}\nfast:\n{}", nodes[0].log(), nodes[1].log()));
    let log = nodes[0].log();
    let taken = log.matches("was made by another member").count();
    assert!(taken >= ODD.len() && !log.contains("is made here, too") && !log.contains("is refused"), "{log}");
}

#[tokio::test]
async fn a_graphics_card_makes_what_it_can_and_x264_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let films = dir.path().join("films");
    std::fs::create_dir_all(&films).unwrap();
    film(&films.join("film.mp4")).await;
    let made_by = async |name: &str, change: Option<&str>| {
        let tools = dir.path().join(name);
        let mut options = vec!["--encoders", "1", "--hardware", "nvenc"];
        if let Some(change) = change {
            tools_with(&tools, change).await;
            options.extend(["--tools-dir", tools.to_str().unwrap()]);
        }
        let node = Node::start(&options).await.unwrap();
        node.say(&["group", "create", GROUP]).await.unwrap();
        import(&node, &films).await;
        let made = pictures(&node).await;
        let encoder = node.own("/api/v1/node").await.unwrap()["encoder"].as_str().unwrap().to_owned();
        (encoder, made)
    };
    // No machine that runs this has a card; who asks for one that is not there gets x264.
    let (encoder, alone) = made_by("none", None).await;
    assert_eq!(encoder, "x264");
    let (encoder, made) = made_by("card", Some(CARD)).await;
    assert_eq!(encoder, "nvenc");
    for rendition in &made {
        let copied = rendition.height == 720;
        assert_eq!(
            rendition.recipe.args.contains(&"h264_nvenc".to_owned()),
            !copied,
            "{:?}",
            rendition.recipe
        );
        let same = alone.iter().find(|other| other.id == rendition.id).unwrap();
        assert_eq!((rendition.ticks(), rendition.width), (same.ticks(), same.width));
        assert_eq!(rendition.segments.len(), same.segments.len(), "key frames are where they are asked for");
    }
    let (encoder, made) = made_by("tired", Some(TIRED)).await;
    assert_eq!((encoder.as_str(), made), ("nvenc", alone));
}
