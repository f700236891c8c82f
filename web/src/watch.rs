//! The watch page: the player, what the video is, and where its copies are.

use askama::Template;

use crate::{
    Card, Frame, GroupMark, HolderRow, Keep, ListChoice, PlayList, StateView, Talk, Text, holders, text, tr,
};

#[derive(Debug, Clone, Default)]
pub struct WatchPage {
    pub frame: Frame,
    /// The video's id.
    pub id: String,
    pub href: String,
    pub title: String,
    pub state: StateView,
    pub reason: Option<String>,
    /// 0 to 1.
    pub progress: Option<f64>,
    pub doing: String,
    /// Whether only what the site says of it is archived.
    pub words_only: bool,
    /// None while nothing can be played yet.
    pub player: Option<Player>,
    pub creator: Option<String>,
    pub creator_url: Option<String>,
    /// How much of its end a damaged source lacks: `2.6 s`.
    pub missing: Option<String>,
    /// Since when the origin has it no more.
    pub gone: Option<String>,
    /// What else of them is archived.
    pub creator_href: Option<String>,
    pub published: Option<String>,
    pub site: String,
    pub origin_url: Option<String>,
    pub description: String,
    pub tags: Vec<String>,
    pub renditions: Vec<RenditionRow>,
    pub holders: Vec<HolderRow>,
    /// Whether this node keeps a copy; none when there is nothing to decide, as it made the video.
    pub keep: Option<Keep>,
    pub facts: Vec<Fact>,
    /// Whether this node can look at it again at its origin.
    pub look: bool,
    pub downloads: Vec<Download>,
    pub related: Vec<Card>,
    pub share: Share,
    /// What people say of it.
    pub talk: Talk,
    /// Who hid it here and why: moderators alone see it then.
    pub hidden: Option<Hidden>,
    /// Whether it is one of the favourites of who looks.
    pub favourite: bool,
    /// The lists of who looks.
    pub lists: Vec<ListChoice>,
    /// The list that is played.
    pub playing: Option<PlayList>,
    /// Kinds of what can be wrong with it, with their words.
    pub wrongs: Vec<(String, String)>,
    /// Whether a report was just taken.
    pub reported: bool,
    /// Where it is archived; none when that is this node's own first group.
    pub groups: Vec<GroupMark>,
}

#[derive(Debug, Clone, Default)]
pub struct Player {
    /// The manifest's address. Another address is another manifest: a rendition was added.
    pub mpd: String,
    /// Still being made: plays from the beginning and follows what arrives.
    pub live: bool,
    pub audio_only: bool,
    pub duration_s: f64,
    pub poster: Option<String>,
    pub tracks: Vec<Track>,
    pub chapters: Vec<Chapter>,
    /// Where its danmaku are, when there are some.
    pub danmaku: Option<String>,
    /// Where those are that people said here and on other nodes.
    pub said: Option<String>,
    pub board: Option<Board>,
    /// How loud it is, in LUFS.
    pub lufs: Option<f64>,
}

/// What a video looks like elsewhere: whole addresses.
#[derive(Debug, Clone, Default)]
pub struct Share {
    pub url: String,
    pub poster: Option<String>,
    pub oembed: String,
    /// HTML that other pages take.
    pub embed: String,
}

/// A part of the video by name.
#[derive(Debug, Clone, Default)]
pub struct Chapter {
    pub at_s: f64,
    pub title: String,
}

/// Sheets of small pictures, each so many pixels large and so many milliseconds after the one before.
#[derive(Debug, Clone, Default)]
pub struct Board {
    /// The folder of the sheets, which are named `0.jpg` and so on.
    pub src: String,
    pub width: u32,
    pub height: u32,
    pub columns: u32,
    pub rows: u32,
    pub every_ms: u64,
    pub pictures: u32,
}

/// Subtitles, as WebVTT.
#[derive(Debug, Clone, Default)]
pub struct Track {
    pub src: String,
    pub lang: String,
    pub label: String,
}

#[derive(Debug, Clone, Default)]
pub struct RenditionRow {
    /// `720p, copied from the original`
    pub name: String,
    /// `H.264, 1.6 Mbit/s, 4 MB`
    pub detail: String,
    pub progress: Option<f64>,
    pub state: StateView,
}

#[derive(Debug, Clone, Default)]
pub struct Fact {
    pub label: String,
    pub value: String,
    pub href: Option<String>,
    pub mono: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Download {
    pub label: String,
    pub href: String,
    pub detail: String,
}

/// A measure that stands against the video.
#[derive(Debug, Clone, Default)]
pub struct Hidden {
    /// `ada`
    pub by: String,
    pub reason: String,
    pub taken_down: bool,
}

impl WatchPage {
    pub(crate) fn has_danmaku(&self) -> bool {
        self.player.as_ref().is_some_and(|player| player.danmaku.is_some() || player.said.is_some())
    }

