//! The contract of a state store, run against every implementation.
//!
//! A store always holds the state at exactly its checkpoint: after a clean close, after the death
//! of the process, and after damage it either says so or still is such a state.
#![allow(clippy::expect_used)] // Helpers of tests: a failed expectation is a failed test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use processor::store::memory::MemoryProvider;
use processor::store::rocks::{Identity, RocksOptions, RocksProvider};
use processor::store::{Checkpoint, StateStore, StoreError, StoreProvider};
use proptest::prelude::*;
use tempfile::TempDir;

type Row = (Vec<u8>, Vec<u8>);
type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// A state directory that goes away with the test.
struct Disk {
    root: TempDir,
}

impl Disk {
    fn new() -> Self {
        Self { root: tempfile::tempdir().expect("a temporary directory") }
    }

    fn state(&self) -> PathBuf {
        self.root.path().join("state")
    }

    fn provider(&self) -> RocksProvider {
        provider_at(&self.state())
    }
}

fn provider_at(state: &Path) -> RocksProvider {
    let limits = RocksOptions { memory_bytes: 8 << 20, ..RocksOptions::default() };
    RocksProvider::new(state, Identity::new("process", "inventory.events"), &limits).expect("a state directory")
}

fn checkpoint(offset: i64) -> Checkpoint {
    Checkpoint { changelog_offset: offset, topic_id: "topic-1".into(), committed_at_ms: 1_290_405_240_000 + offset }
}

fn write(store: &mut dyn StateStore, rows: &[(&[u8], Option<&[u8]>)], offset: i64) {
    store.write(&mut rows.iter().copied(), &checkpoint(offset)).expect("a write");
}

fn read_all(store: &dyn StateStore) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    store.scan(&mut |key, value| {
        rows.push((key.to_vec(), value.to_vec()));
        Ok(())
    })?;
    Ok(rows)
}

fn rows_of(store: &dyn StateStore) -> Vec<Row> {
    read_all(store).expect("a scan")
}

/// Runs one clause of the contract against every implementation.
fn each(clause: fn(&mut dyn StoreProvider)) {
    clause(&mut MemoryProvider::default());
    clause(&mut Disk::new().provider());
}

#[test]
fn a_new_store_is_empty_and_has_no_checkpoint() {
    each(|provider| {
        let store = provider.open(0).expect("a store");
        assert_eq!(store.checkpoint().expect("a checkpoint"), None);
        assert_eq!(store.get(b"key").expect("a row"), None);
        assert!(rows_of(&*store).is_empty());
    });
}

#[test]
fn rows_and_checkpoint_survive_a_clean_close() {
    each(|provider| {
        let mut store = provider.open(3).expect("a store");
        write(&mut *store, &[(b"a", Some(b"1")), (b"b", Some(b"2"))], 10);
        write(&mut *store, &[(b"a", Some(b"3")), (b"b", None), (b"never there", None)], 11);
        drop(store);
        let store = provider.open(3).expect("the store again");
        assert_eq!(store.checkpoint().expect("a checkpoint"), Some(checkpoint(11)));
        assert_eq!(store.get(b"a").expect("a row").as_deref(), Some(&b"3"[..]));
        assert_eq!(store.get(b"b").expect("a row"), None);
        assert_eq!(rows_of(&*store), [(b"a".to_vec(), b"3".to_vec())]);
    });
}

#[test]
fn rows_of_one_batch_apply_in_order() {
    each(|provider| {
        let mut store = provider.open(0).expect("a store");
        let rows: [(&[u8], Option<&[u8]>); 4] =
            [(b"a", Some(b"1")), (b"a", Some(b"2")), (b"b", Some(b"1")), (b"b", None)];
        write(&mut *store, &rows, 1);
        assert_eq!(rows_of(&*store), [(b"a".to_vec(), b"2".to_vec())]);
    });
}

