//! The nodes page: alone, with a few, with very many, and after a refused address.

use horahora_web::{Direction, Frame, Lede, MoveRow, NodeRow, NodesPage, StateView};

pub(crate) fn pages(frame: &Frame) -> Vec<(&'static str, NodesPage)> {
    let few = few(frame);
    let refused = NodesPage {
        address: "192.168.1.77".into(),
        error: Some("This is no address of a node: it does not begin with /ip4, /ip6 or /dns.".into()),
        ..few.clone()
    };
    let stranger = NodesPage { frame: Frame { logged_in: false, ..frame.clone() }, ..few.clone() };
    vec![
        ("nodes", few),
        ("nodes-empty", alone(frame)),
        ("nodes-many", many(frame)),
        ("nodes-error", refused),
        ("nodes-stranger", stranger),
    ]
}

fn state(class: &str, icon: &str, word: &str) -> StateView {
    StateView { class: class.into(), icon: icon.into(), word: word.into() }
}

fn id(number: usize) -> String {
    format!("12D3KooWGRUVh7Kp2xvQn5dR8sYbTz4LmEw9Jc3Fa6Hk1Pq{:05}", number * 7919 % 99_991)
}

fn row(number: usize, name: &str, group: &str) -> NodeRow {
    NodeRow {
        name: name.into(),
        id: id(number),
        connected: true,
        state: state("ok", "okc", "Connected"),
        since: "for 3 min".into(),
        link: "direct, QUIC, 192.168.1.5".into(),
        version: "Horahora 0.2.0".into(),
        holds: "212 videos, 3.1 GB".into(),
        group: group.into(),
        can_forget: true,
        ..NodeRow::default()
    }
}

fn away(row: NodeRow) -> NodeRow {
    NodeRow {
        connected: false,
        state: state("", "clock", "Not connected"),
        since: "last seen 2 h ago".into(),
        link: String::new(),
        ..row
    }
}

fn item(direction: Direction, title: &str, detail: &str, rate: &str) -> MoveRow {
    MoveRow {
        direction,
        title: title.into(),
        href: Some("watch-light.html".into()),
        detail: detail.into(),
        rate: rate.into(),
    }
}

fn alone(frame: &Frame) -> NodesPage {
    NodesPage {
        frame: frame.clone(),
        lede: Lede {
            lead: "This node knows no other".into(),
            rest: ". What it keeps has one copy.".into(),
            ..Lede::default()
        },
        here: NodeRow {
            here: true,
            state: state("ok", "okc", "Up"),
            since: "for 3 h".into(),
            link: "by 2 addresses".into(),
            group: String::new(),
            can_forget: false,
            ..row(0, "kurobune", "")
        },
        addresses: vec![
            format!("/ip4/192.168.1.2/udp/4001/quic-v1/p2p/{}", id(0)),
            format!("/ip4/192.168.1.2/tcp/4001/p2p/{}", id(0)),
            format!("/ip6/2001:db8:85a3:0:1319:8a2e:370:7344/udp/4001/quic-v1/p2p/{}", id(0)),
            format!("/dns4/archive.example.net/tcp/4001/p2p/{}", id(0)),
        ],
        down: "0 B/s".into(),
        up: "0 B/s".into(),
        ..NodesPage::default()
    }
}

fn few(frame: &Frame) -> NodesPage {
    let moves = vec![
        item(Direction::In, "【音MAD】真夜中の自動販売機だけで「夜想曲」", "12 pieces, 3.4 MB", "1.1 MB/s"),
        item(Direction::Out, "Lighthouse keeper's log, day 212: fog", "3 pieces, 0.8 MB", "340 kB/s"),
    ];
    NodesPage {
        lede: Lede {
            state: state("ok", "okc", "Connected"),
            lead: "2 of 3 nodes are connected".into(),
            rest: "; tsubaki was last seen 2 hours ago. Of 212 videos, 208 have another copy.".into(),
        },
        nodes: vec![
            NodeRow {
                down: Some("1.1 MB/s".into()),
                up: Some("340 kB/s".into()),
                moving: moves,
                ..row(1, "港の倉庫", "followed: YTPMV Keepers")
            },
            NodeRow {
                link: "direct, TCP, 203.0.113.90".into(),
                can_forget: false,
                ..row(2, "basement-7", "follows this node")
            },
            away(row(3, "tsubaki", "found through others")),
        ],
        down: "1.1 MB/s".into(),
        up: "340 kB/s".into(),
        refusals: vec![("pieces with a wrong hash".into(), 3), ("entries with a wrong signature".into(), 1)],
        ..alone(frame)
    }
}

fn many(frame: &Frame) -> NodesPage {
    let names = [
        "港の倉庫の三番目の古い機械(二階の押し入れ、夏は停止)",
        "旧火车站的最后一班车旁边的储物间里的那台笔记本",
        "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
        "한국어로 아주 길게 지은 노드 이름",
        "basement-7-under-the-stairs-behind-the-washing-machine",
        "",
        "hinoki",
        "<script>alert(1)</script>",
    ];
    let nodes = (0..30).map(|number| {
        let row = row(number + 1, names[number % names.len()], "found through others");
        match number % 7 {
            3 => away(row),
            1 => NodeRow { down: Some("88 kB/s".into()), ..row },
            _ => row,
        }
    });
    NodesPage { nodes: nodes.collect(), ..few(frame) }
}
