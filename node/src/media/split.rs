//! Cuts a fragmented MP4 into its init segment and one media segment a `moof`, as it arrives.
//!
//! Source: ISO/IEC 14496-12 (boxes), ISO/IEC 23000-19 (CMAF). Only what ffmpeg writes with one track is read.

use horahora_protocol::limits;
use thiserror::Error;

/// A piece of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// `ftyp` and `moov`.
    Init(Vec<u8>),
    /// `moof` and `mdat`.
    Segment {
        /// The bytes.
        bytes: Vec<u8>,
        /// Time of its first sample in ticks.
        time: u64,
        /// Sum of its samples' durations in ticks.
        duration: u64,
    },
}

/// The output is not the fragmented MP4 it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("ffmpeg wrote something that is no fragmented MP4: {0}")]
pub struct SplitError(&'static str);

/// Takes bytes in any portions, gives whole pieces.
#[derive(Debug, Default)]
pub struct Splitter {
    waiting: Vec<u8>,
    piece: Vec<u8>,
    moof: Option<(u64, u64)>,
}

impl Splitter {
    /// Takes the next bytes and gives the pieces that they complete.
    ///
    /// # Errors
    /// When a box is larger than any blob, or not of the expected shape.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Piece>, SplitError> {
        self.waiting.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        let (mut used, mut missing) = (0, 0);
        while let Some((kind, header, size)) = box_at(&self.waiting[used..])? {
            if size > limits::BLOB_BYTES {
                return Err(SplitError("a segment is too large"));
            }
            let Some(whole) = self.waiting.get(used..used + size) else {
                missing = used + size - self.waiting.len();
                break;
            };
            used += size;
            match &kind {
                b"ftyp" | b"moov" | b"moof" | b"mdat" => {
                    self.piece.reserve_exact(whole.len());
                    self.piece.extend_from_slice(whole);
                }
                _ => continue,
            }
            match &kind {
                b"moov" => pieces.push(Piece::Init(std::mem::take(&mut self.piece))),
                b"moof" => self.moof = Some(timing(&whole[header..])?),
                b"mdat" => {
                    let (time, duration) = self.moof.take().ok_or(SplitError("mdat without moof"))?;
                    let bytes = std::mem::take(&mut self.piece);
                    pieces.push(Piece::Segment { bytes, time, duration });
                }
                _ => {}
            }
        }
        self.waiting.drain(..used);
        // What grows by doubling takes twice a segment.
        self.waiting.reserve_exact(missing);
        Ok(pieces)
    }

    /// Whether nothing half-arrived is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.piece.is_empty()
    }
}

/// Kind, header length and whole length of the box that begins here; none when its header is not there yet.
fn box_at(bytes: &[u8]) -> Result<Option<([u8; 4], usize, usize)>, SplitError> {
    let (Some(small), Some(kind)) = (number(bytes, 0), bytes.get(4..8)) else { return Ok(None) };
    let kind = kind.try_into().expect("four bytes were taken");
    let (header, size) = match small {
        1 => match (number(bytes, 8), number(bytes, 12)) {
            (Some(high), Some(low)) => (16, (high << 32) | low),
            _ => return Ok(None),
        },
        size => (8, size),
    };
    let size = usize::try_from(size).map_err(|_| SplitError("a box is too large"))?;
    if size < header {
        Err(SplitError("a box is smaller than its header"))
    } else {
        Ok(Some((kind, header, size)))
    }
}

/// The contents of the first box of `kind` among those in `bytes`.
#[must_use]
pub fn find<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(bytes).find(|(found, _)| found == kind).map(|(_, inside)| inside)
}

/// The boxes in `bytes`: kind and contents.
pub fn children(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (kind, header, size) = box_at(rest).ok()??;
        let inside = rest.get(header..size)?;
        rest = &rest[size..];
        Some((kind, inside))
    })
}

/// A big-endian 32 bit number at `at`.
#[must_use]
pub fn number(bytes: &[u8], at: usize) -> Option<u64> {
    let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u64::from(u32::from_be_bytes(four)))
}

