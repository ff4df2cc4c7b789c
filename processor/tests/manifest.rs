//! Damage to the file that lists a database's tables never hides one of them.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may stop where it stands")]

use std::fs;
use std::path::{Path, PathBuf};

use processor::store::rocks::{Identity, RocksOptions, RocksProvider};
use processor::store::{Checkpoint, StateStore, StoreError, StoreProvider};

const ROWS: i64 = 30;

fn open(state: &Path) -> Result<Box<dyn StateStore>, StoreError> {
    RocksProvider::new(state, Identity::new("process", "inventory.events"), &RocksOptions::default())?.open(0)
}

/// Row `n` in the batch of checkpoint `n`.
fn write(store: &mut dyn StateStore, n: i64) {
    let checkpoint = Checkpoint { changelog_offset: n, topic_id: "topic".into(), committed_at_ms: 1 };
    let (key, value) = (n.to_be_bytes(), [7; 20]);
    store.write(&mut [(&key[..], Some(&value[..]))].into_iter(), &checkpoint).expect("a write");
}

/// Rows and checkpoint of what opens.
fn read(state: &Path) -> Result<(i64, i64), StoreError> {
    let store = open(state)?;
    let mut rows = 0;
    store.scan(&mut |_, _| {
        rows += 1;
        Ok(())
    })?;
    Ok((rows, store.checkpoint()?.map_or(0, |checkpoint| checkpoint.changelog_offset)))
}

fn manifest(database: &Path) -> PathBuf {
    let current = fs::read_to_string(database.join("CURRENT")).expect("CURRENT");
    database.join(current.trim_end())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a listing") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).expect("a copy");
        }
    }
}

/// A length that reaches past the end of the file looks like a record whose writer died in it.
#[test]
fn a_flipped_bit_in_the_list_of_tables_never_hides_a_table() {
    let disk = tempfile::tempdir().expect("a directory");
    let (state, image) = (disk.path().join("state"), disk.path().join("image"));
    let mut store = open(&state).expect("a store");
    (1..=ROWS).for_each(|n| write(&mut *store, n));
    drop(store);
    // Reopening turns the log into a table; the last row is in a new log.
    let mut store = open(&state).expect("the store again");
    write(&mut *store, ROWS + 1);
    drop(store);
    let length = fs::metadata(manifest(&state.join("partition-00000/db"))).expect("its size").len() as usize;
    let mut refused = 0;
    for at in 0..length {
        copy(&state, &image);
        let path = manifest(&image.join("partition-00000/db"));
        let mut bytes = fs::read(&path).expect("its bytes");
        bytes[at] ^= 0x80;
        fs::write(path, bytes).expect("the damage");
        match read(&image) {
            // Every batch has one row: as many rows as batches, or some are hidden.
            Ok((rows, checkpoint)) => assert_eq!(rows, checkpoint, "byte {at}"),
            Err(StoreError::Corrupt { .. }) => refused += 1,
            Err(error) => panic!("byte {at}: {error}"),
        }
        fs::remove_dir_all(&image).expect("a removal");
    }
    assert!(refused > length / 2, "{refused} of {length} were found");
}
