//! The node's page and its API. Handlers translate: extract, call one method, answer.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{Extensions, HeaderMap, StatusCode, Version, header},
    middleware,
    routing::{delete, get, post, put},
};
use horahora_protocol::NodeKey;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::compression::{CompressionLayer, CompressionLevel};

use crate::{
    blobs::Blobs,
    catalogue::Catalogue,
    claims::Claims,
    community::Community,
    config::Config,
    feeds::Feeds,
    fetch::Fetch,
    groups::Groups,
    growing::Growing,
    jobs::Jobs,
    live::Live,
    logs::Logs,
    moderation::{Measures, Moderation},
    net::{Net, Provide, Sync},
    people::People,
    requests::Requests,
    search::Search,
    store::Store,
    tools::Tools,
    uploads::Uploads,
};

mod account;
mod agent;
mod api;
mod approvals;
mod audit;
mod auth;
mod beside;
mod bytes;
mod creators;
mod error;
mod events;
mod following;
mod groups;
mod holders;
mod house_pages;
mod inspect;
mod jobs;
mod languages;
mod library;
mod lists;
mod logs;
mod measures;
mod media;
mod members;
mod moderate;
mod nodes;
mod openapi;
mod pages;
mod people;
mod popular;
mod replies;
mod reports;
mod requests;
mod rights;
mod search;
mod settings;
mod setup;
mod share;
mod sites;
mod talk;
mod tokens;
mod upload_pages;
mod uploads;
mod viewer;
mod watch;
mod wishes;

pub use auth::Auth;
pub use popular::Popular;
pub use replies::Replies;

/// What the page and the API show and move.
#[derive(Debug)]
pub struct Rooms {
    /// The node's key.
    pub key: Arc<NodeKey>,
    /// The database.
    pub store: Store,
    /// The blobs.
    pub blobs: Blobs,
    /// The node's feed.
    pub feeds: Feeds,
    /// The groups.
    pub groups: Groups,
    /// What the groups have.
    pub catalogue: Catalogue,
    /// What people say.
    pub community: Community,
    /// Captures in the making.
    pub growing: Growing,
    /// The way to blobs of others.
    pub fetch: Fetch,
    /// What the network is told of.
    pub provide: Provide,
    /// What other nodes say.
    pub sync: Sync,
    /// Who does which job.
    pub claims: Claims,
    /// The jobs.
    pub jobs: Jobs,
    /// The requests.
    pub requests: Requests,
    /// Finds videos by their words.
    pub search: Search,
    /// yt-dlp and ffmpeg.
    pub tools: Tools,
    /// The network.
    pub net: Net,
    /// Progress and events.
    pub live: Live,
    /// What its moderators did.
    pub moderation: Moderation,
    /// What they decided, and whose decisions count here.
    pub measures: Measures,
    /// What people send.
    pub uploads: Uploads,
    /// Who has an account here.
    pub people: People,
    /// Who is who.
    pub auth: Auth,
    /// The node's name.
    pub name: String,
    /// What was watched most.
    pub popular: Popular,
    /// The last lines of the log.
    pub logs: Logs,
    /// Comments of origins that were read lately.
    pub replies: Replies,
    /// What is set.
    pub config: Config,
    /// Lets the node begin again.
    pub again: CancellationToken,
}

type Shared = axum::extract::State<Arc<Rooms>>;

/// Serves until `stop`. Open requests get to their end.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, rooms: Rooms, stop: CancellationToken) -> std::io::Result<()> {
    let router = router(Arc::new(rooms), &stop).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// Every route there is.
fn router(rooms: Arc<Rooms>, stop: &CancellationToken) -> Router {
    page_routes()
        .merge(api_routes())
        .merge(media_routes())
        .fallback(error::no_such_page)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(middleware::from_fn(error::in_one_form))
        .layer(middleware::from_fn_with_state(Arc::clone(&rooms), viewer::gate))
        .layer(middleware::from_fn_with_state(Arc::clone(&rooms), audit::record))
        .layer(middleware::from_fn_with_state(Arc::clone(&rooms), auth::guard))
        .layer(middleware::from_fn(languages::speak))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(is_text))
        .layer(axum::Extension(events::Stop(stop.clone())))
        .with_state(rooms)
}

