//! What a folder of videos holds: one that yt-dlp filled, or plain files. Nothing in it is moved or changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use horahora_protocol::{VideoId, limits};
use serde_json::Value;

use super::{Fetched, ytdlp::video_id};

/// Files with pictures or sound.
const MEDIA: [&str; 22] = [
    "mp4", "m4v", "mkv", "webm", "flv", "avi", "mov", "ts", "m2ts", "mpg", "mpeg", "wmv", "3gp", "ogv",
    "m4a", "mp3", "opus", "ogg", "oga", "flac", "wav", "aac",
];
const PICTURES: [&str; 4] = ["jpg", "jpeg", "png", "webp"];
const TEXTS: [&str; 8] = ["vtt", "srt", "ass", "ssa", "lrc", "ttml", "json", "xml"];
const INFO: &str = ".info.json";
/// A larger info.json is not read.
const INFO_BYTES: u64 = 256 << 20;
/// Folders inside folders.
const DEPTH: usize = 16;

/// A video in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its id; none while only its bytes can tell.
    pub id: Option<VideoId>,
    /// Its title.
    pub title: String,
    /// Where it was, as the metadata says.
    pub url: Option<String>,
    /// Its files, where they are.
    pub files: Fetched,
}

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Scan {
    /// The videos, by the names of their files.
    pub videos: Vec<Found>,
    /// Files with metadata whose media is missing or cannot be told, and why.
    pub left: Vec<(PathBuf, String)>,
}

/// Whether a file of this name is one with pictures or sound.
#[must_use]
pub fn is_media(name: &str) -> bool {
    is(Path::new(name), &MEDIA)
}

