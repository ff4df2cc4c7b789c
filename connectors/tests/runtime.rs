//! The runtime on the embedded log: exactly once, whatever dies and whenever.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop where it stands")]

#[path = "support/cluster.rs"]
mod cluster;
#[path = "../../processor/tests/support/counter.rs"]
mod counter;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cluster::{Cluster, PARTITIONS};
use connectors::memory::{Doubt, Fault, FaultPlan, MemoryLog, Operation};
use processor::ports::{
    GroupMetadata, Isolation, Log, LogConsumer, LogError, LogReader, Offsets, Polled, TopicPartition, TransactionalLog,
};
use processor::runtime::{FailPoint, NoFailPoints, ProtocolStep, RuntimeError};
use processor::store::memory::MemoryProvider;
use processor::store::{Batch, Checkpoint, Look, LookAhead, StateStore, StoreError, StoreProvider, StoreReader, Visit};
use schemas::Timestamp;

/// Dies when a step is reached for the nth time.
struct DieAt {
    step: ProtocolStep,
    nth: u32,
}

impl FailPoint for DieAt {
    fn reached(&mut self, step: ProtocolStep) -> ControlFlow<()> {
        self.nth -= u32::from(step == self.step && self.nth > 0);
        if step == self.step && self.nth == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Ten seconds of both partitions, from a second on: counts, a refused line, a watermark.
fn publish(cluster: &mut Cluster, from: i64) {
    for partition in 0..PARTITIONS {
        let mut lines: Vec<String> = (0..10).map(|i| format!("e k{partition}{} {}", i % 3, from + i)).collect();
        lines.insert(4, format!("refused {from} \u{0}"));
        lines.push(format!("w {}", from + 10));
        cluster.publish(partition, &lines);
    }
}

/// The same story for every test: three batches, a label at once and one ahead. `between` says what
/// happens to the members after each batch.
fn story(cluster: &mut Cluster, mut between: impl FnMut(&mut Cluster, i64)) {
    cluster.publish_label("25", "ahead");
    for (nth, from) in [0, 40, 80].into_iter().enumerate() {
        publish(cluster, from);
        between(cluster, nth as i64);
    }
    cluster.settle();
}

fn undisturbed() -> Vec<String> {
    let mut cluster = Cluster::new();
    cluster.start("a", NoFailPoints);
    story(&mut cluster, |cluster, _| cluster.settle());
    let outputs = cluster.outputs();
    assert!(outputs.len() > 60 && outputs.iter().any(|line| line.contains("timer")));
    outputs
}

fn check(cluster: &Cluster, expected: &[String], what: &str) {
    assert_eq!(cluster.outputs(), expected, "{what}");
    let mut letters = cluster.committed("dead", 0);
    letters.sort();
    let refused =
        [0, 40, 80].iter().flat_map(|from| [format!("refused {from} \u{0}"), format!("refused {from} \u{0}")]);
    assert_eq!(letters, refused.collect::<Vec<_>>(), "{what}");
}

/// Asserts invariant I1 in the small, invariant I4, invariant I9 and invariant I13: outputs and dead
/// letters exactly once after a death at every step of the protocol, with the disk and without it.
#[test]
fn a_death_at_any_step_of_the_protocol_changes_nothing() {
    let expected = undisturbed();
    let mut deaths = 0;
    let cases = ProtocolStep::ALL.iter().flat_map(|step| (1..=4).map(move |nth| (*step, nth)));
    let cases = cases.flat_map(|(step, nth)| (0..8).map(move |bits| (step, nth, [1, 2, 4].map(|bit| bits & bit != 0))));
    for (step, nth, [keeps_disk, bounded, slow]) in cases {
        let what = format!("{step:?}, occurrence {nth}, disk kept: {keeps_disk}, bounded: {bounded}, slow: {slow}");
        let mut cluster = Cluster::new();
        cluster.bounded = bounded;
        cluster.log.inject(FaultPlan::seeded(u64::from(nth)).slow_looks(if slow { 3 } else { 0 })).unwrap();
        cluster.start("a", DieAt { step, nth });
        let mut died = false;
        story(&mut cluster, |cluster, batch| {
            if batch == 1 {
                cluster.start("b", NoFailPoints);
            }
            for _ in 0..40 {
                for (name, error) in cluster.turn().1 {
                    assert!(matches!(error, RuntimeError::Killed(at) if at == step), "{what}: {error}");
                    died = true;
                    if !keeps_disk {
                        cluster.lose_disk(name);
                    }
                    cluster.start(name, NoFailPoints);
                }
            }
        });
        check(&cluster, &expected, &what);
        deaths += u32::from(died);
        assert!(died || nth > 1, "{what}: never got there");
    }
    assert!(deaths > 220, "{deaths} deaths");
}

#[test]
fn members_that_join_leave_and_vanish_change_nothing() {
    let expected = undisturbed();
    let mut cluster = Cluster::new();
    cluster.start("a", NoFailPoints);
    story(&mut cluster, |cluster, batch| match batch {
        0 => {
            cluster.turn();
            cluster.start("b", NoFailPoints);
            cluster.settle();
            assert!(cluster.workers.values().all(|worker| worker.tasks().count() == 1));
        }
        1 => {
            cluster.turn();
            cluster.workers.remove("a").unwrap().close(false).unwrap();
            cluster.start("c", NoFailPoints);
        }
        _ => {
            cluster.turn();
            drop(cluster.workers.remove("b"));
            cluster.pass(60_000);
        }
    });
    check(&cluster, &expected, "join, leave, vanish");
    let stats = cluster.workers.remove("c").unwrap().close(false).unwrap();
    assert_eq!(stats.full_restores, i64::from(PARTITIONS) as u64, "c came with an empty disk");
}

#[test]
fn a_clean_restart_restores_nothing() {
    let mut cluster = Cluster::new();
    cluster.start("a", NoFailPoints);
    story(&mut cluster, |cluster, _| cluster.settle());
    cluster.workers.remove("a").unwrap().close(true).unwrap();
    cluster.start("a", NoFailPoints);
    cluster.settle();
    let stats = cluster.workers.remove("a").unwrap().close(false).unwrap();
    assert_eq!(stats.full_restores, 0);
    assert_eq!(stats.restored_records, 0, "{stats:?}");
}

/// A disk on which one partition opens well and cannot be read through, until it is set aside.
struct Rotten {
    disk: MemoryProvider,
    rotten: Arc<AtomicBool>,
}

struct RottenStore {
    store: Box<dyn StateStore>,
    rotten: bool,
}

impl StoreProvider for Rotten {
    fn open(&mut self, partition: i32) -> Result<Box<dyn StateStore>, StoreError> {
        let rotten = partition == 0 && self.rotten.load(Ordering::Relaxed);
        Ok(Box::new(RottenStore { store: self.disk.open(partition)?, rotten }))
    }

    fn quarantine(&mut self, partition: i32) -> Result<Option<String>, StoreError> {
        assert_eq!(partition, 0, "only the rotten one");
        self.rotten.store(false, Ordering::Relaxed);
        self.disk.quarantine(partition)
    }
}

struct RottenReader {
    reader: Box<dyn StoreReader>,
}

fn bad_block() -> StoreError {
    StoreError::Corrupt { path: "partition 0".to_owned(), reason: "a bad block".to_owned() }
}

impl StoreReader for RottenReader {
    fn get_many(&self, _: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        Err(bad_block())
    }

    fn estimated_rows(&self) -> u64 {
        self.reader.estimated_rows()
    }

    fn rows_from(&self, from: &[u8], look: &mut Look<'_>) -> Result<(), StoreError> {
        self.reader.rows_from(from, look)
    }

    fn wakeups_from(&self, due: Timestamp, key: &[u8], look: &mut LookAhead<'_>) -> Result<(), StoreError> {
        self.reader.wakeups_from(due, key, look)
    }
}

impl StateStore for RottenStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(key)
    }

