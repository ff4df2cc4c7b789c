//! Keys that are not in memory: the store has them, and the table reads them from there.
//!
//! What is in memory and what the store has are brought together by one rule: **a key that has no slot
//! is exactly what the store says.** So a key leaves only when what it has is in the store: not while it
//! is dirty, nor while what was committed of it waits for the flush. A load then never has to look
//! anywhere else, and nothing that is decided can depend on what is in memory (invariant I21).
//!
//! Wake-ups of keys that are not in memory are in the store's index, which may say too much: an entry
//! is believed when the row says the same. What the table keeps of them is one bound: none is due
//! before it.

use std::sync::atomic::Ordering;

use hashbrown::HashTable;
use schemas::Timestamp;

use super::room::{Room, Weight};
use super::slot::{DIRTY, FREE, Held, INDEXED, LISTED, Slot, UNFLUSHED, USED};
use super::{KeyId, KeyOrder, StateTable, hash};
use crate::operator::StateRow;
use crate::store::{StoreError, StoreReader};
use crate::task::belongs_to_runtime;

/// Entries of the index of wake-ups that are looked at together.
const ENTRIES: usize = 256;

/// The way to what is not in memory.
pub(super) struct Cold {
    reader: Box<dyn StoreReader>,
    /// No key that is not in memory is due before it.
    due_from: Timestamp,
    /// What is due up to it is being fired: it stays in memory.
    held: Timestamp,
    /// Committed since the last flush.
    unflushed: Vec<KeyId>,
    free: Vec<KeyId>,
    /// Read, and not among the task's wake-ups yet.
    loaded: Vec<KeyId>,
    /// Keys from here on have not been read ahead; `None`: that is over.
    ahead: Option<Vec<u8>>,
    /// Nothing has left the memory yet, and all that is there is listed in its order.
    keeps_all: bool,
}

impl Cold {
    pub(super) fn take_free(&mut self) -> Option<KeyId> {
        self.free.pop()
    }

    /// The store has no key that is not listed: to find some in order, it need not be read.
    pub(super) fn lists_all(&self) -> bool {
        self.keeps_all && self.ahead.is_none()
    }
}

/// An entry of the index of wake-ups.
type Entry = (Timestamp, Vec<u8>);
/// What is read of the store in one piece.
type Rows = Vec<(Vec<u8>, Vec<u8>)>;

impl<S: StateRow> StateTable<S> {
    /// From now on what is not in memory is what `reader` says.
    pub(crate) fn back(&mut self, reader: Box<dyn StoreReader>) {
        let (due_from, held) = (Timestamp::MIN, Timestamp::MIN);
        let (unflushed, free, loaded) = (Vec::new(), Vec::new(), Vec::new());
        let (ahead, keeps_all) = (Some(Vec::new()), true);
        self.cold = Some(Cold { reader, due_from, held, unflushed, free, loaded, ahead, keeps_all });
        self.order = Some(KeyOrder::default());
    }

    /// About how many keys there are, in memory or not.
    pub fn estimated_keys(&self) -> u64 {
        self.cold.as_ref().map_or(self.index.len() as u64, |cold| cold.reader.estimated_rows())
    }

    pub(crate) fn is_backed(&self) -> bool {
        self.cold.is_some()
    }

    /// The key's row from the store, into memory.
    pub(super) fn load(&mut self, key: &[u8]) -> Option<KeyId> {
        let read = self.cold.as_ref()?.reader.get_many(&[key]);
        let row = self.checked(read)?.pop()??;
        self.put_in(key, row, decoded)
    }

    /// Rows of the store that begin with `prefix`, into memory.
    pub(super) fn load_range(&mut self, prefix: &[u8], from: &[u8], limit: usize) -> Vec<KeyId> {
        let Some(cold) = &self.cold else { return Vec::new() };
        let mut rows: Rows = Vec::new();
        let read = cold.reader.rows_from(from.max(prefix), &mut |key, row| {
            let within = key.starts_with(prefix);
            if within {
                rows.push((key.to_vec(), row.to_vec()));
            }
            within && rows.len() < limit
        });
        self.checked(read);
        rows.into_iter().filter_map(|(key, row)| self.put_in(&key, row, decoded)).collect()
    }

