//! What can happen, and how it is written into the digest of a run.

use std::rc::Rc;

use super::queue::Micros;

/// A node's number; its feed has the same.
pub(super) type Node = u32;
/// A link's number.
pub(super) type Link = u32;
/// How many entries of each feed a node has.
pub(super) type Counts = Rc<[u32]>;

#[derive(Debug, Clone)]
pub(super) enum Event {
    /// A node writes the entry of this number.
    Write(usize),
    /// A node tells what it wrote since the last time.
    Gather { node: Node, life: u32 },
    /// A node meets one random neighbour.
    AntiEntropy { node: Node, life: u32 },
    /// A message reaches its end of a link, if the connection that it was sent on is still there.
    Arrive { link: Link, connection: u32, to: Node, message: Message },
    /// A task goes on after a pause.
    Resume { task: u64 },
    /// The links between the two sides go dark.
    Cut,
    /// They can be used again.
    Heal,
    /// A node stops at once and keeps what is on its disk.
    Crash(Node),
    /// It comes back.
    Restart(Node),
    /// The ends of a link learn that the connection is gone.
    Notice { link: Link, connection: u32 },
    /// A node dials the other end of a link, for the `times`th time.
    Dial { link: Link, node: Node, life: u32, times: u32 },
    /// A connection is there, and both ends know what the other speaks.
    Connected { link: Link, connection: u32 },
}

#[derive(Debug, Clone)]
pub(super) enum Message {
    /// News of this number.
    Gossip(usize),
    Ask {
        task: u64,
        question: Question,
    },
    Answer {
        task: u64,
        answer: Answer,
    },
}

#[derive(Debug, Clone)]
pub(super) enum Question {
    /// Where do your feeds end? Here is where mine do, or a digest of that.
    Heads(Counts),
    /// Here I am ahead of you: feed and count. Only after a digest.
    Ahead(Vec<(Node, u32)>),
    Entries {
        feed: Node,
        from: u32,
    },
}

#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// The heads of the feeds in these buckets, a bit each.
    Heads {
        counts: Counts,
        buckets: u64,
    },
    /// To [`Question::Ahead`].
    Noted,
    /// Entries `from` (included) up to `to` (not included).
    Entries {
        feed: Node,
        from: u32,
        to: u32,
    },
    Busy,
}

impl Event {
    /// Writes what happens, and when, into the digest of the run.
    pub(super) fn trace(&self, at: Micros, trace: &mut blake3::Hasher) {
        let [kind, a, b, c] = self.numbers();
        for number in [at, kind, a, b, c] {
            trace.update(&number.to_le_bytes());
        }
    }

    fn numbers(&self) -> [u64; 4] {
        match self {
            Self::Write(entry) => [0, *entry as u64, 0, 0],
            Self::Gather { node, life } => [1, (*node).into(), (*life).into(), 0],
            Self::AntiEntropy { node, life } => [2, (*node).into(), (*life).into(), 0],
            Self::Arrive { link, to, message, .. } => {
                let (kind, what) = match message {
                    Message::Gossip(news) => (3, *news as u64),
                    Message::Ask { task, .. } => (4, *task),
                    Message::Answer { task, .. } => (5, *task),
                };
                [kind, (*link).into(), (*to).into(), what]
            }
            Self::Resume { task } => [6, *task, 0, 0],
            Self::Cut => [7, 0, 0, 0],
            Self::Heal => [8, 0, 0, 0],
            Self::Crash(node) => [9, (*node).into(), 0, 0],
            Self::Restart(node) => [10, (*node).into(), 0, 0],
            Self::Notice { link, connection } => [11, (*link).into(), (*connection).into(), 0],
            Self::Dial { link, node, times, .. } => [12, (*link).into(), (*node).into(), (*times).into()],
            Self::Connected { link, connection } => [13, (*link).into(), (*connection).into(), 0],
        }
    }
}
