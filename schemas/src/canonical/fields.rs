//! One JSON object as the raw text of its known fields, and the readers of those texts.
//!
//! Two steps: the whole line is checked as JSON first, then the known fields are read one by one.
//! So a line that is cut off is `malformed` whatever else it holds, and every other error can name
//! its field.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::change::identifier;
use crate::error::quoted;
use crate::{Day, DecodeError, Money, Quantity, Timestamp};

/// Where the raw text of each known field goes.
pub(crate) trait Slots<'a>: Default {
    /// Takes the value of a field it knows; `false` leaves an unknown one to be skipped.
    fn take<M: MapAccess<'a>>(&mut self, name: &str, map: &mut M) -> Result<bool, M::Error>;
}

/// A struct with the raw text of each field, called by its name or as told.
macro_rules! slots {
    ($type:ident { $($field:ident),+ $(; $renamed:ident = $name:literal)? }) => {
        #[derive(Default)]
        struct $type<'a> { $($field: Option<&'a str>,)+ $($renamed: Option<&'a str>)? }

        impl<'a> $crate::canonical::fields::Slots<'a> for $type<'a> {
            fn take<M: serde::de::MapAccess<'a>>(&mut self, name: &str, map: &mut M) -> Result<bool, M::Error> {
                let slot = match name {
                    $(stringify!($field) => &mut self.$field,)+
                    $($name => &mut self.$renamed,)?
                    _ => return Ok(false),
                };
                $crate::canonical::fields::fill(slot, name, map)
            }
        }
    };
}
pub(crate) use slots;

/// Takes a value as it stands; `null` is absent.
pub(crate) fn fill<'a, M: MapAccess<'a>>(
    slot: &mut Option<&'a str>,
    name: &str,
    map: &mut M,
) -> Result<bool, M::Error> {
    let value = map.next_value::<&'a RawValue>()?.get();
    if slot.is_some() {
        return Err(twice(name));
    }
    if value != "null" {
        *slot = Some(value);
    }
    Ok(true)
}

#[cold]
pub(crate) fn twice<E: serde::de::Error>(name: &str) -> E {
    E::custom(format_args!("`{name}` appears twice"))
}

/// Takes the fields of an object within the object, in the same pass.
pub(crate) fn nested<'a, T: Slots<'a>, M: MapAccess<'a>>(map: &mut M) -> Result<T, M::Error> {
    map.next_value_seed(ObjectSeed(PhantomData))
}

/// A line as text. Invalid UTF-8 is found here, once.
pub(crate) fn utf8(line: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(line).map_err(|e| {
        DecodeError::malformed(format!("invalid UTF-8 at byte {}; lines are JSON in UTF-8", e.valid_up_to()))
    })
}

/// Reads one object. `what` names it in errors.
pub(crate) fn object<'a, T: Slots<'a>>(text: &'a str, what: &str) -> Result<T, DecodeError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let slots = ObjectSeed(PhantomData).deserialize(&mut json);
    slots.and_then(|slots| json.end().map(|()| slots)).map_err(|e| not_an_object(text, what, &e))
}

#[cold]
fn not_an_object(text: &str, what: &str, error: &serde_json::Error) -> DecodeError {
    if text.trim().is_empty() {
        return DecodeError::malformed(format!("{what} is empty; expected a JSON object"));
    }
    // serde_json counts bytes; the message shows the text just before, which names the field.
    let end = text.floor_char_boundary(error.column());
    let start = text.floor_char_boundary(end.saturating_sub(30));
    let reason = error.to_string();
    let reason = reason.rsplit_once(" at line ").map_or(&*reason, |(reason, _)| reason);
    // The reason may quote the line's own text, which may be long.
    let reason = &reason[..reason.floor_char_boundary(100)];
    DecodeError::malformed(format!(
        "{what} is not a JSON object: {reason} at byte {end}, after {:?}",
        &text[start..end]
    ))
}

struct ObjectSeed<T>(PhantomData<T>);

impl<'a, T: Slots<'a>> DeserializeSeed<'a> for ObjectSeed<T> {
    type Value = T;
    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<T, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'a, T: Slots<'a>> Visitor<'a> for ObjectSeed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<T, M::Error> {
        let mut slots = T::default();
        while let Some(name) = map.next_key_seed(NameSeed)? {
            if !slots.take(&name, &mut map)? {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(slots)
    }
}

/// A field name, borrowed unless it holds escapes.
struct NameSeed;

impl<'a> DeserializeSeed<'a> for NameSeed {
    type Value = Cow<'a, str>;
    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for NameSeed {
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

/// The raw text of one field, with its name for errors.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'static str,
    pub(crate) raw: Option<&'a str>,
}

pub(crate) const fn field<'a>(name: &'static str, raw: Option<&'a str>) -> Field<'a> {
    Field { name, raw }
}

impl<'a> Field<'a> {
    pub(crate) fn required(self) -> Result<&'a str, DecodeError> {
        self.raw.ok_or_else(|| DecodeError::missing(self.name))
    }

