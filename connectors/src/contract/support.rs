//! How promises are checked: opening clients, transacting, reading, and waiting without a clock.

use std::collections::BTreeSet;
use std::time::Duration;

use processor::ports::{
    Extent, GroupMetadata, Isolation, LogConsumer, LogError, LogReader, Offsets, Polled, ProduceRecord, RecordView,
    TopicPartition, TransactionalLog,
};

use super::LogUnderTest;
use schemas::topics::Cleanup;

/// A record as a reader saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) partition: TopicPartition,
    pub(super) offset: i64,
    pub(super) timestamp_ms: i64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
}

impl Seen {
    fn new(view: RecordView<'_>) -> Self {
        Self {
            partition: TopicPartition::new(view.topic, view.partition),
            offset: view.offset,
            timestamp_ms: view.timestamp_ms,
            key: view.key.map(<[u8]>::to_vec),
            value: view.value.map(<[u8]>::to_vec),
            headers: view.headers.to_vec(),
        }
    }

    /// The value as text; `-` for a tombstone.
    pub(super) fn text(&self) -> String {
        self.value.as_ref().map_or_else(|| "-".to_owned(), |value| String::from_utf8_lossy(value).into_owned())
    }
}

pub(super) fn texts(seen: &[Seen]) -> Vec<String> {
    seen.iter().map(Seen::text).collect()
}

/// One promise being checked on one log, with names that nobody else uses.
pub(super) struct Scene<'a> {
    pub(super) log: &'a dyn LogUnderTest,
    promise: &'static str,
}

impl<'a> Scene<'a> {
    pub(super) fn new(log: &'a dyn LogUnderTest, promise: &'static str) -> Self {
        Self { log, promise }
    }

    /// A name of this promise in this run.
    pub(super) fn name(&self, name: &str) -> String {
        format!("{}.{}.{name}", self.log.run(), self.promise)
    }

    pub(super) fn topic(&self, name: &str, partitions: i32, cleanup: Cleanup) -> String {
        let name = self.name(name);
        self.log.create_topic(&name, partitions, cleanup);
        name
    }

    /// A topic of one partition that keeps its records.
    pub(super) fn partition(&self, name: &str) -> TopicPartition {
        TopicPartition::new(self.topic(name, 1, Cleanup::Delete), 0)
    }

    pub(super) fn producer(&self, id: &str) -> Producer<'_> {
        let log = self.log.log();
        let client = log.producer(&self.name(id)).expect("a producer opens");
        let mut producer = Producer { scene: self, client };
        self.retry("init_transactions", |wait| producer.client.init_transactions(wait));
        producer
    }

    pub(super) fn reader(&self) -> Box<dyn LogReader> {
        self.log.log().reader().expect("a reader opens")
    }

    pub(super) fn member(&self, group: &str, instance: &str, topic: &str) -> Member<'_> {
        let mut client = self.log.log().consumer(&self.name(group), instance).expect("a consumer opens");
        client.subscribe(&[topic]).expect("a consumer subscribes");
        Member { scene: self, client, owned: BTreeSet::new(), lost: BTreeSet::new(), seen: Vec::new(), begin: true }
    }

    /// Calls again while the answer is retriable, as long as patience lasts.
    pub(super) fn retry<T>(&self, what: &str, mut call: impl FnMut(Duration) -> Result<T, LogError>) -> T {
        self.eventually(what, |wait| match call(wait) {
            Ok(value) => Some(value),
            Err(LogError::Retriable { .. }) => None,
            Err(error) => panic!("{}: {what}: {error}", self.promise),
        })
    }

    /// Tries until there is an answer. Each try is given how long it may wait, and waits that long
    /// if it has nothing: that is what bounds this loop, there being no clock.
    pub(super) fn eventually<T>(&self, what: &str, mut attempt: impl FnMut(Duration) -> Option<T>) -> T {
        let step = self.log.quiet();
        let tries = self.log.patience().as_millis() / step.as_millis().max(1) + 2;
        for _ in 0..tries {
            if let Some(value) = attempt(step) {
                return value;
            }
        }
        panic!("{}: {what}: not within {:?}", self.promise, self.log.patience());
    }

    pub(super) fn extent(&self, at: &TopicPartition) -> Extent {
        let mut reader = self.reader();
        self.retry("extent", |wait| reader.extent(at, wait))
    }

    /// What there is to read now, from the start on.
    pub(super) fn read(&self, at: &TopicPartition, isolation: Isolation) -> Vec<Seen> {
        let mut reader = self.reader();
        let mut seen = Vec::new();
        let mut offset = self.extent(at).start;
        loop {
            let next = self.retry("read", |wait| {
                reader.read(at, offset, isolation, 100, wait, &mut |view| seen.push(Seen::new(view)))
            });
            if next == offset {
                return seen;
            }
            offset = next;
        }
    }

    /// Waits until the values that committed readers see are these.
    pub(super) fn sees(&self, at: &TopicPartition, values: &[&str]) -> Vec<Seen> {
        let mut last = Vec::new();
        for _ in 0..self.log.patience().as_millis() / self.log.quiet().as_millis().max(1) + 2 {
            let seen = self.read(at, Isolation::ReadCommitted);
            if texts(&seen) == values {
                return seen;
            }
            last = seen;
        }
        panic!("{}: committed readers see {:?}, not {values:?}", self.promise, texts(&last));
    }

    /// Waits until nothing in the partition is undecided.
    pub(super) fn settles(&self, at: &TopicPartition) -> Extent {
        let mut reader = self.reader();
        self.eventually("the last stable offset reaches the end", |wait| {
            let extent = self.extent(at);
            if extent.stable == extent.end {
                return Some(extent);
            }
            let _ = reader.read(at, extent.stable, Isolation::ReadCommitted, 1, wait, &mut |_| {});
            None
        })
    }
}

