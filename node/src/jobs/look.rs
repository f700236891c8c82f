//! Looks at videos that wait for approval and of which their list told neither creator nor tags, so that people can decide.

use horahora_protocol::{Cid, approval::Approve, group::GroupId, limits};

use super::{Inner, disk, listing::Parts};
use crate::{
    catalogue::introduce,
    ingest::{Failure, Item},
    requests,
    store::{
        Batch,
        rows::{Code, VIDEOS, VideoRow},
    },
};

/// Videos that are asked for after one listing; the others come after the next ones.
const LOOKS: usize = 50;
/// Videos of a request that are looked at at once.
const PAGE: usize = 1_000;

impl Inner {
    /// Asks the site for what waits, and tells the group what it says.
    pub(super) async fn look_at_waiting(
        &self,
        request: &Cid,
        n: u32,
        group: &GroupId,
        job: &str,
    ) -> Result<(), Failure> {
        if self.catalogue.approvals().rules(group).approve == Approve::Never {
            return Ok(());
        }
        let unknown = self.unknown(request)?;
        let mut parts = Parts::new(*request, n);
        for (number, video) in (1..).zip(&unknown) {
            let doing = format!("asks for what waits for approval, {number} of {}", unknown.len());
            self.live.progress(job, 1.0, &doing);
            match self.ingest.ask(&video.url).await {
                Ok(found) => {
                    let item = found.and_then(|found| found.first.into_iter().next());
                    let Some(item) = item.filter(|item| item.id == video.id) else { continue };
                    self.learn_of(&item)?;
                    if let Some(part) = parts.add(&item) {
                        self.tell_listed(group, part).await?;
                    }
                }
                // The next listing asks again.
                Err(failure) if matches!(failure.code, Code::RateLimited | Code::Budget) => break,
                Err(_) => {}
            }
        }
        if !parts.is_empty() {
            self.tell_listed(group, parts.part).await?;
        }
        Ok(())
    }

    fn unknown(&self, request: &Cid) -> Result<Vec<VideoRow>, Failure> {
        let (mut unknown, mut after) = (Vec::new(), None::<Vec<u8>>);
        loop {
            let page = requests::videos_of(&self.store, request, after.as_deref(), PAGE).map_err(disk)?;
            let Some((last, _)) = page.last() else { return Ok(unknown) };
            after = Some(last.clone());
            for (_, id) in page {
                let row = self.catalogue.video(&id).map_err(disk)?;
                let nameless = |row: &VideoRow| row.creator_id.is_none() && row.tags.is_empty();
                unknown.extend(row.filter(|row| row.code == Some(Code::Approval) && nameless(row)));
                if unknown.len() >= LOOKS {
                    return Ok(unknown);
                }
            }
        }
    }

    fn learn_of(&self, item: &Item) -> Result<(), Failure> {
        let _changing = self.store.changing();
        let mut video = self.video(&item.id)?;
        let mut batch = Batch::default();
        let (title, about) = (item.title.as_deref(), item.about());
        introduce(&self.store, &mut video, title, about.as_ref(), &mut batch).map_err(disk)?;
        batch.put(&VIDEOS, item.id.as_str().as_bytes(), &video);
        // Its creator is perhaps known to the group.
        let approvals = self.catalogue.approvals();
        requests::set_video(&self.store, approvals, &mut batch, None, &item.id).map_err(disk)?;
        self.store.write(batch).map_err(disk)?;
        self.wake.send_replace(());
        Ok(())
    }
}

const _: () = assert!(LOOKS <= limits::LISTED, "what is looked at once is one part of a listing");
