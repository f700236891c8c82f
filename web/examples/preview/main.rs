//! Writes every page with sample data to a folder, to be looked at: `cargo run -p horahora-web --example preview -- DIR`.
//! Addresses are made relative, so the pages also open without a server.

mod groups;
mod nodes;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use horahora_web::{
    ArchivePage, Card, Chapter, Download, Fact, Frame, HolderRow, HomePage, JobRow, Keep, Lede, MessagePage,
    Player, RenditionRow, RequestRow, StateView, ToolRow, Track, WatchPage, archive, asset, home, message,
    watch,
};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args_os().nth(1).unwrap_or_else(|| "preview".into()));
    fs::create_dir_all(folder.join("assets"))?;
    for name in ["app.js", "watch.js", "niconico.js", "style.css", "icons.svg", "logo.svg"] {
        let bytes = asset(name).map(|asset| asset.bytes).unwrap_or_default();
        fs::write(folder.join("assets").join(name), bytes)?;
    }
    for number in 0..8 {
        fs::write(folder.join(format!("picture-{number}.svg")), picture(number))?;
    }
    let empty = HomePage { frame: frame(), lede: nothing_yet(), ..HomePage::default() };
    let asked = ArchivePage {
        frame: frame(),
        lede: lede(),
        url: "https://example.com/kitchen".into(),
        error: Some(
            "No video was found there. Paste the address of a video, a channel or a playlist.".into(),
        ),
        ..ArchivePage::default()
    };
    let stranger =
        ArchivePage { frame: Frame { logged_in: false, ..frame() }, lede: lede(), ..archive_page() };
    let pages = [
        ("home", home(&home_page())),
        ("home-empty", home(&empty)),
        ("home-tools", home(&HomePage { frame: with_tools(), ..empty.clone() })),
        ("archive", archive(&archive_page())),
        ("archive-error", archive(&asked)),
        ("archive-stranger", archive(&stranger)),
        ("watch", watch(&watch_page())),
        ("watch-live", watch(&being_made())),
        ("watch-waits", watch(&nothing_to_play())),
        ("watch-sound", watch(&sound_only())),
        ("watch-held", watch(&held_by_many(true))),
        ("watch-keeping", watch(&held_by_many(false))),
        (
            "watch-kept",
            watch(&WatchPage {
                keep: Some(Keep::Kept { detail: "96 MB, since 2 days".into() }),
                ..watch_page()
            }),
        ),
        ("message", message(&not_found())),
    ];
    let mut nodes = nodes::pages(&frame());
    let (few, alone) = (nodes[0].1.clone(), nodes[1].1.clone());
    nodes.extend(groups::pages(&frame(), &few, &alone));
    let nodes = nodes.iter().map(|(name, page)| (*name, horahora_web::nodes(page)));
    for (name, html) in pages.into_iter().chain(nodes) {
        for theme in ["light", "dark"] {
            write_page(&folder, &format!("{name}-{theme}.html"), &html, theme)?;
        }
    }
    Ok(())
}

fn write_page(folder: &Path, name: &str, html: &str, theme: &str) -> io::Result<()> {
    let html = html
        .replace("\"/assets/", "\"assets/")
        .replace("data-theme=\"auto\"", &format!("data-theme=\"{theme}\""));
    fs::write(folder.join(name), html)
}

fn frame() -> Frame {
    Frame {
        node_name: "kurobune".into(),
        group_name: "YTPMV Keepers".into(),
        version: "0.1.0".into(),
        theme: "auto".into(),
        logged_in: true,
        asks: true,
        decides: true,
        known: true,
        me: None,
        query: String::new(),
        tools: Vec::new(),
    }
}

fn with_tools() -> Frame {
    let tool = |name: &str, state: &str, progress, message: &str| ToolRow {
        name: name.into(),
        state: state.into(),
        progress,
        message: message.into(),
    };
    Frame {
        tools: vec![
            tool("yt-dlp", "ready", None, "is ready"),
            tool("ffmpeg", "running", Some(0.62), "62 %, 31 of 50 MB"),
            tool("deno", "waiting", None, "waits for ffmpeg"),
        ],
        ..frame()
    }
}