    fn apply(&mut self, batch: Batch<'_, '_>) -> Result<(), StoreError> {
        self.store.apply(batch)
    }

    fn has_wakeups(&self) -> Result<bool, StoreError> {
        self.store.has_wakeups()
    }

    fn rows_from(&self, from: &[u8], look: &mut Look<'_>) -> Result<(), StoreError> {
        self.store.rows_from(from, look)
    }

    fn reader(&self) -> Box<dyn StoreReader> {
        if self.rotten { Box::new(RottenReader { reader: self.store.reader() }) } else { self.store.reader() }
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        self.store.checkpoint()
    }

    fn scan(&self, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        if self.rotten {
            return Err(bad_block());
        }
        self.store.scan(visit)
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.store.sync()
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.store.clear()
    }
}

/// Opening reads little of a database: a bad block is met when all of it is read, or when a state is that
/// was not in memory.
#[test]
fn a_store_that_opens_and_cannot_be_read_is_set_aside_and_rebuilt() {
    let expected = undisturbed();
    for bounded in [false, true] {
        let mut cluster = Cluster::new();
        cluster.bounded = bounded;
        cluster.start("a", NoFailPoints);
        story(&mut cluster, |cluster, batch| {
            if batch == 1 {
                cluster.settle();
                cluster.workers.remove("a").unwrap().close(true).unwrap();
                let stores = Rotten { disk: cluster.disk("a"), rotten: Arc::new(AtomicBool::new(true)) };
                let log = Arc::new(cluster.log.clone());
                cluster.start_from(log, Box::new(stores), "a", NoFailPoints);
            }
        });
        check(&cluster, &expected, &format!("a bad block, bounded: {bounded}"));
        let stats = cluster.workers.remove("a").unwrap().close(false).unwrap();
        assert_eq!(stats.full_restores, 1, "bounded: {bounded}, {stats:?}");
    }
}

