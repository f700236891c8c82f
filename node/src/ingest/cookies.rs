//! Cookies of accounts at sites: a file that config.toml names, or one that somebody gave on the page.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use thiserror::Error;
use url::Host;

use super::{Failure, site};
use crate::{clock, config::SourceOptions, store::rows::Code};

/// Bytes of a file of cookies; browsers' whole collections have some hundred KiB.
pub const MOST_BYTES: usize = 2 << 20;
/// So long before the last cookie's end it is told that it comes, in seconds.
const SOON_S: u64 = 7 * 86_400;
const HEAD: &str = "# Netscape HTTP Cookie File\n";

/// Why cookies are not taken.
#[derive(Debug, Error)]
pub enum CookiesError {
    /// No host.
    #[error("{0:?} is no name of a site; it looks like nicovideo.jp.")]
    Site(String),
    /// Another form.
    #[error(
        "These are no cookies in Netscape's form (cookies.txt): lines of seven fields with tabs between. Browsers' extensions \
         export them."
    )]
    Form,
    /// Others' cookies.
    #[error("None of these cookies is for {0}.")]
    Others(String),
    /// The disk failed.
    #[error("The cookies cannot be written down: {0}")]
    Disk(#[from] io::Error),
}

/// A copy of a site's cookies: yt-dlp writes into the file that it is given, and several run at once.
#[derive(Debug)]
pub(super) struct Cookies(PathBuf);

