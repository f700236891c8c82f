//! Search and browsing: what is in the address, as a query, and what was found.

use axum::{
    Json,
    extract::{RawQuery, State},
    http::HeaderMap,
    response::{Html, IntoResponse, Redirect, Response},
};
use horahora_web::{Check, Choice, Lede, PageLink, SearchPage, StateView, Term, tr};
use serde_json::json;
use url::form_urlencoded;

use super::{
    Rooms, Shared,
    api::{Answer, LARGEST_PAGE},
    error::ApiError,
    pages::{self, count},
    viewer::Viewer,
};
use crate::{
    catalogue::NameRow,
    clock,
    search::{
        Found, Length, Page, Query, Sort,
        query::{self, In, Part},
    },
    store::rows::{VIDEOS, VideoRow},
};

const CARDS: usize = 20;
/// Results that anybody turns to; those behind are found with one more word.
const DEEPEST: usize = 10_000;
/// Letters of a query: more is no search.
const LONGEST: usize = 256;
/// Sites that are chosen at once.
const SITES: usize = 32;
/// Tags shown of a video that was found.
const TAGS: usize = 6;
const DAY_MS: i64 = 86_400_000;

/// What the address asks for.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    pub(super) text: String,
    sites: Vec<String>,
    by: Option<(String, String)>,
    length: Option<Length>,
    from: Option<i16>,
    to: Option<i16>,
    gone: bool,
    pub(super) sort: Sort,
    page: usize,
    limit: usize,
}

impl Asked {
    pub(super) fn read(raw: Option<&str>) -> Result<Self, ApiError> {
        let mut asked = Self { page: 1, limit: CARDS, ..Self::default() };
        for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
            let value = value.trim();
            match &*name {
                _ if value.is_empty() => {}
                "q" if value.chars().count() > LONGEST => return Err(bad("q", "at most 256 letters")),
                "q" => value.clone_into(&mut asked.text),
                "site" if asked.sites.len() >= SITES => {}
                "site" if !asked.sites.iter().any(|site| site == value) => asked.sites.push(value.to_owned()),
                "by" => {
                    let parts = value.split_once('/').map(|(site, id)| (site.to_owned(), id.to_owned()));
                    asked.by =
                        Some(parts.ok_or_else(|| bad("by", "a site, a slash and the creator's id there"))?);
                }
                "length" if value == "any" => {}
                "length" => asked.length = Some(named("length", value, &Length::ALL)?),
                "from" => asked.from = Some(year("from", value)?),
                "to" => asked.to = Some(year("to", value)?),
                "gone" => asked.gone = matches!(value, "1" | "true"),
                "sort" => asked.sort = named("sort", value, &Sort::ALL)?,
                "page" => asked.page = number("page", value)?,
                "limit" => asked.limit = number("limit", value)?.min(LARGEST_PAGE),
                _ => {}
            }
        }
        if asked.page.saturating_sub(1).saturating_mul(asked.limit) >= DEEPEST {
            return Err(bad("page", "less: of what was found the first 10,000 can be looked at"));
        }
        Ok(asked)
    }

    pub(super) fn query(&self, viewer: Viewer) -> Query {
        Query {
            parts: query::parse(&self.text),
            sites: self.sites.clone(),
            creator: self.by.clone(),
            length: self.length,
            published: (self.from.map(new_year), self.to.map(|year| new_year(year.saturating_add(1)))),
            gone: self.gone,
            everything: viewer.is_insider(),
            sort: self.sort,
        }
    }

    fn window(&self) -> Page {
        Page { skip: (self.page - 1) * self.limit, limit: self.limit }
    }

    /// Its address.
    pub(super) fn href(&self) -> String {
        self.at("/search")
    }

    /// The address of the same as a feed.
    pub(super) fn feed_href(&self) -> String {
        Self { page: 1, ..self.clone() }.at("/feeds/search.atom")
    }

    /// The same without a place in it: all of it, whatever comes first.
    pub(super) fn whole(self) -> Self {
        Self { page: 1, limit: CARDS, sort: Sort::default(), ..self }
    }

    /// As it stands in an address; none for everything there is.
    pub(super) fn followable(&self) -> Option<String> {
        self.at("").strip_prefix('?').map(str::to_owned)
    }

    /// The creator whose videos are asked for: site, and id there.
    pub(super) fn creator(&self) -> Option<(&str, &str)> {
        self.by.as_ref().map(|(site, id)| (site.as_str(), id.as_str()))
    }

    /// Everything by a creator.
    pub(super) fn of_creator(site: &str, id: &str) -> Self {
        Self { by: Some((site.to_owned(), id.to_owned())), ..Self::default() }.whole()
    }

    fn at(&self, path: &str) -> String {
        let mut address = form_urlencoded::Serializer::new(String::new());
        let mut add = |name: &str, value: &str| _ = address.append_pair(name, value);
        if !self.text.is_empty() {
            add("q", &self.text);
        }
        self.sites.iter().for_each(|site| add("site", site));
        if let Some((site, id)) = &self.by {
            add("by", &format!("{site}/{id}"));
        }
        if let Some(length) = self.length {
            add("length", name_of(length, &Length::ALL));
        }
        for (name, year) in [("from", self.from), ("to", self.to)] {
            year.iter().for_each(|year| add(name, &year.to_string()));
        }
        if self.gone {
            add("gone", "1");
        }
        if self.sort != Sort::default() {
            add("sort", name_of(self.sort, &Sort::ALL));
        }
        if self.page > 1 {
            add("page", &self.page.to_string());
        }
        match address.finish() {
            none if none.is_empty() => path.to_owned(),
            some => format!("{path}?{some}"),
        }
    }

    fn filters(&self) -> usize {
        let set =
            [self.length.is_some(), self.from.is_some() || self.to.is_some(), self.gone, self.by.is_some()];
        self.sites.len() + set.into_iter().filter(|set| *set).count()
    }
}

