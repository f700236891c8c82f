//! Of several captures of a video, the one that its page shows: every node that knows of the same ones takes the same.

use std::collections::BTreeSet;

use horahora_protocol::{Cid, NodeId, group::GroupId, limits};

use super::{Catalogue, creators::describe};
use crate::store::{
    Batch, StoreError,
    rows::{CAPTURES, CaptureRow, TOLD, Told, VideoRow, told_key},
};

/// A capture with its last manifest, as far as the choice goes.
#[derive(Debug, Clone)]
struct Candidate {
    capture: Cid,
    manifest: Cid,
    by: NodeId,
    /// Whether everybody may see it.
    public: bool,
    /// Whether its maker told two stories.
    disputed: bool,
    told: Told,
}

/// What everybody may see before what few may, what counts before what is disputed; then the original that most makers
/// agree on, the greatest height, the highest bit rate, the lowest address.
fn canonical(mut among: Vec<Candidate>) -> Option<Candidate> {
    if among.iter().any(|one| one.public) {
        among.retain(|one| one.public);
    }
    if among.iter().any(|one| !one.disputed) {
        among.retain(|one| !one.disputed);
    }
    let agreeing = |original: &[Cid]| -> usize {
        let same = among.iter().filter(|one| one.told.original == original && !original.is_empty());
        same.map(|one| one.by).collect::<BTreeSet<_>>().len()
    };
    let rank = |one: &Candidate| {
        let summary = &one.told.summary;
        let lowest = std::cmp::Reverse(one.capture.to_bytes());
        (agreeing(&one.told.original), summary.height, summary.bit_rate, lowest)
    };
    among.iter().max_by_key(|one| rank(one)).cloned()
}

impl Catalogue {
    /// The captures known of a video that have a manifest.
    fn captures_of(&self, video: &VideoRow, batch: &Batch) -> Result<Vec<(Cid, CaptureRow)>, StoreError> {
        let mut found = Vec::new();
        for capture in video.all_captures() {
            let row: Option<CaptureRow> = self.store.get_after(batch, &CAPTURES, &capture.to_bytes())?;
            found.extend(row.filter(|row| !row.revisions.is_empty()).map(|row| (capture, row)));
        }
        Ok(found)
    }

    /// Notes that there is a capture of a video, and what was told of its manifest.
    pub(crate) fn note(video: &mut VideoRow, capture: Cid, manifest: &Cid, told: &Told, batch: &mut Batch) {
        batch.put(&TOLD, &told_key(&capture, manifest), told);
        // Beyond that, whoever makes so many wants something else than to archive.
        if !video.captures.contains(&capture) && video.captures.len() < limits::CAPTURES_SHOWN {
            video.captures.push(capture);
        }
    }

    /// Lets a video show its canonical capture, as the database and the batch have them. Gives whether one is there.
    ///
    /// # Errors
    /// When the database fails.
    pub fn show(&self, video: &mut VideoRow, batch: &mut Batch) -> Result<bool, StoreError> {
        let mut among = Vec::new();
        for (capture, row) in self.captures_of(video, batch)? {
            let Some(manifest) = row.revisions.last().copied() else { continue };
            let told = self.store.get_after(batch, &TOLD, &told_key(&capture, &manifest))?;
            let public = row.groups.is_empty() || row.groups.iter().any(|group| self.groups.is_public(group));
            let by = row.by.unwrap_or(self.me);
            let (disputed, told) = (row.disputed, told.unwrap_or_default());
            among.push(Candidate { capture, manifest, by, public, disputed, told });
        }
        let Some(best) = canonical(among) else {
            video.manifest = None;
            return Ok(false);
        };
        (video.capture, video.manifest) = (Some(best.capture), Some(best.manifest));
        // Nothing was told of those that an earlier version knew.
        if best.told != Told::default() {
            describe(&self.store, video, &best.told.summary, batch)?;
        }
        Ok(true)
    }

    /// The last manifest of a member's capture of a video in a group.
    ///
    /// # Errors
    /// When the database fails.
    pub fn captured(
        &self,
        video: &VideoRow,
        group: &GroupId,
        by: &NodeId,
    ) -> Result<Option<Cid>, StoreError> {
        let mut theirs = self
            .captures_of(video, &Batch::default())?
            .into_iter()
            .filter(|(_, row)| row.by.unwrap_or(self.me) == *by && row.groups.contains(group))
            .map(|(_, row)| row);
        Ok(theirs.next_back().and_then(|row| row.revisions.last().copied()))
    }

