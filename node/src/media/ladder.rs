//! Which renditions a source gets and how each is made. Decides only.
//!
//! What a browser plays as it is is copied: playable within seconds, no loss. Lower rungs are encoded; they are
//! never larger than the source and their segments begin where those of the copied rung do.

use horahora_protocol::manifest::MediaKind;

use super::{
    hardware::Hardware,
    probe::{AudioStream, Light, Probe, Timing, VideoStream},
};

/// Heights (of the shorter side) that are offered below the source.
const STEPS: [u32; 3] = [720, 480, 240];
/// A tall source is encoded at most at this height when it cannot be copied.
const TALLEST: u32 = 1080;
/// Longest distance of key frames that can still be copied: a player must not wait longer to switch.
const LONGEST_GOP: f64 = 10.0;
/// Frames a second that are kept at most, and how many of more are.
const FASTEST: f64 = 120.0;
pub(super) const SLOWER: u32 = 60;
/// Seconds from which a film is long.
const LONG: f64 = 600.0;
/// Bytes of picture a second from which a long segment is a blob too large to be held and sent at once.
const HEAVY: f64 = 1_000_000.0;
/// Seconds of a segment where nothing is copied.
pub(super) const SEGMENT: f64 = 4.0;
/// Channels of 5.1.
const SURROUND: u32 = 6;
/// Sounds that are offered of a source, and those of them that are offered with all their channels, too.
const SOUNDS: usize = 8;
const SURROUNDS: usize = 2;
/// A sound that begins later than this after the picture is padded instead of copied.
const LATE: f64 = 0.05;

/// One rendition to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Rung {
    /// Its name in the manifest: `v480`, `a0`.
    pub id: String,
    /// Picture or sound.
    pub kind: MediaKind,
    /// The number of its stream in the source file.
    pub stream: u32,
    /// How.
    pub how: How,
    /// Language of a sound.
    pub lang: Option<String>,
    /// The source's name of a sound.
    pub name: Option<String>,
}

/// How a rendition is made.
#[derive(Debug, Clone, PartialEq)]
pub enum How {
    /// The source's own packets of sound.
    Copy {
        /// Whether what describes them is to be taken out of them (ADTS, ISO/IEC 13818-7).
        from_packets: bool,
        /// Seconds of a segment.
        every: u32,
    },
    /// The source's own packets of picture.
    CopyVideo {
        /// A segment ends at the first key frame after this many seconds.
        shortest: f64,
    },
    /// A picture in another form.
    Encoded(Encoded),
    /// AAC.
    Aac {
        /// Channels.
        channels: u32,
        /// Seconds of a segment.
        every: u32,
    },
}

/// What encodes a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoder {
    /// H.264 by x264: every browser plays it.
    H264,
    /// AV1 by SVT-AV1: smaller, where somebody wants it.
    Av1,
    /// H.264 by a graphics card: less work for the machine.
    Hardware(Hardware),
}

/// Settings of one encoded picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// What encodes it.
    pub encoder: Encoder,
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// Frames a second; none where each keeps its own time.
    pub frame_rate: Option<(u32, u32)>,
    /// Largest rate in kbit/s.
    pub max_kbps: u32,
    /// Times of the segments' first frames; none means each 4 s.
    pub cuts: Option<Vec<f64>>,
    /// Whether frames are left out, as the source has more than any screen shows.
    pub slower: bool,
    /// Whether to take the lines apart.
    pub deinterlace: bool,
    /// How bright the source may be.
    pub light: Light,
}

/// What is made of a source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// Made at once, in this order; with them the video is playable.
    pub first: Vec<Rung>,
    /// Made afterwards, in this order.
    pub later: Vec<Rung>,
}

impl Rung {
    /// The same made by a graphics card, if it is one that x264 would make.
    #[must_use]
    pub fn in_hardware(&self, hardware: Hardware) -> Option<Self> {
        let How::Encoded(settings) = &self.how else { return None };
        let encoder = Encoder::Hardware(hardware);
        (settings.encoder == Encoder::H264)
            .then(|| Self { how: How::Encoded(Encoded { encoder, ..settings.clone() }), ..self.clone() })
    }

    /// The graphics card that makes it, if one does.
    #[must_use]
    pub fn hardware(&self) -> Option<Hardware> {
        match &self.how {
            How::Encoded(Encoded { encoder: Encoder::Hardware(hardware), .. }) => Some(*hardware),
            _ => None,
        }
    }
}

impl Plan {
    /// All that is made.
    pub fn all(&self) -> impl Iterator<Item = &Rung> {
        self.first.iter().chain(&self.later)
    }
}

