//! How fast the pages of a large catalogue are: one node with many videos, asked by an open loop (requests begin by the clock,
//! whether earlier ones were answered or not), beside an empty handler of the same node.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use futures::future::join_all;
use horahora::{
    clock,
    store::{
        Batch, Store,
        rows::{CREATORS, State, VIDEOS, VIDEOS_BY_AGE, VideoRow, aged_key, creator_video_key},
    },
};
use horahora_protocol::{Timestamp, VideoId};
use reqwest::Client;
use serde::Serialize;
use serde_json::json;
use tempfile::TempDir;

use crate::cluster::{Node, fixture, shared_dir};

/// Videos that are written at once.
const PORTION: usize = 2_000;
const TAGS: usize = 5_000;
const CREATORS_OF: usize = 20_000;
/// Milliseconds of 2008-01-01 and of 18 years.
const BEGUN: u64 = 1_199_145_600_000;
const YEARS: u64 = 18 * 365 * 86_400_000;
const INDEXED: Duration = Duration::from_secs(600);

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct PageOptions {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Videos of the catalogue
    #[arg(long, default_value_t = 200_000)]
    videos: usize,
    /// Requests a second
    #[arg(long, default_value_t = 200)]
    rate: u64,
    /// Seconds for each kind of page
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

/// One kind of page.
#[derive(Debug, Serialize)]
pub(super) struct Kind {
    name: &'static str,
    p50_ms: f64,
    p95_ms: f64,
    /// p95 beside that of the empty handler.
    ratio: f64,
}

/// All figures.
#[derive(Debug, Serialize)]
pub struct PageFigures {
    videos: usize,
    rate: u64,
    kinds: Vec<Kind>,
    indexed_s: f64,
    rss_mib: f64,
}

impl fmt::Display for PageFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} videos, {} requests a second, open loop", self.videos, self.rate)?;
        for Kind { name, p50_ms, p95_ms, ratio } in &self.kinds {
            writeln!(f, "{name}: p50 {p50_ms:.2} ms, p95 {p95_ms:.2} ms, {ratio:.1} x an empty handler")?;
        }
        writeln!(f, "indexed in {:.1} s; memory of the node {:.0} MiB", self.indexed_s, self.rss_mib)
    }
}

/// Measures.
///
/// # Errors
/// When a part does not come to its end.
pub async fn page(options: &PageOptions) -> Result<PageFigures> {
    let mut node = Node::start(&["--encoders", "0"]).await?;
    let sample = sample(&node).await?;
    node.stop().await?;
    fill(&node.data().join("db"), &sample, options.videos)?;
    let begun = clock::now();
    node.restart().await?;
    let all = async || Ok(node.own("/api/v1/search").await?["total"] == options.videos + 1);
    node.until_within(INDEXED, "all videos are found", all).await?;
    let indexed_s = clock::now().ms_since(begun) as f64 / 1000.0;

    let mut rng = Rng::with_seed(7);
    let encoded = |text: String| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let paths: [(&'static str, Vec<String>); 7] = [
        ("empty handler", vec!["/healthz".to_owned()]),
        ("home", vec!["/".to_owned()]),
        ("search", (0..200).map(|_| format!("/search?q={}", encoded(words(&mut rng, 2)))).collect()),
        (
            "search by one word",
            (0..200).map(|_| format!("/search?q={}", encoded(words(&mut rng, 1)))).collect(),
        ),
        (
            "tag",
            (0..200)
                .map(|_| format!("/search?q=tag%3A{}&sort=newest", encoded(tag(zipf(&mut rng, TAGS)))))
                .collect(),
        ),
        (
            "creator",
            (0..200).map(|_| format!("/creators/niconico/u{}", zipf(&mut rng, CREATORS_OF))).collect(),
        ),
        ("watch", (0..200).map(|_| format!("/watch/niconico%3Asm{}", rng.usize(..options.videos))).collect()),
    ];
    let mut kinds: Vec<Kind> = Vec::new();
    for (name, paths) in paths {
        let (p50_ms, p95_ms) = load(&node, paths, options).await.with_context(|| name.to_owned())?;
        let ratio = p95_ms / kinds.first().map_or(p95_ms, |empty| empty.p95_ms);
        kinds.push(Kind { name, p50_ms, p95_ms, ratio });
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid().context("the node runs")?))?;
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a line of /proc")?;
    let kib: f64 = rss.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(PageFigures { videos: options.videos, rate: options.rate, kinds, indexed_s, rss_mib: kib / 1024.0 })
}

