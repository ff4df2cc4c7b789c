//! Rows that are committed and not in the store yet: of each key the newest, all in one buffer.

use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::FxHasher;
use schemas::Timestamp;

/// An empty buffer keeps the room for as much as it held last, between these bounds.
const KEPT_LEAST: usize = 1 << 20;
const KEPT_MOST: usize = 8 << 20;

/// The rows of one partition.
#[derive(Default)]
pub(super) struct Pending {
    /// Key and row, one behind the other. What a newer row did not fit into is left until the buffer is cleared.
    buffer: Vec<u8>,
    rows: HashTable<Span>,
}

#[derive(Clone, Copy)]
struct Span {
    hash: u64,
    start: usize,
    key_len: u32,
    /// `None`: a tombstone.
    row_len: Option<u32>,
    /// What the row may grow to where it is.
    room: u32,
    /// When the row wants to be woken, where the store does not know it.
    due: Option<Timestamp>,
}

impl Span {
    fn key(self, buffer: &[u8]) -> &[u8] {
        &buffer[self.start..self.start + self.key_len as usize]
    }

    fn row(self, buffer: &[u8]) -> Option<&[u8]> {
        let start = self.start + self.key_len as usize;
        self.row_len.map(|len| &buffer[start..start + len as usize])
    }
}

fn hash(key: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(key);
    hasher.finish()
}

/// A row of 4 GiB is no row: a log takes none that is a hundredth of that.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

impl Pending {
    /// A row; `None` deletes. `due`: when it wants to be woken, where the store does not know it.
    pub(super) fn put(&mut self, key: &[u8], row: Option<&[u8]>, due: Option<Timestamp>) {
        let Self { buffer, rows } = self;
        let hash = hash(key);
        let row_len = row.map(length);
        if let Some(known) = rows.find_mut(hash, |span| span.key(buffer) == key) {
            if row_len.unwrap_or(0) > known.room {
                known.start = buffer.len();
                known.room = row_len.unwrap_or(0);
                buffer.extend_from_slice(key);
                buffer.extend_from_slice(row.unwrap_or_default());
            } else if let Some(row) = row {
                let start = known.start + known.key_len as usize;
                buffer[start..start + row.len()].copy_from_slice(row);
            }
            known.row_len = row_len;
            known.due = due.or(known.due);
            return;
        }
        let room = row_len.unwrap_or(0);
        let span = Span { hash, start: buffer.len(), key_len: length(key), row_len, room, due };
        buffer.extend_from_slice(key);
        buffer.extend_from_slice(row.unwrap_or_default());
        rows.insert_unique(hash, span, |span| span.hash);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What is held.
    pub(super) fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// In the order of their keys: a memtable finds the place of each beside that of the one before.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let mut rows: Vec<_> = self.rows.iter().map(|span| (span.key(&self.buffer), span.row(&self.buffer))).collect();
        rows.sort_unstable_by_key(|(key, _)| *key);
        rows.into_iter()
    }

    /// The wake-ups that the store does not know.
    pub(super) fn wakeups(&self) -> impl Iterator<Item = (Timestamp, &[u8])> {
        self.rows.iter().filter_map(|span| Some((span.due?, span.key(&self.buffer))))
    }

    /// What comes next will be about as much: growing again means copying, and pages that the system clears.
    pub(super) fn clear(&mut self) {
        let kept = self.buffer.len().clamp(KEPT_LEAST, KEPT_MOST);
        self.buffer.clear();
        if self.buffer.capacity() > 2 * kept {
            self.buffer.shrink_to(kept);
        }
        self.rows.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_newest_row_of_each_key_counts() {
        let (mut pending, mut expected) = (Pending::default(), BTreeMap::new());
        let mut put = |key: &str, row: Option<&str>| {
            pending.put(key.as_bytes(), row.map(str::as_bytes), None);
            expected.insert(key.as_bytes().to_vec(), row.map(|row| row.as_bytes().to_vec()));
        };
        for n in 0..500 {
            put(&format!("key-{n}"), Some(&"x".repeat(n % 17)));
        }
        for n in (0..500).step_by(3) {
            put(&format!("key-{n}"), Some(&"longer than before"[..=n % 17]));
        }
        for (key, row) in [("key-1", None), ("key-2", Some("")), ("key-1", Some("back")), ("gone", None)] {
            put(key, row);
        }
        let found = |pending: &Pending| -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
            pending.rows().map(|(key, row)| (key.to_vec(), row.map(<[u8]>::to_vec))).collect()
        };
        assert_eq!(found(&pending), expected);
        assert_eq!(pending.wakeups().count(), 0);
        pending.clear();
        assert!(pending.is_empty() && pending.bytes() == 0 && found(&pending).is_empty());
    }

    #[test]
    fn a_wakeup_that_the_store_does_not_know_stays_when_a_newer_row_asks_for_the_same() {
        let mut pending = Pending::default();
        let due = Timestamp::from_millis;
        pending.put(b"once", Some(b"row"), Some(due(1)));
        pending.put(b"once", Some(b"another row"), None);
        pending.put(b"moved", Some(b"row"), Some(due(1)));
        pending.put(b"moved", Some(b"r"), Some(due(2)));
        pending.put(b"known", Some(b"row"), None);
        let mut found: Vec<_> = pending.wakeups().collect();
        found.sort_unstable();
        assert_eq!(found, [(due(1), &b"once"[..]), (due(2), &b"moved"[..])]);
    }
}
