//! What the site says about a video, read from yt-dlp's info.json into the manifest's words.

use horahora_protocol::{
    Timestamp, limits,
    manifest::{Chapter, Creator, Meta},
};
use serde_json::Value;

/// Description characters that are kept in the manifest; info.json keeps all.
const DESCRIPTION: usize = 20_000;
const TAGS: usize = 200;

/// Reads info.json. What is missing or of another shape stays empty: a site's metadata is never trusted.
#[must_use]
pub fn read_info(json: &[u8]) -> (Meta, Vec<Chapter>) {
    let info = serde_json::from_slice(json).unwrap_or_default();
    (read(&info), chapters(&info))
}

fn chapters(info: &Value) -> Vec<Chapter> {
    let chapter = |part: &Value| {
        let at = part["start_time"].as_f64().filter(|at| *at >= 0.0)?;
        let title = cut(part["title"].as_str().unwrap_or_default().trim(), limits::NAME_BYTES);
        Some(Chapter { at_ms: (at * 1000.0).round() as u64, title })
    };
    let parts = info["chapters"].as_array().into_iter().flatten();
    parts.filter_map(chapter).take(limits::CHAPTERS).collect()
}

pub(super) fn read(info: &Value) -> Meta {
    let text = |key: &str| info[key].as_str().map(str::trim).filter(|text| !text.is_empty());
    let first = |keys: &[&str]| keys.iter().find_map(|key| text(key)).map(|t| cut(t, limits::NAME_BYTES));
    let creator = first(&["uploader", "channel", "creator", "artist"]).map(|name| Creator {
        name,
        id: first(&["uploader_id", "channel_id"]),
        url: first(&["uploader_url", "channel_url"]).filter(|url| url.starts_with("http")),
    });
    let tags = info["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Meta {
        title: first(&["title", "fulltitle", "id"]).unwrap_or_default(),
        creator,
        description: cut(text("description").unwrap_or_default(), DESCRIPTION),
        tags: tags.take(TAGS).map(|tag| cut(tag, limits::NAME_BYTES)).collect(),
        published_at: published(info),
        duration_ms: info["duration"].as_f64().map_or(0, |seconds| (seconds.max(0.0) * 1000.0) as u64),
    }
}

fn published(info: &Value) -> Option<Timestamp> {
    let at = ["timestamp", "release_timestamp"].iter().find_map(|key| info[key].as_f64());
    at.filter(|seconds| *seconds > 0.0).map(|seconds| Timestamp((seconds * 1000.0) as u64)).or_else(|| {
        let day: u64 = info["upload_date"].as_str()?.parse().ok()?;
        Some(Timestamp(days_since_1970(day / 10_000, day / 100 % 100, day % 100)? * 86_400_000))
    })
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, none before 1970.
#[must_use]
pub fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    days.checked_sub(719_468)
}

fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sites_metadata_is_read_and_bounded() {
        let (meta, chapters) = read_info(
            r#"{"title":" てすと ","uploader":"ボカロP","uploader_id":"42","uploader_url":"javascript:x",
                "tags":["音MAD",7],"upload_date":"20091114","duration":5.28,"description":null,
                "chapters":[{"start_time":0.0,"title":"序"},{"title":"x"},{"start_time":1.5,"end_time":2}]}"#
                .as_bytes(),
        );
        assert_eq!(meta.title, "てすと");
        assert_eq!(meta.creator.unwrap().url, None);
        assert_eq!(meta.tags, ["音MAD"]);
        assert_eq!(meta.published_at, Some(Timestamp(1_258_156_800_000)));
        assert_eq!(meta.duration_ms, 5280);
        let parts: Vec<_> = chapters.iter().map(|part| (part.at_ms, part.title.as_str())).collect();
        assert_eq!(parts, [(0, "序"), (1_500, "")]);
        assert_eq!(read_info(b"no json"), (Meta::default(), Vec::new()));
        assert!(cut(&"あ".repeat(400), limits::NAME_BYTES).len() <= limits::NAME_BYTES);
    }
}
