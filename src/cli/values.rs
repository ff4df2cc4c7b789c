//! Values of flags that clap does not know: periods and instants, and the file named `-`.

use std::path::Path;

use schemas::Timestamp;
use schemas::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};

/// The units a period may be written in, longest first.
const UNITS: [(&str, i64); 4] = [("d", DAY_MS), ("h", HOUR_MS), ("m", MINUTE_MS), ("s", SECOND_MS)];
/// Longer periods are taken for a slip of the pen.
const LONGEST_MS: i64 = 366 * DAY_MS;

/// A span of time in whole seconds: `90s`, `10m`, `6h`, `1d`, `1h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub ms: i64,
}

/// Reads a span of zero or more.
pub fn period(text: &str) -> Result<Period, String> {
    let wrong = || format!("not a period: {text:?}; write it like 1d, 6h, 10m, 90s or 1h30m");
    let mut rest = text;
    let mut ms = 0_i64;
    for (unit, unit_ms) in UNITS {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let Some(after) = rest[digits..].strip_prefix(unit).filter(|_| digits > 0) else { continue };
        let count: i64 = rest[..digits].parse().map_err(|_| wrong())?;
        ms = count.checked_mul(unit_ms).and_then(|part| ms.checked_add(part)).ok_or_else(wrong)?;
        rest = after;
    }
    if rest.len() == text.len() || !rest.is_empty() {
        return Err(wrong());
    }
    if ms > LONGEST_MS {
        return Err(format!("{text} is too long: at most 366d"));
    }
    Ok(Period { ms })
}

/// Reads a span longer than nothing.
pub fn positive_period(text: &str) -> Result<Period, String> {
    match period(text)? {
        Period { ms: 0 } => Err("must be longer than nothing".to_owned()),
        some => Ok(some),
    }
}

/// Reads an RFC 3339 instant, or a date: its midnight in UTC.
pub fn instant(text: &str) -> Result<Timestamp, String> {
    let midnight = format!("{text}T00:00:00Z");
    let full = if text.len() == "2026-01-01".len() { &midnight } else { text };
    Timestamp::parse(full)
        .map_err(|_| format!("not a time: {text:?}; write it like 2026-11-22T05:54:00Z or 2026-11-22"))
}

/// True for `-`, which stands for stdin among inputs and for stdout among outputs.
pub fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_whole_units_in_falling_order() {
        assert_eq!(period("1d"), Ok(Period { ms: DAY_MS }));
        assert_eq!(period("1h30m"), Ok(Period { ms: 90 * MINUTE_MS }));
        assert_eq!(period("0s"), Ok(Period { ms: 0 }));
        for wrong in ["", "1", "d", "1.5d", "-1d", "1w", "30m1h", "1d ", "99999999999999999999s", "367d"] {
            assert!(period(wrong).is_err(), "{wrong}");
        }
        assert!(positive_period("0m").is_err());
    }

    #[test]
    fn a_date_is_its_midnight_in_utc() {
        assert_eq!(instant("1970-01-02"), Ok(Timestamp::from_millis(DAY_MS)));
        assert_eq!(instant("1970-01-02T01:00:00+01:00"), Ok(Timestamp::from_millis(DAY_MS)));
        assert!(instant("yesterday").is_err());
        assert!(instant("1970-13-02").is_err());
    }
}
