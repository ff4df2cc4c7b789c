//! A transactional producer of the embedded log.
//!
//! ```text
//!            init_transactions          begin                     commit, abort
//!   Opened ───────────────────▶ Ready ────────▶ InTransaction ─────────────────▶ Ready
//!                                                │ abortable error    abort ▲
//!                                                ├──────▶ MustAbort ────────┘
//!                                                │ commit in doubt
//!                                                └──────▶ InDoubt          any ──fenced──▶ Fenced
//! ```
//!
//! Dropping it decides nothing: what it left open waits for the next producer of its id, or for
//! the transaction timeout.

use std::sync::Arc;
use std::time::Duration;

use processor::ports::{GroupMetadata, LogError, Offsets, ProduceRecord, TransactionalLog};

use super::fault::{Doubt, Fault, Operation};
use super::state::{Shared, State};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Opened,
    Ready,
    InTransaction,
    MustAbort,
    InDoubt,
    Fenced,
}

pub(super) struct MemoryProducer {
    shared: Arc<Shared>,
    transactional_id: String,
    /// Index among the log's producers.
    index: usize,
    client: usize,
    epoch: u32,
    phase: Phase,
    /// What was begun and not answered yet.
    asked: Option<Asked>,
    has_offsets: bool,
}

struct Asked {
    offsets: Offsets,
    group: GroupMetadata,
    /// So often the answer is still looked for in vain; half-way through the log acts.
    looks: u64,
    acts_at: u64,
    done: Option<Result<(), LogError>>,
}

impl MemoryProducer {
    pub(super) fn open(shared: &Arc<Shared>, transactional_id: &str) -> Self {
        let mut state = shared.lock();
        let (index, client) = (state.producers.all.index(transactional_id), state.faults.client(transactional_id));
        drop(state);
        let transactional_id = transactional_id.to_owned();
        Self {
            shared: Arc::clone(shared),
            transactional_id,
            index,
            client,
            epoch: 0,
            phase: Phase::Opened,
            asked: None,
            has_offsets: false,
        }
    }

    /// Runs one call: the right phase, nobody newer, no fault planned for it.
    fn call<T>(
        &mut self,
        operation: Operation,
        allowed: &[Phase],
        act: impl FnOnce(&mut Self, &mut State) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.call();
        let result = self.admit(&mut state, operation, allowed).and_then(|()| act(self, &mut state));
        match &result {
            Err(LogError::Abortable { .. }) => self.phase = Phase::MustAbort,
            Err(LogError::Fenced { .. }) => self.phase = Phase::Fenced,
            Err(LogError::InDoubt { .. }) => self.phase = Phase::InDoubt,
            _ => {}
        }
        if operation == Operation::Produce {
            shared.announce_append(&state);
        } else {
            shared.announce_decided();
        }
        result
    }

    fn end(&mut self, offsets: &Offsets, group: &GroupMetadata) -> Result<(), LogError> {
        if !self.has_offsets {
            self.add_offsets(offsets, group)?;
        }
        self.decide()
    }

    fn add_offsets(&mut self, offsets: &Offsets, group: &GroupMetadata) -> Result<(), LogError> {
        self.call(Operation::SendOffsets, &[Phase::InTransaction], |producer, state| {
            let index = state.groups.index(&group.group);
            if let Some(reason) = state.groups.get(index).refusal(group) {
                return Err(LogError::Abortable { operation: Operation::SendOffsets.name(), reason });
            }
            state.add_offsets(producer.index, index, offsets);
            producer.has_offsets = true;
            Ok(())
        })
    }

    fn decide(&mut self) -> Result<(), LogError> {
        self.call(Operation::Commit, &[Phase::InTransaction], |producer, state| {
            state.commit_transaction(producer.index);
            producer.phase = Phase::Ready;
            Ok(())
        })
    }

