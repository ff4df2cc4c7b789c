//! One partition's promises, without any log: timers, epochs, switches, and that a task put together
//! again from its rows goes on exactly as the one they came from.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop where it stands")]

#[path = "support/counter.rs"]
mod counter;

use counter::{Counter, START, second};
use processor::epochs::EpochBoard;
use processor::operator::{BroadcastRecord, Incoming, Operator};
use processor::source_clock::DEFAULT_FLOOR;
use processor::task::{CommitUnit, Step, Task, TaskConfig};
use schemas::stream::{AggregatePartial, JournalEntry, Switch};

const EPOCH_MS: i64 = 10_000;

/// A task with everything it has handed out; restored from its rows after every record if asked to.
struct Bench {
    task: Task<Counter>,
    board: EpochBoard,
    rows: std::collections::BTreeMap<Vec<u8>, Vec<u8>>,
    broadcasts: Vec<BroadcastRecord>,
    restoring: bool,
    next: i64,
    outputs: Vec<String>,
    journal: Vec<JournalEntry>,
}

fn config() -> TaskConfig {
    TaskConfig { partition: 0, epoch_ms: Some(EPOCH_MS), grace_ms: 0, floor: DEFAULT_FLOOR }
}

fn incoming(record: &str) -> Incoming<'_> {
    Incoming { partition: 0, offset: 0, timestamp_ms: 0, key: None, value: Some(record.as_bytes()), headers: &[] }
}

impl Bench {
    /// `partitions`: how many must publish an epoch before it is complete.
    fn new(partitions: i32, restoring: bool) -> Self {
        Self {
            task: Task::new(config(), Counter::default()),
            board: EpochBoard::new(partitions),
            rows: std::collections::BTreeMap::new(),
            broadcasts: Vec::new(),
            restoring,
            next: 0,
            outputs: Vec::new(),
            journal: Vec::new(),
        }
    }

    fn offer(&mut self, record: &str) -> Step {
        let decoded = Counter::default().decode(&incoming(record)).unwrap();
        let step = self.task.process(self.next, &decoded, &self.board);
        if matches!(step, Step::Done(_)) {
            self.next += 1;
        }
        self.commit();
        step
    }

    /// Offers a record until it is taken: each time, what waiting has published is on the board.
    fn take(&mut self, record: &str) {
        assert!((0..9).any(|_| matches!(self.offer(record), Step::Done(Ok(_)))), "{record} was not taken");
    }

    fn commit(&mut self) {
        let unit: CommitUnit<String> = self.task.seal();
        for (key, row) in unit.rows() {
            match row {
                Some(row) => drop(self.rows.insert(key.to_vec(), row.to_vec())),
                None => drop(self.rows.remove(key)),
            }
        }
        for pair in unit.partials.windows(2).filter(|pair| pair[0].epoch == pair[1].epoch) {
            assert!(pair[0].closed_through < pair[0].epoch, "only the last sums of an epoch close it");
        }
        unit.partials.iter().for_each(|partial| self.board.add(partial));
        self.outputs.extend(unit.outputs);
        self.journal.extend(unit.journal);
        if self.restoring {
            self.task = Task::new(config(), Counter::default());
            self.rows.iter().for_each(|(key, row)| self.task.install(key, row).unwrap());
            self.task.resume(&self.broadcasts);
        }
    }

    fn publish(&mut self, key: &str, label: &str) {
        let offset = self.broadcasts.len() as i64;
        let (key, value) = (key.as_bytes().to_vec(), Some(label.as_bytes().to_vec()));
        let record = BroadcastRecord { topic: "labels".to_owned(), offset, key, value };
        let _ = self.task.offer_broadcast(&record);
        self.broadcasts.push(record);
    }

    /// The other partition says what it counted up to an epoch, counted from [`START`].
    fn neighbour(&mut self, closed_through: i64, sum: i64) {
        let first = START.millis() / EPOCH_MS;
        self.board.add(&AggregatePartial {
            scope: "site".to_owned(),
            id: "all".to_owned(),
            epoch: first + closed_through,
            closed_through: first + closed_through,
            partition: 1,
            sums: vec![sum],
        });
    }

    fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.outputs)
    }
}

/// Runs a story on a task that is never restored and on one that always is.
fn both(partitions: i32, story: impl Fn(&mut Bench)) {
    let mut runs = [false, true].map(|restoring| Bench::new(partitions, restoring));
    runs.iter_mut().for_each(&story);
    assert_eq!(runs[0].rows, runs[1].rows);
    assert_eq!(runs[0].journal, runs[1].journal);
}

