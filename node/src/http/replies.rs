//! Comments of a video's origin, as they were archived. Read once and kept for a while: a page asks for them again and again.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json,
    extract::{Path, State},
};
use horahora_protocol::{
    Cid,
    manifest::{File, Manifest},
};
use horahora_web::{Comment, Origin, tr};
use serde_json::json;

use super::{Rooms, Shared, api::Answer, error::ApiError, pages::date};
use crate::{
    media::replies::{self, Reply},
    store::rows::VideoRow,
};

/// Videos whose comments are kept.
const KEPT: usize = 32;
/// Files that are looked at, the latest ones.
const FILES: usize = 4;
/// Threads that the page shows until somebody wants all.
const THREADS: usize = 20;

/// What was read lately, by manifest.
#[derive(Debug, Default)]
pub struct Replies(Mutex<VecDeque<(Cid, Arc<Vec<Reply>>)>>);

/// `GET /api/v1/videos/{video}/replies`
pub(super) async fn list(State(rooms): Shared, Path(id): Path<String>) -> Answer {
    let video = rooms.video_row(&id)?;
    let Some(cid) = video.manifest else {
        return Ok(Json(json!({ "items": [], "site": video.id.site() })));
    };
    let (manifest, source) = (rooms.manifest(&cid.to_string()).await?, rooms.source(&cid.to_string())?);
    let mut infos = Vec::new();
    for file in files(&manifest) {
        infos.push(rooms.whole(file, source).await?);
    }
    let items = rooms.replies(cid, infos).await?;
    Ok(Json(json!({ "items": *items, "site": video.id.site() })))
}

fn files(manifest: &Manifest) -> Vec<&File> {
    let looks = manifest.looks.iter().rev().filter_map(|look| look.info.as_ref());
    looks.take(FILES).chain(&manifest.info).collect()
}

impl Rooms {
    async fn replies(&self, manifest: Cid, infos: Vec<Vec<u8>>) -> Result<Arc<Vec<Reply>>, ApiError> {
        let read =
            tokio::task::spawn_blocking(move || replies::read(&infos)).await.map_err(ApiError::ours)?;
        let read = Arc::new(read);
        let mut kept = self.replies.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != manifest);
        kept.push_front((manifest, Arc::clone(&read)));
        kept.truncate(KEPT);
        Ok(read)
    }

    /// What the page shows of them: what is on this node's disk, as nobody waits for another node to read comments.
    pub(super) async fn origin(
        &self,
        video: &VideoRow,
        manifest: Option<&Manifest>,
        all: bool,
    ) -> Result<Option<Origin>, ApiError> {
        let (Some(cid), Some(manifest)) = (video.manifest, manifest) else { return Ok(None) };
        let known = self.known_replies(&cid);
        let replies = match known {
            Some(replies) => replies,
            None => {
                let mut infos = Vec::new();
                for file in files(manifest) {
                    infos.extend(self.read_here(file).await);
                }
                self.replies(cid, infos).await?
            }
        };
        let most = if all { usize::MAX } else { THREADS };
        let threads = threads(&replies);
        Ok((!replies.is_empty()).then(|| Origin {
            site: video.id.site().to_owned(),
            count: replies.len() as u64,
            more: threads.len().saturating_sub(most) as u64,
            comments: threads.into_iter().take(most).collect(),
        }))
    }

    fn known_replies(&self, manifest: &Cid) -> Option<Arc<Vec<Reply>>> {
        let kept = self.replies.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == manifest).map(|(_, replies)| Arc::clone(replies))
    }

    async fn read_here(&self, file: &File) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for chunk in file.chunks.iter().take_while(|_| bytes_fit(file)) {
            bytes.extend_from_slice(&self.blobs.read_verified(chunk.cid).await.ok()?);
        }
        Some(bytes)
    }
}

/// What is larger holds more than anybody reads.
fn bytes_fit(file: &File) -> bool {
    file.bytes <= super::media::LARGEST_READ
}

/// Comments with their answers, in the site's order.
fn threads(replies: &[Reply]) -> Vec<Comment> {
    let known: BTreeMap<&str, &Reply> = replies.iter().map(|reply| (reply.id.as_str(), reply)).collect();
    let parent = |reply: &Reply| reply.parent.clone().filter(|parent| known.contains_key(parent.as_str()));
    let mut answers: BTreeMap<String, Vec<Comment>> = BTreeMap::new();
    for reply in replies {
        if let Some(parent) = parent(reply) {
            answers.entry(parent).or_default().push(comment(reply));
        }
    }
    let first = replies.iter().filter(|reply| parent(reply).is_none());
    first
        .map(|reply| Comment { replies: answers.remove(&reply.id).unwrap_or_default(), ..comment(reply) })
        .collect()
}

fn comment(reply: &Reply) -> Comment {
    let likes = reply.likes.map(|likes| tr("reply-likes").with("count", likes).to_string());
    let creator = reply.by_creator.then(|| tr("reply-by-creator").to_string());
    Comment {
        id: String::new(),
        name: reply.author.clone(),
        from: creator.into_iter().chain(likes).collect::<Vec<_>>().join(", "),
        when: reply.at.map(|at| date(at.0)).unwrap_or_default(),
        text: reply.text.clone(),
        ..Comment::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_stand_below_what_they_answer_and_none_is_lost() {
        let reply = |id: &str, parent: Option<&str>| Reply {
            id: id.to_owned(),
            parent: parent.map(str::to_owned),
            author: "a".to_owned(),
            text: id.to_owned(),
            at: None,
            likes: None,
            by_creator: false,
        };
        let all = [reply("1", None), reply("3", Some("1")), reply("2", Some("gone")), reply("4", Some("1"))];
        let threads = threads(&all);
        let texts = |comments: &[Comment]| comments.iter().map(|one| one.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&threads), ["1", "2"]);
        assert_eq!(texts(&threads[0].replies), ["3", "4"]);
    }
}
