//! A chain that goes on from what a past version left, and one that meets what a newer version left.

use std::collections::BTreeMap;
use std::time::Duration;

use processor::ports::{Isolation, Log, ProduceRecord, TopicPartition};
use processor::restore::RestoreError;
use processor::runtime::{RuntimeError, Worker};
use processor::store::memory::MemoryProvider;
use processor::store::{Checkpoint, StoreProvider};
use processor::task::{Meta, SHARED_KEY};
use schemas::row::RowReader;
use schemas::topics;

use super::oracle;
use super::scenario::{LONG_MS, PARTITIONS};
use super::simulation::Simulation;
use crate::demo::wms::SOURCE_PARTITIONS;
use crate::embedded::{Embedded, SOURCE_INPUT};
use crate::golden;
use crate::stages::ingest::application;
use crate::stages::process;

const WAIT: Duration = Duration::from_millis(10);

fn changelog(application: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topics::changelog(application, "state"), partition)
}

/// The newest row of every key.
fn fold(chain: &Embedded, at: &TopicPartition) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut rows = BTreeMap::new();
    let visit = &mut |record: processor::ports::RecordView<'_>| {
        let key = record.key.unwrap_or_default().to_vec();
        match record.value {
            Some(row) => drop(rows.insert(key, row.to_vec())),
            None => drop(rows.remove(&key)),
        }
    };
    chain.log().records(at, Isolation::ReadCommitted, visit).unwrap();
    rows
}

/// Writes rows to a changelog as their owner would.
fn append(chain: &Embedded, at: &TopicPartition, rows: &[(&[u8], &[u8])]) {
    let mut producer = chain.log().producer("another version").unwrap();
    producer.init_transactions(WAIT).unwrap();
    producer.begin().unwrap();
    for (key, value) in rows {
        let record = ProduceRecord {
            topic: &at.topic,
            partition: Some(at.partition),
            key: Some(key),
            value: Some(value),
            headers: &[],
            timestamp_ms: None,
        };
        producer.produce(record).unwrap();
    }
    producer.commit(WAIT).unwrap();
}

/// A meta row as version 1 wrote it: neither the identity of the input stood in it, nor a sweep.
fn as_version_1(row: &[u8]) -> Vec<u8> {
    let mut r = RowReader::new(row);
    assert_eq!((r.u8(), r.text().map(drop)), (Ok(3), Ok(())), "a newer version needs a downgrade of its own here");
    let rest = r.rest();
    [&[1][..], &rest[..rest.len() - 1]].concat()
}

/// The end of a partition's changelog, as a checkpoint.
fn end(chain: &Embedded, at: &TopicPartition) -> Checkpoint {
    let mut reader = chain.log().reader().unwrap();
    let changelog_offset = reader.extent(at, WAIT).unwrap().end;
    let topic_id = reader.topic_id(&at.topic, WAIT).unwrap();
    Checkpoint { changelog_offset, topic_id, committed_at_ms: 1_800_000_000_000 }
}

/// Leaves changelogs, and half of the stores, as the version before left them.
fn go_back(simulation: &Simulation) {
    let chain = &simulation.chain;
    for (application, partitions) in
        [(process::APPLICATION, PARTITIONS), (&*application(SOURCE_INPUT), SOURCE_PARTITIONS)]
    {
        for partition in 0..partitions {
            let at = changelog(application, partition);
            let past = as_version_1(&fold(chain, &at)[Meta::KEY]);
            append(chain, &at, &[(Meta::KEY, &past)]);
        }
    }
    for mut disk in simulation.disks().take(2) {
        for partition in 0..PARTITIONS {
            let at = changelog(process::APPLICATION, partition);
            let rows = fold(chain, &at);
            let mut store = disk.open(partition).unwrap();
            store.clear().unwrap();
            let mut rows = rows.iter().map(|(key, row)| (key.as_slice(), Some(row.as_slice())));
            store.write(&mut rows, &end(chain, &at)).unwrap();
        }
    }
}

