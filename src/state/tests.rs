//! Local state on a real disk, against a changelog on the embedded log.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use connectors::memory::{Cleanup, MemoryLog, TopicConfig};
use processor::ports::{Log, LogConsumer, Offsets, Polled, ProduceRecord, TopicPartition, TransactionalLog};
use processor::store::rocks::{Identity, RocksOptions, RocksProvider, RocksStorage};
use processor::store::{Checkpoint, StoreProvider};
use processor::task::Meta;
use schemas::{Timestamp, topics};

use super::inspect::State;
use super::verify::Verification;
use super::*;
use crate::golden;

const APPLICATION: &str = "quartermaster-process";
const WALL_MS: i64 = 1_795_326_840_000;
const WAIT: Duration = Duration::from_millis(10);

type Rows<'a> = &'a [(&'a [u8], Option<&'a [u8]>)];

/// An application with one partition: its log, its member of the group, its disk.
struct Place {
    log: MemoryLog,
    producer: Box<dyn TransactionalLog>,
    member: Box<dyn LogConsumer>,
    disk: tempfile::TempDir,
}

fn changelog() -> String {
    topics::changelog(APPLICATION, "state")
}

/// A meta row at this input offset.
fn meta(position: i64) -> Vec<u8> {
    let (mut row, mut meta) = (Vec::new(), Meta::decode(&golden::row("meta_quiet", 2)).unwrap());
    meta.position = position;
    meta.encode(&mut row);
    row
}

impl Place {
    fn new() -> Self {
        let log = MemoryLog::default();
        log.create_topic(topics::EVENTS, TopicConfig::new(1, Cleanup::Delete)).unwrap();
        log.create_topic(&changelog(), TopicConfig::new(1, Cleanup::Compact)).unwrap();
        let mut producer = log.producer("process-0").unwrap();
        producer.init_transactions(WAIT).unwrap();
        let mut member = log.consumer(APPLICATION, "process-0").unwrap();
        member.subscribe(&[topics::EVENTS]).unwrap();
        while !matches!(member.poll(1, WAIT).unwrap(), Polled::Assigned(_)) {}
        Self { log, producer, member, disk: tempfile::tempdir().unwrap() }
    }

    /// One transaction of the application: rows, and the input offset they stand for.
    fn commit(&mut self, rows: Rows<'_>, position: i64) {
        self.producer.begin().unwrap();
        let meta = meta(position);
        for (key, value) in rows.iter().copied().chain([(Meta::KEY, Some(meta.as_slice()))]) {
            let topic = changelog();
            let record = ProduceRecord {
                topic: &topic,
                partition: Some(0),
                key: Some(key),
                value,
                headers: &[],
                timestamp_ms: None,
            };
            self.producer.produce(record).unwrap();
        }
        let offsets = Offsets::from([(TopicPartition::new(topics::EVENTS, 0), position)]);
        self.producer.send_offsets(&offsets, &self.member.group_metadata().unwrap(), WAIT).unwrap();
        self.producer.commit(WAIT).unwrap();
    }

    fn claim(&self) -> RocksProvider {
        let storage = RocksStorage::new(self.disk.path(), &RocksOptions::default()).unwrap();
        storage.claim(Identity::new(APPLICATION, topics::EVENTS)).unwrap()
    }

    /// The changelog's end, as a checkpoint.
    fn checkpoint(&self) -> Checkpoint {
        let mut reader = self.log.reader().unwrap();
        let end = reader.extent(&TopicPartition::new(changelog(), 0), WAIT).unwrap().end;
        let topic_id = reader.topic_id(&changelog(), WAIT).unwrap();
        Checkpoint { changelog_offset: end, topic_id, committed_at_ms: WALL_MS }
    }

    fn store(&self, rows: Rows<'_>, position: i64, checkpoint: &Checkpoint) {
        let mut store = self.claim().open(0).unwrap();
        let meta = meta(position);
        let mut rows = rows.iter().copied().chain([(Meta::KEY, Some(meta.as_slice()))]);
        store.write(&mut rows, checkpoint).unwrap();
    }

