//! Who does which job in each group: the shell round the protocol's machine.
//!
//! One task owns the machines, one for each group that this node writes into; everybody else holds a [`Claims`]. The
//! machine decides; here claims are signed, checked, sent and written down, and jobs are let go to work.
//! `table` is one group, `shell` the task, `act` does what the machine says, `facts` is what feeds say, `check` looks at
//! what others delivered.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use horahora_protocol::{
    NodeId, NodeKey, Timestamp, Verified,
    claim::{Claim, JobNo},
    group::GroupId,
    message::{MessageError, Vote},
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    catalogue::Catalogue,
    feeds::Feeds,
    fetch::Fetch,
    groups::Groups,
    jobs::Jobs,
    live::Live,
    net::Sync,
    spawn::Tasks,
    store::{Store, rows::State},
};

mod act;
mod check;
mod facts;
mod shell;
mod table;

/// Messages that wait for the shell. Gossip beyond that is dropped: it comes again with the next beat.
const INBOX: usize = 1024;

/// The way to the claims. Clones share it.
#[derive(Debug, Clone)]
pub struct Claims(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    letters: mpsc::Sender<Letter>,
    inbox: Mutex<Option<mpsc::Receiver<Letter>>>,
}

/// What the claims work with.
#[derive(Debug)]
pub struct Rooms {
    /// The node's key.
    pub key: Arc<NodeKey>,
    /// The database.
    pub store: Store,
    /// The feeds, which tell what became of jobs.
    pub feeds: Feeds,
    /// Who is in which group.
    pub groups: Groups,
    /// What the groups have.
    pub catalogue: Catalogue,
    /// The way to blobs of others, to look at them.
    pub fetch: Fetch,
    /// The jobs.
    pub jobs: Jobs,
    /// The way to members.
    pub sync: Sync,
    /// Events.
    pub live: Live,
    /// Background tasks.
    pub tasks: Tasks,
}

/// What the shell is told.
#[derive(Debug)]
enum Letter {
    /// A claim was told; it was passed on so many milliseconds after it was said.
    Heard(Box<Verified<Claim>>, u64),
    /// A member asks for a grant.
    Asked(Box<Verified<Claim>>, oneshot::Sender<Vote>),
    /// A witness answered, or did not.
    Voted { group: GroupId, by: NodeId, job: JobNo, epoch: u32, vote: Option<Vote> },
    /// Somebody wants to know which claims hold.
    Known(GroupId, oneshot::Sender<Vec<(Vec<u8>, u64)>>),
    /// A job of this node's own ended without a result in a feed.
    Ended(Ended),
    /// Somebody wants to know who does what: what members do, and these jobs besides.
    Views(Vec<String>, oneshot::Sender<Vec<JobView>>),
}

/// How a job of this node's own ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The job's name.
    pub job: String,
    /// Its state now.
    pub state: State,
    /// Why, if it failed: code and words.
    pub failure: Option<(String, String)>,
    /// Not to be begun here before this.
    pub not_before: Timestamp,
}

/// Where a job of a group stands.
#[derive(Debug, Clone)]
pub struct JobView {
    /// The group.
    pub group: GroupId,
    /// The job's name.
    pub job: String,
    /// Where it stands: `open`, `expired`, `claimed`, `mine`, `blocked`, `delivered`, `done` or `gone`.
    pub place: &'static str,
    /// Who has it.
    pub claimant: Option<NodeId>,
    /// Which tenure it is.
    pub epoch: u32,
    /// How far it is, 0 to 1.
    pub progress: f64,
    /// How long it is under way.
    pub since_ms: u64,
    /// Whether witnesses granted it.
    pub witnessed: bool,
    /// Whose turn it is when nobody has it: the member that it suits best.
    pub next: Option<NodeId>,
    /// What members said why they cannot do it: who, code, words.
    pub failures: Vec<(NodeId, String, String)>,
}

impl Claims {
    /// Claims that nobody decides on yet; see [`Claims::start`].
    #[must_use]
    pub fn new() -> Self {
        let (letters, inbox) = mpsc::channel(INBOX);
        Self(Arc::new(Inner { letters, inbox: Mutex::new(Some(inbox)) }))
    }

    /// Begins to claim and to witness.
    ///
    /// # Panics
    /// When called a second time.
    pub fn start(&self, rooms: Rooms) {
        let inbox = self.0.inbox.lock().unwrap_or_else(PoisonError::into_inner).take();
        let inbox = inbox.expect("claims start once");
        let tasks = rooms.tasks.clone();
        let shell = shell::Shell::new(rooms, self.clone());
        tasks.spawn("claims", shell.run(inbox));
    }

    /// A claim that a node told or passed on.
    ///
    /// # Errors
    /// When it is forged or malformed.
    pub fn hear(&self, group: &GroupId, block: &[u8], held_ms: u64) -> Result<(), MessageError> {
        let claim = Claim::decode(block)?;
        if claim.group != *group {
            return Err(MessageError::Field("group"));
        }
        // A full inbox loses it, as the network may.
        let _ = self.0.letters.try_send(Letter::Heard(claim.into(), held_ms));
        Ok(())
    }

    /// Answers a member that asks this node to witness its claim.
    ///
    /// # Errors
    /// When the claim is forged, malformed, or not its own.
    pub async fn witness(&self, node: &NodeId, block: &[u8]) -> Result<Vote, MessageError> {
        let claim = Claim::decode(block)?;
        if claim.node != *node {
            return Err(MessageError::Field("claimant"));
        }
        let (reply, vote) = oneshot::channel();
        let _ = self.0.letters.send(Letter::Asked(claim.into(), reply)).await;
        Ok(vote.await.unwrap_or(Vote::Abstain))
    }

    /// The signed claims of a group that hold, and how long ago each was said.
    pub async fn known(&self, group: GroupId) -> Vec<(Vec<u8>, u64)> {
        let (reply, known) = oneshot::channel();
        let _ = self.0.letters.send(Letter::Known(group, reply)).await;
        known.await.unwrap_or_default()
    }

    /// A job of this node's own ended.
    pub async fn ended(&self, ended: Ended) {
        let _ = self.0.letters.send(Letter::Ended(ended)).await;
    }

    /// Who does what: every job that somebody does, and those of these names.
    pub async fn views(&self, names: Vec<String>) -> BTreeMap<String, JobView> {
        let (reply, views) = oneshot::channel();
        let _ = self.0.letters.send(Letter::Views(names, reply)).await;
        let views = views.await.unwrap_or_default();
        views.into_iter().map(|view| (view.job.clone(), view)).collect()
    }
}

impl Default for Claims {
    fn default() -> Self {
        Self::new()
    }
}
