//! The frames of a film by the index of an MP4 file (ISO/IEC 14496-12, 8.6 and 8.7), where ffmpeg is known to read the same.
//!
//! A test holds what is read here against ffprobe over all files of the zoo. Boxes are walked one by one: the file is a
//! stranger's, and whoever follows its boxes down can be led as deep as it is long.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use mp4_atom::{
    Atom, Ctts, Decode, Elst, FourCC, Ftyp, Hdlr, Header, Mdhd, Mvhd, ReadFrom, Stss, Stsz, StszSamples, Stts,
};

use super::timing::Frame;

/// Largest index that is read: some four hours of film.
const INDEX_BYTES: usize = 8 << 20;
/// Offsets beyond it ffmpeg takes for a mistake (libavformat/mov.c).
const OFFSET: i64 = 1 << 28;
const MOOV: FourCC = FourCC::new(b"moov");
const TRAK: FourCC = FourCC::new(b"trak");
const QUICKTIME: FourCC = FourCC::new(b"qt  ");
const PICTURE: FourCC = FourCC::new(b"vide");
const FRAGMENTS: FourCC = FourCC::new(b"mvex");

/// The frames of the first picture of a file and the number of its stream. None where there is no such index, where it is
/// larger than [`INDEX_BYTES`], and where ffmpeg may see something else: fragments, QuickTime, edits that cut, a file whose end is
/// missing.
pub(super) fn first_picture(file: &Path) -> Option<(u32, Vec<Frame>)> {
    let moov = moov(file)?;
    let movie = Boxes(&moov);
    let timescale = movie.leaf::<Mvhd>()?.timescale;
    if movie.into_iter().any(|(kind, _)| kind == FRAGMENTS) {
        return None;
    }
    let tracks = movie.into_iter().filter(|(kind, _)| *kind == TRAK).map(|(_, body)| Boxes(body));
    let (stream, track) = (0..).zip(tracks).find(|(_, track)| {
        track.inner(b"mdia").and_then(Boxes::leaf::<Hdlr>).is_some_and(|handler| handler.handler == PICTURE)
    })?;
    Some((stream, frames(track, timescale)?))
}

/// The body of the index of a file that is there to its end.
fn moov(path: &Path) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let (mut at, mut index) = (0, None);
    while at < length {
        let header = Header::read_from(&mut file).ok()?;
        let body = file.stream_position().ok()?;
        let size = header.size.map_or(length - body, |size| size as u64);
        at = body.checked_add(size).filter(|end| *end <= length)?;
        match header.kind {
            Ftyp::KIND if body == 8 => {
                let mut brand = [0; 4];
                file.read_exact(&mut brand).ok()?;
                if FourCC::from(brand) == QUICKTIME {
                    return None;
                }
            }
            MOOV if index.is_none() && size <= INDEX_BYTES as u64 => {
                let mut bytes = vec![0; usize::try_from(size).ok()?];
                file.read_exact(&mut bytes).ok()?;
                index = Some(bytes);
            }
            _ if body == 8 || header.kind == MOOV => return None,
            _ => (),
        }
        file.seek(SeekFrom::Start(at)).ok()?;
    }
    index
}

