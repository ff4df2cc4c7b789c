//! Time as data: instants in milliseconds, local days, time zones. No clock lives here.

mod usual;

use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

pub const SECOND_MS: i64 = 1000;
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
pub const DAY_MS: i64 = 24 * HOUR_MS;

impl Timestamp {
    pub const MIN: Self = Self(i64::MIN);
    pub const MAX: Self = Self(i64::MAX);
    /// 0001-01-01T00:00:00Z: the first instant accepted from outside. Year 0000 is how systems
    /// write "none".
    pub const EARLIEST: Self = Self(-62_135_596_800_000);
    /// 9999-12-30T22:00:00Z: the last instant accepted from outside, the last that has a local
    /// time in every zone.
    pub const LATEST: Self = Self(253_402_207_200_000);

    /// Reads an RFC 3339 time with any offset; below the millisecond it is cut.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        if let Some(millis) = usual::instant(text) {
            return Ok(Self(millis));
        }
        let parsed: jiff::Timestamp = text.parse().map_err(|_| TimeError::NotAnInstant)?;
        let millis = parsed.as_nanosecond().div_euclid(1_000_000);
        let at = Self(i64::try_from(millis).map_err(|_| TimeError::OutOfRange)?);
        if at.is_plausible() { Ok(at) } else { Err(TimeError::OutOfRange) }
    }

    /// Reads a date of an HTTP header: `Sun, 22 Nov 2026 05:54:00 GMT` (RFC 9110, IMF-fixdate).
    pub fn parse_http(text: &str) -> Result<Self, TimeError> {
        let parser = jiff::fmt::rfc2822::DateTimeParser::new();
        let parsed = parser.parse_timestamp(text.trim()).map_err(|_| TimeError::NotAnHttpDate)?;
        let at = Self(parsed.as_millisecond());
        if at.is_plausible() { Ok(at) } else { Err(TimeError::OutOfRange) }
    }

    /// Within [`Timestamp::EARLIEST`] and [`Timestamp::LATEST`].
    #[must_use]
    pub const fn is_plausible(self) -> bool {
        self.0 >= Self::EARLIEST.0 && self.0 <= Self::LATEST.0
    }

    /// RFC 3339, UTC, with as many decimals as it takes to keep the milliseconds.
    #[must_use]
    pub fn exact(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => t.to_string(),
            Err(_) => self.to_string(),
        }
    }

    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    #[must_use]
    pub const fn minus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// `self − earlier`, in milliseconds.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Days since 1970-01-01, of some calendar (local or UTC: the holder says which).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// Reads `YYYY-MM-DD`, years 0001 to 9999.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let shaped = text.len() == 10 && text.bytes().enumerate().all(|(i, b)| (b == b'-') == matches!(i, 4 | 7));
        let date: Option<jiff::civil::Date> = if shaped { text.parse().ok() } else { None };
        let date = date.ok_or(TimeError::NotADate)?;
        if date.year() < 1 {
            return Err(TimeError::OutOfRange);
        }
        let epoch = jiff::civil::date(1970, 1, 1);
        epoch.until(date).map(|span| Self(span.get_days())).map_err(|_| TimeError::OutOfRange)
    }

    /// The day's first instant in UTC.
    #[must_use]
    pub const fn start_utc(self) -> Timestamp {
        Timestamp(self.0 as i64 * DAY_MS)
    }

    fn civil(self) -> Option<jiff::civil::Date> {
        let epoch = jiff::civil::date(1970, 1, 1);
        epoch.checked_add(jiff::Span::new().try_days(self.0).ok()?).ok()
    }
}

/// `YYYY-MM-DD`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.civil() {
            Some(date) => write!(f, "{date}"),
            None => write!(f, "day {}", self.0),
        }
    }
}

/// Why a text is not a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    #[error("not an RFC 3339 time with an offset, like 2026-11-22T05:54:00Z")]
    NotAnInstant,
    #[error("not a date like Sun, 22 Nov 2026 05:54:00 GMT")]
    NotAnHttpDate,
    #[error("not a date like 2026-11-22")]
    NotADate,
    #[error("not a date and time without a zone, like 2026-11-22 05:54:00")]
    NotAWallTime,
    #[error("outside the years 0001 to 9999")]
    OutOfRange,
}

/// A time zone from the bundled tz database, so that every machine computes the same days.
#[derive(Clone, Debug)]
pub struct Zone(pub(crate) jiff::tz::TimeZone);

impl Zone {
    pub const UTC: Self = Self(jiff::tz::TimeZone::UTC);

