//! How often and how much each site is asked: so many requests a minute and a day, so many bytes a day, at which hours, and not
//! at all for a while after it said that we ask too much.
//!
//! All of it belongs to one site and to the one address that this node comes from, its own or its proxy's. What a group
//! may ask is what its members may ask together: each node keeps its own count, and where one is at its end, or was sent
//! away, the group's claims give the job to another one.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use horahora_protocol::Timestamp;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::{Failure, cookies, site};
use crate::{
    clock,
    config::{Hours, SiteOptions, SourceOptions},
    store::{
        Batch, Store, StoreError,
        rows::{Code, SITES},
    },
};

/// Requests a minute to a site of which nothing is set. YouTube sends guests away who ask some 1,000 times an hour, Niconico
/// who asks 20 times a minute and more; a person who looks for videos asks less.
const REQUESTS_PER_MINUTE: u32 = 20;
/// A minute and some more: requests travel unequally long.
const MINUTE_MS: u64 = 63_000;
/// The first pause after a site said that we ask too much; it doubles each time until something works there.
const FIRST_PAUSE_MS: u64 = 30_000;
/// The longest one.
const LONGEST_PAUSE_MS: u64 = 8 * 3_600_000;
/// Sites that have several names, by the one that stands for all.
const ALSO_CALLED: [(&str, &str); 4] = [
    ("nico.ms", "nicovideo.jp"),
    ("youtu.be", "youtube.com"),
    ("youtube-nocookie.com", "youtube.com"),
    ("b23.tv", "bilibili.com"),
];
/// Sites whose hosts are one site together.
const SITES_OF_HOSTS: [&str; 4] = ["nicovideo.jp", "youtube.com", "bilibili.com", "bilibili.tv"];

/// A row of [`SITES`]: what this node asked of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// When the last requests went out, oldest first: no more than are counted in a minute.
    recent: VecDeque<Timestamp>,
    /// The day on which the rest was counted.
    day: i64,
    /// Requests on that day.
    requests: u64,
    /// Bytes downloaded on that day.
    bytes: u64,
    /// Until when it wants to be left alone.
    until: Timestamp,
    /// How often it said so since anything worked there.
    refusals: u32,
}

/// What may be asked of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Rules {
    per_minute: Option<u32>,
    per_day: Option<u64>,
    bytes_per_day: Option<u64>,
    hours: Option<Hours>,
}

/// Until when nothing is begun at a site, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// When it opens again.
    pub until: Timestamp,
    /// Why.
    pub why: Failure,
}

/// A site as people see it.
#[derive(Debug, Clone, Serialize)]
pub struct SiteView {
    /// Its name: a host, with the port unless it is the usual one.
    pub site: String,
    /// Requests in the last minute, and as many as may be.
    pub requests_minute: u64,
    /// The same: none is no limit.
    pub requests_per_minute: Option<u32>,
    /// Requests today.
    pub requests_today: u64,
    /// As many as may be.
    pub requests_per_day: Option<u64>,
    /// Bytes today.
    pub bytes_today: u64,
    /// As many as may be.
    pub bytes_per_day: Option<u64>,
    /// The hours of the day at which it is asked.
    pub hours: Option<String>,
    /// Until when it is left alone.
    pub closed_until: Option<Timestamp>,
    /// Why.
    pub code: Option<Code>,
    /// The same for people.
    pub reason: Option<String>,
    /// Whether there are cookies for it, and what is the matter with them.
    pub cookies: Option<String>,
}

/// Keeps count. One for the node.
#[derive(Debug)]
pub(super) struct Pace {
    store: Store,
    sites: Mutex<BTreeMap<String, Asked>>,
}

impl Pace {
    /// What was counted so far.
    pub(super) fn open(store: Store) -> Result<Self, StoreError> {
        let mut sites = BTreeMap::new();
        for (key, asked) in store.scan(&SITES, b"", None, usize::MAX)? {
            sites.insert(String::from_utf8_lossy(&key).into_owned(), asked);
        }
        Ok(Self { store, sites: Mutex::new(sites) })
    }

