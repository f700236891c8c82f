//! Brings blobs here: from the disk, else from the nodes that hold them, several at once. One flight a blob.
//!
//! Nothing reaches the disk or a viewer before it was held against its address. A slow node is overtaken by the
//! next one; a node that sends something wrong is left.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};
use horahora_protocol::{
    Cid, NodeId, Timestamp,
    manifest::Manifest,
    message::{Held, Request, Response},
};
use thiserror::Error;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    blobs::{BlobError, Blobs},
    catalogue::Catalogue,
    clock,
    net::{BlobFailure, Net, Reason},
    spawn::Tasks,
};

mod elsewhere;

/// Longest flight of one blob.
const LONGEST: Duration = Duration::from_secs(60);
/// A node is overtaken when it takes this much longer than it should, and not before this.
const OVERTAKE: f64 = 3.0;
const SOONEST: Duration = Duration::from_millis(1500);
/// What a node is thought to send before it was tried, in bytes a second.
const FIRST_RATE: f64 = 1_000_000.0;
/// Weight of the last transfer in a node's rate.
const WEIGHT: f64 = 0.3;
/// A node that could not be reached is asked last for so long.
const AVOID_MS: u64 = 10_000;
/// How long an answer about holdings is believed.
const BELIEVED_MS: u64 = 15_000;
/// How long a node may take to say what it holds.
const HOLDINGS: Duration = Duration::from_secs(3);
/// How long the hash table is asked.
const LOOK_UP: Duration = Duration::from_secs(8);
/// Manifests whose holders are remembered.
const REMEMBERED: usize = 1_000;
/// What came longer ago does not move any more.
const LATELY_MS: u64 = 5_000;
/// Size of a blob when nobody said.
const USUAL: u64 = 1 << 20;

/// Where a blob belongs, to know whom to ask.
#[derive(Debug, Clone, Copy, Default)]
pub struct Source {
    /// The manifest that it is part of.
    pub manifest: Option<Cid>,
    /// The capture that it is part of, while there is no manifest.
    pub capture: Option<Cid>,
    /// Who made it.
    pub maker: Option<NodeId>,
}

impl Source {
    /// What a holder looks at to know whether this node may have a blob.
    fn of(&self, blob: Cid) -> Cid {
        self.manifest.or(self.capture).unwrap_or(blob)
    }
}

/// Why a blob did not come.
#[derive(Debug, Clone, Error)]
pub enum FetchError {
    /// Nobody who is connected has it.
    #[error(
        "none of the {asked} nodes that could be asked has it; it comes when a node that holds it is connected"
    )]
    NoHolder {
        /// Nodes asked.
        asked: usize,
    },
    /// It took too long.
    #[error("the nodes that hold it are too slow or stopped; try again")]
    Late,
    /// Not in the catalogue.
    #[error("nothing with this address is in the catalogue")]
    Unknown,
    /// It is no manifest, or one that contradicts itself.
    #[error("this is no usable manifest: {0}")]
    BadManifest(String),
    /// Our own disk failed.
    #[error("{0}")]
    Disk(String),
    /// Our own disk is full.
    #[error("the disk is full; free some space, nothing is lost")]
    Full,
}

impl FetchError {
    /// Whether what came cannot be what it is said to be, whoever is asked.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        match self {
            Self::BadManifest(_) => true,
            Self::NoHolder { .. } | Self::Late | Self::Unknown | Self::Disk(_) | Self::Full => false,
        }
    }
}

impl From<BlobError> for FetchError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Full => Self::Full,
            other => Self::Disk(other.to_string()),
        }
    }
}

/// What nodes said that they hold of a manifest, and when.
type Holders = BTreeMap<Cid, (Timestamp, Vec<(NodeId, Held)>)>;

type Landing = watch::Receiver<Option<Result<(), FetchError>>>;

