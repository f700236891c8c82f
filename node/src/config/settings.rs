//! Settings as somebody changes them on the page: `config.toml`, with its comments and with what the page does not know.

use std::{collections::BTreeMap, fs, io::Write, path::Path};

use clap::{ValueEnum, builder::PossibleValue};
use toml_edit::{Array, DocumentMut, Item, Value};

use super::{Config, ConfigError, RunOptions};

/// How a setting is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One line.
    Text,
    /// A whole number.
    Number,
    /// One on each line.
    Lines,
    /// On when it is checked.
    Switch,
    /// A key that switches something off: checked means that it is not set.
    Unless,
    /// One of several, each with its words.
    OneOf(&'static [(&'static str, &'static str)]),
}

/// A setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its key in `config.toml`.
    pub key: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// What it does.
    pub help: &'static str,
    /// How it is written.
    pub kind: Kind,
}

const fn of(key: &'static str, label: &'static str, kind: Kind, help: &'static str) -> Setting {
    Setting { key, label, help, kind }
}

const ADOPT: &[(&str, &str)] = &[
    ("trusted", "Of nodes in groups that this node is in or follows"),
    ("any", "Of anybody, once the site has the video no more"),
    ("never", "Of nobody: every video comes from its site"),
];
const HARDWARE: &[(&str, &str)] = &[
    ("auto", "Whatever works here"),
    ("never", "None: the processor, the same bytes everywhere"),
    ("vaapi", "VAAPI (AMD, Intel)"),
    ("qsv", "Quick Sync (Intel)"),
    ("nvenc", "NVENC (NVIDIA)"),
];

/// All settings of the page, in parts. Arguments of yt-dlp are none of them: they can run programs, and whoever logs in from
/// elsewhere as an admin is not for that reason somebody at this machine.
pub const SETTINGS: [(&str, &[Setting]); 4] = [
    (
        "This node",
        &[
            of("name", "Name", Kind::Text, "What people call this node. Empty: the machine's name."),
            of(
                "http",
                "Address of this page",
                Kind::Text,
                "127.0.0.1:8080 is for this machine alone; 0.0.0.0:8080 for everybody who can reach it. Behind a proxy leave it.",
            ),
            of(
                "hosts",
                "Names of this page",
                Kind::Lines,
                "Names under which the page may be opened, besides addresses and localhost; one on a line.",
            ),
        ],
    ),
    (
        "Room and work",
        &[
            of(
                "keep_free_mb",
                "Always keep free, in MB",
                Kind::Number,
                "Left for everything else on the disk. Below it nothing is fetched, and the page says so. Empty: 1,000.",
            ),
            of(
                "encoders",
                "Smaller sizes made at once",
                Kind::Number,
                "Each takes one core. 0 leaves them to the other members of the group. Empty: all cores but one.",
            ),
            of(
                "hardware",
                "Encoder in hardware",
                Kind::OneOf(HARDWARE),
                "Less work for the machine, a little more bytes.",
            ),
            of("av1", "Also make AV1", Kind::Switch, "Smaller for viewers, much more work for this machine."),
            of(
                "no_looks",
                "Look at archived videos again at their origin",
                Kind::Unless,
                "New comments and words are kept; a video that is gone there is marked.",
            ),
        ],
    ),
    (
        "Sites and tools",
        &[
            of(
                "adopt",
                "Mirror copies instead of downloading",
                Kind::OneOf(ADOPT),
                "Whose copies count as archived.",
            ),
            of(
                "proxy",
                "Proxy for sites",
                Kind::Text,
                "For source sites only, never for nodes: http://… or socks5://…",
            ),
            of(
                "allow_private_sources",
                "Allow links into this network",
                Kind::Switch,
                "Links to this machine and to private addresses. Members could read what is there.",
            ),
            of(
                "no_updates",
                "Look for newer versions of yt-dlp",
                Kind::Unless,
                "They are used once they passed a check.",
            ),
        ],
    ),
    (
        "Network",
        &[
            of(
                "listen",
                "Addresses for nodes",
                Kind::Lines,
                "Multiaddresses, one on a line. Empty: port 4150 by TCP and QUIC.",
            ),
            of("peer", "Nodes to connect to", Kind::Lines, "Multiaddresses, one on a line."),
            of("no_mdns", "Find nodes in the local network", Kind::Unless, "By multicast DNS."),
            of(
                "no_relay",
                "Relay for nodes behind routers",
                Kind::Unless,
                "Helps others to find each other; takes little.",
            ),
        ],
    ),
];

