//! Does what a machine says, in the order in which it says it.

use horahora_protocol::{
    NodeId, Timestamp, Verified,
    claim::{self, Claim, Granted, Input, JobNo, Output, Place, Said},
    entry::Body,
    group::GroupId,
    limits,
    message::{Gossip, Message, Vote},
};
use serde_bytes::ByteBuf;

use super::{Letter, check, shell::Shell};
use crate::{
    clock, requests,
    store::{
        Batch, StoreError,
        rows::{CLAIMS, ClaimRow, JobKey, claim_key},
    },
};

impl Shell {
    /// Does what a machine says.
    pub(super) async fn drain(&mut self, group: GroupId) -> Result<(), StoreError> {
        while let Some(output) = self.tables.get_mut(&group).and_then(|table| table.machine.poll_output()) {
            self.act(group, output).await?;
        }
        Ok(())
    }

    async fn act(&mut self, group: GroupId, output: Output) -> Result<(), StoreError> {
        let now = clock::steady();
        match output {
            Output::Persist { grant } => self.keep_grant(group, &grant.said).await?,
            Output::Ask { to, said } => self.ask(group, to, &said),
            Output::Vote { to, job, epoch, vote } => self.vote(group, to, job, epoch, vote),
            Output::Publish { said } => {
                let Some(claim) = self.sign(&group, &said) else { return Ok(()) };
                let block = claim.block().1;
                if let Some(table) = self.tables.get_mut(&group) {
                    table.spoke(now, said.job, self.me, block.clone());
                }
                if self.tables[&group].machine.claimed().any(|job| job == said.job) {
                    self.keep_own(group, said.job, Some(block.clone()))?;
                }
                let gossip = Gossip {
                    v: 1,
                    heads: Vec::new(),
                    growing: Vec::new(),
                    claims: vec![ByteBuf::from(block)],
                };
                debug_assert!(Gossip::decode(&gossip.encode()).is_ok());
                self.rooms.sync.publish(group, gossip);
                self.tell_page(&group, said.job);
            }
            Output::Start { job, epoch, look } => self.start(group, job, epoch, look)?,
            Output::Stop { job, to } => {
                let name = self.tables[&group].name(job).to_owned();
                tracing::info!(job = name, to = ?to, "is not this node's any more");
                self.rooms.jobs.revoke(&name);
                self.forget_own(&group, job)?;
            }
            Output::Check { job, by } => self.check(group, job, by),
        }
        Ok(())
    }

    fn start(
        &mut self,
        group: GroupId,
        job: JobNo,
        epoch: u32,
        look: Option<NodeId>,
    ) -> Result<(), StoreError> {
        let name = self.tables[&group].name(job).to_owned();
        let witnessed = self.tables[&group].machine.granted(job).len() >= limits::QUORUM;
        let Some(row) = self.rooms.jobs.named(&name)? else {
            let until = Timestamp(u64::MAX);
            if let Some(table) = self.tables.get_mut(&group) {
                table.machine.handle(clock::steady(), Input::GiveBack { job, until });
            }
            return Ok(());
        };
        if let Some(by) = look {
            self.check(group, job, by);
        }
        // A site that wants us to wait, or a job that waits for its next try, is left to others.
        let begin = self.rooms.jobs.begins(&row);
        let wall = clock::now();
        if begin > wall {
            let until = clock::steady().plus_ms(begin.ms_since(wall));
            if let Some(table) = self.tables.get_mut(&group) {
                table.machine.handle(clock::steady(), Input::GiveBack { job, until });
            }
            return Ok(());
        }
        tracing::info!(job = name, epoch, witnessed, "is this node's");
        if let Some(before) = self.tables[&group].predecessor(job, &self.me) {
            tracing::info!(job = name, epoch, from = %before, "takes over; the lease ran out or was given back");
        }
        let block = self.tables[&group].word(clock::steady(), job, &self.me).map(|(block, _)| block);
        self.keep_own(group, job, block)?;
        self.rooms.jobs.allow(&row)
    }

    fn sign(&self, group: &GroupId, said: &Said) -> Option<Verified<Claim>> {
        let table = self.tables.get(group)?;
        let grants = table.grants.get(&(said.job, said.epoch)).into_iter().flatten();
        let mut grants: Vec<_> = grants.map(|(_, grant)| ByteBuf::from(grant.clone())).collect();
        if table.machine.granted(said.job).contains(&self.me) {
            // Its own witness, too.
            grants.push(ByteBuf::from(self.grant(group, table.name(said.job), &self.me, said.epoch)));
        }
        grants.truncate(limits::PANEL);
        Some(self.rooms.key.sign(Claim::of(said, *group, table.name(said.job).to_owned(), grants)))
    }

    fn grant(&self, group: &GroupId, job: &str, claimant: &NodeId, epoch: u32) -> Vec<u8> {
        let (group, job, claimant) = (*group, job.to_owned(), *claimant);
        self.rooms.key.sign(Granted { v: 1, group, job, claimant, epoch, witness: self.me }).block().1
    }

    fn ask(&self, group: GroupId, to: NodeId, said: &Said) {
        let Some(claim) = self.sign(&group, said) else { return };
        let (sync, claims) = (self.rooms.sync.clone(), self.claims.clone());
        let (job, epoch, block) = (said.job, said.epoch, claim.block().1);
        self.rooms.tasks.spawn("claims-ask", async move {
            let vote = sync.ask_witness(&to, block).await;
            let _ = claims.0.letters.send(Letter::Voted { group, by: to, job, epoch, vote }).await;
        });
    }

