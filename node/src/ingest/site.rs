//! What is set for single sites: which settings hold for a link, its proxy, yt-dlp's arguments.

use std::{ffi::OsString, path::Path};

use url::Url;

use super::{
    Failure,
    cookies::{self, Cookies},
};
use crate::config::{SiteOptions, SourceOptions};

/// The settings for the site of a link: those of the longest host name that it ends with.
pub(super) fn of<'a>(options: &'a SourceOptions, url: &str) -> Option<&'a SiteOptions> {
    options.sites.get(name(options, url)?)
}

/// The name under which the settings for the site of a link are.
pub(super) fn name<'a>(options: &'a SourceOptions, url: &str) -> Option<&'a str> {
    longest(options.sites.keys().map(String::as_str), url)
}

/// The longest of some host names that the host of a link ends with.
pub(super) fn longest<'a>(names: impl Iterator<Item = &'a str>, url: &str) -> Option<&'a str> {
    let host = Url::parse(url).ok()?.host_str()?.to_lowercase();
    let fits = |site: &str| {
        let site = site.to_lowercase();
        host == site || host.strip_suffix(&site).is_some_and(|rest| rest.ends_with('.'))
    };
    names.filter(|name| fits(name)).max_by_key(|name| name.len())
}

/// The proxy for the site of a link.
pub(super) fn proxy<'a>(options: &'a SourceOptions, url: &str) -> Option<&'a str> {
    of(options, url).and_then(|site| site.proxy.as_deref()).or(options.proxy.as_deref())
}

/// The arguments for yt-dlp, and what they need while it runs.
pub(super) fn args(
    options: &SourceOptions,
    url: &str,
    dir: &Path,
) -> Result<(Vec<OsString>, Option<Cookies>), Failure> {
    let mut args: Vec<OsString> = Vec::new();
    let site = of(options, url);
    if let Some(pause) = site.and_then(|site| site.pause_s).filter(|pause| *pause > 0.0) {
        args.extend(["--sleep-requests".into(), pause.to_string().into()]);
    }
    if let Some(rate) = site.and_then(|site| site.bytes_per_s).filter(|rate| *rate > 0) {
        args.extend(["--limit-rate".into(), rate.to_string().into()]);
    }
    let cookies = cookies::of(options, url).map(|file| cookies::copy(&file, dir)).transpose()?;
    if let Some(cookies) = &cookies {
        args.extend(["--cookies".into(), cookies.path().into()]);
    }
    Ok((args, cookies))
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
}
