//! The house rules as tests over the source tree. Each broken rule names the file, the line and what to do.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use serde_json::Value;

/// What `protocol` may be made of. Nothing here waits, reads, sends or asks for the time.
const PROTOCOL_DEPENDENCIES: [&str; 10] = [
    "blake3",
    "bs58",
    "cid",
    "ed25519-dalek",
    "multihash",
    "percent-encoding",
    "serde",
    "serde_bytes",
    "serde_ipld_dagcbor",
    "thiserror",
];

/// Each crate and the crates of ours that it may know.
const ARROWS: [(&str, &[&str]); 4] = [
    ("horahora-protocol", &[]),
    ("horahora-web", &[]),
    ("horahora", &["horahora-protocol", "horahora-web"]),
    ("horahora-testnet", &["horahora", "horahora-protocol"]),
];

/// What only some rooms may name: a path, the rooms (prefixes of files), and whom the others should ask.
const DOORS: [(&str, &[&str], &str); 13] = [
    ("libp2p", &["node/src/net.rs", "node/src/net/", "node/src/config.rs", "testnet/src/hostile"], "ask net"),
    ("sled", &["node/src/store.rs", "node/src/store/"], "ask store"),
    ("axum", &["node/src/http.rs", "node/src/http/", "testnet/src/fixture"], "answer in http"),
    ("askama", &["web/src/"], "write a page of web"),
    ("horahora_web", &["node/src/http.rs", "node/src/http/"], "show it from http"),
    ("tokio::process", &["node/src/process.rs", "node/src/process/", "testnet/"], "start it through process"),
    (
        "std::process::Command",
        &["node/src/process/", "node/src/process.rs", "testnet/"],
        "start it through process",
    ),
    ("tokio::spawn", &["node/src/spawn.rs", "testnet/"], "use Tasks::spawn of spawn.rs"),
    ("tokio::task::spawn", &["node/src/spawn.rs", "testnet/"], "use Tasks::spawn of spawn.rs"),
    ("std::time::SystemTime", &["node/src/clock.rs"], "ask clock"),
    ("std::time::Instant", &["node/src/clock.rs"], "ask clock"),
    ("SystemTime::now", &["node/src/clock.rs"], "ask clock"),
    ("Instant::now", &["node/src/clock.rs"], "ask clock"),
];

const LICENCES: [&str; 15] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

/// Packages under MPL-2.0 or CDLA-Permissive-2.0: the name, the licence, and why it is all right.
const LICENCE_EXCEPTIONS: [(&str, &str, &str); 3] = [
    (
        "attohttpc",
        "MPL-2.0",
        "only named by the lock file, through a feature of libp2p (upnp) that is off; `cargo tree -i attohttpc` is empty",
    ),
    (
        "node_modules/axe-core",
        "MPL-2.0",
        "looks at our pages in the tests; no part of it is shipped or changed",
    ),
    (
        "node_modules/combine-errors",
        "",
        "MIT by its Readme; for Node.js alone, not in what browsers get of tus-js-client",
    ),
];

const TOP_LEVEL: [&str; 10] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "docker-compose.yml",
    "docs",
    "node",
    "protocol",
    "testnet",
    "web",
];

#[test]
fn protocol_is_made_of_what_is_listed() {
    let protocol = member("horahora-protocol");
    let kinds = |dependency: &&Value| dependency["kind"] != "dev";
    let found: BTreeSet<&str> =
        list(&protocol["dependencies"]).filter(kinds).map(|d| text(&d["name"])).collect();
    let mut broken = vec![];
    for name in found.difference(&PROTOCOL_DEPENDENCIES.into()) {
        broken.push(format!("protocol/Cargo.toml: {name} is new; may it wait, read, send or ask for the time? Then not here, else list it in tidy.rs"));
    }
    for name in BTreeSet::from(PROTOCOL_DEPENDENCIES).difference(&found) {
        broken.push(format!("protocol/Cargo.toml: {name} is gone; take it from the list in tidy.rs, too"));
    }
    keep(&broken);
}

