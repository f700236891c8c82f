//! The task that owns the machines: it feeds them, and does what they say in the order in which they say it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use horahora_protocol::{
    NodeId, Timestamp, Verified,
    claim::{self, Claim, Fact, Granted, Input, JobNo, Kind, Output, Place, Rules, Said, Verdict},
    entry::{self, Body, Outcome},
    group::{GroupId, Role},
    limits,
    message::{Gossip, Message, Vote},
    rank,
};
use serde_bytes::ByteBuf;
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    time::sleep,
};

use super::{Claims, Ended, Letter, Rooms, check, table, table::Table};
use crate::{
    clock,
    feeds::Told,
    jobs::FETCHERS,
    requests,
    store::{
        Batch, StoreError,
        rows::{CLAIMS, ClaimRow, JobKey, JobRow, State, claim_key},
    },
};

/// How often it is looked what jobs there are, at most, and at the latest.
const LOOK: Duration = Duration::from_millis(500);
const LOOK_AT_LAST: Duration = Duration::from_secs(20);
/// Open jobs that are looked at.
const LOOK_AHEAD: usize = 20_000;
/// The listing of a request and the fetching of videos share the workers; there is room for one more listing.
const LISTERS: usize = 1;

pub(super) struct Shell {
    rooms: Rooms,
    me: NodeId,
    claims: Claims,
    tables: BTreeMap<GroupId, Table>,
    /// Members that wait for this node's vote, for the outputs that are being done.
    asking: Option<oneshot::Sender<Vote>>,
    checking: BTreeSet<(GroupId, JobNo)>,
}

