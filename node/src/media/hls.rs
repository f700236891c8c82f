//! HTTP Live Streaming playlists of a manifest, over the segments that its DASH description names.
//!
//! Source: RFC 8216 and its revision (draft-pantos-hls-rfc8216bis), with `EXT-X-MAP` and fragmented MP4.

use std::fmt::Write;

use horahora_protocol::manifest::{MediaKind, Rendition};

use super::{
    mpd::Presentation,
    tracks::{seconds, tracks},
};

/// Groups of sounds that a picture is offered with: those in stereo or mono, and those with more channels.
const GROUPS: [&str; 2] = ["stereo", "surround"];

/// The multivariant playlist of `renditions`. Each one's own is at `<rendition>/playlist.m3u8` beside it.
#[must_use]
pub fn multivariant(renditions: &[Rendition]) -> String {
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    write_variants(&mut text, renditions).expect("writing to a String cannot fail");
    text
}

fn write_variants(text: &mut String, renditions: &[Rendition]) -> std::fmt::Result {
    let (mut pictures, mut sounds) = (Vec::new(), Vec::new());
    for track in tracks(renditions) {
        match track.kind {
            MediaKind::Video => pictures.extend(track.forms),
            MediaKind::Audio => sounds.extend(track.forms),
        }
    }
    if pictures.is_empty() {
        return sounds.iter().try_for_each(|sound| {
            writeln!(text, "#EXT-X-STREAM-INF:{},CODECS=\"{}\"", rate(sound, 0, 0), sound.codecs)?;
            writeln!(text, "{}/playlist.m3u8", sound.id)
        });
    }
    let group = |sound: &Rendition| usize::from(sound.channels > 2);
    for (number, sound) in sounds.iter().enumerate() {
        let (lang, name) = (sound.lang.as_deref(), sound.name.as_deref());
        // Names are for people, and each is there once in a group.
        let name =
            name.or(lang).map_or_else(|| format!("{}", number + 1), |name| format!("{} {name}", number + 1));
        let lang = lang.map_or_else(String::new, |lang| format!(",LANGUAGE=\"{lang}\""));
        let first = sounds.iter().position(|other| group(other) == group(sound)) == Some(number);
        writeln!(
            text,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{}\",NAME=\"{}\"{lang},DEFAULT={},AUTOSELECT=YES,CHANNELS=\"{}\",URI=\"{}/playlist.m3u8\"",
            GROUPS[group(sound)],
            quoted(&name),
            if first { "YES" } else { "NO" },
            sound.channels,
            sound.id
        )?;
    }
    for (number, name) in GROUPS.iter().enumerate() {
        let members: Vec<_> = sounds.iter().filter(|sound| group(sound) == number).collect();
        // A film without sound is there once, without a group.
        if members.is_empty() && (number > 0 || !sounds.is_empty()) {
            continue;
        }
        let heaviest = members.iter().map(|sound| sound.bandwidth).max().unwrap_or(0);
        let mean = members.iter().map(|sound| average(sound)).max().unwrap_or(0);
        for picture in &pictures {
            let mut codecs = vec![picture.codecs.as_str()];
            members.iter().for_each(|sound| {
                if !codecs.contains(&sound.codecs.as_str()) {
                    codecs.push(&sound.codecs);
                }
            });
            let (n, d) = picture.frame_rate;
            let audio = if members.is_empty() { String::new() } else { format!(",AUDIO=\"{name}\"") };
            writeln!(
                text,
                "#EXT-X-STREAM-INF:{},CODECS=\"{}\",RESOLUTION={}x{},FRAME-RATE={:.3}{audio}",
                rate(picture, heaviest, mean),
                codecs.join(","),
                picture.width,
                picture.height,
                f64::from(n) / f64::from(d)
            )?;
            writeln!(text, "{}/playlist.m3u8", picture.id)?;
        }
    }
    Ok(())
}

/// The playlist of one rendition. Its segments are at `<number>.m4s` beside it, counted from 1.
#[must_use]
pub fn media(rendition: &Rendition, presentation: Presentation) -> String {
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:7\n");
    write_media(&mut text, rendition, presentation).expect("writing to a String cannot fail");
    text
}

