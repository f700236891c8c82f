//! What the hostile peer knows and tells: feeds and blobs that it learned from an honest node, and its own.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::AsyncReadExt;
use horahora_protocol::{
    Cid, Codec, NodeId, NodeKey, Signed, Timestamp, VideoId, codec,
    entry::{Body, Capture, CaptureStart, Entry, Profile},
    feed::{Feed, FeedId, Head},
    group::{Genesis, GroupId},
    limits,
    manifest::Manifest,
    message::{self, Answer, Ask, EntryBlocks, GroupHeads, Message, Presence, Request, Response, Want},
    summary::Summary,
};
use serde_bytes::ByteBuf;

use super::{Hostile, Manner, wire, within};

/// When everything that it makes up was, so that no clock is needed: in the year 2025.
pub(super) const THEN: Timestamp = Timestamp(1_750_000_000_000);

/// What its group is called.
pub(super) const NAME: &str = "hostile";

/// A group with the feed of its founder.
#[derive(Debug, Clone)]
pub struct Chronicle {
    /// The group.
    pub group: GroupId,
    /// Its signed genesis.
    pub genesis: Vec<u8>,
    /// Its founder's feed.
    pub feed: FeedId,
    /// Where that ends.
    pub head: Head,
    /// All its entries.
    pub entries: Vec<EntryBlocks>,
}

impl Chronicle {
    /// What the owner of a key says in a group.
    ///
    /// # Errors
    /// When it says nothing.
    pub fn write(key: &NodeKey, genesis: &[u8], incarnation: u64, bodies: &[Body]) -> Result<Self> {
        let group = Cid::of(Codec::DagCbor, genesis);
        let feed = FeedId { group, node: key.node_id(), incarnation };
        let mut writer = Feed::new(feed, None);
        let entries = bodies.iter().map(|body| EntryBlocks {
            entry: ByteBuf::from(writer.append(key, body, THEN).block().1),
            body: Some(ByteBuf::from(body.block().1)),
        });
        let entries = entries.collect();
        let head = writer.head().context("something was written")?;
        Ok(Self { group, genesis: genesis.to_vec(), feed, head, entries })
    }

    /// As it is told of in [`Heads`].
    pub(super) fn told(&self) -> GroupHeads {
        GroupHeads {
            genesis: ByteBuf::from(self.genesis.clone()),
            feeds: Some(vec![(self.feed.node, self.feed.incarnation, self.head)]),
            forks: Vec::new(),
            presences: Vec::new(),
        }
    }
}

/// Feeds and blobs.
#[derive(Debug, Clone, Default)]
pub struct Story {
    /// The honest node's, as it told it.
    pub learned: Option<Chronicle>,
    /// Its own.
    pub own: Option<Chronicle>,
    /// The newest manifest of the honest node's video, with its address.
    pub manifest: Option<(Cid, Manifest)>,
    /// Blobs as they should be.
    pub blobs: BTreeMap<Cid, Bytes>,
}

impl Story {
    /// Learns the feed and the newest video of the honest node at an address, with all its blobs, as any peer
    /// may. It asks under a name of its own, so that nobody knows the one who will lie.
    ///
    /// # Errors
    /// When the node does not tell.
    pub async fn of(address: &str) -> Result<Self> {
        let asker = Hostile::start(&format!("who asks at {address}"), Manner::default())?;
        let node = asker.connect(address).await?;
        let chronicle = asker.chronicle(&node).await?;
        let mut story = Self { learned: Some(chronicle.clone()), ..Self::default() };
        let mut captures = chronicle.entries.iter().filter_map(|entry| {
            match Body::decode("capture", entry.body.as_ref()?) {
                Ok(Body::Capture(capture)) => Some(capture),
                _ => None,
            }
        });
        let Some(newest) = captures.next_back() else { return Ok(story) };
        let block = asker.fetch(&node, newest.manifest, newest.manifest).await?;
        let manifest = Manifest::decode(&block)?;
        story.blobs.insert(newest.manifest, block);
        for blob in manifest.blobs() {
            story.blobs.insert(blob.cid, asker.fetch(&node, blob.cid, newest.manifest).await?);
        }
        story.manifest = Some((newest.manifest, manifest));
        Ok(story)
    }