/// Plans the renditions of a source, with `av1` also in AV1: all sizes of the ladder, as players keep to one codec.
#[must_use]
pub fn plan(probe: &Probe, timing: &Timing, av1: bool) -> Plan {
    let key_frames = timing.keys.as_slice();
    let mut plan = Plan::default();
    // What comes before the beginning is in the file and not to be shown: a copy would show it.
    let trimmed = key_frames.first().is_some_and(|first| *first < -LATE);
    let pace = pace(probe.duration, timing.bytes);
    let mut sounds = sounds(&probe.audio, trimmed, pace.sound).into_iter();
    plan.first.extend(sounds.next());
    let Some(video) = &probe.video else {
        plan.later.extend(sounds);
        return plan;
    };
    let copied = copies_video(video, timing, probe.duration);
    let short = video.width.min(video.height);
    let cuts = copied.then(|| cuts(key_frames, pace.picture));
    let mut rungs = Vec::new();
    if !copied {
        rungs.push(encoded(video, timing, short.min(TALLEST), None));
    }
    // A step that is nearly the size above it would cost much and change little.
    let top = if copied { short } else { short.min(TALLEST) };
    rungs.extend(
        STEPS
            .iter()
            .filter(|step| **step * 10 <= top * 9)
            .map(|step| encoded(video, timing, *step, cuts.clone())),
    );
    rungs.reverse();
    if copied {
        plan.first.push(picture(video, short, How::CopyVideo { shortest: pace.picture }));
    } else {
        plan.first.push(rungs.remove(0));
    }
    // Sounds are made in no time: nobody waits for a language until the last picture is there.
    plan.later.extend(sounds);
    plan.later.extend(rungs);
    if av1 && !(copied && video.codec == "av1") {
        let steps = STEPS.iter().copied().filter(|step| step * 10 <= top * 9);
        let sizes = steps.chain([top.min(TALLEST)]).collect::<std::collections::BTreeSet<_>>();
        plan.later.extend(sizes.into_iter().map(|step| in_av1(encoded(video, timing, step, None))));
    }
    plan
}

/// Each sound in stereo, and the first ones with all their channels besides.
fn sounds(streams: &[AudioStream], trimmed: bool, every: u32) -> Vec<Rung> {
    let mut rungs = Vec::new();
    let mut surrounds = 0;
    for (number, audio) in streams.iter().take(SOUNDS).enumerate() {
        let rung = |id: String, how: How| Rung {
            id,
            kind: MediaKind::Audio,
            stream: audio.index,
            how,
            lang: audio.lang.clone(),
            name: audio.name.clone(),
        };
        let encoded = |channels| How::Aac { channels, every };
        let copied = !trimmed && copies_audio(audio);
        let copy = How::Copy { from_packets: audio.described_in_packets, every };
        let stereo =
            if copied && audio.channels <= 2 { copy.clone() } else { encoded(audio.channels.clamp(1, 2)) };
        rungs.push(rung(format!("a{number}"), stereo));
        if audio.channels >= SURROUND && surrounds < SURROUNDS {
            surrounds += 1;
            let all = if copied { copy } else { encoded(SURROUND) };
            rungs.push(rung(format!("a{number}s"), all));
        }
    }
    rungs
}

fn picture(video: &VideoStream, short: u32, how: How) -> Rung {
    Rung { id: format!("v{short}"), kind: MediaKind::Video, stream: video.index, how, lang: None, name: None }
}

/// How long segments of copied pictures and of sounds are.
struct Pace {
    /// A picture's ends at the first key frame after this many seconds.
    picture: f64,
    /// Seconds of a sound's.
    sound: u32,
}

/// Segments shorter than this cost more in requests and files than they save in waiting. Who begins a long film waits for
/// the first one only, and each one is a blob to keep, announce and audit: there they are twice as long (ADR 0024). Longer
/// still where the list of cuts would not fit into one argument of a program (128 KiB on Linux).
fn pace(duration: f64, bytes: u64) -> Pace {
    let heavy = bytes as f64 > duration * HEAVY;
    let (picture, sound) = if duration < LONG || heavy { (1.9, 4) } else { (3.9, 8) };
    Pace { picture: (duration / 9_000.0).max(picture), sound }
}

/// Where the segments of a copied picture begin: the first key frame, then each that ends a long enough one.
fn cuts(key_frames: &[f64], shortest: f64) -> Vec<f64> {
    let mut cuts: Vec<f64> = Vec::new();
    for time in key_frames {
        if cuts.last().is_none_or(|last| time - last >= shortest) {
            cuts.push(*time);
        }
    }
    cuts
}

/// Codecs that every current browser plays from fragmented MP4, in the pixel format they agree on.
fn copies_video(video: &VideoStream, timing: &Timing, duration: f64) -> bool {
    let known = match video.codec.as_str() {
        "h264" => matches!(video.pixels.as_str(), "yuv420p" | "yuvj420p"),
        "vp9" | "av1" => video.pixels == "yuv420p",
        _ => false,
    };
    let first = timing.keys.first().copied().unwrap_or(f64::MAX);
    known
        && !video.transformed
        && !video.interlaced
        && (-LATE..1.0).contains(&first)
        && video.start.abs() < LATE
        && timing.longest_gop(duration) <= LONGEST_GOP
}