    /// The key's slot; what is in memory is never older than the row.
    fn put_in(&mut self, key: &[u8], row: Vec<u8>, hold: fn(S, Vec<u8>) -> Held<S>) -> Option<KeyId> {
        if let Some(id) = self.find(key) {
            return Some(id);
        }
        let state = S::decode(&row).map_err(StoreError::from);
        let state = self.checked(state)?;
        let (row_bytes, due) = (row.len(), state.next_due());
        let id = self.put_loaded(key, row_bytes, due, hold(state, row));
        if let Some(cold) = &mut self.cold {
            cold.loaded.push(id);
        }
        Some(id)
    }

    /// A slot for a key that has none.
    fn put_loaded(&mut self, key: &[u8], row_bytes: usize, due: Option<Timestamp>, held: Held<S>) -> KeyId {
        if let (Held::Decoded(_), Some(room)) = (&held, &self.room) {
            room.memory().loaded.fetch_add(1, Ordering::Relaxed);
        }
        let id = self.enter(key, hash(key));
        self.weigh(id, row_bytes);
        self.register_due(id, due);
        self.slots[id.index()].marks |= INDEXED;
        self.replace(id, held);
        if self.cold.as_ref().is_some_and(|cold| cold.keeps_all) {
            self.list(id);
        }
        id
    }

    /// Reads up to `limit` keys before anybody asks for them, in their order, as long as there is room to
    /// spare: one after the other they cost a tenth of what each costs by itself. False: that is over.
    pub(crate) fn read_ahead(&mut self, limit: usize) -> bool {
        let Some(cold) = &mut self.cold else { return false };
        let Some(from) = cold.ahead.take() else { return false };
        self.room.iter_mut().for_each(Room::look);
        let (mut rows, mut seen, mut next): (Rows, _, _) = (Vec::new(), 0, None);
        let read = cold.reader.rows_from(&from, &mut |key, row| {
            if seen == limit {
                next = Some(key.to_vec());
                return false;
            }
            seen += 1;
            if !belongs_to_runtime(key) {
                rows.push((key.to_vec(), row.to_vec()));
            }
            true
        });
        self.checked(read);
        for (key, row) in rows {
            if self.failure.is_some() || !self.room.as_ref().is_some_and(Room::has_spare) {
                self.list_apart();
                return false;
            }
            self.put_in(&key, row, packed);
        }
        if let Some(cold) = &mut self.cold {
            cold.ahead = next;
        }
        self.cold.as_ref().is_some_and(|cold| cold.ahead.is_some())
    }

    /// The keys that were read since the last call.
    pub(crate) fn take_loaded(&mut self) -> Vec<KeyId> {
        self.cold.as_mut().map(|cold| std::mem::take(&mut cold.loaded)).unwrap_or_default()
    }

    /// Keeps what went wrong: nothing decided since may be committed.
    fn checked<T>(&mut self, read: Result<T, StoreError>) -> Option<T> {
        read.map_err(|error| self.failure.get_or_insert(error)).ok()
    }

    /// These keys were sealed into a transaction.
    pub(super) fn sealed(&mut self, ids: &[KeyId]) {
        let Some(cold) = &mut self.cold else { return };
        cold.unflushed.extend_from_slice(ids);
        for id in ids {
            self.slots[id.index()].marks |= UNFLUSHED;
        }
    }

    /// The store has everything that was sealed.
    pub(crate) fn flushed(&mut self) {
        let Some(cold) = &mut self.cold else { return };
        let (keeps_all, mut any_gone) = (cold.keeps_all, false);
        for id in cold.unflushed.drain(..) {
            let slot = &mut self.slots[id.index()];
            slot.marks &= !UNFLUSHED;
            // What was changed since may be new.
            let is_gone = slot.is(LISTED) && !slot.is(DIRTY) && matches!(slot.held, Held::Nothing);
            if is_gone {
                slot.marks &= !LISTED;
            }
            any_gone |= is_gone;
        }
        if !keeps_all {
            self.unlist(DIRTY);
        } else if let Some(order) = self.order.as_mut().filter(|_| any_gone) {
            order.retain(|id| self.slots[id.index()].is(LISTED));
        }
    }

