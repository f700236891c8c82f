//! `testnet`: the fixture, and nodes round it, by hand.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use horahora_testnet::{
    bench::{MediaOptions, PageOptions, SideArguments, SyncOptions, exchange, media, page, side, sync},
    fixture::{Fixture, Media},
    hostile,
    sim::{
        self,
        claims::{shrink::same_kind, table},
    },
    up,
};

#[derive(Debug, Parser)]
#[command(
    name = "testnet",
    about = "Trying Horahora without the internet: fake source sites, and nodes round them"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the fake sites until Ctrl-C
    Fixture {
        /// Folder for the sample files; they are made the first time
        #[arg(long)]
        media: PathBuf,
        /// The ffmpeg that makes the samples
        #[arg(long, default_value = "ffmpeg")]
        ffmpeg: PathBuf,
        /// Address to listen on; 0.0.0.0 lets other machines use the proxy
        #[arg(long, default_value_t = Ipv4Addr::LOCALHOST)]
        bind: Ipv4Addr,
        /// Port of the made-up site; 0 takes a free one
        #[arg(long, default_value_t = 0)]
        site_port: u16,
        /// Port of the proxy with the fake Niconico; 0 takes a free one
        #[arg(long, default_value_t = 0)]
        proxy_port: u16,
        /// Limit every media answer to this many bytes a second
        #[arg(long)]
        rate: Option<u64>,
    },
    /// Measure a part beside a limit of the same run; build with --release
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// One process of a benchmark (used by the benchmark itself)
    #[command(hide = true)]
    BenchSide(SideArguments),
    /// Three nodes and the fake sites, to click around in, until Ctrl-C
    Up {
        /// Folder for the nodes' data; it stays [default: target/testnet/up]
        #[arg(long)]
        dir: Option<PathBuf>,
        /// Port of the first node's page; the others follow
        #[arg(long, default_value_t = 8091)]
        port: u16,
    },
    /// Simulate many nodes in one thread and virtual time; build with --release
    Sim {
        #[command(subcommand)]
        what: Sim,
    },
    /// A peer that misbehaves towards a node in one way, until Ctrl-C or until the node hangs up
    Hostile {
        /// The node's address, with its `/p2p/` part
        #[arg(long)]
        to: String,
        /// What it does
        #[arg(long)]
        kind: hostile::Kind,
        /// Another word makes another peer; a node that blocked one does not know the next
        #[arg(long, default_value = "hostile")]
        seed: String,
    },
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// The exchange of blobs beside a plain TCP copy
    Exchange {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// MiB to copy each time
        #[arg(long, default_value_t = 512)]
        mib: u64,
        /// Rounds; the median counts
        #[arg(long, default_value_t = 3)]
        rounds: usize,
    },
    /// What a node makes of a file beside the bare programs
    Media(MediaOptions),
    /// The pages of a large catalogue beside an empty handler
    Page(PageOptions),
    /// A feed taken over from another node beside hashing, one signature a batch, and the disk
    Sync(SyncOptions),
}

#[derive(Debug, Subcommand)]
enum Sim {
    /// How a group shares out its jobs, and what goes wrong when things fail or members lie
    Claims {
        #[command(flatten)]
        options: sim::claims::Options,
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Look for a smaller run that breaks the same
        #[arg(long)]
        shrink: bool,
    },
    /// The figures that claims must reach, as a table in Markdown; takes hours
    ClaimsTable {
        /// Seeds of each case with 100 nodes
        #[arg(long, default_value_t = 20)]
        seeds: u64,
        /// Seeds of the case with 1,000 nodes; 0 leaves it out
        #[arg(long, default_value_t = 5)]
        large_seeds: u64,
        /// What the table is said to be of [default: what git calls the current commit]
        #[arg(long)]
        commit: Option<String>,
    },
    /// Draw the figures of docs/DESIGN.md
    ClaimsFigures {
        /// Folder for them
        #[arg(long, default_value = "docs/figures")]
        out: PathBuf,
    },
    /// Look at every run of a very small group up to a bound
    Model(sim::model::Bound),
    /// How fast entries of feeds spread, and what that costs
    Sync {
        #[command(flatten)]
        options: sim::Options,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Fixture { media, ffmpeg, bind, site_port, proxy_port, rate } => {
            let media = Media::prepare(&media, &ffmpeg).await?;
            serve(&Fixture::start_at(&media, bind, site_port, proxy_port).await?, rate).await
        }
        Command::Hostile { to, kind, seed } => hostile::by_hand(&to, kind, &seed, std::io::stdout()).await,
        Command::Bench { what: Bench::Exchange { json, mib, rounds } } => {
            let figures = exchange::run(mib, rounds).await?;
            let text =
                if json { serde_json::to_string_pretty(&figures)? + "\n" } else { exchange::table(&figures) };
            Ok(std::io::stdout().write_all(text.as_bytes())?)
        }
        Command::Bench { what: Bench::Page(options) } => {
            let figures = page(&options).await?;
            let text = if options.json {
                serde_json::to_string_pretty(&figures)? + "\n"
            } else {
                figures.to_string()
            };
            Ok(std::io::stdout().write_all(text.as_bytes())?)
        }
        Command::Bench { what: Bench::Media(options) } => {
            let figures = media(&options).await?;
            let text = if options.json {
                serde_json::to_string_pretty(&figures)? + "\n"
            } else {
                figures.to_string()
            };
            Ok(std::io::stdout().write_all(text.as_bytes())?)
        }
        Command::Bench { what: Bench::Sync(options) } => {
            let figures = sync(&options).await?;
            let text = if options.json {
                serde_json::to_string_pretty(&figures)? + "\n"
            } else {
                figures.to_string()
            };
            Ok(std::io::stdout().write_all(text.as_bytes())?)
        }
        Command::Sim { what: Sim::Sync { options, json } } => simulate(&options, json),
        Command::Sim { what: Sim::Claims { options, json, shrink } } => {
            simulate_claims(&options, json, shrink)
        }
        Command::Sim { what: Sim::ClaimsTable { seeds, large_seeds, commit } } => {
            claims_table(seeds, large_seeds, commit)
        }
        Command::Sim { what: Sim::ClaimsFigures { out } } => claims_figures(&out),
        Command::Sim { what: Sim::Model(bound) } => check_model(&bound),
        Command::BenchSide(arguments) => side(arguments).await,
        Command::Up { dir, port } => up::up(dir, port).await,
    }
}

