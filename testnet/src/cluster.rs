//! Real nodes: processes on loopback with temporary data folders and one shared tools folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::fixture::{Fixture, Media};

/// Longest that anything may take on a slow machine; reaching it is a failure.
pub const DEADLINE: Duration = Duration::from_secs(180);
/// Installing the tools downloads about 200 MB.
const INSTALL: Duration = Duration::from_secs(900);
const POLL: Duration = Duration::from_millis(20);

/// What the tests' nodes are told unless a test says otherwise: an address for peers and a name.
const DEFAULTS: [[&str; 2]; 2] = [["--listen", "/ip4/127.0.0.1/tcp/0"], ["--name", "testnode"]];

/// A node's data folder.
#[derive(Debug)]
enum Data {
    /// Gone with the node.
    Temporary(TempDir),
    /// Stays.
    Kept(PathBuf),
}

/// A node under test. Dropping it ends its process.
#[derive(Debug)]
pub struct Node {
    child: Option<Child>,
    data: Data,
    options: Vec<String>,
    http: reqwest::Client,
    base: String,
    token: String,
    /// The one-time login link that the node printed at its last start.
    pub login: String,
}

/// An address for peers whose port stays the same over restarts.
///
/// # Errors
/// When no port is free.
pub fn fixed_address() -> Result<String> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    Ok(format!("/ip4/127.0.0.1/tcp/{port}"))
}