/// A transactional producer whose calls are retried.
pub(super) struct Producer<'a> {
    scene: &'a Scene<'a>,
    pub(super) client: Box<dyn TransactionalLog>,
}

impl Producer<'_> {
    pub(super) fn begin(&mut self) {
        self.client.begin().expect("a transaction begins");
    }

    /// Sends text under a key; an empty key is none and the value `-` is a tombstone.
    pub(super) fn send(&mut self, at: &TopicPartition, key: &str, value: &str) {
        self.try_send(at, key, value).expect("a record is taken");
    }

    pub(super) fn try_send(&mut self, at: &TopicPartition, key: &str, value: &str) -> Result<(), LogError> {
        self.client.produce(record(at, key, value))
    }

    pub(super) fn gather(&mut self, at: &TopicPartition, key: &str, value: &str) {
        self.client.gather(record(at, key, value)).expect("a record is taken");
    }

    pub(super) fn commit(&mut self) {
        let Self { scene, client } = self;
        scene.retry("commit", |wait| client.commit(wait));
    }

    pub(super) fn abort(&mut self) {
        let Self { scene, client } = self;
        scene.retry("abort", |wait| client.abort(wait));
    }

    /// One transaction with these values, keyed by themselves.
    pub(super) fn transact(&mut self, at: &TopicPartition, values: &[&str]) {
        self.begin();
        for value in values {
            self.send(at, value, value);
        }
        self.commit();
    }

    pub(super) fn send_offsets(&mut self, offsets: &Offsets, group: &GroupMetadata) -> Result<(), LogError> {
        let Self { scene, client } = self;
        scene.eventually("send_offsets", |wait| match client.send_offsets(offsets, group, wait) {
            Err(LogError::Retriable { .. }) => None,
            answer => Some(answer),
        })
    }

    /// Has the log end the transaction, looks until it has, and says what came of it.
    pub(super) fn end(&mut self, offsets: &Offsets, group: &GroupMetadata) -> Result<(), LogError> {
        let Self { scene, client } = self;
        let mut started = false;
        scene.eventually("the end of a transaction", |wait| {
            let looks_at_once = !std::mem::replace(&mut started, true);
            if looks_at_once {
                client.start_ending(offsets, group, wait).expect("an end is begun");
            }
            match client.answer(if looks_at_once { Duration::ZERO } else { wait }) {
                Err(LogError::Retriable { .. }) => {
                    started = false;
                    None
                }
                answer => answer.transpose(),
            }
        })
    }

    /// Commits and returns the error that has to come of it.
    pub(super) fn commit_fails(&mut self) -> LogError {
        let Self { scene, client } = self;
        scene.eventually("an answer to commit", |wait| match client.commit(wait) {
            Err(LogError::Retriable { .. }) => None,
            Err(error) => Some(error),
            Ok(()) => panic!("a transaction committed that must not"),
        })
    }
}

