//! A transactional producer.
//!
//! Gathered records of one partition are handed to librdkafka many at a time (`native/outgoing`), at the latest
//! before the transaction's offsets or its commit.
//!
//! A thread of `rdkafka` takes delivery reports, of failures only; whatever fails is kept for the
//! next transaction call, which names it. Errors are classified in `error`, nowhere else.

use std::time::Duration;

use processor::ports::{GroupMetadata, LogError, Offsets, ProduceRecord, TransactionalLog};
use rdkafka::client::Client;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};

use super::bounded::{Bounded, Started};
use super::config::Role;
use super::context::Context;
use super::error::{failure, fatal, of_call, of_transaction, retriable};
use super::log::{KafkaLog, not_opened};
use super::native::{self, Failure, Halt, LARGEST, Outgoing, Plain};
use schemas::topics::Topic;

/// How long a full queue is given to drain before the caller is told.
const QUEUE_WAIT: Duration = Duration::from_millis(5);
const QUEUE_TRIES: u32 = 200;

const SEND_OFFSETS: &str = "send offsets";
const COMMIT: &str = "commit";

type Sending<'a> = BaseRecord<'a, [u8], [u8]>;

pub(super) struct KafkaProducer {
    log: KafkaLog,
    transactional_id: String,
    max_bytes: String,
    /// Goes before the client.
    outgoing: Outgoing,
    /// Between begin and the end of a transaction.
    in_transaction: bool,
    client: Bounded<ThreadedProducer<Context>>,
    /// A new client is there to abort what the one before it left.
    renewed: bool,
    /// What was begun and not answered yet.
    asked: Option<Asked>,
    /// The open transaction has its offsets.
    has_offsets: bool,
}

/// A transaction that ends while its owner goes on.
struct Asked {
    call: Started<Ended>,
    /// For the last look at it.
    max_wait: Duration,
}

/// The call that was made last, and what it came to.
struct Ended {
    operation: &'static str,
    result: Result<(), Failure>,
}

impl KafkaProducer {
    pub(super) fn open(log: &KafkaLog, transactional_id: &str) -> Result<Self, LogError> {
        let max_bytes = log.config().properties.get("message.max.bytes");
        Ok(Self {
            log: log.clone(),
            transactional_id: transactional_id.to_owned(),
            max_bytes: max_bytes.cloned().unwrap_or_else(|| Topic::LARGEST_MESSAGE_BYTES.to_string()),
            outgoing: Outgoing::default(),
            in_transaction: false,
            client: client(log, transactional_id)?,
            renewed: false,
            asked: None,
            has_offsets: false,
        })
    }

    /// After a record was refused the client's sequence numbers have a gap, and the next transaction
    /// would fail as well. A new client with the same id aborts what the old one left open.
    fn renew(&mut self, max_wait: Duration) -> Result<(), LogError> {
        if !self.renewed {
            self.outgoing = Outgoing::default();
            self.client = client(&self.log, &self.transactional_id)?;
            self.renewed = true;
        }
        self.init_transactions(max_wait)?;
        self.renewed = false;
        Ok(())
    }

    fn native(&self) -> &Client<Context> {
        self.client.client().client()
    }

    fn context(&self) -> &Context {
        self.native().context()
    }

    fn settle(&self, operation: &'static str, result: Result<(), Failure>) -> Result<(), LogError> {
        result.map_err(|failure| {
            let raised = self.native().fatal_error();
            of_transaction(operation, &failure, raised, self.context())
        })
    }

    fn settle_transaction(&self, operation: &'static str, result: KafkaResult<()>) -> Result<(), LogError> {
        self.settle(
            operation,
            result.map_err(|error| match &error {
                KafkaError::Transaction(flags) => Failure {
                    fatal: flags.is_fatal(),
                    retriable: flags.is_retriable(),
                    abort: flags.txn_requires_abort(),
                    ..failure(&error)
                },
                _ => failure(&error),
            }),
        )
    }