fn write_media(text: &mut String, rendition: &Rendition, presentation: Presentation) -> std::fmt::Result {
    let length = |ticks: u64| ticks as f64 / f64::from(rendition.timescale);
    let longest = rendition.segments.iter().map(|segment| length(segment.duration)).fold(1.0, f64::max);
    let (kind, is_whole) = match presentation {
        Presentation::Static => ("VOD", true),
        Presentation::Growing { .. } => ("EVENT", false),
    };
    writeln!(text, "#EXT-X-TARGETDURATION:{:.0}", longest.ceil())?;
    writeln!(text, "#EXT-X-PLAYLIST-TYPE:{kind}\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init.mp4\"")?;
    for (number, segment) in (1..).zip(&rendition.segments) {
        writeln!(text, "#EXTINF:{:.6},\n{number}.m4s", length(segment.duration))?;
    }
    if is_whole { writeln!(text, "#EXT-X-ENDLIST") } else { Ok(()) }
}

fn rate(rendition: &Rendition, heaviest: u64, mean: u64) -> String {
    let (peak, mean) = (rendition.bandwidth + heaviest, average(rendition) + mean);
    format!("BANDWIDTH={peak},AVERAGE-BANDWIDTH={}", mean.min(peak))
}

/// Bits a second on the whole.
fn average(rendition: &Rendition) -> u64 {
    (rendition.bytes as f64 * 8.0 / seconds(rendition).max(0.001)) as u64
}

/// What may stand between quotation marks.
fn quoted(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).map(|c| if c == '"' { '\'' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::tracks::tests::{picture, sound};

    #[test]
    fn each_picture_is_offered_with_each_group_of_sounds() {
        let mut english = sound("a1", Some("en"), 2);
        english.name = Some("say \"hi\"".to_owned());
        let all = [
            picture("v720", 720),
            picture("v240", 240),
            sound("a0", Some("ja"), 2),
            english,
            sound("a0s", Some("ja"), 6),
        ];
        let wanted = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"stereo\",NAME=\"1 ja\",LANGUAGE=\"ja\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"a0/playlist.m3u8\"\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"stereo\",NAME=\"2 say 'hi'\",LANGUAGE=\"en\",DEFAULT=NO,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"a1/playlist.m3u8\"\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"surround\",NAME=\"3 ja\",LANGUAGE=\"ja\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"6\",URI=\"a0s/playlist.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1100000,AVERAGE-BANDWIDTH=880000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO=\"stereo\"\n\
            v720/playlist.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1100000,AVERAGE-BANDWIDTH=880000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=426x240,FRAME-RATE=25.000,AUDIO=\"stereo\"\n\
            v240/playlist.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1100000,AVERAGE-BANDWIDTH=880000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO=\"surround\"\n\
            v720/playlist.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1100000,AVERAGE-BANDWIDTH=880000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=426x240,FRAME-RATE=25.000,AUDIO=\"surround\"\n\
            v240/playlist.m3u8\n";
        assert_eq!(multivariant(&all), wanted);
        let silent = multivariant(&all[..1]);
        assert!(
            silent.ends_with(
                "CODECS=\"avc1.64001f\",RESOLUTION=1280x720,FRAME-RATE=25.000\nv720/playlist.m3u8\n"
            ),
            "{silent}"
        );
        let alone = multivariant(&all[2..3]);
        assert!(alone.ends_with(",CODECS=\"mp4a.40.2\"\na0/playlist.m3u8\n"), "{alone}");
    }

    #[test]
    fn a_rendition_lists_its_segments_and_says_whether_more_come() {
        let whole = media(&picture("v720", 720), Presentation::Static);
        let wanted = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-PLAYLIST-TYPE:VOD\n\
            #EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:4.000000,\n1.m4s\n#EXTINF:1.000000,\n2.m4s\n#EXT-X-ENDLIST\n";
        assert_eq!(whole, wanted);
        let growing = media(&picture("v720", 720), Presentation::Growing { duration_ms: 60_000 });
        assert!(growing.contains("TYPE:EVENT") && growing.ends_with("2.m4s\n"), "{growing}");
    }
}