impl Cookies {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Cookies {
    fn drop(&mut self) {
        // It may be gone with its folder.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The file with the cookies for the site of a link.
pub(super) fn of(options: &SourceOptions, url: &str) -> Option<PathBuf> {
    site::of(options, url).and_then(|site| site.cookies.clone()).or_else(|| {
        let names = given(options);
        site::longest(names.iter().map(String::as_str), url).map(|name| file(options, name))
    })
}

/// The sites for which somebody gave cookies on the page.
pub(super) fn given(options: &SourceOptions) -> Vec<String> {
    let files = options.cookies_dir.as_ref().and_then(|dir| std::fs::read_dir(dir).ok());
    let names = files.into_iter().flatten().flatten().filter_map(|file| file.file_name().into_string().ok());
    names.filter_map(|name| name.strip_suffix(".txt").map(str::to_owned)).collect()
}

fn file(options: &SourceOptions, name: &str) -> PathBuf {
    options.cookies_dir.clone().unwrap_or_default().join(format!("{name}.txt"))
}

/// Keeps cookies for a site, readable for this user only.
pub(super) fn keep(options: &SourceOptions, site: &str, text: &str) -> Result<(), CookiesError> {
    let name = host(site)?;
    let cookies: Vec<_> = text.lines().filter_map(fields).collect();
    if cookies.is_empty() {
        return Err(CookiesError::Form);
    }
    let fits = |domain: &str| {
        let domain = domain.trim_start_matches('.').to_lowercase();
        domain == name || domain.ends_with(&format!(".{name}")) || name.ends_with(&format!(".{domain}"))
    };
    if !cookies.iter().any(|fields| fits(fields[0])) {
        return Err(CookiesError::Others(name));
    }
    let path = file(options, &name);
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let new = dir.join(format!(".{name}.new"));
    let _ = std::fs::remove_file(&new);
    let mut made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    made.write_all(text.as_bytes())?;
    made.sync_all()?;
    Ok(std::fs::rename(new, path)?)
}

/// Forgets what [`keep`] kept.
pub(super) fn forget(options: &SourceOptions, site: &str) -> Result<(), CookiesError> {
    match std::fs::remove_file(file(options, &host(site)?)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// A site's name as a file may be called.
fn host(site: &str) -> Result<String, CookiesError> {
    let name = site.trim().trim_start_matches('.').to_lowercase();
    match Host::parse(&name) {
        Ok(Host::Domain(name)) if !name.contains(['/', '\\']) && name.contains('.') => Ok(name),
        _ => Err(CookiesError::Site(site.to_owned())),
    }
}

/// A copy for one run of yt-dlp.
pub(super) fn copy(file: &Path, dir: &Path) -> Result<Cookies, Failure> {
    let unreadable = |error: io::Error| {
        let why = format!(
            "The cookies in {} cannot be read: {error}. Check `cookies` in config.toml.",
            file.display()
        );
        Failure::new(Code::Login, why)
    };
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    // Some exporters leave out the line by which yt-dlp knows the form.
    let head = if text.starts_with('#') { "" } else { HEAD };
    let name: String = clock::random::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
    let path = dir.join(format!(".cookies-{name}"));
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let cookies = Cookies(path);
    made.and_then(|mut copy| copy.write_all(format!("{head}{text}").as_bytes())).map_err(unreadable)?;
    Ok(cookies)
}

/// What is wrong with a site's cookies when it wants a login all the same.
pub(super) fn why_not(options: &SourceOptions, url: &str) -> Option<String> {
    let file = of(options, url)?;
    let text = std::fs::read_to_string(&file).ok()?;
    let now = clock::now().0 / 1_000;
    let said = match last_expiry(&text) {
        None => "are no cookies in the form of Netscape".to_owned(),
        Some(end) if end < now => format!("ran out {}", ago(now - end)),
        Some(_) => "are not enough, or not valid any more".to_owned(),
    };
    Some(format!("The origin wants a login, and the cookies in {} {said}. Export them anew.", file.display()))
}

/// How the cookies for a site stand, for people; none when there are none.
pub(super) fn state(options: &SourceOptions, url: &str) -> Option<String> {
    let file = of(options, url)?;
    let now = clock::now().0 / 1_000;
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) => return Some(format!("{} cannot be read: {error}", file.display())),
    };
    Some(match last_expiry(&text) {
        None => "are not in Netscape's form".to_owned(),
        Some(u64::MAX) => "are there".to_owned(),
        Some(end) if end < now => format!("ran out {}; export them anew", ago(now - end)),
        Some(end) if end - now < SOON_S => {
            format!("run out in {} days; export them anew", (end - now) / 86_400)
        }
        Some(_) => "are there".to_owned(),
    })
}

/// The seven fields of a line that is a cookie.
fn fields(line: &str) -> Option<Vec<&str>> {
    let line = line.strip_prefix("#HttpOnly_").unwrap_or(line);
    let fields: Vec<_> = line.split('\t').collect();
    (fields.len() >= 7 && !line.starts_with('#') && fields[4].trim().parse::<u64>().is_ok()).then_some(fields)
}

/// When the last cookie that has an end ends, in seconds since 1970; none when there is no cookie at all. Those of a session
/// (0) have no end of their own.
fn last_expiry(text: &str) -> Option<u64> {
    let end = |fields: Vec<&str>| fields[4].trim().parse::<u64>().ok();
    let ends: Vec<u64> = text.lines().filter_map(fields).filter_map(end).collect();
    let session = ends.contains(&0);
    ends.into_iter().max().map(|end| if session { u64::MAX } else { end })
}

fn ago(seconds: u64) -> String {
    match seconds / 86_400 {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        days => format!("{days} days ago"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn line(end: u64) -> String {
        format!(".nicovideo.jp\tTRUE\t/\tTRUE\t{end}\tuser_session\tx\n")
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn cookies_tell_when_they_ran_out() {
        assert_eq!(last_expiry("# Netscape HTTP Cookie File\n\n"), None);
        assert_eq!(last_expiry("not a cookie file"), None);
        assert_eq!(last_expiry(&format!("# c\n{}#HttpOnly_{}", line(5), line(9))), Some(9));
        assert_eq!(last_expiry(&format!("{}{}", line(5), line(0))), Some(u64::MAX));
    }

    #[test]
    fn a_copy_of_cookies_is_private_and_goes_with_its_use() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mine.txt");
        std::fs::write(&file, "secret").unwrap();
        let cookies = copy(&file, dir.path()).unwrap();
        let path = cookies.path().to_owned();
        assert_eq!(mode(&path), 0o600);
        drop(cookies);
        assert!(!path.exists());
        assert_eq!(copy(&dir.path().join("none"), dir.path()).unwrap_err().code, Code::Login);
    }

    #[test]
    fn cookies_are_taken_for_the_site_that_they_are_for() {
        let dir = tempfile::tempdir().unwrap();
        let options =
            SourceOptions { cookies_dir: Some(dir.path().join("cookies")), ..SourceOptions::default() };
        let url = "https://www.nicovideo.jp/watch/sm9";
        assert!(of(&options, url).is_none());
        for wrong in ["../x", "nicovideo", "a b.c", "127.0.0.1"] {
            assert!(matches!(keep(&options, wrong, &line(0)), Err(CookiesError::Site(_))), "{wrong}");
        }
        assert!(matches!(keep(&options, "nicovideo.jp", "<html>"), Err(CookiesError::Form)));
        assert!(matches!(keep(&options, "youtube.com", &line(0)), Err(CookiesError::Others(_))));
        keep(&options, "nicovideo.jp", &line(9)).unwrap();
        let file = of(&options, url).unwrap();
        assert_eq!(mode(&file), 0o600);
        assert!(state(&options, url).unwrap().contains("ran out"), "{:?}", state(&options, url));
        keep(&options, "nicovideo.jp", &line(clock::now().0 / 1000 + 2 * 86_400 + 60)).unwrap();
        assert_eq!(state(&options, url).unwrap(), "run out in 2 days; export them anew");
        forget(&options, "nicovideo.jp").unwrap();
        assert!(of(&options, url).is_none());
    }
}
