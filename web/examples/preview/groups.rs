//! The nodes page with groups: of 1, 2, 12 and 40, a fresh ticket, and refused forms.

use horahora_web::{
    FollowedRow, Frame, GroupForms, GroupView, JoinView, Link, MemberRow, NodesPage, StateView, TicketView,
};

const NAMES: [&str; 12] = [
    "kurobune",
    "hinoki",
    "sugi",
    "港の倉庫",
    "basement-7",
    "atlas",
    "yanagi",
    "matsu",
    "kiln",
    "riverbed",
    "gecko",
    "tsubaki",
];

pub(crate) fn pages(frame: &Frame, few: &NodesPage, alone: &NodesPage) -> Vec<(&'static str, NodesPage)> {
    let frame = Frame { group_name: "YTPMV Keepers".into(), ..frame.clone() };
    let with =
        |base: &NodesPage, groups: Vec<GroupView>| NodesPage { frame: frame.clone(), groups, ..base.clone() };
    let twelve = || vec![group("YTPMV Keepers", 12, false), own()];
    let joins = vec![JoinView {
        id: "bafyr4ibjoin".into(),
        group: "MAD 保存会".into(),
        since: "4 min ago".into(),
        reason: "None of the nodes that the ticket names could let this node in yet. It is tried again by itself; one \
                 of them must be running and reachable."
            .into(),
        ended: false,
    }];
    let followed = vec![FollowedRow {
        id: "bafyr4ibfollowed".into(),
        name: "Lighthouse Logs".into(),
        what: "Public, 3 members; followed since 2026-10-02. What it has is listed here.".into(),
    }];
    let ticket = TicketView {
        text: format!("hh1{}", "4ZrjxJnU1LA5xSyrWMNuXTvSYKwt".repeat(31)),
        group: "YTPMV Keepers".into(),
        what: "It lets in one member and works for 1 week.".into(),
    };
    let refused = GroupForms {
        make_name: "x".repeat(64),
        make_private: true,
        make_error: Some("A group's name has 1 to 512 bytes.".into()),
        join_ticket: "hh1notaticket".into(),
        join_error: Some("The ticket is damaged: copy it again, whole.".into()),
        problem: Some("Only an admin may change that node's role.".into()),
        ..GroupForms::default()
    };
    vec![
        ("group", NodesPage { joins, followed, ..with(few, twelve()) }),
        ("group-one", with(alone, vec![group("夜の音MAD", 1, true), own()])),
        ("group-two", with(few, vec![group("夜の音MAD", 2, true), own()])),
        ("group-many", with(few, vec![group("YTPMV Keepers", 40, false), own()])),
        ("group-invite", NodesPage { ticket: Some(ticket), ..with(few, twelve()) }),
        ("group-error", NodesPage { forms: refused, ..with(few, vec![own()]) }),
        ("group-empty", with(alone, vec![own()])),
        (
            "group-stranger",
            NodesPage { frame: Frame { logged_in: false, ..frame.clone() }, ..with(few, twelve()) },
        ),
    ]
}

fn own() -> GroupView {
    GroupView { own: true, ..group("kurobune", 1, false) }
}

fn group(name: &str, members: usize, private: bool) -> GroupView {
    GroupView {
        id: format!("bafyr4ib{}", name.len() * 7919 + members),
        name: name.into(),
        private,
        role: "admin".into(),
        own: false,
        members: (0..members).map(member).collect(),
        may_invite: true,
        members_invite: members > 2,
        approve: if private { "always".into() } else { "never".into() },
    }
}

fn member(number: usize) -> MemberRow {
    let reach = match number {
        0 => Link::Here,
        4 | 7 | 10 => Link::Relayed,
        9 => Link::Others,
        11 | 23 => Link::Lost,
        _ => Link::Direct,
    };
    let name = NAMES.get(number).map_or_else(|| format!("node-{number}"), |name| (*name).to_owned());
    let (class, icon, word) =
        if reach == Link::Lost { ("bad", "warn", "Not reached") } else { ("ok", "okc", "Up") };
    let role = match number {
        0 | 1 => "admin",
        5 => "follower",
        _ => "member",
    };
    MemberRow {
        id: format!("12D3KooWGRUVh7Kp2xvQn5dR8sYbTz4LmEw9Jc3Fa6Hk1Pq{number:05}"),
        name,
        role: role.into(),
        here: number == 0,
        reach,
        state: StateView { class: class.into(), icon: icon.into(), word: word.into() },
        since: if reach == Link::Lost { "last seen 2 h ago".into() } else { String::new() },
        version: "Horahora 0.2.0".into(),
        head: (number != 6).then_some(4_102 + number as u64),
        holds: (number != 6).then(|| (61_204 / (number as u64 + 1), "3.10 TB".into())),
        free: (number != 6).then(|| (1_000 + 1_900 * (number as u64 % 5), "1.90 TB".into())),
        forked: number == 8,
        can_rule: number > 0,
    }
}
