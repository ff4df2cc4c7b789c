//! What a captured column means: the readers a mapping calls, whatever form the connector gave the value.
//!
//! Every reader takes the column and how its mapping says it is to be read, and gives `None` where the
//! source has nothing: null, a blank text for a number or a time, a zero date. It never guesses: what
//! could be two things is an error that says which setting tells them apart. A value that was not sent
//! ([`Value::Unavailable`]) is an error here; the caller looks for what it remembers first.

use std::borrow::Cow;

use schemas::error::quoted;
use schemas::{Day, DecodeError, Money, Quantity, TimeError, Timestamp, WallTime, Zone};

use super::decimal::Decimal;
use super::row::{Column, Kind, Value};

/// How a mapping reads a column, where the record itself does not say.
#[derive(Clone, Debug)]
pub struct Reading {
    /// A text is base64 of an unscaled number with so many decimals (`decimal.handling.mode=precise`).
    pub scale: Option<i32>,
    /// Round to what the field can hold. Binary floating-point numbers of a record with a schema always are.
    pub round: bool,
    pub time: TimeUnit,
    /// Of datetimes without a zone, numeric ones too: Debezium writes them as a clock in UTC would show them.
    pub zone: Zone,
}

impl Default for Reading {
    fn default() -> Self {
        Self { scale: None, round: false, time: TimeUnit::Auto, zone: Zone::UTC }
    }
}

/// What a number means as a time, where no schema says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeUnit {
    /// By its size: the years 2000 to 2100 are different numbers in each unit. A text is a text.
    #[default]
    Auto,
    Days,
    Seconds,
    Millis,
    Micros,
    Nanos,
    /// A text. A number is an error.
    Iso,
}

/// A text: decimals that came as bytes as decimals, numbers and booleans as they stand in the record,
/// anything else as its JSON. An empty text is a text.
pub fn text<'c>(column: &'c Column<'_>, reading: &Reading) -> Result<Option<Cow<'c, str>>, DecodeError> {
    Ok(Some(match &column.value {
        Value::Null => return Ok(None),
        Value::Unavailable => return Err(unavailable(column)),
        Value::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Value::Text(text) => match base64_scale(column, reading) {
            Some(_) if text.is_empty() => return Ok(None),
            Some(scale) => from_base64(column, text, scale)?.into(),
            None => Cow::Borrowed(text),
        },
        Value::Number(text) | Value::Json(text) => Cow::Borrowed(text),
        Value::ScaledDecimal { scale, unscaled } => from_base64(column, unscaled, *scale)?.into(),
    }))
}

/// A decimal, exactly as it came: numbers, texts with a number, bytes with their scale, booleans as 1 and 0.
/// Compute with it first, then round as [`rounds`] says.
pub fn decimal(column: &Column<'_>, reading: &Reading) -> Result<Option<Decimal>, DecodeError> {
    match &column.value {
        Value::Null => Ok(None),
        Value::Unavailable => Err(unavailable(column)),
        Value::Bool(value) => Ok(Some(Decimal::from_integer(i64::from(*value)))),
        Value::Number(digits) => plain_decimal(column, digits).map(Some),
        Value::ScaledDecimal { scale, unscaled } => from_base64(column, unscaled, *scale).map(Some),
        Value::Text(text) if text.trim().is_empty() => Ok(None),
        Value::Text(text) => match base64_scale(column, reading) {
            Some(scale) => from_base64(column, text, scale).map(Some),
            None => plain_decimal(column, text.trim()).map(Some),
        },
        Value::Json(json) => Err(wrong_type(column, json, "a number")),
    }
}

/// Whether a figure of this column is rounded to what its field can hold.
pub fn rounds(column: &Column<'_>, reading: &Reading) -> bool {
    reading.round || column.kind == Some(Kind::Float)
}

/// A quantity; class `invalid_quantity` where it is too large or, without rounding, too precise.
pub fn quantity(column: &Column<'_>, reading: &Reading) -> Result<Option<Quantity>, DecodeError> {
    let Some(value) = decimal(column, reading)? else { return Ok(None) };
    let read = value.quantity(rounds(column, reading));
    read.map(Some).map_err(|error| out_of_field(DecodeError::INVALID_QUANTITY, column, value, error))
}

/// An amount of money; class `invalid_money`.
pub fn money(column: &Column<'_>, reading: &Reading) -> Result<Option<Money>, DecodeError> {
    let Some(value) = decimal(column, reading)? else { return Ok(None) };
    let read = value.money(rounds(column, reading));
    read.map(Some).map_err(|error| out_of_field(DecodeError::INVALID_MONEY, column, value, error))
}

/// A whole number; class `invalid_number`.
pub fn integer(column: &Column<'_>, reading: &Reading) -> Result<Option<i64>, DecodeError> {
    let Some(value) = decimal(column, reading)? else { return Ok(None) };
    let read = value.integer(rounds(column, reading));
    read.map(Some).map_err(|error| out_of_field(DecodeError::INVALID_NUMBER, column, value, error))
}