    fn admit(&self, state: &mut State, operation: Operation, allowed: &[Phase]) -> Result<(), LogError> {
        let name = operation.name();
        if self.phase != Phase::Opened && state.producers.all.get(self.index).epoch != self.epoch {
            return Err(self.fenced(name));
        }
        if !allowed.contains(&self.phase) {
            return Err(self.misplaced(name));
        }
        match state.fault(operation, self.client) {
            Some(Fault::Retriable) => Err(LogError::Retriable { operation: name, reason: "injected".to_owned() }),
            Some(Fault::Abortable) => Err(LogError::Abortable { operation: name, reason: "injected".to_owned() }),
            Some(Fault::Fenced) => {
                state.take_over(self.index);
                Err(self.fenced(name))
            }
            Some(Fault::InDoubt(doubt)) => {
                match doubt {
                    Doubt::Committed => state.end_transaction(self.index, true),
                    Doubt::Late => state.end_later(self.index),
                    Doubt::NotCommitted => {}
                }
                Err(LogError::InDoubt { operation: name, reason: format!("injected: {doubt:?}") })
            }
            Some(Fault::DelayedVisibility) => {
                state.prepare(self.index);
                Ok(())
            }
            Some(Fault::Lost) | None => Ok(()),
        }
    }

    fn fenced(&self, operation: &'static str) -> LogError {
        let reason = format!("transactional id {} has a newer producer or timed out", self.transactional_id);
        LogError::Fenced { operation, reason }
    }

    fn misplaced(&self, operation: &'static str) -> LogError {
        let id = &self.transactional_id;
        match self.phase {
            Phase::Fenced => self.fenced(operation),
            Phase::MustAbort => {
                LogError::Abortable { operation, reason: format!("an earlier call of {id} failed in this transaction") }
            }
            Phase::InDoubt => {
                let reason = format!("{id} has a commit in doubt: open a new producer with this id");
                LogError::Fatal { operation, reason }
            }
            phase => LogError::Fatal { operation, reason: format!("not possible while {id} is {phase:?}") },
        }
    }
}

impl TransactionalLog for MemoryProducer {
    fn init_transactions(&mut self, _max_wait: Duration) -> Result<(), LogError> {
        self.call(Operation::InitTransactions, &[Phase::Opened], |producer, state| {
            producer.epoch = state.take_over(producer.index);
            producer.phase = Phase::Ready;
            Ok(())
        })
    }

    fn begin(&mut self) -> Result<(), LogError> {
        if self.phase != Phase::Ready {
            return Err(self.misplaced("begin"));
        }
        self.phase = Phase::InTransaction;
        self.has_offsets = false;
        Ok(())
    }

    fn produce(&mut self, record: ProduceRecord<'_>) -> Result<(), LogError> {
        self.call(Operation::Produce, &[Phase::InTransaction], |producer, state| state.append(producer.index, &record))
    }

    fn send_offsets(&mut self, offsets: &Offsets, group: &GroupMetadata, _max_wait: Duration) -> Result<(), LogError> {
        self.add_offsets(offsets, group)
    }

    fn commit(&mut self, _max_wait: Duration) -> Result<(), LogError> {
        self.decide()
    }

    fn start_ending(&mut self, offsets: &Offsets, group: &GroupMetadata, _max_wait: Duration) -> Result<(), LogError> {
        let looks = self.shared.lock().faults.looks(self.client);
        let (offsets, group) = (offsets.clone(), group.clone());
        self.asked = Some(Asked { offsets, group, looks, acts_at: looks / 2, done: None });
        Ok(())
    }

    /// Whoever waits has the answer at once; whoever only looks may have to look again.
    fn answer(&mut self, max_wait: Duration) -> Result<Option<()>, LogError> {
        let Some(mut asked) = self.asked.take() else { return Err(self.misplaced("answer")) };
        let comes = asked.looks == 0 || !max_wait.is_zero();
        if asked.done.is_none() && (comes || asked.looks <= asked.acts_at) {
            asked.done = Some(self.end(&asked.offsets, &asked.group));
        }
        match asked.done {
            Some(done) if comes => done.map(Some),
            done => {
                self.asked = Some(Asked { looks: asked.looks - 1, done, ..asked });
                Ok(None)
            }
        }
    }

    fn abort(&mut self, _max_wait: Duration) -> Result<(), LogError> {
        self.call(Operation::Abort, &[Phase::InTransaction, Phase::MustAbort], |producer, state| {
            state.end_transaction(producer.index, false);
            producer.phase = Phase::Ready;
            Ok(())
        })
    }
}
