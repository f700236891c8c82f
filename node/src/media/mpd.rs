//! The DASH description (MPD) of a manifest, or of a capture in the making.
//!
//! Source: ISO/IEC 23009-1, `SegmentTemplate` with `$Number$` and `SegmentTimeline`.

use std::fmt::Write;

use horahora_protocol::manifest::{MediaKind, Rendition};

use super::tracks::{Track, seconds, tracks};

/// Whether all segments are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presentation {
    /// All are there.
    Static,
    /// More come; players ask again every few seconds.
    Growing {
        /// Length that it will have, in milliseconds; 0 when unknown.
        duration_ms: u64,
    },
}

/// The MPD of `renditions`. Segments are at `<rendition>/<number>.m4s` beside it, counted from 1.
#[must_use]
pub fn mpd(renditions: &[Rendition], presentation: Presentation) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    write_mpd(&mut xml, renditions, presentation).expect("writing to a String cannot fail");
    xml
}

fn write_mpd(xml: &mut String, renditions: &[Rendition], presentation: Presentation) -> std::fmt::Result {
    let duration = renditions.iter().map(seconds).fold(0.0, f64::max);
    let kind = match presentation {
        Presentation::Static => format!(r#"type="static" mediaPresentationDuration="PT{duration:.3}S""#),
        // Every segment is available as soon as it is listed, so the clock does not matter; the time shift
        // buffer reaches back to the beginning however long it is.
        Presentation::Growing { duration_ms } => {
            let depth = duration_ms / 1000 + 86_400;
            format!(
                r#"type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z" publishTime="1970-01-01T00:00:00Z" minimumUpdatePeriod="PT2S" timeShiftBufferDepth="PT{depth}S""#
            )
        }
    };
    writeln!(
        xml,
        r#"<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" minBufferTime="PT4S" {kind}>"#
    )?;
    writeln!(xml, r#"<Period id="0" start="PT0S">"#)?;
    let mut sounds = 0;
    for (id, track) in tracks(renditions).iter().enumerate() {
        write_track(xml, id, track, sounds == 0)?;
        sounds += usize::from(track.kind == MediaKind::Audio);
    }
    write!(xml, "</Period>\n</MPD>\n")
}

fn write_track(xml: &mut String, id: usize, track: &Track<'_>, first: bool) -> std::fmt::Result {
    let name = if track.kind == MediaKind::Video { "video" } else { "audio" };
    let sound = track.forms.first().filter(|_| track.kind == MediaKind::Audio);
    let lang = sound.and_then(|sound| sound.lang.as_ref()).map(|lang| format!(r#" lang="{lang}""#));
    writeln!(
        xml,
        r#"<AdaptationSet id="{id}" contentType="{name}" mimeType="{name}/mp4"{} segmentAlignment="true" startWithSAP="1">"#,
        lang.unwrap_or_default()
    )?;
    if let Some(sound) = sound {
        writeln!(
            xml,
            r#"<AudioChannelConfiguration schemeIdUri="urn:mpeg:mpegB:cicp:ChannelConfiguration" value="{}"/>"#,
            layout(sound.channels)
        )?;
        if let Some(name) = &sound.name {
            writeln!(xml, "<Label>{}</Label>", escaped(name))?;
        }
        let role = if first { "main" } else { "alternate" };
        writeln!(xml, r#"<Role schemeIdUri="urn:mpeg:dash:role:2011" value="{role}"/>"#)?;
    }
    track.forms.iter().try_for_each(|rendition| write_representation(xml, rendition))?;
    writeln!(xml, "</AdaptationSet>")
}

/// The number of the usual layout of so many channels. Source: ISO/IEC 23091-3, table of `ChannelConfiguration`.
fn layout(channels: u32) -> u32 {
    if channels == 8 { 12 } else { channels }
}

fn escaped(text: &str) -> String {
    let allowed = |c: &char| !c.is_control() || *c == '\t';
    text.chars().filter(allowed).fold(String::new(), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
        out
    })
}

fn write_representation(xml: &mut String, r: &Rendition) -> std::fmt::Result {
    let shape = match r.kind {
        MediaKind::Video => {
            let (n, d) = r.frame_rate;
            format!(r#"width="{}" height="{}" frameRate="{n}/{d}""#, r.width, r.height)
        }
        MediaKind::Audio => format!(r#"audioSamplingRate="{}""#, r.sample_rate),
    };
    let (id, codecs, bandwidth, timescale) = (&r.id, &r.codecs, r.bandwidth, r.timescale);
    writeln!(xml, r#"<Representation id="{id}" codecs="{codecs}" bandwidth="{bandwidth}" {shape}>"#)?;
    write!(
        xml,
        r#"<SegmentTemplate timescale="{timescale}" initialization="$RepresentationID$/init.mp4" media="$RepresentationID$/$Number$.m4s" startNumber="1"><SegmentTimeline>"#
    )?;
    let mut time = r.start;
    let mut segments = r.segments.iter().peekable();
    while let Some(segment) = segments.next() {
        let first = time;
        let mut repeats = 0;
        time += segment.duration;
        while segments.next_if(|next| next.duration == segment.duration).is_some() {
            repeats += 1;
            time += segment.duration;
        }
        let repeat = if repeats > 0 { format!(r#" r="{repeats}""#) } else { String::new() };
        write!(xml, r#"<S t="{first}" d="{}"{repeat}/>"#, segment.duration)?;
    }
    writeln!(xml, "</SegmentTimeline></SegmentTemplate></Representation>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::tracks::tests::{picture, sound};

    #[test]
    fn forms_of_a_picture_are_one_set_and_each_sound_is_its_own() {
        let mut comments = sound("a1", Some("en"), 6);
        comments.name = Some("<b> & c".to_owned());
        let all = [picture("v720", 720), picture("v240", 240), sound("a0", None, 2), comments];
        let sets: Vec<String> = mpd(&all, Presentation::Static)
            .lines()
            .filter(|line| !line.contains("SegmentTemplate") && !line.starts_with("<?xml"))
            .map(str::to_owned)
            .collect();
        let wanted = [
            r#"<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" minBufferTime="PT4S" type="static" mediaPresentationDuration="PT5.000S">"#,
            r#"<Period id="0" start="PT0S">"#,
            r#"<AdaptationSet id="0" contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">"#,
            r#"<Representation id="v720" codecs="avc1.64001f" bandwidth="1000000" width="1280" height="720" frameRate="25/1">"#,
            r#"<Representation id="v240" codecs="avc1.64001f" bandwidth="1000000" width="426" height="240" frameRate="25/1">"#,
            "</AdaptationSet>",
            r#"<AdaptationSet id="1" contentType="audio" mimeType="audio/mp4" segmentAlignment="true" startWithSAP="1">"#,
            r#"<AudioChannelConfiguration schemeIdUri="urn:mpeg:mpegB:cicp:ChannelConfiguration" value="2"/>"#,
            r#"<Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>"#,
            r#"<Representation id="a0" codecs="mp4a.40.2" bandwidth="100000" audioSamplingRate="48000">"#,
            "</AdaptationSet>",
            r#"<AdaptationSet id="2" contentType="audio" mimeType="audio/mp4" lang="en" segmentAlignment="true" startWithSAP="1">"#,
            r#"<AudioChannelConfiguration schemeIdUri="urn:mpeg:mpegB:cicp:ChannelConfiguration" value="6"/>"#,
            "<Label>&lt;b&gt; &amp; c</Label>",
            r#"<Role schemeIdUri="urn:mpeg:dash:role:2011" value="alternate"/>"#,
            r#"<Representation id="a1" codecs="mp4a.40.2" bandwidth="100000" audioSamplingRate="48000">"#,
            "</AdaptationSet>",
            "</Period>",
            "</MPD>",
        ];
        assert_eq!(sets, wanted);
    }
}
