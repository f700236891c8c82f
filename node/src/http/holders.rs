//! Who holds a video, and whether this node keeps it.

use std::time::Duration;

use horahora_protocol::{NodeId, manifest::Manifest};
use horahora_web::{HolderRow, Keep, StateView, tr};
use serde_json::{Value, json};

use super::{
    Rooms,
    error::ApiError,
    languages::{doing, reason},
    pages::count,
    watch::size,
};
use crate::store::rows::{State as Stand, VideoRow};

/// A page does not wait longer for what other nodes say.
const PATIENCE: Duration = Duration::from_millis(700);

/// A node that holds something of a video.
pub(super) struct Holder {
    node: NodeId,
    name: String,
    here: bool,
    blobs: u64,
    of: u64,
}

impl Holder {
    fn is_whole(&self) -> bool {
        self.blobs >= self.of
    }
}

impl Rooms {
    /// This node first, then those connected that say so.
    pub(super) async fn holders(
        &self,
        row: &VideoRow,
        manifest: Option<&Manifest>,
    ) -> Result<Vec<Holder>, ApiError> {
        let me = self.key.node_id();
        let (Some(cid), Some(manifest)) = (row.manifest, manifest) else { return Ok(Vec::new()) };
        let held = self.catalogue.holding(&cid)?;
        let of = manifest.blobs().len() as u64;
        let here = Holder { node: me, name: self.name.clone(), here: true, blobs: held.blobs, of };
        let others = tokio::time::timeout(PATIENCE, self.fetch.holders(cid)).await.unwrap_or_default();
        let others = others.into_iter().map(|(node, held)| Holder {
            node,
            name: self.name_of(&node),
            here: false,
            blobs: held.blobs,
            of,
        });
        let mut all: Vec<_> = (held.blobs > 0).then_some(here).into_iter().chain(others).collect();
        all.sort_by_key(|holder| (!holder.here, !holder.is_whole(), holder.name.clone()));
        Ok(all)
    }

    /// The same for the page; while a capture is in the making, its maker has what is made so far.
    pub(super) async fn holder_rows(
        &self,
        row: &VideoRow,
        manifest: Option<&Manifest>,
    ) -> Result<Vec<HolderRow>, ApiError> {
        if let (None, Some(capture)) = (row.manifest, row.capture) {
            let maker = self.growing.elsewhere(&capture).map(|elsewhere| elsewhere.node);
            let mine = maker.is_none() && !self.jobs.growing(&capture)?.is_empty();
            let name = maker.map(|node| self.name_of(&node)).or_else(|| mine.then(|| self.name.clone()));
            let made =
                |node| HolderRow { node, holds: tr("holds-made-so-far").into(), here: mine, part: true };
            return Ok(name.map(made).into_iter().collect());
        }
        let renditions = manifest.map_or(0, |manifest| manifest.renditions.len());
        let rows = self.holders(row, manifest).await?.into_iter().map(|holder| HolderRow {
            holds: match renditions {
                _ if !holder.is_whole() => {
                    tr("holds-some").with("n", holder.blobs).with("all", holder.of).into()
                }
                0 => tr("holds-words").into(),
                renditions => {
                    tr("holds-original").with("renditions", count(renditions, "count-renditions")).into()
                }
            },
            part: !holder.is_whole(),
            here: holder.here,
            node: holder.name,
        });
        Ok(rows.collect())
    }

    /// The same for programs.
    pub(super) async fn holders_json(
        &self,
        row: &VideoRow,
        manifest: Option<&Manifest>,
    ) -> Result<Value, ApiError> {
        let holders = self.holders(row, manifest).await?;
        let one = |holder: &Holder| {
            json!({
                "node": holder.node.to_string(),
                "name": holder.name,
                "held": if holder.is_whole() { "whole" } else { "part" },
                "blobs": holder.blobs,
                "of_blobs": holder.of,
            })
        };
        Ok(holders.iter().map(one).collect())
    }

    /// How much of a video is here: `whole`, `part`, `none`.
    pub(super) fn held(&self, row: &VideoRow) -> Result<&'static str, ApiError> {
        let held = row.manifest.map(|cid| self.catalogue.holding(&cid)).transpose()?;
        Ok(match (held, &row.capture) {
            (Some(held), _) if held.is_whole() => "whole",
            (Some(held), _) if held.blobs > 0 => "part",
            (None, Some(capture)) if !self.jobs.growing(capture)?.is_empty() => "part",
            _ => "none",
        })
    }

    /// Whether this node keeps a video that another one made; none when there is nothing to decide.
    pub(super) fn keep(&self, row: &VideoRow, manifest: Option<&Manifest>) -> Result<Option<Keep>, ApiError> {
        let Some(cid) = row.manifest else { return Ok(None) };
        let made_here = self.catalogue.manifest(&cid)?.is_none_or(|made| made.by == self.key.node_id());
        let held = self.catalogue.holding(&cid)?;
        let total = if held.of_bytes > 0 {
            held.of_bytes
        } else {
            manifest.map_or(0, |manifest| manifest.blobs().iter().map(|blob| blob.bytes).sum())
        };
        let of = |key| tr(key).with("size", size(held.bytes)).with("all", size(total)).to_string();
        if made_here {
            return Ok(None);
        }
        let Some(job) = self.jobs.kept(&row.id)? else {
            let detail = match held.bytes {
                _ if held.is_whole() => tr("keep-all-here").into(),
                0 if total == 0 => tr("keep-fetches").into(),
                0 => tr("keep-to-fetch").with("size", size(total)).into(),
                _ => of("keep-some-here"),
            };
            return Ok(Some(Keep::Offered { detail }));
        };
        if job.state == Stand::Done && held.is_whole() {
            return Ok(Some(Keep::Kept { detail: size(held.bytes) }));
        }
        let now = self.live.of(&job.key.text());
        let progress = now.as_ref().map_or(held.bytes as f64 / total.max(1) as f64, |now| now.fraction);
        let detail = now.map(|now| doing(&now.doing)).or_else(|| reason(job.code, job.reason.as_ref()));
        let detail = detail.unwrap_or_else(|| of("keep-progress"));
        Ok(Some(Keep::Keeping { progress, detail, state: StateView::of(job.state.name()) }))
    }
}
