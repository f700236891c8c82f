//! That every language says everything, that nothing is said for nobody, and that people's words stay words.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::*;

/// Keys that are made of a name: `failure-gone`.
const FAMILIES: [&str; 5] = ["doing-", "error-", "failure-", "kind-", "rank-name-"];

/// What must be alike in all languages: the variables that are shown, and the elements of a text.
#[derive(Debug, Default, PartialEq)]
struct Shape {
    variables: BTreeSet<String>,
    elements: BTreeMap<String, usize>,
}

fn shapes(lang: Lang) -> BTreeMap<String, Shape> {
    let mut shapes: BTreeMap<String, Shape> = BTreeMap::new();
    let mut key = String::new();
    for line in lang.source().lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        assert!(!line.trim_start().starts_with('.'), "{lang:?}: attributes are not used: {line}");
        if !line.starts_with(' ') {
            line.split(" =").next().unwrap().clone_into(&mut key);
        }
        let shape = shapes.entry(key.clone()).or_default();
        let chooses = line.contains(" ->");
        let names = after(line, "$", |letter| letter.is_alphanumeric() || letter == '_');
        // One language needs a number to choose a form, another one has a single form.
        shape.variables.extend(names.into_iter().filter(|_| !chooses));
        for element in after(line, "<", |letter| letter != '>') {
            *shape.elements.entry(element).or_default() += 1;
        }
    }
    shapes
}

/// What follows each `mark`.
fn after(text: &str, mark: &str, belongs: fn(char) -> bool) -> Vec<String> {
    text.split(mark)
        .skip(1)
        .map(|rest| rest.chars().take_while(|letter| belongs(*letter)).collect())
        .collect()
}

/// The templates, this crate, and what the node says on pages.
fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, all: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, all);
            } else if !path.ends_with("lang/tests.rs") {
                all.push(path);
            }
        }
    }
    let web = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = vec![web.join("../node/src/http.rs")];
    for folder in ["templates", "src", "../node/src/http"] {
        walk(&web.join(folder), &mut all);
    }
    all.into_iter().map(|path| (path.clone(), fs::read_to_string(&path).unwrap())).collect()
}

/// Each `tr("key").with("name", …)`: the key, whether it is HTML, and the names.
fn calls(text: &str) -> Vec<(String, bool, BTreeSet<String>)> {
    let mut calls = vec![];
    for (call, html) in [("tr(\"", false), ("tr_html(\"", true)] {
        let is_word =
            |at: usize| text[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
        for (at, _) in text.match_indices(call).filter(|(at, _)| !is_word(*at)) {
            let rest = &text[at + call.len()..];
            let (key, mut rest) = rest.split_once('"').unwrap();
            rest = rest.strip_prefix(')').unwrap_or(rest);
            let mut names = BTreeSet::new();
            while let Some(next) =
                rest.trim_start().strip_prefix(".with(\"").or(rest.strip_prefix(".said(\""))
            {
                let (name, value) = next.split_once('"').unwrap();
                names.insert(name.to_owned());
                rest = closed(value);
            }
            calls.push((key.to_owned(), html, names));
        }
    }
    calls
}

/// What follows the bracket that closes a call.
fn closed(text: &str) -> &str {
    let mut open = 1;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return &text[at + 1..];
        }
    }
    ""
}

#[test]
fn every_language_says_everything_with_the_same_parts() {
    let english = shapes(Lang::En);
    for lang in [Lang::Ja, Lang::Zh] {
        let other = shapes(lang);
        let keys = |shapes: &BTreeMap<String, Shape>| shapes.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(keys(&other), keys(&english), "{lang:?} has other keys");
        for (key, shape) in &english {
            assert_eq!(&other[key], shape, "{lang:?}: {key}");
        }
    }
    for lang in Lang::ALL {
        FluentResource::try_new(lang.source().to_owned())
            .unwrap_or_else(|(_, errors)| panic!("{lang:?}: {errors:?}"));
        for (key, shape) in &english {
            let pattern = lang.words().get_message(key).and_then(|message| message.value()).unwrap();
            let (mut args, mut errors) = (FluentArgs::new(), vec![]);
            for name in &shape.variables {
                args.set(name.clone(), 2);
            }
            args.set("n", 2);
            let said = lang.words().format_pattern(pattern, Some(&args), &mut errors);
            assert!(errors.is_empty() && !said.is_empty(), "{lang:?}: {key}: {errors:?}");
        }
    }
}

