//! How much of its share of the memory a table has taken, and which state is looked at next.
//!
//! Second chance, twice. Decoded states stand in a queue; one that was used since it was looked at
//! last goes to its end again, any other is packed. Packed ones are looked at in the order of their
//! slots, and leave if they were not used in a whole round. Bytes are estimates, from the length of a
//! state's row.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::KeyId;
use super::memory::{DECODED_PART, StateMemory};

/// After so many decoded states it is looked again how many tables share the memory.
const LOOK_EVERY: usize = 64;

/// What one slot takes, in bytes; `decoded` is the part of a decoded state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) bytes: usize,
    pub(super) decoded: usize,
    pub(super) keys: usize,
}

pub(super) struct Room {
    memory: Arc<StateMemory>,
    /// Every decoded state, and stale entries.
    queue: VecDeque<KeyId>,
    hand: usize,
    /// What the table may take, as of lately.
    share: usize,
    taken: Weight,
    /// What the memory was told last.
    reported: Weight,
    /// Reused for every row that is packed.
    pub(super) row: Vec<u8>,
}

impl Room {
    pub(super) fn of(memory: &Arc<StateMemory>) -> Self {
        memory.tables.fetch_add(1, Ordering::Relaxed);
        Self {
            memory: Arc::clone(memory),
            queue: VecDeque::new(),
            hand: 0,
            share: memory.share(),
            taken: Weight::default(),
            reported: Weight::default(),
            row: Vec::new(),
        }
    }

    pub(super) fn memory(&self) -> &StateMemory {
        &self.memory
    }

    /// A slot's weight has changed.
    pub(super) fn weighed(&mut self, before: Weight, after: Weight) {
        self.taken.bytes = self.taken.bytes + after.bytes - before.bytes;
        self.taken.decoded = self.taken.decoded + after.decoded - before.decoded;
        self.taken.keys = self.taken.keys + after.keys - before.keys;
    }

    /// More is decoded than should be, and the room is needed.
    pub(super) fn is_crowded(&self) -> bool {
        !self.has_spare() && self.taken.decoded > self.share / DECODED_PART
    }

    /// More is in memory than should be.
    pub(super) fn is_full(&self) -> bool {
        self.taken.bytes > self.share
    }

    /// An eighth of the share is free.
    pub(super) fn has_spare(&self) -> bool {
        self.taken.bytes < self.share - self.share / 8
    }

    /// The state has been decoded.
    pub(super) fn decoded(&mut self, id: KeyId) {
        if self.queue.len().is_multiple_of(LOOK_EVERY) {
            self.look();
        }
        self.queue.push_back(id);
    }

    /// Looks how many tables share the memory.
    pub(super) fn look(&mut self) {
        self.share = self.memory.share();
    }

    /// The decoded state whose turn it is.
    pub(super) fn next_decoded(&mut self) -> Option<KeyId> {
        self.queue.pop_front()
    }

    /// The slot whose turn it is, of so many.
    pub(super) fn next_slot(&mut self, slots: usize) -> KeyId {
        self.hand = if self.hand + 1 < slots { self.hand + 1 } else { 0 };
        KeyId(self.hand as u32)
    }

    /// Tells the memory what has changed since the last call.
    pub(super) fn report(&mut self) {
        self.look();
        let (told, taken) = (std::mem::replace(&mut self.reported, self.taken), self.taken);
        self.memory.bytes.fetch_add(taken.bytes.wrapping_sub(told.bytes), Ordering::Relaxed);
        self.memory.decoded.fetch_add(taken.decoded.wrapping_sub(told.decoded), Ordering::Relaxed);
        self.memory.keys.fetch_add(taken.keys.wrapping_sub(told.keys), Ordering::Relaxed);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.taken = Weight::default();
        self.report();
        self.memory.tables.fetch_sub(1, Ordering::Relaxed);
    }
}
