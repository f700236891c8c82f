//! What the hostile peer does by itself: bytes that are no questions, floods, wants that nobody reads, gossip.

use anyhow::{Result, bail};
use futures::{AsyncReadExt, AsyncWriteExt, future::join_all};
use horahora_protocol::{
    Cid, Codec, NodeId,
    feed::{FeedId, Head},
    group::GroupId,
    growing::Growing,
    limits, message,
    message::{Gossip, Message, Request},
};
use libp2p::Stream;
use serde_bytes::ByteBuf;

use super::{
    Hostile,
    forge::{broken, signed_by},
    wire, within,
};

/// Addresses that a provider is said to have: as many as fit into one message of the hash table.
const ADDRESSES: usize = 60;

/// A question that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadQuestion {
    /// Larger than a question may be, and it really has that many bytes.
    Oversize,
    /// No DAG-CBOR.
    Malformed,
    /// DAG-CBOR in another form than the one.
    NotCanonical,
    /// More manifests than may be asked about at once.
    LongList,
}

impl BadQuestion {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Oversize, Self::Malformed, Self::NotCanonical, Self::LongList];

    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Oversize => wire::oversize(limits::REQUEST_BYTES),
            Self::Malformed => wire::frame(&[0xFF; 64]),
            Self::NotCanonical => {
                // An empty list of manifests, its length written in two bytes instead of one.
                wire::frame(&[b"\xA1\x67holding\xA1\x69manifests".as_slice(), &[0x98, 0x00]].concat())
            }
            Self::LongList => wire::frame(&holding(limits::HOLDINGS + 1).encode()),
        }
    }
}

fn holding(count: usize) -> Request {
    Request::Holding { manifests: vec![Cid::of(Codec::DagCbor, b"nothing"); count] }
}

impl Hostile {
    /// Sends bytes where questions belong, and gives what comes back until the stream ends.
    ///
    /// # Errors
    /// When no stream opens or nothing comes in time.
    pub async fn say(&self, node: &NodeId, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut stream = self.open(node, message::SYNC).await?;
        let talking = async {
            stream.write_all(bytes).await?;
            stream.flush().await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            Ok(answer)
        };
        within("the question is answered", talking).await?
    }

    /// Asks something that cannot be read; the node may answer or hang up.
    ///
    /// # Errors
    /// When no stream opens.
    pub async fn ask_badly(&self, node: &NodeId, question: BadQuestion) -> Result<()> {
        let _ = self.say(node, &question.bytes()).await;
        Ok(())
    }

    /// Asks questions that cost something, this many at once. Gives how many were answered.
    pub async fn flood_questions(&self, node: &NodeId, count: usize) -> usize {
        let question = wire::frame(&holding(limits::HOLDINGS).encode());
        let answers = join_all((0..count).map(|_| self.say(node, &question))).await;
        answers.iter().filter(|answer| answer.as_ref().is_ok_and(|bytes| !bytes.is_empty())).count()
    }

    /// Opens streams for blobs, and wants something that nobody has on each. Those that the node takes stay open
    /// while they are held; a busy node lets some go at once.
    pub async fn open_streams(&self, node: &NodeId, count: u32) -> Held {
        let mut streams = Vec::new();
        for number in 0..count {
            if let Ok(stream) = self.want(node, &[(number + 1, nobodys(number))], nobodys(number)).await {
                streams.push(stream);
            }
        }
        Held(streams)
    }

    /// Wants blobs on one stream and never reads what comes.
    ///
    /// # Errors
    /// When no stream opens.
    pub async fn want_unread(&self, node: &NodeId, wants: &[Cid], of: Cid) -> Result<Held> {
        let wants: Vec<_> = (1..).zip(wants.iter().copied()).collect();
        Ok(Held(vec![self.want(node, &wants, of).await?]))
    }

    /// Wants blobs that nobody has, one after the other, and reads the answers. Gives how many came.
    ///
    /// # Errors
    /// When the node hangs up.
    pub async fn want_in_vain(&self, node: &NodeId, count: u32) -> Result<u32> {
        let mut stream = self.want(node, &[], nobodys(0)).await?;
        for number in 0..count {
            let want =
                message::Want::Blob { id: number + 1, cid: nobodys(number), of: nobodys(0), urgent: true };
            stream.write_all(&wire::frame(&want.encode())).await?;
            stream.flush().await?;
            let answer = message::Answer::decode(&wire::read_frame(&mut stream).await?)?;
            if answer.bytes.is_some() {
                bail!("the node has what nobody has");
            }
        }
        Ok(count)
    }

