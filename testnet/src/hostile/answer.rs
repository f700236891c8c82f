//! How the hostile peer answers questions and wants: as it is told.

use std::sync::{Arc, Mutex};

use futures::{AsyncWriteExt, StreamExt};
use horahora_protocol::{
    Cid, Codec, NodeKey, limits,
    manifest::Rendition,
    message::{self, Answer, EntryBlocks, GroupHeads, Heads, Held, Message, Request, Response, Want},
};
use libp2p::{Stream, identity::Keypair};
use libp2p_stream::IncomingStreams;
use serde_bytes::ByteBuf;
use tokio::task::JoinSet;

use super::{
    forge::{broken, next_entry, padded_growing, signed, signed_by},
    key_of, locked,
    story::{Chronicle, Story, entry_of, genesis, presence},
    wire::{self, Reply},
};

/// How wants are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wants {
    /// With the blob.
    #[default]
    Truth,
    /// With other bytes of the right size.
    OtherBytes,
    /// With a blob that is a byte too long.
    TooLong,
    /// With one that is a byte too short.
    TooShort,
    /// With one that is larger than any blob may be.
    TooLarge,
    /// Not at all.
    Never,
    /// With the right first half, and then nothing.
    Half,
    /// With the right size, and then wrong bytes for ever.
    Endless,
    /// With a frame that says it has 4 GB.
    HugeFrame,
    /// With bytes that are no frame.
    Garbage,
    /// Under a name that nobody asked for.
    OtherName,
    /// As the largest blob there may be, all of it but the last byte; manifests too.
    AlmostAll,
}

/// How questions are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Says {
    /// As they should be, but it claims to hold everything.
    #[default]
    Truth,
    /// Not at all.
    Nothing,
    /// With half of an answer, and then nothing.
    Half,
    /// With more than an answer may have.
    Oversize,
    /// With something that is no DAG-CBOR.
    Malformed,
    /// With DAG-CBOR in another form than the one.
    NotCanonical,
    /// With the answer to another question.
    OtherAnswer,
    /// With the word of another node about itself.
    OtherPresence,
    /// With a word about itself whose signature does not fit.
    BrokenPresence,
    /// With a group that its founder did not sign.
    BrokenGenesis,
    /// With such entries.
    Entries(Lie),
    /// With records of a capture in the making, each as large as it may be, for ever.
    PaddedGrowing,
}

/// What is wrong with entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// The honest founder's next entry, with a signature that is none.
    BrokenSignature,
    /// The honest founder's next entry, signed by the liar.
    OwnSignature,
    /// An entry of the liar in the founder's feed.
    OtherFeed,
    /// The founder's entry with another body.
    OtherBody,
    /// The founder's entries without the first.
    Gap,
    /// In its own feed: an entry that does not follow the one before.
    Fork,
    /// More than one answer may have.
    TooMany,
    /// None, for ever, while it says that there are more.
    None,
    /// The question is never answered.
    Silence,
}

/// How the peer behaves.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// What it knows.
    pub story: Arc<Story>,
    /// How it answers wants; manifests are given as they are unless that says otherwise.
    pub wants: Wants,
    /// How it answers questions.
    pub says: Says,
    /// Wants and questions so far.
    pub asked: u64,
}

/// Answers questions.
pub(super) struct Answerer {
    pub(super) key: Arc<NodeKey>,
    pub(super) manner: Arc<Mutex<Manner>>,
}

impl Answerer {
    /// The answer to a question, none to leave it open.
    pub(super) fn answer(&self, request: &[u8]) -> Option<Reply> {
        let (says, story) = {
            let mut manner = locked(&self.manner);
            manner.asked += 1;
            (manner.says, Arc::clone(&manner.story))
        };
        let Ok(request) = Request::decode(request) else { return Some(Reply::Bytes(Vec::new())) };
        // "holding" with an empty list, whose length is written in two bytes instead of one.
        let odd = [b"\xA1\x67holding".as_slice(), &[0x98, 0x00]].concat();
        Some(match says {
            Says::Nothing => return None,
            Says::Half => Reply::Hang(vec![0, 0, 1, 0, 0xA1]),
            Says::Oversize => Reply::Bytes(wire::oversize(limits::RESPONSE_BYTES)),
            Says::Malformed => Reply::Bytes(wire::frame(&[0xFF; 64])),
            Says::NotCanonical => Reply::Bytes(wire::frame(&odd)),
            Says::OtherAnswer => {
                let other = match request {
                    Request::Holding { .. } => Response::Entries(Vec::new()),
                    _ => Response::Holding(Vec::new()),
                };
                reply(&other)
            }
            Says::Entries(Lie::Silence) if matches!(request, Request::Entries { .. }) => return None,
            _ => reply(&self.response(&request, says, &story)),
        })
    }

