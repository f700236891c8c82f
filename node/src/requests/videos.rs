//! The videos that a request lists, in the order in which they were found.

use horahora_protocol::{Cid, VideoId};

use crate::store::{
    Batch, Store, StoreError,
    rows::{REQUEST_VIDEOS, REQUESTS, RequestRow, VIDEOS, VideoRow, request_video_key},
};

/// Notes that a request lists a video. Gives whether that is news. Both rows are the caller's to write.
pub(crate) fn add(row: &mut RequestRow, video: &mut VideoRow, batch: &mut Batch) -> bool {
    if video.requests.contains(&row.id) {
        return false;
    }
    video.requests.push(row.id);
    batch.put(&REQUEST_VIDEOS, &request_video_key(&row.id, row.count), &video.id);
    row.count += 1;
    true
}

/// Videos of a request after a key, each with its own key.
pub(crate) fn page(
    store: &Store,
    request: &Cid,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<(Vec<u8>, VideoId)>, StoreError> {
    store.scan(&REQUEST_VIDEOS, &request.to_bytes(), after, limit)
}

/// Earlier versions kept a request's videos in its row.
pub(super) fn move_old(store: &Store) -> Result<(), StoreError> {
    for (key, mut row) in store.scan(&REQUESTS, b"", None, usize::MAX)? {
        let old = std::mem::take(&mut row.old_videos);
        if old.is_empty() {
            continue;
        }
        let mut batch = Batch::default();
        for id in old {
            let known: Option<VideoRow> = store.get_after(&batch, &VIDEOS, id.as_str().as_bytes())?;
            let Some(mut video) = known else { continue };
            if add(&mut row, &mut video, &mut batch) {
                batch.put(&VIDEOS, id.as_str().as_bytes(), &video);
            }
        }
        batch.put(&REQUESTS, &key, &row);
        store.write(batch)?;
    }
    Ok(())
}