#[test]
fn keys_and_values_are_any_bytes() {
    each(|provider| {
        let mut store = provider.open(0).expect("a store");
        let keys: [&[u8]; 7] = [b"", b"\0", b"\0\0", b"checkpoint", b"\xff", b"\xff\xff\xff", "手机壳|仓库".as_bytes()];
        let rows: Vec<(&[u8], Option<&[u8]>)> = keys.iter().map(|key| (*key, Some(*key))).collect();
        write(&mut *store, &rows, 1);
        write(&mut *store, &[(b"empty", Some(b""))], 2);
        drop(store);
        let store = provider.open(0).expect("the store again");
        for key in keys {
            assert_eq!(store.get(key).expect("a row").as_deref(), Some(key));
        }
        assert_eq!(store.get(b"empty").expect("a row").as_deref(), Some(&b""[..]));
        assert_eq!(store.checkpoint().expect("a checkpoint"), Some(checkpoint(2)));
    });
}

#[test]
fn a_row_may_be_big() {
    each(|provider| {
        let mut store = provider.open(0).expect("a store");
        let big: Vec<u8> = (0..20_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        write(&mut *store, &[(b"big", Some(&big)), (b"small", Some(b"1"))], 1);
        drop(store);
        let store = provider.open(0).expect("the store again");
        assert!(store.get(b"big").expect("a row").as_deref() == Some(&big[..]));
        assert_eq!(rows_of(&*store).len(), 2);
    });
}

#[test]
fn a_scan_is_in_key_order_and_stops_with_the_visitors_error() {
    each(|provider| {
        let mut store = provider.open(0).expect("a store");
        write(&mut *store, &[(b"b", Some(b"2")), (b"", Some(b"0")), (b"\xff", Some(b"4")), (b"ba", Some(b"3"))], 1);
        write(&mut *store, &[(b"a", Some(b"1"))], 2);
        let keys: Vec<Vec<u8>> = rows_of(&*store).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, [&b""[..], b"a", b"b", b"ba", b"\xff"]);
        let mut visited = 0;
        let result = store.scan(&mut |key, _| {
            visited += 1;
            if key == b"a" {
                Err(StoreError::Corrupt { path: "row".into(), reason: "unreadable".into() })
            } else {
                Ok(())
            }
        });
        assert!(matches!(result, Err(StoreError::Corrupt { .. })));
        assert_eq!(visited, 2);
    });
}

#[test]
fn clear_drops_everything_and_the_store_goes_on() {
    each(|provider| {
        let mut store = provider.open(0).expect("a store");
        store.clear().expect("clearing an empty store");
        write(&mut *store, &[(b"", Some(b"0")), (b"a", Some(b"1")), (b"\xff\xff", Some(b"2"))], 1);
        store.clear().expect("a cleared store");
        assert_eq!((store.checkpoint().expect("a checkpoint"), rows_of(&*store)), (None, vec![]));
        write(&mut *store, &[(b"b", Some(b"3"))], 2);
        drop(store);
        let store = provider.open(0).expect("the store again");
        assert_eq!(rows_of(&*store), [(b"b".to_vec(), b"3".to_vec())]);
        assert_eq!(store.checkpoint().expect("a checkpoint"), Some(checkpoint(2)));
    });
}

#[test]
fn partitions_are_apart() {
    each(|provider| {
        let mut first = provider.open(1).expect("a store");
        let second = provider.open(2).expect("a store");
        write(&mut *first, &[(b"a", Some(b"1"))], 1);
        assert!(rows_of(&*second).is_empty());
        assert_eq!(second.checkpoint().expect("a checkpoint"), None);
    });
}

#[test]
fn a_partition_is_open_once_at_a_time() {
    each(|provider| {
        let store = provider.open(0).expect("a store");
        assert!(matches!(provider.open(0), Err(StoreError::Locked { .. })));
        assert!(matches!(provider.quarantine(0), Err(StoreError::Locked { .. })));
        drop(store);
        assert!(provider.open(0).is_ok());
    });
}

#[test]
fn a_quarantined_partition_starts_empty() {
    each(|provider| {
        for offset in [1, 2] {
            let mut store = provider.open(0).expect("a store");
            assert_eq!(store.checkpoint().expect("a checkpoint"), None);
            write(&mut *store, &[(b"a", Some(b"1"))], offset);
            drop(store);
            provider.quarantine(0).expect("a quarantine");
        }
        provider.quarantine(0).expect("nothing to do");
        assert!(rows_of(&*provider.open(0).expect("a store")).is_empty());
    });
}

