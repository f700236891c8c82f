//! What viewers want besides picture and sound: a storyboard, how loud it is, subtitles that browsers read. What cannot be
//! made is left out; the video plays without it.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use horahora_protocol::{
    Cid, Codec,
    manifest::{Blob, File, Loudness, Manifest, Storyboard, TextTrack},
};

use super::{Inner, disk, sources::Sources};
use crate::{
    blobs::journal::Journal,
    ingest::Failure,
    media::{loudness, storyboard, texts},
    store::rows::JobRow,
    tools::Toolset,
};

/// Name of the job among those of a capture's further renditions.
pub const EXTRAS: &str = "extras";
/// Language of a text that tells none. Source: ISO 639-2.
const UNKNOWN: &str = "und";

#[derive(Default)]
struct Extras {
    storyboard: Option<Storyboard>,
    loudness: Vec<(String, Loudness)>,
    texts: Vec<TextTrack>,
}

impl Extras {
    fn add_to(self, manifest: &mut Manifest) {
        manifest.storyboard = self.storyboard.or(manifest.storyboard.take());
        for rendition in &mut manifest.renditions {
            let found = self.loudness.iter().find(|(id, _)| *id == rendition.id);
            rendition.loudness = found.map(|(_, loudness)| *loudness).or(rendition.loudness);
        }
        // Made again, they take the place of the earlier ones.
        let made_again = |known: &TextTrack| self.texts.iter().any(|text| text.file.name == known.file.name);
        manifest.subtitles.retain(|known| !made_again(known));
        manifest.subtitles.extend(self.texts);
    }
}

impl Inner {
    /// Makes them of a captured video and publishes the next revision of its manifest.
    pub(super) async fn extras(&self, capture: Cid, job: &JobRow) -> Result<(), Failure> {
        let tools = self.tools.ready().await;
        let (dir, journal) = self.open_folder(&capture)?;
        let text = job.key.text();
        let report = |done: f64, doing: &str| self.live.progress(&text, done, doing);
        report(0.0, "reads the original");
        let manifest = self.last_manifest(&self.capture_row(&capture)?).await?;
        let files = self.restore_originals(&dir, &manifest.original).await?;
        let sources = Sources::look(&tools, &files, self.av1).await?;
        report(0.1, "makes the preview pictures");
        let mut made =
            Extras { storyboard: self.storyboard(&tools, &sources, &journal).await?, ..Extras::default() };
        report(0.5, "measures the loudness");
        for rung in sources.sounds() {
            let source = sources.encode_job(rung)?;
            if let Some(found) = loudness::measure(&tools, source.source, rung, sources.duration).await {
                made.loudness.push((rung.id.clone(), found));
            }
        }
        report(0.8, "reads the subtitles");
        made.texts = self.texts(&tools, &sources, &manifest, &dir, &journal).await?;
        report(0.95, "publishes");
        self.publish_changed(&capture, &journal, job, |manifest| made.add_to(manifest)).await
    }

    async fn storyboard(
        &self,
        tools: &Toolset,
        sources: &Sources,
        journal: &Journal,
    ) -> Result<Option<Storyboard>, Failure> {
        let Some((file, video)) = sources.video_stream() else { return Ok(None) };
        let made = storyboard::sheets(tools, file, video, sources.timing(), sources.duration).await;
        let Some((layout, jpegs)) = made else { return Ok(None) };
        let mut sheets = Vec::new();
        for jpeg in jpegs {
            sheets.push(self.keep_blob(jpeg, journal).await?);
        }
        let storyboard::Layout { width, height, every_ms, pictures } = layout;
        let (columns, rows) = (storyboard::SIDE, storyboard::SIDE);
        Ok(Some(Storyboard { width, height, columns, rows, every_ms, pictures, sheets }))
    }

    /// Subtitles inside the file, and those of the site that browsers do not read.
    async fn texts(
        &self,
        tools: &Toolset,
        sources: &Sources,
        manifest: &Manifest,
        dir: &Path,
        journal: &Journal,
    ) -> Result<Vec<TextTrack>, Failure> {
        let mut tracks = Vec::new();
        if let Some((file, streams)) = sources.texts() {
            for (n, (lang, vtt)) in texts::extract(tools, file, streams, dir).await.into_iter().enumerate() {
                let lang = lang.unwrap_or_else(|| UNKNOWN.to_owned());
                let name = format!("inside-{n}.{lang}.vtt");
                tracks.push(self.keep_vtt(lang, name, vtt, journal).await?);
            }
        }
        for track in manifest.subtitles.iter().filter(|track| texts::is_converted(&track.format)) {
            let files = self.restore_originals(dir, std::slice::from_ref(&track.file)).await?;
            let Some(vtt) = texts::convert(tools, &files[0]).await else { continue };
            let name = PathBuf::from(&track.file.name).with_extension("vtt").to_string_lossy().into_owned();
            tracks.push(self.keep_vtt(track.lang.clone(), name, vtt, journal).await?);
        }
        Ok(tracks)
    }

    async fn keep_vtt(
        &self,
        lang: String,
        name: String,
        vtt: Vec<u8>,
        journal: &Journal,
    ) -> Result<TextTrack, Failure> {
        let file = self.keep_bytes(&name, "text/vtt", vtt, journal).await?;
        Ok(TextTrack { lang, format: "vtt".to_owned(), file })
    }

    pub(super) async fn keep_bytes(
        &self,
        name: &str,
        media_type: &str,
        bytes: Vec<u8>,
        journal: &Journal,
    ) -> Result<File, Failure> {
        let blob = self.keep_blob(bytes, journal).await?;
        let (name, media_type) = (name.to_owned(), media_type.to_owned());
        Ok(File { name, media_type, bytes: blob.bytes, chunks: vec![blob] })
    }

    async fn keep_blob(&self, bytes: Vec<u8>, journal: &Journal) -> Result<Blob, Failure> {
        let size = bytes.len() as u64;
        let cid = self.blobs.put(Codec::Raw, Bytes::from(bytes), Some(journal)).await.map_err(disk)?;
        Ok(Blob { cid, bytes: size })
    }
}
