//! The embedded browser files and the addresses under which pages name them.
//! The hash in an address changes with the content, so a browser may keep what it got for ever.

use std::fmt;

/// A file the node serves at `/assets/NAME`.
#[derive(Clone, Copy)]
pub struct Asset {
    pub name: &'static str,
    pub content_type: &'static str,
    pub bytes: &'static [u8],
    /// The same, packed (RFC 1952).
    pub gzip: &'static [u8],
    pub hash: &'static str,
}

impl fmt::Debug for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asset({}, {} bytes, {})", self.name, self.bytes.len(), self.hash)
    }
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

pub fn asset(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// `/assets/NAME?v=HASH`.
pub fn url(name: &str) -> String {
    match asset(name) {
        Some(asset) => format!("/assets/{name}?v={}", asset.hash),
        None => format!("/assets/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_embedded_and_addressed_by_its_hash() {
        for name in ["app.js", "watch.js", "style.css", "icons.svg", "logo.svg"] {
            let asset = asset(name).unwrap();
            assert!(!asset.bytes.is_empty(), "{name} is empty");
            assert_eq!(url(name), format!("/assets/{name}?v={}", asset.hash));
        }
        assert!(asset("../Cargo.toml").is_none());
    }

    #[test]
    fn what_a_page_needs_over_the_line_stays_small() {
        let packed = |names: &[&str]| names.iter().map(|name| asset(name).unwrap().gzip.len()).sum::<usize>();
        assert!(packed(&["style.css", "app.js", "icons.svg", "logo.svg"]) < 30_000);
        assert!(packed(&["style.css", "app.js", "icons.svg", "logo.svg", "watch.js"]) < 250_000);
        assert!(packed(&["upload.js"]) < 30_000);
    }

    #[test]
    fn bundles_stay_small() {
        assert!(asset("style.css").unwrap().bytes.len() < 35_000, "style.css");
        assert!(asset("app.js").unwrap().bytes.len() < 12_000, "app.js");
        assert!(asset("watch.js").unwrap().bytes.len() < 620_000, "watch.js");
    }
}
