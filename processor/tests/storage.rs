//! The state directory of a process: whose it is, and what its databases take.
#![allow(clippy::expect_used, reason = "a test may stop where it stands")]

use processor::store::rocks::{Identity, RocksOptions, RocksStorage};
use processor::store::{Checkpoint, StoreError, StoreProvider};

/// A second process would write over the first one's state.
#[test]
fn an_applications_directory_belongs_to_one_claim_at_a_time() {
    let disk = tempfile::tempdir().expect("a directory");
    let storage = || RocksStorage::new(disk.path().join("state"), &RocksOptions::default()).expect("a storage");
    let identity = || Identity::new("process", "inventory.events");
    let first = storage().claim(identity()).expect("a claim");
    assert!(matches!(storage().claim(identity()), Err(StoreError::Locked { .. })));
    let store = first.open_partition(0).expect("a store");
    let clone = first.clone();
    drop(first);
    assert!(matches!(storage().claim(identity()), Err(StoreError::Locked { .. })), "a clone holds it");
    drop((clone, store));
    // Another application lives beside it, and nobody moves into another's.
    storage().claim(Identity::new("notify", "inventory.alerts")).expect("another claim");
    let other_topic = storage().claim(Identity::new("process", "elsewhere"));
    assert!(matches!(other_topic, Err(StoreError::Foreign { .. })));
    storage().claim(identity()).expect("the claim again");
}

#[test]
fn what_the_open_databases_take_is_told_and_keeps_none_of_them_open() {
    let disk = tempfile::tempdir().expect("a directory");
    let storage = RocksStorage::new(disk.path().join("state"), &RocksOptions::default()).expect("a storage");
    let mut provider = storage.claim(Identity::new("process", "inventory.events")).expect("a claim");
    let usage = storage.usage();
    assert_eq!(usage().sst_bytes, 0);
    let mut store = provider.open(0).expect("a store");
    let checkpoint = Checkpoint { changelog_offset: 1, topic_id: "topic-1".into(), committed_at_ms: 1 };
    store.write(&mut [(&b"a"[..], Some(&[7; 4096][..]))].into_iter(), &checkpoint).expect("a write");
    assert!(usage().memtable_bytes >= 4096, "{:?}", usage());
    drop(store);
    assert_eq!(usage().memtable_bytes, 0);
    drop(provider.open(0).expect("the store again"));
}

#[test]
fn stores_opened_together_come_in_their_order_and_one_that_is_in_use_keeps_nobody_from_its() {
    let disk = tempfile::tempdir().expect("a directory");
    let storage = RocksStorage::new(disk.path().join("state"), &RocksOptions::default()).expect("a storage");
    let mut provider = storage.claim(Identity::new("process", "inventory.events")).expect("a claim");
    let checkpoint =
        |offset| Checkpoint { changelog_offset: offset, topic_id: "topic-1".into(), committed_at_ms: offset };
    for partition in 0..4 {
        let mut store = provider.open(partition).expect("a store");
        store.write(&mut [].into_iter(), &checkpoint(i64::from(partition))).expect("a write");
    }
    let _in_use = provider.open(2).expect("a store");
    let opened = provider.open_together(&[3, 2, 0, 1]);
    let told: Vec<_> = opened.iter().map(|store| store.as_ref().map(|store| store.checkpoint())).collect();
    assert!(matches!(told[1], Err(StoreError::Locked { .. })));
    for (at, partition) in [(0, 3), (2, 0), (3, 1)] {
        assert!(matches!(&told[at], Ok(Ok(Some(found))) if *found == checkpoint(partition)), "{:?}", told[at]);
    }
}