/// Looks through a folder and those inside it.
///
/// # Errors
/// When the folder cannot be read.
pub fn scan(dir: &Path) -> io::Result<Scan> {
    let (mut scan, mut archived) = (Scan::default(), BTreeSet::new());
    let mut folders = vec![(dir.to_owned(), 0)];
    let mut all: Vec<(PathBuf, Vec<PathBuf>)> = Vec::new();
    while let Some((folder, depth)) = folders.pop() {
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            // What a link leads to may be anywhere.
            let kind = entry.file_type()?;
            if kind.is_dir() && depth < DEPTH {
                folders.push((entry.path(), depth + 1));
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
        files.sort();
        for file in files.iter().filter(|file| file.file_name() == Some(OsStr::new("archive.txt"))) {
            archived.extend(fs::read_to_string(file)?.lines().map(str::to_owned));
        }
        all.push((folder, files));
    }
    all.sort();
    for (_, files) in all {
        take(&files, &archived, &mut scan);
    }
    Ok(scan)
}

/// The videos of one folder.
fn take(files: &[PathBuf], archived: &BTreeSet<String>, scan: &mut Scan) {
    let mut used = BTreeSet::new();
    for info in files.iter().filter(|file| name(file).ends_with(INFO)) {
        let stem = name(info).trim_end_matches(INFO).to_owned();
        match described(info, &stem, files) {
            Ok(found) => {
                used.extend(found.files.media.iter().cloned());
                scan.videos.push(found);
            }
            Err(why) => scan.left.push((info.clone(), why)),
        }
    }
    for media in files.iter().filter(|file| is(file, &MEDIA) && !used.contains(*file)) {
        let stem = stem_of(media);
        let id = archived_as(&stem, archived);
        let title = stem.clone();
        let files = gather(vec![media.clone()], None, &stem, files);
        scan.videos.push(Found { id, title, url: None, files });
    }
}

/// A video that an info.json describes.
fn described(info: &Path, stem: &str, files: &[PathBuf]) -> Result<Found, String> {
    if fs::metadata(info).map_err(|error| error.to_string())?.len() > INFO_BYTES {
        return Err("its info.json is too large".to_owned());
    }
    let json = fs::read(info).map_err(|error| error.to_string())?;
    let json: Value = serde_json::from_slice(&json).map_err(|_| "its info.json is no JSON".to_owned())?;
    if json["_type"].as_str().is_some_and(|kind| kind != "video") {
        return Err("it describes a list, not a video".to_owned());
    }
    let text = |key: &str| json[key].as_str().filter(|text| !text.is_empty());
    let media = media_of(stem, files);
    if media.is_empty() {
        return Err("its media is not there".to_owned());
    }
    let url = text("webpage_url").or(text("original_url")).filter(|url| url.starts_with("http"));
    let site = text("extractor_key").or(text("extractor")).unwrap_or_default();
    let ident = text("id").map(str::to_owned).or_else(|| json["id"].as_u64().map(|id| id.to_string()));
    let id = ident.and_then(|ident| video_id(&site.to_lowercase(), &ident, url.unwrap_or_default()).ok());
    let title = text("title").unwrap_or(stem).to_owned();
    let files = gather(media, Some(info.to_owned()), stem, files);
    Ok(Found { id, title, url: url.map(str::to_owned), files })
}

/// The media named like `stem`: the merged file, else picture and sound as yt-dlp leaves them unmerged (`stem.f137.mp4`).
fn media_of(stem: &str, files: &[PathBuf]) -> Vec<PathBuf> {
    let media: Vec<_> = files.iter().filter(|file| is(file, &MEDIA)).collect();
    if let Some(whole) = media.iter().find(|file| stem_of(file) == stem) {
        return vec![(*whole).clone()];
    }
    let part = |file: &&&PathBuf| {
        stem_of(file).strip_prefix(stem).is_some_and(|rest| rest.starts_with(".f") && rest.len() > 2)
    };
    media.iter().filter(part).map(|file| (*file).clone()).collect()
}

/// What lies beside the media.
fn gather(media: Vec<PathBuf>, info: Option<PathBuf>, stem: &str, files: &[PathBuf]) -> Fetched {
    let thumbnail = files.iter().find(|file| is(file, &PICTURES) && stem_of(file) == stem).cloned();
    let mut texts = BTreeMap::new();
    for file in files.iter().filter(|file| is(file, &TEXTS) && !name(file).ends_with(INFO)) {
        let Some(lang) = stem_of(file).strip_prefix(stem).map(str::to_owned) else { continue };
        // `stem.ja.vtt`; `stem2.vtt` is another video's.
        if let Some(lang) = lang.strip_prefix('.').or(lang.is_empty().then_some("und")) {
            texts.insert((lang.to_owned(), extension(file)), file.clone());
        }
    }
    let texts = texts.into_iter().map(|((lang, format), file)| (lang, format, file)).collect();
    Fetched { media, info, thumbnail, texts }
}

/// What yt-dlp's download archive calls a file named `Title [ID].ext`.
fn archived_as(stem: &str, archived: &BTreeSet<String>) -> Option<VideoId> {
    let ident = stem.strip_suffix(']')?.rsplit_once('[')?.1;
    let mut lines = archived.iter().filter_map(|line| line.split_once(' '));
    let (site, ident) = lines.find(|(_, id)| id.trim() == ident)?;
    VideoId::new(site, ident.trim()).ok()
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

fn stem_of(path: &Path) -> String {
    path.file_stem().and_then(OsStr::to_str).unwrap_or_default().to_owned()
}

fn extension(path: &Path) -> String {
    path.extension().and_then(OsStr::to_str).unwrap_or_default().to_lowercase()
}

fn is(path: &Path, kinds: &[&str]) -> bool {
    let visible = !name(path).starts_with('.') && name(path).len() <= limits::NAME_BYTES;
    visible && kinds.contains(&extension(path).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_yt_dlp_and_plain_files_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let info = r#"{"id":"sm9","extractor_key":"Niconico","title":"豪血寺","webpage_url":"https://www.nicovideo.jp/watch/sm9"}"#;
        put("nico/a.info.json", info);
        put("nico/a.mkv", "x");
        put("nico/a.ja.vtt", "x");
        put("nico/a.comments.json", "x");
        put("nico/a.webp", "x");
        put("nico/a2.en.vtt", "x");
        put("b.info.json", r#"{"id":"abc","extractor_key":"Youtube","title":"B"}"#);
        put("b.f137.mp4", "x");
        put("b.f140.m4a", "x");
        put("c.info.json", r#"{"id":"c","extractor_key":"Youtube"}"#);
        put("list.info.json", r#"{"id":"PL","_type":"playlist"}"#);
        put("Song [dQw4w9WgXcQ].webm", "x");
        put("archive.txt", "youtube dQw4w9WgXcQ\nniconico sm1\n");
        put("holiday.MOV", "x");
        put("holiday.mov.part", "x");
        let scan = scan(dir.path()).unwrap();
        let ids: Vec<_> =
            scan.videos.iter().map(|found| found.id.as_ref().map(ToString::to_string)).collect();
        let named = |id: &str| Some(id.to_owned());
        assert_eq!(ids, [named("youtube:abc"), named("youtube:dQw4w9WgXcQ"), None, named("niconico:sm9")]);
        let nico = &scan.videos[3].files;
        let texts: Vec<_> = nico.texts.iter().map(|(lang, format, _)| format!("{lang}.{format}")).collect();
        assert_eq!(texts, ["comments.json", "ja.vtt"]);
        assert!(nico.thumbnail.is_some() && nico.info.is_some());
        assert_eq!(scan.videos[0].files.media.len(), 2);
        let left: Vec<_> = scan.left.iter().map(|(_, why)| why.as_str()).collect();
        assert_eq!(left, ["its media is not there", "it describes a list, not a video"]);
    }
}