// What only a disk can do.

/// Taken while the store is open, this is what a kill -9 leaves.
fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a listing") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// Files of the database whose name starts or ends with `part`, sorted.
fn database_files(state: &Path, part: &str) -> Vec<PathBuf> {
    let named = |path: &PathBuf| {
        path.file_name().map(|name| name.to_string_lossy()).is_some_and(|n| n.starts_with(part) || n.ends_with(part))
    };
    let entries = fs::read_dir(state.join("partition-00000/db")).expect("a listing");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).filter(named).collect();
    files.sort();
    files
}

const WAL: &str = ".log";
const TABLE: &str = ".sst";
const MANIFEST: &str = "MANIFEST";
const CURRENT: &str = "CURRENT";

/// Batch `n` writes row `n`, rewrites row 0 and deletes row `n − 5`.
fn write_history(store: &mut dyn StateStore, batches: i64, padding: usize) -> BTreeMap<i64, Rows> {
    let mut history = BTreeMap::new();
    let mut rows = Rows::new();
    for n in 1..=batches {
        let (key, old) = (n.to_be_bytes(), (n - 5).to_be_bytes());
        let value = vec![n as u8; padding];
        write(store, &[(&key, Some(&value)), (&0_i64.to_be_bytes(), Some(&key)), (&old, None)], n);
        rows.insert(key.to_vec(), value);
        rows.insert(0_i64.to_be_bytes().to_vec(), key.to_vec());
        rows.remove(&old[..]);
        history.insert(n, rows.clone());
    }
    history
}

/// The state at `offset`, or nothing at all before the first batch.
fn assert_is_a_past_state(store: &dyn StateStore, history: &BTreeMap<i64, Rows>) -> Result<i64, StoreError> {
    let rows: Rows = read_all(store)?.into_iter().collect();
    let offset = store.checkpoint()?.map_or(0, |checkpoint| checkpoint.changelog_offset);
    assert_eq!(rows, history.get(&offset).cloned().unwrap_or_default(), "rows at checkpoint {offset}");
    Ok(offset)
}

#[test]
fn every_batch_survives_the_death_of_the_process() {
    let disk = Disk::new();
    let mut store = disk.provider().open(0).expect("a store");
    let history = write_history(&mut *store, 20, 100);
    let image = disk.root.path().join("image");
    copy_tree(&disk.state(), &image);
    let recovered = provider_at(&image).open(0).expect("the image");
    assert_eq!(assert_is_a_past_state(&*recovered, &history).expect("a state"), 20);
}

#[test]
fn a_torn_write_ahead_log_recovers_to_a_whole_batch() {
    let disk = Disk::new();
    let mut store = disk.provider().open(0).expect("a store");
    let history = write_history(&mut *store, 6, 10);
    let wal = database_files(&disk.state(), WAL).pop().expect("a WAL");
    let len = fs::metadata(&wal).expect("its size").len();
    let mut seen = BTreeMap::new();
    for cut in (0..=len).step_by(7).chain([len]) {
        let image = disk.root.path().join(format!("image-{cut}"));
        copy_tree(&disk.state(), &image);
        let torn = database_files(&image, WAL).pop().expect("a WAL");
        fs::OpenOptions::new().write(true).open(torn).and_then(|file| file.set_len(cut)).expect("a cut");
        let recovered = provider_at(&image).open(0).expect("the image");
        *seen.entry(assert_is_a_past_state(&*recovered, &history).expect("a state")).or_insert(0) += 1;
    }
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), (0..=6).collect::<Vec<i64>>());
}

/// A database with tables on disk, some of them compacted, and a write-ahead log.
fn populated() -> (Disk, BTreeMap<i64, Rows>) {
    let disk = Disk::new();
    let mut store = disk.provider().open(0).expect("a store");
    let history = write_history(&mut *store, 60, 200_000);
    store.sync().expect("a sync");
    drop(store);
    assert!(!database_files(&disk.state(), TABLE).is_empty(), "the tables were flushed");
    (disk, history)
}

