//! Folders of videos as requests: known to this node alone, as only it can read them.

use std::path::Path;

use horahora_protocol::{Cid, Codec, codec, group::GroupId, request::Options};
use url::Url;

use super::{FeedsError, RequestError, Requests, list_job, put};
use crate::{
    clock,
    jobs::Jobs,
    store::{
        Batch,
        rows::{Block, REQUEST_KEYS, REQUESTS, RequestRow, aged_key},
    },
};

/// Whether a source is a folder on this machine.
pub(crate) fn is_local(url: &str) -> bool {
    url.starts_with("file:")
}

impl Requests {
    /// Takes a folder's videos into a group's archive and gives the request's id. The same folder gives the same request:
    /// what is new in it is taken, what failed begins again.
    ///
    /// # Errors
    /// When it is no folder that can be read, this node may not write in the group, or the disk fails.
    pub async fn import(&self, dir: &Path, group: Option<GroupId>) -> Result<Cid, RequestError> {
        let group = group.unwrap_or_else(|| self.feeds.home());
        if !self.feeds.writable().await.contains(&group) {
            return Err(FeedsError::NotAMember.into());
        }
        let folder = || RequestError::Folder(dir.display().to_string());
        let dir = dir.canonicalize().ok().filter(|dir| dir.is_dir()).ok_or_else(folder)?;
        let url = Url::from_directory_path(&dir).map_err(|()| folder())?.to_string();
        let _one = self.submitting.lock().await;
        let id = Cid::of(Codec::DagCbor, &codec::encode(&("import", &url, group)));
        if let Some((key, row)) = super::find(&self.store, &id)? {
            self.again(&key, row)?;
            return Ok(id);
        }
        let (at, me) = (clock::now(), self.feeds.me());
        let mut row = RequestRow::new(id, &url, at, group, me, Options::default());
        let name = dir.file_name().map_or_else(|| url.clone(), |name| name.to_string_lossy().into_owned());
        (row.title, row.list) = (Some(name), true);
        let key = aged_key(at, &id.to_bytes());
        let mut batch = Batch::default();
        put(&mut batch, &key, &row);
        batch.put(&REQUEST_KEYS, &id.to_bytes(), &Block(key.clone()));
        Jobs::add(&mut batch, &list_job(&row));
        self.store.write(batch)?;
        self.store.durable().await?;
        debug_assert!(self.store.get(&REQUESTS, &key).is_ok_and(|row| row.is_some()), "it was just written");
        self.jobs.wake();
        self.live.tell("request", serde_json::json!({ "id": id.to_string() }));
        Ok(id)
    }
}
