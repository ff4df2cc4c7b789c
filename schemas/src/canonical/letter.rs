//! Dead-letter lines: input lines that could not be used.

use super::json::{self, Object};

/// A line that could not be used, and why.
#[derive(Clone, Copy, Debug)]
pub struct RefusedLine<'a> {
    pub input: &'a str,
    /// From 1, per input.
    pub line: u64,
    /// The class of the error, as in [`crate::DecodeError`].
    pub class: &'a str,
    pub message: &'a str,
    pub original: &'a [u8],
}

/// Writes one dead-letter line with the original bytes: text where they are UTF-8, else
/// `{"hex":"…"}`.
pub fn write_refused_line(refused: &RefusedLine<'_>, out: &mut Vec<u8>) {
    let mut line = Object::open(out);
    line.text("input", refused.input);
    line.integer("line", i64::try_from(refused.line).unwrap_or(i64::MAX));
    line.text("class", refused.class);
    line.text("message", refused.message);
    line.value("value", |out| json::bytes(out, refused.original));
    line.close();
    out.push(b'\n');
}