impl RunOptions {
    /// Whether a key is set here.
    #[must_use]
    pub fn sets(&self, key: &str) -> bool {
        self.text_of(key).is_some()
    }

    /// What a key is set to here, as `config.toml` would have it; lists have lines.
    #[must_use]
    pub fn text_of(&self, key: &str) -> Option<String> {
        let on = |set: bool| set.then(|| "true".to_owned());
        let named = |choice: Option<PossibleValue>| choice.map(|choice| choice.get_name().to_owned());
        match key {
            "http" => self.http.map(|address| address.to_string()),
            "listen" => lines(&self.listen),
            "peer" => lines(&self.peer),
            "no_mdns" => on(self.no_mdns),
            "no_relay" => on(self.no_relay),
            "tools_dir" => self.tools_dir.as_ref().map(|dir| dir.display().to_string()),
            "keep_free_mb" => self.keep_free_mb.map(|mb| mb.to_string()),
            "no_updates" => on(self.no_updates),
            "no_looks" => on(self.no_looks),
            "av1" => on(self.av1),
            "encoders" => self.encoders.map(|count| count.to_string()),
            "hardware" => named(self.hardware.as_ref().and_then(ValueEnum::to_possible_value)),
            "proxy" => self.proxy.clone(),
            "ytdlp_args" => self.ytdlp_args.clone(),
            "allow_private_sources" => on(self.allow_private_sources),
            "adopt" => named(self.adopt.as_ref().and_then(ValueEnum::to_possible_value)),
            "name" => self.name.clone(),
            "hosts" => lines(&self.hosts),
            _ => None,
        }
    }
}

fn lines<T: ToString>(all: &[T]) -> Option<String> {
    let all: Vec<_> = all.iter().map(ToString::to_string).collect();
    (!all.is_empty()).then(|| all.join("\n"))
}

/// A setting of this key.
#[must_use]
pub fn setting(key: &str) -> Option<Setting> {
    all().find(|setting| setting.key == key).copied()
}

/// All of them, one after the other.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().flat_map(|(_, settings)| settings.iter())
}

/// What `config.toml` sets, as text: lists have lines, switches are `true` or `false`.
///
/// # Errors
/// When the file cannot be read.
pub fn read(data_dir: &Path) -> Result<BTreeMap<&'static str, String>, ConfigError> {
    let document = document(data_dir)?;
    let text = |item: &Item| match item {
        Item::Value(Value::Array(lines)) => {
            lines.iter().filter_map(Value::as_str).map(|line| format!("{line}\n")).collect()
        }
        item => item.as_str().map_or_else(|| bare(item), str::to_owned),
    };
    Ok(all().filter_map(|setting| Some((setting.key, text(document.get(setting.key)?)))).collect())
}

/// Changes settings; an empty text unsets one. Nothing is written unless a node would start with all of it. Whether anything
/// is different now.
///
/// # Errors
/// When a value cannot be, or the disk fails.
pub fn change(
    data_dir: &Path,
    given: &RunOptions,
    new: &BTreeMap<String, String>,
) -> Result<bool, ConfigError> {
    let mut document = document(data_dir)?;
    let before = document.to_string();
    for (key, text) in new {
        let Some(setting) = setting(key) else { return Err(ConfigError::Unknown(key.clone())) };
        match value(setting, text.trim())? {
            Some(value) if same(document.get(key), &value) => {}
            Some(mut value) => {
                // What is written behind it stays.
                if let Some(old) = document.get(key).and_then(Item::as_value) {
                    *value.decor_mut() = old.decor().clone();
                }
                document[key] = Item::Value(value);
            }
            None => _ = document.remove(key),
        }
    }
    let after = document.to_string();
    if after == before {
        return Ok(false);
    }
    Config::of(data_dir, given.clone(), &after)?;
    let (path, temporary) = (data_dir.join("config.toml"), data_dir.join("config.toml.new"));
    let write = || {
        let mut file = fs::File::create(&temporary)?;
        file.write_all(after.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, &path)
    };
    write().map_err(|source| ConfigError::Write { path, source })?;
    Ok(true)
}

