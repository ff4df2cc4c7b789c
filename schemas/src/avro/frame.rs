//! Headers that say which schema a value was written with.
//!
//! Stages always speak single-object encoding; a connector with a schema registry translates at
//! the edge, where alone the registry's ids are known.

use super::schema::{SCHEMAS, Schema};
use crate::DecodeError;

const SINGLE_OBJECT: [u8; 2] = [0xc3, 0x01];
const SINGLE_OBJECT_HEADER: usize = 10;
const CONFLUENT: u8 = 0;
const CONFLUENT_HEADER: usize = 5;

/// Starts a value in single-object encoding.
pub(crate) fn write_header(schema: &Schema, out: &mut Vec<u8>) {
    out.extend_from_slice(&SINGLE_OBJECT);
    out.extend_from_slice(&schema.fingerprint.to_le_bytes());
}

/// The body of a value that must have been written with `schema`.
pub(crate) fn body<'a>(schema: &Schema, value: &'a [u8]) -> Result<&'a [u8], DecodeError> {
    match split(value)? {
        (Header::Fingerprint(found), body) if found == schema.fingerprint => Ok(body),
        (header, _) => Err(unknown(header, schema)),
    }
}

/// The version and the body of a value that must have been written with `schema`, or with a version before it.
pub(crate) fn versioned<'a>(schema: &Schema, value: &'a [u8]) -> Result<(u32, &'a [u8]), DecodeError> {
    let (header, body) = split(value)?;
    let version = match header {
        Header::Fingerprint(found) => schema.version_of(found),
        Header::RegistryId(_) => None,
    };
    version.map(|version| (version, body)).ok_or_else(|| unknown(header, schema))
}

/// What a value says about its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// CRC-64-AVRO.
    Fingerprint(u64),
    /// An id of the schema registry.
    RegistryId(u32),
}

/// The header and the body of a value in either encoding.
pub fn split(value: &[u8]) -> Result<(Header, &[u8]), DecodeError> {
    if let Some((header, body)) = value.split_first_chunk::<SINGLE_OBJECT_HEADER>() {
        let [a, b, fingerprint @ ..] = *header;
        if [a, b] == SINGLE_OBJECT {
            return Ok((Header::Fingerprint(u64::from_le_bytes(fingerprint)), body));
        }
    }
    if let Some((header, body)) = value.split_first_chunk::<CONFLUENT_HEADER>() {
        let [magic, id @ ..] = *header;
        if magic == CONFLUENT {
            return Ok((Header::RegistryId(u32::from_be_bytes(id)), body));
        }
    }
    let start: Vec<String> = value.iter().take(4).map(|b| format!("{b:02X}")).collect();
    Err(DecodeError::malformed(format!(
        "{} bytes starting with [{}] are neither Avro single-object encoding (C3 01) nor Confluent wire format (00)",
        value.len(),
        start.join(" ")
    )))
}

#[cold]
fn unknown(header: Header, expected: &Schema) -> DecodeError {
    let Schema { name, version, fingerprint, .. } = expected;
    let found = match header {
        Header::Fingerprint(found) => SCHEMAS.iter().find_map(|s| Some((s.name, s.version_of(found)?))).map_or_else(
            || format!("fingerprint {found:016x}, which this binary does not know"),
            |(name, version)| format!("fingerprint {found:016x}, which is `{name}` version {version}"),
        ),
        Header::RegistryId(id) => format!("registry id {id}, which is not registered for `{name}`"),
    };
    let message = format!(
        "value has schema {found}; expected `{name}` version {version} ({fingerprint:016x}): \
         write with the schema that `quartermaster schema {name}` prints, or upgrade this reader"
    );
    DecodeError::new(DecodeError::UNKNOWN_SCHEMA, message)
}

/// The ids a schema registry gave to schemas of this binary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryIds(Vec<(u32, Schema)>);

impl RegistryIds {
    /// A schema may have several ids (one per subject); the first one is written.
    pub fn insert(&mut self, id: u32, schema: Schema) {
        self.0.push((id, schema));
    }

    fn schema(&self, id: u32) -> Option<&Schema> {
        self.0.iter().find(|(known, _)| *known == id).map(|(_, schema)| schema)
    }

