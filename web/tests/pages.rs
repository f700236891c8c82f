//! Pages through the public door: what is in the HTML for what was put into the view structs.

use horahora_web::{
    ArchivePage, Board, Card, Chapter, Download, Frame, HolderRow, HomePage, JobRow, Lede, MessagePage,
    NodesPage, Player, RequestPage, RequestRow, StateView, ToolRow, Track, WatchPage, Wish, archive,
    archive_live, asset, home, home_live, message, nodes, request, request_live, watch, watch_live,
};

const EVIL: &str = "<script>alert(1)</script>\"'&";

fn frame() -> Frame {
    Frame {
        node_name: "kurobune".into(),
        version: "0.1.0".into(),
        logged_in: true,
        asks: true,
        decides: true,
        ..Frame::default()
    }
}

fn player() -> Player {
    Player { mpd: "/media/v/manifest.mpd".into(), duration_s: 3723.4, ..Player::default() }
}

fn video() -> WatchPage {
    WatchPage {
        frame: frame(),
        id: "v".into(),
        href: "/watch/v".into(),
        title: "夜想曲だけ".into(),
        state: StateView::of("done"),
        player: Some(player()),
        site: "niconico".into(),
        ..WatchPage::default()
    }
}

fn every_page() -> Vec<String> {
    vec![
        home(&HomePage { frame: frame(), ..HomePage::default() }),
        archive(&ArchivePage { frame: frame(), ..ArchivePage::default() }),
        nodes(&NodesPage { frame: frame(), ..NodesPage::default() }),
        watch(&video()),
        message(&MessagePage {
            frame: frame(),
            title: "There is no such page".into(),
            ..MessagePage::default()
        }),
    ]
}

/// A page but for the form that everybody has.
fn without_languages(html: &str) -> String {
    html.replace("action=\"/language\" method=\"post\"", "")
}

#[test]
fn every_page_is_whole() {
    for html in every_page() {
        assert!(html.starts_with("<!doctype html>"), "{html}");
        assert!(html.trim_end().ends_with("</html>"));
        assert_eq!(html.matches("<h1").count(), 1);
        assert!(html.contains(" · kurobune</title>"));
        assert!(html.contains(&format!("/assets/style.css?v={}", asset("style.css").unwrap().hash)));
        assert!(!html.contains(" style="), "the page's policy allows no inline style");
        assert!(!html.contains("<script>"), "the page's policy allows no inline script");
    }
}

#[test]
fn every_icon_exists() {
    let icons = std::str::from_utf8(asset("icons.svg").unwrap().bytes).unwrap();
    for html in every_page() {
        for piece in html.split("/assets/icons.svg?v=").skip(1) {
            let id = piece.split('"').next().unwrap().split('#').nth(1).unwrap();
            assert!(icons.contains(&format!("id=\"{id}\"")), "{id}");
        }
    }
}

#[test]
fn what_people_wrote_is_escaped() {
    let text = || EVIL.to_owned();
    let request =
        RequestRow { title: text(), url: text(), reason: Some(text()), retry: true, ..RequestRow::default() };
    let pages = [
        home(&HomePage {
            frame: Frame { node_name: text(), group_name: text(), theme: text(), ..frame() },
            videos: vec![Card { title: text(), creator: Some(text()), why: Some(text()), ..Card::default() }],
            jobs: vec![JobRow { title: text(), doing: text(), ..JobRow::default() }],
            ..HomePage::default()
        }),
        archive(&ArchivePage {
            frame: frame(),
            url: text(),
            error: Some(text()),
            requests: vec![request],
            ..ArchivePage::default()
        }),
        watch(&WatchPage {
            title: text(),
            description: text(),
            tags: vec![text()],
            creator: Some(text()),
            creator_url: Some("javascript:alert(1)".into()),
            origin_url: Some("javascript:alert(1)".into()),
            player: Some(Player {
                tracks: vec![Track { label: text(), ..Track::default() }],
                chapters: vec![Chapter { at_s: 1.0, title: text() }],
                ..player()
            }),
            ..video()
        }),
        message(&MessagePage { title: text(), message: text(), ..MessagePage::default() }),
    ];
    for html in pages {
        assert!(!html.contains("<script>"), "{html}");
        assert!(!html.contains("javascript:"), "{html}");
        assert!(!html.contains("\"'&"), "{html}");
        assert!(html.contains("&#60;script&#62;") || html.contains("&lt;script&gt;"));
    }
}

#[test]
fn a_cookie_cannot_bring_another_theme() {
    let theme = |name: &str| {
        message(&MessagePage { frame: Frame { theme: name.into(), ..frame() }, ..MessagePage::default() })
    };
    assert!(theme("dark").contains("data-theme=\"dark\""));
    assert!(theme("light").contains("data-theme=\"light\""));
    assert!(theme("pink").contains("data-theme=\"auto\""));
}

