//! What follows from what people say, wherever it was said: the same rows whatever the order in which it is heard of.

use horahora_protocol::{
    Cid, NodeId, Verified, VideoId,
    community::{Act, Removal, Said, Views, Vote, What},
    entry::Body,
    group::GroupId,
};

use crate::store::{
    Batch, Store, StoreError,
    rows::{
        Block, ERASED, Gone, SAID, SAID_KEYS, SaidRow, TALLIES, Tally, VOTES, VoteRow, erased_key, said_key,
        vote_key,
    },
};

/// Through whom words came.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// The group that they were said in.
    pub group: GroupId,
    /// The node that carries them.
    pub node: NodeId,
    /// Whether it is an admin of the group.
    pub admin: bool,
}

/// Adds to the batch what follows from an entry of a member. Gives the videos of which something changed.
///
/// # Errors
/// When the database fails.
pub fn learn(
    store: &Store,
    source: Source,
    body: &Body,
    batch: &mut Batch,
) -> Result<Vec<VideoId>, StoreError> {
    let mut heard = Heard { store, source, batch };
    match body {
        Body::Said(said) => heard.said(said),
        Body::Removal(removal) => heard.removal(removal),
        Body::Views(views) => heard.views(views),
        _ => Ok(Vec::new()),
    }
}

struct Heard<'a> {
    store: &'a Store,
    source: Source,
    batch: &'a mut Batch,
}

