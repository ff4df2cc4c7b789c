//! The key of a record: the columns that identify its row.

use std::borrow::Cow;

use schemas::DecodeError;

use super::json;
use super::schema::SchemaCache;
use crate::wms::row::{Columns, Value};

/// Fields of routing transforms (`ByLogicalTableRouter`) that tell tables apart which share a topic.
const ROUTING: &str = "__dbz__";

/// The columns of a key; empty where there is none.
pub(super) fn columns<'a>(key: &'a [u8], what: &str, schemas: &mut SchemaCache) -> Result<Columns<'a>, DecodeError> {
    let text = json::utf8(key, what)?;
    if text.is_empty() {
        return Ok(Columns::default());
    }
    if let Some(known) = schemas.unwrap_known(text)
        && let Ok(columns) = json::key_columns(known.payload, what, known.shape.map(|shape| &shape.fields))
    {
        return Ok(columns);
    }
    let unwrapped = schemas.unwrap(text, what)?;
    json::key_columns(unwrapped.payload, what, unwrapped.shape.map(|shape| &shape.fields))
}

/// Takes a routing transform's field out of a key: `schema.table` or `database.table`, where there is one.
pub(super) fn take_routed_table<'a>(key: &mut Columns<'a>) -> Option<Cow<'a, str>> {
    let at = key.0.iter().position(|column| column.name.starts_with(ROUTING))?;
    let Value::Text(topic) = key.0.remove(at).value else { return None };
    let start = topic.rmatch_indices('.').nth(1).map(|(at, _)| at + 1)?;
    Some(match topic {
        Cow::Borrowed(topic) => Cow::Borrowed(&topic[start..]),
        Cow::Owned(topic) => Cow::Owned(topic[start..].to_owned()),
    })
}