#[test]
fn whatever_becomes_of_a_commit_the_outputs_are_the_same() {
    let expected = undisturbed();
    for (fault, looks) in [
        Fault::Retriable,
        Fault::Abortable,
        Fault::DelayedVisibility,
        Fault::InDoubt(Doubt::Committed),
        Fault::InDoubt(Doubt::NotCommitted),
        Fault::InDoubt(Doubt::Late),
    ]
    .into_iter()
    .flat_map(|fault| [(fault, 0), (fault, 3)])
    {
        let plan = FaultPlan::seeded(1).slow_looks(looks);
        let plan = (1..12).fold(plan, |plan, nth| plan.at_client("app-a", Operation::Commit, nth * 2, fault));
        let mut cluster = Cluster::new();
        cluster.log.inject(plan).unwrap();
        cluster.start("a", NoFailPoints);
        story(&mut cluster, |cluster, _| cluster.settle());
        check(&cluster, &expected, &format!("{fault:?}, {looks} looks"));
        assert!(cluster.log.injected().len() > 3, "{fault:?}, {looks} looks");
    }
}

/// Remembers the steps in their order.
#[derive(Clone, Default)]
struct Steps(Arc<Mutex<Vec<ProtocolStep>>>);

impl FailPoint for Steps {
    fn reached(&mut self, step: ProtocolStep) -> ControlFlow<()> {
        self.0.lock().unwrap().push(step);
        ControlFlow::Continue(())
    }
}

impl Steps {
    /// How often it came to `step` between the last record of a transaction and its end.
    fn while_under_way(&self, step: ProtocolStep) -> usize {
        let (mut under_way, mut found) = (false, 0);
        for at in &*self.0.lock().unwrap() {
            match at {
                ProtocolStep::Produced => under_way = true,
                ProtocolStep::Begun | ProtocolStep::Committed | ProtocolStep::Restored => under_way = false,
                at => found += usize::from(under_way && *at == step),
            }
        }
        found
    }
}

