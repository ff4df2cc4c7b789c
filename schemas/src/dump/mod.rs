//! Topics as JSON lines: what `topics dump` writes and `replay --format log` reads.
//!
//! One line per record: topic, partition, offset, key, headers, value. Values are shown as readable
//! JSON of their typed record and encoded again when they are read; what cannot be decoded keeps
//! its bytes as `{"hex":"…"}`, so that a replay refuses exactly what the live run refused. A dump is
//! for the binary that wrote it and for people; the contract is Avro.

mod runtime;
mod stream;
mod value;

use std::borrow::Cow;

use crate::DecodeError;
use crate::canonical::fields::{field, object, slots, utf8};
use crate::canonical::json::{self, Object};
use crate::error::quoted;

/// One record of a log, its value as it is on the topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogRecord<'a> {
    pub topic: Cow<'a, str>,
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Cow<'a, [u8]>>,
    pub headers: Cow<'a, [(String, Vec<u8>)]>,
    /// `None` is a tombstone.
    pub value: Option<Cow<'a, [u8]>>,
}

/// Writes one line.
pub fn write(record: &LogRecord<'_>, out: &mut Vec<u8>) {
    let mut line = Object::open(out);
    line.text("topic", &record.topic);
    line.integer("partition", i64::from(record.partition));
    line.integer("offset", record.offset);
    line.value("key", |out| bytes_or_null(record.key.as_deref(), out));
    line.value("headers", |out| {
        json::array(out, record.headers.iter(), |out, (name, value)| {
            out.push(b'[');
            json::text(out, name);
            out.push(b',');
            json::bytes(out, value);
            out.push(b']');
        });
    });
    line.value("value", |out| match &record.value {
        None => bytes_or_null(None, out),
        Some(bytes) => value::write(&record.topic, bytes, out),
    });
    line.close();
    out.push(b'\n');
}

fn bytes_or_null(bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    match bytes {
        Some(bytes) => json::bytes(out, bytes),
        None => out.extend_from_slice(b"null"),
    }
}

slots!(LineSlots { topic, partition, offset, key, headers, value });

/// Reads one line. `None` for a record of a topic that is written for people only (alerts, positions,
/// notifications and deliveries: they are outputs).
pub fn read(line: &[u8]) -> Result<Option<LogRecord<'_>>, DecodeError> {
    let slots: LineSlots<'_> = object(utf8(line)?, "the line")?;
    let topic = field("topic", slots.topic).identifier()?;
    let value = match slots.value {
        None => None,
        Some(raw) => match value::read(&topic, raw)? {
            None => return Ok(None),
            Some(bytes) => Some(Cow::Owned(bytes)),
        },
    };
    let headers: Vec<(String, &serde_json::value::RawValue)> =
        field("headers", slots.headers).list("a list of pairs of a name and a value")?;
    let headers = headers
        .into_iter()
        .map(|(name, value)| read_bytes("headers", value.get()).map(|value| (name, value.into_owned())))
        .collect::<Result<Vec<_>, _>>()?;
    let partition = field("partition", slots.partition).integer()?;
    let offset = field("offset", slots.offset).integer()?;
    Ok(Some(LogRecord {
        topic,
        partition: partition.ok_or_else(|| DecodeError::missing("partition"))?,
        offset: offset.ok_or_else(|| DecodeError::missing("offset"))?,
        key: slots.key.map(|raw| read_bytes("key", raw)).transpose()?,
        headers: Cow::Owned(headers),
        value,
    }))
}

slots!(HexSlots { hex });

/// Bytes written as a text, or as `{"hex":"…"}`.
pub fn read_bytes<'a>(name: &'static str, raw: &'a str) -> Result<Cow<'a, [u8]>, DecodeError> {
    if let Some(bytes) = read_hex(name, raw)? {
        return Ok(Cow::Owned(bytes));
    }
    match field(name, Some(raw)).text()?.unwrap_or_default() {
        Cow::Borrowed(text) => Ok(Cow::Borrowed(text.as_bytes())),
        Cow::Owned(text) => Ok(Cow::Owned(text.into_bytes())),
    }
}

/// The bytes of `{"hex":"…"}`; `None` for anything else.
fn read_hex(name: &'static str, raw: &str) -> Result<Option<Vec<u8>>, DecodeError> {
    if !raw.starts_with('{') {
        return Ok(None);
    }
    let slots: HexSlots<'_> = object(raw, name)?;
    if slots.hex.is_none() {
        return Ok(None);
    }
    let digits = field("hex", slots.hex).text()?.unwrap_or_default();
    let invalid =
        || DecodeError::malformed(format!("`{name}` is {}; expected pairs of hexadecimal digits", quoted(&digits)));
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return Err(invalid()) };
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|d| d as u8);
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    bytes.map(Some).ok_or_else(invalid)
}
