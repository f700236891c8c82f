//! What ffprobe says of a file, and what is made of it.

use horahora_protocol::{
    limits,
    manifest::{Chapter, is_language},
};
use serde::Deserialize;

use super::{AudioStream, Light, Probe, TextStream, VideoStream};

#[derive(Deserialize)]
pub(super) struct Report {
    #[serde(default)]
    streams: Vec<Stream>,
    format: Option<Format>,
    #[serde(default)]
    chapters: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    start_time: Option<String>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Deserialize)]
struct Format {
    format_name: Option<String>,
    duration: Option<String>,
    start_time: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    #[serde(default)]
    index: u32,
    codec_type: Option<String>,
    codec_name: Option<String>,
    profile: Option<String>,
    pix_fmt: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    sample_aspect_ratio: Option<String>,
    field_order: Option<String>,
    color_transfer: Option<String>,
    avg_frame_rate: Option<String>,
    r_frame_rate: Option<String>,
    start_time: Option<String>,
    duration: Option<String>,
    channels: Option<u32>,
    extradata_size: Option<u32>,
    sample_rate: Option<String>,
    #[serde(default)]
    side_data_list: Vec<SideData>,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    tags: Tags,
}

/// Containers write these in any case.
#[derive(Deserialize, Default)]
struct Tags {
    #[serde(alias = "LANGUAGE")]
    language: Option<String>,
    #[serde(alias = "TITLE")]
    title: Option<String>,
    #[serde(alias = "HANDLER_NAME")]
    handler_name: Option<String>,
}

impl Tags {
    fn lang(&self) -> Option<String> {
        self.language.clone().filter(|lang| lang != "und" && is_language(lang))
    }
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<f64>,
}

#[derive(Deserialize, Default)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
    #[serde(default)]
    default: u8,
}

impl Report {
    pub(super) fn read(&self) -> Probe {
        let format = self.format.as_ref();
        let file_start = seconds(format.and_then(|format| format.start_time.as_ref()));
        let of_kind = |kind: &str| {
            let is_one =
                |s: &&Stream| s.codec_type.as_deref() == Some(kind) && s.disposition.attached_pic == 0;
            let mut found: Vec<&Stream> = self.streams.iter().filter(is_one).collect();
            found.sort_by_key(|stream| stream.disposition.default == 0);
            found
        };
        let video = of_kind("video").into_iter().next();
        let audio: Vec<_> =
            of_kind("audio").into_iter().filter(|s| s.channels.is_some_and(|n| n > 0)).collect();
        let longest = video.into_iter().chain(audio.first().copied());
        let longest = longest.map(|s| seconds(s.duration.as_ref())).fold(0.0, f64::max);
        let end = seconds(format.and_then(|format| format.duration.as_ref()));
        // Matroska says when it ends; all others how long they are.
        let is_matroska = format.and_then(|f| f.format_name.as_ref()).is_some_and(|n| n.contains("matroska"));
        let whole = if is_matroska { (end - file_start).max(0.0) } else { end };
        Probe {
            video: video.and_then(|stream| stream.video(file_start)),
            audio: audio.into_iter().map(|stream| stream.audio(file_start)).collect(),
            texts: of_kind("subtitle").into_iter().filter_map(Stream::text).collect(),
            chapters: self
                .chapters
                .iter()
                .map(|part| part.chapter(file_start))
                .take(limits::CHAPTERS)
                .collect(),
            cover: self.streams.iter().any(|stream| stream.disposition.attached_pic == 1),
            duration: if longest > 0.0 { longest } else { whole },
            start: file_start,
        }
    }
}

impl Stream {
    fn video(&self, file_start: f64) -> Option<VideoStream> {
        let (width, height) = (self.width?, self.height?);
        if width == 0 || height == 0 {
            return None;
        }
        let aspect =
            self.sample_aspect_ratio.as_deref().and_then(|text| fraction(text, ':')).unwrap_or((1, 1));
        let shown = u64::from(width) * u64::from(aspect.0) / u64::from(aspect.1);
        let shown = u32::try_from(shown).ok()?.max(1);
        let turned = self.side_data_list.iter().find_map(|data| data.rotation).unwrap_or(0.0);
        let sideways = turned.abs() % 180.0 == 90.0;
        let (shown_width, shown_height) = if sideways { (height, shown) } else { (shown, height) };
        let rate = |text: &Option<String>| text.as_deref().and_then(|text| fraction(text, '/'));
        let (average, even) = (rate(&self.avg_frame_rate), rate(&self.r_frame_rate));
        let number = |(n, d): (u32, u32)| f64::from(n) / f64::from(d);
        let uneven = average.zip(even).is_some_and(|(a, r)| (number(a) / number(r) - 1.0).abs() > 0.01);
        Some(VideoStream {
            index: self.index,
            codec: self.codec_name.clone().unwrap_or_default(),
            pixels: self.pix_fmt.clone().unwrap_or_default(),
            width: shown_width,
            height: shown_height,
            transformed: turned % 360.0 != 0.0 || shown != width,
            interlaced: matches!(self.field_order.as_deref(), Some("tt" | "bb" | "tb" | "bt")),
            light: match self.color_transfer.as_deref() {
                Some("smpte2084") => Light::Pq,
                Some("arib-std-b67") => Light::Hlg,
                _ => Light::Standard,
            },
            frame_rate: average.or(even).unwrap_or((25, 1)),
            uneven,
            start: seconds(self.start_time.as_ref()) - file_start,
            duration: seconds(self.duration.as_ref()),
        })
    }