    fn find(&self) -> ApplicationDirectory {
        find(self.disk.path(), Some(APPLICATION), &[]).unwrap().remove(0)
    }

    fn verify(&self) -> Verification {
        let found = self.find();
        let identity = found.identity.as_ref().unwrap();
        verify(&self.log, identity, &found, WALL_MS, WAIT).unwrap().remove(0)
    }

    fn inspect(&self) -> Vec<Report> {
        inspect(&find(self.disk.path(), None, &[]).unwrap())
    }

    fn partition(&self) -> PathBuf {
        self.disk.path().join(APPLICATION).join("partition-00000")
    }

    /// Spoils every table file.
    fn flip_bytes(&self) {
        // What was written is in a table once the database was opened again.
        drop(self.claim().open(0).unwrap());
        let mut spoilt = 0;
        for file in fs::read_dir(self.partition().join("db")).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "sst") {
                let mut bytes = fs::read(&path).unwrap();
                bytes[10] ^= 0xff;
                fs::write(&path, bytes).unwrap();
                spoilt += 1;
            }
        }
        assert!(spoilt > 0);
    }
}

fn counted(found: &Verification) -> [u64; 5] {
    let c = &found.counts;
    [c.equal, c.behind, c.different, c.missing, c.stray]
}

/// Asserts invariant I3 and invariant I4.
#[test]
fn a_store_that_is_the_fold_of_its_changelog_is_in_order() {
    let mut place = Place::new();
    place.commit(&[(b"a", Some(b"1")), (b"b", Some(b"1")), (b"gone", Some(b"1"))], 3);
    place.commit(&[(b"a", Some(b"2")), (b"gone", None)], 5);
    let at = place.checkpoint();
    place.store(&[(b"a", Some(b"2")), (b"b", Some(b"1"))], 5, &at);
    let found = place.verify();
    assert_eq!((counted(&found), found.wrong.len(), found.notes.len()), ([3, 0, 0, 0, 0], 0, 0), "{found:?}");
}

#[test]
fn what_was_written_after_the_checkpoint_is_behind_and_nothing_is_wrong() {
    let mut place = Place::new();
    place.commit(&[(b"a", Some(b"1")), (b"b", Some(b"1")), (b"gone", Some(b"1"))], 3);
    let at = place.checkpoint();
    place.commit(&[(b"a", Some(b"2")), (b"gone", None), (b"new", Some(b"1"))], 5);
    place.commit(&[(b"a", Some(b"3"))], 6);
    place.store(&[(b"a", Some(b"1")), (b"b", Some(b"1")), (b"gone", Some(b"1"))], 3, &at);
    let found = place.verify();
    assert_eq!((counted(&found), found.wrong.len()), ([1, 4, 0, 0, 0], 0), "{found:?}");
    // A flush may be newer than the checkpoint it carries.
    place.store(&[(b"a", Some(b"2")), (b"gone", None), (b"new", Some(b"1"))], 5, &at);
    assert_eq!(counted(&place.verify()), [2, 2, 0, 0, 0]);
    // No version of it was ever this one.
    place.store(&[(b"a", Some(b"9"))], 5, &at);
    assert_eq!(counted(&place.verify()), [2, 1, 1, 0, 0]);
}

#[test]
fn every_difference_is_found_and_named() {
    let mut place = Place::new();
    place.commit(&[(b"a", Some(b"1")), (b"b", Some(b"1")), (b"gone", Some(b"1")), (b"lost", Some(b"1"))], 3);
    place.commit(&[(b"gone", None)], 4);
    let at = place.checkpoint();
    let rows: Rows<'_> = &[(b"a", Some(b"X")), (b"b", Some(b"1")), (b"gone", Some(b"1")), (b"never", Some(b"1"))];
    place.store(rows, 4, &at);
    let found = place.verify();
    assert_eq!(counted(&found), [2, 0, 1, 1, 2]);
    assert_eq!(found.wrong.len(), 1);
    for said in ["different: a", "missing: lost", "stray: gone", "stray: never", "state reset", "--partition 0"] {
        assert!(found.wrong[0].contains(said), "{said:?} is not in {}", found.wrong[0]);
    }
}

