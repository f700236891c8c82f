//! After a crash: blobs of unfinished work that nothing links any more, and folders that nobody needs.
//!
//! Runs once, before any worker, so nothing can begin to link what is being removed.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use horahora_protocol::{
    Cid, Codec,
    manifest::{Manifest, Rendition},
};

use super::{Inner, sources::JOURNAL};
use crate::{
    blobs::journal,
    store::{
        Batch,
        rows::{CAPTURES, CaptureRow, JOBS, JobKey, OPEN_JOBS, RENDERED, SEGMENTS},
    },
};

impl Inner {
    pub(super) async fn sweep(&self) -> anyhow::Result<()> {
        let mut batch = Batch::default();
        for (key, _) in self.store.scan(&SEGMENTS, b"", None, usize::MAX)? {
            batch.remove(&SEGMENTS, &key);
        }
        self.store.write(batch)?;
        let folders: Vec<PathBuf> = fs::read_dir(&self.dir)?.flatten().map(|entry| entry.path()).collect();
        let noted = |dir: &Path| journal::read(&dir.join(JOURNAL));
        let candidates: BTreeSet<Cid> = folders.iter().flat_map(|dir| noted(dir)).collect();
        let mut removed = 0;
        if !candidates.is_empty() {
            match self.linked().await {
                Ok(linked) => {
                    for stray in candidates.difference(&linked) {
                        self.blobs.remove(stray)?;
                        removed += 1;
                    }
                }
                // What cannot be read may link anything: nothing is removed then.
                Err(error) => tracing::error!("nothing is swept, `horahora verify` says more: {error:#}"),
            }
        }
        let mut needed = BTreeSet::new();
        for (_, key) in self.store.scan(&OPEN_JOBS, b"", None, usize::MAX)? {
            if let Some(job) = self.store.get(&JOBS, key.text().as_bytes())? {
                match &job.key {
                    JobKey::List { .. } | JobKey::Keep { .. } => {}
                    JobKey::Capture { .. } | JobKey::Look { .. } => {
                        _ = needed.insert(self.folder(&self.capture_id(&job).0))
                    }
                    JobKey::Rendition { capture, .. } => _ = needed.insert(self.folder(capture)),
                }
            }
        }
        for folder in folders.iter().filter(|folder| !needed.contains(*folder)) {
            fs::remove_dir_all(folder)?;
        }
        if removed > 0 {
            tracing::info!(removed, "blobs of unfinished work were swept");
        }
        Ok(())
    }

    /// Everything that a manifest, a draft or the feed links.
    async fn linked(&self) -> anyhow::Result<BTreeSet<Cid>> {
        let mut linked = BTreeSet::new();
        let captures: Vec<(Vec<u8>, CaptureRow)> = self.store.scan(&CAPTURES, b"", None, usize::MAX)?;
        for (key, row) in captures {
            linked.extend(Cid::from_bytes(&key));
            linked.extend(row.draft.iter().flat_map(Manifest::blobs).map(|blob| blob.cid));
            for revision in row.revisions {
                linked.insert(revision);
                // Of what others made, not everything is here.
                if row.by.is_some() && !self.blobs.has(&revision) {
                    continue;
                }
                let block = self.blobs.read_verified(revision).await?;
                linked.extend(Manifest::decode(&block)?.blobs().iter().map(|blob| blob.cid));
            }
        }
        for (_, rendered) in self.store.scan(&RENDERED, b"", None, usize::MAX)? {
            if self.blobs.has(&rendered.rendition) {
                linked.insert(rendered.rendition);
                let block = self.blobs.read_verified(rendered.rendition).await?;
                linked.extend(Rendition::decode(&block)?.blobs().map(|blob| blob.cid));
            }
        }
        linked.extend(self.feeds.blocks().await?.iter().map(|block| Cid::of(Codec::DagCbor, block)));
        Ok(linked)
    }
}
