//! Where a blob's file is: in one of 1,024 folders, named by the last but one and two letters of its address, as in IPFS's
//! flatfs (`next-to-last/2`). All are there from the start, so that keeping a blob makes no folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use horahora_protocol::Cid;

/// Says that the folders are there and blobs in their places.
const MARK: &str = "layout";
const VERSION: &str = "2\n";
/// RFC 4648 base32 in small letters, as addresses are written.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The path of a blob below the folder of all.
pub(super) fn path(dir: &Path, cid: &Cid) -> PathBuf {
    let name = cid.to_string();
    let folder = name.get(name.len().saturating_sub(3)..name.len().saturating_sub(1)).unwrap_or_default();
    dir.join(folder).join(&name)
}

/// Makes the folders, and brings blobs into their places that an earlier version kept two folders deep. A crash leaves the rest
/// for the next start.
pub(super) fn arrange(dir: &Path) -> io::Result<()> {
    if fs::read_to_string(dir.join(MARK)).is_ok_and(|version| version == VERSION) {
        return Ok(());
    }
    let old: Vec<PathBuf> =
        folders(dir)?.iter().map(|above| folders(above)).collect::<Result<Vec<_>, _>>()?.concat();
    for first in LETTERS {
        for second in LETTERS {
            fs::create_dir_all(dir.join(format!("{}{}", char::from(*first), char::from(*second))))?;
        }
    }
    for folder in old {
        for file in fs::read_dir(&folder)?.flatten() {
            if let Some(cid) = file.file_name().to_str().and_then(|name| name.parse().ok()) {
                fs::rename(file.path(), path(dir, &cid))?;
            }
        }
        // What is no blob stays where it is.
        let _ = fs::remove_dir(&folder);
        let above = folder.parent().unwrap_or(dir);
        if !above
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().iter().all(|letter| LETTERS.contains(letter)))
        {
            let _ = fs::remove_dir(above);
        }
    }
    rustix::fs::syncfs(fs::File::open(dir)?)?;
    fs::write(dir.join(MARK), VERSION)
}

fn folders(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let all = fs::read_dir(dir)?.flatten();
    Ok(all
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect())
}

#[cfg(test)]
mod tests {
    use horahora_protocol::Codec;

    use super::*;

    #[test]
    fn blobs_of_an_earlier_version_find_their_places() {
        let dir = tempfile::tempdir().unwrap();
        let blobs: Vec<(Cid, Vec<u8>)> = (0..200_u8).map(|n| (Cid::of(Codec::Raw, &[n]), vec![n])).collect();
        for (cid, bytes) in &blobs {
            let [a, b, ..] = cid.hash();
            let folder = dir.path().join(format!("{a:02x}/{b:02x}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(cid.to_string()), bytes).unwrap();
        }
        arrange(dir.path()).unwrap();
        for (cid, bytes) in &blobs {
            assert_eq!(fs::read(path(dir.path(), cid)).unwrap(), *bytes);
        }
        assert_eq!(folders(dir.path()).unwrap().len(), 1_024, "nothing is left of the old ones");
        let stray = path(dir.path(), &blobs[0].0);
        fs::remove_file(&stray).unwrap();
        arrange(dir.path()).unwrap();
        assert!(!stray.exists(), "it is done once");
    }
}
