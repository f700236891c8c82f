//! What a person may set: command line, then environment, then `config.toml`, then the default.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum, builder::FalseyValueParser};
use libp2p::Multiaddr;
use serde::Deserialize;
use thiserror::Error;

use crate::{clock, media::hardware::Choice, space::Space};

pub mod settings;

/// MB that stay free unless somebody says otherwise: the database and the system need some.
const KEEP_FREE_MB: u64 = 1_000;
/// Encoders unless somebody says otherwise: each takes some hundred MB.
const MOST_ENCODERS: usize = 8;

/// Options of `horahora run`. Each is also a key of `config.toml` under the same name with `_`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunOptions {
    /// Address of the node's page. Port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "HORAHORA_HTTP", value_name = "IP:PORT")]
    pub http: Option<SocketAddr>,
    /// Addresses for peers [default: port 4150, TCP and QUIC, IPv4 and IPv6]
    #[arg(long, env = "HORAHORA_LISTEN", value_name = "MULTIADDR", value_delimiter = ',')]
    pub listen: Vec<Multiaddr>,
    /// Peers to connect to
    #[arg(long, env = "HORAHORA_PEER", value_name = "MULTIADDR", value_delimiter = ',')]
    pub peer: Vec<Multiaddr>,
    /// Do not look for nodes on the local network
    #[arg(long, env = "HORAHORA_NO_MDNS", value_parser = FalseyValueParser::new())]
    pub no_mdns: bool,
    /// Do not relay between nodes behind routers
    #[arg(long, env = "HORAHORA_NO_RELAY", value_parser = FalseyValueParser::new())]
    pub no_relay: bool,
    /// Folder for yt-dlp and ffmpeg, may be shared by several nodes [default: DATA/tools]
    #[arg(long, env = "HORAHORA_TOOLS_DIR", value_name = "DIR")]
    pub tools_dir: Option<PathBuf>,
    /// Room on the disk that is left free, in MB [default: 1000]
    #[arg(long, env = "HORAHORA_KEEP_FREE_MB", value_name = "MB")]
    pub keep_free_mb: Option<u64>,
    /// Do not look for newer versions of yt-dlp
    #[arg(long, env = "HORAHORA_NO_UPDATES", value_parser = FalseyValueParser::new())]
    pub no_updates: bool,
    /// Do not look at archived videos again at their origin
    #[arg(long, env = "HORAHORA_NO_LOOKS", value_parser = FalseyValueParser::new())]
    pub no_looks: bool,
    /// Make pictures in AV1, too: smaller for viewers, more work for this machine
    #[arg(long, env = "HORAHORA_AV1", value_parser = FalseyValueParser::new())]
    pub av1: bool,
    /// Smaller pictures that are encoded at once; 0 leaves them to the other members of the group [default: cores - 1]
    #[arg(long, env = "HORAHORA_ENCODERS", value_name = "N")]
    pub encoders: Option<usize>,
    /// Encoder in hardware for smaller pictures [default: auto]
    #[arg(long, env = "HORAHORA_HARDWARE", value_name = "WHICH")]
    pub hardware: Option<Choice>,
    /// Proxy for source sites only; never for tools or peers
    #[arg(long, env = "HORAHORA_PROXY", value_name = "URL")]
    pub proxy: Option<String>,
    /// More arguments for every use of yt-dlp, split as a POSIX shell does
    #[arg(long, env = "HORAHORA_YTDLP_ARGS", value_name = "ARGS", allow_hyphen_values = true)]
    pub ytdlp_args: Option<String>,
    /// Allow source URLs on this machine and on private networks
    #[arg(long, env = "HORAHORA_ALLOW_PRIVATE_SOURCES", value_parser = FalseyValueParser::new())]
    pub allow_private_sources: bool,
    /// Whose copies to mirror instead of downloading a video again [default: trusted]
    #[arg(long, env = "HORAHORA_ADOPT", value_name = "WHOSE")]
    pub adopt: Option<Adopt>,
    /// Name of this node, shown to people [default: the machine's name]
    #[arg(long, env = "HORAHORA_NAME", value_name = "NAME")]
    pub name: Option<String>,
    /// Host names under which the page may be opened, besides IP addresses and localhost
    #[arg(long, env = "HORAHORA_HOSTS", value_name = "NAME", value_delimiter = ',')]
    pub hosts: Vec<String>,
}

