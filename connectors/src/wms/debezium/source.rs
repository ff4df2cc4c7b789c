//! Where a change comes from: the `source` block of an envelope, or the same facts as fields and headers
//! of a flat record.

use std::borrow::Cow;
use std::fmt;

use schemas::error::quoted;
use schemas::{DecodeError, Timestamp};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::json::{self, Name, Text};
use super::scan::Scanner;
use crate::wms::row::{Mark, Snapshot, Source};

/// The facts as they were written: digits and texts alike as text, null as absent.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Block<'a> {
    name: Text<'a>,
    db: Text<'a>,
    schema: Text<'a>,
    pub(super) table: Text<'a>,
    ts_ms: Text<'a>,
    ts_us: Text<'a>,
    ts_ns: Text<'a>,
    snapshot: Text<'a>,
    sequence: Text<'a>,
    lsn: Text<'a>,
    transaction: Text<'a>,
    file: Text<'a>,
    pos: Text<'a>,
    row: Text<'a>,
}

impl<'a> Block<'a> {
    /// The place of a fact; `None` for one that nothing depends on.
    pub(super) fn slot(&mut self, name: &str) -> Option<&mut Text<'a>> {
        Some(match name {
            "name" => &mut self.name,
            "db" => &mut self.db,
            "schema" => &mut self.schema,
            "table" => &mut self.table,
            "ts_ms" => &mut self.ts_ms,
            "ts_us" => &mut self.ts_us,
            "ts_ns" => &mut self.ts_ns,
            "snapshot" => &mut self.snapshot,
            "sequence" => &mut self.sequence,
            "lsn" => &mut self.lsn,
            "txId" => &mut self.transaction,
            "file" => &mut self.file,
            "pos" => &mut self.pos,
            "row" => &mut self.row,
            _ => return None,
        })
    }

    /// `schema.table`, or `database.table` where there are no schemas. `None` where the record does not say.
    pub(super) fn qualified_table(&self) -> Option<String> {
        let filled = |text: &'_ Text<'a>| text.as_deref().is_some_and(|text| !text.is_empty());
        let schema = [&self.schema, &self.db].into_iter().find(|text| filled(text))?.as_deref()?;
        let table = Some(&self.table).filter(|text| filled(text))?.as_deref()?;
        let mut qualified = String::with_capacity(schema.len() + 1 + table.len());
        qualified.extend([schema, ".", table]);
        Some(qualified)
    }

    /// The source's clock. Zero is how connectors write that they do not know.
    pub(super) fn time(&self) -> Result<Option<Timestamp>, DecodeError> {
        let units = [("ts_ms", &self.ts_ms, 1), ("ts_us", &self.ts_us, 1000), ("ts_ns", &self.ts_ns, 1_000_000)];
        for (name, text, per_milli) in units {
            if let Some(text) = text.as_deref() {
                return clock(name, text, per_milli);
            }
        }
        Ok(None)
    }

    /// Reads the facts of a row; `snapshot_row` for one that was read and not changed.
    pub(super) fn source(self, snapshot_row: bool) -> Result<Source<'a>, DecodeError> {
        let time = self.time()?;
        let snapshot = match self.snapshot()? {
            Snapshot::No if snapshot_row => Snapshot::Yes,
            snapshot => snapshot,
        };
        // Every row of a snapshot stands at the place where it began: its place says nothing.
        let mark = if snapshot_row { None } else { self.mark()? };
        Ok(Source { name: self.name, time, snapshot, mark })
    }

    pub(super) fn snapshot(&self) -> Result<Snapshot, DecodeError> {
        Ok(match self.snapshot.as_deref() {
            None | Some("false" | "") => Snapshot::No,
            Some("true" | "first_in_data_collection" | "last_in_data_collection") => Snapshot::Yes,
            Some("first") => Snapshot::First,
            Some("last") => Snapshot::Last,
            Some("incremental") => Snapshot::Incremental,
            Some(other) => return Err(malformed("snapshot", other, "true, false, first, last or incremental")),
        })
    }

    fn mark(&self) -> Result<Option<Mark<'a>>, DecodeError> {
        match (&self.file, &self.pos, &self.lsn, &self.transaction) {
            (Some(file), Some(pos), ..) if !file.is_empty() => self.place_in_file(file, pos).map(Some),
            (_, _, Some(lsn), Some(transaction)) => self.place_in_transaction(lsn, transaction).map(Some),
            _ => Ok(None),
        }
    }

    /// MySQL and MariaDB: files of the binary log are numbered, positions in them only grow.
    fn place_in_file(&self, file: &Cow<'a, str>, pos: &str) -> Result<Mark<'a>, DecodeError> {
        let row = self.row.as_deref().map_or(Ok(0), |row| whole("row", row))?;
        let number = file.rsplit('.').next().and_then(|digits| digits.parse().ok());
        Ok(Mark {
            unit: file.clone(),
            place: (whole("pos", pos)?, row),
            after_commit: number,
            text: Cow::Owned(format!("{file}:{pos}:{row}")),
        })
    }

    /// PostgreSQL: places grow within a transaction, and transactions come as they were committed.
    fn place_in_transaction(&self, lsn: &Cow<'a, str>, transaction: &Cow<'a, str>) -> Result<Mark<'a>, DecodeError> {
        let after_commit = self.sequence.as_deref().map_or(Ok(None), last_commit)?;
        Ok(Mark { unit: transaction.clone(), place: (whole("lsn", lsn)?, 0), after_commit, text: lsn.clone() })
    }
}

