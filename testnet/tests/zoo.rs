//! Files as real archives hold them: each plays as it is, or says why not. What is made is held against the source by
//! ffprobe.

use std::{collections::BTreeSet, path::Path};

use horahora::{media::probe::Packets, tools::Toolset};
use horahora_testnet::{
    cluster::{Node, shared_dir, tools},
    zoo::{self, Animal, Expected},
};
use serde_json::Value;
use tokio::process::Command;

/// A sound may be longer by what its encoder puts before and behind it, and by one frame of another length.
const SOUND_S: f64 = 0.15;

#[tokio::test]
async fn every_odd_file_plays_as_it_is_or_says_why_not() {
    let tools = tools().await.unwrap();
    let (dir, ffmpeg) = (shared_dir().unwrap().join("zoo"), tools.ffmpeg.clone());
    let folder = tokio::task::spawn_blocking(move || zoo::make(&dir, &ffmpeg)).await.unwrap().unwrap();
    let node = Node::start(&[]).await.unwrap();
    node.cli(&["import", folder.to_str().unwrap()]).await.unwrap();
    let nothing_open = async || {
        let jobs = node.own("/api/v1/jobs").await?;
        Ok(jobs["items"].as_array().is_some_and(Vec::is_empty))
    };
    node.until_within(5 * horahora_testnet::cluster::DEADLINE, "everything is made", nothing_open)
        .await
        .unwrap();
    let videos = node.own("/api/v1/videos?limit=200").await.unwrap();
    let mut wrong = Vec::new();
    for animal in zoo::animals() {
        let url = format!("file:{}", animal.file);
        let of_it = |video: &&Value| video["url"] == url.as_str();
        let Some(video) = videos["items"].as_array().unwrap().iter().find(of_it) else {
            wrong.push(format!("{}: not listed", animal.file));
            continue;
        };
        if let Err(why) = check(&node, &tools, &folder, animal, video).await {
            wrong.push(format!("{}: {why}", animal.file));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), node.log());
    assert_eq!(left_over(&node.data().join("jobs")), Vec::<String>::new(), "no file is left behind");
}

async fn check(
    node: &Node,
    tools: &Toolset,
    folder: &Path,
    animal: Animal,
    video: &Value,
) -> Result<(), String> {
    let (names, cut) = match animal.expected {
        Expected::Fails(code) => {
            let stands = (video["state"].as_str(), video["code"].as_str());
            return is("its state", stands, (Some("failed"), Some(code)));
        }
        Expected::Whole(names) => (names, false),
        Expected::Cut(names) => (names, true),
    };
    is("its state", video["state"].as_str(), Some("done"))?;
    if animal.file.starts_with("cover") || animal.file.starts_with("h") {
        is("having a poster", video["poster"].is_string(), true)?;
    }
    let id = video["id"].as_str().unwrap().replace(':', "%3A");
    let seen = node.own(&format!("/api/v1/videos/{id}")).await.unwrap();
    let made = seen["renditions"].as_array().unwrap();
    let found: BTreeSet<_> = made.iter().map(|r| r["id"].as_str().unwrap()).collect();
    is("its renditions", found, names.split(' ').collect())?;
    for rendition in made {
        let id = rendition["id"].as_str().unwrap();
        is("missing its end", rendition["missing_ms"].as_u64() > Some(0), cut)?;
        let picture = rendition["kind"] == "video";
        let kind = if picture { "v" } else { "a" };
        let url = node.url(&format!("/media/{}/{id}/playlist.m3u8", seen["manifest"].as_str().unwrap()));
        let here = Stream::of(tools, &url, kind).await.ok_or(format!("{id} cannot be read"))?;
        let source = folder.join(animal.file);
        let there =
            Stream::of(tools, source.to_str().unwrap(), kind).await.ok_or("the source cannot be read")?;
        if picture {
            here.shows(&there, cut).map_err(|why| format!("{id}: {why}"))?;
        } else if !cut && (here.seconds - there.seconds - there.start).abs() > SOUND_S {
            return Err(format!("{id} lasts {} s, the source's sound {} s", here.seconds, there.seconds));
        }
    }
    Ok(())
}

