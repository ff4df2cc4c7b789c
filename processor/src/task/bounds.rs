//! How much of its states a task has in memory, and what follows from that for those who drive it.

use std::sync::Arc;

use super::Task;
use crate::operator::Operator;
use crate::store::{StoreError, StoreReader};
use crate::table::{KeyId, StateMemory, StateTable};

impl<O: Operator> Task<O> {
    /// Lets the states take no more than their share of `memory`.
    #[must_use]
    pub fn bounded(mut self, memory: &Arc<StateMemory>) -> Self {
        self.states.bound(memory);
        self
    }

    /// Keys need not be in memory: the store behind `reader` has every committed row, and the index of
    /// their wake-ups. At most `most_timers` timers fire in one transaction. Called before anything is
    /// installed, and only for a task that is bounded.
    #[must_use]
    pub fn backed(mut self, reader: Box<dyn StoreReader>, most_timers: usize) -> Self {
        self.states.back(reader);
        self.most_timers = most_timers.max(1);
        self
    }

    /// For a caller that never seals: nothing is kept of what has changed.
    #[must_use]
    pub fn unsealed(mut self) -> Self {
        self.states.forget_changes();
        self
    }

    /// Keys need not be in memory: [`Task::backed`].
    pub fn is_backed(&self) -> bool {
        self.states.is_backed()
    }

    /// Why a state could not be read, once: nothing decided since may be committed.
    pub fn take_failure(&mut self) -> Option<StoreError> {
        self.states.take_failure()
    }

    pub fn has_failed(&self) -> bool {
        self.states.has_failed()
    }

    /// The store has everything that was sealed.
    pub fn flushed(&mut self) {
        self.states.flushed();
        self.states.relieve();
    }

    /// The keys that begin with `prefix`, in order.
    pub fn keys_of(&mut self, prefix: &[u8]) -> Vec<KeyId> {
        self.states.ids_of(prefix, None, usize::MAX)
    }

    /// Lends the operator and the states between two steps, with one state decoded: for a look at it.
    pub fn look_at<T>(&mut self, id: KeyId, look: impl FnOnce(&mut O, &mut StateTable<O::State>) -> T) -> T {
        self.states.ready(id);
        self.look(look)
    }

    /// Lends the operator and the states between two steps.
    pub fn look<T>(&mut self, look: impl FnOnce(&mut O, &mut StateTable<O::State>) -> T) -> T {
        let seen = look(&mut self.operator, &mut self.states);
        self.states.relieve();
        seen
    }
}
