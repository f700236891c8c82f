//! Requests: asked for, looked at, paused, changed, removed.

use std::str::FromStr;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
    http::StatusCode,
};
use horahora_protocol::{
    Cid, Timestamp,
    group::GroupId,
    request::{Options, Stand},
};
use serde_json::{Value, json};

use super::{
    Rooms, Shared,
    api::{Answer, PageQuery, cursor_text},
    error::ApiError,
    pages::date,
    viewer::Viewer,
};

use crate::{ingest::days_since_1970, requests::usual};

type Taken = Result<(StatusCode, Json<Value>), ApiError>;

/// `GET /api/v1/requests`
pub(super) async fn list(State(rooms): Shared, viewer: Viewer, Query(query): Query<PageQuery>) -> Answer {
    let (after, limit) = query.read()?;
    let (items, next) = rooms.requests_page(viewer, after.as_deref(), limit)?;
    Ok(Json(json!({ "items": items, "next": next.as_deref().map(cursor_text) })))
}

/// `POST /api/v1/requests`
pub(super) async fn submit(State(rooms): Shared, body: Bytes) -> Taken {
    let body = read(&body)?;
    let Some(url) = body["url"].as_str() else {
        return Err(ApiError::bad("missing-url", "Send {\"url\": \"https://…\"} with the link as a text."));
    };
    let group = group_of(&rooms, &body)?;
    let options = match &body["options"] {
        Value::Null => None,
        wanted => Some(options(wanted, usual())?),
    };
    let id = rooms.requests.submit(url, group, options).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": id.to_string() }))))
}

/// `GET /api/v1/requests/{id}`
pub(super) async fn one(State(rooms): Shared, Path(id): Path<String>) -> Answer {
    let view = rooms.requests.get(&address(&id)?)?.ok_or_else(unknown)?;
    Ok(Json(json!(view)))
}

/// `GET /api/v1/requests/{id}/videos`
pub(super) async fn videos(
    State(rooms): Shared,
    viewer: Viewer,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Answer {
    let (after, limit) = query.read()?;
    let (rows, next) = rooms.requests.videos(&address(&id)?, after.as_deref(), limit)?;
    let items: Vec<_> = rows
        .iter()
        .filter(|row| rooms.shows(viewer, row).unwrap_or(false))
        .map(|row| {
            json!({
                "id": row.id,
                "title": row.title,
                "state": row.state,
                "code": row.code,
                "reason": row.reason,
                "manifest": row.manifest.map(|cid| cid.to_string()),
            })
        })
        .collect();
    Ok(Json(json!({ "items": items, "next": next.as_deref().map(cursor_text) })))
}

/// `POST /api/v1/requests/{id}`
pub(super) async fn change(State(rooms): Shared, Path(id): Path<String>, body: Bytes) -> Answer {
    let (id, body) = (address(&id)?, read(&body)?);
    let view = rooms.requests.get(&id)?.ok_or_else(unknown)?;
    let stand = match body["stand"].as_str() {
        None if body["stand"].is_null() => None,
        Some("active") => Some(Stand::Active),
        Some("paused") => Some(Stand::Paused),
        Some("removed") => Some(Stand::Removed),
        _ => return Err(ApiError::bad("bad-stand", "`stand` is \"active\", \"paused\" or \"removed\".")),
    };
    let options = match &body["options"] {
        Value::Null => None,
        wanted => Some(options(wanted, view.options)?),
    };
    rooms.requests.change(&id, stand, options).await?;
    Ok(Json(json!(rooms.requests.get(&id)?)))
}

/// `DELETE /api/v1/requests/{id}`
pub(super) async fn remove(State(rooms): Shared, Path(id): Path<String>) -> Answer {
    rooms.requests.change(&address(&id)?, Some(Stand::Removed), None).await?;
    Ok(Json(json!({})))
}

/// `POST /api/v1/requests/{id}/retry`
pub(super) async fn retry(State(rooms): Shared, Path(id): Path<String>) -> Taken {
    let id = address(&id)?;
    rooms.requests.retry(&id).await?;
    Ok((StatusCode::ACCEPTED, Json(json!(rooms.requests.get(&id)?))))
}

/// `POST /api/v1/imports`
pub(super) async fn import(State(rooms): Shared, body: Bytes) -> Taken {
    let body = read(&body)?;
    let Some(dir) = body["dir"].as_str() else {
        let message = "Send {\"dir\": \"/path\"} with a folder of the node's machine as a text.";
        return Err(ApiError::bad("no-such-folder", message));
    };
    let group = group_of(&rooms, &body)?;
    let id = rooms.requests.import(std::path::Path::new(dir), group).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": id.to_string() }))))
}

fn read(body: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::bad("invalid-json", format!("The body is no JSON: {error}.")))
}

