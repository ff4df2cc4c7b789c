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
}

impl TimerQueue {
    pub(crate) fn set(&mut self, due: Timestamp, key: KeyId) {
        self.buckets.entry(due).or_default().push(key);
    }

    /// The earliest instant that may have a wake-up (it may turn out stale).
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.buckets.first_key_value().map(|(due, _)| *due)
    }

    /// Takes the earliest bucket; the caller drops stale entries and orders the rest by key.
    pub(crate) fn pop(&mut self) -> Option<(Timestamp, Vec<KeyId>)> {
        self.buckets.pop_first()
    }
}
