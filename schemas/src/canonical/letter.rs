//! Dead-letter lines.

use super::json::{self, Object};
use crate::stream::DeadLetter;

/// Writes one dead-letter line with the original bytes: text where they are UTF-8, else
/// `{"hex":"…"}`.
pub fn write_dead_letter(letter: &DeadLetter, original: &[u8], out: &mut Vec<u8>) {
    let mut line = Object::open(out);
    line.text("topic", &letter.topic);
    line.integer("partition", i64::from(letter.partition));
    line.integer("offset", letter.offset);
    line.text("stage", &letter.stage);
    line.text("error_class", &letter.error_class);
    line.text("message", &letter.message);
    line.value("value", |out| json::bytes(out, original));
    line.close();
    out.push(b'\n');
}
