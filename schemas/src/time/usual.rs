//! The form nearly every time comes in, `2026-11-22T05:54:00.123456Z`, read without a parser for all the others.
//!
//! It must never say what the general parser would not: whatever is unusual is left to that one.

/// Milliseconds since 1970, the rest cut; `None`: ask the general parser.
pub(super) fn instant(text: &str) -> Option<i64> {
    let (&[y0, y1, y2, y3, b'-', mo0, mo1, b'-', d0, d1, b'T', h0, h1, b':', mi0, mi1, b':', s0, s1], rest) =
        text.as_bytes().split_first_chunk::<19>()?
    else {
        return None;
    };
    let fraction_ms = fraction(rest)?;
    let year = two(y0, y1)? * 100 + two(y2, y3)?;
    let (month, day) = (two(mo0, mo1)?, two(d0, d1)?);
    let (hour, minute, second) = (two(h0, h1)?, two(mi0, mi1)?, two(s0, s1)?);
    // The last year ends before its last day does, and the first one is refused.
    let usual = (1..9999).contains(&year) && (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    if !usual || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 1000 + fraction_ms)
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    Some(digit(tens)? * 10 + digit(ones)?)
}

/// `Z`, or `.123456Z` with up to nine digits.
fn fraction(rest: &[u8]) -> Option<i64> {
    let digits = match rest {
        [b'Z'] => return Some(0),
        [b'.', digits @ .., b'Z'] if (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) => digits,
        _ => return None,
    };
    let thousandths = digits.iter().chain(b"00").take(3);
    Some(thousandths.fold(0, |millis, digit| millis * 10 + i64::from(digit - b'0')))
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Of the Gregorian calendar, counted in years that begin in March, so that a leap day ends its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    /// Of 1970-01-01, from 0000-03-01.
    const EPOCH: i64 = 719_468;
    let (year, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (153 * months + 2) / 5 + day - 1 - EPOCH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn general(text: &str) -> Option<i64> {
        let parsed: jiff::Timestamp = text.parse().ok()?;
        i64::try_from(parsed.as_nanosecond().div_euclid(1_000_000)).ok()
    }

    #[test]
    fn every_day_of_four_centuries_is_the_same_day() {
        let mut read = 0;
        for (year, month, day) in
            (1_900..2_301).flat_map(|y| (1..13).flat_map(move |m| (1..33).map(move |d| (y, m, d))))
        {
            let text = format!("{year:04}-{month:02}-{day:02}T23:59:58.9Z");
            assert_eq!(instant(&text), general(&text), "{text}");
            read += u32::from(instant(&text).is_some());
        }
        assert_eq!(read, 401 * 365 + 97, "{read} days");
    }

    #[test]
    fn what_is_unusual_is_left_to_the_general_parser() {
        for text in [
            "2026-11-22 05:54:00Z",
            "2026-11-22T05:54:00+00:00",
            "2026-11-22T05:54:60Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T05:54Z",
            "9999-12-30T00:00:00Z",
            "2026-11-22T05:54:00.Z",
            "2026-11-22T05:54:00.1234567890Z",
            "２026-11-22T05:54:00Z",
            "",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_never_says_what_the_general_parser_does_not(
            text in "[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,10})?(Z|z|\\+01:00)?"
        ) {
            if let Some(millis) = instant(&text) {
                prop_assert_eq!(general(&text), Some(millis));
            }
        }
    }
}
