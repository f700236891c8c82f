//! In which language somebody is answered: as their cookie says, else their browser, else in English.
//!
//! The JSON API speaks English, as programs read it; scripts of the page say in a header which language they show.

use axum::{
    Form,
    extract::Request,
    http::{HeaderMap, HeaderValue, Uri, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use horahora_web::{Lang, tr, tr_find};
use serde::Deserialize;

use super::auth;
use crate::store::rows::Code;

const COOKIE: &str = "lang";
/// A year.
const COOKIE_S: u32 = 31_536_000;
/// What the page's scripts ask with, as browsers send `Accept-Language` by themselves.
const SHOWN: &str = "x-horahora-language";

/// Lets everything that answers a request speak its language.
pub(super) async fn speak(request: Request, next: Next) -> Response {
    let lang = language(request.uri().path(), request.headers());
    let mut response = horahora_web::scoped(lang, next.run(request)).await;
    let headers = response.headers_mut();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("text/html") {
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.tag()));
        headers.append(header::VARY, HeaderValue::from_static("accept-language, cookie"));
    }
    response
}

fn language(path: &str, headers: &HeaderMap) -> Lang {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if path.starts_with("/api/") {
        return text(SHOWN).and_then(|tag| Lang::of(&tag[..tag.len().min(2)])).unwrap_or_default();
    }
    let chosen = auth::cookie(headers, COOKIE).and_then(Lang::of);
    chosen.unwrap_or_else(|| Lang::negotiate(text("accept-language").unwrap_or_default()))
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    lang: String,
}

/// `POST /language`: keeps the choice in a cookie and goes back to where it was made.
pub(super) async fn choose(headers: HeaderMap, Form(wanted): Form<Wanted>) -> Response {
    // Of the page's address only what is on this node counts.
    let from = headers.get(header::REFERER).and_then(|from| from.to_str().ok()?.parse::<Uri>().ok());
    let path = from.as_ref().and_then(Uri::path_and_query).map(|path| path.as_str());
    let back = Redirect::to(auth::local(path));
    match Lang::of(&wanted.lang) {
        Some(lang) => {
            let cookie = format!("{COOKIE}={}; Path=/; SameSite=Lax; Max-Age={COOKIE_S}", lang.code());
            ([(header::SET_COOKIE, cookie)], back).into_response()
        }
        None => back.into_response(),
    }
}

/// Why something did not work. The stored words are English; in other languages the code has words.
pub(super) fn reason(code: Option<Code>, reason: Option<&String>) -> Option<String> {
    let reason = reason?;
    let name = code.filter(|_| Lang::now() != Lang::En).and_then(|code| serde_json::to_value(code).ok());
    let said = name.as_ref().and_then(|name| tr_find(&format!("failure-{}", name.as_str()?)));
    Some(said.unwrap_or_else(|| reason.clone()))
}

/// What a job does now: `downloads, 41 of 96 MB`.
pub(super) fn doing(now: &str) -> String {
    if Lang::now() == Lang::En {
        return now.to_owned();
    }
    let (what, far) = now.split_once(", ").map_or((now, None), |(what, far)| (what, Some(far)));
    let Some(said) = tr_find(&format!("doing-{}", what.replace(' ', "-"))) else { return now.to_owned() };
    let far = far.map(|far| format!(" {}", far.replace(" of ", " / ").replace(" so far", "")));
    said + &far.unwrap_or_default()
}

/// A rank, as people call it.
pub(super) fn rank(name: &str) -> String {
    tr_find(&format!("rank-name-{name}")).unwrap_or_else(|| name.to_owned())
}

/// "1 video", "3 videos".
pub(super) fn count(number: usize, what: &'static str) -> String {
    tr(what).with("n", number).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_wins_over_the_browser_and_programs_get_english() {
        let mut headers = HeaderMap::new();
        headers.insert("accept-language", HeaderValue::from_static("zh-CN,zh;q=0.9,en;q=0.8"));
        assert_eq!(language("/", &headers), Lang::Zh);
        assert_eq!(language("/api/v1/jobs", &headers), Lang::En);
        headers.insert("cookie", HeaderValue::from_static("theme=dark; lang=ja"));
        assert_eq!(language("/", &headers), Lang::Ja);
        headers.insert("cookie", HeaderValue::from_static("lang=tlh"));
        assert_eq!(language("/", &headers), Lang::Zh);
        for (shown, lang) in [("zh-Hans", Lang::Zh), ("ja", Lang::Ja), ("x", Lang::En), ("", Lang::En)] {
            headers.insert(SHOWN, HeaderValue::from_static(shown));
            assert_eq!(language("/api/v1/inspect", &headers), lang);
        }
    }

    #[test]
    fn what_a_job_does_is_said_in_the_language() {
        horahora_web::scope(Lang::Ja, || {
            assert_eq!(doing("downloads, 41 of 96 MB"), "ダウンロード中 41 / 96 MB");
            assert_eq!(doing("does what nobody knows"), "does what nobody knows");
        });
        assert_eq!(doing("downloads, 41 of 96 MB"), "downloads, 41 of 96 MB");
    }
}