    fn response(&self, request: &Request, says: Says, story: &Story) -> Response {
        match request {
            Request::Heads(_) => Response::Heads(self.heads(says, story)),
            Request::Entries { feed, from } => {
                let known = [&story.learned, &story.own].into_iter().flatten().find(|c| c.feed == *feed);
                let entries =
                    known.map_or_else(Vec::new, |chronicle| self.entries(chronicle, *from, says, story));
                Response::Entries(entries)
            }
            Request::Growing { have, .. } => {
                let from = have.values().copied().max().unwrap_or(0);
                let like = story.manifest.as_ref().and_then(|(_, manifest)| manifest.renditions.first());
                let records =
                    like.filter(|_| says == Says::PaddedGrowing).map(|like| self.padded(like, from));
                Response::Growing(records.unwrap_or_default())
            }
            Request::Holding { manifests } => Response::Holding(
                manifests.iter().map(|_| Held { blobs: u64::MAX, bytes: u64::MAX }).collect(),
            ),
            Request::Videos { videos } => {
                Response::Videos(videos.iter().map(|_| message::Copies::Whole).collect())
            }
            Request::Captures { .. }
            | Request::Join { .. }
            | Request::News { .. }
            | Request::Claim { .. }
            | Request::Claims { .. } => Response::Refused(message::Refusal::Unknown),
        }
    }

    fn heads(&self, says: Says, story: &Story) -> Heads {
        let word = match says {
            Says::OtherPresence => presence(&key_of("somebody else")).block().1,
            Says::BrokenPresence => broken(presence(&self.key).block().1),
            _ => presence(&self.key).block().1,
        };
        let mut groups: Vec<_> =
            [&story.own, &story.learned].into_iter().flatten().map(Chronicle::told).collect();
        if says == Says::BrokenGenesis {
            let block = broken(genesis(&self.key, "nobody signed this").block().1);
            let (genesis, feeds) = (ByteBuf::from(block), Some(Vec::new()));
            groups.insert(0, GroupHeads { genesis, feeds, forks: Vec::new(), presences: Vec::new() });
        }
        if matches!(says, Says::Entries(_)) {
            // There is always one more to ask for.
            groups
                .iter_mut()
                .flat_map(|group| group.feeds.iter_mut().flatten())
                .for_each(|(_, _, head)| head.seq += 1);
        }
        Heads { v: 2, presence: ByteBuf::from(word), groups }
    }

    fn entries(&self, chronicle: &Chronicle, from: u64, says: Says, story: &Story) -> Vec<EntryBlocks> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let truth = chronicle.entries.get(from..).unwrap_or_default();
        let own = story.own.as_ref().is_some_and(|own| own.feed == chronicle.feed);
        let Says::Entries(lie) = says else { return truth.to_vec() };
        if own != (lie == Lie::Fork) {
            return truth.to_vec();
        }
        match lie {
            Lie::Gap => return truth.iter().skip(1).cloned().collect(),
            Lie::TooMany => return vec![chronicle.entries[0].clone(); limits::BATCH_ENTRIES + 1],
            Lie::None | Lie::Silence => return Vec::new(),
            Lie::OtherBody => {
                let mut entries = truth.to_vec();
                for entry in &mut entries {
                    entry.body = Some(ByteBuf::from(horahora_protocol::codec::encode(&"forged")));
                }
                return entries;
            }
            Lie::Fork | Lie::BrokenSignature | Lie::OwnSignature | Lie::OtherFeed if !truth.is_empty() => {
                return truth.to_vec();
            }
            Lie::Fork | Lie::BrokenSignature | Lie::OwnSignature | Lie::OtherFeed => {}
        }
        let (mut entry, mut blocks) = next_entry(chronicle.feed, chronicle.head);
        let keypair = Keypair::ed25519_from_bytes(self.key.secret()).expect("a key is a key");
        match lie {
            Lie::OtherFeed => entry.node = self.key.node_id(),
            Lie::Fork => entry.previous = entry_of(&chronicle.entries[0].entry).ok().map(|first| first.body),
            _ => {}
        }
        blocks.entry = ByteBuf::from(signed_by(&keypair, entry));
        if lie == Lie::BrokenSignature {
            blocks.entry = ByteBuf::from(broken(blocks.entry.into_vec()));
        }
        vec![blocks]
    }

    /// As many records as one answer holds.
    fn padded(&self, like: &Rendition, from: u32) -> Vec<ByteBuf> {
        let most = limits::RESPONSE_BYTES / limits::GROWING_BYTES;
        let record = |number| ByteBuf::from(signed(&self.key, padded_growing(&self.key, like, number)));
        (from..from + most as u32).map(record).collect()
    }
}