#[test]
fn every_text_that_is_asked_for_is_there_and_every_one_there_is_asked_for() {
    let (english, mut used) = (shapes(Lang::En), BTreeSet::new());
    let mut wrong = vec![];
    for (path, text) in sources() {
        let is_template = path.extension().is_some_and(|kind| kind == "html");
        let literals = text.split('"').filter(|part| english.contains_key(*part)).map(str::to_owned);
        used.extend(literals);
        for (key, html, names) in calls(&text) {
            let Some(shape) = english.get(&key) else {
                wrong.push(format!("{}: there is no {key}", path.display()));
                continue;
            };
            if !html && !shape.elements.is_empty() {
                wrong.push(format!("{}: {key} has elements", path.display()));
            }
            let mut names = names;
            names.remove("n");
            let mut wanted = shape.variables.clone();
            wanted.remove("n");
            if !(names == wanted || !is_template && names.is_subset(&wanted)) {
                wrong.push(format!("{}: {key} gets {names:?} for {:?}", path.display(), shape.variables));
            }
        }
    }
    let known = |key: &String| used.contains(key) || FAMILIES.iter().any(|family| key.starts_with(family));
    wrong.extend(english.keys().filter(|key| !known(key)).map(|key| format!("nobody says {key}")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_best_language_is_found() {
    for (accepted, lang) in [
        ("", Lang::En),
        ("ja", Lang::Ja),
        ("zh-TW,zh;q=0.9,en;q=0.8", Lang::Zh),
        ("ZH-hans-CN", Lang::Zh),
        ("de,fr;q=0.9", Lang::En),
        ("de, ja;q=0.3, en;q=0.7", Lang::En),
        ("en;q=0.2, ja;q=0.9", Lang::Ja),
        ("ja;q=0", Lang::En),
        ("ja;q=much, zh;q=0.1", Lang::Zh),
        ("jav", Lang::En),
        (";;;,,,q=1", Lang::En),
    ] {
        assert_eq!(Lang::negotiate(accepted), lang, "{accepted}");
    }
}

#[test]
fn what_people_write_stays_text() {
    let hostile = "<script>alert(1)</script> { $name } {\"x\"} & \"'";
    scope(Lang::Ja, || {
        let said = tr("frame-me").with("name", hostile).to_string();
        assert!(said.ends_with(hostile), "{said}");
        for html in [
            tr_html("watch-hidden-by").with("by", hostile).with("reason", hostile).to_string(),
            tr_html("watch-hidden-by").said("by", hostile).with("reason", "").to_string(),
        ] {
            assert!(!html.contains("<script") && html.contains("&#60;script&#62;"), "{html}");
            assert!(html.contains("{ $name }"), "{html}");
        }
    });
}

#[test]
fn a_language_ends_with_its_work() {
    let inner = scope(Lang::Ja, || (Lang::now(), scope(Lang::Zh, Lang::now), Lang::now()));
    assert_eq!(inner, (Lang::Ja, Lang::Zh, Lang::Ja));
    assert_eq!(Lang::now(), Lang::En);
    assert!(std::panic::catch_unwind(|| scope(Lang::Ja, || panic!("on purpose"))).is_err());
    assert_eq!(Lang::now(), Lang::En);
    assert_eq!(tr("videos").with("n", 1_u64).to_string(), "1 video");
    assert_eq!(scope(Lang::En, || tr("videos").with("n", 1_284_u64).to_string()), "1,284 videos");
}

/// `data-not-copied` is `notCopied` to a script.
fn spoken_by_scripts() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut given, mut used) = (BTreeSet::new(), BTreeSet::new());
    for (_, text) in sources() {
        for line in text.lines().filter(|line| line.contains("<template class=\"words\"")) {
            for name in after(line, " data-", |letter| letter.is_alphabetic() || letter == '-') {
                let mut parts = name.split('-');
                let first = parts.next().unwrap().to_owned();
                given.insert(parts.fold(first, |all, part| all + &part[..1].to_uppercase() + &part[1..]));
            }
        }
    }
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("assets")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match path.extension() {
                None => folders.push(path),
                Some(kind) if kind == "ts" => {
                    let text = fs::read_to_string(&path).unwrap();
                    for call in text.split("word(").skip(1) {
                        let name = &call[..call.find([')', '{']).unwrap()];
                        used.extend(name.split('"').skip(1).step_by(2).map(str::to_owned));
                    }
                }
                Some(_) => {}
            }
        }
    }
    // The theme's names are asked for by the theme.
    used.extend(["auto", "light", "dark"].map(str::to_owned));
    (given, used)
}

#[test]
fn scripts_get_the_words_that_they_say() {
    let (given, used) = spoken_by_scripts();
    assert_eq!(given, used);
    assert!(given.len() > 40);
}
