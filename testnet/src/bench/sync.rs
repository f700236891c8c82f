//! How fast a feed is taken over from another node: two real nodes on loopback, beside the least that must be done
//! in any case: hash everything, check one signature a batch, and write it all to disk.

use std::{fs, io::Write, path::Path, time::Duration};

use anyhow::{Context, Result};
use clap::Args;
use horahora::{
    clock, identity,
    store::{
        Batch, Store,
        rows::{Block, ENTRIES, OWN_FEED, OWN_FEED_KEY, OwnFeed, entry_key},
    },
};
use horahora_protocol::{
    Cid, Codec, NodeKey, Signed, Timestamp, codec,
    entry::{Body, Entry, Request},
    feed::{Feed, FeedId},
    group::Genesis,
    limits,
    message::EntryBlocks,
};
use serde::Serialize;
use serde_bytes::ByteBuf;

use crate::cluster::Node;

/// Longest that taking the feed over may take.
const DEADLINE: Duration = Duration::from_secs(600);
/// When the entries say that they were written.
const THEN: Timestamp = Timestamp(1_750_000_000_000);

/// What is measured.
#[derive(Debug, Clone, Args)]
pub struct SyncOptions {
    /// Entries of the feed
    #[arg(long, default_value_t = 170_000)]
    pub entries: u64,
    /// Bytes of each body
    #[arg(long, default_value_t = 1024)]
    pub bytes: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct SyncFigures {
    /// Entries of the feed.
    pub entries: u64,
    /// Their bytes, bodies included.
    pub bytes: u64,
    /// Entries a second of the limit: BLAKE3, one signature a batch, one `fdatasync` a batch.
    pub limit_per_s: f64,
    /// Entries a second from node to node.
    pub node_per_s: f64,
    /// The second divided by the first.
    pub of_limit: f64,
    /// Seconds from the taker's first entry to its last.
    pub seconds: f64,
    /// The most memory that the taker had, in MB.
    pub peak_mb: u64,
}

impl std::fmt::Display for SyncFigures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { entries, bytes, limit_per_s, node_per_s, of_limit, seconds, peak_mb } = self;
        writeln!(f, "{entries} entries, {:.1} MB", *bytes as f64 / 1e6)?;
        writeln!(
            f,
            "limit       {limit_per_s:>9.0} entries/s (BLAKE3, one signature and one fdatasync a batch)"
        )?;
        writeln!(f, "from a node {node_per_s:>9.0} entries/s = {of_limit:.2} of the limit, {seconds:.1} s")?;
        writeln!(f, "the taker's peak memory: {peak_mb} MB")
    }
}

/// Measures.
///
/// # Errors
/// When a node does not start, or does not take the feed over in time.
pub async fn sync(options: &SyncOptions) -> Result<SyncFigures> {
    let dir = tempfile::TempDir::with_prefix("horahora-bench-")?;
    let (data, scratch) = (dir.path().join("maker"), dir.path().join("limit"));
    let made = write(&data, options).await?;
    let bytes = made
        .iter()
        .map(|blocks| (blocks.entry.len() + blocks.body.as_ref().map_or(0, |b| b.len())) as u64)
        .sum();
    let limit = limit(&made, &scratch)?;
    drop(made);
    let maker = Node::start_in(&data, &["--name", "maker"]).await?;
    let group = maker.own("/api/v1/groups").await?[0]["id"].as_str().context("a group")?.to_owned();
    let taker = Node::start(&["--name", "taker", "--peer", &maker.address().await?]).await?;
    let path = format!("/api/v1/groups/{group}/members");
    let head = async || -> Result<Option<u64>> {
        let answer = taker.ask(reqwest::Method::GET, &path).bearer_auth(taker.token()).send().await?;
        if !answer.status().is_success() {
            return Ok(None);
        }
        Ok(answer.json::<serde_json::Value>().await?[0]["head"].as_u64())
    };
    let mut begun = None;
    let taken = taker.until_within(DEADLINE, "the feed is taken over", async || {
        let now = head().await?;
        if begun.is_none()
            && let Some(head) = now
        {
            begun = Some((clock::now(), head));
        }
        Ok(now == Some(options.entries - 1))
    });
    taken.await?;
    let (at, first) = begun.context("it began")?;
    let seconds = clock::now().ms_since(at).max(1) as f64 / 1000.0;
    let node = (options.entries - 1 - first) as f64 / seconds;
    let status = fs::read_to_string(format!("/proc/{}/status", taker.pid().context("it runs")?))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    let peak_kb: u64 = peak.trim().trim_end_matches(" kB").parse()?;
    Ok(SyncFigures {
        entries: options.entries,
        bytes,
        limit_per_s: limit,
        node_per_s: node,
        of_limit: node / limit,
        seconds,
        peak_mb: peak_kb / 1024,
    })
}

/// Makes the data folder of a node that has written a long feed.
async fn write(data: &Path, options: &SyncOptions) -> Result<Vec<EntryBlocks>> {
    fs::create_dir_all(data)?;
    let key: NodeKey = identity::load_or_create(&data.join("identity.key"))?;
    let genesis = key.sign(Genesis {
        v: 1,
        founder: key.node_id(),
        name: "maker".to_owned(),
        public: true,
        at: THEN,
        nonce: vec![1; 16],
    });
    let (group, block) = genesis.block();
    let id = FeedId { group, node: key.node_id(), incarnation: THEN.0 };
    let (mut feed, mut made) = (Feed::new(id, None), Vec::new());
    let store = Store::open(&data.join("db"))?;
    let mut batch = Batch::default();
    for number in 0..options.entries {
        let url = format!("https://videos.example/{number}?{}", "x".repeat(options.bytes.saturating_sub(60)));
        let body = Body::Request(Request { v: 1, url, follow: false });
        let entry = ByteBuf::from(feed.append(&key, &body, THEN).block().1);
        let blocks = EntryBlocks { entry, body: Some(ByteBuf::from(body.block().1)) };
        batch.put(&ENTRIES, &entry_key(&id, number), &blocks);
        made.push(blocks);
        if made.len() % limits::BATCH_ENTRIES == 0 {
            store.write(std::mem::take(&mut batch))?;
        }
    }
    let own = OwnFeed {
        group,
        genesis: Block(block),
        group_name: "maker".to_owned(),
        incarnation: THEN.0,
        head: feed.head(),
        left: false,
    };
    batch.put(&OWN_FEED, OWN_FEED_KEY, &own);
    store.write(batch)?;
    store.durable().await?;
    Ok(made)
}

/// Entries a second of what nobody can leave out.
fn limit(made: &[EntryBlocks], file: &Path) -> Result<f64> {
    let mut out = fs::File::create(file)?;
    let begun = clock::now();
    for batch in made.chunks(limits::BATCH_ENTRIES) {
        let mut bytes = Vec::new();
        for blocks in batch {
            for block in [Some(&blocks.entry), blocks.body.as_ref()].into_iter().flatten() {
                std::hint::black_box(Cid::of(Codec::DagCbor, block));
                bytes.extend_from_slice(block);
            }
        }
        let last = batch.last().context("a batch has entries")?;
        let signed: Signed<Entry> = codec::decode(&last.entry, limits::ENTRY_BYTES)?;
        signed.verify()?;
        out.write_all(&bytes)?;
        out.sync_data()?;
    }
    Ok(made.len() as f64 / (clock::now().ms_since(begun).max(1) as f64 / 1000.0))
}
