//! What is wrong with a rule document: where, why, and what to do.

use std::fmt;

/// One error of one document. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RuleError {
    pub file: String,
    pub line: u64,
    pub column: u64,
    /// Where in the document: `rules[2].threshold.service_level`. Empty for the whole document.
    pub path: String,
    /// What is wrong and what to do.
    pub reason: String,
}

/// `rules.yaml:7:34: rules[0].threshold.service_level: …`
impl fmt::Display for RuleError {
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
pub(super) struct Mark {
    pub line: u64,
    pub column: u64,
}

/// Collects every error of one document.
pub(super) struct Checker<'a> {
    file: &'a str,
    errors: Vec<RuleError>,
}

impl<'a> Checker<'a> {
    pub(super) const fn new(file: &'a str) -> Self {
        Self { file, errors: Vec::new() }
    }

    pub(super) fn fail(&mut self, at: Mark, path: &str, reason: impl Into<String>) {
        self.errors.push(RuleError {
            file: self.file.to_owned(),
            line: at.line,
            column: at.column,
            path: path.to_owned(),
            reason: reason.into(),
        });
    }

    /// The errors in the order of the text.
    pub(super) fn into_errors(mut self) -> Vec<RuleError> {
        self.errors.sort_by_key(|e| (e.line, e.column));
        self.errors
    }
}