/// Brings blobs here. Clones share it.
#[derive(Debug, Clone)]
pub struct Fetch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    blobs: Blobs,
    net: Net,
    catalogue: Catalogue,
    tasks: Tasks,
    flights: Mutex<BTreeMap<Cid, Landing>>,
    paces: Mutex<BTreeMap<NodeId, Pace>>,
    holders: Mutex<Holders>,
    arrivals: Mutex<Vec<Arrival>>,
}

/// What came lately from a node of one manifest.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// From whom.
    pub node: NodeId,
    /// Of what.
    pub manifest: Cid,
    /// Blobs.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the last one came.
    pub at: Timestamp,
}

/// How a node did so far.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Bytes a second of one transfer.
    rate: f64,
    /// Bytes that it still owes us.
    owed: u64,
    avoid_until: Timestamp,
}

impl Default for Pace {
    fn default() -> Self {
        Self { rate: FIRST_RATE, owed: 0, avoid_until: Timestamp::default() }
    }
}

impl Fetch {
    /// With nothing under way.
    #[must_use]
    pub fn new(blobs: Blobs, net: Net, catalogue: Catalogue, tasks: Tasks) -> Self {
        Self(Arc::new(Inner {
            blobs,
            net,
            catalogue,
            tasks,
            flights: Mutex::default(),
            paces: Mutex::default(),
            holders: Mutex::default(),
            arrivals: Mutex::default(),
        }))
    }

