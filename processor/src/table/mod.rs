//! States in memory, in a slab, keyed by an interned id: those in use decoded, the others packed.
//!
//! A key is interned once; from then on it is a number. The full key is compared on lookup, since a
//! hash can collide. What an operator was lent mutably is dirty until the task seals it into a
//! transaction.
//!
//! A table with a bound keeps what was used lately decoded and packs the rest into its rows
//! (docs/adr/0015): a packed state is decoded again by whatever hands out its id
//! ([`StateTable::intern`], [`StateTable::ready`], [`StateTable::with_prefix`]), and only between two
//! steps of the task is anything packed. So an id is good for the step it was asked for in. What is
//! packed must never show in an output.
//!
//! Numbers: a slot is 64 bytes, the index, the order and the wake-up of a key about 19.

mod cold;
mod key;
mod memory;
mod order;
mod room;
mod slot;
mod upkeep;

use hashbrown::HashTable;

use crate::operator::StateRow;
use crate::store::StoreError;
use cold::Cold;
pub use memory::{StateMemory, StateUsage};
use order::KeyOrder;
use room::{Room, Weight};
use slot::{DIRTY, FREE, Held, LISTED, Slot, USED};

/// Number of a key within one partition, in order of first sight. Never leaves the process: it
/// depends on arrival order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u32);

impl KeyId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// The states of one partition.
pub struct StateTable<S> {
    slots: Vec<Slot<S>>,
    index: HashTable<KeyId>,
    /// Every key, once somebody has asked for them in order; with a store, once something has left the memory, those
    /// that it does not have.
    order: Option<KeyOrder>,
    /// Changed in this transaction, each once.
    dirty: Vec<KeyId>,
    /// Lent mutably in this step: their wake-ups are looked at again.
    touched: Vec<KeyId>,
    /// `None`: everything stays decoded.
    room: Option<Room>,
    /// Nobody seals what has changed.
    untracked: bool,
    /// Where keys are that are not in memory; `None`: nowhere.
    cold: Option<Cold>,
    /// Why something could not be read: nothing decided since may be committed.
    failure: Option<StoreError>,
}

impl<S> Default for StateTable<S> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            index: HashTable::new(),
            order: None,
            dirty: Vec::new(),
            touched: Vec::new(),
            room: None,
            untracked: false,
            cold: None,
            failure: None,
        }
    }
}

fn hash(key: &[u8]) -> u64 {
    use std::hash::Hasher;
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(key);
    hasher.finish()
}

impl<S: StateRow> StateTable<S> {
    /// The id of a key, interning it if it is new. Its state is decoded from now to the end of the step.
    pub fn intern(&mut self, key: &[u8]) -> KeyId {
        let id = self.number(key);
        self.ready(id);
        id
    }

    /// The id of a key, whatever of it is there.
    fn number(&mut self, key: &[u8]) -> KeyId {
        let hash = hash(key);
        if let Some(id) = self.index.find(hash, |id| *self.slots[id.index()].key.bytes() == *key) {
            return *id;
        }
        if let Some(id) = self.load(key) {
            return id;
        }
        let id = self.enter(key, hash);
        self.list(id);
        id
    }

    /// Among the keys in their order, where there are such.
    fn list(&mut self, id: KeyId) {
        if let Some(order) = &mut self.order {
            self.slots[id.index()].marks |= LISTED;
            order.push(id);
        }
    }