    /// Something has to leave: from now on only those are listed that the store does not have.
    pub(super) fn list_apart(&mut self) {
        let Some(cold) = self.cold.as_mut().filter(|cold| cold.keeps_all) else { return };
        cold.keeps_all = false;
        self.unlist(DIRTY | UNFLUSHED);
        self.order.iter_mut().for_each(KeyOrder::shrink);
    }

    /// Leaves in the list what has one of these marks.
    fn unlist(&mut self, stay: u8) {
        let Some(order) = &mut self.order else { return };
        order.retain(|id| {
            let slot = &mut self.slots[id.index()];
            let stays = slot.is(stay);
            if !stays {
                slot.marks &= !LISTED;
            }
            stays
        });
    }

    /// Looks at one slot, and lets its key go if it was not used for a whole round.
    pub(super) fn consider_leaving(&mut self) {
        let (Some(room), Some(cold)) = (&mut self.room, &mut self.cold) else { return };
        let id = room.next_slot(self.slots.len());
        let slot = &mut self.slots[id.index()];
        let stays = slot.is(DIRTY | UNFLUSHED | LISTED | FREE) || slot.registered_due <= cold.held;
        if stays || matches!(slot.held, Held::Decoded(_)) {
            return;
        }
        if slot.is(USED) {
            slot.marks &= !USED;
            return;
        }
        room.weighed(slot.weight(), Weight::default());
        room.memory().evicted.fetch_add(1, Ordering::Relaxed);
        cold.due_from = cold.due_from.min(slot.registered_due);
        cold.free.push(id);
        if let Ok(entry) = self.index.find_entry(hash(slot.key.bytes()), |found| *found == id) {
            entry.remove();
        }
        *slot = Slot::new(&[]);
        slot.marks = FREE;
    }

    /// Keys due up to `due` stay in memory; `None`: none has to.
    pub(crate) fn hold(&mut self, due: Option<Timestamp>) {
        if let Some(cold) = &mut self.cold {
            cold.held = due.unwrap_or(Timestamp::MIN);
        }
    }

    /// Everything due at `due` has been fired.
    pub(crate) fn fired(&mut self, due: Timestamp) {
        if let Some(cold) = self.cold.as_mut().filter(|cold| cold.due_from == due) {
            cold.due_from = due.plus_ms(1);
        }
    }

    /// No key that is not in memory is due before this instant.
    pub(crate) fn cold_from(&self) -> Option<Timestamp> {
        self.cold.as_ref().map(|cold| cold.due_from).filter(|due| *due < Timestamp::MAX)
    }

    /// The earliest wake-up of a key that is not in memory, if it is not after `until`.
    pub(crate) fn cold_due(&mut self, until: Timestamp) -> Option<Timestamp> {
        let mut key = Vec::new();
        loop {
            let due = self.cold_from().filter(|due| *due <= until)?;
            let (entries, next) = self.cold_entries(due, &key, until)?;
            let found = self.rows_of(&entries)?.into_iter().find(|(entry, _, state)| state.next_due() == Some(entry.0));
            let cold = self.cold.as_mut()?;
            if let Some((entry, ..)) = found {
                cold.due_from = entry.0;
                return Some(entry.0);
            }
            let (due, from) = next.unwrap_or((Timestamp::MAX, Vec::new()));
            (cold.due_from, key) = (due, from);
        }
    }

    /// Entries of keys that are not in memory, and where to go on.
    fn cold_entries(&mut self, due: Timestamp, key: &[u8], until: Timestamp) -> Option<(Vec<Entry>, Option<Entry>)> {
        let (mut entries, mut next) = (Vec::new(), None);
        let (index, slots) = (&self.index, &self.slots);
        let read = self.cold.as_ref()?.reader.wakeups_from(due, key, &mut |due, key| {
            if due > until || entries.len() == ENTRIES {
                next = Some((due, key.to_vec()));
                return false;
            }
            if !is_in(index, slots, key) {
                entries.push((due, key.to_vec()));
            }
            true
        });
        self.checked(read)?;
        Some((entries, next))
    }

