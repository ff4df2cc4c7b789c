//! One key, and what of its state is in memory.

use std::sync::Arc;

use schemas::Timestamp;

use super::key::SlotKey;
use super::room::Weight;
use crate::operator::StateRow;

/// What a slot has of its key's state.
pub(super) enum Held<S> {
    /// Deleted, or not there yet.
    Nothing,
    Decoded(S),
    /// The row it encodes to.
    Packed(Box<[u8]>),
}

/// No wake-up.
pub(super) const NO_DUE: Timestamp = Timestamp::MAX;

/// Changed in this transaction.
pub(super) const DIRTY: u8 = 1;
/// Used since it was last considered for packing.
pub(super) const USED: u8 = 2;
/// In a transaction that has ended, and not in the store: what the store has is older.
pub(super) const UNFLUSHED: u8 = 4;
/// Among the keys that are listed in their order: it does not leave.
pub(super) const LISTED: u8 = 8;
/// The store's index has, or will have with the next flush, the wake-up it is registered for.
pub(super) const INDEXED: u8 = 32;
/// Of no key: waits for another one.
pub(super) const FREE: u8 = 16;

/// A slot, and the share of its key in the index, in the order and among the wake-ups.
const SLOT_BYTES: usize = 64 + 19;
/// What an allocator adds to what it hands out.
const ALLOCATION_BYTES: usize = 12;

pub(super) struct Slot<S> {
    pub(super) key: SlotKey,
    pub(super) held: Held<S>,
    /// The wake-up this key is registered for, or [`NO_DUE`].
    pub(super) registered_due: Timestamp,
    /// Length of the row, when it was last seen.
    pub(super) row_bytes: u32,
    pub(super) marks: u8,
}

impl<S: StateRow> Slot<S> {
    pub(super) fn new(key: &[u8]) -> Self {
        Self { key: SlotKey::new(key), held: Held::Nothing, registered_due: NO_DUE, row_bytes: 0, marks: 0 }
    }

    pub(super) fn is(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    pub(super) fn state(&self) -> Option<&S> {
        match &self.held {
            Held::Decoded(state) => Some(state),
            Held::Nothing | Held::Packed(_) => None,
        }
    }

    pub(super) fn state_mut(&mut self) -> Option<&mut S> {
        match &mut self.held {
            Held::Decoded(state) => Some(state),
            Held::Nothing | Held::Packed(_) => None,
        }
    }

    pub(super) fn due(&self) -> Option<Timestamp> {
        (self.registered_due != NO_DUE).then_some(self.registered_due)
    }

    pub(super) fn weight(&self) -> Weight {
        let row = self.row_bytes as usize;
        let (beside, decoded) = match &self.held {
            Held::Nothing => (0, 0),
            Held::Packed(_) => (row + ALLOCATION_BYTES, 0),
            // What is beside the fixed part: lists, whose entries are larger than in the row.
            Held::Decoded(_) => (0, S::DECODED_BYTES + 2 * row + 2 * ALLOCATION_BYTES),
        };
        Weight { bytes: SLOT_BYTES + self.key.beside() + beside + decoded, decoded, keys: 1 }
    }
}

/// A slot is one line of a processor's cache.
const _: () = assert!(size_of::<Slot<Arc<u8>>>() <= 64);
