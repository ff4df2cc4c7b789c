//! Lines that could not be used: written with their reason, counted by class, and warned about a
//! few times per class. None of them stops a run.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::input::Line;
use super::output::{Output, OutputError};

/// A broken export has one fault in every line: a log full of it helps nobody.
const WARNINGS_PER_CLASS: u64 = 3;

/// One dead letter, as it is written.
#[derive(Serialize)]
struct DeadLetter<'a> {
    input: &'a str,
    /// From 1.
    line: u64,
    class: &'a str,
    message: &'a str,
    value: Value<'a>,
}

/// The original bytes: as text where they are UTF-8.
#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Text(&'a str),
    Bytes { hex: String },
}

/// Where dead letters go, and how many there were of each class.
pub struct DeadLetters {
    output: Output,
    pub by_class: BTreeMap<&'static str, u64>,
}

impl DeadLetters {
    pub fn create(path: Option<&Path>) -> Result<Self, OutputError> {
        Ok(Self { output: Output::create(path)?, by_class: BTreeMap::new() })
    }

    /// Takes a line with its bytes (for a line too long, its head). True while its class is still
    /// worth a warning.
    pub fn take(
        &mut self,
        line: &Line<'_>,
        bytes: &[u8],
        class: &'static str,
        message: &str,
    ) -> Result<bool, OutputError> {
        let count = self.by_class.entry(class).or_insert(0);
        *count += 1;
        let loud = *count <= WARNINGS_PER_CLASS;
        let value = std::str::from_utf8(bytes).map_or_else(|_| Value::Bytes { hex: hex(bytes) }, Value::Text);
        let letter = DeadLetter { input: line.input, line: line.number, class, message, value };
        self.output.write(|out| {
            // Texts and numbers always have a JSON form, and writing to memory cannot fail.
            let _ = serde_json::to_writer(&mut *out, &letter);
            out.push(b'\n');
        })?;
        Ok(loud)
    }

    pub fn finish(&mut self) -> Result<(), OutputError> {
        self.output.finish()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |text, byte| text + &format!("{byte:02x}"))
}