    /// The entries whose keys the store has, with the lengths of their rows and their states.
    fn rows_of<'e>(&mut self, entries: &'e [Entry]) -> Option<Vec<(&'e Entry, usize, S)>> {
        let keys: Vec<&[u8]> = entries.iter().map(|(_, key)| key.as_slice()).collect();
        let read = self.cold.as_ref()?.reader.get_many(&keys);
        let rows = self.checked(read)?;
        let mut found = Vec::with_capacity(rows.len());
        for (entry, row) in entries.iter().zip(rows) {
            let Some(row) = row else { continue };
            let state = S::decode(&row).map_err(StoreError::from);
            found.push((entry, row.len(), self.checked(state)?));
        }
        Some(found)
    }

    /// Some of the keys that are due at `due` and were not in memory: their ids, in order of key, and the
    /// key after which to go on.
    pub(crate) fn load_due(&mut self, due: Timestamp, after: Option<&[u8]>) -> (Vec<KeyId>, Option<Vec<u8>>) {
        if self.cold_from().is_none_or(|from| from > due) {
            return (Vec::new(), None);
        }
        let from = after.map(|after| [after, &[0]].concat()).unwrap_or_default();
        let Some((entries, next)) = self.cold_entries(due, &from, due) else { return (Vec::new(), None) };
        let last = entries.last().map(|(_, key)| key.clone());
        let Some(rows) = self.rows_of(&entries) else { return (Vec::new(), None) };
        let mut ids = Vec::with_capacity(rows.len());
        for (entry, row_bytes, state) in rows.into_iter().filter(|(_, _, state)| state.next_due() == Some(due)) {
            ids.push(self.put_loaded(&entry.1, row_bytes, Some(due), Held::Decoded(state)));
        }
        let more = next.is_some_and(|(next, _)| next <= due);
        (ids, last.filter(|_| more))
    }
}

/// Somebody wants it now.
fn decoded<S>(state: S, _row: Vec<u8>) -> Held<S> {
    Held::Decoded(state)
}

/// Somebody may want it soon.
fn packed<S>(_state: S, row: Vec<u8>) -> Held<S> {
    Held::Packed(row.into())
}

fn is_in<S: StateRow>(index: &HashTable<KeyId>, slots: &[Slot<S>], key: &[u8]) -> bool {
    index.find(hash(key), |id| *slots[id.index()].key.bytes() == *key).is_some()
}

#[cfg(test)]
mod tests {
    use schemas::row::{RowError, RowReader, RowWriter};

    use super::*;
    use crate::store::memory::MemoryProvider;
    use crate::store::{Batch, StateStore, StoreProvider};
    use crate::table::StateMemory;

    const KEYS: usize = 1_000;

    /// Due at the instant of its number.
    struct Numbered(u64);

    impl StateRow for Numbered {
        fn encode(&self, out: &mut Vec<u8>) {
            RowWriter::new(out).unsigned(self.0);
        }

        fn decode(row: &[u8]) -> Result<Self, RowError> {
            RowReader::new(row).unsigned().map(Self)
        }

        fn next_due(&self) -> Option<Timestamp> {
            Some(Timestamp::from_millis(self.0 as i64))
        }
    }

    fn key(n: usize) -> Vec<u8> {
        format!("{n:04}").into_bytes()
    }

    /// A table over a store with [`KEYS`] keys, each as its number.
    fn table(memory_bytes: usize) -> StateTable<Numbered> {
        table_and_store(memory_bytes).0
    }

    fn table_and_store(memory_bytes: usize) -> (StateTable<Numbered>, Box<dyn StateStore>) {
        let mut store = MemoryProvider::default().open(0).expect("a store");
        let rows: Vec<(Vec<u8>, Vec<u8>)> = (0..KEYS).map(|n| (key(n), row(n as u64))).collect();
        let mut writes = rows.iter().map(|(key, row)| (key.as_slice(), Some(row.as_slice())));
        store.apply(Batch { rows: Some(&mut writes), ..Batch::default() }).expect("a write");
        let mut table = StateTable::default();
        table.bound(&StateMemory::new(memory_bytes));
        table.back(store.reader());
        (table, store)
    }

