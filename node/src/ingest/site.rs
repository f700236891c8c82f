//! What is set for single sites: cookies, proxy, pace.

use std::{
    ffi::OsString,
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use url::Url;

use super::Failure;
use crate::{
    clock,
    config::{SiteOptions, SourceOptions},
    store::rows::Code,
};

/// The settings for the site of a link: those of the longest host name that it ends with.
pub(super) fn of<'a>(options: &'a SourceOptions, url: &str) -> Option<&'a SiteOptions> {
    let host = Url::parse(url).ok()?.host_str()?.to_lowercase();
    let fits = |site: &str| {
        let site = site.to_lowercase();
        host == site || host.strip_suffix(&site).is_some_and(|rest| rest.ends_with('.'))
    };
    let known = options.sites.iter().filter(|(site, _)| fits(site));
    known.max_by_key(|(site, _)| site.len()).map(|(_, site)| site)
}

/// The proxy for the site of a link.
pub(super) fn proxy<'a>(options: &'a SourceOptions, url: &str) -> Option<&'a str> {
    of(options, url).and_then(|site| site.proxy.as_deref()).or(options.proxy.as_deref())
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

/// The arguments for yt-dlp, and what they need while it runs.
pub(super) fn args(site: &SiteOptions, dir: &Path) -> Result<(Vec<OsString>, Option<Cookies>), Failure> {
    let mut args: Vec<OsString> = Vec::new();
    if let Some(pause) = site.pause_s.filter(|pause| *pause > 0.0) {
        args.extend(["--sleep-requests".into(), pause.to_string().into()]);
    }
    if let Some(rate) = site.bytes_per_s.filter(|rate| *rate > 0) {
        args.extend(["--limit-rate".into(), rate.to_string().into()]);
    }
    let cookies = site.cookies.as_ref().map(|file| copy(file, dir)).transpose()?;
    if let Some(cookies) = &cookies {
        args.extend(["--cookies".into(), cookies.path().into()]);
    }
    Ok((args, cookies))
}

fn copy(file: &Path, dir: &Path) -> Result<Cookies, Failure> {
    let unreadable = |error: std::io::Error| {
        let why = format!(
            "The cookies in {} cannot be read: {error}. Check `cookies` in config.toml.",
            file.display()
        );
        Failure::new(Code::Login, why)
    };
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    // Some exporters leave out the line by which yt-dlp knows the form.
    let head = if text.starts_with('#') { "" } else { "# Netscape HTTP Cookie File\n" };
    let name: String = clock::random::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
    let path = dir.join(format!(".cookies-{name}"));
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let cookies = Cookies(path);
    made.and_then(|mut copy| copy.write_all(format!("{head}{text}").as_bytes())).map_err(unreadable)?;
    Ok(cookies)
}

/// What is wrong with a site's cookies when it wants a login all the same.
pub(super) fn why_cookies(site: Option<&SiteOptions>) -> Option<String> {
    let file = site?.cookies.as_ref()?;
    let text = std::fs::read_to_string(file).ok()?;
    let now = clock::now().0 / 1_000;
    let said = match last_expiry(&text) {
        None => "are no cookies in the form of Netscape".to_owned(),
        Some(end) if end < now => format!("ran out {}", ago(now - end)),
        Some(_) => "are not enough, or not valid any more".to_owned(),
    };
    Some(format!("The origin wants a login, and the cookies in {} {said}. Export them anew.", file.display()))
}

/// When the last cookie that has an end ends, in seconds since 1970; none when there is no cookie at all. Those of a session
/// (0) have no end of their own.
fn last_expiry(text: &str) -> Option<u64> {
    let cookie = |line: &str| {
        let line = line.strip_prefix("#HttpOnly_").unwrap_or(line);
        let fields: Vec<_> = line.split('\t').collect();
        (fields.len() >= 7 && !line.starts_with('#')).then(|| fields[4].trim().parse::<u64>().ok())?
    };
    let ends: Vec<u64> = text.lines().filter_map(cookie).collect();
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
    use super::*;

    fn options() -> SourceOptions {
        let site = |proxy: &str| SiteOptions { proxy: Some(proxy.to_owned()), ..SiteOptions::default() };
        SourceOptions {
            proxy: Some("all".to_owned()),
            sites: [("nicovideo.jp", site("nico")), ("live.nicovideo.jp", site("live"))]
                .map(|(host, site)| (host.to_owned(), site))
                .into(),
            ..SourceOptions::default()
        }
    }

    #[test]
    fn the_longest_host_name_decides_and_others_sites_are_others() {
        let options = options();
        for (url, wanted) in [
            ("https://www.nicovideo.jp/watch/sm9", "nico"),
            ("https://nicovideo.jp/", "nico"),
            ("https://live.nicovideo.jp/watch/lv1", "live"),
            ("https://notnicovideo.jp/", "all"),
            ("no link", "all"),
        ] {
            assert_eq!(proxy(&options, url), Some(wanted), "{url}");
        }
    }

    #[test]
    fn cookies_tell_when_they_ran_out() {
        let line = |end: u64| format!(".nicovideo.jp\tTRUE\t/\tTRUE\t{end}\tuser_session\tx\n");
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
        let site = SiteOptions { cookies: Some(file), pause_s: Some(1.5), ..SiteOptions::default() };
        let (args, cookies) = args(&site, dir.path()).unwrap();
        assert_eq!(args[..2], ["--sleep-requests", "1.5"]);
        let path = cookies.as_ref().unwrap().path().to_owned();
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777,
            0o600
        );
        drop(cookies);
        assert!(!path.exists());
        let missing = SiteOptions { cookies: Some(dir.path().join("none")), ..SiteOptions::default() };
        assert_eq!(super::args(&missing, dir.path()).unwrap_err().code, Code::Login);
    }
}
