//! `horahora group …` and `horahora who`: groups of nodes, tickets, and who has a video.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Global, client::Client, say};

const DONE: ExitCode = ExitCode::SUCCESS;
/// How often it is asked whether a ticket was redeemed.
const ASK: Duration = Duration::from_secs(1);
/// How often.
const TRIES: u32 = 60;

/// What is done with groups.
#[derive(Debug, Subcommand)]
pub(super) enum GroupCommand {
    /// List the groups that this node is in or follows
    List,
    /// Make a group; this node is its first admin
    Create {
        /// What people call it
        name: String,
        /// Only members may read it
        #[arg(long)]
        private: bool,
    },
    /// Print a ticket that lets a node in
    Invite {
        /// The group, by name or id; not needed when there is only one
        #[arg(long)]
        group: Option<String>,
        /// What the node becomes
        #[arg(long, default_value = "member", value_parser = ["member", "follower"])]
        role: String,
        /// How long the ticket works: 30m, 12h, 7d
        #[arg(long, default_value = "7d", value_parser = seconds)]
        expires: u64,
        /// How many nodes it lets in
        #[arg(long, default_value_t = 1)]
        uses: u32,
    },
    /// Join a group with a ticket
    Join {
        /// The ticket, as the other node printed it
        ticket: String,
    },
    /// Show who is in a group
    Members {
        /// The group, by name or id; not needed when there is only one
        group: Option<String>,
    },
    /// Give a member another role
    Role {
        /// The node's id
        node: String,
        /// Its new role
        #[arg(value_parser = ["admin", "member", "follower"])]
        role: String,
        /// The group, by name or id; not needed when there is only one
        #[arg(long)]
        group: Option<String>,
    },
    /// Remove a node from a group
    Remove {
        /// The node's id
        node: String,
        /// The group, by name or id; not needed when there is only one
        #[arg(long)]
        group: Option<String>,
    },
    /// Leave a group; what is here of it stays
    Leave {
        /// The group, by name or id; not needed when there is only one
        group: Option<String>,
    },
    /// Forget a group that this node is not in (any more)
    Forget {
        /// The group, by name or id
        group: String,
    },
    /// Show the rules of a group, or change them
    Policy {
        /// The group, by name or id; not needed when there is only one
        group: Option<String>,
        /// Whether members who are no admins may invite
        #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
        members_invite: Option<bool>,
        /// Which listed videos wait until a member approves of them
        #[arg(long, value_parser = ["never", "new-creators", "always"])]
        approve: Option<String>,
    },
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err("say yes or no".to_owned()),
    }
}

/// `90s`, `30m`, `12h`, `7d`, in seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || "say a number and s, m, h or d, such as 12h or 7d".to_owned();
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 24 * 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

pub(super) async fn group(global: &Global, command: GroupCommand) -> Result<ExitCode> {
    let client = Client::new(global)?;
    let answer = match &command {
        GroupCommand::List => client.get("/api/v1/groups").await?,
        GroupCommand::Create { name, private } => {
            client.post("/api/v1/groups", &json!({ "name": name, "private": private })).await?
        }
        GroupCommand::Invite { group, role, expires, uses } => {
            let group = find(&client, group.as_deref()).await?;
            let body = json!({ "role": role, "expires_s": expires, "uses": uses });
            client.post(&format!("/api/v1/groups/{group}/invites"), &body).await?
        }
        GroupCommand::Join { ticket } => join(&client, ticket, global.json).await?,
        GroupCommand::Members { group } => {
            let group = find(&client, group.as_deref()).await?;
            client.get(&format!("/api/v1/groups/{group}/members")).await?
        }
        GroupCommand::Role { node, role, group } => {
            let group = find(&client, group.as_deref()).await?;
            client.post(&format!("/api/v1/groups/{group}/members/{node}"), &json!({ "role": role })).await?
        }
        GroupCommand::Remove { node, group } => {
            let group = find(&client, group.as_deref()).await?;
            client.delete(&format!("/api/v1/groups/{group}/members/{node}")).await?
        }
        GroupCommand::Leave { group } => {
            let group = find(&client, group.as_deref()).await?;
            client.post(&format!("/api/v1/groups/{group}/leave"), &json!({})).await?
        }
        GroupCommand::Forget { group } => {
            let group = find(&client, Some(group)).await?;
            client.delete(&format!("/api/v1/groups/{group}")).await?
        }
        GroupCommand::Policy { group, members_invite, approve } => {
            let group = format!("/api/v1/groups/{}", find(&client, group.as_deref()).await?);
            let (policy, rules) = (format!("{group}/policy"), format!("{group}/rules"));
            if let Some(may) = members_invite {
                client.post(&policy, &json!({ "members_invite": may })).await?;
            }
            if let Some(approve) = approve {
                client.post(&rules, &json!({ "approve": approve })).await?;
            }
            let (mut policy, rules) = (client.get(&policy).await?, client.get(&rules).await?);
            policy["approve"] = rules["approve"].clone();
            policy
        }
    };
    if global.json {
        say(&answer);
    } else {
        tell(&command, &answer);
    }
    Ok(DONE)
}