    /// Waits for leave to ask the site of `url` once more.
    ///
    /// # Errors
    /// When the site is closed for longer than a minute can make it.
    pub(super) async fn ask(&self, options: &SourceOptions, url: &str) -> Result<(), Failure> {
        let (name, rules) = (name_of(options, url), rules(options, url));
        loop {
            let now = clock::now();
            let next = self.change(&key(&name, options, url), |asked| {
                if let Some(closed) = asked.closed(&name, &rules, now) {
                    return Err(closed.why);
                }
                let next = asked.next(&rules, now);
                if next <= now {
                    asked.count(&rules, now);
                }
                Ok(next)
            })?;
            if next <= now {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(clock::jittered(next.ms_since(now).min(2_000)))).await;
        }
    }

    /// Counts bytes that were downloaded from the site of `url`.
    pub(super) fn downloaded(&self, options: &SourceOptions, url: &str, bytes: u64) {
        let name = name_of(options, url);
        self.change(&key(&name, options, url), |asked| {
            asked.turn_day(clock::now());
            asked.bytes += bytes;
        });
    }

    /// The site of `url` says that we ask too much: nothing is begun there for a while.
    pub(super) fn refused(&self, options: &SourceOptions, url: &str) {
        let name = name_of(options, url);
        self.change(&key(&name, options, url), |asked| asked.refuse(clock::now()));
    }

    /// Something worked at the site of `url`, or a person wants it tried.
    pub(super) fn works(&self, options: &SourceOptions, url: &str) {
        let name = name_of(options, url);
        let key = key(&name, options, url);
        if self.sites().get(&key).is_some_and(|asked| asked.refusals > 0) {
            self.change(&key, |asked| (asked.until, asked.refusals) = (Timestamp::default(), 0));
        }
    }

    /// Until when nothing is begun at the site of `url`.
    pub(super) fn closed(&self, options: &SourceOptions, url: &str) -> Option<Closed> {
        let name = name_of(options, url);
        let nothing = Asked::default();
        let sites = self.sites();
        let asked = sites.get(&key(&name, options, url)).unwrap_or(&nothing);
        asked.closed(&name, &rules(options, url), clock::now())
    }

    /// How many requests a minute may go to the site of `url`.
    pub(super) fn per_minute(&self, options: &SourceOptions, url: &str) -> Option<u32> {
        rules(options, url).per_minute
    }

    /// All sites that were asked, by their names.
    pub(super) fn views(&self, options: &SourceOptions) -> Vec<SiteView> {
        let now = clock::now();
        let known = self.sites().clone();
        let mut names: BTreeMap<String, Asked> = BTreeMap::new();
        for (key, asked) in known {
            let (name, via) = key.split_once(' ').unwrap_or((&key, ""));
            // What another proxy did is its own matter.
            if site::proxy(options, &format!("https://{name}")).unwrap_or_default() == via {
                names.insert(name.to_owned(), asked);
            }
        }
        for name in options.sites.keys().map(|name| name.to_lowercase()).chain(cookies::given(options)) {
            names.entry(name).or_default();
        }
        names.iter().map(|(name, asked)| view(options, name, asked, now)).collect()
    }

    fn change<T>(&self, key: &str, change: impl FnOnce(&mut Asked) -> T) -> T {
        let mut sites = self.sites();
        let asked = sites.entry(key.to_owned()).or_default();
        let done = change(asked);
        let mut batch = Batch::default();
        batch.put(&SITES, key.as_bytes(), &*asked);
        if let Err(error) = self.store.write(batch) {
            // It is still known until the node ends.
            tracing::warn!("what was asked of {key} cannot be written down: {error}");
        }
        done
    }

    fn sites(&self) -> MutexGuard<'_, BTreeMap<String, Asked>> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked {
    fn closed(&self, name: &str, rules: &Rules, now: Timestamp) -> Option<Closed> {
        let closed = |until, code, reason| Some(Closed { until, why: Failure::new(code, reason) });
        if self.until > now {
            let pause = length(self.until.ms_since(now));
            let why = format!("{name} wants us to slow down; it is asked again in {pause}.");
            return closed(self.until, Code::RateLimited, why);
        }
        let local = clock::local(now);
        if let Some(hours) = rules.hours
            && let Some(ms) = hours.opens_in_ms(local.ms)
        {
            let why = format!("{name} is asked from {hours} only, as config.toml says.");
            return closed(now.plus_ms(ms), Code::Budget, why);
        }
        let tomorrow = now.plus_ms(clock::DAY_MS - local.ms);
        let today = self.day == local.day;
        if let Some(most) = rules.per_day.filter(|most| today && self.requests >= *most) {
            let why = format!("The {most} requests to {name} of today are used up; it goes on tomorrow.");
            return closed(tomorrow, Code::Budget, why);
        }
        if let Some(most) = rules.bytes_per_day.filter(|most| today && self.bytes >= *most) {
            let most = most as f64 / 1e9;
            let why = format!("The {most:.1} GB of today from {name} are downloaded; it goes on tomorrow.");
            return closed(tomorrow, Code::Budget, why);
        }
        None
    }