    /// Gossips a record which `record.node` did not sign: this peer did.
    ///
    /// # Errors
    /// When nobody hears it.
    pub async fn gossip_forged(&self, group: &GroupId, record: Growing) -> Result<()> {
        let block = signed_by(&self.keypair, record);
        self.gossip(group, &gossip_of(Vec::new(), vec![block]).encode()).await
    }

    /// Gossips a record with a signature that fits nobody.
    ///
    /// # Errors
    /// When nobody hears it.
    pub async fn gossip_broken(&self, group: &GroupId, record: Growing) -> Result<()> {
        let block = broken(signed_by(&self.keypair, record));
        self.gossip(group, &gossip_of(Vec::new(), vec![block]).encode()).await
    }

    /// Gossips more heads than one message may have.
    ///
    /// # Errors
    /// When nobody hears it.
    pub async fn gossip_long(&self, feed: FeedId) -> Result<()> {
        let heads = (0..=limits::GOSSIP_FEEDS as u64).map(|seq| (feed, unknown_head(seq)));
        self.gossip(&feed.group, &gossip_of(heads.collect(), Vec::new()).encode()).await
    }

    /// Gossips that a feed has grown, this many times, each time in other words. Gives how often it could.
    ///
    /// # Errors
    /// When nobody hears it.
    pub async fn flood_gossip(&self, feed: FeedId, count: u64) -> Result<u64> {
        self.gossip(&feed.group, &gossip_of(vec![(feed, unknown_head(0))], Vec::new()).encode()).await?;
        let mut said = 0;
        for seq in 1..count {
            let message = gossip_of(vec![(feed, unknown_head(seq))], Vec::new());
            said += u64::from(self.try_gossip(&feed.group, message.encode()).await.is_ok());
        }
        Ok(said)
    }

    /// Tells of heads of many lives of a feed's writer; nobody else knows any of them.
    ///
    /// # Errors
    /// When nobody hears it.
    pub async fn gossip_lives(&self, feed: FeedId, salt: u64) -> Result<()> {
        let life = |number| FeedId { incarnation: salt * 1000 + number + 2, ..feed };
        let heads = (0..limits::GOSSIP_FEEDS as u64).map(|number| (life(number), unknown_head(number)));
        self.try_gossip(&feed.group, gossip_of(heads.collect(), Vec::new()).encode()).await
    }

    /// Says in the hash table, this many times, that it has something, each time with as many addresses as fit.
    /// Gives how many bytes of messages it sent.
    ///
    /// # Errors
    /// When the node hangs up.
    pub async fn flood_providers(&self, node: &NodeId, count: u32) -> Result<u64> {
        let mut stream = self.open(node, message::KADEMLIA).await?;
        let id = self.keypair.public().to_peer_id().to_bytes();
        let mut sent = 0;
        for number in 0..count {
            let mut provider = wire::field(1, &id);
            for address in 0..ADDRESSES {
                provider.extend(wire::field(2, &long_address(number, address)?));
            }
            // Type 2 is ADD_PROVIDER; key and provider follow.
            let mut body = vec![1 << 3, 2];
            body.extend(wire::field(2, nobodys(number).hash()));
            body.extend(wire::field(9, &provider));
            let message = [wire::varint(body.len()), body].concat();
            stream.write_all(&message).await?;
            sent += message.len() as u64;
        }
        stream.flush().await?;
        Ok(sent)
    }
}

/// Streams that stay open, and are not read, until this is dropped.
pub struct Held(Vec<Stream>);

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({})", self.0.len())
    }
}

fn gossip_of(heads: Vec<(FeedId, Head)>, growing: Vec<Vec<u8>>) -> Gossip {
    Gossip { v: 1, heads, growing: growing.into_iter().map(ByteBuf::from).collect(), claims: Vec::new() }
}

fn unknown_head(seq: u64) -> Head {
    Head { seq: 1_000_000 + seq, entry: Cid::of(Codec::DagCbor, &seq.to_be_bytes()) }
}

fn nobodys(number: u32) -> Cid {
    Cid::of(Codec::Raw, format!("nobody has {number}").as_bytes())
}

/// A valid address of about 250 bytes.
fn long_address(number: u32, address: usize) -> Result<Vec<u8>> {
    let name = format!("{}.{number}.{address}.example", ["a"; 200].concat());
    let address: libp2p::Multiaddr = format!("/dns4/{name}/tcp/4150").parse()?;
    Ok(address.to_vec())
}
