//! What yt-dlp is asked to do: to say what a link is, to list, to download; and what its failures mean.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use horahora_protocol::VideoId;

use super::{Brought, Downloaded, Failure, Fetched, Inspected, Kind, Quality, cookies, pace::Pace, site};
use crate::{config::SourceOptions, store::rows::Code, tools::Toolset};

use child::{Child, Event, Order, Progress};

mod child;
mod lister;

pub use lister::Lister;

/// Videos that one which was listed as one may turn out to be: Bilibili allows 200 parts or so.
const PARTS: usize = 2_000;
/// Replies under a video that are kept; sites with millions of them would take days.
const COMMENTS: &str = "youtube:max_comments=2000,all,200,10";

/// How the sites are reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way<'a> {
    pub options: &'a SourceOptions,
    /// The folder above our plugins.
    pub plugins: &'a Path,
    /// How often they are asked.
    pub pace: &'a Pace,
}

impl Way<'_> {
    /// Says what a failure at a site means, with what is set for that site.
    fn explain(&self, url: &str, code: Code, message: &str) -> Failure {
        let mut failure = explain(code, message);
        let proxy = site::proxy(self.options, url).filter(|_| message.to_lowercase().contains("proxy"));
        if let (Code::Transient, Some(proxy)) = (code, proxy) {
            failure.reason = format!("The proxy {proxy} does not answer; the node tries again by itself.");
        }
        if code == Code::Login
            && let Some(why) = cookies::why_not(self.options, url)
        {
            failure.reason = format!("{why} ({message})");
        }
        failure
    }
}

/// What yt-dlp takes links for, in their order; it asks nobody.
///
/// # Errors
/// When yt-dlp does not run.
pub async fn inspect(tools: &Toolset, plugins: &Path, urls: &[&str]) -> Result<Vec<Inspected>, Failure> {
    let mut found = Vec::new();
    let (options, dir) = (SourceOptions::default(), std::env::temp_dir());
    let order = Order { mode: "inspect", skip: 0, most: 1, dir: &dir, args: &[], urls };
    let mut child = Child::start(tools, &options, plugins, order)?;
    while let Some(event) = child.next().await? {
        if let (Event::Inspected { kind, extractor, site, id }, Some(url)) = (event, urls.get(found.len())) {
            found.push(Inspected { site, ..inspected(&kind, extractor, id, url) });
        }
    }
    child.finish().await?;
    Ok(found)
}

fn inspected(kind: &str, extractor: Option<String>, id: Option<String>, url: &str) -> Inspected {
    let kind = match kind {
        "video" => Kind::Video,
        "playlist" => Kind::Playlist,
        _ => Kind::Unsupported,
    };
    let site = extractor.as_deref().unwrap_or_default();
    let id = match kind {
        Kind::Video if site == "generic" => Some(VideoId::generic(&canonical(url)).to_string()),
        Kind::Video => id.and_then(|id| video_id(site, &id, url).ok()).map(|id| id.to_string()),
        Kind::Playlist => id.map(|id| format!("{site}:{id}")),
        Kind::Unsupported => None,
    };
    Inspected { extractor, site: None, kind, id, title: None, count: None, first: Vec::new() }
}

