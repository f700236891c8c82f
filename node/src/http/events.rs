//! `GET /api/v1/events`: what changes, as server-sent events (WHATWG HTML, section 9.2).

use std::{convert::Infallible, time::Duration};

use axum::{
    Extension,
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, StreamExt};
use tokio_stream::wrappers::BroadcastStream;
use tokio_util::sync::CancellationToken;

use super::{Shared, viewer::Viewer};

/// Ends open streams when the node stops.
#[derive(Debug, Clone)]
pub(super) struct Stop(pub(super) CancellationToken);

pub(super) async fn events(
    State(rooms): Shared,
    viewer: Viewer,
    Extension(Stop(stop)): Extension<Stop>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = BroadcastStream::new(rooms.live.listen()).map(move |change| {
        Ok(match change {
            // What changed may be in a private group; that something did makes a page ask again.
            Ok(change) if !viewer.is_insider() && change.name != "tools" => {
                Event::default().event(change.name).data("{}")
            }
            Ok(change) => Event::default().event(change.name).data(change.data.to_string()),
            // The page was too slow for some; any event makes it ask again.
            Err(_) => Event::default().event("video").data("{}"),
        })
    });
    let stream = changes.take_until(stop.cancelled_owned());
    Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
