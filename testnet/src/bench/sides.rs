//! The two sides of a copy, each run as a process: a plain one and the node's own rooms.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use futures::{StreamExt as _, stream};
use horahora::{
    blobs::Blobs,
    catalogue::Catalogue,
    clock,
    fetch::{Fetch, Source},
    groups::Groups,
    growing::Growing,
    live::Live,
    net::{Ears, Net, NetOptions, Provide, Shelf},
    spawn::Tasks,
    store::Store,
};
use horahora_protocol::{
    Cid, Codec, NodeKey, Timestamp, VideoId,
    manifest::{Blob, File, Manifest, Meta},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use super::exchange::Used;

/// Blobs under way at once, on either way.
const UNDER_WAY: usize = 16;

/// What a process of the benchmark does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Side {
    /// Gives blobs over plain TCP.
    ServeRaw,
    /// Takes blobs over plain TCP.
    FetchRaw,
    /// Gives blobs as a node does.
    ServeNode,
    /// Takes blobs as a node does.
    FetchNode,
}

impl Side {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ServeRaw => "serve-raw",
            Self::FetchRaw => "fetch-raw",
            Self::ServeNode => "serve-node",
            Self::FetchNode => "fetch-node",
        }
    }
}

/// The command line of a side.
#[derive(Debug, Clone, Args)]
pub struct SideArguments {
    /// What it does
    side: Side,
    /// Where it listens, or the other side's address and where this one listens
    #[arg(long)]
    address: Vec<String>,
    /// Folder of the blobs
    #[arg(long)]
    blobs: PathBuf,
    /// List of the blobs, one CID and size a line
    #[arg(long)]
    list: PathBuf,
    /// Folder for everything else
    #[arg(long)]
    scratch: PathBuf,
}

/// Runs one side to its end.
///
/// # Errors
/// When it fails.
pub async fn side(arguments: SideArguments) -> Result<()> {
    let SideArguments { side, address, blobs, list, scratch } = arguments;
    let list: Vec<(Cid, u64)> = fs::read_to_string(list)?
        .lines()
        .map(|line| {
            let (cid, bytes) = line.split_once(' ').context("a CID and a size")?;
            Ok((cid.parse()?, bytes.parse()?))
        })
        .collect::<Result<_>>()?;
    fs::create_dir_all(&scratch)?;
    let first = address.first().context("an address")?;
    let seconds = match side {
        Side::ServeRaw => serve_raw(first, &blobs, &list).await?,
        Side::FetchRaw => fetch_raw(first, &blobs, &list).await?,
        Side::ServeNode => serve_node(first, &blobs, &scratch).await?,
        Side::FetchNode => {
            fetch_node(first, address.get(1).context("an own address")?, &blobs, &list, &scratch).await?
        }
    };
    say(&serde_json::to_string(&used(seconds)?)?)
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// What this process used so far, as the kernel counts it (proc(5): 100 ticks a second).
fn used(seconds: f64) -> Result<Used> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().context("fields")?.split(' ').collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    let kib: u64 = peak.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(Used { seconds, cpu_s: (ticks(11) + ticks(12)) / 100.0, peak_bytes: kib * 1024 })
}

/// Ready when the parent closes our input.
async fn told_to_end() {
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0])).await;
}

fn path_of(dir: &Path, cid: &Cid) -> PathBuf {
    let [a, b, ..] = cid.hash();
    dir.join(format!("{a:02x}")).join(format!("{b:02x}")).join(cid.to_string())
}

async fn serve_raw(listen: &str, dir: &Path, list: &[(Cid, u64)]) -> Result<f64> {
    let listener = TcpListener::bind(listen).await?;
    say(&listener.local_addr()?.to_string())?;
    let (dir, list) = (dir.to_owned(), list.to_vec());
    let serving = async move {
        let (mut stream, _) = listener.accept().await?;
        loop {
            let Ok(index) = stream.read_u32().await else { return Ok(()) };
            let path = path_of(&dir, &list[index as usize].0);
            let bytes = tokio::task::spawn_blocking(move || fs::read(path)).await??;
            stream.write_all(&bytes).await?;
        }
    };
    tokio::select! {
        served = serving => served.map(|()| 0.0),
        () = told_to_end() => Ok(0.0),
    }
}

