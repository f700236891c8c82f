//! The task that owns the machines: it feeds them, and does what they say in the order in which they say it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use horahora_protocol::{
    NodeId, Timestamp,
    claim::{self, Claim, Granted, Input, JobNo, Kind, Rules},
    group::{GroupId, Role},
    limits,
    message::Vote,
    rank,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};

use super::{Claims, Letter, Rooms, table, table::Table};
use crate::{
    clock,
    jobs::FETCHERS,
    store::{
        Batch, StoreError,
        rows::{CLAIMS, ClaimRow, JobRow},
    },
};

/// How often it is looked what jobs there are, at most, and at the latest.
const LOOK: Duration = Duration::from_millis(500);
const LOOK_AT_LAST: Duration = Duration::from_secs(20);
/// Looking takes this part of the time at most.
const LOOK_SHARE: u32 = 20;
/// Open jobs that are looked at.
const LOOK_AHEAD: usize = 20_000;
/// The listing of a request and the fetching of videos share the workers; there is room for one more listing.
const LISTERS: usize = 1;

pub(super) struct Shell {
    pub(super) rooms: Rooms,
    pub(super) me: NodeId,
    pub(super) claims: Claims,
    pub(super) tables: BTreeMap<GroupId, Table>,
    /// Members that wait for this node's vote, for the outputs that are being done.
    pub(super) asking: Option<oneshot::Sender<Vote>>,
    pub(super) checking: BTreeSet<(GroupId, JobNo)>,
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
            let begun = clock::steady();
            if let Err(error) = self.look().await {
                tracing::error!("jobs cannot be claimed: {error}");
            }
            // What comes in a moment is looked at together; long lists are looked at less often.
            let took = Duration::from_millis(clock::steady().ms_since(begun));
            let pause = sleep(LOOK.max(took * LOOK_SHARE));
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
                self.rooms.feeds.relearn(&group).await?;
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
            self.resume(group)?;
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
        if self.rooms.jobs.receive(job)? {
            return Ok(());
        }
        let now = clock::steady();
        let (groups, pile) = self.rooms.jobs.groups_of(job)?;
        let wall = clock::now();
        // A pause is reckoned on the clock of the wall.
        let begin = now.plus_ms(self.rooms.jobs.begins(job).ms_since(wall));
        let begin = if begin > now { begin } else { Timestamp::default() };
        for group in groups {
            if let Some(table) = self.tables.get_mut(&group) {
                table.want(now, &job.key, pile, begin);
            }
        }
        Ok(())
    }

    /// Claims from before a restart, whose lease still holds.
    fn resume(&mut self, group: GroupId) -> Result<(), StoreError> {
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
    pub(super) async fn employ(&mut self) -> Result<(), StoreError> {
        let encoders = self.rooms.jobs.encoders();
        for (kind, all) in [(Kind::Capture, FETCHERS), (Kind::List, LISTERS), (Kind::Rendition, encoders)] {
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
        for table in self.tables.values_mut() {
            for job in table.machine.claimed().collect::<Vec<_>>() {
                if let Some(at) = self.rooms.live.of(table.name(job)) {
                    let progress = (at.fraction * 1000.0) as u16;
                    table.machine.handle(now, Input::Progress { job, progress });
                }
            }
        }
        for group in self.tables.keys().copied().collect::<Vec<_>>() {
            self.feed(&group, now, Input::Tick).await?;
        }
        self.employ().await
    }

    pub(super) async fn feed(
        &mut self,
        group: &GroupId,
        now: Timestamp,
        input: Input,
    ) -> Result<(), StoreError> {
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
            Letter::Views(names, reply) => {
                let me = self.me;
                let views = self.tables.values().flat_map(|table| table.views(now, me, &names));
                let _ = reply.send(views.collect());
                return Ok(());
            }
        }
        self.employ().await
    }
}