fn copies_audio(audio: &AudioStream) -> bool {
    let known = match audio.codec.as_str() {
        "aac" => audio.profile == "LC" && matches!(audio.channels, 1 | 2 | SURROUND | 8),
        "opus" | "flac" => matches!(audio.channels, 1 | 2 | SURROUND),
        _ => false,
    };
    known && audio.start.abs() < LATE
}

fn encoded(video: &VideoStream, timing: &Timing, short: u32, cuts: Option<Vec<f64>>) -> Rung {
    let even = |length: f64| ((length / 2.0).round() as u32).max(1) * 2;
    let (width, height) = (f64::from(video.width), f64::from(video.height));
    let scale = f64::from(short) / width.min(height);
    let (fast, slow) = video.frame_rate;
    let slower = f64::from(fast) / f64::from(slow) > FASTEST;
    let frame_rate =
        if slower { Some((SLOWER, 1)) } else { (!video.is_uneven(timing)).then_some(video.frame_rate) };
    let max_kbps = match short {
        0..=300 => 450,
        301..=500 => 1100,
        501..=800 => 2800,
        _ => 5500,
    };
    let how = How::Encoded(Encoded {
        encoder: Encoder::H264,
        width: even(width * scale),
        height: even(height * scale),
        frame_rate,
        max_kbps,
        cuts,
        slower,
        deinterlace: video.interlaced,
        light: video.light,
    });
    picture(video, short, how)
}