    /// Whether a video was captured for a group, as far as the database and the batch say.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_in(&self, video: &VideoRow, group: &GroupId, batch: &Batch) -> Result<bool, StoreError> {
        let of = self.captures_of(video, batch)?;
        Ok(of.iter().any(|(_, row)| !row.disputed && (row.groups.is_empty() || row.groups.contains(group))))
    }

    /// Whether a video was captured for each of these groups, for any group at all if none is given.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_in_all(&self, video: &VideoRow, groups: &[GroupId]) -> Result<bool, StoreError> {
        let batch = Batch::default();
        for group in groups {
            if !self.has_in(video, group, &batch)? {
                return Ok(false);
            }
        }
        Ok(video.manifest.is_some())
    }

    /// Others' captures of a video: who made each, and its last manifest; the one shown first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn others_captures(&self, video: &VideoRow) -> Result<Vec<(NodeId, Cid)>, StoreError> {
        let made = |(_, row): (Cid, CaptureRow)| Some((row.by?, *row.revisions.last()?));
        Ok(self.captures(video)?.into_iter().filter_map(made).filter(|(by, _)| *by != self.me).collect())
    }

    /// The captures known of a video that have a manifest; the one shown first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn captures(&self, video: &VideoRow) -> Result<Vec<(Cid, CaptureRow)>, StoreError> {
        let mut of = self.captures_of(video, &Batch::default())?;
        of.sort_by_key(|(capture, _)| Some(*capture) != video.capture);
        Ok(of)
    }

    /// This node's own captures of a video.
    ///
    /// # Errors
    /// When the database fails.
    pub fn own_captures(&self, video: &VideoRow) -> Result<Vec<(Cid, CaptureRow)>, StoreError> {
        let mut of = self.captures(video)?;
        of.retain(|(_, row)| row.by.is_none());
        Ok(of)
    }

    /// The last manifest of every capture known of a video; the one shown first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn manifests_of(&self, video: &VideoRow) -> Result<Vec<Cid>, StoreError> {
        let of = self.captures(video)?;
        Ok(of.iter().filter_map(|(_, row)| row.revisions.last().copied()).collect())
    }
}

#[cfg(test)]
mod tests {
    use horahora_protocol::{Codec, NodeKey, summary::Summary};

    use super::*;

    fn cid(name: &str) -> Cid {
        Cid::of(Codec::Raw, name.as_bytes())
    }

    fn one(name: &str, maker: u8, original: &str, height: u32, bit_rate: u64) -> Candidate {
        let original = if original.is_empty() { Vec::new() } else { vec![cid(original)] };
        let summary = Summary { height: Some(height), bit_rate: Some(bit_rate), ..Summary::default() };
        Candidate {
            capture: cid(name),
            manifest: cid(name),
            by: NodeKey::from_secret(&[maker; 32]).node_id(),
            public: true,
            disputed: false,
            told: Told { original, summary },
        }
    }

    /// The same answer in whichever order they are known.
    fn chosen(among: &[Candidate]) -> Cid {
        let answers: BTreeSet<Vec<u8>> = (0..among.len())
            .flat_map(|start| {
                let mut turned = among.to_vec();
                turned.rotate_left(start);
                let mut back = turned.clone();
                back.reverse();
                [turned, back]
            })
            .map(|order| canonical(order).unwrap().capture.to_bytes())
            .collect();
        assert_eq!(answers.len(), 1, "the order matters");
        Cid::from_bytes(answers.first().unwrap()).unwrap()
    }

    #[test]
    fn nothing_is_shown_of_nothing() {
        assert!(canonical(Vec::new()).is_none());
    }

    #[test]
    fn the_rule_is_agreement_height_bit_rate_and_lowest_address_in_that_order() {
        let (agreed, again) = (one("agreed", 1, "same", 360, 1), one("again", 2, "same", 360, 1));
        let (tall, dense, thin) =
            (one("tall", 3, "b", 1080, 5), one("dense", 4, "c", 720, 9), one("thin", 5, "d", 720, 8));
        let lowest = std::cmp::min_by_key(cid("agreed"), cid("again"), Cid::to_bytes);
        assert_eq!(chosen(&[agreed, again, tall.clone(), dense.clone(), thin.clone()]), lowest);
        assert_eq!(chosen(&[tall.clone(), dense.clone(), thin.clone()]), tall.capture);
        assert_eq!(chosen(&[thin, dense.clone()]), dense.capture);
    }

    #[test]
    fn one_maker_agrees_with_itself_only_once_and_no_original_agrees_with_none() {
        let (first, again) = (one("first", 1, "same", 360, 1), one("again", 1, "same", 360, 1));
        let (bare, as_bare) = (one("bare", 2, "", 240, 1), one("as bare", 3, "", 240, 1));
        let other = one("other", 4, "b", 480, 1);
        assert_eq!(chosen(&[first, again, bare, as_bare, other.clone()]), other.capture);
    }

    #[test]
    fn what_few_may_see_or_is_disputed_counts_last() {
        let plain = one("plain", 1, "a", 240, 1);
        let hidden = Candidate { public: false, ..one("hidden", 2, "b", 1080, 1) };
        let forked = Candidate { disputed: true, ..one("forked", 3, "b", 1080, 1) };
        assert_eq!(chosen(&[plain.clone(), hidden.clone(), forked.clone()]), plain.capture);
        assert_eq!(chosen(&[hidden, forked.clone()]), forked.capture, "what is public comes first");
    }
}