/// Without a key where it is empty; a tombstone where the value is `-`.
fn record<'a>(at: &'a TopicPartition, key: &'a str, value: &'a str) -> ProduceRecord<'a> {
    ProduceRecord {
        topic: &at.topic,
        partition: Some(at.partition),
        key: (!key.is_empty()).then_some(key.as_bytes()),
        value: (value != "-").then_some(value.as_bytes()),
        headers: &[],
        timestamp_ms: None,
    }
}

/// A group member that follows the protocol by itself.
pub(super) struct Member<'a> {
    scene: &'a Scene<'a>,
    pub(super) client: Box<dyn LogConsumer>,
    pub(super) owned: BTreeSet<TopicPartition>,
    pub(super) lost: BTreeSet<TopicPartition>,
    pub(super) seen: Vec<Seen>,
    /// Whether assigned partitions are read at once, from their start.
    pub(super) begin: bool,
}

impl Member<'_> {
    /// One poll, and what has to be done about it. True when anything came.
    pub(super) fn step(&mut self, max_records: usize) -> bool {
        self.try_step(max_records).expect("a member polls")
    }

    pub(super) fn try_step(&mut self, max_records: usize) -> Result<bool, LogError> {
        let (mut assigned, mut revoking) = (Vec::new(), Vec::new());
        match self.client.poll(max_records, self.scene.log.quiet()) {
            Ok(Polled::Idle) | Err(LogError::Retriable { .. }) => return Ok(false),
            Ok(Polled::Records(records)) => self.seen.extend(records.map(Seen::new)),
            Ok(Polled::Assigned(partitions)) => assigned = partitions,
            Ok(Polled::Revoking(partitions)) => revoking = partitions,
            Ok(Polled::Lost(partitions)) => {
                self.owned.retain(|at| !partitions.contains(at));
                self.lost.extend(partitions);
            }
            Err(error) => return Err(error),
        }
        self.assigned(assigned);
        if !revoking.is_empty() {
            self.owned.retain(|at| !revoking.contains(at));
            self.client.complete_revoke(&revoking)?;
        }
        Ok(true)
    }

    fn assigned(&mut self, partitions: Vec<TopicPartition>) {
        for at in partitions {
            if self.begin {
                self.client.seek(&at, 0).expect("an assigned partition can be sought");
            }
            assert!(self.owned.insert(at.clone()), "{at:?} was assigned to a member that had it already");
        }
    }

    /// Polls until it owns this many partitions.
    pub(super) fn owns(&mut self, count: usize) {
        let scene = self.scene;
        scene.eventually("the assignment", |_| {
            self.step(1);
            (self.owned.len() == count).then_some(())
        });
    }

    /// Polls until these values were delivered, in this order over all partitions.
    pub(super) fn receives(&mut self, values: &[&str]) {
        let scene = self.scene;
        for _ in 0..values.len() + 2 {
            scene.eventually("records", |_| {
                self.step(100);
                (self.seen.len() >= values.len()).then_some(())
            });
        }
        assert_eq!(texts(&self.seen), values, "what a member received");
    }

    /// Polls for as long as silence has to last to be believed.
    pub(super) fn stays_silent(&mut self) {
        let before = self.seen.len();
        for _ in 0..3 {
            self.step(100);
        }
        assert_eq!(texts(&self.seen[before..]), [] as [&str; 0], "nothing was to be delivered");
    }

    pub(super) fn proof(&self) -> GroupMetadata {
        self.client.group_metadata().expect("a member has metadata")
    }
}

/// Polls all members in turn until they share the partitions as evenly as this; no partition may
/// ever be with two of them.
pub(super) fn share(scene: &Scene<'_>, members: &mut [&mut Member<'_>], counts: &[usize]) {
    scene.eventually("the partitions are shared", |_| {
        // The newest first, so that whoever takes before it was given up is seen.
        for nth in (0..members.len()).rev() {
            members[nth].step(1);
            for other in (0..members.len()).filter(|other| *other != nth) {
                let both: Vec<_> = members[nth].owned.intersection(&members[other].owned).collect();
                assert!(both.is_empty(), "{both:?} are with two members");
            }
        }
        let mut owned: Vec<usize> = members.iter().map(|member| member.owned.len()).collect();
        owned.sort_unstable();
        (owned == counts).then_some(())
    });
}
