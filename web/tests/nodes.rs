//! The nodes page and the control "Keep here", through the public door.

use horahora_web::{
    Direction, Frame, HolderRow, Keep, MoveRow, NodeRow, NodesPage, StateView, WatchPage, asset, nodes,
    nodes_live, watch, watch_live,
};

const EVIL: &str = "<script>alert(1)</script>\"'&";

fn frame(logged_in: bool) -> Frame {
    Frame { node_name: "kurobune".into(), logged_in, asks: logged_in, decides: logged_in, ..Frame::default() }
}

fn row(number: usize, name: &str) -> NodeRow {
    NodeRow {
        name: name.into(),
        id: format!("12D3KooWGRUVh7Kp2xvQn5dR8sYbTz4LmEw9Jc3Fa6Hk1Pq7{number:03}"),
        connected: true,
        can_forget: true,
        ..NodeRow::default()
    }
}

fn page(logged_in: bool, rows: Vec<NodeRow>) -> NodesPage {
    NodesPage { frame: frame(logged_in), here: row(0, "kurobune"), nodes: rows, ..NodesPage::default() }
}

fn three() -> Vec<NodeRow> {
    let moving = vec![MoveRow {
        direction: Direction::Out,
        title: "夜想曲だけ".into(),
        href: Some("/watch/v".into()),
        ..MoveRow::default()
    }];
    vec![
        NodeRow { up: Some("340 kB/s".into()), moving, ..row(1, "港の倉庫") },
        row(2, ""),
        NodeRow { connected: false, can_forget: false, ..row(3, "tsubaki") },
    ]
}

#[test]
fn a_node_alone_is_told_what_to_do() {
    let html = nodes(&NodesPage { addresses: vec!["/ip4/192.168.1.2".into()], ..page(true, Vec::new()) });
    assert!(html.contains("No other node yet") && html.contains("horahora run --peer ADDRESS"));
    assert!(html.contains("data-copy=\"/ip4/192.168.1.2\"") && !html.contains("class=\"map\""));
    assert!(html.contains("href=\"/nodes\" aria-current=\"page\""));
}

#[test]
fn the_map_shows_and_says_who_is_connected() {
    let html = nodes(&page(true, three()));
    assert!(html.contains("aria-label=\"kurobune is connected to 2 of 3 nodes; tsubaki is not connected.\""));
    assert_eq!(html.matches("class=\"dot\"").count(), 2);
    assert_eq!(html.matches("class=\"dot away\"").count(), 1);
    assert_eq!(html.matches("class=\"ln flow\"").count(), 1);
    assert_eq!(html.matches("12D3KooWGRUV…1Pq7002").count(), 0, "an id keeps six letters of its end");
    assert!(
        html.contains("title=\"12D3KooWGRUVh7Kp2xvQn5dR8sYbTz4LmEw9Jc3Fa6Hk1Pq7002\">12D3KooWGRUV…Pq7002<")
    );
    assert!(html.contains("Goes out: </span><a href=\"/watch/v\">夜想曲だけ</a>"));
    assert!(html.contains("going out, to 1 node") && html.contains(">coming in<"));
}

#[test]
fn a_crowd_is_listed_and_not_all_drawn() {
    let rows = (1..=86).map(|number| row(number, "港の倉庫の三番目の古い機械"));
    let html = nodes(&page(true, rows.collect()));
    assert_eq!(html.matches("class=\"dot\"").count(), 80);
    assert!(html.contains("6 more are only in the list"));
    assert_eq!(html.matches("<li class=\"peer\"").count(), 86);
}

#[test]
fn only_who_is_logged_in_adds_and_forgets() {
    let html = nodes(&page(true, three()));
    assert_eq!(html.matches("action=\"/nodes\" method=\"post\"").count(), 1);
    assert_eq!(html.matches("action=\"/nodes/forget\" method=\"post\"").count(), 2);
    assert!(html.contains("name=\"node\" value=\"12D3KooWGRUVh7Kp2xvQn5dR8sYbTz4LmEw9Jc3Fa6Hk1Pq7001\""));
    let html = nodes(&page(false, three())).replace("action=\"/language\" method=\"post\"", "");
    assert!(
        !html.contains("method=\"post\"")
            && html.contains("horahora login")
            && html.contains("href=\"/login\"")
    );
}

