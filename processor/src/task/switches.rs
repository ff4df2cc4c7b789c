//! Broadcast records on their way into force, and the journal that says when.
//!
//! A record takes effect in one of two ways: *scheduled*, when stream time reaches an instant that
//! was still ahead when the record came, which the data alone determines; or *overdue*, before the
//! next input record, which goes to the journal. Records of one topic keep the order they took
//! effect in; those of different topics must not depend on each other's.

use std::collections::{BTreeMap, VecDeque};

use schemas::Timestamp;
use schemas::stream::{JournalEntry, Switch};

use crate::operator::BroadcastRecord;

/// Records of one topic that took effect one after the other: all that there are from `first` to
/// `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl Run {
    fn holds(self, offset: i64) -> bool {
        (self.first..=self.last).contains(&offset)
    }
}

/// By topic, in order of effect.
pub(crate) type Applied = BTreeMap<String, Vec<Run>>;

/// A record that waits, and the offset of the record its topic has before it.
#[derive(Debug)]
struct Waiting {
    record: BroadcastRecord,
    before: Option<i64>,
}

#[derive(Debug, Default)]
pub(super) struct Switches {
    /// By instant, topic and offset.
    scheduled: BTreeMap<(Timestamp, String, i64), Waiting>,
    /// Take effect before the next record.
    overdue: VecDeque<Waiting>,
    /// By topic: the newest offset seen.
    newest: BTreeMap<String, i64>,
    applied: Applied,
    /// Of a restored task: see [`super::Meta`].
    underway: Vec<(String, i64)>,
    /// Present when a journal is followed instead of written.
    journal: Option<Journal>,
}

#[derive(Debug, Default)]
struct Journal {
    /// Epochs applied otherwise than by the rule: (offset, epoch entered) → applied through.
    epochs: BTreeMap<(i64, i64), i64>,
    /// Broadcast records by the offset they took effect at, in order.
    broadcasts: BTreeMap<i64, Vec<(String, Run)>>,
}

impl Journal {
    fn mentions(&self, record: &BroadcastRecord) -> bool {
        self.broadcasts.values().flatten().any(|(topic, run)| *topic == record.topic && run.holds(record.offset))
    }
}

impl Switches {
    /// Takes note of a record that cannot be used: nothing takes effect across it as one run.
    pub(super) fn pass_by(&mut self, record: &BroadcastRecord) -> Option<i64> {
        self.newest.insert(record.topic.clone(), record.offset)
    }

    /// `effective_at`: the instant still ahead at which it takes effect.
    pub(super) fn offer(&mut self, record: &BroadcastRecord, effective_at: Option<Timestamp>) {
        let before = self.pass_by(record);
        let waiting = Waiting { record: record.clone(), before };
        let journalled = self.journal.as_ref().is_some_and(|j| j.mentions(record));
        match effective_at {
            Some(at) if !journalled => {
                self.scheduled.insert((at, record.topic.clone(), record.offset), waiting);
            }
            _ => self.overdue.push_back(waiting),
        }
    }

    pub(super) fn next_effective(&self) -> Option<Timestamp> {
        self.scheduled.first_key_value().map(|((at, _, _), _)| *at)
    }

    pub(super) fn take_due(&mut self) -> Option<(Timestamp, BroadcastRecord)> {
        let ((at, _, _), waiting) = self.scheduled.pop_first()?;
        self.note_applied(&waiting);
        Some((at, waiting.record))
    }

    /// What takes effect before the record at `offset`, and what the journal has to say about it:
    /// nothing where a journal is followed.
    pub(super) fn take_overdue(&mut self, offset: i64) -> (Vec<BroadcastRecord>, Vec<Switch>) {
        let following = self.journal.is_some();
        let taken = match &mut self.journal {
            None => self.overdue.drain(..).collect(),
            Some(journal) => {
                let due = journal.broadcasts.remove(&offset).unwrap_or_default();
                take_runs(&mut self.overdue, &due)
            }
        };
        for waiting in &taken {
            self.note_applied(waiting);
        }
        let switches = if following { Vec::new() } else { as_switches(&taken) };
        (taken.into_iter().map(|waiting| waiting.record).collect(), switches)
    }

    fn note_applied(&mut self, waiting: &Waiting) {
        let runs = self.applied.entry(waiting.record.topic.clone()).or_default();
        match runs.last_mut() {
            Some(run) if waiting.before == Some(run.last) => run.last = waiting.record.offset,
            _ => runs.push(Run { first: waiting.record.offset, last: waiting.record.offset }),
        }
    }

    pub(super) fn follow(&mut self, entries: impl IntoIterator<Item = JournalEntry>) {
        let journal = self.journal.get_or_insert_default();
        for entry in entries {
            match entry.switch {
                Switch::Epoch { entering, applied_through } => {
                    journal.epochs.insert((entry.offset, entering), applied_through);
                }
                Switch::Broadcast { topic, first_offset: first, last_offset: last } => {
                    journal.broadcasts.entry(entry.offset).or_default().push((topic, Run { first, last }));
                }
            }
        }
    }

    pub(super) fn journalled_epoch(&self, offset: i64, entering: i64) -> Option<i64> {
        self.journal.as_ref()?.epochs.get(&(offset, entering)).copied()
    }

    pub(super) fn applied(&self) -> &Applied {
        &self.applied
    }