#[test]
fn records_go_on_while_the_log_commits_and_go_back_where_it_does_not() {
    let expected = undisturbed();
    for fault in [None, Some(Fault::Abortable), Some(Fault::InDoubt(Doubt::Late))] {
        let plan = FaultPlan::seeded(1).slow_looks(5);
        let calls = fault.into_iter().flat_map(|fault| (1..6).map(move |nth| (nth * 2, fault)));
        let plan = calls.fold(plan, |plan, (nth, fault)| plan.at_client("app-a", Operation::Commit, nth, fault));
        let (mut cluster, steps) = (Cluster::new(), Steps::default());
        cluster.log.inject(plan).unwrap();
        cluster.start("a", steps.clone());
        story(&mut cluster, |cluster, _| cluster.settle());
        check(&cluster, &expected, &format!("{fault:?}"));
        let folded = steps.while_under_way(ProtocolStep::Processed);
        assert!(folded > 5, "{fault:?}: {folded} batches folded while a transaction was under way");
        assert_eq!(steps.while_under_way(ProtocolStep::Flushing), 0, "{fault:?}: a store was written meanwhile");
    }
}

#[test]
fn a_fenced_worker_stops_and_its_successor_goes_on() {
    let expected = undisturbed();
    for operation in [Operation::Produce, Operation::SendOffsets, Operation::Commit, Operation::Poll] {
        let client = if operation == Operation::Poll { "app/a" } else { "app-a" };
        let mut cluster = Cluster::new();
        cluster.log.inject(FaultPlan::seeded(1).at_client(client, operation, 3, Fault::Fenced)).unwrap();
        cluster.start("a", NoFailPoints);
        let mut fenced = 0;
        story(&mut cluster, |cluster, _| {
            for _ in 0..40 {
                for (name, error) in cluster.turn().1 {
                    let named = match operation {
                        Operation::Poll => matches!(error, RuntimeError::Displaced { .. }),
                        _ => matches!(error, RuntimeError::Log(LogError::Fenced { .. })),
                    };
                    assert!(named, "{operation:?}: {error}");
                    fenced += 1;
                    cluster.start(name, NoFailPoints);
                }
            }
        });
        assert_eq!(fenced, 1, "{operation:?}");
        check(&cluster, &expected, &format!("{operation:?}"));
    }
}

/// Counts pauses and resumes, and the most records handed out before anything was resumed.
#[derive(Clone, Default)]
struct Counts {
    paused: Arc<AtomicU64>,
    resumed: Arc<AtomicU64>,
    delivered: Arc<AtomicU64>,
}

struct Spy(MemoryLog, Counts);

struct SpyConsumer(Box<dyn LogConsumer>, Counts);

impl Log for Spy {
    fn consumer(&self, group: &str, instance: &str) -> Result<Box<dyn LogConsumer>, LogError> {
        Ok(Box::new(SpyConsumer(self.0.consumer(group, instance)?, self.1.clone())))
    }

    fn producer(&self, transactional_id: &str) -> Result<Box<dyn TransactionalLog>, LogError> {
        self.0.producer(transactional_id)
    }

    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        self.0.reader()
    }
}

impl LogConsumer for SpyConsumer {
    fn subscribe(&mut self, topics: &[&str]) -> Result<(), LogError> {
        self.0.subscribe(topics)
    }

