//! Hooks at every step of the protocol, so that tests can stop the world exactly there.

use std::ops::ControlFlow;

/// Where the protocol stands when a hook is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProtocolStep {
    /// Records were folded into the overlay; no transaction is open.
    Processed,
    /// The transaction is open and empty.
    Begun,
    /// Outputs and changelog were produced, offsets not sent.
    Produced,
    /// Offsets were sent, the commit was not asked for.
    OffsetsSent,
    /// The log says the transaction is committed; the tasks do not know yet.
    Committed,
    /// The rows are about to go to the store.
    Flushing,
    /// The store has the rows.
    Flushed,
    /// A partition was assigned; nothing is restored yet.
    Assigned,
    /// Its changelog was replayed into the store; its position is not proven yet.
    Restored,
    /// Partitions are about to be handed over, everything of theirs is committed.
    Revoking,
}

impl ProtocolStep {
    pub const ALL: &[Self] = &[
        Self::Processed,
        Self::Begun,
        Self::Produced,
        Self::OffsetsSent,
        Self::Committed,
        Self::Flushing,
        Self::Flushed,
        Self::Assigned,
        Self::Restored,
        Self::Revoking,
    ];
}

/// Decides whether the worker dies here. `Break` makes it return
/// [`RuntimeError::Killed`](super::RuntimeError::Killed) at once, leaving everything as it is.
pub trait FailPoint: Send {
    fn reached(&mut self, step: ProtocolStep) -> ControlFlow<()>;
}

/// Production: nothing fails on purpose.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFailPoints;

impl FailPoint for NoFailPoints {
    fn reached(&mut self, _: ProtocolStep) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
