//! `horahora run`.

use std::{io::IsTerminal, process::ExitCode};

use anyhow::{Context, Result};
use tokio::{net::TcpListener, signal};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use super::{Global, say};
use crate::{
    config::{self, Config, RunOptions},
    logs::Logs,
    node::{self, Afterwards},
    process::again,
};

/// What is logged when nothing else is asked for. Kademlia warns when a node is alone, which is no fault.
const LOG: &str = "info,libp2p_mdns=warn,libp2p_kad=error";

pub(super) async fn run(global: &Global, options: RunOptions) -> Result<ExitCode> {
    let filter = EnvFilter::try_from_env("HORAHORA_LOG").unwrap_or_else(|_| EnvFilter::new(LOG));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let (logs, lines) = (Logs::default(), tracing_subscriber::fmt::layer());
    let lines = lines.with_ansi(colours).with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter).with(logs.clone()).with(lines).init();
    let data_dir = global.data_dir();
    std::fs::create_dir_all(&data_dir)
        .with_context(|| format!("the data folder {} cannot be made", data_dir.display()))?;
    let data_dir = data_dir.canonicalize()?;
    config::write_template(&data_dir)?;
    let config = Config::load(&data_dir, options)?;
    let listener = TcpListener::bind(config.http).await.with_context(|| {
        format!("cannot serve the page on {}; choose another address with --http IP:PORT", config.http)
    })?;
    let json = global.json;
    let announce = move |page: &str, login: &str| {
        if json {
            say(serde_json::json!({ "page": page, "login": login }));
        } else {
            say(format_args!("Horahora runs at {page}"));
            say(format_args!("Log in once with {login}"));
        }
    };
    match node::run(config, listener, shutdown()?, logs, announce).await? {
        Afterwards::Ends => Ok(ExitCode::SUCCESS),
        Afterwards::BeginsAgain => Err(again::begin_again().into()),
    }
}

/// Ready at Ctrl-C or when the system asks to end.
fn shutdown() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    let mut interrupt = signal::unix::signal(signal::unix::SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stops");
    })
}