/// The build's folder for what tests share between runs.
///
/// # Errors
/// When the test does not run from a cargo target folder.
pub fn shared_dir() -> Result<PathBuf> {
    let target = target_dir()?;
    let dir = target.parent().context("the target folder has a parent")?.join("testnet");
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// The `horahora` binary beside this test.
///
/// # Errors
/// When it was not built.
pub fn binary() -> Result<PathBuf> {
    let path = target_dir()?.join("horahora");
    ensure!(path.exists(), "{} is missing: run `cargo build --workspace` first", path.display());
    Ok(path)
}

fn target_dir() -> Result<PathBuf> {
    let exe = std::env::current_exe()?;
    let dir = exe.parent().context("a test is in a folder")?;
    Ok(if dir.ends_with("deps") {
        dir.parent().context("deps has a parent")?.to_owned()
    } else {
        dir.to_owned()
    })
}

/// The tools that all tests share: yt-dlp's Python, ffmpeg, ffprobe. A node installs them if they are missing.
///
/// # Errors
/// When they cannot be installed.
pub async fn tools() -> Result<horahora::tools::Toolset> {
    let dir = shared_dir()?.join("tools");
    if let Some(found) = horahora::tools::find(&dir) {
        return Ok(found);
    }
    let node = Node::start(&[]).await?;
    node.until_within(INSTALL, "the tools are installed", async || {
        Ok(node.get("/api/v1/node").await?["tools"]["ffprobe"].is_string())
    })
    .await?;
    horahora::tools::find(&dir).context("the node said that it installed the tools")
}

/// The fake sites, on sample files that are made once.
///
/// # Errors
/// When the samples cannot be made.
pub async fn fixture() -> Result<Fixture> {
    let tools = tools().await?;
    let media = Media::prepare(&shared_dir()?.join("media"), &tools.ffmpeg).await?;
    Fixture::start(&media).await
}

impl Node {
    /// Starts a node that reaches the fake sites.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn at(fixture: &Fixture) -> Result<Self> {
        let (proxy, args) = (fixture.proxy(), fixture.ytdlp_args());
        let args = format!("--ytdlp-args={args}");
        Self::start(&["--allow-private-sources", "--proxy", &proxy, &args]).await
    }

    /// Starts a node with these options of `run`.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(options: &[&str]) -> Result<Self> {
        Self::open(Data::Temporary(TempDir::with_prefix("horahora-test-")?), options).await
    }

    /// Starts a node on a data folder that stays.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_in(dir: &Path, options: &[&str]) -> Result<Self> {
        fs::create_dir_all(dir)?;
        Self::open(Data::Kept(dir.to_owned()), options).await
    }

    async fn open(data: Data, options: &[&str]) -> Result<Self> {
        let mut node = Self {
            child: None,
            data,
            options: options.iter().map(ToString::to_string).collect(),
            http: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()?,
            base: String::new(),
            token: String::new(),
            login: String::new(),
        };
        node.restart().await?;
        Ok(node)
    }

    /// Starts the node again on its data folder, after it was killed or stopped. A copy of the program in that folder is
    /// started instead of the built one.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart(&mut self) -> Result<()> {
        let address = self.data().join("api-address");
        let _ = fs::remove_file(&address);
        let (out, err) = (self.data().join("test-stdout"), self.data().join("test-stderr"));
        let given = |name: &str| self.options.iter().any(|option| option == name);
        let defaults = DEFAULTS.iter().filter(|[name, _]| !given(name)).flatten();
        let http: &[&str] = if given("--http") { &[] } else { &["--http", "127.0.0.1:0"] };
        let mdns: &[&str] = if given("--with-mdns") { &[] } else { &["--no-mdns"] };
        let shared = shared_dir()?.join("tools");
        let tools = (!given("--tools-dir")).then(|| [std::ffi::OsString::from("--tools-dir"), shared.into()]);
        let copy = self.data().join("horahora");
        let child = Command::new(if copy.exists() { copy } else { binary()? })
            .arg("--json")
            .arg("--data-dir")
            .arg(self.data())
            .arg("run")
            .args(http)
            .args(mdns)
            .args(defaults)
            .args(tools.into_iter().flatten())
            .arg("--no-updates")
            .args(self.options.iter().filter(|option| *option != "--with-mdns"))
            .stdout(fs::File::create(&out)?)
            .stderr(fs::OpenOptions::new().create(true).append(true).open(err)?)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        self.child = Some(child);
        let started =
            self.until("the node starts", async || Ok(fs::read_to_string(&out)?.ends_with('\n'))).await;
        started.with_context(|| self.log())?;
        let said: Value = serde_json::from_str(fs::read_to_string(&out)?.trim())?;
        self.base = said["page"].as_str().context("the node says where its page is")?.to_owned();
        self.login = said["login"].as_str().context("the node prints a login link")?.to_owned();
        self.token = fs::read_to_string(self.data().join("api-token"))?;
        Ok(())
    }

    /// Changes what the node is told at its next start: `--name value` pairs and switches.
    pub fn set_options(&mut self, options: &[&str]) {
        self.options = options.iter().map(ToString::to_string).collect();
    }

    /// An address under which other nodes reach this one.
    ///
    /// # Errors
    /// When it does not listen.
    pub async fn address(&self) -> Result<String> {
        self.until("the node listens", async || {
            Ok(self.get("/api/v1/node").await?["addresses"][0].is_string())
        })
        .await?;
        let node = self.get("/api/v1/node").await?;
        Ok(node["addresses"][0].as_str().context("an address")?.to_owned())
    }

    /// The node's id.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn id(&self) -> Result<String> {
        Ok(self.get("/api/v1/node").await?["node_id"].as_str().context("an id")?.to_owned())
    }

    /// Waits until a video is shown here as it is on the node that made it, and gives it.
    ///
    /// # Errors
    /// When it takes too long.
    pub async fn lists(&self, made: &Value) -> Result<Value> {
        let id = made["id"].as_str().context("a video has an id")?;
        let path = format!("/api/v1/videos/{}", id.replace(':', "%3A"));
        self.until(&format!("{id} is listed as where it was made"), async || {
            Ok(made["manifest"].is_string() && self.get(&path).await?["manifest"] == made["manifest"])
        })
        .await?;
        self.get(&path).await
    }

    /// Fetches everything that a player of a manifest would: description, and every segment of each rendition.
    /// Gives how many bytes came.
    ///
    /// # Errors
    /// When something of it does not come.
    pub async fn play_through(&self, video: &Value) -> Result<u64> {
        let manifest = video["manifest"].as_str().context("a manifest")?;
        let mpd = self.bytes(&format!("/media/{manifest}/manifest.mpd")).await?;
        ensure!(mpd.starts_with(b"<?xml"), "the description is XML");
        let mut bytes = 0;
        for rendition in video["renditions"].as_array().into_iter().flatten() {
            let id = rendition["id"].as_str().context("a rendition's name")?;
            bytes += self.bytes(&format!("/media/{manifest}/{id}/init.mp4")).await?.len() as u64;
            for number in 1..=rendition["segments"].as_u64().unwrap_or(0) {
                bytes += self.bytes(&format!("/media/{manifest}/{id}/{number}.m4s")).await?.len() as u64;
            }
        }
        Ok(bytes)
    }

    /// The bytes at a path.
    ///
    /// # Errors
    /// When the answer is not a success.
    pub async fn bytes(&self, path: &str) -> Result<bytes::Bytes> {
        let answer = self.ask(Method::GET, path).send().await?;
        let (status, body) = (answer.status(), answer.bytes().await?);
        ensure!(status.is_success(), "{path} was answered {status}: {}", String::from_utf8_lossy(&body));
        Ok(body)
    }

    /// Ends the node as a crash would: SIGKILL.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("the node runs")?;
        child.kill().await?;
        Ok(())
    }

    /// Ends the node as its operator would: SIGTERM, and waits until it is gone.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(&mut self) -> Result<()> {
        let mut child = self.child.take().context("the node runs")?;
        let id = child.id().context("the node runs")?.to_string();
        ensure!(Command::new("kill").arg(id).status().await?.success(), "the signal was sent");
        tokio::time::timeout(DEADLINE, child.wait()).await.context("the node ends when it is asked to")??;
        Ok(())
    }

    /// Address of a path on the node.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The node's data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        match &self.data {
            Data::Temporary(dir) => dir.path(),
            Data::Kept(dir) => dir,
        }
    }

    /// The process, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// The token of the node's own programs.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// What the node logged, for a failure's message.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.data().join("test-stderr")).unwrap_or_default()
    }

    /// A request without any header of ours.
    pub fn ask(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, self.url(path))
    }

    /// JSON at a path.
    ///
    /// # Errors
    /// When the answer is not a success or no JSON.
    pub async fn get(&self, path: &str) -> Result<Value> {
        Ok(self.ask(Method::GET, path).send().await?.error_for_status()?.json().await?)
    }

    /// JSON at a path, as the operator sees it.
    ///
    /// # Errors
    /// When the answer is not a success or no JSON.
    pub async fn own(&self, path: &str) -> Result<Value> {
        let asked = self.ask(Method::GET, path).bearer_auth(&self.token);
        Ok(asked.send().await?.error_for_status()?.json().await?)
    }

    /// Runs a subcommand with `--json` and gives what it printed.
    ///
    /// # Errors
    /// When it fails; with what it complained of.
    pub async fn say(&self, args: &[&str]) -> Result<Value> {
        let done = self.cli(&[&["--json"], args].concat()).await?;
        ensure!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr).trim());
        Ok(serde_json::from_slice(&done.stdout)?)
    }

    /// A group as this node lists it.
    ///
    /// # Errors
    /// When it does not.
    pub async fn group(&self, name: &str) -> Result<Value> {
        let groups = self.own("/api/v1/groups").await?;
        let found = groups.as_array().into_iter().flatten().find(|group| group["name"] == name);
        found.cloned().with_context(|| format!("no group {name} in {groups}"))
    }

    /// Posts JSON with the token.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Response> {
        Ok(self.ask(Method::POST, path).bearer_auth(&self.token).json(body).send().await?)
    }

    /// Requests a source and gives the request's id.
    ///
    /// # Errors
    /// When it is not accepted.
    pub async fn request(&self, url: &str) -> Result<String> {
        let answer = self.post("/api/v1/requests", &json!({ "url": url })).await?;
        let (status, body): (StatusCode, Value) = (answer.status(), answer.json().await?);
        ensure!(status == StatusCode::ACCEPTED, "{url} was answered {status}: {body}");
        Ok(body["id"].as_str().context("an id")?.to_owned())
    }

    /// Waits until a request is in one of these states.
    ///
    /// # Errors
    /// When it takes too long.
    pub async fn settled(&self, id: &str, states: &[&str]) -> Result<Value> {
        let path = format!("/api/v1/requests/{id}");
        let what = format!("request becomes {states:?}");
        let reached = self.until(&what, async || {
            let request = self.get(&path).await?;
            Ok(states.contains(&request["state"].as_str().unwrap_or_default()))
        });
        if let Err(late) = reached.await {
            bail!("{late:#}; it is {}\n{}", self.get(&path).await?, self.log());
        }
        self.get(&path).await
    }

    /// Archives a source to its end and gives its videos.
    ///
    /// # Errors
    /// When it does not become done.
    pub async fn archive(&self, url: &str) -> Result<Vec<Value>> {
        let id = self.request(url).await?;
        let request = self.settled(&id, &["done", "failed", "gone", "refused", "needs-operator"]).await?;
        ensure!(request["state"] == "done", "{url} ended as {request}\n{}", self.log());
        let mut videos = Vec::new();
        for video in request["videos"].as_array().into_iter().flatten() {
            let path = video.as_str().unwrap_or_default().replace(':', "%3A");
            videos.push(self.get(&format!("/api/v1/videos/{path}")).await?);
        }
        Ok(videos)
    }

    /// Runs a subcommand of `horahora` on the node's data folder.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub async fn cli(&self, args: &[&str]) -> Result<Output> {
        let mut command = Command::new(binary()?);
        Ok(command.arg("--data-dir").arg(self.data()).args(args).output().await?)
    }

    /// Waits for a condition.
    ///
    /// # Errors
    /// When it does not come true within [`DEADLINE`].
    pub async fn until(&self, what: &str, condition: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
        self.until_within(DEADLINE, what, condition).await
    }

    /// Waits for a condition, but not longer than `deadline`.
    ///
    /// # Errors
    /// When it does not come true.
    pub async fn until_within(
        &self,
        deadline: Duration,
        what: &str,
        mut condition: impl AsyncFnMut() -> Result<bool>,
    ) -> Result<()> {
        let mut last = None;
        let waiting = async {
            loop {
                match condition().await {
                    Ok(true) => return,
                    Ok(false) => {}
                    Err(error) => last = Some(error),
                }
                tokio::time::sleep(POLL).await;
            }
        };
        if tokio::time::timeout(deadline, waiting).await.is_ok() {
            return Ok(());
        }
        bail!("within {deadline:?} it did not happen that {what} ({last:?})\n{}", self.log())
    }
}