    fn id(&self, fingerprint: u64) -> Option<u32> {
        self.0.iter().find(|(_, schema)| schema.fingerprint == fingerprint).map(|(id, _)| *id)
    }

    /// The body of a value in either encoding that must have been written with `schema`.
    pub(crate) fn body<'a>(&self, schema: &Schema, value: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        let (header, body) = split(value)?;
        let known = match header {
            Header::Fingerprint(found) => found == schema.fingerprint,
            Header::RegistryId(id) => self.schema(id) == Some(schema),
        };
        if known { Ok(body) } else { Err(unknown(header, schema)) }
    }

    /// Appends a value in single-object encoding as Confluent wire format.
    pub fn to_confluent(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let (Header::Fingerprint(found), body) = split(value)? else {
            out.extend_from_slice(value);
            return Ok(());
        };
        let id = self.id(found).ok_or_else(|| {
            let message = format!("schema {found:016x} has no registry id; register it before producing");
            DecodeError::new(DecodeError::UNKNOWN_SCHEMA, message)
        })?;
        out.push(CONFLUENT);
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(body);
        Ok(())
    }

    /// Appends a value in Confluent wire format as single-object encoding.
    pub fn from_confluent(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let (Header::RegistryId(id), body) = split(value)? else {
            out.extend_from_slice(value);
            return Ok(());
        };
        let schema = self.schema(id).ok_or_else(|| {
            DecodeError::new(DecodeError::UNKNOWN_SCHEMA, format!("registry id {id} is no schema of this binary"))
        })?;
        write_header(schema, out);
        out.extend_from_slice(body);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::avro::{EVENTS, JOURNAL, POSITION};

    fn ids() -> RegistryIds {
        let mut ids = RegistryIds::default();
        ids.insert(7, EVENTS);
        ids
    }

    #[test]
    fn the_two_headers_are_exchanged() {
        let mut single = Vec::new();
        write_header(&EVENTS, &mut single);
        single.extend_from_slice(b"body");
        let mut confluent = Vec::new();
        ids().to_confluent(&single, &mut confluent).unwrap();
        assert_eq!(confluent, b"\0\0\0\0\x07body");
        let mut back = Vec::new();
        ids().from_confluent(&confluent, &mut back).unwrap();
        assert_eq!(back, single);
        assert_eq!(ids().body(&EVENTS, &confluent), Ok(&b"body"[..]));
        assert_eq!(ids().body(&EVENTS, &single), Ok(&b"body"[..]));
    }

    #[test]
    fn an_earlier_version_is_recognised_and_only_by_who_reads_it() {
        let mut value = vec![0xc3, 1];
        value.extend_from_slice(&POSITION.earlier[0].to_le_bytes());
        value.extend_from_slice(b"body");
        assert_eq!(versioned(&POSITION, &value), Ok((1, &b"body"[..])));
        assert!(
            body(&POSITION, &value)
                .unwrap_err()
                .message
                .contains("`position` version 1; expected `position` version 2")
        );
        assert!(versioned(&EVENTS, &value).unwrap_err().message.contains("`position` version 1"));
    }

    #[test]
    fn a_foreign_schema_is_named() {
        let mut value = Vec::new();
        write_header(&JOURNAL, &mut value);
        let error = body(&EVENTS, &value).unwrap_err();
        assert_eq!(error.class, DecodeError::UNKNOWN_SCHEMA);
        assert!(error.message.contains("`journal` version 1"), "{error}");
        let foreign = [&[0xc3, 1][..], &0xdead_beef_u64.to_le_bytes()].concat();
        assert!(body(&EVENTS, &foreign).unwrap_err().message.contains("00000000deadbeef"));
        assert_eq!(body(&EVENTS, &[0, 0, 0, 0, 9]).unwrap_err().class, DecodeError::UNKNOWN_SCHEMA);
        for bytes in [&b""[..], &b"{}"[..], &[0xc3, 1, 2][..], &[0, 0][..]] {
            assert_eq!(body(&EVENTS, bytes).unwrap_err().class, DecodeError::MALFORMED);
        }
    }
}
