//! Which renditions are forms of one thing, so that a player may change from one to the other while it plays.

use horahora_protocol::manifest::{MediaKind, Rendition};

/// Renditions of one picture or one sound, in one codec.
#[derive(Debug)]
pub struct Track<'a> {
    /// Picture or sound.
    pub kind: MediaKind,
    /// Its forms; never none.
    pub forms: Vec<&'a Rendition>,
}

/// The tracks of what can be played, pictures first, in the manifest's order.
#[must_use]
pub fn tracks(renditions: &[Rendition]) -> Vec<Track<'_>> {
    let mut tracks: Vec<Track<'_>> = Vec::new();
    for kind in [MediaKind::Video, MediaKind::Audio] {
        for rendition in renditions.iter().filter(|r| r.kind == kind && !r.segments.is_empty()) {
            let known = tracks.iter_mut().find(|track| is_form_of(rendition, track.forms[0]));
            match known {
                Some(track) => track.forms.push(rendition),
                None => tracks.push(Track { kind, forms: vec![rendition] }),
            }
        }
    }
    tracks
}

/// Players change within one codec only; a sound is a form of no other one.
fn is_form_of(one: &Rendition, other: &Rendition) -> bool {
    one.kind == MediaKind::Video && other.kind == MediaKind::Video && family(one) == family(other)
}

fn family(rendition: &Rendition) -> &str {
    rendition.codecs.split('.').next().unwrap_or_default()
}

/// Seconds of a rendition's segments.
#[must_use]
pub fn seconds(rendition: &Rendition) -> f64 {
    rendition.ticks() as f64 / f64::from(rendition.timescale)
}

#[cfg(test)]
pub(super) mod tests {
    use horahora_protocol::{
        Cid, Codec,
        manifest::{Blob, Recipe, Segment},
    };

    use super::*;

    /// Five seconds in two segments.
    pub(crate) fn picture(id: &str, height: u32) -> Rendition {
        let blob = |name: &str| Cid::of(Codec::Raw, format!("{id} {name}").as_bytes());
        let segment = |name: &str, ticks| Segment { cid: blob(name), bytes: 250_000, duration: ticks };
        Rendition {
            id: id.to_owned(),
            kind: MediaKind::Video,
            recipe: Recipe { tool: "ffmpeg".to_owned(), args: Vec::new() },
            codecs: "avc1.64001f".to_owned(),
            width: height * 16 / 9,
            height,
            frame_rate: (25, 1),
            sample_rate: 0,
            channels: 0,
            lang: None,
            name: None,
            bandwidth: 1_000_000,
            bytes: 500_000,
            timescale: 1_000,
            start: 0,
            missing_ms: 0,
            loudness: None,
            init: Blob { cid: blob("init"), bytes: 0 },
            segments: vec![segment("1", 4_000), segment("2", 1_000)],
        }
    }

    pub(crate) fn sound(id: &str, lang: Option<&str>, channels: u32) -> Rendition {
        Rendition {
            kind: MediaKind::Audio,
            codecs: "mp4a.40.2".to_owned(),
            width: 0,
            height: 0,
            frame_rate: (0, 1),
            sample_rate: 48_000,
            channels,
            lang: lang.map(str::to_owned),
            bandwidth: 100_000,
            bytes: 50_000,
            ..picture(id, 0)
        }
    }

    #[test]
    fn a_picture_has_forms_in_each_codec_and_a_sound_none() {
        let other = Rendition { codecs: "vp09.00.10.08".to_owned(), ..picture("v721", 721) };
        let empty = Rendition { segments: Vec::new(), ..picture("v9", 9) };
        let all = [
            sound("a0", None, 2),
            picture("v720", 720),
            other,
            picture("v240", 240),
            empty,
            sound("a1", None, 2),
        ];
        let found: Vec<Vec<_>> = tracks(&all)
            .iter()
            .map(|track| track.forms.iter().map(|form| form.id.as_str()).collect())
            .collect();
        assert_eq!(found, [vec!["v720", "v240"], vec!["v721"], vec!["a0"], vec!["a1"]]);
    }
}