/// How one source site is reached.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteOptions {
    /// Proxy for this site, instead of `proxy`.
    pub proxy: Option<String>,
    /// File with cookies in the form of Netscape, as browsers' extensions export them. It is never written to.
    pub cookies: Option<PathBuf>,
    /// Seconds between two questions to the site within one use of yt-dlp.
    pub pause_s: Option<f64>,
    /// Bytes a second of one download.
    pub bytes_per_s: Option<u64>,
    /// Requests to the site a minute, not counting those that download; 0 is no limit.
    pub requests_per_minute: Option<u32>,
    /// The same a day.
    pub requests_per_day: Option<u64>,
    /// Bytes downloaded from the site a day; what is under way is finished.
    pub bytes_per_day: Option<u64>,
    /// The hours of the day, on this machine's clock, at which something is begun at the site: `"01:00-07:00"`.
    pub hours: Option<Hours>,
}

/// Some hours of each day; they may go past midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Hours {
    from_ms: u64,
    to_ms: u64,
}

impl Hours {
    /// How long after `at`, ms since midnight, they begin; none when `at` is in them.
    #[must_use]
    pub fn opens_in_ms(&self, at: u64) -> Option<u64> {
        let open = if self.from_ms < self.to_ms {
            (self.from_ms..self.to_ms).contains(&at)
        } else {
            at >= self.from_ms || at < self.to_ms
        };
        (!open).then(|| (self.from_ms + clock::DAY_MS - at) % clock::DAY_MS)
    }
}

impl TryFrom<String> for Hours {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time = |text: &str| {
            let (hour, minute) = text.trim().split_once(':')?;
            let (hour, minute): (u64, u64) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60).then_some((hour * 60 + minute) * 60_000)
        };
        let hours = text.split_once('-').and_then(|(from, to)| time(from).zip(time(to)));
        match hours {
            Some((from_ms, to_ms)) if from_ms != to_ms => Ok(Self { from_ms, to_ms }),
            _ => Err(format!("hours are written like \"01:00-07:00\", not {text:?}")),
        }
    }
}

impl std::fmt::Display for Hours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = |ms: u64| (ms / 3_600_000, ms / 60_000 % 60);
        let ((from, past), (to, then)) = (time(self.from_ms), time(self.to_ms));
        write!(f, "{from:02}:{past:02}-{to:02}:{then:02}")
    }
}

/// Everything set, nothing open.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data folder.
    pub data_dir: PathBuf,
    /// Address of the page.
    pub http: SocketAddr,
    /// Addresses for peers; none means the usual ones.
    pub listen: Vec<Multiaddr>,
    /// Peers to connect to.
    pub peers: Vec<Multiaddr>,
    /// Whether to look for nodes on the local network.
    pub mdns: bool,
    /// Whether to relay between nodes behind routers.
    pub relay: bool,
    /// Folder for yt-dlp and ffmpeg.
    pub tools_dir: PathBuf,
    /// Room on the disk of the data folder.
    pub space: Space,
    /// Whether to look for newer versions of yt-dlp.
    pub updates: bool,
    /// Whether archived videos are looked at again at their origin by themselves.
    pub looks: bool,
    /// Whether pictures are made in AV1, too.
    pub av1: bool,
    /// Pictures that are encoded at once.
    pub encoders: usize,
    /// What encodes pictures in hardware.
    pub hardware: Choice,
    /// What yt-dlp is given, besides our own arguments.
    pub source: SourceOptions,
    /// Whose copies are mirrored.
    pub adopt: Adopt,
    /// The node's name.
    pub name: String,
    /// Host names of the page.
    pub hosts: Vec<String>,
    /// What command line and environment set, which `config.toml` cannot change.
    pub given: RunOptions,
}

