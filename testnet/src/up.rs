//! Three nodes and the fake sites for a person to click around in.

use std::{io::Write as _, path::PathBuf};

use anyhow::Result;

use crate::cluster::{Node, fixture, shared_dir};

/// Trees that grow old.
const NAMES: [&str; 3] = ["hinoki", "sugi", "tsubaki"];

/// Runs until Ctrl-C. The second and the third node follow the first.
///
/// # Errors
/// When a node does not start.
pub async fn up(dir: Option<PathBuf>, port: u16) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "Prepares tools and samples; the first time this takes some minutes.")?;
    let fixture = fixture().await?;
    let dir = dir.map_or_else(|| shared_dir().map(|shared| shared.join("up")), Ok)?;
    let (proxy, arguments) = (fixture.proxy(), format!("--ytdlp-args={}", fixture.ytdlp_args()));
    let mut nodes: Vec<Node> = Vec::new();
    for (number, name) in (0..).zip(NAMES) {
        let http = format!("127.0.0.1:{}", port + number);
        let mut options = vec!["--http", &http, "--name", name];
        options.extend(["--allow-private-sources", "--proxy", &proxy, &arguments]);
        let first = match nodes.first() {
            Some(first) => Some(first.address().await?),
            None => None,
        };
        options.extend(first.iter().flat_map(|address| ["--peer", address]));
        nodes.push(Node::start_in(&dir.join(name), &options).await?);
    }
    for (node, name) in nodes.iter().zip(NAMES) {
        writeln!(out, "{name:<8} {}", node.login)?;
    }
    let site = fixture.site();
    writeln!(
        out,
        "\nArchive something on one of them and watch it on another:\n  \
         https://www.nicovideo.jp/watch/sm9\n  https://www.nicovideo.jp/user/4242\n  {site}/fixtube/watch/fx1\n\n\
         The data stays in {}. Ctrl-C ends all three.",
        dir.display()
    )?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}
