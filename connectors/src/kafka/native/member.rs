//! A group member with one queue for the records of all its partitions.
//!
//! librdkafka tells of rebalances on another queue; whenever something comes there, a wait for
//! records ends, so that neither waits for the other.

use std::sync::Arc;
use std::time::Duration;

use processor::ports::TopicPartition;
use rdkafka::bindings as ffi;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use rdkafka::{ClientConfig, TopicPartitionList};

use super::batch::Batch;
use super::{Failure, Queue, c_string, text};
use crate::kafka::context::Context;

/// In the order in which they have to be dropped.
pub(in crate::kafka) struct Member {
    batch: Batch,
    records: Arc<Queue>,
    events: Queue,
    client: BaseConsumer<Context>,
}

/// What the group knows this member by.
pub(in crate::kafka) struct Proof {
    pub(in crate::kafka) member: String,
    pub(in crate::kafka) generation: i32,
}

impl Member {
    pub(in crate::kafka) fn open(config: &ClientConfig, context: Context) -> KafkaResult<Self> {
        let mut client = BaseConsumer::from_config_and_context(config, context)?;
        let rk = client.client().native_ptr();
        let missing = |_| rdkafka::error::KafkaError::ClientCreation("librdkafka gave no queue".to_owned());
        // SAFETY: the client is alive; the queue is new and goes before it does.
        let records = Arc::new(unsafe { Queue::own(ffi::rd_kafka_queue_new(rk)) }.map_err(missing)?);
        // SAFETY: as above.
        let events = unsafe { Queue::own(ffi::rd_kafka_queue_get_consumer(rk)) }.map_err(missing)?;
        let waiting = Arc::clone(&records);
        client.set_nonempty_callback(move || {
            // SAFETY: the queue is owned by this closure too, and the closure goes before the client.
            unsafe { ffi::rd_kafka_queue_yield(waiting.ptr()) }
        });
        Ok(Self { batch: Batch::default(), records, events, client })
    }

    pub(in crate::kafka) fn client(&self) -> &BaseConsumer<Context> {
        &self.client
    }

    /// Whether there are rebalances, errors or logs to be served by the client's `poll`.
    pub(in crate::kafka) fn has_events(&self) -> bool {
        // SAFETY: the queue is alive.
        unsafe { ffi::rd_kafka_queue_length(self.events.ptr()) > 0 }
    }

    /// From now on the records of this partition come with those of the others.
    pub(in crate::kafka) fn take_in(&self, at: &TopicPartition) -> Result<(), Failure> {
        let topic = c_string(&at.topic)?;
        let rk = self.client.client().native_ptr();
        // SAFETY: the client is alive, and the handle is dropped below.
        let queue = unsafe { Queue::own(ffi::rd_kafka_queue_get_partition(rk, topic.as_ptr(), at.partition)) }?;
        // SAFETY: both are alive; librdkafka keeps what it forwards to.
        unsafe { ffi::rd_kafka_queue_forward(queue.ptr(), self.records.ptr()) };
        Ok(())
    }

    /// Waits for records, or until there are events. The batch before is freed.
    pub(in crate::kafka) fn receive(&mut self, max: usize, wait: Duration) {
        let queue = self.records.ptr();
        // SAFETY: the queue is alive; librdkafka writes as many messages as it says, and gives them away.
        unsafe {
            self.batch
                .fill(max, wait, |room, count, wait_ms| ffi::rd_kafka_consume_batch_queue(queue, wait_ms, room, count));
        }
    }

    /// What was received last.
    pub(in crate::kafka) fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Where the partition is read on: past what was received, markers included. `None` before the first.
    pub(in crate::kafka) fn position(&self, at: &TopicPartition) -> Option<i64> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition(&at.topic, at.partition);
        // SAFETY: client and list are alive.
        let code = unsafe { ffi::rd_kafka_position(self.client.client().native_ptr(), list.ptr()) };
        let known = code == ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        let offset = list.elements().first().and_then(|element| element.offset().to_raw());
        offset.filter(|offset| known && *offset >= 0)
    }

    /// `None` while it is no member.
    pub(in crate::kafka) fn proof(&self) -> Result<Option<Proof>, Failure> {
        // SAFETY: the client is alive; the metadata are a copy, destroyed below.
        let metadata = unsafe { ffi::rd_kafka_consumer_group_metadata(self.client.client().native_ptr()) };
        if metadata.is_null() {
            return Err(Failure::new(RDKafkaErrorCode::UnknownGroup, "the client has no group"));
        }
        // SAFETY: the metadata are alive, and their strings with them.
        let proof = unsafe {
            Proof {
                member: text(ffi::rd_kafka_consumer_group_metadata_member_id(metadata)),
                generation: ffi::rd_kafka_consumer_group_metadata_generation_id(metadata),
            }
        };
        // SAFETY: owned, and not used again.
        unsafe { ffi::rd_kafka_consumer_group_metadata_destroy(metadata) };
        Ok((!proof.member.is_empty() && proof.generation >= 0).then_some(proof))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Drops the closure that holds the queue: it must not outlive the client.
        self.client.set_nonempty_callback(|| {});
    }
}