fn lede() -> Lede {
    Lede {
        state: StateView { word: "Working".into(), ..StateView::of("running") },
        lead: "Two downloads and one transcode".into(),
        rest: "run in the group; 14 videos wait. 3 failed and are not tried again without you.".into(),
    }
}

fn nothing_yet() -> Lede {
    Lede { state: StateView::default(), lead: "No video yet".into(), rest: ". One node is up.".into() }
}

fn card(number: usize, title: &str, creator: &str, site: &str, duration: &str) -> Card {
    Card {
        href: "watch-light.html".into(),
        title: title.into(),
        creator: Some(creator.into()),
        duration: Some(duration.into()),
        poster: Some(format!("picture-{number}.svg")),
        site: site.into(),
        year: Some((2009 + number).to_string()),
        ..Card::default()
    }
}

fn cards() -> Vec<Card> {
    vec![
        Card {
            state: Some(StateView::of("running")),
            ..card(0, "雨の夜の踏切 四打", "ガタンゴトン", "niconico", "1:36")
        },
        card(1, "【音MAD】真夜中の自動販売機だけで「夜想曲」", "豆腐工場P", "niconico", "4:12"),
        card(2, "【弹幕向】旧火车站的最后一班车 4K修复", "晚点十分钟", "bilibili", "11:28"),
        card(3, "Lighthouse keeper's log, day 212: fog", "North Reach", "upload", "8:08"),
        Card {
            state: Some(StateView::of("needs-operator")),
            why: Some("niconico wants a login".into()),
            ..card(
                4,
                "【合作】電卓と黒電話と古い洗濯機だけで演奏する四季メドレー 全12曲(参加者48名・総制作期間2年3か月)",
                "四季合作実行委員会",
                "niconico",
                "24:55",
            )
        },
        card(5, "老式打字机演奏《雨季》", "铅字与茶", "bilibili", "4:50"),
        Card {
            poster: None,
            audio_only: true,
            ..card(6, "廃校の校内放送を復元する part 7(終)", "放送部OB", "niconico", "31:20")
        },
        Card {
            poster: None,
            duration: None,
            state: Some(StateView::of("failed")),
            why: Some("The origin answered with a broken file twice".into()),
            ..card(7, "Every startup sound I could find on one table (2003–2014)", "beige box", "YouTube", "")
        },
    ]
}

fn jobs() -> Vec<JobRow> {
    let job = |id: &str, title: &str, what: &str, doing: &str, progress, state: &str| JobRow {
        id: id.into(),
        title: title.into(),
        href: Some("watch-light.html".into()),
        what: what.into(),
        doing: doing.into(),
        progress,
        state: StateView::of(state),
    };
    vec![
        job(
            "1",
            "雨の夜の踏切 四打",
            "capture, niconico sm41220917",
            "downloads, 41 of 96 MB",
            Some(0.43),
            "running",
        ),
        job(
            "2",
            "旧站牌收藏 第九集",
            "capture, bilibili BV1xq",
            "downloads, 210 of 232 MB",
            Some(0.9),
            "running",
        ),
        job(
            "3",
            "Restoring a 1996 laserdisc, one frame at a time",
            "rendition, 480p H.264",
            "transcodes, 12 of 41 min",
            Some(0.29),
            "running",
        ),
        job(
            "4",
            "夕方の商店街 環境音",
            "capture, niconico sm38810442",
            "Waits for niconico's spacing: one video every 90 s from each address.",
            None,
            "waiting",
        ),
        job(
            "5",
            "Channel trailer (2010)",
            "capture, YouTube",
            "The origin says it was deleted.",
            None,
            "gone",
        ),
    ]
}

fn home_page() -> HomePage {
    HomePage {
        new: false,
        popular: Vec::new(),
        frame: frame(),
        lede: Lede {
            state: StateView { word: "Kept".into(), ..StateView::of("done") },
            lead: "1,204 videos".into(),
            rest: ", 1,198 of them complete. 2 downloads run.".into(),
        },
        jobs: jobs().into_iter().take(2).collect(),
        videos: cards(),
        older: Some("home-light.html".into()),
    }
}