    /// Makes sure that a blob is here; `bytes` is its size if known. A flight once begun goes on when nobody
    /// waits for it any more.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn blob(
        &self,
        cid: Cid,
        bytes: Option<u64>,
        source: Source,
        urgent: bool,
    ) -> Result<(), FetchError> {
        let here = self.0.blobs.size(&cid).ok();
        // A file that a power cut emptied is fetched again.
        if here.is_some_and(|here| bytes.is_none_or(|bytes| bytes == here)) {
            return Ok(());
        }
        let mut landing = self.join(cid, bytes, source, urgent);
        let landed = landing.wait_for(Option::is_some).await;
        landed.ok().and_then(|landed| landed.clone()).unwrap_or(Err(FetchError::Late))
    }

    /// A manifest of the catalogue, fetched if need be.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn manifest(&self, cid: Cid) -> Result<Manifest, FetchError> {
        let known = self.0.catalogue.manifest(&cid).map_err(|error| FetchError::Disk(error.to_string()))?;
        if !self.0.blobs.has(&cid) {
            let made = known.as_ref().ok_or(FetchError::Unknown)?;
            let source = Source { manifest: Some(cid), capture: None, maker: Some(made.by) };
            self.blob(cid, None, source, true).await?;
        }
        let block = self.0.blobs.read_verified(cid).await?;
        let manifest =
            Manifest::decode(&block).map_err(|error| FetchError::BadManifest(error.to_string()))?;
        let uncounted = self.0.catalogue.holding(&cid).is_ok_and(|row| row.of_blobs == 0);
        if known.is_some() && uncounted {
            let counted = self.0.catalogue.count(cid, &manifest);
            counted.map_err(|error| FetchError::Disk(error.to_string()))?;
        }
        Ok(manifest)
    }

    /// Connected nodes that say they hold something of a manifest, and how much. Asked at most every 15 s.
    pub async fn holders(&self, manifest: Cid) -> Vec<(NodeId, Held)> {
        if let Some(known) = self.believed(&manifest) {
            return known;
        }
        let request = Request::Holding { manifests: vec![manifest] };
        let answers = self.0.net.ask_everyone(&request, HOLDINGS).await.into_iter();
        let held: Vec<_> = answers
            .filter_map(|(node, answer)| match answer {
                Response::Holding(held) => held.first().map(|held| (node, *held)),
                _ => None,
            })
            .filter(|(_, held)| held.blobs > 0)
            .collect();
        let mut holders = self.holders_known();
        if holders.len() >= REMEMBERED {
            holders.clear();
        }
        holders.insert(manifest, (clock::now(), held.clone()));
        held
    }

    fn believed(&self, manifest: &Cid) -> Option<Vec<(NodeId, Held)>> {
        let now = clock::now();
        let holders = self.holders_known();
        let (at, held) = holders.get(manifest)?;
        (now.ms_since(*at) < BELIEVED_MS).then(|| held.clone())
    }

    /// Joins the flight of a blob, or starts it.
    fn join(&self, cid: Cid, bytes: Option<u64>, source: Source, urgent: bool) -> Landing {
        let mut flights = self.0.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(landing) = flights.get(&cid) {
            return landing.clone();
        }
        let (land, landing) = watch::channel(None);
        flights.insert(cid, landing.clone());
        let fetch = self.clone();
        self.0.tasks.spawn("fetch", async move {
            let flown = timeout(LONGEST, fetch.fly(cid, bytes, source, urgent)).await;
            let landed = flown.unwrap_or(Err(FetchError::Late));
            fetch.0.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&cid);
            land.send_replace(Some(landed));
        });
        landing
    }

    async fn fly(
        &self,
        cid: Cid,
        bytes: Option<u64>,
        source: Source,
        urgent: bool,
    ) -> Result<(), FetchError> {
        let size = bytes.unwrap_or(USUAL);
        let mut asked = BTreeSet::new();
        let mut candidates = self.candidates(&source, size);
        let mut under_way = FuturesUnordered::new();
        let mut looked_up = false;
        let mut slow = SOONEST;
        loop {
            while let Some(node) = candidates.pop() {
                if asked.insert(node) {
                    slow = self.patience(&node, size);
                    under_way.push(self.from(node, cid, source.of(cid), bytes, urgent));
                    break;
                }
            }
            if under_way.is_empty() {
                if looked_up {
                    return Err(FetchError::NoHolder { asked: asked.len() });
                }
                looked_up = true;
                candidates = self.look_up(&cid, &source, &asked).await;
                continue;
            }
            tokio::select! {
                Some((node, got)) = under_way.next() => match got {
                    Ok(blob) => {
                        tracing::trace!(%cid, %node, "fetched");
                        self.0.blobs.put_fetched(cid, blob.clone()).await?;
                        self.arrived(node, &source, blob.len() as u64);
                        if let Some(manifest) = source.manifest.filter(|manifest| *manifest != cid)
                            && let Err(error) = self.0.catalogue.gained(&manifest, &cid, blob.len() as u64)
                        {
                            tracing::error!("a holding cannot be written: {error}");
                        }
                        return Ok(());
                    }
                    Err(failure) => tracing::debug!(%cid, %node, "not from this node: {failure}"),
                },
                () = sleep(slow), if !candidates.is_empty() => {
                    tracing::debug!(%cid, "slow; the next node is asked too");
                }
            }
        }
    }

    /// Holds against a node what it did.
    pub async fn refuse(&self, node: &NodeId, reason: Reason) {
        self.0.net.refuse(node, reason).await;
    }

    /// What came in the last seconds, and from whom.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Arrival> {
        let now = clock::now();
        let mut arrivals = self.0.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.retain(|arrival| now.ms_since(arrival.at) < LATELY_MS);
        arrivals.clone()
    }

    fn arrived(&self, node: NodeId, source: &Source, bytes: u64) {
        let Some(manifest) = source.manifest else { return };
        let now = clock::now();
        let mut arrivals = self.0.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.retain(|arrival| now.ms_since(arrival.at) < LATELY_MS);
        match arrivals.iter_mut().find(|known| known.node == node && known.manifest == manifest) {
            Some(known) => {
                known.blobs += 1;
                known.bytes += bytes;
                known.at = now;
            }
            None => arrivals.push(Arrival { node, manifest, blobs: 1, bytes, at: now }),
        }
    }

    /// Connected nodes, the best last: those known to hold something of the manifest, then its maker, then the
    /// others; among equals the one that would be done first.
    fn candidates(&self, source: &Source, size: u64) -> Vec<NodeId> {
        let holders = source.manifest.map(|manifest| (manifest, self.believed(&manifest)));
        if let Some((manifest, None)) = holders {
            // Known for the next blob of it.
            let fetch = self.clone();
            self.0.tasks.spawn("holders", async move { _ = fetch.holders(manifest).await });
        }
        let holds = |node: &NodeId| {
            holders
                .as_ref()
                .and_then(|(_, held)| held.as_ref())
                .is_some_and(|held| held.iter().any(|(holder, _)| holder == node))
        };
        let (now, paces) = (clock::now(), self.paces());
        let pace = |node: &NodeId| paces.get(node).copied().unwrap_or_default();
        let peers = self.0.net.peers();
        let mut nodes: Vec<_> = peers
            .iter()
            .filter(|(_, peer)| peer.speaks)
            .map(|(node, _)| {
                let Pace { rate, owed, avoid_until } = pace(node);
                let class = u8::from(holds(node) || source.maker == Some(*node));
                let milliseconds = (owed + size) as f64 / rate * 1000.0;
                (avoid_until <= now, class, std::cmp::Reverse(milliseconds as u64), *node)
            })
            .collect();
        nodes.sort_unstable();
        nodes.into_iter().map(|(.., node)| node).collect()
    }

    /// Nodes that the hash table names for the blob or its manifest, and the maker, who may be away.
    async fn look_up(&self, cid: &Cid, source: &Source, asked: &BTreeSet<NodeId>) -> Vec<NodeId> {
        let keys = self.0.catalogue.keys(cid, source.manifest.as_ref()).unwrap_or_default();
        let mut found = self.0.net.named(keys, LOOK_UP).await;
        found.extend(source.maker);
        found.retain(|node| !asked.contains(node) && *node != self.0.net.me());
        found.into_iter().collect()
    }

    /// One try at one node, with what it tells about the node's pace.
    async fn from(
        &self,
        node: NodeId,
        cid: Cid,
        of: Cid,
        bytes: Option<u64>,
        urgent: bool,
    ) -> (NodeId, Result<bytes::Bytes, BlobFailure>) {
        let owed = Owed::new(self, node, bytes.unwrap_or(USUAL));
        let begun = clock::now();
        let got = self.0.net.blob(&node, cid, of, bytes, urgent).await;
        drop(owed);
        let elapsed = clock::now().ms_since(begun).max(1) as f64 / 1000.0;
        self.with_pace(node, |pace| match &got {
            Ok(blob) => {
                let rate = blob.len() as f64 / elapsed;
                pace.rate = pace.rate * (1.0 - WEIGHT) + rate * WEIGHT;
            }
            Err(BlobFailure::Missing) => {}
            Err(BlobFailure::Gone | BlobFailure::Bad(_)) => {
                pace.avoid_until = clock::now().plus_ms(AVOID_MS);
                pace.rate = (pace.rate / 2.0).max(1000.0);
            }
        });
        (node, got)
    }

    fn patience(&self, node: &NodeId, size: u64) -> Duration {
        let pace = self.paces().get(node).copied().unwrap_or_default();
        SOONEST.max(Duration::from_secs_f64((pace.owed + size) as f64 / pace.rate.max(1.0) * OVERTAKE))
    }

    fn with_pace(&self, node: NodeId, change: impl FnOnce(&mut Pace)) {
        let mut paces = self.paces();
        if paces.len() >= REMEMBERED {
            paces.retain(|_, pace| pace.owed > 0);
        }
        change(paces.entry(node).or_default());
    }

    fn paces(&self) -> MutexGuard<'_, BTreeMap<NodeId, Pace>> {
        self.0.paces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holders_known(&self) -> MutexGuard<'_, Holders> {
        self.0.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that a node owes us while a want is under way.
struct Owed<'a> {
    fetch: &'a Fetch,
    node: NodeId,
    bytes: u64,
}

impl<'a> Owed<'a> {
    fn new(fetch: &'a Fetch, node: NodeId, bytes: u64) -> Self {
        fetch.with_pace(node, |pace| pace.owed += bytes);
        Self { fetch, node, bytes }
    }
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        self.fetch.with_pace(self.node, |pace| pace.owed = pace.owed.saturating_sub(self.bytes));
    }
}