impl Heard<'_> {
    fn said(&mut self, said: &Said) -> Result<Vec<VideoId>, StoreError> {
        let Ok(act) = said.act.clone().verify() else {
            tracing::warn!(node = %self.source.node, "carries words that their person did not sign");
            return Ok(Vec::new());
        };
        if act.home != self.source.node {
            tracing::warn!(node = %self.source.node, "carries words of somebody whose account it does not keep");
            return Ok(Vec::new());
        }
        match &act.what {
            What::Comment { .. } | What::Danmaku { .. } => {}
            What::Vote(vote) => return self.vote(&act, *vote),
            What::Erase { target } => {
                return self.erase(target, act.who.public_key(), Gone::Erased);
            }
        }
        let id = act.block().0;
        if let Some((key, mut row)) = self.row(&id)? {
            // Said in another group, too.
            if !row.groups.contains(&self.source.group) {
                row.groups.push(self.source.group);
                self.settle(&key, &mut row)?;
            }
            return Ok(vec![row.video]);
        }
        self.add(id, &act, &said.name)
    }

    fn add(&mut self, id: Cid, act: &Verified<Act>, name: &str) -> Result<Vec<VideoId>, StoreError> {
        let at = act.at;
        let mut row = SaidRow {
            id,
            who: act.who,
            name: name.to_owned(),
            home: self.source.node,
            at,
            video: act.video.clone(),
            groups: vec![self.source.group],
            gone: None,
            what: act.what.clone(),
        };
        row.gone = self.gone(&row)?;
        let key = match &row.what {
            What::Danmaku { at_ms, .. } => said_key(&row.video, 1, *at_ms, &id),
            What::Comment { .. } | What::Vote(_) | What::Erase { .. } => {
                said_key(&row.video, 0, u64::MAX - at.0, &id)
            }
        };
        if row.gone.is_none() {
            self.tally(&row.video, |tally| shown(tally, &row.what, true))?;
        }
        self.batch.put(&SAID, &key, &row);
        self.batch.put(&SAID_KEYS, &id.to_bytes(), &Block(key));
        Ok(vec![row.video])
    }

    fn vote(&mut self, act: &Act, vote: Vote) -> Result<Vec<VideoId>, StoreError> {
        let key = vote_key(&act.video, &act.who);
        // As it was said: a clock that is wrong must not make a difference between nodes.
        let at = act.at;
        let known: Option<VoteRow> = self.store.get_after(self.batch, &VOTES, &key)?;
        // Of equally late ones the one for more: the same everywhere.
        if known.is_some_and(|known| (known.at, known.vote as u8) >= (at, vote as u8)) {
            return Ok(Vec::new());
        }
        self.batch.put(&VOTES, &key, &VoteRow { at, vote });
        self.tally(&act.video, |tally| {
            for (vote, more) in known.map(|known| (known.vote, false)).into_iter().chain([(vote, true)]) {
                match vote {
                    Vote::Up => add(&mut tally.up, more),
                    Vote::Down => add(&mut tally.down, more),
                    Vote::None => {}
                }
            }
        })?;
        Ok(vec![act.video.clone()])
    }

    fn removal(&mut self, removal: &Removal) -> Result<Vec<VideoId>, StoreError> {
        let (node, gone) = (self.source.node, Gone::Removed(removal.reason.clone()));
        let heard = self.erase(&removal.target, node.public_key(), gone.clone())?;
        if !self.source.admin {
            return Ok(heard);
        }
        // An admin of one group says nothing in another.
        let group = self.source.group.to_bytes();
        self.erase(&removal.target, &group, gone)
    }

    /// `by` wants an act hidden: a person, a node, or for its admins a group.
    fn erase(&mut self, target: &Cid, by: &[u8], gone: Gone) -> Result<Vec<VideoId>, StoreError> {
        let key = erased_key(target, by);
        let known: Option<Gone> = self.store.get_after(self.batch, &ERASED, &key)?;
        // Of several reasons one is shown, the same everywhere.
        let gone = known.map_or(gone.clone(), |known| known.min(gone));
        self.batch.put(&ERASED, &key, &gone);
        let Some((key, mut row)) = self.row(target)? else { return Ok(Vec::new()) };
        self.settle(&key, &mut row)?;
        Ok(vec![row.video])
    }

    /// Writes a row as it is after all that was heard.
    fn settle(&mut self, key: &[u8], row: &mut SaidRow) -> Result<(), StoreError> {
        let was_shown = row.gone.is_none();
        row.gone = self.gone(row)?;
        if was_shown && row.gone.is_some() {
            self.tally(&row.video, |tally| shown(tally, &row.what, false))?;
        }
        self.batch.put(&SAID, key, row);
        Ok(())
    }

    /// Whether somebody who may has taken an act away, perhaps before it came: who said it, else a moderator of their node, else
    /// the admins of one of its groups.
    fn gone(&self, row: &SaidRow) -> Result<Option<Gone>, StoreError> {
        let by = |by: &[u8]| self.store.get_after(self.batch, &ERASED, &erased_key(&row.id, by));
        for one in [row.who.public_key(), row.home.public_key()] {
            if let Some(gone) = by(one)? {
                return Ok(Some(gone));
            }
        }
        let admins = row.groups.iter().map(|group| by(&group.to_bytes())).collect::<Result<Vec<_>, _>>()?;
        Ok(admins.into_iter().flatten().min())
    }

    fn views(&mut self, views: &Views) -> Result<Vec<VideoId>, StoreError> {
        let node = self.source.node;
        for (video, count) in &views.videos {
            self.tally(video, |tally| _ = tally.count(node, *count))?;
        }
        Ok(views.videos.iter().map(|(video, _)| video.clone()).collect())
    }

    fn row(&self, act: &Cid) -> Result<Option<(Vec<u8>, SaidRow)>, StoreError> {
        let key: Option<Block> = self.store.get_after(self.batch, &SAID_KEYS, &act.to_bytes())?;
        let Some(Block(key)) = key else { return Ok(None) };
        Ok(self.store.get_after(self.batch, &SAID, &key)?.map(|row| (key, row)))
    }

    fn tally(&mut self, video: &VideoId, change: impl FnOnce(&mut Tally)) -> Result<(), StoreError> {
        let key = video.as_str().as_bytes();
        let mut tally: Tally = self.store.get_after(self.batch, &TALLIES, key)?.unwrap_or_default();
        change(&mut tally);
        self.batch.put(&TALLIES, key, &tally);
        Ok(())
    }
}

fn shown(tally: &mut Tally, what: &What, more: bool) {
    match what {
        What::Comment { .. } => add(&mut tally.comments, more),
        What::Danmaku { .. } => add(&mut tally.danmaku, more),
        What::Vote(_) | What::Erase { .. } => {}
    }
}

fn add(number: &mut u64, more: bool) {
    *number = if more { *number + 1 } else { number.saturating_sub(1) };
}

#[cfg(test)]
mod tests {
    use horahora_protocol::{Codec, NodeKey, Timestamp, community::Place};

    use super::*;

    fn key(number: u8) -> NodeKey {
        NodeKey::from_secret(&[number; 32])
    }

    fn video() -> VideoId {
        "niconico:sm9".parse().unwrap()
    }

    fn said(person: u8, at: u64, what: What) -> (Cid, Body) {
        let act = Act {
            v: 1,
            who: key(person).node_id(),
            home: key(7).node_id(),
            at: Timestamp(at),
            video: video(),
            what,
        };
        let act = key(person).sign(act);
        (act.block().0, Body::Said(Said { v: 1, name: "p".to_owned(), act: act.into_signed() }))
    }

