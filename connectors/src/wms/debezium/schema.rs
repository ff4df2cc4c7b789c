//! The schema that `JsonConverter` writes before every record: parsed once, then recognised by its bytes.

use std::borrow::Cow;
use std::fmt;

use schemas::DecodeError;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::json::{self, Name};
use crate::wms::row::Kind;

/// What columns are, in the order of the schema.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Fields(Vec<(Box<str>, Kind)>);

impl Fields {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The kind of a column; `at` is where it stands in the record, which is nearly always where it stands here.
    pub(super) fn kind(&self, at: usize, name: &str) -> Kind {
        match self.0.get(at) {
            Some((known, kind)) if **known == *name => *kind,
            _ => self.0.iter().find(|(known, _)| **known == *name).map_or(Kind::Plain, |(_, kind)| *kind),
        }
    }
}

/// What a schema says: of a flat row its fields, of an envelope those of both images.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Shape {
    pub(super) fields: Fields,
    pub(super) before: Option<Fields>,
    pub(super) after: Option<Fields>,
}

/// Schemas seen lately, the last one first. Bounded: a schema changes with its table, and tables are few.
#[derive(Debug, Default)]
pub struct SchemaCache {
    entries: Vec<(Box<str>, Shape)>,
    bytes: usize,
}

/// A key and a value schema for each of 128 tables.
const MOST_SCHEMAS: usize = 256;
const MOST_BYTES: usize = 16 << 20;

/// A record without its wrapper.
#[derive(Clone, Copy)]
pub(super) struct Unwrapped<'s, 'a> {
    pub(super) shape: Option<&'s Shape>,
    pub(super) payload: &'a str,
}

impl SchemaCache {
    /// Takes `{"schema":…,"payload":…}` apart where its schema is a known one. The payload may still turn out
    /// not to be JSON: then [`SchemaCache::unwrap`] decides.
    pub(super) fn unwrap_known<'s, 'a>(&'s mut self, text: &'a str) -> Option<Unwrapped<'s, 'a>> {
        let rest = text.strip_prefix("{\"schema\":")?.strip_suffix('}')?;
        let (at, payload) = self.entries.iter().enumerate().find_map(|(at, (schema, _))| {
            let payload = rest.strip_prefix(&**schema)?.strip_prefix(",\"payload\":")?;
            Some((at, payload))
        })?;
        self.entries[..=at].rotate_right(1);
        Some(Unwrapped { shape: self.entries.first().map(|(_, shape)| shape), payload })
    }

    /// Takes a record apart, wrapped or not.
    pub(super) fn unwrap<'s, 'a>(&'s mut self, text: &'a str, what: &str) -> Result<Unwrapped<'s, 'a>, DecodeError> {
        let bare = Unwrapped { shape: None, payload: text };
        if !matches!(first_name(text), Some("schema" | "payload")) {
            return Ok(bare);
        }
        let Wrapper { schema: Some(schema), payload: Some(payload), others: false } =
            json::whole(text, what, WrapperSeed)?
        else {
            return Ok(bare);
        };
        match schema.as_bytes().first() {
            Some(b'{') => Ok(Unwrapped { shape: Some(self.shape(schema, what)?), payload }),
            Some(b'n') => Ok(Unwrapped { shape: None, payload }),
            _ => Ok(bare),
        }
    }