#[test]
fn protocol_decides_and_never_does() {
    let paths =
        ["std::fs", "std::net", "std::time", "std::thread", "std::env", "std::process", "tokio", "futures"];
    let words = ["HashMap", "HashSet", "async", "println", "eprintln"];
    let mut broken = vec![];
    for file in sources().into_iter().filter(|file| file.starts_with("protocol/src/")) {
        for (line, path) in paths_in(&file) {
            if paths.iter().any(|forbidden| is_in(&path, forbidden)) {
                broken.push(format!("{file}:{line}: {path} acts or waits; give the value in from node"));
            }
        }
        for (line, code) in code_of(&file) {
            let mut found = code.split(|c: char| !c.is_alphanumeric() && c != '_');
            if let Some(word) = found.find(|word| words.contains(word)) {
                broken.push(format!(
                    "{file}:{line}: no {word} here; maps are ordered, nothing waits or prints"
                ));
            }
        }
    }
    keep(&broken);
}

#[test]
fn crates_know_only_those_below_them() {
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let mut broken = vec![];
    for (name, may) in ARROWS {
        for dependency in list(&member(name)["dependencies"]).map(|dependency| text(&dependency["name"])) {
            if ours.contains(dependency) && !may.contains(&dependency) {
                broken.push(format!("{name} may not know {dependency}; see docs/ARCHITECTURE.md"));
            }
        }
    }
    keep(&broken);
}

#[test]
fn each_foreign_api_has_one_door() {
    let mut broken = vec![];
    for file in sources() {
        for (line, path) in paths_in(&file) {
            let shut = |doors: &[&str]| !doors.iter().any(|door| file.starts_with(door));
            let broke = DOORS.iter().find(|(foreign, doors, _)| names(&path, foreign) && shut(doors));
            if let Some((_, doors, instead)) = broke {
                broken.push(format!("{file}:{line}: {path} belongs to {}; {instead}", doors.join(", ")));
            }
            if file == "node/src/config.rs" && is_in(&path, "libp2p") && path != "libp2p::Multiaddr" {
                broken.push(format!(
                    "{file}:{line}: config knows libp2p::Multiaddr and nothing else of libp2p"
                ));
            }
        }
    }
    keep(&broken);
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut broken = vec![];
    for file in tracked().into_iter().filter(|file| is_rust(file)) {
        if file.ends_with("/mod.rs") {
            broken.push(format!("{file}: name it after its room, beside the folder, not mod.rs"));
        }
    }
    for file in sources() {
        let text = read(&file);
        if !text.starts_with("//! ") {
            broken.push(format!(
                "{file}:1: begin with `//! ` and what this room owns and what it refuses to know"
            ));
        }
        if text.lines().count() > 500 {
            broken.push(format!("{file}: {} lines, 500 are allowed; split it by idea", text.lines().count()));
        }
    }
    keep(&broken);
}

#[test]
fn every_route_is_documented() {
    let api = read("docs/API.md");
    let mut broken = vec![];
    for file in sources().into_iter().filter(|file| file.starts_with("node/src/http")) {
        let text = read(&file);
        for (at, _) in text.match_indices(".route(") {
            let line = text[..at].lines().count();
            let route = text[at..].split('"').nth(1).expect("a route is a literal");
            if file != "node/src/http.rs" {
                broken.push(format!("{file}:{line}: {route}: every route is in node/src/http.rs"));
            } else if !stands_in(&api, route) {
                broken.push(format!("{file}:{line}: {route} is not in docs/API.md; describe it there"));
            }
        }
    }
    keep(&broken);
}

#[test]
fn every_setting_is_documented() {
    let (file, api) = ("node/src/config.rs", read("docs/API.md"));
    let source = read(file);
    let lines = source.lines().zip(1..).skip_while(|(line, _)| !line.starts_with("pub struct RunOptions"));
    let (mut broken, mut settings, mut env) = (vec![], 0, None);
    for (line, number) in lines.take_while(|(line, _)| *line != "}") {
        if let Some((_, rest)) = line.split_once("env = \"") {
            env = rest.split('"').next();
        }
        let Some((key, _)) = line.trim().strip_prefix("pub ").and_then(|field| field.split_once(": ")) else {
            continue;
        };
        settings += 1;
        let mut want = |what: &str, found: bool| {
            if !found {
                broken.push(format!("{file}:{number}: {what} is not in docs/API.md; describe {key} there"));
            }
        };
        let flag = format!("--{}", key.replace('_', "-"));
        want(&flag, stands_in(&api, &flag));
        want(&format!("`{key}`"), api.contains(&format!("`{key}`")) || api.contains(&format!("{key} = ")));
        match env.take() {
            Some(env) => want(env, stands_in(&api, env)),
            None => broken
                .push(format!("{file}:{number}: {key} cannot be set by the environment; give it an env")),
        }
    }
    assert!(settings > 0, "{file}: RunOptions was not found; tell tidy.rs its new name");
    keep(&broken);
}

