//! The page for sending files, and the moderators' page for those that wait.

use std::{io, sync::Arc};

use axum::{
    Form,
    extract::{Multipart, Path, Query, State, multipart::Field},
    http::{HeaderMap, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use futures::stream;
use horahora_web::{
    Choice, StateView, UploadForm, UploadPage, UploadRow, UploadsPage, tr, upload, upload_live, uploads,
};
use serde::Deserialize;

use super::{
    Rooms, Shared,
    error::ApiError,
    pages::{View, ago, watch_path},
    uploads::said,
    watch::size,
};
use crate::{
    store::rows::UploadStand,
    uploads::{PICTURE_BYTES, Upload},
};

/// Bytes of a field of text.
const FIELD_BYTES: usize = 64 << 10;

/// `GET /upload`
pub(super) async fn page(
    State(rooms): Shared,
    Query(view): Query<View>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let page = rooms.upload_page(&headers, UploadForm::default(), None).await?;
    let html = if view.fragment.is_some() { upload_live(&page) } else { upload(&page) };
    Ok(Html(html).into_response())
}

/// `POST /upload`: the form of browsers without script.
pub(super) async fn send(
    State(rooms): Shared,
    headers: HeaderMap,
    mut form: Multipart,
) -> Result<Response, ApiError> {
    let mut typed = UploadForm::default();
    match rooms.read_form(&headers, &mut form, &mut typed).await {
        Ok(()) => Ok(Redirect::to("/upload").into_response()),
        Err(error) if error.status.is_client_error() => {
            let page = rooms.upload_page(&headers, typed, Some(error.said())).await?;
            Ok((error.status, Html(upload(&page))).into_response())
        }
        Err(error) => Err(error),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    /// `describe` or `remove`.
    #[serde(rename = "do")]
    what: String,
    title: String,
    description: String,
    tags: String,
    group: String,
}

/// `POST /upload/{upload}`: words for one that is here, or the end of it.
pub(super) async fn change(
    State(rooms): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(change): Form<Change>,
) -> Result<Response, ApiError> {
    rooms.upload(&headers, &id)?;
    let done = match change.what.as_str() {
        "remove" => rooms.uploads.remove(&id).map_err(ApiError::from),
        "describe" => {
            let words = said(&change.title, &change.description, &change.tags);
            let words = rooms.in_group(words, &change.group)?;
            rooms.uploads.describe(&id, words).await.map(|_| ()).map_err(ApiError::from)
        }
        _ => Err(ApiError::bad("bad-change", "`do` is describe or remove.")),
    };
    match done {
        Ok(()) => Ok(Redirect::to("/upload").into_response()),
        Err(error) if error.status.is_client_error() => {
            let page = rooms.upload_page(&headers, UploadForm::default(), Some(error.said())).await?;
            Ok((error.status, Html(upload(&page))).into_response())
        }
        Err(error) => Err(error),
    }
}

/// `GET /moderate/uploads`
pub(super) async fn queue(State(rooms): Shared, headers: HeaderMap) -> Result<Response, ApiError> {
    Ok(Html(uploads(&rooms.uploads_page(&headers, None)?)).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Verdict {
    /// `take` or `refuse`.
    #[serde(rename = "do")]
    what: String,
    upload: String,
    reason: String,
}

/// `POST /moderate/uploads`
pub(super) async fn judge(
    State(rooms): Shared,
    headers: HeaderMap,
    Form(verdict): Form<Verdict>,
) -> Result<Response, ApiError> {
    let approved = match verdict.what.as_str() {
        "take" => true,
        "refuse" => false,
        _ => return Err(ApiError::bad("bad-change", "`do` is take or refuse.")),
    };
    match rooms.judge_upload(&verdict.upload, approved, &verdict.reason).await {
        Ok((_, done)) => Ok((axum::Extension(done), Redirect::to("/moderate/uploads")).into_response()),
        Err(error) if error.status.is_client_error() => {
            let page = rooms.uploads_page(&headers, Some(error.said()))?;
            Ok((error.status, Html(uploads(&page))).into_response())
        }
        Err(error) => Err(error),
    }
}

impl Rooms {
    /// Takes the fields in their order. A file that came is kept, whatever is wrong with the words behind it.
    async fn read_form(
        self: &Arc<Self>,
        headers: &HeaderMap,
        form: &mut Multipart,
        typed: &mut UploadForm,
    ) -> Result<(), ApiError> {
        let cut = |_| ApiError::bad("upload-cut", "The form did not come as a whole. Send it again.");
        let (mut id, mut group, mut picture) = (None, String::new(), Vec::new());
        while let Some(mut field) = form.next_field().await.map_err(cut)? {
            match field.name().unwrap_or_default() {
                "title" => typed.title = text(&mut field).await?,
                "description" => typed.description = text(&mut field).await?,
                "tags" => typed.tags = text(&mut field).await?,
                "group" => group = text(&mut field).await?,
                "thumbnail" => picture = read(&mut field, PICTURE_BYTES + 1).await?,
                "file" if id.is_none() => id = Some(self.take_file(headers, field).await?),
                _ => {}
            }
        }
        let id = id.ok_or_else(|| ApiError::bad("bad-file", "Choose a file first."))?;
        if !picture.is_empty() {
            self.uploads.set_thumbnail(&id, &picture).await?;
        }
        let words = self.in_group(said(&typed.title, &typed.description, &typed.tags), &group)?;
        self.uploads.describe(&id, words).await?;
        Ok(())
    }

    async fn take_file(&self, headers: &HeaderMap, file: Field<'_>) -> Result<String, ApiError> {
        let name = file.file_name().unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(ApiError::bad("bad-file", "Choose a file first."));
        }
        // How long the file is nobody says: no longer than the whole form.
        let most = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let most =
            most.ok_or_else(|| ApiError::bad("bad-number", "Say how long the form is (Content-Length)."))?;
        let id = self.uploads.begin(&self.sender(headers)?, &name, most).await?;
        let pieces = stream::unfold(file, |mut file| async move {
            let piece = file.chunk().await.map_err(io::Error::other).transpose()?;
            Some((piece, file))
        });
        match self.uploads.append_all(&id, pieces).await {
            Ok(()) => Ok(id),
            // Such a form cannot go on where it broke off.
            Err(error) => {
                self.uploads.remove(&id)?;
                Err(error.into())
            }
        }
    }

    async fn upload_page(
        self: &Arc<Self>,
        headers: &HeaderMap,
        form: UploadForm,
        error: Option<String>,
    ) -> Result<UploadPage, ApiError> {
        let frame = self.frame(headers);
        let house = self.people.house()?;
        let may = self.auth.who(headers).rank.is_some_and(|rank| house.uploads.takes(rank));
        let writable = if frame.asks { self.feeds.writable().await } else { Vec::new() };
        let groups = writable.into_iter().filter_map(|id| self.groups.get(&id));
        Ok(UploadPage {
            may,
            waits: !frame.asks,
            groups: groups
                .map(|view| Choice {
                    value: view.id.to_string(),
                    label: view.name.clone(),
                    chosen: view.id == self.feeds.home(),
                })
                .collect(),
            rows: self.own_uploads(headers)?.iter().map(|one| self.upload_row(one)).collect(),
            frame,
            form,
            error,
        })
    }

    fn uploads_page(&self, headers: &HeaderMap, error: Option<String>) -> Result<UploadsPage, ApiError> {
        let waiting = self.uploads.waiting()?;
        Ok(UploadsPage {
            desk: self.desk(headers, "uploads")?,
            rows: waiting.iter().map(|one| self.upload_row(one)).collect(),
            frame: self.frame(headers),
            error,
        })
    }

    fn upload_row(&self, one: &Upload) -> UploadRow {
        let words = one.row.words.clone().unwrap_or_default();
        let (mut state, mut detail, mut href) = stand_of(one);
        if let UploadStand::Taken(id) = &one.row.stand
            && let Ok(Some(video)) = self.catalogue.video(id)
        {
            href = Some(watch_path(&video));
            state = StateView::of(video.state.name());
            detail = video.reason.clone().unwrap_or_default();
        }
        UploadRow {
            id: one.id.clone(),
            file: one.row.name.clone(),
            title: words.title,
            description: words.description,
            tags: words.tags,
            by: one.row.by_name.clone(),
            when: ago(one.row.at.0),
            size: size(one.row.bytes),
            progress: (!one.is_whole()).then(|| one.offset as f64 / one.row.bytes.max(1) as f64),
            untitled: one.row.words.is_none() && one.row.stand == UploadStand::Open,
            href,
            state,
            detail,
        }
    }
}

/// State, what more there is to say, and where it leads.
fn stand_of(one: &Upload) -> (StateView, String, Option<String>) {
    let (state, word, detail) = match one.state() {
        "coming" => {
            let how = tr("upload-coming-how").with("here", size(one.offset)).with("all", size(one.row.bytes));
            ("running", "upload-coming", how.into())
        }
        "untitled" => ("needs-operator", "upload-untitled", tr("upload-untitled-how").into()),
        "waiting" if one.row.by.is_some() => ("waiting", "upload-waiting", tr("upload-waiting-how").into()),
        "waiting" | "reading" => ("running", "upload-reading", tr("upload-reading-how").into()),
        "taken" => ("done", "upload-taken", String::new()),
        "refused" => ("failed", "state-refused", reason_of(one)),
        _ => ("failed", "state-failed", reason_of(one)),
    };
    (StateView { word: tr(word).into(), ..StateView::of(state) }, detail, None)
}

fn reason_of(one: &Upload) -> String {
    match &one.row.stand {
        UploadStand::Refused(reason) | UploadStand::Failed(reason) => reason.clone(),
        _ => String::new(),
    }
}

async fn text(field: &mut Field<'_>) -> Result<String, ApiError> {
    Ok(String::from_utf8_lossy(&read(field, FIELD_BYTES).await?).into_owned())
}

/// A field's bytes, at most so many: the rest of a longer one is left out.
async fn read(field: &mut Field<'_>, most: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    let cut = |_| ApiError::bad("upload-cut", "The form did not come as a whole. Send it again.");
    while let Some(piece) = field.chunk().await.map_err(cut)? {
        let room = most.saturating_sub(bytes.len());
        bytes.extend_from_slice(&piece[..piece.len().min(room)]);
    }
    Ok(bytes)
}
