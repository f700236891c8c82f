//! The fake source sites: everything a test may download, served from this machine to this machine.
//!
//! Owns two listeners (on 127.0.0.1 unless told otherwise), a made-up site (`fixtube`, plain HTTP) and a proxy
//! behind which a fake Niconico and a fake Bilibili live, together with the switches a test turns and the counters it
//! reads.
//! Refuses to know what a node is: it only ever sees requests.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

mod answer;
mod ask;
mod bilibili;
mod catalog;
mod channel;
mod deliver;
mod files;
mod fixtube;
mod listen;
mod media;
mod niconico;
mod recipes;
mod room;
mod search;
mod switches;
#[cfg(test)]
mod tests;
mod trouble;

pub use media::Media;

use room::Room;
use switches::Switches;

/// The running sites. Dropping it ends the listeners and every open connection.
#[derive(Debug)]
pub struct Fixture {
    room: Arc<Room>,
    site: String,
    proxy: String,
    listeners: JoinSet<()>,
}

impl Fixture {
    /// Starts both sites on free ports.
    pub async fn start(media: &Media) -> anyhow::Result<Fixture> {
        Self::start_at(media, Ipv4Addr::LOCALHOST, 0, 0).await
    }

    /// Starts both sites on the given ports, so that addresses survive a restart; 0 takes a free one. With
    /// 0.0.0.0 other machines reach the proxy, and through it the site under its usual name.
    pub async fn start_at(
        media: &Media,
        bind: Ipv4Addr,
        site_port: u16,
        proxy_port: u16,
    ) -> anyhow::Result<Fixture> {
        let site_listener = TcpListener::bind((bind, site_port)).await.context("listen for the site")?;
        let proxy_listener = TcpListener::bind((bind, proxy_port)).await.context("listen for the proxy")?;
        let site = format!("http://127.0.0.1:{}", site_listener.local_addr()?.port());
        let proxy = format!("http://127.0.0.1:{}", proxy_listener.local_addr()?.port());
        let tls =
            listen::Tls::self_signed(&[niconico::CERTIFICATE_NAMES, bilibili::CERTIFICATE_NAMES].concat())?;
        let room = Arc::new(Room { media: media.clone(), switches: Arc::new(Switches::new()), tls });

        let mut listeners = JoinSet::new();
        listeners.spawn(listen::site(site_listener, room.clone()));
        let egress = proxy_listener.local_addr()?.port();
        listeners.spawn(listen::proxy(proxy_listener, egress, room.clone()));
        Ok(Fixture { room, site, proxy, listeners })
    }

    /// One more proxy to the same sites, which see whoever comes through it as somebody else.
    pub async fn another_proxy(&mut self) -> anyhow::Result<String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("listen for a proxy")?;
        let egress = listener.local_addr()?.port();
        self.listeners.spawn(listen::proxy(listener, egress, self.room.clone()));
        Ok(format!("http://127.0.0.1:{egress}"))
    }

    /// From now on the sites behind the proxies send away, for so long, who asks more often than that in a minute. Media
    /// and pictures do not count.
    pub fn set_rule(&self, per_minute: usize, ban: Duration) {
        self.room.switches.set_rule(per_minute, ban);
    }

    /// Each proxy that was used, by its port: the most requests that came through it in a minute, and how often it was
    /// sent away.
    pub fn guests(&self) -> BTreeMap<u16, (usize, u64)> {
        self.room.switches.guests()
    }

    /// Takes a video of a tag, a space or a channel away, as if its uploader had deleted it: it is listed no more, and removed.
    pub fn vanish(&self, id: &str) {
        self.room.switches.vanish(id);
        self.set_error(id, Some("removed"));
    }

    /// The address of the made-up site, without a slash at the end: `http://127.0.0.1:PORT`.
    pub fn site(&self) -> String {
        self.site.clone()
    }

    /// The address to give to yt-dlp's `--proxy`: `http://127.0.0.1:PORT`.
    pub fn proxy(&self) -> String {
        self.proxy.clone()
    }

    /// What `--plugin-dirs` must name. yt-dlp looks into the children of that folder, not into the folder.
    pub fn plugin_dir() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixture-plugin")
    }

    /// The arguments yt-dlp needs beyond the proxy, quoted for a shell.
    pub fn ytdlp_args(&self) -> String {
        let plugins = Self::plugin_dir().display().to_string().replace('\'', r"'\''");
        format!("--no-check-certificates --plugin-dirs '{plugins}'")
    }

    /// How often a download of this video's media began: `served("fx1")`, `served("sm9")`, `served("bbb.mp4")`.
    ///
    /// Counts answers that start at byte 0 of the video's first file, so a resumed download counts once. For
    /// `/files` yt-dlp's generic extractor looks before it downloads: one download counts as two there.
    pub fn served(&self, what: &str) -> u64 {
        self.room.switches.served(what)
    }

    /// Bytes of this video's media that went out, whoever asked and how often.
    pub fn sent(&self, what: &str) -> u64 {
        self.room.switches.sent(what)
    }

    /// How often a path was asked for: `hits("/fixtube/api/video/fx1")`, behind the proxy with the host before
    /// it: `hits("nvapi.nicovideo.jp/v2/users/4242/videos")`.
    pub fn hits(&self, path: &str) -> u64 {
        self.room.switches.hits(path)
    }

    /// Limits every media answer, those already under way, too. `None` lifts the limit (`fxslow` keeps its own).
    pub fn set_rate(&self, bytes_per_s: Option<u64>) {
        self.room.switches.set_rate(bytes_per_s);
    }

    /// While on, media answers stop after their first 64 KiB, later fragments before their first byte.
    ///
    /// yt-dlp hangs up after its `--socket-timeout` (20 s) and tries again, so a hold is for seconds. For longer
    /// use `set_rate`: a slow answer never times out.
    pub fn hold(&self, on: bool) {
        self.room.switches.hold(on);
    }

    /// Makes a video (or an uploader's listing) fail from now on; `None` heals it, a born failure included.
    ///
    /// Words: removed, private, geo, login, upcoming, maintenance, rights-holder, members, terminated, broken, missing,
    /// cut, or an HTTP status as in "429".
    ///
    /// # Panics
    /// On any other word: the test is wrong.
    pub fn set_error(&self, video: &str, error: Option<&str>) {
        let trouble = error.map(|word| match word.parse() {
            Ok(trouble) => trouble,
            Err(trouble::UnknownWord) => panic!("the fixture knows no error {word:?}"),
        });
        self.room.switches.set_trouble(video, trouble);
    }

    /// Lets a video be put up anew under its id: another title on the fake Niconico, 720p on fixtube.
    pub fn remake(&self, id: &str) {
        self.room.switches.remake(id);
    }

    /// Lets a tag of the fake Niconico, a space of the fake Bilibili or a channel of fixtube have so many more videos.
    pub fn grow(&self, list: &str, more: u64) {
        self.room.switches.grow(list, more);
    }

    /// The file `fxhls` (and `/files/playlist.mp4`) names beside /etc/passwd: the secret that must not leak.
    pub fn set_hls_target(&self, secret: &Path) {
        self.room.switches.set_hls_target(secret);
    }

    /// A PEM of the certificate the proxy ends TLS with, for clients that check.
    pub fn certificate_pem(&self) -> String {
        self.room.tls.pem.clone()
    }
}
