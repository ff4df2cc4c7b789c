//! The memory of what was read against a model that remembers everything.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use schemas::Timestamp;
use schemas::row::RowError;

use super::super::row::{Change, Column, Columns, Mark, Operation, Source, Value};
use super::{Dedupe, MOST_ROWS, Slots, Unit, WINDOW, row_identity};

/// Slots as rows of bytes, as a state keeps them.
#[derive(Default)]
struct Rows(BTreeMap<u32, Vec<u8>>);

impl Slots for Rows {
    fn put(&mut self, slot: u32, unit: &Unit) {
        let mut row = Vec::new();
        unit.encode(&mut row);
        self.0.insert(slot, row);
    }
}

impl Rows {
    fn restore(&self, window: u32) -> Dedupe {
        Dedupe::restored(window, self.0.iter().map(|(slot, row)| (*slot, Unit::decode(row).unwrap())))
    }
}

/// One change of a log: transaction, place, last commit before, row, milliseconds of the commit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Event {
    unit: String,
    place: u64,
    after_commit: Option<u64>,
    row: u64,
    time: i64,
}

fn event(unit: u64, place: u64, after_commit: u64, row: u64, time: i64) -> Event {
    Event { unit: unit.to_string(), place, after_commit: Some(after_commit), row, time }
}

struct Reader {
    dedupe: Dedupe,
    rows: Rows,
}

impl Reader {
    fn new(window: u32) -> Self {
        Self { dedupe: Dedupe::with_window(window), rows: Rows::default() }
    }

    fn seen(&mut self, event: &Event) -> bool {
        let mark = Mark {
            unit: Cow::Borrowed(&event.unit),
            place: (event.place, 0),
            after_commit: event.after_commit,
            text: Cow::Borrowed(""),
        };
        self.dedupe.seen(&mut self.rows, &mark, event.row, Some(Timestamp::from_millis(event.time)))
    }

    fn restart(&mut self) {
        self.dedupe = self.rows.restore(self.dedupe.window);
    }
}

/// A log in the order of its commits: transactions overlap, so their places do not grow from one to the next;
/// several rows share a place; several transactions share a millisecond.
fn log(shape: &[(u64, Vec<u8>, bool)]) -> Vec<Event> {
    let (mut events, mut last_commit, mut time) = (Vec::new(), 0, 1_000);
    let mut commit = 100;
    for (number, (overlap, places, later)) in shape.iter().enumerate() {
        time += i64::from(*later);
        // It began before the commits of the transactions it overlaps.
        let first = (100 * number as u64 + 51).saturating_sub(overlap * 100);
        for (place, rows) in (first..).zip(places) {
            events
                .extend((0..=u64::from(*rows)).map(|row| event(7_000 + number as u64, place, last_commit, row, time)));
        }
        last_commit = commit;
        commit += 100;
    }
    events
}

fn transactions() -> impl Strategy<Value = Vec<(u64, Vec<u8>, bool)>> {
    prop::collection::vec((0_u64..5, prop::collection::vec(0_u8..3, 1..5), any::<bool>()), 1..40)
}

