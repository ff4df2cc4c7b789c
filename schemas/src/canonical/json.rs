//! Writes JSON objects field by field, straight into a buffer.

use std::io::Write as _;

use crate::{Money, Quantity, Timestamp};

/// One JSON object being written. Fields appear in the order of the calls.
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> Object<'o> {
    pub(crate) fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    pub(crate) fn close(self) {
        self.out.push(b'}');
    }

    fn key(&mut self, name: &str) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        text(self.out, name);
        self.out.push(b':');
    }

    /// A value of another shape, written by the caller.
    pub(crate) fn value(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.key(name);
        write(self.out);
    }

    pub(crate) fn object(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        self.key(name);
        let mut inner = Object::open(self.out);
        fill(&mut inner);
        inner.close();
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.value(name, |out| text(out, value));
    }

    fn or_null<T>(&mut self, name: &str, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
        self.value(name, |out| match value {
            Some(value) => write(out, value),
            None => out.extend_from_slice(b"null"),
        });
    }

    /// The text, or `null`.
    pub(crate) fn text_or_null(&mut self, name: &str, value: Option<&str>) {
        self.or_null(name, value, text);
    }

    /// The field only where there is something to say.
    pub(crate) fn text_if(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    pub(crate) fn integer(&mut self, name: &str, value: i64) {
        self.value(name, |out| integer(out, value));
    }

    pub(crate) fn flag(&mut self, name: &str, value: bool) {
        self.value(name, |out| out.extend_from_slice(if value { b"true" } else { b"false" }));
    }

    pub(crate) fn number(&mut self, name: &str, value: f64) {
        self.value(name, |out| number(out, value));
    }

    pub(crate) fn number_or_null(&mut self, name: &str, value: Option<f64>) {
        self.or_null(name, value, number);
    }

    pub(crate) fn quantity(&mut self, name: &str, value: Quantity) {
        self.value(name, |out| quantity(out, value));
    }

    pub(crate) fn quantity_or_null(&mut self, name: &str, value: Option<Quantity>) {
        self.or_null(name, value, quantity);
    }

    pub(crate) fn quantity_if(&mut self, name: &str, value: Option<Quantity>) {
        if let Some(value) = value {
            self.quantity(name, value);
        }
    }

    /// A text: readers that know only binary numbers must not round it.
    pub(crate) fn money_if(&mut self, name: &str, value: Option<Money>) {
        if let Some(value) = value {
            self.value(name, |out| display(out, format_args!("\"{value}\"")));
        }
    }

    /// Whole seconds, as the contract has it.
    pub(crate) fn time(&mut self, name: &str, value: Timestamp) {
        self.value(name, |out| display(out, format_args!("\"{value}\"")));
    }

    /// With its milliseconds, for records that are read back.
    pub(crate) fn exact_time(&mut self, name: &str, value: Timestamp) {
        self.text(name, &value.exact());
    }
}

/// Writes items between brackets.
pub(crate) fn array<T>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

pub(crate) fn text(out: &mut Vec<u8>, value: &str) {
    if value.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\') {
        out.push(b'"');
        out.extend_from_slice(value.as_bytes());
        out.push(b'"');
    } else {
        serialize(out, value);
    }
}

/// The shortest text that reads back as the same number; `null` for what JSON cannot say.
pub(crate) fn number(out: &mut Vec<u8>, value: f64) {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        integer(out, value as i64);
    } else {
        serialize(out, &value);
    }
}

pub(crate) fn integer(out: &mut Vec<u8>, value: i64) {
    serialize(out, &value);
}

pub(crate) fn quantity(out: &mut Vec<u8>, value: Quantity) {
    if value.thousandths() % 1000 == 0 {
        integer(out, value.thousandths() / 1000);
    } else {
        display(out, format_args!("{value}"));
    }
}

#[allow(clippy::expect_used)]
fn serialize<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    // Numbers and texts always have a JSON form, and writing to memory cannot fail.
    serde_json::to_writer(out, value).expect("a number or text written to memory");
}

#[allow(clippy::expect_used, reason = "writing to memory cannot fail")]
pub(crate) fn display(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("writing to memory cannot fail");
}

/// Bytes as text where they are UTF-8, else as hex: nothing is lost.
pub(crate) fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    match std::str::from_utf8(value) {
        Ok(valid) => text(out, valid),
        Err(_) => hex(out, value),
    }
}

/// Bytes as `{"hex":"…"}`, whatever they are.
pub(crate) fn hex(out: &mut Vec<u8>, value: &[u8]) {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).map_or(b'0', |c| c as u8);
    out.extend_from_slice(b"{\"hex\":\"");
    out.extend(value.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    out.extend_from_slice(b"\"}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_short_and_always_json() {
        for (value, expected) in [
            (2.0, "2"),
            (-0.0, "0"),
            (2.5, "2.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e300, "1e+300"),
            (f64::NAN, "null"),
            (f64::INFINITY, "null"),
            (5e-324, "5e-324"),
        ] {
            let text = written(|out| number(out, value));
            assert_eq!(text.replace("e+", "e"), expected.replace("e+", "e"));
        }
        assert_eq!(written(|out| quantity(out, Quantity::from_thousandths(-2500))), "-2.5");
        assert_eq!(written(|out| quantity(out, Quantity::from_thousandths(i64::MIN))), "-9223372036854775.808");
    }

    #[test]
    fn texts_are_escaped_only_where_they_must_be() {
        assert_eq!(written(|out| text(out, "手机壳 \"A\"\n")), r#""手机壳 \"A\"\n""#);
        assert_eq!(written(|out| bytes(out, b"\xff\x00")), r#"{"hex":"ff00"}"#);
    }
}
