//! Between the dispatcher and whatever sends: jobs out, outcomes back.

use std::sync::Arc;

use schemas::notification::SendOutcome;
use schemas::{Notification, Timestamp};
use uuid::Uuid;

/// One try of one attempt: names a send, and its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Try {
    pub attempt: Uuid,
    /// From 1.
    pub number: u32,
}

/// A try that was claimed, and whose claim has committed.
#[derive(Clone, Debug)]
pub struct Job {
    pub partition: i32,
    pub number: u32,
    pub claimed_at: Timestamp,
    pub order: Arc<Notification>,
}

impl Job {
    pub fn of(&self) -> Try {
        Try { attempt: self.order.attempt_id, number: self.number }
    }
}

/// What came of a try.
#[derive(Clone, Debug)]
pub struct Finished {
    pub of: Try,
    pub outcome: SendOutcome,
}

/// Sends, outside of every transaction. It outlives the partitions it sends for: an outcome stays until
/// somebody says that it is written down.
pub trait Outbox: Send + Sync {
    /// Begins to send. Never waits.
    fn submit(&self, job: Job);
    /// Outcomes of a partition that nobody has written down yet.
    fn outcomes(&self, partition: i32) -> Vec<Finished>;
    /// The outcome is written down, or nobody asks for it.
    fn done_with(&self, partition: i32, of: Try);
    /// The try is under way here, or its outcome waits here.
    fn knows(&self, partition: i32, of: Try) -> bool;
}
