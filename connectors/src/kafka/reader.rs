//! Reads partitions outside of any group: changelogs and broadcast topics.
//!
//! One client an isolation level, opened when it is first needed; each partition that is read keeps
//! its queue and its position, so that reading on costs no request. One that is not read any more is
//! dropped after a while. It must never pass over records: an offset that is not there is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use processor::ports::{Extent, Isolation, LogError, LogReader, RecordView, TopicPartition};
use rdkafka::Offset;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::config::Role;
use super::context::Context;
use super::error::{failure, fatal, of_call, partition_error, retriable, unknown_topic};
use super::log::{KafkaLog, isolation_name, not_opened};
use super::native::{self, Failure, Item, ListedOffsets, Simple};

/// A partition that was not read in so many reads of others is dropped.
const IDLE_READS: u64 = 4096;
/// Each one may hold fetched records.
const MAX_PARTITIONS: usize = 64;
const SEEK_WAIT: Duration = Duration::from_secs(1);
/// Errors and logs that may wait behind a call that failed.
const MAX_EVENTS: usize = 32;

pub(super) struct KafkaReader {
    log: KafkaLog,
    /// Questions have their own connections: a broker answers one request of a connection after the
    /// other, and each would wait for the fetch before it.
    asking: BaseConsumer<Context>,
    sides: BTreeMap<&'static str, Side>,
}

/// The reader of one isolation level.
struct Side {
    client: Simple,
    read: BTreeMap<TopicPartition, Position>,
    reads: u64,
}

struct Position {
    next: i64,
    last_read: u64,
    /// The partition has answered.
    known: bool,
    /// An error came behind records: reading on begins anew, and meets it again.
    failed: bool,
}

impl KafkaReader {
    pub(super) fn open(log: &KafkaLog) -> Result<Self, LogError> {
        let mut reader = Self { log: log.clone(), asking: asking(log)?, sides: BTreeMap::new() };
        reader.side(Isolation::ReadCommitted)?;
        Ok(reader)
    }

    /// The extents, and whether an answer was about leaders of before.
    fn ask_extents(&self, partitions: &[TopicPartition], max_wait: Duration) -> (Result<Vec<Extent>, LogError>, bool) {
        const OPERATION: &str = "extent";
        let client = &self.asking;
        let questions = [
            (Offset::Beginning, Isolation::ReadUncommitted),
            (Offset::End, Isolation::ReadUncommitted),
            (Offset::End, Isolation::ReadCommitted),
        ];
        let answers = match native::list_offsets(client.client(), partitions, &questions, max_wait) {
            Ok(answers) => answers,
            Err(failure) => {
                let outdated = is_outdated(&failure);
                return (Err(extents_failed(client, partitions, &failure, max_wait)), outdated);
            }
        };
        client.context().all_is_well();
        let failures = answers.iter().flat_map(|answer| answer.values().filter_map(|offset| offset.as_ref().err()));
        let outdated = failures.into_iter().any(is_outdated);
        let find = |answer: &ListedOffsets, at: &TopicPartition| match answer.get(at) {
            Some(Ok(offset)) if *offset >= 0 => Ok(*offset),
            // A broker that has just come back may answer without an error and without an offset.
            Some(Ok(_)) => Err(retriable(OPERATION, format!("no offset of {}-{} yet", at.topic, at.partition))),
            Some(Err(failure)) => Err(call_failed(OPERATION, &at.topic, failure, client)),
            None => Err(retriable(OPERATION, format!("no answer for {}-{}", at.topic, at.partition))),
        };
        let extent = |at: &TopicPartition| {
            let (start, end) = (find(&answers[0], at)?, find(&answers[1], at)?);
            // Three requests: what came between them counts for none.
            Ok(Extent { start, end, stable: find(&answers[2], at)?.min(end) })
        };
        (partitions.iter().map(extent).collect(), outdated)
    }

    fn side(&mut self, isolation: Isolation) -> Result<&mut Side, LogError> {
        let name = isolation_name(isolation);
        if !self.sides.contains_key(name) {
            let settings = self.log.settings(Role::Reader(isolation));
            let context = self.log.context(format!("reader of {name} records"), false);
            let client = Simple::open(&settings, context)
                .map_err(|error| not_opened(&format!("the reader of {name} records"), &error))?;
            self.sides.insert(name, Side { client, read: BTreeMap::new(), reads: 0 });
        }
        self.sides.get_mut(name).ok_or_else(|| fatal("open", "no reader"))
    }
}

