//! What an init segment says about its track: codec string, clock, size.
//!
//! Sources: RFC 6381 and ISO/IEC 14496-15 (avc1), the AV1 and VP9 bindings to ISO media (av01, vp09).

use super::split::{children, find, number};

/// What a player must know of a track.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Track {
    /// RFC 6381 codec string.
    pub codecs: String,
    /// Ticks a second.
    pub timescale: u32,
    /// Width in pixels, 0 for sound.
    pub width: u32,
    /// Height in pixels, 0 for sound.
    pub height: u32,
    /// Channels, 0 for picture.
    pub channels: u32,
    /// Samples a second, 0 for picture.
    pub sample_rate: u32,
}

/// Reads the first track of an init segment; none when it is of a codec not packaged here.
#[must_use]
pub fn read_init(init: &[u8]) -> Option<Track> {
    let mdia = find(find(find(init, b"moov")?, b"trak")?, b"mdia")?;
    let mdhd = find(mdia, b"mdhd")?;
    let timescale = number(mdhd, if mdhd.first() == Some(&1) { 20 } else { 12 })?;
    let stsd = find(find(find(mdia, b"minf")?, b"stbl")?, b"stsd")?;
    let (kind, sample) = children(stsd.get(8..)?).next()?;
    let pair = |at: usize| sample.get(at..at + 2).map(|b| u32::from(u16::from_be_bytes([b[0], b[1]])));
    let mut track = Track { timescale: u32::try_from(timescale).ok()?, ..Track::default() };
    let video_boxes = sample.get(78..);
    let audio_boxes = sample.get(28..);
    track.codecs = match &kind {
        b"avc1" | b"avc3" => {
            let avcc = find(video_boxes?, b"avcC")?.get(1..4)?;
            format!("avc1.{:02x}{:02x}{:02x}", avcc[0], avcc[1], avcc[2])
        }
        b"vp09" => {
            let vpcc = find(video_boxes?, b"vpcC")?.get(4..7)?;
            format!("vp09.{:02}.{:02}.{:02}", vpcc[0], vpcc[1], vpcc[2] >> 4)
        }
        b"av01" => av1(find(video_boxes?, b"av1C")?)?,
        b"mp4a" => format!("mp4a.40.{}", audio_object_type(find(audio_boxes?, b"esds")?)?),
        b"Opus" => "opus".to_owned(),
        b"fLaC" => "flac".to_owned(),
        _ => return None,
    };
    if matches!(&kind, b"mp4a" | b"Opus" | b"fLaC") {
        (track.channels, track.sample_rate) = (pair(16)?, pair(24)?);
    } else {
        (track.width, track.height) = (pair(24)?, pair(26)?);
    }
    Some(track)
}

fn av1(av1c: &[u8]) -> Option<String> {
    let (profile, level) = (av1c.get(1)? >> 5, av1c.get(1)? & 0x1f);
    let flags = av1c.get(2)?;
    let tier = if flags & 0x80 == 0 { 'M' } else { 'H' };
    let depth = match (flags & 0x40 != 0, flags & 0x20 != 0) {
        (true, true) => 12,
        (true, false) => 10,
        _ => 8,
    };
    Some(format!("av01.{profile}.{level:02}{tier}.{depth:02}"))
}

/// Audio object type of an `esds`: first five bits of the decoder specific info (ISO/IEC 14496-3).
fn audio_object_type(esds: &[u8]) -> Option<u8> {
    let mut at = 4;
    loop {
        let tag = *esds.get(at)?;
        at += 1;
        while *esds.get(at)? & 0x80 != 0 {
            at += 1;
        }
        at += 1;
        match tag {
            3 => at += 3,
            4 => at += 13,
            5 => return Some(esds.get(at)? >> 3),
            _ => return None,
        }
    }
}
