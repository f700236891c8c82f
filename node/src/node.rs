//! The composition root: opens the rooms, hands them to each other, and stops them in reverse.

use std::{fs, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    blobs::Blobs,
    catalogue::Catalogue,
    claims::{self, Claims},
    community::Community,
    config::Config,
    feeds::Feeds,
    fetch::Fetch,
    groups::Groups,
    growing::Growing,
    http::{self, Auth, Popular, Replies, Rooms},
    identity,
    ingest::Ingest,
    jobs::{self, Jobs},
    live::Live,
    logs::Logs,
    moderation::{Measures, Moderation},
    net::{Net, NetOptions, Peers, Provide, Shelf, Sync, SyncRooms},
    people::People,
    requests::Requests,
    search::Search,
    spawn::Tasks,
    store::Store,
    tools::Tools,
    uploads::{self, Uploads},
};

/// Name of the file that tells programs of this machine where a running node's page is.
pub const ADDRESS_FILE: &str = "api-address";

/// How long open requests may go on after the node was asked to end.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// What a node does when it has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// Nothing.
    Ends,
    /// It begins again, with what is set now.
    BeginsAgain,
}

/// Runs a node until `shutdown` is ready, or somebody lets it begin again. `announce` hears the address of the page and a login
/// link.
///
/// # Errors
/// When the node cannot start; the message says what to do.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
    logs: Logs,
    announce: impl FnOnce(&str, &str),
) -> Result<Afterwards> {
    let dir = &config.data_dir;
    let store = Store::open_patiently(&dir.join("db")).await?;
    let blobs = Blobs::open(&dir.join("blobs"))?.within(config.space.clone());
    let key = Arc::new(identity::load_or_create(&dir.join("identity.key"))?);
    let token = identity::api_token(&dir.join("api-token"))?;
    let tasks = Tasks::default();
    let (live, provide, me) = (Live::default(), Provide::default(), key.node_id());
    let groups = Groups::open(store.clone(), me)?;
    let (own, all, name, events) = (Arc::clone(&key), groups.clone(), &config.name, live.clone());
    let told = provide.clone();
    let catalogue = Catalogue::open(store.clone(), blobs.clone(), events, told, all.clone(), me).await?;
    let feeds = Feeds::open(own, store.clone(), blobs.clone(), catalogue.clone(), all, name).await?;
    let growing = Growing::new(Arc::clone(&key));
    let shelf = Shelf::new(blobs.clone(), catalogue.clone(), growing.clone());
    let peers = net_options(&config);
    let (net, ears) = Net::open(&key, peers, &store, shelf, &tasks)?;
    let fetch = Fetch::new(blobs.clone(), net.clone(), catalogue.clone(), tasks.clone());

    let tools = Tools::open(config.tools_dir.clone(), config.updates, config.hardware, &tasks);
    let ingest = Ingest::open(tools.clone(), config.source.clone(), store.clone(), dir)?;
    let claims = Claims::new();
    let jobs = Jobs::open(jobs::Rooms {
        key: Arc::clone(&key),
        store: store.clone(),
        blobs: blobs.clone(),
        feeds: feeds.clone(),
        ingest: ingest.clone(),
        tools: tools.clone(),
        live: live.clone(),
        catalogue: catalogue.clone(),
        growing: growing.clone(),
        fetch: fetch.clone(),
        claims: claims.clone(),
        adopt: config.adopt,
        av1: config.av1,
        encoders: config.encoders,
        space: config.space.clone(),
        dir: dir.join("jobs"),
    })
    .await?;
    let requests = Requests::open(store.clone(), feeds.clone(), ingest, jobs.clone(), live.clone())?;
    let search = Search::open(store.clone(), catalogue.clone(), live.clone(), &dir.join("search"))?;
    let community =
        Community::new(store.clone(), feeds.clone(), groups.clone(), catalogue.clone(), live.clone());
    let measures = Measures::new(store.clone(), feeds.clone(), catalogue.clone(), live.clone());
    let people = People::new(store.clone());
    let uploads = open_uploads(&config, &store, &jobs, &people, &live, &tasks)?;
    let auth = Auth::new(token, config.hosts.clone(), people.clone());
    start_work(&jobs, &requests, config.looks, &tasks);
    start_pages(&search, &community, &measures, &tasks);
    tell_tools(&tools, &live, &tasks);
    let talk = SyncRooms {
        key: Arc::clone(&key),
        name: config.name.clone(),
        dir: dir.clone(),
        net: net.clone(),
        feeds: feeds.clone(),
        groups: groups.clone(),
        catalogue: catalogue.clone(),
        growing: growing.clone(),
        claims: claims.clone(),
        live: live.clone(),
        tasks: tasks.clone(),
    };
    let sync = Sync::start(talk, ears);
    tell_network(&provide, &catalogue, &jobs, &net, &tasks);
    let rooms = Rooms {
        key,
        moderation: Moderation::new(store.clone()),
        measures,
        store,
        blobs,
        feeds,
        groups,
        catalogue,
        claims,
        community,
        growing,
        fetch,
        provide,
        sync,
        jobs,
        requests,
        search,
        tools,
        net,
        live,
        uploads,
        people,
        auth,
        name: config.name.clone(),
        popular: Popular::default(),
        replies: Replies::default(),
        logs,
        config: config.clone(),
        again: CancellationToken::new(),
    };
    start_claims(&rooms, &tasks);
    run_page(listener, rooms, dir, shutdown, &tasks, announce).await
}

