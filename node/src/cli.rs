//! The command line: `horahora run` is a node, everything else speaks to one.

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::{
    config::{self, RunOptions},
    process::{
        confine::{self, ConfineArgs},
        memory,
    },
};

mod approve;
mod client;
mod groups;
mod media;
mod others;
mod requests;
mod run;
mod show;
mod tools;

/// A node of a federated video archive.
#[derive(Debug, Parser)]
#[command(name = "horahora", version)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunOptions,
}

#[derive(Debug, Clone, Args)]
struct Global {
    /// The data folder [default: $XDG_DATA_HOME/horahora]
    #[arg(long, global = true, env = "HORAHORA_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address of the node to speak to [default: the one that uses the data folder]
    #[arg(long, global = true, env = "HORAHORA_API", value_name = "URL")]
    api: Option<String>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

impl Global {
    fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(config::default_data_dir)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a node (what happens without a subcommand, too)
    Run(RunOptions),
    /// Ask a node to archive what a link names
    Archive {
        /// Links to videos, lists, creators
        #[arg(required_unless_present = "from")]
        urls: Vec<String>,
        /// File with one link a line, lines with # left out; - reads standard input
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// Wait until it is archived, showing progress
        #[arg(long)]
        wait: bool,
        /// The group that it is for, by name or id [default: the one that the node began with]
        #[arg(long)]
        group: Option<String>,
        #[command(flatten)]
        wish: requests::Wish,
    },
    /// List the requests, or pause, resume, retry, change and remove them
    Requests {
        #[command(subcommand)]
        command: Option<requests::RequestCommand>,
    },
    /// List what waits for approval before it is fetched, or approve of it, or refuse it
    Approve(approve::Approve),
    /// Take the videos of a folder into the archive: one that yt-dlp filled, or plain files. Nothing in it is changed
    Import {
        /// The folder, on the node's machine
        dir: PathBuf,
        /// The group that they are for, by name or id [default: the one that the node began with]
        #[arg(long)]
        group: Option<String>,
    },
    /// Say what a link is before it is archived
    Inspect {
        /// Link to a video, a list, a creator
        url: String,
        /// Ask nobody: what the link alone tells
        #[arg(long)]
        offline: bool,
    },
    /// List the videos, newest first
    Videos,
    /// Find videos by words of their titles, tags and creators; -- -word leaves out, tag:, by: and site: narrow
    Search {
        /// What to look for
        #[arg(required = true)]
        words: Vec<String>,
    },
    /// Show what the node does
    Status,
    /// Show who the node is
    Id,
    /// Print a new login link for the page
    Login,
    /// Show the other nodes that this one knows
    Nodes {
        /// Connect to this node and follow its public groups, now and after every start
        #[arg(long, value_name = "ADDRESS")]
        add: Option<String>,
    },
    /// Groups of nodes that archive and mirror together
    Group {
        #[command(subcommand)]
        command: groups::GroupCommand,
    },
    /// Show which nodes have a video
    Who {
        /// The video, for example niconico:sm9
        video: String,
    },
    /// Keep a video of another node here, whole
    Keep {
        /// The video, for example niconico:sm9
        video: String,
        /// Do not keep it any more
        #[arg(long)]
        let_go: bool,
        /// Wait until all of it is here
        #[arg(long, conflicts_with = "let_go")]
        wait: bool,
    },
    /// What is made of archived videos
    Media {
        #[command(subcommand)]
        command: media::MediaCommand,
    },
    /// Read every byte again and check it against its hash, and every signature
    Verify {
        /// Only this video, for example niconico:sm9
        video: Option<String>,
    },
    /// Install yt-dlp, ffmpeg and ffprobe now, without a node, and print their versions
    Tools {
        /// The folder for them [default: as for `run`]
        #[arg(long, value_name = "DIR")]
        tools_dir: Option<PathBuf>,
        /// Look for a newer yt-dlp, and use it if it passes its check
        #[arg(long)]
        update: bool,
    },
    /// Give up rights and become another program (used by the node itself)
    #[command(hide = true)]
    Confine(ConfineArgs),
}

/// Runs the command line; every failure ends in one message and an exit code that is not 0.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(Command::Confine(args)) = &cli.command {
        // Before any thread: the rights that are given up here are those of one thread.
        return match confine::exec(args) {
            Ok(never) => match never {},
            Err(error) => fail(&error),
        };
    }
    if matches!(cli.command, None | Some(Command::Run(_))) {
        memory::settle();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(dispatch(cli)));
    match done {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

async fn dispatch(cli: Cli) -> Result<ExitCode> {
    let global = &cli.global;
    match cli.command {
        None => run::run(global, cli.run).await,
        Some(Command::Run(options)) => run::run(global, options.or(cli.run)).await,
        Some(Command::Archive { urls, from, wait, group, wish }) => {
            let urls = show::links(urls, from.as_deref())?;
            show::archive(global, &urls, wait, group.as_deref(), &wish).await
        }
        Some(Command::Import { dir, group }) => show::import(global, &dir, group.as_deref()).await,
        Some(Command::Approve(said)) => approve::approve(global, said).await,
        Some(Command::Requests { command }) => requests::requests(global, command).await,
        Some(Command::Inspect { url, offline }) => show::inspect(global, &url, offline).await,
        Some(Command::Search { words }) => show::search(global, &words.join(" ")).await,
        Some(Command::Videos) => show::videos(global).await,
        Some(Command::Media { command }) => media::media(global, command).await,
        Some(Command::Status) => show::status(global).await,
        Some(Command::Id) => show::id(global).await,
        Some(Command::Login) => show::login(global).await,
        Some(Command::Verify { video }) => show::verify(global, video.as_deref()).await,
        Some(Command::Nodes { add }) => others::nodes(global, add).await,
        Some(Command::Keep { video, let_go, wait }) => others::keep(global, &video, let_go, wait).await,
        Some(Command::Group { command }) => groups::group(global, command).await,
        Some(Command::Who { video }) => groups::who(global, &video).await,
        Some(Command::Tools { tools_dir, update }) => {
            tools::tools(global, tools_dir.or(cli.run.tools_dir), update).await
        }
        Some(Command::Confine(_)) => unreachable!("handled before the runtime starts"),
    }
}

#[expect(clippy::print_stderr, reason = "this is the program's voice")]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("horahora: {error:#}");
    ExitCode::FAILURE
}

/// Prints a line for a person or a program. Who stops reading, as `head` does, wants no more.
fn say(line: impl std::fmt::Display) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(0);
    }
}