proptest! {
    /// Read up to a point, go back some transactions' worth of changes, read on; now and then from the state alone.
    #[test]
    fn every_change_is_taken_exactly_once(
        shape in transactions(),
        jumps in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..25, any::<bool>(), any::<bool>()), 0..12),
    ) {
        let log = log(&shape);
        let mut reader = Reader::new(64);
        let (mut taken, mut at, mut stale) = (Vec::new(), 0, None);
        let mut jumps = jumps.into_iter();
        let mut jump = jumps.next();
        let mut furthest = 0;
        while at < log.len() {
            let mut sent = log[at].clone();
            if stale.as_ref() == Some(&sent.unit) {
                // After its restart the connector may name an earlier commit than the last one.
                sent.after_commit = sent.after_commit.map(|commit| commit.saturating_sub(100));
            }
            if !reader.seen(&sent) {
                taken.push(log[at].clone());
            }
            at += 1;
            furthest = furthest.max(at);
            if let Some((_, back, restart, lags)) = jump.filter(|(when, ..)| furthest > when.index(log.len())) {
                at = at.saturating_sub(back);
                stale = lags.then(|| log.get(at).map(|event| event.unit.clone())).flatten();
                if restart {
                    reader.restart();
                }
                jump = jumps.next();
            }
        }
        prop_assert_eq!(taken, log);
    }

    /// However far back the connector goes: what is older than the window is known by the commit it follows.
    #[test]
    fn what_the_window_forgot_is_not_taken_again(shape in transactions(), back in any::<prop::sample::Index>(), restart: bool) {
        let log = log(&shape);
        let mut reader = Reader::new(4);
        let mut taken: Vec<&Event> = log.iter().filter(|event| !reader.seen(event)).collect();
        if restart {
            reader.restart();
        }
        taken.extend(log[back.index(log.len())..].iter().filter(|event| !reader.seen(event)));
        prop_assert_eq!(taken, log.iter().collect::<Vec<_>>());
        prop_assert!(reader.rows.0.len() <= 4);
    }

    /// A database restored from a backup writes over places, transactions and commits that were read already.
    #[test]
    fn a_log_that_begins_anew_is_read_whole(shape in transactions(), after in transactions(), restart: bool) {
        let old = log(&shape);
        let mut reader = Reader::new(8);
        prop_assert!(old.iter().all(|event| !reader.seen(event)));
        let moved = |mut event: Event| {
            event.time += 1_000_000;
            event
        };
        let new: Vec<Event> = log(&after).into_iter().map(moved).collect();
        let mut middle = new.len() / 2;
        for event in &new {
            if restart && middle == 0 {
                reader.restart();
            }
            middle = middle.saturating_sub(1);
            prop_assert!(!reader.seen(event), "{event:?}");
        }
        let mut again = new.iter().filter(|event| !reader.seen(event));
        prop_assert_eq!(again.next(), None, "the new log is known in its turn");
    }

    /// Random places of random units: what was never sent is taken wherever the clock says that it is new.
    #[test]
    fn what_is_newer_is_never_swallowed(sent in prop::collection::vec((0_u64..6, 0_u64..6, 0_u64..6, 0_u64..3), 1..200)) {
        let mut reader = Reader::new(3);
        for (n, (unit, place, after_commit, row)) in sent.into_iter().enumerate() {
            prop_assert!(!reader.seen(&event(unit, place, after_commit, row, n as i64)));
        }
    }

    #[test]
    fn units_survive_their_rows(number: u64, place: (u64, u64), rows: Vec<u64>, after_commit: Option<u64>, time: Option<i64>) {
        let unit = Unit {
            name: "mysql-bin.000003".to_owned(), number, epoch: number / 2, place, rows, after_commit,
            forgotten: after_commit.map(|after_commit| super::Forgotten { after_commit, name: "単位".to_owned() }),
            newest: time.map(Timestamp::from_millis),
        };
        let mut row = Vec::new();
        unit.encode(&mut row);
        prop_assert_eq!(Unit::decode(&row), Ok(unit));
        for cut in 0..row.len() {
            prop_assert!(Unit::decode(&row[..cut]).is_err());
        }
        row[0] = 9;
        prop_assert_eq!(Unit::decode(&row), Err(RowError::TooNew { found: 9, newest: 1 }));
    }

    #[test]
    fn no_row_panics(row: Vec<u8>) {
        let _ = Unit::decode(&row);
    }
}

#[test]
fn transactions_that_overlap_are_told_apart() {
    let mut reader = Reader::new(8);
    // A wrote at 10 and 20, B at 15 and 25; A committed first.
    let sent = [event(1, 10, 5, 0, 1), event(1, 20, 5, 0, 1), event(2, 15, 30, 0, 2), event(2, 25, 30, 0, 2)];
    assert!(sent.iter().all(|event| !reader.seen(event)), "15 comes after 20 and is new");
    assert!(sent.iter().all(|event| reader.seen(event)));
}

