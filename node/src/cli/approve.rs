//! `horahora approve`: what waits before it is fetched, and what is said of it.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};

use super::{Global, client::Client, groups, say};

#[derive(Debug, Args)]
pub(super) struct Approve {
    /// Videos, for example niconico:sm9; without anything to approve of, what waits is listed
    videos: Vec<String>,
    /// Everything by a creator, now and later: the site and its id of them
    #[arg(long, value_name = "SITE/ID")]
    creator: Vec<String>,
    /// Everything with a tag, now and later
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Refuse them instead
    #[arg(long, conflicts_with = "open")]
    refuse: bool,
    /// Take back what was said of them before
    #[arg(long)]
    open: bool,
    /// Why, for whoever asked for them
    #[arg(long, default_value = "")]
    reason: String,
    /// The group, by name or id [default: the one that the node began with]
    #[arg(long)]
    group: Option<String>,
}

pub(super) async fn approve(global: &Global, said: Approve) -> Result<ExitCode> {
    let client = Client::new(global)?;
    let group = match &said.group {
        Some(group) => groups::find(&client, Some(group)).await?,
        None => String::new(),
    };
    if said.videos.is_empty() && said.creator.is_empty() && said.tag.is_empty() {
        let queue = client.get(&format!("/api/v1/approvals?group={group}&limit=1000")).await?;
        show(global, &queue);
        return Ok(ExitCode::SUCCESS);
    }
    let mut creators = Vec::new();
    for creator in &said.creator {
        let Some((site, id)) = creator.split_once('/') else {
            bail!("{creator} is no creator; write the site, a slash and its id, such as niconico/4242");
        };
        creators.push(json!({ "site": site, "id": id }));
    }
    let ruling = match (said.refuse, said.open) {
        (true, _) => "refused",
        (_, true) => "open",
        _ => "approved",
    };
    let body = json!({
        "group": group,
        "ruling": ruling,
        "videos": said.videos,
        "creators": creators,
        "tags": said.tag,
        "reason": said.reason,
    });
    let answer = client.post("/api/v1/approvals", &body).await?;
    if global.json {
        say(&answer);
    } else {
        say("Done. The group's other members hear of it within seconds.");
    }
    Ok(ExitCode::SUCCESS)
}

fn show(global: &Global, queue: &Value) {
    if global.json {
        say(queue);
        return;
    }
    let items = queue["items"].as_array();
    if items.is_none_or(Vec::is_empty) {
        say("Nothing waits for approval. `horahora group policy --approve always` lets videos wait.");
    }
    for video in items.into_iter().flatten() {
        let text = |key: &str| video[key].as_str().unwrap_or_default().to_owned();
        let category = video["category"].as_str().unwrap_or("General");
        say(format_args!("{:<24} {category:<12} {}  {}", text("id"), text("title"), text("creator")));
    }
}