    /// Gives a key that is not in memory a slot, with nothing in it.
    fn enter(&mut self, key: &[u8], hash: u64) -> KeyId {
        let slot = Slot::new(key);
        if let Some(room) = &mut self.room {
            room.weighed(Weight::default(), slot.weight());
        }
        let id = if let Some(id) = self.cold.as_mut().and_then(Cold::take_free) {
            self.slots[id.index()] = slot;
            id
        } else {
            self.slots.push(slot);
            KeyId(u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX))
        };
        let slots = &self.slots;
        self.index.insert_unique(hash, id, |id| self::hash(slots[id.index()].key.bytes()));
        id
    }

    /// The id of a key already known, in a table without a bound.
    pub fn find(&self, key: &[u8]) -> Option<KeyId> {
        self.index.find(hash(key), |id| *self.slots[id.index()].key.bytes() == *key).copied()
    }

    pub fn key(&self, id: KeyId) -> &[u8] {
        self.slots[id.index()].key.bytes()
    }

    /// Sees to it that the state is decoded to the end of the step.
    pub fn ready(&mut self, id: KeyId) {
        if self.room.is_none() {
            return;
        }
        let slot = &mut self.slots[id.index()];
        slot.marks |= USED;
        if let Held::Packed(row) = &slot.held {
            match S::decode(row) {
                Ok(state) => self.unpack(id, state),
                // Cannot be: it was decoded or encoded here before. Nothing is decided on less than all.
                Err(error) => self.failure = Some(error.into()),
            }
        }
    }

    /// Up to `limit` ids of keys that begin with `prefix` and come after `after`, in order of key.
    pub fn ids_of(&mut self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Vec<KeyId> {
        let slots = &mut self.slots;
        let order = self.order.get_or_insert_with(|| {
            let mut order = KeyOrder::default();
            for (i, slot) in slots.iter_mut().enumerate() {
                slot.marks |= LISTED;
                order.push(KeyId(i as u32));
            }
            order
        });
        let from = after.map(|after| [after, &[0]].concat()).unwrap_or_default();
        let slots = &self.slots;
        let mut ids = order.range(prefix, &from, limit, &|id| slots[id.index()].key.bytes());
        if self.cold.as_ref().is_some_and(|cold| !cold.lists_all()) {
            ids.extend(self.load_range(prefix, &from, limit));
            ids.sort_unstable_by(|a, b| self.key(*a).cmp(self.key(*b)));
            ids.dedup();
            ids.truncate(limit);
        }
        ids
    }

    /// The ids of all keys that begin with `prefix`, in order of key, each decoded to the end of the step.
    pub fn with_prefix(&mut self, prefix: &[u8]) -> Vec<KeyId> {
        let ids = self.ids_of(prefix, None, usize::MAX);
        for id in &ids {
            self.ready(*id);
        }
        ids
    }

    pub fn get(&self, id: KeyId) -> Option<&S> {
        self.slots[id.index()].state()
    }

    /// Lends the state for change: it will be written with this transaction.
    pub fn get_mut(&mut self, id: KeyId) -> Option<&mut S> {
        self.touch(id);
        self.slots[id.index()].state_mut()
    }

    /// Lends the state for a change of what is derived and not stored: nothing is written.
    pub fn derived_mut(&mut self, id: KeyId) -> Option<&mut S> {
        self.slots[id.index()].state_mut()
    }

    /// Puts a state in the place of whatever is there: it will be written with this transaction.
    pub fn put(&mut self, id: KeyId, state: S) {
        self.touch(id);
        let slot = &self.slots[id.index()];
        if matches!(slot.held, Held::Nothing) && !slot.is(LISTED) {
            // It was deleted, and is back before the store has heard of it.
            self.list(id);
        }
        self.replace(id, Held::Decoded(state));
    }

    /// Deletes the state; a tombstone is written with this transaction.
    pub fn delete(&mut self, id: KeyId) {
        self.touch(id);
        self.replace(id, Held::Nothing);
    }

    /// Keys that have a state, in order of first sight, in a table without a bound.
    pub fn iter(&self) -> impl Iterator<Item = (KeyId, &[u8], &S)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(i, slot)| Some((KeyId(i as u32), slot.key.bytes(), slot.state()?)))
    }

    /// Every id in memory; in a table without a bound, in order of first sight.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        let slots = self.slots.iter().enumerate().filter(|(_, slot)| slot.marks & FREE == 0);
        slots.map(|(i, _)| KeyId(i as u32))
    }

    /// Keys in memory.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Changes what a slot holds, and what it weighs.
    fn replace(&mut self, id: KeyId, held: Held<S>) {
        let slot = &mut self.slots[id.index()];
        let before = slot.weight();
        slot.held = held;
        if let Some(room) = &mut self.room {
            room.weighed(before, slot.weight());
            if matches!(slot.held, Held::Decoded(_)) && before.decoded == 0 {
                room.decoded(id);
            }
        }
    }

    fn touch(&mut self, id: KeyId) {
        if self.touched.last() != Some(&id) {
            self.touched.push(id);
        }
        let slot = &mut self.slots[id.index()];
        if !slot.is(DIRTY) && !self.untracked {
            slot.marks |= DIRTY;
            self.dirty.push(id);
        }
    }
}