pub(super) async fn fetch(
    tools: &Toolset,
    way: Way<'_>,
    url: &str,
    dir: &Path,
    quality: Quality,
    known: impl Fn(&[VideoId]) -> Result<(), Failure> + Send,
    report: impl Fn(Downloaded) -> Result<(), Failure> + Send,
) -> Result<Brought, Failure> {
    let args = fetch_args(url, dir, quality);
    let order = Order { mode: "fetch", skip: 0, most: PARTS, dir, args: &args, urls: &[url] };
    let mut child = Child::start(tools, way.options, way.plugins, order)?;
    let (mut files, mut parts, mut fetched, mut counted) = (BTreeMap::new(), Vec::new(), None, None);
    while let Some(event) = child.next().await? {
        match event {
            Event::Ask { url } => {
                way.pace.ask(way.options, &url).await?;
                child.go_on().await?;
            }
            Event::Names { names } => known(&video_ids(&names, url))?,
            Event::Progress(progress) => {
                let now = sum(&mut files, progress);
                // What an earlier run left here was counted then.
                let before = counted.replace(now.bytes).unwrap_or(now.bytes);
                way.pace.downloaded(way.options, url, now.bytes.saturating_sub(before));
                report(now)?;
            }
            Event::Done { media, info, thumbnail, texts } => {
                fetched = Some(Fetched { media, info, thumbnail, texts });
            }
            Event::Item(told) => parts.extend(told.item()),
            Event::Failure { kind: Code::Parts, .. } => return Ok(Brought::Parts(parts)),
            Event::Failure { kind, message } => return Err(way.explain(url, kind, &message)),
            Event::Inspected { .. } | Event::Source { .. } | Event::List => {}
        }
    }
    child.finish().await?;
    let fetched = fetched.map(|fetched| Brought::Files(Box::new(fetched)));
    fetched.ok_or_else(|| Failure::new(Code::ToolBroken, "yt-dlp ended without saying what it did."))
}

/// A watch page inside a list names both; the person looked at the video.
fn video_of_list(url: &str) -> bool {
    url.contains("v=") && url.contains("list=")
}

fn fetch_args(url: &str, dir: &Path, quality: Quality) -> Vec<OsString> {
    let fixed = [
        // Without ffmpeg yt-dlp leaves picture and sound as the site's own files, which is what is archived.
        "--ffmpeg-location",
        "/nonexistent",
        "-f",
        "bv*+ba/b/b*",
        "--continue",
        "--no-mtime",
        "--socket-timeout",
        "20",
        "--retries",
        "5",
        "--fragment-retries",
        "5",
        "-N",
        "4",
        "--abort-on-unavailable-fragments",
        // Two are enough to know that it is several.
        "--playlist-items",
        "1:2",
        "--write-info-json",
        "--write-subs",
        "--sub-langs",
        "all,-live_chat",
        "--sub-format",
        "vtt/best",
        "--write-thumbnail",
        "--restrict-filenames",
        "-o",
        "media.%(ext)s",
        "-P",
    ];
    let list = if video_of_list(url) { "--no-playlist" } else { "--yes-playlist" };
    let fixed = [list].into_iter().chain(fixed);
    let mut args: Vec<_> = fixed.map(OsString::from).chain([dir.as_os_str().to_owned()]).collect();
    if quality.comments {
        args.extend(["--write-comments", "--extractor-args", COMMENTS].map(OsString::from));
    }
    if !quality.media {
        args.extend(["--skip-download", "--ignore-no-formats-error"].map(OsString::from));
    }
    if let Some(height) = quality.max_height {
        args.extend(["-S".into(), format!("res:{height}").into()]);
    }
    if let Some(bytes) = quality.max_bytes {
        args.extend(["--max-filesize".into(), bytes.to_string().into()]);
    }
    if let Some(since) = quality.since {
        args.extend(["--match-filters".into(), format!("timestamp>=?{}", since.0 / 1000).into()]);
    }
    args
}

/// Sites whose ids are not unique are named by their URL.
pub(super) fn video_id(site: &str, id: &str, url: &str) -> Result<VideoId, horahora_protocol::id::IdError> {
    match site {
        "generic" | "html5" => Ok(VideoId::generic(&canonical(url))),
        _ => VideoId::new(site, id),
    }
}

/// Those of the names that can be used.
fn video_ids(names: &[(String, String)], url: &str) -> Vec<VideoId> {
    names.iter().filter_map(|(site, id)| video_id(site, id, url).ok()).collect()
}

/// A URL without its fragment, as the URL standard writes it.
fn canonical(url: &str) -> String {
    url::Url::parse(url).map_or_else(
        |_| url.to_owned(),
        |mut url| {
            url.set_fragment(None);
            url.to_string()
        },
    )
}