    /// Seals what has changed, and brings it to the store.
    fn flush(table: &mut StateTable<Numbered>, store: &mut dyn StateStore) {
        let mut dirty = Vec::new();
        table.take_dirty(&mut dirty);
        let rows: Vec<_> =
            dirty.iter().map(|id| (table.key(*id).to_vec(), table.get(*id).map(|state| row(state.0)))).collect();
        let mut writes = rows.iter().map(|(key, row)| (key.as_slice(), row.as_deref()));
        store.apply(Batch { rows: Some(&mut writes), ..Batch::default() }).expect("a write");
        table.flushed();
    }

    fn row(number: u64) -> Vec<u8> {
        let mut row = Vec::new();
        Numbered(number).encode(&mut row);
        row
    }

    fn read_all_ahead(table: &mut StateTable<Numbered>) {
        assert!((0..=KEYS).any(|_| !table.read_ahead(64)), "reading ahead does not end");
    }

    #[test]
    fn a_key_without_a_store_is_listed_once_whatever_becomes_of_it() {
        let mut table = StateTable::default();
        let early = table.intern(&key(1));
        assert_eq!(table.ids_of(b"00", None, 9), [early]);
        table.put(early, Numbered(1));
        table.delete(early);
        table.put(early, Numbered(1));
        let late = table.intern(&key(2));
        table.put(late, Numbered(2));
        assert_eq!(table.ids_of(b"00", None, 9), [early, late]);
    }

    #[test]
    fn everything_is_read_ahead_once_with_its_wake_up_and_what_is_newer_stays() {
        let mut table = table(1 << 20);
        let changed = table.intern(&key(7));
        table.put(changed, Numbered(7_000));
        read_all_ahead(&mut table);
        assert_eq!(table.len(), KEYS);
        assert_eq!(table.get(changed).map(|state| state.0), Some(7_000));
        let loaded = table.take_loaded();
        assert_eq!(loaded.len(), KEYS, "each is brought among the wake-ups once");
        let due = |n: usize| table.find(&key(n)).and_then(|id| table.registered_due(id));
        assert_eq!((due(0), due(999)), (Some(Timestamp::from_millis(0)), Some(Timestamp::from_millis(999))));
        assert!(!table.read_ahead(64) && table.take_failure().is_none());
    }

    /// The numbers of the keys that begin with 00, of the states that are there.
    fn hundred(table: &mut StateTable<Numbered>) -> Vec<u64> {
        let ids = table.with_prefix(b"00");
        let numbers = ids.into_iter().filter_map(|id| table.get(id)).map(|state| state.0).collect();
        table.relieve();
        numbers
    }

    #[test]
    fn keys_come_in_order_with_what_has_changed_whether_all_are_in_memory_or_not() {
        for memory_bytes in [1 << 20, 16 << 10, 0] {
            let (mut table, mut store) = table_and_store(memory_bytes);
            let mut expected: Vec<u64> = (0..100).collect();
            assert_eq!(hundred(&mut table), expected, "nothing has been read ahead");
            read_all_ahead(&mut table);
            assert_eq!(table.cold.as_ref().map(Cold::lists_all), Some(memory_bytes == 1 << 20));
            assert_eq!(hundred(&mut table), expected);
            let new = table.intern(b"0042-and-a-half");
            table.put(new, Numbered(4_242));
            let gone = table.intern(&key(7));
            table.delete(gone);
            expected.insert(43, 4_242);
            expected.remove(7);
            for _ in 0..2 {
                assert_eq!(hundred(&mut table), expected, "{memory_bytes} bytes");
                flush(&mut table, &mut *store);
            }
            let back = table.intern(&key(7));
            table.put(back, Numbered(7));
            expected.insert(7, 7);
            for _ in 0..2 {
                assert_eq!(hundred(&mut table), expected, "{memory_bytes} bytes");
                flush(&mut table, &mut *store);
            }
            assert!(table.take_failure().is_none());
        }
    }

    #[test]
    fn it_ends_where_the_room_does_and_the_rest_is_read_when_asked_for() {
        let mut table = table(16 << 10);
        read_all_ahead(&mut table);
        assert!((50..KEYS).contains(&table.len()), "{}", table.len());
        assert!(table.room.as_ref().is_some_and(|room| !room.is_full()));
        let last = table.intern(&key(KEYS - 1));
        assert_eq!(table.get(last).map(|state| state.0), Some(KEYS as u64 - 1));
    }
}