fn archive_page() -> ArchivePage {
    let request = |id: &str, title: &str, what: &str, state: &str, counts: (u64, u64, u64, u64)| RequestRow {
        id: id.into(),
        title: title.into(),
        href: Some("watch-light.html".into()),
        url: "https://www.nicovideo.jp/tag/example".into(),
        what: what.into(),
        state: StateView::of(state),
        done: counts.0,
        running: counts.1,
        failed: counts.2,
        waiting: counts.3,
        ..RequestRow::default()
    };
    ArchivePage {
        frame: frame(),
        lede: lede(),
        requests: vec![
            RequestRow {
                reason: Some(
                    "Next look at the tag in 3 hours. 9 failed: 7 deleted before we came, 2 need a login."
                        .into(),
                ),
                ..request("1", "音MAD", "niconico tag, asked in March", "running", (4_102, 2, 9, 14_118))
            },
            RequestRow {
                progress: 0.43,
                ..request(
                    "2",
                    "雨の夜の踏切 四打",
                    "niconico video, asked 3 min ago",
                    "running",
                    (0, 1, 0, 0),
                )
            },
            request("3", "豆腐工場P", "niconico creator", "done", (34, 0, 2, 0)),
            request(
                "4",
                "【弹幕向】旧火车站的最后一班车 4K修复",
                "bilibili video, asked yesterday",
                "done",
                (1, 0, 0, 0),
            ),
            RequestRow {
                reason: Some("12 videos need a login.".into()),
                retry: true,
                ..request("5", "Slow Transfer", "YouTube channel", "needs-operator", (101, 0, 12, 5))
            },
            RequestRow {
                reason: Some("The origin answered with a broken file twice.".into()),
                retry: true,
                href: None,
                ..request(
                    "6",
                    "https://example.com/videos/2010/a-rather-long-address/that-goes-on",
                    "a page, asked 1 h ago",
                    "failed",
                    (0, 0, 1, 0),
                )
            },
        ],
        jobs: jobs(),
        ..ArchivePage::default()
    }
}

fn watch_page() -> WatchPage {
    let fact =
        |label: &str, value: &str, mono| Fact { label: label.into(), value: value.into(), mono, href: None };
    let rendition = |name: &str, detail: &str, state: &str, progress| RenditionRow {
        name: name.into(),
        detail: detail.into(),
        state: StateView::of(state),
        progress,
    };
    WatchPage {
        frame: frame(),
        id: "sample".into(),
        href: "/watch/sample".into(),
        title: "【音MAD】真夜中の自動販売機だけで「夜想曲」".into(),
        state: StateView::of("done"),
        player: Some(Player {
            mpd: "media/sample.mpd".into(),
            live: false,
            audio_only: false,
            duration_s: 40.0,
            poster: Some("picture-1.svg".into()),
            chapters: vec![
                Chapter { at_s: 0.0, title: "序".to_owned() },
                Chapter { at_s: 17.5, title: "Second theme".to_owned() },
            ],
            danmaku: Some("/media/danmaku.json".to_owned()),
            said: None,
            board: None,
            lufs: Some(-9.5),
            tracks: vec![
                Track { src: "media/ja.vtt".into(), lang: "ja".into(), label: "日本語".into() },
                Track { src: "media/en.vtt".into(), lang: "en".into(), label: "English".into() },
            ],
        }),
        creator: Some("豆腐工場P".into()),
        creator_url: Some("https://www.nicovideo.jp/user/1".into()),
        published: Some("2009-03-14".into()),
        site: "niconico".into(),
        origin_url: Some("https://www.nicovideo.jp/watch/sm9".into()),
        description: "国道沿いの自動販売機で録音した音だけを使っています。硬貨の落ちる音、モーター、取り出し口の扉。\n音程の補正はしていますが、楽器は使っていません。".into(),
        tags: ["音MAD", "才能の無駄遣い", "夜想曲", "自動販売機シリーズ", "十円玉の使い方を完全に間違えている人たちの動画リンク集", "nocturne"].map(String::from).to_vec(),
        renditions: vec![
            rendition("720p, copied from the original", "H.264, 1.6 Mbit/s, 4 MB", "done", None),
            rendition("480p", "H.264, 0.9 Mbit/s", "running", Some(0.4)),
            rendition("240p", "H.264, 0.3 Mbit/s", "queued", None),
        ],
        holders: vec![
            holder("kurobune", "original, 3 renditions", true),
            holder("港の倉庫", "original, 1 rendition", false),
        ],
        facts: vec![
            Fact { href: Some("https://www.nicovideo.jp/watch/sm9".into()), ..fact("Origin", "niconico sm9", false) },
            fact("Captured", "2026-11-02 04:17 by kurobune", false),
            fact("Original", "bafkr4ifqsm3pjz7u5n6d7n4kvq2h5e4w7ya", true),
            fact("Made with", "yt-dlp 2026.10.26, ffmpeg 9.0.2", false),
        ],
        downloads: vec![
            Download { label: "Original".into(), href: "#".into(), detail: "MP4, 168 MB".into() },
            Download { label: "Manifest".into(), href: "#".into(), detail: "signed, 2 kB".into() },
        ],
        related: cards().into_iter().skip(2).collect(),
        ..WatchPage::default()
    }
}

