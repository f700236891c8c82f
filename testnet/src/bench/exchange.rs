//! The exchange of blobs beside a plain TCP copy with the same hashing and writing.
//!
//! Each side is a process of its own, so that processor time and memory are each side's. The ways take turns, and
//! the median of the rounds counts.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use horahora::blobs::Blobs;
use horahora_protocol::Codec;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::Side;

const KIB: u64 = 1 << 10;
/// Sizes of the blobs.
const SIZES: [u64; 2] = [1024 * KIB, 256 * KIB];

/// What one side used.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Used {
    /// Wall clock of the copy; 0 for the side that serves.
    pub seconds: f64,
    /// Processor time.
    pub cpu_s: f64,
    /// Largest resident set.
    pub peak_bytes: u64,
}

/// The median of one way at one size.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// `raw-tcp`, `node-tcp`, `node-quic`.
    pub way: &'static str,
    /// Size of each blob.
    pub blob_bytes: u64,
    /// Megabytes (10^6) a second.
    pub mb_per_s: f64,
    /// The same as a part of `raw-tcp`.
    pub of_raw: f64,
    /// Processor seconds a GiB, both sides.
    pub cpu_s_per_gib: f64,
    /// Largest resident set of the side that receives.
    pub receiver_peak_bytes: u64,
    /// Largest resident set of the side that serves.
    pub server_peak_bytes: u64,
}

/// Copies `mib` MiB each way, `rounds` times.
///
/// # Errors
/// When a side fails.
pub async fn run(mib: u64, rounds: usize) -> Result<Vec<Figure>> {
    let dir = tempfile::TempDir::with_prefix("horahora-bench-")?;
    let mut figures = Vec::new();
    for size in SIZES {
        let blobs = dir.path().join(format!("blobs-{size}"));
        let count = (mib * 1024 * KIB / size).max(1);
        let list = make(&blobs, size, count).await?;
        let mut runs: Vec<[(Used, Used); 3]> = Vec::new();
        for round in 0..rounds {
            let mut one = [(Used::default(), Used::default()); 3];
            for (way, used) in WAYS.iter().zip(&mut one) {
                let scratch = dir.path().join(format!("{}-{size}-{round}", way.name));
                *used = copy(way, &blobs, &list, &scratch).await?;
                fs::remove_dir_all(&scratch)?;
            }
            runs.push(one);
        }
        let bytes = (size * count) as f64;
        let gib = bytes / (1024.0 * 1024.0 * 1024.0);
        let mut raw = 0.0;
        for (index, way) in WAYS.iter().enumerate() {
            let of =
                |what: fn(&(Used, Used)) -> f64| median(runs.iter().map(|run| what(&run[index])).collect());
            let mb_per_s = bytes / 1e6 / of(|(_, receiver)| receiver.seconds);
            if index == 0 {
                raw = mb_per_s;
            }
            figures.push(Figure {
                way: way.name,
                blob_bytes: size,
                mb_per_s,
                of_raw: mb_per_s / raw,
                cpu_s_per_gib: of(|(server, receiver)| server.cpu_s + receiver.cpu_s) / gib,
                receiver_peak_bytes: of(|(_, receiver)| receiver.peak_bytes as f64) as u64,
                server_peak_bytes: of(|(server, _)| server.peak_bytes as f64) as u64,
            });
        }
        fs::remove_dir_all(&blobs)?;
    }
    Ok(figures)
}

struct Way {
    name: &'static str,
    serve: Side,
    fetch: Side,
    listen: &'static str,
}

const WAYS: [Way; 3] = [
    Way { name: "raw-tcp", serve: Side::ServeRaw, fetch: Side::FetchRaw, listen: "127.0.0.1:0" },
    Way { name: "node-tcp", serve: Side::ServeNode, fetch: Side::FetchNode, listen: "/ip4/127.0.0.1/tcp/0" },
    Way {
        name: "node-quic",
        serve: Side::ServeNode,
        fetch: Side::FetchNode,
        listen: "/ip4/127.0.0.1/udp/0/quic-v1",
    },
];

/// Random blobs that both ways read, and the list of them.
async fn make(dir: &Path, size: u64, count: u64) -> Result<PathBuf> {
    let blobs = Blobs::open(dir)?;
    let mut list = String::new();
    let mut seed = blake3::Hasher::new();
    for number in 0..count {
        seed.update(&number.to_be_bytes());
        let mut bytes = vec![0; usize::try_from(size)?];
        seed.finalize_xof().fill(&mut bytes);
        let cid = horahora_protocol::Cid::of(Codec::Raw, &bytes);
        blobs.put_fetched(cid, Bytes::from(bytes)).await?;
        list += &format!("{cid} {size}\n");
    }
    blobs.sync().await?;
    let path = dir.join("list.txt");
    fs::write(&path, list)?;
    Ok(path)
}

async fn copy(way: &Way, blobs: &Path, list: &Path, scratch: &Path) -> Result<(Used, Used)> {
    fs::create_dir_all(scratch)?;
    let mut server = start(way.serve, &[way.listen], blobs, list, &scratch.join("server"))?;
    let mut said = BufReader::new(server.stdout.take().context("its output is piped")?).lines();
    let address = said.next_line().await?.context("the server says where it is")?;
    let mut receiver =
        start(way.fetch, &[&address, way.listen], &scratch.join("copy"), list, &scratch.join("receiver"))?;
    let mut got = BufReader::new(receiver.stdout.take().context("its output is piped")?).lines();
    let receiver_used =
        serde_json::from_str(&got.next_line().await?.context("the receiver says what it used")?)?;
    ensure!(receiver.wait().await?.success(), "the receiver failed");
    // The end of its input ends the server.
    drop(server.stdin.take());
    let server_used =
        serde_json::from_str(&said.next_line().await?.context("the server says what it used")?)?;
    ensure!(server.wait().await?.success(), "the server failed");
    Ok((server_used, receiver_used))
}

fn start(side: Side, addresses: &[&str], blobs: &Path, list: &Path, scratch: &Path) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench-side", side.name()]).arg("--blobs").arg(blobs).arg("--list").arg(list);
    command.arg("--scratch").arg(scratch);
    for address in addresses {
        command.args(["--address", address]);
    }
    Ok(command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The figures as a table for people.
#[must_use]
pub fn table(figures: &[Figure]) -> String {
    let mut text = String::from("blob      way        MB/s   of raw   CPU s/GiB   receiver MB   server MB\n");
    for figure in figures {
        text += &format!(
            "{:>5} KiB {:<9} {:6.0} {:8.2} {:11.2} {:13.0} {:11.0}\n",
            figure.blob_bytes / KIB,
            figure.way,
            figure.mb_per_s,
            figure.of_raw,
            figure.cpu_s_per_gib,
            figure.receiver_peak_bytes as f64 / 1e6,
            figure.server_peak_bytes as f64 / 1e6
        );
    }
    text
}
