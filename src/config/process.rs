//! Section of `quartermaster process`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ProcessSection {
    /// Worker threads. Without a value one for every two processors, at most one for each partition: each has a Kafka client
    /// with threads of its own, and workers wait for each other's sums. Flag: `--threads`.
    #[schemars(range(min = 1, max = 1024))]
    pub threads: Option<u32>,
    /// Partitions of `inventory.events` and of everything that follows it. Never change it once records are there: a
    /// SKU's partition must not move.
    #[schemars(range(min = 1, max = 1024))]
    pub events_partitions: i32,
    /// How long timers and windows wait for late events, in milliseconds.
    #[schemars(range(min = 0, max = 31_622_400_000_i64))]
    pub grace_ms: i64,
    /// How long an aggregate that other partitions still owe is waited for, before the run goes on without it and
    /// writes that down in `inventory.journal`.
    #[schemars(range(min = 0, max = 3_600_000))]
    pub epoch_wait_ms: i64,
    /// A transaction commits after this long at the latest. While polls come back full it takes three times what the
    /// last commit took, four times this at most, and as many times the records; where those are older than a
    /// second, as after an outage, four times this in any case.
    #[schemars(range(min = 1, max = 5_000))]
    pub commit_interval_ms: i64,
    /// … at once when an alert waits, but not before this long after the last commit.
    #[schemars(range(min = 0, max = 5_000))]
    pub minimum_commit_gap_ms: i64,
    /// … or when so many records were processed. After a transaction with a tenth of them records go on while the log
    /// commits it.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub commit_records: u32,
    /// Records that one poll takes at most.
    #[schemars(range(min = 1, max = 100_000))]
    pub poll_records: u32,
    /// Committed rows go to the local state after this, under load a few commits later. A crash reads as much of the changelog again.
    #[schemars(range(min = 10, max = 600_000))]
    pub flush_interval_ms: i64,
    /// … or when so many bytes wait.
    #[schemars(range(min = 65_536, max = 1_073_741_824))]
    pub flush_bytes: u64,
    /// Records kept for a partition that waits; past it the partition is paused.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub backlog_records: u32,
}

impl Default for ProcessSection {
    fn default() -> Self {
        Self {
            threads: None,
            events_partitions: schemas::topics::DEFAULT_PARTITIONS,
            grace_ms: 600_000,
            epoch_wait_ms: 60_000,
            commit_interval_ms: 25,
            minimum_commit_gap_ms: 10,
            commit_records: 5_000,
            poll_records: 2_000,
            flush_interval_ms: 1_000,
            flush_bytes: 64 << 20,
            backlog_records: 10_000,
        }
    }
}