    fn comment(text: &str) -> What {
        What::Comment { text: text.to_owned(), reply_to: None }
    }

    fn from(node: u8, admin: bool) -> Source {
        Source { group: Cid::of(Codec::DagCbor, b"group"), node: key(node).node_id(), admin }
    }

    /// An admin of another group.
    fn elsewhere(node: u8) -> Source {
        Source { group: Cid::of(Codec::DagCbor, b"another"), ..from(node, true) }
    }

    /// Hears these in this order; gives what is counted, and what is shown.
    fn after(heard: &[(Source, &Body)]) -> (Tally, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        for (source, body) in heard {
            let mut batch = Batch::default();
            learn(&store, *source, body, &mut batch).unwrap();
            store.write(batch).unwrap();
        }
        let rows = store.scan(&SAID, b"", None, usize::MAX).unwrap().into_iter().map(|(_, row)| row);
        let texts = rows.filter(|row| row.gone.is_none()).map(|row| match row.what {
            What::Comment { text, .. } | What::Danmaku { text, .. } => text,
            What::Vote(_) | What::Erase { .. } => String::new(),
        });
        (store.get(&TALLIES, video().as_str().as_bytes()).unwrap().unwrap_or_default(), texts.collect())
    }

    #[test]
    fn the_order_of_hearing_makes_no_difference() {
        let (first, one) = said(1, 1, comment("one"));
        let (_, two) = said(2, 2, comment("two"));
        let danmaku = What::Danmaku { at_ms: 5, text: "888".to_owned(), colour: 0, place: Place::Scroll };
        let (third, three) = said(1, 3, danmaku);
        let votes =
            [(1, 4, Vote::Up), (1, 5, Vote::Down), (2, 4, Vote::Up), (2, 6, Vote::None), (3, 1, Vote::Up)];
        let votes: Vec<_> =
            votes.into_iter().map(|(who, at, vote)| said(who, at, What::Vote(vote)).1).collect();
        let erase = said(1, 9, What::Erase { target: first }).1;
        let removal = Body::Removal(Removal { v: 1, target: third, reason: "spam".to_owned() });
        let views = [(7, 3), (7, 5), (8, 2)].map(|(node, count)| {
            (from(node, false), Body::Views(Views { v: 1, videos: vec![(video(), count)] }))
        });
        let (home, admin) = (from(7, false), from(8, true));
        let mut all =
            vec![(home, &one), (home, &two), (home, &three), (home, &erase), (admin, &removal), (home, &one)];
        all.extend(votes.iter().map(|vote| (home, vote)));
        all.extend(views.iter().map(|(source, body)| (*source, body)));
        for turn in 0..all.len() {
            all.rotate_left(1);
            let (tally, texts) = after(&all);
            assert_eq!(texts, ["two"], "turn {turn}");
            assert_eq!(
                (tally.up, tally.down, tally.comments, tally.danmaku, tally.viewed()),
                (1, 1, 1, 0, 7),
                "turn {turn}"
            );
        }
    }

    #[test]
    fn an_admin_hides_what_was_said_in_its_group_whichever_is_heard_first() {
        let (first, one) = said(1, 1, comment("one"));
        let removal = Body::Removal(Removal { v: 1, target: first, reason: "spam".to_owned() });
        let there = Source { admin: false, ..elsewhere(7) };
        let mut all = [(from(7, false), &one), (there, &one), (elsewhere(8), &removal)];
        for _ in 0..all.len() {
            all.rotate_left(1);
            let (tally, texts) = after(&all);
            assert_eq!((texts.len(), tally.comments), (0, 0));
        }
    }

    #[test]
    fn only_who_may_takes_words_away() {
        let (first, one) = said(1, 1, comment("one"));
        let by_another = said(2, 9, What::Erase { target: first }).1;
        let removal = Body::Removal(Removal { v: 1, target: first, reason: "spam".to_owned() });
        let (home, other, admin) = (from(7, false), from(8, false), from(9, true));
        for (source, body, shown) in [
            (home, &by_another, 1),
            (other, &removal, 1),
            (elsewhere(8), &removal, 1),
            (home, &removal, 0),
            (admin, &removal, 0),
        ] {
            for order in [[(home, &one), (source, body)], [(source, body), (home, &one)]] {
                assert_eq!(after(&order).1.len(), shown, "{source:?}");
            }
        }
    }
}
