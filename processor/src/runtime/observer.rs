//! What a worker tells about itself, for metrics. Called per batch, commit or rebalance, never per
//! record, and never with anything that decides.

use std::time::Duration;

use schemas::Timestamp;

use crate::operator::Outcome;

/// What a worker spends its time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Decoding a batch and folding it into the tasks.
    Apply,
    /// One transaction, from its first record to its commit.
    Commit,
    /// Bringing the stores up to date.
    Flush,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionResult {
    Committed,
    Aborted,
    InDoubt,
    Fenced,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebalanceKind {
    Assigned,
    Revoked,
    Lost,
}

/// Committed records of one partition, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeCounts {
    pub ok: u64,
    pub duplicate: u64,
    pub late: u64,
    pub filtered: u64,
}

impl OutcomeCounts {
    pub(super) fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Ok => self.ok += 1,
            Outcome::Duplicate => self.duplicate += 1,
            Outcome::Late => self.late += 1,
            Outcome::Filtered => self.filtered += 1,
        }
    }
}

/// What a partition has committed.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub partition: i32,
    /// Offset of the next record.
    pub position: i64,
    /// When the last record taken was written, in milliseconds of its producer's or broker's clock.
    pub timestamp_ms: i64,
    pub stream_time: Timestamp,
    pub outcomes: OutcomeCounts,
    /// Records that went to the dead letters.
    pub rejected: u64,
}

/// Somebody who watches a worker. Must be quick: the worker waits.
pub trait Observer: Send + Sync {
    fn spent(&self, _phase: Phase, _took: Duration) {}
    fn committed(&self, _progress: &Progress) {}
    /// A record went to the dead letters, for a reason of this class.
    fn rejected(&self, _class: &'static str) {}
    fn transaction(&self, _result: TransactionResult) {}
    fn rebalanced(&self, _kind: RebalanceKind, _partitions: &[i32]) {}
    /// Rows of the changelog still to be read before the partition opens.
    fn restoring(&self, _partition: i32, _remaining: i64) {}
    /// The partition has opened, in this time since it was assigned.
    fn restored(&self, _partition: i32, _records: u64, _full: bool, _took: Duration) {}
    /// Records of the input that are there and not processed yet.
    fn lag(&self, _partition: i32, _records: i64) {}
}

/// Nobody watches.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl Observer for Unobserved {}