#[test]
fn documents_are_linked_and_short() {
    let mut broken = vec![];
    let index = read("docs/decisions/README.md");
    for file in tracked() {
        let Some(name) = file
            .strip_prefix("docs/decisions/")
            .filter(|name| name.starts_with(|c: char| c.is_ascii_digit()))
        else {
            continue;
        };
        if !index.contains(&format!("({name})")) {
            broken.push(format!("docs/decisions/README.md: link {name}"));
        }
        let lines = read(&file).lines().count();
        if lines > 60 {
            broken.push(format!("{file}: {lines} lines, 60 are allowed; keep the decision, move the rest"));
        }
    }
    let lines = read("docs/ARCHITECTURE.md").lines().count();
    if lines > 150 {
        broken.push(format!("docs/ARCHITECTURE.md: {lines} lines, 150 are allowed; keep the bird's eye"));
    }
    keep(&broken);
}

#[test]
fn crates_have_allowed_licences() {
    let mut broken = vec![];
    for package in list(&METADATA["packages"]).filter(|package| !package["source"].is_null()) {
        broken.extend(licence_trouble("Cargo.lock", text(&package["name"]), &package["license"]));
    }
    let npm = read("testnet/package-lock.json") + &read("web/package-lock.json");
    for (name, _, _) in LICENCE_EXCEPTIONS {
        let ours = list(&METADATA["packages"]).any(|package| package["name"] == name);
        if !ours && !npm.contains(&format!("\"{name}\"")) {
            broken.push(format!("tidy.rs: {name} is not used any more; take it from LICENCE_EXCEPTIONS"));
        }
    }
    keep(&broken);
}

#[test]
fn npm_packages_have_allowed_licences_and_no_address() {
    let mut broken = vec![];
    for file in ["web/package-lock.json", "testnet/package-lock.json"] {
        let lock: Value = serde_json::from_str(&read(file)).expect("npm writes JSON");
        let packages = lock["packages"].as_object().expect("npm lists packages");
        for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
            broken.extend(licence_trouble(file, name, &package["license"]));
            if package["integrity"].is_null() {
                broken.push(format!("{file}: {name} has no integrity; run npm install again"));
            }
        }
        for (line, number) in read(file).lines().zip(1..) {
            if line.contains("\"resolved\"") {
                broken.push(format!(
                    "{file}:{number}: no address of a registry; set omit-lockfile-registry-resolved"
                ));
            }
        }
    }
    keep(&broken);
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = |id: &str| ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].contains(&id);
    let good = [
        "MIT",
        "(MIT)",
        "GPL-3.0 OR MIT",
        "MIT/GPL-3.0",
        "GPL-3.0 / MIT",
        "MIT AND ISC",
        "MIT AND (GPL-3.0 OR ISC)",
        "GPL-3.0 AND X OR MIT",
        "MIT OR GPL-3.0 AND X",
        "Apache-2.0 WITH LLVM-exception",
        "((MIT) OR (X))AND ISC",
    ];
    for expression in good {
        assert_eq!(permits(expression, &allowed), Some(true), "{expression}");
    }
    for expression in
        ["GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0", "(MIT OR X) AND Y", "GPL-3.0 WITH LLVM-exception"]
    {
        assert_eq!(permits(expression, &allowed), Some(false), "{expression}");
    }
    for expression in ["", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT ISC", "MIT WITH"] {
        assert_eq!(permits(expression, &allowed), None, "{expression}");
    }
}

#[test]
fn the_top_level_shows_nothing_else() {
    let expected = BTreeSet::from(TOP_LEVEL.map(str::to_owned));
    let files = git(&["ls-files"]);
    let found: BTreeSet<String> = files
        .iter()
        .filter_map(|file| file.split('/').next())
        .filter(|name| !name.starts_with('.'))
        .map(str::to_owned)
        .collect();
    let more =
        found.difference(&expected).map(|name| format!("{name}: does not belong to the top level; move it"));
    keep(&more.collect::<Vec<_>>());
}