    /// One attempt; the record comes back when the queue is full.
    fn offer<'a>(&self, record: Sending<'a>) -> Result<Option<Sending<'a>>, KafkaError> {
        match self.client.client().send(record) {
            Ok(()) => Ok(None),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), record)) => Ok(Some(record)),
            Err((error, _)) => Err(error),
        }
    }

    /// One attempt after another while the client holds as much as it may.
    fn patiently<T>(
        &mut self,
        mut attempt: impl FnMut(&mut Self) -> Result<Option<T>, LogError>,
    ) -> Result<T, LogError> {
        for _ in 0..QUEUE_TRIES {
            if let Some(done) = attempt(self)? {
                return Ok(done);
            }
            // The thread that takes delivery reports, and the broker, make room.
            std::thread::park_timeout(QUEUE_WAIT);
        }
        Err(retriable("produce", self.context().why("the producer's queue is full")))
    }

    /// Makes what was gathered librdkafka's.
    fn hand_over(&mut self, part: impl Fn(&mut Outgoing) -> Result<(), Halt>) -> Result<(), LogError> {
        self.patiently(|producer| match part(&mut producer.outgoing) {
            Ok(()) => Ok(Some(())),
            Err(Halt::Full) => Ok(None),
            Err(Halt::Refused { topic, failure }) => Err(producer.refused(&topic, None, &failure)),
        })
    }

    /// Everything, before the transaction can end.
    fn hand_over_all(&mut self) -> Result<(), LogError> {
        self.hand_over(|outgoing| outgoing.hand_over(None))
    }

    fn take_in(&mut self, record: &Plain<'_>) -> Result<(), LogError> {
        let Plain { topic, partition, .. } = *record;
        if self.outgoing.is_due(topic, partition) {
            self.hand_over(|outgoing| outgoing.hand_over_partition(topic, partition))?;
        }
        let added = self.outgoing.add(self.client.client().client(), record);
        added.map_err(|failure| self.refused(topic, None, &failure))
    }

    fn send(&mut self, record: &ProduceRecord<'_>) -> Result<(), LogError> {
        // What came before it for the same partition goes before it.
        self.hand_over(|outgoing| outgoing.hand_over(Some(record.topic)))?;
        let mut offered = Some(to_send(record));
        self.patiently(|producer| {
            let Some(again) = offered.take() else { return Ok(Some(())) };
            offered = producer.offer(again).map_err(|error| {
                let size = record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
                producer.refused(record.topic, Some(size), &failure(&error))
            })?;
            Ok(offered.is_none().then_some(()))
        })
    }

    fn refused(&self, topic: &str, size: Option<usize>, failure: &Failure) -> LogError {
        const OPERATION: &str = "produce";
        if let Some(raised) = self.native().fatal_error() {
            return of_transaction(OPERATION, failure, Some(raised), self.context());
        }
        match failure.code {
            RDKafkaErrorCode::MessageSizeTooLarge => fatal(OPERATION, self.too_large(topic, size)),
            RDKafkaErrorCode::State => match self.context().undelivered() {
                Some(reason) => LogError::Abortable { operation: OPERATION, reason },
                None => fatal(OPERATION, format!("{} has no open transaction", self.transactional_id)),
            },
            _ => of_call(OPERATION, topic, failure, self.context()),
        }
    }

    fn too_large(&self, topic: &str, size: Option<usize>) -> String {
        let size = size.map_or_else(String::new, |size| format!(" of {size} bytes"));
        format!(
            "a record{size} for {topic} is larger than message.max.bytes = {}; raise it, and the topic's \
             max.message.bytes with it",
            self.max_bytes
        )
    }
}

impl TransactionalLog for KafkaProducer {
    fn init_transactions(&mut self, max_wait: Duration) -> Result<(), LogError> {
        const OPERATION: &str = "init transactions";
        let done = self.client.call(OPERATION, max_wait, move |client| client.init_transactions(max_wait))?;
        self.settle_transaction(OPERATION, done)?;
        self.context().all_is_well();
        Ok(())
    }

    fn begin(&mut self) -> Result<(), LogError> {
        self.context().forget_undelivered();
        self.outgoing.clear();
        self.has_offsets = false;
        self.settle_transaction("begin", self.client.client().begin_transaction())?;
        self.in_transaction = true;
        Ok(())
    }

    fn produce(&mut self, record: ProduceRecord<'_>) -> Result<(), LogError> {
        self.send(&record)
    }

    /// Records for a known partition wait until there are many of them, or the transaction ends.
    fn gather(&mut self, record: ProduceRecord<'_>) -> Result<(), LogError> {
        match plain(&record).filter(|_| self.in_transaction) {
            Some(plain) => self.take_in(&plain),
            None => self.send(&record),
        }
    }

