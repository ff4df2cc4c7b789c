//! Why `ingest` refuses records that decode well, or are none: the classes besides those of the
//! decoders and of the runtime.

use connectors::wms::translate;
use processor::operator::Rejection;
use schemas::DecodeError;
use schemas::change::MAX_IDENTIFIER_BYTES;

/// No value, in an input where a tombstone means nothing.
pub const NULL_VALUE: &str = "null_value";
/// No key, where it alone says what a tombstone is about.
pub const MISSING_KEY: &str = "missing_key";
/// A key that says otherwise than the value.
pub const WRONG_KEY: &str = "wrong_key";
/// More than [`MAX_RECORD_BYTES`].
pub const TOO_LARGE: &str = "too_large";
/// A known record that does not belong into this input.
pub const UNEXPECTED_RECORD: &str = "unexpected_record";
/// An unknown time zone.
pub const INVALID_LOCATION: &str = "invalid_location";
/// More than [`MAX_SOURCES`](super::sources::MAX_SOURCES).
pub const TOO_MANY_SOURCES: &str = "too_many_sources";
/// A time that cannot be, by the source's own clock. Given by the runtime.
pub const TIME_OUT_OF_RANGE: &str = "time_out_of_range";

/// Larger records are refused: what they become must fit into a record of `inventory.events`, which by
/// default may have 1 MiB with everything.
pub const MAX_RECORD_BYTES: usize = 900_000;

/// Every class of a dead letter of `ingest`.
pub fn classes() -> impl Iterator<Item = &'static str> {
    let own = [
        NULL_VALUE,
        MISSING_KEY,
        WRONG_KEY,
        TOO_LARGE,
        UNEXPECTED_RECORD,
        INVALID_LOCATION,
        TOO_MANY_SOURCES,
        TIME_OUT_OF_RANGE,
    ];
    let rows = translate::CLASSES.into_iter().filter(move |class| !own.contains(class));
    DecodeError::CLASSES.iter().copied().chain(own).chain(rows)
}

pub(super) fn undecodable(error: DecodeError) -> Rejection {
    Rejection::new(error.class, error.message)
}

pub(super) fn check_size(value: &[u8]) -> Result<(), Rejection> {
    if value.len() <= MAX_RECORD_BYTES {
        return Ok(());
    }
    let message = format!("the record has {} bytes; at most {MAX_RECORD_BYTES}: write smaller ones", value.len());
    Err(Rejection::new(TOO_LARGE, message))
}

/// Refuses a key that contradicts the value. Without a key nothing is contradicted.
pub(super) fn check_key(key: Option<&[u8]>, field: &str, value: &str) -> Result<(), Rejection> {
    match key {
        Some(key) if key != value.as_bytes() => {
            let key = shown(key);
            Err(Rejection::new(
                WRONG_KEY,
                format!("the key is {key}, `{field}` is {value:?}; key the record by `{field}`"),
            ))
        }
        _ => Ok(()),
    }
}

/// The key of a tombstone: an identifier.
pub(super) fn tombstone_key(key: Option<&[u8]>, field: &str) -> Result<String, Rejection> {
    let Some(key) = key.filter(|key| !key.is_empty()) else {
        let message = format!("a tombstone without a key; key it by the `{field}` that is no more");
        return Err(Rejection::new(MISSING_KEY, message));
    };
    match std::str::from_utf8(key) {
        Ok(text) if text.len() <= MAX_IDENTIFIER_BYTES && !text.contains('\0') => Ok(text.to_owned()),
        _ => {
            let message =
                format!("the key {} is no `{field}`: text of at most {MAX_IDENTIFIER_BYTES} bytes", shown(key));
            Err(Rejection::new(WRONG_KEY, message))
        }
    }
}

/// Bytes as they are quoted in a message, cut where they are long.
fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 60;
    let cut = if bytes.len() > MOST { "…" } else { "" };
    format!("{:?}{cut}", String::from_utf8_lossy(&bytes[..bytes.len().min(MOST)]))
}