#[test]
fn a_refused_address_keeps_what_was_typed() {
    let html = nodes(&NodesPage {
        address: "192.168.1.77".into(),
        error: Some("This is no address of a node.".into()),
        ..page(true, three())
    });
    assert!(html.contains("name=\"address\"") && html.contains("value=\"192.168.1.77\""));
    assert!(html.contains("aria-describedby=\"address-hint address-said\" aria-invalid=\"true\" autofocus"));
    assert!(html.contains("id=\"address-said\">This is no address of a node.<"));
}

#[test]
fn the_fragment_leaves_the_form_alone() {
    let page = NodesPage { refusals: vec![("wrong hashes".into(), 1_204)], ..page(true, three()) };
    let (whole, part) = (nodes(&page), nodes_live(&page));
    assert!(whole.contains("data-live=\"/nodes?fragment=live\" data-events=\"tools node video\""));
    assert!(whole.contains(part.trim()) && !part.contains("name=\"address\"") && !part.contains("<h1"));
    assert!(part.contains("wrong hashes <b>1,204</b>"));
}

#[test]
fn what_other_nodes_say_is_escaped() {
    let text = || EVIL.to_owned();
    let moving = vec![MoveRow { title: text(), detail: text(), rate: text(), ..MoveRow::default() }];
    let evil = NodeRow {
        name: text(),
        id: text(),
        since: text(),
        link: text(),
        version: text(),
        holds: text(),
        group: text(),
        moving,
        connected: false,
        can_forget: true,
        ..NodeRow::default()
    };
    let html = nodes(&NodesPage {
        here: evil.clone(),
        addresses: vec![text(); 4],
        address: text(),
        error: Some(text()),
        refusals: vec![(text(), 1)],
        ..page(true, vec![evil])
    });
    let keep = Some(Keep::Kept { detail: text() });
    let holders = vec![HolderRow { node: text(), holds: text(), here: true, part: false }];
    for html in [html, watch(&WatchPage { frame: frame(true), holders, keep, ..WatchPage::default() })] {
        assert!(!html.contains("<script>") && !html.contains("\"'&"), "{html}");
        assert!(html.contains("&#60;script&#62;"));
    }
}

#[test]
fn a_video_of_another_node_can_be_kept() {
    let html = |logged_in, keep: Option<Keep>| {
        let page = WatchPage {
            frame: frame(logged_in),
            href: "/watch/v".into(),
            keep: keep.clone(),
            ..WatchPage::default()
        };
        let part = watch_live(&page);
        assert!(watch(&page).contains(part.trim()));
        part
    };
    let detail = || "96 MB".to_owned();
    assert!(!html(true, None).contains("id=\"keep\""));

    let offered = || Some(Keep::Offered { detail: detail() });
    assert!(html(true, offered()).contains("action=\"/watch/v/keep\" method=\"post\""));
    assert!(!html(false, offered()).contains("96 MB"), "an offer that nobody can take is none");

    let keeping =
        || Some(Keep::Keeping { progress: 0.43, detail: detail(), state: StateView::of("running") });
    let part = html(true, keeping());
    assert!(part.contains("action=\"/watch/v/let-go\" method=\"post\"") && part.contains("Stop<"));
    assert!(part.contains("aria-label=\"43 %\"") && part.contains("Running"));
    let part = html(false, keeping());
    assert!(!part.contains("<form") && part.contains("aria-label=\"43 %\""));

    let kept = || Some(Keep::Kept { detail: detail() });
    assert!(
        html(true, kept()).contains("action=\"/watch/v/let-go\"") && html(true, kept()).contains("Let go")
    );
    assert!(html(false, kept()).contains("Kept here") && !html(false, kept()).contains("<form"));
}

#[test]
fn parts_are_hollow_arches() {
    let holder = |part| HolderRow { node: "a".into(), part, ..HolderRow::default() };
    let html = watch(&WatchPage { holders: vec![holder(true), holder(false)], ..WatchPage::default() });
    assert!(html.contains("<i></i><i class=\"no\"></i></span>") && html.contains("<b>1 copy.</b>"));
}

#[test]
fn every_icon_exists() {
    let icons = std::str::from_utf8(asset("icons.svg").unwrap().bytes).unwrap();
    let html = nodes(&page(true, three())) + &nodes(&page(false, Vec::new()));
    for piece in html.split("/assets/icons.svg?v=").skip(1) {
        let id = piece.split('"').next().unwrap().split('#').nth(1).unwrap();
        assert!(icons.contains(&format!("id=\"{id}\"")), "{id}");
    }
}