fn bad(name: &str, wanted: &str) -> ApiError {
    ApiError::bad("bad-search", format!("`{name}` has to be {wanted}."))
}

fn named<T: Copy>(name: &str, value: &str, all: &[(&'static str, T)]) -> Result<T, ApiError> {
    let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
    let found = all.iter().find(|(name, _)| *name == value).map(|(_, one)| *one);
    found.ok_or_else(|| bad(name, &format!("one of {}", names.join(", "))))
}

fn name_of<T: Copy + PartialEq>(one: T, all: &[(&'static str, T)]) -> &'static str {
    all.iter().find(|(_, other)| *other == one).map_or("", |(name, _)| name)
}

fn year(name: &str, value: &str) -> Result<i16, ApiError> {
    value
        .parse()
        .ok()
        .filter(|year| (1970..=9999).contains(year))
        .ok_or_else(|| bad(name, "a year, such as 2009"))
}

fn number(name: &str, value: &str) -> Result<usize, ApiError> {
    value.parse().ok().filter(|number| *number > 0).ok_or_else(|| bad(name, "a number from 1 on"))
}

/// Milliseconds from 1970 to the beginning of a year (UTC).
fn new_year(year: i16) -> u64 {
    let day = jiff::civil::Date::new(year.min(9999), 1, 1).unwrap_or(jiff::civil::Date::MAX);
    let days =
        day.since(jiff::civil::Date::constant(1970, 1, 1)).map_or(0, |span| i64::from(span.get_days()));
    u64::try_from(days * DAY_MS).unwrap_or(0)
}

/// `GET /api/v1/search`
pub(super) async fn list(State(rooms): Shared, viewer: Viewer, RawQuery(raw): RawQuery) -> Answer {
    let asked = Asked::read(raw.as_deref())?;
    let found = rooms.search.find(asked.query(viewer), asked.window()).await?;
    let rows = rooms.found_rows(viewer, &found)?;
    let items = rows.iter().map(|row| rooms.video_json(row)).collect::<Result<Vec<_>, _>>()?;
    let lengths = Length::ALL.iter().zip(found.lengths).map(|((name, _), count)| (*name, count));
    Ok(Json(json!({
        "items": items,
        "total": found.total,
        "sites": found.sites,
        "lengths": lengths.collect::<std::collections::BTreeMap<_, _>>(),
    })))
}

/// `GET /search`
pub(super) async fn page(
    State(rooms): Shared,
    viewer: Viewer,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let asked = Asked::read(raw.as_deref())?;
    // One box for both: a link is not looked for, it is archived.
    if asked.text.starts_with("https://") || asked.text.starts_with("http://") {
        let url: String = form_urlencoded::byte_serialize(asked.text.as_bytes()).collect();
        return Ok(Redirect::to(&format!("/archive?url={url}")).into_response());
    }
    let begun = clock::now();
    let found = rooms.search.find(asked.query(viewer), asked.window()).await?;
    // Every site is offered, also while some are chosen.
    let all = Asked { sites: Vec::new(), ..asked.clone() };
    let sites = match asked.sites.is_empty() {
        true => found.sites.clone(),
        false => rooms.search.find(all.query(viewer), Page { skip: 0, limit: 1 }).await?.sites,
    };
    let took = clock::now().ms_since(begun);
    // Of who made nothing that somebody may see not even the name is told.
    let by = asked.by.as_ref().filter(|_| found.total > 0);
    let by = by.map(|(site, id)| rooms.catalogue.creator_names(site, id)).transpose()?;
    let videos = rooms.found_rows(viewer, &found)?;
    let mut frame = rooms.frame(&headers);
    frame.query.clone_from(&asked.text);
    let page = SearchPage {
        frame,
        lede: lede(&asked, &found, took),
        terms: terms(&asked, by.as_deref()),
        sites: sites
            .into_iter()
            .map(|(site, count)| check(&site, &site, Some(count), asked.sites.contains(&site)))
            .collect(),
        lengths: lengths(&asked, &found),
        from: asked.from.map(|year| year.to_string()).unwrap_or_default(),
        to: asked.to.map(|year| year.to_string()).unwrap_or_default(),
        gone: asked.gone,
        by: asked.by.as_ref().map(|(site, id)| format!("{site}/{id}")).unwrap_or_default(),
        sorts: sorts(asked.sort),
        videos: videos.iter().map(card).collect(),
        pages: pages_of(&asked, found.total),
        next: next(&asked, found.total),
        feed: asked.feed_href(),
        follow: rooms.follow_button(&headers, &asked, "search")?,
        filters: asked.filters(),
        plain: asked.text.is_empty() && asked.filters() == 0,
    };
    Ok(Html(horahora_web::search(&page)).into_response())
}

fn card(video: &VideoRow) -> horahora_web::Card {
    let tags = video.tags.iter().take(TAGS).cloned().collect();
    horahora_web::Card { tags, year: video.published_at.map(|at| pages::date(at.0)), ..pages::card(video) }
}

/// "1,284 videos match 音MAD and piano, without 実況."
fn lede(asked: &Asked, found: &Found, took_ms: u64) -> Lede {
    let parts = query::parse(&asked.text);
    let said = |not: bool| {
        let words: Vec<_> = parts.iter().filter(|part| part.not == not).map(term).collect();
        match words.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, first)) => tr("search-and").with("first", first.join(", ")).with("last", last).into(),
            None => String::new(),
        }
    };
    let (with, without) = (said(false), said(true));
    let rest: String = match (with.is_empty(), without.is_empty(), asked.filters()) {
        (true, true, 0) => tr("search-can"),
        (true, true, _) => tr("search-fits").with("n", found.total),
        (false, true, _) => tr("search-match").with("n", found.total).with("with", with),
        (true, false, _) => tr("search-only-without").with("without", without),
        (false, false, _) => {
            tr("search-match-without").with("n", found.total).with("with", with).with("without", without)
        }
    }
    .into();
    let searched = match found.total {
        _ if parts.is_empty() => String::new(),
        0 => format!(" {}", tr("search-looked")),
        _ => format!(" {}", tr("search-found").with("ms", took_ms)),
    };
    let lead = match found.total {
        0 => tr("search-no-video").into(),
        total => count_text(total),
    };
    Lede { state: StateView::default(), lead, rest: rest + &searched }
}

fn count_text(total: u64) -> String {
    count(usize::try_from(total).unwrap_or(usize::MAX), "videos")
}

fn term(part: &Part) -> String {
    let name = match part.field {
        In::Anything => return part.text.clone(),
        In::Tag => "term-tag",
        In::Creator => "term-by",
        In::Site => "term-site",
    };
    tr(name).with("text", &part.text).into()
}

fn terms(asked: &Asked, creator: Option<&[NameRow]>) -> Vec<Term> {
    let parts = query::parse(&asked.text);
    let one = |at: usize| {
        let mut rest = parts.clone();
        let part = rest.remove(at);
        let without = Asked { text: query::write(&rest), page: 1, ..asked.clone() };
        Term { not: part.not, text: term(&part), without: without.href() }
    };
    let by = asked.by.as_ref().map(|(site, id)| Term {
        not: false,
        text: tr("term-creator")
            .with("name", creator.and_then(<[_]>::first).map_or(id, |row| &row.name))
            .with("site", site)
            .into(),
        without: Asked { by: None, page: 1, ..asked.clone() }.href(),
    });
    (0..parts.len()).map(one).chain(by).collect()
}

fn check(value: &str, label: &str, count: Option<u64>, on: bool) -> Check {
    Check {
        value: value.to_owned(),
        label: label.to_owned(),
        count: count.map(|count| count.to_string()),
        on,
    }
}

fn lengths(asked: &Asked, found: &Found) -> Vec<Check> {
    let labels = ["length-short", "length-medium", "length-long"];
    let any = std::iter::once(check("any", &tr("length-any").to_string(), None, asked.length.is_none()));
    // With one chosen the others are not counted.
    let counted = |at: usize| asked.length.is_none().then_some(found.lengths[at]);
    let each = Length::ALL.iter().zip(labels).enumerate();
    any.chain(each.map(|(at, ((name, one), label))| {
        check(name, &tr(label).to_string(), counted(at), asked.length == Some(*one))
    }))
    .collect()
}

fn sorts(chosen: Sort) -> Vec<Choice> {
    let labels = [
        "sort-relevance",
        "sort-archived",
        "sort-newest",
        "sort-oldest",
        "sort-longest",
        "sort-shortest",
        "sort-views",
        "sort-rated",
    ];
    let one = |((name, sort), label): (&(&str, Sort), &'static str)| Choice {
        value: (*name).to_owned(),
        label: tr(label).into(),
        chosen: *sort == chosen,
    };
    Sort::ALL.iter().zip(labels).map(one).collect()
}

fn last_page(asked: &Asked, total: u64) -> usize {
    usize::try_from(total).unwrap_or(DEEPEST).min(DEEPEST).div_ceil(asked.limit)
}

/// The pages round this one.
fn pages_of(asked: &Asked, total: u64) -> Vec<PageLink> {
    let last = last_page(asked, total);
    let from = asked.page.saturating_sub(2).max(1);
    let one = |number| PageLink {
        number,
        href: Asked { page: number, ..asked.clone() }.href(),
        here: number == asked.page,
    };
    (from..=last.min(from + 4)).map(one).collect()
}

fn next(asked: &Asked, total: u64) -> Option<String> {
    (asked.page < last_page(asked, total)).then(|| Asked { page: asked.page + 1, ..asked.clone() }.href())
}

impl Rooms {
    /// A search for people: its words, then its filters.
    pub(super) fn words(&self, asked: &Asked) -> Result<String, ApiError> {
        let by = asked.by.as_ref().map(|(site, id)| self.catalogue.creator_names(site, id)).transpose()?;
        let words = terms(asked, by.as_deref()).into_iter();
        let mut all: Vec<_> = words
            .map(|term| if term.not { tr("words-without").with("text", term.text).into() } else { term.text })
            .collect();
        all.extend((!asked.sites.is_empty()).then(|| {
            let or = format!(" {} ", tr("words-or"));
            tr("words-on").with("sites", asked.sites.join(&or)).into()
        }));
        let length = lengths(asked, &Found::default()).into_iter().find(|one| one.on && one.value != "any");
        all.extend(length.map(|length| length.label.to_lowercase()));
        all.extend(asked.from.map(|year| tr("words-from").with("year", year.to_string()).into()));
        all.extend(asked.to.map(|year| tr("words-until").with("year", year.to_string()).into()));
        all.extend(asked.gone.then(|| tr("words-gone").into()));
        Ok(all.join(", "))
    }

    /// The videos that were found, as they are now.
    pub(super) fn found_rows(&self, viewer: Viewer, found: &Found) -> Result<Vec<VideoRow>, ApiError> {
        let mut rows = Vec::new();
        for id in &found.ids {
            let row: Option<VideoRow> = self.store.get(&VIDEOS, id.as_str().as_bytes())?;
            // The index lags behind by a moment.
            if let Some(row) = row
                && self.shows(viewer, &row)?
            {
                rows.push(row);
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_search_and_a_search_an_address() {
        let address = "/search?q=%E9%9F%B3MAD+-piano&site=niconico&site=bilibili&by=niconico%2F12&length=short&from=2008&gone=1&sort=newest&page=3";
        let asked = Asked::read(address.split_once('?').map(|(_, raw)| raw)).unwrap();
        assert_eq!(asked.href(), address);
        assert_eq!((asked.filters(), asked.window().skip), (6, 40));
        assert_eq!(
            terms(&asked, None)[0].without,
            address.replace("%E9%9F%B3MAD+", "").replace("&page=3", "")
        );
        for wrong in
            ["length=huge", "from=12", "to=abc", "sort=luck", "page=0", "page=501", "by=niconico", "limit=-1"]
        {
            assert_eq!(Asked::read(Some(wrong)).unwrap_err().code, "bad-search", "{wrong}");
        }
        assert_eq!(Asked::read(None).unwrap().href(), "/search");
    }

    #[test]
    fn years_begin_in_january() {
        assert_eq!([1970, 1971, 2009].map(new_year), [0, 31_536_000_000, 1_230_768_000_000]);
    }

    #[test]
    fn the_first_sentence_says_what_was_found() {
        let said = |text: &str, total| {
            let asked = Asked { text: text.to_owned(), ..Asked::default() };
            let lede = lede(&asked, &Found { total, ..Found::default() }, 4);
            format!("{} {}", lede.lead, lede.rest)
        };
        assert_eq!(
            said("音MAD piano -実況", 1284),
            "1,284 videos match 音MAD and piano, without 実況. Found in titles, tags and creators in 4 ms."
        );
        assert_eq!(said("tag:x", 1), "1 video matches tag: x. Found in titles, tags and creators in 4 ms.");
        assert_eq!(said("", 3), "3 videos can be watched, of this node and of those that it knows.");
    }
}