    /// `None` for a name the tz database does not know.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        jiff::tz::TimeZone::get(name).ok().map(Self)
    }

    /// The local day an instant falls into.
    #[must_use]
    pub fn day_of(&self, at: Timestamp) -> Day {
        let offset_ms = i64::from(self.offset_seconds(at)) * SECOND_MS;
        Day(i32::try_from(at.0.saturating_add(offset_ms).div_euclid(DAY_MS)).unwrap_or(i32::MAX))
    }

    /// The first instant of a local day. Where clocks skip midnight it is the instant they jump;
    /// a day that was skipped altogether starts, empty, where the next one does.
    #[must_use]
    pub fn start_of(&self, day: Day) -> Timestamp {
        if self.0 == jiff::tz::TimeZone::UTC {
            return day.start_utc();
        }
        let local = day.civil().and_then(|date| date.to_zoned(self.0.clone()).ok());
        local.map_or_else(|| day.start_utc(), |zoned| Timestamp(zoned.timestamp().as_millisecond()))
    }

    /// Local hour of the week, Monday 00:00 = 0 … 167.
    #[must_use]
    pub fn hour_of_week(&self, at: Timestamp) -> usize {
        let local = at.0.saturating_add(i64::from(self.offset_seconds(at)) * SECOND_MS);
        // 1970-01-01 was a Thursday: three days after a Monday.
        let hours = local.div_euclid(HOUR_MS) + 3 * 24;
        usize::try_from(hours.rem_euclid(168)).unwrap_or(0)
    }

    fn offset_seconds(&self, at: Timestamp) -> i32 {
        if self.0 == jiff::tz::TimeZone::UTC {
            return 0;
        }
        // Outside the years a calendar covers there is no local time: UTC.
        jiff::Timestamp::from_millisecond(at.0).map_or(0, |t| self.0.to_offset(t).seconds())
    }
}

