//! Lines that are records of a change-capture topic: `--format debezium`.
//!
//! A line is a record's value as Debezium wrote it, or the whole record, as `topics dump --topic` writes it:
//! an object of `value` with `key`, `headers`, `partition`, `offset`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::wms::mapping::Mapping;
use connectors::wms::reader::Reader;
use connectors::wms::row::{RawRecord, Record};
use connectors::wms::translate::{Translated, Translator, WmsRow};
use processor::operator::{Incoming, Rejection};
use processor::table::StateTable;
use schemas::{DecodeError, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The source of events that a file is.
const SOURCE: &str = "replay";

/// What `ingest` would keep of one partition.
pub struct CapturedRows {
    translator: Translator,
    states: StateTable<WmsRow>,
    reader: Reader,
}

impl CapturedRows {
    pub fn new(mapping: Mapping) -> Self {
        let reader = Reader::new(&mapping);
        let mapping = Arc::new(mapping);
        let again = Box::new(Reader::new(&mapping));
        Self { translator: Translator::new(mapping, SOURCE, 0, again), states: StateTable::default(), reader }
    }

    /// What one line says.
    pub fn take(&mut self, line: &[u8], number: u64, said: &mut Vec<Translated>) -> Result<(), Rejection> {
        let refused = |error: DecodeError| Rejection::new(error.class, error.message);
        let record = WholeRecord::of(line, number).map_err(refused)?;
        let incoming = record.incoming();
        let raw = RawRecord { key: incoming.key, value: incoming.value, headers: incoming.headers };
        let decoded = self.reader.read(&raw)?;
        let Record::Change(change) = decoded else { return Ok(()) };
        // A file has no clock of its own: without a source time nothing says when it was.
        let time = change.source.time.unwrap_or(Timestamp::EARLIEST);
        let taken = self.translator.apply(&incoming, &change, &mut self.states, said);
        self.translator.expire(time, &mut self.states, said);
        taken.map(drop)
    }

    /// Nothing comes any more for what still waits.
    pub fn finish(&mut self, said: &mut Vec<Translated>) {
        self.translator.expire(Timestamp::MAX, &mut self.states, said);
    }
}

/// A record with everything around its value.
#[derive(Debug)]
struct WholeRecord<'a> {
    partition: i32,
    offset: i64,
    key: Option<Cow<'a, [u8]>>,
    value: Option<Cow<'a, [u8]>>,
    headers: Vec<(String, Vec<u8>)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped<'a> {
    #[serde(rename = "topic")]
    _topic: Option<Cow<'a, str>>,
    partition: Option<i32>,
    offset: Option<i64>,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    headers: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

impl<'a> WholeRecord<'a> {
    fn of(line: &'a [u8], number: u64) -> Result<Self, DecodeError> {
        let offset = i64::try_from(number).unwrap_or(i64::MAX);
        // The value alone has other fields than a whole record: nothing else tells them apart.
        match serde_json::from_slice::<Wrapped<'a>>(line) {
            Ok(whole) if whole.value.is_some() || whole.key.is_some() => Ok(Self {
                partition: whole.partition.unwrap_or(0),
                offset: whole.offset.unwrap_or(offset),
                key: bytes("key", whole.key)?,
                value: bytes("value", whole.value)?,
                headers: headers(whole.headers)?,
            }),
            _ => Ok(Self { partition: 0, offset, key: None, value: Some(Cow::Borrowed(line)), headers: Vec::new() }),
        }
    }

    fn incoming(&self) -> Incoming<'_> {
        Incoming {
            partition: self.partition,
            offset: self.offset,
            timestamp_ms: 0,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &self.headers,
        }
    }
}

/// Bytes as a text, as `{"hex":"…"}`, or as the JSON itself.
fn bytes<'a>(name: &'static str, raw: Option<&'a RawValue>) -> Result<Option<Cow<'a, [u8]>>, DecodeError> {
    let Some(raw) = raw.map(RawValue::get).filter(|raw| *raw != "null") else { return Ok(None) };
    if raw.starts_with('"') || raw.starts_with("{\"hex\"") {
        return schemas::dump::read_bytes(name, raw).map(Some);
    }
    Ok(Some(Cow::Borrowed(raw.as_bytes())))
}

/// A list of pairs, or an object.
fn headers(raw: Option<&RawValue>) -> Result<Vec<(String, Vec<u8>)>, DecodeError> {
    let Some(raw) = raw.map(RawValue::get) else { return Ok(Vec::new()) };
    let pairs: Vec<(String, &RawValue)> = if raw.starts_with('{') {
        serde_json::from_str::<BTreeMap<String, &RawValue>>(raw).map(|map| map.into_iter().collect())
    } else {
        serde_json::from_str(raw)
    }
    .map_err(|error| {
        DecodeError::new(
            DecodeError::MALFORMED,
            format!("`headers`: {error}; write a list of pairs of a name and a value"),
        )
    })?;
    let read = |(name, value)| Ok((name, bytes("headers", Some(value))?.unwrap_or_default().into_owned()));
    pairs.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> WholeRecord<'_> {
        WholeRecord::of(line.as_bytes(), 7).unwrap()
    }

    #[test]
    fn a_line_is_a_value_or_a_whole_record() {
        let value = read(r#"{"before":null,"after":{"id":1},"op":"c"}"#);
        assert_eq!(
            (value.offset, value.key.is_none(), value.value.unwrap().starts_with(b"{\"before\"")),
            (7, true, true)
        );
        let whole = read(r#"{"key":{"id":1},"value":{"op":"c"},"headers":{"h":"x"}}"#);
        assert_eq!(
            (whole.key.as_deref(), whole.value.as_deref()),
            (Some(&b"{\"id\":1}"[..]), Some(&b"{\"op\":\"c\"}"[..]))
        );
        assert_eq!(whole.headers, [("h".to_owned(), b"x".to_vec())]);
        let dumped = read(
            r#"{"topic":"wms","partition":2,"offset":40,"key":"{\"id\":1}","headers":[["h",{"hex":"ff"}]],"value":{"hex":"7b7d"}}"#,
        );
        assert_eq!((dumped.partition, dumped.offset, dumped.value.as_deref()), (2, 40, Some(&b"{}"[..])));
        assert_eq!((dumped.key.as_deref(), &dumped.headers[0].1), (Some(&b"{\"id\":1}"[..]), &vec![0xff]));
        let tombstone = read(r#"{"key":"k","value":null}"#);
        assert_eq!((tombstone.key.as_deref(), tombstone.value), (Some(&b"k"[..]), None));
    }

    #[test]
    fn headers_that_are_none_are_refused() {
        let error = WholeRecord::of(br#"{"key":"k","value":"v","headers":["a"]}"#, 1).unwrap_err();
        assert!(error.message.contains("list of pairs"), "{}", error.message);
    }
}
