//! Speaks to a running node over its API, with the token from the data folder.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Global;
use crate::node::ADDRESS_FILE;

/// Answers come at once; verifying takes as long as reading all bytes, so only connecting has a limit.
const CONNECT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    named: bool,
    base: String,
    token: String,
}

impl Client {
    /// A client of the node that `--api` names or that uses the data folder.
    pub(super) fn new(global: &Global) -> Result<Self> {
        let dir = global.data_dir();
        let running = fs::read_to_string(dir.join(ADDRESS_FILE)).ok();
        let named = global.api.is_some() || running.is_some();
        let base = global.api.clone().or(running).unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
        let token = fs::read_to_string(dir.join("api-token")).unwrap_or_default().trim().to_owned();
        let http = reqwest::Client::builder().connect_timeout(CONNECT).no_proxy().build()?;
        Ok(Self { http, named, base: base.trim().trim_end_matches('/').to_owned(), token })
    }

    /// Whether the node was named, or is the one that uses the data folder.
    pub(super) fn is_named(&self) -> bool {
        self.named
    }

    /// Whether a node answers.
    pub(super) async fn answers(&self) -> bool {
        let asked = self.http.get(format!("{}/healthz", self.base)).send().await;
        asked.is_ok_and(|answer| answer.status().is_success())
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value> {
        self.send(self.http.get(self.url(path))).await
    }

    /// All items of a list that comes in pages.
    pub(super) async fn all(&self, path: &str) -> Result<Vec<Value>> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}?limit=200{after}")).await?;
            all.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(all),
            }
        }
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(self.http.post(self.url(path)).json(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Value> {
        self.send(self.http.delete(self.url(path)).json(&serde_json::json!({}))).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value> {
        let answer = request.bearer_auth(&self.token).send().await.with_context(|| {
            format!("no node answers at {}; start one with `horahora run`, or name it with --api", self.base)
        })?;
        let status = answer.status();
        let body: Value = answer.json().await.context("the node's answer is no JSON; is --api right?")?;
        if !status.is_success() {
            bail!(
                "{} ({})",
                body["message"].as_str().unwrap_or("the node refused"),
                body["code"].as_str().unwrap_or("?")
            );
        }
        Ok(body)
    }
}

/// Whether a data folder is there.
pub(super) fn is_data_dir(dir: &Path) -> bool {
    dir.join("identity.key").exists()
}
