//! Makes one more rendition of a captured video and publishes the next revision of its manifest.

use horahora_protocol::Cid;

use super::{Inner, sources::Sources};
use crate::{
    ingest::Failure,
    store::rows::{Code, JobRow},
};

impl Inner {
    pub(super) async fn rendition(&self, capture: Cid, rung: &str, job: &JobRow) -> Result<(), Failure> {
        let tools = self.tools.ready().await;
        let (dir, journal) = self.open_folder(&capture)?;
        let text = job.key.text();
        self.live.progress(&text, 0.0, "reads the original");
        let manifest = self.last_manifest(&self.capture_row(&capture)?).await?;
        let files = self.restore_originals(&dir, &manifest.original).await?;
        let sources = Sources::look(&tools, &files, self.av1).await?;
        let Some(planned) = sources.plan.all().find(|planned| planned.id == rung) else {
            return Err(Failure::new(
                Code::ToolBroken,
                format!("{rung} is not planned for this source any more."),
            ));
        };
        let report = |done: f64| {
            self.live.progress(&text, done * 0.98, &format!("transcodes, {:.0} %", done * 100.0));
        };
        let made = self.make(&tools, capture, &journal, &sources, planned, report).await?;
        self.live.progress(&text, 0.99, "publishes");
        self.publish_next(made, &capture, &journal, job).await
    }
}