    fn vote(&mut self, group: GroupId, to: NodeId, job: JobNo, epoch: u32, vote: claim::Vote) {
        let table = &self.tables[&group];
        let vote = match vote {
            claim::Vote::Granted => {
                Vote::Granted { grant: ByteBuf::from(self.grant(&group, table.name(job), &to, epoch)) }
            }
            claim::Vote::Held(said) => {
                let known = table.word(clock::steady(), job, &said.claimant);
                let own = || self.sign(&group, &said).filter(|_| said.claimant == self.me);
                match known.or_else(|| own().map(|claim| (claim.block().1, 0))) {
                    Some((claim, held_ms)) => Vote::Held { claim: ByteBuf::from(claim), held_ms },
                    None => Vote::Abstain,
                }
            }
            claim::Vote::Over => Vote::Over,
            claim::Vote::Behind(epoch) => Vote::Behind { epoch },
            claim::Vote::Exhausted => Vote::Exhausted,
            claim::Vote::Abstain => Vote::Abstain,
        };
        if let Some(asking) = self.asking.take() {
            let _ = asking.send(vote);
        }
    }

    /// Writes down what was granted: it binds this node after a restart, too.
    async fn keep_grant(&self, group: GroupId, said: &Said) -> Result<(), StoreError> {
        let table = &self.tables[&group];
        let known = table.word(clock::steady(), said.job, &said.claimant).map(|(block, _)| block);
        let own =
            || self.sign(&group, said).filter(|_| said.claimant == self.me).map(|claim| claim.block().1);
        let Some(block) = known.or_else(own) else { return Ok(()) };
        let key = claim_key(&group, table.name(said.job));
        let row: Option<ClaimRow> = self.rooms.store.get(&CLAIMS, &key)?;
        let mut batch = Batch::default();
        let own = row.and_then(|row| row.own);
        batch.put(&CLAIMS, &key, &ClaimRow { granted: Some(ByteBuf::from(block)), own });
        self.rooms.store.write(batch)?;
        self.rooms.store.durable().await
    }

    fn keep_own(&self, group: GroupId, job: JobNo, block: Option<Vec<u8>>) -> Result<(), StoreError> {
        let key = claim_key(&group, self.tables[&group].name(job));
        let row: Option<ClaimRow> = self.rooms.store.get(&CLAIMS, &key)?;
        let granted = row.and_then(|row| row.granted);
        let own = block.map(|block| (ByteBuf::from(block), clock::now()));
        let mut batch = Batch::default();
        if granted.is_none() && own.is_none() {
            batch.remove(&CLAIMS, &key);
        } else {
            batch.put(&CLAIMS, &key, &ClaimRow { granted, own });
        }
        self.rooms.store.write(batch)
    }

    pub(super) fn forget_own(&self, group: &GroupId, job: JobNo) -> Result<(), StoreError> {
        let over = self.tables.get(group).and_then(|table| table.machine.job(job)).map(|(place, _)| place);
        if matches!(over, Some(Place::Done | Place::Gone)) {
            let mut batch = Batch::default();
            batch.remove(&CLAIMS, &claim_key(group, self.tables[group].name(job)));
            return self.rooms.store.write(batch);
        }
        self.keep_own(*group, job, None)
    }

    /// Looks at what somebody delivered and says what it is.
    fn check(&mut self, group: GroupId, job: JobNo, by: NodeId) {
        let Some(JobKey::Capture { video }) = requests::job_key(self.tables[&group].name(job)) else {
            return;
        };
        if !self.checking.insert((group, job)) {
            return;
        }
        let (catalogue, fetch, feeds) =
            (self.rooms.catalogue.clone(), self.rooms.fetch.clone(), self.rooms.feeds.clone());
        self.rooms.tasks.spawn("claims-check", async move {
            if let Some(said) = check::look(&catalogue, &fetch, group, video, by).await
                && let Err(error) = feeds.publish(&[group], Body::Confirmation(said), |_, _| ()).await
            {
                tracing::warn!(%group, "what was looked at cannot be told: {error}");
            }
        });
    }

    pub(super) fn tell_page(&self, group: &GroupId, job: JobNo) {
        let name = self.tables.get(group).map(|table| table.name(job).to_owned());
        self.rooms.live.tell("job", serde_json::json!({ "id": name, "state": "claimed" }));
    }

    /// Checks what a witness sent.
    pub(super) fn read_vote(
        &mut self,
        now: Timestamp,
        group: &GroupId,
        by: &NodeId,
        job: JobNo,
        epoch: u32,
        vote: Vote,
    ) -> Option<claim::Vote> {
        let table = self.tables.get_mut(group)?;
        Some(match vote {
            Vote::Granted { grant } => {
                let granted = Granted::decode(&grant).ok()?;
                let fits = granted.witness == *by
                    && granted.group == *group
                    && granted.job == table.name(job)
                    && granted.claimant == self.me
                    && granted.epoch == epoch;
                if !fits {
                    return None;
                }
                table.grants.entry((job, epoch)).or_default().insert(*by, grant.into_vec());
                claim::Vote::Granted
            }
            Vote::Held { claim, held_ms } => {
                let claim = Claim::decode(&claim).ok().filter(|claim| claim.group == *group)?;
                if claim.job != table.name(job) {
                    return None;
                }
                claim::Vote::Held(table.read(now, &claim, held_ms)?)
            }
            Vote::Over => {
                // Its feeds say how it ended.
                self.rooms.sync.compare_soon(*by);
                claim::Vote::Over
            }
            Vote::Behind { epoch } => claim::Vote::Behind(epoch),
            Vote::Exhausted => claim::Vote::Exhausted,
            Vote::Abstain => claim::Vote::Abstain,
        })
    }
}
