//! `horahora tools`: installs the tools without a node, for images and for machines that will be offline.

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Result, bail};
use tokio::{signal, sync::watch};

use super::{Global, say};
use crate::{
    config::{Config, RunOptions},
    media::hardware::Choice,
    spawn::Tasks,
    tools::{self, NAMES, ToolStatus, Tools},
};

pub(super) async fn tools(global: &Global, tools_dir: Option<PathBuf>, update: bool) -> Result<ExitCode> {
    // Through the settings, so that `tools_dir` of config.toml holds here, too.
    let config = Config::load(&global.data_dir(), RunOptions { tools_dir, ..RunOptions::default() })?;
    let tasks = Tasks::default();
    let opened = Tools::open(config.tools_dir.clone(), false, Choice::Never, &tasks);
    let outcome = tokio::select! {
        biased;
        toolset = opened.ready() => Ok(toolset),
        reason = follow(opened.status()) => Err(reason),
        _ = signal::ctrl_c() => Err("interrupted".to_owned()),
    };
    // Ends pip, if it still runs.
    tasks.stop().await;
    let mut versions = match &outcome {
        Ok(toolset) => toolset.versions.clone(),
        Err(reason) => bail!("{}: {reason}", config.tools_dir.display()),
    };
    if let (Ok(toolset), true) = (&outcome, update)
        && let Some(version) = tools::update(&config.tools_dir, toolset).await?
    {
        versions.insert("yt-dlp".to_owned(), version);
    }
    if global.json {
        say(serde_json::json!({ "dir": config.tools_dir, "versions": versions }));
    } else {
        for name in NAMES {
            say(format_args!("{name:<8} {}", versions.get(name).map_or("unknown", String::as_str)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows progress until the installation fails, and gives the reason. A node would try again; a command does not.
async fn follow(mut status: watch::Receiver<Vec<ToolStatus>>) -> String {
    let mut shown = String::new();
    loop {
        let now = status.borrow_and_update().clone();
        if let Some(failed) = now.iter().find(|tool| tool.state == "waiting") {
            let reason = failed.message.rsplit_once(". Tried again in ");
            return reason.map_or_else(|| failed.message.clone(), |(reason, _)| reason.to_owned());
        }
        for tool in now.iter().filter(|tool| tool.state == "running") {
            // One line for each step, not for each megabyte of it.
            let step = format!("{} {}", tool.name, tool.message.split(", ").next().unwrap_or_default());
            if step != shown {
                let percent = tool.progress.unwrap_or(0.0) * 100.0;
                let _ = writeln!(std::io::stderr(), "{:<8} {percent:3.0} %  {}", tool.name, tool.message);
                shown = step;
            }
        }
        if status.changed().await.is_err() {
            return "the installation ended without a word".to_owned();
        }
    }
}
