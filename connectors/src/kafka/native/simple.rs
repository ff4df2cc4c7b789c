//! Reads single partitions outside of any group: each has a queue of its own, so that reading one
//! never has to pass over the records of another.

use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::time::Duration;

use processor::ports::TopicPartition;
use rdkafka::ClientConfig;
use rdkafka::bindings as ffi;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;

use super::batch::Batch;
use super::{Failure, c_string, milliseconds};
use crate::kafka::context::Context;

/// A client without a group. In the order in which they have to be dropped.
pub(in crate::kafka) struct Simple {
    batch: Batch,
    started: BTreeMap<TopicPartition, Topic>,
    client: BaseConsumer<Context>,
}

/// A handle that librdkafka counts: partitions of one topic have each their own.
struct Topic(NonNull<ffi::rd_kafka_topic_t>);

// SAFETY: librdkafka's handles may be used from any thread.
unsafe impl Send for Topic {}

impl Topic {
    fn ptr(&self) -> *mut ffi::rd_kafka_topic_t {
        self.0.as_ptr()
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: owned, and dropped once.
        unsafe { ffi::rd_kafka_topic_destroy(self.ptr()) };
    }
}

impl Simple {
    pub(in crate::kafka) fn open(config: &ClientConfig, context: Context) -> KafkaResult<Self> {
        let client = BaseConsumer::from_config_and_context(config, context)?;
        Ok(Self { batch: Batch::default(), started: BTreeMap::new(), client })
    }

    pub(in crate::kafka) fn client(&self) -> &BaseConsumer<Context> {
        &self.client
    }

    /// Begins to fetch. One that is being read already has to be sought.
    pub(in crate::kafka) fn start(&mut self, at: &TopicPartition, offset: i64) -> Result<(), Failure> {
        let name = c_string(&at.topic)?;
        let rk = self.client.client().native_ptr();
        // SAFETY: the client is alive; no settings means its own.
        let topic = unsafe { ffi::rd_kafka_topic_new(rk, name.as_ptr(), std::ptr::null_mut()) };
        // SAFETY: reads what the call before left for this thread.
        let last = || Failure::of_code(unsafe { ffi::rd_kafka_last_error() });
        let topic = NonNull::new(topic).map(Topic).ok_or_else(last)?;
        // SAFETY: the handle is alive.
        if unsafe { ffi::rd_kafka_consume_start(topic.ptr(), at.partition, offset) } != 0 {
            return Err(last());
        }
        self.started.insert(at.clone(), topic);
        Ok(())
    }

    /// Goes on at another offset; what was fetched before is dropped.
    pub(in crate::kafka) fn seek(&self, at: &TopicPartition, offset: i64, wait: Duration) -> Result<(), Failure> {
        let Some(topic) = self.started.get(at) else { return Ok(()) };
        // SAFETY: the handle is alive.
        match unsafe { ffi::rd_kafka_seek(topic.ptr(), at.partition, offset, milliseconds(wait)) } {
            ffi::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            code => Err(Failure::of_code(code)),
        }
    }

    pub(in crate::kafka) fn stop(&mut self, at: &TopicPartition) {
        if let Some(topic) = self.started.remove(at) {
            // SAFETY: the handle is alive until after the call.
            unsafe { ffi::rd_kafka_consume_stop(topic.ptr(), at.partition) };
        }
    }

    /// Waits for records of this partition. The batch before is freed.
    pub(in crate::kafka) fn receive(&mut self, at: &TopicPartition, max: usize, wait: Duration) {
        self.batch.clear();
        let Some(topic) = self.started.get(at) else { return };
        // SAFETY: the handle is alive; librdkafka writes as many messages as it says, and gives them away.
        unsafe {
            self.batch.fill(max, wait, |room, count, wait_ms| {
                ffi::rd_kafka_consume_batch(topic.ptr(), at.partition, wait_ms, room, count)
            });
        }
    }

    /// What was received last.
    pub(in crate::kafka) fn batch(&self) -> &Batch {
        &self.batch
    }
}

impl Drop for Simple {
    fn drop(&mut self) {
        while let Some((at, topic)) = self.started.pop_first() {
            // SAFETY: the handle is alive until after the call.
            unsafe { ffi::rd_kafka_consume_stop(topic.ptr(), at.partition) };
        }
    }
}
