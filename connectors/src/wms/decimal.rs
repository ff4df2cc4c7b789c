//! Decimals of a captured system: exact, of up to 38 digits, so that conversions and differences are
//! computed before anything is rounded. Never through a binary floating-point number.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemas::{DecimalError, Money, Quantity};

/// `unscaled / 10^scale`, without trailing zeros behind the point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Decimal {
    unscaled: i128,
    scale: u32,
}

/// Digits an `i128` always holds.
const MOST_DIGITS: u32 = 38;

impl Decimal {
    pub const ZERO: Self = Self { unscaled: 0, scale: 0 };

    /// Reads `12.50`, `-3`, `1e3`, `1.5E-7`, `.5`: an optional minus, digits with an optional point, an
    /// optional exponent.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let (negative, body) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (digits, exponent) = match body.find(['e', 'E']) {
            Some(at) => (&body[..at], exponent(&body[at + 1..])?),
            None => (body, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(DecimalError::Syntax);
        }
        let fraction_kept = fraction.trim_end_matches('0');
        let mut unscaled = 0_i128;
        for byte in whole.bytes().chain(fraction_kept.bytes()) {
            if !byte.is_ascii_digit() {
                return Err(DecimalError::Syntax);
            }
            unscaled = unscaled
                .checked_mul(10)
                .and_then(|n| n.checked_add(i128::from(byte - b'0')))
                .ok_or(DecimalError::TooLong)?;
        }
        let scale = (fraction_kept.len() as i64).saturating_sub(exponent);
        Self::of(if negative { -unscaled } else { unscaled }, scale)
    }

    /// Base64 of an unscaled two's complement, big endian: how Debezium and Kafka Connect write a
    /// decimal as bytes.
    pub fn from_base64(text: &str, scale: i32) -> Result<Self, DecimalError> {
        let mut room = [0_u8; 64];
        let length = STANDARD.decode_slice(text, &mut room).map_err(|error| match error {
            base64::DecodeSliceError::DecodeError(_) => DecimalError::Syntax,
            base64::DecodeSliceError::OutputSliceTooSmall => DecimalError::TooLong,
        })?;
        let bytes = room.get(..length).filter(|bytes| !bytes.is_empty()).ok_or(DecimalError::Syntax)?;
        Self::of(twos_complement(bytes)?, i64::from(scale))
    }

    /// A whole number.
    #[must_use]
    pub const fn from_integer(value: i64) -> Self {
        Self { unscaled: value as i128, scale: 0 }
    }

    fn of(mut unscaled: i128, mut scale: i64) -> Result<Self, DecimalError> {
        if unscaled == 0 {
            return Ok(Self::ZERO);
        }
        if scale > 0 {
            while scale > 0 && last_digit_is_zero(unscaled) {
                unscaled /= 10;
                scale -= 1;
            }
        } else {
            let shift = u32::try_from(-scale).ok().filter(|n| *n <= MOST_DIGITS).ok_or(DecimalError::TooLong)?;
            unscaled = unscaled.checked_mul(10_i128.pow(shift)).ok_or(DecimalError::TooLong)?;
            scale = 0;
        }
        let scale = u32::try_from(scale).ok().filter(|n| *n <= MOST_DIGITS).ok_or(DecimalError::TooLong)?;
        Ok(Self { unscaled, scale })
    }

    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.unscaled == 0
    }

    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.unscaled < 0
    }

    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.unscaled > 0
    }

    #[must_use]
    pub const fn abs(self) -> Self {
        Self { unscaled: self.unscaled.saturating_abs(), scale: self.scale }
    }

    #[must_use]
    pub const fn negated(self) -> Self {
        Self { unscaled: self.unscaled.saturating_neg(), scale: self.scale }
    }

    pub fn plus(self, other: Self) -> Result<Self, DecimalError> {
        let (a, b, scale) = self.aligned(other).ok_or(DecimalError::TooLong)?;
        Self::of(a.checked_add(b).ok_or(DecimalError::TooLong)?, i64::from(scale))
    }

    pub fn minus(self, other: Self) -> Result<Self, DecimalError> {
        self.plus(other.negated())
    }

    pub fn times(self, other: Self) -> Result<Self, DecimalError> {
        let product = self.unscaled.checked_mul(other.unscaled).ok_or(DecimalError::TooLong)?;
        Self::of(product, i64::from(self.scale + other.scale))
    }

    /// To `places` decimals; halves away from zero.
    #[must_use]
    pub fn rounded(self, places: u32) -> Self {
        if self.scale <= places {
            return self;
        }
        let unit = 10_i128.pow(self.scale - places);
        let (quotient, rest) = (self.unscaled / unit, self.unscaled % unit);
        let up = i128::from(rest.unsigned_abs() >= unit.unsigned_abs().div_ceil(2)) * self.unscaled.signum();
        // Rounding takes digits away: it cannot grow out of its room.
        Self::of(quotient + up, i64::from(places)).unwrap_or(Self::ZERO)
    }

    /// As a quantity: exactly, or rounded to its three decimals first.
    pub fn quantity(self, round: bool) -> Result<Quantity, DecimalError> {
        self.units(3, Quantity::LIMIT.thousandths(), round).map(Quantity::from_thousandths)
    }

    /// As an amount of money: exactly, or rounded to its six decimals first.
    pub fn money(self, round: bool) -> Result<Money, DecimalError> {
        self.units(6, Money::LIMIT.micros(), round).map(Money::from_micros)
    }

    /// As a whole number: exactly, or rounded first.
    pub fn integer(self, round: bool) -> Result<i64, DecimalError> {
        self.units(0, i64::MAX, round)
    }

    fn units(self, places: u32, limit: i64, round: bool) -> Result<i64, DecimalError> {
        let value = if round { self.rounded(places) } else { self };
        let missing = places.checked_sub(value.scale).ok_or(DecimalError::TooPrecise(places))?;
        let units = value.unscaled.checked_mul(10_i128.pow(missing)).and_then(|units| i64::try_from(units).ok());
        let too_large = DecimalError::TooLarge(limit / 10_i64.pow(places));
        units.filter(|units| units.unsigned_abs() <= limit.unsigned_abs()).ok_or(too_large)
    }

    fn aligned(self, other: Self) -> Option<(i128, i128, u32)> {
        let scale = self.scale.max(other.scale);
        let widen = |value: Self| value.unscaled.checked_mul(10_i128.pow(scale - value.scale));
        Some((widen(self)?, widen(other)?, scale))
    }
}

