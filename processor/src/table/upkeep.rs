//! What the task does with the table, and operators must not: install, seal, register, make room.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use schemas::Timestamp;
use schemas::row::RowError;

use super::room::Room;
use super::slot::{DIRTY, Held, INDEXED, NO_DUE, USED};
use super::{KeyId, StateMemory, StateTable};
use crate::operator::StateRow;
use crate::store::StoreError;

/// States looked at in one turn: more than most steps decode.
const LOOKS: usize = 64;

impl<S: StateRow> StateTable<S> {
    /// Gives the table a bound: its share of `memory`.
    pub(crate) fn bound(&mut self, memory: &Arc<StateMemory>) {
        self.room = Some(Room::of(memory));
    }

    /// From now on nobody seals what has changed: nothing is kept for it.
    pub(crate) fn forget_changes(&mut self) {
        self.untracked = true;
    }

    /// Puts a committed row in place, clean. Returns its wake-up.
    pub(crate) fn install(&mut self, key: &[u8], row: &[u8]) -> Result<(KeyId, Option<Timestamp>), RowError> {
        let state = S::decode(row)?;
        let due = state.next_due();
        let id = self.number(key);
        self.weigh(id, row.len());
        self.replace(id, if self.room.is_some() { Held::Packed(row.into()) } else { Held::Decoded(state) });
        self.register_due(id, due);
        Ok((id, due))
    }

    /// Takes the keys changed since the last call, and marks them clean.
    pub(crate) fn take_dirty(&mut self, into: &mut Vec<KeyId>) {
        into.clear();
        into.append(&mut self.dirty);
        for id in into.iter() {
            self.slots[id.index()].marks &= !DIRTY;
        }
        self.sealed(into);
        if let Some(room) = &mut self.room {
            room.report();
        }
    }

    pub(crate) fn take_touched(&mut self, into: &mut Vec<KeyId>) {
        into.clear();
        std::mem::swap(into, &mut self.touched);
    }

    pub(crate) fn dirty(&self) -> &[KeyId] {
        &self.dirty
    }

    /// When the state wants to be woken: a packed one is registered for that.
    pub(crate) fn next_due(&self, id: KeyId) -> Option<Timestamp> {
        let slot = &self.slots[id.index()];
        match &slot.held {
            Held::Nothing => None,
            Held::Decoded(state) => state.next_due(),
            Held::Packed(_) => slot.due(),
        }
    }

    pub(crate) fn registered_due(&self, id: KeyId) -> Option<Timestamp> {
        self.slots[id.index()].due()
    }

    /// Keys in memory that have a wake-up, and the ids of all slots.
    pub(crate) fn registered(&self) -> impl Iterator<Item = (KeyId, Timestamp)> {
        self.slots.iter().enumerate().filter_map(|(i, slot)| Some((KeyId(i as u32), slot.due()?)))
    }

    pub(crate) fn register_due(&mut self, id: KeyId, due: Option<Timestamp>) {
        let slot = &mut self.slots[id.index()];
        let due = due.unwrap_or(NO_DUE);
        if slot.registered_due != due {
            slot.registered_due = due;
            slot.marks &= !INDEXED;
        }
    }

    /// The wake-up of a row that is sealed, if the store's index does not have it.
    pub(crate) fn due_to_index(&mut self, id: KeyId) -> Option<Timestamp> {
        let due = self.next_due(id);
        let slot = &mut self.slots[id.index()];
        let is_indexed = slot.is(INDEXED) && due == slot.due();
        slot.marks |= INDEXED;
        due.filter(|_| !is_indexed)
    }

    /// Why something could not be read: nothing decided since may be committed.
    pub(crate) fn take_failure(&mut self) -> Option<StoreError> {
        self.failure.take()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Takes note of the length of a row just read or written.
    pub(crate) fn weigh(&mut self, id: KeyId, row_bytes: usize) {
        let slot = &mut self.slots[id.index()];
        let before = slot.weight();
        slot.row_bytes = row_bytes as u32;
        if let Some(room) = &mut self.room {
            room.weighed(before, slot.weight());
        }
    }

    pub(super) fn unpack(&mut self, id: KeyId, state: S) {
        self.replace(id, Held::Decoded(state));
        if let Some(room) = &self.room {
            room.memory().unpacked.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Between two steps: packs what was not used lately, and lets go what was not used for long, as far as the bound asks for it. An operator
    /// that goes through many keys in one step calls it too, between them: ids it was handed out before
    /// are good no more.
    pub fn relieve(&mut self) {
        for _ in 0..LOOKS {
            let Some(room) = self.room.as_mut().filter(|room| room.is_crowded()) else { break };
            let Some(id) = room.next_decoded() else { break };
            self.consider_packing(id);
        }
        for _ in 0..LOOKS {
            if self.cold.is_none() || self.room.as_ref().is_none_or(|room| !room.is_full()) {
                break;
            }
            self.list_apart();
            self.consider_leaving();
        }
    }

    fn consider_packing(&mut self, id: KeyId) {
        let (Some(room), slot) = (&mut self.room, &mut self.slots[id.index()]) else { return };
        let Held::Decoded(state) = &slot.held else { return };
        // A wake-up that was put off is not in the row.
        if slot.is(USED | DIRTY) || state.next_due() != slot.due() {
            slot.marks &= !USED;
            return room.decoded(id);
        }
        room.row.clear();
        state.encode(&mut room.row);
        let row: Box<[u8]> = room.row.as_slice().into();
        room.memory().packed.fetch_add(1, Ordering::Relaxed);
        self.weigh(id, row.len());
        self.replace(id, Held::Packed(row));
    }
}