fn open_uploads(
    config: &Config,
    store: &Store,
    jobs: &Jobs,
    people: &People,
    live: &Live,
    tasks: &Tasks,
) -> Result<Uploads> {
    Ok(Uploads::open(uploads::Rooms {
        store: store.clone(),
        jobs: jobs.clone(),
        people: people.clone(),
        space: config.space.clone(),
        live: live.clone(),
        tasks: tasks.clone(),
        dir: config.data_dir.join("uploads"),
    })?)
}

/// Serves the page until the shutdown, or until somebody lets the node begin again.
async fn run_page(
    listener: TcpListener,
    rooms: Rooms,
    dir: &Path,
    shutdown: impl Future<Output = ()>,
    tasks: &Tasks,
    announce: impl FnOnce(&str, &str),
) -> Result<Afterwards> {
    let again = rooms.again.clone();
    let ends = async {
        tokio::select! {
            () = shutdown => {}
            () = again.cancelled() => tracing::info!("begins again"),
        }
    };
    serve_page(listener, rooms, dir, ends, tasks, announce).await?;
    Ok(if again.is_cancelled() { Afterwards::BeginsAgain } else { Afterwards::Ends })
}

/// Serves the page until the shutdown; then all tasks end.
async fn serve_page(
    listener: TcpListener,
    rooms: Rooms,
    dir: &Path,
    shutdown: impl Future<Output = ()>,
    tasks: &Tasks,
    announce: impl FnOnce(&str, &str),
) -> Result<()> {
    let page = format!("http://{}", reachable(listener.local_addr()?));
    let login = format!("{page}/login?key={}", rooms.auth.login_key());
    let stop = tasks.stopping();
    let serve = http::serve(listener, rooms, stop.clone());
    let file = dir.join(ADDRESS_FILE);
    fs::write(&file, &page).with_context(|| format!("cannot write {}", file.display()))?;
    announce(&page, &login);
    let served = serve_until(serve, shutdown, &stop).await;
    let _ = fs::remove_file(file);
    tasks.stop().await;
    served.context("the page cannot be served")
}

fn net_options(config: &Config) -> NetOptions {
    let (listen, peers) = (config.listen.clone(), config.peers.clone());
    NetOptions { listen, peers, mdns: config.mdns, relay: config.relay }
}

/// Serves until the shutdown, and gives what is being answered then a little time.
async fn serve_until(
    serve: impl Future<Output = std::io::Result<()>>,
    shutdown: impl Future<Output = ()>,
    stop: &CancellationToken,
) -> std::io::Result<()> {
    tokio::pin!(serve);
    tokio::select! {
        biased;
        served = &mut serve => served,
        () = shutdown => {
            stop.cancel();
            // A viewer who takes his time must not keep the node from ending.
            tokio::time::timeout(LAST_ANSWERS, serve).await.unwrap_or(Ok(()))
        }
    }
}

/// Begins to share out the jobs.
fn start_claims(rooms: &Rooms, tasks: &Tasks) {
    rooms.claims.start(claims::Rooms {
        key: Arc::clone(&rooms.key),
        store: rooms.store.clone(),
        feeds: rooms.feeds.clone(),
        groups: rooms.groups.clone(),
        catalogue: rooms.catalogue.clone(),
        fetch: rooms.fetch.clone(),
        jobs: rooms.jobs.clone(),
        sync: rooms.sync.clone(),
        live: rooms.live.clone(),
        tasks: tasks.clone(),
    });
}

fn start_work(jobs: &Jobs, requests: &Requests, looks: bool, tasks: &Tasks) {
    jobs.start(tasks);
    if looks {
        jobs.follow_looks(tasks);
    }
    requests.start(tasks);
}

/// What pages show follows what changes.
fn start_pages(search: &Search, community: &Community, measures: &Measures, tasks: &Tasks) {
    search.start(tasks);
    community.start(tasks);
    measures.start(tasks);
}

/// Tells open pages of every step of the tools' installation.
fn tell_tools(tools: &Tools, live: &Live, tasks: &Tasks) {
    let (mut status, live) = (tools.status(), live.clone());
    tasks.spawn("tools-events", async move {
        while status.changed().await.is_ok() {
            let now = status.borrow_and_update().clone();
            live.tell("tools", serde_json::json!({ "tools": now }));
        }
    });
}

/// Tells the hash table what is here, and the jobs when somebody came who may hold what they wait for.
fn tell_network(provide: &Provide, catalogue: &Catalogue, jobs: &Jobs, net: &Net, tasks: &Tasks) {
    provide.start(net.clone(), tasks);
    let catalogue = catalogue.clone();
    tasks.spawn("provide-all", async move {
        if let Err(error) = catalogue.tell_all().await {
            tracing::error!("the network cannot be told what is here: {error}");
        }
    });
    let (jobs, mut peers) = (jobs.clone(), net.peers_changed());
    tasks.spawn("holders-come", async move {
        let speaking = |peers: &Peers| peers.values().filter(|peer| peer.speaks).count();
        let mut known = 0;
        while peers.changed().await.is_ok() {
            let now = speaking(&peers.borrow_and_update());
            if now > known
                && let Err(error) = jobs.somebody_came()
            {
                tracing::error!("jobs cannot be read: {error}");
            }
            known = now;
        }
    });
}

/// The address to open in a browser on this machine.
fn reachable(mut address: std::net::SocketAddr) -> std::net::SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    address
}