/// True or false: a boolean, 1 and 0, or the usual words.
pub fn boolean(column: &Column<'_>, _reading: &Reading) -> Result<Option<bool>, DecodeError> {
    const YES: [&str; 6] = ["true", "t", "yes", "y", "on", "1"];
    const NO: [&str; 6] = ["false", "f", "no", "n", "off", "0"];
    let word = match &column.value {
        Value::Null => return Ok(None),
        Value::Unavailable => return Err(unavailable(column)),
        Value::Bool(value) => return Ok(Some(*value)),
        Value::Number(text) | Value::Text(text) | Value::Json(text) => text.trim(),
        Value::ScaledDecimal { unscaled, .. } => unscaled.trim(),
    };
    let is = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    match word {
        "" => Ok(None),
        _ if is(&YES) => Ok(Some(true)),
        _ if is(&NO) => Ok(Some(false)),
        _ => Err(wrong_type(column, word, "true or false, 1 or 0, yes or no")),
    }
}

/// An instant. A date is its first instant in the reading's zone.
pub fn instant(column: &Column<'_>, reading: &Reading) -> Result<Option<Timestamp>, DecodeError> {
    let invalid = |error| invalid_time(column, error);
    match moment(column, reading)? {
        None => Ok(None),
        Some(Moment::Instant(at)) => Ok(Some(at)),
        Some(Moment::Day(day)) if WallTime::from(day).in_zone(&Zone::UTC).is_ok() => {
            Ok(Some(reading.zone.start_of(day)))
        }
        Some(Moment::Day(_)) => Err(invalid(TimeError::OutOfRange)),
        Some(Moment::Wall(wall)) => wall.in_zone(&reading.zone).map(Some).map_err(invalid),
    }
}

/// A date. Of an instant: the day it falls into in the reading's zone.
pub fn day(column: &Column<'_>, reading: &Reading) -> Result<Option<Day>, DecodeError> {
    let day = match moment(column, reading)? {
        None => return Ok(None),
        Some(Moment::Instant(at)) => reading.zone.day_of(at),
        Some(Moment::Day(day)) => day,
        Some(Moment::Wall(wall)) => wall.day(),
    };
    let plausible = WallTime::from(day).in_zone(&Zone::UTC);
    plausible.map(|_| Some(day)).map_err(|error| invalid_time(column, error))
}

/// A time before it is known what it is wanted for.
enum Moment {
    Instant(Timestamp),
    Day(Day),
    Wall(WallTime),
}

fn moment(column: &Column<'_>, reading: &Reading) -> Result<Option<Moment>, DecodeError> {
    let by_kind = match column.kind {
        Some(Kind::Days) => Some(TimeUnit::Days),
        Some(Kind::LocalMillis) => Some(TimeUnit::Millis),
        Some(Kind::LocalMicros) => Some(TimeUnit::Micros),
        Some(Kind::LocalNanos) => Some(TimeUnit::Nanos),
        Some(Kind::Zoned | Kind::IsoLocal) => Some(TimeUnit::Iso),
        _ => None,
    };
    match &column.value {
        Value::Null => Ok(None),
        Value::Unavailable => Err(unavailable(column)),
        Value::Number(digits) => numeric(column, digits, by_kind.unwrap_or(reading.time)),
        Value::Text(text) => textual(column, text.trim(), by_kind.unwrap_or(reading.time)),
        other => Err(wrong_type(column, &shown(other), "a time")),
    }
}

/// Debezium writes the zero date of a column that must not be null as 1970-01-01: no time either.
fn numeric(column: &Column<'_>, digits: &str, unit: TimeUnit) -> Result<Option<Moment>, DecodeError> {
    let number: i64 = digits.parse().map_err(|_| wrong_type(column, digits, "a whole number of a time unit"))?;
    let unit = match unit {
        _ if number == 0 => return Ok(None),
        TimeUnit::Auto => by_size(number).ok_or_else(|| which_unit(column, digits))?,
        TimeUnit::Iso => return Err(wrong_type(column, digits, "a text with a time")),
        given => given,
    };
    let wall = WallTime::from_millis(match unit {
        TimeUnit::Days => {
            let days = i32::try_from(number).map_err(|_| invalid_time(column, TimeError::OutOfRange))?;
            return Ok(Some(Moment::Day(Day(days))));
        }
        TimeUnit::Seconds => number.saturating_mul(1000),
        TimeUnit::Micros => number.div_euclid(1000),
        TimeUnit::Nanos => number.div_euclid(1_000_000),
        TimeUnit::Millis | TimeUnit::Auto | TimeUnit::Iso => number,
    });
    Ok(Some(Moment::Wall(wall)))
}