/// Whose copies of a video outside its group count as a capture. Videos of private groups are never asked for outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Adopt {
    /// Those of nodes in groups that this node is in or follows.
    #[default]
    Trusted,
    /// Those too; and anybody's, once the site has the video no more
    Any,
    /// Nobody's: every video comes from its site.
    Never,
}

/// How source sites are reached.
#[derive(Debug, Clone, Default)]
pub struct SourceOptions {
    /// Proxy for source sites.
    pub proxy: Option<String>,
    /// More arguments for yt-dlp.
    pub ytdlp_args: Vec<String>,
    /// Whether sources may be on private networks.
    pub allow_private: bool,
    /// Single sites, by their host names.
    pub sites: BTreeMap<String, SiteOptions>,
    /// Where cookies are that somebody gave on the page.
    pub cookies_dir: Option<PathBuf>,
}

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// `config.toml` cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// `config.toml` has a mistake.
    #[error("{path} has a mistake: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// `--ytdlp-args` cannot be split.
    #[error("--ytdlp-args has an unclosed quote: {0}")]
    YtdlpArgs(String),
    /// `config.toml` cannot be written.
    #[error("{path} cannot be written: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A setting cannot have this value.
    #[error("“{label}” cannot be so: {why}")]
    Value {
        /// What it is called.
        label: &'static str,
        /// Why.
        why: String,
    },
    /// There is no such setting on the page.
    #[error("there is no setting {0:?} on the page")]
    Unknown(String),
    /// A proxy that is no URL.
    #[error("--proxy must be a URL such as http://127.0.0.1:3128 or socks5://HOST:PORT, not {0:?}")]
    Proxy(String),
}

/// The data folder when none is named: `$XDG_DATA_HOME/horahora`, else `~/.local/share/horahora`.
#[must_use]
pub fn default_data_dir() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_DATA_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| set("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_else(|| PathBuf::from("."))
        .join("horahora")
}

impl RunOptions {
    /// What is set here, and from `other` what is not.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            http: self.http.or(other.http),
            listen: if self.listen.is_empty() { other.listen } else { self.listen },
            peer: if self.peer.is_empty() { other.peer } else { self.peer },
            no_mdns: self.no_mdns || other.no_mdns,
            no_relay: self.no_relay || other.no_relay,
            keep_free_mb: self.keep_free_mb.or(other.keep_free_mb),
            no_updates: self.no_updates || other.no_updates,
            no_looks: self.no_looks || other.no_looks,
            av1: self.av1 || other.av1,
            encoders: self.encoders.or(other.encoders),
            hardware: self.hardware.or(other.hardware),
            tools_dir: self.tools_dir.or(other.tools_dir),
            proxy: self.proxy.or(other.proxy),
            ytdlp_args: self.ytdlp_args.or(other.ytdlp_args),
            allow_private_sources: self.allow_private_sources || other.allow_private_sources,
            adopt: self.adopt.or(other.adopt),
            name: self.name.or(other.name),
            hosts: if self.hosts.is_empty() { other.hosts } else { self.hosts },
        }
    }
}

impl Config {
    /// Puts command line, environment (both in `given`) and `config.toml` together.
    ///
    /// # Errors
    /// When a file or a value cannot be used; the message says what to change.
    pub fn load(data_dir: &Path, given: RunOptions) -> Result<Self, ConfigError> {
        Self::of(data_dir, given, &read_text(&data_dir.join("config.toml"))?)
    }