    fn shape(&mut self, raw: &str, what: &str) -> Result<&Shape, DecodeError> {
        if let Some(at) = self.entries.iter().position(|(known, _)| **known == *raw) {
            self.entries[..=at].rotate_right(1);
        } else {
            let node: Node<'_> = serde_json::from_str(raw).map_err(|error| {
                let reason = format!("the schema of {what} is not one of Kafka Connect: {error}");
                DecodeError::new(DecodeError::MALFORMED, reason)
            })?;
            self.insert(raw, node.shape());
        }
        Ok(&self.entries[0].1)
    }

    fn insert(&mut self, raw: &str, shape: Shape) {
        self.bytes += raw.len();
        self.entries.insert(0, (raw.into(), shape));
        while self.entries.len() > 1 && (self.entries.len() > MOST_SCHEMAS || self.bytes > MOST_BYTES) {
            let forgotten = self.entries.pop();
            self.bytes -= forgotten.map_or(0, |(raw, _)| raw.len());
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// The name of an object's first field; `None` where there is none or it holds escapes.
pub(super) fn first_name(text: &str) -> Option<&str> {
    let name = text.trim_start().strip_prefix('{')?.trim_start().strip_prefix('"')?;
    name.split_once('"').map(|(name, _)| name)
}

struct Wrapper<'a> {
    schema: Option<&'a str>,
    payload: Option<&'a str>,
    others: bool,
}

struct WrapperSeed;

impl<'a> DeserializeSeed<'a> for WrapperSeed {
    type Value = Wrapper<'a>;
    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Wrapper<'a>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for WrapperSeed {
    type Value = Wrapper<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `schema` and `payload`")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Wrapper<'a>, M::Error> {
        let mut wrapper = Wrapper { schema: None, payload: None, others: false };
        while let Some(name) = map.next_key_seed(Name)? {
            let slot = match &*name {
                "schema" => &mut wrapper.schema,
                "payload" => &mut wrapper.payload,
                _ => {
                    wrapper.others = true;
                    json::skip(&mut map)?;
                    continue;
                }
            };
            if slot.replace(json::raw(&mut map)?).is_some() {
                return Err(json::twice(&name));
            }
        }
        Ok(wrapper)
    }
}

/// A schema of Kafka Connect as `JsonConverter` writes it.
#[derive(serde::Deserialize)]
struct Node<'a> {
    #[serde(rename = "type", borrow, default)]
    base: Cow<'a, str>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    field: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    fields: Option<Vec<Node<'a>>>,
    #[serde(borrow, default)]
    parameters: Option<Parameters<'a>>,
}

#[derive(serde::Deserialize)]
struct Parameters<'a> {
    #[serde(borrow)]
    scale: Option<Cow<'a, str>>,
}

impl Node<'_> {
    fn shape(&self) -> Shape {
        let image = |name: &str| self.children().iter().find(|node| node.called(name)).map(Node::columns);
        Shape { fields: self.columns(), before: image("before"), after: image("after") }
    }

    fn called(&self, name: &str) -> bool {
        self.field.as_deref() == Some(name)
    }

    fn children(&self) -> &[Self] {
        self.fields.as_deref().unwrap_or_default()
    }

    fn columns(&self) -> Fields {
        let column = |node: &Self| (node.field.as_deref().unwrap_or_default().into(), node.kind());
        Fields(self.children().iter().map(column).collect())
    }

    fn kind(&self) -> Kind {
        let name = self.name.as_deref().unwrap_or_default();
        match name.strip_prefix("io.debezium.time.").unwrap_or(name) {
            "Date" | "org.apache.kafka.connect.data.Date" => Kind::Days,
            "Timestamp" | "org.apache.kafka.connect.data.Timestamp" => Kind::LocalMillis,
            "MicroTimestamp" => Kind::LocalMicros,
            "NanoTimestamp" => Kind::LocalNanos,
            "ZonedTimestamp" => Kind::Zoned,
            "IsoDate" | "IsoTimestamp" => Kind::IsoLocal,
            // Without its scale it is a text that the mapping has to know.
            "org.apache.kafka.connect.data.Decimal" => {
                self.scale().map_or(Kind::Plain, |scale| Kind::Decimal { scale })
            }
            _ if matches!(&*self.base, "double" | "float" | "float64" | "float32") => Kind::Float,
            _ => Kind::Plain,
        }
    }

    fn scale(&self) -> Option<i32> {
        self.parameters.as_ref()?.scale.as_deref()?.parse().ok()
    }
}
