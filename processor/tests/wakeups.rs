//! The contract of the index of wake-ups that a store keeps, and of those who read it beside its owner.
#![allow(clippy::expect_used)] // Helpers of tests: a failed expectation is a failed test.

use processor::store::memory::MemoryProvider;
use processor::store::rocks::{Identity, RocksOptions, RocksProvider};
use processor::store::{Batch, Checkpoint, StateStore, StoreProvider, StoreReader, Wakeups};
use schemas::Timestamp;

fn each(clause: fn(&mut dyn StoreProvider)) {
    clause(&mut MemoryProvider::default());
    let root = tempfile::tempdir().expect("a temporary directory");
    let limits = RocksOptions { memory_bytes: 8 << 20, ..RocksOptions::default() };
    let identity = Identity::new("process", "inventory.events");
    clause(&mut RocksProvider::new(root.path().join("state"), identity, &limits).expect("a state directory"));
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn apply(store: &mut dyn StateStore, passed: Option<i64>, entries: &[(i64, &str)]) {
    let entries: Vec<(Timestamp, &[u8])> = entries.iter().map(|(due, key)| (at(*due), key.as_bytes())).collect();
    let wakeups = Wakeups { passed: passed.map(at), entries: &entries, complete: false };
    store.apply(Batch { wakeups, ..Batch::default() }).expect("a write");
}

fn entries(reader: &dyn StoreReader, due: i64, key: &str, most: usize) -> Vec<(i64, String)> {
    let mut found = Vec::new();
    let mut look = |due: Timestamp, key: &[u8]| {
        found.push((due.millis(), String::from_utf8_lossy(key).into_owned()));
        found.len() < most
    };
    reader.wakeups_from(at(due), key.as_bytes(), &mut look).expect("the entries");
    found
}

fn owned(entries: &[(i64, &str)]) -> Vec<(i64, String)> {
    entries.iter().map(|(due, key)| (*due, (*key).to_owned())).collect()
}

#[test]
fn entries_come_in_order_of_time_and_key_from_anywhere() {
    each(|provider| {
        let mut store = provider.open(0).expect("a store");
        let reader = store.reader();
        apply(&mut *store, None, &[(5, "b"), (5, "a"), (-3, "z"), (70, "")]);
        apply(&mut *store, None, &[(5, "a"), (6, "a")]);
        let all = [(-3, "z"), (5, "a"), (5, "b"), (6, "a"), (70, "")];
        assert_eq!(entries(&*reader, i64::MIN, "", 9), owned(&all));
        assert_eq!(entries(&*reader, 5, "aa", 2), owned(&all[2..4]));
        apply(&mut *store, Some(6), &[(2, "late")]);
        assert_eq!(entries(&*reader, i64::MIN, "", 9), owned(&[(2, "late"), (6, "a"), (70, "")]));
        assert!(entries(&*reader, 71, "", 9).is_empty());
    });
}

#[test]
fn the_index_says_when_it_is_whole_and_goes_with_the_rows() {
    each(|provider| {
        let mut store = provider.open(0).expect("a store");
        assert!(!store.has_wakeups().expect("an answer"));
        let checkpoint = Checkpoint { changelog_offset: 1, topic_id: "t".into(), committed_at_ms: 1 };
        let rows: [(&[u8], Option<&[u8]>); 2] = [(b"a", Some(b"1")), (b"b", Some(b"2"))];
        let entries_of = [(at(1), &b"a"[..])];
        let wakeups = Wakeups { entries: &entries_of, complete: true, passed: None };
        let rows = &mut rows.iter().copied();
        store.apply(Batch { rows: Some(rows), wakeups, checkpoint: Some(&checkpoint) }).expect("a write");
        drop(store);
        let mut store = provider.open(0).expect("the store again");
        assert!(store.has_wakeups().expect("an answer"));
        assert_eq!(entries(&*store.reader(), 0, "", 9), owned(&[(1, "a")]));
        store.clear().expect("a cleared store");
        assert!(!store.has_wakeups().expect("an answer"));
        assert!(entries(&*store.reader(), i64::MIN, "", 9).is_empty());
    });
}

#[test]
fn rows_are_read_beside_their_owner_one_by_one_and_in_order() {
    each(|provider| {
        let mut store = provider.open(0).expect("a store");
        let reader = store.reader();
        let checkpoint = Checkpoint { changelog_offset: 1, topic_id: "t".into(), committed_at_ms: 1 };
        let rows: [(&[u8], Option<&[u8]>); 3] = [(b"a", Some(b"1")), (b"ab", Some(b"2")), (b"c", Some(b""))];
        store.write(&mut rows.iter().copied(), &checkpoint).expect("a write");
        let found = reader.get_many(&[b"c", b"x", b"a"]).expect("rows");
        assert_eq!(found, [Some(Vec::new()), None, Some(b"1".to_vec())]);
        let mut keys = Vec::new();
        let mut look = |key: &[u8], _: &[u8]| {
            keys.push(key.to_vec());
            keys.len() < 2
        };
        reader.rows_from(b"aa", &mut look).expect("rows");
        assert_eq!(keys, [b"ab".to_vec(), b"c".to_vec()]);
        assert_eq!(reader.estimated_rows(), 3);
    });
}