#[test]
fn dependencies_come_from_the_registry() {
    let mut broken = vec![];
    for package in list(&METADATA["packages"]) {
        let (name, source) = (text(&package["name"]), &package["source"]);
        let member = ARROWS.iter().any(|(member, _)| *member == name);
        if source.is_null() != member
            || source.as_str().is_some_and(|source| !source.starts_with("registry+"))
        {
            broken.push(format!("Cargo.lock: {name} comes from {source}; take it from crates.io"));
        }
    }
    let mut section = String::new();
    for (line, number) in read("Cargo.toml").lines().zip(1..) {
        if line.starts_with('[') {
            line.clone_into(&mut section);
        }
        if section.starts_with("[patch") || section.starts_with("[replace") {
            broken.push(format!("Cargo.toml:{number}: no patched dependencies"));
        }
        let ours = ["protocol", "node", "web", "testnet"]
            .iter()
            .any(|dir| line.ends_with(&format!("path = \"{dir}\" }}")));
        if section == "[workspace.dependencies]"
            && (line.contains("git = ") || line.contains("path = ") && !ours)
        {
            broken.push(format!("Cargo.toml:{number}: only crates.io and our own crates are depended on"));
        }
    }
    let sled = list(&member("horahora")["dependencies"]).find(|dependency| dependency["name"] == "sled");
    if sled.is_none_or(|sled| sled["req"] != "=0.34.7") {
        broken.push(
            "Cargo.toml: sled = \"=0.34.7\": its disk format is not promised between versions".to_owned(),
        );
    }
    keep(&broken);
}

#[test]
fn every_crate_is_held_to_the_lints() {
    let mut broken = vec![];
    for dir in ["protocol", "node", "web", "testnet"] {
        let file = format!("{dir}/Cargo.toml");
        if !read(&file).contains("\n[lints]\nworkspace = true\n") {
            broken.push(format!("{file}: add [lints] workspace = true"));
        }
    }
    keep(&broken);
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let places = ["work", "root", "home"].map(|place| format!("/{place}/"));
    let mut broken = vec![];
    for file in tracked().into_iter().filter(|file| file != "Cargo.lock") {
        let Ok(text) = fs::read_to_string(root().join(&file)) else { continue };
        for (line, number) in text.lines().zip(1..) {
            if let Some(place) = places.iter().find(|place| line.contains(*place)) {
                broken.push(format!("{file}:{number}: {place} is a path of one machine; make it relative"));
            }
        }
    }
    keep(&broken);
}

static METADATA: LazyLock<Value> = LazyLock::new(|| {
    // Without a platform cargo would want to download what only other systems need.
    let version = run(Command::new(env!("CARGO")).arg("-vV"));
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo names its host");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--offline", "--locked", "--filter-platform", host]);
    serde_json::from_str(&run(&mut cargo)).expect("cargo metadata writes JSON")
});

fn keep(broken: &[String]) {
    assert!(broken.is_empty(), "{} house rule(s) broken:\n  {}\n", broken.len(), broken.join("\n  "));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's folder")
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn run(command: &mut Command) -> String {
    let output = command.current_dir(root()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("tools write UTF-8")
}

fn git(arguments: &[&str]) -> Vec<String> {
    let names = run(Command::new("git").arg("-c").arg("core.quotePath=false").args(arguments));
    names.lines().map(str::to_owned).collect()
}

/// Every file that is in git or will be, and is still there.
fn tracked() -> Vec<String> {
    let mut files = git(&["ls-files", "--cached", "--others", "--exclude-standard"]);
    files.retain(|file| root().join(file).is_file());
    files
}

fn is_rust(file: &str) -> bool {
    PathBuf::from(file).extension().is_some_and(|extension| extension == "rs")
}

/// The Rust files of the four crates' `src`.
fn sources() -> Vec<String> {
    let mut files = tracked();
    files.retain(|file| is_rust(file) && file.split('/').nth(1) == Some("src"));
    assert!(!files.is_empty(), "no sources found");
    files
}

/// The lines that are no comments, with their numbers.
fn code_of(file: &str) -> Vec<(usize, String)> {
    let text = read(file);
    let lines = text.lines().map(str::trim).zip(1..).filter(|(line, _)| !line.starts_with("//"));
    lines.map(|(line, number)| (number, line.to_owned())).collect()
}

/// Every path that `file` names, imports written out in full, with its line.
fn paths_in(file: &str) -> Vec<(usize, String)> {
    let mut paths = vec![];
    let mut import: Option<(usize, String)> = None;
    for (number, line) in code_of(file) {
        let visible =
            line.split_once(") ").filter(|(before, _)| before.starts_with("pub(")).map_or(&*line, |(_, l)| l);
        if let Some(tree) = visible.strip_prefix("pub ").unwrap_or(visible).strip_prefix("use ") {
            import = Some((number, tree.to_owned()));
        } else if let Some((_, tree)) = &mut import {
            tree.push_str(&line);
        } else {
            let found = line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            paths.extend(found.filter(|path| path.contains("::")).map(|path| (number, path.to_owned())));
        }
        if let Some((start, tree)) = import.take_if(|(_, tree)| tree.ends_with(';')) {
            let mut leaves = vec![];
            write_out("", tree.trim_end_matches(';'), &mut leaves);
            paths.extend(leaves.into_iter().map(|leaf| (start, leaf)));
        }
    }
    paths
}

/// `a::{b, c::{self, d}}` is `a::b`, `a::c`, `a::c::d`.
fn write_out(before: &str, tree: &str, leaves: &mut Vec<String>) {
    let tree = tree.trim();
    if let Some((path, rest)) = tree.split_once('{') {
        let inner = rest.strip_suffix('}').expect("an import closes what it opens");
        let (mut depth, mut start) = (0, 0);
        for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    write_out(&format!("{before}{path}"), &inner[start..at], leaves);
                    start = at + 1;
                }
                _ => {}
            }
        }
    } else if !tree.is_empty() {
        let name = tree.split(" as ").next().unwrap_or(tree);
        let whole = format!("{before}{name}");
        leaves.push(whole.strip_suffix("::self").unwrap_or(&whole).trim_start_matches("::").to_owned());
    }
}