fn reply(response: &Response) -> Reply {
    Reply::Bytes(wire::frame(&response.encode()))
}

/// Answers the wants on every stream that comes.
pub(super) async fn give(mut incoming: IncomingStreams, manner: Arc<Mutex<Manner>>) {
    let mut streams = JoinSet::new();
    while let Some((_, stream)) = incoming.next().await {
        let manner = Arc::clone(&manner);
        // A stream that the other side ended is over.
        streams.spawn(async move { _ = serve(stream, manner).await });
    }
}

async fn serve(mut stream: Stream, manner: Arc<Mutex<Manner>>) -> anyhow::Result<()> {
    loop {
        let Want::Blob { id, cid, .. } = Want::decode(&wire::read_frame(&mut stream).await?)? else {
            continue;
        };
        let (wants, story) = {
            let mut manner = locked(&manner);
            manner.asked += 1;
            (manner.wants, Arc::clone(&manner.story))
        };
        let honest = cid.codec() == Codec::DagCbor && wants != Wants::AlmostAll;
        let wants = if honest { Wants::Truth } else { wants };
        lie(&mut stream, id, cid, wants, &story).await?;
        stream.flush().await?;
    }
}

async fn lie(stream: &mut Stream, id: u32, cid: Cid, wants: Wants, story: &Story) -> anyhow::Result<()> {
    let Some(blob) = story
        .blobs
        .get(&cid)
        .filter(|_| wants != Wants::AlmostAll)
        .cloned()
        .or_else(|| (wants == Wants::AlmostAll).then(|| vec![0xAB; limits::BLOB_BYTES].into()))
    else {
        stream.write_all(&wire::frame(&Answer { id, bytes: None }.encode())).await?;
        return Ok(());
    };
    let size = blob.len() as u64;
    let head = |bytes: u64| wire::frame(&Answer { id, bytes: Some(bytes) }.encode());
    let wrong: Vec<u8> = blob.iter().take(1 << 16).map(|byte| !byte).collect();
    match wants {
        Wants::Truth => stream.write_all(&[head(size).as_slice(), &blob].concat()).await?,
        Wants::OtherBytes => {
            let mut other = blob.to_vec();
            // The first bytes are right; a check of the beginning would believe it.
            if let Some(last) = other.last_mut() {
                *last ^= 1;
            }
            stream.write_all(&[head(size).as_slice(), &other].concat()).await?;
        }
        Wants::TooLong => stream.write_all(&[head(size + 1).as_slice(), &blob, &[0]].concat()).await?,
        Wants::TooShort => stream.write_all(&[head(size - 1).as_slice(), &blob[1..]].concat()).await?,
        Wants::TooLarge => {
            stream.write_all(&head(limits::BLOB_BYTES as u64 + 1)).await?;
            endless(stream, &wrong).await?;
        }
        Wants::Never => {}
        Wants::Half => stream.write_all(&[head(size).as_slice(), &blob[..blob.len() / 2]].concat()).await?,
        Wants::Endless => {
            stream.write_all(&head(size)).await?;
            endless(stream, &wrong).await?;
        }
        Wants::HugeFrame => {
            stream.write_all(&u32::MAX.to_be_bytes()).await?;
            endless(stream, &wrong).await?;
        }
        Wants::Garbage => stream.write_all(&wire::frame(&[0xFF; 200])).await?,
        Wants::OtherName => {
            let answer = Answer { id: id.wrapping_add(1000), bytes: Some(size) };
            stream.write_all(&[wire::frame(&answer.encode()).as_slice(), &blob].concat()).await?;
        }
        Wants::AlmostAll => {
            stream.write_all(&head(size)).await?;
            stream.write_all(&blob[1..]).await?;
        }
    }
    Ok(())
}

async fn endless(stream: &mut Stream, bytes: &[u8]) -> anyhow::Result<()> {
    loop {
        stream.write_all(bytes).await?;
    }
}
