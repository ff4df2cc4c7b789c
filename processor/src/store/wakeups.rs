//! The index of wake-ups that a store keeps beside its rows: when each key wants to be woken.
//!
//! It is derived from the rows and is in no changelog. For every row that wants a wake-up it holds an
//! entry; it may hold more: what a key asked for earlier stays until its time has passed. So whoever
//! reads an entry looks at the row before he believes it.
//!
//! An entry is the instant, eight bytes whose order is that of time, and the key.

use schemas::Timestamp;
use schemas::row::RowError;

use super::{Batch, StateStore, StoreError};
use crate::task::belongs_to_runtime;

const INSTANT: usize = 8;
/// Rows looked at before their entries are written.
const PAGE: usize = 4096;

/// What is said about wake-ups in one batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wakeups<'a> {
    /// No row has one before this instant: entries before it go.
    pub passed: Option<Timestamp>,
    pub entries: &'a [(Timestamp, &'a [u8])],
    /// From now on every row has its entry.
    pub complete: bool,
}

/// Says when the row of a key wants to be woken.
pub type DueOf<'a> = dyn Fn(&[u8]) -> Result<Option<Timestamp>, RowError> + 'a;

/// Writes an entry.
pub(super) fn entry(due: Timestamp, key: &[u8]) -> Vec<u8> {
    let mut entry = Vec::with_capacity(INSTANT + key.len());
    entry.extend_from_slice(&instant(due));
    entry.extend_from_slice(key);
    entry
}

pub(super) fn instant(due: Timestamp) -> [u8; INSTANT] {
    // The sign comes first: what lies before 1970 is smaller.
    (due.millis() ^ i64::MIN).to_be_bytes()
}

/// Reads an entry.
pub(super) fn split(entry: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (instant, key) = entry.split_first_chunk::<INSTANT>()?;
    Some((Timestamp::from_millis(i64::from_be_bytes(*instant) ^ i64::MIN), key))
}

/// Sees to it that the store has the entries of all its rows: one that was written without them is read
/// through, once.
pub(crate) fn complete(store: &mut dyn StateStore, due_of: &DueOf<'_>) -> Result<(), StoreError> {
    if store.has_wakeups()? {
        return Ok(());
    }
    let mut from = Vec::new();
    loop {
        let (mut found, mut seen, mut failed, mut last) = (Vec::new(), 0, None, Vec::new());
        store.rows_from(&from, &mut |key, row| {
            last.clear();
            last.extend_from_slice(key);
            seen += 1;
            match if belongs_to_runtime(key) { Ok(None) } else { due_of(row) } {
                Ok(due) => found.extend(due.map(|due| (due, key.to_vec()))),
                Err(error) => failed = Some(error),
            }
            failed.is_none() && seen < PAGE
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        let entries: Vec<(Timestamp, &[u8])> = found.iter().map(|(due, key)| (*due, key.as_slice())).collect();
        let complete = seen < PAGE;
        last.push(0);
        from = last;
        store.apply(Batch { wakeups: Wakeups { entries: &entries, complete, passed: None }, ..Batch::default() })?;
        if complete {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_in_the_order_of_time_and_then_of_key() {
        let times = [i64::MIN, -5, 0, 1, 1 << 40, i64::MAX].map(Timestamp::from_millis);
        let mut entries = Vec::new();
        for due in times {
            for key in [&b""[..], b"a", b"b"] {
                assert_eq!(split(&entry(due, key)), Some((due, key)));
                entries.push(entry(due, key));
            }
        }
        assert!(entries.is_sorted());
        assert_eq!(split(b"short"), None);
    }
}
