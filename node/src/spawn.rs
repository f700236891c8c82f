//! Background tasks: each has a name and a span, stops when the node stops, and is missed when it dies.

use std::future::Future;

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// The node's background tasks.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Runs `task` until it ends or the node stops. A task may be dropped at any of its waits.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        let watched = async move {
            tokio::select! {
                () = stop.cancelled() => tracing::debug!("stopped"),
                () = task => if !stop.is_cancelled() { tracing::debug!("ended by itself") },
            }
        };
        let handle = self.tracker.spawn(watched.instrument(tracing::info_span!("task", name)));
        self.tracker.spawn(async move {
            if let Err(error) = handle.await
                && error.is_panic()
            {
                tracing::error!(task = name, "a background task died; please report this: {error}");
            }
        });
    }

    /// Becomes ready when the node stops.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Asks all tasks to stop and waits for them.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
