//! Reads JSON in one pass, borrowed from the record: rows as columns, anything else as its raw text.
//!
//! No tree of values is built. Depth costs no stack: what is not a row is skipped, not descended into.

use std::borrow::Cow;
use std::fmt;

use schemas::DecodeError;
use schemas::error::quoted;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::scan::{self, Scanner, Token};
use super::schema::Fields;
use crate::wms::row::{Column, Columns, Kind, Value};

/// A text that may be absent.
pub(super) type Text<'a> = Option<Cow<'a, str>>;

/// Bytes as text. Invalid UTF-8 is found here, once.
pub(super) fn utf8<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str, DecodeError> {
    let invalid =
        |e: std::str::Utf8Error| format!("{what} has invalid UTF-8 at byte {}; expected JSON", e.valid_up_to());
    std::str::from_utf8(bytes).map_err(|e| DecodeError::new(DecodeError::MALFORMED, invalid(e)))
}

/// Reads a whole text with a seed.
pub(super) fn whole<'a, S: DeserializeSeed<'a>>(text: &'a str, what: &str, seed: S) -> Result<S::Value, DecodeError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = seed.deserialize(&mut json);
    read.and_then(|value| json.end().map(|()| value)).map_err(|error| not_json(text, what, &error))
}

#[cold]
fn not_json(text: &str, what: &str, error: &serde_json::Error) -> DecodeError {
    let expected = "expected what JsonConverter writes";
    if text.trim().is_empty() {
        return DecodeError::new(DecodeError::MALFORMED, format!("{what} is empty; {expected}"));
    }
    // serde_json counts bytes of the line; the text just before names the field.
    let start_of_line = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    let end = text.floor_char_boundary(start_of_line.saturating_add(error.column()));
    let start = text.floor_char_boundary(end.saturating_sub(30));
    let reason = error.to_string();
    let reason = reason.rsplit_once(" at line ").map_or(&*reason, |(reason, _)| reason);
    // The reason may quote the record's own text, which may be long.
    let reason = &reason[..reason.floor_char_boundary(200)];
    let message = format!("{what} cannot be read: {reason} at byte {end}, after {:?}; {expected}", &text[start..end]);
    DecodeError::new(DecodeError::MALFORMED, message)
}

/// A field name, borrowed unless it holds escapes.
pub(super) struct Name;

impl<'a> DeserializeSeed<'a> for Name {
    type Value = Cow<'a, str>;
    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for Name {
    type Value = Cow<'a, str>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }
    fn visit_borrowed_str<E>(self, name: &'a str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// The next value as it stands in the text.
pub(super) fn raw<'a, M: MapAccess<'a>>(map: &mut M) -> Result<&'a str, M::Error> {
    map.next_value::<&'a RawValue>().map(RawValue::get)
}

pub(super) fn skip<'a, M: MapAccess<'a>>(map: &mut M) -> Result<(), M::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

#[cold]
pub(super) fn twice<E: serde::de::Error>(name: &str) -> E {
    E::custom(format_args!("`{name}` appears twice"))
}

/// The text of a JSON string, borrowed where nothing is escaped.
pub(super) fn unquoted(raw: &str) -> Result<Option<Cow<'_, str>>, String> {
    let Some(inner) = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return Ok(None) };
    if !inner.as_bytes().contains(&b'\\') {
        return Ok(Some(Cow::Borrowed(inner)));
    }
    if let Some(text) = scan::unescaped(inner) {
        return Ok(Some(Cow::Owned(text)));
    }
    let unescaped: Result<String, _> = serde_json::from_str(raw);
    unescaped.map(|text| Some(Cow::Owned(text))).map_err(|_| format!("{} holds an escape that is no text", quoted(raw)))
}

/// A text or the digits of a number, `true`, `false`; `None` for null.
pub(super) fn scalar(raw: &str) -> Result<Option<Cow<'_, str>>, String> {
    match unquoted(raw)? {
        Some(text) => Ok(Some(text)),
        None if raw == "null" => Ok(None),
        None => Ok(Some(Cow::Borrowed(raw))),
    }
}

/// An object as columns, if it is one.
#[derive(Debug, Default, PartialEq)]
pub(super) enum Part<'a> {
    #[default]
    Null,
    Row(Columns<'a>),
    /// A text, a number or a list.
    Other,
}

impl<'a> Part<'a> {
    pub(super) fn row(self) -> Option<Columns<'a>> {
        match self {
            Self::Row(columns) => Some(columns),
            Self::Null | Self::Other => None,
        }
    }
}

/// A whole text as a row, if it is one.
pub(super) fn part<'a>(text: &'a str, what: &str, fields: Option<&Fields>) -> Result<Part<'a>, DecodeError> {
    let mut json = Scanner::new(text);
    match scan_part(&mut json, fields).filter(|_| json.end().is_some()) {
        Some(part) => Ok(part),
        None => whole(text, what, RowSeed { fields }),
    }
}

/// What the seed below would read, as long as nothing is unusual.
pub(super) fn scan_part<'a>(json: &mut Scanner<'a>, fields: Option<&Fields>) -> Option<Part<'a>> {
    match json.peek()? {
        b'n' => json.null().map(|()| Part::Null),
        b'{' => {
            let mut columns = Vec::with_capacity(fields.map_or(12, Fields::len));
            json.object(|json, name| {
                let value = of_token(json.token()?)?;
                let kind = fields.map(|fields| fields.kind(columns.len(), name));
                columns.push(Column { name: Cow::Borrowed(name), value, kind });
                Some(())
            })?;
            Some(Part::Row(Columns(columns)))
        }
        _ => None,
    }
}