/// Opens and reads everything: either a typed error, or a state that was once committed.
fn open_and_read(state: &Path, history: &BTreeMap<i64, Rows>) -> Result<i64, StoreError> {
    let store = provider_at(state).open(0)?;
    assert_is_a_past_state(&*store, history)
}

#[test]
fn damaged_tables_manifest_and_current_are_reported() {
    let (disk, history) = populated();
    for what in [TABLE, MANIFEST, CURRENT] {
        let image = disk.root.path().join(what.trim_start_matches('.'));
        copy_tree(&disk.state(), &image);
        for file in database_files(&image, what) {
            let mut bytes = fs::read(&file).expect("its bytes");
            let middle = bytes.len() / 2;
            bytes.iter_mut().skip(middle).take(8).for_each(|byte| *byte ^= 0xff);
            fs::write(&file, bytes).expect("the damage");
        }
        let result = open_and_read(&image, &history);
        assert!(matches!(result, Err(StoreError::Corrupt { .. })), "{what}: {result:?}");
    }
}

#[test]
fn missing_files_are_reported_and_nothing_is_overwritten() {
    let (disk, history) = populated();
    for what in [TABLE, MANIFEST, CURRENT] {
        let image = disk.root.path().join(what.trim_start_matches('.'));
        copy_tree(&disk.state(), &image);
        for file in database_files(&image, what) {
            fs::remove_file(file).expect("a removal");
        }
        let tables = database_files(&image, TABLE);
        let result = open_and_read(&image, &history);
        assert!(matches!(result, Err(StoreError::Corrupt { .. })), "{what}: {result:?}");
        assert_eq!(database_files(&image, TABLE), tables, "{what}");
        let mut provider = provider_at(&image);
        assert!(provider.quarantine(0).expect("a quarantine").is_some_and(|path| Path::new(&path).is_dir()));
        assert!(rows_of(&*provider.open(0).expect("an empty store")).is_empty());
    }
}

#[test]
fn a_foreign_newer_or_unknown_directory_is_refused_and_left_alone() {
    let disk = Disk::new();
    write(&mut *disk.provider().open(0).expect("a store"), &[(b"a", Some(b"1"))], 1);
    let other = Identity::new("notify", "inventory.alerts");
    let mut stranger = RocksProvider::new(disk.state(), other, &RocksOptions::default()).expect("a provider");
    let error = stranger.open(0).err().expect("a refusal");
    assert!(matches!(error, StoreError::Foreign { .. }));
    let message = error.to_string();
    assert!(message.contains("notify") && message.contains("process") && message.contains("remove it"), "{message}");

    let identity = disk.state().join("partition-00000/identity");
    let ours = fs::read_to_string(&identity).expect("the identity");
    fs::write(&identity, ours.replace("format=1", "format=9")).expect("a newer identity");
    assert!(matches!(disk.provider().open(0), Err(StoreError::TooNew { found: 9, .. })));
    fs::write(&identity, "").expect("an empty identity");
    assert!(matches!(disk.provider().open(0), Err(StoreError::Corrupt { .. })));
    fs::write(&identity, ours).expect("our identity");
    assert_eq!(rows_of(&*disk.provider().open(0).expect("the store")).len(), 1);

    let holiday = disk.state().join("partition-00001");
    fs::create_dir(&holiday).expect("a directory");
    fs::write(holiday.join("photos.zip"), "…").expect("a file");
    assert!(matches!(disk.provider().open(1), Err(StoreError::Foreign { .. })));
    assert_eq!(fs::read_dir(&holiday).expect("a listing").count(), 1);
}

#[test]
fn a_state_directory_that_cannot_be_is_a_clear_error() {
    let disk = Disk::new();
    let file = disk.root.path().join("file");
    fs::write(&file, "not a directory").expect("a file");
    for (state, hint) in [
        (disk.root.path().join("no/such"), "does not exist; create it"),
        (file.join("state"), "file/state"),
        (file, "file"),
    ] {
        let refused =
            RocksProvider::new(&state, Identity::new("process", "inventory.events"), &RocksOptions::default());
        let error = refused.err().expect("a refusal");
        assert!(matches!(error, StoreError::Io { .. }));
        assert!(error.to_string().contains(hint), "{error}");
    }
}