fn frames(track: Boxes<'_>, movie_timescale: u32) -> Option<Vec<Frame>> {
    let media = track.inner(b"mdia")?;
    let table = media.inner(b"minf")?.inner(b"stbl")?;
    let timescale = f64::from(media.leaf::<Mdhd>()?.timescale);
    let StszSamples::Different { sizes } = table.leaf::<Stsz>()?.samples else { return None };
    let decoded = decoded(&table.leaf::<Stts>()?, sizes.len())?;
    let offsets = match table.has(Ctts::KIND) {
        true => offsets(&table.leaf::<Ctts>()?, sizes.len())?,
        false => vec![0; sizes.len()],
    };
    let shown: Vec<i64> = decoded.iter().zip(&offsets).map(|(time, offset)| time + offset).collect();
    let (first, last) = (*shown.iter().min()?, *shown.iter().max()?);
    let start = match track.inner(b"edts") {
        Some(edits) => start(&edits.leaf::<Elst>()?, first, last, timescale / f64::from(movie_timescale))?,
        None => 0,
    };
    let mut key = vec![!table.has(Stss::KIND); sizes.len()];
    if table.has(Stss::KIND) {
        for number in table.leaf::<Stss>()?.entries {
            *key.get_mut(usize::try_from(number).ok()?.checked_sub(1)?)? = true;
        }
    }
    // As ffprobe prints them, so that a cut has one name only.
    let seconds = |ticks: i64| (((ticks - start) as f64 / timescale) * 1e6).round() / 1e6;
    let frame = |n: usize| Frame {
        shown: Some(seconds(shown[n])),
        decoded: None,
        bytes: u64::from(sizes[n]),
        key: key[n],
    };
    timescale.is_normal().then(|| (0..sizes.len()).map(frame).collect())
}

/// The time of each frame's decoding in ticks.
fn decoded(table: &Stts, count: usize) -> Option<Vec<i64>> {
    let mut times = Vec::with_capacity(count);
    let mut time = 0_i64;
    for entry in &table.entries {
        let delta = i64::from(i32::try_from(entry.sample_delta).ok()?);
        for _ in 0..entry.sample_count {
            if times.len() == count {
                return None;
            }
            times.push(time);
            time += delta;
        }
    }
    (times.len() == count).then_some(times)
}

/// How long after its decoding each frame is shown, in ticks.
fn offsets(table: &Ctts, count: usize) -> Option<Vec<i64>> {
    let mut offsets = Vec::with_capacity(count);
    for entry in &table.entries {
        let more = usize::try_from(entry.sample_count).ok()?;
        if more > count - offsets.len() || entry.sample_offset.abs() > OFFSET {
            return None;
        }
        offsets.resize(offsets.len() + more, entry.sample_offset);
    }
    (offsets.len() == count).then_some(offsets)
}

/// The tick at which showing begins, where an edit only says so: it begins with the first frame and ends after the last one.
fn start(edits: &Elst, first: i64, last: i64, ticks: f64) -> Option<i64> {
    let [edit] = edits.entries.as_slice() else { return None };
    let start = i64::try_from(edit.media_time?).ok()?;
    let end = start as f64 + edit.segment_duration as f64 * ticks;
    let whole = start == first && (edit.segment_duration == 0 || end > last as f64);
    (whole && edit.media_rate.integer() == 1 && edit.media_rate.decimal() == 0).then_some(start)
}

/// The boxes one after another in some bytes.
#[derive(Clone, Copy)]
struct Boxes<'a>(&'a [u8]);

impl<'a> Boxes<'a> {
    /// What is in the first box of a kind.
    fn inner(self, kind: &[u8; 4]) -> Option<Self> {
        self.into_iter().find(|(found, _)| found == &FourCC::new(kind)).map(|(_, body)| Self(body))
    }

    fn has(self, kind: FourCC) -> bool {
        self.into_iter().any(|(found, _)| found == kind)
    }

    /// The first box of a kind, if it is as it should be.
    fn leaf<T: Atom>(self) -> Option<T> {
        let (_, mut body) = self.into_iter().find(|(kind, _)| *kind == T::KIND)?;
        T::decode_body(&mut body).ok()
    }
}

impl<'a> IntoIterator for Boxes<'a> {
    type Item = (FourCC, &'a [u8]);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    /// Kind and body of each; none after one that does not fit.
    fn into_iter(self) -> Self::IntoIter {
        let (mut rest, mut all) = (self.0, Vec::new());
        while rest.len() >= 8 {
            let Ok(header) = Header::decode(&mut rest) else { break };
            let Some((body, after)) = rest.split_at_checked(header.size.unwrap_or(rest.len())) else { break };
            all.push((header.kind, body));
            rest = after;
        }
        all.into_iter()
    }
}