/// What is packed for who takes it: text that was made just now. Files have their own way, and their bytes are as they are.
fn is_text(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let texts = ["text/html", "application/json", "application/atom+xml", "application/dash+xml"];
    !headers.contains_key(header::ETAG) && texts.iter().any(|text| kind.starts_with(text))
}

fn page_routes() -> Router<Arc<Rooms>> {
    Router::new()
        .route("/", get(pages::home))
        .route("/search", get(search::page))
        .route("/archive", get(pages::archive).post(pages::request))
        .route("/archive/{request}", get(wishes::page).post(wishes::change))
        .route("/moderate", get(moderate::page).post(moderate::change))
        .route("/moderate/log", get(audit::page))
        .route("/moderate/measures", get(measures::page).post(measures::change))
        .route("/sites", get(sites::page).post(sites::change))
        .route("/nodes", get(nodes::nodes).post(nodes::add_form))
        .route("/nodes/forget", post(nodes::forget_form))
        .route("/groups", get(nodes::to_page).post(nodes::create))
        .route("/groups/join", get(nodes::to_page).post(nodes::join))
        .route("/groups/joins/forget", post(nodes::forget_join))
        .route("/groups/invite", get(nodes::to_page).post(nodes::invite))
        .route("/groups/{group}/role", get(nodes::to_page).post(nodes::role))
        .route("/groups/{group}/remove", get(nodes::to_page).post(nodes::remove))
        .route("/groups/{group}/leave", get(nodes::to_page).post(nodes::leave))
        .route("/groups/{group}/forget", get(nodes::to_page).post(nodes::forget_group))
        .route("/groups/{group}/policy", get(nodes::to_page).post(nodes::policy))
        .route("/watch/{video}", get(watch::watch))
        .route("/watch/{video}/look", post(watch::look))
        .route("/watch/{video}/hide", post(measures::form))
        .route("/watch/{video}/report", post(reports::form))
        .route("/watch/{video}/keep", post(watch::keep))
        .route("/watch/{video}/say", post(talk::form))
        .route("/watch/{video}/let-go", post(watch::let_go))
        .route("/creators/{site}/{id}", get(creators::page))
        .route("/embed/{video}", get(share::embed))
        .route("/oembed", get(share::oembed))
        .route("/feeds/search.atom", get(share::atom))
        .route("/login", get(auth::login).post(account::log_in))
        .route("/logout", post(account::log_out))
        .route("/sign-up", get(account::sign_up_page).post(account::sign_up))
        .route("/account", get(account::page).post(account::change))
        .route("/account/tokens", get(account::page).post(tokens::form))
        .route("/language", post(languages::choose))
        .route("/library", get(library::page).post(library::change))
        .route("/following", get(following::page).post(following::change))
        .route("/lists", get(lists::all).post(lists::make))
        .route("/lists/{list}", get(lists::page).post(lists::change))
        .route("/upload", get(upload_pages::page).post(upload_pages::send).layer(DefaultBodyLimit::disable()))
        .route("/upload/{upload}", post(upload_pages::change))
        .route("/moderate/uploads", get(upload_pages::queue).post(upload_pages::judge))
        .route("/moderate/reports", get(reports::page).post(reports::answer_form))
        .route("/people", get(people::page).post(people::change))
        .route("/setup", get(setup::page).post(setup::begin))
        .route("/settings/log", get(logs::page))
        .route("/settings", get(settings::page).post(settings::change))
        .route("/pages/{page}", get(house_pages::page).post(house_pages::change))
        .route("/api", get(openapi::page))
        .route("/app.webmanifest", get(pages::app))
        .route("/assets/{name}", get(pages::asset))
}

