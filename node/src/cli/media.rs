//! `horahora media`: what is made of archived videos.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use horahora_protocol::VideoId;
use serde_json::{Value, json};

use super::{Global, client::Client, say};

#[derive(Debug, Subcommand)]
pub(super) enum MediaCommand {
    /// Make them anew where today's recipes differ from those that they were made by, or something is missing
    Redo {
        /// Only these, for example niconico:sm9 [default: all that this node captured]
        videos: Vec<String>,
    },
}

pub(super) async fn media(global: &Global, command: MediaCommand) -> Result<ExitCode> {
    let MediaCommand::Redo { videos } = command;
    let client = Client::new(global)?;
    let all = videos.is_empty();
    let ids = if all {
        let known = client.all("/api/v1/videos").await?;
        known.iter().filter(|video| video["state"] == "done").filter_map(id).collect()
    } else {
        videos.iter().map(|video| video.parse()).collect::<Result<Vec<VideoId>, _>>()?
    };
    let mut asked = Vec::new();
    for id in ids {
        match client.post(&format!("/api/v1/videos/{}/redo", id.in_path()), &json!({})).await {
            Ok(_) => asked.push(id.to_string()),
            // Of all, those that others captured are theirs.
            Err(error) if all && error.to_string().contains("not-captured-here") => {}
            Err(error) => return Err(error),
        }
    }
    if global.json {
        say(json!({ "asked": asked }));
    } else {
        say(format_args!(
            "{} looked at; what differs is made anew. `horahora status` shows how far it is.",
            match asked.len() {
                1 => "1 video is".to_owned(),
                n => format!("{n} videos are"),
            }
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn id(video: &Value) -> Option<VideoId> {
    video["id"].as_str()?.parse().ok()
}