    /// When the next request may go out.
    fn next(&self, rules: &Rules, now: Timestamp) -> Timestamp {
        let most = rules.per_minute.map_or(usize::MAX, |most| most as usize);
        let first = self.recent.len().checked_sub(most).and_then(|index| self.recent.get(index));
        first.map_or(now, |at| at.plus_ms(MINUTE_MS))
    }

    fn count(&mut self, rules: &Rules, now: Timestamp) {
        self.turn_day(now);
        self.requests += 1;
        let most = rules.per_minute.unwrap_or(REQUESTS_PER_MINUTE) as usize;
        self.recent.push_back(now);
        while self.recent.len() > most {
            self.recent.pop_front();
        }
    }

    fn refuse(&mut self, now: Timestamp) {
        // Several that were under way hear the same word.
        if self.until > now {
            return;
        }
        let pause = FIRST_PAUSE_MS.saturating_mul(1 << self.refusals.min(16)).min(LONGEST_PAUSE_MS);
        self.until = now.plus_ms(clock::jittered(pause));
        self.refusals += 1;
    }

    fn turn_day(&mut self, now: Timestamp) {
        let day = clock::local(now).day;
        if self.day != day {
            (self.day, self.requests, self.bytes) = (day, 0, 0);
        }
    }
}

fn view(options: &SourceOptions, name: &str, asked: &Asked, now: Timestamp) -> SiteView {
    let url = format!("https://{name}");
    let rules = rules(options, &url);
    let closed = asked.closed(name, &rules, now);
    let today = asked.day == clock::local(now).day;
    let minute = asked.recent.iter().filter(|at| at.plus_ms(60_000) > now).count();
    SiteView {
        site: name.to_owned(),
        requests_minute: minute as u64,
        requests_per_minute: rules.per_minute,
        requests_today: if today { asked.requests } else { 0 },
        requests_per_day: rules.per_day,
        bytes_today: if today { asked.bytes } else { 0 },
        bytes_per_day: rules.bytes_per_day,
        hours: rules.hours.map(|hours| hours.to_string()),
        closed_until: closed.as_ref().map(|closed| closed.until),
        code: closed.as_ref().map(|closed| closed.why.code),
        reason: closed.map(|closed| closed.why.reason),
        cookies: cookies::state(options, &url),
    }
}

/// What a count is kept under: the site, and the proxy if one is between.
fn key(name: &str, options: &SourceOptions, url: &str) -> String {
    let via = site::proxy(options, url).unwrap_or_default();
    format!("{name} {via}")
}

/// The site of a link: as config.toml calls it, else its well-known name, else its host and port.
fn name_of(options: &SourceOptions, url: &str) -> String {
    if let Some(name) = site::name(options, url) {
        return name.to_lowercase();
    }
    let Some(url) = Url::parse(url).ok() else { return String::new() };
    let host = url.host_str().unwrap_or_default().to_lowercase();
    let is = |site: &str| host.strip_suffix(site).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if let Some((_, site)) = ALSO_CALLED.iter().find(|(also, _)| is(also)) {
        return (*site).to_owned();
    }
    if let Some(site) = SITES_OF_HOSTS.iter().find(|site| is(site)) {
        return (*site).to_owned();
    }
    url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
}