fn api_routes() -> Router<Arc<Rooms>> {
    Router::new()
        .route("/healthz", get(api::healthz))
        .route("/api/v1/openapi.json", get(openapi::json))
        .route("/api/v1/node", get(api::node))
        .route("/api/v1/requests", get(requests::list).post(requests::submit))
        .route(
            "/api/v1/requests/{request}",
            get(requests::one).post(requests::change).delete(requests::remove),
        )
        .route("/api/v1/imports", post(requests::import))
        .route("/api/v1/requests/{request}/videos", get(requests::videos))
        .route("/api/v1/requests/{request}/retry", post(requests::retry))
        .route("/api/v1/approvals", get(approvals::queue).post(approvals::judge))
        .route("/api/v1/sites", get(sites::list))
        .route("/api/v1/sites/{site}/cookies", put(sites::keep_cookies).delete(sites::forget_cookies))
        .route("/api/v1/sites/{site}/resume", post(sites::resume))
        .route("/api/v1/search", get(search::list))
        .route("/api/v1/inspect", get(inspect::inspect))
        .route("/api/v1/videos", get(api::videos))
        .route("/api/v1/videos/{video}", get(api::video))
        .route("/api/v1/videos/{video}/keep", post(api::keep).delete(api::let_go))
        .route("/api/v1/videos/{video}/look", post(api::look))
        .route("/api/v1/videos/{video}/redo", post(api::redo))
        .route("/api/v1/logs", get(logs::list))
        .route("/api/v1/measures", get(measures::list).post(measures::decide))
        .route("/api/v1/measures/threshold", put(measures::threshold))
        .route("/api/v1/measures/lists/{node}", get(measures::words).put(measures::weigh))
        .route("/api/v1/videos/{video}/replies", get(replies::list))
        .route("/api/v1/videos/{video}/hidden", post(measures::hide).delete(measures::show))
        .route("/api/v1/videos/{video}/reports", post(reports::report))
        .route("/api/v1/reports", get(reports::list))
        .route("/api/v1/reports/{report}", post(reports::answer))
        .route("/api/v1/uploads", get(uploads::list).post(uploads::begin).options(uploads::spoken))
        .route(
            "/api/v1/uploads/{upload}",
            get(uploads::one)
                .head(uploads::head)
                .post(uploads::describe)
                .patch(uploads::append)
                .delete(uploads::remove),
        )
        .route("/api/v1/uploads/{upload}/file", get(uploads::file))
        .route("/api/v1/uploads/{upload}/thumbnail", put(uploads::thumbnail))
        .route("/api/v1/uploads/{upload}/verdict", post(uploads::judge))
        .route("/api/v1/lists/{list}", get(lists::one).post(lists::api_change).delete(lists::remove))
        .route("/api/v1/audit", get(audit::list))
        .route("/api/v1/videos/{video}/comments", get(talk::comments).post(talk::comment))
        .route("/api/v1/videos/{video}/danmaku", get(talk::danmaku).post(talk::say_over))
        .route("/api/v1/videos/{video}/vote", post(talk::vote))
        .route("/api/v1/videos/{video}/view", post(talk::view))
        .route("/api/v1/comments/{act}", delete(talk::take_away))
        .route("/api/v1/creators/{site}/{id}", get(creators::one))
        .route("/api/v1/nodes", get(nodes::list).post(nodes::add))
        .route("/api/v1/nodes/{node}", delete(nodes::forget))
        .route("/api/v1/videos/{video}/who", get(groups::who))
        .route("/api/v1/groups", get(groups::list).post(groups::create))
        .route("/api/v1/groups/join", post(groups::join))
        .route("/api/v1/groups/{group}", delete(groups::forget))
        .route("/api/v1/groups/{group}/members", get(groups::members))
        .route("/api/v1/groups/{group}/members/{node}", post(groups::rule).delete(groups::remove))
        .route("/api/v1/groups/{group}/invites", post(groups::invite))
        .route("/api/v1/groups/{group}/leave", post(groups::leave))
        .route("/api/v1/groups/{group}/policy", get(groups::policy).post(groups::set_policy))
        .route("/api/v1/groups/{group}/rules", get(approvals::rules).post(approvals::set_rules))
        .route("/api/v1/jobs", get(jobs::jobs))
        .route("/api/v1/verify", post(api::verify))
        .route("/api/v1/session", post(account::api_log_in))
        .route("/api/v1/account", get(account::mine).delete(account::remove))
        .route("/api/v1/account/password", post(account::api_password))
        .route("/api/v1/account/export", get(account::export))
        .route("/api/v1/account/favourites", get(library::favourites))
        .route(
            "/api/v1/account/favourites/{video}",
            put(library::keep_favourite).delete(library::drop_favourite),
        )
        .route(
            "/api/v1/account/following",
            get(following::list).post(following::follow).delete(following::unfollow),
        )
        .route("/api/v1/account/following/videos", get(following::videos))
        .route("/api/v1/account/lists", get(lists::mine).post(lists::api_make))
        .route("/api/v1/account/reports", get(reports::mine))
        .route("/api/v1/account/tokens", get(tokens::list).post(tokens::make))
        .route("/api/v1/account/tokens/{token}", delete(tokens::end))
        .route(
            "/api/v1/account/history",
            get(library::history).post(library::rest).delete(library::clear_history),
        )
        .route("/api/v1/account/history/{video}", delete(library::forget))
        .route("/api/v1/account/session", delete(account::api_log_out))
        .route("/api/v1/account/sessions/{session}", delete(account::end_session))
        .route("/api/v1/people", get(people::list).post(account::api_sign_up))
        .route("/api/v1/people/{person}", post(people::rule).delete(people::remove))
        .route("/api/v1/invitations", get(people::invitations).post(people::invite))
        .route("/api/v1/pages/{page}", get(house_pages::one).put(house_pages::set))
        .route("/api/v1/settings", get(settings::list).post(settings::set))
        .route("/api/v1/restart", post(settings::restart))
        .route("/api/v1/house", get(people::house).post(people::set_house))
        .route("/api/v1/login-links", post(auth::login_link))
        .route("/api/v1/events", get(events::events))
}

