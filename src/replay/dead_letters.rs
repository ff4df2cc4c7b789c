//! Lines that could not be used: written with their reason, counted by class, and warned about a
//! few times per class. None of them stops a run.

use std::collections::BTreeMap;
use std::path::Path;

use schemas::canonical::{self, RefusedLine};

use super::input::Line;
use super::output::{Output, OutputError};

/// A broken export has one fault in every line: a log full of it helps nobody.
const WARNINGS_PER_CLASS: u64 = 3;

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
        let refused = RefusedLine { input: line.input, line: line.number, class, message, original: bytes };
        self.output.write(|out| canonical::write_refused_line(&refused, out))?;
        Ok(loud)
    }

    pub fn finish(&mut self) -> Result<(), OutputError> {
        self.output.finish()
    }
}