/// Time and duration of a `moof`'s contents: `tfdt`, and the samples of all `trun`.
fn timing(moof: &[u8]) -> Result<(u64, u64), SplitError> {
    let traf = find(moof, b"traf").ok_or(SplitError("moof without traf"))?;
    let tfdt = find(traf, b"tfdt").ok_or(SplitError("traf without tfdt"))?;
    let time = match tfdt.first() {
        Some(1) => number(tfdt, 4).zip(number(tfdt, 8)).map(|(high, low)| (high << 32) | low),
        _ => number(tfdt, 4),
    };
    let tfhd = find(traf, b"tfhd").ok_or(SplitError("traf without tfhd"))?;
    let usual = default_duration(tfhd).unwrap_or(0);
    let mut duration = 0u64;
    for (kind, trun) in children(traf) {
        if &kind == b"trun" {
            duration += samples(trun, usual).ok_or(SplitError("trun is cut off"))?;
        }
    }
    Ok((time.ok_or(SplitError("tfdt is cut off"))?, duration))
}

/// `default_sample_duration` of a `tfhd`: after the track id come the fields that the flags announce.
fn default_duration(tfhd: &[u8]) -> Option<u64> {
    let flags = number(tfhd, 0)? & 0x00ff_ffff;
    let before = 8 + if flags & 0x1 == 0 { 0 } else { 8 } + if flags & 0x2 == 0 { 0 } else { 4 };
    if flags & 0x8 == 0 { None } else { number(tfhd, before) }
}

/// Sum of the durations in a `trun`.
fn samples(trun: &[u8], usual: u64) -> Option<u64> {
    let flags = number(trun, 0)? & 0x00ff_ffff;
    let count = number(trun, 4)?;
    if flags & 0x100 == 0 {
        return Some(count * usual);
    }
    let first = 8 + if flags & 0x1 == 0 { 0 } else { 4 } + if flags & 0x4 == 0 { 0 } else { 4 };
    let width = 4 * [0x100, 0x200, 0x400, 0x800].iter().filter(|flag| flags & **flag != 0).count();
    (0..usize::try_from(count).ok()?).map(|index| number(trun, first + index * width)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], inside: &[u8]) -> Vec<u8> {
        let size = u32::try_from(inside.len() + 8).unwrap().to_be_bytes();
        [&size, kind.as_slice(), inside].concat()
    }

    fn moof(time: u32, durations: &[u32]) -> Vec<u8> {
        let tfhd = boxed(b"tfhd", &[0x02, 0, 0, 0, 0, 0, 0, 1]);
        let tfdt = boxed(b"tfdt", &[[0; 4], time.to_be_bytes()].concat());
        let mut trun =
            [0x0000_0100u32, u32::try_from(durations.len()).unwrap()].map(u32::to_be_bytes).concat();
        durations.iter().for_each(|duration| trun.extend(duration.to_be_bytes()));
        boxed(b"moof", &boxed(b"traf", &[tfhd, tfdt, boxed(b"trun", &trun)].concat()))
    }

    fn file() -> Vec<u8> {
        let init = [boxed(b"ftyp", b"cmfc"), boxed(b"moov", b"tracks")].concat();
        let first = [boxed(b"styp", b"x"), moof(0, &[10, 10, 11]), boxed(b"mdat", b"first")].concat();
        let second = [moof(31, &[9]), boxed(b"mdat", b"second")].concat();
        [init, first, second, boxed(b"mfra", b"index")].concat()
    }

    #[test]
    fn pieces_are_the_same_for_every_portion_size() {
        let file = file();
        let whole = Splitter::default().push(&file).unwrap();
        let times = whole.iter().filter_map(|piece| match piece {
            Piece::Segment { time, duration, .. } => Some((*time, *duration)),
            Piece::Init(_) => None,
        });
        assert_eq!(times.collect::<Vec<_>>(), [(0, 31), (31, 9)]);
        for size in 1..file.len() {
            let mut splitter = Splitter::default();
            let pieces: Vec<_> = file.chunks(size).flat_map(|part| splitter.push(part).unwrap()).collect();
            assert_eq!(pieces, whole, "portions of {size}");
            assert!(splitter.is_empty());
        }
    }

    #[test]
    fn strangers_bytes_are_errors() {
        assert!(Splitter::default().push(&[0, 0, 0, 3, b'm', b'o', b'o', b'f']).is_err());
        assert!(Splitter::default().push(&[0xff; 16]).is_err());
        assert!(Splitter::default().push(&boxed(b"mdat", b"alone")).is_err());
        assert!(Splitter::default().push(&boxed(b"moof", b"empty")).is_err());
    }
}
