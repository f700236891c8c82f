//! Fetches blobs: one long-lived stream for each node, several wants under way on it, every blob verified.
//!
//! A link is two tasks round one stream: one writes wants, one reads answers. It ends with the stream, and the
//! next want opens another.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::{AsyncReadExt, AsyncWriteExt};
use horahora_protocol::{
    Cid, NodeId, limits,
    message::{self, Answer, Want},
};
use libp2p::{Stream, StreamProtocol};
use libp2p_stream::Control;
use thiserror::Error;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::timeout,
};

use super::{Reason, Traffic, codec, peer_id, refusals::of_io};
use crate::spawn::Tasks;

/// Wants under way on one link: enough to cover bandwidth times delay of a far line with 1 MiB blobs.
const UNDER_WAY: usize = 16;
/// Opening a stream, dialling included.
const OPEN: Duration = Duration::from_secs(10);
/// A peer that was asked and sends nothing for this long has stopped.
const SILENCE: Duration = Duration::from_secs(15);
/// Read at once; the hash likes large pieces.
const PIECE: usize = 64 << 10;
/// A new stream may be dropped by a busy peer before it is looked at; it is opened again.
const TRIES: u32 = 3;

/// Why a blob did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BlobFailure {
    /// The node does not hold it.
    #[error("the node does not hold it")]
    Missing,
    /// The node cannot be reached, or the connection broke.
    #[error("the node cannot be reached")]
    Gone,
    /// The node did what is not done.
    #[error("the node sent something wrong ({})", .0.name())]
    Bad(Reason),
}

/// The links to all nodes. Clones share them.
#[derive(Clone)]
pub(super) struct Links {
    control: Control,
    open: Arc<Mutex<BTreeMap<NodeId, Link>>>,
    traffic: Traffic,
    tasks: Tasks,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Links")
    }
}

#[derive(Debug, Clone)]
struct Link {
    orders: mpsc::Sender<Order>,
    room: Arc<Semaphore>,
}

#[derive(Debug)]
enum Order {
    Fetch(Fetch),
    Cancel(u32),
}

#[derive(Debug)]
struct Fetch {
    cid: Cid,
    of: Cid,
    bytes: Option<u64>,
    urgent: bool,
    id: oneshot::Sender<u32>,
    reply: oneshot::Sender<Result<Bytes, BlobFailure>>,
    place: OwnedSemaphorePermit,
}

/// What is under way on a link.
#[derive(Debug)]
struct Pending {
    cid: Cid,
    bytes: Option<u64>,
    reply: oneshot::Sender<Result<Bytes, BlobFailure>>,
    /// Given back when it is answered, not when the asker goes: the peer counts it until then, too.
    _place: OwnedSemaphorePermit,
}

type Waiting = Arc<Mutex<BTreeMap<u32, Pending>>>;

impl Links {
    pub(super) fn new(control: Control, traffic: Traffic, tasks: Tasks) -> Self {
        Self { control, open: Arc::default(), traffic, tasks }
    }

    pub(super) fn forget(&self, node: &NodeId) {
        self.links().remove(node);
    }

    /// Fetches one blob from one node. Dropping the future takes the want back.
    pub(super) async fn fetch(
        &self,
        node: &NodeId,
        cid: Cid,
        of: Cid,
        bytes: Option<u64>,
        urgent: bool,
    ) -> Result<Bytes, BlobFailure> {
        for _ in 0..TRIES {
            let link = self.link(node);
            let Ok(place) = Arc::clone(&link.room).acquire_owned().await else { continue };
            let (tell_id, id) = oneshot::channel();
            let (reply, answer) = oneshot::channel();
            let fetch = Fetch { cid, of, bytes, urgent, id: tell_id, reply, place };
            if link.orders.send(Order::Fetch(fetch)).await.is_err() {
                self.drop_link(node, &link);
                continue;
            }
            let mut withdraw = Withdraw { orders: link.orders.clone(), id: None };
            withdraw.id = id.await.ok();
            match answer.await {
                Ok(done) => {
                    withdraw.id = None;
                    if done != Err(BlobFailure::Gone) {
                        return done;
                    }
                    self.drop_link(node, &link);
                    return done;
                }
                // The stream ended before the answer came.
                Err(_) => self.drop_link(node, &link),
            }
        }
        Err(BlobFailure::Gone)
    }

    fn link(&self, node: &NodeId) -> Link {
        let mut links = self.links();
        if let Some(link) = links.get(node).filter(|link| !link.orders.is_closed()) {
            return link.clone();
        }
        let (orders, inbox) = mpsc::channel(UNDER_WAY);
        let link = Link { orders, room: Arc::new(Semaphore::new(UNDER_WAY)) };
        links.insert(*node, link.clone());
        let (control, traffic, node) = (self.control.clone(), self.traffic.clone(), *node);
        self.tasks.spawn("link", run(control, node, inbox, traffic));
        link
    }

    fn drop_link(&self, node: &NodeId, link: &Link) {
        let mut links = self.links();
        if links.get(node).is_some_and(|known| known.orders.same_channel(&link.orders)) {
            links.remove(node);
        }
    }

    fn links(&self) -> MutexGuard<'_, BTreeMap<NodeId, Link>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a want back when nobody waits for its answer any more.
struct Withdraw {
    orders: mpsc::Sender<Order>,
    id: Option<u32>,
}

impl Drop for Withdraw {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let _ = self.orders.try_send(Order::Cancel(id));
        }
    }
}

