//! Hot state: decoded, in a slab, keyed by an interned id.
//!
//! A key is interned once; from then on it is a number. The full key is compared on lookup, since a
//! hash can collide. What an operator was lent mutably is dirty until the task seals it into a
//! transaction.

use hashbrown::HashTable;
use schemas::Timestamp;

use crate::operator::StateRow;

/// Number of a key within one partition, in order of first sight. Never leaves the process: it
/// depends on arrival order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u32);

impl KeyId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

struct Slot<S> {
    key: Box<[u8]>,
    /// `None`: deleted, or not there yet.
    state: Option<S>,
    dirty: bool,
    /// The wake-up this key is registered for, if any.
    registered_due: Option<Timestamp>,
}

/// The decoded states of one partition.
pub struct StateTable<S> {
    slots: Vec<Slot<S>>,
    index: HashTable<KeyId>,
    /// Changed in this transaction, each once.
    dirty: Vec<KeyId>,
    /// Lent mutably in this step: their wake-ups are looked at again.
    touched: Vec<KeyId>,
}

impl<S> Default for StateTable<S> {
    fn default() -> Self {
        Self { slots: Vec::new(), index: HashTable::new(), dirty: Vec::new(), touched: Vec::new() }
    }
}

fn hash(key: &[u8]) -> u64 {
    use std::hash::Hasher;
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(key);
    hasher.finish()
}

impl<S> StateTable<S> {
    /// The id of a key, interning it if it is new.
    pub fn intern(&mut self, key: &[u8]) -> KeyId {
        let hash = hash(key);
        if let Some(id) = self.index.find(hash, |id| *self.slots[id.index()].key == *key) {
            return *id;
        }
        let id = KeyId(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        self.slots.push(Slot { key: key.into(), state: None, dirty: false, registered_due: None });
        let slots = &self.slots;
        self.index.insert_unique(hash, id, |id| self::hash(&slots[id.index()].key));
        id
    }

    /// The id of a key already known.
    pub fn find(&self, key: &[u8]) -> Option<KeyId> {
        self.index.find(hash(key), |id| *self.slots[id.index()].key == *key).copied()
    }

    pub fn key(&self, id: KeyId) -> &[u8] {
        &self.slots[id.index()].key
    }

    pub fn get(&self, id: KeyId) -> Option<&S> {
        self.slots[id.index()].state.as_ref()
    }

    /// Lends the state for change: it will be written with this transaction.
    pub fn get_mut(&mut self, id: KeyId) -> Option<&mut S> {
        self.touch(id);
        self.slots[id.index()].state.as_mut()
    }

    /// Lends the state for a change of what is derived and not stored: nothing is written.
    pub fn derived_mut(&mut self, id: KeyId) -> Option<&mut S> {
        self.slots[id.index()].state.as_mut()
    }

    /// Lends the state for change, creating it first where there is none.
    pub fn get_or_insert_with(&mut self, id: KeyId, create: impl FnOnce() -> S) -> &mut S {
        self.touch(id);
        self.slots[id.index()].state.get_or_insert_with(create)
    }

    /// Deletes the state; a tombstone is written with this transaction.
    pub fn delete(&mut self, id: KeyId) {
        self.touch(id);
        self.slots[id.index()].state = None;
    }

    /// Keys that have a state, in order of first sight.
    pub fn iter(&self) -> impl Iterator<Item = (KeyId, &[u8], &S)> {
        self.slots.iter().enumerate().filter_map(|(i, slot)| Some((KeyId(i as u32), &*slot.key, slot.state.as_ref()?)))
    }

    /// Every id, in order of first sight.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> + use<S> {
        (0..self.slots.len() as u32).map(KeyId)
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    fn touch(&mut self, id: KeyId) {
        if self.touched.last() != Some(&id) {
            self.touched.push(id);
        }
        let slot = &mut self.slots[id.index()];
        if !slot.dirty {
            slot.dirty = true;
            self.dirty.push(id);
        }
    }
}

/// What the task needs and operators must not touch.
impl<S: StateRow> StateTable<S> {
    /// Puts a committed state in place, clean.
    pub(crate) fn install(&mut self, key: &[u8], state: Option<S>) -> KeyId {
        let id = self.intern(key);
        let slot = &mut self.slots[id.index()];
        slot.state = state;
        slot.dirty = false;
        id
    }

    /// Takes the keys changed since the last call, and marks them clean.
    pub(crate) fn take_dirty(&mut self, into: &mut Vec<KeyId>) {
        into.clear();
        into.append(&mut self.dirty);
        for id in into.iter() {
            self.slots[id.index()].dirty = false;
        }
    }

    pub(crate) fn take_touched(&mut self, into: &mut Vec<KeyId>) {
        into.clear();
        std::mem::swap(into, &mut self.touched);
    }

    pub(crate) fn dirty(&self) -> &[KeyId] {
        &self.dirty
    }

    pub(crate) fn registered_due(&self, id: KeyId) -> Option<Timestamp> {
        self.slots[id.index()].registered_due
    }

    pub(crate) fn register_due(&mut self, id: KeyId, due: Option<Timestamp>) {
        self.slots[id.index()].registered_due = due;
    }
}
