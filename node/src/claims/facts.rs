//! What feeds say of jobs, and what this node says there of its own.

use horahora_protocol::{
    NodeId, Timestamp,
    claim::{Fact, JobNo, Verdict},
    entry::{self, Body, Outcome},
    group::GroupId,
};
use tokio::sync::broadcast;

use super::{Ended, shell::Shell, table::Table};
use crate::{
    clock,
    feeds::Told,
    store::{
        StoreError,
        rows::{JobKey, State},
    },
};

impl Shell {
    /// A job of this node's own ended without a result; the group hears why.
    pub(super) async fn end(&mut self, now: Timestamp, ended: Ended) -> Result<(), StoreError> {
        for group in self.tables.keys().copied().collect::<Vec<_>>() {
            let Some(table) = self.tables.get_mut(&group) else { continue };
            let Some(job) = table.number(&ended.job) else { continue };
            self.forget_own(&group, job)?;
            let Some(table) = self.tables.get_mut(&group) else { continue };
            if ended.state == State::Done {
                // The entry that says so came before.
                table.fact(now, Fact::Delivered { job, by: self.me });
                self.drain(group).await?;
                continue;
            }
            let until = now.plus_ms(ended.not_before.ms_since(clock::now()));
            let (outcome, verdict) = match ended.state {
                State::Gone | State::Refused => (Outcome::Gone, Verdict::Gone),
                State::NeedsOperator | State::Failed => (Outcome::NotHere, Verdict::NotHere),
                State::Queued | State::Running | State::Waiting | State::Done => {
                    (Outcome::Later, Verdict::Until(until))
                }
            };
            table.fact(now, Fact::Failed { job, by: self.me, verdict });
            let alone = table.members.len() <= 1;
            if let Some((code, reason)) = ended.failure.clone().filter(|_| !alone) {
                table.failed(job, self.me, code.clone(), reason.clone());
                let body =
                    Body::Failure(entry::Failure { v: 1, job: ended.job.clone(), code, reason, outcome });
                self.write(group, body);
            }
            self.drain(group).await?;
        }
        Ok(())
    }

    /// Writes an entry, in a task of its own: the feed may have to wait for somebody to vouch for it.
    fn write(&self, group: GroupId, body: Body) {
        let feeds = self.rooms.feeds.clone();
        self.rooms.tasks.spawn("claims-entry", async move {
            if let Err(error) = feeds.publish(&[group], body, |_, _| ()).await {
                tracing::warn!(%group, "an entry about a job cannot be written: {error}");
            }
        });
    }

    fn delivered(
        &mut self,
        now: Timestamp,
        group: &GroupId,
        job: JobNo,
        by: NodeId,
    ) -> Result<(), StoreError> {
        if let Some(table) = self.tables.get_mut(group) {
            table.fact(now, Fact::Delivered { job, by });
        }
        if by == self.me { self.forget_own(group, job) } else { Ok(()) }
    }

    /// A feed says something.
    pub(super) async fn learn(
        &mut self,
        said: Result<Told, broadcast::error::RecvError>,
    ) -> Result<(), StoreError> {
        // Who falls behind misses facts of others; their entries are in the database and witnesses know them.
        let Ok(Told { group, node, body }) = said else { return Ok(()) };
        let now = clock::steady();
        let Some(table) = self.tables.get_mut(&group) else { return Ok(()) };
        let known = |table: &Table, job: &str| table.number(job);
        match &*body {
            Body::Capture(capture) => {
                let text = JobKey::Capture { video: capture.video.clone() }.text();
                let rungs = table.renditions_of(&capture.capture).into_iter();
                let made = rungs.filter(|(rung, _)| !capture.missing.contains(rung)).map(|(_, job)| job);
                for job in known(table, &text).into_iter().chain(made) {
                    self.delivered(now, &group, job, node)?;
                }
            }
            Body::Rendition(said) => {
                let key = JobKey::Rendition { capture: said.capture, rung: said.id.clone() };
                let Some(job) = known(table, &key.text()) else { return Ok(()) };
                self.delivered(now, &group, job, node)?;
            }
            Body::Listing(listing) if listing.last => {
                let text = JobKey::List { request: listing.request, n: listing.n }.text();
                let Some(job) = known(table, &text) else { return Ok(()) };
                self.delivered(now, &group, job, node)?;
            }
            Body::Confirmation(said) if node != self.me || said.good => {
                let text = JobKey::Capture { video: said.video.clone() }.text();
                let Some(job) = known(table, &text) else { return Ok(()) };
                let fact = if said.good { Fact::Confirmed { job } } else { Fact::Refuted { job, by: node } };
                table.fact(now, fact);
            }
            Body::Failure(failure) if node != self.me => {
                let Some(job) = known(table, &failure.job) else { return Ok(()) };
                let verdict = match failure.outcome {
                    Outcome::Later => Verdict::Until(Timestamp::default()),
                    Outcome::NotHere => Verdict::NotHere,
                    Outcome::Gone => Verdict::Gone,
                };
                table.failed(job, node, failure.code.clone(), failure.reason.clone());
                table.fact(now, Fact::Failed { job, by: node, verdict });
            }
            _ => return Ok(()),
        }
        self.drain(group).await?;
        self.employ().await
    }
}
