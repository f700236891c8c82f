//! Groups on the nodes page, through the public door.

use horahora_web::{
    ArchivePage, FollowedRow, Frame, GroupChoice, GroupForms, GroupMark, GroupView, JoinView, Link,
    MemberRow, NodesPage, RequestRow, StateView, TicketView, WatchPage, archive, asset, nodes, nodes_live,
    watch,
};

const EVIL: &str = "<script>alert(1)</script>\"'&";

fn member(number: usize) -> MemberRow {
    let (reach, role) = match number {
        0 => (Link::Here, "admin"),
        2 => (Link::Relayed, "follower"),
        3 => (Link::Lost, "member"),
        _ => (Link::Direct, "member"),
    };
    MemberRow {
        id: format!("12D3KooWGRUVh7Kp2xvQn5dR8sYbTz4LmEw9Jc3Fa6Hk1Pq7{number:03}"),
        name: format!("node-{number}"),
        role: role.into(),
        here: number == 0,
        reach,
        can_rule: number > 0,
        ..MemberRow::default()
    }
}

fn group(members: usize) -> GroupView {
    GroupView {
        id: "bafyg".into(),
        name: "Keepers".into(),
        private: true,
        role: "admin".into(),
        members: (0..members).map(member).collect(),
        may_invite: true,
        ..GroupView::default()
    }
}

fn page(logged_in: bool, groups: Vec<GroupView>) -> NodesPage {
    let frame = Frame {
        node_name: "node-0".into(),
        logged_in,
        asks: logged_in,
        decides: logged_in,
        ..Frame::default()
    };
    NodesPage { frame, groups, ..NodesPage::default() }
}

#[test]
fn a_map_of_any_size_says_what_it_shows() {
    let cases = [
        (1, 0, 0, None),
        (2, 1, 1, Some("node-0 reaches 1 of 1 other member: 1 directly.")),
        (
            12,
            11,
            11,
            Some(
                "node-0 reaches 10 of 11 other members: 9 directly, 1 through a relay; node-3 is not reached.",
            ),
        ),
        (
            40,
            39,
            0,
            Some(
                "node-0 reaches 38 of 39 other members: 37 directly, 1 through a relay; node-3 is not reached.",
            ),
        ),
    ];
    for (members, dots, names, spoken) in cases {
        let html = nodes(&page(true, vec![group(members)]));
        assert_eq!(html.matches("class=\"dot").count(), dots, "{members}");
        let map = html.split("<svg class=\"map\"").nth(1).and_then(|rest| rest.split("</svg>").next());
        // One name is this node's own.
        assert_eq!(map.map_or(0, |map| map.matches("<text").count().saturating_sub(1)), names, "{members}");
        match spoken {
            Some(spoken) => assert!(html.contains(&format!("aria-label=\"{spoken}\"")), "{members}"),
            None => assert!(html.contains("Nobody else is in it yet")),
        }
        assert_eq!(html.matches("<tr id=\"member-bafyg-").count(), members);
    }
    let html = nodes(&page(true, vec![group(4)]));
    assert!(
        html.contains("class=\"dot off\"")
            && html.contains("class=\"dot fol\"")
            && html.contains("class=\"ln cut\"")
    );
    assert!(html.contains("red: not reached") && html.contains("hollow: follower"));
}

#[test]
fn only_an_admin_who_is_logged_in_changes_members() {
    let html = nodes(&page(true, vec![group(3)]));
    assert_eq!(html.matches("action=\"/groups/bafyg/remove\"").count(), 2);
    assert!(html.contains("value=\"follower\">Make it a follower<") && html.contains("Make it an admin"));
    assert!(
        html.contains("action=\"/groups/bafyg/leave\"") && html.contains("action=\"/groups/bafyg/policy\"")
    );
    let html = nodes(&page(true, vec![GroupView { role: "member".into(), ..group(3) }]));
    assert!(!html.contains("/groups/bafyg/remove") && !html.contains("/groups/bafyg/policy"));
    assert!(html.contains("action=\"/groups/bafyg/leave\""));
    let html = nodes(&page(true, vec![GroupView { own: true, ..group(3) }]));
    assert!(!html.contains("/groups/bafyg/leave"), "every node begins with its own");
    let html = nodes(&page(false, vec![group(3)])).replace("action=\"/language\" method=\"post\"", "");
    assert!(!html.contains("method=\"post\""));
}

#[test]
fn a_fork_is_marked_and_explained() {
    let mut kept = group(3);
    assert!(!nodes(&page(true, vec![kept.clone()])).contains("told two stories"));
    kept.members[1].forked = true;
    let html = nodes(&page(true, vec![kept]));
    assert!(html.contains("Told two stories</a>") && html.contains("<b>node-1 told two stories.</b>"));
}

