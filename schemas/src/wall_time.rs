//! What a clock on a wall shows: a date and a time of day that become an instant only in a zone.

use crate::time::DAY_MS;
use crate::{Day, TimeError, Timestamp, Zone};

/// A date and time of day without a zone: the milliseconds since 1970-01-01T00:00 of a clock in UTC
/// that shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(i64);

impl WallTime {
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Reads `2026-11-22 05:54:00.25`, with a blank or a `T`, or a date alone (its midnight). Below the
    /// millisecond it is cut. A zone or an offset is an error: it would be an instant.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        if text.len() == 10 {
            return Day::parse(text).map(Self::midnight).map_err(|error| match error {
                TimeError::NotADate => TimeError::NotAWallTime,
                other => other,
            });
        }
        let time_of_day = text.get(10..).ok_or(TimeError::NotAWallTime)?;
        if time_of_day.contains(|c| !matches!(c, '0'..='9' | ':' | '.' | ' ' | 'T')) {
            return Err(TimeError::NotAWallTime);
        }
        let parsed: jiff::civil::DateTime = text.parse().map_err(|_| TimeError::NotAWallTime)?;
        let instant = jiff::tz::TimeZone::UTC.to_timestamp(parsed).map_err(|_| TimeError::OutOfRange)?;
        let millis = i64::try_from(instant.as_nanosecond().div_euclid(1_000_000)).map_err(|_| TimeError::OutOfRange)?;
        Self(millis).plausible()
    }

    /// The day it shows.
    #[must_use]
    pub fn day(self) -> Day {
        Day(i32::try_from(self.0.div_euclid(DAY_MS)).unwrap_or(if self.0 < 0 { i32::MIN } else { i32::MAX }))
    }

    /// The instant at which clocks of the zone show it. Shown twice, when clocks go back: the first of
    /// the two. Never shown, when they go forward: as much later as they jump.
    pub fn in_zone(self, zone: &Zone) -> Result<Timestamp, TimeError> {
        let wall = self.plausible()?;
        if zone.0 == jiff::tz::TimeZone::UTC {
            return Ok(Timestamp::from_millis(wall.0));
        }
        let shown = jiff::Timestamp::from_millisecond(wall.0).map_err(|_| TimeError::OutOfRange)?;
        let instant = zone.0.to_timestamp(jiff::tz::TimeZone::UTC.to_datetime(shown));
        let at = Timestamp::from_millis(instant.map_err(|_| TimeError::OutOfRange)?.as_millisecond());
        if at.is_plausible() { Ok(at) } else { Err(TimeError::OutOfRange) }
    }

    fn midnight(day: Day) -> Self {
        Self(day.start_utc().millis())
    }

    fn plausible(self) -> Result<Self, TimeError> {
        if Timestamp::from_millis(self.0).is_plausible() { Ok(self) } else { Err(TimeError::OutOfRange) }
    }
}

impl From<Day> for WallTime {
    fn from(day: Day) -> Self {
        Self::midnight(day)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wall(text: &str) -> WallTime {
        WallTime::parse(text).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn zoneless_texts_are_read() {
        for text in ["2026-11-22 05:54:00", "2026-11-22T05:54:00", "2026-11-22 05:54:00.0009", "2026-11-22 05:54"] {
            assert_eq!(wall(text).in_zone(&Zone::UTC), Ok(at("2026-11-22T05:54:00Z")), "{text}");
        }
        assert_eq!(wall("2026-11-22").in_zone(&Zone::UTC), Ok(at("2026-11-22T00:00:00Z")));
        assert_eq!(wall("1969-12-31 23:59:59.9999").millis(), -1);
        for text in [
            "",
            "now",
            "2026-11-22T05:54:00Z",
            "2026-11-22T05:54:00+01:00",
            "2026-11-22T05:54:00[Europe/Berlin]",
            "2026-02-30 00:00:00",
            "2026-11-22 25:00:00",
            "0000-00-00 00:00:00",
            "2026-11-2二",
        ] {
            assert_eq!(WallTime::parse(text), Err(TimeError::NotAWallTime), "{text}");
        }
        assert_eq!(WallTime::parse("0000-01-01 00:00:00"), Err(TimeError::OutOfRange));
    }

    #[test]
    fn a_wall_time_is_an_instant_of_its_zone() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        for (shown, instant) in [
            ("2026-11-22 05:54:00", "2026-11-22T04:54:00Z"),
            ("2026-07-01 00:00:00", "2026-06-30T22:00:00Z"),
            // Clocks jump from 02:00 to 03:00.
            ("2026-03-29 02:30:00", "2026-03-29T01:30:00Z"),
            // Clocks go back from 03:00 to 02:00.
            ("2026-10-25 02:30:00", "2026-10-25T00:30:00Z"),
        ] {
            assert_eq!(wall(shown).in_zone(&berlin), Ok(at(instant)), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn in_utc_it_is_what_it_shows(millis in Timestamp::EARLIEST.millis()..=Timestamp::LATEST.millis()) {
            let utc = Zone::named("Etc/UTC").unwrap();
            let wall = WallTime::from_millis(millis);
            prop_assert_eq!(wall.in_zone(&Zone::UTC), Ok(Timestamp::from_millis(millis)));
            prop_assert_eq!(wall.in_zone(&utc), Ok(Timestamp::from_millis(millis)));
            prop_assert_eq!(wall.day(), Zone::UTC.day_of(Timestamp::from_millis(millis)));
        }

        #[test]
        fn no_wall_time_panics(millis: i64, text in ".{0,30}") {
            let zone = Zone::named("America/Sao_Paulo").unwrap();
            let _ = (WallTime::from_millis(millis).in_zone(&zone), WallTime::from_millis(millis).day());
            let _ = WallTime::parse(&text);
        }
    }
}
