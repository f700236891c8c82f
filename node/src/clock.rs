//! The only place that asks what time it is, and the only source of randomness.

use std::{
    sync::LazyLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use horahora_protocol::Timestamp;
use jiff::tz::TimeZone;

/// The time of this machine's clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one caller")]
pub fn now() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

/// The same, but never set back or forth while this process runs: for leases and pauses.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one caller")]
pub fn steady() -> Timestamp {
    static BEGUN: LazyLock<(Timestamp, Instant)> = LazyLock::new(|| (now(), Instant::now()));
    let (at, begun) = &*BEGUN;
    at.plus_ms(u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX))
}

/// ms of a day.
pub const DAY_MS: u64 = 86_400_000;

/// A time as the clocks on this machine's walls show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// Days since 1970.
    pub day: i64,
    /// ms since midnight; on a day whose clock is set, as if it were not.
    pub ms: u64,
}

/// What this machine's time zone makes of a time.
#[must_use]
pub fn local(at: Timestamp) -> Local {
    static ZONE: LazyLock<TimeZone> = LazyLock::new(TimeZone::system);
    let utc = i64::try_from(at.0).unwrap_or(i64::MAX / 2);
    let offset = jiff::Timestamp::from_millisecond(utc).map_or(0, |at| ZONE.to_offset(at).seconds());
    let (here, day_ms) = (utc + i64::from(offset) * 1000, DAY_MS.cast_signed());
    Local { day: here.div_euclid(day_ms), ms: here.rem_euclid(day_ms).cast_unsigned() }
}

/// `N` unpredictable bytes for keys and tokens.
///
/// # Panics
/// When the operating system has no randomness: nothing safe can be done then.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// `ms` plus up to half of it again, so that many waiters do not come back at once.
#[must_use]
pub fn jittered(ms: u64) -> u64 {
    ms + u64::from(u16::from_le_bytes(random())) * (ms / 2) / u64::from(u16::MAX)
}
