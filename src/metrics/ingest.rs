//! What comes in, by input.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use processor::runtime::{Observer, Progress};
use prometheus::{IntCounter, IntCounterVec, Result};

use super::Families;

/// Figures of all inputs.
pub struct IngestMetrics {
    received: IntCounterVec,
    rejected: IntCounterVec,
    unmapped: IntCounterVec,
}

/// Tables that are told apart; the others count together.
const MOST_TABLES: usize = 100;
const OTHER_TABLES: &str = "(others)";

impl IngestMetrics {
    pub fn new(families: &Families) -> Result<Self> {
        Ok(Self {
            received: families.counters(
                "ingest_records_received_total",
                &["source"],
                "Records of an input that were read and committed, whatever became of them.",
            )?,
            rejected: families.counters(
                "ingest_records_rejected_total",
                &["source", "reason"],
                "Records of an input that could not be used and went to the dead letters, by the class of the reason.",
            )?,
            unmapped: families.counters(
                "ingest_unmapped_changes_total",
                &["source", "table"],
                "Changes of tables that the mapping of an input does not name, passed by; at most 100 tables by name.",
            )?,
        })
    }

    /// Where an input counts the tables that its mapping does not name.
    pub fn unmapped(&self, input: &str) -> UnmappedTables {
        UnmappedTables { counter: self.unmapped.clone(), input: input.to_owned(), known: Arc::default() }
    }

    /// The figures of one input, at zero.
    pub fn of(&self, input: &str, classes: &[&'static str]) -> InputMetrics {
        for class in classes {
            self.rejected.with_label_values(&[input, class]);
        }
        InputMetrics {
            received: self.received.with_label_values(&[input]),
            rejected: self.rejected.clone(),
            input: input.to_owned(),
        }
    }
}

/// Counts what a mapping does not name.
#[derive(Clone)]
pub struct UnmappedTables {
    counter: IntCounterVec,
    input: String,
    known: Arc<Mutex<BTreeSet<String>>>,
}

impl UnmappedTables {
    pub fn count(&self, table: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = table;
        if !known.contains(table) {
            if known.len() < MOST_TABLES {
                tracing::info!(
                    input = self.input,
                    table,
                    "a table that the mapping does not name; its changes are passed by"
                );
                known.insert(table.to_owned());
            } else {
                table = OTHER_TABLES;
            }
        }
        self.counter.with_label_values(&[self.input.as_str(), table]).inc();
    }
}

/// Watches the workers of one input.
pub struct InputMetrics {
    received: IntCounter,
    rejected: IntCounterVec,
    input: String,
}

impl Observer for InputMetrics {
    fn committed(&self, progress: &Progress) {
        let outcomes = &progress.outcomes;
        let usable = outcomes.ok + outcomes.duplicate + outcomes.late + outcomes.filtered;
        self.received.inc_by(usable + progress.rejected);
    }

    fn rejected(&self, class: &'static str) {
        self.rejected.with_label_values(&[self.input.as_str(), class]).inc();
    }
}