#[test]
fn empty_pages_say_what_to_do() {
    let html = home(&HomePage { frame: frame(), ..HomePage::default() });
    assert!(html.contains("Nothing is archived yet") && html.contains("href=\"/archive\">Archive something"));
    let html = home(&HomePage::default());
    assert!(html.contains("href=\"/login\">Log in to archive"));
    assert!(
        archive(&ArchivePage { frame: frame(), ..ArchivePage::default() })
            .contains("Nothing was asked for yet")
    );
}

#[test]
fn only_who_is_logged_in_gets_forms() {
    let request = RequestRow {
        id: "bafyr".into(),
        retry: true,
        paused: true,
        url: "https://example.com/".into(),
        ..RequestRow::default()
    };
    let page = |logged_in| ArchivePage {
        frame: Frame { logged_in, asks: logged_in, decides: logged_in, ..frame() },
        requests: vec![request.clone()],
        ..ArchivePage::default()
    };
    let html = archive(&page(true));
    assert_eq!(html.matches("action=\"/archive\" method=\"post\"").count(), 1, "ask");
    assert_eq!(html.matches("action=\"/archive/bafyr\" method=\"post\"").count(), 1, "its own buttons");
    assert!(
        html.contains("value=\"retry\"")
            && html.contains("value=\"resume\"")
            && !html.contains("value=\"pause\"")
    );
    assert!(html.contains("href=\"/archive/bafyr#change\""));
    let html = without_languages(&archive(&page(false)));
    assert!(
        !html.contains("method=\"post\"")
            && html.contains("horahora login")
            && html.contains("href=\"/login\"")
    );
}

#[test]
fn a_request_says_what_became_of_each_of_its_videos_and_can_be_changed() {
    let video = JobRow { title: "fx3".into(), doing: "Larger than wanted.".into(), ..JobRow::default() };
    let wish = Wish { id: "bafyr".into(), newest: "12".into(), follow: true, ..Wish::default() };
    let row = RequestRow { id: "bafyr".into(), title: "A tag".into(), wish, ..RequestRow::default() };
    let page = |logged_in| RequestPage {
        frame: Frame { logged_in, asks: logged_in, decides: logged_in, ..frame() },
        row: row.clone(),
        videos: vec![video.clone()],
        more: Some("/archive/bafyr?after=1".into()),
        ..RequestPage::default()
    };
    let html = request(&page(true));
    assert!(html.contains("Larger than wanted.") && html.contains("href=\"/archive/bafyr?after=1\""));
    assert!(
        html.contains("name=\"newest\" inputmode=\"numeric\" value=\"12\"")
            && html.contains("value=\"remove\"")
    );
    assert!(!html.contains("href=\"/archive/bafyr#change\""), "it is on this page");
    assert!(!without_languages(&request(&page(false))).contains("method=\"post\""));
    assert!(!request_live(&page(true)).contains("<html"));
}

#[test]
fn a_refused_link_keeps_what_was_typed() {
    let html = archive(&ArchivePage {
        frame: frame(),
        url: "https://example.com/kitchen".into(),
        error: Some("No video was found there.".into()),
        ..ArchivePage::default()
    });
    assert!(html.contains("value=\"https://example.com/kitchen\""));
    assert!(html.contains("aria-invalid=\"true\"") && html.contains("No video was found there."));
}

#[test]
fn fragments_hold_what_changes_and_nothing_else() {
    let requests = vec![RequestRow { id: "7".into(), done: 34, failed: 2, ..RequestRow::default() }];
    let lede = Lede { lead: "34 videos".into(), rest: ", all complete.".into(), ..Lede::default() };
    let page = ArchivePage { frame: frame(), lede, requests, ..ArchivePage::default() };
    let (whole, part) = (archive(&page), archive_live(&page));
    assert!(whole.contains("data-live=\"/archive?fragment=live\"") && !whole.contains("<template data-for"));
    assert!(part.contains("<template data-for=\"live-top\">") && whole.contains("id=\"live-top\""));
    assert!(part.contains("<b>34 videos</b>, all complete."));
    assert!(part.contains("id=\"request-7\"") && part.contains("aria-label=\"34 done, 2 failed\""));
    assert!(!part.contains("data-paste") && !part.contains("<h1"));

    let page = HomePage { frame: frame(), ..HomePage::default() };
    assert!(home(&page).contains("data-live=\"/?fragment=live\""));
    assert!(!home_live(&page).contains("<html"));

    let part = watch_live(&video());
    assert!(!part.contains("<video") && !part.contains("<html"));
    assert!(part.contains("data-mpd=\"/media/v/manifest.mpd\" data-live=\"false\""));
    assert!(watch(&video()).contains("data-live=\"/watch/v?fragment=live\""));
}

