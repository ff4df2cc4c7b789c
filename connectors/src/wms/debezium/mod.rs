//! Records of Debezium connectors, in every form Kafka Connect's `JsonConverter` gives them.
//!
//! ```text
//!  record ─▶ schema (known by its bytes) ─▶ envelope ─┐
//!                    │                                ├─▶ change of a row, or nothing about one
//!                    └────────────────────▶ flat row ─┘
//! ```
//! Understood: values and keys with and without their schema; envelopes and rows flattened by
//! `ExtractNewRecordState`; tombstones, heartbeats, boundaries of transactions, messages and changes of the
//! schema. Decoding builds no tree of values and copies no text that has no escapes in it. It never panics and
//! never guesses: what is no record of a connector is an error that says what to set.

mod envelope;
mod flat;
mod headers;
mod json;
mod key;
mod scan;
mod schema;
mod source;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use schemas::{DecodeError, Timestamp};

use self::envelope::{Envelope, Letter, Sort, missing};
use self::flat::Added;
use self::json::Part;
pub use self::schema::SchemaCache;
use self::schema::{Shape, Unwrapped};
use self::source::{Block, clock};
use super::row::{Change, Columns, Operation, RawRecord, Record, Source, Value};

/// What the deployment knows where a record does not say it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaults<'d> {
    /// `schema.table` or `database.table` of flat records that come without `__table`.
    pub table: Option<&'d str>,
}

/// Reads one record. The same bytes give the same answer, whatever the cache holds.
pub fn decode<'a>(
    raw: &RawRecord<'a>,
    schemas: &mut SchemaCache,
    defaults: &Defaults<'_>,
) -> Result<Record<'a>, DecodeError> {
    let Some(value) = raw.value else { return tombstone(raw, schemas, defaults) };
    let text = json::utf8(value, "the value")?.trim();
    let known = schemas.unwrap_known(text).map(body);
    let body = match known {
        Some(Ok(body)) => body,
        _ => body(schemas.unwrap(text, "the value")?)?,
    };
    match body {
        Body::Null => tombstone(raw, schemas, defaults),
        Body::Envelope(envelope) => of_envelope(*envelope, raw, schemas, defaults),
        Body::Flat(columns) => of_row(columns, raw, schemas, defaults),
    }
}

/// A value without its wrapper, read once.
enum Body<'a> {
    Null,
    Envelope(Box<Envelope<'a>>),
    Flat(Columns<'a>),
}

fn body<'a>(value: Unwrapped<'_, 'a>) -> Result<Body<'a>, DecodeError> {
    let Unwrapped { shape, payload } = value;
    if schema::first_name(payload).is_some_and(envelope::begins_one) {
        let envelope = Envelope::read(payload, shape)?;
        if !matches!(envelope.sort(), Sort::Flat) {
            return Ok(Body::Envelope(Box::new(envelope)));
        }
    }
    flat_body(payload, shape)
}

fn flat_body<'a>(payload: &'a str, shape: Option<&Shape>) -> Result<Body<'a>, DecodeError> {
    let fields = shape.map(|shape| &shape.fields);
    let columns = match json::part(payload, "the value", fields)? {
        Part::Null => return Ok(Body::Null),
        Part::Row(columns) if !columns.is_empty() => columns,
        _ => return Err(DecodeError::new(DecodeError::MALFORMED, NO_ROW)),
    };
    // A transform may have put a field before those of the envelope.
    let object =
        |name: &str| matches!(columns.get(name).map(|c| &c.value), Some(Value::Json(json)) if json.starts_with('{'));
    let text = |name: &str| matches!(columns.get(name).map(|c| &c.value), Some(Value::Text(_)));
    if text("op") && object("source") {
        return Envelope::read(payload, shape).map(|envelope| Body::Envelope(Box::new(envelope)));
    }
    Ok(Body::Flat(columns))
}

const NO_ROW: &str = "the value is no JSON object with fields; expected a record of a Debezium connector";

fn heartbeat<'a>(time: Option<Timestamp>) -> Record<'a> {
    time.map_or(Record::Nothing, Record::Heartbeat)
}

