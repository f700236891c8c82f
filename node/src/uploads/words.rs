//! What people say of their files, and how the files are called: bounded, and harmless on every disk.

use std::path::{Path, PathBuf};

use imagesize::ImageType;
use serde_json::json;

use super::UploadError;
use crate::store::rows::{UploadRow, Words};

/// Bytes of a thumbnail.
pub const PICTURE_BYTES: usize = 8 << 20;
/// Points of a thumbnail along one side.
const SIDE: usize = 8_192;
/// Letters.
const TITLE: usize = 200;
pub(super) const DESCRIPTION: usize = 10_000;
const TAGS: usize = 50;
const TAG: usize = 60;
const NAME_BYTES: usize = 160;
pub(super) const THUMBNAIL: &str = "thumbnail";

/// The words as a site would give them.
pub(super) fn info_of(row: &UploadRow, words: &Words) -> serde_json::Value {
    json!({
        "title": words.title,
        "description": words.description,
        "tags": words.tags,
        "uploader": row.by_name,
        "uploader_id": row.by.map(|by| by.to_string()),
        "timestamp": row.at.0 / 1000,
        "filename": row.name,
    })
}

pub(super) fn check(words: Words) -> Result<Words, UploadError> {
    let title = cut(words.title.trim(), TITLE);
    if title.is_empty() {
        return Err(UploadError::Words("Give it a title.".to_owned()));
    }
    let mut tags: Vec<String> = Vec::new();
    for tag in words.tags.iter().map(|tag| cut(tag.trim(), TAG)).filter(|tag| !tag.is_empty()) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags.truncate(TAGS);
    Ok(Words { title, description: cut(words.description.trim(), DESCRIPTION), tags, group: words.group })
}

pub(super) fn cut(text: &str, letters: usize) -> String {
    let plain = |letter: &char| !letter.is_control() || *letter == '\n';
    text.chars().filter(plain).take(letters).collect()
}

/// A name that is one on every disk and leads nowhere else.
pub(super) fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain =
        |letter: char| if letter.is_alphanumeric() || " .-_()[]".contains(letter) { letter } else { '_' };
    let name: String = last.chars().map(plain).collect();
    let name = name.trim_start_matches(['.', '-', ' ']).trim_end();
    // The ending says what it is.
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let ending = &ending[..ending.floor_char_boundary(8)];
    format!("{}.{ending}", &stem[..stem.floor_char_boundary(NAME_BYTES)])
}

/// The ending of a picture's file, if it is one of those kinds and no larger than a picture is. What else is in it the confined
/// ffmpeg finds out.
pub(super) fn picture(bytes: &[u8]) -> Option<&'static str> {
    let ending = match imagesize::image_type(bytes).ok()? {
        ImageType::Jpeg => "jpg",
        ImageType::Png => "png",
        ImageType::Webp => "webp",
        _ => return None,
    };
    let size = imagesize::blob_size(bytes).ok()?;
    (size.width <= SIDE && size.height <= SIDE).then_some(ending)
}

pub(super) fn thumbnail(dir: &Path) -> Option<PathBuf> {
    ["jpg", "png", "webp"]
        .iter()
        .map(|end| dir.join(format!("{THUMBNAIL}.{end}")))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::is_media;

    #[test]
    fn a_name_leads_nowhere() {
        for (said, name) in [
            ("holiday.mp4", "holiday.mp4"),
            ("C:\\films\\夏祭り 2024.MOV", "夏祭り 2024.MOV"),
            ("../../etc/passwd", "passwd."),
            ("-i.mkv", "i.mkv"),
            (".hidden.webm", "hidden.webm"),
            ("a\nb\u{202e}<x>.mp4", "a_b__x_.mp4"),
            ("", "."),
        ] {
            assert_eq!(clean(said), name, "{said}");
        }
        assert!(clean(&format!("{}.mp4", "あ".repeat(300))).len() <= NAME_BYTES + 4);
        assert!(is_media(&clean("x.MP4")) && !is_media(&clean("x.html")) && !is_media(&clean("mp4")));
    }

    #[test]
    fn words_are_bounded() {
        let words = |title: &str, tags: &[&str]| Words {
            title: title.to_owned(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..Words::default()
        };
        assert!(check(words(" \n ", &[])).is_err());
        let fine = check(words(" a\u{7}b ", &["x", " x", "", "y"])).unwrap();
        assert_eq!((fine.title.as_str(), fine.tags.len()), ("ab", 2));
        assert_eq!(check(words(&"あ".repeat(1000), &[])).unwrap().title.chars().count(), TITLE);
    }

    #[test]
    fn a_picture_is_known_by_its_bytes() {
        let jpeg = |high: u8| {
            [0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, high, 16, 0, 16, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]
        };
        assert_eq!((picture(&jpeg(0)), picture(&jpeg(0x20))), (Some("jpg"), None));
        for none in [&b"<svg onload=alert(1)>"[..], b"<html>", b"", b"GIF89a"] {
            assert_eq!(picture(none), None);
        }
    }
}
