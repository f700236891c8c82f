//! A text as a QR code: one path of an SVG image, a unit a module.

use qrcode::{Color, EcLevel, QrCode};

/// Modules that stay light on each side; readers need four.
const QUIET: usize = 4;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Qr {
    /// Of the image, with what stays light.
    pub(crate) side: usize,
    /// The dark modules, as runs in each row.
    pub(crate) path: String,
}

/// None when the text is too long for one code, which ends at 2,953 bytes.
pub(crate) fn draw(text: &str) -> Option<Qr> {
    // A screen is clean: the lowest level of correction leaves the modules large.
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (width, colours) = (code.width(), code.to_colors());
    let mut path = String::new();
    for (y, row) in colours.chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|one, other| one == other) {
            if run[0] == Color::Dark {
                path.push_str(&format!("M{} {}h{}v1h-{2}z", x + QUIET, y + QUIET, run.len()));
            }
            x += run.len();
        }
    }
    Some(Qr { side: width + 2 * QUIET, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the path covers: whether the middle of each module is dark.
    fn raster(qr: &Qr) -> Vec<Vec<bool>> {
        let mut dark = vec![vec![false; qr.side]; qr.side];
        for run in qr.path.split('M').skip(1) {
            let (start, rest) = run.split_once('h').unwrap();
            let (x, y) = start.split_once(' ').unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            let length: usize = rest.split_once('v').unwrap().0.parse().unwrap();
            dark[y][x..x + length].fill(true);
        }
        dark
    }

    #[test]
    fn what_is_drawn_is_the_text() {
        for length in [1, 40, 700, 1_100, 2_400] {
            let text: String =
                (0..length).map(|at| char::from(b"hh1ABCxyz789"[(at * at + at / 7) % 12])).collect();
            let qr = draw(&text).unwrap();
            let dark = raster(&qr);
            let scale = 4;
            let shade = |x: usize, y: usize| if dark[y / scale][x / scale] { 0 } else { 255 };
            let mut image =
                rqrr::PreparedImage::prepare_from_greyscale(qr.side * scale, qr.side * scale, shade);
            let grids = image.detect_grids();
            assert_eq!(grids.len(), 1, "{length}");
            assert_eq!(grids[0].decode().unwrap().1, text);
        }
        assert_eq!(draw(&"a".repeat(3_000)), None);
    }
}