/// Adds the files of one video up: a site may send picture and sound apart.
fn sum(files: &mut BTreeMap<String, (u64, Option<u64>, f64)>, now: Progress) -> Downloaded {
    let total = now.total.map(|total| total.max(0.0) as u64);
    let by_bytes = total.map(|total| now.bytes as f64 / total.max(1) as f64);
    let by_parts = now.part.zip(now.parts).map(|(part, parts)| part as f64 / parts.max(1) as f64);
    let fraction = by_parts.or(by_bytes).unwrap_or(0.0).clamp(0.0, 1.0);
    files.insert(now.file, (now.bytes, total, fraction));
    let expected = files.len().max(now.files as usize);
    let known = files.len() == expected;
    Downloaded {
        bytes: files.values().map(|(bytes, ..)| bytes).sum(),
        total: files.values().map(|(_, total, _)| *total).sum::<Option<u64>>().filter(|_| known),
        fraction: files.values().map(|(.., fraction)| fraction).sum::<f64>() / expected as f64,
    }
}

/// Says what a failure means for the person who asked, then the site's own words.
fn explain(code: Code, message: &str) -> Failure {
    let words = message.split_once("] ").map_or(message, |(_, rest)| rest);
    // What yt-dlp tells those to do who have it at hand.
    let words = ["; please report this issue", ". Use --cookies", "Use --cookies"]
        .iter()
        .fold(words, |words, advice| words.split(advice).next().unwrap_or(words))
        .trim()
        .replace('\n', " ");
    let means = match code {
        Code::Gone => "The origin does not have it any more.",
        Code::Legal => "The origin may not show it for legal reasons.",
        Code::Geo => {
            "The origin does not show it in this node's country. Set --proxy, or let a peer elsewhere try."
        }
        Code::Login => "The origin wants a login. Give this node an account's cookies, on the Sites page.",
        Code::NotYet => "It cannot be had yet; the node tries again by itself.",
        Code::RateLimited => "The origin wants us to slow down; the node waits and tries again by itself.",
        Code::Forbidden => "The origin refuses this node.",
        Code::Transient => "The origin or the network failed; the node tries again by itself.",
        Code::Unsupported => "Nothing there can be archived.",
        Code::ExtractorBroken => {
            "The origin changed and yt-dlp does not understand it; the node looks for a newer yt-dlp each day and tries again."
        }
        Code::LocalIo | Code::DiskFull => "This node's disk failed or is full.",
        Code::Postprocess => "yt-dlp could not finish the files.",
        Code::Refused => "The origin said no.",
        Code::Duplicate => "It is there already.",
        Code::Parts => "It is several videos.",
        Code::Unwanted => "Its request leaves it out.",
        Code::Budget => "This node asked the site as much as it may today.",
        Code::Damaged
        | Code::NotMedia
        | Code::ToolBroken
        | Code::NoHolder
        | Code::Paused
        | Code::Approval
        | Code::Disapproved => "It did not work.",
    };
    Failure::new(code, format!("{means} ({words})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(file: &str, bytes: u64, total: Option<f64>, files: u32) -> Progress {
        Progress { file: file.to_owned(), bytes, total, files, part: None, parts: None }
    }

    #[test]
    fn picture_and_sound_are_added_up() {
        let mut files = BTreeMap::new();
        let first = sum(&mut files, progress("v", 50, Some(100.0), 2));
        assert_eq!(first, Downloaded { bytes: 50, total: None, fraction: 0.25 });
        let second = sum(&mut files, progress("a", 10, Some(10.0), 2));
        assert_eq!(second, Downloaded { bytes: 60, total: Some(110), fraction: 0.75 });
    }

    #[test]
    fn generic_ids_come_from_the_url() {
        let id = video_id("generic", "x", "http://A.example/v.mp4#t=1").unwrap();
        assert_eq!(id, VideoId::generic("http://a.example/v.mp4"));
        assert_eq!(video_id("niconico", "sm9", "").unwrap().as_str(), "niconico:sm9");
    }

    #[test]
    fn reasons_say_what_to_do_and_keep_the_sites_words() {
        let failure = explain(Code::Login, "[niconico] sm93: Channel members only");
        assert!(
            failure.reason.contains("cookies") && failure.reason.ends_with("(sm93: Channel members only)")
        );
    }
}