fn document(data_dir: &Path) -> Result<DocumentMut, ConfigError> {
    let path = data_dir.join("config.toml");
    let text = super::read_text(&path)?;
    text.parse()
        .map_err(|error: toml_edit::TomlError| ConfigError::Parse { path, message: error.to_string() })
}

fn value(setting: Setting, text: &str) -> Result<Option<Value>, ConfigError> {
    let wrong = |why: &str| ConfigError::Value { label: setting.label, why: why.to_owned() };
    Ok(match setting.kind {
        Kind::Switch => (text == "true").then(|| true.into()),
        Kind::Unless => (text != "true").then(|| true.into()),
        _ if text.is_empty() => None,
        Kind::Text => Some(text.into()),
        Kind::Number => Some(text.parse::<i64>().map_err(|_| wrong("it is no whole number"))?.into()),
        Kind::Lines => {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            Some(Value::Array(lines.collect::<Array>()))
        }
        Kind::OneOf(all) if all.iter().any(|(known, _)| *known == text) => Some(text.into()),
        Kind::OneOf(_) => return Err(wrong("it is none of the choices")),
    })
}

/// A value without what is written round it.
fn bare(item: &Item) -> String {
    item.as_value().map_or_else(String::new, |value| value.clone().decorated("", "").to_string())
}

fn same(now: Option<&Item>, value: &Value) -> bool {
    now.is_some_and(|now| bare(now) == value.to_string().trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn what_is_changed_is_written_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        let text = "# mine\nname = \"attic\" # old\nhosts = [\"a.local\"]\n\n[sites.\"nicovideo.jp\"]\npause_s = 3.0\n";
        fs::write(&file, text).unwrap();
        let given = RunOptions::default();
        let same = new(&[("name", "attic"), ("no_mdns", "true"), ("av1", "false"), ("proxy", " ")]);
        assert!(!change(dir.path(), &given, &same).unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        let other = new(&[
            ("name", "倉"),
            ("hosts", "a.local\n\n b.local"),
            ("keep_free_mb", "500"),
            ("no_mdns", "false"),
        ]);
        assert!(change(dir.path(), &given, &other).unwrap());
        let written = fs::read_to_string(&file).unwrap();
        assert!(
            written.starts_with("# mine\n") && written.contains("[sites.\"nicovideo.jp\"]\npause_s = 3.0"),
            "{written}"
        );
        let config = Config::load(dir.path(), given.clone()).unwrap();
        assert_eq!((config.name.as_str(), config.hosts.len(), config.mdns), ("倉", 2, false));
        let told = read(dir.path()).unwrap();
        assert_eq!((told["hosts"].as_str(), told["no_mdns"].as_str()), ("a.local\nb.local\n", "true"));
        assert!(change(dir.path(), &given, &new(&[("hosts", ""), ("no_mdns", "true")])).unwrap());
        assert!(!fs::read_to_string(&file).unwrap().contains("hosts"));
    }

    #[test]
    fn what_cannot_be_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        for (key, text) in [
            ("http", "nowhere"),
            ("keep_free_mb", "much"),
            ("keep_free_mb", "-1"),
            ("adopt", "everything"),
            ("proxy", "no url"),
            ("ytdlp_args", "--exec id"),
            ("listen", "4150"),
            ("data_dir", "/"),
        ] {
            assert!(
                change(dir.path(), &RunOptions::default(), &new(&[(key, text)])).is_err(),
                "{key} = {text}"
            );
        }
        assert!(!dir.path().join("config.toml").exists());
    }

    #[test]
    fn every_setting_of_the_page_is_one_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        super::super::write_template(dir.path()).unwrap();
        let template = fs::read_to_string(dir.path().join("config.toml")).unwrap();
        for (_, settings) in SETTINGS {
            for setting in settings {
                assert!(template.contains(&format!("# {} = ", setting.key)), "{}", setting.key);
            }
        }
    }
}
