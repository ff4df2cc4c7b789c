//! Runs the tasks of one stage on a log: one worker is one OS thread, one member of the consumer
//! group and one transactional producer.
//!
//! The protocol (docs/INVARIANTS.md numbers what it keeps): records are folded into the tasks'
//! overlay; one transaction writes outputs, changelog and input offsets; behind a successful commit
//! the rows go to the store, within the flush interval. Under load the next records are folded while the log
//! commits. The store never holds what is not
//! committed. A crash replays at most one flush interval of changelog.

mod backlog;
mod broadcast;
mod closing;
mod commit;
mod config;
mod failpoint;
mod flushing;
mod lane;
mod observer;
mod opening;
mod pacing;
mod pending;
mod sampling;
mod standing;
mod transactions;
mod underway;
mod worker;

pub use config::{StageConfig, Topics};
pub use failpoint::{FailPoint, NoFailPoints, ProtocolStep};
pub use observer::{Observer, OutcomeCounts, Phase, Progress, RebalanceKind, TransactionResult, Unobserved};
pub use standing::Standing;
pub use worker::{Activity, Worker, WorkerParts, WorkerStats};

use crate::ports::LogError;
use crate::restore::RestoreError;
use crate::store::StoreError;

/// The clocks of the machine, as the runtime is handed them. They decide when to commit, when to
/// flush and how long to wait; never what is decided.
pub trait Clock: Send + Sync {
    /// Never goes back; its zero means nothing.
    fn monotonic_ms(&self) -> i64;
    /// The same clock, finer where the machine's is: for measuring.
    fn monotonic_us(&self) -> i64 {
        self.monotonic_ms() * 1000
    }
    fn wall_ms(&self) -> i64;
}

/// Why a worker stopped. Everything it had not committed is undone by the next owner's restore.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Restore(#[from] RestoreError),
    #[error("{topic}-{partition}: the committed position is {position}, but the topic {begins_or_ends}; {what_to_do}")]
    InputGone { topic: String, partition: i32, position: i64, begins_or_ends: String, what_to_do: &'static str },
    /// A newer member with the same instance id took this one's place in the group.
    #[error("{operation}: instance {instance:?} of group {group:?} was taken over: {reason}")]
    Displaced { operation: &'static str, group: String, instance: String, reason: String },
    /// A fail point asked for a crash at this step.
    #[error("killed at fail point {0:?}")]
    Killed(ProtocolStep),
}
