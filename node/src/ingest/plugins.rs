//! Our own package of yt-dlp plugins, in yt-dlp's own form: what it reads wrong or not at all.

use std::{
    io,
    path::{Path, PathBuf},
};

const PACKAGE: &str = "horahora/yt_dlp_plugins/extractor";
const FILES: [(&str, &str); 3] = [
    (
        "bilibili_danmaku.py",
        include_str!("ytdlp/plugins/horahora/yt_dlp_plugins/extractor/bilibili_danmaku.py"),
    ),
    (
        "bilibili_search.py",
        include_str!("ytdlp/plugins/horahora/yt_dlp_plugins/extractor/bilibili_search.py"),
    ),
    ("niconico_lists.py", include_str!("ytdlp/plugins/horahora/yt_dlp_plugins/extractor/niconico_lists.py")),
];

/// Writes the package under a data folder. Gives what yt-dlp takes as `--plugin-dirs`: the folder above it.
///
/// # Errors
/// When the disk fails.
pub fn write(data: &Path) -> io::Result<PathBuf> {
    let root = data.join("yt-dlp-plugins");
    // What an earlier version brought would be loaded, too.
    match std::fs::remove_dir_all(&root) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let package = root.join(PACKAGE);
    std::fs::create_dir_all(&package)?;
    for (name, text) in FILES {
        std::fs::write(package.join(name), text)?;
    }
    Ok(root)
}