/// Whether `path` is `outer` or something in it.
fn is_in(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Whether `path` names `foreign`, from its start or, for what has a lower-case parent, under any of them.
fn names(path: &str, foreign: &str) -> bool {
    let any_parent = foreign.starts_with(|c: char| c.is_ascii_uppercase());
    is_in(path, foreign) || (any_parent && path.ends_with(&format!("::{foreign}")))
}

/// Whether `word` is in `text` and is not only a part of a longer one.
fn stands_in(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || "/_{}-".contains(c);
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

fn member(name: &str) -> &'static Value {
    list(&METADATA["packages"])
        .find(|package| package["name"] == name && package["source"].is_null())
        .unwrap_or_else(|| panic!("{name} is no crate of this workspace"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("a list").iter()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn licence_trouble(file: &str, name: &str, licence: &Value) -> Option<String> {
    let excepted =
        |id: &str| LICENCE_EXCEPTIONS.iter().any(|(package, licence, _)| *package == name && *licence == id);
    let Some(expression) = licence.as_str() else {
        let why = format!("{file}: {name} names no licence; read its files and decide in tidy.rs");
        return (!excepted("")).then_some(why);
    };
    match permits(expression, &|id| LICENCES.contains(&id) || excepted(id)) {
        Some(true) => None,
        Some(false) => Some(format!(
            "{file}: {name} is under {expression}; use another, or except it by name in tidy.rs"
        )),
        None => {
            Some(format!("{file}: {name}: {expression:?} is no licence expression that tidy.rs understands"))
        }
    }
}

/// Whether a licence expression (SPDX, or the older `A/B`) can be met with allowed licences; none if unreadable.
fn permits(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let met = any_of(&mut rest, allowed)?;
    rest.is_empty().then_some(met)
}

fn any_of(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut met = all_of(rest, allowed)?;
    while let Some(("OR", after)) = rest.split_first().map(|(word, after)| (*word, after)) {
        *rest = after;
        met |= all_of(rest, allowed)?;
    }
    Some(met)
}

fn all_of(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut met = one_of(rest, allowed)?;
    while let Some(("AND", after)) = rest.split_first().map(|(word, after)| (*word, after)) {
        *rest = after;
        met &= one_of(rest, allowed)?;
    }
    Some(met)
}

fn one_of(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    match *first {
        "(" => {
            let met = any_of(rest, allowed)?;
            let (")", after) = rest.split_first().map(|(word, after)| (*word, after))? else { return None };
            *rest = after;
            Some(met)
        }
        ")" | "OR" | "AND" | "WITH" => None,
        id => match *rest {
            ["WITH", exception, after @ ..] => {
                *rest = after;
                Some(allowed(&format!("{id} WITH {exception}")))
            }
            ["WITH"] => None,
            _ => Some(allowed(id)),
        },
    }
}