async fn run(mut control: Control, node: NodeId, mut inbox: mpsc::Receiver<Order>, traffic: Traffic) {
    let opening = control.open_stream(peer_id(&node), StreamProtocol::new(message::BLOBS));
    let stream: Stream = match timeout(OPEN, opening).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return refuse_all(&mut inbox, &format!("{error}")),
        Err(_) => return refuse_all(&mut inbox, "it took too long"),
    };
    let waiting = Waiting::default();
    let (reader, writer) = stream.split();
    tokio::select! {
        () = write(writer, &mut inbox, &waiting) => {}
        failure = read(reader, &node, &waiting, &traffic) => {
            // The one that was being answered hears what was wrong; the others only that it is over.
            if let Some((id, reason)) = failure {
                for (waits, pending) in std::mem::take(&mut *locked(&waiting)) {
                    let said = if waits == id { BlobFailure::Bad(reason) } else { BlobFailure::Gone };
                    let _ = pending.reply.send(Err(said));
                }
            }
        }
    }
    // The stream broke, and nobody did wrong: a direct connection may have taken the place of one through a relay. What
    // is waited for is asked for again.
    locked(&waiting).clear();
}

fn refuse_all(inbox: &mut mpsc::Receiver<Order>, why: &str) {
    tracing::debug!("no stream for blobs: {why}");
    inbox.close();
    while let Ok(order) = inbox.try_recv() {
        if let Order::Fetch(fetch) = order {
            let _ = fetch.reply.send(Err(BlobFailure::Gone));
        }
    }
}

async fn write(
    mut stream: impl futures::AsyncWrite + Unpin + Send,
    inbox: &mut mpsc::Receiver<Order>,
    waiting: &Waiting,
) {
    let mut next = 0_u32;
    while let Some(order) = inbox.recv().await {
        let want = match order {
            Order::Fetch(Fetch { cid, of, bytes, urgent, id, reply, place }) => {
                next = next.wrapping_add(1);
                locked(waiting).insert(next, Pending { cid, bytes, reply, _place: place });
                // Who asked may have gone meanwhile.
                let _ = id.send(next);
                Want::Blob { id: next, cid, of, urgent }
            }
            Order::Cancel(id) => {
                // A blob that is on its way is read and thrown away, so its place stays until then.
                Want::Cancel { id }
            }
        };
        let written = async {
            codec::write(&mut stream, &want).await?;
            stream.flush().await
        };
        if !matches!(timeout(SILENCE, written).await, Ok(Ok(()))) {
            return;
        }
    }
}

/// Reads answers until the stream ends. Gives the want whose answer was wrong, and how.
async fn read(
    mut stream: impl futures::AsyncRead + Unpin + Send,
    node: &NodeId,
    waiting: &Waiting,
    traffic: &Traffic,
) -> Option<(u32, Reason)> {
    loop {
        let answer: Answer = match timeout(SILENCE, codec::read(&mut stream)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return blame(waiting, of_io(&error)?),
            Err(_) if locked(waiting).is_empty() => continue_idle(),
            Err(_) => return blame(waiting, Reason::Stalled),
        };
        if answer.id == 0 {
            continue;
        }
        let Some(expected) = locked(waiting).get(&answer.id).map(|pending| (pending.cid, pending.bytes))
        else {
            // Nothing was asked under this name.
            return blame(waiting, Reason::Malformed);
        };
        let Some(bytes) = answer.bytes else {
            reply(waiting, answer.id, Err(BlobFailure::Missing));
            continue;
        };
        let (cid, size) = expected;
        if size.is_some_and(|size| size != bytes) || bytes > limits::BLOB_BYTES as u64 {
            return Some((answer.id, Reason::WrongSize));
        }
        match body(&mut stream, node, bytes, traffic).await {
            Ok((hash, blob)) if hash.as_bytes() == cid.hash() => {
                traffic.received_blob(node);
                reply(waiting, answer.id, Ok(blob));
            }
            Ok(_) => return Some((answer.id, Reason::WrongBytes)),
            Err(Some(reason)) => return Some((answer.id, reason)),
            Err(None) => return None,
        }
    }
}

/// Memory grows only with what really arrives.
async fn body(
    stream: &mut (impl futures::AsyncRead + Unpin + Send),
    node: &NodeId,
    bytes: u64,
    traffic: &Traffic,
) -> Result<(blake3::Hash, Bytes), Option<Reason>> {
    let total = usize::try_from(bytes).map_err(|_| Some(Reason::WrongSize))?;
    let (mut hash, mut blob) = (blake3::Hasher::new(), Vec::new());
    while blob.len() < total {
        let from = blob.len();
        blob.resize((from + PIECE).min(total), 0);
        match timeout(SILENCE, stream.read_exact(&mut blob[from..])).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(None),
            Err(_) => return Err(Some(Reason::Stalled)),
        }
        hash.update(&blob[from..]);
        traffic.received(node, blob.len() - from);
    }
    Ok((hash.finalize(), blob.into()))
}

fn continue_idle() -> Answer {
    Answer { id: 0, bytes: None }
}

/// An answer that cannot be told apart is held against the oldest want.
fn blame(waiting: &Waiting, reason: Reason) -> Option<(u32, Reason)> {
    locked(waiting).keys().next().map(|id| (*id, reason))
}

fn reply(waiting: &Waiting, id: u32, done: Result<Bytes, BlobFailure>) {
    if let Some(pending) = locked(waiting).remove(&id) {
        // Nobody may wait for it any more.
        let _ = pending.reply.send(done);
    }
}

fn locked(waiting: &Waiting) -> MutexGuard<'_, BTreeMap<u32, Pending>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