async fn fetch_raw(address: &str, dir: &Path, list: &[(Cid, u64)]) -> Result<f64> {
    fs::create_dir_all(dir.join("tmp"))?;
    let begun = clock::now();
    let (mut reader, mut writer) = TcpStream::connect(address).await?.into_split();
    let room = Arc::new(Semaphore::new(UNDER_WAY));
    let asking = async {
        for index in 0..list.len() {
            room.acquire().await?.forget();
            writer.write_u32(u32::try_from(index)?).await?;
        }
        anyhow::Ok(())
    };
    let taking = async {
        let mut writing = tokio::task::JoinSet::new();
        for (index, (cid, bytes)) in list.iter().enumerate() {
            let mut blob = vec![0; usize::try_from(*bytes)?];
            reader.read_exact(&mut blob).await?;
            let (temporary, path, cid) = (dir.join("tmp").join(index.to_string()), path_of(dir, cid), *cid);
            writing.spawn_blocking(move || {
                ensure!(cid.matches(&blob), "the bytes are what the address says");
                fs::create_dir_all(path.parent().context("a folder")?)?;
                fs::write(&temporary, &blob)?;
                Ok(fs::rename(&temporary, &path)?)
            });
            room.add_permits(1);
        }
        while let Some(written) = writing.join_next().await {
            written??;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(asking, taking)?;
    Ok(clock::now().ms_since(begun) as f64 / 1000.0)
}

/// The capture that all blobs are part of.
fn capture() -> Cid {
    Cid::of(Codec::DagCbor, b"what is measured")
}

/// Its draft: one file of everything in the folder.
fn everything(blobs: &Blobs) -> Manifest {
    let blob = |cid: Cid| Blob { bytes: blobs.size(&cid).unwrap_or(0), cid };
    let chunks: Vec<_> = blobs.list().map(blob).collect();
    let file = File {
        name: "everything".to_owned(),
        media_type: "application/octet-stream".to_owned(),
        bytes: chunks.iter().map(|chunk| chunk.bytes).sum(),
        chunks,
    };
    Manifest {
        v: 1,
        capture: capture(),
        previous: None,
        video: VideoId::generic("bench"),
        source_url: String::new(),
        fetched_at: Timestamp(0),
        tools: BTreeMap::new(),
        meta: Meta::default(),
        original: vec![file],
        info: None,
        thumbnail: None,
        poster: None,
        subtitles: Vec::new(),
        danmaku: Vec::new(),
        renditions: Vec::new(),
        adopted: None,
        chapters: Vec::new(),
        storyboard: None,
        looks: Vec::new(),
    }
}

struct Rooms {
    net: Net,
    fetch: Fetch,
    tasks: Tasks,
    _ears: Ears,
}

async fn rooms(seed: u8, listen: &str, peers: &[&str], dir: &Path, scratch: &Path) -> Result<Rooms> {
    let key = NodeKey::from_secret(&[seed; 32]);
    let store = Store::open(&scratch.join("db"))?;
    let blobs = Blobs::open(dir)?;
    let (provide, me) = (Provide::default(), key.node_id());
    let groups = Groups::open(store.clone(), me)?;
    let catalogue =
        Catalogue::open(store.clone(), blobs.clone(), Live::default(), provide, groups, me).await?;
    let growing = Growing::new(Arc::new(NodeKey::from_secret(&[seed; 32])));
    growing.begin(&everything(&blobs), &[]);
    let shelf = Shelf::new(blobs.clone(), catalogue.clone(), growing);
    let options = NetOptions {
        listen: vec![listen.parse()?],
        peers: peers.iter().map(|peer| peer.parse()).collect::<Result<_, _>>()?,
        mdns: false,
        relay: true,
    };
    let tasks = Tasks::default();
    let (net, ears) = Net::open(&key, options, &store, shelf, &tasks)?;
    net.listening().await;
    let fetch = Fetch::new(blobs, net.clone(), catalogue, tasks.clone());
    Ok(Rooms { net, fetch, tasks, _ears: ears })
}

async fn serve_node(listen: &str, dir: &Path, scratch: &Path) -> Result<f64> {
    let rooms = rooms(1, listen, &[], dir, scratch).await?;
    say(rooms.net.addresses().first().context("an address")?)?;
    told_to_end().await;
    rooms.tasks.stop().await;
    Ok(0.0)
}

async fn fetch_node(
    address: &str,
    listen: &str,
    dir: &Path,
    list: &[(Cid, u64)],
    scratch: &Path,
) -> Result<f64> {
    let rooms = rooms(2, listen, &[address], dir, scratch).await?;
    let mut peers = rooms.net.peers_changed();
    let speaks = peers.wait_for(|peers| peers.values().any(|peer| peer.speaks));
    let Ok(met) = tokio::time::timeout(Duration::from_secs(20), speaks).await else {
        bail!("the other side was not reached");
    };
    let source = Source { manifest: None, capture: Some(capture()), maker: met?.keys().next().copied() };
    let begun = clock::now();
    let mut fetching = stream::iter(list)
        .map(|(cid, bytes)| rooms.fetch.blob(*cid, Some(*bytes), source, false))
        .buffer_unordered(UNDER_WAY);
    while let Some(fetched) = fetching.next().await {
        fetched?;
    }
    drop(fetching);
    let seconds = clock::now().ms_since(begun) as f64 / 1000.0;
    rooms.tasks.stop().await;
    Ok(seconds)
}
