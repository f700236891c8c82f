//! Videos that are files on this machine: a folder's list of them, and what a download would have brought.

use std::{
    fs,
    path::{Path, PathBuf},
};

use horahora_protocol::{VideoId, group::GroupId};
use serde_json::Value;
use url::Url;

use super::{Inner, Jobs, disk};
use crate::{
    clock,
    ingest::{Failure, Fetched, Found, scan},
    requests,
    store::{
        Batch, StoreError,
        rows::{
            Code, IMPORTS, JOBS, JobKey, JobRow, REQUESTS, RequestRow, State, VIDEOS, VIDEOS_BY_AGE,
            VideoRow, aged_key,
        },
    },
};

/// Videos that are written down at once.
const CHUNK: usize = 100;
/// Parts of info.json that are the operator's own.
const SECRETS: [&str; 3] = ["cookies", "http_headers", "authorization"];

impl Jobs {
    /// Takes one file into a group's archive, the node's own where none is named; gives the video that it is.
    ///
    /// # Errors
    /// When it cannot be read, or this node may not write in the group.
    pub async fn take_file(
        &self,
        title: &str,
        files: Fetched,
        group: Option<GroupId>,
    ) -> Result<VideoId, Failure> {
        let group = group.unwrap_or_else(|| self.0.feeds.home());
        if !self.0.feeds.writable().await.contains(&group) {
            return Err(Failure::new(Code::Unsupported, "This node does not write in that group."));
        }
        let id = hashed(&files).await?;
        let found = Found { id: Some(id.clone()), title: title.to_owned(), url: None, files };
        let is_new_here = {
            let _changing = self.0.store.changing();
            let mut batch = Batch::default();
            let is_new = self.0.note_file(&id, found, &group, None, &mut batch)?;
            self.0.store.write(batch).map_err(disk)?;
            is_new
        };
        if is_new_here {
            self.0.share(&id).await?;
        }
        self.0.store.durable().await.map_err(disk)?;
        self.wake();
        self.0.live.tell("video", serde_json::json!({ "id": id }));
        Ok(id)
    }

    /// Whether a video's capture is still to be made.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_capturing(&self, video: &VideoId) -> Result<bool, StoreError> {
        let key = JobKey::Capture { video: video.clone() };
        let job: Option<JobRow> = self.0.store.get(&JOBS, key.text().as_bytes())?;
        Ok(job.is_some_and(|job| !job.state.ended()))
    }
}

impl Inner {
    /// Lists a folder: each video that the group does not have gets a job of this node's own.
    pub(super) async fn list_folder(
        &self,
        key: &[u8],
        row: &RequestRow,
        job: &JobRow,
    ) -> Result<(), Failure> {
        let text = job.key.text();
        let gone = |why: String| Failure::new(Code::Gone, format!("The folder cannot be read: {why}."));
        let dir = Url::parse(&job.url).ok().and_then(|url| url.to_file_path().ok());
        let dir = dir.ok_or_else(|| gone("it is none".to_owned()))?;
        self.live.progress(&text, 0.0, "looks through the folder");
        let found = tokio::task::spawn_blocking(move || scan(&dir)).await.map_err(disk)?;
        let found = found.map_err(|error| gone(error.to_string()))?;
        for (file, why) in &found.left {
            tracing::warn!(file = %file.display(), "is left out: {why}");
        }
        let group = row.group.unwrap_or_else(|| self.feeds.home());
        let all = found.videos.len();
        let mut named = Vec::new();
        for (number, video) in found.videos.into_iter().enumerate() {
            self.live.progress(&text, number as f64 / all.max(1) as f64, &format!("reads {number} of {all}"));
            let id = match &video.id {
                Some(id) => id.clone(),
                None => hashed(&video.files).await?,
            };
            named.push((id, video));
            if named.len() == CHUNK || number + 1 == all {
                for id in self.note_found(key, std::mem::take(&mut named), &group)? {
                    self.share(&id).await?;
                }
            }
        }
        self.store.durable().await.map_err(disk)?;
        if all == 0 {
            let why = "There is no video in this folder, nor in those inside it.";
            return Err(Failure::new(Code::Unsupported, why));
        }
        self.wake.send_replace(());
        Ok(())
    }

    /// Gives those that are in another group and now in this one, too.
    fn note_found(
        &self,
        key: &[u8],
        found: Vec<(VideoId, Found)>,
        group: &GroupId,
    ) -> Result<Vec<VideoId>, Failure> {
        let _changing = self.store.changing();
        let row: Option<RequestRow> = self.store.get(&REQUESTS, key).map_err(disk)?;
        let Some(mut row) = row else { return Ok(Vec::new()) };
        let (mut batch, mut shared) = (Batch::default(), Vec::new());
        for (id, found) in found {
            let is_new = self.note_file(&id, found, group, Some(&mut row), &mut batch)?;
            shared.extend(is_new.then_some(id));
        }
        requests::put(&mut batch, key, &row);
        self.store.write(batch).map_err(disk)?;
        Ok(shared)
    }