/// The first of `["<last commit>","<place>"]`; null before the first commit.
fn last_commit(sequence: &str) -> Result<Option<u64>, DecodeError> {
    let expected = "a list of the last commit's LSN and the change's";
    let list = sequence.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let first = list.and_then(|list| list.split(',').next()).map(|first| first.trim().trim_matches('"'));
    match first {
        None => Err(malformed("sequence", sequence, expected)),
        Some("null" | "") => Ok(None),
        Some(digits) => digits.parse().map(Some).map_err(|_| malformed("sequence", sequence, expected)),
    }
}

/// A time of the source's clock in a unit of which `per_milli` make a millisecond.
pub(super) fn clock(name: &str, text: &str, per_milli: i64) -> Result<Option<Timestamp>, DecodeError> {
    let number: i64 = text.parse().map_err(|_| malformed(name, text, "a whole number"))?;
    let time = Timestamp::from_millis(number.div_euclid(per_milli));
    match number {
        0 => Ok(None),
        _ if time.is_plausible() => Ok(Some(time)),
        _ => {
            let reason = format!("`{name}` of the source is {text}: outside the years 0001 to 9999");
            Err(DecodeError::new(DecodeError::INVALID_TIME, reason))
        }
    }
}

fn whole(name: &str, text: &str) -> Result<u64, DecodeError> {
    text.parse().map_err(|_| malformed(name, text, "a whole number"))
}

#[cold]
fn malformed(name: &str, value: &str, expected: &str) -> DecodeError {
    let message = format!("`{name}` of the source is {}; expected {expected}", quoted(value));
    DecodeError::new(DecodeError::MALFORMED, message)
}

/// What the seed below would read, as long as nothing is unusual.
pub(super) fn scan_block<'a>(json: &mut Scanner<'a>, read: &mut Option<Block<'a>>) -> Option<()> {
    if json.peek()? == b'n' {
        return json.null();
    }
    let mut block = Block::default();
    json.object(|json, name| {
        let token = json.token()?;
        if let Some(slot) = block.slot(name) {
            if slot.is_some() {
                return None;
            }
            *slot = json::text_of_token(token)?;
        }
        Some(())
    })?;
    *read = Some(block);
    Some(())
}

/// Reads a `source` block; `None` where the value is no object.
pub(super) struct BlockSeed;

impl<'a> DeserializeSeed<'a> for BlockSeed {
    type Value = Option<Block<'a>>;
    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for BlockSeed {
    type Value = Option<Block<'a>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut block = Block::default();
        while let Some(name) = map.next_key_seed(Name)? {
            let Some(slot) = block.slot(&name) else {
                json::skip(&mut map)?;
                continue;
            };
            let scalar = json::scalar(json::raw(&mut map)?);
            let value = scalar.map_err(|reason| M::Error::custom(format_args!("`{name}` of the source: {reason}")))?;
            if slot.is_some() {
                return Err(json::twice(&name));
            }
            *slot = value;
        }
        Ok(Some(block))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_seq<S: SeqAccess<'a>>(self, mut list: S) -> Result<Self::Value, S::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}
