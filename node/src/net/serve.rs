//! Gives blobs to whoever asks: each stream has its own task, urgent wants go first, and every blob is checked
//! before it leaves, so that a failing disk does not make this node a liar.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Result, anyhow};
use bytes::Bytes;
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use horahora_protocol::{
    Cid, NodeId, limits,
    manifest::{Manifest, Rendition},
    message::{self, Answer, Want},
};
use libp2p::{Stream, StreamProtocol};
use libp2p_stream::{Control, IncomingStreams};
use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};

use super::{Net, Reason, Traffic, codec, node_id, refusals::of_io};
use crate::{
    blobs::{BlobError, Blobs},
    catalogue::Catalogue,
    growing::Growing,
    spawn::Tasks,
};

/// Manifests whose contents are remembered: at most 16 x 100,000 addresses for the longest videos.
const CONTENTS: usize = 16;
/// Streams of one peer.
const OF_ONE: usize = 4;
/// Memory for blobs on their way out, in units of 64 KiB: 256 MiB.
const MEMORY: usize = 4096;
const UNIT: u64 = 64 << 10;
/// A peer that takes nothing for so long is left.
const STUCK: Duration = Duration::from_secs(30);
/// Written at once.
const PIECE: usize = 256 << 10;

struct Server {
    net: Net,
    shelf: Shelf,
    traffic: Traffic,
    memory: Semaphore,
    streams: Mutex<BTreeMap<NodeId, usize>>,
}

pub(super) fn start(mut control: Control, net: &Net, shelf: Shelf, tasks: &Tasks) -> Result<()> {
    let incoming = control
        .accept(StreamProtocol::new(message::BLOBS))
        .map_err(|error| anyhow!("blobs cannot be served: {error}"))?;
    let server = Arc::new(Server {
        net: net.clone(),
        shelf,
        traffic: net.traffic().clone(),
        memory: Semaphore::new(MEMORY),
        streams: Mutex::default(),
    });
    tasks.spawn("serve", accept(server, incoming, tasks.clone()));
    Ok(())
}

async fn accept(server: Arc<Server>, mut incoming: IncomingStreams, tasks: Tasks) {
    while let Some((peer, stream)) = incoming.next().await {
        let Some(node) = node_id(&peer) else { continue };
        if !server.enter(&node) {
            let net = server.net.clone();
            tasks.spawn("refuse", async move { net.refuse(&node, Reason::Flood).await });
            continue;
        }
        let server = Arc::clone(&server);
        tasks.spawn("serve-one", async move {
            server.serve(node, stream).await;
            server.leave(&node);
        });
    }
}

/// A want: its name, the blob, and what that is part of. No blob when it was cancelled.
type Wanted = (u32, Option<(Cid, Cid)>);

/// Wants of one stream that are not answered yet.
#[derive(Default)]
struct Queue {
    urgent: VecDeque<Wanted>,
    later: VecDeque<Wanted>,
    ended: bool,
}

impl Server {
    fn enter(&self, node: &NodeId) -> bool {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let open = streams.entry(*node).or_default();
        *open += 1;
        let allowed = *open <= OF_ONE;
        if !allowed {
            *open -= 1;
        }
        allowed
    }

