//! What can be a source: checked before anything is asked, so that a mistake is told at once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use horahora_protocol::limits;
use thiserror::Error;
use url::{Host, Url};

/// Why a text can never be a source.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceError {
    /// Not a URL.
    #[error(
        "This is not a link. Paste the address of a video, for example https://www.nicovideo.jp/watch/sm9"
    )]
    NotAUrl,
    /// Longer than any site's.
    #[error("This link is longer than {} characters, so it is not a video's address.", limits::URL_BYTES)]
    TooLong,
    /// Another scheme than http or https.
    #[error("Only http and https links can be archived, not {0}: links.")]
    Scheme(String),
    /// A name and a password inside the link.
    #[error("The link has a name or a password in it. It would be told to all peers, so it is not taken.")]
    Credentials,
    /// On this machine or a private network.
    #[error(
        "{0} is on this machine or a private network. Start the node with --allow-private-sources to archive \
         from there."
    )]
    Private(String),
}

impl SourceError {
    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAUrl => "not-a-url",
            Self::TooLong => "url-too-long",
            Self::Scheme(_) => "unsupported-scheme",
            Self::Credentials => "credentials-in-url",
            Self::Private(_) => "private-address",
        }
    }
}

/// Checks that `text` can be a source. Names are looked up unless a proxy does that; a name that cannot be
/// found is the site's failure, not the link's.
///
/// # Errors
/// What is wrong with it.
pub async fn check_source(text: &str, allow_private: bool, proxied: bool) -> Result<Url, SourceError> {
    let url = check_link(text)?;
    let host = url.host().ok_or(SourceError::NotAUrl)?.to_owned();
    if !allow_private && is_private(&host, &url, proxied).await {
        return Err(SourceError::Private(host.to_string()));
    }
    Ok(url)
}

/// The same as far as it can be said without looking a name up.
///
/// # Errors
/// What is wrong with it.
pub fn check_link(text: &str) -> Result<Url, SourceError> {
    let text = text.trim();
    if text.len() > limits::URL_BYTES {
        return Err(SourceError::TooLong);
    }
    let url = Url::parse(text).map_err(|_| SourceError::NotAUrl)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(SourceError::Scheme(url.scheme().to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(SourceError::Credentials);
    }
    url.host().ok_or(SourceError::NotAUrl)?;
    Ok(url)
}

async fn is_private(host: &Host, url: &Url, proxied: bool) -> bool {
    match host {
        Host::Ipv4(ip) => private_v4(*ip),
        Host::Ipv6(ip) => private_v6(*ip),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            if name == "localhost" || name.ends_with(".localhost") || !name.contains('.') {
                return true;
            }
            if proxied {
                return false;
            }
            let port = url.port_or_known_default().unwrap_or(443);
            let found = tokio::net::lookup_host((name, port)).await;
            found.is_ok_and(|mut addresses| {
                addresses.any(|address| match address.ip() {
                    IpAddr::V4(ip) => private_v4(ip),
                    IpAddr::V6(ip) => private_v6(ip),
                })
            })
        }
    }
}

fn private_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    // 100.64/10: shared address space of providers (RFC 6598); 198.18/15: benchmarks (RFC 2544).
    let shared = a == 100 && (64..128).contains(&b);
    let bench = a == 198 && (18..20).contains(&b);
    ip.is_private() || ip.is_loopback() || ip.is_link_local() || a == 0 || a >= 224 || shared || bench
}

fn private_v6(ip: Ipv6Addr) -> bool {
    let mapped = ip.to_ipv4_mapped().is_some_and(private_v4);
    mapped
        || ip.is_loopback()
        || ip.is_unspecified()
        || ip.is_multicast()
        || ip.is_unique_local()
        || ip.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn code(text: &str) -> &'static str {
        check_source(text, false, true).await.map_or_else(|error| error.code(), |_| "fine")
    }

    #[tokio::test]
    async fn what_can_never_be_a_source() {
        for (text, expected) in [
            ("https://www.nicovideo.jp/watch/sm9", "fine"),
            ("  https://youtu.be/x  ", "fine"),
            ("sm9", "not-a-url"),
            ("", "not-a-url"),
            ("file:///etc/passwd", "unsupported-scheme"),
            ("javascript:alert(1)", "unsupported-scheme"),
            ("ftp://a.example/x", "unsupported-scheme"),
            ("https://me:secret@a.example/x", "credentials-in-url"),
            ("http://127.0.0.1:8080/x", "private-address"),
            ("http://2130706433/x", "private-address"),
            ("http://0x7f.1/x", "private-address"),
            ("http://[::1]/x", "private-address"),
            ("http://[::ffff:10.0.0.1]/x", "private-address"),
            ("http://localhost/x", "private-address"),
            ("http://a.localhost./x", "private-address"),
            ("http://router/x", "private-address"),
            ("http://192.168.1.1/x", "private-address"),
            ("http://169.254.169.254/latest", "private-address"),
            ("http://100.100.100.100/", "private-address"),
        ] {
            assert_eq!(code(text).await, expected, "{text}");
        }
        assert!(check_source("http://127.0.0.1/x", true, false).await.is_ok());
    }
}