    /// A video of this machine, with a job of its own where the group has it not. Whether it is new in the group.
    fn note_file(
        &self,
        id: &VideoId,
        found: Found,
        group: &GroupId,
        request: Option<&mut RequestRow>,
        batch: &mut Batch,
    ) -> Result<bool, Failure> {
        let (bytes, now) = (id.as_str().as_bytes(), clock::now());
        let known: Option<VideoRow> = self.store.get_after(batch, &VIDEOS, bytes).map_err(disk)?;
        let first = found.files.media.first().cloned().unwrap_or_default();
        let url = found.url.unwrap_or_else(|| format!("file:{}", name(&first)));
        let is_new = known.is_none();
        let mut video = known.unwrap_or_else(|| VideoRow::queued(id.clone(), found.title.clone(), url, now));
        if is_new {
            batch.put(&VIDEOS_BY_AGE, &aged_key(now, bytes), id);
        }
        if let Some(request) = request {
            requests::add_video(request, &mut video, batch);
        }
        let has = self.catalogue.has_in(&video, group, batch).map_err(disk)?;
        let is_new_here = !video.groups.contains(group);
        if is_new_here {
            video.groups.push(*group);
        }
        let job_key = JobKey::Capture { video: id.clone() };
        let job: Option<JobRow> =
            self.store.get_after(batch, &JOBS, job_key.text().as_bytes()).map_err(disk)?;
        let begun = job.as_ref().is_some_and(|job| matches!(job.state, State::Running | State::Done));
        let begins = !has && !begun;
        if begins {
            let source = Url::from_file_path(&first).map_err(|()| disk("the file has no path"))?;
            let created = job.map_or(now, |job| job.created);
            let job = JobRow::queued(job_key, Some(id.clone()), source.into(), found.title, created);
            (video.state, video.code, video.reason) = (State::Queued, None, None);
            batch.put(&IMPORTS, bytes, &found.files);
            Jobs::add(batch, &job);
        }
        batch.put(&VIDEOS, bytes, &video);
        Ok(is_new_here)
    }

    /// A video's files as if they had just been downloaded; they stay where they are.
    pub(super) fn imported(&self, video: &VideoId, dir: &Path) -> Result<Fetched, Failure> {
        let row: Option<Fetched> = self.store.get(&IMPORTS, video.as_str().as_bytes()).map_err(disk)?;
        let mut files = row.ok_or_else(|| disk("the record of its files is missing"))?;
        if let Some(missing) = files.media.iter().find(|file| !file.is_file()) {
            let why = format!("{} is not there any more; import the folder again.", missing.display());
            return Err(Failure::new(Code::Gone, why));
        }
        files.thumbnail = files.thumbnail.filter(|file| file.is_file());
        files.texts.retain(|(.., file)| file.is_file());
        files.info = match files.info.filter(|file| file.is_file()) {
            Some(info) => clean(&info, dir)?,
            None => None,
        };
        Ok(files)
    }
}

/// The id of a file that nothing describes: its bytes.
async fn hashed(files: &Fetched) -> Result<VideoId, Failure> {
    let path = files.media.first().cloned().unwrap_or_default();
    let hash = tokio::task::spawn_blocking(move || {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(fs::File::open(&path)?)?;
        Ok::<_, std::io::Error>(hasher.finalize())
    });
    let hash = hash.await.map_err(disk)?.map_err(|error| {
        Failure::new(Code::LocalIo, format!("A file of the folder cannot be read: {error}."))
    })?;
    VideoId::new("upload", &hash.to_hex()).map_err(disk)
}

/// A copy of info.json without what is the operator's own: everybody may read what is archived.
fn clean(info: &Path, dir: &Path) -> Result<Option<PathBuf>, Failure> {
    let Ok(mut json) = serde_json::from_slice::<Value>(&fs::read(info).map_err(disk)?) else {
        return Ok(None);
    };
    forget(&mut json);
    let copy = dir.join("media.info.json");
    fs::write(&copy, serde_json::to_vec(&json).map_err(disk)?).map_err(disk)?;
    Ok(Some(copy))
}

fn forget(json: &mut Value) {
    match json {
        Value::Object(fields) => {
            fields.retain(|key, _| !SECRETS.contains(&key.to_lowercase().as_str()));
            fields.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_operators_own_is_left_out_wherever_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let info = dir.path().join("a.info.json");
        let json = r#"{"id":"a","cookies":"s","formats":[{"url":"u","http_headers":{"Authorization":"t"}}]}"#;
        fs::write(&info, json).unwrap();
        let copy = clean(&info, dir.path()).unwrap().unwrap();
        assert_eq!(fs::read_to_string(copy).unwrap(), r#"{"formats":[{"url":"u"}],"id":"a"}"#);
        assert_eq!(fs::read_to_string(info).unwrap(), json, "the folder is not changed");
    }
}