/// A stream as ffprobe sees it.
#[derive(Debug)]
struct Stream {
    frames: u64,
    /// From its first frame to the end of its last one.
    seconds: f64,
    /// After the beginning of the file.
    start: f64,
    /// Of the longest frame.
    frame: f64,
    /// Frames a second on average.
    rate: f64,
    aspect: f64,
    transfer: String,
}

impl Stream {
    async fn of(tools: &Toolset, input: &str, kind: &str) -> Option<Self> {
        let first = format!("{kind}:0");
        let ask = async |frames: &str| {
            let entries = format!(
                "format=start_time:stream=width,height,sample_aspect_ratio,avg_frame_rate,color_transfer:\
                 stream_side_data=rotation:{frames}=pts_time,duration_time,best_effort_timestamp_time"
            );
            let args = ["-v", "quiet", "-of", "json", "-select_streams", &first, "-show_entries", &entries];
            let said = Command::new(&tools.ffprobe).args(args).arg(input).output().await.unwrap();
            serde_json::from_slice::<Value>(&said.stdout).ok()
        };
        let mut said = ask("frame").await?;
        if said["frames"].as_array().is_none_or(Vec::is_empty) {
            // It cannot decode AV1.
            said = ask("packet").await?;
            said["frames"] = said["packets"].take();
        }
        let number = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok());
        let stream = &said["streams"][0];
        let frames = said["frames"].as_array()?;
        let at = |frame: &Value| {
            number(&frame["best_effort_timestamp_time"]).or_else(|| number(&frame["pts_time"]))
        };
        let times: Vec<f64> = frames.iter().filter_map(at).collect();
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        let last = frames.last().and_then(|frame| number(&frame["duration_time"])).unwrap_or(0.0);
        let (begin, end) = (*times.first()?, times.last()? + last);
        let ratio = |key: &str, between: char| {
            let (n, d) = stream[key].as_str()?.split_once(between)?;
            let (n, d): (f64, f64) = (n.parse().ok()?, d.parse().ok()?);
            (n > 0.0 && d > 0.0).then_some(n / d)
        };
        let turned = stream["side_data_list"][0]["rotation"].as_f64().unwrap_or(0.0).abs() % 180.0 == 90.0;
        let shape = stream["width"].as_f64().unwrap_or(0.0) / stream["height"].as_f64().unwrap_or(1.0)
            * ratio("sample_aspect_ratio", ':').unwrap_or(1.0);
        Some(Self {
            frames: frames.len() as u64,
            seconds: end - begin,
            start: begin - number(&said["format"]["start_time"]).unwrap_or(begin),
            frame: gaps.fold(last, f64::max),
            rate: ratio("avg_frame_rate", '/').unwrap_or(0.0),
            aspect: if turned { 1.0 / shape } else { shape },
            transfer: stream["color_transfer"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// Whether this, made of `source`, shows the same.
    fn shows(&self, source: &Self, cut: bool) -> Result<(), String> {
        // What begins later than the sound shows its first frame until then; too fast for a screen is made slower.
        let (even, faster) = (source.frame < 1.5 / source.rate, source.rate > 120.0);
        let before = if even { (source.start * source.rate).round() as u64 } else { 0 };
        let frames = if faster { (source.seconds * 60.0).round() as u64 } else { source.frames + before };
        let slack = u64::from(faster || before > 0 || cut);
        if self.frames.abs_diff(frames) > slack {
            return Err(format!("{} frames, not {frames}: {self:?}, {source:?}", self.frames));
        }
        let (length, wanted) = (self.start + self.seconds, source.start + source.seconds);
        if (length - wanted).abs() > source.frame.max(self.frame) + 1e-3 {
            return Err(format!("{length} s, not {wanted}"));
        }
        if (self.aspect / source.aspect - 1.0).abs() > 0.02
            && source.aspect * source.aspect > 0.0
            && self.aspect != 1.0
        {
            return Err(format!("shape {}, not {}", self.aspect, source.aspect));
        }
        let bright = |transfer: &str| matches!(transfer, "smpte2084" | "arib-std-b67");
        if bright(&self.transfer) {
            return Err("it is too bright for most screens".to_owned());
        }
        Ok(())
    }
}

fn is<T: PartialEq + std::fmt::Debug>(what: &str, found: T, wanted: T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{what} is {found:?}, not {wanted:?}")) }
}

/// Files below a folder but for the journals, which say what an interrupted run kept.
pub(crate) fn left_over(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut all = Vec::new();
    for entry in entries.flatten() {
        if entry.path().is_dir() {
            all.extend(left_over(&entry.path()));
        } else if entry.file_name() != "blobs.log" {
            all.push(entry.path().display().to_string());
        }
    }
    all
}

/// What the index of a file says of its picture is what ffprobe finds by reading all of it, or is not taken.
#[tokio::test]
async fn an_index_says_what_reading_the_whole_file_says() {
    let tools = tools().await.unwrap();
    let (dir, ffmpeg) = (shared_dir().unwrap().join("zoo"), tools.ffmpeg.clone());
    let folder = tokio::task::spawn_blocking(move || zoo::make(&dir, &ffmpeg)).await.unwrap().unwrap();
    let edited = tempfile::tempdir().unwrap();
    let whole = edited.path().join("whole.mp4");
    let film = "-f lavfi -i testsrc2=s=320x240:r=30000/1001:d=9 -f lavfi -i sine=d=9 -shortest \
                -c:v libx264 -g 45 -bf 3 -pix_fmt yuv420p -c:a aac";
    let from = whole.to_str().unwrap();
    let cuts = [
        (from.to_owned(), film.to_owned()),
        ("cut-between-key-frames.mp4".to_owned(), format!("-ss 2.2 -i {from} -c copy")),
        ("ends-early.mp4".to_owned(), format!("-i {from} -t 4 -c copy")),
        ("begins-late.mp4".to_owned(), format!("-itsoffset 2 -i {from} -i {from} -map 0:v -map 1:a -c copy")),
        ("no-edits.mp4".to_owned(), format!("-i {from} -c copy -use_editlist 0")),
        ("signed-offsets.mp4".to_owned(), format!("-i {from} -c copy -movflags +negative_cts_offsets")),
        ("header-first.mp4".to_owned(), format!("-i {from} -c copy -movflags +faststart")),
        ("pieces.mp4".to_owned(), format!("-i {from} -c copy -movflags +frag_keyframe+empty_moov")),
        ("quicktime.mov".to_owned(), format!("-i {from} -c copy")),
    ];
    for (name, args) in &cuts {
        let done = Command::new(&tools.ffmpeg)
            .args(["-nostdin", "-v", "error"])
            .args(args.split_whitespace())
            .arg(edited.path().join(name))
            .output();
        let done = done.await.unwrap();
        assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let missing_end = edited.path().join("missing-end.mp4");
    let bytes = std::fs::read(edited.path().join("header-first.mp4")).unwrap();
    std::fs::write(&missing_end, &bytes[..bytes.len() * 2 / 3]).unwrap();

    let mut by_index = BTreeSet::new();
    for file in [folder.as_path(), edited.path()].into_iter().flat_map(|dir| std::fs::read_dir(dir).unwrap())
    {
        let file = file.unwrap().path();
        let Some(indexed) = Packets::indexed(&file).await else { continue };
        let look = Command::new(&tools.ffprobe)
            .args(["-v", "error", "-select_streams", "V:0"])
            .args(Packets::ASKED)
            .arg(&file)
            .output();
        let listed = Packets::read(&String::from_utf8_lossy(&look.await.unwrap().stdout));
        assert_eq!(indexed.timing_after(0.0), listed.timing_after(0.0), "{}", file.display());
        by_index.insert(file.file_name().unwrap().to_string_lossy().into_owned());
    }
    for name in ["whole.mp4", "header-first.mp4", "no-edits.mp4", "signed-offsets.mp4"] {
        assert!(by_index.contains(name), "{name} is not read by its index: {by_index:?}");
    }
    for name in ["pieces.mp4", "missing-end.mp4", "quicktime.mov", "cut-between-key-frames.mp4"] {
        assert!(!by_index.contains(name), "{name}");
    }
    println!("{} by their index: {by_index:?}", by_index.len());
}
