//! `testnet`: the fixture by hand, for trying a node without any real site.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use horahora_testnet::fixture::{Fixture, Media};

#[derive(Debug, Parser)]
#[command(name = "testnet", about = "Fake source sites for trying Horahora without the internet")]
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
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Command::Fixture { media, ffmpeg, site_port, proxy_port, rate } = Arguments::parse().command;
    let media = Media::prepare(&media, &ffmpeg).await?;
    let fixture = Fixture::start_at(&media, site_port, proxy_port).await?;
    fixture.set_rate(rate);
    std::io::stdout().write_all(greeting(&fixture).as_bytes())?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn greeting(fixture: &Fixture) -> String {
    let (site, proxy, arguments) = (fixture.site(), fixture.proxy(), fixture.ytdlp_args());
    format!(
        "fixtube   {site}/fixtube/watch/fx1   {site}/fixtube/user/u1   {site}/files/bbb.mp4\n\
         niconico  https://www.nicovideo.jp/watch/sm9   https://www.nicovideo.jp/user/4242   (through {proxy})\n\
         \n\
         yt-dlp --ignore-config {arguments} --proxy {proxy} https://www.nicovideo.jp/watch/sm9\n\
         horahora run --allow-private-sources --proxy {proxy} --ytdlp-args \"{arguments}\"\n\
         \n\
         Ctrl-C ends it.\n"
    )
}