#[test]
fn a_store_ahead_of_the_log_and_a_group_elsewhere_are_wrong() {
    let mut place = Place::new();
    place.commit(&[(b"a", Some(b"1"))], 3);
    let at = place.checkpoint();
    place.store(&[(b"a", Some(b"1"))], 9, &at);
    let found = place.verify();
    assert!(found.wrong.iter().any(|wrong| wrong.contains("ahead of the changelog")), "{found:?}");
    // The group's offset was moved by hand.
    place.producer.begin().unwrap();
    let offsets = Offsets::from([(TopicPartition::new(topics::EVENTS, 0), 2)]);
    place.producer.send_offsets(&offsets, &place.member.group_metadata().unwrap(), WAIT).unwrap();
    place.producer.commit(WAIT).unwrap();
    let found = place.verify();
    assert!(found.wrong.iter().any(|wrong| wrong.contains("has committed 2")), "{found:?}");
    place.store(&[], 3, &Checkpoint { changelog_offset: 1_000, ..at });
    let found = place.verify();
    assert!(found.wrong.iter().any(|wrong| wrong.contains("lost committed records")), "{found:?}");
}

#[test]
fn a_store_that_is_rebuilt_anyway_is_not_compared() {
    let mut place = Place::new();
    place.commit(&[(b"a", Some(b"1"))], 3);
    let at = place.checkpoint();
    for (checkpoint, said) in [
        (Checkpoint { topic_id: "former".into(), ..at.clone() }, "another changelog"),
        (Checkpoint { committed_at_ms: WALL_MS - 5 * 86_400_000, ..at }, "too old"),
    ] {
        place.store(&[(b"a", Some(b"7"))], 3, &checkpoint);
        let found = place.verify();
        assert_eq!((counted(&found), found.wrong.len()), ([0; 5], 0), "{found:?}");
        assert!(found.notes[0].contains(said) && found.notes[0].contains("rebuilds it"), "{found:?}");
    }
}