/// The client of the reader's questions.
fn asking(log: &KafkaLog) -> Result<BaseConsumer<Context>, LogError> {
    let context = log.context("reader's questions".to_owned(), false);
    BaseConsumer::from_config_and_context(&log.settings(Role::Admin), context)
        .map_err(|error| not_opened("the reader's questions", &error))
}

/// Whoever was asked does not lead any more, or leads anew.
fn is_outdated(failure: &Failure) -> bool {
    matches!(failure.code, RDKafkaErrorCode::FencedLeaderEpoch | RDKafkaErrorCode::NotLeaderForPartition)
}

/// A request that is not about reading failed; what is behind it may wait to be served.
pub(super) fn call_failed(
    operation: &'static str,
    about: &str,
    failure: &Failure,
    client: &BaseConsumer<Context>,
) -> LogError {
    for _ in 0..MAX_EVENTS {
        client.poll(Duration::ZERO);
    }
    of_call(operation, about, failure, client.context())
}

/// Number of partitions, and on how many brokers each is.
pub(super) fn topic_shape(
    operation: &'static str,
    client: &BaseConsumer<Context>,
    topic: &str,
    max_wait: Duration,
) -> Result<(i32, i32), LogError> {
    let metadata = client
        .fetch_metadata(Some(topic), max_wait)
        .map_err(|error| call_failed(operation, topic, &failure(&error), client))?;
    client.context().all_is_well();
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Err(unknown_topic(operation, topic));
    };
    if let Some(code) = found.error() {
        let error = KafkaError::MetadataFetch(code.into());
        return Err(call_failed(operation, topic, &failure(&error), client));
    }
    let replicas = found.partitions().iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
    Ok((found.partitions().len() as i32, replicas as i32))
}

/// librdkafka does not tell a partition without leader, which passes, from one that does not exist.
fn extents_failed(
    client: &BaseConsumer<Context>,
    partitions: &[TopicPartition],
    failure: &Failure,
    max_wait: Duration,
) -> LogError {
    const OPERATION: &str = "extent";
    let topics: BTreeSet<&str> = partitions.iter().map(|at| at.topic.as_str()).collect();
    let about = topics.iter().copied().collect::<Vec<_>>().join(", ");
    if failure.code != RDKafkaErrorCode::NoEnt {
        return call_failed(OPERATION, &about, failure, client);
    }
    let missing = topics.iter().find_map(|topic| topic_shape(OPERATION, client, topic, max_wait).err());
    missing.unwrap_or_else(|| retriable(OPERATION, format!("{about}: {}", failure.text)))
}

impl Side {
    /// Makes sure that the next record that comes is the one at `offset` or after.
    fn position(&mut self, at: &TopicPartition, offset: i64) -> Result<(), Failure> {
        self.reads += 1;
        let reads = self.reads;
        let started = match self.read.get_mut(at) {
            Some(position) => {
                position.last_read = reads;
                if position.next == offset && !position.failed {
                    return Ok(());
                }
                self.client.seek(at, offset, SEEK_WAIT).is_ok()
            }
            None => false,
        };
        let known = started && self.read.get(at).is_some_and(|position| position.known);
        if !started {
            self.client.stop(at);
            self.client.start(at, offset)?;
        }
        self.read.insert(at.clone(), Position { next: offset, last_read: reads, known, failed: false });
        Ok(())
    }