/// Most numbers fit into 64 bits, where a division is cheap.
fn last_digit_is_zero(value: i128) -> bool {
    i64::try_from(value).map_or_else(|_| value % 10 == 0, |small| small % 10 == 0)
}

fn twos_complement(bytes: &[u8]) -> Result<i128, DecimalError> {
    let negative = bytes.first().is_some_and(|first| *first & 0x80 != 0);
    let fill = if negative { 0xff } else { 0 };
    let (extra, low) = bytes.split_at(bytes.len().saturating_sub(16));
    let mut whole = [fill; 16];
    whole[16 - low.len()..].copy_from_slice(low);
    let value = i128::from_be_bytes(whole);
    let lossless = extra.iter().all(|byte| *byte == fill) && (value < 0) == negative && value != i128::MIN;
    if lossless { Ok(value) } else { Err(DecimalError::TooLong) }
}

/// Saturates far outside every scale in use.
fn exponent(text: &str) -> Result<i64, DecimalError> {
    let (sign, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] | rest => (1, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecimalError::Syntax);
    }
    Ok(sign * digits.iter().fold(0_i64, |n, d| (n * 10 + i64::from(d - b'0')).min(1_000_000)))
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match self.aligned(*other) {
            Some((a, b, _)) => a.cmp(&b),
            // The one with more digits before the point is too wide to be aligned, so the further from zero.
            None if self.scale < other.scale => self.unscaled.cmp(&0),
            None => 0.cmp(&other.unscaled),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// All its digits, without an exponent: `-0.125`, `1000`.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative() { "-" } else { "" };
        let magnitude = self.unscaled.unsigned_abs();
        if self.scale == 0 {
            return write!(f, "{sign}{magnitude}");
        }
        let unit = 10_u128.pow(self.scale);
        write!(f, "{sign}{}.{:0width$}", magnitude / unit, magnitude % unit, width = self.scale as usize)
    }
}

impl From<Decimal> for Cow<'_, str> {
    fn from(value: Decimal) -> Self {
        Cow::Owned(value.to_string())
    }
}

#[cfg(test)]
mod tests;
