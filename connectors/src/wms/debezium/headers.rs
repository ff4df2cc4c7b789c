//! Headers as Kafka Connect's header converters write them: plain text, JSON, or JSON with its schema.

use std::borrow::Cow;

use schemas::DecodeError;
use schemas::error::quoted;

use super::json;
use super::schema::SchemaCache;
use crate::wms::row::{Columns, RawRecord, Renamed};

const NEW_KEY: &str = "__debezium.newkey";
const OLD_KEY: &str = "__debezium.oldkey";

pub(super) fn has_any(raw: &RawRecord<'_>) -> bool {
    raw.headers.iter().any(|(name, _)| name.starts_with("__"))
}

/// A text, from a text or from JSON that holds one.
pub(super) fn scalar<'a>(name: &str, value: &'a [u8]) -> Result<Option<Cow<'a, str>>, DecodeError> {
    let what = format!("header `{name}`");
    let text = json::utf8(value, &what)?.trim();
    let unwrapped = SchemaCache::default().unwrap(text, &what)?.payload;
    let malformed = |reason| DecodeError::new(DecodeError::MALFORMED, format!("{what} is {reason}"));
    if unwrapped.starts_with(['{', '[']) {
        return Err(malformed(format!("{}; expected a text or a number", quoted(unwrapped))));
    }
    Ok(json::scalar(unwrapped).map_err(malformed)?.filter(|text| !text.is_empty()))
}

/// What the two halves of a change of the primary key say of each other.
pub(super) fn renamed<'a>(raw: &RawRecord<'a>, schemas: &mut SchemaCache) -> Result<Option<Renamed<'a>>, DecodeError> {
    for (name, value) in raw.headers {
        let half: fn(Columns<'a>) -> Renamed<'a> = match name.as_str() {
            NEW_KEY => Renamed::To,
            OLD_KEY => Renamed::From,
            _ => continue,
        };
        let key = super::key::columns(value, &format!("header `{name}`"), schemas)?;
        return Ok(Some(half(key)));
    }
    Ok(None)
}
