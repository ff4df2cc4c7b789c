//! Records as connectors write them, and what they mean.

mod envelopes;
mod flat;
mod fuzz;
mod round_trip;
mod wrapped;

use schemas::{DecodeError, Timestamp};

use super::{Defaults, SchemaCache, decode};
use crate::wms::row::{Change, Column, Columns, Kind, RawRecord, Record, Value};

type Headers = Vec<(String, Vec<u8>)>;

/// A record that owns its bytes.
#[derive(Clone, Debug, Default)]
struct Raw {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Headers,
}

impl Raw {
    fn value(value: impl Into<Vec<u8>>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }

    fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.key = Some(key.into());
        self
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    fn raw(&self) -> RawRecord<'_> {
        RawRecord { key: self.key.as_deref(), value: self.value.as_deref(), headers: &self.headers }
    }

    fn decode(&self) -> Result<Record<'_>, DecodeError> {
        decode(&self.raw(), &mut SchemaCache::default(), &Defaults::default())
    }

    /// Of a record that is a change.
    fn change(&self) -> Change<'_> {
        match self.decode() {
            Ok(Record::Change(change)) => change,
            other => panic!("{other:?}"),
        }
    }

    /// The error's class and message.
    fn refused(&self) -> (&'static str, String) {
        let error = self.decode().unwrap_err();
        (error.class, error.message)
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Columns as `name=value`, with the kind where there is one.
fn shown(columns: &Columns<'_>) -> Vec<String> {
    columns.0.iter().map(column).collect()
}

fn column(column: &Column<'_>) -> String {
    let value = match &column.value {
        Value::Null => "null".to_owned(),
        Value::Unavailable => "unavailable".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(digits) => digits.to_string(),
        Value::Text(text) => format!("{text:?}"),
        Value::ScaledDecimal { scale, unscaled } => format!("{unscaled}/{scale}"),
        Value::Json(json) => format!("json {json}"),
    };
    let kind = match column.kind {
        None => String::new(),
        Some(Kind::Plain) => ":".to_owned(),
        Some(kind) => format!(":{kind:?}"),
    };
    format!("{}{kind}={value}", column.name)
}

/// An envelope of the PostgreSQL connector, version 3.
const POSTGRES: &str = r#"{"before":null,"after":{"id":90071992547409931,"product_id":7,"location_id":3,"movement_type":"SALE","quantity":"2.500","posted_at":1764137640123456,"reference":"SO-1","note":null},"source":{"version":"3.1.0.Final","connector":"postgresql","name":"wms","ts_ms":1764137640125,"snapshot":"false","db":"warehouse","sequence":"[\"34343712\",\"34344440\"]","ts_us":1764137640125250,"ts_ns":1764137640125250000,"schema":"public","table":"stock_ledger","txId":771,"lsn":34344440,"xmin":null},"transaction":null,"op":"c","ts_ms":1764137640390,"ts_us":1764137640390001,"ts_ns":1764137640390001000}"#;

/// The same with another operation and other parts.
fn postgres(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(POSTGRES.to_owned(), |record, (from, to)| {
        assert!(record.contains(from), "{from}");
        record.replacen(from, to, 1)
    })
}