    /// Whether there is nothing to show beside the player.
    pub(crate) fn is_alone(&self) -> bool {
        self.related.is_empty() && !self.has_danmaku() && self.playing.is_none()
    }

    /// What search engines and links elsewhere say of it.
    pub(crate) fn in_short(&self) -> String {
        let words = if self.description.is_empty() { &self.title } else { &self.description };
        words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect()
    }

    pub(crate) fn vote_icon(&self, which: &str) -> &'static str {
        if which == "up" { "for" } else { "against" }
    }

    pub(crate) fn votes(&self, which: &str) -> u64 {
        if which == "up" { self.talk.up } else { self.talk.down }
    }

    pub(crate) fn vote_label(&self, which: &str) -> Text {
        tr(if which == "up" { "vote-up" } else { "vote-down" }).with("n", self.votes(which))
    }

    pub(crate) fn copies(&self) -> String {
        holders::copies(&self.holders)
    }

    /// One for each arch: whether it stands for a whole copy.
    pub(crate) fn arches(&self) -> Vec<bool> {
        holders::arches(&self.holders)
    }

    pub(crate) fn holders_sentence(&self) -> String {
        holders::sentence(&self.holders)
    }

    /// What this visitor is shown of `keep`: an offer is for who can take it.
    pub(crate) fn keep(&self) -> Option<&Keep> {
        self.keep.as_ref().filter(|keep| self.frame.logged_in || !matches!(keep, Keep::Offered { .. }))
    }

    /// Whether work on the video goes on or stopped half-way.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.state.class != "ok" && (!self.doing.is_empty() || self.progress.is_some())
    }

    pub(crate) fn origin(&self) -> Option<&str> {
        self.origin_url.as_deref().and_then(text::link)
    }

    pub(crate) fn creator_link(&self) -> Option<&str> {
        self.creator_url.as_deref().and_then(text::link)
    }

    pub(crate) fn blank_title(&self) -> Text {
        tr(match self.state.class.as_str() {
            _ if self.words_only => "blank-words",
            "bad" => "blank-nothing",
            "warn" => "blank-not-yet",
            _ => "blank-archiving",
        })
    }
}

impl Fact {
    pub(crate) fn link(&self) -> Option<&str> {
        self.href.as_deref().and_then(text::link)
    }
}

impl Player {
    pub(crate) fn seconds(&self) -> String {
        format!("{:.3}", if self.duration_s.is_finite() { self.duration_s.max(0.0) } else { 0.0 })
    }

    /// What the player reads of the preview pictures.
    pub(crate) fn board(&self) -> Option<String> {
        let Board { src, width, height, columns, rows, every_ms, pictures } = self.board.as_ref()?;
        Some(format!(
            r#"{{"src":"{src}","width":{width},"height":{height},"columns":{columns},"rows":{rows},"every_ms":{every_ms},"pictures":{pictures}}}"#
        ))
    }

    /// Where a chapter's mark stands in a bar of 1000.
    pub(crate) fn place(&self, chapter: &Chapter) -> String {
        format!("{:.1}", (chapter.at_s / self.duration_s.max(0.001) * 1000.0).clamp(0.0, 997.0))
    }

    /// `4:12`, or `1:02:03` from an hour on.
    pub(crate) fn clock(&self) -> String {
        let all = if self.duration_s.is_finite() { self.duration_s.max(0.0) as u64 } else { 0 };
        let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
        if hours > 0 {
            format!("{hours}:{minutes:02}:{seconds:02}")
        } else {
            format!("{minutes}:{seconds:02}")
        }
    }
}

#[derive(Template)]
#[template(path = "watch.html")]
struct Full<'a> {
    page: &'a WatchPage,
    here: &'static str,
}

#[derive(Template)]
#[template(path = "watch_live.html")]
struct Live<'a> {
    page: &'a WatchPage,
}

#[derive(Template)]
#[template(path = "embed.html")]
struct Embed<'a> {
    page: &'a WatchPage,
}

/// The player alone, for other pages.
pub fn embed(page: &WatchPage) -> String {
    crate::render(&Embed { page })
}

pub fn watch(page: &WatchPage) -> String {
    crate::render(&Full { page, here: "" })
}

/// The part which changes while the page is open; the player is never part of it.
pub fn watch_live(page: &WatchPage) -> String {
    crate::render(&Live { page })
}