    /// Adds a group of the liar's own, valid in every way, with one video in its feed: the learned one under
    /// another id.
    ///
    /// # Errors
    /// When nothing was learned before.
    pub fn with_own(
        mut self,
        key: &NodeKey,
        video: &str,
        summary: impl FnOnce(&mut Summary),
    ) -> Result<Self> {
        let (_, learned) = self.manifest.as_ref().context("something was learned")?;
        let genesis = genesis(key, NAME).block().1;
        let video: VideoId = video.parse()?;
        let start = CaptureStart { v: 1, node: key.node_id(), video: video.clone(), at: THEN };
        let capture = codec::block(&start).0;
        let manifest = Manifest { capture, video: video.clone(), previous: None, ..learned.clone() };
        let (cid, block) = codec::block(&manifest);
        let mut told = Summary::of(&manifest);
        summary(&mut told);
        let bodies = [
            Body::Profile(Profile { v: 1, name: "hostile".to_owned(), software: "hostile/1".to_owned() }),
            Body::Capture(Capture {
                v: 2,
                capture,
                video,
                source_url: manifest.source_url.clone(),
                fetched_at: THEN,
                tools: BTreeMap::new(),
                info: None,
                original: Vec::new(),
                manifest: cid,
                summary: Some(told),
                missing: Vec::new(),
            }),
        ];
        self.own = Some(Chronicle::write(key, &genesis, 1, &bodies)?);
        self.blobs.insert(cid, block.into());
        Ok(self)
    }
}

/// A group of this key's own.
pub(super) fn genesis(key: &NodeKey, name: &str) -> horahora_protocol::Verified<Genesis> {
    key.sign(Genesis {
        v: 1,
        founder: key.node_id(),
        name: name.to_owned(),
        public: true,
        at: THEN,
        nonce: vec![7; 16],
    })
}

/// What the owner of a key says about itself.
pub(super) fn presence(key: &NodeKey) -> horahora_protocol::Verified<Presence> {
    key.sign(Presence {
        v: 2,
        node: key.node_id(),
        group: genesis(key, NAME).block().0,
        at: THEN,
        name: "hostile".to_owned(),
        software: "hostile/1".to_owned(),
        videos: u64::MAX,
        parts: u64::MAX,
        bytes: u64::MAX,
        free: u64::MAX,
        addresses: Vec::new(),
    })
}

/// An entry as its block says, signed by whoever.
pub(super) fn entry_of(block: &[u8]) -> Result<Entry> {
    let signed: Signed<Entry> = codec::decode(block, limits::ENTRY_BYTES)?;
    Ok((*signed.verify()?).clone())
}

impl Hostile {
    /// Asks a node, as an honest peer would.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn question(&self, node: &NodeId, request: &Request) -> Result<Response> {
        let answer = self.say(node, &wire::frame(&request.encode())).await?;
        let message = answer.get(4..).context("an answer")?;
        Ok(Response::decode(message)?)
    }

    /// The founder's feed of a node's own group.
    async fn chronicle(&self, node: &NodeId) -> Result<Chronicle> {
        let ours = Ask { v: 2, presence: ByteBuf::from(presence(self.key()).block().1), groups: Vec::new() };
        let Response::Heads(theirs) = self.question(node, &Request::Heads(ours)).await? else {
            bail!("no heads");
        };
        let GroupHeads { genesis, feeds, .. } = theirs.groups.into_iter().next().context("a group")?;
        let (writer, incarnation, head) = *feeds.iter().flatten().next().context("a feed")?;
        let group = Cid::of(Codec::DagCbor, &genesis);
        let feed = FeedId { group, node: writer, incarnation };
        let mut entries = Vec::new();
        while (entries.len() as u64) <= head.seq {
            let request = Request::Entries { feed, from: entries.len() as u64 };
            match self.question(node, &request).await? {
                Response::Entries(more) if !more.is_empty() => entries.extend(more),
                other => bail!("no entries: {other:?}"),
            }
        }
        Ok(Chronicle { group, genesis: genesis.into_vec(), feed, head, entries })
    }

    /// Fetches a blob of a manifest, as an honest peer would.
    ///
    /// # Errors
    /// When the node does not give it.
    pub async fn fetch(&self, node: &NodeId, cid: Cid, of: Cid) -> Result<Bytes> {
        let mut stream = self.want(node, &[(1, cid)], of).await?;
        let fetching = async {
            let answer = Answer::decode(&wire::read_frame(&mut stream).await?)?;
            let size = answer.bytes.context("the node does not have it")?;
            let mut blob = vec![0; usize::try_from(size)?];
            stream.read_exact(&mut blob).await?;
            anyhow::ensure!(cid.matches(&blob), "the node gave something else");
            Ok(Bytes::from(blob))
        };
        within("a blob comes", fetching).await?
    }

    /// Opens a stream for blobs and sends these wants.
    pub(super) async fn want(&self, node: &NodeId, wants: &[(u32, Cid)], of: Cid) -> Result<libp2p::Stream> {
        use futures::AsyncWriteExt;
        let mut stream = self.open(node, message::BLOBS).await?;
        let wants =
            wants.iter().map(|(id, cid)| Want::Blob { id: *id, cid: *cid, of, urgent: true }.encode());
        let frames: Vec<u8> = wants.flat_map(|want| wire::frame(&want)).collect();
        stream.write_all(&frames).await?;
        stream.flush().await?;
        Ok(stream)
    }
}
