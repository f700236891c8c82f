//! Approval before fetching: what members said of videos, creators and tags, and which videos wait because of it.

use horahora_protocol::{
    NodeId, Timestamp,
    approval::{self, Approve, Rules, Ruling, Subject, Verdict},
    group::{GroupId, Role},
};
use serde::{Deserialize, Serialize};

use crate::{
    groups::Groups,
    store::{
        Batch, Store, StoreError,
        rows::{CREATORS, Code, VERDICTS, VIDEOS, VideoRow, creator_key, subject_key},
    },
};

/// Videos of a creator that are looked at to see whether the group has one.
const KNOWN_BY: usize = 200;

/// A row of [`VERDICTS`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VerdictRow {
    /// What it is about.
    pub subject: Subject,
    /// What was said last.
    pub ruling: Ruling,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: NodeId,
    /// Why.
    pub reason: String,
}

/// Why a video is not fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// [`Code::Approval`] or [`Code::Disapproved`].
    pub code: Code,
    /// The same for people.
    pub reason: String,
}

/// What the groups approve of. Clones share it.
#[derive(Debug, Clone)]
pub struct Approvals {
    store: Store,
    groups: Groups,
}

impl Approvals {
    /// What the groups approve of, as this database knows it.
    #[must_use]
    pub fn new(store: Store, groups: Groups) -> Self {
        Self { store, groups }
    }

    /// The rules of a group.
    #[must_use]
    pub fn rules(&self, group: &GroupId) -> Rules {
        self.groups.get(group).map(|view| view.group.rules.clone()).unwrap_or_default()
    }

    /// The numbers of all rules: other ones mean that a group changed its own.
    #[must_use]
    pub fn numbers(&self) -> Vec<(GroupId, u32)> {
        let all = self.groups.all();
        let changed = all.iter().filter(|view| view.group.rules_number > 0);
        changed.map(|view| (view.id, view.group.rules_number)).collect()
    }

    /// Why none of its groups lets a video be fetched now, if so, as it will be when `batch` is written. Where one lets it,
    /// the others have it, too.
    ///
    /// # Errors
    /// When the database fails.
    pub fn hold(&self, batch: &Batch, video: &VideoRow) -> Result<Option<Hold>, StoreError> {
        let mut held: Option<Hold> = None;
        for group in &video.groups {
            if self.groups.role(group) < Some(Role::Member) {
                continue;
            }
            match self.held_by(batch, group, video)? {
                None => return Ok(None),
                // One that still waits is the better prospect.
                Some(hold) if hold.code == Code::Approval => held = Some(hold),
                Some(hold) => _ = held.get_or_insert(hold),
            }
        }
        Ok(held)
    }

    fn held_by(&self, batch: &Batch, group: &GroupId, video: &VideoRow) -> Result<Option<Hold>, StoreError> {
        let approve = self.rules(group).approve;
        match self.said(batch, group, video)? {
            Some((Ruling::Refused, why)) => {
                let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
                let reason = format!("A member of the group refused it.{why}");
                return Ok(Some(Hold { code: Code::Disapproved, reason }));
            }
            Some((Ruling::Approved, _)) => return Ok(None),
            Some((Ruling::Open, _)) | None => {}
        }
        let free = match approve {
            Approve::Never => true,
            Approve::NewCreators => self.has_of(batch, group, video)?,
            Approve::Always => false,
        };
        let reason = match approve {
            Approve::NewCreators => {
                "It waits until a member approves of it: the group has nothing by its creator yet."
            }
            Approve::Never | Approve::Always => "It waits until a member approves of it.",
        };
        Ok((!free).then(|| Hold { code: Code::Approval, reason: reason.to_owned() }))
    }

    /// What counts of what a group's members said of a video, and why.
    fn said(
        &self,
        batch: &Batch,
        group: &GroupId,
        video: &VideoRow,
    ) -> Result<Option<(Ruling, String)>, StoreError> {
        let mut said = Vec::new();
        for subject in Subject::of(&video.id, video.creator_id.as_deref(), &video.tags) {
            let row: Option<VerdictRow> =
                self.store.get_after(batch, &VERDICTS, &subject_key(group, &subject))?;
            said.extend(row.map(|row| (subject, row.ruling, row.reason)));
        }
        Ok(approval::counts(said))
    }

    /// Whether a group has, or approved of, a video by the creator of this one.
    fn has_of(&self, batch: &Batch, group: &GroupId, video: &VideoRow) -> Result<bool, StoreError> {
        let Some(creator) = &video.creator_id else { return Ok(false) };
        let prefix = creator_key(video.id.site(), creator);
        for (_, id) in self.store.scan(&CREATORS, &prefix, None, KNOWN_BY)? {
            let row: Option<VideoRow> = self.store.get_after(batch, &VIDEOS, id.as_str().as_bytes())?;
            let Some(row) = row.filter(|row| row.groups.contains(group)) else { continue };
            let said = subject_key(group, &Subject::Video(row.id));
            let said: Option<VerdictRow> = self.store.get_after(batch, &VERDICTS, &said)?;
            if row.manifest.is_some() || said.is_some_and(|said| said.ruling == Ruling::Approved) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds to the batch what a member said.
    ///
    /// # Errors
    /// When the database fails.
    pub fn learn(
        &self,
        group: &GroupId,
        (at, by): (Timestamp, NodeId),
        verdict: &Verdict,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        for subject in &verdict.subjects {
            let key = subject_key(group, subject);
            let known: Option<VerdictRow> = self.store.get_after(batch, &VERDICTS, &key)?;
            if known.is_none_or(|known| (known.at, known.by) < (at, by)) {
                let (subject, reason) = (subject.clone(), verdict.reason.clone());
                batch.put(&VERDICTS, &key, &VerdictRow { subject, ruling: verdict.ruling, at, by, reason });
            }
        }
        Ok(())
    }

    /// What counts of creators and tags in a group, and which single videos were refused, at most `limit` of each; the latest
    /// first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn standing(&self, group: &GroupId, limit: usize) -> Result<Vec<VerdictRow>, StoreError> {
        let rows = self.store.scan(&VERDICTS, &group.to_bytes(), None, usize::MAX)?;
        let mut rows: Vec<VerdictRow> = rows.into_iter().map(|(_, row)| row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.at));
        let (mut videos, mut others) = (0, 0);
        rows.retain(|row| {
            let counted = match (&row.subject, row.ruling) {
                (_, Ruling::Open) | (Subject::Video(_), Ruling::Approved) => return false,
                (Subject::Video(_), Ruling::Refused) => &mut videos,
                (Subject::Creator { .. } | Subject::Tag(_), _) => &mut others,
            };
            *counted += 1;
            *counted <= limit
        });
        Ok(rows)
    }
}
