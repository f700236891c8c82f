//! `horahora nodes` and `horahora keep`: other nodes, and what of theirs is kept here.

use std::{process::ExitCode, time::Duration};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{Global, client::Client, say};

/// How often `--wait` asks.
const ASK: Duration = Duration::from_millis(500);

pub(super) async fn nodes(global: &Global, add: Option<String>) -> Result<ExitCode> {
    let client = Client::new(global)?;
    if let Some(address) = add {
        let added = client.post("/api/v1/nodes", &json!({ "address": address })).await?;
        if global.json {
            say(&added);
        } else {
            say("Added. It is followed as soon as it is reached; `horahora nodes` shows it.");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let nodes = client.get("/api/v1/nodes").await?;
    if global.json {
        say(&nodes);
        return Ok(ExitCode::SUCCESS);
    }
    let items = nodes["items"].as_array().cloned().unwrap_or_default();
    if items.is_empty() {
        say("No other node is known yet. `horahora nodes --add ADDRESS` adds one.");
    }
    for node in &items {
        let state = match (node["connected"] == true, text(&node["link"])) {
            (true, "relayed") => "relayed",
            (true, _) => "connected",
            (false, _) => "away",
        };
        let holds = &node["holds"];
        let megabytes = holds["bytes"].as_f64().unwrap_or(0.0) / 1e6;
        say(format_args!(
            "{state:<10} {:<20} {:>5} videos {megabytes:>9.1} MB  {}",
            text(&node["name"]),
            holds["videos"].as_u64().unwrap_or(0),
            text(&node["node_id"])
        ));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn keep(global: &Global, video: &str, let_go: bool, wait: bool) -> Result<ExitCode> {
    let client = Client::new(global)?;
    let id: horahora_protocol::VideoId = video.parse()?;
    let path = format!("/api/v1/videos/{}", id.in_path());
    if let_go {
        client.delete(&format!("{path}/keep")).await?;
        say("Let go. What is here of it stays until the space is needed.");
        return Ok(ExitCode::SUCCESS);
    }
    client.post(&format!("{path}/keep"), &json!({})).await?;
    loop {
        let video: Value = client.get(&path).await?;
        let kept = &video["kept"];
        match text(&kept["state"]) {
            "done" if global.json => say(&video),
            "done" => say(format_args!("{} is kept here.", text(&video["title"]))),
            "queued" | "running" if wait => {
                tokio::time::sleep(ASK).await;
                continue;
            }
            "queued" | "running" => say("It is being fetched; `horahora status` shows how far it is."),
            state => bail!("{state}: {} ({})", text(&kept["reason"]), text(&kept["code"])),
        }
        return Ok(ExitCode::SUCCESS);
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
