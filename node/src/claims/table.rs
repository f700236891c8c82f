//! One group's machine, the names of its jobs, and the signed words behind what it knows.

use std::collections::{BTreeMap, BTreeSet};

use horahora_protocol::{
    Cid, NodeId, Timestamp, Verified,
    claim::{self, Claim, Fact, Grant, Input, JobNo, Kind, Place, Said, Standing, Task},
    group::GroupId,
    limits,
    rank::{self, Subject},
};

use super::JobView;
use crate::{jobs::Pile, store::rows::JobKey};

/// What an ordinary node needs, until it is known better: a lease may last 16 times as long.
const LIST_MS: u32 = 10 * 60 * 1000;
const CAPTURE_MS: u32 = 30 * 60 * 1000;
/// Jobs that are only known by claims.
const UNKNOWN: usize = 10_000;

/// A group's jobs.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) group: GroupId,
    pub(super) machine: claim::Claims,
    pub(super) members: BTreeMap<NodeId, u32>,
    names: Vec<Name>,
    numbers: BTreeMap<String, JobNo>,
    /// The last signed word of each claimant of each job, and when it came.
    words: BTreeMap<(JobNo, NodeId), (Vec<u8>, Timestamp)>,
    /// Signed grants of this node's own claims.
    pub(super) grants: BTreeMap<(JobNo, u32), BTreeMap<NodeId, Vec<u8>>>,
    /// Since when the claimant of each job has it.
    begun: BTreeMap<JobNo, (NodeId, u32, Timestamp)>,
    failures: BTreeMap<JobNo, BTreeMap<NodeId, (String, String)>>,
    unknown: usize,
    /// The weights of the piles that jobs are drawn from, as the machine knows them.
    piles: BTreeMap<u32, u32>,
    /// Whether claims from before a restart were not looked for yet.
    is_fresh: bool,
}

#[derive(Debug)]
struct Name {
    text: String,
    kind: Kind,
    pile: u32,
    /// Whether this node wants it done, or only heard of it.
    wanted: bool,
    /// Until when it was blocked last.
    blocked: Timestamp,
}

impl Table {
    pub(super) fn new(group: GroupId, machine: claim::Claims) -> Self {
        Self {
            group,
            machine,
            members: BTreeMap::new(),
            names: Vec::new(),
            numbers: BTreeMap::new(),
            words: BTreeMap::new(),
            grants: BTreeMap::new(),
            begun: BTreeMap::new(),
            failures: BTreeMap::new(),
            unknown: 0,
            piles: BTreeMap::new(),
            is_fresh: true,
        }
    }

    /// Another machine for the jobs that are numbered already.
    pub(super) fn restart(&mut self, now: Timestamp, machine: claim::Claims) {
        self.machine = machine;
        self.piles.clear();
        for (number, name) in (0..).map(JobNo).zip(&self.names) {
            let task = Task {
                job: number,
                subject: Subject::named(&name.text),
                kind: name.kind,
                request: name.pile,
                estimate_ms: estimate_ms(name.kind),
            };
            self.machine.handle(now, Input::Task(task));
            self.machine.handle(now, Input::GiveBack { job: number, until: Timestamp(u64::MAX) });
        }
    }

    /// Whether claims from before a restart are to be looked for: once.
    pub(super) fn fresh(&mut self) -> bool {
        std::mem::take(&mut self.is_fresh)
    }

    pub(super) fn name(&self, job: JobNo) -> &str {
        self.names.get(job.0 as usize).map_or("", |name| name.text.as_str())
    }

    pub(super) fn number(&self, job: &str) -> Option<JobNo> {
        self.numbers.get(job).copied()
    }