fn holder(node: &str, holds: &str, here: bool) -> HolderRow {
    HolderRow { node: node.into(), holds: holds.into(), here, part: false }
}

fn held_by_many(offered: bool) -> WatchPage {
    let part = |row| HolderRow { part: true, ..row };
    let mut holders = vec![
        holder("港の倉庫の三番目の古い機械(二階の押し入れ、夏は停止)", "original, 3 renditions", false),
        holder("basement-7-under-the-stairs-behind-the-washing-machine", "original, 1 rendition", false),
        holder("tsubaki", "original", false),
        part(holder("WWWWWWWWWWWWWWWWWWWWWWWWWWWWWW", "12 of 412 pieces", false)),
    ];
    let keep = if offered {
        holders.push(part(holder("hinoki", "118 of 412 pieces", false)));
        Keep::Offered { detail: "168 MB, from 3 nodes that have it whole".into() }
    } else {
        holders.insert(0, part(holder("kurobune", "176 of 412 pieces", true)));
        Keep::Keeping {
            progress: 0.43,
            detail: "72 of 168 MB, from tsubaki and 2 more".into(),
            state: StateView { word: "Arriving".into(), ..StateView::of("running") },
        }
    };
    WatchPage { holders, keep: Some(keep), ..watch_page() }
}

fn being_made() -> WatchPage {
    let page = watch_page();
    WatchPage {
        state: StateView::of("running"),
        doing: "kurobune downloads, 41 of 96 MB".into(),
        progress: Some(0.43),
        player: page.player.clone().map(|player| Player { live: true, tracks: Vec::new(), ..player }),
        related: Vec::new(),
        ..page
    }
}

fn nothing_to_play() -> WatchPage {
    WatchPage {
        player: None,
        renditions: Vec::new(),
        holders: Vec::new(),
        downloads: Vec::new(),
        ..being_made()
    }
}

fn sound_only() -> WatchPage {
    let page = watch_page();
    WatchPage {
        player: page.player.clone().map(|player| Player {
            audio_only: true,
            poster: None,
            tracks: Vec::new(),
            ..player
        }),
        ..page
    }
}

fn not_found() -> MessagePage {
    MessagePage {
        frame: frame(),
        title: "There is no such page".into(),
        message: "The address may be old. If it was a video, look for it on the home page.".into(),
        action: None,
        state: StateView { icon: "gone".into(), ..StateView::default() },
        again: None,
    }
}

/// A plain picture: a moon over hills, in another colour for each number.
fn picture(number: usize) -> String {
    let hue = number * 47 % 360;
    let x = 60 + number * 29 % 200;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 320 180\"><rect width=\"320\" height=\"180\" fill=\"hsl({hue} 35% 24%)\"/>\
         <circle cx=\"{x}\" cy=\"62\" r=\"26\" fill=\"hsl({hue} 60% 78%)\"/><path d=\"M0 140q80-50 160-10t160-20v70H0z\" fill=\"hsl({hue} 40% 14%)\"/></svg>"
    )
}
