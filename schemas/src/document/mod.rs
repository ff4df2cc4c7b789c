//! Documents that people write: YAML read into a tree that knows its places, typed reading of it, and
//! every error with where, why, and what to do.
//!
//! Rule documents and mappings are read through this. It must never know what a key means.

pub mod fields;
pub mod yaml;

pub use fields::{Fields, Range};
pub use yaml::{Node, Value};

use std::fmt;

/// One error of one document. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct DocumentError {
    pub file: String,
    pub line: u64,
    pub column: u64,
    /// Where in the document: `rules[2].threshold.service_level`. Empty for the whole document.
    pub path: String,
    /// What is wrong and what to do.
    pub reason: String,
}

/// `rules.yaml:7:34: rules[0].threshold.service_level: …`
impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.reason)
    }
}

/// A place in the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    pub line: u64,
    pub column: u64,
}

/// Collects every error of one document.
pub struct Checker<'a> {
    file: &'a str,
    errors: Vec<DocumentError>,
}

impl<'a> Checker<'a> {
    pub const fn new(file: &'a str) -> Self {
        Self { file, errors: Vec::new() }
    }

    pub fn fail(&mut self, at: Mark, path: &str, reason: impl Into<String>) {
        self.errors.push(DocumentError {
            file: self.file.to_owned(),
            line: at.line,
            column: at.column,
            path: path.to_owned(),
            reason: reason.into(),
        });
    }

    /// The errors in the order of the text.
    pub fn into_errors(mut self) -> Vec<DocumentError> {
        self.errors.sort_by_key(|e| (e.line, e.column));
        self.errors
    }
}