fn media_routes() -> Router<Arc<Rooms>> {
    Router::new()
        .route("/media/live/{capture}/manifest.mpd", get(media::live_mpd))
        .route("/media/live/{capture}/playlist.m3u8", get(media::live_playlist))
        .route("/media/live/{capture}/poster.jpg", get(media::live_poster))
        .route("/media/live/{capture}/subtitles/{number}", get(media::live_subtitles))
        .route("/media/live/{capture}/{rendition}/{file}", get(media::live_segment))
        .route("/media/{manifest}/manifest.mpd", get(media::mpd))
        .route("/media/{manifest}/playlist.m3u8", get(media::playlist))
        .route("/media/{manifest}/open.m3u", get(media::open))
        .route("/media/{manifest}/poster.jpg", get(media::poster))
        .route("/media/{manifest}/subtitles/{number}", get(media::subtitles))
        .route("/media/{manifest}/danmaku/{number}", get(beside::danmaku))
        .route("/media/{manifest}/danmaku.json", get(beside::all_danmaku))
        .route("/media/{manifest}/chapters.vtt", get(beside::chapters))
        .route("/media/{manifest}/storyboard.vtt", get(beside::storyboard))
        .route("/media/{manifest}/storyboard/{sheet}", get(beside::sheet))
        .route("/media/{manifest}/original/{number}", get(media::original))
        .route("/media/{manifest}/info.json", get(media::info))
        .route("/media/{manifest}/{rendition}/{file}", get(media::segment))
        .route("/blobs/{cid}", get(media::blob))
}