    /// The renditions of a capture that are jobs: their names among it, and their numbers.
    pub(super) fn renditions_of(&self, capture: &Cid) -> Vec<(String, JobNo)> {
        let prefix = format!("rendition/{capture}/");
        let all = self.numbers.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix));
        all.map(|(name, number)| (name[prefix.len()..].to_owned(), *number)).collect()
    }

    /// The number of a job that somebody claims; none when there are too many of which this node knows nothing.
    pub(super) fn heard_of(&mut self, now: Timestamp, job: &str) -> Option<JobNo> {
        if let Some(number) = self.number(job) {
            return Some(number);
        }
        if self.unknown >= UNKNOWN || kind_of(job).is_none() {
            return None;
        }
        self.unknown += 1;
        let number = self.add(now, job, 0, false);
        // Not to be begun before this node knows where to fetch it.
        self.machine.handle(now, Input::GiveBack { job: number, until: Timestamp(u64::MAX) });
        Some(number)
    }

    /// A job that this node wants done; not before `begin`.
    pub(super) fn want(&mut self, now: Timestamp, key: &JobKey, pile: Pile, begin: Timestamp) {
        let text = key.text();
        if self.piles.insert(pile.number, pile.weight) != Some(pile.weight) {
            self.machine.handle(now, Input::Subscribers { request: pile.number, count: pile.weight });
        }
        let over = |number: &JobNo| matches!(self.machine.job(*number), Some((Place::Done | Place::Gone, _)));
        // Somebody asked again for what was over: it is another job of the same name.
        let known = self.number(&text).filter(|number| !over(number));
        let number = known.unwrap_or_else(|| self.add(now, &text, pile.number, true));
        let place = self.machine.job(number).map(|(place, _)| place);
        let name = &mut self.names[number.0 as usize];
        if !name.wanted || (place == Some(Place::Blocked) && begin <= now) {
            if !name.wanted {
                name.wanted = true;
                self.unknown = self.unknown.saturating_sub(1);
            }
            name.blocked = begin;
            self.machine.handle(now, Input::GiveBack { job: number, until: begin });
        } else if begin > now && name.blocked != begin {
            name.blocked = begin;
            self.machine.handle(now, Input::GiveBack { job: number, until: begin });
        }
    }

    fn add(&mut self, now: Timestamp, text: &str, request: u32, wanted: bool) -> JobNo {
        let number = JobNo(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        let kind = kind_of(text).unwrap_or(Kind::Capture);
        let estimate_ms = estimate_ms(kind);
        let task = Task { job: number, subject: Subject::named(text), kind, request, estimate_ms };
        self.machine.handle(now, Input::Task(task));
        self.names.push(Name {
            text: text.to_owned(),
            kind,
            pile: request,
            wanted,
            blocked: Timestamp::default(),
        });
        self.numbers.insert(text.to_owned(), number);
        number
    }

    /// What a signed claim says here; it is remembered, to be shown to others.
    pub(super) fn read(&mut self, now: Timestamp, claim: &Verified<Claim>, held_ms: u64) -> Option<Said> {
        // What others than members say is not remembered: they are without number.
        if !self.members.contains_key(&claim.node) {
            return None;
        }
        let job = self.heard_of(now, &claim.job)?;
        let said = Claim::said(claim, job, self.members.keys(), held_ms);
        let said_at = Timestamp(now.0.saturating_sub(held_ms));
        let word = (claim.block().1, said_at);
        let known = self.words.get(&(job, claim.node));
        let later = known.and_then(|(block, _)| Claim::decode(block).ok()).is_none_or(|known| {
            (known.epoch, known.beat, known.grants.len()) < (claim.epoch, claim.beat, claim.grants.len())
        });
        if later {
            self.words.insert((job, claim.node), word);
        }
        if claim.told
            && self
                .begun
                .get(&job)
                .is_none_or(|(node, epoch, _)| (*node, *epoch) != (claim.node, claim.epoch))
        {
            self.begun.insert(job, (claim.node, claim.epoch, now));
        }
        Some(said)
    }

    /// The signed word of a claimant, and how long ago it was said.
    pub(super) fn word(&self, now: Timestamp, job: JobNo, claimant: &NodeId) -> Option<(Vec<u8>, u64)> {
        let (block, at) = self.words.get(&(job, *claimant))?;
        Some((block.clone(), now.ms_since(*at)))
    }

    /// Who claimed a job before.
    pub(super) fn predecessor(&self, job: JobNo, me: &NodeId) -> Option<NodeId> {
        self.words.keys().find(|(of, node)| *of == job && node != me).map(|(_, node)| *node)
    }

    /// Keeps an own word.
    pub(super) fn spoke(&mut self, now: Timestamp, job: JobNo, me: NodeId, block: Vec<u8>) {
        self.words.insert((job, me), (block, now));
    }

    /// Signed claims that hold.
    pub(super) fn known(&self, now: Timestamp) -> Vec<(Vec<u8>, u64)> {
        let others = self.machine.leases().filter(|lease| lease.holds(now)).map(|lease| &lease.said);
        let others: Vec<_> = others.filter_map(|said| self.word(now, said.job, &said.claimant)).collect();
        let own = self.machine.own().filter_map(|said| self.word(now, said.job, &said.claimant));
        others.into_iter().chain(own).take(limits::CLAIMS).collect()
    }

    /// A feed says something of a job.
    pub(super) fn fact(&mut self, now: Timestamp, fact: Fact) {
        self.machine.handle(now, Input::Fact(fact));
        let (Fact::Delivered { job, .. }
        | Fact::Confirmed { job }
        | Fact::Refuted { job, .. }
        | Fact::Failed { job, .. }) = fact;
        if matches!(self.machine.job(job), Some((Place::Done | Place::Gone, _))) {
            self.words.retain(|(of, _), _| *of != job);
            self.grants.retain(|(of, _), _| *of != job);
            self.failures.remove(&job);
            self.begun.remove(&job);
        }
    }

    /// Why a member cannot do a job.
    pub(super) fn failed(&mut self, job: JobNo, node: NodeId, code: String, reason: String) {
        self.failures.entry(job).or_default().insert(node, (code, reason));
    }

    /// Jobs of a kind under way here, asked for ones too.
    pub(super) fn busy(&self, kind: Kind) -> usize {
        self.machine.claimed().filter(|job| self.names[job.0 as usize].kind == kind).count()
    }

    /// Members now. Gives whether that is news.
    pub(super) fn meet(&mut self, now: Timestamp, members: BTreeMap<NodeId, u32>) -> bool {
        if members == self.members {
            return false;
        }
        self.members = members.clone();
        self.machine.handle(now, Input::Members(members));
        true
    }

    /// What members do, and where the jobs of these names stand.
    pub(super) fn views(&self, now: Timestamp, me: NodeId, names: &[String]) -> Vec<JobView> {
        let asked = names.iter().filter_map(|name| self.number(name));
        let done = self.machine.leases().map(|lease| lease.said.job).chain(self.machine.claimed());
        let jobs: BTreeSet<JobNo> = asked.chain(done).collect();
        jobs.into_iter().filter_map(|job| self.view(now, me, job)).collect()
    }

    fn view(&self, now: Timestamp, me: NodeId, job: JobNo) -> Option<JobView> {
        let (place, lease) = self.machine.job(job)?;
        let name = self.names.get(job.0 as usize)?;
        let own = self.machine.own().find(|said| said.job == job);
        let said = own.as_ref().or(lease);
        let place = match place {
            Place::Open => "open",
            Place::Expired(_) => "expired",
            Place::Leased => "claimed",
            Place::Mine => "mine",
            Place::Blocked => "blocked",
            Place::Delivered => "delivered",
            Place::Done | Place::Gone => return None,
        };
        let failures = self.failures.get(&job).into_iter().flatten();
        let cannot = |node: &&NodeId| !self.failures.get(&job).is_some_and(|all| all.contains_key(*node));
        let next = rank::first(self.members.keys().filter(cannot), Subject::named(&name.text), 1);
        Some(JobView {
            group: self.group,
            job: name.text.clone(),
            place,
            claimant: said.map(|said| said.claimant).or((place == "mine").then_some(me)),
            epoch: said.map_or(0, |said| said.epoch),
            since_ms: self.begun.get(&job).map_or(0, |(.., since)| now.ms_since(*since)),
            progress: said.map_or(0.0, |said| f64::from(said.progress) / 1000.0),
            witnessed: said.is_some_and(|said| said.standing == Standing::Witnessed),
            next: next.first().copied().filter(|_| said.is_none()),
            failures: failures.map(|(node, (code, reason))| (*node, code.clone(), reason.clone())).collect(),
        })
    }
}

