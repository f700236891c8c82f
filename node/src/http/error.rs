//! Errors as clients see them: `{code, message}` with a fitting status.

use axum::{
    Json,
    body::to_bytes,
    extract::Request,
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use horahora_web::{Lang, tr_find};
use serde_json::json;

use crate::{
    blobs::BlobError,
    community::CommunityError,
    feeds::FeedsError,
    fetch::FetchError,
    ingest::SourceError,
    moderation::{MeasureError, ReportError},
    people::PeopleError,
    requests::RequestError,
    search::SearchError,
    store::StoreError,
    uploads::UploadError,
};

/// An error for a client.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// Its words for who reads the page: in other languages than English those of its code, where it has some.
    pub(super) fn said(&self) -> String {
        let known = (Lang::now() != Lang::En).then(|| tr_find(&format!("error-{}", self.code))).flatten();
        known.unwrap_or_else(|| self.message.clone())
    }

    /// Our fault: logged here, where it stops.
    pub(super) fn ours(error: impl std::fmt::Display) -> Self {
        tracing::error!("a request failed: {error}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "node-failed", format!("This node failed: {error}"))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "code": self.code, "message": self.said() }))).into_response()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::ours(error)
    }
}

impl From<BlobError> for ApiError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Missing(_) => Self::not_found("unknown-blob", format!("{error}.")),
            BlobError::Damaged(_) | BlobError::Full | BlobError::Io(_) => Self::ours(error),
        }
    }
}

impl From<FetchError> for ApiError {
    fn from(error: FetchError) -> Self {
        let message = format!("{error}.");
        match error {
            FetchError::Unknown => Self::not_found("unknown-blob", "This node does not know this address."),
            FetchError::BadManifest(_) => {
                Self::not_found("not-a-manifest", "There is something at this CID, but no manifest.")
            }
            FetchError::NoHolder { .. } => Self::new(StatusCode::SERVICE_UNAVAILABLE, "no-holder", message),
            FetchError::Late => Self::new(StatusCode::GATEWAY_TIMEOUT, "holders-too-slow", message),
            FetchError::Disk(_) | FetchError::Full => Self::ours(error),
        }
    }
}

impl From<PeopleError> for ApiError {
    fn from(error: PeopleError) -> Self {
        let message = error.to_string();
        match error {
            PeopleError::Name => Self::bad("bad-person-name", message),
            PeopleError::Password => Self::bad("bad-password", message),
            PeopleError::Taken => Self::new(StatusCode::CONFLICT, "name-taken", message),
            PeopleError::Wrong => Self::new(StatusCode::UNAUTHORIZED, "wrong-password", message),
            PeopleError::TooMany(_) => Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tries", message),
            PeopleError::Banned(_) => Self::new(StatusCode::FORBIDDEN, "locked", message),
            PeopleError::NotTaken(_) => Self::new(StatusCode::FORBIDDEN, "not-taken-in", message),
            PeopleError::Unknown => Self::not_found("unknown-person", message),
            PeopleError::LastAdmin => Self::new(StatusCode::CONFLICT, "last-admin", message),
            PeopleError::UnknownList => Self::not_found("unknown-list", message),
            PeopleError::UnknownToken => Self::not_found("unknown-token", message),
            PeopleError::ListName => Self::bad("bad-list-name", message),
            PeopleError::Token => Self::bad("bad-token", message),
            PeopleError::Full(_)
            | PeopleError::FollowsMany(_)
            | PeopleError::ManyLists(_)
            | PeopleError::ManyTokens(_) => Self::new(StatusCode::CONFLICT, "shelf-full", message),
            PeopleError::Store(_) | PeopleError::Hash => Self::ours(error),
        }
    }
}

impl From<CommunityError> for ApiError {
    fn from(error: CommunityError) -> Self {
        let message = error.to_string();
        match error {
            CommunityError::Text(_) => Self::bad("bad-text", message),
            CommunityError::TooMuch => Self::new(StatusCode::TOO_MANY_REQUESTS, "too-much", message),
            CommunityError::Unknown => Self::not_found("unknown-act", message),
            CommunityError::Silenced(_) => Self::new(StatusCode::FORBIDDEN, "silenced", message),
            CommunityError::NotAllowed => Self::new(StatusCode::FORBIDDEN, "not-allowed", message),
            CommunityError::NotAMember => Self::new(StatusCode::FORBIDDEN, "not-a-member", message),
            CommunityError::Feeds(FeedsError::NotAMember) => {
                Self::new(StatusCode::FORBIDDEN, "not-a-member", capital(&format!("{message}.")))
            }
            CommunityError::Key | CommunityError::Feeds(_) | CommunityError::Store(_) => Self::ours(error),
        }
    }
}