fn in_av1(mut rung: Rung) -> Rung {
    rung.id.push_str("av1");
    if let How::Encoded(settings) = &mut rung.how {
        settings.encoder = Encoder::Av1;
    }
    rung
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(codec: &str, width: u32, height: u32) -> Probe {
        let video = VideoStream {
            index: 0,
            codec: codec.to_owned(),
            pixels: "yuv420p".to_owned(),
            width,
            height,
            transformed: false,
            interlaced: false,
            light: Light::Standard,
            frame_rate: (25, 1),
            uneven: false,
            start: 0.0,
            duration: 20.0,
        };
        let audio = AudioStream {
            index: 1,
            codec: "aac".into(),
            profile: "LC".into(),
            described_in_packets: false,
            channels: 2,
            sample_rate: 48_000,
            start: 0.0,
            duration: 20.0,
            lang: None,
            name: None,
        };
        Probe { video: Some(video), audio: vec![audio], duration: 20.0, ..Probe::default() }
    }

    /// The plan of a source with these key frames and no gap.
    fn planned(probe: &Probe, keys: &[f64]) -> Plan {
        super::plan(probe, &Timing { keys: keys.to_vec(), ..Timing::default() }, false)
    }

    fn names(rungs: &[Rung]) -> Vec<&str> {
        rungs.iter().map(|rung| rung.id.as_str()).collect()
    }

    #[test]
    fn what_browsers_play_is_copied_and_lower_rungs_follow_lowest_first() {
        let plan = planned(&source("h264", 1280, 720), &[0.0, 5.0, 10.0, 15.0]);
        assert_eq!(names(&plan.first), ["a0", "v720"]);
        assert!(matches!(plan.first[1].how, How::CopyVideo { .. }));
        assert_eq!(names(&plan.later), ["v240", "v480"]);
        let How::Encoded(settings) = &plan.later[1].how else { panic!("encoded") };
        assert_eq!((settings.width, settings.height), (854, 480));
        assert!(plan.later[1].output_args().contains(&"0.000000,5.000000,10.000000,15.000000".to_owned()));
    }

    #[test]
    fn what_they_do_not_play_is_encoded_lowest_first_and_never_larger() {
        let plan = planned(&source("hevc", 3840, 2160), &[0.0]);
        assert_eq!(names(&plan.first), ["a0", "v240"]);
        assert_eq!(names(&plan.later), ["v480", "v720", "v1080"]);
        let small = planned(&source("mpeg4", 176, 144), &[0.0]);
        assert_eq!(names(&small.first), ["a0", "v144"]);
        assert!(small.later.is_empty());
    }

    #[test]
    fn av1_is_a_ladder_of_its_own_where_it_is_wanted() {
        let timing = Timing { keys: vec![0.0, 5.0, 10.0, 15.0], longest: 0.04, ..Timing::default() };
        let of = |probe: &Probe| names(&super::plan(probe, &timing, true).later).join(" ");
        assert_eq!(of(&source("h264", 1280, 720)), "v240 v480 v240av1 v480av1 v720av1");
        assert_eq!(of(&source("hevc", 3840, 2160)), "v480 v720 v1080 v240av1 v480av1 v720av1 v1080av1");
        assert_eq!(of(&source("av1", 1280, 720)), "v240 v480");
        let plan = super::plan(&source("h264", 1280, 720), &timing, true);
        let args = plan.later[4].output_args().join(" ");
        assert!(
            args.contains("scale=1280:720") && args.contains("libsvtav1") && args.contains("-g 100"),
            "{args}"
        );
    }

    #[test]
    fn key_frames_too_far_apart_are_not_copied() {
        let plan = planned(&source("h264", 1280, 720), &[0.0, 12.0]);
        assert_eq!(names(&plan.first), ["a0", "v240"]);
        for first in [3.0, -0.7] {
            let late = planned(&source("h264", 1280, 720), &[first, 5.0]);
            assert!(late.first.iter().all(|rung| !matches!(rung.how, How::CopyVideo { .. })), "{first}");
            assert_eq!(matches!(late.first[0].how, How::Copy { .. }), first > 0.0);
        }
    }

    #[test]
    fn a_source_of_key_frames_alone_gets_few_segments() {
        let every_frame: Vec<f64> = (0..1000).map(|n| f64::from(n) / 25.0).collect();
        let cuts = cuts(&every_frame, pace(40.0, 0).picture);
        assert_eq!(&cuts[..3], [0.0, 1.92, 3.84]);
        let day = pace(86_400.0, 0).picture;
        let hour = |bytes| pace(3_600.0, bytes).picture;
        assert_eq!((hour(540 << 20), hour(10 << 30)), (3.9, 1.9), "what is heavy is cut small");
        assert!(86_400.0 / day * 14.0 < 131_072.0, "a day's cuts fit into one argument");
    }

    #[test]
    fn every_sound_is_offered_in_stereo_and_the_first_ones_with_all_their_channels() {
        let mut film = source("h264", 1280, 720);
        film.audio[0].lang = Some("jpn".to_owned());
        let (mut english, mut comments) = (film.audio[0].clone(), film.audio[0].clone());
        (english.index, english.codec, english.channels) = (2, "ac3".to_owned(), 8);
        english.lang = Some("eng".to_owned());
        (comments.index, comments.channels, comments.name) = (3, 6, Some("comments".to_owned()));
        film.audio.extend([english, comments]);
        let plan = planned(&film, &[0.0, 5.0, 10.0, 15.0]);
        assert_eq!(names(&plan.first), ["a0", "v720"]);
        assert_eq!(names(&plan.later), ["a1", "a1s", "a2", "a2s", "v240", "v480"]);
        let how = |n: usize| plan.later[n].how.clone();
        assert_eq!(
            (how(0), how(1)),
            (How::Aac { channels: 2, every: 4 }, How::Aac { channels: 6, every: 4 })
        );
        assert_eq!(
            (how(2), how(3)),
            (How::Aac { channels: 2, every: 4 }, How::Copy { from_packets: false, every: 4 })
        );
        assert_eq!((plan.later[1].lang.as_deref(), plan.later[1].stream), (Some("eng"), 2));
        assert_eq!(plan.later[3].output_args()[..2], ["-map", "0:3"]);
        film.audio = vec![film.audio[0].clone(); 40];
        assert_eq!(
            planned(&film, &[0.0]).later.iter().filter(|rung| rung.kind == MediaKind::Audio).count(),
            7
        );
    }

    #[test]
    fn frames_with_times_of_their_own_keep_them_and_bright_pictures_are_toned_down() {
        let mut film = source("hevc", 1280, 720);
        let args = |film: &Probe| planned(film, &[0.0]).first[1].output_args().join(" ");
        assert!(args(&film).contains("-fps_mode cfr -r 25/1") && !args(&film).contains("tonemap"));
        let video = film.video.as_mut().unwrap();
        (video.uneven, video.light) = (true, Light::Pq);
        assert!(args(&film).contains("-fps_mode vfr") && args(&film).contains("tin=smpte2084"));
        film.video.as_mut().unwrap().uneven = false;
        let gap = Timing { keys: vec![0.0], longest: 0.08, ..Timing::default() };
        assert!(super::plan(&film, &gap, false).first[1].output_args().join(" ").contains("-fps_mode vfr"));
        film.video.as_mut().unwrap().frame_rate = (240, 1);
        assert!(args(&film).contains("-fps_mode cfr -r 60/1"));
    }

    #[test]
    fn portrait_steps_are_by_the_shorter_side() {
        let plan = planned(&source("h264", 720, 1280), &[0.0, 4.0, 8.0, 12.0, 16.0]);
        assert_eq!(names(&plan.first), ["a0", "v720"]);
        let How::Encoded(settings) = &plan.later[0].how else { panic!("encoded") };
        assert_eq!((settings.width, settings.height), (240, 426));
    }
}