    /// The same with this text of `config.toml`.
    fn of(data_dir: &Path, given: RunOptions, text: &str) -> Result<Self, ConfigError> {
        let (file, sites) = read_file(&data_dir.join("config.toml"), text)?;
        let started = given.clone();
        let given = given.or(file);
        let args = given.ytdlp_args.unwrap_or_default();
        let proxy = given.proxy.filter(|proxy| !proxy.is_empty());
        let proxies = proxy.iter().chain(sites.values().filter_map(|site| site.proxy.as_ref()));
        if let Some(proxy) = proxies.into_iter().find(|proxy| url::Url::parse(proxy).is_err()) {
            return Err(ConfigError::Proxy(proxy.clone()));
        }
        // Children run in folders of their own.
        let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Ok(Self {
            data_dir: whole(data_dir),
            http: given.http.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            listen: given.listen,
            peers: given.peer,
            mdns: !given.no_mdns,
            relay: !given.no_relay,
            space: Space::new(whole(data_dir), given.keep_free_mb.unwrap_or(KEEP_FREE_MB) * 1_000_000),
            updates: !given.no_updates,
            looks: !given.no_looks,
            av1: given.av1,
            encoders: given.encoders.unwrap_or_else(usual_encoders),
            hardware: given.hardware.unwrap_or_default(),
            tools_dir: whole(&given.tools_dir.unwrap_or_else(|| data_dir.join("tools"))),
            source: SourceOptions {
                proxy,
                ytdlp_args: shell_words::split(&args).map_err(|_| ConfigError::YtdlpArgs(args))?,
                allow_private: given.allow_private_sources,
                sites,
                cookies_dir: Some(whole(data_dir).join("cookies")),
            },
            adopt: given.adopt.unwrap_or_default(),
            name: given.name.unwrap_or_else(machine_name),
            hosts: given.hosts,
            given: started,
        })
    }
}

/// Each takes one core, and the page needs one.
fn usual_encoders() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() - 1).clamp(1, MOST_ENCODERS))
}

/// What `config.toml` holds at the first start: every key, none of them set.
const TEMPLATE: &str = r#"# Settings of this node. Command line and environment come before this file.
# Remove the # before a line to set it; restart the node afterwards. All are explained in docs/API.md.

# name = "attic"
# http = "127.0.0.1:8080"
# hosts = ["attic.local"]
# listen = ["/ip4/0.0.0.0/tcp/4150", "/ip4/0.0.0.0/udp/4150/quic-v1"]
# peer = []
# no_mdns = false
# no_relay = false
# tools_dir = "/var/lib/horahora-tools"
# keep_free_mb = 1000
# no_updates = false
# no_looks = false
# av1 = false
# encoders = 1
# hardware = "auto"
# proxy = "socks5://127.0.0.1:1080"
# ytdlp_args = "--cookies /path/to/cookies.txt"
# allow_private_sources = false
# adopt = "trusted"
# [sites."nicovideo.jp"]
# cookies = "/path/to/niconico.txt"
# proxy = "socks5://127.0.0.1:1081"
# pause_s = 3.0
# bytes_per_s = 2000000
# requests_per_minute = 20
# requests_per_day = 10000
# bytes_per_day = 50000000000
# hours = "01:00-07:00"
"#;

/// Writes the commented template unless there is a `config.toml`.
///
/// # Errors
/// When the disk fails.
pub fn write_template(data_dir: &Path) -> std::io::Result<()> {
    let path = data_dir.join("config.toml");
    if path.exists() { Ok(()) } else { std::fs::write(path, TEMPLATE) }
}

/// The text of `config.toml`, empty where there is none.
fn read_text(path: &Path) -> Result<String, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(ConfigError::Read { path: path.to_owned(), source }),
    }
}

/// What `config.toml` sets: the options, and single sites, which are nowhere else.
fn read_file(path: &Path, text: &str) -> Result<(RunOptions, BTreeMap<String, SiteOptions>), ConfigError> {
    let wrong =
        |error: toml::de::Error| ConfigError::Parse { path: path.to_owned(), message: error.to_string() };
    let mut table: toml::Table = text.parse().map_err(wrong)?;
    let sites = table.remove("sites").map(toml::Value::try_into).transpose().map_err(wrong)?;
    Ok((toml::Value::Table(table).try_into().map_err(wrong)?, sites.unwrap_or_default()))
}

