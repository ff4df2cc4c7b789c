//! What becomes of a service whose worker ended with an error.

use anyhow::{Error, anyhow};
use processor::restore::RestoreError;
use processor::runtime::RuntimeError;
use processor::store::StoreError;

use crate::exit::Failure;

/// What to do after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Destroy the worker and open it again: its clients are no good any more, its partitions are.
    Reopen,
    /// The service stops with exit code 1.
    Fail,
    /// The service stops with exit code 2: what it was asked is at fault.
    Refuse,
}

/// Judges the error of a running worker, whose state directory is this process's own.
pub(super) fn of(error: &RuntimeError) -> Verdict {
    match error {
        RuntimeError::Log(_) => Verdict::Reopen,
        RuntimeError::Store(error) | RuntimeError::Restore(RestoreError::Store(error)) => of_store(error),
        RuntimeError::Restore(RestoreError::Log(_) | RestoreError::Unstable { .. } | RestoreError::Underway { .. }) => {
            Verdict::Reopen
        }
        // Written by a newer binary: this one cannot, however often it is started.
        RuntimeError::Restore(RestoreError::Row { source, .. }) if source.is_newer() => Verdict::Refuse,
        RuntimeError::Restore(RestoreError::Row { .. } | RestoreError::Unproven { .. })
        | RuntimeError::InputGone { .. }
        | RuntimeError::Displaced { .. }
        | RuntimeError::Killed(_) => Verdict::Fail,
    }
}

fn of_store(error: &StoreError) -> Verdict {
    match error {
        StoreError::Foreign { .. } | StoreError::TooNew { .. } => Verdict::Refuse,
        StoreError::Io { .. } | StoreError::Row(_) => Verdict::Fail,
        // Damaged: opening sets it aside. Locked: another thread of this process has lost the partition and has not
        // noticed yet; other processes were kept out when the directory was claimed.
        StoreError::Corrupt { .. } | StoreError::Locked { .. } => Verdict::Reopen,
    }
}

/// The state directory could not be had.
pub(super) fn of_claim(error: StoreError) -> Failure {
    match of_store(&error) {
        Verdict::Refuse => Failure::request(error),
        Verdict::Reopen | Verdict::Fail => Failure::runtime(error),
    }
}

/// The service's last word about a worker.
pub(super) fn failure(worker: &str, error: RuntimeError) -> Failure {
    let verdict = of(&error);
    let error = match error {
        RuntimeError::Displaced { .. } => anyhow!(
            "{error}; another process runs under the same name: give each its own `service.instance` (or POD_NAME), or \
             stop one"
        ),
        _ => Error::new(error),
    };
    let error = error.context(format!("{worker} cannot go on"));
    if verdict == Verdict::Refuse { Failure::Request(error) } else { Failure::Runtime(error) }
}

#[cfg(test)]
mod tests {
    use processor::ports::LogError;
    use schemas::row::RowError;

    use super::*;

    #[test]
    fn only_troubles_of_the_log_are_tried_again() {
        let path = || "/state".to_owned();
        let fenced = LogError::Fenced { operation: "commit", reason: "epoch".to_owned() };
        let fatal = || LogError::Fatal { operation: "commit", reason: "gone".to_owned() };
        let io = || StoreError::Io { operation: "write", path: path(), reason: "No space left on device".to_owned() };
        for (error, verdict) in [
            (RuntimeError::Log(fenced), Verdict::Reopen),
            (RuntimeError::Log(fatal()), Verdict::Reopen),
            (RestoreError::Log(fatal()).into(), Verdict::Reopen),
            (StoreError::Corrupt { path: path(), reason: "sum".to_owned() }.into(), Verdict::Reopen),
            (StoreError::Locked { path: path() }.into(), Verdict::Reopen),
            (io().into(), Verdict::Fail),
            (RestoreError::Store(io()).into(), Verdict::Fail),
            (RestoreError::Unproven { partition: 1, restored: 2, committed: 3, full: true }.into(), Verdict::Fail),
            (StoreError::TooNew { path: path(), found: 9, newest: 1 }.into(), Verdict::Refuse),
            (
                RestoreError::Row { partition: 1, source: RowError::TooNew { found: 9, newest: 1 } }.into(),
                Verdict::Refuse,
            ),
            (RestoreError::Row { partition: 1, source: RowError::UnknownKind { kind: 'z' } }.into(), Verdict::Refuse),
            (
                RestoreError::Row { partition: 1, source: RowError::Truncated { at: 0, missing: 1 } }.into(),
                Verdict::Fail,
            ),
        ] {
            assert_eq!(of(&error), verdict, "{error}");
        }
        assert!(matches!(of_claim(StoreError::Locked { path: path() }), Failure::Runtime(_)));
        assert!(matches!(of_claim(StoreError::TooNew { path: path(), found: 9, newest: 1 }), Failure::Request(_)));
    }
}