#[test]
fn a_ticket_is_text_and_picture_and_never_live() {
    let ticket = |text: String| NodesPage {
        ticket: Some(TicketView { text, group: "Keepers".into(), what: "It lets in one member.".into() }),
        ..page(true, vec![group(1)])
    };
    let page = ticket("hh1abc".into());
    let html = nodes(&page);
    assert!(
        html.contains("class=\"qr\"") && html.contains("data-copy=\"hh1abc\"") && html.contains(">hh1abc<")
    );
    assert!(!nodes_live(&page).contains("hh1abc"));
    let html = nodes(&ticket("a".repeat(3_000)));
    assert!(!html.contains("class=\"qr\"") && html.contains("Copy the ticket"), "too long for a picture");
}

#[test]
fn forms_keep_what_was_typed() {
    let forms = GroupForms {
        make_name: "夜の音MAD".into(),
        make_private: true,
        make_error: Some("Bad name.".into()),
        join_ticket: "hh1x".into(),
        join_error: Some("Bad ticket.".into()),
        invite_group: "bafyg".into(),
        invite_error: Some("Bad number.".into()),
        problem: Some("Not allowed.".into()),
    };
    let html = nodes(&NodesPage { forms, ..page(true, vec![group(1)]) });
    assert!(
        html.contains("value=\"夜の音MAD\"")
            && html.contains("value=\"yes\" checked")
            && html.contains(">hh1x<")
    );
    assert!(html.contains("<option value=\"bafyg\" selected>Keepers (private)<"));
    for said in ["Bad name.", "Bad ticket.", "Bad number.", "Not allowed."] {
        assert!(html.contains(said), "{said}");
    }
}

#[test]
fn waiting_and_followed_groups_have_ways_out() {
    let joins =
        vec![JoinView { id: "bafyj".into(), reason: "Nobody answers.".into(), ..JoinView::default() }];
    let followed = vec![FollowedRow { id: "bafyf".into(), name: "Logs".into(), what: "Public.".into() }];
    let own = GroupView { own: true, ..group(1) };
    let html = nodes(&NodesPage { joins, followed, ..page(true, vec![own]) });
    assert!(html.contains("Nobody answers.") && html.contains("name=\"join\" value=\"bafyj\""));
    assert!(
        html.contains("action=\"/groups/bafyf/forget\"")
            && html.contains("Nobody else is in it; other nodes may follow")
    );
    assert!(!html.contains("class=\"members\""), "its own group is small as long as it is alone");
}

#[test]
fn requests_and_videos_name_a_group_that_is_not_the_own_one() {
    let mark = || GroupMark { id: "bafyg".into(), name: "Keepers".into(), private: true };
    let choice =
        |name: &str, chosen| GroupChoice { id: name.into(), name: name.into(), private: chosen, chosen };
    let frame = || Frame { logged_in: true, asks: true, decides: true, ..Frame::default() };
    let row = RequestRow { id: "bafyr".into(), retry: true, group: Some(mark()), ..RequestRow::default() };
    let groups = vec![choice("own", false), choice("other", true)];
    let html =
        archive(&ArchivePage { frame: frame(), groups, requests: vec![row], ..ArchivePage::default() });
    assert!(html.contains("<option value=\"other\" selected>other (private)<"));
    assert!(html.contains("action=\"/archive/bafyr\"") && html.contains("value=\"retry\""));
    assert!(html.contains("Keepers</span>"));
    let html =
        archive(&ArchivePage { frame: frame(), groups: vec![choice("own", true)], ..ArchivePage::default() });
    assert!(!html.contains("<select id=\"group\""));
    let html = watch(&WatchPage { frame: frame(), groups: vec![mark()], ..WatchPage::default() });
    assert!(html.contains("Keepers</span>") && html.contains("</svg>private</span>"));
}

#[test]
fn what_others_say_is_escaped() {
    let text = || EVIL.to_owned();
    let row = MemberRow {
        id: text(),
        name: text(),
        role: text(),
        version: text(),
        since: text(),
        forked: true,
        ..member(1)
    };
    let row =
        MemberRow { holds: Some((1, text())), free: Some((1, text())), state: StateView::of(EVIL), ..row };
    let evil = GroupView { id: text(), name: text(), members: vec![member(0), row], ..group(2) };
    let html = nodes(&NodesPage {
        joins: vec![JoinView { id: text(), group: text(), since: text(), reason: text(), ended: false }],
        followed: vec![FollowedRow { id: text(), name: text(), what: text() }],
        ticket: Some(TicketView { text: text(), group: text(), what: text() }),
        forms: GroupForms {
            join_ticket: text(),
            make_name: text(),
            problem: Some(text()),
            ..GroupForms::default()
        },
        ..page(true, vec![evil])
    });
    assert!(!html.contains("<script>") && !html.contains("\"'&"), "{html}");
}

#[test]
fn every_icon_exists() {
    let icons = std::str::from_utf8(asset("icons.svg").unwrap().bytes).unwrap();
    let ticket = Some(TicketView { text: "hh1".into(), ..TicketView::default() });
    let html = nodes(&NodesPage { ticket, joins: vec![JoinView::default()], ..page(true, vec![group(1)]) });
    for piece in html.split("/assets/icons.svg?v=").skip(1) {
        let id = piece.split('"').next().unwrap().split('#').nth(1).unwrap();
        assert!(icons.contains(&format!("id=\"{id}\"")), "{id}");
    }
}
