//! What people say, and what is counted of it.

use horahora_protocol::{
    Cid, Codec, NodeKey, Timestamp,
    community::{Act, Place, Removal, Said, Views, Vote, What},
    entry::Body,
    moderation::{Action, Measure, Target},
};

use crate::{
    Case,
    claims::body,
    values::{key, video},
};

fn person() -> NodeKey {
    NodeKey::from_secret(&[9; 32])
}

fn of(what: What) -> Body {
    let (who, home) = (person().node_id(), key().node_id());
    let act = Act { v: 1, who, home, at: Timestamp(1_780_000_000_000), video: video(), what };
    Body::Said(Said { v: 1, name: "豆狸".to_owned(), act: person().sign(act).into_signed() })
}

fn target() -> Cid {
    Cid::of(Codec::DagCbor, b"an act")
}

pub(crate) fn said() -> Vec<Case> {
    let comment = |reply_to| What::Comment { text: "1:38 ここ伝説".to_owned(), reply_to };
    let danmaku = |place| What::Danmaku { at_ms: 98_000, text: "8888".to_owned(), colour: 0xff_ff00, place };
    vec![
        body("comment", &of(comment(None))),
        body("reply", &of(comment(Some(target())))),
        body("danmaku", &of(danmaku(Place::Scroll))),
        body("danmaku-top", &of(danmaku(Place::Top))),
        body("danmaku-bottom", &of(danmaku(Place::Bottom))),
        body("vote-up", &of(What::Vote(Vote::Up))),
        body("vote-down", &of(What::Vote(Vote::Down))),
        body("vote-none", &of(What::Vote(Vote::None))),
        body("erase", &of(What::Erase { target: target() })),
    ]
}

pub(crate) fn removals() -> Vec<Case> {
    vec![body("removal", &Body::Removal(Removal { v: 1, target: target(), reason: "spam".to_owned() }))]
}

pub(crate) fn views() -> Vec<Case> {
    let views = |videos| Body::Views(Views { v: 1, videos });
    vec![body("views", &views(vec![(video(), 7)])), body("views-none", &views(vec![]))]
}

pub(crate) fn measures() -> Vec<Case> {
    let measure = |target, action| {
        let reason = "re-uploads".to_owned();
        Body::Measure(Measure { v: 1, at: Timestamp(1_780_000_000_000), target, action, reason })
    };
    let creator = Target::Creator { site: "niconico".to_owned(), id: "12345".to_owned() };
    vec![
        body("video", &measure(Target::Video(video()), Action::TakeDown)),
        body("creator", &measure(creator, Action::Hide)),
        body("person", &measure(Target::Person(person().node_id()), Action::Hide)),
        body("node", &measure(Target::Node(key().node_id()), Action::Lift)),
    ]
}