    /// Subtitles that are pictures cannot be shown as text.
    fn text(&self) -> Option<TextStream> {
        let known = matches!(
            self.codec_name.as_deref(),
            Some("subrip" | "srt" | "ass" | "ssa" | "webvtt" | "mov_text" | "text")
        );
        known.then(|| TextStream { index: self.index, lang: self.tags.lang() })
    }

    fn audio(&self, file_start: f64) -> AudioStream {
        let tags = &self.tags;
        // What every writer of MP4 puts there is no name.
        let named = |name: &&String| !name.trim().is_empty() && !name.contains("Handler");
        AudioStream {
            index: self.index,
            codec: self.codec_name.clone().unwrap_or_default(),
            profile: self.profile.clone().unwrap_or_default(),
            described_in_packets: self.codec_name.as_deref() == Some("aac") && self.extradata_size.is_none(),
            channels: self.channels.unwrap_or(2),
            sample_rate: self.sample_rate.as_deref().and_then(|rate| rate.parse().ok()).unwrap_or(48_000),
            start: seconds(self.start_time.as_ref()) - file_start,
            duration: seconds(self.duration.as_ref()),
            lang: tags.lang(),
            name: tags.title.as_ref().or(tags.handler_name.as_ref()).filter(named).map(|name| cut(name)),
        }
    }
}

impl Part {
    fn chapter(&self, file_start: f64) -> Chapter {
        let at = (seconds(self.start_time.as_ref()) - file_start).max(0.0);
        let title = self.tags.title.as_deref().unwrap_or_default().trim();
        Chapter { at_ms: (at * 1000.0).round() as u64, title: cut(title) }
    }
}

fn cut(name: &str) -> String {
    name[..name.floor_char_boundary(limits::NAME_BYTES)].to_owned()
}

fn seconds(text: Option<&String>) -> f64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// A fraction whose halves are not zero.
fn fraction(text: &str, between: char) -> Option<(u32, u32)> {
    let (n, d) = text.split_once(between)?;
    let (n, d): (u32, u32) = (n.parse().ok()?, d.parse().ok()?);
    (n > 0 && d > 0).then_some((n, d))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stream: &str) -> Probe {
        let json = format!(r#"{{"streams":[{stream}],"format":{{"duration":"5.0","start_time":"1.0"}}}}"#);
        serde_json::from_str::<Report>(&json).unwrap().read()
    }

    #[test]
    fn shown_size_honours_rotation_and_pixel_shape() {
        let base = r#""codec_type":"video","codec_name":"h264","pix_fmt":"yuv420p","avg_frame_rate":"25/1""#;
        let plain = read(&format!(r#"{{{base},"width":640,"height":360}}"#)).video.unwrap();
        assert_eq!((plain.width, plain.height, plain.transformed), (640, 360, false));
        let turned = format!(r#"{{{base},"width":640,"height":360,"side_data_list":[{{"rotation":-90}}]}}"#);
        let turned = read(&turned).video.unwrap();
        assert_eq!((turned.width, turned.height, turned.transformed), (360, 640, true));
        let wide = format!(r#"{{{base},"width":720,"height":576,"sample_aspect_ratio":"64:45"}}"#);
        assert_eq!(read(&wide).video.unwrap().width, 1024);
    }

    #[test]
    fn matroska_tells_when_it_ends_and_not_how_long_it_is() {
        let json = r#"{"streams":[{"codec_type":"audio","channels":2}],
            "format":{"format_name":"matroska,webm","duration":"13.0","start_time":"10.0"}}"#;
        assert!((serde_json::from_str::<Report>(json).unwrap().read().duration - 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_cover_picture_is_no_video() {
        let cover = r#"{"codec_type":"video","width":600,"height":600,"disposition":{"attached_pic":1}}"#;
        assert_eq!(read(cover).video, None);
        assert!((read(cover).duration - 5.0).abs() < 1e-9);
    }

    #[test]
    fn texts_and_chapters_are_found_where_they_are() {
        let text = |index: u32, codec: &str, lang: &str| {
            format!(
                r#"{{"index":{index},"codec_type":"subtitle","codec_name":"{codec}","tags":{{"language":"{lang}"}}}}"#
            )
        };
        let streams =
            [text(2, "mov_text", "jpn"), text(3, "hdmv_pgs_subtitle", "eng"), text(4, "ass", "und")]
                .join(",");
        let json = format!(
            r#"{{"streams":[{streams}],"format":{{"start_time":"10.0"}},
                "chapters":[{{"start_time":"10.0","tags":{{"title":" 序 "}}}},{{"start_time":"12.5"}}]}}"#
        );
        let read = serde_json::from_str::<Report>(&json).unwrap().read();
        let lang = |lang: Option<&str>| lang.map(str::to_owned);
        let found: Vec<_> = read.texts.into_iter().map(|text| (text.index, text.lang)).collect();
        assert_eq!(found, [(2, lang(Some("jpn"))), (4, lang(None))]);
        let parts: Vec<_> = read.chapters.iter().map(|part| (part.at_ms, part.title.as_str())).collect();
        assert_eq!(parts, [(0, "序"), (2_500, "")]);
    }
}
