//! What the hash table is told of the catalogue, and under which names.

use std::sync::Arc;

use horahora_protocol::{Cid, VideoId, manifest::Manifest, message::Names};

use super::Catalogue;
use crate::{
    groups::View,
    net::Grain,
    store::{
        StoreError,
        rows::{HOLDINGS, Holding},
    },
};

impl Catalogue {
    /// Tells the network what is here of a manifest.
    pub(super) fn tell(&self, cid: Cid, manifest: &Manifest, row: &Holding) -> Result<(), StoreError> {
        if row.blobs == 0 {
            return Ok(());
        }
        self.tell_of(&manifest.video, &cid)?;
        let here = manifest.blobs().into_iter().map(|blob| blob.cid).filter(|cid| self.blobs.has(cid));
        self.tell_pieces(&cid, here)
    }

    pub(super) fn tell_of(&self, video: &VideoId, manifest: &Cid) -> Result<(), StoreError> {
        for view in self.naming(manifest)? {
            let Some(names) = view.names() else { continue };
            self.provide.add(Grain::Shard, [names.shard(video)]);
            self.provide.add(Grain::Video, [names.video(video), names.blob(manifest)]);
        }
        Ok(())
    }

    pub(super) fn tell_pieces(
        &self,
        manifest: &Cid,
        pieces: impl Iterator<Item = Cid>,
    ) -> Result<(), StoreError> {
        let pieces: Vec<_> = pieces.collect();
        for view in self.naming(manifest)? {
            let Some(names) = view.names() else { continue };
            self.provide.add(Grain::Piece, pieces.iter().map(|cid| names.blob(cid)));
        }
        Ok(())
    }

    /// The groups under whose names the hash table is told of a manifest: one public one is enough.
    fn naming(&self, manifest: &Cid) -> Result<Vec<Arc<View>>, StoreError> {
        let groups = self.groups_of_manifest(manifest)?;
        let mut views: Vec<_> = groups.iter().filter_map(|group| self.groups.get(group)).collect();
        if let Some(public) = views.iter().position(|view| view.group.public) {
            views = vec![views.swap_remove(public)];
        }
        Ok(views)
    }

    /// The names under which others may have told the hash table of a blob and of what it is part of.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keys(&self, blob: &Cid, manifest: Option<&Cid>) -> Result<Vec<Vec<u8>>, StoreError> {
        let Some(manifest) = manifest else { return Ok(vec![Names::public().blob(blob)]) };
        let video = self.manifest(manifest)?.map(|made| made.video);
        let mut keys = Vec::new();
        for view in self.naming(manifest)? {
            let Some(names) = view.names() else { continue };
            keys.extend([names.blob(blob), names.blob(manifest)]);
            if let Some(video) = &video {
                keys.extend([names.video(video), names.shard(video)]);
            }
        }
        keys.dedup();
        Ok(keys)
    }

    /// Tells the network of everything that is here, as far as the budget goes; after a start.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tell_all(&self) -> Result<(), StoreError> {
        let rows: Vec<(Vec<u8>, Holding)> = self.store.scan(&HOLDINGS, b"", None, usize::MAX)?;
        let held = rows.into_iter().filter(|(_, row)| row.blobs > 0);
        let held: Vec<_> = held.filter_map(|(key, row)| Some((Cid::from_bytes(&key).ok()?, row))).collect();
        for (cid, _) in &held {
            if let Some(made) = self.manifest(cid)? {
                self.tell_of(&made.video, cid)?;
            }
        }
        for (cid, row) in held {
            if self.provide.grain() != Grain::Piece {
                break;
            }
            if let Ok(block) = self.blobs.read_verified(cid).await
                && let Ok(manifest) = Manifest::decode(&block)
            {
                self.tell(cid, &manifest, &row)?;
            }
        }
        Ok(())
    }
}
