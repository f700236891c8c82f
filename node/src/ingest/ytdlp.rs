//! The child that runs yt-dlp: its arguments, its events, its failures.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use horahora_protocol::{Timestamp, VideoId};
use serde::Deserialize;

use super::{
    Downloaded, FETCH_TIMEOUT, Failure, Fetched, Inspected, Item, Kind, LIST_TIMEOUT, Listing, Quality, Wish,
    site,
};
use crate::{
    config::SourceOptions,
    process::{Invocation, Lines, ProcessError, tail},
    store::rows::Code,
    tools::Toolset,
};

const DRIVER: &str = include_str!("ytdlp/driver.py");
/// So many known videos in a row, some pages of any site, and the rest of a list is known.
const KNOWN_IN_A_ROW: u32 = 100;
/// Replies under a video that are kept; sites with millions of them would take days.
const COMMENTS: &str = "youtube:max_comments=2000,all,200,10";

/// A line of the driver. Its shapes are described there.
#[derive(Debug, Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
enum Event {
    Inspected {
        kind: String,
        extractor: Option<String>,
        site: Option<String>,
        id: Option<String>,
    },
    Source {
        title: Option<String>,
        count: Option<u64>,
    },
    Item {
        site: String,
        id: String,
        url: String,
        title: Option<String>,
        #[serde(default)]
        names: Vec<(String, String)>,
        /// Seconds since 1970.
        published: Option<f64>,
    },
    Names {
        names: Vec<(String, String)>,
    },
    Progress(Progress),
    Done {
        media: Vec<PathBuf>,
        info: Option<PathBuf>,
        thumbnail: Option<PathBuf>,
        texts: Vec<(String, String, PathBuf)>,
    },
    Failure {
        kind: Code,
        message: String,
    },
}

#[derive(Debug, Deserialize)]
struct Progress {
    file: String,
    bytes: u64,
    total: Option<f64>,
    files: u32,
    part: Option<u64>,
    parts: Option<u64>,
}

/// How the sites are reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way<'a> {
    pub options: &'a SourceOptions,
    /// The folder above our plugins.
    pub plugins: &'a Path,
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
            && let Some(why) = site::why_cookies(site::of(self.options, url))
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
    let way = Way { options: &SourceOptions::default(), plugins };
    run(tools, way, "inspect", 1, &std::env::temp_dir(), &[], urls, |event| {
        if let (Event::Inspected { kind, extractor, site, id }, Some(url)) = (event, urls.get(found.len())) {
            found.push(Inspected { site, ..inspected(&kind, extractor, id, url) });
        }
        Ok(())
    })
    .await?;
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
    Inspected { extractor, site: None, kind, id, title: None, count: None }
}

pub(super) async fn list(
    tools: &Toolset,
    way: Way<'_>,
    url: &str,
    wish: Wish<'_>,
    found: impl Fn(usize) + Send,
) -> Result<Listing, Failure> {
    // A watch page inside a list names both; the person looked at the video.
    let video_of_list = url.contains("v=") && url.contains("list=");
    let args = [if video_of_list { "--no-playlist" } else { "--yes-playlist" }].map(OsString::from);
    let mut listing = Listing { list: false, title: None, count: None, items: Vec::new() };
    let (nowhere, mut in_a_row) = (std::env::temp_dir(), 0);
    let listed = run(tools, way, "list", wish.most, &nowhere, &args, &[url], |event| {
        match event {
            Event::Source { title, count } => {
                (listing.list, listing.title, listing.count) = (true, title, count);
            }
            Event::Item { site, id, url, title, names, published } => {
                // An id that cannot be used is left out; the rest of the list is still worth having.
                let Ok(id) = video_id(&site, &id, &url) else { return Ok(()) };
                in_a_row = if wish.known.is_some_and(|known| known(&id)) { in_a_row + 1 } else { 0 };
                let published = published.map(|at| Timestamp((at.max(0.0) * 1000.0) as u64));
                let earlier = video_ids(&names, &url);
                listing.items.push(Item { id, earlier, url, title, published });
                found(listing.items.len());
                if in_a_row >= KNOWN_IN_A_ROW {
                    return Err(Failure::new(Code::Duplicate, "The rest is known."));
                }
            }
            Event::Failure { kind, message } => return Err(way.explain(url, kind, &message)),
            Event::Inspected { .. } | Event::Names { .. } | Event::Progress(_) | Event::Done { .. } => {}
        }
        Ok(())
    })
    .await;
    if in_a_row < KNOWN_IN_A_ROW {
        listed?;
    }
    if listing.items.is_empty() {
        return Err(explain(Code::Unsupported, "There is no video at this address."));
    }
    Ok(listing)
}