    fn leave(&self, node: &NodeId) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = streams.get_mut(node) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                streams.remove(node);
            }
        }
    }

    async fn serve(&self, node: NodeId, stream: Stream) {
        let (mut reader, mut writer) = stream.split();
        let (queue, news) = (Mutex::new(Queue::default()), Notify::new());
        let locked = || queue.lock().unwrap_or_else(PoisonError::into_inner);
        let hear = async {
            loop {
                let want: Want = match codec::read(&mut reader).await {
                    Ok(want) => want,
                    Err(error) => break of_io(&error),
                };
                let mut queue = locked();
                match want {
                    Want::Blob { .. } if queue.urgent.len() + queue.later.len() >= limits::WANTS => {
                        break Some(Reason::Flood);
                    }
                    Want::Blob { id, cid, of, urgent: true } => queue.urgent.push_back((id, Some((cid, of)))),
                    Want::Blob { id, cid, of, urgent: false } => queue.later.push_back((id, Some((cid, of)))),
                    // What is cancelled is still answered, with nothing, so that both sides count alike.
                    Want::Cancel { id } => {
                        let is = |want: &Wanted| want.0 == id;
                        if let Some(at) = queue.later.iter().position(is) {
                            queue.later.remove(at);
                            queue.urgent.push_front((id, None));
                        } else if let Some(want) = queue.urgent.iter_mut().find(|want| is(want)) {
                            want.1 = None;
                        }
                    }
                }
                drop(queue);
                news.notify_one();
            }
        };
        let answer = async {
            loop {
                let next = {
                    let mut queue = locked();
                    let Queue { urgent, later, ended } = &mut *queue;
                    urgent.pop_front().or_else(|| later.pop_front()).ok_or(*ended)
                };
                match next {
                    Ok((id, wanted)) => {
                        let allowed = match wanted {
                            Some((cid, of)) => self.shelf.gives(&node, cid, of).await.then_some(cid),
                            None => None,
                        };
                        self.give(&node, &mut writer, id, allowed).await?;
                    }
                    Err(true) => break io::Result::Ok(()),
                    Err(false) => news.notified().await,
                }
            }
        };
        let heard = async {
            let reason = hear.await;
            locked().ended = true;
            news.notify_one();
            reason
        };
        tokio::pin!(answer);
        let reason = tokio::select! {
            reason = heard => {
                if reason.is_none() {
                    let _ = answer.await;
                }
                reason
            }
            _ = &mut answer => None,
        };
        if let Some(reason) = reason {
            self.net.refuse(&node, reason).await;
        }
    }

    async fn give(
        &self,
        node: &NodeId,
        writer: &mut (impl futures::AsyncWrite + Unpin + Send),
        id: u32,
        cid: Option<Cid>,
    ) -> io::Result<()> {
        let size = cid.and_then(|cid| self.shelf.blobs.size(&cid).ok()).unwrap_or(0);
        let units = u32::try_from(size.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, MEMORY as u32);
        let _memory = self.memory.acquire_many(units).await.map_err(io::Error::other)?;
        let blob = match cid {
            Some(cid) => self.checked(cid).await,
            None => None,
        };
        let answer = Answer { id, bytes: blob.as_ref().map(|blob| blob.len() as u64) };
        let sending = async {
            codec::write(writer, &answer).await?;
            writer.flush().await
        };
        timeout(STUCK, sending).await??;
        let Some(blob) = blob else { return Ok(()) };
        for piece in blob.chunks(PIECE) {
            timeout(STUCK, writer.write_all(piece)).await??;
            self.traffic.sent(node, piece.len());
        }
        timeout(STUCK, writer.flush()).await??;
        self.traffic.sent_blob(node);
        Ok(())
    }

    /// The blob if it is here and undamaged.
    async fn checked(&self, cid: Cid) -> Option<Bytes> {
        match self.shelf.blobs.read_verified(cid).await {
            Ok(blob) => Some(blob),
            Err(BlobError::Missing(_)) => None,
            Err(error) => {
                tracing::error!("{error}");
                None
            }
        }
    }
}

/// What is given to whom: blobs that are part of something which the asker may have.
#[derive(Debug, Clone)]
pub struct Shelf {
    blobs: Blobs,
    catalogue: Catalogue,
    growing: Growing,
    /// What is in the manifests that were asked for last.
    contents: Arc<Mutex<Contents>>,
}

/// Manifests and the blobs that they name, the last one asked for first.
type Contents = VecDeque<(Cid, Arc<BTreeSet<Cid>>)>;

impl Shelf {
    /// Of all that is here.
    #[must_use]
    pub fn new(blobs: Blobs, catalogue: Catalogue, growing: Growing) -> Self {
        Self { blobs, catalogue, growing, contents: Arc::default() }
    }

    /// Whether a node may have a blob as part of a manifest or of a capture in the making.
    async fn gives(&self, node: &NodeId, cid: Cid, of: Cid) -> bool {
        if let Some(groups) = self.growing.groups(&of) {
            return self.catalogue.may_have(&groups, node) && self.growing.has(&of, &cid);
        }
        let Ok(Some(made)) = self.catalogue.manifest(&of) else { return false };
        let Ok(groups) = self.catalogue.groups_of(&made.capture) else { return false };
        if self.catalogue.is_taken_down(&made.video).unwrap_or(true) {
            return false;
        }
        self.catalogue.may_have(&groups, node) && (cid == of || self.is_in(&cid, of).await)
    }

    async fn is_in(&self, cid: &Cid, manifest: Cid) -> bool {
        if let Some(known) = self.known(&manifest) {
            return known.contains(cid);
        }
        let Ok(block) = self.blobs.read_verified(manifest).await else { return false };
        let blobs = match Manifest::decode(&block) {
            Ok(read) => read.blobs(),
            // What another member made of a capture is a rendition alone.
            Err(_) => Rendition::decode(&block).map_or_else(|_| Vec::new(), |read| read.blobs().collect()),
        };
        let contents: Arc<BTreeSet<Cid>> = Arc::new(blobs.iter().map(|blob| blob.cid).collect());
        let mut all = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        all.truncate(CONTENTS - 1);
        all.push_front((manifest, Arc::clone(&contents)));
        contents.contains(cid)
    }

    fn known(&self, manifest: &Cid) -> Option<Arc<BTreeSet<Cid>>> {
        let mut all = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|(known, _)| known == manifest)?;
        let found = all.remove(at)?;
        let contents = Arc::clone(&found.1);
        all.push_front(found);
        Some(contents)
    }
}