fn machine_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().trim().to_owned();
    if name.is_empty() { "horahora".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_sets_nothing_and_every_line_of_it_can_be_set() {
        let dir = tempfile::tempdir().unwrap();
        write_template(dir.path()).unwrap();
        let config = Config::load(dir.path(), RunOptions::default()).unwrap();
        assert_eq!(config.http, SocketAddr::from(([127, 0, 0, 1], 8080)));
        assert!(config.mdns && config.source.ytdlp_args.is_empty());
        let all = TEMPLATE.replace("# ", "").lines().skip(3).collect::<Vec<_>>().join("\n");
        std::fs::write(dir.path().join("config.toml"), all).unwrap();
        let config = Config::load(dir.path(), RunOptions::default()).unwrap();
        assert_eq!((config.name.as_str(), config.hosts.len()), ("attic", 1));
        assert_eq!(config.source.ytdlp_args, ["--cookies", "/path/to/cookies.txt"]);
        let site = &config.source.sites["nicovideo.jp"];
        assert_eq!((site.pause_s, site.bytes_per_s), (Some(3.0), Some(2_000_000)));
        assert_eq!(site.hours.unwrap().to_string(), "01:00-07:00");
    }

    #[test]
    fn hours_go_past_midnight_and_mistakes_are_told() {
        const HOUR: u64 = 3_600_000;
        let hours = |text: &str| Hours::try_from(text.to_owned());
        let (night, late) = (hours("01:00-07:00").unwrap(), hours("22:30-06:00").unwrap());
        assert_eq!(night.opens_in_ms(2 * HOUR), None);
        assert_eq!(night.opens_in_ms(7 * HOUR), Some(18 * HOUR));
        assert_eq!(night.opens_in_ms(0), Some(HOUR));
        assert_eq!((late.opens_in_ms(23 * HOUR), late.opens_in_ms(HOUR)), (None, None));
        assert_eq!(late.opens_in_ms(12 * HOUR), Some(10 * HOUR + HOUR / 2));
        for wrong in ["", "1-7", "25:00-07:00", "01:00-01:00", "01:60-02:00"] {
            assert!(hours(wrong).unwrap_err().contains("01:00-07:00"), "{wrong}");
        }
    }

    #[test]
    fn folders_are_whole_paths_wherever_the_node_is_started() {
        let given = RunOptions { tools_dir: Some("tools".into()), ..RunOptions::default() };
        let config = Config::load(Path::new("some/data"), given).unwrap();
        assert!(config.tools_dir.is_absolute() && config.data_dir.is_absolute(), "{config:?}");
        assert!(config.data_dir.ends_with("some/data"));
    }

    #[test]
    fn the_command_line_comes_before_the_file_and_mistakes_are_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.toml"), "name = \"file\"\nproxy = \"http://file:1\"").unwrap();
        let given = RunOptions { name: Some("given".to_owned()), ..RunOptions::default() };
        let config = Config::load(dir.path(), given).unwrap();
        assert_eq!((config.name.as_str(), config.source.proxy.as_deref()), ("given", Some("http://file:1")));
        let quote = RunOptions { ytdlp_args: Some("--a 'b".to_owned()), ..RunOptions::default() };
        assert!(matches!(Config::load(dir.path(), quote), Err(ConfigError::YtdlpArgs(_))));
        let proxy = RunOptions { proxy: Some("nonsense".to_owned()), ..RunOptions::default() };
        assert!(matches!(Config::load(dir.path(), proxy), Err(ConfigError::Proxy(_))));
        std::fs::write(dir.path().join("config.toml"), "nmae = \"typo\"").unwrap();
        let typo = Config::load(dir.path(), RunOptions::default()).unwrap_err();
        assert!(typo.to_string().contains("nmae"), "{typo}");
    }
}
