//! A record flattened by `ExtractNewRecordState`: the row, with what the transform added to it as fields
//! (`add.fields`) or headers (`add.headers`), all under the prefix `__`.

use std::borrow::Cow;

use schemas::DecodeError;
use schemas::error::quoted;

use super::headers;
use super::source::Block;
use crate::wms::row::{Column, Columns, Value};

/// What the transform added.
#[derive(Debug, Default)]
pub(super) struct Added<'a> {
    pub(super) op: Option<Cow<'a, str>>,
    /// `rewrite` of deletes: the row is the one that is gone.
    pub(super) deleted: bool,
    pub(super) block: Block<'a>,
}

/// The prefix of what a transform adds.
const PREFIX: &str = "__";

impl<'a> Added<'a> {
    /// Takes the added fields out of a row.
    pub(super) fn split(columns: &mut Columns<'a>) -> Result<Self, DecodeError> {
        let mut added = Self::default();
        let mut wrong = None;
        columns.0.retain_mut(|column| {
            if !column.name.starts_with(PREFIX) || !added.knows(&column.name[PREFIX.len()..]) {
                return true;
            }
            let name = std::mem::take(&mut column.name);
            match scalar(&name, std::mem::replace(&mut column.value, Value::Null)) {
                Ok(value) => added.put(&name[PREFIX.len()..], value),
                Err(error) => wrong = Some(error),
            }
            false
        });
        wrong.map_or(Ok(added), Err)
    }

    /// Adds what only the headers say.
    pub(super) fn and_headers(mut self, list: &'a [(String, Vec<u8>)]) -> Result<Self, DecodeError> {
        for (header, value) in list {
            if let Some(name) = header.strip_prefix(PREFIX).filter(|name| self.knows(name)) {
                self.put(name, headers::scalar(header, value)?);
            }
        }
        Ok(self)
    }

    fn knows(&mut self, name: &str) -> bool {
        matches!(name, "op" | "deleted" | "ts_ms" | "ts_us" | "ts_ns") || self.fact(name).is_some()
    }

    /// The first that says something wins.
    fn put(&mut self, name: &str, value: Option<Cow<'a, str>>) {
        match name {
            "op" => fill(&mut self.op, value),
            "deleted" => self.deleted |= value.as_deref() == Some("true"),
            // When the connector read the change: not the source's clock.
            "ts_ms" | "ts_us" | "ts_ns" => {}
            _ => {
                if let Some(slot) = self.fact(name) {
                    fill(slot, value);
                }
            }
        }
    }

    /// `lsn`, `source_lsn` and `source.lsn` are one fact. Any other fact of the source is known and not kept.
    fn fact(&mut self, name: &str) -> Option<&mut Option<Cow<'a, str>>> {
        let name = name.strip_prefix("source").and_then(|rest| rest.strip_prefix(['_', '.'])).unwrap_or(name);
        self.block.slot(name)
    }
}

fn fill<'a>(slot: &mut Option<Cow<'a, str>>, value: Option<Cow<'a, str>>) {
    if slot.is_none() {
        *slot = value;
    }
}

fn scalar<'a>(name: &str, value: Value<'a>) -> Result<Option<Cow<'a, str>>, DecodeError> {
    match value {
        Value::Null | Value::Unavailable => Ok(None),
        Value::Bool(true) => Ok(Some(Cow::Borrowed("true"))),
        Value::Bool(false) => Ok(Some(Cow::Borrowed("false"))),
        Value::Number(text) | Value::Text(text) => Ok(Some(text)),
        Value::Json(json) | Value::ScaledDecimal { unscaled: json, .. } => {
            let reason = format!("`{name}` is {}; expected a text or a number", quoted(&json));
            Err(DecodeError::new(DecodeError::MALFORMED, reason))
        }
    }
}

/// A record of the topic on which a connector announces transactions: its fields, and no others.
pub(super) fn is_transaction(columns: &Columns<'_>) -> bool {
    let known = |column: &Column<'_>| {
        matches!(&*column.name, "status" | "id" | "event_count" | "data_collections" | "ts_ms" | "ts_us" | "ts_ns")
    };
    let boundary = |status: &Column<'_>| matches!(&status.value, Value::Text(text) if text == "BEGIN" || text == "END");
    columns.get("status").is_some_and(boundary)
        && columns.get("id").is_some()
        && columns.get("event_count").is_some()
        && columns.0.iter().all(known)
}