impl Shell {
    pub(super) fn new(rooms: Rooms, claims: Claims) -> Self {
        let me = rooms.key.node_id();
        Self { rooms, me, claims, tables: BTreeMap::new(), asking: None, checking: BTreeSet::new() }
    }

    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Letter>) {
        let mut told = self.rooms.feeds.told();
        let mut woken = self.rooms.jobs.woken();
        let mut moved = self.rooms.feeds.moved();
        loop {
            if let Err(error) = self.look().await {
                tracing::error!("jobs cannot be claimed: {error}");
            }
            // What comes in a moment is looked at together.
            let pause = sleep(LOOK);
            tokio::pin!(pause);
            let (mut news, mut rested) = (false, false);
            let at_last = sleep(LOOK_AT_LAST);
            tokio::pin!(at_last);
            while !(news && rested) {
                let due = self.due();
                let done = tokio::select! {
                    letter = inbox.recv() => match letter {
                        Some(letter) => self.hear(letter).await,
                        None => return,
                    },
                    said = told.recv() => self.learn(said).await,
                    () = sleep(due) => self.tick().await,
                    Ok(()) = woken.changed(), if !news => { news = true; Ok(()) }
                    Ok(()) = moved.changed(), if !news => { news = true; Ok(()) }
                    () = &mut pause, if !rested => { rested = true; Ok(()) }
                    () = &mut at_last => { (news, rested) = (true, true); Ok(()) }
                };
                if let Err(error) = done {
                    tracing::error!("a claim cannot be written down: {error}");
                }
            }
        }
    }

    fn due(&self) -> Duration {
        let next = self.tables.values().filter_map(|table| table.machine.poll_timeout()).min();
        let now = clock::steady();
        next.map_or(LOOK_AT_LAST, |next| Duration::from_millis(next.ms_since(now)))
            .max(Duration::from_millis(5))
    }

    /// Brings the machines up to what the database says: groups, members, jobs.
    async fn look(&mut self) -> Result<(), StoreError> {
        let groups = self.rooms.feeds.writable().await;
        self.tables.retain(|group, _| groups.contains(group));
        for group in groups {
            let Some(view) = self.rooms.groups.get(&group) else { continue };
            if !self.tables.contains_key(&group) {
                let table = self.open(group)?;
                self.tables.insert(group, table);
            }
            let members = view.group.members.iter().filter(|(_, member)| member.role >= Role::Member);
            let members = members.map(|(node, _)| (*node, rank::ORDINARY)).collect();
            let now = clock::steady();
            if let Some(table) = self.tables.get_mut(&group) {
                table.meet(now, members);
            }
        }
        for job in self.rooms.jobs.shared(LOOK_AHEAD)? {
            self.want(&job)?;
        }
        for group in self.tables.keys().copied().collect::<Vec<_>>() {
            self.resume(group).await?;
            self.drain(group).await?;
        }
        self.employ().await
    }

    /// A group's machine, with what it had granted.
    fn open(&self, group: GroupId) -> Result<Table, StoreError> {
        let now = clock::steady();
        let rows = self.rooms.store.scan(&CLAIMS, &group.to_bytes(), None, usize::MAX)?;
        let mut names = Table::new(group, self.machine(now, Vec::new()));
        let mut grants = Vec::new();
        for (_, row) in rows {
            let Some(claim) = row.granted.and_then(|block| Claim::decode(&block).ok()) else { continue };
            let number = names.heard_of(now, &claim.job);
            let said = number.map(|number| Claim::said(&claim, number, [], 0));
            grants.extend(said.map(table::restored));
        }
        // The numbers stay; the machine begins anew, bound by what it had granted.
        names.restart(now, self.machine(now, grants));
        Ok(names)
    }

    fn machine(&self, now: Timestamp, grants: Vec<claim::Grant>) -> claim::Claims {
        let seed = u64::from_le_bytes(clock::random());
        claim::Claims::new(self.me, Rules::default(), seed, now, Some(grants))
    }

    /// A job that this node wants done, in each group that it is for.
    fn want(&mut self, job: &JobRow) -> Result<(), StoreError> {
        let now = clock::steady();
        let (groups, request) = self.rooms.jobs.groups_of(job)?;
        let wall = clock::now();
        // A pause is reckoned on the clock of the wall.
        let begin = now.plus_ms(self.rooms.jobs.begins(job).ms_since(wall));
        let begin = if begin > now { begin } else { Timestamp::default() };
        for group in groups {
            if let Some(table) = self.tables.get_mut(&group) {
                table.want(now, &job.key, request, begin);
            }
        }
        Ok(())
    }

    /// Claims from before a restart, whose lease still holds.
    async fn resume(&mut self, group: GroupId) -> Result<(), StoreError> {
        let Some(table) = self.tables.get_mut(&group) else { return Ok(()) };
        if !table.fresh() {
            return Ok(());
        }
        let (now, wall) = (clock::steady(), clock::now());
        for (key, row) in self.rooms.store.scan(&CLAIMS, &group.to_bytes(), None, usize::MAX)? {
            let Some((block, at)) = row.own else { continue };
            let claim = Claim::decode(&block).ok().filter(|claim| claim.node == self.me);
            let holds = wall.ms_since(at) < limits::LEASE_MS && at <= wall;
            if let Some(claim) = claim.filter(|_| holds)
                && let Some(said) = table.read(now, &claim, 0)
            {
                let granted = claim.grants.iter().filter_map(|grant| Granted::decode(grant).ok());
                let granted: BTreeMap<NodeId, Vec<u8>> =
                    granted.map(|grant| (grant.witness, grant.block().1)).collect();
                let by = granted.keys().copied().collect();
                table.grants.insert((said.job, said.epoch), granted);
                table.machine.handle(now, Input::Resume { said, granted: by });
            } else {
                let mut batch = Batch::default();
                match row.granted {
                    Some(granted) => {
                        batch.put(&CLAIMS, &key, &ClaimRow { granted: Some(granted), own: None })
                    }
                    None => batch.remove(&CLAIMS, &key),
                }
                self.rooms.store.write(batch)?;
            }
        }
        Ok(())
    }

    /// Shares this node's workers out over its groups: all machines together begin no more than there are.
    async fn employ(&mut self) -> Result<(), StoreError> {
        for (kind, all) in [(Kind::Capture, FETCHERS), (Kind::List, LISTERS)] {
            for group in self.tables.keys().copied().collect::<Vec<_>>() {
                let busy: usize = self.tables.values().map(|table| table.busy(kind)).sum();
                let Some(table) = self.tables.get_mut(&group) else { continue };
                let count = table.busy(kind) + all.saturating_sub(busy);
                table.machine.handle(clock::steady(), Input::Workers { kind, count });
                self.drain(group).await?;
            }
        }
        Ok(())
    }

    async fn tick(&mut self) -> Result<(), StoreError> {
        let now = clock::steady();
        for group in self.tables.keys().copied().collect::<Vec<_>>() {
            self.feed(&group, now, Input::Tick).await?;
        }
        self.employ().await
    }

    async fn feed(&mut self, group: &GroupId, now: Timestamp, input: Input) -> Result<(), StoreError> {
        if let Some(table) = self.tables.get_mut(group) {
            table.machine.handle(now, input);
        }
        self.drain(*group).await
    }

    async fn hear(&mut self, letter: Letter) -> Result<(), StoreError> {
        let now = clock::steady();
        match letter {
            Letter::Heard(claim, held_ms) => {
                let Some(table) = self.tables.get_mut(&claim.group) else { return Ok(()) };
                if let Some(said) = table.read(now, &claim, held_ms) {
                    self.tell_page(&claim.group, said.job);
                    self.feed(&claim.group, now, Input::Heard(said)).await?;
                }
            }
            Letter::Asked(claim, reply) => {
                let Some(table) = self.tables.get_mut(&claim.group) else { return Ok(()) };
                let Some(said) = table.read(now, &claim, 0) else { return Ok(()) };
                self.asking = Some(reply);
                self.feed(&claim.group, now, Input::Asked(said)).await?;
                // Nothing is answered to who gives a claim back.
                self.asking = None;
            }
            Letter::Voted { group, by, job, epoch, vote } => {
                let vote = vote.and_then(|vote| self.read_vote(now, &group, &by, job, epoch, vote));
                if let Some(vote) = vote {
                    self.feed(&group, now, Input::Voted { by, job, epoch, vote }).await?;
                }
            }
            Letter::Known(group, reply) => {
                let known = self.tables.get(&group).map(|table| table.known(now));
                let _ = reply.send(known.unwrap_or_default());
                return Ok(());
            }
            Letter::Ended(ended) => self.end(now, ended).await?,
            Letter::Views(reply) => {
                let me = self.me;
                let _ = reply.send(self.tables.values().flat_map(|table| table.views(me)).collect());
                return Ok(());
            }
        }
        self.employ().await
    }

    /// Checks what a witness sent.
    fn read_vote(
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

    /// A job of this node's own ended without a result; the group hears why.
    async fn end(&mut self, now: Timestamp, ended: Ended) -> Result<(), StoreError> {
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

    /// A feed says something.
    async fn learn(&mut self, said: Result<Told, broadcast::error::RecvError>) -> Result<(), StoreError> {
        // Who falls behind misses facts of others; their entries are in the database and witnesses know them.
        let Ok(Told { group, node, body }) = said else { return Ok(()) };
        let now = clock::steady();
        let Some(table) = self.tables.get_mut(&group) else { return Ok(()) };
        let known = |table: &Table, job: &str| table.number(job);
        match &*body {
            Body::Capture(capture) => {
                let text = JobKey::Capture { video: capture.video.clone() }.text();
                let Some(job) = known(table, &text) else { return Ok(()) };
                table.fact(now, Fact::Delivered { job, by: node });
                if node == self.me {
                    self.forget_own(&group, job)?;
                }
            }
            Body::Listing(listing) if listing.last => {
                let text = JobKey::List { request: listing.request, n: listing.n }.text();
                let Some(job) = known(table, &text) else { return Ok(()) };
                table.fact(now, Fact::Delivered { job, by: node });
                if node == self.me {
                    self.forget_own(&group, job)?;
                }
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

    /// Does what a machine says.
    async fn drain(&mut self, group: GroupId) -> Result<(), StoreError> {
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
            Output::Start { job, epoch, look } => self.start(group, job, epoch, look).await?,
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

    async fn start(
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

    fn forget_own(&self, group: &GroupId, job: JobNo) -> Result<(), StoreError> {
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

    fn tell_page(&self, group: &GroupId, job: JobNo) {
        let name = self.tables.get(group).map(|table| table.name(job).to_owned());
        self.rooms.live.tell("job", serde_json::json!({ "id": name, "state": "claimed" }));
    }
}