/// Reads a [`Part`]; the fields of a schema say what its columns are.
#[derive(Clone, Copy)]
pub(super) struct RowSeed<'s> {
    pub(super) fields: Option<&'s Fields>,
}

impl<'a> DeserializeSeed<'a> for RowSeed<'_> {
    type Value = Part<'a>;
    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Part<'a>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for RowSeed<'_> {
    type Value = Part<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Part<'a>, M::Error> {
        let mut columns = Vec::with_capacity(self.fields.map_or(12, Fields::len));
        while let Some(name) = map.next_key_seed(Name)? {
            let raw = raw(&mut map)?;
            let kind = self.fields.map(|fields| fields.kind(columns.len(), &name));
            let value = value(raw).map_err(|reason| M::Error::custom(format_args!("`{name}` is {reason}")))?;
            columns.push(Column { name, value, kind });
        }
        Ok(Part::Row(Columns(columns)))
    }

    fn visit_unit<E>(self) -> Result<Part<'a>, E> {
        Ok(Part::Null)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Part<'a>, E> {
        Ok(Part::Other)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Part<'a>, E> {
        Ok(Part::Other)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Part<'a>, E> {
        Ok(Part::Other)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Part<'a>, E> {
        Ok(Part::Other)
    }
    fn visit_str<E>(self, _: &str) -> Result<Part<'a>, E> {
        Ok(Part::Other)
    }
    fn visit_seq<S: SeqAccess<'a>>(self, mut list: S) -> Result<Part<'a>, S::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Part::Other)
    }
}

/// What stands for a value too large to be sent again, as text, as base64 and as hexadecimal digits.
const UNAVAILABLE: [&str; 3] = [
    "__debezium_unavailable_value",
    "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==",
    "5f5f646562657a69756d5f756e617661696c61626c655f76616c7565",
];
/// The same in a column that is a list or a map of texts.
const UNAVAILABLE_PARTS: [&str; 2] =
    [r#"["__debezium_unavailable_value"]"#, r#"{"__debezium_unavailable_value":"__debezium_unavailable_value"}"#];

/// One value of a column. `None`: the general reader is to be asked.
fn of_token(token: Token<'_>) -> Option<Value<'_>> {
    Some(match token {
        Token::Null => Value::Null,
        Token::Plain("true") => Value::Bool(true),
        Token::Plain("false") => Value::Bool(false),
        Token::Plain(digits) => Value::Number(Cow::Borrowed(digits)),
        Token::Text { inner, .. } if UNAVAILABLE.contains(&inner) => Value::Unavailable,
        Token::Text { inner, escapes: false } => Value::Text(Cow::Borrowed(inner)),
        Token::Text { inner, escapes: true } => match scan::unescaped(inner)? {
            text if UNAVAILABLE.contains(&text.as_str()) => Value::Unavailable,
            text => Value::Text(Cow::Owned(text)),
        },
        Token::Nested(raw) => value(raw).ok()?,
    })
}

/// A text or the digits of a number, `true`, `false`; an object or a list as it stands. `None`: the general reader
/// is to be asked.
#[allow(clippy::option_option, reason = "a null is an answer")]
pub(super) fn text_of_token(token: Token<'_>) -> Option<Text<'_>> {
    Some(match token {
        Token::Null => None,
        Token::Plain(text) | Token::Nested(text) | Token::Text { inner: text, escapes: false } => Some(text.into()),
        Token::Text { inner, escapes: true } => Some(scan::unescaped(inner)?.into()),
    })
}

/// One value of a column from its raw text.
pub(super) fn value(raw: &str) -> Result<Value<'_>, String> {
    Ok(match raw.as_bytes().first() {
        Some(b'"') => match unquoted(raw)? {
            Some(text) if UNAVAILABLE.contains(&&*text) => Value::Unavailable,
            Some(text) => Value::Text(text),
            None => return Err(format!("{} without an end", quoted(raw))),
        },
        Some(b'n') => Value::Null,
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'{' | b'[') if UNAVAILABLE_PARTS.contains(&raw) => Value::Unavailable,
        Some(b'{') => variable_scale(raw).unwrap_or(Value::Json(Cow::Borrowed(raw))),
        Some(b'[') => Value::Json(Cow::Borrowed(raw)),
        _ => Value::Number(Cow::Borrowed(raw)),
    })
}

/// `{"scale":2,"value":"BNI="}`: `io.debezium.data.VariableScaleDecimal`.
fn variable_scale(raw: &str) -> Option<Value<'_>> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Variable<'a> {
        scale: i32,
        #[serde(borrow)]
        value: Cow<'a, str>,
    }
    const LONGEST: usize = 120;
    if raw.len() > LONGEST {
        return None;
    }
    let read: Variable<'_> = serde_json::from_str(raw).ok()?;
    Some(Value::ScaledDecimal { scale: read.scale, unscaled: read.value })
}

/// A key: an object's columns, or one column without a name for anything else.
pub(super) fn key_columns<'a>(text: &'a str, what: &str, fields: Option<&Fields>) -> Result<Columns<'a>, DecodeError> {
    match part(text, what, fields)? {
        Part::Row(columns) => Ok(columns),
        Part::Null => Ok(Columns::default()),
        Part::Other => {
            let malformed = |reason| DecodeError::new(DecodeError::MALFORMED, format!("{what} is {reason}"));
            let value = value(text.trim()).map_err(malformed)?;
            Ok(Columns(vec![Column { name: Cow::Borrowed(""), value, kind: fields.map(|_| Kind::Plain) }]))
        }
    }
}
