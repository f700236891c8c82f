//! `horahora requests`: what was asked for, and how it goes on.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{Global, client::Client, say};

#[derive(Debug, Subcommand)]
pub(super) enum RequestCommand {
    /// Begin nothing of a request until it is resumed
    Pause {
        /// The request's id, or the beginning of it
        id: String,
    },
    /// Go on with a paused request
    Resume {
        /// The request's id, or the beginning of it
        id: String,
    },
    /// Try again what ended without success, and look at the source again
    Retry {
        /// The request's id, or the beginning of it
        id: String,
    },
    /// Change which videos of a request are wanted, and how
    Edit {
        /// The request's id, or the beginning of it
        id: String,
        #[command(flatten)]
        wish: Wish,
    },
    /// Want nothing more of a request; what is archived stays
    Remove {
        /// The request's id, or the beginning of it
        id: String,
    },
}

/// Which videos of a source are wanted, and how.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Wish {
    /// Look for new videos of the source from time to time: true or false
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    follow: Option<bool>,
    /// Only so many of the source's first videos; 0 for all
    #[arg(long, value_name = "N")]
    newest: Option<u32>,
    /// Only what was published on this day or later; "" for all
    #[arg(long, value_name = "YYYY-MM-DD")]
    since: Option<String>,
    /// Only videos with all of these words in their titles; "" for all
    #[arg(long, value_name = "WORDS")]
    title: Option<String>,
    /// At most this height in pixels, where the site has it; 0 for any
    #[arg(long, value_name = "PIXELS")]
    max_height: Option<u32>,
    /// No video that is larger, in MB; 0 for any
    #[arg(long, value_name = "MB")]
    max_size: Option<u64>,
    /// Keep the replies below the videos: true or false
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    comments: Option<bool>,
    /// Fetch picture and sound, not only what the site says of the videos: true or false
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    media: Option<bool>,
    /// How early its videos are fetched beside those of other requests: low, usual or high
    #[arg(long, value_name = "PRIORITY")]
    priority: Option<String>,
}

impl Wish {
    /// What was said, as the API takes it; null when nothing was.
    pub(super) fn json(&self) -> Value {
        let mut said = Map::new();
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                said.insert(key.to_owned(), value);
            }
        };
        let text = |text: &String| if text.is_empty() { Value::Null } else { json!(text) };
        set("follow", self.follow.map(Value::from));
        set("newest", self.newest.map(Value::from));
        set("since", self.since.as_ref().map(text));
        set("title", self.title.as_ref().map(text));
        set("max_height", self.max_height.map(Value::from));
        set("max_bytes", self.max_size.map(|megabytes| json!(megabytes.saturating_mul(1_000_000))));
        set("comments", self.comments.map(Value::from));
        set("media", self.media.map(Value::from));
        set("priority", self.priority.clone().map(Value::from));
        if said.is_empty() { Value::Null } else { Value::Object(said) }
    }
}

pub(super) async fn requests(global: &Global, command: Option<RequestCommand>) -> Result<ExitCode> {
    let client = Client::new(global)?;
    let all = client.all("/api/v1/requests").await?;
    let Some(command) = command else {
        show(global, &all);
        return Ok(ExitCode::SUCCESS);
    };
    let (id, path, body) = match command {
        RequestCommand::Pause { id } => (id, "", json!({ "stand": "paused" })),
        RequestCommand::Resume { id } => (id, "", json!({ "stand": "active" })),
        RequestCommand::Remove { id } => (id, "", json!({ "stand": "removed" })),
        RequestCommand::Retry { id } => (id, "/retry", json!({})),
        RequestCommand::Edit { id, wish } => {
            let options = wish.json();
            if options.is_null() {
                bail!(
                    "say what to change, for example --max-height 720; `horahora requests edit --help` lists all"
                );
            }
            (id, "", json!({ "options": options }))
        }
    };
    let id = find(&all, &id)?;
    let request = client.post(&format!("/api/v1/requests/{id}{path}"), &body).await?;
    if global.json {
        say(&request);
    } else {
        show(global, std::slice::from_ref(&request));
    }
    Ok(ExitCode::SUCCESS)
}

/// The one request whose id begins or ends with `text`: all ids begin alike.
fn find(all: &[Value], text: &str) -> Result<String> {
    let ids = all.iter().filter_map(|request| request["id"].as_str());
    let mut found = ids.filter(|id| !text.is_empty() && (id.starts_with(text) || id.ends_with(text)));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id.to_owned()),
        (Some(_), Some(_)) => bail!("more than one request has an id like {text}; give more of it"),
        (None, _) => bail!("no request has the id {text}; `horahora requests` lists them"),
    }
}

fn show(global: &Global, all: &[Value]) {
    if global.json {
        say(json!({ "items": all }));
        return;
    }
    if all.is_empty() {
        say("Nothing was asked for yet. `horahora archive URL` begins.");
    }
    for request in all {
        let text = |key: &str| request[key].as_str().unwrap_or_default().to_owned();
        let count = |key: &str| request["counts"][key].as_u64().unwrap_or(0);
        let state = if request["stand"] == "active" { text("state") } else { text("stand") };
        let title = request["title"].as_str().map_or_else(|| text("url"), str::to_owned);
        say(format_args!("{state:<14} {}  {title}", text("id")));
        say(format_args!(
            "{:<14} {} of {} done, {} failed, {} waiting  {}",
            "",
            count("done"),
            request["count"],
            count("failed"),
            count("waiting") + count("running"),
            text("reason"),
        ));
    }
}