#[test]
fn timers_fire_in_order_of_due_time_and_key() {
    both(1, |bench| {
        for record in ["e b 1", "e a 1", "e c 0"] {
            bench.take(record);
        }
        bench.said();
        bench.take("w 60");
        assert_eq!(bench.said(), ["c:timer@60:count=1:site=3:label="]);
        bench.take("w 100");
        let due: Vec<String> = bench.said().iter().map(|said| said[..10].to_owned()).collect();
        assert_eq!(due, ["a:timer@61", "b:timer@61"]);
    });
}

/// In epoch e exactly what was counted through e − 2 is known, however far the others are.
#[test]
fn an_epoch_uses_the_sums_of_two_epochs_before_and_waits_for_them() {
    both(2, |bench| {
        bench.neighbour(-1, 0);
        bench.take("e a 0");
        bench.neighbour(0, 100);
        bench.neighbour(1, 1000);
        bench.take("e a 11");
        bench.take("e a 21");
        bench.take("e a 31");
        let site: Vec<String> = bench.said().iter().map(|said| said.split(':').nth(3).unwrap().to_owned()).collect();
        assert_eq!(site, ["site=0", "site=0", "site=101", "site=1102"]);
        assert!(matches!(bench.offer("e a 41"), Step::AwaitEpoch { .. }));
        assert!(matches!(bench.offer("e a 41"), Step::AwaitEpoch { .. }), "still");
        bench.neighbour(2, 7);
        bench.take("e a 41");
        assert_eq!(bench.said(), ["a:counted:count=5:site=1110:label="]);
    });
}

#[test]
fn an_epoch_that_is_passed_over_is_journalled_and_made_up_for_later() {
    both(2, |bench| {
        bench.neighbour(0, 100);
        bench.take("e a 0");
        assert!(matches!(bench.offer("e a 31"), Step::AwaitEpoch { .. }));
        bench.task.force_epoch();
        bench.take("e a 31");
        assert_eq!(bench.said()[1], "a:counted:count=2:site=101:label=");
        let first = START.millis() / EPOCH_MS;
        let switch = Switch::Epoch { entering: first + 3, applied_through: first };
        assert_eq!(bench.journal, [JournalEntry { partition: 0, offset: 1, switch }]);
        bench.neighbour(2, 7);
        bench.take("e a 41");
        assert_eq!(bench.said(), ["a:counted:count=3:site=108:label="]);
    });
}

#[test]
fn a_broadcast_record_takes_effect_at_its_instant() {
    both(1, |bench| {
        bench.publish("50", "later");
        bench.publish("30", "soon");
        bench.take("e a 0");
        bench.take("e a 40");
        bench.take("e a 55");
        let expected = ["a:counted:count=1:site=0:label=", "label=soon@30"];
        assert_eq!(bench.outputs[..2], expected);
        assert_eq!(bench.said()[3], "label=later@50");
        assert!(bench.journal.is_empty(), "the data alone says when");
    });
}

#[test]
fn an_overdue_broadcast_record_waits_for_the_next_record_and_is_journalled() {
    both(1, |bench| {
        bench.take("e a 20");
        bench.publish("10", "overdue");
        bench.publish("broken", "unused");
        bench.publish("any", "at once");
        bench.commit();
        assert_eq!(bench.said().len(), 1);
        bench.take("e a 21");
        assert_eq!(bench.said(), ["label=overdue@20", "label=at once@20", "a:counted:count=2:site=0:label=at once"]);
        let entry = |at| Switch::Broadcast { topic: "labels".to_owned(), first_offset: at, last_offset: at };
        let offsets: Vec<_> = bench.journal.iter().map(|entry| (entry.offset, &entry.switch)).collect();
        assert_eq!(offsets, [(1, &entry(0)), (1, &entry(2))]);
    });
}

/// Nothing slips into a record that is half-way: a replay could not tell where.
#[test]
fn what_comes_while_a_record_awaits_an_epoch_waits_for_the_next_record() {
    both(2, |bench| {
        bench.neighbour(0, 1);
        bench.take("e a 0");
        bench.publish("25", "known before");
        assert!(matches!(bench.offer("e a 45"), Step::AwaitEpoch { .. }));
        bench.publish("30", "on the way");
        bench.publish("any", "at once");
        bench.neighbour(9, 0);
        bench.take("e a 45");
        assert_eq!(bench.said()[1..], ["label=known before@25", "a:counted:count=2:site=2:label=known before"]);
        bench.take("e a 46");
        assert_eq!(bench.said()[..2], ["label=on the way@45", "label=at once@45"]);
    });
}

/// Asserts invariant I10.
#[test]
fn stream_time_never_goes_back() {
    both(1, |bench| {
        let mut before = START;
        for record in ["e a 5", "e a 3", "w 4", "e b 9", "w 8"] {
            bench.take(record);
            assert!(bench.task.stream_time() >= before);
            before = bench.task.stream_time();
        }
        assert_eq!(before, second(9));
    });
}