#[derive(Clone, Debug)]
enum Operation {
    Write(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    Get(Vec<u8>),
    Scan,
    Sync,
    Clear,
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    // Few short keys, so that operations meet.
    let key = || prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(254), Just(255)], 0..3);
    let value = prop::option::weighted(0.7, prop::collection::vec(any::<u8>(), 0..40));
    prop_oneof![
        8 => prop::collection::vec((key(), value), 0..12).prop_map(Operation::Write),
        3 => key().prop_map(Operation::Get),
        2 => Just(Operation::Scan),
        1 => Just(Operation::Sync),
        1 => Just(Operation::Clear),
        2 => Just(Operation::Reopen),
    ]
}

/// Runs the operations on a store and on a `BTreeMap`, and compares after each.
fn agrees_with_the_model(provider: &mut dyn StoreProvider, operations: &[Operation]) -> Result<(), TestCaseError> {
    let (mut model, mut expected) = (Rows::new(), None);
    let mut store = Some(provider.open(0).expect("a store"));
    for (n, operation) in operations.iter().enumerate() {
        let open = store.as_mut().expect("an open store");
        match operation {
            Operation::Write(rows) => {
                let borrowed: Vec<_> = rows.iter().map(|(key, value)| (&key[..], value.as_deref())).collect();
                write(&mut **open, &borrowed, n as i64);
                expected = Some(checkpoint(n as i64));
                for (key, value) in rows.iter().cloned() {
                    match value {
                        Some(value) => drop(model.insert(key, value)),
                        None => drop(model.remove(&key)),
                    }
                }
            }
            Operation::Get(key) => prop_assert_eq!(open.get(key).expect("a row"), model.get(key).cloned()),
            Operation::Scan => prop_assert_eq!(rows_of(&**open), model.clone().into_iter().collect::<Vec<_>>()),
            Operation::Sync => open.sync().expect("a sync"),
            Operation::Clear => {
                open.clear().expect("a clear");
                (model, expected) = (Rows::new(), None);
            }
            Operation::Reopen => {
                drop(store.take());
                store = Some(provider.open(0).expect("the store again"));
            }
        }
        let open = store.as_ref().expect("an open store");
        prop_assert_eq!(open.checkpoint().expect("a checkpoint"), expected.clone());
    }
    let open = store.expect("an open store");
    prop_assert_eq!(rows_of(&*open), model.into_iter().collect::<Vec<_>>());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_memory_store_is_a_map(operations in prop::collection::vec(operation(), 1..40)) {
        agrees_with_the_model(&mut MemoryProvider::default(), &operations)?;
    }

    #[test]
    fn the_rocks_store_is_a_map(operations in prop::collection::vec(operation(), 1..40)) {
        agrees_with_the_model(&mut Disk::new().provider(), &operations)?;
    }

    /// Any single flipped byte anywhere: a typed error or a state that was once committed; never a
    /// panic, never a torn state.
    #[test]
    fn a_flipped_byte_never_yields_a_torn_state(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1_u8..), 4)) {
        let disk = Disk::new();
        let mut store = disk.provider().open(0).expect("a store");
        let mut history = write_history(&mut *store, 30, 20);
        drop(store);
        // Reopening turns the log into tables; the next batch starts a new log.
        let mut store = disk.provider().open(0).expect("the store again");
        let mut rows = history[&30].clone();
        write(&mut *store, &[(b"last", Some(b"1"))], 31);
        rows.insert(b"last".to_vec(), b"1".to_vec());
        history.insert(31, rows);
        for (n, (file, at, mask)) in flips.into_iter().enumerate() {
            let image = disk.root.path().join(format!("image-{n}"));
            copy_tree(&disk.state(), &image);
            let mut files = database_files(&image, "");
            files.push(image.join("partition-00000/identity"));
            files.retain(|path| fs::metadata(path).expect("its size").len() > 0);
            let path = &files[file.index(files.len())];
            let mut bytes = fs::read(path).expect("its bytes");
            let at = at.index(bytes.len());
            bytes[at] ^= mask;
            fs::write(path, bytes).expect("the damage");
            let _ = open_and_read(&image, &history);
        }
    }
}