#[test]
fn an_inspection_tells_rows_by_kind_and_version_beside_a_running_instance() {
    let mut place = Place::new();
    place.commit(&[], 3);
    let at = place.checkpoint();
    let position = [b"p", &golden::row("position_full", 1)[..]].concat();
    let shared = golden::row("process_shared", 1);
    place.store(&[(b"pA\0B", Some(&position)), (b"pA\0C", Some(&position)), (b"\0shared", Some(&shared))], 3, &at);
    let running = place.claim();
    let store = running.open_partition(0).unwrap();
    let files = || {
        let listed = fs::read_dir(place.partition().join("db")).unwrap().map(|file| file.unwrap().file_name());
        listed.collect::<std::collections::BTreeSet<_>>()
    };
    let before = files();
    let reports = place.inspect();
    assert_eq!(files(), before, "looking leaves no trace");
    let [report] = &reports[..] else { panic!("{reports:?}") };
    assert!(report.in_use && !report.is_wrong() && report.disk_bytes > 0);
    let State::Ok(contents) = &report.state else { panic!("{report:?}") };
    let kinds: Vec<_> = contents.kinds.iter().map(|one| (one.kind, one.version, one.rows)).collect();
    assert_eq!(kinds, [("meta", Some(3), 1), ("position", Some(1), 2), ("shared", Some(1), 1)]);
    assert_eq!(contents.checkpoint.as_ref().unwrap().changelog_offset, at.changelog_offset);
    assert_eq!(contents.checkpoint.as_ref().unwrap().committed_at, Timestamp::from_millis(WALL_MS).exact());
    assert_eq!(contents.meta.as_ref().unwrap().input_offset, 3);
    let text = as_text(&reports);
    assert!(text.contains("2 position v1") && text.contains("in use by a running instance"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&as_json(report).unwrap()).unwrap();
    assert_eq!((&json["state"], &json["partition"], &json["rows"]), (&"ok".into(), &0.into(), &4.into()));
    drop((store, running));
}

#[test]
fn rows_of_a_newer_version_and_rows_that_make_no_sense_are_told_apart() {
    let place = Place::new();
    let at = place.checkpoint();
    place.store(&[(b"pA\0B", Some(b"p\x09"))], 3, &at);
    let newer = place.inspect().remove(0);
    assert!(newer.is_wrong() && newer.is_newer());
    assert!(as_text(&[newer]).contains("run a newer binary"));
    place.store(&[(b"pA\0B", Some(b"p\x01"))], 3, &at);
    let spoilt = place.inspect().remove(0);
    assert!(spoilt.is_wrong() && !spoilt.is_newer());
}

#[test]
fn a_damaged_directory_is_reported_and_dropping_it_lets_it_be_rebuilt() {
    let mut place = Place::new();
    place.commit(&[(b"a", Some(b"1"))], 3);
    place.store(&[(b"a", Some(b"1"))], 3, &place.checkpoint());
    place.flip_bytes();
    let report = place.inspect().remove(0);
    assert!(matches!(&report.state, State::Damaged { .. }) && !report.is_newer(), "{report:?}");
    let found = place.verify();
    assert!(found.wrong[0].contains("corrupt") && found.wrong[0].contains("state reset"), "{found:?}");
    let held = place.claim();
    assert!(matches!(drop_local(place.disk.path(), place.find(), &[0]), Err(Failure::Runtime(_))));
    assert!(place.partition().exists(), "it is not touched while somebody uses it");
    drop(held);
    let moved = drop_local(place.disk.path(), place.find(), &[0, 5]).unwrap();
    assert!(matches!(&moved[..], [(0, Some(to)), (5, None)] if to.ends_with(".quarantined")), "{moved:?}");
    assert!(matches!(place.inspect()[..], [Report { state: State::Quarantined, .. }]));
    assert!(!place.partition().exists());
}

#[test]
fn a_directory_of_a_newer_format_is_newer_and_a_foreign_one_is_damaged() {
    let place = Place::new();
    place.store(&[], 3, &place.checkpoint());
    let identity = place.partition().join("identity");
    let own = fs::read_to_string(&identity).unwrap();
    fs::write(&identity, own.replace("format=1", "format=9")).unwrap();
    assert!(matches!(place.inspect()[0].state, State::Newer { .. }));
    fs::write(&identity, own.replace("partition=0", "partition=7")).unwrap();
    assert!(matches!(place.inspect()[0].state, State::Damaged { .. }));
    let whole = place.disk.path().join(APPLICATION).join("identity");
    fs::write(&whole, "format=9\n").unwrap();
    let reports = place.inspect();
    assert!(matches!(&reports[..], [Report { partition: None, state: State::Newer { .. }, .. }]), "{reports:?}");
    assert!(drop_local(place.disk.path(), place.find(), &[0]).is_err(), "nobody's to drop");
}

#[test]
fn what_is_not_there_is_said() {
    let place = Place::new();
    place.store(&[], 3, &place.checkpoint());
    let said = |result: Outcome<Vec<ApplicationDirectory>>| match result {
        Err(Failure::Request(error)) => format!("{error:#}"),
        _ => panic!("it was found"),
    };
    assert!(said(find(place.disk.path(), Some("process"), &[])).contains(APPLICATION));
    assert!(said(find(place.disk.path(), Some(APPLICATION), &[4])).contains("partition 4"));
    assert!(said(find(&place.disk.path().join("nowhere"), None, &[])).contains("state.directory"));
}
