//! What is remembered of a row: the columns that lookups and deletes need, and its figures.
//!
//! Values are tagged by what they are called, not by where they stand: images outlive changes of the
//! mapping.

use std::borrow::Cow;

use schemas::Quantity;
use schemas::row::{RowError, RowReader, RowWriter};

use crate::wms::mapping::Tag;
use crate::wms::row::{Column, Kind, Value};

/// The remembered part of one row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    cells: Box<[Cell]>,
    figures: Box<[(Tag, Quantity)]>,
    /// The row is deleted, as the so-manieth: kept for a while for what still refers to it.
    pub(super) gone: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    pub tag: Tag,
    pub value: Value<'static>,
    pub kind: Option<Kind>,
}

impl Cell {
    pub(super) fn of(tag: Tag, column: &Column<'_>) -> Self {
        Self { tag, value: owned(&column.value), kind: column.kind }
    }

    /// The cell as a column of this name.
    pub(super) fn column<'c>(&'c self, name: &'c str) -> Column<'c> {
        Column { name: Cow::Borrowed(name), value: lent(&self.value), kind: self.kind }
    }
}

impl Image {
    pub(super) fn new(cells: Vec<Cell>, figures: Vec<(Tag, Quantity)>) -> Self {
        Self { cells: cells.into(), figures: figures.into(), gone: None }
    }

    pub(super) fn cell(&self, tag: Tag) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.tag == tag)
    }

    /// `None`: it was not a figure of the mapping when the row was seen last.
    pub(super) fn figure(&self, tag: Tag) -> Option<Quantity> {
        self.figures.iter().find(|(known, _)| *known == tag).map(|(_, figure)| *figure)
    }

    /// The same figures under other columns.
    pub(super) fn with_cells(&self, cells: Vec<Cell>) -> Self {
        Self { cells: cells.into(), figures: self.figures.clone(), gone: None }
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.option(self.gone, RowWriter::unsigned);
        w.unsigned(self.figures.len() as u64);
        for (tag, figure) in &self.figures {
            w.unsigned(u64::from(tag.0));
            w.quantity(*figure);
        }
        w.unsigned(self.cells.len() as u64);
        for cell in &self.cells {
            w.unsigned(u64::from(cell.tag.0));
            encode_kind(cell.kind, w);
            encode_value(&cell.value, w);
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let gone = r.option(RowReader::unsigned)?;
        let mut figures = Vec::new();
        for _ in 0..r.unsigned()? {
            figures.push((tag(r)?, r.quantity()?));
        }
        let mut cells = Vec::new();
        for _ in 0..r.unsigned()? {
            cells.push(Cell { tag: tag(r)?, kind: decode_kind(r)?, value: decode_value(r)? });
        }
        Ok(Self { gone, ..Self::new(cells, figures) })
    }
}

fn tag(r: &mut RowReader<'_>) -> Result<Tag, RowError> {
    u32::try_from(r.unsigned()?).map(Tag).map_err(|_| r.invalid("column"))
}

fn encode_kind(kind: Option<Kind>, w: &mut RowWriter<'_>) {
    w.u8(match kind {
        None => 0,
        Some(Kind::Plain) => 1,
        Some(Kind::Days) => 2,
        Some(Kind::LocalMillis) => 3,
        Some(Kind::LocalMicros) => 4,
        Some(Kind::LocalNanos) => 5,
        Some(Kind::Zoned) => 6,
        Some(Kind::IsoLocal) => 7,
        Some(Kind::Decimal { .. }) => 8,
        Some(Kind::Float) => 9,
    });
    if let Some(Kind::Decimal { scale }) = kind {
        w.signed(i64::from(scale));
    }
}

fn decode_kind(r: &mut RowReader<'_>) -> Result<Option<Kind>, RowError> {
    Ok(Some(match r.u8()? {
        0 => return Ok(None),
        1 => Kind::Plain,
        2 => Kind::Days,
        3 => Kind::LocalMillis,
        4 => Kind::LocalMicros,
        5 => Kind::LocalNanos,
        6 => Kind::Zoned,
        7 => Kind::IsoLocal,
        8 => Kind::Decimal { scale: scale(r)? },
        9 => Kind::Float,
        _ => return Err(r.invalid("kind of column")),
    }))
}

fn encode_value(value: &Value<'_>, w: &mut RowWriter<'_>) {
    match value {
        // An unavailable value is never remembered.
        Value::Null | Value::Unavailable => w.u8(0),
        Value::Bool(value) => w.u8(1 + u8::from(*value)),
        Value::Number(text) => tagged(3, text, w),
        Value::Text(text) => tagged(4, text, w),
        Value::Json(text) => tagged(5, text, w),
        Value::ScaledDecimal { scale, unscaled } => {
            tagged(6, unscaled, w);
            w.signed(i64::from(*scale));
        }
    }
}

fn tagged(kind: u8, text: &str, w: &mut RowWriter<'_>) {
    w.u8(kind);
    w.text(text);
}

fn decode_value(r: &mut RowReader<'_>) -> Result<Value<'static>, RowError> {
    let text = |r: &mut RowReader<'_>| r.text().map(|text| Cow::Owned(text.to_owned()));
    Ok(match r.u8()? {
        0 => Value::Null,
        1 => Value::Bool(false),
        2 => Value::Bool(true),
        3 => Value::Number(text(r)?),
        4 => Value::Text(text(r)?),
        5 => Value::Json(text(r)?),
        6 => {
            let unscaled = text(r)?;
            Value::ScaledDecimal { scale: scale(r)?, unscaled }
        }
        _ => return Err(r.invalid("value")),
    })
}

fn scale(r: &mut RowReader<'_>) -> Result<i32, RowError> {
    i32::try_from(r.signed()?).map_err(|_| r.invalid("scale"))
}

fn owned(value: &Value<'_>) -> Value<'static> {
    let text = |text: &Cow<'_, str>| Cow::Owned(text.clone().into_owned());
    match value {
        Value::Null => Value::Null,
        Value::Unavailable => Value::Unavailable,
        Value::Bool(value) => Value::Bool(*value),
        Value::Number(digits) => Value::Number(text(digits)),
        Value::Text(value) => Value::Text(text(value)),
        Value::Json(json) => Value::Json(text(json)),
        Value::ScaledDecimal { scale, unscaled } => Value::ScaledDecimal { scale: *scale, unscaled: text(unscaled) },
    }
}

fn lent<'c>(value: &'c Value<'_>) -> Value<'c> {
    match value {
        Value::Null => Value::Null,
        Value::Unavailable => Value::Unavailable,
        Value::Bool(value) => Value::Bool(*value),
        Value::Number(digits) => Value::Number(Cow::Borrowed(digits)),
        Value::Text(text) => Value::Text(Cow::Borrowed(text)),
        Value::Json(json) => Value::Json(Cow::Borrowed(json)),
        Value::ScaledDecimal { scale, unscaled } => {
            Value::ScaledDecimal { scale: *scale, unscaled: Cow::Borrowed(unscaled) }
        }
    }
}