pub(super) async fn fetch(
    tools: &Toolset,
    way: Way<'_>,
    url: &str,
    dir: &Path,
    quality: Quality,
    known: impl Fn(&[VideoId]) -> Result<(), Failure> + Send,
    report: impl Fn(Downloaded) + Send,
) -> Result<Fetched, Failure> {
    let mut files = BTreeMap::new();
    let mut fetched = None;
    run(tools, way, "fetch", 1, dir, &fetch_args(dir, quality), &[url], |event| {
        match event {
            Event::Names { names } => known(&video_ids(&names, url))?,
            Event::Progress(progress) => report(sum(&mut files, progress)),
            Event::Done { media, info, thumbnail, texts } => {
                fetched = Some(Fetched { media, info, thumbnail, texts });
            }
            Event::Failure { kind, message } => return Err(way.explain(url, kind, &message)),
            Event::Inspected { .. } | Event::Source { .. } | Event::Item { .. } => {}
        }
        Ok(())
    })
    .await?;
    fetched.ok_or_else(|| Failure::new(Code::ToolBroken, "yt-dlp ended without saying what it did."))
}

fn fetch_args(dir: &Path, quality: Quality) -> Vec<OsString> {
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
        "--no-playlist",
        "--playlist-items",
        "1",
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
    let mut args: Vec<_> = fixed.iter().map(OsString::from).chain([dir.as_os_str().to_owned()]).collect();
    if quality.comments {
        args.extend(["--write-comments", "--extractor-args", COMMENTS].map(OsString::from));
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

#[expect(clippy::too_many_arguments, reason = "one child, three ways to call it")]
async fn run(
    tools: &Toolset,
    Way { options, plugins }: Way<'_>,
    mode: &str,
    most: usize,
    dir: &Path,
    args: &[OsString],
    urls: &[&str],
    mut handle: impl FnMut(Event) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let path = std::env::join_paths(
        std::iter::once(tools.bin.clone())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let pid = std::process::id().to_string();
    let items = most.to_string();
    let mut invocation = Invocation::new(&tools.python)
        .args(["-I", "-X", "utf8", "-c", DRIVER, mode, &items, &pid])
        .args([dir])
        .args(args)
        .args([Path::new("--plugin-dirs"), plugins])
        .dir(dir)
        .env("PATH", path.unwrap_or_default());
    let url = urls.first().copied().unwrap_or_default();
    if let Some(proxy) = site::proxy(options, url) {
        invocation = invocation.args(["--proxy", proxy]);
    }
    // The cookies' copy goes when this ends.
    let mut _cookies = None;
    if let Some(site) = site::of(options, url) {
        let (args, copy) = site::args(site, dir)?;
        (invocation, _cookies) = (invocation.args(args), copy);
    }
    let mut running = invocation.args(&options.ytdlp_args).args(["--"]).args(urls).start().map_err(broken)?;
    let (stdout, stderr) = running.pipes();
    let read = async {
        let mut lines = Lines::new(stdout);
        while let Some(line) = lines.next().await {
            // Extractors may print; what is not ours is not an event.
            if let Ok(event) = serde_json::from_str(&line) {
                handle(event)?;
            }
        }
        Ok(())
    };
    let timeout = if mode == "fetch" { FETCH_TIMEOUT } else { LIST_TIMEOUT };
    let work = async { tokio::try_join!(read, async { Ok(tail(stderr, |_| false).await) }) };
    // After a failure the child ends with `running`.
    let ((), complaints) = running.within(timeout, work).await.map_err(broken)??;
    running.finish(complaints).await.map_err(broken)
}

fn broken(error: ProcessError) -> Failure {
    match error {
        ProcessError::TimedOut(_) => {
            Failure::new(Code::Transient, format!("The site was too slow: {error}."))
        }
        error => Failure::new(Code::ToolBroken, format!("yt-dlp did not run: {error}")),
    }
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
    let words = words.split("; please report this issue").next().unwrap_or(words).trim().replace('\n', " ");
    let means = match code {
        Code::Gone => "The origin does not have it any more.",
        Code::Legal => "The origin may not show it for legal reasons.",
        Code::Geo => {
            "The origin does not show it in this node's country. Set --proxy, or let a peer elsewhere try."
        }
        Code::Login => {
            "The origin wants a login. Give this node cookies: `cookies` of the site in config.toml."
        }
        Code::NotYet => "It cannot be had yet; the node tries again by itself.",
        Code::RateLimited => "The origin wants us to slow down; the node waits and tries again by itself.",
        Code::Forbidden => "The origin refuses this node.",
        Code::Transient => "The origin or the network failed; the node tries again by itself.",
        Code::Unsupported => "Nothing there can be archived.",
        Code::ExtractorBroken => "The origin changed and yt-dlp does not understand it; an update may help.",
        Code::LocalIo => "This node's disk failed or is full.",
        Code::Postprocess => "yt-dlp could not finish the files.",
        Code::Refused => "The origin said no.",
        Code::Duplicate => "It is there already.",
        Code::Unwanted => "Its request leaves it out.",
        Code::Damaged | Code::NotMedia | Code::ToolBroken | Code::NoHolder | Code::Paused => {
            "It did not work."
        }
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