/// Says the answer to a person.
fn tell(command: &GroupCommand, answer: &Value) {
    match command {
        GroupCommand::List => {
            for group in answer.as_array().into_iter().flatten() {
                let kind = if group["private"] == true { "private" } else { "public" };
                say(format_args!(
                    "{:<10} {kind:<8} members: {:<4} {:<28} {}",
                    text(&group["role"]),
                    group["members"],
                    text(&group["name"]),
                    text(&group["id"])
                ));
            }
        }
        GroupCommand::Create { .. } => {
            say(format_args!("Made the group {}.", text(&answer["name"])));
            say("`horahora group invite` prints a ticket for the next node.");
        }
        GroupCommand::Invite { .. } => say(text(&answer["ticket"])),
        GroupCommand::Join { .. } => say(format_args!("Joined {}.", text(&answer["name"]))),
        GroupCommand::Members { .. } => {
            for node in answer.as_array().into_iter().flatten() {
                let away = if node["connected"] == true { "up" } else { "away" };
                let link =
                    node["address_kind"].as_str().unwrap_or(if node["here"] == true { "here" } else { "" });
                say(format_args!(
                    "{:<9} {away:<5} {link:<8} {:<20} {:>5} videos  {}",
                    text(&node["role"]),
                    text(&node["name"]),
                    node["videos"].as_u64().unwrap_or(0),
                    text(&node["node_id"])
                ));
            }
        }
        GroupCommand::Role { .. } => say("Done. The others hear of it within seconds."),
        GroupCommand::Remove { .. } => {
            say("Removed. What it wrote before stays; what it writes from now on does not count.")
        }
        GroupCommand::Leave { .. } => {
            say("Left. What is here of the group stays; `horahora group forget` drops it.")
        }
        GroupCommand::Forget { .. } => say("Forgotten."),
        GroupCommand::Policy { .. } => {
            let who = if answer["members_invite"] == true { "Members and admins" } else { "Only admins" };
            say(format_args!("{who} may invite."));
            say(match text(&answer["approve"]) {
                "always" => "Every listed video waits until a member approves of it.",
                "new-creators" => "Videos of new creators wait until a member approves of them.",
                _ => "What requests list is fetched without asking.",
            });
        }
    }
}

/// Redeems a ticket; waits a while for a node that can let this one in.
async fn join(client: &Client, ticket: &str, quiet: bool) -> Result<Value> {
    let mut told = false;
    for _ in 0..TRIES {
        let answer = client.post("/api/v1/groups/join", &json!({ "ticket": ticket })).await?;
        if answer["state"] == "joined" {
            return Ok(answer);
        }
        if !quiet && !told {
            say(text(&answer["reason"]));
            told = true;
        }
        tokio::time::sleep(ASK).await;
    }
    bail!(
        "no node of the ticket could be reached yet; this node goes on trying by itself, `horahora group list` shows \
         when it is in"
    )
}

/// The id of a group that is named by its name, its id or the beginning of it.
pub(super) async fn find(client: &Client, named: Option<&str>) -> Result<String> {
    let groups = client.get("/api/v1/groups").await?;
    let all: Vec<_> = groups.as_array().into_iter().flatten().collect();
    let id = |group: &Value| text(&group["id"]).to_owned();
    let Some(named) = named else {
        // The group that each node begins with is meant only when there is no other.
        let mut own = all.iter().filter(|group| group["role"] != "follower");
        let home = own.next().context("this node has no group")?;
        let Some(joined) = own.next() else { return Ok(id(home)) };
        if own.next().is_some() {
            bail!("this node is in several groups; name one of them: `horahora group list` shows them");
        }
        return Ok(id(joined));
    };
    let matching: Vec<_> = all
        .iter()
        .filter(|group| text(&group["name"]) == named || text(&group["id"]).starts_with(named))
        .collect();
    match matching.as_slice() {
        [one] => Ok(id(one)),
        [] => bail!("no group is called {named}; `horahora group list` shows them"),
        _ => bail!("several groups are called {named}; give the id that `horahora group list` shows"),
    }
}

pub(super) async fn who(global: &Global, video: &str) -> Result<ExitCode> {
    let client = Client::new(global)?;
    let id: horahora_protocol::VideoId = video.parse()?;
    let holders = client.get(&format!("/api/v1/videos/{}/who", id.in_path())).await?;
    if global.json {
        say(&holders);
        return Ok(DONE);
    }
    if holders.as_array().is_none_or(Vec::is_empty) {
        say("No node that can be asked now has it.");
    }
    for holder in holders.as_array().into_iter().flatten() {
        say(format_args!(
            "{:<6} {:<20} {}",
            text(&holder["copies"]),
            text(&holder["name"]),
            text(&holder["node"])
        ));
    }
    Ok(DONE)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
