//! Wake-ups in stream time, in order of (due, key).
//!
//! The queue is an index, not a source of truth: every entry is derived from a state's
//! [`next_due`](crate::operator::StateRow::next_due), so a restore rebuilds it. An entry whose key
//! has since been registered for another instant is stale and is skipped when it comes up.

use std::collections::BTreeMap;

use schemas::Timestamp;

use crate::table::KeyId;

#[derive(Debug, Default)]
pub(crate) struct TimerQueue {
    buckets: BTreeMap<Timestamp, Vec<KeyId>>,
    entries: usize,
}

/// Entries that may be stale beyond one for each key.
const SPARE: usize = 1024;

impl TimerQueue {
    pub(crate) fn set(&mut self, due: Timestamp, key: KeyId) {
        self.buckets.entry(due).or_default().push(key);
        self.entries += 1;
    }

    /// More than half of the entries are stale: with so many keys it had better be built anew.
    pub(crate) fn is_stale(&self, keys: usize) -> bool {
        self.entries > 2 * keys + SPARE
    }

    pub(crate) fn rebuild(&mut self, registered: impl Iterator<Item = (KeyId, Timestamp)>) {
        *self = Self::default();
        registered.for_each(|(key, due)| self.set(due, key));
    }

    /// The earliest instant that has a wake-up. Stale entries must not show: a restored queue has
    /// none, and time stops where this says, which closes epochs.
    pub(crate) fn next_due(&mut self, registered: impl Fn(KeyId) -> Option<Timestamp>) -> Option<Timestamp> {
        while let Some(mut bucket) = self.buckets.first_entry() {
            let due = *bucket.key();
            let keys = bucket.get_mut();
            while keys.pop_if(|key| registered(*key) != Some(due)).is_some() {
                self.entries -= 1;
            }
            if !keys.is_empty() {
                return Some(due);
            }
            bucket.remove();
        }
        None
    }

    /// Takes what is due at `due`; the caller drops stale entries and orders the rest by key.
    pub(crate) fn take(&mut self, due: Timestamp) -> Vec<KeyId> {
        let keys = self.buckets.remove(&due).unwrap_or_default();
        self.entries -= keys.len();
        keys
    }
}
