//! Everything that speaks to a node and prints its answer.

use std::{
    io::{IsTerminal, Write},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{
    Global,
    client::{Client, is_data_dir},
    groups,
    requests::Wish,
    say,
};
use crate::{
    blobs::Blobs, catalogue::Catalogue, feeds::Feeds, groups::Groups, identity, live::Live, net::Provide,
    store::Store, verify as check,
};

/// How often `--wait` asks.
const ASK: Duration = Duration::from_millis(500);
const DONE: ExitCode = ExitCode::SUCCESS;

pub(super) async fn archive(
    global: &Global,
    urls: &[String],
    wait: bool,
    group: Option<&str>,
    wish: &Wish,
) -> Result<ExitCode> {
    let client = Client::new(global)?;
    let group = match group {
        Some(named) => Some(groups::find(&client, Some(named)).await?),
        None => None,
    };
    let (mut asked, mut refused) = (Vec::new(), Vec::new());
    for url in urls {
        let body = json!({ "url": url, "group": group, "options": wish.json() });
        match client.post("/api/v1/requests", &body).await {
            Ok(answer) => asked.push(answer),
            // The others are still worth asking for.
            Err(error) if urls.len() > 1 => refused.push(format!("{url}: {error:#}")),
            Err(error) => return Err(error),
        }
    }
    if wait {
        for answer in &asked {
            let path = format!("/api/v1/requests/{}", text(&answer["id"]));
            if let Err(error) = wait_for(global, &client, &path).await {
                refused.push(format!("{error:#}"));
            }
        }
    } else if global.json {
        asked.iter().for_each(say);
    } else {
        let what =
            if asked.len() == 1 { "Requested.".to_owned() } else { format!("{} requested.", asked.len()) };
        say(format_args!("{what} `horahora status` shows how far it is."));
    }
    if refused.is_empty() { Ok(DONE) } else { bail!("{}", refused.join("\n")) }
}

/// Waits until a request is archived, showing progress.
async fn wait_for(global: &Global, client: &Client, path: &str) -> Result<()> {
    let request = follow(client, path, global.json).await?;
    if global.json {
        say(&request);
    } else {
        for video in request["videos"].as_array().into_iter().flatten() {
            say(format_args!("{}  {}", text(video), client.url(&format!("/watch/{}", encoded(text(video))))));
        }
    }
    if request["state"] == "done" {
        return Ok(());
    }
    bail!("{}: {} ({})", text(&request["state"]), text(&request["reason"]), text(&request["code"]))
}

/// Links from the command line, then those of a file: one a line.
pub(super) fn links(mut urls: Vec<String>, from: Option<&Path>) -> Result<Vec<String>> {
    if let Some(file) = from {
        let text = if file == Path::new("-") {
            std::io::read_to_string(std::io::stdin()).context("standard input cannot be read")?
        } else {
            std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?
        };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        urls.extend(lines.map(str::to_owned));
    }
    if urls.is_empty() { bail!("there is no link to archive") } else { Ok(urls) }
}

/// Asks for a folder's videos and waits until all are in; whoever stops waiting stops nothing.
pub(super) async fn import(global: &Global, dir: &Path, group: Option<&str>) -> Result<ExitCode> {
    let client = Client::new(global)?;
    let group = match group {
        Some(named) => Some(groups::find(&client, Some(named)).await?),
        None => None,
    };
    let dir = dir.canonicalize().with_context(|| format!("{} is no folder", dir.display()))?;
    let Some(dir) = dir.to_str() else { bail!("the folder's name is not UTF-8; rename it") };
    let answer = client.post("/api/v1/imports", &json!({ "dir": dir, "group": group })).await?;
    let request = follow(&client, &format!("/api/v1/requests/{}", text(&answer["id"])), global.json).await?;
    if global.json {
        say(&request);
    } else {
        let count = |key: &str| request["counts"][key].as_u64().unwrap_or(0);
        say(format_args!(
            "{} videos: {} in the archive, {} not",
            request["count"],
            count("done"),
            count("failed")
        ));
    }
    if request["state"] == "done" {
        return Ok(DONE);
    }
    bail!("{}: {} ({})", text(&request["state"]), text(&request["reason"]), text(&request["code"]))
}

pub(super) async fn inspect(global: &Global, url: &str, offline: bool) -> Result<ExitCode> {
    let client = Client::new(global)?;
    let found = client.get(&format!("/api/v1/inspect?offline={offline}&url={}", in_query(url))).await?;
    if global.json {
        say(&found);
    } else {
        say(text(&found["says"]));
    }
    Ok(DONE)
}

/// Asks until the request is ended, showing progress.
async fn follow(client: &Client, path: &str, quiet: bool) -> Result<Value> {
    let mut last = String::new();
    loop {
        let request = client.get(path).await?;
        let (state, percent) = (text(&request["state"]), request["progress"].as_f64().unwrap_or(0.0) * 100.0);
        let what = request["reason"].as_str().or(request["title"].as_str()).unwrap_or_default();
        let line = format!("{state:<8} {percent:3.0} %  {what}");
        if !quiet && line != last {
            progress(&line);
            last = line;
        }
        let soon = matches!(text(&request["code"]), "transient" | "rate_limited");
        // Other reasons to wait may take days; the person should know why, and need not sit there.
        if !(matches!(state, "queued" | "running") || (state == "waiting" && soon)) {
            if !quiet && std::io::stderr().is_terminal() {
                let _ = writeln!(std::io::stderr());
            }
            return Ok(request);
        }
        tokio::time::sleep(ASK).await;
    }
}

/// One line that is written over on a terminal, one after the other elsewhere.
fn progress(line: &str) {
    let mut out = std::io::stderr();
    let _ = if out.is_terminal() { write!(out, "\r\x1b[K{line}") } else { writeln!(out, "{line}") };
    let _ = out.flush();
}

pub(super) async fn videos(global: &Global) -> Result<ExitCode> {
    let client = Client::new(global)?;
    let all = client.all("/api/v1/videos").await?;
    if global.json {
        say(json!({ "items": all }));
    } else if all.is_empty() {
        say("Nothing is archived yet. `horahora archive URL` begins.");
    }
    if !global.json {
        all.iter().for_each(say_video);
    }
    Ok(DONE)
}

fn say_video(video: &Value) {
    let minutes = video["duration_s"].as_f64().unwrap_or(0.0) / 60.0;
    let (state, id, title) = (text(&video["state"]), text(&video["id"]), text(&video["title"]));
    say(format_args!("{state:<14} {id:<28} {minutes:6.1} min  {title}"));
}

/// The first videos that are found.
pub(super) async fn search(global: &Global, words: &str) -> Result<ExitCode> {
    let query: String = url::form_urlencoded::byte_serialize(words.as_bytes()).collect();
    let found = Client::new(global)?.get(&format!("/api/v1/search?q={query}&limit=50")).await?;
    if global.json {
        say(found);
        return Ok(DONE);
    }
    let items = found["items"].as_array().map_or(&[][..], Vec::as_slice);
    items.iter().for_each(say_video);
    let (shown, total) = (items.len() as u64, found["total"].as_u64().unwrap_or(0));
    say(match total {
        0 => "Nothing found. All words have to be in the title, the tags or the creator's name.".to_owned(),
        _ if total > shown => format!("{total} found, the first {shown} shown; one more word narrows it."),
        _ => format!("{total} found."),
    });
    Ok(DONE)
}

pub(super) async fn status(global: &Global) -> Result<ExitCode> {
    let client = Client::new(global)?;
    let (node, jobs, requests) = (
        client.get("/api/v1/node").await?,
        client.get("/api/v1/jobs").await?,
        client.get("/api/v1/requests").await?,
    );
    if global.json {
        say(json!({ "node": node, "jobs": jobs["items"], "requests": requests["items"] }));
        return Ok(DONE);
    }
    say(format_args!(
        "{} ({}), horahora {}",
        text(&node["name"]),
        text(&node["node_id"]),
        text(&node["version"])
    ));
    for tool in node["tools_status"].as_array().into_iter().flatten() {
        let version = node["tools"][text(&tool["name"])].as_str();
        let state = version
            .map_or_else(|| format!("{} {}", text(&tool["state"]), text(&tool["message"])), str::to_owned);
        say(format_args!("  {:<8} {state}", text(&tool["name"])));
    }
    say(format_args!("  {:<8} {}", "confined", text(&node["confined"])));
    say(format_args!("  {:<8} {}", "encoder", text(&node["encoder"])));
    let nodes = node["connected"].as_u64().unwrap_or_default();
    say(format_args!("{nodes} node{} connected", if nodes == 1 { "" } else { "s" }));
    for job in jobs["items"].as_array().into_iter().flatten() {
        let why = job["doing"].as_str().or(job["reason"].as_str()).unwrap_or_default();
        say(format_args!(
            "{:<14} {}  {}  {why}",
            text(&job["state"]),
            text(&job["kind"]),
            text(&job["title"])
        ));
    }
    let ended =
        |request: &&Value| !matches!(text(&request["state"]), "done" | "running" | "queued" | "waiting");
    for request in requests["items"].as_array().into_iter().flatten().filter(ended) {
        say(format_args!(
            "{:<14} {}  {}",
            text(&request["state"]),
            text(&request["url"]),
            text(&request["reason"])
        ));
    }
    Ok(DONE)
}

pub(super) async fn id(global: &Global) -> Result<ExitCode> {
    let key = identity::load(&global.data_dir().join("identity.key"))?;
    let id = key.node_id().to_string();
    let client = Client::new(global)?;
    let addresses = match client.get("/api/v1/node").await {
        Ok(node) if node["node_id"] == id.as_str() => node["addresses"].clone(),
        _ => json!([]),
    };
    if global.json {
        say(json!({ "node_id": id, "addresses": addresses }));
        return Ok(DONE);
    }
    say(id);
    addresses.as_array().into_iter().flatten().for_each(|address| say(text(address)));
    Ok(DONE)
}

pub(super) async fn login(global: &Global) -> Result<ExitCode> {
    let client = Client::new(global)?;
    let answer = client.post("/api/v1/login-links", &json!({})).await?;
    let link = client.url(text(&answer["path"]));
    if global.json {
        say(json!({ "login": link }));
    } else {
        say(format_args!("Log in once with {link}"));
    }
    Ok(DONE)
}

pub(super) async fn verify(global: &Global, video: Option<&str>) -> Result<ExitCode> {
    let client = Client::new(global)?;
    let report = if client.is_named() && client.answers().await {
        let answer = client.post("/api/v1/verify", &json!({ "video": video })).await?;
        serde_json::from_value(answer)?
    } else {
        verify_directly(global, video).await?
    };
    if global.json {
        say(json!(report));
    } else {
        let check::Report { entries, manifests, blobs, bytes, strays, problems } = &report;
        problems.iter().for_each(say);
        let megabytes = *bytes as f64 / 1e6;
        say(format_args!(
            "{entries} entries, {manifests} manifests, {blobs} blobs, {megabytes:.1} MB checked"
        ));
        say(format_args!("{} problems, {strays} blobs that nothing links", problems.len()));
    }
    Ok(if report.problems.is_empty() { DONE } else { ExitCode::FAILURE })
}

/// No node runs, so the data folder is free to be opened.
async fn verify_directly(global: &Global, video: Option<&str>) -> Result<check::Report> {
    let dir = global.data_dir();
    if !is_data_dir(&dir) {
        bail!("{} is no data folder of a node; name it with --data-dir", dir.display());
    }
    let video = video.map(str::parse).transpose()?;
    let store = Store::open_patiently(&dir.join("db")).await?;
    let blobs = Blobs::open(&dir.join("blobs"))?;
    let key = Arc::new(identity::load(&dir.join("identity.key"))?);
    let (live, provide, me) = (Live::default(), Provide::default(), key.node_id());
    let groups = Groups::open(store.clone(), me)?;
    let catalogue = Catalogue::open(store.clone(), blobs.clone(), live, provide, groups.clone(), me).await?;
    let feeds = Feeds::open(key, store.clone(), blobs.clone(), catalogue, groups, "").await?;
    Ok(check::verify(&store, &blobs, &feeds, video.as_ref()).await?)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn in_query(text: &str) -> impl std::fmt::Display {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}

fn encoded(id: &str) -> String {
    id.parse::<horahora_protocol::VideoId>().map_or_else(|_| id.to_owned(), |id| id.in_path())
}
