//! Broadcast records on their way into force, and the journal that says when.

use std::collections::{BTreeMap, VecDeque};

use schemas::Timestamp;
use schemas::stream::{JournalEntry, Switch};

use crate::operator::BroadcastRecord;

#[derive(Debug, Default)]
pub(super) struct Switches {
    /// Take effect when stream time passes their instant; in order of offer within one instant.
    scheduled: BTreeMap<(Timestamp, u64), BroadcastRecord>,
    offered: u64,
    /// Take effect before the next record.
    overdue: VecDeque<BroadcastRecord>,
    /// Next offset per broadcast topic that has not been seen.
    broadcast_next: BTreeMap<String, i64>,
    /// Present when a journal is followed instead of written.
    journal: Option<Journal>,
}

#[derive(Debug, Default)]
struct Journal {
    /// Epochs applied otherwise than by the rule: (offset, epoch entered) → applied through.
    epochs: BTreeMap<(i64, i64), i64>,
    /// Broadcast records by the offset they took effect at, in order.
    broadcasts: BTreeMap<i64, Vec<(String, String)>>,
}

impl Journal {
    fn mentions(&self, record: &BroadcastRecord) -> bool {
        self.broadcasts.values().flatten().any(|(topic, key)| is(record, topic, key))
    }
}

fn is(record: &BroadcastRecord, topic: &str, key: &str) -> bool {
    record.topic == topic && record.key == key.as_bytes()
}

impl Switches {
    /// `effective_at`: the instant still ahead at which it takes effect.
    pub(super) fn offer(&mut self, record: &BroadcastRecord, effective_at: Option<Timestamp>) {
        let next = self.broadcast_next.entry(record.topic.clone()).or_insert(0);
        *next = (*next).max(record.offset + 1);
        self.offered += 1;
        let journalled = self.journal.as_ref().is_some_and(|j| j.mentions(record));
        match effective_at {
            Some(at) if !journalled => {
                self.scheduled.insert((at, self.offered), record.clone());
            }
            _ => self.overdue.push_back(record.clone()),
        }
    }

    pub(super) fn next_effective(&self) -> Option<Timestamp> {
        self.scheduled.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn take_due(&mut self) -> Option<(Timestamp, BroadcastRecord)> {
        self.scheduled.pop_first().map(|((at, _), record)| (at, record))
    }

    /// What takes effect before the record at `offset`.
    pub(super) fn take_overdue(&mut self, offset: i64) -> Vec<BroadcastRecord> {
        let Some(journal) = &mut self.journal else {
            return self.overdue.drain(..).collect();
        };
        let Some(due) = journal.broadcasts.remove(&offset) else {
            return Vec::new();
        };
        due.iter()
            .filter_map(|(topic, key)| {
                let i = self.overdue.iter().position(|record| is(record, topic, key))?;
                self.overdue.remove(i)
            })
            .collect()
    }

    pub(super) fn follow(&mut self, entries: impl IntoIterator<Item = JournalEntry>) {
        let journal = self.journal.get_or_insert_default();
        for entry in entries {
            match entry.switch {
                Switch::Epoch { entering, applied_through } => {
                    journal.epochs.insert((entry.offset, entering), applied_through);
                }
                Switch::Broadcast { topic, key } => {
                    journal.broadcasts.entry(entry.offset).or_default().push((topic, key));
                }
            }
        }
    }

    pub(super) fn journalled_epoch(&self, offset: i64, entering: i64) -> Option<i64> {
        self.journal.as_ref()?.epochs.get(&(offset, entering)).copied()
    }

    pub(super) fn broadcast_next(&self) -> &BTreeMap<String, i64> {
        &self.broadcast_next
    }

    pub(super) fn set_broadcast_next(&mut self, next: BTreeMap<String, i64>) {
        self.broadcast_next = next;
    }

    pub(super) fn has_seen(&self, record: &BroadcastRecord) -> bool {
        self.broadcast_next.get(&record.topic).is_some_and(|next| record.offset < *next)
    }
}