fn of_envelope<'a>(
    envelope: Envelope<'a>,
    raw: &RawRecord<'a>,
    schemas: &mut SchemaCache,
    defaults: &Defaults<'_>,
) -> Result<Record<'a>, DecodeError> {
    match envelope.sort() {
        Sort::SchemaChange => return Ok(Record::Nothing),
        Sort::Heartbeat => return envelope.time().map(heartbeat),
        Sort::Change | Sort::Flat => {}
    }
    let block = envelope.source.unwrap_or_default();
    let op = envelope.op.ok_or_else(|| missing("op", "the record does not say what happened to the row"))?;
    let operation = match envelope::letter(&op)? {
        Letter::Of(operation) => envelope::seen_in_snapshot(operation, block.snapshot()?),
        Letter::Message => return block.time().map(heartbeat),
    };
    let after = envelope::after(envelope.after, operation)?;
    let change = Captured { operation, before: envelope.before.row(), after, block };
    change.finish(raw, schemas, defaults).map(Record::Change)
}

fn of_row<'a>(
    mut columns: Columns<'a>,
    raw: &RawRecord<'a>,
    schemas: &mut SchemaCache,
    defaults: &Defaults<'_>,
) -> Result<Record<'a>, DecodeError> {
    if flat::is_transaction(&columns) {
        return boundary(&columns);
    }
    let added = Added::split(&mut columns)?.and_headers(raw.headers)?;
    let operation = match &added.op {
        _ if added.deleted => Operation::Delete,
        None => return Err(missing("__op", FLAT_FIELDS)),
        Some(op) => match envelope::letter(op)? {
            Letter::Of(operation) => envelope::seen_in_snapshot(operation, added.block.snapshot()?),
            Letter::Message => return added.block.time().map(heartbeat),
        },
    };
    let (before, after) = match operation {
        Operation::Delete => (Some(columns), None),
        Operation::Truncate => (None, None),
        _ => (None, Some(columns)),
    };
    Captured { operation, before, after, block: added.block }.finish(raw, schemas, defaults).map(Record::Change)
}

const FLAT_FIELDS: &str = "a flat record needs `add.fields=op,table,schema,lsn,txId,sequence,source.ts_ms,source.snapshot` (PostgreSQL) or \
     `op,table,db,file,pos,row,source.ts_ms,source.snapshot` (MySQL) of ExtractNewRecordState";

/// The boundary of a transaction carries the source's clock.
fn boundary<'a>(columns: &Columns<'a>) -> Result<Record<'a>, DecodeError> {
    match columns.get("ts_ms").map(|column| &column.value) {
        Some(Value::Number(digits)) => clock("ts_ms", digits, 1).map(heartbeat),
        _ => Ok(Record::Nothing),
    }
}

/// A tombstone follows a delete that was read already, unless a header says that it is the delete.
fn tombstone<'a>(
    raw: &RawRecord<'a>,
    schemas: &mut SchemaCache,
    defaults: &Defaults<'_>,
) -> Result<Record<'a>, DecodeError> {
    if !headers::has_any(raw) {
        return Ok(Record::Nothing);
    }
    let added = Added::default().and_headers(raw.headers)?;
    if added.op.as_deref() != Some("d") {
        return Ok(Record::Nothing);
    }
    let change = Captured { operation: Operation::Delete, before: None, after: None, block: added.block };
    change.finish(raw, schemas, defaults).map(Record::Change)
}

/// A change before its key and its table are known.
struct Captured<'a> {
    operation: Operation,
    before: Option<Columns<'a>>,
    after: Option<Columns<'a>>,
    block: Block<'a>,
}

impl<'a> Captured<'a> {
    fn finish(
        self,
        raw: &RawRecord<'a>,
        schemas: &mut SchemaCache,
        defaults: &Defaults<'_>,
    ) -> Result<Change<'a>, DecodeError> {
        let mut key = key::columns(raw.key.unwrap_or_default(), "the key", schemas)?;
        let routed = key::take_routed_table(&mut key);
        let table = self.block.qualified_table().map(Cow::Owned).or(routed);
        let table = table.or_else(|| defaults.table.map(|table| Cow::Owned(table.to_owned())));
        let table = table.ok_or_else(|| missing("table", NO_TABLE))?;
        let mut renamed = headers::renamed(raw, schemas)?;
        if let Some(super::row::Renamed::From(other) | super::row::Renamed::To(other)) = &mut renamed {
            key::take_routed_table(other);
        }
        let source: Source<'a> = self.block.source(self.operation == Operation::Snapshot)?;
        Ok(Change { operation: self.operation, table, key, before: self.before, after: self.after, renamed, source })
    }
}

const NO_TABLE: &str = "the record does not name its table; a flat one needs `add.fields=table,schema` (PostgreSQL) or \
                        `table,db` (MySQL) of ExtractNewRecordState";