    /// What is scheduled up to an instant, as (topic, offset).
    pub(super) fn due_until(&self, until: Timestamp) -> Vec<(String, i64)> {
        let due = self.scheduled.keys().take_while(|(at, _, _)| *at <= until);
        due.map(|(_, topic, offset)| (topic.clone(), *offset)).collect()
    }

    pub(super) fn restore(&mut self, applied: Applied, underway: Vec<(String, i64)>) {
        self.applied = applied;
        self.underway = underway;
    }

    /// Whether the record was scheduled for the way that the restored task is half through.
    pub(super) fn is_underway(&self, record: &BroadcastRecord) -> bool {
        self.underway.iter().any(|(topic, offset)| *topic == record.topic && *offset == record.offset)
    }

    pub(super) fn has_applied(&self, record: &BroadcastRecord) -> bool {
        self.applied.get(&record.topic).is_some_and(|runs| runs.iter().any(|run| run.holds(record.offset)))
    }

    /// Of these records, those in force: topic by topic, in the order they took effect in.
    pub(super) fn in_force<'a>(&self, records: &'a [BroadcastRecord]) -> Vec<&'a BroadcastRecord> {
        let mut found = Vec::new();
        for (topic, runs) in &self.applied {
            let mut here: Vec<&BroadcastRecord> = records.iter().filter(|record| record.topic == *topic).collect();
            here.sort_unstable_by_key(|record| record.offset);
            for run in runs {
                let from = here.partition_point(|record| record.offset < run.first);
                found.extend(here[from..].iter().take_while(|record| record.offset <= run.last));
            }
        }
        found
    }
}

/// The waiting records that the journal names, in its order.
fn take_runs(overdue: &mut VecDeque<Waiting>, due: &[(String, Run)]) -> Vec<Waiting> {
    let mut taken = Vec::new();
    for (topic, run) in due {
        let (mine, others): (VecDeque<_>, VecDeque<_>) =
            overdue.drain(..).partition(|w| w.record.topic == *topic && run.holds(w.record.offset));
        taken.extend(mine);
        *overdue = others;
    }
    taken
}

/// Neighbours of one topic make one entry: a thousand locations are not a thousand entries.
fn as_switches(taken: &[Waiting]) -> Vec<Switch> {
    let mut switches: Vec<Switch> = Vec::new();
    for Waiting { record, before } in taken {
        match switches.last_mut() {
            Some(Switch::Broadcast { topic, last_offset, .. })
                if *topic == record.topic && *before == Some(*last_offset) =>
            {
                *last_offset = record.offset;
            }
            _ => switches.push(Switch::Broadcast {
                topic: record.topic.clone(),
                first_offset: record.offset,
                last_offset: record.offset,
            }),
        }
    }
    switches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(topic: &str, offset: i64) -> BroadcastRecord {
        BroadcastRecord { topic: topic.to_owned(), offset, key: Vec::new(), value: None }
    }

    fn run(topic: &str, first_offset: i64, last_offset: i64) -> Switch {
        Switch::Broadcast { topic: topic.to_owned(), first_offset, last_offset }
    }

    fn offsets(records: &[BroadcastRecord]) -> Vec<i64> {
        records.iter().map(|record| record.offset).collect()
    }

    #[test]
    fn neighbours_are_one_entry_and_nothing_runs_across_what_is_scheduled() {
        let mut switches = Switches::default();
        for offset in [0, 2, 5, 6] {
            let ahead = (offset == 5).then_some(Timestamp::from_millis(9));
            switches.offer(&record("rules", offset), ahead);
        }
        switches.offer(&record("places", 6), None);
        let (taken, entries) = switches.take_overdue(40);
        assert_eq!(offsets(&taken), [0, 2, 6, 6]);
        assert_eq!(entries, [run("rules", 0, 2), run("rules", 6, 6), run("places", 6, 6)]);
        assert!(!switches.has_applied(&record("rules", 5)));
        assert_eq!(switches.take_due().map(|(_, record)| record.offset), Some(5));
        assert!(switches.has_applied(&record("rules", 5)));
        let all: Vec<BroadcastRecord> = [0, 2, 5, 6].map(|offset| record("rules", offset)).into();
        let in_force: Vec<i64> = switches.in_force(&all).iter().map(|record| record.offset).collect();
        assert_eq!(in_force, [0, 2, 6, 5], "in the order they took effect in");
    }

    #[test]
    fn a_followed_journal_decides_what_is_overdue_and_when() {
        let mut switches = Switches::default();
        let entry = |offset, switch| JournalEntry { partition: 0, offset, switch };
        switches.follow([entry(10, run("rules", 3, 4)), entry(20, run("rules", 0, 0))]);
        let ahead = Some(Timestamp::from_millis(9));
        for (offset, at) in [(0, ahead), (1, ahead), (3, None), (4, ahead), (8, None)] {
            switches.offer(&record("rules", offset), at);
        }
        assert_eq!(switches.take_overdue(9), (Vec::new(), Vec::new()));
        assert_eq!(offsets(&switches.take_overdue(10).0), [3, 4]);
        assert_eq!(offsets(&switches.take_overdue(20).0), [0]);
        assert_eq!(switches.take_due().map(|(_, record)| record.offset), Some(1));
        assert_eq!(switches.take_due(), None);
    }
}