/// Invariant tests: invariant I1, invariant I3 and invariant I4 over an upgrade.
#[test]
fn a_chain_goes_on_from_the_rows_of_a_past_version() {
    let full = golden::row("meta_full", 3);
    assert_eq!(as_version_1(&full), golden::row("meta_full", 1));
    for seed in 0..4 {
        let mut simulation = Simulation::new(seed, LONG_MS);
        simulation.run_until(600);
        go_back(&simulation);
        let at = changelog(process::APPLICATION, 0);
        assert_eq!(fold(&simulation.chain, &at)[Meta::KEY][0], 1, "seed {seed}");
        simulation.run();
        assert!(oracle::check(&mut simulation, seed) > 0, "seed {seed}: no alert");
        assert_eq!(fold(&simulation.chain, &at)[Meta::KEY][0], 3, "seed {seed}");
    }
}

/// Everything a disk holds of a partition.
fn held(disk: &mut MemoryProvider, partition: i32) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut rows = BTreeMap::new();
    let store = disk.open(partition).unwrap();
    let visit = &mut |key: &[u8], row: &[u8]| {
        rows.insert(key.to_vec(), row.to_vec());
        Ok(())
    };
    store.scan(visit).unwrap();
    rows
}

/// Why a worker with this disk ends.
fn end_of_worker(simulation: &mut Simulation, disk: &MemoryProvider) -> RuntimeError {
    let mut parts = simulation.chain.process("process-9");
    parts.stores = Box::new(disk.clone());
    let mut worker = Worker::open(parts).unwrap();
    for _ in 0..2_000 {
        simulation.pass(30);
        if let Err(error) = worker.step(Duration::ZERO) {
            return error;
        }
    }
    panic!("the worker works with rows of a newer version");
}

/// Met in the changelog alone, and met in the store: refused both times, and nothing is lost.
#[test]
fn rows_of_a_newer_version_are_refused_and_stay_where_they_are() {
    let newer = |name: &str, version_at: usize, mut row: Vec<u8>| {
        assert!(row[version_at] < 9, "{name}");
        row[version_at] = 9;
        row
    };
    let shared = golden::row("process_shared", 1);
    let site_at = shared.len() - golden::row("site", 1).len();
    let cases: [(&[u8], Vec<u8>); 6] = [
        (Meta::KEY, newer("meta", 0, golden::row("meta_full", 2))),
        (SHARED_KEY, newer("shared", site_at, shared)),
        (b"iSKU-1", newer("item", 1, [b"i", &golden::row("item", 1)[..]].concat())),
        (b"pSKU-1\0S", newer("position", 1, [b"p", &golden::row("position_full", 1)[..]].concat())),
        (b"lL-1", b"l\x01some kind of row that is not known yet".to_vec()),
        (b"\0future", b"\x01a row of a newer runtime".to_vec()),
    ];
    for (key, row) in cases {
        let mut simulation = Simulation::new(5, LONG_MS);
        simulation.run_until(200);
        let at = changelog(process::APPLICATION, 1);
        append(&simulation.chain, &at, &[(key, &row)]);
        let changelog = fold(&simulation.chain, &at);
        let mut disk = MemoryProvider::default();
        for met in ["in the changelog", "in the store"] {
            let error = end_of_worker(&mut simulation, &disk);
            let refused = matches!(&error, RuntimeError::Restore(RestoreError::Row { partition: 1, source }) if source.is_newer());
            assert!(refused, "{key:?} {met}: {error}");
            assert!(error.to_string().contains("run a newer binary"), "{error}");
            assert_eq!(held(&mut disk, 1), changelog, "{key:?} {met}: the store was set aside or cut");
            assert_eq!(fold(&simulation.chain, &at), changelog, "{key:?} {met}: the changelog was written to");
        }
    }
}