/// What may be asked of the site of a link.
fn rules(options: &SourceOptions, url: &str) -> Rules {
    let by_name = format!("https://{}", name_of(options, url));
    let set = site::of(options, url).or_else(|| site::of(options, &by_name)).cloned().unwrap_or_default();
    let SiteOptions { requests_per_minute, requests_per_day, bytes_per_day, hours, .. } = set;
    let usual = (!is_private(url)).then_some(REQUESTS_PER_MINUTE);
    Rules {
        // 0 is no limit.
        per_minute: requests_per_minute.or(usual).filter(|most| *most > 0),
        per_day: requests_per_day.filter(|most| *most > 0),
        bytes_per_day: bytes_per_day.filter(|most| *most > 0),
        hours,
    }
}

/// A machine of one's own need not be spared.
fn is_private(url: &str) -> bool {
    match Url::parse(url).ok().as_ref().and_then(Url::host) {
        Some(Host::Ipv4(ip)) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".local"),
        None => true,
    }
}

fn length(ms: u64) -> String {
    let seconds = ms.div_ceil(1000);
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds.div_ceil(60)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn rules(per_minute: u32) -> Rules {
        Rules { per_minute: Some(per_minute), ..Rules::default() }
    }

    /// Asks as early as allowed and gives when each request went out.
    fn asks(rules: &Rules, times: usize) -> Vec<Timestamp> {
        let (mut asked, mut now, mut sent) = (Asked::default(), NOW, Vec::new());
        for _ in 0..times {
            now = asked.next(rules, now).max(now);
            asked.count(rules, now);
            sent.push(now);
        }
        sent
    }

    #[test]
    fn no_minute_has_more_requests_than_allowed() {
        let sent = asks(&rules(20), 200);
        for (index, at) in sent.iter().enumerate() {
            let minute = sent[index..].iter().take_while(|other| other.ms_since(*at) < 60_000).count();
            assert!(minute <= 20, "{minute} from the {index}th on");
        }
        assert_eq!(sent[19], NOW, "the first ones need not wait");
        assert_eq!(sent[199].ms_since(NOW), 9 * MINUTE_MS, "and nothing is given away");
    }

    #[test]
    fn a_day_has_its_budget_and_the_next_one_its_own() {
        let rules = Rules { per_day: Some(3), bytes_per_day: Some(1_000_000_000), ..Rules::default() };
        let mut asked = Asked::default();
        for _ in 0..3 {
            assert_eq!(asked.closed("example.org", &rules, NOW), None);
            asked.count(&rules, NOW);
        }
        let closed = asked.closed("example.org", &rules, NOW).unwrap();
        assert_eq!(closed.why.code, Code::Budget);
        assert!(closed.until > NOW && closed.until.ms_since(NOW) <= clock::DAY_MS);
        assert_eq!(asked.closed("example.org", &rules, closed.until), None);
        let loaded = Asked { bytes: 1_000_000_000, requests: 0, ..asked };
        assert!(loaded.closed("example.org", &rules, NOW).unwrap().why.reason.contains("1.0 GB"));
    }

    #[test]
    fn a_site_that_says_no_is_left_alone_twice_as_long_each_time() {
        let mut asked = Asked::default();
        let mut now = NOW;
        for times in 0..12 {
            asked.refuse(now);
            asked.refuse(now);
            let closed = asked.closed("example.org", &Rules::default(), now).unwrap();
            assert_eq!(closed.why.code, Code::RateLimited);
            let pause = (FIRST_PAUSE_MS << times).min(LONGEST_PAUSE_MS);
            assert!((pause..=pause * 3 / 2).contains(&closed.until.ms_since(now)), "{times}");
            now = closed.until;
        }
    }

    #[test]
    fn hosts_of_one_site_are_counted_together() {
        let options = SourceOptions::default();
        for (url, name) in [
            ("https://www.nicovideo.jp/watch/sm9", "nicovideo.jp"),
            ("https://nvapi.nicovideo.jp/v1", "nicovideo.jp"),
            ("https://nico.ms/sm9", "nicovideo.jp"),
            ("https://youtu.be/x", "youtube.com"),
            ("https://notyoutube.com/x", "notyoutube.com"),
            ("http://127.0.0.1:8000/x", "127.0.0.1:8000"),
        ] {
            assert_eq!(name_of(&options, url), name);
        }
        assert!(super::rules(&options, "http://127.0.0.1:8000/x").per_minute.is_none());
        assert_eq!(super::rules(&options, "https://vimeo.com/1").per_minute, Some(REQUESTS_PER_MINUTE));
    }
}