/// RFC 3339, UTC, whole seconds, `Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0.div_euclid(SECOND_MS)) {
            Ok(t) => write!(f, "{t}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn zone(name: &str) -> Zone {
        Zone::named(name).unwrap()
    }

    #[test]
    fn instants_of_any_offset_are_one_instant() {
        let utc = at("2026-11-22T05:54:00Z");
        for text in ["2026-11-22T13:54:00+08:00", "2026-11-22T00:54:00-05:00", "2026-11-22T05:54:00.0009Z"] {
            assert_eq!(at(text), utc, "{text}");
        }
        assert_eq!(at("1969-12-31T23:59:59.9999Z"), Timestamp::from_millis(-1));
        assert_eq!(at("2026-11-22T05:54:00.250Z").exact(), "2026-11-22T05:54:00.25Z");
        assert_eq!(at("2026-11-22T05:54:00.999Z").to_string(), "2026-11-22T05:54:00Z");
    }

    #[test]
    fn dates_of_http_headers_are_read() {
        assert_eq!(Timestamp::parse_http("Sun, 22 Nov 2026 05:54:00 GMT"), Ok(at("2026-11-22T05:54:00Z")));
        for text in ["", "120", "2026-11-22T05:54:00Z", "Sun, 31 Feb 2026 05:54:00 GMT"] {
            assert_eq!(Timestamp::parse_http(text), Err(TimeError::NotAnHttpDate), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in ["", "2026-11-22", "2026-11-22T05:54:00", "2026-13-01T00:00:00Z", "0000-00-00T00:00:00Z", "now"] {
            assert_eq!(Timestamp::parse(text), Err(TimeError::NotAnInstant), "{text}");
        }
        assert_eq!(Timestamp::parse("0000-01-01T00:00:00Z"), Err(TimeError::OutOfRange));
        assert_eq!(Timestamp::parse("0001-01-01T00:00:00+01:00"), Err(TimeError::OutOfRange));
        assert_eq!(Timestamp::EARLIEST.to_string(), "0001-01-01T00:00:00Z");
        assert_eq!(Timestamp::LATEST.exact(), "9999-12-30T22:00:00Z");
        assert_eq!(at("9999-12-30T22:00:00Z"), Timestamp::LATEST);
    }

    #[test]
    fn dates_are_read_and_written() {
        assert_eq!(day("1970-01-01"), Day(0));
        assert_eq!(day("1969-12-31"), Day(-1));
        assert_eq!(day("2024-02-29").to_string(), "2024-02-29");
        assert_eq!(Day::parse("0000-01-01"), Err(TimeError::OutOfRange));
        for text in ["2026-2-1", "2026-02-30", "20260201", "2026-02-01T00:00:00Z", ""] {
            assert_eq!(Day::parse(text), Err(TimeError::NotADate), "{text}");
        }
        assert_eq!(Day(i32::MAX).to_string(), "day 2147483647");
    }

    #[test]
    fn local_days_follow_daylight_saving() {
        let london = zone("Europe/London");
        assert_eq!(london.start_of(day("2026-03-29")), at("2026-03-29T00:00:00Z"));
        assert_eq!(london.start_of(day("2026-03-30")), at("2026-03-29T23:00:00Z"));
        assert_eq!(london.start_of(day("2026-10-25")), at("2026-10-24T23:00:00Z"));
        assert_eq!(london.start_of(day("2026-10-26")), at("2026-10-26T00:00:00Z"));
        let new_york = zone("America/New_York");
        assert_eq!(new_york.start_of(day("2026-03-09")), at("2026-03-09T04:00:00Z"));
        assert_eq!(new_york.day_of(at("2026-11-02T04:59:59Z")), day("2026-11-01"));
        assert_eq!(new_york.day_of(at("2026-11-02T05:00:00Z")), day("2026-11-02"));
        let shanghai = zone("Asia/Shanghai");
        assert_eq!(shanghai.start_of(day("2026-11-22")), at("2026-11-21T16:00:00Z"));
    }

    #[test]
    fn a_day_without_midnight_starts_where_clocks_jump() {
        // São Paulo went from 24:00 on 2018-11-03 straight to 01:00.
        let sao_paulo = zone("America/Sao_Paulo");
        let start = sao_paulo.start_of(day("2018-11-04"));
        assert_eq!(start, at("2018-11-04T03:00:00Z"));
        assert_eq!(sao_paulo.day_of(start), day("2018-11-04"));
        assert_eq!(sao_paulo.day_of(start.minus_ms(1)), day("2018-11-03"));
        // Samoa had no 2011-12-30.
        let apia = zone("Pacific/Apia");
        assert_eq!(apia.start_of(day("2011-12-30")), apia.start_of(day("2011-12-31")));
    }

    #[test]
    fn hours_of_the_week_are_local() {
        let shanghai = zone("Asia/Shanghai");
        assert_eq!(shanghai.hour_of_week(at("2026-11-22T16:00:00Z")), 0);
        assert_eq!(Zone::UTC.hour_of_week(at("2026-11-22T16:00:00Z")), 6 * 24 + 16);
        let london = zone("Europe/London");
        assert_eq!(london.hour_of_week(at("2026-03-29T00:30:00Z")), 6 * 24);
        assert_eq!(london.hour_of_week(at("2026-03-29T01:30:00Z")), 6 * 24 + 2);
    }

    proptest! {
        #[test]
        fn instants_survive_their_text(millis in Timestamp::EARLIEST.0..=Timestamp::LATEST.0) {
            let instant = Timestamp(millis);
            prop_assert_eq!(Timestamp::parse(&instant.exact()), Ok(instant));
            let seconds = Timestamp::parse(&instant.to_string()).unwrap();
            prop_assert_eq!(seconds, Timestamp(millis.div_euclid(SECOND_MS) * SECOND_MS));
        }

        #[test]
        fn dates_survive_their_text(day in -719_162..=2_932_896_i32) {
            prop_assert_eq!(Day::parse(&Day(day).to_string()), Ok(Day(day)));
        }

        #[test]
        fn a_day_starts_at_its_first_instant(day in -25_000..40_000_i32, zone_index in 0_usize..7) {
            let names = ["Asia/Shanghai", "Europe/London", "America/New_York", "America/Sao_Paulo", "America/Havana",
                "Asia/Beirut", "Pacific/Apia"];
            let zone = zone(names[zone_index]);
            let start = zone.start_of(Day(day));
            prop_assert!(zone.day_of(start) >= Day(day));
            prop_assert!(zone.day_of(start.minus_ms(1)) < Day(day));
            prop_assert!(zone.start_of(Day(day + 1)) >= start);
        }

        #[test]
        fn no_instant_or_day_panics(millis: i64, day: i32) {
            let zone = zone("Asia/Shanghai");
            let _ = (Timestamp(millis).to_string(), Timestamp(millis).exact(), zone.hour_of_week(Timestamp(millis)));
            let _ = (zone.day_of(Timestamp(millis)), zone.start_of(Day(day)), Day(day).to_string());
        }
    }
}
