//! What others hear when they ask. Who may not know of something hears the same as if it were not there.

use horahora_protocol::{
    Cid, NodeId, VideoId,
    group::GroupId,
    limits,
    message::{Copies, Gossip, Held, Refusal, Request, Response},
};
use serde_bytes::ByteBuf;

use super::Sync;
use crate::{
    feeds::JoinRefusal,
    net::Reason,
    store::rows::{Holding, VideoRow},
};

impl Sync {
    pub(super) async fn answer(&self, node: NodeId, request: Request) -> Response {
        let unknown = Response::Refused(Refusal::Unknown);
        let rooms = self.rooms();
        match request {
            Request::Heads(theirs) => self.answer_heads(node, theirs).await.map_or(unknown, Response::Heads),
            Request::Entries { feed, from } => {
                if !rooms.groups.may_read(&feed.group, &node) {
                    rooms.net.refuse(&node, Reason::Outsider).await;
                }
                let feeds = rooms.feeds.clone();
                let read = tokio::task::spawn_blocking(move || feeds.entries(&node, &feed, from)).await;
                read.ok().and_then(Result::ok).map_or(unknown, Response::Entries)
            }
            Request::Growing { capture, run, have } => {
                let groups = rooms.growing.groups(&capture).unwrap_or_default();
                let readable = groups.iter().find(|group| rooms.groups.may_read(group, &node));
                let records = readable.map(|group| rooms.growing.records(&capture, *group, run, &have));
                let records = records.unwrap_or_default();
                Response::Growing(records.into_iter().map(ByteBuf::from).collect())
            }
            Request::Holding { manifests } => {
                let held = |manifest: &Cid| {
                    let row = self.held(&node, manifest).unwrap_or_default();
                    Held { blobs: row.blobs, bytes: row.bytes }
                };
                Response::Holding(manifests.iter().map(held).collect())
            }
            Request::Videos { videos } => {
                Response::Videos(videos.iter().map(|video| self.copies(Some(&node), video)).collect())
            }
            Request::Captures { video } => Response::Captures(self.whole(&node, &video)),
            Request::Join { invite, redemption } => self.let_in(node, &invite, &redemption).await,
            Request::Claim { claim } => self.answer_claim(&node, &claim).await.unwrap_or(unknown),
            Request::Claims { group, claims } => {
                self.answer_claims(&node, group, claims).await.unwrap_or(unknown)
            }
            Request::News { group, gossip } => self.hear_news(node, group, gossip).await,
        }
    }

    fn held(&self, node: &NodeId, manifest: &Cid) -> Option<Holding> {
        let catalogue = &self.rooms().catalogue;
        let groups = catalogue.groups_of_manifest(manifest).ok()?;
        let made = catalogue.manifest(manifest).ok()?;
        let taken_down = made.is_some_and(|made| catalogue.is_taken_down(&made.video).unwrap_or(true));
        if taken_down || !catalogue.may_have(&groups, node) {
            return None;
        }
        catalogue.holding(manifest).ok()
    }

    /// Manifests of captures of a video that are whole here, as far as `node` may have them.
    fn whole(&self, node: &NodeId, video: &VideoId) -> Vec<Cid> {
        let whole = |manifest: &Cid| self.held(node, manifest).is_some_and(|held| held.is_whole());
        self.manifests_of(video).into_iter().filter(whole).take(limits::COPIES).collect()
    }

    fn manifests_of(&self, video: &VideoId) -> Vec<Cid> {
        let catalogue = &self.rooms().catalogue;
        let row: Option<VideoRow> = catalogue.video(video).ok().flatten();
        row.and_then(|row| catalogue.manifests_of(&row).ok()).unwrap_or_default()
    }

    /// How much is here of a video, as far as `node` may know; none for whoever asks on this node itself.
    pub(super) fn copies(&self, node: Option<&NodeId>, video: &VideoId) -> Copies {
        let held = self.manifests_of(video).into_iter().filter_map(|manifest| match node {
            Some(node) => self.held(node, &manifest),
            None => self.rooms().catalogue.holding(&manifest).ok(),
        });
        let copies = held.map(|held| match held {
            held if held.is_whole() => Copies::Whole,
            held if held.blobs > 0 => Copies::Part,
            _ => Copies::None,
        });
        copies.max().unwrap_or(Copies::None)
    }

    async fn let_in(&self, node: NodeId, invite: &[u8], redemption: &[u8]) -> Response {
        let net = &self.rooms().net;
        match self.rooms().feeds.admit(&node, invite, redemption).await {
            Ok(genesis) => {
                tracing::info!(%node, "was let into a group by its ticket");
                Response::Joined { genesis: ByteBuf::from(genesis) }
            }
            Err(refusal) => {
                let (reason, said) = match refusal {
                    JoinRefusal::Expired => (Reason::StaleTicket, Refusal::Expired),
                    JoinRefusal::UsedUp => (Reason::StaleTicket, Refusal::UsedUp),
                    JoinRefusal::NotAllowed => (Reason::StaleTicket, Refusal::NotAllowed),
                    JoinRefusal::Unknown => (Reason::Outsider, Refusal::Unknown),
                    JoinRefusal::Forged => (Reason::BadSignature, Refusal::Unknown),
                    JoinRefusal::Failed => return Response::Refused(Refusal::Busy),
                };
                net.refuse(&node, reason).await;
                Response::Refused(said)
            }
        }
    }

    async fn hear_news(&self, node: NodeId, group: GroupId, gossip: Gossip) -> Response {
        let rooms = self.rooms();
        let known = rooms
            .groups
            .get(&group)
            .is_some_and(|view| !view.group.public && view.group.members.contains_key(&node));
        if !known {
            rooms.net.refuse(&node, Reason::Outsider).await;
            return Response::Refused(Refusal::Unknown);
        }
        if gossip.heads.iter().any(|(feed, _)| feed.group != group) {
            rooms.net.refuse(&node, Reason::Malformed).await;
            return Response::Refused(Refusal::Unknown);
        }
        self.spawn(move |sync| async move { sync.gossip(node, node, group, gossip).await });
        Response::Heard
    }
}