#[test]
fn a_transaction_that_names_the_commit_before_the_last_is_not_swallowed() {
    let mut reader = Reader::new(1);
    assert!(!reader.seen(&event(1, 10, 5, 0, 1)));
    assert!(!reader.seen(&event(2, 20, 15, 0, 1)), "pushes the first one out");
    assert!(!reader.seen(&event(3, 30, 5, 0, 1)), "after its restart the connector names an earlier commit");
    assert!(reader.seen(&event(4, 40, 4, 0, 1)), "before all that was forgotten");
}

#[test]
fn rows_at_one_place_are_told_apart() {
    let mut reader = Reader::new(8);
    assert!(!reader.seen(&event(1, 10, 5, 0, 1)));
    assert!(!reader.seen(&event(1, 10, 5, 1, 1)));
    reader.restart();
    assert!(reader.seen(&event(1, 10, 5, 0, 1)));
    assert!(reader.seen(&event(1, 10, 5, 1, 1)));
    assert!(!reader.seen(&event(1, 10, 5, 2, 1)), "the connector stopped between two rows of one place");
    assert!(!reader.seen(&event(1, 11, 5, 0, 1)));
    assert!(reader.seen(&event(1, 10, 5, 3, 1)), "below the highest place");
}

#[test]
fn without_commits_and_clocks_what_is_not_known_is_new() {
    let mut dedupe = Dedupe::with_window(2);
    let mut rows = Rows::default();
    let mut seen = |unit: &'static str| {
        let mark = Mark { unit: unit.into(), place: (1, 0), after_commit: None, text: "".into() };
        dedupe.seen(&mut rows, &mark, 0, None)
    };
    assert_eq!(["a", "b", "a", "c", "a"].map(&mut seen), [false, false, true, false, false]);
}

#[test]
fn nothing_grows_without_bound() {
    let mut reader = Reader::new(WINDOW);
    for unit in 0..u64::from(WINDOW) + 10 {
        assert!(!reader.seen(&event(unit, unit, unit, 0, unit as i64)));
    }
    assert_eq!(reader.rows.0.len(), WINDOW as usize);
    assert_eq!(reader.dedupe.index.len(), WINDOW as usize);
    for row in 0..MOST_ROWS as u64 + 10 {
        assert!(!reader.seen(&event(u64::from(WINDOW) + 9, 99_999, 0, row, 1)));
    }
    assert!(reader.dedupe.units.iter().all(|unit| unit.rows.len() <= MOST_ROWS));
}

#[test]
fn a_row_is_identified_by_its_key_else_by_its_columns() {
    let columns = |name: &'static str, value: &'static str| {
        Columns(vec![Column { name: name.into(), value: Value::Number(value.into()), kind: None }])
    };
    let change = |key: Columns<'static>, after: Columns<'static>| Change {
        operation: Operation::Create,
        table: "public.stock".into(),
        key,
        before: None,
        after: Some(after),
        renamed: None,
        source: Source::default(),
    };
    let identity = |key: Columns<'static>, quantity| row_identity(&change(key, columns("quantity", quantity)));
    assert_eq!(identity(columns("id", "1"), "5"), identity(columns("id", "1"), "6"));
    assert_ne!(identity(columns("id", "1"), "5"), identity(columns("id", "2"), "5"));
    assert_ne!(identity(Columns::default(), "5"), identity(Columns::default(), "6"));
    let all: HashSet<u64> = [Operation::Create, Operation::Update, Operation::Delete]
        .map(|operation| row_identity(&Change { operation, ..change(columns("id", "1"), columns("a", "1")) }))
        .into();
    assert_eq!(all.len(), 3);
    assert_eq!(identity(columns("id", "1"), "5"), 7_934_510_326_912_426_977, "stored in states: it must never change");
}