    fn poll(&mut self, max_records: usize, max_wait: Duration) -> Result<Polled<'_>, LogError> {
        let delivered = self.1.delivered.clone();
        Ok(match self.0.poll(max_records, max_wait)? {
            Polled::Records(batch) => Polled::Records(Box::new(batch.inspect(move |_| {
                delivered.fetch_add(1, Ordering::Relaxed);
            }))),
            other => other,
        })
    }

    fn complete_revoke(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.0.complete_revoke(partitions)
    }

    fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<(), LogError> {
        self.0.seek(partition, offset)
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.1.paused.fetch_add(1, Ordering::Relaxed);
        self.0.pause(partitions)
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError> {
        self.1.resumed.fetch_add(1, Ordering::Relaxed);
        self.0.resume(partitions)
    }

    fn committed(&mut self, partitions: &[TopicPartition], max_wait: Duration) -> Result<Offsets, LogError> {
        self.0.committed(partitions, max_wait)
    }

    fn group_metadata(&self) -> Result<GroupMetadata, LogError> {
        self.0.group_metadata()
    }

    fn close(&mut self, keep_membership: bool) -> Result<(), LogError> {
        self.0.close(keep_membership)
    }
}

#[test]
fn a_partition_that_waits_is_paused_and_goes_on_when_it_can() {
    let mut cluster = Cluster::new();
    cluster.backlog_records = 5;
    let counts = Counts::default();
    let spy = Arc::new(Spy(cluster.log.clone(), counts.clone()));
    cluster.start_on(spy, "a", NoFailPoints);
    let lines: Vec<String> = (0..200).map(|i| format!("e k {}", i / 2)).collect();
    cluster.publish(0, &lines);
    cluster.settle();
    let delivered = counts.delivered.load(Ordering::Relaxed);
    assert!(delivered <= 5 + 3, "{delivered} records taken into memory while the first epoch is awaited");
    assert_eq!(counts.paused.load(Ordering::Relaxed), 1);
    cluster.publish(1, &["w 200".to_owned()]);
    cluster.settle();
    assert!(counts.resumed.load(Ordering::Relaxed) >= 1);
    assert_eq!(cluster.outputs().iter().filter(|line| line.contains("counted")).count(), 200);
}

/// Asserts invariant I13: the original bytes, and where they came from.
#[test]
fn a_refused_record_keeps_its_bytes_and_says_where_it_was() {
    let mut cluster = Cluster::new();
    cluster.start("a", NoFailPoints);
    cluster.publish(1, &["refused \u{0}\u{7f}".to_owned()]);
    cluster.settle();
    let mut seen = Vec::new();
    let at = TopicPartition::new("dead", 0);
    let visit = &mut |record: processor::ports::RecordView<'_>| {
        let headers =
            record.headers.iter().map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned()));
        seen.push((record.value.map(<[u8]>::to_vec), headers.collect::<std::collections::BTreeMap<_, _>>()));
    };
    cluster.log.records(&at, Isolation::ReadCommitted, visit).unwrap();
    let (value, headers) = &seen[0];
    assert_eq!(value.as_deref(), Some(&b"refused \0\x7f"[..]));
    let header = |name: &str| headers[name].as_str();
    assert_eq!([header("topic"), header("partition"), header("offset"), header("stage")], ["in", "1", "0", "counter"]);
    assert_eq!(header("error_class"), "malformed");
}

/// Asserts invariant I13 where the topic cannot take the bytes: the record is named, nothing blocks.
#[test]
fn a_refused_record_too_large_for_the_dead_letters_is_named_without_its_bytes() {
    let mut cluster = Cluster::new();
    cluster.start("a", NoFailPoints);
    cluster.publish(1, &["x".repeat(schemas::topics::MAX_DEAD_LETTER_BYTES + 1), "refused".to_owned()]);
    cluster.settle();
    let mut seen = Vec::new();
    let visit = &mut |record: processor::ports::RecordView<'_>| {
        let omitted = record.headers.iter().find(|(name, _)| name == schemas::headers::DEAD_LETTER_OMITTED_BYTES);
        seen.push((record.value.map(<[u8]>::len), omitted.map(|(_, size)| String::from_utf8_lossy(size).into_owned())));
    };
    cluster.log.records(&TopicPartition::new("dead", 0), Isolation::ReadCommitted, visit).unwrap();
    assert_eq!(seen, [(None, Some("16777217".to_owned())), (Some(7), None)]);
}