#[test]
fn the_player_knows_its_manifest() {
    let html = watch(&video());
    assert!(html.contains("data-mpd=\"/media/v/manifest.mpd\""));
    assert!(html.contains("data-duration=\"3723.400\"") && html.contains("1:02:03"));
    assert!(html.contains("lang=\"ja\""));

    let none = WatchPage { player: None, state: StateView::of("running"), ..video() };
    let html = watch(&none);
    assert!(!html.contains("<video") && !html.contains("id=\"playable\""));
    assert!(html.contains("Still being archived"));
    assert!(html.contains("/assets/watch.js"), "the page has to notice the first seconds");
}

#[test]
fn the_player_knows_what_stands_beside_the_picture_and_asks_for_no_more() {
    let board = Board { src: "/media/v/storyboard/".into(), width: 160, height: 90, ..Board::default() };
    let chapters = [(0.0, "序"), (1861.7, "Second")];
    let chapters = chapters.map(|(at_s, title)| Chapter { at_s, title: title.into() }).into();
    let danmaku = Some("/media/v/danmaku.json".into());
    let full = Player { chapters, danmaku, board: Some(board), lufs: Some(-9.5), ..player() };
    let html = watch(&WatchPage { player: Some(full), ..video() });
    for part in [
        "data-danmaku=\"/media/v/danmaku.json\"",
        "data-niconico=\"/assets/niconico.js",
        "id=\"danmaku\"",
        "data-lufs=\"-9.5\"",
        "x=\"500.0\" y=\"22\" width=\"3\" height=\"4\" data-at=\"1861.7\" data-title=\"Second\"",
        "&quot;width&quot;:160",
    ] {
        assert!(html.replace("&#34;", "&quot;").contains(part), "{part}: {html}");
    }
    let bare = watch(&video());
    for part in ["data-danmaku", "id=\"dm\"", "id=\"danmaku\"", "data-board", "data-lufs", "class=\"chap\""] {
        assert!(!bare.contains(part), "{part}");
    }
}

#[test]
fn without_script_the_files_are_offered() {
    let downloads = vec![Download {
        label: "Original".into(),
        href: "/media/v/original".into(),
        detail: "MP4, 4 MB".into(),
    }];
    let html = watch(&WatchPage { downloads, ..video() });
    let noscript = html.split("<noscript>").nth(1).unwrap().split("</noscript>").next().unwrap();
    assert!(noscript.contains("href=\"/media/v/original\">Original</a>"));
}

#[test]
fn copies_are_arches() {
    let holder =
        |node: &str, here| HolderRow { node: node.into(), holds: "original".into(), here, part: false };
    let page = |holders| watch(&WatchPage { holders, ..video() });
    assert!(page(vec![]).contains("No copy yet"));
    let html = page(vec![holder("kurobune", true)]);
    assert!(html.contains("<b>1 copy.</b> Only kurobune (this node) holds it."));
    let html = page(vec![holder("a", true), holder("b", false), holder("c", false)]);
    assert!(html.contains("<b>3 copies.</b> a (this node), b and 1 more hold it."));
    assert!(html.contains("<i></i><i></i><i></i></span>"));
}

#[test]
fn every_page_shows_tools_that_are_missing() {
    let tools = vec![ToolRow {
        name: "ffmpeg".into(),
        state: "running".into(),
        progress: Some(0.62),
        message: "31 of 50 MB".into(),
    }];
    let frame = Frame { tools, ..frame() };
    for html in [
        home(&HomePage { frame: frame.clone(), ..HomePage::default() }),
        archive(&ArchivePage { frame: frame.clone(), ..ArchivePage::default() }),
        nodes(&NodesPage { frame: frame.clone(), ..NodesPage::default() }),
        watch(&WatchPage { frame: frame.clone(), ..video() }),
        message(&MessagePage { frame, ..MessagePage::default() }),
    ] {
        assert_eq!(html.matches("Fetching tools").count(), 1);
        assert!(html.contains("aria-label=\"62 %\"") && html.contains("31 of 50 MB"));
    }
}

#[test]
fn a_single_video_has_a_progress_and_a_list_has_parts() {
    let row = |done, running, progress| RequestRow { done, running, progress, ..RequestRow::default() };
    let html = |row| archive_live(&ArchivePage { requests: vec![row], ..ArchivePage::default() });
    assert!(html(row(0, 1, 0.43)).contains("aria-label=\"43 %\""));
    assert!(!html(row(1, 0, 1.0)).contains("class=\"bar"));
    assert!(html(row(5, 2, 0.5)).contains("aria-label=\"5 done, 2 running\""));
}