fn kind_of(job: &str) -> Option<Kind> {
    match job.split_once('/')?.0 {
        "list" => Some(Kind::List),
        "capture" => Some(Kind::Capture),
        "rendition" => Some(Kind::Rendition),
        _ => None,
    }
}

fn estimate_ms(kind: Kind) -> u32 {
    match kind {
        Kind::List => LIST_MS,
        Kind::Capture | Kind::Rendition => CAPTURE_MS,
    }
}

/// A grant as it is kept: the claim that was granted.
pub(super) fn restored(said: Said) -> Grant {
    Grant { said, until: Timestamp::default() }
}

#[cfg(test)]
mod tests {
    use horahora_protocol::{Codec, NodeKey, claim::Rules};

    use super::*;

    #[test]
    fn what_strangers_claim_is_not_remembered() {
        let [me, fellow, stranger] = [1, 2, 3].map(|secret| NodeKey::from_secret(&[secret; 32]));
        let (now, group) = (Timestamp(1_000), Cid::of(Codec::DagCbor, b"a group"));
        let machine = claim::Claims::new(me.node_id(), Rules::default(), 1, now, Some(Vec::new()));
        let mut table = Table::new(group, machine);
        table.meet(now, [&me, &fellow].map(|key| (key.node_id(), rank::ORDINARY)).into());
        let claims = |key: &NodeKey| {
            let (job, node) = ("capture/niconico:sm9".to_owned(), key.node_id());
            let claim = Claim {
                v: 1,
                group,
                job,
                node,
                epoch: 1,
                beat: 0,
                remaining_ms: limits::LEASE_MS,
                estimate_ms: 1_000,
                permille: 0,
                told: true,
                released: false,
                grants: Vec::new(),
            };
            key.sign(claim)
        };
        assert_eq!(table.read(now, &claims(&stranger), 0), None);
        assert!(table.numbers.is_empty() && table.words.is_empty());
        let said = table.read(now, &claims(&fellow), 250).expect("a member's word counts");
        assert_eq!((said.standing, said.remaining_ms), (Standing::Told, limits::LEASE_MS - 250));
        assert_eq!(table.word(now, said.job, &fellow.node_id()).map(|(_, held_ms)| held_ms), Some(250));
        // It is not this node's to begin: nobody here knows where to fetch it.
        table.machine.handle(now, Input::Workers { kind: Kind::Capture, count: 1 });
        assert_eq!(table.busy(Kind::Capture), 0);
    }
}