    /// Hands out what was received and moves the position past it.
    fn take(&mut self, at: &TopicPartition, sink: &mut dyn FnMut(RecordView<'_>)) -> Result<i64, LogError> {
        const OPERATION: &str = "read";
        let Some(position) = self.read.get_mut(at) else { return Err(fatal(OPERATION, "not begun")) };
        position.known |= !self.client.batch().is_empty();
        let begun = position.next;
        for item in self.client.batch().items() {
            match item {
                Item::Record(record) if record.offset < position.next => {}
                Item::Record(record) => {
                    sink(record);
                    position.next = record.offset + 1;
                }
                Item::End { offset } => position.next = position.next.max(offset),
                Item::Failed { .. } if position.next > begun => {
                    position.failed = true;
                    break;
                }
                Item::Failed { offset, code, text, .. } => {
                    let context = self.client.client().context();
                    return Err(partition_error(OPERATION, at, offset, code, text, context));
                }
            }
        }
        Ok(position.next)
    }

    /// A partition that never answers may not exist: librdkafka waits for it to appear.
    fn check(&self, at: &TopicPartition, max_wait: Duration) -> Result<(), LogError> {
        const OPERATION: &str = "read";
        if self.read.get(at).is_none_or(|position| position.known) {
            return Ok(());
        }
        let (partitions, _) = topic_shape(OPERATION, self.client.client(), &at.topic, max_wait)?;
        if at.partition < partitions {
            return Ok(());
        }
        Err(fatal(OPERATION, format!("topic {} has {partitions} partitions, none is {}", at.topic, at.partition)))
    }

    fn forget(&mut self, at: &TopicPartition) {
        self.client.stop(at);
        self.read.remove(at);
    }

    /// Drops who was not read for long, and the one not read for longest when there are many.
    fn forget_idle(&mut self) {
        let oldest = self.read.iter().min_by_key(|(_, position)| position.last_read);
        let Some((at, position)) = oldest else { return };
        if self.read.len() > MAX_PARTITIONS || self.reads - position.last_read > IDLE_READS {
            let at = at.clone();
            self.forget(&at);
        }
    }
}

impl LogReader for KafkaReader {
    fn extent(&mut self, partition: &TopicPartition, max_wait: Duration) -> Result<Extent, LogError> {
        let extents = self.extents(std::slice::from_ref(partition), max_wait)?;
        extents.first().copied().ok_or_else(|| retriable("extent", format!("no answer for {}", partition.topic)))
    }

    fn extents(&mut self, partitions: &[TopicPartition], max_wait: Duration) -> Result<Vec<Extent>, LogError> {
        let (answered, outdated) = self.ask_extents(partitions, max_wait);
        if outdated {
            // librdkafka asks with the leaders of its cache and does not refresh it for such an answer: it would be
            // given the same one until the cache expires, a quarter of an hour later. A new client knows nothing yet.
            tracing::debug!("the leaders have changed; asking anew");
            self.asking = asking(&self.log)?;
        }
        answered
    }

    fn read(
        &mut self,
        partition: &TopicPartition,
        offset: i64,
        isolation: Isolation,
        max_records: usize,
        max_wait: Duration,
        sink: &mut dyn FnMut(RecordView<'_>),
    ) -> Result<i64, LogError> {
        const OPERATION: &str = "read";
        let side = self.side(isolation)?;
        side.position(partition, offset)
            .map_err(|failure| of_call(OPERATION, &partition.topic, &failure, side.client.client().context()))?;
        // Serves logs, errors and statistics.
        side.client.client().poll(Duration::ZERO);
        let mut next = Ok(offset);
        // The end may be said again when it was already known: that is no answer to a wait.
        for _ in 0..2 {
            side.client.receive(partition, max_records, max_wait);
            next = side.take(partition, sink);
            let same = next.as_ref().is_ok_and(|next| *next == offset);
            if max_wait.is_zero() || side.client.batch().is_empty() || !same {
                break;
            }
        }
        if next.as_ref().is_ok_and(|next| *next == offset) && !max_wait.is_zero() {
            next = side.check(partition, max_wait).map(|()| offset);
        }
        if next.is_err() {
            side.forget(partition);
        }
        side.forget_idle();
        next
    }

    fn fetch_ahead(&mut self, partition: &TopicPartition, offset: i64, isolation: Isolation) {
        let Ok(side) = self.side(isolation) else { return };
        if side.read.len() < MAX_PARTITIONS && side.position(partition, offset).is_err() {
            side.forget(partition);
        }
    }

    fn release(&mut self, partition: &TopicPartition) {
        self.sides.values_mut().for_each(|side| side.forget(partition));
    }

    fn partitions(&mut self, topic: &str, max_wait: Duration) -> Result<i32, LogError> {
        Ok(topic_shape("partitions", &self.asking, topic, max_wait)?.0)
    }

    fn topic_id(&mut self, topic: &str, max_wait: Duration) -> Result<String, LogError> {
        let client = &self.asking;
        native::topic_id(client.client(), topic, max_wait).map_err(|failure| match failure.code {
            RDKafkaErrorCode::InvalidTopic => unknown_topic("topic id", topic),
            _ => call_failed("topic id", topic, &failure, client),
        })
    }
}