impl From<ReportError> for ApiError {
    fn from(error: ReportError) -> Self {
        let message = error.to_string();
        match error {
            ReportError::Kind | ReportError::Text => Self::bad("bad-report", message),
            ReportError::Many => Self::new(StatusCode::TOO_MANY_REQUESTS, "too-much", message),
            ReportError::Unknown => Self::not_found("unknown-report", message),
            ReportError::Store(error) => error.into(),
        }
    }
}

impl From<MeasureError> for ApiError {
    fn from(error: MeasureError) -> Self {
        let message = error.to_string();
        match error {
            MeasureError::Reason(_) => Self::bad("reason-needed", message),
            MeasureError::Myself => Self::new(StatusCode::CONFLICT, "myself", message),
            MeasureError::Number => Self::bad("bad-weight", message),
            MeasureError::Feeds(FeedsError::NotAMember) => {
                Self::new(StatusCode::FORBIDDEN, "not-a-member", capital(&format!("{message}.")))
            }
            MeasureError::Feeds(_) | MeasureError::Store(_) => Self::ours(error),
        }
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let message = error.to_string();
        let (status, code) = match error {
            UploadError::Closed(_) => (StatusCode::FORBIDDEN, "uploads-closed"),
            UploadError::Kind => (StatusCode::BAD_REQUEST, "bad-file"),
            UploadError::Large => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            UploadError::Many => (StatusCode::CONFLICT, "too-many-uploads"),
            UploadError::Full(_) => (StatusCode::INSUFFICIENT_STORAGE, "disk-full"),
            UploadError::Unknown => (StatusCode::NOT_FOUND, "unknown-upload"),
            UploadError::Offset(_) => (StatusCode::CONFLICT, "wrong-offset"),
            UploadError::Busy => (StatusCode::LOCKED, "upload-busy"),
            UploadError::Cut(_) => (StatusCode::BAD_REQUEST, "upload-cut"),
            UploadError::Words(_) => (StatusCode::BAD_REQUEST, "bad-words"),
            UploadError::Picture => (StatusCode::BAD_REQUEST, "bad-picture"),
            UploadError::Settled => (StatusCode::CONFLICT, "upload-settled"),
            UploadError::Io(ref error) if error.kind() == std::io::ErrorKind::StorageFull => {
                (StatusCode::INSUFFICIENT_STORAGE, "disk-full")
            }
            UploadError::Store(_) | UploadError::Io(_) => return Self::ours(error),
        };
        Self::new(status, code, message)
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        Self::ours(error)
    }
}

impl From<SourceError> for ApiError {
    fn from(error: SourceError) -> Self {
        Self::bad(error.code(), error.to_string())
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Source(error) => error.into(),
            RequestError::Feeds(error @ FeedsError::NotAMember) => {
                Self::new(StatusCode::FORBIDDEN, "not-a-member", capital(&format!("{error}.")))
            }
            RequestError::Feeds(error) => Self::ours(error),
            RequestError::Store(error) => Self::ours(error),
            RequestError::Unknown => {
                Self::not_found("unknown-request", "This node has no request with this id.")
            }
            RequestError::Folder(_) => Self::bad("no-such-folder", error.to_string()),
            RequestError::Verdict => Self::bad("bad-verdict", error.to_string()),
            RequestError::TooLong => Self::bad("bad-option", error.to_string()),
            RequestError::Site(failure) => Self::new(StatusCode::BAD_GATEWAY, "site-failed", failure.reason),
        }
    }
}

/// Bytes of what is said of a request that no handler saw.
const SAID: usize = 64 * 1024;

/// What is wrong with a path, a query or a body before a handler sees it is told as text; programs get it as every other error.
pub(super) async fn in_one_form(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let for_programs = path.starts_with("/api/") || path == "/oembed";
    let response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_text = kind.is_some_and(|kind| kind.starts_with("text/plain"));
    if !for_programs || !is_text || !response.status().is_client_error() {
        return response;
    }
    let status = response.status();
    let said = to_bytes(response.into_body(), SAID).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let code = match status {
        StatusCode::BAD_REQUEST if said.starts_with("Failed to parse the request body as JSON") => {
            "invalid-json"
        }
        StatusCode::PAYLOAD_TOO_LARGE => "too-large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "json-needed",
        StatusCode::UNPROCESSABLE_ENTITY => "bad-body",
        _ => "bad-request",
    };
    ApiError::new(status, code, capital(&format!("{}.", said.trim_end_matches('.')))).into_response()
}

/// A sentence with its first letter large.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

pub(super) async fn no_such_page() -> ApiError {
    ApiError::not_found("unknown-path", "There is nothing at this address. The paths are in docs/API.md.")
}

pub(super) async fn no_such_method() -> ApiError {
    no_method()
}

pub(super) fn no_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "unknown-method",
        "This path does not take this method. See docs/API.md.",
    )
}