/// The unit in which a number is within the years 2000 to 2100.
fn by_size(number: i64) -> Option<TimeUnit> {
    const DAY_S: i64 = 86_400;
    let within = |per_day: i64| (10_957 * per_day..47_482 * per_day).contains(&number);
    let units = [
        (TimeUnit::Days, 1),
        (TimeUnit::Seconds, DAY_S),
        (TimeUnit::Millis, DAY_S * 1000),
        (TimeUnit::Micros, DAY_S * 1_000_000),
        (TimeUnit::Nanos, DAY_S * 1_000_000_000),
    ];
    units.into_iter().find(|(_, per_day)| within(*per_day)).map(|(unit, _)| unit)
}

fn textual(column: &Column<'_>, text: &str, unit: TimeUnit) -> Result<Option<Moment>, DecodeError> {
    if text.is_empty() || text.starts_with("0000-00-00") {
        return Ok(None);
    }
    if text.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) {
        return numeric(column, text, unit);
    }
    // The zone in a text of a zoneless column is the connector's, not the column's.
    let local = column.kind == Some(Kind::IsoLocal);
    let text = if local { text.strip_suffix('Z').unwrap_or(text) } else { text };
    if let Ok(day) = Day::parse(text) {
        return Ok(Some(Moment::Day(day)));
    }
    // Most texts end so: whether they are a clock without a zone need not be asked then.
    let zoned = if !local && text.ends_with('Z') { Timestamp::parse(text).ok() } else { None };
    let read = match zoned.map_or_else(|| WallTime::parse(text).map(Moment::Wall), |at| Ok(Moment::Instant(at))) {
        Ok(Moment::Wall(wall)) if wall.millis() == 0 => return Ok(None),
        Err(TimeError::NotAWallTime) if !local => Timestamp::parse(text).map(Moment::Instant),
        read => read,
    };
    match read {
        Ok(Moment::Instant(at)) if at.millis() == 0 => Ok(None),
        other => other.map(Some).map_err(|error| invalid_time(column, error)),
    }
}

/// The scale of a text that is bytes.
fn base64_scale(column: &Column<'_>, reading: &Reading) -> Option<i32> {
    match column.kind {
        Some(Kind::Decimal { scale }) => Some(scale),
        _ => reading.scale,
    }
}

fn from_base64(column: &Column<'_>, text: &str, scale: i32) -> Result<Decimal, DecodeError> {
    Decimal::from_base64(text, scale).map_err(|error| {
        let what = "expected base64 of an unscaled decimal";
        invalid(DecodeError::INVALID_NUMBER, column, text, format_args!("{error}; {what} with scale {scale}"))
    })
}

fn plain_decimal(column: &Column<'_>, text: &str) -> Result<Decimal, DecodeError> {
    Decimal::parse(text).map_err(|error| {
        let hint = "; bytes of a decimal need `scale` where records carry no schema, or `decimal.handling.mode=string`";
        let hint = if matches!(column.value, Value::Text(_)) { hint } else { "" };
        invalid(DecodeError::INVALID_NUMBER, column, text, format_args!("{error}{hint}"))
    })
}

#[cold]
fn invalid(class: &'static str, column: &Column<'_>, value: &str, reason: std::fmt::Arguments<'_>) -> DecodeError {
    DecodeError::new(class, format!("`{}` is {}: {reason}", column.name, quoted(value)))
}

#[cold]
fn out_of_field(class: &'static str, column: &Column<'_>, value: Decimal, error: schemas::DecimalError) -> DecodeError {
    let hint = match error {
        schemas::DecimalError::TooPrecise(_) => "; `round: true` rounds it",
        _ => "",
    };
    invalid(class, column, &value.to_string(), format_args!("{error}{hint}"))
}

#[cold]
fn wrong_type(column: &Column<'_>, value: &str, expected: &str) -> DecodeError {
    invalid(DecodeError::MALFORMED, column, value, format_args!("expected {expected}"))
}

#[cold]
fn invalid_time(column: &Column<'_>, error: TimeError) -> DecodeError {
    invalid(DecodeError::INVALID_TIME, column, &shown(&column.value), format_args!("{error}"))
}

#[cold]
fn which_unit(column: &Column<'_>, digits: &str) -> DecodeError {
    let units = "`time: days`, `seconds`, `millis`, `micros` or `nanos`";
    let reason = format_args!("in no unit a time of the years 2000 to 2100; say which it is with {units}");
    invalid(DecodeError::INVALID_TIME, column, digits, reason)
}

#[cold]
fn unavailable(column: &Column<'_>) -> DecodeError {
    let what = "was not sent, being large and unchanged, and is not remembered; `REPLICA IDENTITY FULL` sends it";
    DecodeError::new(DecodeError::MISSING_FIELD, format!("`{}` {what}", column.name))
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Unavailable => "unavailable".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(text) | Value::Text(text) | Value::Json(text) => text.clone().into_owned(),
        Value::ScaledDecimal { unscaled, .. } => unscaled.clone().into_owned(),
    }
}

#[cfg(test)]
mod tests;
