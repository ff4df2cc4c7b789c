//! What a task hands to a transaction, and how it is put together again from what was committed.

use schemas::Timestamp;
use schemas::row::RowError;

use super::unit::{META_KEY, SHARED_KEY, unknown_of_runtime};
use super::{CommitUnit, EpochState, Meta, Task, now_at};
use crate::operator::{BroadcastRecord, Cause, Operator, Rejection, StateRow};

impl<O: Operator> Task<O> {
    /// Something waits to be committed.
    pub fn is_dirty(&self) -> bool {
        !(self.states.dirty().is_empty() && self.effects.is_empty() && self.partials.is_empty())
    }

    /// Closes the transaction: everything since the last call, as rows and outputs.
    pub fn seal(&mut self) -> CommitUnit<O::Output> {
        let mut dirty = Vec::new();
        self.states.take_dirty(&mut dirty);
        let now = now_at(self.stream_time, self.clocks.grace_ms(), Cause::Record);
        let mut unit = CommitUnit::new(self.position);
        unit.outputs.extend(self.effects.drain(..).map(|(_, output)| output));
        unit.partials.append(&mut self.partials);
        unit.journal.append(&mut self.journal);
        unit.passed = if self.states.is_backed() { self.passed() } else { None };
        for id in dirty {
            let due = self.states.due_to_index(id);
            let (key, state) = (self.states.key(id), self.states.get(id));
            let row_bytes = unit.row(key, due, state.map(|s| |out: &mut Vec<u8>| s.encode(out)));
            if let Some(state) = state {
                self.operator.publish(key, state, now, &mut unit.published);
            }
            self.states.weigh(id, row_bytes);
        }
        let mut shared = Vec::with_capacity(self.shared_row.len());
        self.operator.encode_shared(&mut shared);
        if shared != self.shared_row {
            unit.row(SHARED_KEY, None, Some(|out: &mut Vec<u8>| out.extend_from_slice(&shared)));
            self.shared_row = shared;
        }
        unit.row(META_KEY, None, Some(|out: &mut Vec<u8>| self.meta().encode(out)));
        unit
    }

    fn meta(&self) -> Meta {
        Meta {
            input_id: self.input_id.clone(),
            position: self.position,
            stream_time: self.stream_time,
            clock_time: self.clocks.stream_time(),
            grace_ms: self.clocks.grace_ms(),
            clocks: self.clocks.clocks().to_vec(),
            epoch: self.epoch.current,
            applied_through: self.epoch.applied_through,
            sweeping: self.sweeping,
            underway: self.is_half_way().then(|| self.switches.due_until(self.clocks.stream_time())),
            applied: self.switches.applied().clone(),
        }
    }

    /// Installs one committed row.
    pub fn install(&mut self, key: &[u8], row: &[u8]) -> Result<(), RowError> {
        match key {
            META_KEY => self.install_meta(Meta::decode(row)?),
            SHARED_KEY => {
                self.operator.decode_shared(row)?;
                self.shared_row = row.to_vec();
            }
            _ => {
                unknown_of_runtime(key)?;
                let (id, due) = self.states.install(key, row)?;
                if let Some(due) = due {
                    self.timers.set(due, id);
                }
            }
        }
        Ok(())
    }

    fn install_meta(&mut self, meta: Meta) {
        self.operator.epochs_known(meta.applied_through);
        self.position = meta.position;
        self.stream_time = meta.stream_time;
        self.clocks.restore(meta.clocks, meta.clock_time, meta.grace_ms);
        self.epoch = EpochState {
            current: meta.epoch,
            applied_through: meta.applied_through,
            awaiting: meta.underway.is_some() && !meta.sweeping,
        };
        self.sweeping = meta.sweeping;
        self.switches.restore(meta.applied, meta.underway.unwrap_or_default());
    }

    /// Called once after the last [`install`](Self::install): the broadcast records in force go back
    /// into force, in the order they took effect in, and the others are offered. Returns those that
    /// cannot be used.
    pub fn resume<'r>(&mut self, broadcasts: &'r [BroadcastRecord]) -> Vec<(&'r BroadcastRecord, Rejection)> {
        for record in self.switches.in_force(broadcasts) {
            self.operator.install_broadcast(record);
        }
        self.operator.restored(&mut self.states);
        let mut refused = Vec::new();
        for record in broadcasts {
            let offered = if self.switches.has_applied(record) {
                self.switches.pass_by(record);
                Ok(())
            } else if self.switches.is_underway(record) {
                self.offer_after(self.stream_time, record)
            } else {
                self.offer_broadcast(record)
            };
            refused.extend(offered.err().map(|rejection| (record, rejection)));
        }
        self.wakeup = Timestamp::MIN;
        refused
    }
}