    #[cold]
    fn wrong_type(self, raw: &str, expected: &str) -> DecodeError {
        let found = match raw.as_bytes().first() {
            Some(b'"') => "a text",
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b't' | b'f') => "a boolean",
            _ => "a number",
        };
        DecodeError::malformed(format!("`{}` is {found}, {}; expected {expected}", self.name, quoted(raw)))
    }

    #[cold]
    fn invalid(self, class: &'static str, raw: &str, reason: impl fmt::Display) -> DecodeError {
        DecodeError::new(class, format!("`{}` is {}: {reason}", self.name, quoted(raw)))
    }

    fn parse_text(self, raw: &'a str, expected: &str) -> Result<Cow<'a, str>, DecodeError> {
        let inner = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let inner = inner.ok_or_else(|| self.wrong_type(raw, expected))?;
        if !inner.as_bytes().contains(&b'\\') {
            return Ok(Cow::Borrowed(inner));
        }
        serde_json::from_str(raw).map(Cow::Owned).map_err(|e| self.invalid(DecodeError::MALFORMED, raw, e))
    }

    /// Text; empty is absent.
    pub(crate) fn text(self) -> Result<Option<Cow<'a, str>>, DecodeError> {
        let Some(raw) = self.raw else { return Ok(None) };
        self.parse_text(raw, "a text").map(|text| Some(text).filter(|t| !t.is_empty()))
    }

    /// Text of its own, for records that are kept.
    pub(crate) fn owned(self) -> Result<Option<String>, DecodeError> {
        self.text().map(|text| text.map(Cow::into_owned))
    }

    /// A bounded text that must be there.
    pub(crate) fn identifier(self) -> Result<Cow<'a, str>, DecodeError> {
        let text = self.text()?.ok_or_else(|| DecodeError::missing(self.name))?;
        identifier(self.name, &text)?;
        Ok(text)
    }

    /// A text, or the digits of a number.
    pub(crate) fn text_or_number(self) -> Result<Option<Cow<'a, str>>, DecodeError> {
        match self.raw {
            Some(raw) if is_number(raw) => Ok(Some(Cow::Borrowed(raw))),
            _ => self.text(),
        }
    }

    /// The digits of a number, or of a text that holds one.
    fn decimal<T>(
        self,
        class: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, DecodeError> {
        let Some(raw) = self.raw else { return Ok(None) };
        if is_number(raw) {
            return parse(raw).map(Some).map_err(|reason| self.invalid(class, raw, reason));
        }
        let text = self.parse_text(raw, expected)?;
        if text.is_empty() {
            return Ok(None);
        }
        parse(&text).map(Some).map_err(|reason| self.invalid(class, &text, reason))
    }

    pub(crate) fn quantity(self) -> Result<Option<Quantity>, DecodeError> {
        let parse = |text: &str| Quantity::parse(text).map_err(|e| e.to_string());
        self.decimal(DecodeError::INVALID_QUANTITY, "a number, or a text with a number", parse)
    }

    pub(crate) fn quantity_not_negative(self) -> Result<Option<Quantity>, DecodeError> {
        let parse = |text: &str| match Quantity::parse(text) {
            Ok(quantity) if quantity.is_negative() => Err("negative".to_owned()),
            other => other.map_err(|e| e.to_string()),
        };
        self.decimal(DecodeError::INVALID_QUANTITY, "a number, or a text with a number", parse)
    }

    pub(crate) fn money(self) -> Result<Option<Money>, DecodeError> {
        let parse = |text: &str| Money::parse(text).map_err(|e| e.to_string());
        self.decimal(DecodeError::INVALID_MONEY, "a number, or a text with a number", parse)
    }

    pub(crate) fn integer<T: std::str::FromStr>(self) -> Result<Option<T>, DecodeError> {
        let parse = |text: &str| text.parse().map_err(|_| "not a whole number within range".to_owned());
        self.decimal(DecodeError::INVALID_NUMBER, "a whole number", parse)
    }

    /// A finite number ≥ 0.
    pub(crate) fn figure(self) -> Result<Option<f64>, DecodeError> {
        let parse = |text: &str| match text.parse::<f64>() {
            Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
            _ => Err("not a finite number of zero or more".to_owned()),
        };
        self.decimal(DecodeError::INVALID_NUMBER, "a number", parse)
    }

    pub(crate) fn time(self) -> Result<Option<Timestamp>, DecodeError> {
        let Some(text) = self.time_text()? else { return Ok(None) };
        Timestamp::parse(&text).map(Some).map_err(|e| self.invalid(DecodeError::INVALID_TIME, &text, e))
    }

    /// An instant, or a date: that day's first instant in UTC.
    pub(crate) fn time_or_date(self) -> Result<Option<Timestamp>, DecodeError> {
        match self.time_text()? {
            Some(text) if text.len() == 10 => self.day().map(|day| day.map(Day::start_utc)),
            _ => self.time(),
        }
    }

    pub(crate) fn day(self) -> Result<Option<Day>, DecodeError> {
        let Some(text) = self.time_text()? else { return Ok(None) };
        Day::parse(&text).map(Some).map_err(|e| self.invalid(DecodeError::INVALID_TIME, &text, e))
    }

    fn time_text(self) -> Result<Option<Cow<'a, str>>, DecodeError> {
        let Some(raw) = self.raw else { return Ok(None) };
        self.parse_text(raw, "a text with a time").map(|text| Some(text).filter(|t| !t.is_empty()))
    }

    /// A list of `T` that serde can read.
    pub(crate) fn list<T: serde::Deserialize<'a>>(self, expected: &str) -> Result<Vec<T>, DecodeError> {
        let Some(raw) = self.raw else { return Ok(Vec::new()) };
        serde_json::from_str(raw).map_err(|_| self.wrong_type(raw, expected))
    }
}

fn is_number(raw: &str) -> bool {
    raw.as_bytes().first().is_some_and(|b| b.is_ascii_digit() || *b == b'-')
}