    fn send_offsets(&mut self, offsets: &Offsets, group: &GroupMetadata, max_wait: Duration) -> Result<(), LogError> {
        self.hand_over_all()?;
        let (list, group) = (partition_list(offsets)?, group.clone());
        let send =
            move |client: &ThreadedProducer<Context>| native::send_offsets(client.client(), &list, &group, max_wait);
        let done = self.client.call(SEND_OFFSETS, max_wait, send)?;
        self.settle(SEND_OFFSETS, done)
    }

    fn commit(&mut self, max_wait: Duration) -> Result<(), LogError> {
        self.hand_over_all()?;
        let commit = move |client: &ThreadedProducer<Context>| native::commit(client.client(), max_wait);
        let done = self.client.call(COMMIT, max_wait, commit)?;
        self.settle(COMMIT, done)?;
        self.in_transaction = false;
        Ok(())
    }

    fn start_ending(&mut self, offsets: &Offsets, group: &GroupMetadata, max_wait: Duration) -> Result<(), LogError> {
        self.hand_over_all()?;
        let list = if self.has_offsets { None } else { Some(partition_list(offsets)?) };
        let group = group.clone();
        let end = move |producer: &ThreadedProducer<Context>| {
            let client = producer.client();
            if let Some(Err(failure)) = list.map(|list| native::send_offsets(client, &list, &group, max_wait)) {
                return Ended { operation: SEND_OFFSETS, result: Err(failure) };
            }
            Ended { operation: COMMIT, result: native::commit(client, max_wait) }
        };
        self.asked = Some(Asked { call: self.client.start(COMMIT, 2 * max_wait, end)?, max_wait });
        Ok(())
    }

    fn answer(&mut self, max_wait: Duration) -> Result<Option<()>, LogError> {
        let Some(asked) = self.asked.take() else {
            return Err(fatal("answer", format!("{} was asked nothing", self.transactional_id)));
        };
        let Some(Ended { operation, result }) = self.client.answer(&asked.call, max_wait)? else {
            self.asked = Some(asked);
            return Ok(None);
        };
        self.has_offsets |= operation == COMMIT;
        self.settle(operation, result)?;
        self.in_transaction = false;
        Ok(Some(()))
    }

    fn abort(&mut self, max_wait: Duration) -> Result<(), LogError> {
        self.outgoing.clear();
        self.in_transaction = false;
        if self.renewed || self.context().undelivered().is_some() {
            return self.renew(max_wait);
        }
        let done = self.client.call("abort", max_wait, move |client| client.abort_transaction(max_wait))?;
        self.settle_transaction("abort", done)
    }
}

fn client(log: &KafkaLog, transactional_id: &str) -> Result<Bounded<ThreadedProducer<Context>>, LogError> {
    let settings = log.settings(Role::Producer { transactional_id });
    let context = log.context(format!("producer {transactional_id}"), false);
    let client = ThreadedProducer::from_config_and_context(&settings, context)
        .map_err(|error| not_opened(&format!("the producer {transactional_id}"), &error))?;
    Bounded::new(client)
}

/// Waits for what is under way, so that a client that does not come back is known as one before it is destroyed.
impl Drop for KafkaProducer {
    fn drop(&mut self) {
        if let Some(Asked { call, max_wait }) = self.asked.take() {
            while matches!(self.client.answer(&call, max_wait), Ok(None)) {}
        }
    }
}

fn partition_list(offsets: &Offsets) -> Result<TopicPartitionList, LogError> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (at, offset) in offsets {
        list.add_partition_offset(&at.topic, at.partition, Offset::Offset(*offset))
            .map_err(|error| fatal(SEND_OFFSETS, format!("{}-{}: {error}", at.topic, at.partition)))?;
    }
    Ok(list)
}

/// A record that can be gathered with others.
fn plain<'a>(record: &ProduceRecord<'a>) -> Option<Plain<'a>> {
    let size = record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
    let fits = size <= LARGEST && record.headers.is_empty() && record.timestamp_ms.is_none();
    let partition = record.partition.filter(|_| fits)?;
    Some(Plain { topic: record.topic, partition, key: record.key, value: record.value })
}

fn to_send<'a>(record: &ProduceRecord<'a>) -> Sending<'a> {
    let headers = (!record.headers.is_empty()).then(|| {
        let empty = OwnedHeaders::new_with_capacity(record.headers.len());
        record.headers.iter().fold(empty, |headers, &(key, value)| headers.insert(Header { key, value: Some(value) }))
    });
    BaseRecord {
        topic: record.topic,
        partition: record.partition,
        payload: record.value,
        key: record.key,
        timestamp: record.timestamp_ms,
        headers,
        delivery_opaque: (),
    }
}
