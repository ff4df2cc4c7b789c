//! What an expression is worth for one row. Quantities, money and times are exact.

#![allow(clippy::redundant_closure_for_method_calls, reason = "the methods are not general enough in their lifetimes")]

use std::borrow::Cow;

use processor::operator::Rejection;
use schemas::{Day, DecodeError, Timestamp};

use super::UNMAPPED_VALUE;
use super::parked::Awaited;
use super::row_view::{Place, Row, Stop};
use super::state::{WmsRow, image_key, push_part};
use crate::wms::decimal::Decimal;
use crate::wms::mapping::{Condition, Expr, Factor, From, Lookup, Modifiers, Scalar, Test};
use crate::wms::row::{Column, Kind, Value};
use crate::wms::value;

/// A number, and whether it may be rounded to what its field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number {
    pub value: Decimal,
    pub round: bool,
}

impl Row<'_> {
    /// A text; one that is empty is none.
    pub(super) fn text(&self, expr: &Expr) -> Result<Option<String>, Stop> {
        let of = &expr.modifiers;
        let text = match &expr.from {
            From::Constant(text) => Some(text.clone()),
            From::Column(ix) => self.column(*ix, of.default.is_some(), |column| {
                let Some(column) = column else { return Ok(None) };
                let text = value::text(column, &of.reading).map_err(|error| self.unreadable(&error))?;
                Ok(text.map(Cow::into_owned))
            })?,
            From::Lookup(lookup) => self.through(lookup, |row, expr| row.text(expr))?,
            From::FirstOf(parts) => first(parts, |part| self.text(part))?,
            From::Join { parts, with } => self.joined(parts, with)?,
            From::Split { of, .. } => self.text(of)?,
            From::Sum(_) => self.number(expr)?.map(|number| number.value.to_string()),
        };
        let text = if of.trim { text.map(|text| text.trim().to_owned()) } else { text };
        let text = match (text, &of.map) {
            (Some(code), Some(map)) => self.meaning(&code, map, of.default.is_some())?,
            (text, _) => text,
        };
        Ok(text.filter(|text| !text.is_empty()).or_else(|| of.default.clone().filter(|text| !text.is_empty())))
    }

    fn joined(&self, parts: &[Expr], with: &str) -> Result<Option<String>, Stop> {
        let mut joined: Option<String> = None;
        for part in parts {
            let Some(text) = self.text(part)? else { continue };
            match &mut joined {
                None => joined = Some(text),
                Some(joined) => {
                    joined.push_str(with);
                    joined.push_str(&text);
                }
            }
        }
        Ok(joined)
    }

    /// `None` where the map does not name the code and a default stands in.
    fn meaning(&self, code: &str, map: &[(String, String)], lenient: bool) -> Result<Option<String>, Stop> {
        if let Some((_, meaning)) = map.iter().find(|(known, _)| known == code) {
            return Ok(Some(meaning.clone()));
        }
        if lenient || code.is_empty() {
            return Ok(None);
        }
        let codes: Vec<&str> = map.iter().map(|(code, _)| code.as_str()).collect();
        let message = format!(
            "table {}: `map` does not name {}; it names {}: add it, or a `default`",
            self.table.name,
            schemas::error::quoted(code),
            codes.join(", ")
        );
        Err(Stop::reject(UNMAPPED_VALUE, message))
    }

    pub(super) fn tags(&self, expr: &Expr) -> Result<Vec<String>, Stop> {
        let Some(text) = self.text(expr)? else { return Ok(Vec::new()) };
        // An array column comes as JSON.
        let array = text.starts_with('[').then(|| serde_json::from_str::<Vec<Option<String>>>(&text).ok()).flatten();
        let parts: Vec<String> = match (array, &expr.from) {
            (Some(parts), _) => parts.into_iter().flatten().collect(),
            (None, From::Split { at, .. }) => text.split(at.as_str()).map(|part| part.trim().to_owned()).collect(),
            (None, _) => vec![text],
        };
        Ok(parts.into_iter().filter(|part| !part.is_empty()).collect())
    }

    pub(super) fn number(&self, expr: &Expr) -> Result<Option<Number>, Stop> {
        let of = &expr.modifiers;
        let read = match &expr.from {
            _ if of.map.is_some() => self.text(expr)?.map(|text| self.constant(&text)).transpose()?,
            From::Constant(text) => Some(self.constant(text)?),
            From::Column(ix) => self.column(*ix, of.default.is_some(), |column| {
                let Some(column) = column else { return Ok(None) };
                let decimal = value::decimal(column, &of.reading).map_err(|error| self.unreadable(&error))?;
                Ok(decimal.map(|value| Number { value, round: value::rounds(column, &of.reading) }))
            })?,
            From::Lookup(lookup) => self.through(lookup, |row, expr| row.number(expr))?,
            From::FirstOf(parts) => first(parts, |part| self.number(part))?,
            From::Sum(parts) => self.sum(parts)?,
            From::Join { .. } | From::Split { .. } => self.text(expr)?.map(|text| self.constant(&text)).transpose()?,
        };
        match read {
            Some(number) => self.modified(number, of).map(Some),
            None => of.default.as_deref().map(|text| self.constant(text)).transpose(),
        }
    }

    /// The sum of what is there; `None` where nothing is.
    fn sum(&self, parts: &[Expr]) -> Result<Option<Number>, Stop> {
        let mut sum: Option<Number> = None;
        for part in parts {
            let Some(number) = self.number(part)? else { continue };
            sum = Some(match sum {
                None => number,
                Some(sum) => {
                    let value = sum.value.plus(number.value).map_err(|error| self.incomputable(&error))?;
                    Number { value, round: sum.round || number.round }
                }
            });
        }
        Ok(sum)
    }

    /// `absolute`, `negate`, `times` and `round`, in this order.
    pub(super) fn modified(&self, mut number: Number, of: &Modifiers) -> Result<Number, Stop> {
        if of.absolute {
            number.value = number.value.abs();
        }
        if of.negate {
            number.value = number.value.negated();
        }
        number.round |= of.reading.round;
        let factor = match &of.times {
            None => return Ok(number),
            Some(Factor::Constant(factor)) => *factor,
            Some(Factor::Of(expr)) => self.number(expr)?.ok_or_else(|| self.no_factor())?.value,
        };
        number.value = number.value.times(factor).map_err(|error| self.incomputable(&error))?;
        Ok(number)
    }

    fn constant(&self, text: &str) -> Result<Number, Stop> {
        let value = Decimal::parse(text).map_err(|error| self.incomputable(&error))?;
        Ok(Number { value, round: false })
    }

    pub(super) fn time(&self, expr: &Expr) -> Result<Option<Timestamp>, Stop> {
        let of = &expr.modifiers;
        let parse = |text: &str| Timestamp::parse(text).map_err(|error| self.incomputable(&error));
        let read = match &expr.from {
            From::Constant(text) => Some(parse(text)?),
            From::Column(ix) => self.column(*ix, of.default.is_some(), |column| {
                let Some(column) = column else { return Ok(None) };
                value::instant(column, &of.reading).map_err(|error| self.unreadable(&error))
            })?,
            From::Lookup(lookup) => self.through(lookup, |row, expr| row.time(expr))?,
            From::FirstOf(parts) => first(parts, |part| self.time(part))?,
            From::Join { .. } | From::Split { .. } | From::Sum(_) => None,
        };
        match read {
            Some(at) => Ok(Some(at)),
            None => of.default.as_deref().map(parse).transpose(),
        }
    }

    pub(super) fn day(&self, expr: &Expr) -> Result<Option<Day>, Stop> {
        let of = &expr.modifiers;
        let parse = |text: &str| Day::parse(text).map_err(|error| self.incomputable(&error));
        let read = match &expr.from {
            From::Constant(text) => Some(parse(text)?),
            From::Column(ix) => self.column(*ix, of.default.is_some(), |column| {
                let Some(column) = column else { return Ok(None) };
                value::day(column, &of.reading).map_err(|error| self.unreadable(&error))
            })?,
            From::Lookup(lookup) => self.through(lookup, |row, expr| row.day(expr))?,
            From::FirstOf(parts) => first(parts, |part| self.day(part))?,
            From::Join { .. } | From::Split { .. } | From::Sum(_) => None,
        };
        match read {
            Some(day) => Ok(Some(day)),
            None => of.default.as_deref().map(parse).transpose(),
        }
    }

    /// Reads on the row that a lookup finds. A null among what it is sought by finds none, as in SQL.
    fn through<T>(
        &self,
        lookup: &Lookup,
        read: impl FnOnce(&Row<'_>, &Expr) -> Result<Option<T>, Stop>,
    ) -> Result<Option<T>, Stop> {
        let table = &self.mapping.tables[lookup.table];
        let mut name = image_key(&table.name, "");
        let prefix = name.len();
        for (i, by) in lookup.by.iter().enumerate() {
            let Some(part) = self.text(by)? else { return Ok(None) };
            push_part(&mut name, i == 0, &part);
        }
        let key = &name[prefix..];
        let found = self.states.find(name.as_bytes()).and_then(|id| self.states.get(id));
        let Some(WmsRow::Image(image)) = found else {
            return Err(Stop::Wait(Awaited { table: table.name.clone(), key: key.to_owned(), column: None }));
        };
        read(&self.at(table, Place::Image { image, key }), &lookup.column)
    }

    /// Whether all conditions hold.
    pub(super) fn holds(&self, conditions: &[Condition]) -> Result<bool, Stop> {
        for condition in conditions {
            if !self.passes(&condition.of, &condition.test)?.unwrap_or_else(|| of_null(&condition.test)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// `None`: there is no value to test.
    fn passes(&self, of: &Expr, test: &Test) -> Result<Option<bool>, Stop> {
        match &of.from {
            From::Column(ix) => self.column(*ix, false, |column| {
                let Some(column) = column.filter(|column| column.value != Value::Null) else { return Ok(None) };
                self.tested(column, of, test).map(Some)
            }),
            From::Lookup(lookup) => self.through(lookup, |row, expr| row.passes(expr, test)),
            _ => Ok(None),
        }
    }

    fn tested(&self, column: &Column<'_>, of: &Expr, test: &Test) -> Result<bool, Stop> {
        let number = || value::decimal(column, &of.modifiers.reading).map_err(|error| self.unreadable(&error));
        Ok(match test {
            Test::IsNull(wanted) => !wanted,
            Test::Not(test) => !self.tested(column, of, test)?,
            Test::Above(bound) => number()?.is_some_and(|number| number > *bound),
            Test::Below(bound) => number()?.is_some_and(|number| number < *bound),
            Test::All(tests) => {
                for test in tests {
                    if !self.tested(column, of, test)? {
                        return Ok(false);
                    }
                }
                true
            }
            Test::AnyOf(wanted) => {
                let text = value::text(column, &of.modifiers.reading).map_err(|error| self.unreadable(&error))?;
                let text = text.unwrap_or_default();
                is_any(&text, is_numeric(column, of), wanted)
            }
        })
    }

    #[cold]
    fn no_factor(&self) -> Stop {
        let message = format!("table {}: the factor of `times` is null; give it a `default`", self.table.name);
        Stop::reject(DecodeError::INVALID_NUMBER, message)
    }

    #[cold]
    fn unreadable(&self, error: &DecodeError) -> Stop {
        Stop::Reject(Rejection::new(error.class, format!("table {}, column {}", self.table.name, error.message)))
    }

    #[cold]
    fn incomputable(&self, error: &dyn std::fmt::Display) -> Stop {
        Stop::reject(DecodeError::INVALID_NUMBER, format!("table {}: {error}", self.table.name))
    }
}

fn first<T>(parts: &[Expr], read: impl Fn(&Expr) -> Result<Option<T>, Stop>) -> Result<Option<T>, Stop> {
    for part in parts {
        if let Some(value) = read(part)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// A null is none of the values and neither above nor below.
fn of_null(test: &Test) -> bool {
    match test {
        Test::IsNull(wanted) => *wanted,
        Test::Not(test) => !of_null(test),
        Test::All(tests) => tests.iter().all(of_null),
        Test::AnyOf(_) | Test::Above(_) | Test::Below(_) => false,
    }
}

fn is_numeric(column: &Column<'_>, of: &Expr) -> bool {
    let decimal = matches!(column.kind, Some(Kind::Decimal { .. })) || of.modifiers.reading.scale.is_some();
    decimal || matches!(column.value, Value::Number(_) | Value::ScaledDecimal { .. })
}

/// Texts as they are: `01` is not `1`. Numbers as numbers: `1.00` is `1`.
fn is_any(text: &str, numeric: bool, wanted: &[Scalar]) -> bool {
    if wanted.iter().any(|scalar| scalar.text == text) {
        return true;
    }
    let number = numeric.then(|| Decimal::parse(text).ok()).flatten();
    number.is_some() && wanted.iter().any(|scalar| scalar.number == number)
}
