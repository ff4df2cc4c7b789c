//! Where a worker stands: what a supervisor asks it, and whether somebody took its place.

use std::time::Duration;

use super::{RuntimeError, StageConfig, Worker};
use crate::operator::Operator;
use crate::ports::LogError;

/// How far a worker has come since it joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The group has not answered yet.
    Joining,
    /// These partitions are assigned and not restored yet.
    Restoring(Vec<i32>),
    /// The group has assigned what it has for this member, if only nothing, and all of it is open.
    Ready,
}

impl<O: Operator> Worker<O> {
    pub fn standing(&self) -> Standing {
        if !self.joined {
            Standing::Joining
        } else if self.opening.is_empty() {
            Standing::Ready
        } else {
            Standing::Restoring(self.opening.keys().copied().collect())
        }
    }

    /// Every partition assigned to this member is open.
    pub fn is_ready(&self) -> bool {
        self.standing() == Standing::Ready
    }

    /// For a worker whose producer was fenced and that will not go on: was that a newer member of the
    /// same name, as the group says, or a transaction that timed out? Listens for one poll; whatever
    /// else it brings is dropped, as nothing of it was committed.
    pub fn displaced(&mut self, max_wait: Duration) -> Option<RuntimeError> {
        let polled = self.consumer.poll(1, max_wait).map(drop);
        match poll_error(&self.config, &self.instance, polled.err()?) {
            displaced @ RuntimeError::Displaced { .. } => Some(displaced),
            _ => None,
        }
    }
}

/// A consumer is fenced by nothing but a newer member of the same name.
pub(super) fn poll_error(config: &StageConfig, instance: &str, error: LogError) -> RuntimeError {
    match error {
        LogError::Fenced { operation, reason } => RuntimeError::Displaced {
            operation,
            group: config.application.clone(),
            instance: instance.to_owned(),
            reason,
        },
        other => other.into(),
    }
}