/// A captured video, so that all have a manifest that is there.
async fn sample(node: &Node) -> Result<VideoRow> {
    fixture().await?;
    let dir = TempDir::with_prefix("horahora-bench-")?;
    std::fs::copy(shared_dir()?.join("media/mini.mp4"), dir.path().join("film.mp4"))?;
    node.post("/api/v1/imports", &json!({ "dir": dir.path() })).await?;
    let there = async || Ok(node.own("/api/v1/videos").await?["items"][0]["state"] == "done");
    node.until("a video is there", there).await?;
    let id: VideoId =
        node.own("/api/v1/videos").await?["items"][0]["id"].as_str().context("an id")?.parse()?;
    // The database is the node's while it runs.
    let manifest = node.own("/api/v1/videos").await?["items"][0]["manifest"].clone();
    let video = node.own(&format!("/api/v1/videos/{}", id.in_path())).await?;
    let capture = video["captures"][0]["id"].as_str().context("a capture")?.parse()?;
    let mut row = VideoRow::queued(id, String::new(), "https://example.com/".to_owned(), clock::now());
    (row.manifest, row.capture) = (Some(manifest.as_str().context("a manifest")?.parse()?), Some(capture));
    (row.state, row.poster, row.duration_ms) = (State::Done, true, 3_000);
    Ok(row)
}

fn fill(db: &Path, sample: &VideoRow, videos: usize) -> Result<()> {
    let (store, mut rng) = (Store::open(db)?, Rng::with_seed(1));
    let mut batch = Batch::default();
    for number in 0..videos {
        let id: VideoId = format!("niconico:sm{number}").parse()?;
        let creator = zipf(&mut rng, CREATORS_OF);
        let added = Timestamp(BEGUN + YEARS + number as u64);
        let length = 1 + rng.usize(2..8);
        let row = VideoRow {
            id: id.clone(),
            title: words(&mut rng, length),
            creator: Some(format!("{}P{creator}", word(&mut Rng::with_seed(creator as u64)))),
            creator_id: Some(format!("u{creator}")),
            tags: (0..rng.usize(1..8)).map(|_| tag(zipf(&mut rng, TAGS))).collect(),
            published_at: Some(Timestamp(BEGUN + rng.u64(..YEARS))),
            duration_ms: rng.u64(10_000..2_400_000),
            added,
            url: format!("https://www.nicovideo.jp/watch/sm{number}"),
            ..sample.clone()
        };
        batch.put(&VIDEOS, id.as_str().as_bytes(), &row);
        batch.put(&VIDEOS_BY_AGE, &aged_key(added, id.as_str().as_bytes()), &id);
        batch.put(&CREATORS, &creator_video_key("niconico", &format!("u{creator}"), added, &id), &id);
        if (number + 1) % PORTION == 0 {
            store.write(std::mem::take(&mut batch))?;
        }
    }
    Ok(store.write(batch)?)
}

/// A number below `most`; small ones come far more often (Zipf's law with exponent 1, by inversion).
fn zipf(rng: &mut Rng, most: usize) -> usize {
    let scale = (most as f64).ln();
    ((rng.f64() * scale).exp() as usize).min(most) - 1
}

fn tag(number: usize) -> String {
    format!("{}{number}", word(&mut Rng::with_seed(1_000_000 + number as u64)))
}

fn words(rng: &mut Rng, count: usize) -> String {
    // Words of titles follow Zipf's law, too.
    let one = |rng: &mut Rng| word(&mut Rng::with_seed(zipf(rng, 30_000) as u64));
    (0..count).map(|_| one(rng)).collect::<Vec<_>>().join(" ")
}

/// A word of kanji, kana or Latin letters.
fn word(rng: &mut Rng) -> String {
    let range = match rng.usize(..3) {
        0 => 0x4e00..0x5200_u32,
        1 => 0x30a2..0x30f0,
        _ => 0x61..0x7b,
    };
    let long = if range.start < 0x100 { 4..9 } else { 2..5 };
    (0..rng.usize(long)).filter_map(|_| char::from_u32(rng.u32(range.clone()))).collect()
}

/// p50 and p95 of the time to the whole answer.
async fn load(node: &Node, paths: Vec<String>, options: &PageOptions) -> Result<(f64, f64)> {
    let (client, paths) = (Arc::new(Client::builder().no_proxy().build()?), Arc::new(paths));
    let (count, gap) =
        (options.rate * options.seconds, Duration::from_secs(1) / u32::try_from(options.rate)?);
    // The first tick of an interval is at once.
    let begun = tokio::time::interval(gap).tick().await;
    let ask = |number: u64| {
        let (client, url) =
            (Arc::clone(&client), node.url(&paths[usize::try_from(number).unwrap_or(0) % paths.len()]));
        let due = begun + gap * u32::try_from(number).unwrap_or(u32::MAX);
        async move {
            tokio::time::sleep_until(due).await;
            let answer = client.get(&url).send().await?;
            ensure!(answer.status().is_success() || answer.status() == 404, "{url}: {}", answer.status());
            answer.bytes().await?;
            // From when it should have begun: a late one does not hide that it had to wait.
            Ok(due.elapsed().as_secs_f64() * 1000.0)
        }
    };
    let mut all = join_all((0..count).map(ask)).await.into_iter().collect::<Result<Vec<f64>>>()?;
    all.sort_by(f64::total_cmp);
    let at = |part: f64| all[((all.len() - 1) as f64 * part) as usize];
    Ok((at(0.5), at(0.95)))
}
