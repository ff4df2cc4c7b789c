//! A record as the connector writes it: both images of the row, its source and the operation.

use std::borrow::Cow;
use std::fmt;

use schemas::DecodeError;
use schemas::error::quoted;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};

use super::json::{self, Name, Part, RowSeed, scan_part};
use super::scan::Scanner;
use super::schema::Shape;
use super::source::{Block, BlockSeed, clock, scan_block};
use crate::wms::row::{Columns, Operation, Snapshot};

/// The fields of an envelope, and of the other records a connector writes beside them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Envelope<'a> {
    pub(super) before: Part<'a>,
    pub(super) after: Part<'a>,
    pub(super) source: Option<Block<'a>>,
    pub(super) op: Option<Cow<'a, str>>,
    ts_ms: Option<&'a str>,
    /// A change of the schema: it has a source and no operation.
    ddl: bool,
    /// Fields no envelope has.
    others: bool,
}

/// What an object turns out to be.
pub(super) enum Sort {
    Change,
    SchemaChange,
    /// Nothing but the time.
    Heartbeat,
    /// Not an envelope: a row of its own.
    Flat,
}

/// The first field of an envelope or of what is read like one.
pub(super) fn begins_one(name: &str) -> bool {
    matches!(
        name,
        "before" | "after" | "source" | "op" | "ts_ms" | "ts_us" | "ts_ns" | "transaction" | "message" | "databaseName"
    )
}

impl<'a> Envelope<'a> {
    pub(super) fn read(text: &'a str, shape: Option<&Shape>) -> Result<Self, DecodeError> {
        match Self::scan(text, shape) {
            Some(envelope) => Ok(envelope),
            None => Self::read_any(text, shape),
        }
    }

    /// What [`Envelope::read_any`] reads, as long as nothing is unusual.
    pub(super) fn scan(text: &'a str, shape: Option<&Shape>) -> Option<Self> {
        let (before, after) = (shape.and_then(|s| s.before.as_ref()), shape.and_then(|s| s.after.as_ref()));
        let mut envelope = Envelope::default();
        let mut seen = 0_u8;
        let mut json = Scanner::new(text);
        json.object(|json, name| {
            let bit = match name {
                "before" => {
                    envelope.before = scan_part(json, before)?;
                    1
                }
                "after" => {
                    envelope.after = scan_part(json, after)?;
                    2
                }
                "source" => {
                    scan_block(json, &mut envelope.source)?;
                    4
                }
                "op" => {
                    envelope.op = json::unquoted(json.raw()?).ok()?;
                    8
                }
                "ts_ms" => {
                    envelope.ts_ms = Some(json.raw()?).filter(|raw| *raw != "null");
                    16
                }
                other => {
                    envelope.note(other);
                    json.token()?;
                    0
                }
            };
            let twice = seen & bit != 0;
            seen |= bit;
            (!twice).then_some(())
        })?;
        json.end().map(|()| envelope)
    }

    pub(super) fn read_any(text: &'a str, shape: Option<&Shape>) -> Result<Self, DecodeError> {
        json::whole(text, "the value", EnvelopeSeed { shape })
    }

    pub(super) fn sort(&self) -> Sort {
        let images = matches!(self.before, Part::Row(_)) || matches!(self.after, Part::Row(_));
        let source = self.source.is_some();
        match self.op {
            Some(_) if source || images => Sort::Change,
            None if source && self.ddl => Sort::SchemaChange,
            None if source && images => Sort::Change,
            None if self.ts_ms.is_some() && !source && !images && !self.others => Sort::Heartbeat,
            _ => Sort::Flat,
        }
    }

    /// The record's own time: of a heartbeat the only one.
    pub(super) fn time(&self) -> Result<Option<schemas::Timestamp>, DecodeError> {
        self.ts_ms.map_or(Ok(None), |raw| clock("ts_ms", raw.trim_matches('"'), 1))
    }
}

/// What the letter of an operation means.
pub(super) enum Letter {
    Of(Operation),
    /// A message that was written into the log by hand.
    Message,
}

pub(super) fn letter(op: &str) -> Result<Letter, DecodeError> {
    Ok(Letter::Of(match op {
        "c" => Operation::Create,
        "u" => Operation::Update,
        "d" => Operation::Delete,
        "r" => Operation::Snapshot,
        "t" => Operation::Truncate,
        "m" => return Ok(Letter::Message),
        other => {
            let reason = format!("`op` is {}; expected c, u, d, r, t or m", quoted(other));
            return Err(DecodeError::new(DecodeError::UNKNOWN_CHANGE_TYPE, reason));
        }
    }))
}

/// Older connectors write the rows of a snapshot as creates.
pub(super) fn seen_in_snapshot(operation: Operation, snapshot: Snapshot) -> Operation {
    match operation {
        Operation::Create if snapshot != Snapshot::No => Operation::Snapshot,
        other => other,
    }
}

/// The row after the change, which only a delete and a truncation are without.
pub(super) fn after(part: Part<'_>, operation: Operation) -> Result<Option<Columns<'_>>, DecodeError> {
    let needed = matches!(operation, Operation::Create | Operation::Update | Operation::Snapshot);
    match part {
        Part::Row(columns) if needed => Ok(Some(columns)),
        _ if !needed => Ok(None),
        Part::Null => Err(missing("after", "the record has no row after the change")),
        _ => Err(DecodeError::new(DecodeError::MALFORMED, "`after` is no object; expected the columns of the row")),
    }
}

#[cold]
pub(super) fn missing(field: &str, what: &str) -> DecodeError {
    DecodeError::new(DecodeError::MISSING_FIELD, format!("`{field}` is missing: {what}"))
}

struct EnvelopeSeed<'s> {
    shape: Option<&'s Shape>,
}

impl<'a> DeserializeSeed<'a> for EnvelopeSeed<'_> {
    type Value = Envelope<'a>;
    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Envelope<'a>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for EnvelopeSeed<'_> {
    type Value = Envelope<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Envelope<'a>, M::Error> {
        let mut envelope = Envelope::default();
        let mut seen = 0_u8;
        let (before, after) = (self.shape.map(|s| s.before.as_ref()), self.shape.map(|s| s.after.as_ref()));
        while let Some(name) = map.next_key_seed(Name)? {
            let bit = match &*name {
                "before" => {
                    envelope.before = map.next_value_seed(RowSeed { fields: before.flatten() })?;
                    1
                }
                "after" => {
                    envelope.after = map.next_value_seed(RowSeed { fields: after.flatten() })?;
                    2
                }
                "source" => {
                    envelope.source = map.next_value_seed(BlockSeed)?;
                    4
                }
                "op" => {
                    let op = json::unquoted(json::raw(&mut map)?);
                    envelope.op = op.map_err(|reason| M::Error::custom(format_args!("`op` is {reason}")))?;
                    8
                }
                "ts_ms" => {
                    envelope.ts_ms = Some(json::raw(&mut map)?).filter(|raw| *raw != "null");
                    16
                }
                other => {
                    envelope.note(other);
                    json::skip(&mut map)?;
                    0
                }
            };
            if seen & bit != 0 {
                return Err(json::twice(&name));
            }
            seen |= bit;
        }
        Ok(envelope)
    }
}

impl Envelope<'_> {
    fn note(&mut self, name: &str) {
        match name {
            "ddl" | "tableChanges" | "databaseName" => self.ddl = true,
            "ts_us" | "ts_ns" | "transaction" | "message" | "schemaName" => {}
            _ => self.others = true,
        }
    }
}
