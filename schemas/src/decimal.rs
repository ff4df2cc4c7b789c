//! Decimals as text, read exactly: never through a binary floating-point number.

use std::fmt;

/// Why a text is not a decimal of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    #[error("not a decimal number")]
    Syntax,
    #[error("more than {0} decimals")]
    TooPrecise(u32),
    #[error("magnitude above {0}")]
    TooLarge(i64),
    #[error("more than 38 digits")]
    TooLong,
}

/// Digits of a decimal without trailing zeros: `digits × 10^exponent`. More than 19 significant
/// digits only count, they are never all needed: such a number is too large or too precise.
struct Digits {
    value: u64,
    significant: u32,
    exponent: i64,
}

/// `text × 10^places` as an integer of magnitude ≤ `limit`. Accepts `-`, digits with an optional
/// point, and an optional exponent; anything that would have to be rounded is an error.
pub(crate) fn parse(text: &str, places: u32, limit: i64) -> Result<i64, DecimalError> {
    let too_large = DecimalError::TooLarge(limit / 10_i64.pow(places));
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let digits = scan(body.as_bytes())?;
    if digits.significant == 0 {
        return Ok(0);
    }
    let scale = digits.exponent.saturating_add(i64::from(places));
    if scale < 0 {
        return Err(DecimalError::TooPrecise(places));
    }
    if digits.significant > 19 || scale > 18 {
        return Err(too_large);
    }
    let magnitude = u128::from(digits.value) * 10_u128.pow(scale as u32);
    if magnitude > limit as u128 {
        return Err(too_large);
    }
    Ok(if negative { -(magnitude as i64) } else { magnitude as i64 })
}

fn scan(bytes: &[u8]) -> Result<Digits, DecimalError> {
    let mut digits = Digits { value: 0, significant: 0, exponent: 0 };
    let (mut zeros, mut seen, mut fraction) = (0_u32, false, false);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'0'..=b'9' => {
                seen = true;
                digits.exponent -= i64::from(fraction);
                if byte == b'0' {
                    // Zeros wait: they count only once another digit follows.
                    zeros = zeros.saturating_add(u32::from(digits.significant > 0));
                } else {
                    digits.push(zeros, byte - b'0');
                    zeros = 0;
                }
            }
            b'.' if !fraction => fraction = true,
            b'e' | b'E' if seen => break,
            _ => return Err(DecimalError::Syntax),
        }
        at += 1;
    }
    if !seen {
        return Err(DecimalError::Syntax);
    }
    digits.exponent += i64::from(zeros);
    if at < bytes.len() {
        digits.exponent = digits.exponent.saturating_add(exponent(&bytes[at + 1..])?);
    }
    Ok(digits)
}

impl Digits {
    fn push(&mut self, zeros: u32, digit: u8) {
        self.significant = self.significant.saturating_add(zeros).saturating_add(1);
        if self.significant <= 19 {
            self.value = self.value * 10_u64.pow(zeros + 1) + u64::from(digit);
        }
    }
}

/// Saturates far outside every scale in use.
fn exponent(bytes: &[u8]) -> Result<i64, DecimalError> {
    let (sign, digits) = match bytes {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] | rest => (1, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecimalError::Syntax);
    }
    let magnitude = digits.iter().fold(0_i64, |n, d| (n * 10 + i64::from(d - b'0')).min(1_000_000_000_000));
    Ok(sign * magnitude)
}

/// Writes `value / 10^places` without trailing zeros.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, value: i64, places: u32) -> fmt::Result {
    let scale = 10_u64.pow(places);
    let magnitude = value.unsigned_abs();
    let (whole, mut fraction) = (magnitude / scale, magnitude % scale);
    if value < 0 {
        f.write_str("-")?;
    }
    write!(f, "{whole}")?;
    if fraction == 0 {
        return Ok(());
    }
    let mut width = places as usize;
    while fraction.is_multiple_of(10) {
        fraction /= 10;
        width -= 1;
    }
    write!(f, ".{fraction:0width$}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Money, Quantity};

    const LIMIT: i64 = 1_000_000_000_000_000;

    fn thousandths(text: &str) -> Result<i64, DecimalError> {
        parse(text, 3, LIMIT)
    }

    #[test]
    fn decimals_are_read_exactly() {
        for (text, expected) in [
            ("0", 0),
            ("-0", 0),
            ("0.000", 0),
            ("2", 2000),
            ("2.5", 2500),
            ("12.50", 12_500),
            ("-0.125", -125),
            ("1e3", 1_000_000),
            ("1.5E-1", 150),
            ("2500e-3", 2500),
            ("0e999999999999999999999", 0),
            ("007", 7000),
            (".5", 500),
            ("0.1000000000000000000000000000000000000", 100),
            ("1000000000000", LIMIT),
        ] {
            assert_eq!(thousandths(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_would_have_to_be_rounded_or_wrapped_is_refused() {
        for text in ["0.0001", "1e-4", "1.00000000000000000000000000001", "1e-99999999999999999999"] {
            assert_eq!(thousandths(text), Err(DecimalError::TooPrecise(3)), "{text}");
        }
        for text in ["1000000000000.001", "1e13", "99999999999999999999999999", "1e400", "-1e18"] {
            assert_eq!(thousandths(text), Err(DecimalError::TooLarge(1_000_000_000_000)), "{text}");
        }
        for text in [
            "", "-", ".", "NaN", "nan", "Infinity", "-inf", "1,5", "1.2.3", "+1", "0x10", " 1", "1 ", "e3", "1e",
            "--1", "一",
        ] {
            assert_eq!(thousandths(text), Err(DecimalError::Syntax), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_displayed_is_read_back(value in -LIMIT..=LIMIT) {
            let quantity = Quantity::from_thousandths(value);
            prop_assert_eq!(Quantity::parse(&quantity.to_string()), Ok(quantity));
            let money = Money::from_micros(value);
            prop_assert_eq!(Money::parse(&money.to_string()), Ok(money));
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.eE]{0,40}") {
            let _ = thousandths(&text);
        }

        #[test]
        fn an_exponent_only_moves_the_point(value in -1_000_000_i64..1_000_000, shift in 0_u32..6) {
            let moved = format!("{}e-{shift}", value * 10_i64.pow(shift));
            prop_assert_eq!(thousandths(&moved), thousandths(&value.to_string()));
        }
    }
}