/// The group that a body names, none for the node's own first one.
fn group_of(rooms: &Rooms, body: &Value) -> Result<Option<GroupId>, ApiError> {
    match &body["group"] {
        Value::Null => Ok(None),
        group => Ok(Some(rooms.group(group.as_str().unwrap_or_default())?.id)),
    }
}

pub(super) fn unknown() -> ApiError {
    ApiError::not_found("unknown-request", "This node has no request with this id.")
}

pub(super) fn address(id: &str) -> Result<Cid, ApiError> {
    Cid::from_str(id).map_err(|_| unknown())
}

/// What a body says of options over those that hold.
pub(super) fn options(wanted: &Value, mut options: Options) -> Result<Options, ApiError> {
    let bad = |key: &str, form: &str| ApiError::bad("bad-option", format!("The option `{key}` is {form}."));
    let number = |key: &str, value: &Value| match value {
        Value::Null => Ok(None),
        value => value.as_u64().map(Some).ok_or_else(|| bad(key, "a whole number or null")),
    };
    let small = |key: &str, value: &Value| {
        let number = number(key, value)?.map(u32::try_from).transpose();
        number.map_err(|_| bad(key, "a whole number below 4,294,967,296"))
    };
    let switch = |key: &str, value: &Value| value.as_bool().ok_or_else(|| bad(key, "true or false"));
    let fields = wanted.as_object().ok_or_else(|| ApiError::bad("bad-option", "`options` is an object."))?;
    for (key, value) in fields {
        match key.as_str() {
            "follow" => options.follow = switch(key, value)?,
            "comments" => options.comments = switch(key, value)?,
            "media" => options.media = switch(key, value)?,
            "priority" => {
                options.priority = serde_json::from_value(value.clone())
                    .map_err(|_| bad(key, "\"low\", \"usual\" or \"high\""))?;
            }
            "newest" => options.newest = small(key, value)?.filter(|newest| *newest > 0),
            "max_height" => options.max_height = small(key, value)?.filter(|height| *height > 0),
            "max_bytes" => options.max_bytes = number(key, value)?.filter(|bytes| *bytes > 0),
            "since" => {
                options.since = match value.as_str() {
                    Some(day) => {
                        Some(midnight(day.trim()).ok_or_else(|| bad(key, "a day such as 2024-02-29"))?)
                    }
                    None => number(key, value)?.map(Timestamp),
                }
            }
            "title" => {
                let words = value.as_str().map(str::trim);
                if words.is_none() && !value.is_null() {
                    return Err(bad(key, "a text or null"));
                }
                options.title = words.filter(|words| !words.is_empty()).map(str::to_owned);
            }
            _ => return Err(ApiError::bad("bad-option", format!("There is no option `{key}`."))),
        }
    }
    Ok(options)
}

/// The beginning of a day in UTC, `YYYY-MM-DD`.
fn midnight(day: &str) -> Option<Timestamp> {
    let mut parts = day.splitn(3, '-').map(|part| part.parse::<u64>().ok());
    let days = days_since_1970(parts.next()??, parts.next()??, parts.next()??)?;
    let at = Timestamp(days * 86_400_000);
    // The 30th of February is the 1st or 2nd of March.
    (date(at.0) == day).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_and_those_that_are_none_are_not() {
        let day = |text: &str| midnight(text).map(|at| at.0 / 86_400_000);
        assert_eq!(day("1970-01-01"), Some(0));
        assert_eq!(day("2000-02-29"), Some(11_016));
        assert_eq!(day("2026-11-26"), Some(20_783));
        for wrong in ["2023-02-29", "1969-12-31", "2024-13-01", "2024-00-10", "2024-01-00", "soon", "2024-1"]
        {
            assert_eq!(day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn options_change_what_is_named_and_nothing_else() {
        let known = Options { newest: Some(5), comments: false, ..Options::default() };
        let wanted = json!({ "max_height": 480, "title": "  ", "since": "1970-01-02", "newest": null });
        let read = options(&wanted, known).unwrap();
        assert_eq!((read.max_height, read.title, read.newest), (Some(480), None, None));
        assert_eq!((read.since, read.comments), (Some(Timestamp(86_400_000)), false));
        for wrong in [json!({ "newest": -1 }), json!({ "quality": 1 }), json!([]), json!({ "since": "x" })] {
            assert_eq!(options(&wrong, Options::default()).unwrap_err().code, "bad-option");
        }
    }
}
