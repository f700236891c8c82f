//! The DASH description (MPD) of a manifest, or of a capture in the making.
//!
//! Source: ISO/IEC 23009-1, `SegmentTemplate` with `$Number$` and `SegmentTimeline`.

use std::fmt::Write;

use horahora_protocol::manifest::{MediaKind, Rendition};

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
    let seconds = |r: &Rendition| r.ticks() as f64 / f64::from(r.timescale);
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
    for (id, media) in [MediaKind::Video, MediaKind::Audio].into_iter().enumerate() {
        for (index, codec) in codecs(renditions, media).into_iter().enumerate() {
            let same =
                renditions.iter().filter(|r| r.kind == media && family(r) == codec && !r.segments.is_empty());
            let name = if media == MediaKind::Video { "video" } else { "audio" };
            writeln!(
                xml,
                r#"<AdaptationSet id="{}" contentType="{name}" mimeType="{name}/mp4" segmentAlignment="true" startWithSAP="1">"#,
                id * 10 + index
            )?;
            same.into_iter().try_for_each(|rendition| write_representation(xml, rendition))?;
            writeln!(xml, "</AdaptationSet>")?;
        }
    }
    write!(xml, "</Period>\n</MPD>\n")
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

/// Players switch within an adaptation set, so each codec has its own.
fn codecs(renditions: &[Rendition], media: MediaKind) -> Vec<&str> {
    let mut found = Vec::new();
    for rendition in renditions.iter().filter(|r| r.kind == media && !r.segments.is_empty()) {
        if !found.contains(&family(rendition)) {
            found.push(family(rendition));
        }
    }
    found
}

fn family(rendition: &Rendition) -> &str {
    rendition.codecs.split('.').next().unwrap_or_default()
}
