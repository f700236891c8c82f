//! Each behaviour by its name, to try one by hand against a running node.

use std::sync::Arc;

use anyhow::{Context, Result};
use clap::ValueEnum;
use horahora_protocol::NodeId;

use super::{BadQuestion, Hostile, Lie, Manner, Says, Story, Wants, forge, key_of};

/// One behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it, and Wants, Says and Lie explain it")]
pub enum Kind {
    OtherBytes,
    TooLong,
    TooShort,
    TooLarge,
    NeverGives,
    HalfGives,
    Endless,
    HugeFrame,
    Garbage,
    OtherName,
    AlmostAll,
    NeverAnswers,
    HalfAnswers,
    OversizeAnswers,
    MalformedAnswers,
    OddAnswers,
    OtherAnswers,
    OtherPresence,
    BrokenPresence,
    BrokenGenesis,
    BrokenEntries,
    OwnEntries,
    OtherFeed,
    OtherBody,
    Gap,
    Fork,
    TooManyEntries,
    NoEntries,
    SilentEntries,
    PaddedGrowing,
    BadQuestions,
    FloodQuestions,
    FloodGossip,
    FloodLives,
    ForgedGossip,
    LongGossip,
    ManyStreams,
    ManyWants,
    VainWants,
    FloodProviders,
}

impl Kind {
    fn wants(self) -> Wants {
        match self {
            Self::OtherBytes => Wants::OtherBytes,
            Self::TooLong => Wants::TooLong,
            Self::TooShort => Wants::TooShort,
            Self::TooLarge => Wants::TooLarge,
            Self::NeverGives => Wants::Never,
            Self::HalfGives => Wants::Half,
            Self::Endless => Wants::Endless,
            Self::HugeFrame => Wants::HugeFrame,
            Self::Garbage => Wants::Garbage,
            Self::OtherName => Wants::OtherName,
            Self::AlmostAll => Wants::AlmostAll,
            _ => Wants::Truth,
        }
    }

    fn says(self) -> Says {
        match self {
            Self::NeverAnswers => Says::Nothing,
            Self::HalfAnswers => Says::Half,
            Self::OversizeAnswers => Says::Oversize,
            Self::MalformedAnswers => Says::Malformed,
            Self::OddAnswers => Says::NotCanonical,
            Self::OtherAnswers => Says::OtherAnswer,
            Self::OtherPresence => Says::OtherPresence,
            Self::BrokenPresence => Says::BrokenPresence,
            Self::BrokenGenesis => Says::BrokenGenesis,
            Self::BrokenEntries => Says::Entries(Lie::BrokenSignature),
            Self::OwnEntries => Says::Entries(Lie::OwnSignature),
            Self::OtherFeed => Says::Entries(Lie::OtherFeed),
            Self::OtherBody => Says::Entries(Lie::OtherBody),
            Self::Gap => Says::Entries(Lie::Gap),
            Self::Fork => Says::Entries(Lie::Fork),
            Self::TooManyEntries => Says::Entries(Lie::TooMany),
            Self::NoEntries => Says::Entries(Lie::None),
            Self::SilentEntries => Says::Entries(Lie::Silence),
            Self::PaddedGrowing => Says::PaddedGrowing,
            _ => Says::Truth,
        }
    }
}

/// Learns what a node has, connects to it under a new name, behaves like this, and says on `out` what it did. It
/// stays until it is dropped or told to end.
///
/// # Errors
/// When the node is not there, or does not let it do that.
pub async fn by_hand(to: &str, kind: Kind, seed: &str, mut out: impl std::io::Write) -> Result<()> {
    let story = Story::of(to).await.context("nothing was learned")?;
    let story = match story.manifest {
        Some(_) => story.with_own(&key_of(seed), "fixtube:hostile", |_| ())?,
        None => story,
    };
    let manner = Manner { story: Arc::new(story.clone()), wants: kind.wants(), says: kind.says(), asked: 0 };
    let hostile = Hostile::start(seed, manner)?;
    writeln!(out, "{} at {}", hostile.id(), hostile.address().await?)?;
    let node = hostile.connect(to).await?;
    writeln!(out, "connected; Ctrl-C ends it")?;
    let attack = async || -> Result<()> {
        let mut round = 0;
        loop {
            hostile.attack(kind, &node, &story, round).await?;
            round += 1;
            tokio::time::sleep(super::AGAIN).await;
        }
    };
    tokio::select! {
        ended = attack() => ended,
        stopped = tokio::signal::ctrl_c() => Ok(stopped?),
    }
}

impl Hostile {
    /// One round of what it does by itself; nothing for what only answers.
    async fn attack(&self, kind: Kind, node: &NodeId, story: &Story, round: u64) -> Result<()> {
        let learned = story.learned.as_ref().context("nothing was learned")?;
        let like =
            || story.manifest.as_ref().and_then(|(_, m)| m.renditions.first()).context("no video there");
        match kind {
            Kind::BadQuestions => {
                for question in BadQuestion::ALL {
                    self.ask_badly(node, question).await?;
                }
            }
            Kind::FloodQuestions => _ = self.flood_questions(node, 64).await,
            Kind::FloodGossip => _ = self.flood_gossip(learned.feed, 100).await?,
            Kind::FloodLives => self.gossip_lives(learned.feed, round).await?,
            Kind::ForgedGossip => {
                let record = forge::forged_growing(learned.feed.node, learned.group, like()?);
                self.gossip_forged(&learned.group, record).await?;
            }
            Kind::LongGossip => self.gossip_long(learned.feed).await?,
            Kind::ManyStreams => {
                let held = self.open_streams(node, 64).await;
                tokio::time::sleep(super::PATIENCE).await;
                drop(held);
            }
            Kind::ManyWants => {
                let wants: Vec<_> = story.blobs.keys().copied().cycle().take(1000).collect();
                let of = story.manifest.as_ref().context("a video is known")?.0;
                let held = self.want_unread(node, &wants, of).await?;
                tokio::time::sleep(super::PATIENCE).await;
                drop(held);
            }
            Kind::VainWants => _ = self.want_in_vain(node, 1000).await?,
            Kind::FloodProviders => _ = self.flood_providers(node, 1000).await?,
            _ => anyhow::ensure!(self.is_connected(node), "the node hung up"),
        }
        Ok(())
    }
}