fn simulate(options: &sim::Options, json: bool) -> anyhow::Result<()> {
    let report = sim::run(options);
    let text = if json { serde_json::to_string_pretty(&report)? + "\n" } else { report.table() };
    std::io::stdout().write_all(text.as_bytes())?;
    anyhow::ensure!(report.complete, "some nodes lack entries after half an hour of virtual time");
    Ok(())
}

fn simulate_claims(options: &sim::claims::Options, json: bool, shrink: bool) -> anyhow::Result<()> {
    let report = sim::claims::run(options);
    let text = if json { serde_json::to_string_pretty(&report)? + "\n" } else { report.table() };
    std::io::stdout().write_all(text.as_bytes())?;
    if shrink && !report.broken.is_empty() {
        let mut fails = |smaller: &sim::claims::Options| same_kind(&sim::claims::run(smaller), &report);
        let mut told = |smaller: &sim::claims::Options| {
            // Who does not read them still gets the last one.
            let _ = writeln!(std::io::stderr(), "also with: {}", smaller.replay());
        };
        let least = sim::claims::shrink::shrink(options, &mut fails, &mut told);
        anyhow::bail!("what must never happen did; least with: {}", least.replay());
    }
    anyhow::ensure!(report.broken.is_empty(), "what must never happen did; again with: {}", options.replay());
    Ok(())
}

fn claims_table(seeds: u64, large_seeds: u64, commit: Option<String>) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    let commit = commit.map_or_else(current_commit, Ok)?;
    out.write_all(table::head(&commit).as_bytes())?;
    let small = table::hundred().into_iter().map(|case| (case, seeds));
    let mut missed = Vec::new();
    for (case, seeds) in small.chain([(table::thousand(), large_seeds)]).filter(|(_, seeds)| *seeds > 0) {
        let (row, more) = table::row(&case, seeds);
        writeln!(out, "{row}")?;
        missed.extend(more);
    }
    anyhow::ensure!(missed.is_empty(), "not reached:\n  {}", missed.join("\n  "));
    Ok(())
}

fn current_commit() -> anyhow::Result<String> {
    let git =
        std::process::Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=10"]).output();
    let git = git.context("git does not say which commit this is; use --commit")?;
    anyhow::ensure!(git.status.success(), "this is no clone of the repository; use --commit");
    Ok(String::from_utf8_lossy(&git.stdout).trim().to_owned())
}

fn claims_figures(out: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(out)?;
    for (name, svg) in sim::claims::figures::draw(100, 1_000, 5) {
        std::fs::write(out.join(&name), svg)?;
        writeln!(std::io::stdout(), "{name}")?;
    }
    Ok(())
}

fn check_model(bound: &sim::model::Bound) -> anyhow::Result<()> {
    let findings = sim::model::check(bound);
    std::io::stdout().write_all(findings.text().as_bytes())?;
    anyhow::ensure!(findings.broken.is_none(), "what must never happen can");
    Ok(())
}

async fn serve(fixture: &Fixture, rate: Option<u64>) -> anyhow::Result<()> {
    fixture.set_rate(rate);
    std::io::stdout().write_all(greeting(fixture).as_bytes())?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn greeting(fixture: &Fixture) -> String {
    let (site, proxy, arguments) = (fixture.site(), fixture.proxy(), fixture.ytdlp_args());
    format!(
        "fixtube   {site}/fixtube/watch/fx1   {site}/fixtube/user/u1   {site}/fixtube/channel/rabbit_8   {site}/files/bbb.mp4\n\
         niconico  https://www.nicovideo.jp/watch/sm9   https://www.nicovideo.jp/user/4242   (through {proxy})\n\
         bilibili  https://www.bilibili.com/video/BV1Part00012   https://space.bilibili.com/7003   (through it, too)\n\
         \n\
         yt-dlp --ignore-config {arguments} --proxy {proxy} https://www.nicovideo.jp/watch/sm9\n\
         horahora run --allow-private-sources --proxy {proxy} --ytdlp-args \"{arguments}\"\n\
         \n\
         Ctrl-C ends it.\n"
    )
}
