//! What became of archived videos at their origin: those that a source does not list any more are asked for.

use horahora_protocol::{
    Cid, VideoId,
    entry::{Body, Origin},
    group::GroupId,
};

use super::{Inner, disk};
use crate::{
    ingest::{Failure, Lister},
    requests,
    store::rows::{Code, VideoRow},
};

/// Videos that are asked for after one listing; the others come after the next ones.
const LOOKS: usize = 50;
/// Videos of a request that are looked at at once.
const PAGE: usize = 1_000;

/// Archived videos of a source that it does not list any more, and those that were gone and are listed again.
#[derive(Debug, Default)]
pub(super) struct Missed {
    lost: Vec<VideoRow>,
    back: Vec<VideoId>,
}

impl Inner {
    /// Asks the origin for what is lost, and tells the group what came of it.
    pub(super) async fn look_for(
        &self,
        Missed { lost, back }: Missed,
        group: &GroupId,
        job: &str,
    ) -> Result<(), Failure> {
        for video in back {
            self.tell_origin(group, video, false).await?;
        }
        for (number, video) in (1..).zip(&lost) {
            let doing = format!("asks for what is not listed any more, {number} of {}", lost.len());
            self.live.progress(job, 1.0, &doing);
            match self.ingest.ask(&video.url).await {
                Err(failure) if matches!(failure.code, Code::Gone | Code::Legal) => {
                    self.tell_origin(group, video.id.clone(), true).await?;
                }
                // The next listing asks again.
                Err(failure) if matches!(failure.code, Code::RateLimited | Code::Budget) => break,
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// What is archived of a request and what its source, read to its end, says of that.
    pub(super) fn not_listed(&self, request: &Cid, lister: &Lister<'_>) -> Result<Missed, Failure> {
        let (mut missed, mut after): (_, Option<Vec<u8>>) = (Missed::default(), None);
        loop {
            let page = requests::videos_of(&self.store, request, after.as_deref(), PAGE).map_err(disk)?;
            let Some((last, _)) = page.last() else { return Ok(missed) };
            after = Some(last.clone());
            for (_, id) in page {
                let row = self.catalogue.video(&id).map_err(disk)?;
                let Some(row) = row.filter(|row| row.manifest.is_some()) else { continue };
                match (lister.told(&id), row.gone) {
                    (true, Some(_)) => missed.back.push(id),
                    (false, None) if missed.lost.len() < LOOKS => missed.lost.push(row),
                    _ => {}
                }
            }
        }
    }

    async fn tell_origin(&self, group: &GroupId, video: VideoId, gone: bool) -> Result<(), Failure> {
        self.tell_origin_in(&[*group], video, gone).await
    }

    /// Tells groups what the origin says of a video. One that this node left hears no more of it.
    pub(super) async fn tell_origin_in(
        &self,
        groups: &[GroupId],
        video: VideoId,
        gone: bool,
    ) -> Result<(), Failure> {
        let writable = self.feeds.writable().await;
        let groups: Vec<_> = groups.iter().copied().filter(|group| writable.contains(group)).collect();
        tracing::info!(%video, gone, "at its origin");
        let said = Origin { v: 1, video, gone };
        let mut learned = Ok(());
        let body = Body::Origin(said.clone());
        let publish = self.feeds.publish(&groups, body, |entry, batch| {
            let Some(entry) = entry else { return };
            learned = self.catalogue.learn_origin((entry.at, entry.node), &said, batch);
        });
        publish.await.map_err(disk)?;
        learned.map_err(disk)
    }
}
