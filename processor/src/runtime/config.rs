//! What a stage is configured with. Durations are milliseconds of the machine's clock.

use std::sync::Arc;

use crate::table::StateMemory;
use crate::task::TaskConfig;

/// The topics of one stage.
#[derive(Clone, Debug)]
pub struct Topics {
    pub input: String,
    pub changelog: String,
    pub dead_letters: String,
    /// Read to their end before any record, and followed from then on.
    pub broadcast: Vec<String>,
    /// Partial sums; `None` where the stage has no aggregates.
    pub aggregates: Option<String>,
    pub journal: Option<String>,
}

/// One stage.
#[derive(Clone, Debug)]
pub struct StageConfig {
    /// Consumer group, and prefix of the transactional ids.
    pub application: String,
    /// Stage name in dead letters and logs.
    pub stage: String,
    pub topics: Topics,
    pub task: TaskConfig,
    /// What the states of all partitions may take of the memory: the others are read from the stores
    /// when they are needed. `None`: all of them are in memory, decoded.
    pub states: Option<Arc<StateMemory>>,
    pub max_poll_records: usize,
    /// A transaction commits after this long at the latest; at once when an output is waiting and
    /// `minimum_commit_gap_ms` has passed.
    pub commit_interval_ms: i64,
    pub minimum_commit_gap_ms: i64,
    /// … or when this many records were processed: the most that an overlay holds. Under load it is four times as many,
    /// and as many again while the log commits those before.
    pub commit_records: usize,
    /// Committed rows go to the store within this.
    pub flush_interval_ms: i64,
    pub flush_bytes: usize,
    /// How long an incomplete epoch is waited for before it is passed over and journalled.
    pub epoch_wait_ms: i64,
    /// Records buffered for a partition that waits; past this it is paused.
    pub backlog_records: usize,
    /// Longest wait of one call to the log.
    pub call_timeout_ms: u64,
    /// How often the operator may look at the clock ([`crate::operator::Operator::on_tick`]); `None`: never.
    pub tick_ms: Option<i64>,
}
